/* dtype, device, layout, memory_format, Size: the small immutable objects. */
#include "ext.h"

PyTypeObject *fac__dtype_type, *fac__device_type_, *fac__layout_type, *fac__format_type,
    *fac__size_type;

static PyObject *dtypes[FAC_NUM_DTYPES];
/* Layouts that facula lacks have names too, because programs compare with them. */
static const char *const absent_layouts[] = {"sparse_csr", "sparse_csc", "sparse_bsr",
                                             "sparse_bsc", "jagged",     "_mkldnn"};
enum { ABSENT = (int)(sizeof absent_layouts / sizeof absent_layouts[0]), LAYOUTS = 3 };

static PyObject *layouts[LAYOUTS + ABSENT], *formats[5];

/* --- dtype -------------------------------------------------------------------------------------
 */

static fac_dtype dtype_of(PyObject *o) {
    return ((fac__DtypeObject *)o)->dtype;
}

static PyObject *dtype_repr(PyObject *o) {
    return PyUnicode_FromFormat("torch.%s", fac_dtype_name(dtype_of(o)));
}

/* A pickle names the package that wrote it; "torch", which types print, may be another one. */
static PyObject *reduce_to(const char *name, PyObject *args) {
    PyObject *utils = args == NULL ? NULL : PyImport_ImportModule("facula._utils");
    PyObject *f = utils == NULL ? NULL : PyObject_GetAttrString(utils, "_named");
    PyObject *r = f == NULL ? NULL : Py_BuildValue("O(sO)", f, name, args);
    Py_XDECREF(f);
    Py_XDECREF(utils);
    Py_XDECREF(args);
    return r;
}

static PyObject *dtype_reduce(PyObject *o, PyObject *unused) {
    (void)unused;
    return reduce_to(fac_dtype_name(dtype_of(o)), Py_NewRef(Py_None));
}

static PyObject *dtype_is_floating(PyObject *o, void *unused) {
    (void)unused;
    return PyBool_FromLong(fac_dtype_is_floating(dtype_of(o)));
}

static PyObject *dtype_is_complex(PyObject *o, void *unused) {
    (void)unused;
    return PyBool_FromLong(fac_dtype_is_complex(dtype_of(o)));
}

static PyObject *dtype_is_signed(PyObject *o, void *unused) {
    (void)unused;
    return PyBool_FromLong(fac_dtype_is_signed(dtype_of(o)));
}

static PyObject *dtype_itemsize(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromSize_t(fac_dtype_size(dtype_of(o)));
}

static PyObject *dtype_to_real(PyObject *o, PyObject *unused) {
    (void)unused;
    return fac__wrap_dtype(fac__real_of(dtype_of(o)));
}

static PyObject *dtype_to_complex(PyObject *o, PyObject *unused) {
    (void)unused;
    fac_dtype d = dtype_of(o);
    if (d == FAC_FLOAT16)
        return PyErr_Format(PyExc_RuntimeError, "facula has no torch.complex32");
    if (!fac__is_float(d) && !fac__is_complex(d))
        return PyErr_Format(PyExc_RuntimeError, "Unknown Complex ScalarType for %s",
                            fac__scalar_type_name(d));
    return fac__wrap_dtype(fac__complex_of(d));
}

static PyGetSetDef dtype_getset[] = {{"is_floating_point", dtype_is_floating, NULL, NULL, NULL},
                                     {"is_complex", dtype_is_complex, NULL, NULL, NULL},
                                     {"is_signed", dtype_is_signed, NULL, NULL, NULL},
                                     {"itemsize", dtype_itemsize, NULL, NULL, NULL},
                                     {0}};
static PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, NULL},
                                      {"to_real", dtype_to_real, METH_NOARGS, NULL},
                                      {"to_complex", dtype_to_complex, METH_NOARGS, NULL},
                                      {0}};
static PyType_Slot dtype_slots[] = {{Py_tp_repr, dtype_repr},
                                    {Py_tp_getset, dtype_getset},
                                    {Py_tp_methods, dtype_methods},
                                    {0, NULL}};
