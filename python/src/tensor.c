/* The Tensor type: wrapping and lifetimes. What it answers to is in operators.c, attributes.c,
 * methods.c and index.c; methods of ops come generated; what is convenient rather than hot lives in
 * facula/_tensor.py. */
#include "ext.h"

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

/* Where there are none, CPython would put its own, which are slower. */
static PyType_Slot slots[] = {{Py_tp_dealloc, tensor_dealloc},
                              {Py_tp_traverse, tensor_traverse},
                              {Py_tp_clear, tensor_clear},
                              {0, NULL}};

enum { TYPE_FLAGS = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC };
static PyType_Spec spec = {"torch.Tensor", sizeof(fac__TensorObject), 0, TYPE_FLAGS, slots};

/* torch._C.TensorBase has all that is written in C, as messages and programs know; torch.Tensor
 * adds what is written in Python. */
static PyObject *new_base(void) {
    const PyType_Slot own[] = {
        {Py_tp_new, tensor_new},
        {Py_tp_dealloc, tensor_dealloc},
        {Py_tp_traverse, tensor_traverse},
        {Py_tp_clear, tensor_clear},
        {Py_tp_members, members},
        {Py_mp_subscript, fac__py_getitem},
        {Py_mp_ass_subscript, fac__py_setitem},
        {Py_tp_getset, fac__guard_attributes(fac__tensor_getset)},
    };
    PyType_Slot all[sizeof own / sizeof own[0] + FAC__OPERATOR_SLOTS + 1] = {{0, NULL}};
    memcpy(all, own, sizeof own);
    memcpy(all + sizeof own / sizeof own[0], fac__operator_slots, sizeof fac__operator_slots);
    PyType_Spec base = {"torch._C.TensorBase", sizeof(fac__TensorObject), 0, TYPE_FLAGS, all};
    return PyType_FromSpec(&base);
}

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
    PyObject *base = new_base();
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
