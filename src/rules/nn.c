/* Rules of embeddings, losses over classes and normalisation. */
#include "../core/composite.h"
#include "rules.h"

#include <string.h>

#define RULE(name)                                                                                 \
    static int rule_##name(const struct fac__##name##_args *a, fac__outs *outs);                   \
    int fac__rule_##name(const fac__op *op, void *args, fac__outs *outs) {                         \
        (void)op;                                                                                  \
        return rule_##name(args, outs);                                                            \
    }                                                                                              \
    static int rule_##name(const struct fac__##name##_args *a, fac__outs *outs)

static int floating(const fac_tensor *t, const char *kernel) {
    if (fac__is_float((fac_dtype)t->dtype))
        return 0;
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                     fac__scalar_type_name((fac_dtype)t->dtype));
}

static int like(fac__outs *outs, int i, const fac_tensor *t) {
    return fac__out(outs, i, t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, t->device);
}

static int vector(fac__outs *outs, int i, int64_t n, fac_dtype dtype, fac_device device) {
    return fac__out(outs, i, 1, &n, NULL, dtype, device);
}

static bool same_sizes(const fac_tensor *t, fac_ints s) {
    bool same = t->ndim == s.n;
    for (int i = 0; same && i < s.n; i++)
        same = t->sizes[i] == s.values[i];
    return same;
}

static bool same_kind(const fac_tensor *t, const fac_tensor *like) {
    return t->dtype == like->dtype && same_sizes(t, (fac_ints){like->sizes, like->ndim, true});
}

/* n numbers that an earlier pass over x kept, in the dtype of its sums. */
static bool kept(const fac_tensor *t, const fac_tensor *x, int64_t n) {
    return t->numel == n && t->dtype == fac__opmath((fac_dtype)x->dtype);
}

/* Gradients are called with what the op itself checked and made; from C with anything. */
static int dont_fit(const char *op, const char *what) {
    return fac__fail(FAC_ERROR_RUNTIME, "%s: %s don't fit each other", op, what);
}

/* --- embedding ------------------------------------------------------------------------------- */

static int integer_indices(const fac_tensor *t, const char *op) {
    if (t->dtype == FAC_INT64 || t->dtype == FAC_INT32)
        return 0;
    const char *name = fac__scalar_type_name((fac_dtype)t->dtype);
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Expected tensor for argument #1 'indices' to have one of the following scalar "
        "types: Long, Int; but got %s%s%s instead (while checking arguments for %s)",
        t->dtype == FAC_BOOL ? "CPU" : "torch.", name, t->dtype == FAC_BOOL ? "Type" : "Tensor",
        op);
}

RULE(embedding) {
    const fac_tensor *w = a->weight, *x = a->indices;
    if (w->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "'weight' must be 2-D");
    if (integer_indices(x, "embedding") != 0)
        return -1;
    if (x->ndim == FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "embedding: the result has more than 64 dimensions");
    int64_t sizes[FAC_MAX_DIMS];
    memcpy(sizes, x->sizes, sizeof(int64_t) * (size_t)x->ndim);
    sizes[x->ndim] = w->sizes[1];
    return fac__out(outs, 0, x->ndim + 1, sizes, NULL, (fac_dtype)w->dtype, w->device);
}

RULE(embedding_dense_backward) {
    const fac_tensor *g = a->grad_output;
    if (integer_indices(a->indices, "embedding_backward") != 0)
        return -1;
    int64_t sizes[2] = {a->num_weights, g->ndim == 0 ? 1 : g->sizes[g->ndim - 1]}, n;
    if (__builtin_mul_overflow(a->indices->numel, sizes[1], &n) || g->numel != n)
        return dont_fit("embedding_dense_backward", "grad_output and indices");
    return fac__out(outs, 0, 2, sizes, NULL, (fac_dtype)g->dtype, g->device);
}

/* --- losses over classes --------------------------------------------------------------------- */

static int check_target(const fac_tensor *t) {
    if (t->dtype == FAC_INT64 || t->dtype == FAC_UINT8)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "expected target dtype to be Long or Byte, but got %s",
                     fac__scalar_type_name((fac_dtype)t->dtype));
}

