/* Autograd's Python side: grad mode, backward, node objects. */
#include "ext.h"

#include <facula/autograd.h>

/* --- nodes -------------------------------------------------------------------------------------
 */

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
    return PyUnicode_FromString(fac__node_name(((NodeObject *)o)->node));
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

static PyMethodDef node_methods[] = {{"name", node_name, METH_NOARGS, "name() -> str"}, {0}};
static PyGetSetDef node_getset[] = {{"next_functions", node_next, NULL, NULL, NULL},
                                    {"variable", node_variable, NULL, NULL, NULL},
                                    {0}};
static PyType_Slot node_slots[] = {{Py_tp_dealloc, node_dealloc},
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

int fac__tensor_traverse_graph(fac__TensorObject *o, visitproc visit, void *arg) {
    (void)o;
    (void)visit;
    (void)arg;
    return 0;
}

/* --- modes and backward ------------------------------------------------------------------------
 */

static PyObject *is_grad_enabled(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    return PyBool_FromLong(fac__tls.grad_mode);
}

static PyObject *set_grad_enabled(PyObject *m, PyObject *o) {
    (void)m;
    bool old = fac_set_grad_mode(PyObject_IsTrue(o) == 1);
    return PyBool_FromLong(old);
}

static PyObject *is_inference(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    return PyBool_FromLong(fac__tls.inference);
}

static PyObject *set_inference(PyObject *m, PyObject *o) {
    (void)m;
    bool old = fac__tls.inference;
    fac__tls.inference = PyObject_IsTrue(o) == 1;
    return PyBool_FromLong(old);
}

static int tensor_array(PyObject *seq, bool none_ok, fac_tensor ***out, int *n) {
    *n = (int)PyTuple_GET_SIZE(seq);
    *out = PyMem_Calloc((size_t)*n + 1, sizeof **out);
    if (*out == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < *n; i++) {
        PyObject *o = PyTuple_GET_ITEM(seq, i);
        if (fac__tensor_check(o)) {
            (*out)[i] = fac__tensor_of(o);
        } else if (o != Py_None || !none_ok) {
            PyErr_Format(PyExc_TypeError, "element %d of tensors must be Tensor, not %s", i,
                         Py_TYPE(o)->tp_name);
            return -1;
        }
    }
    return 0;
}

/* Once a process. */
static int warn_of_cycle(void) {
    static bool warned;
    if (warned)
        return 0;
    warned = true;
    return PyErr_WarnEx(
        PyExc_UserWarning,
        "Using backward() with create_graph=True will create a reference cycle between the "
        "parameter and its gradient which can cause a memory leak. We recommend using "
        "autograd.grad when creating the graph to avoid this. If you have to use this function, "
        "make sure to reset the .grad fields of your parameters to None after use to break the "
        "cycle and avoid the leak.",
        1);
}

/* _backward(outputs, gradients, inputs or None, retain, create, accumulate, allow_unused) */
static PyObject *run_backward(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *outputs, *gradients, *inputs, *result = NULL;
    int retain, create, accumulate, unused_ok;
    if (!PyArg_ParseTuple(args, "O!O!Opppp", &PyTuple_Type, &outputs, &PyTuple_Type, &gradients,
                          &inputs, &retain, &create, &accumulate, &unused_ok))
        return NULL;
    fac_tensor **o = NULL, **g = NULL, **in = NULL, **results = NULL;
    int no, ng, nin = 0;
    if (tensor_array(outputs, false, &o, &no) != 0 || tensor_array(gradients, true, &g, &ng) != 0)
        goto done;
    if (inputs != Py_None) {
        if (!PyTuple_Check(inputs)) {
            PyErr_SetString(PyExc_TypeError, "inputs must be a tuple of tensors");
            goto done;
        }
        if (tensor_array(inputs, false, &in, &nin) != 0)
            goto done;
        results = PyMem_Calloc((size_t)nin + 1, sizeof *results);
        if (results == NULL) {
            PyErr_NoMemory();
            goto done;
        }
    }
    fac__backward_args a = {.outputs = o,
                            .gradients = g,
                            .noutputs = no,
                            .inputs = in,
                            .ninputs = nin,
                            .retain_graph = retain,
                            .create_graph = create,
                            .accumulate = accumulate,
                            .allow_unused = unused_ok};
    if (create && accumulate && warn_of_cycle() < 0)
        goto done;
    PyThreadState *state = PyEval_SaveThread();
    int r = fac__run_backward(&a, results);
    PyEval_RestoreThread(state);
    if (r != 0) {
        fac__raise();
        goto done;
    }
    result = PyTuple_New(accumulate ? 0 : nin);
    for (int i = 0; result != NULL && !accumulate && i < nin; i++) {
        PyObject *v = fac__wrap(results[i]);
        if (v == NULL)
            Py_CLEAR(result);
        else
            PyTuple_SET_ITEM(result, i, v);
    }
done:
    PyMem_Free(o);
    PyMem_Free(g);
    PyMem_Free(in);
    PyMem_Free(results);
    return result;
}

PyMethodDef fac__autograd_functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "is_grad_enabled() -> bool"},
    {"_set_grad_enabled", set_grad_enabled, METH_O, NULL},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, NULL},
    {"_set_inference", set_inference, METH_O, NULL},
    {"_backward", run_backward, METH_VARARGS, NULL},
    {0}};
PyMethodDef fac__tensor_autograd_methods[] = {{0}};

int fac__init_autograd(PyObject *module) {
    node_base = (PyTypeObject *)PyType_FromSpec(&node_spec);
    node_types = PyDict_New();
    if (node_base == NULL || node_types == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "_Node", (PyObject *)node_base);
}
