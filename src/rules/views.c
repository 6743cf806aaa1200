/* Views: new sizes, strides and offset over the same storage. No data is touched. */
#include "../core/core.h"
#include "../gen/ops.h"

#include <string.h>

#define ARGS(name) const struct fac__##name##_args *a = args

static int give(fac__outs *outs, fac_tensor *t) {
    outs->v[0] = t;
    return t == NULL ? -1 : 0;
}

static int alias_of(fac__outs *outs, const fac_tensor *t, int ndim, const int64_t *sizes,
                    const int64_t *strides, int64_t offset) {
    return give(outs, fac__alias(t, ndim, sizes, strides, offset));
}

/* a * b, of strides and what they are moved by. Overflows where no element is stepped to: in a
 * dimension of size 1 or a tensor without elements. */
static int64_t times(int64_t a, int64_t b) {
    int64_t r;
    return __builtin_mul_overflow(a, b, &r) ? 0 : r;
}

static int64_t plus(int64_t a, int64_t b) {
    int64_t r;
    return __builtin_add_overflow(a, b, &r) ? 0 : r;
}

/* Fills in one -1 and checks the count. */
int fac__infer_size(fac_ints want, int64_t numel, int64_t *sizes) {
    int64_t known = 1;
    int unknown = -1;
    if (want.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "tensors have at most %d dimensions, asked for %d",
                         FAC_MAX_DIMS, want.n);
    for (int i = 0; i < want.n; i++) {
        sizes[i] = want.values[i];
        if (sizes[i] == -1) {
            if (unknown >= 0)
                return fac__fail(FAC_ERROR_RUNTIME, "only one dimension can be inferred");
            unknown = i;
        } else if (sizes[i] < 0) {
            return fac__fail(FAC_ERROR_RUNTIME,
                             "invalid shape dimension %lld at index %d of shape %s",
                             (long long)sizes[i], i, fac__shape_text(want.n, want.values));
        } else if (__builtin_mul_overflow(known, sizes[i], &known)) {
            known = -1;
            break;
        }
    }
    if (unknown >= 0 && known > 0 && numel % known == 0) {
        sizes[unknown] = numel / known;
        return 0;
    }
    if (unknown >= 0 && known == 0 && numel == 0)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "cannot reshape tensor of 0 elements into shape %s because the unspecified "
            "dimension size -1 can be any value and is ambiguous",
            fac__shape_text(want.n, want.values));
    if (unknown < 0 && known == numel)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "shape '%s' is invalid for input of size %lld",
                     fac__shape_text(want.n, want.values), (long long)numel);
}

/* Strides of t viewed as `sizes`; false where that needs a copy. Walks both shapes from the back,
 * chunk by chunk of memory-contiguous dimensions, as NumPy and PyTorch do. */
bool fac__view_strides(const fac_tensor *t, int ndim, const int64_t *sizes, int64_t *strides) {
    if (fac__is_contig(t) || t->numel == 0) {
        fac__contiguous_strides(ndim, sizes, strides);
        return true;
    }
    int v = ndim - 1;
    int64_t base = t->ndim == 0 ? 1 : t->strides[t->ndim - 1], old = 1, new = 1;
    for (int d = t->ndim - 1; d >= 0; d--) {
        old *= t->sizes[d];
        bool ends = d == 0 || (t->sizes[d - 1] != 1 && t->strides[d - 1] != old * base);
        if (!ends)
            continue;
        while (v >= 0 && (new < old || sizes[v] == 1)) {
            strides[v] = new * base;
            new *= sizes[v];
            v--;
        }
        if (new != old)
            return false;
        if (d > 0) {
            base = t->strides[d - 1];
            old = new = 1;
        }
    }
    return v == -1;
}

