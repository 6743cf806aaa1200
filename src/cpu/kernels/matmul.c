/* Matrix product ops over the gemm of this instruction set. */
#include "../../gen/ops.h"
#include "gemm.h"

/* Sums of float16 and bfloat16 are kept in float32. */
static void number(fac_scalar s, fac_dtype d, char out[16]) {
    fac__scalar_to(s, d == FAC_FLOAT16 || d == FAC_BFLOAT16 ? FAC_FLOAT32 : d, out);
}

static int mm(const void *args, fac_tensor **out) {
    const struct fac__mm_args *a = args;
    const fac_tensor *x = a->input, *y = a->mat2, *c = out[0];
    return FAC__K(fac__gemm)((fac_dtype)x->dtype, x->sizes[0], y->sizes[1], x->sizes[1], NULL,
                             x->data, x->strides[0], x->strides[1], y->data, y->strides[0],
                             y->strides[1], NULL, c->data, c->strides[0], c->strides[1], NULL);
}

static int batch(const fac_tensor *x, const fac_tensor *y, const fac_tensor *c, const void *alpha,
                 const void *beta) {
    return FAC__K(fac__gemm_batched)(
        (fac_dtype)x->dtype, x->sizes[0], x->sizes[1], y->sizes[2], x->sizes[2], alpha, x->data,
        x->strides[0], x->strides[1], x->strides[2], y->data, y->strides[0], y->strides[1],
        y->strides[2], beta, c->data, c->strides[0], c->strides[1], c->strides[2], NULL);
}

static int bmm(const void *args, fac_tensor **out) {
    const struct fac__bmm_args *a = args;
    return batch(a->input, a->mat2, out[0], NULL, NULL);
}

static bool is_zero(fac_scalar s) {
    return fac__scalar_double(s) == 0 && fac__scalar_complex(s).im == 0;
}

static bool is_one(fac_scalar s) {
    return fac__scalar_double(s) == 1 && fac__scalar_complex(s).im == 0;
}

static int addmm(const void *args, fac_tensor **out) {
    const struct fac__addmm_args *a = args;
    const fac_tensor *x = a->mat1, *y = a->mat2, *c = out[0], *b = a->input;
    _Alignas(16) char alpha[16], beta[16];
    fac_dtype d = (fac_dtype)x->dtype;
    number(a->alpha, d, alpha);
    number(a->beta, d, beta);
    struct fac__gemm_epilogue e = {0};
    bool row = is_one(a->beta) && b->ndim == 1 && b->sizes[0] == y->sizes[1] && b != c;
    if (row) {
        e.bias = b->data;
        e.bias_col = b->strides[0];
    } else if (!is_zero(a->beta) && fac__copy_into(out[0], a->input) != 0) {
        return -1;
    }
    return FAC__K(fac__gemm)(d, x->sizes[0], y->sizes[1], x->sizes[1], alpha, x->data,
                             x->strides[0], x->strides[1], y->data, y->strides[0], y->strides[1],
                             row || is_zero(a->beta) ? NULL : beta, c->data, c->strides[0],
                             c->strides[1], row ? &e : NULL);
}

static int baddbmm(const void *args, fac_tensor **out) {
    const struct fac__baddbmm_args *a = args;
    _Alignas(16) char alpha[16], beta[16];
    number(a->alpha, (fac_dtype)a->batch1->dtype, alpha);
    number(a->beta, (fac_dtype)a->batch1->dtype, beta);
    if (is_zero(a->beta))
        return batch(a->batch1, a->batch2, out[0], alpha, NULL);
    if (fac__copy_into(out[0], a->input) != 0)
        return -1;
    return batch(a->batch1, a->batch2, out[0], alpha, beta);
}

static int mv(const void *args, fac_tensor **out) {
    const struct fac__mv_args *a = args;
    const fac_tensor *x = a->input, *v = a->vec;
    return FAC__K(fac__gemm)((fac_dtype)x->dtype, x->sizes[0], 1, x->sizes[1], NULL, x->data,
                             x->strides[0], x->strides[1], v->data, v->strides[0], 1, NULL,
                             out[0]->data, out[0]->strides[0], 1, NULL);
}

static int dot(const void *args, fac_tensor **out) {
    const struct fac__dot_args *a = args;
    const fac_tensor *x = a->input, *y = a->tensor;
    return FAC__K(fac__gemm)((fac_dtype)x->dtype, 1, 1, x->numel, NULL, x->data, 1, x->strides[0],
                             y->data, y->strides[0], 1, NULL, out[0]->data, 1, 1, NULL);
}

static int linear(const void *args, fac_tensor **out) {
    const struct fac__linear_args *a = args;
    const fac_tensor *w = a->weight, *c = out[0];
    fac_tensor *x = a->input;
    int last = x->ndim - 1;
    int64_t k = x->sizes[last], n = w->ndim == 2 ? w->sizes[0] : 1, m = 1;
    bool rows = x->ndim <= 2;
    for (int i = 0; i < last; i++)
        m *= x->sizes[i];
    x = rows ? fac__retain(x) : fac__contiguous(x);
    if (x == NULL)
        return -1;
    int64_t row = x->ndim == 2 ? x->strides[0] : k, col = x->strides[last];
    struct fac__gemm_epilogue e = {0};
    if (a->bias != NULL) {
        e.bias = a->bias->data;
        e.bias_col = a->bias->ndim == 0 || a->bias->sizes[0] == 1 ? 0 : a->bias->strides[0];
    }
    int r = FAC__K(fac__gemm)((fac_dtype)x->dtype, m, n, k, NULL, x->data, row, col, w->data,
                              w->strides[w->ndim - 1], w->ndim == 2 ? w->strides[0] : 1, NULL,
                              c->data, n, 1, a->bias != NULL ? &e : NULL);
    fac__release(x);
    return r;
}

static const fac__kernel_row rows[] = {{"mm", mm},           {"bmm", bmm}, {"addmm", addmm},
                                       {"baddbmm", baddbmm}, {"mv", mv},   {"dot", dot},
                                       {"linear", linear},   {0}};
const fac__family FAC__K(fac__family_matmul) = {NULL, rows};
