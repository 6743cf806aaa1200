/* Python's objects as arguments: numbers, sizes, dtypes, lists, by the type of the parameter. */
#include "args.h"

#include <string.h>

/* --- single values -----------------------------------------------------------------------------
 */

int fac__to_int(PyObject *o, int64_t *out) {
    if (PyLong_Check(o)) {
        if (PyBool_Check(o))
            return 0;
        int overflow;
        long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (overflow != 0) {
            PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
            return -1;
        }
        *out = v;
        return 1;
    }
    if (fac__tensor_check(o)) {
        fac_tensor *t = fac__tensor_of(o);
        fac_scalar s;
        if (t->numel != 1 || !fac__is_integral((fac_dtype)t->dtype, false) || t->ndim != 0)
            return 0;
        if (fac__item(t, &s) != 0) {
            fac__raise();
            return -1;
        }
        *out = fac__scalar_int(s);
        return 1;
    }
    if (PyFloat_Check(o) || !PyIndex_Check(o))
        return 0;
    PyObject *i = PyNumber_Index(o);
    if (i == NULL) {
        PyErr_Clear(); /* no integer after all */
        return 0;
    }
    int r = fac__to_int(i, out);
    Py_DECREF(i);
    return r;
}

static int int_scalar(PyObject *o, fac_scalar *out) {
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow == 0) {
        *out = fac_int(v);
        return 1;
    }
    if (overflow > 0) {
        unsigned long long u = PyLong_AsUnsignedLongLong(o);
        if (!PyErr_Occurred()) {
            *out = (fac_scalar){.kind = FAC_UINT64, .as.u = u};
            return 1;
        }
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_OverflowError, "int too big to convert");
    return -1;
}

static bool is_numpy_bool(const char *name) {
    return strcmp(name, "numpy.bool_") == 0 || strcmp(name, "numpy.bool") == 0;
}

bool fac__numpy_scalar(PyObject *o) {
    PyObject *mro = Py_TYPE(o)->tp_mro;
    for (Py_ssize_t i = 0; mro != NULL && i < PyTuple_GET_SIZE(mro); i++)
        if (strcmp(((PyTypeObject *)PyTuple_GET_ITEM(mro, i))->tp_name, "numpy.generic") == 0)
            return true;
    return false;
}

int fac__to_scalar(PyObject *o, fac_scalar *out) {
    if (PyFloat_Check(o)) {
        *out = fac_float(PyFloat_AS_DOUBLE(o));
        return 1;
    }
    if (PyBool_Check(o)) {
        *out = fac_boolean(o == Py_True);
        return 1;
    }
    if (PyLong_Check(o))
        return int_scalar(o, out);
    if (PyComplex_Check(o)) {
        Py_complex c = PyComplex_AsCComplex(o);
        *out = fac_complex_number(c.real, c.imag);
        return 1;
    }
    /* Of other types NumPy's scalars alone, neither fractions nor whatever has an __index__. */
    if (fac__tensor_check(o) || !fac__numpy_scalar(o))
        return 0;
    PyNumberMethods *m = Py_TYPE(o)->tp_as_number;
    if (m == NULL)
        return 0;
    const char *name = Py_TYPE(o)->tp_name;
    if (is_numpy_bool(name)) { /* some have a deprecated __index__ */
        *out = fac_boolean(PyObject_IsTrue(o) == 1);
        return 1;
    }
    if (m->nb_index != NULL) {
        PyObject *i = PyNumber_Index(o);
        if (i == NULL) {
            PyErr_Clear();
        } else {
            int r = int_scalar(i, out);
            Py_DECREF(i);
            return r;
        }
    }
    if (strstr(name, "complex") != NULL) {
        Py_complex c = PyComplex_AsCComplex(o);
        if (c.real == -1.0 && PyErr_Occurred())
            return -1;
        *out = fac_complex_number(c.real, c.imag);
        return 1;
    }
    if (m->nb_float != NULL) {
        double d = PyFloat_AsDouble(o);
        if (d == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            return 0;
        }
        *out = fac_float(d);
        return 1;
    }
    return 0;
}

