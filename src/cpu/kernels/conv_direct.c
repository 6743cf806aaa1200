/* Convolution with one channel a group: each plane by itself, through a padded copy that no tap
 * leaves. float32 and float64; other dtypes take the way of products. */
#include "conv.h"
#include "nn.h"

#include <string.h>

enum { CHUNK = 32 };

typedef struct {
    const conv_pass *p;
    const char *g; /* gradient of the weight: g, and where it goes */
    char *w;
    int64_t low[CONV_DIMS], pad[CONV_DIMS]; /* first offset, and sizes of the padded plane */
    const int64_t *at;                      /* of each tap in the padded plane */
} direct;

/* Sizes of the padded plane, and where each tap begins in it. */
static void measure(direct *d, int64_t *at) {
    const conv_pass *p = d->p;
    for (int i = 0; i < CONV_DIMS; i++) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        for (int64_t k = 0; k < p->taps; k++) {
            low = nn_min(low, p->off[k][i]);
            high = nn_max(high, p->off[k][i]);
        }
        d->low[i] = low;
        d->pad[i] = (p->grid[i] - 1) * p->step[i] + high - low + 1;
    }
    d->pad[2] += CHUNK * p->step[2]; /* chunks may read past a row */
    for (int64_t k = 0; k < p->taps; k++)
        at[k] = ((p->off[k][0] - d->low[0]) * d->pad[1] + p->off[k][1] - d->low[1]) * d->pad[2] +
                p->off[k][2] - d->low[2];
    d->at = at;
}

