/* The argument parser: one for all ops, driven by their descriptors.
 *
 * The overloads of a name are tried in order; the first that takes the arguments is called. Where
 * there is one overload its complaint is precise; where there are several, PyTorch's list of
 * signatures is the complaint. */
#include "args.h"

#include <facula/autograd.h>

#include <string.h>

enum { ARGS_BYTES = 512 };

const char fac__no_pinned_memory[] =
    "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
    "available on this system.";

/* --- parsing ---------------------------------------------------------------------------------- */

static const fac__param *by_name(const fac__op *op, PyObject *name) {
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        if (PyUnicode_CompareWithASCIIString(name, p->name) == 0 ||
            (p->alias != NULL && PyUnicode_CompareWithASCIIString(name, p->alias) == 0))
            return p;
    }
    return NULL;
}

/* NumPy's names, accepted where PyTorch accepts them. */
static const fac__param *by_numpy_name(const fac__op *op, PyObject *name) {
    static const char *const pairs[][2] = {
        {"dim", "axis"}, {"keepdim", "keepdims"}, {"input", "x"}, {"input", "a"}, {"other", "x2"}};
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++)
        if (PyUnicode_CompareWithASCIIString(name, pairs[k][1]) == 0)
            for (int i = 0; i < op->nparams; i++)
                if (strcmp(op->params[i].name, pairs[k][0]) == 0)
                    return &op->params[i];
    return NULL;
}

/* The keywords of ops that make tensors, or NULL. */
static bool *creation_flag(const fac__op *op, fac__pool *pool, PyObject *name) {
    if (!(op->flags & FAC__OP_CREATION))
        return NULL;
    if (PyUnicode_CompareWithASCIIString(name, "requires_grad") == 0)
        return &pool->requires_grad;
    return PyUnicode_CompareWithASCIIString(name, "pin_memory") == 0 ? &pool->pin_memory : NULL;
}

/* Keywords that are not parameters of the op: out, requires_grad, pin_memory. 1 taken, 0 unknown.
 */
static int extra_keyword(const fac__op *op, fac__pool *pool, bool method, PyObject *name,
                         PyObject *o) {
    if ((op->flags & FAC__OP_OUT) && !method &&
        PyUnicode_CompareWithASCIIString(name, "out") == 0) {
        if (o == Py_None)
            return 1;
        if (op->nout > 1) {
            if (!PyTuple_Check(o) && !PyList_Check(o))
                return 0;
            if (PySequence_Fast_GET_SIZE(o) != op->nout)
                return 0;
            for (int i = 0; i < op->nout; i++) {
                PyObject *item = PySequence_Fast_GET_ITEM(o, i);
                if (!fac__tensor_check(item))
                    return 0;
                pool->out[i] = fac__tensor_of(item);
            }
        } else {
            if (!fac__tensor_check(o))
                return 0;
            pool->out[0] = fac__tensor_of(o);
        }
        pool->nout = op->nout;
        return 1;
    }
    bool *flag = creation_flag(op, pool, name);
    return flag == NULL ? 0 : o == Py_None ? 1 : fac__to_bool(o, flag);
}

/* Whether numbers stand in every tensor's place, which few ops take. */
static bool numbers_only(const fac__op *op, const char *buffer) {
    bool values = false;
    for (int i = 0; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        if (p->type == FAC__T_VALUE && ((const fac_value *)(buffer + p->offset))->tensor == NULL)
            values = true;
        else if (p->tensor_index != 255 && *(fac_tensor *const *)(buffer + p->offset) != NULL)
            return false;
    }
    return values && !(op->flags & FAC__OP_NUMBERS_OK);
}

/* Reads the device once all else fits: a name that is none is an error of its own, not a signature
 * that does not match. */
static int read_device(fac__pool *pool) {
    if (fac__to_device(pool->device, pool->device_field) < 0)
        return -1;
    if (pool->device_field->type != FAC_CUDA)
        return 1;
    PyErr_SetString(PyExc_AssertionError, "Torch not compiled with CUDA enabled");
    return -1;
}