int fac__to_value(PyObject *o, fac_value *out) {
    if (FAC_LIKELY(fac__tensor_check(o))) {
        out->tensor = fac__tensor_of(o);
        out->number.kind = FAC_DTYPE_NONE;
        return 1;
    }
    out->tensor = NULL;
    return fac__to_scalar(o, &out->number);
}

int fac__to_dtype_arg(PyObject *o, fac_dtype *out) {
    if (Py_TYPE(o) == fac__dtype_type) {
        *out = ((fac__DtypeObject *)o)->dtype;
        return 1;
    }
    if (o == (PyObject *)&PyFloat_Type)
        *out = FAC_FLOAT64;
    else if (o == (PyObject *)&PyLong_Type)
        *out = FAC_INT64;
    else if (o == (PyObject *)&PyBool_Type)
        *out = FAC_BOOL;
    else if (o == (PyObject *)&PyComplex_Type)
        *out = FAC_COMPLEX128;
    else
        return 0;
    return 1;
}

int fac__to_sizes(PyObject *o, int64_t *out, int *n) {
    if (!PyTuple_Check(o) && !PyList_Check(o))
        return 0;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(o);
    if (count > FAC_MAX_DIMS) {
        PyErr_Format(PyExc_RuntimeError, "tensors have at most %d dimensions, asked for %zd",
                     FAC_MAX_DIMS, count);
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        int r = fac__to_int(PySequence_Fast_GET_ITEM(o, i), &out[i]);
        if (r != 1)
            return r;
    }
    *n = (int)count;
    return 1;
}

/* --- one parameter -----------------------------------------------------------------------------
 */

int fac__to_element(const fac__entry *e, const fac__param *p, PyObject *o, Py_ssize_t i,
                    int64_t *out) {
    int r = fac__to_int(o, out);
    if (r == 1 || (r == 0 && i == 0))
        return r;
    PyErr_Clear();
    if (r < 0)
        PyErr_Format(PyExc_TypeError,
                     "%s(): argument '%s' failed to unpack the object at pos %zd with error "
                     "\"Overflow when unpacking long long\"",
                     e->name, p->name, i + 1);
    else
        PyErr_Format(PyExc_TypeError,
                     "%s(): argument '%s' failed to unpack the object at pos %zd with error "
                     "\"type must be tuple of ints,but got %s\"",
                     e->name, p->name, i + 1, Py_TYPE(o)->tp_name);
    return -1;
}

static int to_ints(const fac__entry *e, fac__pool *pool, const fac__param *p, PyObject *o,
                   fac_ints *out) {
    int64_t one;
    enum { ROOM = (int)(sizeof pool->ints / sizeof pool->ints[0]) };
    int64_t *at = pool->ints + pool->nints;
    if (PyTuple_Check(o) || PyList_Check(o)) {
        Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
        if (n > ROOM - pool->nints) {
            PyErr_Format(PyExc_RuntimeError, "at most %d integers can be given, got %zd",
                         ROOM - pool->nints, n);
            return -1;
        }
        for (Py_ssize_t i = 0; i < n; i++) {
            int r = fac__to_element(e, p, PySequence_Fast_GET_ITEM(o, i), i, &at[i]);
            if (r != 1)
                return r;
        }
        *out = (fac_ints){at, (int)n, true};
        pool->nints += (int)n;
        return 1;
    }
    if (p->list_size == 0)
        return 0;
    int r = fac__to_int(o, &one);
    if (r != 1)
        return r;
    for (int i = 0; i < p->list_size; i++)
        at[i] = one;
    *out = (fac_ints){at, p->list_size, true};
    pool->nints += p->list_size;
    return 1;
}

