/* One product as its paths see it, and what they share. */
#ifndef FAC__GEMM_PRODUCT_H
#define FAC__GEMM_PRODUCT_H

#include "gemm_kernels.h"

#include <string.h>

enum {
    GEMM_WORK = 1 << 17,         /* multiply-adds worth a thread's while */
    GEMM_SMALL_STACK = 16 << 10, /* bytes of panels kept on the stack */
};

/* A product with roles given: L's rows are C's rows, R's columns its columns. */
typedef struct {
    const gemm_dtype *d;
    const gemm_type *t;
    int64_t m, n, k, block; /* logical elements; block is the length of blocks of k */
    const char *l, *r;
    char *c;
    int64_t l_row, l_k, r_k, r_col, c_row, c_col; /* in elements of the dtype */
    gemm_finish finish;
    const char *bias; /* of the type of sums */
    bool crowded;     /* L is laid out for gemm_crowded.h */
    bool direct_c;    /* tiles write C itself; otherwise sums are kept aside and finished last */
} product;

static inline int64_t round_up(int64_t x, int64_t to) {
    return (x + to - 1) / to * to;
}

static inline int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static inline int64_t max64(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static inline const char *bias_at(const product *g, int64_t i, int64_t j) {
    const int64_t size = g->d->parts * g->t->size;
    return g->bias ? g->bias + (i * g->finish.bias_row + j * g->finish.bias_col) * size : NULL;
}

static inline char *c_at(const product *g, int64_t i, int64_t j) {
    return g->c + (i * g->c_row + j * g->c_col) * g->d->item;
}

/* Finishes sums of rows from i and columns from j into C. */
static inline void finish(const product *g, int64_t i, int64_t rows, int64_t j, int64_t cols,
                          const void *sums, int64_t s_row) {
    g->d->store(&g->finish, rows, cols, sums, s_row, c_at(g, i, j), g->c_row, g->c_col,
                bias_at(g, i, j));
}

/* Bias and activation over what tiles wrote into C itself. */
static inline void finish_in_place(const product *g, int64_t i, int64_t rows, int64_t j,
                                   int64_t cols) {
    if (!g->bias && !g->finish.activation)
        return;
    gemm_finish f = g->finish;
    f.mode = GEMM_SET;
    f.scale = false;
    char *c = c_at(g, i, j);
    g->d->store(&f, rows, cols, c, g->c_row, c, g->c_row, g->c_col, bias_at(g, i, j));
}

typedef struct {
    char *p;
    size_t size;
} scratch;

static inline bool scratch_get(scratch *s, int64_t elements, int size) {
    s->size = (size_t)elements * (size_t)size + 64;
    s->p = fac__alloc(s->size);
    return s->p != NULL;
}

static inline void scratch_drop(scratch *s) {
    if (s->p)
        fac__free(s->p, s->size);
}

/* Rows of a tile such that the fewest tiles cover `rows` evenly, for narrow ones are slow. */
static inline int64_t tile_rows(const gemm_type *t, int64_t rows) {
    const int64_t tiles = (rows + t->rows - 1) / t->rows;
    return (rows + tiles - 1) / tiles;
}

/* A strided matrix copied row by row into the type of sums, dst (rows, cols). */
static inline void widen(const gemm_dtype *d, int64_t rows, int64_t cols, const void *src,
                         int64_t row, int64_t col, void *dst) {
    const gemm_pack_args a = {.k = rows,
                              .n = cols,
                              .width = cols,
                              .last = cols,
                              .src = src,
                              .s_k = row,
                              .s_n = col,
                              .dst = dst};
    d->pack_r(&a);
}

/* The paths of gemm.c, for a product whose roles are settled. They return 0, or -1 with the error
 * set. */
int FAC__K(fac__gemm_dot)(product *g);
int FAC__K(fac__gemm_stream)(product *g);
int FAC__K(fac__gemm_skinny)(product *g);
int FAC__K(fac__gemm_direct)(product *g);
int FAC__K(fac__gemm_packed)(product *g);

/* What the machine has, and lets us use, for products of bfloat16: nothing of their own, dot
 * products of pairs in vectors (AVX-512), or a matrix unit (AMX). */
typedef enum { GEMM_BF16_NONE, GEMM_BF16_DOTS, GEMM_BF16_TILES } gemm_bf16_unit;
gemm_bf16_unit FAC__K(fac__gemm_bf16_unit)(void);
int FAC__K(fac__gemm_bf16)(const product *g);

#endif
