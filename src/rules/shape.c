/* Rules of ops that rearrange elements into new tensors. */
#include "rules.h"

#include <string.h>

/* --- joining --------------------------------------------------------------------------------- */

/* cat() ignores these, whatever the others' shape. */
static bool skipped(const fac_tensor *t) {
    return t->ndim == 1 && t->sizes[0] == 0;
}

static fac_dtype common_dtype(fac_tensors l) {
    fac__promotion p = {0};
    bool same = true;
    for (int i = 0; i < l.n; i++) {
        fac__promote_add(&p, l.values[i]);
        same &= l.values[i]->dtype == l.values[0]->dtype;
    }
    return same ? (fac_dtype)l.values[0]->dtype : fac__promoted(&p);
}

static int check_devices(fac_tensors l) {
    for (int i = 1; i < l.n; i++)
        if (!fac__same_device(l.values[0]->device, l.values[i]->device))
            return fac__fail_devices(l.values[0]->device, l.values[i]->device);
    return 0;
}

static int check_joined(const fac_tensor *first, const fac_tensor *t, int dim, int position) {
    if (t->ndim != first->ndim)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Tensors must have same number of dimensions: got %d and %d", first->ndim,
                         t->ndim);
    for (int d = 0; d < t->ndim; d++)
        if (d != dim && t->sizes[d] != first->sizes[d])
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Sizes of tensors must match except in dimension %d. Expected size "
                             "%lld but got size %lld for tensor number %d in the list.",
                             dim, (long long)first->sizes[d], (long long)t->sizes[d], position);
    return 0;
}

/* channels_last where every tensor suggests it. */
static fac_memory_format common_format(fac_tensors l) {
    fac_memory_format format = FAC_FORMAT_NONE;
    for (int i = 0; i < l.n; i++) {
        fac_memory_format f = fac__suggest_format(l.values[i]);
        if (f == FAC_CONTIGUOUS_FORMAT || (format != FAC_FORMAT_NONE && f != format))
            return FAC_CONTIGUOUS_FORMAT;
        format = f;
    }
    return format == FAC_FORMAT_NONE ? FAC_CONTIGUOUS_FORMAT : format;
}

static int out_in_format(fac__outs *outs, int ndim, const int64_t *sizes, fac_memory_format format,
                         fac_dtype dtype, fac_device device) {
    int64_t strides[FAC_MAX_DIMS];
    if (format == FAC_CONTIGUOUS_FORMAT)
        return fac__out(outs, 0, ndim, sizes, NULL, dtype, device);
    if (fac__format_strides(ndim, sizes, format, strides) != 0)
        return -1;
    return fac__out(outs, 0, ndim, sizes, strides, dtype, device);
}

int fac__rule_cat(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__cat_args *a = args;
    fac_tensors l = a->tensors;
    const fac_tensor *first = NULL;
    int at = 0;
    if (l.n == 0)
        return fac__fail(FAC_ERROR_VALUE, "torch.cat(): expected a non-empty list of Tensors");
    for (int i = 0; i < l.n; i++) {
        if (l.values[i]->ndim == 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "zero-dimensional tensor (at position %d) cannot be concatenated", i);
        if (first == NULL && !skipped(l.values[i])) {
            first = l.values[i];
            at = i;
        }
    }
    int dim = fac__wrap_dim(a->dim, first != NULL ? first->ndim : 1);
    if (dim < 0 || check_devices(l) != 0)
        return -1;
    if (first == NULL) {
        int64_t none = 0;
        return fac__out(outs, 0, 1, &none, NULL, common_dtype(l), l.values[0]->device);
    }
    int64_t sizes[FAC_MAX_DIMS];
    memcpy(sizes, first->sizes, sizeof(int64_t) * (size_t)first->ndim);
    for (int i = at + 1; i < l.n; i++) {
        const fac_tensor *t = l.values[i];
        if (skipped(t))
            continue;
        if (check_joined(first, t, dim, i) != 0)
            return -1;
        if (__builtin_add_overflow(sizes[dim], t->sizes[dim], &sizes[dim]))
            return fac__fail(FAC_ERROR_RUNTIME, "cat: the result's size overflows");
    }
    fac_dtype dtype = common_dtype(l);
    const fac_tensor *given = outs->how == FAC__CALL_OUT ? outs->given[0] : NULL;
    if (given != NULL && !fac__can_cast(dtype, (fac_dtype)given->dtype))
        return fac__fail(FAC_ERROR_TYPE,
                         "torch.cat(): input types can't be cast to the desired output type %s",
                         fac__scalar_type_name((fac_dtype)given->dtype));
    return out_in_format(outs, first->ndim, sizes, common_format(l), dtype, first->device);
}

