/* Autocast: some ops run in a lower precision, some in float32, some in the widest of their inputs.
 *
 * The lists are those that PyTorch documents for the CPU ("CPU Op-Specific Behavior" of its amp
 * page). Casts are ordinary ops, so that they are recorded and lead gradients back to the original
 * dtype. The cast of a parameter is kept until the outermost context ends: a weight used twice is
 * converted once. Composites that are on no list run as their parts. */
#include "levels.h"

#include "../gen/ops.h"
#include <facula/ops.h>

#include <stdlib.h>
#include <string.h>

enum policy { UNKNOWN, NONE, LOWER, FULL, WIDEST };

static const char *const lower[] = {
    "_native_multi_head_attention",
    "addbmm",
    "addmm",
    "baddbmm",
    "bmm",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_tbc",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "convolution",
    "_convolution",
    "linalg_vecdot",
    "linear",
    "matmul",
    "mm",
    "prelu",
    "scaled_dot_product_attention",
};

static const char *const full[] = {
    "adaptive_avg_pool3d",
    "avg_pool3d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cdist",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "cosine_embedding_loss",
    "cross_entropy_loss",
    "ctc_loss",
    "grid_sampler",
    "grid_sampler_2d",
    "grid_sampler_3d",
    "hinge_embedding_loss",
    "huber_loss",
    "inverse",
    "kl_div",
    "l1_loss",
    "lu_solve",
    "margin_ranking_loss",
    "max_pool3d",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "nanquantile",
    "nll_loss",
    "nll_loss2d",
    "nll_loss_nd",
    "orgqr",
    "ormqr",
    "pinverse",
    "poisson_nll_loss",
    "polar",
    "prod",
    "quantile",
    "reflection_pad1d",
    "reflection_pad2d",
    "replication_pad1d",
    "replication_pad2d",
    "replication_pad3d",
    "smooth_l1_loss",
    "soft_margin_loss",
    "stft",
    "trace",
    "triplet_margin_loss",
    "view_as_complex",
};

static const char *const widest[] = {"cat", "index_copy", "stack"};