/* What was not said: the thread's default device, and its error where that is none we have. */
static int default_device(const fac__op *op, char *args) {
    fac_device d = fac__default_device();
    if (FAC_LIKELY(d.type == FAC_DEVICE_NONE))
        return 1;
    for (int i = 0; i < op->nparams; i++)
        if (op->params[i].type == FAC__T_DEVICE)
            *(fac_device *)(void *)(args + op->params[i].offset) = d;
    if (d.type != FAC_CUDA)
        return 1;
    PyErr_SetString(PyExc_AssertionError, "Torch not compiled with CUDA enabled");
    return -1;
}

/* One overload tried with one call's arguments. */
typedef struct {
    const fac__entry *e;
    const fac__op *op;
    PyObject *self; /* the tensor of a method, or NULL */
    PyObject *const *args;
    Py_ssize_t n;
    PyObject *names;
    char *buffer; /* the argument struct */
    fac__pool *pool;
    fac__failure *failure;
    uint64_t seen; /* bits over params */
} attempt;

/* Argument i of the call, at a position from 1 or by name. 1 it fits, 0 it does not, -1 exception
 * set; so for all that follow. */
static int take(attempt *t, int i, PyObject *o, int position) {
    const fac__param *p = &t->op->params[i];
    int r = fac__convert(t->e, t->pool, p, o, t->buffer);
    if (r == 0)
        fac__type_complaint(t->failure, t->e, p, position, o);
    t->seen |= 1ull << i;
    return r;
}

/* Whether this is a method of the tensor alone: what complains there is Python itself. */
static bool takes_nothing(const attempt *t) {
    return t->self != NULL && t->e->n == 1 && t->op->nparams == 1;
}

static int too_many(attempt *t, int first) {
    int most = 0, least = 0;
    if (takes_nothing(t)) {
        fac__complain(t->failure, PyExc_TypeError, "TensorBase.%s() takes no arguments (%d given)",
                      t->e->name, (int)t->n);
        return 0;
    }
    for (int i = first; i < t->op->nparams; i++) {
        most += !(t->op->params[i].flags & FAC__P_KEYWORD);
        least += !(t->op->params[i].flags & FAC__P_OPTIONAL);
    }
    if (least != most)
        fac__complain(t->failure, PyExc_TypeError,
                      "%s() takes from %d to %d positional arguments but %d were given", t->e->name,
                      least, most, (int)t->n);
    else
        fac__complain(t->failure, PyExc_TypeError,
                      "%s() takes %d positional argument%s but %d %s given", t->e->name, most,
                      most == 1 ? "" : "s", (int)t->n, t->n == 1 ? "was" : "were");
    return 0;
}

/* Integers one by one, from position `at` to the last. */
static int take_integers(attempt *t, int i, Py_ssize_t at) {
    const fac__param *p = &t->op->params[i];
    int64_t *to = t->pool->ints + t->pool->nints;
    int count = 0;
    if (t->n - at > FAC_MAX_DIMS)
        return 0;
    for (; at < t->n; at++) {
        int r = fac__to_element(t->e, p, t->args[at], count, &to[count]);
        if (r == 0 && t->n > 1)
            return too_many(t, t->self != NULL ? 1 : 0);
        if (r == 0)
            fac__type_complaint(t->failure, t->e, p, (int)at + 1, t->args[at]);
        if (r != 1)
            return r;
        count++;
    }
    *(fac_ints *)(void *)(t->buffer + p->offset) = (fac_ints){to, count, true};
    t->pool->nints += count;
    t->seen |= 1ull << i;
    return 1;
}

static int take_positional(attempt *t) {
    int first = t->self != NULL ? 1 : 0;
    Py_ssize_t at = 0;
    for (int i = first; i < t->op->nparams && at < t->n; i++, at++) {
        const fac__param *p = &t->op->params[i];
        if (p->flags & FAC__P_KEYWORD)
            break;
        PyObject *o = t->args[at];
        /* one by one where they stand alone: x.permute(0, 1), but not torch.permute(x, 0, 1) */
        bool single = !PyTuple_Check(o) && !PyList_Check(o) && !(o == Py_None && t->n == 1);
        if ((p->flags & FAC__P_VARARGS) && single) {
            if (at == 0)
                return take_integers(t, i, at);
            if (at + 1 < t->n)
                return too_many(t, first);
        }
        int r = take(t, i, o, (int)at + 1);
        if (r != 1)
            return r;
    }
    return at < t->n ? too_many(t, first) : 1;
}

