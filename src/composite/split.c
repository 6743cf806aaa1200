/* Views in lists, as calls of slice and split. */
#include "../rules/rules.h"

#include <facula/ops.h>

#include <string.h>

static const fac_tensors failed = {NULL, 0};

static fac_tensors fail_list(fac_error_code code, const char *text) {
    fac__fail(code, "%s", text);
    return failed;
}

fac_tensors fac__composite_chunk(const struct fac__chunk_args *a) {
    const fac_tensor *t = a->input;
    if (t->ndim == 0)
        return fail_list(FAC_ERROR_RUNTIME, "chunk expects at least a 1-dimensional tensor");
    if (a->chunks <= 0) {
        fac__fail(FAC_ERROR_RUNTIME, "chunk expects `chunks` to be greater than 0, got: %lld",
                  (long long)a->chunks);
        return failed;
    }
    int dim = fac__wrap_dim(a->dim, t->ndim);
    if (dim < 0)
        return failed;
    int64_t n = t->sizes[dim], size = n / a->chunks + (n % a->chunks != 0);
    if (n != 0)
        return fac_split(a->input, size, .dim = dim);
    if (a->chunks > 1 << 20)
        return fail_list(FAC_ERROR_RUNTIME, "chunk: too many chunks");
    fac_tensor **list = fac__scope_array((int)a->chunks);
    for (int i = 0; list != NULL && i < a->chunks; i++) {
        fac_tensors one = fac_split(a->input, 0, .dim = dim);
        if (one.values == NULL)
            return failed;
        list[i] = one.values[0];
    }
    return (fac_tensors){list, (int)a->chunks};
}

/* Slices [cut[i - 1], cut[i]) along dim, from 0 to the end. */
static fac_tensors cut_at(fac_tensor *t, int dim, const int64_t *cut, int n) {
    fac_tensor **list = fac__scope_array(n + 1);
    for (int i = 0; list != NULL && i <= n; i++)
        list[i] = fac_slice(t, .dim = dim, .start = fac_some(i > 0 ? cut[i - 1] : 0),
                            .end = i < n ? fac_some(cut[i]) : (fac_opt_int){0});
    return (fac_tensors){list, n + 1};
}

static fac_tensors in_sections(fac_tensor *t, int64_t sections, int dim) {
    if (sections <= 0) {
        fac__fail(FAC_ERROR_RUNTIME, "number of sections must be larger than 0, got %lld",
                  (long long)sections);
        return failed;
    }
    if (sections > INT32_MAX)
        return fail_list(FAC_ERROR_RUNTIME, "tensor_split: too many sections");
    int64_t each = t->sizes[dim] / sections, more = t->sizes[dim] % sections, at = 0;
    fac_tensor **list = fac__scope_array((int)sections);
    for (int i = 0; list != NULL && i < sections; i++) {
        int64_t next = at + each + (i < more);
        list[i] = fac_slice(t, .dim = dim, .start = fac_some(at), .end = fac_some(next));
        at = next;
    }
    return (fac_tensors){list, (int)sections};
}

static int split_dim(const fac_tensor *t, int64_t dim) {
    if (t->ndim > 0)
        return fac__wrap_dim(dim, t->ndim);
    return fac__fail(FAC_ERROR_RUNTIME,
                     "tensor_split expected at least a 1-dimensional tensor, but got a tensor with "
                     "0 dims");
}

fac_tensors fac__composite_tensor_split(const struct fac__tensor_split_args *a) {
    int dim = split_dim(a->input, a->dim);
    return dim < 0 ? failed : in_sections(a->input, a->sections, dim);
}

fac_tensors fac__composite_tensor_split_indices(const struct fac__tensor_split_indices_args *a) {
    int dim = split_dim(a->input, a->dim);
    return dim < 0 ? failed : cut_at(a->input, dim, a->indices.values, a->indices.n);
}

fac_tensors fac__composite_tensor_split_tensor(const struct fac__tensor_split_tensor_args *a) {
    const fac_tensor *x = a->tensor_indices_or_sections;
    int dim = split_dim(a->input, a->dim);
    if (dim < 0)
        return failed;
    if (x->dtype != FAC_INT64) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "tensor_split expected tensor_indices_or_sections to have dtype of long, but got "
                  "%s",
                  fac__scalar_type_name((fac_dtype)x->dtype));
        return failed;
    }
    if (x->ndim > 1) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or "
                  "one-dimensional tensor, but got a tensor with %d dims",
                  x->ndim);
        return failed;
    }
    fac_tensor *flat = fac_contiguous(a->tensor_indices_or_sections);
    if (fac__is_bad(flat))
        return failed;
    if (flat->data == NULL)
        return fail_list(FAC_ERROR_NOT_IMPLEMENTED,
                         "tensor_split: cannot read indices from a meta tensor");
    const int64_t *v = (const int64_t *)(void *)flat->data;
    return x->ndim == 0 ? in_sections(a->input, v[0], dim)
                        : cut_at(a->input, dim, v, (int)flat->numel);
}

