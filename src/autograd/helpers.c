#include "helpers.h"

#include <facula/autograd.h>
#include <facula/autograd.h>
#include <facula/ops.h>

#include <string.h>

fac_tensor *fac__sum_to(fac_tensor *g, int ndim, const int64_t *sizes) {
    int64_t dims[FAC_MAX_DIMS];
    int n = 0, lead = g->ndim - ndim;
    for (int d = 0; d < g->ndim; d++)
        if (d < lead || (sizes[d - lead] == 1 && g->sizes[d] != 1))
            dims[n++] = d;
    if (n > 0)
        g = fac_sum(g, .dim = {dims, n, true}, .keepdim = true);
    if (lead > 0)
        g = fac_view(g, ((fac_ints){sizes, ndim, true}));
    return g;
}

fac_tensor *fac__to(fac_tensor *t, fac_dtype dtype) {
    return t->dtype == dtype ? t : fac__to_copy(t, .dtype = dtype);
}

fac_tensor *fac__conj_of(fac_tensor *t) {
    return t != NULL && fac__is_complex((fac_dtype)t->dtype) ? fac_conj(t) : t;
}

fac_value fac__conj_value(fac_value v) {
    if (v.tensor != NULL)
        v.tensor = fac__conj_of(v.tensor);
    else
        v.number = fac__conj_number(v.number);
    return v;
}

fac_scalar fac__conj_number(fac_scalar s) {
    if (s.kind == FAC_COMPLEX128)
        s.as.c.im = -s.as.c.im;
    return s;
}

/* Elements from the least to the greatest address of a geometry. */
static int64_t span(const fac_tensor *t, int64_t from) {
    int64_t last = t->offset - from;
    for (int d = 0; d < t->ndim; d++) {
        if (t->sizes[d] == 0)
            return 0;
        last += (t->sizes[d] - 1) * t->strides[d];
    }
    return last + 1;
}

fac_tensor *fac__as_strided_backward(fac_tensor *g, const fac_tensor *base,
                                     const fac_tensor *view) {
    int64_t from = base->offset < view->offset ? base->offset : view->offset;
    int64_t a = span(base, from), b = span(view, from), n = a > b ? a : b;
    fac_tensor *flat = fac_zeros(fac_dims(n), .dtype = (fac_dtype)g->dtype, .device = g->device);
    fac_ints sizes = {view->sizes, view->ndim, true}, strides = {view->strides, view->ndim, true};
    int64_t at = view->offset - from;
    if ((view->features & FAC__DENSE) && !fac_grad_mode()) {
        fac_tensor *t = fac_as_strided(flat, sizes, strides, .storage_offset = fac_some(at));
        if (fac__is_bad(fac_copy_(t, g)))
            return fac_bad;
    } else {
        fac_tensor *index = fac_arange_end(n, .device = g->device);
        index = fac_as_strided(index, sizes, strides, .storage_offset = fac_some(at));
        flat =
            fac_index_add(flat, 0, fac_reshape(index, fac_dims(-1)), fac_reshape(g, fac_dims(-1)));
    }
    bool shared = false; /* what several elements of base look at, they share */
    for (int i = 0; i < base->ndim; i++)
        shared = shared || (base->strides[i] == 0 && base->sizes[i] > 1);
    if (shared) {
        fac_tensor *index = fac_as_strided(fac_arange_end(n, .device = g->device),
                                           ((fac_ints){base->sizes, base->ndim, true}),
                                           ((fac_ints){base->strides, base->ndim, true}),
                                           .storage_offset = fac_some(base->offset - from));
        index = fac_reshape(index, fac_dims(-1));
        fac_tensor *ones = fac_ones_like(index, .dtype = fac__real_of((fac_dtype)g->dtype));
        fac_tensor *count =
            fac_zeros(fac_dims(n), .dtype = (fac_dtype)ones->dtype, .device = g->device);
        count = fac_index_add(count, 0, index, ones);
        flat = fac_div(flat, fac_clamp(count, .min = fac_value_of_int(1)));
    }
    fac_ints bsizes = {base->sizes, base->ndim, true}, bstrides = {base->strides, base->ndim, true};
    return fac_as_strided(flat, bsizes, bstrides, .storage_offset = fac_some(base->offset - from));
}
