/* Gradients of embeddings, losses over classes and normalisation.
 *
 * Note [Fused gradients]: where a gradient has a kernel of its own, that kernel runs when the walk
 * is not recorded; when it is (create_graph), the same gradient is written out in public ops, which
 * differentiate to any order. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/autograd.h>
#include <facula/ops.h>

/* --- embedding ------------------------------------------------------------------------------- */

FAC__VJP(embedding) {
    if (a->sparse) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "embedding: sparse gradients are not available");
        v->in[0] = fac_bad;
        return;
    }
    v->in[0] = fac_embedding_dense_backward(g, a->indices, a->weight->sizes[0], a->padding_idx,
                                            a->scale_grad_by_freq);
}

FAC__VJP(embedding_dense_backward) {
    fac_tensor *r = fac_embedding(g, a->indices);
    if (a->padding_idx >= 0 && !fac__is_bad(r)) {
        fac_tensor *pad = fac_eq(fac_unsqueeze(a->indices, -1), a->padding_idx);
        r = fac_where(pad, 0, r);
    }
    if (a->scale_grad_by_freq) {
        fac_tensor *ones = fac_ones(fac__sizes_of(a->indices), .dtype = (fac_dtype)g->dtype);
        fac_tensor *count = fac_embedding_dense_backward(fac_unsqueeze(ones, -1), a->indices,
                                                         a->num_weights, -1, false);
        r = fac_div(r, fac_embedding(count, a->indices));
    }
    v->in[0] = r;
}

/* --- losses over classes --------------------------------------------------------------------- */

FAC__VJP(nll_loss_forward) {
    v->in[0] = fac_nll_loss_backward(g, fac__sizes_of(a->input), a->target, a->weight, a->reduction,
                                     a->ignore_index, v->out[1]);
}

/* Linear in the gradient: the loss of g as if it were log-probabilities, by the same weights. */
FAC__VJP(nll_loss_backward) {
    fac_tensor *r[2];
    int64_t reduction = a->reduction == 0 ? 0 : 2;
    fac_nll_loss_forward(g, a->target, a->weight, reduction, a->ignore_index, r);
    v->in[0] = a->reduction == 1 ? fac_div(r[0], a->total_weight) : r[0];
}

FAC__VJP(_cross_entropy) {
    fac_tensor *x = a->input, *log_sum = v->out[1], *total = v->out[2];
    if (!fac_grad_mode()) {
        v->in[0] = fac__cross_entropy_backward(g, x, a->target, a->weight, a->reduction,
                                               a->ignore_index, log_sum, total);
        return;
    }
    fac_tensor *top = fac_slice(log_sum, .dim = 1, .end = fac_some(1));
    fac_tensor *e = fac_exp(fac_sub(fac__to(x, (fac_dtype)top->dtype), top));
    fac_tensor *p = fac_div(e, fac_sum(e, .dim = fac_dims(1), .keepdim = true));
    fac_tensor *d = fac_nll_loss_backward(g, fac__sizes_of(x), a->target, a->weight, a->reduction,
                                          a->ignore_index, fac__to(total, (fac_dtype)x->dtype));
    d = fac__to(d, (fac_dtype)top->dtype);
    v->in[0] = fac_sub(d, fac_mul(p, fac_sum(d, .dim = fac_dims(1), .keepdim = true)));
}

/* --- normalisation --------------------------------------------------------------------------- */

struct normal {
    fac_tensor *x, *mean, *rstd; /* mean and rstd broadcast to x */
    fac_ints dims;               /* what the statistics run over */
    double count;
};

static fac_tensor *mean_over(const struct normal *n, fac_tensor *t) {
    return fac_div(fac_sum(t, .dim = n->dims, .keepdim = true), n->count);
}

/* The statistics again, as functions of x. */
static void statistics(struct normal *n, double eps) {
    n->mean = mean_over(n, n->x);
    fac_tensor *d = fac_sub(n->x, n->mean);
    n->rstd = fac_rsqrt(fac_add(mean_over(n, fac_mul(d, d)), eps));
}

static fac_tensor *normalised(const struct normal *n) {
    return fac_mul(fac_sub(n->x, n->mean), n->rstd);
}

/* The gradient of x from that of the normalised value. */
static fac_tensor *through(const struct normal *n, fac_tensor *g) {
    fac_tensor *y = normalised(n);
    fac_tensor *inner =
        fac_sub(fac_sub(g, mean_over(n, g)), fac_mul(y, mean_over(n, fac_mul(g, y))));
    return fac_mul(inner, n->rstd);
}

static fac_tensor *scaled(fac_tensor *g, fac_tensor *weight) {
    return weight == NULL ? g : fac_mul(g, weight);
}

static void set_gradients(struct fac__vjp *v, fac_tensor *const r[3], fac_ints shape) {
    if (fac__needs(v, 0))
        v->in[0] = r[0];
    if (fac__needs(v, 1))
        v->in[1] = fac_reshape(r[1], shape);
    if (fac__needs(v, 2))
        v->in[2] = fac_reshape(r[2], shape);
}

