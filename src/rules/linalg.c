/* Rules of matrix products. */
#include "rules.h"

#define ARGS(name)                                                                                 \
    const struct fac__##name##_args *a = args;                                                     \
    (void)op

static int same_dtype(const char *x, const char *y, const fac_tensor *a, const fac_tensor *b) {
    if (a->dtype == b->dtype)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "%s and %s must have the same dtype, but got %s and %s", x,
                     y, fac__scalar_type_name((fac_dtype)a->dtype),
                     fac__scalar_type_name((fac_dtype)b->dtype));
}

static int same_device(const fac_tensor *a, const fac_tensor *b) {
    if (fac__same_device(a->device, b->device))
        return 0;
    return fac__fail_devices(a->device, b->device);
}

static int no_bool(const char *kernel, const fac_tensor *t) {
    if (t->dtype != FAC_BOOL)
        return 0;
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for 'Bool'", kernel);
}

int fac__rule_mm(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(mm);
    const fac_tensor *x = a->input, *y = a->mat2;
    if (x->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "self must be a matrix");
    if (y->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "mat2 must be a matrix");
    if (x->sizes[1] != y->sizes[0])
        return fac__fail(FAC_ERROR_RUNTIME,
                         "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                         (long long)x->sizes[0], (long long)x->sizes[1], (long long)y->sizes[0],
                         (long long)y->sizes[1]);
    if (x->dtype != y->dtype)
        return fac__fail(
            FAC_ERROR_RUNTIME, "expected m1 and m2 to have the same dtype, but got: %s != %s",
            fac__c_type_name((fac_dtype)x->dtype), fac__c_type_name((fac_dtype)y->dtype));
    if (same_device(x, y) != 0 || no_bool("addmm_impl_cpu_", x) != 0)
        return -1;
    int64_t sizes[2] = {x->sizes[0], y->sizes[1]};
    return fac__out(outs, 0, 2, sizes, NULL, (fac_dtype)x->dtype, x->device);
}

static int batched(const char *label, const fac_tensor *x, const fac_tensor *y, const char *xn,
                   const char *yn, int64_t *sizes) {
    if (x->ndim != 3)
        return fac__fail(FAC_ERROR_RUNTIME, "%s must be a 3D tensor", xn);
    if (y->ndim != 3)
        return fac__fail(FAC_ERROR_RUNTIME, "%s must be a 3D tensor", yn);
    if (x->sizes[0] != y->sizes[0] || x->sizes[2] != y->sizes[1])
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] "
            "but got: [%lld, %lld].",
            (long long)x->sizes[0], (long long)x->sizes[2], (long long)y->sizes[0],
            (long long)y->sizes[1]);
    if (x->dtype != y->dtype)
        return fac__fail(FAC_ERROR_RUNTIME, "expected scalar type %s but found %s",
                         fac__scalar_type_name((fac_dtype)x->dtype),
                         fac__scalar_type_name((fac_dtype)y->dtype));
    sizes[0] = x->sizes[0];
    sizes[1] = x->sizes[1];
    sizes[2] = y->sizes[2];
    return same_device(x, y) != 0 || no_bool(label, x) != 0 ? -1 : 0;
}

int fac__rule_bmm(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(bmm);
    int64_t sizes[3];
    if (batched("bmm", a->input, a->mat2, "batch1", "batch2", sizes) != 0)
        return -1;
    return fac__out(outs, 0, 3, sizes, NULL, (fac_dtype)a->input->dtype, a->input->device);
}

/* self must expand to the product's shape. */
static int expands(const fac_tensor *self, int ndim, const int64_t *sizes) {
    bool ok = self->ndim <= ndim;
    for (int i = 0; ok && i < self->ndim; i++) {
        int64_t s = self->sizes[self->ndim - 1 - i];
        ok = s == sizes[ndim - 1 - i] || s == 1;
    }
    if (ok)
        return 0;
    for (int i = 0; i < self->ndim && self->ndim <= ndim; i++) {
        int d = ndim - 1 - i;
        int64_t s = self->sizes[self->ndim - 1 - i];
        if (s != sizes[d] && s != 1)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "The expanded size of the tensor (%lld) must match the existing size "
                "(%lld) at non-singleton dimension %d.  Target sizes: %s.  Tensor sizes: %s",
                (long long)sizes[d], (long long)s, d, fac__shape_text(ndim, sizes),
                fac__shape_text(self->ndim, self->sizes));
    }
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "expand(torch.%sTensor{%s}, size=%s): the number of sizes provided (%d) must be "
        "greater or equal to the number of dimensions in the tensor (%d)",
        fac__scalar_type_name((fac_dtype)self->dtype), fac__shape_text(self->ndim, self->sizes),
        fac__shape_text(ndim, sizes), ndim, self->ndim);
}

int fac__rule_addmm(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(addmm);
    const fac_tensor *x = a->mat1, *y = a->mat2;
    if (x->ndim != 2 || y->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "%s must be a matrix, got %d-D tensor",
                         x->ndim != 2 ? "mat1" : "mat2", x->ndim != 2 ? x->ndim : y->ndim);
    if (x->sizes[1] != y->sizes[0])
        return fac__fail(FAC_ERROR_RUNTIME,
                         "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                         (long long)x->sizes[0], (long long)x->sizes[1], (long long)y->sizes[0],
                         (long long)y->sizes[1]);
    int64_t sizes[2] = {x->sizes[0], y->sizes[1]};
    if (same_dtype("mat1", "mat2", x, y) != 0 || same_dtype("self", "mat2", a->input, y) != 0 ||
        same_device(x, y) != 0 || no_bool("addmm_impl_cpu_", x) != 0 ||
        expands(a->input, 2, sizes) != 0)
        return -1;
    return fac__out(outs, 0, 2, sizes, NULL, (fac_dtype)x->dtype, x->device);
}

