/* gather and scatter: an index for every element.
 *
 * The walk goes over the index's dimensions. Positions along `dim` that share all other coordinates
 * are a line; lines are divided over threads and each is walked in order, so that what repeated
 * places end with does not depend on threads. */
#include "places.h"

#include "../../core/iterate.h"
#include "../../gen/ops.h"

enum { AT = 512 };

struct scatter;
/* A line whose indices lie side by side; the first that is out of bounds, or n. */
typedef int64_t line_fn(const struct scatter *s, const int64_t *index, char *self, char *other,
                        int64_t n);

struct scatter {
    fac__block_fn *block;
    line_fn *line; /* NULL: by blocks */
    char *self, *other;
    const fac_tensor *index;
    int ndim, dim, inner;
    int64_t sizes[FAC_MAX_DIMS];
    ptrdiff_t self_strides[FAC_MAX_DIMS], other_strides[FAC_MAX_DIMS], index_strides[FAC_MAX_DIMS];
    int64_t limit; /* of indices */
    int64_t chunk, chunks;
    bool check, checked;
};

static int out_of_bounds(const struct scatter *s, int64_t i) {
    return fac__fail(FAC_ERROR_RUNTIME,
                     "index %lld is out of bounds for dimension %d with size %lld", (long long)i,
                     s->dim, (long long)s->limit);
}

static int64_t first_bad(const int64_t *index, int64_t n, int64_t limit) {
    /* the sign of one of the two is set by an index below zero or beyond the limit */
    uint64_t signs = 0;
    for (int64_t j = 0; j < n; j++)
        signs |= (uint64_t)index[j] | ((uint64_t)limit - 1 - (uint64_t)index[j]);
    for (int64_t j = 0; signs >> 63 != 0 && j < n; j++)
        if ((uint64_t)index[j] >= (uint64_t)limit)
            return j;
    return n;
}

#define LINE(name, T, STATEMENT)                                                                   \
    static int64_t name(const struct scatter *s, const int64_t *index, char *self, char *other,    \
                        int64_t n) {                                                               \
        const ptrdiff_t step = s->self_strides[s->dim], os = s->other_strides[s->inner];           \
        int64_t bad = s->checked ? n : first_bad(index, n, s->limit);                              \
        if (s->check || bad < n)                                                                   \
            return bad;                                                                            \
        if (step == sizeof(T) && os == sizeof(T)) {                                                \
            T *const to = (T *)(void *)self, *const from = (T *)(void *)other;                     \
            _Pragma("GCC unroll 4") for (int64_t j = 0; j < n; j++) {                              \
                T *at = to + index[j], *o = from + j;                                              \
                STATEMENT;                                                                         \
            }                                                                                      \
            return n;                                                                              \
        }                                                                                          \
        for (int64_t j = 0; j < n; j++) {                                                          \
            T *at = (T *)(void *)(self + index[j] * step), *o = (T *)(void *)(other + j * os);     \
            STATEMENT;                                                                             \
        }                                                                                          \
        return n;                                                                                  \
    }
LINE(read_line_4, uint32_t, *o = *at)
LINE(read_line_8, uint64_t, *o = *at)
LINE(write_line_4, uint32_t, *at = *o)
LINE(write_line_8, uint64_t, *at = *o)
LINE(add_line_float, float, *at += *o)
LINE(add_line_double, double, *at += *o)

static line_fn *line_of(fac__block_fn *block) {
    return block == read_4                   ? read_line_4
           : block == read_8                 ? read_line_8
           : block == write_4                ? write_line_4
           : block == write_8                ? write_line_8
           : block == fac__adds[FAC_FLOAT32] ? add_line_float
           : block == fac__adds[FAC_FLOAT64] ? add_line_double
                                             : NULL;
}

