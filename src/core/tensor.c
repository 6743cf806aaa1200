/* Tensors: making, resizing and letting go of them. No arithmetic, no autograd but the release of
 * its record. */
#include "core.h"
#include "iterate.h"

#include "../sparse/coo.h"
#include "../levels/levels.h"

#include "../autograd/autograd.h"
#include "storage.h"

#include <stdlib.h>
#include <string.h>

/* Sizes that composite ops may read, a few from the last included, before they see a failure. */
static int64_t no_sizes[2 * FAC_MAX_DIMS];
fac_tensor fac__bad_tensor = {.refs = 1u << 30,
                              .features = FAC__SHELL,
                              .device = {FAC_CPU, -1},
                              .sizes = no_sizes + FAC_MAX_DIMS,
                              .strides = no_sizes + FAC_MAX_DIMS};
fac_tensor *const fac_bad = &fac__bad_tensor;

void (*fac__wrapper_free)(void *wrapper);

/* --- shapes ---------------------------------------------------------------------------------- */

/* Note [Sizes that fit]: the product of a tensor's sizes, those that are 0 left aside, fits int64,
 * and so does every stride in bytes. What makes tensors refuses the rest, so that arithmetic on the
 * sizes and strides of tensors cannot overflow; that on numbers fresh from a caller can. */
int64_t fac__numel_of(int ndim, const int64_t *sizes) {
    int64_t n = 1;
    bool overflow = false, none = false;
    for (int i = 0; i < ndim; i++) {
        if (sizes[i] == 0)
            none = true;
        else
            overflow |= __builtin_mul_overflow(n, sizes[i], &n);
    }
    return overflow ? -1 : none ? 0 : n;
}

/* Sizes that no tensor can have may be asked for here too: their strides wrap and are not used. */
static int64_t next_step(int64_t step, int64_t size) {
    return size > 1 ? (int64_t)((uint64_t)step * (uint64_t)size) : step;
}

void fac__contiguous_strides(int ndim, const int64_t *sizes, int64_t *strides) {
    int64_t step = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        strides[i] = step;
        step = next_step(step, sizes[i]);
    }
}

int fac__format_strides(int ndim, const int64_t *sizes, fac_memory_format format,
                        int64_t *strides) {
    if (format != FAC_CHANNELS_LAST && format != FAC_CHANNELS_LAST_3D) {
        fac__contiguous_strides(ndim, sizes, strides);
        return 0;
    }
    int want = format == FAC_CHANNELS_LAST ? 4 : 5;
    if (ndim != want)
        return fac__fail(FAC_ERROR_RUNTIME, "required rank %d tensor to use %s format", want,
                         want == 4 ? "channels_last" : "channels_last_3d");
    strides[1] = 1;
    int64_t step = next_step(1, sizes[1]);
    for (int i = ndim - 1; i >= 2; i--) {
        strides[i] = step;
        step = next_step(step, sizes[i]);
    }
    strides[0] = step;
    return 0;
}

bool fac__is_format(const fac_tensor *t, fac_memory_format format) {
    if (format != FAC_CHANNELS_LAST && format != FAC_CHANNELS_LAST_3D)
        return fac__is_contig(t);
    int want = format == FAC_CHANNELS_LAST ? 4 : 5;
    if (t->ndim != want)
        return false;
    int64_t step = 1;
    for (int k = 0; k < want; k++) {
        int i = k == 0 ? 1 : k == want - 1 ? 0 : want - k;
        if (t->sizes[i] != 1) {
            if (t->strides[i] != step)
                return false;
            step *= t->sizes[i];
        }
    }
    return true;
}

/* Strides that order dimensions as channels_last does, gaps allowed: PyTorch's rule for what
 * results derived from t look like. */
static bool strides_like_channels_last(const fac_tensor *t) {
    int want = t->ndim;
    if (want != 4 && want != 5)
        return false;
    if (t->strides[1] == 0)
        return false;
    int64_t least = 0;
    for (int k = 0; k < want; k++) {
        int i = k == 0 ? 1 : k == want - 1 ? 0 : want - k;
        if (t->sizes[i] == 0 || t->strides[i] < least)
            return false;
        /* N111 tensors keep the plain format; so do ambiguous equal strides */
        if (i == 0 && least == t->strides[1])
            return false;
        least = t->strides[i];
        if (t->sizes[i] > 1)
            least *= t->sizes[i];
    }
    return true;
}

