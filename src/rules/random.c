/* Rules of random ops. */
#include "rules.h"

int fac__rule_randperm(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__randperm_args *a = args;
    fac_dtype d = a->dtype;
    if (d == FAC_DTYPE_NONE)
        d = outs->how == FAC__CALL_OUT && outs->given[0] != NULL ? (fac_dtype)outs->given[0]->dtype
                                                                 : FAC_INT64;
    if (d == FAC_BOOL || fac__is_complex(d) || fac__is_wide_unsigned(d))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"randperm\" not implemented for '%s'",
                         fac__scalar_type_name(d));
    if (a->n < 0 && outs->how == FAC__CALL_OUT)
        return fac__fail(FAC_ERROR_RUNTIME, "n must be non-negative, got%lld", (long long)a->n);
    if (a->n > 0 && fac__is_integral(d, false) && fac__check_fits(fac_int(a->n), d) != 0)
        return -1;
    if ((d == FAC_FLOAT16 && a->n > 2049) || (d == FAC_FLOAT32 && a->n > (1 << 24) + 1))
        return fac__fail(FAC_ERROR_RUNTIME, "n cannot be greater than %d for %s type.",
                         d == FAC_FLOAT16 ? 2049 : (1 << 24) + 1, fac__scalar_type_name(d));
    return fac__out(outs, 0, 1, &a->n, NULL, d,
                    a->device.type == FAC_DEVICE_NONE ? fac_cpu() : a->device);
}

int fac__rule__multinomial_replace(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac___multinomial_replace_args *a = args;
    const fac_tensor *p = a->input;
    if ((p->ndim != 1 && p->ndim != 2) || !fac__is_float((fac_dtype)p->dtype))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "_multinomial_replace: probabilities are floats in 1 or 2 dimensions, got "
                         "%s of size %s",
                         fac__scalar_type_name((fac_dtype)p->dtype),
                         fac__shape_text(p->ndim, p->sizes));
    int64_t sizes[2] = {p->sizes[0], a->num_samples};
    bool rows = p->ndim == 2;
    return fac__out(outs, 0, rows ? 2 : 1, rows ? sizes : sizes + 1, NULL, FAC_INT64,
                    a->input->device);
}
