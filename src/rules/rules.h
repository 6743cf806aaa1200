/* What rules share. */
#ifndef FAC_RULES_H
#define FAC_RULES_H

#include "../core/core.h"
#include "../core/iterate.h"
#include "../gen/ops.h"

/* Fills in one -1 of a wanted shape and checks the count. */
int fac__infer_size(fac_ints want, int64_t numel, int64_t *sizes);
/* Strides of t viewed as `sizes`; false where that needs a copy. */
bool fac__view_strides(const fac_tensor *t, int ndim, const int64_t *sizes, int64_t *strides);

#endif
