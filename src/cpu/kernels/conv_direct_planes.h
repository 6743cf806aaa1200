/* The loops of conv_direct.c for one element type: included with DIRECT_T (its C type), DIRECT_X
 * (f32, f64) and DIRECT_MASK (the integer of its width) defined.
 *
 * Rows of the padded plane hold a residue of the positions modulo the step after the other, so that
 * what a tap reads for neighbouring outputs is contiguous whatever the step. */

#define CAT2(a, b) a##_##b
#define CAT(a, b) CAT2(a, b)
#define CATV2(a, b) a##b
#define CATV(a, b) CATV2(a, b)
#define N_(name) CAT(name, DIRECT_X)
#define VEC CATV(v, DIRECT_X)
#define VFMA CAT(gemm_fma, VEC)
#define LANES ((int)(GEMM_VEC / sizeof(DIRECT_T)))

typedef DIRECT_T N_(loose)
    __attribute__((vector_size(GEMM_VEC), aligned(sizeof(DIRECT_T)), may_alias));
typedef DIRECT_MASK N_(mask) __attribute__((vector_size(GEMM_VEC)));

/* The plane x as seen from the first offset. What lies outside x is zero already. */
static void N_(pad)(const direct *d, const DIRECT_T *x, DIRECT_T *to) {
    const int64_t *src = d->p->src, step = d->p->step[2], phase = d->pad[2] / step;
    const int64_t from = nn_max(0, -d->low[2]), end = nn_min(d->extent, src[2] - d->low[2]);
    for (int64_t i = 0; i < d->pad[0]; i++)
        for (int64_t j = 0; j < d->pad[1]; j++, to += d->pad[2]) {
            const int64_t z = i + d->low[0], y = j + d->low[1];
            if (z < 0 || z >= src[0] || y < 0 || y >= src[1] || from >= end)
                continue;
            const DIRECT_T *row = x + (z * src[1] + y) * src[2] + d->low[2];
            if (step == 1)
                memcpy(to + from, row + from, (size_t)(end - from) * sizeof(DIRECT_T));
            else
                for (int64_t k = from; k < end; k++)
                    to[k % step * phase + k / step] = row[k];
        }
}

/* Up to n of a vector's lanes, `gap` apart. */
static __attribute__((noinline)) void N_(store_some)(DIRECT_T *o, int64_t gap, VEC v, int64_t n) {
    DIRECT_T lane[LANES];
    memcpy(lane, &v, sizeof lane);
    for (int64_t q = 0; q < nn_min(n, LANES); q++)
        o[q * gap] = lane[q];
}

/* Vectors of a few neighbouring lines of outputs, n of them a line: enough sums side by side that
 * none waits for its own additions. */
GEMM_INLINE void N_(chunk)(const int lines, const int vecs, const direct *d, const DIRECT_T *in,
                           const DIRECT_T *w, DIRECT_T bias, DIRECT_T *out, int64_t n) {
    const conv_pass *p = d->p;
    const int64_t line = p->step[1] * d->pad[2], plane = conv_product(d->pad), gap = p->y_step[2];
    VEC acc[4][4];
#pragma GCC unroll 4
    for (int l = 0; l < lines; l++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            acc[l][v] = bias - (VEC){0};
    for (int64_t c = 0; c < p->chan; c++, in += plane, w += p->taps)
        for (int64_t k = 0; k < p->taps; k++) {
            const DIRECT_T *s = in + d->at[k];
            const VEC wk = w[k] - (VEC){0};
#pragma GCC unroll 4
            for (int l = 0; l < lines; l++)
#pragma GCC unroll 4
                for (int v = 0; v < vecs; v++)
                    acc[l][v] = VFMA(wk, (VEC)((const N_(loose) *)(s + l * line))[v], acc[l][v]);
        }
    const int64_t whole = gap == 1 ? n / LANES : 0;
#pragma GCC unroll 4
    for (int l = 0; l < lines; l++) {
        DIRECT_T *o = out + l * p->y_step[1];
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            if (v < whole)
                ((N_(loose) *)o)[v] = acc[l][v];
            else
                N_(store_some)(o + v * LANES * gap, gap, acc[l][v], n - v * LANES);
        }
    }
}