int fac__rule_baddbmm(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(baddbmm);
    int64_t sizes[3];
    if (batched("baddbmm", a->batch1, a->batch2, "batch1", "batch2", sizes) != 0 ||
        expands(a->input, 3, sizes) != 0)
        return -1;
    if (a->input->dtype != a->batch1->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Input dtypes must be the same, got: input %s, batch1: %s, batch2: %s",
                         fac_dtype_name((fac_dtype)a->input->dtype),
                         fac_dtype_name((fac_dtype)a->batch1->dtype),
                         fac_dtype_name((fac_dtype)a->batch2->dtype));
    return fac__out(outs, 0, 3, sizes, NULL, (fac_dtype)a->batch1->dtype, a->batch1->device);
}

int fac__rule_mv(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(mv);
    const fac_tensor *x = a->input, *v = a->vec;
    if (x->ndim != 2 || v->ndim != 1)
        return fac__fail(FAC_ERROR_RUNTIME, "vector + matrix @ vector expected, got %d, %d, %d", 1,
                         x->ndim, v->ndim);
    if (x->sizes[1] != v->sizes[0])
        return fac__fail(FAC_ERROR_RUNTIME,
                         "size mismatch, got input (%lld), mat (%lldx%lld), vec (%lld)",
                         (long long)x->sizes[0], (long long)x->sizes[0], (long long)x->sizes[1],
                         (long long)v->sizes[0]);
    if (x->dtype != v->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "addmv input tensors must have the same dtype, but got %s, %s, and %s",
                         fac__scalar_type_name((fac_dtype)v->dtype),
                         fac__scalar_type_name((fac_dtype)x->dtype),
                         fac__scalar_type_name((fac_dtype)v->dtype));
    if (same_device(x, v) != 0 || no_bool("addmv_impl_cpu", x) != 0)
        return -1;
    return fac__out(outs, 0, 1, x->sizes, NULL, (fac_dtype)x->dtype, x->device);
}

int fac__rule_dot(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(dot);
    const fac_tensor *x = a->input, *y = a->tensor;
    if (x->ndim != 1 || y->ndim != 1)
        return fac__fail(FAC_ERROR_RUNTIME, "1D tensors expected, but got %dD and %dD tensors",
                         x->ndim, y->ndim);
    if (x->dtype != y->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "dot : expected both vectors to have same dtype, but found %s and %s",
                         fac__scalar_type_name((fac_dtype)x->dtype),
                         fac__scalar_type_name((fac_dtype)y->dtype));
    if (x->numel != y->numel)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "inconsistent tensor size, expected tensor [%lld] and src [%lld] to have the "
            "same number of elements, but got %lld and %lld elements respectively",
            (long long)x->numel, (long long)y->numel, (long long)x->numel, (long long)y->numel);
    if (same_device(x, y) != 0 || no_bool("dot", x) != 0)
        return -1;
    return fac__out(outs, 0, 0, NULL, NULL, (fac_dtype)x->dtype, x->device);
}

int fac__rule_linear(const fac__op *op, void *args, fac__outs *outs) {
    ARGS(linear);
    const fac_tensor *x = a->input, *w = a->weight, *b = a->bias;
    if (w->ndim != 1 && w->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "linear: weight must have 1 or 2 dimensions, got %d",
                         w->ndim);
    if (x->ndim == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "both arguments to linear need to be at least 1D, but they are 0D and %dD",
                         w->ndim);
    int64_t k = w->sizes[w->ndim - 1], m = x->ndim == 0 ? 0 : 1;
    for (int i = 0; i < x->ndim - 1; i++)
        m *= x->sizes[i];
    if (x->sizes[x->ndim - 1] != k)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "mat1 and mat2 shapes cannot be multiplied (%lldx%lld and %lldx%lld)",
                         (long long)m, (long long)x->sizes[x->ndim - 1], (long long)k,
                         (long long)(w->ndim == 2 ? w->sizes[0] : 1));
    if (x->dtype != w->dtype && b == NULL)
        return fac__fail(
            FAC_ERROR_RUNTIME, "expected m1 and m2 to have the same dtype, but got: %s != %s",
            fac__c_type_name((fac_dtype)x->dtype), fac__c_type_name((fac_dtype)w->dtype));
    if (same_dtype("mat1", "mat2", x, w) != 0 || same_device(x, w) != 0 ||
        no_bool("addmm_impl_cpu_", x) != 0)
        return -1;
    int64_t sizes[FAC_MAX_DIMS];
    int n = 0;
    for (; n < x->ndim - 1; n++)
        sizes[n] = x->sizes[n];
    if (w->ndim == 2)
        sizes[n++] = w->sizes[0];
    if (b != NULL) {
        if (b->dtype != x->dtype)
            return same_dtype("self", "mat2", b, w);
        if (b->ndim > 1 ||
            (b->ndim == 1 && (n == 0 || (b->sizes[0] != sizes[n - 1] && b->sizes[0] != 1))))
            return expands(b, n, sizes) != 0
                       ? -1
                       : fac__fail(FAC_ERROR_RUNTIME, "linear: bias must be a vector of %lld",
                                   (long long)sizes[n - 1]);
    }
    return fac__out(outs, 0, n, sizes, NULL, (fac_dtype)x->dtype, x->device);
}
