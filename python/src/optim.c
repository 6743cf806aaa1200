/* Fused steps of facula.optim: lists of tensors to one op.
 *
 * A step that somebody wants to see op by op (subclasses, modes, transforms), or whose tensors are
 * of several dtypes, is left to Python: the functions answer False then, having done nothing. A
 * capture takes the fused op: it counts steps itself, so that a replay goes on counting. */
#include "ext.h"

#include "../../src/optim/step.h"

enum { MOST_LISTS = 6, SMALL = 32 };

struct lists {
    int n;      /* tensors in each list that is not empty */
    bool plain; /* nobody watches */
    fac_tensors list[MOST_LISTS];
    fac_tensor **v;
    fac_tensor *small[MOST_LISTS * SMALL];
};

static bool watched(void) {
    uint32_t levels = fac__tls.levels;
    if (levels & (FAC__L_FUNCTION | FAC__L_TRANSFORM | FAC__L_BELOW | FAC__L_VMAP | FAC__L_PYTHON))
        return true;
    return (levels & FAC__L_DISPATCH) && !(levels & FAC__L_CAPTURE);
}

static bool is_plain(PyObject *o) {
    const fac_tensor *t = fac__tensor_of(o);
    return !(t->features & (FAC__SPARSE | FAC__WRAPPED | FAC__DUAL | FAC__OVERRIDE)) &&
           (Py_TYPE(o) == fac__tensor_type || Py_TYPE(o) == fac__parameter_type ||
            !fac__overrides(o));
}

/* The lists' tensors as C sees them; -1 with an exception. */
static int gather(struct lists *l, PyObject *const *args, int nlists) {
    l->v = l->small;
    l->plain = !watched();
    for (int k = 0; k < nlists; k++)
        if (!PyList_Check(args[k])) {
            PyErr_Format(PyExc_TypeError, "list %d of a fused step is a %s", k,
                         Py_TYPE(args[k])->tp_name);
            return -1;
        }
    Py_ssize_t n = PyList_GET_SIZE(args[0]);
    if (n > SMALL && (l->v = PyMem_New(fac_tensor *, (size_t)n * MOST_LISTS)) == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int k = 0; k < nlists; k++) {
        Py_ssize_t m = PyList_GET_SIZE(args[k]);
        l->list[k] = (fac_tensors){l->v + k * n, (int)m};
        if (m != 0 && m != n) {
            PyErr_SetString(PyExc_RuntimeError, "a fused step is given lists of unequal length");
            return -1;
        }
        for (Py_ssize_t i = 0; i < m; i++) {
            PyObject *o = PyList_GET_ITEM(args[k], i);
            if (!fac__tensor_check(o)) {
                PyErr_Format(PyExc_TypeError, "a fused step is given a %s for a tensor",
                             Py_TYPE(o)->tp_name);
                return -1;
            }
            l->v[k * n + i] = fac__tensor_of(o);
            l->plain =
                l->plain && is_plain(o) && (k == 5 || fac__tensor_of(o)->dtype == l->v[i]->dtype);
        }
    }
    return 0;
}

static void done(struct lists *l) {
    if (l->v != l->small)
        PyMem_Free(l->v);
}

static int to_doubles(PyObject *const *args, int n, double *out) {
    for (int i = 0; i < n; i++) {
        out[i] = PyFloat_AsDouble(args[i]);
        if (out[i] == -1 && PyErr_Occurred())
            return -1;
    }
    return 0;
}

static int to_bools(PyObject *const *args, int n, bool *out) {
    for (int i = 0; i < n; i++) {
        int r = PyObject_IsTrue(args[i]);
        if (r < 0)
            return -1;
        out[i] = r;
    }
    return 0;
}

static PyObject *run(const fac__op *op, void *args, const fac_tensors *params) {
    int64_t total = 0;
    for (int i = 0; i < params->n; i++)
        total += params->values[i]->numel;
    fac__outs outs;
    fac__outs_init(&outs, 0);
    int r;
    if (total > 100000) {
        PyThreadState *state = PyEval_SaveThread();
        r = fac__call(op, args, &outs);
        PyEval_RestoreThread(state);
    } else {
        r = fac__call(op, args, &outs);
    }
    return r != 0 ? fac__raise() : Py_NewRef(Py_True);
}

static PyObject *fused_sgd(PyObject *m, PyObject *const *args, Py_ssize_t n) {
    (void)m;
    if (n != 10)
        return PyErr_Format(PyExc_TypeError, "_fused_sgd_() takes 10 arguments, %zd given", n);
    struct lists l;
    double number[4];
    bool flag[3];
    PyObject *result = NULL;
    if (gather(&l, args, 3) == 0 && to_doubles(args + 3, 4, number) == 0 &&
        to_bools(args + 7, 3, flag) == 0) {
        struct fac__fused_sgd_args a = {
            .params = l.list[0],
            .grads = l.list[1],
            .momentum_buffers = l.list[2],
            .lr = number[0],
            .momentum = number[1],
            .dampening = number[2],
            .weight_decay = number[3],
            .nesterov = flag[0],
            .maximize = flag[1],
            .first = flag[2],
        };
        if (!l.plain)
            result = Py_NewRef(Py_False);
        else if (a.first && fac__sgd_first(&a) != 0)
            result = fac__raise();
        else
            result = run(&fac__op_fused_sgd, &a, &a.params);
    }
    done(&l);
    return result;
}

static PyObject *fused_adam(PyObject *m, PyObject *const *args, Py_ssize_t n) {
    (void)m;
    if (n != 14)
        return PyErr_Format(PyExc_TypeError, "_fused_adam_() takes 14 arguments, %zd given", n);
    struct lists l;
    double number[5];
    bool flag[3];
    PyObject *result = NULL;
    if (gather(&l, args, 6) == 0 && to_doubles(args + 6, 5, number) == 0 &&
        to_bools(args + 11, 3, flag) == 0) {
        struct fac__fused_adam_args a = {
            .params = l.list[0],
            .grads = l.list[1],
            .exp_avgs = l.list[2],
            .exp_avg_sqs = l.list[3],
            .max_exp_avg_sqs = l.list[4],
            .steps = l.list[5],
            .lr = number[0],
            .beta1 = number[1],
            .beta2 = number[2],
            .weight_decay = number[3],
            .eps = number[4],
            .amsgrad = flag[0],
            .maximize = flag[1],
            .decoupled = flag[2],
        };
        result = l.plain ? run(&fac__op_fused_adam, &a, &a.params) : Py_NewRef(Py_False);
    }
    done(&l);
    return result;
}

/* Zeros for an optimizer to keep beside `like`, of its strides. No capture records them: a replay
 * goes on with the state instead of making it anew. None where `like` is no plain tensor. */
static PyObject *state_like(PyObject *m, PyObject *like) {
    (void)m;
    if (!fac__tensor_check(like) || watched() || !is_plain(like))
        Py_RETURN_NONE;
    fac_tensor *zeros = fac__state_like(fac__tensor_of(like));
    return zeros == NULL ? fac__raise() : fac__wrap(zeros);
}

PyMethodDef fac__optim_functions[] = {
    {"_fused_sgd_", (PyCFunction)(void (*)(void))fused_sgd, METH_FASTCALL, NULL},
    {"_fused_adam_", (PyCFunction)(void (*)(void))fused_adam, METH_FASTCALL, NULL},
    {"_state_like", state_like, METH_O, NULL},
    {0},
};
