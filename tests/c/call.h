/* Calling an operator that is known by its descriptor alone. */
#ifndef FAC_TESTS_CALL_H
#define FAC_TESTS_CALL_H

#include "../../src/core/core.h"

/* As the C API calls it, for new results; whether that succeeded. */
static inline bool call_new(const fac__op *op, void *args) {
    fac_tensor *results[8];
    if (op->flags & FAC__OP_NUMBER)
        return fac__api_number(op, args).kind != FAC_DTYPE_NONE;
    if (op->flags & FAC__OP_LIST)
        return fac__api_list(op, args).values != fac__bad_list;
    if (op->nout != 1)
        return fac__api_multi(op, args, op->nout, results) == 0;
    return fac_ok(fac__api_call(op, args));
}

#endif
