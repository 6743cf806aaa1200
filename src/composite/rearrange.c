/* Names for other shapes of the same elements: calls of view, permute, expand, cat and their kin. */
#include "../rules/rules.h"

#include <facula/ops.h>

#include <string.h>

static fac_tensor *fail_tensor(fac_error_code code, const char *text) {
    fac__fail(code, "%s", text);
    return fac_bad;
}

/* --- narrow, move, flatten --------------------------------------------------------------------- */

static fac_tensor *narrowed(fac_tensor *t, int64_t dim, int64_t start, int64_t length) {
    if (t->ndim == 0)
        return fail_tensor(FAC_ERROR_RUNTIME, "narrow() cannot be applied to a 0-dim tensor.");
    if (length < 0)
        return fail_tensor(FAC_ERROR_RUNTIME, "narrow(): length must be non-negative.");
    int d = fac__wrap_dim(dim, t->ndim);
    if (d < 0)
        return fac_bad;
    int64_t n = t->sizes[d];
    if (start < -n || start > n) {
        fac__fail(FAC_ERROR_INDEX,
                  "start out of range (expected to be in range of [%lld, %lld], but got %lld)",
                  (long long)-n, (long long)n, (long long)start);
        return fac_bad;
    }
    if (start < 0)
        start += n;
    if (start > n - length) {
        fac__fail(FAC_ERROR_RUNTIME, "start (%lld) + length (%lld) exceeds dimension size (%lld).",
                  (long long)start, (long long)length, (long long)n);
        return fac_bad;
    }
    return fac_slice(t, .dim = d, .start = fac_some(start), .end = fac_some(start + length));
}

void fac__composite_narrow(const struct fac__narrow_args *a, fac_tensor **out) {
    out[0] = narrowed(a->input, a->dim, a->start, a->length);
}

void fac__composite_narrow_tensor(const struct fac__narrow_tensor_args *a, fac_tensor **out) {
    fac_scalar s;
    if (a->start->ndim != 0 || !fac__is_integral((fac_dtype)a->start->dtype, false))
        out[0] = fail_tensor(FAC_ERROR_RUNTIME, "start must be an 0-dim integral Tensor.");
    else if (fac__item(a->start, &s) != 0)
        out[0] = fac_bad;
    else
        out[0] = narrowed(a->input, a->dim, fac__scalar_int(s), a->length);
}

static int unique_dims(fac_ints dims, int ndim, const char *which, int *out) {
    uint64_t seen = 0;
    for (int i = 0; i < dims.n; i++) {
        out[i] = fac__wrap_dim(dims.values[i], ndim);
        if (out[i] < 0)
            return -1;
        if (seen & (1ull << out[i]))
            return fac__fail(FAC_ERROR_RUNTIME, "movedim: repeated dim in `%s` (%s)", which,
                             fac__shape_text(dims.n, dims.values));
        seen |= 1ull << out[i];
    }
    return 0;
}

static fac_tensor *moved(fac_tensor *t, fac_ints source, fac_ints destination) {
    int from[FAC_MAX_DIMS], to[FAC_MAX_DIMS], next = 0;
    int64_t order[FAC_MAX_DIMS];
    bool taken[FAC_MAX_DIMS] = {false};
    if (source.n != destination.n) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "movedim: Invalid source or destination dims: source (%s dims) should contain "
                  "the same number of dims as destination (%s dims)",
                  fac__shape_text(source.n, source.values),
                  fac__shape_text(destination.n, destination.values));
        return fac_bad;
    }
    if (source.n > FAC_MAX_DIMS || unique_dims(source, t->ndim, "source", from) != 0 ||
        unique_dims(destination, t->ndim, "destination", to) != 0)
        return fac_bad;
    if (t->ndim == 0)
        return fac_alias(t);
    for (int d = 0; d < t->ndim; d++)
        order[d] = -1;
    for (int i = 0; i < source.n; i++) {
        order[to[i]] = from[i];
        taken[from[i]] = true;
    }
    for (int d = 0; d < t->ndim; d++) {
        if (order[d] >= 0)
            continue;
        while (taken[next])
            next++;
        order[d] = next++;
    }
    return fac_permute(t, ((fac_ints){order, t->ndim, true}));
}

