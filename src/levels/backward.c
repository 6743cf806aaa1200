/* Reverse mode through levels.
 *
 * The graph is recorded beneath all levels, on plain values. So a gradient by a tensor that takes
 * part in levels is put together from gradients of what it is made of, from the highest level down:
 * batched tensors give way to their values, whose gradients are batched again; of duals, the
 * tangent of a gradient is the gradient of the tangent. Seeds that are batched where the outputs
 * are not stay so, and the engine runs on batched gradients. */
#include "levels.h"

#include "../gen/ops.h"
#include <facula/autograd.h>
#include <facula/ops.h>

#include <stdlib.h>
#include <string.h>

static bool takes_part(const fac_tensor *t) {
    return t != NULL && (t->features & (FAC__WRAPPED | FAC__DUAL)) != 0;
}

bool fac__any_level(const fac__backward_args *a) {
    if (fac__get_limits().hide == 0 || fac__level_count() == 0)
        return false;
    bool any = false;
    for (int i = 0; i < a->noutputs; i++)
        any |= takes_part(a->outputs[i]) || (a->gradients != NULL && takes_part(a->gradients[i]));
    for (int i = 0; i < a->ninputs; i++)
        any |= takes_part(a->inputs[i]);
    return any;
}

struct job {
    const fac__backward_args *options;
    fac_tensor **outputs, **seeds, **inputs;
    int noutputs, ninputs;
    bool retain;
};

/* results: borrowed, NULL for none. Only levels below `below` are looked at. */
static int descend(const struct job *j, int below, fac_tensor **results);

static int engine(const struct job *j, fac_tensor **results) {
    fac__backward_args a = {.outputs = j->outputs,
                            .gradients = j->seeds,
                            .noutputs = j->noutputs,
                            .inputs = j->inputs,
                            .ninputs = j->ninputs,
                            .retain_graph = j->retain,
                            .create_graph = j->options->create_graph,
                            .allow_unused = true};
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){old.limit, 0});
    for (int i = 0; i < j->ninputs; i++)
        results[i] = NULL;
    int r = j->noutputs == 0 ? 0 : fac__run_backward(&a, results);
    fac__set_limits(old);
    for (int i = 0; i < j->ninputs; i++)
        results[i] = r != 0 || results[i] == NULL ? NULL : fac__scope_adopt(results[i]);
    return r;
}

/* --- a level of vmap ----------------------------------------------------------------------------
 */

static fac_tensor *stretched(fac_tensor *t, int64_t n) {
    int64_t sizes[FAC_MAX_DIMS];
    if (t->ndim >= FAC_MAX_DIMS)
        return fac_bad;
    sizes[0] = n;
    memcpy(sizes + 1, t->sizes, sizeof *sizes * (size_t)t->ndim);
    return fac_expand(fac_unsqueeze(t, 0), ((fac_ints){sizes, t->ndim + 1, true}));
}

static int unbatch_outputs(struct job *j, const fac__interp *level) {
    for (int i = 0; i < j->noutputs; i++) {
        fac_tensor *v = fac__unbatch(j->outputs[i], level->level);
        fac_tensor *s = j->seeds[i] == NULL ? NULL : fac__unbatch(j->seeds[i], level->level);
        if (v == NULL)
            v = stretched(j->outputs[i], level->size);
        if (s == NULL)
            s = j->seeds[i] == NULL ? fac_ones_like(v) : stretched(j->seeds[i], level->size);
        if (fac__is_bad(v) || fac__is_bad(s))
            return -1;
        j->outputs[i] = v;
        j->seeds[i] = s;
    }
    return 0;
}

