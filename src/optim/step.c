/* Steps of optimizers as ops over lists: checks, then one loop over the elements of all tensors,
 * cut into pieces for threads by their number alone.
 *
 * Complex parameters step as pairs of reals. Tensors whose operands lie alike and without gaps are
 * one row; others go through the strided iterator. */
#include "step.h"

#include "../core/backend_table.h"
#include "../core/iterate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPERANDS = 5, GRADIENT = 1, FEW = 32 };

/* One parameter's part of a step. */
struct part {
    int nargs;
    bool flat;       /* one row: operands lie alike */
    int64_t end;     /* of its elements among those of all parts, reals counted */
    int64_t numel;   /* reals */
    fac__loop *loop; /* NULL: nothing to do */
    fac_tensor *operand[OPERANDS];
    const void *numbers; /* NULL: `adam` */
    struct fac__adam_numbers adam;
};

struct job {
    struct part *parts;
    int n;
    struct part few[FEW];
};

/* About a microsecond's work. */
static const int64_t grain = 8192;

/* --- checks ---------------------------------------------------------------------------------- */

static int check_list(const fac__op *op, const char *name, const fac_tensors *l, int want) {
    if (l->n != want)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: %s has %d tensors, params has %d", op->python,
                         name, l->n, want);
    for (int i = 0; i < l->n; i++)
        if (l->values[i] == NULL)
            return fac__fail(FAC_ERROR_RUNTIME, "%s: %s[%d] is not given", op->python, name, i);
    return 0;
}

static int check_operand(const fac__op *op, const fac_tensor *p, const fac_tensor *t, int k) {
    static const char *const roles[OPERANDS] = {"parameter", "gradient", "state", "state", "state"};
    if (t->ndim != p->ndim || memcmp(t->sizes, p->sizes, sizeof(int64_t) * (size_t)p->ndim) != 0)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: a parameter of shape %s has a %s of shape %s",
                         op->python, fac__shape_text(p->ndim, p->sizes), roles[k],
                         fac__shape_text(t->ndim, t->sizes));
    if (t->dtype != p->dtype)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: a parameter of dtype %s has a %s of dtype %s",
                         op->python, fac_dtype_name((fac_dtype)p->dtype), roles[k],
                         fac_dtype_name((fac_dtype)t->dtype));
    if (!fac__same_device(p->device, t->device))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "Expected all tensors to be on the same device, but found at least two "
                         "devices, %s and %s!",
                         fac__device_name(p->device), fac__device_name(t->device));
    return 0;
}

static int check_part(const fac__op *op, const struct part *part) {
    const fac_tensor *p = part->operand[0];
    if (!fac_dtype_is_floating((fac_dtype)p->dtype) && !fac__is_complex((fac_dtype)p->dtype))
        return fac__fail(FAC_ERROR_RUNTIME, "%s: a parameter has dtype %s, which is not floating",
                         op->python, fac_dtype_name((fac_dtype)p->dtype));
    for (int k = 0; k < part->nargs; k++) {
        const fac_tensor *t = part->operand[k];
        if (check_operand(op, p, t, k) != 0 || (k != GRADIENT && fac__check_writable(t) != 0))
            return -1;
        for (int j = 0; j < part->nargs; j++)
            if (j != k && k != GRADIENT && fac__check_no_overlap(t, part->operand[j]) != 0)
                return -1;
    }
    return 0;
}

/* --- running --------------------------------------------------------------------------------- */

static const void *numbers_of(const struct part *part) {
    return part->numbers != NULL ? part->numbers : &part->adam;
}

static bool alike(const struct part *part) {
    const fac_tensor *p = part->operand[0];
    if (!(p->features & FAC__DENSE))
        return false;
    for (int k = 1; k < part->nargs; k++)
        for (int i = 0; i < p->ndim; i++)
            if (p->sizes[i] != 1 && part->operand[k]->strides[i] != p->strides[i])
                return false;
    return true;
}

static int iter_step(void *state, char **data, const ptrdiff_t *strides, ptrdiff_t n0,
                     ptrdiff_t n1) {
    const struct part *part = state;
    part->loop(data, strides, n0, n1, numbers_of(part));
    return 0;
}

