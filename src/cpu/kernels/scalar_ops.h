/* What pointwise ops do to one element, where that takes more than an expression. */
#ifndef FAC_SCALAR_OPS_H
#define FAC_SCALAR_OPS_H

#include "vmath.h"

#include <tgmath.h>

#include <stdbool.h>
#include <stdint.h>

/* Of float, the functions that vectorise. */
#undef exp
#undef expm1
#undef log
#undef log1p
#undef tanh
#undef erf
#define exp(x) _Generic((x), float: vm_exp, default: (exp))(x)
#define expm1(x) _Generic((x), float: vm_expm1, default: (expm1))(x)
#define log(x) _Generic((x), float: vm_log, default: (log))(x)
#define log1p(x) _Generic((x), float: vm_log1p, default: (log1p))(x)
#define tanh(x) _Generic((x), float: vm_tanh, default: (tanh))(x)
#define erf(x) _Generic((x), float: vm_erf, default: (erf))(x)

#define erf_near(x) _Generic((x), float: vm_erf_near, default: (erf))(x)

#define FLOAT_HELPERS(T, F)                                                                        \
    static inline T op_floor_div_##F(T a, T b) {                                                   \
        if (b == 0)                                                                                \
            return a / b;                                                                          \
        T mod = fmod(a, b), div = (a - mod) / b;                                                   \
        if (mod != 0 && (b < 0) != (mod < 0))                                                      \
            div -= 1;                                                                              \
        if (div == 0)                                                                              \
            return copysign((T)0, a / b);                                                          \
        T f = floor(div);                                                                          \
        return div - f > (T)0.5 ? f + 1 : f;                                                       \
    }                                                                                              \
    static inline T op_mod_##F(T a, T b) {                                                         \
        T m = fmod(a, b);                                                                          \
        return m != 0 && (b < 0) != (m < 0) ? m + b : m;                                           \
    }                                                                                              \
    static inline T op_max_##F(T a, T b) {                                                         \
        return a != a ? a : b != b ? b : a > b ? a : b;                                            \
    }                                                                                              \
    static inline T op_min_##F(T a, T b) {                                                         \
        return a != a ? a : b != b ? b : a < b ? a : b;                                            \
    }                                                                                              \
    static inline T op_sigmoid_##F(T x) {                                                          \
        return 1 / (1 + exp(-x));                                                                  \
    }                                                                                              \
    static inline T op_log_sigmoid_##F(T x) {                                                      \
        return (x < 0 ? x : 0) - log1p(exp(-fabs(x)));                                             \
    }                                                                                              \
    /* of infinities of one sign, which have no difference, the sum is the greater */              \
    static inline T op_log_add_exp_##F(T a, T b) {                                                 \
        T less = a == b ? 0 : -fabs(a - b);                                                        \
        return op_max_##F(a, b) + log1p(exp(less));                                                \
    }                                                                                              \
    static inline T op_log_add_exp2_##F(T a, T b) {                                                \
        T less = a == b ? 0 : -fabs(a - b);                                                        \
        return op_max_##F(a, b) + log1p(exp2(less)) * (T)1.44269504088896340736;                   \
    }                                                                                              \
    static inline T op_softplus_##F(T x, T beta, T threshold) {                                    \
        return x * beta > threshold ? x : log1p(exp(x * beta)) / beta;                             \
    }                                                                                              \
    static inline T op_gelu_erf_##F(T x) {                                                         \
        return x * (T)0.5 * (1 + erf_near(x * (T)0.70710678118654752440));                         \
    }                                                                                              \
    static inline T op_gelu_tanh_##F(T x) {                                                        \
        T inner = (T)0.79788456080286535588 * (x + (T)0.044715 * x * x * x);                       \
        return (T)0.5 * x * (1 + tanh(inner));                                                     \
    }                                                                                              \
    static inline T op_gelu_erf_backward_##F(T g, T x) {                                           \
        T cdf = (T)0.5 * (1 + erf_near(x * (T)0.70710678118654752440));                            \
        return g * (cdf + x * exp(x * x * (T) - 0.5) * (T)0.39894228040143267794);                 \
    }                                                                                              \
    static inline T op_gelu_tanh_backward_##F(T g, T x) {                                          \
        T k = (T)0.79788456080286535588, x2 = x * x;                                               \
        T th = tanh(k * (x + (T)0.044715 * x2 * x));                                               \
        T left = (T)0.5 * (1 + th);                                                                \
        return g * (left + (T)0.5 * x * (1 - th * th) * k * (1 + 3 * (T)0.044715 * x2));           \
    }                                                                                              \
    static inline T op_silu_backward_##F(T g, T x) {                                               \
        T s = op_sigmoid_##F(x);                                                                   \
        return g * s * (1 + x * (1 - s));                                                          \
    }                                                                                              \
    static inline T op_smooth_l1_##F(T d, T beta) {                                                \
        T z = fabs(d);                                                                             \
        return z < beta ? (T)0.5 * z * z / beta : z - (T)0.5 * beta;                               \
    }                                                                                              \
    static inline T op_huber_##F(T d, T delta) {                                                   \
        T z = fabs(d);                                                                             \
        return z <= delta ? (T)0.5 * z * z : delta * (z - (T)0.5 * delta);                         \
    }                                                                                              \
    static inline T op_bce_##F(T x, T t) {                                                         \
        T lx = log(x), l1 = log1p(-x);                                                             \
        lx = lx < -100 ? -100 : lx;                                                                \
        l1 = l1 < -100 ? -100 : l1;                                                                \
        return (t - 1) * l1 - t * lx;                                                              \
    }                                                                                              \
    static inline T op_bce_backward_##F(T g, T x, T t) {                                           \
        T d = (1 - x) * x;                                                                         \
        return g * (x - t) / (d > (T)1e-12 ? d : (T)1e-12);                                        \
    }                                                                                              \
    static inline T op_bce_logits_##F(T x, T t) {                                                  \
        return (1 - t) * x - op_log_sigmoid_##F(x);                                                \
    }                                                                                              \
    static inline T op_elu_##F(T x, T alpha, T scale, T input_scale) {                             \
        return x <= 0 ? expm1(x * input_scale) * alpha * scale : x * scale;                        \
    }                                                                                              \
    static inline T op_lerp_##F(T a, T b, T w) {                                                   \
        return fabs(w) < (T)0.5 ? a + w * (b - a) : b - (b - a) * (1 - w);                         \
    }                                                                                              \
    static inline T op_round_decimals_##F(T x, double decimals) {                                  \
        T ten = (T)pow(10.0, fabs(decimals));                                                      \
        return decimals < 0 ? rint(x / ten) * ten : rint(x * ten) / ten;                           \
    }                                                                                              \
    static inline T op_nan_to_num_##F(T x, T nan, T pos, T neg) {                                  \
        return x != x ? nan : x == (T)INFINITY ? pos : x == -(T)INFINITY ? neg : x;                \
    }                                                                                              \
    static inline T op_power_##F(T a, T b) {                                                       \
        return b == 2           ? a * a                                                            \
               : b == (T)0.5    ? sqrt(a)                                                          \
               : b == 1         ? a                                                                \
               : b == 3         ? a * a * a                                                        \
               : b == -1        ? 1 / a                                                            \
               : b == -2        ? 1 / (a * a)                                                      \
               : b == (T) - 0.5 ? 1 / sqrt(a)                                                      \
                                : pow(a, b);                                                       \
    }
