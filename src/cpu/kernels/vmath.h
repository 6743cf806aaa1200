/* exp, expm1, log, log1p, tanh, erf, sin and cos of float, without branches or tables, so that
 * loops over them become vectors; within 2 ULP. Scalar and vector code run the same operations: the
 * same bits.
 *
 * Polynomials: Cephes (expf, logf, tanhf), and N. Juffa's fit of erff. */
#ifndef FAC__VMATH_H
#define FAC__VMATH_H

#include "half.h"

#include <math.h>

#ifdef __FMA__
#define VM_FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define VM_FMA(a, b, c) ((a) * (b) + (c))
#endif

/* n of e^x = 2^n e^r, and r; e^r - 1 - r comes from the polynomial. */
static inline float vm_reduce(float x, float *r) {
    /* adding 1.5 * 2^23 rounds to an integer */
    float n = VM_FMA(x, 1.44269504088896341f, 12582912.0f) - 12582912.0f;
    *r = VM_FMA(n, 2.12194440e-4f, VM_FMA(n, -0.693359375f, x));
    return n;
}

static inline float vm_exp_tail(float r) {
    float p = 1.9875691500e-4f;
    p = VM_FMA(p, r, 1.3981999507e-3f);
    p = VM_FMA(p, r, 8.3334519073e-3f);
    p = VM_FMA(p, r, 4.1665795894e-2f);
    p = VM_FMA(p, r, 1.6666665459e-1f);
    p = VM_FMA(p, r, 5.0000001201e-1f);
    return p * (r * r);
}

/* The power of two is applied in two steps, so that subnormal results are right. */
static inline float vm_exp(float x) {
    float c = x > 89.0f ? 89.0f : x, r;
    c = c < -104.0f ? -104.0f : c;
    float n = vm_reduce(c, &r), p = (vm_exp_tail(r) + r) + 1.0f;
    int32_t k = (int32_t)n, h = k >> 1;
    p = p * fac__float_of_bits((uint32_t)(h + 127) << 23) *
        fac__float_of_bits((uint32_t)(k - h + 127) << 23);
    return x != x ? x : p;
}

/* e^x for -87 <= x <= 0: the power of two is normal. */
static inline float vm_exp_normal(float x) {
    float r, n = vm_reduce(x, &r);
    return ((vm_exp_tail(r) + r) + 1.0f) * fac__float_of_bits((uint32_t)((int32_t)n + 127) << 23);
}

/* e^x for x <= 0, where results that would be subnormal may as well be 0. */
static inline float vm_exp_below(float x) {
    float y = vm_exp_normal(x);
    return x < -87.0f ? 0.0f : y;
}

static inline float vm_expm1(float x) {
    float c = x > 89.0f ? 89.0f : x, r;
    c = c < -18.0f ? -18.0f : c;
    float n = vm_reduce(c, &r), q = vm_exp_tail(r) + r;
    int32_t k = (int32_t)n, h = k >> 1;
    float s1 = fac__float_of_bits((uint32_t)(h + 127) << 23);
    float s2 = fac__float_of_bits((uint32_t)(k - h + 127) << 23);
    float big = (q + 1.0f) * s1 * s2;
    float s = s1 * (k > 64 ? 1.0f : s2), small = VM_FMA(q, s, s - 1.0f);
    float y = k > 64 ? big : small;
    return x != x || x == 0 ? x : y;
}

static inline float vm_log(float x) {
    float tiny = x < 1.17549435e-38f ? 8388608.0f : 1.0f;
    int32_t u = (int32_t)fac__bits_of_float(x * tiny) - 0x3f3504f3; /* of sqrt(1/2) */
    int32_t k = u >> 23;
    float m = fac__float_of_bits((uint32_t)(u & 0x7fffff) + 0x3f3504f3u) - 1.0f;
    float e = (float)k - (tiny != 1.0f ? 23.0f : 0.0f), z = m * m;
    float p = 7.0376836292e-2f;
    p = VM_FMA(p, m, -1.1514610310e-1f);
    p = VM_FMA(p, m, 1.1676998740e-1f);
    p = VM_FMA(p, m, -1.2420140846e-1f);
    p = VM_FMA(p, m, 1.4249322787e-1f);
    p = VM_FMA(p, m, -1.6668057665e-1f);
    p = VM_FMA(p, m, 2.0000714765e-1f);
    p = VM_FMA(p, m, -2.4999993993e-1f);
    p = VM_FMA(p, m, 3.3333331174e-1f);
    float y = p * m * z;
    y = VM_FMA(e, -2.12194440e-4f, y);
    y = VM_FMA(z, -0.5f, y);
    y = VM_FMA(e, 0.693359375f, m + y);
    y = x == (float)INFINITY || x != x ? x : y;
    y = x < 0 ? (float)NAN : y;
    return x == 0 ? -(float)INFINITY : y;
}

static inline float vm_log1p(float x) {
    float u = 1.0f + x, d = u - 1.0f;
    float y = vm_log(u) + (x - d) / u;
    y = u == (float)INFINITY ? x : y;
    y = u == 0 ? -(float)INFINITY : y;
    return x == 0 ? x : y;
}

