/* Reading and writing at places given by index tensors: index, index_put. */
#include "pick.h"
#include "places.h"

#include "../../core/iterate.h"
#include "../../gen/ops.h"
#include "../../rules/index.h"

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
            w.block = a->accumulate ? fac__adds[self->dtype] : by_width(true, item);
            r = pick_run(&w, item);
        }
        fac__picks_drop(&p);
    }
    fac__release(values);
    return r;
}

/* --- along one dimension --------------------------------------------------------------------- */

/* Walks dimension d of self at `index`, a vector; other has self's dimensions, index's length for
 * d, and these strides. */
static void walk_dim(struct pick *w, struct pick_index *x, const fac_tensor *self, int d,
                     const fac_tensor *index, char *other, const int64_t *other_strides) {
    ptrdiff_t item = (ptrdiff_t)fac__itemsize(self->dtype);
    *w = (struct pick){.np = 1, .nindex = 1, .index = x, .self = self->data, .other = other};
    w->psize[0] = index->numel;
    w->pother[0] = self->ndim == 0 ? 0 : other_strides[d] * item;
    for (int k = 0; k < self->ndim; k++)
        if (k != d) {
            w->ssize[w->ns] = self->sizes[k];
            w->sself[w->ns] = self->strides[k] * item;
            w->sother[w->ns++] = other_strides[k] * item;
        }
    *x = (struct pick_index){.data = index->data,
                             .wide = index->dtype == FAC_INT64,
                             .size = self->ndim == 0 ? 1 : self->sizes[d],
                             .step = self->ndim == 0 ? item : self->strides[d] * item,
                             .dim = d};
    x->at[0] = index->ndim == 0 ? 0 : index->strides[0] * (x->wide ? 8 : 4);
}

static int dim_of(int64_t dim, const fac_tensor *t) {
    return (int)(dim < 0 ? dim + (t->ndim ? t->ndim : 1) : dim);
}

static int index_select(const void *args, fac_tensor **out) {
    const struct fac__index_select_args *a = args;
    struct pick w;
    struct pick_index x;
    walk_dim(&w, &x, a->input, dim_of(a->dim, a->input), a->index, out[0]->data, out[0]->strides);
    size_t item = fac__itemsize(a->input->dtype);
    w.text = PICK_SELECT;
    w.block = by_width(false, item);
    return pick_run(&w, item);
}

/* The source as it is, or a copy where self would be written before it is read. */
static fac_tensor *apart(const fac_tensor *self, fac_tensor *source) {
    return fac__overlap(self, source) != 0 ? fac__clone(source, FAC_CONTIGUOUS_FORMAT)
                                           : fac__retain(source);
}

static int join(fac_tensor *self, int64_t dim, fac_tensor *index, fac_tensor *source,
                fac__block_fn *block, const void *ctx, enum pick_text text) {
    struct pick w;
    struct pick_index x;
    int64_t strides[FAC_MAX_DIMS] = {0};
    fac_tensor *from = apart(self, source), *at = apart(self, index);
    int r = from == NULL || at == NULL ? -1 : 0;
    if (r == 0) {
        for (int k = 0; k < from->ndim && k < self->ndim; k++)
            strides[k] = from->sizes[k] == 1 && from->ndim < self->ndim ? 0 : from->strides[k];
        walk_dim(&w, &x, self, dim_of(dim, self), at, from->data, strides);
        w.writes = true;
        w.text = text;
        w.wrap = text == PICK_INDEX;
        w.block = block;
        w.ctx = ctx;
        r = pick_run(&w, fac__itemsize(self->dtype));
    }
    fac__release(from);
    fac__release(at);
    return r;
}

static int index_copy(const void *args, fac_tensor **out) {
    const struct fac__index_copy_args *a = args;
    return join(out[0], a->dim, a->index, a->source, by_width(true, fac__itemsize(out[0]->dtype)),
                NULL, PICK_COPY);
}

static int index_add(const void *args, fac_tensor **out) {
    const struct fac__index_add_args *a = args;
    fac_tensor *source = a->source, *scaled = NULL;
    bool plain = a->alpha.kind == FAC_INT64 && a->alpha.as.i == 1;
    if (!plain) {
        scaled = source = fac__scaled(a->source, a->alpha);
        if (source == NULL)
            return -1;
    }
    int r = join(out[0], a->dim, a->index, source, fac__adds[out[0]->dtype], NULL, PICK_ADD);
    fac__release(scaled);
    return r;
}

