/* Convolutions as passes: what conv.c sets up and conv_gemm.c and conv_direct.c run. */
#ifndef FAC__CONV_H
#define FAC__CONV_H

#include "gemm_kernels.h"

enum { CONV_DIMS = 3 };

/* One pass writes grid positions of y from x through a list of taps:
 *     y[n, g * rows + r, t] = bias[r] + sum over c, tap of w[r, c, tap] x[n, g * chan + c, s]
 * where s = t * step + off[tap] in each dimension, and taps outside x count as 0. A convolution is
 * one pass; its transpose is a pass for each residue of the strides, over the taps that meet it. */
typedef struct {
    fac_dtype dtype; /* one whose memory holds the type of sums */
    const gemm_dtype *d;
    int64_t n, groups, rows, chan, taps;
    const int64_t (*off)[CONV_DIMS];
    int64_t grid[CONV_DIMS], step[CONV_DIMS], src[CONV_DIMS];
    const char *x; /* (n, groups * chan, src) */
    char *y;       /* (n, groups * rows, y_plane) */
    int64_t y_plane, y_base, y_step[CONV_DIMS];
    const char *w;           /* (groups * rows, chan * taps) */
    const char *bias;        /* groups * rows, or NULL */
    int64_t w_row, w_stride; /* direct passes: of w */
} conv_pass;

/* The gradient of w: for the same x, taps and grid, with g (n, groups * rows, grid). */
typedef struct {
    conv_pass p;   /* x and geometry; y and w unused */
    const char *g; /* (n, groups * rows, grid) */
    char *w;       /* (groups * rows, chan * taps), written */
} conv_weight_pass;

static inline int64_t conv_product(const int64_t *v) {
    return v[0] * v[1] * v[2];
}

int FAC__K(fac__conv_gemm)(const conv_pass *p);
int FAC__K(fac__conv_gemm_weight)(const conv_weight_pass *w);
/* One channel a group; forward, also several. */
int FAC__K(fac__conv_direct)(const conv_pass *p);
int FAC__K(fac__conv_direct_weight)(const conv_weight_pass *w);

#endif