fac_memory_format fac__suggest_format(const fac_tensor *t) {
    if (t->ndim == 4 && strides_like_channels_last(t))
        return FAC_CHANNELS_LAST;
    if (t->ndim == 5 && strides_like_channels_last(t))
        return FAC_CHANNELS_LAST_3D;
    return FAC_CONTIGUOUS_FORMAT;
}

static bool row_major(const fac_tensor *t) {
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->sizes[i] == 1)
            continue;
        if (t->strides[i] != step)
            return false;
        step *= t->sizes[i];
    }
    return true;
}

static bool dense_in_some_order(const fac_tensor *t) {
    int order[FAC_MAX_DIMS], n = 0;
    for (int i = 0; i < t->ndim; i++) {
        if (t->sizes[i] == 1)
            continue;
        int k = n++;
        while (k > 0 && t->strides[order[k - 1]] > t->strides[i]) {
            order[k] = order[k - 1];
            k--;
        }
        order[k] = i;
    }
    int64_t step = 1;
    for (int k = 0; k < n; k++) {
        if (t->strides[order[k]] != step)
            return false;
        step *= t->sizes[order[k]];
    }
    return true;
}

/* Note [Sizes that fit]: only dimensions along which nobody steps have strides beyond all memory,
 * as after x[::2**60]. */
static void tame_strides(fac_tensor *t) {
    int64_t most = INT64_MAX / (int64_t)fac__itemsize(t->dtype);
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] > most || t->strides[i] < -most)
            t->strides[i] = 0;
}

int fac__tensor_flags(fac_tensor *t) {
    const int64_t far = (int64_t)1 << 56;
    int64_t numel = fac__numel_of(t->ndim, t->sizes);
    bool wild = false;
    for (int i = 0; i < t->ndim; i++)
        wild |= t->strides[i] > far || t->strides[i] < -far;
    if (FAC_UNLIKELY(wild))
        tame_strides(t);
    if (FAC_UNLIKELY(numel < 0))
        return fac__fail(FAC_ERROR_RUNTIME, "numel: integer multiplication overflow");
    t->numel = numel;
    t->features &= ~(uint32_t)(FAC__CONTIGUOUS | FAC__DENSE);
    if (numel == 0 || row_major(t))
        t->features |= FAC__CONTIGUOUS | FAC__DENSE;
    else if (dense_in_some_order(t))
        t->features |= FAC__DENSE;
    return 0;
}

int fac__tensor_set_rank(fac_tensor *t, int ndim) {
    if (ndim > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "tensors have at most %d dimensions, asked for %d",
                         FAC_MAX_DIMS, ndim);
    int64_t *dims = t->inline_dims;
    if (ndim > FAC__INLINE_DIMS) {
        dims = fac__object_alloc(2 * sizeof(int64_t) * (size_t)ndim);
        if (dims == NULL)
            return -1;
    }
    if (t->sizes != t->inline_dims && t->sizes != NULL)
        fac__object_free(t->sizes, 2 * sizeof(int64_t) * (size_t)t->ndim);
    t->sizes = dims;
    t->strides = dims + (ndim > FAC__INLINE_DIMS ? ndim : FAC__INLINE_DIMS);
    t->ndim = ndim;
    return 0;
}

/* --- tensors --------------------------------------------------------------------------------- */

static inline uint32_t inference_feature(void) {
    return fac__tls.inference ? FAC__INFERENCE : 0;
}

/* Every field but the dimensions. */
static inline void init_tensor(fac_tensor *t, int ndim, uint32_t features) {
    atomic_init(&t->refs, 1);
    t->features = features;
    t->dtype = FAC_DTYPE_NONE;
    t->layout = FAC_STRIDED;
    t->device = (fac_device){0};
    t->ndim = ndim;
    t->numel = 0;
    t->sizes = t->inline_dims;
    t->strides = t->inline_dims + FAC__INLINE_DIMS;
    t->data = NULL;
    t->offset = 0;
    t->storage = NULL;
    t->version = NULL;
    t->autograd = NULL;
    t->payload_type = NULL;
    t->payload = NULL;
    t->wrapper = NULL;
}

