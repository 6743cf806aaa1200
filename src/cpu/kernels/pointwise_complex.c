/* Pointwise loops over complex numbers; functions are C99's. */
#include "loops.h"

#include <complex.h>
#include <tgmath.h>

#undef I
typedef float complex c64;
typedef double complex c128;
typedef unsigned char boolean;

#define PAIR(F, T, R)                                                                              \
    static inline T op_mul2_##F(T a, T b) {                                                        \
        return CMPLX_##F(creal(a) * creal(b) - cimag(a) * cimag(b),                                \
                         creal(a) * cimag(b) + cimag(a) * creal(b));                               \
    }                                                                                              \
    static inline T op_div2_##F(T a, T b) {                                                        \
        /* Smith's method: scale by the larger part of the divisor */                              \
        R c = creal(b), d = cimag(b), p = creal(a), q = cimag(a);                                  \
        if (fabs(c) >= fabs(d)) {                                                                  \
            if (c == 0 && d == 0)                                                                  \
                return CMPLX_##F(p / fabs(c), q / fabs(d));                                        \
            R r = d / c, k = 1 / (c + d * r);                                                      \
            return CMPLX_##F((p + q * r) * k, (q - p * r) * k);                                    \
        }                                                                                          \
        R r = c / d, k = 1 / (c * r + d);                                                          \
        return CMPLX_##F((p * r + q) * k, (q * r - p) * k);                                        \
    }                                                                                              \
    static inline T op_sgn1_##F(T x) {                                                             \
        R m = cabs(x);                                                                             \
        return m == 0 ? 0 : CMPLX_##F(creal(x) / m, cimag(x) / m);                                 \
    }                                                                                              \
    static inline T op_power_##F(T a, T b) {                                                       \
        if (b == 2)                                                                                \
            return op_mul2_##F(a, a);                                                              \
        if (b == 3)                                                                                \
            return op_mul2_##F(op_mul2_##F(a, a), a);                                              \
        if (b == 1)                                                                                \
            return a;                                                                              \
        if (b == 0)                                                                                \
            return 1;                                                                              \
        if (b == (R)0.5)                                                                           \
            return csqrt(a);                                                                       \
        if (b == -1)                                                                               \
            return op_div2_##F(1, a);                                                              \
        if (a == 0)                                                                                \
            return creal(b) > 0 ? 0 : CMPLX_##F((R)NAN, (R)NAN);                                   \
        return cpow(a, b);                                                                         \
    }                                                                                              \
    static inline T op_log1p1_##F(T x) {                                                           \
        R r = creal(x), i = cimag(x);                                                              \
        return CMPLX_##F((R)0.5 * log1p(r * (2 + r) + i * i), atan2(i, r + 1));                    \
    }                                                                                              \
    static inline T op_log_add_exp_##F(T a, T b) {                                                 \
        if (isnan(creal(a)) || isnan(cimag(a)) || isnan(creal(b)) || isnan(cimag(b)))              \
            return CMPLX_##F((R)NAN, (R)NAN);                                                      \
        T low = creal(a) < creal(b) ? a : b, high = creal(a) < creal(b) ? b : a;                   \
        if (isinf(creal(low)) && creal(low) == creal(high))                                        \
            return creal(low) < 0 ? low : clog(cexp(low) + cexp(high));                            \
        return op_log1p1_##F(cexp(low - high)) + high;                                             \
    }                                                                                              \
    static inline T op_expm1_1_##F(T x) {                                                          \
        R r = creal(x), i = cimag(x), h = sin(i / 2), e = expm1(r);                                \
        return CMPLX_##F(e * cos(i) - 2 * h * h, (e + 1) * sin(i));                                \
    }
#define CMPLX_c64(r, i) CMPLXF((float)(r), (float)(i))
#define CMPLX_c128(r, i) CMPLX(r, i)
PAIR(c64, c64, float)
PAIR(c128, c128, double)

