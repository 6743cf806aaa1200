/* A tensor's autograd record: leaf or result, view or base, and what an in-place write does to
 * it. */
#include "autograd.h"

#include "../core/alloc.h"
#include "../levels/levels.h"
#include "helpers.h"
#include <facula/autograd.h>
#include <facula/ops.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fac__autograd *fac__autograd_of(fac_tensor *t) {
    if (t->autograd == NULL) {
        struct fac__autograd *a = fac__object_alloc(sizeof *a);
        if (a == NULL)
            return NULL;
        memset(a, 0, sizeof *a);
        atomic_flag_clear(&a->lock);
        t->autograd = a;
    }
    return t->autograd;
}

/* What retain_grad() leaves at grad_fn; `tensor` is cleared when that tensor goes. */
struct fac__retainer {
    fac_tensor *tensor;
};

static void free_hooks(fac__hook *h) {
    while (h != NULL) {
        fac__hook *next = h->next;
        h->free(h->ctx);
        free(h);
        h = next;
    }
}

static void record_free(struct fac__autograd *a) {
    fac__node_release(a->grad_fn);
    fac__release(a->grad);
    fac__release(a->base);
    fac__tangents_free(a->tangent);
    free_hooks(a->hooks);
    free_hooks(a->post_accumulate);
    fac__object_free(a, sizeof *a);
}

/* A record may hold the last reference to a tensor, by its gradient or a hook's user, and that
 * one's record to another: records met while one is being freed wait in a list. */
void fac__autograd_free(fac_tensor *t) {
    struct fac__autograd *a = t->autograd;
    t->autograd = NULL;
    if (a->retainer != NULL)
        a->retainer->tensor = NULL;
    a->retainer = NULL;
    a->next = fac__tls.records;
    fac__tls.records = a;
    if (fac__tls.freeing)
        return;
    fac__tls.freeing = true;
    while ((a = fac__tls.records) != NULL) {
        fac__tls.records = a->next;
        record_free(a);
    }
    fac__tls.freeing = false;
}

int fac__hook_add(fac__hook **list, uint8_t kind, uint32_t nr,
                  int (*call)(void *, fac_node *, fac_tensor **, int, fac_tensor **, int),
                  void (*release)(void *), void *ctx) {
    fac__hook *h = calloc(1, sizeof *h);
    if (h == NULL) {
        release(ctx);
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a hook");
    }
    h->kind = kind;
    h->nr = nr;
    h->call = call;
    h->free = release;
    h->ctx = ctx;
    while (*list != NULL)
        list = &(*list)->next;
    *list = h;
    return 0;
}

/* --- AccumulateGrad: where gradients come to rest ----------------------------------------------
 */

static void lock(struct fac__autograd *a) {
    while (atomic_flag_test_and_set_explicit(&a->lock, memory_order_acquire))
        sched_yield();
}

static void unlock(struct fac__autograd *a) {
    atomic_flag_clear_explicit(&a->lock, memory_order_release);
}

static void accumulate_free(fac_node *node) {
    fac_tensor *t = node->variable;
    if (t->autograd != NULL) {
        lock(t->autograd);
        if (t->autograd->accumulator == node)
            t->autograd->accumulator = NULL;
        unlock(t->autograd);
    }
    fac__release(t);
}

/* A gradient that nobody else holds becomes .grad itself; otherwise it is copied into the
 * parameter's own strides. */
