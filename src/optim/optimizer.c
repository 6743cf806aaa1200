/* Optimizers for C: parameters, options and state, handed to the fused steps of step.c.
 *
 * State comes into being at a parameter's first step. It is made outside the gate, so that a
 * capture does not make it anew at each replay. */
#include "step.h"

#include "../gen/ops.h"

#include <facula/autograd.h>
#include <facula/optim.h>

#include <stdlib.h>
#include <string.h>

enum { STEP, MEAN, SQUARE, TOP, STATES, BUFFER = 0 };

struct fac_optimizer {
    bool adam, decoupled;
    double lr;
    fac_sgd_options sgd;
    double beta1, beta2, eps, weight_decay; /* Adam's */
    bool amsgrad, maximize;
    int n, nstates;
    const char *const *names;
    fac_tensor **params; /* counted */
    fac_tensor **state;  /* state k of parameter i at [k * n + i], counted, NULL: none yet */
    fac_tensor **lists;  /* room for a step: params, grads and states that take part */
};

static const char *const sgd_names[] = {"momentum_buffer"};
static const char *const adam_names[] = {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"};

/* --- making ---------------------------------------------------------------------------------- */

static int invalid(const char *what, double value) {
    return fac__fail(FAC_ERROR_VALUE, "Invalid %s: %g", what, value);
}

static int compare(const void *a, const void *b) {
    const fac_tensor *x = *(fac_tensor *const *)a, *y = *(fac_tensor *const *)b;
    return x < y ? -1 : x > y;
}

static int check_params(fac_optimizer *o) {
    for (int i = 0; i < o->n; i++) {
        const fac_tensor *p = o->params[i];
        if (p == NULL || fac__is_bad(p))
            return fac__fail(FAC_ERROR_TYPE, "optimizer: parameter %d is not a tensor", i);
        if (!fac_is_leaf(p))
            return fac__fail(FAC_ERROR_VALUE, "can't optimize a non-leaf Tensor");
    }
    memcpy(o->lists, o->params, sizeof *o->lists * (size_t)o->n);
    qsort(o->lists, (size_t)o->n, sizeof *o->lists, compare);
    for (int i = 1; i < o->n; i++)
        if (o->lists[i] == o->lists[i - 1])
            return fac__fail(FAC_ERROR_VALUE, "optimizer: a parameter is given twice");
    return 0;
}

static fac_optimizer *optimizer_new(fac_tensors params, double lr, int nstates) {
    if (fac__check_list("optimizer", params) != 0)
        return NULL;
    if (params.n == 0) {
        fac__fail(FAC_ERROR_VALUE, "optimizer got an empty parameter list");
        return NULL;
    }
    if (!(lr >= 0)) {
        invalid("learning rate", lr);
        return NULL;
    }
    fac_optimizer *o = calloc(1, sizeof *o);
    size_t n = (size_t)params.n, states = (size_t)nstates;
    fac_tensor **room = calloc(n * (2 * states + 3), sizeof *room);
    if (o == NULL || room == NULL) {
        free(o);
        free(room);
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for an optimizer of %d parameters",
                  params.n);
        return NULL;
    }
    o->lr = lr;
    o->n = params.n;
    o->nstates = nstates;
    o->params = room;
    o->state = room + n;
    o->lists = room + n * (states + 1);
    for (int i = 0; i < o->n; i++) {
        fac_tensor *p = params.values[i];
        o->params[i] = p == NULL || fac__is_bad(p) ? p : fac__retain(p);
    }
    if (check_params(o) == 0)
        return o;
    fac_optimizer_free(o);
    return NULL;
}

void fac_optimizer_free(fac_optimizer *o) {
    if (o == NULL)
        return;
    for (int i = 0; i < o->n * (o->nstates + 1); i++)
        fac__release(o->params[i]); /* and the states behind them */
    free(o->params);
    free(o);
}

fac_optimizer *fac_sgd_ex(fac_tensors params, double lr, const fac_sgd_options *options) {
    fac_sgd_options room, c;
    options = fac__options(options, &room, sizeof room);
    if (options == NULL)
        return NULL;
    c = *options;
    if (!(c.momentum >= 0)) {
        invalid("momentum value", c.momentum);
        return NULL;
    }
    if (!(c.weight_decay >= 0)) {
        invalid("weight_decay value", c.weight_decay);
        return NULL;
    }
    if (c.nesterov && (c.momentum <= 0 || c.dampening != 0)) {
        fac__fail(FAC_ERROR_VALUE, "Nesterov momentum requires a momentum and zero dampening");
        return NULL;
    }
    fac_optimizer *o = optimizer_new(params, lr, c.momentum != 0 ? 1 : 0);
    if (o != NULL) {
        o->sgd = c;
        o->names = sgd_names;
    }
    return o;
}

