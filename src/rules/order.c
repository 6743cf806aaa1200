/* Rules of sorting, selecting and counting: what is refused, and the results' shapes. */
#include "rules.h"

#include <string.h>

static fac_dtype dtype_of(const fac_tensor *t) {
    return (fac_dtype)t->dtype;
}

static int lacks_dtype(const char *kernel, const fac_tensor *t) {
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                     fac__scalar_type_name(dtype_of(t)));
}

/* out= of sort and topk takes the results' dtypes alone. */
static int check_given(const fac__outs *outs, int i, fac_dtype want) {
    const fac_tensor *g = outs->how == FAC__CALL_OUT ? outs->given[i] : NULL;
    if (g == NULL || g->dtype == want)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "Expected out tensor to have dtype %s, but got %s instead",
                     fac__c_type_name(want), fac__c_type_name(dtype_of(g)));
}

static int sort_outputs(fac_tensor *t, int64_t dim, fac__outs *outs) {
    int64_t strides[FAC_MAX_DIMS];
    if (fac__wrap_dim(dim, t->ndim) < 0)
        return -1;
    if (fac__is_complex(dtype_of(t)))
        return fac__fail(FAC_ERROR_RUNTIME, " Sort does not support complex dtypes on CPU");
    if (check_given(outs, 0, dtype_of(t)) != 0 || check_given(outs, 1, FAC_INT64) != 0)
        return -1;
    fac__result_strides(1, &t, t->ndim, t->sizes, strides);
    if (fac__out(outs, 0, t->ndim, t->sizes, strides, dtype_of(t), t->device) != 0)
        return -1;
    return fac__out(outs, 1, t->ndim, t->sizes, strides, FAC_INT64, t->device);
}

int fac__rule_sort(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__sort_args *a = args;
    return sort_outputs(a->input, a->dim, outs);
}

int fac__rule_sort_stable(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__sort_stable_args *a = args;
    return sort_outputs(a->input, a->dim, outs);
}

int fac__rule_topk(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__topk_args *a = args;
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS];
    int dim = fac__wrap_dim(a->dim, t->ndim);
    if (dim < 0)
        return -1;
    if (a->k < 0 || a->k > (t->ndim == 0 ? 1 : t->sizes[dim]))
        return fac__fail(FAC_ERROR_RUNTIME, "selected index k out of range");
    if (fac__is_complex(dtype_of(t)))
        return fac__fail(FAC_ERROR_RUNTIME, " topk does not support complex dtypes on CPU");
    if (t->dtype == FAC_BOOL)
        return fac__fail(FAC_ERROR_RUNTIME, "topk does not support bool dtypes on CPU");
    if (check_given(outs, 0, dtype_of(t)) != 0 || check_given(outs, 1, FAC_INT64) != 0)
        return -1;
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    if (t->ndim > 0)
        sizes[dim] = a->k;
    if (fac__out(outs, 0, t->ndim, sizes, NULL, dtype_of(t), t->device) != 0)
        return -1;
    return fac__out(outs, 1, t->ndim, sizes, NULL, FAC_INT64, t->device);
}

/* --- one element a row ----------------------------------------------------------------------- */

static int pick_outputs(fac__outs *outs, const fac_tensor *t, int dim, bool keepdim) {
    int64_t sizes[FAC_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < t->ndim; d++)
        if (d != dim)
            sizes[n++] = t->sizes[d];
        else if (keepdim)
            sizes[n++] = 1;
    if (fac__out(outs, 0, n, sizes, NULL, dtype_of(t), t->device) != 0)
        return -1;
    return fac__out(outs, 1, n, sizes, NULL, FAC_INT64, t->device);
}

static int check_not_empty(const char *name, const fac_tensor *t, int dim) {
    if (t->ndim == 0 || t->sizes[dim] != 0)
        return 0;
    return fac__fail(FAC_ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                     name, dim);
}

/* 0 both fit, 1 the values don't, 2 the indices don't. */
static int misfit(const fac__outs *outs, const fac_tensor *t) {
    if (outs->how != FAC__CALL_OUT)
        return 0;
    if (outs->given[0] != NULL && outs->given[0]->dtype != t->dtype)
        return 1;
    return outs->given[1] != NULL && outs->given[1]->dtype != FAC_INT64 ? 2 : 0;
}

