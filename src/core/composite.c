#include "composite.h"

#include <facula/ops.h>

int fac__run_composite(const fac__op *op, fac__composite_fn *f, const void *args, fac__outs *outs) {
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    /* One with a gradient of its own is one node of the graph: what it calls isn't recorded. */
    bool grad_mode = fac__tls.grad_mode;
    fac__tls.grad_mode = grad_mode && (op->flags & FAC__OP_COMPOSITE);
    f(args, outs->v);
    int r = 0;
    for (int i = 0; i < op->nout; i++) {
        fac_tensor *t = outs->v[i];
        if (r == 0 && outs->how != FAC__CALL_NEW && outs->given[i] != NULL && t != NULL &&
            t != outs->given[i] && !fac__is_bad(t)) {
            /* in-place and out= forms: an ordinary, recorded copy */
            if (outs->how == FAC__CALL_OUT && fac__resize_(outs->given[i], t->ndim, t->sizes) != 0)
                r = -1;
            t = r == 0 ? fac_copy_(outs->given[i], t) : fac_bad;
        }
        if (fac__is_bad(t))
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
    int r = l.values == NULL ? -1 : 0;
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
