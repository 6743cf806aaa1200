/* What a node shows of what it keeps: grad_fn._saved_self and so on, by PyTorch's names. */
#include "ext.h"

#include <facula/autograd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names of one value: the one that programs ask for, and the parameter of the op, or the number of
 * the result, that it stands for. */
enum { ROOM = 48 };
struct entry {
    char name[ROOM], source[ROOM];
};

/* A node shows the tensors and numbers that gradients of its op read, and results that they read.
 * These show others: numbers that our gradients take and PyTorch's do not, or under another name,
 * or sizes of inputs. `name` alone stands for the parameter of that name; `name=source` for another
 * parameter, or for a result by its number. What PyTorch keeps and we need not isn't there. */
static const struct {
    const char *node, *shows;
} exceptions[] = {
    {"AdaptiveAvgPool2DBackward0", ""},
    {"AdaptiveMaxPool2DBackward0", "result1=1"},
    {"AddmmBackward0", "alpha beta mat1 mat1_sym_sizes mat2 mat2_sym_sizes"},
    {"BernoulliBackward1", ""},
    {"CauchyBackward0", ""},
    {"ClampBackward0", "max=high min=low self"},
    {"ClampBackward1", "max=high min=low self"},
    {"ClampMaxBackward0", "max=high self"},
    {"ClampMinBackward0", "min=low self"},
    {"Col2ImBackward0", "dilation kernel_size padding stride"},
    {"ConvolutionBackward0",
     "dilation groups input output_padding padding stride transposed weight"},
    {"DiagonalBackward0", "dim1 dim2 offset self_sym_sizes"},
    {"DiagonalBackward0_copy", "dim1 dim2 offset self_sym_sizes"},
    {"EmbeddingBackward0", "indices padding_idx scale_grad_by_freq sparse weight_sym_argsize_0"},
    {"EmbeddingDenseBackwardBackward0", "indices padding_idx"},
    {"ExpandBackward0", "self_sym_sizes"},
    {"ExponentialBackward0", ""},
    {"FmodBackward0", ""},
    {"GatherBackward0", "dim index sparse_grad"},
    {"GeometricBackward0", ""},
    {"Im2ColBackward0",
     "dilation kernel_size padding self_sym_argsize_minus_1 self_sym_argsize_minus_2 stride"},
    {"IndexAddBackward0", "alpha dim index source_dim"},
    {"IndexBackward0", "indices self_sym_sizes"},
    {"IndexCopyBackward0", "dim index source_dim"},
    {"IndexSelectBackward0", "dim index self_sym_sizes"},
    {"KthvalueBackward0", "dim indices=1 keepdim self_sym_sizes"},
    {"LinalgVectorNormBackward0", "dim keepdim ord result=0 self=x"},
    {"LogNormalBackward0", ""},
    {"LogSoftmaxBackward0", "dim result=0"},
    {"MaskedScatterBackward0", "mask source_sym_sizes"},
    {"MaxBackward0", "dim indices=1 keepdim self_sym_sizes"},
    {"MaxPool2DWithIndicesBackward0", "ceil_mode dilation kernel_size padding result1=1 stride"},
    {"MeanBackward0", "self_sym_numel self_sym_sizes"},
    {"MeanBackward1", "dim keepdim self_sym_numel self_sym_sizes"},
    {"MedianBackward1", "dim indices=1 keepdim self_sym_sizes"},
    {"MinBackward0", "dim indices=1 keepdim self_sym_sizes"},
    {"MmBackward0", "mat2 mat2_sym_sizes self self_sym_sizes"},
    {"ModeBackward0", "dim indices=1 keepdim self_sym_sizes"},
    {"NanToNumBackward0", "self"},
    {"NanmedianBackward1", "dim indices=1 keepdim self_sym_sizes"},
    {"NativeBatchNormBackward0",
     "eps input result1=1 result2=2 running_mean running_var training weight"},
    {"NativeGroupNormBackward0", "C HxW N eps group input result1=1 result2=2 weight"},
    {"NativeLayerNormBackward0", "bias input normalized_shape result1=1 result2=2 weight"},
    {"NllLossBackward0", "ignore_index reduction target total_weight=1 weight"},
    {"PowBackward0", "exponent self"},
    {"ProdBackward0", "result=0 self"},
    {"RandomBackward0", ""},
    {"RemainderBackward0", ""},
    {"RepeatBackward0", "repeats self_sym_sizes"},
    {"RoundBackward1", ""},
    {"ScatterBackward1", "dim index"},
    {"SelectBackward0", "dim index self_sym_sizes"},
    {"SliceBackward0", "dim end self_sym_sizes start step"},
    {"SoftmaxBackward0", "dim result=0"},
    {"SortBackward0", "dim indices=1 self_sym_sizes"},
    {"SortBackward1", "dim indices=1 self_sym_sizes"},
    {"SplitBackward0", "dim self_sym_sizes split_size"},
    {"SplitWithSizesBackward0", "dim self_sym_sizes split_sizes split_sizes=split_size"},
    {"SqueezeBackward0", "self_sym_sizes"},
    {"SqueezeBackward1", "dim self_sym_sizes"},
    {"SqueezeBackward2", "dim self_sym_sizes"},
    {"SqueezeBackward4", "dim self_sym_sizes"},
    {"SumBackward0", "self_sym_sizes"},
    {"SumBackward1", "dim keepdim self_sym_sizes"},
    {"ToCopyBackward0", ""},
    {"TopkBackward0", "dim indices=1 self_sym_sizes"},
    {"TraceBackward0", "self_sym_sizes"},
    {"TransposeBackward0", "dim0 dim1 dim0=axis0 dim1=axis1"},
    {"UnfoldBackward0", "dimension self_sym_sizes size step"},
    {"UniformBackward0", ""},
    {"UnsafeViewBackward0", "self_sym_sizes"},
    {"ViewBackward0", "self_sym_sizes"},
};