static fac_tensor *first_grad(fac_tensor *variable, fac_tensor *g) {
    bool sole = atomic_load(&g->refs) == 1 && g->storage != NULL &&
                atomic_load(&g->storage->refs) == 1 && !g->storage->borrowed;
    bool same = g->ndim == variable->ndim;
    for (int i = 0; same && i < g->ndim; i++)
        same = g->strides[i] == variable->strides[i] || g->sizes[i] == 1;
    bool dense = (variable->features & FAC__DENSE) != 0;
    if (fac__tls.grad_mode && !(g->features & FAC__SPARSE)) {
        fac_scope *scope = fac_scope_open();
        fac_ints sizes = {g->sizes, g->ndim, true};
        fac_ints strides = {dense ? variable->strides : g->strides, g->ndim, true};
        fac_tensor *t = fac_bad;
        if (scope != NULL && !(g->features & FAC__WRAPPED) && (dense || g->features & FAC__DENSE))
            t = fac_copy_(fac_empty_strided(sizes, strides, .dtype = (fac_dtype)g->dtype,
                                            .device = g->device),
                          g);
        else if (scope != NULL)
            t = fac_clone(g);
        t = fac__is_bad(t) ? NULL : fac__retain(t);
        fac_scope_close(scope);
        return t;
    }
    if (!(g->features & (FAC__SLOW & ~FAC__SPARSE)) && sole &&
        (same || (!dense && fac__is_contig(g)))) {
        if (!(g->features & FAC__GRAD))
            return fac__retain(g);
        return fac__shallow_copy(g);
    }
    if (g->features & FAC__SPARSE)
        return fac__retain(g);
    fac_tensor *copy = fac__empty(g->ndim, g->sizes, dense ? variable->strides : NULL,
                                  (fac_dtype)g->dtype, g->device);
    if (copy != NULL && fac__copy_into(copy, g) != 0) {
        fac__release(copy);
        return NULL;
    }
    return copy;
}

/* The same by ops, for whoever watches the dispatch level. */
static fac_tensor *watched_grad(fac_tensor *variable, fac_tensor *g) {
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return NULL;
    bool same = g->ndim == variable->ndim;
    for (int i = 0; same && i < g->ndim; i++)
        same = g->strides[i] == variable->strides[i] || g->sizes[i] == 1;
    fac_tensor *r = fac__tls.grad_mode ? g : same ? fac_detach(g) : fac_clone(g);
    fac__retain(r);
    fac_scope_close(scope);
    return fac__is_bad(r) ? NULL : r;
}

/* What .grad becomes where g is added to `old` out of place, or is the first; a new reference. */
static fac_tensor *next_grad(fac_tensor *variable, fac_tensor *old, fac_tensor *g) {
    if (old == NULL)
        return fac__tls.levels & FAC__L_DISPATCH ? watched_grad(variable, g)
                                                 : first_grad(variable, g);
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return NULL;
    fac_tensor *sum = fac__retain(fac_add(old, g));
    fac_scope_close(scope);
    return fac__is_bad(sum) ? NULL : sum;
}

static int add_in_place(fac_tensor *grad, fac_tensor *g) {
    fac_scope *scope = fac_scope_open();
    int r = scope == NULL || fac__is_bad(fac_add_(grad, g)) ? -1 : 0;
    fac_scope_close(scope);
    return r;
}

/* Several threads may come with gradients of one leaf. Adding in place is done under its lock,
 * where that calls nothing of the program's: the program may wait for a thread that waits for the
 * lock. Another .grad is made without, and over again where there is a new one meanwhile. */
static int accumulate_into(fac_tensor *variable, fac_tensor *g) {
    struct fac__autograd *a = fac__autograd_of(variable);
    if (a == NULL)
        return -1;
    for (;;) {
        lock(a);
        fac_tensor *old = fac__retain(a->grad);
        bool in_place = old != NULL && !fac__tls.grad_mode && !(old->features & FAC__SPARSE);
        bool calls_back =
            (fac__tls.levels & FAC__L_ANY) || (in_place && (old->features & FAC__OVERRIDE));
        if (!in_place || calls_back)
            unlock(a);
        if (in_place) {
            int r = add_in_place(old, g);
            if (!calls_back)
                unlock(a);
            fac__release(old);
            return r;
        }
        fac_tensor *grad = next_grad(variable, old, g);
        lock(a);
        bool same = a->grad == old;
        if (grad != NULL && same)
            a->grad = grad;
        unlock(a);
        fac__release(old);
        if (grad == NULL)
            return -1;
        fac__release(same ? old : grad); /* .grad's own reference, or what came too late */
        if (same)
            return 0;
    }
}

