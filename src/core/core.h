/* The core's private header: operator descriptors, the gate, thread state and object helpers. */
#ifndef FAC_CORE_H
#define FAC_CORE_H

#include <facula/backend.h>
#include <facula/error.h>
#include <facula/indexing.h>
#include <facula/scope.h>
#include <facula/tensor.h>

#define FAC_LIKELY(x) __builtin_expect(!!(x), 1)
#define FAC_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* --- operator descriptors -------------------------------------------------------------------- */

/* The type of a parameter: what its field in the argument struct is. */
enum fac__type {
    FAC__T_TENSOR,    /* fac_tensor *                    */
    FAC__T_VALUE,     /* fac_value: a tensor or a number */
    FAC__T_TENSORS,   /* fac_tensors                     */
    FAC__T_SCALAR,    /* fac_scalar                      */
    FAC__T_INT,       /* int64_t                         */
    FAC__T_OPT_INT,   /* fac_opt_int                     */
    FAC__T_INTS,      /* fac_ints                        */
    FAC__T_FLOAT,     /* double                          */
    FAC__T_OPT_FLOAT, /* fac_opt_float                   */
    FAC__T_BOOL,      /* bool                            */
    FAC__T_OPT_BOOL,  /* fac_opt_bool                    */
    FAC__T_STR,       /* const char *, NULL: not given   */
    FAC__T_GENERATOR, /* fac_generator *                 */
    FAC__T_DTYPE,     /* fac_dtype                       */
    FAC__T_LAYOUT,    /* fac_layout                      */
    FAC__T_DEVICE,    /* fac_device                      */
    FAC__T_FORMAT,    /* fac_memory_format               */
};

enum {
    FAC__P_OPTIONAL = 1u << 0,  /* has a default */
    FAC__P_NONE = 1u << 1,      /* None is a value of its own */
    FAC__P_KEYWORD = 1u << 2,   /* keyword only */
    FAC__P_VARARGS = 1u << 3,   /* integers may be given one by one: view(2, 3) */
    FAC__P_LIST_NONE = 1u << 4, /* list entries may be None */
};

typedef struct {
    const char *name;
    const char *alias;   /* NumPy's name for it, or NULL */
    const char *text;    /* its type in PyTorch's signature text */
    const char *initial; /* its default in PyTorch's signature text, or NULL */
    uint8_t type;
    uint8_t flags;
    uint16_t offset;
    int8_t list_size;     /* Ints[N]: one integer stands for N */
    uint8_t tensor_index; /* position among the op's tensor parameters, 255: not one */
} fac__param;

enum {
    FAC__OP_COMPOSITE = 1u << 0,   /* calls of other ops; sees the function level only */
    FAC__OP_VIEW = 1u << 1,        /* outputs alias the first tensor parameter */
    FAC__OP_LIST = 1u << 2,        /* returns a list of tensors, as many as it likes */
    FAC__OP_NUMBER = 1u << 3,      /* returns a number, not a tensor */
    FAC__OP_READS_CONJ = 1u << 4,  /* kernel reads conjugate and negative views itself */
    FAC__OP_INPLACE = 1u << 5,     /* has an in-place form */
    FAC__OP_OUT = 1u << 6,         /* has an out= form */
    FAC__OP_CREATION = 1u << 7,    /* takes dtype, layout, device, requires_grad */
    FAC__OP_UPDATE = 1u << 8,      /* kernel updates a copy of its first tensor in place */
    FAC__OP_FUNCTION = 1u << 9,    /* facula.name */
    FAC__OP_METHOD = 1u << 10,     /* Tensor.name */
    FAC__OP_RANDOM = 1u << 11,     /* draws from a generator */
    FAC__OP_MUTATES = 1u << 12,    /* only exists in place: its first tensor is its output */
    FAC__OP_NO_GRAD = 1u << 13,    /* no output is differentiable */
    FAC__OP_NUMBERS_OK = 1u << 14, /* function form takes a number for the first tensor */
    FAC__OP_TUPLE = 1u << 15,      /* returns a named tuple: struct_name and field names */
    FAC__OP_SPARSE = 1u << 16,     /* handles sparse arguments itself */
    FAC__OP_MOVES = 1u << 17,      /* kernel copies between devices */
    FAC__OP_CHECKED = 1u << 18,    /* has parameters that C callers can get wrong */
    FAC__OP_APART = 1u << 19,      /* out= may share no memory with an input */
};

