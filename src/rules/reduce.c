/* Rules of reductions: which dimensions go, and what remains. */
#include "rules.h"

#include <math.h>
#include <string.h>

/* A result of t without the dimensions whose bits are set, or with size 1 in their place. */
static int without(fac__outs *outs, int i, const fac_tensor *t, uint64_t gone, bool keepdim,
                   fac_dtype dtype) {
    int64_t sizes[FAC_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < t->ndim; d++) {
        if (!(gone >> d & 1))
            sizes[n++] = t->sizes[d];
        else if (keepdim)
            sizes[n++] = 1;
    }
    return fac__out(outs, i, n, sizes, NULL, dtype, t->device);
}

/* The bits of checked dimensions; none given, or an empty list, is all. */
static int gone_of(const fac_tensor *t, fac_ints dim, uint64_t *gone) {
    int dims[FAC_MAX_DIMS];
    if (dim.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "only tensors with up to 64 dims are supported");
    int64_t count = fac__norm_dims(dim, t->ndim, dims);
    if (count < 0)
        return -1;
    *gone = count == 0 ? UINT64_MAX : 0;
    for (int64_t k = 0; k < count; k++)
        *gone |= 1ull << dims[k];
    return 0;
}

/* The dtype a sum is taken in: what was asked for, that of out=, or int64 for whole numbers. */
static fac_dtype sum_dtype(const fac__outs *outs, const fac_tensor *t, fac_dtype asked) {
    if (asked != FAC_DTYPE_NONE)
        return asked;
    if (outs->how == FAC__CALL_OUT && outs->given[0] != NULL)
        return (fac_dtype)outs->given[0]->dtype;
    fac_dtype d = (fac_dtype)t->dtype;
    return fac__is_integral(d, true) ? FAC_INT64 : d;
}

int fac__rule_sum(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__sum_args *a = args;
    uint64_t gone;
    if (gone_of(a->input, a->dim, &gone) != 0)
        return -1;
    (void)op;
    return without(outs, 0, a->input, gone, a->keepdim, sum_dtype(outs, a->input, a->dtype));
}

int fac__rule_trace(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__trace_args *a = args;
    const fac_tensor *t = a->input;
    if (t->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "trace: expected a matrix, but got tensor with dim %d",
                         t->ndim);
    (void)op;
    return fac__out(outs, 0, 0, NULL, NULL, sum_dtype(outs, t, FAC_DTYPE_NONE), t->device);
}

int fac__rule_nansum(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__nansum_args *a = args;
    if (fac__is_complex((fac_dtype)a->input->dtype))
        return fac__fail(FAC_ERROR_RUNTIME, "nansum on CPU does not support complex inputs");
    if (fac__is_complex(sum_dtype(outs, a->input, a->dtype)))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"nansum_cpu\" not implemented for '%s'",
                         fac__scalar_type_name(sum_dtype(outs, a->input, a->dtype)));
    return fac__rule_sum(op, args, outs); /* the same argument struct */
}

int fac__rule_mean(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__mean_args *a = args;
    fac_dtype d = a->dtype != FAC_DTYPE_NONE ? a->dtype : (fac_dtype)a->input->dtype;
    uint64_t gone;
    (void)op;
    if (fac__is_integral(d, true))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "mean(): could not infer output dtype. %s dtype must be either a "
                         "floating point or complex dtype. Got: %s",
                         a->dtype != FAC_DTYPE_NONE ? "Optional" : "Input",
                         fac__scalar_type_name(d));
    if (gone_of(a->input, a->dim, &gone) != 0)
        return -1;
    return without(outs, 0, a->input, gone, a->keepdim, d);
}

int fac__rule_prod(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__prod_args *a = args;
    (void)op;
    uint64_t gone;
    fac_ints dim = {&a->dim.value, a->dim.given, a->dim.given};
    if (gone_of(a->input, dim, &gone) != 0)
        return -1;
    return without(outs, 0, a->input, gone, a->keepdim, sum_dtype(outs, a->input, a->dtype));
}

