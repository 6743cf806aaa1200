/* Autograd's Python side: grad mode, anomaly mode, backward, detach_. */
#include "ext.h"

#include <facula/autograd.h>

#include <string.h>

/* --- modes and backward ------------------------------------------------------------------------
 */

static PyObject *is_grad_enabled(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    return PyBool_FromLong(fac_grad_mode());
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
    fac__tls.grad_mode = false;
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
            if (none_ok)
                PyErr_Format(PyExc_TypeError, "gradients can be either Tensors or None, but got %s",
                             Py_TYPE(o)->tp_name);
            else
                PyErr_Format(PyExc_TypeError, "element %d of tensors must be Tensor, not %s", i,
                             Py_TYPE(o)->tp_name);
            return -1;
        }
    }
    return 0;
}

/* --- anomaly mode ------------------------------------------------------------------------------
 */

static PyObject *stack_text(void) {
    PyObject *traceback = PyImport_ImportModule("traceback");
    PyObject *lines =
        traceback == NULL ? NULL : PyObject_CallMethod(traceback, "format_stack", NULL);
    PyObject *empty = lines == NULL ? NULL : PyUnicode_FromString("");
    PyObject *text = empty == NULL ? NULL : PyUnicode_Join(empty, lines);
    Py_XDECREF(traceback);
    Py_XDECREF(lines);
    Py_XDECREF(empty);
    return text;
}

static char *forward_trace(void) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *kind, *value, *trace;
    PyErr_Fetch(&kind, &value, &trace);
    PyObject *text = stack_text();
    const char *s = text == NULL ? NULL : PyUnicode_AsUTF8(text);
    char *copy = s == NULL ? NULL : strdup(s);
    Py_XDECREF(text);
    PyErr_Restore(kind, value, trace);
    PyGILState_Release(gil);
    return copy;
}

static void tell_anomaly(const fac_node *node) {
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *kind, *value, *trace;
    PyErr_Fetch(&kind, &value, &trace);
    PyObject *text =
        node->trace == NULL
            ? PyUnicode_FromFormat("Error detected in %s. No forward pass information available. "
                                   "Enable detect anomaly during forward pass for more "
                                   "information.",
                                   fac__node_name(node))
            : PyUnicode_FromFormat("Error detected in %s. Traceback of forward call that caused "
                                   "the error:\n%s",
                                   fac__node_name(node), node->trace);
    if (text == NULL || PyErr_WarnEx(PyExc_UserWarning, PyUnicode_AsUTF8(text), 1) < 0)
        PyErr_Clear(); /* the node's own error is what is raised */
    Py_XDECREF(text);
    PyErr_Restore(kind, value, trace);
    PyGILState_Release(gil);
}

/* _set_anomaly(on, check_nan) -> what both were */
static PyObject *set_anomaly(PyObject *m, PyObject *args) {
    (void)m;
    int on, check;
    if (!PyArg_ParseTuple(args, "pp", &on, &check))
        return NULL;
    PyObject *old = Py_BuildValue("(NN)", PyBool_FromLong(fac__tls.anomaly),
                                  PyBool_FromLong(fac__tls.anomaly_check_nan));
    fac__tls.anomaly = on;
    fac__tls.anomaly_check_nan = check;
    return old;
}

static PyObject *anomaly_mode(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    return Py_BuildValue("(NN)", PyBool_FromLong(fac__tls.anomaly),
                         PyBool_FromLong(fac__tls.anomaly_check_nan));
}

static PyObject *is_anomaly_enabled(PyObject *m, PyObject *unused) {
    (void)m, (void)unused;
    return PyBool_FromLong(fac__tls.anomaly);
}

static PyObject *is_anomaly_check_nan_enabled(PyObject *m, PyObject *unused) {
    (void)m, (void)unused;
    return PyBool_FromLong(fac__tls.anomaly_check_nan);
}

/* --- backward ----------------------------------------------------------------------------------
 */

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
    if (ng < no) {
        PyErr_Format(PyExc_RuntimeError, "got %d tensors and %d gradients", no, ng);
        goto done;
    }
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

/* _graph_task() -> (number of the backward under way, or -1; whether it goes to all leaves) */
static PyObject *graph_task(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    return Py_BuildValue("(LN)", (long long)fac__tls.graph_task - 1,
                         PyBool_FromLong(!fac__tls.graph_task_partial));
}

/* --- detach_ ------------------------------------------------------------------------------------
 */

