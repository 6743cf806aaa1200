/* The dispatch level for Python: ops as objects, argument structs as Python arguments, and modes
 * that see every primitive below autograd, casts and backward's own included.
 *
 * A handler runs with FAC__L_BELOW set: what it calls is neither recorded nor cast again, and the
 * mode itself is left, as the gate leaves every mode that runs. */
#include "ext.h"

#include <stdlib.h>
#include <string.h>

/* --- an argument struct as args and kwargs ------------------------------------------------------
 */

static PyObject *wrap_list(const fac_tensors *l) {
    PyObject *list = PyList_New(l->n);
    for (int i = 0; list != NULL && i < l->n; i++) {
        PyObject *o = fac__wrap(fac__retain(l->values[i]));
        if (o == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, o);
    }
    return list;
}

static PyObject *wrap_ints(const fac_ints *v) {
    PyObject *list = PyList_New(v->n);
    for (int i = 0; list != NULL && i < v->n; i++) {
        PyObject *o = PyLong_FromLongLong(v->values[i]);
        if (o == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, o);
    }
    return list;
}

static PyObject *scalar_or_none(fac_scalar s) {
    return fac__given(s) ? fac__wrap_scalar(s) : Py_NewRef(Py_None);
}

static PyObject *wrap_generator(fac_generator *g) {
    (void)g;
    return Py_NewRef(Py_None); /* the op keeps its own; a handler sees that none was named */
}

/* One parameter as Python writes it. */
PyObject *fac__box(const fac__param *p, const char *args) {
    const void *field = args + p->offset;
    switch ((enum fac__type)p->type) {
    case FAC__T_TENSOR:
        return fac__wrap(fac__retain(*(fac_tensor *const *)field));
    case FAC__T_VALUE: {
        const fac_value *v = field;
        return v->tensor != NULL ? fac__wrap(fac__retain(v->tensor)) : scalar_or_none(v->number);
    }
    case FAC__T_TENSORS:
        return wrap_list(field);
    case FAC__T_SCALAR:
        return scalar_or_none(*(const fac_scalar *)field);
    case FAC__T_INT:
        return PyLong_FromLongLong(*(const int64_t *)field);
    case FAC__T_OPT_INT: {
        const fac_opt_int *v = field;
        return v->given ? PyLong_FromLongLong(v->value) : Py_NewRef(Py_None);
    }
    case FAC__T_INTS: {
        const fac_ints *v = field;
        return v->given || v->n > 0 ? wrap_ints(v) : Py_NewRef(Py_None);
    }
    case FAC__T_FLOAT:
        return PyFloat_FromDouble(*(const double *)field);
    case FAC__T_OPT_FLOAT: {
        const fac_opt_float *v = field;
        return v->given ? PyFloat_FromDouble(v->value) : Py_NewRef(Py_None);
    }
    case FAC__T_BOOL:
        return PyBool_FromLong(*(const bool *)field);
    case FAC__T_OPT_BOOL: {
        fac_opt_bool v = *(const fac_opt_bool *)field;
        return v == FAC_UNSET ? Py_NewRef(Py_None) : PyBool_FromLong(v == FAC_TRUE);
    }
    case FAC__T_STR: {
        const char *s = *(const char *const *)field;
        return s == NULL ? Py_NewRef(Py_None) : PyUnicode_FromString(s);
    }
    case FAC__T_GENERATOR:
        return wrap_generator(*(fac_generator *const *)field);
    case FAC__T_DTYPE: {
        fac_dtype d = *(const fac_dtype *)field;
        return d == FAC_DTYPE_NONE ? Py_NewRef(Py_None) : fac__wrap_dtype(d);
    }
    case FAC__T_LAYOUT: {
        fac_layout l = *(const fac_layout *)field;
        return l == FAC_LAYOUT_NONE ? Py_NewRef(Py_None) : fac__wrap_layout(l);
    }
    case FAC__T_DEVICE: {
        fac_device d = *(const fac_device *)field;
        return d.type == FAC_DEVICE_NONE ? Py_NewRef(Py_None) : fac__wrap_device(d);
    }
    case FAC__T_FORMAT: {
        fac_memory_format f = *(const fac_memory_format *)field;
        return f == FAC_FORMAT_NONE ? Py_NewRef(Py_None) : fac__wrap_format(f);
    }
    }
    Py_RETURN_NONE;
}