/* all and any: bool, but uint8 of uint8. An empty list reduces nothing. */
int fac__rule_all(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__all_args *a = args;
    uint64_t gone;
    if (gone_of(a->input, a->dim, &gone) != 0)
        return -1;
    if (a->dim.given && a->dim.n == 0)
        gone = 0;
    fac_dtype d = a->input->dtype == FAC_UINT8 ? FAC_UINT8 : FAC_BOOL;
    if (outs->how == FAC__CALL_OUT && outs->given[0] != NULL) {
        fac_dtype g = (fac_dtype)outs->given[0]->dtype;
        if (g != FAC_BOOL && g != FAC_UINT8)
            return fac__fail(FAC_ERROR_RUNTIME, "%s only supports bool tensor for result, got: %s",
                             op->python, fac__scalar_type_name(g));
        d = g;
    }
    return without(outs, 0, a->input, gone, a->keepdim, d);
}

int fac__rule_count_nonzero(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__count_nonzero_args *a = args;
    uint64_t gone;
    (void)op;
    if (gone_of(a->input, a->dim, &gone) != 0)
        return -1;
    return without(outs, 0, a->input, gone, false, FAC_INT64);
}

/* --- extremes -------------------------------------------------------------------------------- */

static int no_elements(const fac_tensor *t, uint64_t gone) {
    for (int d = 0; d < t->ndim; d++)
        if ((gone >> d & 1) && t->sizes[d] == 0)
            return d;
    return -1;
}

static int not_for_complex(const fac__op *op, const fac_tensor *t) {
    return fac__is_complex((fac_dtype)t->dtype)
               ? fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", op->label,
                           fac__scalar_type_name((fac_dtype)t->dtype))
               : 0;
}

int fac__rule_max(const fac__op *op, void *args, fac__outs *outs) {
    const fac_tensor *t = ((const struct fac__max_args *)args)->input;
    if (t->numel == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.",
                         op->python);
    if (not_for_complex(op, t) != 0)
        return -1;
    return fac__out(outs, 0, 0, NULL, NULL, (fac_dtype)t->dtype, t->device);
}

int fac__rule_max_dim(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__max_dim_args *a = args;
    const fac_tensor *t = a->input;
    uint64_t gone;
    if (gone_of(t, (fac_ints){&a->dim, 1, true}, &gone) != 0)
        return -1;
    int empty = no_elements(t, gone);
    if (empty >= 0)
        return fac__fail(FAC_ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                         op->python, empty);
    if (fac__is_complex((fac_dtype)t->dtype))
        return fac__fail(FAC_ERROR_RUNTIME, "%s(): does not support complex input", op->python);
    if (without(outs, 0, t, gone, a->keepdim, (fac_dtype)t->dtype) != 0)
        return -1;
    return without(outs, 1, t, gone, a->keepdim, FAC_INT64);
}

int fac__rule_amax(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__amax_args *a = args;
    const fac_tensor *t = a->input;
    uint64_t gone;
    if (gone_of(t, a->dim, &gone) != 0)
        return -1;
    int empty = no_elements(t, gone);
    if (empty >= 0 && a->dim.n == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0. "
                         "Specify the reduction dim with the 'dim' argument.",
                         op->python);
    if (empty >= 0)
        return fac__fail(FAC_ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                         op->python, empty);
    if (outs->how == FAC__CALL_OUT && outs->given[0]->dtype != t->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected the dtype for input and out to match, but got %s for input's "
                         "dtype and %s for out's dtype.",
                         fac__scalar_type_name((fac_dtype)t->dtype),
                         fac__scalar_type_name((fac_dtype)outs->given[0]->dtype));
    if (not_for_complex(op, t) != 0)
        return -1;
    return without(outs, 0, t, gone, a->keepdim, (fac_dtype)t->dtype);
}

