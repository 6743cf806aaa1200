/* Hooks: Python callables on tensors, nodes and saved values.
 *
 * Hooks of one kind on one thing are a dictionary, which the handles that take hooks out again know
 * as well; C sees one hook, which calls what the dictionary holds by then. */
#include "ext.h"

#include <facula/autograd.h>

static void drop(void *dict) {
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE g = PyGILState_Ensure();
    Py_DECREF((PyObject *)dict);
    PyGILState_Release(g);
}

/* --- tensors ---------------------------------------------------------------------------------- */

static int replace(fac_tensor **grad, PyObject *with) {
    fac_tensor *t = fac__retain(fac__tensor_of(with));
    fac__release(*grad);
    *grad = t;
    return 0;
}

/* "hook 'name'", as far as it has one. */
static PyObject *title(PyObject *hook) {
    PyObject *name = PyObject_GetAttrString(hook, "__name__");
    PyErr_Clear();
    PyObject *text = name != NULL && PyUnicode_Check(name) ? PyUnicode_FromFormat("hook '%U'", name)
                                                           : PyUnicode_FromString("hook");
    Py_XDECREF(name);
    return text;
}

static PyObject *not_a(const char *what, PyObject *got) {
    return PyErr_Format(PyExc_TypeError, "expected %s, but hook returned '%s'", what,
                        Py_TYPE(got)->tp_name);
}

static PyObject *tensor_type(const fac_tensor *t) {
    PyObject *o = fac__wrap(fac__retain((fac_tensor *)(uintptr_t)t));
    PyObject *type = o == NULL ? NULL : PyObject_CallMethod(o, "type", NULL);
    Py_XDECREF(o);
    return type;
}

/* What a hook puts in place of a gradient has its shape and dtype. */
static int check_result(const fac_tensor *was, PyObject *got, PyObject *hook) {
    if (!fac__tensor_check(got))
        return not_a("Variable", got), -1;
    const fac_tensor *t = fac__tensor_of(got);
    PyObject *name = NULL, *before = NULL, *after = NULL;
    if (t->dtype != was->dtype || t->layout != was->layout ||
        !fac__same_device(t->device, was->device)) {
        name = title(hook), before = tensor_type(was), after = tensor_type(t);
        if (name != NULL && before != NULL && after != NULL)
            PyErr_Format(PyExc_RuntimeError, "%U has changed the type of value (was %U got %U)",
                         name, before, after);
    } else if (t->ndim != was->ndim ||
               memcmp(t->sizes, was->sizes, sizeof(int64_t) * (size_t)was->ndim) != 0) {
        name = title(hook);
        if (name != NULL)
            PyErr_Format(PyExc_RuntimeError, "%U has changed the size of value", name);
    } else {
        return 0;
    }
    Py_XDECREF(name);
    Py_XDECREF(before);
    Py_XDECREF(after);
    return -1;
}

/* Each hook sees the gradient, and what it returns takes its place. */
static int call_tensor_hooks(void *dict, fac_node *node, fac_tensor **grad, int n,
                             fac_tensor **unused, int nunused) {
    (void)node, (void)n, (void)unused, (void)nunused;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *hooks = PyMapping_Values(dict);
    PyObject *g = hooks == NULL ? NULL : fac__wrap(fac__retain(*grad));
    int r = g == NULL ? -1 : 0;
    bool changed = false;
    for (Py_ssize_t i = 0; r == 0 && i < PyList_GET_SIZE(hooks); i++) {
        PyObject *got = PyObject_CallOneArg(PyList_GET_ITEM(hooks, i), g);
        if (got == NULL) {
            r = -1;
        } else if (got == Py_None) {
            Py_DECREF(got);
        } else if (check_result(*grad, got, PyList_GET_ITEM(hooks, i)) != 0) {
            Py_DECREF(got);
            r = -1;
        } else {
            Py_SETREF(g, got);
            changed = true;
        }
    }
    if (r == 0 && changed)
        r = replace(grad, g);
    if (r != 0)
        fac__capture_exception();
    Py_XDECREF(hooks);
    Py_XDECREF(g);
    PyGILState_Release(gil);
    return r;
}

static int call_post_accumulate(void *dict, fac_node *node, fac_tensor **variable, int n,
                                fac_tensor **unused, int nunused) {
    (void)node, (void)n, (void)unused, (void)nunused;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *hooks = PyMapping_Values(dict);
    PyObject *t = hooks == NULL ? NULL : fac__wrap(fac__retain(*variable));
    int r = t == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; r == 0 && i < PyList_GET_SIZE(hooks); i++) {
        PyObject *got = PyObject_CallOneArg(PyList_GET_ITEM(hooks, i), t);
        r = got == Py_None ? 0 : -1;
        if (got != NULL && r != 0 && check_result(*variable, got, PyList_GET_ITEM(hooks, i)) == 0)
            PyErr_SetString(PyExc_RuntimeError,
                            "Tensor post accumulate grad hooks should return None.");
        Py_XDECREF(got);
    }
    if (r != 0)
        fac__capture_exception();
    Py_XDECREF(hooks);
    Py_XDECREF(t);
    PyGILState_Release(gil);
    return r;
}

