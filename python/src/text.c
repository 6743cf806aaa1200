/* Tensors as text: what facula/_tensor_str.py is made of. */
#include "ext.h"

#include "../../src/core/print.h"

enum { SUFFIXES = 16 };

/* _repr(tensor, prefix, contents, suffixes, autograd): see fac__repr_options. */
static PyObject *repr(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *t, *suffixes;
    const char *prefix, *contents, *list[SUFFIXES];
    int autograd;
    if (!PyArg_ParseTuple(args, "O!zzO!p:_repr", fac__tensor_type, &t, &prefix, &contents,
                          &PyTuple_Type, &suffixes, &autograd))
        return NULL;
    fac__repr_options o = {.prefix = prefix, .contents = contents, .suffixes = list};
    o.no_autograd = !autograd;
    Py_ssize_t n = PyTuple_GET_SIZE(suffixes);
    if (n > SUFFIXES)
        return PyErr_Format(PyExc_ValueError, "_repr takes at most %d suffixes", SUFFIXES);
    for (Py_ssize_t i = 0; i < n; i++) {
        list[i] = PyUnicode_AsUTF8(PyTuple_GET_ITEM(suffixes, i));
        if (list[i] == NULL)
            return NULL;
    }
    o.nsuffixes = (int)n;
    char *s = fac__repr(fac__tensor_of(t), &o);
    if (s == NULL)
        return fac__raise();
    PyObject *text = PyUnicode_FromString(s);
    fac_free_string(s);
    return text;
}

static PyObject *get_print_options(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    fac_print_options o = fac_get_print_options();
    return Py_BuildValue("iLiii", o.precision, (long long)o.threshold, o.edgeitems, o.linewidth,
                         o.sci_mode);
}

static PyObject *set_print_options(PyObject *module, PyObject *args) {
    (void)module;
    fac_print_options o;
    long long threshold;
    if (!PyArg_ParseTuple(args, "iLiii:_set_print_options", &o.precision, &threshold, &o.edgeitems,
                          &o.linewidth, &o.sci_mode))
        return NULL;
    o.threshold = threshold;
    if (!fac_set_print_options(o))
        return fac__raise();
    Py_RETURN_NONE;
}

PyMethodDef fac__text_functions[] = {{"_repr", repr, METH_VARARGS, NULL},
                                     {"_get_print_options", get_print_options, METH_NOARGS, NULL},
                                     {"_set_print_options", set_print_options, METH_VARARGS, NULL},
                                     {0}};
