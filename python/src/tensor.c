/* The Tensor type: wrapping, lifetimes, number slots and attributes. Methods of ops come generated;
 * what is convenient rather than hot lives in facula/_tensor.py. */
#include "ext.h"

#include <facula/autograd.h>

#include <string.h>

PyTypeObject *fac__tensor_type, *fac__parameter_type;
PyObject *fac__disabled_function;
static PyTypeObject *meta_type;

/* --- wrapping: see Note [Wrapper lifetimes] in ext.h -------------------------------------------
 */

/* Objects of exactly Tensor are recycled. */
enum { SPARE = 128 };
static fac__TensorObject *spare[SPARE];
static int nspare;

static fac__TensorObject *new_object(PyTypeObject *type) {
    fac__TensorObject *o;
    if (type == fac__tensor_type && nspare > 0) {
        o = spare[--nspare];
        PyObject_Init((PyObject *)o, type);
        PyObject_GC_Track(o);
    } else {
        o = (fac__TensorObject *)type->tp_alloc(type, 0);
        if (o == NULL)
            return NULL;
    }
    o->t = NULL;
    o->holds = true;
    o->dict = NULL;
    o->weakrefs = NULL;
    o->backward_hooks = NULL;
    o->size = NULL;
    return o;
}

PyObject *fac__wrap_as(PyTypeObject *type, fac_tensor *t) {
    fac__TensorObject *o = new_object(type);
    if (o == NULL) {
        fac__release(t);
        return NULL;
    }
    o->t = t;
    t->wrapper = o;
    return (PyObject *)o;
}

fac_tensor *fac__tensor_arg(PyObject *o) {
    if (fac__tensor_check(o))
        return fac__tensor_of(o);
    PyErr_Format(PyExc_TypeError, "expected a Tensor, but got %s", Py_TYPE(o)->tp_name);
    return NULL;
}

PyObject *fac__wrap(fac_tensor *t) {
    if (t == NULL)
        Py_RETURN_NONE;
    fac__TensorObject *o = t->wrapper;
    if (FAC_LIKELY(o == NULL))
        return fac__wrap_as(fac__tensor_type, t);
    if (!o->holds) {
        o->holds = true;      /* the tensor's reference to the object becomes the caller's, */
        return (PyObject *)o; /* the caller's to the tensor the object's */
    }
    Py_INCREF(o);
    fac__release(t);
    return (PyObject *)o;
}

static void wrapper_free(void *wrapper) {
    PyGILState_STATE g = PyGILState_Ensure();
    fac__TensorObject *o = wrapper;
    o->t = NULL;
    Py_DECREF(o);
    PyGILState_Release(g);
}

static bool would_be_missed(const fac__TensorObject *o) {
    return Py_TYPE(o) != fac__tensor_type || o->dict != NULL || o->weakrefs != NULL ||
           o->backward_hooks != NULL;
}

static void tensor_dealloc(PyObject *self) {
    fac__TensorObject *o = (fac__TensorObject *)self;
    PyTypeObject *type = Py_TYPE(self);
    fac_tensor *t = o->t;
    if (t != NULL && o->holds && would_be_missed(o) && atomic_load(&t->refs) > 1) {
        Py_SET_REFCNT(self, 1); /* the tensor's */
        o->holds = false;
        if (atomic_fetch_sub(&t->refs, 1) != 1)
            return;
        atomic_store(&t->refs, 1); /* C let go meanwhile: die after all */
        o->holds = true;
        Py_SET_REFCNT(self, 0);
    }
    PyObject_GC_UnTrack(self);
    if (o->weakrefs != NULL)
        PyObject_ClearWeakRefs(self);
    Py_CLEAR(o->dict);
    Py_CLEAR(o->backward_hooks);
    Py_CLEAR(o->size);
    if (t != NULL) {
        t->wrapper = NULL;
        o->t = NULL;
        if (o->holds)
            fac__release(t);
    }
    if (type == fac__tensor_type && nspare < SPARE) {
        spare[nspare++] = o;
        return;
    }
    type->tp_free(self);
    Py_DECREF(type);
}

