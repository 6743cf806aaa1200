/* t[...] and t[...] = v: Python's subscripts as the items of facula/indexing.h. */
#include "ext.h"

#include <facula/indexing.h>

/* Tensors made from lists and arrays on the way. */
struct items {
    fac_subscript v[2 * FAC_MAX_DIMS];
    int n;
    PyObject *made[FAC_MAX_DIMS];
    int nmade;
};

static void drop(struct items *it) {
    for (int i = 0; i < it->nmade; i++)
        Py_DECREF(it->made[i]);
}

static int add_tensor(struct items *it, PyObject *o, bool made) {
    if (made) {
        if (o == NULL)
            return -1;
        if (it->nmade == FAC_MAX_DIMS) {
            Py_DECREF(o);
            PyErr_SetString(PyExc_IndexError, "too many indices");
            return -1;
        }
        it->made[it->nmade++] = o;
    }
    it->v[it->n].kind = FAC_INDEX_TENSOR;
    it->v[it->n++].as.tensor = fac__tensor_of(o);
    return 0;
}

/* A bound of a slice: huge integers saturate, as in Python. */
static int bound(PyObject *o, fac_opt_int *out) {
    out->given = o != Py_None;
    out->value = 0;
    if (!out->given)
        return 0;
    if (fac__tensor_check(o)) {
        int r = fac__to_int(o, &out->value);
        if (r == 0)
            PyErr_Format(PyExc_TypeError,
                         "slice indices must be integers or None or have an __index__ method");
        return r == 1 ? 0 : -1;
    }
    if (!PyIndex_Check(o)) {
        PyErr_Format(PyExc_TypeError,
                     "slice indices must be integers or None or have an __index__ method");
        return -1;
    }
    Py_ssize_t v = PyNumber_AsSsize_t(o, NULL);
    if (v == -1 && PyErr_Occurred())
        return -1;
    out->value = v;
    return 0;
}

static int add_item(struct items *it, PyObject *o) {
    if (it->n == 2 * FAC_MAX_DIMS) {
        PyErr_SetString(PyExc_IndexError, "too many indices for tensor");
        return -1;
    }
    fac_subscript *x = &it->v[it->n];
    if (PyLong_CheckExact(o)) {
        int overflow;
        x->kind = FAC_INDEX_INT;
        x->as.integer = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (overflow != 0) {
            PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
            return -1;
        }
        it->n++;
        return 0;
    }
    if (PySlice_Check(o)) {
        PySliceObject *s = (PySliceObject *)o;
        x->kind = FAC_INDEX_SLICE;
        if (bound(s->start, &x->as.slice.start) != 0 || bound(s->stop, &x->as.slice.stop) != 0 ||
            bound(s->step, &x->as.slice.step) != 0)
            return -1;
        if (x->as.slice.step.given && x->as.slice.step.value <= 0) {
            PyErr_SetString(PyExc_ValueError, x->as.slice.step.value == 0
                                                  ? "slice step cannot be zero"
                                                  : "step must be greater than zero");
            return -1;
        }
        it->n++;
        return 0;
    }
    if (o == Py_None) {
        x->kind = FAC_INDEX_NONE;
        it->n++;
        return 0;
    }
    if (o == Py_Ellipsis) {
        x->kind = FAC_INDEX_ELLIPSIS;
        it->n++;
        return 0;
    }
    if (PyBool_Check(o)) {
        x->kind = FAC_INDEX_BOOL;
        x->as.truth = o == Py_True;
        it->n++;
        return 0;
    }
    if (fac__tensor_check(o)) {
        fac_tensor *t = fac__tensor_of(o);
        /* a zero-dim integer is an index of its own, as a number would be */
        if (t->ndim == 0 && fac__is_integral((fac_dtype)t->dtype, false) && t->dtype != FAC_UINT8 &&
            t->data != NULL) {
            fac_scalar s;
            if (fac__item(t, &s) != 0) {
                fac__raise();
                return -1;
            }
            x->kind = FAC_INDEX_INT;
            x->as.integer = fac__scalar_int(s);
            it->n++;
            return 0;
        }
        return add_tensor(it, o, false);
    }
    if (PyList_Check(o) || PyTuple_Check(o) || PyObject_HasAttrString(o, "__array_interface__")) {
        fac_dtype d = FAC_DTYPE_NONE;
        if (PySequence_Check(o) && PySequence_Length(o) == 0)
            d = FAC_INT64;
        PyErr_Clear();
        return add_tensor(it, fac__tensor_from_data(o, d, (fac_device){0, -1}, false), true);
    }
    if (PyIndex_Check(o)) {
        PyObject *i = PyNumber_Index(o);
        int r = i == NULL ? -1 : add_item(it, i);
        Py_XDECREF(i);
        return r;
    }
    if (PyUnicode_Check(o)) {
        PyErr_SetString(PyExc_TypeError, "new(): invalid data type 'str'");
        return -1;
    }
    PyErr_Format(
        PyExc_IndexError,
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
        "valid indices (got %s)",
        Py_TYPE(o)->tp_name);
    return -1;
}

