/* Rules of indexing by tensors. */
#include "index.h"

#include "rules.h"

#include <string.h>

/* --- advanced indexing ----------------------------------------------------------------------- */

static bool is_mask(const fac_tensor *t) {
    return t->dtype == FAC_BOOL || t->dtype == FAC_UINT8;
}

static int check_mask(const fac_tensor *mask, const fac_tensor *input, int dim) {
    for (int k = 0; k < mask->ndim; k++)
        if (mask->sizes[k] != input->sizes[dim + k])
            return fac__fail(FAC_ERROR_INDEX,
                             "The shape of the mask %s at index %d does not match the shape of the "
                             "indexed tensor %s at index %d",
                             fac__shape_text(mask->ndim, mask->sizes), k,
                             fac__shape_text(input->ndim, input->sizes), dim + k);
    return 0;
}

/* A mask as the columns of its nonzero(). */
static int add_mask(struct fac__picks *p, fac_tensor *mask, int dim) {
    struct fac__nonzero_args args = {mask};
    fac__outs outs;
    fac__outs_init(&outs, 1);
    if (fac__run_kernel(&fac__op_nonzero, &args, &outs, mask->device) != 0)
        return -1;
    fac_tensor *at = outs.v[0];
    int r = 0;
    for (int k = 0; k < mask->ndim && r == 0; k++) {
        fac_tensor *column =
            fac__alias(at, 1, at->sizes, at->strides, at->offset + k * at->strides[1]);
        if (column == NULL) {
            r = -1;
        } else {
            p->index[p->n] = column;
            p->dim[p->n++] = dim + k;
        }
    }
    fac__release(at);
    return r;
}

static int gather_indices(struct fac__picks *p, fac_tensor *input, fac_tensors indices, bool read) {
    int dim = 0, used = 0;
    for (int i = 0; i < indices.n; i++)
        used +=
            indices.values[i] != NULL && is_mask(indices.values[i]) ? indices.values[i]->ndim : 1;
    if (used > input->ndim)
        return fac__fail(FAC_ERROR_INDEX, "too many indices for tensor of dimension %d (got %d)",
                         input->ndim, used);
    if (indices.n == 0)
        return fac__fail(FAC_ERROR_INDEX, "at least one index must be provided");
    for (int i = 0; i < indices.n; i++) {
        fac_tensor *t = indices.values[i];
        if (t == NULL) {
            dim++;
        } else if (is_mask(t)) {
            p->masked = true;
            if (check_mask(t, input, dim) != 0 || (read && add_mask(p, t, dim) != 0))
                return -1;
            dim += t->ndim;
        } else if (t->dtype == FAC_INT64 || t->dtype == FAC_INT32) {
            p->index[p->n] = fac__retain(t);
            p->dim[p->n++] = dim++;
        } else {
            return fac__fail(FAC_ERROR_INDEX,
                             "tensors used as indices must be long, int, byte or bool tensors");
        }
    }
    return 0;
}

static int mismatch(const struct fac__picks *p) {
    char text[512];
    size_t at = 0;
    for (int i = 0; i < p->n && at < sizeof text - 64; i++) {
        const char *shape = fac__shape_text(p->index[i]->ndim, p->index[i]->sizes);
        size_t n = strlen(shape);
        if (at + n + 3 > sizeof text)
            break;
        memcpy(text + at, i == 0 ? "" : ", ", i == 0 ? 0 : 2);
        at += i == 0 ? 0 : 2;
        memcpy(text + at, shape, n);
        at += n;
    }
    text[at] = 0;
    return fac__fail(
        FAC_ERROR_INDEX,
        "shape mismatch: indexing tensors could not be broadcast together with shapes %s", text);
}

static int broadcast_points(struct fac__picks *p) {
    p->point_ndim = 0;
    for (int i = 0; i < p->n; i++) {
        const fac_tensor *t = p->index[i];
        for (int d = 0; d < t->ndim; d++) { /* tested first: the text is another than broadcast's */
            int at = p->point_ndim - 1 - d;
            int64_t a = t->sizes[t->ndim - 1 - d], b = at < 0 ? 1 : p->point_sizes[at];
            if (a != b && a != 1 && b != 1)
                return mismatch(p);
        }
        if (fac__broadcast(&p->point_ndim, p->point_sizes, t->ndim, t->sizes) != 0)
            return -1;
    }
    return 0;
}