static bool listed(const char *const *list, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

static bool begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

#define LISTED(list, name) listed(list, sizeof list / sizeof list[0], name)

static enum policy policy_of(const fac__op *op) {
    static _Atomic uint8_t known[FAC__NUM_OPS];
    uint8_t p = known[op->id];
    if (p != UNKNOWN)
        return p;
    if (LISTED(lower, op->python))
        p = LOWER;
    else if (LISTED(full, op->python) || begins(op->python, "fft_") ||
             (begins(op->python, "linalg_") && strcmp(op->python, "linalg_vector_norm") != 0))
        p = FULL;
    else
        p = LISTED(widest, op->python) ? WIDEST : NONE;
    known[op->id] = p;
    return p;
}

/* --- the cache of casts ------------------------------------------------------------------------
 */

struct cast {
    fac_tensor *from, *to; /* counted */
};

static _Thread_local struct {
    fac__autocast_state state;
    fac__mode mode;
    bool pushed;
    struct cast *casts;
    int ncasts, room;
} tls = {.state = {.cache = true, .dtype = FAC_BFLOAT16}};

fac__autocast_state *fac__autocast(void) {
    return &tls.state;
}

void fac__autocast_clear_cache(void) {
    for (int i = 0; i < tls.ncasts; i++) {
        fac__release(tls.casts[i].from);
        fac__release(tls.casts[i].to);
    }
    free(tls.casts);
    tls.casts = NULL;
    tls.ncasts = tls.room = 0;
}

static fac_tensor *cached(const fac_tensor *t, fac_dtype d) {
    for (int i = 0; i < tls.ncasts; i++) {
        fac_tensor *to = tls.casts[i].to;
        /* a cast made under no_grad would cut the graph */
        if (tls.casts[i].from == t && to->dtype == d &&
            (!fac__tls.grad_mode || (to->features & FAC__GRAD)))
            return to;
    }
    return NULL;
}

static int keep(fac_tensor *from, fac_tensor *to) {
    if (tls.ncasts == tls.room) {
        int room = tls.room == 0 ? 16 : 2 * tls.room;
        struct cast *more = realloc(tls.casts, sizeof *more * (size_t)room);
        if (more == NULL)
            return fac__fail(FAC_ERROR_MEMORY, "not enough memory for autocast's cache");
        tls.casts = more;
        tls.room = room;
    }
    tls.casts[tls.ncasts++] = (struct cast){fac__retain(from), fac__retain(to)};
    return 0;
}

static bool is_parameter(const fac_tensor *t) {
    return t->dtype == FAC_FLOAT32 && (t->features & FAC__GRAD) && !(t->features & FAC__VIEW) &&
           t->autograd != NULL && t->autograd->grad_fn == NULL;
}

/* --- casting -----------------------------------------------------------------------------------
 */

static int cast(void *ctx, fac_tensor **slot) {
    fac_dtype d = *(const fac_dtype *)ctx;
    fac_tensor *t = *slot;
    if (!fac__is_float((fac_dtype)t->dtype) || t->dtype == FAC_FLOAT64 || t->dtype == d ||
        t->device.type != FAC_CPU)
        return 0;
    bool keeps = tls.state.cache && d == tls.state.dtype && is_parameter(t);
    fac_tensor *to = keeps ? cached(t, d) : NULL;
    if (to == NULL) {
        to = fac__to_copy(t, .dtype = d);
        if (fac__is_bad(to) || (keeps && keep(t, to) != 0))
            return -1;
    }
    *slot = to;
    return 0;
}

static int widen(void *ctx, fac_tensor **slot) {
    fac_dtype *d = ctx, have = (fac_dtype)(*slot)->dtype;
    if (fac__is_float(have) && have != *d)
        *d = *d == FAC_DTYPE_NONE ? have : fac_promote(*d, have);
    return 0;
}

/* From the last argument to the first, as PyTorch's casts come. */
static int cast_all(const fac__op *op, void *args, fac_dtype d) {
    for (int i = op->nlists - 1; i >= 0; i--) {
        fac_tensors *l = (fac_tensors *)(void *)((char *)args + op->list_offsets[i]);
        fac_tensor **v = (fac_tensor **)(uintptr_t)l->values;
        for (int k = 0; k < l->n; k++)
            if (v[k] != NULL && cast(&d, &v[k]) != 0)
                return -1;
    }
    for (int i = op->ntensors - 1; i >= 0; i--) {
        fac_tensor **t = (fac_tensor **)(void *)((char *)args + op->tensor_offsets[i]);
        if (*t != NULL && cast(&d, t) != 0)
            return -1;
    }
    return 0;
}

static int call(fac__mode *self, const fac__op *op, void *args, fac__outs *outs) {
    enum policy p = outs->how == FAC__CALL_NEW ? policy_of(op) : NONE;
    if (p == NONE && (op->flags & FAC__OP_COMPOSITE)) {
        /* its parts may be listed: they meet this level again */
        fac__mode_push(FAC__LEVEL_TRANSFORM, self);
        int r = op->exec(op, args, outs);
        fac__mode_pop(FAC__LEVEL_TRANSFORM);
        return r;
    }
    if (p == NONE)
        return fac__call(op, args, outs);
    fac__args_copy copy;
    fac_scope *scope = fac_scope_open();
    if (scope == NULL)
        return -1;
    int r = fac__args_copy_init(&copy, op, args);
    if (r == 0) {
        fac_dtype d = p == LOWER ? tls.state.dtype : p == FULL ? FAC_FLOAT32 : FAC_DTYPE_NONE;
        if (p == WIDEST)
            fac__each_tensor(op, copy.args, widen, &d);
        r = d == FAC_DTYPE_NONE ? 0 : cast_all(op, copy.args, d);
        if (r == 0)
            r = fac__call(op, copy.args, outs);
        fac__args_copy_done(&copy);
    }
    fac_scope_close(scope);
    return r;
}

static void unlink_mode(void) {
    fac__mode **at = &fac__tls.modes[FAC__LEVEL_TRANSFORM];
    while (*at != NULL && *at != &tls.mode)
        at = &(*at)->next;
    if (*at != NULL)
        *at = tls.mode.next;
    if (fac__tls.modes[FAC__LEVEL_TRANSFORM] == NULL)
        fac__tls.levels &= ~(uint32_t)FAC__L_TRANSFORM;
}

void fac__autocast_enable(bool on) {
    tls.state.enabled = on;
    tls.mode.call = call;
    if (on && !tls.pushed)
        fac__mode_push(FAC__LEVEL_TRANSFORM, &tls.mode);
    else if (!on && tls.pushed)
        unlink_mode();
    tls.pushed = on;
}