/* Whether the value is what the parameter's default text says; such are left out. */
static bool is_default(const fac__param *p, PyObject *v) {
    if (!(p->flags & FAC__P_OPTIONAL))
        return false;
    if (p->initial == NULL || strcmp(p->initial, "None") == 0)
        return v == Py_None;
    if (v == Py_None)
        return true; /* zero bytes: the default is the op's own business */
    PyObject *text = PyObject_Str(v);
    if (text == NULL) {
        PyErr_Clear();
        return false;
    }
    bool same = PyUnicode_CompareWithASCIIString(text, p->initial) == 0;
    Py_DECREF(text);
    if (!same && PyFloat_Check(v))
        same = strtod(p->initial, NULL) == PyFloat_AS_DOUBLE(v);
    return same;
}

static int box_all(const fac__op *op, const char *args, PyObject **tuple, PyObject **kwargs) {
    int last = -1;
    *tuple = NULL;
    *kwargs = PyDict_New();
    PyObject *v[64] = {NULL};
    int r = *kwargs == NULL ? -1 : 0, n = op->nparams < 64 ? op->nparams : 64;
    for (int i = 0; r == 0 && i < n; i++) {
        v[i] = fac__box(&op->params[i], args);
        if (v[i] == NULL)
            r = -1;
        else if (is_default(&op->params[i], v[i]))
            continue;
        else if (!(op->params[i].flags & FAC__P_KEYWORD))
            last = i;
        else
            r = PyDict_SetItemString(*kwargs, op->params[i].name, v[i]);
    }
    if (r == 0)
        *tuple = PyTuple_New(last + 1);
    for (int i = 0; i < n; i++) {
        if (*tuple != NULL && i <= last)
            PyTuple_SET_ITEM(*tuple, i, v[i]);
        else
            Py_XDECREF(v[i]);
    }
    return *tuple == NULL ? -1 : 0;
}

/* --- results of a handler -----------------------------------------------------------------------
 */

static int take(PyObject *o, fac_tensor **out) {
    if (o == Py_None) {
        *out = NULL;
        return 0;
    }
    if (!fac__tensor_check(o)) {
        PyErr_Format(PyExc_TypeError, "__torch_dispatch__ must return a Tensor here, not %s",
                     Py_TYPE(o)->tp_name);
        return -1;
    }
    *out = fac__retain(fac__tensor_of(o));
    return 0;
}

static int take_results(const fac__op *op, PyObject *result, fac__outs *outs) {
    if (outs->how == FAC__CALL_INPLACE) {
        outs->v[0] = fac__retain(outs->given[0]);
        return 0;
    }
    if (outs->how == FAC__CALL_OUT) {
        for (int i = 0; i < outs->n; i++)
            outs->v[i] = fac__retain(outs->given[i]);
        return 0;
    }
    if (op->flags & FAC__OP_NUMBER)
        return fac__to_scalar(result, &outs->number) == 1 ? 0 : -1;
    if (op->nout == 1 && !(op->flags & FAC__OP_LIST))
        return take(result, &outs->v[0]);
    PyObject *fast = PySequence_Fast(result, "__torch_dispatch__ must return a tuple here");
    if (fast == NULL)
        return -1;
    int n = (int)PySequence_Fast_GET_SIZE(fast), r = 0;
    if (op->flags & FAC__OP_LIST) {
        r = fac__outs_resize(outs, n);
    } else if (n != outs->n) {
        PyErr_Format(PyExc_TypeError, "__torch_dispatch__ returned %d values for %s, which has %d",
                     n, op->name, outs->n);
        r = -1;
    }
    for (int i = 0; r == 0 && i < n; i++)
        r = take(PySequence_Fast_GET_ITEM(fast, i), &outs->v[i]);
    Py_DECREF(fast);
    return r;
}