/* What dtype a pointwise op computes in and returns. */
enum fac__dtypes {
    FAC__D_PROMOTE,   /* the common dtype */
    FAC__D_NUMBER,    /* the common dtype; bool becomes int64 */
    FAC__D_FLOAT,     /* the common dtype; integers become the default float */
    FAC__D_COMPARE,   /* computes in the common dtype, returns bool */
    FAC__D_BOOL,      /* like COMPARE, but every dtype is allowed and none is converted */
    FAC__D_ABS,       /* complex returns its real dtype */
    FAC__D_FLOAT_ABS, /* FLOAT, and complex returns its real dtype */
    FAC__D_COMPLEX,   /* real in, the complex dtype of it out */
    FAC__D_COND,      /* first operand is a condition, the rest promote */
    FAC__D_SELF,      /* the first tensor's dtype, whatever the others are */
};

struct fac__op;
typedef struct fac__op fac__op;

/* Results of a call. v points at `small` or, for more than four, at the heap. given[i] is what
 * in-place and out= forms write into. */
typedef struct {
    int n;
    int capacity;
    fac_tensor **v;
    fac_tensor *small[4];
    fac_tensor *given[4];
    uint8_t how;       /* a FAC__CALL_ value */
    bool direct;       /* kernels may write into given[] at once: no input shares its memory */
    fac_scalar number; /* of ops that return one */
} fac__outs;

enum { FAC__CALL_NEW = 0, FAC__CALL_INPLACE = 1, FAC__CALL_OUT = 2 };

typedef int fac__exec_fn(const fac__op *op, void *args, fac__outs *outs);

/* Refuses what a pointwise op doesn't take, given the common dtype of its operands. */
typedef int fac__check_fn(const fac__op *op, const void *args, const fac__outs *outs,
                          fac_dtype common);

/* What a gradient function is given; see src/autograd/autograd.h. */
struct fac__vjp;
typedef void fac__vjp_fn(struct fac__vjp *v);

/* For one differentiable tensor parameter: bits over tensor parameters whose values, or whose
 * shapes alone, its gradient reads, and bits over outputs. */
typedef struct {
    uint8_t tensor_index;
    uint32_t values;
    uint32_t shapes;
    uint32_t results;
} fac__saves;

struct fac__op {
    const char *name;         /* "add" */
    const char *overload;     /* "Tensor", or "" */
    const char *python;       /* the Python name, "max" for max_dim */
    const char *node;         /* "AddBackward0", or NULL */
    const char *node_dim;     /* the node's name where the argument `dim` is given, or NULL */
    const char *node_number;  /* where the first operand is a number: "RsubBackward1" */
    const char *node_tensors; /* where both operands are tensors: "PowBackward1" */
    const char *node_inplace; /* where the in-place form has another: "TBackward1" */
    const char *kernel;       /* the rows' name in back ends */
    const char *label;        /* what PyTorch calls the kernel where a dtype is missing */
    const char *struct_name;  /* of a named tuple: "torch.return_types.max", or NULL */
    const char *out_dtype;    /* what is said of an out= of another dtype; NULL: it is converted */
    const char *const *out_names;
    const fac__param *params;
    const void *defaults; /* an argument struct with those of optional parameters, NULL: zeros */
    fac__exec_fn *exec;
    fac__exec_fn *rule;   /* structured ops: makes the outputs, touches no data */
    fac__check_fn *check; /* of pointwise ops, or NULL */
    fac__vjp_fn *vjp;
    const fac__saves *saves;
    uint16_t id;
    uint16_t args_size;
    uint16_t dim_given; /* offset of the flag that node_dim asks */
    uint32_t flags;
    uint32_t required; /* bits over params */
    uint8_t nparams;
    uint8_t nout;
    uint8_t nsaves;
    uint8_t dtypes; /* a fac__dtypes value, for pointwise ops */
    uint8_t ntensors;
    uint8_t nlists;
    uint16_t tensor_offsets[8]; /* of Tensor, Tensor? and Value parameters, in order */
    uint16_t list_offsets[6];
    uint32_t nondiff_outputs; /* bits */
    uint8_t nnumbers;         /* parameters passed to pointwise kernels as ctx slots */
    uint8_t numbers[4];       /* their positions in params */
};

