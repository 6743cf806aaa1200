/* Argument structs as levels change them: copied, with every tensor in its own slot. */
#include "levels.h"

#include <stdlib.h>
#include <string.h>

int fac__args_copy_init(fac__args_copy *c, const fac__op *op, const void *args) {
    c->lists = c->small;
    if (op->args_size > sizeof c->args)
        return fac__fail(FAC_ERROR_RUNTIME, "%s: argument struct too large", op->name);
    memcpy(c->args, args, op->args_size);
    size_t n = 0;
    for (int i = 0; i < op->nlists; i++)
        n += (size_t)((const fac_tensors *)(void *)(c->args + op->list_offsets[i]))->n;
    if (n > sizeof c->small / sizeof c->small[0]) {
        c->lists = malloc(sizeof *c->lists * n);
        if (c->lists == NULL) {
            c->lists = c->small;
            return fac__fail(FAC_ERROR_MEMORY, "not enough memory for %zu arguments", n);
        }
    }
    fac_tensor **at = c->lists;
    for (int i = 0; i < op->nlists; i++) {
        fac_tensors *l = (fac_tensors *)(void *)(c->args + op->list_offsets[i]);
        if (l->n > 0)
            memcpy(at, l->values, sizeof *at * (size_t)l->n);
        l->values = at;
        at += l->n;
    }
    return 0;
}

void fac__args_copy_done(fac__args_copy *c) {
    if (c->lists != c->small)
        free(c->lists);
}

int fac__each_tensor(const fac__op *op, void *args, fac__each_fn *fn, void *ctx) {
    for (int i = 0; i < op->ntensors; i++) {
        fac_tensor **t = (fac_tensor **)(void *)((char *)args + op->tensor_offsets[i]);
        if (*t != NULL && fn(ctx, t) != 0)
            return -1;
    }
    for (int i = 0; i < op->nlists; i++) {
        fac_tensors *l = (fac_tensors *)(void *)((char *)args + op->list_offsets[i]);
        fac_tensor **v = (fac_tensor **)(uintptr_t)l->values;
        for (int k = 0; k < l->n; k++)
            if (v[k] != NULL && fn(ctx, &v[k]) != 0)
                return -1;
    }
    return 0;
}
