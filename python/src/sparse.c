/* What a sparse tensor tells of itself. */
#include "ext.h"

#include "../../src/sparse/coo.h"

static const struct fac__coo *coo(PyObject *o, const char *name) {
    const struct fac__coo *c = fac__coo_of(fac__tensor_of(o), name);
    if (c == NULL)
        fac__raise();
    return c;
}

static PyObject *is_coalesced(PyObject *o, PyObject *unused) {
    (void)unused;
    const struct fac__coo *c = coo(o, "is_coalesced");
    return c == NULL ? NULL : PyBool_FromLong(c->coalesced);
}

static PyObject *nnz(PyObject *o, PyObject *unused) {
    (void)unused;
    const struct fac__coo *c = coo(o, "_nnz");
    return c == NULL ? NULL : PyLong_FromLongLong(c->values->sizes[0]);
}

static PyObject *sparse_dim(PyObject *o, PyObject *unused) {
    (void)unused;
    if (fac__tensor_of(o)->layout != FAC_SPARSE_COO)
        return PyLong_FromLong(0);
    return PyLong_FromLongLong(coo(o, "sparse_dim")->indices->sizes[0]);
}

static PyObject *dense_dim(PyObject *o, PyObject *unused) {
    (void)unused;
    fac_tensor *t = fac__tensor_of(o);
    if (t->layout != FAC_SPARSE_COO)
        return PyLong_FromLong(t->ndim);
    return PyLong_FromLong(coo(o, "dense_dim")->values->ndim - 1);
}

PyMethodDef fac__sparse_methods[] = {
    {"is_coalesced", is_coalesced, METH_NOARGS, "is_coalesced() -> bool"},
    {"_nnz", nnz, METH_NOARGS, "_nnz() -> int"},
    {"sparse_dim", sparse_dim, METH_NOARGS, "sparse_dim() -> int"},
    {"dense_dim", dense_dim, METH_NOARGS, "dense_dim() -> int"},
    {0}};