/* A keyword that is no parameter. */
static int take_extra(attempt *t, PyObject *name, PyObject *o) {
    int r = extra_keyword(t->op, t->pool, t->self != NULL, name, o);
    if (r != 0)
        return r;
    const char *text = PyUnicode_AsUTF8(name);
    if (text == NULL)
        return -1;
    if (t->op->nout == 1 && (t->op->flags & FAC__OP_OUT) && t->self == NULL &&
        strcmp(text, "out") == 0)
        fac__complain(t->failure, PyExc_TypeError, "%s(): argument 'out' must be Tensor, not %s",
                      t->e->name, Py_TYPE(o)->tp_name);
    else if (creation_flag(t->op, t->pool, name) != NULL)
        fac__complain(t->failure, PyExc_TypeError, "%s(): argument '%s' must be bool, not %s",
                      t->e->name, text, Py_TYPE(o)->tp_name);
    else
        fac__complain(t->failure, PyExc_TypeError, "%s() got an unexpected keyword argument '%s'",
                      t->e->name, text);
    return 0;
}

static int take_keywords(attempt *t) {
    Py_ssize_t nnames = t->names == NULL ? 0 : PyTuple_GET_SIZE(t->names);
    if (nnames > 0 && takes_nothing(t)) {
        fac__complain(t->failure, PyExc_TypeError, "TensorBase.%s() takes no keyword arguments",
                      t->e->name);
        return 0;
    }
    for (Py_ssize_t k = 0; k < nnames; k++) {
        PyObject *name = PyTuple_GET_ITEM(t->names, k), *o = t->args[t->n + k];
        const fac__param *p = by_name(t->op, name);
        if (p == NULL)
            p = by_numpy_name(t->op, name);
        int i = p == NULL ? -1 : (int)(p - t->op->params);
        if (p != NULL && (t->seen & (1ull << i))) {
            fac__complain(t->failure, PyExc_TypeError, "%s() got multiple values for argument '%s'",
                          t->e->name, p->name);
            return 0;
        }
        int r = p != NULL ? take(t, i, o, 0) : take_extra(t, name, o);
        if (r != 1)
            return r;
    }
    return 1;
}

static int check_complete(attempt *t) {
    if (FAC_UNLIKELY((t->op->required & ~t->seen) != 0)) {
        fac__missing_complaint(t->failure, t->e, t->op, t->seen);
        return 0;
    }
    if (t->self == NULL && numbers_only(t->op, t->buffer)) {
        fac__type_complaint(t->failure, t->e, &t->op->params[0], 1,
                            t->n > 0 ? t->args[0] : Py_None);
        return 0;
    }
    if (t->pool->device != NULL)
        return read_device(t->pool);
    if (FAC_UNLIKELY((t->op->flags & FAC__OP_CREATION) && t->op->ntensors == 0 &&
                     t->pool->nout <= 0))
        return default_device(t->op, t->buffer);
    return 1;
}

static void pool_clear(fac__pool *pool) {
    for (int i = 0; i < pool->nmore; i++)
        PyMem_Free(pool->more[i]);
    pool->nmore = 0;
}

/* Fills the argument struct of one overload. */
static int parse(attempt *t) {
    const fac__op *op = t->op;
    fac__pool *pool = t->pool;
    pool_clear(pool);
    pool->nints = pool->ntensors = 0;
    pool->nout = -1;
    pool->device = NULL;
    pool->requires_grad = pool->pin_memory = false;
    if (op->defaults != NULL)
        memcpy(t->buffer, op->defaults, op->args_size);
    else
        memset(t->buffer, 0, op->args_size);
    t->seen = 0;
    if (t->self != NULL) {
        *(fac_tensor **)(void *)(t->buffer + op->params[0].offset) = fac__tensor_of(t->self);
        t->seen = 1;
    }
    int r = take_positional(t);
    if (r == 1 && t->names != NULL)
        r = take_keywords(t);
    return r == 1 ? check_complete(t) : r;
}

