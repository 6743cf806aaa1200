/* Reverse mode: nodes, edges, saved values and the engine that walks them.
 *
 * The gate records a node for each op whose inputs require grad. A node keeps a copy of the op's
 * argument struct, of which only the tensors named in the spec's `grads` stay; its gradient is a
 * fac__vjp_fn that calls public ops, so that recording it again gives higher derivatives.
 */
#ifndef FAC_AUTOGRAD_H
#define FAC_AUTOGRAD_H

#include "../core/core.h"

typedef struct fac_node fac_node;

typedef struct {
    fac_node *node; /* counted; NULL: no gradient flows here */
    uint32_t nr;    /* which of the node's outputs this was */
} fac__edge;

/* Shape, dtype and device of a node's output: what its gradient must look like. */
typedef struct {
    int32_t ndim;
    uint8_t dtype;
    uint8_t layout;
    fac_device device;
    int64_t inline_sizes[FAC__INLINE_DIMS];
    int64_t *sizes; /* inline_sizes or the heap */
} fac__meta;

/* Note [Saved outputs]: an own output is saved as an alias without its node, and joined to the
 * node again when unpacked; saving it as it is would make a cycle. */
typedef struct {
    fac_tensor *tensor;
    uint32_t version;
    uint32_t output_nr;
    bool is_output;
    bool released;
    uint8_t slot;       /* tensor parameter it fills; 255 for outputs */
    uint8_t list_index; /* within a list parameter */
    void *packed;       /* saved-tensor hooks' own value, instead of tensor */
    const struct fac__pack_hooks *hooks;
    fac_node *origin; /* counted: where the packed tensor's gradient goes */
    uint32_t origin_nr;
} fac__saved;

/* What saves tensors in another form; the innermost of a thread's stack is asked. */
typedef struct fac__pack_hooks {
    void *(*pack)(void *ctx, fac_tensor *t); /* NULL: error set */
    fac_tensor *(*unpack)(void *ctx, void *packed);
    void (*drop)(void *ctx, void *packed);
    void (*retain)(const struct fac__pack_hooks *h);
    void (*release)(const struct fac__pack_hooks *h);
    void *ctx;
} fac__pack_hooks;

/* What hangs on a node: run before, after, or on the captured gradient. The callbacks own ctx. */
typedef struct fac__hook {
    struct fac__hook *next;
    uint64_t id;
    uint8_t kind;
    uint32_t nr; /* output nr, for tensor hooks */
    /* Replaces grads[] in place where it wishes (new references). -1: error set. */
    int (*call)(void *ctx, fac_node *node, fac_tensor **grads_in, int nin, fac_tensor **grads_out,
                int nout);
    int (*traverse)(void *ctx, int (*visit)(void *object, void *arg), void *arg);
    void (*free)(void *ctx);
    void *ctx;
} fac__hook;

enum {
    FAC__HOOK_TENSOR_PRE, /* Tensor.register_hook */
    FAC__HOOK_PRE,        /* Node.register_prehook */
    FAC__HOOK_POST,       /* Node.register_hook */
    FAC__HOOK_RETAIN,     /* retain_grad: after the tensor hooks */
    FAC__HOOK_KEEP,       /* never called: ctx lives as long as the node */
};

typedef struct {
    const char *name; /* NULL: the op's node name */
    /* Gradients of the inputs, one an edge, new references or NULL, from those of the outputs. */
    int (*apply)(fac_node *node, fac_tensor **grads, fac_tensor **inputs);
    void (*release_saved)(fac_node *node);
    void (*free)(fac_node *node);
    int (*traverse)(fac_node *node, int (*visit)(void *object, void *arg), void *arg);
} fac__node_type;

struct fac_node {
    _Atomic uint32_t refs;
    uint32_t flags;
    const fac__node_type *type;
    const fac__op *op;
    uint64_t sequence;
    uint32_t nedges;
    uint32_t noutputs;
    uint32_t nsaved;
    fac__edge *edges;
    fac__meta *outputs;
    fac__saved *saved;
    void *args;   /* op nodes: the argument struct; others: their own */
    size_t block; /* bytes of the single block that holds all of the above */
    fac__hook *hooks;
    void *wrapper;        /* the Python object */
    fac_tensor *variable; /* AccumulateGrad: the leaf, counted */
    fac_node *parent;     /* CopySlices: the node of the op that wrote the region */
    char *trace;          /* anomaly mode: the forward's stack */
    fac__edge inline_edges[3];
    fac__meta inline_output;
};

