/* The thread's facula error as a Python exception, and the other way round. */
#include "ext.h"

static PyObject *exception_for(fac_error_code code) {
    switch (code) {
    case FAC_ERROR_TYPE:
        return PyExc_TypeError;
    case FAC_ERROR_VALUE:
        return PyExc_ValueError;
    case FAC_ERROR_INDEX:
        return PyExc_IndexError;
    case FAC_ERROR_NOT_IMPLEMENTED:
        return PyExc_NotImplementedError;
    case FAC_ERROR_OVERFLOW:
        return PyExc_OverflowError;
    case FAC_ERROR_IO:
        return PyExc_OSError;
    default:
        return PyExc_RuntimeError;
    }
}

PyObject *fac__raise(void) {
    struct fac__error *e = &fac__tls.error;
    if (PyErr_Occurred()) {
        fac_clear_error();
        return NULL;
    }
    if (e->code == FAC_ERROR_CALLBACK && e->payload != NULL) {
        PyObject *exc = e->payload; /* the reference moves on */
        e->payload = NULL;
        fac_clear_error();
        PyErr_SetObject((PyObject *)Py_TYPE(exc), exc);
        Py_DECREF(exc);
        return NULL;
    }
    fac_error_code code = e->code;
    const char *text = code == FAC_OK ? "unknown error" : e->text;
    PyErr_SetString(exception_for(code), text);
    fac_clear_error();
    return NULL;
}

static void free_exception(void *payload) {
    PyGILState_STATE g = PyGILState_Ensure();
    Py_DECREF((PyObject *)payload);
    PyGILState_Release(g);
}

int fac__warn_user(const char *text, void *context) {
    (void)context;
    PyGILState_STATE g = PyGILState_Ensure();
    int r = PyErr_WarnEx(PyExc_UserWarning, text, 1);
    if (r < 0)
        fac__capture_exception();
    PyGILState_Release(g);
    return r;
}

int fac__capture_exception(void) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    if (trace != NULL)
        PyException_SetTraceback(value, trace);
    Py_XDECREF(type);
    Py_XDECREF(trace);
    fac_clear_error();
    fac__fail(FAC_ERROR_CALLBACK, "a Python callback raised");
    fac__tls.error.payload = value;
    fac__tls.error.free_payload = free_exception;
    return -1;
}
