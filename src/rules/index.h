/* Advanced indexing worked out: which dimensions are picked from, by what, and the result's shape.
 */
#ifndef FAC_RULES_INDEX_H
#define FAC_RULES_INDEX_H

#include "../core/core.h"

/* The result's dimensions are those before `first`, the points' (the shape that the index tensors
 * broadcast to), and the rest of the input's that are not picked from. */
struct fac__picks {
    int n;                           /* index tensors, masks counted as one a dimension */
    fac_tensor *index[FAC_MAX_DIMS]; /* counted, int32 or int64 */
    int dim[FAC_MAX_DIMS];           /* of the input */
    bool masked; /* a mask is among them: sizes are not known before it is read */
    int point_ndim;
    int64_t point_sizes[FAC_MAX_DIMS];
    int first;
    int ndim;
    int64_t sizes[FAC_MAX_DIMS];
};

/* Reads the masks only where `read`; the shape is unknown while masked and not read. -1: error,
 * nothing to drop. */
int fac__picks_make(struct fac__picks *p, fac_tensor *input, fac_tensors indices, bool read);
void fac__picks_drop(struct fac__picks *p);

/* Strides of the result of reading `input` (PyTorch's: its order of dimensions is kept). */
void fac__picks_strides(const struct fac__picks *p, const fac_tensor *input, int64_t *strides);
/* Strides over the result's dimensions of `t`, which has them, or of the input's dimensions that
 * remain, with 0 for the points'. */
void fac__picks_rest(const struct fac__picks *p, const fac_tensor *input, int64_t *strides);

#endif
