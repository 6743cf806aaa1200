/* The caching allocator (fac__alloc, fac__free in backend.h) and small objects. */
#ifndef FAC_ALLOC_H
#define FAC_ALLOC_H

#include "core.h"
#include <facula/memory.h>

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__) || defined(FAC_NO_CACHE)
enum { FAC__CACHING = 0 };
#else
enum { FAC__CACHING = 1 };
#endif

enum { /* from 64 bytes, four classes a power of two */
       FAC__LEAST_SHIFT = 6,
       FAC__CLASS_STEPS = 4,
       FAC__SMALL_CLASSES = 14 * FAC__CLASS_STEPS + 1, /* to 1 MiB */
       FAC__THREAD_BYTES = 8 << 20,                    /* a thread's lists together */
};

/* The smallest 2^e * (4 + s) / 4 that holds n, as a class number; *rounded is its size. */
static inline unsigned fac__size_class(size_t n, size_t *rounded) {
    if (n <= 64) {
        *rounded = 64;
        return 0;
    }
    unsigned e = 63u - (unsigned)__builtin_clzll(n - 1); /* 2^e < n <= 2^(e+1) */
    size_t step = (size_t)1 << (e - 2), s = (n - 1 - ((size_t)1 << e)) / step;
    *rounded = ((size_t)1 << e) + (s + 1) * step;
    return (e - FAC__LEAST_SHIFT) * FAC__CLASS_STEPS + (unsigned)s + 1;
}

/* A thread's freed blocks of up to 1 MiB. NULL until it frees the first. */
struct fac__block {
    struct fac__block *next;
};
struct fac__cache {
    struct fac__block *list[FAC__SMALL_CLASSES];
    size_t bytes;
};
extern _Thread_local struct fac__cache *fac__cache __attribute__((tls_model("initial-exec")));
/* Tests: how many allocations succeed; negative: all. While it counts, every block goes through the
 * two functions below. */
extern _Atomic int64_t fac__fail_after;

void *fac__block_alloc(unsigned size_class, size_t rounded);
void fac__block_free(void *p, unsigned size_class, size_t rounded);

/* The lists themselves: the list of this class isn't empty; the block fits in. */
static inline void *fac__cache_take(struct fac__cache *k, unsigned c, size_t size) {
    struct fac__block *b = k->list[c];
    k->list[c] = b->next;
    k->bytes -= size;
    return b;
}
static inline void fac__cache_keep(struct fac__cache *k, void *p, unsigned c, size_t size) {
    struct fac__block *b = p;
    b->next = k->list[c];
    k->list[c] = b;
    k->bytes += size;
}

static inline bool fac__alloc_counted(void) {
    return atomic_load_explicit(&fac__fail_after, memory_order_relaxed) >= 0;
}

/* Blocks for tensors, storages, nodes: 64-byte aligned, from the thread's lists. NULL sets the
 * error. Never the user's allocator. Inline, as most sizes are constants. */
static inline void *fac__object_alloc(size_t size) {
    size_t rounded;
    unsigned c = fac__size_class(size, &rounded);
    struct fac__cache *k = fac__cache;
    if (FAC_UNLIKELY(k == NULL || k->list[c] == NULL || fac__alloc_counted()))
        return fac__block_alloc(c, rounded);
    return fac__cache_take(k, c, rounded);
}
static inline void fac__object_free(void *p, size_t size) {
    size_t rounded;
    unsigned c = fac__size_class(size, &rounded);
    struct fac__cache *k = fac__cache;
    if (FAC_UNLIKELY(!FAC__CACHING || k == NULL || k->bytes + rounded > FAC__THREAD_BYTES ||
                     fac__alloc_counted()))
        fac__block_free(p, c, rounded);
    else
        fac__cache_keep(k, p, c, rounded);
}

/* The program's own allocator, for the elements of tensors; fac__alloc() never asks it. Each
 * storage remembers by what its memory is to be given back. */
extern struct fac__user_allocator {
    fac_allocate_fn *allocate;
    fac_free_fn *release;
    void *context;
} fac__user_allocator;
void *fac__user_alloc(size_t nbytes, fac_free_fn **release, void **context);

/* Gives the block's memory back to the system, where whole pages are its own; its addresses stay
 * readable and writable. */
void fac__give_back_pages(void *p, size_t nbytes);

/* The lock of the large blocks, for fork() to hold. */
void fac__alloc_lock(void);
void fac__alloc_unlock(void);

/* Tests: the n-th allocation from now fails, counting from 0; -1: none does. */
void fac__alloc_fail_after(int64_t n);

#endif
