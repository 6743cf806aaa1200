/* Embeddings: rows gathered by index, and their gradient.
 *
 * The gradient sorts positions by row (a counting sort, so equal rows keep their order) and then
 * adds up each row by itself: every row is written once, by one thread, in the order of the
 * positions. */
#include "nn.h"

#include <string.h>

static int64_t index_at(const fac_tensor *t, int64_t i) {
    return t->dtype == FAC_INT32 ? ((const int32_t *)t->data)[i] : ((const int64_t *)t->data)[i];
}

static int check_range(const fac_tensor *t, int64_t rows) {
    for (int64_t i = 0; i < t->numel; i++) {
        int64_t k = index_at(t, i);
        if (k < 0 || k >= rows)
            return fac__fail(FAC_ERROR_INDEX, "index out of range in self");
    }
    return 0;
}

struct gather {
    const fac_tensor *indices;
    const char *from;
    char *to;
    int64_t row, col, n; /* strides and length of a row of `from`, in elements */
    size_t item;
};

static int gather_range(void *ctx, int64_t begin, int64_t end) {
    const struct gather *g = ctx;
    size_t bytes = (size_t)g->n * g->item;
    for (int64_t i = begin; i < end; i++) {
        const char *from = g->from + index_at(g->indices, i) * g->row * (int64_t)g->item;
        char *to = g->to + (size_t)i * bytes;
        if (g->col == 1)
            memcpy(to, from, bytes);
        else
            for (int64_t j = 0; j < g->n; j++)
                memcpy(to + (size_t)j * g->item, from + j * g->col * (int64_t)g->item, g->item);
    }
    return 0;
}

static int embedding(const void *args, fac_tensor **out) {
    const struct fac__embedding_args *a = args;
    fac_tensor *w = a->weight, *x = fac__contiguous(a->indices);
    if (x == NULL)
        return -1;
    int r = check_range(x, w->sizes[0]);
    if (r == 0) {
        struct gather g = {x,
                           w->data,
                           out[0]->data,
                           w->strides[0],
                           w->strides[1],
                           w->sizes[1],
                           fac__itemsize(w->dtype)};
        r = fac__parallel_for(x->numel, nn_grain(g.n), gather_range, &g);
    }
    fac__release(x);
    return r;
}

/* --- the gradient ---------------------------------------------------------------------------- */

struct scatter {
    const char *g; /* (positions, d) */
    char *out;     /* (rows, d) */
    int64_t d, padding;
    const int64_t *start, *order; /* of row r: order[start[r] .. start[r + 1]) */
    bool by_freq;
    size_t item;
};

