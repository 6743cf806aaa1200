/* Functions and hooks that C programs write: nodes whose gradient is a callback, and callbacks on
 * the gradients of tensors. */
#include "autograd.h"

#include <facula/autograd.h>
#include <facula/scope.h>

#include <stdlib.h>
#include <string.h>

/* --- functions ------------------------------------------------------------------------------- */

/* A node's own type, for its name; the node's args. */
struct custom {
    fac__node_type type;
    fac_function function;
};

/* What a backward call needs room for, counted by edges and saved tensors. */
struct room {
    fac_tensor **saved, **inputs;
    bool *needs;
};

static int unpack_all(fac_node *node, fac_tensor **saved) {
    for (uint32_t i = 0; i < node->nsaved; i++) {
        saved[i] = fac__unpack(&node->saved[i], node);
        if (saved[i] == NULL)
            return -1;
        if (fac__is_bad(fac__scope_adopt(saved[i])))
            return -1;
    }
    return 0;
}

static int call_backward(fac_node *node, fac_tensor **grads, const struct room *room) {
    const fac_function *f = &((const struct custom *)node->args)->function;
    for (uint32_t e = 0; e < node->nedges; e++)
        room->needs[e] = node->edges[e].node != NULL;
    if (unpack_all(node, room->saved) != 0)
        return -1;
    fac_backward_call call = {.user = f->user,
                              .saved = {room->saved, (int)node->nsaved},
                              .gradients = {grads, (int)node->noutputs},
                              .needs_gradient = room->needs,
                              .results = room->inputs};
    bool ok = f->backward(&call);
    for (uint32_t e = 0; ok && e < node->nedges; e++)
        ok = room->inputs[e] == NULL || !fac__is_bad(room->inputs[e]);
    if (!ok && fac_error_kind() == FAC_OK)
        fac__fail(FAC_ERROR_RUNTIME, "%s failed without an error", node->type->name);
    return ok ? 0 : -1;
}

static int apply(fac_node *node, fac_tensor **grads, fac_tensor **inputs) {
    size_t pointers = (size_t)node->nsaved + node->nedges;
    fac_tensor **block = calloc(1, (pointers + 1) * sizeof *block + node->nedges);
    if (block == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for gradients");
    struct room room = {block, block + node->nsaved, (bool *)(block + pointers)};
    fac_scope *scope = fac_scope_open();
    int r = scope == NULL ? -1 : call_backward(node, grads, &room);
    for (uint32_t e = 0; r == 0 && e < node->nedges; e++)
        if (room.inputs[e] != NULL && room.needs[e])
            inputs[e] = fac__retain(room.inputs[e]);
    if (scope != NULL)
        fac_scope_close(scope);
    free(block);
    return r;
}

static void release_saved(fac_node *node) {
    for (uint32_t i = 0; i < node->nsaved; i++)
        fac__saved_release(&node->saved[i]);
    node->flags |= FAC__NODE_RELEASED;
}

static void destroy(const fac_function *f) {
    if (f->destroy != NULL)
        f->destroy(f->user);
}

static void free_node(fac_node *node) {
    destroy(&((struct custom *)node->args)->function);
}

static int check_inputs(fac_tensors inputs, bool *recorded) {
    for (int i = 0; i < inputs.n; i++) {
        const fac_tensor *t = inputs.values[i];
        if (t == NULL || fac__is_bad(t))
            return fac__fail(FAC_ERROR_VALUE, "fac_record: input %d is no tensor", i);
        if (t->features & (FAC__WRAPPED | FAC__DUAL))
            return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                             "fac_record: transforms do not see through functions written in C");
        *recorded |= fac__wants_grad(t);
    }
    return 0;
}

static int check_outputs(fac_tensors inputs, fac_tensors outputs, fac_tensors saved) {
    if (outputs.n == 0)
        return fac__fail(FAC_ERROR_VALUE, "fac_record: a function has at least one output");
    for (int i = 0; i < outputs.n; i++) {
        const fac_tensor *t = outputs.values[i];
        if (t == NULL || fac__is_bad(t))
            return fac__fail(FAC_ERROR_VALUE, "fac_record: output %d is no tensor", i);
        for (int k = 0; k < inputs.n; k++)
            if (inputs.values[k] == t)
                return fac__fail(FAC_ERROR_VALUE, "fac_record: output %d is input %d itself", i, k);
        if (t->features & FAC__GRAD)
            return fac__fail(FAC_ERROR_VALUE,
                             "fac_record: output %d has a gradient already: compute the outputs "
                             "under fac_set_grad_mode(false)",
                             i);
    }
    for (int i = 0; i < saved.n; i++)
        if (saved.values[i] == NULL || fac__is_bad(saved.values[i]))
            return fac__fail(FAC_ERROR_VALUE, "fac_record: saved tensor %d is no tensor", i);
    return 0;
}