static int retain_hook(void *ctx, fac_node *node, fac_tensor **grads, int n, fac_tensor **out,
                       int nout) {
    struct fac__retainer *r = ctx;
    (void)node, (void)n, (void)out, (void)nout;
    return r->tensor == NULL ? 0 : accumulate_into(r->tensor, grads[0]);
}

static void retainer_free(void *ctx) {
    struct fac__retainer *r = ctx;
    if (r->tensor != NULL)
        r->tensor->autograd->retainer = NULL;
    free(r);
}

/* A public function's tensor; where there is none, the error is set. */
static bool is_given(const fac_tensor *t, const char *function) {
    if (t == NULL)
        fac__fail(FAC_ERROR_TYPE, "%s: the tensor is NULL", function);
    return t != NULL && !fac__is_bad(t);
}

bool fac_retain_grad(fac_tensor *t) {
    if (!is_given(t, "fac_retain_grad"))
        return false;
    if (!fac_requires_grad(t)) {
        fac__fail(FAC_ERROR_RUNTIME, "can't retain_grad on Tensor that has requires_grad=False");
        return false;
    }
    if (t->autograd != NULL && fac__renew_view(t) != 0)
        return false;
    fac_node *node = fac__grad_fn(t);
    if (node == NULL || t->autograd->retains_grad)
        return true;
    struct fac__retainer *r = malloc(sizeof *r);
    if (r == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a hook");
        return false;
    }
    r->tensor = t;
    if (fac__hook_add(&node->hooks, FAC__HOOK_RETAIN, t->autograd->output_nr, retain_hook,
                      retainer_free, r) != 0)
        return false;
    t->autograd->retainer = r;
    t->autograd->retains_grad = true;
    return true;
}

static int accumulate_apply(fac_node *node, fac_tensor **grads, fac_tensor **inputs) {
    (void)inputs;
    if (grads[0] == NULL)
        return 0;
    struct fac__autograd *a = node->variable->autograd;
    if (!fac_requires_grad(node->variable))
        return 0; /* no longer */
    if (accumulate_into(node->variable, grads[0]) != 0)
        return -1;
    for (fac__hook *h = a->post_accumulate; h != NULL; h = h->next) {
        fac_tensor *v = node->variable;
        if (h->call(h->ctx, node, &v, 1, NULL, 0) != 0)
            return -1;
    }
    return 0;
}

const fac__node_type fac__accumulate_type = {
    .name = "AccumulateGrad", .apply = accumulate_apply, .free = accumulate_free};

static fac_node *accumulator(fac_tensor *t) {
    struct fac__autograd *a = t->autograd;
    lock(a);
    fac_node *n = a->accumulator;
    if (n != NULL) {
        /* the weak reference counts only while the node is not on its way out */
        uint32_t refs = atomic_load(&n->refs);
        while (refs != 0 && !atomic_compare_exchange_weak(&n->refs, &refs, refs + 1)) {
        }
        if (refs == 0)
            n = NULL;
    }
    if (n == NULL) {
        n = fac__node_new(&fac__accumulate_type, 0, 1, 0, 0);
        if (n != NULL) {
            fac__tls.node_sequence--; /* does not count, as in PyTorch */
            n->sequence = UINT64_MAX;
            n->variable = fac__retain(t);
            a->accumulator = n;
            if (fac__meta_set(&n->outputs[0], t) != 0) {
                unlock(a);
                fac__node_release(n);
                return NULL;
            }
        }
    }
    unlock(a);
    return n;
}

/* --- edges ----------------------------------------------------------------------------------- */

static int as_strided_edge(fac_tensor *t);
static int refuse_view(const fac_tensor *t, bool written);

static bool is_fresh(fac_tensor *t) {
    return fac__version_value(t) == __atomic_load_n(&t->autograd->view_version, __ATOMIC_ACQUIRE);
}

