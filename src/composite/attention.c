/* scaled_dot_product_attention: by blocks where that serves, else as products and a softmax. */
#include "../autograd/helpers.h"
#include "../rules/rules.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <math.h>
#include <string.h>

typedef struct fac__scaled_dot_product_attention_args sdpa;

static const char *plain_name(const fac_tensor *t) {
    switch (t->dtype) {
    case FAC_FLOAT32:
        return "float";
    case FAC_FLOAT64:
        return "double";
    case FAC_FLOAT16:
        return "c10::Half";
    case FAC_BFLOAT16:
        return "c10::BFloat16";
    case FAC_INT64:
        return "long int";
    default:
        return fac_dtype_name((fac_dtype)t->dtype);
    }
}

static int check(const sdpa *a) {
    const fac_tensor *q = a->query, *k = a->key, *v = a->value, *m = a->attn_mask;
    if (k->dtype != q->dtype || v->dtype != q->dtype)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            "%s key.dtype: %s and value.dtype: %s instead.",
            plain_name(q), plain_name(k), plain_name(v));
    if (q->ndim < 2 || k->ndim < 2 || v->ndim < 2)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            "query.dim: %d key.dim: %d and value.dim: %d instead.",
            q->ndim, k->ndim, v->ndim);
    if (m != NULL && m->dtype != FAC_BOOL && m->dtype != q->dtype && m->dtype != FAC_FLOAT32)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "Expected attn_mask dtype to be bool or float or to match query dtype, but "
            "got attn_mask.dtype: %s and  query.dtype: %s instead.",
            plain_name(m), plain_name(q));
    if (!(a->dropout_p >= 0 && a->dropout_p <= 1))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "dropout probability has to be between 0 and 1, but got %g", a->dropout_p);
    if (!fac__is_float((fac_dtype)q->dtype))
        return fac__fail(FAC_ERROR_RUNTIME, "expected scalar type Float but found %s",
                         fac__scalar_type_name((fac_dtype)q->dtype));
    return 0;
}

/* Heads of keys and values repeated for groups of queries. */
static fac_tensor *repeated(fac_tensor *t, const fac_tensor *q) {
    int n = t->ndim;
    if (n < 3 || q->ndim != n || t->sizes[n - 3] == q->sizes[n - 3])
        return t;
    int64_t sizes[FAC_MAX_DIMS], heads = t->sizes[n - 3];
    if (heads == 0 || q->sizes[n - 3] % heads != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "Number of heads in key and value must divide the number of heads in ");
        return fac_bad;
    }
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)(n - 2));
    sizes[n - 2] = q->sizes[n - 3] / heads;
    sizes[n - 1] = t->sizes[n - 2];
    sizes[n] = t->sizes[n - 1];
    fac_tensor *r = fac_expand(fac_unsqueeze(t, n - 2), ((fac_ints){sizes, n + 1, true}));
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)n);
    sizes[n - 3] = q->sizes[n - 3];
    return fac_reshape(r, ((fac_ints){sizes, n, true}));
}

static bool mask_fits(const fac_tensor *m, const fac_tensor *q, const fac_tensor *k) {
    if (m == NULL)
        return true;
    int64_t want[4] = {q->sizes[0], q->sizes[1], q->sizes[2], k->sizes[2]};
    if (m->ndim > 4 || m->ndim < 2 || (fac_grad_mode() && fac_requires_grad(m)))
        return false;
    for (int i = 0; i < m->ndim; i++)
        if (m->sizes[i] != 1 && m->sizes[i] != want[i + 4 - m->ndim])
            return false;
    return true;
}

static bool by_blocks(const sdpa *a, const fac_tensor *q, const fac_tensor *k,
                      const fac_tensor *v) {
    if (q->ndim != 4 || k->ndim != 4 || v->ndim != 4 || a->dropout_p != 0 ||
        q->device.type != FAC_CPU || q->numel == 0 || k->numel == 0)
        return false;
    for (int i = 0; i < 2; i++)
        if (k->sizes[i] != q->sizes[i] || v->sizes[i] != q->sizes[i])
            return false;
    return q->sizes[3] == k->sizes[3] && v->sizes[3] == q->sizes[3] && v->sizes[2] == k->sizes[2] &&
           !(a->attn_mask != NULL && a->is_causal) && mask_fits(a->attn_mask, q, k);
}

/* Rows without any score left are zeros. */
static fac_tensor *safe_softmax(fac_tensor *s) {
    if (fac__is_bad(s) || s->numel == 0)
        return s;
    fac_tensor *top = fac_detach(fac_amax(s, .dim = fac_dims(-1), .keepdim = true));
    fac_tensor *none = fac_eq(top, (double)-INFINITY);
    fac_tensor *e = fac_exp(fac_sub(s, fac_where(none, 0, top)));
    fac_tensor *sum = fac_sum(e, .dim = fac_dims(-1), .keepdim = true);
    return fac_div(e, fac_where(none, 1, sum));
}

static fac_tensor *causal_mask(const fac_tensor *q, const fac_tensor *k) {
    fac_tensor *i = fac_arange_end(fac_int(q->sizes[q->ndim - 2]), .device = q->device);
    fac_tensor *j = fac_arange_end(fac_int(k->sizes[k->ndim - 2]), .device = q->device);
    return fac_ge(fac_unsqueeze(i, -1), j);
}

static fac_tensor *by_products(const sdpa *a, fac_tensor *q, fac_tensor *k, fac_tensor *v) {
    double scale = a->scale.given ? a->scale.value : 1 / sqrt((double)q->sizes[q->ndim - 1]);
    fac_tensor *m = a->attn_mask;
    fac_dtype d = (fac_dtype)q->dtype, wide = fac__opmath(d);
    q = fac__to(q, wide);
    k = fac__to(k, wide);
    v = fac__to(v, wide);
    if (fac__is_bad(q))
        return q;
    double root = sqrt(fabs(scale));
    if (q->sizes[q->ndim - 1] == 0)
        root = 1;
    fac_tensor *s =
        fac_matmul(fac_mul(q, scale < 0 ? -root : root), fac_transpose(fac_mul(k, root), -2, -1));
    if (fac__is_bad(s))
        return s;
    if (a->is_causal) {
        fac_tensor *c = causal_mask(q, k);
        s = fac_where(c, s, (double)-INFINITY);
    }
    if (m != NULL)
        s = m->dtype == FAC_BOOL ? fac_where(m, s, (double)-INFINITY)
                                 : fac_add(s, fac__to(m, (fac_dtype)s->dtype));
    s = safe_softmax(s);
    if (a->dropout_p > 0)
        s = fac_dropout(s, a->dropout_p, true);
    return fac__to(fac_matmul(s, v), d);
}

void fac__composite_scaled_dot_product_attention(const sdpa *a, fac_tensor **out) {
    fac_tensor *q = a->query, *k = a->key, *v = a->value, *r[2];
    out[0] = fac_bad;
    if (check(a) != 0)
        return;
    if (a->enable_gqa) {
        k = repeated(k, q);
        v = repeated(v, q);
        if (fac__is_bad(k) || fac__is_bad(v))
            return;
    }
    if (!by_blocks(a, q, k, v)) {
        out[0] = by_products(a, q, k, v);
        return;
    }
    fac__scaled_dot_product_flash_attention_for_cpu(q, k, v, r, .is_causal = a->is_causal,
                                                    .attn_mask = a->attn_mask, .scale = a->scale);
    out[0] = r[0];
}
