/* The argument parser: one for all ops, driven by their descriptors.
 *
 * The overloads of a name are tried in order; the first that takes the arguments is called. Where
 * there is one overload its complaint is precise; where there are several, PyTorch's list of
 * signatures is the complaint. */
#include "ext.h"

#include <facula/autograd.h>

#include <string.h>

enum { ARGS_BYTES = 512 };

const char fac__no_pinned_memory[] =
    "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
    "available on this system.";

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
    if (fac__tensor_check(o) || PyUnicode_Check(o) || PyTuple_Check(o) || PyList_Check(o) ||
        o == Py_None || PyDict_Check(o))
        return 0;
    /* NumPy's scalars, by what they offer; arrays offer it too, but are sequences */
    if (PyObject_HasAttrString(o, "__array_interface__") && !PyObject_HasAttrString(o, "item"))
        return 0;
    if (PySequence_Check(o))
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

/* One of several integers. What the first of them is decides whether the overload fits; of the
 * others, and of numbers too large, the complaint is final. */
static int to_element(const fac__entry *e, const fac__param *p, PyObject *o, Py_ssize_t i,
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
            int r = to_element(e, p, PySequence_Fast_GET_ITEM(o, i), i, &at[i]);
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
    fac_tensor **at = pool->tensors;
    if (pool->more != NULL || n > (Py_ssize_t)(sizeof pool->tensors / sizeof pool->tensors[0])) {
        at = PyMem_Malloc(sizeof *at * (size_t)(n + 1));
        if (at == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        PyMem_Free(pool->more);
        pool->more = at;
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

static int to_bool(PyObject *o, bool *out) {
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

/* 1 converted, 0 another type, -1 exception set. */
static int convert(const fac__entry *e, fac__pool *pool, const fac__param *p, PyObject *o,
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
        return to_bool(o, field);
    case FAC__T_OPT_BOOL: {
        bool b;
        int r = to_bool(o, &b);
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

/* --- signatures --------------------------------------------------------------------------------
 */

struct failure {
    char text[512]; /* of a single overload's precise complaint */
    PyObject *type;
};

/* f NULL: nobody wants to know yet. */
static void complain(struct failure *f, PyObject *type, const char *format, ...) {
    if (f == NULL)
        return;
    va_list v;
    va_start(v, format);
    f->type = type;
    vsnprintf(f->text, sizeof f->text, format, v);
    va_end(v);
}

static void missing_complaint(struct failure *f, const fac__entry *e, const fac__op *op,
                              uint64_t seen) {
    if (f == NULL)
        return;
    char missing[256] = "";
    int n = 0;
    for (int i = 0; i < op->nparams; i++) {
        if ((seen & (1ull << i)) || !(op->required & (1u << i)))
            continue;
        size_t used = strlen(missing);
        snprintf(missing + used, sizeof missing - used, "%s\"%s\"", n > 0 ? ", " : "",
                 op->params[i].name);
        n++;
    }
    complain(f, PyExc_TypeError, "%s() missing %d required positional argument%s: %s", e->name, n,
             n == 1 ? "s" : "", missing); /* as PyTorch has it */
}

static const char *python_type_text(PyObject *o) {
    return Py_TYPE(o)->tp_name;
}

static void type_complaint(struct failure *f, const fac__entry *e, const fac__param *p,
                           int position, PyObject *o) {
    if (f == NULL)
        return;
    char where[32] = "";
    if (position > 0)
        snprintf(where, sizeof where, " (position %d)", position);
    if ((p->type == FAC__T_TENSORS || p->type == FAC__T_INTS) &&
        (PyTuple_Check(o) || PyList_Check(o))) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); i++) {
            PyObject *item = PySequence_Fast_GET_ITEM(o, i);
            int64_t unused;
            bool fits = p->type == FAC__T_TENSORS ? fac__tensor_check(item)
                                                  : fac__to_int(item, &unused) == 1;
            PyErr_Clear();
            if (fits)
                continue;
            if (p->type == FAC__T_TENSORS)
                complain(f, PyExc_TypeError,
                         "expected Tensor as element %d in argument %d, but got %s", (int)i,
                         position - 1, python_type_text(item));
            else
                complain(f, PyExc_TypeError,
                         "%s(): argument '%s'%s must be %s, but found element of type %s at pos %d",
                         e->name, p->name, where, p->text, python_type_text(item), (int)i);
            return;
        }
    }
    complain(f, PyExc_TypeError, "%s(): argument '%s'%s must be %s, not %s", e->name, p->name,
             where, p->text, python_type_text(o));
}

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
    if (op->flags & FAC__OP_CREATION) {
        if (PyUnicode_CompareWithASCIIString(name, "requires_grad") == 0)
            return o == Py_None ? 1 : to_bool(o, &pool->requires_grad);
        if (PyUnicode_CompareWithASCIIString(name, "pin_memory") == 0)
            return o == Py_None ? 1 : to_bool(o, &pool->pin_memory);
    }
    return 0;
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

/* Fills the argument struct of one overload. 1 it fits, 0 it does not, -1 exception set. `self` is
 * the tensor of a method, or NULL. */
static int parse(const fac__entry *e, const fac__op *op, PyObject *self, PyObject *const *args,
                 Py_ssize_t n, PyObject *names, char *buffer, fac__pool *pool, struct failure *f) {
    uint64_t seen = 0;
    int first = 0;
    pool->nints = pool->nkeep = 0;
    pool->nout = -1;
    pool->device = NULL;
    pool->requires_grad = pool->pin_memory = false;
    if (op->defaults != NULL)
        memcpy(buffer, op->defaults, op->args_size);
    else
        memset(buffer, 0, op->args_size);
    if (self != NULL) {
        const fac__param *p = &op->params[0];
        *(fac_tensor **)(void *)(buffer + p->offset) = fac__tensor_of(self);
        seen = 1;
        first = 1;
    }
    Py_ssize_t at = 0;
    for (int i = first; i < op->nparams && at < n; i++) {
        const fac__param *p = &op->params[i];
        if (p->flags & FAC__P_KEYWORD)
            break;
        PyObject *o = args[at];
        if ((p->flags & FAC__P_VARARGS) && !PyTuple_Check(o) && !PyList_Check(o)) {
            fac_ints *v = (fac_ints *)(void *)(buffer + p->offset);
            int64_t *to = pool->ints + pool->nints;
            if (n - at > FAC_MAX_DIMS)
                return 0;
            int count = 0;
            for (; at < n; at++) {
                int r = to_element(e, p, args[at], count, &to[count]);
                if (r < 0)
                    return -1;
                if (r == 0) {
                    type_complaint(f, e, p, (int)at + 1, args[at]);
                    return 0;
                }
                count++;
            }
            *v = (fac_ints){to, count, true};
            pool->nints += count;
            seen |= 1ull << i;
            break;
        }
        int r = convert(e, pool, p, o, buffer);
        if (r < 0)
            return -1;
        if (r == 0) {
            type_complaint(f, e, p, (int)at + 1, o);
            return 0;
        }
        seen |= 1ull << i;
        at++;
    }
    if (at < n) {
        int most = 0, least = 0;
        for (int i = first; i < op->nparams; i++) {
            most += !(op->params[i].flags & FAC__P_KEYWORD);
            least += !(op->params[i].flags & FAC__P_OPTIONAL);
        }
        if (least != most)
            complain(f, PyExc_TypeError,
                     "%s() takes from %d to %d positional arguments but %d were given", e->name,
                     least, most, (int)n);
        else
            complain(f, PyExc_TypeError, "%s() takes %d positional argument%s but %d %s given",
                     e->name, most, most == 1 ? "" : "s", (int)n, n == 1 ? "was" : "were");
        return 0;
    }
    Py_ssize_t nnames = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t k = 0; k < nnames; k++) {
        PyObject *name = PyTuple_GET_ITEM(names, k), *o = args[n + k];
        const fac__param *p = by_name(op, name);
        if (p == NULL)
            p = by_numpy_name(op, name);
        if (p == NULL) {
            int r = extra_keyword(op, pool, self != NULL, name, o);
            if (r < 0)
                return -1;
            if (r == 1)
                continue;
            if (op->nout == 1 && (op->flags & FAC__OP_OUT) && self == NULL &&
                PyUnicode_CompareWithASCIIString(name, "out") == 0)
                complain(f, PyExc_TypeError, "%s(): argument 'out' must be Tensor, not %s", e->name,
                         python_type_text(o));
            else
                complain(f, PyExc_TypeError, "%s() got an unexpected keyword argument '%s'",
                         e->name, PyUnicode_AsUTF8(name));
            return 0;
        }
        int i = (int)(p - op->params);
        if (seen & (1ull << i)) {
            complain(f, PyExc_TypeError, "%s() got multiple values for argument '%s'", e->name,
                     p->name);
            return 0;
        }
        int r = convert(e, pool, p, o, buffer);
        if (r < 0)
            return -1;
        if (r == 0) {
            type_complaint(f, e, p, 0, o);
            return 0;
        }
        seen |= 1ull << i;
    }
    if (FAC_UNLIKELY((op->required & ~seen) != 0)) {
        missing_complaint(f, e, op, seen);
        return 0;
    }
    if (self == NULL && numbers_only(op, buffer)) {
        type_complaint(f, e, &op->params[0], 1, n > 0 ? args[0] : Py_None);
        return 0;
    }
    if (pool->device != NULL)
        return read_device(pool);
    if (FAC_UNLIKELY((op->flags & FAC__OP_CREATION) && op->ntensors == 0 && pool->nout <= 0))
        return default_device(op, buffer);
    return 1;
}

/* "(Tensor input, *, Number alpha = 1, Tensor out = None)" */
static void signature(const fac__op *op, bool method, char *s, size_t size) {
    size_t n = 0;
    bool star = false;
#define PUT(...) n += (size_t)snprintf(s + n, n < size ? size - n : 0, __VA_ARGS__)
    PUT("(");
    int first = method ? 1 : 0;
    bool out = (op->flags & FAC__OP_OUT) && !method;
    const char *out_text = op->nout > 1 ? "tuple of Tensors out = None" : "Tensor out = None";
    for (int i = first; i < op->nparams; i++) {
        const fac__param *p = &op->params[i];
        if (i > first)
            PUT(", ");
        if ((p->flags & FAC__P_KEYWORD) && !star) {
            PUT("*, ");
            star = true;
        }
        if (out && (op->flags & FAC__OP_CREATION) && p->type == FAC__T_DTYPE) {
            PUT("%s, ", out_text);
            out = false;
        }
        PUT("%s %s", p->text, p->name);
        if (p->initial != NULL)
            PUT(p->type == FAC__T_STR && strcmp(p->initial, "None") != 0 ? " = \"%s\"" : " = %s",
                p->initial);
    }
    if (out)
        PUT("%s%s%s", op->nparams > first ? ", " : "", star ? "" : "*, ", out_text);
    if (op->flags & FAC__OP_CREATION)
        PUT(", bool pin_memory = False, bool requires_grad = False");
    PUT(")");
#undef PUT
}

/* The entry's signatures as a tuple of texts. */
static PyObject *signatures(const fac__entry *e, bool method) {
    PyObject *list = PyList_New(0);
    const char *given = e->signature;
    for (int i = 0; list != NULL && (e->signature != NULL ? given != NULL : i < e->n); i++) {
        char s[1024];
        if (e->signature != NULL) {
            const char *end = strchr(given, '\n');
            size_t n = end == NULL ? strlen(given) : (size_t)(end - given);
            snprintf(s, sizeof s, "%.*s", (int)n, given);
            given = end == NULL ? NULL : end + 1;
        } else {
            signature(e->ops[i], method, s, sizeof s);
        }
        PyObject *text = PyUnicode_FromString(s);
        if (text == NULL || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    PyObject *texts = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return texts;
}

/* Raises what facula._signatures says of a call that no overload took; `failure` where it finds
 * nothing wrong. */
static PyObject *no_overload(const fac__entry *e, bool method, PyObject *const *args, Py_ssize_t n,
                             PyObject *names, const struct failure *failure) {
    PyObject *module = PyImport_ImportModule("facula._signatures");
    PyObject *texts = signatures(e, method), *given = PyTuple_New(n), *named = PyDict_New();
    PyObject *text = NULL;
    bool ok = module != NULL && texts != NULL && given != NULL && named != NULL;
    for (Py_ssize_t i = 0; ok && i < n; i++)
        PyTuple_SET_ITEM(given, i, Py_NewRef(args[i]));
    Py_ssize_t nnames = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; ok && i < nnames; i++)
        ok = PyDict_SetItem(named, PyTuple_GET_ITEM(names, i), args[n + i]) == 0;
    if (ok)
        text = PyObject_CallMethod(module, "error", "sOOO", e->name, texts, given, named);
    if (text != NULL && text != Py_None)
        PyErr_SetObject(PyExc_TypeError, text);
    else if (text != NULL && failure->type != NULL)
        PyErr_SetString(failure->type, failure->text);
    else if (text != NULL)
        PyErr_Format(PyExc_TypeError, "%s() received an invalid combination of arguments", e->name);
    Py_XDECREF(text);
    Py_XDECREF(module);
    Py_XDECREF(texts);
    Py_XDECREF(given);
    Py_XDECREF(named);
    return NULL;
}

/* Parses the arguments once more, to tell what is wrong with them. */
static void refuse(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                   PyObject *names, char *buffer, fac__pool *pool) {
    struct failure failure = {"", NULL};
    for (int i = 0; i < e->n; i++)
        if (parse(e, e->ops[i], self, args, n, names, buffer, pool, &failure) < 0)
            return;
    if (failure.type != NULL && e->n == 1 && e->signature == NULL)
        PyErr_SetString(failure.type, failure.text);
    else
        no_overload(e, self != NULL, args, n, names, &failure);
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
    pool.more = NULL;
    PyObject *result = NULL;
    for (int i = 0; i < e->n; i++) {
        const fac__op *op = e->ops[i];
        int r = parse(e, op, self, args, n, names, buffer, &pool, NULL);
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
    refuse(e, self, args, n, names, buffer, &pool);
done:
    PyMem_Free(pool.more);
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
    pool.more = NULL;
    struct failure failure = {"", NULL};
    PyObject *result = NULL;
    int r = parse(&entry, op, NULL, args, n, names, buffer, &pool, &failure);
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
    PyMem_Free(pool.more);
    return result;
}
