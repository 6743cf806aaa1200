/* Matrix products on the CPU: what other kernels call. All strides are in elements.
 *
 * Note [One chain]: every element of a product is the sum, in order, of blocks of k whose length
 * follows from k alone; a block is one chain of fused multiply-adds in the order of k. Neither the
 * number of threads, nor the other rows and columns computed beside it, nor strides or the chosen
 * path change the bits: row i of X W is the same whether X has 1 row or 100.
 * (bfloat16 where the machine has instructions for it: chains of its own, with the same promise,
 * see gemm_bfloat16.c.)
 */
#ifndef FAC__GEMM_H
#define FAC__GEMM_H

#include <facula/backend.h>

typedef enum {
    FAC__ACTIVATE_NONE = 0,
    FAC__ACTIVATE_RELU,
    FAC__ACTIVATE_GELU, /* x * (1 + erf(x / sqrt 2)) / 2 */
} fac__activation;

/* C = activation(beta * C + alpha * A B + bias), before the one rounding to C's dtype. */
struct fac__gemm_epilogue {
    const void *bias;           /* of C's dtype, or NULL */
    int64_t bias_row, bias_col; /* a bias a column has (0, 1), a bias a row (1, 0) */
    fac__activation activation; /* floating dtypes only */
};

/* C (m, n) = beta * C + alpha * A (m, k) B (k, n). alpha and beta are of the dtype that sums are
 * kept in: float for float16, bfloat16 and float32, else the dtype's own; NULL is 1 for alpha and 0
 * for beta. Where beta is 0, C is not read. C must not overlap A or B. e may be NULL.
 * Every dtype but bool; integers wrap around. Returns 0, or -1 with the error set. */
int FAC__K(fac__gemm)(fac_dtype dtype, int64_t m, int64_t n, int64_t k, const void *alpha,
                      const void *a, int64_t a_row, int64_t a_col, const void *b, int64_t b_row,
                      int64_t b_col, const void *beta, void *c, int64_t c_row, int64_t c_col,
                      const struct fac__gemm_epilogue *e);

/* `batch` such products, each operand that many elements from one to the next (0: shared). The
 * bias is shared. */
int FAC__K(fac__gemm_batched)(fac_dtype dtype, int64_t batch, int64_t m, int64_t n, int64_t k,
                              const void *alpha, const void *a, int64_t a_batch, int64_t a_row,
                              int64_t a_col, const void *b, int64_t b_batch, int64_t b_row,
                              int64_t b_col, const void *beta, void *c, int64_t c_batch,
                              int64_t c_row, int64_t c_col, const struct fac__gemm_epilogue *e);

#endif
