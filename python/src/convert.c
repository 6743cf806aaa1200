/* Between Python's data and tensors: numbers, nested sequences, tensor(). See also arrays.c. */
#include "ext.h"

#include <string.h>

PyObject *fac__wrap_scalar(fac_scalar s) {
    switch (s.kind) {
    case FAC_BOOL:
        return PyBool_FromLong(s.as.b);
    case FAC_INT64:
        return PyLong_FromLongLong(s.as.i);
    case FAC_UINT64:
        return PyLong_FromUnsignedLongLong(s.as.u);
    case FAC_COMPLEX128:
        return PyComplex_FromDoubles(s.as.c.re, s.as.c.im);
    case FAC_FLOAT64:
        return PyFloat_FromDouble(s.as.f);
    default:
        Py_RETURN_NONE;
    }
}

PyObject *fac__wrap_ints(int n, const int64_t *v) {
    PyObject *t = PyTuple_New(n);
    for (int i = 0; t != NULL && i < n; i++) {
        PyObject *o = PyLong_FromLongLong(v[i]);
        if (o == NULL)
            Py_CLEAR(t);
        else
            PyTuple_SET_ITEM(t, i, o);
    }
    return t;
}

PyObject *fac__item_of(fac_tensor *t) {
    fac_scalar s;
    if (fac__item(t, &s) != 0)
        return fac__raise();
    return fac__wrap_scalar(s);
}

/* --- nested sequences --------------------------------------------------------------------------
 */

static bool is_sequence(PyObject *o) {
    return PyList_Check(o) || PyTuple_Check(o) ||
           (PySequence_Check(o) && !PyUnicode_Check(o) && !PyBytes_Check(o) &&
            !fac__tensor_check(o) && !PyDict_Check(o));
}

/* The shape along first elements; checked while filling. */
static int shape_of(PyObject *o, int64_t *sizes, int *ndim) {
    PyObject *at = Py_NewRef(o);
    *ndim = 0;
    while (is_sequence(at)) {
        Py_ssize_t n = PySequence_Length(at);
        if (n < 0) {
            Py_DECREF(at);
            return -1;
        }
        if (*ndim == FAC_MAX_DIMS) {
            PyErr_Format(PyExc_ValueError, "too many dimensions '%s'", Py_TYPE(at)->tp_name);
            Py_DECREF(at);
            return -1;
        }
        sizes[(*ndim)++] = n;
        if (n == 0)
            break;
        PyObject *first = PySequence_GetItem(at, 0);
        Py_DECREF(at);
        if (first == NULL)
            return -1;
        at = first;
    }
    if (*ndim > 0 && PyUnicode_Check(at)) {
        PyErr_SetString(PyExc_ValueError, "too many dimensions 'str'");
        Py_DECREF(at);
        return -1;
    }
    Py_DECREF(at); /* a tensor in a sequence is a scalar */
    return 0;
}

/* NumPy's scalars name their own dtype, floats and complex numbers of Python's included. */
static bool numpy_dtype(PyObject *o, fac_dtype *d) {
    const char *name = Py_TYPE(o)->tp_name;
    if (strncmp(name, "numpy.", 6) != 0)
        return false;
    for (int k = 1; k < FAC_NUM_DTYPES; k++)
        if (strcmp(name + 6, fac_dtype_name((fac_dtype)k)) == 0) {
            *d = (fac_dtype)k;
            return true;
        }
    return false;
}

static int number_dtype(PyObject *o, fac_dtype *d) {
    if (PyFloat_CheckExact(o))
        *d = fac_default_dtype();
    else if (numpy_dtype(o, d))
        return 0;
    else if (PyFloat_Check(o))
        *d = fac_default_dtype();
    else if (PyBool_Check(o))
        *d = FAC_BOOL;
    else if (PyLong_Check(o))
        *d = FAC_INT64;
    else if (PyComplex_Check(o))
        *d = fac__complex_of(fac_default_dtype());
    else if (fac__tensor_check(o))
        *d = (fac_dtype)fac__tensor_of(o)->dtype;
    else {
        fac_scalar s;
        int r = strncmp(Py_TYPE(o)->tp_name, "numpy.", 6) == 0 ? fac__to_scalar(o, &s) : 0;
        if (r < 0)
            return -1;
        if (r == 0) {
            if (PyUnicode_Check(o) || PyBytes_Check(o))
                PyErr_Format(PyExc_TypeError, "new(): invalid data type '%s'", Py_TYPE(o)->tp_name);
            else
                PyErr_Format(PyExc_RuntimeError, "Could not infer dtype of %s",
                             Py_TYPE(o)->tp_name);
            return -1;
        }
        *d = s.kind == FAC_FLOAT64      ? FAC_FLOAT64
             : s.kind == FAC_COMPLEX128 ? FAC_COMPLEX128
                                        : s.kind;
    }
    return 0;
}

