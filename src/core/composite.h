/* Running a composite: a scope around a function that calls other ops. */
#ifndef FAC_COMPOSITE_H
#define FAC_COMPOSITE_H

#include "core.h"

/* Fills out[] with results borrowed from the open scope. */
typedef void fac__composite_fn(const void *args, fac_tensor **out);
/* Those that return a list return it so; NULL values: failed. */
typedef fac_tensors fac__composite_list_fn(const void *args);
int fac__run_composite(const fac__op *op, fac__composite_fn *f, const void *args, fac__outs *outs);
int fac__run_composite_list(const fac__op *op, fac__composite_list_fn *f, const void *args,
                            fac__outs *outs);

/* -1: no way to reduce a loss has this number. */
int fac__check_reduction(int64_t reduction);

#endif
