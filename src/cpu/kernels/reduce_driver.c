/* The driver of folds: geometry, gathering, splitting. See Note [Order of a fold].
 *
 * Two ways through memory. Row mode: each output's sequence is walked in runs of 1024; a run that
 * lies in one piece in the right dtype is read where it is, another is gathered first. Column mode:
 * the innermost kept dimension is the inner loop, a tile of columns at a time; used where kept
 * elements are closer together than reduced ones, and for short sequences. */
#include "reduce.h"

#include <string.h>

enum {
    LEVELS = 40,     /* of the binary counter: 2^40 blocks */
    BUFFER = 131072, /* bytes that a block's gathered rows may take */
    GRAIN = 32768,   /* values worth a thread's while */
    CHUNK_LEVEL = 7, /* a task folds 2^7 blocks where one output is split */
    RUN_LEVEL = 2,   /* a run is 2^2 blocks, and FAC__FOLD_RUNS of them 2^7 */
    RUNS_LEVEL = 7,
    SHORT = 16, /* sequences up to this long go by columns */
    GROUP = 64, /* outputs of row mode that finish together */
    MAX_ITEM = 16,
    MAX_ACC = 32, /* bytes of an accumulator */
};

_Static_assert(FAC__FOLD_RUN == FAC__FOLD_BLOCK << RUN_LEVEL &&
                   FAC__FOLD_RUNS == 1 << (RUNS_LEVEL - RUN_LEVEL),
               "levels of the counter");

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
    int esize;    /* of fold->in */
    int acc_size; /* of all parts */
    bool direct;  /* x is of dtype fold->in */
    bool by_columns;
    bool gathers;    /* column mode copies rows to follow one another */
    bool dense;      /* they do follow one another */
    int tile;        /* outputs of a unit */
    int64_t units;   /* tiles of all outputs */
    int64_t per_row; /* tiles along kept[0] */
    int chunk_level; /* a task folds up to 2^chunk_level blocks of its outputs */
    int64_t chunks;
    char *partial;    /* a tile of accumulators a task, where chunks > 1 */
    size_t tile_size; /* bytes of it, a multiple of 16 */
    int64_t *count;   /* values of each output that a task folded */
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
    bool follow = p->nreduced == 1 && p->direct && k->in == p->esize && r->in == k->n * k->in;
    p->gathers = p->dense = false;
    if (p->n == 0)
        p->by_columns = false;
    else if (k->n > 1 && distance(k->in) < distance(r->in))
        p->by_columns = k->n >= 4 || p->n <= SHORT || follow;
    else
        p->by_columns = p->n <= SHORT && k->n >= 4;
    if (!p->by_columns) {
        tile = at_most(at_most(tile, GROUP), GRAIN / 4 / (p->n + 1) + 1);
    } else {
        p->gathers = !p->direct || k->in != p->esize;
        p->dense = p->gathers || (follow && k->n <= tile / 4);
        if (p->gathers)
            tile = at_most(tile / 4, BUFFER / (at_most(p->n, FAC__FOLD_RUN) * p->esize));
    }
    p->tile = (int)tile;
    p->tile_size = ((size_t)(tile * p->acc_size) + 15) & ~(size_t)15;
    p->per_row = (k->n + tile - 1) / tile;
    p->units = p->outputs / k->n * p->per_row;
    /* Too few units for threads: one output's values are split as well, by runs or by blocks. */
    p->chunk_level = fac__grain_override > 0 ? 2 : CHUNK_LEVEL;
    p->chunks = 1;
    int64_t chunk = (int64_t)FAC__FOLD_BLOCK << p->chunk_level;
    if (p->units < 16 && p->n >= 2 * chunk) {
        p->chunks = (p->n + chunk - 1) / chunk;
    } else if (p->units < 4 && p->by_columns && !p->dense && p->n > FAC__FOLD_BLOCK) {
        int64_t rest = p->n % FAC__FOLD_RUN;
        int64_t blocks = p->fold->exact
                             ? (rest + FAC__FOLD_BLOCK - 1) / FAC__FOLD_BLOCK
                             : at_most((rest + FAC__FOLD_LANES - 1) / FAC__FOLD_LANES, 4);
        p->chunk_level = 0;
        p->chunks = p->n / FAC__FOLD_RUN * 4 + blocks;
    }
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
    char *buffer;          /* LEVELS + 1 pieces */
    size_t piece_size;
};

static void counter_start(struct counter *c, const fac__fold *fold, int ld, int w, char *buffer,
                          size_t piece_size) {
    c->fold = fold;
    c->ld = ld;
    c->w = w;
    c->pushed = 0;
    memset(c->level, 0, sizeof c->level);
    c->piece = buffer;
    c->buffer = buffer + piece_size;
    c->piece_size = piece_size;
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
    char *spare = c->level[k];
    if (spare == NULL) {
        spare = c->buffer;
        c->buffer += c->piece_size;
    }
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
    _Alignas(64) char buffer[FAC__FOLD_RUN * MAX_ITEM];
    struct walk w;
    walk_start(&w, p, x, begin);
    if (end - begin <= FAC__FOLD_RUN) {
        f->row(acc, ld, j, take(&w, end - begin, buffer), end - begin, begin, f->ctx);
        return;
    }
    struct counter c;
    _Alignas(64) char pieces[LEVELS + 1][MAX_ACC];
    counter_start(&c, f, 1, 1, pieces[0], MAX_ACC);
    for (int64_t at = begin; at < end; at += FAC__FOLD_RUN) {
        int64_t n = at_most(end - at, FAC__FOLD_RUN);
        f->row(c.piece, 1, 0, take(&w, n, buffer), n, at, f->ctx);
        counter_push(&c, RUN_LEVEL, n);
    }
    put(p, acc, ld, j, counter_total(&c));
}

