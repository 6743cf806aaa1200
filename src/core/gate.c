/* The gate: how every op runs.
 *
 * From outside in: function modes, transforms, autograd, dispatch modes, the device. The features
 * of all tensor arguments are ORed with the thread's active levels; zero is the fast path. A level
 * gets the descriptor and the arguments and calls again below itself; no op knows of any level. */
#include "core.h"

#include "../sparse/coo.h"

#include "../autograd/autograd.h"
#include "../gen/ops.h"
#include "../levels/levels.h"
#include "iterate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool any_base_wants_grad(const fac__op *op, const void *args) {
    bool any = false;
    for (int i = 0; i < op->ntensors; i++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
        any |= t != NULL && fac__wants_grad(t);
    }
    for (int i = 0; i < op->nlists; i++) {
        const fac_tensors *l = (const fac_tensors *)((const char *)args + op->list_offsets[i]);
        for (int k = 0; k < l->n; k++)
            any |= l->values[k] != NULL && fac__wants_grad(l->values[k]);
    }
    return any;
}

static bool any_bad(const fac__op *op, const void *args) {
    for (int i = 0; i < op->ntensors; i++)
        if (fac__is_bad(fac__arg_tensor(args, op->tensor_offsets[i])))
            return true;
    for (int i = 0; i < op->nlists; i++) {
        const fac_tensors *l = (const fac_tensors *)((const char *)args + op->list_offsets[i]);
        for (int k = 0; k < l->n; k++)
            if (fac__is_bad(l->values[k]))
                return true;
    }
    return false;
}

/* --- storages that have moved: Note [Resized storages] ---------------------------------------- */

static int follow(const fac__op *op, fac_tensor *t) {
    if (fac__follow(t) || (op->flags & FAC__OP_VIEW) || op->exec == fac__exec_resize ||
        op->exec == fac__exec_resize_as || op->exec == fac__exec_set_tensor ||
        op->exec == fac__exec_set_strided || op->exec == fac__exec_set_nothing)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "%s: the tensor's storage was resized to %zu bytes, which is too small for "
                     "its sizes %s and strides %s at offset %lld",
                     op->python, t->storage->nbytes, fac__shape_text(t->ndim, t->sizes),
                     fac__shape_text(t->ndim, t->strides), (long long)t->offset);
}

static int follow_all(const fac__op *op, const void *args, const fac__outs *outs) {
    for (int i = 0; i < op->ntensors; i++)
        if (follow(op, fac__arg_tensor(args, op->tensor_offsets[i])) != 0)
            return -1;
    for (int i = 0; i < op->nlists; i++) {
        const fac_tensors *l = (const fac_tensors *)((const char *)args + op->list_offsets[i]);
        for (int k = 0; k < l->n; k++)
            if (follow(op, l->values[k]) != 0)
                return -1;
    }
    for (int i = 0; outs->how != FAC__CALL_NEW && i < outs->n && i < 4; i++)
        if (follow(op, outs->given[i]) != 0)
            return -1;
    return 0;
}

/* --- levels ---------------------------------------------------------------------------------- */

static const uint32_t level_bits[3] = {FAC__L_FUNCTION, FAC__L_TRANSFORM, FAC__L_DISPATCH};

static void set_modes(enum fac__level level, fac__mode *m) {
    fac__tls.modes[level] = m;
    if (m != NULL)
        fac__tls.levels |= level_bits[level];
    else
        fac__tls.levels &= ~level_bits[level];
}

void fac__mode_push(enum fac__level level, fac__mode *mode) {
    mode->next = fac__tls.modes[level];
    set_modes(level, mode);
}

void fac__mode_pop(enum fac__level level) {
    if (fac__tls.modes[level] != NULL)
        set_modes(level, fac__tls.modes[level]->next);
}

static int call_mode(enum fac__level level, const fac__op *op, void *args, fac__outs *outs) {
    fac__mode *m = fac__tls.modes[level];
    set_modes(level, m->next);
    int r = m->call(m, op, args, outs);
    set_modes(level, m);
    return r;
}

/* --- conjugate and negative views ------------------------------------------------------------- */

static fac_tensor *resolve(fac_tensor *t) {
    return fac__clone(t, FAC_PRESERVE_FORMAT); /* copying reads through the bits */
}

