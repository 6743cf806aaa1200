/* Sums and products: sum, mean, nansum, prod, all, any, count_nonzero. */
#include "reduce.h"

#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define SAME(x) (x)
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))

/* --- floating folds: -0 is the one value that changes no sum -----------------------------------
 */

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

/* The 16-bit floats, converted as they are loaded. bfloat16 is the upper half of a float. */
typedef uint16_t half_vector __attribute__((vector_size(FAC__VB / 2), aligned(2), may_alias));
typedef uint32_t word_vector __attribute__((vector_size(FAC__VB)));
static inline float from_bf16(uint16_t b) {
    uint32_t x = (uint32_t)b << 16;
    float f;
    memcpy(&f, &x, 4);
    return f;
}
#define FOLD sum_bf16
#define FOLD_T float
#define FOLD_S uint16_t
#ifdef __AVX2__ /* the compiler makes four instructions of one */
#define FOLD_LOADV(p)                                                                              \
    ((fac__vf32)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)(p))), 16))
#else
#define FOLD_LOADV(p)                                                                              \
    ((fac__vf32)(__builtin_convertvector(*(const half_vector *)(p), word_vector) << 16))
#endif
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT -0.0f
#define FOLD_MAP from_bf16
#define FOLD_MAPV SAME
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#ifdef __F16C__
#define FOLD sum_f16
#define FOLD_T float
#define FOLD_S uint16_t
#define FOLD_LOADV(p) ((fac__vf32)_mm256_cvtph_ps(_mm_loadu_si128((const void *)(p))))
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT -0.0f
#define FOLD_MAP _cvtsh_ss
#define FOLD_MAPV SAME
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"
#endif

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

/* NaN as zero: a comparison's bits are all ones where x is a number. */
#define FOLD nansum_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT -0.0f
#define FOLD_MAP(x) ((x) == (x) ? (x) : 0.0f)
#define FOLD_MAPV(x) ((fac__vf32)((fac__vi32)(x) & ((x) == (x))))
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD nansum_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT -0.0
#define FOLD_MAP(x) ((x) == (x) ? (x) : 0.0)
#define FOLD_MAPV(x) ((fac__vf64)((fac__vi64)(x) & ((x) == (x))))
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

/* --- exact folds: any order gives the same ---------------------------------------------------- */

#define WRAP(a, b) ((int64_t)((uint64_t)(a) + (uint64_t)(b)))
#define ADD_INT(s, v) ((s) + (uint64_t)(int64_t)(v))
#define MUL_INT(s, v) ((s) * (uint64_t)(v))
FAC__EXACT(sum_i8, int8_t, uint64_t, 0, ADD_INT, PLUS)
FAC__EXACT(sum_i16, int16_t, uint64_t, 0, ADD_INT, PLUS)
FAC__EXACT(sum_i32, int32_t, uint64_t, 0, ADD_INT, PLUS)
FAC__EXACT(sum_u16, uint16_t, uint64_t, 0, ADD_INT, PLUS)
FAC__EXACT(sum_u32, uint32_t, uint64_t, 0, ADD_INT, PLUS)
#define FOLD sum_i64
#define FOLD_T int64_t
#define FOLD_V fac__vi64
#define FOLD_C 1
#define FOLD_UNIT 0
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP WRAP
#define FOLD_OPV PLUS
#define FOLD_EXACT true
#include "fold.inc"
FAC__EXACT(prod_i64, uint64_t, uint64_t, 1, TIMES, TIMES)

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
        a = _mm256_add_epi64(
            a, _mm256_sad_epu8(_mm256_loadu_si256((const void *)(x + i)), _mm256_setzero_si256()));
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
    (void)ld, (void)at, (void)ctx;
    uint64_t *restrict sum = acc;
    for (int j = 0; j < w; j++)
        sum[j] = 0;
    for (int from = 0; from < n; from += FAC__FOLD_BLOCK) {
        uint16_t s[FAC__FOLD_TILE / 8] = {0}; /* 256 rows of 255 fit */
        int end = n - from < FAC__FOLD_BLOCK ? n : from + FAC__FOLD_BLOCK;
        for (int i = from; i < end; i++) {
            const uint8_t *restrict x = FAC__ROW_AT(uint8_t, i, w);
            for (int j = 0; j < w; j++)
                s[j] = (uint16_t)(s[j] + x[j]);
        }
        for (int j = 0; j < w; j++)
            sum[j] += s[j];
    }
}
#define sum_u8_join sum_i64_join
enum { sum_u8_many = true };