int fac__rule_stack(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__stack_args *a = args;
    fac_tensors l = a->tensors;
    if (l.n == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "stack expects a non-empty TensorList");
    const fac_tensor *first = l.values[0];
    int dim = fac__wrap_dim(a->dim, first->ndim + 1), n = first->ndim;
    if (dim < 0 || check_devices(l) != 0)
        return -1;
    for (int i = 1; i < l.n; i++) {
        const fac_tensor *t = l.values[i];
        if (t->ndim != n || memcmp(t->sizes, first->sizes, sizeof(int64_t) * (size_t)n) != 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "stack expects each tensor to be equal size, but got %s at entry 0 "
                             "and %s at entry %d",
                             fac__shape_text(n, first->sizes), fac__shape_text(t->ndim, t->sizes),
                             i);
    }
    if (n == FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "stack: at most %d dimensions", FAC_MAX_DIMS);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], joined[FAC_MAX_DIMS];
    for (int d = 0; d <= n; d++)
        sizes[d] = d < dim ? first->sizes[d] : d == dim ? l.n : first->sizes[d - 1];
    fac_memory_format format = dim < n ? common_format(l) : FAC_CONTIGUOUS_FORMAT;
    if (format == FAC_CONTIGUOUS_FORMAT)
        return fac__out(outs, 0, n + 1, sizes, NULL, common_dtype(l), first->device);
    /* cat() in its format, with the joined dimension then split in two */
    memcpy(joined, first->sizes, sizeof(int64_t) * (size_t)n);
    joined[dim] *= l.n;
    if (fac__format_strides(n, joined, format, strides) != 0)
        return -1;
    memmove(strides + dim + 1, strides + dim, sizeof(int64_t) * (size_t)(n - dim));
    strides[dim] = strides[dim + 1] * first->sizes[dim];
    return fac__out(outs, 0, n + 1, sizes, strides, common_dtype(l), first->device);
}

int fac__rule_repeat(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__repeat_args *a = args;
    const fac_tensor *t = a->input;
    int n = a->repeats.n, lead = n - t->ndim;
    int64_t sizes[FAC_MAX_DIMS];
    if (lead < 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Number of dimensions of repeat dims can not be smaller than number of "
                         "dimensions of tensor");
    if (n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "repeat: at most %d dimensions", FAC_MAX_DIMS);
    for (int d = 0; d < n; d++)
        if (__builtin_mul_overflow(d < lead ? 1 : t->sizes[d - lead], a->repeats.values[d],
                                   &sizes[d]))
            return fac__fail(FAC_ERROR_RUNTIME, "repeat: the result's size overflows");
    return fac__out(outs, 0, n, sizes, NULL, (fac_dtype)t->dtype, t->device);
}

/* --- turning --------------------------------------------------------------------------------- */

/* The strides of a copy that keeps the order of dimensions, as empty_like gives them. */
static int out_like(fac__outs *outs, fac_tensor *t) {
    int64_t strides[FAC_MAX_DIMS];
    fac__like_strides(t, strides);
    return fac__out(outs, 0, t->ndim, t->sizes, strides, (fac_dtype)t->dtype, t->device);
}

int fac__rule_flip(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__flip_args *a = args;
    int dims[FAC_MAX_DIMS];
    if (fac__norm_dims(a->dims, a->input->ndim, dims) < 0)
        return -1;
    return out_like(outs, a->input);
}