static int shape_result(struct fac__picks *p, const fac_tensor *input) {
    bool picked[FAC_MAX_DIMS] = {false}, adjacent = true;
    for (int i = 0; i < p->n; i++) {
        picked[p->dim[i]] = true;
        adjacent &= i == 0 || p->dim[i] == p->dim[i - 1] + 1;
    }
    p->first = adjacent && p->n > 0 ? p->dim[0] : 0;
    p->ndim = 0;
    if (p->point_ndim + input->ndim - p->n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_INDEX, "the indexed result would have more than %d dimensions",
                         FAC_MAX_DIMS);
    for (int d = 0; d < p->first; d++)
        p->sizes[p->ndim++] = input->sizes[d];
    for (int d = 0; d < p->point_ndim; d++)
        p->sizes[p->ndim++] = p->point_sizes[d];
    for (int d = p->first; d < input->ndim; d++)
        if (!picked[d])
            p->sizes[p->ndim++] = input->sizes[d];
    return 0;
}

void fac__picks_drop(struct fac__picks *p) {
    while (p->n > 0)
        fac__release(p->index[--p->n]);
}

int fac__picks_make(struct fac__picks *p, fac_tensor *input, fac_tensors indices, bool read) {
    p->n = 0;
    p->masked = false;
    if (gather_indices(p, input, indices, read) == 0) {
        if (p->masked && !read)
            return 0;
        if (broadcast_points(p) == 0 && shape_result(p, input) == 0)
            return 0;
    }
    fac__picks_drop(p);
    return -1;
}

void fac__picks_rest(const struct fac__picks *p, const fac_tensor *input, int64_t *strides) {
    bool picked[FAC_MAX_DIMS] = {false};
    int n = 0;
    for (int i = 0; i < p->n; i++)
        picked[p->dim[i]] = true;
    for (int d = 0; d < p->first; d++)
        strides[n++] = input->strides[d];
    for (int d = 0; d < p->point_ndim; d++)
        strides[n++] = 0;
    for (int d = p->first; d < input->ndim; d++)
        if (!picked[d])
            strides[n++] = input->strides[d];
}

void fac__picks_strides(const struct fac__picks *p, const fac_tensor *input, int64_t *strides) {
    bool plain = fac__is_contig(input);
    for (int i = 0; i < p->n; i++)
        plain &= fac__is_contig(p->index[i]);
    if (plain) {
        fac__contiguous_strides(p->ndim, p->sizes, strides);
        return;
    }
    /* As PyTorch's iterator sees the operands: the input with stride 0 over the points, then each
     * index with stride 0 elsewhere. */
    enum { MOST = FAC__ITER_ARGS };
    fac_tensor operand[MOST], *operands[MOST];
    int64_t place[MOST][FAC_MAX_DIMS];
    int n = p->n < MOST - 1 ? p->n : MOST - 1;
    fac__picks_rest(p, input, place[0]);
    for (int k = 0; k <= n; k++) {
        const fac_tensor *t = k == 0 ? input : p->index[k - 1];
        operand[k] = (fac_tensor){.ndim = p->ndim,
                                  .dtype = t->dtype,
                                  .sizes = (int64_t *)(uintptr_t)p->sizes,
                                  .strides = place[k]};
        operands[k] = &operand[k];
        if (k == 0)
            continue;
        memset(place[k], 0, sizeof place[k]);
        for (int d = 0; d < t->ndim; d++)
            if (t->sizes[d] != 1)
                place[k][p->first + p->point_ndim - t->ndim + d] = t->strides[d];
    }
    fac__result_strides(n + 1, operands, p->ndim, p->sizes, strides);
}

int fac__rule_index(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__index_args *a = args;
    struct fac__picks p;
    int64_t strides[FAC_MAX_DIMS];
    if (fac__picks_make(&p, a->input, a->indices, false) != 0)
        return -1;
    if (p.masked) { /* the kernel counts, then allocates */
        fac__picks_drop(&p);
        return 0;
    }
    fac__picks_strides(&p, a->input, strides);
    int r =
        fac__out(outs, 0, p.ndim, p.sizes, strides, (fac_dtype)a->input->dtype, a->input->device);
    fac__picks_drop(&p);
    return r;
}

