/* Node objects: grad_fn and what it shows of the graph. */
#include "ext.h"

#include <facula/autograd.h>

#include <string.h>

typedef fac__NodeObject NodeObject;

static PyTypeObject *node_base;
static PyTypeObject *metadata_type;
static PyObject *node_types; /* name -> type: grad_fn prints as <AddBackward0 object at ...> */

static void node_dealloc(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    fac_node *n = ((NodeObject *)o)->node;
    if (n != NULL) {
        if (n->wrapper == o)
            n->wrapper = NULL;
        if (!((NodeObject *)o)->looks_only)
            fac__node_release(n);
    }
    type->tp_free(o);
    Py_DECREF(type);
}

int fac__node_alive(PyObject *o) {
    if (((NodeObject *)o)->node != NULL)
        return 0;
    PyErr_SetString(PyExc_RuntimeError,
                    "Attribute access on a custom Function's node whose graph has been freed");
    return -1;
}

static PyObject *node_name(PyObject *o, PyObject *unused) {
    (void)unused;
    if (((NodeObject *)o)->node == NULL)
        return PyUnicode_FromString(Py_TYPE(o)->tp_name);
    return PyUnicode_FromString(fac__node_full_name(((NodeObject *)o)->node));
}

static PyObject *node_next(PyObject *o, void *unused) {
    (void)unused;
    if (fac__node_alive(o) < 0)
        return NULL;
    fac_node *n = ((NodeObject *)o)->node;
    uint32_t order[3], count = n->nedges, few;
    bool other = fac__edges_seen(n, order, &few);
    if (other)
        count = few;
    PyObject *t = PyTuple_New((Py_ssize_t)count);
    for (uint32_t i = 0; t != NULL && i < count; i++) {
        const fac__edge *e = &n->edges[other ? order[i] : i];
        PyObject *next = e->node == NULL ? Py_NewRef(Py_None) : fac__wrap_node(e->node);
        PyObject *pair = next == NULL ? NULL : Py_BuildValue("(NI)", next, e->nr);
        if (pair == NULL)
            Py_CLEAR(t);
        else
            PyTuple_SET_ITEM(t, (Py_ssize_t)i, pair);
    }
    return t;
}

static PyObject *node_variable(PyObject *o, void *unused) {
    (void)unused;
    if (fac__node_alive(o) < 0)
        return NULL;
    fac_node *n = ((NodeObject *)o)->node;
    if (n->variable == NULL)
        return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                            fac__node_name(n));
    return fac__wrap(fac__retain(n->variable));
}

static PyObject *node_metadata(PyObject *o, void *unused) {
    (void)unused;
    if (fac__node_alive(o) < 0)
        return NULL;
    fac_node *n = ((NodeObject *)o)->node;
    PyObject *dict = fac__kept_by_node(n);
    return dict == NULL ? fac__keep_by_node(n, PyDict_New()) : Py_NewRef(dict);
}

static bool gets_gradient(const fac_node *n, uint32_t output) {
    fac_dtype d = (fac_dtype)n->outputs[output].dtype;
    bool none = output < 32 && (n->op->nondiff_outputs & (1u << output)) != 0;
    return !none && (fac__is_float(d) || fac__is_complex(d));
}

/* What gradients come to the node: as its outputs are. */
static PyObject *node_input_metadata(PyObject *o, void *unused) {
    (void)unused;
    if (fac__node_alive(o) < 0)
        return NULL;
    const fac_node *n = ((NodeObject *)o)->node;
    uint32_t count = n->noutputs; /* indices and statistics, which come last, get no gradient */
    while (n->op != NULL && count > 1 && !gets_gradient(n, count - 1))
        count--;
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (uint32_t i = 0; list != NULL && i < count; i++) {
        const fac__meta *m = &n->outputs[i];
        PyObject *shape = PyList_New(m->ndim), *one = PyStructSequence_New(metadata_type);
        if (shape == NULL || one == NULL) {
            Py_XDECREF(shape);
            Py_XDECREF(one);
            Py_CLEAR(list);
            break;
        }
        for (int k = 0; k < m->ndim; k++)
            PyList_SET_ITEM(shape, k, PyLong_FromLongLong(m->sizes[k]));
        PyStructSequence_SetItem(one, 0, fac__wrap_dtype((fac_dtype)m->dtype));
        PyStructSequence_SetItem(one, 1, shape);
        PyStructSequence_SetItem(one, 2, fac__wrap_device(m->device));
        PyStructSequence_SetItem(one, 3, Py_NewRef(Py_False));
        PyStructSequence_SetItem(one, 4, Py_NewRef(Py_False));
        PyList_SET_ITEM(list, (Py_ssize_t)i, one);
    }
    return list;
}

static PyObject *node_requires_grad(PyObject *o, void *unused) {
    (void)o, (void)unused;
    Py_RETURN_TRUE; /* there is a node because something does */
}

static PyObject *node_set_sequence(PyObject *o, PyObject *nr) {
    uint64_t value = PyLong_AsUnsignedLongLong(nr);
    if (fac__node_alive(o) < 0 || PyErr_Occurred())
        return NULL;
    ((NodeObject *)o)->node->sequence = value;
    Py_RETURN_NONE;
}

/* --- attributes --------------------------------------------------------------------------------
 */