void fac__composite_movedim(const struct fac__movedim_args *a, fac_tensor **out) {
    out[0] = moved(a->input, a->source, a->destination);
}

void fac__composite_movedim_int(const struct fac__movedim_int_args *a, fac_tensor **out) {
    out[0] = moved(a->input, fac_dims(a->source), fac_dims(a->destination));
}

void fac__composite_moveaxis(const struct fac__moveaxis_args *a, fac_tensor **out) {
    out[0] = moved(a->input, a->source, a->destination);
}

void fac__composite_moveaxis_int(const struct fac__moveaxis_int_args *a, fac_tensor **out) {
    out[0] = moved(a->input, fac_dims(a->source), fac_dims(a->destination));
}

static fac_tensor *flattened(fac_tensor *t, int64_t start, int64_t end) {
    int i = fac__wrap_dim(start, t->ndim), j = i < 0 ? -1 : fac__wrap_dim(end, t->ndim);
    if (j < 0)
        return fac_bad;
    if (i > j)
        return fail_tensor(FAC_ERROR_RUNTIME,
                           "flatten() has invalid args: start_dim cannot come after end_dim");
    if (t->ndim == 0)
        return fac_reshape(t, fac_dims(1));
    if (i == j)
        return t;
    int64_t sizes[FAC_MAX_DIMS], joined = 1;
    int n = 0;
    for (int d = 0; d < i; d++)
        sizes[n++] = t->sizes[d];
    for (int d = i; d <= j; d++)
        joined *= t->sizes[d];
    sizes[n++] = joined;
    for (int d = j + 1; d < t->ndim; d++)
        sizes[n++] = t->sizes[d];
    return fac_reshape(t, ((fac_ints){sizes, n, true}));
}

void fac__composite_flatten(const struct fac__flatten_args *a, fac_tensor **out) {
    out[0] = flattened(a->input, a->start_dim, a->end_dim);
}

void fac__composite_unflatten(const struct fac__unflatten_args *a, fac_tensor **out) {
    const fac_tensor *t = a->input;
    int64_t part[FAC_MAX_DIMS], sizes[FAC_MAX_DIMS], known = 1;
    int d = fac__wrap_dim(a->dim, t->ndim), n = 0, unknown = 0;
    out[0] = fac_bad;
    if (d < 0)
        return;
    if (a->sizes.n == 0) {
        fac__fail(FAC_ERROR_RUNTIME, "unflatten: sizes must be non-empty");
        return;
    }
    int64_t have = t->ndim == 0 ? 1 : t->sizes[d];
    for (int i = 0; i < a->sizes.n; i++) {
        unknown += a->sizes.values[i] == -1;
        if (a->sizes.values[i] != -1 && __builtin_mul_overflow(known, a->sizes.values[i], &known))
            known = -1;
    }
    if (unknown < 2 && (unknown == 0 ? known != have : known <= 0 || have % known != 0)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "unflatten: Provided sizes %s don't multiply up to the size of dim %d (%lld) in "
                  "the input tensor",
                  fac__shape_text(a->sizes.n, a->sizes.values), d, (long long)have);
        return;
    }
    if (a->sizes.n > FAC_MAX_DIMS || t->ndim - 1 + a->sizes.n > FAC_MAX_DIMS) {
        fac__fail(FAC_ERROR_RUNTIME, "unflatten: at most %d dimensions", FAC_MAX_DIMS);
        return;
    }
    if (fac__infer_size(a->sizes, have, part) != 0)
        return;
    for (int i = 0; i < d; i++)
        sizes[n++] = t->sizes[i];
    for (int i = 0; i < a->sizes.n; i++)
        sizes[n++] = part[i];
    for (int i = d + 1; i < t->ndim; i++)
        sizes[n++] = t->sizes[i];
    out[0] = fac_view(a->input, ((fac_ints){sizes, n, true}));
}

void fac__composite_ravel(const struct fac__ravel_args *a, fac_tensor **out) {
    out[0] = fac_reshape(a->input, fac_dims(-1));
}

/* --- transposes -------------------------------------------------------------------------------- */

