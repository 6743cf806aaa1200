/* Packing: a strided operand copied into the panels that the tiles read, for one element type S of
 * memory and the type T the tiles compute in; and the way back, sums of tiles finished (alpha,
 * beta, bias, activation), rounded once and stored into strided memory.
 *
 * Included once a pair after gemm_micro.h for T, with GEMM_S (C type in memory), GEMM_SX (its
 * name), GEMM_LOAD(pointer) -> packing vector, GEMM_LOAD1(S) -> T, GEMM_SAVE(pointer, vector) and
 * GEMM_SAVE1(T) -> S.
 */

#define S_(name) GEMM_CAT(name, GEMM_SX)

/* Rows of src are contiguous: whole rows at a time, so that memory is read in its own order.
 * `whole` panels are full, `rest` columns stand in the last. */
GEMM_INLINE void S_(pack_rows)(const gemm_pack_args *a, const int64_t width, int64_t whole,
                               int64_t rest) {
    const int64_t k = a->k, excess = (width + PLANES - 1) / PLANES * PLANES - width;
    /* Vectors that reach past a panel must not reach past the row; what they write there too much
     * is mended by the panel's next row. */
    const int64_t exact = excess > rest ? (excess - rest + width - 1) / width : 0;
    for (int64_t p = 0; p < k; p++) {
        const GEMM_S *s = (const GEMM_S *)a->src + p * a->s_k;
        GEMM_T *d = (GEMM_T *)a->dst + p * width;
        const int64_t vectors = excess == 0 ? whole : p + 1 < k ? whole - exact : 0;
        int64_t i = 0;
        for (; i < vectors; i++, s += width, d += k * width)
            for (int64_t j = 0; j < width; j += PLANES)
                *(N_(vec_p) *)(d + j) = GEMM_LOAD(s + j);
        for (; i < whole; i++, s += width, d += k * width)
            for (int64_t j = 0; j < width; j++)
                d[j] = GEMM_LOAD1(s[j]);
        d = (GEMM_T *)a->dst + whole * k * width + p * a->last;
        for (int64_t j = 0; j < rest; j++)
            d[j] = GEMM_LOAD1(s[j]);
    }
}

/* Columns of src are contiguous along k: blocks are transposed in registers. */
GEMM_INLINE int64_t S_(pack_columns)(const gemm_pack_args *a, const GEMM_S *s, GEMM_T *d, int64_t n,
                                     int64_t width) {
    int64_t p = 0;
    for (; p + PLANES <= a->k; p += PLANES)
        /* A narrow last group writes into the next row's first: from the last to the first. */
        for (int64_t base = (width - 1) / PLANES * PLANES; base >= 0; base -= PLANES) {
            PVEC t[PLANES];
            if (base + PLANES <= n)
#pragma GCC unroll 8
                for (int j = 0; j < PLANES; j++)
                    t[j] = GEMM_LOAD(s + (base + j) * a->s_n + p);
            else
                for (int j = 0; j < PLANES; j++)
                    t[j] = GEMM_LOAD(s + (base + j < n ? base + j : n - 1) * a->s_n + p);
            GEMM_CAT(gemm_transpose, GEMM_X)(t);
#pragma GCC unroll 8
            for (int j = 0; j < PLANES; j++)
                *(N_(vec_p) *)(d + (p + j) * width + base) = t[j];
        }
    return p;
}

/* Copies columns into panels: within one, element (p, j) is at p * width + j. What stands beyond
 * column n is any number. May write PLANES - 1 elements past the end. */
static void S_(pack)(const gemm_pack_args *a) {
    const int64_t panels = (a->n + a->width - 1) / a->width;
    const int64_t rest = a->n - (panels - 1) * a->width;
    if (a->s_n == 1 && a->width >= 4) {
        const bool full = rest == a->width;
        const int64_t whole = panels - !full, left = full ? 0 : rest;
        for (int64_t p = 0; p < a->k && !full; p++)
            for (int64_t j = rest; j < a->last; j++)
                ((GEMM_T *)a->dst)[whole * a->k * a->width + p * a->last + j] = 0;
        if (a->width == 2 * LANES)
            S_(pack_rows)(a, 2 * LANES, whole, left);
        else
            S_(pack_rows)(a, a->width, whole, left);
        return;
    }
    for (int64_t i = 0; i < panels; i++) {
        const int64_t n = i + 1 < panels ? a->width : rest;
        const int64_t width = i + 1 < panels ? a->width : a->last;
        const GEMM_S *s = (const GEMM_S *)a->src + i * a->width * a->s_n;
        GEMM_T *d = (GEMM_T *)a->dst + i * a->k * a->width;
        int64_t p = a->s_k == 1 ? S_(pack_columns)(a, s, d, n, width) : 0;
        for (; p < a->k; p++)
            for (int64_t j = 0; j < width; j++)
                d[p * width + j] = GEMM_LOAD1(s[p * a->s_k + (j < n ? j : n - 1) * a->s_n]);
    }
}