int fac__view_as_strided(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(as_strided);
    const fac_tensor *t = a->input;
    int64_t offset = a->storage_offset.given ? a->storage_offset.value : t->offset;
    if (a->size.n != a->stride.n)
        return fac__fail(FAC_ERROR_RUNTIME, "mismatch in length of strides and shape");
    int64_t last = 0;
    bool empty = false, far = false;
    for (int i = 0; i < a->size.n; i++) {
        if (a->size.values[i] < 0)
            return fac__fail(
                FAC_ERROR_RUNTIME, "Trying to create tensor with negative dimension %lld: %s",
                (long long)a->size.values[i], fac__shape_text(a->size.n, a->size.values));
        if (a->stride.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "as_strided: Negative strides are not supported at the moment, got "
                             "strides: %s",
                             fac__shape_text(a->stride.n, a->stride.values));
        empty |= a->size.values[i] == 0;
        int64_t reach = 0;
        if (a->size.values[i] > 0)
            far |= __builtin_mul_overflow(a->size.values[i] - 1, a->stride.values[i], &reach) ||
                   __builtin_add_overflow(last, reach, &last);
    }
    if (offset < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "Tensor: invalid storage offset %lld",
                         (long long)offset);
    size_t item = fac__itemsize(t->dtype), need;
    if (far || __builtin_mul_overflow((size_t)last + (size_t)offset + 1, item, &need) ||
        need > (size_t)INT64_MAX)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Storage size calculation overflowed with sizes=%s and strides=%s",
                         fac__shape_text(a->size.n, a->size.values),
                         fac__shape_text(a->stride.n, a->stride.values));
    if (!empty && t->storage != NULL && need > t->storage->nbytes)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "setStorage: sizes %s, strides %s, storage offset %lld, and itemsize %zu "
            "requiring a storage size of %zu are out of bounds for storage of size %zu",
            fac__shape_text(a->size.n, a->size.values),
            fac__shape_text(a->stride.n, a->stride.values), (long long)offset, item, need,
            t->storage->nbytes);
    return alias_of(outs, t, a->size.n, a->size.values, a->stride.values, offset);
}

int fac__view_view(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(view);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (a->size.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "view: at most %d dimensions", FAC_MAX_DIMS);
    if (fac__infer_size(a->size, a->input->numel, sizes) != 0)
        return -1;
    if (!fac__view_strides(a->input, a->size.n, sizes, strides))
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "view size is not compatible with input tensor's size and stride (at least "
            "one dimension spans across two contiguous subspaces). Use .reshape(...) "
            "instead.");
    return alias_of(outs, a->input, a->size.n, sizes, strides, a->input->offset);
}

int fac__view__unsafe_view(const fac__op *op, void *args, fac__outs *outs) {
    return fac__view_view(op, args, outs); /* the same arguments */
}

static int set_dtype(fac__outs *outs, fac_dtype dtype) {
    fac_tensor *v = outs->v[0];
    v->dtype = (uint8_t)dtype;
    fac__tensor_flags(v);
    return 0;
}

