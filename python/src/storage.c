/* Storages as Python sees them: torch._C.StorageBase, the C side of torch.UntypedStorage.
 *
 * A storage has at most one Python object, which holds it and which it knows without holding: so
 * t.untyped_storage() is the same object while somebody keeps it. What is convenient rather than
 * hot, and the class that objects are of, is in facula/storage.py. */
#include "ext.h"

#include "../../src/io/file.h"
#include "../../src/io/mapped.h"

#include <string.h>

typedef struct {
    PyObject_HEAD fac_storage *s;
    Py_ssize_t exports; /* buffers that look at the memory: it must stay where it is */
    PyObject *weakrefs;
} StorageObject;

static PyTypeObject *base_type;
static PyTypeObject *storage_type; /* facula.storage.UntypedStorage, once that is loaded */

static fac_storage *storage_of(PyObject *o) {
    return ((StorageObject *)o)->s;
}

static bool is_storage(PyObject *o) {
    return PyObject_TypeCheck(o, base_type);
}

static PyObject *wrap_as(PyTypeObject *type, fac_storage *s) {
    if (s == NULL)
        return fac__raise();
    StorageObject *o = (StorageObject *)type->tp_alloc(type, 0);
    if (o == NULL) {
        fac__storage_release(s);
        return NULL;
    }
    o->s = s;
    s->wrapper = o;
    return (PyObject *)o;
}

PyObject *fac__wrap_storage(fac_storage *s) {
    if (s != NULL && s->wrapper != NULL) {
        PyObject *o = Py_NewRef((PyObject *)s->wrapper);
        fac__storage_release(s);
        return o;
    }
    if (storage_type == NULL) {
        PyObject *module = PyImport_ImportModule("facula.storage");
        Py_XDECREF(module);
        if (storage_type == NULL) {
            fac__storage_release(s);
            return NULL;
        }
    }
    return wrap_as(storage_type, s);
}

static void storage_dealloc(PyObject *self) {
    StorageObject *o = (StorageObject *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (o->weakrefs != NULL)
        PyObject_ClearWeakRefs(self);
    if (o->s != NULL) {
        o->s->wrapper = NULL;
        fac__storage_release(o->s);
    }
    type->tp_free(self);
    Py_DECREF(type);
}

/* --- making ------------------------------------------------------------------------------------
 */

static PyObject *no_such_size(Py_ssize_t n) {
    return PyErr_Format(PyExc_RuntimeError, "Storage size must be non-negative, got %zd", n);
}

static int fill_from(PyObject *items, const char *kind, char *data) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); i++) {
        PyObject *v = PySequence_Fast_GET_ITEM(items, i);
        if (!PyLong_Check(v)) {
            PyErr_Format(PyExc_RuntimeError,
                         "torch.UntypedStorage(): tried to construct a storage from a sequence "
                         "(%s), but one of the items was of type %s instead of int",
                         kind, Py_TYPE(v)->tp_name);
            return -1;
        }
        data[i] = (char)(unsigned char)PyLong_AsUnsignedLongMask(v);
        if (PyErr_Occurred())
            return -1;
    }
    return 0;
}

static PyObject *from_sequence(PyTypeObject *type, PyObject *o, fac_device device) {
    if (is_storage(o)) {
        fac_storage *from = storage_of(o), *s = fac__storage_new(from->nbytes, device);
        if (s != NULL && s->data != NULL && from->data != NULL && s->nbytes != 0)
            memcpy(s->data, from->data, s->nbytes);
        return wrap_as(type, s);
    }
    if (!PySequence_Check(o) || fac__tensor_check(o))
        return PyErr_Format(PyExc_RuntimeError,
                            "torch.UntypedStorage(): Expected a sequence type, but got %s",
                            Py_TYPE(o)->tp_name);
    PyObject *items = PySequence_Fast(o, "expected a sequence");
    if (items == NULL)
        return NULL;
    fac_storage *s = fac__storage_new((size_t)PySequence_Fast_GET_SIZE(items), device);
    if (s != NULL && s->data != NULL && fill_from(items, Py_TYPE(o)->tp_name, s->data) != 0) {
        fac__storage_release(s);
        Py_DECREF(items);
        return NULL;
    }
    Py_DECREF(items);
    return wrap_as(type, s);
}