/* Elements [begin, end) of a part whose operands lie each in its own way. */
static int run_strided(struct part *part, int64_t begin, int64_t end) {
    const fac_tensor *p = part->operand[0];
    fac__iter it;
    fac__iter_build(&it, part->nargs, part->operand, p->ndim, p->sizes);
    if (fac__is_complex((fac_dtype)p->dtype)) { /* a dimension of two reals, innermost */
        memmove(it.shape + 1, it.shape, sizeof it.shape[0] * (size_t)it.ndim);
        memmove(it.strides + 1, it.strides, sizeof it.strides[0] * (size_t)it.ndim);
        it.ndim++;
        it.numel *= 2;
        it.shape[0] = 2;
        for (int k = 0; k < part->nargs; k++)
            it.strides[0][k] = (ptrdiff_t)fac__itemsize(p->dtype) / 2;
    }
    return fac__iter_range(&it, begin, end, iter_step, part);
}

static int run_part(struct part *part, int64_t begin, int64_t end) {
    if (part->loop == NULL)
        return 0;
    if (!part->flat)
        return run_strided(part, begin, end);
    uint8_t dtype = (uint8_t)fac__real_of((fac_dtype)part->operand[0]->dtype);
    ptrdiff_t width = (ptrdiff_t)fac__itemsize(dtype), strides[2 * OPERANDS] = {0};
    char *data[OPERANDS];
    for (int k = 0; k < part->nargs; k++) {
        data[k] = part->operand[k]->data + begin * width;
        strides[k] = width;
    }
    part->loop(data, strides, end - begin, 1, numbers_of(part));
    return 0;
}

static int run_range(void *ctx, int64_t begin, int64_t end) {
    struct job *job = ctx;
    int low = 0, high = job->n - 1; /* the first part that ends after `begin` */
    while (low < high) {
        int middle = (low + high) / 2;
        if (job->parts[middle].end > begin)
            high = middle;
        else
            low = middle + 1;
    }
    for (int i = low; i < job->n && begin < end; i++) {
        struct part *part = &job->parts[i];
        int64_t start = part->end - part->numel, stop = part->end < end ? part->end : end;
        if (stop > begin && run_part(part, begin - start, stop - start) != 0)
            return -1;
        begin = stop > begin ? stop : begin;
    }
    return 0;
}

static int run(const fac__op *op, struct job *job) {
    int64_t total = 0;
    for (int i = 0; i < job->n; i++) {
        struct part *part = &job->parts[i];
        const fac_tensor *p = part->operand[0];
        fac_dtype real = fac__real_of((fac_dtype)p->dtype);
        part->loop = NULL;
        if (p->device.type != FAC_META) {
            fac__loop *const *loops = fac__find_loops(op, p->device);
            if (loops == NULL)
                return -1;
            part->loop = loops[real];
            if (part->loop == NULL)
                return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'",
                                 op->label, fac__scalar_type_name(real));
        }
        part->flat = alike(part);
        part->numel = p->numel * (fac__is_complex((fac_dtype)p->dtype) ? 2 : 1);
        total += part->numel;
        part->end = total;
    }
    return fac__parallel_for(total, grain, run_range, job);
}

/* --- tensors whose memory is not their value ---------------------------------------------------
 */

/* Conjugate and negative views step as plain copies, and what was written goes back. */
static int resolve(struct part *part, fac_tensor **given) {
    for (int k = 0; k < part->nargs; k++) {
        fac_tensor *t = part->operand[k];
        given[k] = NULL;
        if (!(t->features & (FAC__CONJ | FAC__NEG)))
            continue;
        fac_tensor *plain = fac__clone(t, FAC_PRESERVE_FORMAT);
        if (plain == NULL) {
            for (int j = 0; j < k; j++)
                if (given[j] != NULL)
                    fac__release(part->operand[j]);
            return -1;
        }
        given[k] = t;
        part->operand[k] = plain;
    }
    return 0;
}

static int restore(struct part *part, fac_tensor **given, int status) {
    for (int k = 0; k < part->nargs; k++) {
        if (given[k] == NULL)
            continue;
        if (status == 0 && k != GRADIENT)
            status = fac__copy_into(given[k], part->operand[k]);
        fac__release(part->operand[k]);
        part->operand[k] = given[k];
    }
    return status;
}

