/* The driver of folds: geometry, gathering, splitting. See Note [Order of a fold].
 *
 * Two ways through memory. Row mode: each output's sequence is walked in runs of 1024; a run that
 * lies in one piece in the right dtype is read where it is, another is gathered first. Column mode:
 * the innermost kept dimension is the inner loop, a tile of columns at a time; used where kept
 * elements are closer together than reduced ones, and for short sequences. */
#include "reduce.h"

#include <string.h>

enum {
    LEVELS = 40,       /* of the binary counter: 2^40 blocks */
    BUFFER = 32768,    /* bytes a gathered tile may take */
    GRAIN = 32768,     /* values worth a thread's while */
    CHUNK_LEVEL = 6,   /* a task folds 2^6 blocks where one output is split */
    SHORT = 16,        /* sequences up to this long go by columns */
    GROUP = 64,        /* outputs of row mode that finish together */
    MAX_ITEM = 16,
};

struct dim {
    int64_t n;
    ptrdiff_t in;     /* bytes */
    ptrdiff_t out[2]; /* elements; kept dimensions only */
};

struct plan {
    const fac__fold *fold;
    const char *x;
    fac_tensor *const *out;
    fac__loop *gather;
    int nkept, nreduced, nout;
    struct dim kept[FAC_MAX_DIMS + 1], reduced[FAC_MAX_DIMS + 1]; /* [0] innermost */
    int64_t outputs, n;
    int esize;       /* of fold->in */
    int acc_size;    /* of all parts */
    bool direct;     /* x is of dtype fold->in */
    bool by_columns;
    int tile;        /* outputs of a unit */
    int64_t units;   /* tiles of all outputs */
    int64_t per_row; /* tiles along kept[0] */
    int chunk_level; /* a task folds up to 2^chunk_level blocks of its outputs */
    int64_t chunks;
    char *partial;   /* FAC__FOLD_TILE bytes a task, where chunks > 1 */
};

/* --- geometry -------------------------------------------------------------------------------- */

static ptrdiff_t distance(ptrdiff_t s) {
    return s < 0 ? -s : s;
}

static int merge(struct dim *d, int n) {
    int at = 0;
    for (int i = 1; i < n; i++) {
        if (d[i].in == d[at].in * d[at].n && d[i].out[0] == d[at].out[0] * d[at].n &&
            d[i].out[1] == d[at].out[1] * d[at].n)
            d[at].n *= d[i].n;
        else
            d[++at] = d[i];
    }
    return n == 0 ? 0 : at + 1;
}

static void sort(struct dim *d, int n) {
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && distance(d[j - 1].in) > distance(d[j].in); j--) {
            struct dim t = d[j];
            d[j] = d[j - 1];
            d[j - 1] = t;
        }
}

static void geometry(struct plan *p, fac_tensor *x, uint64_t gone, bool keepdim) {
    const struct dim one = {1, 0, {1, 1}};
    ptrdiff_t size = (ptrdiff_t)fac__itemsize(x->dtype);
    p->outputs = p->n = 1;
    int at = p->out[0]->ndim - 1;
    for (int i = x->ndim - 1; i >= 0; i--) {
        bool reduced = gone >> i & 1;
        struct dim d = {x->sizes[i], x->strides[i] * size, {0, 0}};
        if (reduced) {
            p->n *= d.n;
            if (d.n != 1)
                p->reduced[p->nreduced++] = d;
        } else {
            p->outputs *= d.n;
            for (int k = 0; k < p->nout; k++)
                d.out[k] = p->out[k]->strides[at];
            if (d.n != 1)
                p->kept[p->nkept++] = d;
        }
        at -= !reduced || keepdim;
    }
    if (!p->fold->logical)
        sort(p->reduced, p->nreduced);
    sort(p->kept, p->nkept);
    p->nreduced = merge(p->reduced, p->nreduced);
    p->nkept = merge(p->kept, p->nkept);
    if (p->nkept == 0)
        p->kept[p->nkept++] = one;
    if (p->nreduced == 0)
        p->reduced[p->nreduced++] = one;
}

