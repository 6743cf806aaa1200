/* Splitting and joining by way of split, cat and stack; meshgrid. */
#include "../rules/rules.h"

#include <facula/ops.h>

#include <string.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)
#define COMPOSITE_LIST(op) fac_tensors fac__composite_##op(const struct fac__##op##_args *a)

static const fac_tensors failed = {NULL, 0};

static fac_tensors fail_list(const char *format, const char *name) {
    fac__fail(FAC_ERROR_RUNTIME, format, name);
    return failed;
}

/* --- splitting ------------------------------------------------------------------------------- */

COMPOSITE_LIST(chunk) {
    const fac_tensor *t = a->input;
    if (t->ndim == 0)
        return fail_list("%s expects at least a 1-dimensional tensor", "chunk");
    if (a->chunks <= 0) {
        fac__fail(FAC_ERROR_RUNTIME, "chunk expects `chunks` to be greater than 0, got: %lld",
                  (long long)a->chunks);
        return failed;
    }
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return failed;
    int64_t each = t->sizes[d] == 0 ? 0 : (t->sizes[d] - 1) / a->chunks + 1;
    if (each > 0)
        return fac_split(a->input, each, .dim = d);
    /* of nothing, as many empty pieces as were asked for */
    if (a->chunks > 65536)
        return fail_list("%s: too many empty chunks", "chunk");
    fac_tensor **pieces = fac__scope_array((int)a->chunks);
    for (int64_t i = 0; pieces != NULL && i < a->chunks; i++)
        pieces[i] = fac_narrow(a->input, d, 0, 0);
    return (fac_tensors){pieces, (int)a->chunks};
}

/* Views of their own instead of several of one op: those may be written in place. */
static fac_tensors apart(fac_tensor *t, int64_t dim, fac_tensors pieces) {
    if (pieces.values == NULL || pieces.values == fac__bad_list)
        return failed;
    int d = fac__wrap_dim(dim, t->ndim);
    fac_tensor **made = fac__scope_array(pieces.n);
    int64_t start = 0;
    for (int i = 0; made != NULL && i < pieces.n; i++) {
        int64_t n = pieces.values[i]->sizes[d];
        made[i] = fac_narrow(t, d, start, n);
        start += n;
    }
    return (fac_tensors){made, pieces.n};
}

COMPOSITE_LIST(unsafe_split) {
    return apart(a->input, a->dim, fac_split(a->input, a->split_size, .dim = a->dim));
}

COMPOSITE_LIST(unsafe_split_with_sizes) {
    return apart(a->input, a->dim, fac_split_with_sizes(a->input, a->split_sizes, .dim = a->dim));
}

COMPOSITE_LIST(unsafe_chunk) {
    return apart(a->input, a->dim, fac_chunk(a->input, a->chunks, .dim = a->dim));
}

static fac_tensors at_indices(fac_tensor *t, fac_ints indices, int64_t dim) {
    fac_tensor **pieces = fac__scope_array(indices.n + 1);
    if (pieces == NULL)
        return failed;
    fac_opt_int start = {0};
    for (int i = 0; i <= indices.n; i++) {
        fac_opt_int end = {0};
        if (i < indices.n)
            end = fac_some(indices.values[i]);
        pieces[i] = fac_slice(t, .dim = dim, .start = i == 0 ? fac_some(0) : start, .end = end);
        start = end;
    }
    return (fac_tensors){pieces, indices.n + 1};
}

static fac_tensors in_sections(fac_tensor *t, int64_t sections, int64_t dim) {
    int d = fac__wrap_dim(dim, t->ndim);
    if (d < 0)
        return failed;
    if (sections <= 0 || sections > INT32_MAX) {
        fac__fail(FAC_ERROR_RUNTIME, "number of sections must be larger than 0, got %lld",
                  (long long)sections);
        return failed;
    }
    fac_tensor **pieces = fac__scope_array((int)sections);
    int64_t each = t->sizes[d] / sections, longer = t->sizes[d] % sections, at = 0;
    for (int64_t i = 0; pieces != NULL && i < sections; i++) {
        int64_t length = each + (i < longer);
        pieces[i] = fac_narrow(t, d, at, length);
        at += length;
    }
    return (fac_tensors){pieces, (int)sections};
}

