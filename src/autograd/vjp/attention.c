/* The gradient of attention by blocks: Note [Fused gradients]. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <math.h>

/* The probabilities as functions of scores: exp(s - lse) with lse a function of s too. */
static fac_tensor *probabilities(fac_tensor *s, fac_tensor *lse) {
    fac_tensor *none = fac_eq(lse, (double)-INFINITY);
    fac_tensor *e = fac_exp(fac_sub(s, fac_where(none, 0, lse)));
    fac_tensor *sum = fac_sum(e, .dim = fac_dims(-1), .keepdim = true);
    return fac_div(e, fac_where(none, 1, sum));
}

FAC__VJP(_scaled_dot_product_flash_attention_for_cpu) {
    fac_tensor *q = a->query, *k = a->key, *x = a->value, *m = a->attn_mask, *r[3];
    double scale = a->scale.given ? a->scale.value : 1 / sqrt((double)q->sizes[3]);
    if (!fac_grad_mode()) {
        fac__attention_backward(g, q, k, x, v->out[0], v->out[1], a->is_causal, m, scale, r);
        for (int i = 0; i < 3; i++)
            if (fac__needs(v, i))
                v->in[i] = r[i];
        return;
    }
    fac_dtype d = (fac_dtype)v->out[1]->dtype;
    q = fac__to(q, d);
    k = fac__to(k, d);
    x = fac__to(x, d);
    g = fac__to(g, d);
    fac_tensor *s = fac_mul(fac_matmul(q, fac_transpose(k, -2, -1)), scale);
    if (a->is_causal) {
        fac_tensor *i = fac_arange_end(fac_int(q->sizes[2])),
                   *j = fac_arange_end(fac_int(k->sizes[2]));
        s = fac_where(fac_ge(fac_unsqueeze(i, -1), j), s, (double)-INFINITY);
    }
    if (m != NULL)
        s = m->dtype == FAC_BOOL ? fac_where(m, s, (double)-INFINITY) : fac_add(s, fac__to(m, d));
    fac_tensor *p = probabilities(s, fac_unsqueeze(v->out[1], -1));
    fac_tensor *dp = fac_matmul(g, fac_transpose(x, -2, -1));
    fac_tensor *delta = fac_sum(fac_mul(p, dp), .dim = fac_dims(-1), .keepdim = true);
    fac_tensor *ds = fac_mul(fac_mul(p, fac_sub(dp, delta)), scale);
    if (fac__needs(v, 0))
        v->in[0] = fac_matmul(ds, k);
    if (fac__needs(v, 1))
        v->in[1] = fac_matmul(fac_transpose(ds, -2, -1), q);
    if (fac__needs(v, 2))
        v->in[2] = fac_matmul(fac_transpose(p, -2, -1), g);
}