void fac__composite_numpy_T(const struct fac__numpy_T_args *a, fac_tensor **out) {
    int64_t order[FAC_MAX_DIMS];
    for (int d = 0; d < a->input->ndim; d++)
        order[d] = a->input->ndim - 1 - d;
    out[0] = fac_permute(a->input, ((fac_ints){order, a->input->ndim, true}));
}

/* Zero-dim tensors pass, as their own transposes. */
static fac_tensor *matrix_transposed(fac_tensor *t, const char *name) {
    if (t->ndim == 0)
        return t;
    if (t->ndim == 1) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "tensor.%s is only supported on matrices or batches of matrices. Got 1-D tensor.",
                  name);
        return fac_bad;
    }
    return fac_transpose(t, -2, -1);
}

void fac__composite_mT(const struct fac__mT_args *a, fac_tensor **out) {
    out[0] = matrix_transposed(a->input, "mT");
}

static fac_tensor *conjugated(fac_tensor *t) {
    return fac__is_bad(t) ? t : fac_conj(t);
}

void fac__composite_mH(const struct fac__mH_args *a, fac_tensor **out) {
    out[0] = conjugated(matrix_transposed(a->input, "mH"));
}

void fac__composite_adjoint(const struct fac__adjoint_args *a, fac_tensor **out) {
    out[0] = conjugated(matrix_transposed(a->input, "adjoint()"));
}

void fac__composite_matrix_H(const struct fac__matrix_H_args *a, fac_tensor **out) {
    int n = a->input->ndim;
    if (n == 0 || n == 2) {
        out[0] = conjugated(matrix_transposed(a->input, "H"));
        return;
    }
    fac__fail(FAC_ERROR_RUNTIME,
              "tensor.H is only supported on matrices (2-D tensors). Got %d-D tensor.%s", n,
              n > 2 ? " For batches of matrices, consider using tensor.mH" : "");
    out[0] = fac_bad;
}

/* --- another's shape --------------------------------------------------------------------------- */

static fac_ints sizes_of(const fac_tensor *t) {
    return (fac_ints){t->sizes, t->ndim, true};
}

void fac__composite_view_as(const struct fac__view_as_args *a, fac_tensor **out) {
    out[0] = fac_view(a->input, sizes_of(a->other));
}

void fac__composite_reshape_as(const struct fac__reshape_as_args *a, fac_tensor **out) {
    out[0] = fac_reshape(a->input, sizes_of(a->other));
}

void fac__composite_expand_as(const struct fac__expand_as_args *a, fac_tensor **out) {
    out[0] = fac_expand(a->input, sizes_of(a->other));
}

void fac__composite_broadcast_to(const struct fac__broadcast_to_args *a, fac_tensor **out) {
    out[0] = fac_expand(a->input, a->size);
}

static fac_tensor *at_least(fac_tensor *t, int n) {
    if (t->ndim >= n)
        return t;
    if (t->ndim == 0) {
        static const int64_t ones[3] = {1, 1, 1};
        return fac_reshape(t, ((fac_ints){ones, n, true}));
    }
    t = t->ndim == 1 && n > 1 ? fac_unsqueeze(t, 0) : t;
    return n == 3 ? fac_unsqueeze(t, -1) : t;
}

void fac__composite_atleast_1d(const struct fac__atleast_1d_args *a, fac_tensor **out) {
    out[0] = at_least(a->input, 1);
}

void fac__composite_atleast_2d(const struct fac__atleast_2d_args *a, fac_tensor **out) {
    out[0] = at_least(a->input, 2);
}

void fac__composite_atleast_3d(const struct fac__atleast_3d_args *a, fac_tensor **out) {
    out[0] = at_least(a->input, 3);
}

/* --- joining ----------------------------------------------------------------------------------- */

void fac__composite_concat(const struct fac__concat_args *a, fac_tensor **out) {
    out[0] = fac_cat(a->tensors, .dim = a->dim);
}

void fac__composite_concatenate(const struct fac__concatenate_args *a, fac_tensor **out) {
    out[0] = fac_cat(a->tensors, .dim = a->dim);
}

