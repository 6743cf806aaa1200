/* vmap: an op on batched tensors as an op on their values.
 *
 * Pointwise ops align their operands' dimensions behind the batch; ops that take a dimension get
 * the next one; products become batched products; the few others of views are written out. What
 * has no rule runs once for each element of the batch, with the results stacked. */
#include "levels.h"

#include "../gen/ops.h"
#include "../rules/rules.h"
#include <facula/ops.h>

#include <stdlib.h>
#include <string.h>

struct operand {
    fac_tensor **slot;
    fac_tensor *logical;
    fac_tensor *value; /* the batch first; NULL: not batched */
};

struct batch {
    const fac__interp *level;
    const fac__op *op;
    char *args; /* a copy, with its slots free to change */
    fac__outs *outs;
    struct operand *v;
    int n, room;
};

/* --- operands -----------------------------------------------------------------------------------
 */

static int collect(void *ctx, fac_tensor **slot) {
    struct batch *b = ctx;
    if (b->n == b->room)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: too many tensors under vmap", b->op->name);
    struct operand *o = &b->v[b->n++];
    *o = (struct operand){slot, *slot, fac__unbatch(*slot, b->level->level)};
    return o->value != NULL && fac__is_bad(o->value) ? -1 : 0;
}

/* t, with dimensions of size one after the batch until it has `rank` others. */
static fac_tensor *aligned(fac_tensor *t, int rank) {
    while (!fac__is_bad(t) && t->ndim - 1 < rank)
        t = fac_unsqueeze(t, 1);
    return t;
}

static fac_tensor *with_batch(const struct batch *b, const struct operand *o) {
    if (o->value != NULL)
        return o->value;
    int64_t sizes[FAC_MAX_DIMS];
    fac_tensor *t = o->logical;
    if (t->ndim >= FAC_MAX_DIMS)
        return fac_bad;
    sizes[0] = b->level->size;
    memcpy(sizes + 1, t->sizes, sizeof *sizes * (size_t)t->ndim);
    return fac_expand(fac_unsqueeze(t, 0), ((fac_ints){sizes, t->ndim + 1, true}));
}

/* --- running ------------------------------------------------------------------------------------
 */

static int no_number(void) {
    return fac__fail(FAC_ERROR_RUNTIME,
                     "vmap: It looks like you're calling .item() on a Tensor. We don't support "
                     "vmap over calling .item() on a Tensor, please try to rewrite what you're "
                     "doing with other operations. If error is occurring somewhere inside PyTorch "
                     "internals, please file a bug report.");
}

static int give(const struct batch *b, fac_tensor *result) {
    if (fac__is_bad(result))
        return -1;
    b->outs->v[0] = fac__batched(fac__retain(result), 0, b->level->level);
    return b->outs->v[0] == NULL ? -1 : 0;
}

/* Calls the op on the changed arguments: results have the batch first. */
static int run(const struct batch *b) {
    if (b->op->flags & FAC__OP_NUMBER)
        return no_number();
    fac__outs o;
    fac__outs_init(&o, b->op->nout);
    o.how = b->outs->how;
    if (o.how == FAC__CALL_INPLACE) {
        memset(o.given, 0, sizeof o.given);
        o.given[0] = *b->v[0].slot;
    }
    if (fac__call(b->op, b->args, &o) != 0)
        return -1;
    int r = b->op->flags & FAC__OP_LIST ? fac__outs_resize(b->outs, o.n) : 0;
    for (int i = 0; i < o.n; i++) {
        if (r != 0 || o.how == FAC__CALL_INPLACE || o.v[i] == NULL) {
            fac__release(o.v[i]);
            continue;
        }
        b->outs->v[i] = fac__batched(o.v[i], 0, b->level->level);
        if (b->outs->v[i] == NULL)
            r = -1;
    }
    fac__outs_done(&o);
    if (r == 0 && o.how == FAC__CALL_INPLACE)
        b->outs->v[0] = fac__retain(b->outs->given[0]);
    return r;
}

/* --- pointwise ----------------------------------------------------------------------------------
 */

