/* Variance and standard deviation, with and without the mean.
 *
 * In double throughout. A block sums deviations from its first value and their squares: then
 * M2 = S2 - S1^2 / n loses at most a factor n of the precision, as no value of n lies further than
 * sqrt(n - 1) deviations from the mean, and equal values give exactly zero. Blocks join by the
 * formula of Chan, Golub and LeVeque (1979). */
#include "reduce.h"

#include <math.h>
#include <string.h>

/* Eight lanes, `step` apart. */
static inline double close_lanes(const double *l, int step) {
    double h[4];
    for (int k = 0; k < 4; k++)
        h[k] = l[k * step] + l[(k + 4) * step];
    return (h[0] + h[1]) + (h[2] + h[3]);
}

/* The same of `m` lanes of w columns, into the first lane. */
static void fold_lanes(double *l, int m, int w) {
    static const uint8_t pairs[][2] = {{0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3}, {0, 2}};
    for (int k = 0; k < 7; k++) {
        double *restrict a = l + pairs[k][0] * w;
        const double *restrict b = l + pairs[k][1] * w;
        if (pairs[k][1] < m)
            for (int j = 0; j < w; j++)
                a[j] += b[j];
    }
}

/* Sums of deviations and of their squares become mean and M2. */
static inline void open_moment(double *s1, double *s2, double shift, double n) {
    double m2 = *s2 - *s1 * (*s1 / n);
    *s1 = shift + *s1 / n;
    *s2 = m2 < 0 ? 0 : m2;
}

static inline void join_moment(double *mean, double *m2, double mean1, double m21, double n0,
                               double n1) {
    double d = mean1 - *mean, n = n0 + n1;
    *mean += d * (n1 / n);
    *m2 += m21 + d * d * (n0 * (n1 / n));
}

/* The blocks of a run of n, `step` apart, into the first. */
static void join_blocks(double *mean, double *m2, int step, int64_t n) {
    static const uint8_t pairs[][2] = {{0, 1}, {2, 3}, {0, 2}};
    double count[4];
    for (int b = 0; b < 4; b++)
        count[b] = (double)fac__block_count(n, b);
    for (int k = 0; k < 3; k++) {
        int a = pairs[k][0], b = pairs[k][1];
        if (count[b] == 0)
            continue;
        for (int j = 0; j < step; j++)
            join_moment(mean + a * step + j, m2 + a * step + j, mean[b * step + j],
                        m2[b * step + j], count[a], count[b]);
        count[a] += count[b];
    }
}

typedef float half_floats __attribute__((vector_size(FAC__VB / 2), aligned(4), may_alias));

#define MOM mom_f32
#define MOM_S float
#define MOM_C 1
#define MOM_LOADV(p) __builtin_convertvector(*(const half_floats *)(p), fac__vf64)
#include "moments.inc"

#define MOM mom_f64
#define MOM_S double
#define MOM_C 1
#define MOM_LOADV(p) (*(const fac__vf64_u *)(p))
#include "moments.inc"

#define MOM mom_c64
#define MOM_S float
#define MOM_C 2
#define MOM_LOADV(p) __builtin_convertvector(*(const half_floats *)(p), fac__vf64)
#include "moments.inc"

#define MOM mom_c128
#define MOM_S double
#define MOM_C 2
#define MOM_LOADV(p) (*(const fac__vf64_u *)(p))
#include "moments.inc"

/* --- results ---------------------------------------------------------------------------------- */

struct how {
    double correction;
    bool root;
};

#define DONE(name, R, C)                                                                           \
    static void name(void *const *out, const void *acc, int ld, int w, int64_t n,                  \
                     const void *ctx) {                                                            \
        const struct how *how = ctx;                                                               \
        double free = (double)n - how->correction;                                                 \
        free = free > 0 ? free : 0;                                                                \
        for (int j = 0; j < w; j++) {                                                              \
            const double *a = (const double *)acc + j;                                             \
            double v = (C == 2 ? a[2 * ld] + a[3 * ld] : a[ld]) / free;                            \
            ((R *)out[0])[j] = (R)(how->root ? sqrt(v) : v);                                       \
            if (out[1] == NULL)                                                                    \
                continue;                                                                          \
            ((R *)out[1])[j * C] = (R)a[0];                                                        \
            if (C == 2)                                                                            \
                ((R *)out[1])[j * C + 1] = (R)a[ld];                                               \
        }                                                                                          \
    }
DONE(done_f32, float, 1)
DONE(done_f64, double, 1)
DONE(done_c64, float, 2)
DONE(done_c128, double, 2)

static const fac__fold folds[FAC_NUM_DTYPES] = {
    [FAC_FLOAT32] = {FAC_FLOAT32,
                     {FAC_FLOAT32, FAC_FLOAT32},
                     {8, 8},
                     false,
                     false,
                     mom_f32_row,
                     mom_f32_columns,
                     mom_f32_join,
                     done_f32,
                     NULL},
    [FAC_FLOAT64] = {FAC_FLOAT64,
                     {FAC_FLOAT64, FAC_FLOAT64},
                     {8, 8},
                     false,
                     false,
                     mom_f64_row,
                     mom_f64_columns,
                     mom_f64_join,
                     done_f64,
                     NULL},
    [FAC_COMPLEX64] = {FAC_COMPLEX64,
                       {FAC_FLOAT32, FAC_COMPLEX64},
                       {8, 8, 8, 8},
                       false,
                       false,
                       mom_c64_row,
                       mom_c64_columns,
                       mom_c64_join,
                       done_c64,
                       NULL},
    [FAC_COMPLEX128] = {FAC_COMPLEX128,
                        {FAC_FLOAT64, FAC_COMPLEX128},
                        {8, 8, 8, 8},
                        false,
                        false,
                        mom_c128_row,
                        mom_c128_columns,
                        mom_c128_join,
                        done_c128,
                        NULL},
};

static int run(fac_tensor *x, fac_ints dim, fac_scalar correction, bool keepdim, bool root,
               bool with_mean, fac_tensor **out) {
    struct how how = {fac__given(correction) ? fac__scalar_double(correction) : 1.0, root};
    fac__fold f = folds[fac__opmath((fac_dtype)x->dtype)];
    f.ctx = &how;
    if (!with_mean)
        f.out[1] = FAC_DTYPE_NONE;
    return FAC__K(fac__reduce)(x, fac__dims_gone(dim, x->ndim), keepdim, &f, out);
}

#define KERNEL(name, root, with_mean)                                                              \
    static int name(const void *args, fac_tensor **out) {                                          \
        const struct fac__##name##_args *a = args;                                                 \
        return run(a->input, a->dim, a->correction, a->keepdim, root, with_mean, out);             \
    }
KERNEL(var, false, false)
KERNEL(std, true, false)
KERNEL(var_mean, false, true)
KERNEL(std_mean, true, true)

static const fac__kernel_row rows[] = {
    {"var", var}, {"std", std}, {"var_mean", var_mean}, {"std_mean", std_mean}, {0}};
const fac__family FAC__K(fac__family_moments) = {NULL, rows};