static int index_fill(const void *args, fac_tensor **out) {
    const struct fac__index_fill_args *a = args;
    fac_tensor *self = out[0];
    fac_scalar s = a->value.number;
    if (a->value.tensor != NULL && fac__item(a->value.tensor, &s) != 0)
        return -1;
    fac_tensor *value = fac__empty(0, NULL, NULL, (fac_dtype)self->dtype, self->device);
    if (value == NULL)
        return -1;
    fac__scalar_to(s, (fac_dtype)self->dtype, value->data);
    int r = join(self, a->dim, a->index, value, by_width(true, fac__itemsize(self->dtype)), NULL,
                 PICK_INDEX);
    fac__release(value);
    return r;
}

static int index_reduce_with(void *ctx, fac_tensor *self, fac_tensor *src, fac__block_fn *block) {
    const struct fac__index_reduce_args *a = ctx;
    return join(self, a->dim, a->index, src, block, NULL, PICK_ADD);
}

static int index_reduce(const void *args, fac_tensor **out) {
    const struct fac__index_reduce_args *a = args;
    return fac__reduce_at(a->reduce, a->include_self, out[0], a->source, index_reduce_with,
                          (void *)args);
}

/* --- the flattened input --------------------------------------------------------------------- */

/* self as a vector: itself where it is contiguous, a copy otherwise. */
static int walk_flat(struct pick *w, struct pick_index *x, const fac_tensor *self,
                     const fac_tensor *index, char *other) {
    ptrdiff_t item = (ptrdiff_t)fac__itemsize(self->dtype);
    *w = (struct pick){.np = 1, .nindex = 1, .index = x, .self = self->data, .other = other};
    w->psize[0] = index->numel;
    w->pother[0] = item;
    w->text = PICK_TAKE;
    w->wrap = true;
    *x = (struct pick_index){.data = index->data, .wide = true, .size = self->numel, .step = item};
    x->at[0] = 8;
    return 0;
}

static int take(const void *args, fac_tensor **out) {
    const struct fac__take_args *a = args;
    struct pick w;
    struct pick_index x;
    size_t item = fac__itemsize(a->input->dtype);
    fac_tensor *self = fac__contiguous(a->input), *index = fac__contiguous(a->index);
    fac_tensor *to = fac__is_contig(out[0]) ? fac__retain(out[0])
                                            : fac__empty(out[0]->ndim, out[0]->sizes, NULL,
                                                         (fac_dtype)out[0]->dtype, out[0]->device);
    int r = self == NULL || index == NULL || to == NULL ? -1 : 0;
    if (r == 0) {
        walk_flat(&w, &x, self, index, to->data);
        w.block = by_width(false, item);
        r = pick_run(&w, item);
    }
    if (r == 0 && to != out[0])
        r = fac__copy_into(out[0], to);
    fac__release(self);
    fac__release(index);
    fac__release(to);
    return r;
}

static int put(const void *args, fac_tensor **out) {
    const struct fac__put_args *a = args;
    struct pick w;
    struct pick_index x;
    size_t item = fac__itemsize(out[0]->dtype);
    fac_tensor *self = fac__contiguous(out[0]);
    fac_tensor *index = fac__contiguous(a->index), *source = fac__contiguous(a->source);
    int r = self == NULL || index == NULL || source == NULL ? -1 : 0;
    if (r == 0) {
        fac_tensor *from = apart(self, source);
        fac__release(source);
        source = from;
        r = source == NULL ? -1 : 0;
    }
    if (r == 0) {
        walk_flat(&w, &x, self, index, source->data);
        w.writes = true;
        w.block = a->accumulate ? fac__adds[self->dtype] : by_width(true, item);
        r = pick_run(&w, item);
    }
    if (r == 0 && self != out[0])
        r = fac__copy_into(out[0], self);
    fac__release(self);
    fac__release(index);
    fac__release(source);
    return r;
}

static const fac__kernel_row rows[] = {{"index", index_read},
                                       {"index_put", index_put},
                                       {"index_select", index_select},
                                       {"index_add", index_add},
                                       {"index_copy", index_copy},
                                       {"index_fill", index_fill},
                                       {"index_reduce", index_reduce},
                                       {"take", take},
                                       {"put", put},
                                       {0}};
const fac__family FAC__K(fac__family_index) = {NULL, rows};