static bool has_gradient(const fac_tensor *t) {
    return fac__is_float((fac_dtype)t->dtype) || fac__is_complex((fac_dtype)t->dtype);
}

/* All of the outputs or none: what can run out of memory comes first. */
static int join(fac_node *node, fac_tensors outputs) {
    for (int i = 0; i < outputs.n; i++) {
        fac_tensor *t = outputs.values[i];
        if (fac__meta_set(&node->outputs[i], t) != 0 ||
            (has_gradient(t) && fac__autograd_of(t) == NULL))
            return -1;
    }
    for (int i = 0; i < outputs.n; i++) {
        fac_tensor *t = outputs.values[i];
        if (!has_gradient(t))
            continue;
        if (fac__set_history(t, node, (uint32_t)i) != 0)
            return -1;
        if (t->features & FAC__VIEW)
            t->autograd->creation = FAC__CREATED_CUSTOM;
    }
    return 0;
}

/* Before the outputs are joined to the node, so that they stay as they are where this fails. */
static int save(fac_node *node, fac_tensors outputs, fac_tensors saved) {
    for (int i = 0; i < saved.n; i++) {
        fac_tensor *t = saved.values[i];
        int k = 0;
        while (k < outputs.n && outputs.values[k] != t)
            k++;
        bool own = k < outputs.n && has_gradient(t);
        if (fac__save(&node->saved[i], t, own, own ? (uint32_t)k : 0) != 0)
            return -1;
    }
    return 0;
}

bool fac_record(const fac_function *f, fac_tensors inputs, fac_tensors outputs, fac_tensors saved) {
    bool recorded = false;
    fac_node *node = NULL;
    if (f == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_record: no function is given");
        return false;
    }
    if (f->backward == NULL || f->name == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_record: a function needs a name and a backward");
        goto failed;
    }
    if (fac__check_list("fac_record", inputs) != 0 || fac__check_list("fac_record", outputs) != 0 ||
        fac__check_list("fac_record", saved) != 0 || check_inputs(inputs, &recorded) != 0 ||
        check_outputs(inputs, outputs, saved) != 0)
        goto failed;
    if (!recorded || !fac__tls.grad_mode) {
        destroy(f);
        return true;
    }
    node = fac__node_new(&(fac__node_type){.name = f->name}, (uint32_t)inputs.n,
                         (uint32_t)outputs.n, (uint32_t)saved.n, sizeof(struct custom));
    if (node == NULL)
        goto failed;
    struct custom *c = node->args;
    c->type = (fac__node_type){
        .name = f->name, .apply = apply, .release_saved = release_saved, .free = free_node};
    c->function = *f;
    node->type = &c->type;
    node->flags |= f->keep_undefined ? 0 : FAC__NODE_MATERIALIZE;
    bool ok = true;
    for (int i = 0; i < inputs.n && ok; i++)
        ok = fac__gradient_edge(inputs.values[i], &node->edges[i]) == 0;
    ok = ok && save(node, outputs, saved) == 0 && join(node, outputs) == 0;
    fac__node_release(node);
    return ok;
failed:
    destroy(f);
    return false;
}

/* --- hooks ----------------------------------------------------------------------------------- */

struct hook {
    fac_gradient_hook *on_gradient;
    fac_accumulated_hook *on_accumulated;
    void *user;
    void (*destroy)(void *user);
    _Atomic bool removed;
};

static void free_hook(void *ctx) {
    struct hook *h = ctx;
    if (h->destroy != NULL)
        h->destroy(h->user);
    free(h);
}

static bool same_shape(const fac_tensor *a, const fac_tensor *b) {
    return a->ndim == b->ndim &&
           (a->ndim == 0 || memcmp(a->sizes, b->sizes, sizeof *a->sizes * (size_t)a->ndim) == 0);
}

static int check_hooked(const fac_tensor *got, const fac_tensor *was) {
    if (got->dtype != was->dtype || got->layout != was->layout ||
        !fac__same_device(got->device, was->device))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "hook has changed the type of value (was %s%s on %s, got %s%s on %s)",
                         was->layout == FAC_SPARSE_COO ? "sparse " : "",
                         fac_dtype_name((fac_dtype)was->dtype), fac__device_name(was->device),
                         got->layout == FAC_SPARSE_COO ? "sparse " : "",
                         fac_dtype_name((fac_dtype)got->dtype), fac__device_name(got->device));
    return same_shape(got, was)
               ? 0
               : fac__fail(FAC_ERROR_RUNTIME, "hook has changed the size of value");
}

