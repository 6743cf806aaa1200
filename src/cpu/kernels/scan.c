/* Running sums, products and extremes along a dimension, the middle one of (outer, n, inner). A
 * line is walked in order by one thread; float32 accumulates in double, as PyTorch does. */
#include "combine.h"

#include "../../core/core.h"
#include "../../gen/ops.h"

enum { WIDTH = 64 };

struct lines {
    const void *x;
    void *y;
    int64_t *index;
    int64_t outer, n, inner;
};
typedef int range_fn(void *ctx, int64_t begin, int64_t end);

/* Units are (outer, block of WIDTH columns). STEP(s, v) takes v into s of type A. */
#define SCAN(name, T, A, start, STEP)                                                              \
    SCAN_ROWS(name, T, A, start, STEP)                                                             \
    static int name(void *ctx, int64_t begin, int64_t end) {                                       \
        const struct lines *l = ctx;                                                               \
        if (l->inner == 1) {                                                                       \
            name##_rows(l, begin, end);                                                            \
            return 0;                                                                              \
        }                                                                                          \
        int64_t blocks = (l->inner + WIDTH - 1) / WIDTH;                                           \
        for (int64_t u = begin; u < end; u++) {                                                    \
            int64_t from = u % blocks * WIDTH, w = l->inner - from;                                \
            int64_t at = u / blocks * l->n * l->inner + from;                                      \
            const T *x = (const T *)l->x + at;                                                     \
            T *y = (T *)l->y + at;                                                                 \
            A s[WIDTH];                                                                            \
            w = w < WIDTH ? w : WIDTH;                                                             \
            for (int64_t j = 0; j < w; j++)                                                        \
                s[j] = start;                                                                      \
            for (int64_t i = 0; i < l->n; i++)                                                     \
                for (int64_t j = 0; j < w; j++) {                                                  \
                    STEP(s[j], x[i * l->inner + j]);                                               \
                    y[i * l->inner + j] = (T)s[j];                                                 \
                }                                                                                  \
        }                                                                                          \
        return 0;                                                                                  \
    }
/* Lines that lie one after the other: a running sum waits for its last addition, so four go along
 * together. */
#define SCAN_ROWS(name, T, A, start, STEP)                                                         \
    static void name##_rows(const struct lines *l, int64_t begin, int64_t end) {                   \
        const int64_t n = l->n;                                                                    \
        int64_t u = begin;                                                                         \
        for (; u + 4 <= end; u += 4) {                                                             \
            const T *x = (const T *)l->x + u * n;                                                  \
            T *y = (T *)l->y + u * n;                                                              \
            A a = start, b = start, c = start, d = start;                                          \
            for (int64_t i = 0; i < n; i++) {                                                      \
                STEP(a, x[i]);                                                                     \
                STEP(b, x[n + i]);                                                                 \
                STEP(c, x[2 * n + i]);                                                             \
                STEP(d, x[3 * n + i]);                                                             \
                y[i] = (T)a;                                                                       \
                y[n + i] = (T)b;                                                                   \
                y[2 * n + i] = (T)c;                                                               \
                y[3 * n + i] = (T)d;                                                               \
            }                                                                                      \
        }                                                                                          \
        for (; u < end; u++) {                                                                     \
            const T *x = (const T *)l->x + u * n;                                                  \
            T *y = (T *)l->y + u * n;                                                              \
            A a = start;                                                                           \
            for (int64_t i = 0; i < n; i++) {                                                      \
                STEP(a, x[i]);                                                                     \
                y[i] = (T)a;                                                                       \
            }                                                                                      \
        }                                                                                          \
    }
#define ADD(s, v) (s) += (v)
#define MULTIPLY(s, v) (s) *= (v)
#define OR(s, v) (s) |= (v)
#define AND(s, v) (s) &= (v)

