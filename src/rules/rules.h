/* What rules share. */
#ifndef FAC_RULES_H
#define FAC_RULES_H

#include "../core/core.h"
#include "../core/iterate.h"
#include "../gen/ops.h"

fac__exec_fn fac__rule_update, fac__rule_overwrite; /* create.c; other rules end with them */
/* Expanded tensors, too, with PyTorch's warning; the example is one of indexing. */
int fac__rule_update_expanded(const fac__op *op, void *args, fac__outs *outs, const char *example);
int fac__warn_expanded(const fac__op *op, const fac_tensor *out, const char *example);
/* Fills in one -1 of a wanted shape and checks the count. */
int fac__infer_size(fac_ints want, int64_t numel, int64_t *sizes);
/* Sizes and strides of the diagonals of two dimensions, in last place; the number of dimensions or
 * -1. Adds to the offset. */
int fac__diagonal_of(const fac_tensor *t, int64_t offset, int64_t dim1, int64_t dim2,
                     int64_t *sizes, int64_t *strides, int64_t *at);
/* Strides of t viewed as `sizes`; false where that needs a copy. */
bool fac__view_strides(const fac_tensor *t, int ndim, const int64_t *sizes, int64_t *strides);

/* Numbers fresh from a caller may be anything. What gets too large for int64 becomes its greatest
 * number, which no tensor has as a size: what makes outputs refuses it. */
static inline int64_t fac__most_sum(int64_t a, int64_t b) {
    int64_t r;
    return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
}
static inline int64_t fac__most_product(int64_t a, int64_t b) {
    int64_t r;
    return __builtin_mul_overflow(a, b, &r) ? INT64_MAX : r;
}
/* -1 where one of the windows' kernel sizes, strides, paddings, dilations is beyond int: places in
 * windows are computed from them in int64. */
int fac__check_windows_fit(const fac_ints *lists, int n);

#endif
