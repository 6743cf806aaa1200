/* Interpretation levels between an op's caller and autograd: autocast, vmap, forward-mode duals. */
#ifndef FAC_LEVELS_H
#define FAC_LEVELS_H

#include "../autograd/autograd.h"
#include "../core/core.h"

/* --- autocast -------------------------------------------------------------------------------- */

typedef struct {
    bool enabled; /* for the CPU */
    bool cache;   /* keep casts of parameters until the outermost context ends */
    fac_dtype dtype;
    int nesting;
} fac__autocast_state;

fac__autocast_state *fac__autocast(void); /* this thread's */
void fac__autocast_enable(bool on);
void fac__autocast_clear_cache(void);

/* --- argument structs, changed on the way ---------------------------------------------------- */

/* A copy of an argument struct whose tensors can be exchanged. */
typedef struct {
    _Alignas(16) char args[512];
    fac_tensor **lists;
    fac_tensor *small[32];
} fac__args_copy;

int fac__args_copy_init(fac__args_copy *c, const fac__op *op, const void *args);
void fac__args_copy_done(fac__args_copy *c);

/* Calls fn with the address of each tensor argument that is given; -1 from it ends the walk. */
typedef int fac__each_fn(void *ctx, fac_tensor **slot);
int fac__each_tensor(const fac__op *op, void *args, fac__each_fn *fn, void *ctx);

#endif
