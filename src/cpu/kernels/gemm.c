/* The driver of matrix products: which operand is broadcast and which read in vectors, what is
 * packed, and how the work is cut.
 *
 * The paths, chosen by estimated cost, all with the same bits (Note [One chain]):
 *   dot     one row by one column: blocks of k are lanes;
 *   stream  one or two rows of L, or a k of a few, by an R whose rows are contiguous: whole rows
 * are added up, memory is read and written in its own order; skinny  up to four rows of L by an R
 * whose columns are contiguous along k (a Linear layer at batch 1..4): R is transposed in registers
 * as it streams by; direct  R's rows are contiguous and read in place: few rows, or small matrices;
 *   packed  R is copied into panels once, L per block of rows or read in place; tiles sweep both.
 * C = A B is also C^T = B^T A^T, so either operand can be L: a Linear layer at batch 5..64 packs
 * the small input and broadcasts the weight from where it lies.
 */
#include "gemm_product.h"

#include <string.h>

enum {
    ROW_PANELS = 12,        /* row panels of a block of L: 72 rows under AVX2, 110 KB */
    R_BUDGET = 1 << 20,     /* real elements of R packed at a time */
    CHUNK = 1024,           /* real columns of a task */
    STREAM = 1024,          /* columns of a streamed task */
    STREAM_K = 4,           /* most k for which many rows are streamed */
    PACK_PANELS = 8,        /* of R packed at a time */
    WORK = 1 << 17,         /* multiply-adds worth a thread's while */
    SMALL_STACK = 16 << 10, /* bytes of panels kept on the stack */
};

typedef struct {
    char *p;
    size_t size;
} scratch;

static bool scratch_get(scratch *s, int64_t elements, int size) {
    s->size = (size_t)elements * (size_t)size + 64;
    s->p = fac__alloc(s->size);
    return s->p != NULL;
}

static void scratch_drop(scratch *s) {
    if (s->p)
        fac__free(s->p, s->size);
}

/* Rows of a tile such that the fewest tiles cover `rows` evenly, for narrow ones are slow. */
static int64_t tile_rows(const gemm_type *t, int64_t rows) {
    const int64_t tiles = (rows + t->rows - 1) / t->rows;
    return (rows + tiles - 1) / tiles;
}

