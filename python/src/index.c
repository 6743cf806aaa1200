/* t[...] and t[...] = v. */
#include "ext.h"

PyObject *fac__py_getitem(PyObject *self, PyObject *key) {
    (void)self;
    (void)key;
    return PyErr_Format(PyExc_NotImplementedError, "indexing");
}

int fac__py_setitem(PyObject *self, PyObject *key, PyObject *value) {
    (void)self;
    (void)key;
    (void)value;
    PyErr_SetString(PyExc_NotImplementedError, "indexing");
    return -1;
}