static PyObject *node_getattr(PyObject *o, PyObject *key) {
    PyObject *v = PyObject_GenericGetAttr(o, key);
    fac_node *n = ((NodeObject *)o)->node;
    if (v != NULL || n == NULL || n->op == NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return v;
    const char *name = PyUnicode_AsUTF8(key);
    if (name == NULL)
        return NULL;
    PyObject *kind, *value, *trace;
    PyErr_Fetch(&kind, &value, &trace);
    v = fac__node_saved(n, name);
    if (v == NULL && !PyErr_Occurred()) {
        PyErr_Restore(kind, value, trace);
        return NULL;
    }
    Py_XDECREF(kind);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return v;
}

static PyObject *node_dir(PyObject *o, PyObject *unused) {
    (void)unused;
    fac_node *n = ((NodeObject *)o)->node;
    PyObject *list = PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__dir__", "(O)", o);
    if (list == NULL || n == NULL)
        return list;
    int r = n->op == NULL ? 0 : fac__node_saved_names(n, list);
    PyObject *gone = NULL;
    if (r == 0 && n->variable == NULL)
        gone = PyObject_CallMethod(list, "remove", "s", "variable");
    if (r != 0 || (n->variable == NULL && gone == NULL))
        Py_CLEAR(list);
    Py_XDECREF(gone);
    return list;
}

/* --- the type ----------------------------------------------------------------------------------
 */

static PyObject *node_sequence(PyObject *o, PyObject *unused) {
    (void)unused;
    if (fac__node_alive(o) < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(((NodeObject *)o)->node->sequence);
}

static PyMethodDef node_methods[] = {{"_sequence_nr", node_sequence, METH_NOARGS, NULL},
                                     {"_set_sequence_nr", node_set_sequence, METH_O, NULL},
                                     {"name", node_name, METH_NOARGS, "name() -> str"},
                                     {"__dir__", node_dir, METH_NOARGS, NULL},
                                     {0}};
static PyGetSetDef node_getset[] = {
    {"next_functions", node_next, NULL, "(node, which of its outputs) for each input.", NULL},
    {"variable", node_variable, NULL, "The leaf, of nodes that accumulate.", NULL},
    {"metadata", node_metadata, NULL, "A dictionary for the user's own.", NULL},
    {"requires_grad", node_requires_grad, NULL, NULL, NULL},
    {"_input_metadata", node_input_metadata, NULL, "dtype, shape and device of its outputs.", NULL},
    {0}};
static PyType_Slot node_slots[] = {{Py_tp_dealloc, node_dealloc},
                                   {Py_tp_getattro, node_getattr},
                                   {Py_tp_methods, node_methods},
                                   {Py_tp_getset, node_getset},
                                   {0, NULL}};
static PyType_Spec node_spec = {"facula._C.Node", sizeof(NodeObject), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, node_slots};

static PyTypeObject *node_type(const char *name) {
    PyObject *type = PyDict_GetItemString(node_types, name);
    if (type != NULL)
        return (PyTypeObject *)type;
    PyObject *made = PyObject_CallFunction((PyObject *)&PyType_Type, "s(O){s:s,s:()}", name,
                                           node_base, "__module__", "builtins", "__slots__");
    if (made == NULL || PyDict_SetItemString(node_types, name, made) < 0) {
        Py_XDECREF(made);
        return NULL;
    }
    Py_DECREF(made);
    return (PyTypeObject *)made;
}

PyObject *fac__wrap_node(fac_node *n) {
    if (n->wrapper != NULL)
        return Py_NewRef((PyObject *)n->wrapper);
    PyTypeObject *type = node_type(fac__node_name(n));
    NodeObject *o = type == NULL ? NULL : (NodeObject *)type->tp_alloc(type, 0);
    if (o == NULL)
        return NULL;
    o->node = fac__node_retain(n);
    n->wrapper = o;
    return (PyObject *)o;
}

/* --- what the collector sees -------------------------------------------------------------------
 * C counts references that the collector does not know, so only objects that nothing but the tensor
 * can hold are shown to it: the tensor's hooks, and the context and hooks of the node that made it,
 * where the tensor is held by its wrapper alone and the node by the tensor alone. */

static int visit_hooks(const fac__hook *h, visitproc visit, void *arg) {
    for (; h != NULL; h = h->next)
        if (fac__is_python_hook(h))
            Py_VISIT((PyObject *)h->ctx);
    return 0;
}

int fac__tensor_traverse_graph(fac__TensorObject *o, visitproc visit, void *arg) {
    fac_tensor *t = o->t;
    if (t == NULL || !o->holds || atomic_load(&t->refs) != 1 || t->autograd == NULL)
        return 0;
    const struct fac__autograd *a = t->autograd;
    int r = visit_hooks(a->hooks, visit, arg);
    if (r == 0)
        r = visit_hooks(a->post_accumulate, visit, arg);
    if (r != 0 || a->grad_fn == NULL || atomic_load(&a->grad_fn->refs) != 1)
        return r;
    if (fac__is_python_node(a->grad_fn))
        Py_VISIT((PyObject *)a->grad_fn->args);
    return visit_hooks(a->grad_fn->hooks, visit, arg);
}

int fac__init_nodes(PyObject *module) {
    node_base = (PyTypeObject *)PyType_FromSpec(&node_spec);
    node_types = PyDict_New();
    static PyStructSequence_Field fields[] = {{"dtype", NULL},
                                              {"shape", NULL},
                                              {"device", NULL},
                                              {"is_nested_tensor", NULL},
                                              {"is_cpp_nested_tensor", NULL},
                                              {0}};
    static PyStructSequence_Desc metadata = {"facula._C._autograd.InputMetadata", NULL, fields, 5};
    metadata_type = PyStructSequence_NewType(&metadata);
    if (node_base == NULL || node_types == NULL || metadata_type == NULL || fac__init_saved() < 0)
        return -1;
    return PyModule_AddObjectRef(module, "_Node", (PyObject *)node_base);
}