FLOAT_HELPERS(float, f32)
FLOAT_HELPERS(double, f64)

/* hypot() of the C library, in a form that vectorises: there is no branch, what is not wanted is
 * computed and dropped. */
static inline float op_hypot_f32(float a, float b) {
    float x = fabs(a), y = fabs(b), h = (float)sqrt((double)a * a + (double)b * b);
    return x == (float)INFINITY || y == (float)INFINITY ? (float)INFINITY : h;
}
/* The square of the root differs from the sum of squares by what its terms were rounded by:
 * `rest`, in terms that are nearly exact (Borges, An Improved Algorithm for hypot(a, b)). */
static inline double op_hypot_f64(double a, double b) {
    double x = fabs(a), y = fabs(b), large = x < y ? y : x, small = x < y ? x : y;
    double up = large > 0x1p511 ? 0x1p-600 : large < 0x1p-400 ? 0x1p600 : 1;
    double down = large > 0x1p511 ? 0x1p600 : large < 0x1p-400 ? 0x1p-600 : 1;
    double l = large * up, s = small * up, h = sqrt(l * l + s * s);
    double d = h - s, e = h - l;
    double rest = h <= 2 * s ? l * (2 * d - l) + (d - 2 * (l - s)) * d
                             : 2 * e * (l - 2 * s) + ((4 * e - s) * s + e * e);
    h = small <= large * 0x1p-54 ? large + small : (h - rest / (2 * h)) * down;
    return x == (double)INFINITY || y == (double)INFINITY ? (double)INFINITY : h;
}

