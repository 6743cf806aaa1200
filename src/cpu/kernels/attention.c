/* Attention by blocks of rows and columns: scores are made a block at a time and folded into a
 * running maximum, sum and output, after "FlashAttention" (Dao et al., 2022); the gradient makes
 * the probabilities again from the saved logarithms of their sums.
 *
 * Blocks are cut by position, so that neither threads nor other heads change the bits. */
#include "gemm.h"
#include "nn.h"

#include <string.h>

enum { BLOCK_Q = 64, BLOCK_K = 256 };

/* A (b, h, l, d) tensor's address and strides in elements. */
struct operand {
    char *data;
    int64_t batch, head, row, col;
    size_t item;
};

struct attention {
    struct operand q, k, v, o, g, dq, dk, dvalue;
    const char *mask; /* with strides in bytes, 0 where it broadcasts */
    int64_t m_batch, m_head, m_row, m_col;
    bool bool_mask, causal;
    int64_t heads, lq, lk, d, dv, q_blocks;
    double scale;
    void *lse;
};

static void *operand(const struct operand *o, int64_t unit, int64_t heads) {
    return o->data + (unit / heads * o->batch + unit % heads * o->head) * (int64_t)o->item;
}

#define T float
#define EXP vm_exp
#define LOG vm_log
#define DTYPE FAC_FLOAT32
#define NAME(x) x##_FLOAT32
#include "attention_columns.h"
#define T double
#define EXP exp
#define LOG log
#define DTYPE FAC_FLOAT64
#define NAME(x) x##_FLOAT64
#include "attention_columns.h"

enum { MOST_HELD = 8 };

/* Inputs in the working dtype, and outputs to be brought back from it. */
struct held {
    fac_tensor *in[MOST_HELD];
    int n;
    fac_tensor *from[3], *to[3];
    int nback;
};

static struct operand set(const fac_tensor *t) {
    return (struct operand){t->data,       t->strides[0], t->strides[1],
                            t->strides[2], t->strides[3], fac__itemsize(t->dtype)};
}

/* t in dtype d, its strides kept where it is already. Overlapping elements are spread out. */
static int input(struct held *h, fac_tensor *t, fac_dtype d, struct operand *o) {
    bool spread = false;
    for (int i = 0; i < t->ndim; i++)
        spread |= t->strides[i] == 0 && t->sizes[i] > 1;
    fac_tensor *c = t->dtype != d ? fac__cast(t, d) : spread ? fac__contiguous(t) : fac__retain(t);
    if (c == NULL)
        return -1;
    h->in[h->n++] = c;
    *o = set(c);
    return 0;
}

/* Where results are written row by row: t itself where it has the dtype and rows of its own. */
static int output(struct held *h, fac_tensor *t, fac_dtype d, struct operand *o) {
    fac_tensor *c = t;
    if (t->dtype != d || t->strides[3] != 1) {
        c = fac__empty(t->ndim, t->sizes, NULL, d, t->device);
        if (c == NULL)
            return -1;
        h->from[h->nback] = c;
        h->to[h->nback++] = t;
    }
    *o = set(c);
    return 0;
}

static int finish(struct held *h, int status) {
    for (int i = 0; i < h->nback; i++) {
        if (status == 0)
            status = fac__copy_into(h->to[i], h->from[i]);
        fac__release(h->from[i]);
    }
    for (int i = 0; i < h->n; i++)
        fac__release(h->in[i]);
    return status;
}

static int set_mask(struct attention *a, struct held *h, fac_tensor *m, fac_dtype d) {
    if (m == NULL)
        return 0;
    a->bool_mask = m->dtype == FAC_BOOL;
    fac_tensor *c = a->bool_mask || m->dtype == d ? fac__retain(m) : fac__cast(m, d);
    if (c == NULL)
        return -1;
    h->in[h->n++] = c;
    int64_t *to[4] = {&a->m_batch, &a->m_head, &a->m_row, &a->m_col};
    for (int i = 0; i < 4; i++) {
        int own = i - (4 - c->ndim);
        bool steps = own >= 0 && c->sizes[own] > 1;
        *to[i] = steps ? c->strides[own] * (int64_t)fac__itemsize(c->dtype) : 0;
    }
    a->mask = c->data;
    return 0;
}

static void sizes_of(struct attention *a, const fac_tensor *q, const fac_tensor *k,
                     const fac_tensor *v) {
    a->heads = q->sizes[1];
    a->lq = q->sizes[2];
    a->lk = k->sizes[2];
    a->d = q->sizes[3];
    a->dv = v->sizes[3];
    a->q_blocks = (a->lq + BLOCK_Q - 1) / BLOCK_Q;
}

static int attention(const void *args, fac_tensor **out) {
    const struct fac___scaled_dot_product_flash_attention_for_cpu_args *p = args;
    fac_dtype d = p->query->dtype == FAC_FLOAT64 ? FAC_FLOAT64 : FAC_FLOAT32;
    struct attention a = {.causal = p->is_causal};
    struct held h = {0};
    sizes_of(&a, p->query, p->key, p->value);
    a.scale = p->scale.given ? p->scale.value : 1 / sqrt((double)a.d);
    a.lse = out[1]->data;
    int r = input(&h, p->query, d, &a.q) | input(&h, p->key, d, &a.k) |
            input(&h, p->value, d, &a.v) | set_mask(&a, &h, p->attn_mask, d) |
            output(&h, out[0], d, &a.o);
    int64_t units = p->query->sizes[0] * a.heads * a.q_blocks;
    int64_t work = BLOCK_Q * a.lk * (a.d + a.dv) / 16 + 1;
    if (r == 0)
        r = fac__parallel_for(units, nn_grain(work),
                              d == FAC_FLOAT64 ? attend_FLOAT64 : attend_FLOAT32, &a);
    return finish(&h, r);
}

static int attention_backward(const void *args, fac_tensor **out) {
    const struct fac___attention_backward_args *p = args;
    fac_dtype d = p->query->dtype == FAC_FLOAT64 ? FAC_FLOAT64 : FAC_FLOAT32;
    struct attention a = {.causal = p->is_causal, .scale = p->scale};
    struct held h = {0};
    sizes_of(&a, p->query, p->key, p->value);
    fac_tensor *lse = fac__contiguous(p->logsumexp);
    if (lse == NULL)
        return -1;
    h.in[h.n++] = lse;
    a.lse = lse->data;
    int r = input(&h, p->query, d, &a.q) | input(&h, p->key, d, &a.k) |
            input(&h, p->value, d, &a.v) | input(&h, p->output, d, &a.o) |
            input(&h, p->grad_output, d, &a.g) | set_mask(&a, &h, p->attn_mask, d) |
            output(&h, out[0], d, &a.dq) | output(&h, out[1], d, &a.dk) |
            output(&h, out[2], d, &a.dvalue);
    int64_t work = a.lq * a.lk * (a.d + a.dv) / 8 + 1;
    if (r == 0 && a.lk == 0)
        r = fac__fill_into(out[0], fac_float(0));
    else if (r == 0)
        r = fac__parallel_for(p->query->sizes[0] * a.heads, nn_grain(work),
                              d == FAC_FLOAT64 ? attend_back_FLOAT64 : attend_back_FLOAT32, &a);
    return finish(&h, r);
}

static const fac__kernel_row rows[] = {{"_scaled_dot_product_flash_attention_for_cpu", attention},
                                       {"_attention_backward", attention_backward},
                                       {0}};
const fac__family FAC__K(fac__family_attention) = {NULL, rows};
