/* The function level: __torch_function__ of subclasses, of objects that only look like tensors, and
 * of modes.
 *
 * A call looks at its arguments' types before it parses them, so that an override sees what the
 * caller wrote. Plain tensors and numbers pass by two comparisons. What to do with an override is
 * decided in facula/overrides.py; here are the tests, and `_overridable`: a callable around a
 * function written in Python that looks at its arguments in the same way. */
#include "ext.h"

#include <string.h>

static PyTypeObject *overridable_type;

bool fac__function_mode_active(void) {
    return (fac__tls.levels & FAC__L_PYTHON) != 0;
}

bool fac__overrides(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    if (FAC_LIKELY(type == fac__tensor_type || type == fac__parameter_type ||
                   PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyTuple_CheckExact(o) ||
                   PyList_CheckExact(o) || o == Py_None || PyBool_Check(o) ||
                   PyUnicode_CheckExact(o) || type == fac__size_type || type == fac__dtype_type ||
                   type == fac__device_type_))
        return false;
    if (fac__tls.levels & FAC__L_NO_SUBCLASS)
        return false;
    static PyObject *name;
    if (name == NULL)
        name = PyUnicode_InternFromString("__torch_function__");
    PyObject *f = _PyType_Lookup(type, name);
    return f != NULL && f != fac__disabled_function && !PyType_Check(o);
}

bool fac__any_override(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    if (self != NULL && fac__overrides(self))
        return true;
    Py_ssize_t all = n + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    for (Py_ssize_t i = 0; i < all; i++) {
        PyObject *o = args[i];
        if (fac__overrides(o))
            return true;
        if (PyTuple_CheckExact(o) || PyList_CheckExact(o))
            for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(o); k++)
                if (fac__overrides(PySequence_Fast_GET_ITEM(o, k)))
                    return true;
    }
    return false;
}

/* --- handing a call over ------------------------------------------------------------------------
 */

static PyObject *handler(const char *name) {
    PyObject *module = PyImport_ImportModule("facula.overrides");
    PyObject *f = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return f;
}

PyObject *fac__call_override(PyObject *func, PyObject *self, PyObject *const *args, Py_ssize_t n,
                             PyObject *names) {
    static PyObject *dispatch;
    if (dispatch == NULL && (dispatch = handler("_dispatch")) == NULL)
        return NULL;
    Py_ssize_t lead = self == NULL ? 0 : 1;
    PyObject *tuple = PyTuple_New(n + lead), *r = NULL;
    bool none = (names == NULL || PyTuple_GET_SIZE(names) == 0) &&
                Py_TYPE(func) != overridable_type; /* functions in Python always give a dict */
    PyObject *kwargs = none ? Py_NewRef(Py_None) : PyDict_New();
    if (tuple != NULL && kwargs != NULL) {
        if (self != NULL)
            PyTuple_SET_ITEM(tuple, 0, Py_NewRef(self));
        for (Py_ssize_t i = 0; i < n; i++)
            PyTuple_SET_ITEM(tuple, i + lead, Py_NewRef(args[i]));
        int bad = 0;
        for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++)
            bad |= PyDict_SetItem(kwargs, PyTuple_GET_ITEM(names, i), args[n + i]);
        if (bad == 0)
            r = PyObject_CallFunctionObjArgs(dispatch, func, tuple, kwargs, NULL);
    }
    Py_XDECREF(tuple);
    Py_XDECREF(kwargs);
    return r;
}

PyObject *fac__override_method(const char *name, PyObject *self, PyObject *const *args,
                               Py_ssize_t n, PyObject *names) {
    PyObject *func = PyObject_GetAttrString((PyObject *)fac__tensor_type, name);
    PyObject *r = func == NULL ? NULL : fac__call_override(func, self, args, n, names);
    Py_XDECREF(func);
    return r;
}

/* Operators: where no override takes the call, the other operand's own operator may. */
PyObject *fac__override_slot(const char *name, PyObject *a, PyObject *b) {
    PyObject *r = fac__override_method(name, a, &b, b == NULL ? 0 : 1, NULL);
    if (r == NULL && b != NULL && PyErr_ExceptionMatches(PyExc_TypeError)) {
        PyErr_Clear();
        Py_RETURN_NOTIMPLEMENTED;
    }
    return r;
}

/* --- attributes --------------------------------------------------------------------------------
 */

static PyObject *accessor(const char *name, const char *which) {
    PyObject *d = PyDict_GetItemString(fac__tensor_type->tp_base->tp_dict, name);
    return d == NULL ? NULL : PyObject_GetAttrString(d, which);
}

static PyObject *guarded_get(PyObject *o, void *closure) {
    const PyGetSetDef *def = closure;
    if (FAC_UNLIKELY(fac__unusual(o))) {
        PyObject *func = accessor(def->name, "__get__");
        PyObject *r = func == NULL ? NULL : fac__call_override(func, o, NULL, 0, NULL);
        Py_XDECREF(func);
        return r;
    }
    return def->get(o, def->closure);
}