/* Several threads may read the view: one of them renews it. */
int fac__renew_view(fac_tensor *t) {
    struct fac__autograd *a = t->autograd;
    if (a == NULL || a->base == NULL || !(a->base->features & FAC__GRAD) || is_fresh(t))
        return 0;
    if (a->creation != FAC__CREATED_NORMAL)
        return refuse_view(t, false);
    lock(a);
    /* what goes with the old node may call the program, which must not find the lock held */
    fac_node *old = fac__node_retain(a->grad_fn);
    int r = is_fresh(t) ? 0 : as_strided_edge(t);
    unlock(a);
    fac__node_release(old);
    return r;
}

fac_node *fac__grad_fn(fac_tensor *t) {
    struct fac__autograd *a = t->autograd;
    if (a == NULL)
        return NULL;
    fac_node *n = fac__renew_view(t) == 0 ? a->grad_fn : NULL;
    return n != NULL && n->variable != NULL ? NULL : n;
}

int fac__gradient_edge(fac_tensor *t, fac__edge *edge) {
    *edge = (fac__edge){NULL, 0};
    if (t != NULL && FAC_UNLIKELY(t->features & FAC__WRAPPED))
        t = fac__bottom(t);
    if (t == NULL || t->autograd == NULL)
        return 0;
    if (fac__renew_view(t) != 0)
        return -1;
    fac_node *n = t->autograd->grad_fn; /* of what stands for a leaf, its accumulator */
    if (n != NULL) {
        *edge = (fac__edge){fac__node_retain(n), t->autograd->output_nr};
        return 0;
    }
    /* A view that is only its base's to differentiate has nowhere to send a gradient. */
    if (!t->autograd->requires_grad)
        return 0;
    edge->node = accumulator(t);
    return edge->node != NULL ? 0 : -1;
}

/* What retain_grad() asked for holds for the tensor as it is now. */
static void move_retainer(const struct fac__autograd *a, fac_node *from, fac_node *to,
                          uint32_t nr) {
    fac__hook **at = &from->hooks;
    while (*at != NULL && (*at)->ctx != a->retainer)
        at = &(*at)->next;
    fac__hook *h = *at;
    if (h == NULL)
        return;
    *at = h->next;
    h->next = NULL;
    h->nr = nr;
    for (at = &to->hooks; *at != NULL;)
        at = &(*at)->next;
    *at = h;
}

int fac__set_history(fac_tensor *t, fac_node *node, uint32_t nr) {
    struct fac__autograd *a = fac__autograd_of(t);
    if (a == NULL)
        return -1;
    fac_node *old = a->grad_fn;
    if (a->retainer != NULL && old != node)
        move_retainer(a, old, node, nr);
    if (old == NULL)
        a->since = node->sequence;
    a->grad_fn = fac__node_retain(node);
    a->output_nr = nr;
    if (!(t->features & FAC__GRAD)) /* others may read them while a view is renewed */
        t->features |= FAC__GRAD;
    fac__node_release(old);
    return 0;
}

/* --- views ----------------------------------------------------------------------------------- */

int fac__share_version(fac_tensor *of, fac_tensor *with) {
    if (of->features & FAC__INFERENCE)
        return 0;
    struct fac__version *v = fac__version_of(of);
    if (v == NULL)
        return -1;
    if (with->version != v) {
        if (with->version != NULL)
            fac__version_release(with->version);
        atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
        with->version = v;
    }
    return 0;
}

int fac__record_view(fac_tensor *of, fac_tensor *out, enum fac__creation creation) {
    if (of->features & FAC__INFERENCE)
        return 0;
    if (fac__share_version(of, out) != 0)
        return -1;
    struct fac__autograd *a = fac__autograd_of(out);
    if (a == NULL)
        return -1;
    fac_tensor *base = of;
    if (of->features & FAC__VIEW) {
        base = of->autograd->base;
        if (of->autograd->creation != FAC__CREATED_NORMAL && creation == FAC__CREATED_NORMAL)
            creation = of->autograd->creation;
    }
    fac__release(a->base);
    a->base = fac__retain(base);
    a->creation = (uint8_t)creation;
    a->view_version = fac__version_value(of);
    out->features |= FAC__VIEW;
    return 0;
}

