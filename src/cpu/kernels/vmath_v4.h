/* The functions that are called most, of 16 floats at once with AVX-512: within 1 ULP or little
 * more, without a branch, the same bits in every lane.
 *
 * exp scales by vscalef, which rounds subnormal results once. log takes vgetexp and vgetmant apart
 * and reduces by a table of 32 reciprocals whose logarithms are nearly multiples of 2^-16 (S. Gal,
 * Computing elementary functions: a new approach for achieving high accuracy and good performance,
 * 1986). tanh and erf are polynomials from a table, a cell of |x| each. Quotients and square roots
 * come from a 14-bit estimate, one Newton step and a last correction by the remainder (P.
 * Markstein, Computation of elementary functions on the IBM RISC System/6000 processor, 1990). */
#ifndef FAC__VMATH_V4_H
#define FAC__VMATH_V4_H

#include "vmath_tables.h"

#include <immintrin.h>

#define V4_INLINE static inline __attribute__((always_inline))
typedef __m512 v16;

#define V4(c) _mm512_set1_ps(c)
#define V4_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define V4_ABS(x) _mm512_abs_ps(x)

/* The magnitude of a with the sign of b. */
V4_INLINE v16 v4_copysign(v16 a, v16 b) {
    const __m512i sign = _mm512_set1_epi32((int)0x80000000u);
    return _mm512_castsi512_ps(
        _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(b), _mm512_castps_si512(a), 0xca));
}

/* e^x for x <= 104 or NaN. */
V4_INLINE v16 v4_exp_from_below(v16 x) {
    const v16 magic = V4(12582912.0f); /* adding 1.5 * 2^23 rounds to an integer */
    x = _mm512_max_ps(V4(-104.0f), x);
    v16 n = _mm512_sub_ps(V4_FMA(x, V4(1.44269504088896341f), magic), magic);
    v16 r = _mm512_fnmadd_ps(n, V4(0.693359375f), x);
    r = V4_FMA(n, V4(2.12194440e-4f), r);
    v16 p = V4_FMA(V4(0x1.6d1106p-10f), r, V4(0x1.120b6cp-7f));
    p = V4_FMA(p, r, V4(0x1.55551ap-5f));
    p = V4_FMA(p, r, V4(0x1.5554dcp-3f));
    p = V4_FMA(p, r, V4(0.5f));
    p = V4_FMA(p, r, V4(1.0f));
    p = V4_FMA(p, r, V4(1.0f));
    return _mm512_scalef_ps(p, n);
}

V4_INLINE v16 v4_exp(v16 x) {
    return v4_exp_from_below(_mm512_min_ps(V4(104.0f), x));
}

V4_INLINE v16 v4_log(v16 x) {
    static const float inverse[32] = {
        1.0f,        0.9609425f,  0.9307239f, 0.9011943f, 0.88066745f, 0.8603718f, 0.8242486f,
        0.8152427f,  0.78807724f, 0.77625f,   0.7556463f, 0.74152845f, 0.7168849f, 0.71087205f,
        0.69387513f, 0.67675775f, 1.3020586f, 1.3020586f, 1.2691629f,  1.2427363f, 1.2249639f,
        1.2099724f,  1.1691363f,  1.1691363f, 1.1174376f, 1.1174376f,  1.0768616f, 1.0768616f,
        1.0568392f,  1.0568392f,  1.0126063f, 1.0f};
#define L(n) (n) * 0x1p-16f
    static const float logarithm[32] = {
        L(0),      L(2611),   L(4705),   L(6818),   L(8328),   L(9856),   L(12667),  L(13387),
        L(15608),  L(16599),  L(18362),  L(19598),  L(21813),  L(22365),  L(23951),  L(25588),
        L(-17298), L(-17298), L(-15621), L(-14242), L(-13298), L(-12491), L(-10241), L(-10241),
        L(-7277),  L(-7277),  L(-4853),  L(-4853),  L(-3623),  L(-3623),  L(-821),   L(0)};
#undef L
    v16 m = _mm512_getmant_ps(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan), e = _mm512_getexp_ps(x);
    e = _mm512_mask_add_ps(e, _mm512_cmp_ps_mask(m, V4(1), _CMP_LT_OQ), e, V4(1));
    __m512i cell = _mm512_srli_epi32(_mm512_castps_si512(m), 18); /* its lower five bits */
    v16 c = _mm512_permutex2var_ps(_mm512_loadu_ps(inverse), cell, _mm512_loadu_ps(inverse + 16));
    v16 l =
        _mm512_permutex2var_ps(_mm512_loadu_ps(logarithm), cell, _mm512_loadu_ps(logarithm + 16));
    v16 r = _mm512_fmsub_ps(m, c, V4(1));
    v16 p = V4_FMA(V4(0.196959615f), r, V4(-0.250093788f));
    p = V4_FMA(p, r, V4(0.333334357f));
    p = V4_FMA(p, r, V4(-0.5f));
    p = V4_FMA(p, _mm512_mul_ps(r, r), r);
    p = V4_FMA(e, V4(1.42860677e-06f), p);
    return _mm512_add_ps(V4_FMA(e, V4(0.693145752f), l), p); /* the first sum is exact */
}

