/* Custom Functions: nodes whose gradient is a Python method. Their context object is the node's
 * face; the node holds it, it only looks at the node. */
#include "ext.h"

#include <facula/autograd.h>

#include <stdlib.h>
#include <string.h>

static PyObject *types; /* name -> capsule of a fac__node_type */

static int apply(fac_node *node, fac_tensor **grads, fac_tensor **inputs) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *tuple = PyTuple_New((Py_ssize_t)node->noutputs), *got = NULL;
    int r = tuple == NULL ? -1 : 0;
    for (uint32_t i = 0; r == 0 && i < node->noutputs; i++) {
        PyObject *g = grads[i] == NULL ? Py_NewRef(Py_None) : fac__wrap(fac__retain(grads[i]));
        if (g == NULL)
            r = -1;
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, g);
    }
    if (r == 0)
        got = PyObject_CallMethod(node->args, "_run_backward", "(O)", tuple);
    r = got == NULL ? -1 : 0;
    /* _run_backward gives one value an edge, a tensor or None */
    for (uint32_t e = 0; r == 0 && e < node->nedges; e++) {
        PyObject *g = PyTuple_GET_ITEM(got, (Py_ssize_t)e);
        if (fac__tensor_check(g))
            inputs[e] = fac__retain(fac__tensor_of(g));
    }
    if (r != 0)
        fac__capture_exception();
    Py_XDECREF(tuple);
    Py_XDECREF(got);
    PyGILState_Release(gil);
    return r;
}

static void release_saved(fac_node *node) {
    for (uint32_t i = 0; i < node->nsaved; i++)
        fac__saved_release(&node->saved[i]);
    node->flags |= FAC__NODE_RELEASED;
}

static void free_node(fac_node *node) {
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE gil = PyGILState_Ensure();
    fac__NodeObject *ctx = node->args;
    if (ctx != NULL) {
        ctx->node = NULL;
        node->wrapper = NULL;
        Py_DECREF((PyObject *)ctx);
    }
    PyGILState_Release(gil);
}

bool fac__is_python_node(const fac_node *n) {
    return n->type->apply == apply && n->args != NULL;
}

/* Node types are few, one a Function's name, and live on. */
static const fac__node_type *type_named(const char *name) {
    if (types == NULL && (types = PyDict_New()) == NULL)
        return NULL;
    PyObject *capsule = PyDict_GetItemString(types, name);
    if (capsule != NULL)
        return PyCapsule_GetPointer(capsule, NULL);
    fac__node_type *t = calloc(1, sizeof *t);
    char *copy = strdup(name);
    if (t == NULL || copy == NULL) {
        free(t);
        free(copy);
        PyErr_NoMemory();
        return NULL;
    }
    *t = (fac__node_type){
        .name = copy, .apply = apply, .release_saved = release_saved, .free = free_node};
    capsule = PyCapsule_New(t, NULL, NULL);
    if (capsule == NULL || PyDict_SetItemString(types, name, capsule) < 0) {
        Py_XDECREF(capsule);
        return NULL;
    }
    Py_DECREF(capsule);
    return t;
}

/* _bind(ctx, name, tensors, outputs, saved, materialize): makes ctx the face of a new node, with an
 * edge for each of `tensors`. The node lives by the outputs that are joined to it; the returned
 * capsule holds it until then. */
static void unbind(PyObject *capsule) {
    fac__node_release(PyCapsule_GetPointer(capsule, NULL));
}

static PyObject *bind(PyObject *m, PyObject *args) {
    (void)m;
    fac__NodeObject *ctx;
    const char *name;
    PyObject *tensors;
    int outputs, saved, materialize;
    if (!PyArg_ParseTuple(args, "OsO!iip", &ctx, &name, &PyTuple_Type, &tensors, &outputs, &saved,
                          &materialize))
        return NULL;
    const fac__node_type *type = type_named(name);
    if (type == NULL)
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(tensors);
    fac_node *node = fac__node_new(type, (uint32_t)n, (uint32_t)outputs, (uint32_t)saved, 0);
    if (node == NULL)
        return fac__raise();
    node->flags |= FAC__NODE_ALWAYS;
    if (materialize)
        node->flags |= FAC__NODE_MATERIALIZE;
    for (Py_ssize_t i = 0; i < n; i++)
        if (fac__gradient_edge(fac__tensor_of(PyTuple_GET_ITEM(tensors, i)), &node->edges[i]) !=
            0) {
            node->type = &(fac__node_type){.name = name}; /* its own frees what is not there yet */
            fac__node_release(node);
            return fac__raise();
        }
    node->args = Py_NewRef((PyObject *)ctx);
    ctx->node = node;
    ctx->looks_only = true;
    node->wrapper = ctx;
    PyObject *capsule = PyCapsule_New(node, NULL, unbind);
    if (capsule == NULL)
        fac__node_release(node);
    return capsule;
}

