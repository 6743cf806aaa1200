/* t[...] and t[...] = v: Python's subscripts as the items of facula/indexing.h. */
#include "ext.h"

#include <facula/indexing.h>

/* `made`: tensors made from sequences on the way, and the tuple that one stood for. */
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

/* What is in a sequence are places, or truths: whatever else it holds becomes int64. */
static PyObject *from_sequence(PyObject *o) {
    PyObject *r = fac__tensor_from_data(o, FAC_DTYPE_NONE, (fac_device){0, -1}, false);
    if (r == NULL)
        return r;
    fac_dtype d = (fac_dtype)fac__tensor_of(r)->dtype;
    if (d == FAC_BOOL || d == FAC_UINT8 || d == FAC_INT64)
        return r;
    Py_DECREF(r);
    return fac__tensor_from_data(o, FAC_INT64, (fac_device){0, -1}, false);
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
    if (PyUnicode_Check(o) || PyBytes_Check(o)) {
        PyErr_Format(PyExc_TypeError, "new(): invalid data type '%s'", Py_TYPE(o)->tp_name);
        return -1;
    }
    if (PySequence_Check(o))
        return add_tensor(it, from_sequence(o), true);
    if (PyIndex_Check(o)) {
        PyObject *i = PyNumber_Index(o);
        int r = i == NULL ? -1 : add_item(it, i);
        Py_XDECREF(i);
        return r;
    }
    PyErr_Format(
        PyExc_IndexError,
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
        "valid indices (got %s)",
        Py_TYPE(o)->tp_name);
    return -1;
}

/* A short sequence that holds sequences, slices, None or Ellipsis stands for a tuple: what NumPy
 * has left behind and PyTorch warns of. 1, 0, or -1 where the warning is an error. */
static int stands_for_tuple(PyObject *key) {
    if (fac__tensor_check(key) || PyUnicode_Check(key) || PyBytes_Check(key) ||
        !PySequence_Check(key) || PyObject_HasAttrString(key, "__array_interface__"))
        return 0;
    Py_ssize_t n = PySequence_Size(key);
    if (n < 0)
        PyErr_Clear();
    bool found = false;
    for (Py_ssize_t i = 0; i < n && n < 32 && !found; i++) {
        PyObject *o = PySequence_GetItem(key, i);
        if (o == NULL)
            PyErr_Clear();
        else
            found = fac__tensor_check(o) || PySequence_Check(o) || PySlice_Check(o) ||
                    o == Py_Ellipsis || o == Py_None;
        Py_XDECREF(o);
    }
    if (!found)
        return 0;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "Using a non-tuple sequence for multidimensional indexing is deprecated "
                        "and will be changed in pytorch 2.9; use x[tuple(seq)] instead of x[seq]. "
                        "In pytorch 2.9 this will be interpreted as tensor index, "
                        "x[torch.tensor(seq)], which will result either in an error or a "
                        "different result",
                        1) < 0
               ? -1
               : 1;
}

static int read_key(struct items *it, PyObject *key) {
    it->n = it->nmade = 0;
    if (!PyTuple_Check(key)) {
        int as_tuple = PyLong_Check(key) || PySlice_Check(key) ? 0 : stands_for_tuple(key);
        if (as_tuple <= 0)
            return as_tuple < 0 ? -1 : add_item(it, key);
        key = PySequence_Tuple(key);
        if (key == NULL)
            return -1;
        it->made[it->nmade++] = key;
    }
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
