/* Python's side of the transform levels: autocast's state, batched tensors and duals. */
#include "ext.h"

#include "../../src/levels/levels.h"
#include <facula/autograd.h>
#include <facula/capture.h>
#include <facula/ops.h>

#include <string.h>

/* --- autocast -----------------------------------------------------------------------------------
 */

/* _autocast_get() -> (enabled, dtype, cache_enabled, nesting) */
static PyObject *autocast_get(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    const fac__autocast_state *s = fac__autocast();
    return Py_BuildValue("(NNNi)", PyBool_FromLong(s->enabled), fac__wrap_dtype(s->dtype),
                         PyBool_FromLong(s->cache), s->nesting);
}

/* _autocast_set(enabled, dtype, cache_enabled); None leaves a setting as it is. */
static PyObject *autocast_set(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *enabled, *dtype, *cache;
    if (!PyArg_ParseTuple(args, "OOO", &enabled, &dtype, &cache))
        return NULL;
    fac__autocast_state *s = fac__autocast();
    if (dtype != Py_None && fac__to_dtype_arg(dtype, &s->dtype) != 1)
        return PyErr_Format(PyExc_TypeError, "dtype must be a torch.dtype");
    if (cache != Py_None)
        s->cache = PyObject_IsTrue(cache) == 1;
    if (enabled != Py_None)
        fac__autocast_enable(PyObject_IsTrue(enabled) == 1);
    Py_RETURN_NONE;
}

static PyObject *autocast_nesting(PyObject *m, PyObject *by) {
    (void)m;
    long n = PyLong_AsLong(by);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    return PyLong_FromLong(fac__autocast()->nesting += (int)n);
}

static PyObject *autocast_clear(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    fac__autocast_clear_cache();
    Py_RETURN_NONE;
}

/* --- levels -------------------------------------------------------------------------------------
 */

/* A tensor borrowed from a scope, as a result; closes the scope. */
static PyObject *from_scope(fac_scope *scope, fac_tensor *t) {
    bool bad = t == NULL || fac__is_bad(t);
    if (!bad)
        fac__retain(t);
    fac_scope_close(scope);
    return bad ? fac__raise() : fac__wrap(t);
}

static fac_tensor *tensor_arg(PyObject *o) {
    if (fac__tensor_check(o))
        return fac__tensor_of(o);
    PyErr_Format(PyExc_ValueError, "Thing passed to transform API must be Tensor, got %R",
                 Py_TYPE(o));
    return NULL;
}

/* _level_enter("vmap", size, randomness) or ("dual", 0, 0) -> the level's number */
static PyObject *level_enter(PyObject *m, PyObject *args) {
    (void)m;
    const char *kind;
    long long size;
    int randomness;
    if (!PyArg_ParseTuple(args, "sLi", &kind, &size, &randomness))
        return NULL;
    uint64_t level = fac__level_enter(*kind == 'v' ? FAC__INTERP_VMAP : FAC__INTERP_DUAL, size,
                                      (enum fac__randomness)randomness);
    return level == 0 ? fac__raise() : PyLong_FromUnsignedLongLong(level);
}

static PyObject *level_exit(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    fac__level_exit();
    Py_RETURN_NONE;
}

