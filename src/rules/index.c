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
    return fac__rule_update(op, args, outs);
}

/* --- searching ------------------------------------------------------------------------------- */

int fac__rule_nonzero(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    (void)args;
    (void)outs; /* as many rows as there are nonzero elements */
    return 0;
}
