/* The walk that index, index_put and their relatives share: points given by index tensors, and at
 * each point a slice of the dimensions that are not indexed. "self" is what the indices point
 * into, "other" is the dense result or the values.
 *
 * Reading is divided over points and slices; writing over slices alone, each piece walking all
 * points in order, so that the last (or the sum) of repeated places does not depend on threads. */
#ifndef FAC_PICK_H
#define FAC_PICK_H

#include "combine.h"

enum { PICK_BLOCK = 512, PICK_GRAIN = 32768 };

/* What an index out of range is answered with, as each op's in PyTorch. */
enum pick_text { PICK_INDEX, PICK_SELECT, PICK_ADD, PICK_COPY, PICK_TAKE };

struct pick_index {
    const char *data;
    bool wide; /* int64, else int32 */
    int64_t size;
    ptrdiff_t step;             /* bytes in self from one index to the next */
    int dim;                    /* for messages */
    ptrdiff_t at[FAC_MAX_DIMS]; /* bytes, over the points' dimensions */
};

struct pick {
    int np, ns, nindex;
    int64_t psize[FAC_MAX_DIMS], ssize[FAC_MAX_DIMS];
    ptrdiff_t pother[FAC_MAX_DIMS]; /* all strides are in bytes */
    ptrdiff_t sself[FAC_MAX_DIMS], sother[FAC_MAX_DIMS];
    int64_t points, columns; /* products of psize and of ssize */
    char *self, *other;
    struct pick_index *index;
    enum pick_text text;
    bool wrap; /* negative indices count from the end */
    bool writes;
    fac__block_fn *block;
    const void *ctx;
    /* how it is cut */
    int64_t block_points, nblocks, outer, n0, chunk, nchunks;
    bool points_inside;
};

static int pick_out_of_bounds(const struct pick *p, const struct pick_index *x, int64_t i) {
    static const char range[] = "%sindex %lld is out of bounds for dimension %d with size %lld";
    switch (p->text) {
    case PICK_SELECT:
        return fac__fail(FAC_ERROR_INDEX, "index out of range in self");
    case PICK_TAKE:
        return fac__fail(FAC_ERROR_INDEX,
                         "out of range: tried to access index %lld on a tensor of %lld elements.",
                         (long long)i, (long long)x->size);
    case PICK_ADD:
        return fac__fail(FAC_ERROR_RUNTIME, range, "", (long long)i, x->dim, (long long)x->size);
    case PICK_COPY:
        return fac__fail(FAC_ERROR_INDEX, range, "index_copy_(): ", (long long)i, x->dim,
                         (long long)x->size);
    default:
        if (x->size == 0)
            return fac__fail(FAC_ERROR_INDEX, "index is out of bounds for dimension with size 0");
        return fac__fail(FAC_ERROR_INDEX, range, "", (long long)i, x->dim, (long long)x->size);
    }
}

#define PICK_SUM(name, T)                                                                          \
    static bool name(const char *data, ptrdiff_t stride, int64_t n, int64_t size, int64_t wrap,    \
                     ptrdiff_t step, int64_t *at) {                                                \
        uint64_t bad = 0;                                                                          \
        if (stride == sizeof(T)) {                                                                 \
            const T *v = (const T *)(const void *)data;                                            \
            for (int64_t j = 0; j < n; j++) {                                                      \
                int64_t i = v[j];                                                                  \
                i += wrap & (i >> 63);                                                             \
                bad |= (uint64_t)i >= (uint64_t)size;                                              \
                at[j] += (int64_t)((uint64_t)i * (uint64_t)step);                                  \
            }                                                                                      \
        } else {                                                                                   \
            for (int64_t j = 0; j < n; j++) {                                                      \
                int64_t i = *(const T *)(const void *)(data + j * stride);                         \
                i += wrap & (i >> 63);                                                             \
                bad |= (uint64_t)i >= (uint64_t)size;                                              \
                at[j] += (int64_t)((uint64_t)i * (uint64_t)step);                                  \
            }                                                                                      \
        }                                                                                          \
        return bad == 0;                                                                           \
    }
PICK_SUM(pick_add64, int64_t)
PICK_SUM(pick_add32, int32_t)

static int pick_find_bad(const struct pick *p, const struct pick_index *x, const char *data,
                         ptrdiff_t stride, int64_t n) {
    for (int64_t j = 0; j < n; j++) {
        int64_t i = x->wide ? *(const int64_t *)(const void *)(data + j * stride)
                            : *(const int32_t *)(const void *)(data + j * stride);
        if (i >= x->size || i < (p->wrap ? -x->size : 0))
            return pick_out_of_bounds(p, x, i);
    }
    return 0;
}