#define OPS(F, T_, R_)                                                                             \
    BINARY_FAST(add1_##F, T_, T_, T_, a + b)                                                       \
    BINARY_PLAIN(addn_##F, T_, T_, T_, a + op_mul2_##F(N(0), b))                                   \
    static void add_##F(LOOP_ARGS) {                                                               \
        (*(const T_ *)ctx == 1 ? add1_##F : addn_##F)(data, s, n0, n1, ctx);                       \
    }                                                                                              \
    BINARY_FAST(sub1_##F, T_, T_, T_, a - b)                                                       \
    BINARY_PLAIN(subn_##F, T_, T_, T_, a - op_mul2_##F(N(0), b))                                   \
    static void sub_##F(LOOP_ARGS) {                                                               \
        (*(const T_ *)ctx == 1 ? sub1_##F : subn_##F)(data, s, n0, n1, ctx);                       \
    }                                                                                              \
    BINARY_FAST(mul_##F, T_, T_, T_, op_mul2_##F(a, b))                                            \
    BINARY_PLAIN(div_true_##F, T_, T_, T_, op_div2_##F(a, b))                                      \
    BINARY_PLAIN(pow_##F, T_, T_, T_, op_power_##F(a, b))                                          \
    BINARY_PLAIN(eq_##F, T_, T_, boolean, a == b)                                                  \
    BINARY_PLAIN(ne_##F, T_, T_, boolean, a != b)                                                  \
    BINARY_PLAIN(logical_and_##F, T_, T_, boolean, a != 0 && b != 0)                               \
    BINARY_PLAIN(logical_or_##F, T_, T_, boolean, a != 0 || b != 0)                                \
    BINARY_PLAIN(logical_xor_##F, T_, T_, boolean, (a != 0) != (b != 0))                           \
    UNARY_PLAIN(logical_not_##F, T_, T_, boolean, x == 0)                                          \
    UNARY_PLAIN(isnan_##F, T_, T_, boolean, creal(x) != creal(x) || cimag(x) != cimag(x))          \
    UNARY_PLAIN(isinf_##F, T_, T_, boolean, isinf(creal(x)) || isinf(cimag(x)))                    \
    UNARY_PLAIN(isfinite_##F, T_, T_, boolean, isfinite(creal(x)) && isfinite(cimag(x)))           \
    UNARY_FAST(neg_##F, T_, T_, T_, -x)                                                            \
    UNARY_PLAIN(square_##F, T_, T_, T_, op_mul2_##F(x, x))                                         \
    UNARY_PLAIN(conj_##F, T_, T_, T_, conj(x))                                                     \
    UNARY_PLAIN(reciprocal_##F, T_, T_, T_, op_div2_##F(1, x))                                     \
    UNARY_PLAIN(sgn_##F, T_, T_, T_, op_sgn1_##F(x))                                               \
    UNARY_PLAIN(abs_##F, T_, T_, R_, cabs(x))                                                      \
    UNARY_PLAIN(angle_##F, T_, T_, R_, carg(x))                                                    \
    UNARY_PLAIN(sqrt_##F, T_, T_, T_, csqrt(x))                                                    \
    UNARY_PLAIN(rsqrt_##F, T_, T_, T_, op_div2_##F(1, csqrt(x)))                                   \
    UNARY_PLAIN(exp_##F, T_, T_, T_, cexp(x))                                                      \
    UNARY_PLAIN(exp2_##F, T_, T_, T_, cexp(x *(R_)0.69314718055994530942))                         \
    UNARY_PLAIN(expm1_##F, T_, T_, T_, op_expm1_1_##F(x))                                          \
    UNARY_PLAIN(log_##F, T_, T_, T_, clog(x))                                                      \
    UNARY_PLAIN(log2_##F, T_, T_, T_, clog(x) * (R_)1.44269504088896340736)                        \
    UNARY_PLAIN(log10_##F, T_, T_, T_, clog(x) * (R_)0.43429448190325182765)                       \
    UNARY_PLAIN(log1p_##F, T_, T_, T_, op_log1p1_##F(x))                                           \
    BINARY_PLAIN(logaddexp_##F, T_, T_, T_, op_log_add_exp_##F(a, b))                              \
    UNARY_PLAIN(sin_##F, T_, T_, T_, csin(x))                                                      \
    UNARY_PLAIN(cos_##F, T_, T_, T_, ccos(x))                                                      \
    UNARY_PLAIN(tan_##F, T_, T_, T_, ctan(x))                                                      \
    UNARY_PLAIN(asin_##F, T_, T_, T_, casin(x))                                                    \
    UNARY_PLAIN(acos_##F, T_, T_, T_, cacos(x))                                                    \
    UNARY_PLAIN(atan_##F, T_, T_, T_, catan(x))                                                    \
    UNARY_PLAIN(sinh_##F, T_, T_, T_, csinh(x))                                                    \
    UNARY_PLAIN(cosh_##F, T_, T_, T_, ccosh(x))                                                    \
    UNARY_PLAIN(tanh_##F, T_, T_, T_, ctanh(x))                                                    \
    UNARY_PLAIN(asinh_##F, T_, T_, T_, casinh(x))                                                  \
    UNARY_PLAIN(acosh_##F, T_, T_, T_, cacosh(x))                                                  \
    UNARY_PLAIN(atanh_##F, T_, T_, T_, catanh(x))                                                  \
    UNARY_PLAIN(sigmoid_##F, T_, T_, T_, op_div2_##F(1, 1 + cexp(-x)))                             \
    UNARY_PLAIN(silu_##F, T_, T_, T_, op_div2_##F(x, 1 + cexp(-x)))                                \
    BINARY_PLAIN(sigmoid_backward_##F, T_, T_, T_, op_mul2_##F(a, conj(op_mul2_##F(1 - b, b))))    \
    BINARY_PLAIN(tanh_backward_##F, T_, T_, T_, op_mul2_##F(a, conj(1 - op_mul2_##F(b, b))))       \
    TERNARY(where_##F, T_, boolean, T_, T_, T_, a ? b : c)                                         \
    TERNARY(lerp_##F, T_, T_, T_, T_, T_,                                                          \
            creal(c) * creal(c) + cimag(c) * cimag(c) < (R_)0.25 ? a + op_mul2_##F(c, b - a)       \
                                                                 : b - op_mul2_##F(b - a, 1 - c))  \
    BINARY_PLAIN(lerp_scalar_##F, T_, T_, T_,                                                      \
                 creal(N(0)) * creal(N(0)) + cimag(N(0)) * cimag(N(0)) < (R_)0.25                  \
                     ? a + op_mul2_##F(N(0), b - a)                                                \
                     : b - op_mul2_##F(b - a, 1 - N(0)))                                           \
    TERNARY(addcmul_##F, T_, T_, T_, T_, T_, a + op_mul2_##F(op_mul2_##F(N(0), b), c))             \
    TERNARY(addcdiv_##F, T_, T_, T_, T_, T_, a + op_div2_##F(op_mul2_##F(N(0), b), c))
OPS(c64, c64, float)
OPS(c128, c128, double)

BINARY_PLAIN(complex_f32, float, float, c64, CMPLXF(a, b))
BINARY_PLAIN(complex_f64, double, double, c128, CMPLX(a, b))
BINARY_PLAIN(polar_f32, float, float, c64, CMPLXF(a *cosf(b), a *sinf(b)))
BINARY_PLAIN(polar_f64, double, double, c128, CMPLX(a *cos(b), a *sin(b)))

#define C(name) {#name, {COMPLEX_COLUMNS(name)}},
static const fac__loop_row rows[] = {
    C(add) C(sub) C(mul) C(div_true) C(pow) C(eq) C(ne) C(logical_and) C(logical_or) C(logical_xor)
        C(logical_not) C(isnan) C(isinf) C(isfinite) C(neg) C(square) C(conj) C(reciprocal) C(sgn)
            C(abs) C(angle) C(sqrt) C(rsqrt) C(exp) C(exp2) C(expm1) C(log) C(log2) C(log10)
                C(log1p) C(logaddexp) C(sin) C(cos) C(tan) C(asin) C(acos) C(atan) C(sinh) C(cosh)
                    C(tanh) C(asinh) C(acosh) C(atanh) C(sigmoid) C(silu) C(sigmoid_backward)
                        C(tanh_backward) C(where) C(lerp) C(lerp_scalar) C(addcmul) C(addcdiv){
                            "complex", {[FAC_FLOAT32] = complex_f32, [FAC_FLOAT64] = complex_f64}},
    {"polar", {[FAC_FLOAT32] = polar_f32, [FAC_FLOAT64] = polar_f64}},
    {0}};
const fac__family FAC__K(fac__family_pointwise_complex) = {rows, NULL};