/* Node types for view histories: the gradient of as_strided on a base's geometry. */
struct region {
    fac_tensor *base; /* shapes only: a shell-like alias without storage */
    fac_tensor *view;
};

static fac_tensor *geometry(const fac_tensor *t) {
    fac_tensor *g = fac__tensor_new(t->ndim);
    if (g == NULL)
        return NULL;
    g->dtype = t->dtype;
    g->device = t->device;
    g->offset = t->offset;
    g->numel = t->numel;
    g->features = t->features & (uint32_t)(FAC__CONTIGUOUS | FAC__DENSE);
    memcpy(g->sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
    memcpy(g->strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    return g;
}

static void region_free(fac_node *node) {
    struct region *r = node->args;
    fac__release(r->base);
    fac__release(r->view);
}

static int region_apply(fac_node *node, fac_tensor **grads, fac_tensor **inputs) {
    const struct region *r = node->args;
    if (grads[0] == NULL)
        return 0;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    fac_tensor *g = fac__as_strided_backward(grads[0], r->base, r->view);
    inputs[0] = fac__is_bad(g) ? NULL : fac__retain(g);
    fac_scope_close(scope);
    return inputs[0] == NULL ? -1 : 0;
}

static const fac__node_type as_strided_type = {
    .name = "AsStridedBackward0", .apply = region_apply, .free = region_free};

static fac_node *region_node(const fac__node_type *type, uint32_t nedges, fac_tensor *base,
                             fac_tensor *view) {
    fac_node *n = fac__node_new(type, nedges, 1, 0, sizeof(struct region));
    if (n == NULL)
        return NULL;
    struct region *r = n->args;
    r->base = geometry(base);
    r->view = geometry(view);
    if (r->base == NULL || r->view == NULL) {
        fac__node_release(n);
        return NULL;
    }
    return n;
}

static int as_strided_edge(fac_tensor *t) {
    struct fac__autograd *a = t->autograd;
    fac_node *n = region_node(&as_strided_type, 1, a->base, t);
    if (n == NULL)
        return -1;
    int r = fac__gradient_edge(a->base, &n->edges[0]);
    if (r == 0)
        r = fac__meta_set(&n->outputs[0], t);
    if (r == 0)
        r = fac__set_history(t, n, 0);
    if (r == 0) /* what else there is of the new history is seen by who sees this */
        __atomic_store_n(&a->view_version, fac__version_value(t), __ATOMIC_RELEASE);
    fac__node_release(n);
    return r;
}

/* --- in-place -------------------------------------------------------------------------------- */

/* Views that an op in grad mode must not write to; or, when not `written` themselves, whose memory
 * was written to by way of their base or another view. */
static int refuse_view(const fac_tensor *t, bool written) {
    const struct fac__autograd *a = t->autograd;
    static const char *const ambiguous =
        "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
        "your code by moving both the view and the inplace either both inside the %s block (if you "
        "don't want the inplace to be tracked) or both outside (if you want the inplace to be "
        "tracked).";
    static const char *const why[] = {
        [FAC__CREATED_MULTI] =
            "This view is the output of a function that returns multiple views. Such functions do "
            "not allow the output views to be modified inplace. You should replace the inplace "
            "operation by an out-of-place one.",
        [FAC__CREATED_NO_GRAD] = "no_grad",
        [FAC__CREATED_INFERENCE] = "inference_mode",
        [FAC__CREATED_CUSTOM] =
            "This view was created inside a custom Function (or because an input was returned "
            "as-is) and the autograd logic to handle view+inplace would override the custom "
            "backward associated with the custom Function, leading to incorrect gradients. This "
            "behavior is forbidden. You can fix this by cloning the output of the custom "
            "Function.",
    };
    char text[400], head[160], name[64];
    bool inference = a->creation == FAC__CREATED_INFERENCE;
    bool mode = inference || a->creation == FAC__CREATED_NO_GRAD;
    const char *how = written ? "is being modified inplace"
                              : "its base or another view of its base has been modified inplace";
    if (mode)
        snprintf(text, sizeof text, ambiguous, why[a->creation]);
    else
        snprintf(text, sizeof text, "%s", why[a->creation]);
    if (a->grad_fn == NULL)
        snprintf(head, sizeof head, "A view");
    else
        snprintf(head, sizeof head, "Output %u of %s is a view%s", a->output_nr,
                 fac__node_brief(a->grad_fn, name, sizeof name), mode ? " of a view which" : "");
    if (!mode && a->grad_fn != NULL)
        return fac__fail(FAC_ERROR_RUNTIME, "%s and %s. %s", head, how, text);
    return fac__fail(FAC_ERROR_RUNTIME, "%s was created in %s mode and %s %s. %s", head,
                     inference ? "inference" : "no_grad", how,
                     inference ? "in normal mode" : "with grad mode enabled", text);
}

int fac__check_inplace(fac_tensor *t, bool grad) {
    if (t->features & FAC__INFERENCE) {
        if (!fac__tls.inference)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Inplace update to inference tensor outside InferenceMode is not "
                             "allowed.You can make a clone to get a normal tensor before doing "
                             "inplace update.See https://github.com/pytorch/rfcs/pull/17 for more "
                             "details.");
        return 0;
    }
    struct fac__autograd *a = t->autograd;
    if (a == NULL || !fac__tls.grad_mode || !(grad || fac__wants_grad(t)))
        return 0;
    if (t->features & FAC__VIEW) {
        if (a->creation != FAC__CREATED_NORMAL)
            return refuse_view(t, true);
        struct fac__autograd *b = a->base->autograd;
        if (fac_requires_grad(t) && (b == NULL || b->grad_fn == NULL))
            return fac__fail(FAC_ERROR_RUNTIME,
                             "a view of a leaf Variable that requires grad is being used in an "
                             "in-place operation.");
    }
    if (a->requires_grad && a->grad_fn == NULL)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "a leaf Variable that requires grad is being used in an in-place "
                         "operation.");
    return 0;
}

