/* Copying a row of bytes. */
#ifndef FAC__COPY_ROW_H
#define FAC__COPY_ROW_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Rows, by vectors: memcpy's microcode is slower, and much slower where source and destination lie
 * a few bytes apart in their pages. */
typedef uint64_t fac__chunk __attribute__((vector_size(32), aligned(1), may_alias));

static inline void fac__copy_row(char *d, const char *s, size_t n) {
    if (n < 32) {
        memcpy(d, s, n);
        return;
    }
    size_t i = 0;
    for (; i + 128 <= n; i += 128) {
        const fac__chunk *from = (const fac__chunk *)(const void *)(s + i);
        fac__chunk *to = (fac__chunk *)(void *)(d + i), a = from[0], b = from[1], c = from[2],
                   e = from[3];
        to[0] = a;
        to[1] = b;
        to[2] = c;
        to[3] = e;
    }
    for (; i + 32 <= n; i += 32)
        *(fac__chunk *)(void *)(d + i) = *(const fac__chunk *)(const void *)(s + i);
    if (i < n) /* the last bytes, together with some that are there already */
        *(fac__chunk *)(void *)(d + n - 32) = *(const fac__chunk *)(const void *)(s + n - 32);
}

#endif