/* --- thread state ---------------------------------------------------------------------------- */

/* Active levels; the gate ORs them with the arguments' features. Same bit space, upper half. */
enum {
    FAC__L_FUNCTION = 1u << 24,
    FAC__L_TRANSFORM = 1u << 25,
    FAC__L_DISPATCH = 1u << 26,
    FAC__L_BELOW = 1u << 27, /* in a dispatch handler: neither transformed nor recorded again */
    FAC__L_VMAP = 1u << 28,  /* within vmap: random ops need to know */
    FAC__L_ANY = FAC__L_FUNCTION | FAC__L_TRANSFORM | FAC__L_DISPATCH | FAC__L_BELOW | FAC__L_VMAP,
    FAC__L_CAPTURE = 1u << 23, /* a step is recorded: values are not to be read */
    FAC__L_ABSENT = 1u << 22,  /* some tensor argument is NULL */
    /* For the Python extension alone: a TorchFunctionMode is active; subclasses are ignored. */
    FAC__L_PYTHON = 1u << 29,
    FAC__L_NO_SUBCLASS = 1u << 30,
};

struct fac__error {
    fac_error_code code;
    char *text; /* heap, or `small` */
    const char *op;
    void *payload; /* opaque, with its destructor */
    void (*free_payload)(void *);
    char small[160];
};

typedef struct fac__thread {
    uint32_t levels;  /* active FAC__L_ bits */
    bool grad_mode;   /* true: record */
    bool grad_wished; /* what is_grad_enabled() says in inference mode, which records nothing */
    bool inference;   /* inference mode */
    bool graph_task_partial; /* the backward under way is by chosen inputs only */
    bool anomaly, anomaly_check_nan;
    struct fac_scope *scope;    /* innermost, NULL: the root scope */
    struct fac__mode *modes[3]; /* innermost first, by fac__level */
    struct fac__error error;
    uint64_t node_sequence;
    uint64_t graph_task;           /* number of the backward under way, from 1; 0: none */
    struct task *walking;          /* that backward, as the engine knows it */
    struct fac_node *current_node; /* being evaluated by backward */
    struct fac_node *dying;        /* nodes waiting to be freed, see fac__node_release */
    struct fac__autograd *records; /* the same of tensors' records, see fac__autograd_free */
    bool releasing, freeing;       /* whether somebody further out empties these lists */
    void *saved_hooks;             /* stack of saved-tensor hooks */
} fac__thread;

/* initial-exec: one instruction to reach it, at the price of a few bytes of static TLS. */
extern _Thread_local fac__thread fac__tls __attribute__((tls_model("initial-exec")));

/* A handler at one of the levels. While it runs, its own level is left: what it calls goes to the
 * next one. */
typedef struct fac__mode {
    struct fac__mode *next;
    int (*call)(struct fac__mode *self, const fac__op *op, void *args, fac__outs *outs);
    void *context;
} fac__mode;

enum fac__level { FAC__LEVEL_FUNCTION, FAC__LEVEL_TRANSFORM, FAC__LEVEL_DISPATCH };
void fac__mode_push(enum fac__level level, fac__mode *mode);
void fac__mode_pop(enum fac__level level);

/* --- the gate -------------------------------------------------------------------------------- */

/* Runs an op through every level. 0, or -1 with the error set and no outputs. The results in
 * outs->v are the caller's references. */
int fac__call(const fac__op *op, void *args, fac__outs *outs);
/* The same, where the caller has gathered what the arguments ask for. */
int fac__call_as(const fac__op *op, void *args, fac__outs *outs, uint32_t features);
/* Below autograd: dispatch modes, conjugate and negative views, then the device. */
int fac__dispatch(const fac__op *op, void *args, fac__outs *outs);

static inline void fac__outs_init(fac__outs *o, int n) {
    o->n = n;
    o->capacity = 4;
    o->v = o->small;
    o->how = FAC__CALL_NEW;
    o->direct = false;
    o->small[0] = o->small[1] = o->small[2] = o->small[3] = NULL;
}
int fac__outs_resize(fac__outs *o, int n); /* for FAC__OP_LIST */
void fac__outs_clear(fac__outs *o);        /* releases what is there */
static inline void fac__outs_done(fac__outs *o) {
    extern void free(void *);
    if (o->v != o->small)
        free(o->v);
}

