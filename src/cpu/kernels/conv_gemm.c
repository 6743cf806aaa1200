/* Convolution as implicit matrix product: blocks of x are laid out as columns (im2col) in a buffer
 * that stays in cache, and the tiles of gemm_kernels.h run over them.
 *
 * Columns are positions of the whole batch, (n, t) in one count, so that small images fill tiles
 * too. Blocks and tasks are cut by sizes alone. */
#include "conv.h"
#include "nn.h"

#include <string.h>

enum {
    BLOCK_PANELS = 8,
    MOST_ROWS = 192,
    SPLITS = 16,
    JOIN_ROWS = 128,  /* of sums turned into columns at a time */
    SHARED = 8 << 20, /* bytes laid out once for several tasks */
};

/* A run of columns along the innermost dimension of one image. */
typedef struct {
    int64_t n, d, h, w, at, len;
} run;

/* What of a run one tap reads: elements from src on, into columns from at on. */
typedef struct {
    int64_t src, at, len;
} piece;

typedef struct {
    int64_t nruns, capacity; /* of pieces a tap */
    run *runs;
    piece *pieces; /* [tap][capacity] */
    int64_t *counts;
    size_t bytes;
} columns;

static int columns_get(columns *c, const conv_pass *p, int64_t width) {
    int64_t row = nn_max(p->grid[2], 1);
    c->capacity = nn_min(width, width / row + 2 + (width / (row * nn_max(p->grid[1], 1)) + 1) * 2);
    c->bytes = (size_t)(width + 2) * sizeof(run) +
               (size_t)(p->taps * (c->capacity + 1)) * (sizeof(piece) + sizeof(int64_t));
    char *m = fac__alloc(c->bytes);
    if (m == NULL)
        return -1;
    c->runs = (run *)(void *)m;
    c->pieces = (piece *)(void *)(m + (size_t)(width + 2) * sizeof(run));
    c->counts = (int64_t *)(void *)(c->pieces + p->taps * (c->capacity + 1));
    return 0;
}

static void columns_drop(columns *c) {
    if (c->runs != NULL)
        fac__free(c->runs, c->bytes);
}

/* The runs of columns [q, q + width). */
static void find_runs(columns *c, const conv_pass *p, int64_t q, int64_t width) {
    int64_t plane = conv_product(p->grid), at = 0;
    c->nruns = 0;
    while (at < width) {
        int64_t i = (q + at) % plane, w = i % p->grid[2], dh = i / p->grid[2];
        int64_t len = nn_min(width - at, p->grid[2] - w);
        c->runs[c->nruns++] = (run){(q + at) / plane, dh / p->grid[1], dh % p->grid[1], w, at, len};
        at += len;
    }
}

/* The pieces of every tap; src counts from the first channel of the group. */
static void find_pieces(columns *c, const conv_pass *p) {
    int64_t plane = conv_product(p->src), image = p->groups * p->chan * plane, step = p->step[2];
    for (int64_t k = 0; k < p->taps; k++) {
        piece *out = c->pieces + k * c->capacity;
        int64_t n = 0;
        const int64_t *off = p->off[k];
        for (int64_t i = 0; i < c->nruns; i++) {
            const run *r = &c->runs[i];
            int64_t d = r->d * p->step[0] + off[0], h = r->h * p->step[1] + off[1];
            if (d < 0 || d >= p->src[0] || h < 0 || h >= p->src[1])
                continue;
            /* the first and the end of the columns that fall inside x */
            int64_t s0 = r->w * step + off[2];
            int64_t from = s0 < 0 ? (-s0 + step - 1) / step : 0;
            int64_t to = s0 >= p->src[2] ? 0 : nn_min(r->len, (p->src[2] - 1 - s0) / step + 1);
            if (from >= to)
                continue;
            int64_t src = r->n * image + (d * p->src[1] + h) * p->src[2] + s0 + from * step;
            piece *last = n > 0 ? out + n - 1 : NULL;
            if (last != NULL && step == 1 && last->src + last->len == src &&
                last->at + last->len == r->at + from)
                last->len += to - from;
            else
                out[n++] = (piece){src, r->at + from, to - from};
        }
        c->counts[k] = n;
    }
}

