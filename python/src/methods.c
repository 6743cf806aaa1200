/* The Tensor's methods that are not ops. */
#include "ext.h"

#include <facula/autograd.h>

/* The one optional argument `name` of a method, by position where `most` is 1, or by keyword:
 * *value is NULL where it is left out. -1 with the error set for any other. */
static int optional(const char *method, const char *name, Py_ssize_t most, PyObject *const *args,
                    Py_ssize_t n, PyObject *names, PyObject **value) {
    Py_ssize_t keywords = names == NULL ? 0 : PyTuple_GET_SIZE(names);
    *value = n + keywords > 0 ? args[0] : NULL;
    if (n > most) {
        PyErr_Format(PyExc_TypeError, "%s() takes %s positional arguments but %zd %s given", method,
                     most ? "from 0 to 1" : "0", n, n == 1 ? "was" : "were");
        return -1;
    }
    for (Py_ssize_t i = 0; i < keywords; i++) {
        PyObject *given = PyTuple_GET_ITEM(names, i);
        bool known = PyUnicode_CompareWithASCIIString(given, name) == 0;
        if (known && n == 0)
            continue;
        PyErr_Format(PyExc_TypeError,
                     known ? "%s() got multiple values for argument '%U'"
                           : "%s() got an unexpected keyword argument '%U'",
                     method, given);
        return -1;
    }
    return 0;
}

/* size() or stride(): one of `all`, or, where no dim is given, what `whole` makes. */
static PyObject *of_dim(const char *method, fac_tensor *t, const int64_t *all,
                        PyObject *whole(int, const int64_t *), PyObject *const *args, Py_ssize_t n,
                        PyObject *names) {
    PyObject *dim;
    int64_t d;
    if (optional(method, "dim", 1, args, n, names, &dim) != 0)
        return NULL;
    if (dim == NULL || dim == Py_None)
        return whole(t->ndim, all);
    if (fac__to_int(dim, &d) != 1)
        return PyErr_Occurred()
                   ? NULL
                   : PyErr_Format(PyExc_TypeError,
                                  "%s(): argument 'dim' (position 1) must be int, not %s", method,
                                  Py_TYPE(dim)->tp_name);
    if (t->ndim == 0)
        return PyErr_Format(PyExc_IndexError,
                            "Dimension specified as %lld but tensor has no dimensions",
                            (long long)d);
    int i = fac__wrap_dim(d, t->ndim);
    return i < 0 ? fac__raise() : PyLong_FromLongLong(all[i]);
}

static PyObject *m_size(PyObject *o, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("size", o, args, n, names);
    fac_tensor *t = fac__tensor_of(o);
    return of_dim("size", t, t->sizes, fac__wrap_size, args, n, names);
}

static PyObject *m_stride(PyObject *o, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("stride", o, args, n, names);
    fac_tensor *t = fac__tensor_of(o);
    return of_dim("stride", t, t->strides, fac__wrap_ints, args, n, names);
}

#define NOARGS(name, expr)                                                                         \
    static PyObject *m_##name(PyObject *o, PyObject *unused) {                                     \
        fac_tensor *t = fac__tensor_of(o);                                                         \
        (void)unused;                                                                              \
        if (FAC_UNLIKELY(fac__unusual(o)))                                                         \
            return fac__override_method(#name, o, NULL, 0, NULL);                                  \
        return expr;                                                                               \
    }
NOARGS(dim, PyLong_FromLong(t->ndim))
NOARGS(numel, PyLong_FromLongLong(t->numel))
NOARGS(storage_offset, PyLong_FromLongLong(t->offset))
NOARGS(element_size, PyLong_FromSize_t(fac__itemsize(t->dtype)))
NOARGS(data_ptr, FAC_UNLIKELY((t->features & FAC__WRAPPED) != 0)
                     ? fac__no_storage()
                     : PyLong_FromVoidPtr(t->numel == 0 ? NULL : t->data))
NOARGS(is_floating_point, PyBool_FromLong(fac_dtype_is_floating((fac_dtype)t->dtype)))
NOARGS(is_complex, PyBool_FromLong(fac_dtype_is_complex((fac_dtype)t->dtype)))
NOARGS(is_signed, PyBool_FromLong(fac_dtype_is_signed((fac_dtype)t->dtype)))
NOARGS(is_conj, PyBool_FromLong((t->features & FAC__CONJ) != 0))
NOARGS(is_neg, PyBool_FromLong((t->features & FAC__NEG) != 0))
NOARGS(is_inference, PyBool_FromLong((t->features & FAC__INFERENCE) != 0))
NOARGS(_is_view, PyBool_FromLong((t->features & FAC__VIEW) != 0))
NOARGS(_is_dense, PyBool_FromLong((t->features & FAC__DENSE) != 0))
NOARGS(item, fac__item_of(t))
NOARGS(_is_zerotensor, PyBool_FromLong(t == NULL))
NOARGS(_storage_nbytes, PyLong_FromSize_t(t->storage == NULL ? 0 : t->storage->nbytes))
NOARGS(_storage_ptr, PyLong_FromVoidPtr(t->storage == NULL ? NULL : t->storage->data))