static int tensor_traverse(PyObject *self, visitproc visit, void *arg) {
    fac__TensorObject *o = (fac__TensorObject *)self;
    Py_VISIT(o->dict);
    Py_VISIT(o->backward_hooks);
    if (Py_TYPE(self) != fac__tensor_type)
        Py_VISIT(Py_TYPE(self));
    return fac__tensor_traverse_graph(o, visit, arg);
}

static int tensor_clear(PyObject *self) {
    fac__TensorObject *o = (fac__TensorObject *)self;
    Py_CLEAR(o->dict);
    Py_CLEAR(o->backward_hooks);
    if (o->t != NULL && o->holds && atomic_load(&o->t->refs) == 1 && o->t->autograd != NULL)
        fac__autograd_free(o->t);
    return 0;
}

/* Subclasses made in Python get our deallocator: the default one clears the dictionary before the
 * tensor could keep the object. */
static PyObject *meta_new(PyTypeObject *meta, PyObject *args, PyObject *kwargs) {
    PyObject *type = PyType_Type.tp_new(meta, args, kwargs);
    if (type != NULL)
        ((PyTypeObject *)type)->tp_dealloc = tensor_dealloc;
    return type;
}

/* --- number slots ------------------------------------------------------------------------------
 */

static bool plain(PyObject *o) {
    return Py_TYPE(o) == fac__tensor_type || PyFloat_CheckExact(o) || PyLong_CheckExact(o);
}

/* Both operands' values, or 0 where one is neither tensor nor number. */
static int two_values(PyObject *a, PyObject *b, fac_value *x, fac_value *y) {
    int r = fac__to_value(a, x);
    return r == 1 ? fac__to_value(b, y) : r;
}

/* Argument structs of binary operators begin alike: two values, and for add and sub a factor. */
static PyObject *binary(const fac__op *op, const char *forward, const char *backward, PyObject *a,
                        PyObject *b, int how) {
    struct fac__add_args args;
    if (FAC_UNLIKELY(!plain(a) || !plain(b) || fac__function_mode_active())) {
        if (fac__function_mode_active() || fac__overrides(a) || fac__overrides(b))
            return fac__tensor_check(a) ? fac__override_slot(forward, a, b)
                                        : fac__override_slot(backward, b, a);
    }
    int r = two_values(a, b, &args.input, &args.other);
    if (FAC_UNLIKELY(r != 1)) {
        if (r < 0)
            return NULL;
        Py_RETURN_NOTIMPLEMENTED;
    }
    if (args.input.tensor == NULL && (op == &fac__op_add || op == &fac__op_mul)) {
        fac_value number = args.input; /* the order in which the graph has them */
        args.input = args.other;
        args.other = number;
    }
    args.alpha = fac_int(1);
    if (how == FAC__CALL_NEW)
        return fac__invoke(op, &args, FAC__CALL_NEW, NULL, 0);
    fac_tensor *given = args.input.tensor;
    return fac__invoke(op, &args, FAC__CALL_INPLACE, &given, 1);
}

/* name, op, and the methods that overrides see: forward, reflected, in place */
#define SLOT(name, op, forward, backward, inplace)                                                 \
    static PyObject *nb_##name(PyObject *a, PyObject *b) {                                         \
        return binary(&fac__op_##op, forward, backward, a, b, FAC__CALL_NEW);                      \
    }                                                                                              \
    static PyObject *nb_inplace_##name(PyObject *a, PyObject *b) {                                 \
        return binary(&fac__op_##op, inplace, inplace, a, b, FAC__CALL_INPLACE);                   \
    }
