/* Copying elements without looking at them, any strides to any strides.
 *
 * Dimensions are ordered by the destination's strides, innermost last, and joined where both sides
 * allow. The two innermost (or, where the source runs along another, the innermost and that one)
 * make a plane of rows, of which there are five kinds: copied, filled with one element, reversed,
 * transposed in tiles, and any other. */
#include "copy_row.h"
#include "gemm_simd.h"
#include <facula/backend.h>

#include <string.h>

enum { MOVE_GRAIN = 32768, TILE = 16 };

typedef struct {
    uint64_t half[2];
} wide;

/* n1 rows of n0 elements. */
struct plane {
    char *dst;
    const char *src;
    int64_t n0, n1;
    ptrdiff_t d0, d1, s0, s1;
};
typedef void plane_fn(const struct plane *p);

/* A tile: row x of the source, s0 bytes from the last, becomes column x of the destination. */
#define TILE_OF(w, T)                                                                              \
    static inline void tile_##w(char *d, ptrdiff_t d1, const char *s, ptrdiff_t s0) {              \
        T tile[TILE][TILE];                                                                        \
        for (int64_t x = 0; x < TILE; x++)                                                         \
            __builtin_memcpy(tile[x], s + x * s0, sizeof tile[x]);                                 \
        for (int64_t y = 0; y < TILE; y++) {                                                       \
            T row[TILE];                                                                           \
            for (int64_t x = 0; x < TILE; x++)                                                     \
                row[x] = tile[x][y];                                                               \
            __builtin_memcpy(d + y * d1, row, sizeof row);                                         \
        }                                                                                          \
    }
TILE_OF(1, uint8_t)
TILE_OF(2, uint16_t)
TILE_OF(16, wide)

/* The same by blocks that are transposed in registers. Rows often lie a power of two apart, where
 * they share a few lines of the cache: each line is read once and written once, and those of the
 * next tile down are fetched meanwhile. */
#define TILE_BY_BLOCKS(w, T, X)                                                                    \
    static inline void tile_##w(char *d, ptrdiff_t d1, const char *s, ptrdiff_t s0) {              \
        enum { SIDE = GEMM_PACK / sizeof(T) };                                                     \
        p##X tile[TILE][TILE / SIDE];                                                              \
        for (int x = 0; x < TILE; x++) {                                                           \
            const char *from = s + x * s0, *next = from + TILE * s0;                               \
            _Pragma("GCC unroll 8") for (int k = 0; k < TILE / SIDE; k++)                          \
                __builtin_memcpy(&tile[x][k], from + k * GEMM_PACK, GEMM_PACK);                    \
            _Pragma("GCC unroll 2") for (int k = 0; k < TILE * (int)sizeof(T); k += 64)            \
                __builtin_prefetch(next + k);                                                      \
        }                                                                                          \
        for (int y = 0; y < TILE / SIDE; y++)                                                      \
            for (int x = 0; x < TILE / SIDE; x++) {                                                \
                p##X t[SIDE];                                                                      \
                _Pragma("GCC unroll 8") for (int k = 0; k < SIDE; k++) t[k] =                      \
                    tile[x * SIDE + k][y];                                                         \
                gemm_transpose_##X(t);                                                             \
                char *to = d + y * SIDE * d1 + x * GEMM_PACK;                                      \
                _Pragma("GCC unroll 8") for (int k = 0; k < SIDE; k++)                             \
                    __builtin_memcpy(to + k * d1, &t[k], GEMM_PACK);                               \
            }                                                                                      \
    }
TILE_BY_BLOCKS(4, uint32_t, u32)
TILE_BY_BLOCKS(8, uint64_t, u64)

/* The loops' bounds and strides are copied out of p, which they might write to for all the compiler
 * knows. */
