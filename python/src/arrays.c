/* Memory shared with other libraries and with Python: NumPy's array interface, both ways, and the
 * buffer protocol. DLPack is in dlpack.c. */
#include "ext.h"

#include <string.h>

/* --- in by the array interface -----------------------------------------------------------------
 */

struct foreign {
    void *data;
    int ndim;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS]; /* strides in elements */
    fac_dtype dtype;
    bool readonly;
};

static fac_dtype typestr_dtype(const char *s) {
    if (s[0] == '>' && s[2] != '1')
        return FAC_DTYPE_NONE;
    int size = atoi(s + 2);
    switch (s[1]) {
    case 'b':
        return FAC_BOOL;
    case 'i':
        return size == 1   ? FAC_INT8
               : size == 2 ? FAC_INT16
               : size == 4 ? FAC_INT32
               : size == 8 ? FAC_INT64
                           : FAC_DTYPE_NONE;
    case 'u':
        return size == 1   ? FAC_UINT8
               : size == 2 ? FAC_UINT16
               : size == 4 ? FAC_UINT32
               : size == 8 ? FAC_UINT64
                           : FAC_DTYPE_NONE;
    case 'f':
        return size == 2   ? FAC_FLOAT16
               : size == 4 ? FAC_FLOAT32
               : size == 8 ? FAC_FLOAT64
                           : FAC_DTYPE_NONE;
    case 'c':
        return size == 8 ? FAC_COMPLEX64 : size == 16 ? FAC_COMPLEX128 : FAC_DTYPE_NONE;
    default:
        return FAC_DTYPE_NONE;
    }
}

/* 1 read, 0 no array interface, -1 exception set. */
static int read_interface(PyObject *o, struct foreign *f) {
    PyObject *d = PyObject_GetAttrString(o, "__array_interface__");
    if (d == NULL) {
        PyErr_Clear();
        return 0;
    }
    int r = -1;
    PyObject *shape = PyDict_Check(d) ? PyDict_GetItemString(d, "shape") : NULL;
    PyObject *type = shape == NULL ? NULL : PyDict_GetItemString(d, "typestr");
    PyObject *data = type == NULL ? NULL : PyDict_GetItemString(d, "data");
    PyObject *strides = PyDict_GetItemString(d, "strides");
    int64_t bytes[FAC_MAX_DIMS];
    int n;
    if (data == NULL || !PyTuple_Check(data) || !PyUnicode_Check(type) ||
        fac__to_sizes(shape, f->sizes, &f->ndim) != 1) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "malformed __array_interface__");
        goto done;
    }
    f->dtype = typestr_dtype(PyUnicode_AsUTF8(type));
    if (f->dtype == FAC_DTYPE_NONE) {
        const char *s = PyUnicode_AsUTF8(type);
        if (s[0] == '>' && s[2] != '1')
            PyErr_SetString(
                PyExc_ValueError,
                "given numpy array has byte order different from the native byte order. "
                "Conversion between byte orders is currently not supported.");
        else {
            PyObject *dt = PyObject_GetAttrString(o, "dtype");
            PyObject *ty = dt == NULL ? NULL : PyObject_GetAttrString(dt, "type");
            PyErr_Clear();
            PyErr_Format(
                PyExc_TypeError,
                "can't convert np.ndarray of type %s. The only supported types are: "
                "float64, float32, float16, complex64, complex128, int64, int32, int16, int8, "
                "uint64, uint32, uint16, uint8, and bool.",
                ty != NULL && PyType_Check(ty) ? ((PyTypeObject *)ty)->tp_name : s);
            Py_XDECREF(dt);
            Py_XDECREF(ty);
        }
        goto done;
    }
    f->data = PyLong_AsVoidPtr(PyTuple_GET_ITEM(data, 0));
    f->readonly = PyTuple_GET_SIZE(data) > 1 && PyObject_IsTrue(PyTuple_GET_ITEM(data, 1)) == 1;
    if (strides == NULL || strides == Py_None) {
        fac__contiguous_strides(f->ndim, f->sizes, f->strides);
    } else {
        if (fac__to_sizes(strides, bytes, &n) != 1 || n != f->ndim)
            goto done;
        int64_t size = (int64_t)fac_dtype_size(f->dtype);
        for (int i = 0; i < n; i++) {
            if (bytes[i] < 0) {
                PyErr_SetString(
                    PyExc_ValueError,
                    "At least one stride in the given numpy array is negative, and "
                    "tensors with negative strides are not currently supported. (You can "
                    "probably work around this by making a copy of your array  with "
                    "array.copy().) ");
                goto done;
            }
            if (bytes[i] % size != 0) {
                PyErr_SetString(
                    PyExc_ValueError,
                    "given numpy array strides not a multiple of the element byte size. "
                    "Copy the numpy array to reallocate the memory.");
                goto done;
            }
            f->strides[i] = bytes[i] / size;
        }
    }
    r = PyErr_Occurred() ? -1 : 1;