static double or_else(fac_opt_float given, double otherwise) {
    return given.given ? given.value : otherwise;
}

static fac_optimizer *adam_new(fac_tensors params, double lr, const fac_adam_options *options,
                               bool decoupled) {
    fac_adam_options room, c;
    options = fac__options(options, &room, sizeof room);
    if (options == NULL)
        return NULL;
    c = *options;
    double eps = or_else(c.eps, 1e-8), weight_decay = or_else(c.weight_decay, decoupled ? 0.01 : 0);
    double beta1 = or_else(c.beta1, 0.9), beta2 = or_else(c.beta2, 0.999);
    int r = 0;
    if (!(eps >= 0))
        r = invalid("epsilon value", eps);
    else if (!(beta1 >= 0 && beta1 < 1))
        r = invalid("beta parameter at index 0", beta1);
    else if (!(beta2 >= 0 && beta2 < 1))
        r = invalid("beta parameter at index 1", beta2);
    else if (!(weight_decay >= 0))
        r = invalid("weight_decay value", weight_decay);
    fac_optimizer *o = r != 0 ? NULL : optimizer_new(params, lr, c.amsgrad ? STATES : TOP);
    if (o == NULL)
        return NULL;
    o->adam = true;
    o->decoupled = decoupled;
    o->beta1 = beta1;
    o->beta2 = beta2;
    o->eps = eps;
    o->weight_decay = weight_decay;
    o->amsgrad = c.amsgrad;
    o->maximize = c.maximize;
    o->names = adam_names;
    return o;
}

fac_optimizer *fac_adam_ex(fac_tensors params, double lr, const fac_adam_options *options) {
    return adam_new(params, lr, options, false);
}

fac_optimizer *fac_adamw_ex(fac_tensors params, double lr, const fac_adam_options *options) {
    return adam_new(params, lr, options, true);
}

/* --- stepping -------------------------------------------------------------------------------- */

/* Makes the missing state of parameter i. */
static int make_state(fac_optimizer *o, int i) {
    for (int k = 0; k < o->nstates; k++) {
        fac_tensor **s = &o->state[k * o->n + i];
        if (*s != NULL)
            continue;
        *s = o->adam && k == STEP ? fac__state_step() : fac__state_like(o->params[i]);
        if (*s == NULL)
            return -1;
    }
    return 0;
}

/* Which parameters take part in a step: SGD's first steps with momentum go separately. */
enum { ALL, STARTED, FRESH };

/* Fills the lists and returns how many parameters they have; -1 with the error set. */
static int gather(fac_optimizer *o, int which, fac_tensors *lists) {
    int n = 0;
    for (int k = 0; k < o->nstates + 2; k++)
        lists[k].values = o->lists + (size_t)k * (size_t)o->n;
    for (int i = 0; i < o->n; i++) {
        fac_tensor *p = o->params[i], *g = fac_grad(p);
        bool started = o->nstates > 0 && o->state[i] != NULL;
        if (g == NULL || (which == STARTED && !started) || (which == FRESH && started))
            continue;
        if (which != STARTED && make_state(o, i) != 0)
            return -1;
        o->lists[n] = p;
        o->lists[o->n + n] = g;
        for (int k = 0; k < o->nstates; k++)
            o->lists[(2 + k) * o->n + n] = o->state[k * o->n + i];
        n++;
    }
    for (int k = 0; k < o->nstates + 2; k++)
        lists[k].n = n;
    return n;
}

static int run(const fac__op *op, void *args) {
    fac__outs outs;
    fac__outs_init(&outs, 0);
    return fac__call(op, args, &outs);
}

/* Buffers of first steps that failed. */
static void forget(fac_optimizer *o, fac_tensors buffers) {
    for (int i = 0, k = 0; i < o->n && k < buffers.n; i++) {
        if (o->state[i] != buffers.values[k])
            continue;
        fac__release(o->state[i]);
        o->state[i] = NULL;
        k++;
    }
}

static int step_sgd(fac_optimizer *o, int which) {
    fac_tensors lists[3] = {{NULL, 0}};
    int n = gather(o, which, lists);
    if (n <= 0)
        return n;
    struct fac__fused_sgd_args a = {
        .params = lists[0],
        .grads = lists[1],
        .momentum_buffers = lists[2],
        .lr = o->lr,
        .momentum = o->sgd.momentum,
        .dampening = o->sgd.dampening,
        .weight_decay = o->sgd.weight_decay,
        .nesterov = o->sgd.nesterov,
        .maximize = o->sgd.maximize,
        .first = which == FRESH,
    };
    if ((a.first && fac__sgd_first(&a) != 0) || run(&fac__op_fused_sgd, &a) != 0) {
        if (which == FRESH)
            forget(o, lists[2]);
        return -1;
    }
    return 0;
}

