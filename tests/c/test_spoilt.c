/* Every op that a program and its backward run is called again with one argument spoilt: of another
 * rank, size, dtype or device, out of range, or missing. Gradients and the pieces of ops are public
 * too, and check for themselves what the op that leads to them has checked before. */
#include "../../src/autograd/helpers.h"
#include "../../src/core/core.h"
#include "../../src/gen/ops.h"
#include "call.h"
#include "check.h"

#include <facula/facula.h>

#include <math.h>
#include <stdlib.h>

static bool trace, visited[FAC__NUM_OPS];
static long calls, refused;

/* --- one argument spoilt -----------------------------------------------------------------------
 */

/* In-place forms are left alone, the program goes on with its tensors. */
static void again(const fac__op *op, void *args, const char *name, int how) {
    if (trace)
        fprintf(stderr, "%s, %s spoilt by %d\n", op->name, name, how);
    bool ok = call_new(op, args), told = fac_error_kind() != FAC_OK;
    if (ok == told)
        check_at(false, op->name, ok ? "succeeded with an error" : "silent", how);
    calls++;
    refused += !ok;
    fac_clear_error();
}

enum { TENSOR_WAYS = 16, INT_WAYS = 10 };

/* fac_bad where t cannot be spoilt so. */
static fac_tensor *spoilt_tensor(fac_tensor *t, int how) {
    int n = fac_dim(t);
    bool ints = !fac_dtype_is_floating(fac_dtype_of(t));
    switch (how) {
    case 0:
        return fac_unsqueeze(t, 0);
    case 1:
        return n > 0 ? fac_select(t, 0, 0) : fac_bad;
    case 2:
        return n > 0 ? fac_narrow(t, 0, 0, 0) : fac_bad;
    case 3:
        return n > 0 ? fac_narrow(t, -1, 0, 0) : fac_bad;
    case 4:
        return n > 0 ? fac_narrow(t, -1, 0, fac_size(t, -1) - 1) : fac_bad;
    case 5:
        return n > 0 ? fac_cat(fac_list(t, t), .dim = 0) : fac_bad;
    case 6:
        return n > 0 ? fac_cat(fac_list(t, t), .dim = -1) : fac_bad;
    case 7:
        return n > 1 ? fac_transpose(t, 0, -1) : fac_bad;
    case 8:
        return n > 0 ? fac_expand(fac_select(t, 0, 0), fac__sizes_of(t)) : fac_ones(fac_dims(7));
    case 9:
        return fac_full_like(t, ints ? fac_int(INT64_MAX) : fac_float(NAN),
                             .dtype = ints ? FAC_INT64 : FAC_FLOAT64);
    case 10:
        return fac_full_like(t, fac_int(-1), .dtype = ints ? FAC_INT64 : FAC_FLOAT16);
    case 11:
        return fac_ones_like(t, .dtype = FAC_INT32);
    case 12:
        return fac_ones_like(t, .dtype = FAC_BOOL);
    case 13:
        return fac_ones_like(t, .dtype = FAC_COMPLEX64);
    case 14:
        return fac_empty(fac__sizes_of(t), .dtype = fac_dtype_of(t), .device = {FAC_META, -1});
    default:
        return NULL;
    }
}

static int64_t spoilt_int(int64_t v, int how) {
    const int64_t ways[INT_WAYS] = {0,     -1,        v + 1, v - 1,     -v,
                                    2 * v, INT64_MAX, 77,    INT64_MIN, (int64_t)1 << 62};
    return ways[how];
}

static void spoil_tensor(const fac__op *op, void *args, const char *name, fac_tensor **at) {
    fac_tensor *own = *at;
    for (int how = 0; own != NULL && how < TENSOR_WAYS; how++) {
        *at = spoilt_tensor(own, how);
        fac_clear_error();
        if (*at != fac_bad)
            again(op, args, name, how);
    }
    *at = own;
}

static void spoil_int(const fac__op *op, void *args, const char *name, int64_t *at) {
    int64_t own = *at;
    for (int how = 0; how < INT_WAYS; how++) {
        *at = spoilt_int(own, how);
        again(op, args, name, how);
    }
    *at = own;
}

static void spoil_ints(const fac__op *op, void *args, const char *name, fac_ints *at) {
    fac_ints own = *at;
    int64_t copy[FAC_MAX_DIMS];
    if (own.n == 0 || own.n >= FAC_MAX_DIMS)
        return;
    memcpy(copy, own.values, sizeof *copy * (size_t)own.n);
    *at = (fac_ints){copy, own.n, true};
    for (int i = 0; i < own.n; i++)
        spoil_int(op, args, name, &copy[i]);
    copy[own.n] = 1;
    for (int n = 0; n <= own.n + 1; n++) {
        at->n = n;
        again(op, args, name, 100 + n);
    }
    *at = own;
}

