/* Python's side of the transform levels: autocast's state. */
#include "ext.h"

#include "../../src/levels/levels.h"

/* --- autocast -----------------------------------------------------------------------------------
 */

/* _autocast_get() -> (enabled, dtype, cache_enabled, nesting) */
static PyObject *autocast_get(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    const fac__autocast_state *s = fac__autocast();
    return Py_BuildValue("(NNNi)", PyBool_FromLong(s->enabled), fac__wrap_dtype(s->dtype),
                         PyBool_FromLong(s->cache), s->nesting);
}

/* _autocast_set(enabled, dtype, cache_enabled); None leaves a setting as it is. */
static PyObject *autocast_set(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *enabled, *dtype, *cache;
    if (!PyArg_ParseTuple(args, "OOO", &enabled, &dtype, &cache))
        return NULL;
    fac__autocast_state *s = fac__autocast();
    if (dtype != Py_None && fac__to_dtype_arg(dtype, &s->dtype) != 1)
        return PyErr_Format(PyExc_TypeError, "dtype must be a torch.dtype");
    if (cache != Py_None)
        s->cache = PyObject_IsTrue(cache) == 1;
    if (enabled != Py_None)
        fac__autocast_enable(PyObject_IsTrue(enabled) == 1);
    Py_RETURN_NONE;
}

static PyObject *autocast_nesting(PyObject *m, PyObject *by) {
    (void)m;
    long n = PyLong_AsLong(by);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLong(fac__autocast()->nesting += (int)n);
}

static PyObject *autocast_clear(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    fac__autocast_clear_cache();
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"_autocast_get", autocast_get, METH_NOARGS, NULL},
                                  {"_autocast_set", autocast_set, METH_VARARGS, NULL},
                                  {"_autocast_nesting", autocast_nesting, METH_O, NULL},
                                  {"_autocast_clear_cache", autocast_clear, METH_NOARGS, NULL},
                                  {0}};

int fac__init_levels(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
