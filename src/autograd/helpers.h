/* Small pieces that gradient functions share; results are borrowed from the open scope. */
#ifndef FAC_AUTOGRAD_HELPERS_H
#define FAC_AUTOGRAD_HELPERS_H

#include "autograd.h"

/* g summed over the dimensions that broadcasting `sizes` to g's shape added or stretched. */
fac_tensor *fac__sum_to(fac_tensor *g, int ndim, const int64_t *sizes);
fac_tensor *fac__to(fac_tensor *t, fac_dtype dtype);
/* The conjugate of a complex tensor, t itself otherwise; numbers likewise. */
fac_tensor *fac__conj_of(fac_tensor *t);
fac_value fac__conj_value(fac_value v);
fac_scalar fac__conj_number(fac_scalar s);
/* A reduced gradient with its lost dimensions back, as size 1. */
fac_tensor *fac__restore_dims(fac_tensor *g, const fac_tensor *input, fac_ints dim, bool keepdim);
/* The gradient of as_strided: g summed into the places of `base` that `view` looked at. Both give
 * geometry alone. Overlapping elements add up. */
fac_tensor *fac__as_strided_backward(fac_tensor *g, const fac_tensor *base, const fac_tensor *view);
/* The sizes of a tensor (or shell) as an argument. */
static inline fac_ints fac__sizes_of(const fac_tensor *t) {
    return (fac_ints){t->sizes, t->ndim, true};
}

#endif
