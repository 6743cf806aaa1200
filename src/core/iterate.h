/* The strided iterator: walks up to FAC__ITER_ARGS operands of one broadcast shape, coalesced,
 * reordered and split for threads. The recipe is that of PyTorch's TensorIterator. */
#ifndef FAC_ITERATE_H
#define FAC_ITERATE_H

#include "core.h"

enum { FAC__ITER_ARGS = 6 };

typedef struct {
    int nargs;
    int ndim; /* after coalescing; dimension 0 is innermost */
    int64_t numel;
    char *data[FAC__ITER_ARGS];
    int64_t shape[FAC_MAX_DIMS];
    ptrdiff_t strides[FAC_MAX_DIMS][FAC__ITER_ARGS]; /* bytes */
} fac__iter;

/* Broadcasts b's sizes into shape (which holds *ndim sizes so far); -1 sets PyTorch's error. */
int fac__broadcast(int *ndim, int64_t *shape, int b_ndim, const int64_t *b_sizes);

/* The operands' strides over `shape`, in bytes, dimension 0 innermost; then reorders dimensions by
 * stride and coalesces. A NULL tensor is a number at data[i], of stride 0. */
void fac__iter_build(fac__iter *it, int nargs, fac_tensor *const *operands, int ndim,
                     const int64_t *shape);

/* Calls loop over all elements, in pieces of at least `grain`, in parallel. */
int fac__iter_run(const fac__iter *it, fac__loop *loop, const void *ctx, int64_t grain);

/* The same, but one piece after another in this thread, over [begin, end). `step` is a loop with
 * state: it may fail. */
typedef int fac__iter_step(void *state, char **data, const ptrdiff_t *strides, ptrdiff_t n0,
                           ptrdiff_t n1);
int fac__iter_range(const fac__iter *it, int64_t begin, int64_t end, fac__iter_step *step,
                    void *state);

/* The strides PyTorch's iterator gives a new result of `shape`: dense, in the order of dimensions
 * that the operands, NULL a number, agree on. */
void fac__result_strides(int nargs, fac_tensor *const *operands, int ndim, const int64_t *shape,
                         int64_t *strides);
/* Those of a copy that preserves t's format, which empty_like() and clone() make: t's own where it
 * is dense, otherwise dense in the same order. */
void fac__like_strides(const fac_tensor *t, int64_t *strides);

/* 0 no overlap between elements, 1 some elements share memory, 2 hard to tell. */
int fac__self_overlap(const fac_tensor *t);
/* 0 none, 1 the same elements, 2 partial, 3 hard to tell. */
int fac__overlap(const fac_tensor *a, const fac_tensor *b);
/* -1 with PyTorch's error where writing `out` while reading `in` would read written elements. */
int fac__check_no_overlap(const fac_tensor *out, const fac_tensor *in);
int fac__fail_overlap(void);
int fac__check_writable(const fac_tensor *out);

#endif