done:
    Py_DECREF(d);
    return r;
}

static void free_owner(void *owner, void *data, size_t nbytes) {
    (void)data;
    (void)nbytes;
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE g = PyGILState_Ensure();
    Py_DECREF((PyObject *)owner);
    PyGILState_Release(g);
}

static fac_tensor *import(const struct foreign *f, PyObject *owner) {
    int64_t last = 0;
    bool empty = false;
    for (int i = 0; i < f->ndim; i++) {
        empty |= f->sizes[i] == 0;
        last += (f->sizes[i] - 1) * f->strides[i];
    }
    size_t bytes = empty ? 0 : (size_t)(last + 1) * fac_dtype_size(f->dtype);
    fac_storage *s = fac__storage_wrap(f->data, bytes, fac_cpu(), free_owner, owner);
    if (s == NULL)
        return NULL;
    Py_INCREF(owner);
    return fac__tensor_from_storage(s, f->ndim, f->sizes, f->strides, 0, f->dtype);
}

static int warn_readonly(const struct foreign *f) {
    static bool warned;
    if (!f->readonly || warned)
        return 0;
    warned = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. "
        "This means writing to this tensor will result in undefined behavior. You may want to copy "
        "the array to protect its data or make it writable before converting it to a tensor. This "
        "type of warning will be suppressed for the rest of this program.",
        1);
}

static PyObject *from_numpy(PyObject *module, PyObject *o) {
    (void)module;
    struct foreign f;
    if (strcmp(Py_TYPE(o)->tp_name, "numpy.ndarray") != 0 &&
        strcmp(Py_TYPE(o)->tp_name, "numpy.memmap") != 0 &&
        !PyObject_HasAttrString(o, "__array_interface__"))
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)", Py_TYPE(o)->tp_name);
    int r = read_interface(o, &f);
    if (r < 0)
        return NULL;
    if (r == 0)
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)", Py_TYPE(o)->tp_name);
    /* A scalar's array interface shows memory that is gone by the next statement. */
    if (fac__numpy_scalar(o))
        return PyErr_Format(PyExc_TypeError, "expected np.ndarray (got %s)", Py_TYPE(o)->tp_name);
    if (warn_readonly(&f) < 0)
        return NULL;
    fac_tensor *t = import(&f, o);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

fac_tensor *fac__tensor_from_array(PyObject *data, fac_dtype dtype, bool copy, int *found) {
    struct foreign f;
    *found = 0;
    if (PyList_Check(data) || PyTuple_Check(data) || PyFloat_Check(data) || PyLong_Check(data))
        return NULL;
    int r = read_interface(data, &f);
    *found = r;
    if (r != 1)
        return NULL;
    if (!copy && !fac__numpy_scalar(data) && warn_readonly(&f) < 0) {
        *found = -1;
        return NULL;
    }
    fac_tensor *t = import(&f, data);
    if (t == NULL ||
        (!copy && !fac__numpy_scalar(data) && (dtype == FAC_DTYPE_NONE || dtype == f.dtype)))
        return t;
    fac_tensor *c = dtype != FAC_DTYPE_NONE && dtype != f.dtype
                        ? fac__cast(t, dtype)
                        : fac__clone(t, FAC_CONTIGUOUS_FORMAT);
    fac__release(t);
    return c;
}

/* --- out by the array interface ----------------------------------------------------------------
 */