/* --- modes --------------------------------------------------------------------------------------
 */

struct python_mode {
    fac__mode mode;
    PyObject *object;
};

static PyObject *op_object(const fac__op *op, const void *args, int how) {
    static PyObject *make;
    if (make == NULL) {
        PyObject *m = PyImport_ImportModule("facula._op_overload");
        make = m == NULL ? NULL : PyObject_GetAttrString(m, "_overload");
        Py_XDECREF(m);
        if (make == NULL)
            return NULL;
    }
    /* which of the overloads that are one op of ours: the second argument's kind decides */
    char second = '-';
    for (int i = 1; i < op->nparams && second == '-'; i++) {
        const fac__param *p = &op->params[i];
        const char *field = (const char *)args + p->offset;
        if (p->type == FAC__T_VALUE) {
            const fac_value *v = (const fac_value *)(const void *)field;
            second = v->tensor != NULL ? 'T' : fac__given(v->number) ? 'S' : '-';
        } else if (p->type == FAC__T_INTS && strcmp(p->name, "dim") == 0) {
            second = ((const fac_ints *)(const void *)field)->given ? 'D' : 'N';
        }
    }
    const fac__param *p0 = op->nparams > 0 ? &op->params[0] : NULL;
    if (p0 != NULL && p0->type == FAC__T_VALUE &&
        ((const fac_value *)(const void *)((const char *)args + p0->offset))->tensor == NULL)
        second = 'R'; /* a number first */
    return PyObject_CallFunction(make, "iiC", (int)op->id, how, (int)second);
}

static PyObject *ask(PyObject *mode, const fac__op *op, void *args, fac__outs *outs) {
    PyObject *tuple = NULL, *kwargs = NULL, *r = NULL;
    PyObject *func = op_object(op, args, outs->how);
    if (func != NULL && box_all(op, args, &tuple, &kwargs) == 0) {
        int bad = 0;
        if (outs->how == FAC__CALL_OUT) {
            fac_tensors given = {outs->given, outs->n};
            PyObject *out =
                outs->n == 1 ? fac__wrap(fac__retain(outs->given[0])) : wrap_list(&given);
            bad = out == NULL ? -1 : PyDict_SetItemString(kwargs, "out", out);
            Py_XDECREF(out);
        }
        PyObject *types = bad != 0 ? NULL : PyTuple_New(0);
        if (types != NULL)
            r = PyObject_CallMethod(mode, "__torch_dispatch__", "OOOO", func, types, tuple, kwargs);
        Py_XDECREF(types);
    }
    Py_XDECREF(func);
    Py_XDECREF(tuple);
    Py_XDECREF(kwargs);
    return r;
}

static int call_mode(fac__mode *self, const fac__op *op, void *args, fac__outs *outs) {
    PyGILState_STATE g = PyGILState_Ensure();
    PyObject *object = Py_NewRef(((struct python_mode *)self)->object);
    uint32_t old = fac__tls.levels & FAC__L_BELOW;
    fac__tls.levels |= FAC__L_BELOW;
    PyObject *result = ask(object, op, args, outs);
    fac__tls.levels = (fac__tls.levels & ~(uint32_t)FAC__L_BELOW) | old;
    int r = -1;
    if (result == Py_NotImplemented)
        PyErr_Format(PyExc_TypeError,
                     "Multiple dispatch failed for 'aten.%s'; all __torch_dispatch__ handlers "
                     "returned NotImplemented",
                     op->python);
    else if (result != NULL)
        r = take_results(op, result, outs);
    Py_XDECREF(result);
    Py_DECREF(object);
    if (r != 0) {
        fac__outs_clear(outs);
        fac__capture_exception();
    }
    PyGILState_Release(g);
    return r;
}

