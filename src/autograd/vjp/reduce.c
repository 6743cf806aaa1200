/* Gradients of reductions. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <math.h>
#include <string.h>

/* A reduced gradient with its lost dimensions back, as size 1. */
fac_tensor *fac__restore_dims(fac_tensor *g, const fac_tensor *input, fac_ints dim, bool keepdim) {
    if (keepdim || input->ndim == 0 || dim.n == 0)
        return g;
    int64_t sizes[FAC_MAX_DIMS];
    int dims[FAC_MAX_DIMS];
    memcpy(sizes, input->sizes, sizeof(int64_t) * (size_t)input->ndim);
    if (fac__norm_dims(dim, input->ndim, dims) < 0)
        return fac_bad;
    for (int i = 0; i < dim.n; i++)
        sizes[dims[i]] = 1;
    return fac_view(fac_contiguous(g), ((fac_ints){sizes, input->ndim, true}));
}

FAC__VJP(sum) {
    g = fac__restore_dims(g, a->input, a->dim, a->keepdim);
    v->in[0] = fac_expand(g, fac__sizes_of(a->input));
}

/* How many elements of `input` go into one of the result. */
static int64_t folded(const fac_tensor *input, fac_ints dim) {
    int64_t n = 1;
    int dims[FAC_MAX_DIMS];
    if (dim.n == 0)
        return input->numel;
    fac__norm_dims(dim, input->ndim, dims);
    for (int i = 0; input->ndim > 0 && i < dim.n; i++)
        n *= input->sizes[dims[i]];
    return n;
}

static fac_ints one_dim(const fac_opt_int *dim) {
    return (fac_ints){&dim->value, dim->given, dim->given};
}

FAC__VJP(mean) {
    g = fac_div(fac__restore_dims(g, a->input, a->dim, a->keepdim), folded(a->input, a->dim));
    v->in[0] = fac_expand(g, fac__sizes_of(a->input));
}

FAC__VJP(nansum) {
    g = fac_expand(fac__restore_dims(g, a->input, a->dim, a->keepdim), fac__sizes_of(a->input));
    v->in[0] = fac_mul(g, fac_logical_not(fac_isnan(a->input)));
}

/* The product of the others along dim, where some may be zero: what comes before times what comes
 * after. */
static fac_tensor *product_of_others(fac_tensor *x, int64_t dim) {
    int64_t n = x->ndim == 0 ? 1 : x->sizes[dim];
    if (n <= 1)
        return fac_ones_like(x);
    fac_tensor *one = fac_ones_like(fac_narrow(x, dim, 0, 1));
    fac_tensor *before[2] = {one, fac_cumprod(fac_narrow(x, dim, 0, n - 1), dim)};
    fac_tensor *rest = fac_flip(fac_narrow(x, dim, 1, n - 1), fac_dims(dim));
    fac_tensor *after[2] = {fac_flip(fac_cumprod(rest, dim), fac_dims(dim)), one};
    return fac_mul(fac_cat(((fac_tensors){before, 2}), .dim = dim),
                   fac_cat(((fac_tensors){after, 2}), .dim = dim));
}

FAC__VJP(prod) {
    fac_ints dim = one_dim(&a->dim);
    fac_tensor *x = a->input, *others;
    bool whole = dim.n == 0 || x->ndim == 0;
    if (whole)
        others = fac_reshape(product_of_others(fac_reshape(x, fac_dims(-1)), 0), fac__sizes_of(x));
    else
        others = product_of_others(x, dim.values[0] < 0 ? dim.values[0] + x->ndim : dim.values[0]);
    v->in[0] = fac_mul(fac__restore_dims(g, x, dim, a->keepdim), fac__conj_of(others));
}

/* --- extremes -------------------------------------------------------------------------------- */

/* Where x has the extreme m (of its shape, reduced dimensions of size 1); NaN is one as well. */
static fac_tensor *attained(fac_tensor *x, fac_tensor *m) {
    fac_tensor *at = fac_eq(x, m);
    return fac__is_float((fac_dtype)x->dtype)
               ? fac_logical_or(at, fac_logical_and(fac_isnan(x), fac_isnan(m)))
               : at;
}