int fac__rule_index_put(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__index_put_args *a = args;
    if (a->values->dtype != a->input->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Index put requires the source and destination dtypes match, got %s for "
                         "the destination and %s for the source.",
                         fac__scalar_type_name((fac_dtype)a->input->dtype),
                         fac__scalar_type_name((fac_dtype)a->values->dtype));
    return fac__rule_update_expanded(op, args, outs, "tensor[indices] = tensor");
}

/* --- along one dimension --------------------------------------------------------------------- */

static bool is_long_or_int(const fac_tensor *t) {
    return t->dtype == FAC_INT64 || t->dtype == FAC_INT32;
}

static int64_t size_at(const fac_tensor *t, int d) {
    return t->ndim == 0 ? 1 : t->sizes[d];
}

/* These ops judge out= before they resize it, as others don't. */
static int check_given(const fac__outs *outs) {
    return outs->how == FAC__CALL_OUT ? fac__check_writable(outs->given[0]) : 0;
}

int fac__rule_index_select(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__index_select_args *a = args;
    const fac_tensor *t = a->input, *index = a->index;
    int d = fac__wrap_dim(a->dim, t->ndim);
    int64_t sizes[FAC_MAX_DIMS];
    if (d < 0 || check_given(outs) != 0)
        return -1;
    if (index->ndim > 1)
        return fac__fail(FAC_ERROR_INDEX, "index_select(): Index is supposed to be a vector");
    if (!is_long_or_int(index))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_select(): Expected dtype int32 or int64 for index");
    if (t->ndim == 0 && index->numel != 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_select(): Index to scalar can have only 1 value, got %lld value(s)",
                         (long long)index->numel);
    if (index->numel > 0 && size_at(t, d) == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_select(): self indexing axis dim should be positive");
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    if (t->ndim > 0)
        sizes[d] = index->numel;
    return fac__out(outs, 0, t->ndim, sizes, NULL, (fac_dtype)t->dtype, t->device);
}

/* Shapes but for dimension d. */
static bool same_slices(const fac_tensor *a, const fac_tensor *b, int d) {
    if (a->ndim != b->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++)
        if (i != d && a->sizes[i] != b->sizes[i])
            return false;
    return true;
}

static int check_joining(const char *name, const fac_tensor *t, int64_t dim,
                         const fac_tensor *index, const fac_tensor *source) {
    int d = fac__wrap_dim(dim, t->ndim);
    if (d < 0)
        return -1;
    if (index->ndim > 1)
        return fac__fail(FAC_ERROR_INDEX,
                         "%s: Index is supposed to be a vector, but got dim: %d with type: %s and "
                         "size: %s",
                         name, index->ndim, fac__scalar_type_name((fac_dtype)index->dtype),
                         fac__shape_text(index->ndim, index->sizes));
    if (!is_long_or_int(index))
        return fac__fail(FAC_ERROR_RUNTIME, "%s: Expected dtype int32/int64 for index but got: %s",
                         name, fac__scalar_type_name((fac_dtype)index->dtype));
    if (t->dtype != source->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: self (%s) and source (%s) must have the same scalar type", name,
                         fac__scalar_type_name((fac_dtype)t->dtype),
                         fac__scalar_type_name((fac_dtype)source->dtype));
    int64_t have = source->ndim == 0 ? 1 : d < source->ndim ? source->sizes[d] : 0;
    if (index->numel != have)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: Number of indices (%lld) should be equal to source.size(dim): "
                         "(%lld), for dim: %d",
                         name, (long long)index->numel, (long long)have, d);
    if (!same_slices(t, source, d))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "source tensor shape must match self tensor shape, excluding the "
                         "specified dimension. Got self.shape = %s source.shape = %s",
                         fac__shape_text(t->ndim, t->sizes),
                         fac__shape_text(source->ndim, source->sizes));
    return 0;
}