static int check_weight(const fac_tensor *x, const fac_tensor *w, int64_t classes, bool spatial) {
    if (w == NULL)
        return 0;
    if (w->ndim != 1 && !spatial && w->ndim > 1)
        classes = -1 - classes;
    if (w->numel != (classes < 0 ? -1 - classes : classes) || classes < 0)
        return spatial
                   ? fac__fail(FAC_ERROR_RUNTIME,
                               "weight tensor should be defined either for all or no classes")
                   : fac__fail(FAC_ERROR_RUNTIME,
                               "weight tensor should be defined either for all %lld classes or no "
                               "classes but got weight tensor of shape: %s",
                               (long long)(classes < 0 ? -1 - classes : classes),
                               fac__shape_text(w->ndim, w->sizes));
    if (w->dtype != x->dtype)
        return fac__fail(FAC_ERROR_RUNTIME, "expected scalar type %s but found %s",
                         fac__scalar_type_name((fac_dtype)x->dtype),
                         fac__scalar_type_name((fac_dtype)w->dtype));
    return 0;
}

static int check_plain(const fac_tensor *x, const fac_tensor *t) {
    if (x->ndim == 0 || x->ndim > 2)
        return fac__fail(FAC_ERROR_RUNTIME, "input tensor should be 1D or 2D");
    if (t->ndim > 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "0D or 1D target tensor expected, multi-target not supported");
    bool single = x->ndim == 1 && t->ndim == 0;
    if (!single && x->sizes[0] != (t->ndim == 0 ? 1 : t->sizes[0]) && x->ndim == 2)
        return fac__fail(FAC_ERROR_RUNTIME, "size mismatch (got input: %s, target: %s)",
                         fac__shape_text(x->ndim, x->sizes), fac__shape_text(t->ndim, t->sizes));
    return 0;
}

static int check_spatial(const fac_tensor *x, const fac_tensor *t) {
    if (t->ndim != 3)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "only batches of spatial targets supported (3D tensors) but got targets of "
            "dimension: %d",
            t->ndim);
    if (x->ndim != 4)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "only batches of spatial inputs supported (4D tensors), but got input of "
                         "dimension: %d",
                         x->ndim);
    if (x->sizes[0] != t->sizes[0] || x->sizes[2] != t->sizes[1] || x->sizes[3] != t->sizes[2])
        return fac__fail(FAC_ERROR_RUNTIME, "size mismatch (got input: %s , target: %s",
                         fac__shape_text(x->ndim, x->sizes), fac__shape_text(t->ndim, t->sizes));
    return 0;
}

static int check_classes(const fac_tensor *x, const fac_tensor *t, const fac_tensor *w) {
    bool spatial = x->ndim > 2 || (t->ndim > 1 && x->ndim == 0);
    int64_t classes = x->ndim == 0 ? 1 : x->sizes[x->ndim == 1 ? 0 : 1];
    if ((spatial ? check_spatial(x, t) : check_plain(x, t)) != 0 || check_target(t) != 0 ||
        check_weight(x, w, classes, spatial) != 0)
        return -1;
    return floating(x, spatial ? "nll_loss2d_forward_out_frame" : "nll_loss_out_frame");
}

static int loss_out(fac__outs *outs, const fac_tensor *x, const fac_tensor *t, int64_t reduction) {
    if (fac__check_reduction(reduction) != 0)
        return -1;
    int n = reduction == 0 && x->ndim > 1 ? t->ndim : 0;
    return fac__out(outs, 0, n, t->sizes, NULL, (fac_dtype)x->dtype, x->device);
}

RULE(nll_loss_forward) {
    const fac_tensor *x = a->input, *t = a->target;
    if (check_classes(x, t, a->weight) != 0 || loss_out(outs, x, t, a->reduction) != 0)
        return -1;
    return fac__out(outs, 1, 0, NULL, NULL, (fac_dtype)x->dtype, x->device);
}

