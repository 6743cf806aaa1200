/* Rules of pooling and of windows as columns. */
#include "rules.h"

#include <string.h>

static int suggest(fac__outs *outs, int i, const fac_tensor *x, int64_t h, int64_t w, fac_dtype d) {
    int64_t sizes[4], strides[4];
    int n = x->ndim;
    memcpy(sizes, x->sizes, sizeof(int64_t) * (size_t)n);
    sizes[n - 2] = h;
    sizes[n - 1] = w;
    if (fac__format_strides(n, sizes, n == 4 ? fac__suggest_format(x) : FAC_CONTIGUOUS_FORMAT,
                            strides) != 0)
        return -1;
    return fac__out(outs, i, n, sizes, strides, d, x->device);
}

static int not_implemented(const char *kernel, const fac_tensor *x) {
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", kernel,
                     fac__scalar_type_name((fac_dtype)x->dtype));
}

/* --- windows of a given size ---------------------------------------------------------------------
 */

struct windows {
    const char *op;
    fac_ints kernel, stride, padding, dilation;
    bool ceil_mode;
};

static int64_t at(fac_ints v, int i) {
    return v.values[v.n == 1 ? 0 : i];
}

static int64_t stride_at(const struct windows *w, int i) {
    return w->stride.n == 0 ? at(w->kernel, i) : at(w->stride, i);
}

/* Windows along one dimension; with ceil_mode the last must still begin inside. */
static int64_t count(const struct windows *w, int i, int64_t size) {
    int64_t k = at(w->kernel, i), s = stride_at(w, i), p = at(w->padding, i);
    int64_t span = fac__most_sum(size, 2 * p) - at(w->dilation, i) * (k - 1) - 1;
    int64_t up = fac__most_sum(span, w->ceil_mode ? s - 1 : 0);
    int64_t n = (up >= 0 ? up / s : -((-up + s - 1) / s)) + 1;
    if (w->ceil_mode && (n - 1) * s >= fac__most_sum(size, p))
        n--;
    return n;
}

int fac__check_windows_fit(const fac_ints *lists, int n) {
    for (int k = 0; k < n; k++)
        for (int i = 0; i < lists[k].n; i++)
            if (lists[k].values[i] != (int)lists[k].values[i])
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "value cannot be converted to type int without overflow");
    return 0;
}

static int check_lists(const struct windows *w) {
    if (w->kernel.n != 1 && w->kernel.n != 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: kernel_size must either be a single int, or a tuple of two ints",
                         w->op);
    if (w->stride.n > 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: stride must either be omitted, a single int, or a tuple of two ints",
                         w->op);
    if (w->padding.n != 1 && w->padding.n != 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: padding must either be a single int, or a tuple of two ints", w->op);
    if (w->dilation.n != 1 && w->dilation.n != 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: dilation must be either a single int, or a tuple of two ints", w->op);
    fac_ints all[] = {w->kernel, w->stride, w->padding, w->dilation};
    return fac__check_windows_fit(all, 4);
}

static int check_windows(const struct windows *w, fac_ints x) {
    for (int i = 0; i < 2; i++)
        if (stride_at(w, i) == 0)
            return fac__fail(FAC_ERROR_RUNTIME, "stride should not be zero");
    for (int i = 0; i < 2; i++) {
        int64_t p = at(w->padding, i), k = at(w->kernel, i), d = at(w->dilation, i);
        if (p < 0)
            return fac__fail(FAC_ERROR_RUNTIME, "pad must be non-negative, but got pad: %lld",
                             (long long)p);
        if (p > ((k - 1) * d + 1) / 2)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "pad should be at most half of effective kernel size, but got pad=%lld, "
                "kernel_size=%lld and dilation=%lld",
                (long long)p, (long long)k, (long long)d);
    }
    for (int i = 0; i < 2; i++)
        if (at(w->kernel, i) <= 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "kernel size should be greater than zero, but got kH: %lld kW: %lld",
                             (long long)at(w->kernel, 0), (long long)at(w->kernel, 1));
    for (int i = 0; i < 2; i++)
        if (stride_at(w, i) < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "stride should be greater than zero, but got dH: %lld dW: %lld",
                             (long long)stride_at(w, 0), (long long)stride_at(w, 1));
    for (int i = 0; i < 2; i++)
        if (at(w->dilation, i) <= 0)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "dilation should be greater than zero, but got dilationH: %lld dilationW: %lld",
                (long long)at(w->dilation, 0), (long long)at(w->dilation, 1));
    bool empty = x.n < 3;
    for (int i = x.n == 4 ? 1 : 0; i < x.n; i++)
        empty |= x.values[i] <= 0;
    if (empty)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for "
                         "input, but got:%s",
                         fac__shape_text(x.n, x.values));
    return 0;
}