int fac__rule_index_add(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__index_add_args *a = args;
    if (check_joining("index_add_()", a->input, a->dim, a->index, a->source) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

int fac__rule_index_reduce(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__index_reduce_args *a = args;
    static const char *const known[] = {"prod", "mean", "amax", "amin"};
    bool ok = false;
    for (int i = 0; i < 4; i++)
        ok |= strcmp(a->reduce, known[i]) == 0;
    if (!ok)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_reduce(): Expected reduce to be one of prod, mean, amax or amin "
                         "but got %s.",
                         a->reduce);
    if (check_joining("index_reduce()", a->input, a->dim, a->index, a->source) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

/* "3 4": the shape without dimension d. */
static void slice_text(const fac_tensor *t, int d, char *text, size_t room) {
    size_t at = 0;
    text[0] = 0;
    for (int i = 0; i < t->ndim && at + 22 < room; i++)
        if (i != d)
            at += (size_t)snprintf(text + at, room - at, at == 0 ? "%lld" : " %lld",
                                   (long long)t->sizes[i]);
}

int fac__rule_index_copy(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__index_copy_args *a = args;
    const fac_tensor *t = a->input, *index = a->index, *source = a->source;
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return -1;
    if (index->ndim > 1)
        return fac__fail(FAC_ERROR_INDEX,
                         "index_copy_(): Index should have dimension 1 or 0 (got %d)", index->ndim);
    if (source->ndim == 0 && index->numel != 1)
        return fac__fail(FAC_ERROR_INDEX,
                         "index_copy_(): When source is scalar, index should have one element (got "
                         "%lld)",
                         (long long)index->numel);
    if (source->ndim != t->ndim && source->ndim != 0 && t->ndim != 0)
        return fac__fail(FAC_ERROR_INDEX,
                         "index_copy_(): When source and destination are not scalars, their "
                         "dimensionality must match. Source dimensionality (%d), destination "
                         "dimensionality (%d)",
                         source->ndim, t->ndim);
    if (index->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_copy_(): Expected a long tensor for index, but got %s",
                         fac__scalar_type_name((fac_dtype)index->dtype));
    if (t->dtype != source->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_copy_(): self and source expected to have the same dtype, but got "
                         "(self) %s and (source) %s",
                         fac__scalar_type_name((fac_dtype)t->dtype),
                         fac__scalar_type_name((fac_dtype)source->dtype));
    bool scalars = t->ndim == 0 || source->ndim == 0;
    bool slices = scalars ? (t->ndim <= 1 && source->ndim <= 1) : same_slices(t, source, d);
    if (!slices) {
        char own[200], theirs[200];
        slice_text(t, d, own, sizeof own);
        slice_text(source, d, theirs, sizeof theirs);
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_copy_(): Source/destination tensor must have same slice shapes. "
                         "Destination slice shape: %s at dimension %d and source slice shape: %s "
                         "at dimension 0.",
                         own, d, theirs);
    }
    if (source->ndim > 0 && index->numel != size_at(source, d))
        return fac__fail(FAC_ERROR_INDEX,
                         "index_copy_(): Number of indices (%lld) should be equal to "
                         "source.size(dim) (%lld)",
                         (long long)index->numel, (long long)size_at(source, d));
    return fac__rule_update(op, args, outs);
}

int fac__rule_index_fill(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__index_fill_args *a = args;
    if (fac__wrap_dim(a->dim, a->input->ndim) < 0)
        return -1;
    if (a->index->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_INDEX, "index_fill_(): Expected dtype int64 for index.");
    if (a->index->ndim > 1)
        return fac__fail(FAC_ERROR_RUNTIME, "Index has to be a vector/scalar");
    if (a->value.tensor != NULL && a->value.tensor->ndim != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_fill_ only supports a 0-dimensional value tensor, but got tensor "
                         "with %d dimension(s).",
                         a->value.tensor->ndim);
    bool complex = a->value.tensor != NULL ? fac__is_complex((fac_dtype)a->value.tensor->dtype)
                                           : a->value.number.kind == FAC_COMPLEX128;
    if (complex && !fac__is_complex((fac_dtype)a->input->dtype))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "index_fill_(): Converting complex Scalar to non-complex type is not "
                         "supported");
    return fac__rule_update_expanded(op, args, outs, "tensor[mask] = scalar");
}

/* --- element by element ------------------------------------------------------------------------
 */

int fac__rule_gather(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__gather_args *a = args;
    const fac_tensor *t = a->input, *index = a->index;
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return -1;
    if (index->numel > 0 && !is_long_or_int(index))
        return fac__fail(FAC_ERROR_RUNTIME, "gather(): Expected dtype int32/int64 for index");
    if (index->numel > 0) {
        int n = t->ndim == 0 ? 1 : t->ndim, m = index->ndim == 0 ? 1 : index->ndim;
        if (n != m)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "Index tensor must have the same number of dimensions as input tensor");
        for (int i = 0; i < index->ndim && i < t->ndim; i++)
            if (i != d && index->sizes[i] > t->sizes[i])
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "Size does not match at dimension %d expected index %s to be no "
                                 "larger than self %s apart from dimension %d",
                                 i, fac__shape_text(index->ndim, index->sizes),
                                 fac__shape_text(t->ndim, t->sizes), d);
    }
    const fac_tensor *given = outs->how == FAC__CALL_OUT ? outs->given[0] : NULL;
    if (given != NULL && given->dtype != t->dtype)
        return fac__fail(
            FAC_ERROR_RUNTIME, "Expected out tensor to have dtype %s, but got %s instead",
            fac__c_type_name((fac_dtype)t->dtype), fac__c_type_name((fac_dtype)given->dtype));
    return fac__out(outs, 0, index->ndim, index->sizes, NULL, (fac_dtype)t->dtype, t->device);
}