/* What in-place and out= forms write into is given to the kernel plain, and copied back. */
static int exec_given_plain(const fac__op *op, void *args, fac__outs *outs) {
    fac_tensor *given[4] = {NULL};
    int r = 0;
    for (int i = 0; i < outs->n && i < 4 && outs->how != FAC__CALL_NEW; i++) {
        fac_tensor *g = outs->given[i];
        if (g == NULL || !(g->features & (FAC__CONJ | FAC__NEG)))
            continue;
        fac_tensor *plain = resolve(g);
        if (plain == NULL)
            r = -1;
        else {
            given[i] = g;
            outs->given[i] = plain;
        }
    }
    if (r == 0)
        r = op->exec(op, args, outs);
    for (int i = 0; i < 4; i++) {
        if (given[i] == NULL)
            continue;
        fac__release(outs->given[i]);
        outs->given[i] = given[i]; /* write_back copies what the kernel made */
    }
    return r;
}

/* Runs the op on plain copies of the arguments whose memory is conjugated or negated. */
static int dispatch_resolved(const fac__op *op, void *args, fac__outs *outs) {
    char copy[512];
    fac_tensor *few[8 + 2 * 16], **block = few;
    int n = 0, listed = 0, r = -1;
    if (op->args_size > sizeof copy)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: argument struct too large", op->name);
    memcpy(copy, args, op->args_size);
    for (int i = 0; i < op->nlists; i++)
        listed += ((const fac_tensors *)(const void *)(copy + op->list_offsets[i]))->n;
    if (listed > 16 && (block = malloc(sizeof *block * (8 + 2 * (size_t)listed))) == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "%s: not enough memory for a list of %d tensors",
                         op->name, listed);
    fac_tensor **made = block, **list = block + 8 + listed;
    for (int i = 0; i < op->ntensors; i++) {
        fac_tensor **t = (fac_tensor **)(void *)(copy + op->tensor_offsets[i]);
        if (*t == NULL || !((*t)->features & (FAC__CONJ | FAC__NEG)))
            continue;
        fac_tensor *plain = resolve(*t);
        if (plain == NULL)
            goto done;
        made[n++] = *t = plain;
    }
    for (int i = 0; i < op->nlists; i++) {
        fac_tensors *l = (fac_tensors *)(void *)(copy + op->list_offsets[i]);
        for (int k = 0; k < l->n; k++) {
            list[k] = l->values[k];
            if (list[k] == NULL || !(list[k]->features & (FAC__CONJ | FAC__NEG)))
                continue;
            list[k] = resolve(list[k]);
            if (list[k] == NULL)
                goto done;
            made[n++] = list[k];
        }
        l->values = list;
        list += l->n;
    }
    r = exec_given_plain(op, copy, outs);
done:
    for (int i = 0; i < n; i++)
        fac__release(made[i]);
    if (block != few)
        free(block);
    return r;
}

int fac__dispatch(const fac__op *op, void *args, fac__outs *outs) {
    uint32_t f = fac__features_of(op, args) | (fac__tls.levels & FAC__L_DISPATCH);
    if (outs->how != FAC__CALL_NEW)
        for (int i = 0; i < outs->n && i < 4; i++)
            if (outs->given[i] != NULL)
                f |= outs->given[i]->features;
    if (FAC_LIKELY(!(f & (FAC__SLOW | FAC__L_DISPATCH))))
        return op->exec(op, args, outs);
    if (f & FAC__L_DISPATCH)
        return call_mode(FAC__LEVEL_DISPATCH, op, args, outs);
    if (f & FAC__SHELL)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s read a tensor of which only the shape was saved for backward",
                         op->name);
    if ((f & FAC__SPARSE) && !(op->flags & FAC__OP_SPARSE))
        return fac__sparse_call(op, args, outs);
    if ((f & (FAC__CONJ | FAC__NEG)) && !(op->flags & (FAC__OP_READS_CONJ | FAC__OP_VIEW)))
        return dispatch_resolved(op, args, outs);
    return op->exec(op, args, outs);
}

/* --- outputs --------------------------------------------------------------------------------- */

int fac__outs_resize(fac__outs *o, int n) {
    if (n > o->capacity) {
        fac_tensor **v = calloc((size_t)n, sizeof *v);
        if (v == NULL)
            return fac__fail(FAC_ERROR_MEMORY, "not enough memory for %d results", n);
        o->v = v;
        o->capacity = n;
    }
    o->n = n;
    return 0;
}