#define DIRECT(T)                                                                                  \
    /* The plane x as seen from the first offset: zeros outside. */                                \
    static void pad_##T(const direct *d, const T *x, T *to) {                                      \
        const int64_t *src = d->p->src, *pad = d->pad;                                             \
        for (int64_t i = 0; i < pad[0]; i++)                                                       \
            for (int64_t j = 0; j < pad[1]; j++, to += pad[2]) {                                   \
                int64_t z = i + d->low[0], y = j + d->low[1];                                      \
                int64_t from = nn_min(pad[2], nn_max(0, -d->low[2]));                              \
                int64_t end = nn_max(from, nn_min(pad[2], src[2] - d->low[2]));                    \
                if (z < 0 || z >= src[0] || y < 0 || y >= src[1])                                  \
                    end = from = pad[2];                                                           \
                const T *row = x + (z * src[1] + y) * src[2] + d->low[2];                          \
                for (int64_t k = 0; k < from; k++)                                                 \
                    to[k] = 0;                                                                     \
                for (int64_t k = from; k < end; k++)                                               \
                    to[k] = row[k];                                                                \
                for (int64_t k = end; k < pad[2]; k++)                                             \
                    to[k] = 0;                                                                     \
            }                                                                                      \
    }                                                                                              \
    static void chunk_##T(const direct *d, const T *in, const T *w, T bias, T *acc) {              \
        const conv_pass *p = d->p;                                                                 \
        int64_t step = p->step[2];                                                                 \
        for (int i = 0; i < CHUNK; i++)                                                            \
            acc[i] = bias;                                                                         \
        for (int64_t k = 0; k < p->taps; k++) {                                                    \
            const T *s = in + d->at[k];                                                            \
            T wk = w[k];                                                                           \
            if (step == 1)                                                                         \
                for (int i = 0; i < CHUNK; i++)                                                    \
                    acc[i] += wk * s[i];                                                           \
            else                                                                                   \
                for (int i = 0; i < CHUNK; i++)                                                    \
                    acc[i] += wk * s[i * step];                                                    \
        }                                                                                          \
    }                                                                                              \
    static int forward_##T(void *ctx, int64_t begin, int64_t end) {                                \
        const direct *d = ctx;                                                                     \
        const conv_pass *p = d->p;                                                                 \
        size_t bytes = (size_t)(conv_product(d->pad) + CHUNK * p->step[2]) * sizeof(T);            \
        T *plane = fac__alloc(bytes);                                                              \
        if (plane == NULL)                                                                         \
            return -1;                                                                             \
        memset(plane, 0, bytes);                                                                   \
        for (int64_t u = begin; u < end; u++) { /* (n, group) */                                   \
            pad_##T(d, (const T *)(const void *)p->x + u * conv_product(p->src), plane);           \
            for (int64_t r = 0; r < p->rows; r++) {                                                \
                int64_t ch = u % p->groups * p->rows + r;                                          \
                const T *w = (const T *)(const void *)p->w + ch * p->taps;                         \
                T bias = p->bias != NULL ? ((const T *)(const void *)p->bias)[ch] : 0;             \
                T *y = (T *)(void *)p->y + (u * p->rows + r) * p->y_plane + p->y_base;             \
                for (int64_t i = 0; i < p->grid[0]; i++)                                           \
                    for (int64_t j = 0; j < p->grid[1]; j++)                                       \
                        for (int64_t k = 0; k < p->grid[2]; k += CHUNK) {                          \
                            T acc[CHUNK];                                                          \
                            int64_t len = nn_min(CHUNK, p->grid[2] - k);                           \
                            T *o = y + i * p->y_step[0] + j * p->y_step[1] + k * p->y_step[2];     \
                            const T *in =                                                          \
                                plane +                                                            \
                                (i * p->step[0] * d->pad[1] + j * p->step[1]) * d->pad[2] +        \
                                k * p->step[2];                                                    \
                            chunk_##T(d, in, w, bias, acc);                                        \
                            for (int64_t q = 0; q < len; q++)                                      \
                                o[q * p->y_step[2]] = acc[q];                                      \
                        }                                                                          \
            }                                                                                      \
        }                                                                                          \
        fac__free(plane, bytes);                                                                   \
        return 0;                                                                                  \
    }                                                                                              \
    static void taps_##T(const direct *d, const T *plane, const T *g, double *sums) {              \
        const conv_pass *p = d->p;                                                                 \
        for (int64_t t = 0; t < p->taps; t++) {                                                    \
            T lane[CHUNK] = {0}, rest = 0;                                                         \
            for (int64_t i = 0; i < p->grid[0]; i++)                                               \
                for (int64_t j = 0; j < p->grid[1]; j++) {                                         \
                    const T *in = plane + d->at[t] +                                               \
                                  (i * p->step[0] * d->pad[1] + j * p->step[1]) * d->pad[2];       \
                    const T *row = g + (i * p->grid[1] + j) * p->grid[2];                          \
                    int64_t k = 0, step = p->step[2];                                              \
                    if (step == 1)                                                                 \
                        for (; k + 8 <= p->grid[2]; k += 8)                                        \
                            for (int q = 0; q < 8; q++)                                            \
                                lane[q] += row[k + q] * in[k + q];                                 \
                    for (; k < p->grid[2]; k++)                                                    \
                        rest += row[k] * in[k * step];                                             \
                }                                                                                  \
            for (int q = 0; q < CHUNK; q++)                                                        \
                sums[t] += (double)lane[q];                                                        \
            sums[t] += (double)rest;                                                               \
        }                                                                                          \
    }                                                                                              \
    static int weight_##T(void *ctx, int64_t begin, int64_t end) {                                 \
        const direct *d = ctx;                                                                     \
        const conv_pass *p = d->p;                                                                 \
        int64_t in = conv_product(p->src), out = conv_product(p->grid);                            \
        size_t sums_bytes = (size_t)(p->rows * p->taps) * sizeof(double);                          \
        size_t bytes = (size_t)(conv_product(d->pad) + CHUNK * p->step[2]) * sizeof(T);            \
        T *plane = fac__alloc(bytes);                                                              \
        double *sums = fac__alloc(sums_bytes);                                                     \
        int r = plane == NULL || sums == NULL ? -1 : 0;                                            \
        for (int64_t g = begin; g < end && r == 0; g++) {                                          \
            memset(sums, 0, sums_bytes);                                                           \
            for (int64_t n = 0; n < p->n; n++) {                                                   \
                int64_t u = n * p->groups + g;                                                     \
                pad_##T(d, (const T *)(const void *)p->x + u * in, plane);                         \
                for (int64_t q = 0; q < p->rows; q++)                                              \
                    taps_##T(d, plane, (const T *)(const void *)d->g + (u * p->rows + q) * out,    \
                             sums + q * p->taps);                                                  \
            }                                                                                      \
            for (int64_t i = 0; i < p->rows * p->taps; i++)                                        \
                ((T *)(void *)d->w)[g * p->rows * p->taps + i] = (T)sums[i];                       \
        }                                                                                          \
        if (plane != NULL)                                                                         \
            fac__free(plane, bytes);                                                               \
        if (sums != NULL)                                                                          \
            fac__free(sums, sums_bytes);                                                           \
        return r;                                                                                  \
    }
DIRECT(float)
DIRECT(double)

static int run(direct *d, int64_t units, int64_t work, fac__range_fn *fn) {
    const conv_pass *p = d->p;
    size_t bytes = (size_t)p->taps * sizeof(int64_t) + 8;
    int64_t *at = fac__alloc(bytes);
    if (at == NULL)
        return -1;
    measure(d, at);
    int r = fac__parallel_for(units, nn_grain(work), fn, d);
    fac__free(at, bytes);
    return r;
}

int FAC__K(fac__conv_direct)(const conv_pass *p) {
    direct d = {.p = p};
    return run(&d, p->n * p->groups, p->rows * p->taps * conv_product(p->grid) / 8,
               p->dtype == FAC_FLOAT32 ? forward_float : forward_double);
}

int FAC__K(fac__conv_direct_weight)(const conv_weight_pass *w) {
    direct d = {.p = &w->p, .g = w->g, .w = w->w};
    return run(&d, w->p.groups, w->p.n * w->p.rows * w->p.taps * conv_product(w->p.grid) / 8,
               w->p.dtype == FAC_FLOAT32 ? weight_float : weight_double);
}