/* Behind a batch, zero-dim tensors no longer promote as such: they are converted beforehand. */
static int promote(struct batch *b) {
    bool zero = false;
    fac__promotion p = {0};
    const fac__op *op = b->op;
    if (op->dtypes == FAC__D_SELF || op->dtypes == FAC__D_BOOL)
        return 0;
    int first = op->dtypes == FAC__D_COND ? 1 : 0;
    for (int i = first; i < b->n; i++) {
        fac__promote_add(&p, b->v[i].logical);
        zero |= b->v[i].value != NULL && b->v[i].logical->ndim == 0;
    }
    if (!zero || b->n - first < 1)
        return 0;
    for (int i = 0; i < op->nparams; i++)
        if (op->params[i].type == FAC__T_VALUE) {
            const fac_value *v = (const fac_value *)(void *)(b->args + op->params[i].offset);
            if (v->tensor == NULL && fac__given(v->number))
                fac__promote_number(&p, v->number);
        }
    fac_dtype d = fac__promoted(&p);
    for (int i = first; i < b->n; i++) {
        struct operand *o = &b->v[i];
        if (o->value == NULL || o->logical->ndim != 0 || o->value->dtype == d ||
            (i == 0 && b->outs->how == FAC__CALL_INPLACE))
            continue;
        o->value = fac__to_copy(o->value, .dtype = d);
        if (fac__is_bad(o->value))
            return -1;
    }
    return 0;
}

static int rule_pointwise(struct batch *b) {
    int rank = 0;
    for (int i = 0; i < b->n; i++)
        if (b->v[i].logical->ndim > rank)
            rank = b->v[i].logical->ndim;
    if (promote(b) != 0)
        return -1;
    for (int i = 0; i < b->n; i++)
        if (b->v[i].value != NULL) {
            bool self = i == 0 && b->outs->how == FAC__CALL_INPLACE;
            *b->v[i].slot = self ? b->v[i].value : aligned(b->v[i].value, rank);
            if (fac__is_bad(*b->v[i].slot))
                return -1;
        }
    return run(b);
}

/* --- one operand, as it is ----------------------------------------------------------------------
 */

static int rule_same(struct batch *b) {
    for (int i = 0; i < b->n; i++) {
        *b->v[i].slot = with_batch(b, &b->v[i]);
        if (fac__is_bad(*b->v[i].slot))
            return -1;
    }
    return run(b);
}

/* --- ops with dimensions ------------------------------------------------------------------------
 */

static int fallback(struct batch *b);

static bool is_dim(const fac__param *p) {
    static const char *const names[] = {"dim",  "dim0",      "dim1",   "dim2",
                                        "dims", "start_dim", "end_dim"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(p->name, names[i]) == 0)
            return true;
    return false;
}

static int next_dim(int64_t *dim, int rank) {
    int d = fac__wrap_dim(*dim, rank);
    *dim = d + 1;
    return d < 0 ? -1 : 0;
}

/* Every dimension counts from behind the batch; no dimensions at all are all but the batch. */
static int shift(struct batch *b, int rank, int64_t *room) {
    for (int i = 0; i < b->op->nparams; i++) {
        const fac__param *p = &b->op->params[i];
        void *field = b->args + p->offset;
        if (!is_dim(p))
            continue;
        if (p->type == FAC__T_INT) {
            if (next_dim(field, rank) != 0)
                return -1;
        } else if (p->type == FAC__T_OPT_INT) {
            fac_opt_int *v = field;
            if (!v->given)
                return 1;
            if (next_dim(&v->value, rank) != 0)
                return -1;
        } else if (p->type == FAC__T_INTS) {
            fac_ints *v = field;
            int n = v->n > 0 ? v->n : rank;
            if (n > FAC_MAX_DIMS)
                return fac__fail(FAC_ERROR_RUNTIME, "too many dimensions");
            for (int k = 0; k < n; k++) {
                room[k] = v->n > 0 ? v->values[k] : k;
                if (next_dim(&room[k], rank) != 0)
                    return -1;
            }
            *v = (fac_ints){room, n, true};
        }
    }
    return 0;
}

static int shifted(struct batch *b, int extra) {
    int64_t room[FAC_MAX_DIMS];
    int rank = b->v[0].logical->ndim;
    for (int i = 0; i < b->n; i++)
        if (b->v[i].logical->ndim != rank)
            return fallback(b);
    if (rank == 0 && extra == 0)
        return fallback(b);
    int r = shift(b, rank + extra, room);
    return r < 0 ? -1 : r > 0 ? fallback(b) : rule_same(b);
}