SLOT(add, add, "add", "add", "add_")
SLOT(mul, mul, "mul", "mul", "mul_")
SLOT(subtract, sub, "sub", "__rsub__", "sub_")
SLOT(floor_divide, floor_divide, "__floordiv__", "__rfloordiv__", "floor_divide_")
SLOT(remainder, remainder, "remainder", "__rmod__", "remainder_")
SLOT(lshift, bitwise_left_shift, "__lshift__", "__rlshift__", "__ilshift__")
SLOT(rshift, bitwise_right_shift, "__rshift__", "__rrshift__", "__irshift__")
SLOT(and, bitwise_and, "__and__", "__rand__", "__iand__")
SLOT(or, bitwise_or, "__or__", "__ror__", "__ior__")
SLOT(xor, bitwise_xor, "__xor__", "__rxor__", "__ixor__")

/* 2 / x is x.reciprocal() * 2, in PyTorch's rounding. */
static PyObject *nb_true_divide(PyObject *a, PyObject *b) {
    if (fac__tensor_check(a) || FAC_UNLIKELY(fac__function_mode_active() || fac__overrides(b)))
        return binary(&fac__op_div, "div", "__rdiv__", a, b, FAC__CALL_NEW);
    struct fac__reciprocal_args args = {fac__tensor_of(b)};
    PyObject *inverse = fac__invoke(&fac__op_reciprocal, &args, FAC__CALL_NEW, NULL, 0);
    PyObject *r = inverse == NULL ? NULL : PyNumber_Multiply(inverse, a);
    Py_XDECREF(inverse);
    if (r == NULL && inverse != NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        Py_RETURN_NOTIMPLEMENTED;
    }
    return r;
}

static PyObject *nb_inplace_true_divide(PyObject *a, PyObject *b) {
    return binary(&fac__op_div, "div_", "div_", a, b, FAC__CALL_INPLACE);
}

static PyObject *nb_power(PyObject *a, PyObject *b, PyObject *modulus) {
    if (modulus != Py_None)
        Py_RETURN_NOTIMPLEMENTED;
    return binary(&fac__op_pow, "__pow__", "__rpow__", a, b, FAC__CALL_NEW);
}

static PyObject *nb_inplace_power(PyObject *a, PyObject *b, PyObject *modulus) {
    (void)modulus;
    return binary(&fac__op_pow, "pow_", "pow_", a, b, FAC__CALL_INPLACE);
}

/* Slots of one op, called as it is. */
static PyObject *one(const fac__op *op, const char *name, PyObject *a) {
    struct fac__neg_args args = {fac__tensor_of(a)};
    if (FAC_UNLIKELY(fac__function_mode_active() || fac__overrides(a)))
        return fac__override_slot(name, a, NULL);
    return fac__invoke(op, &args, FAC__CALL_NEW, NULL, 0);
}

static PyObject *nb_matrix_multiply(PyObject *a, PyObject *b) {
    if (FAC_UNLIKELY(fac__function_mode_active() || fac__overrides(a) || fac__overrides(b)))
        return fac__tensor_check(a) ? fac__override_slot("matmul", a, b)
                                    : fac__override_slot("__rmatmul__", b, a);
    if (!fac__tensor_check(a) || !fac__tensor_check(b))
        Py_RETURN_NOTIMPLEMENTED;
    struct fac__matmul_args args = {fac__tensor_of(a), fac__tensor_of(b)};
    if (args.input->ndim == 2 && args.other->ndim == 2)
        return fac__invoke(&fac__op_mm, &args, FAC__CALL_NEW, NULL, 0);
    return fac__invoke(&fac__op_matmul, &args, FAC__CALL_NEW, NULL, 0);
}

static PyObject *nb_negative(PyObject *a) {
    return one(&fac__op_neg, "neg", a);
}

static PyObject *nb_positive(PyObject *a) {
    return one(&fac__op_positive, "positive", a);
}

