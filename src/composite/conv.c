/* Convolutions over one, two and three dimensions: batches of one, named paddings. */
#include "../autograd/helpers.h"
#include "../rules/rules.h"

#include <facula/ops.h>

#include <string.h>

int fac__conv_check_output_padding(const struct fac__convolution_args *a, int n);

/* The arguments all forms share. */
struct form {
    const char *name;
    int dims;
    fac_tensor *input, *weight, *bias;
    fac_ints stride, padding, dilation, output_padding;
    int64_t groups;
    bool transposed;
};

static int check_rank(const struct form *f) {
    const fac_tensor *x = f->input;
    if (x->ndim == f->dims + 1 || x->ndim == f->dims + 2)
        return 0;
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Expected %dD (unbatched) or %dD (batched) input to %s, but got input of size: %s",
        f->dims + 1, f->dims + 2, f->name, fac__shape_text(x->ndim, x->sizes));
}

static fac_tensor *run(const struct form *f) {
    if (check_rank(f) != 0)
        return fac_bad;
    bool single = f->input->ndim == f->dims + 1;
    fac_tensor *x = single ? fac_unsqueeze(f->input, 0) : f->input;
    if (f->transposed && f->weight->ndim == f->dims + 2) {
        const struct fac__convolution_args a = {
            .output_padding = f->output_padding, .stride = f->stride, .dilation = f->dilation};
        bool counted = (f->output_padding.n == 1 || f->output_padding.n == f->dims) &&
                       (f->stride.n == 1 || f->stride.n == f->dims) &&
                       (f->dilation.n == 1 || f->dilation.n == f->dims);
        bool positive = true;
        for (int i = 0; i < f->output_padding.n; i++)
            positive &= f->output_padding.values[i] >= 0;
        if (counted && positive && fac__conv_check_output_padding(&a, f->dims) != 0)
            return fac_bad;
    }
    fac_tensor *r = fac_convolution(x, f->weight, f->bias, f->stride, f->padding, f->dilation,
                                    f->transposed, f->output_padding, f->groups);
    return single ? fac_squeeze_dim(r, 0) : r;
}

#define PLAIN(name_, dims_)                                                                        \
    void fac__composite_##name_(const struct fac__##name_##_args *a, fac_tensor **out) {           \
        const struct form f = {.name = #name_,                                                     \
                               .dims = dims_,                                                      \
                               .input = a->input,                                                  \
                               .weight = a->weight,                                                \
                               .bias = a->bias,                                                    \
                               .stride = a->stride,                                                \
                               .padding = a->padding,                                              \
                               .dilation = a->dilation,                                            \
                               .output_padding = fac_dims(0),                                      \
                               .groups = a->groups};                                               \
        out[0] = run(&f);                                                                          \
    }
PLAIN(conv1d, 1)
PLAIN(conv2d, 2)
PLAIN(conv3d, 3)

#define TRANSPOSED(name_, dims_)                                                                   \
    void fac__composite_##name_(const struct fac__##name_##_args *a, fac_tensor **out) {           \
        const struct form f = {.name = #name_,                                                     \
                               .dims = dims_,                                                      \
                               .input = a->input,                                                  \
                               .weight = a->weight,                                                \
                               .bias = a->bias,                                                    \
                               .stride = a->stride,                                                \
                               .padding = a->padding,                                              \
                               .dilation = a->dilation,                                            \
                               .output_padding = a->output_padding,                                \
                               .groups = a->groups,                                                \
                               .transposed = true};                                                \
        out[0] = run(&f);                                                                          \
    }
TRANSPOSED(conv_transpose1d, 1)
TRANSPOSED(conv_transpose2d, 2)
TRANSPOSED(conv_transpose3d, 3)

/* --- padding by name -------------------------------------------------------------------------- */

/* x with `extra` zeros behind each spatial dimension. */
static fac_tensor *padded(fac_tensor *x, int dims, const int64_t *extra) {
    int64_t sizes[FAC_MAX_DIMS];
    for (int i = 0; i < x->ndim; i++)
        sizes[i] = x->sizes[i] + (i >= x->ndim - dims ? extra[i - (x->ndim - dims)] : 0);
    fac_tensor *to = fac__new_zeros(x, (fac_ints){sizes, x->ndim, true});
    fac_tensor *inner = to;
    for (int i = 0; i < x->ndim; i++)
        if (sizes[i] != x->sizes[i])
            inner = fac_slice(inner, .dim = i, .end = fac_some(x->sizes[i]));
    fac_tensor *r = fac_copy_(inner, x);
    return fac__is_bad(r) ? r : to;
}

/* 'same' of one dimension: dilation * (kernel - 1) zeros in all, the odd one behind. */
static fac_tensor *named(struct form f, const char *padding) {
    int64_t pad[3] = {0, 0, 0}, extra[3] = {0, 0, 0};
    if (strcmp(padding, "same") != 0 && strcmp(padding, "valid") != 0) {
        fac__fail(FAC_ERROR_RUNTIME, "Invalid padding string: '%s'", padding);
        return fac_bad;
    }
    if (check_rank(&f) != 0)
        return fac_bad;
    f.padding = (fac_ints){pad, f.dims, true};
    f.output_padding = fac_dims(0);
    if (padding[0] == 'v')
        return run(&f);
    if (f.weight->ndim != f.dims + 2) {
        int64_t sizes[FAC_MAX_DIMS + 1] = {1};
        int n = f.input->ndim, lead = n == f.dims + 1;
        memcpy(sizes + lead, f.input->sizes, sizeof(int64_t) * (size_t)n);
        fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected %d-dimensional input for %d-dimensional weight %s, but got %d-dimensional "
            "input of size %s instead",
            f.weight->ndim, f.weight->ndim, fac__shape_text(f.weight->ndim, f.weight->sizes),
            n + lead, fac__shape_text(n + lead, sizes));
        return fac_bad;
    }
    bool odd = false;
    for (int i = 0; i < f.stride.n; i++)
        if (f.stride.values[i] != 1) {
            fac__fail(FAC_ERROR_RUNTIME,
                      "padding='same' is not supported for strided convolutions");
            return fac_bad;
        }
    for (int i = 0; i < f.dims && f.dilation.n > 0; i++) {
        int64_t d = f.dilation.values[f.dilation.n == f.dims ? i : 0];
        int64_t total = d * (f.weight->sizes[i + 2] - 1);
        pad[i] = total / 2;
        extra[i] = total % 2;
        odd |= extra[i] != 0;
    }
    if (odd)
        f.input = padded(f.input, f.dims, extra);
    return fac__is_bad(f.input) ? f.input : run(&f);
}

#define NAMED(name_, dims_)                                                                        \
    void fac__composite_##name_##_padding(const struct fac__##name_##_padding_args *a,             \
                                          fac_tensor **out) {                                      \
        const struct form f = {.name = #name_,                                                     \
                               .dims = dims_,                                                      \
                               .input = a->input,                                                  \
                               .weight = a->weight,                                                \
                               .bias = a->bias,                                                    \
                               .stride = a->stride,                                                \
                               .dilation = a->dilation,                                            \
                               .groups = a->groups};                                               \
        out[0] = named(f, a->padding);                                                             \
    }
NAMED(conv1d, 1)
NAMED(conv2d, 2)
NAMED(conv3d, 3)