/* g shared evenly among those who attain the extreme. */
static fac_tensor *shared(fac_tensor *g, fac_tensor *x, fac_tensor *m, fac_ints dim, bool keepdim) {
    g = fac__restore_dims(g, x, dim, keepdim);
    m = fac__restore_dims(m, x, dim, keepdim);
    fac_tensor *at = attained(fac_detach(x), fac_detach(m));
    bool all = dim.n == 0 && x->ndim > 0;
    fac_tensor *count = all ? fac_sum(at) : fac_sum(at, .dim = dim, .keepdim = true);
    return fac_mul(fac_div(g, count), at);
}

FAC__VJP(max) {
    v->in[0] = shared(g, a->input, v->out[0], FAC_NO_DIMS, false);
}
FAC__VJP(min) {
    v->in[0] = shared(g, a->input, v->out[0], FAC_NO_DIMS, false);
}
FAC__VJP(amax) {
    v->in[0] = shared(g, a->input, v->out[0], a->dim, a->keepdim);
}

FAC__VJP(aminmax) {
    fac_ints dim = one_dim(&a->dim);
    (void)g;
    fac_tensor *low = NULL, *high = NULL;
    if (v->grad[0] != NULL)
        low = shared(v->grad[0], a->input, v->out[0], dim, a->keepdim);
    if (v->grad[1] != NULL)
        high = shared(v->grad[1], a->input, v->out[1], dim, a->keepdim);
    v->in[0] = low == NULL ? high : high == NULL ? low : fac_add(low, high);
}

/* g at the places `index` along dim, zeros elsewhere. */
FAC__VJP(max_dim) {
    const fac_tensor *x = a->input;
    fac_tensor *index = v->out[1];
    if (x->ndim == 0) {
        v->in[0] = g;
        return;
    }
    int64_t dim = a->dim < 0 ? a->dim + x->ndim : a->dim;
    if (!a->keepdim) {
        g = fac_unsqueeze(g, dim);
        index = fac_unsqueeze(index, dim);
    }
    int64_t shape[FAC_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++)
        shape[d] = d == dim ? x->sizes[d] : 1;
    fac_tensor *places = fac_arange(0, x->sizes[dim], .dtype = FAC_INT64, .device = x->device);
    places = fac_view(places, ((fac_ints){shape, x->ndim, true}));
    v->in[0] = fac_where(fac_eq(index, places), g, 0);
}

/* --- moments and norms ----------------------------------------------------------------------- */

static fac_tensor *var_gradient(fac_tensor *g, fac_tensor *x, fac_ints dim, fac_scalar correction,
                                bool keepdim) {
    double c = fac__given(correction) ? fac__scalar_double(correction) : 1;
    double n = (double)folded(x, dim) - c;
    fac_tensor *mean = fac_mean(x, .dim = dim, .keepdim = dim.n > 0);
    g = fac__restore_dims(g, x, dim, keepdim);
    fac_tensor *away = fac_sub(x, mean);
    if (n <= 0) /* the variance is NaN or inf, and so is its gradient */
        return fac_mul(fac_mul(g, away), INFINITY);
    return fac_mul(fac_mul(g, 2 / n), away);
}

static fac_tensor *std_gradient(fac_tensor *g, fac_tensor *x, fac_tensor *std, fac_ints dim,
                                fac_scalar correction, bool keepdim) {
    fac_tensor *of_var = fac_masked_fill(fac_div(g, fac_mul(std, 2)), fac_eq(std, 0), 0);
    return var_gradient(of_var, x, dim, correction, keepdim);
}

FAC__VJP(var) {
    v->in[0] = var_gradient(g, a->input, a->dim, a->correction, a->keepdim);
}
FAC__VJP(std) {
    v->in[0] = std_gradient(g, a->input, v->out[0], a->dim, a->correction, a->keepdim);
}

static fac_tensor *mean_gradient(fac_tensor *g, fac_tensor *x, fac_ints dim, bool keepdim) {
    g = fac_div(fac__restore_dims(g, x, dim, keepdim), folded(x, dim));
    return fac_expand(g, fac__sizes_of(x));
}

static void with_mean(struct fac__vjp *v, fac_tensor *moment, fac_tensor *x, fac_ints dim,
                      bool keepdim) {
    fac_tensor *mean = v->grad[1] == NULL ? NULL : mean_gradient(v->grad[1], x, dim, keepdim);
    v->in[0] = moment == NULL ? mean : mean == NULL ? moment : fac_add(moment, mean);
}

