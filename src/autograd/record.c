/* Recording: the autograd level of the gate, and the node type of all ops. */
#include "autograd.h"

#include "../core/alloc.h"
#include "../gen/ops.h"

#include <string.h>

/* --- backward of an op ----------------------------------------------------------------------- */

static void op_release_saved(fac_node *node) {
    for (uint32_t i = 0; i < node->nsaved; i++)
        fac__saved_release(&node->saved[i]);
    node->flags |= FAC__NODE_RELEASED;
}

/* Shells live in the argument copy itself. */
static void op_free(fac_node *node) {
    const fac__op *op = node->op;
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        if (p->tensor_index == 255)
            continue;
        char *field = (char *)node->args + p->offset;
        if (p->type == FAC__T_TENSORS) {
            fac_tensors *l = (fac_tensors *)(void *)field;
            for (int k = 0; k < l->n; k++)
                fac__release(l->values[k]);
        } else {
            fac__release(*(fac_tensor **)(void *)field);
        }
    }
}

/* A product's factor that is a number counts as a saved value: going back twice is an error. */
static bool saved_number(const fac_node *node) {
    const fac__op *op = node->op;
    const fac_value *y = &((const struct fac__mul_args *)node->args)->other;
    return (op == &fac__op_mul || op == &fac__op_div) && y->number.kind != FAC_DTYPE_NONE;
}

static int op_apply(fac_node *node, fac_tensor **grads, fac_tensor **inputs) {
    const fac__op *op = node->op;
    enum { MAX_ARGS = 512, MAX_SAVED = 72 };
    char args[MAX_ARGS];
    fac_tensor *held[MAX_SAVED], *outs[8] = {NULL}, *list[64];
    uint8_t needs[256];
    uint32_t nheld = 0;
    int r = -1;
    if (op->vjp == NULL)
        return fac__fail(FAC_ERROR_RUNTIME, "derivative for %s is not implemented",
                         op->overload[0] ? op->name : op->python);
    memcpy(args, node->args, op->args_size);
    uint8_t *need = needs;
    if (node->nedges > sizeof needs || node->nsaved > MAX_SAVED) {
        need = fac__alloc(node->nedges);
        if (need == NULL)
            return -1;
    }
    fac_tensor **hold = held, **lists = list;
    if (node->nsaved > MAX_SAVED || node->nsaved > 64) {
        hold = fac__alloc(sizeof(fac_tensor *) * node->nsaved * 2);
        if (hold == NULL)
            goto done;
        lists = hold + node->nsaved;
    }
    if ((node->flags & FAC__NODE_RELEASED) != 0 && saved_number(node)) {
        fac__released_error();
        goto done;
    }
    int filled = 0;
    for (uint32_t i = 0; i < node->nsaved; i++) {
        const fac__saved *s = &node->saved[i];
        fac_tensor *t = fac__unpack(s, node);
        if (t == NULL && (s->released || s->tensor != NULL || s->packed != NULL))
            goto done;
        hold[nheld++] = t;
        if (s->is_output) {
            outs[s->output_nr & 7] = t;
            continue;
        }
        char *field = args + op->params[s->slot].offset;
        if (op->params[s->slot].type == FAC__T_TENSORS) {
            if (s->list_index == 0) {
                ((fac_tensors *)(void *)field)->values = lists + filled;
            }
            lists[filled++] = t;
        } else {
            *(fac_tensor **)(void *)field = t;
        }
    }
    for (uint32_t i = 0; i < node->nedges; i++)
        need[i] = node->edges[i].node != NULL;
    struct fac__vjp v = {node, args, grads, outs, inputs, need};
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        goto done;
    op->vjp(&v);
    r = 0;
    for (uint32_t i = 0; i < node->nedges; i++) {
        if (fac__is_bad(inputs[i])) {
            inputs[i] = NULL;
            r = -1;
        }
        inputs[i] = fac__retain(inputs[i]);
    }
    fac_scope_close(scope);
done:
    for (uint32_t i = 0; i < nheld; i++)
        fac__release(hold[i]);
    if (hold != held && hold != NULL)
        fac__free(hold, sizeof(fac_tensor *) * node->nsaved * 2);
    if (need != needs)
        fac__free(need, node->nedges);
    return r;
}

static const fac__node_type op_type = {
    .name = NULL, .apply = op_apply, .release_saved = op_release_saved, .free = op_free};

/* --- making the node ------------------------------------------------------------------------- */

