/* Losses over classes and normalisation as calls of their kernels. */
#include "../autograd/helpers.h"
#include "../core/composite.h"
#include "../rules/rules.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <string.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

#define FAIL(code, ...)                                                                            \
    do {                                                                                           \
        fac__fail(FAC_ERROR_##code, __VA_ARGS__);                                                  \
        return fac_bad;                                                                            \
    } while (0)

/* --- losses over classes --------------------------------------------------------------------- */

COMPOSITE(nll_loss) {
    fac_tensor *r[2];
    fac_nll_loss_forward(a->input, a->target, a->weight, a->reduction, a->ignore_index, r);
    out[0] = r[0];
}

COMPOSITE(nll_loss2d) {
    fac_tensor *r[2];
    if (a->input->ndim != 4 || a->target->ndim != 3) {
        fac_tensor *t = a->target->ndim != 3 ? a->target : a->input;
        fac__fail(FAC_ERROR_RUNTIME,
                  t == a->target ? "only batches of spatial targets supported (3D tensors) but got "
                                   "targets of dimension: %d"
                                 : "only batches of spatial inputs supported (4D tensors), but got "
                                   "input of dimension: %d",
                  t->ndim);
        out[0] = fac_bad;
        return;
    }
    fac_nll_loss2d_forward(a->input, a->target, a->weight, a->reduction, a->ignore_index, r);
    out[0] = r[0];
}

static int check_batch(const fac_tensor *x, const fac_tensor *t) {
    if (x->ndim < 1)
        return fac__fail(FAC_ERROR_VALUE, "Expected 1 or more dimensions (got 0)");
    int64_t n = t->ndim == 0 ? 0 : t->sizes[0];
    if (x->ndim != 1 && x->sizes[0] != n)
        return fac__fail(FAC_ERROR_VALUE,
                         "Expected input batch_size (%lld) to match target batch_size (%lld).",
                         (long long)x->sizes[0], (long long)n);
    return 0;
}

/* Three dimensions, or more than four, are folded into (n, c, 1, positions). */
static int check_positions(const fac_tensor *x, const fac_tensor *t) {
    bool same = t->ndim == x->ndim - 1;
    for (int i = 2; same && i < x->ndim; i++)
        same = t->sizes[i - 1] == x->sizes[i];
    if (same)
        return 0;
    int64_t want[FAC_MAX_DIMS];
    want[0] = x->sizes[0];
    for (int i = 2; i < x->ndim; i++)
        want[i - 1] = x->sizes[i];
    return fac__fail(FAC_ERROR_RUNTIME, "Expected target size %s, got %s",
                     fac__shape_text(x->ndim - 1, want), fac__shape_text(t->ndim, t->sizes));
}

/* out[1] is the total weight. */
static int nll(fac_tensor *x, fac_tensor *t, fac_tensor *weight, int64_t reduction, int64_t ignore,
               fac_tensor **r) {
    r[0] = r[1] = fac_bad;
    if (fac__is_bad(x) || check_batch(x, t) != 0)
        return -1;
    if (x->ndim <= 2)
        return fac_nll_loss_forward(x, t, weight, reduction, ignore, r);
    if (x->ndim == 4)
        return fac_nll_loss2d_forward(x, t, weight, reduction, ignore, r);
    if (check_positions(x, t) != 0)
        return -1;
    int64_t n = x->sizes[0], c = x->sizes[1], s = 1;
    for (int i = 2; i < x->ndim; i++)
        s *= x->sizes[i];
    fac_nll_loss2d_forward(fac_reshape(x, fac_dims(n, c, 1, s)), fac_reshape(t, fac_dims(n, 1, s)),
                           weight, reduction, ignore, r);
    if (reduction == 0)
        r[0] = fac_reshape(r[0], fac__sizes_of(t));
    return fac__is_bad(r[0]) ? -1 : 0;
}

COMPOSITE(nll_loss_nd) {
    fac_tensor *r[2];
    nll(a->input, a->target, a->weight, a->reduction, a->ignore_index, r);
    out[0] = r[0];
}

/* Class indices without smoothing: rows of logits in one pass, other shapes in PyTorch's two, whose
 * nodes people see. */
static fac_tensor *entropy_of_indices(const struct fac__cross_entropy_loss_args *a) {
    fac_tensor *x = a->input, *t = a->target, *r[3];
    if (check_batch(x, t) != 0)
        return fac_bad;
    if (x->ndim == 2)
        fac__cross_entropy(x, t, a->weight, a->reduction, a->ignore_index, r);
    else
        nll(fac_log_softmax(x, x->ndim == 1 ? 0 : 1), t, a->weight, a->reduction, a->ignore_index,
            r);
    return r[0];
}

static bool same_shape(const fac_tensor *x, const fac_tensor *y) {
    return x->ndim == y->ndim && memcmp(x->sizes, y->sizes, sizeof(int64_t) * (size_t)x->ndim) == 0;
}

/* A weight a class, as a factor of x; -1: the error is set. */
static int class_weight(const char *text, const fac_tensor *x, fac_tensor *w, int dim,
                        fac_tensor **to) {
    *to = w;
    if (w == NULL)
        return 0;
    if (w->ndim != 1 || w->numel != x->sizes[dim])
        return fac__fail(FAC_ERROR_RUNTIME, text, (long long)x->sizes[dim],
                         fac__shape_text(w->ndim, w->sizes));
    int64_t sizes[FAC_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        sizes[i] = i == dim ? w->numel : 1;
    *to = fac_reshape(w, ((fac_ints){sizes, x->ndim, true}));
    return 0;
}

static fac_tensor *entropy_of_probabilities(const struct fac__cross_entropy_loss_args *a) {
    fac_tensor *x = a->input, *t = a->target, *w;
    int dim = x->ndim == 1 ? 0 : 1;
    if (!fac__is_float((fac_dtype)t->dtype) && !fac__is_complex((fac_dtype)t->dtype))
        FAIL(RUNTIME, "Expected floating point type for target with class probabilities, got %s",
             fac__scalar_type_name((fac_dtype)t->dtype));
    if (a->ignore_index >= 0)
        FAIL(RUNTIME, "ignore_index is not supported for floating point target");
    if (x->ndim == 0)
        FAIL(INDEX, "Dimension out of range (expected to be in range of [-1, 0], but got 1)");
    int64_t classes = x->sizes[dim];
    if (class_weight(
            "cross_entropy: weight tensor should be defined either for all %lld classes or no "
            "classes but got weight tensor of shape: %s",
            x, a->weight, dim, &w) != 0)
        return fac_bad;
    if (a->label_smoothing > 0)
        t = fac_add(fac_mul(t, 1 - a->label_smoothing), a->label_smoothing / (double)classes);
    fac_tensor *l = fac_mul(fac_log_softmax(x, dim), t);
    if (w != NULL)
        l = fac_mul(l, w);
    if (fac__check_reduction(a->reduction) != 0)
        return fac_bad;
    if (a->reduction == 0)
        return fac_neg(fac_sum(l, .dim = fac_dims(dim)));
    l = fac_neg(fac_sum(l));
    return a->reduction == 1 ? fac_div(l, (double)(classes == 0 ? 0 : x->numel / classes)) : l;
}

/* (1 - e) times the loss of the indices, and e times the mean of all classes' losses. */
static fac_tensor *smoothed(const struct fac__cross_entropy_loss_args *a) {
    fac_tensor *x = a->input, *t = a->target, *w, *r[2];
    double e = a->label_smoothing;
    if (!(e > 0 && e <= 1))
        FAIL(RUNTIME, "label_smoothing must be between 0.0 and 1.0. Got: %g", e);
    if (x->ndim == 0)
        FAIL(VALUE, "Expected 1 or more dimensions (got 0)");
    int dim = x->ndim == 1 ? 0 : 1;
    fac_tensor *l = fac_log_softmax(x, dim);
    if (nll(l, t, a->weight, a->reduction, a->ignore_index, r) != 0)
        return fac_bad;
    if (class_weight(
            "weight tensor should be defined either for all %lld classes or no classes but got "
            "weight tensor of shape: %s",
            x, a->weight, dim, &w) != 0)
        return fac_bad;
    fac_tensor *all = fac_neg(fac_sum(w == NULL ? l : fac_mul(l, w), .dim = fac_dims(dim)));
    if (fac__is_bad(all))
        return all;
    fac_tensor *ignored = fac_eq(fac_reshape(t, fac__sizes_of(all)), a->ignore_index);
    all = fac_where(ignored, 0, all);
    if (a->reduction == 1) /* divided by what the indices' own mean is */
        all = fac_div(fac_sum(all), r[1]);
    else if (a->reduction == 2)
        all = fac_sum(all);
    return fac_add(fac_mul(r[0], 1 - e), fac_mul(all, e / (double)x->sizes[dim]));
}

COMPOSITE(cross_entropy_loss) {
    if (same_shape(a->input, a->target))
        out[0] = entropy_of_probabilities(a);
    else
        out[0] = a->label_smoothing > 0 ? smoothed(a) : entropy_of_indices(a);
}

/* --- normalisation --------------------------------------------------------------------------- */

COMPOSITE(layer_norm) {
    fac_tensor *r[3];
    fac_native_layer_norm(a->input, a->normalized_shape, a->weight, a->bias, a->eps, r);
    out[0] = r[0];
}

COMPOSITE(batch_norm) {
    fac_tensor *r[3];
    if (a->input->numel == 0) { /* of any shape: nothing to normalise, but a graph */
        fac_tensor *y = fac_clone(a->input);
        if (a->weight != NULL && a->weight->numel > 0)
            y = fac_mul(y, fac_select(a->weight, 0, 0));
        if (a->bias != NULL && a->bias->numel > 0)
            y = fac_add(y, fac_select(a->bias, 0, 0));
        out[0] = y;
        return;
    }
    fac_native_batch_norm(a->input, a->weight, a->bias, a->running_mean, a->running_var,
                          a->training, a->momentum, a->eps, r);
    out[0] = r[0];
}

static fac_tensor *grouped(const struct fac__group_norm_args *a) {
    fac_tensor *x = a->input, *r[3];
    if (x->ndim < 2)
        FAIL(INDEX, "Dimension out of range (expected to be in range of [%d, %d], but got 1)",
             x->ndim == 0 ? -1 : -x->ndim, x->ndim == 0 ? 0 : x->ndim - 1);
    int64_t s = 1;
    for (int i = 2; i < x->ndim; i++)
        s *= x->sizes[i];
    fac_native_group_norm(x, a->weight, a->bias, x->sizes[0], x->sizes[1], s, a->num_groups, a->eps,
                          r);
    return r[0];
}

COMPOSITE(group_norm) {
    out[0] = grouped(a);
}

static fac_tensor *repeated(fac_tensor *t, int64_t n) {
    return t == NULL ? NULL : fac_reshape(fac_expand(t, fac_dims(n, t->numel)), fac_dims(-1));
}

/* The mean over samples of statistics that batch_norm moved, put back. */
static bool put_back(fac_tensor *to, fac_tensor *from, int64_t n) {
    if (to == NULL)
        return true;
    bool mode = fac_set_grad_mode(false);
    fac_tensor *mean = fac_sum(fac_reshape(from, fac_dims(n, to->numel)), .dim = fac_dims(0));
    bool ok = !fac__is_bad(fac_copy_(to, fac_div(mean, (double)n)));
    fac_set_grad_mode(mode);
    return ok;
}

static fac_tensor *instances(const struct fac__instance_norm_args *a) {
    fac_tensor *x = a->input, *r[3];
    if (!a->use_input_stats && (a->running_mean == NULL || a->running_var == NULL))
        FAIL(RUNTIME,
             "Expected running_mean and running_var to be defined when use_input_stats is false");
    if (x->ndim < 2)
        FAIL(INDEX, "Dimension out of range (expected to be in range of [%d, %d], but got 1)",
             x->ndim == 0 ? -1 : -x->ndim, x->ndim == 0 ? 0 : x->ndim - 1);
    int64_t n = x->sizes[0], sizes[FAC_MAX_DIMS];
    memcpy(sizes, x->sizes, sizeof(int64_t) * (size_t)x->ndim);
    sizes[0] = 1;
    sizes[1] = n * x->sizes[1];
    fac_tensor *mean = repeated(a->running_mean, n), *var = repeated(a->running_var, n);
    fac_native_batch_norm(fac_reshape(x, ((fac_ints){sizes, x->ndim, true})),
                          repeated(a->weight, n), repeated(a->bias, n), mean, var,
                          a->use_input_stats, a->momentum, a->eps, r);
    if (fac__is_bad(r[0]))
        return r[0];
    if (a->use_input_stats &&
        !(put_back(a->running_mean, mean, n) && put_back(a->running_var, var, n)))
        return fac_bad;
    return fac_reshape(r[0], fac__sizes_of(x));
}

COMPOSITE(instance_norm) {
    out[0] = instances(a);
}

static double machine_epsilon(fac_dtype d) {
    return d == FAC_FLOAT64 || d == FAC_COMPLEX128 ? 0x1p-52 : 0x1p-23;
}

static fac_tensor *root_mean_square(const struct fac__rms_norm_args *a) {
    fac_tensor *x = a->input;
    fac_ints s = a->normalized_shape;
    bool ends = s.n >= 1 && x->ndim >= s.n;
    for (int i = 0; ends && i < s.n; i++)
        ends = x->sizes[x->ndim - s.n + i] == s.values[i];
    if (s.n < 1)
        FAIL(RUNTIME, "Expected normalized_shape to be at least 1-dimensional, i.e., containing at "
                      "least one element, but got normalized_shape = []");
    if (a->weight != NULL && (a->weight->ndim != s.n || memcmp(a->weight->sizes, s.values,
                                                               sizeof(int64_t) * (size_t)s.n) != 0))
        FAIL(RUNTIME,
             "Expected weight to be of same shape as normalized_shape, but got weight of shape %s "
             "and "
             "normalized_shape = %s",
             fac__shape_text(a->weight->ndim, a->weight->sizes), fac__shape_text(s.n, s.values));
    if (!ends)
        FAIL(RUNTIME,
             "Given normalized_shape=%s, expected input with shape [*%s, but got input of size%s",
             fac__shape_text(s.n, s.values), fac__shape_text(s.n, s.values) + 1,
             fac__shape_text(x->ndim, x->sizes));
    fac_dtype d = (fac_dtype)x->dtype, wide = fac__opmath(d);
    if (wide != d)
        x = fac__to_copy(x, .dtype = wide);
    int64_t dims[FAC_MAX_DIMS], n = 1;
    for (int i = 0; i < s.n; i++) {
        dims[i] = i - s.n;
        n *= s.values[i];
    }
    fac_tensor *sq = fac_sum(fac_mul(x, x), .dim = ((fac_ints){dims, s.n, true}), .keepdim = true);
    double eps = a->eps.given ? a->eps.value : machine_epsilon(wide);
    fac_tensor *r = fac_mul(x, fac_rsqrt(fac_add(fac_div(sq, (double)n), eps)));
    if (a->weight != NULL)
        r = fac_mul(r, a->weight);
    return r == fac_bad || r->dtype == d ? r : fac__to_copy(r, .dtype = d);
}

COMPOSITE(rms_norm) {
    out[0] = root_mean_square(a);
}