int fac__rule_kthvalue(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__kthvalue_args *a = args;
    const fac_tensor *t = a->input;
    int dim = fac__wrap_dim(a->dim, t->ndim);
    if (dim < 0 || check_not_empty("kthvalue", t, dim) != 0)
        return -1;
    if (a->k < 1 || a->k > (t->ndim == 0 ? 1 : t->sizes[dim]))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "kthvalue(): selected number k out of range for dimension %d", dim);
    switch (misfit(outs, t)) {
    case 1:
        return fac__fail(FAC_ERROR_RUNTIME, "output values must be of same type as input");
    case 2:
        return fac__fail(FAC_ERROR_RUNTIME, "output indices must be of scalar type Long");
    default:
        break;
    }
    if (t->dtype == FAC_BOOL || fac__is_complex(dtype_of(t)))
        return lacks_dtype("kthvalue_cpu", t);
    return pick_outputs(outs, t, dim, a->keepdim);
}

int fac__rule_median(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__median_args *a = args; /* nanmedian's are the same */
    if (a->input->dtype == FAC_BOOL || fac__is_complex(dtype_of(a->input)))
        return lacks_dtype("median_cpu", a->input);
    return fac__out(outs, 0, 0, NULL, NULL, dtype_of(a->input), a->input->device);
}

int fac__rule_median_dim(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__median_dim_args *a = args; /* nanmedian_dim's are the same */
    const fac_tensor *t = a->input;
    int dim = fac__wrap_dim(a->dim, t->ndim);
    (void)op;
    if (dim < 0 || check_not_empty("median", t, dim) != 0)
        return -1;
    bool given = outs->how == FAC__CALL_OUT;
    if (given && outs->given[1] != NULL && outs->given[1]->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected tensor for argument #1 'indices' to have scalar type Long; but "
                         "got torch.%sTensor instead (while checking arguments for median)",
                         fac__scalar_type_name(dtype_of(outs->given[1])));
    if (given && outs->given[0] != NULL && outs->given[0]->dtype != t->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected tensor for 'values' to have the same type as tensor for "
                         "argument #2 'self'; but type torch.%sTensor does not equal "
                         "torch.%sTensor (while checking arguments for median)",
                         fac__scalar_type_name(dtype_of(outs->given[0])),
                         fac__scalar_type_name(dtype_of(t)));
    if (t->dtype == FAC_BOOL || fac__is_complex(dtype_of(t)))
        return lacks_dtype("median_out", t);
    return pick_outputs(outs, t, dim, a->keepdim);
}

int fac__rule_mode(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__mode_args *a = args;
    const fac_tensor *t = a->input;
    int dim = fac__wrap_dim(a->dim, t->ndim);
    if (dim < 0 || check_not_empty("mode", t, dim) != 0)
        return -1;
    switch (misfit(outs, t)) {
    case 1:
        return fac__fail(
            FAC_ERROR_RUNTIME, "expected scalar type '%s' but got '%s' for values output",
            fac__scalar_type_name(dtype_of(t)), fac__scalar_type_name(dtype_of(outs->given[0])));
    case 2:
        return fac__fail(FAC_ERROR_RUNTIME,
                         "expected scalar type 'Long' but got '%s' for indices output",
                         fac__scalar_type_name(dtype_of(outs->given[1])));
    default:
        break;
    }
    if (fac__is_complex(dtype_of(t)))
        return lacks_dtype("mode_cpu", t);
    return pick_outputs(outs, t, dim, a->keepdim);
}

/* --- groups and counts ----------------------------------------------------------------------- */

/* Sizes depend on data: the kernels allocate. */
static int check_unique(const fac_tensor *t, const char *kernel) {
    return fac__is_complex(dtype_of(t)) ? lacks_dtype(kernel, t) : 0;
}

static int check_slices(const fac_tensor *t, int64_t along) {
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_INDEX,
                         "Dimension specified as %lld but tensor has no dimensions",
                         (long long)along);
    int dim = fac__wrap_dim(along, t->ndim), empty = 0;
    if (dim < 0)
        return -1;
    for (int d = 0; d < t->ndim; d++)
        empty += t->sizes[d] == 0;
    if (t->sizes[dim] == 0 && empty > 1)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Number of zero sized dimensions is more than one, so unique cannot be applied ");
    if (t->sizes[dim] != 0 && empty > 0)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
    return 0;
}

int fac__rule_unique2(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)outs;
    return check_unique(((const struct fac___unique2_args *)args)->input, "unique");
}

int fac__rule_unique_dim(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)outs;
    const struct fac__unique_dim_args *a = args;
    if (check_slices(a->input, a->dim) != 0)
        return -1;
    return check_unique(a->input, "unique_dim");
}

int fac__rule_unique_consecutive(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)outs;
    const struct fac__unique_consecutive_args *a = args;
    if (a->dim.given && check_slices(a->input, a->dim.value) != 0)
        return -1;
    return check_unique(a->input, "unique");
}