static bool has_dimension(const fac_tensor *t) {
    if (t->ndim > 0)
        return true;
    fac__fail(
        FAC_ERROR_RUNTIME,
        "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
    return false;
}

COMPOSITE_LIST(tensor_split) {
    return has_dimension(a->input) ? in_sections(a->input, a->sections, a->dim) : failed;
}

COMPOSITE_LIST(tensor_split_indices) {
    return has_dimension(a->input) ? at_indices(a->input, a->indices, a->dim) : failed;
}

COMPOSITE_LIST(tensor_split_tensor) {
    const fac_tensor *where = a->tensor_indices_or_sections;
    if (where->device.type != FAC_CPU || where->dtype != FAC_INT64)
        return fail_list("tensor_split expected tensor_indices_or_sections to %s",
                         where->device.type != FAC_CPU ? "be on cpu" : "have dtype of long");
    if (where->layout != FAC_STRIDED)
        return fail_list("tensor_split expected tensor_indices_or_sections to %s", "be strided");
    if (where->ndim > 1)
        return fail_list("tensor_split expected tensor_indices_or_sections to be a %s tensor",
                         "zero-dimensional or one-dimensional");
    fac_tensor *list = fac_contiguous(a->tensor_indices_or_sections);
    if (fac__is_bad(list) || !has_dimension(a->input))
        return failed;
    const int64_t *values = (const int64_t *)(const void *)list->data;
    if (where->ndim == 0)
        return in_sections(a->input, values[0], a->dim);
    return at_indices(a->input, (fac_ints){values, (int)list->numel, true}, a->dim);
}

/* hsplit, vsplit and dsplit: along a fixed dimension, evenly. */
static fac_tensors evenly(fac_tensor *t, int64_t sections, int least, int64_t dim,
                          const char *name) {
    if (t->ndim < least) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.%s requires a tensor with at least %d dimension, but got a tensor with "
                  "%d dimensions!",
                  name, least, t->ndim);
        return failed;
    }
    if (sections == 0 || (sections > 0 && t->sizes[dim] % sections != 0)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.%s attempted to split along dimension %lld, but the size of the dimension "
                  "%lld is not divisible by the split_size %lld!",
                  name, (long long)dim, (long long)t->sizes[dim], (long long)sections);
        return failed;
    }
    return in_sections(t, sections, dim);
}

static fac_tensors at_places(fac_tensor *t, fac_ints indices, int least, int64_t dim,
                             const char *name) {
    if (t->ndim >= least)
        return at_indices(t, indices, dim);
    return evenly(t, 1, least, dim, name);
}

COMPOSITE_LIST(hsplit) {
    return evenly(a->input, a->sections, 1, a->input->ndim > 1, "hsplit");
}
COMPOSITE_LIST(hsplit_indices) {
    return at_places(a->input, a->indices, 1, a->input->ndim > 1, "hsplit");
}
COMPOSITE_LIST(vsplit) {
    return evenly(a->input, a->sections, 2, 0, "vsplit");
}
COMPOSITE_LIST(vsplit_indices) {
    return at_places(a->input, a->indices, 2, 0, "vsplit");
}
COMPOSITE_LIST(dsplit) {
    return evenly(a->input, a->sections, 3, 2, "dsplit");
}
COMPOSITE_LIST(dsplit_indices) {
    return at_places(a->input, a->indices, 3, 2, "dsplit");
}

/* --- joining --------------------------------------------------------------------------------- */

COMPOSITE(concat) {
    out[0] = fac_cat(a->tensors, .dim = a->dim);
}
COMPOSITE(concatenate) {
    out[0] = fac_cat(a->tensors, .dim = a->dim);
}

COMPOSITE(atleast_1d) {
    out[0] = a->input->ndim == 0 ? fac_reshape(a->input, fac_dims(1)) : a->input;
}

COMPOSITE(atleast_2d) {
    fac_tensor *t = a->input;
    out[0] = t->ndim == 0 ? fac_reshape(t, fac_dims(1, 1)) : t->ndim == 1 ? fac_unsqueeze(t, 0) : t;
}

COMPOSITE(atleast_3d) {
    fac_tensor *t = a->input;
    out[0] = t->ndim == 0   ? fac_reshape(t, fac_dims(1, 1, 1))
             : t->ndim == 1 ? fac_unsqueeze(fac_unsqueeze(t, 0), -1)
             : t->ndim == 2 ? fac_unsqueeze(t, -1)
                            : t;
}

/* Each of l with at least `dims` dimensions, to be joined. */
static fac_tensors at_least(fac_tensors l, int dims, const char *name) {
    if (l.n == 0)
        return fail_list("%s expects a non-empty TensorList", name);
    fac_tensor **values = fac__scope_array(l.n);
    for (int i = 0; values != NULL && i < l.n; i++)
        values[i] = dims == 1   ? fac_atleast_1d(l.values[i])
                    : dims == 2 ? fac_atleast_2d(l.values[i])
                                : fac_atleast_3d(l.values[i]);
    return (fac_tensors){values, values != NULL ? l.n : 0};
}

