/* The driver of matrix products: which operand is broadcast and which read in vectors, and by which
 * path. All paths give the same bits (Note [One chain]); the least estimated cost decides:
 *
 *   dot     one row by one column: blocks of k are lanes;
 *   stream  one or two rows of L, or a k of a few, by an R whose rows are contiguous: whole rows
 *           are added up, memory is read and written in its own order;
 *   skinny  up to four rows of L by an R whose columns are contiguous along k (a Linear layer at
 *           batch 1..4): R is transposed in registers as it streams by;
 *   direct  few rows, or small matrices: R is read in place, or transposed a panel at a time;
 *   packed  all others: see gemm_packed.c.
 *
 * C = A B is also C^T = B^T A^T, so either operand can be L: a Linear layer at batch 5..64 packs
 * the small input and broadcasts the weight from where it lies.
 */
#include "gemm_product.h"

enum {
    STREAM_K = 4, /* most k for which many rows are streamed */
    FEW = 8,      /* columns that bfloat16 had better take for rows */
};

/* --- roles ----------------------------------------------------------------------------------- */

typedef enum { DOT, STREAM_ROWS, SKINNY, DIRECT, PACKED } path;

/* C^T = B^T A^T. */
static void exchange(product *g) {
#define SWAP(T, a, b)                                                                              \
    do {                                                                                           \
        T x_ = a;                                                                                  \
        a = b;                                                                                     \
        b = x_;                                                                                    \
    } while (0)
    SWAP(int64_t, g->m, g->n);
    SWAP(const char *, g->l, g->r);
    SWAP(int64_t, g->l_row, g->r_col);
    SWAP(int64_t, g->l_k, g->r_k);
    SWAP(int64_t, g->c_row, g->c_col);
    SWAP(int64_t, g->finish.bias_row, g->finish.bias_col);
#undef SWAP
}

/* Estimated cost in quarter cycles of the better path with roles as they are. */
static int64_t estimate(const product *g, path *best) {
    const int64_t lanes = g->t->lanes, kn = g->k * g->n, mn = g->m * g->n;
    /* A tile of fewer than four rows waits for its additions. */
    const int64_t columns = round_up(g->n, lanes);
    const int64_t multiply = g->k * max64(g->m, 4) * columns * 2 / lanes;
    const int64_t sums = g->c_col == 1 ? mn / 4 : mn * 2;
    if (g->d->plain && mn == 1 && g->l_k == 1 && g->r_k == 1) {
        *best = DOT;
        return kn * 2;
    }
    if (g->d->plain && g->r_col == 1 && g->n >= lanes && (g->m <= 2 || g->k <= STREAM_K)) {
        *best = STREAM_ROWS;
        return (kn + sums) * g->m;
    }
    if (g->d->plain && g->r_k == 1 && g->m <= 4 && g->n >= g->t->group) {
        *best = SKINNY;
        return kn + kn * g->m / 8 + mn;
    }
    if (g->d->plain && g->r_col == 1 &&
        (g->m <= 2 * g->t->rows || (kn * g->t->size <= GEMM_SMALL_STACK && g->n <= 128))) {
        *best = DIRECT;
        return multiply + sums;
    }
    /* Few rows: a panel of R at a time, transposed and used while it is in the first-level cache.
     */
    if (g->d->plain && g->r_k == 1 && g->m <= 2 * g->t->rows && g->n >= lanes) {
        *best = DIRECT;
        return multiply + sums + kn * 5 / 4;
    }
    *best = PACKED;
    return multiply + sums + kn * (g->r_col == 1 ? 1 : g->r_k == 1 ? 2 : 6);
}

static int run(product *g) {
    path here, there;
    if (g->d->bfloat16 && FAC__K(fac__gemm_bf16_unit)() != GEMM_BF16_NONE) {
        if (g->n < g->m && g->n <= FEW)
            exchange(g);
        return FAC__K(fac__gemm_bf16)(g);
    }
    const int64_t cost = estimate(g, &here);
    if (g->d->parts == 1) { /* the halves of a complex product are not interchangeable */
        exchange(g);
        if (estimate(g, &there) < cost)
            here = there;
        else
            exchange(g);
    }
    const gemm_finish *f = &g->finish;
    g->direct_c = g->d->plain && g->c_col == 1 && !f->scale &&
                  (f->mode == GEMM_SET || (f->mode == GEMM_ADD && g->block >= g->k));
    switch (here) {
    case DOT:
        return FAC__K(fac__gemm_dot)(g);
    case STREAM_ROWS:
        return FAC__K(fac__gemm_stream)(g);
    case SKINNY:
        return FAC__K(fac__gemm_skinny)(g);
    case DIRECT:
        return FAC__K(fac__gemm_direct)(g);
    default:
        return FAC__K(fac__gemm_packed)(g);
    }
}

/* --- the interface --------------------------------------------------------------------------- */

/* No products to add: C = activation(beta * C + bias). */
static int only_finish(const product *g) {
    const int64_t width = min64(g->n, 2 * g->t->lanes / g->d->parts);
    _Alignas(64) static const char zeros[128];
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j += width)
            finish(g, i, 1, j, min64(width, g->n - j), zeros, 2 * g->t->lanes);
    return 0;
}

/* A bias of float16 or bfloat16, or of small integers, widened into *out. */
static int widen_bias(product *g, const struct fac__gemm_epilogue *e, scratch *out) {
    const gemm_dtype *d = g->d;
    g->bias = e->bias;
    g->finish.bias_row = e->bias_row;
    g->finish.bias_col = e->bias_col;
    if (d->plain || d->parts == 2)
        return 0;
    const int64_t rows = e->bias_row ? g->m : 1, cols = e->bias_col ? g->n : 1;
    if (!scratch_get(out, rows * cols, g->t->size))
        return -1;
    widen(d, rows, cols, e->bias, e->bias_row, e->bias_col, out->p);
    g->bias = out->p;
    g->finish.bias_row = e->bias_row ? cols : 0;
    g->finish.bias_col = e->bias_col ? 1 : 0;
    return 0;
}

