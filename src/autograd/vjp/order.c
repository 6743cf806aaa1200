/* Gradients of ordering: g goes back to the places its elements came from. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

/* Zeros of `shape` with g at the places `index` along dim; no place is named twice. */
static fac_tensor *put_along(fac_tensor *g, const fac_tensor *shape, int64_t dim,
                             fac_tensor *index) {
    fac_tensor *zeros =
        fac_zeros(fac__sizes_of(shape), .dtype = (fac_dtype)g->dtype, .device = g->device);
    return fac_scatter(zeros, dim, index, g);
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

/* PyTorch has none of these either. */
static void missing(struct fac__vjp *v, const char *name) {
    fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "the derivative for '%s' is not implemented.", name);
    v->in[0] = fac_bad;
}

FAC__VJP(_unique2) {
    (void)a, (void)g;
    missing(v, "_unique2");
}

FAC__VJP(unique_dim) {
    (void)a, (void)g;
    missing(v, "unique_dim");
}

FAC__VJP(unique_consecutive) {
    (void)a, (void)g;
    missing(v, "unique_consecutive");
}
