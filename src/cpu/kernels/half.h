/* float16 and bfloat16 to float32 and back, one at a time, for kernels of every instruction set.
 *
 * Rounding is to nearest, ties to even; NaNs become the quiet NaN of the narrow type.
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
    return _cvtss_sh(f, _MM_FROUND_TO_NEAREST_INT);
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
        return (uint16_t)(sign | 0x7e00 | (u >> 13 & 0x1ff));
    if (u >= 0x477ff000) /* rounds to 65536 or beyond */
        return (uint16_t)(sign | 0x7c00);
    if (u < 0x38800000) /* subnormal: adding 0.5 leaves the rounded bits at the bottom */
        return (uint16_t)(sign | (fac__bits_of_float(fac__float_of_bits(u) + 0.5f) - 0x3f000000));
    u += 0xfff + (u >> 13 & 1);
    return (uint16_t)(sign | ((u - 0x38000000) >> 13));
}

#endif
#endif