/* Room for dimensions beyond the inline ones. */
static int set_high_rank(fac_tensor *t, int ndim) {
    t->ndim = 0;
    return fac__tensor_set_rank(t, ndim);
}

fac_tensor *fac__tensor_new(int ndim) {
    fac_tensor *t = fac__object_alloc(sizeof *t);
    if (t == NULL)
        return NULL;
    init_tensor(t, ndim, 0);
    if (FAC_UNLIKELY(ndim > FAC__INLINE_DIMS) && set_high_rank(t, ndim) != 0) {
        fac__object_free(t, sizeof *t);
        return NULL;
    }
    return t;
}

static __attribute__((noinline)) fac_tensor *tensor_beside_storage(int ndim, size_t nbytes,
                                                                   fac_dtype dtype,
                                                                   fac_device device,
                                                                   uint32_t features) {
    fac_storage *s = fac__storage_new(nbytes, device);
    fac_tensor *t = s == NULL ? NULL : fac__tensor_new(ndim);
    if (t == NULL) {
        fac__storage_release(s);
        return NULL;
    }
    t->features = features;
    t->dtype = (uint8_t)dtype;
    t->device = device;
    t->storage = s;
    t->data = s->data;
    return t;
}

/* With memory of its own, and all but sizes, strides and numel set. */
static inline fac_tensor *tensor_of_bytes(int ndim, size_t nbytes, fac_dtype dtype,
                                          fac_device device, uint32_t features) {
    features |= inference_feature();
    if (FAC_UNLIKELY(!fac__storage_is_small(nbytes, device) || ndim > FAC__INLINE_DIMS))
        return tensor_beside_storage(ndim, nbytes, dtype, device, features);
    fac_tensor *t = fac__object_alloc(FAC__STORAGE_WHOLE);
    if (t == NULL)
        return NULL;
    init_tensor(t, ndim, features | FAC__WHOLE);
    fac_storage *s = fac__storage_within(t);
    fac__storage_init(s, FAC__STORAGE_WITHIN, (char *)s + FAC__STORAGE_HEADER, nbytes, device);
    t->dtype = (uint8_t)dtype;
    t->device = device;
    t->storage = s;
    t->data = s->data;
    return t;
}

void fac__tensor_set_storage(fac_tensor *t, fac_storage *s) {
    fac_storage *within = fac__storage_within(t);
    if (t->storage != within)
        fac__storage_release(t->storage);
    t->storage = s;
    if (s == within)
        fac__storage_release(s);
}

/* Empty tensors may begin anywhere: their address is computed, and not used. */
static void point_at_data(fac_tensor *t) {
    fac_storage *s = t->storage;
    uint64_t at = (uint64_t)t->offset * fac__itemsize(t->dtype);
    t->data = s->data == NULL ? NULL : (char *)((uintptr_t)s->data + (uintptr_t)at);
}

static bool fits(const fac_tensor *t) {
    if (t->numel == 0)
        return true;
    int64_t end = t->offset + 1;
    for (int i = 0; i < t->ndim; i++)
        end += (t->sizes[i] - 1) * t->strides[i];
    return (uint64_t)end * fac__itemsize(t->dtype) <= t->storage->nbytes;
}

bool fac__follow(fac_tensor *t) {
    if (t == NULL || t->storage == NULL || t->storage->data == NULL)
        return true;
    if (!fits(t))
        return false;
    point_at_data(t);
    return true;
}

/* strides NULL: contiguous, and checked by the caller. */
static int set_geometry(fac_tensor *t, int ndim, const int64_t *sizes, const int64_t *strides) {
    for (int i = 0; i < ndim; i++)
        t->sizes[i] = sizes[i];
    if (strides == NULL) {
        fac__contiguous_strides(ndim, sizes, t->strides);
        t->numel = fac__numel_of(ndim, sizes);
        t->features |= FAC__CONTIGUOUS | FAC__DENSE;
        return 0;
    }
    for (int i = 0; i < ndim; i++)
        t->strides[i] = strides[i];
    return fac__tensor_flags(t);
}

