/* Nodes: one block of memory each, released without recursion. */
#include "autograd.h"

#include "../core/alloc.h"
#include "../gen/ops.h"
#include <facula/autograd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *(*fac__anomaly_trace)(void);
void (*fac__anomaly_tell)(const fac_node *node);

static size_t align(size_t n) {
    return (n + 15) & ~(size_t)15;
}

fac_node *fac__node_new(const fac__node_type *type, uint32_t nedges, uint32_t noutputs,
                        uint32_t nsaved, size_t extra) {
    size_t edges = nedges <= 3 ? 0 : align(sizeof(fac__edge) * nedges);
    size_t outputs = noutputs <= 1 ? 0 : align(sizeof(fac__meta) * noutputs);
    size_t saved = align(sizeof(fac__saved) * nsaved);
    size_t head = align(sizeof(fac_node)), block = head + edges + outputs + saved + align(extra);
    fac_node *n = fac__object_alloc(block);
    if (n == NULL)
        return NULL;
    memset(n, 0, block);
    char *at = (char *)n + head;
    atomic_init(&n->refs, 1);
    n->type = type;
    n->nedges = nedges;
    n->noutputs = noutputs;
    n->nsaved = nsaved;
    n->block = block;
    n->edges = edges == 0 ? n->inline_edges : (fac__edge *)(void *)at;
    at += edges;
    n->outputs = outputs == 0 ? &n->inline_output : (fac__meta *)(void *)at;
    at += outputs;
    n->saved = (fac__saved *)(void *)at;
    n->args = at + saved;
    n->sequence = fac__tls.node_sequence++;
    if (FAC_UNLIKELY(fac__tls.anomaly) && fac__anomaly_trace != NULL)
        n->trace = fac__anomaly_trace();
    return n;
}

fac_node *fac__node_retain(fac_node *node) {
    if (node != NULL)
        atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
    return node;
}

static void node_free(fac_node *n) {
    if (n->type->release_saved != NULL)
        n->type->release_saved(n);
    if (n->type->free != NULL)
        n->type->free(n);
    for (uint32_t i = 0; i < n->nedges; i++)
        fac__node_release(n->edges[i].node);
    for (uint32_t i = 0; i < n->noutputs; i++)
        if (n->outputs[i].sizes != NULL && n->outputs[i].sizes != n->outputs[i].inline_sizes)
            free(n->outputs[i].sizes);
    while (n->hooks != NULL) {
        fac__hook *h = n->hooks;
        n->hooks = h->next;
        h->free(h->ctx);
        free(h);
    }
    if (n->parent != NULL)
        fac__node_release(n->parent);
    free(n->trace);
    fac__object_free(n, n->block);
}

/* A node's fields may hold the last reference to the next node, and so on for a million: nodes met
 * while one is being freed wait in a list. */
void fac__node_release(fac_node *node) {
    if (node == NULL)
        return;
    if (atomic_load_explicit(&node->refs, memory_order_acquire) != 1 &&
        atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) != 1)
        return;
    node->wrapper =
        (void *)fac__tls.dying; /* a dead node has no wrapper: the slot links the list */
    fac__tls.dying = node;
    if (fac__tls.releasing)
        return;
    fac__tls.releasing = true;
    while (fac__tls.dying != NULL) {
        fac_node *n = fac__tls.dying;
        fac__tls.dying = n->wrapper;
        n->wrapper = NULL;
        node_free(n);
    }
    fac__tls.releasing = false;
}

/* PyTorch computes linear by other ops, whose last one is the node that programs see. */
static const char *linear_name(const fac_node *node) {
    int n = node->outputs[0].ndim;
    if ((node->flags & FAC__NODE_BIASED) != 0)
        return n == 2 ? "AddmmBackward0" : "ViewBackward0";
    return n == 2 ? "MmBackward0" : n == 1 ? "SqueezeBackward4" : "UnsafeViewBackward0";
}

static bool is_number(const fac_node *node, const fac__param *p) {
    const char *field = (const char *)node->args + p->offset;
    return p->type == FAC__T_VALUE &&
           ((const fac_value *)(const void *)field)->number.kind != FAC_DTYPE_NONE;
}

bool fac__edges_seen(const fac_node *node, uint32_t order[3], uint32_t *n) {
    const fac__op *op = node->op;
    *n = 0;
    if (node->type->name != NULL || op == NULL || node->nedges > 3)
        return false;
    if (op == &fac__op_linear) {
        bool biased = (node->flags & FAC__NODE_BIASED) != 0;
        for (uint32_t i = 0; i < 3; i++)
            order[i] = biased ? (i + 2) % 3 : i;
        *n = biased ? 3 : 2;
        return true;
    }
    if (op->node_number == NULL && op->node_tensors == NULL)
        return false;
    /* with node_number alone, only a number that comes first has a form of its own */
    int hidden = op->node_tensors != NULL ? op->nparams : 1;
    for (uint32_t i = 0; i < node->nedges; i++)
        for (int k = 0; k < op->nparams; k++)
            if (op->params[k].tensor_index == op->saves[i].tensor_index &&
                !(k < hidden && is_number(node, &op->params[k])))
                order[(*n)++] = i;
    return *n < node->nedges;
}

