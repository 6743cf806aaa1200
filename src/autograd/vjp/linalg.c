/* Gradients of matrix products: products with the transposed, conjugated other operand. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

static fac_tensor *adjoint(fac_tensor *t) {
    return fac__conj_of(fac_transpose(t, -1, -2));
}

static fac_tensor *times(fac_tensor *t, fac_scalar s) {
    s = fac__conj_number(s);
    fac_complex128 c = fac__scalar_complex(s);
    return c.re == 1 && c.im == 0 ? t : fac_mul(t, s);
}

FAC__VJP(mm) {
    if (fac__needs(v, 0))
        v->in[0] = fac_mm(g, adjoint(a->mat2));
    if (fac__needs(v, 1))
        v->in[1] = fac_mm(adjoint(a->input), g);
}

FAC__VJP(bmm) {
    if (fac__needs(v, 0))
        v->in[0] = fac_bmm(g, adjoint(a->mat2));
    if (fac__needs(v, 1))
        v->in[1] = fac_bmm(adjoint(a->input), g);
}

FAC__VJP(addmm) {
    if (fac__needs(v, 0))
        v->in[0] = times(g, a->beta);
    if (fac__needs(v, 1))
        v->in[1] = times(fac_mm(g, adjoint(a->mat2)), a->alpha);
    if (fac__needs(v, 2))
        v->in[2] = times(fac_mm(adjoint(a->mat1), g), a->alpha);
}

FAC__VJP(baddbmm) {
    if (fac__needs(v, 0))
        v->in[0] = times(g, a->beta);
    if (fac__needs(v, 1))
        v->in[1] = times(fac_bmm(g, adjoint(a->batch2)), a->alpha);
    if (fac__needs(v, 2))
        v->in[2] = times(fac_bmm(adjoint(a->batch1), g), a->alpha);
}

FAC__VJP(mv) {
    if (fac__needs(v, 0))
        v->in[0] = fac_outer(g, fac__conj_of(a->vec));
    if (fac__needs(v, 1))
        v->in[1] = fac_mv(adjoint(a->input), g);
}

FAC__VJP(dot) {
    if (fac__needs(v, 0))
        v->in[0] = fac_mul(g, fac__conj_of(a->tensor));
    if (fac__needs(v, 1))
        v->in[1] = fac_mul(g, fac__conj_of(a->input));
}

/* Leading dimensions made one. */
static fac_tensor *rows(fac_tensor *t) {
    if (t->ndim == 2)
        return t;
    int64_t last = t->ndim == 0 ? 1 : t->sizes[t->ndim - 1], n = 1;
    for (int i = 0; i < t->ndim - 1; i++)
        n *= t->sizes[i];
    return fac_reshape(t, fac_dims(n, last));
}

FAC__VJP(linear) {
    fac_tensor *w = a->weight;
    bool vector = w != NULL && w->ndim == 1;
    if (a->weight == NULL && fac__needs(v, 1))
        vector = g->ndim == a->input->ndim - 1;
    fac_tensor *g2 = vector ? fac_reshape(g, fac_dims(g->numel, 1)) : rows(g);
    if (fac__needs(v, 0)) {
        fac_tensor *w2 = vector ? fac_unsqueeze(w, 0) : w;
        v->in[0] = fac_reshape(fac_mm(g2, fac__conj_of(w2)), fac__sizes_of(a->input));
    }
    if (fac__needs(v, 1)) {
        fac_tensor *x2 = rows(a->input);
        fac_tensor *gw = fac_mm(adjoint(g2), x2);
        if (fac__is_complex((fac_dtype)g->dtype))
            gw = fac_mm(fac_t(g2), fac__conj_of(x2));
        v->in[1] = vector ? fac_reshape(gw, fac_dims(-1)) : gw;
    }
    if (fac__needs(v, 2))
        v->in[2] = g2->sizes[0] == 1 && !vector ? fac_reshape(g2, fac_dims(-1))
                                                : fac_sum(g2, .dim = fac_dims(0));
}