static fac_ints sizes_of(const fac_tensor *x) {
    return (fac_ints){x->sizes, x->ndim, true};
}

/* Of an input with sizes x. */
static int outputs(const struct windows *w, fac_ints x, int64_t hw[2]) {
    int n = x.n;
    if (check_lists(w) != 0 || check_windows(w, x) != 0)
        return -1;
    hw[0] = count(w, 0, x.values[n - 2]);
    hw[1] = count(w, 1, x.values[n - 1]);
    if (hw[0] >= 1 && hw[1] >= 1)
        return 0;
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Given input size: (%lldx%lldx%lld). Calculated output size: (%lldx%lldx%lld). "
        "Output size is too small",
        (long long)x.values[n - 3], (long long)x.values[n - 2], (long long)x.values[n - 1],
        (long long)x.values[n - 3], (long long)hw[0], (long long)hw[1]);
}

int fac__rule_max_pool2d_with_indices(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__max_pool2d_with_indices_args *a = args;
    const fac_tensor *x = a->input;
    int64_t hw[2];
    (void)op;
    struct windows w = {"max_pool2d", a->kernel_size, a->stride,
                        a->padding,   a->dilation,    a->ceil_mode};
    if (check_lists(&w) != 0)
        return -1;
    if (x->ndim != 3 && x->ndim != 4)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "non-empty 3D or 4D (batch mode) tensor expected for input");
    if (outputs(&w, sizes_of(x), hw) != 0)
        return -1;
    if (x->dtype == FAC_BOOL || fac__is_complex((fac_dtype)x->dtype))
        return not_implemented("max_pool2d", x);
    if (suggest(outs, 0, x, hw[0], hw[1], (fac_dtype)x->dtype) != 0)
        return -1;
    return suggest(outs, 1, x, hw[0], hw[1], FAC_INT64);
}

int fac__rule_avg_pool2d(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__avg_pool2d_args *a = args;
    const fac_tensor *x = a->input;
    int64_t hw[2];
    (void)op;
    struct windows w = {"avg_pool2d", a->kernel_size, a->stride,
                        a->padding,   fac_dims(1),    a->ceil_mode};
    if (check_lists(&w) != 0)
        return -1;
    if (a->divisor_override.given && a->divisor_override.value == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "divisor must be not zero");
    if (x->ndim < 3)
        return fac__fail(FAC_ERROR_INDEX,
                         "Dimension out of range (expected to be in range of [%d, %d], but got -3)",
                         x->ndim == 0 ? -1 : -x->ndim, x->ndim == 0 ? 0 : x->ndim - 1);
    if (x->ndim > 4)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for "
                         "input, but got:%s",
                         fac__shape_text(x->ndim, x->sizes));
    if (outputs(&w, sizes_of(x), hw) != 0)
        return -1;
    if (!fac__is_float((fac_dtype)x->dtype) && x->dtype != FAC_INT64)
        return not_implemented("avg_pool2d", x);
    return suggest(outs, 0, x, hw[0], hw[1], (fac_dtype)x->dtype);
}

/* Whether t has as many planes as a tensor with these sizes. */
static bool same_planes(const fac_tensor *t, fac_ints sizes) {
    bool same = (sizes.n == 3 || sizes.n == 4) && t->ndim == sizes.n;
    for (int i = 0; same && i < sizes.n - 2; i++)
        same = t->sizes[i] == sizes.values[i];
    return same;
}

