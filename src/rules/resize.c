/* In-place changes of what a tensor is over: resize_, resize_as_, set_. */
#include "../autograd/autograd.h"
#include "rules.h"

#include <string.h>

static int resized(fac__outs *outs, fac_ints size, fac_memory_format format) {
    fac_tensor *t = outs->given[0];
    if (t->features & FAC__GRAD)
        return fac__fail(FAC_ERROR_RUNTIME, "cannot resize variables that require grad");
    if (size.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "tensors have at most %d dimensions, asked for %d",
                         FAC_MAX_DIMS, size.n);
    for (int i = 0; i < size.n; i++)
        if (size.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Trying to create tensor with negative dimension %lld: %s",
                             (long long)size.values[i], fac__shape_text(size.n, size.values));
    if (format == FAC_PRESERVE_FORMAT)
        return fac__fail(FAC_ERROR_RUNTIME, "Unsupported memory format Preserve");
    int64_t strides[FAC_MAX_DIMS];
    bool other = format == FAC_CHANNELS_LAST || format == FAC_CHANNELS_LAST_3D;
    if (other && fac__format_strides(size.n, size.values, format, strides) != 0)
        return -1;
    if (fac__resize_(t, size.n, size.values) != 0)
        return -1;
    if (other) {
        memcpy(t->strides, strides, sizeof(int64_t) * (size_t)size.n);
        fac__tensor_flags(t);
    }
    outs->v[0] = fac__retain(t);
    return 0;
}

int fac__exec_resize(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__resize_args *a = args;
    return resized(outs, a->size, a->memory_format);
}

int fac__exec_resize_as(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__resize_as_args *a = args;
    fac_memory_format f = a->memory_format;
    if (f == FAC_PRESERVE_FORMAT)
        f = fac__suggest_format(a->the_template);
    return resized(outs, (fac_ints){a->the_template->sizes, a->the_template->ndim, true}, f);
}

/* self over `storage`; its version counter is a new one, since its old views stay behind. */
static int set_to(fac__outs *outs, fac_storage *storage, int n, const int64_t *sizes,
                  const int64_t *strides, int64_t offset) {
    fac_tensor *t = outs->given[0];
    struct fac__version *fresh = fac__version_new();
    int64_t s[FAC_MAX_DIMS], st[FAC_MAX_DIMS];
    if (fresh == NULL)
        return -1;
    if (n > 0) { /* they may be t's own */
        memcpy(s, sizes, sizeof(int64_t) * (size_t)n);
        memcpy(st, strides, sizeof(int64_t) * (size_t)n);
    }
    if (fac__tensor_set_rank(t, n) != 0) {
        fac__version_release(fresh);
        return -1;
    }
    fac_storage *old = t->storage;
    t->storage = fac__storage_retain(storage);
    fac__storage_release(old);
    if (t->version != NULL)
        fac__version_release(t->version);
    t->version = fresh;
    if (n > 0) {
        memcpy(t->sizes, s, sizeof(int64_t) * (size_t)n);
        memcpy(t->strides, st, sizeof(int64_t) * (size_t)n);
    }
    t->offset = offset;
    t->data = storage->data == NULL
                  ? NULL
                  : storage->data + offset * (int64_t)fac__itemsize(t->dtype);
    fac__tensor_flags(t);
    outs->v[0] = fac__retain(t);
    return 0;
}

static int check_source(const fac_tensor *t, const fac_tensor *source) {
    if (t->dtype != source->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Could not set tensor of type %s to a tensor of type %s",
                         fac_dtype_name((fac_dtype)source->dtype),
                         fac_dtype_name((fac_dtype)t->dtype));
    if (!fac__same_device(t->device, source->device))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Attempted to set the storage of a tensor on device \"%s\" to a storage "
                         "on different device \"%s\"",
                         fac__device_name(t->device), fac__device_name(source->device));
    if (source->storage == NULL)
        return fac__fail(FAC_ERROR_RUNTIME, "set_: the source has no storage");
    return 0;
}

int fac__exec_set_tensor(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__set_tensor_args *a = args;
    const fac_tensor *s = a->source;
    if (check_source(outs->given[0], s) != 0)
        return -1;
    return set_to(outs, s->storage, s->ndim, s->sizes, s->strides, s->offset);
}

int fac__exec_set_strided(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__set_strided_args *a = args;
    int64_t strides[FAC_MAX_DIMS];
    if (check_source(outs->given[0], a->source) != 0)
        return -1;
    if (a->size.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "set_: at most %d dimensions", FAC_MAX_DIMS);
    fac_ints stride = a->stride;
    if (stride.n == 0) {
        fac__contiguous_strides(a->size.n, a->size.values, strides);
        stride = (fac_ints){strides, a->size.n, true};
    }
    /* as_strided knows what may not be */
    struct fac__as_strided_args view = {a->source, a->size, stride,
                                        {true, a->storage_offset}};
    fac__outs checked;
    fac__outs_init(&checked, 1);
    if (fac__view_as_strided(NULL, &view, &checked) != 0)
        return -1;
    fac__release(checked.v[0]);
    return set_to(outs, a->source->storage, a->size.n, a->size.values, stride.values,
                  a->storage_offset);
}

int fac__exec_set_nothing(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)args;
    static const int64_t none = 0, one = 1;
    fac_storage *s = fac__storage_new(0, outs->given[0]->device);
    if (s == NULL)
        return -1;
    int r = set_to(outs, s, 1, &none, &one, 0);
    fac__storage_release(s);
    return r;
}
