/* Conversions between all pairs of dtypes, and plain copies by element width. */
#include "half.h"
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
    return fac__float_of_float16(v.bits);
}
static inline f16 to_f16(float f) {
    return (f16){fac__float16_of_float(f)};
}
static inline float from_bf16(bf16 v) {
    return fac__float_of_bfloat16(v.bits);
}
static inline bf16 to_bf16(float f) {
    return (bf16){fac__bfloat16_of_float(f)};
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

FLOAT_SOURCE(f16, from_f16(x), from_f16(x), from_f16(x) != 0)
FLOAT_SOURCE(bf16, from_bf16(x), from_bf16(x), from_bf16(x) != 0)
FLOAT_SOURCE(float, x, x, x != 0)
FLOAT_SOURCE(double, x, x, x != 0)
FLOAT_SOURCE(c64, crealf(x), x, x != 0)
FLOAT_SOURCE(c128, creal(x), x, x != 0)

/* Between the 16-bit floats and float32, which every op of narrow tensors goes through: the
 * compiler does not make vectors of these conversions by itself. */
#define WIDEN(h, dtype)                                                                            \
    static void widen_##h(LOOP_ARGS) {                                                             \
        if (s[0] != sizeof(float) || s[1] != sizeof(uint16_t)) {                                   \
            h##_to_float(data, s, n0, n1, ctx);                                                    \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n1; j++) {                                                       \
            float *o = (float *)(data[0] + j * s[2]);                                              \
            const uint16_t *p = (const uint16_t *)(data[1] + j * s[3]);                            \
            ptrdiff_t i = 0;                                                                       \
            for (; i + 8 <= n0; i += 8) {                                                          \
                fac__v8 v;                                                                         \
                fac__load8_##dtype(&v, p + i);                                                     \
                memcpy(o + i, &v, sizeof v);                                                       \
            }                                                                                      \
            for (; i < n0; i++)                                                                    \
                o[i] = fac__float_of_##dtype(p[i]);                                                \
        }                                                                                          \
    }                                                                                              \
    static void narrow_##h(LOOP_ARGS) {                                                            \
        if (s[0] != sizeof(uint16_t) || s[1] != sizeof(float)) {                                   \
            float_to_##h(data, s, n0, n1, ctx);                                                    \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n1; j++) {                                                       \
            uint16_t *o = (uint16_t *)(data[0] + j * s[2]);                                        \
            const float *p = (const float *)(data[1] + j * s[3]);                                  \
            ptrdiff_t i = 0;                                                                       \
            for (; i + 16 <= n0; i += 16) {                                                        \
                fac__v8 v, w;                                                                      \
                memcpy(&v, p + i, sizeof v);                                                       \
                memcpy(&w, p + i + 8, sizeof w);                                                   \
                fac__store16_##dtype(o + i, &v, &w);                                               \
            }                                                                                      \
            for (; i < n0; i++)                                                                    \
                o[i] = fac__##dtype##_of_float(p[i]);                                              \
        }                                                                                          \
    }
WIDEN(f16, float16)
WIDEN(bf16, bfloat16)
UNARY_FAST(same_f16, uint16_t, f16, f16, x)
UNARY_FAST(same_bf16, uint16_t, bf16, bf16, x)

#define ROW(F) ROW_WITH(F, F##_to_f16, F##_to_bf16, F##_to_float)
#define ROW_WITH(F, F16, BF16, F32)                                                                \
    {                                                                                              \
        [FAC_BOOL] = F##_to_b8,         [FAC_UINT8] = F##_to_uint8_t,                              \
        [FAC_INT8] = F##_to_int8_t,     [FAC_INT16] = F##_to_int16_t,                              \
        [FAC_INT32] = F##_to_int32_t,   [FAC_INT64] = F##_to_int64_t,                              \
        [FAC_UINT16] = F##_to_uint16_t, [FAC_UINT32] = F##_to_uint32_t,                            \
        [FAC_UINT64] = F##_to_uint64_t, [FAC_FLOAT16] = F16,                                       \
        [FAC_BFLOAT16] = BF16,          [FAC_FLOAT32] = F32,                                       \
        [FAC_FLOAT64] = F##_to_double,  [FAC_COMPLEX64] = F##_to_c64,                              \
        [FAC_COMPLEX128] = F##_to_c128,                                                            \
    }
fac__loop *const FAC__K(fac__cast_table)[FAC_NUM_DTYPES][FAC_NUM_DTYPES] = {
    [FAC_BOOL] = ROW(b8),
    [FAC_UINT8] = ROW(uint8_t),
    [FAC_INT8] = ROW(int8_t),
    [FAC_INT16] = ROW(int16_t),
    [FAC_INT32] = ROW(int32_t),
    [FAC_INT64] = ROW(int64_t),
    [FAC_UINT16] = ROW(uint16_t),
    [FAC_UINT32] = ROW(uint32_t),
    [FAC_UINT64] = ROW(uint64_t),
    [FAC_FLOAT16] = ROW_WITH(f16, same_f16, f16_to_bf16, widen_f16),
    [FAC_BFLOAT16] = ROW_WITH(bf16, bf16_to_f16, same_bf16, widen_bf16),
    [FAC_FLOAT32] = ROW_WITH(float, narrow_f16, narrow_bf16, float_to_float),
    [FAC_FLOAT64] = ROW(double),
    [FAC_COMPLEX64] = ROW(c64),
    [FAC_COMPLEX128] = ROW(c128),
};
