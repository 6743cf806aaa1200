/* What a back end sees: the layout of tensors, the shape of kernels, and the services of the core.
 *
 * A back end registers rows by operator name; an operator without a row on a device is an error
 * that names both. Kernels are of two shapes:
 *   - a loop (pointwise): strided operands, two dimensions, no knowledge of tensors;
 *   - a kernel (structured): the operator's argument struct and its allocated outputs.
 * Everything here is `fac__` and may change between versions; `FAC_BACKEND_ABI` says when.
 */
#ifndef FACULA_BACKEND_H
#define FACULA_BACKEND_H

#include <facula/error.h>
#include <facula/tensor.h>
#ifndef __cplusplus
#include <stdatomic.h>

#define FAC_BACKEND_ABI 1

/* --- objects --------------------------------------------------------------------------------- */

typedef void fac__free_fn(void *context, void *data, size_t nbytes);

struct fac_storage {
    _Atomic uint32_t refs;
    fac_device device;
    bool resizable;
    bool borrowed; /* memory of somebody else's (NumPy, DLPack, a mapped file) */
    uint8_t block; /* what lies in one block with it, see core/storage.h */
    char *data;
    size_t nbytes;
    fac__free_fn *free; /* NULL: the core's allocator */
    void *free_context;
    void *wrapper;                /* the Python object, which holds the storage; or NULL */
    struct fac__retired *retired; /* memory that it had before it was resized */
};

/* Counts in-place writes. Views and detach() share one; see Note [Version counters]. */
struct fac__version {
    _Atomic uint32_t refs;
    _Atomic uint32_t value;
};

/* Why a tensor may need more than the plain path; the gate ORs them over all arguments. */
enum {
    FAC__GRAD = 1u << 0,       /* requires grad: a leaf that says so, or one with a grad_fn */
    FAC__CONJ = 1u << 1,       /* the memory holds the conjugates of the values */
    FAC__NEG = 1u << 2,        /* the memory holds the negated values */
    FAC__SPARSE = 1u << 3,     /* no strided memory: the payload holds it */
    FAC__WRAPPED = 1u << 4,    /* payload: a transform's wrapper (vmap, grad levels) */
    FAC__DUAL = 1u << 5,       /* carries a forward-mode tangent */
    FAC__INFERENCE = 1u << 6,  /* made under inference mode: no version, no record */
    FAC__NUMBER = 1u << 7,     /* zero-dim, made from a number: promotes as a number does */
    FAC__CONTIGUOUS = 1u << 8, /* cached: row-major without gaps */
    FAC__DENSE = 1u << 9,      /* cached: non-overlapping and dense in some order of dimensions */
    FAC__SHELL = 1u << 10,     /* a shape only: what a node keeps of an input it does not save */
    FAC__VIEW = 1u << 11,      /* differentiable view: the autograd record holds the view record */
    FAC__OVERRIDE = 1u << 12,  /* its Python class has __torch_function__ or __torch_dispatch__ */
    FAC__WHOLE = 1u << 13,     /* its block holds a storage too, see core/storage.h */
    /* Any of these leaves the fast path before autograd. */
    FAC__SLOW = FAC__CONJ | FAC__NEG | FAC__SPARSE | FAC__WRAPPED | FAC__DUAL | FAC__SHELL,
};

/* What a payload slot can do; for tensors that are not plain strided memory. */
struct fac__payload_type {
    const char *name;
    void (*free)(void *payload);
    int (*traverse)(void *payload, int (*visit)(fac_tensor *, void *), void *arg);
};

#define FAC__INLINE_DIMS 5

struct fac_tensor {
    _Atomic uint32_t refs;
    uint32_t features;
    uint8_t dtype;  /* a fac_dtype */
    uint8_t layout; /* a fac_layout */
    fac_device device;
    int32_t ndim;
    int64_t numel;
    int64_t *sizes;   /* inline_dims or the heap */
    int64_t *strides; /* in elements; sizes + (inline rank or ndim) */
    char *data;       /* storage->data + offset * itemsize; NULL on meta */
    int64_t offset;   /* in elements */
    fac_storage *storage;
    struct fac__version *version;   /* NULL: never written in place and not shared: 0 */
    struct fac__autograd *autograd; /* NULL: a plain tensor */
    const struct fac__payload_type *payload_type;
    void *payload;
    void *wrapper; /* the Python object, see Note [Wrapper lifetimes] */
    int64_t inline_dims[2 * FAC__INLINE_DIMS];
};

/* --- kernels --------------------------------------------------------------------------------- */

