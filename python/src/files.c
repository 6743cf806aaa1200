/* Files: what facula/io.py is made of. */
#include "ext.h"

#include "../../src/io/io.h"

/* A path argument as bytes the system understands. */
static PyObject *path_bytes(PyObject *o) {
    PyObject *bytes = NULL;
    return PyUnicode_FSConverter(o, &bytes) ? bytes : NULL;
}

static PyObject *npy_read(PyObject *module, PyObject *o) {
    (void)module;
    PyObject *path = path_bytes(o);
    if (path == NULL)
        return NULL;
    fac_tensor *t;
    Py_BEGIN_ALLOW_THREADS t = fac__npy_read(PyBytes_AS_STRING(path));
    Py_END_ALLOW_THREADS Py_DECREF(path);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

static PyObject *npy_write(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *path, *t;
    if (!PyArg_ParseTuple(args, "O&O!:_npy_write", PyUnicode_FSConverter, &path, fac__tensor_type,
                          &t))
        return NULL;
    bool ok;
    Py_BEGIN_ALLOW_THREADS ok = fac_npy_write(PyBytes_AS_STRING(path), fac__tensor_of(t));
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (!ok)
        return fac__raise();
    Py_RETURN_NONE;
}

/* --- safetensors ----------------------------------------------------------------------------- */

static const char capsule_name[] = "facula.safetensors";

static void close_file(PyObject *capsule) {
    fac_safetensors_close(PyCapsule_GetPointer(capsule, capsule_name));
}

static PyObject *safetensors_open(PyObject *module, PyObject *o) {
    (void)module;
    PyObject *path = path_bytes(o);
    if (path == NULL)
        return NULL;
    fac_safetensors *f;
    Py_BEGIN_ALLOW_THREADS f = fac_safetensors_open(PyBytes_AS_STRING(path));
    Py_END_ALLOW_THREADS Py_DECREF(path);
    if (f == NULL)
        return fac__raise();
    PyObject *capsule = PyCapsule_New(f, capsule_name, close_file);
    if (capsule == NULL)
        fac_safetensors_close(f);
    return capsule;
}

static PyObject *safetensors_names(PyObject *module, PyObject *capsule) {
    (void)module;
    fac_safetensors *f = PyCapsule_GetPointer(capsule, capsule_name);
    PyObject *list = f == NULL ? NULL : PyList_New(0);
    for (int64_t i = 0; list != NULL && i < fac_safetensors_count(f); i++) {
        PyObject *name = PyUnicode_FromString(fac_safetensors_name(f, i));
        if (name == NULL || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

static PyObject *safetensors_metadata(PyObject *module, PyObject *capsule) {
    (void)module;
    fac_safetensors *f = PyCapsule_GetPointer(capsule, capsule_name);
    PyObject *dict = f == NULL ? NULL : PyDict_New();
    const char *key;
    for (int64_t i = 0; dict != NULL && (key = fac_safetensors_metadata_key(f, i)) != NULL; i++) {
        PyObject *value = PyUnicode_FromString(fac_safetensors_metadata(f, key));
        if (value == NULL || PyDict_SetItemString(dict, key, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *safetensors_get(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *capsule;
    const char *name;
    if (!PyArg_ParseTuple(args, "Os:_safetensors_get", &capsule, &name))
        return NULL;
    fac_safetensors *f = PyCapsule_GetPointer(capsule, capsule_name);
    if (f == NULL)
        return NULL;
    fac_tensor *t = fac__safetensors_get(f, name);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

static PyObject *safetensors_write(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *path, *pairs, *notes, *result = NULL;
    if (!PyArg_ParseTuple(args, "O&O!O!:_safetensors_write", PyUnicode_FSConverter, &path,
                          &PyList_Type, &pairs, &PyList_Type, &notes))
        return NULL;
    Py_ssize_t n = PyList_GET_SIZE(pairs), nnotes = PyList_GET_SIZE(notes);
    const char **names = PyMem_Calloc((size_t)n + 1, sizeof *names);
    fac_tensor **tensors = PyMem_Calloc((size_t)n + 1, sizeof *tensors);
    fac_metadata *metadata = PyMem_Calloc((size_t)nnotes + 1, sizeof *metadata);
    if (names == NULL || tensors == NULL || metadata == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *t;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(pairs, i), "sO!:_safetensors_write", &names[i],
                              fac__tensor_type, &t))
            goto done;
        tensors[i] = fac__tensor_of(t);
    }
    for (Py_ssize_t i = 0; i < nnotes; i++)
        if (!PyArg_ParseTuple(PyList_GET_ITEM(notes, i), "ss:_safetensors_write", &metadata[i].key,
                              &metadata[i].value))
            goto done;
    bool ok;
    Py_BEGIN_ALLOW_THREADS ok =
        fac_safetensors_write(PyBytes_AS_STRING(path), names, tensors, n, metadata, nnotes);
    Py_END_ALLOW_THREADS result = ok ? Py_NewRef(Py_None) : fac__raise();
done:
    PyMem_Free(names);
    PyMem_Free(tensors);
    PyMem_Free(metadata);
    Py_DECREF(path);
    return result;
}

PyMethodDef fac__file_functions[] = {{"_npy_read", npy_read, METH_O, NULL},
                                     {"_npy_write", npy_write, METH_VARARGS, NULL},
                                     {"_safetensors_open", safetensors_open, METH_O, NULL},
                                     {"_safetensors_names", safetensors_names, METH_O, NULL},
                                     {"_safetensors_metadata", safetensors_metadata, METH_O, NULL},
                                     {"_safetensors_get", safetensors_get, METH_VARARGS, NULL},
                                     {"_safetensors_write", safetensors_write, METH_VARARGS, NULL},
                                     {0}};