int fac__rule_roll(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__roll_args *a = args;
    const fac_tensor *t = a->input;
    if (a->shifts.n == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "`shifts` required");
    if (a->shifts.n != a->dims.n && !(a->dims.n == 0 && a->shifts.n == 1))
        return fac__fail(FAC_ERROR_RUNTIME, "shifts and dimensions must align. shifts: %d, dims:%d",
                         a->shifts.n, a->dims.n);
    if (t->ndim == 0 && a->dims.n > 0)
        return fac__fail(FAC_ERROR_INDEX,
                         "Dimension specified as %lld but tensor has no dimensions",
                         (long long)a->dims.values[0]);
    for (int i = 0; i < a->dims.n && t->numel > 0; i++)
        if (fac__wrap_dim(a->dims.values[i], t->ndim) < 0)
            return -1;
    return fac__out(outs, 0, t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, t->device);
}

int fac__rule_rot90(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__rot90_args *a = args;
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (a->dims.n != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "expected total rotation dims == 2, but got dims = %d",
                         a->dims.n);
    if (t->ndim < 2)
        return fac__fail(FAC_ERROR_RUNTIME, "expected total dims >= 2, but got total dims = %d",
                         t->ndim);
    int64_t x = a->dims.values[0], y = a->dims.values[1];
    uint64_t apart = x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
    if (x == y || apart == (uint64_t)t->ndim)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "expected rotation dims to be different, but got dim0 = %lld and dim1 = "
                         "%lld",
                         (long long)x, (long long)y);
    int i = fac__wrap_dim(x, t->ndim), j = i < 0 ? -1 : fac__wrap_dim(y, t->ndim);
    if (j < 0)
        return -1;
    if (out_like(outs, a->input) != 0)
        return -1;
    if (a->k % 2 == 0)
        return 0;
    /* an odd turn is a transposed flip, and keeps the flip's memory */
    fac_tensor *o = outs->v[0];
    memcpy(sizes, o->sizes, sizeof(int64_t) * (size_t)o->ndim);
    memcpy(strides, o->strides, sizeof(int64_t) * (size_t)o->ndim);
    fac__release(o);
    int64_t s = sizes[i];
    sizes[i] = sizes[j];
    sizes[j] = s;
    s = strides[i];
    strides[i] = strides[j];
    strides[j] = s;
    return fac__out(outs, 0, t->ndim, sizes, strides, (fac_dtype)t->dtype, t->device);
}

/* --- diagonals and triangles -------------------------------------------------------------------
 */

int fac__rule_diagonal_copy(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__diagonal_copy_args *a = args;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], at = 0;
    int n = fac__diagonal_of(a->input, a->offset, a->dim1, a->dim2, sizes, strides, &at);
    if (n < 0)
        return -1;
    return fac__out(outs, 0, n, sizes, NULL, (fac_dtype)a->input->dtype, a->input->device);
}

int fac__rule_diag_embed(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__diag_embed_args *a = args;
    const fac_tensor *t = a->input;
    int n = t->ndim + 1;
    int i = fac__wrap_dim(a->dim1, n), j = i < 0 ? -1 : fac__wrap_dim(a->dim2, n);
    if (j < 0)
        return -1;
    if (i == j)
        return fac__fail(FAC_ERROR_RUNTIME, "diagonal dimensions cannot be identical %lld, %lld",
                         (long long)a->dim1, (long long)a->dim2);
    if (n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "diag_embed: at most %d dimensions", FAC_MAX_DIMS);
    int64_t sizes[FAC_MAX_DIMS];
    int64_t away = a->offset < 0 ? fac__most_product(a->offset, -1) : a->offset;
    int from = 0;
    for (int d = 0; d < n; d++)
        sizes[d] = d == i || d == j ? fac__most_sum(t->sizes[t->ndim - 1], away) : t->sizes[from++];
    return fac__out(outs, 0, n, sizes, NULL, (fac_dtype)t->dtype, t->device);
}

static int triangle(const char *name, fac_tensor *t, fac__outs *outs) {
    if (t->ndim < 2)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: input tensor must have at least 2 dimensions",
                         name);
    if (outs->how == FAC__CALL_INPLACE) { /* element by element: self may be its own result */
        if (fac__check_writable(outs->given[0]) != 0)
            return -1;
        outs->v[0] = fac__retain(outs->given[0]);
        return 0;
    }
    return fac__out(outs, 0, t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, t->device);
}

