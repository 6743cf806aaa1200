/* softmax, log_softmax and their gradients.
 *
 * The dimension is the middle one of (outer, n, inner). Rows of inner = 1 run over lanes; otherwise
 * up to 64 neighbouring columns are worked at once. float16 and bfloat16 go by float32. */
#include "nn.h"

#include <string.h>

enum { WIDTH = 64 };

struct lines {
    const void *x, *g; /* input, or output and its gradient */
    void *y;
    int64_t outer, n, inner;
};
typedef int range_fn(void *ctx, int64_t begin, int64_t end);

#define KERNELS(T, BELOW, EXP, LOG)                                                                \
    static T top_##T(const T *x, int64_t n) {                                                      \
        T lane[16], top = -(T)INFINITY;                                                            \
        int64_t i = 0;                                                                             \
        for (int j = 0; j < 16; j++)                                                               \
            lane[j] = -(T)INFINITY;                                                                \
        for (; i + 16 <= n; i += 16)                                                               \
            for (int j = 0; j < 16; j++)                                                           \
                lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];                                 \
        for (int j = 0; j < 16; j++)                                                               \
            top = lane[j] > top ? lane[j] : top;                                                   \
        for (; i < n; i++)                                                                         \
            top = x[i] > top ? x[i] : top;                                                         \
        return top == -(T)INFINITY ? 0 : top; /* NaN arrives by the sum */                         \
    }                                                                                              \
    static T exps_##T(const T *x, T *y, int64_t n, T top) {                                        \
        T lane[16] = {0}, sum = 0;                                                                 \
        int64_t i = 0;                                                                             \
        for (; i + 16 <= n; i += 16)                                                               \
            _Pragma("GCC ivdep") for (int j = 0; j < 16; j++) {                                    \
                T e = BELOW(x[i + j] - top);                                                       \
                y[i + j] = e;                                                                      \
                lane[j] += e;                                                                      \
            }                                                                                      \
        for (int64_t k = i; k < n; k++) {                                                          \
            y[k] = BELOW(x[k] - top);                                                              \
            lane[k - i] += y[k];                                                                   \
        }                                                                                          \
        for (int j = 0; j < 16; j++)                                                               \
            sum += lane[j];                                                                        \
        return sum;                                                                                \
    }                                                                                              \
    static int softmax_rows_##T(void *ctx, int64_t begin, int64_t end) {                           \
        const struct lines *l = ctx;                                                               \
        for (int64_t r = begin; r < end; r++) {                                                    \
            const T *x = (const T *)l->x + r * l->n;                                               \
            T *y = (T *)l->y + r * l->n;                                                           \
            const int64_t n = l->n;                                                                \
            T scale = 1 / exps_##T(x, y, n, top_##T(x, n));                                        \
            for (int64_t i = 0; i < n; i++)                                                        \
                y[i] *= scale;                                                                     \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static int log_rows_##T(void *ctx, int64_t begin, int64_t end) {                               \
        const struct lines *l = ctx;                                                               \
        for (int64_t r = begin; r < end; r++) {                                                    \
            const T *x = (const T *)l->x + r * l->n;                                               \
            T *y = (T *)l->y + r * l->n, top = top_##T(x, l->n);                                   \
            const int64_t n = l->n;                                                                \
            T away = LOG(exps_##T(x, y, n, top));                                                  \
            _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++) y[i] = (x[i] - top) - away;       \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    /* Units are (outer, block of WIDTH columns). */                                               \
    static int columns_##T(const struct lines *l, int64_t begin, int64_t end, bool logarithm) {    \
        const int64_t n = l->n, inner = l->inner, blocks = (inner + WIDTH - 1) / WIDTH;            \
        for (int64_t u = begin; u < end; u++) {                                                    \
            const int64_t from = u % blocks * WIDTH, w = nn_min(WIDTH, inner - from);              \
            const T *const x = (const T *)l->x + u / blocks * n * inner + from;                    \
            T *const y = (T *)l->y + u / blocks * n * inner + from, top[WIDTH], sum[WIDTH];        \
            for (int64_t j = 0; j < w; j++) {                                                      \
                top[j] = -(T)INFINITY;                                                             \
                sum[j] = 0;                                                                        \
            }                                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const T *in = x + i * inner;                                                       \
                for (int64_t j = 0; j < w; j++)                                                    \
                    top[j] = in[j] > top[j] ? in[j] : top[j];                                      \
            }                                                                                      \
            for (int64_t j = 0; j < w; j++)                                                        \
                top[j] = top[j] == -(T)INFINITY ? 0 : top[j];                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const T *in = x + i * inner;                                                       \
                T *to = y + i * inner;                                                             \
                _Pragma("GCC ivdep") for (int64_t j = 0; j < w; j++) {                             \
                    T e = BELOW(in[j] - top[j]);                                                   \
                    to[j] = e;                                                                     \
                    sum[j] += e;                                                                   \
                }                                                                                  \
            }                                                                                      \
            for (int64_t j = 0; j < w; j++)                                                        \
                sum[j] = logarithm ? LOG(sum[j]) : 1 / sum[j];                                     \
            for (int64_t i = 0; i < n; i++) {                                                      \
                const T *in = x + i * inner;                                                       \
                T *to = y + i * inner;                                                             \
                if (logarithm) {                                                                   \
                    _Pragma("GCC ivdep") for (int64_t j = 0; j < w; j++) to[j] =                   \
                        (in[j] - top[j]) - sum[j];                                                 \
                } else {                                                                           \
                    _Pragma("GCC ivdep") for (int64_t j = 0; j < w; j++) to[j] *= sum[j];          \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static int softmax_columns_##T(void *ctx, int64_t begin, int64_t end) {                        \
        return columns_##T(ctx, begin, end, false);                                                \
    }                                                                                              \
    static int log_columns_##T(void *ctx, int64_t begin, int64_t end) {                            \
        return columns_##T(ctx, begin, end, true);                                                 \
    }                                                                                              \
    /* A row of a gradient, given the sum of each element's column. */                             \
    static void back_row_##T(const T *y, const T *g, T *o, int64_t n, const T *sum,                \
                             bool logarithm) {                                                     \
        if (logarithm) {                                                                           \
            _Pragma("GCC ivdep") for (int64_t j = 0; j < n; j++) o[j] = g[j] - EXP(y[j]) * sum[j]; \
        } else {                                                                                   \
            _Pragma("GCC ivdep") for (int64_t j = 0; j < n; j++) o[j] = (g[j] - sum[j]) * y[j];    \
        }                                                                                          \
    }                                                                                              \
    /* Gradients; a block of columns is one of them where inner is 1. */                           \
    static int back_##T(const struct lines *l, int64_t begin, int64_t end, bool logarithm) {       \
        const int64_t n = l->n, inner = l->inner, blocks = (inner + WIDTH - 1) / WIDTH;            \
        for (int64_t u = begin; u < end; u++) {                                                    \
            int64_t from = u % blocks * WIDTH, w = nn_min(WIDTH, inner - from);                    \
            int64_t at = u / blocks * n * inner + from;                                            \
            const T *y = (const T *)l->x + at, *g = (const T *)l->g + at;                          \
            T *o = (T *)l->y + at, sum[WIDTH] = {0};                                               \
            if (inner == 1) {                                                                      \
                T lane[16] = {0};                                                                  \
                int64_t i = 0;                                                                     \
                for (; i + 16 <= n; i += 16)                                                       \
                    for (int j = 0; j < 16; j++)                                                   \
                        lane[j] += logarithm ? g[i + j] : g[i + j] * y[i + j];                     \
                for (int64_t k = i; k < n; k++)                                                    \
                    lane[k - i] += logarithm ? g[k] : g[k] * y[k];                                 \
                for (int j = 0; j < 16; j++)                                                       \
                    sum[0] += lane[j];                                                             \
                for (int j = 1; j < WIDTH; j++)                                                    \
                    sum[j] = sum[0];                                                               \
                for (int64_t k = 0; k < n; k += WIDTH)                                             \
                    back_row_##T(y + k, g + k, o + k, nn_min(WIDTH, n - k), sum, logarithm);       \
                continue;                                                                          \
            }                                                                                      \
            for (int64_t i = 0; i < n; i++)                                                        \
                for (int64_t j = 0; j < w; j++)                                                    \
                    sum[j] += logarithm ? g[i * inner + j] : g[i * inner + j] * y[i * inner + j];  \
            for (int64_t i = 0; i < n; i++)                                                        \
                back_row_##T(y + i * inner, g + i * inner, o + i * inner, w, sum, logarithm);      \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static int softmax_back_##T(void *ctx, int64_t begin, int64_t end) {                           \
        return back_##T(ctx, begin, end, false);                                                   \
    }                                                                                              \
    static int log_back_##T(void *ctx, int64_t begin, int64_t end) {                               \
        return back_##T(ctx, begin, end, true);                                                    \
    }

