/* Shape ops that are calls of other ops. */
#include "../rules/rules.h"

#include <facula/ops.h>

void fac__composite_reshape(const struct fac__reshape_args *a, fac_tensor **out) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (a->shape.n > FAC_MAX_DIMS || fac__infer_size(a->shape, a->input->numel, sizes) != 0) {
        out[0] = fac_bad;
        return;
    }
    fac_ints size = {sizes, a->shape.n, true};
    if (fac__view_strides(a->input, a->shape.n, sizes, strides))
        out[0] = fac_view(a->input, size);
    else
        out[0] =
            fac__unsafe_view(fac_clone(a->input, .memory_format = FAC_CONTIGUOUS_FORMAT), size);
}

void fac__composite_contiguous(const struct fac__contiguous_args *a, fac_tensor **out) {
    fac_memory_format f = a->memory_format;
    if (f == FAC_PRESERVE_FORMAT) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "preserve memory format is unsupported by the contiguous operator");
        out[0] = fac_bad;
        return;
    }
    if (fac__is_format(a->input, f))
        out[0] = a->input;
    else
        out[0] =
            fac_clone(a->input, .memory_format = f == FAC_FORMAT_NONE ? FAC_CONTIGUOUS_FORMAT : f);
}

void fac__composite_conj(const struct fac__conj_args *a, fac_tensor **out) {
    out[0] = fac__is_complex((fac_dtype)a->input->dtype) ? fac__conj(a->input) : a->input;
}

void fac__composite_real(const struct fac__real_args *a, fac_tensor **out) {
    if (!fac__is_complex((fac_dtype)a->input->dtype)) {
        out[0] = a->input;
        return;
    }
    fac_tensor *t = a->input;
    if (t->features & FAC__CONJ)
        t = fac__conj(t); /* the real parts are the same */
    out[0] = fac_select(fac_view_as_real(t), -1, 0);
}

void fac__composite_imag(const struct fac__imag_args *a, fac_tensor **out) {
    fac_tensor *t = a->input;
    if (!fac__is_complex((fac_dtype)t->dtype)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "imag is not implemented for tensors with non-complex dtypes.");
        out[0] = fac_bad;
        return;
    }
    if (t->features & FAC__CONJ)
        out[0] = fac__neg_view(fac_select(fac_view_as_real(fac__conj(t)), -1, 1));
    else
        out[0] = fac_select(fac_view_as_real(t), -1, 1);
}

/* The gradient of a view of a region: zeros with the gradient copied in, recorded as such. */
void fac__composite_select_backward(const struct fac__select_backward_args *a, fac_tensor **out) {
    fac_tensor *all = fac__new_zeros(a->grad, a->input_sizes);
    fac_tensor *at = fac_select(all, a->dim, a->index);
    out[0] = fac__is_bad(fac_copy_(at, a->grad)) ? fac_bad : all;
}

void fac__composite_slice_backward(const struct fac__slice_backward_args *a, fac_tensor **out) {
    fac_tensor *all = fac__new_zeros(a->grad, a->input_sizes);
    fac_tensor *at =
        fac_slice(all, .dim = a->dim, .start = a->start, .end = a->end, .step = fac_some(a->step));
    out[0] = fac__is_bad(fac_copy_(at, a->grad)) ? fac_bad : all;
}

void fac__composite_resolve_conj(const struct fac__resolve_conj_args *a, fac_tensor **out) {
    out[0] = a->input->features & FAC__CONJ ? fac_clone(a->input) : a->input;
}

void fac__composite_resolve_neg(const struct fac__resolve_neg_args *a, fac_tensor **out) {
    out[0] = a->input->features & FAC__NEG ? fac_clone(a->input) : a->input;
}

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

static fac_ints sizes_of(const fac_tensor *t) {
    return (fac_ints){t->sizes, t->ndim, true};
}

/* --- slices ---------------------------------------------------------------------------------- */

