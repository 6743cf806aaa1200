/* Losses over classes: negative log-likelihood, and cross entropy of rows in one pass.
 *
 * Inputs are seen as (n, c, s): batch, classes, positions. Sums run over samples in their order, in
 * double. */
#include "nn.h"

#include <string.h>

struct classes {
    const fac_tensor *x; /* contiguous */
    fac_tensor *target;  /* contiguous int64 */
    fac_tensor *weight;  /* contiguous, of the dtype of sums, or NULL */
    int64_t n, c, s;
    int64_t ignore, reduction;
};

static void classes_drop(struct classes *k) {
    fac__release(k->target);
    fac__release(k->weight);
}

static int classes_get(struct classes *k, const fac_tensor *x, fac_tensor *target,
                       fac_tensor *weight, int64_t ignore, int64_t reduction) {
    bool single = x->ndim == 1;
    *k = (struct classes){.x = x,
                          .n = single ? 1 : x->sizes[0],
                          .c = x->sizes[single ? 0 : 1],
                          .ignore = ignore,
                          .reduction = reduction};
    k->s = 1;
    for (int i = 2; i < x->ndim; i++)
        k->s *= x->sizes[i];
    k->target = fac__cast(target, FAC_INT64);
    if (k->target == NULL ||
        nn_parameter(weight, fac__opmath((fac_dtype)x->dtype), &k->weight) != 0)
        return -1;
    const int64_t *t = (const int64_t *)(const void *)k->target->data;
    for (int64_t i = 0; i < k->n * k->s; i++)
        if (t[i] != ignore && (t[i] < 0 || t[i] >= k->c)) {
            return fac__fail(FAC_ERROR_INDEX, "Target %lld is out of bounds.", (long long)t[i]);
        }
    return 0;
}

/* --- nll_loss -------------------------------------------------------------------------------- */

#define NLL(dtype, T, C, LOAD, STORE)                                                              \
    static void nll_##dtype(const struct classes *k, fac_tensor **out) {                           \
        const T *x = (const T *)(const void *)k->x->data;                                          \
        const int64_t *t = (const int64_t *)(const void *)k->target->data;                         \
        const C *w = k->weight ? (const C *)(const void *)k->weight->data : NULL;                  \
        T *o = (T *)(void *)out[0]->data;                                                          \
        double sum = 0, total = 0;                                                                 \
        for (int64_t i = 0; i < k->n; i++)                                                         \
            for (int64_t j = 0; j < k->s; j++) {                                                   \
                int64_t at = i * k->s + j, y = t[at];                                              \
                C wy = y == k->ignore ? 0 : w ? w[y] : 1;                                          \
                C v = y == k->ignore ? 0 : -(C)LOAD(x[(i * k->c + y) * k->s + j]) * wy;            \
                if (k->reduction == 0)                                                             \
                    o[at] = (T)STORE(v);                                                           \
                sum += (double)v;                                                                  \
                total += (double)wy;                                                               \
            }                                                                                      \
        if (k->reduction != 0)                                                                     \
            o[0] = (T)STORE((C)(k->reduction == 1 ? sum / total : sum));                           \
        *(T *)(void *)out[1]->data = (T)STORE((C)(k->reduction == 0 ? 0 : total));                 \
    }                                                                                              \
    static void nll_back_##dtype(const struct classes *k, const fac_tensor *g, double total,       \
                                 fac_tensor *out) {                                                \
        const int64_t *t = (const int64_t *)(const void *)k->target->data;                         \
        const C *w = k->weight ? (const C *)(const void *)k->weight->data : NULL;                  \
        const T *gd = (const T *)(const void *)g->data;                                            \
        T *o = (T *)(void *)out->data;                                                             \
        for (int64_t i = 0; i < k->n; i++)                                                         \
            for (int64_t j = 0; j < k->s; j++) {                                                   \
                int64_t at = i * k->s + j, y = t[at];                                              \
                if (y == k->ignore)                                                                \
                    continue;                                                                      \
                C v = -(C)LOAD(gd[k->reduction == 0 ? at : 0]) * (w ? w[y] : 1);                   \
                if (k->reduction == 1)                                                             \
                    v /= (C)total;                                                                 \
                o[(i * k->c + y) * k->s + j] = (T)STORE(v);                                        \
            }                                                                                      \
    }
COMBINE_FLOATS(NLL)