KERNELS(float, vm_exp_below, vm_exp, logf)
KERNELS(double, exp, exp, log)

/* t as contiguous memory of dtype d. */
static fac_tensor *as(fac_tensor *t, fac_dtype d) {
    if (t->dtype == d)
        return fac__contiguous(t);
    fac_tensor *c = fac__cast(t, d), *r = c == NULL ? NULL : fac__contiguous(c);
    fac__release(c);
    return r;
}

static int run(fac_tensor *x, fac_tensor *g, int64_t dim, fac_tensor *out, range_fn *const rows[2],
               range_fn *const columns[2]) {
    struct lines l = {.outer = 1, .n = 1, .inner = 1};
    int d = (int)(dim < 0 ? dim + x->ndim : dim);
    if (out->numel == 0)
        return 0;
    for (int i = 0; i < x->ndim; i++)
        *(i < d ? &l.outer : i == d ? &l.n : &l.inner) *= x->sizes[i];
    fac_dtype c = x->dtype == FAC_FLOAT64 ? FAC_FLOAT64 : FAC_FLOAT32;
    fac_tensor *from = as(x, c), *grad = g == NULL ? NULL : as(g, c);
    bool direct = out->dtype == c && fac__is_contig(out);
    fac_tensor *to =
        direct ? fac__retain(out) : fac__empty(out->ndim, out->sizes, NULL, c, out->device);
    int r = from == NULL || to == NULL || (g != NULL && grad == NULL) ? -1 : 0;
    if (r == 0) {
        l.x = from->data;
        l.g = grad == NULL ? NULL : grad->data;
        l.y = to->data;
        int64_t blocks = (l.inner + WIDTH - 1) / WIDTH;
        int64_t grain = nn_grain(4 * l.n * nn_min(l.inner, WIDTH));
        r = fac__parallel_for(l.outer * blocks, grain,
                              (l.inner == 1 ? rows : columns)[c == FAC_FLOAT64], &l);
    }
    if (r == 0 && !direct)
        r = fac__copy_into(out, to);
    fac__release(from);
    fac__release(grad);
    fac__release(to);
    return r;
}

