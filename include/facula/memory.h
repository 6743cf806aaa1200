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

/* 64-byte aligned memory, or NULL; `nbytes` may be 0. It comes back at release as it was asked for.
 * Both may be called by any thread. */
typedef void *fac_allocate_fn(void *context, size_t nbytes);
typedef void fac_free_fn(void *context, void *data, size_t nbytes);

/* Takes the elements of CPU tensors made from now on from elsewhere; of more than 64 bytes, for
 * fewer lie beside the tensor's own record, which with all else stays facula's. Every tensor gives
 * its memory back to where it came from, so that this may be called at any time at which no other
 * thread makes tensors; `context` lives as long as tensors made with it. NULLs: facula's own
 * memory again. False sets the error: one of the two is NULL. */
FAC_API bool fac_set_allocator(fac_allocate_fn *allocate, fac_free_fn *release, void *context);

#ifdef __cplusplus
}
#endif

#endif