static int through_vmap(const struct job *j, const fac__interp *level, int below,
                        fac_tensor **results) {
    bool any = false;
    for (int i = 0; i < j->noutputs; i++)
        any |= fac__unbatch(j->outputs[i], level->level) != NULL;
    size_t n = (size_t)j->noutputs, m = (size_t)j->ninputs;
    fac_tensor **copy = calloc(2 * n + m + 1, sizeof *copy);
    int *dims = calloc(m + 1, sizeof *dims);
    int r = copy == NULL || dims == NULL
                ? fac__fail(FAC_ERROR_MEMORY, "not enough memory for backward")
                : 0;
    if (r == 0) {
        struct job inner = *j;
        inner.outputs = copy;
        inner.seeds = copy + n;
        inner.inputs = copy + 2 * n;
        memcpy(inner.outputs, j->outputs, n * sizeof *copy);
        memcpy(inner.seeds, j->seeds, n * sizeof *copy);
        for (size_t i = 0; i < m; i++) {
            const struct fac__batch *b = fac__batch_of(j->inputs[i]);
            bool here = b != NULL && b->level == level->level;
            inner.inputs[i] = here ? b->value : j->inputs[i];
            dims[i] = here ? b->dim : -1;
            if (any && !here)
                r = fac__fail(FAC_ERROR_RUNTIME,
                              "vmap: the gradient of a batched tensor by one that is not batched; "
                              "use func.grad or func.vjp within vmap");
        }
        if (r == 0 && any)
            r = unbatch_outputs(&inner, level);
        if (r == 0)
            r = descend(&inner, below, results);
    }
    for (size_t i = 0; r == 0 && i < m; i++)
        if (results[i] != NULL && dims[i] >= 0) {
            results[i] = fac__batch_at(results[i], dims[i], level->level);
            r = fac__is_bad(results[i]) ? -1 : 0;
        }
    free(copy);
    free(dims);
    return r;
}

/* --- a level of forward mode --------------------------------------------------------------------
 */

/* The tangent of t at a level, through batches of higher levels. */
static fac_tensor *tangent_of(fac_tensor *t, uint64_t level) {
    const struct fac__batch *b = fac__batch_of(t);
    if (b == NULL || b->level < level)
        return fac__tangent(t, level);
    fac_tensor *v = tangent_of(b->value, level);
    if (v == NULL || fac__is_bad(v))
        return v;
    fac_tensor *w = fac__batched(fac__retain(v), b->dim, b->level);
    return w == NULL ? fac_bad : fac__scope_adopt(w);
}

/* t with a tangent, beneath the batches of higher levels. */
static fac_tensor *with_tangent(fac_tensor *t, uint64_t level, fac_tensor *tangent) {
    const struct fac__batch *b = fac__batch_of(t);
    if (b != NULL && b->level > level) {
        fac_tensor *v = fac__unbatch(t, b->level), *tv = fac__unbatch(tangent, b->level);
        const fac__interp *l = fac__level_find(b->level);
        if (tv == NULL && l != NULL)
            tv = stretched(tangent, l->size);
        if (v == NULL || tv == NULL || fac__is_bad(v) || fac__is_bad(tv))
            return fac_bad;
        v = with_tangent(v, level, tv);
        fac_tensor *w = fac__is_bad(v) ? NULL : fac__batched(fac__retain(v), 0, b->level);
        return w == NULL ? fac_bad : fac__scope_adopt(w);
    }
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){old.limit, level});
    fac_tensor *r = fac_alias(t);
    fac__set_limits(old);
    return fac__is_bad(r) || fac__set_tangent(r, level, tangent) != 0 ? fac_bad : r;
}

static bool differentiable(fac_tensor *t) {
    bool any = fac_requires_grad(fac__bottom(t));
    for (int i = 0; i < fac__level_count() && !any; i++) {
        const fac__interp *l = fac__level_at(i);
        fac_tensor *u = l->kind == FAC__INTERP_DUAL ? tangent_of(t, l->level) : NULL;
        any = u != NULL && !fac__is_bad(u) && fac_requires_grad(fac__bottom(u));
    }
    return any;
}