int fac__view_view_dtype(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(view_dtype);
    const fac_tensor *t = a->input;
    int64_t from = (int64_t)fac__itemsize(t->dtype), to = (int64_t)fac_dtype_size(a->dtype);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n = t->ndim, last = n - 1;
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)n);
    memcpy(strides, t->strides, sizeof(int64_t) * (size_t)n);
    int64_t offset = t->offset;
    if (from != to) {
        if (n == 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "self.dim() cannot be 0 to view %s as %s (different element sizes)",
                             fac__scalar_type_name((fac_dtype)t->dtype),
                             fac__scalar_type_name(a->dtype));
        if (strides[last] != 1)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "self.stride(-1) must be 1 to view %s as %s (different element sizes), "
                "but got %lld",
                fac__scalar_type_name((fac_dtype)t->dtype), fac__scalar_type_name(a->dtype),
                (long long)strides[last]);
        int64_t bytes;
        if (__builtin_mul_overflow(sizes[last], from, &bytes))
            return fac__fail(FAC_ERROR_RUNTIME, "numel: integer multiplication overflow");
        if (bytes % to != 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "self.size(-1) must be divisible by %lld to view %s as %s (different "
                             "element sizes), but got %lld",
                             (long long)(to / from), fac__scalar_type_name((fac_dtype)t->dtype),
                             fac__scalar_type_name(a->dtype), (long long)sizes[last]);
        if (times(offset, from) % to != 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "self.storage_offset() must be divisible by %lld to view %s as %s "
                             "(different element sizes), but got %lld",
                             (long long)(to / from), fac__scalar_type_name((fac_dtype)t->dtype),
                             fac__scalar_type_name(a->dtype), (long long)offset);
        sizes[last] = bytes / to;
        offset = times(offset, from) / to;
        for (int i = 0; i < last; i++) {
            if (times(strides[i], from) % to != 0)
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "self.stride(%d) must be divisible by %lld to view %s as %s "
                                 "(different element sizes), but got %lld",
                                 i, (long long)(to / from),
                                 fac__scalar_type_name((fac_dtype)t->dtype),
                                 fac__scalar_type_name(a->dtype), (long long)strides[i]);
            strides[i] = times(strides[i], from) / to;
        }
    }
    if (alias_of(outs, t, n, sizes, strides, offset) != 0)
        return -1;
    outs->v[0]->data = t->data; /* the same first byte */
    return set_dtype(outs, a->dtype);
}

int fac__view_permute(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(permute);
    const fac_tensor *t = a->input;
    int dims[FAC_MAX_DIMS];
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (a->dims.n != t->ndim)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "permute(sparse_coo): number of dimensions in the tensor input does not "
            "match the length of the desired ordering of dimensions i.e. input.dim() = "
            "%d is not equal to len(dims) = %d",
            t->ndim, a->dims.n);
    uint64_t seen = 0;
    for (int i = 0; i < a->dims.n; i++) {
        dims[i] = fac__wrap_dim(a->dims.values[i], t->ndim);
        if (dims[i] < 0)
            return -1;
        if (seen & (1ull << dims[i]))
            return fac__fail(FAC_ERROR_RUNTIME, "permute(): duplicate dims are not allowed.");
        seen |= 1ull << dims[i];
        sizes[i] = t->sizes[dims[i]];
        strides[i] = t->strides[dims[i]];
    }
    return alias_of(outs, t, t->ndim, sizes, strides, t->offset);
}

static int swapped(fac__outs *outs, const fac_tensor *t, int i, int j) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    memcpy(strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    if (t->ndim > 0) {
        sizes[i] = t->sizes[j];
        sizes[j] = t->sizes[i];
        strides[i] = t->strides[j];
        strides[j] = t->strides[i];
    }
    return alias_of(outs, t, t->ndim, sizes, strides, t->offset);
}

int fac__view_transpose(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(transpose);
    int i = fac__wrap_dim(a->dim0, a->input->ndim);
    int j = i < 0 ? -1 : fac__wrap_dim(a->dim1, a->input->ndim);
    return j < 0 ? -1 : swapped(outs, a->input, i, j);
}

int fac__view_t(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(t);
    if (a->input->ndim > 2)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "t%s() expects a tensor with <= 2 dimensions, but self is %dD",
                         outs->how == FAC__CALL_INPLACE ? "_" : "", a->input->ndim);
    return swapped(outs, a->input, 0, a->input->ndim == 2 ? 1 : 0);
}