/* alpha or beta, widened to the type of sums. */
static void set_factor(const gemm_dtype *d, const void *given, char *to) {
    if (!d->plain && !d->floating && d->parts == 1)
        widen(d, 1, 1, given, 1, 1, to);
    else
        memcpy(to, given, (size_t)(d->parts * d->type->size));
}

static bool is_number(const gemm_dtype *d, const char *factor, int number) {
    const bool wide = d->type->size == 8;
    for (int i = 0; i < d->parts; i++, factor += d->type->size, number = 0) {
        union {
            float f32;
            double f64;
            uint32_t u32;
            uint64_t u64;
        } x;
        memcpy(&x, factor, (size_t)d->type->size);
        const bool same = d->floating || d->parts == 2
                              ? (wide ? x.f64 == number : x.f32 == (float)number)
                              : (wide ? x.u64 == (uint64_t)number : x.u32 == (uint32_t)number);
        if (!same)
            return false;
    }
    return true;
}

/* A batch of products: the first, and the bytes from one to the next. */
typedef struct {
    product first;
    int64_t count, l, r, c;
} batch;

static int run_one(const product *g) {
    product own = *g;
    return own.k == 0 ? only_finish(&own) : run(&own);
}

static int batch_range(void *ctx, int64_t begin, int64_t end) {
    const batch *all = ctx;
    for (int64_t i = begin; i < end; i++) {
        product g = all->first;
        g.l += i * all->l;
        g.r += i * all->r;
        g.c += i * all->c;
        if (run_one(&g))
            return -1;
    }
    return 0;
}

static int run_batch(batch *all) {
    const product *g = &all->first;
    const int64_t work = g->m * g->n * max64(g->k, 1);
    if (all->count == 1)
        return run_one(g);
    if (work > 64 * GEMM_WORK) /* the cut is finer inside */
        return batch_range(all, 0, all->count);
    return fac__parallel_for(all->count, 1 + GEMM_WORK / work, batch_range, all);
}

static int setup(product *g, fac_dtype dtype, const void *alpha, const void *beta, char factors[32],
                 const struct fac__gemm_epilogue *e, scratch *bias) {
    const gemm_dtype *d = FAC__K(fac__gemm_dtype)(dtype);
    if (!d)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "matrix products are not implemented for %s",
                         fac_dtype_name(dtype));
    g->d = d;
    g->t = d->type;
    g->block = FAC__K(fac__gemm_block)(d, g->k);
    g->finish.alpha = factors;
    g->finish.beta = factors + 16;
    g->finish.mode = GEMM_SET;
    if (alpha) {
        set_factor(d, alpha, factors);
        g->finish.scale = !is_number(d, factors, 1);
    }
    if (beta) {
        set_factor(d, beta, factors + 16);
        g->finish.mode = is_number(d, factors + 16, 0)   ? GEMM_SET
                         : is_number(d, factors + 16, 1) ? GEMM_ADD
                                                         : GEMM_BETA;
    }
    if (!e)
        return 0;
    if (e->activation && !d->floating)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "activations are not implemented for %s",
                         fac_dtype_name(dtype));
    g->finish.activation = e->activation;
    return e->bias ? widen_bias(g, e, bias) : 0;
}

int FAC__K(fac__gemm_batched)(fac_dtype dtype, int64_t count, int64_t m, int64_t n, int64_t k,
                              const void *alpha, const void *a, int64_t a_batch, int64_t a_row,
                              int64_t a_col, const void *b, int64_t b_batch, int64_t b_row,
                              int64_t b_col, const void *beta, void *c, int64_t c_batch,
                              int64_t c_row, int64_t c_col, const struct fac__gemm_epilogue *e) {
    if (count == 0 || m == 0 || n == 0)
        return 0;
    if (count > 1 && b_batch == 0 && a_batch == m * a_row && c_batch == m * c_row &&
        !(e && e->bias && e->bias_row)) { /* one tall product */
        m *= count;
        count = 1;
    }
    _Alignas(16) char factors[32] = {0};
    batch all = {
        .first = {.m = m,
                  .n = n,
                  .k = k,
                  .l = a,
                  .r = b,
                  .c = c,
                  .l_row = a_row,
                  .l_k = a_col,
                  .r_k = b_row,
                  .r_col = b_col,
                  .c_row = c_row,
                  .c_col = c_col},
        .count = count,
    };
    scratch bias = {0};
    if (setup(&all.first, dtype, alpha, beta, factors, e, &bias))
        return -1;
    const int64_t item = all.first.d->item;
    all.l = a_batch * item;
    all.r = b_batch * item;
    all.c = c_batch * item;
    const int status = run_batch(&all);
    scratch_drop(&bias);
    return status;
}

int FAC__K(fac__gemm)(fac_dtype dtype, int64_t m, int64_t n, int64_t k, const void *alpha,
                      const void *a, int64_t a_row, int64_t a_col, const void *b, int64_t b_row,
                      int64_t b_col, const void *beta, void *c, int64_t c_row, int64_t c_col,
                      const struct fac__gemm_epilogue *e) {
    return FAC__K(fac__gemm_batched)(dtype, 1, m, n, k, alpha, a, 0, a_row, a_col, b, 0, b_row,
                                     b_col, beta, c, 0, c_row, c_col, e);
}