static PyType_Spec dtype_spec = {"torch.dtype", sizeof(fac__DtypeObject), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 dtype_slots};

PyObject *fac__wrap_dtype(fac_dtype d) {
    return Py_NewRef(dtypes[d]);
}

/* --- device ------------------------------------------------------------------------------------
 */

/* Devices that facula has, then those that it knows by name alone: programs ask whether a device
 * is one of them. */
static const char *const device_names[] = {
    "none",   "cpu",    "meta",   "cuda", "ipu", "xpu",  "mkldnn",
    "opengl", "opencl", "ideep",  "hip",  "ve",  "fpga", "maia",
    "xla",    "lazy",   "vulkan", "mps",  "hpu", "mtia", "privateuseone"};
enum { DEVICE_NAMES = sizeof device_names / sizeof device_names[0] };
_Static_assert(FAC_NUM_DEVICE_TYPES == 4, "the first names are those of enum fac_device_type");

PyObject *fac__wrap_device(fac_device d) {
    fac__DeviceObject *o = PyObject_New(fac__DeviceObject, fac__device_type_);
    if (o != NULL)
        o->device = d;
    return (PyObject *)o;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"

static int parse_device(const char *s, fac_device *out) {
    const char *colon = strchr(s, ':');
    size_t n = colon != NULL ? (size_t)(colon - s) : strlen(s);
    for (int i = FAC_CPU; i < DEVICE_NAMES; i++)
        if (strlen(device_names[i]) == n && strncmp(device_names[i], s, n) == 0) {
            out->type = (int8_t)i;
            out->index = -1;
            if (colon != NULL) {
                char *end;
                long k = strtol(colon + 1, &end, 10);
                if (end > colon + 4 && *end == '\0' && colon[1] >= '1' && colon[1] <= '9' &&
                    (k > INT32_MAX || k < 0)) {
                    PyErr_Format(PyExc_RuntimeError,
                                 "Could not parse device index '%s' in device string '%s'",
                                 colon + 1, s);
                    return -1;
                }
                if (end == colon + 1 || *end != '\0' || k < 0 || k > 127 ||
                    (colon[1] == '0' && colon[2] != '\0')) {
                    PyErr_Format(PyExc_RuntimeError, "Invalid device string: '%s'", s);
                    return -1;
                }
                out->index = (int8_t)k;
            }
            return 1;
        }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, s);
    if (n == 0 || colon == s)
        PyErr_Format(PyExc_RuntimeError, "Device string must not be empty");
    else if (strspn(s, LETTERS) != n)
        PyErr_Format(PyExc_RuntimeError, "Invalid device string: '%s'", s);
    else
        PyErr_Format(
            PyExc_RuntimeError,
            "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, "
            "fpga, maia, xla, lazy, vulkan, mps, meta, hpu, mtia, privateuseone device type "
            "at start of device string: %s",
            name);
    return -1;
}

/* Any device that has a name. */
static int read_device(PyObject *o, fac_device *out) {
    if (Py_TYPE(o) == fac__device_type_) {
        *out = ((fac__DeviceObject *)o)->device;
        return 1;
    }
    if (PyUnicode_Check(o)) {
        const char *s = PyUnicode_AsUTF8(o);
        return s == NULL ? -1 : parse_device(s, out);
    }
    if (PyLong_Check(o) && !PyBool_Check(o)) {
        long i = PyLong_AsLong(o);
        if (i == -1 && PyErr_Occurred())
            return -1;
        if (i < 0 || i > 127) {
            PyErr_SetString(PyExc_RuntimeError, "Device index must not be negative");
            return -1;
        }
        PyErr_SetString(PyExc_RuntimeError,
                        "Cannot access accelerator device when none is available.");
        return -1;
    }
    return 0;
}

int fac__to_device(PyObject *o, fac_device *out) {
    int r = read_device(o, out);
    if (r == 1 && out->type >= FAC_NUM_DEVICE_TYPES) {
        PyErr_Format(PyExc_NotImplementedError, "facula has no %s back end",
                     device_names[out->type]);
        return -1;
    }
    return r;
}