/* Output i of a call: the given tensor where it fits, else a new one. -1 on error. */
int fac__out(fac__outs *outs, int i, int ndim, const int64_t *sizes, const int64_t *strides,
             fac_dtype dtype, fac_device device);

/* For generated wrappers and composites: calls, and hands the result to the open scope. */
fac_tensor *fac__api_call(const fac__op *op, void *args);
fac_tensor *fac__api_inplace(const fac__op *op, void *args);
fac_tensor *fac__api_out(const fac__op *op, void *args, fac_tensor *out);
/* Several results, borrowed from the scope; 0, or -1 with every result fac_bad. */
int fac__api_multi(const fac__op *op, void *args, int n, fac_tensor **results);
int fac__api_failed(int n, fac_tensor **results);
/* A list, empty where the call failed. */
fac_tensors fac__api_list(const fac__op *op, void *args);
fac_tensors fac__api_no_list(void);
extern fac_tensor *const fac__bad_list[FAC_MAX_DIMS]; /* its values */
fac_scalar fac__api_number(const fac__op *op, void *args);
/* -1: the list does not hold as many tensors as it says. */
int fac__check_list(const char *function, fac_tensors l);
/* Note [Options]: the caller's struct, or `room` filled from it; NULL sets the error. */
const void *fac__options_other(const void *given, void *room, size_t size);
static inline const void *fac__options(const void *given, void *room, size_t size) {
    return FAC_LIKELY(given != NULL && *(const size_t *)given == size)
               ? given
               : fac__options_other(given, room, size);
}
/* Of a value, the number is read only where there is one: whole, it would be loaded in wider pieces
 * than the caller has just stored it in, and wait for them. NULL is not given. */
static inline void fac__set_value(fac_value *to, const fac_value *from) {
    if (from == NULL)
        return;
    to->tensor = from->tensor;
    if (from->tensor == NULL)
        to->number = from->number;
}
/* Puts a counted reference into the innermost scope and returns it borrowed. */
fac_tensor *fac__scope_adopt(fac_tensor *t);
/* Room for a list that lives as long as the innermost scope. */
fac_tensor **fac__scope_array(int n);

/* Subscripts, see facula/indexing.h: a new reference or NULL; 0 or -1. */
fac_tensor *fac__index_get(fac_tensor *t, const fac_subscript *items, int n);
int fac__index_set(fac_tensor *t, const fac_subscript *items, int n, fac_value value);

int fac__write_back(const fac__op *op, fac__outs *outs); /* what given[] asked for, after exec */

/* --- exec functions -------------------------------------------------------------------------- */

fac__exec_fn fac__exec_pointwise;
fac__exec_fn fac__exec_structured;                                   /* rule, then kernel */
fac__kernel *fac__find_kernel(const fac__op *op, fac_device device); /* NULL sets the error */
fac__loop *const *fac__find_loops(const fac__op *op, fac_device device);
int fac__run_kernel(const fac__op *op, const void *args, fac__outs *outs, fac_device device);

static inline fac_tensor *fac__arg_tensor(const void *args, uint16_t offset) {
    return *(fac_tensor *const *)((const char *)args + offset);
}

/* The features of all tensor arguments, and FAC__L_ABSENT. */
static inline uint32_t fac__features_of(const fac__op *op, const void *args) {
    uint32_t f = 0;
    for (int i = 0; i < op->ntensors; i++) {
        const fac_tensor *t = fac__arg_tensor(args, op->tensor_offsets[i]);
        f |= t != NULL ? t->features : FAC__L_ABSENT;
    }
    for (int i = 0; i < op->nlists; i++) {
        const fac_tensors *l = (const fac_tensors *)((const char *)args + op->list_offsets[i]);
        for (int k = 0; k < l->n; k++)
            if (l->values[k] != NULL)
                f |= l->values[k]->features;
    }
    return f;
}

/* --- tensors --------------------------------------------------------------------------------- */