static fac_tensor *shell_of(const fac_tensor *t) {
    fac_tensor *s = fac__tensor_new(t->ndim);
    if (s == NULL)
        return NULL;
    s->dtype = t->dtype;
    s->device = t->device;
    s->layout = t->layout;
    s->numel = t->numel;
    s->offset = t->offset;
    s->features = FAC__SHELL | (t->features & (uint32_t)(FAC__CONTIGUOUS | FAC__DENSE));
    if (t->ndim > 0) {
        memcpy(s->sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
        memcpy(s->strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    }
    return s;
}

struct recording {
    const fac__op *op;
    void *args;
    uint32_t nedges, nsaved;
    uint32_t values, shapes, results; /* bits over tensor parameters and outputs */
    size_t extra;                     /* argument copy with its integers, lists and texts */
};

static const fac__param *tensor_param(const fac__op *op, uint8_t tensor_index) {
    for (int i = 0; i < op->nparams; i++)
        if (op->params[i].tensor_index == tensor_index)
            return &op->params[i];
    return NULL;
}

static bool wants_grad(const fac_tensor *t) {
    return t != NULL && fac__wants_grad(t);
}

/* What the needed gradients read. False: none is needed. */
static bool survey(struct recording *r) {
    bool any = false;
    for (int i = 0; i < r->op->nsaves; i++) {
        const fac__saves *s = &r->op->saves[i];
        const fac__param *p = tensor_param(r->op, s->tensor_index);
        const char *field = (const char *)r->args + p->offset;
        bool want = false;
        if (p->type == FAC__T_TENSORS) {
            const fac_tensors *l = (const fac_tensors *)(const void *)field;
            for (int k = 0; k < l->n; k++)
                want |= wants_grad(l->values[k]);
            r->nedges += (uint32_t)l->n;
        } else {
            want = wants_grad(*(fac_tensor *const *)(const void *)field);
            r->nedges++;
        }
        if (!want)
            continue;
        any = true;
        r->values |= s->values;
        r->shapes |= s->shapes;
        r->results |= s->results;
    }
    r->shapes &= ~r->values;
    return any;
}

static void measure(struct recording *r) {
    const fac__op *op = r->op;
    r->extra = (op->args_size + 15u) & ~15u;
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        const char *field = (const char *)r->args + p->offset;
        if (p->type == FAC__T_INTS) {
            r->extra += sizeof(int64_t) * (size_t)((const fac_ints *)(const void *)field)->n;
        } else if (p->type == FAC__T_TENSORS) {
            int n = ((const fac_tensors *)(const void *)field)->n;
            r->extra += sizeof(fac_tensor *) * (size_t)n;
            if (r->values & (1u << p->tensor_index))
                r->nsaved += (uint32_t)n;
        } else if (p->type == FAC__T_STR) {
            const char *s = *(const char *const *)(const void *)field;
            r->extra += s == NULL ? 0 : (strlen(s) + 8) & ~(size_t)7;
        } else if (p->tensor_index != 255 && (r->values & (1u << p->tensor_index))) {
            r->nsaved += *(fac_tensor *const *)(const void *)field != NULL;
        }
    }
    r->nsaved += (uint32_t)__builtin_popcount(r->results);
}

/* The argument struct with its arrays beside it; tensor fields cleared, shells where asked. */
static int copy_args(const struct recording *r, fac_node *node) {
    const fac__op *op = r->op;
    char *spare = (char *)node->args + ((op->args_size + 15u) & ~15u);
    memcpy(node->args, r->args, op->args_size);
    int result = 0;
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        char *field = (char *)node->args + p->offset;
        if (p->type == FAC__T_INTS) {
            fac_ints *v = (fac_ints *)(void *)field;
            size_t size = sizeof(int64_t) * (size_t)v->n;
            if (size > 0)
                memcpy(spare, v->values, size);
            v->values = (const int64_t *)(void *)spare;
            spare += size;
        } else if (p->type == FAC__T_STR) {
            const char **s = (const char **)(void *)field;
            if (*s != NULL) {
                size_t n = strlen(*s) + 1;
                memcpy(spare, *s, n);
                *s = spare;
                spare += (n + 7) & ~(size_t)7;
            }
        } else if (p->type == FAC__T_TENSORS) {
            fac_tensors *l = (fac_tensors *)(void *)field;
            fac_tensor **copy = (fac_tensor **)(void *)spare;
            spare += sizeof(fac_tensor *) * (size_t)l->n;
            for (int k = 0; k < l->n; k++) {
                bool shell = l->values[k] != NULL && r->shapes & (1u << p->tensor_index);
                copy[k] = shell ? shell_of(l->values[k]) : NULL;
                if (shell && copy[k] == NULL)
                    result = -1;
            }
            l->values = copy;
        } else if (p->tensor_index != 255) {
            fac_tensor **t = (fac_tensor **)(void *)field;
            bool shell = *t != NULL && r->shapes & (1u << p->tensor_index);
            *t = shell ? shell_of(*t) : NULL;
            if (shell && *t == NULL)
                result = -1;
        }
    }
    return result;
}

