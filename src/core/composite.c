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

static bool has_tensor_value(const fac__op *op, const void *args) {
    for (int i = 0; i < op->nparams; i++) {
        const char *field = (const char *)args + op->params[i].offset;
        if (op->params[i].type == FAC__T_VALUE &&
            ((const fac_value *)(const void *)field)->tensor != NULL)
            return true;
    }
    return false;
}

/* An op whose out_dtype begins with '#' computes with numbers by other code, in PyTorch, than with
 * tensors, and has another text in place. */
static int check_dtype(const fac__op *op, const void *args, const fac__outs *outs, int i) {
    fac_dtype made = (fac_dtype)outs->v[i]->dtype, given = (fac_dtype)outs->given[i]->dtype;
    if (op->out_dtype == NULL || op->out_dtype[0] != '#')
        return fac__check_out_dtype(op, made, outs->given[i], outs->how);
    if (has_tensor_value(op, args))
        return fac__check_out_dtype(NULL, made, outs->given[i], outs->how);
    if (outs->how == FAC__CALL_OUT || fac__can_cast(made, given))
        return made == given || outs->how == FAC__CALL_INPLACE
                   ? 0
                   : fac__check_out_dtype(op, made, outs->given[i], outs->how);
    return fac__fail(FAC_ERROR_RUNTIME,
                     "result type %s can't be cast to the desired output type %s",
                     fac__scalar_type_name(made), fac__c_type_name(given));
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
            r = check_dtype(op, args, outs, i);
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

int fac__check_reduction(int64_t reduction) {
    return reduction >= 0 && reduction <= 2
               ? 0
               : fac__fail(FAC_ERROR_VALUE, "%lld is no reduction: 0 none, 1 mean, 2 sum",
                           (long long)reduction);
}
