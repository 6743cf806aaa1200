/* Pointwise loops over bools, integers and reals. */
#include "loops.h"
#include "pointwise_half.h"
#include "scalar_ops.h"

#ifdef __AVX512F__
#include "vmath_v4.h"
#endif

#include <string.h>

/* Integer division by zero does not trap: the element becomes 0 and the executor is told through
 * the last slot of the numbers. */
#define DIVIDE(expr) (b == 0 ? (*(int *)((char *)(uintptr_t)ctx + 16 * 15) = 1, (T)0) : (T)(expr))
typedef unsigned char boolean;

/* --- arithmetic ------------------------------------------------------------------------------ */

#define ARITH(F, T_)                                                                               \
    BINARY_FAST(add1_##F, T_, T_, T_, a + b)                                                       \
    BINARY_PLAIN(addn_##F, T_, T_, T_, a + N(0) * b)                                               \
    static void add_##F(LOOP_ARGS) {                                                               \
        (*(const T_ *)ctx == 1 ? add1_##F : addn_##F)(data, s, n0, n1, ctx);                       \
    }                                                                                              \
    BINARY_FAST(sub1_##F, T_, T_, T_, a - b)                                                       \
    BINARY_PLAIN(subn_##F, T_, T_, T_, a - N(0) * b)                                               \
    static void sub_##F(LOOP_ARGS) {                                                               \
        (*(const T_ *)ctx == 1 ? sub1_##F : subn_##F)(data, s, n0, n1, ctx);                       \
    }                                                                                              \
    BINARY_FAST(mul_##F, T_, T_, T_, a *b)                                                         \
    BINARY_FAST(eq_##F, T_, T_, boolean, a == b)                                                   \
    BINARY_FAST(ne_##F, T_, T_, boolean, a != b)                                                   \
    BINARY_FAST(lt_##F, T_, T_, boolean, a < b)                                                    \
    BINARY_FAST(le_##F, T_, T_, boolean, a <= b)                                                   \
    BINARY_FAST(gt_##F, T_, T_, boolean, a > b)                                                    \
    BINARY_FAST(ge_##F, T_, T_, boolean, a >= b)                                                   \
    BINARY_PLAIN(logical_and_##F, T_, T_, boolean, a != 0 && b != 0)                               \
    BINARY_PLAIN(logical_or_##F, T_, T_, boolean, a != 0 || b != 0)                                \
    BINARY_PLAIN(logical_xor_##F, T_, T_, boolean, (a != 0) != (b != 0))                           \
    UNARY_PLAIN(logical_not_##F, T_, T_, boolean, x == 0)                                          \
    UNARY_FAST(neg_##F, T_, T_, T_, -x)                                                            \
    UNARY_FAST(square_##F, T_, T_, T_, x *x)                                                       \
    UNARY_FAST(relu_##F, T_, T_, T_, x < 0 ? 0 : x)                                                \
    UNARY_FAST(clamp_min_##F, T_, T_, T_, x < N(0) ? N(0) : x)                                     \
    UNARY_FAST(clamp_max_##F, T_, T_, T_, x > N(0) ? N(0) : x)                                     \
    UNARY_FAST(clamp_##F, T_, T_, T_, (x < N(0) ? N(0) : x) > N(1) ? N(1) : (x < N(0) ? N(0) : x)) \
    TERNARY(addcmul_##F, T_, T_, T_, T_, T_, a + N(0) * b * c)                                     \
    TERNARY(where_##F, T_, boolean, T_, T_, T_, a ? b : c)
FOR_INTS(ARITH)
FOR_FLOATS(ARITH)

#define INT_OPS(F, T_)                                                                             \
    BINARY_PLAIN(fmod_##F, T_, T_, T_, DIVIDE(op_fmod_##F(a, b)))                                  \
    BINARY_PLAIN(pow_##F, T_, T_, T_, op_power_##F(a, b))                                          \
    BINARY_FAST(maximum_##F, T_, T_, T_, a > b ? a : b)                                            \
    BINARY_FAST(minimum_##F, T_, T_, T_, a < b ? a : b)                                            \
    BINARY_FAST(bitwise_and_##F, T_, T_, T_, a &b)                                                 \
    BINARY_FAST(bitwise_or_##F, T_, T_, T_, a | b)                                                 \
    BINARY_FAST(bitwise_xor_##F, T_, T_, T_, a ^ b)                                                \
    BINARY_PLAIN(lshift_##F, T_, T_, T_, op_shl_##F(a, b))                                         \
    BINARY_PLAIN(rshift_##F, T_, T_, T_, op_shr_##F(a, b))                                         \
    UNARY_FAST(bitwise_not_##F, T_, T_, T_, ~x)                                                    \
    UNARY_FAST(abs_##F, T_, T_, T_, x < 0 ? 0 - x : x)                                             \
    UNARY_PLAIN(sign_##F, T_, T_, T_, (x > 0) - (x < 0))                                           \
    UNARY_PLAIN(signbit_##F, T_, T_, boolean, x < 0)                                               \
    UNARY_FAST(hardtanh_##F, T_, T_, T_, x<N(0) ? N(0) : x> N(1) ? N(1) : x)                       \
    UNARY_PLAIN(never_##F, T_, T_, boolean, (x, 0))                                                \
    UNARY_PLAIN(always_##F, T_, T_, boolean, (x, 1))                                               \
    UNARY_PLAIN(identity_##F, T_, T_, T_, x)                                                       \
    TERNARY(clamp_tensor_##F, T_, T_, T_, T_, T_, (a < b ? b : a) > c ? c : (a < b ? b : a))       \
    TERNARY(addcdiv_##F, T_, T_, T_, T_, T_, c == 0 ? a : a + N(0) * (b / c))
FOR_INTS(INT_OPS)

#define DIVIDE_EACH(F, T_, floor, trunc, mod)                                                      \
    BINARY_PLAIN(floor##_##F, T_, T_, T_, DIVIDE(op_floor_div_##F(a, b)))                          \
    BINARY_PLAIN(trunc##_##F, T_, T_, T_, DIVIDE(op_trunc_div_##F(a, b)))                          \
    BINARY_PLAIN(mod##_##F, T_, T_, T_, DIVIDE(op_mod_##F(a, b)))
#define DIVIDE_NARROW(F, T_) DIVIDE_EACH(F, T_, div_floor, div_trunc, remainder)
DIVIDE_NARROW(u8, uint8_t)
DIVIDE_NARROW(i8, int8_t)
DIVIDE_NARROW(i16, int16_t)
DIVIDE_NARROW(u16, uint16_t)
DIVIDE_NARROW(u32, uint32_t)
DIVIDE_NARROW(u64, uint64_t)
DIVIDE_EACH(i32, int32_t, floor_each, trunc_each, mod_each)
DIVIDE_EACH(i64, int64_t, floor_each, trunc_each, mod_each)

/* Quotients of integers below 2^51, by way of double, in runs that have no divisor 0. The nearest
 * integer to the rounded quotient is one of the two about the true one: a multiple of 1/b that is
 * not whole lies further from a whole number than it is rounded. So the rest is exact, and its sign
 * tells whether the whole must be mended. Adding 1.5 * 2^52 rounds to an integer, and leaves it in
 * the lower bits, whence it is a vector's way from int64 to double and back. */
#define SMALL(x) ((uint64_t)(x) + (1ull << 51) - 1 < (1ull << 52) - 1)
#define ROUNDING 6755399441055744.0
#define ROUNDING_BITS 0x4338000000000000ull

static inline double double_of_small(int64_t x) {
    uint64_t u = (uint64_t)x + ROUNDING_BITS;
    double d;
    memcpy(&d, &u, sizeof d);
    return d - ROUNDING;
}

static inline int64_t int_of_small(double d) {
    uint64_t u;
    d += ROUNDING;
    memcpy(&u, &d, sizeof u);
    return (int64_t)(u - ROUNDING_BITS);
}

#define QUOTIENT(name, each, F, T_, expr)                                                          \
    static void name##_##F(LOOP_ARGS) {                                                            \
        enum { RUN = 256 };                                                                        \
        const ptrdiff_t w = sizeof(T_);                                                            \
        if (s[0] != w || s[1] != w || (s[2] != w && s[2] != 0)) {                                  \
            each##_##F(data, s, n0, n1, ctx);                                                      \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n1; j++)                                                         \
            for (ptrdiff_t from = 0; from < n0; from += RUN) {                                     \
                char *at[] = {data[0] + j * s[3] + from * w, data[1] + j * s[4] + from * w,        \
                              data[2] + j * s[5] + from * s[2]};                                   \
                const ptrdiff_t m = n0 - from < RUN ? n0 - from : RUN;                             \
                T_ *o = (T_ *)at[0], divisor[RUN];                                                 \
                const T_ *p = (const T_ *)at[1], *q = (const T_ *)at[2];                           \
                if (s[2] == 0)                                                                     \
                    for (ptrdiff_t i = 0; i < m; i++)                                              \
                        divisor[i] = *q;                                                           \
                else                                                                               \
                    memcpy(divisor, q, (size_t)(m * w));                                           \
                int large = 0;                                                                     \
                for (ptrdiff_t i = 0; i < m; i++)                                                  \
                    large |= !SMALL(p[i]) | !SMALL(divisor[i]) | (divisor[i] == 0);                \
                if (large) {                                                                       \
                    each##_##F(at, s, m, 1, ctx);                                                  \
                    continue;                                                                      \
                }                                                                                  \
                _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < m; i++) {                           \
                    const double a = double_of_small(p[i]), b = double_of_small(divisor[i]);       \
                    const double whole = (a / b + ROUNDING) - ROUNDING, rest = a - whole * b;      \
                    o[i] = (T_)int_of_small(expr);                                                 \
                }                                                                                  \
            }                                                                                      \
    }
/* Signs differ where a product is negative: it is exact or far from 0. */
#define QUOTIENTS(F, T_)                                                                           \
    QUOTIENT(div_floor, floor_each, F, T_, whole - (rest * b < 0 ? 1.0 : 0.0))                     \
    QUOTIENT(div_trunc, trunc_each, F, T_,                                                         \
             whole - (rest * a < 0 ? (a < 0) != (b < 0) ? -1.0 : 1.0 : 0.0))                       \
    QUOTIENT(remainder, mod_each, F, T_, rest + (rest * b < 0 ? b : 0.0))
QUOTIENTS(i32, int32_t)
QUOTIENTS(i64, int64_t)

/* --- bool ------------------------------------------------------------------------------------ */

#define BOOL2(name, expr) BINARY_FAST(name##_b, boolean, boolean, boolean, expr)
BOOL2(add, a | b)
BOOL2(mul, a &b)
BOOL2(eq, a == b)
BOOL2(ne, a != b)
BOOL2(lt, a < b)
BOOL2(le, a <= b)
BOOL2(gt, a > b)
BOOL2(ge, a >= b)
BOOL2(bitwise_and, a &b)
BOOL2(bitwise_or, a | b)
BOOL2(bitwise_xor, a ^ b)
BOOL2(logical_and, a &b)
BOOL2(logical_or, a | b)
BOOL2(logical_xor, a ^ b)
BOOL2(maximum, a | b)
BOOL2(minimum, a &b)
UNARY_FAST(logical_not_b, boolean, boolean, boolean, !x)
UNARY_FAST(bitwise_not_b, boolean, boolean, boolean, !x)
UNARY_FAST(identity_b, boolean, boolean, boolean, x)
UNARY_FAST(never_b, boolean, boolean, boolean, (x, 0))
UNARY_FAST(always_b, boolean, boolean, boolean, (x, 1))
TERNARY(where_b, boolean, boolean, boolean, boolean, boolean, a ? b : c)

/* --- reals ----------------------------------------------------------------------------------- */

#define MATH(X)                                                                                    \
    X(reciprocal, 1 / x)                                                                           \
    X(rsqrt, 1 / sqrt(x))                                                                          \
    X(exp2, exp2(x))                                                                               \
    X(expm1, expm1(x))                                                                             \
    X(log2, log2(x))                                                                               \
    X(log10, log10(x))                                                                             \
    X(log1p, log1p(x))                                                                             \
    X(tan, tan(x))                                                                                 \
    X(asin, asin(x))                                                                               \
    X(acos, acos(x))                                                                               \
    X(atan, atan(x))                                                                               \
    X(sinh, sinh(x))                                                                               \
    X(cosh, cosh(x))                                                                               \
    X(asinh, asinh(x))                                                                             \
    X(acosh, acosh(x))                                                                             \
    X(atanh, atanh(x))                                                                             \
    X(erfc, erfc(x))                                                                               \
    X(floor, floor(x))                                                                             \
    X(ceil, ceil(x))                                                                               \
    X(round, rint(x))                                                                              \
    X(trunc, trunc(x))                                                                             \
    X(frac, x - trunc(x))                                                                          \
    X(abs, fabs(x))                                                                                \
    X(sign, (T)((x > 0) - (x < 0)))                                                                \
    X(angle, x != x ? x : x < 0 ? (T)3.14159265358979323846 : (T)0)                                \
    X(leaky_relu, x > 0 ? x : x * N(0))                                                            \
    X(hardtanh, x != x ? x : x < N(0) ? N(0) : x > N(1) ? N(1) : x)                                \
    X(hardsigmoid, fmin(fmax(x + 3, (T)0), (T)6) / 6)                                              \
    X(hardswish, x *fmin(fmax(x + 3, (T)0), (T)6) / 6)

/* Of float these have vectors of their own where there is AVX-512. */
#define OFTEN(X, F)                                                                                \
    X(sqrt, sqrt(x))                                                                               \
    X(exp, exp(x))                                                                                 \
    X(log, log(x))                                                                                 \
    X(tanh, tanh(x))                                                                               \
    X(erf, erf(x))                                                                                 \
    X(sigmoid, op_sigmoid_##F(x))                                                                  \
    X(silu, x *op_sigmoid_##F(x))                                                                  \
    X(gelu_erf, op_gelu_erf_##F(x))

#define MATH_F(X, F)                                                                               \
    X(mish, x *tanh(log1p(exp(x))))                                                                \
    X(logsigmoid, op_log_sigmoid_##F(x))                                                           \
    X(gelu_tanh, op_gelu_tanh_##F(x))                                                              \
    X(softplus, op_softplus_##F(x, N(0), N(1)))                                                    \
    X(elu, op_elu_##F(x, N(0), N(1), N(2)))                                                        \
    X(round_decimals, op_round_decimals_##F(x, (double)N(0)))                                      \
    X(nan_to_num, op_nan_to_num_##F(x, N(0), N(1), N(2)))

#define MATH2(X, F)                                                                                \
    X(div_true, a / b)                                                                             \
    X(div_floor, op_floor_div_##F(a, b))                                                           \
    X(div_trunc, trunc(a / b))                                                                     \
    X(remainder, op_mod_##F(a, b))                                                                 \
    X(fmod, fmod(a, b))                                                                            \
    X(pow, op_power_##F(a, b))                                                                     \
    X(maximum, op_max_##F(a, b))                                                                   \
    X(minimum, op_min_##F(a, b))                                                                   \
    X(fmax, fmax(a, b))                                                                            \
    X(fmin, fmin(a, b))                                                                            \
    X(atan2, atan2(a, b))                                                                          \
    X(hypot, op_hypot_##F(a, b))                                                                   \
    X(logaddexp, op_log_add_exp_##F(a, b))                                                         \
    X(logaddexp2, op_log_add_exp2_##F(a, b))                                                       \
    X(copysign, copysign(a, b))                                                                    \
    X(xlogy, isnan(b) ? b : a == 0 ? 0 : a * log(b))                                               \
    X(relu_backward, b > 0 ? a : 0)                                                                \
    X(threshold_backward, b <= N(0) ? 0 : a)                                                       \
    X(sigmoid_backward, a * (1 - b) * b)                                                           \
    X(tanh_backward, a * (1 - b * b))                                                              \
    X(gelu_backward_erf, op_gelu_erf_backward_##F(a, b))                                           \
    X(gelu_backward_tanh, op_gelu_tanh_backward_##F(a, b))                                         \
    X(silu_backward, op_silu_backward_##F(a, b))                                                   \
    X(softplus_backward, b *N(0) > N(1) ? a : a * op_sigmoid_##F(b * N(0)))                        \
    X(leaky_relu_backward, b > 0 ? a : a * N(0))                                                   \
    X(hardtanh_backward, b <= N(0) || b >= N(1) ? 0 : a)                                           \
    X(smooth_l1, op_smooth_l1_##F(a - b, N(0)))                                                    \
    X(huber, op_huber_##F(a - b, N(0)))                                                            \
    X(bce, op_bce_##F(a, b))                                                                       \
    X(bce_with_logits, op_bce_logits_##F(a, b))                                                    \
    X(lerp_scalar, op_lerp_##F(a, b, N(0)))                                                        \
    X(elu_backward, N(3) != 0 ? (b <= 0 ? a * N(2) * (b + N(0) * N(1)) : a * N(1))                 \
                              : (b <= 0 ? a * N(2) * N(0) * N(1) * exp(b * N(2)) : a * N(1)))

#define REAL1_32(name, expr) UNARY_FAST(name##_f32, float, float, float, expr)
#define REAL1_64(name, expr) UNARY_FAST(name##_f64, double, double, double, expr)
MATH(REAL1_32)
MATH(REAL1_64)
MATH_F(REAL1_32, f32)
MATH_F(REAL1_64, f64)
OFTEN(REAL1_64, f64)
#ifdef __AVX512F__
V4_UNARY(sqrt)
V4_UNARY(exp)
V4_UNARY(log)
V4_UNARY(tanh)
V4_UNARY(erf)
V4_UNARY(sigmoid)
V4_UNARY(silu)
V4_UNARY(gelu_erf)
#else
OFTEN(REAL1_32, f32)
#endif
#define REAL2_32(name, expr) BINARY_FAST(name##_f32, float, float, float, expr)
#define REAL2_64(name, expr) BINARY_FAST(name##_f64, double, double, double, expr)
MATH2(REAL2_32, f32)
MATH2(REAL2_64, f64)

REAL1_64(sin, sin(x))
REAL1_64(cos, cos(x))
/* Runs without a large element are vectors; an element's bits do not depend on its neighbours. */
#define TURNED(name, function, turns)                                                              \
    UNARY_PLAIN(name##_each, float, float, float, function(x))                                     \
    static void name##_f32(LOOP_ARGS) {                                                            \
        enum { RUN = 256 };                                                                        \
        if (s[0] != sizeof(float) || s[1] != sizeof(float)) {                                      \
            name##_each(data, s, n0, n1, ctx);                                                     \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n1; j++) {                                                       \
            float *o = (float *)(data[0] + j * s[2]);                                              \
            const float *p = (const float *)(data[1] + j * s[3]);                                  \
            for (ptrdiff_t from = 0; from < n0; from += RUN) {                                     \
                const ptrdiff_t end = n0 - from < RUN ? n0 : from + RUN;                           \
                int large = 0;                                                                     \
                for (ptrdiff_t i = from; i < end; i++)                                             \
                    large |= !VM_IS_SMALL(p[i]);                                                   \
                if (large) {                                                                       \
                    for (ptrdiff_t i = from; i < end; i++)                                         \
                        o[i] = function(p[i]);                                                     \
                    continue;                                                                      \
                }                                                                                  \
                _Pragma("GCC ivdep") for (ptrdiff_t i = from; i < end; i++) {                      \
                    o[i] = vm_turned_sin(p[i], turns);                                             \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
TURNED(sin, vm_sin, 0)
TURNED(cos, vm_cos, 1)

#define FLOAT_OPS(F, T_)                                                                           \
    UNARY_FAST(isnan_##F, T_, T_, boolean, x != x)                                                 \
    UNARY_FAST(isinf_##F, T_, T_, boolean, fabs(x) == (T)INFINITY)                                 \
    UNARY_FAST(isfinite_##F, T_, T_, boolean, fabs(x) < (T)INFINITY)                               \
    UNARY_PLAIN(signbit_##F, T_, T_, boolean, signbit(x) != 0)                                     \
    UNARY_PLAIN(identity_##F, T_, T_, T_, x)                                                       \
    TERNARY(clamp_tensor_##F, T_, T_, T_, T_, T_, op_min_##F(op_max_##F(a, b), c))                 \
    TERNARY(addcdiv_##F, T_, T_, T_, T_, T_, a + N(0) * b / c)                                     \
    TERNARY(lerp_##F##_t, T_, T_, T_, T_, T_, op_lerp_##F(a, b, c))                                \
    TERNARY(bce_backward_##F##_t, T_, T_, T_, T_, T_, op_bce_backward_##F(a, b, c))
FOR_FLOATS(FLOAT_OPS)

/* float16 and bfloat16: only what is a matter of bits. */
UNARY_FAST(neg_half, uint16_t, uint16_t, uint16_t, x ^ 0x8000u)
UNARY_FAST(abs_half, uint16_t, uint16_t, uint16_t, x & 0x7fffu)
#define HALF_COLUMNS(f) [FAC_FLOAT16] = f, [FAC_BFLOAT16] = f
#define HALF_PAIR(f) [FAC_FLOAT16] = f##_f16, [FAC_BFLOAT16] = f##_bf16

/* --- rows ------------------------------------------------------------------------------------ */

/* A row and the dtypes that have its loop; ROUND's integers pass unchanged. */
#define REALS(name, ...)                                                                           \
    {                                                                                              \
        #name, {                                                                                   \
            FLOAT_COLUMNS(name)                                                                    \
        }                                                                                          \
    }
#define ALL(name)                                                                                  \
    {                                                                                              \
        #name, {                                                                                   \
            BOOL_COLUMN(name), INT_COLUMNS(name), FLOAT_COLUMNS(name)                              \
        }                                                                                          \
    }
#define NUMBERS(name)                                                                              \
    {                                                                                              \
        #name, {                                                                                   \
            INT_COLUMNS(name), FLOAT_COLUMNS(name)                                                 \
        }                                                                                          \
    }
#define INTS(name)                                                                                 \
    {                                                                                              \
        #name, {                                                                                   \
            BOOL_COLUMN(name), INT_COLUMNS(name)                                                   \
        }                                                                                          \
    }
#define ROUND(name)                                                                                \
    {                                                                                              \
        #name, {                                                                                   \
            INT_COLUMNS(identity), FLOAT_COLUMNS(name)                                             \
        }                                                                                          \
    }
#define EXTREME(name, ints)                                                                        \
    {                                                                                              \
        #name, {                                                                                   \
            BOOL_COLUMN(ints), INT_COLUMNS(ints), FLOAT_COLUMNS(name)                              \
        }                                                                                          \
    }
#define REALS_COMMA(name, ...) REALS(name),

static const fac__loop_row rows[] = {
    {"add", {BOOL_COLUMN(add), INT_COLUMNS(add), FLOAT_COLUMNS(add), HALF_PAIR(add)}},
    {"sub", {INT_COLUMNS(sub), FLOAT_COLUMNS(sub), HALF_PAIR(sub)}},
    {"mul", {BOOL_COLUMN(mul), INT_COLUMNS(mul), FLOAT_COLUMNS(mul), HALF_PAIR(mul)}},
    {"div_true", {FLOAT_COLUMNS(div_true), HALF_PAIR(div_true)}},
    NUMBERS(div_floor),
    NUMBERS(div_trunc),
    NUMBERS(remainder),
    NUMBERS(fmod),
    NUMBERS(pow),
    NUMBERS(square),
    REALS(reciprocal),
    ALL(eq),
    ALL(ne),
    ALL(lt),
    ALL(le),
    ALL(gt),
    ALL(ge),
    ALL(logical_and),
    ALL(logical_or),
    ALL(logical_xor),
    ALL(logical_not),
    INTS(bitwise_and),
    INTS(bitwise_or),
    INTS(bitwise_xor),
    INTS(bitwise_not),
    {"lshift", {INT_COLUMNS(lshift)}},
    {"rshift", {INT_COLUMNS(rshift)}},
    {"sign", {BOOL_COLUMN(identity), INT_COLUMNS(sign), FLOAT_COLUMNS(sign)}},
    {"sgn", {BOOL_COLUMN(identity), INT_COLUMNS(sign), FLOAT_COLUMNS(sign)}},
    {"signbit", {BOOL_COLUMN(never), INT_COLUMNS(signbit), FLOAT_COLUMNS(signbit)}},
    {"isnan", {BOOL_COLUMN(never), INT_COLUMNS(never), FLOAT_COLUMNS(isnan)}},
    {"isinf", {BOOL_COLUMN(never), INT_COLUMNS(never), FLOAT_COLUMNS(isinf)}},
    {"isfinite", {BOOL_COLUMN(always), INT_COLUMNS(always), FLOAT_COLUMNS(isfinite)}},
    {"neg", {INT_COLUMNS(neg), FLOAT_COLUMNS(neg), HALF_COLUMNS(neg_half)}},
    {"abs", {INT_COLUMNS(abs), FLOAT_COLUMNS(abs), HALF_COLUMNS(abs_half)}},
    {"where",
     {BOOL_COLUMN(where), INT_COLUMNS(where), FLOAT_COLUMNS(where), HALF_COLUMNS(where_u16)}},
    {"conj", {BOOL_COLUMN(identity), INT_COLUMNS(identity), FLOAT_COLUMNS(identity)}},
    ALL(maximum),
    ALL(minimum),
    EXTREME(fmax, maximum),
    EXTREME(fmin, minimum),
    NUMBERS(clamp),
    NUMBERS(clamp_min),
    NUMBERS(clamp_max),
    NUMBERS(clamp_tensor),
    NUMBERS(addcmul),
    NUMBERS(addcdiv),
    REALS(lerp_scalar),
    {"lerp", {[FAC_FLOAT32] = lerp_f32_t, [FAC_FLOAT64] = lerp_f64_t}},
    ROUND(floor),
    ROUND(ceil),
    ROUND(round),
    ROUND(trunc),
    REALS(frac),
    REALS(angle),
    REALS(rsqrt),
    REALS(exp2),
    REALS(expm1),
    REALS(log2),
    REALS(log10),
    REALS(log1p),
    REALS(sin),
    REALS(cos),
    REALS(tan),
    REALS(asin),
    REALS(acos),
    REALS(atan),
    REALS(sinh),
    REALS(cosh),
    REALS(asinh),
    REALS(acosh),
    REALS(atanh),
    REALS(erfc),
    REALS(atan2),
    REALS(xlogy),
    REALS(hypot),
    REALS(logaddexp),
    REALS(logaddexp2),
    REALS(copysign),
    NUMBERS(relu),
    REALS(leaky_relu),
    NUMBERS(hardtanh),
    REALS(hardsigmoid),
    REALS(hardswish),
    OFTEN(REALS_COMMA, f32) MATH_F(REALS_COMMA, f32) REALS(relu_backward),
    REALS(threshold_backward),
    REALS(sigmoid_backward),
    REALS(tanh_backward),
    REALS(gelu_backward_erf),
    REALS(gelu_backward_tanh),
    REALS(silu_backward),
    REALS(softplus_backward),
    REALS(leaky_relu_backward),
    REALS(hardtanh_backward),
    REALS(elu_backward),
    REALS(smooth_l1),
    REALS(huber),
    REALS(bce),
    REALS(bce_with_logits),
    {"bce_backward", {[FAC_FLOAT32] = bce_backward_f32_t, [FAC_FLOAT64] = bce_backward_f64_t}},
    {0}};
const fac__family FAC__K(fac__family_pointwise_real) = {rows, NULL};