static int64_t at_most(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* How to go: by rows or by columns, how wide, and where to split. All by size alone. */
static void choose(struct plan *p) {
    const struct dim *k = &p->kept[0], *r = &p->reduced[0];
    int64_t tile = FAC__FOLD_TILE / p->acc_size;
    if (p->n == 0)
        p->by_columns = false;
    else if (k->n > 1 && distance(k->in) < distance(r->in))
        p->by_columns =
            k->n >= 4 || p->n <= SHORT || (p->direct && r->in == k->n * p->esize);
    else
        p->by_columns = p->n <= SHORT && k->n >= 4;
    if (!p->by_columns) {
        tile = at_most(at_most(tile, GROUP), GRAIN / 4 / (p->n + 1) + 1);
    } else if (!p->direct || k->in != p->esize) {
        int64_t room = BUFFER / (at_most(p->n, FAC__FOLD_BLOCK) * p->esize);
        tile = at_most(tile, room);
    }
    p->tile = (int)tile;
    p->per_row = (k->n + tile - 1) / tile;
    p->units = p->outputs / k->n * p->per_row;
    p->chunk_level = fac__grain_override > 0 ? 2 : CHUNK_LEVEL;
    int64_t chunk = (int64_t)FAC__FOLD_BLOCK << p->chunk_level;
    p->chunks = p->units < 16 && p->n >= 2 * chunk ? (p->n + chunk - 1) / chunk : 1;
}

/* --- a walk along a sequence ------------------------------------------------------------------ */

struct walk {
    const struct plan *p;
    const char *base;
    int64_t at[FAC_MAX_DIMS];
};

static void walk_start(struct walk *w, const struct plan *p, const char *base, int64_t begin) {
    w->p = p;
    w->base = base;
    for (int i = 0; i < p->nreduced; i++) {
        w->at[i] = begin % p->reduced[i].n;
        begin /= p->reduced[i].n;
    }
}

static const char *walk_here(const struct walk *w) {
    const char *x = w->base;
    for (int i = 0; i < w->p->nreduced; i++)
        x += w->at[i] * w->p->reduced[i].in;
    return x;
}

/* On by n places of dimension d. */
static void walk_on(struct walk *w, int d, int64_t n) {
    const struct plan *p = w->p;
    w->at[d] += n;
    for (; d < p->nreduced - 1 && w->at[d] == p->reduced[d].n; d++) {
        w->at[d] = 0;
        w->at[d + 1]++;
    }
}

/* --- the binary counter ----------------------------------------------------------------------- */

struct counter {
    const fac__fold *fold;
    int ld, w;
    uint64_t pushed;       /* blocks; bit i: level i is taken */
    char *piece;           /* where the next piece goes */
    char *level[LEVELS];   /* NULL: not taken so far */
    int64_t count[LEVELS]; /* values there */
    int nbuffers;
    _Alignas(64) char buffer[LEVELS + 1][FAC__FOLD_TILE];
};

static void counter_start(struct counter *c, const fac__fold *fold, int ld, int w) {
    c->fold = fold;
    c->ld = ld;
    c->w = w;
    c->pushed = 0;
    memset(c->level, 0, sizeof c->level);
    c->nbuffers = 1;
    c->piece = c->buffer[0];
}

/* c->piece holds n values: 2^k blocks, or less if it is the last piece. Joins it with its elder
 * neighbours of the same size. */
static void counter_push(struct counter *c, int k, int64_t n) {
    uint64_t before = c->pushed;
    c->pushed += 1ull << k;
    for (; before >> k & 1; k++) {
        c->fold->join(c->level[k], c->piece, c->ld, c->w, c->count[k], n, c->fold->ctx);
        char *spare = c->piece;
        c->piece = c->level[k];
        c->level[k] = spare;
        n += c->count[k];
    }
    char *spare = c->level[k] != NULL ? c->level[k] : c->buffer[c->nbuffers++];
    c->level[k] = c->piece;
    c->count[k] = n;
    c->piece = spare;
}

/* All that was pushed, the youngest first joined to its elder. */
static const char *counter_total(struct counter *c) {
    char *total = NULL;
    int64_t n = 0;
    for (int k = 0; c->pushed >> k != 0; k++) {
        if (!(c->pushed >> k & 1))
            continue;
        if (total != NULL)
            c->fold->join(c->level[k], total, c->ld, c->w, c->count[k], n, c->fold->ctx);
        total = c->level[k];
        n += c->count[k];
    }
    return total;
}

/* --- row mode --------------------------------------------------------------------------------- */

/* The next n values in one piece in fold->in: where they are, or gathered into `buffer`. */
static const void *take(struct walk *w, int64_t n, char *buffer) {
    const struct plan *p = w->p;
    const struct dim *r = p->reduced;
    if (p->direct && r->in == p->esize && r->n - w->at[0] >= n) {
        const char *x = walk_here(w);
        walk_on(w, 0, n);
        return x;
    }
    char *to = buffer;
    while (n > 0) {
        int64_t m = at_most(r[0].n - w->at[0], n), rows = 1;
        if (p->nreduced > 1 && m == r[0].n) /* many short runs at once */
            rows = at_most(n / m, r[1].n - w->at[1]);
        char *data[2] = {to, (char *)(uintptr_t)walk_here(w)};
        ptrdiff_t s[4] = {p->esize, r[0].in, m * p->esize, rows > 1 ? r[1].in : 0};
        p->gather(data, s, m, rows, NULL);
        to += m * rows * p->esize;
        n -= m * rows;
        walk_on(w, rows > 1 ? 1 : 0, rows > 1 ? rows : m);
    }
    return buffer;
}

/* Accumulator 0 of `from` (ld 1) to place j of acc. */
static void put(const struct plan *p, char *acc, int ld, int j, const char *from) {
    for (const uint8_t *part = p->fold->part; *part != 0; part++) {
        memcpy(acc + (ptrdiff_t)j * *part, from, *part);
        acc += (ptrdiff_t)ld * *part;
        from += *part;
    }
}

/* Values [begin, end) of the output whose values start at x, into place j of acc. */
static void fold_row(const struct plan *p, char *acc, int ld, int j, const char *x, int64_t begin,
                     int64_t end) {
    const fac__fold *f = p->fold;
    _Alignas(64) char buffer[FAC__FOLD_ROW * MAX_ITEM];
    struct walk w;
    walk_start(&w, p, x, begin);
    if (end - begin <= FAC__FOLD_ROW) {
        f->row(acc, ld, j, take(&w, end - begin, buffer), end - begin, begin, f->ctx);
        return;
    }
    struct counter c;
    counter_start(&c, f, 1, 1);
    for (int64_t at = begin; at < end; at += FAC__FOLD_ROW) {
        int64_t n = at_most(end - at, FAC__FOLD_ROW);
        f->row(c.piece, 1, 0, take(&w, n, buffer), n, at, f->ctx);
        counter_push(&c, 2, n);
    }
    put(p, acc, ld, j, counter_total(&c));
}

static void fold_rows(const struct plan *p, char *acc, int ld, int w, const char *x, int64_t begin,
                      int64_t end) {
    const fac__fold *f = p->fold;
    ptrdiff_t step = p->kept[0].in;
    if (begin == end) {
        for (int j = 0; j < w; j++)
            f->row(acc, ld, j, NULL, 0, 0, f->ctx);
        return;
    }
    bool plain = p->direct && p->nreduced == 1 && p->reduced[0].in == p->esize;
    if (plain && end - begin <= FAC__FOLD_ROW) {
        x += begin * p->esize;
        for (int j = 0; j < w; j++)
            f->row(acc, ld, j, x + j * step, end - begin, begin, f->ctx);
        return;
    }
    for (int j = 0; j < w; j++)
        fold_row(p, acc, ld, j, x + j * step, begin, end);
}

/* --- column mode ------------------------------------------------------------------------------ */

struct block {
    const char *rows[FAC__FOLD_BLOCK];
    bool dense;
};

/* The next n values of w columns: where they are, or gathered. */
static void take_block(struct walk *k, int n, int w, struct block *b, char *buffer) {
    const struct plan *p = k->p;
    const struct dim *r = p->reduced;
    ptrdiff_t in = p->kept[0].in, width = (ptrdiff_t)w * p->esize;
    bool direct = p->direct && in == p->esize;
    b->dense = !direct || (p->nreduced == 1 && r->in == width);
    for (int i = 0; i < n;) {
        const char *x = walk_here(k);
        int64_t m = at_most(r[0].n - k->at[0], n - i);
        if (direct) {
            for (int64_t l = 0; l < m; l++)
                b->rows[i + l] = x + l * r->in;
        } else {
            char *data[2] = {buffer + i * width, (char *)(uintptr_t)x};
            ptrdiff_t s[4] = {p->esize, in, width, r->in};
            p->gather(data, s, w, m, NULL);
            for (int64_t l = 0; l < m; l++)
                b->rows[i + l] = buffer + (i + l) * width;
        }
        walk_on(k, 0, m);
        i += (int)m;
    }
}

static void fold_columns(const struct plan *p, char *acc, int w, const char *x, int64_t begin,
                         int64_t end) {
    const fac__fold *f = p->fold;
    _Alignas(64) char buffer[BUFFER];
    struct block b;
    struct walk k;
    walk_start(&k, p, x, begin);
    if (end - begin <= FAC__FOLD_BLOCK) {
        take_block(&k, (int)(end - begin), w, &b, buffer);
        f->columns(acc, p->tile, b.rows, b.dense, (int)(end - begin), w, begin, f->ctx);
        return;
    }
    struct counter c;
    counter_start(&c, f, p->tile, w);
    for (int64_t at = begin; at < end; at += FAC__FOLD_BLOCK) {
        int n = (int)at_most(end - at, FAC__FOLD_BLOCK);
        take_block(&k, n, w, &b, buffer);
        f->columns(c.piece, p->tile, b.rows, b.dense, n, w, at, f->ctx);
        counter_push(&c, 0, n);
    }
    memcpy(acc, counter_total(&c), (size_t)(p->tile * p->acc_size));
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* Where a unit's outputs start: in x, and in each result; how many they are. */
struct unit {
    const char *x;
    ptrdiff_t out[2]; /* elements */
    int w;
};

static struct unit unit_at(const struct plan *p, int64_t i) {
    int64_t first = i % p->per_row * p->tile, rest = i / p->per_row;
    const struct dim *k = p->kept;
    struct unit u = {p->x + first * k->in,
                     {first * k->out[0], first * k->out[1]},
                     (int)at_most(k->n - first, p->tile)};
    for (int d = 1; d < p->nkept; d++) {
        int64_t at = rest % k[d].n;
        rest /= k[d].n;
        u.x += at * k[d].in;
        u.out[0] += at * k[d].out[0];
        u.out[1] += at * k[d].out[1];
    }
    return u;
}

static void fold_unit(const struct plan *p, char *acc, const struct unit *u, int64_t begin,
                      int64_t end) {
    if (p->by_columns)
        fold_columns(p, acc, u->w, u->x, begin, end);
    else
        fold_rows(p, acc, p->tile, u->w, u->x, begin, end);
}

static void finish(const struct plan *p, const char *acc, const struct unit *u) {
    const fac__fold *f = p->fold;
    _Alignas(64) char buffer[2][FAC__FOLD_TILE * 4];
    void *to[2] = {NULL, NULL};
    for (int k = 0; k < p->nout; k++) {
        fac_tensor *o = p->out[k];
        bool plain = o->dtype == f->out[k] && (p->kept[0].out[k] == 1 || u->w == 1);
        to[k] = plain ? o->data + u->out[k] * (ptrdiff_t)fac__itemsize(o->dtype) : buffer[k];
    }
    f->finish(to, acc, p->tile, u->w, p->n, f->ctx);
    for (int k = 0; k < p->nout; k++) {
        fac_tensor *o = p->out[k];
        ptrdiff_t size = (ptrdiff_t)fac__itemsize(o->dtype);
        if (to[k] != buffer[k])
            continue;
        char *data[2] = {o->data + u->out[k] * size, buffer[k]};
        ptrdiff_t s[4] = {p->kept[0].out[k] * size, (ptrdiff_t)fac__itemsize(f->out[k]), 0, 0};
        FAC__K(fac__cast_table)[f->out[k]][o->dtype](data, s, u->w, 1, NULL);
    }
}

static int run_units(void *ctx, int64_t begin, int64_t end) {
    const struct plan *p = ctx;
    _Alignas(64) char acc[FAC__FOLD_TILE];
    for (int64_t i = begin; i < end; i++) {
        struct unit u = unit_at(p, i);
        fold_unit(p, acc, &u, 0, p->n);
        finish(p, acc, &u);
    }
    return 0;
}

static int run_chunks(void *ctx, int64_t begin, int64_t end) {
    const struct plan *p = ctx;
    int64_t chunk = (int64_t)FAC__FOLD_BLOCK << p->chunk_level;
    for (int64_t i = begin; i < end; i++) {
        struct unit u = unit_at(p, i / p->chunks);
        int64_t from = i % p->chunks * chunk;
        fold_unit(p, p->partial + i * FAC__FOLD_TILE, &u, from, at_most(from + chunk, p->n));
    }
    return 0;
}

/* Few long outputs: chunks of each in parallel, then their partial results in order. */
static int run_split(struct plan *p) {
    int64_t tasks = p->units * p->chunks;
    size_t bytes = (size_t)tasks * FAC__FOLD_TILE;
    p->partial = fac__alloc(bytes);
    if (p->partial == NULL)
        return -1;
    int r = fac__parallel_for(tasks, 1, run_chunks, p);
    int64_t chunk = (int64_t)FAC__FOLD_BLOCK << p->chunk_level;
    struct counter c;
    for (int64_t i = 0; i < p->units && r == 0; i++) {
        struct unit u = unit_at(p, i);
        counter_start(&c, p->fold, p->tile, u.w);
        for (int64_t k = 0; k < p->chunks; k++) {
            memcpy(c.piece, p->partial + (i * p->chunks + k) * FAC__FOLD_TILE, FAC__FOLD_TILE);
            counter_push(&c, p->chunk_level, at_most(chunk, p->n - k * chunk));
        }
        finish(p, counter_total(&c), &u);
    }
    fac__free(p->partial, bytes);
    return r;
}

/* A short contiguous vector to one number: no geometry. */
static bool run_small(fac_tensor *x, uint64_t gone, const fac__fold *f, fac_tensor *const *out) {
    if (!fac__is_contig(x) || x->dtype != f->in || x->numel > FAC__FOLD_ROW ||
        out[0]->dtype != f->out[0] || (f->out[1] != FAC_DTYPE_NONE && out[1]->dtype != f->out[1]))
        return false;
    uint64_t all = x->ndim == 64 ? UINT64_MAX : (1ull << x->ndim) - 1;
    if ((gone & all) != all)
        return false;
    _Alignas(64) char acc[64];
    f->row(acc, 1, 0, x->data, x->numel, 0, f->ctx);
    void *to[2] = {out[0]->data, f->out[1] != FAC_DTYPE_NONE ? out[1]->data : NULL};
    f->finish(to, acc, 1, 1, x->numel, f->ctx);
    return true;
}

int FAC__K(fac__reduce)(fac_tensor *x, uint64_t gone, bool keepdim, const fac__fold *fold,
                        fac_tensor *const *out) {
    if (out[0]->numel == 0 || run_small(x, gone, fold, out))
        return 0;
    fac_tensor *outs[2] = {out[0], fold->out[1] != FAC_DTYPE_NONE ? out[1] : NULL};
    struct plan p;
    p.fold = fold;
    p.x = x->data;
    p.out = outs;
    p.gather = FAC__K(fac__cast_table)[x->dtype][fold->in];
    p.nkept = p.nreduced = 0;
    p.nout = outs[1] != NULL ? 2 : 1;
    p.esize = (int)fac__itemsize(fold->in);
    p.acc_size = 0;
    for (const uint8_t *part = fold->part; *part != 0; part++)
        p.acc_size += *part;
    p.direct = x->dtype == fold->in;
    geometry(&p, x, gone, keepdim);
    choose(&p);
    if (p.chunks > 1)
        return run_split(&p);
    int64_t cost = at_most(p.n + 1, GRAIN) * p.tile;
    return fac__parallel_for(p.units, GRAIN / cost + 1, run_units, &p);
}