static int rule_shift(struct batch *b) {
    return shifted(b, 0);
}

static int rule_shift_new(struct batch *b) {
    return shifted(b, 1);
}

/* --- views --------------------------------------------------------------------------------------
 */

static const fac__param *ints_param(const fac__op *op) {
    for (int i = 0; i < op->nparams; i++)
        if (op->params[i].type == FAC__T_INTS)
            return &op->params[i];
    return NULL;
}

static int rule_sizes(struct batch *b) {
    int64_t sizes[FAC_MAX_DIMS + 1];
    fac_ints *v = (fac_ints *)(void *)(b->args + ints_param(b->op)->offset);
    if (v->n >= FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "too many dimensions");
    sizes[0] = b->level->size;
    if (v->n > 0)
        memcpy(sizes + 1, v->values, sizeof *sizes * (size_t)v->n);
    *v = (fac_ints){sizes, v->n + 1, true};
    if (strcmp(b->op->python, "expand") == 0)
        b->v[0].value = aligned(b->v[0].value, v->n - 1);
    return rule_same(b);
}

static int rule_permute(struct batch *b) {
    int64_t order[FAC_MAX_DIMS + 1];
    fac_ints *v = (fac_ints *)(void *)(b->args + ints_param(b->op)->offset);
    int rank = b->v[0].logical->ndim;
    if (v->n != rank)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "permute: the tensor has %d dimensions, the order names %d", rank, v->n);
    order[0] = 0;
    for (int i = 0; i < rank; i++) {
        order[i + 1] = v->values[i];
        if (next_dim(&order[i + 1], rank) != 0)
            return -1;
    }
    *v = (fac_ints){order, rank + 1, true};
    return rule_same(b);
}

static int rule_t(struct batch *b) {
    fac_tensor *t = b->v[0].value;
    if (t->ndim > 3)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "t() expects a tensor with <= 2 dimensions, but self "
                         "is %dD",
                         t->ndim - 1);
    static const int64_t order[] = {0, 2, 1};
    return give(b, t->ndim < 3 ? fac_alias(t) : fac_permute(t, ((fac_ints){order, 3, true})));
}

static int rule_trace(struct batch *b) {
    fac_tensor *t = b->v[0].value;
    if (t->ndim != 3)
        return fac__fail(FAC_ERROR_RUNTIME, "trace: expected a matrix, but got tensor with dim %d",
                         t->ndim - 1);
    fac_tensor *diagonals = fac_diagonal(t, .dim1 = 1, .dim2 = fac_some(2));
    return give(b, fac_sum(diagonals, .dim = fac_dims(1)));
}

static int rule_squeeze(struct batch *b) {
    fac_tensor *t = b->v[0].value;
    for (int i = t->ndim - 1; i > 0 && !fac__is_bad(t); i--)
        if (t->sizes[i] == 1)
            t = fac_select(t, i, 0);
    return give(b, t == b->v[0].value ? fac_alias(t) : t);
}

/* Sizes and strides are meant for each element of the batch, offsets for its first. */
static int rule_as_strided(struct batch *b) {
    const struct fac__as_strided_args *a = (const void *)b->args;
    int64_t sizes[FAC_MAX_DIMS + 1], strides[FAC_MAX_DIMS + 1];
    fac_tensor *t = with_batch(b, &b->v[0]);
    int n = a->size.n;
    if (n >= FAC_MAX_DIMS || a->stride.n != n)
        return fac__fail(FAC_ERROR_RUNTIME, "mismatch in length of strides and shape");
    if (fac__is_bad(t))
        return -1;
    sizes[0] = t->sizes[0];
    strides[0] = t->strides[0];
    for (int i = 0; i < n; i++) {
        sizes[i + 1] = a->size.values[i];
        strides[i + 1] = a->stride.values[i];
    }
    return give(b, fac_as_strided(t, ((fac_ints){sizes, n + 1, true}),
                                  ((fac_ints){strides, n + 1, true}),
                                  .storage_offset = a->storage_offset));
}

/* --- products -----------------------------------------------------------------------------------
 */

static fac_tensor *value_of(const struct operand *o) {
    return o->value != NULL ? o->value : o->logical;
}