int fac__rule_aminmax(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__aminmax_args *a = args;
    const fac_tensor *t = a->input;
    uint64_t gone;
    if (gone_of(t, (fac_ints){&a->dim.value, a->dim.given, a->dim.given}, &gone) != 0)
        return -1;
    int empty = no_elements(t, gone);
    if (empty >= 0 && !a->dim.given)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "aminmax(): cannot compute aminmax over an empty dimension as the "
                         "operation has no identity.");
    if (empty >= 0)
        return fac__fail(FAC_ERROR_INDEX,
                         "aminmax(): Expected reduction dim %d to have non-zero size.", empty);
    if (not_for_complex(op, t) != 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if (without(outs, i, t, gone, a->keepdim, (fac_dtype)t->dtype) != 0)
            return -1;
    return 0;
}

int fac__rule_argmax(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__argmax_args *a = args;
    const fac_tensor *t = a->input;
    uint64_t gone;
    if (gone_of(t, (fac_ints){&a->dim.value, a->dim.given, a->dim.given}, &gone) != 0)
        return -1;
    int empty = no_elements(t, gone);
    if (empty >= 0 && !a->dim.given)
        return fac__fail(FAC_ERROR_INDEX,
                         "%s(): Expected reduction dim to be specified for input.numel() == 0.",
                         op->python);
    if (empty >= 0)
        return fac__fail(FAC_ERROR_INDEX, "%s(): Expected reduction dim %d to have non-zero size.",
                         op->python, empty);
    if (fac__is_complex((fac_dtype)t->dtype) || t->dtype == FAC_BOOL)
        return fac__fail(FAC_ERROR_RUNTIME, "%s(): does not support %s input", op->python,
                         t->dtype == FAC_BOOL ? "bool" : "complex");
    return without(outs, 0, t, gone, a->keepdim, FAC_INT64);
}

/* --- moments and norms ----------------------------------------------------------------------- */

/* var, std, and each with the mean. */
int fac__rule_moment(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__var_args *a = args;
    const fac_tensor *t = a->input;
    fac_dtype d = (fac_dtype)t->dtype;
    uint64_t gone;
    if (!fac__is_float(d) && !fac__is_complex(d))
        return fac__fail(FAC_ERROR_RUNTIME, "%s only support floating point and complex dtypes",
                         op->nout == 2 ? op->python : "std and var");
    if (gone_of(t, a->dim, &gone) != 0)
        return -1;
    if (without(outs, 0, t, gone, a->keepdim, fac__real_of(d)) != 0 ||
        (op->nout == 2 && without(outs, 1, t, gone, a->keepdim, d) != 0))
        return -1;
    double n = outs->v[0]->numel == 0 ? 0 : (double)(t->numel / outs->v[0]->numel);
    double correction = fac__given(a->correction) ? fac__scalar_double(a->correction) : 1;
    if (n - correction > 0 || t->device.type == FAC_META)
        return 0;
    return fac__warn(
        "%s(): degrees of freedom is <= 0. Correction should be strictly less than the "
        "reduction factor (input numel divided by output numel).",
        op->python);
}

