/* Rules of convolutions: PyTorch's checks in its order, and the size of what comes out. */
#include "rules.h"

#include <string.h>

static int64_t at(fac_ints v, int i) {
    return v.values[v.n == 1 ? 0 : i];
}

static const char *list_text(fac_ints v, int n) {
    int64_t values[FAC_MAX_DIMS];
    for (int i = 0; i < n; i++)
        values[i] = at(v, i);
    return fac__shape_text(n, values);
}

static int check_count(const char *name, fac_ints v, int n) {
    if (v.n == 1 || v.n == n)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "expected %s to be a single integer value or a list of %d values to match the "
                     "convolution dimensions, but got %s=%s",
                     name, n, name, fac__shape_text(v.n, v.values));
}

static bool all_at_least(fac_ints v, int64_t low) {
    for (int i = 0; i < v.n; i++)
        if (v.values[i] < low)
            return false;
    return true;
}

static int check_numbers(const struct fac__convolution_args *a) {
    const fac_tensor *w = a->weight;
    int n = w->ndim - 2;
    if (n < 1)
        return fac__fail(FAC_ERROR_RUNTIME, "weight should have at least three dimensions");
    if (n > 3)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "convolution over %d dimensions is not available: up to 3 are", n);
    if (a->groups <= 0)
        return fac__fail(FAC_ERROR_RUNTIME, "non-positive groups is not supported");
    if (check_count("stride", a->stride, n) != 0 || check_count("padding", a->padding, n) != 0 ||
        check_count("dilation", a->dilation, n) != 0 ||
        check_count("output_padding", a->output_padding, n) != 0)
        return -1;
    if (!all_at_least(a->padding, 0))
        return fac__fail(FAC_ERROR_RUNTIME, "negative padding is not supported");
    if (!all_at_least(a->output_padding, 0))
        return fac__fail(FAC_ERROR_RUNTIME, "negative output_padding is not supported");
    if (!all_at_least(a->stride, 1))
        return fac__fail(FAC_ERROR_RUNTIME, "non-positive stride is not supported");
    if (!all_at_least(a->dilation, 1))
        return fac__fail(FAC_ERROR_RUNTIME, "dilation should be greater than zero, but got %s",
                         list_text(a->dilation, n));
    const int64_t most = INT64_MAX / 2;
    for (int i = 0; i < a->padding.n; i++)
        if (a->padding.values[i] > most)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "Given padding=%lld at dimension %d , expected padding to be at most %lld",
                (long long)a->padding.values[i], i, (long long)most);
    fac_ints all[] = {a->stride, a->padding, a->dilation, a->output_padding};
    return fac__check_windows_fit(all, 4);
}

static int check_channels(const struct fac__convolution_args *a) {
    const fac_tensor *x = a->input, *w = a->weight;
    long long g = (long long)a->groups;
    if (x->ndim != w->ndim)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected %d-dimensional input for %d-dimensional weight %s, but got "
                         "%d-dimensional input of size %s instead",
                         w->ndim, w->ndim, fac__shape_text(w->ndim, w->sizes), x->ndim,
                         fac__shape_text(x->ndim, x->sizes));
    if (w->sizes[0] < a->groups)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Given groups=%lld, expected weight to be at least %lld at dimension 0, but "
            "got weight of size %s instead",
            g, g, fac__shape_text(w->ndim, w->sizes));
    if (w->sizes[0] % a->groups != 0)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Given groups=%lld, expected weight to be divisible by %lld at dimension 0, "
            "but got weight of size [%s] instead",
            g, g, fac__shape_text(w->ndim, w->sizes));
    int64_t want = a->transposed ? w->sizes[0] : w->sizes[1] * a->groups;
    if (x->sizes[1] != want)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Given %s=%lld, weight of size %s, expected input%s to have %lld channels, "
            "but got %lld channels instead",
            a->transposed ? "transposed" : "groups", a->transposed ? 1 : g,
            fac__shape_text(w->ndim, w->sizes), fac__shape_text(x->ndim, x->sizes), (long long)want,
            (long long)x->sizes[1]);
    const fac_tensor *b = a->bias;
    int64_t out = a->transposed ? w->sizes[1] * a->groups : w->sizes[0];
    if (b != NULL && (b->ndim != 1 || b->sizes[0] != out))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Given %sweight of size %s, expected bias to be 1-dimensional with %lld "
                         "elements, but got bias of size %s instead",
                         a->transposed ? "transposed=1, " : "", fac__shape_text(w->ndim, w->sizes),
                         (long long)out, fac__shape_text(b->ndim, b->sizes));
    return 0;
}

