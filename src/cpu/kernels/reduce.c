/* Sums and products: sum, mean, nansum, prod, all, any, count_nonzero. */
#include "reduce.h"

#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define SAME(x) (x)
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))

/* --- floating folds: -0 is the one value that changes no sum ----------------------------------- */

#define FOLD sum_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT -0.0f
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD sum_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT -0.0
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD sum_c64
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 2
#define FOLD_UNIT -0.0f
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD sum_c128
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 2
#define FOLD_UNIT -0.0
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

/* NaN as -0: all ones where x is a number keeps it, and -0 is the sign bit where it is not. */
#define NUMBER_V(x, V, VI, sign) ((V)(((VI)(x) & ((x) == (x))) | (~((x) == (x)) & (sign))))
#define FOLD nansum_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT -0.0f
#define FOLD_MAP(x) ((x) == (x) ? (x) : -0.0f)
#define FOLD_MAPV(x) NUMBER_V(x, fac__vf32, fac__vi32, INT32_MIN)
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD nansum_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT -0.0
#define FOLD_MAP(x) ((x) == (x) ? (x) : -0.0)
#define FOLD_MAPV(x) NUMBER_V(x, fac__vf64, fac__vi64, INT64_MIN)
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD prod_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT 1.0f
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP TIMES
#define FOLD_OPV TIMES
#include "fold.inc"

#define FOLD prod_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT 1.0
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP TIMES
#define FOLD_OPV TIMES
#include "fold.inc"

/* --- exact folds: any order gives the same -------------------------------------------------------- */

/* EACH(s, v) folds value v of type T into s of type A; JOIN(s, t) two accumulators. */
#define EXACT(name, T, A, unit, EACH, JOIN)                                                        \
    static void name##_row(void *acc, int ld, int j, const void *data, int64_t n, int64_t at,      \
                           const void *ctx) {                                                      \
        (void)ld, (void)at, (void)ctx;                                                             \
        const T *x = data;                                                                         \
        A s = unit;                                                                                \
        for (int64_t i = 0; i < n; i++)                                                            \
            s = EACH(s, x[i]);                                                                     \
        ((A *)acc)[j] = s;                                                                         \
    }                                                                                              \
    static void name##_columns(void *acc, int ld, const char *const *rows, bool dense, int n,      \
                               int w, int64_t at, const void *ctx) {                               \
        (void)ld, (void)at, (void)ctx, (void)dense;                                                \
        A *restrict s = acc;                                                                       \
        for (int j = 0; j < w; j++)                                                                \
            s[j] = unit;                                                                           \
        for (int i = 0; i < n; i++) {                                                              \
            const T *restrict x = (const void *)rows[i];                                           \
            for (int j = 0; j < w; j++)                                                            \
                s[j] = EACH(s[j], x[j]);                                                           \
        }                                                                                          \
    }                                                                                              \
    static void name##_join(void *acc, const void *after, int ld, int w, int64_t n0, int64_t n1,   \
                            const void *ctx) {                                                     \
        (void)ld, (void)n0, (void)n1, (void)ctx;                                                   \
        A *restrict a = acc;                                                                       \
        const A *restrict b = after;                                                               \
        for (int j = 0; j < w; j++)                                                                \
            a[j] = JOIN(a[j], b[j]);                                                               \
    }

#define ADD_INT(s, v) ((s) + (uint64_t)(int64_t)(v))
#define MUL_INT(s, v) ((s) * (uint64_t)(v))
EXACT(sum_i8, int8_t, uint64_t, 0, ADD_INT, PLUS)
EXACT(sum_i16, int16_t, uint64_t, 0, ADD_INT, PLUS)
EXACT(sum_i32, int32_t, uint64_t, 0, ADD_INT, PLUS)
EXACT(sum_u16, uint16_t, uint64_t, 0, ADD_INT, PLUS)
EXACT(sum_u32, uint32_t, uint64_t, 0, ADD_INT, PLUS)
EXACT(sum_i64, uint64_t, uint64_t, 0, PLUS, PLUS)
EXACT(prod_i64, uint64_t, uint64_t, 1, TIMES, TIMES)