const char *fac__node_name(const fac_node *node) {
    if (node->type->name != NULL)
        return node->type->name;
    const fac__op *op = node->op;
    if (op == NULL)
        return fac__overwritten_name(node);
    if (op == &fac__op_linear)
        return linear_name(node);
    if ((node->flags & FAC__NODE_INPLACE) != 0 && op->node_inplace != NULL)
        return op->node_inplace;
    if (op->node_number != NULL && is_number(node, &op->params[0]))
        return op->node_number;
    if (op->node_tensors != NULL) {
        bool number = false;
        for (int i = 0; i < op->nparams; i++)
            number |= is_number(node, &op->params[i]);
        if (!number)
            return op->node_tensors;
    }
    bool dim = op->node_dim != NULL && *((const bool *)node->args + op->dim_given);
    return dim ? op->node_dim : op->node;
}

const char *fac__node_brief(const fac_node *node, char *room, size_t size) {
    snprintf(room, size, "%s", fac__node_full_name(node));
    size_t n = strlen(room);
    while (n > 0 && room[n - 1] >= '0' && room[n - 1] <= '9')
        n--;
    if (n >= 8 && memcmp(room + n - 8, "Backward", 8) == 0)
        room[n - 8] = 0;
    return room;
}

const char *fac__node_full_name(const fac_node *node) {
    const char *name = fac__node_name(node);
    return strcmp(name, "CopySlices") == 0       ? "torch::autograd::CopySlices"
           : strcmp(name, "AccumulateGrad") == 0 ? "torch::autograd::AccumulateGrad"
           : strcmp(name, "CopyBackwards") == 0  ? "torch::autograd::CopyBackwards"
                                                 : name;
}

int fac__meta_set(fac__meta *m, const fac_tensor *t) {
    m->ndim = t->ndim;
    m->dtype = t->dtype;
    m->layout = t->layout;
    m->device = t->device;
    m->sizes = m->inline_sizes;
    if (t->ndim > FAC__INLINE_DIMS) {
        m->sizes = malloc(sizeof(int64_t) * (size_t)t->ndim);
        if (m->sizes == NULL) {
            m->ndim = 0;
            return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a shape");
        }
    }
    if (t->ndim > 0)
        memcpy(m->sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    return 0;
}

/* --- saved values ---------------------------------------------------------------------------- */

/* Through the innermost saved-tensor hooks. */
static int save_packed(fac__saved *s, fac_tensor *t) {
    const fac__pack_hooks *h = fac__tls.saved_hooks;
    s->tensor = NULL;
    if (!s->is_output && fac__wants_grad(t)) {
        fac__edge e;
        if (fac__gradient_edge(t, &e) != 0)
            return -1;
        s->origin = e.node;
        s->origin_nr = e.nr;
    }
    bool mode = fac_set_grad_mode(false);
    fac__tls.saved_hooks = NULL; /* what packing saves itself isn't packed */
    s->packed = h->pack(h->ctx, t);
    fac__tls.saved_hooks = (void *)(uintptr_t)h;
    fac_set_grad_mode(mode);
    if (s->packed == NULL) {
        fac__node_release(s->origin);
        s->origin = NULL;
        return -1;
    }
    h->retain(h);
    s->hooks = h;
    return 0;
}

int fac__saved_repack(fac__saved *s, const fac__pack_hooks *h) {
    void *outer = fac__tls.saved_hooks;
    fac_tensor *t = s->tensor;
    fac__tls.saved_hooks = (void *)(uintptr_t)h;
    int r = save_packed(s, t);
    fac__tls.saved_hooks = outer;
    if (r == 0)
        fac__release(t);
    else
        s->tensor = t;
    return r;
}

static fac_tensor *unpack_packed(const fac__saved *s, fac_node *node) {
    fac_tensor *got = s->hooks->unpack(s->hooks->ctx, s->packed);
    fac_node *to = s->is_output ? node : s->origin;
    if (got == NULL || to == NULL)
        return got;
    fac_tensor *t = fac__shallow_copy(got);
    fac__release(got);
    if (t == NULL || to->variable != NULL) {
        /* a leaf's place in the graph is its accumulator's */
        if (t != NULL && fac__set_history(t, to, 0) != 0) {
            fac__release(t);
            return NULL;
        }
        return t;
    }
    if (fac__set_history(t, to, s->is_output ? s->output_nr : s->origin_nr) != 0) {
        fac__release(t);
        return NULL;
    }
    return t;
}

static void mark_saved(const fac_tensor *t) {
    struct fac__autograd *a = t->autograd;
    if (a->base != NULL)
        a = a->base->autograd;
    if (a != NULL && !atomic_load_explicit(&a->saved, memory_order_relaxed))
        atomic_store_explicit(&a->saved, true, memory_order_relaxed);
}

int fac__save(fac__saved *s, fac_tensor *t, bool is_output, uint32_t nr) {
    s->is_output = is_output;
    s->released = false;
    s->output_nr = nr;
    s->packed = NULL;
    if (t == NULL) {
        s->tensor = NULL;
        return 0;
    }
    if (FAC_UNLIKELY(t->features & FAC__INFERENCE))
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
            "inference mode in computation tracked by autograd. To work around this, you can make "
            "a clone to get a normal tensor and use it in autograd, or use `torch.no_grad()` "
            "instead of `torch.inference_mode()`.");
    if (FAC_UNLIKELY(fac__tls.saved_hooks != NULL))
        return save_packed(s, t);
    if (!is_output) {
        if (t->autograd != NULL)
            mark_saved(t);
        s->tensor = fac__retain(t);
        s->version = fac__version_value(t);
        return 0;
    }
    struct fac__version *v = fac__version_of(t);
    fac_tensor *alias = v == NULL ? NULL : fac__shallow_copy(t);
    if (alias == NULL)
        return -1;
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    alias->version = v;
    s->tensor = alias;
    s->version = fac__version_value(t);
    return 0;
}