/* hsplit, vsplit and dsplit need `least` dimensions. */
static int stack_dim(const char *name, const fac_tensor *t, int least, int dim) {
    if (t->ndim >= least)
        return dim;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "torch.%s requires a tensor with at least %d dimension, but got a tensor with "
                     "%d dimensions!",
                     name, least, t->ndim);
}

static fac_tensors equal_parts(const char *name, fac_tensor *t, int64_t n, int dim) {
    if (dim < 0)
        return failed;
    if (n == 0 || t->sizes[dim] % n != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.%s attempted to split along dimension %d, but the size of the dimension "
                  "%lld is not divisible by the split_size %lld!",
                  name, dim, (long long)t->sizes[dim], (long long)n);
        return failed;
    }
    return in_sections(t, n, dim);
}

static fac_tensors cut_or_fail(fac_tensor *t, int dim, fac_ints at) {
    return dim < 0 ? failed : cut_at(t, dim, at.values, at.n);
}

fac_tensors fac__composite_hsplit(const struct fac__hsplit_args *a) {
    int dim = stack_dim("hsplit", a->input, 1, a->input->ndim > 1);
    return equal_parts("hsplit", a->input, a->sections, dim);
}

fac_tensors fac__composite_hsplit_indices(const struct fac__hsplit_indices_args *a) {
    return cut_or_fail(a->input, stack_dim("hsplit", a->input, 1, a->input->ndim > 1), a->indices);
}

fac_tensors fac__composite_vsplit(const struct fac__vsplit_args *a) {
    return equal_parts("vsplit", a->input, a->sections, stack_dim("vsplit", a->input, 2, 0));
}

fac_tensors fac__composite_vsplit_indices(const struct fac__vsplit_indices_args *a) {
    return cut_or_fail(a->input, stack_dim("vsplit", a->input, 2, 0), a->indices);
}

fac_tensors fac__composite_dsplit(const struct fac__dsplit_args *a) {
    return equal_parts("dsplit", a->input, a->sections, stack_dim("dsplit", a->input, 3, 2));
}

fac_tensors fac__composite_dsplit_indices(const struct fac__dsplit_indices_args *a) {
    return cut_or_fail(a->input, stack_dim("dsplit", a->input, 3, 2), a->indices);
}

/* --- broadcasting ------------------------------------------------------------------------------ */

fac_tensors fac__composite_broadcast_tensors(const struct fac__broadcast_tensors_args *a) {
    int64_t shape[FAC_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < a->tensors.n; i++)
        if (fac__broadcast(&n, shape, a->tensors.values[i]->ndim, a->tensors.values[i]->sizes) != 0)
            return failed;
    fac_tensor **list = fac__scope_array(a->tensors.n);
    for (int i = 0; list != NULL && i < a->tensors.n; i++) {
        fac_tensor *t = a->tensors.values[i];
        bool same = t->ndim == n && memcmp(t->sizes, shape, sizeof(int64_t) * (size_t)n) == 0;
        list[i] = same ? t : fac_expand(t, ((fac_ints){shape, n, true}));
    }
    return (fac_tensors){list, a->tensors.n};
}

static int check_grid(fac_tensors l) {
    if (l.n == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "meshgrid expects a non-empty TensorList");
    if (l.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "meshgrid: at most %d tensors", FAC_MAX_DIMS);
    for (int i = 0; i < l.n; i++) {
        const fac_tensor *t = l.values[i], *first = l.values[0];
        if (t->ndim > 1)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: "
                             "a tensor of shape %s",
                             fac__shape_text(t->ndim, t->sizes));
        if (t->dtype != first->dtype)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "meshgrid expects all tensors to have the same dtype");
        if (!fac__same_device(t->device, first->device))
            return fac__fail(FAC_ERROR_RUNTIME,
                             "meshgrid expects all tensors to have the same device");
    }
    return 0;
}

fac_tensors fac__composite_meshgrid(const struct fac__meshgrid_args *a) {
    fac_tensors l = a->tensors;
    const char *how = a->indexing == NULL ? "ij" : a->indexing;
    bool swap = strcmp(how, "xy") == 0;
    if (check_grid(l) != 0)
        return failed;
    if (!swap && strcmp(how, "ij") != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: %s", how);
        return failed;
    }
    swap = swap && l.n > 1;
    int64_t shape[FAC_MAX_DIMS], ones[FAC_MAX_DIMS];
    fac_tensor **list = fac__scope_array(l.n);
    for (int i = 0; i < l.n; i++)
        shape[swap && i < 2 ? 1 - i : i] = l.values[i]->numel;
    for (int i = 0; list != NULL && i < l.n; i++) {
        int at = swap && i < 2 ? 1 - i : i;
        for (int d = 0; d < l.n; d++)
            ones[d] = d == at ? -1 : 1;
        if (l.values[i]->numel == 0)
            ones[at] = 0;
        fac_ints column = {ones, l.n, true}, grid = {shape, l.n, true};
        list[i] = fac_expand(fac_view(l.values[i], column), grid);
    }
    return (fac_tensors){list, l.n};
}
