/* What the kernels of neural networks share: columns of floating dtypes, sums of rows in a fixed
 * order, the exponential. */
#ifndef FAC__NN_H
#define FAC__NN_H

#include "combine.h"
#include "half.h"
#include "vmath.h"

#include "../../gen/ops.h"

#include <math.h>

static inline int64_t nn_min(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t nn_max(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* How many units of `work` elements make a piece for a thread. */
static inline int64_t nn_grain(int64_t work) {
    return nn_max(1, 32768 / nn_max(1, work));
}

static inline float nn_exp_float(float x) {
    return vm_exp(x);
}
static inline double nn_exp_double(double x) {
    return exp(x);
}

enum { NN_LANES = 16, NN_BLOCK = 4096 };

/* sum_name(n, args): the sum of `expr` over i in [0, n): blocks in double, each of 16 running
 * sums. The order depends on n alone. */
#define NN_SUM(name, C, params, expr)                                                              \
    static double name(int64_t n, params) {                                                        \
        double total = 0;                                                                          \
        for (int64_t b = 0; b < n; b += NN_BLOCK) {                                                \
            int64_t end = nn_min(n, b + NN_BLOCK), i = b;                                          \
            C lane[NN_LANES] = {0}, rest = 0;                                                      \
            for (; i + NN_LANES <= end; i += NN_LANES)                                             \
                for (int j = 0; j < NN_LANES; j++) {                                               \
                    int64_t at = i + j;                                                            \
                    lane[j] += (expr);                                                             \
                }                                                                                  \
            for (; i < end; i++) {                                                                 \
                int64_t at = i;                                                                    \
                rest += (expr);                                                                    \
            }                                                                                      \
            for (int half_ = NN_LANES / 2; half_ > 0; half_ /= 2)                                  \
                for (int j = 0; j < half_; j++)                                                    \
                    lane[j] += lane[j + half_];                                                    \
            total += (double)lane[0] + (double)rest;                                               \
        }                                                                                          \
        return total;                                                                              \
    }
#define NN_COMMA ,

/* Calls F(dtype, ...) by a tensor's floating dtype. */
#define NN_PICK(table, t) ((table)[(t)->dtype])
#define NN_TABLE(name)                                                                             \
    {[FAC_FLOAT16] = name##_FLOAT16,                                                               \
     [FAC_BFLOAT16] = name##_BFLOAT16,                                                             \
     [FAC_FLOAT32] = name##_FLOAT32,                                                               \
     [FAC_FLOAT64] = name##_FLOAT64}

/* A parameter in the dtype sums are kept in, contiguous; NULL stays NULL. */
static inline int nn_parameter(fac_tensor *t, fac_dtype d, fac_tensor **out) {
    *out = NULL;
    if (t == NULL)
        return 0;
    *out = fac__cast(t, d);
    return *out == NULL ? -1 : 0;
}

#endif