/* _add_batch_dim(t, dim, level) */
static PyObject *add_batch_dim(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o;
    int dim;
    unsigned long long level;
    if (!PyArg_ParseTuple(args, "OiK", &o, &dim, &level))
        return NULL;
    fac_tensor *t = tensor_arg(o);
    if (t == NULL)
        return NULL;
    t = fac__batched(fac__retain(t), dim, level);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

/* _remove_batch_dim(t, level, size, out_dim): the batch as dimension out_dim */
static PyObject *remove_batch_dim(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o;
    unsigned long long level;
    long long size, to;
    if (!PyArg_ParseTuple(args, "OKLL", &o, &level, &size, &to))
        return NULL;
    fac_tensor *t = tensor_arg(o);
    fac_scope *scope = t == NULL ? NULL : fac_scope_open();
    if (scope == NULL)
        return NULL;
    fac_tensor *v = fac__unbatch(t, level);
    int64_t order[FAC_MAX_DIMS];
    if (v == NULL && t->ndim < FAC_MAX_DIMS) {
        order[0] = size;
        memcpy(order + 1, t->sizes, sizeof *order * (size_t)t->ndim);
        v = fac_expand(fac_unsqueeze(t, 0), ((fac_ints){order, t->ndim + 1, true}));
    }
    if (v == NULL || fac__is_bad(v))
        return from_scope(scope, v);
    int d = fac__wrap_dim(to, v->ndim);
    if (d < 0)
        return from_scope(scope, NULL);
    for (int i = 0; i < v->ndim; i++)
        order[i] = i == d ? 0 : i < d ? i + 1 : i;
    return from_scope(scope, d == 0 ? v : fac_permute(v, ((fac_ints){order, v->ndim, true})));
}

/* _batch_of(t) -> (value, dim, level) or None */
static PyObject *batch_of(PyObject *m, PyObject *o) {
    (void)m;
    if (!fac__tensor_check(o))
        Py_RETURN_NONE;
    const struct fac__batch *b = fac__batch_of(fac__tensor_of(o));
    if (b == NULL)
        Py_RETURN_NONE;
    PyObject *value = fac__wrap(fac__retain(b->value));
    return value == NULL ? NULL
                         : Py_BuildValue("(NiK)", value, b->dim, (unsigned long long)b->level);
}

/* _level_depth(level): its place among the active ones, from 1; 0 where it was left */
static PyObject *level_depth(PyObject *m, PyObject *o) {
    (void)m;
    uint64_t level = PyLong_AsUnsignedLongLong(o);
    if (PyErr_Occurred())
        return NULL;
    for (int i = 0; i < fac__level_count(); i++)
        if (fac__level_at(i)->level == level)
            return PyLong_FromLong(i + 1);
    return PyLong_FromLong(0);
}

/* _level_of(sequence) -> (is a vmap, level, size of the batch, randomness) or None */
static PyObject *level_of(PyObject *m, PyObject *o) {
    (void)m;
    const fac__interp *top = NULL;
    PyObject *items = PySequence_Fast(o, "expected a sequence");
    if (items == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(items, i);
        fac_tensor *t = fac__tensor_check(item) ? fac__tensor_of(item) : NULL;
        const fac__interp *l = t == NULL ? NULL : fac__level_of(&t, 1);
        if (l != NULL && (top == NULL || l->level > top->level))
            top = l;
    }
    Py_DECREF(items);
    if (top == NULL)
        Py_RETURN_NONE;
    return Py_BuildValue("(NKLi)", PyBool_FromLong(top->kind == FAC__INTERP_VMAP),
                         (unsigned long long)top->level, (long long)top->size, top->randomness);
}

/* _fresh_leaf(t): an alias that a transform differentiates by, part of every active vmap. */
static PyObject *fresh_leaf(PyObject *m, PyObject *o) {
    (void)m;
    fac_tensor *t = tensor_arg(o);
    fac_scope *scope = t == NULL ? NULL : fac_scope_open();
    if (scope == NULL)
        return NULL;
    fac_tensor *x = fac_alias(fac__batch_everywhere(t));
    if (!fac__is_bad(x) && !fac_requires_grad(fac__bottom(x)) &&
        !fac_set_requires_grad(fac__bottom(x), true))
        x = fac_bad;
    return from_scope(scope, x);
}

/* _sever(t, leaves): t as it is seen from outside the transform whose leaves these are */
static PyObject *sever(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o, *leaves;
    fac_tensor *own[64];
    if (!PyArg_ParseTuple(args, "OO!", &o, &PyTuple_Type, &leaves))
        return NULL;
    fac_tensor *t = tensor_arg(o);
    Py_ssize_t n = PyTuple_GET_SIZE(leaves);
    if (t == NULL)
        return NULL;
    fac_tensor **all = n <= 64 ? own : PyMem_Malloc(sizeof *all * (size_t)n);
    if (all == NULL)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < n; i++)
        all[i] = fac__tensor_of(PyTuple_GET_ITEM(leaves, i));
    fac_tensor *r = fac__sever(t, all, (int)n);
    if (all != own)
        PyMem_Free(all);
    return r == NULL ? fac__raise() : fac__wrap(r);
}

/* _make_dual(primal, tangent, level) */
static PyObject *make_dual(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *p, *t;
    unsigned long long level;
    if (!PyArg_ParseTuple(args, "O!O!K", fac__tensor_type, &p, fac__tensor_type, &t, &level))
        return NULL;
    fac_tensor *primal = fac__tensor_of(p), *tangent = fac__tensor_of(t);
    bool same = primal->ndim == tangent->ndim;
    for (int i = 0; same && i < primal->ndim; i++)
        same = primal->sizes[i] == tangent->sizes[i];
    if (!same)
        return PyErr_Format(PyExc_RuntimeError,
                            "Trying to set a forward gradient that has a different size than that "
                            "of the original Tensor, this is not supported. Tensor is of size %s "
                            "while the given forward gradient is of size %s.",
                            fac__shape_text(primal->ndim, primal->sizes),
                            fac__shape_text(tangent->ndim, tangent->sizes));
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return fac__raise();
    fac_tensor *d = fac_alias(primal);
    if (!fac__is_bad(d) && fac__set_tangent(d, level, tangent) != 0)
        d = fac_bad;
    return from_scope(scope, d);
}