static fac_tensor *joined(fac_tensors l, int64_t dim) {
    for (int i = 0; i < l.n && l.values != NULL; i++)
        if (fac__is_bad(l.values[i]))
            return fac_bad;
    return l.values == NULL ? fac_bad : fac_cat(l, .dim = dim);
}

COMPOSITE(hstack) {
    fac_tensors l = at_least(a->tensors, 1, "hstack");
    out[0] = joined(l, l.n > 0 && !fac__is_bad(l.values[0]) && l.values[0]->ndim > 1);
}
COMPOSITE(vstack) {
    out[0] = joined(at_least(a->tensors, 2, "vstack"), 0);
}
COMPOSITE(row_stack) {
    out[0] = joined(at_least(a->tensors, 2, "vstack"), 0);
}
COMPOSITE(dstack) {
    out[0] = joined(at_least(a->tensors, 3, "dstack"), 2);
}

COMPOSITE(column_stack) {
    if (a->tensors.n == 0) {
        fail_list("%s expects a non-empty TensorList", "column_stack");
        out[0] = fac_bad;
        return;
    }
    fac_tensor **values = fac__scope_array(a->tensors.n);
    for (int i = 0; values != NULL && i < a->tensors.n; i++) {
        fac_tensor *t = a->tensors.values[i];
        values[i] = t->ndim <= 1 ? fac_reshape(t, fac_dims(t->numel, 1)) : t;
    }
    out[0] = joined((fac_tensors){values, values != NULL ? a->tensors.n : 0}, 1);
}

/* --- shapes that agree ----------------------------------------------------------------------- */

static bool same_sizes(const fac_tensor *t, int n, const int64_t *sizes) {
    bool same = t->ndim == n;
    for (int i = 0; same && i < n; i++)
        same = t->sizes[i] == sizes[i];
    return same;
}

COMPOSITE_LIST(broadcast_tensors) {
    int64_t sizes[FAC_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < a->tensors.n; i++) {
        const fac_tensor *t = a->tensors.values[i];
        if (i == 0) {
            n = t->ndim;
            memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)n);
        } else if (fac__broadcast(&n, sizes, t->ndim, t->sizes) != 0) {
            return failed;
        }
    }
    fac_tensor **values = fac__scope_array(a->tensors.n);
    for (int i = 0; values != NULL && i < a->tensors.n; i++)
        values[i] = same_sizes(a->tensors.values[i], n, sizes)
                        ? a->tensors.values[i]
                        : fac_expand(a->tensors.values[i], ((fac_ints){sizes, n, true}));
    return (fac_tensors){values, a->tensors.n};
}

COMPOSITE_LIST(meshgrid) {
    int n = a->tensors.n;
    bool xy = a->indexing != NULL && strcmp(a->indexing, "xy") == 0;
    if (n == 0)
        return fail_list("meshgrid expects a non-empty TensorList%s", "");
    if (n > FAC_MAX_DIMS)
        return fail_list("meshgrid: at most 64 tensors%s", "");
    if (!xy && a->indexing != NULL && strcmp(a->indexing, "ij") != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: %s",
                  a->indexing);
        return failed;
    }
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (a->indexing == NULL &&
        fac__warn_once(&said, "torch.meshgrid: in an upcoming release, it will be required to pass "
                              "the indexing argument.") != 0)
        return failed;
    int64_t shape[FAC_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        const fac_tensor *t = a->tensors.values[i];
        if (t->ndim > 1)
            return fail_list("torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                             "a tensor of shape %s",
                             fac__shape_text(t->ndim, t->sizes));
        if (t->dtype != a->tensors.values[0]->dtype)
            return fail_list("meshgrid expects all tensors to have the same %s", "dtype");
        if (!fac__same_device(t->device, a->tensors.values[0]->device))
            return fail_list("torch.meshgrid expects all tensors to have the same %s", "device");
        shape[i] = t->numel;
    }
    bool swap = xy && n >= 2; /* the first two dimensions change places */
    if (swap) {
        shape[0] = a->tensors.values[1]->numel;
        shape[1] = a->tensors.values[0]->numel;
    }
    fac_tensor **values = fac__scope_array(n);
    for (int i = 0; values != NULL && i < n; i++) {
        int64_t own[FAC_MAX_DIMS];
        int d = swap && i < 2 ? 1 - i : i;
        for (int k = 0; k < n; k++)
            own[k] = k == d ? shape[d] : 1;
        values[i] = fac_expand(fac_view(a->tensors.values[i], ((fac_ints){own, n, true})),
                               ((fac_ints){shape, n, true}));
    }
    return (fac_tensors){values, n};
}
