/* Rules of reductions: which dimensions go, and what remains. */
#include "../gen/ops.h"

#include <string.h>

static int reduced(fac__outs *outs, int i, const fac_tensor *t, fac_ints dim, bool keepdim,
                   fac_dtype dtype) {
    int dims[FAC_MAX_DIMS];
    int64_t sizes[FAC_MAX_DIMS];
    bool gone[FAC_MAX_DIMS] = {false};
    int n = 0;
    int64_t count = fac__norm_dims(dim, t->ndim, dims);
    if (count < 0)
        return -1;
    for (int64_t k = 0; k < count; k++)
        gone[dims[k]] = true;
    for (int d = 0; d < t->ndim; d++) {
        if (!gone[d] && count != 0)
            sizes[n++] = t->sizes[d];
        else if (keepdim)
            sizes[n++] = 1;
    }
    return fac__out(outs, i, n, sizes, NULL, dtype, t->device);
}

int fac__rule_sum(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__sum_args *a = args;
    fac_dtype d = a->dtype;
    if (d == FAC_DTYPE_NONE)
        d = fac__is_integral((fac_dtype)a->input->dtype, true) ? FAC_INT64
                                                               : (fac_dtype)a->input->dtype;
    return reduced(outs, 0, a->input, a->dim, a->keepdim, d);
}