static int see_gradient(const struct hook *h, fac_tensor **gradient) {
    fac_tensor *got = h->on_gradient(h->user, *gradient);
    if (got == NULL)
        return 0;
    if (fac__is_bad(got))
        return fac_error_kind() != FAC_OK
                   ? -1
                   : fac__fail(FAC_ERROR_RUNTIME, "a hook failed without an error");
    if (check_hooked(got, *gradient) != 0)
        return -1;
    fac_tensor *before = *gradient;
    *gradient = fac__retain(got);
    fac__release(before);
    return 0;
}

static int call_hook(void *ctx, fac_node *node, fac_tensor **t, int n, fac_tensor **unused,
                     int nunused) {
    (void)node, (void)n, (void)unused, (void)nunused;
    const struct hook *h = ctx;
    if (atomic_load(&h->removed))
        return 0;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    int r;
    if (h->on_gradient != NULL)
        r = see_gradient(h, t);
    else if (h->on_accumulated(h->user, *t))
        r = 0;
    else
        r = fac_error_kind() != FAC_OK
                ? -1
                : fac__fail(FAC_ERROR_RUNTIME, "a hook failed without an error");
    fac_scope_close(scope);
    return r;
}

fac__hook **fac__tensor_hooks(fac_tensor *t, bool accumulated, uint32_t *nr) {
    struct fac__autograd *a = fac__autograd_of(t);
    if (a == NULL || fac__renew_view(t) != 0)
        return NULL;
    fac_node *node = accumulated ? NULL : fac__grad_fn(t);
    *nr = node == NULL ? 0 : a->output_nr;
    return accumulated ? &a->post_accumulate : node == NULL ? &a->hooks : &node->hooks;
}

static uint64_t add_hook(fac_tensor *t, struct hook wanted) {
    static _Atomic uint64_t last;
    uint32_t nr;
    bool accumulated = wanted.on_accumulated != NULL;
    fac__hook **list = NULL;
    struct hook *h = NULL;
    if (wanted.on_gradient == NULL && wanted.on_accumulated == NULL)
        fac__fail(FAC_ERROR_VALUE, "cannot register a hook that is NULL");
    else if (t == NULL)
        fac__fail(FAC_ERROR_TYPE, "cannot register a hook on a tensor that is NULL");
    else if (fac__is_bad(t) || !fac__wants_grad(t))
        fac__fail(FAC_ERROR_RUNTIME,
                  "cannot register a hook on a tensor that doesn't require gradient");
    else if (accumulated && !fac_is_leaf(t))
        fac__fail(FAC_ERROR_RUNTIME,
                  "post accumulate grad hooks cannot be registered on non-leaf tensors");
    else if ((list = fac__tensor_hooks(t, accumulated, &nr)) != NULL &&
             (h = malloc(sizeof *h)) == NULL)
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a hook");
    if (h == NULL) {
        if (wanted.destroy != NULL)
            wanted.destroy(wanted.user);
        return 0;
    }
    *h = wanted;
    uint8_t kind = accumulated ? FAC__HOOK_POST : FAC__HOOK_TENSOR_PRE;
    if (fac__hook_add(list, kind, nr, call_hook, free_hook, h) != 0)
        return 0;
    while ((*list)->ctx != h)
        list = &(*list)->next;
    return (*list)->id = atomic_fetch_add(&last, 1) + 1;
}

uint64_t fac_register_hook(fac_tensor *t, fac_gradient_hook *hook, void *user,
                           void (*destroy_user)(void *user)) {
    return add_hook(t, (struct hook){.on_gradient = hook, .user = user, .destroy = destroy_user});
}

uint64_t fac_register_accumulated_hook(fac_tensor *leaf, fac_accumulated_hook *hook, void *user,
                                       void (*destroy_user)(void *user)) {
    return add_hook(leaf,
                    (struct hook){.on_accumulated = hook, .user = user, .destroy = destroy_user});
}

static bool remove_from(fac__hook *h, uint64_t id) {
    for (; h != NULL; h = h->next)
        if (h->id == id && h->call == call_hook) {
            atomic_store(&((struct hook *)h->ctx)->removed, true);
            return true;
        }
    return false;
}

bool fac_remove_hook(fac_tensor *t, uint64_t id) {
    struct fac__autograd *a = t == NULL || id == 0 ? NULL : t->autograd;
    return a != NULL && (remove_from(a->hooks, id) || remove_from(a->post_accumulate, id) ||
                         (a->grad_fn != NULL && remove_from(a->grad_fn->hooks, id)));
}
