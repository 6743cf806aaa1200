/* The sparse_coo layout and its own ops. */
#include "coo.h"

#include "../core/alloc.h"
#include "../gen/ops.h"
#include <facula/ops.h>

#include <string.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

static void coo_free(void *payload) {
    struct fac__coo *c = payload;
    fac__release(c->indices);
    fac__release(c->values);
    fac__object_free(c, sizeof *c);
}

static int coo_traverse(void *payload, int (*visit)(fac_tensor *, void *), void *arg) {
    struct fac__coo *c = payload;
    int r = visit(c->indices, arg);
    return r != 0 ? r : visit(c->values, arg);
}

static const struct fac__payload_type coo_type = {"sparse_coo", coo_free, coo_traverse};

const struct fac__coo *fac__coo_of(const fac_tensor *t, const char *op) {
    if (fac__is_bad(t))
        return NULL;
    if (t->layout == FAC_SPARSE_COO)
        return t->payload;
    fac__fail(FAC_ERROR_RUNTIME, "%s expected sparse%s tensor layout but got Strided", op,
              strcmp(op, "values") == 0 ? "" : " coordinate");
    return NULL;
}

fac_tensor *fac__coo_new(fac_tensor *indices, fac_tensor *values, fac_ints size, bool coalesced) {
    if (fac__is_bad(indices) || fac__is_bad(values))
        return NULL;
    int64_t numel = fac__numel_of(size.n, size.values);
    if (numel < 0) {
        fac__fail(FAC_ERROR_RUNTIME, "numel: integer multiplication overflow");
        return NULL;
    }
    fac_tensor *t = fac__tensor_new(size.n);
    struct fac__coo *c = t == NULL ? NULL : fac__object_alloc(sizeof *c);
    if (c == NULL) {
        fac__release(t);
        return NULL;
    }
    *c = (struct fac__coo){fac__shallow_copy(indices), fac__shallow_copy(values), coalesced};
    t->payload_type = &coo_type;
    t->payload = c;
    t->dtype = values->dtype;
    t->layout = FAC_SPARSE_COO;
    t->device = values->device;
    for (int i = 0; i < size.n; i++) {
        t->sizes[i] = size.values[i];
        t->strides[i] = 0;
    }
    t->numel = numel;
    t->features = FAC__SPARSE;
    if (c->indices != NULL && c->values != NULL)
        return t;
    fac__release(t);
    return NULL;
}

void fac__coo_become(fac_tensor *t, const fac_tensor *from) {
    struct fac__coo *to = t->payload;
    const struct fac__coo *c = from->payload;
    fac_tensor *old[2] = {to->indices, to->values};
    *to = (struct fac__coo){fac__retain(c->indices), fac__retain(c->values), c->coalesced};
    t->dtype = from->dtype;
    fac__release(old[0]);
    fac__release(old[1]);
}

static void give(fac_tensor **out, fac_tensor *made) {
    out[0] = made == NULL ? fac_bad : fac__scope_adopt(made);
}

/* --- making ------------------------------------------------------------------------------------
 */

static int check_parts(const fac_tensor *indices, const fac_tensor *values, fac_ints size) {
    if (indices->layout != FAC_STRIDED || values->layout != FAC_STRIDED)
        return fac__fail(FAC_ERROR_RUNTIME, "expected indices and values to be dense tensors");
    if (indices->ndim == 1 && size.n != indices->sizes[0] + values->ndim - 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = %d, "
                         "sparse_dim = %lld, dense_dim = %d",
                         size.n, (long long)indices->sizes[0], values->ndim - 1);
    if (indices->ndim != 2)
        return fac__fail(FAC_ERROR_RUNTIME, "indices must be sparse_dim x nnz, but got: %s",
                         fac__shape_text(indices->ndim, indices->sizes));
    int sparse = (int)indices->sizes[0], dense = values->ndim - 1;
    if (values->ndim < 1 || indices->sizes[1] != values->sizes[0])
        return fac__fail(FAC_ERROR_RUNTIME,
                         "indices and values must have same nnz, but got nnz from indices: %lld, "
                         "nnz from values: %lld",
                         (long long)indices->sizes[1],
                         (long long)(values->ndim < 1 ? 1 : values->sizes[0]));
    if (size.n != sparse + dense)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = %d, "
                         "sparse_dim = %d, dense_dim = %d",
                         size.n, sparse, dense);
    int64_t expected[FAC_MAX_DIMS + 1];
    expected[0] = values->sizes[0];
    for (int i = 0; i < size.n; i++)
        if (size.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME, "found negative size %lld for dim %d",
                             (long long)size.values[i], i);
    for (int i = 0; i < dense; i++)
        expected[i + 1] = size.values[sparse + i];
    if (memcmp(expected, values->sizes, sizeof *expected * (size_t)values->ndim) != 0)
        return fac__fail(FAC_ERROR_RUNTIME, "values has incorrect size, expected %s, got %s",
                         fac__shape_text(dense + 1, expected),
                         fac__shape_text(values->ndim, values->sizes));
    return 0;
}