static PyObject *detach_inplace(PyObject *module, PyObject *o) {
    (void)module;
    fac_tensor *t = fac__tensor_arg(o);
    if (t == NULL)
        return NULL;
    if (t->features & FAC__VIEW)
        return PyErr_Format(
            PyExc_RuntimeError,
            "Can't detach views in-place. Use detach() instead. If you are using "
            "DistributedDataParallel (DDP) for training, and gradient_as_bucket_view is "
            "set as True, gradients are views of DDP buckets, and hence detach_() cannot "
            "be called on these gradients. To fix this error, please refer to the "
            "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.");
    if (t->autograd != NULL) {
        fac_node *n = t->autograd->grad_fn;
        t->autograd->grad_fn = NULL;
        t->autograd->requires_grad = false;
        t->autograd->output_nr = 0;
        fac__node_release(n);
    }
    t->features &= ~(uint32_t)FAC__GRAD;
    Py_RETURN_NONE;
}

/* --- no_grad and enable_grad ------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD bool target, prev;
} RecordingObject;

static PyObject *target_name;

/* cls() or, as a decorator without brackets, cls(function). */
static PyObject *recording_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"orig_func", NULL};
    PyObject *function = NULL;
    if ((PyTuple_GET_SIZE(args) != 0 || kwargs != NULL) &&
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &function))
        return NULL;
    RecordingObject *self = (RecordingObject *)type->tp_alloc(type, 0);
    PyObject *target = PyObject_GetAttr((PyObject *)type, target_name);
    int on = self == NULL || target == NULL ? -1 : PyObject_IsTrue(target);
    Py_XDECREF(target);
    if (on >= 0)
        self->target = on == 1;
    else
        Py_CLEAR(self);
    if (self == NULL || function == NULL || function == Py_None)
        return (PyObject *)self;
    PyObject *decorated = PyObject_CallOneArg((PyObject *)self, function);
    Py_DECREF(self);
    return decorated;
}

static PyObject *recording_enter(PyObject *o, PyObject *unused) {
    (void)unused;
    RecordingObject *self = (RecordingObject *)o;
    self->prev = fac_set_grad_mode(self->target);
    Py_RETURN_NONE;
}

static PyObject *recording_exit(PyObject *o, PyObject *const *args, Py_ssize_t n) {
    (void)args;
    (void)n;
    fac_set_grad_mode(((RecordingObject *)o)->prev);
    Py_RETURN_NONE;
}

static PyMethodDef recording_methods[] = {
    {"__enter__", recording_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))recording_exit, METH_FASTCALL, NULL},
    {0}};

static PyMemberDef recording_members[] = {
    {"prev", T_BOOL, offsetof(RecordingObject, prev), 0, "whether there was recording outside"},
    {0}};

static PyType_Slot recording_slots[] = {{Py_tp_new, recording_new},
                                        {Py_tp_methods, recording_methods},
                                        {Py_tp_members, recording_members},
                                        {0, NULL}};

static PyType_Spec recording_spec = {.name = "facula._C._Recording",
                                     .basicsize = sizeof(RecordingObject),
                                     .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                     .slots = recording_slots};

PyMethodDef fac__autograd_functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "is_grad_enabled() -> bool"},
    {"_set_grad_enabled", set_grad_enabled, METH_O, NULL},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, NULL},
    {"_set_inference", set_inference, METH_O, NULL},
    {"_graph_task", graph_task, METH_NOARGS, NULL},
    {"_backward", run_backward, METH_VARARGS, NULL},
    {"_detach_inplace", detach_inplace, METH_O, NULL},
    {"_set_anomaly", set_anomaly, METH_VARARGS, NULL},
    {"is_anomaly_enabled", is_anomaly_enabled, METH_NOARGS, NULL},
    {"is_anomaly_check_nan_enabled", is_anomaly_check_nan_enabled, METH_NOARGS, NULL},
    {"_anomaly_mode", anomaly_mode, METH_NOARGS, NULL},
    {0}};

int fac__init_autograd(PyObject *module) {
    fac__anomaly_trace = forward_trace;
    fac__anomaly_tell = tell_anomaly;
    if ((target_name = PyUnicode_InternFromString("_target")) == NULL)
        return -1;
    PyObject *recording = PyType_FromSpec(&recording_spec);
    int r = PyModule_AddObjectRef(module, "_Recording", recording);
    Py_XDECREF(recording);
    return r < 0 ? -1 : fac__init_nodes(module);
}