/* Bytes add up in 32 bits within a block. */
static void sum_u8_row(void *acc, int ld, int j, const void *data, int64_t n, int64_t at,
                       const void *ctx) {
    (void)ld, (void)at, (void)ctx;
    const uint8_t *x = data;
    uint64_t s = 0;
    int64_t i = 0;
#if defined(__AVX2__)
    __m256i a = _mm256_setzero_si256();
    for (; i + 32 <= n; i += 32)
        a = _mm256_add_epi64(a, _mm256_sad_epu8(_mm256_loadu_si256((const void *)(x + i)),
                                                _mm256_setzero_si256()));
    uint64_t t[4];
    _mm256_storeu_si256((void *)t, a);
    s = t[0] + t[1] + t[2] + t[3];
#elif defined(__SSE2__)
    __m128i a = _mm_setzero_si128();
    for (; i + 16 <= n; i += 16)
        a = _mm_add_epi64(
            a, _mm_sad_epu8(_mm_loadu_si128((const void *)(x + i)), _mm_setzero_si128()));
    uint64_t t[2];
    _mm_storeu_si128((void *)t, a);
    s = t[0] + t[1];
#endif
    for (; i < n; i++)
        s += x[i];
    ((uint64_t *)acc)[j] = s;
}

static void sum_u8_columns(void *acc, int ld, const char *const *rows, bool dense, int n, int w,
                           int64_t at, const void *ctx) {
    (void)ld, (void)at, (void)ctx, (void)dense;
    uint16_t s[FAC__FOLD_TILE] = {0}; /* 256 rows of 255 fit */
    for (int i = 0; i < n; i++) {
        const uint8_t *restrict x = (const void *)rows[i];
        for (int j = 0; j < w; j++)
            s[j] = (uint16_t)(s[j] + x[j]);
    }
    for (int j = 0; j < w; j++)
        ((uint64_t *)acc)[j] = s[j];
}
#define sum_u8_join sum_i64_join

#define OR(a, b) ((a) | (b))
#define AND(a, b) ((a) & (b))
#define OR_BYTE(s, v) ((uint8_t)((s) | ((v) != 0)))
#define AND_BYTE(s, v) ((uint8_t)((s) & ((v) != 0)))
EXACT(any_u8, uint8_t, uint8_t, 0, OR_BYTE, OR_BYTE)
EXACT(all_u8, uint8_t, uint8_t, 1, AND_BYTE, AND_BYTE)

/* --- complex products ------------------------------------------------------------------------------ */