static int softmax(const void *args, fac_tensor **out) {
    const struct fac___softmax_args *a = args;
    static range_fn *const rows[2] = {softmax_rows_float, softmax_rows_double};
    static range_fn *const columns[2] = {softmax_columns_float, softmax_columns_double};
    return run(a->input, NULL, a->dim, out[0], rows, columns);
}

static int log_softmax(const void *args, fac_tensor **out) {
    const struct fac___log_softmax_args *a = args;
    static range_fn *const rows[2] = {log_rows_float, log_rows_double};
    static range_fn *const columns[2] = {log_columns_float, log_columns_double};
    return run(a->input, NULL, a->dim, out[0], rows, columns);
}

static int softmax_backward(const void *args, fac_tensor **out) {
    const struct fac___softmax_backward_data_args *a = args;
    static range_fn *const fns[2] = {softmax_back_float, softmax_back_double};
    return run(a->output, a->grad_output, a->dim, out[0], fns, fns);
}

static int log_softmax_backward(const void *args, fac_tensor **out) {
    const struct fac___log_softmax_backward_data_args *a = args;
    static range_fn *const fns[2] = {log_back_float, log_back_double};
    return run(a->output, a->grad_output, a->dim, out[0], fns, fns);
}

static const fac__kernel_row kernels[] = {{"_softmax", softmax},
                                          {"_log_softmax", log_softmax},
                                          {"_softmax_backward_data", softmax_backward},
                                          {"_log_softmax_backward_data", log_softmax_backward},
                                          {0}};
const fac__family FAC__K(fac__family_softmax) = {NULL, kernels};
