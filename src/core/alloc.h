/* The caching allocator (fac__alloc, fac__free in backend.h) and small objects. */
#ifndef FAC_ALLOC_H
#define FAC_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* Blocks for tensors, storages, nodes: 64-byte aligned, from the thread's lists. NULL sets the
 * error. Never the user's allocator. */
void *fac__object_alloc(size_t size);
void fac__object_free(void *p, size_t size);

/* Gives the block's memory back to the system, where whole pages are its own; its addresses stay
 * readable and writable. */
void fac__give_back_pages(void *p, size_t nbytes);

/* Tests: the n-th allocation from now fails, counting from 0; -1: none does. */
void fac__alloc_fail_after(int64_t n);

#endif