int fac__view_expand(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(expand);
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n = a->size.n, lead = n - t->ndim;
    if (lead < 0 || n > FAC_MAX_DIMS)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "expand(torch.%sTensor{%s}, size=%s): the number of sizes provided (%d) must "
            "be greater or equal to the number of dimensions in the tensor (%d)",
            fac__scalar_type_name((fac_dtype)t->dtype), fac__shape_text(t->ndim, t->sizes),
            fac__shape_text(n, a->size.values), n, t->ndim);
    for (int i = n - 1; i >= 0; i--) {
        int64_t want = a->size.values[i], have = i < lead ? 1 : t->sizes[i - lead];
        if (want == -1) {
            if (i < lead)
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "The expanded size of the tensor (-1) isn't allowed in a leading, "
                                 "non-existing dimension %d",
                                 i);
            want = have;
        }
        if (want < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "The expanded size of the tensor (%lld) must match the existing size "
                             "(%lld) at non-singleton dimension %d.  Target sizes: %s.  Tensor "
                             "sizes: %s",
                             (long long)want, (long long)have, i,
                             fac__shape_text(n, a->size.values),
                             fac__shape_text(t->ndim, t->sizes));
        if (have != want && have != 1)
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "The expanded size of the tensor (%lld) must match the existing size "
                "(%lld) at non-singleton dimension %d.  Target sizes: %s.  Tensor sizes: "
                "%s",
                (long long)want, (long long)have, i, fac__shape_text(n, a->size.values),
                fac__shape_text(t->ndim, t->sizes));
        sizes[i] = want;
        if (have == want && i >= lead)
            strides[i] = t->strides[i - lead];
        else if (i < lead && want == 1)
            strides[i] = i + 1 < n ? times(sizes[i + 1], strides[i + 1]) : 1;
        else
            strides[i] = 0;
    }
    return alias_of(outs, t, n, sizes, strides, t->offset);
}

static int without_dim(fac__outs *outs, const fac_tensor *t, int dim, int64_t offset) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < t->ndim; i++)
        if (i != dim) {
            sizes[n] = t->sizes[i];
            strides[n++] = t->strides[i];
        }
    return alias_of(outs, t, n, sizes, strides, offset);
}

int fac__view_select(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(select);
    const fac_tensor *t = a->input;
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_INDEX, "select() cannot be applied to a 0-dim tensor.");
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return -1;
    int64_t n = t->sizes[d], i = a->index;
    if (i < -n || i >= n)
        return fac__fail(FAC_ERROR_INDEX,
                         "select(): index %lld out of range for tensor of size %s at dimension %d",
                         (long long)i, fac__shape_text(t->ndim, t->sizes), d);
    if (i < 0)
        i += n;
    return without_dim(outs, t, d, plus(t->offset, times(i, t->strides[d])));
}

int fac__view_slice(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(slice);
    const fac_tensor *t = a->input;
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_INDEX, "slice() cannot be applied to a 0-dim tensor.");
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return -1;
    if (a->step <= 0)
        return fac__fail(FAC_ERROR_RUNTIME, "slice step must be positive");
    int64_t n = t->sizes[d], start = a->start.given ? a->start.value : 0;
    int64_t end = a->end.given ? a->end.value : n;
    if (start < 0)
        start += n;
    if (end < 0)
        end += n;
    start = start < 0 ? 0 : start > n ? n : start;
    end = end < start ? start : end > n ? n : end;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    memcpy(strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    sizes[d] = (end - start) / a->step + ((end - start) % a->step != 0);
    strides[d] = times(strides[d], a->step);
    return alias_of(outs, t, t->ndim, sizes, strides, plus(t->offset, times(start, t->strides[d])));
}

static int squeezed(fac__outs *outs, const fac_tensor *t, uint64_t drop) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < t->ndim; i++)
        if (!(drop & (1ull << i)) || t->sizes[i] != 1) {
            sizes[n] = t->sizes[i];
            strides[n++] = t->strides[i];
        }
    return alias_of(outs, t, n, sizes, strides, t->offset);
}

int fac__view_squeeze(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(squeeze);
    return squeezed(outs, a->input, ~0ull);
}

int fac__view_squeeze_dim(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(squeeze_dim);
    int d = fac__wrap_dim(a->dim, a->input->ndim);
    return d < 0 ? -1 : squeezed(outs, a->input, 1ull << d);
}

