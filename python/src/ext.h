/* The extension module's own header: Python objects around C ones, and one argument parser driven
 * by the op descriptors. */
#ifndef FAC_EXT_H
#define FAC_EXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "../../src/autograd/autograd.h"
#include "../../src/core/core.h"
#include "../../src/gen/ops.h"

#include "compat.h"

#include <structmember.h>

/* --- objects -----------------------------------------------------------------------------------
 */

/* Note [Wrapper lifetimes]: one Python object per tensor while either lives. `holds` says which
 * side owns the other: normally the object holds a counted reference to the tensor. When the object
 * would die while C still uses the tensor, and something of the object could be missed (attributes,
 * weak references, a subclass), the reference turns round: the tensor owns the object until the
 * object is asked for again. */
typedef struct {
    PyObject_HEAD fac_tensor *t;
    bool holds;
    PyObject *dict;
    PyObject *weakrefs;
    PyObject *backward_hooks;
    PyObject *size; /* what .shape last answered */
} fac__TensorObject;

typedef struct {
    PyObject_HEAD fac_dtype dtype;
} fac__DtypeObject;

typedef struct {
    PyObject_HEAD fac_device device;
} fac__DeviceObject;

typedef struct {
    PyObject_HEAD int value;
    const char *name;
} fac__EnumObject; /* layouts and memory formats */

typedef struct {
    PyObject_HEAD fac_generator *generator;
} fac__GeneratorObject;

extern PyTypeObject *fac__tensor_type, *fac__parameter_type, *fac__dtype_type, *fac__device_type_,
    *fac__layout_type, *fac__format_type, *fac__size_type, *fac__generator_type;
extern PyObject *fac__module;            /* the extension module, borrowed */
extern PyObject *fac__nn_module;         /* its _nn: what facula.nn.functional is made of */
extern PyObject *fac__disabled_function; /* _disabled_torch_function_impl */

static inline bool fac__tensor_check(PyObject *o) {
    return Py_TYPE(o) == fac__tensor_type || Py_TYPE(o) == fac__parameter_type ||
           PyObject_TypeCheck(o, fac__tensor_type);
}

static inline fac_tensor *fac__tensor_of(PyObject *o) {
    fac_tensor *t = ((fac__TensorObject *)o)->t;
    if (fac__any_moved())
        fac__follow(t);
    return t;
}

/* An argument that must be a tensor; NULL sets a TypeError. */
fac_tensor *fac__tensor_arg(PyObject *o);

/* Takes the reference. NULL t: None. */
PyObject *fac__wrap(fac_tensor *t);
PyObject *fac__wrap_as(PyTypeObject *type, fac_tensor *t);
PyObject *fac__wrap_dtype(fac_dtype d);   /* new reference */
PyObject *fac__wrap_device(fac_device d); /* new reference */
PyObject *fac__wrap_layout(int layout);
PyObject *fac__wrap_format(int format);
PyObject *fac__wrap_size(int n, const int64_t *sizes);
PyObject *fac__wrap_scalar(fac_scalar s);
PyObject *fac__wrap_ints(int n, const int64_t *v); /* a tuple */

/* Raises the thread's facula error as the exception it stands for; returns NULL. */
PyObject *fac__raise(void);
/* The pending Python exception becomes the thread's facula error, to come out as itself. */
int fac__capture_exception(void);
int fac__warn_user(const char *text, void *context); /* a fac_warning_handler */

/* --- arguments ---------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    const fac__op *const *ops;
    int n;
    const char *signature; /* PyTorch's text, where it differs from the descriptors' */
} fac__entry;

PyObject *fac__py_function(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                           PyObject *names);
/* In-place forms as functions: relu_(t). */
PyObject *fac__py_call(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                       PyObject *names);
PyObject *fac__py_nncall(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                         PyObject *names);
PyObject *fac__py_nn(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                     PyObject *names);
PyObject *fac__py_method(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                         PyObject *names);
PyObject *fac__py_inplace(const fac__entry *e, PyObject *self, PyObject *const *args, Py_ssize_t n,
                          PyObject *names);

/* Calls op with args and wraps the results. `how` and given as in fac__outs. */
PyObject *fac__invoke(const fac__op *op, void *args, int how, fac_tensor *const *given, int ngiven);

/* Calls one op by its descriptor, whatever overrides there are. */
PyObject *fac__call_descriptor(const fac__op *op, int how, PyObject *const *args, Py_ssize_t n,
                               PyObject *names);

/* 1 converted, 0 not such an object, -1 exception set. */
int fac__to_scalar(PyObject *o, fac_scalar *out);
int fac__to_bool(PyObject *o, bool *out);
bool fac__numpy_scalar(PyObject *o); /* whether o is an instance of numpy.generic */
int fac__to_value(PyObject *o, fac_value *out);
int fac__to_device(PyObject *o, fac_device *out);
int fac__to_dtype_arg(PyObject *o, fac_dtype *out);
int fac__to_layout(PyObject *o, fac_layout *out);
int fac__to_int(PyObject *o, int64_t *out);
int fac__to_sizes(PyObject *o, int64_t *out, int *n); /* at most FAC_MAX_DIMS */