/* CopySlices: base's history after a write into one of its views. The gradient of the region that
 * was written goes through the op's node `inner`, whose first edge is the old base's; the rest of
 * the gradient passes by. */
/* Room for a gradient in the base's geometry; in every vmap that the gradient is in. */
static fac_tensor *room_for(const struct region *r, fac_tensor *grad) {
    fac_ints sizes = {r->base->sizes, r->base->ndim, true};
    fac_ints strides = {r->base->strides, r->base->ndim, true};
    if ((grad->features & FAC__WRAPPED) == 0)
        return fac_empty_strided(sizes, strides, .dtype = (fac_dtype)grad->dtype,
                                 .device = grad->device);
    int64_t extent = r->base->numel > 0;
    for (int i = 0; extent > 0 && i < r->base->ndim; i++)
        extent += (r->base->sizes[i] - 1) * r->base->strides[i];
    return fac_as_strided(fac__new_zeros(grad, fac_dims(extent)), sizes, strides);
}

static int slices_apply(fac_node *node, fac_tensor **grads, fac_tensor **inputs) {
    const struct region *r = node->args;
    fac_node *inner = node->parent;
    if (grads[0] == NULL)
        return 0;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    int result = -1;
    fac_ints vsizes = {r->view->sizes, r->view->ndim, true};
    fac_ints vstrides = {r->view->strides, r->view->ndim, true};
    fac_tensor *all = fac_copy_(room_for(r, grads[0]), grads[0]);
    fac_tensor *slice = fac_as_strided(
        all, vsizes, vstrides, .storage_offset = fac_some(r->view->offset - r->base->offset));
    fac_tensor *slice_grad = fac_clone(slice);
    if (fac__is_bad(slice_grad))
        goto done;
    fac_tensor *few[16] = {NULL}, **in = few;
    if (inner->nedges > 16 && (in = calloc(inner->nedges, sizeof *in)) == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a node's gradients");
        goto done;
    }
    if (inner->type->apply(inner, &slice_grad, in) != 0)
        goto free_in;
    for (uint32_t i = 1; i < inner->nedges; i++)
        inputs[i] = in[i];
    fac_tensor *written = in[0];
    if (written == NULL)
        result = fac__is_bad(fac_zero_(slice)) ? -1 : 0;
    else
        result = fac__is_bad(fac_copy_(slice, written)) ? -1 : 0;
    fac__release(written);
    inputs[0] = result == 0 ? fac__retain(all) : NULL;
free_in:
    if (in != few)
        free(in);
done:
    fac_scope_close(scope);
    return result;
}