int fac__view_squeeze_dims(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(squeeze_dims);
    int dims[FAC_MAX_DIMS];
    uint64_t drop = 0;
    if (fac__norm_dims(a->dim, a->input->ndim, dims) < 0)
        return -1;
    for (int i = 0; i < a->dim.n; i++)
        drop |= 1ull << dims[i];
    return squeezed(outs, a->input, drop);
}

int fac__view_unsqueeze(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(unsqueeze);
    const fac_tensor *t = a->input;
    int d = fac__wrap_dim(a->dim, t->ndim + 1);
    if (d < 0)
        return -1;
    if (t->ndim == FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "unsqueeze: at most %d dimensions", FAC_MAX_DIMS);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    for (int i = 0; i <= t->ndim; i++) {
        int from = i < d ? i : i - 1;
        sizes[i] = i == d ? 1 : t->sizes[from];
        strides[i] = i != d        ? t->strides[from]
                     : d < t->ndim ? times(t->sizes[d], t->strides[d])
                                   : 1;
    }
    return alias_of(outs, t, t->ndim + 1, sizes, strides, t->offset);
}

int fac__view_detach(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(detach);
    return alias_of(outs, a->input, a->input->ndim, a->input->sizes, a->input->strides,
                    a->input->offset);
}

int fac__view_alias(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(alias);
    return alias_of(outs, a->input, a->input->ndim, a->input->sizes, a->input->strides,
                    a->input->offset);
}

int fac__view__conj(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(_conj);
    const fac_tensor *t = a->input;
    if (!fac__is_complex((fac_dtype)t->dtype))
        return fac__fail(FAC_ERROR_RUNTIME, "_conj expects a complex tensor");
    if (alias_of(outs, t, t->ndim, t->sizes, t->strides, t->offset) != 0)
        return -1;
    outs->v[0]->features ^= FAC__CONJ;
    return 0;
}

int fac__view__neg_view(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(_neg_view);
    const fac_tensor *t = a->input;
    if (alias_of(outs, t, t->ndim, t->sizes, t->strides, t->offset) != 0)
        return -1;
    outs->v[0]->features ^= FAC__NEG;
    return 0;
}

int fac__view_view_as_real(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(view_as_real);
    const fac_tensor *t = a->input;
    if (!fac__is_complex((fac_dtype)t->dtype))
        return fac__fail(FAC_ERROR_RUNTIME, "view_as_real is only supported for complex tensors");
    if (t->features & FAC__CONJ)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "view_as_real doesn't work on unresolved conjugated tensors.  To resolve "
                         "the conjugate tensor so you can view it as real, use "
                         "self.resolve_conj(); however, be warned that the resulting tensor will "
                         "NOT alias the original.");
    if (t->ndim == FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "view_as_real: at most %d dimensions", FAC_MAX_DIMS);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    for (int i = 0; i < t->ndim; i++) {
        sizes[i] = t->sizes[i];
        strides[i] = times(t->strides[i], 2);
    }
    sizes[t->ndim] = 2;
    strides[t->ndim] = 1;
    if (alias_of(outs, t, t->ndim + 1, sizes, strides, times(t->offset, 2)) != 0)
        return -1;
    outs->v[0]->data = t->data;
    return set_dtype(outs, fac__real_of((fac_dtype)t->dtype));
}

int fac__view_view_as_complex(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(view_as_complex);
    const fac_tensor *t = a->input;
    if (t->dtype != FAC_FLOAT32 && t->dtype != FAC_FLOAT64)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "view_as_complex is only supported for half, float and double tensors, but "
            "got a tensor of scalar type: %s",
            fac__scalar_type_name((fac_dtype)t->dtype));
    int n = t->ndim - 1;
    if (n < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "Input tensor must have one or more dimensions");
    if (t->sizes[n] != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "Tensor must have a last dimension of size 2");
    if (t->strides[n] != 1)
        return fac__fail(FAC_ERROR_RUNTIME, "Tensor must have a last dimension with stride 1");
    int64_t strides[FAC_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        if (t->strides[i] % 2 != 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Tensor must have a stride divisible by 2 for all but last dimension");
        strides[i] = t->strides[i] / 2;
    }
    if (t->offset % 2 != 0)
        return fac__fail(FAC_ERROR_RUNTIME, "Tensor must have a storage_offset divisible by 2");
    if (alias_of(outs, t, n, t->sizes, strides, t->offset / 2) != 0)
        return -1;
    outs->v[0]->data = t->data;
    return set_dtype(outs, fac__complex_of((fac_dtype)t->dtype));
}