static int read_key(struct items *it, PyObject *key) {
    it->n = it->nmade = 0;
    if (!PyTuple_Check(key))
        return add_item(it, key);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++)
        if (add_item(it, PyTuple_GET_ITEM(key, i)) != 0)
            return -1;
    return 0;
}

static bool key_overrides(PyObject *self, PyObject *key) {
    if (fac__function_mode_active() || fac__overrides(self) || fac__overrides(key))
        return true;
    if (PyTuple_Check(key))
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(key); i++)
            if (fac__overrides(PyTuple_GET_ITEM(key, i)))
                return true;
    return false;
}

static PyObject *overridden(const char *name, PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyObject *func = PyObject_GetAttrString((PyObject *)fac__tensor_type, name);
    PyObject *r = func == NULL ? NULL : fac__call_override(func, self, args, n, NULL);
    Py_XDECREF(func);
    return r;
}

PyObject *fac__py_getitem(PyObject *self, PyObject *key) {
    struct items it;
    if (FAC_UNLIKELY(key_overrides(self, key)))
        return overridden("__getitem__", self, &key, 1);
    if (read_key(&it, key) != 0) {
        drop(&it);
        return NULL;
    }
    fac_scope *scope = fac_scope_open();
    fac_tensor *t = fac_index_get(fac__tensor_of(self), it.v, it.n);
    bool bad = fac__is_bad(t);
    if (!bad)
        fac__retain(t);
    fac_scope_close(scope);
    drop(&it);
    return bad ? fac__raise() : fac__wrap(t);
}

int fac__py_setitem(PyObject *self, PyObject *key, PyObject *value) {
    struct items it;
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "Tensor does not support deleting items");
        return -1;
    }
    if (FAC_UNLIKELY(key_overrides(self, key) || fac__overrides(value))) {
        PyObject *args[2] = {key, value}, *r = overridden("__setitem__", self, args, 2);
        Py_XDECREF(r);
        return r == NULL ? -1 : 0;
    }
    fac_value v;
    int r = fac__to_value(value, &v);
    if (r == 0)
        PyErr_Format(PyExc_TypeError, "can't assign a %s to a torch.%sTensor",
                     Py_TYPE(value)->tp_name,
                     fac__scalar_type_name((fac_dtype)fac__tensor_of(self)->dtype));
    bool wide = r == 1 && v.tensor == NULL && v.number.kind == FAC_UINT64 &&
                fac__is_integral((fac_dtype)fac__tensor_of(self)->dtype, false) &&
                fac__tensor_of(self)->dtype != FAC_UINT64;
    if (wide || (r < 0 && PyErr_ExceptionMatches(PyExc_OverflowError)))
        PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    if (r != 1 || wide)
        return -1;
    bool bad = true;
    if (read_key(&it, key) == 0) {
        fac_scope *scope = fac_scope_open();
        bad = fac__is_bad(fac_index_set(fac__tensor_of(self), it.v, it.n, v));
        fac_scope_close(scope);
        if (bad)
            fac__raise();
    }
    drop(&it);
    return bad ? -1 : 0;
}