#define OR_BYTE(s, v) ((uint8_t)((s) | ((v) != 0)))
#define AND_BYTE(s, v) ((uint8_t)((s) & ((v) != 0)))
FAC__EXACT(any_u8, uint8_t, uint8_t, 0, OR_BYTE, OR_BYTE)
FAC__EXACT(all_u8, uint8_t, uint8_t, 1, AND_BYTE, AND_BYTE)

/* --- complex products ------------------------------------------------------------------------- */

#define COMPLEX_PROD(name, T)                                                                      \
    enum { name##_many = false };                                                                  \
    static inline void name##_mul(T *r, const T *b) {                                              \
        T re = r[0] * b[0] - r[1] * b[1], im = r[0] * b[1] + r[1] * b[0];                          \
        r[0] = re;                                                                                 \
        r[1] = im;                                                                                 \
    }                                                                                              \
    /* The blocks of a run, of which n values are there. */                                        \
    static inline void name##_close(T *to, T(*part)[2], int64_t n) {                               \
        if (n > 8)                                                                                 \
            name##_mul(part[0], part[1]);                                                          \
        if (n > 24)                                                                                \
            name##_mul(part[2], part[3]);                                                          \
        if (n > 16)                                                                                \
            name##_mul(part[0], part[2]);                                                          \
        to[0] = part[0][0];                                                                        \
        to[1] = part[0][1];                                                                        \
    }                                                                                              \
    static void name##_row(void *acc, int ld, int j, const void *data, int64_t n, int64_t at,      \
                           const void *ctx) {                                                      \
        (void)ld, (void)at, (void)ctx;                                                             \
        const T *x = data;                                                                         \
        T part[4][2] = {{1, 0}, {1, 0}, {1, 0}, {1, 0}};                                           \
        for (int64_t i = 0; i < n; i++)                                                            \
            name##_mul(part[i >> 3 & 3], x + 2 * i);                                               \
        name##_close((T *)acc + (ptrdiff_t)2 * j, part, n);                                        \
    }                                                                                              \
    static void name##_columns(void *acc, int ld, const char *const *rows, bool dense, int n,      \
                               int w, int64_t at, const void *ctx) {                               \
        (void)ld, (void)at, (void)ctx;                                                             \
        for (int j = 0; j < w; j++) {                                                              \
            T part[4][2] = {{1, 0}, {1, 0}, {1, 0}, {1, 0}};                                       \
            for (int i = 0; i < n; i++)                                                            \
                name##_mul(part[dense ? i >> 3 & 3 : 0], FAC__ROW_AT(T, i, 2 * w) + 2 * j);        \
            name##_close((T *)acc + (ptrdiff_t)2 * j, part, dense ? n : 0);                        \
        }                                                                                          \
    }                                                                                              \
    static void name##_join(void *acc, const void *after, int ld, int w, int64_t n0, int64_t n1,   \
                            const void *ctx) {                                                     \
        (void)ld, (void)n0, (void)n1, (void)ctx;                                                   \
        for (int j = 0; j < 2 * w; j += 2)                                                         \
            name##_mul((T *)acc + j, (const T *)after + j);                                        \
    }
COMPLEX_PROD(prod_c64, float)
COMPLEX_PROD(prod_c128, double)

/* --- results ---------------------------------------------------------------------------------- */

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

