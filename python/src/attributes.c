/* The Tensor's attributes. Those that need no C are in facula/_tensor.py. */
#include "ext.h"

#include <facula/autograd.h>

#include <string.h>

#define GET(name) static PyObject *get_##name(PyObject *o, void *unused)
#define SELF                                                                                       \
    fac_tensor *t = fac__tensor_of(o);                                                             \
    (void)unused

static bool says(PyObject *size, const fac_tensor *t) {
    if (PyTuple_GET_SIZE(size) != t->ndim)
        return false;
    for (int i = 0; i < t->ndim; i++)
        if (PyLong_AsLongLong(PyTuple_GET_ITEM(size, i)) != t->sizes[i])
            return false;
    return true;
}

GET(shape) {
    SELF;
    fac__TensorObject *object = (fac__TensorObject *)o;
    if (object->size == NULL || !says(object->size, t)) {
        PyObject *size = fac__wrap_size(t->ndim, t->sizes);
        if (size == NULL)
            return NULL;
        Py_XSETREF(object->size, size);
    }
    return Py_NewRef(object->size);
}

GET(dtype) {
    SELF;
    return fac__wrap_dtype((fac_dtype)t->dtype);
}

GET(device) {
    SELF;
    return fac__wrap_device(t->device);
}

GET(layout) {
    SELF;
    return fac__wrap_layout(t->layout);
}

GET(ndim) {
    SELF;
    return PyLong_FromLong(t->ndim);
}

GET(requires_grad) {
    SELF;
    return PyBool_FromLong(fac_requires_grad(t));
}

static int set_requires_grad(PyObject *o, PyObject *v, void *unused) {
    (void)unused;
    if (v == NULL || !PyBool_Check(v)) {
        PyErr_SetString(PyExc_RuntimeError, "requires_grad must be a bool");
        return -1;
    }
    fac_dtype d = (fac_dtype)fac__tensor_of(o)->dtype;
    if (v == Py_True && !fac__is_float(d) && !fac__is_complex(d)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "only Tensors of floating point and complex dtype can require gradients");
        return -1;
    }
    if (v == Py_True && !fac_is_leaf(fac__tensor_of(o))) {
        PyErr_SetString(PyExc_RuntimeError,
                        "you can only change requires_grad flags of leaf variables.");
        return -1;
    }
    if (!fac_set_requires_grad(fac__tensor_of(o), v == Py_True)) {
        fac__raise();
        return -1;
    }
    return 0;
}

GET(grad) {
    SELF;
    if (FAC_UNLIKELY(t->autograd != NULL && t->autograd->grad == NULL && !fac_is_leaf(t) &&
                     !t->autograd->retains_grad) &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. "
                     "Its .grad attribute won't be populated during autograd.backward(). If you "
                     "indeed want the .grad field to be populated for a non-leaf Tensor, use "
                     ".retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
                     "mistake, make sure you access the leaf Tensor instead. See "
                     "github.com/pytorch/pytorch/pull/30531 for more information.",
                     1) < 0)
        return NULL;
    return fac__wrap(fac__retain(fac_grad(t)));
}

static int set_grad(PyObject *o, PyObject *v, void *unused) {
    (void)unused;
    fac_tensor *t = fac__tensor_of(o), *g = NULL;
    if (v != NULL && v != Py_None) {
        if (!fac__tensor_check(v)) {
            PyErr_Format(PyExc_TypeError,
                         "assigned grad expected to be a Tensor or None but got grad of type %s",
                         Py_TYPE(v)->tp_name);
            return -1;
        }
        g = fac__tensor_of(v);
    }
    if (!fac_set_grad(t, g)) {
        fac__raise();
        return -1;
    }
    return 0;
}

GET(grad_fn) {
    SELF;
    if (fac__renew_view(t) != 0)
        return fac__raise();
    fac_node *n = fac__grad_fn(t);
    if (n == NULL)
        Py_RETURN_NONE;
    return fac__wrap_node(n);
}

GET(is_leaf) {
    SELF;
    if (fac__renew_view(t) != 0)
        return fac__raise();
    return PyBool_FromLong(fac_is_leaf(t));
}

GET(data) {
    SELF;
    fac_tensor *d = fac__shallow_copy(t);
    return d == NULL ? fac__raise() : fac__wrap(d);
}