/* Whether parts may run in any order: no storage is written by two of them, and all is plain. 1, 0,
 * or -1 with the error set. The table of storages seen is open addressing, at most half full. */
static int independent(const struct job *job) {
    const fac_storage *small[256] = {NULL}, **seen = small;
    size_t room = 256, need = 2 * OPERANDS * (size_t)job->n;
    while (room < need)
        room *= 2;
    if (room > 256 && (seen = calloc(room, sizeof *seen)) == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a step over %d tensors", job->n);
    bool yes = true;
    for (int i = 0; i < job->n && yes; i++) {
        const struct part *part = &job->parts[i];
        for (int k = 0; k < part->nargs && yes; k++) {
            const fac_tensor *t = part->operand[k];
            yes = (t->features & (FAC__CONJ | FAC__NEG)) == 0;
            if (k == GRADIENT || t->storage == NULL)
                continue;
            size_t at = ((uintptr_t)t->storage >> 4) * 0x9e3779b97f4a7c15u >> 32;
            while (seen[at & (room - 1)] != NULL && seen[at & (room - 1)] != t->storage)
                at++;
            yes = yes && seen[at & (room - 1)] == NULL;
            seen[at & (room - 1)] = t->storage;
        }
    }
    if (seen != small)
        free(seen);
    return yes;
}

/* All parts together where that is the same as one after another. */
static int run_all(const fac__op *op, struct job *job) {
    int r = independent(job);
    if (r != 0)
        return r < 0 ? r : run(op, job);
    for (int i = 0; i < job->n && r == 0; i++) {
        fac_tensor *given[OPERANDS];
        struct job one = {.parts = &job->parts[i], .n = 1};
        if (resolve(&job->parts[i], given) != 0)
            return -1;
        r = restore(&job->parts[i], given, run(op, &one));
    }
    return r;
}

/* --- the ops --------------------------------------------------------------------------------- */

static int begin(struct job *job, int n, const fac_tensors *const *lists, int nargs) {
    job->n = n;
    job->parts = job->few;
    if (n > FEW) {
        job->parts = malloc(sizeof *job->parts * (size_t)n);
        if (job->parts == NULL)
            return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a step over %d tensors", n);
    }
    for (int i = 0; i < n; i++) {
        job->parts[i].nargs = nargs;
        job->parts[i].numbers = NULL;
        for (int k = 0; k < nargs; k++)
            job->parts[i].operand[k] = lists[k]->values[i];
    }
    return 0;
}

static void finish(struct job *job) {
    if (job->parts != job->few)
        free(job->parts);
}

static int bump(const fac_tensors *l) {
    for (int i = 0; i < l->n; i++)
        if (fac__bump_version(l->values[i]) != 0)
            return -1;
    return 0;
}

int fac__exec_fused_sgd(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__fused_sgd_args *a = args;
    struct fac__sgd_numbers numbers = {
        .lr = a->lr,
        .momentum = a->momentum,
        .share = 1 - a->dampening,
        .weight_decay = a->weight_decay,
        .nesterov = a->nesterov,
        .maximize = a->maximize,
        .first = a->first,
    };
    int n = a->params.n, nargs = a->momentum != 0 ? 3 : 2;
    if (check_list(op, "params", &a->params, n) != 0 ||
        check_list(op, "grads", &a->grads, n) != 0 ||
        check_list(op, "momentum_buffers", &a->momentum_buffers, nargs == 3 ? n : 0) != 0)
        return -1;
    const fac_tensors *lists[] = {&a->params, &a->grads, &a->momentum_buffers};
    struct job job;
    if (begin(&job, n, lists, nargs) != 0)
        return -1;
    int r = 0;
    for (int i = 0; i < n && r == 0; i++) {
        job.parts[i].numbers = &numbers;
        r = check_part(op, &job.parts[i]);
    }
    if (r == 0)
        r = run_all(op, &job);
    finish(&job);
    outs->n = 0;
    return r != 0 || bump(&a->params) != 0 || bump(&a->momentum_buffers) != 0 ? -1 : 0;
}

/* Counts a step tensor up and returns how many steps there were before. */
static int check_step(const fac__op *op, const fac_tensor *t) {
    if (t->numel == 1 && fac_dtype_is_floating((fac_dtype)t->dtype) &&
        !(t->features & (FAC__CONJ | FAC__NEG)))
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "%s: a step is not one floating point number but %s of %s",
                     op->python, fac__shape_text(t->ndim, t->sizes),
                     fac_dtype_name((fac_dtype)t->dtype));
}

