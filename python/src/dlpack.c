/* DLPack both ways: memory shared with other array libraries through capsules. The structures are
 * those of its version 1.0, with and without the version in front (dmlc/dlpack, dlpack.h). */
#include "ext.h"

#include <string.h>

struct dl_tensor {
    void *data;
    struct {
        int32_t type, id;
    } device;
    int32_t ndim;
    struct {
        uint8_t code, bits;
        uint16_t lanes;
    } dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;
};

/* What a "dltensor" capsule holds. */
struct dl_plain {
    struct dl_tensor tensor;
    void *context;
    void (*deleter)(struct dl_plain *self);
};

/* What a "dltensor_versioned" capsule holds. */
struct dl_versioned {
    struct {
        uint32_t major, minor;
    } version;
    void *context;
    void (*deleter)(struct dl_versioned *self);
    uint64_t flags;
    struct dl_tensor tensor;
};

enum { DL_CPU = 1, DL_COPIED = 2 };

static const uint8_t dl_codes[FAC_NUM_DTYPES] = {
    [FAC_BOOL] = 6,    [FAC_UINT8] = 1,     [FAC_INT8] = 0,      [FAC_INT16] = 0,
    [FAC_INT32] = 0,   [FAC_INT64] = 0,     [FAC_UINT16] = 1,    [FAC_UINT32] = 1,
    [FAC_UINT64] = 1,  [FAC_FLOAT16] = 2,   [FAC_BFLOAT16] = 4,  [FAC_FLOAT32] = 2,
    [FAC_FLOAT64] = 2, [FAC_COMPLEX64] = 5, [FAC_COMPLEX128] = 5};

/* --- out ---------------------------------------------------------------------------------------
 */

static void describe(struct dl_tensor *d, const fac_tensor *t, int64_t *dims) {
    memcpy(dims, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    memcpy(dims + t->ndim, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    d->data = t->data;
    d->device.type = DL_CPU;
    d->ndim = t->ndim;
    d->dtype.code = dl_codes[t->dtype];
    d->dtype.bits = (uint8_t)(8 * fac__itemsize(t->dtype));
    d->dtype.lanes = 1;
    d->shape = dims;
    d->strides = dims + t->ndim;
}

static void delete_plain(struct dl_plain *m) {
    fac__release(m->context);
    PyMem_RawFree(m);
}

static void delete_versioned(struct dl_versioned *m) {
    fac__release(m->context);
    PyMem_RawFree(m);
}

/* A capsule that nobody consumed; a consumer has renamed it. */
static void capsule_free(PyObject *capsule) {
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        struct dl_plain *m = PyCapsule_GetPointer(capsule, "dltensor");
        if (m->deleter != NULL)
            m->deleter(m);
    } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        struct dl_versioned *m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        if (m->deleter != NULL)
            m->deleter(m);
    }
}

/* _to_dlpack(tensor, versioned, copied): checked by the caller. */
static PyObject *to_dlpack(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *o, *capsule;
    int versioned, copied;
    if (!PyArg_ParseTuple(args, "Opp", &o, &versioned, &copied))
        return NULL;
    fac_tensor *t = fac__tensor_arg(o);
    if (t == NULL)
        return NULL;
    size_t dims = 2 * sizeof(int64_t) * (size_t)t->ndim;
    if (versioned) {
        struct dl_versioned *m = PyMem_RawCalloc(1, sizeof *m + dims);
        if (m == NULL)
            return PyErr_NoMemory();
        describe(&m->tensor, t, (int64_t *)(void *)(m + 1));
        m->version.major = 1;
        m->flags = copied ? DL_COPIED : 0;
        m->context = fac__retain(t);
        m->deleter = delete_versioned;
        capsule = PyCapsule_New(m, "dltensor_versioned", capsule_free);
        if (capsule == NULL)
            delete_versioned(m);
        return capsule;
    }
    struct dl_plain *m = PyMem_RawCalloc(1, sizeof *m + dims);
    if (m == NULL)
        return PyErr_NoMemory();
    describe(&m->tensor, t, (int64_t *)(void *)(m + 1));
    m->context = fac__retain(t);
    m->deleter = delete_plain;
    capsule = PyCapsule_New(m, "dltensor", capsule_free);
    if (capsule == NULL)
        delete_plain(m);
    return capsule;
}

/* --- in ----------------------------------------------------------------------------------------
 */

