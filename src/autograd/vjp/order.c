/* Gradients of ordering: g goes back to the places its elements came from. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

#include <string.h>

/* Zeros of `shape` with g at the places `index` along dim; no place is named twice. */
static fac_tensor *put_along(fac_tensor *g, const fac_tensor *shape, int64_t dim,
                             fac_tensor *index) {
    int n = shape->ndim;
    if (n == 0)
        return g;
    fac_tensor *at[FAC_MAX_DIMS];
    dim += dim < 0 ? n : 0;
    for (int d = 0; d < n; d++) {
        int64_t sizes[FAC_MAX_DIMS];
        for (int k = 0; k < n; k++)
            sizes[k] = k == d ? shape->sizes[d] : 1;
        at[d] =
            d == dim
                ? index
                : fac_view(fac_arange(0, shape->sizes[d], .dtype = FAC_INT64, .device = g->device),
                           ((fac_ints){sizes, n, true}));
    }
    fac_tensor *zeros =
        fac_zeros(fac__sizes_of(shape), .dtype = (fac_dtype)g->dtype, .device = g->device);
    return fac_index_put(zeros, ((fac_tensors){at, n}), g);
}

FAC__VJP(sort) {
    v->in[0] = put_along(g, a->input, a->dim, v->out[1]);
}

FAC__VJP(sort_stable) {
    v->in[0] = put_along(g, a->input, a->dim, v->out[1]);
}

FAC__VJP(topk) {
    v->in[0] = put_along(g, a->input, a->dim, v->out[1]);
}

/* One element a row was picked. */
static fac_tensor *put_picked(fac_tensor *g, const fac_tensor *shape, int64_t dim, bool keepdim,
                              fac_tensor *index) {
    if (!keepdim && shape->ndim > 0) {
        g = fac_unsqueeze(g, dim);
        index = fac_unsqueeze(index, dim);
    }
    return put_along(g, shape, dim, index);
}

FAC__VJP(kthvalue) {
    v->in[0] = put_picked(g, a->input, a->dim, a->keepdim, v->out[1]);
}

FAC__VJP(median_dim) {
    v->in[0] = put_picked(g, a->input, a->dim, a->keepdim, v->out[1]);
}

FAC__VJP(nanmedian_dim) {
    v->in[0] = put_picked(g, a->input, a->dim, a->keepdim, v->out[1]);
}

FAC__VJP(mode) {
    v->in[0] = put_picked(g, a->input, a->dim, a->keepdim, v->out[1]);
}

/* Elements equal to the median share its gradient. */
static fac_tensor *share(fac_tensor *g, fac_tensor *x, fac_tensor *result) {
    fac_tensor *same =
        fac_logical_or(fac_eq(x, result), fac_logical_and(fac_isnan(x), fac_isnan(result)));
    return fac_mul(same, fac_div(g, fac_sum(same)));
}

FAC__VJP(median) {
    v->in[0] = share(g, a->input, v->out[0]);
}

FAC__VJP(nanmedian) {
    v->in[0] = share(g, a->input, v->out[0]);
}
