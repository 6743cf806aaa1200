/* Gradients of convolutions. A convolution, its transpose and the gradient of its weight are the
 * three contractions of one trilinear form, so the gradients of each are the other two. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

static int64_t at(fac_ints v, int i) {
    return v.values[v.n == 1 ? 0 : i];
}

/* convolution(g, w, transposed) cut or extended to `sizes`. */
static fac_tensor *transpose_to(fac_tensor *g, fac_tensor *w, fac_ints stride, fac_ints padding,
                                fac_ints dilation, int64_t groups, const fac_tensor *sizes) {
    int64_t extra[3];
    int n = sizes->ndim - 2;
    for (int i = 0; i < n; i++) {
        int64_t size = (g->sizes[i + 2] - 1) * at(stride, i) - 2 * at(padding, i) +
                       at(dilation, i) * (w->sizes[i + 2] - 1) + 1;
        extra[i] = sizes->sizes[i + 2] - size;
    }
    return fac_convolution(g, w, NULL, stride, padding, dilation, true,
                           ((fac_ints){extra, n, true}), groups);
}

/* An output padding of a stride or more stretches a transposed one's gradient too far. */
static fac_tensor *cut_to(fac_tensor *t, const fac_tensor *sizes) {
    for (int i = 2; i < sizes->ndim && !fac__is_bad(t); i++)
        if (t->sizes[i] > sizes->sizes[i])
            t = fac_slice(t, .dim = i, .end = fac_some(sizes->sizes[i]));
    return t;
}

FAC__VJP(convolution) {
    int64_t zeros[3] = {0, 0, 0};
    fac_ints none = {zeros, g->ndim - 2, true};
    if (fac__needs(v, 0)) {
        fac_tensor *w = fac__conj_of(a->weight);
        fac_tensor *r = a->transposed ? fac_convolution(g, w, NULL, a->stride, a->padding,
                                                        a->dilation, false, none, a->groups)
                                      : transpose_to(g, w, a->stride, a->padding, a->dilation,
                                                     a->groups, a->input);
        v->in[0] = cut_to(r, a->input);
    }
    if (fac__needs(v, 1)) {
        fac_tensor *x = fac__conj_of(a->input);
        v->in[1] = fac__convolution_weight(a->transposed ? g : x, a->transposed ? x : g,
                                           fac__sizes_of(a->weight), a->stride, a->padding,
                                           a->dilation, a->groups);
    }
    if (fac__needs(v, 2)) {
        int64_t dims[5];
        int n = 0;
        for (int i = 0; i < g->ndim; i++)
            if (i != 1)
                dims[n++] = i;
        v->in[2] = fac_sum(g, .dim = ((fac_ints){dims, n, true}));
    }
}

FAC__VJP(_convolution_weight) {
    int64_t zeros[3] = {0, 0, 0};
    fac_ints none = {zeros, g->ndim - 2, true};
    if (fac__needs(v, 0))
        v->in[0] = transpose_to(fac__conj_of(a->grad_output), g, a->stride, a->padding, a->dilation,
                                a->groups, a->input);
    if (fac__needs(v, 1))
        v->in[1] = cut_to(fac_convolution(fac__conj_of(a->input), g, NULL, a->stride, a->padding,
                                          a->dilation, false, none, a->groups),
                          a->grad_output);
}