#define PLANES(w, T)                                                                               \
    static void any_##w(const struct plane *p) {                                                   \
        const int64_t n0 = p->n0, n1 = p->n1;                                                      \
        const ptrdiff_t d0 = p->d0, s0 = p->s0, d1 = p->d1, s1 = p->s1;                            \
        char *d = p->dst;                                                                          \
        const char *s = p->src;                                                                    \
        for (int64_t j = 0; j < n1; j++, d += d1, s += s1)                                         \
            for (int64_t i = 0; i < n0; i++)                                                       \
                *(T *)(void *)(d + i * d0) = *(const T *)(const void *)(s + i * s0);               \
    }                                                                                              \
    static void gather_##w(const struct plane *p) {                                                \
        const int64_t n0 = p->n0, n1 = p->n1;                                                      \
        const ptrdiff_t s0 = p->s0;                                                                \
        for (int64_t j = 0; j < n1; j++) {                                                         \
            T *restrict d = (T *)(void *)(p->dst + j * p->d1);                                     \
            const char *s = p->src + j * p->s1;                                                    \
            for (int64_t i = 0; i < n0; i++)                                                       \
                d[i] = *(const T *)(const void *)(s + i * s0);                                     \
        }                                                                                          \
    }                                                                                              \
    static void copy_##w(const struct plane *p) {                                                  \
        for (int64_t j = 0; j < p->n1; j++)                                                        \
            fac__copy_row(p->dst + j * p->d1, p->src + j * p->s1, (size_t)p->n0 * sizeof(T));      \
    }                                                                                              \
    static void fill_##w(const struct plane *p) {                                                  \
        const int64_t n0 = p->n0, n1 = p->n1;                                                      \
        for (int64_t j = 0; j < n1; j++) {                                                         \
            T *restrict d = (T *)(void *)(p->dst + j * p->d1);                                     \
            const T x = *(const T *)(const void *)(p->src + j * p->s1);                            \
            for (int64_t i = 0; i < n0; i++)                                                       \
                d[i] = x;                                                                          \
        }                                                                                          \
    }                                                                                              \
    static void reverse_##w(const struct plane *p) {                                               \
        const int64_t n0 = p->n0, n1 = p->n1;                                                      \
        for (int64_t j = 0; j < n1; j++) {                                                         \
            T *restrict d = (T *)(void *)(p->dst + j * p->d1);                                     \
            const T *restrict s = (const T *)(const void *)(p->src + j * p->s1) - (n0 - 1);        \
            for (int64_t i = 0; i < n0; i++)                                                       \
                d[i] = s[n0 - 1 - i];                                                              \
        }                                                                                          \
    }                                                                                              \
    /* d0 and s1 are one element: what lies along a row of one side lies across the other. */      \
    static void transpose_##w(const struct plane *p) {                                             \
        const int64_t n0 = p->n0, n1 = p->n1;                                                      \
        const ptrdiff_t s0 = p->s0, d1 = p->d1;                                                    \
        for (int64_t j = 0; j < n1; j += TILE)                                                     \
            for (int64_t i = 0; i < n0; i += TILE) {                                               \
                const int64_t nj = n1 - j < TILE ? n1 - j : TILE;                                  \
                const int64_t ni = n0 - i < TILE ? n0 - i : TILE;                                  \
                const char *s = p->src + i * s0 + j * p->s1;                                       \
                char *d = p->dst + i * p->d0 + j * d1;                                             \
                if (nj == TILE && ni == TILE) {                                                    \
                    tile_##w(d, d1, s, s0);                                                        \
                    continue;                                                                      \
                }                                                                                  \
                for (int64_t y = 0; y < nj; y++) {                                                 \
                    T *restrict to = (T *)(void *)(d + y * d1);                                    \
                    const char *from = s + y * (ptrdiff_t)sizeof(T);                               \
                    for (int64_t x = 0; x < ni; x++)                                               \
                        to[x] = *(const T *)(const void *)(from + x * s0);                         \
                }                                                                                  \
            }                                                                                      \
    }
PLANES(1, uint8_t)
PLANES(2, uint16_t)
PLANES(4, uint32_t)
PLANES(8, uint64_t)
PLANES(16, wide)

enum kind { ANY, GATHER, COPY, FILL, REVERSE, TRANSPOSE, KINDS };

#define ROW(w) {any_##w, gather_##w, copy_##w, fill_##w, reverse_##w, transpose_##w}
static plane_fn *const planes[5][KINDS] = {ROW(1), ROW(2), ROW(4), ROW(8), ROW(16)};

struct job {
    int ndim; /* outer dimensions; outermost first */
    int64_t sizes[FAC_MAX_DIMS];
    ptrdiff_t ds[FAC_MAX_DIMS], ss[FAC_MAX_DIMS];
    struct plane plane;
    int64_t rows, columns;   /* of a unit's piece of the plane */
    int64_t nrows, ncolumns; /* pieces a plane */
    plane_fn *run;
};

static int run_units(void *ctx, int64_t begin, int64_t end) {
    const struct job *m = ctx;
    for (int64_t u = begin; u < end; u++) {
        struct plane p = m->plane;
        int64_t column = u % m->ncolumns * m->columns, row = u / m->ncolumns % m->nrows * m->rows;
        int64_t outer = u / m->ncolumns / m->nrows;
        for (int d = m->ndim - 1; d >= 0 && outer > 0; d--) {
            int64_t i = outer % m->sizes[d];
            outer /= m->sizes[d];
            p.dst += i * m->ds[d];
            p.src += i * m->ss[d];
        }
        p.dst += row * p.d1 + column * p.d0;
        p.src += row * p.s1 + column * p.s0;
        p.n1 = p.n1 - row < m->rows ? p.n1 - row : m->rows;
        p.n0 = p.n0 - column < m->columns ? p.n0 - column : m->columns;
        m->run(&p);
    }
    return 0;
}

