/* _C._Module, the base of facula.nn.Module: calls without hooks, and attributes that are filed in
 * the dictionaries _parameters, _buffers and _modules.
 *
 * A class with a __getattr__ of its own, in C or Python, makes Python raise and catch an
 * AttributeError for every attribute that the generic search misses, which is every use of a
 * weight. So subclasses get getattribute() itself in their slot as long as they inherit both
 * methods; Python puts its own function back when one of them is assigned later. */
#include "ext.h"

static PyObject *members[3];   /* "_parameters", "_buffers", "_modules" */
static PyObject *hooks[4];     /* of one module */
static PyObject *global_hooks; /* a tuple of dictionaries */
static PyObject *forward_name, *call_impl_name, *getattr_name, *getattribute_name;
static PyTypeObject *base;

/* The member of that name, borrowed, or NULL. */
static PyObject *member(PyObject *self, PyObject *name) {
    PyObject *dict = PyObject_GenericGetDict(self, NULL), *found = NULL;
    for (int i = 0; dict != NULL && found == NULL && i < 3; i++) {
        PyObject *kind = PyDict_GetItemWithError(dict, members[i]);
        if (kind != NULL && PyDict_Check(kind))
            found = PyDict_GetItemWithError(kind, name);
    }
    Py_XDECREF(dict);
    return found;
}

static PyObject *missing_attribute(PyObject *self, PyObject *name) {
    PyObject *found = member(self, name);
    if (found != NULL)
        return Py_NewRef(found);
    if (!PyErr_Occurred())
        PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute '%U'",
                     Py_TYPE(self)->tp_name, name);
    return NULL;
}

static PyObject *getattribute(PyObject *self, PyObject *name) {
    PyObject *found = _PyObject_GenericGetAttrWithDict(self, name, NULL, 1);
    return found != NULL || PyErr_Occurred() ? found : missing_attribute(self, name);
}

/* 1 some hook is registered, 0 none, -1 exception set. */
static int hooked(PyObject *self) {
    PyObject *dict = PyObject_GenericGetDict(self, NULL);
    int r = dict == NULL ? -1 : 0;
    for (int i = 0; r == 0 && i < 4; i++) {
        PyObject *h = PyDict_GetItemWithError(dict, hooks[i]);
        if (h != NULL)
            r = PyDict_Check(h) ? PyDict_GET_SIZE(h) != 0 : PyObject_IsTrue(h);
        else if (PyErr_Occurred())
            r = -1;
        else if ((h = PyObject_GetAttr(self, hooks[i])) == NULL)
            r = -1; /* Module.__init__ was not called, and this says so */
        else
            Py_DECREF(h);
    }
    Py_XDECREF(dict);
    for (Py_ssize_t i = 0; r == 0 && i < PyTuple_GET_SIZE(global_hooks); i++)
        r = PyDict_GET_SIZE(PyTuple_GET_ITEM(global_hooks, i)) != 0;
    return r;
}

static PyObject *call(PyObject *self, PyObject *args, PyObject *kwargs) {
    int r = global_hooks == NULL ? 0 : hooked(self);
    if (r < 0)
        return NULL;
    PyObject *f = PyObject_GetAttr(self, r > 0 ? call_impl_name : forward_name);
    PyObject *result = f == NULL ? NULL : PyObject_Call(f, args, kwargs);
    Py_XDECREF(f);
    return result;
}

/* Whether a subclass finds this method of the base under its name. */
static bool inherits(PyTypeObject *type, PyObject *name) {
    PyObject *own = PyObject_GetAttr((PyObject *)type, name);
    PyObject *ours = PyObject_GetAttr((PyObject *)base, name);
    bool same = own != NULL && own == ours;
    Py_XDECREF(own);
    Py_XDECREF(ours);
    PyErr_Clear();
    return same;
}

static PyObject *init_subclass(PyObject *type, PyObject *const *args, Py_ssize_t n,
                               PyObject *names) {
    if (inherits((PyTypeObject *)type, getattr_name) &&
        inherits((PyTypeObject *)type, getattribute_name))
        ((PyTypeObject *)type)->tp_getattro = getattribute;
    PyObject *next = PyObject_CallFunctionObjArgs((PyObject *)&PySuper_Type, base, type, NULL);
    PyObject *f = next == NULL ? NULL : PyObject_GetAttrString(next, "__init_subclass__");
    PyObject *result = f == NULL ? NULL : PyObject_Vectorcall(f, args, (size_t)n, names);
    Py_XDECREF(f);
    Py_XDECREF(next);
    return result;
}

static PyObject *set_global_hooks(PyObject *type, PyObject *tuple) {
    (void)type;
    if (!PyTuple_Check(tuple))
        return PyErr_Format(PyExc_TypeError, "_set_global_hooks() takes a tuple");
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (!PyDict_Check(PyTuple_GET_ITEM(tuple, i)))
            return PyErr_Format(PyExc_TypeError, "_set_global_hooks() takes dictionaries");
    Py_XSETREF(global_hooks, Py_NewRef(tuple));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"__getattr__", missing_attribute, METH_O, "The parameter, buffer or submodule of that name."},
    {"__init_subclass__", (PyCFunction)(void (*)(void))init_subclass,
     METH_FASTCALL | METH_KEYWORDS | METH_CLASS, NULL},
    {"_set_global_hooks", set_global_hooks, METH_O | METH_CLASS,
     "_set_global_hooks(tuple of dictionaries): a call goes by _call_impl where one is not empty"},
    {0}};

static PyType_Slot slots[] = {
    {Py_tp_getattro, getattribute}, {Py_tp_call, call}, {Py_tp_methods, methods}, {0, NULL}};

static PyType_Spec spec = {
    .name = "facula._C._Module", .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, .slots = slots};

static int intern(PyObject **to, const char *text) {
    *to = PyUnicode_InternFromString(text);
    return *to == NULL ? -1 : 0;
}

int fac__init_modules(PyObject *module) {
    static const char *const member_names[] = {"_parameters", "_buffers", "_modules"};
    static const char *const hook_names[] = {"_backward_hooks", "_backward_pre_hooks",
                                             "_forward_hooks", "_forward_pre_hooks"};
    for (int i = 0; i < 3; i++)
        if (intern(&members[i], member_names[i]) < 0)
            return -1;
    for (int i = 0; i < 4; i++)
        if (intern(&hooks[i], hook_names[i]) < 0)
            return -1;
    if (intern(&forward_name, "forward") < 0 || intern(&call_impl_name, "_call_impl") < 0 ||
        intern(&getattr_name, "__getattr__") < 0 ||
        intern(&getattribute_name, "__getattribute__") < 0)
        return -1;
    base = (PyTypeObject *)PyType_FromSpec(&spec);
    return PyModule_AddObjectRef(module, "_Module", (PyObject *)base);
}
