/* Forward mode: a dual is a tensor that carries a tangent for each active level.
 *
 * The tangent of a result: linear ops apply themselves to the tangents; sums and products are
 * written out; every other op uses that its gradient g(w) = J^T w is linear in w, so that
 * differentiating <g(w), t> by w gives J t ("double backward trick", J. Townsend, 2017). So no op
 * needs a forward formula of its own. */
#include "levels.h"

#include "../autograd/helpers.h"
#include "../core/alloc.h"
#include "../gen/ops.h"
#include <facula/autograd.h>
#include <facula/ops.h>

#include <string.h>

/* --- tangents -----------------------------------------------------------------------------------
 */

struct tangent {
    struct tangent *next;
    uint64_t level;
    fac_tensor *value; /* counted */
};

void fac__tangents_free(void *list) {
    for (struct tangent *t = list; t != NULL;) {
        struct tangent *next = t->next;
        fac__release(t->value);
        fac__object_free(t, sizeof *t);
        t = next;
    }
}

fac_tensor *fac__tangent(const fac_tensor *t, uint64_t level) {
    if (!(t->features & FAC__DUAL) || t->autograd == NULL)
        return NULL;
    for (struct tangent *i = t->autograd->tangent; i != NULL; i = i->next)
        if (i->level == level)
            return i->value;
    return NULL;
}

int fac__set_tangent(fac_tensor *t, uint64_t level, fac_tensor *tangent) {
    struct fac__autograd *a = fac__autograd_of(t);
    if (a == NULL)
        return -1;
    struct tangent **at = (struct tangent **)&a->tangent;
    while (*at != NULL) { /* those of levels that have ended go */
        struct tangent *i = *at;
        if (i->level == level || fac__level_find(i->level) == NULL) {
            *at = i->next;
            fac__release(i->value);
            fac__object_free(i, sizeof *i);
        } else {
            at = &i->next;
        }
    }
    if (tangent == NULL)
        return 0;
    struct tangent *new = fac__object_alloc(sizeof *new);
    if (new == NULL)
        return -1;
    *new = (struct tangent){a->tangent, level, fac__retain(tangent)};
    a->tangent = new;
    t->features |= FAC__DUAL;
    return 0;
}

/* --- one call -----------------------------------------------------------------------------------
 */

struct dual {
    uint64_t level;
    const fac__op *op;
    char *args; /* a copy */
    fac__outs *outs;
    fac_tensor *result[8]; /* tangents of the results, borrowed; NULL: none */
};

struct slots {
    fac_tensor **slot[96];
    fac_tensor *tangent[96];
    int n;
    uint64_t level;
};

static int collect(void *ctx, fac_tensor **slot) {
    struct slots *s = ctx;
    if (s->n == (int)(sizeof s->slot / sizeof s->slot[0]))
        return fac__fail(FAC_ERROR_RUNTIME, "forward mode: too many tensors in one call");
    s->slot[s->n] = slot;
    s->tangent[s->n++] = fac__tangent(*slot, s->level);
    return 0;
}

/* Linear in all their differentiable tensors together. */
static bool is_linear(const fac__op *op) {
    static const char list[] =
        " sum mean neg clone _to_copy positive contiguous cat stack flip roll cumsum repeat tril "
        "triu conj_physical sum_to select_backward slice_backward diag trace ";
    return (op->flags & FAC__OP_VIEW) || fac__names(list, op->name);
}

/* The tangent t of x laid out as x is, which as_strided counts on. */
static fac_tensor *laid_out(struct dual *d, fac_tensor *x, fac_tensor *t) {
    struct fac__as_strided_args *a = (void *)d->args;
    int64_t span = x->numel > 0, at = a->storage_offset.given ? a->storage_offset.value : x->offset;
    bool same = t->offset == x->offset, overlaps = false;
    for (int i = 0; i < x->ndim; i++) {
        same = same && (t->strides[i] == x->strides[i] || x->sizes[i] == 1);
        overlaps = overlaps || (x->strides[i] == 0 && x->sizes[i] > 1);
        span += span > 0 ? (x->sizes[i] - 1) * x->strides[i] : 0;
    }
    if (same || overlaps)
        return t;
    fac_tensor *like =
        fac_as_strided(fac__new_zeros(t, fac_dims(span)), ((fac_ints){x->sizes, x->ndim, true}),
                       ((fac_ints){x->strides, x->ndim, true}));
    if (fac__is_bad(fac_copy_(like, t)) || fac__set_tangent(x, d->level, like) != 0)
        return fac_bad;
    a->storage_offset = fac_some(at - x->offset + like->offset);
    return like;
}