/* __torch_function__: whether o's class overrides it; the call itself. */
bool fac__overrides(PyObject *o);
bool fac__any_override(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names);
PyObject *fac__call_override(PyObject *func, PyObject *self, PyObject *const *args, Py_ssize_t n,
                             PyObject *names);
PyObject *fac__override_method(const char *name, PyObject *self, PyObject *const *args,
                               Py_ssize_t n, PyObject *names);
PyObject *fac__override_slot(const char *name, PyObject *a, PyObject *b);
PyGetSetDef *fac__guard_attributes(PyGetSetDef *plain);
bool fac__function_mode_active(void);

/* Whether a method of this tensor goes to an override: false by two comparisons for plain ones. */
static inline bool fac__unusual(PyObject *o) {
    if (FAC_LIKELY(Py_TYPE(o) == fac__tensor_type && !(fac__tls.levels & FAC__L_PYTHON)))
        return false;
    return (fac__tls.levels & FAC__L_PYTHON) != 0 || fac__overrides(o);
}

/* --- parts -------------------------------------------------------------------------------------
 */

PyTypeObject *fac__new_type(PyType_Spec *spec, PyTypeObject *base); /* base: NULL is object */
int fac__init_types(PyObject *module);
fac_device fac__default_device(void); /* of this thread; type FAC_DEVICE_NONE: none was set */
extern PyMethodDef fac__device_functions[];
extern PyMethodDef fac__dlpack_functions[];
int fac__init_tensor(PyObject *module);
int fac__init_autograd(PyObject *module);
int fac__init_overrides(PyObject *module);
int fac__init_dispatch(PyObject *module);
int fac__init_levels(PyObject *module);
int fac__init_random(PyObject *module);
int fac__init_storage(PyObject *module);
int fac__init_modules(PyObject *module);
PyObject *fac__wrap_storage(fac_storage *s); /* takes the reference */
/* What tensor.c makes the type of: from operators.c, attributes.c, methods.c. */
enum { FAC__OPERATOR_SLOTS = 36 };
extern const PyType_Slot fac__operator_slots[FAC__OPERATOR_SLOTS];
extern PyGetSetDef fac__tensor_getset[];
extern PyMethodDef fac__tensor_methods[]; /* those that are not ops */
extern PyMethodDef *fac__generated_methods(void);
extern PyMethodDef *fac__generated_inplace(void);
extern PyMethodDef *fac__generated_functions(void);
extern PyMethodDef fac__convert_functions[], fac__array_functions[];
extern PyMethodDef fac__autograd_functions[];
extern PyMethodDef fac__text_functions[];
extern PyMethodDef fac__file_functions[];
extern PyMethodDef fac__storage_functions[];
extern PyMethodDef fac__hook_functions[], fac__function_functions[], fac__optim_functions[];
extern PyMethodDef fac__sparse_methods[];
extern PyMethodDef fac__storage_methods[];
PyObject *fac__py_getitem(PyObject *self, PyObject *key);
int fac__py_setitem(PyObject *self, PyObject *key, PyObject *value);
PyObject *fac__begin_grad(PyObject *result); /* requires_grad=True of a creation; takes it over */
extern const char fac__no_pinned_memory[];
PyObject *fac__tensor_from_data(PyObject *data, fac_dtype dtype, fac_device device, bool copy);
/* From an object with an array interface, sharing its memory where nothing asks for a copy. *found:
 * 1, 0 where it has none, -1 with a Python exception. */
fac_tensor *fac__tensor_from_array(PyObject *data, fac_dtype dtype, bool copy, int *found);
PyObject *fac__item_of(fac_tensor *t);
PyObject *fac__no_storage(void); /* raises what reading a batched or sparse tensor's memory does */
/* A graph's node. Wrappers of op nodes hold their node; a custom Function's context is held by its
 * node and only looks at it. */
typedef struct {
    PyObject_HEAD fac_node *node;
    bool looks_only;
} fac__NodeObject;
PyObject *fac__wrap_node(fac_node *n); /* new reference; takes nothing */
int fac__init_nodes(PyObject *module);
/* What a node keeps, by PyTorch's names of it. NULL without an exception: no such attribute. */
PyObject *fac__node_saved(fac_node *n, const char *attribute);
int fac__node_saved_names(fac_node *n, PyObject *list); /* appends _saved_... and _raw_saved_... */
PyObject *fac__node_raw_saved(fac_node *n);
int fac__init_saved(void);
/* Keeps pack(tensor) in place of a saved tensor. */
int fac__pack_saved(fac__saved *s, PyObject *pack, PyObject *unpack);
/* An object that goes when the node does; fac__keep_by_node() takes it over, and returns it. */
PyObject *fac__kept_by_node(const fac_node *n); /* borrowed, or NULL */
PyObject *fac__keep_by_node(fac_node *n, PyObject *o);
bool fac__is_python_hook(const fac__hook *h); /* its ctx is a Python object that it counts */
bool fac__is_python_node(const fac_node *n);  /* its args are such an object */
int fac__node_alive(PyObject *node);          /* -1 with an exception where the graph was freed */
PyObject *fac__box(const fac__param *p, const char *args); /* an op's argument as Python has it */
int fac__tensor_traverse_graph(fac__TensorObject *o, visitproc visit, void *arg);

#endif