void fac__outs_clear(fac__outs *o) {
    for (int i = 0; i < o->n; i++) {
        fac__release(o->v[i]);
        o->v[i] = NULL;
    }
}

int fac__out(fac__outs *outs, int i, int ndim, const int64_t *sizes, const int64_t *strides,
             fac_dtype dtype, fac_device device) {
    if (outs->how != FAC__CALL_NEW && outs->direct) {
        fac_tensor *g = outs->given[i];
        if (g != NULL && g->dtype == dtype && g->ndim == ndim && fac__is_contig(g) &&
            (ndim == 0 || memcmp(g->sizes, sizes, sizeof(int64_t) * (size_t)ndim) == 0)) {
            outs->v[i] = fac__retain(g);
            return 0;
        }
    }
    outs->v[i] = fac__empty(ndim, sizes, strides, dtype, device);
    return outs->v[i] == NULL ? -1 : 0;
}

/* The in-place form of a view op: self takes the view's sizes, strides and offset. */
static int take_geometry(fac__outs *outs) {
    fac_tensor *self = outs->given[0], *made = outs->v[0];
    if (made == self)
        return 0;
    if (fac__tensor_set_rank(self, made->ndim) != 0)
        return -1;
    if (made->ndim > 0) {
        memcpy(self->sizes, made->sizes, sizeof(int64_t) * (size_t)made->ndim);
        memcpy(self->strides, made->strides, sizeof(int64_t) * (size_t)made->ndim);
    }
    self->offset = made->offset;
    self->data = made->data;
    if (fac__tensor_flags(self) != 0)
        return -1;
    fac__release(made);
    outs->v[0] = fac__retain(self);
    return 0;
}

/* The op's text with %r and %R for the result's dtype, %o and %O for that of out, "Float" and
 * "float", and %w for what was given. */
static int refuse_dtype(const fac__op *op, fac_dtype result, fac_dtype out, int how) {
    char text[512];
    size_t n = 0;
#define PUT(...) n += (size_t)snprintf(text + n, sizeof text - n, __VA_ARGS__)
    for (const char *p = op->out_dtype + (op->out_dtype[0] == '#'); *p != '\0' && n < sizeof text;
         p++) {
        if (*p != '%')
            PUT("%c", *p);
        else if (*++p == 'w')
            PUT(how == FAC__CALL_INPLACE ? "base given to %s_" : "output given to %s", op->python);
        else if (*p == 'r' || *p == 'o')
            PUT("%s", fac__scalar_type_name(*p == 'r' ? result : out));
        else
            PUT("%s", fac__c_type_name(*p == 'R' ? result : out));
    }
#undef PUT
    return fac__fail(FAC_ERROR_RUNTIME, "%s", text);
}

int fac__check_out_dtype(const fac__op *op, fac_dtype result, const fac_tensor *out, int how) {
    fac_dtype given = (fac_dtype)out->dtype;
    if (result == given)
        return 0;
    if (op != NULL && op->out_dtype != NULL)
        return refuse_dtype(op, result, given, how);
    return fac__can_cast(result, given)
               ? 0
               : fac__fail(FAC_ERROR_RUNTIME,
                           "result type %s can't be cast to the desired output type %s",
                           fac__scalar_type_name(result), fac__scalar_type_name(given));
}

static int write_back(const fac__op *op, fac__outs *outs) {
    if ((op->flags & FAC__OP_VIEW) && outs->how == FAC__CALL_INPLACE)
        return take_geometry(outs);
    for (int i = 0; i < outs->n; i++) {
        fac_tensor *given = outs->given[i], *made = outs->v[i];
        if (given == NULL || made == given || made == NULL)
            continue;
        if (fac__check_out_dtype(op, (fac_dtype)made->dtype, given, outs->how) != 0)
            return -1;
        if (!fac__same_device(made->device, given->device))
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Expected out tensor to have device %s, but got %s instead",
                             fac__device_name(made->device), fac__device_name(given->device));
        if (outs->how == FAC__CALL_OUT) {
            if (fac__resize_out(op, given, made->ndim, made->sizes) != 0)
                return -1;
        } else if (given->ndim != made->ndim ||
                   memcmp(given->sizes, made->sizes, sizeof(int64_t) * (size_t)made->ndim) != 0) {
            return fac__fail(FAC_ERROR_RUNTIME,
                             "%s_: output with shape %s doesn't match the result's shape %s",
                             op->python, fac__shape_text(given->ndim, given->sizes),
                             fac__shape_text(made->ndim, made->sizes));
        }
        if (fac__copy_into(given, made) != 0)
            return -1;
        fac__release(made);
        outs->v[i] = fac__retain(given);
    }
    return 0;
}