int fac__rule_tril(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    return triangle("tril", ((const struct fac__tril_args *)args)->input, outs);
}

int fac__rule_triu(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    return triangle("triu", ((const struct fac__triu_args *)args)->input, outs);
}

/* --- writing into a copy ------------------------------------------------------------------------
 */

/* A copy of all of t's storage with t's geometry; of t alone where its elements overlap. */
static fac_tensor *clone_storage(fac_tensor *t) {
    if (t->storage == NULL || fac__self_overlap(t) != 0)
        return fac__clone(t, FAC_PRESERVE_FORMAT);
    int64_t n = (int64_t)(t->storage->nbytes / fac__itemsize(t->dtype)), one = 1;
    fac_tensor *from = fac__alias(t, 1, &n, &one, 0);
    fac_tensor *all = from == NULL ? NULL : fac__clone(from, FAC_CONTIGUOUS_FORMAT);
    fac_tensor *copy =
        all == NULL ? NULL : fac__alias(all, t->ndim, t->sizes, t->strides, t->offset);
    fac__release(from);
    fac__release(all);
    return copy;
}

/* Writes src into the view that `view` takes of a copy; view_args begins with the view's input. */
static int scatter_into(fac__outs *outs, fac_tensor *input, fac_tensor *src, fac__exec_fn *view,
                        void *view_args) {
    fac__outs at;
    fac_tensor *copy = clone_storage(input);
    fac__outs_init(&at, 1);
    if (copy == NULL)
        return -1;
    *(fac_tensor **)view_args = copy;
    if (view(NULL, view_args, &at) != 0) {
        fac__release(copy);
        return -1;
    }
    fac_tensor *v = at.v[0];
    int r;
    if (src->ndim != v->ndim ||
        memcmp(src->sizes, v->sizes, sizeof(int64_t) * (size_t)v->ndim) != 0)
        r = fac__fail(
            FAC_ERROR_RUNTIME,
            "expected src to have a size equal to the slice of self. src size = %s, slice "
            "size = %s",
            fac__shape_text(src->ndim, src->sizes), fac__shape_text(v->ndim, v->sizes));
    else
        r = fac__copy_into(v, src);
    fac__release(v);
    if (r == 0)
        outs->v[0] = copy;
    else
        fac__release(copy);
    return r;
}

int fac__exec_diagonal_scatter(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__diagonal_scatter_args *a = args;
    struct fac__diagonal_args view = {NULL, a->offset, a->dim1, a->dim2};
    return scatter_into(outs, a->input, a->src, fac__view_diagonal, &view);
}

int fac__exec_select_scatter(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__select_scatter_args *a = args;
    struct fac__select_args view = {NULL, a->dim, a->index};
    return scatter_into(outs, a->input, a->src, fac__view_select, &view);
}

int fac__exec_slice_scatter(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__slice_scatter_args *a = args;
    struct fac__slice_args view = {NULL, a->dim, a->start, a->end, a->step};
    return scatter_into(outs, a->input, a->src, fac__view_slice, &view);
}

int fac__exec_as_strided_scatter(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__as_strided_scatter_args *a = args;
    struct fac__as_strided_args view = {NULL, a->size, a->stride, a->storage_offset};
    return scatter_into(outs, a->input, a->src, fac__view_as_strided, &view);
}

int fac__rule_repeat_interleave(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)outs; /* as many as the repeats add up to */
    const struct fac__repeat_interleave_args *a = args;
    if (a->repeats->ndim != 1)
        return fac__fail(FAC_ERROR_RUNTIME, "repeat_interleave only accept 1D vector as repeat");
    if (a->repeats->dtype != FAC_INT64 && a->repeats->dtype != FAC_INT32)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "\"repeat_interleave_cpu\" not implemented for '%s'",
                         fac__scalar_type_name((fac_dtype)a->repeats->dtype));
    return 0;
}
