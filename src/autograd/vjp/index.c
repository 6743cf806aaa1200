/* Gradients of indexing. */
#include "../../gen/ops.h"
#include "../../core/iterate.h"
#include "../helpers.h"

#include <facula/ops.h>

FAC__VJP(index) {
    fac_tensor *zeros =
        fac_zeros(fac__sizes_of(a->input), .dtype = (fac_dtype)g->dtype, .device = g->device);
    v->in[0] = fac_index_put(zeros, a->indices, g, .accumulate = true);
}

FAC__VJP(index_put) {
    if (fac__needs(v, 0))
        v->in[0] = a->accumulate
                       ? g
                       : fac_index_put(g, a->indices,
                                       fac_zeros(FAC_NO_DIMS, .dtype = (fac_dtype)g->dtype,
                                                 .device = g->device));
    if (fac__needs(v, 1))
        v->in[1] = fac_index(g, a->indices);
}

static fac_tensor *zeros_of(const fac_tensor *shape, const fac_tensor *g) {
    return fac_zeros(fac__sizes_of(shape), .dtype = (fac_dtype)g->dtype, .device = g->device);
}

/* g at the places `index` of dim, in the shape of the source that was put there. */
static fac_tensor *picked(fac_tensor *g, int64_t dim, fac_tensor *index, const fac_tensor *source) {
    fac_tensor *r = fac_index_select(g, dim, index);
    return fac_expand(source->ndim == 0 ? fac_reshape(r, FAC_NO_DIMS) : r, fac__sizes_of(source));
}

/* --- along one dimension --------------------------------------------------------------------- */

FAC__VJP(index_select) {
    v->in[0] = fac_index_add(zeros_of(a->input, g), a->dim, a->index, g);
}

FAC__VJP(index_add) {
    if (fac__needs(v, 0))
        v->in[0] = g;
    if (fac__needs(v, 1)) {
        fac_tensor *r = picked(g, a->dim, a->index, a->source);
        v->in[1] = fac_mul(r, fac__conj_number(a->alpha));
    }
}

FAC__VJP(index_copy) {
    if (fac__needs(v, 0))
        v->in[0] = fac_index_fill(g, a->dim, a->index, 0);
    if (fac__needs(v, 1))
        v->in[1] = picked(g, a->dim, a->index, a->source);
}

FAC__VJP(index_fill) {
    if (fac__needs(v, 0))
        v->in[0] = fac_index_fill(g, a->dim, a->index, 0);
    if (fac__needs(v, 1))
        v->in[1] = fac_sub(fac_sum(g), fac_sum(fac_index_fill(g, a->dim, a->index, 0)));
}

/* --- element by element ---------------------------------------------------------------------- */

FAC__VJP(gather) {
    v->in[0] = fac_scatter_add(zeros_of(a->input, g), a->dim, a->index, g);
}

/* The gradient of a source larger than the index is zero where nothing was read. */
static fac_tensor *gathered(fac_tensor *g, int64_t dim, fac_tensor *index, const fac_tensor *src) {
    fac_tensor *r = fac_gather(g, dim, index);
    for (int d = 0; d < src->ndim && !fac__is_bad(r); d++) {
        int64_t missing = src->sizes[d] - r->sizes[d];
        if (missing <= 0)
            continue;
        int64_t sizes[FAC_MAX_DIMS];
        for (int k = 0; k < r->ndim; k++)
            sizes[k] = k == d ? missing : r->sizes[k];
        fac_tensor *both[2] = {r, fac_zeros(((fac_ints){sizes, r->ndim, true}),
                                            .dtype = (fac_dtype)r->dtype, .device = r->device)};
        r = fac_cat(((fac_tensors){both, 2}), .dim = d);
    }
    return r;
}

FAC__VJP(scatter) {
    if (fac__needs(v, 0))
        v->in[0] = fac_scatter_value(g, a->dim, a->index, 0);
    if (fac__needs(v, 1))
        v->in[1] = gathered(g, a->dim, a->index, a->src);
}

FAC__VJP(scatter_value) {
    v->in[0] = fac_scatter_value(g, a->dim, a->index, 0);
}

