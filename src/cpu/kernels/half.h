/* float16 and bfloat16 to float32 and back, one at a time, for kernels of every instruction set.
 *
 * Rounding is to nearest, ties to even; NaNs become the one quiet NaN of the narrow type.
 */
#ifndef FAC__HALF_H
#define FAC__HALF_H

#include <stdint.h>
#include <string.h>

#ifdef __F16C__
#include <immintrin.h>
#endif

static inline float fac__float_of_bits(uint32_t u) {
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline uint32_t fac__bits_of_float(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float fac__float_of_bfloat16(uint16_t h) {
    return fac__float_of_bits((uint32_t)h << 16);
}

static inline uint16_t fac__bfloat16_of_float(float f) {
    uint32_t u = fac__bits_of_float(f);
    if ((u & 0x7fffffff) > 0x7f800000)
        return 0x7fc0;
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

#ifdef __F16C__

static inline float fac__float_of_float16(uint16_t h) {
    return _cvtsh_ss(h);
}

static inline uint16_t fac__float16_of_float(float f) {
    return f != f ? 0x7e00 : _cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT);
}

#else

static inline float fac__float_of_float16(uint16_t h) {
    /* The exponent's bias is mended by a product, which also scales subnormals right. */
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    float f = fac__float_of_bits((uint32_t)(h & 0x7fff) << 13) * 0x1p112f;
    uint32_t u = fac__bits_of_float(f);
    if ((h & 0x7c00) == 0x7c00)
        u |= (h & 0x3ff) ? 0x7fc00000 : 0x7f800000;
    return fac__float_of_bits(u | sign);
}

static inline uint16_t fac__float16_of_float(float f) {
    uint32_t u = fac__bits_of_float(f);
    uint16_t sign = (uint16_t)(u >> 16 & 0x8000);
    u &= 0x7fffffff;
    if (u > 0x7f800000)
        return 0x7e00;
    if (u >= 0x477ff000) /* rounds to 65536 or beyond */
        return (uint16_t)(sign | 0x7c00);
    if (u < 0x38800000) /* subnormal: adding 0.5 leaves the rounded bits at the bottom */
        return (uint16_t)(sign | (fac__bits_of_float(fac__float_of_bits(u) + 0.5f) - 0x3f000000));
    u += 0xfff + (u >> 13 & 1);
    return (uint16_t)(sign | ((u - 0x38000000) >> 13));
}

#endif

/* Eight at a time, with the same bits. */
typedef float fac__v8 __attribute__((vector_size(32)));
typedef uint32_t fac__u8 __attribute__((vector_size(32)));
typedef uint16_t fac__h8 __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) void fac__load8_float16(fac__v8 *v,
                                                                     const uint16_t *p) {
#ifdef __F16C__
    *v = (fac__v8)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
#else
    for (int i = 0; i < 8; i++)
        (*v)[i] = fac__float_of_float16(p[i]);
#endif
}

static inline __attribute__((always_inline)) void fac__store8_float16(uint16_t *p,
                                                                      const fac__v8 *v) {
#ifdef __F16C__
    __m256 x = (__m256)*v, nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
    x = _mm256_blendv_ps(x, nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int i = 0; i < 8; i++)
        p[i] = fac__float16_of_float((*v)[i]);
#endif
}

static inline __attribute__((always_inline)) void fac__load8_bfloat16(fac__v8 *v,
                                                                      const uint16_t *p) {
#ifdef __AVX2__
    __m256i w = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    *v = (fac__v8)_mm256_slli_epi32(w, 16);
#else
    fac__h8 h;
    memcpy(&h, p, sizeof h);
    *v = (fac__v8)(__builtin_convertvector(h, fac__u8) << 16);
#endif
}

/* Rounded to their upper halves. */
static inline __attribute__((always_inline)) void fac__round8_bfloat16(fac__u8 *u,
                                                                       const fac__v8 *v) {
    *u = (fac__u8)*v;
    fac__u8 up = *u + 0x7fff + (*u >> 16 & 1);
#ifdef __AVX2__
    const __m256 x = (__m256)*v, nan = (__m256)_mm256_set1_epi32(0x7fc00000);
    *u = (fac__u8)_mm256_blendv_ps((__m256)up, nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
#else
    fac__u8 nan = (fac__u8)((*u & 0x7fffffff) > 0x7f800000);
    *u = (up & ~nan) | (0x7fc00000 & nan);
#endif
}

static inline __attribute__((always_inline)) void fac__store8_bfloat16(uint16_t *p,
                                                                       const fac__v8 *v) {
    fac__u8 u;
    fac__round8_bfloat16(&u, v);
    u >>= 16;
#ifdef __AVX2__
    __m256i w = (__m256i)u;
    _mm_storeu_si128((__m128i *)(void *)p,
                     _mm_packus_epi32(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1)));
#else
    fac__h8 h = __builtin_convertvector(u, fac__h8);
    memcpy(p, &h, sizeof h);
#endif
}

/* Sixteen: of bfloat16 two vectors are packed at once. */
static inline __attribute__((always_inline)) void
fac__store16_float16(uint16_t *p, const fac__v8 *v, const fac__v8 *w) {
    fac__store8_float16(p, v);
    fac__store8_float16(p + 8, w);
}

static inline __attribute__((always_inline)) void
fac__store16_bfloat16(uint16_t *p, const fac__v8 *v, const fac__v8 *w) {
#ifdef __AVX2__
    fac__u8 a, b;
    fac__round8_bfloat16(&a, v);
    fac__round8_bfloat16(&b, w);
    __m256i r = _mm256_packus_epi32((__m256i)(a >> 16), (__m256i)(b >> 16));
    _mm256_storeu_si256((__m256i *)(void *)p, _mm256_permute4x64_epi64(r, 0xd8));
#else
    fac__store8_bfloat16(p, v);
    fac__store8_bfloat16(p + 8, w);
#endif
}

#endif