static void slices_release(fac_node *node) {
    if (node->parent != NULL && node->parent->type->release_saved != NULL)
        node->parent->type->release_saved(node->parent);
    node->flags |= FAC__NODE_RELEASED;
}

static const fac__node_type slices_type = {.name = "CopySlices",
                                           .apply = slices_apply,
                                           .release_saved = slices_release,
                                           .free = region_free};

static int rebase_slices(fac_tensor *t, fac_node *node) {
    const struct fac__autograd *a = t->autograd;
    fac_tensor *base = a->base;
    fac_node *slices = region_node(&slices_type, node->nedges > 0 ? node->nedges : 1, base, t);
    if (slices == NULL)
        return -1;
    if (fac__gradient_edge(base, &slices->edges[0]) != 0 ||
        fac__meta_set(&slices->outputs[0], base) != 0) {
        fac__node_release(slices);
        return -1;
    }
    for (uint32_t i = 1; i < node->nedges; i++)
        slices->edges[i] = (fac__edge){fac__node_retain(node->edges[i].node), node->edges[i].nr};
    slices->parent = fac__node_retain(node);
    int r = fac__set_history(base, slices, 0);
    fac__node_release(slices);
    if (r != 0)
        return -1;
    if (base->autograd != NULL)
        base->autograd->requires_grad = false;
    t->features |= FAC__GRAD;
    return as_strided_edge(t);
}

int fac__rebase_history(fac_tensor *t, fac_node *node) {
    bool view = t->autograd != NULL && t->autograd->base != NULL;
    fac_tensor *root = view ? t->autograd->base : t;
    const struct fac__autograd *a = root->autograd;
    fac_node *old = a == NULL ? NULL : fac__node_retain(a->grad_fn);
    int r = view ? rebase_slices(t, node) : fac__set_history(t, node, 0);
    if (r == 0 && old != NULL && atomic_load_explicit(&a->saved, memory_order_relaxed))
        r = fac__let_go(root, node, old, a->since);
    fac__node_release(old);
    return r;
}

/* --- the public face ---------------------------------------------------------------------------
 */

bool fac_requires_grad(const fac_tensor *t) {
    if (FAC_UNLIKELY(t == NULL))
        return false;
    if (FAC_UNLIKELY(t->features & FAC__WRAPPED))
        t = fac__bottom((fac_tensor *)(uintptr_t)t);
    return fac__wants_grad(t);
}

bool fac_is_leaf(const fac_tensor *t) {
    return t == NULL || t->autograd == NULL || t->autograd->grad_fn == NULL ||
           t->autograd->grad_fn->variable != NULL;
}

const char *fac_grad_fn_name(fac_tensor *t) {
    fac_node *node = t == NULL || fac__is_bad(t) ? NULL : fac__grad_fn(t);
    return node == NULL ? NULL : fac__node_name(node);
}