static int step_adam(fac_optimizer *o) {
    fac_tensors lists[6] = {{NULL, 0}};
    int n = gather(o, ALL, lists);
    if (n <= 0)
        return n;
    struct fac__fused_adam_args a = {
        .params = lists[0],
        .grads = lists[1],
        .steps = lists[2 + STEP],
        .exp_avgs = lists[2 + MEAN],
        .exp_avg_sqs = lists[2 + SQUARE],
        .lr = o->lr,
        .beta1 = o->beta1,
        .beta2 = o->beta2,
        .weight_decay = o->weight_decay,
        .eps = o->eps,
        .amsgrad = o->amsgrad,
        .maximize = o->maximize,
        .decoupled = o->decoupled,
    };
    if (o->amsgrad)
        a.max_exp_avg_sqs = lists[2 + TOP];
    return run(&fac__op_fused_adam, &a);
}

bool fac_optimizer_step(fac_optimizer *o) {
    if (o == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_optimizer_step: no optimizer is given");
        return false;
    }
    if (o->adam)
        return step_adam(o) == 0;
    if (o->nstates == 0)
        return step_sgd(o, ALL) == 0;
    /* what a step begins is no longer fresh, so the started ones go first */
    return step_sgd(o, STARTED) == 0 && step_sgd(o, FRESH) == 0;
}

void fac_optimizer_zero_grad(fac_optimizer *o) {
    for (int i = 0; o != NULL && i < o->n; i++)
        if (fac_grad(o->params[i]) != NULL)
            fac_set_grad(o->params[i], NULL);
}

/* --- looking inside -------------------------------------------------------------------------- */

double fac_optimizer_lr(const fac_optimizer *o) {
    return o != NULL ? o->lr : 0;
}

bool fac_optimizer_set_lr(fac_optimizer *o, double lr) {
    if (o == NULL)
        return fac__fail(FAC_ERROR_VALUE, "fac_optimizer_set_lr: no optimizer is given") == 0;
    if (!(lr >= 0))
        return invalid("learning rate", lr) == 0;
    o->lr = lr;
    return true;
}

const char *fac_optimizer_state_name(const fac_optimizer *o, int k) {
    return o != NULL && k >= 0 && k < o->nstates ? o->names[k] : NULL;
}

/* NULL sets the error. */
static fac_tensor **state_at(const fac_optimizer *o, int i, const char *name) {
    if (o == NULL || name == NULL) {
        fac__fail(FAC_ERROR_VALUE, "optimizer: no %s is given", o == NULL ? "optimizer" : "name");
        return NULL;
    }
    if (i < 0 || i >= o->n) {
        fac__fail(FAC_ERROR_INDEX, "optimizer: there is no parameter %d, but %d of them", i, o->n);
        return NULL;
    }
    for (int k = 0; k < o->nstates; k++)
        if (strcmp(o->names[k], name) == 0)
            return &o->state[k * o->n + i];
    fac__fail(FAC_ERROR_VALUE, "optimizer: there is no state named '%s'", name);
    return NULL;
}

fac_tensor *fac_optimizer_state(const fac_optimizer *o, int i, const char *name) {
    fac_tensor **s = state_at(o, i, name);
    return s == NULL ? NULL : *s;
}

bool fac_optimizer_set_state(fac_optimizer *o, int i, const char *name, fac_tensor *value) {
    fac_tensor **s = state_at(o, i, name);
    if (s == NULL || fac__is_bad(value))
        return false;
    if (value == NULL) {
        fac__fail(FAC_ERROR_TYPE, "optimizer: %s is not given", name);
        return false;
    }
    fac_tensor *p = o->params[i];
    bool step = o->adam && s - o->state < o->n;
    if (step ? value->numel != 1
             : value->ndim != p->ndim ||
                   memcmp(value->sizes, p->sizes, sizeof(int64_t) * (size_t)p->ndim) != 0) {
        fac__fail(FAC_ERROR_VALUE, "optimizer: %s of shape %s for a parameter of shape %s", name,
                  fac__shape_text(value->ndim, value->sizes), fac__shape_text(p->ndim, p->sizes));
        return false;
    }
    fac_tensor *made = step ? fac__state_step() : fac__state_like(p);
    if (made == NULL)
        return false;
    fac_tensor *source =
        step ? fac__alias(value, 0, NULL, NULL, value->offset) : fac__retain(value);
    int r = source == NULL ? -1 : fac__copy_into(made, source);
    fac__release(source);
    if (r != 0) {
        fac__release(made);
        return false;
    }
    fac__release(*s);
    *s = made;
    return true;
}
