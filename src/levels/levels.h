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

/* --- vmap and forward-mode duals --------------------------------------------------------------
 *
 * Note [Levels]: each vmap and each forward-mode pass that is entered is a level with a number of
 * its own; inner ones have higher numbers. A tensor says itself which levels it takes part in: a
 * batched one wraps, as its payload, a value with one dimension more; a dual carries a tangent in
 * its autograd record. An op goes to the highest level among its arguments, which does its part on
 * arguments that know lower levels only. What a level calls runs with `limit` at its number. */

enum fac__interp_kind { FAC__INTERP_VMAP, FAC__INTERP_DUAL };
enum fac__randomness { FAC__RANDOM_ERROR, FAC__RANDOM_SAME, FAC__RANDOM_DIFFERENT };

typedef struct {
    uint64_t level;
    int64_t size; /* of the batch */
    uint8_t kind;
    uint8_t randomness;
} fac__interp;

uint64_t fac__level_enter(enum fac__interp_kind kind, int64_t size, enum fac__randomness r);
void fac__level_exit(void);
const fac__interp *fac__level_find(uint64_t level); /* NULL: not active */
const fac__interp *fac__level_innermost(enum fac__interp_kind kind);
int fac__level_count(void);
const fac__interp *fac__level_at(int i); /* from the outermost */

/* Sets the limits for what a level calls; gives back the old ones. */
typedef struct {
    uint64_t limit; /* random ops belong to a vmap below this */
    uint64_t hide;  /* tangents of this level and above are not looked at */
} fac__limits;
fac__limits fac__set_limits(fac__limits l);
fac__limits fac__get_limits(void);

/* The highest level that any of the tensors takes part in; NULL: none. */
const fac__interp *fac__level_of(fac_tensor *const *tensors, int n);

/* From the gate. 1: no level takes the op. */
int fac__interpret(const fac__op *op, void *args, fac__outs *outs);
/* Whether a list of names, with spaces around each, has this one. */
bool fac__names(const char *list, const char *name);
/* Whether vmap has a rule for a random composite as a whole. */
bool fac__vmap_draws(const fac__op *op);
int fac__vmap_call(const fac__interp *level, const fac__op *op, void *args, fac__outs *outs);
int fac__dual_call(const fac__interp *level, const fac__op *op, void *args, fac__outs *outs);

struct fac__batch {
    fac_tensor *value; /* counted */
    int dim;
    uint64_t level;
};

const struct fac__batch *fac__batch_of(const fac_tensor *t); /* NULL: not batched */
/* A new tensor around value, which is taken; NULL: error. */
fac_tensor *fac__batched(fac_tensor *value, int dim, uint64_t level);
/* The innermost value of a batched tensor: memory, and what requires grad. */
fac_tensor *fac__bottom(fac_tensor *t);

/* The value of t at this level, the batch first, with batches of higher levels around it as
 * before; NULL without error: t is not batched there. Borrowed from the open scope. */
fac_tensor *fac__unbatch(fac_tensor *t, uint64_t level);
/* The other way round: dimension `dim` becomes the batch of this level. Borrowed. */
fac_tensor *fac__batch_at(fac_tensor *t, int dim, uint64_t level);
/* A copy of t in each element of the batches that `like` is in; t itself where it is in none. */
fac_tensor *fac__batch_like(fac_tensor *like, fac_tensor *t);
/* t, made part of every active vmap. Borrowed. */
fac_tensor *fac__batch_everywhere(fac_tensor *t);

fac_tensor *fac__tangent(const fac_tensor *t, uint64_t level);            /* borrowed; NULL: none */
int fac__set_tangent(fac_tensor *t, uint64_t level, fac_tensor *tangent); /* retains */
void fac__tangents_free(void *list);

/* Reverse mode through levels: what fac__run_backward does where a tensor takes part in one. */
bool fac__any_level(const fac__backward_args *a);
int fac__levels_backward(const fac__backward_args *a, fac_tensor **results);
/* t without its way to the leaves `own`, where those are all that it leads to. New reference. */
fac_tensor *fac__sever(fac_tensor *t, fac_tensor *const *own, int n);

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