/* Byte offsets of the points [begin, end) in self and in other. */
static int pick_offsets(const struct pick *p, int64_t begin, int64_t end, int64_t *at,
                        int64_t *oat) {
    int64_t pos[FAC_MAX_DIMS], rest = begin, n = end - begin, done = 0;
    int last = p->np - 1;
    for (int d = last; d >= 0; d--) {
        pos[d] = rest % p->psize[d];
        rest /= p->psize[d];
    }
    memset(at, 0, sizeof *at * (size_t)n);
    if (last < 0) {
        oat[0] = 0;
        for (int k = 0; k < p->nindex; k++) {
            const struct pick_index *x = &p->index[k];
            int64_t wrap = p->wrap ? x->size : 0;
            if (!(x->wide ? pick_add64 : pick_add32)(x->data, 0, 1, x->size, wrap, x->step, at))
                return pick_find_bad(p, x, x->data, 0, 1);
        }
        return 0;
    }
    while (done < n) {
        int64_t run = p->psize[last] - pos[last];
        run = run < n - done ? run : n - done;
        ptrdiff_t o = 0;
        for (int d = 0; d <= last; d++)
            o += pos[d] * p->pother[d];
        for (int64_t j = 0; j < run; j++)
            oat[done + j] = o + j * p->pother[last];
        for (int k = 0; k < p->nindex; k++) {
            const struct pick_index *x = &p->index[k];
            const char *data = x->data;
            for (int d = 0; d <= last; d++)
                data += pos[d] * x->at[d];
            int64_t wrap = p->wrap ? x->size : 0;
            if (!(x->wide ? pick_add64 : pick_add32)(data, x->at[last], run, x->size, wrap, x->step,
                                                     at + done))
                return pick_find_bad(p, x, data, x->at[last], run);
        }
        done += run;
        pos[last] += run;
        for (int d = last; d > 0 && pos[d] == p->psize[d]; d--) {
            pos[d] = 0;
            pos[d - 1]++;
        }
    }
    return 0;
}

/* --- preparing ------------------------------------------------------------------------------- */

static void pick_coalesce_points(struct pick *p) {
    int n = 0;
    for (int d = 0; d < p->np; d++) {
        if (p->psize[d] == 1)
            continue;
        bool joins = n > 0 && p->pother[n - 1] == p->pother[d] * p->psize[d];
        for (int k = 0; joins && k < p->nindex; k++)
            joins = p->index[k].at[n - 1] == p->index[k].at[d] * p->psize[d];
        int to = joins ? n - 1 : n++;
        p->psize[to] = joins ? p->psize[to] * p->psize[d] : p->psize[d];
        p->pother[to] = p->pother[d];
        for (int k = 0; k < p->nindex; k++)
            p->index[k].at[to] = p->index[k].at[d];
    }
    p->np = n;
}

static ptrdiff_t pick_weight(const struct pick *p, int d) {
    ptrdiff_t s = p->writes ? p->sself[d] : p->sother[d];
    return s < 0 ? -s : s;
}

/* Slice dimensions in the order of the written side's memory, joined where both sides allow. */
static void pick_coalesce_slices(struct pick *p) {
    int n = 0;
    for (int d = 0; d < p->ns; d++) {
        int64_t size = p->ssize[d];
        ptrdiff_t s = p->sself[d], o = p->sother[d], w = pick_weight(p, d);
        if (size == 1)
            continue;
        int k = n++;
        for (; k > 0 && pick_weight(p, k - 1) < w; k--) {
            p->ssize[k] = p->ssize[k - 1];
            p->sself[k] = p->sself[k - 1];
            p->sother[k] = p->sother[k - 1];
        }
        p->ssize[k] = size;
        p->sself[k] = s;
        p->sother[k] = o;
    }
    int m = n > 0 ? 1 : 0;
    for (int d = 1; d < n; d++) {
        bool joins = p->sself[m - 1] == p->sself[d] * p->ssize[d] &&
                     p->sother[m - 1] == p->sother[d] * p->ssize[d];
        int to = joins ? m - 1 : m++;
        p->ssize[to] = joins ? p->ssize[to] * p->ssize[d] : p->ssize[d];
        p->sself[to] = p->sself[d];
        p->sother[to] = p->sother[d];
    }
    p->ns = m;
}

static void pick_cut(struct pick *p, size_t item) {
    p->n0 = p->ns > 0 ? p->ssize[p->ns - 1] : 1;
    p->outer = 1;
    for (int d = 0; d + 1 < p->ns; d++)
        p->outer *= p->ssize[d];
    ptrdiff_t os = p->ns > 0 ? p->sother[p->ns - 1] : 0, ss = p->ns > 0 ? p->sself[p->ns - 1] : 0;
    ptrdiff_t po = p->np > 0 ? p->pother[p->np - 1] : 0;
    bool rows = os == (ptrdiff_t)item || (p->writes && ss == (ptrdiff_t)item);
    p->points_inside = p->ns == 0 || (!rows && po != 0 && po < os);
    p->block_points = PICK_BLOCK;
    if (!p->writes && !p->points_inside) {
        p->block_points = PICK_GRAIN / p->n0;
        p->block_points = p->block_points < 16           ? 16
                          : p->block_points > PICK_BLOCK ? PICK_BLOCK
                                                         : p->block_points;
    }
    p->nblocks = (p->points + p->block_points - 1) / p->block_points;
    int64_t per_column = p->writes ? p->points : p->block_points;
    p->chunk = PICK_GRAIN / (per_column > 0 ? per_column : 1);
    p->chunk = p->chunk < 64 ? 64 : (p->chunk + 63) / 64 * 64;
    if (p->chunk > p->n0)
        p->chunk = p->n0;
    p->nchunks = (p->n0 + p->chunk - 1) / p->chunk;
}