static PyObject *nb_absolute(PyObject *a) {
    return one(&fac__op_abs, "abs", a);
}

static PyObject *nb_invert(PyObject *a) {
    fac_tensor *t = fac__tensor_of(a);
    if (t->dtype > FAC_UINT64)
        return PyErr_Format(PyExc_TypeError,
                            "~ (operator.invert) is only implemented on integer and Boolean-type "
                            "tensors");
    return one(&fac__op_bitwise_not, "__invert__", a);
}

static PyObject *tensor_compare(PyObject *a, PyObject *b, int op) {
    static const char *const names[] = {"lt", "le", "__eq__", "ne", "gt", "ge"};
    static const fac__op *const ops[] = {&fac__op_lt, &fac__op_le, &fac__op_eq,
                                         &fac__op_ne, &fac__op_gt, &fac__op_ge};
    struct fac__lt_args args = {.input = fac__tensor_of(a)};
    if (FAC_UNLIKELY(fac__function_mode_active() || fac__overrides(a) || fac__overrides(b)))
        return fac__override_slot(names[op], a, b);
    int r = fac__to_value(b, &args.other);
    if (r < 0)
        return NULL;
    if (r == 1)
        return fac__invoke(ops[op], &args, FAC__CALL_NEW, NULL, 0);
    if (op != Py_EQ || strcmp(Py_TYPE(b)->tp_name, "numpy.ndarray") != 0)
        Py_RETURN_NOTIMPLEMENTED;
    PyObject *array = fac__tensor_from_data(b, FAC_DTYPE_NONE, fac_cpu(), false);
    if (array == NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        Py_RETURN_NOTIMPLEMENTED;
    }
    PyObject *equal = array == NULL ? NULL : tensor_compare(a, array, op);
    Py_XDECREF(array);
    return equal;
}

static Py_hash_t tensor_hash(PyObject *o) {
    return _Py_HashPointer(o);
}

static int nb_bool(PyObject *o) {
    fac_tensor *t = fac__tensor_of(o);
    if (FAC_UNLIKELY(fac__unusual(o))) {
        PyObject *r = fac__override_method("__bool__", o, NULL, 0, NULL);
        int truth = r == NULL ? -1 : PyObject_IsTrue(r);
        Py_XDECREF(r);
        return truth;
    }
    if (t->numel == 0) {
        PyErr_SetString(PyExc_RuntimeError, "Boolean value of Tensor with no values is ambiguous");
        return -1;
    }
    if (t->numel > 1) {
        PyErr_SetString(PyExc_RuntimeError,
                        "Boolean value of Tensor with more than one value is ambiguous");
        return -1;
    }
    if (t->features & FAC__WRAPPED) {
        PyErr_SetString(PyExc_RuntimeError,
                        "vmap: It looks like you're attempting to use a Tensor in some "
                        "data-dependent control flow. We don't support that yet, please file an "
                        "issue at https://github.com/pytorch/pytorch/issues .");
        return -1;
    }
    fac_scalar s;
    if (fac__item(t, &s) != 0) {
        fac__raise();
        return -1;
    }
    fac_complex128 c = fac__scalar_complex(s);
    return s.kind == FAC_INT64 ? s.as.i != 0 : c.re != 0 || c.im != 0;
}

/* The one element for int() and float(), which take complex numbers on the real axis alone. */
static PyObject *number_of(PyObject *o, const char *c_type) {
    fac_tensor *t = fac__tensor_of(o);
    if (t->numel != 1)
        return PyErr_Format(PyExc_ValueError,
                            "only one element tensors can be converted to Python scalars");
    static bool warned;
    if (fac_requires_grad(t) && fac_grad_mode() && !warned) {
        warned = true;
        if (PyErr_WarnEx(PyExc_UserWarning,
                         "Converting a tensor with requires_grad=True to a scalar may lead to "
                         "unexpected behavior.\nConsider using tensor.detach() first.",
                         1) < 0)
            return NULL;
    }
    PyObject *v = fac__item_of(t);
    if (v == NULL || !PyComplex_Check(v))
        return v;
    Py_complex c = PyComplex_AsCComplex(v);
    Py_DECREF(v);
    if (c.imag != 0)
        return PyErr_Format(PyExc_RuntimeError,
                            "value cannot be converted to type %s without overflow", c_type);
    return PyFloat_FromDouble(c.real);
}

