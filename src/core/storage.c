/* Storages: making, sharing, resizing and letting go of them. */
#include "storage.h"

#include <string.h>

static void free_header(fac_storage *s) {
    if (s->block == FAC__STORAGE_WITHIN)
        fac__object_free(fac__storage_owner(s), FAC__STORAGE_WHOLE);
    else
        fac__object_free(s, s->block == FAC__STORAGE_ROOMY
                                ? FAC__STORAGE_HEADER + FAC__STORAGE_INLINE
                                : sizeof *s);
}

fac_storage *fac__storage_wrap(void *data, size_t nbytes, fac_device device, fac__free_fn *free_fn,
                               void *context) {
    fac_storage *s = fac__object_alloc(sizeof *s);
    if (s == NULL)
        return NULL;
    fac__storage_init(s, FAC__STORAGE_BARE, data, nbytes, device);
    s->resizable = false;
    s->borrowed = free_fn != NULL;
    s->free = free_fn;
    s->free_context = context;
    return s;
}

fac_storage *fac__storage_new(size_t nbytes, fac_device device) {
    bool small = fac__storage_is_small(nbytes, device);
    fac_storage *s =
        fac__object_alloc(small ? FAC__STORAGE_HEADER + FAC__STORAGE_INLINE : sizeof *s);
    if (s == NULL)
        return NULL;
    fac__storage_init(s, small ? FAC__STORAGE_ROOMY : FAC__STORAGE_BARE,
                      small ? (char *)s + FAC__STORAGE_HEADER : NULL, nbytes, device);
    if (small || device.type == FAC_META)
        return s;
    if (FAC_UNLIKELY(fac__user_allocator.allocate != NULL) && device.type == FAC_CPU)
        s->data = fac__user_alloc(nbytes, &s->free, &s->free_context);
    else
        s->data = fac__alloc(nbytes);
    if (s->data == NULL) {
        free_header(s);
        return NULL;
    }
    return s;
}

fac_storage *fac__storage_retain(fac_storage *s) {
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

/* Note [Resized storages]: tensors know their address, and a storage doesn't know its tensors. So
 * once a shared storage has moved, the gate brings every tensor to its storage's address first
 * (fac__follow), and refuses those that reach beyond its end. And what the storage leaves stays
 * mapped until the storage goes, its pages given back: a tensor that was not told of the move reads
 * old elements or zeros, never somebody else's memory. */
_Atomic bool fac__moved_any;

struct fac__retired {
    struct fac__retired *next;
    char *data;
    size_t nbytes;
    fac__free_fn *free;
    void *free_context;
};

static void free_block(fac__free_fn *free_fn, void *context, char *data, size_t nbytes) {
    if (data == NULL)
        return;
    if (free_fn != NULL)
        free_fn(context, data, nbytes);
    else
        fac__free(data, nbytes);
}

static void free_own(const fac_storage *s) {
    if (!fac__storage_is_inline(s))
        free_block(s->free, s->free_context, s->data, s->nbytes);
}

static void free_retired(fac_storage *s) {
    for (struct fac__retired *r = s->retired, *next; r != NULL; r = next) {
        next = r->next;
        free_block(r->free, r->free_context, r->data, r->nbytes);
        fac__object_free(r, sizeof *r);
    }
}

void fac__storage_free(fac_storage *s) {
    free_own(s);
    free_retired(s);
    free_header(s);
}

void fac__storage_release(fac_storage *s) {
    if (s != NULL)
        fac__storage_drop(s);
}

/* Lets go of the storage's memory: at once where nobody else looks at it. */
static int retire(fac_storage *s) {
    if (s->data == NULL)
        return 0;
    if (fac__storage_is_inline(s)) { /* that memory goes with the storage */
        atomic_store_explicit(&fac__moved_any, true, memory_order_relaxed);
        return 0;
    }
    if (atomic_load_explicit(&s->refs, memory_order_acquire) == 1) {
        free_own(s);
        return 0;
    }
    struct fac__retired *r = fac__object_alloc(sizeof *r);
    if (r == NULL)
        return -1;
    *r = (struct fac__retired){s->retired, s->data, s->nbytes, s->free, s->free_context};
    s->retired = r;
    atomic_store_explicit(&fac__moved_any, true, memory_order_relaxed);
    if (s->free == NULL)
        fac__give_back_pages(s->data, s->nbytes);
    return 0;
}

int fac__storage_resize(fac_storage *s, size_t nbytes) {
    if (!s->resizable)
        return fac__fail(FAC_ERROR_RUNTIME, "Trying to resize storage that is not resizable");
    if (s->device.type == FAC_META) {
        s->nbytes = nbytes;
        return 0;
    }
    if (fac__storage_is_inline(s) && nbytes <= FAC__STORAGE_INLINE) {
        s->nbytes = nbytes;
        return 0;
    }
    fac__free_fn *free_fn = NULL;
    void *context = NULL;
    char *data = fac__user_allocator.allocate != NULL ? fac__user_alloc(nbytes, &free_fn, &context)
                                                      : fac__alloc(nbytes);
    if (data == NULL)
        return -1;
    size_t keep = nbytes < s->nbytes ? nbytes : s->nbytes;
    if (keep != 0)
        memcpy(data, s->data, keep);
    if (retire(s) != 0) {
        free_block(free_fn, context, data, nbytes);
        return -1;
    }
    s->free = free_fn;
    s->free_context = context;
    s->data = data;
    s->nbytes = nbytes;
    return 0;
}

int fac__storage_move(fac_storage *s, char *data, fac__free_fn *free_fn, void *context) {
    if (s->nbytes != 0)
        memcpy(data, s->data, s->nbytes);
    if (retire(s) != 0)
        return -1;
    s->data = data;
    s->free = free_fn;
    s->free_context = context;
    s->borrowed = true;
    s->resizable = false;
    return 0;
}