#define INT_HELPERS(F, T)                                                                          \
    static inline T op_floor_div_##F(T a, T b) {                                                   \
        if ((T) - 1 < 0 && b == (T) - 1)                                                           \
            return (T)(0 - (uint64_t)a);                                                           \
        T q = (T)(a / b), r = (T)(a % b);                                                          \
        return (T)(r != 0 && ((r < 0) != (b < 0)) ? q - 1 : q);                                    \
    }                                                                                              \
    static inline T op_trunc_div_##F(T a, T b) {                                                   \
        return (T) - 1 < 0 && b == (T) - 1 ? (T)(0 - (uint64_t)a) : (T)(a / b);                    \
    }                                                                                              \
    static inline T op_mod_##F(T a, T b) {                                                         \
        if ((T) - 1 < 0 && b == (T) - 1)                                                           \
            return 0;                                                                              \
        T r = (T)(a % b);                                                                          \
        return (T)(r != 0 && ((r < 0) != (b < 0)) ? r + b : r);                                    \
    }                                                                                              \
    static inline T op_fmod_##F(T a, T b) {                                                        \
        return (T) - 1 < 0 && b == (T) - 1 ? 0 : (T)(a % b);                                       \
    }                                                                                              \
    static inline T op_power_##F(T a, T b) {                                                       \
        if (b < 0)                                                                                 \
            return a == 1 ? 1 : a == (T) - 1 ? (b % 2 != 0 ? (T) - 1 : 1) : 0;                     \
        uint64_t r = 1, x = (uint64_t)a, n = (uint64_t)b;                                          \
        for (; n != 0; n >>= 1, x *= x)                                                            \
            if (n & 1)                                                                             \
                r *= x;                                                                            \
        return (T)r;                                                                               \
    }                                                                                              \
    static inline T op_shl_##F(T a, T b) {                                                         \
        return (b < 0 || (uint64_t)b >= 8 * sizeof(T)) ? 0 : (T)((uint64_t)a << b);                \
    }                                                                                              \
    static inline T op_shr_##F(T a, T b) {                                                         \
        const int top = (int)(8 * sizeof(T)) - ((T) - 1 < 0 ? 1 : 0);                              \
        if (b < 0 || (uint64_t)b >= (uint64_t)top)                                                 \
            return (T)((T) - 1 < 0 ? a >> (8 * sizeof(T) - 1) : 0);                                \
        return (T)(a >> b);                                                                        \
    }
INT_HELPERS(u8, uint8_t)
INT_HELPERS(i8, int8_t)
INT_HELPERS(i16, int16_t)
INT_HELPERS(i32, int32_t)
INT_HELPERS(i64, int64_t)
INT_HELPERS(u16, uint16_t)
INT_HELPERS(u32, uint32_t)
INT_HELPERS(u64, uint64_t)

#endif