/* cat along dim of tensors made at least n-dimensional. */
static fac_tensor *joined(const char *name, fac_tensors l, int n, int dim) {
    if (l.n == 0) {
        fac__fail(FAC_ERROR_RUNTIME, "%s expects a non-empty TensorList", name);
        return fac_bad;
    }
    fac_tensor **list = fac__scope_array(l.n);
    if (list == NULL)
        return fac_bad;
    for (int i = 0; i < l.n; i++)
        list[i] = at_least(l.values[i], n);
    if (dim < 0)
        dim = !fac__is_bad(list[0]) && list[0]->ndim == 1 ? 0 : 1;
    return fac_cat(((fac_tensors){list, l.n}), .dim = dim);
}

void fac__composite_hstack(const struct fac__hstack_args *a, fac_tensor **out) {
    out[0] = joined("hstack", a->tensors, 1, -1);
}

void fac__composite_vstack(const struct fac__vstack_args *a, fac_tensor **out) {
    out[0] = joined("vstack", a->tensors, 2, 0);
}

void fac__composite_row_stack(const struct fac__row_stack_args *a, fac_tensor **out) {
    out[0] = joined("vstack", a->tensors, 2, 0);
}

void fac__composite_dstack(const struct fac__dstack_args *a, fac_tensor **out) {
    out[0] = joined("dstack", a->tensors, 3, 2);
}

void fac__composite_column_stack(const struct fac__column_stack_args *a, fac_tensor **out) {
    out[0] = fac_bad;
    if (a->tensors.n == 0) {
        fac__fail(FAC_ERROR_RUNTIME, "column_stack expects a non-empty TensorList");
        return;
    }
    fac_tensor **list = fac__scope_array(a->tensors.n);
    if (list == NULL)
        return;
    for (int i = 0; i < a->tensors.n; i++) {
        fac_tensor *t = a->tensors.values[i];
        list[i] = t->ndim <= 1 ? fac_reshape(t, fac_dims(t->numel, 1)) : t;
    }
    out[0] = joined("hstack", (fac_tensors){list, a->tensors.n}, 1, -1);
}

/* --- repeating --------------------------------------------------------------------------------- */

void fac__composite_tile(const struct fac__tile_args *a, fac_tensor **out) {
    int64_t times[FAC_MAX_DIMS];
    int missing = a->input->ndim - a->dims.n;
    if (missing <= 0) {
        out[0] = fac_repeat(a->input, a->dims);
        return;
    }
    for (int d = 0; d < a->input->ndim; d++)
        times[d] = d < missing ? 1 : a->dims.values[d - missing];
    out[0] = fac_repeat(a->input, ((fac_ints){times, a->input->ndim, true}));
}

void fac__composite_repeat_interleave_int(const struct fac__repeat_interleave_int_args *a,
                                          fac_tensor **out) {
    fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS + 1];
    out[0] = fac_bad;
    if (!a->dim.given)
        t = flattened(t, 0, -1);
    else if (t->ndim == 0)
        t = fac_reshape(t, fac_dims(1));
    int d = fac__is_bad(t) ? -1 : fac__wrap_dim(a->dim.given ? a->dim.value : 0, t->ndim);
    if (d < 0)
        return;
    if (a->repeats < 0) {
        fac__fail(FAC_ERROR_RUNTIME, "Repeats must be non-negative");
        return;
    }
    if (a->output_size.given && a->output_size.value != t->sizes[d] * a->repeats) {
        fac__fail(FAC_ERROR_RUNTIME, "repeat_interleave: Invalid output_size, expected %lld but got %lld",
                  (long long)(t->sizes[d] * a->repeats), (long long)a->output_size.value);
        return;
    }
    fac_tensor *v = fac_unsqueeze(t, d + 1);
    if (fac__is_bad(v))
        return;
    for (int i = 0; i < v->ndim; i++)
        sizes[i] = i == d + 1 ? a->repeats : v->sizes[i];
    v = fac_expand(v, ((fac_ints){sizes, v->ndim, true}));
    v = fac_clone(v, .memory_format = FAC_CONTIGUOUS_FORMAT);
    out[0] = fac__is_bad(v) ? fac_bad : flattened(v, d, d + 1);
}