void fac__saved_release(fac__saved *s) {
    fac_tensor *t = s->tensor;
    s->tensor = NULL;
    s->released = true;
    if (s->packed != NULL) {
        s->hooks->drop(s->hooks->ctx, s->packed);
        s->hooks->release(s->hooks);
        fac__node_release(s->origin);
        s->packed = NULL;
        s->origin = NULL;
    }
    fac__release(t);
}

int fac__released_error(void) {
    return fac__fail(
        FAC_ERROR_RUNTIME,
        "Trying to backward through the graph a second time (or directly access saved tensors "
        "after they have already been freed). Saved intermediate values of the graph are freed "
        "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
        "backward through the graph a second time or if you need to access saved tensors after "
        "calling backward.");
}

static int version_error(const fac__saved *s, const fac_node *node, uint32_t now) {
    const char *hint =
        fac__tls.anomaly
            ? "Hint: the backtrace further above shows the operation that failed to compute its "
              "gradient. The variable in question was changed in there or anywhere later. Good "
              "luck!"
            : "Hint: enable anomaly detection to find the operation that failed to compute its "
              "gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False).";
    static const char type[] = "torch.%sTensor";
    char name[48];
    snprintf(name, sizeof name, type, fac__scalar_type_name((fac_dtype)s->tensor->dtype));
    char of[64];
    if (s->is_output)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "one of the variables needed for gradient computation has been modified "
                         "by an inplace operation: [%s %s], which is output %u of %s, is at "
                         "version %u; expected version %u instead. %s",
                         name, fac__shape_text(s->tensor->ndim, s->tensor->sizes), s->output_nr,
                         fac__node_brief(node, of, sizeof of), now, s->version, hint);
    struct fac__autograd *a = s->tensor->autograd;
    if (a != NULL && a->base != NULL && a->creation == FAC__CREATED_NORMAL)
        (void)fac__grad_fn(s->tensor); /* names the node that the view has since the write */
    if (a != NULL && a->grad_fn != NULL)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "one of the variables needed for gradient computation has been modified "
                         "by an inplace operation: [%s %s], which is output %u of %s, is at "
                         "version %u; expected version %u instead. %s",
                         name, fac__shape_text(s->tensor->ndim, s->tensor->sizes), a->output_nr,
                         fac__node_brief(a->grad_fn, of, sizeof of), now, s->version, hint);
    return fac__fail(FAC_ERROR_RUNTIME,
                     "one of the variables needed for gradient computation has been modified by an "
                     "inplace operation: [%s %s] is at version %u; expected version %u instead. %s",
                     name, fac__shape_text(s->tensor->ndim, s->tensor->sizes), now, s->version,
                     hint);
}

/* NULL without an error: nothing was saved. */
fac_tensor *fac__unpack(const fac__saved *s, fac_node *node) {
    if (s->released) {
        fac__released_error();
        return NULL;
    }
    if (s->packed != NULL)
        return unpack_packed(s, node);
    if (s->tensor == NULL)
        return NULL;
    uint32_t now = fac__version_value(s->tensor);
    if (now != s->version) {
        version_error(s, node, now);
        return NULL;
    }
    if (!s->is_output)
        return fac__retain(s->tensor);
    fac_tensor *t = fac__shallow_copy(s->tensor);
    if (t == NULL)
        return NULL;
    if (s->tensor->version != NULL) {
        atomic_fetch_add_explicit(&s->tensor->version->refs, 1, memory_order_relaxed);
        t->version = s->tensor->version;
    }
    if (!fac__is_float((fac_dtype)t->dtype) && !fac__is_complex((fac_dtype)t->dtype))
        return t; /* as indices of a maximum are */
    if (fac__set_history(t, node, s->output_nr) != 0) {
        fac__release(t);
        return NULL;
    }
    return t;
}
