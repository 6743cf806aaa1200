/* Orders that are other orders' parts. */
#include "../rules/rules.h"

#include <facula/ops.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

COMPOSITE(argsort) {
    fac_tensor *r[2];
    fac_sort(fac_detach(a->input), r, .dim = fac_some(a->dim), .descending = a->descending);
    out[0] = r[1];
}

static fac_tensor *stable_sort(fac_tensor *input, bool stable, int64_t dim, bool descending,
                               int which) {
    fac_tensor *r[2];
    fac_sort_stable(input, stable ? FAC_TRUE : FAC_FALSE, r, .dim = fac_some(dim),
                    .descending = descending);
    return r[which];
}

COMPOSITE(argsort_stable) {
    out[0] = stable_sort(fac_detach(a->input), a->stable, a->dim, a->descending, 1);
}

COMPOSITE(msort) {
    out[0] = stable_sort(a->input, false, 0, false, 0);
}

/* Floats as float64: boundaries of that type must not see them rounded. */
static fac_tensor *number(fac_scalar s, fac_device device) {
    fac_dtype dtype = fac__is_float((fac_dtype)s.kind) ? FAC_FLOAT64 : FAC_DTYPE_NONE;
    return fac_full(FAC_NO_DIMS, s, .dtype = dtype, .device = device);
}

COMPOSITE(searchsorted_scalar) {
    fac_tensor *x = number(a->self_, a->sorted_sequence->device);
    out[0] = fac_searchsorted(a->sorted_sequence, x, .out_int32 = a->out_int32, .right = a->right,
                              .side = a->side, .sorter = a->sorter);
}

static fac_tensor *bucket(fac_tensor *input, fac_tensor *boundaries, bool narrow, bool right) {
    if (boundaries->ndim == 1)
        return fac_searchsorted(boundaries, input, .out_int32 = narrow, .right = right);
    fac__fail(FAC_ERROR_RUNTIME, "boundaries tensor must be 1 dimension, but got dim(%d)",
              boundaries->ndim);
    return fac_bad;
}

COMPOSITE(bucketize) {
    out[0] = bucket(a->input, a->boundaries, a->out_int32, a->right);
}

COMPOSITE(bucketize_scalar) {
    fac_tensor *x = number(a->self_, a->boundaries->device);
    out[0] = bucket(x, a->boundaries, a->out_int32, a->right);
}
