/* Pooling over planes, and windows as columns. Planes are units of work; within one, windows are
 * visited in order. A row of outputs is built tap by tap, so that the inner loop runs along it. */
#include "nn.h"

#include <string.h>

/* A plane's windows: with arrays of first and end along each dimension for means, with geometry for
 * maxima. */
struct pool {
    const char *x;
    char *out;
    int64_t *indices;
    int64_t h, w, oh, ow;
    int64_t kernel[2], stride[2], pad[2], dilation[2];
    const int64_t *h0, *h1, *hd, *w0, *w1, *wd; /* first, end, divisor of each window */
    int64_t divisor;                            /* 0: hd * wd */
};

static int64_t pool_at(fac_ints v, int i) {
    return v.values[v.n == 1 ? 0 : i];
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return a >= 0 ? (a + b - 1) / b : -(-a / b);
}

/* --- maxima ---------------------------------------------------------------------------------- */

/* I is an integer as wide as C, so that both run in the same lanes. */
#define MAX_PLANE(dtype, T, C, I, LOAD, STORE, NAN_)                                               \
    static void max_row_##dtype(const struct pool *p, const T *x, int64_t o, T *out,               \
                                int64_t *indices, C *best, I *where) {                             \
        int64_t h0 = o * p->stride[0] - p->pad[0], s = p->stride[1];                               \
        int64_t first = h0 < 0 ? ceil_div(-h0, p->dilation[0]) : 0;                                \
        for (int64_t j = 0; j < p->ow; j++) {                                                      \
            int64_t w0 = j * s - p->pad[1];                                                        \
            w0 = w0 < 0 ? w0 + ceil_div(-w0, p->dilation[1]) * p->dilation[1] : w0;                \
            where[j] = (I)((h0 + first * p->dilation[0]) * p->w + w0);                             \
            best[j] = (C)LOAD(x[where[j]]);                                                        \
        }                                                                                          \
        for (int64_t a = first; a < p->kernel[0]; a++) {                                           \
            int64_t y = h0 + a * p->dilation[0];                                                   \
            if (y >= p->h)                                                                         \
                break;                                                                             \
            const T *row = x + y * p->w;                                                           \
            for (int64_t b = 0; b < p->kernel[1]; b++) {                                           \
                int64_t off = b * p->dilation[1] - p->pad[1];                                      \
                int64_t j0 = off < 0 ? ceil_div(-off, s) : 0;                                      \
                int64_t j1 = off >= p->w ? 0 : nn_min(p->ow, (p->w - 1 - off) / s + 1);            \
                I at = (I)(y * p->w + off);                                                        \
                if (s == 1)                                                                        \
                    for (int64_t j = j0; j < j1; j++)                                              \
                        MAX_STEP(C, I, LOAD, NAN_, row[j + off], at + (I)j)                        \
                else if (s == 2)                                                                   \
                    for (int64_t j = j0; j < j1; j++)                                              \
                        MAX_STEP(C, I, LOAD, NAN_, row[2 * j + off], at + 2 * (I)j)                \
                else                                                                               \
                    for (int64_t j = j0; j < j1; j++)                                              \
                        MAX_STEP(C, I, LOAD, NAN_, row[j * s + off], at + (I)(j * s))              \
            }                                                                                      \
        }                                                                                          \
        for (int64_t j = 0; j < p->ow; j++) {                                                      \
            out[j] = (T)STORE(best[j]);                                                            \
            indices[j] = (int64_t)where[j];                                                        \
        }                                                                                          \
    }                                                                                              \
    static int max_##dtype(void *ctx, int64_t begin, int64_t end) {                                \
        const struct pool *p = ctx;                                                                \
        size_t bytes = (size_t)(p->ow + 8) * 2 * sizeof(int64_t);                                  \
        char *m = fac__alloc(bytes);                                                               \
        if (m == NULL)                                                                             \
            return -1;                                                                             \
        for (int64_t u = begin; u < end; u++)                                                      \
            for (int64_t o = 0; o < p->oh; o++) {                                                  \
                int64_t to = (u * p->oh + o) * p->ow;                                              \
                max_row_##dtype(p, (const T *)(const void *)p->x + u * p->h * p->w, o,             \
                                (T *)(void *)p->out + to, p->indices + to, (C *)(void *)m,         \
                                (I *)(void *)(m + bytes / 2));                                     \
            }                                                                                      \
        fac__free(m, bytes);                                                                       \
        return 0;                                                                                  \
    }