static int warn_arrays(PyObject *o) {
    static bool warned;
    if (warned || !PySequence_Check(o) || PySequence_Size(o) < 1)
        return 0;
    PyObject *first = PySequence_GetItem(o, 0);
    bool array = first != NULL && strcmp(Py_TYPE(first)->tp_name, "numpy.ndarray") == 0;
    Py_XDECREF(first);
    if (!array)
        return first == NULL ? -1 : 0;
    warned = true;
    return PyErr_WarnEx(PyExc_UserWarning,
                        "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please "
                        "consider converting the list to a single numpy.ndarray with numpy.array() "
                        "before converting to a tensor.",
                        1);
}

static int infer_dtype(PyObject *o, fac_dtype *d) {
    if (!is_sequence(o)) {
        fac_dtype one;
        if (number_dtype(o, &one) != 0)
            return -1;
        *d = fac_promote(*d, one);
        return 0;
    }
    PyObject *seq = PySequence_Fast(o, "expected a sequence");
    if (seq == NULL)
        return -1;
    int r = 0;
    if (PySequence_Fast_GET_SIZE(seq) == 0)
        *d = fac_promote(*d, fac_default_dtype());
    for (Py_ssize_t i = 0; r == 0 && i < PySequence_Fast_GET_SIZE(seq); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(seq, i);
        if (PyFloat_CheckExact(item) && *d == fac_default_dtype())
            continue;
        if (item == o) {
            PyErr_SetString(PyExc_TypeError, "new(): self-referential lists are incompatible");
            r = -1;
        } else if (Py_EnterRecursiveCall(" in nested sequences") != 0) {
            r = -1;
        } else {
            r = infer_dtype(item, d);
            Py_LeaveRecursiveCall();
        }
    }
    Py_DECREF(seq);
    return r;
}

static int store(PyObject *o, fac_dtype d, char *at) {
    if (PyFloat_CheckExact(o) && d == FAC_FLOAT32) {
        *(float *)(void *)at = (float)PyFloat_AS_DOUBLE(o);
        return 0;
    }
    fac_scalar s;
    bool real = !fac__is_integral(d, true);
    if (fac__tensor_check(o)) {
        fac_tensor *t = fac__tensor_of(o);
        if (t->numel != 1)
            PyErr_SetString(PyExc_ValueError,
                            "only one element tensors can be converted to Python scalars");
        else if (fac__item(t, &s) != 0)
            fac__raise();
        if (PyErr_Occurred())
            return -1;
    } else if (real && PyLong_Check(o)) {
        s = fac_float(PyLong_AsDouble(o));
        if (PyErr_Occurred())
            return -1;
    } else {
        int r = fac__to_scalar(o, &s);
        if (r == 0 && real)
            PyErr_Format(PyExc_TypeError, "must be real number, not %s", Py_TYPE(o)->tp_name);
        else if (r == 0)
            PyErr_Format(PyExc_TypeError, "'%s' object cannot be interpreted as an integer",
                         Py_TYPE(o)->tp_name);
        bool wide = r == 1 && s.kind == FAC_UINT64 && d != FAC_UINT64 && d != FAC_BOOL;
        if (wide || (r < 0 && PyErr_ExceptionMatches(PyExc_OverflowError)))
            PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
        if (r != 1 || wide)
            return -1;
    }
    if (s.kind == FAC_COMPLEX128 && !fac__is_complex(d)) {
        PyErr_Format(PyExc_TypeError, "must be real number, not complex");
        return -1;
    }
    static const struct {
        fac_dtype d;
        int64_t low, high;
    } ranges[] = {{FAC_UINT8, -255, 255},      {FAC_INT8, -128, 127},
                  {FAC_INT16, -32768, 32767},  {FAC_INT32, INT32_MIN, INT32_MAX},
                  {FAC_UINT16, -65535, 65535}, {FAC_UINT32, -4294967295, 4294967295}};
    bool outside = d == FAC_INT64 && s.kind == FAC_FLOAT64 &&
                   !(s.as.f >= -9223372036854775808.0 && s.as.f < 9223372036854775808.0);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].d == d &&
            ((s.kind == FAC_INT64 && (s.as.i < ranges[i].low || s.as.i > ranges[i].high)) ||
             (s.kind == FAC_FLOAT64 &&
              !(s.as.f >= (double)ranges[i].low && s.as.f <= (double)ranges[i].high))))
            outside = true;
    if (outside) {
        PyErr_Format(PyExc_RuntimeError, "value cannot be converted to type %s without overflow",
                     fac_dtype_name(d));
        return -1;
    }
    fac__scalar_to(s, d, at);
    return 0;
}