/* The same of values that lie in one piece, many runs at a time where the fold takes them. */
static void fold_plain(const struct plan *p, char *acc, int ld, int j, const char *x, int64_t begin,
                       int64_t end) {
    const fac__fold *f = p->fold;
    struct counter c;
    _Alignas(64) char pieces[LEVELS + 1][MAX_ACC];
    counter_start(&c, f, 1, 1, pieces[0], MAX_ACC);
    int64_t at = begin, n = FAC__FOLD_RUN * (f->many ? FAC__FOLD_RUNS : 1);
    for (int level = f->many ? RUNS_LEVEL : RUN_LEVEL; level >= RUN_LEVEL; level--, n /= 2)
        for (; at + n <= end; at += n, x += n * p->esize) {
            f->row(c.piece, 1, 0, x, n, at, f->ctx);
            counter_push(&c, level, n);
        }
    if (at < end) {
        f->row(c.piece, 1, 0, x, end - at, at, f->ctx);
        counter_push(&c, RUN_LEVEL, end - at);
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
    if (plain)
        x += begin * p->esize;
    for (int j = 0; j < w; j++, x += step) {
        if (!plain)
            fold_row(p, acc, ld, j, x, begin, end);
        else if (end - begin <= FAC__FOLD_RUN)
            f->row(acc, ld, j, x, end - begin, begin, f->ctx);
        else
            fold_plain(p, acc, ld, j, x, begin, end);
    }
}

/* --- column mode ------------------------------------------------------------------------------ */

/* What a task needs besides its accumulators. */
struct room {
    const char *at[FAC__FOLD_RUN];    /* where each row of a run starts */
    const char *row[FAC__FOLD_BLOCK]; /* a block's rows */
    struct counter counter;
    _Alignas(64) char pieces[LEVELS + 1][FAC__FOLD_TILE];
    char *buffer; /* gathered rows */
};

/* m rows of w values from x on, one after another in `to`. */
static void gather_rows(const struct plan *p, char *to, const char *x, int m, int w) {
    ptrdiff_t in = p->kept[0].in, far = p->reduced[0].in;
#define TRANSPOSE(T)                                                                               \
    if (p->direct && far == sizeof(T) && p->esize == sizeof(T)) {                                  \
        for (int j = 0; j < w; j++) {                                                              \
            const T *from = (const void *)(x + j * in);                                            \
            T *at = (T *)(void *)to + j;                                                           \
            for (int i = 0; i < m; i++)                                                            \
                at[(ptrdiff_t)i * w] = from[i];                                                    \
        }                                                                                          \
        return;                                                                                    \
    }
    TRANSPOSE(uint32_t)
    TRANSPOSE(uint64_t)
#undef TRANSPOSE
    char *data[2] = {to, (char *)(uintptr_t)x};
    ptrdiff_t s[4] = {p->esize, in, (ptrdiff_t)w * p->esize, far};
    p->gather(data, s, w, m, NULL);
}

/* The next n rows of w columns: their addresses, or all of them gathered. */
static void find_rows(struct walk *k, struct room *room, int n, int w, bool gather) {
    const struct dim *r = k->p->reduced;
    ptrdiff_t width = (ptrdiff_t)w * k->p->esize;
    for (int i = 0; i < n;) {
        const char *x = walk_here(k);
        int m = (int)at_most(r[0].n - k->at[0], n - i);
        if (gather)
            gather_rows(k->p, room->buffer + i * width, x, m, w);
        else
            for (int l = 0; l < m; l++)
                room->at[i + l] = x + l * r[0].in;
        walk_on(k, 0, m);
        i += m;
    }
}

/* Block b of a run of n rows; returns how many of them it has. */
static int fold_block(const struct plan *p, struct room *room, char *acc, int n, int b, int w,
                      int64_t at) {
    int count = 0;
    for (int i = b * FAC__FOLD_LANES; i < n; i += 4 * FAC__FOLD_LANES)
        for (int l = 0; l < FAC__FOLD_LANES && i + l < n; l++)
            room->row[count++] = room->at[i + l];
    if (count > 0)
        p->fold->columns(acc, p->tile, room->row, false, count, w, at, p->fold->ctx);
    return count;
}

/* A run of n rows that do not follow one another. */
static void push_blocks(const struct plan *p, struct room *room, int n, int w, int64_t at) {
    for (int b = 0; b < 4; b++) {
        int count = fold_block(p, room, room->counter.piece, n, b, w, at);
        if (count == 0)
            return;
        counter_push(&room->counter, 0, count);
    }
}

static void fold_columns(const struct plan *p, struct room *room, char *acc, int w, const char *x,
                         int64_t begin, int64_t end) {
    const fac__fold *f = p->fold;
    struct counter *c = &room->counter;
    struct walk k;
    walk_start(&k, p, x, begin);
    counter_start(c, f, p->tile, w, room->pieces[0], FAC__FOLD_TILE);
    for (int64_t at = begin; at < end; at += FAC__FOLD_RUN) {
        int n = (int)at_most(end - at, FAC__FOLD_RUN);
        bool all = end - begin <= FAC__FOLD_RUN;
        if (p->dense && !p->gathers) {
            room->at[0] = walk_here(&k);
            walk_on(&k, 0, n);
        } else {
            find_rows(&k, room, n, w, p->gathers);
            if (p->gathers)
                room->at[0] = room->buffer;
        }
        if (!p->dense && !f->exact && n > FAC__FOLD_LANES) {
            push_blocks(p, room, n, w, at);
            continue;
        }
        f->columns(all ? acc : c->piece, p->tile, room->at, p->dense, n, w, at, f->ctx);
        if (all)
            return;
        counter_push(c, 2, n);
    }
    memcpy(acc, counter_total(c), p->tile_size);
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

static void fold_unit(const struct plan *p, struct room *room, char *acc, const struct unit *u,
                      int64_t begin, int64_t end) {
    if (p->by_columns)
        fold_columns(p, room, acc, u->w, u->x, begin, end);
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

/* Chunk i of a unit into acc; returns how many values of each output it has. */
static int64_t fold_chunk(const struct plan *p, struct room *room, char *acc, const struct unit *u,
                          int64_t i) {
    if (p->chunk_level == 0 && !p->fold->exact) {
        int64_t at = i / 4 * FAC__FOLD_RUN;
        int n = (int)at_most(p->n - at, FAC__FOLD_RUN);
        struct walk k;
        walk_start(&k, p, u->x, at);
        find_rows(&k, room, n, u->w, false);
        return fold_block(p, room, acc, n, (int)(i % 4), u->w, at);
    }
    int64_t chunk = (int64_t)FAC__FOLD_BLOCK << p->chunk_level, from = i * chunk;
    int64_t end = at_most(from + chunk, p->n);
    fold_unit(p, room, acc, u, from, end);
    return end - from;
}

static int run_tasks(const struct plan *p, struct room *room, int64_t begin, int64_t end) {
    _Alignas(64) char acc[FAC__FOLD_TILE];
    for (int64_t i = begin; i < end; i++) {
        struct unit u = unit_at(p, i / p->chunks);
        if (p->chunks > 1) {
            p->count[i] =
                fold_chunk(p, room, p->partial + i * (ptrdiff_t)p->tile_size, &u, i % p->chunks);
        } else {
            fold_unit(p, room, acc, &u, 0, p->n);
            finish(p, acc, &u);
        }
    }
    return 0;
}

static int run_range(void *ctx, int64_t begin, int64_t end) {
    const struct plan *p = ctx;
    if (!p->by_columns)
        return run_tasks(p, NULL, begin, end);
    size_t bytes = sizeof(struct room) + (p->gathers ? BUFFER : 0);
    struct room *room = fac__alloc(bytes);
    if (room == NULL)
        return -1;
    room->buffer = (char *)(room + 1);
    int r = run_tasks(p, room, begin, end);
    fac__free(room, bytes);
    return r;
}

/* Few long outputs: chunks of each in parallel, then their partial results in order. */
static int run_split(struct plan *p) {
    int64_t tasks = p->units * p->chunks;
    size_t bytes = (size_t)tasks * (p->tile_size + sizeof(int64_t)) + (LEVELS + 1) * p->tile_size;
    p->partial = fac__alloc(bytes);
    if (p->partial == NULL)
        return -1;
    char *pieces = p->partial + tasks * (ptrdiff_t)p->tile_size;
    p->count = (int64_t *)(void *)(pieces + (LEVELS + 1) * p->tile_size);
    int r = fac__parallel_for(tasks, 1, run_range, p);
    for (int64_t i = 0; i < p->units && r == 0; i++) {
        struct unit u = unit_at(p, i);
        struct counter c;
        counter_start(&c, p->fold, p->tile, u.w, pieces, p->tile_size);
        for (int64_t k = i * p->chunks; k < (i + 1) * p->chunks; k++) {
            memcpy(c.piece, p->partial + k * (ptrdiff_t)p->tile_size, p->tile_size);
            counter_push(&c, p->chunk_level, p->count[k]);
        }
        finish(p, counter_total(&c), &u);
    }
    fac__free(p->partial, bytes);
    return r;
}

/* A short contiguous vector to one number: no geometry. */
static bool run_small(fac_tensor *x, uint64_t gone, const fac__fold *f, fac_tensor *const *out) {
    if (!fac__is_contig(x) || x->dtype != f->in || x->numel > FAC__FOLD_RUN ||
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
    return fac__parallel_for(p.units, GRAIN / cost + 1, run_range, &p);
}