/* Sparse tensors exchange what they hold. */
static int set_sparse_data(fac_tensor *t, const fac_tensor *d) {
    fac_tensor *copy = NULL;
    if (t->layout != FAC_SPARSE_COO || d->layout != FAC_SPARSE_COO)
        fac__fail(FAC_ERROR_RUNTIME,
                  "Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have "
                  "incompatible tensor type.");
    else
        copy = fac__shallow_copy(d);
    if (copy == NULL || fac__tensor_set_rank(t, d->ndim) != 0) {
        fac__release(copy);
        fac__raise();
        return -1;
    }
    memcpy(t->sizes, d->sizes, sizeof(int64_t) * (size_t)d->ndim);
    memcpy(t->strides, d->strides, sizeof(int64_t) * (size_t)d->ndim);
    t->numel = d->numel;
    t->dtype = d->dtype;
    void *payload = t->payload;
    t->payload = copy->payload;
    copy->payload = payload;
    fac__release(copy);
    return 0;
}

static int set_data(PyObject *o, PyObject *v, void *unused) {
    (void)unused;
    if (v == NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Deleting tensor data is not allowed. Delete tensor instead!");
        return -1;
    }
    if (!fac__tensor_check(v)) {
        PyErr_Format(PyExc_TypeError, "Variable data has to be a tensor, but got %s",
                     Py_TYPE(v)->tp_name);
        return -1;
    }
    fac_tensor *t = fac__tensor_of(o), *d = fac__tensor_of(v);
    if (fac_requires_grad(t) && !fac__is_float((fac_dtype)d->dtype) &&
        !fac__is_complex((fac_dtype)d->dtype)) {
        PyErr_SetString(PyExc_RuntimeError, "data set to a tensor that requires gradients must be "
                                            "floating point or complex dtype");
        return -1;
    }
    if (t->storage == NULL || d->storage == NULL)
        return set_sparse_data(t, d);
    if (fac__tensor_set_rank(t, d->ndim) != 0) {
        fac__raise();
        return -1;
    }
    memcpy(t->sizes, d->sizes, sizeof(int64_t) * (size_t)d->ndim);
    memcpy(t->strides, d->strides, sizeof(int64_t) * (size_t)d->ndim);
    fac__tensor_set_storage(t, fac__storage_retain(d->storage));
    t->dtype = d->dtype;
    t->device = d->device;
    t->offset = d->offset;
    t->data = d->data;
    const uint32_t geometry = FAC__CONTIGUOUS | FAC__DENSE | FAC__CONJ | FAC__NEG;
    t->features = (t->features & ~geometry) | (d->features & geometry);
    t->numel = d->numel;
    return 0;
}

GET(_version) {
    SELF;
    if (t->features & FAC__INFERENCE)
        return PyErr_Format(PyExc_RuntimeError, "Inference tensors do not track version counter.");
    return PyLong_FromUnsignedLong(fac__version_value(t));
}

GET(output_nr) {
    SELF;
    return PyLong_FromUnsignedLong(t->autograd == NULL ? 0 : t->autograd->output_nr);
}

GET(_base) {
    SELF;
    if (t->autograd == NULL)
        Py_RETURN_NONE;
    return fac__wrap(fac__retain(t->autograd->base));
}

GET(retains_grad) {
    SELF;
    return PyBool_FromLong(t->autograd != NULL && t->autograd->retains_grad);
}

GET(itemsize) {
    SELF;
    return PyLong_FromSize_t(fac__itemsize(t->dtype));
}

GET(nbytes) {
    SELF;
    return PyLong_FromLongLong((long long)fac__itemsize(t->dtype) * t->numel);
}

GET(is_cuda) {
    SELF;
    return PyBool_FromLong(t->device.type == FAC_CUDA);
}

GET(is_cpu) {
    SELF;
    return PyBool_FromLong(t->device.type == FAC_CPU);
}

GET(is_meta) {
    SELF;
    return PyBool_FromLong(t->device.type == FAC_META);
}

GET(is_sparse) {
    SELF;
    return PyBool_FromLong((t->features & FAC__SPARSE) != 0);
}

GET(no) {
    (void)o;
    (void)unused;
    Py_RETURN_FALSE;
}

GET(backward_hooks) {
    (void)unused;
    PyObject *h = ((fac__TensorObject *)o)->backward_hooks;
    return Py_NewRef(h == NULL ? Py_None : h);
}

static int set_backward_hooks(PyObject *o, PyObject *v, void *unused) {
    (void)unused;
    Py_XSETREF(((fac__TensorObject *)o)->backward_hooks, v == Py_None ? NULL : Py_XNewRef(v));
    return 0;
}