/* PyTorch checks only when asked, and reads and writes what it should not otherwise. */
static int check_places(const fac_tensor *indices, fac_ints size) {
    if (indices->device.type != FAC_CPU)
        return 0;
    const int64_t *p = (const int64_t *)(const void *)indices->data;
    for (int64_t d = 0; d < indices->sizes[0]; d++)
        for (int64_t k = 0; k < indices->sizes[1]; k++) {
            int64_t i = p[d * indices->strides[0] + k * indices->strides[1]];
            if (i < 0)
                return fac__fail(FAC_ERROR_RUNTIME, "found negative index %lld for dim %lld",
                                 (long long)i, (long long)d);
            if (i >= size.values[d])
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "size is inconsistent with indices: for dim %lld, size is %lld "
                                 "but found index %lld",
                                 (long long)d, (long long)size.values[d], (long long)i);
        }
    return 0;
}

COMPOSITE(sparse_coo_tensor) {
    out[0] = fac_bad;
    if (check_parts(a->indices, a->values, a->size) != 0)
        return;
    fac_tensor *indices = fac__cast(a->indices, FAC_INT64);
    if (indices != NULL && check_places(indices, a->size) == 0) {
        bool distinct =
            a->is_coalesced != FAC_UNSET ? a->is_coalesced == FAC_TRUE : indices->sizes[1] < 2;
        give(out, fac__coo_new(indices, a->values, a->size, distinct));
    }
    fac__release(indices);
}

/* --- looking -----------------------------------------------------------------------------------
 */

static void part(fac_tensor *t, const char *name, bool any, bool values, fac_tensor **out) {
    const struct fac__coo *c = fac__coo_of(t, name);
    out[0] = fac_bad;
    if (c == NULL)
        return;
    if (!any && !c->coalesced)
        fac__fail(FAC_ERROR_RUNTIME,
                  "Cannot get %s on an uncoalesced tensor, please call .coalesce() first", name);
    else
        give(out, fac__shallow_copy(values ? c->values : c->indices));
}

COMPOSITE(indices) {
    part(a->input, "indices", false, false, out);
}

COMPOSITE(values) {
    part(a->input, "values", false, true, out);
}

COMPOSITE(_indices) {
    part(a->input, "_indices", true, false, out);
}

/* The memory itself: writing to it writes the tensor. */
COMPOSITE(_values) {
    const struct fac__coo *c = fac__coo_of(a->input, "_values");
    out[0] = c == NULL ? fac_bad : fac__scope_adopt(fac__retain(c->values));
}

/* --- places as one number ----------------------------------------------------------------------
 */

/* Row-major positions over the first n sizes, (nnz). */
static fac_tensor *positions(const struct fac__coo *c, const int64_t *sizes) {
    int64_t n = c->indices->sizes[0];
    fac_tensor *p =
        fac_zeros(fac_dims(c->indices->sizes[1]), .dtype = FAC_INT64, .device = c->indices->device);
    for (int64_t d = 0; d < n; d++)
        p = fac_add(fac_mul(p, sizes[d]), fac_select(c->indices, 0, d));
    return p;
}

static fac_tensor *places_of(fac_tensor *p, int64_t n, const int64_t *sizes) {
    fac_tensor *rows[FAC_MAX_DIMS];
    if (n == 0)
        return fac_empty(fac_dims(0, p->sizes[0]), .dtype = FAC_INT64, .device = p->device);
    for (int64_t d = n - 1; d >= 0; d--) {
        rows[d] = fac_remainder(p, sizes[d]);
        p = fac_floor_divide(p, sizes[d]);
    }
    return fac_stack(((fac_tensors){rows, (int)n}));
}

COMPOSITE(coalesce) {
    fac_tensor *t = a->input, *found[3];
    const struct fac__coo *c = fac__coo_of(t, "coalesce");
    out[0] = c == NULL ? fac_bad : t;
    if (c == NULL || c->coalesced)
        return;
    out[0] = fac_bad;
    fac_tensor *p = positions(c, t->sizes);
    if (fac__is_bad(p) || fac__unique2(p, found, .return_inverse = true) != 0)
        return;
    int64_t sizes[FAC_MAX_DIMS + 1];
    memcpy(sizes, c->values->sizes, sizeof *sizes * (size_t)c->values->ndim);
    sizes[0] = found[0]->sizes[0];
    fac_tensor *sums = fac_zeros(((fac_ints){sizes, c->values->ndim, true}),
                                 .dtype = (fac_dtype)t->dtype, .device = t->device);
    sums = fac_index_add_(sums, 0, found[1], c->values);
    fac_tensor *places = places_of(found[0], c->indices->sizes[0], t->sizes);
    give(out, fac__coo_new(places, sums, (fac_ints){t->sizes, t->ndim, true}, true));
}