static int fill(PyObject *o, const fac_tensor *t, int dim, char **at) {
    size_t size = fac__itemsize(t->dtype);
    if (dim == t->ndim) {
        int r = store(o, (fac_dtype)t->dtype, *at);
        *at += size;
        return r;
    }
    if (!is_sequence(o) && !fac__tensor_check(o)) {
        PyErr_SetString(PyExc_TypeError, "not a sequence");
        return -1;
    }
    PyObject *seq = PySequence_Fast(o, "expected a sequence");
    if (seq == NULL)
        return -1;
    Py_ssize_t n = PySequence_Fast_GET_SIZE(seq);
    int r = 0;
    if (n != t->sizes[dim]) {
        PyErr_Format(PyExc_ValueError, "expected sequence of length %lld at dim %d (got %zd)",
                     (long long)t->sizes[dim], dim, n);
        r = -1;
    }
    for (Py_ssize_t i = 0; r == 0 && i < n && i < PySequence_Fast_GET_SIZE(seq); i++)
        r = fill(PySequence_Fast_GET_ITEM(seq, i), t, dim + 1, at);
    Py_DECREF(seq);
    return r;
}

/* --- tensor() ----------------------------------------------------------------------------------
 */

PyObject *fac__tensor_from_data(PyObject *data, fac_dtype dtype, fac_device device, bool copy) {
    fac_tensor *t = NULL;
    if (device.type == FAC_CUDA)
        return PyErr_Format(PyExc_AssertionError, "Torch not compiled with CUDA enabled");
    if (PyUnicode_Check(data) || PyBytes_Check(data))
        return PyErr_Format(PyExc_TypeError, "new(): invalid data type '%s'",
                            Py_TYPE(data)->tp_name);
    if (fac__tensor_check(data)) {
        fac_tensor *u = fac__tensor_of(data);
        fac_dtype d = dtype == FAC_DTYPE_NONE ? (fac_dtype)u->dtype : dtype;
        if (device.type == FAC_META && u->device.type != FAC_META)
            t = fac__empty(u->ndim, u->sizes, NULL, d, device);
        else
            t = u->dtype == d ? fac__clone(u, FAC_PRESERVE_FORMAT) : fac__cast(u, d);
        return t == NULL ? fac__raise() : fac__wrap(t);
    }
    int found;
    t = fac__tensor_from_array(data, dtype, copy, &found);
    if (found < 0)
        return NULL;
    if (found == 0) {
        int64_t sizes[FAC_MAX_DIMS];
        int ndim;
        if (shape_of(data, sizes, &ndim) != 0)
            return NULL;
        if (ndim > 0 && (PyList_Check(data) || PyTuple_Check(data)) && warn_arrays(data) < 0)
            return NULL;
        if (dtype == FAC_DTYPE_NONE && infer_dtype(data, &dtype) != 0)
            return NULL;
        if (dtype == FAC_DTYPE_NONE)
            dtype = fac_default_dtype();
        t = fac__empty(ndim, sizes, NULL, dtype, fac_cpu());
        char *at = t == NULL ? NULL : t->data;
        if (t != NULL && t->numel > 0 && fill(data, t, 0, &at) != 0) {
            fac__release(t);
            return NULL;
        }
    }
    if (t != NULL && device.type == FAC_META) {
        fac_tensor *m = fac__empty(t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, device);
        fac__release(t);
        t = m;
    }
    return t == NULL ? fac__raise() : fac__wrap(t);
}

