/* Pools over rows, and pools without indices. */
#include "../autograd/helpers.h"
#include "../rules/rules.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

COMPOSITE(max_pool2d) {
    fac_tensor *r[2];
    fac_max_pool2d_with_indices(a->input, a->kernel_size, r, .stride = a->stride,
                                .padding = a->padding, .dilation = a->dilation,
                                .ceil_mode = a->ceil_mode);
    out[0] = r[0];
}

/* A row's number as (one, number): rows are planes of height 1. */
static fac_ints beside(fac_ints v, int64_t one, int64_t pair[2]) {
    if (v.n == 0)
        return v;
    pair[0] = one;
    pair[1] = v.values[0];
    return (fac_ints){pair, 2, true};
}

static int check_max1d(const struct fac__max_pool1d_with_indices_args *a) {
    const fac_tensor *x = a->input;
    static const char *const names[] = {"kernel_size", "stride", "padding", "dilation"};
    fac_ints lists[] = {a->kernel_size, a->stride, a->padding, a->dilation};
    for (int i = 0; i < 4; i++)
        if (lists[i].n > 1 || (lists[i].n == 0 && i != 1))
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "max_pool1d() %s must be %san int, list of ints%s or tuple of ints of size 1 but "
                "got size %d",
                names[i], i == 1 ? "None, " : "", i == 1 || i == 2 ? "," : "", lists[i].n);
    if (fac__check_windows_fit(lists, 4) != 0)
        return -1;
    bool empty = x->ndim != 2 && x->ndim != 3;
    for (int i = x->ndim == 3 ? 1 : 0; !empty && i < x->ndim; i++)
        empty = x->sizes[i] == 0;
    if (empty)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch "
            "size for input, but got:%s",
            fac__shape_text(x->ndim, x->sizes));
    int64_t k = a->kernel_size.values[0], s = a->stride.n == 0 ? k : a->stride.values[0];
    int64_t p = a->padding.values[0], d = a->dilation.values[0];
    if (k <= 0 || s <= 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "max_pool1d() %s must be greater than zero, but got %lld",
                         k <= 0 ? "kernel_size" : "stride", (long long)(k <= 0 ? k : s));
    if (p < 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "max_pool1d() padding must be non-negative, but got %lld", (long long)p);
    if (p > ((k - 1) * d + 1) / 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "max_pool1d() padding should be at most half of kernel size, but got "
                         "padding=%lld and kernel_size=%lld",
                         (long long)p, (long long)k);
    if (d <= 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "max_pool1d() dilation must be greater than zero, but got %lld",
                         (long long)d);
    int64_t span = x->sizes[x->ndim - 1] + 2 * p - d * (k - 1) - 1;
    if (span < 0 && !(a->ceil_mode && -s < span))
        return fac__fail(FAC_ERROR_RUNTIME, "max_pool1d() Invalid computed output size: %lld",
                         (long long)(-((-span + s - 1) / s) + 1));
    return 0;
}

static int check_rows(const char *op, const fac_tensor *x) {
    if (x->ndim == 2 || x->ndim == 3)
        return 0;
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Expected 2 to 3 dimensions, but got %d-dimensional tensor for argument #1 'self' "
        "(while checking arguments for %s)",
        x->ndim, op);
}

static void max_rows(const struct fac__max_pool1d_with_indices_args *a, fac_tensor **out) {
    int64_t k[2], s[2], p[2], d[2];
    fac_tensor *r[2];
    fac_max_pool2d_with_indices(fac_unsqueeze(a->input, -2), beside(a->kernel_size, 1, k), r,
                                .stride = beside(a->stride, 1, s),
                                .padding = beside(a->padding, 0, p),
                                .dilation = beside(a->dilation, 1, d), .ceil_mode = a->ceil_mode);
    out[0] = fac_squeeze_dim(r[0], -2);
    out[1] = fac_squeeze_dim(r[1], -2);
}

