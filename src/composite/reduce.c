/* Reductions by way of others. */
#include "../rules/rules.h"

#include <facula/ops.h>

#include <math.h>
#include <string.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

COMPOSITE(max_other) {
    out[0] = fac_maximum(a->input, a->other);
}

COMPOSITE(min_other) {
    out[0] = fac_minimum(a->input, a->other);
}

#define MOMENT(op)                                                                                 \
    COMPOSITE(op##_dim) {                                                                          \
        out[0] = fac_##op(a->input, .dim = a->dim, .correction = fac_int(a->unbiased),             \
                          .keepdim = a->keepdim);                                                  \
    }                                                                                              \
    COMPOSITE(op##_all) {                                                                          \
        out[0] = fac_##op(a->input, .correction = fac_int(a->unbiased));                           \
    }                                                                                              \
    COMPOSITE(op##_mean_dim) {                                                                     \
        fac_##op##_mean(a->input, out, .dim = a->dim, .correction = fac_int(a->unbiased),          \
                        .keepdim = a->keepdim);                                                    \
    }                                                                                              \
    COMPOSITE(op##_mean_all) {                                                                     \
        fac_##op##_mean(a->input, out, .correction = fac_int(a->unbiased));                        \
    }
MOMENT(std)
MOMENT(var)

COMPOSITE(norm) {
    fac_scalar p = fac__given(a->p) ? a->p : fac_float(2);
    out[0] = fac_linalg_vector_norm(a->input, .ord = p, .dim = a->dim, .keepdim = a->keepdim,
                                    .dtype = a->dtype);
}

COMPOSITE(norm_str) {
    if (strcmp(a->p, "fro") == 0) {
        out[0] = fac_linalg_vector_norm(a->input, .dim = a->dim, .keepdim = a->keepdim,
                                        .dtype = a->dtype);
        return;
    }
    if (strcmp(a->p, "nuc") == 0)
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "norm(): the norm '%s' is not implemented", a->p);
    else
        fac__fail(FAC_ERROR_RUNTIME, "linalg.matrix_norm: Order %s not supported.", a->p);
    out[0] = fac_bad;
}

COMPOSITE(nanmean) {
    fac_tensor *x = a->input;
    if (!fac__is_float((fac_dtype)x->dtype) && !fac__is_complex((fac_dtype)x->dtype)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "nanmean(): expected input to have floating point or complex "
                  "dtype but got %s",
                  fac__scalar_type_name((fac_dtype)x->dtype));
        out[0] = fac_bad;
        return;
    }
    fac_tensor *count =
        fac_sum(fac_logical_not(fac_isnan(fac_detach(x))), .dim = a->dim, .keepdim = a->keepdim);
    out[0] = fac_div(fac_nansum(x, .dim = a->dim, .keepdim = a->keepdim, .dtype = a->dtype), count);
}

/* Numbers and integers in the dtype that softmax computes in. */
static fac_tensor *floating(fac_tensor *x, fac_dtype dtype) {
    if (dtype == FAC_DTYPE_NONE || dtype == x->dtype)
        return x;
    return fac__to_copy(x, .dtype = dtype);
}

COMPOSITE(softmax) {
    out[0] = fac__softmax(floating(a->input, a->dtype), a->dim);
}
COMPOSITE(log_softmax) {
    out[0] = fac__log_softmax(floating(a->input, a->dtype), a->dim);
}

COMPOSITE(logsumexp) {
    fac_tensor *x = a->input;
    if (fac__is_integral((fac_dtype)x->dtype, true))
        x = fac__to_copy(x, .dtype = fac_default_dtype());
    bool empty = x->numel == 0;
    if (empty || fac__is_bad(x)) {
        out[0] = fac_log(fac_sum(fac_exp(x), .dim = a->dim, .keepdim = a->keepdim));
        return;
    }
    fac_tensor *size = fac__is_complex((fac_dtype)x->dtype) ? fac_real(x) : x;
    bool all = a->dim.n == 0 && x->ndim > 0;
    fac_tensor *top = all ? fac_amax(size) : fac_amax(size, .dim = a->dim, .keepdim = true);
    top = fac_where(fac_eq(fac_abs(top), INFINITY), 0, top);
    fac_tensor *sum = fac_sum(fac_exp_(fac_sub(x, top)), .dim = a->dim, .keepdim = a->keepdim);
    if (!a->keepdim && !all && x->ndim > 0)
        top = fac_squeeze_dims(top, a->dim);
    out[0] = fac_add(fac_log(sum), top);
}
