/* Gradients of views, copies and creation. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <string.h>

FAC__VJP(as_strided) {
    fac_tensor view = {.ndim = a->size.n,
                       .sizes = (int64_t *)(uintptr_t)a->size.values,
                       .strides = (int64_t *)(uintptr_t)a->stride.values,
                       .offset =
                           a->storage_offset.given ? a->storage_offset.value : a->input->offset};
    view.features = 0; /* may overlap */
    v->in[0] = fac__as_strided_backward(g, a->input, &view);
}

FAC__VJP(view) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(_unsafe_view) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(permute) {
    int64_t back[FAC_MAX_DIMS];
    int n = a->dims.n;
    for (int i = 0; i < n; i++)
        back[a->dims.values[i] < 0 ? a->dims.values[i] + n : a->dims.values[i]] = i;
    v->in[0] = fac_permute(g, ((fac_ints){back, n, true}));
}

FAC__VJP(transpose) {
    v->in[0] = fac_transpose(g, a->dim0, a->dim1);
}

FAC__VJP(t) {
    (void)a;
    v->in[0] = fac_t(g);
}

FAC__VJP(expand) {
    v->in[0] = fac__sum_to(g, a->input->ndim, a->input->sizes);
}

FAC__VJP(select) {
    v->in[0] = fac_select_backward(g, fac__sizes_of(a->input), a->dim, a->index);
}

FAC__VJP(slice) {
    v->in[0] = fac_slice_backward(g, fac__sizes_of(a->input), a->dim, a->start, a->end, a->step);
}

FAC__VJP(squeeze) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(squeeze_dim) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(squeeze_dims) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(unsqueeze) {
    v->in[0] = fac_squeeze_dim(g, a->dim);
}

FAC__VJP(alias) {
    (void)a;
    v->in[0] = g;
}

FAC__VJP(clone) {
    (void)a;
    v->in[0] = g;
}

FAC__VJP(_to_copy) {
    v->in[0] = a->input->dtype == g->dtype
                   ? g
                   : fac__to(fac__is_complex((fac_dtype)g->dtype) &&
                                     !fac__is_complex((fac_dtype)a->input->dtype)
                                 ? fac_real(g)
                                 : g,
                             (fac_dtype)a->input->dtype);
}

FAC__VJP(copy) {
    if (fac__needs(v, 0))
        v->in[0] = fac_zeros_like(g);
    if (fac__needs(v, 1))
        v->in[1] = g;
    (void)a;
}

FAC__VJP(fill) {
    if (fac__needs(v, 0))
        v->in[0] = fac_zeros_like(g);
    if (fac__needs(v, 1))
        v->in[1] = fac_sum(g);
    (void)a;
}

FAC__VJP(zero) {
    (void)a;
    v->in[0] = fac_zeros_like(g);
}

FAC__VJP(_conj) {
    (void)a;
    v->in[0] = fac__conj_of(g);
}

FAC__VJP(conj_physical) {
    (void)a;
    v->in[0] = fac__conj_of(g);
}

FAC__VJP(_neg_view) {
    (void)a;
    v->in[0] = fac_mul(g, -1);
}

FAC__VJP(view_as_real) {
    (void)a;
    v->in[0] = fac_view_as_complex(fac_contiguous(g));
}

FAC__VJP(view_as_complex) {
    (void)a;
    v->in[0] = fac_view_as_real(fac_resolve_conj(g));
}

/* Samples don't depend on what was there before, nor, to autograd, on the distribution. */
void fac__vjp_random_fill(struct fac__vjp *v) {
    for (int i = 0; i < 2; i++)
        if (fac__needs(v, i))
            v->in[i] = fac_zeros_like(v->grad[0]);
}