int fac__exec_structured(const fac__op *op, void *args, fac__outs *outs) {
    if (op->rule(op, args, outs) != 0)
        return -1;
    fac_device device = outs->v[0] != NULL ? outs->v[0]->device : fac_cpu();
    if (outs->v[0] == NULL && op->ntensors > 0) {
        fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[0]);
        if (t != NULL)
            device = t->device;
    }
    if (device.type == FAC_META && outs->n > 0 && outs->v[0] == NULL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "%s: the result's size depends on data, which the meta device lacks",
                         op->name);
    return fac__run_kernel(op, args, outs, device);
}

/* --- in-place and out= ----------------------------------------------------------------------- */

/* Whether what is written and what is read overlap; `surely`: where that is easy to tell. */
static bool shares_memory(const fac__op *op, const void *args, const fac__outs *outs, bool surely) {
    const int most = surely ? 2 : 3;
    for (int k = 0; k < outs->n && k < 4; k++) {
        if (outs->given[k] == NULL)
            continue;
        for (int i = 0; i < op->ntensors; i++) {
            const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
            int r = t == NULL ? 0 : fac__overlap(outs->given[k], t);
            if (r != 0 && r <= most)
                return true;
        }
        for (int i = 0; i < op->nlists; i++) {
            const fac_tensors *l = (const fac_tensors *)((const char *)args + op->list_offsets[i]);
            for (int j = 0; j < l->n; j++) {
                int r = l->values[j] == NULL ? 0 : fac__overlap(outs->given[k], l->values[j]);
                if (r != 0 && r <= most)
                    return true;
            }
        }
    }
    return false;
}

static int call_inplace(const fac__op *op, void *args, fac__outs *outs, uint32_t f) {
    fac_tensor *self = outs->given[0];
    bool grad = (f & FAC__GRAD) && fac__tls.grad_mode && !(op->flags & FAC__OP_NO_GRAD);
    if ((self->features & (FAC__GRAD | FAC__VIEW | FAC__INFERENCE)) &&
        fac__check_inplace(self, (f & FAC__GRAD) != 0) != 0)
        return -1;
    if (grad)
        return fac__record(op, args, outs);
    if (fac__dispatch(op, args, outs) != 0 || write_back(op, outs) != 0) {
        fac__outs_clear(outs);
        return -1;
    }
    return fac__bump_version(self);
}

static int check_out(const fac__op *op, const fac__outs *outs, uint32_t f) {
    for (int i = 0; i < outs->n; i++) {
        fac_tensor *o = outs->given[i];
        if (o == NULL)
            continue;
        if ((o->features & FAC__INFERENCE) && fac__check_inplace(o, false) != 0)
            return -1;
        if (fac__tls.grad_mode && !(op->flags & FAC__OP_NO_GRAD) &&
            ((f & FAC__GRAD) || fac__wants_grad(o)))
            return fac__fail(FAC_ERROR_RUNTIME,
                             "%s(): functions with out=... arguments don't support automatic "
                             "differentiation, but one of the arguments requires grad.",
                             op->python);
    }
    return 0;
}

static int call_out(const fac__op *op, void *args, fac__outs *outs, uint32_t f) {
    if (check_out(op, outs, f) != 0)
        return -1;
    outs->direct = !shares_memory(op, args, outs, false);
    if (!outs->direct && (op->flags & FAC__OP_APART) && shares_memory(op, args, outs, true))
        return fac__fail_overlap();
    if (fac__dispatch(op, args, outs) != 0 || write_back(op, outs) != 0) {
        fac__outs_clear(outs);
        return -1;
    }
    for (int i = 0; i < outs->n; i++)
        if (outs->given[i] != NULL && fac__bump_version(outs->given[i]) != 0)
            return -1;
    return 0;
}

int fac__write_back(const fac__op *op, fac__outs *outs) {
    return write_back(op, outs);
}

/* --- entry ----------------------------------------------------------------------------------- */

/* From within a dispatch handler: the levels above have had this call already. Versions count in
 * the outer call. */