static int guarded_set(PyObject *o, PyObject *value, void *closure) {
    const PyGetSetDef *def = closure;
    if (FAC_UNLIKELY(fac__unusual(o))) {
        PyObject *func = accessor(def->name, value == NULL ? "__delete__" : "__set__");
        PyObject *r =
            func == NULL ? NULL : fac__call_override(func, o, &value, value == NULL ? 0 : 1, NULL);
        Py_XDECREF(func);
        Py_XDECREF(r);
        return r == NULL ? -1 : 0;
    }
    return def->set(o, value, def->closure);
}

enum { MAX_ATTRIBUTES = 64 };

PyGetSetDef *fac__guard_attributes(PyGetSetDef *plain) {
    static PyGetSetDef guarded[MAX_ATTRIBUTES];
    for (int i = 0; plain[i].name != NULL && i < MAX_ATTRIBUTES - 1; i++)
        guarded[i] =
            (PyGetSetDef){plain[i].name, guarded_get, plain[i].set == NULL ? NULL : guarded_set,
                          plain[i].doc, &plain[i]};
    return guarded;
}

/* --- functions written in Python ----------------------------------------------------------------
 */

typedef struct {
    PyObject_HEAD PyObject *function;
    vectorcallfunc call;
} OverridableObject;

static PyObject *overridable_call(PyObject *self, PyObject *const *args, size_t nf,
                                  PyObject *names) {
    PyObject *function = ((OverridableObject *)self)->function;
    if (FAC_UNLIKELY(fac__function_mode_active() ||
                     fac__any_override(NULL, args, PyVectorcall_NARGS(nf), names)))
        return fac__call_override(self, NULL, args, PyVectorcall_NARGS(nf), names);
    return PyObject_Vectorcall(function, args, nf, names);
}

static PyObject *overridable_bind(PyObject *self, PyObject *object, PyObject *type) {
    (void)type;
    return object == NULL ? Py_NewRef(self) : PyMethod_New(self, object);
}

static PyObject *overridable_getattr(PyObject *self, PyObject *name) {
    PyObject *r = PyObject_GenericGetAttr(self, name);
    if (r != NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return r;
    PyErr_Clear();
    return PyObject_GetAttr(((OverridableObject *)self)->function, name);
}

static PyObject *overridable_inherited(PyObject *self, void *name) {
    return PyObject_GetAttrString(((OverridableObject *)self)->function, name);
}

static PyObject *overridable_repr(PyObject *self) {
    return PyObject_Repr(((OverridableObject *)self)->function);
}

static int overridable_traverse(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((OverridableObject *)self)->function);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static void overridable_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((OverridableObject *)self)->function);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMemberDef overridable_members[] = {
    {"__wrapped__", T_OBJECT, offsetof(OverridableObject, function), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(OverridableObject, call), READONLY, NULL},
    {0}};
static PyGetSetDef overridable_getset[] = {
    {"__name__", overridable_inherited, NULL, NULL, "__name__"},
    {"__qualname__", overridable_inherited, NULL, NULL, "__qualname__"},
    {"__doc__", overridable_inherited, NULL, NULL, "__doc__"},
    {"__module__", overridable_inherited, NULL, NULL, "__module__"},
    {0}};
static PyType_Slot overridable_slots[] = {{Py_tp_call, PyVectorcall_Call},
                                          {Py_tp_descr_get, overridable_bind},
                                          {Py_tp_getattro, overridable_getattr},
                                          {Py_tp_repr, overridable_repr},
                                          {Py_tp_traverse, overridable_traverse},
                                          {Py_tp_dealloc, overridable_dealloc},
                                          {Py_tp_members, overridable_members},
                                          {Py_tp_getset, overridable_getset},
                                          {0, NULL}};
static PyType_Spec overridable_spec = {"facula._C._Overridable", sizeof(OverridableObject), 0,
                                       Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC |
                                           Py_TPFLAGS_HAVE_VECTORCALL |
                                           Py_TPFLAGS_METHOD_DESCRIPTOR,
                                       overridable_slots};
static PyObject *overridable(PyObject *m, PyObject *function) {
    (void)m;
    OverridableObject *o = (OverridableObject *)overridable_type->tp_alloc(overridable_type, 0);
    if (o == NULL)
        return NULL;
    o->function = Py_NewRef(function);
    o->call = overridable_call;
    return (PyObject *)o;
}

/* --- the module's functions ---------------------------------------------------------------------
 */

/* Runs func with `bits` set in the thread's levels, and as they were afterwards. */
static PyObject *call_with(uint32_t bits, PyObject *func, PyObject *args, PyObject *kwargs) {
    uint32_t old = fac__tls.levels & bits;
    fac__tls.levels |= bits;
    PyObject *r = PyObject_Call(func, args, kwargs);
    fac__tls.levels = (fac__tls.levels & ~bits) | old;
    return r;
}

