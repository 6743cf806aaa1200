/* torch.Generator and the default generator. */
#include "ext.h"

#include <facula/random.h>

static PyObject *generator_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"device", NULL};
    PyObject *device = NULL;
    fac_device d = {FAC_CPU, -1};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", names, &device))
        return NULL;
    if (device != NULL && fac__to_device(device, &d) < 0)
        return NULL;
    if (d.type != FAC_CPU)
        return PyErr_Format(PyExc_RuntimeError,
                            "Device type %s is not supported for torch.Generator() api.",
                            fac__device_name(d));
    fac__GeneratorObject *o = (fac__GeneratorObject *)type->tp_alloc(type, 0);
    if (o == NULL)
        return NULL;
    o->generator = fac_generator_new();
    if (o->generator == NULL) {
        Py_DECREF(o);
        return fac__raise();
    }
    return (PyObject *)o;
}

static void generator_dealloc(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    fac_generator *g = ((fac__GeneratorObject *)o)->generator;
    if (g != NULL)
        fac_generator_free(g);
    type->tp_free(o);
    Py_DECREF(type);
}

static fac_generator *of(PyObject *o) {
    return ((fac__GeneratorObject *)o)->generator;
}

/* Any integer but bool, negative ones as their two's complement. */
static int seed_of(PyObject *o, uint64_t *seed) {
    if (!PyIndex_Check(o) || PyBool_Check(o)) {
        PyErr_Format(PyExc_RuntimeError, "manual_seed expected a long, but got %s",
                     Py_TYPE(o)->tp_name);
        return -1;
    }
    PyObject *i = PyNumber_Long(o);
    if (i == NULL)
        return -1;
    int overflow;
    long long v = PyLong_AsLongLongAndOverflow(i, &overflow);
    if (overflow > 0) {
        *seed = PyLong_AsUnsignedLongLong(i);
        if (PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
            Py_DECREF(i);
            return -1;
        }
    } else if (overflow < 0) {
        PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
        Py_DECREF(i);
        return -1;
    } else {
        *seed = (uint64_t)v;
    }
    Py_DECREF(i);
    return 0;
}

static PyObject *generator_manual_seed(PyObject *o, PyObject *arg) {
    uint64_t seed;
    if (seed_of(arg, &seed) != 0)
        return NULL;
    fac_generator_seed(of(o), seed);
    return Py_NewRef(o);
}

static PyObject *generator_initial_seed(PyObject *o, PyObject *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(fac_generator_initial_seed(of(o)));
}

static PyObject *generator_seed(PyObject *o, PyObject *unused) {
    (void)unused;
    uint64_t seed;
    PyObject *os = PyImport_ImportModule("os");
    PyObject *bytes = os == NULL ? NULL : PyObject_CallMethod(os, "urandom", "i", 8);
    Py_XDECREF(os);
    if (bytes == NULL)
        return NULL;
    memcpy(&seed, PyBytes_AS_STRING(bytes), 8);
    Py_DECREF(bytes);
    seed &= (1ull << 53) - 1;
    fac_generator_seed(of(o), seed);
    return PyLong_FromUnsignedLongLong(seed);
}

static PyObject *generator_get_state(PyObject *o, PyObject *unused) {
    (void)unused;
    int64_t n = FAC_GENERATOR_STATE_BYTES;
    fac_tensor *t = fac__empty(1, &n, NULL, FAC_UINT8, fac_cpu());
    if (t == NULL)
        return fac__raise();
    fac_generator_get_state(of(o), t->data);
    return fac__wrap(t);
}

static PyObject *generator_set_state(PyObject *o, PyObject *state) {
    if (!fac__tensor_check(state) || fac__tensor_of(state)->dtype != FAC_UINT8)
        return PyErr_Format(PyExc_TypeError, "RNG state must be a torch.ByteTensor");
    fac_tensor *t = fac__contiguous(fac__tensor_of(state));
    bool ok = t != NULL && fac_generator_set_state(of(o), t->data, (size_t)t->numel);
    fac__release(t);
    return ok ? Py_NewRef(o) : fac__raise();
}

/* clone_state() -> Generator */
static PyObject *generator_clone(PyObject *o, PyObject *unused) {
    (void)unused;
    uint8_t state[FAC_GENERATOR_STATE_BYTES];
    PyObject *copy = PyObject_CallNoArgs((PyObject *)fac__generator_type);
    if (copy == NULL)
        return NULL;
    fac_generator_get_state(of(o), state);
    if (fac_generator_set_state(of(copy), state, sizeof state))
        return copy;
    Py_DECREF(copy);
    return fac__raise();
}

static PyObject *generator_reduce(PyObject *o, PyObject *unused) {
    PyObject *module = PyImport_ImportModule("facula.random");
    PyObject *f = module == NULL ? NULL : PyObject_GetAttrString(module, "_generator_of");
    PyObject *r = f == NULL ? NULL : Py_BuildValue("O(N)", f, generator_get_state(o, unused));
    Py_XDECREF(f);
    Py_XDECREF(module);
    return r;
}

static PyObject *generator_device(PyObject *o, void *unused) {
    (void)o;
    (void)unused;
    return fac__wrap_device(fac_cpu());
}

static PyMethodDef generator_methods[] = {
    {"manual_seed", generator_manual_seed, METH_O, "manual_seed(seed) -> Generator"},
    {"initial_seed", generator_initial_seed, METH_NOARGS, "initial_seed() -> int"},
    {"seed", generator_seed, METH_NOARGS,
     "seed() -> int\n\nSeeds from the system; says with what."},
    {"get_state", generator_get_state, METH_NOARGS, "get_state() -> Tensor of 5056 bytes"},
    {"set_state", generator_set_state, METH_O, "set_state(new_state)"},
    {"clone_state", generator_clone, METH_NOARGS, "clone_state() -> Generator"},
    {"__reduce__", generator_reduce, METH_NOARGS, NULL},
    {0}};
static PyGetSetDef generator_getset[] = {{"device", generator_device, NULL, NULL, NULL}, {0}};
static PyType_Slot generator_slots[] = {{Py_tp_new, generator_new},
                                        {Py_tp_dealloc, generator_dealloc},
                                        {Py_tp_methods, generator_methods},
                                        {Py_tp_getset, generator_getset},
                                        {0, NULL}};
static PyType_Spec generator_spec = {"torch._C.Generator", sizeof(fac__GeneratorObject), 0,
                                     Py_TPFLAGS_DEFAULT, generator_slots};

int fac__init_random(PyObject *module) {
    fac__generator_type = (PyTypeObject *)PyType_FromSpec(&generator_spec);
    if (fac__generator_type == NULL ||
        PyModule_AddObjectRef(module, "Generator", (PyObject *)fac__generator_type) < 0)
        return -1;
    fac__GeneratorObject *o =
        (fac__GeneratorObject *)fac__generator_type->tp_alloc(fac__generator_type, 0);
    if (o == NULL)
        return -1;
    o->generator = fac_default_generator();
    int r = PyModule_AddObjectRef(module, "default_generator", (PyObject *)o);
    Py_DECREF(o);
    return r;
}
