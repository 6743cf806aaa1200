/* Rules of attention by blocks: queries, keys and values (b, h, l, d) of one floating dtype. */
#include "rules.h"

#include <string.h>

static int like(fac__outs *outs, int i, fac_tensor *t, int64_t d) {
    int64_t sizes[4] = {t->sizes[0], t->sizes[1], t->sizes[2], d}, strides[4];
    fac__result_strides(1, &t, 4, sizes, strides);
    return fac__out(outs, i, 4, sizes, strides, (fac_dtype)t->dtype, t->device);
}

/* Masks are added to scores (b, h, lq, lk), or say which of them count. */
static bool mask_fits(const fac_tensor *m, const fac_tensor *q, const fac_tensor *k) {
    const int64_t scores[4] = {q->sizes[0], q->sizes[1], q->sizes[2], k->sizes[2]};
    if (m == NULL)
        return true;
    bool fits = m->ndim <= 4 && !fac__is_complex((fac_dtype)m->dtype);
    for (int i = 0; fits && i < m->ndim; i++)
        fits = m->sizes[i] == 1 || m->sizes[i] == scores[4 - m->ndim + i];
    return fits;
}

static bool same(const fac_tensor *a, const fac_tensor *b) {
    return a->dtype == b->dtype && a->ndim == b->ndim &&
           memcmp(a->sizes, b->sizes, sizeof(int64_t) * (size_t)a->ndim) == 0;
}

int fac__rule__scaled_dot_product_flash_attention_for_cpu(const fac__op *op, void *args,
                                                          fac__outs *outs) {
    const struct fac___scaled_dot_product_flash_attention_for_cpu_args *a = args;
    fac_tensor *q = a->query, *k = a->key, *v = a->value;
    (void)op;
    if (q->ndim != 4 || k->ndim != 4 || v->ndim != 4)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "scaled_dot_product_attention_flash_attention: Accept only 4 dims inputs "
                         "shape of {B, H, T, K}");
    if (!fac__is_float((fac_dtype)q->dtype) || k->dtype != q->dtype || v->dtype != q->dtype)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "scaled_dot_product_attention_flash_attention: Expected data type in FP32, "
            "FP64, BF16, FP16, but got %s instead.",
            fac_dtype_name((fac_dtype)q->dtype));
    for (int i = 0; i < 2; i++)
        if (k->sizes[i] != q->sizes[i] || v->sizes[i] != q->sizes[i])
            return fac__fail(
                FAC_ERROR_RUNTIME,
                "scaled_dot_product_attention_flash_attention: query, key and value must "
                "have the same batch and head sizes");
    if (k->sizes[3] != q->sizes[3] || v->sizes[2] != k->sizes[2])
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "scaled_dot_product_attention_flash_attention: sizes of key %s and value %s "
            "don't match query %s",
            fac__shape_text(4, k->sizes), fac__shape_text(4, v->sizes),
            fac__shape_text(4, q->sizes));
    if (!mask_fits(a->attn_mask, q, k))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "scaled_dot_product_attention_flash_attention: attn_mask of size %s "
                         "doesn't broadcast to the scores",
                         fac__shape_text(a->attn_mask->ndim, a->attn_mask->sizes));
    if (a->dropout_p != 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "scaled_dot_product_attention_flash_attention: Currently "
                         "do not support dropout > 0");
    fac_dtype d = fac__opmath((fac_dtype)q->dtype);
    if (like(outs, 0, q, v->sizes[3]) != 0)
        return -1;
    return fac__out(outs, 1, 3, q->sizes, NULL, d, q->device);
}

int fac__rule__attention_backward(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___attention_backward_args *a = args;
    const fac_tensor *q = a->query, *k = a->key, *v = a->value, *o = a->output, *l = a->logsumexp;
    bool fit = q->ndim == 4 && k->ndim == 4 && v->ndim == 4 && fac__is_float((fac_dtype)q->dtype) &&
               k->dtype == q->dtype && v->dtype == q->dtype && same(a->grad_output, o);
    for (int i = 0; fit && i < 2; i++)
        fit = k->sizes[i] == q->sizes[i] && v->sizes[i] == q->sizes[i];
    fit = fit && k->sizes[3] == q->sizes[3] && v->sizes[2] == k->sizes[2];
    for (int i = 0; fit && i < 4; i++)
        fit = o->ndim == 4 && o->sizes[i] == (i < 3 ? q : v)->sizes[i];
    fit = fit && o->dtype == q->dtype && l->dtype == fac__opmath((fac_dtype)q->dtype) &&
          l->numel == q->sizes[0] * q->sizes[1] * q->sizes[2] && mask_fits(a->attn_mask, q, k);
    if (!fit)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "%s: queries, keys, values, the output and its gradient don't fit each "
                         "other",
                         op->name);
    if (like(outs, 0, a->query, a->query->sizes[3]) != 0 ||
        like(outs, 1, a->key, a->key->sizes[3]) != 0)
        return -1;
    return like(outs, 2, a->value, a->value->sizes[3]);
}
