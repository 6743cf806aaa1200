/* facula._C: where types and functions are put together. */
#include "ext.h"

#include "../../src/core/pool.h"

PyObject *fac__module, *fac__nn_module;
PyTypeObject *fac__generator_type;

#include "gen_methods.h"

PyMethodDef *fac__generated_methods(void) {
    return method_table;
}

PyMethodDef *fac__generated_inplace(void) {
    return inplace_table;
}

/* torch.return_types.max(
 * values=tensor(3.),
 * indices=tensor(2)) */
static PyObject *struct_repr(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    PyObject *text = PyUnicode_FromFormat("%s(\n", type->tp_name);
    for (Py_ssize_t i = 0; text != NULL && i < PyTuple_GET_SIZE(o); i++) {
        PyObject *more = PyUnicode_FromFormat("%U%s=%R%s", text, type->tp_members[i].name,
                                              PyTuple_GET_ITEM(o, i),
                                              i + 1 == PyTuple_GET_SIZE(o) ? ")" : ",\n");
        Py_SETREF(text, more);
    }
    return text;
}

/* Named tuples of results, made on first use: torch.return_types.max and its kin. */
PyObject *fac__struct_for(const fac__op *op);
PyObject *fac__struct_for(const fac__op *op) {
    static PyTypeObject *types[FAC__NUM_OPS];
    for (int i = 0; types[op->id] == NULL && i < FAC__NUM_OPS; i++)
        if (types[i] != NULL && strcmp(types[i]->tp_name, op->struct_name) == 0)
            types[op->id] = types[i]; /* overloads have one type */
    if (types[op->id] != NULL)
        return (PyObject *)types[op->id];
    PyStructSequence_Field fields[5] = {{0}};
    for (int i = 0; i < op->nout && i < 4; i++)
        fields[i].name = op->out_names[i];
    PyStructSequence_Desc desc = {op->struct_name, NULL, fields, op->nout};
    PyTypeObject *type = PyStructSequence_NewType(&desc);
    if (type == NULL)
        return NULL;
    type->tp_repr = struct_repr;
    PyObject *copyreg = PyImport_ImportModule("copyreg");
    PyObject *utils = copyreg == NULL ? NULL : PyImport_ImportModule("facula._utils");
    PyObject *reduce = utils == NULL ? NULL : PyObject_GetAttrString(utils, "_reduce_record");
    PyObject *done =
        reduce == NULL ? NULL : PyObject_CallMethod(copyreg, "pickle", "OO", type, reduce);
    Py_XDECREF(copyreg);
    Py_XDECREF(utils);
    Py_XDECREF(reduce);
    if (done == NULL) {
        Py_DECREF(type);
        return NULL;
    }
    Py_DECREF(done);
    return (PyObject *)(types[op->id] = type);
}