static void spoil(const fac__op *op, void *args, const fac__param *p) {
    char *field = (char *)args + p->offset;
    fac_tensors *l = (fac_tensors *)(void *)field;
    switch (p->type) {
    case FAC__T_TENSOR:
        spoil_tensor(op, args, p->name, (fac_tensor **)(void *)field);
        break;
    case FAC__T_VALUE:
        spoil_tensor(op, args, p->name, &((fac_value *)(void *)field)->tensor);
        break;
    case FAC__T_TENSORS:
        for (int i = 0; i < l->n; i++)
            spoil_tensor(op, args, p->name, (fac_tensor **)(uintptr_t)&l->values[i]);
        break;
    case FAC__T_INT:
        spoil_int(op, args, p->name, (int64_t *)(void *)field);
        break;
    case FAC__T_OPT_INT:
        if (((fac_opt_int *)(void *)field)->given)
            spoil_int(op, args, p->name, &((fac_opt_int *)(void *)field)->value);
        break;
    case FAC__T_INTS:
        spoil_ints(op, args, p->name, (fac_ints *)(void *)field);
        break;
    case FAC__T_BOOL:
        *(bool *)field ^= true;
        again(op, args, p->name, 0);
        *(bool *)field ^= true;
        break;
    default:
        break;
    }
}

static void see(const fac__op *op, const void *args) {
    _Alignas(16) char copy[512];
    if (visited[op->id])
        return;
    visited[op->id] = true;
    memcpy(copy, args, op->args_size);
    for (int i = 0; i < op->nparams; i++) {
        fac_scope *s = fac_scope_open();
        spoil(op, copy, &op->params[i]);
        fac_scope_close(s);
    }
}

static int see_composite(fac__mode *self, const fac__op *op, void *args, fac__outs *outs) {
    (void)self;
    see(op, args);
    return fac__call(op, args, outs);
}

static int see_primitive(fac__mode *self, const fac__op *op, void *args, fac__outs *outs) {
    (void)self;
    see(op, args);
    return fac__dispatch(op, args, outs);
}

/* --- the program -------------------------------------------------------------------------------
 */

static fac_tensor *leaf(fac_tensor *t) {
    CHECK(fac_set_requires_grad(t, true));
    return t;
}

/* The gradient of the sum of y's squares, and that of the gradient's where x has second ones. */
static void differentiate(fac_tensor *y, fac_tensor *x, bool twice) {
    fac_tensor *g = fac_bad, *h = fac_bad;
    CHECK(fac_ok(y) && fac_gradients(fac_list(fac_sum(fac_mul(y, y))), (fac_tensors){0},
                                     fac_list(x), twice, twice, false, &g));
    if (twice)
        CHECK(fac_gradients(fac_list(fac_sum(fac_mul(g, g))), (fac_tensors){0}, fac_list(x), false,
                            false, false, &h));
}

static void classes(void) {
    fac_tensor *x = leaf(fac_randn(fac_dims(5, 4))), *t = fac_randint(4, fac_dims(5));
    fac_tensor *w = fac_rand(fac_dims(4)), *images = leaf(fac_randn(fac_dims(2, 3, 2, 2)));
    differentiate(fac_cross_entropy_loss(x, t, .weight = w), x, true);
    differentiate(fac_cross_entropy_loss(x, t, .weight = w), x, false);
    differentiate(fac_nll_loss(fac_log_softmax(x, 1), t), x, true);
    differentiate(fac_nll_loss(images, fac_randint(3, fac_dims(2, 2, 2)), .reduction = fac_some(0)),
                  images, false);
    differentiate(fac_softmax(x, 1), x, true);
    fac_tensor *table = leaf(fac_randn(fac_dims(6, 3)));
    differentiate(fac_embedding(table, fac_randint(6, fac_dims(2, 4)), .scale_grad_by_freq = true),
                  table, true);
}

static void norms(void) {
    fac_tensor *x = leaf(fac_randn(fac_dims(2, 4, 3, 3))), *w = fac_rand(fac_dims(4));
    fac_tensor *mean = fac_zeros(fac_dims(4)), *variance = fac_ones(fac_dims(4));
    for (int training = 0; training < 2; training++)
        differentiate(fac_batch_norm(x, w, w, mean, variance, training, 0.1, 1e-5, false), x,
                      false);
    differentiate(fac_group_norm(x, 2, .weight = w, .bias = w), x, false);
    differentiate(fac_layer_norm(x, fac_dims(3, 3), .weight = fac_rand(fac_dims(3, 3))), x, false);
}