#define FILL(width_, T)                                                                            \
    static void fill_##width_(const conv_pass *p, const columns *c, int64_t g, int64_t row0,       \
                              int64_t rows, int64_t width, int64_t ld, void *to) {                 \
        int64_t plane = conv_product(p->src), step = p->step[2];                                   \
        T *dst = to;                                                                               \
        for (int64_t r = row0; r < row0 + rows; r++, dst += ld) {                                  \
            int64_t ch = r / p->taps, k = r % p->taps, n = c->counts[k];                           \
            const T *src = (const T *)(const void *)p->x + (g * p->chan + ch) * plane;             \
            const piece *q = c->pieces + k * c->capacity;                                          \
            if (!(n == 1 && q->len == width))                                                      \
                memset(dst, 0, (size_t)width * sizeof(T));                                         \
            for (int64_t i = 0; i < n; i++, q++) {                                                 \
                const T *s = src + q->src;                                                         \
                T *o = dst + q->at;                                                                \
                int64_t len = q->len, j = 0;                                                       \
                if (step == 1) {                                                                   \
                    for (; j + 8 <= len; j += 8)                                                   \
                        memcpy(o + j, s + j, 8 * sizeof(T));                                       \
                    for (; j < len; j++)                                                           \
                        o[j] = s[j];                                                               \
                } else {                                                                           \
                    for (; j < len; j++)                                                           \
                        o[j] = s[j * step];                                                        \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }
FILL(4, uint32_t)
FILL(8, uint64_t)

static void fill(const conv_pass *p, const columns *c, int64_t g, int64_t row0, int64_t rows,
                 int64_t width, int64_t ld, void *to) {
    (p->d->item == 4 ? fill_4 : fill_8)(p, c, g, row0, rows, width, ld, to);
}

/* An odd number of cache lines from row to row, so that a panel's rows spread over all sets. */
static int64_t leading(int64_t width, int size) {
    int64_t line = 64 / size, lines = (width + line - 1) / line;
    return (lines | 1) * line;
}

static int64_t even_rows(const gemm_type *t, int64_t rows) {
    int64_t tiles = (rows + t->rows - 1) / t->rows;
    return (rows + tiles - 1) / tiles;
}

/* --- forward --------------------------------------------------------------------------------- */

typedef struct {
    const conv_pass *p;
    int64_t width, ld;  /* columns of a block, and its rows' distance */
    int64_t tile, rows; /* rows of a tile, of a task */
    int64_t row_tasks, q, kblock;
    char *l;         /* packed weights, a group after the other */
    int64_t l_group; /* elements from group to group */
    char *cols; /* all columns, [group][block][depth][ld], or NULL: each task lays out its own */
} forward;

static int64_t kblocks(const forward *f) {
    return (f->p->chan * f->p->taps + f->kblock - 1) / f->kblock;
}

/* A block of k of one group each. */
static int pack_weights(void *ctx, int64_t begin, int64_t end) {
    const forward *f = ctx;
    const conv_pass *p = f->p;
    int64_t depth = p->chan * p->taps;
    for (int64_t u = begin; u < end; u++) {
        int64_t g = u / kblocks(f), k = u % kblocks(f) * f->kblock;
        gemm_pack_args a = {.k = nn_min(f->kblock, depth - k),
                            .n = p->rows,
                            .width = f->tile,
                            .last = (p->rows - 1) % f->tile + 1,
                            .src = p->w + (g * p->rows * depth + k) * p->d->item,
                            .s_k = 1,
                            .s_n = depth,
                            .dst = f->l + (g * f->l_group + k * p->rows) * p->d->type->size};
        p->d->pack_l(&a);
    }
    return 0;
}

#define STORE_ROWS(name, T)                                                                        \
    static void store_##name(const forward *f, const columns *c, int64_t g, int64_t row0,          \
                             int64_t rows, const void *sums) {                                     \
        const conv_pass *p = f->p;                                                                 \
        for (int64_t r = 0; r < rows; r++) {                                                       \
            const T *s = (const T *)sums + r * f->ld;                                              \
            int64_t ch = g * p->rows + row0 + r;                                                   \
            T b = p->bias != NULL ? ((const T *)(const void *)p->bias)[ch] : 0;                    \
            for (int64_t i = 0; i < c->nruns; i++) {                                               \
                const run *q = &c->runs[i];                                                        \
                T *o = (T *)(void *)p->y + (q->n * p->groups * p->rows + ch) * p->y_plane +        \
                       p->y_base + q->d * p->y_step[0] + q->h * p->y_step[1] +                     \
                       q->w * p->y_step[2];                                                        \
                if (p->y_step[2] == 1)                                                             \
                    for (int64_t j = 0; j < q->len; j++)                                           \
                        o[j] = s[q->at + j] + b;                                                   \
                else                                                                               \
                    for (int64_t j = 0; j < q->len; j++)                                           \
                        o[j * p->y_step[2]] = s[q->at + j] + b;                                    \
            }                                                                                      \
        }                                                                                          \
    }
STORE_ROWS(f32, float)
STORE_ROWS(f64, double)
STORE_ROWS(u32, uint32_t)
STORE_ROWS(u64, uint64_t)

static void store(const forward *f, const columns *c, int64_t g, int64_t row0, int64_t rows,
                  const void *sums) {
    const gemm_dtype *d = f->p->d;
    if (d->floating)
        (d->item == 4 ? store_f32 : store_f64)(f, c, g, row0, rows, sums);
    else
        (d->item == 4 ? store_u32 : store_u64)(f, c, g, row0, rows, sums);
}

/* The columns of one block of one group, for all tasks of its rows. */
static int share_columns(void *ctx, int64_t begin, int64_t end) {
    const forward *f = ctx;
    const conv_pass *p = f->p;
    int64_t depth = p->chan * p->taps, blocks = (f->q + f->width - 1) / f->width;
    columns c = {0};
    if (columns_get(&c, p, f->width) != 0)
        return -1;
    for (int64_t u = begin; u < end; u++) {
        int64_t q = u % blocks * f->width, width = nn_min(f->width, f->q - q);
        find_runs(&c, p, q, width);
        find_pieces(&c, p);
        fill(p, &c, u / blocks, 0, depth, width, f->ld,
             f->cols + u * depth * f->ld * p->d->type->size);
    }
    columns_drop(&c);
    return 0;
}

static void block_product(const forward *f, int64_t g, int64_t row0, int64_t rows, int64_t k,
                          int64_t depth, int64_t width, const char *col, char *sums) {
    const conv_pass *p = f->p;
    const gemm_type *t = p->d->type;
    const int64_t whole = 2 * t->lanes;
    const char *l = f->l + (g * f->l_group + k * p->rows) * t->size;
    for (int64_t j = 0; j < width; j += whole) {
        int vectors = width - j > t->lanes ? 2 : 1;
        for (int64_t i = row0; i < row0 + rows; i += f->tile) {
            int64_t count = nn_min(f->tile, p->rows - i);
            t->tile[count][vectors](depth, l + i * depth * t->size, 1, count, col + j * t->size,
                                    f->ld, sums + ((i - row0) * f->ld + j) * t->size, f->ld, k > 0,
                                    col);
        }
    }
}

static int forward_range(void *ctx, int64_t begin, int64_t end) {
    const forward *f = ctx;
    const conv_pass *p = f->p;
    const int size = p->d->type->size;
    int64_t depth = p->chan * p->taps, blocks = (f->q + f->width - 1) / f->width;
    size_t col_bytes = f->cols ? 0 : (size_t)(nn_min(f->kblock, depth) * f->ld + 64) * (size_t)size;
    size_t bytes = col_bytes + (size_t)((f->rows + 1) * f->ld + 64) * (size_t)size;
    columns c = {0};
    char *m = fac__alloc(bytes);
    int r = m == NULL || columns_get(&c, p, f->width) != 0 ? -1 : 0;
    for (int64_t u = begin; u < end && r == 0; u++) {
        int64_t rt = u % f->row_tasks, b = u / f->row_tasks % blocks;
        int64_t g = u / f->row_tasks / blocks, row0 = rt * f->rows;
        int64_t rows = nn_min(f->rows, p->rows - row0), q = b * f->width;
        int64_t width = nn_min(f->width, f->q - q);
        find_runs(&c, p, q, width);
        if (!f->cols)
            find_pieces(&c, p);
        for (int64_t k = 0; k < depth; k += f->kblock) {
            int64_t kn = nn_min(f->kblock, depth - k);
            char *col = m;
            if (f->cols)
                col = f->cols + ((g * blocks + b) * depth + k) * f->ld * size;
            else
                fill(p, &c, g, k, kn, width, f->ld, col);
            block_product(f, g, row0, rows, k, kn, width, col, m + col_bytes);
        }
        if (depth == 0)
            memset(m + col_bytes, 0, (size_t)(rows * f->ld) * (size_t)size);
        store(f, &c, g, row0, rows, m + col_bytes);
    }
    columns_drop(&c);
    if (m != NULL)
        fac__free(m, bytes);
    return r;
}

int FAC__K(fac__conv_gemm)(const conv_pass *p) {
    const gemm_type *t = p->d->type;
    int64_t depth = p->chan * p->taps;
    forward f = {.p = p, .q = p->n * conv_product(p->grid)};
    if (f.q == 0 || p->rows == 0)
        return 0;
    f.width = nn_min(BLOCK_PANELS * 2 * t->lanes, (f.q + t->lanes - 1) / t->lanes * t->lanes);
    f.ld = leading(f.width, t->size);
    f.tile = even_rows(t, p->rows);
    f.kblock = FAC__K(fac__gemm_block)(p->d, depth);
    int64_t blocks = (f.q + f.width - 1) / f.width * p->groups;
    int64_t parts = (p->rows + MOST_ROWS - 1) / MOST_ROWS;
    while (blocks * parts < 8 && p->rows / (parts + 1) >= 48)
        parts++;
    f.rows = ((p->rows + parts - 1) / parts + f.tile - 1) / f.tile * f.tile;
    f.row_tasks = (p->rows + f.rows - 1) / f.rows;
    f.l_group = p->rows * depth + 64;
    size_t bytes = (size_t)(f.l_group * p->groups + 64) * (size_t)t->size;
    f.l = fac__alloc(bytes);
    if (f.l == NULL)
        return -1;
    int r = fac__parallel_for(p->groups * kblocks(&f), nn_grain(p->rows * nn_min(f.kblock, depth)),
                              pack_weights, &f);
    size_t shared = (size_t)((blocks * depth * f.ld + 64) * t->size);
    if (r == 0 && f.row_tasks > 1 && shared <= SHARED) {
        f.cols = fac__alloc(shared);
        r = f.cols ? fac__parallel_for(blocks, nn_grain(depth * f.width), share_columns, &f) : -1;
    }
    int64_t work = f.rows * depth * f.width;
    if (r == 0)
        r = fac__parallel_for(blocks * f.row_tasks, 1 + (1 << 17) / (work + 1), forward_range, &f);
    if (f.cols)
        fac__free(f.cols, shared);
    fac__free(f.l, bytes);
    return r;
}

/* --- gradient of the weight --------------------------------------------------------------------
 */

/* Transposed: sums (chan * taps, rows) = columns (chan * taps, q) g^T (q, rows). */
typedef struct {
    const conv_weight_pass *w;
    int64_t q, width, ld;      /* positions in all, of a block */
    int64_t chans, chan_tasks; /* channels of a task */
    int64_t splits, split;     /* parts of the positions, and their length */
    int64_t o_ld;              /* rows of g, rounded up to panels */
    char *sums;                /* [split][group][chan * taps][o_ld] */
} backward;

/* g's rows over the runs as panels (width, 2 lanes) */
static void pack_gradient(const backward *b, const columns *c, int64_t g, int64_t width, char *to) {
    const conv_pass *p = &b->w->p;
    const gemm_type *t = p->d->type;
    const int64_t whole = 2 * t->lanes, plane = conv_product(p->grid);
    for (int64_t j = 0; j < p->rows; j += whole)
        for (int64_t i = 0; i < c->nruns;) {
            /* runs of one image are contiguous in g */
            const run *r = &c->runs[i];
            int64_t len = 0, n = r->n;
            for (; i < c->nruns && c->runs[i].n == n; i++)
                len += c->runs[i].len;
            int64_t at = (r->d * p->grid[1] + r->h) * p->grid[2] + r->w;
            gemm_pack_args a = {.k = len,
                                .n = nn_min(whole, p->rows - j),
                                .width = whole,
                                .last = whole,
                                .src = b->w->g +
                                       ((n * p->groups * p->rows + g * p->rows + j) * plane + at) *
                                           p->d->item,
                                .s_k = 1,
                                .s_n = plane,
                                .dst = to + (j * width + r->at * whole) * t->size};
            p->d->pack_r(&a);
        }
}

static void weight_block(const backward *b, const columns *c, int64_t g, int64_t ch0, int64_t chans,
                         int64_t width, char *col, char *panels, char *sums, bool add) {
    const conv_pass *p = &b->w->p;
    const gemm_type *t = p->d->type;
    const int64_t whole = 2 * t->lanes, rows = chans * p->taps, tile = even_rows(t, rows);
    fill(p, c, g, ch0 * p->taps, rows, width, b->ld, col);
    pack_gradient(b, c, g, width, panels);
    for (int64_t j = 0; j < p->rows; j += whole)
        for (int64_t i = 0; i < rows; i += tile) {
            int64_t count = nn_min(tile, rows - i);
            t->tile[count][2](width, col + i * b->ld * t->size, b->ld, 1,
                              panels + j * width * t->size, whole,
                              sums + (i * b->o_ld + j) * t->size, b->o_ld, add, panels);
        }
}

static int backward_range(void *ctx, int64_t begin, int64_t end) {
    const backward *b = ctx;
    const conv_pass *p = &b->w->p;
    const int size = p->d->type->size;
    size_t col_bytes = (size_t)(b->chans * p->taps * b->ld + 64) * (size_t)size;
    size_t bytes = col_bytes + (size_t)(b->width * b->o_ld + 64) * (size_t)size;
    columns c = {0};
    char *m = fac__alloc(bytes);
    int r = m == NULL || columns_get(&c, p, b->width) != 0 ? -1 : 0;
    for (int64_t u = begin; u < end && r == 0; u++) {
        int64_t ct = u % b->chan_tasks, g = u / b->chan_tasks % p->groups;
        int64_t s = u / b->chan_tasks / p->groups, ch0 = ct * b->chans;
        int64_t chans = nn_min(b->chans, p->chan - ch0);
        int64_t q1 = nn_min(b->q, (s + 1) * b->split);
        char *sums = b->sums + ((s * p->groups + g) * p->chan + ch0) * p->taps * b->o_ld * size;
        for (int64_t q = s * b->split; q < q1; q += b->width) {
            int64_t width = nn_min(b->width, q1 - q);
            find_runs(&c, p, q, width);
            find_pieces(&c, p);
            weight_block(b, &c, g, ch0, chans, width, m, m + col_bytes, sums, q > s * b->split);
        }
    }
    columns_drop(&c);
    if (m != NULL)
        fac__free(m, bytes);
    return r;
}

/* Splits are added up in order; then sums (chan * taps, rows) turn into w (rows, chan * taps). */
static int join_range(void *ctx, int64_t begin, int64_t end) {
    const backward *b = ctx;
    const conv_pass *p = &b->w->p;
    const gemm_dtype *d = p->d;
    const int64_t depth = p->chan * p->taps, whole = 2 * d->type->lanes, panels = b->o_ld / whole;
    const int64_t split = p->groups * depth * b->o_ld * d->item;
    const gemm_finish add = {.mode = GEMM_ADD}, set = {.mode = GEMM_SET};
    for (int64_t u = begin; u < end; u++) { /* (group, panel of rows) */
        const int64_t g = u / panels, o = u % panels * whole, cols = nn_min(whole, p->rows - o);
        for (int64_t i = 0; i < depth; i += JOIN_ROWS) {
            const int64_t n = nn_min(JOIN_ROWS, depth - i);
            char *sums = b->sums + ((g * depth + i) * b->o_ld + o) * d->item;
            for (int64_t s = 1; s < b->splits; s++)
                d->store(&add, n, cols, sums + s * split, b->o_ld, sums, b->o_ld, 1, NULL);
            d->store(&set, n, cols, sums, b->o_ld,
                     b->w->w + ((g * p->rows + o) * depth + i) * d->item, 1, depth, NULL);
        }
    }
    return 0;
}

int FAC__K(fac__conv_gemm_weight)(const conv_weight_pass *w) {
    const conv_pass *p = &w->p;
    const gemm_type *t = p->d->type;
    int64_t whole = 2 * t->lanes, depth = p->chan * p->taps, rows = p->groups * p->rows;
    backward b = {.w = w, .q = p->n * conv_product(p->grid)};
    if (rows * depth == 0)
        return 0;
    if (b.q == 0) {
        memset(w->w, 0, (size_t)(rows * depth * p->d->item));
        return 0;
    }
    b.o_ld = (p->rows + whole - 1) / whole * whole;
    b.width = nn_min(b.o_ld * t->size > 1024 ? 128 : 256, (b.q + 7) / 8 * 8);
    b.ld = leading(b.width, t->size);
    b.chans = nn_min(p->chan, nn_max(1, MOST_ROWS / p->taps));
    b.chan_tasks = (p->chan + b.chans - 1) / b.chans;
    int64_t tasks = b.chan_tasks * p->groups, blocks = (b.q + b.width - 1) / b.width;
    int64_t sums = depth * p->groups * b.o_ld;
    b.splits = 1;
    while (b.splits < SPLITS && tasks * b.splits < 8 && blocks / (b.splits + 1) >= 2 &&
           sums * (b.splits + 1) * t->size <= 8 << 20)
        b.splits++;
    b.split = (blocks + b.splits - 1) / b.splits * b.width;
    b.splits = (b.q + b.split - 1) / b.split;
    size_t bytes = (size_t)(sums * b.splits + 64) * (size_t)t->size;
    b.sums = fac__alloc(bytes);
    if (b.sums == NULL)
        return -1;
    int64_t work = b.split * b.chans * p->taps * p->rows;
    int r = fac__parallel_for(tasks * b.splits, 1 + (1 << 17) / (work + 1), backward_range, &b);
    if (r == 0)
        r = fac__parallel_for(p->groups * b.o_ld / whole, nn_grain(depth * b.splits * whole),
                              join_range, &b);
    fac__free(b.sums, bytes);
    return r;
}