int fac__rule_linalg_vector_norm(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__linalg_vector_norm_args *a = args;
    const fac_tensor *t = a->x;
    fac_dtype d = (fac_dtype)t->dtype;
    (void)op;
    if (!fac__is_float(d) && !fac__is_complex(d))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "linalg.vector_norm: Expected a floating point or complex tensor as "
                         "input. Got %s",
                         fac__scalar_type_name(d));
    if (a->dtype != FAC_DTYPE_NONE) {
        if (!fac__is_float(a->dtype) && !fac__is_complex(a->dtype))
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "linalg.vector_norm: dtype should be floating point or complex. Got %s",
                fac__scalar_type_name(a->dtype));
        if (fac__is_complex(d) != fac__is_complex(a->dtype))
            return fac__fail(
                FAC_ERROR_RUNTIME, "linalg.vector_norm: dtype should be %s for %s inputs. Got %s",
                fac__is_complex(d) ? "complex" : "real", fac__is_complex(d) ? "complex" : "real",
                fac__scalar_type_name(a->dtype));
        if (fac_promote(d, a->dtype) != a->dtype)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "linalg.vector_norm: the dtype of the input (%s) should be "
                             "convertible without narrowing to the specified dtype (%s)",
                             fac__scalar_type_name(d), fac__scalar_type_name(a->dtype));
        d = a->dtype;
    }
    uint64_t gone;
    if (gone_of(t, a->dim, &gone) != 0)
        return -1;
    double ord = fac__scalar_double(a->ord);
    int empty = no_elements(t, gone);
    if (empty >= 0 && (ord < 0 || ord == INFINITY)) {
        if (a->dim.n == 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "linalg.vector_norm cannot compute the %g norm on an empty tensor "
                             "because the operation does not have an identity",
                             ord);
        return fac__fail(FAC_ERROR_RUNTIME,
                         "linalg.vector_norm cannot compute the %g norm on the dimension %d "
                         "because this dimension is empty and the operation does not have an "
                         "identity",
                         ord, empty);
    }
    return without(outs, 0, t, gone, a->keepdim, fac__real_of(d));
}

/* --- along one dimension, without losing it -------------------------------------------------- */

int fac__rule_softmax(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___softmax_args *a = args;
    const fac_tensor *t = a->input;
    fac_dtype d = (fac_dtype)t->dtype;
    int dim = fac__wrap_dim(a->dim, t->ndim);
    if (dim < 0)
        return -1;
    if (!fac__is_float(d))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s%s_impl\" not implemented for '%s'",
                         op->kernel + 1, dim == t->ndim - 1 ? "_lastdim_kernel" : "_kernel",
                         fac__scalar_type_name(d));
    if (outs->how == FAC__CALL_OUT && outs->given[0]->dtype != t->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected out tensor to have dtype %s, but got %s instead",
                         fac__c_type_name(d), fac__c_type_name((fac_dtype)outs->given[0]->dtype));
    return fac__out(outs, 0, t->ndim, t->sizes, NULL, d, t->device);
}

int fac__rule_softmax_backward(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___softmax_backward_data_args *a = args;
    const fac_tensor *t = a->output, *g = a->grad_output;
    if (fac__wrap_dim(a->dim, t->ndim) < 0)
        return -1;
    if (!fac__is_float((fac_dtype)t->dtype))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", op->kernel,
                         fac__scalar_type_name((fac_dtype)t->dtype));
    if (g->dtype != t->dtype || g->ndim != t->ndim ||
        memcmp(g->sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim) != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: grad_output and output must agree in dtype and shape", op->name);
    return fac__out(outs, 0, t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, t->device);
}

int fac__rule_cumulative(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__cumsum_args *a = args;
    const fac_tensor *t = a->input;
    if (fac__wrap_dim(a->dim, t->ndim) < 0)
        return -1;
    fac_dtype d = sum_dtype(outs, t, a->dtype);
    if (outs->how == FAC__CALL_INPLACE) {
        if (a->dtype != FAC_DTYPE_NONE && a->dtype != t->dtype)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Bad in-place call: input tensor dtype %s and output tensor dtype %s "
                             "should match",
                             fac__c_type_name((fac_dtype)t->dtype), fac__c_type_name(a->dtype));
        d = (fac_dtype)t->dtype;
    }
    (void)op;
    return fac__out(outs, 0, t->ndim, t->sizes, NULL, d, t->device);
}

int fac__rule_cumulative_extreme(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__cummax_args *a = args;
    const fac_tensor *t = a->input;
    if (fac__wrap_dim(a->dim, t->ndim) < 0 || not_for_complex(op, t) != 0)
        return -1;
    if (fac__out(outs, 0, t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, t->device) != 0)
        return -1;
    return fac__out(outs, 1, t->ndim, t->sizes, NULL, FAC_INT64, t->device);
}