fac_tensor *fac__tensor_from_storage(fac_storage *s, int ndim, const int64_t *sizes,
                                     const int64_t *strides, int64_t offset, fac_dtype dtype) {
    if (s == NULL)
        return NULL;
    fac_tensor *t = fac__tensor_new(ndim);
    if (t == NULL) {
        fac__storage_release(s);
        return NULL;
    }
    t->dtype = (uint8_t)dtype;
    t->device = s->device;
    t->storage = s;
    t->offset = offset;
    if (set_geometry(t, ndim, sizes, strides) != 0) {
        fac__release(t);
        return NULL;
    }
    point_at_data(t);
    t->features |= inference_feature();
    return t;
}

fac_tensor *fac__empty(int ndim, const int64_t *sizes, const int64_t *strides, fac_dtype dtype,
                       fac_device device) {
    if (FAC_UNLIKELY(ndim > FAC_MAX_DIMS)) {
        fac__fail(FAC_ERROR_RUNTIME, "tensors have at most %d dimensions, asked for %d",
                  FAC_MAX_DIMS, ndim);
        return NULL;
    }
    for (int i = 0; i < ndim; i++)
        if (FAC_UNLIKELY(sizes[i] < 0)) {
            fac__fail(FAC_ERROR_RUNTIME, "Trying to create tensor with negative dimension %lld: %s",
                      (long long)sizes[i], fac__shape_text(ndim, sizes));
            return NULL;
        }
    int64_t bytes = fac__numel_of(ndim, sizes);
    if (bytes < 0 ||
        __builtin_mul_overflow(bytes, (int64_t)fac__itemsize((uint8_t)dtype), &bytes)) {
        fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                  fac__shape_text(ndim, sizes));
        return NULL;
    }
    fac_tensor *t = tensor_of_bytes(ndim, (size_t)bytes, dtype, device, 0);
    if (t != NULL && set_geometry(t, ndim, sizes, strides) != 0) {
        fac__release(t);
        return NULL;
    }
    return t;
}

fac_tensor *fac__empty_as(const fac_tensor *t, fac_dtype dtype) {
    int64_t bytes;
    if (FAC_UNLIKELY(
            __builtin_mul_overflow(t->numel, (int64_t)fac__itemsize((uint8_t)dtype), &bytes))) {
        fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                  fac__shape_text(t->ndim, t->sizes));
        return NULL;
    }
    fac_tensor *r =
        tensor_of_bytes(t->ndim, (size_t)bytes, dtype, t->device, FAC__CONTIGUOUS | FAC__DENSE);
    if (r == NULL)
        return NULL;
    r->numel = t->numel;
    int64_t step = 1; /* t's own strides may be others where it has one element */
    for (int i = t->ndim - 1; i >= 0; i--) {
        r->sizes[i] = t->sizes[i];
        r->strides[i] = step;
        step *= t->sizes[i];
    }
    return r;
}

fac_tensor *fac__alias(const fac_tensor *t, int ndim, const int64_t *sizes, const int64_t *strides,
                       int64_t offset) {
    fac_tensor *v = fac__tensor_new(ndim);
    if (v == NULL)
        return NULL;
    v->dtype = t->dtype;
    v->device = t->device;
    v->layout = t->layout;
    v->offset = offset;
    v->features = t->features & (uint32_t)(FAC__CONJ | FAC__NEG | FAC__INFERENCE);
    if (ndim > 0) {
        memcpy(v->sizes, sizes, sizeof(int64_t) * (size_t)ndim);
        memcpy(v->strides, strides, sizeof(int64_t) * (size_t)ndim);
    }
    if (FAC_UNLIKELY(fac__tensor_flags(v) != 0)) {
        fac__release(v);
        return NULL;
    }
    if (t->storage != NULL) {
        v->storage = fac__storage_retain(t->storage);
        if (fac__any_moved() && t->storage->data != NULL && !fits(v))
            v->data = t->data + (offset - t->offset) * (int64_t)fac__itemsize(t->dtype);
        else
            point_at_data(v);
    }
    return v;
}

