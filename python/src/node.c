/* Node objects: grad_fn and what it shows of the graph. */
#include "ext.h"

#include <facula/autograd.h>

#include <stdio.h>
#include <string.h>

typedef fac__NodeObject NodeObject;

static PyTypeObject *node_base;
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
    Py_CLEAR(((NodeObject *)o)->dict);
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
    PyObject *t = PyTuple_New((Py_ssize_t)n->nedges);
    for (uint32_t i = 0; t != NULL && i < n->nedges; i++) {
        PyObject *next =
            n->edges[i].node == NULL ? Py_NewRef(Py_None) : fac__wrap_node(n->edges[i].node);
        PyObject *pair = next == NULL ? NULL : Py_BuildValue("(NI)", next, n->edges[i].nr);
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
    NodeObject *n = (NodeObject *)o;
    if (n->dict == NULL)
        n->dict = PyDict_New();
    return Py_XNewRef(n->dict);
}

/* --- saved values ------------------------------------------------------------------------------
 * grad_fn._saved_self and so on, by the names of the op's parameters; result, or result0 and so on,
 * for its outputs. */

static const char *saved_name(const fac__param *p) {
    return strcmp(p->name, "input") == 0 ? "self" : p->name;
}

static PyObject *unpack(const fac__saved *s, fac_node *n) {
    fac_clear_error();
    fac_tensor *t = fac__unpack(s, n);
    if (t != NULL)
        return fac__wrap(t);
    if (fac__tls.error.code != FAC_OK)
        return fac__raise();
    Py_RETURN_NONE;
}

static PyObject *saved_list(fac_node *n, int slot) {
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < n->nsaved; i++) {
        if (n->saved[i].is_output || n->saved[i].slot != slot)
            continue;
        PyObject *t = unpack(&n->saved[i], n);
        if (t == NULL || PyList_Append(list, t) < 0)
            Py_CLEAR(list);
        Py_XDECREF(t);
    }
    PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

static bool holds_number(const fac__param *p, const fac_node *n) {
    const fac_value *v = (const void *)((const char *)n->args + p->offset);
    return p->tensor_index == 255 || (p->type == FAC__T_VALUE && fac__given(v->number));
}

/* NULL without an exception where there is no such value. */
static PyObject *saved_value(fac_node *n, const char *name) {
    const fac__op *op = n->op;
    uint32_t outputs = 0;
    for (uint32_t i = 0; i < n->nsaved; i++)
        outputs += n->saved[i].is_output;
    if (strncmp(name, "result", 6) == 0)
        for (uint32_t i = 0; i < n->nsaved; i++) {
            const fac__saved *s = &n->saved[i];
            char nr[16];
            snprintf(nr, sizeof nr, "%u", s->output_nr);
            if (s->is_output && (name[6] == 0 ? outputs == 1 : strcmp(name + 6, nr) == 0))
                return unpack(s, n);
        }
    for (int k = 0; k < op->nparams; k++) {
        const fac__param *p = &op->params[k];
        if (strcmp(saved_name(p), name) != 0)
            continue;
        if (p->type == FAC__T_TENSORS)
            return saved_list(n, k);
        if (holds_number(p, n))
            return fac__box(p, n->args);
        for (uint32_t i = 0; i < n->nsaved; i++)
            if (!n->saved[i].is_output && n->saved[i].slot == k)
                return unpack(&n->saved[i], n);
    }
    return NULL;
}

static PyObject *node_getattr(PyObject *o, PyObject *key) {
    PyObject *v = PyObject_GenericGetAttr(o, key);
    fac_node *n = ((NodeObject *)o)->node;
    if (v != NULL || n == NULL || n->op == NULL || !PyErr_ExceptionMatches(PyExc_AttributeError))
        return v;
    const char *name = PyUnicode_AsUTF8(key);
    if (name == NULL || strncmp(name, "_saved_", 7) != 0)
        return NULL;
    PyObject *kind, *value, *trace;
    PyErr_Fetch(&kind, &value, &trace);
    v = saved_value(n, name + 7);
    if (v == NULL && !PyErr_Occurred()) {
        PyErr_Restore(kind, value, trace);
        return NULL;
    }
    Py_XDECREF(kind);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return v;
}

static int add_name(PyObject *list, const char *name) {
    PyObject *s = PyUnicode_FromFormat("_saved_%s", name);
    int r = s == NULL ? -1 : PyList_Append(list, s);
    Py_XDECREF(s);
    return r;
}

static PyObject *node_dir(PyObject *o, PyObject *unused) {
    (void)unused;
    fac_node *n = ((NodeObject *)o)->node;
    PyObject *list = PyObject_CallMethod((PyObject *)&PyBaseObject_Type, "__dir__", "(O)", o);
    if (list == NULL || n == NULL || n->op == NULL)
        return list;
    int r = 0;
    for (int k = 0; r == 0 && k < n->op->nparams; k++) {
        const fac__param *p = &n->op->params[k];
        bool has = holds_number(p, n);
        for (uint32_t i = 0; !has && i < n->nsaved; i++)
            has = !n->saved[i].is_output && n->saved[i].slot == k;
        if (has)
            r = add_name(list, saved_name(p));
    }
    for (uint32_t i = 0; r == 0 && i < n->nsaved; i++)
        if (n->saved[i].is_output)
            r = add_name(list, "result");
    if (r != 0)
        Py_CLEAR(list);
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
                                     {"name", node_name, METH_NOARGS, "name() -> str"},
                                     {"__dir__", node_dir, METH_NOARGS, NULL},
                                     {0}};
static PyGetSetDef node_getset[] = {
    {"next_functions", node_next, NULL, "(node, which of its outputs) for each input.", NULL},
    {"variable", node_variable, NULL, "The leaf, of nodes that accumulate.", NULL},
    {"metadata", node_metadata, NULL, "A dictionary for the user's own.", NULL},
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
    o->dict = NULL;
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
    if (node_base == NULL || node_types == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "_Node", (PyObject *)node_base);
}
