/* Kernels that only move elements: they call the core's copy and fill, whose loops are this
 * device's casts. */
#include "../core/core.h"
#include "../gen/ops.h"

static int clone(const void *args, fac_tensor **out) {
    return fac__copy_into(out[0], ((const struct fac__clone_args *)args)->input);
}

static int to_copy(const void *args, fac_tensor **out) {
    return fac__copy_into(out[0], ((const struct fac___to_copy_args *)args)->input);
}

static int copy(const void *args, fac_tensor **out) {
    return fac__copy_into(out[0], ((const struct fac__copy_args *)args)->other);
}

static int zero(const void *args, fac_tensor **out) {
    (void)args;
    return fac__fill_into(out[0], fac_int(0));
}

static int fill(const void *args, fac_tensor **out) {
    const struct fac__fill_args *a = args;
    fac_tensor *value = a->value.tensor;
    if (value == NULL)
        return fac__fill_into(out[0], a->value.number);
    if (value->ndim != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "fill_ only supports 0-dimension value tensor but got tensor with %d "
                         "dimensions.",
                         value->ndim);
    /* a tensor's element is converted as copy_() does, where a number must fit */
    static const int64_t still[FAC_MAX_DIMS];
    value = fac__alias(value, out[0]->ndim, out[0]->sizes, still, value->offset);
    int r = value == NULL ? -1 : fac__copy_into(out[0], value);
    fac__release(value);
    return r;
}

static const fac__kernel_row rows[] = {{"clone", clone}, {"_to_copy", to_copy}, {"copy", copy},
                                       {"zero", zero},   {"fill", fill},        {0}};
const fac__family fac__family_move = {NULL, rows};