static int tangent_job(const struct job *j, uint64_t level, struct job *t) {
    t->noutputs = 0;
    for (int i = 0; i < j->noutputs; i++) {
        fac_tensor *y = tangent_of(j->outputs[i], level);
        fac_tensor *w = j->seeds[i] == NULL ? NULL : tangent_of(j->seeds[i], level);
        if ((y != NULL && fac__is_bad(y)) || (w != NULL && fac__is_bad(w)))
            return -1;
        if (y != NULL && differentiable(y)) {
            t->outputs[t->noutputs] = y;
            t->seeds[t->noutputs++] = j->seeds[i];
        }
        if (w != NULL) {
            t->outputs[t->noutputs] = j->outputs[i];
            t->seeds[t->noutputs++] = w;
        }
    }
    return 0;
}

static int through_dual(const struct job *j, const fac__interp *level, int below,
                        fac_tensor **results) {
    size_t n = (size_t)j->noutputs, m = (size_t)j->ninputs;
    fac_tensor **copy = calloc(4 * n + m + 1, sizeof *copy);
    if (copy == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for backward");
    fac_tensor **tangents = copy + 4 * n;
    struct job first = *j, second = *j;
    second.outputs = copy;
    second.seeds = copy + 2 * n;
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){old.limit, level->level});
    int r = tangent_job(j, level->level, &second);
    first.retain |= second.noutputs > 0;
    if (r == 0)
        r = descend(&first, below, results);
    if (r == 0 && second.noutputs > 0)
        r = descend(&second, below, tangents);
    fac__set_limits(old);
    for (size_t i = 0; r == 0 && i < m; i++) {
        if (tangents[i] == NULL)
            continue;
        fac_tensor *g = results[i] == NULL ? fac_zeros_like(tangents[i]) : results[i];
        results[i] = fac__is_bad(g) ? fac_bad : with_tangent(g, level->level, tangents[i]);
        r = fac__is_bad(results[i]) ? -1 : 0;
    }
    free(copy);
    return r;
}

static int descend(const struct job *j, int below, fac_tensor **results) {
    if (below == 0)
        return engine(j, results);
    const fac__interp level = *fac__level_at(below - 1);
    if (level.kind == FAC__INTERP_DUAL && level.level >= fac__get_limits().hide)
        return descend(j, below - 1, results);
    return level.kind == FAC__INTERP_VMAP ? through_vmap(j, &level, below - 1, results)
                                          : through_dual(j, &level, below - 1, results);
}

int fac__levels_backward(const fac__backward_args *a, fac_tensor **results) {
    if (a->accumulate)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "backward() called inside a functorch transform. This is not supported, "
                         "please use functorch.grad or functorch.vjp instead or call backward() "
                         "outside of functorch transforms.");
    size_t n = (size_t)a->noutputs, m = (size_t)a->ninputs;
    fac_tensor **copy = calloc(2 * n + m + 1, sizeof *copy);
    fac_scope *scope = copy == NULL ? NULL : fac_scope_open();
    if (scope == NULL) {
        free(copy);
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for backward");
    }
    struct job j = {a, copy, copy + n, copy + 2 * n, a->noutputs, a->ninputs, a->retain_graph};
    memcpy(j.outputs, a->outputs, n * sizeof *copy);
    if (a->gradients != NULL)
        memcpy(j.seeds, a->gradients, n * sizeof *copy);
    memcpy(j.inputs, a->inputs, m * sizeof *copy);
    bool mode = fac__tls.grad_mode;
    fac__tls.grad_mode = true; /* what connects values of levels to each other is recorded */
    int r = descend(&j, fac__level_count(), results);
    fac__tls.grad_mode = mode;
    for (size_t i = 0; i < m; i++) {
        if (r == 0 && results[i] == NULL && !a->allow_unused)
            r = fac__fail(FAC_ERROR_RUNTIME,
                          "One of the differentiated Tensors appears to not have been used in the "
                          "graph. Set allow_unused=True if this is the desired behavior.");
        results[i] = r != 0 || results[i] == NULL ? NULL : fac__retain(results[i]);
    }
    if (r != 0)
        for (size_t i = 0; i < m; i++) {
            fac__release(results[i]);
            results[i] = NULL;
        }
    fac_scope_close(scope);
    free(copy);
    return r;
}

/* --- cutting a result off from a transform's own leaves -----------------------------------------
 */