/* f(x) for an odd function with a table; low is what its slope at 0 has beyond a float. */
V4_INLINE v16 v4_odd(const float table[7][32], v16 x, float end, float low) {
    v16 a = _mm512_min_ps(V4(end), V4_ABS(x));
    __m512i cell = _mm512_max_epi32(_mm512_castps_si512(a), _mm512_set1_epi32(0x3de00000));
    cell = _mm512_srli_epi32(cell, 21); /* 3de00000 is a cell below 1/8 */
#define COLUMN(i)                                                                                  \
    _mm512_permutex2var_ps(_mm512_loadu_ps(table[i]), cell, _mm512_loadu_ps(table[i] + 16))
    v16 r = _mm512_sub_ps(a, COLUMN(0)), p = COLUMN(6);
    p = V4_FMA(p, r, COLUMN(5));
    p = V4_FMA(p, r, COLUMN(4));
    p = V4_FMA(p, r, COLUMN(3));
    p = V4_FMA(p, r, COLUMN(2));
    p = V4_FMA(p, r, COLUMN(1));
#undef COLUMN
    if (low != 0)
        p = _mm512_mask3_fmadd_ps(a, V4(low), p, _mm512_cmp_ps_mask(a, V4(0.125f), _CMP_LT_OQ));
    return v4_copysign(p, x);
}

V4_INLINE v16 v4_tanh(v16 x) {
    return v4_odd(v4_tanh_table, x, 9.1f, 0);
}

V4_INLINE v16 v4_erf(v16 x) {
    return v4_odd(v4_erf_table, x, 3.99f, -5.86353454e-8f);
}

/* x / 2 + x / 2 erf(x / sqrt(2)) */
V4_INLINE v16 v4_gelu_erf(v16 x) {
    v16 half = _mm512_mul_ps(x, V4(0.5f));
    v16 y = v4_erf(_mm512_mul_ps(x, V4(0.70710678118654752440f)));
    return V4_FMA(half, y, half);
}

/* e^min(x, 0) / (1 + e^-|x|); what the sum loses by rounding is part of the remainder. */
V4_INLINE v16 v4_sigmoid(v16 x) {
    v16 t = v4_exp_from_below(_mm512_or_ps(x, V4(-0.0f)));
    v16 top = _mm512_mask_mov_ps(V4(1), _mm512_movepi32_mask(_mm512_castps_si512(x)), t);
    v16 d = _mm512_add_ps(V4(1), t), lost = _mm512_sub_ps(t, _mm512_sub_ps(d, V4(1)));
    v16 y = _mm512_rcp14_ps(d);
    y = V4_FMA(y, _mm512_fnmadd_ps(d, y, V4(1)), y);
    v16 q = _mm512_mul_ps(top, y);
    return V4_FMA(_mm512_fnmadd_ps(lost, q, _mm512_fnmadd_ps(d, q, top)), y, q);
}

V4_INLINE v16 v4_silu(v16 x) {
    return _mm512_mul_ps(x, v4_sigmoid(x));
}

/* The root of a negative number is NaN, of 0 and infinity itself; those and what lies near the ends
 * of the range go the slow way, to the same bits. */
V4_INLINE v16 v4_sqrt(v16 x) {
    __m512i above = _mm512_sub_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x0d000000));
    if (_mm512_cmpgt_epu32_mask(above, _mm512_set1_epi32(0x71000000)) != 0)
        return _mm512_sqrt_ps(x);
    v16 y = _mm512_rsqrt14_ps(x), g = _mm512_mul_ps(x, y), h = _mm512_mul_ps(y, V4(0.5f));
    v16 d = _mm512_fnmadd_ps(h, g, V4(0.5f));
    g = V4_FMA(g, d, g);
    h = V4_FMA(h, d, h);
    return V4_FMA(_mm512_fnmadd_ps(g, g, x), h, g);
}

/* A loop of the unary loops' shape; elements that do not lie side by side are gathered first. */
#define V4_UNARY(name)                                                                             \
    static void name##_run(float *o, const float *p, ptrdiff_t n) {                                \
        ptrdiff_t i = 0;                                                                           \
        for (; i + 32 <= n; i += 32) {                                                             \
            v16 a = v4_##name(_mm512_loadu_ps(p + i)), b = v4_##name(_mm512_loadu_ps(p + i + 16)); \
            _mm512_storeu_ps(o + i, a);                                                            \
            _mm512_storeu_ps(o + i + 16, b);                                                       \
        }                                                                                          \
        for (; i < n; i += 16) {                                                                   \
            __mmask16 k = (__mmask16)(n - i < 16 ? (1u << (n - i)) - 1 : 0xffffu);                 \
            v16 one = V4(1);                                                                       \
            _mm512_mask_storeu_ps(o + i, k, v4_##name(_mm512_mask_loadu_ps(one, k, p + i)));       \
        }                                                                                          \
    }                                                                                              \
    static void name##_f32(LOOP_ARGS) {                                                            \
        enum { RUN = 256 };                                                                        \
        UNUSED_CTX;                                                                                \
        const bool dense = s[0] == sizeof(float) && s[1] == sizeof(float);                         \
        float room[RUN];                                                                           \
        for (ptrdiff_t j = 0; j < n1; j++) {                                                       \
            char *o = data[0] + j * s[2];                                                          \
            const char *p = data[1] + j * s[3];                                                    \
            if (dense) {                                                                           \
                name##_run((float *)o, (const float *)p, n0);                                      \
                continue;                                                                          \
            }                                                                                      \
            for (ptrdiff_t from = 0; from < n0; from += RUN) {                                     \
                const ptrdiff_t m = n0 - from < RUN ? n0 - from : RUN;                             \
                for (ptrdiff_t i = 0; i < m; i++)                                                  \
                    room[i] = *(const float *)(p + (from + i) * s[1]);                             \
                name##_run(room, room, m);                                                         \
                for (ptrdiff_t i = 0; i < m; i++)                                                  \
                    *(float *)(o + (from + i) * s[0]) = room[i];                                   \
            }                                                                                      \
        }                                                                                          \
    }

#endif