static ptrdiff_t magnitude(ptrdiff_t s) {
    return s < 0 ? -s : s;
}

/* Orders dimensions by the destination, drops those of size 1, joins. False: nothing to move. */
static bool arrange(struct job *j, const struct fac__moving *m) {
    int n = 0;
    for (int d = 0; d < m->ndim; d++) {
        if (m->sizes[d] == 0)
            return false;
        if (m->sizes[d] == 1)
            continue;
        int k = n++;
        for (; k > 0 && magnitude(j->ds[k - 1]) < magnitude(m->dst_strides[d]); k--) {
            j->sizes[k] = j->sizes[k - 1];
            j->ds[k] = j->ds[k - 1];
            j->ss[k] = j->ss[k - 1];
        }
        j->sizes[k] = m->sizes[d];
        j->ds[k] = m->dst_strides[d];
        j->ss[k] = m->src_strides[d];
    }
    int at = n > 0 ? 1 : 0;
    for (int d = 1; d < n; d++) {
        bool joins =
            j->ds[at - 1] == j->ds[d] * j->sizes[d] && j->ss[at - 1] == j->ss[d] * j->sizes[d];
        int to = joins ? at - 1 : at++;
        j->sizes[to] = joins ? j->sizes[to] * j->sizes[d] : j->sizes[d];
        j->ds[to] = j->ds[d];
        j->ss[to] = j->ss[d];
    }
    j->ndim = at;
    return true;
}

static void take_dim(struct job *j, int d, int64_t *n, ptrdiff_t *ds, ptrdiff_t *ss) {
    *n = j->sizes[d];
    *ds = j->ds[d];
    *ss = j->ss[d];
    j->ndim--;
    for (; d < j->ndim; d++) {
        j->sizes[d] = j->sizes[d + 1];
        j->ds[d] = j->ds[d + 1];
        j->ss[d] = j->ss[d + 1];
    }
}

static enum kind choose_plane(struct job *j, ptrdiff_t width) {
    struct plane *p = &j->plane;
    p->n0 = p->n1 = 1;
    p->d0 = p->s0 = width;
    p->d1 = p->s1 = 0;
    if (j->ndim == 0)
        return COPY;
    take_dim(j, j->ndim - 1, &p->n0, &p->d0, &p->s0);
    enum kind kind = p->d0 != width    ? ANY
                     : p->s0 == width  ? COPY
                     : p->s0 == 0      ? FILL
                     : p->s0 == -width ? REVERSE
                                       : GATHER;
    int across = j->ndim - 1;
    if (kind == GATHER)
        for (int d = 0; d < j->ndim; d++)
            if (j->ss[d] == width) {
                kind = TRANSPOSE;
                across = d;
            }
    if (j->ndim > 0)
        take_dim(j, across, &p->n1, &p->d1, &p->s1);
    return kind;
}

static void cut(struct job *j, enum kind kind) {
    const struct plane *p = &j->plane;
    int64_t least = kind == TRANSPOSE ? 4 * TILE : 1;
    j->columns = p->n0 < MOVE_GRAIN ? p->n0 : MOVE_GRAIN;
    j->rows = MOVE_GRAIN / j->columns;
    if (kind == TRANSPOSE && j->rows < least) { /* tiles rather than a strip */
        j->rows = 4 * TILE < p->n1 ? 4 * TILE : p->n1;
        j->columns = MOVE_GRAIN / j->rows / TILE * TILE;
        if (j->columns > p->n0)
            j->columns = p->n0;
    }
    if (j->rows > p->n1)
        j->rows = p->n1;
    j->ncolumns = (p->n0 + j->columns - 1) / j->columns;
    j->nrows = (p->n1 + j->rows - 1) / j->rows;
}

fac__move_fn FAC__K(fac__move);
int FAC__K(fac__move)(const struct fac__moving *m) {
    struct job j;
    if (!arrange(&j, m))
        return 0;
    j.plane.dst = m->dst;
    j.plane.src = m->src;
    enum kind kind = choose_plane(&j, (ptrdiff_t)m->width);
    cut(&j, kind);
    int width = m->width == 1 ? 0 : m->width == 2 ? 1 : m->width == 4 ? 2 : m->width == 8 ? 3 : 4;
    j.run = planes[width][kind];
    int64_t units = j.nrows * j.ncolumns, work = j.rows * j.columns;
    for (int d = 0; d < j.ndim; d++)
        units *= j.sizes[d];
    if (units == 1)
        return run_units(&j, 0, 1);
    int64_t grain = MOVE_GRAIN / work;
    return fac__parallel_for(units, grain > 1 ? grain : 1, run_units, &j);
}
