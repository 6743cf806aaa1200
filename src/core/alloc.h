/* The caching allocator (fac__alloc, fac__free in backend.h) and small objects. */
#ifndef FAC_ALLOC_H
#define FAC_ALLOC_H

#include <facula/memory.h>

#include <stddef.h>
#include <stdint.h>

enum {
    FAC__LEAST_SHIFT = 6,
    FAC__CLASS_STEPS = 4
}; /* from 64 bytes, four classes a power of two */

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

void *fac__block_alloc(unsigned size_class, size_t rounded);
void fac__block_free(void *p, unsigned size_class, size_t rounded);

/* Blocks for tensors, storages, nodes: 64-byte aligned, from the thread's lists. NULL sets the
 * error. Never the user's allocator. Inline, as most sizes are constants. */
static inline void *fac__object_alloc(size_t size) {
    size_t rounded;
    unsigned c = fac__size_class(size, &rounded);
    return fac__block_alloc(c, rounded);
}
static inline void fac__object_free(void *p, size_t size) {
    size_t rounded;
    unsigned c = fac__size_class(size, &rounded);
    fac__block_free(p, c, rounded);
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

/* Tests: the n-th allocation from now fails, counting from 0; -1: none does. */
void fac__alloc_fail_after(int64_t n);

#endif