static int nll_loss_forward(const void *args, fac_tensor **out) {
    const struct fac__nll_loss_forward_args *a = args;
    static void (*const table[FAC_NUM_DTYPES])(const struct classes *, fac_tensor **) =
        NN_TABLE(nll);
    struct classes k = {0};
    fac_tensor *x = fac__contiguous(a->input);
    int r =
        x == NULL ? -1 : classes_get(&k, x, a->target, a->weight, a->ignore_index, a->reduction);
    if (r == 0)
        table[x->dtype](&k, out);
    classes_drop(&k);
    fac__release(x);
    return r;
}

static int nll_loss_backward(const void *args, fac_tensor **out) {
    const struct fac__nll_loss_backward_args *a = args;
    static void (*const table[FAC_NUM_DTYPES])(const struct classes *, const fac_tensor *, double,
                                               fac_tensor *) = NN_TABLE(nll_back);
    struct classes k = {0};
    fac_scalar total = fac__scalar_from(a->total_weight->data, (fac_dtype)a->total_weight->dtype);
    fac_tensor *g = fac__contiguous(a->grad_output);
    int r = g == NULL
                ? -1
                : classes_get(&k, out[0], a->target, a->weight, a->ignore_index, a->reduction);
    if (r == 0) {
        memset(out[0]->data, 0, (size_t)out[0]->numel * fac__itemsize(out[0]->dtype));
        table[g->dtype](&k, g, fac__scalar_double(total), out[0]);
    }
    classes_drop(&k);
    fac__release(g);
    return r;
}

/* --- cross entropy --------------------------------------------------------------------------- */

struct entropy {
    struct classes k;
    void *log_sum; /* (n, 2): maximum and logarithm of the sum */
    double *value; /* of each row; NULL in the gradient */
    const char *g; /* gradient of the output */
    double total;
    char *out;
};

#define ENTROPY(dtype, T, C, LOAD, STORE)                                                          \
    NN_SUM(sum_exp_##dtype, C, const T *x NN_COMMA C top, nn_exp_##C((C)LOAD(x[at]) - top))        \
    static C top_##dtype(const T *x, int64_t n) {                                                  \
        C lane[NN_LANES], top = (C) - INFINITY;                                                    \
        for (int j = 0; j < NN_LANES; j++)                                                         \
            lane[j] = top;                                                                         \
        int64_t i = 0;                                                                             \
        for (; i + NN_LANES <= n; i += NN_LANES)                                                   \
            for (int j = 0; j < NN_LANES; j++) {                                                   \
                C v = (C)LOAD(x[i + j]);                                                           \
                lane[j] = v > lane[j] ? v : lane[j];                                               \
            }                                                                                      \
        for (; i < n; i++)                                                                         \
            top = (C)LOAD(x[i]) > top ? (C)LOAD(x[i]) : top;                                       \
        for (int j = 0; j < NN_LANES; j++)                                                         \
            top = lane[j] > top ? lane[j] : top;                                                   \
        return top;                                                                                \
    }                                                                                              \
    static int entropy_##dtype(void *ctx, int64_t begin, int64_t end) {                            \
        const struct entropy *e = ctx;                                                             \
        const int64_t *t = (const int64_t *)(const void *)e->k.target->data;                       \
        C *log_sum = e->log_sum;                                                                   \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const T *x = (const T *)(const void *)e->k.x->data + i * e->k.c;                       \
            C top = top_##dtype(x, e->k.c);                                                        \
            C l = (C)log(sum_exp_##dtype(e->k.c, x, top));                                         \
            log_sum[2 * i] = top;                                                                  \
            log_sum[2 * i + 1] = l;                                                                \
            if (t[i] != e->k.ignore)                                                               \
                e->value[i] = -(double)((C)LOAD(x[t[i]]) - top - l);                               \
        }                                                                                          \
        return 0;                                                                                  \
    }                                                                                              \
    static void entropy_end_##dtype(const struct entropy *e, fac_tensor **out) {                   \
        const int64_t *t = (const int64_t *)(const void *)e->k.target->data;                       \
        const C *w = e->k.weight ? (const C *)(const void *)e->k.weight->data : NULL;              \
        T *o = (T *)(void *)out[0]->data;                                                          \
        double sum = 0, total = 0;                                                                 \
        for (int64_t i = 0; i < e->k.n; i++) {                                                     \
            bool skip = t[i] == e->k.ignore;                                                       \
            double wy = skip ? 0 : w ? (double)w[t[i]] : 1, v = skip ? 0 : e->value[i] * wy;       \
            if (e->k.reduction == 0)                                                               \
                o[i] = (T)STORE((C)v);                                                             \
            sum += v;                                                                              \
            total += wy;                                                                           \
        }                                                                                          \
        if (e->k.reduction != 0)                                                                   \
            o[0] = (T)STORE((C)(e->k.reduction == 1 ? sum / total : sum));                         \
        *(C *)(void *)out[2]->data = (C)(e->k.reduction == 0 ? 0 : total);                         \
    }                                                                                              \
    static int entropy_back_##dtype(void *ctx, int64_t begin, int64_t end) {                       \
        const struct entropy *e = ctx;                                                             \
        const int64_t *t = (const int64_t *)(const void *)e->k.target->data;                       \
        const C *w = e->k.weight ? (const C *)(const void *)e->k.weight->data : NULL;              \
        const C *log_sum = e->log_sum;                                                             \
        const T *g = (const T *)(const void *)e->g;                                                \
        int64_t n = e->k.c;                                                                        \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const T *restrict x = (const T *)(const void *)e->k.x->data + i * n;                   \
            T *restrict o = (T *)(void *)e->out + i * n;                                           \
            if (t[i] == e->k.ignore) {                                                             \
                memset(o, 0, (size_t)n * sizeof(T));                                               \
                continue;                                                                          \
            }                                                                                      \
            C v = (C)LOAD(g[e->k.reduction == 0 ? i : 0]) * (w ? w[t[i]] : 1);                     \
            if (e->k.reduction == 1)                                                               \
                v /= (C)e->total;                                                                  \
            C top = log_sum[2 * i], l = log_sum[2 * i + 1];                                        \
            C own = (nn_exp_##C((C)LOAD(x[t[i]]) - top - l) - 1) * v;                              \
            for (int64_t j = 0; j < n; j++)                                                        \
                o[j] = (T)STORE(nn_exp_##C((C)LOAD(x[j]) - top - l) * v);                          \
            o[t[i]] = (T)STORE(own);                                                               \
        }                                                                                          \
        return 0;                                                                                  \
    }