static bool plane_is(const fac_tensor *t, int64_t h, int64_t w) {
    return t->sizes[t->ndim - 2] == h && t->sizes[t->ndim - 1] == w;
}

static int dont_fit(const fac__op *op, fac_ints sizes) {
    return fac__fail(FAC_ERROR_RUNTIME, "%s: gradient and windows don't fit an input of size %s",
                     op->name, fac__shape_text(sizes.n, sizes.values));
}

/* The gradient of an input with these sizes. */
static int plain(fac__outs *outs, const fac_tensor *g, fac_ints sizes) {
    return fac__out(outs, 0, sizes.n, sizes.values, NULL, (fac_dtype)g->dtype, g->device);
}

int fac__rule_avg_pool2d_backward(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__avg_pool2d_backward_args *a = args;
    struct windows w = {"avg_pool2d", a->kernel_size, a->stride,
                        a->padding,   fac_dims(1),    a->ceil_mode};
    const fac_tensor *g = a->grad_output;
    int64_t hw[2];
    if (!fac__is_float((fac_dtype)g->dtype))
        return not_implemented("avg_pool2d_backward_out_frame", g);
    if (a->divisor_override.given && a->divisor_override.value == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "divisor must be not zero");
    if (check_lists(&w) != 0 || outputs(&w, a->sizes, hw) != 0)
        return -1;
    if (!same_planes(g, a->sizes) || !plane_is(g, hw[0], hw[1]))
        return dont_fit(op, a->sizes);
    return plain(outs, g, a->sizes);
}

int fac__rule__pool_scatter(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___pool_scatter_args *a = args;
    const fac_tensor *g = a->grad_output, *at = a->indices;
    if (!fac__is_float((fac_dtype)g->dtype))
        return not_implemented("max_pool2d_backward", g);
    if (at->dtype != FAC_INT64 || !same_planes(g, a->sizes) || !same_planes(at, a->sizes) ||
        !plane_is(at, g->sizes[g->ndim - 2], g->sizes[g->ndim - 1]))
        return dont_fit(op, a->sizes);
    return plain(outs, g, a->sizes);
}

int fac__rule__pool_gather(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___pool_gather_args *a = args;
    const fac_tensor *x = a->input, *at = a->indices;
    if (!fac__is_float((fac_dtype)x->dtype))
        return not_implemented("max_pool2d_double_backward", x);
    if (at->dtype != FAC_INT64 || !same_planes(at, sizes_of(x)))
        return dont_fit(op, sizes_of(x));
    return fac__out(outs, 0, at->ndim, at->sizes, NULL, (fac_dtype)x->dtype, x->device);
}

/* --- a given number of windows
 * -------------------------------------------------------------------- */

static int check_adaptive(const char *op, const fac_tensor *x, const char *colon, int first) {
    if (x->ndim != 3 && x->ndim != 4)
        return fac__fail(FAC_ERROR_RUNTIME, "%s(): Expected 3D or 4D tensor, but got%s %s", op,
                         colon, fac__shape_text(x->ndim, x->sizes));
    for (int i = first; i < x->ndim; i++)
        if (x->sizes[i] == 0)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "%s(): Expected input to have non-zero size for non-batch dimensions, but "
                "input has sizes %s with dimension %d being empty",
                op, fac__shape_text(x->ndim, x->sizes), i);
    return 0;
}

int fac__rule__adaptive_avg_pool2d(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___adaptive_avg_pool2d_args *a = args;
    const fac_tensor *x = a->input;
    (void)op;
    if (a->output_size.n != 1 && a->output_size.n != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "adaptive_avg_pool2d: output_size must be 2");
    if (check_adaptive("adaptive_avg_pool2d", x, "", x->ndim - 2) != 0)
        return -1;
    if (!fac__is_float((fac_dtype)x->dtype))
        return not_implemented("adaptive_avg_pool2d", x);
    return suggest(outs, 0, x, at(a->output_size, 0), at(a->output_size, 1), (fac_dtype)x->dtype);
}