fac_tensor *fac__tensor_new(int ndim); /* a shell: no storage, sizes unset */
int fac__tensor_set_rank(fac_tensor *t, int ndim);
int fac__tensor_flags(fac_tensor *t); /* recomputes numel and the cached features; or -1 */
fac_tensor *fac__tensor_from_storage(fac_storage *s /* stolen */, int ndim, const int64_t *sizes,
                                     const int64_t *strides, int64_t offset, fac_dtype dtype);
/* Uninitialised and contiguous, with the sizes and device of t, none of which is 0. */
fac_tensor *fac__empty_as(const fac_tensor *t, fac_dtype dtype);
void fac__tensor_set_storage(fac_tensor *t, fac_storage *s /* stolen */);
fac_storage *fac__storage_new(size_t nbytes, fac_device device);
fac_storage *fac__storage_wrap(void *data, size_t nbytes, fac_device device, fac__free_fn *free,
                               void *context);
fac_storage *fac__storage_retain(fac_storage *s);
void fac__storage_release(fac_storage *s);
int fac__storage_resize(fac_storage *s, size_t nbytes);
/* Takes the storage's bytes to memory of the same size, which free_fn frees from then on. */
int fac__storage_move(fac_storage *s, char *data, fac__free_fn *free_fn, void *context);
/* Note [Resized storages]: whether a shared storage has moved since the process began. From then on
 * tensors are brought to their storage's address before they are used. */
extern _Atomic bool fac__moved_any;
static inline bool fac__any_moved(void) {
    return FAC_UNLIKELY(atomic_load_explicit(&fac__moved_any, memory_order_relaxed));
}
bool fac__follow(fac_tensor *t); /* false: the storage has become too small for t */
void fac__contiguous_strides(int ndim, const int64_t *sizes, int64_t *strides);
int fac__format_strides(int ndim, const int64_t *sizes, fac_memory_format format, int64_t *strides);
bool fac__is_format(const fac_tensor *t, fac_memory_format format);
fac_memory_format fac__suggest_format(const fac_tensor *t);
int64_t fac__numel_of(int ndim, const int64_t *sizes);           /* -1 on overflow */
int fac__resize_(fac_tensor *t, int ndim, const int64_t *sizes); /* as Tensor.resize_ */
void fac__restride(fac_tensor *t, const int64_t *strides);       /* of as many elements */
/* `out` takes the result's sizes, with a warning where it had elements of its own; creation and
 * random numbers do so in silence, as in PyTorch. */
int fac__resize_out(const fac__op *op, fac_tensor *out, int ndim, const int64_t *sizes);

/* -1 where a result of this dtype cannot go into `out`, which is given in place or by out=. */
int fac__check_out_dtype(const fac__op *op, fac_dtype result, const fac_tensor *out, int how);

extern _Atomic bool fac__warn_always; /* what is said once a process is said every time */
/* Both return -1 where the handler turned the warning into an error. */
int fac__warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fac__warn_once(atomic_flag *said, const char *text);
fac_tensor *fac__shallow_copy(const fac_tensor *t);  /* same storage, no autograd, own version */
struct fac__version *fac__version_of(fac_tensor *t); /* makes it, NULL: no memory */
struct fac__version *fac__version_new(void);
void fac__version_release(struct fac__version *v);
uint32_t fac__version_value(const fac_tensor *t);
int fac__bump_version(fac_tensor *t);
/* Note [Wrapper lifetimes]: called when the last reference but a wrapper's goes. */
extern void (*fac__wrapper_free)(void *wrapper);

static inline bool fac__is_contig(const fac_tensor *t) {
    return (t->features & FAC__CONTIGUOUS) != 0;
}
/* Contiguous, and in dimensions of one element, too, of the strides that a new tensor has. */
static inline bool fac__is_plain(const fac_tensor *t) {
    int64_t step = 1;
    bool plain = fac__is_contig(t);
    for (int i = t->ndim - 1; i >= 0 && plain; i--) {
        plain = t->strides[i] == step;
        step *= t->sizes[i];
    }
    return plain;
}
static inline bool fac__same_device(fac_device a, fac_device b) {
    return a.type == b.type && (a.index == b.index || a.type == FAC_CPU || a.type == FAC_META);
}
static inline bool fac__defined(const fac_tensor *t) {
    return t != NULL;
}