/* By an op where the dispatch level is watched. */
static fac_tensor *kept_copy(fac_tensor *t) {
    if (!(fac__tls.levels & FAC__L_DISPATCH))
        return fac__clone(t, FAC_PRESERVE_FORMAT);
    struct fac__clone_args args = {t, FAC_PRESERVE_FORMAT};
    fac__outs outs;
    fac__outs_init(&outs, 1);
    return fac__dispatch(&fac__op_clone, &args, &outs) == 0 ? outs.v[0] : NULL;
}

static int save_values(const struct recording *r, fac_node *node, uint32_t *at, bool inplace) {
    const fac__op *op = r->op;
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        if (p->tensor_index == 255 || !(r->values & (1u << p->tensor_index)))
            continue;
        const char *field = (const char *)r->args + p->offset;
        if (p->type == FAC__T_TENSORS) {
            const fac_tensors *l = (const fac_tensors *)(const void *)field;
            for (int k = 0; k < l->n; k++) {
                fac__saved *s = &node->saved[(*at)++];
                s->slot = (uint8_t)i;
                s->list_index = (uint8_t)(k > 255 ? 255 : k);
                if (fac__save(s, l->values[k], false, 0) != 0)
                    return -1;
            }
            continue;
        }
        fac_tensor *t = *(fac_tensor *const *)(const void *)field;
        if (t == NULL)
            continue;
        fac__saved *s = &node->saved[(*at)++];
        s->slot = (uint8_t)i;
        if (inplace && p->tensor_index == 0) {
            /* its memory is about to be overwritten */
            fac_tensor *copy = kept_copy(t);
            if (copy == NULL)
                return -1;
            fac__edge e;
            int saved = fac__gradient_edge(t, &e) != 0 ? -1
                        : e.node == NULL               ? 0
                                                       : fac__set_history(copy, e.node, e.nr);
            fac__node_release(e.node);
            if (saved == 0)
                saved = fac__save(s, copy, false, 0);
            fac__release(copy);
            if (saved != 0)
                return -1;
        } else if (fac__save(s, t, false, 0) != 0) {
            return -1;
        }
    }
    return 0;
}

static int set_edges(const struct recording *r, fac_node *node) {
    uint32_t at = 0;
    for (int i = 0; i < r->op->nsaves; i++) {
        const fac__param *p = tensor_param(r->op, r->op->saves[i].tensor_index);
        const char *field = (const char *)r->args + p->offset;
        if (p->type == FAC__T_TENSORS) {
            const fac_tensors *l = (const fac_tensors *)(const void *)field;
            for (int k = 0; k < l->n; k++)
                if (fac__gradient_edge(l->values[k], &node->edges[at++]) != 0)
                    return -1;
        } else {
            fac_tensor *t = *(fac_tensor *const *)(const void *)field;
            if (fac__gradient_edge(t, &node->edges[at++]) != 0)
                return -1;
        }
    }
    return 0;
}

static bool differentiable(const fac__op *op, const fac_tensor *t, int i) {
    if (t == NULL || (i < 32 && op->nondiff_outputs & (1u << i)))
        return false;
    return fac__is_float((fac_dtype)t->dtype) || fac__is_complex((fac_dtype)t->dtype);
}

static int join_outputs(const fac__op *op, fac__outs *outs, fac_node *node, fac_tensor *inplace) {
    for (int i = 0; i < outs->n; i++) {
        fac_tensor *t = outs->v[i];
        if (t != NULL && fac__meta_set(&node->outputs[i], t) != 0)
            return -1;
        if (!differentiable(op, t, i))
            continue;
        /* a view that only changes its own geometry leaves its base's history alone */
        bool rebase = inplace == t && !(op->flags & FAC__OP_VIEW);
        if (rebase ? fac__rebase_history(t, node) != 0
                   : fac__set_history(t, node, (uint32_t)i) != 0)
            return -1;
        if (inplace == t && !rebase && (t->features & FAC__VIEW))
            t->autograd->view_version = fac__version_value(t);
    }
    return 0;
}

