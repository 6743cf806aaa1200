/* Conversions between all pairs of dtypes, and plain copies by element width. */
#include "loops.h"

#include <complex.h>
#include <string.h>

typedef unsigned char b8;
typedef float complex c64;
typedef double complex c128;
typedef struct {
    uint16_t bits;
} f16;
typedef struct {
    uint16_t bits;
} bf16;

static inline float from_f16(f16 v) {
    uint32_t h = v.bits, sign = (h & 0x8000u) << 16, mag = h & 0x7fffu, x;
    float f;
    if (mag >= 0x7c00u) {
        x = sign | 0x7f800000u | ((mag & 0x3ffu) << 13);
    } else if (mag >= 0x400u) {
        x = sign | ((mag << 13) + 0x38000000u);
    } else {
        f = (float)mag * 0x1p-24f;
        memcpy(&x, &f, 4);
        x |= sign;
    }
    memcpy(&f, &x, 4);
    return f;
}

static inline f16 to_f16(float f) {
    uint32_t x;
    memcpy(&x, &f, 4);
    uint32_t sign = (x >> 16) & 0x8000u, mag = x & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (f16){(uint16_t)(sign | 0x7e00u)};
    if (mag >= 0x477ff000u)
        return (f16){(uint16_t)(sign | 0x7c00u)};
    if (mag < 0x38800000u) {
        float m;
        memcpy(&m, &mag, 4);
        m += 0.5f; /* the rounded bits end up at the bottom */
        uint32_t r;
        memcpy(&r, &m, 4);
        return (f16){(uint16_t)(sign | (r - 0x3f000000u))};
    }
    return (f16){(uint16_t)(sign | ((mag - 0x38000000u + 0xfffu + ((mag >> 13) & 1u)) >> 13))};
}

static inline float from_bf16(bf16 v) {
    uint32_t x = (uint32_t)v.bits << 16;
    float f;
    memcpy(&f, &x, 4);
    return f;
}

static inline bf16 to_bf16(float f) {
    uint32_t x;
    memcpy(&x, &f, 4);
    if ((x & 0x7fffffffu) > 0x7f800000u)
        return (bf16){0x7fc0u};
    return (bf16){(uint16_t)((x + 0x7fffu + ((x >> 16) & 1u)) >> 16)};
}

/* Out of range conversions give what x86's instructions give, without being undefined. */
static inline int64_t wide(double d) {
    return d >= -9223372036854775808.0 && d < 9223372036854775808.0 ? (int64_t)d : INT64_MIN;
}
static inline uint64_t wide_unsigned(double d) {
    return d >= 9223372036854775808.0 && d < 18446744073709551616.0
               ? (uint64_t)(d - 9223372036854775808.0) + 0x8000000000000000u
               : (uint64_t)wide(d);
}
static inline int32_t narrow(double d) {
    return d > -2147483649.0 && d < 2147483648.0 ? (int32_t)d : INT32_MIN;
}

#define INT_FROM_FLOAT(T, v)                                                                       \
    (sizeof(T) == 8 ? ((T) - 1 > 0 ? (T)wide_unsigned((double)(v)) : (T)wide((double)(v)))         \
     : sizeof(T) == 4 && (T) - 1 > 0 ? (T)wide((double)(v))                                        \
                                     : (T)narrow((double)(v)))