static PyObject *device_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)type;
    static char *names[] = {"type", "index", NULL};
    PyObject *what, *index = NULL;
    static const char options[] =
        "device() received an invalid combination of arguments - got (%s), but expected one of:\n"
        " * (torch.device device)\n%s%s%s * (str type, int index = -1)\n";
    if (PyTuple_GET_SIZE(args) == 0 && (kwargs == NULL || PyDict_GET_SIZE(kwargs) == 0))
        return PyErr_Format(PyExc_TypeError, options, "", "", "", "");
    if (kwargs != NULL && PyDict_GetItemString(kwargs, "device") != NULL) {
        what = PyDict_GetItemString(kwargs, "device");
    } else if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", names, &what, &index)) {
        return NULL;
    }
    fac_device d;
    int r = read_device(what, &d);
    if (r < 0)
        return NULL;
    if (r == 0)
        return PyErr_Format(PyExc_TypeError, options, Py_TYPE(what)->tp_name,
                            "      didn't match because some of the arguments have invalid types: "
                            "(!",
                            Py_TYPE(what)->tp_name, "!)\n");
    if (index != NULL && index != Py_None && !PyLong_Check(index))
        return PyErr_Format(PyExc_TypeError,
                            "device(): argument 'index' (position 2) must be int, not %s",
                            Py_TYPE(index)->tp_name);
    if (index != NULL && index != Py_None) {
        long i = PyLong_AsLong(index);
        if (i == -1 && PyErr_Occurred())
            return NULL;
        if (d.index >= 0)
            return PyErr_Format(PyExc_RuntimeError,
                                "type (string) must not include an index because index was passed "
                                "explicitly: %s:%d",
                                device_names[d.type], d.index);
        if (i < 0 || i > 127)
            return PyErr_Format(PyExc_RuntimeError, "Device index must not be negative");
        d.index = (int8_t)i;
    }
    return fac__wrap_device(d);
}

static PyObject *device_repr(PyObject *o) {
    fac_device d = ((fac__DeviceObject *)o)->device;
    if (d.index < 0)
        return PyUnicode_FromFormat("device(type='%s')", device_names[d.type]);
    return PyUnicode_FromFormat("device(type='%s', index=%d)", device_names[d.type], d.index);
}

static PyObject *device_str(PyObject *o) {
    fac_device d = ((fac__DeviceObject *)o)->device;
    if (d.index < 0)
        return PyUnicode_FromString(device_names[d.type]);
    return PyUnicode_FromFormat("%s:%d", device_names[d.type], d.index);
}

static PyObject *device_type_name(PyObject *o, void *unused) {
    (void)unused;
    return PyUnicode_FromString(device_names[((fac__DeviceObject *)o)->device.type]);
}

static PyObject *device_index(PyObject *o, void *unused) {
    (void)unused;
    int i = ((fac__DeviceObject *)o)->device.index;
    if (i < 0)
        Py_RETURN_NONE;
    return PyLong_FromLong(i);
}

static Py_hash_t device_hash(PyObject *o) {
    fac_device d = ((fac__DeviceObject *)o)->device;
    return d.type * 256 + d.index;
}

static PyObject *device_compare(PyObject *a, PyObject *b, int op) {
    if (Py_TYPE(b) != fac__device_type_)
        Py_RETURN_NOTIMPLEMENTED;
    if (op != Py_EQ && op != Py_NE)
        return PyErr_Format(PyExc_TypeError, "comparison not implemented");
    fac_device x = ((fac__DeviceObject *)a)->device, y = ((fac__DeviceObject *)b)->device;
    bool same = x.type == y.type && x.index == y.index;
    return PyBool_FromLong(same == (op == Py_EQ));
}

static PyObject *device_reduce(PyObject *o, PyObject *unused) {
    (void)unused;
    fac_device d = ((fac__DeviceObject *)o)->device;
    if (d.index < 0)
        return reduce_to("device", Py_BuildValue("(s)", device_names[d.type]));
    return reduce_to("device", Py_BuildValue("(si)", device_names[d.type], d.index));
}

/* Where a thread's factory functions make tensors: the device of the innermost `with device:`, else
 * what set_default_device() was given, else (type FAC_DEVICE_NONE) the CPU. */