static fac_tensor *last(fac_tensor *t, int from_end) {
    return fac__is_bad(t) ? t : fac_select(t, t->ndim - from_end, 0);
}

/* The product of operands of logical rank one or more, batched or not. */
static fac_tensor *product(const struct operand *x, const struct operand *y) {
    fac_tensor *a = value_of(x), *b = value_of(y);
    int ra = x->logical->ndim, rb = y->logical->ndim;
    bool row = ra == 1, column = rb == 1;
    if (row) {
        a = fac_unsqueeze(a, -2);
        ra = 2;
    }
    if (column) {
        b = fac_unsqueeze(b, -1);
        rb = 2;
    }
    if (x->value != NULL)
        a = aligned(a, rb);
    if (y->value != NULL)
        b = aligned(b, ra);
    fac_tensor *r = fac_matmul(a, b);
    if (column)
        r = last(r, 1);
    if (row)
        r = last(r, column ? 1 : 2);
    return r;
}

static int check_ranks(const struct batch *b, int ra, int rb) {
    if (b->v[0].logical->ndim == ra && b->v[1].logical->ndim == rb)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "%s: expected tensors of %d and %d dimensions, got %d and %d", b->op->name, ra,
                     rb, b->v[0].logical->ndim, b->v[1].logical->ndim);
}

static int rule_product(struct batch *b) {
    const char *name = b->op->name;
    int ra = strcmp(name, "bmm") == 0 ? 3 : strcmp(name, "dot") == 0 ? 1 : 2;
    int rb = strcmp(name, "bmm") == 0 ? 3 : strcmp(name, "mm") == 0 ? 2 : 1;
    return check_ranks(b, ra, rb) != 0 ? -1 : give(b, product(&b->v[0], &b->v[1]));
}

static int rule_linear(struct batch *b) {
    struct operand *x = &b->v[0], *w = &b->v[1], *bias = b->n > 2 ? &b->v[2] : NULL;
    if (w->logical->ndim != 2)
        return fallback(b);
    struct operand wt = *w;
    wt.logical = fac_t(w->logical);
    if (w->value != NULL) {
        static const int64_t order[] = {0, 2, 1};
        wt.value = fac_permute(w->value, ((fac_ints){order, 3, true}));
    }
    if (fac__is_bad(wt.logical) || (wt.value != NULL && fac__is_bad(wt.value)))
        return -1;
    fac_tensor *r = product(x, &wt);
    if (bias != NULL && !fac__is_bad(r))
        r = fac_add(r, bias->value != NULL ? aligned(bias->value, r->ndim - 1) : bias->logical);
    return give(b, r);
}

static int rule_addmm(struct batch *b) {
    const struct fac__addmm_args *a = (const void *)b->args;
    fac_tensor *c = value_of(&b->v[0]), *r = product(&b->v[1], &b->v[2]);
    if (b->v[0].value != NULL && !fac__is_bad(r))
        c = aligned(c, b->v[1].logical->ndim);
    return give(b, fac_add(fac_mul(c, a->beta), fac_mul(r, a->alpha)));
}

/* --- once for each element ----------------------------------------------------------------------
 */

static fac_tensor *stack(fac_tensor *const *v, int64_t n, int64_t step) {
    fac_tensor **all = malloc(sizeof *all * (size_t)n);
    if (all == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for vmap");
        return fac_bad;
    }
    for (int64_t i = 0; i < n; i++)
        all[i] = v[i * step];
    fac_tensor *r = fac_stack(((fac_tensors){all, (int)n}));
    free(all);
    return r;
}

/* The op on element i of the batch; results in scope. Their number, or -1. */
static int run_element(const struct batch *b, int64_t i, fac_tensor **results, int room) {
    for (int k = 0; k < b->n; k++) {
        if (b->v[k].value == NULL)
            continue;
        *b->v[k].slot = fac_select(b->v[k].value, 0, i);
        if (fac__is_bad(*b->v[k].slot))
            return -1;
    }
    fac__outs o;
    fac__outs_init(&o, b->op->nout);
    o.how = b->outs->how;
    if (o.how == FAC__CALL_INPLACE) {
        memset(o.given, 0, sizeof o.given);
        o.given[0] = *b->v[0].slot;
    }
    if (fac__call(b->op, b->args, &o) != 0)
        return -1;
    int n = o.n;
    for (int k = 0; k < o.n; k++) {
        if (o.v[k] == NULL || k >= room)
            fac__release(o.v[k]);
        if (k < room)
            results[k] = o.v[k] == NULL ? NULL : fac__scope_adopt(o.v[k]);
    }
    fac__outs_done(&o);
    return n;
}