/* The op on tangents; missing ones are zeros. */
static int by_itself(struct dual *d, struct slots *s) {
    for (int i = 0; i < s->n; i++) {
        fac_tensor *t = s->tangent[i];
        if (t == NULL)
            t = fac_zeros_like(*s->slot[i]);
        else if (d->op == &fac__op_as_strided)
            t = laid_out(d, *s->slot[i], t);
        if (fac__is_bad(t))
            return -1;
        *s->slot[i] = t;
    }
    fac__outs o;
    fac__outs_init(&o, d->op->nout);
    if (fac__call(d->op, d->args, &o) != 0)
        return -1;
    int r = 0;
    for (int i = 0; i < o.n; i++) {
        if (o.v[i] != NULL && i < d->outs->n && d->outs->v[i] != NULL && r == 0)
            r = fac__set_tangent(d->outs->v[i], d->level, o.v[i]);
        fac__release(o.v[i]);
    }
    fac__outs_done(&o);
    return r;
}

static fac_tensor *like_result(const struct dual *d, fac_tensor *t) {
    const fac_tensor *out = d->outs->v[0];
    if (t->ndim == out->ndim &&
        memcmp(t->sizes, out->sizes, sizeof(int64_t) * (size_t)t->ndim) == 0)
        return fac__to(t, (fac_dtype)out->dtype);
    return fac__to(fac_expand(t, ((fac_ints){out->sizes, out->ndim, true})), (fac_dtype)out->dtype);
}

static fac_tensor *plus(fac_tensor *a, fac_tensor *b) {
    return a == NULL ? b : b == NULL ? a : fac_add(a, b);
}

/* Binary operators begin alike: two values. */
static fac_tensor *tangent_in(const struct slots *s, const fac_value *v) {
    for (int i = 0; v->tensor != NULL && i < s->n; i++)
        if (*s->slot[i] == v->tensor && s->slot[i] == (fac_tensor **)(uintptr_t)&v->tensor)
            return s->tangent[i];
    return NULL;
}

static int sums_and_products(struct dual *d, const struct slots *s, bool *done) {
    const struct fac__add_args *a = (const void *)d->args;
    fac_tensor *r = NULL;
    *done = true;
    if (d->op == &fac__op_add || d->op == &fac__op_sub) {
        fac_tensor *x = tangent_in(s, &a->input), *y = tangent_in(s, &a->other);
        if (y != NULL && !(a->alpha.kind == FAC_INT64 && a->alpha.as.i == 1))
            y = fac_mul(y, a->alpha);
        if (y != NULL && d->op == &fac__op_sub)
            y = fac_neg(y);
        r = plus(x, y);
    } else if (d->op == &fac__op_mul) {
        fac_tensor *x = tangent_in(s, &a->input), *y = tangent_in(s, &a->other);
        r = plus(x == NULL ? NULL : fac_mul_ex(&(fac_value){.tensor = x}, &a->other),
                 y == NULL ? NULL : fac_mul_ex(&a->input, &(fac_value){.tensor = y}));
    } else if (d->op == &fac__op_mm || d->op == &fac__op_bmm) {
        const struct fac__mm_args *m = (const void *)d->args;
        r = plus(s->tangent[0] == NULL ? NULL : fac_matmul(s->tangent[0], m->mat2),
                 s->tangent[1] == NULL ? NULL : fac_matmul(m->input, s->tangent[1]));
    } else {
        *done = false;
        return 0;
    }
    if (r == NULL)
        return 0;
    if (fac__is_bad(r))
        return -1;
    d->result[0] = like_result(d, r);
    return fac__is_bad(d->result[0]) ? -1 : 0;
}

/* --- by the gradient of the gradient ------------------------------------------------------------
 */

enum { MAX_EDGES = 96 };

struct edges {
    fac_tensor *input[MAX_EDGES], *tangent[MAX_EDGES];
    uint8_t needs[MAX_EDGES];
    int n;
};