FAC__VJP(scatter_src_reduce) {
    (void)g;
    (void)a;
    fac_set_error(FAC_ERROR_RUNTIME, "scatter with reduce= is not differentiable; use scatter_add "
                                     "or scatter_reduce");
    v->in[0] = fac_bad;
}
FAC__VJP(scatter_value_reduce) {
    (void)g;
    (void)a;
    fac_set_error(FAC_ERROR_RUNTIME, "scatter with reduce= is not differentiable; use scatter_add "
                                     "or scatter_reduce");
    v->in[0] = fac_bad;
}

FAC__VJP(scatter_add) {
    if (fac__needs(v, 0))
        v->in[0] = g;
    if (fac__needs(v, 1))
        v->in[1] = gathered(g, a->dim, a->index, a->src);
}

/* --- reductions at places -------------------------------------------------------------------- */

/* How index_reduce and scatter_reduce reach places: add values there, read them, overwrite them. */
struct places {
    bool whole; /* an index for every element (scatter), or one for every slice */
    int64_t dim;
    fac_tensor *index;
};

static fac_tensor *add_at(const struct places *p, fac_tensor *t, fac_tensor *src) {
    return p->whole ? fac_scatter_add(t, p->dim, p->index, src)
                    : fac_index_add(t, p->dim, p->index, src);
}
static fac_tensor *read_at(const struct places *p, fac_tensor *t) {
    return p->whole ? fac_gather(t, p->dim, p->index) : fac_index_select(t, p->dim, p->index);
}
static fac_tensor *clear_at(const struct places *p, fac_tensor *t) {
    return p->whole ? fac_scatter_value(t, p->dim, p->index, 0)
                    : fac_index_fill(t, p->dim, p->index, 0);
}

static void mean_at(struct fac__vjp *v, const struct places *p, fac_tensor *g, fac_tensor *self,
                    fac_tensor *src, bool include_self) {
    fac_dtype d = fac__real_of((fac_dtype)g->dtype);
    fac_tensor *n = fac_full_like(self, fac_int(include_self), .dtype = d);
    n = fac_clamp(add_at(p, n, fac_ones_like(src, .dtype = d)), .min = fac_value_of_int(1));
    v->in[0] = fac_div(g, n);
    v->in[1] = fac_div(read_at(p, g), read_at(p, n));
}

/* Equal extremes share the gradient. */
static void extreme_at(struct fac__vjp *v, const struct places *p, fac_tensor *g, fac_tensor *self,
                       fac_tensor *src, fac_tensor *result) {
    fac_tensor *own = fac__to(fac_eq(self, result), (fac_dtype)g->dtype);
    fac_tensor *theirs = fac__to(fac_eq(src, read_at(p, result)), (fac_dtype)g->dtype);
    fac_tensor *n = add_at(p, own, theirs);
    fac_tensor *share = fac_div(g, n);
    v->in[0] = fac_mul(own, share);
    v->in[1] = fac_mul(theirs, read_at(p, share));
}

/* Of a product with one zero only the zero has a gradient, the product of the rest; with more none
 * has. */
static void product_at(struct fac__vjp *v, const struct places *p, fac_tensor *g, fac_tensor *self,
                       fac_tensor *src, fac_tensor *result, bool include_self,
                       fac_tensor *(*reduce)(const void *, fac_tensor *, fac_tensor *),
                       const void *args) {
    fac_tensor *own_zero = fac_eq(self, 0), *zero = fac_eq(src, 0);
    fac_tensor *kept_self = fac_where(own_zero, 1, self), *kept = fac_where(zero, 1, src);
    fac_tensor *rest = reduce(args, kept_self, kept);
    fac_tensor *count = include_self ? fac__to(own_zero, (fac_dtype)g->dtype) : fac_zeros_like(g);
    count = add_at(p, count, fac__to(zero, (fac_dtype)count->dtype));
    (void)result;
    kept_self = fac__conj_of(kept_self);
    kept = fac__conj_of(kept);
    rest = fac__conj_of(rest);
    fac_tensor *one = fac_mul(fac_where(fac_eq(count, 1), rest, 0), g);
    fac_tensor *none = fac_mul(fac_where(fac_eq(count, 0), rest, 0), g);
    v->in[0] = fac_where(own_zero, one, fac_div(none, kept_self));
    v->in[1] = fac_where(zero, read_at(p, one), fac_div(read_at(p, none), kept));
}