static PyObject *nb_int(PyObject *o) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("__int__", o, NULL, 0, NULL);
    PyObject *v = number_of(o, "int64_t"), *r = v == NULL ? NULL : PyNumber_Long(v);
    Py_XDECREF(v);
    return r;
}

static PyObject *nb_float(PyObject *o) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("__float__", o, NULL, 0, NULL);
    PyObject *v = number_of(o, "double"), *r = v == NULL ? NULL : PyNumber_Float(v);
    Py_XDECREF(v);
    return r;
}

static PyObject *nb_index(PyObject *o) {
    fac_tensor *t = fac__tensor_of(o);
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("__index__", o, NULL, 0, NULL);
    if (!fac__is_integral((fac_dtype)t->dtype, true) || t->numel != 1)
        return PyErr_Format(
            PyExc_TypeError,
            "only integer tensors of a single element can be converted to an index");
    return nb_int(o);
}

static Py_ssize_t tensor_len(PyObject *o) {
    fac_tensor *t = fac__tensor_of(o);
    if (FAC_UNLIKELY(fac__unusual(o))) {
        PyObject *r = fac__override_method("__len__", o, NULL, 0, NULL);
        Py_ssize_t n = r == NULL ? -1 : PyNumber_AsSsize_t(r, PyExc_OverflowError);
        Py_XDECREF(r);
        return n;
    }
    if (t->ndim == 0) {
        PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
        return -1;
    }
    return (Py_ssize_t)t->sizes[0];
}

/* --- attributes --------------------------------------------------------------------------------
 */

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

/* --- methods that are not ops ------------------------------------------------------------------
 */

static PyObject *m_size(PyObject *o, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("size", o, args, n, names);
    fac_tensor *t = fac__tensor_of(o);
    int64_t d;
    Py_ssize_t all = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (all == 0 || args[0] == Py_None)
        return fac__wrap_size(t->ndim, t->sizes);
    if (all > 1 || fac__to_int(args[0], &d) != 1) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_TypeError, "size(): argument 'dim' (position 1) must be int, not %s",
                         Py_TYPE(args[0])->tp_name);
        return NULL;
    }
    if (t->ndim == 0)
        return PyErr_Format(PyExc_IndexError,
                            "Dimension specified as %lld but tensor has no dimensions",
                            (long long)d);
    int i = fac__wrap_dim(d, t->ndim);
    return i < 0 ? fac__raise() : PyLong_FromLongLong(t->sizes[i]);
}

static PyObject *m_stride(PyObject *o, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("stride", o, args, n, names);
    fac_tensor *t = fac__tensor_of(o);
    int64_t d;
    Py_ssize_t all = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (all == 0 || args[0] == Py_None)
        return fac__wrap_ints(t->ndim, t->strides);
    if (fac__to_int(args[0], &d) != 1)
        return PyErr_Occurred() ? NULL
                                : PyErr_Format(PyExc_TypeError,
                                               "stride(): argument 'dim' (position 1) must be int, "
                                               "not %s",
                                               Py_TYPE(args[0])->tp_name);
    int i = fac__wrap_dim(d, t->ndim);
    return i < 0 ? fac__raise() : PyLong_FromLongLong(t->strides[i]);
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
    Py_ssize_t all = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    fac_memory_format f = FAC_CONTIGUOUS_FORMAT;
    if (all > 0) {
        if (Py_TYPE(args[0]) != fac__format_type)
            return PyErr_Format(PyExc_TypeError,
                                "is_contiguous(): argument 'memory_format' must be "
                                "torch.memory_format, not %s",
                                Py_TYPE(args[0])->tp_name);
        f = (fac_memory_format)((fac__EnumObject *)args[0])->value;
    }
    return PyBool_FromLong(fac__is_format(fac__tensor_of(o), f));
}