int fac__view_swapaxes(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(swapaxes);
    int i = fac__wrap_dim(a->axis0, a->input->ndim);
    int j = i < 0 ? -1 : fac__wrap_dim(a->axis1, a->input->ndim);
    return j < 0 ? -1 : swapped(outs, a->input, i, j);
}

int fac__view_swapdims(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(swapdims);
    int i = fac__wrap_dim(a->dim0, a->input->ndim);
    int j = i < 0 ? -1 : fac__wrap_dim(a->dim1, a->input->ndim);
    return j < 0 ? -1 : swapped(outs, a->input, i, j);
}

/* The diagonal's length, sizes and strides; its offset is added to. */
int fac__diagonal_of(const fac_tensor *t, int64_t offset, int64_t dim1, int64_t dim2,
                     int64_t *sizes, int64_t *strides, int64_t *at) {
    int i = fac__wrap_dim(dim1, t->ndim), j = i < 0 ? -1 : fac__wrap_dim(dim2, t->ndim), n = 0;
    if (j < 0)
        return -1;
    if (i == j)
        return fac__fail(FAC_ERROR_RUNTIME, "diagonal dimensions cannot be identical %lld, %lld",
                         (long long)dim1, (long long)dim2);
    int64_t rows = t->sizes[i], columns = t->sizes[j], length;
    if (offset >= 0)
        length = offset > columns ? 0 : columns - offset < rows ? columns - offset : rows;
    else
        length = offset < -rows ? 0 : rows + offset < columns ? rows + offset : columns;
    if (length > 0)
        *at = plus(*at, offset >= 0 ? times(offset, t->strides[j]) : times(-offset, t->strides[i]));
    for (int d = 0; d < t->ndim; d++)
        if (d != i && d != j) {
            sizes[n] = t->sizes[d];
            strides[n++] = t->strides[d];
        }
    sizes[n] = length;
    strides[n++] = plus(t->strides[i], t->strides[j]);
    return n;
}

int fac__view_diagonal(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(diagonal);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], at = a->input->offset;
    int n = fac__diagonal_of(a->input, a->offset, a->dim1, a->dim2, sizes, strides, &at);
    return n < 0 ? -1 : alias_of(outs, a->input, n, sizes, strides, at);
}

int fac__view_unfold(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    ARGS(unfold);
    const fac_tensor *t = a->input;
    int d = fac__wrap_dim(a->dimension, t->ndim);
    if (d < 0)
        return -1;
    int64_t most = t->ndim == 0 ? 1 : t->sizes[d];
    if (a->size < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "size is %lld but must be >= 0", (long long)a->size);
    if (a->size > most)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "maximum size for tensor at dimension %d is %lld but size is %lld", d,
                         (long long)most, (long long)a->size);
    if (a->step <= 0)
        return fac__fail(FAC_ERROR_RUNTIME, "step is %lld but must be > 0", (long long)a->step);
    if (t->ndim == FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "unfold: at most %d dimensions", FAC_MAX_DIMS);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    memcpy(strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    sizes[t->ndim] = a->size;
    strides[t->ndim] = t->ndim == 0 ? 1 : t->strides[d];
    if (t->ndim > 0) {
        sizes[d] = (t->sizes[d] - a->size) / a->step + 1;
        strides[d] = times(strides[d], a->step);
    }
    return alias_of(outs, t, t->ndim + 1, sizes, strides, t->offset);
}