COMPOSITE(max_pool1d_with_indices) {
    max_rows(a, out);
}

/* Without a gradient to come, PyTorch runs a kernel for rows, which takes no integers. */
COMPOSITE(max_pool1d) {
    struct fac__max_pool1d_with_indices_args b = {a->input,   a->kernel_size, a->stride,
                                                  a->padding, a->dilation,    a->ceil_mode};
    fac_tensor *r[2] = {fac_bad, fac_bad};
    bool recorded = fac_grad_mode() && fac_requires_grad(a->input);
    fac_dtype d = (fac_dtype)a->input->dtype;
    if (check_max1d(&b) == 0) {
        if (recorded || fac__is_float(d))
            max_rows(&b, r);
        else
            fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"max_pool1d_impl\" not implemented for '%s'",
                      fac__scalar_type_name(d));
    }
    out[0] = r[0];
}

static int check_one(const char *op, const char *name, fac_ints v) {
    if (v.n == 1 || (v.n == 0 && name[0] == 's')) /* stride may be left out */
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "%s() argument '%s' should contain one int (got %d)", op,
                     name, v.n);
}

COMPOSITE(avg_pool1d) {
    int64_t k[2], s[2], p[2];
    if (check_rows("avg_pool1d", a->input) != 0 ||
        check_one("avg_pool1d", "kernel_size", a->kernel_size) != 0 ||
        check_one("avg_pool1d", "stride", a->stride) != 0 ||
        check_one("avg_pool1d", "padding", a->padding) != 0) {
        out[0] = fac_bad;
        return;
    }
    fac_tensor *r =
        fac_avg_pool2d(fac_unsqueeze(a->input, -2), beside(a->kernel_size, 1, k),
                       .stride = beside(a->stride, 1, s), .padding = beside(a->padding, 0, p),
                       .ceil_mode = a->ceil_mode,
                       .count_include_pad = a->count_include_pad ? FAC_TRUE : FAC_FALSE);
    out[0] = fac_squeeze_dim(r, -2);
}

/* One window is a mean. */
COMPOSITE(adaptive_avg_pool2d) {
    fac_ints s = a->output_size;
    out[0] = fac_bad;
    if (s.n != 1 && s.n != 2) {
        fac__fail(FAC_ERROR_RUNTIME, "adaptive_avg_pool2d: output_size must be 2");
        return;
    }
    int64_t h = s.values[0], w = s.values[s.n - 1];
    if (h < 0 || w < 0) {
        fac__fail(
            FAC_ERROR_RUNTIME,
            "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but "
            "received {%lld, %lld}",
            (long long)h, (long long)w);
        return;
    }
    out[0] = h == 1 && w == 1 && a->input->ndim >= 2
                 ? fac_mean(a->input, .dim = fac_dims(-1, -2), .keepdim = true)
                 : fac__adaptive_avg_pool2d(a->input, s);
}

COMPOSITE(adaptive_avg_pool1d) {
    int64_t s[2];
    if (check_rows("adaptive_avg_pool1d", a->input) != 0 ||
        check_one("adaptive_avg_pool1d", "output_size", a->output_size) != 0) {
        out[0] = fac_bad;
        return;
    }
    fac_tensor *r =
        fac_adaptive_avg_pool2d(fac_unsqueeze(a->input, -2), beside(a->output_size, 1, s));
    out[0] = fac_squeeze_dim(r, -2);
}

COMPOSITE(adaptive_max_pool1d) {
    int64_t s[2];
    fac_tensor *r[2];
    out[0] = out[1] = fac_bad;
    if (check_rows("adaptive_max_pool1d", a->input) != 0 ||
        check_one("adaptive_max_pool1d", "output_size", a->output_size) != 0)
        return;
    fac_adaptive_max_pool2d(fac_unsqueeze(a->input, -2), beside(a->output_size, 1, s), r);
    out[0] = fac_squeeze_dim(r[0], -2);
    out[1] = fac_squeeze_dim(r[1], -2);
}