/* n neighbours along the inner dimension, whose self position is `self` but for the index. */
static int stretch(const struct scatter *s, const char *index, char *self, char *other, int64_t n) {
    int64_t at[AT], oat[AT];
    int in = s->inner;
    ptrdiff_t is = s->index_strides[in], os = s->other_strides[in];
    ptrdiff_t ss = in == s->dim ? 0 : s->self_strides[in], step = s->self_strides[s->dim];
    bool wide = s->index->dtype == FAC_INT64;
    if (wide && in == s->dim && is == sizeof(int64_t) && s->line != NULL) {
        int64_t bad = s->line(s, (const int64_t *)(const void *)index, self, other, n);
        if (bad < n)
            return out_of_bounds(s, ((const int64_t *)(const void *)index)[bad]);
        return 0;
    }
    for (int64_t from = 0; from < n; from += AT) {
        int64_t m = n - from < AT ? n - from : AT;
        uint64_t bad = 0;
        for (int64_t j = 0; j < m; j++) {
            const char *p = index + (from + j) * is;
            int64_t i =
                wide ? *(const int64_t *)(const void *)p : *(const int32_t *)(const void *)p;
            bad |= (uint64_t)i >= (uint64_t)s->limit;
            at[j] = (from + j) * ss + (int64_t)((uint64_t)i * (uint64_t)step);
            oat[j] = (from + j) * os;
        }
        for (int64_t j = 0; bad != 0 && j < m; j++) {
            const char *p = index + (from + j) * is;
            int64_t i =
                wide ? *(const int64_t *)(const void *)p : *(const int32_t *)(const void *)p;
            if ((uint64_t)i >= (uint64_t)s->limit)
                return out_of_bounds(s, i);
        }
        if (s->check)
            continue;
        struct fac__block b = {.self = self,
                               .other = other,
                               .at = at,
                               .oat = oat,
                               .np = m,
                               .n0 = 1,
                               .points_inside = true};
        s->block(&b);
    }
    return 0;
}

/* Units are (line bundle, chunk of the inner dimension). */
static int bundles(void *ctx, int64_t begin, int64_t end) {
    const struct scatter *s = ctx;
    for (int64_t u = begin; u < end; u++) {
        int64_t rest = u / s->chunks, from = u % s->chunks * s->chunk;
        const char *index = s->index->data;
        char *self = s->self, *other = s->other;
        for (int d = s->ndim - 1; d >= 0; d--) {
            if (d == s->dim || d == s->inner)
                continue;
            int64_t i = rest % s->sizes[d];
            rest /= s->sizes[d];
            index += i * s->index_strides[d];
            self += i * s->self_strides[d];
            other += i * s->other_strides[d];
        }
        int64_t n = s->sizes[s->inner] - from;
        n = n < s->chunk ? n : s->chunk;
        index += from * s->index_strides[s->inner];
        other += from * s->other_strides[s->inner];
        if (s->inner != s->dim)
            self += from * s->self_strides[s->inner];
        int64_t along = s->inner == s->dim ? 1 : s->sizes[s->dim];
        for (int64_t k = 0; k < along; k++) {
            if (stretch(s, index, self, other, n) != 0)
                return -1;
            if (s->inner != s->dim) {
                index += s->index_strides[s->dim];
                other += s->other_strides[s->dim];
            }
        }
    }
    return 0;
}

/* Runs block over the index's elements; other's sizes are at least the index's. */
static int run(const fac_tensor *self, int64_t dim, const fac_tensor *index, fac_tensor *other,
               fac__block_fn *block, bool writes) {
    struct scatter s = {.block = block, .index = index, .self = self->data, .other = other->data};
    s.line = line_of(block);
    if (index->numel == 0)
        return 0;
    s.ndim = index->ndim > 0 ? index->ndim : 1;
    s.dim = (int)(dim < 0 ? dim + (self->ndim ? self->ndim : 1) : dim);
    ptrdiff_t self_item = (ptrdiff_t)fac__itemsize(self->dtype);
    ptrdiff_t other_item = (ptrdiff_t)fac__itemsize(other->dtype);
    for (int d = 0; d < s.ndim; d++) {
        s.sizes[d] = index->ndim > 0 ? index->sizes[d] : 1;
        s.self_strides[d] = (self->ndim > 0 ? self->strides[d] : 1) * self_item;
        s.other_strides[d] = other->ndim > 0 ? other->strides[d] * other_item : 0;
        s.index_strides[d] =
            index->ndim > 0 ? index->strides[d] * (int64_t)fac__itemsize(index->dtype) : 0;
    }
    s.limit = self->ndim > 0 ? self->sizes[s.dim] : 1;
    s.inner = s.ndim - 1;
    int64_t n = s.sizes[s.inner];
    bool whole = s.inner == s.dim && writes; /* a line is walked by one thread */
    s.chunk = whole || n < 4096 ? n : 4096;
    s.chunks = (n + s.chunk - 1) / s.chunk;
    int64_t units = s.chunks;
    for (int d = 0; d < s.ndim; d++)
        if (d != s.dim && d != s.inner)
            units *= s.sizes[d];
    int64_t work = s.chunk * (s.inner == s.dim ? 1 : s.sizes[s.dim]);
    int64_t grain = work > 16384 ? 1 : 16384 / work + 1;
    if (writes) { /* a bad index must change nothing */
        s.check = true;
        if (fac__parallel_for(units, grain, bundles, &s) != 0)
            return -1;
        s.check = false;
        s.checked = true;
    }
    return fac__parallel_for(units, grain, bundles, &s);
}

