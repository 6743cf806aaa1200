/* Vectors as wide as the instruction set, in GCC's vector extension, for the matrix kernels.
 *
 * One source serves SSE2, AVX2, AVX-512 and NEON: what differs is the width, the number of rows a
 * register tile can hold, and the fused multiply-add (base has none: it multiplies, then adds).
 */
#ifndef FAC__GEMM_SIMD_H
#define FAC__GEMM_SIMD_H

#include "shuffle.h"

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* GEMM_ROWS rows of two vectors each are what the registers hold as accumulators. */
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define GEMM_VEC 64
#define GEMM_ROWS 14
#elif defined(__AVX2__) && defined(__FMA__)
#define GEMM_VEC 32
#define GEMM_ROWS 6
#elif defined(__aarch64__)
#define GEMM_VEC 16
#define GEMM_ROWS 8
#else
#define GEMM_VEC 16
#define GEMM_ROWS 6
#endif

/* Transposing is done in vectors of at most 32 bytes: wider shuffles gain nothing. */
#define GEMM_PACK (GEMM_VEC < 32 ? GEMM_VEC : 32)

#define GEMM_INLINE static inline __attribute__((always_inline))

#define GEMM_VECTOR(T, name)                                                                       \
    typedef T v##name __attribute__((vector_size(GEMM_VEC)));                                      \
    typedef T p##name __attribute__((vector_size(GEMM_PACK)));
GEMM_VECTOR(float, f32)
GEMM_VECTOR(double, f64)
GEMM_VECTOR(uint32_t, u32)
GEMM_VECTOR(uint64_t, u64)
#undef GEMM_VECTOR

/* gemm_fma_X(a, b, c) is a * b + c, rounded once where the machine can; v is the full width, p the
 * packing width. */
