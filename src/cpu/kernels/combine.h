/* Elements read, written or combined in place at offsets, by element width or dtype.
 *
 * A block is np points by n0 elements: point p, element i is at[p] + i * ss in self and
 * oat[p] + i * os in other. Which loop is outside does not change what an element sees: points are
 * always taken in order, so that sums are the same however the elements are divided. */
#ifndef FAC_COMBINE_H
#define FAC_COMBINE_H

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

#define BLOCK_LOOPS(S, O, STATEMENT)                                                               \
    if (b->points_inside) {                                                                        \
        for (int64_t i = 0; i < b->n0; i++) {                                                      \
            char *self = b->self + i * b->ss, *other = b->other + i * b->os;                       \
            for (int64_t p = 0; p < b->np; p++) {                                                  \
                S *s = (S *)(void *)(self + b->at[p]);                                             \
                O *o = (O *)(void *)(other + b->oat[p]);                                           \
                STATEMENT;                                                                         \
            }                                                                                      \
        }                                                                                          \
        return;                                                                                    \
    }                                                                                              \
    for (int64_t p = 0; p < b->np; p++) {                                                          \
        char *self = b->self + b->at[p], *other = b->other + b->oat[p];                            \
        for (int64_t i = 0; i < b->n0; i++) {                                                      \
            S *s = (S *)(void *)(self + i * b->ss);                                                \
            O *o = (O *)(void *)(other + i * b->os);                                               \
            STATEMENT;                                                                             \
        }                                                                                          \
    }

#define MOVE(width, T)                                                                             \
    static void read_##width(const struct fac__block *b) {                                         \
        if (!b->points_inside && b->ss == sizeof(T) && b->os == sizeof(T)) {                       \
            for (int64_t p = 0; p < b->np; p++)                                                    \
                memcpy(b->other + b->oat[p], b->self + b->at[p], (size_t)b->n0 * sizeof(T));       \
            return;                                                                                \
        }                                                                                          \
        BLOCK_LOOPS(const T, T, *o = *s)                                                           \
    }                                                                                              \
    static void write_##width(const struct fac__block *b) {                                        \
        if (!b->points_inside && b->ss == sizeof(T) && b->os == sizeof(T)) {                       \
            for (int64_t p = 0; p < b->np; p++)                                                    \
                memcpy(b->self + b->at[p], b->other + b->oat[p], (size_t)b->n0 * sizeof(T));       \
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