static const char *exception(const char *node) {
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].node, node) == 0)
            return exceptions[i].shows;
    return NULL;
}

static const char *shown_name(const fac__param *p) {
    return strcmp(p->name, "input") == 0 ? "self" : p->name;
}

/* Over what any of the op's gradients reads. */
static void read_by_gradients(const fac__op *op, uint32_t *values, uint32_t *results) {
    *values = *results = 0;
    for (int i = 0; i < op->nsaves; i++) {
        *values |= op->saves[i].values;
        *results |= op->saves[i].results;
    }
}

static bool is_number(const fac__param *p) {
    return p->tensor_index == 255 && p->type != FAC__T_GENERATOR && p->type != FAC__T_DTYPE &&
           p->type != FAC__T_LAYOUT && p->type != FAC__T_DEVICE && p->type != FAC__T_FORMAT;
}

/* Entry i of what the table says of a node. */
static bool exceptional(const char *shows, int i, struct entry *e) {
    for (; i > 0 && *shows != 0; i--) {
        shows += strcspn(shows, " ");
        shows += strspn(shows, " ");
    }
    int n = (int)strcspn(shows, " ");
    if (n == 0)
        return false;
    int name = (int)strcspn(shows, "= ");
    int source = name == n ? 0 : name + 1;
    snprintf(e->name, ROOM, "%.*s", name, shows);
    snprintf(e->source, ROOM, "%.*s", n - source, shows + source);
    return true;
}