static PyObject *tensor(PyObject *module, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    if (FAC_UNLIKELY(fac__function_mode_active())) {
        PyObject *func = PyObject_GetAttrString(fac__module, "tensor");
        PyObject *r = func == NULL ? NULL : fac__call_override(func, NULL, args, n, names);
        Py_XDECREF(func);
        return r;
    }
    (void)module;
    static const char *const keys[] = {"data", "dtype", "device", "requires_grad", "pin_memory"};
    PyObject *values[5] = {NULL};
    Py_ssize_t nnames = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    if (n > 1)
        return PyErr_Format(PyExc_TypeError,
                            "tensor() takes 1 positional argument but %zd were given", n);
    if (n == 1)
        values[0] = args[0];
    for (Py_ssize_t i = 0; i < nnames; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        int k = 0;
        while (k < 5 && PyUnicode_CompareWithASCIIString(name, keys[k]) != 0)
            k++;
        if (k == 5)
            return PyErr_Format(PyExc_TypeError, "tensor() got an unexpected keyword argument '%U'",
                                name);
        values[k] = args[n + i];
    }
    if (values[0] == NULL)
        return PyErr_Format(PyExc_TypeError,
                            "tensor() missing 1 required positional arguments: \"data\"");
    fac_dtype dtype = FAC_DTYPE_NONE;
    fac_device device = fac__default_device();
    if (values[1] != NULL && values[1] != Py_None && fac__to_dtype_arg(values[1], &dtype) != 1)
        return PyErr_Format(PyExc_TypeError,
                            "tensor(): argument 'dtype' must be torch.dtype, not %s",
                            Py_TYPE(values[1])->tp_name);
    if (values[2] != NULL && values[2] != Py_None) {
        int r = fac__to_device(values[2], &device);
        if (r < 0)
            return NULL;
        if (r == 0)
            return PyErr_Format(PyExc_TypeError,
                                "tensor(): argument 'device' must be torch.device, not %s",
                                Py_TYPE(values[2])->tp_name);
    }
    if (values[4] != NULL && values[4] == Py_True)
        return PyErr_Format(PyExc_RuntimeError, "%s", fac__no_pinned_memory);
    if (fac__tensor_check(values[0]) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "To copy construct from a tensor, it is recommended to use "
                     "sourceTensor.detach().clone() or "
                     "sourceTensor.detach().clone().requires_grad_(True), rather than "
                     "torch.tensor(sourceTensor).",
                     1) < 0)
        return NULL;
    bool requires_grad = false;
    if (values[3] != NULL && !fac__to_bool(values[3], &requires_grad))
        return PyErr_Format(PyExc_TypeError,
                            "tensor(): argument 'requires_grad' must be bool, not %s",
                            Py_TYPE(values[3])->tp_name);
    PyObject *r = fac__tensor_from_data(values[0], dtype, device, true);
    return r != NULL && requires_grad ? fac__begin_grad(r) : r;
}

/* _from_data(data, dtype, device, copy): what as_tensor and the legacy constructors use. */
static PyObject *from_data(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *data, *dtype, *device;
    int copy;
    fac_dtype d = FAC_DTYPE_NONE;
    fac_device dev = {FAC_DEVICE_NONE, -1};
    if (!PyArg_ParseTuple(args, "OOOp", &data, &dtype, &device, &copy))
        return NULL;
    if (dtype != Py_None && fac__to_dtype_arg(dtype, &d) != 1)
        return PyErr_Format(PyExc_TypeError, "dtype must be torch.dtype, not %s",
                            Py_TYPE(dtype)->tp_name);
    if (device != Py_None && fac__to_device(device, &dev) != 1)
        return PyErr_Occurred()
                   ? NULL
                   : PyErr_Format(PyExc_TypeError, "device must be torch.device, not %s",
                                  Py_TYPE(device)->tp_name);
    return fac__tensor_from_data(data, d, dev, copy);
}

/* --- out of tensors ----------------------------------------------------------------------------
 */

static PyObject *list_of(const fac_tensor *t, int dim, const char *at) {
    if (dim == t->ndim)
        return fac__wrap_scalar(fac__scalar_from(at, (fac_dtype)t->dtype));
    PyObject *l = PyList_New((Py_ssize_t)t->sizes[dim]);
    int64_t step = t->strides[dim] * (int64_t)fac__itemsize(t->dtype);
    for (int64_t i = 0; l != NULL && i < t->sizes[dim]; i++) {
        PyObject *o = list_of(t, dim + 1, at + i * step);
        if (o == NULL)
            Py_CLEAR(l);
        else
            PyList_SET_ITEM(l, (Py_ssize_t)i, o);
    }
    return l;
}

PyObject *fac__no_storage(void) {
    return PyErr_Format(PyExc_RuntimeError,
                        "Cannot access data pointer of Tensor that doesn't have storage");
}

