/* Products of few rows, or of small matrices: R is read where it lies. Which path is best gemm.c
 * estimates. */
#include "gemm_product.h"

enum { STREAM = 1024 }; /* columns of a streamed task */

/* --- skinny ---------------------------------------------------------------------------------- */

/* Adds up a group of columns, from column j on, over k from `from` on, where a block begins: blocks
 * are taken two at a time. */
static void skinny_group(const product *g, int64_t j, int64_t from, char *sums) {
    const gemm_type *t = g->t;
    const int64_t size = t->size, two = 2 * g->block;
    const char *r = g->r + j * g->r_col * size;
    for (int64_t p = from; p < g->k; p += two) {
        const int64_t k = min64(g->block, g->k - p), rest = min64(g->block, g->k - p - k);
        const char *l = g->l + p * size, *own = r + p * size;
        gemm_skinny_args s = {
            .k = {k, rest},
            .l = {l, l + k * size},
            .r = {own, own + k * size},
            .c = {sums, rest ? sums : NULL},
            .add = {p > 0, true},
            .l_row = g->l_row,
            .r_col = g->r_col,
            .c_row = 2 * t->group,
            .next = p + two < g->k ? two : t->group * g->r_col - p,
        };
        t->skinny[g->m](&s);
    }
}

/* Two groups whose k is one block, side by side. */
static void skinny_pair(const product *g, int64_t j, char *sums) {
    const gemm_type *t = g->t;
    const char *r = g->r + j * g->r_col * t->size;
    gemm_skinny_args s = {
        .k = {g->k, g->k},
        .l = {g->l, g->l},
        .r = {r, r + t->group * g->r_col * t->size},
        .c = {sums, sums + t->group * t->size},
        .l_row = g->l_row,
        .r_col = g->r_col,
        .c_row = 2 * t->group,
        .next = 2 * t->group * g->r_col,
    };
    t->skinny[g->m](&s);
}

/* How much of k gemm_crowded.h takes: whole blocks, four at a time. */
static int64_t crowded_part(const product *g) {
    return g->crowded ? g->k / (4 * g->block) * 4 * g->block : 0;
}

static void one_group(const product *g, int64_t j, char *sums) {
    const int64_t size = g->t->size, part = crowded_part(g);
    for (int64_t p = 0; p < part; p += 4 * g->block)
        for (int64_t i = 0; i < g->t->group; i += 4)
            g->t->crowded(g->block, g->l + p * size, g->r + ((j + i) * g->r_col + p) * size,
                          g->r_col, sums + i * size, p > 0);
    skinny_group(g, j, part, sums);
}

/* The sums of up to two groups of columns, from column j on, into sums (m, 2 groups). */
static void skinny_strip(const product *g, int64_t j, int groups, char *sums) {
    const int64_t group = g->t->group;
    if (groups == 2 && g->k <= g->block) {
        skinny_pair(g, j, sums);
        return;
    }
    for (int i = 0; i < groups; i++)
        one_group(g, j + i * group, sums + i * group * g->t->size);
}

static int skinny_range(void *ctx, int64_t begin, int64_t end) {
    const product *g = ctx;
    const gemm_type *t = g->t;
    const int64_t strip = 2 * t->group;
    _Alignas(64) char sums[4 * 2 * GEMM_MAX_GROUP_BYTES];
    for (int64_t s = begin; s < end; s++) {
        const int64_t j = s * strip, n = min64(strip, g->n - j);
        const int groups = (int)(n / t->group);
        if (groups) {
            skinny_strip(g, j, groups, sums);
            finish(g, 0, g->m, j, groups * t->group, sums, strip);
        }
        const int64_t rest = n - groups * t->group;
        if (rest) { /* the last columns once more; those before are right already */
            skinny_strip(g, g->n - t->group, 1, sums);
            finish(g, 0, g->m, g->n - rest, rest, sums + (t->group - rest) * t->size, strip);
        }
    }
    return 0;
}