static int stack_results(const struct batch *b, fac_tensor **all, int n, int room) {
    if ((b->op->flags & FAC__OP_LIST) && fac__outs_resize(b->outs, n) != 0)
        return -1;
    for (int k = 0; k < n && k < room; k++) {
        if (all[k] == NULL)
            continue;
        fac_tensor *t = stack(all + k, b->level->size, room);
        if (fac__is_bad(t))
            return -1;
        b->outs->v[k] = fac__batched(fac__retain(t), 0, b->level->level);
        if (b->outs->v[k] == NULL)
            return -1;
    }
    return 0;
}

static int fallback(struct batch *b) {
    enum { ROOM = 64 };
    int64_t size = b->level->size;
    if (b->op->flags & FAC__OP_NUMBER)
        return no_number();
    if (size == 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "The fallback path does not support vmap over dims of size 0");
    fac_tensor **all = calloc((size_t)size * ROOM, sizeof *all);
    if (all == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for vmap");
    int r = 0, n = 0;
    for (int64_t i = 0; i < size && r == 0; i++) {
        int count = run_element(b, i, all + i * ROOM, ROOM);
        r = count < 0 ? -1 : 0;
        if (r == 0 && ((i > 0 && count != n) || count > ROOM))
            r = fac__fail(FAC_ERROR_RUNTIME,
                          "vmap: %s gives different numbers of results over the batch, or more "
                          "than %d",
                          b->op->name, ROOM);
        n = count;
    }
    if (r == 0 && b->outs->how == FAC__CALL_INPLACE)
        b->outs->v[0] = fac__retain(b->outs->given[0]);
    else if (r == 0)
        r = stack_results(b, all, n, ROOM);
    free(all);
    return r;
}

/* --- what has no rule ---------------------------------------------------------------------------
 */

/* Results whose sizes depend on values: each element of the batch would have its own. */
static int rule_dynamic(struct batch *b) {
    return fac__fail(FAC_ERROR_RUNTIME,
                     "vmap: We do not support batching operators that can output dynamic shape. "
                     "Attempted to vmap over aten::%s. Please file an issue at "
                     "https://github.com/pytorch/pytorch/issues if you need this feature.",
                     b->op->name);
}

static int rule_masked_select(struct batch *b) {
    if (b->v[1].value == NULL)
        return fallback(b);
    return fac__fail(FAC_ERROR_RUNTIME,
                     "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We "
                     "cannot support this because for each batch this would return a differently "
                     "shaped Tensor. Please file an issue at "
                     "https://github.com/pytorch/pytorch/issues if you need this feature.");
}

/* A mask of its own for each element takes a number, which fills, but no tensor of values. */
static int rule_index(struct batch *b) {
    bool put = b->op == &fac__op_index_put;
    int first = put ? 2 : 1;
    bool masked = false;
    for (int i = first; i < b->n; i++)
        masked |= b->v[i].value != NULL &&
                  (b->v[i].logical->dtype == FAC_BOOL || b->v[i].logical->dtype == FAC_UINT8);
    if (!masked || (put && b->v[1].logical->numel == 1))
        return fallback(b);
    return fac__fail(FAC_ERROR_RUNTIME,
                     "vmap: We do not support batching operators that can support dynamic shape. "
                     "Attempting to batch over indexing with a boolean mask.");
}

/* Statistics that all elements of the batch would write to. */
static int rule_batch_norm(struct batch *b) {
    const struct fac__native_batch_norm_args *a = (const void *)b->args;
    for (int i = 1; a->training && b->v[0].value != NULL && i < b->n; i++)
        if (b->v[i].value == NULL &&
            (b->v[i].logical == a->running_mean || b->v[i].logical == a->running_var))
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "Batch norm got a batched tensor as input while the running_mean or running_var, "
                "which will be updated in place, were not batched.\nIf you are using a module and "
                "do not need eval mode, please set `track_running_stats` to be False.If you are "
                "using a prebuilt module and do not need eval mode, please see the functorch "
                "website for resources on how to patch your module to work with vmap");
    return fallback(b);
}