struct seen {
    const fac_node **v;
    size_t n, room;
};

static bool add_node(struct seen *s, const fac_node *node) {
    if (s->n == s->room) {
        size_t room = s->room == 0 ? 64 : 2 * s->room;
        const fac_node **more = realloc(s->v, room * sizeof *more);
        if (more == NULL)
            return false;
        s->v = more;
        s->room = room;
    }
    s->v[s->n++] = node;
    return true;
}

static bool is_own(const fac_tensor *leaf, fac_tensor *const *own, int n) {
    for (int i = 0; i < n; i++)
        if (fac__bottom(own[i]) == leaf)
            return true;
    return false;
}

/* Whether the graph leads to a leaf that is not one of `own`. */
static bool leads_elsewhere(fac_node *root, fac_tensor *const *own, int n) {
    struct seen s = {0};
    size_t capacity = 1024, used = 0;
    const fac_node **set = calloc(capacity, sizeof *set);
    bool found = set == NULL || !add_node(&s, root);
    while (!found && s.n > 0) {
        const fac_node *node = s.v[--s.n];
        if (node->type == &fac__accumulate_type) {
            found = !is_own(node->variable, own, n);
            continue;
        }
        size_t at = ((uintptr_t)node >> 4) & (capacity - 1);
        while (set[at] != NULL && set[at] != node)
            at = (at + 1) & (capacity - 1);
        if (set[at] == node)
            continue;
        set[at] = node;
        if (++used * 2 > capacity) {
            const fac_node **more = calloc(capacity * 2, sizeof *more);
            found = more == NULL;
            for (size_t i = 0; more != NULL && i < capacity; i++) {
                if (set[i] == NULL)
                    continue;
                size_t to = ((uintptr_t)set[i] >> 4) & (capacity * 2 - 1);
                while (more[to] != NULL)
                    to = (to + 1) & (capacity * 2 - 1);
                more[to] = set[i];
            }
            if (more == NULL)
                break;
            free(set);
            set = more;
            capacity *= 2;
        }
        for (uint32_t i = 0; !found && i < node->nedges; i++)
            if (node->edges[i].node != NULL)
                found = !add_node(&s, node->edges[i].node);
    }
    free(s.v);
    free(set);
    return found;
}

static fac_tensor *plain_sever(fac_tensor *t, fac_tensor *const *own, int n) {
    fac__edge e;
    if (fac__gradient_edge(t, &e) != 0)
        return NULL;
    if (e.node == NULL)
        return fac__retain(t);
    bool elsewhere = n > 0 && leads_elsewhere(e.node, own, n);
    fac__node_release(e.node);
    if (elsewhere)
        return fac__retain(t);
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){old.limit, 0});
    fac_scope *scope = fac_scope_open();
    fac_tensor *d = scope == NULL ? fac_bad : fac_detach(t);
    d = fac__is_bad(d) ? NULL : fac__retain(d);
    fac_scope_close(scope);
    fac__set_limits(old);
    return d;
}

fac_tensor *fac__sever(fac_tensor *t, fac_tensor *const *own, int n) {
    const struct fac__batch *b = fac__batch_of(t);
    fac_tensor *r;
    if (b != NULL) {
        fac_tensor *v = fac__sever(b->value, own, n);
        if (v == b->value) {
            fac__release(v);
            r = fac__retain(t);
        } else {
            r = fac__batched(v, b->dim, b->level);
        }
    } else {
        r = plain_sever(t, own, n);
    }
    for (int i = 0; r != NULL && i < fac__level_count(); i++) {
        const fac__interp *l = fac__level_at(i);
        fac_tensor *u = l->kind == FAC__INTERP_DUAL ? fac__tangent(t, l->level) : NULL;
        if (u == NULL)
            continue;
        fac_tensor *v = fac__sever(u, own, n);
        if (v == NULL || (v != u || r != t ? fac__set_tangent(r, l->level, v) : 0) != 0) {
            fac__release(r);
            r = NULL;
        }
        fac__release(v);
    }
    return r;
}
