/* Indexing by way of other ops. */
#include "../rules/rules.h"

#include <facula/ops.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)
#define COMPOSITE_LIST(op) fac_tensors fac__composite_##op(const struct fac__##op##_args *a)

COMPOSITE(take_along_dim) {
    fac_tensor *x = a->input, *index = a->indices;
    out[0] = fac_bad;
    if (index->dtype != FAC_INT64) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.take_along_dim(): dtype of indices should be Long but got %s",
                  fac__scalar_type_name((fac_dtype)index->dtype));
        return;
    }
    int64_t along = a->dim.given ? 0 : x->numel;
    if (a->dim.given && x->ndim > 0) {
        int wrapped = fac__wrap_dim(a->dim.value, x->ndim);
        if (wrapped < 0)
            return;
        along = x->sizes[wrapped];
    }
    index = fac_where(fac_lt(index, 0), fac_add(index, along), index);
    if (fac__is_bad(index))
        return;
    if (!a->dim.given) {
        out[0] = fac_gather(fac_reshape(x, fac_dims(-1)), 0, fac_reshape(index, fac_dims(-1)));
        return;
    }
    if (x->ndim != index->ndim) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "torch.take_along_dim(): input and indices should have the same number of "
                  "dimensions, but got %d dimensions for input, and %d dimensions for indices",
                  x->ndim, index->ndim);
        return;
    }
    int d = fac__wrap_dim(a->dim.value, x->ndim), n = x->ndim, m = x->ndim;
    if (d < 0)
        return;
    int64_t shape[FAC_MAX_DIMS], own[FAC_MAX_DIMS], theirs[FAC_MAX_DIMS];
    for (int k = 0; k < x->ndim; k++) {
        own[k] = k == d ? 1 : x->sizes[k];
        shape[k] = k == d ? 1 : index->sizes[k];
    }
    if (fac__broadcast(&n, shape, m, own) != 0)
        return;
    for (int k = 0; k < n; k++) {
        own[k] = k == d ? x->sizes[k] : shape[k];
        theirs[k] = k == d ? index->sizes[k] : shape[k];
    }
    out[0] = fac_gather(fac_expand(x, ((fac_ints){own, n, true})), d,
                        fac_expand(index, ((fac_ints){theirs, n, true})));
}

/* The coordinates of what is not zero, one tensor a dimension. */
static fac_tensors coordinates(fac_tensor *t) {
    if (t->ndim == 0)
        t = fac_unsqueeze(t, 0);
    return fac_unbind(fac_nonzero(t), .dim = fac_some(1).value);
}

COMPOSITE_LIST(nonzero_numpy) {
    return coordinates(a->input);
}
COMPOSITE_LIST(where_condition) {
    return coordinates(a->condition);
}

COMPOSITE(argwhere) {
    out[0] = fac_nonzero(a->input);
}
