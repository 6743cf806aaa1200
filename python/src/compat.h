/* What Python 3.9 lacks of the C API that 3.10 has. */
#ifndef FAC_COMPAT_H
#define FAC_COMPAT_H

#include <Python.h>

#if PY_VERSION_HEX < 0x030a0000

static inline PyObject *Py_XNewRef(PyObject *o) {
    Py_XINCREF(o);
    return o;
}

static inline PyObject *Py_NewRef(PyObject *o) {
    Py_INCREF(o);
    return o;
}

#define Py_NewRef(o) Py_NewRef((PyObject *)(o))
#define Py_XNewRef(o) Py_XNewRef((PyObject *)(o))

static inline int PyModule_AddObjectRef(PyObject *module, const char *name, PyObject *value) {
    if (value == NULL)
        return -1;
    Py_INCREF(value);
    if (PyModule_AddObject(module, name, value) == 0)
        return 0;
    Py_DECREF(value);
    return -1;
}

#define Py_TPFLAGS_DISALLOW_INSTANTIATION (1UL << 7) /* unused there: see add_type() */

#endif
#endif
