/* Note [Overwritten values]: a node may have saved a tensor that later gets a history through that
 * node, as y.add_(y * y) does: the node holds y, and y's new grad_fn holds the node. What was saved
 * is of an older version then, and can only tell the error that says so. So the write that gives
 * the tensor its new history replaces what the nodes behind it have saved: by an alias that knows
 * its version and the name for the error, and holds no part of the graph. A tensor that had no
 * history when it was saved is not looked for: buffers are written to slice by slice, and each
 * first write would walk all that was computed before. */
#include "autograd.h"

#include <stdlib.h>
#include <string.h>

static const fac__node_type overwritten_type = {.name = NULL};

const char *fac__overwritten_name(const fac_node *node) {
    return node->type == &overwritten_type ? node->args : NULL;
}

static fac_tensor *overwritten(fac_tensor *t, const char *name, uint32_t nr) {
    struct fac__version *v = fac__version_of(t);
    fac_tensor *alias = v == NULL ? NULL : fac__shallow_copy(t);
    if (alias == NULL)
        return NULL;
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    alias->version = v;
    fac_node *node = fac__node_new(&overwritten_type, 0, 1, 0, strlen(name) + 1);
    if (node != NULL) {
        fac__tls.node_sequence--; /* no part of any graph */
        memcpy(node->args, name, strlen(name) + 1);
    }
    if (node == NULL || fac__set_history(alias, node, nr) != 0) {
        fac__release(alias);
        alias = NULL;
    }
    fac__node_release(node);
    return alias;
}

/* What n saved of `root` and its views. */
static int let_go(const fac_node *n, fac_tensor *root) {
    for (uint32_t i = 0; i < n->nsaved; i++) {
        fac__saved *s = &n->saved[i];
        fac_tensor *t = s->tensor;
        if (t == NULL || s->is_output || s->version == fac__version_value(t))
            continue;
        const struct fac__autograd *a = t->autograd;
        bool view = a != NULL && a->base == root;
        if (t != root && !view)
            continue;
        bool renewed = view && a->creation == FAC__CREATED_NORMAL;
        const fac_node *writer = a == NULL ? NULL : a->grad_fn;
        s->tensor = overwritten(t,
                                renewed          ? "AsStridedBackward0"
                                : writer == NULL ? ""
                                                 : fac__node_name(writer),
                                renewed || a == NULL ? 0 : a->output_nr);
        if (s->tensor == NULL) {
            s->tensor = t;
            return -1;
        }
        fac__release(t);
    }
    return 0;
}

struct walk {
    fac_node **nodes; /* those met, each once */
    uint32_t n, capacity;
    uint32_t *table; /* open addressing: index + 1 */
};

static uint32_t place(const struct walk *w, const fac_node *node) {
    uint32_t mask = w->capacity * 2 - 1;
    uint32_t at = (uint32_t)(((uintptr_t)node >> 4) * 0x9e3779b97f4a7c15ull >> 32) & mask;
    while (w->table[at] != 0 && w->nodes[w->table[at] - 1] != node)
        at = (at + 1) & mask;
    return at;
}

static int meet(struct walk *w, fac_node *node) {
    if (w->n == w->capacity) {
        uint32_t capacity = w->capacity == 0 ? 64 : w->capacity * 2;
        fac_node **nodes = realloc(w->nodes, sizeof *nodes * capacity);
        if (nodes != NULL)
            w->nodes = nodes;
        uint32_t *table = calloc((size_t)capacity * 2, sizeof *table);
        if (nodes == NULL || table == NULL) {
            free(table);
            return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a graph of %u nodes",
                             capacity);
        }
        free(w->table);
        w->table = table;
        w->capacity = capacity;
        for (uint32_t i = 0; i < w->n; i++)
            w->table[place(w, w->nodes[i])] = i + 1;
    }
    uint32_t at = place(w, node);
    if (w->table[at] == 0) {
        w->nodes[w->n] = node;
        w->table[at] = ++w->n;
    }
    return 0;
}

int fac__let_go(fac_tensor *root, fac_node *node, const fac_node *old, uint64_t since) {
    struct walk w = {0};
    int r = meet(&w, node);
    for (uint32_t i = 0; r == 0 && i < w.n; i++) {
        const fac_node *n = w.nodes[i];
        r = let_go(n, root);
        for (uint32_t e = 0; r == 0 && e < n->nedges; e++) {
            fac_node *next = n->edges[e].node;
            if (next != NULL && next != old && next->variable == NULL && next->sequence >= since)
                r = meet(&w, next);
        }
        if (r == 0 && n->parent != NULL)
            r = meet(&w, n->parent);
    }
    free(w.nodes);
    free(w.table);
    return r;
}