/* src is NULL where one value is scattered. */
static int check_scatter(const fac_tensor *t, int64_t dim, const fac_tensor *index,
                         const fac_tensor *src) {
    int d = fac__wrap_dim(dim, t->ndim);
    if (d < 0)
        return -1;
    if (index->numel > 0 && !is_long_or_int(index))
        return fac__fail(FAC_ERROR_RUNTIME, "scatter(): Expected dtype int32/int64 for index");
    if (src != NULL && src->dtype != t->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "scatter(): Expected self.dtype to be equal to src.dtype");
    if (index->numel == 0)
        return 0;
    int n = t->ndim == 0 ? 1 : t->ndim, m = index->ndim == 0 ? 1 : index->ndim;
    int k = src == NULL ? m : src->ndim == 0 ? 1 : src->ndim;
    if (n != m)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Index tensor must have the same number of dimensions as self tensor");
    if (m != k)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Index tensor must have the same number of dimensions as src tensor");
    bool fits = true;
    for (int i = 0; i < m; i++) {
        int64_t have = size_at(index, i);
        if ((i != d && have > size_at(t, i)) || (src != NULL && have > size_at(src, i)))
            fits = false;
    }
    if (fits)
        return 0;
    if (src == NULL)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected index %s to be no larger than self %s apart from dimension %d",
                         fac__shape_text(index->ndim, index->sizes),
                         fac__shape_text(t->ndim, t->sizes), d);
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Expected index %s to be no larger than self %s apart from dimension %d and to "
        "be no larger size than src %s",
        fac__shape_text(index->ndim, index->sizes), fac__shape_text(t->ndim, t->sizes), d,
        fac__shape_text(src->ndim, src->sizes));
}

static int check_add_or_multiply(const char *reduce) {
    if (strcmp(reduce, "add") == 0 || strcmp(reduce, "multiply") == 0)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "reduce argument must be either add or multiply.");
}

