/* Elements read, written or combined in place at offsets, by element width or dtype.
 *
 * A block is np points by n0 elements: point p, element i is at[p] + i * ss in self and
 * oat[p] + i * os in other. Which loop is outside does not change what an element sees: points are
 * always taken in order, so that sums are the same however the elements are divided. */
#ifndef FAC_COMBINE_H
#define FAC_COMBINE_H

#include "copy_row.h"
#include "half.h"

#include <facula/backend.h>

#include <math.h>

struct fac__block {
    char *self, *other;
    const int64_t *at, *oat; /* bytes */
    int64_t np, n0;
    ptrdiff_t ss, os;
    bool points_inside;
    const void *ctx;
};
typedef void fac__block_fn(const struct fac__block *b);

typedef struct {
    uint64_t half[2];
} fac__wide;

/* The block is copied first: loops that store could change it for all the compiler knows. */
#define BLOCK_LOOPS(S, O, STATEMENT)                                                               \
    const struct fac__block k = *b;                                                                \
    if (k.points_inside) {                                                                         \
        for (int64_t i = 0; i < k.n0; i++) {                                                       \
            char *self = k.self + i * k.ss, *other = k.other + i * k.os;                           \
            for (int64_t p = 0; p < k.np; p++) {                                                   \
                S *s = (S *)(void *)(self + k.at[p]);                                              \
                O *o = (O *)(void *)(other + k.oat[p]);                                            \
                STATEMENT;                                                                         \
            }                                                                                      \
        }                                                                                          \
        return;                                                                                    \
    }                                                                                              \
    for (int64_t p = 0; p < k.np; p++) {                                                           \
        char *self = k.self + k.at[p], *other = k.other + k.oat[p];                                \
        for (int64_t i = 0; i < k.n0; i++) {                                                       \
            S *s = (S *)(void *)(self + i * k.ss);                                                 \
            O *o = (O *)(void *)(other + i * k.os);                                                \
            STATEMENT;                                                                             \
        }                                                                                          \
    }

#define MOVE(width, T)                                                                             \
    static void read_##width(const struct fac__block *b) {                                         \
        if (!b->points_inside && b->ss == sizeof(T) && b->os == sizeof(T)) {                       \
            const struct fac__block k = *b;                                                        \
            for (int64_t p = 0; p < k.np; p++)                                                     \
                fac__copy_row(k.other + k.oat[p], k.self + k.at[p], (size_t)k.n0 * sizeof(T));     \
            return;                                                                                \
        }                                                                                          \
        BLOCK_LOOPS(const T, T, *o = *s)                                                           \
    }                                                                                              \
    static void write_##width(const struct fac__block *b) {                                        \
        if (!b->points_inside && b->ss == sizeof(T) && b->os == sizeof(T)) {                       \
            const struct fac__block k = *b;                                                        \
            for (int64_t p = 0; p < k.np; p++)                                                     \
                fac__copy_row(k.self + k.at[p], k.other + k.oat[p], (size_t)k.n0 * sizeof(T));     \
            return;                                                                                \
        }                                                                                          \
        BLOCK_LOOPS(T, const T, *s = *o)                                                           \
    }

/* Columns by dtype: X(dtype, stored type, type it computes in, LOAD, STORE). */
#define KEEP(x) (x)
#define COMBINE_INTS(X)                                                                            \
    X(UINT8, uint8_t, uint8_t, KEEP, KEEP)                                                         \
    X(INT8, int8_t, int8_t, KEEP, KEEP)                                                            \
    X(INT16, int16_t, int16_t, KEEP, KEEP)                                                         \
    X(INT32, int32_t, uint32_t, KEEP, KEEP)                                                        \
    X(INT64, int64_t, uint64_t, KEEP, KEEP)                                                        \
    X(UINT16, uint16_t, uint16_t, KEEP, KEEP)                                                      \
    X(UINT32, uint32_t, uint32_t, KEEP, KEEP)                                                      \
    X(UINT64, uint64_t, uint64_t, KEEP, KEEP)
#define COMBINE_FLOATS(X)                                                                          \
    X(FLOAT16, uint16_t, float, fac__float_of_float16, fac__float16_of_float)                      \
    X(BFLOAT16, uint16_t, float, fac__float_of_bfloat16, fac__bfloat16_of_float)                   \
    X(FLOAT32, float, float, KEEP, KEEP)                                                           \
    X(FLOAT64, double, double, KEEP, KEEP)

#endif