static PyObject *tolist(PyObject *module, PyObject *o) {
    (void)module;
    fac_tensor *t = fac__tensor_arg(o), *plain = t;
    if (t == NULL)
        return NULL;
    if (t->layout != FAC_STRIDED || (t->features & FAC__WRAPPED))
        return fac__no_storage();
    if (t->device.type == FAC_META)
        return PyErr_Format(PyExc_NotImplementedError, "Cannot copy out of meta tensor; no data!");
    if (t->features & (FAC__CONJ | FAC__NEG)) {
        plain = fac__clone(t, FAC_CONTIGUOUS_FORMAT);
        if (plain == NULL)
            return fac__raise();
    }
    PyObject *r = list_of(plain, 0, plain->data);
    if (plain != t)
        fac__release(plain);
    return r;
}

/* --- dtypes ------------------------------------------------------------------------------------
 */

static PyObject *set_default_dtype(PyObject *module, PyObject *o) {
    (void)module;
    fac_dtype d;
    if (fac__to_dtype_arg(o, &d) != 1 || Py_TYPE(o) != fac__dtype_type)
        return PyErr_Format(PyExc_TypeError, "invalid dtype object: only floating-point types are "
                                             "supported as the default type");
    if (!fac_set_default_dtype(d))
        return fac__raise();
    Py_RETURN_NONE;
}

static PyObject *get_default_dtype(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return fac__wrap_dtype(fac_default_dtype());
}

static PyObject *not_dtype(const char *function, const char *name, int position, PyObject *o) {
    return PyErr_Format(PyExc_TypeError,
                        "%s(): argument '%s' (position %d) must be torch.dtype, not %s", function,
                        name, position, Py_TYPE(o)->tp_name);
}

static PyObject *promote_types(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *a, *b;
    fac_dtype x, y;
    if (!PyArg_ParseTuple(args, "OO:promote_types", &a, &b))
        return NULL;
    if (fac__to_dtype_arg(a, &x) != 1)
        return not_dtype("promote_types", "type1", 1, a);
    if (fac__to_dtype_arg(b, &y) != 1)
        return not_dtype("promote_types", "type2", 2, b);
    return fac__wrap_dtype(fac_promote(x, y));
}

static PyObject *can_cast(PyObject *module, PyObject *args, PyObject *kwargs) {
    (void)module;
    static char *names[] = {"from_", "to", NULL};
    PyObject *a, *b;
    fac_dtype x, y;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:can_cast", names, &a, &b))
        return NULL;
    if (fac__to_dtype_arg(a, &x) != 1)
        return not_dtype("can_cast", "from_", 1, a);
    if (fac__to_dtype_arg(b, &y) != 1)
        return not_dtype("can_cast", "to", 2, b);
    return PyBool_FromLong(fac__can_cast(x, y));
}

static PyObject *result_type(PyObject *module, PyObject *args, PyObject *kwargs) {
    (void)module;
    static char *names[] = {"tensor", "other", NULL};
    PyObject *a[2];
    fac__promotion p = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:result_type", names, &a[0], &a[1]))
        return NULL;
    for (int i = 0; i < 2; i++) {
        fac_value v;
        int r = fac__to_value(a[i], &v);
        if (r < 0)
            return NULL;
        if (r == 0)
            return PyErr_Format(PyExc_TypeError,
                                "result_type(): argument must be Tensor or Number");
        if (v.tensor != NULL)
            fac__promote_add(&p, v.tensor);
        else
            fac__promote_number(&p, v.number);
    }
    return fac__wrap_dtype(fac__promoted(&p));
}

PyMethodDef fac__convert_functions[] = {
    {"tensor", (PyCFunction)(void (*)(void))tensor, METH_FASTCALL | METH_KEYWORDS,
     "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False) -> Tensor\n\n"
     "A copy of data: nested lists, numbers, NumPy arrays, tensors."},
    {"_from_data", from_data, METH_VARARGS, NULL},
    {"_tolist", tolist, METH_O, NULL},
    {"set_default_dtype", set_default_dtype, METH_O, "set_default_dtype(d)"},
    {"get_default_dtype", get_default_dtype, METH_NOARGS, "get_default_dtype() -> torch.dtype"},
    {"promote_types", promote_types, METH_VARARGS, "promote_types(type1, type2) -> torch.dtype"},
    {"can_cast", (PyCFunction)(void (*)(void))can_cast, METH_VARARGS | METH_KEYWORDS,
     "can_cast(from_, to) -> bool"},
    {"result_type", (PyCFunction)(void (*)(void))result_type, METH_VARARGS | METH_KEYWORDS,
     "result_type(tensor1, tensor2) -> torch.dtype"},
    {0}};
