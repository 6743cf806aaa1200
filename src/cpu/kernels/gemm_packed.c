/* Packed products: R is copied into panels once, L per block of rows or read in place; tiles sweep
 * both. */
#include "gemm_product.h"

enum {
    ROW_PANELS = 12,    /* row panels of a block of L: 72 rows under AVX2, 110 KB */
    R_BUDGET = 1 << 20, /* real elements of R packed at a time */
    CHUNK = 1024,       /* real columns of a task */
    PACK_PANELS = 8,    /* of R packed at a time */
};

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
    if (work <= GEMM_WORK && !fac__grain_override)
        return pack_r_range(f, 0, units) ? -1 : tile_range(f, 0, tasks);
    const int64_t unit = f->k * f->n / units * 4; /* copying is dearer than multiplying */
    if (fac__parallel_for(units, 1 + GEMM_WORK / max64(unit, 1), pack_r_range, f))
        return -1;
    return fac__parallel_for(tasks, 1 + GEMM_WORK / (work / tasks + 1), tile_range, f);
}

int FAC__K(fac__gemm_packed)(product *g) {
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
    _Alignas(64) char small[GEMM_SMALL_STACK];
    scratch r = {0}, sums = {0};
    const int64_t width = round_up(columns * parts, t->lanes);
    const int64_t r_size = width * min64(phase_blocks * g->block, g->k) * parts;
    phase f = {.g = g, .r = small};
    if (r_size * t->size > GEMM_SMALL_STACK) {
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