static int to_tensors(fac__pool *pool, const fac__param *p, PyObject *o, fac_tensors *out) {
    if (!PyTuple_Check(o) && !PyList_Check(o))
        return 0;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    enum { ROOM = (int)(sizeof pool->tensors / sizeof pool->tensors[0]) };
    fac_tensor **at = pool->tensors + pool->ntensors;
    if (n <= ROOM - pool->ntensors) {
        pool->ntensors += (int)n;
    } else {
        at = PyMem_Malloc(sizeof *at * (size_t)n);
        if (at == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        pool->more[pool->nmore++] = at;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(o, i);
        if (fac__tensor_check(item))
            at[i] = fac__tensor_of(item);
        else if (item == Py_None && (p->flags & FAC__P_LIST_NONE))
            at[i] = NULL;
        else
            return 0;
    }
    *out = (fac_tensors){at, (int)n};
    return 1;
}

static int to_scalar_param(PyObject *o, fac_scalar *out) {
    int r = fac__to_scalar(o, out);
    if (r != 0 || !fac__tensor_check(o))
        return r;
    fac_tensor *t = fac__tensor_of(o);
    if (t->ndim != 0)
        return 0;
    if (fac__item(t, out) != 0) {
        fac__raise();
        return -1;
    }
    return 1;
}

int fac__to_bool(PyObject *o, bool *out) {
    if (PyBool_Check(o)) {
        *out = o == Py_True;
        return 1;
    }
    if (is_numpy_bool(Py_TYPE(o)->tp_name)) {
        *out = PyObject_IsTrue(o) == 1;
        return 1;
    }
    return 0;
}

static int to_float(PyObject *o, double *out) {
    fac_scalar s;
    if (PyFloat_Check(o)) {
        *out = PyFloat_AS_DOUBLE(o);
        return 1;
    }
    int r = to_scalar_param(o, &s);
    if (r == 1 && s.kind == FAC_COMPLEX128)
        return 0;
    if (r == 1)
        *out = fac__scalar_double(s);
    return r;
}

int fac__convert(const fac__entry *e, fac__pool *pool, const fac__param *p, PyObject *o,
                 char *args) {
    void *field = args + p->offset;
    if (o == Py_None && (p->flags & FAC__P_NONE))
        return 1;
    switch ((enum fac__type)p->type) {
    case FAC__T_TENSOR:
        if (!fac__tensor_check(o))
            return 0;
        *(fac_tensor **)field = fac__tensor_of(o);
        return 1;
    case FAC__T_VALUE:
        return fac__to_value(o, field);
    case FAC__T_TENSORS:
        return to_tensors(pool, p, o, field);
    case FAC__T_SCALAR:
        return to_scalar_param(o, field);
    case FAC__T_INT:
        return fac__to_int(o, field);
    case FAC__T_OPT_INT: {
        fac_opt_int *v = field;
        int r = fac__to_int(o, &v->value);
        v->given = r == 1;
        return r;
    }
    case FAC__T_INTS:
        return to_ints(e, pool, p, o, field);
    case FAC__T_FLOAT:
        return to_float(o, field);
    case FAC__T_OPT_FLOAT: {
        fac_opt_float *v = field;
        int r = to_float(o, &v->value);
        v->given = r == 1;
        return r;
    }
    case FAC__T_BOOL:
        return fac__to_bool(o, field);
    case FAC__T_OPT_BOOL: {
        bool b;
        int r = fac__to_bool(o, &b);
        if (r == 1)
            *(fac_opt_bool *)field = b ? FAC_TRUE : FAC_FALSE;
        return r;
    }
    case FAC__T_STR:
        if (!PyUnicode_Check(o))
            return 0;
        *(const char **)field = PyUnicode_AsUTF8(o);
        return *(const char **)field == NULL ? -1 : 1;
    case FAC__T_GENERATOR:
        if (fac__generator_type == NULL || !PyObject_TypeCheck(o, fac__generator_type))
            return 0;
        *(fac_generator **)field = ((fac__GeneratorObject *)o)->generator;
        return 1;
    case FAC__T_DTYPE:
        return fac__to_dtype_arg(o, field);
    case FAC__T_LAYOUT:
        return fac__to_layout(o, field);
    case FAC__T_DEVICE:
        if (Py_TYPE(o) != fac__device_type_ && !PyUnicode_Check(o) &&
            (!PyLong_Check(o) || PyBool_Check(o)))
            return 0;
        pool->device = o;
        pool->device_field = field;
        return 1;
    case FAC__T_FORMAT:
        if (Py_TYPE(o) != fac__format_type)
            return 0;
        *(fac_memory_format *)field = (fac_memory_format)((fac__EnumObject *)o)->value;
        return 1;
    }
    return 0;
}