struct entered {
    fac_device device;
    struct entered *outer;
};
static _Thread_local struct entered *innermost;
static _Thread_local fac_device base_device;

fac_device fac__default_device(void) {
    return innermost != NULL ? innermost->device : base_device;
}

/* _set_default_device(device or None) */
static PyObject *set_default_device(PyObject *module, PyObject *o) {
    (void)module;
    fac_device d = {FAC_DEVICE_NONE, -1};
    if (o != Py_None && fac__to_device(o, &d) != 1)
        return NULL;
    base_device = d;
    Py_RETURN_NONE;
}

/* _get_default_device() -> device or None */
static PyObject *get_default_device(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    fac_device d = fac__default_device();
    if (d.type == FAC_DEVICE_NONE)
        Py_RETURN_NONE;
    return fac__wrap_device(d);
}

PyMethodDef fac__device_functions[] = {
    {"_set_default_device", set_default_device, METH_O, NULL},
    {"_get_default_device", get_default_device, METH_NOARGS, NULL},
    {0}};

static PyObject *device_enter(PyObject *o, PyObject *unused) {
    (void)unused;
    fac_device d;
    if (fac__to_device(o, &d) < 0)
        return NULL;
    struct entered *e = PyMem_RawMalloc(sizeof *e);
    if (e == NULL)
        return PyErr_NoMemory();
    *e = (struct entered){d, innermost};
    innermost = e;
    return Py_NewRef(o);
}

static PyObject *device_exit(PyObject *o, PyObject *args) {
    (void)o;
    (void)args;
    struct entered *e = innermost;
    if (e != NULL) {
        innermost = e->outer;
        PyMem_RawFree(e);
    }
    Py_RETURN_NONE;
}

static PyGetSetDef device_getset[] = {
    {"type", device_type_name, NULL, NULL, NULL}, {"index", device_index, NULL, NULL, NULL}, {0}};
static PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, NULL},
                                       {"__enter__", device_enter, METH_NOARGS, NULL},
                                       {"__exit__", device_exit, METH_VARARGS, NULL},
                                       {0}};
static PyType_Slot device_slots[] = {{Py_tp_new, device_new},
                                     {Py_tp_repr, device_repr},
                                     {Py_tp_str, device_str},
                                     {Py_tp_hash, device_hash},
                                     {Py_tp_richcompare, device_compare},
                                     {Py_tp_getset, device_getset},
                                     {Py_tp_methods, device_methods},
                                     {0, NULL}};
static PyType_Spec device_spec = {"torch.device", sizeof(fac__DeviceObject), 0, Py_TPFLAGS_DEFAULT,
                                  device_slots};

/* --- layouts and memory formats ----------------------------------------------------------------
 */

static PyObject *enum_repr(PyObject *o) {
    return PyUnicode_FromFormat("torch.%s", ((fac__EnumObject *)o)->name);
}

static PyObject *enum_reduce(PyObject *o, PyObject *unused) {
    (void)unused;
    return reduce_to(((fac__EnumObject *)o)->name, Py_NewRef(Py_None));
}

static PyMethodDef enum_methods[] = {{"__reduce__", enum_reduce, METH_NOARGS, NULL}, {0}};
static PyType_Slot enum_slots[] = {
    {Py_tp_repr, enum_repr}, {Py_tp_methods, enum_methods}, {0, NULL}};
static PyType_Spec layout_spec = {"torch.layout", sizeof(fac__EnumObject), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  enum_slots};
static PyType_Spec format_spec = {"torch.memory_format", sizeof(fac__EnumObject), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  enum_slots};

int fac__to_layout(PyObject *o, fac_layout *out) {
    if (Py_TYPE(o) != fac__layout_type)
        return 0;
    const fac__EnumObject *e = (fac__EnumObject *)o;
    if (e->value >= LAYOUTS) {
        PyErr_Format(PyExc_NotImplementedError, "facula has no tensors of layout torch.%s",
                     e->name);
        return -1;
    }
    *out = (fac_layout)e->value;
    return 1;
}

PyObject *fac__wrap_layout(int layout) {
    return Py_NewRef(layouts[layout]);
}