/* (func, types, args=(), kwargs=None): the call as if no class overrode it. */
static PyObject *disabled_function(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *func, *types, *a = NULL, *k = NULL;
    if (!PyArg_ParseTuple(args, "OO|OO", &func, &types, &a, &k))
        return NULL;
    PyObject *tuple = a == NULL ? PyTuple_New(0) : PySequence_Tuple(a);
    PyObject *r =
        tuple == NULL ? NULL : call_with(FAC__L_NO_SUBCLASS, func, tuple, k == Py_None ? NULL : k);
    Py_XDECREF(tuple);
    return r;
}

/* _set_level_bit(which, on) -> as it was. 0: function modes; 1: subclasses are ignored. */
static PyObject *set_bit(PyObject *m, PyObject *args) {
    (void)m;
    int which, on;
    if (!PyArg_ParseTuple(args, "ip", &which, &on))
        return NULL;
    uint32_t bit = which == 0 ? FAC__L_PYTHON : FAC__L_NO_SUBCLASS;
    bool old = (fac__tls.levels & bit) != 0;
    fac__tls.levels = on ? fac__tls.levels | bit : fac__tls.levels & ~bit;
    return PyBool_FromLong(old);
}

static PyObject *level_bit(PyObject *m, PyObject *which) {
    (void)m;
    long w = PyLong_AsLong(which);
    if (w == -1 && PyErr_Occurred())
        return NULL;
    return PyBool_FromLong((fac__tls.levels & (w == 0 ? FAC__L_PYTHON : FAC__L_NO_SUBCLASS)) != 0);
}

static PyObject *has_override_one(PyObject *m, PyObject *o) {
    (void)m;
    return PyBool_FromLong(fac__function_mode_active() || fac__overrides(o));
}

static PyObject *has_override_many(PyObject *m, PyObject *const *args, Py_ssize_t n) {
    (void)m;
    bool any = fac__function_mode_active();
    for (Py_ssize_t i = 0; i < n && !any; i++)
        any = fac__overrides(args[i]);
    return PyBool_FromLong(any);
}

static PyObject *has_override_in(PyObject *m, PyObject *seq) {
    PyObject *fast = PySequence_Fast(seq, "expected a sequence");
    if (fast == NULL)
        return NULL;
    PyObject *r = has_override_many(m, PySequence_Fast_ITEMS(fast), PySequence_Fast_GET_SIZE(fast));
    Py_DECREF(fast);
    return r;
}

static PyObject *tensor_default(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static PyObject *f;
    if (f == NULL && (f = handler("_tensor_default")) == NULL)
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(args);
    PyObject *all = PyTuple_New(n + 1);
    if (all == NULL)
        return NULL;
    PyTuple_SET_ITEM(all, 0, Py_NewRef(cls));
    for (Py_ssize_t i = 0; i < n; i++)
        PyTuple_SET_ITEM(all, i + 1, Py_NewRef(PyTuple_GET_ITEM(args, i)));
    PyObject *r = PyObject_Call(f, all, kwargs);
    Py_DECREF(all);
    return r;
}

static PyObject *register_parameter(PyObject *m, PyObject *type) {
    (void)m;
    fac__parameter_type = (PyTypeObject *)Py_NewRef(type);
    Py_RETURN_NONE;
}

#define FN(f) (PyCFunction)(void (*)(void)) f
static PyMethodDef functions[] = {
    {"_has_torch_function_unary", has_override_one, METH_O, NULL},
    {"_has_torch_function_variadic", FN(has_override_many), METH_FASTCALL, NULL},
    {"_has_torch_function", has_override_in, METH_O, NULL},
    {"_disabled_torch_function_impl", disabled_function, METH_VARARGS, NULL},
    {"_set_level_bit", set_bit, METH_VARARGS, NULL},
    {"_level_bit", level_bit, METH_O, NULL},
    {"_overridable", overridable, METH_O, NULL},
    {"_register_parameter_type", register_parameter, METH_O, NULL},
    {0}};

static PyMethodDef default_method = {"__torch_function__", FN(tensor_default),
                                     METH_CLASS | METH_VARARGS | METH_KEYWORDS,
                                     "What a subclass does unless it says otherwise: the call "
                                     "itself, its results as the subclass."};

int fac__init_overrides(PyObject *module) {
    overridable_type = (PyTypeObject *)PyType_FromSpec(&overridable_spec);
    if (overridable_type == NULL || PyModule_AddFunctions(module, functions) < 0)
        return -1;
    fac__disabled_function = PyObject_GetAttrString(module, "_disabled_torch_function_impl");
    PyObject *d = PyDescr_NewClassMethod(fac__tensor_type, &default_method);
    if (fac__disabled_function == NULL || d == NULL)
        return -1;
    int r = PyObject_SetAttrString((PyObject *)fac__tensor_type, default_method.ml_name, d);
    Py_DECREF(d);
    return r < 0 ? -1 : PyModule_AddObjectRef(module, "_Overridable", (PyObject *)overridable_type);
}
