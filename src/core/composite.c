#include "composite.h"

#include "../autograd/autograd.h"

#include <facula/ops.h>

static bool recorded(const fac__op *op, const void *args) {
    for (int i = 0; fac__tls.grad_mode && i < op->ntensors; i++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
        if (t != NULL && fac__wants_grad(t))
            return true;
    }
    return false;
}

/* What a composite saves of an operand that it overwrites must outlast that: it is given a copy
 * that has the operand's place in the graph. */
static fac_tensor *stand_in(fac_tensor *self) {
    if (self->features & (FAC__WRAPPED | FAC__DUAL))
        return fac_clone(self);
    if (fac__check_inplace(self, true) != 0)
        return fac_bad;
    fac_tensor *copy = fac__clone(self, FAC_PRESERVE_FORMAT);
    if (copy == NULL)
        return fac_bad;
    copy = fac__scope_adopt(copy);
    fac__edge e;
    if (fac__gradient_edge(self, &e) != 0)
        return fac_bad;
    if (e.node != NULL && fac__set_history(copy, e.node, e.nr) != 0)
        copy = fac_bad;
    fac__node_release(e.node);
    return copy;
}

/* result into self, with its history. */
static fac_tensor *written(fac_tensor *self, fac_tensor *result) {
    const uint32_t odd = FAC__VIEW | FAC__WRAPPED | FAC__DUAL;
    bool same = result->dtype == self->dtype && result->ndim == self->ndim;
    for (int i = 0; same && i < self->ndim; i++)
        same = result->sizes[i] == self->sizes[i];
    fac_node *node =
        same && !((self->features | result->features) & odd) && result->autograd != NULL
            ? fac__grad_fn(result)
            : NULL;
    if (node == NULL || !fac__tls.grad_mode)
        return fac_copy_(self, result);
    fac__tls.grad_mode = false;
    fac_tensor *r = fac_copy_(self, result);
    fac__tls.grad_mode = true;
    if (!fac__is_bad(r) && fac__set_history(self, node, result->autograd->output_nr) != 0)
        r = fac_bad;
    return r;
}

int fac__run_composite(const fac__op *op, fac__composite_fn *f, const void *args, fac__outs *outs) {
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    /* One with a gradient of its own is one node of the graph: what it calls isn't recorded. */
    bool grad_mode = fac__tls.grad_mode;
    fac__tls.grad_mode = grad_mode && (op->flags & FAC__OP_COMPOSITE);
    fac_tensor *self = outs->how == FAC__CALL_INPLACE ? outs->given[0] : NULL, **place = NULL;
    int r = 0;
    if (self != NULL && fac__tls.grad_mode && recorded(op, args)) {
        place = (fac_tensor **)((uintptr_t)args + op->tensor_offsets[0]);
        *place = stand_in(self);
        r = fac__is_bad(*place) ? -1 : 0;
    }
    /* Random numbers are drawn into the tensor of out= itself: in its dtype and memory's order. */
    if (outs->how == FAC__CALL_OUT && (op->flags & FAC__OP_RANDOM))
        outs->v[0] = outs->given[0];
    if (r == 0)
        f(args, outs->v);
    if (place != NULL)
        *place = self;
    for (int i = 0; i < op->nout; i++) {
        fac_tensor *t = outs->v[i];
        if (r == 0 && outs->how != FAC__CALL_NEW && outs->given[i] != NULL && t != NULL &&
            t != outs->given[i] && !fac__is_bad(t)) {
            /* in-place and out= forms */
            r = fac__check_out_dtype(op, (fac_dtype)t->dtype, outs->given[i], outs->how);
            if (r == 0 && outs->how == FAC__CALL_OUT &&
                fac__resize_out(op, outs->given[i], t->ndim, t->sizes) != 0)
                r = -1;
            t = r == 0 ? written(outs->given[i], t) : fac_bad;
        }
        if (r == 0 && fac__is_bad(t))
            r = -1;
        outs->v[i] = r == 0 ? fac__retain(t) : NULL;
    }
    if (r != 0)
        for (int i = 0; i < op->nout; i++) {
            fac__release(outs->v[i]);
            outs->v[i] = NULL;
        }
    fac__tls.grad_mode = grad_mode;
    fac_scope_close(scope);
    return r;
}

int fac__run_composite_list(const fac__op *op, fac__composite_list_fn *f, const void *args,
                            fac__outs *outs) {
    (void)op;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    fac_tensors l = f(args);
    int r = l.values == NULL || l.values == fac__bad_list ? -1 : 0;
    for (int i = 0; i < l.n && r == 0; i++)
        if (fac__is_bad(l.values[i]))
            r = -1;
    if (r == 0)
        r = fac__outs_resize(outs, l.n);
    for (int i = 0; i < l.n && r == 0; i++)
        outs->v[i] = fac__retain(l.values[i]);
    fac_scope_close(scope);
    return r;
}
