/* One product as its paths see it: gemm.c's own, and that of gemm_bfloat16.c. */
#ifndef FAC__GEMM_PRODUCT_H
#define FAC__GEMM_PRODUCT_H

#include "gemm_kernels.h"

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

/* What the machine has, and lets us use, for products of bfloat16: nothing of their own, dot
 * products of pairs in vectors (AVX-512), or a matrix unit (AMX). */
typedef enum { GEMM_BF16_NONE, GEMM_BF16_DOTS, GEMM_BF16_TILES } gemm_bf16_unit;
gemm_bf16_unit FAC__K(fac__gemm_bf16_unit)(void);
int FAC__K(fac__gemm_bf16)(const product *g);

#endif