/* One vector of sums at s to memory at c, where both run along memory; b_step is 0 or 1. */
GEMM_INLINE void S_(finish)(const gemm_finish *f, PVEC v, GEMM_S *c, const GEMM_T *bias,
                            int64_t b_step) {
    if (f->scale)
        v *= N_(psplat)(*(const GEMM_T *)f->alpha);
    if (f->mode == GEMM_ADD)
        v = GEMM_LOAD(c) + v;
    else if (f->mode == GEMM_BETA)
        v = N_(psplat)(*(const GEMM_T *)f->beta) * GEMM_LOAD(c) + v;
    if (bias)
        v += b_step ? (PVEC) * (const N_(vec_p) *)bias : N_(psplat)(*bias);
    if (f->activation)
        v = N_(activate)(v, f->activation);
    GEMM_SAVE(c, v);
}

/* The same for one element: bit for bit what the vector's lane would be. */
GEMM_INLINE void S_(finish1)(const gemm_finish *f, GEMM_T s, GEMM_S *c, const GEMM_T *bias) {
    PVEC v = {s};
    if (f->scale)
        v *= N_(psplat)(*(const GEMM_T *)f->alpha);
    if (f->mode == GEMM_ADD)
        v = N_(psplat)(GEMM_LOAD1(*c)) + v;
    else if (f->mode == GEMM_BETA)
        v = N_(psplat)(*(const GEMM_T *)f->beta) * N_(psplat)(GEMM_LOAD1(*c)) + v;
    if (bias)
        v += N_(psplat)(*bias);
    if (f->activation)
        v = N_(activate)(v, f->activation);
    *c = GEMM_SAVE1(v[0]);
}

/* Finishes rows x cols sums at `sums`, whose columns are contiguous, into c. bias is that of the
 * first row and column, or NULL. */
static void S_(store)(const gemm_finish *f, int64_t rows, int64_t cols, const void *sums,
                      int64_t s_row, void *dst, int64_t c_row, int64_t c_col, const void *bias) {
    const GEMM_T *s = sums, *b = bias;
    GEMM_S *c = dst;
    const int64_t b_row = f->bias_row, b_col = f->bias_col;
    int64_t i = 0;
    if (c_row == 1 && c_col != 1 && (b_row == 0 || b_row == 1)) {
        const int64_t whole = rows / PLANES * PLANES;
        for (int64_t j = 0; j < cols; j += PLANES)
            for (i = 0; i < whole; i += PLANES) {
                const int64_t count = cols - j < PLANES ? cols - j : PLANES;
                PVEC t[PLANES];
                if (count == PLANES)
#pragma GCC unroll 8
                    for (int q = 0; q < PLANES; q++)
                        t[q] = *(const N_(vec_p) *)(s + (i + q) * s_row + j);
                else
                    for (int q = 0; q < PLANES; q++)
                        for (int64_t x = 0; x < PLANES; x++)
                            t[q][x] = s[(i + q) * s_row + j + (x < count ? x : 0)];
                GEMM_CAT(gemm_transpose, GEMM_X)(t);
                for (int64_t x = 0; x < count; x++)
                    S_(finish)(f, t[x], c + i + (j + x) * c_col,
                               b ? b + i * b_row + (j + x) * b_col : b, b_row);
            }
        i = whole;
    }
    for (; i < rows; i++) {
        int64_t j = 0;
        if (c_col == 1 && (b_col == 0 || b_col == 1))
            for (; j + PLANES <= cols; j += PLANES)
                S_(finish)(f, *(const N_(vec_p) *)(s + i * s_row + j), c + i * c_row + j,
                           b ? b + i * b_row + j * b_col : b, b_col);
        for (; j < cols; j++)
            S_(finish1)(f, s[i * s_row + j], c + i * c_row + j * c_col,
                        b ? b + i * b_row + j * b_col : b);
    }
}

#undef S_
#undef GEMM_S
#undef GEMM_SX
#undef GEMM_LOAD
#undef GEMM_LOAD1
#undef GEMM_SAVE
#undef GEMM_SAVE1