enum {
    FAC__NODE_RELEASED = 1u << 0,    /* saved values freed by a backward */
    FAC__NODE_INPLACE = 1u << 2,     /* recorded by the in-place form */
    FAC__NODE_MATERIALIZE = 1u << 1, /* NULL gradients become zeros before apply */
    FAC__NODE_ALWAYS = 1u << 3,      /* applied even where no gradient arrived */
    FAC__NODE_BIASED = 1u << 7       /* a linear with bias */
};

/* --- a tensor's record ----------------------------------------------------------------------- */

/* How a differentiable view came to be; in-place writes to it are judged by this. */
enum fac__creation {
    FAC__CREATED_NORMAL,
    FAC__CREATED_MULTI, /* one of several views that one op returned */
    FAC__CREATED_NO_GRAD,
    FAC__CREATED_INFERENCE,
    FAC__CREATED_CUSTOM, /* by a custom Function */
};

/* Note [View record]: the root base, the kind of creation, and the version at which grad_fn was
 * derived. When the base has been written to since, grad_fn is derived again by replaying the view
 * on it as as_strided, which describes any strided view. */

struct fac__autograd {
    bool requires_grad; /* a leaf's wish */
    bool retains_grad;
    uint32_t output_nr;
    fac_node *grad_fn;     /* counted */
    atomic_flag lock;      /* over accumulator, grad, and a view's history while it is renewed */
    fac_node *accumulator; /* weak: the leaf's AccumulateGrad node */
    fac_tensor *grad;      /* counted */
    fac_tensor *base;      /* counted: the root of a differentiable view */
    uint32_t view_version;
    uint8_t creation;   /* a fac__creation */
    _Atomic bool saved; /* a node may hold this tensor, or a view of it */
    uint64_t since;     /* the sequence of its first grad_fn */
    fac__hook *hooks;   /* on a leaf, until its accumulator exists, and after */
    fac__hook *post_accumulate;
    void *tangent;                  /* forward mode */
    struct fac__retainer *retainer; /* retain_grad's hook on grad_fn, which looks back here */
    struct fac__autograd *next;     /* of those that wait to be freed */
};

struct fac__autograd *fac__autograd_of(fac_tensor *t); /* makes it; NULL: no memory */
void fac__autograd_free(fac_tensor *t);
/* Where t's gradient goes, counted; {NULL, 0} where it has none. -1: no memory, or a view that must
 * not be used. */
int fac__gradient_edge(fac_tensor *t, fac__edge *edge);
/* Derives a view's history again where its base was written to since. -1: it must not be used. */
int fac__renew_view(fac_tensor *t);
fac_node *fac__grad_fn(fac_tensor *t); /* borrowed; of the view, renewed */

/* A view requires grad when its base does, whatever it was made under and whenever that began. */
static inline bool fac__wants_grad(const fac_tensor *t) {
    return (t->features & FAC__GRAD) != 0 ||
           ((t->features & FAC__VIEW) != 0 && (t->autograd->base->features & FAC__GRAD) != 0);
}
int fac__set_history(fac_tensor *t, fac_node *node, uint32_t nr); /* steals nothing */

/* Adds a hook after those that are there. Takes ctx, which `release` frees. */
int fac__hook_add(fac__hook **list, uint8_t kind, uint32_t nr,
                  int (*call)(void *, fac_node *, fac_tensor **, int, fac_tensor **, int),
                  void (*release)(void *), void *ctx);

/* Where hooks on t's gradient go (accumulated: hooks on the leaf after it), and as output nr. NULL:
 * no memory. */
fac__hook **fac__tensor_hooks(fac_tensor *t, bool accumulated, uint32_t *nr);

/* Note [Anomaly mode]: while fac__tls.anomaly is set, nodes remember where they were made, as the
 * text that fac__anomaly_trace gives (from malloc; NULL is allowed). A node that fails, or gives
 * nan where anomaly_check_nan is set, is told to fac__anomaly_tell. Bindings set both. */