FAC__VJP(native_layer_norm) {
    fac_tensor *x = a->input;
    int k = a->normalized_shape.n, outer = g->ndim - k;
    int64_t inner = 1, dims[FAC_MAX_DIMS];
    for (int i = 0; i < k; i++)
        inner *= a->normalized_shape.values[i];
    for (int i = 0; i < g->ndim; i++)
        dims[i] = i;
    fac_ints rows = {dims, outer, true};
    fac_tensor *r[3] = {NULL, NULL, NULL};
    if (!fac__needs(v, 0) && !fac__needs(v, 1)) {
        v->in[2] = outer == 0 ? g : fac_sum(g, .dim = rows);
        return;
    }
    if (!fac_grad_mode()) {
        fac__layer_norm_backward(g, x, inner, v->out[1], v->out[2], a->weight, r);
        set_gradients(v, r, a->normalized_shape);
        return;
    }
    fac_dtype wide = fac__opmath((fac_dtype)x->dtype);
    struct normal n = {
        .x = fac__to(x, wide), .dims = {dims + outer, k, true}, .count = (double)inner};
    g = fac__to(g, wide);
    statistics(&n, a->eps);
    if (fac__needs(v, 0))
        v->in[0] = through(&n, scaled(g, a->weight));
    if (fac__needs(v, 1))
        v->in[1] = outer == 0 ? fac_mul(g, normalised(&n))
                              : fac_sum(fac_mul(g, normalised(&n)), .dim = rows);
    if (fac__needs(v, 2))
        v->in[2] = outer == 0 ? g : fac_sum(g, .dim = rows);
}

/* A vector of channels as (1, c, 1, ...). */
static fac_tensor *by_channel(fac_tensor *t, int ndim) {
    int64_t sizes[FAC_MAX_DIMS];
    if (t == NULL)
        return NULL;
    for (int i = 0; i < ndim; i++)
        sizes[i] = i == 1 ? t->numel : 1;
    return fac_reshape(t, ((fac_ints){sizes, ndim, true}));
}

FAC__VJP(native_batch_norm) {
    fac_tensor *x = a->input, *r[3] = {NULL, NULL, NULL};
    int64_t dims[FAC_MAX_DIMS], c = g->sizes[1];
    int k = 0;
    for (int i = 0; i < g->ndim; i++)
        if (i != 1)
            dims[k++] = i;
    fac_ints others = {dims, k, true};
    if (!fac__needs(v, 0) && !fac__needs(v, 1)) {
        v->in[2] = fac_sum(g, .dim = others);
        return;
    }
    fac_tensor *mean = v->out[1], *invstd = v->out[2];
    fac_dtype wide = fac__opmath((fac_dtype)x->dtype);
    if (!a->training) {
        mean = fac__to(a->running_mean, wide);
        invstd = fac_rsqrt(fac_add(fac__to(a->running_var, wide), a->eps));
    }
    if (!fac_grad_mode()) {
        fac__batch_norm_backward(g, x, a->weight, mean, invstd, a->training, r);
        set_gradients(v, r, fac_dims(c));
        return;
    }
    struct normal n = {
        .x = fac__to(x, wide), .dims = others, .count = (double)(g->numel / (c ? c : 1))};
    g = fac__to(g, wide);
    if (a->training) {
        statistics(&n, a->eps);
    } else {
        n.mean = by_channel(mean, g->ndim);
        n.rstd = by_channel(invstd, g->ndim);
    }
    fac_tensor *gw = scaled(g, by_channel(a->weight, g->ndim));
    if (fac__needs(v, 0))
        v->in[0] = a->training ? through(&n, gw) : fac_mul(gw, n.rstd);
    if (fac__needs(v, 1))
        v->in[1] = fac_sum(fac_mul(g, normalised(&n)), .dim = others);
    if (fac__needs(v, 2))
        v->in[2] = fac_sum(g, .dim = others);
}

FAC__VJP(native_group_norm) {
    fac_tensor *x = a->input, *r[3] = {NULL, NULL, NULL};
    fac_ints channels = fac_dims(a->C);
    if (!fac__needs(v, 0) && !fac__needs(v, 1)) {
        v->in[2] = fac_sum(fac_reshape(g, fac_dims(a->N, a->C, a->HxW)), .dim = fac_dims(0, 2));
        return;
    }
    if (!fac_grad_mode()) {
        fac__group_norm_backward(g, x, v->out[1], v->out[2], a->weight, a->N, a->C, a->HxW,
                                 a->group, r);
        set_gradients(v, r, channels);
        return;
    }
    /* (n, groups, channels of a group, positions) */
    int64_t k = a->C / a->group;
    fac_dtype wide = fac__opmath((fac_dtype)x->dtype);
    fac_ints four = fac_dims(a->N, a->group, k, a->HxW);
    struct normal n = {.x = fac_reshape(fac__to(x, wide), four),
                       .dims = fac_dims(2, 3),
                       .count = (double)(k * a->HxW)};
    fac_tensor *w = a->weight == NULL ? NULL : fac_reshape(a->weight, fac_dims(a->group, k, 1));
    fac_tensor *g4 = fac_reshape(fac__to(g, wide), four);
    statistics(&n, a->eps);
    if (fac__needs(v, 0))
        v->in[0] = fac_reshape(through(&n, scaled(g4, w)), fac__sizes_of(g));
    if (fac__needs(v, 1))
        v->in[1] =
            fac_reshape(fac_sum(fac_mul(g4, normalised(&n)), .dim = fac_dims(0, 3)), channels);
    if (fac__needs(v, 2))
        v->in[2] = fac_reshape(fac_sum(g4, .dim = fac_dims(0, 3)), channels);
}