/* _join(tensor, ctx, nr, how): the tensor is output nr of ctx's node; how: 0 a new one, 1 written
 * in place, -1 one without gradient. */
static PyObject *join(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o;
    fac__NodeObject *ctx;
    int nr, how;
    if (!PyArg_ParseTuple(args, "OOii", &o, &ctx, &nr, &how) ||
        fac__node_alive((PyObject *)ctx) < 0)
        return NULL;
    fac_tensor *t = fac__tensor_arg(o);
    if (t == NULL)
        return NULL;
    if (fac__meta_set(&ctx->node->outputs[nr], t) != 0)
        return fac__raise();
    int r = 0;
    if (how > 0) {
        r = fac__rebase_history(t, ctx->node);
        if (r == 0 && t->autograd->grad_fn == ctx->node)
            t->autograd->output_nr = (uint32_t)nr;
    } else if (how == 0) {
        r = fac__set_history(t, ctx->node, (uint32_t)nr);
        if (r == 0 && (t->features & FAC__VIEW))
            t->autograd->creation =
                ctx->node->noutputs > 1 ? FAC__CREATED_MULTI : FAC__CREATED_CUSTOM;
    }
    if (r != 0)
        return fac__raise();
    Py_RETURN_NONE;
}

/* _save(ctx, tuple of tensors or None) */
static PyObject *save(PyObject *m, PyObject *args) {
    (void)m;
    fac__NodeObject *ctx;
    PyObject *tensors;
    if (!PyArg_ParseTuple(args, "OO!", &ctx, &PyTuple_Type, &tensors) ||
        fac__node_alive((PyObject *)ctx) < 0)
        return NULL;
    fac_node *node = ctx->node;
    for (uint32_t i = 0; i < node->nsaved; i++) {
        PyObject *o = PyTuple_GET_ITEM(tensors, (Py_ssize_t)i);
        fac_tensor *t = fac__tensor_check(o) ? fac__tensor_of(o) : NULL;
        bool own = t != NULL && t->autograd != NULL && t->autograd->grad_fn == node;
        if (fac__save(&node->saved[i], t, own, own ? t->autograd->output_nr : 0) != 0)
            return fac__raise();
    }
    Py_RETURN_NONE;
}

static PyObject *saved(PyObject *m, PyObject *o) {
    (void)m;
    if (fac__node_alive(o) < 0)
        return NULL;
    fac_node *node = ((fac__NodeObject *)o)->node;
    PyObject *r = PyTuple_New((Py_ssize_t)node->nsaved);
    for (uint32_t i = 0; r != NULL && i < node->nsaved; i++) {
        fac_clear_error();
        fac_tensor *t = fac__unpack(&node->saved[i], node);
        PyObject *v = NULL;
        if (t != NULL)
            v = fac__wrap(t);
        else if (fac__tls.error.code != FAC_OK)
            fac__raise();
        else
            v = Py_NewRef(Py_None);
        if (v == NULL)
            Py_CLEAR(r);
        else
            PyTuple_SET_ITEM(r, (Py_ssize_t)i, v);
    }
    return r;
}

static PyObject *raw_saved(PyObject *m, PyObject *o) {
    (void)m;
    return fac__node_alive(o) < 0 ? NULL : fac__node_raw_saved(((fac__NodeObject *)o)->node);
}

static PyObject *bound(PyObject *m, PyObject *o) {
    (void)m;
    return PyBool_FromLong(((fac__NodeObject *)o)->node != NULL);
}

static PyObject *increment_version(PyObject *m, PyObject *o) {
    (void)m;
    if (!fac__tensor_check(o))
        return PyErr_Format(PyExc_TypeError, "increment_version expects a Tensor");
    if (fac__bump_version(fac__tensor_of(o)) != 0)
        return fac__raise();
    Py_RETURN_NONE;
}

PyMethodDef fac__function_functions[] = {{"_bind", bind, METH_VARARGS, NULL},
                                         {"_bound", bound, METH_O, NULL},
                                         {"_join", join, METH_VARARGS, NULL},
                                         {"_save", save, METH_VARARGS, NULL},
                                         {"_saved", saved, METH_O, NULL},
                                         {"_raw_saved", raw_saved, METH_O, NULL},
                                         {"_increment_version", increment_version, METH_O, NULL},
                                         {0}};