/* --- strided tensors at sparse places ----------------------------------------------------------
 */

/* t with its sparse dimensions as one. */
static fac_tensor *flat(fac_tensor *t, int64_t n) {
    int64_t sizes[FAC_MAX_DIMS + 1];
    sizes[0] = 1;
    for (int64_t d = 0; d < n; d++)
        sizes[0] *= t->sizes[d];
    for (int d = (int)n; d < t->ndim; d++)
        sizes[d - n + 1] = t->sizes[d];
    return fac_reshape(t, ((fac_ints){sizes, t->ndim - (int)n + 1, true}));
}

fac_tensor *fac__coo_gather(fac_tensor *t, const struct fac__coo *where) {
    return fac_index_select(flat(t, where->indices->sizes[0]), 0, positions(where, t->sizes));
}

int fac__coo_scatter(fac_tensor *t, const struct fac__coo *where, fac_scalar alpha) {
    fac_tensor *values = where->values;
    if (values->dtype != t->dtype)
        values = fac__to_copy(values, .dtype = (fac_dtype)t->dtype);
    fac_tensor *p = positions(where, t->sizes);
    if (fac__is_contig(t)) {
        fac_tensor *to = flat(t, where->indices->sizes[0]);
        return fac__is_bad(fac_index_add_(to, 0, p, values, .alpha = alpha)) ? -1 : 0;
    }
    fac_tensor *all = fac_contiguous(t);
    fac_tensor *sum =
        fac_index_add(flat(all, where->indices->sizes[0]), 0, p, values, .alpha = alpha);
    fac_tensor *back = fac_reshape(sum, ((fac_ints){t->sizes, t->ndim, true}));
    return fac__is_bad(back) || fac__copy_into(t, back) != 0 ? -1 : 0;
}

COMPOSITE(to_dense) {
    fac_tensor *t = a->input;
    out[0] = t;
    if (t->layout != FAC_SPARSE_COO)
        return;
    fac_tensor *r = fac_zeros(((fac_ints){t->sizes, t->ndim, true}), .dtype = (fac_dtype)t->dtype,
                              .device = t->device);
    bool ok = !fac__is_bad(r) && fac__coo_scatter(r, t->payload, fac_int(1)) == 0;
    out[0] = ok ? r : fac_bad;
}

COMPOSITE(to_sparse) {
    fac_tensor *t = a->input;
    int64_t n = a->sparse_dim.given ? a->sparse_dim.value : t->ndim;
    out[0] = t;
    if (t->layout == FAC_SPARSE_COO)
        return;
    out[0] = fac_bad;
    if (t->device.type == FAC_META) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                  "to_sparse: where elements lie depends on data, which the meta device lacks");
        return;
    }
    if (n > t->ndim || n < 0 || (n == 0 && t->ndim > 0)) {
        fac__fail(
            FAC_ERROR_RUNTIME,
            "dense_to_sparse: sparse_dim argument must be in [%d,%d] range, but %lld is given",
            n > t->ndim ? 0 : t->ndim > 0, t->ndim, (long long)n);
        return;
    }
    fac_tensor *there = fac_ne(t, 0);
    while (!fac__is_bad(there) && there->ndim > n)
        there = fac_any(there, .dim = fac_dims(-1));
    fac_tensor *places = n == 0 ? fac_zeros(fac_dims(fac__is_bad(there) ? 0 : 1, 0))
                                : fac_contiguous(fac_t(fac_nonzero(there)));
    if (n == 0)
        places = fac_empty(fac_dims(0, 1), .dtype = FAC_INT64);
    if (fac__is_bad(places))
        return;
    struct fac__coo where = {places, NULL, true};
    fac_tensor *values = n == 0 ? fac_reshape(t, fac_dims(1)) : fac__coo_gather(t, &where);
    give(out, fac__coo_new(places, values, (fac_ints){t->sizes, t->ndim, true}, true));
}

COMPOSITE(sparse_mask) {
    const struct fac__coo *c = fac__coo_of(a->mask, "sparse_mask");
    fac_tensor *t = a->input;
    out[0] = fac_bad;
    if (c == NULL)
        return;
    if (t->ndim != a->mask->ndim ||
        memcmp(t->sizes, a->mask->sizes, sizeof *t->sizes * (size_t)t->ndim) != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "sparse_mask(): operands have incompatible sizes; self has size %s but mask has "
                  "size %s",
                  fac__shape_text(t->ndim, t->sizes),
                  fac__shape_text(a->mask->ndim, a->mask->sizes));
        return;
    }
    if (t->layout == FAC_SPARSE_COO)
        t = fac_to_dense(t);
    if (!fac__is_bad(t))
        give(out, fac__coo_new(c->indices, fac__coo_gather(t, c),
                               (fac_ints){t->sizes, t->ndim, true}, c->coalesced));
}