#define MAX_STEP(C, I, LOAD, NAN_, from, number)                                                   \
    {                                                                                              \
        C v = (C)LOAD(from);                                                                       \
        I n = number;                                                                              \
        bool better = (v > best[j]) NAN_;                                                          \
        best[j] = better ? v : best[j];                                                            \
        where[j] = better ? n : where[j];                                                          \
    }
#define OR_NAN | (v != v)
#define NO_NAN
MAX_PLANE(UINT8, uint8_t, uint8_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(INT8, int8_t, int8_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(INT16, int16_t, int16_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(INT32, int32_t, int32_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(INT64, int64_t, int64_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(UINT16, uint16_t, uint16_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(UINT32, uint32_t, uint32_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(UINT64, uint64_t, uint64_t, int64_t, KEEP, KEEP, NO_NAN)
MAX_PLANE(FLOAT16, uint16_t, float, int32_t, fac__float_of_float16, fac__float16_of_float, OR_NAN)
MAX_PLANE(BFLOAT16, uint16_t, float, int32_t, fac__float_of_bfloat16, fac__bfloat16_of_float,
          OR_NAN)
MAX_PLANE(FLOAT32, float, float, int32_t, KEEP, KEEP, OR_NAN)
MAX_PLANE(FLOAT64, double, double, int64_t, KEEP, KEEP, OR_NAN)

#define ROW(dtype, ...) [FAC_##dtype] = max_##dtype,
static fac__range_fn *const maxima[FAC_NUM_DTYPES] = {COMBINE_INTS(ROW) COMBINE_FLOATS(ROW)};
#undef ROW

/* Adaptive windows differ from one to the next: each by itself. */
#define MAX_WINDOWS(dtype, T, C, LOAD, STORE)                                                      \
    static int adaptive_max_##dtype(void *ctx, int64_t begin, int64_t end) {                       \
        const struct pool *p = ctx;                                                                \
        for (int64_t u = begin; u < end; u++)                                                      \
            for (int64_t o = 0; o < p->oh * p->ow; o++) {                                          \
                const T *x = (const T *)(const void *)p->x + u * p->h * p->w;                      \
                int64_t i = o / p->ow, j = o % p->ow, at = p->h0[i] * p->w + p->w0[j];             \
                C best = (C)LOAD(x[at]);                                                           \
                for (int64_t y = p->h0[i]; y < p->h1[i]; y++)                                      \
                    for (int64_t z = p->w0[j]; z < p->w1[j]; z++) {                                \
                        C v = (C)LOAD(x[y * p->w + z]);                                            \
                        if (v > best || v != v) {                                                  \
                            best = v;                                                              \
                            at = y * p->w + z;                                                     \
                        }                                                                          \
                    }                                                                              \
                ((T *)(void *)p->out)[u * p->oh * p->ow + o] = (T)STORE(best);                     \
                p->indices[u * p->oh * p->ow + o] = at;                                            \
            }                                                                                      \
        return 0;                                                                                  \
    }
COMBINE_FLOATS(MAX_WINDOWS)
static fac__range_fn *const adaptive_maxima[FAC_NUM_DTYPES] = NN_TABLE(adaptive_max);

/* --- means ----------------------------------------------------------------------------------- */

#define MEANS(dtype, T, C, LOAD, STORE)                                                            \
    static int mean_##dtype(void *ctx, int64_t begin, int64_t end) {                               \
        const struct pool *p = ctx;                                                                \
        for (int64_t u = begin; u < end; u++) {                                                    \
            const T *x = (const T *)(const void *)p->x + u * p->h * p->w;                          \
            T *out = (T *)(void *)p->out + u * p->oh * p->ow;                                      \
            for (int64_t i = 0; i < p->oh; i++)                                                    \
                for (int64_t j = 0; j < p->ow; j++) {                                              \
                    C sum = 0;                                                                     \
                    for (int64_t y = p->h0[i]; y < p->h1[i]; y++)                                  \
                        for (int64_t z = p->w0[j]; z < p->w1[j]; z++)                              \
                            sum += (C)LOAD(x[y * p->w + z]);                                       \
                    C d = (C)(p->divisor != 0 ? p->divisor : p->hd[i] * p->wd[j]);                 \
                    *out++ = (T)STORE(d == -1 ? -sum : sum / d); /* the least by -1 traps */       \
                }                                                                                  \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static int mean_back_##dtype(void *ctx, int64_t begin, int64_t end) {                          \
        const struct pool *p = ctx;                                                                \
        for (int64_t u = begin; u < end; u++) {                                                    \
            const T *g = (const T *)(const void *)p->x + u * p->oh * p->ow;                        \
            T *o = (T *)(void *)p->out + u * p->h * p->w;                                          \
            memset(o, 0, (size_t)(p->h * p->w) * sizeof(T));                                       \
            for (int64_t i = 0; i < p->oh; i++)                                                    \
                for (int64_t j = 0; j < p->ow; j++) {                                              \
                    C d = (C)(p->divisor != 0 ? p->divisor : p->hd[i] * p->wd[j]);                 \
                    C v = (C)LOAD(*g++) / d;                                                       \
                    for (int64_t y = p->h0[i]; y < p->h1[i]; y++)                                  \
                        for (int64_t z = p->w0[j]; z < p->w1[j]; z++)                              \
                            o[y * p->w + z] = (T)STORE((C)LOAD(o[y * p->w + z]) + v);              \
                }                                                                                  \
        }                                                                                          \
        return 0;                                                                                  \
    }
COMBINE_FLOATS(MEANS)
MEANS(INT64, int64_t, int64_t, KEEP, KEEP)
static fac__range_fn *const means[FAC_NUM_DTYPES] = {
    [FAC_FLOAT16] = mean_FLOAT16, [FAC_BFLOAT16] = mean_BFLOAT16, [FAC_FLOAT32] = mean_FLOAT32,
    [FAC_FLOAT64] = mean_FLOAT64, [FAC_INT64] = mean_INT64,
};
static fac__range_fn *const means_back[FAC_NUM_DTYPES] = NN_TABLE(mean_back);

/* --- scattered and gathered elements -----------------------------------------------------------
 */

static int outside(const struct pool *p, int64_t index) {
    return fac__fail(FAC_ERROR_INDEX, "index %lld is out of range for a plane of %lld elements",
                     (long long)index, (long long)(p->h * p->w));
}

#define PICKS(dtype, T, C, LOAD, STORE)                                                            \
    static int scatter_##dtype(void *ctx, int64_t begin, int64_t end) {                            \
        const struct pool *p = ctx;                                                                \
        int64_t n = p->oh * p->ow;                                                                 \
        for (int64_t u = begin; u < end; u++) {                                                    \
            const T *g = (const T *)(const void *)p->x + u * n;                                    \
            const int64_t *at = p->indices + u * n;                                                \
            T *o = (T *)(void *)p->out + u * p->h * p->w;                                          \
            memset(o, 0, (size_t)(p->h * p->w) * sizeof(T));                                       \
            for (int64_t i = 0; i < n; i++) {                                                      \
                if ((uint64_t)at[i] >= (uint64_t)(p->h * p->w))                                    \
                    return outside(p, at[i]);                                                      \
                o[at[i]] = (T)STORE((C)LOAD(o[at[i]]) + (C)LOAD(g[i]));                            \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static int gather_##dtype(void *ctx, int64_t begin, int64_t end) {                             \
        const struct pool *p = ctx;                                                                \
        int64_t n = p->oh * p->ow;                                                                 \
        for (int64_t u = begin; u < end; u++)                                                      \
            for (int64_t i = 0; i < n; i++) {                                                      \
                int64_t at = p->indices[u * n + i];                                                \
                if ((uint64_t)at >= (uint64_t)(p->h * p->w))                                       \
                    return outside(p, at);                                                         \
                ((T *)(void *)p->out)[u * n + i] =                                                 \
                    ((const T *)(const void *)p->x)[u * p->h * p->w + at];                         \
            }                                                                                      \
        return 0;                                                                                  \
    }
COMBINE_FLOATS(PICKS)
static fac__range_fn *const scatters[FAC_NUM_DTYPES] = NN_TABLE(scatter);
static fac__range_fn *const gathers[FAC_NUM_DTYPES] = NN_TABLE(gather);

/* --- the ops --------------------------------------------------------------------------------- */

/* Runs fn over the planes of x into out, both through contiguous copies where they are not. With
 * `indices`, that is read where fn reads it, and written where `writes`. */
static int run(struct pool *p, fac__range_fn *fn, fac_tensor *x, fac_tensor *out,
               fac_tensor *indices, bool writes) {
    if (fn == NULL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "pooling is not implemented for '%s'",
                         fac__scalar_type_name((fac_dtype)x->dtype));
    fac_tensor *xc = fac__contiguous(x), *ic = NULL, *o;
    bool plain = fac__is_contig(out);
    o = plain ? fac__retain(out)
              : fac__empty(out->ndim, out->sizes, NULL, (fac_dtype)out->dtype, out->device);
    if (indices != NULL)
        ic = writes && !fac__is_contig(indices)
                 ? fac__empty(indices->ndim, indices->sizes, NULL, FAC_INT64, indices->device)
                 : fac__contiguous(indices);
    int r = xc == NULL || o == NULL || (indices != NULL && ic == NULL) ? -1 : 0;
    if (r == 0) {
        int64_t planes = 1;
        for (int i = 0; i < x->ndim - 2; i++)
            planes *= x->sizes[i];
        p->x = xc->data;
        p->out = o->data;
        p->indices = ic == NULL ? NULL : (int64_t *)(void *)ic->data;
        int64_t work = nn_max(p->h * p->w, p->oh * p->ow);
        r = fac__parallel_for(planes, nn_grain(work * 2), fn, p);
    }
    if (r == 0 && !plain)
        r = fac__copy_into(out, o);
    if (r == 0 && writes && ic->data != indices->data)
        r = fac__copy_into(indices, ic);
    fac__release(xc);
    fac__release(o);
    fac__release(ic);
    return r;
}

static void planes_of(struct pool *p, const fac_tensor *in, const fac_tensor *out) {
    p->h = in->sizes[in->ndim - 2];
    p->w = in->sizes[in->ndim - 1];
    p->oh = out->sizes[out->ndim - 2];
    p->ow = out->sizes[out->ndim - 1];
}

static int max_pool2d_with_indices(const void *args, fac_tensor **out) {
    const struct fac__max_pool2d_with_indices_args *a = args;
    struct pool p = {0};
    planes_of(&p, a->input, out[0]);
    for (int i = 0; i < 2; i++) {
        p.kernel[i] = pool_at(a->kernel_size, i);
        p.stride[i] = a->stride.n == 0 ? p.kernel[i] : pool_at(a->stride, i);
        p.pad[i] = pool_at(a->padding, i);
        p.dilation[i] = pool_at(a->dilation, i);
    }
    return run(&p, maxima[a->input->dtype], a->input, out[0], out[1], true);
}

static int pool_scatter(const void *args, fac_tensor **out) {
    const struct fac___pool_scatter_args *a = args;
    struct pool p = {0};
    planes_of(&p, out[0], a->grad_output);
    return run(&p, scatters[a->grad_output->dtype], a->grad_output, out[0], a->indices, false);
}

static int pool_gather(const void *args, fac_tensor **out) {
    const struct fac___pool_gather_args *a = args;
    struct pool p = {0};
    planes_of(&p, a->input, out[0]);
    return run(&p, gathers[a->input->dtype], a->input, out[0], a->indices, false);
}

/* First, end and divisor of n windows along a dimension of `size`, into to[0 .. 3n). */
static void fixed_windows(int64_t n, int64_t size, int64_t k, int64_t s, int64_t pad, bool padded,
                          int64_t *to) {
    for (int64_t i = 0; i < n; i++) {
        int64_t first = i * s - pad, end = nn_min(first + k, size + pad), d = end - first;
        first = nn_max(first, 0);
        end = nn_min(end, size);
        to[i] = first;
        to[n + i] = nn_max(first, end);
        to[2 * n + i] = padded ? d : nn_max(1, end - first);
    }
}

/* Window i is from floor(i * size / n) to ceil((i + 1) * size / n), in steps that don't overflow.
 */
static void adaptive_windows(int64_t n, int64_t size, int64_t *to) {
    int64_t whole = size / (n > 0 ? n : 1), rest = size % (n > 0 ? n : 1), at = 0, over = 0;
    for (int64_t i = 0; i < n; i++) { /* i * size == at * n + over */
        to[i] = at;
        at += whole;
        over += rest;
        if (over >= n) {
            over -= n;
            at++;
        }
        to[n + i] = at + (over > 0);
        to[2 * n + i] = to[n + i] - to[i];
    }
}

static int64_t *windows_get(struct pool *p, size_t *bytes) {
    *bytes = (size_t)(3 * (p->oh + p->ow) + 1) * sizeof(int64_t);
    int64_t *m = fac__alloc(*bytes);
    if (m == NULL)
        return NULL;
    p->h0 = m;
    p->h1 = m + p->oh;
    p->hd = m + 2 * p->oh;
    p->w0 = m + 3 * p->oh;
    p->w1 = p->w0 + p->ow;
    p->wd = p->w0 + 2 * p->ow;
    return m;
}

struct mean_args {
    fac_ints kernel, stride, padding;
    bool include_pad;
    fac_opt_int divisor;
};

static int fixed_means(const struct mean_args *a, const fac_tensor *in, const fac_tensor *small,
                       fac__range_fn *fn, fac_tensor *from, fac_tensor *to) {
    struct pool p = {.divisor = a->divisor.given ? a->divisor.value : 0};
    size_t bytes;
    if (small->numel == 0) /* its windows may be any number */
        return fac__fill_into(to, fac_int(0));
    planes_of(&p, in, small);
    int64_t *m = windows_get(&p, &bytes);
    if (m == NULL)
        return -1;
    for (int i = 0; i < 2; i++) {
        int64_t k = pool_at(a->kernel, i), s = a->stride.n == 0 ? k : pool_at(a->stride, i);
        fixed_windows(i == 0 ? p.oh : p.ow, i == 0 ? p.h : p.w, k, s, pool_at(a->padding, i),
                      a->include_pad, i == 0 ? m : m + 3 * p.oh);
    }
    int r = run(&p, fn, from, to, NULL, false);
    fac__free(m, bytes);
    return r;
}

static int avg_pool2d(const void *args, fac_tensor **out) {
    const struct fac__avg_pool2d_args *a = args;
    struct mean_args m = {a->kernel_size, a->stride, a->padding, a->count_include_pad,
                          a->divisor_override};
    return fixed_means(&m, a->input, out[0], means[a->input->dtype], a->input, out[0]);
}

/* Narrow gradients are added up in float32. */
static int in_float(fac_tensor *g, fac_tensor *out,
                    int (*fn)(const void *, fac_tensor *, fac_tensor *), const void *args) {
    if (g->dtype != FAC_FLOAT16 && g->dtype != FAC_BFLOAT16)
        return fn(args, g, out);
    fac_tensor *gw = fac__cast(g, FAC_FLOAT32);
    fac_tensor *ow = fac__empty(out->ndim, out->sizes, NULL, FAC_FLOAT32, out->device);
    int r = gw == NULL || ow == NULL ? -1 : fn(args, gw, ow);
    if (r == 0)
        r = fac__copy_into(out, ow);
    fac__release(gw);
    fac__release(ow);
    return r;
}

static int avg_back(const void *args, fac_tensor *g, fac_tensor *out) {
    const struct fac__avg_pool2d_backward_args *a = args;
    struct mean_args m = {a->kernel_size, a->stride, a->padding, a->count_include_pad,
                          a->divisor_override};
    return fixed_means(&m, out, g, means_back[g->dtype], g, out);
}

static int avg_pool2d_backward(const void *args, fac_tensor **out) {
    const struct fac__avg_pool2d_backward_args *a = args;
    return in_float(a->grad_output, out[0], avg_back, args);
}

static int adaptive(const fac_tensor *in, const fac_tensor *small, fac__range_fn *fn,
                    fac_tensor *from, fac_tensor *to, fac_tensor *indices) {
    struct pool p = {0};
    size_t bytes;
    if (small->numel == 0) /* its windows may be any number */
        return fac__fill_into(to, fac_int(0));
    planes_of(&p, in, small);
    int64_t *m = windows_get(&p, &bytes);
    if (m == NULL)
        return -1;
    adaptive_windows(p.oh, p.h, m);
    adaptive_windows(p.ow, p.w, m + 3 * p.oh);
    int r = run(&p, fn, from, to, indices, indices != NULL);
    fac__free(m, bytes);
    return r;
}

static int adaptive_avg_pool2d(const void *args, fac_tensor **out) {
    const struct fac___adaptive_avg_pool2d_args *a = args;
    return adaptive(a->input, out[0], means[a->input->dtype], a->input, out[0], NULL);
}

static int adaptive_back(const void *args, fac_tensor *g, fac_tensor *out) {
    (void)args;
    return adaptive(out, g, means_back[g->dtype], g, out, NULL);
}

static int adaptive_avg_pool2d_backward(const void *args, fac_tensor **out) {
    const struct fac___adaptive_avg_pool2d_backward_args *a = args;
    return in_float(a->grad_output, out[0], adaptive_back, args);
}

static int adaptive_max_pool2d(const void *args, fac_tensor **out) {
    const struct fac__adaptive_max_pool2d_args *a = args;
    return adaptive(a->input, out[0], adaptive_maxima[a->input->dtype], a->input, out[0], out[1]);
}

static const fac__kernel_row rows[] = {
    {"max_pool2d_with_indices", max_pool2d_with_indices},
    {"_pool_scatter", pool_scatter},
    {"_pool_gather", pool_gather},
    {"avg_pool2d", avg_pool2d},
    {"avg_pool2d_backward", avg_pool2d_backward},
    {"_adaptive_avg_pool2d", adaptive_avg_pool2d},
    {"_adaptive_avg_pool2d_backward", adaptive_avg_pool2d_backward},
    {"adaptive_max_pool2d", adaptive_max_pool2d},
    {0}};
const fac__family FAC__K(fac__family_pool) = {NULL, rows};