COMBINE_FLOATS(ENTROPY)

static int cross_entropy(const void *args, fac_tensor **out) {
    const struct fac___cross_entropy_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(entropy);
    static void (*const end[FAC_NUM_DTYPES])(const struct entropy *, fac_tensor **) =
        NN_TABLE(entropy_end);
    struct entropy e = {0};
    fac_tensor *x = fac__contiguous(a->input);
    int r =
        x == NULL ? -1 : classes_get(&e.k, x, a->target, a->weight, a->ignore_index, a->reduction);
    size_t size = r == 0 ? (size_t)e.k.n * sizeof(double) + 8 : 0;
    if (r == 0 && (e.value = fac__alloc(size)) == NULL)
        r = -1;
    if (r == 0) {
        e.log_sum = out[1]->data;
        r = fac__parallel_for(e.k.n, nn_grain(e.k.c * 4), table[x->dtype], &e);
        end[x->dtype](&e, out);
        fac__free(e.value, size);
    }
    classes_drop(&e.k);
    fac__release(x);
    return r;
}

static int cross_entropy_backward(const void *args, fac_tensor **out) {
    const struct fac___cross_entropy_backward_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(entropy_back);
    struct entropy e = {0};
    fac_tensor *x = fac__contiguous(a->input), *g = fac__contiguous(a->grad_output);
    fac_tensor *log_sum = fac__contiguous(a->log_sum);
    int r = x == NULL || g == NULL || log_sum == NULL
                ? -1
                : classes_get(&e.k, x, a->target, a->weight, a->ignore_index, a->reduction);
    if (r == 0) {
        fac_scalar total =
            fac__scalar_from(a->total_weight->data, (fac_dtype)a->total_weight->dtype);
        e.log_sum = log_sum->data;
        e.g = g->data;
        e.total = fac__scalar_double(total);
        e.out = out[0]->data;
        r = fac__parallel_for(e.k.n, nn_grain(e.k.c * 2), table[x->dtype], &e);
    }
    classes_drop(&e.k);
    fac__release(x);
    fac__release(g);
    fac__release(log_sum);
    return r;
}

static const fac__kernel_row rows[] = {{"nll_loss_forward", nll_loss_forward},
                                       {"nll_loss_backward", nll_loss_backward},
                                       {"_cross_entropy", cross_entropy},
                                       {"_cross_entropy_backward", cross_entropy_backward},
                                       {0}};
const fac__family FAC__K(fac__family_loss) = {NULL, rows};