fac_tensor *fac__shallow_copy(const fac_tensor *t) {
    if (t->layout == FAC_SPARSE_COO) {
        const struct fac__coo *c = t->payload;
        return fac__coo_new(c->indices, c->values, (fac_ints){t->sizes, t->ndim, true},
                            c->coalesced);
    }
    const struct fac__batch *b = fac__batch_of(t);
    if (FAC_UNLIKELY(b != NULL))
        return fac__batched(fac__shallow_copy(b->value), b->dim, b->level);
    fac_tensor *v = fac__alias(t, t->ndim, t->sizes, t->strides, t->offset);
    if (v != NULL)
        v->features |= t->features & (uint32_t)FAC__NUMBER;
    return v;
}

fac_tensor *fac__retain(fac_tensor *t) {
    if (t != NULL)
        atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    return t;
}

static void tensor_free(fac_tensor *t) {
    if (t->autograd != NULL)
        fac__autograd_free(t);
    if (t->payload != NULL)
        t->payload_type->free(t->payload);
    if (t->version != NULL)
        fac__version_release(t->version);
    if (t->sizes != t->inline_dims)
        fac__object_free(t->sizes, 2 * sizeof(int64_t) * (size_t)t->ndim);
    fac_storage *s = t->storage, *within = fac__storage_within(t);
    if (FAC_LIKELY(s == within && s != NULL)) {
        fac__storage_drop(s);
        return;
    }
    fac__storage_release(s);
    if (within != NULL)
        fac__storage_drop(within);
    else
        fac__object_free(t, sizeof *t);
}

