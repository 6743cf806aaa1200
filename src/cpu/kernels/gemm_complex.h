/* Complex products as real ones: a row of L is (re, im) pairs along k, as it lies in memory; two
 * rows of R stand for one, (re | im) and (-im | re); so the sums are (re | im), half a panel each.
 * The tiles are the real type's own.
 *
 * Included once a real type after gemm_micro.h, with GEMM_S the C type (fields re, im).
 */

/* Panels' widths are in real columns; n and the strides in complex ones. */
static void N_(pack_complex_r)(const gemm_pack_args *a) {
    const int64_t cols = a->width / 2, panels = (a->n + cols - 1) / cols;
    for (int64_t i = 0; i < panels; i++) {
        const int64_t width = i + 1 < panels ? a->width : a->last, half = width / 2;
        const int64_t n = a->n - i * cols < half ? a->n - i * cols : half;
        GEMM_T *d = (GEMM_T *)a->dst + i * a->k * 2 * a->width;
        for (int64_t p = 0; p < a->k; p++, d += 2 * width) {
            const GEMM_S *s = (const GEMM_S *)a->src + p * a->s_k + i * cols * a->s_n;
            int64_t j = 0;
            for (; a->s_n == 1 && j + PLANES <= n; j += PLANES) {
                PVEC z[2];
                memcpy(z, s + j, sizeof z);
                const PVEC re = GEMM_CAT(gemm_even, GEMM_X)(z[0], z[1]);
                const PVEC im = GEMM_CAT(gemm_odd, GEMM_X)(z[0], z[1]);
                *(N_(vec_p) *)(d + j) = re;
                *(N_(vec_p) *)(d + half + j) = im;
                *(N_(vec_p) *)(d + width + j) = -im;
                *(N_(vec_p) *)(d + width + half + j) = re;
            }
            for (; j < half; j++) {
                const GEMM_S z = s[(j < n ? j : n - 1) * a->s_n];
                d[j] = d[width + half + j] = z.re;
                d[half + j] = z.im;
                d[width + j] = -z.im;
            }
        }
    }
}

static void N_(pack_complex_l)(const gemm_pack_args *a) {
    const int64_t panels = (a->n + a->width - 1) / a->width;
    for (int64_t i = 0; i < panels; i++) {
        const int64_t n = i + 1 < panels ? a->width : a->last;
        GEMM_T *d = (GEMM_T *)a->dst + i * a->k * 2 * a->width;
        for (int64_t p = 0; p < a->k; p++, d += 2 * n) {
            const GEMM_S *s = (const GEMM_S *)a->src + p * a->s_k + i * a->width * a->s_n;
            for (int64_t j = 0; j < n; j++) {
                d[j] = s[j * a->s_n].re;
                d[n + j] = s[j * a->s_n].im;
            }
        }
    }
}

/* Sums to (re, im) pairs, nothing else. */
static void N_(interleave)(int64_t rows, int64_t cols, const GEMM_T *sums, int64_t s_row, GEMM_S *c,
                           int64_t c_row) {
    for (int64_t i = 0; i < rows; i++, sums += s_row, c += c_row)
        for (int64_t first = 0; first < cols; first += LANES) {
            const int64_t left = cols - first, half = left <= LANES / 2 ? LANES / 2 : LANES;
            const GEMM_T *re = sums + 2 * first, *im = re + half;
            int64_t j = 0;
            for (; j + PLANES <= half && j + PLANES <= left; j += PLANES) {
                const PVEC x = *(const N_(vec_p) *)(re + j), y = *(const N_(vec_p) *)(im + j);
                const PVEC z[2] = {GEMM_CAT(gemm_zip_low, GEMM_X)(x, y),
                                   GEMM_CAT(gemm_zip_high, GEMM_X)(x, y)};
                memcpy(c + first + j, z, sizeof z);
            }
            for (; j < half && j < left; j++)
                c[first + j] = (GEMM_S){re[j], im[j]};
        }
}

/* cols are complex; sums lie in panels of two vectors, the last of one where that is enough. */
static void N_(store_complex)(const gemm_finish *f, int64_t rows, int64_t cols, const void *sums,
                              int64_t s_row, void *dst, int64_t c_row, int64_t c_col,
                              const void *bias) {
    if (!f->scale && f->mode == GEMM_SET && !bias && c_col == 1) {
        N_(interleave)(rows, cols, sums, s_row, dst, c_row);
        return;
    }
    const GEMM_S al = *(const GEMM_S *)f->alpha, be = *(const GEMM_S *)f->beta;
    for (int64_t i = 0; i < rows; i++) {
        const GEMM_T *s = (const GEMM_T *)sums + i * s_row;
        for (int64_t j = 0; j < cols; j++) {
            const int64_t first = j / LANES * LANES;
            const int64_t half = cols - first <= LANES / 2 ? LANES / 2 : LANES;
            GEMM_S *c = (GEMM_S *)dst + i * c_row + j * c_col;
            GEMM_S v = {s[2 * first + j - first], s[2 * first + half + j - first]};
            if (f->scale)
                v = (GEMM_S){al.re * v.re - al.im * v.im, al.re * v.im + al.im * v.re};
            if (f->mode == GEMM_ADD)
                v = (GEMM_S){c->re + v.re, c->im + v.im};
            else if (f->mode == GEMM_BETA)
                v = (GEMM_S){be.re * c->re - be.im * c->im + v.re,
                             be.re * c->im + be.im * c->re + v.im};
            if (bias) {
                const GEMM_S z = *((const GEMM_S *)bias + i * f->bias_row + j * f->bias_col);
                v = (GEMM_S){v.re + z.re, v.im + z.im};
            }
            *c = v;
        }
    }
}

#undef GEMM_S