static double count(fac_tensor *t) {
    if (t->data == NULL)
        return 1;
    double v = fac__scalar_double(fac__scalar_from(t->data, (fac_dtype)t->dtype)) + 1;
    fac__scalar_to(fac_float(v), (fac_dtype)t->dtype, t->data);
    return fac__scalar_double(fac__scalar_from(t->data, (fac_dtype)t->dtype));
}

static void set_numbers(struct part *part, const struct fac__fused_adam_args *a, double t) {
    part->adam = (struct fac__adam_numbers){
        .size = a->lr / (1 - pow(a->beta1, t)),
        .root = pow(1 - pow(a->beta2, t), 0.5),
        .part1 = 1 - a->beta1,
        .beta2 = a->beta2,
        .part2 = 1 - a->beta2,
        .eps = a->eps,
        .weight_decay = a->weight_decay,
        .shrink = 1 - a->lr * a->weight_decay,
        .decoupled = a->decoupled,
        .amsgrad = a->amsgrad,
        .maximize = a->maximize,
    };
}

static int run_adam(const fac__op *op, const struct fac__fused_adam_args *a, struct job *job) {
    for (int i = 0; i < job->n; i++)
        if (check_part(op, &job->parts[i]) != 0 || check_step(op, a->steps.values[i]) != 0)
            return -1;
    for (int i = 0; i < job->n; i++)
        set_numbers(&job->parts[i], a, count(a->steps.values[i]));
    return run_all(op, job);
}

int fac__exec_fused_adam(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__fused_adam_args *a = args;
    const fac_tensors *lists[] = {&a->params, &a->grads, &a->exp_avgs, &a->exp_avg_sqs,
                                  &a->max_exp_avg_sqs};
    static const char *const names[] = {"params", "grads", "exp_avgs", "exp_avg_sqs",
                                        "max_exp_avg_sqs"};
    int n = a->params.n, nargs = a->amsgrad ? 5 : 4;
    for (int k = 0; k < 5; k++)
        if (check_list(op, names[k], lists[k], k < nargs ? n : 0) != 0)
            return -1;
    if (check_list(op, "steps", &a->steps, n) != 0)
        return -1;
    struct job job;
    if (begin(&job, n, lists, nargs) != 0)
        return -1;
    int r = run_adam(op, a, &job);
    finish(&job);
    outs->n = 0;
    for (int k = 0; k < nargs && r == 0; k++)
        if (k != GRADIENT)
            r = bump(lists[k]);
    return r == 0 ? bump(&a->steps) : r;
}

/* --- state ----------------------------------------------------------------------------------- */

fac_tensor *fac__state_like(fac_tensor *param) {
    int64_t strides[FAC_MAX_DIMS];
    fac__like_strides(param, strides);
    fac_tensor *t =
        fac__empty(param->ndim, param->sizes, strides, (fac_dtype)param->dtype, param->device);
    if (t == NULL || fac__fill_into(t, fac_int(0)) == 0)
        return t;
    fac__release(t);
    return NULL;
}

fac_tensor *fac__state_step(void) {
    fac_dtype d = fac_default_dtype() == FAC_FLOAT64 ? FAC_FLOAT64 : FAC_FLOAT32;
    fac_tensor *t = fac__empty(0, NULL, NULL, d, fac_cpu());
    if (t != NULL)
        fac__scalar_to(fac_float(0), d, t->data);
    return t;
}

/* In a capture the buffers start from zeros, to which the first gradient is added. */
int fac__sgd_first(struct fac__fused_sgd_args *a) {
    if (!(fac__tls.levels & FAC__L_CAPTURE))
        return 0;
    if (a->dampening != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "capture: the first step of SGD with dampening differs from the others; "
                         "take it before recording");
    a->first = false;
    for (int i = 0; i < a->momentum_buffers.n; i++)
        if (fac__fill_into(a->momentum_buffers.values[i], fac_int(0)) != 0)
            return -1;
    return 0;
}