void fac__release(fac_tensor *t) {
    if (t == NULL || t == &fac__bad_tensor)
        return;
    if (atomic_load_explicit(&t->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (FAC_UNLIKELY(t->wrapper != NULL)) {
        /* Note [Wrapper lifetimes]: a wrapper kept alive by its tensor goes with it. */
        void *w = t->wrapper;
        t->wrapper = NULL;
        atomic_store_explicit(&t->refs, 1, memory_order_relaxed);
        fac__wrapper_free(w);
    }
    tensor_free(t);
}

int fac__resize_(fac_tensor *t, int ndim, const int64_t *sizes) {
    if (t->ndim == ndim &&
        (ndim == 0 || memcmp(t->sizes, sizes, sizeof(int64_t) * (size_t)ndim) == 0))
        return 0;
    if (t->storage == NULL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "a sparse tensor cannot be resized");
    int64_t n = fac__numel_of(ndim, sizes);
    if (n < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                         fac__shape_text(ndim, sizes));
    int64_t need;
    if (__builtin_add_overflow(n, t->offset, &need) ||
        __builtin_mul_overflow(need, (int64_t)fac__itemsize(t->dtype), &need))
        return fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                         fac__shape_text(ndim, sizes));
    int64_t copy[FAC_MAX_DIMS];
    for (int i = 0; i < ndim; i++)
        copy[i] = sizes[i]; /* sizes may be t's own */
    if (n > 0 && (size_t)need > t->storage->nbytes &&
        fac__storage_resize(t->storage, (size_t)need) != 0)
        return -1;
    if (fac__tensor_set_rank(t, ndim) != 0)
        return -1;
    memcpy(t->sizes, copy, sizeof(int64_t) * (size_t)ndim);
    fac__contiguous_strides(ndim, t->sizes, t->strides);
    if (fac__tensor_flags(t) != 0)
        return -1;
    point_at_data(t);
    return 0;
}

void fac__restride(fac_tensor *t, const int64_t *strides) {
    for (int i = 0; i < t->ndim; i++)
        t->strides[i] = strides[i];
    fac__tensor_flags(t);
}

int fac__resize_out(const fac__op *op, fac_tensor *out, int ndim, const int64_t *sizes) {
    bool same = out->ndim == ndim &&
                (ndim == 0 || memcmp(out->sizes, sizes, sizeof(int64_t) * (size_t)ndim) == 0);
    if (same)
        return fac__check_writable(out); /* what is resized is made contiguous */
    if (out->numel > 0 && !(op->flags & (FAC__OP_CREATION | FAC__OP_RANDOM)) &&
        fac__warn("An output with one or more elements was resized since it had shape %s, which "
                  "does not match the required output shape %s. This behavior is deprecated, and "
                  "in a future PyTorch release outputs will not be resized unless they have zero "
                  "elements. You can explicitly reuse an out tensor t by resizing it, inplace, to "
                  "zero elements with t.resize_(0).",
                  fac__shape_text(out->ndim, out->sizes), fac__shape_text(ndim, sizes)) != 0)
        return -1;
    return fac__resize_(out, ndim, sizes);
}

/* --- Note [Version counters] -----------------------------------------------------------------
 * A counter is made when a tensor is first written in place, viewed or saved; until then NULL
 * stands for zero. Views and detach() share it, .data and imports do not. Several threads may take
 * a tensor's first view at once: all get the counter of the first. */

struct fac__version *fac__version_new(void) {
    struct fac__version *v = fac__object_alloc(sizeof *v);
    if (v == NULL)
        return NULL;
    atomic_init(&v->refs, 1);
    atomic_init(&v->value, 0);
    return v;
}

struct fac__version *fac__version_of(fac_tensor *t) {
    struct fac__version *have = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
    if (have != NULL)
        return have;
    struct fac__version *made = fac__version_new();
    if (made == NULL || __atomic_compare_exchange_n(&t->version, &have, made, false,
                                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return made;
    fac__version_release(made);
    return have;
}

void fac__version_release(struct fac__version *v) {
    if (atomic_load_explicit(&v->refs, memory_order_acquire) == 1 ||
        atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
        fac__object_free(v, sizeof *v);
}

uint32_t fac__version_value(const fac_tensor *t) {
    const struct fac__version *v = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
    return v == NULL ? 0 : atomic_load_explicit(&v->value, memory_order_relaxed);
}

int fac__bump_version(fac_tensor *t) {
    if (t->features & FAC__INFERENCE)
        return 0;
    struct fac__version *v = fac__version_of(t);
    if (v == NULL)
        return -1;
    atomic_fetch_add_explicit(&v->value, 1, memory_order_relaxed);
    return 0;
}

/* --- the public readers ---------------------------------------------------------------------- */

/* Of NULL as of fac_bad. */
static const fac_tensor *seen(const fac_tensor *t) {
    return t != NULL ? t : &fac__bad_tensor;
}

int fac_dim(const fac_tensor *t) {
    return seen(t)->ndim;
}

int64_t fac_size(const fac_tensor *t, int dim) {
    t = seen(t);
    if (dim < 0)
        dim += t->ndim;
    return dim >= 0 && dim < t->ndim ? t->sizes[dim] : -1;
}

int64_t fac_stride(const fac_tensor *t, int dim) {
    t = seen(t);
    if (dim < 0)
        dim += t->ndim;
    return dim >= 0 && dim < t->ndim ? t->strides[dim] : -1;
}

const int64_t *fac_sizes(const fac_tensor *t) {
    return seen(t)->sizes;
}

const int64_t *fac_strides(const fac_tensor *t) {
    return seen(t)->strides;
}

int64_t fac_numel(const fac_tensor *t) {
    return seen(t)->numel;
}

int64_t fac_storage_offset(const fac_tensor *t) {
    return seen(t)->offset;
}

fac_dtype fac_dtype_of(const fac_tensor *t) {
    return (fac_dtype)seen(t)->dtype;
}

fac_device fac_device_of(const fac_tensor *t) {
    return seen(t)->device;
}

fac_layout fac_layout_of(const fac_tensor *t) {
    return (fac_layout)seen(t)->layout;
}

bool fac_is_contiguous(const fac_tensor *t, fac_memory_format format) {
    return fac__is_format(seen(t), format);
}

void *fac_data(const fac_tensor *t) {
    t = seen(t);
    if (fac__any_moved())
        fac__follow((fac_tensor *)(uintptr_t)t);
    return t->data;
}

fac_device fac_cpu(void) {
    return (fac_device){FAC_CPU, -1};
}

fac_tensor *fac_keep(fac_tensor *t) {
    return fac__is_bad(t) ? t : fac__retain(t);
}

void fac_release(fac_tensor *t) {
    fac__release(t);
}
