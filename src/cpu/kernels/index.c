/* Reading and writing at places given by index tensors: index, index_put. */
#include "pick.h"

#include "../../core/iterate.h"
#include "../../gen/ops.h"
#include "../../rules/index.h"

MOVE(1, uint8_t)
MOVE(2, uint16_t)
MOVE(4, uint32_t)
MOVE(8, uint64_t)
MOVE(16, fac__wide)

static fac__block_fn *by_width(bool writes, size_t item) {
    switch (item) {
    case 1:
        return writes ? write_1 : read_1;
    case 2:
        return writes ? write_2 : read_2;
    case 4:
        return writes ? write_4 : read_4;
    case 8:
        return writes ? write_8 : read_8;
    default:
        return writes ? write_16 : read_16;
    }
}

#define ADD(dtype, T, C, LOAD, STORE)                                                              \
    static void add_##dtype(const struct fac__block *b) {                                          \
        if (!b->points_inside && b->ss == sizeof(T) && b->os == sizeof(T)) {                       \
            for (int64_t p = 0; p < b->np; p++) {                                                  \
                T *s = (T *)(void *)(b->self + b->at[p]);                                          \
                const T *o = (const T *)(const void *)(b->other + b->oat[p]);                      \
                _Pragma("GCC ivdep") for (int64_t i = 0; i < b->n0; i++) s[i] =                    \
                    (T)STORE((C)((C)LOAD(s[i]) + (C)LOAD(o[i])));                                  \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        BLOCK_LOOPS(T, const T, *s = (T)STORE((C)((C)LOAD(*s) + (C)LOAD(*o))))                     \
    }
COMBINE_INTS(ADD)
COMBINE_FLOATS(ADD)

static void add_BOOL(const struct fac__block *b) {
    BLOCK_LOOPS(bool, const bool, *s = *s | *o)
}
static void add_COMPLEX64(const struct fac__block *b) {
    BLOCK_LOOPS(fac_complex64, const fac_complex64, (s->re += o->re, s->im += o->im))
}
static void add_COMPLEX128(const struct fac__block *b) {
    BLOCK_LOOPS(fac_complex128, const fac_complex128, (s->re += o->re, s->im += o->im))
}

static fac__block_fn *const adds[FAC_NUM_DTYPES] = {
#define ROW(dtype, ...) [FAC_##dtype] = add_##dtype,
    COMBINE_INTS(ROW) COMBINE_FLOATS(ROW)[FAC_BOOL] = add_BOOL,
    [FAC_COMPLEX64] = add_COMPLEX64,
    [FAC_COMPLEX128] = add_COMPLEX128,
};

/* Sets up the walk of `self` at the picks; strides of `other` are over the result's dimensions. */
static void walk_picks(struct pick *w, struct pick_index *index, const struct fac__picks *p,
                       const fac_tensor *self, char *other, const int64_t *other_strides) {
    ptrdiff_t item = (ptrdiff_t)fac__itemsize(self->dtype);
    int64_t rest[FAC_MAX_DIMS];
    fac__picks_rest(p, self, rest);
    w->np = p->point_ndim;
    w->ns = 0;
    w->nindex = p->n;
    w->index = index;
    w->self = self->data;
    w->other = other;
    w->text = PICK_INDEX;
    w->wrap = true;
    for (int d = 0; d < p->ndim; d++) {
        int k = d - p->first;
        if (k >= 0 && k < p->point_ndim) {
            w->psize[k] = p->sizes[d];
            w->pother[k] = other_strides[d] * item;
        } else {
            w->ssize[w->ns] = p->sizes[d];
            w->sself[w->ns] = rest[d] * item;
            w->sother[w->ns++] = other_strides[d] * item;
        }
    }
    for (int i = 0; i < p->n; i++) {
        const fac_tensor *t = p->index[i];
        struct pick_index *x = &index[i];
        x->data = t->data;
        x->wide = t->dtype == FAC_INT64;
        x->size = self->sizes[p->dim[i]];
        x->step = self->strides[p->dim[i]] * item;
        x->dim = p->dim[i];
        ptrdiff_t width = x->wide ? 8 : 4;
        for (int d = 0; d < p->point_ndim; d++) {
            int own = d - (p->point_ndim - t->ndim);
            x->at[d] = own < 0 || t->sizes[own] == 1 ? 0 : t->strides[own] * width;
        }
    }
}

static int index_read(const void *args, fac_tensor **out) {
    const struct fac__index_args *a = args;
    struct fac__picks p;
    struct pick w;
    struct pick_index index[FAC_MAX_DIMS];
    int64_t strides[FAC_MAX_DIMS];
    if (fac__picks_make(&p, a->input, a->indices, true) != 0)
        return -1;
    int r = 0;
    if (out[0] == NULL) {
        fac__picks_strides(&p, a->input, strides);
        out[0] = fac__empty(p.ndim, p.sizes, strides, (fac_dtype)a->input->dtype, a->input->device);
        r = out[0] == NULL ? -1 : 0;
    }
    if (r == 0) {
        size_t item = fac__itemsize(a->input->dtype);
        walk_picks(&w, index, &p, a->input, out[0]->data, out[0]->strides);
        w.writes = false;
        w.block = by_width(false, item);
        r = pick_run(&w, item);
    }
    fac__picks_drop(&p);
    return r;
}

/* The values' strides over the result's dimensions. */
static int broadcast_values(const struct fac__picks *p, const fac_tensor *values,
                            int64_t *strides) {
    int lead = p->ndim - values->ndim;
    bool fits = lead >= 0;
    for (int d = 0; fits && d < p->ndim; d++) {
        int64_t n = d < lead ? 1 : values->sizes[d - lead];
        fits = n == 1 || n == p->sizes[d];
        strides[d] = n == 1 ? 0 : values->strides[d - lead];
    }
    if (fits)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "shape mismatch: value tensor of shape %s cannot be broadcast to indexing "
                     "result of shape %s",
                     fac__shape_text(values->ndim, values->sizes),
                     fac__shape_text(p->ndim, p->sizes));
}

static int index_put(const void *args, fac_tensor **out) {
    const struct fac__index_put_args *a = args;
    struct fac__picks p;
    struct pick w;
    struct pick_index index[FAC_MAX_DIMS];
    int64_t strides[FAC_MAX_DIMS];
    fac_tensor *self = out[0], *values = fac__retain(a->values);
    if (fac__overlap(self, values) != 0) {
        fac__release(values);
        values = fac__clone(a->values, FAC_CONTIGUOUS_FORMAT);
    }
    int r = values == NULL || fac__picks_make(&p, self, a->indices, true) != 0 ? -1 : 0;
    if (r == 0) {
        r = broadcast_values(&p, values, strides);
        if (r == 0) {
            size_t item = fac__itemsize(self->dtype);
            walk_picks(&w, index, &p, self, values->data, strides);
            w.writes = true;
            w.block = a->accumulate ? adds[self->dtype] : by_width(true, item);
            r = pick_run(&w, item);
        }
        fac__picks_drop(&p);
    }
    fac__release(values);
    return r;
}

static const fac__kernel_row rows[] = {{"index", index_read}, {"index_put", index_put}, {0}};
const fac__family FAC__K(fac__family_index) = {NULL, rows};