COMPOSITE(narrow) {
    const fac_tensor *t = a->input;
    out[0] = fac_bad;
    if (t->ndim == 0) {
        fac__fail(FAC_ERROR_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
        return;
    }
    if (a->length < 0) {
        fac__fail(FAC_ERROR_RUNTIME, "narrow(): length must be non-negative.");
        return;
    }
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return;
    int64_t n = t->sizes[d], start = a->start;
    if (start < -n || start > n) {
        fac__fail(FAC_ERROR_INDEX,
                  "start out of range (expected to be in range of [%lld, %lld], but got %lld)",
                  (long long)-n, (long long)n, (long long)start);
        return;
    }
    start += start < 0 ? n : 0;
    if (start > n - a->length) {
        fac__fail(FAC_ERROR_RUNTIME, "start (%lld) + length (%lld) exceeds dimension size (%lld).",
                  (long long)start, (long long)a->length, (long long)n);
        return;
    }
    out[0] =
        fac_slice(a->input, .dim = d, .start = fac_some(start), .end = fac_some(start + a->length));
}

COMPOSITE(narrow_tensor) {
    fac_tensor *s = a->start;
    if (s->ndim != 0 || !fac__is_integral((fac_dtype)s->dtype, false)) {
        fac__fail(FAC_ERROR_RUNTIME, "start must be an 0-dim integral Tensor.");
        out[0] = fac_bad;
        return;
    }
    out[0] = fac_narrow(a->input, a->dim, fac__scalar_int(fac__scalar_from(s->data, s->dtype)),
                        a->length);
}

/* --- order of dimensions --------------------------------------------------------------------- */

static fac_tensor *moved(fac_tensor *t, fac_ints from, fac_ints to, const char *name) {
    int64_t order[FAC_MAX_DIMS], source[FAC_MAX_DIMS];
    int from_dims[FAC_MAX_DIMS], to_dims[FAC_MAX_DIMS], free_source = 0;
    bool taken[FAC_MAX_DIMS] = {false}, moving[FAC_MAX_DIMS] = {false};
    if (from.n != to.n) {
        fac__fail(
            FAC_ERROR_RUNTIME,
            "%s: Invalid source or destination dims: source (%s dims) should contain the same "
            "number of dims as destination (%s dims)",
            name, fac__shape_text(from.n, from.values), fac__shape_text(to.n, to.values));
        return fac_bad;
    }
    if (from.n > FAC_MAX_DIMS)
        return fac_bad;
    for (int i = 0; i < from.n; i++) {
        from_dims[i] = fac__wrap_dim(from.values[i], t->ndim);
        to_dims[i] = from_dims[i] < 0 ? -1 : fac__wrap_dim(to.values[i], t->ndim);
        if (to_dims[i] < 0)
            return fac_bad;
        if (moving[from_dims[i]] || taken[to_dims[i]]) {
            bool of_source = moving[from_dims[i]];
            fac_ints dims = of_source ? from : to;
            fac__fail(FAC_ERROR_RUNTIME, "%s: repeated dim in `%s` (%s)", name,
                      of_source ? "source" : "destination", fac__shape_text(dims.n, dims.values));
            return fac_bad;
        }
        moving[from_dims[i]] = taken[to_dims[i]] = true;
        source[to_dims[i]] = from_dims[i];
    }
    if (t->ndim == 0)
        return fac_alias(t);
    for (int d = 0; d < t->ndim; d++) {
        if (taken[d]) {
            order[d] = source[d];
            continue;
        }
        while (moving[free_source])
            free_source++;
        order[d] = free_source++;
    }
    return fac_permute(t, ((fac_ints){order, t->ndim, true}));
}

COMPOSITE(movedim) {
    out[0] = moved(a->input, a->source, a->destination, "movedim");
}
COMPOSITE(movedim_int) {
    out[0] = moved(a->input, fac_dims(a->source), fac_dims(a->destination), "movedim");
}
COMPOSITE(moveaxis) {
    out[0] = moved(a->input, a->source, a->destination, "movedim");
}
COMPOSITE(moveaxis_int) {
    out[0] = moved(a->input, fac_dims(a->source), fac_dims(a->destination), "movedim");
}

/* What is left of transposing a zero-dimensional tensor: itself, with a warning. */
static fac_tensor *of_number(fac_tensor *t, const char *name, bool conj) {
    int r = fac__warn("%s is deprecated on 0-D tensors. %s", name,
                      conj ? "Consider using x.conj()."
                           : "This function is the identity in these cases.");
    return r != 0 ? fac_bad : conj ? fac_conj(t) : fac_alias(t);
}

COMPOSITE(numpy_T) {
    int64_t order[FAC_MAX_DIMS];
    int n = a->input->ndim;
    for (int d = 0; d < n; d++)
        order[d] = n - 1 - d;
    out[0] = n == 0 ? of_number(a->input, "Tensor.T", false)
                    : fac_permute(a->input, ((fac_ints){order, n, true}));
}

/* The transpose of matrices, conjugated where that is asked for. */
static fac_tensor *turned(fac_tensor *t, const char *name, const char *zero_name, bool conj) {
    if (t->ndim == 0)
        return of_number(t, zero_name, conj);
    if (t->ndim == 1) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "tensor.%s is only supported on matrices or batches of matrices. Got 1-D tensor.",
                  name);
        return fac_bad;
    }
    fac_tensor *r = fac_transpose(t, -2, -1);
    return conj ? fac_conj(r) : r;
}