/* --- random -------------------------------------------------------------------------------------
 */

static int random_error(const char *text) {
    return fac__fail(FAC_ERROR_RUNTIME, "%s", text);
}

static int refuse_same(void) {
    return random_error("Vmap does not currently support same randomness with a batched tensor "
                        "input. Please file an issue with functorch");
}

/* multinomial() knows batches of one dimension. */
static int draw_multinomial(struct batch *b) {
    struct fac__multinomial_args *a = (void *)b->args;
    fac_tensor *p = with_batch(b, &b->v[0]);
    if (fac__is_bad(p) || p->ndim < 3) {
        a->input = p;
        return fac__is_bad(p) ? -1 : run(b);
    }
    fac_ints sizes = {p->sizes, p->ndim, true};
    int64_t rows[3] = {p->sizes[0], p->sizes[1], a->num_samples};
    if (p->ndim > 3)
        return random_error("prob_dist must be 1 or 2 dim");
    fac_tensor *flat = fac_reshape(p, fac_dims(-1, sizes.values[2]));
    flat = fac_multinomial(flat, a->num_samples, .replacement = a->replacement,
                           .generator = a->generator);
    return give(b, fac_reshape(flat, ((fac_ints){rows, 3, true})));
}

/* One draw for the whole batch, in the order of memory. */
static int draw_different(struct batch *b) {
    const bool inplace = b->outs->how == FAC__CALL_INPLACE;
    if (inplace && b->v[0].value == NULL && b->n == 2 && b->v[1].value != NULL)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "vmap: inplace %s(self, *extra_args) is not possible because there exists a Tensor "
            "`other` in extra_args that has more elements than `self`. This happened due to "
            "`other` being vmapped over but `self` not being vmapped over in a vmap. Please try to "
            "use out-of-place operators instead of inplace %s. If said operator is being called "
            "inside the PyTorch framework, please file a bug report instead.",
            b->op->python, b->op->python);
    if (inplace && b->v[0].value == NULL)
        return random_error("vmap: Cannot ask for different inplace randomness on an unbatched "
                            "tensor. This will appear like same randomness. If this is necessary "
                            "for your usage, please file an issue with functorch.");
    const fac__param *size = ints_param(b->op);
    if (b->n == 0 && size != NULL && strcmp(size->name, "size") == 0)
        return rule_sizes(b);
    if (b->op == &fac__op_multinomial)
        return draw_multinomial(b);
    if (inplace ? b->n > 2 : b->n != 1)
        return fallback(b);
    *b->v[0].slot = with_batch(b, &b->v[0]);
    if (b->n == 2 && b->v[1].value != NULL)
        *b->v[1].slot = aligned(b->v[1].value, b->v[0].logical->ndim);
    for (int i = 0; i < b->n; i++)
        if (fac__is_bad(*b->v[i].slot))
            return -1;
    return run(b);
}

static int rule_random(struct batch *b) {
    bool any = false;
    for (int i = 0; i < b->n; i++)
        any |= b->v[i].value != NULL;
    if (b->level->randomness == FAC__RANDOM_ERROR)
        return random_error("vmap: called random operation while in randomness error mode. Please "
                            "either use the 'same' or 'different' randomness flags on vmap or "
                            "perform the randomness operation out of vmap");
    if (b->level->randomness == FAC__RANDOM_DIFFERENT)
        return draw_different(b);
    if (!any)
        return fac__call(b->op, b->args, b->outs);
    fac_tensor *drawn[1], *value = b->v[0].value;
    if (b->outs->how != FAC__CALL_INPLACE) {
        /* what does not depend on values is no longer batched */
        if (!fac__names(" rand_like randn_like randint_like randint_like_low ", b->op->name) &&
            (b->op->rule != fac__rule_overwrite || b->n != 1))
            return refuse_same();
        if (run_element(b, 0, drawn, 1) < 0)
            return -1;
        b->outs->v[0] = fac__retain(drawn[0]);
        return 0;
    }
    if (b->n != 1)
        return refuse_same();
    if (run_element(b, 0, drawn, 1) < 0 || fac__is_bad(fac_copy_(value, fac_select(value, 0, 0))))
        return -1;
    b->outs->v[0] = fac__retain(b->outs->given[0]);
    return 0;
}