#if GEMM_VEC >= 32
GEMM_INLINE pf32 gemm_fma_pf32(pf32 a, pf32 b, pf32 c) {
    return (pf32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}
GEMM_INLINE pf64 gemm_fma_pf64(pf64 a, pf64 b, pf64 c) {
    return (pf64)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
#if GEMM_VEC == 64
GEMM_INLINE vf32 gemm_fma_vf32(vf32 a, vf32 b, vf32 c) {
    return (vf32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}
GEMM_INLINE vf64 gemm_fma_vf64(vf64 a, vf64 b, vf64 c) {
    return (vf64)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
#else
#define gemm_fma_vf32 gemm_fma_pf32
#define gemm_fma_vf64 gemm_fma_pf64
#endif
#else
#ifdef __aarch64__
GEMM_INLINE vf32 gemm_fma_vf32(vf32 a, vf32 b, vf32 c) {
    return (vf32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
GEMM_INLINE vf64 gemm_fma_vf64(vf64 a, vf64 b, vf64 c) {
    return (vf64)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
#else
GEMM_INLINE vf32 gemm_fma_vf32(vf32 a, vf32 b, vf32 c) {
    return a * b + c;
}
GEMM_INLINE vf64 gemm_fma_vf64(vf64 a, vf64 b, vf64 c) {
    return a * b + c;
}
#endif
#define gemm_fma_pf32 gemm_fma_vf32
#define gemm_fma_pf64 gemm_fma_vf64
#endif

#define gemm_fma_vu32(a, b, c) ((a) * (b) + (c))
#define gemm_fma_vu64(a, b, c) ((a) * (b) + (c))
#define gemm_fma_pu32(a, b, c) ((a) * (b) + (c))
#define gemm_fma_pu64(a, b, c) ((a) * (b) + (c))

/* In-register transposes of n x n blocks, n the lanes of the packing vector. */
/* Four lanes of 8 bytes: two 128-bit halves. */
#define GEMM_TRANSPOSE4(name, V, M)                                                                \
    GEMM_INLINE void name(V t[4]) {                                                                \
        V a = FAC__SHUFFLE(M, t[0], t[1], 0, 4, 2, 6),                                             \
          b = FAC__SHUFFLE(M, t[0], t[1], 1, 5, 3, 7);                                             \
        V c = FAC__SHUFFLE(M, t[2], t[3], 0, 4, 2, 6),                                             \
          d = FAC__SHUFFLE(M, t[2], t[3], 1, 5, 3, 7);                                             \
        t[0] = FAC__SHUFFLE(M, a, c, 0, 1, 4, 5);                                                  \
        t[1] = FAC__SHUFFLE(M, b, d, 0, 1, 4, 5);                                                  \
        t[2] = FAC__SHUFFLE(M, a, c, 2, 3, 6, 7);                                                  \
        t[3] = FAC__SHUFFLE(M, b, d, 2, 3, 6, 7);                                                  \
    }

/* Four lanes of 4 bytes: one 128-bit vector. */
#define GEMM_TRANSPOSE4S(name, V, M)                                                               \
    GEMM_INLINE void name(V t[4]) {                                                                \
        V a = FAC__SHUFFLE(M, t[0], t[1], 0, 4, 1, 5),                                             \
          b = FAC__SHUFFLE(M, t[0], t[1], 2, 6, 3, 7);                                             \
        V c = FAC__SHUFFLE(M, t[2], t[3], 0, 4, 1, 5),                                             \
          d = FAC__SHUFFLE(M, t[2], t[3], 2, 6, 3, 7);                                             \
        t[0] = FAC__SHUFFLE(M, a, c, 0, 1, 4, 5);                                                  \
        t[1] = FAC__SHUFFLE(M, a, c, 2, 3, 6, 7);                                                  \
        t[2] = FAC__SHUFFLE(M, b, d, 0, 1, 4, 5);                                                  \
        t[3] = FAC__SHUFFLE(M, b, d, 2, 3, 6, 7);                                                  \
    }

#define GEMM_TRANSPOSE2(name, V, M)                                                                \
    GEMM_INLINE void name(V t[2]) {                                                                \
        V a = t[0];                                                                                \
        t[0] = FAC__SHUFFLE(M, a, t[1], 0, 2);                                                     \
        t[1] = FAC__SHUFFLE(M, a, t[1], 1, 3);                                                     \
    }

#define GEMM_TRANSPOSE8(name, V, M)                                                                \
    GEMM_INLINE void name(V t[8]) {                                                                \
        V r[8];                                                                                    \
        _Pragma("GCC unroll 8") for (int i = 0; i < 8; i += 2) {                                   \
            r[i] = FAC__SHUFFLE(M, t[i], t[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);                      \
            r[i + 1] = FAC__SHUFFLE(M, t[i], t[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);                \
        }                                                                                          \
        _Pragma("GCC unroll 2") for (int h = 0; h < 2; h++) {                                      \
            V a = r[4 * h], b = r[4 * h + 1], c = r[4 * h + 2], d = r[4 * h + 3];                  \
            t[4 * h] = FAC__SHUFFLE(M, a, c, 0, 1, 8, 9, 4, 5, 12, 13);                            \
            t[4 * h + 1] = FAC__SHUFFLE(M, a, c, 2, 3, 10, 11, 6, 7, 14, 15);                      \
            t[4 * h + 2] = FAC__SHUFFLE(M, b, d, 0, 1, 8, 9, 4, 5, 12, 13);                        \
            t[4 * h + 3] = FAC__SHUFFLE(M, b, d, 2, 3, 10, 11, 6, 7, 14, 15);                      \
        }                                                                                          \
        _Pragma("GCC unroll 4") for (int i = 0; i < 4; i++) {                                      \
            V a = t[i], b = t[i + 4];                                                              \
            t[i] = FAC__SHUFFLE(M, a, b, 0, 1, 2, 3, 8, 9, 10, 11);                                \
            t[i + 4] = FAC__SHUFFLE(M, a, b, 4, 5, 6, 7, 12, 13, 14, 15);                          \
        }                                                                                          \
    }

#if GEMM_PACK == 32
GEMM_TRANSPOSE8(gemm_transpose_f32, pf32, pu32)
GEMM_TRANSPOSE8(gemm_transpose_u32, pu32, pu32)
GEMM_TRANSPOSE4(gemm_transpose_f64, pf64, pu64)
GEMM_TRANSPOSE4(gemm_transpose_u64, pu64, pu64)
#else
GEMM_TRANSPOSE4S(gemm_transpose_f32, pf32, pu32)
GEMM_TRANSPOSE4S(gemm_transpose_u32, pu32, pu32)
GEMM_TRANSPOSE2(gemm_transpose_f64, pf64, pu64)
GEMM_TRANSPOSE2(gemm_transpose_u64, pu64, pu64)
#endif

/* Complex numbers apart and together. */
#if GEMM_PACK == 32
#define GEMM_PAIRS8 0, 2, 4, 6, 8, 10, 12, 14
#define GEMM_PAIRS4 0, 2, 4, 6
#define GEMM_ODDS8 1, 3, 5, 7, 9, 11, 13, 15
#define GEMM_ODDS4 1, 3, 5, 7
#define GEMM_LOW8 0, 8, 1, 9, 2, 10, 3, 11
#define GEMM_LOW4 0, 4, 1, 5
#define GEMM_HIGH8 4, 12, 5, 13, 6, 14, 7, 15
#define GEMM_HIGH4 2, 6, 3, 7
#else
#define GEMM_PAIRS8 0, 2, 4, 6
#define GEMM_PAIRS4 0, 2
#define GEMM_ODDS8 1, 3, 5, 7
#define GEMM_ODDS4 1, 3
#define GEMM_LOW8 0, 4, 1, 5
#define GEMM_LOW4 0, 2
#define GEMM_HIGH8 2, 6, 3, 7
#define GEMM_HIGH4 1, 3
#endif
#define GEMM_COMPLEX(name, X, M, ...)                                                              \
    GEMM_INLINE p##X gemm_##name##_##X(p##X a, p##X b) {                                           \
        return FAC__SHUFFLE(M, a, b, __VA_ARGS__);                                                 \
    }
GEMM_COMPLEX(even, f32, pu32, GEMM_PAIRS8)
GEMM_COMPLEX(odd, f32, pu32, GEMM_ODDS8)
GEMM_COMPLEX(zip_low, f32, pu32, GEMM_LOW8)
GEMM_COMPLEX(zip_high, f32, pu32, GEMM_HIGH8)
GEMM_COMPLEX(even, f64, pu64, GEMM_PAIRS4)
GEMM_COMPLEX(odd, f64, pu64, GEMM_ODDS4)
GEMM_COMPLEX(zip_low, f64, pu64, GEMM_LOW4)
GEMM_COMPLEX(zip_high, f64, pu64, GEMM_HIGH4)
#undef GEMM_COMPLEX

/* t[q] = element q of as many rows as there are lanes, s elements apart, given rows 0, 3 and 6,
 * from which two index registers reach the others. GEMM_QUADS(T) of them, so that two such blocks
 * fit in 16 registers beside their sums. */
#define GEMM_QUADS(T) (GEMM_PACK / (int)sizeof(T) < 4 ? GEMM_PACK / (int)sizeof(T) : 4)

#define GEMM_GATHER(X, T)                                                                          \
    GEMM_INLINE void gemm_gather_##X(const T *const p[3], int64_t s, p##X t[]) {                   \
        _Pragma("GCC unroll 4") for (int j = 0; j < GEMM_PACK / (int)sizeof(T); j++)               \
            memcpy(&t[j], p[j / 3] + j % 3 * s, GEMM_PACK);                                        \
        gemm_transpose_##X(t);                                                                     \
    }
#if GEMM_PACK == 32
/* In both halves, four rows of four become four columns. */
GEMM_INLINE void gemm_transpose_halves(const __m256 r[4], pf32 t[4]) {
    const __m256 a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpackhi_ps(r[0], r[1]);
    const __m256 c = _mm256_unpacklo_ps(r[2], r[3]), d = _mm256_unpackhi_ps(r[2], r[3]);
    t[0] = (pf32)_mm256_shuffle_ps(a, c, 0x44);
    t[1] = (pf32)_mm256_shuffle_ps(a, c, 0xee);
    t[2] = (pf32)_mm256_shuffle_ps(b, d, 0x44);
    t[3] = (pf32)_mm256_shuffle_ps(b, d, 0xee);
}
GEMM_INLINE __m256 gemm_two_quarters(const float *low, const float *high) {
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}
GEMM_INLINE void gemm_gather_f32(const float *const p[3], int64_t s, pf32 t[4]) {
    __m256 r[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        r[j] = gemm_two_quarters(p[j / 3] + j % 3 * s, p[(j + 4) / 3] + (j + 4) % 3 * s);
    gemm_transpose_halves(r, t);
}
GEMM_INLINE void gemm_gather_u32(const uint32_t *const p[3], int64_t s, pu32 t[4]) {
    const float *const f[3] = {(const float *)(const void *)p[0], (const float *)(const void *)p[1],
                               (const float *)(const void *)p[2]};
    pf32 x[4];
    gemm_gather_f32(f, s, x);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++)
        t[j] = (pu32)x[j];
}
#else
GEMM_GATHER(f32, float)
GEMM_GATHER(u32, uint32_t)
#endif
GEMM_GATHER(f64, double)
GEMM_GATHER(u64, uint64_t)
#undef GEMM_GATHER

#endif