COMPOSITE(mT) {
    out[0] = turned(a->input, "mT", "Tensor.mT", false);
}
COMPOSITE(mH) {
    out[0] = turned(a->input, "mH", "Tensor.mH", true);
}
COMPOSITE(adjoint) {
    out[0] = turned(a->input, "adjoint()", "adjoint()", true);
}
COMPOSITE(matrix_H) {
    int n = a->input->ndim;
    out[0] = fac_bad;
    if (n == 0)
        out[0] = of_number(a->input, "Tensor.H", true);
    else if (n == 2)
        out[0] = turned(a->input, "H", "", true);
    else
        fac__fail(FAC_ERROR_RUNTIME,
                  "tensor.H is only supported on matrices (2-D tensors). Got %d-D tensor.%s", n,
                  n > 2 ? " For batches of matrices, consider using tensor.mH" : "");
}

/* --- sizes ----------------------------------------------------------------------------------- */

COMPOSITE(flatten) {
    const fac_tensor *t = a->input;
    int start = fac__wrap_dim(a->start_dim, t->ndim);
    int end = start < 0 ? -1 : fac__wrap_dim(a->end_dim, t->ndim);
    int64_t sizes[FAC_MAX_DIMS], n = 1;
    int m = 0;
    out[0] = fac_bad;
    if (end < 0)
        return;
    if (start > end) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "flatten() has invalid args: start_dim cannot come after end_dim");
        return;
    }
    if (t->ndim == 0) {
        out[0] = fac_reshape(a->input, fac_dims(1));
        return;
    }
    if (start == end) {
        out[0] = a->input;
        return;
    }
    for (int d = 0; d < t->ndim; d++) {
        if (d < start || d > end) {
            sizes[m++] = t->sizes[d];
        } else {
            n *= t->sizes[d];
            if (d == end)
                sizes[m++] = n;
        }
    }
    out[0] = fac_reshape(a->input, ((fac_ints){sizes, m, true}));
}

COMPOSITE(unflatten) {
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS], product = 1;
    int d = fac__wrap_dim(a->dim, t->ndim), n = 0, unknown = -1;
    out[0] = fac_bad;
    if (d < 0)
        return;
    if (a->sizes.n == 0) {
        fac__fail(FAC_ERROR_RUNTIME, "unflatten: sizes must be non-empty");
        return;
    }
    if (t->ndim == 0 || t->ndim - 1 + a->sizes.n > FAC_MAX_DIMS) {
        fac__fail(FAC_ERROR_RUNTIME, t->ndim == 0
                                         ? "unflatten: the input has no dimensions"
                                         : "only tensors with up to 64 dims are supported");
        return;
    }
    for (int k = 0; k < d; k++)
        sizes[n++] = t->sizes[k];
    for (int k = 0; k < a->sizes.n; k++, n++) {
        sizes[n] = a->sizes.values[k];
        if (sizes[n] == -1 && unknown >= 0) {
            fac__fail(FAC_ERROR_RUNTIME,
                      "unflatten got an unexpected error:\nonly one dimension can be inferred");
            return;
        }
        if (sizes[n] == -1)
            unknown = n;
        else if (sizes[n] < 0 || __builtin_mul_overflow(product, sizes[n], &product))
            product = -1;
    }
    bool fits = unknown < 0 ? product == t->sizes[d] : product > 0 && t->sizes[d] % product == 0;
    if (!fits) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "unflatten: Provided sizes %s don't multiply up to the size of dim %d (%lld) in "
                  "the input tensor",
                  fac__shape_text(a->sizes.n, a->sizes.values), d, (long long)t->sizes[d]);
        return;
    }
    if (unknown >= 0)
        sizes[unknown] = t->sizes[d] / product;
    for (int k = d + 1; k < t->ndim; k++)
        sizes[n++] = t->sizes[k];
    out[0] = fac_view(a->input, ((fac_ints){sizes, n, true}));
}

