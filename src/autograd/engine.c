/* The engine: walks nodes in the order PyTorch does, without recursion, in the calling thread.
 *
 * First the reachable nodes are counted, so that a node runs when all its gradients are in; then
 * nodes run from a heap, the latest made first. */
#include "autograd.h"

#include "../levels/levels.h"

#include "../core/alloc.h"
#include "helpers.h"
#include <facula/autograd.h>
#include <facula/ops.h>

#include <stdlib.h>
#include <string.h>

struct slot {
    fac_node *node;
    uint32_t waiting; /* edges whose gradients are still to come */
    bool wanted;      /* an input's */
    bool needed;      /* on a path to an input */
    bool seen;
    fac_tensor **grads; /* `one` or the heap: node->noutputs of them */
    fac_tensor *one;
};

struct task {
    const fac__backward_args *a;
    struct slot *slots; /* in order of discovery */
    uint32_t n, capacity;
    uint32_t *table; /* open addressing: slot + 1 */
    uint32_t mask;
    uint32_t *heap;
    uint32_t heap_n;
    fac__edge *captures; /* one an input */
    fac_tensor **results;
    bool keep_graph;
};

/* --- the table of reachable nodes ---------------------------------------------------------------
 */

static uint32_t hash(const fac_node *n) {
    return (uint32_t)(((uintptr_t)n >> 4) * 0x9e3779b97f4a7c15ull >> 32);
}

static int grow(struct task *t) {
    uint32_t capacity = t->capacity == 0 ? 64 : t->capacity * 2;
    struct slot *slots = realloc(t->slots, sizeof *slots * capacity);
    if (slots != NULL)
        t->slots = slots;
    uint32_t *table = calloc((size_t)capacity * 2, sizeof *table);
    uint32_t *heap = realloc(t->heap, sizeof *heap * capacity);
    if (heap != NULL)
        t->heap = heap;
    if (slots == NULL || table == NULL || heap == NULL) {
        free(table);
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a graph of %u nodes", capacity);
    }
    t->capacity = capacity;
    t->mask = capacity * 2 - 1;
    free(t->table);
    t->table = table;
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t at = hash(t->slots[i].node) & t->mask;
        while (t->table[at] != 0)
            at = (at + 1) & t->mask;
        t->table[at] = i + 1;
    }
    return 0;
}

/* The node's slot number, made if need be; -1: no memory. */
static int64_t find(struct task *t, fac_node *node) {
    uint32_t at = hash(node) & t->mask;
    while (t->table != NULL && t->table[at] != 0) {
        if (t->slots[t->table[at] - 1].node == node)
            return t->table[at] - 1;
        at = (at + 1) & t->mask;
    }
    if (t->n == t->capacity) {
        if (grow(t) != 0)
            return -1;
        at = hash(node) & t->mask;
        while (t->table[at] != 0)
            at = (at + 1) & t->mask;
    }
    t->slots[t->n] = (struct slot){.node = node};
    t->table[at] = t->n + 1;
    return t->n++;
}

/* --- ready nodes: a heap by sequence ------------------------------------------------------------
 */

static bool later(const struct task *t, uint32_t a, uint32_t b) {
    return t->slots[a].node->sequence > t->slots[b].node->sequence;
}

