/* Capture: the primitives of one run, to be run again on the same memory.
 *
 * The recording holds every tensor that took part, so that each address stays what it was: views,
 * saved values, gradients and whatever else shares memory need no bookkeeping. A replay runs the
 * ops again in order and writes each result where it was. Numbers are part of the recording; what
 * reads a value while recording is refused, since the value would be frozen. */
#include "levels.h"

#include <facula/capture.h>

#include <stdlib.h>
#include <string.h>

struct record {
    const fac__op *op;
    void *args; /* with everything that it points to in `owned` */
    void **owned;
    int nowned;
    fac_tensor **out; /* counted */
    int n;
    uint8_t how;
};

struct fac_program {
    fac__mode mode;
    struct record *v;
    size_t n, room;
    fac_tensor **held; /* counted: everything that took part */
    size_t nheld, held_room;
    bool recording;
};

static int no_memory(void) {
    return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a capture");
}

static int hold(void *ctx, fac_tensor **slot) {
    fac_program *p = ctx;
    if (p->nheld == p->held_room) {
        size_t room = p->held_room == 0 ? 256 : 2 * p->held_room;
        fac_tensor **more = realloc(p->held, room * sizeof *more);
        if (more == NULL)
            return no_memory();
        p->held = more;
        p->held_room = room;
    }
    p->held[p->nheld++] = fac__retain(*slot);
    return 0;
}

/* --- copies of arguments ------------------------------------------------------------------------
 */

static void *own(struct record *r, const void *data, size_t size) {
    void **more = realloc(r->owned, sizeof *more * (size_t)(r->nowned + 1));
    if (more == NULL)
        return NULL;
    r->owned = more;
    void *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, data, size);
    r->owned[r->nowned++] = copy;
    return copy;
}

static int copy_args(struct record *r, const void *args) {
    const fac__op *op = r->op;
    r->args = own(r, args, op->args_size);
    if (r->args == NULL)
        return no_memory();
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        void *field = (char *)r->args + p->offset;
        bool failed = false;
        if (p->type == FAC__T_INTS) {
            fac_ints *v = field;
            v->values = own(r, v->values, sizeof *v->values * (size_t)v->n);
            failed = v->values == NULL;
        } else if (p->type == FAC__T_TENSORS) {
            fac_tensors *l = field;
            l->values = own(r, l->values, sizeof *l->values * (size_t)l->n);
            failed = l->values == NULL;
        } else if (p->type == FAC__T_STR) {
            const char **s = field;
            if (*s != NULL) {
                *s = own(r, *s, strlen(*s) + 1);
                failed = *s == NULL;
            }
        } else if (p->type == FAC__T_GENERATOR && *(fac_generator **)field != NULL) {
            return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                             "capture: %s is given a generator of its own", op->python);
        }
        if (failed)
            return no_memory();
    }
    return 0;
}

static void record_free(struct record *r) {
    for (int i = 0; i < r->n; i++)
        fac__release(r->out[i]);
    for (int i = 0; i < r->nowned; i++)
        free(r->owned[i]);
    free(r->owned);
    free(r->out);
}

/* --- recording ----------------------------------------------------------------------------------
 */

static bool only_looks(const fac__op *op, const void *args, const fac__outs *outs) {
    if (!(op->flags & FAC__OP_VIEW) || outs->how != FAC__CALL_NEW || op->ntensors == 0)
        return false;
    const fac_tensor *from = fac__arg_tensor(args, op->tensor_offsets[0]);
    for (int i = 0; i < outs->n; i++)
        if (outs->v[i] != NULL && outs->v[i]->storage != from->storage)
            return false;
    return true;
}

static int add_record(fac_program *p, const fac__op *op, void *args, const fac__outs *outs) {
    if (p->n == p->room) {
        size_t room = p->room == 0 ? 64 : 2 * p->room;
        struct record *more = realloc(p->v, room * sizeof *more);
        if (more == NULL)
            return no_memory();
        p->v = more;
        p->room = room;
    }
    struct record *r = &p->v[p->n];
    *r = (struct record){.op = op, .how = outs->how};
    if (copy_args(r, args) != 0 || fac__each_tensor(op, r->args, hold, p) != 0)
        goto fail;
    r->out = calloc((size_t)outs->n + 1, sizeof *r->out);
    if (r->out == NULL) {
        no_memory();
        goto fail;
    }
    r->n = outs->n;
    for (int i = 0; i < outs->n; i++)
        r->out[i] = fac__retain(outs->how == FAC__CALL_NEW ? outs->v[i] : outs->given[i]);
    p->n++;
    return 0;
fail:
    record_free(r);
    return -1;
}

