/* A tensor cut into views of its pieces. */
#include "rules.h"

/* Piece i of n takes lengths[i] of dimension d, one after another. */
static int pieces(fac__outs *outs, const fac_tensor *t, int d, int n, const int64_t *lengths,
                  int64_t each) {
    int64_t sizes[FAC_MAX_DIMS], at = 0;
    if (fac__outs_resize(outs, n) != 0)
        return -1;
    for (int k = 0; k < t->ndim; k++)
        sizes[k] = t->sizes[k];
    for (int i = 0; i < n; i++) {
        int64_t left = t->sizes[d] - at, length = lengths != NULL ? lengths[i] : each;
        sizes[d] = length < left ? length : left;
        outs->v[i] = fac__alias(t, t->ndim, sizes, t->strides, t->offset + at * t->strides[d]);
        if (outs->v[i] == NULL)
            return -1;
        at += sizes[d];
    }
    return 0;
}

int fac__view_split(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__split_args *a = args;
    const fac_tensor *t = a->input;
    (void)op;
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "split expects at least a 1-dimensional tensor");
    if (a->split_size < 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "split expects split_size be non-negative, but got split_size=%lld",
                         (long long)a->split_size);
    int d = fac__wrap_dim(a->dim, t->ndim);
    if (d < 0)
        return -1;
    int64_t n = t->sizes[d];
    if (a->split_size == 0 && n != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "split_size can only be 0 if dimension size is 0, but got dimension size "
                         "of %lld",
                         (long long)n);
    int64_t count = n == 0 ? 1 : (n - 1) / a->split_size + 1;
    if (count > INT32_MAX)
        return fac__fail(FAC_ERROR_RUNTIME, "split: %lld pieces are too many", (long long)count);
    return pieces(outs, t, d, (int)count, NULL, a->split_size);
}

static int split_by(const fac_tensor *t, fac_ints lengths, int64_t dim, fac__outs *outs) {
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_RUNTIME, "split expects at least a 1-dimensional tensor");
    int d = fac__wrap_dim(dim, t->ndim);
    if (d < 0)
        return -1;
    int64_t sum = 0;
    for (int i = 0; i < lengths.n; i++) {
        if (lengths.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "split_with_sizes expects split_sizes have only non-negative entries, "
                             "but got split_sizes=%s",
                             fac__shape_text(lengths.n, lengths.values));
        if (__builtin_add_overflow(sum, lengths.values[i], &sum))
            sum = INT64_MAX;
    }
    if (sum != t->sizes[d])
        return fac__fail(FAC_ERROR_RUNTIME,
                         "split_with_sizes expects split_sizes to sum exactly to %lld (input "
                         "tensor's size at dimension %d), but got split_sizes=%s",
                         (long long)t->sizes[d], d, fac__shape_text(lengths.n, lengths.values));
    return pieces(outs, t, d, lengths.n, lengths.values, 0);
}

int fac__view_split_with_sizes(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__split_with_sizes_args *a = args;
    (void)op;
    return split_by(a->input, a->split_sizes, a->dim, outs);
}

int fac__view_split_sizes(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__split_sizes_args *a = args;
    (void)op;
    return split_by(a->input, a->split_size, a->dim, outs);
}

int fac__view_unbind(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__unbind_args *a = args;
    const fac_tensor *t = a->input;
    (void)op;
    if (t->ndim == 0)
        return fac__fail(FAC_ERROR_INDEX,
                         "Dimension specified as %lld but tensor has no dimensions",
                         (long long)a->dim);
    int d = fac__wrap_dim(a->dim, t->ndim), n = 0;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (d < 0)
        return -1;
    if (t->sizes[d] > INT32_MAX)
        return fac__fail(FAC_ERROR_RUNTIME, "unbind: %lld pieces are too many",
                         (long long)t->sizes[d]);
    for (int k = 0; k < t->ndim; k++)
        if (k != d) {
            sizes[n] = t->sizes[k];
            strides[n++] = t->strides[k];
        }
    if (fac__outs_resize(outs, (int)t->sizes[d]) != 0)
        return -1;
    for (int i = 0; i < outs->n; i++) {
        outs->v[i] = fac__alias(t, n, sizes, strides, t->offset + i * t->strides[d]);
        if (outs->v[i] == NULL)
            return -1;
    }
    return 0;
}