/* "4 x 4" of spatial sizes */
static const char *by(char *text, size_t size, int n, const int64_t *v) {
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i > 0 ? " x " : "",
                                 (long long)v[i]);
    return text;
}

static int plain_sizes(const struct fac__convolution_args *a, int64_t *out) {
    const fac_tensor *x = a->input, *w = a->weight;
    int n = w->ndim - 2;
    int64_t padded[3], kernel[3];
    bool fits = true;
    for (int i = 0; i < n; i++) {
        padded[i] = fac__most_sum(x->sizes[i + 2], 2 * at(a->padding, i));
        kernel[i] = fac__most_sum(fac__most_product(at(a->dilation, i), w->sizes[i + 2] - 1), 1);
        fits &= padded[i] >= kernel[i] && padded[i] > 0;
        out[i] = (padded[i] - kernel[i]) / at(a->stride, i) + 1;
    }
    if (fits)
        return 0;
    char t1[80], t2[80];
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Calculated padded input size per channel: (%s). Kernel size: (%s). Kernel size "
        "can't be greater than actual input size",
        by(t1, sizeof t1, n, padded), by(t2, sizeof t2, n, kernel));
}

static int check_output_padding(const struct fac__convolution_args *a, int n) {
    static const char *const names[] = {"depth", "height", "width"};
    for (int i = 0; i < n; i++) {
        int64_t p = at(a->output_padding, i);
        if (p < at(a->stride, i) || p < at(a->dilation, i))
            continue;
        char text[400];
        size_t used = 0;
        const char *const what[] = {"output_padding", "stride", "dilation"};
        fac_ints v[] = {a->output_padding, a->stride, a->dilation};
        for (int k = 0; k < 3; k++)
            for (int j = n == 1 ? -1 : 0; j < (n == 1 ? 1 : n) && used < sizeof text; j++)
                used += (size_t)snprintf(text + used, sizeof text - used, " %s_%s: %lld", what[k],
                                         n == 1 ? names[j + 2] : names[j + 3 - n],
                                         (long long)(j < 0 ? k > 0 : at(v[k], j)));
        return fac__fail(FAC_ERROR_RUNTIME,
                         "output padding must be smaller than either stride or dilation, but got%s",
                         text);
    }
    return 0;
}

static int transposed_sizes(const struct fac__convolution_args *a, int64_t *out) {
    const fac_tensor *x = a->input, *w = a->weight;
    int n = w->ndim - 2;
    bool fits = true;
    for (int i = 0; i < n; i++) {
        int64_t spread = fac__most_product(x->sizes[i + 2] - 1, at(a->stride, i));
        int64_t reach = fac__most_product(at(a->dilation, i), w->sizes[i + 2] - 1);
        int64_t ends = at(a->output_padding, i) + 1 - 2 * at(a->padding, i);
        out[i] = fac__most_sum(fac__most_sum(spread, ends), reach);
        fits &= out[i] > 0;
    }
    if (fits)
        return 0;
    char t1[80], t2[80];
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Given input size per channel: (%s). Calculated output size per channel: (%s). "
        "Output size is too small",
        by(t1, sizeof t1, n, x->sizes + 2), by(t2, sizeof t2, n, out));
}

/* PyTorch's word for a dtype in this message. */
static const char *plain_name(uint8_t d) {
    switch (d) {
    case FAC_FLOAT32:
        return "float";
    case FAC_FLOAT64:
        return "double";
    case FAC_FLOAT16:
        return "c10::Half";
    case FAC_BFLOAT16:
        return "c10::BFloat16";
    case FAC_INT64:
        return "long int";
    case FAC_INT32:
        return "int";
    default:
        return fac_dtype_name((fac_dtype)d);
    }
}