int fac__rule__adaptive_avg_pool2d_backward(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___adaptive_avg_pool2d_backward_args *a = args;
    const fac_tensor *g = a->grad_output;
    if (!fac__is_float((fac_dtype)g->dtype))
        return not_implemented("adaptive_avg_pool2d_backward_cpu", g);
    if (!same_planes(g, a->sizes))
        return dont_fit(op, a->sizes);
    return plain(outs, g, a->sizes);
}

int fac__rule_adaptive_max_pool2d(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__adaptive_max_pool2d_args *a = args;
    const fac_tensor *x = a->input;
    (void)op;
    if (a->output_size.n != 1 && a->output_size.n != 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "adaptive_max_pool2d(): internal error: output_size.size() must be 2");
    if (check_adaptive("adaptive_max_pool2d", x, ":", 1) != 0)
        return -1;
    int64_t h = at(a->output_size, 0), w = at(a->output_size, 1), sizes[4];
    if (h < 0 || w < 0) {
        memcpy(sizes, x->sizes, sizeof(int64_t) * (size_t)x->ndim);
        sizes[x->ndim - 2] = h;
        sizes[x->ndim - 1] = w;
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Trying to create tensor with negative dimension %lld: %s",
                         (long long)(h < 0 ? h : w), fac__shape_text(x->ndim, sizes));
    }
    if (!fac__is_float((fac_dtype)x->dtype))
        return not_implemented("adaptive_max_pool2d", x);
    if (suggest(outs, 0, x, h, w, (fac_dtype)x->dtype) != 0)
        return -1;
    return suggest(outs, 1, x, h, w, FAC_INT64);
}

/* --- windows as columns
 * --------------------------------------------------------------------------- */

static int check_pair(const char *name, fac_ints v) {
    if (v.n == 2)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "It is expected %s equals to 2, but got size %d", name,
                     v.n);
}

static int check_least(const char *what, const char *name, fac_ints v, int64_t low) {
    if (v.values[0] >= low && v.values[1] >= low)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "%s should be greater than zero, but got %s_height: %lld %s_width: %lld", what,
                     name, (long long)v.values[0], name, (long long)v.values[1]);
}

static int check_columns(fac_ints k, fac_ints d, fac_ints p, fac_ints s) {
    if (check_pair("kernel_size", k) != 0 || check_pair("dilation", d) != 0 ||
        check_pair("padding", p) != 0 || check_pair("stride", s) != 0 ||
        check_least("kernel size", "kernel", k, 1) != 0 ||
        check_least("dilation", "dilation", d, 1) != 0)
        return -1;
    fac_ints all[] = {k, d, p, s};
    if (fac__check_windows_fit(all, 4) != 0)
        return -1;
    if (p.values[0] < 0 || p.values[1] < 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "padding should be non-negative, but got pad_height: %lld pad_width: %lld",
                         (long long)p.values[0], (long long)p.values[1]);
    return check_least("stride", "stride", s, 1);
}

static int64_t blocks(int64_t size, int64_t k, int64_t d, int64_t p, int64_t s) {
    int64_t span = fac__most_sum(size, 2 * p) - d * (k - 1) - 1;
    return (span >= 0 ? span / s : -((-span + s - 1) / s)) + 1;
}

static bool empty_planes(const fac_tensor *x, int batched) {
    for (int i = x->ndim == batched ? 1 : 0; i < x->ndim; i++)
        if (x->sizes[i] == 0)
            return true;
    return false;
}

