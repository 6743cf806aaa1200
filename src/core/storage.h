/* Storages as tensors see them: small ones lie within blocks of theirs. */
#ifndef FAC_STORAGE_H
#define FAC_STORAGE_H

#include "alloc.h"
#include "core.h"

/* Small storages carry their bytes behind the header: one block instead of two. A small tensor that
 * is made with its storage has both behind itself: one block instead of three, which goes with the
 * last of the two. Such a tensor holds a reference to the storage within its block as long as it
 * lives, whatever storage it looks at. */
enum {
    FAC__STORAGE_HEADER = 64,
    FAC__STORAGE_INLINE = 64, /* bytes behind the header */
    FAC__STORAGE_OWNER = (sizeof(fac_tensor) + 63) / 64 * 64,
    FAC__STORAGE_WHOLE = FAC__STORAGE_OWNER + FAC__STORAGE_HEADER + FAC__STORAGE_INLINE,
};
_Static_assert(sizeof(fac_storage) <= FAC__STORAGE_HEADER,
               "the header must leave the data aligned");

/* What its block holds: the header alone, its bytes too, a tensor before both. */
enum fac__storage_block { FAC__STORAGE_BARE, FAC__STORAGE_ROOMY, FAC__STORAGE_WITHIN };

static inline bool fac__storage_is_inline(const fac_storage *s) {
    return s->data == (const char *)s + FAC__STORAGE_HEADER;
}

static inline bool fac__storage_is_small(size_t nbytes, fac_device device) {
    return nbytes <= FAC__STORAGE_INLINE && device.type == FAC_CPU;
}

/* The storage within t's block, or NULL; and the tensor before one. */
static inline fac_storage *fac__storage_within(fac_tensor *t) {
    return t->features & FAC__WHOLE ? (fac_storage *)(void *)((char *)t + FAC__STORAGE_OWNER)
                                    : NULL;
}
static inline fac_tensor *fac__storage_owner(fac_storage *s) {
    return (fac_tensor *)(void *)((char *)s - FAC__STORAGE_OWNER);
}

/* Every field: a memset of this size is slower than the stores. */
static inline void fac__storage_init(fac_storage *s, enum fac__storage_block block, char *data,
                                     size_t nbytes, fac_device device) {
    atomic_init(&s->refs, 1);
    s->device = device;
    s->resizable = true;
    s->borrowed = false;
    s->block = (uint8_t)block;
    s->data = data;
    s->nbytes = nbytes;
    s->free = NULL;
    s->free_context = NULL;
    s->wrapper = NULL;
    s->retired = NULL;
}

void fac__storage_free(fac_storage *s); /* whose last reference is gone */

static inline void fac__storage_drop(fac_storage *s) {
    /* The sole owner need not pay for an atomic read-modify-write. */
    if (atomic_load_explicit(&s->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (FAC_LIKELY(s->block == FAC__STORAGE_WITHIN && fac__storage_is_inline(s) &&
                   s->retired == NULL))
        fac__object_free(fac__storage_owner(s), FAC__STORAGE_WHOLE);
    else
        fac__storage_free(s);
}

#endif