PyObject *fac__wrap_format(int format) {
    static const char *const names[] = {[FAC_CONTIGUOUS_FORMAT] = "contiguous_format",
                                        [FAC_PRESERVE_FORMAT] = "preserve_format",
                                        [FAC_CHANNELS_LAST] = "channels_last",
                                        [FAC_CHANNELS_LAST_3D] = "channels_last_3d"};
    return PyObject_GetAttrString(fac__module, names[format]);
}

static int add_enum(PyObject *module, PyTypeObject *type, int value, const char *name,
                    PyObject **slot) {
    fac__EnumObject *o = PyObject_New(fac__EnumObject, type);
    if (o == NULL)
        return -1;
    o->value = value;
    o->name = name;
    *slot = (PyObject *)o;
    return PyModule_AddObjectRef(module, name, (PyObject *)o);
}

/* --- Size --------------------------------------------------------------------------------------
 */

PyObject *fac__wrap_size(int n, const int64_t *sizes) {
    PyObject *o = fac__size_type->tp_alloc(fac__size_type, n);
    if (o == NULL)
        return NULL;
    for (int i = 0; i < n; i++) {
        PyObject *v = PyLong_FromLongLong(sizes[i]);
        if (v == NULL) {
            Py_DECREF(o);
            return NULL;
        }
        PyTuple_SET_ITEM(o, i, v);
    }
    return o;
}

static PyObject *size_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    PyObject *t = PyTuple_Type.tp_new(type, args, kwargs);
    if (t == NULL)
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(t); i++) {
        PyObject *item = PyTuple_GET_ITEM(t, i);
        if (PyLong_CheckExact(item))
            continue;
        PyObject *number =
            PyBool_Check(item) ? PyLong_FromLong(item == Py_True) : PyNumber_Index(item);
        if (number == NULL) {
            PyErr_Format(PyExc_TypeError,
                         "torch.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                         Py_TYPE(item)->tp_name);
            Py_DECREF(t);
            return NULL;
        }
        PyTuple_SET_ITEM(t, i, number);
        Py_DECREF(item);
    }
    return t;
}

static PyObject *size_repr(PyObject *o) {
    PyObject *list = PySequence_List(o);
    PyObject *r = list == NULL ? NULL : PyUnicode_FromFormat("torch.Size(%R)", list);
    Py_XDECREF(list);
    return r;
}

/* Results of tuple's own operations, as Size. */
static PyObject *as_size(PyObject *tuple) {
    if (tuple == NULL || !PyTuple_CheckExact(tuple))
        return tuple;
    Py_ssize_t n = PyTuple_GET_SIZE(tuple);
    PyObject *o = fac__size_type->tp_alloc(fac__size_type, n);
    for (Py_ssize_t i = 0; o != NULL && i < n; i++)
        PyTuple_SET_ITEM(o, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
    Py_DECREF(tuple);
    return o;
}

static PyObject *size_subscript(PyObject *o, PyObject *key) {
    return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(o, key));
}

static PyObject *size_concat(PyObject *a, PyObject *b) {
    if (!PyTuple_Check(b))
        return PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not %s) to torch.Size",
                            Py_TYPE(b)->tp_name);
    return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}

/* (1, 2) + size, too, is a Size: number slots are asked before tuple's own. */
static PyObject *size_add(PyObject *a, PyObject *b) {
    if (!PyTuple_Check(a) || !PyTuple_Check(b))
        Py_RETURN_NOTIMPLEMENTED;
    return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}

static PyObject *size_repeat(PyObject *o, Py_ssize_t n) {
    return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(o, n));
}

static PyObject *size_numel(PyObject *o, PyObject *unused) {
    (void)unused;
    long long n = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++)
        n *= PyLong_AsLongLong(PyTuple_GET_ITEM(o, i));
    return PyLong_FromLongLong(n);
}

static PyObject *size_reduce(PyObject *o, PyObject *unused) {
    (void)unused;
    return reduce_to("Size", Py_BuildValue("(N)", PyTuple_GetSlice(o, 0, PyTuple_GET_SIZE(o))));
}

static PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "The product of the sizes."},
    {"__reduce__", size_reduce, METH_NOARGS, NULL},
    {0}};
static PyType_Slot size_slots[] = {{Py_tp_new, size_new},
                                   {Py_tp_repr, size_repr},
                                   {Py_mp_subscript, size_subscript},
                                   {Py_nb_add, size_add},
                                   {Py_sq_concat, size_concat},
                                   {Py_sq_repeat, size_repeat},
                                   {Py_tp_methods, size_methods},
                                   {0, NULL}};
static PyType_Spec size_spec = {"torch.Size", 0, 0, Py_TPFLAGS_DEFAULT, size_slots};

/* --- init --------------------------------------------------------------------------------------
 */

static int add_dtypes(PyObject *module) {
    static const struct {
        const char *alias;
        fac_dtype d;
    } aliases[] = {{"float", FAC_FLOAT32},    {"double", FAC_FLOAT64},    {"half", FAC_FLOAT16},
                   {"short", FAC_INT16},      {"int", FAC_INT32},         {"long", FAC_INT64},
                   {"cfloat", FAC_COMPLEX64}, {"cdouble", FAC_COMPLEX128}};
    for (int d = 1; d < FAC_NUM_DTYPES; d++) {
        fac__DtypeObject *o = PyObject_New(fac__DtypeObject, fac__dtype_type);
        if (o == NULL)
            return -1;
        o->dtype = (fac_dtype)d;
        dtypes[d] = (PyObject *)o;
        if (PyModule_AddObjectRef(module, fac_dtype_name((fac_dtype)d), dtypes[d]) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (PyModule_AddObjectRef(module, aliases[i].alias, dtypes[aliases[i].d]) < 0)
            return -1;
    return 0;
}

PyTypeObject *fac__new_type(PyType_Spec *spec, PyTypeObject *base) {
    PyObject *bases = base == NULL ? NULL : PyTuple_Pack(1, base); /* 3.9 takes tuples alone */
    if (base != NULL && bases == NULL)
        return NULL;
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpecWithBases(spec, bases);
    Py_XDECREF(bases);
    return type;
}

static int add_type(PyObject *module, PyType_Spec *spec, const char *name, PyTypeObject **slot,
                    PyTypeObject *base) {
    *slot = fac__new_type(spec, base);
    if (*slot != NULL && (spec->flags & Py_TPFLAGS_DISALLOW_INSTANTIATION) != 0)
        (*slot)->tp_new = NULL;
    return *slot == NULL ? -1 : PyModule_AddObjectRef(module, name, (PyObject *)*slot);
}

int fac__init_types(PyObject *module) {
    if (add_type(module, &dtype_spec, "dtype", &fac__dtype_type, NULL) < 0 ||
        add_type(module, &device_spec, "device", &fac__device_type_, NULL) < 0 ||
        add_type(module, &layout_spec, "layout", &fac__layout_type, NULL) < 0 ||
        add_type(module, &format_spec, "memory_format", &fac__format_type, NULL) < 0 ||
        add_type(module, &size_spec, "Size", &fac__size_type, &PyTuple_Type) < 0 ||
        add_dtypes(module) < 0)
        return -1;
    if (add_enum(module, fac__layout_type, FAC_STRIDED, "strided", &layouts[FAC_STRIDED]) < 0 ||
        add_enum(module, fac__layout_type, FAC_SPARSE_COO, "sparse_coo", &layouts[FAC_SPARSE_COO]) <
            0)
        return -1;
    for (int i = 0; i < ABSENT; i++)
        if (add_enum(module, fac__layout_type, LAYOUTS + i, absent_layouts[i],
                     &layouts[LAYOUTS + i]) < 0)
            return -1;
    static const char *const names[] = {"", "contiguous_format", "preserve_format", "channels_last",
                                        "channels_last_3d"};
    for (int i = 1; i < 5; i++)
        if (add_enum(module, fac__format_type, i, names[i], &formats[i]) < 0)
            return -1;
    return PyModule_AddObjectRef(module, "legacy_contiguous_format",
                                 formats[FAC_CONTIGUOUS_FORMAT]);
}