/* What nll_loss_forward checked of the input whose sizes these are. */
static int check_loss_backward(const struct fac__nll_loss_backward_args *a) {
    const fac_tensor *g = a->grad_output, *t = a->target, *w = a->weight, *n = a->total_weight;
    fac_ints s = a->sizes;
    int64_t samples[4], classes = 0, rows = -1;
    if (floating(g, "nll_loss_backward_out_frame") != 0 || check_target(t) != 0)
        return -1;
    if (s.n == 1 || s.n == 2 || s.n == 4) {
        memcpy(samples, s.values, sizeof(int64_t) * (size_t)s.n);
        classes = s.values[s.n > 1];
        samples[s.n > 1] = 1;
        rows = fac__numel_of(s.n, samples);
    }
    int64_t grads = a->reduction == 0 ? rows : 1;
    if (rows < 0 || t->numel != rows || g->numel != grads || n->numel != 1 ||
        (w != NULL && (w->numel != classes || w->dtype != g->dtype)))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "nll_loss_backward: gradient, target and weights don't fit an input of "
                         "size %s",
                         fac__shape_text(s.n, s.values));
    return 0;
}

RULE(nll_loss_backward) {
    const fac_tensor *g = a->grad_output;
    if (check_loss_backward(a) != 0)
        return -1;
    return fac__out(outs, 0, a->sizes.n, a->sizes.values, NULL, (fac_dtype)g->dtype, g->device);
}

RULE(_cross_entropy) {
    const fac_tensor *x = a->input;
    if (x->ndim > 2)
        return fac__fail(FAC_ERROR_RUNTIME, "_cross_entropy: input must be 1-D or 2-D, got %d-D",
                         x->ndim);
    if (floating(x, "log_softmax_lastdim_kernel_impl") != 0 ||
        check_classes(x, a->target, a->weight) != 0 ||
        loss_out(outs, x, a->target, a->reduction) != 0)
        return -1;
    int64_t sizes[2] = {x->ndim == 1 ? 1 : x->sizes[0], 2};
    if (fac__out(outs, 1, 2, sizes, NULL, fac__opmath((fac_dtype)x->dtype), x->device) != 0)
        return -1;
    return fac__out(outs, 2, 0, NULL, NULL, fac__opmath((fac_dtype)x->dtype), x->device);
}

RULE(_cross_entropy_backward) {
    const fac_tensor *x = a->input, *g = a->grad_output, *t = a->target;
    if (x->ndim > 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "_cross_entropy_backward: input must be 1-D or 2-D, got %d-D", x->ndim);
    if (floating(x, "log_softmax_backward_lastdim_kernel_impl") != 0 ||
        check_classes(x, t, a->weight) != 0)
        return -1;
    int64_t rows = x->ndim == 1 ? 1 : x->sizes[0];
    if (t->numel != rows || g->dtype != x->dtype || g->numel != (a->reduction == 0 ? rows : 1) ||
        !kept(a->log_sum, x, 2 * rows) || !kept(a->total_weight, x, 1))
        return dont_fit("_cross_entropy_backward", "the input, its gradient and what was kept");
    return like(outs, 0, x);
}

/* --- normalisation --------------------------------------------------------------------------- */

/* Parameters are of the input's dtype, or float32 beside a narrow input. */
static int check_parameter(const fac_tensor *x, const fac_tensor *p) {
    if (p == NULL || p->dtype == x->dtype)
        return 0;
    if (x->dtype != FAC_FLOAT16 && x->dtype != FAC_BFLOAT16 && p->dtype == FAC_FLOAT32)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "mixed dtype (CPU): all inputs must share same datatype.");
    if (p->dtype != FAC_FLOAT32 || x->dtype == FAC_FLOAT32)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "mixed dtype (CPU): expect parameter to have scalar type of Float");
    return 0;
}