static void heap_push(struct task *t, uint32_t s) {
    uint32_t i = t->heap_n++;
    while (i > 0 && later(t, s, t->heap[(i - 1) / 2])) {
        t->heap[i] = t->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    t->heap[i] = s;
}

static uint32_t heap_pop(struct task *t) {
    uint32_t top = t->heap[0], last = t->heap[--t->heap_n], i = 0;
    for (;;) {
        uint32_t c = 2 * i + 1;
        if (c >= t->heap_n)
            break;
        if (c + 1 < t->heap_n && later(t, t->heap[c + 1], t->heap[c]))
            c++;
        if (!later(t, t->heap[c], last))
            break;
        t->heap[i] = t->heap[c];
        i = c;
    }
    t->heap[i] = last;
    return top;
}

/* --- discovery ----------------------------------------------------------------------------------
 */

static int discover(struct task *t, fac_node *root) {
    uint32_t start = t->n;
    int64_t r = find(t, root);
    if (r < 0)
        return -1;
    /* slots are the queue: each found node is scanned once */
    for (uint32_t i = start; i < t->n; i++) {
        fac_node *node = t->slots[i].node;
        for (uint32_t e = 0; e < node->nedges; e++) {
            if (node->edges[e].node == NULL)
                continue;
            int64_t s = find(t, node->edges[e].node);
            if (s < 0)
                return -1;
            t->slots[s].waiting++;
        }
    }
    return 0;
}

/* Slots in an order in which a node comes before all that its edges lead to; NULL: no memory. */
static uint32_t *sorted(struct task *t) {
    uint32_t *order = malloc(sizeof *order * (t->n + 1)),
             *waiting = malloc(sizeof *waiting * (t->n + 1));
    uint32_t n = 0;
    for (uint32_t s = 0; order != NULL && waiting != NULL && s < t->n; s++) {
        waiting[s] = t->slots[s].waiting;
        if (waiting[s] == 0)
            order[n++] = s;
    }
    for (uint32_t i = 0; i < n; i++) {
        const fac_node *node = t->slots[order[i]].node;
        for (uint32_t e = 0; e < node->nedges; e++) {
            fac_node *next = node->edges[e].node;
            uint32_t s = next == NULL ? 0 : (uint32_t)find(t, next);
            if (next != NULL && --waiting[s] == 0)
                order[n++] = s;
        }
    }
    if (waiting == NULL) {
        free(order);
        order = NULL;
    }
    free(waiting);
    return order;
}

/* A node is needed, and runs, when it leads to the node of an input; backward(inputs=...) runs
 * those themselves as well. */
static int mark_needed(struct task *t) {
    for (int i = 0; i < t->a->ninputs; i++) {
        if (t->captures[i].node == NULL)
            continue;
        int64_t s = find(t, t->captures[i].node);
        if (s < 0)
            return -1;
        t->slots[s].wanted = true;
        t->slots[s].needed = t->a->accumulate;
    }
    uint32_t *order = sorted(t);
    if (order == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a graph of %u nodes", t->n);
    for (uint32_t i = t->n; i > 0; i--) {
        struct slot *slot = &t->slots[order[i - 1]];
        for (uint32_t e = 0; !slot->needed && e < slot->node->nedges; e++) {
            fac_node *next = slot->node->edges[e].node;
            const struct slot *to = next == NULL ? NULL : &t->slots[find(t, next)];
            slot->needed = to != NULL && (to->needed || to->wanted);
        }
    }
    free(order);
    return 0;
}

/* --- gradients in flight ------------------------------------------------------------------------
 */

static fac_tensor **buffers(struct slot *s) {
    if (s->grads == NULL) {
        s->grads =
            s->node->noutputs <= 1 ? &s->one : calloc(s->node->noutputs, sizeof(fac_tensor *));
    }
    return s->grads;
}

static bool sole_owner(const fac_tensor *t) {
    return atomic_load(&t->refs) == 1 && t->storage != NULL &&
           atomic_load(&t->storage->refs) == 1 && !t->storage->borrowed &&
           (t->features & FAC__DENSE) && t->autograd == NULL && !(t->features & FAC__SLOW);
}

/* Adds g (stolen) to what is waiting at s; in place where nobody else holds that. */
static int add_gradient(struct slot *s, uint32_t nr, fac_tensor *g) {
    fac_tensor **at = buffers(s);
    if (at == NULL || nr >= (s->node->noutputs ? s->node->noutputs : 1)) {
        fac__release(g);
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for gradients");
    }
    if (at[nr] == NULL) {
        at[nr] = g;
        return 0;
    }
    fac_scope *scope = fac_scope_open();
    int r = -1;
    if (scope == NULL)
        goto done;
    if (!fac__tls.grad_mode && sole_owner(at[nr]) && at[nr]->dtype == g->dtype &&
        !(g->features & FAC__SLOW)) {
        r = fac__is_bad(fac_add_(at[nr], g)) ? -1 : 0;
    } else if (!fac__tls.grad_mode && sole_owner(g) && at[nr]->dtype == g->dtype &&
               !(at[nr]->features & FAC__SLOW)) {
        r = fac__is_bad(fac_add_(g, at[nr])) ? -1 : 0;
        fac_tensor *old = at[nr];
        at[nr] = g;
        g = old;
    } else {
        fac_tensor *sum = fac_add(at[nr], g);
        if (!fac__is_bad(sum)) {
            fac__release(at[nr]);
            at[nr] = fac__retain(sum);
            r = 0;
        }
    }
    fac_scope_close(scope);
done:
    fac__release(g);
    return r;
}

/* Custom functions may not give a real input a complex gradient; those of ops mean its real part.
 */
static fac_tensor *refuse_complex(void) {
    fac__fail(
        FAC_ERROR_RUNTIME,
        "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) "
        "to be true, but got false.  (Could this error message be improved?  If so, please "
        "report an enhancement request to PyTorch.)");
    return fac_bad;
}

/* Only what has no dimensions may have been computed elsewhere: numbers meet tensors anywhere. */
static fac_tensor *to_device(fac_tensor *g, fac_device device, const fac_node *from, uint32_t i) {
    if (fac__is_bad(g) || fac__same_device(g->device, device))
        return g;
    if (g->ndim == 0)
        return fac__to_copy(g, .device = device);
    fac__fail(FAC_ERROR_RUNTIME,
              "%s%s%sinvalid gradient at index %u - expected device %s but got %s",
              from == NULL ? "" : "Function ", from == NULL ? "" : fac__node_name(from),
              from == NULL ? "" : " returned an ", i, fac__device_name(device),
              fac__device_name(g->device));
    return fac_bad;
}

/* A gradient as its receiver wants it: broadcasting undone, the receiver's dtype and device. Takes
 * g. `from` NULL: it was given for an output, in that one's shape. */
static fac_tensor *fit(fac_tensor *g, const fac__meta *m, const fac_node *from, uint32_t i) {
    bool same =
        g->ndim == m->ndim && g->dtype == m->dtype && fac__same_device(g->device, m->device);
    for (int d = 0; same && d < m->ndim; d++)
        same = g->sizes[d] == m->sizes[d];
    if (FAC_LIKELY(same))
        return g;
    fac_scope *scope = fac_scope_open();
    fac_tensor *r = scope == NULL ? fac_bad : g;
    bool expands = g->ndim >= m->ndim;
    for (int d = 0; expands && d < m->ndim; d++) {
        int64_t have = g->sizes[g->ndim - 1 - d], want = m->sizes[m->ndim - 1 - d];
        expands = have == want || want == 1;
    }
    if (!expands) {
        fac__fail(
            FAC_ERROR_RUNTIME,
            "Function %s returned an invalid gradient at index %u - got %s but expected shape "
            "compatible with %s",
            fac__node_name(from), i, fac__shape_text(g->ndim, g->sizes),
            fac__shape_text(m->ndim, m->sizes));
        r = fac_bad;
    }
    if (!fac__is_bad(r))
        r = fac__sum_to(r, m->ndim, m->sizes);
    if (!fac__is_bad(r) && r->dtype != m->dtype) {
        if (fac__is_complex((fac_dtype)r->dtype) && !fac__is_complex((fac_dtype)m->dtype))
            r = from != NULL && from->op != NULL ? fac_real(r) : refuse_complex();
        r = fac__is_bad(r) ? r : fac__to(r, (fac_dtype)m->dtype);
    }
    r = to_device(r, m->device, from, i);
    fac_tensor *result = fac__is_bad(r) ? NULL : fac__retain(r);
    fac__release(g);
    if (scope != NULL)
        fac_scope_close(scope);
    return result;
}

/* --- running a node -----------------------------------------------------------------------------
 */

static int run_hooks(fac_node *node, uint8_t kind, fac_tensor **grads, uint32_t n,
                     fac_tensor **inputs) {
    for (fac__hook *h = node->hooks; h != NULL; h = h->next) {
        if (h->kind != kind)
            continue;
        int r;
        if (kind == FAC__HOOK_TENSOR_PRE || kind == FAC__HOOK_RETAIN)
            r = h->nr < n && grads[h->nr] != NULL ? h->call(h->ctx, node, &grads[h->nr], 1, NULL, 0)
                                                  : 0;
        else if (kind == FAC__HOOK_PRE)
            r = h->call(h->ctx, node, grads, (int)n, NULL, 0);
        else
            r = h->call(h->ctx, node, inputs, (int)node->nedges, grads, (int)n);
        if (r != 0)
            return -1;
    }
    return 0;
}

static int leaf_hooks(fac_node *node, fac_tensor **grad) {
    struct fac__autograd *a = node->variable->autograd;
    for (fac__hook *h = a == NULL ? NULL : a->hooks; h != NULL; h = h->next)
        if (h->call(h->ctx, node, grad, 1, NULL, 0) != 0)
            return -1;
    return 0;
}

static int capture(struct task *t, fac_node *node, fac_tensor **grads) {
    if (t->results == NULL || t->a->accumulate)
        return 0;
    for (int i = 0; i < t->a->ninputs; i++)
        if (t->captures[i].node == node && t->results[i] == NULL)
            t->results[i] = fac__retain(grads[t->captures[i].nr]);
    return 0;
}

static int materialize(fac_node *node, fac_tensor **grads) {
    for (uint32_t i = 0; i < node->noutputs; i++) {
        if (grads[i] != NULL)
            continue;
        const fac__meta *m = &node->outputs[i];
        if (m->sizes == NULL)
            continue;
        grads[i] = fac__empty(m->ndim, m->sizes, NULL, (fac_dtype)m->dtype, m->device);
        if (grads[i] == NULL || fac__fill_into(grads[i], fac_int(0)) != 0)
            return -1;
    }
    return 0;
}

static int send(struct task *t, fac_node *node, fac_tensor **inputs, int sofar) {
    int r = sofar;
    for (uint32_t e = 0; e < node->nedges; e++) {
        fac_node *next = node->edges[e].node;
        fac_tensor *g = inputs[e];
        inputs[e] = NULL;
        if (next == NULL) {
            fac__release(g);
            continue;
        }
        uint32_t s = (uint32_t)find(t, next);
        struct slot *slot = &t->slots[s];
        if (t->a->inputs != NULL && !slot->needed && !slot->wanted) {
            fac__release(g); /* leads to none of the inputs */
            continue;
        }
        if (g != NULL && r == 0) {
            g = fit(g, &next->outputs[next->noutputs > node->edges[e].nr ? node->edges[e].nr : 0],
                    node, e);
            r = g == NULL ? -1 : add_gradient(slot, node->edges[e].nr, g);
        } else {
            fac__release(g);
        }
        if (--slot->waiting == 0 && r == 0)
            heap_push(t, s);
    }
    return r;
}

/* See Note [Anomaly mode]. */
static int look_for_anomaly(fac_node *node, fac_tensor **inputs, int sofar) {
    int r = sofar;
    for (uint32_t e = 0; r == 0 && fac__tls.anomaly_check_nan && e < node->nedges; e++) {
        if (inputs[e] == NULL)
            continue;
        fac_scope *scope = fac_scope_open();
        bool mode = fac_set_grad_mode(false);
        fac_scalar found = {0};
        fac_tensor *any = scope == NULL ? fac_bad : fac_any(fac_isnan(inputs[e]));
        r = fac__is_bad(any) ? -1 : fac__item(any, &found);
        fac_set_grad_mode(mode);
        fac_scope_close(scope);
        if (r == 0 && found.as.i != 0)
            r = fac__fail(FAC_ERROR_RUNTIME,
                          "Function '%s' returned nan values in its %uth output.",
                          fac__node_name(node), e);
    }
    if (r != 0 && fac__anomaly_tell != NULL)
        fac__anomaly_tell(node);
    return r;
}

static int run_node(struct task *t, uint32_t s) {
    fac_node *node = t->slots[s].node;
    fac_tensor **grads = buffers(&t->slots[s]);
    if (grads == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for gradients");
    uint32_t n = node->noutputs > 0 ? node->noutputs : 1;
    fac_tensor *few[8] = {NULL};
    fac_tensor **inputs = node->nedges <= 8 ? few : calloc(node->nedges, sizeof(fac_tensor *));
    if (inputs == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for gradients");
    bool any = (node->flags & FAC__NODE_ALWAYS) != 0;
    for (uint32_t i = 0; i < n; i++)
        any |= grads[i] != NULL;
    /* As PyTorch does: an input's gradient has been through its hooks, unless others lie beyond it
     */
    int r = t->slots[s].needed ? capture(t, node, grads) : 0;
    if (r == 0 && node->type == &fac__accumulate_type && any)
        r = leaf_hooks(node, grads);
    if (r == 0 && node->hooks != NULL)
        r = run_hooks(node, FAC__HOOK_TENSOR_PRE, grads, n, NULL) != 0 ||
                    run_hooks(node, FAC__HOOK_RETAIN, grads, n, NULL) != 0
                ? -1
                : 0;
    if (r == 0 && !t->slots[s].needed)
        r = capture(t, node, grads);
    if (r == 0 && any && (t->a->inputs == NULL || t->slots[s].needed)) {
        if (node->hooks != NULL)
            r = run_hooks(node, FAC__HOOK_PRE, grads, n, NULL);
        if (r == 0 && ((n > 1 && node->op != NULL) || (node->flags & FAC__NODE_MATERIALIZE)))
            r = materialize(node, grads);
        fac_node *outer = fac__tls.current_node;
        fac__tls.current_node = node;
        if (r == 0)
            r = node->type->apply(node, grads, inputs);
        fac__tls.current_node = outer;
        if (FAC_UNLIKELY(fac__tls.anomaly))
            r = look_for_anomaly(node, inputs, r);
        if (r == 0 && node->hooks != NULL)
            r = run_hooks(node, FAC__HOOK_POST, grads, n, inputs);
        if (!t->keep_graph && node->type->release_saved != NULL)
            node->type->release_saved(node);
    }
    for (uint32_t i = 0; i < n; i++) {
        fac__release(grads[i]);
        grads[i] = NULL;
    }
    r = send(t, node, inputs, r);
    if (inputs != few)
        free(inputs);
    return r;
}

/* --- a whole walk
 * --------------------------------------------------------------------------------- */

static fac_tensor *root_gradient(const fac__backward_args *a, int i) {
    fac_tensor *out = a->outputs[i], *g = a->gradients == NULL ? NULL : a->gradients[i];
    if (g != NULL) {
        bool same = g->ndim == out->ndim;
        for (int d = 0; same && d < g->ndim; d++)
            same = g->sizes[d] == out->sizes[d];
        if (!same) {
            fac__fail(FAC_ERROR_RUNTIME,
                      "Mismatch in shape: grad_output[%d] has a shape of torch.Size(%s) and "
                      "output[%d] has a shape of torch.Size(%s).",
                      i, fac__shape_text(g->ndim, g->sizes), i,
                      fac__shape_text(out->ndim, out->sizes));
            return NULL;
        }
        if (fac__is_complex((fac_dtype)g->dtype) != fac__is_complex((fac_dtype)out->dtype)) {
            fac__fail(FAC_ERROR_RUNTIME,
                      "For complex Tensors, both grad_output and output are required to have the "
                      "same dtype. Mismatch in dtype: grad_output[%d] has a dtype of torch.%s and "
                      "output[%d] has a dtype of torch.%s.",
                      i, fac_dtype_name((fac_dtype)g->dtype), i,
                      fac_dtype_name((fac_dtype)out->dtype));
            return NULL;
        }
        return fac__retain(g);
    }
    if (out->numel != 1) {
        fac__fail(FAC_ERROR_RUNTIME, "grad can be implicitly created only for scalar outputs");
        return NULL;
    }
    if (!fac__is_float((fac_dtype)out->dtype)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "grad can be implicitly created only for real scalar outputs but got torch.%s",
                  fac_dtype_name((fac_dtype)out->dtype));
        return NULL;
    }
    if (fac__tls.levels & FAC__L_DISPATCH) { /* whoever watches wants to see it made */
        fac_scope *scope = fac_scope_open();
        fac_tensor *ones = scope == NULL ? fac_bad : fac_ones_like(out);
        g = fac__is_bad(ones) ? NULL : fac__retain(ones);
        fac_scope_close(scope);
        return g;
    }
    g = fac__empty(out->ndim, out->sizes, NULL, (fac_dtype)out->dtype, out->device);
    if (g != NULL && fac__fill_into(g, fac_int(1)) != 0) {
        fac__release(g);
        return NULL;
    }
    return g;
}

static int find_roots(struct task *t, fac__edge *roots, fac_tensor **grads) {
    const fac__backward_args *a = t->a;
    for (int i = 0; i < a->noutputs; i++) {
        if (fac__gradient_edge(a->outputs[i], &roots[i]) != 0)
            return -1;
        if (roots[i].node == NULL)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "element %d of tensors does not require grad and does not have a "
                             "grad_fn",
                             i);
        grads[i] = root_gradient(a, i);
        if (grads[i] == NULL || discover(t, roots[i].node) != 0)
            return -1;
    }
    return 0;
}

static int find_captures(struct task *t) {
    const fac__backward_args *a = t->a;
    for (int i = 0; i < a->ninputs; i++) {
        if (a->accumulate && !fac_retain_grad(a->inputs[i]))
            return -1;
        if (!fac_requires_grad(a->inputs[i]))
            return fac__fail(FAC_ERROR_RUNTIME,
                             "One of the differentiated Tensors does not require grad");
        if (fac__gradient_edge(a->inputs[i], &t->captures[i]) != 0)
            return -1;
    }
    return 0;
}

static int walk(struct task *t, fac__edge *roots, fac_tensor **grads) {
    for (int i = 0; i < t->a->noutputs; i++) {
        struct slot *s = &t->slots[find(t, roots[i].node)];
        fac_tensor *g = grads[i];
        grads[i] = NULL;
        if (g == NULL)
            continue;
        if (t->a->inputs != NULL && !s->needed && !s->wanted) {
            fac__release(g);
            continue;
        }
        g = fit(g, &roots[i].node->outputs[roots[i].nr], NULL, (uint32_t)i);
        if (g == NULL || add_gradient(s, roots[i].nr, g) != 0)
            return -1;
    }
    for (int i = 0; i < t->a->noutputs; i++) {
        uint32_t s = (uint32_t)find(t, roots[i].node);
        if (t->slots[s].waiting == 0 && !t->slots[s].seen && t->slots[s].grads != NULL) {
            t->slots[s].seen = true;
            heap_push(t, s);
        }
    }
    while (t->heap_n > 0)
        if (run_node(t, heap_pop(t)) != 0)
            return -1;
    return 0;
}

static int check_unused(struct task *t) {
    if (t->results == NULL || t->a->accumulate || t->a->allow_unused)
        return 0;
    for (int i = 0; i < t->a->ninputs; i++)
        if (t->results[i] == NULL)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "The differentiated Tensor at index %d appears to not have been used "
                             "in the graph. Set allow_unused=True if this is the desired behavior.",
                             i);
    return 0;
}

static void clean_up(struct task *t, fac__edge *roots, fac_tensor **grads) {
    for (uint32_t i = 0; i < t->n; i++) {
        struct slot *s = &t->slots[i];
        if (s->grads == NULL)
            continue;
        for (uint32_t k = 0; k < s->node->noutputs; k++)
            fac__release(s->grads[k]);
        if (s->grads != &s->one)
            free(s->grads);
    }
    for (int i = 0; i < t->a->noutputs; i++) {
        fac__release(grads[i]);
        fac__node_release(roots[i].node);
    }
    for (int i = 0; i < t->a->ninputs; i++)
        fac__node_release(t->captures[i].node);
    free(t->slots);
    free(t->table);
    free(t->heap);
}

bool fac__will_run(const fac_node *node) {
    const struct task *t = fac__tls.walking;
    uint32_t at = hash(node) & (t == NULL ? 0 : t->mask);
    while (t != NULL && t->table[at] != 0) {
        const struct slot *s = &t->slots[t->table[at] - 1];
        if (s->node == node)
            return t->a->inputs == NULL || s->needed || s->wanted;
        at = (at + 1) & t->mask;
    }
    return false;
}

static _Atomic uint64_t tasks; /* backwards begun, in all threads */

int fac__run_backward(const fac__backward_args *a, fac_tensor **results) {
    if (FAC_UNLIKELY(fac__any_level(a)))
        return fac__levels_backward(a, results);
    struct task t = {.a = a, .results = results, .keep_graph = a->retain_graph};
    size_t n = (size_t)(a->noutputs + a->ninputs);
    fac__edge *edges = calloc(n + 1, sizeof *edges);
    fac_tensor **grads = calloc(n + 1, sizeof *grads);
    if (edges == NULL || grads == NULL) {
        free(edges);
        free(grads);
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for backward");
    }
    t.captures = edges + a->noutputs;
    bool partial = fac__tls.graph_task_partial;
    uint64_t task = fac__tls.graph_task;
    struct task *outer = fac__tls.walking;
    int r = find_roots(&t, edges, grads);
    if (r == 0)
        r = find_captures(&t);
    if (r == 0) {
        if (a->inputs != NULL)
            r = mark_needed(&t);
    }
    if (r == 0) {
        bool mode = fac_set_grad_mode(a->create_graph);
        fac__tls.graph_task = atomic_fetch_add(&tasks, 1) + 1;
        fac__tls.walking = &t;
        fac__tls.graph_task_partial = a->inputs != NULL;
        r = walk(&t, edges, grads);
        fac_set_grad_mode(mode);
        fac__tls.graph_task = task;
        fac__tls.walking = outer;
        fac__tls.graph_task_partial = partial;
    }
    if (r == 0)
        r = check_unused(&t);
    if (r != 0 && results != NULL)
        for (int i = 0; i < a->ninputs; i++) {
            fac__release(results[i]);
            results[i] = NULL;
        }
    clean_up(&t, edges, grads);
    free(edges);
    free(grads);
    return r;
}

/* --- the public face
 * ------------------------------------------------------------------------------- */

static int need_tensors(const char *name, fac_tensors l, bool optional) {
    if (fac__check_list(name, l) != 0)
        return -1;
    for (int i = 0; i < l.n; i++) {
        if (fac__is_bad(l.values[i]))
            return -1;
        if (l.values[i] == NULL && !optional)
            return fac__fail(FAC_ERROR_TYPE, "%s: element %d of a list is NULL", name, i);
    }
    return 0;
}

bool fac_backward_ex(fac_tensor *output, const fac_backward_options *o) {
    fac_backward_options room;
    o = fac__options(o, &room, sizeof room);
    if (o == NULL || need_tensors("backward", fac_list(output), false) != 0 ||
        need_tensors("backward", o->inputs, false) != 0 || fac__is_bad(o->gradient))
        return false;
    fac_tensor *g = o->gradient;
    fac__backward_args a = {.outputs = &output,
                            .gradients = &g,
                            .noutputs = 1,
                            .inputs = o->inputs.n > 0 ? o->inputs.values : NULL,
                            .ninputs = o->inputs.n,
                            .retain_graph = o->retain_graph || o->create_graph,
                            .create_graph = o->create_graph,
                            .accumulate = true,
                            .allow_unused = true};
    return fac__run_backward(&a, NULL) == 0;
}

bool fac_backward(fac_tensor *loss) {
    return fac_backward_ex(loss, &(fac_backward_options){.size = sizeof(fac_backward_options)});
}

bool fac_gradients(fac_tensors outputs, fac_tensors gradients, fac_tensors inputs,
                   bool retain_graph, bool create_graph, bool allow_unused, fac_tensor **results) {
    fac__backward_args a = {.outputs = outputs.values,
                            .gradients = gradients.n > 0 ? gradients.values : NULL,
                            .noutputs = outputs.n,
                            .inputs = inputs.values,
                            .ninputs = inputs.n,
                            .retain_graph = retain_graph || create_graph,
                            .create_graph = create_graph,
                            .allow_unused = allow_unused};
    if (need_tensors("gradients", outputs, false) != 0 ||
        need_tensors("gradients", gradients, true) != 0 ||
        need_tensors("gradients", inputs, false) != 0) {
        fac__api_failed(inputs.n, results);
        return false;
    }
    if (inputs.n > 0 && results == NULL) {
        fac__fail(FAC_ERROR_TYPE, "gradients: no room is given for the results");
        return false;
    }
    if (gradients.n != 0 && gradients.n != outputs.n) {
        fac__fail(FAC_ERROR_VALUE, "gradients: %d gradients are given for %d outputs", gradients.n,
                  outputs.n);
        fac__api_failed(inputs.n, results);
        return false;
    }
    for (int i = 0; i < inputs.n; i++)
        results[i] = NULL;
    int r = fac__run_backward(&a, results);
    if (r != 0)
        return fac__api_failed(inputs.n, results) == 0;
    for (int i = 0; i < inputs.n; i++) {
        if (results[i] != NULL)
            results[i] = fac__scope_adopt(results[i]);
        if (fac__is_bad(results[i]))
            r = -1;
    }
    return r == 0 || fac__api_failed(inputs.n, results) == 0;
}