#define ENTRY(in, result, size, exact, f, done)                                                    \
    {FAC_##in,    {FAC_##result}, {size}, exact, false,   f##_row,                                 \
     f##_columns, f##_join,       done,   NULL,  f##_many}
static const fac__fold sums[FAC_NUM_DTYPES] = {
    [FAC_BOOL] = ENTRY(BOOL, INT64, 8, true, sum_u8, plain_i64),
    [FAC_UINT8] = ENTRY(UINT8, INT64, 8, true, sum_u8, plain_i64),
    [FAC_INT8] = ENTRY(INT8, INT64, 8, true, sum_i8, plain_i64),
    [FAC_INT16] = ENTRY(INT16, INT64, 8, true, sum_i16, plain_i64),
    [FAC_INT32] = ENTRY(INT32, INT64, 8, true, sum_i32, plain_i64),
    [FAC_INT64] = ENTRY(INT64, INT64, 8, true, sum_i64, plain_i64),
    [FAC_UINT16] = ENTRY(UINT16, INT64, 8, true, sum_u16, plain_i64),
    [FAC_UINT32] = ENTRY(UINT32, INT64, 8, true, sum_u32, plain_i64),
    [FAC_UINT64] = ENTRY(UINT64, INT64, 8, true, sum_i64, plain_i64),
#ifdef __F16C__
    [FAC_FLOAT16] = ENTRY(FLOAT16, FLOAT32, 4, false, sum_f16, sum_f32_done),
#endif
    [FAC_BFLOAT16] = ENTRY(BFLOAT16, FLOAT32, 4, false, sum_bf16, sum_f32_done),
    [FAC_FLOAT32] = ENTRY(FLOAT32, FLOAT32, 4, false, sum_f32, sum_f32_done),
    [FAC_FLOAT64] = ENTRY(FLOAT64, FLOAT64, 8, false, sum_f64, sum_f64_done),
    [FAC_COMPLEX64] = ENTRY(COMPLEX64, COMPLEX64, 8, false, sum_c64, sum_c64_done),
    [FAC_COMPLEX128] = ENTRY(COMPLEX128, COMPLEX128, 16, false, sum_c128, sum_c128_done),
};
static const fac__fold means[FAC_NUM_DTYPES] = {
#ifdef __F16C__
    [FAC_FLOAT16] = ENTRY(FLOAT16, FLOAT32, 4, false, sum_f16, mean_f32_done),
#endif
    [FAC_BFLOAT16] = ENTRY(BFLOAT16, FLOAT32, 4, false, sum_bf16, mean_f32_done),
    [FAC_FLOAT32] = ENTRY(FLOAT32, FLOAT32, 4, false, sum_f32, mean_f32_done),
    [FAC_FLOAT64] = ENTRY(FLOAT64, FLOAT64, 8, false, sum_f64, mean_f64_done),
    [FAC_COMPLEX64] = ENTRY(COMPLEX64, COMPLEX64, 8, false, sum_c64, mean_c64_done),
    [FAC_COMPLEX128] = ENTRY(COMPLEX128, COMPLEX128, 16, false, sum_c128, mean_c128_done),
};
static const fac__fold nansums[FAC_NUM_DTYPES] = {
    [FAC_FLOAT32] = ENTRY(FLOAT32, FLOAT32, 4, false, nansum_f32, sum_f32_done),
    [FAC_FLOAT64] = ENTRY(FLOAT64, FLOAT64, 8, false, nansum_f64, sum_f64_done),
};
static const fac__fold prods[FAC_NUM_DTYPES] = {
    [FAC_INT64] = ENTRY(INT64, INT64, 8, true, prod_i64, plain_i64),
    [FAC_FLOAT32] = ENTRY(FLOAT32, FLOAT32, 4, false, prod_f32, plain_f32),
    [FAC_FLOAT64] = ENTRY(FLOAT64, FLOAT64, 8, false, prod_f64, plain_f64),
    [FAC_COMPLEX64] = ENTRY(COMPLEX64, COMPLEX64, 8, false, prod_c64, plain_c64),
    [FAC_COMPLEX128] = ENTRY(COMPLEX128, COMPLEX128, 16, false, prod_c128, plain_c128),
};
static const fac__fold any_fold = ENTRY(BOOL, BOOL, 1, true, any_u8, plain_u8);
static const fac__fold all_fold = ENTRY(BOOL, BOOL, 1, true, all_u8, plain_u8);

/* --- kernels ---------------------------------------------------------------------------------- */

/* Folds x, its elements converted to the result's dtype first. Whole numbers of any width add and
 * multiply in 64 bits: what is cut off in the end is the same. */
static int arithmetic(fac_tensor *x, uint64_t gone, bool keepdim, fac_tensor **out,
                      const fac__fold *folds, const fac__fold *of_bool) {
    fac_dtype d = (fac_dtype)out[0]->dtype, from = (fac_dtype)x->dtype;
    bool whole = fac__is_integral(d, true);
    if (whole && folds[FAC_INT64].row == NULL) /* whole numbers have no NaN and no mean */
        folds = sums;
    fac_dtype in = fac__opmath(d);
    if (whole)
        in = fac__is_integral(from, true) && folds[from].row != NULL ? from : FAC_INT64;
    else if (folds[from].row != NULL && folds[from].out[0] == in)
        in = from;
    const fac__fold *f = d == FAC_BOOL ? of_bool : &folds[in];
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
    uint64_t gone = a->dim.given ? fac__dim_gone(a->dim.value, a->input->ndim) : FAC__ALL_DIMS;
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

/* Accumulates in order and in the wider type, to the same bits as PyTorch. */
#define TRACE(name, T)                                                                             \
    static void name(const fac_tensor *x, void *total) {                                           \
        T *s = total;                                                                              \
        for (int64_t i = 0; i < x->sizes[0]; i++)                                                  \
            *s += ((const T *)(const void *)x->data)[i * x->strides[0]];                           \
    }
TRACE(trace_i64, uint64_t)
TRACE(trace_f32, float)
TRACE(trace_f64, double)
static void trace_c128(const fac_tensor *x, void *total) {
    double *s = total;
    for (int64_t i = 0; i < x->sizes[0]; i++) {
        const double *p = (const double *)(const void *)x->data + 2 * i * x->strides[0];
        s[0] += p[0];
        s[1] += p[1];
    }
}

static const struct {
    fac_dtype wide;
    void (*fn)(const fac_tensor *x, void *total);
} traces[FAC_NUM_DTYPES] = {
    [FAC_UINT8] = {FAC_INT64, trace_i64},
    [FAC_INT8] = {FAC_INT64, trace_i64},
    [FAC_INT16] = {FAC_INT64, trace_i64},
    [FAC_INT32] = {FAC_INT64, trace_i64},
    [FAC_INT64] = {FAC_INT64, trace_i64},
    [FAC_FLOAT16] = {FAC_FLOAT32, trace_f32},
    [FAC_BFLOAT16] = {FAC_FLOAT32, trace_f32},
    [FAC_FLOAT32] = {FAC_FLOAT64, trace_f64},
    [FAC_FLOAT64] = {FAC_FLOAT64, trace_f64},
    [FAC_COMPLEX64] = {FAC_COMPLEX128, trace_c128},
    [FAC_COMPLEX128] = {FAC_COMPLEX128, trace_c128},
};

static int trace(const void *args, fac_tensor **out) {
    const struct fac__trace_args *a = args;
    const fac_tensor *x = a->input;
    int64_t n = x->sizes[0] < x->sizes[1] ? x->sizes[0] : x->sizes[1];
    int64_t step = x->strides[0] + x->strides[1];
    if (traces[x->dtype].fn == NULL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"trace\" not implemented for '%s'",
                         fac__scalar_type_name((fac_dtype)x->dtype));
    fac_tensor *diagonal = fac__alias(x, 1, &n, &step, x->offset);
    fac_tensor *wide = diagonal == NULL ? NULL : fac__cast(diagonal, traces[x->dtype].wide);
    fac_tensor *total = fac__empty(0, NULL, NULL, traces[x->dtype].wide, x->device);
    int r = wide == NULL || total == NULL ? -1 : 0;
    if (r == 0) {
        memset(total->data, 0, fac__itemsize(total->dtype));
        traces[x->dtype].fn(wide, total->data);
        r = fac__copy_into(out[0], total);
    }
    fac__release(diagonal);
    fac__release(wide);
    fac__release(total);
    return r;
}

static const fac__kernel_row rows[] = {{"sum", sum},
                                       {"mean", mean},
                                       {"nansum", nansum},
                                       {"prod", prod},
                                       {"all", all},
                                       {"any", any},
                                       {"count_nonzero", count_nonzero},
                                       {"trace", trace},
                                       {0}};
const fac__family FAC__K(fac__family_reduce) = {NULL, rows};
