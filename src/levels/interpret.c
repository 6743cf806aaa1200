/* The stack of levels, and who an op belongs to. See Note [Levels]. */
#include "levels.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LEVELS = 64 };

static _Thread_local struct {
    fac__interp *v; /* there while a level is: thread-local memory is scarce */
    int n;
    uint64_t last;
    fac__limits limits;
} stack = {.limits = {UINT64_MAX, UINT64_MAX}};

uint64_t fac__level_enter(enum fac__interp_kind kind, int64_t size, enum fac__randomness r) {
    if (stack.n == MAX_LEVELS) {
        fac__fail(FAC_ERROR_RUNTIME, "more than %d levels of vmap and forward mode", MAX_LEVELS);
        return 0;
    }
    if (stack.v == NULL && (stack.v = malloc(sizeof *stack.v * MAX_LEVELS)) == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a level");
        return 0;
    }
    stack.v[stack.n++] = (fac__interp){++stack.last, size, (uint8_t)kind, (uint8_t)r};
    if (kind == FAC__INTERP_VMAP)
        fac__tls.levels |= FAC__L_VMAP;
    return stack.last;
}

void fac__level_exit(void) {
    if (stack.n > 0 && --stack.n == 0) {
        free(stack.v);
        stack.v = NULL;
    }
    for (int i = 0; i < stack.n; i++)
        if (stack.v[i].kind == FAC__INTERP_VMAP)
            return;
    fac__tls.levels &= ~(uint32_t)FAC__L_VMAP;
}

const fac__interp *fac__level_find(uint64_t level) {
    for (int i = stack.n - 1; i >= 0; i--)
        if (stack.v[i].level == level)
            return &stack.v[i];
    return NULL;
}

const fac__interp *fac__level_innermost(enum fac__interp_kind kind) {
    for (int i = stack.n - 1; i >= 0; i--)
        if (stack.v[i].kind == kind && stack.v[i].level < stack.limits.limit)
            return &stack.v[i];
    return NULL;
}

int fac__level_count(void) {
    return stack.n;
}

const fac__interp *fac__level_at(int i) {
    return &stack.v[i];
}

fac__limits fac__set_limits(fac__limits l) {
    fac__limits old = stack.limits;
    stack.limits = l;
    return old;
}

fac__limits fac__get_limits(void) {
    return stack.limits;
}

/* --- who an op belongs to ----------------------------------------------------------------------
 */

struct search {
    uint64_t top;
    bool stale;
};

static int look(void *ctx, fac_tensor **slot) {
    struct search *s = ctx;
    const fac_tensor *t = *slot;
    const struct fac__batch *b = fac__batch_of(t);
    if (b != NULL) {
        s->stale |= fac__level_find(b->level) == NULL;
        if (b->level > s->top)
            s->top = b->level;
    }
    if (t->features & FAC__DUAL)
        for (int i = stack.n - 1; i >= 0; i--) {
            const fac__interp *l = &stack.v[i];
            if (l->kind == FAC__INTERP_DUAL && l->level > s->top && l->level < stack.limits.hide &&
                fac__tangent(t, l->level) != NULL)
                s->top = l->level;
        }
    return 0;
}

const fac__interp *fac__level_of(fac_tensor *const *tensors, int n) {
    struct search s = {0, false};
    for (int i = 0; i < n; i++) {
        fac_tensor *t = tensors[i];
        look(&s, &t);
    }
    return fac__level_find(s.top);
}

bool fac__names(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at++)
        if (at > list && at[-1] == ' ' && at[n] == ' ')
            return true;
    return false;
}

int fac__interpret(const fac__op *op, void *args, fac__outs *outs) {
    struct search s = {0, false};
    fac__each_tensor(op, args, look, &s);
    for (int i = 0; outs->how == FAC__CALL_OUT && i < outs->n && i < 4; i++)
        if (outs->given[i] != NULL)
            look(&s, &outs->given[i]);
    if (s.stale)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: a tensor batched by a vmap that has ended escaped from it", op->name);
    if (op->flags & FAC__OP_RANDOM) {
        const fac__interp *v = fac__level_innermost(FAC__INTERP_VMAP);
        if (v != NULL && v->level > s.top)
            s.top = v->level;
    }
    if (s.top == 0)
        return 1;
    const fac__interp level = *fac__level_find(s.top);
    if (level.kind == FAC__INTERP_DUAL && (op->flags & FAC__OP_COMPOSITE))
        return 1;
    return level.kind == FAC__INTERP_VMAP ? fac__vmap_call(&level, op, args, outs)
                                          : fac__dual_call(&level, op, args, outs);
}