static int save_results(const struct recording *r, const fac__outs *outs, fac_node *node,
                        uint32_t *at) {
    for (uint32_t i = 0; i < (uint32_t)outs->n && i < 32; i++) {
        if (!(r->results & (1u << i)))
            continue;
        fac__saved *s = &node->saved[(*at)++];
        s->slot = 255;
        if (fac__save(s, outs->v[i], true, i) != 0)
            return -1;
    }
    return 0;
}

static int make_node(struct recording *r, const fac__outs *outs, fac_node **result) {
    measure(r);
    fac_node *node = fac__node_new(&op_type, r->nedges, (uint32_t)(outs->n > 0 ? outs->n : 1),
                                   r->nsaved, r->extra);
    if (node == NULL)
        return -1;
    node->op = r->op;
    *result = node;
    for (uint32_t i = 0; i < node->nsaved; i++)
        node->saved[i].slot = 255;
    return copy_args(r, node);
}

static int run(const fac__op *op, void *args, fac__outs *outs) {
    if (fac__dispatch(op, args, outs) != 0)
        return -1;
    if (outs->how == FAC__CALL_INPLACE) {
        if (fac__write_back(op, outs) != 0 || fac__bump_version(outs->given[0]) != 0) {
            fac__outs_clear(outs);
            return -1;
        }
    }
    return 0;
}

static int record_views(const fac__op *op, void *args, fac__outs *outs) {
    fac_tensor *base = op->ntensors > 0 ? fac__arg_tensor(args, op->tensor_offsets[0]) : NULL;
    enum fac__creation how = fac__tls.inference                ? FAC__CREATED_INFERENCE
                             : !fac__tls.grad_mode             ? FAC__CREATED_NO_GRAD
                             : (op->flags & FAC__OP_LIST) != 0 ? FAC__CREATED_MULTI
                                                               : FAC__CREATED_NORMAL;
    for (int i = 0; i < outs->n; i++)
        if (outs->v[i] != NULL && outs->v[i] != base && outs->v[i]->storage == base->storage &&
            ((op->flags & FAC__OP_NO_GRAD) != 0 ? fac__share_version(base, outs->v[i])
                                                : fac__record_view(base, outs->v[i], how)) != 0)
            return -1;
    return 0;
}

/* Whether the argument itself came back, as from to_dense() of a dense tensor: it keeps its
 * history.
 */
static bool gives_back(const fac__op *op, const void *args, const fac__outs *outs) {
    return outs->how == FAC__CALL_NEW && outs->n == 1 && op->ntensors > 0 &&
           outs->v[0] == fac__arg_tensor(args, op->tensor_offsets[0]);
}

int fac__record(const fac__op *op, void *args, fac__outs *outs) {
    struct recording r = {.op = op, .args = args};
    bool view = (op->flags & FAC__OP_VIEW) != 0 && outs->how == FAC__CALL_NEW;
    bool inplace = outs->how == FAC__CALL_INPLACE;
    bool grad = fac__tls.grad_mode && !(op->flags & FAC__OP_NO_GRAD) && survey(&r);
    if (!grad) {
        if (run(op, args, outs) != 0)
            return -1;
        return view ? record_views(op, args, outs) : 0;
    }
    fac_node *node = NULL;
    uint32_t at = 0;
    bool late = (op->flags & FAC__OP_LIST) != 0; /* how many outputs is known only afterwards */
    if (late && run(op, args, outs) != 0)
        return -1;
    if (make_node(&r, outs, &node) != 0)
        goto fail;
    if (inplace)
        node->flags |= FAC__NODE_INPLACE;
    if (op == &fac__op_linear && ((const struct fac__linear_args *)args)->bias != NULL)
        node->flags |= FAC__NODE_BIASED;
    if (set_edges(&r, node) != 0 || save_values(&r, node, &at, inplace) != 0)
        goto fail;
    if (!late && run(op, args, outs) != 0)
        goto fail;
    if (gives_back(op, args, outs)) {
        fac__node_release(node);
        return 0;
    }
    if (view && record_views(op, args, outs) != 0)
        goto fail;
    if (join_outputs(op, outs, node, inplace ? outs->given[0] : NULL) != 0 ||
        save_results(&r, outs, node, &at) != 0)
        goto fail;
    fac__node_release(node);
    return 0;
fail:
    fac__node_release(node);
    fac__outs_clear(outs);
    return -1;
}