int FAC__K(fac__gemm_skinny)(product *g) {
    const gemm_type *t = g->t;
    const int64_t strip = 2 * t->group, strips = (g->n + strip - 1) / strip;
    scratch l = {0};
    /* L is copied where it is not contiguous along k, and where R's columns all fall on the same
     * place in the first-level cache: half a page away from them it stays there. */
    const bool crowded = g->r_col * t->size % 2048 == 0;
    if (g->l_k != 1 || crowded) {
        if (!scratch_get(&l, g->m * g->k + 4096 / t->size, t->size))
            return -1;
        char *copy = l.p;
        if (crowded)
            copy += ((uintptr_t)g->r + 2048 - (uintptr_t)copy) & 4095;
        g->crowded = crowded && t->crowded && g->m == 1;
        const int64_t part = crowded_part(g);
        for (int64_t p = 0; p < part; p += 4 * g->block) /* four blocks, interleaved */
            widen(g->d, g->block, 4, g->l + p * g->l_k * t->size, g->l_k, g->block * g->l_k,
                  copy + p * t->size);
        if (part < g->k)
            widen(g->d, g->m, g->k - part, g->l + part * g->l_k * t->size, g->l_row, g->l_k,
                  copy + part * t->size);
        g->l = copy;
        g->l_row = g->k;
    }
    const int64_t work = g->m * g->k * strip;
    const int status = fac__parallel_for(strips, 1 + GEMM_WORK / work, skinny_range, g);
    scratch_drop(&l);
    return status;
}

/* --- stream ---------------------------------------------------------------------------------- */

static int stream_range(void *ctx, int64_t begin, int64_t end) {
    const product *g = ctx;
    const gemm_type *t = g->t;
    const int64_t col_tasks = (g->n + STREAM - 1) / STREAM;
    const bool in_c = g->direct_c && g->finish.mode == GEMM_SET;
    const gemm_finish add = {.mode = GEMM_ADD};
    _Alignas(64) char block[2 * STREAM * GEMM_MAX_SIZE], total[2 * STREAM * GEMM_MAX_SIZE];
    for (int64_t u = begin; u < end; u++) {
        const int64_t i = u / col_tasks * 2, rows = min64(2, g->m - i);
        const int64_t j = u % col_tasks * STREAM, n = min64(STREAM, g->n - j);
        char *const sums = in_c ? c_at(g, i, j) : total;
        const int64_t s_row = in_c ? g->c_row : STREAM;
        for (int64_t p = 0; p < g->k; p += g->block) {
            const char *l = g->l + (i * g->l_row + p * g->l_k) * t->size;
            const char *r = g->r + (p * g->r_k + j) * t->size;
            t->stream[rows](min64(g->block, g->k - p), n, l, g->l_row, g->l_k, r, g->r_k,
                            p ? block : sums, p ? STREAM : s_row);
            if (p)
                g->d->store(&add, rows, n, block, STREAM, sums, s_row, 1, NULL);
        }
        if (in_c)
            finish_in_place(g, i, rows, j, n);
        else
            finish(g, i, rows, j, n, total, STREAM);
    }
    return 0;
}

int FAC__K(fac__gemm_stream)(product *g) {
    const int64_t tasks = (g->m + 1) / 2 * ((g->n + STREAM - 1) / STREAM);
    const int64_t work = 2 * g->k * min64(g->n, STREAM);
    return fac__parallel_for(tasks, 1 + GEMM_WORK / work, stream_range, g);
}

/* --- dot ------------------------------------------------------------------------------------- */

static int dot_range(void *ctx, int64_t begin, int64_t end) {
    const product *g = ctx;
    const int64_t first = begin * g->t->group,
                  blocks = min64(end * g->t->group, g->k / g->block) - first;
    const int64_t at = first * g->block * g->t->size;
    g->t->dots(blocks, g->block, g->l + at, g->r + at, g->c + first * g->t->size);
    return 0;
}

