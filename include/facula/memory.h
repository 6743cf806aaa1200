/* Memory: facula keeps freed blocks for the next request of their size. */
#ifndef FACULA_MEMORY_H
#define FACULA_MEMORY_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives kept blocks back to the system. */
FAC_API void fac_empty_cache(void);

typedef struct {
    size_t in_use;  /* bytes of large blocks (from 1 MiB) that tensors hold */
    size_t peak;    /* the most of that so far */
    size_t cached;  /* bytes kept for later */
    size_t refused; /* requests that could not be met */
} fac_memory_statistics;
FAC_API fac_memory_statistics fac_memory_stats(void);

/* 64-byte aligned memory, or NULL. `nbytes` comes back at release as it was asked for. */
typedef void *fac_allocate_fn(void *context, size_t nbytes);
typedef void fac_free_fn(void *context, void *data, size_t nbytes);

/* Takes tensor memory from elsewhere; only before there is any. NULLs: facula's own again. */
FAC_API bool fac_set_allocator(fac_allocate_fn *allocate, fac_free_fn *release, void *context);

#ifdef __cplusplus
}
#endif

#endif