static void windows(void) {
    fac_tensor *x = leaf(fac_randn(fac_dims(2, 2, 6, 6)));
    fac_tensor *w = leaf(fac_randn(fac_dims(4, 1, 3, 3)));
    differentiate(fac_conv2d(x, w, .stride = fac_dims(2, 2), .padding = fac_dims(1, 1),
                             .groups = fac_some(2)),
                  w, true);
    differentiate(fac_max_pool2d(x, fac_dims(2, 2), .padding = fac_dims(1, 1)), x, true);
    differentiate(fac_avg_pool2d(x, fac_dims(3, 3), .stride = fac_dims(2, 2)), x, true);
    differentiate(fac_adaptive_avg_pool2d(x, fac_dims(4, 4)), x, true);
    fac_tensor *most[2] = {fac_bad, fac_bad};
    CHECK(fac_adaptive_max_pool2d(x, fac_dims(4, 4), most) == 0);
    differentiate(most[0], x, true);
    differentiate(fac_im2col(x, fac_dims(2, 2), fac_dims(1, 1), fac_dims(0, 0), fac_dims(2, 2)), x,
                  true);
}

static void attention(void) {
    fac_tensor *q = leaf(fac_randn(fac_dims(2, 2, 3, 4))), *k = fac_randn(fac_dims(2, 2, 5, 4));
    differentiate(fac_scaled_dot_product_attention(q, k, k, .attn_mask = fac_rand(fac_dims(3, 5))),
                  q, false);
}

static void activations(void) {
    fac_tensor *x = leaf(fac_randn(fac_dims(3, 4))), *t = fac_rand(fac_dims(3, 4));
    differentiate(fac_relu(x), x, false);
    differentiate(fac_threshold(x, 0.1, 0), x, true);
    differentiate(fac_tanh(fac_sigmoid(x)), x, true);
    differentiate(fac_gelu(x), x, true);
    differentiate(fac_gelu(x, .approximate = "tanh"), x, true);
    differentiate(fac_softplus(fac_silu(x)), x, true);
    differentiate(fac_elu(x), x, true);
    differentiate(fac_hardtanh(fac_leaky_relu(x)), x, true);
    differentiate(fac_binary_cross_entropy(fac_sigmoid(x), t), x, true);
    differentiate(fac_binary_cross_entropy_with_logits(x, t), x, true);
    differentiate(fac_smooth_l1_loss(x, t), x, true);
    differentiate(fac_huber_loss(x, t), x, true);
}

static void views(void) {
    fac_tensor *x = leaf(fac_randn(fac_dims(3, 4)));
    differentiate(fac_select(x, 0, 1), x, true);
    differentiate(fac_slice(x, .dim = 1, .step = fac_some(2)), x, true);
    differentiate(fac_diagonal(x), x, true);
    differentiate(fac_unfold(x, 1, 2, 1), x, true);
    differentiate(fac_matmul(x, fac_randn(fac_dims(2, 4, 3))), x, true);
    differentiate(fac_as_strided(x, fac_dims(2, 2), fac_dims(4, 1)), x, true);
}

/* What backward calls, and the pieces that ops over classes and windows are made of. */
static bool must_be_seen(const char *name) {
    static const char *const pieces[] = {"_cross_entropy", "_convolution_weight", "_pool_scatter",
                                         "_pool_gather", "_adaptive_avg_pool2d"};
    bool is = strstr(name, "backward") != NULL;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        is |= strcmp(name, pieces[i]) == 0;
    return is;
}

int main(void) {
    fac__mode composites = {.call = see_composite}, primitives = {.call = see_primitive};
    fac_scope *s = fac_scope_open();
    trace = getenv("FACULA_TEST_TRACE") != NULL; /* for finding out which one crashed */
    fac_manual_seed(1);
    fac__mode_push(FAC__LEVEL_FUNCTION, &composites);
    fac__mode_push(FAC__LEVEL_DISPATCH, &primitives);
    classes();
    norms();
    windows();
    attention();
    activations();
    views();
    fac__mode_pop(FAC__LEVEL_DISPATCH);
    fac__mode_pop(FAC__LEVEL_FUNCTION);
    fac_scope_close(s);
    for (int id = 0; id < FAC__NUM_OPS; id++)
        if (must_be_seen(fac__ops[id]->name))
            CHECK_SAYS(visited[id], fac__ops[id]->name);
    printf("%ld calls, of which %ld were refused\n", calls, refused);
    CHECK(refused > calls / 4);
    return check_report();
}