/* Entry i of what a node shows; false after the last. */
static bool entry(const fac_node *n, int i, struct entry *e) {
    const fac__op *op = n->op;
    const char *shows = exception(fac__node_name(n));
    if (shows != NULL)
        return exceptional(shows, i, e);
    uint32_t values, results;
    read_by_gradients(op, &values, &results);
    for (int k = 0; k < op->nparams; k++) {
        const fac__param *p = &op->params[k];
        if (p->tensor_index == 255 ? !is_number(p) : !(values & (1u << p->tensor_index)))
            continue;
        if (i-- > 0)
            continue;
        snprintf(e->name, ROOM, "%s", shown_name(p));
        snprintf(e->source, ROOM, "%s", p->name);
        return true;
    }
    for (unsigned k = 0; k < n->noutputs && k < 32; k++) {
        if (!(results & (1u << k)) || i-- > 0)
            continue;
        if (op->out_names != NULL)
            snprintf(e->name, ROOM, "%s", op->out_names[k]);
        else
            snprintf(e->name, ROOM, op->nout > 1 ? "result%u" : "result", k);
        snprintf(e->source, ROOM, "%u", k);
        return true;
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------------
 */

static PyObject *unpack(const fac__saved *s, fac_node *n) {
    fac_clear_error();
    fac_tensor *t = fac__unpack(s, n);
    if (t != NULL)
        return fac__wrap(t);
    if (fac__tls.error.code != FAC_OK)
        return fac__raise();
    Py_RETURN_NONE;
}

static const fac__param *param_named(const fac__op *op, const char *name, size_t length,
                                     int *slot) {
    for (int k = 0; k < op->nparams; k++) {
        const fac__param *p = &op->params[k];
        bool self = strcmp(p->name, "input") == 0 && length == 4 && memcmp(name, "self", 4) == 0;
        if (self || (strlen(p->name) == length && memcmp(p->name, name, length) == 0)) {
            *slot = k;
            return p;
        }
    }
    return NULL;
}

/* The saved values that an entry stands for, from *at on; NULL after the last. */
static fac__saved *saved_by(const fac_node *n, const char *source, uint32_t *at) {
    bool output = *source >= '0' && *source <= '9';
    int slot = 0;
    if (!output && param_named(n->op, source, strlen(source), &slot) == NULL)
        return NULL;
    for (; *at < n->nsaved; ++*at) {
        fac__saved *s = &n->saved[*at];
        if (output ? s->is_output && s->output_nr == (uint32_t)atoi(source)
                   : !s->is_output && s->slot == slot)
            return &n->saved[(*at)++];
    }
    return NULL;
}

static PyObject *saved_list(fac_node *n, const char *source) {
    PyObject *list = PyList_New(0);
    uint32_t at = 0;
    for (const fac__saved *s; list != NULL && (s = saved_by(n, source, &at)) != NULL;) {
        PyObject *t = unpack(s, n);
        if (t == NULL || PyList_Append(list, t) < 0)
            Py_CLEAR(list);
        Py_XDECREF(t);
    }
    PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

/* What is known of a tensor argument that need not have been kept: the sizes of its gradient. */
static const int64_t *sizes_of(const fac_node *n, const fac__param *p, int *ndim) {
    const fac__op *op = n->op;
    const fac_tensor *shell = *(fac_tensor *const *)(const void *)((char *)n->args + p->offset);
    if (shell != NULL) {
        *ndim = shell->ndim;
        return shell->sizes;
    }
    for (uint32_t i = 0; i < n->nsaved; i++) {
        const fac__saved *s = &n->saved[i];
        if (!s->is_output && s->slot == (uint8_t)(p - op->params) && s->tensor != NULL) {
            *ndim = s->tensor->ndim;
            return s->tensor->sizes;
        }
    }
    uint32_t edge = 0;
    for (int i = 0; i < op->nsaves && op->saves[i].tensor_index != p->tensor_index; i++)
        edge++; /* ops with lists among their inputs show no sizes */
    if (edge >= n->nedges || n->edges[edge].node == NULL)
        return NULL;
    const fac__meta *m = &n->edges[edge].node->outputs[n->edges[edge].nr];
    *ndim = m->ndim;
    return m->sizes;
}

static PyObject *sizes_tuple(const int64_t *sizes, int ndim) {
    PyObject *t = PyTuple_New(ndim);
    for (int i = 0; t != NULL && i < ndim; i++)
        PyTuple_SET_ITEM(t, i, PyLong_FromLongLong(sizes[i]));
    return t;
}

/* self_sym_sizes, self_sym_numel, source_dim, self_sym_argsize_0 and self_sym_argsize_minus_1. NULL
 * without an exception where the sizes are not known, or it is none of these. */
static PyObject *geometry(const fac_node *n, const char *source) {
    static const char *const kinds[] = {"_sym_sizes", "_sym_numel", "_dim", "_sym_argsize_"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const char *tail = strstr(source, kinds[k]);
        int slot, ndim;
        const fac__param *p =
            tail == NULL ? NULL : param_named(n->op, source, (size_t)(tail - source), &slot);
        if (p == NULL || p->tensor_index == 255)
            continue;
        const int64_t *sizes = sizes_of(n, p, &ndim);
        if (sizes == NULL)
            return NULL;
        if (k == 0)
            return sizes_tuple(sizes, ndim);
        if (k == 2)
            return PyLong_FromLong(ndim);
        if (k == 1) {
            int64_t numel = 1;
            for (int i = 0; i < ndim; i++)
                numel *= sizes[i];
            return PyLong_FromLongLong(numel);
        }
        tail += strlen(kinds[k]);
        int at = strncmp(tail, "minus_", 6) == 0 ? ndim - atoi(tail + 6) : atoi(tail);
        return at < 0 || at >= ndim ? NULL : PyLong_FromLongLong(sizes[at]);
    }
    return NULL;
}

/* A factor that is a number counts as a saved tensor. */
static PyObject *factor(const fac_node *n, fac_scalar number) {
    if ((n->flags & FAC__NODE_RELEASED) != 0) {
        fac__released_error();
        return fac__raise();
    }
    fac_tensor *t = fac__scalar_tensor(number, (fac_dtype)number.kind, (fac_device){FAC_CPU, 0});
    return t == NULL ? fac__raise() : fac__wrap(t);
}

static PyObject *number_value(const fac_node *n, const fac__param *p) {
    const fac_value *v = (const void *)((const char *)n->args + p->offset);
    const char *node = fac__node_name(n);
    if (p->type == FAC__T_VALUE &&
        (strcmp(node, "MulBackward0") == 0 || strcmp(node, "DivBackward0") == 0))
        return factor(n, v->number);
    PyObject *o = fac__box(p, n->args);
    if (o == NULL || !PyList_Check(o))
        return o;
    PyObject *tuple = PyList_AsTuple(o);
    Py_DECREF(o);
    return tuple;
}

static PyObject *value(fac_node *n, const char *source) {
    uint32_t at = 0;
    if (*source >= '0' && *source <= '9') {
        const fac__saved *s = saved_by(n, source, &at);
        return s == NULL ? Py_NewRef(Py_None) : unpack(s, n);
    }
    int slot;
    const fac__param *p = param_named(n->op, source, strlen(source), &slot);
    if (p == NULL)
        return geometry(n, source);
    if (p->type == FAC__T_TENSORS)
        return saved_list(n, source);
    const fac_value *v = (const void *)((const char *)n->args + p->offset);
    if (p->tensor_index == 255 || (p->type == FAC__T_VALUE && fac__given(v->number)))
        return number_value(n, p);
    const fac__saved *s = saved_by(n, source, &at);
    return s == NULL ? Py_NewRef(Py_None) : unpack(s, n);
}

/* A table's row serves all ops whose node has the name: not all have all of the parameters. */
static bool known(const fac_node *n, const char *source) {
    int slot;
    if ((*source >= '0' && *source <= '9') ||
        param_named(n->op, source, strlen(source), &slot) != NULL)
        return true;
    PyObject *o = geometry(n, source);
    PyErr_Clear();
    Py_XDECREF(o);
    return o != NULL;
}

/* --- saved tensors themselves ------------------------------------------------------------------
 */

typedef struct {
    PyObject_HEAD fac_node *node;
    uint32_t at;
} SavedObject;

static PyTypeObject *saved_type;

static void saved_dealloc(PyObject *o) {
    PyTypeObject *type = Py_TYPE(o);
    fac__node_release(((SavedObject *)o)->node);
    type->tp_free(o);
    Py_DECREF(type);
}

static PyObject *register_hooks(PyObject *o, PyObject *args) {
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO:register_hooks", &pack, &unpack))
        return NULL;
    fac__saved *s = &((SavedObject *)o)->node->saved[((SavedObject *)o)->at];
    if (s->released)
        return PyErr_Format(PyExc_RuntimeError,
                            "Calling register_hooks on a saved tensor after it has been freed. "
                            "Saved intermediate values of the graph are freed when you call "
                            ".backward() or autograd.grad(). Specify retain_graph=True if you need "
                            "to backward through the graph a second time or if you need to access "
                            "saved variables after calling backward.");
    if (s->packed != NULL)
        return PyErr_Format(PyExc_RuntimeError,
                            "Calling register_hooks on a saved tensor whose hooks have already "
                            "been set. Hint: only one pair of hooks is allowed at a time.");
    if (s->tensor == NULL)
        return PyErr_Format(PyExc_RuntimeError,
                            "Calling register_hooks on a saved tensor with value None is "
                            "forbidden");
    if (fac__pack_saved(s, pack, unpack) != 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef saved_methods[] = {
    {"register_hooks", register_hooks, METH_VARARGS,
     "register_hooks(pack, unpack): keeps pack(tensor) instead, and unpack of it is used."},
    {0}};
static PyType_Slot saved_slots[] = {
    {Py_tp_dealloc, saved_dealloc}, {Py_tp_methods, saved_methods}, {0, NULL}};
static PyType_Spec saved_spec = {"facula._C._autograd.SavedTensor", sizeof(SavedObject), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 saved_slots};

static PyObject *raw_at(fac_node *n, const fac__saved *s) {
    SavedObject *o = (SavedObject *)saved_type->tp_alloc(saved_type, 0);
    if (o == NULL)
        return NULL;
    o->node = fac__node_retain(n);
    o->at = (uint32_t)(s - n->saved);
    return (PyObject *)o;
}

/* All of a node, as custom Functions show them. */
PyObject *fac__node_raw_saved(fac_node *n) {
    PyObject *t = PyTuple_New((Py_ssize_t)n->nsaved);
    for (uint32_t i = 0; t != NULL && i < n->nsaved; i++) {
        PyObject *o = raw_at(n, &n->saved[i]);
        if (o == NULL)
            Py_CLEAR(t);
        else
            PyTuple_SET_ITEM(t, (Py_ssize_t)i, o);
    }
    return t;
}

static bool is_list(const fac_node *n, const char *source) {
    int slot;
    const fac__param *p = param_named(n->op, source, strlen(source), &slot);
    return p != NULL && p->type == FAC__T_TENSORS;
}

static PyObject *raw(fac_node *n, const char *source) {
    uint32_t at = 0;
    if (!is_list(n, source)) {
        const fac__saved *s = saved_by(n, source, &at);
        return s == NULL ? NULL : raw_at(n, s);
    }
    PyObject *list = PyList_New(0);
    for (const fac__saved *s; list != NULL && (s = saved_by(n, source, &at)) != NULL;) {
        PyObject *o = raw_at(n, s);
        if (o == NULL || PyList_Append(list, o) < 0)
            Py_CLEAR(list);
        Py_XDECREF(o);
    }
    PyObject *tuple = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return tuple;
}

/* --- attributes --------------------------------------------------------------------------------
 */

static const char saved_prefix[] = "_saved_", raw_prefix[] = "_raw_saved_";

PyObject *fac__node_saved(fac_node *n, const char *attribute) {
    bool whole = strncmp(attribute, saved_prefix, sizeof saved_prefix - 1) == 0;
    if (!whole && strncmp(attribute, raw_prefix, sizeof raw_prefix - 1) != 0)
        return NULL;
    const char *name = attribute + (whole ? sizeof saved_prefix : sizeof raw_prefix) - 1;
    struct entry e;
    for (int i = 0; entry(n, i, &e); i++)
        if (strcmp(e.name, name) == 0 && known(n, e.source))
            return whole ? value(n, e.source) : raw(n, e.source);
    return NULL;
}

static int add(PyObject *list, const char *prefix, const char *name) {
    PyObject *s = PyUnicode_FromFormat("%s%s", prefix, name);
    int r = s == NULL ? -1 : PyList_Append(list, s);
    Py_XDECREF(s);
    return r;
}

int fac__node_saved_names(fac_node *n, PyObject *list) {
    struct entry e;
    int r = 0;
    for (int i = 0; r == 0 && entry(n, i, &e); i++) {
        uint32_t at = 0;
        if (!known(n, e.source))
            continue;
        if (saved_by(n, e.source, &at) != NULL || is_list(n, e.source))
            r = add(list, raw_prefix, e.name);
        if (r == 0)
            r = add(list, saved_prefix, e.name);
    }
    return r;
}

int fac__init_saved(void) {
    saved_type = (PyTypeObject *)PyType_FromSpec(&saved_spec);
    return saved_type == NULL ? -1 : 0;
}