static PyObject *m_requires_grad_(PyObject *o, PyObject *const *args, Py_ssize_t n,
                                  PyObject *names) {
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("requires_grad_", o, args, n, names);
    Py_ssize_t all = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    bool on = true;
    if (all > 0) {
        if (!PyBool_Check(args[0]))
            return PyErr_Format(PyExc_TypeError,
                                "requires_grad_(): argument 'requires_grad' (position 1) must be "
                                "bool, not %s",
                                Py_TYPE(args[0])->tp_name);
        on = args[0] == Py_True;
    }
    if (!fac_set_requires_grad(fac__tensor_of(o), on))
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

/* --- the type ----------------------------------------------------------------------------------
 */

static PyObject *tensor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    /* Tensor(...) and the legacy constructors are facula/_tensor.py's */
    PyObject *make = PyObject_GetAttrString((PyObject *)fac__tensor_type, "_legacy_new");
    if (make == NULL)
        return NULL;
    PyObject *data = PyObject_Call(make, args, kwargs);
    Py_DECREF(make);
    if (data == NULL || type == fac__tensor_type)
        return data;
    if (!fac__tensor_check(data)) {
        Py_DECREF(data);
        return PyErr_Format(PyExc_TypeError, "Tensor() did not make a tensor");
    }
    fac_tensor *t = fac__shallow_copy(fac__tensor_of(data));
    Py_DECREF(data);
    return t == NULL ? fac__raise() : fac__wrap_as(type, t);
}

static PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(fac__TensorObject, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(fac__TensorObject, weakrefs), READONLY, NULL},
    {0}};

/* torch._C.TensorBase has all that is written in C, as messages and programs know; torch.Tensor
 * adds what is written in Python. */
static PyType_Slot base_slots[] = {{Py_tp_new, tensor_new},
                                   {Py_tp_dealloc, tensor_dealloc},
                                   {Py_tp_traverse, tensor_traverse},
                                   {Py_tp_clear, tensor_clear},
                                   {Py_tp_hash, tensor_hash},
                                   {Py_tp_richcompare, tensor_compare},
                                   {Py_tp_getset, NULL}, /* guarded, see fac__init_tensor */
                                   {Py_tp_members, members},
                                   {Py_mp_length, tensor_len},
                                   {Py_mp_subscript, fac__py_getitem},
                                   {Py_mp_ass_subscript, fac__py_setitem},
                                   {Py_nb_add, nb_add},
                                   {Py_nb_multiply, nb_mul},
                                   {Py_nb_inplace_add, nb_inplace_add},
                                   {Py_nb_inplace_multiply, nb_inplace_mul},
                                   {Py_nb_subtract, nb_subtract},
                                   {Py_nb_true_divide, nb_true_divide},
                                   {Py_nb_floor_divide, nb_floor_divide},
                                   {Py_nb_remainder, nb_remainder},
                                   {Py_nb_power, nb_power},
                                   {Py_nb_lshift, nb_lshift},
                                   {Py_nb_rshift, nb_rshift},
                                   {Py_nb_and, nb_and},
                                   {Py_nb_or, nb_or},
                                   {Py_nb_xor, nb_xor},
                                   {Py_nb_matrix_multiply, nb_matrix_multiply},
                                   {Py_nb_inplace_subtract, nb_inplace_subtract},
                                   {Py_nb_inplace_true_divide, nb_inplace_true_divide},
                                   {Py_nb_inplace_floor_divide, nb_inplace_floor_divide},
                                   {Py_nb_inplace_remainder, nb_inplace_remainder},
                                   {Py_nb_inplace_power, nb_inplace_power},
                                   {Py_nb_inplace_lshift, nb_inplace_lshift},
                                   {Py_nb_inplace_rshift, nb_inplace_rshift},
                                   {Py_nb_inplace_and, nb_inplace_and},
                                   {Py_nb_inplace_or, nb_inplace_or},
                                   {Py_nb_inplace_xor, nb_inplace_xor},
                                   {Py_nb_negative, nb_negative},
                                   {Py_nb_positive, nb_positive},
                                   {Py_nb_absolute, nb_absolute},
                                   {Py_nb_invert, nb_invert},
                                   {Py_nb_bool, nb_bool},
                                   {Py_nb_int, nb_int},
                                   {Py_nb_float, nb_float},
                                   {Py_nb_index, nb_index},
                                   {0, NULL}};