static int edges_of(const struct dual *d, const struct slots *s, struct edges *e) {
    const fac__op *op = d->op;
    e->n = 0;
    for (int i = 0; i < op->nsaves; i++) {
        for (int k = 0; k < op->nparams; k++) {
            const fac__param *p = &op->params[k];
            if (p->tensor_index != op->saves[i].tensor_index)
                continue;
            char *field = d->args + p->offset;
            fac_tensors *l = (fac_tensors *)(void *)field;
            int n = p->type == FAC__T_TENSORS ? l->n : 1;
            if (e->n + n > MAX_EDGES)
                return fac__fail(FAC_ERROR_RUNTIME, "forward mode: too many tensors in one call");
            for (int j = 0; j < n; j++) {
                fac_tensor **slot = p->type == FAC__T_TENSORS
                                        ? (fac_tensor **)(uintptr_t)&l->values[j]
                                        : (fac_tensor **)(void *)field;
                e->input[e->n] = *slot;
                e->tangent[e->n] = NULL;
                for (int q = 0; q < s->n; q++)
                    if (s->slot[q] == slot)
                        e->tangent[e->n] = s->tangent[q];
                e->needs[e->n] = e->tangent[e->n] != NULL;
                e->n++;
            }
        }
    }
    return 0;
}

/* A zero like t that gradients are asked for; whatever batches t has, it has. Where t carries
 * tangents of outer levels, they may be batched though t is not: then it has every batch. */
static fac_tensor *probe(fac_tensor *t) {
    fac_tensor *w = fac_zeros_like(t);
    if (!fac__is_bad(w) && (t->features & FAC__DUAL))
        w = fac__batch_everywhere(w);
    if (!fac__is_bad(w) && !fac_set_requires_grad(fac__bottom(w), true))
        return fac_bad;
    return w;
}

static int by_gradients(struct dual *d, const struct slots *s) {
    struct edges e;
    fac_tensor *w[8] = {NULL}, *g[MAX_EDGES] = {NULL}, *from[MAX_EDGES], *seed[MAX_EDGES];
    fac_tensor *probes[8], *r[8];
    int which[8], nw = 0, ng = 0, n = d->outs->n < 8 ? d->outs->n : 8;
    if (d->op->vjp == NULL || d->outs->n > 8)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "Trying to use forward AD with %s that does not support it because it has "
                         "not been implemented yet.",
                         d->op->python);
    if (edges_of(d, s, &e) != 0)
        return -1;
    bool grad_mode = fac__tls.grad_mode;
    fac__tls.grad_mode = true;
    int result = -1;
    for (int i = 0; i < n; i++) {
        fac_tensor *out = d->outs->v[i];
        if (out == NULL)
            continue;
        bool smooth =
            !(d->op->nondiff_outputs & (1u << i)) &&
            (fac__is_float((fac_dtype)out->dtype) || fac__is_complex((fac_dtype)out->dtype));
        w[i] = smooth ? probe(out) : fac_zeros_like(out);
        if (fac__is_bad(w[i]))
            goto done;
        if (smooth) {
            which[nw] = i;
            probes[nw++] = w[i];
        }
    }
    fac_node node = {.op = d->op, .nedges = (uint32_t)e.n, .noutputs = (uint32_t)n};
    struct fac__vjp v = {&node, d->args, w, d->outs->v, g, e.needs};
    d->op->vjp(&v);
    for (int i = 0; i < e.n; i++) {
        if (e.tangent[i] == NULL || g[i] == NULL)
            continue;
        fac_tensor *x = e.input[i];
        fac_tensor *fit = fac__is_bad(g[i])
                              ? fac_bad
                              : fac__to(fac__sum_to(g[i], x->ndim, x->sizes), (fac_dtype)x->dtype);
        if (fac__is_bad(fit))
            goto done;
        if (!fac_requires_grad(fac__bottom(fit)))
            continue; /* a gradient of zero */
        from[ng] = fit;
        seed[ng++] = e.tangent[i];
    }
    result = 0;
    if (ng > 0) {
        fac__backward_args b = {.outputs = from,
                                .gradients = seed,
                                .noutputs = ng,
                                .inputs = probes,
                                .ninputs = nw,
                                .retain_graph = grad_mode,
                                .create_graph = grad_mode,
                                .allow_unused = true};
        memset(r, 0, sizeof r);
        result = fac__run_backward(&b, r);
        for (int i = 0; result == 0 && i < nw; i++)
            d->result[which[i]] = r[i] == NULL ? NULL : fac__scope_adopt(r[i]);
    }
done:
    fac__tls.grad_mode = grad_mode;
    return result;
}

/* --- putting it together ------------------------------------------------------------------------
 */

/* A tangent written into a view of a tensor that has none: the base gets zeros, the view the same
 * region of them. */
