/* Convolution from padded copies of the planes, which no tap leaves: with one channel a group,
 * where there is no product to speak of, and onto or from a few channels, where laying out columns
 * would cost more than the multiplying. float32 and float64; other dtypes take the way of products.
 */
#include "conv.h"
#include "gemm_simd.h"
#include "nn.h"

#include <string.h>

enum { TAPS = 9 }; /* whose sums are kept in registers together */

typedef struct {
    const conv_pass *p;
    const char *g; /* gradient of the weight: g, and where it goes */
    char *w;
    int64_t low[CONV_DIMS], pad[CONV_DIMS]; /* first offset, and sizes of the padded plane */
    int64_t extent;                         /* positions along a row that taps meet */
    int64_t g_row;                          /* columns of g, rounded up to vectors */
    const int64_t *at;                      /* of each tap in the padded plane */
} direct;

/* Sizes of the padded plane, and where each tap begins in it. */
static void measure(direct *d, int64_t *at) {
    const conv_pass *p = d->p;
    const int64_t lanes = GEMM_VEC / p->d->item, step = p->step[2];
    for (int i = 0; i < CONV_DIMS; i++) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        for (int64_t k = 0; k < p->taps; k++) {
            low = nn_min(low, p->off[k][i]);
            high = nn_max(high, p->off[k][i]);
        }
        d->low[i] = low;
        d->pad[i] = (p->grid[i] - 1) * p->step[i] + high - low + 1;
    }
    d->extent = d->pad[2];
    d->g_row = (p->grid[2] + lanes - 1) / lanes * lanes;
    const int64_t phase = d->extent / step + lanes; /* vectors reach past the last position */
    d->pad[2] = phase * step;
    for (int64_t k = 0; k < p->taps; k++) {
        const int64_t x = p->off[k][2] - d->low[2];
        at[k] = ((p->off[k][0] - d->low[0]) * d->pad[1] + p->off[k][1] - d->low[1]) * d->pad[2] +
                x % step * phase + x / step;
    }
    d->at = at;
}

/* Where output row (i, j) begins to read. */
static inline int64_t direct_at(const direct *d, int64_t i, int64_t j) {
    return (i * d->p->step[0] * d->pad[1] + j * d->p->step[1]) * d->pad[2];
}

#define DIRECT_T float
#define DIRECT_X f32
#define DIRECT_MASK int32_t
#include "conv_direct_planes.h"

#define DIRECT_T double
#define DIRECT_X f64
#define DIRECT_MASK int64_t
#include "conv_direct_planes.h"

static int run(direct *d, int64_t units, int64_t work, fac__range_fn *fn) {
    const conv_pass *p = d->p;
    if (conv_product(p->grid) == 0)
        return 0;
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
    return run(&d, p->n * p->groups, p->rows * p->chan * p->taps * conv_product(p->grid) / 8,
               p->dtype == FAC_FLOAT32 ? forward_f32 : forward_f64);
}

int FAC__K(fac__conv_direct_weight)(const conv_weight_pass *w) {
    direct d = {.p = &w->p, .g = w->g, .w = w->w};
    if (conv_product(w->p.grid) == 0)
        memset(w->w, 0, (size_t)(w->p.groups * w->p.rows * w->p.taps * w->p.d->item));
    return run(&d, w->p.groups, w->p.n * w->p.rows * w->p.taps * conv_product(w->p.grid) / 8,
               w->p.dtype == FAC_FLOAT32 ? weight_f32 : weight_f64);
}