static PyObject *push_mode(PyObject *m, PyObject *object) {
    (void)m;
    struct python_mode *mode = PyMem_RawCalloc(1, sizeof *mode);
    if (mode == NULL)
        return PyErr_NoMemory();
    mode->mode.call = call_mode;
    mode->object = Py_NewRef(object);
    fac__mode_push(FAC__LEVEL_DISPATCH, &mode->mode);
    Py_RETURN_NONE;
}

static PyObject *pop_mode(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    fac__mode *top = fac__tls.modes[FAC__LEVEL_DISPATCH];
    if (top == NULL || top->call != call_mode)
        return PyErr_Format(PyExc_RuntimeError, "no dispatch mode is active here");
    fac__mode_pop(FAC__LEVEL_DISPATCH);
    struct python_mode *mode = (struct python_mode *)top;
    PyObject *object = mode->object;
    PyMem_RawFree(mode);
    return object;
}

static PyObject *mode_stack(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (fac__mode *i = fac__tls.modes[FAC__LEVEL_DISPATCH]; list != NULL && i != NULL; i = i->next)
        if (i->call == call_mode && PyList_Append(list, ((struct python_mode *)i)->object) < 0)
            Py_CLEAR(list);
    if (list != NULL && PyList_Reverse(list) < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *set_below(PyObject *m, PyObject *on) {
    (void)m;
    bool old = (fac__tls.levels & FAC__L_BELOW) != 0;
    if (PyObject_IsTrue(on) == 1)
        fac__tls.levels |= FAC__L_BELOW;
    else
        fac__tls.levels &= ~(uint32_t)FAC__L_BELOW;
    return PyBool_FromLong(old);
}

/* --- ops as objects -----------------------------------------------------------------------------
 */

/* [(name, overload, python name, flags, schema)], by id. */
static PyObject *op_table(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    PyObject *list = PyList_New(FAC__NUM_OPS);
    for (int i = 0; list != NULL && i < FAC__NUM_OPS; i++) {
        const fac__op *op = fac__ops[i];
        PyObject *params = PyTuple_New(op->nparams);
        for (int k = 0; params != NULL && k < op->nparams; k++) {
            const fac__param *p = &op->params[k];
            PyObject *t = Py_BuildValue("(ssziO)", p->text, p->name, p->initial, (int)p->type,
                                        p->flags & FAC__P_KEYWORD ? Py_True : Py_False);
            if (t == NULL)
                Py_CLEAR(params);
            else
                PyTuple_SET_ITEM(params, k, t);
        }
        PyObject *row = params == NULL ? NULL
                                       : Py_BuildValue("(sssINi)", op->name, op->overload,
                                                       op->python, op->flags, params, op->nout);
        if (row == NULL)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, row);
    }
    return list;
}

/* _call_op(id, how, *args, **kwargs) */
static PyObject *call_op(PyObject *m, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    (void)m;
    if (n < 2)
        return PyErr_Format(PyExc_TypeError, "_call_op takes an op and how to call it");
    long id = PyLong_AsLong(args[0]), how = PyLong_AsLong(args[1]);
    if (PyErr_Occurred())
        return NULL;
    if (id < 0 || id >= FAC__NUM_OPS)
        return PyErr_Format(PyExc_IndexError, "no op has the number %ld", id);
    return fac__call_descriptor(fac__ops[id], (int)how, args + 2, n - 2, names);
}

static PyMethodDef functions[] = {
    {"_push_dispatch_mode", push_mode, METH_O, NULL},
    {"_pop_dispatch_mode", pop_mode, METH_NOARGS, NULL},
    {"_dispatch_modes", mode_stack, METH_NOARGS, NULL},
    {"_set_below_autograd", set_below, METH_O, NULL},
    {"_op_table", op_table, METH_NOARGS, NULL},
    {"_call_op", (PyCFunction)(void (*)(void))call_op, METH_FASTCALL | METH_KEYWORDS, NULL},
    {0}};

int fac__init_dispatch(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