COMPOSITE(ravel) {
    out[0] = fac_view(fac_contiguous(a->input), fac_dims(-1));
}
COMPOSITE(view_as) {
    out[0] = fac_view(a->input, sizes_of(a->other));
}
COMPOSITE(reshape_as) {
    out[0] = fac_reshape(a->input, sizes_of(a->other));
}
COMPOSITE(expand_as) {
    out[0] = fac_expand(a->input, sizes_of(a->other));
}
COMPOSITE(broadcast_to) {
    out[0] = fac_expand(a->input, a->size);
}

COMPOSITE(tile) {
    int64_t repeats[FAC_MAX_DIMS];
    int n = a->dims.n, more = a->input->ndim - n;
    if (n > FAC_MAX_DIMS) {
        fac__fail(FAC_ERROR_RUNTIME, "only tensors with up to 64 dims are supported");
        out[0] = fac_bad;
        return;
    }
    more = more < 0 ? 0 : more;
    for (int d = 0; d < more; d++)
        repeats[d] = 1;
    for (int d = 0; d < n; d++)
        repeats[more + d] = a->dims.values[d];
    out[0] = fac_repeat(a->input, ((fac_ints){repeats, more + n, true}));
}

/* --- repetition ------------------------------------------------------------------------------ */

COMPOSITE(repeat_interleave_tensor) {
    fac_tensor *x = a->input, *repeats = a->repeats;
    out[0] = fac_bad;
    if (!a->dim.given)
        x = fac_flatten(x);
    if (fac__is_bad(x))
        return;
    int d = fac__wrap_dim(a->dim.given ? a->dim.value : 0, x->ndim);
    if (d < 0)
        return;
    if (x->ndim == 0)
        x = fac_flatten(x);
    if (repeats->ndim == 0 || (repeats->ndim == 1 && repeats->numel == 1)) {
        repeats = fac_expand(fac_reshape(repeats, fac_dims(1)), fac_dims(x->sizes[d]));
    } else if (repeats->ndim != 1 || repeats->numel != x->sizes[d]) {
        if (repeats->ndim == 1)
            fac__fail(FAC_ERROR_RUNTIME,
                      "repeats must have the same size as input along dim, but got "
                      "repeats.size(0) = %lld and input.size(%d) = %lld",
                      (long long)repeats->numel, d, (long long)x->sizes[d]);
        else
            fac__fail(FAC_ERROR_RUNTIME, "repeats must be 0-dim or 1-dim tensor");
        return;
    }
    out[0] = fac_index_select(x, d, fac_repeat_interleave(repeats, .output_size = a->output_size));
}