static PyObject *call_noargs(PyObject *o, void *name) {
    return PyObject_CallMethod(o, name, NULL);
}

/* x.T, which PyTorch would rather see on matrices alone. */
static PyObject *get_T(PyObject *o, void *name) {
    static bool warned;
    int n = fac__tensor_of(o)->ndim;
    if (n != 2 && n != 0 && !warned) {
        warned = true;
        if (PyErr_WarnEx(PyExc_UserWarning,
                         "The use of `x.T` on tensors of dimension other than 2 to reverse their "
                         "shape is deprecated and it will throw an error in a future release. "
                         "Consider `x.mT` to transpose batches of matrices or "
                         "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the "
                         "dimensions of a tensor.",
                         1) < 0)
            return NULL;
    }
    return call_noargs(o, name);
}

static PyObject *call_function(PyObject *o, void *name) {
    return PyObject_CallMethod(fac__module, name, "(O)", o);
}

static int assign_part(PyObject *o, PyObject *v, void *name) {
    if (v == NULL) {
        PyErr_Format(PyExc_RuntimeError, "Deleting the %s part of a tensor is not allowed.", name);
        return -1;
    }
    PyObject *part = PyObject_CallMethod(fac__module, name, "(O)", o);
    if (part == NULL)
        return -1;
    PyObject *r = PyObject_CallMethod(part, fac__tensor_check(v) ? "copy_" : "fill_", "(O)", v);
    Py_DECREF(part);
    Py_XDECREF(r);
    return r == NULL ? -1 : 0;
}

PyGetSetDef fac__tensor_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {"shape", get_shape, NULL, "The sizes, as torch.Size.", NULL},
    {"dtype", get_dtype, NULL, "The data type of the elements.", NULL},
    {"device", get_device, NULL, "Where the data is.", NULL},
    {"layout", get_layout, NULL, "torch.strided or torch.sparse_coo.", NULL},
    {"ndim", get_ndim, NULL, "The number of dimensions.", NULL},
    {"requires_grad", get_requires_grad, set_requires_grad, "Whether gradients are recorded.",
     NULL},
    {"grad", get_grad, set_grad, "The accumulated gradient, or None.", NULL},
    {"grad_fn", get_grad_fn, NULL, "The node that made this tensor, or None.", NULL},
    {"is_leaf", get_is_leaf, NULL, "Whether no recorded op made it.", NULL},
    {"data", get_data, set_data, "The same memory, unknown to autograd.", NULL},
    {"_version", get__version, NULL, "How often it was written in place.", NULL},
    {"output_nr", get_output_nr, NULL, "Which output of grad_fn it is.", NULL},
    {"_base", get__base, NULL, "The tensor it is a view of, or None.", NULL},
    {"retains_grad", get_retains_grad, NULL, "Whether a non-leaf keeps its gradient.", NULL},
    {"itemsize", get_itemsize, NULL, "Bytes an element.", NULL},
    {"nbytes", get_nbytes, NULL, "Bytes of all elements.", NULL},
    {"is_cuda", get_is_cuda, NULL, "Whether it is on a CUDA device.", NULL},
    {"is_cpu", get_is_cpu, NULL, "Whether it is on the CPU.", NULL},
    {"is_meta", get_is_meta, NULL, "Whether it is on the meta device.", NULL},
    {"is_sparse", get_is_sparse, NULL, "Whether its layout is sparse COO.", NULL},
    {"is_quantized", get_no, NULL, "False: facula has no quantised tensors.", NULL},
    {"is_mkldnn", get_no, NULL, "False.", NULL},
    {"is_mps", get_no, NULL, "False.", NULL},
    {"is_xpu", get_no, NULL, "False.", NULL},
    {"is_nested", get_no, NULL, "False: facula has no nested tensors.", NULL},
    {"_backward_hooks", get_backward_hooks, set_backward_hooks, NULL, NULL},
    {"T", get_T, NULL, "The transpose.", "_numpy_T"},
    {"mT", call_noargs, NULL, "The last two dimensions swapped.", "_mT"},
    {"H", call_noargs, NULL, "The conjugate transpose of a matrix.", "_H"},
    {"mH", call_noargs, NULL, "The last two dimensions swapped, conjugated.", "_mH"},
    {"real", call_function, assign_part, "A view of the real parts.", "real"},
    {"imag", call_function, assign_part, "A view of the imaginary parts.", "imag"},
    {0}};