/* --- walking --------------------------------------------------------------------------------- */

/* `chunks` chunks of a slice from `chunk` on. */
static void pick_one(const struct pick *p, int64_t outer, int64_t chunk, int64_t chunks,
                     const int64_t *at, const int64_t *oat, int64_t np) {
    struct fac__block b = {.self = p->self,
                           .other = p->other,
                           .at = at,
                           .oat = oat,
                           .np = np,
                           .n0 = 1,
                           .points_inside = p->points_inside,
                           .ctx = p->ctx};
    if (p->ns > 0) {
        int last = p->ns - 1;
        int64_t from = chunk * p->chunk, left = p->n0 - from;
        b.n0 = left < chunks * p->chunk ? left : chunks * p->chunk;
        b.ss = p->sself[last];
        b.os = p->sother[last];
        b.self += from * b.ss;
        b.other += from * b.os;
        for (int d = last - 1; d >= 0; d--) {
            int64_t i = outer % p->ssize[d];
            outer /= p->ssize[d];
            b.self += i * p->sself[d];
            b.other += i * p->sother[d];
        }
    }
    p->block(&b);
}

static int64_t pick_block_end(const struct pick *p, int64_t block) {
    int64_t end = (block + 1) * p->block_points;
    return end < p->points ? end : p->points;
}

/* Units are (block of points, outer slice, chunk of a slice), the last running fastest. */
static int pick_read_range(void *ctx, int64_t begin, int64_t end) {
    const struct pick *p = ctx;
    int64_t at[PICK_BLOCK], oat[PICK_BLOCK], ready = -1, np = 0;
    for (int64_t u = begin; u < end; u++) {
        int64_t chunk = u % p->nchunks, outer = u / p->nchunks % p->outer;
        int64_t block = u / p->nchunks / p->outer;
        if (block != ready) {
            int64_t from = block * p->block_points, to = pick_block_end(p, block);
            if (pick_offsets(p, from, to, at, oat) != 0)
                return -1;
            np = to - from;
            ready = block;
        }
        pick_one(p, outer, chunk, 1, at, oat, np);
    }
    return 0;
}

/* Units are (outer slice, chunk of a slice); each walks all points. The chunks of one slice that
 * come together are walked as one, so that rows are long. */
static int pick_write_range(void *ctx, int64_t begin, int64_t end) {
    const struct pick *p = ctx;
    int64_t at[PICK_BLOCK], oat[PICK_BLOCK];
    for (int64_t block = 0; block < p->nblocks; block++) {
        int64_t from = block * p->block_points, to = pick_block_end(p, block);
        if (pick_offsets(p, from, to, at, oat) != 0)
            return -1;
        for (int64_t u = begin, n; u < end; u += n) {
            n = p->nchunks - u % p->nchunks;
            n = n < end - u ? n : end - u;
            pick_one(p, u / p->nchunks, u % p->nchunks, n, at, oat, to - from);
        }
    }
    return 0;
}

static int pick_check_range(void *ctx, int64_t begin, int64_t end) {
    const struct pick *p = ctx;
    int64_t at[PICK_BLOCK], oat[PICK_BLOCK];
    for (int64_t from = begin; from < end; from += PICK_BLOCK)
        if (pick_offsets(p, from, end - from < PICK_BLOCK ? end : from + PICK_BLOCK, at, oat) != 0)
            return -1;
    return 0;
}

/* Before a write, so that a bad index changes nothing. */
static int pick_check(struct pick *p) {
    return p->points == 0 ? 0 : fac__parallel_for(p->points, PICK_GRAIN, pick_check_range, p);
}

static int pick_run(struct pick *p, size_t item) {
    p->points = p->columns = 1;
    for (int d = 0; d < p->np; d++)
        p->points *= p->psize[d];
    for (int d = 0; d < p->ns; d++)
        p->columns *= p->ssize[d];
    if (p->points == 0 || p->columns == 0)
        return 0;
    pick_coalesce_points(p);
    pick_coalesce_slices(p);
    pick_cut(p, item);
    if (p->writes && pick_check(p) != 0)
        return -1;
    int64_t units = p->outer * p->nchunks, work = p->points * p->chunk;
    if (!p->writes) {
        units *= p->nblocks;
        work = p->block_points * p->chunk;
    }
    int64_t grain = PICK_GRAIN / (work > 0 ? work : 1);
    grain = grain > 1 ? grain : 1;
    if (!p->writes)
        return fac__parallel_for(units, grain, pick_read_range, p);
    /* What a column gets does not depend on who walks it, so that threads may be counted here: the
     * fewer the pieces, the longer the rows. */
    int64_t share = units / (2 * fac__num_threads());
    return fac__parallel_for(units, grain > share ? grain : share, pick_write_range, p);
}

#endif