bool fac__vmap_draws(const fac__op *op) {
    return op->ntensors == 0 ||
           fac__names(
               " rand_like randn_like randint_like randint_like_low bernoulli_p multinomial ",
               op->name);
}

/* --- which rule ---------------------------------------------------------------------------------
 */

typedef int rule_fn(struct batch *b);

static const struct {
    const char *names;
    rule_fn *rule;
} rules[] = {
    {" copy masked_fill fill ", rule_pointwise},
    {" clone _to_copy detach alias contiguous zero zeros_like ones_like empty_like full_like _conj "
     "conj_physical _neg_view view_as_real view_as_complex resolve_conj resolve_neg threshold ",
     rule_same},
    {" sum mean prod amax amin any all std var logsumexp count_nonzero nansum softmax log_softmax "
     "_softmax _log_softmax _softmax_backward_data _log_softmax_backward_data cumsum cumprod "
     "logcumsumexp cummax cummin sort argsort topk kthvalue "
     "unbind select slice narrow transpose squeeze_dim squeeze_dims flip unflatten flatten argmax "
     "argmin max_dim min_dim median_dim split split_with_sizes chunk diagonal cat gather scatter "
     "scatter_value scatter_add vector_norm glu ",
     rule_shift},
    {" unsqueeze stack ", rule_shift_new},
    {" view reshape _unsafe_view expand ", rule_sizes},
    {" permute ", rule_permute},
    {" t ", rule_t},
    {" trace ", rule_trace},
    {" squeeze ", rule_squeeze},
    {" as_strided ", rule_as_strided},
    {" mm bmm mv dot ", rule_product},
    {" linear ", rule_linear},
    {" addmm ", rule_addmm},
    {" nonzero nonzero_numpy where_condition _unique2 unique_dim unique_consecutive ",
     rule_dynamic},
    {" masked_select ", rule_masked_select},
    {" index index_put ", rule_index},
    {" native_batch_norm ", rule_batch_norm},
};

static rule_fn *rule_of(const fac__op *op) {
    if (op->flags & FAC__OP_RANDOM)
        return rule_random;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (fac__names(rules[i].names, op->name))
            return rules[i].rule;
    return op->exec == fac__exec_pointwise ? rule_pointwise : fallback;
}

static int refuse_inplace(const struct batch *b) {
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "vmap: aten::%s_(self, *extra_args) is not possible because there exists a Tensor `other` "
        "in extra_args that has more elements than `self`. This happened due to `other` being "
        "vmapped over but `self` not being vmapped over in a vmap. Please try to use out-of-place "
        "operators instead of %s_. If said operator is being called inside the PyTorch framework, "
        "please file a bug report instead.",
        b->op->python, b->op->python);
}

int fac__vmap_call(const fac__interp *level, const fac__op *op, void *args, fac__outs *outs) {
    if (outs->how == FAC__CALL_OUT)
        return fac__fail(FAC_ERROR_RUNTIME, "vmap: %s(..., out=) is not implemented under vmap",
                         op->python);
    fac__args_copy copy;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    if (fac__args_copy_init(&copy, op, args) != 0) {
        fac_scope_close(scope);
        return -1;
    }
    int room = op->ntensors;
    for (int i = 0; i < op->nlists; i++)
        room += ((const fac_tensors *)(void *)(copy.args + op->list_offsets[i]))->n;
    struct operand few[16], *v = room <= 16 ? few : malloc(sizeof *v * (size_t)room);
    struct batch b = {level, op, copy.args, outs, v, 0, room};
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){level->level, old.hide});
    int r = v == NULL ? fac__fail(FAC_ERROR_MEMORY, "not enough memory for vmap")
                      : fac__each_tensor(op, copy.args, collect, &b);
    if (r == 0 && outs->how == FAC__CALL_INPLACE && !(op->flags & FAC__OP_RANDOM) &&
        (b.n == 0 || b.v[0].value == NULL))
        r = refuse_inplace(&b);
    if (r == 0)
        r = rule_of(op)(&b);
    fac__set_limits(old);
    if (v != few)
        free(v);
    if (r != 0)
        fac__outs_clear(outs);
    fac__args_copy_done(&copy);
    fac_scope_close(scope);
    return r;
}