int fac__rule_im2col(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__im2col_args *a = args;
    const fac_tensor *x = a->input;
    fac_ints k = a->kernel_size, d = a->dilation, p = a->padding, s = a->stride;
    (void)op;
    if (check_columns(k, d, p, s) != 0)
        return -1;
    if (x->ndim < 3)
        return fac__fail(FAC_ERROR_INDEX,
                         "Dimension out of range (expected to be in range of [%d, %d], but got 2)",
                         x->ndim == 0 ? -1 : -x->ndim, x->ndim == 0 ? 0 : x->ndim - 1);
    if (x->ndim > 4 || empty_planes(x, 4))
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other "
            "non-zero dimensions for input, but got: %s",
            fac__shape_text(x->ndim, x->sizes));
    int n = x->ndim;
    int64_t h = blocks(x->sizes[n - 2], k.values[0], d.values[0], p.values[0], s.values[0]);
    int64_t w = blocks(x->sizes[n - 1], k.values[1], d.values[1], p.values[1], s.values[1]);
    if (h < 1 || w < 1)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Given input with spatial size (%lld, %lld), kernel_size=(%lld, %lld), "
            "dilation=(%lld, %lld), padding=(%lld, %lld), calculated shape of the array of "
            "sliding blocks as (%lld, %lld), but its components must be at least one.",
            (long long)x->sizes[n - 2], (long long)x->sizes[n - 1], (long long)k.values[0],
            (long long)k.values[1], (long long)d.values[0], (long long)d.values[1],
            (long long)p.values[0], (long long)p.values[1], (long long)h, (long long)w);
    if (fac__is_integral((fac_dtype)x->dtype, false))
        return not_implemented("im2col_out_cpu", x);
    int64_t taps = k.values[0] * k.values[1];
    int64_t sizes[3] = {x->sizes[0], fac__most_product(x->sizes[n - 3], taps),
                        fac__most_product(h, w)};
    return fac__out(outs, 0, n - 1, sizes + (4 - n), NULL, (fac_dtype)x->dtype, x->device);
}

int fac__rule_col2im(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__col2im_args *a = args;
    const fac_tensor *x = a->input;
    fac_ints k = a->kernel_size, d = a->dilation, p = a->padding, s = a->stride, o = a->output_size;
    (void)op;
    if (check_pair("output_size", o) != 0 || check_columns(k, d, p, s) != 0 ||
        fac__check_windows_fit(&o, 1) != 0)
        return -1;
    if ((x->ndim != 2 && x->ndim != 3) || empty_planes(x, 3))
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and "
            "non-zero dimensions for input, but got: %s",
            fac__shape_text(x->ndim, x->sizes));
    int n = x->ndim;
    int64_t taps = k.values[0] * k.values[1], rows = x->sizes[n - 2];
    if (rows % taps != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected size of input's dimension 1 to be divisible by the product of "
                         "kernel_size, but got input.size(1)=%lld and kernel_size=(%lld, %lld).",
                         (long long)rows, (long long)k.values[0], (long long)k.values[1]);
    int64_t h = blocks(o.values[0], k.values[0], d.values[0], p.values[0], s.values[0]);
    int64_t w = blocks(o.values[1], k.values[1], d.values[1], p.values[1], s.values[1]);
    int64_t hw = fac__most_product(h, w);
    if (x->sizes[n - 1] != hw || h < 1 || w < 1)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Given output_size=(%lld, %lld), kernel_size=(%lld, %lld), dilation=(%lld, "
            "%lld), padding=(%lld, %lld), stride=(%lld, %lld), expected size of input's "
            "dimension 2 to match the calculated number of sliding blocks %lld * %lld = "
            "%lld, but got input.size(2)=%lld.",
            (long long)o.values[0], (long long)o.values[1], (long long)k.values[0],
            (long long)k.values[1], (long long)d.values[0], (long long)d.values[1],
            (long long)p.values[0], (long long)p.values[1], (long long)s.values[0],
            (long long)s.values[1], (long long)h, (long long)w, (long long)hw,
            (long long)x->sizes[n - 1]);
    if (fac__is_integral((fac_dtype)x->dtype, true))
        return not_implemented("col2im_out_cpu", x);
    int64_t sizes[4] = {x->sizes[0], rows / taps, o.values[0], o.values[1]};
    return fac__out(outs, 0, n + 1, sizes + (3 - n), NULL, (fac_dtype)x->dtype, x->device);
}
