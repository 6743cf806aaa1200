/* The greater and the smaller of two numbers, where NaN wins over both. On vectors as well: the
 * instruction returns its second operand where one is NaN, and a mask of ones is a NaN. */
#ifndef FAC_EXTREME_H
#define FAC_EXTREME_H

#include "reduce.h"

#define FAC__MAX(a, b) ((b) > (a) || (b) != (b) ? (b) : (a))
#define FAC__MIN(a, b) ((b) < (a) || (b) != (b) ? (b) : (a))

/* The same without a branch, which would often be predicted wrong. */
#if defined(__SSE2__)
#include <immintrin.h>
#define FAC__EXTREME_1(name, n, T, V, one, all, get)                                               \
    static inline T fac__##name##_##n(T a, T b) {                                                  \
        const V x = _mm_set_##one(a), y = _mm_set_##one(b);                                        \
        return get(_mm_or_##all(_mm_##name##_##one(y, x), _mm_cmpunord_##one(y, y)));              \
    }
FAC__EXTREME_1(max, f32, float, __m128, ss, ps, _mm_cvtss_f32)
FAC__EXTREME_1(min, f32, float, __m128, ss, ps, _mm_cvtss_f32)
FAC__EXTREME_1(max, f64, double, __m128d, sd, pd, _mm_cvtsd_f64)
FAC__EXTREME_1(min, f64, double, __m128d, sd, pd, _mm_cvtsd_f64)
#else
#define fac__max_f32 FAC__MAX
#define fac__min_f32 FAC__MIN
#define fac__max_f64 FAC__MAX
#define fac__min_f64 FAC__MIN
#endif

#if defined(__AVX2__)
#define FAC__EXTREME_V(name, T, V, suffix)                                                         \
    static inline V fac__##name##_v##T(V a, V b) {                                                 \
        V m = (V)_mm256_##name##_##suffix(b, a);                                                   \
        return (V)_mm256_or_##suffix(m, _mm256_cmp_##suffix(b, b, _CMP_UNORD_Q));                  \
    }
FAC__EXTREME_V(max, f32, fac__vf32, ps)
FAC__EXTREME_V(min, f32, fac__vf32, ps)
FAC__EXTREME_V(max, f64, fac__vf64, pd)
FAC__EXTREME_V(min, f64, fac__vf64, pd)

/* Two vectors are looked through for NaNs at once, beside an extreme that passes them over; what
 * was found is the mask of ones that makes a NaN of it. */
#define FAC__EXTREME_NAN(T, V, suffix)                                                             \
    static inline V fac__nan_v##T(V nan, V v, V w) {                                               \
        return (V)_mm256_or_##suffix(nan, _mm256_cmp_##suffix(v, w, _CMP_UNORD_Q));                \
    }                                                                                              \
    static inline bool fac__no_nan_v##T(V nan) {                                                   \
        return _mm256_movemask_##suffix(nan) == 0;                                                 \
    }                                                                                              \
    static inline V fac__mark_v##T(V a, V nan) {                                                   \
        return (V)_mm256_or_##suffix(a, nan);                                                      \
    }                                                                                              \
    static inline V fac__max_number_v##T(V a, V v) {                                               \
        return (V)_mm256_max_##suffix(v, a);                                                       \
    }                                                                                              \
    static inline V fac__min_number_v##T(V a, V v) {                                               \
        return (V)_mm256_min_##suffix(v, a);                                                       \
    }
FAC__EXTREME_NAN(f32, fac__vf32, ps)
FAC__EXTREME_NAN(f64, fac__vf64, pd)
#else
#define FAC__EXTREME_V(name, T, V, VI, op)                                                         \
    static inline V fac__##name##_v##T(V a, V b) {                                                 \
        VI take = (VI)(b op a) | (VI)(b != b);                                                     \
        return (V)(((VI)b & take) | ((VI)a & ~take));                                              \
    }
FAC__EXTREME_V(max, f32, fac__vf32, fac__vi32, >)
FAC__EXTREME_V(min, f32, fac__vf32, fac__vi32, <)
FAC__EXTREME_V(max, f64, fac__vf64, fac__vi64, >)
FAC__EXTREME_V(min, f64, fac__vf64, fac__vi64, <)
#endif

#endif