static int into_view(struct dual *d, fac_tensor *out, fac_tensor *t) {
    fac_tensor *base = out->autograd->base, *all = fac__tangent(base, d->level);
    if (fac__batch_of(out) != NULL || !(base->features & FAC__DENSE))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "forward mode: %s_ writes a tangent into a view of a batched or "
                         "overlapping tensor that has none",
                         d->op->python);
    if (all == NULL) {
        /* in every vmap that the tangent is in */
        all = fac__batch_of(t) == NULL || !fac__is_contig(base)
                  ? fac_zeros_like(base)
                  : fac__new_zeros(t, (fac_ints){base->sizes, base->ndim, true});
        if (fac__is_bad(all) || fac__set_tangent(base, d->level, all) != 0)
            return -1;
    }
    int64_t offset = out->offset - base->offset + all->offset;
    fac_tensor *at = fac_as_strided(all, ((fac_ints){out->sizes, out->ndim, true}),
                                    ((fac_ints){out->strides, out->ndim, true}),
                                    .storage_offset = fac_some(offset));
    return fac__is_bad(fac_copy_(at, t)) ? -1 : fac__set_tangent(out, d->level, at);
}

/* In place, the tangent is written in place as well, so that views share it as they share memory.
 */
static int attach(struct dual *d) {
    fac__outs *outs = d->outs;
    for (int i = 0; i < outs->n && i < 8; i++) {
        fac_tensor *out = outs->v[i], *t = d->result[i];
        if (out == NULL)
            continue;
        fac_tensor *old = fac__tangent(out, d->level);
        if (outs->how == FAC__CALL_INPLACE && old != NULL) {
            if (fac__is_bad(t == NULL ? fac_zero_(old) : fac_copy_(old, t)))
                return -1;
        } else if (t != NULL) {
            if (outs->how == FAC__CALL_INPLACE && (out->features & FAC__VIEW)) {
                if (into_view(d, out, t) != 0)
                    return -1;
                continue;
            }
            if (outs->how == FAC__CALL_INPLACE)
                t = fac_clone(t);
            if (fac__is_bad(t) || fac__set_tangent(out, d->level, t) != 0)
                return -1;
        }
    }
    return 0;
}

static int tangents(struct dual *d) {
    struct slots s = {.level = d->level};
    bool done = false, any = false;
    if (fac__each_tensor(d->op, d->args, collect, &s) != 0)
        return -1;
    for (int i = 0; i < s.n; i++)
        any |= s.tangent[i] != NULL;
    if (!any || d->op->flags & (FAC__OP_NO_GRAD | FAC__OP_NUMBER))
        return d->outs->how == FAC__CALL_INPLACE ? attach(d) : 0;
    if (d->op == &fac__op_detach)
        return 0;
    if (is_linear(d->op) && d->outs->how == FAC__CALL_NEW)
        return by_itself(d, &s);
    if (sums_and_products(d, &s, &done) != 0 || (!done && by_gradients(d, &s) != 0))
        return -1;
    return attach(d);
}

/* What an in-place op overwrites, kept for the tangent's formula. */
static int keep_first(struct dual *d) {
    if (d->op->ntensors == 0)
        return 0;
    fac_tensor **first = (fac_tensor **)(void *)(d->args + d->op->tensor_offsets[0]);
    if (*first == NULL)
        return 0;
    fac_tensor *tangent = fac__tangent(*first, d->level), *copy = fac_clone(*first);
    if (fac__is_bad(copy))
        return -1;
    *first = copy;
    if (tangent == NULL)
        return 0;
    tangent = fac_clone(tangent);
    return fac__is_bad(tangent) ? -1 : fac__set_tangent(copy, d->level, tangent);
}

int fac__dual_call(const fac__interp *level, const fac__op *op, void *args, fac__outs *outs) {
    if (outs->how == FAC__CALL_OUT)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "%s(): functions with out=... arguments don't support forward AD",
                         op->python);
    fac__args_copy copy;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    if (fac__args_copy_init(&copy, op, args) != 0) {
        fac_scope_close(scope);
        return -1;
    }
    struct dual d = {.level = level->level, .op = op, .args = copy.args, .outs = outs};
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){level->level, level->level});
    int r = outs->how == FAC__CALL_INPLACE ? keep_first(&d) : 0;
    if (r == 0)
        r = fac__call(op, args, outs);
    if (r == 0 && (r = tangents(&d)) != 0)
        fac__outs_clear(outs);
    fac__set_limits(old);
    fac__args_copy_done(&copy);
    fac_scope_close(scope);
    return r;
}
