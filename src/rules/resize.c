/* Ops that give a tensor another shape or other memory in place: resize_, set_. */
#include "rules.h"

#include <string.h>

static int given(fac__outs *outs, fac_tensor *t, const char *name) {
    if (t->features & FAC__GRAD && fac__tls.grad_mode)
        return fac__fail(FAC_ERROR_RUNTIME, "cannot %s variables that require grad", name);
    outs->v[0] = fac__retain(t);
    return 0;
}

int fac__exec_resize(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__resize_args *a = args;
    (void)op;
    if (a->size.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "only tensors with up to 64 dims are supported");
    for (int i = 0; i < a->size.n; i++)
        if (a->size.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME, "resize_: Dimension size must be non-negative.");
    if (given(outs, a->input, "resize") != 0)
        return -1;
    return fac__resize_(a->input, a->size.n, a->size.values);
}

int fac__exec_resize_as(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__resize_as_args *a = args;
    (void)op;
    if (given(outs, a->input, "resize") != 0)
        return -1;
    return fac__resize_(a->input, a->the_template->ndim, a->the_template->sizes);
}

/* t looks at the memory of `from`, with this geometry. */
static int look_at(fac_tensor *t, const fac_tensor *from, int ndim, const int64_t *sizes,
                   const int64_t *strides, int64_t offset) {
    if (t->dtype != from->dtype)
        return fac__fail(
            FAC_ERROR_RUNTIME, "Could not set tensor of type %s to a tensor of type %s",
            fac__c_type_name((fac_dtype)from->dtype), fac__c_type_name((fac_dtype)t->dtype));
    if (!fac__same_device(t->device, from->device))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Attempted to set the storage of a tensor on device \"%s\" to a storage "
                         "on different device \"%s\".  This is no longer allowed; the devices must "
                         "match.",
                         fac__device_name(t->device), fac__device_name(from->device));
    fac_tensor *view = fac__alias(from, ndim, sizes, strides, offset);
    if (view == NULL)
        return -1;
    int r = fac__tensor_set_rank(t, ndim);
    if (r == 0) {
        memcpy(t->sizes, sizes, sizeof(int64_t) * (size_t)ndim);
        memcpy(t->strides, strides, sizeof(int64_t) * (size_t)ndim);
        fac__tensor_set_storage(t, fac__storage_retain(view->storage));
        t->offset = offset;
        t->data = view->data;
        r = fac__tensor_flags(t);
    }
    fac__release(view);
    return r;
}

int fac__exec_set_tensor(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__set_tensor_args *a = args;
    const fac_tensor *s = a->source;
    (void)op;
    if (given(outs, a->input, "set_") != 0)
        return -1;
    return look_at(a->input, s, s->ndim, s->sizes, s->strides, s->offset);
}

int fac__exec_set_strided(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__set_strided_args *a = args;
    const fac_tensor *s = a->source;
    int64_t strides[FAC_MAX_DIMS], last = a->storage_offset;
    int n = a->size.n;
    bool empty = false;
    (void)op;
    if (n > FAC_MAX_DIMS || (a->stride.n != 0 && a->stride.n != n))
        return fac__fail(FAC_ERROR_RUNTIME, "unequal size length (%d) and stride length (%d)", n,
                         a->stride.n);
    if (a->storage_offset < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "Tensor: invalid storage offset %lld",
                         (long long)a->storage_offset);
    fac__contiguous_strides(n, a->size.values, strides);
    for (int d = 0; d < n; d++) {
        if (a->stride.n != 0)
            strides[d] = a->stride.values[d];
        if (a->size.values[d] < 0 || strides[d] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "set_: sizes and strides must be non-negative, got %s and %s",
                             fac__shape_text(n, a->size.values), fac__shape_text(n, strides));
        empty |= a->size.values[d] == 0;
        int64_t reach;
        if (__builtin_mul_overflow(a->size.values[d] - 1, strides[d], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return fac__fail(FAC_ERROR_RUNTIME, "set_: the sizes are too large");
    }
    size_t item = fac__itemsize(s->dtype);
    if (!empty && (uint64_t)last >= s->storage->nbytes / item)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "setStorage: sizes %s, strides %s, storage offset %lld, and itemsize %zu "
                         "are out of bounds for storage of size %zu",
                         fac__shape_text(n, a->size.values), fac__shape_text(n, strides),
                         (long long)a->storage_offset, item, s->storage->nbytes);
    if (given(outs, a->input, "set_") != 0)
        return -1;
    return look_at(a->input, s, n, a->size.values, strides, a->storage_offset);
}

int fac__exec_set_nothing(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__set_nothing_args *a = args;
    fac_tensor *t = a->input;
    int64_t none = 0, one = 1;
    (void)op;
    if (given(outs, t, "set_") != 0)
        return -1;
    fac_tensor *empty = fac__empty(1, &none, NULL, (fac_dtype)t->dtype, t->device);
    int r = empty == NULL ? -1 : look_at(t, empty, 1, &none, &one, 0);
    fac__release(empty);
    return r;
}
