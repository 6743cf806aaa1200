/* Elements to order keys (Note [Order keys]), and rows along any dimension. */
#include "order.h"

#include <string.h>

#define INTS(X)                                                                                    \
    X(BOOL, uint8_t, uint32_t, x != 0)                                                             \
    X(UINT8, uint8_t, uint32_t, x)                                                                 \
    X(UINT16, uint16_t, uint32_t, x)                                                               \
    X(UINT32, uint32_t, uint32_t, x)                                                               \
    X(UINT64, uint64_t, uint64_t, x)                                                               \
    X(INT8, uint8_t, uint32_t, x ^ 0x80)                                                           \
    X(INT16, uint16_t, uint32_t, x ^ 0x8000)                                                       \
    X(INT32, uint32_t, uint32_t, x ^ 0x80000000)                                                   \
    X(INT64, uint64_t, uint64_t, x ^ 0x8000000000000000)

#define KEYS(dtype, T, K, key)                                                                     \
    static void keys_##dtype(const void *in, int64_t n, K flip, K *restrict out) {                 \
        const T *restrict from = in;                                                               \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T x = from[i];                                                                         \
            out[i] = (K)(key) ^ flip;                                                              \
        }                                                                                          \
    }
INTS(KEYS)

/* U: the bits; INF: infinity's; TOP: the sign bit; ALL: the greatest key. */
#define FLOAT_KEYS(dtype, U, K, TOP, INF, ALL)                                                     \
    static void keys_##dtype(const void *in, int64_t n, K flip, K *restrict out) {                 \
        const U *restrict from = in;                                                               \
        for (int64_t i = 0; i < n; i++) {                                                          \
            U x = from[i], size = (U)(x & (U)~TOP);                                                \
            x = size == 0 ? (U)0 : x;                                                              \
            U key = (U)(x ^ ((x & TOP) ? (U)ALL : (U)TOP));                                        \
            key = size > INF ? (U)ALL : key;                                                       \
            out[i] = (K)key ^ flip;                                                                \
        }                                                                                          \
    }
FLOAT_KEYS(FLOAT16, uint16_t, uint32_t, 0x8000, 0x7c00, 0xffff)
FLOAT_KEYS(BFLOAT16, uint16_t, uint32_t, 0x8000, 0x7f80, 0xffff)
FLOAT_KEYS(FLOAT32, uint32_t, uint32_t, 0x80000000, 0x7f800000, 0xffffffff)
FLOAT_KEYS(FLOAT64, uint64_t, uint64_t, 0x8000000000000000, 0x7ff0000000000000, 0xffffffffffffffff)

void FAC__K(fac__order_keys)(uint8_t dtype, const void *in, int64_t n, bool descending,
                             void *keys) {
    switch (dtype) {
#define FAC_X(D, T, K, key)                                                                        \
    case FAC_##D:                                                                                  \
        keys_##D(in, n, descending ? (K) ~(K)0 : 0, keys);                                         \
        break;
        INTS(FAC_X)
        FAC_X(FLOAT16, , uint32_t, )
        FAC_X(BFLOAT16, , uint32_t, )
        FAC_X(FLOAT32, , uint32_t, )
        FAC_X(FLOAT64, , uint64_t, )
    default: /* complex numbers have no order: the rules refuse them */
        break;
    }
}

fac_tensor *FAC__K(fac__order_moved)(const fac_tensor *t, int dim) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < t->ndim; d++)
        if (d != dim) {
            sizes[n] = t->sizes[d];
            strides[n++] = t->strides[d];
        }
    sizes[n] = t->ndim == 0 ? 1 : t->sizes[dim];
    strides[n++] = t->ndim == 0 ? 1 : t->strides[dim];
    return fac__alias(t, n, sizes, strides, t->offset);
}

fac_tensor *FAC__K(fac__order_rows)(fac_tensor *t, int dim) {
    fac_tensor *moved = FAC__K(fac__order_moved)(t, dim);
    if (moved == NULL)
        return NULL;
    fac_tensor *rows = fac__contiguous(moved);
    fac__release(moved);
    return rows;
}

#define FETCH(T)                                                                                   \
    for (int64_t i = 0; i < n; i++)                                                                \
        ((T *)values)[i] = ((const T *)in)[places[i]];                                             \
    break;

void FAC__K(fac__order_fetch)(const void *in, const int64_t *places, int64_t n, size_t item,
                              void *values) {
    switch (item) {
    case 1:
        FETCH(uint8_t)
    case 2:
        FETCH(uint16_t)
    case 4:
        FETCH(uint32_t)
    default:
        FETCH(uint64_t)
    }
}