static int check_layer(const fac_tensor *x, fac_ints s, const fac_tensor *w, const fac_tensor *b) {
    if (s.n < 1)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at "
            "least one element, but got normalized_shape = []");
    if ((w != NULL && !same_sizes(w, s)) || (b != NULL && !same_sizes(b, s))) {
        bool bad_w = w != NULL && !same_sizes(w, s);
        const fac_tensor *p = bad_w ? w : b;
        const char *name = bad_w ? "weight" : "bias";
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected %s to be of same shape as normalized_shape, but got %s of shape %s "
            "and normalized_shape = %s",
            name, name, fac__shape_text(p->ndim, p->sizes), fac__shape_text(s.n, s.values));
    }
    bool ends = x->ndim >= s.n;
    for (int i = 0; ends && i < s.n; i++)
        ends = x->sizes[x->ndim - s.n + i] == s.values[i];
    if (ends)
        return 0;
    char text[256] = "";
    size_t used = 0;
    for (int i = 0; i < s.n && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", %lld", (long long)s.values[i]);
    return fac__fail(FAC_ERROR_RUNTIME,
                     "Given normalized_shape=%s, expected input with shape [*%s], but got input of "
                     "size%s",
                     fac__shape_text(s.n, s.values), text, fac__shape_text(x->ndim, x->sizes));
}

RULE(native_layer_norm) {
    const fac_tensor *x = a->input;
    int k = a->normalized_shape.n;
    if (check_layer(x, a->normalized_shape, a->weight, a->bias) != 0 ||
        floating(x, "LayerNormKernelImpl") != 0 || check_parameter(x, a->weight) != 0 ||
        check_parameter(x, a->bias) != 0 || like(outs, 0, x) != 0)
        return -1;
    int64_t sizes[FAC_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        sizes[i] = i < x->ndim - k ? x->sizes[i] : 1;
    fac_dtype d = fac__opmath((fac_dtype)x->dtype);
    if (fac__out(outs, 1, x->ndim, sizes, NULL, d, x->device) != 0)
        return -1;
    return fac__out(outs, 2, x->ndim, sizes, NULL, d, x->device);
}

static int three(fac__outs *outs, const fac_tensor *x, int64_t n) {
    fac_dtype d = fac__opmath((fac_dtype)x->dtype);
    if (like(outs, 0, x) != 0 || vector(outs, 1, n, d, x->device) != 0)
        return -1;
    return vector(outs, 2, n, d, x->device);
}

RULE(_layer_norm_backward) {
    const fac_tensor *x = a->input, *w = a->weight;
    int64_t n;
    if (floating(x, "LayerNormBackwardKernelImpl") != 0 || check_parameter(x, w) != 0)
        return -1;
    if (a->inner < 0 || __builtin_mul_overflow(a->mean->numel, a->inner, &n) || n != x->numel ||
        !same_kind(a->grad_output, x) || !kept(a->mean, x, a->mean->numel) ||
        !kept(a->rstd, x, a->mean->numel) || (w != NULL && w->numel != a->inner))
        return dont_fit("_layer_norm_backward", "the input, its gradient and what was kept");
    return three(outs, x, a->inner);
}

static int check_channels(const char *name, const fac_tensor *p, int64_t channels) {
    if (p == NULL || p->numel == channels)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "%s should contain %lld elements not %lld", name,
                     (long long)channels, (long long)p->numel);
}

RULE(native_batch_norm) {
    const fac_tensor *x = a->input;
    if (x->ndim < 2)
        return fac__fail(FAC_ERROR_INDEX,
                         "Dimension out of range (expected to be in range of [%d, %d], but got 1)",
                         x->ndim == 0 ? -1 : -x->ndim, x->ndim == 0 ? 0 : x->ndim - 1);
    int64_t c = x->sizes[1];
    if (!a->training && (a->running_mean == NULL || a->running_var == NULL))
        return fac__fail(FAC_ERROR_RUNTIME, "%s must be defined in evaluation mode",
                         a->running_mean == NULL ? "running_mean" : "running_var");
    if (check_channels("running_mean", a->running_mean, c) != 0 ||
        check_channels("running_var", a->running_var, c) != 0 ||
        check_channels("weight", a->weight, c) != 0 || check_channels("bias", a->bias, c) != 0 ||
        floating(x, "batch_norm") != 0 || check_parameter(x, a->weight) != 0 ||
        check_parameter(x, a->bias) != 0 || check_parameter(x, a->running_mean) != 0 ||
        check_parameter(x, a->running_var) != 0)
        return -1;
    int64_t strides[FAC_MAX_DIMS];
    fac_memory_format f = fac__suggest_format(x);
    if (fac__format_strides(x->ndim, x->sizes, f, strides) != 0 ||
        fac__out(outs, 0, x->ndim, x->sizes, strides, (fac_dtype)x->dtype, x->device) != 0)
        return -1;
    fac_dtype d = fac__opmath((fac_dtype)x->dtype);
    if (vector(outs, 1, a->training ? c : 0, d, x->device) != 0)
        return -1;
    return vector(outs, 2, a->training ? c : 0, d, x->device);
}

