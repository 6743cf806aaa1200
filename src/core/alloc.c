#include "alloc.h"

#include "core.h"

#include <stdlib.h>

void *fac__alloc(size_t nbytes) {
    void *p = nbytes > PTRDIFF_MAX - 64 ? NULL : aligned_alloc(64, (nbytes + 63) / 64 * 64 + 64);
    if (p == NULL)
        fac__fail(FAC_ERROR_MEMORY, "facula: not enough memory: tried to allocate %zu bytes",
                  nbytes);
    return p;
}

void fac__free(void *p, size_t nbytes) {
    (void)nbytes;
    free(p);
}

void *fac__object_alloc(size_t size) {
    return fac__alloc(size);
}

void fac__object_free(void *p, size_t size) {
    fac__free(p, size);
}