FAC__VJP(var_mean) {
    fac_tensor *moment =
        g == NULL ? NULL : var_gradient(g, a->input, a->dim, a->correction, a->keepdim);
    with_mean(v, moment, a->input, a->dim, a->keepdim);
}
FAC__VJP(std_mean) {
    fac_tensor *moment =
        g == NULL ? NULL : std_gradient(g, a->input, v->out[0], a->dim, a->correction, a->keepdim);
    with_mean(v, moment, a->input, a->dim, a->keepdim);
}

FAC__VJP(linalg_vector_norm) {
    double p = fac__scalar_double(a->ord);
    fac_tensor *x = a->x;
    g = fac__restore_dims(g, x, a->dim, a->keepdim);
    fac_tensor *norm = fac__restore_dims(v->out[0], x, a->dim, a->keepdim);
    if (p == 0)
        return; /* a count has no gradient, not even of zeros */
    if (p == 1) {
        v->in[0] = fac_mul(fac_sgn(x), g);
    } else if (p == 2) {
        v->in[0] = fac_mul(g, fac_masked_fill(fac_div(x, norm), fac_eq(norm, 0), 0));
    } else if (isinf(p)) {
        fac_tensor *size = fac_abs(x), *at = attained(fac_detach(size), fac_detach(norm));
        bool all = a->dim.n == 0 && x->ndim > 0;
        fac_tensor *count = all ? fac_sum(at) : fac_sum(at, .dim = a->dim, .keepdim = true);
        v->in[0] = fac_mul(fac_sgn(x), fac_mul(fac_div(g, count), at));
    } else if (p < 1) {
        /* where x is 0, the true one is infinite */
        fac_tensor *size = fac_pow(fac_abs(x), fac_float(p - 1));
        size = fac_mul(fac_sgn(x), fac_masked_fill(size, fac_eq(x, 0), 0));
        v->in[0] = fac_mul(fac_mul(size, g), fac_pow(norm, fac_float(1 - p)));
    } else {
        fac_tensor *size = p < 2 ? fac_mul(fac_sgn(x), fac_pow(fac_abs(x), fac_float(p - 1)))
                                 : fac_mul(x, fac_pow(fac_abs(x), fac_float(p - 2)));
        fac_tensor *scale = fac_div(g, fac_pow(norm, fac_float(p - 1)));
        v->in[0] = fac_mul(size, fac_masked_fill(scale, fac_eq(norm, 0), 0));
    }
}

/* --- along one dimension, without losing it -------------------------------------------------- */

FAC__VJP(logsumexp) {
    g = fac__restore_dims(g, a->input, a->dim, a->keepdim);
    fac_tensor *r = fac__restore_dims(v->out[0], a->input, a->dim, a->keepdim);
    fac_tensor *away = fac_sub(a->input, fac_where(fac_eq(fac_abs(r), INFINITY), 0, r));
    v->in[0] = fac_mul(g, fac__conj_of(fac_exp(away)));
}

FAC__VJP(_softmax) {
    v->in[0] = fac__softmax_backward_data(g, v->out[0], a->dim);
}

FAC__VJP(_softmax_backward_data) {
    fac_tensor *y = a->output, *own = a->grad_output;
    if (fac__needs(v, 0))
        v->in[0] = fac__softmax_backward_data(g, y, a->dim);
    if (fac__needs(v, 1)) {
        fac_tensor *mine = fac_sum(fac_mul(own, y), .dim = fac_dims(a->dim), .keepdim = true);
        fac_tensor *theirs = fac_sum(fac_mul(g, y), .dim = fac_dims(a->dim), .keepdim = true);
        v->in[1] = fac_sub(fac_mul(g, fac_sub(own, mine)), fac_mul(own, theirs));
    }
}

FAC__VJP(_log_softmax) {
    v->in[0] = fac__log_softmax_backward_data(g, v->out[0], a->dim);
}

FAC__VJP(_log_softmax_backward_data) {
    fac_tensor *y = fac_exp(a->output);
    fac_tensor *weighted = fac_sum(fac_mul(g, y), .dim = fac_dims(a->dim), .keepdim = true);
    if (fac__needs(v, 0))
        v->in[0] = fac_sub(g, weighted);
    if (fac__needs(v, 1)) {
        fac_tensor *sum = fac_sum(a->grad_output, .dim = fac_dims(a->dim), .keepdim = true);
        v->in[1] = fac_neg(fac_mul(fac_mul(g, y), sum));
    }
}