RULE(_batch_norm_backward) {
    const fac_tensor *x = a->input, *w = a->weight;
    if (floating(x, "batch_norm_backward") != 0 || check_parameter(x, w) != 0)
        return -1;
    int64_t strides[FAC_MAX_DIMS], c = x->ndim < 2 ? -1 : x->sizes[1];
    if (a->mean->numel != c || a->invstd->numel != c || !same_kind(a->grad_output, x) ||
        fac__is_complex((fac_dtype)a->mean->dtype) ||
        fac__is_complex((fac_dtype)a->invstd->dtype) || (w != NULL && w->numel != c))
        return dont_fit("_batch_norm_backward", "the input, its gradient and what was kept");
    fac_dtype d = fac__opmath((fac_dtype)x->dtype);
    if (fac__format_strides(x->ndim, x->sizes, fac__suggest_format(x), strides) != 0 ||
        fac__out(outs, 0, x->ndim, x->sizes, strides, (fac_dtype)x->dtype, x->device) != 0 ||
        vector(outs, 1, c, d, x->device) != 0)
        return -1;
    return vector(outs, 2, c, d, x->device);
}

static int check_group(const fac_tensor *x, const char *name, const fac_tensor *p, int64_t c) {
    if (p == NULL || (p->ndim == 1 && p->numel == c))
        return 0;
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Expected %s to be a vector of size equal to the number of channels in input, but "
        "got %s of shape %s and input of shape %s",
        name, name, fac__shape_text(p->ndim, p->sizes), fac__shape_text(x->ndim, x->sizes));
}

RULE(native_group_norm) {
    const fac_tensor *x = a->input;
    int64_t n = a->N, c = a->C, g = a->group;
    if (g <= 0)
        return fac__fail(FAC_ERROR_RUNTIME, "Expected num groups to be greater than 0, got %lld",
                         (long long)g);
    int64_t planes[3] = {n, c, a->HxW};
    if (c < 0 || a->HxW < 0 || fac__numel_of(3, planes) != x->numel)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected X.numel() == N * C * HxW to be true, but got false.");
    if (c % g != 0)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected number of channels in input to be divisible by num_groups, but got "
            "input of shape %s and num_groups=%lld",
            fac__shape_text(x->ndim, x->sizes), (long long)g);
    if (check_group(x, "weight", a->weight, c) != 0 || check_group(x, "bias", a->bias, c) != 0 ||
        floating(x, "GroupNormKernelImpl") != 0 || check_parameter(x, a->weight) != 0 ||
        check_parameter(x, a->bias) != 0 || like(outs, 0, x) != 0)
        return -1;
    int64_t sizes[2] = {n, g};
    fac_dtype d = fac__opmath((fac_dtype)x->dtype);
    if (fac__out(outs, 1, 2, sizes, NULL, d, x->device) != 0)
        return -1;
    return fac__out(outs, 2, 2, sizes, NULL, d, x->device);
}

RULE(_group_norm_backward) {
    const fac_tensor *x = a->input, *w = a->weight;
    int64_t planes[3] = {a->N, a->C, a->HxW}, groups;
    if (floating(x, "GroupNormBackwardKernelImpl") != 0 || check_parameter(x, w) != 0)
        return -1;
    if (a->N < 0 || a->C < 0 || a->HxW < 0 || a->group <= 0 || a->C % a->group != 0 ||
        fac__numel_of(3, planes) != x->numel || !same_kind(a->grad_output, x) ||
        __builtin_mul_overflow(a->N, a->group, &groups) || !kept(a->mean, x, groups) ||
        !kept(a->rstd, x, groups) || (w != NULL && w->numel != a->C))
        return dont_fit("_group_norm_backward", "the input, its gradient and what was kept");
    return three(outs, x, a->C);
}
