/* The kernels of one instruction set as tables, for gemm.c, conv.c and attention.c.
 *
 * L is the operand whose elements are broadcast, R the one read in vectors along columns. A tile is
 * up to `rows` rows by one or two vectors. Types are those that sums are kept in: float16 and
 * bfloat16 are packed into float32, small integers into uint32, and a complex product is the real
 * product of twice the depth and width (see gemm_complex.h).
 */
#ifndef FAC__GEMM_KERNELS_H
#define FAC__GEMM_KERNELS_H

#include "gemm.h"

/* Longest block of k, in real elements. A panel of R this long stays in the first-level cache. */
#define FAC__GEMM_BLOCK 384

enum { GEMM_MAX_ROWS = 14, GEMM_MAX_GROUP_BYTES = 32, GEMM_MAX_SIZE = 8, GEMM_AHEAD = 32 };

enum { GEMM_SET, GEMM_ADD, GEMM_BETA };

/* What happens to sums on their way into memory. alpha, beta are of the type of sums. */
typedef struct {
    const void *alpha, *beta;
    int mode;   /* GEMM_SET: sums; GEMM_ADD: C + sums; GEMM_BETA: beta * C + sums */
    bool scale; /* sums are multiplied by alpha */
    fac__activation activation;
    int64_t bias_row, bias_col;
} gemm_finish;

/* The k * GEMM_AHEAD bytes from `ahead` on, which the caller wants next, are brought into the
 * second-level cache meanwhile. */
typedef void gemm_tile_fn(int64_t k, const void *l, int64_t l_row, int64_t l_k, const void *r,
                          int64_t r_k, void *c, int64_t c_row, bool add, const char *ahead);

/* Two products at once, see gemm_micro.h. */
typedef struct {
    int64_t k[2];
    const void *l[2], *r[2];
    void *c[2];
    int64_t l_row, r_col, c_row;
    int64_t next; /* from r to what is taken next */
    bool add[2];
} gemm_skinny_args;

typedef void gemm_skinny_fn(const gemm_skinny_args *s);

/* See gemm_crowded.h. */
typedef void gemm_crowded_fn(int64_t block, const void *fours, const void *columns, int64_t r_col,
                             void *sums, bool add);

/* Panels of `width` columns, k * width elements each, the last one of `last`. */
typedef struct {
    int64_t k, n; /* n columns, of which the panels may hold a few more */
    int64_t width, last;
    const void *src;
    int64_t s_k, s_n;
    void *dst;
} gemm_pack_args;

typedef void gemm_pack_fn(const gemm_pack_args *a);
typedef void gemm_store_fn(const gemm_finish *f, int64_t rows, int64_t cols, const void *sums,
                           int64_t s_row, void *dst, int64_t c_row, int64_t c_col,
                           const void *bias);

/* S (rows, n) = L (rows, k) R (k, n), R's and S's rows contiguous, in one chain. */
typedef void gemm_stream_fn(int64_t k, int64_t n, const void *l, int64_t l_row, int64_t l_k,
                            const void *r, int64_t r_k, void *s, int64_t s_row);
typedef void gemm_dots_fn(int64_t blocks, int64_t block, const void *l, const void *r, void *sums);

typedef struct {
    int size;                       /* bytes of a sum */
    int lanes;                      /* of a vector */
    int rows;                       /* most rows of a tile */
    int group;                      /* columns of a skinny product */
    gemm_tile_fn *const (*tile)[5]; /* [rows][vectors]; 4 vectors up to 2 rows */
    gemm_skinny_fn *const *skinny;  /* [rows], rows 1 to 4 */
    gemm_stream_fn *stream[3];      /* [rows], rows 1 and 2 */
    gemm_dots_fn *dots;
    gemm_crowded_fn *crowded; /* NULL: there is none */
} gemm_type;

typedef struct {
    const gemm_type *type;
    gemm_pack_fn *pack_l, *pack_r;
    gemm_store_fn *store;
    int item;   /* bytes in memory */
    int parts;  /* 2 for complex */
    bool plain; /* memory holds the type of sums: panels may be read in place */
    bool floating;
    bool bfloat16;
} gemm_dtype;

/* The row of a dtype, NULL for bool. */
const gemm_dtype *FAC__K(fac__gemm_dtype)(fac_dtype dtype);

/* The length of blocks of k, in logical elements: Note [One chain]. */
int64_t FAC__K(fac__gemm_block)(const gemm_dtype *d, int64_t k);

#endif