COMPOSITE(repeat_interleave_int) {
    fac_tensor *x = a->dim.given ? a->input : fac_flatten(a->input);
    out[0] = fac_bad;
    if (a->repeats < 0) {
        fac__fail(FAC_ERROR_RUNTIME, "Repeats must be non-negative");
        return;
    }
    if (fac__is_bad(x))
        return;
    int d = fac__wrap_dim(a->dim.given ? a->dim.value : 0, x->ndim);
    if (d < 0)
        return;
    if (x->ndim == 0)
        x = fac_flatten(x);
    int64_t total;
    if (__builtin_mul_overflow(x->sizes[d], a->repeats, &total)) {
        fac__fail(FAC_ERROR_RUNTIME, "numel: integer multiplication overflow");
        return;
    }
    if (a->output_size.given && a->output_size.value != total) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "repeat_interleave: Invalid output_size, expected %lld but got %lld",
                  (long long)total, (long long)a->output_size.value);
        return;
    }
    /* a new dimension after d, stretched, then both as one */
    int64_t sizes[FAC_MAX_DIMS + 1];
    if (x->ndim == FAC_MAX_DIMS) {
        fac__fail(FAC_ERROR_RUNTIME, "only tensors with up to 64 dims are supported");
        return;
    }
    for (int k = 0; k <= x->ndim; k++)
        sizes[k] = k <= d ? x->sizes[k] : k == d + 1 ? a->repeats : x->sizes[k - 1];
    fac_tensor *wide = fac_expand(fac_unsqueeze(x, d + 1), ((fac_ints){sizes, x->ndim + 1, true}));
    out[0] = fac_flatten(fac_clone(wide, .memory_format = FAC_CONTIGUOUS_FORMAT), .start_dim = d,
                         .end_dim = fac_some(d + 1));
}

/* --- mirrors and diagonals ------------------------------------------------------------------- */

COMPOSITE(fliplr) {
    out[0] = fac_bad;
    if (a->input->ndim < 2)
        fac__fail(FAC_ERROR_RUNTIME, "Input must be >= 2-d.");
    else
        out[0] = fac_flip(a->input, fac_dims(1));
}

COMPOSITE(flipud) {
    out[0] = fac_bad;
    if (a->input->ndim < 1)
        fac__fail(FAC_ERROR_RUNTIME, "Input must be >= 1-d.");
    else
        out[0] = fac_flip(a->input, fac_dims(0));
}

COMPOSITE(diag) {
    int n = a->input->ndim;
    out[0] = fac_bad;
    if (n == 1)
        out[0] = fac_diag_embed(a->input, .offset = a->diagonal);
    else if (n == 2)
        out[0] = fac_diagonal_copy(a->input, .offset = a->diagonal);
    else
        fac__fail(FAC_ERROR_RUNTIME, "diag(): Supports 1D or 2D tensors. Got %dD", n);
}

COMPOSITE(diagflat) {
    out[0] = fac_diag(fac_reshape(fac_contiguous(a->input), fac_dims(-1)), .diagonal = a->offset);
}

/* --- gradients of views ---------------------------------------------------------------------- */

COMPOSITE(diagonal_backward) {
    fac_tensor *r =
        fac_zeros(a->input_sizes, .dtype = (fac_dtype)a->grad->dtype, .device = a->grad->device);
    out[0] = fac_diagonal_scatter(r, a->grad, .offset = a->offset, .dim1 = a->dim1,
                                  .dim2 = fac_some(a->dim2));
}

/* Windows may overlap: their elements add up where they came from. */
COMPOSITE(unfold_backward) {
    fac_tensor *g = a->grad;
    int n = a->input_sizes.n, d = fac__wrap_dim(a->dim, n);
    out[0] = fac_bad;
    if (d < 0)
        return;
    if (n == 0) {
        out[0] = fac_sum(g);
        return;
    }
    int64_t windows = g->ndim == n + 1 ? g->sizes[d] : -1, length = a->size;
    if (windows < 0 || g->sizes[n] != length) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "unfold_backward: a gradient of size %s is not that of windows of %lld",
                  fac__shape_text(g->ndim, g->sizes), (long long)length);
        return;
    }
    fac_tensor *first = fac_mul(fac_arange(0, windows, .device = g->device), a->step);
    fac_tensor *within = fac_arange(0, length, .device = g->device);
    fac_tensor *places = fac_reshape(fac_add(fac_unsqueeze(first, 1), within), fac_dims(-1));
    fac_tensor *rows =
        fac_flatten(fac_movedim_int(g, -1, d + 1), .start_dim = d, .end_dim = fac_some(d + 1));
    fac_tensor *zeros =
        fac_zeros(a->input_sizes, .dtype = (fac_dtype)g->dtype, .device = g->device);
    out[0] = fac_index_add(zeros, d, places, rows);
}