static int check_dtypes(const struct fac__convolution_args *a) {
    const fac_tensor *x = a->input, *w = a->weight, *b = a->bias;
    if (b != NULL && b->dtype != x->dtype)
        return fac__fail(FAC_ERROR_RUNTIME, "Input type (%s) and bias type (%s) should be the same",
                         plain_name(x->dtype), plain_name(b->dtype));
    if (w->dtype != x->dtype)
        return fac__fail(FAC_ERROR_RUNTIME, "expected scalar type %s but found %s",
                         fac__scalar_type_name((fac_dtype)x->dtype),
                         fac__scalar_type_name((fac_dtype)w->dtype));
    if (x->dtype == FAC_BOOL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "\"slow_conv2d_cpu\" not implemented for 'Bool'");
    return 0;
}

static int check_kernel(const fac_tensor *w) {
    static const char *const names[] = {"depth", "height", "width"};
    int n = w->ndim - 2;
    bool positive = true;
    for (int i = 0; i < n; i++)
        positive &= w->sizes[i + 2] > 0;
    if (positive)
        return 0;
    char text[200];
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, " kernel_%s: %lld",
                                 names[i + 3 - n], (long long)w->sizes[i + 2]);
    return fac__fail(FAC_ERROR_RUNTIME, "kernel size should be greater than zero, but got%s", text);
}

int fac__rule_convolution(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__convolution_args *a = args;
    const fac_tensor *x = a->input, *w = a->weight;
    int64_t sizes[5], strides[5];
    (void)op;
    if (check_numbers(a) != 0 || check_channels(a) != 0 || check_dtypes(a) != 0)
        return -1;
    if (a->transposed ? transposed_sizes(a, sizes + 2) : plain_sizes(a, sizes + 2))
        return -1;
    if (check_kernel(w) != 0)
        return -1;
    sizes[0] = x->sizes[0];
    sizes[1] = a->transposed ? w->sizes[1] * a->groups : w->sizes[0];
    fac_memory_format f = fac__suggest_format(x);
    if (f == FAC_CONTIGUOUS_FORMAT || f == FAC_FORMAT_NONE)
        f = fac__suggest_format(w);
    if (fac__format_strides(x->ndim, sizes, f, strides) != 0)
        return -1;
    return fac__out(outs, 0, x->ndim, sizes, strides, (fac_dtype)x->dtype, x->device);
}

/* Whether such a convolution could have had this input, output gradient and weight. */
static bool weight_fits(const struct fac___convolution_weight_args *a) {
    const fac_tensor *x = a->input, *g = a->grad_output;
    const int64_t *w = a->weight_sizes.values;
    int n = x->ndim - 2;
    if (n < 1 || n > 3 || g->ndim != x->ndim || a->weight_sizes.n != x->ndim || a->stride.n != n ||
        a->padding.n != n || a->dilation.n != n || a->groups < 1 || g->dtype != x->dtype ||
        x->dtype == FAC_BOOL)
        return false;
    for (int i = 0; i < x->ndim; i++)
        if (w[i] < 0)
            return false;
    if (g->sizes[0] != x->sizes[0] || g->sizes[1] != w[0] || w[0] % a->groups != 0 ||
        x->sizes[1] != fac__most_product(w[1], a->groups))
        return false;
    for (int i = 0; i < n; i++) {
        int64_t s = a->stride.values[i], p = a->padding.values[i], d = a->dilation.values[i];
        if (s < 1 || p < 0 || d < 1 || w[i + 2] < 1)
            return false;
        int64_t reach = fac__most_product(d, w[i + 2] - 1);
        int64_t room = fac__most_sum(x->sizes[i + 2], 2 * p) - 1 - reach;
        if (g->sizes[i + 2] > room / s + 1)
            return false;
    }
    return true;
}

int fac__rule__convolution_weight(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___convolution_weight_args *a = args;
    fac_ints all[] = {a->stride, a->padding, a->dilation};
    if (fac__check_windows_fit(all, 3) != 0)
        return -1;
    if (!weight_fits(a))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: input, grad_output and weight_sizes don't fit each other", op->name);
    return fac__out(outs, 0, a->weight_sizes.n, a->weight_sizes.values, NULL,
                    (fac_dtype)a->input->dtype, a->input->device);
}

int fac__conv_check_output_padding(const struct fac__convolution_args *a, int n) {
    return check_output_padding(a, n);
}