bool fac_set_requires_grad(fac_tensor *t, bool value) {
    if (!is_given(t, "fac_set_requires_grad"))
        return false;
    if (FAC_UNLIKELY(t->features & FAC__WRAPPED)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "You are attempting to call Tensor.requires_grad_() (or perhaps using "
                  "torch.autograd.functional.* APIs) inside of a function being transformed by a "
                  "functorch transform. This is unsupported, please attempt to use the functorch "
                  "transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call requires_grad_() "
                  "outside of a function being transformed instead.");
        return false;
    }
    if (value && (t->features & FAC__INFERENCE) != 0 && !fac__tls.inference) {
        fac__fail(FAC_ERROR_RUNTIME, "Setting requires_grad=True on inference tensor outside "
                                     "InferenceMode is not allowed.");
        return false;
    }
    if (!fac_is_leaf(t)) {
        if (value)
            return true;
        fac__fail(FAC_ERROR_RUNTIME,
                  "you can only change requires_grad flags of leaf variables. If you want to use a "
                  "computed variable in a subgraph that doesn't require differentiation use "
                  "var_no_grad = var.detach().");
        return false;
    }
    if (value && !fac__is_float((fac_dtype)t->dtype) && !fac__is_complex((fac_dtype)t->dtype)) {
        fac__fail(FAC_ERROR_RUNTIME, "only Tensors of floating point dtype can require gradients");
        return false;
    }
    struct fac__autograd *a = value ? fac__autograd_of(t) : t->autograd;
    if (a == NULL)
        return !value;
    a->requires_grad = value;
    if (value)
        t->features |= FAC__GRAD;
    else
        t->features &= ~(uint32_t)FAC__GRAD;
    return true;
}

fac_tensor *fac_grad(const fac_tensor *t) {
    return t == NULL || t->autograd == NULL ? NULL : t->autograd->grad;
}

static int check_grad(const fac_tensor *t, const fac_tensor *g) {
    if (g == t)
        return fac__fail(FAC_ERROR_RUNTIME, "can't assign Variable as its own grad");
    if (g->dtype != t->dtype)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "attempting to assign a gradient with dtype '%s' to a tensor with "
                         "grad_dtype '%s'. The gradient must match the tensor's grad_dtype "
                         "(defaults to the tensor's dtype). You can set the tensor's grad_dtype "
                         "attribute with a specific dtype, or None to allow any dtype. Set "
                         "grad_dtype with caution. Diverging the dtypes of a tensor and its "
                         "gradient may break downstream systems that assume they match.",
                         fac__c_type_name((fac_dtype)g->dtype),
                         fac__scalar_type_name((fac_dtype)t->dtype));
    if (g->device.type != t->device.type)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "attempting to assign a gradient with device type '%s' to a tensor with "
                         "device type '%s'. Please ensure that the gradient and the tensor are on "
                         "the same device",
                         fac__device_name(g->device), fac__device_name(t->device));
    if (g->ndim != t->ndim ||
        (t->ndim > 0 && memcmp(g->sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim) != 0))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "attempting to assign a gradient of size '%s' to a tensor of size '%s'. "
                         "Please ensure that the gradient and the tensor are the same size",
                         fac__shape_text(g->ndim, g->sizes), fac__shape_text(t->ndim, t->sizes));
    return 0;
}

bool fac_set_grad(fac_tensor *t, fac_tensor *grad) {
    if (!is_given(t, "fac_set_grad") || fac__is_bad(grad) ||
        (grad != NULL && check_grad(t, grad) != 0))
        return false;
    struct fac__autograd *a = fac__autograd_of(t);
    if (a == NULL)
        return false;
    fac_tensor *old = a->grad;
    a->grad = fac__retain(grad);
    fac__release(old);
    return true;
}

bool fac_grad_mode(void) {
    return fac__tls.inference ? fac__tls.grad_wished : fac__tls.grad_mode;
}

bool fac_set_grad_mode(bool on) {
    bool *mode = fac__tls.inference ? &fac__tls.grad_wished : &fac__tls.grad_mode;
    bool old = *mode;
    *mode = on;
    return old;
}