int fac__rule_bincount(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)outs;
    const struct fac__bincount_args *a = args;
    const fac_tensor *t = a->input;
    if (!fac__is_integral(dtype_of(t), false))
        return lacks_dtype("bincount_cpu", t);
    if (a->minlength < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "minlength should be >= 0");
    if (t->ndim != 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "bincount only supports 1-d non-negative integral inputs.");
    if (t->numel > 0 && a->weights != NULL &&
        (a->weights->ndim != 1 || a->weights->sizes[0] != t->numel))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "weights should be 1-d and have the same length as input");
    return 0;
}

/* --- searching ------------------------------------------------------------------------------- */

static int check_search(const struct fac__searchsorted_args *a) {
    const fac_tensor *b = a->sorted_sequence, *x = a->input;
    bool match =
        b->ndim <= 1 || (b->ndim == x->ndim &&
                         memcmp(b->sizes, x->sizes, sizeof(int64_t) * (size_t)(b->ndim - 1)) == 0);
    if (a->side != NULL && strcmp(a->side, "left") != 0 && strcmp(a->side, "right") != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): side can only be 'left' or 'right' but got %s",
                         a->side);
    if (a->right && a->side != NULL && strcmp(a->side, "left") == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): side and right can't be set to opposites, got side "
                         "of left while right was True");
    if (x->ndim == 0 && b->ndim != 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): input value can be a scalar only when boundaries "
                         "tensor dimension is 1, but we got boundaries tensor dim(%d) and input "
                         "value's dim(%d) numel(%lld)",
                         b->ndim, x->ndim, (long long)x->numel);
    if (b->ndim == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): boundaries tensor should have positive dimension, "
                         "but got 0 dimension");
    if (!match)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): boundaries tensor should be 1 dimension or the "
                         "first N-1 dimensions of boundaries tensor and input value tensor must "
                         "match, but we got boundaries tensor %s and input value tensor %s",
                         fac__shape_text(b->ndim, b->sizes), fac__shape_text(x->ndim, x->sizes));
    return 0;
}

static int check_sorter(const fac_tensor *sorter, const fac_tensor *b) {
    if (sorter == NULL)
        return 0;
    if (sorter->ndim != b->ndim ||
        memcmp(sorter->sizes, b->sizes, sizeof(int64_t) * (size_t)b->ndim) != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): boundary and sorter must have the same size, but "
                         "got boundary tensor %sand got sorter tensor %s",
                         fac__shape_text(b->ndim, b->sizes),
                         fac__shape_text(sorter->ndim, sorter->sizes));
    if (sorter->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): sorter must be a tensor of long dtype but got "
                         "dtype %s",
                         fac__scalar_type_name(dtype_of(sorter)));
    return 0;
}

int fac__rule_searchsorted(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__searchsorted_args *a = args;
    const fac_tensor *x = a->input;
    fac_dtype want = a->out_int32 ? FAC_INT32 : FAC_INT64;
    if (check_search(a) != 0 || check_sorter(a->sorter, a->sorted_sequence) != 0)
        return -1;
    if (outs->how == FAC__CALL_OUT && outs->given[0] != NULL && outs->given[0]->dtype != want)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): output tensor's dtype is wrong, it can only be "
                         "Int(int32) or Long(int64) depending on whether out_int32 flag is True, "
                         "but we got output tensor's dtype %s and out_int32 flag is %s",
                         fac__scalar_type_name(dtype_of(outs->given[0])),
                         a->out_int32 ? "True" : "False");
    if (a->out_int32 && a->sorted_sequence->sizes[a->sorted_sequence->ndim - 1] >= INT32_MAX)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.searchsorted(): the size of boundaries' last dimension should be "
                         "less than %d, but we got %lld",
                         INT32_MAX,
                         (long long)a->sorted_sequence->sizes[a->sorted_sequence->ndim - 1]);
    fac__promotion p = {0};
    fac__promote_add(&p, a->sorted_sequence);
    fac__promote_add(&p, x);
    fac_dtype common = fac__promoted(&p);
    if (common == FAC_BOOL || fac__is_complex(common))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "\"searchsorted_out_cpu\" not implemented for '%s'",
                         fac__scalar_type_name(common));
    return fac__out(outs, 0, x->ndim, x->sizes, NULL, want, x->device);
}

int fac__rule_histc(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__histc_args *a = args;
    if (a->bins <= 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.histogram(): bins must be > 0, but got %lld for dimension 0",
                         (long long)a->bins);
    if (!fac__is_float(dtype_of(a->input)))
        return lacks_dtype("histogram_cpu", a->input);
    return fac__out(outs, 0, 1, &a->bins, NULL, dtype_of(a->input), a->input->device);
}