/* UntypedStorage(size or sequence, *, allocator, device); the checks are facula/storage.py's. */
static PyObject *storage_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"size", "device", NULL};
    PyObject *what = NULL, *device = Py_None;
    fac_device d = fac_cpu();
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", names, &what, &device))
        return NULL;
    if (device != Py_None && fac__to_device(device, &d) != 1)
        return PyErr_Occurred()
                   ? NULL
                   : PyErr_Format(PyExc_TypeError, "UntypedStorage(): device must be a device");
    if (d.type != FAC_CPU && d.type != FAC_META)
        return PyErr_Format(PyExc_RuntimeError,
                            "torch.UntypedStorage(): Storage device not recognized: %s",
                            fac__device_name(d));
    if (what == NULL)
        return wrap_as(type, fac__storage_new(0, d));
    if (!PyLong_Check(what))
        return from_sequence(type, what, d);
    Py_ssize_t n = PyLong_AsSsize_t(what);
    if (n < 0)
        return PyErr_Occurred() ? NULL : no_such_size(n);
    return wrap_as(type, fac__storage_new((size_t)n, d));
}

/* _storage_from_file(path, shared, nbytes) */
static PyObject *from_file(PyObject *module, PyObject *args) {
    PyObject *path;
    int shared;
    Py_ssize_t n;
    (void)module;
    if (!PyArg_ParseTuple(args, "O&pn:from_file", PyUnicode_FSConverter, &path, &shared, &n))
        return NULL;
    fac_storage *s = NULL;
    if (n >= 0)
        s = fac__storage_from_file(PyBytes_AS_STRING(path), shared, (size_t)n);
    Py_DECREF(path);
    return n < 0 ? no_such_size(n) : s == NULL ? fac__raise() : fac__wrap_storage(s);
}

/* _storage_share(storage) */
static PyObject *share(PyObject *module, PyObject *o) {
    (void)module;
    if (!is_storage(o))
        return PyErr_Format(PyExc_TypeError, "expected a storage");
    if (fac__storage_share(storage_of(o)) != 0)
        return fac__raise();
    Py_RETURN_NONE;
}

/* _storage_file(storage): the file behind its shared memory, -1 without */
static PyObject *shared_file(PyObject *module, PyObject *o) {
    (void)module;
    if (!is_storage(o))
        return PyErr_Format(PyExc_TypeError, "expected a storage");
    return PyLong_FromLong(fac__storage_file(storage_of(o)));
}

/* _storage_from_shared(fd, nbytes) */
static PyObject *from_shared(PyObject *module, PyObject *args) {
    int fd;
    Py_ssize_t n;
    (void)module;
    if (!PyArg_ParseTuple(args, "in:from_shared", &fd, &n))
        return NULL;
    if (n < 0)
        return no_such_size(n);
    fac_storage *s = fac__storage_from_shared(fd, (size_t)n);
    return s == NULL ? fac__raise() : fac__wrap_storage(s);
}

static void release_base(void *base, void *data, size_t nbytes) {
    (void)data;
    (void)nbytes;
    fac__storage_release(base);
}

/* A storage over part of another one's memory. Memory that moves takes no part of it along. */
static PyObject *part_of(fac_storage *s, Py_ssize_t start, Py_ssize_t n) {
    if (s->data == NULL || n == 0)
        return fac__wrap_storage(fac__storage_new((size_t)n, s->device));
    fac_storage *part = fac__storage_wrap(s->data + start, (size_t)n, s->device, release_base, s);
    if (part == NULL)
        return fac__raise();
    fac__storage_retain(s);
    return fac__wrap_storage(part);
}

/* --- elements ----------------------------------------------------------------------------------
 */

static int has_data(const fac_storage *s) {
    if (s->device.type != FAC_META)
        return 1;
    PyErr_Format(PyExc_NotImplementedError, "Not available for 'meta' device type");
    return 0;
}

static int slice_of(fac_storage *s, PyObject *key, Py_ssize_t *start, Py_ssize_t *n) {
    Py_ssize_t stop, step;
    if (PySlice_Unpack(key, start, &stop, &step) < 0)
        return -1;
    *n = PySlice_AdjustIndices((Py_ssize_t)s->nbytes, start, &stop, step);
    if (step == 1)
        return 0;
    PyErr_Format(PyExc_RuntimeError,
                 "Trying to slice with a step of %zd, but only a step of 1 is supported", step);
    return -1;
}