#define BOTH(name, T, A)                                                                           \
    SCAN(sum_##name, T, A, 0, ADD)                                                                 \
    SCAN(prod_##name, T, A, 1, MULTIPLY)
BOTH(u8, uint8_t, uint8_t)
BOTH(i8, int8_t, uint8_t)
BOTH(i16, int16_t, uint16_t)
BOTH(i32, int32_t, uint32_t)
BOTH(i64, int64_t, uint64_t)
BOTH(f32, float, double)
BOTH(f64, double, double)
SCAN(sum_b, bool, bool, 0, OR)
SCAN(prod_b, bool, bool, 1, AND)

typedef struct {
    double re, im;
} pair;
#define COMPLEX(name, T, is_sum)                                                                   \
    static int name(void *ctx, int64_t begin, int64_t end) {                                       \
        const struct lines *l = ctx;                                                               \
        for (int64_t u = begin; u < end; u++) {                                                    \
            int64_t at = u / l->inner * l->n * l->inner + u % l->inner;                            \
            const T *x = (const T *)l->x + at;                                                     \
            T *y = (T *)l->y + at;                                                                 \
            pair s = {is_sum ? 0 : 1, 0};                                                          \
            for (int64_t i = 0; i < l->n; i++) {                                                   \
                T v = x[i * l->inner];                                                             \
                s = is_sum ? (pair){s.re + v.re, s.im + v.im}                                      \
                           : (pair){s.re * v.re - s.im * v.im, s.re * v.im + s.im * v.re};         \
                y[i * l->inner].re = s.re;                                                         \
                y[i * l->inner].im = s.im;                                                         \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }
typedef struct {
    float re, im;
} narrow_pair;
COMPLEX(sum_c64, narrow_pair, true)
COMPLEX(prod_c64, narrow_pair, false)
COMPLEX(sum_c128, pair, true)
COMPLEX(prod_c128, pair, false)

#define TABLE(f)                                                                                   \
    {[FAC_BOOL] = f##_b,         [FAC_UINT8] = f##_u8,    [FAC_INT8] = f##_i8,                     \
     [FAC_INT16] = f##_i16,      [FAC_INT32] = f##_i32,   [FAC_INT64] = f##_i64,                   \
     [FAC_UINT16] = f##_i16,     [FAC_UINT32] = f##_i32,  [FAC_UINT64] = f##_i64,                  \
     [FAC_FLOAT32] = f##_f32,    [FAC_FLOAT64] = f##_f64, [FAC_COMPLEX64] = f##_c64,               \
     [FAC_COMPLEX128] = f##_c128}
static range_fn *const sums[FAC_NUM_DTYPES] = TABLE(sum);
static range_fn *const prods[FAC_NUM_DTYPES] = TABLE(prod);

/* The last of equal extremes, and NaN from where it stands on. */
#define EXTREME(name, T, OP)                                                                       \
    static int name(void *ctx, int64_t begin, int64_t end) {                                       \
        const struct lines *l = ctx;                                                               \
        for (int64_t u = begin; u < end; u++) {                                                    \
            int64_t at = u / l->inner * l->n * l->inner + u % l->inner, where = 0;                 \
            const T *x = (const T *)l->x + at;                                                     \
            T *y = (T *)l->y + at, best = x[0];                                                    \
            for (int64_t i = 0; i < l->n; i++) {                                                   \
                T v = x[i * l->inner];                                                             \
                if (v != v || (best == best && v OP best)) {                                       \
                    best = v;                                                                      \
                    where = i;                                                                     \
                }                                                                                  \
                y[i * l->inner] = best;                                                            \
                l->index[at + i * l->inner] = where;                                               \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }
#define EXTREMES(name, T)                                                                          \
    EXTREME(max_##name, T, >=)                                                                     \
    EXTREME(min_##name, T, <=)
EXTREMES(b, uint8_t)
EXTREMES(u8, uint8_t)
EXTREMES(u16, uint16_t)
EXTREMES(u32, uint32_t)
EXTREMES(u64, uint64_t)
EXTREMES(i8, int8_t)
EXTREMES(i16, int16_t)
EXTREMES(i32, int32_t)
EXTREMES(i64, int64_t)
EXTREMES(f32, float)
EXTREMES(f64, double)
#define EXTREME_TABLE(f)                                                                           \
    {[FAC_BOOL] = f##_b,      [FAC_UINT8] = f##_u8,   [FAC_UINT16] = f##_u16,                      \
     [FAC_UINT32] = f##_u32,  [FAC_UINT64] = f##_u64, [FAC_INT8] = f##_i8,                         \
     [FAC_INT16] = f##_i16,   [FAC_INT32] = f##_i32,  [FAC_INT64] = f##_i64,                       \
     [FAC_FLOAT32] = f##_f32, [FAC_FLOAT64] = f##_f64}
static range_fn *const maxima[FAC_NUM_DTYPES] = EXTREME_TABLE(max);
static range_fn *const minima[FAC_NUM_DTYPES] = EXTREME_TABLE(min);

static fac_tensor *buffer(fac_tensor *out, fac_dtype d) {
    return out->dtype == d && fac__is_contig(out)
               ? fac__retain(out)
               : fac__empty(out->ndim, out->sizes, NULL, d, out->device);
}

/* float16 and bfloat16 go by float32; out[1], where there is one, takes places. */
static int run(fac_tensor *x, int64_t dim, fac_tensor **out, range_fn *const *table, bool places) {
    struct lines l = {.outer = 1, .n = 1, .inner = 1};
    int d = (int)(dim < 0 ? dim + x->ndim : dim);
    if (x->numel == 0)
        return 0;
    for (int i = 0; i < x->ndim; i++)
        *(i < d ? &l.outer : i == d ? &l.n : &l.inner) *= x->sizes[i];
    fac_dtype c = fac__opmath((fac_dtype)out[0]->dtype);
    fac_tensor *cast = fac__cast(x, c), *from = cast == NULL ? NULL : fac__contiguous(cast);
    fac_tensor *to = buffer(out[0], c), *index = places ? buffer(out[1], FAC_INT64) : NULL;
    int r = from == NULL || to == NULL || (places && index == NULL) ? -1 : 0;
    if (r == 0) {
        l.x = from->data;
        l.y = to->data;
        l.index = places ? (int64_t *)(void *)index->data : NULL;
        bool single = places || fac__is_complex(c);
        int64_t width = single ? 1 : WIDTH, blocks = (l.inner + width - 1) / width;
        int64_t work = l.n * (l.inner < width ? l.inner : width);
        r = fac__parallel_for(l.outer * blocks, work > 32768 ? 1 : 32768 / work, table[c], &l);
    }
    if (r == 0 && to != out[0])
        r = fac__copy_into(out[0], to);
    if (r == 0 && places && index != out[1])
        r = fac__copy_into(out[1], index);
    fac__release(cast);
    fac__release(from);
    fac__release(to);
    fac__release(index);
    return r;
}

static int cumsum(const void *args, fac_tensor **out) {
    const struct fac__cumsum_args *a = args;
    return run(a->input, a->dim, out, sums, false);
}
static int cumprod(const void *args, fac_tensor **out) {
    const struct fac__cumprod_args *a = args;
    return run(a->input, a->dim, out, prods, false);
}
static int cummax(const void *args, fac_tensor **out) {
    const struct fac__cummax_args *a = args;
    return run(a->input, a->dim, out, maxima, true);
}
static int cummin(const void *args, fac_tensor **out) {
    const struct fac__cummin_args *a = args;
    return run(a->input, a->dim, out, minima, true);
}

static const fac__kernel_row rows[] = {
    {"cumsum", cumsum}, {"cumprod", cumprod}, {"cummax", cummax}, {"cummin", cummin}, {0}};
const fac__family FAC__K(fac__family_scan) = {NULL, rows};
