/* Batched tensors: a value with one dimension more, seen without it. See Note [Levels]. */
#include "levels.h"

#include "../core/alloc.h"
#include "../gen/ops.h"
#include <facula/ops.h>

#include <string.h>

static void batch_free(void *payload) {
    struct fac__batch *b = payload;
    fac__release(b->value);
    fac__object_free(b, sizeof *b);
}

static int batch_traverse(void *payload, int (*visit)(fac_tensor *, void *), void *arg) {
    return visit(((struct fac__batch *)payload)->value, arg);
}

static const struct fac__payload_type batch_type = {"batched", batch_free, batch_traverse};

const struct fac__batch *fac__batch_of(const fac_tensor *t) {
    return (t->features & FAC__WRAPPED) && t->payload_type == &batch_type ? t->payload : NULL;
}

fac_tensor *fac__batched(fac_tensor *value, int dim, uint64_t level) {
    fac_tensor *t = value == NULL ? NULL : fac__tensor_new(value->ndim - 1);
    struct fac__batch *b = t == NULL ? NULL : fac__object_alloc(sizeof *b);
    if (b == NULL) {
        fac__release(t);
        fac__release(value);
        return NULL;
    }
    *b = (struct fac__batch){value, dim, level};
    t->payload_type = &batch_type;
    t->payload = b;
    t->dtype = value->dtype;
    t->layout = value->layout;
    t->device = value->device;
    for (int i = 0, k = 0; i < value->ndim; i++) {
        if (i == dim)
            continue;
        t->sizes[k] = value->sizes[i];
        t->strides[k++] = value->strides[i];
    }
    if (fac__tensor_flags(t) != 0) {
        fac__release(t);
        return NULL;
    }
    t->features |= FAC__WRAPPED;
    return t;
}

fac_tensor *fac__bottom(fac_tensor *t) {
    for (const struct fac__batch *b; (b = fac__batch_of(t)) != NULL;)
        t = b->value;
    return t;
}

/* --- moving the batch ---------------------------------------------------------------------------
 */

/* t with dimension `from` moved to `to`. */
static fac_tensor *move_dim(fac_tensor *t, int from, int to) {
    int64_t order[FAC_MAX_DIMS];
    if (from == to || fac__is_bad(t))
        return t;
    for (int i = 0, k = 0; i < t->ndim; i++) {
        if (i == to) {
            order[i] = from;
            continue;
        }
        k += k == from;
        order[i] = k++;
    }
    return fac_permute(t, ((fac_ints){order, t->ndim, true}));
}

static fac_tensor *wrapped(fac_tensor *value, int dim, uint64_t level) {
    if (fac__is_bad(value))
        return fac_bad;
    fac_tensor *t = fac__batched(fac__retain(value), dim, level);
    return t == NULL ? fac_bad : fac__scope_adopt(t);
}

fac_tensor *fac__unbatch(fac_tensor *t, uint64_t level) {
    const struct fac__batch *b = fac__batch_of(t);
    if (b == NULL || b->level < level)
        return NULL;
    if (b->level == level)
        return move_dim(b->value, b->dim, 0);
    fac_tensor *v = fac__unbatch(b->value, level);
    return v == NULL ? NULL : wrapped(v, b->dim + 1, b->level);
}

fac_tensor *fac__batch_at(fac_tensor *t, int dim, uint64_t level) {
    const struct fac__batch *b = fac__is_bad(t) ? NULL : fac__batch_of(t);
    if (b == NULL || b->level < level)
        return wrapped(t, dim, level);
    int inner = dim < b->dim ? dim : dim + 1;
    fac_tensor *v = fac__batch_at(b->value, inner, level);
    return wrapped(v, b->dim > inner ? b->dim - 1 : b->dim, b->level);
}

static fac_tensor *stretched(fac_tensor *t, int64_t n) {
    int64_t sizes[FAC_MAX_DIMS];
    if (fac__is_bad(t) || t->ndim >= FAC_MAX_DIMS)
        return fac_bad;
    sizes[0] = n;
    memcpy(sizes + 1, t->sizes, sizeof *sizes * (size_t)t->ndim);
    return fac_expand(fac_unsqueeze(t, 0), ((fac_ints){sizes, t->ndim + 1, true}));
}

/* The same for the lowest n levels: each vmap's batch is added, each tangent gets it as well. */
static fac_tensor *everywhere(fac_tensor *t, int n) {
    if (n == 0 || fac__is_bad(t))
        return t;
    const fac__interp level = *fac__level_at(n - 1);
    fac__limits old = fac__get_limits();
    if (level.level >= old.limit)
        return everywhere(t, n - 1);
    if (level.kind == FAC__INTERP_VMAP) {
        const struct fac__batch *b = fac__batch_of(t);
        if (b != NULL && b->level == level.level)
            return wrapped(everywhere(b->value, n - 1), b->dim, b->level);
        return wrapped(stretched(everywhere(t, n - 1), level.size), 0, level.level);
    }
    fac_tensor *tangent = level.level < old.hide ? fac__tangent(t, level.level) : NULL;
    if (tangent == NULL)
        return everywhere(t, n - 1);
    fac__set_limits((fac__limits){old.limit, level.level});
    fac_tensor *primal = everywhere(fac_alias(t), n - 1);
    tangent = everywhere(tangent, n - 1);
    fac__set_limits(old);
    if (fac__is_bad(primal) || fac__is_bad(tangent) ||
        fac__set_tangent(primal, level.level, tangent) != 0)
        return fac_bad;
    return primal;
}

fac_tensor *fac__batch_everywhere(fac_tensor *t) {
    return everywhere(t, fac__level_count());
}

fac_tensor *fac__new_zeros(fac_tensor *like, fac_ints sizes) {
    const struct fac__batch *b = fac__is_bad(like) ? NULL : fac__batch_of(like);
    int64_t all[FAC_MAX_DIMS];
    if (b == NULL)
        return fac_zeros(sizes, .dtype = (fac_dtype)like->dtype, .device = like->device);
    if (sizes.n >= FAC_MAX_DIMS)
        return fac_bad;
    all[0] = b->value->sizes[b->dim];
    if (sizes.n > 0)
        memcpy(all + 1, sizes.values, sizeof *all * (size_t)sizes.n);
    return wrapped(fac__new_zeros(b->value, (fac_ints){all, sizes.n + 1, true}), 0, b->level);
}

fac_tensor *fac__batch_like(fac_tensor *like, fac_tensor *t) {
    const struct fac__batch *b = fac__is_bad(like) ? NULL : fac__batch_of(like);
    int64_t sizes[FAC_MAX_DIMS];
    if (b == NULL)
        return t;
    t = fac__batch_like(b->value, t);
    if (fac__is_bad(t) || t->ndim >= FAC_MAX_DIMS)
        return fac_bad;
    sizes[0] = b->value->sizes[b->dim];
    for (int i = 0; i < t->ndim; i++)
        sizes[i + 1] = t->sizes[i];
    t = fac_expand(fac_unsqueeze(t, 0), ((fac_ints){sizes, t->ndim + 1, true}));
    return wrapped(fac_clone(t), 0, b->level);
}