/* A pointwise loop over n1 rows of n0 elements. data[0] is the output; strides are in bytes,
 * strides[0 .. nargs) along a row and strides[nargs .. 2*nargs) between rows. ctx holds the
 * operator's numbers, one 16-byte slot each, in the type the column computes in; slot FAC__WIDE of
 * float16's and bfloat16's holds as an int which operand is a float of stride 0, 0: none. */
enum { FAC__WIDE = 14 };
typedef void fac__loop(char **data, const ptrdiff_t *strides, ptrdiff_t n0, ptrdiff_t n1,
                       const void *ctx);

typedef struct {
    const char *name;                /* the kernel's name in spec/ */
    fac__loop *loop[FAC_NUM_DTYPES]; /* by compute dtype; NULL: no such column */
} fac__loop_row;

/* A structured kernel. `args` is the operator's generated argument struct, `out` its outputs,
 * allocated by the rule (NULL where the size depends on data: the kernel allocates). Returns 0, or
 * -1 with the thread's error set. */
typedef int fac__kernel(const void *args, fac_tensor **out);

typedef struct {
    const char *name;
    fac__kernel *run;
} fac__kernel_row;

/* Copying elements without looking at them. Strides are in bytes and may be negative, those of the
 * source may be 0; the two sides do not overlap. */
struct fac__moving {
    int ndim;
    const int64_t *sizes;
    char *dst;
    const ptrdiff_t *dst_strides;
    const char *src;
    const ptrdiff_t *src_strides;
    size_t width; /* bytes an element */
};
typedef int fac__move_fn(const struct fac__moving *m);

/* One family's rows; arrays end in a row without a name. */
typedef struct {
    const fac__loop_row *loops;
    const fac__kernel_row *kernels;
} fac__family;

/* Kernel files are compiled once an instruction set; FAC__ISA is base, v3, v4 or neon. All but the
 * table of a file is static; names that cross files carry the suffix. */
#ifdef FAC__ISA
#define FAC__PASTE2(a, b) a##_##b
#define FAC__PASTE(a, b) FAC__PASTE2(a, b)
#define FAC__K(name) FAC__PASTE(name, FAC__ISA)
#endif

/* --- services of the core -------------------------------------------------------------------- */

/* Memory from the caching allocator, 64-byte aligned; NULL sets the error. `nbytes` must be given
 * back as asked for. */
void *fac__alloc(size_t nbytes);
void fac__free(void *p, size_t nbytes);

/* Runs fn(ctx, begin, end) over disjoint pieces of [0, n) of at least `grain` elements, cut by n
 * and grain alone, never by the number of threads. Runs inline while the pool is busy. Returns the
 * first -1 of a piece. */
typedef int fac__range_fn(void *ctx, int64_t begin, int64_t end);
int fac__parallel_for(int64_t n, int64_t grain, fac__range_fn *fn, void *ctx);
int fac__num_threads(void);
/* Tests set a factor that divides every grain, so that small inputs really split. */
extern int64_t fac__grain_override; /* 0: none */

/* Sets the thread's error and returns -1; the first error wins. */
int fac__fail(fac_error_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* New tensors, one reference each; NULL sets the error. strides NULL: row-major. */
fac_tensor *fac__empty(int ndim, const int64_t *sizes, const int64_t *strides, fac_dtype dtype,
                       fac_device device);
/* A new view of t's storage, not differentiable, without a view record. */
fac_tensor *fac__alias(const fac_tensor *t, int ndim, const int64_t *sizes, const int64_t *strides,
                       int64_t offset);
fac_tensor *fac__retain(fac_tensor *t);
void fac__release(fac_tensor *t); /* NULL and fac_bad pass */
/* t itself retained where it is contiguous, otherwise a contiguous copy. No autograd. */
fac_tensor *fac__contiguous(fac_tensor *t);
/* t as `dtype`, contiguous; retained t where it is already. No autograd. */
fac_tensor *fac__cast(fac_tensor *t, fac_dtype dtype);

/* The scalar as an element of `dtype`, into at most 16 bytes. */
void fac__scalar_to(fac_scalar s, fac_dtype dtype, void *out);
/* The element at p as a scalar. */
fac_scalar fac__scalar_from(const void *p, fac_dtype dtype);

static inline size_t fac__itemsize(uint8_t dtype) {
    static const uint8_t sizes[FAC_NUM_DTYPES] = {0,
#define FAC_X(lower, UPPER, type, size) size,
                                                  FAC_DTYPES(FAC_X)
#undef FAC_X
    };
    return sizes[dtype];
}

#endif /* __cplusplus */
#endif
