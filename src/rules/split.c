/* Views that come as lists: split and unbind. */
#include "rules.h"

#include <string.h>

/* A view of `length` indices of dimension d from `start` on. */
static int piece(fac__outs *outs, int i, const fac_tensor *t, int d, int64_t start,
                 int64_t length) {
    int64_t sizes[FAC_MAX_DIMS];
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    sizes[d] = length;
    outs->v[i] =
        fac__alias(t, t->ndim, sizes, t->strides, t->offset + (length > 0 ? start : 0) * t->strides[d]);
    return outs->v[i] == NULL ? -1 : 0;
}

static int give_up(fac__outs *outs) {
    fac__outs_clear(outs);
    return -1;
}

int fac__view_split(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__split_args *a = args;
    const fac_tensor *t = a->input;
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "split expects at least a 1-dimensional tensor");
    if (a->split_size < 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "split expects split_size be non-negative, but got split_size=%lld",
                         (long long)a->split_size);
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return -1;
    int64_t n = t->sizes[d], size = a->split_size;
    if (size == 0 && n != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "split_size can only be 0 if dimension size is 0, but got dimension size "
                         "of %lld",
                         (long long)n);
    int64_t count = n == 0 ? 1 : (n - 1) / size + 1;
    if (count > INT32_MAX || fac__outs_resize(outs, (int)count) != 0)
        return -1;
    for (int i = 0; i < count; i++) {
        int64_t start = i * size, left = n - start;
        if (piece(outs, i, t, d, start, left < size ? left : size) != 0)
            return give_up(outs);
    }
    return 0;
}

static int by_sizes(fac__outs *outs, const fac_tensor *t, fac_ints sizes, int64_t dim) {
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "split expects at least a 1-dimensional tensor");
    int d = fac__wrap_dim(dim, t->ndim);
    if (d < 0)
        return -1;
    int64_t sum = 0;
    for (int i = 0; i < sizes.n; i++) {
        if (sizes.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "split_with_sizes expects split_sizes have only non-negative entries, "
                             "but got split_sizes=%s",
                             fac__shape_text(sizes.n, sizes.values));
        if (__builtin_add_overflow(sum, sizes.values[i], &sum))
            sum = -1;
    }
    if (sum != t->sizes[d])
        return fac__fail(FAC_ERROR_RUNTIME,
                         "split_with_sizes expects split_sizes to sum exactly to %lld (input "
                         "tensor's size at dimension %lld), but got split_sizes=%s",
                         (long long)t->sizes[d], (long long)dim,
                         fac__shape_text(sizes.n, sizes.values));
    if (fac__outs_resize(outs, sizes.n) != 0)
        return -1;
    int64_t start = 0;
    for (int i = 0; i < sizes.n; i++) {
        if (piece(outs, i, t, d, start, sizes.values[i]) != 0)
            return give_up(outs);
        start += sizes.values[i];
    }
    return 0;
}

int fac__view_split_sizes(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__split_sizes_args *a = args;
    return by_sizes(outs, a->input, a->split_size, a->dim);
}

int fac__view_split_with_sizes(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__split_with_sizes_args *a = args;
    return by_sizes(outs, a->input, a->split_sizes, a->dim);
}

int fac__view_unbind(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__unbind_args *a = args;
    const fac_tensor *t = a->input;
    int d = fac__wrap_dim(a->dim, t->ndim), n = 0;
    if (d < 0)
        return -1;
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_INDEX, "Dimension specified as %lld but tensor has no dimensions",
                         (long long)a->dim);
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    for (int i = 0; i < t->ndim; i++)
        if (i != d) {
            sizes[n] = t->sizes[i];
            strides[n++] = t->strides[i];
        }
    if (t->sizes[d] > INT32_MAX || fac__outs_resize(outs, (int)t->sizes[d]) != 0)
        return -1;
    for (int i = 0; i < t->sizes[d]; i++) {
        outs->v[i] = fac__alias(t, n, sizes, strides, t->offset + i * t->strides[d]);
        if (outs->v[i] == NULL)
            return give_up(outs);
    }
    return 0;
}