void fac__composite_repeat_interleave_tensor(const struct fac__repeat_interleave_tensor_args *a,
                                             fac_tensor **out) {
    fac_tensor *t = a->input, *times = a->repeats;
    out[0] = fac_bad;
    if (!a->dim.given)
        t = flattened(t, 0, -1);
    else if (t->ndim == 0)
        t = fac_reshape(t, fac_dims(1));
    int d = fac__is_bad(t) ? -1 : fac__wrap_dim(a->dim.given ? a->dim.value : 0, t->ndim);
    if (d < 0)
        return;
    if (times->ndim > 1) {
        fac__fail(FAC_ERROR_RUNTIME, "repeats must be 0-dim or 1-dim tensor");
        return;
    }
    if (times->ndim == 0 || times->sizes[0] == 1) {
        times = fac_expand(fac_reshape(times, fac_dims(1)), fac_dims(t->sizes[d]));
    } else if (times->sizes[0] != t->sizes[d]) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "repeats must have the same size as input along dim, but got repeats.size(0) = "
                  "%lld and input.size(%d) = %lld",
                  (long long)times->sizes[0], d, (long long)t->sizes[d]);
        return;
    }
    fac_tensor *index = fac_repeat_interleave(times, .output_size = a->output_size);
    out[0] = fac_index_select(t, d, index);
}

/* --- flips and diagonals ----------------------------------------------------------------------- */

void fac__composite_fliplr(const struct fac__fliplr_args *a, fac_tensor **out) {
    out[0] = a->input->ndim < 2 ? fail_tensor(FAC_ERROR_RUNTIME, "Input must be >= 2-d.")
                                : fac_flip(a->input, fac_dims(1));
}

void fac__composite_flipud(const struct fac__flipud_args *a, fac_tensor **out) {
    out[0] = a->input->ndim < 1 ? fail_tensor(FAC_ERROR_RUNTIME, "Input must be >= 1-d.")
                                : fac_flip(a->input, fac_dims(0));
}

void fac__composite_diag(const struct fac__diag_args *a, fac_tensor **out) {
    if (a->input->ndim == 1) {
        out[0] = fac_diag_embed(a->input, .offset = a->diagonal);
    } else if (a->input->ndim == 2) {
        out[0] = fac_diagonal_copy(a->input, .offset = a->diagonal);
    } else {
        fac__fail(FAC_ERROR_RUNTIME, "diag(): Supports 1D or 2D tensors. Got %dD", a->input->ndim);
        out[0] = fac_bad;
    }
}

void fac__composite_diagflat(const struct fac__diagflat_args *a, fac_tensor **out) {
    out[0] = fac_diag_embed(fac_reshape(a->input, fac_dims(-1)), .offset = a->offset);
}

/* --- gradients of views: zeros with the gradient in place, recorded as such --------------------- */

void fac__composite_diagonal_backward(const struct fac__diagonal_backward_args *a,
                                      fac_tensor **out) {
    fac_tensor *all =
        fac_zeros(a->input_sizes, .dtype = (fac_dtype)a->grad->dtype, .device = a->grad->device);
    fac_tensor *at =
        fac_diagonal(all, .offset = a->offset, .dim1 = a->dim1, .dim2 = fac_some(a->dim2));
    out[0] = fac__is_bad(fac_copy_(at, a->grad)) ? fac_bad : all;
}

void fac__composite_unfold_backward(const struct fac__unfold_backward_args *a, fac_tensor **out) {
    int n = a->input_sizes.n, d = fac__wrap_dim(a->dim, n);
    fac_tensor *g = a->grad;
    fac_tensor *all =
        fac_zeros(a->input_sizes, .dtype = (fac_dtype)g->dtype, .device = g->device);
    if (n == 0) {
        out[0] = fac_add(all, fac_sum(g));
        return;
    }
    fac_tensor *index = fac_arange_end(fac_int(a->input_sizes.values[d]), .device = g->device);
    index = fac_reshape(fac_unfold(index, 0, a->size, a->step), fac_dims(-1));
    g = moved(g, fac_dims(n), fac_dims(d + 1)); /* the slices' elements beside their slices */
    out[0] = fac__is_bad(g) ? fac_bad : fac_index_add(all, d, index, flattened(g, d, d + 1));
}