/* Where there are none, CPython would put its own, which are slower. */
static PyType_Slot slots[] = {{Py_tp_dealloc, tensor_dealloc},
                              {Py_tp_traverse, tensor_traverse},
                              {Py_tp_clear, tensor_clear},
                              {0, NULL}};

enum { TYPE_FLAGS = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC };
static PyType_Spec base_spec = {"torch._C.TensorBase", sizeof(fac__TensorObject), 0, TYPE_FLAGS,
                                base_slots};
static PyType_Spec spec = {"torch.Tensor", sizeof(fac__TensorObject), 0, TYPE_FLAGS, slots};

static PyType_Slot meta_slots[] = {{Py_tp_new, meta_new}, {0, NULL}};
static PyType_Spec meta_spec = {"facula._C._TensorMeta", 0, 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, meta_slots};

static int add_methods(PyTypeObject *base, PyMethodDef *defs) {
    for (; defs->ml_name != NULL; defs++) {
        PyObject *d = defs->ml_flags & METH_STATIC ? PyStaticMethod_New(PyCFunction_New(defs, NULL))
                                                   : PyDescr_NewMethod(base, defs);
        if (d == NULL || PyObject_SetAttrString((PyObject *)base, defs->ml_name, d) < 0)
            return -1;
        Py_DECREF(d);
    }
    return 0;
}

int fac__init_tensor(PyObject *module) {
    meta_type = fac__new_type(&meta_spec, &PyType_Type);
    if (meta_type == NULL)
        return -1;
    for (PyType_Slot *slot = base_slots; slot->slot != 0; slot++)
        if (slot->slot == Py_tp_getset)
            slot->pfunc = fac__guard_attributes(fac__tensor_getset);
    PyObject *base = PyType_FromSpec(&base_spec);
    fac__tensor_type = base == NULL ? NULL : (PyTypeObject *)PyType_FromSpecWithBases(&spec, base);
    if (fac__tensor_type == NULL)
        return -1;
    /* Messages name the type without its module, as they do for a class written in Python. */
    PyObject *name = PyUnicode_FromString("Tensor");
    if (name == NULL || PyObject_SetAttrString((PyObject *)fac__tensor_type, "__name__", name) < 0)
        return -1;
    Py_DECREF(name);
    Py_SET_TYPE(fac__tensor_type, (PyTypeObject *)Py_NewRef(meta_type));
    Py_SET_TYPE(base, (PyTypeObject *)Py_NewRef(meta_type));
    fac__wrapper_free = wrapper_free;
    PyMethodDef *const tables[] = {fac__generated_methods(), fac__generated_inplace(),
                                   fac__tensor_methods, fac__sparse_methods, fac__storage_methods};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (add_methods((PyTypeObject *)base, tables[i]) < 0)
            return -1;
    Py_DECREF(base); /* the type holds it */
    if (PyModule_AddObjectRef(module, "_TensorMeta", (PyObject *)meta_type) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "Tensor", (PyObject *)fac__tensor_type);
}