#define ADD_ROWS(dtype, T, C, LOAD, STORE)                                                         \
    static int add_rows_##dtype(void *ctx, int64_t begin, int64_t end) {                           \
        const struct scatter *s = ctx;                                                             \
        enum { TILE = 256 };                                                                       \
        for (int64_t r = begin; r < end; r++) {                                                    \
            T *restrict o = (T *)(void *)s->out + r * s->d;                                        \
            int64_t from = s->start[r], to = r == s->padding ? from : s->start[r + 1];             \
            if (from == to) {                                                                      \
                memset(o, 0, (size_t)s->d * sizeof(T));                                            \
                continue;                                                                          \
            }                                                                                      \
            C scale = s->by_freq ? (C)1 / (C)(to - from) : (C)1;                                   \
            for (int64_t j = 0; j < s->d; j += TILE) {                                             \
                int64_t n = nn_min(TILE, s->d - j);                                                \
                C sum[TILE];                                                                       \
                for (int64_t i = 0; i < n; i++)                                                    \
                    sum[i] = 0;                                                                    \
                for (int64_t k = from; k < to; k++) {                                              \
                    const T *restrict g = (const T *)(const void *)s->g + s->order[k] * s->d + j;  \
                    for (int64_t i = 0; i < n; i++)                                                \
                        sum[i] += (C)LOAD(g[i]) * scale;                                           \
                }                                                                                  \
                for (int64_t i = 0; i < n; i++)                                                    \
                    o[j + i] = (T)STORE(sum[i]);                                                   \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }
COMBINE_FLOATS(ADD_ROWS)

#define ADD_COMPLEX(dtype, T, R)                                                                   \
    static int add_rows_##dtype(void *ctx, int64_t begin, int64_t end) {                           \
        const struct scatter *s = ctx;                                                             \
        for (int64_t r = begin; r < end; r++) {                                                    \
            T *o = (T *)(void *)s->out + r * s->d;                                                 \
            int64_t from = s->start[r], to = r == s->padding ? from : s->start[r + 1];             \
            R scale = s->by_freq ? (R)1 / (R)(to - from) : (R)1;                                   \
            memset(o, 0, (size_t)s->d * sizeof(T));                                                \
            for (int64_t k = from; k < to; k++) {                                                  \
                const T *g = (const T *)(const void *)s->g + s->order[k] * s->d;                   \
                for (int64_t i = 0; i < s->d; i++) {                                               \
                    o[i].re += g[i].re * scale;                                                    \
                    o[i].im += g[i].im * scale;                                                    \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }
ADD_COMPLEX(COMPLEX64, fac_complex64, float)
ADD_COMPLEX(COMPLEX128, fac_complex128, double)

static fac__range_fn *const add_rows[FAC_NUM_DTYPES] = {
    [FAC_FLOAT16] = add_rows_FLOAT16,     [FAC_BFLOAT16] = add_rows_BFLOAT16,
    [FAC_FLOAT32] = add_rows_FLOAT32,     [FAC_FLOAT64] = add_rows_FLOAT64,
    [FAC_COMPLEX64] = add_rows_COMPLEX64, [FAC_COMPLEX128] = add_rows_COMPLEX128,
};

/* Positions sorted by row: start has rows + 1 entries, order one a position. */
static void sort_positions(const fac_tensor *x, int64_t rows, int64_t *start, int64_t *order) {
    memset(start, 0, (size_t)(rows + 1) * sizeof *start);
    for (int64_t i = 0; i < x->numel; i++)
        start[index_at(x, i) + 1]++;
    for (int64_t r = 0; r < rows; r++)
        start[r + 1] += start[r];
    for (int64_t i = 0; i < x->numel; i++)
        order[start[index_at(x, i)]++] = i;
    /* every start has moved to its end */
    for (int64_t r = rows; r > 0; r--)
        start[r] = start[r - 1];
    start[0] = 0;
}

static int embedding_dense_backward(const void *args, fac_tensor **out) {
    const struct fac__embedding_dense_backward_args *a = args;
    int64_t rows = a->num_weights;
    fac__range_fn *fn = add_rows[a->grad_output->dtype];
    if (fn == NULL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "\"embedding_backward\" not implemented for '%s'",
                         fac__scalar_type_name((fac_dtype)a->grad_output->dtype));
    fac_tensor *x = fac__contiguous(a->indices), *g = fac__contiguous(a->grad_output);
    int r = x == NULL || g == NULL || check_range(x, rows) != 0 ? -1 : 0;
    size_t size = r == 0 ? (size_t)(rows + 1 + x->numel) * sizeof(int64_t) : 0;
    int64_t *start = r == 0 ? fac__alloc(size) : NULL;
    if (start != NULL) {
        int64_t *order = start + rows + 1, d = out[0]->sizes[1];
        sort_positions(x, rows, start, order);
        struct scatter s = {g->data,
                            out[0]->data,
                            d,
                            a->padding_idx,
                            start,
                            order,
                            a->scale_grad_by_freq,
                            fac__itemsize(g->dtype)};
        r = fac__parallel_for(rows, nn_grain(d * (1 + x->numel / nn_max(rows, 1))), fn, &s);
        fac__free(start, size);
    } else {
        r = -1;
    }
    fac__release(x);
    fac__release(g);
    return r;
}

static const fac__kernel_row rows[] = {
    {"embedding", embedding}, {"embedding_dense_backward", embedding_dense_backward}, {0}};
const fac__family FAC__K(fac__family_embedding) = {NULL, rows};