FAC__VJP(trace) {
    const fac_tensor *x = a->input;
    int64_t n = x->sizes[0] < x->sizes[1] ? x->sizes[0] : x->sizes[1];
    v->in[0] = fac_diagonal_backward(fac_expand(g, fac_dims(n)), fac__sizes_of(x), 0, 0, 1);
}

/* Sums from each place to the end. */
static fac_tensor *sums_to_come(fac_tensor *t, int64_t dim) {
    if (t->ndim == 0)
        return t;
    return fac_flip(fac_cumsum(fac_flip(t, fac_dims(dim)), dim), fac_dims(dim));
}

FAC__VJP(cumsum) {
    v->in[0] = sums_to_come(g, a->dim);
}

static bool any_zero(fac_tensor *zero) {
    fac_scalar s = fac_boolean(false);
    if (fac__is_bad(zero) || zero->device.type == FAC_META || (zero->features & FAC__WRAPPED))
        return false;
    return fac__item(fac_any(zero), &s) == 0 && s.as.b;
}

/* Place by place, without a division: for k, the products that k is in are taken without it. Slow,
 * but itself differentiable where x is zero. */
static fac_tensor *cumprod_by_place(fac_tensor *x, fac_tensor *g, int64_t dim) {
    if (dim < 0)
        dim += x->ndim;
    int64_t n = x->sizes[dim];
    fac_tensor **parts = fac__alloc((size_t)n * sizeof *parts);
    if (parts == NULL)
        return fac_bad;
    fac_tensor *before = NULL; /* the product of all places before k */
    for (int64_t k = 0; k < n; k++) {
        fac_tensor *here = fac_narrow(x, dim, k, 1);
        fac_tensor *rest = fac_sum(fac_narrow(g, dim, k, 1), .dim = fac_dims(dim), .keepdim = true);
        if (k + 1 < n) {
            fac_tensor *later = fac_cumprod(fac_narrow(x, dim, k + 1, n - k - 1), dim);
            fac_tensor *gl = fac_narrow(g, dim, k + 1, n - k - 1);
            rest = fac_add(rest, fac_sum(fac_mul(gl, fac__conj_of(later)), .dim = fac_dims(dim),
                                         .keepdim = true));
        }
        parts[k] = before == NULL ? rest : fac_mul(rest, fac__conj_of(before));
        before = before == NULL ? here : fac_mul(before, here);
    }
    fac_tensor *r = fac_cat(((fac_tensors){parts, (int)n}), .dim = dim);
    fac__free(parts, (size_t)n * sizeof *parts);
    return r;
}

/* A zero's derivative is that of the product without it; only the first zero of a line has one. */
FAC__VJP(cumprod) {
    fac_tensor *x = a->input, *zero = fac_eq(fac_detach(x), 0);
    if (x->dtype != g->dtype)
        x = fac__to(x, (fac_dtype)g->dtype);
    if (fac_grad_mode() && x->ndim > 0 && x->numel > 0 && any_zero(zero)) {
        v->in[0] = cumprod_by_place(x, g, a->dim);
        return;
    }
    fac_tensor *first =
        fac_logical_and(zero, fac_eq(fac_cumsum(zero, a->dim, .dtype = FAC_INT64), 1));
    fac_tensor *kept = fac_where(first, 1, x);
    fac_tensor *divisor = fac_where(zero, 1, x);
    fac_tensor *at_zero = sums_to_come(fac_mul(g, fac__conj_of(fac_cumprod(kept, a->dim))), a->dim);
    fac_tensor *r =
        fac_div(sums_to_come(fac_mul(g, fac__conj_of(v->out[0])), a->dim), fac__conj_of(divisor));
    v->in[0] = fac_where(first, at_zero, fac_where(zero, 0, r));
}

void fac__vjp_cummax(struct fac__vjp *v) {
    const struct fac__cummax_args *a = v->args;
    fac_tensor *g = v->grad[0];
    fac_tensor *zeros =
        fac_zeros(fac__sizes_of(a->input), .dtype = (fac_dtype)g->dtype, .device = g->device);
    v->in[0] = fac_scatter_add(zeros, a->dim, v->out[1], g);
}