/* The types of all named results. */
static PyObject *return_types(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    for (int i = 0; list != NULL && i < FAC__NUM_OPS; i++) {
        const fac__op *op = fac__ops[i];
        if (op->struct_name == NULL)
            continue;
        PyObject *type = fac__struct_for(op);
        int known = type == NULL ? -1 : PySequence_Contains(list, type);
        if (known < 0 || (known == 0 && PyList_Append(list, type) < 0))
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *set_num_threads(PyObject *module, PyObject *o) {
    (void)module;
    if (!PyLong_Check(o))
        return PyErr_Format(PyExc_RuntimeError, "set_num_threads expects an int, but got %s",
                            Py_TYPE(o)->tp_name);
    long n = PyLong_AsLong(o);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    if (n < 1)
        return PyErr_Format(PyExc_RuntimeError, "set_num_threads expects a positive integer");
    fac__set_num_threads(n < INT_MAX ? (int)n : INT_MAX);
    Py_RETURN_NONE;
}

static PyObject *set_warn_always(PyObject *module, PyObject *on) {
    (void)module;
    atomic_store(&fac__warn_always, on == Py_True);
    Py_RETURN_NONE;
}

static PyObject *is_warn_always(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return PyBool_FromLong(atomic_load(&fac__warn_always));
}

static PyObject *get_num_threads(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return PyLong_FromLong(fac__num_threads());
}

/* For tests: loops are cut into pieces of n elements, 0 for their own measure. */
static PyObject *set_grain(PyObject *module, PyObject *o) {
    (void)module;
    long long n = PyLong_AsLongLong(o);
    if (n == -1 && PyErr_Occurred())
        return NULL;
    fac__grain_override = n;
    Py_RETURN_NONE;
}

static PyObject *cpu_isa(PyObject *module, PyObject *unused) {
    extern const char *fac__cpu_isa(void);
    (void)module;
    (void)unused;
    return PyUnicode_FromString(fac__cpu_isa());
}

static PyObject *type_name(PyObject *module, PyObject *o) {
    (void)module;
    return PyUnicode_FromString(Py_TYPE(o)->tp_name);
}

static PyMethodDef functions[] = {
    {"_type_name", type_name, METH_O, "_type_name(object): the name that C gives its type"},
    {"_return_types", return_types, METH_NOARGS, "_return_types(): those of named results"},
    {"_cpu_isa", cpu_isa, METH_NOARGS, "_cpu_isa(): whose kernels run: base, v3, v4"},
    {"_set_grain", set_grain, METH_O, "_set_grain(int)"},
    {"set_num_threads", set_num_threads, METH_O, "set_num_threads(int)"},
    {"_set_warn_always", set_warn_always, METH_O, NULL},
    {"_is_warn_always_enabled", is_warn_always, METH_NOARGS, NULL},
    {"get_num_threads", get_num_threads, METH_NOARGS, "get_num_threads() -> int"},
    {0}};

/* facula takes its names from __all__: those of the torch namespace. The functions of facula.nn are
 * in _nn and, for facula.nn.functional's use, here as well, but not in __all__; nor is TensorBase.
 */
static int set_all(PyObject *module) {
    PyObject *names = PyList_New(0), *dict = PyModule_GetDict(module), *key, *value;
    Py_ssize_t at = 0;
    while (names != NULL && PyDict_Next(dict, &at, &key, &value))
        if (PyUnicode_READ_CHAR(key, 0) != '_' && PyList_Append(names, key) < 0)
            Py_CLEAR(names);
    int r = names == NULL ? -1 : PyModule_AddObjectRef(module, "__all__", names);
    Py_XDECREF(names);
    return r;
}

static int add_functions(PyObject *module) {
    fac__nn_module = PyModule_New("facula._C._nn");
    if (fac__nn_module == NULL || PyModule_AddFunctions(fac__nn_module, nn_table) < 0 ||
        PyModule_AddFunctions(fac__nn_module, nncall_table) < 0 ||
        PyModule_AddFunctions(module, function_table) < 0 ||
        PyModule_AddFunctions(module, call_table) < 0 ||
        PyModule_AddFunctions(module, fac__convert_functions) < 0 ||
        PyModule_AddFunctions(module, fac__array_functions) < 0 ||
        PyModule_AddFunctions(module, fac__device_functions) < 0 ||
        PyModule_AddFunctions(module, fac__dlpack_functions) < 0 ||
        PyModule_AddFunctions(module, fac__autograd_functions) < 0 ||
        PyModule_AddFunctions(module, fac__hook_functions) < 0 ||
        PyModule_AddFunctions(module, fac__function_functions) < 0 ||
        PyModule_AddFunctions(module, fac__optim_functions) < 0 ||
        PyModule_AddFunctions(module, fac__text_functions) < 0 ||
        PyModule_AddFunctions(module, fac__file_functions) < 0 ||
        PyModule_AddFunctions(module, fac__storage_functions) < 0 ||
        PyModule_AddFunctions(module, functions) < 0 || set_all(module) < 0)
        return -1;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(PyModule_GetDict(fac__nn_module), &at, &key, &value))
        if (PyUnicode_READ_CHAR(key, 0) != '_' && PyObject_SetAttr(module, key, value) < 0)
            return -1;
    if (PyModule_AddObjectRef(module, "TensorBase", (PyObject *)fac__tensor_type->tp_base) < 0)
        return -1;
    /* its functions are pickled by its name */
    if (PyDict_SetItemString(PyImport_GetModuleDict(), "facula._C._nn", fac__nn_module) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "_nn", fac__nn_module);
}

static struct PyModuleDef def = {PyModuleDef_HEAD_INIT, .m_name = "facula._C", .m_size = -1};

PyMODINIT_FUNC PyInit__C(void) {
    PyObject *module = PyModule_Create(&def);
    if (module == NULL)
        return NULL;
    fac__module = module;
    fac_on_warning(fac__warn_user, NULL);
    if (fac__init_types(module) < 0 || fac__init_autograd(module) < 0 ||
        fac__init_tensor(module) < 0 || fac__init_overrides(module) < 0 ||
        fac__init_dispatch(module) < 0 || fac__init_levels(module) < 0 ||
        fac__init_random(module) < 0 || fac__init_storage(module) < 0 ||
        fac__init_modules(module) < 0 || add_functions(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