#define CAST(F, f, T, expr) UNARY_FAST(F##_to_##T, T, f, T, expr)
#define INT_SOURCE(F)                                                                              \
    CAST(F, F, b8, x != 0)                                                                         \
    CAST(F, F, uint8_t, x)                                                                         \
    CAST(F, F, int8_t, x)                                                                          \
    CAST(F, F, int16_t, x)                                                                         \
    CAST(F, F, int32_t, x)                                                                         \
    CAST(F, F, int64_t, x)                                                                         \
    CAST(F, F, uint16_t, x)                                                                        \
    CAST(F, F, uint32_t, x)                                                                        \
    CAST(F, F, uint64_t, x)                                                                        \
    UNARY_FAST(F##_to_f16, f16, F, f16, to_f16((float)x))                                          \
    UNARY_FAST(F##_to_bf16, bf16, F, bf16, to_bf16((float)x))                                      \
    CAST(F, F, float, x)                                                                           \
    CAST(F, F, double, x)                                                                          \
    CAST(F, F, c64, (float)x)                                                                      \
    CAST(F, F, c128, (double)x)
#define FLOAT_SOURCE(F, real, whole, truth)                                                        \
    CAST(F, F, b8, truth)                                                                          \
    CAST(F, F, uint8_t, INT_FROM_FLOAT(uint8_t, real))                                             \
    CAST(F, F, int8_t, INT_FROM_FLOAT(int8_t, real))                                               \
    CAST(F, F, int16_t, INT_FROM_FLOAT(int16_t, real))                                             \
    CAST(F, F, int32_t, INT_FROM_FLOAT(int32_t, real))                                             \
    CAST(F, F, int64_t, INT_FROM_FLOAT(int64_t, real))                                             \
    CAST(F, F, uint16_t, INT_FROM_FLOAT(uint16_t, real))                                           \
    CAST(F, F, uint32_t, INT_FROM_FLOAT(uint32_t, real))                                           \
    CAST(F, F, uint64_t, INT_FROM_FLOAT(uint64_t, real))                                           \
    UNARY_FAST(F##_to_f16, f16, F, f16, to_f16((float)(real)))                                     \
    UNARY_FAST(F##_to_bf16, bf16, F, bf16, to_bf16((float)(real)))                                 \
    CAST(F, F, float, real)                                                                        \
    CAST(F, F, double, real)                                                                       \
    CAST(F, F, c64, (c64)(whole))                                                                  \
    CAST(F, F, c128, (c128)(whole))
INT_SOURCE(b8)
INT_SOURCE(uint8_t)
INT_SOURCE(int8_t)
INT_SOURCE(int16_t)
INT_SOURCE(int32_t)
INT_SOURCE(int64_t)
INT_SOURCE(uint16_t)
INT_SOURCE(uint32_t)
INT_SOURCE(uint64_t)
/* Conversions of the 16-bit floats to themselves keep the bits of a nan. */
FLOAT_SOURCE(f16, from_f16(x), from_f16(x), from_f16(x) != 0)
FLOAT_SOURCE(bf16, from_bf16(x), from_bf16(x), from_bf16(x) != 0)
FLOAT_SOURCE(float, x, x, x != 0)
FLOAT_SOURCE(double, x, x, x != 0)
FLOAT_SOURCE(c64, crealf(x), x, x != 0)
FLOAT_SOURCE(c128, creal(x), x, x != 0)

#define ROW(F)                                                                                     \
    {                                                                                              \
        [FAC_BOOL] = F##_to_b8,         [FAC_UINT8] = F##_to_uint8_t,                              \
        [FAC_INT8] = F##_to_int8_t,     [FAC_INT16] = F##_to_int16_t,                              \
        [FAC_INT32] = F##_to_int32_t,   [FAC_INT64] = F##_to_int64_t,                              \
        [FAC_UINT16] = F##_to_uint16_t, [FAC_UINT32] = F##_to_uint32_t,                            \
        [FAC_UINT64] = F##_to_uint64_t, [FAC_FLOAT16] = F##_to_f16,                                \
        [FAC_BFLOAT16] = F##_to_bf16,   [FAC_FLOAT32] = F##_to_float,                              \
        [FAC_FLOAT64] = F##_to_double,  [FAC_COMPLEX64] = F##_to_c64,                              \
        [FAC_COMPLEX128] = F##_to_c128,                                                            \
    }
fac__loop *const FAC__K(fac__cast_table)[FAC_NUM_DTYPES][FAC_NUM_DTYPES] = {
    [FAC_BOOL] = ROW(b8),         [FAC_UINT8] = ROW(uint8_t),   [FAC_INT8] = ROW(int8_t),
    [FAC_INT16] = ROW(int16_t),   [FAC_INT32] = ROW(int32_t),   [FAC_INT64] = ROW(int64_t),
    [FAC_UINT16] = ROW(uint16_t), [FAC_UINT32] = ROW(uint32_t), [FAC_UINT64] = ROW(uint64_t),
    [FAC_FLOAT16] = ROW(f16),     [FAC_BFLOAT16] = ROW(bf16),   [FAC_FLOAT32] = ROW(float),
    [FAC_FLOAT64] = ROW(double),  [FAC_COMPLEX64] = ROW(c64),   [FAC_COMPLEX128] = ROW(c128),
};