static int call(fac__mode *self, const fac__op *op, void *args, fac__outs *outs) {
    fac_program *p = (fac_program *)self;
    if (op->flags & FAC__OP_NUMBER)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "capture: %s reads a value, which would be frozen in the recording",
                         op->python);
    if (fac__dispatch(op, args, outs) != 0)
        return -1;
    int r = 0;
    for (int i = 0; i < outs->n && r == 0; i++)
        if (outs->v[i] != NULL)
            r = hold(p, &outs->v[i]);
    if (r == 0 && !only_looks(op, args, outs))
        r = add_record(p, op, args, outs);
    else if (r == 0)
        r = fac__each_tensor(op, args, hold, p);
    if (r != 0)
        fac__outs_clear(outs);
    return r;
}

fac_program *fac_capture_begin(void) {
    fac_program *p = calloc(1, sizeof *p);
    if (p == NULL) {
        no_memory();
        return NULL;
    }
    p->mode.call = call;
    p->recording = true;
    fac__mode_push(FAC__LEVEL_DISPATCH, &p->mode);
    fac__tls.levels |= FAC__L_CAPTURE;
    return p;
}

/* False: this thread does not record it. */
static bool stop(fac_program *p) {
    fac__mode *first = fac__tls.modes[FAC__LEVEL_DISPATCH], *before = first;
    if (first == &p->mode) {
        fac__mode_pop(FAC__LEVEL_DISPATCH);
    } else {
        while (before != NULL && before->next != &p->mode)
            before = before->next;
        if (before == NULL)
            return false;
        before->next = p->mode.next;
    }
    p->recording = false;
    fac__tls.levels &= ~(uint32_t)FAC__L_CAPTURE;
    for (fac__mode *m = fac__tls.modes[FAC__LEVEL_DISPATCH]; m != NULL; m = m->next)
        if (m->call == call)
            fac__tls.levels |= FAC__L_CAPTURE;
    return true;
}

bool fac_capture_end(fac_program *p) {
    if (p != NULL && p->recording && fac__tls.modes[FAC__LEVEL_DISPATCH] == &p->mode)
        return stop(p);
    fac__fail(FAC_ERROR_RUNTIME, "capture: this is not what is being recorded");
    return false;
}

/* --- replaying ----------------------------------------------------------------------------------
 */

static int same_shape(const struct record *r, const fac_tensor *made, const fac_tensor *given) {
    if (made->ndim == given->ndim && made->dtype == given->dtype &&
        memcmp(made->sizes, given->sizes, sizeof(int64_t) * (size_t)made->ndim) == 0)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME,
                     "replay: %s gave a result of shape %s, the recording has %s", r->op->python,
                     fac__shape_text(made->ndim, made->sizes),
                     fac__shape_text(given->ndim, given->sizes));
}

/* Results go to where they were: into the kernel's hands where that is possible, by a copy else. */
static int run(const struct record *r) {
    fac__outs o;
    fac__outs_init(&o, r->op->nout);
    bool few = r->n <= 4 && !(r->op->flags & FAC__OP_LIST);
    if (few) {
        o.how = r->how == FAC__CALL_INPLACE ? FAC__CALL_INPLACE : FAC__CALL_OUT;
        o.direct = r->how == FAC__CALL_NEW;
        for (int i = 0; i < 4; i++)
            o.given[i] = i < r->n ? r->out[i] : NULL;
    }
    int result = fac__dispatch(r->op, r->args, &o);
    for (int i = 0; i < o.n && i < r->n && result == 0; i++) {
        if (o.v[i] == NULL || r->out[i] == NULL || o.v[i] == r->out[i])
            continue;
        if (r->how == FAC__CALL_NEW)
            result = same_shape(r, o.v[i], r->out[i]);
        if (result == 0)
            result = fac__copy_into(r->out[i], o.v[i]);
    }
    fac__outs_clear(&o);
    fac__outs_done(&o);
    for (int i = 0; i < r->n && result == 0; i++)
        if (r->out[i] != NULL && r->out[i]->version != NULL)
            result = fac__bump_version(r->out[i]);
    return result;
}

bool fac_replay(fac_program *p) {
    if (p == NULL || p->recording) {
        fac__fail(FAC_ERROR_RUNTIME, "replay: the recording has not ended");
        return false;
    }
    for (size_t i = 0; i < p->n; i++)
        if (run(&p->v[i]) != 0)
            return false;
    return true;
}

size_t fac_program_length(const fac_program *p) {
    return p != NULL ? p->n : 0;
}

const char *fac_program_op(const fac_program *p, size_t i) {
    return p != NULL && i < p->n ? p->v[i].op->python : NULL;
}

void fac_program_free(fac_program *p) {
    if (p == NULL)
        return;
    if (p->recording && !stop(p)) {
        fac__fail(FAC_ERROR_RUNTIME, "capture: another thread is recording this");
        return;
    }
    for (size_t i = 0; i < p->n; i++)
        record_free(&p->v[i]);
    for (size_t i = 0; i < p->nheld; i++)
        fac__release(p->held[i]);
    free(p->v);
    free(p->held);
    free(p);
}