static void release_plain(void *context, void *data, size_t nbytes) {
    (void)data;
    (void)nbytes;
    struct dl_plain *m = context;
    if (m->deleter != NULL)
        m->deleter(m);
}

static void release_versioned(void *context, void *data, size_t nbytes) {
    (void)data;
    (void)nbytes;
    struct dl_versioned *m = context;
    if (m->deleter != NULL)
        m->deleter(m);
}

static fac_dtype dtype_of(const struct dl_tensor *d) {
    for (int i = 1; i < FAC_NUM_DTYPES; i++)
        if (dl_codes[i] == d->dtype.code && d->dtype.bits == 8 * fac_dtype_size((fac_dtype)i) &&
            d->dtype.lanes == 1)
            return (fac_dtype)i;
    return FAC_DTYPE_NONE;
}

/* Strides in elements and the bytes they span; -1 with an exception. */
static int64_t span(const struct dl_tensor *d, fac_dtype dtype, int64_t *strides) {
    int64_t last = 0, size = (int64_t)fac_dtype_size(dtype);
    bool empty = false;
    fac__contiguous_strides(d->ndim, d->shape, strides);
    for (int i = 0; i < d->ndim; i++) {
        int64_t reach;
        if (d->strides != NULL)
            strides[i] = d->strides[i];
        empty |= d->shape[i] == 0;
        if (d->shape[i] < 0 || (strides[i] < 0 && d->shape[i] > 1)) {
            PyErr_SetString(
                PyExc_BufferError,
                "from_dlpack: tensors with negative sizes or strides are not supported");
            return -1;
        }
        if (__builtin_mul_overflow(d->shape[i] - 1, strides[i], &reach) ||
            __builtin_add_overflow(last, reach, &last) || last > INT64_MAX / size - 1) {
            PyErr_SetString(PyExc_BufferError, "from_dlpack: the sizes are too large");
            return -1;
        }
    }
    return empty ? 0 : (last + 1) * size;
}

static PyObject *import(const struct dl_tensor *d, void *m, PyObject *capsule, const char *used,
                        void (*release)(void *, void *, size_t)) {
    fac_dtype dtype = dtype_of(d);
    int64_t strides[FAC_MAX_DIMS];
    if (d->device.type != DL_CPU)
        return PyErr_Format(PyExc_BufferError, "facula has no device of DLPack type %d",
                            d->device.type);
    if (dtype == FAC_DTYPE_NONE)
        return PyErr_Format(PyExc_BufferError, "Unsupported DLPack dtype: code %d, %d bits",
                            d->dtype.code, d->dtype.bits);
    if (d->ndim < 0 || d->ndim > FAC_MAX_DIMS)
        return PyErr_Format(PyExc_BufferError, "tensors have at most %d dimensions, not %d",
                            FAC_MAX_DIMS, d->ndim);
    int64_t bytes = span(d, dtype, strides);
    if (bytes < 0)
        return NULL;
    fac_storage *s =
        fac__storage_wrap((char *)d->data + d->byte_offset, (size_t)bytes, fac_cpu(), release, m);
    if (s == NULL)
        return fac__raise();
    PyCapsule_SetName(capsule, used);
    fac_tensor *t = fac__tensor_from_storage(s, d->ndim, d->shape, strides, 0, dtype);
    return t == NULL ? fac__raise() : fac__wrap(t);
}

static PyObject *from_dlpack(PyObject *module, PyObject *capsule) {
    (void)module;
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        struct dl_plain *m = PyCapsule_GetPointer(capsule, "dltensor");
        return import(&m->tensor, m, capsule, "used_dltensor", release_plain);
    }
    if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        struct dl_versioned *m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        if (m->version.major > 1)
            return PyErr_Format(PyExc_BufferError, "facula reads DLPack up to version 1, not %u",
                                (unsigned)m->version.major);
        return import(&m->tensor, m, capsule, "used_dltensor_versioned", release_versioned);
    }
    return PyErr_Format(PyExc_RuntimeError,
                        "from_dlpack received an invalid capsule. Note that DLTensor capsules can "
                        "be consumed only once, so you might have already constructed a tensor "
                        "from it once.");
}

PyMethodDef fac__dlpack_functions[] = {{"_to_dlpack", to_dlpack, METH_VARARGS, NULL},
                                       {"_from_dlpack", from_dlpack, METH_O, NULL},
                                       {0}};