/* A strided matrix copied row by row into the type of sums, dst (rows, cols). */
static void widen(const gemm_dtype *d, int64_t rows, int64_t cols, const void *src, int64_t row,
                  int64_t col, void *dst) {
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

/* Bias and activation over what tiles wrote into C itself. */
static void finish_in_place(const product *g, int64_t i, int64_t rows, int64_t j, int64_t cols) {
    if (!g->bias && !g->finish.activation)
        return;
    gemm_finish f = g->finish;
    f.mode = GEMM_SET;
    f.scale = false;
    char *c = c_at(g, i, j);
    g->d->store(&f, rows, cols, c, g->c_row, c, g->c_row, g->c_col, bias_at(g, i, j));
}

/* --- skinny ---------------------------------------------------------------------------------- */

/* The sums of a group of columns, from column j on: blocks of k are taken two at a time. */
static void skinny_group(const product *g, int64_t j, char *sums) {
    const gemm_type *t = g->t;
    const int64_t size = t->size, two = 2 * g->block;
    const char *r = g->r + j * g->r_col * size;
    for (int64_t p = 0; p < g->k; p += two) {
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

/* A group of columns by four blocks of k at a time. */
static void crowded_group(const product *g, int64_t j, char *sums) {
    const int64_t size = g->t->size;
    for (int64_t p = 0; p < g->k; p += 4 * g->block)
        for (int64_t i = 0; i < g->t->group; i += 4)
            g->t->crowded(g->block, g->l + p * size, g->r + ((j + i) * g->r_col + p) * size,
                          g->r_col, sums + i * size, p > 0);
}

/* The sums of up to two groups of columns, from column j on, into sums (m, 2 groups). */
static void skinny_strip(const product *g, int64_t j, int groups, char *sums) {
    const int64_t group = g->t->group;
    if (groups == 2 && g->k <= g->block) {
        skinny_pair(g, j, sums);
        return;
    }
    for (int i = 0; i < groups; i++)
        (g->crowded ? crowded_group : skinny_group)(g, j + i * group,
                                                    sums + i * group * g->t->size);
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

static int run_skinny(product *g) {
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
        g->crowded =
            crowded && t->crowded && g->m == 1 && g->k % (4 * g->block) == 0 && g->block % 64 == 0;
        if (g->crowded) /* four blocks, interleaved */
            for (int64_t p = 0; p < g->k; p += 4 * g->block)
                widen(g->d, g->block, 4, g->l + p * g->l_k * t->size, g->l_k, g->block * g->l_k,
                      copy + p * t->size);
        else
            widen(g->d, g->m, g->k, g->l, g->l_row, g->l_k, copy);
        g->l = copy;
        g->l_row = g->k;
    }
    const int64_t work = g->m * g->k * strip;
    const int status = fac__parallel_for(strips, 1 + WORK / work, skinny_range, g);
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

static int run_stream(product *g) {
    const int64_t tasks = (g->m + 1) / 2 * ((g->n + STREAM - 1) / STREAM);
    const int64_t work = 2 * g->k * min64(g->n, STREAM);
    return fac__parallel_for(tasks, 1 + WORK / work, stream_range, g);
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

static int run_dot(product *g) {
    const gemm_type *t = g->t;
    const int64_t blocks = g->k / g->block, rest = g->k % g->block;
    const gemm_finish add = {.mode = GEMM_ADD};
    scratch sums;
    if (!scratch_get(&sums, blocks + 1, t->size))
        return -1;
    product own = *g;
    own.c = sums.p;
    const int64_t groups = (blocks + t->group - 1) / t->group;
    int status = fac__parallel_for(groups, 1 + WORK / (4 * g->block), dot_range, &own);
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
    _Alignas(64) char small[SMALL_STACK];
    scratch big = {0};
    char *buffer = small;
    if (panel_size + sums_size > SMALL_STACK) {
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

static int run_direct(product *g) {
    const int64_t strip = (g->m <= 2 ? 4 : 2) * g->t->lanes;
    const int64_t strips = (g->n + strip - 1) / strip;
    if (g->m * g->n * g->k <= WORK && !fac__grain_override)
        return direct_range(g, 0, strips);
    return fac__parallel_for(strips, 1 + WORK / (g->m * g->k * strip), direct_range, g);
}

/* --- packed ---------------------------------------------------------------------------------- */

/* Columns [j0, j0 + n) and blocks of k [p0, p0 + k) of a product, R packed. */
typedef struct {
    const product *g;
    int64_t j0, n, p0, k;
    int64_t width;  /* real columns of R packed, whole panels but for a narrow last */
    int64_t panels; /* of R */
    int64_t blocks; /* of k */
    char *r;
    int64_t rows, chunk; /* of a task: rows of L; panels of R */
    int64_t row_tasks, col_tasks, pack_tasks;
    bool pack_l;
    bool first, last; /* of the phases over k */
    char *sums;       /* of all rows, where phases must hand sums on; else NULL */
} phase;

static int64_t panel_width(const phase *f, int64_t panel) {
    const int64_t whole = 2 * f->g->t->lanes;
    return panel == f->panels - 1 ? f->width - panel * whole : whole;
}

static int pack_r_range(void *ctx, int64_t begin, int64_t end) {
    const phase *f = ctx;
    const product *g = f->g;
    const gemm_dtype *d = g->d;
    const int64_t whole = 2 * g->t->lanes, cols = whole / d->parts;
    for (int64_t u = begin; u < end; u++) {
        const int64_t p = u / f->pack_tasks * g->block, k = min64(g->block, f->k - p);
        const int64_t panel = u % f->pack_tasks * PACK_PANELS;
        const int64_t panels = min64(PACK_PANELS, f->panels - panel), j = panel * cols;
        const gemm_pack_args a = {
            .k = k,
            .n = min64(panels * cols, f->n - j),
            .width = whole,
            .last = panel_width(f, panel + panels - 1),
            .src = g->r + ((f->p0 + p) * g->r_k + (f->j0 + j) * g->r_col) * d->item,
            .s_k = g->r_k,
            .s_n = g->r_col,
            .dst = f->r + (p * f->width + panel * k * whole) * d->parts * g->t->size,
        };
        d->pack_r(&a);
    }
    return 0;
}

/* One tile, or a narrow one by way of a buffer. */
static void one_tile(const product *g, int64_t k, int64_t rows, const char *l, int64_t l_row,
                     int64_t l_k, const char *r, int64_t width, int64_t row, int64_t col, bool add,
                     const char *ahead) {
    const gemm_type *t = g->t;
    gemm_tile_fn *const tile = t->tile[rows][width / t->lanes];
    const int64_t cols = min64(width, g->n - col);
    if (cols == width) {
        tile(k, l, l_row, l_k, r, width, c_at(g, row, col), g->c_row, add, ahead);
        return;
    }
    _Alignas(64) char edge[GEMM_MAX_ROWS * 2 * 64];
    const gemm_finish plain = {.mode = add ? GEMM_ADD : GEMM_SET};
    tile(k, l, l_row, l_k, r, width, edge, width, false, ahead);
    g->d->store(&plain, rows, cols, edge, width, c_at(g, row, col), g->c_row, 1, NULL);
}

/* All tiles of one block of rows, one block of k and a task's panels of R. */
static void sweep(const phase *f, int64_t row, int64_t rows, int64_t p, int64_t panel0,
                  int64_t panel1, char *l_packed, char *sums, int64_t s_row) {
    const product *g = f->g;
    const gemm_type *t = g->t;
    const int64_t parts = g->d->parts, whole = 2 * t->lanes, most = tile_rows(t, rows);
    const int64_t k = min64(g->block, f->k - p);
    const bool add = p > 0 || !f->first || (g->direct_c && g->finish.mode == GEMM_ADD);
    const char *l_from = g->l + (row * g->l_row + (f->p0 + p) * g->l_k) * g->d->item;
    if (f->pack_l) {
        const gemm_pack_args a = {
            .k = k,
            .n = rows,
            .width = most,
            .last = (rows - 1) % most + 1,
            .src = l_from,
            .s_k = g->l_k,
            .s_n = g->l_row,
            .dst = l_packed,
        };
        g->d->pack_l(&a);
    }
    for (int64_t j = panel0; j < panel1; j++) {
        const int64_t width = panel_width(f, j);
        const char *r = f->r + (p * f->width + j * k * whole) * parts * t->size;
        /* The next panel comes closer while this one is in use. */
        const char *ahead = r + k * width * parts * t->size;
        for (int64_t i = 0; i < rows; i += most) {
            const int64_t count = min64(most, rows - i);
            const char *l =
                f->pack_l ? l_packed + i * k * parts * t->size : l_from + i * g->l_row * g->d->item;
            const int64_t l_row = f->pack_l ? 1 : g->l_row * parts;
            const int64_t l_k = f->pack_l ? count : g->l_k;
            if (g->direct_c)
                one_tile(g, k, count, l, l_row, l_k, r, width, row + i, f->j0 + j * whole, add,
                         ahead);
            else
                t->tile[count][width / t->lanes](
                    k * parts, l, l_row, l_k, r, width,
                    sums + (i * s_row + (j - panel0) * whole) * t->size, s_row, add, ahead);
            ahead += k * parts * GEMM_AHEAD;
        }
    }
}

static int tile_range(void *ctx, int64_t begin, int64_t end) {
    const phase *f = ctx;
    const product *g = f->g;
    const gemm_type *t = g->t;
    const int64_t parts = g->d->parts, whole = 2 * t->lanes;
    /* An odd number of vectors from row to row: their columns meet in no one set of a cache. */
    const int64_t own_row = f->chunk * whole + t->lanes;
    scratch l = {0}, own = {0};
    int status = -1;
    if (f->pack_l && !scratch_get(&l, f->rows * min64(g->block, f->k) * parts + 8, t->size))
        goto out;
    if (!g->direct_c && !f->sums && !scratch_get(&own, f->rows * own_row, t->size))
        goto out;
    for (int64_t u = begin; u < end; u++) {
        const int64_t row = u / f->col_tasks * f->rows, rows = min64(f->rows, g->m - row);
        const int64_t panel0 = u % f->col_tasks * f->chunk;
        const int64_t panel1 = min64(f->panels, panel0 + f->chunk);
        const int64_t s_row = f->sums ? f->width : own_row;
        char *sums = f->sums ? f->sums + (row * f->width + panel0 * whole) * t->size : own.p;
        for (int64_t p = 0; p < f->k; p += g->block)
            sweep(f, row, rows, p, panel0, panel1, l.p, sums, s_row);
        if (!f->last)
            continue;
        const int64_t col = panel0 * whole / parts;
        const int64_t cols = min64(panel1 * whole / parts, f->n) - col;
        if (g->direct_c)
            finish_in_place(g, row, rows, f->j0 + col, cols);
        else
            finish(g, row, rows, f->j0 + col, cols, sums, s_row);
    }
    status = 0;
out:
    scratch_drop(&l);
    scratch_drop(&own);
    return status;
}

/* How tasks are cut: by sizes alone. */
static void cut(phase *f) {
    const product *g = f->g;
    const int64_t rows = ROW_PANELS * (int64_t)g->t->rows;
    const int64_t blocks = (g->m + rows - 1) / rows;
    f->rows = (g->m + blocks - 1) / blocks;
    f->row_tasks = (g->m + f->rows - 1) / f->rows;
    f->chunk = CHUNK / (2 * g->t->lanes);
    /* Few rows: more tasks by narrower ones, but not below a few panels. */
    while (f->chunk > 4 && f->row_tasks * ((f->panels + f->chunk - 1) / f->chunk) < 8)
        f->chunk /= 2;
    f->col_tasks = (f->panels + f->chunk - 1) / f->chunk;
    /* L in place costs its strides each time it is read again. */
    const int64_t panels = min64(f->panels, f->chunk);
    f->pack_l = !((g->d->plain || g->d->parts == 2) && g->l_k == 1 && panels <= 8);
    if (g->d->plain && g->l_row == 1 && panels <= 2)
        f->pack_l = false;
}

static int run_phase(phase *f) {
    const product *g = f->g;
    const int64_t work = g->m * f->n * f->k * g->d->parts * g->d->parts;
    cut(f);
    f->pack_tasks = (f->panels + PACK_PANELS - 1) / PACK_PANELS;
    const int64_t units = f->blocks * f->pack_tasks, tasks = f->row_tasks * f->col_tasks;
    if (work <= WORK && !fac__grain_override)
        return pack_r_range(f, 0, units) ? -1 : tile_range(f, 0, tasks);
    const int64_t unit = f->k * f->n / units * 4; /* copying is dearer than multiplying */
    if (fac__parallel_for(units, 1 + WORK / max64(unit, 1), pack_r_range, f))
        return -1;
    return fac__parallel_for(tasks, 1 + WORK / (work / tasks + 1), tile_range, f);
}

static int run_packed(const product *g) {
    const gemm_type *t = g->t;
    const int64_t parts = g->d->parts, whole = 2 * t->lanes / parts;
    const int64_t blocks = (g->k + g->block - 1) / g->block;
    int64_t columns = g->n, phase_blocks = blocks;
    if (columns * g->k * parts * parts > R_BUDGET) {
        columns = min64(columns, 2048 / parts);
        phase_blocks = max64(1, R_BUDGET / (columns * g->block * parts * parts));
        columns =
            max64(columns, R_BUDGET / (g->block * parts * parts * min64(phase_blocks, blocks)));
        columns = min64(round_up(columns, whole), g->n);
        phase_blocks = min64(phase_blocks, blocks);
    }
    _Alignas(64) char small[SMALL_STACK];
    scratch r = {0}, sums = {0};
    const int64_t width = round_up(columns * parts, t->lanes);
    const int64_t r_size = width * min64(phase_blocks * g->block, g->k) * parts;
    phase f = {.g = g, .r = small};
    if (r_size * t->size > SMALL_STACK) {
        if (!scratch_get(&r, r_size, t->size))
            return -1;
        f.r = r.p;
    }
    int status = 0;
    if (phase_blocks < blocks && !g->direct_c && !scratch_get(&sums, g->m * width, t->size))
        status = -1;
    f.sums = sums.p;
    for (f.j0 = 0; f.j0 < g->n && !status; f.j0 += f.n) {
        f.n = min64(columns, g->n - f.j0);
        f.width = round_up(f.n * parts, t->lanes);
        f.panels = (f.width + 2 * t->lanes - 1) / (2 * t->lanes);
        for (f.p0 = 0; f.p0 < g->k && !status; f.p0 += f.k) {
            f.k = min64(phase_blocks * g->block, g->k - f.p0);
            f.blocks = (f.k + g->block - 1) / g->block;
            f.first = f.p0 == 0;
            f.last = f.p0 + f.k == g->k;
            status = run_phase(&f);
        }
    }
    scratch_drop(&r);
    scratch_drop(&sums);
    return status;
}

/* --- roles ----------------------------------------------------------------------------------- */

typedef enum { DOT, STREAM_ROWS, SKINNY, DIRECT, PACKED } path;

/* C^T = B^T A^T. */
static void exchange(product *g) {
#define SWAP(T, a, b)                                                                              \
    do {                                                                                           \
        T x_ = a;                                                                                  \
        a = b;                                                                                     \
        b = x_;                                                                                    \
    } while (0)
    SWAP(int64_t, g->m, g->n);
    SWAP(const char *, g->l, g->r);
    SWAP(int64_t, g->l_row, g->r_col);
    SWAP(int64_t, g->l_k, g->r_k);
    SWAP(int64_t, g->c_row, g->c_col);
    SWAP(int64_t, g->finish.bias_row, g->finish.bias_col);
#undef SWAP
}

/* Estimated cost in quarter cycles of the better path with roles as they are. */
static int64_t estimate(const product *g, path *best) {
    const int64_t lanes = g->t->lanes, kn = g->k * g->n, mn = g->m * g->n;
    /* A tile of fewer than four rows waits for its additions. */
    const int64_t columns = round_up(g->n, lanes);
    const int64_t multiply = g->k * max64(g->m, 4) * columns * 2 / lanes;
    const int64_t sums = g->c_col == 1 ? mn / 4 : mn * 2;
    if (g->d->plain && mn == 1 && g->l_k == 1 && g->r_k == 1) {
        *best = DOT;
        return kn * 2;
    }
    if (g->d->plain && g->r_col == 1 && g->n >= lanes && (g->m <= 2 || g->k <= STREAM_K)) {
        *best = STREAM_ROWS;
        return (kn + sums) * g->m;
    }
    if (g->d->plain && g->r_k == 1 && g->m <= 4 && g->n >= g->t->group) {
        *best = SKINNY;
        return kn + kn * g->m / 8 + mn;
    }
    if (g->d->plain && g->r_col == 1 &&
        (g->m <= 2 * g->t->rows || (kn * g->t->size <= SMALL_STACK && g->n <= 128))) {
        *best = DIRECT;
        return multiply + sums;
    }
    /* Few rows: a panel of R at a time, transposed and used while it is in the first-level cache.
     */
    if (g->d->plain && g->r_k == 1 && g->m <= 2 * g->t->rows && g->n >= lanes) {
        *best = DIRECT;
        return multiply + sums + kn * 5 / 4;
    }
    *best = PACKED;
    return multiply + sums + kn * (g->r_col == 1 ? 1 : g->r_k == 1 ? 2 : 6);
}

static int run(product *g) {
    path here, there;
    if (g->d->bfloat16 && FAC__K(fac__gemm_bf16_unit)() != GEMM_BF16_NONE)
        return FAC__K(fac__gemm_bf16)(g);
    const int64_t cost = estimate(g, &here);
    if (g->d->parts == 1) { /* the halves of a complex product are not interchangeable */
        exchange(g);
        if (estimate(g, &there) < cost)
            here = there;
        else
            exchange(g);
    }
    const gemm_finish *f = &g->finish;
    g->direct_c = g->d->plain && g->c_col == 1 && !f->scale &&
                  (f->mode == GEMM_SET || (f->mode == GEMM_ADD && g->block >= g->k));
    switch (here) {
    case DOT:
        return run_dot(g);
    case STREAM_ROWS:
        return run_stream(g);
    case SKINNY:
        return run_skinny(g);
    case DIRECT:
        return run_direct(g);
    default:
        return run_packed(g);
    }
}

/* --- the interface --------------------------------------------------------------------------- */

/* No products to add: C = activation(beta * C + bias). */
static int only_finish(const product *g) {
    const int64_t width = min64(g->n, 2 * g->t->lanes / g->d->parts);
    _Alignas(64) static const char zeros[128];
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j += width)
            finish(g, i, 1, j, min64(width, g->n - j), zeros, 2 * g->t->lanes);
    return 0;
}

/* A bias of float16 or bfloat16, or of small integers, widened into *out. */
static int widen_bias(product *g, const struct fac__gemm_epilogue *e, scratch *out) {
    const gemm_dtype *d = g->d;
    g->bias = e->bias;
    g->finish.bias_row = e->bias_row;
    g->finish.bias_col = e->bias_col;
    if (d->plain || d->parts == 2)
        return 0;
    const int64_t rows = e->bias_row ? g->m : 1, cols = e->bias_col ? g->n : 1;
    if (!scratch_get(out, rows * cols, g->t->size))
        return -1;
    widen(d, rows, cols, e->bias, e->bias_row, e->bias_col, out->p);
    g->bias = out->p;
    g->finish.bias_row = e->bias_row ? cols : 0;
    g->finish.bias_col = e->bias_col ? 1 : 0;
    return 0;
}

/* alpha or beta, widened to the type of sums. */
static void set_factor(const gemm_dtype *d, const void *given, char *to) {
    if (!d->plain && !d->floating && d->parts == 1)
        widen(d, 1, 1, given, 1, 1, to);
    else
        memcpy(to, given, (size_t)(d->parts * d->type->size));
}

static bool is_number(const gemm_dtype *d, const char *factor, int number) {
    const bool wide = d->type->size == 8;
    for (int i = 0; i < d->parts; i++, factor += d->type->size, number = 0) {
        union {
            float f32;
            double f64;
            uint32_t u32;
            uint64_t u64;
        } x;
        memcpy(&x, factor, (size_t)d->type->size);
        const bool same = d->floating || d->parts == 2
                              ? (wide ? x.f64 == number : x.f32 == (float)number)
                              : (wide ? x.u64 == (uint64_t)number : x.u32 == (uint32_t)number);
        if (!same)
            return false;
    }
    return true;
}

/* A batch of products: the first, and the bytes from one to the next. */
typedef struct {
    product first;
    int64_t count, l, r, c;
} batch;

static int run_one(const product *g) {
    product own = *g;
    return own.k == 0 ? only_finish(&own) : run(&own);
}

static int batch_range(void *ctx, int64_t begin, int64_t end) {
    const batch *all = ctx;
    for (int64_t i = begin; i < end; i++) {
        product g = all->first;
        g.l += i * all->l;
        g.r += i * all->r;
        g.c += i * all->c;
        if (run_one(&g))
            return -1;
    }
    return 0;
}

static int run_batch(batch *all) {
    const product *g = &all->first;
    const int64_t work = g->m * g->n * max64(g->k, 1);
    if (all->count == 1)
        return run_one(g);
    if (work > 64 * WORK) /* the cut is finer inside */
        return batch_range(all, 0, all->count);
    return fac__parallel_for(all->count, 1 + WORK / work, batch_range, all);
}

static int setup(product *g, fac_dtype dtype, const void *alpha, const void *beta, char factors[32],
                 const struct fac__gemm_epilogue *e, scratch *bias) {
    const gemm_dtype *d = FAC__K(fac__gemm_dtype)(dtype);
    if (!d)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "matrix products are not implemented for %s",
                         fac_dtype_name(dtype));
    g->d = d;
    g->t = d->type;
    g->block = FAC__K(fac__gemm_block)(d, g->k);
    g->finish.alpha = factors;
    g->finish.beta = factors + 16;
    g->finish.mode = GEMM_SET;
    if (alpha) {
        set_factor(d, alpha, factors);
        g->finish.scale = !is_number(d, factors, 1);
    }
    if (beta) {
        set_factor(d, beta, factors + 16);
        g->finish.mode = is_number(d, factors + 16, 0)   ? GEMM_SET
                         : is_number(d, factors + 16, 1) ? GEMM_ADD
                                                         : GEMM_BETA;
    }
    if (!e)
        return 0;
    if (e->activation && !d->floating)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "activations are not implemented for %s",
                         fac_dtype_name(dtype));
    g->finish.activation = e->activation;
    return e->bias ? widen_bias(g, e, bias) : 0;
}

int FAC__K(fac__gemm_batched)(fac_dtype dtype, int64_t count, int64_t m, int64_t n, int64_t k,
                              const void *alpha, const void *a, int64_t a_batch, int64_t a_row,
                              int64_t a_col, const void *b, int64_t b_batch, int64_t b_row,
                              int64_t b_col, const void *beta, void *c, int64_t c_batch,
                              int64_t c_row, int64_t c_col, const struct fac__gemm_epilogue *e) {
    if (count == 0 || m == 0 || n == 0)
        return 0;
    if (count > 1 && b_batch == 0 && a_batch == m * a_row && c_batch == m * c_row &&
        !(e && e->bias && e->bias_row)) { /* one tall product */
        m *= count;
        count = 1;
    }
    _Alignas(16) char factors[32] = {0};
    batch all = {
        .first = {.m = m,
                  .n = n,
                  .k = k,
                  .l = a,
                  .r = b,
                  .c = c,
                  .l_row = a_row,
                  .l_k = a_col,
                  .r_k = b_row,
                  .r_col = b_col,
                  .c_row = c_row,
                  .c_col = c_col},
        .count = count,
    };
    scratch bias = {0};
    if (setup(&all.first, dtype, alpha, beta, factors, e, &bias))
        return -1;
    const int64_t item = all.first.d->item;
    all.l = a_batch * item;
    all.r = b_batch * item;
    all.c = c_batch * item;
    const int status = run_batch(&all);
    scratch_drop(&bias);
    return status;
}

int FAC__K(fac__gemm)(fac_dtype dtype, int64_t m, int64_t n, int64_t k, const void *alpha,
                      const void *a, int64_t a_row, int64_t a_col, const void *b, int64_t b_row,
                      int64_t b_col, const void *beta, void *c, int64_t c_row, int64_t c_col,
                      const struct fac__gemm_epilogue *e) {
    return FAC__K(fac__gemm_batched)(dtype, 1, m, n, k, alpha, a, 0, a_row, a_col, b, 0, b_row,
                                     b_col, beta, c, 0, c_row, c_col, e);
}
