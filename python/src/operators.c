/* What Python's operators and built-in functions do with a tensor: + and ==, hash(), bool(), int(),
 * len(). Subscripts are in index.c. */
#include "ext.h"

#include <facula/autograd.h>

#include <string.h>

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

const PyType_Slot fac__operator_slots[FAC__OPERATOR_SLOTS] = {
    {Py_tp_hash, tensor_hash},
    {Py_tp_richcompare, tensor_compare},
    {Py_mp_length, tensor_len},
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
};