/* Whole lines, four or one. */
GEMM_INLINE void N_(strip)(const int lines, const direct *d, const DIRECT_T *in, const DIRECT_T *w,
                           DIRECT_T bias, DIRECT_T *out) {
    const conv_pass *p = d->p;
    const int64_t width = p->grid[2];
    for (int64_t k = 0, n; k < width; k += n) {
        const int64_t left = (width - k + LANES - 1) / LANES;
        DIRECT_T *o = out + k * p->y_step[2];
        if (left >= 4) {
            const int some = lines == 4 ? 2 : 1;
            n = nn_min(4 * LANES, width - k);
            for (int l = 0; l < lines; l += some)
                N_(chunk)(some, 4, d, in + k + l * p->step[1] * d->pad[2], w, bias,
                          o + l * p->y_step[1], n);
        } else if (left >= 2) {
            n = nn_min(2 * LANES, width - k);
            N_(chunk)(lines, 2, d, in + k, w, bias, o, n);
        } else {
            n = width - k;
            N_(chunk)(lines, 1, d, in + k, w, bias, o, n);
        }
    }
}

static void N_(plane)(const direct *d, const DIRECT_T *in, const DIRECT_T *w, DIRECT_T bias,
                      DIRECT_T *y) {
    const conv_pass *p = d->p;
    for (int64_t i = 0; i < p->grid[0]; i++) {
        DIRECT_T *o = y + i * p->y_step[0];
        int64_t j = 0;
        for (; j + 4 <= p->grid[1]; j += 4)
            N_(strip)(4, d, in + direct_at(d, i, j), w, bias, o + j * p->y_step[1]);
        for (; j < p->grid[1]; j++)
            N_(strip)(1, d, in + direct_at(d, i, j), w, bias, o + j * p->y_step[1]);
    }
}

static int N_(forward)(void *ctx, int64_t begin, int64_t end) {
    const direct *d = ctx;
    const conv_pass *p = d->p;
    const int64_t plane = conv_product(d->pad), src = conv_product(p->src);
    const size_t bytes = (size_t)(p->chan * plane) * sizeof(DIRECT_T);
    DIRECT_T *planes = fac__alloc(bytes);
    if (planes == NULL)
        return -1;
    memset(planes, 0, bytes);
    for (int64_t u = begin; u < end; u++) { /* (n, group) */
        for (int64_t c = 0; c < p->chan; c++)
            N_(pad)(d, (const DIRECT_T *)(const void *)p->x + (u * p->chan + c) * src,
                    planes + c * plane);
        for (int64_t r = 0; r < p->rows; r++) {
            const int64_t ch = u % p->groups * p->rows + r;
            N_(plane)(d, planes, (const DIRECT_T *)(const void *)p->w + ch * p->chan * p->taps,
                      p->bias != NULL ? ((const DIRECT_T *)(const void *)p->bias)[ch] : 0,
                      (DIRECT_T *)(void *)p->y + (u * p->rows + r) * p->y_plane + p->y_base);
        }
    }
    fac__free(planes, bytes);
    return 0;
}

/* The sums of a few taps over one plane: each vector of g meets all of them. g's rows are padded
 * with zeros; x is masked there too, for it may be infinite. */