/* _unpack_dual(t, level) -> (primal, tangent or None) */
static PyObject *unpack_dual(PyObject *m, PyObject *args) {
    (void)m;
    PyObject *o;
    unsigned long long level;
    if (!PyArg_ParseTuple(args, "O!K", fac__tensor_type, &o, &level))
        return NULL;
    fac_tensor *t = fac__tensor_of(o), *tangent = fac__tangent(t, level);
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return fac__raise();
    fac__limits old = fac__get_limits();
    fac__set_limits((fac__limits){old.limit, level});
    fac_tensor *p = fac_alias(t);
    fac__set_limits(old);
    PyObject *primal = from_scope(scope, p);
    PyObject *second = primal == NULL ? NULL : fac__wrap(fac__retain(tangent));
    return second == NULL ? NULL : Py_BuildValue("(NN)", primal, second);
}

/* Whether printing and the like have to look closer. */
static PyObject *in_level(PyObject *m, PyObject *o) {
    (void)m;
    return PyBool_FromLong(fac__tensor_check(o) &&
                           fac__tensor_of(o)->features & (FAC__WRAPPED | FAC__DUAL));
}

/* --- capture ------------------------------------------------------------------------------------
 */

static const char capsule_name[] = "facula.program";

static void capsule_free(PyObject *capsule) {
    fac_program_free(PyCapsule_GetPointer(capsule, capsule_name));
}

static fac_program *program_of(PyObject *capsule) {
    return PyCapsule_GetPointer(capsule, capsule_name);
}

static PyObject *capture_begin(PyObject *m, PyObject *unused) {
    (void)m;
    (void)unused;
    fac_program *p = fac_capture_begin();
    return p == NULL ? fac__raise() : PyCapsule_New(p, capsule_name, capsule_free);
}

static PyObject *capture_end(PyObject *m, PyObject *capsule) {
    (void)m;
    fac_program *p = program_of(capsule);
    if (p == NULL)
        return NULL;
    if (!fac_capture_end(p))
        return fac__raise();
    PyObject *names = PyTuple_New((Py_ssize_t)fac_program_length(p));
    for (size_t i = 0; names != NULL && i < fac_program_length(p); i++) {
        PyObject *name = PyUnicode_FromString(fac_program_op(p, i));
        if (name == NULL)
            Py_CLEAR(names);
        else
            PyTuple_SET_ITEM(names, (Py_ssize_t)i, name);
    }
    return names;
}

static PyObject *replay(PyObject *m, PyObject *capsule) {
    (void)m;
    fac_program *p = program_of(capsule);
    if (p == NULL)
        return NULL;
    PyThreadState *state = PyEval_SaveThread();
    bool ok = fac_replay(p);
    PyEval_RestoreThread(state);
    if (!ok)
        return fac__raise();
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"_autocast_get", autocast_get, METH_NOARGS, NULL},
                                  {"_autocast_set", autocast_set, METH_VARARGS, NULL},
                                  {"_autocast_nesting", autocast_nesting, METH_O, NULL},
                                  {"_autocast_clear_cache", autocast_clear, METH_NOARGS, NULL},
                                  {"_level_enter", level_enter, METH_VARARGS, NULL},
                                  {"_level_exit", level_exit, METH_NOARGS, NULL},
                                  {"_add_batch_dim", add_batch_dim, METH_VARARGS, NULL},
                                  {"_remove_batch_dim", remove_batch_dim, METH_VARARGS, NULL},
                                  {"_batch_of", batch_of, METH_O, NULL},
                                  {"_level_of", level_of, METH_O, NULL},
                                  {"_level_depth", level_depth, METH_O, NULL},
                                  {"_fresh_leaf", fresh_leaf, METH_O, NULL},
                                  {"_sever", sever, METH_VARARGS, NULL},
                                  {"_make_dual", make_dual, METH_VARARGS, NULL},
                                  {"_unpack_dual", unpack_dual, METH_VARARGS, NULL},
                                  {"_in_level", in_level, METH_O, NULL},
                                  {"_capture_begin", capture_begin, METH_NOARGS, NULL},
                                  {"_capture_end", capture_end, METH_O, NULL},
                                  {"_replay", replay, METH_O, NULL},
                                  {0}};

int fac__init_levels(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