static int gather(const void *args, fac_tensor **out) {
    const struct fac__gather_args *a = args;
    return run(a->input, a->dim, a->index, out[0], by_width(false, fac__itemsize(out[0]->dtype)),
               false);
}

static fac_tensor *apart(const fac_tensor *self, fac_tensor *t) {
    return fac__overlap(self, t) != 0 ? fac__clone(t, FAC_PRESERVE_FORMAT) : fac__retain(t);
}

static int write_from(fac_tensor *self, int64_t dim, fac_tensor *index, fac_tensor *src,
                      fac__block_fn *block) {
    fac_tensor *at = apart(self, index), *from = apart(self, src);
    int r = at == NULL || from == NULL ? -1 : run(self, dim, at, from, block, true);
    fac__release(at);
    fac__release(from);
    return r;
}

static int write_value(fac_tensor *self, int64_t dim, fac_tensor *index, fac_scalar value,
                       fac__block_fn *block) {
    fac_tensor *from = fac__number_like(index, (fac_dtype)self->dtype, value);
    int r = from == NULL ? -1 : write_from(self, dim, index, from, block);
    fac__release(from);
    return r;
}

static fac__block_fn *writer(const fac_tensor *self) {
    return by_width(true, fac__itemsize(self->dtype));
}

static fac__block_fn *named(const char *reduce, const fac_tensor *self) {
    return (reduce[0] == 'a' ? fac__adds : fac__muls)[self->dtype];
}

static int scatter(const void *args, fac_tensor **out) {
    const struct fac__scatter_args *a = args;
    return write_from(out[0], a->dim, a->index, a->src, writer(out[0]));
}

static int scatter_value(const void *args, fac_tensor **out) {
    const struct fac__scatter_value_args *a = args;
    return write_value(out[0], a->dim, a->index, a->value, writer(out[0]));
}

static int scatter_src_reduce(const void *args, fac_tensor **out) {
    const struct fac__scatter_src_reduce_args *a = args;
    return write_from(out[0], a->dim, a->index, a->src, named(a->reduce, out[0]));
}

static int scatter_value_reduce(const void *args, fac_tensor **out) {
    const struct fac__scatter_value_reduce_args *a = args;
    return write_value(out[0], a->dim, a->index, a->value, named(a->reduce, out[0]));
}

static int scatter_add(const void *args, fac_tensor **out) {
    const struct fac__scatter_add_args *a = args;
    return write_from(out[0], a->dim, a->index, a->src, fac__adds[out[0]->dtype]);
}

static int apply(void *ctx, fac_tensor *self, fac_tensor *src, fac__block_fn *block) {
    const struct fac__scatter_reduce_args *a = ctx;
    return write_from(self, a->dim, a->index, src, block);
}

static int scatter_reduce(const void *args, fac_tensor **out) {
    const struct fac__scatter_reduce_args *a = args;
    if (a->index->numel == 0)
        return 0;
    const char *reduce = a->reduce[0] == 's' ? "sum" : a->reduce;
    return fac__reduce_at(reduce, a->include_self, out[0], a->src, apply, (void *)args);
}

static const fac__kernel_row rows[] = {{"gather", gather},
                                       {"scatter", scatter},
                                       {"scatter_value", scatter_value},
                                       {"scatter_src_reduce", scatter_src_reduce},
                                       {"scatter_value_reduce", scatter_value_reduce},
                                       {"scatter_add", scatter_add},
                                       {"scatter_reduce", scatter_reduce},
                                       {0}};
const fac__family FAC__K(fac__family_scatter) = {NULL, rows};