extern char *(*fac__anomaly_trace)(void);
extern void (*fac__anomaly_tell)(const fac_node *node);

/* --- recording ------------------------------------------------------------------------------- */

/* The autograd level of the gate. */
int fac__record(const fac__op *op, void *args, fac__outs *outs);
fac_node *fac__node_new(const fac__node_type *type, uint32_t nedges, uint32_t noutputs,
                        uint32_t nsaved, size_t extra);
void fac__node_release(fac_node *node);
fac_node *fac__node_retain(fac_node *node);
const char *fac__node_name(const fac_node *node);
const char *fac__node_full_name(const fac_node *node); /* as Node.name() has it */
/* The op behind the node, as messages name it. */
const char *fac__node_brief(const fac_node *node, char *room, size_t size);
/* Whether PyTorch's node has its edges in another order, or fewer of them, of at most three: those
 * of linear() begin with the bias, and where an op has a form for numbers, these have none. */
bool fac__edges_seen(const fac_node *node, uint32_t order[3], uint32_t *n);
int fac__released_error(void); /* fails: saved values are gone */
int fac__meta_set(fac__meta *m, const fac_tensor *t);
fac_tensor *fac__unpack(const fac__saved *s, fac_node *node); /* new reference */
int fac__save(fac__saved *s, fac_tensor *t, bool is_output, uint32_t nr);
void fac__saved_release(fac__saved *s);
/* Packs a tensor that was saved as it is. */
int fac__saved_repack(fac__saved *s, const fac__pack_hooks *h);
extern const fac__node_type fac__accumulate_type;

/* Judges and prepares an in-place write to t by autograd's rules; and joins the node after it. */
int fac__check_inplace(fac_tensor *t, bool grad);
int fac__rebase_history(fac_tensor *t, fac_node *node);
/* Note [Overwritten values]: lets `node` and those behind it go of what they saved of `root`. Nodes
 * behind `old`, root's last grad_fn, and those older than `since` have nothing of it. */
int fac__let_go(fac_tensor *root, fac_node *node, const fac_node *old, uint64_t since);
const char *fac__overwritten_name(const fac_node *node); /* NULL: another node */

/* View ops: makes `out` a differentiable view of `of` (of its root, where `of` is a view). */
int fac__record_view(fac_tensor *of, fac_tensor *out, enum fac__creation creation);
/* Views that no gradient passes (detach): writes to either count for both. */
int fac__share_version(fac_tensor *of, fac_tensor *with);

/* --- gradient functions ---------------------------------------------------------------------- */

struct fac__vjp {
    const fac_node *node;
    const void *args;        /* the op's argument struct with what was saved in place */
    fac_tensor *const *grad; /* of the outputs; never NULL for single outputs */
    fac_tensor *const *out;  /* saved outputs, NULL where not saved */
    fac_tensor **in;         /* borrowed from the open scope, one an edge; NULL: none */
    const uint8_t *needs;    /* one an edge */
};

static inline bool fac__needs(const struct fac__vjp *v, int edge) {
    return v->needs[edge] != 0;
}

/* A gradient function; a is the op's arguments, g the gradient of its only (or first) output. */
#define FAC__VJP(op)                                                                               \
    static void vjp_##op(struct fac__vjp *v, const struct fac__##op##_args *a, fac_tensor *g);     \
    void fac__vjp_##op(struct fac__vjp *v) {                                                       \
        vjp_##op(v, v->args, v->grad[0]);                                                          \
    }                                                                                              \
    static void vjp_##op(struct fac__vjp *v, const struct fac__##op##_args *a, fac_tensor *g)

/* --- the engine ------------------------------------------------------------------------------ */

typedef struct {
    fac_tensor *const *outputs;
    fac_tensor *const *gradients; /* entries may be NULL */
    int noutputs;
    fac_tensor *const *inputs; /* NULL: accumulate into leaves */
    int ninputs;
    bool retain_graph, create_graph, accumulate, allow_unused;
} fac__backward_args;

/* results[i]: new references or NULL, only where !accumulate. */
int fac__run_backward(const fac__backward_args *a, fac_tensor **results);

/* Whether the backward under way in this thread reaches the node, and wants to. */
bool fac__will_run(const fac_node *node);

#endif
