/* Layer, batch and group normalisation and their gradients.
 *
 * Statistics are kept in the type that sums are kept in: float32 for the narrow dtypes. Rows, or
 * channels, are units of work; what crosses them is added up in fixed blocks. */
#include "nn.h"

#include <string.h>

enum { CHANNEL_TILE = 64, MOST_BLOCKS = 32 };

struct rows_job {
    const char *x, *g;
    char *out;
    const void *weight, *bias;
    void *mean, *rstd;
    void *partial, *grad_weight, *grad_bias;
    int64_t rows, n, block, blocks;
    double eps;
};

struct channels_job {
    const char *x, *g;
    char *out;
    const void *weight, *bias;
    void *running_mean, *running_var, *mean, *invstd;
    void *grad_weight, *grad_bias;
    int64_t n, c, s, tile;
    bool training, narrow;
    double momentum, eps;
};

struct groups_job {
    const char *x, *g;
    char *out;
    const void *weight, *bias;
    void *mean, *rstd, *grad_weight, *grad_bias;
    double *sums;
    int64_t groups, k, s;
    bool narrow;
    double eps;
};

#define T uint16_t
#define C float
#define LOAD fac__float_of_float16
#define STORE fac__float16_of_float
#define NAME(x) x##_FLOAT16
#include "norm_columns.h"
#define T uint16_t
#define C float
#define LOAD fac__float_of_bfloat16
#define STORE fac__bfloat16_of_float
#define NAME(x) x##_BFLOAT16
#include "norm_columns.h"
#define T float
#define C float
#define LOAD KEEP
#define STORE KEEP
#define NAME(x) x##_FLOAT32
#include "norm_columns.h"
#define T double
#define C double
#define LOAD KEEP
#define STORE KEEP
#define NAME(x) x##_FLOAT64
#include "norm_columns.h"

/* Whether statistics are kept in the input's narrow dtype: unless parameters are wider. */
static bool narrow(const fac_tensor *x, const fac_tensor *p, const fac_tensor *q) {
    return (x->dtype == FAC_FLOAT16 || x->dtype == FAC_BFLOAT16) &&
           (p == NULL || p->dtype == x->dtype) && (q == NULL || q->dtype == x->dtype);
}

/* What a kernel holds while it runs: inputs made contiguous, parameters in the dtype of sums. */
struct held {
    fac_tensor *t[6];
    int n;
};

static const void *hold(struct held *h, fac_tensor *t, int *status) {
    if (t == NULL)
        *status = -1;
    else
        h->t[h->n++] = t;
    return t == NULL ? NULL : t->data;
}

static const void *hold_parameter(struct held *h, fac_tensor *t, fac_dtype d, int *status) {
    return t == NULL ? NULL : hold(h, fac__cast(t, d), status);
}

static void drop(struct held *h) {
    for (int i = 0; i < h->n; i++)
        fac__release(h->t[i]);
}

/* --- layer_norm ------------------------------------------------------------------------------ */

static int native_layer_norm(const void *args, fac_tensor **out) {
    const struct fac__native_layer_norm_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(layer);
    fac_dtype d = fac__opmath((fac_dtype)a->input->dtype);
    struct held h = {0};
    int r = 0;
    struct rows_job j = {.n = 1, .eps = a->eps};
    for (int i = 0; i < a->normalized_shape.n; i++)
        j.n *= a->normalized_shape.values[i];
    j.x = hold(&h, fac__contiguous(a->input), &r);
    j.weight = hold_parameter(&h, a->weight, d, &r);
    j.bias = hold_parameter(&h, a->bias, d, &r);
    j.out = out[0]->data;
    j.mean = out[1]->data;
    j.rstd = out[2]->data;
    if (r == 0)
        r = fac__parallel_for(out[1]->numel, nn_grain(j.n), table[a->input->dtype], &j);
    drop(&h);
    return r;
}