int fac__rule_scatter(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__scatter_args *a = args;
    if (check_scatter(a->input, a->dim, a->index, a->src) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

int fac__rule_scatter_add(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__scatter_add_args *a = args;
    if (check_scatter(a->input, a->dim, a->index, a->src) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

int fac__rule_scatter_value(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__scatter_value_args *a = args;
    if (check_scatter(a->input, a->dim, a->index, NULL) != 0 ||
        fac__check_fits(a->value, (fac_dtype)a->input->dtype) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

int fac__rule_scatter_src_reduce(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__scatter_src_reduce_args *a = args;
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (fac__warn_once(&said, "The reduce argument of torch.scatter with Tensor src is deprecated "
                              "and will be removed in a future PyTorch release. Use "
                              "torch.scatter_reduce instead for more reduction options.") != 0)
        return -1;
    if (check_add_or_multiply(a->reduce) != 0 ||
        check_scatter(a->input, a->dim, a->index, a->src) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

int fac__rule_scatter_value_reduce(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__scatter_value_reduce_args *a = args;
    if (check_add_or_multiply(a->reduce) != 0 ||
        check_scatter(a->input, a->dim, a->index, NULL) != 0 ||
        fac__check_fits(a->value, (fac_dtype)a->input->dtype) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

int fac__rule_scatter_reduce(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__scatter_reduce_args *a = args;
    static const char *const known[] = {"sum", "prod", "mean", "amax", "amin"};
    bool ok = false;
    for (int i = 0; i < 5; i++)
        ok |= strcmp(a->reduce, known[i]) == 0;
    if (!ok)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "reduce argument must be either sum, prod, mean, amax or amin, got %s",
                         a->reduce);
    if (check_scatter(a->input, a->dim, a->index, a->src) != 0)
        return -1;
    return fac__rule_update(op, args, outs);
}

/* --- the flattened input ------------------------------------------------------------------------
 */

int fac__rule_take(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__take_args *a = args;
    const fac_tensor *t = a->input, *index = a->index;
    if (index->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME, "take(): Expected a long tensor for index, but got %s",
                         fac__scalar_type_name((fac_dtype)index->dtype));
    if (t->numel == 0 && index->numel != 0)
        return fac__fail(FAC_ERROR_INDEX, "take(): tried to take from an empty tensor");
    if (check_given(outs) != 0)
        return -1;
    return fac__out(outs, 0, index->ndim, index->sizes, NULL, (fac_dtype)t->dtype, t->device);
}

int fac__rule_put(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__put_args *a = args;
    if (a->index->numel != a->source->numel)
        return fac__fail(FAC_ERROR_INDEX,
                         "put_(): Expected source and index to have the same number of elements, "
                         "but got source.numel() = %lld, index.numel() = %lld",
                         (long long)a->source->numel, (long long)a->index->numel);
    if (a->index->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME, "put_(): Expected a long tensor for index, but got %s",
                         fac__scalar_type_name((fac_dtype)a->index->dtype));
    if (a->input->dtype != a->source->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "put_(): self and source expected to have the same dtype, but got "
                         "self.dtype = %s and source.dtype = %s",
                         fac__scalar_type_name((fac_dtype)a->input->dtype),
                         fac__scalar_type_name((fac_dtype)a->source->dtype));
    if (a->input->numel == 0 && a->index->numel != 0)
        return fac__fail(FAC_ERROR_INDEX, "put_(): Tried to put elements into an empty tensor");
    return fac__rule_update(op, args, outs);
}

/* --- masks --------------------------------------------------------------------------------------
 */

/* The name of a dtype in PyTorch's messages about masks: that of the C++ type. */
static const char *cpp_name(fac_dtype d) {
    static const char *const names[FAC_NUM_DTYPES] = {"undefined",
                                                      "bool",
                                                      "unsigned char",
                                                      "signed char",
                                                      "short int",
                                                      "int",
                                                      "long int",
                                                      "short unsigned int",
                                                      "unsigned int",
                                                      "long unsigned int",
                                                      "c10::Half",
                                                      "c10::BFloat16",
                                                      "float",
                                                      "double",
                                                      "c10::complex<float>",
                                                      "c10::complex<double>"};
    return names[d];
}

/* self and mask broadcast together; in place, to self's shape. */
static int masked_shape(const fac_tensor *t, const fac_tensor *mask, const fac__outs *outs,
                        int *ndim, int64_t *sizes) {
    *ndim = mask->ndim;
    memcpy(sizes, mask->sizes, sizeof(int64_t) * (size_t)mask->ndim);
    if (fac__broadcast(ndim, sizes, t->ndim, t->sizes) != 0)
        return -1;
    if (outs->how == FAC__CALL_INPLACE &&
        (*ndim != t->ndim || memcmp(sizes, t->sizes, sizeof(int64_t) * (size_t)*ndim) != 0))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "output with shape %s doesn't match the broadcast shape %s",
                         fac__shape_text(t->ndim, t->sizes), fac__shape_text(*ndim, sizes));
    return 0;
}

static int out_like_masked(const fac__op *op, fac_tensor *t, fac_tensor *mask, fac__outs *outs) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n;
    if (masked_shape(t, mask, outs, &n, sizes) != 0)
        return -1;
    if (outs->how == FAC__CALL_INPLACE) {
        outs->v[0] = fac__retain(outs->given[0]);
        return fac__warn_expanded(op, outs->v[0], "tensor[mask] = scalar");
    }
    if (fac__is_contig(t) && n == t->ndim)
        return fac__out(outs, 0, n, sizes, NULL, (fac_dtype)t->dtype, t->device);
    fac_tensor *operands[] = {t, mask};
    fac__result_strides(2, operands, n, sizes, strides);
    return fac__out(outs, 0, n, sizes, strides, (fac_dtype)t->dtype, t->device);
}

int fac__rule_masked_fill(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__masked_fill_args *a = args;
    fac_tensor *value = a->value.tensor;
    if (value != NULL && value->ndim != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "masked_fill_ only supports a 0-dimensional value tensor, but got tensor "
                         "with %d dimension(s).",
                         value->ndim);
    if (value == NULL && fac__check_fits_finite(a->value.number, (fac_dtype)a->input->dtype) != 0)
        return -1;
    if (value != NULL && fac__is_complex((fac_dtype)value->dtype) &&
        !fac__is_complex((fac_dtype)a->input->dtype))
        return fac__check_fits(fac_complex_number(0, 1), (fac_dtype)a->input->dtype);
    int r = out_like_masked(op, a->input, a->mask, outs);
    if (r == 0 && a->mask->dtype != FAC_BOOL) {
        fac__outs_clear(outs);
        return fac__fail(FAC_ERROR_RUNTIME,
                         "masked_fill_ only supports boolean masks, but got mask with dtype %s",
                         cpp_name((fac_dtype)a->mask->dtype));
    }
    return r;
}

int fac__rule_masked_select(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__masked_select_args *a = args;
    int64_t sizes[FAC_MAX_DIMS];
    int n;
    if (a->mask->dtype != FAC_BOOL)
        return fac__fail(FAC_ERROR_RUNTIME, "masked_select: expected BoolTensor for mask");
    if (outs->how == FAC__CALL_OUT && outs->given[0]->dtype != a->input->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "masked_select(): self and result must have the same scalar type");
    if (check_given(outs) != 0)
        return -1;
    return masked_shape(a->input, a->mask, outs, &n, sizes);
}

int fac__rule_masked_scatter(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__masked_scatter_args *a = args;
    int64_t sizes[FAC_MAX_DIMS];
    int n;
    if (a->input->dtype != a->source->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "masked_scatter: expected self and source to have same dtypes but got%s "
                         "and %s",
                         fac__scalar_type_name((fac_dtype)a->input->dtype),
                         fac__scalar_type_name((fac_dtype)a->source->dtype));
    if (a->mask->dtype != FAC_BOOL)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "masked_scatter_ only supports boolean masks, but got mask with dtype %s",
                         fac__scalar_type_name((fac_dtype)a->mask->dtype));
    if (masked_shape(a->input, a->mask, outs, &n, sizes) != 0)
        return -1;
    if (outs->how == FAC__CALL_INPLACE) {
        outs->v[0] = fac__retain(outs->given[0]);
        return fac__check_writable(outs->v[0]);
    }
    if (fac__out(outs, 0, n, sizes, NULL, (fac_dtype)a->input->dtype, a->input->device) != 0)
        return -1;
    return fac__copy_into(outs->v[0], a->input);
}

int fac__rule_nonzero(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)args; /* as many rows as there are nonzero elements */
    if (outs->how == FAC__CALL_OUT && outs->given[0]->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "nonzero: Expected out tensor to have scalar type Long but got scalar "
                         "type%s",
                         fac__scalar_type_name((fac_dtype)outs->given[0]->dtype));
    return 0;
}

int fac__rule_one_hot(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__one_hot_args *a = args;
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS];
    if (t->dtype != FAC_INT64)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "one_hot is only applicable to index tensor of type LongTensor.");
    if (t->numel == 0 && a->num_classes <= 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         a->num_classes < 0
                             ? "Can not infer total number of classes from empty tensor."
                             : "num_classes should be positive");
    if (t->ndim == FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "one_hot: at most %d dimensions", FAC_MAX_DIMS);
    if (a->num_classes == -1)
        return 0; /* the kernel finds the largest */
    if (a->num_classes < 1)
        return fac__fail(FAC_ERROR_RUNTIME, "Class values must be smaller than num_classes.");
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    sizes[t->ndim] = a->num_classes;
    return fac__out(outs, 0, t->ndim + 1, sizes, NULL, FAC_INT64, t->device);
}