int FAC__K(fac__gemm_dot)(product *g) {
    const gemm_type *t = g->t;
    const int64_t blocks = g->k / g->block, rest = g->k % g->block;
    const gemm_finish add = {.mode = GEMM_ADD};
    scratch sums;
    if (!scratch_get(&sums, blocks + 1, t->size))
        return -1;
    product own = *g;
    own.c = sums.p;
    const int64_t groups = (blocks + t->group - 1) / t->group;
    int status = fac__parallel_for(groups, 1 + GEMM_WORK / (4 * g->block), dot_range, &own);
    if (rest) {
        const int64_t at = blocks * g->block * t->size;
        t->stream[1](rest, 1, g->l + at, 1, 1, g->r + at, 1, sums.p + blocks * t->size, 1);
    }
    for (int64_t b = 1; b < blocks + (rest > 0); b++)
        g->d->store(&add, 1, 1, sums.p + b * t->size, 1, sums.p, 1, 1, NULL);
    finish(g, 0, 1, 0, 1, sums.p, 1);
    scratch_drop(&sums);
    return status;
}

/* --- direct ---------------------------------------------------------------------------------- */

/* One strip of up to four vectors of R by all rows: in place, or copied into `panel` where its
 * columns do not run along memory or fill no whole vectors. */
static int direct_strip(const product *g, int64_t j, int64_t cols, char *panel, char *sums) {
    const gemm_type *t = g->t;
    const int vecs = (int)((cols + t->lanes - 1) / t->lanes);
    const int64_t width = (int64_t)vecs * t->lanes;
    const bool whole = width == cols, in_c = g->direct_c && whole;
    const int64_t most = tile_rows(t, g->m);
    for (int64_t p = 0; p < g->k; p += g->block) {
        const int64_t k = min64(g->block, g->k - p);
        const char *r = g->r + (p * g->r_k + j * g->r_col) * t->size;
        int64_t r_k = g->r_k;
        if (!whole || g->r_col != 1) {
            const gemm_pack_args a = {.k = k,
                                      .n = cols,
                                      .width = width,
                                      .last = width,
                                      .src = r,
                                      .s_k = g->r_k,
                                      .s_n = g->r_col,
                                      .dst = panel};
            g->d->pack_r(&a);
            r = panel;
            r_k = width;
        }
        for (int64_t row = 0; row < g->m; row += most) {
            const int64_t rows = min64(most, g->m - row);
            char *c = in_c ? c_at(g, row, j) : sums + row * width * t->size;
            t->tile[rows][vecs](k, g->l + (row * g->l_row + p * g->l_k) * t->size, g->l_row, g->l_k,
                                r, r_k, c, in_c ? g->c_row : width,
                                p > 0 || (in_c && g->finish.mode == GEMM_ADD), r);
        }
    }
    if (in_c)
        finish_in_place(g, 0, g->m, j, cols);
    else
        finish(g, 0, g->m, j, cols, sums, width);
    return 0;
}

static int direct_range(void *ctx, int64_t begin, int64_t end) {
    const product *g = ctx;
    const gemm_type *t = g->t;
    /* Sums stand aside where C cannot take them. */
    const int64_t strip = (g->m <= 2 ? 4 : 2) * t->lanes;
    const int64_t panel_size = min64(g->block, g->k) * strip * t->size + 64;
    const int64_t sums_size = g->m * strip * t->size;
    _Alignas(64) char small[GEMM_SMALL_STACK];
    scratch big = {0};
    char *buffer = small;
    if (panel_size + sums_size > GEMM_SMALL_STACK) {
        if (!scratch_get(&big, panel_size + sums_size, 1))
            return -1;
        buffer = big.p;
    }
    for (int64_t j = begin * strip; j < min64(end * strip, g->n);) {
        /* Three vectors have no tile; nor does packing pay for whole vectors. */
        int64_t cols = min64(strip, g->n - j);
        if (cols > t->lanes && cols < strip)
            cols = cols >= 2 * t->lanes ? 2 * t->lanes : t->lanes;
        direct_strip(g, j, cols, buffer, buffer + panel_size);
        j += cols;
    }
    scratch_drop(&big);
    return 0;
}

int FAC__K(fac__gemm_direct)(product *g) {
    const int64_t strip = (g->m <= 2 ? 4 : 2) * g->t->lanes;
    const int64_t strips = (g->n + strip - 1) / strip;
    if (g->m * g->n * g->k <= GEMM_WORK && !fac__grain_override)
        return direct_range(g, 0, strips);
    return fac__parallel_for(strips, 1 + GEMM_WORK / (g->m * g->k * strip), direct_range, g);
}