static int call_below(const fac__op *op, void *args, fac__outs *outs) {
    if (op->flags & FAC__OP_COMPOSITE)
        return op->exec(op, args, outs);
    if (outs->how == FAC__CALL_OUT)
        outs->direct = !shares_memory(op, args, outs, false);
    if (fac__dispatch(op, args, outs) != 0)
        return -1;
    if (outs->how == FAC__CALL_NEW || write_back(op, outs) == 0)
        return 0;
    fac__outs_clear(outs);
    return -1;
}

static int call_levels(const fac__op *op, void *args, fac__outs *outs, uint32_t f) {
    if (f & FAC__L_BELOW)
        return any_bad(op, args) ? -1 : call_below(op, args, outs);
    if (f & FAC__L_FUNCTION)
        return call_mode(FAC__LEVEL_FUNCTION, op, args, outs);
    if (any_bad(op, args))
        return -1;
    if (f & FAC__L_TRANSFORM)
        return call_mode(FAC__LEVEL_TRANSFORM, op, args, outs);
    bool draws = (f & FAC__L_VMAP) && (op->flags & FAC__OP_RANDOM) && fac__vmap_draws(op);
    if ((op->flags & FAC__OP_COMPOSITE) && !draws)
        return outs->how == FAC__CALL_OUT && check_out(op, outs, f) != 0 ? -1
                                                                         : op->exec(op, args, outs);
    if (f & (FAC__WRAPPED | FAC__DUAL | FAC__L_VMAP)) {
        int r = fac__interpret(op, args, outs);
        if (r <= 0)
            return r;
        if (op->flags & FAC__OP_COMPOSITE)
            return op->exec(op, args, outs);
    }
    if (outs->how == FAC__CALL_INPLACE)
        return call_inplace(op, args, outs, f);
    if (outs->how == FAC__CALL_OUT)
        return call_out(op, args, outs, f);
    if (((f & FAC__GRAD) && fac__tls.grad_mode && !(op->flags & FAC__OP_NO_GRAD)) ||
        (op->flags & FAC__OP_VIEW))
        return fac__record(op, args, outs);
    return fac__dispatch(op, args, outs);
}

/* fac_bad carries this feature, so that it leaves the fast path without a test of its own. */
enum { BAD = FAC__SHELL };

/* No level has a say: the op itself, and the record of a view. */
static inline int call_plain(const fac__op *op, void *args, fac__outs *outs) {
    return FAC_LIKELY(!(op->flags & FAC__OP_VIEW)) ? op->exec(op, args, outs)
                                                   : fac__record(op, args, outs);
}

static int failed(const fac__op *op, fac__outs *outs) {
    fac__outs_clear(outs);
    fac__error_op(op);
    return -1;
}

static __attribute__((noinline)) int call_otherwise(const fac__op *op, void *args, fac__outs *outs,
                                                    uint32_t f) {
    if (fac__any_moved() && follow_all(op, args, outs) != 0)
        return -1;
    if ((f & (FAC__VIEW | FAC__GRAD)) == FAC__VIEW && any_base_wants_grad(op, args))
        f |= FAC__GRAD;
    bool plain = !(f & (FAC__SLOW | FAC__L_ANY | FAC__GRAD)) && outs->how == FAC__CALL_NEW;
    if (outs->how != FAC__CALL_NEW)
        for (int i = 0; i < outs->n && i < 4; i++)
            if (outs->given[i] != NULL)
                f |= outs->given[i]->features;
    int r = plain ? call_plain(op, args, outs) : call_levels(op, args, outs, f);
    return r == 0 ? 0 : failed(op, outs);
}

int fac__call_as(const fac__op *op, void *args, fac__outs *outs, uint32_t features) {
    uint32_t f = features | fac__tls.levels;
    /* A view's base may want a gradient that it does not show itself. */
    const uint32_t leaves = FAC__SLOW | FAC__L_ANY | FAC__GRAD | FAC__VIEW;
    if (FAC_UNLIKELY((f & leaves) || outs->how != FAC__CALL_NEW || fac__any_moved()))
        return call_otherwise(op, args, outs, f);
    return FAC_LIKELY(call_plain(op, args, outs) == 0) ? 0 : failed(op, outs);
}

int fac__call(const fac__op *op, void *args, fac__outs *outs) {
    return fac__call_as(op, args, outs, fac__features_of(op, args));
}