#define COMPLEX_PROD(name, T)                                                                      \
    static inline void name##_mul(T *r, T a, T b) {                                                \
        T re = r[0] * a - r[1] * b, im = r[0] * b + r[1] * a;                                      \
        r[0] = re;                                                                                 \
        r[1] = im;                                                                                 \
    }                                                                                              \
    static void name##_columns(void *acc, int ld, const char *const *rows, bool dense, int n,      \
                               int w, int64_t at, const void *ctx) {                               \
        (void)ld, (void)at, (void)ctx, (void)dense;                                                \
        T *r = acc;                                                                                \
        for (int j = 0; j < w; j++, r += 2) {                                                      \
            r[0] = 1;                                                                              \
            r[1] = 0;                                                                              \
            for (int i = 0; i < n; i++) {                                                          \
                const T *x = (const T *)(const void *)rows[i] + (ptrdiff_t)2 * j;                  \
                name##_mul(r, x[0], x[1]);                                                         \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void name##_join(void *acc, const void *after, int ld, int w, int64_t n0, int64_t n1,   \
                            const void *ctx) {                                                     \
        (void)ld, (void)n0, (void)n1, (void)ctx;                                                   \
        T *r = acc;                                                                                \
        const T *b = after;                                                                        \
        for (int j = 0; j < 2 * w; j += 2)                                                         \
            name##_mul(r + j, b[j], b[j + 1]);                                                     \
    }                                                                                              \
    static void name##_row(void *acc, int ld, int j, const void *data, int64_t n, int64_t at,      \
                           const void *ctx) {                                                      \
        const T *x = data;                                                                         \
        T *r = (T *)acc + (ptrdiff_t)2 * j;                                                        \
        T part[4][2];                                                                              \
        int blocks = 0;                                                                            \
        for (int64_t b = 0; b == 0 || b < n; b += FAC__FOLD_BLOCK, blocks++) {                     \
            T *p = part[blocks];                                                                   \
            int64_t m = n - b < FAC__FOLD_BLOCK ? n - b : FAC__FOLD_BLOCK;                         \
            p[0] = 1;                                                                              \
            p[1] = 0;                                                                              \
            for (int64_t i = b; i < b + m; i++)                                                    \
                name##_mul(p, x[2 * i], x[2 * i + 1]);                                             \
        }                                                                                          \
        if (blocks > 1)                                                                            \
            name##_join(part[0], part[1], ld, 1, 0, 0, ctx);                                       \
        if (blocks > 3)                                                                            \
            name##_join(part[2], part[3], ld, 1, 0, 0, ctx);                                       \
        if (blocks > 2)                                                                            \
            name##_join(part[0], part[2], ld, 1, 0, 0, ctx);                                       \
        r[0] = part[0][0];                                                                         \
        r[1] = part[0][1];                                                                         \
        (void)at;                                                                                  \
    }
COMPLEX_PROD(prod_c64, float)
COMPLEX_PROD(prod_c128, double)

/* --- results -------------------------------------------------------------------------------------- */

#define FINISH(name, T, C, expr)                                                                   \
    static void name(void *const *out, const void *acc, int ld, int w, int64_t n,                  \
                     const void *ctx) {                                                            \
        (void)ld, (void)n, (void)ctx;                                                              \
        T *restrict to = out[0];                                                                   \
        const T *restrict s = acc;                                                                 \
        for (int j = 0; j < w * C; j++)                                                            \
            to[j] = (T)(expr);                                                                     \
    }
FINISH(plain_u8, uint8_t, 1, s[j])
FINISH(plain_i64, uint64_t, 1, s[j])
FINISH(plain_f32, float, 1, s[j])
FINISH(plain_f64, double, 1, s[j])
FINISH(plain_c64, float, 2, s[j])
FINISH(plain_c128, double, 2, s[j])
FINISH(sum_f32_done, float, 1, s[j] + 0.0f) /* a sum of -0 is 0 */
FINISH(sum_f64_done, double, 1, s[j] + 0.0)
FINISH(sum_c64_done, float, 2, s[j] + 0.0f)
FINISH(sum_c128_done, double, 2, s[j] + 0.0)
FINISH(mean_f32_done, float, 1, (s[j] + 0.0f) / (float)n)
FINISH(mean_f64_done, double, 1, (s[j] + 0.0) / (double)n)
FINISH(mean_c64_done, float, 2, (s[j] + 0.0f) / (float)n)
FINISH(mean_c128_done, double, 2, (s[j] + 0.0) / (double)n)

#define ROWS(f) f##_row, f##_columns, f##_join
static const fac__fold sums[FAC_NUM_DTYPES] = {
    [FAC_BOOL] = {FAC_BOOL, {FAC_INT64}, {8}, false, ROWS(sum_u8), plain_i64, NULL},
    [FAC_UINT8] = {FAC_UINT8, {FAC_INT64}, {8}, false, ROWS(sum_u8), plain_i64, NULL},
    [FAC_INT8] = {FAC_INT8, {FAC_INT64}, {8}, false, ROWS(sum_i8), plain_i64, NULL},
    [FAC_INT16] = {FAC_INT16, {FAC_INT64}, {8}, false, ROWS(sum_i16), plain_i64, NULL},
    [FAC_INT32] = {FAC_INT32, {FAC_INT64}, {8}, false, ROWS(sum_i32), plain_i64, NULL},
    [FAC_INT64] = {FAC_INT64, {FAC_INT64}, {8}, false, ROWS(sum_i64), plain_i64, NULL},
    [FAC_UINT16] = {FAC_UINT16, {FAC_INT64}, {8}, false, ROWS(sum_u16), plain_i64, NULL},
    [FAC_UINT32] = {FAC_UINT32, {FAC_INT64}, {8}, false, ROWS(sum_u32), plain_i64, NULL},
    [FAC_UINT64] = {FAC_UINT64, {FAC_INT64}, {8}, false, ROWS(sum_i64), plain_i64, NULL},
    [FAC_FLOAT32] = {FAC_FLOAT32, {FAC_FLOAT32}, {4}, false, ROWS(sum_f32), sum_f32_done, NULL},
    [FAC_FLOAT64] = {FAC_FLOAT64, {FAC_FLOAT64}, {8}, false, ROWS(sum_f64), sum_f64_done, NULL},
    [FAC_COMPLEX64] = {FAC_COMPLEX64, {FAC_COMPLEX64}, {8}, false, ROWS(sum_c64), sum_c64_done,
                       NULL},
    [FAC_COMPLEX128] = {FAC_COMPLEX128, {FAC_COMPLEX128}, {16}, false, ROWS(sum_c128),
                        sum_c128_done, NULL},
};
static const fac__fold means[FAC_NUM_DTYPES] = {
    [FAC_FLOAT32] = {FAC_FLOAT32, {FAC_FLOAT32}, {4}, false, ROWS(sum_f32), mean_f32_done, NULL},
    [FAC_FLOAT64] = {FAC_FLOAT64, {FAC_FLOAT64}, {8}, false, ROWS(sum_f64), mean_f64_done, NULL},
    [FAC_COMPLEX64] = {FAC_COMPLEX64, {FAC_COMPLEX64}, {8}, false, ROWS(sum_c64), mean_c64_done,
                       NULL},
    [FAC_COMPLEX128] = {FAC_COMPLEX128, {FAC_COMPLEX128}, {16}, false, ROWS(sum_c128),
                        mean_c128_done, NULL},
};
static const fac__fold nansums[FAC_NUM_DTYPES] = {
    [FAC_FLOAT32] = {FAC_FLOAT32, {FAC_FLOAT32}, {4}, false, ROWS(nansum_f32), sum_f32_done,
                     NULL},
    [FAC_FLOAT64] = {FAC_FLOAT64, {FAC_FLOAT64}, {8}, false, ROWS(nansum_f64), sum_f64_done,
                     NULL},
};
static const fac__fold prods[FAC_NUM_DTYPES] = {
    [FAC_INT64] = {FAC_INT64, {FAC_INT64}, {8}, false, ROWS(prod_i64), plain_i64, NULL},
    [FAC_FLOAT32] = {FAC_FLOAT32, {FAC_FLOAT32}, {4}, false, ROWS(prod_f32), plain_f32, NULL},
    [FAC_FLOAT64] = {FAC_FLOAT64, {FAC_FLOAT64}, {8}, false, ROWS(prod_f64), plain_f64, NULL},
    [FAC_COMPLEX64] = {FAC_COMPLEX64, {FAC_COMPLEX64}, {8}, false, ROWS(prod_c64), plain_c64,
                       NULL},
    [FAC_COMPLEX128] = {FAC_COMPLEX128, {FAC_COMPLEX128}, {16}, false, ROWS(prod_c128),
                        plain_c128, NULL},
};
static const fac__fold any_fold = {FAC_BOOL, {FAC_BOOL}, {1}, false, ROWS(any_u8), plain_u8, NULL};
static const fac__fold all_fold = {FAC_BOOL, {FAC_BOOL}, {1}, false, ROWS(all_u8), plain_u8, NULL};

/* --- kernels -------------------------------------------------------------------------------------- */

/* Folds x, its elements converted to the result's dtype first. Whole numbers of any width add and
 * multiply in 64 bits: what is cut off in the end is the same. */
static int arithmetic(fac_tensor *x, uint64_t gone, bool keepdim, fac_tensor **out,
                      const fac__fold *folds, const fac__fold *of_bool) {
    fac_dtype d = (fac_dtype)out[0]->dtype, from = (fac_dtype)x->dtype;
    const fac__fold *f;
    if (d == FAC_BOOL)
        f = of_bool;
    else if (!fac__is_integral(d, true))
        f = &folds[fac__opmath(d)];
    else if (fac__is_integral(from, true) && folds[from].row != NULL)
        f = &folds[from];
    else
        f = &folds[FAC_INT64];
    if (f->row == NULL && fac__is_integral(d, true)) /* nansum of integers */
        f = &sums[fac__is_integral(from, true) ? from : FAC_INT64];
    if (fac__opmath(d) == d || from == d)
        return FAC__K(fac__reduce)(x, gone, keepdim, f, out);
    fac_tensor *rounded = fac__cast(x, d);
    if (rounded == NULL)
        return -1;
    int r = FAC__K(fac__reduce)(rounded, gone, keepdim, f, out);
    fac__release(rounded);
    return r;
}

static int sum(const void *args, fac_tensor **out) {
    const struct fac__sum_args *a = args;
    return arithmetic(a->input, fac__dims_gone(a->dim, a->input->ndim), a->keepdim, out, sums,
                      &any_fold);
}

static int mean(const void *args, fac_tensor **out) {
    const struct fac__mean_args *a = args;
    return arithmetic(a->input, fac__dims_gone(a->dim, a->input->ndim), a->keepdim, out, means,
                      NULL);
}

static int nansum(const void *args, fac_tensor **out) {
    const struct fac__nansum_args *a = args;
    return arithmetic(a->input, fac__dims_gone(a->dim, a->input->ndim), a->keepdim, out, nansums,
                      &any_fold);
}

static int prod(const void *args, fac_tensor **out) {
    const struct fac__prod_args *a = args;
    uint64_t gone =
        a->dim.given ? fac__dim_gone(a->dim.value, a->input->ndim) : FAC__ALL_DIMS;
    return arithmetic(a->input, gone, a->keepdim, out, prods, &all_fold);
}

/* all(x, ()) reduces nothing. */
static uint64_t gone_or_none(fac_ints dim, int ndim) {
    return dim.given && dim.n == 0 ? 0 : fac__dims_gone(dim, ndim);
}

static int all(const void *args, fac_tensor **out) {
    const struct fac__all_args *a = args;
    return FAC__K(fac__reduce)(a->input, gone_or_none(a->dim, a->input->ndim), a->keepdim,
                               &all_fold, out);
}

static int any(const void *args, fac_tensor **out) {
    const struct fac__any_args *a = args;
    return FAC__K(fac__reduce)(a->input, gone_or_none(a->dim, a->input->ndim), a->keepdim,
                               &any_fold, out);
}

static int count_nonzero(const void *args, fac_tensor **out) {
    const struct fac__count_nonzero_args *a = args;
    return FAC__K(fac__reduce)(a->input, fac__dims_gone(a->dim, a->input->ndim), false,
                               &sums[FAC_BOOL], out);
}

static const fac__kernel_row rows[] = {{"sum", sum},
                                       {"mean", mean},
                                       {"nansum", nansum},
                                       {"prod", prod},
                                       {"all", all},
                                       {"any", any},
                                       {"count_nonzero", count_nonzero},
                                       {0}};
const fac__family FAC__K(fac__family_reduce) = {NULL, rows};
