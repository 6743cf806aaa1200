/* The caching allocator (fac__alloc, fac__free in backend.h) and small objects. */
#ifndef FAC_ALLOC_H
#define FAC_ALLOC_H

#include <stddef.h>

/* Fixed-size blocks for tensors, storages, nodes: 16-byte aligned (64 where size is 128), from
 * per-thread free lists. NULL sets the error. */
void *fac__object_alloc(size_t size);
void fac__object_free(void *p, size_t size);

#endif