static int layer_norm_backward(const void *args, fac_tensor **out) {
    const struct fac___layer_norm_backward_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(layer_back);
    static fac__range_fn *const join[FAC_NUM_DTYPES] = NN_TABLE(join);
    fac_dtype d = fac__opmath((fac_dtype)a->input->dtype);
    struct held h = {0};
    int r = 0;
    struct rows_job j = {.n = a->inner, .rows = a->mean->numel};
    j.x = hold(&h, fac__contiguous(a->input), &r);
    j.g = hold(&h, fac__contiguous(a->grad_output), &r);
    j.weight = hold_parameter(&h, a->weight, d, &r);
    j.mean = (void *)(uintptr_t)hold(&h, fac__contiguous(a->mean), &r);
    j.rstd = (void *)(uintptr_t)hold(&h, fac__contiguous(a->rstd), &r);
    j.out = out[0]->data;
    j.grad_weight = out[1]->data;
    j.grad_bias = out[2]->data;
    j.block = nn_max(8, (j.rows + MOST_BLOCKS - 1) / MOST_BLOCKS);
    j.blocks = (j.rows + j.block - 1) / j.block;
    size_t size = (size_t)(2 * j.n * j.blocks) * fac__itemsize((uint8_t)d) + 8;
    if (r == 0 && (j.partial = fac__alloc(size)) != NULL) {
        r = fac__parallel_for(j.blocks, nn_grain(j.n * j.block), table[a->input->dtype], &j);
        if (r == 0)
            r = fac__parallel_for(j.n, nn_grain(j.blocks), join[a->input->dtype], &j);
        fac__free(j.partial, size);
    } else {
        r = -1;
    }
    drop(&h);
    return r;
}

/* --- batch_norm ------------------------------------------------------------------------------ */

/* (n, c, s) of a tensor contiguous in row-major order, or channels last: (n * s, c, 1). */
static void channels_of(struct channels_job *j, const fac_tensor *t, bool last) {
    j->n = t->sizes[0];
    j->c = t->sizes[1];
    j->s = 1;
    for (int i = 2; i < t->ndim; i++)
        j->s *= t->sizes[i];
    if (last) {
        j->n *= j->s;
        j->s = 1;
    }
    j->tile = j->s == 1 ? CHANNEL_TILE : 1;
}

/* x in the memory order of `like`. */
static fac_tensor *in_order(fac_tensor *x, bool last) {
    if (!last)
        return fac__contiguous(x);
    fac_memory_format f = x->ndim == 4 ? FAC_CHANNELS_LAST : FAC_CHANNELS_LAST_3D;
    return fac__is_format(x, f) ? fac__retain(x) : fac__clone(x, f);
}

static int run_channels(struct channels_job *j, fac__range_fn *fn) {
    int64_t units = (j->c + j->tile - 1) / j->tile;
    return fac__parallel_for(units, nn_grain(j->n * j->s * j->tile), fn, j);
}

/* A running statistic in the dtype of sums, written back after. */
static void *running(struct held *h, fac_tensor *t, fac_dtype d, bool writes, fac_tensor **held,
                     int *status) {
    *held = NULL;
    if (t == NULL)
        return NULL;
    fac_tensor *c = fac__cast(t, d);
    if (c != NULL && writes && c->data != t->data)
        *held = c;
    return (void *)(uintptr_t)hold(h, c, status);
}

static int native_batch_norm(const void *args, fac_tensor **out) {
    const struct fac__native_batch_norm_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(batch);
    fac_dtype d = fac__opmath((fac_dtype)a->input->dtype);
    struct held h = {0};
    fac_tensor *mean, *var;
    int r = 0;
    struct channels_job j = {.training = a->training, .momentum = a->momentum, .eps = a->eps};
    j.narrow = narrow(a->input, a->weight, a->bias) && narrow(a->input, a->running_mean, NULL);
    bool last = !fac__is_contig(out[0]) && out[0]->numel > 0;
    channels_of(&j, a->input, last);
    j.x = hold(&h, in_order(a->input, last), &r);
    j.weight = hold_parameter(&h, a->weight, d, &r);
    j.bias = hold_parameter(&h, a->bias, d, &r);
    j.running_mean = running(&h, a->running_mean, d, a->training, &mean, &r);
    j.running_var = running(&h, a->running_var, d, a->training, &var, &r);
    j.out = out[0]->data;
    j.mean = out[1]->data;
    j.invstd = out[2]->data;
    if (r == 0 && a->training && j.n * j.s == 0) { /* no statistics of nothing */
        memset(j.mean, 0, (size_t)out[1]->numel * fac__itemsize(out[1]->dtype));
        memset(j.invstd, 0, (size_t)out[2]->numel * fac__itemsize(out[2]->dtype));
    } else if (r == 0) {
        r = run_channels(&j, table[a->input->dtype]);
    }
    if (r == 0 && mean != NULL)
        r = fac__copy_into(a->running_mean, mean);
    if (r == 0 && var != NULL)
        r = fac__copy_into(a->running_var, var);
    drop(&h);
    return r;
}