/* _tensor_hooks(tensor, post_accumulate, new dict) -> the dictionary that is there, or the new one
 */
static PyObject *tensor_hooks(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o, *dict;
    int post;
    if (!PyArg_ParseTuple(args, "OpO", &o, &post, &dict))
        return NULL;
    if (fac__tensor_arg(o) == NULL)
        return NULL;
    uint32_t nr;
    fac__hook **list = fac__tensor_hooks(fac__tensor_of(o), post, &nr);
    if (list == NULL)
        return fac__raise();
    uint8_t kind = post ? FAC__HOOK_POST : FAC__HOOK_TENSOR_PRE;
    for (fac__hook *h = *list; h != NULL; h = h->next)
        if (h->free == drop && h->kind == kind && h->nr == nr)
            return Py_NewRef((PyObject *)h->ctx);
    if (fac__hook_add(list, kind, nr, post ? call_post_accumulate : call_tensor_hooks, drop,
                      Py_NewRef(dict)) != 0)
        return fac__raise();
    return Py_NewRef(dict);
}

static PyObject *retain_grad(PyObject *m, PyObject *o) {
    (void)m;
    if (fac__tensor_arg(o) == NULL)
        return NULL;
    if (!fac_retain_grad(fac__tensor_of(o)))
        return fac__raise();
    Py_RETURN_NONE;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static PyObject *wrap_all(fac_tensor **t, int n) {
    PyObject *r = PyTuple_New(n);
    for (int i = 0; r != NULL && i < n; i++) {
        PyObject *o = t[i] == NULL ? Py_NewRef(Py_None) : fac__wrap(fac__retain(t[i]));
        if (o == NULL)
            Py_CLEAR(r);
        else
            PyTuple_SET_ITEM(r, i, o);
    }
    return r;
}

static int replace_all(fac_tensor **t, int n, PyObject *tuple, PyObject *hook) {
    if (!PyTuple_Check(tuple))
        return not_a("tuple", tuple), -1;
    int r = 0;
    if (PyTuple_GET_SIZE(tuple) != n) {
        PyObject *name = title(hook);
        if (name != NULL)
            PyErr_Format(PyExc_RuntimeError,
                         "%U has returned an incorrect number of values (got %zd, but expected %d)",
                         name, PyTuple_GET_SIZE(tuple), n);
        Py_XDECREF(name);
        r = -1;
    }
    for (int i = 0; r == 0 && i < n; i++) {
        PyObject *o = PyTuple_GET_ITEM(tuple, i);
        if (o != Py_None && t[i] != NULL) {
            r = check_result(t[i], o, hook);
            if (r == 0)
                replace(&t[i], o);
        } else if (o != Py_None && !fac__tensor_check(o)) {
            r = (not_a("Variable", o), -1);
        } else if (o != Py_None) {
            replace(&t[i], o);
        } else {
            fac__release(t[i]);
            t[i] = NULL;
        }
    }
    return r;
}

/* Before the node: hook(grad_outputs). After it: hook(grad_inputs, grad_outputs). */
static int call_node_hooks(void *dict, fac_node *node, fac_tensor **grads, int n,
                           fac_tensor **outputs, int nout) {
    uint32_t order[3], seen;
    fac_tensor *few[3], **all = grads;
    bool other = outputs != NULL && fac__edges_seen(node, order, &seen);
    if (other) {
        n = (int)seen;
        for (int i = 0; i < n; i++)
            few[i] = all[order[i]];
        grads = few;
    }
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *hooks = PyMapping_Values(dict);
    int r = hooks == NULL ? -1 : 0;
    for (Py_ssize_t i = 0; r == 0 && i < PyList_GET_SIZE(hooks); i++) {
        PyObject *in = wrap_all(grads, n), *out = outputs == NULL ? NULL : wrap_all(outputs, nout);
        PyObject *args[2] = {in, out}, *got = NULL;
        if (in != NULL && (outputs == NULL || out != NULL))
            got =
                PyObject_Vectorcall(PyList_GET_ITEM(hooks, i), args, outputs == NULL ? 1 : 2, NULL);
        r = got == NULL      ? -1
            : got == Py_None ? 0
                             : replace_all(grads, n, got, PyList_GET_ITEM(hooks, i));
        Py_XDECREF(in);
        Py_XDECREF(out);
        Py_XDECREF(got);
    }
    for (int i = 0; other && i < n; i++)
        all[order[i]] = few[i];
    if (r != 0)
        fac__capture_exception();
    Py_XDECREF(hooks);
    PyGILState_Release(gil);
    return r;
}

/* _node_hooks(node, pre, new dict) -> the dictionary that is there, or the new one */
static PyObject *node_hooks(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o, *dict;
    int pre;
    if (!PyArg_ParseTuple(args, "OpO", &o, &pre, &dict) || fac__node_alive(o) < 0)
        return NULL;
    fac_node *n = ((fac__NodeObject *)o)->node;
    uint8_t kind = pre ? FAC__HOOK_PRE : FAC__HOOK_POST;
    for (fac__hook *h = n->hooks; h != NULL; h = h->next)
        if (h->call == call_node_hooks && h->kind == kind)
            return Py_NewRef((PyObject *)h->ctx);
    if (fac__hook_add(&n->hooks, kind, 0, call_node_hooks, drop, Py_NewRef(dict)) != 0)
        return fac__raise();
    return Py_NewRef(dict);
}

PyObject *fac__kept_by_node(const fac_node *n) {
    for (const fac__hook *h = n->hooks; h != NULL; h = h->next)
        if (h->kind == FAC__HOOK_KEEP)
            return h->ctx;
    return NULL;
}

PyObject *fac__keep_by_node(fac_node *n, PyObject *o) {
    if (o == NULL)
        return NULL;
    if (fac__hook_add(&n->hooks, FAC__HOOK_KEEP, 0, NULL, drop, o) != 0)
        return fac__raise();
    return Py_NewRef(o);
}

bool fac__is_python_hook(const fac__hook *h) {
    return h->free == drop;
}

static PyObject *gradient_node(PyObject *m, PyObject *o) {
    (void)m;
    if (fac__tensor_arg(o) == NULL)
        return NULL;
    fac__edge e;
    if (fac__gradient_edge(fac__tensor_of(o), &e) != 0)
        return fac__raise();
    PyObject *node = e.node == NULL ? fac__raise() : fac__wrap_node(e.node);
    fac__node_release(e.node);
    return node;
}

static PyObject *will_run(PyObject *m, PyObject *o) {
    (void)m;
    if (fac__node_alive(o) < 0)
        return NULL;
    return PyBool_FromLong(fac__will_run(((fac__NodeObject *)o)->node));
}

/* _edge_tensor(node, nr) -> what has the shape and the history of that output of the node, to stand
 * for it in a backward */
static PyObject *edge_tensor(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o;
    unsigned nr;
    if (!PyArg_ParseTuple(args, "OI", &o, &nr) || fac__node_alive(o) < 0)
        return NULL;
    fac_node *n = ((fac__NodeObject *)o)->node;
    if (n->variable != NULL)
        return fac__wrap(fac__retain(n->variable));
    if (nr >= n->noutputs)
        return PyErr_Format(PyExc_RuntimeError, "%s has %u outputs, not one of number %u",
                            fac__node_name(n), n->noutputs, nr);
    const fac__meta *meta = &n->outputs[nr];
    fac_tensor *t = fac__empty(meta->ndim, meta->sizes, NULL, (fac_dtype)meta->dtype,
                               (fac_device){FAC_META, 0});
    if (t == NULL)
        return fac__raise();
    t->device = meta->device; /* where its gradient will be */
    if (fac__set_history(t, n, nr) != 0) {
        fac__release(t);
        return fac__raise();
    }
    return fac__wrap(t);
}

/* --- saved values ----------------------------------------------------------------------------- */

/* One pair of functions; counted by the stack and by what it packed. */
struct pack {
    fac__pack_hooks hooks;
    PyObject *pack, *unpack;
    struct pack *outer;
    Py_ssize_t refs; /* under the GIL */
};

static void *pack_one(void *ctx, fac_tensor *t) {
    struct pack *p = ctx;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *o = fac__wrap(fac__retain(t));
    uint32_t version = fac__version_value(t);
    PyObject *packed = o == NULL ? NULL : PyObject_CallOneArg(p->pack, o);
    if (packed != NULL && fac__version_value(t) != version) {
        PyErr_SetString(PyExc_RuntimeError,
                        "A saved tensor pack hook is modifying its input in place. Tensors "
                        "provided as input to pack hook cannot be modified by in-place operations "
                        "as this can lead to unexpected side-effects. Please open an issue if you "
                        "need to perform in-place operations on the input to a pack hook.");
        Py_CLEAR(packed);
    }
    Py_XDECREF(o);
    if (packed == NULL)
        fac__capture_exception();
    PyGILState_Release(gil);
    return packed;
}

static fac_tensor *unpack_one(void *ctx, void *packed) {
    struct pack *p = ctx;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *o = PyObject_CallOneArg(p->unpack, packed);
    fac_tensor *t = NULL;
    if (o != NULL && !fac__tensor_check(o))
        PyErr_Format(PyExc_TypeError,
                     "Output of saved tensor unpack_hook expected to be a Tensor "
                     "but got result of type %s",
                     Py_TYPE(o)->tp_name);
    else if (o != NULL)
        t = fac__retain(fac__tensor_of(o));
    Py_XDECREF(o);
    if (t == NULL)
        fac__capture_exception();
    PyGILState_Release(gil);
    return t;
}

static void drop_one(void *ctx, void *packed) {
    (void)ctx;
    drop(packed);
}

static void pack_retain(const fac__pack_hooks *h) {
    PyGILState_STATE gil = PyGILState_Ensure();
    ((struct pack *)h->ctx)->refs++;
    PyGILState_Release(gil);
}

static void pack_release(const fac__pack_hooks *h) {
    struct pack *p = h->ctx;
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE gil = PyGILState_Ensure();
    if (--p->refs == 0) {
        Py_DECREF(p->pack);
        Py_DECREF(p->unpack);
        PyMem_Free(p);
    }
    PyGILState_Release(gil);
}

static struct pack *new_pack(PyObject *pack, PyObject *unpack) {
    struct pack *p = PyMem_Calloc(1, sizeof *p);
    if (p == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    p->hooks = (fac__pack_hooks){pack_one, unpack_one, drop_one, pack_retain, pack_release, p};
    p->pack = Py_NewRef(pack);
    p->unpack = Py_NewRef(unpack);
    p->refs = 1;
    return p;
}

int fac__pack_saved(fac__saved *s, PyObject *pack, PyObject *unpack) {
    struct pack *p = new_pack(pack, unpack);
    if (p == NULL)
        return -1;
    int r = fac__saved_repack(s, &p->hooks);
    if (r != 0)
        fac__raise();
    pack_release(&p->hooks);
    return r;
}

static PyObject *disabled; /* the message of disable_saved_tensors_hooks, or NULL */

static PyObject *disable_hooks(PyObject *m, PyObject *message) {
    (void)m;
    if (message != Py_None && fac__tls.saved_hooks != NULL) {
        PyErr_SetObject(PyExc_RuntimeError, message);
        return NULL;
    }
    PyObject *old = disabled == NULL ? Py_NewRef(Py_None) : disabled;
    disabled = message == Py_None ? NULL : Py_NewRef(message);
    return old;
}

static PyObject *push_hooks(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO", &pack, &unpack))
        return NULL;
    if (!PyCallable_Check(pack) || !PyCallable_Check(unpack))
        return PyErr_Format(PyExc_TypeError,
                            "_push_saved_tensors_default_hooks(): incompatible function arguments. "
                            "The following argument types are supported:\n    1. (arg0: "
                            "collections.abc.Callable, arg1: collections.abc.Callable) -> "
                            "None\n\nInvoked with: %R, %R",
                            pack, unpack);
    if (disabled != NULL) {
        PyErr_SetObject(PyExc_RuntimeError, disabled);
        return NULL;
    }
    struct pack *p = new_pack(pack, unpack);
    if (p == NULL)
        return NULL;
    fac__pack_hooks *outer = fac__tls.saved_hooks;
    p->outer = outer == NULL ? NULL : outer->ctx;
    fac__tls.saved_hooks = &p->hooks;
    Py_RETURN_NONE;
}

static PyObject *pop_hooks(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    fac__pack_hooks *top = fac__tls.saved_hooks;
    if (top != NULL) {
        struct pack *outer = ((struct pack *)top->ctx)->outer;
        fac__tls.saved_hooks = outer == NULL ? NULL : &outer->hooks;
        pack_release(top);
    }
    Py_RETURN_NONE;
}

PyMethodDef fac__hook_functions[] = {{"_tensor_hooks", tensor_hooks, METH_VARARGS, NULL},
                                     {"_retain_grad", retain_grad, METH_O, NULL},
                                     {"_node_hooks", node_hooks, METH_VARARGS, NULL},
                                     {"_gradient_node", gradient_node, METH_O, NULL},
                                     {"_edge_tensor", edge_tensor, METH_VARARGS, NULL},
                                     {"_will_run", will_run, METH_O, NULL},
                                     {"_disable_saved_hooks", disable_hooks, METH_O, NULL},
                                     {"_push_saved_hooks", push_hooks, METH_VARARGS, NULL},
                                     {"_pop_saved_hooks", pop_hooks, METH_NOARGS, NULL},
                                     {0}};