static fac_tensor *index_product(const void *args, fac_tensor *self, fac_tensor *src) {
    const struct fac__index_reduce_args *a = args;
    return fac_index_reduce(self, a->dim, a->index, src, "prod",
                            .include_self = a->include_self ? FAC_TRUE : FAC_FALSE);
}
static fac_tensor *scatter_product(const void *args, fac_tensor *self, fac_tensor *src) {
    const struct fac__scatter_reduce_args *a = args;
    return fac_scatter_reduce(self, a->dim, a->index, src, "prod",
                              .include_self = a->include_self ? FAC_TRUE : FAC_FALSE);
}

FAC__VJP(index_reduce) {
    struct places p = {false, a->dim, a->index};
    if (a->reduce[0] == 'm')
        mean_at(v, &p, g, a->input, a->source, a->include_self);
    else if (a->reduce[0] == 'a')
        extreme_at(v, &p, g, a->input, a->source, v->out[0]);
    else
        product_at(v, &p, g, a->input, a->source, v->out[0], a->include_self, index_product, a);
    if (!a->include_self)
        v->in[0] = clear_at(&p, v->in[0]);
}

FAC__VJP(scatter_reduce) {
    struct places p = {true, a->dim, a->index};
    if (a->reduce[0] == 's') {
        v->in[0] = g;
        v->in[1] = fac_gather(g, a->dim, a->index);
    } else if (a->reduce[0] == 'm') {
        mean_at(v, &p, g, a->input, a->src, a->include_self);
    } else if (a->reduce[0] == 'a') {
        extreme_at(v, &p, g, a->input, a->src, v->out[0]);
    } else {
        product_at(v, &p, g, a->input, a->src, v->out[0], a->include_self, scatter_product, a);
    }
    if (!a->include_self)
        v->in[0] = clear_at(&p, v->in[0]);
}

/* --- the flattened input --------------------------------------------------------------------- */

FAC__VJP(take) {
    v->in[0] = fac_put(zeros_of(a->input, g), a->index, g, .accumulate = true);
}

FAC__VJP(put) {
    if (fac__needs(v, 0))
        v->in[0] = a->accumulate ? g : fac_put(g, a->index, zeros_of(a->source, g));
    if (fac__needs(v, 1))
        v->in[1] = fac_reshape(fac_take(g, a->index), fac__sizes_of(a->source));
}

/* --- masks ----------------------------------------------------------------------------------- */

FAC__VJP(masked_fill) {
    if (fac__needs(v, 0))
        v->in[0] = fac_masked_fill(g, a->mask, 0);
    if (fac__needs(v, 1))
        v->in[1] = fac_sum(fac_where(a->mask, g, 0));
}

FAC__VJP(masked_select) {
    int64_t sizes[FAC_MAX_DIMS];
    int n = a->mask->ndim;
    for (int d = 0; d < n; d++)
        sizes[d] = a->mask->sizes[d];
    if (fac__broadcast(&n, sizes, a->input->ndim, a->input->sizes) != 0)
        return;
    fac_tensor *zeros =
        fac_zeros(((fac_ints){sizes, n, true}), .dtype = (fac_dtype)g->dtype, .device = g->device);
    v->in[0] = fac_masked_scatter(zeros, a->mask, g);
}

FAC__VJP(masked_scatter) {
    if (fac__needs(v, 0))
        v->in[0] = fac_masked_fill(g, a->mask, 0);
    if (fac__needs(v, 1)) {
        fac_tensor *taken = fac_masked_select(g, a->mask);
        if (fac__is_bad(taken))
            return;
        int64_t missing = a->source->numel - taken->numel;
        fac_tensor *both[2] = {
            taken, fac_zeros(fac_dims(missing), .dtype = (fac_dtype)g->dtype, .device = g->device)};
        v->in[1] = fac_reshape(fac_cat(((fac_tensors){both, 2})), fac__sizes_of(a->source));
    }
}