static inline float vm_tanh(float x) {
    float a = fabsf(x), z = x * x, p = -5.70498872745e-3f;
    p = VM_FMA(p, z, 2.06390887954e-2f);
    p = VM_FMA(p, z, -5.37397155531e-2f);
    p = VM_FMA(p, z, 1.33314422036e-1f);
    p = VM_FMA(p, z, -3.33332819422e-1f);
    p = VM_FMA(p * z, x, x);
    float big = 1.0f - 2.0f / (vm_exp(a + a) + 1.0f);
    big = x < 0 ? -big : big;
    return x == 0 || x != x ? x : a < 0.625f ? p : big;
}

static inline float vm_erf(float x) {
    float t = fabsf(x), s = x * x;
    t = t > 4.0f ? 4.0f : t; /* from where on it is 1 */
    float u = VM_FMA(-3.88396438e-3f, t, 2.42546219e-2f);
    float r = VM_FMA(VM_FMA(-1.72853470e-5f, t, 3.83197126e-4f), t * t, u);
    r = VM_FMA(r, t, -1.06777877e-1f);
    r = VM_FMA(r, t, -6.34846687e-1f);
    r = VM_FMA(r, t, -1.28717512e-1f);
    r = VM_FMA(r, t, -t);
    float big = 1.0f - vm_exp_normal(r);
    big = x < 0 ? -big : big;
    float p = -5.96761703e-4f;
    p = VM_FMA(p, s, 4.99119423e-3f);
    p = VM_FMA(p, s, -2.67681349e-2f);
    p = VM_FMA(p, s, 1.12819925e-1f);
    p = VM_FMA(p, s, -3.76125336e-1f);
    p = VM_FMA(p, s, 1.28379166e-1f);
    p = VM_FMA(p, x, x);
    return t > 0.927734375f ? big : x != x ? x : p;
}

/* erf to 2e-7 absolutely, for where 1 is added to it: Eigen's rational approximation. */
static inline float vm_erf_near(float x) {
    float c = x > 4.0f ? 4.0f : x < -4.0f ? -4.0f : x, s = c * c;
    float p = -2.72614225801306e-10f, q = -1.45660718464996e-05f;
    p = VM_FMA(p, s, 2.77068142495902e-08f);
    p = VM_FMA(p, s, -2.10102402082508e-06f);
    p = VM_FMA(p, s, -5.69250639462346e-05f);
    p = VM_FMA(p, s, -7.34990630326855e-04f);
    p = VM_FMA(p, s, -2.95459980854025e-03f);
    p = VM_FMA(p, s, -1.60960333262415e-02f);
    q = VM_FMA(q, s, -2.13374055278905e-04f);
    q = VM_FMA(q, s, -1.68282697438203e-03f);
    q = VM_FMA(q, s, -7.37332916720468e-03f);
    q = VM_FMA(q, s, -1.42647390514189e-02f);
    float y = p * c / q;
    y = x >= 4.0f ? 1.0f : y; /* exactly, as it is multiplied by x */
    return x <= -4.0f ? -1.0f : y;
}

/* sin(x + turns * pi/2) for |x| <= VM_TURNS: reduction by three parts of pi/2, each product exact
 * or fused, and minimax polynomials (N. Juffa's constants). */
#define VM_TURNS 48039.0f

static inline float vm_turned_sin(float x, int32_t turns) {
    float j = VM_FMA(x, 0.636619747f, 12582912.0f) - 12582912.0f;
    float a = VM_FMA(j, -1.57079601e+00f, x);
    a = VM_FMA(j, -3.13916473e-07f, a);
    a = VM_FMA(j, -5.39030253e-15f, a);
    int32_t q = (int32_t)j + turns;
    float s = a * a, c = 2.44677067e-5f, r = 2.86567956e-6f;
    c = VM_FMA(c, s, -1.38877297e-3f);
    c = VM_FMA(c, s, 4.16666567e-2f);
    c = VM_FMA(c, s, -5.00000000e-1f);
    c = VM_FMA(c, s, 1.0f);
    r = VM_FMA(r, s, -1.98559923e-4f);
    r = VM_FMA(r, s, 8.33338592e-3f);
    r = VM_FMA(r, s, -1.66666672e-1f);
    r = VM_FMA(r, a * s, a);
    float y = (q & 1) != 0 ? c : r;
    return fac__float_of_bits(fac__bits_of_float(y) ^ (uint32_t)(q & 2) << 30);
}

/* Without fused products the reduction is not exact. */
#ifdef __FMA__
#define VM_IS_SMALL(x) (fabsf(x) <= VM_TURNS)
#else
#define VM_IS_SMALL(x) false
#endif

static inline float vm_sin(float x) {
    return VM_IS_SMALL(x) ? vm_turned_sin(x, 0) : sinf(x);
}

static inline float vm_cos(float x) {
    return VM_IS_SMALL(x) ? vm_turned_sin(x, 1) : cosf(x);
}

#endif