/* Copies src's elements into dst: broadcasts, converts. No autograd, no version. */
int fac__copy_into(fac_tensor *dst, fac_tensor *src);
int fac__fill_into(fac_tensor *dst, fac_scalar value);
fac_tensor *fac__clone(fac_tensor *t, fac_memory_format format);
/* A zero-dim tensor holding the number, flagged FAC__NUMBER. */
fac_tensor *fac__scalar_tensor(fac_scalar s, fac_dtype dtype, fac_device device);
/* Zeros for ops to write parts of `like` into: of its dtype and device, and in every vmap that it
 * is in. Borrowed from the open scope. */
fac_tensor *fac__new_zeros(fac_tensor *like, fac_ints sizes);
/* A zero-dim tensor's element. */
int fac__item(fac_tensor *t, fac_scalar *out);

/* dim in [-n, n) made non-negative; -1 sets PyTorch's IndexError. */
int fac__wrap_dim(int64_t dim, int ndim);
int64_t fac__norm_dims(fac_ints dims, int ndim, int *out); /* count, or -1 */

/* --- dtypes ---------------------------------------------------------------------------------- */

typedef struct {
    fac_dtype dim, zero, number; /* the highest seen among each class */
} fac__promotion;
void fac__promote_add(fac__promotion *p, const fac_tensor *t);
void fac__promote_number(fac__promotion *p, fac_scalar s);
fac_dtype fac__promoted(const fac__promotion *p);
fac_dtype fac__real_of(fac_dtype d);
fac_dtype fac__complex_of(fac_dtype d);
fac_dtype fac__opmath(fac_dtype d); /* float32 for float16 and bfloat16 */
bool fac__can_cast(fac_dtype from, fac_dtype to);
int fac__category(fac_dtype d);                 /* 0 bool, 1 integer, 2 float, 3 complex */
const char *fac__scalar_type_name(fac_dtype d); /* "Float", as in PyTorch's messages */
const char *fac__c_type_name(fac_dtype d);      /* "long int", where PyTorch's messages say that */
static inline bool fac__is_float(fac_dtype d) {
    return d >= FAC_FLOAT16 && d <= FAC_FLOAT64;
}
static inline bool fac__is_complex(fac_dtype d) {
    return d >= FAC_COMPLEX64;
}
static inline bool fac__is_integral(fac_dtype d, bool with_bool) {
    return d <= FAC_UINT64 && (with_bool || d != FAC_BOOL);
}
/* Of these PyTorch has few kernels. */
static inline bool fac__is_wide_unsigned(fac_dtype d) {
    return d >= FAC_UINT16 && d <= FAC_UINT64;
}
double fac__scalar_double(fac_scalar s);
/* -1 with PyTorch's error where the number is out of the dtype's range. */
int fac__check_fits(fac_scalar s, fac_dtype d);
int fac__check_fits_finite(fac_scalar s, fac_dtype d); /* half types too, whose infinity is near */
int64_t fac__scalar_int(fac_scalar s);
fac_complex128 fac__scalar_complex(fac_scalar s);
static inline bool fac__given(fac_scalar s) {
    return s.kind != FAC_DTYPE_NONE;
}
/* Of one of the kinds that a scalar may have. */
static inline bool fac__is_number(fac_scalar s) {
    return s.kind == FAC_BOOL || s.kind == FAC_INT64 || s.kind == FAC_UINT64 ||
           s.kind == FAC_FLOAT64 || s.kind == FAC_COMPLEX128;
}

/* --- backends -------------------------------------------------------------------------------- */

int fac__backend_register(fac_device_type type, const char *name,
                          const fac__family *const *families, int n);
void fac__core_init(void);                         /* once a process; cheap afterwards */
const char *fac__device_name(fac_device d);        /* "cpu", in a static table */
int fac__fail_devices(fac_device a, fac_device b); /* arguments on both: sets the error */

/* --- errors ---------------------------------------------------------------------------------- */

/* Text of a shape for messages: "[2, 3]"; a ring of buffers a thread. */
const char *fac__shape_text(int ndim, const int64_t *sizes);
void fac__error_op(const fac__op *op);
/* Moves a worker's error to this thread. */
void fac__error_take(struct fac__error *out);
void fac__error_put(struct fac__error *in);

extern fac_tensor fac__bad_tensor;
static inline bool fac__is_bad(const fac_tensor *t) {
    return t == &fac__bad_tensor;
}

#endif