static PyObject *m_is_contiguous(PyObject *o, PyObject *const *args, Py_ssize_t n,
                                 PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("is_contiguous", o, args, n, names);
    PyObject *format;
    fac_memory_format f = FAC_CONTIGUOUS_FORMAT;
    if (optional("is_contiguous", "memory_format", 0, args, n, names, &format) != 0)
        return NULL;
    if (format != NULL) {
        if (Py_TYPE(format) != fac__format_type)
            return PyErr_Format(PyExc_TypeError,
                                "is_contiguous(): argument 'memory_format' must be "
                                "torch.memory_format, not %s",
                                Py_TYPE(format)->tp_name);
        f = (fac_memory_format)((fac__EnumObject *)format)->value;
    }
    return PyBool_FromLong(fac__is_format(fac__tensor_of(o), f));
}

static PyObject *m_requires_grad_(PyObject *o, PyObject *const *args, Py_ssize_t n,
                                  PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("requires_grad_", o, args, n, names);
    PyObject *on;
    if (optional("requires_grad_", "requires_grad", 1, args, n, names, &on) != 0)
        return NULL;
    if (on != NULL && !PyBool_Check(on))
        return PyErr_Format(PyExc_TypeError,
                            "requires_grad_(): argument 'requires_grad' (position 1) must be "
                            "bool, not %s",
                            Py_TYPE(on)->tp_name);
    if (!fac_set_requires_grad(fac__tensor_of(o), on != Py_False))
        return fac__raise();
    return Py_NewRef(o);
}

/* cls._make_subclass(data, require_grad=False): the same memory in an object of cls. */
static PyObject *m_make_subclass(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"cls", "data", "require_grad", NULL};
    PyObject *type, *data;
    int grad = 0;
    (void)cls;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p", names, &type, &data, &grad))
        return NULL;
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, fac__tensor_type) ||
        !fac__tensor_check(data))
        return PyErr_Format(PyExc_TypeError,
                            "_make_subclass needs a subclass of Tensor and a Tensor");
    fac_dtype d = (fac_dtype)fac__tensor_of(data)->dtype;
    if (grad && !fac_dtype_is_floating(d) && !fac_dtype_is_complex(d))
        return PyErr_Format(
            PyExc_RuntimeError,
            "Only Tensors of floating point and complex dtype can require gradients");
    fac_tensor *t = fac__shallow_copy(fac__tensor_of(data));
    if (t == NULL)
        return fac__raise();
    if (grad && !fac_set_requires_grad(t, true)) {
        fac__release(t);
        return fac__raise();
    }
    return fac__wrap_as((PyTypeObject *)type, t);
}

static PyObject *m_as_subclass(PyObject *o, PyObject *type) {
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, fac__tensor_type))
        return PyErr_Format(PyExc_TypeError, "cls must be a type derived from Tensor");
    struct fac__alias_args a = {fac__tensor_of(o)};
    fac__outs outs;
    fac__outs_init(&outs, 1);
    if (fac__call(&fac__op_alias, &a, &outs) != 0)
        return fac__raise();
    return fac__wrap_as((PyTypeObject *)type, outs.v[0]);
}

#define KW METH_FASTCALL | METH_KEYWORDS
#define FN(f) (PyCFunction)(void (*)(void)) f
PyMethodDef fac__tensor_methods[] = {
    {"size", FN(m_size), KW, "size(dim=None) -> torch.Size or int"},
    {"stride", FN(m_stride), KW, "stride(dim) -> tuple or int"},
    {"dim", m_dim, METH_NOARGS, "dim() -> int\n\nThe number of dimensions."},
    {"ndimension", m_dim, METH_NOARGS, "Alias of dim()."},
    {"numel", m_numel, METH_NOARGS, "numel() -> int\n\nThe number of elements."},
    {"nelement", m_numel, METH_NOARGS, "Alias of numel()."},
    {"storage_offset", m_storage_offset, METH_NOARGS, "storage_offset() -> int, in elements."},
    {"element_size", m_element_size, METH_NOARGS, "element_size() -> int, in bytes."},
    {"data_ptr", m_data_ptr, METH_NOARGS, "data_ptr() -> int\n\nThe first element's address."},
    {"is_floating_point", m_is_floating_point, METH_NOARGS, "is_floating_point() -> bool"},
    {"is_complex", m_is_complex, METH_NOARGS, "is_complex() -> bool"},
    {"is_signed", m_is_signed, METH_NOARGS, "is_signed() -> bool"},
    {"is_conj", m_is_conj, METH_NOARGS, "is_conj() -> bool"},
    {"is_neg", m_is_neg, METH_NOARGS, "is_neg() -> bool"},
    {"is_inference", m_is_inference, METH_NOARGS, "is_inference() -> bool"},
    {"_is_view", m__is_view, METH_NOARGS, NULL},
    {"_is_zerotensor", m__is_zerotensor, METH_NOARGS, NULL},
    {"_is_dense", m__is_dense, METH_NOARGS, NULL},
    {"_storage_nbytes", m__storage_nbytes, METH_NOARGS, NULL},
    {"_storage_ptr", m__storage_ptr, METH_NOARGS, NULL},
    {"is_contiguous", FN(m_is_contiguous), KW,
     "is_contiguous(memory_format=torch.contiguous_format) -> bool"},
    {"item", m_item, METH_NOARGS, "item() -> number\n\nThe one element as a Python number."},
    {"requires_grad_", FN(m_requires_grad_), KW, "requires_grad_(requires_grad=True) -> Tensor"},
    {"_make_subclass", FN(m_make_subclass), METH_VARARGS | METH_KEYWORDS | METH_STATIC, NULL},
    {"as_subclass", m_as_subclass, METH_O, "as_subclass(cls) -> Tensor"},
    {0}};