GEMM_INLINE void N_(taps)(const int count, const direct *d, const DIRECT_T *plane,
                          const DIRECT_T *g, const int64_t *at, double *sums) {
    const conv_pass *p = d->p;
    const int64_t vecs = p->grid[2] / LANES, rest = p->grid[2] % LANES;
    N_(mask) mask;
    for (int q = 0; q < LANES; q++)
        mask[q] = q < rest ? -1 : 0;
    VEC acc[TAPS];
#pragma GCC unroll 9
    for (int t = 0; t < count; t++)
        acc[t] = (VEC){0};
    for (int64_t i = 0; i < p->grid[0]; i++)
        for (int64_t j = 0; j < p->grid[1]; j++, g += d->g_row) {
            const DIRECT_T *in = plane + direct_at(d, i, j);
            for (int64_t k = 0; k < vecs; k++) {
                const VEC v = ((const N_(loose) *)g)[k];
#pragma GCC unroll 9
                for (int t = 0; t < count; t++)
                    acc[t] = VFMA(v, (VEC)((const N_(loose) *)(in + at[t]))[k], acc[t]);
            }
            if (rest) {
                const VEC v = ((const N_(loose) *)g)[vecs];
#pragma GCC unroll 9
                for (int t = 0; t < count; t++) {
                    const VEC x = ((const N_(loose) *)(in + at[t]))[vecs];
                    acc[t] = VFMA(v, (VEC)((N_(mask))x & mask), acc[t]);
                }
            }
        }
    for (int t = 0; t < count; t++)
        for (int q = 0; q < LANES; q++)
            sums[t] += (double)acc[t][q];
}

static void N_(all_taps)(const direct *d, const DIRECT_T *plane, const DIRECT_T *g, double *sums) {
    int64_t t = 0;
    for (; t + TAPS <= d->p->taps; t += TAPS)
        N_(taps)(TAPS, d, plane, g, d->at + t, sums + t);
    for (; t + 3 <= d->p->taps; t += 3)
        N_(taps)(3, d, plane, g, d->at + t, sums + t);
    for (; t < d->p->taps; t++)
        N_(taps)(1, d, plane, g, d->at + t, sums + t);
}

static int N_(weight)(void *ctx, int64_t begin, int64_t end) {
    const direct *d = ctx;
    const conv_pass *p = d->p;
    const int64_t in = conv_product(p->src), out = conv_product(p->grid), lines = out / p->grid[2];
    const int64_t n_sums = p->rows * p->taps;
    const size_t x_bytes = (size_t)conv_product(d->pad) * sizeof(DIRECT_T);
    const size_t g_bytes = (size_t)(lines * d->g_row) * sizeof(DIRECT_T);
    const size_t bytes = (size_t)n_sums * sizeof(double) + x_bytes + g_bytes;
    double *sums = fac__alloc(bytes);
    if (sums == NULL)
        return -1;
    DIRECT_T *plane = (DIRECT_T *)(void *)(sums + n_sums);
    DIRECT_T *rows = plane + conv_product(d->pad);
    memset(plane, 0, x_bytes + g_bytes);
    for (int64_t g = begin; g < end; g++) {
        memset(sums, 0, (size_t)n_sums * sizeof(double));
        for (int64_t n = 0; n < p->n; n++) {
            const int64_t u = n * p->groups + g;
            N_(pad)(d, (const DIRECT_T *)(const void *)p->x + u * in, plane);
            for (int64_t q = 0; q < p->rows; q++) {
                const DIRECT_T *from =
                    (const DIRECT_T *)(const void *)d->g + (u * p->rows + q) * out;
                for (int64_t i = 0; i < lines; i++)
                    memcpy(rows + i * d->g_row, from + i * p->grid[2],
                           (size_t)p->grid[2] * sizeof(DIRECT_T));
                N_(all_taps)(d, plane, rows, sums + q * p->taps);
            }
        }
        for (int64_t i = 0; i < n_sums; i++)
            ((DIRECT_T *)(void *)d->w)[g * n_sums + i] = (DIRECT_T)sums[i];
    }
    fac__free(sums, bytes);
    return 0;
}

#undef CAT2
#undef CAT
#undef CATV2
#undef CATV
#undef N_
#undef VEC
#undef VFMA
#undef LANES
#undef DIRECT_T
#undef DIRECT_X
#undef DIRECT_MASK