/* Parses the arguments once more, to tell what is wrong with them. */
static PyObject *refuse(attempt *t) {
    fac__failure failure = {"", NULL};
    t->failure = &failure;
    for (int i = 0; i < t->e->n; i++) {
        t->op = t->e->ops[i];
        if (parse(t) < 0)
            return NULL;
    }
    if (failure.type == NULL || t->e->n != 1 || t->e->signature != NULL)
        return fac__no_overload(t->e, t->self, t->args, t->n, t->names, &failure);
    PyErr_SetString(failure.type, failure.text);
    return NULL;
}

/* --- calling -----------------------------------------------------------------------------------
 */

static PyObject *wrap_results(const fac__op *op, fac__outs *outs) {
    if (op->flags & FAC__OP_NUMBER)
        return fac__wrap_scalar(outs->number);
    if (!(op->flags & FAC__OP_LIST) && outs->n == 1)
        return fac__wrap(outs->v[0]);
    PyObject *r;
    if (op->struct_name != NULL) {
        extern PyObject *fac__struct_for(const fac__op *op);
        PyObject *type = fac__struct_for(op);
        r = type == NULL ? NULL : PyStructSequence_New((PyTypeObject *)type);
    } else {
        r = PyTuple_New(outs->n);
    }
    for (int i = 0; i < outs->n; i++) {
        PyObject *o = r == NULL ? NULL : fac__wrap(outs->v[i]);
        if (r == NULL) {
            fac__release(outs->v[i]);
        } else if (o == NULL) {
            Py_CLEAR(r);
        } else if (op->struct_name != NULL) {
            PyStructSequence_SET_ITEM(r, i, o);
        } else {
            PyTuple_SET_ITEM(r, i, o);
        }
    }
    fac__outs_done(outs);
    return r;
}

/* Past this many elements a call takes long enough for other threads to want the GIL. */
enum { RELEASE_GIL_FROM = 1 << 15 };

static bool long_call(const fac__op *op, const void *args) {
    for (int i = 0; i < op->ntensors; i++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
        if (t != NULL && t->numel >= RELEASE_GIL_FROM)
            return !(op->flags & FAC__OP_VIEW);
    }
    return false;
}

PyObject *fac__invoke(const fac__op *op, void *args, int how, fac_tensor *const *given,
                      int ngiven) {
    fac__outs outs;
    fac__outs_init(&outs, op->nout);
    if (how != FAC__CALL_NEW) {
        outs.how = (uint8_t)how;
        memset(outs.given, 0, sizeof outs.given);
        for (int i = 0; i < ngiven; i++)
            outs.given[i] = given[i];
    }
    int r;
    if (FAC_UNLIKELY(long_call(op, args))) {
        PyThreadState *state = PyEval_SaveThread();
        r = fac__call(op, args, &outs);
        PyEval_RestoreThread(state);
    } else {
        r = fac__call(op, args, &outs);
    }
    if (FAC_UNLIKELY(r != 0))
        return fac__raise();
    return wrap_results(op, &outs);
}

static PyObject *finish_creation(const fac__op *op, const fac__pool *pool, PyObject *result) {
    if (result == NULL || !(op->flags & FAC__OP_CREATION) || !pool->requires_grad)
        return result;
    return fac__begin_grad(result);
}

PyObject *fac__begin_grad(PyObject *result) {
    fac_tensor *t = fac__tensor_of(result);
    bool can = fac__is_float((fac_dtype)t->dtype) || fac__is_complex((fac_dtype)t->dtype);
    if (!can)
        PyErr_SetString(PyExc_RuntimeError, "Only Tensors of floating point and complex dtype can "
                                            "require gradients");
    else if (fac_set_requires_grad(t, true))
        return result;
    else
        fac__raise();
    Py_DECREF(result);
    return NULL;
}