static int batch_norm_backward(const void *args, fac_tensor **out) {
    const struct fac___batch_norm_backward_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(batch_back);
    fac_dtype d = fac__opmath((fac_dtype)a->input->dtype);
    struct held h = {0};
    int r = 0;
    struct channels_job j = {.training = a->training};
    bool last = !fac__is_contig(out[0]) && out[0]->numel > 0;
    channels_of(&j, a->input, last);
    j.x = hold(&h, in_order(a->input, last), &r);
    j.g = hold(&h, in_order(a->grad_output, last), &r);
    j.weight = hold_parameter(&h, a->weight, d, &r);
    j.mean = (void *)(uintptr_t)hold_parameter(&h, a->mean, d, &r);
    j.invstd = (void *)(uintptr_t)hold_parameter(&h, a->invstd, d, &r);
    j.out = out[0]->data;
    j.grad_weight = out[1]->data;
    j.grad_bias = out[2]->data;
    if (r == 0)
        r = run_channels(&j, table[a->input->dtype]);
    drop(&h);
    return r;
}

/* --- group_norm ------------------------------------------------------------------------------ */

static int native_group_norm(const void *args, fac_tensor **out) {
    const struct fac__native_group_norm_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(group);
    fac_dtype d = fac__opmath((fac_dtype)a->input->dtype);
    struct held h = {0};
    int r = 0;
    struct groups_job j = {.groups = a->group, .k = a->C / a->group, .s = a->HxW, .eps = a->eps};
    j.narrow = narrow(a->input, a->weight, a->bias);
    j.x = hold(&h, fac__contiguous(a->input), &r);
    j.weight = hold_parameter(&h, a->weight, d, &r);
    j.bias = hold_parameter(&h, a->bias, d, &r);
    j.out = out[0]->data;
    j.mean = out[1]->data;
    j.rstd = out[2]->data;
    if (r == 0)
        r = fac__parallel_for(a->N * a->group, nn_grain(j.k * j.s), table[a->input->dtype], &j);
    drop(&h);
    return r;
}

static int group_norm_backward(const void *args, fac_tensor **out) {
    const struct fac___group_norm_backward_args *a = args;
    static fac__range_fn *const table[FAC_NUM_DTYPES] = NN_TABLE(group_back);
    static void (*const join[FAC_NUM_DTYPES])(const struct groups_job *, int64_t) =
        NN_TABLE(group_join);
    fac_dtype d = fac__opmath((fac_dtype)a->input->dtype);
    struct held h = {0};
    int r = 0;
    int64_t rows = a->N * a->group;
    struct groups_job j = {.groups = a->group, .k = a->C / a->group, .s = a->HxW};
    j.x = hold(&h, fac__contiguous(a->input), &r);
    j.g = hold(&h, fac__contiguous(a->grad_output), &r);
    j.weight = hold_parameter(&h, a->weight, d, &r);
    j.mean = (void *)(uintptr_t)hold(&h, fac__contiguous(a->mean), &r);
    j.rstd = (void *)(uintptr_t)hold(&h, fac__contiguous(a->rstd), &r);
    j.out = out[0]->data;
    j.grad_weight = out[1]->data;
    j.grad_bias = out[2]->data;
    size_t size = (size_t)(2 * rows * j.k) * sizeof(double) + 8;
    if (r == 0 && (j.sums = fac__alloc(size)) != NULL) {
        r = fac__parallel_for(rows, nn_grain(j.k * j.s), table[a->input->dtype], &j);
        join[a->input->dtype](&j, rows);
        fac__free(j.sums, size);
    } else {
        r = -1;
    }
    drop(&h);
    return r;
}

static const fac__kernel_row rows[] = {{"native_layer_norm", native_layer_norm},
                                       {"_layer_norm_backward", layer_norm_backward},
                                       {"native_batch_norm", native_batch_norm},
                                       {"_batch_norm_backward", batch_norm_backward},
                                       {"native_group_norm", native_group_norm},
                                       {"_group_norm_backward", group_norm_backward},
                                       {0}};
const fac__family FAC__K(fac__family_norm) = {NULL, rows};