static PyObject *get_item(PyObject *o, PyObject *key) {
    fac_storage *s = storage_of(o);
    Py_ssize_t size = (Py_ssize_t)s->nbytes, start, n;
    if (!has_data(s))
        return NULL;
    if (PyLong_CheckExact(key)) {
        Py_ssize_t i = PyLong_AsSsize_t(key);
        if (i == -1 && PyErr_Occurred())
            return NULL;
        if (i < 0)
            i += size;
        if (i < 0 || i >= size)
            return PyErr_Format(PyExc_IndexError, "index %zd out of range for storage of size %zd",
                                i, size);
        return PyLong_FromLong((unsigned char)s->data[i]);
    }
    if (PySlice_Check(key))
        return slice_of(s, key, &start, &n) < 0 ? NULL : part_of(s, start, n);
    return PyErr_Format(PyExc_TypeError, "can't index a torch.UntypedStorage with %s",
                        Py_TYPE(key)->tp_name);
}

static int set_item(PyObject *o, PyObject *key, PyObject *value) {
    fac_storage *s = storage_of(o);
    Py_ssize_t start, n = 1;
    if (!has_data(s))
        return -1;
    if (value == NULL || !PyLong_Check(value)) {
        PyErr_Format(PyExc_RuntimeError,
                     "can only set storage content with a int types, but got %s instead",
                     value == NULL ? "nothing" : Py_TYPE(value)->tp_name);
        return -1;
    }
    int byte = (int)(PyLong_AsUnsignedLongMask(value) & 255);
    if (PyErr_Occurred())
        return -1;
    if (PySlice_Check(key)) {
        if (slice_of(s, key, &start, &n) < 0)
            return -1;
    } else if (PyLong_CheckExact(key)) {
        start = PyLong_AsSsize_t(key);
        if (start == -1 && PyErr_Occurred())
            return -1;
        if (start < 0)
            start += (Py_ssize_t)s->nbytes;
        if (start < 0 || start >= (Py_ssize_t)s->nbytes) {
            PyErr_Format(PyExc_RuntimeError, "out of bounds");
            return -1;
        }
    } else {
        PyErr_Format(PyExc_RuntimeError, "can't index a torch.UntypedStorage with %s",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    if (n > 0)
        memset(s->data + start, byte, (size_t)n);
    return 0;
}

static Py_ssize_t storage_len(PyObject *o) {
    return (Py_ssize_t)storage_of(o)->nbytes;
}

static int get_buffer(PyObject *o, Py_buffer *view, int flags) {
    fac_storage *s = storage_of(o);
    if (!has_data(s))
        return -1;
    if (PyBuffer_FillInfo(view, o, s->data, (Py_ssize_t)s->nbytes, 0, flags) < 0)
        return -1;
    ((StorageObject *)o)->exports++;
    return 0;
}

static void release_buffer(PyObject *o, Py_buffer *view) {
    (void)view;
    ((StorageObject *)o)->exports--;
}

/* --- methods -----------------------------------------------------------------------------------
 */

static PyObject *m_nbytes(PyObject *o, PyObject *unused) {
    (void)unused;
    return PyLong_FromSize_t(storage_of(o)->nbytes);
}

static PyObject *m_data_ptr(PyObject *o, PyObject *unused) {
    (void)unused;
    return PyLong_FromVoidPtr(storage_of(o)->nbytes == 0 ? NULL : storage_of(o)->data);
}

static PyObject *m_resizable(PyObject *o, PyObject *unused) {
    (void)unused;
    return PyBool_FromLong(storage_of(o)->resizable);
}

static PyObject *m_resize(PyObject *o, PyObject *size) {
    if (!PyLong_Check(size))
        return PyErr_Format(PyExc_RuntimeError, "resize_ expects an int, but got %s",
                            Py_TYPE(size)->tp_name);
    Py_ssize_t n = PyLong_AsSsize_t(size);
    if (n < 0)
        return PyErr_Occurred() ? NULL : no_such_size(n);
    if (((StorageObject *)o)->exports > 0)
        return PyErr_Format(PyExc_BufferError,
                            "Existing exports of data: the storage cannot be resized");
    if (fac__storage_resize(storage_of(o), (size_t)n) != 0)
        return fac__raise();
    return Py_NewRef(o);
}

static PyObject *m_fill(PyObject *o, PyObject *value) {
    fac_storage *s = storage_of(o);
    if (!PyLong_Check(value))
        return PyErr_Format(PyExc_RuntimeError, "fill_ expects int, but got %s",
                            Py_TYPE(value)->tp_name);
    int byte = (int)(PyLong_AsUnsignedLongMask(value) & 255);
    if (PyErr_Occurred())
        return NULL;
    if (s->data != NULL && s->nbytes != 0)
        memset(s->data, byte, s->nbytes);
    return Py_NewRef(o);
}

static PyObject *m_copy(PyObject *o, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"source", "non_blocking", NULL};
    fac_storage *s = storage_of(o);
    PyObject *source;
    int non_blocking;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p:copy_", names, &source, &non_blocking))
        return NULL;
    if (!is_storage(source))
        return PyErr_Format(PyExc_TypeError,
                            "copy_(): argument 'src' (position 1) must be torch.Storage, not %s",
                            Py_TYPE(source)->tp_name);
    fac_storage *from = storage_of(source);
    if (from->nbytes != s->nbytes)
        return PyErr_Format(PyExc_RuntimeError,
                            "size does not match, self was %zu bytes but src was %zu bytes",
                            s->nbytes, from->nbytes);
    if (s->device.type != FAC_META && !has_data(from))
        return NULL;
    if (s->data != NULL && from->data != NULL && s->nbytes != 0)
        memmove(s->data, from->data, s->nbytes);
    return Py_NewRef(o);
}

/* _clean_bools(): every true byte becomes 1, which is what C's bool takes. */
static PyObject *m_clean_bools(PyObject *o, PyObject *unused) {
    (void)unused;
    if (storage_of(o)->data != NULL)
        fac__io_clean_bools(storage_of(o)->data, storage_of(o)->nbytes);
    Py_RETURN_NONE;
}

static PyObject *get_cdata(PyObject *o, void *unused) {
    (void)unused;
    return PyLong_FromVoidPtr(storage_of(o));
}

static PyObject *get_device(PyObject *o, void *unused) {
    (void)unused;
    return fac__wrap_device(storage_of(o)->device);
}

static PyMethodDef methods[] = {
    {"nbytes", m_nbytes, METH_NOARGS, "nbytes() -> int"},
    {"size", m_nbytes, METH_NOARGS, "size() -> int, in bytes"},
    {"data_ptr", m_data_ptr, METH_NOARGS, "data_ptr() -> int\n\nThe first byte's address."},
    {"resizable", m_resizable, METH_NOARGS, "resizable() -> bool"},
    {"resize_", m_resize, METH_O, "resize_(size) -> UntypedStorage\n\nsize is in bytes."},
    {"fill_", m_fill, METH_O, "fill_(value) -> UntypedStorage\n\nSets every byte."},
    {"copy_", (PyCFunction)(void (*)(void))m_copy, METH_VARARGS | METH_KEYWORDS,
     "copy_(source, non_blocking=None) -> UntypedStorage"},
    {"_clean_bools", m_clean_bools, METH_NOARGS, NULL},
    {0}};
static PyGetSetDef getset[] = {
    {"_cdata", get_cdata, NULL, NULL, NULL}, {"device", get_device, NULL, NULL, NULL}, {0}};
static PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(StorageObject, weakrefs), READONLY, NULL}, {0}};
static PyType_Slot slots[] = {{Py_tp_new, storage_new},
                              {Py_tp_dealloc, storage_dealloc},
                              {Py_tp_methods, methods},
                              {Py_tp_getset, getset},
                              {Py_tp_members, members},
                              {Py_mp_length, storage_len},
                              {Py_mp_subscript, get_item},
                              {Py_mp_ass_subscript, set_item},
                              {Py_bf_getbuffer, get_buffer},
                              {Py_bf_releasebuffer, release_buffer},
                              {0, NULL}};