static PyObject *call(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                      PyObject *names, int how, PyObject *holder) {
    if (FAC_UNLIKELY(fac__function_mode_active() || fac__any_override(self, args, n, names))) {
        PyObject *func = PyObject_GetAttrString(holder, e->name);
        PyObject *r = func == NULL ? NULL : fac__call_override(func, self, args, n, names);
        Py_XDECREF(func);
        return r;
    }
    _Alignas(16) char buffer[ARGS_BYTES];
    fac__pool pool;
    pool.nmore = 0;
    attempt t = {.e = e, .self = self, .args = args, .n = n, .names = names};
    t.buffer = buffer;
    t.pool = &pool;
    PyObject *result = NULL;
    for (int i = 0; i < e->n; i++) {
        const fac__op *op = t.op = e->ops[i];
        int r = parse(&t);
        if (r < 0)
            goto done;
        if (r == 0)
            continue;
        if (pool.pin_memory) {
            PyErr_SetString(PyExc_RuntimeError, fac__no_pinned_memory);
            goto done;
        }
        if (how == FAC__CALL_INPLACE) {
            fac_tensor *t = fac__tensor_of(self);
            result = fac__invoke(op, buffer, how, &t, 1);
        } else if (pool.nout > 0) {
            result = fac__invoke(op, buffer, FAC__CALL_OUT, pool.out, pool.nout);
        } else {
            result = finish_creation(op, &pool, fac__invoke(op, buffer, how, NULL, 0));
        }
        goto done;
    }
    result = refuse(&t);
done:
    pool_clear(&pool);
    return result;
}

PyObject *fac__py_function(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                           PyObject *names) {
    (void)self;
    return call(e, NULL, args, n, names, FAC__CALL_NEW, fac__module);
}

PyObject *fac__py_call(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                       PyObject *names) {
    (void)self;
    if (n < 1 || !fac__tensor_check(args[0]))
        return PyErr_Format(PyExc_TypeError, "%s(): argument 'input' (position 1) must be Tensor",
                            e->name);
    return call(e, args[0], args + 1, n - 1, names, FAC__CALL_INPLACE, fac__module);
}

PyObject *fac__py_nncall(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                         PyObject *names) {
    return fac__py_call(e, self, args, n, names);
}

PyObject *fac__py_nn(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                     PyObject *names) {
    (void)self;
    return call(e, NULL, args, n, names, FAC__CALL_NEW, fac__nn_module);
}

PyObject *fac__py_method(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                         PyObject *names) {
    return call(e, self, args, n, names, FAC__CALL_NEW, (PyObject *)fac__tensor_type);
}

PyObject *fac__py_inplace(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                          PyObject *names) {
    return call(e, self, args, n, names, FAC__CALL_INPLACE, (PyObject *)fac__tensor_type);
}

PyObject *fac__call_descriptor(const fac__op *op, int how, PyObject *const *args, Py_ssize_t n,
                               PyObject *names) {
    _Alignas(16) char buffer[ARGS_BYTES];
    fac__entry entry = {op->python, &op, 1, NULL};
    fac__pool pool;
    pool.nmore = 0;
    fac__failure failure = {"", NULL};
    attempt t = {&entry, op, NULL, args, n, names, buffer, &pool, &failure, 0};
    PyObject *result = NULL;
    int r = parse(&t);
    if (r == 0)
        PyErr_SetString(failure.type == NULL ? PyExc_TypeError : failure.type, failure.text);
    if (r == 1 && how == FAC__CALL_INPLACE) {
        fac_tensor *t = op->ntensors > 0 ? fac__arg_tensor(buffer, op->tensor_offsets[0]) : NULL;
        if (t == NULL)
            PyErr_Format(PyExc_TypeError, "%s_(): the first argument must be a Tensor", op->python);
        else
            result = fac__invoke(op, buffer, how, &t, 1);
    } else if (r == 1 && how == FAC__CALL_OUT) {
        if (pool.nout <= 0)
            PyErr_Format(PyExc_TypeError, "%s() missing keyword argument 'out'", op->python);
        else
            result = fac__invoke(op, buffer, how, pool.out, pool.nout);
    } else if (r == 1) {
        result = finish_creation(op, &pool, fac__invoke(op, buffer, FAC__CALL_NEW, NULL, 0));
    }
    pool_clear(&pool);
    return result;
}
