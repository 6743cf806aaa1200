/* Tensors of layout sparse_coo carry, as their payload, where their elements are and which.
 *
 * Elements that are not named are zero; a place that is named more than once holds the sum. The
 * first `sparse_dim` dimensions are named by the rows of `indices`, the others are those of
 * `values` behind its first. */
#ifndef FAC_SPARSE_COO_H
#define FAC_SPARSE_COO_H

#include "../core/core.h"

struct fac__coo {
    fac_tensor *indices; /* (sparse_dim, nnz), int64 */
    fac_tensor *values;  /* (nnz, *dense sizes) */
    bool coalesced;      /* places are sorted and distinct */
};

/* The payload, or NULL with the error set: "<op> expected sparse coordinate tensor layout". */
const struct fac__coo *fac__coo_of(const fac_tensor *t, const char *op);

/* A new tensor that counts both parts; nothing is checked. */
fac_tensor *fac__coo_new(fac_tensor *indices, fac_tensor *values, fac_ints size, bool coalesced);
/* In-place forms: t becomes what `from` is, but for its record. */
void fac__coo_become(fac_tensor *t, const fac_tensor *from);

/* Strided t at the places of `where`: (nnz, *dense sizes). Borrowed from the open scope. */
fac_tensor *fac__coo_gather(fac_tensor *t, const struct fac__coo *where);
/* t += alpha * what stands at the places of `where`, for strided t. */
int fac__coo_scatter(fac_tensor *t, const struct fac__coo *where, fac_scalar alpha);

/* What ops of strided tensors do with sparse ones; the gate's answer where an argument is. */
int fac__sparse_call(const fac__op *op, void *args, fac__outs *outs);

#endif