/* The array interface of a tensor, for numpy.asarray: shape, typestr, data, strides. */
static PyObject *array_interface(PyObject *module, PyObject *o) {
    (void)module;
    static const char *const types[FAC_NUM_DTYPES] = {
        [FAC_BOOL] = "|b1",      [FAC_UINT8] = "|u1",      [FAC_INT8] = "|i1",
        [FAC_INT16] = "<i2",     [FAC_INT32] = "<i4",      [FAC_INT64] = "<i8",
        [FAC_UINT16] = "<u2",    [FAC_UINT32] = "<u4",     [FAC_UINT64] = "<u8",
        [FAC_FLOAT16] = "<f2",   [FAC_FLOAT32] = "<f4",    [FAC_FLOAT64] = "<f8",
        [FAC_COMPLEX64] = "<c8", [FAC_COMPLEX128] = "<c16"};
    fac_tensor *t = fac__tensor_arg(o);
    if (t == NULL)
        return NULL;
    if (t->features & FAC__WRAPPED)
        return fac__no_storage();
    if (types[t->dtype] == NULL)
        return PyErr_Format(PyExc_TypeError, "Got unsupported ScalarType %s",
                            fac__scalar_type_name((fac_dtype)t->dtype));
    int64_t bytes[FAC_MAX_DIMS];
    for (int i = 0; i < t->ndim; i++)
        bytes[i] = t->strides[i] * (int64_t)fac__itemsize(t->dtype);
    /* an empty array still needs an address that is not zero */
    void *data = t->data != NULL ? (void *)t->data : (void *)t;
    return Py_BuildValue("{s:N,s:s,s:(NO),s:N,s:i}", "shape", fac__wrap_ints(t->ndim, t->sizes),
                         "typestr", types[t->dtype], "data", PyLong_FromVoidPtr(data), Py_False,
                         "strides", fac__wrap_ints(t->ndim, bytes), "version", 3);
}

/* --- buffers -----------------------------------------------------------------------------------
 */

static void free_view(void *owner, void *data, size_t nbytes) {
    (void)data;
    (void)nbytes;
    PyGILState_STATE g = PyGILState_Ensure();
    PyBuffer_Release(owner);
    PyMem_Free(owner);
    PyGILState_Release(g);
}

/* _from_buffer(object, dtype, count, offset): checked by the caller. */
static PyObject *from_buffer(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *o, *dtype;
    long long count, offset;
    fac_dtype d;
    if (!PyArg_ParseTuple(args, "OOLL", &o, &dtype, &count, &offset))
        return NULL;
    if (fac__to_dtype_arg(dtype, &d) != 1)
        return PyErr_Format(PyExc_TypeError, "dtype must be torch.dtype");
    Py_buffer *b = PyMem_Calloc(1, sizeof *b);
    if (b == NULL)
        return PyErr_NoMemory();
    if (PyObject_GetBuffer(o, b, PyBUF_SIMPLE) != 0) {
        PyMem_Free(b);
        return NULL;
    }
    int64_t n = count < 0 ? (b->len - offset) / (int64_t)fac_dtype_size(d) : count;
    if (offset < 0 || n < 0 || offset + n * (int64_t)fac_dtype_size(d) > b->len) {
        PyBuffer_Release(b);
        PyMem_Free(b);
        return PyErr_Format(PyExc_ValueError, "buffer is too small");
    }
    fac_storage *s = fac__storage_wrap((char *)b->buf + offset, (size_t)n * fac_dtype_size(d),
                                       fac_cpu(), free_view, b);
    if (s == NULL) {
        PyBuffer_Release(b);
        PyMem_Free(b);
        return fac__raise();
    }
    fac_tensor *t = fac__tensor_from_storage(s, 1, &n, NULL, 0, d);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

static PyObject *to_bytes(PyObject *module, PyObject *o) {
    (void)module;
    fac_tensor *t = fac__tensor_arg(o);
    if (t == NULL)
        return NULL;
    return PyBytes_FromStringAndSize(t->data,
                                     (Py_ssize_t)t->numel * (Py_ssize_t)fac__itemsize(t->dtype));
}

PyMethodDef fac__array_functions[] = {
    {"from_numpy", from_numpy, METH_O,
     "from_numpy(ndarray) -> Tensor\n\nA tensor that shares the array's memory."},
    {"_array_interface", array_interface, METH_O, NULL},
    {"_from_buffer", from_buffer, METH_VARARGS, NULL},
    {"_to_bytes", to_bytes, METH_O, NULL},
    {0}};