static PyType_Spec spec = {"torch._C.StorageBase", sizeof(StorageObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

/* --- tensors over storages ---------------------------------------------------------------------
 */

static PyObject *m_untyped_storage(PyObject *o, PyObject *unused) {
    fac_tensor *t = fac__tensor_of(o);
    (void)unused;
    if (FAC_UNLIKELY(fac__unusual(o)))
        return fac__override_method("untyped_storage", o, NULL, 0, NULL);
    if (t->storage == NULL)
        return PyErr_Format(PyExc_NotImplementedError, "Cannot access storage of %s",
                            t->layout == FAC_SPARSE_COO ? "SparseTensorImpl" : "BatchedTensorImpl");
    return fac__wrap_storage(fac__storage_retain(t->storage));
}

PyMethodDef fac__storage_methods[] = {
    {"untyped_storage", m_untyped_storage, METH_NOARGS,
     "untyped_storage() -> torch.UntypedStorage\n\nThe memory that this tensor looks at."},
    {0}};

/* Bytes that the geometry reaches to, or -1 with the exception set. */
static int64_t reach_of(int n, const int64_t *sizes, const int64_t *strides, int64_t offset,
                        size_t item) {
    int64_t last = offset, part, bytes;
    if (offset < 0) {
        PyErr_Format(PyExc_RuntimeError, "Tensor: invalid storage offset %lld", (long long)offset);
        return -1;
    }
    bool overflow = fac__numel_of(n, sizes) < 0, empty = false;
    for (int d = 0; d < n; d++) {
        if (sizes[d] < 0 || strides[d] < 0) {
            PyErr_Format(PyExc_RuntimeError,
                         "setStorage: sizes and strides must be non-negative, got %s and %s",
                         fac__shape_text(n, sizes), fac__shape_text(n, strides));
            return -1;
        }
        empty |= sizes[d] == 0;
        overflow |= __builtin_mul_overflow(sizes[d] - 1, strides[d], &part) ||
                    __builtin_add_overflow(last, part, &last);
    }
    if (empty)
        return 0;
    if (overflow || __builtin_add_overflow(last, 1, &last) ||
        __builtin_mul_overflow(last, (int64_t)item, &bytes)) {
        PyErr_Format(PyExc_RuntimeError, "Storage size calculation overflowed with sizes=%s",
                     fac__shape_text(n, sizes));
        return -1;
    }
    return bytes;
}

/* _over_storage(storage, dtype, offset, size, stride, grow): a tensor over the storage; stride None
 * is row-major. What reaches beyond the end is refused, or makes the storage larger. */
static PyObject *over_storage(PyObject *module, PyObject *args) {
    PyObject *storage, *dtype, *size, *stride;
    long long offset;
    int grow, n, nstrides;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    fac_dtype d;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!OLOOp:_over_storage", base_type, &storage, &dtype, &offset,
                          &size, &stride, &grow))
        return NULL;
    int given = fac__to_dtype_arg(dtype, &d);
    if (given == 1)
        given = fac__to_sizes(size, sizes, &n);
    if (given == 1 && stride != Py_None)
        given = fac__to_sizes(stride, strides, &nstrides);
    if (given != 1)
        return PyErr_Occurred() ? NULL
                                : PyErr_Format(PyExc_TypeError,
                                               "a tensor over a storage needs a dtype, and tuples "
                                               "of ints for its size and stride");
    if (stride == Py_None)
        fac__contiguous_strides(n, sizes, strides);
    else if (nstrides != n)
        return PyErr_Format(PyExc_RuntimeError, "unequal size length (%d) and stride length (%d)",
                            n, nstrides);
    fac_storage *s = storage_of(storage);
    size_t item = fac_dtype_size(d);
    int64_t bytes = reach_of(n, sizes, strides, offset, item);
    if (bytes < 0)
        return NULL;
    if ((size_t)bytes > s->nbytes) {
        if (!grow)
            return PyErr_Format(PyExc_RuntimeError,
                                "setStorage: sizes %s, strides %s, storage offset %lld, and "
                                "itemsize %zu requiring a storage size of %lld are out of bounds "
                                "for storage of size %zu",
                                fac__shape_text(n, sizes), fac__shape_text(n, strides), offset,
                                item, (long long)bytes, s->nbytes);
        if (((StorageObject *)storage)->exports > 0)
            return PyErr_Format(PyExc_BufferError,
                                "Existing exports of data: the storage cannot be resized");
        if (fac__storage_resize(s, (size_t)bytes) != 0)
            return fac__raise();
    }
    fac_tensor *t = fac__tensor_from_storage(fac__storage_retain(s), n, sizes, strides, offset, d);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

/* _register_storage_type(type): the class of every storage's object from now on. */
static PyObject *register_type(PyObject *module, PyObject *type) {
    (void)module;
    if (!PyType_Check(type) || !PyType_IsSubtype((PyTypeObject *)type, base_type))
        return PyErr_Format(PyExc_TypeError, "a storage type must derive from StorageBase");
    Py_XSETREF(storage_type, (PyTypeObject *)Py_NewRef(type));
    Py_RETURN_NONE;
}

PyMethodDef fac__storage_functions[] = {{"_over_storage", over_storage, METH_VARARGS, NULL},
                                        {"_storage_from_file", from_file, METH_VARARGS, NULL},
                                        {"_storage_share", share, METH_O, NULL},
                                        {"_storage_file", shared_file, METH_O, NULL},
                                        {"_storage_from_shared", from_shared, METH_VARARGS, NULL},
                                        {"_register_storage_type", register_type, METH_O, NULL},
                                        {0}};

int fac__init_storage(PyObject *module) {
    base_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (base_type == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "StorageBase", (PyObject *)base_type);
}
