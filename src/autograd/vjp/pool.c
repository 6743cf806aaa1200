/* Gradients of pooling and of windows as columns: each op's transpose, and that one's is the op. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

FAC__VJP(max_pool2d_with_indices) {
    v->in[0] = fac__pool_scatter(g, fac__sizes_of(a->input), v->out[1]);
}

FAC__VJP(adaptive_max_pool2d) {
    v->in[0] = fac__pool_scatter(g, fac__sizes_of(a->input), v->out[1]);
}

FAC__VJP(_pool_scatter) {
    v->in[0] = fac__pool_gather(g, a->indices);
}

FAC__VJP(_pool_gather) {
    v->in[0] = fac__pool_scatter(g, fac__sizes_of(a->input), a->indices);
}

FAC__VJP(avg_pool2d) {
    v->in[0] =
        fac_avg_pool2d_backward(g, fac__sizes_of(a->input), a->kernel_size, a->stride, a->padding,
                                a->ceil_mode, a->count_include_pad, a->divisor_override);
}

FAC__VJP(avg_pool2d_backward) {
    v->in[0] = fac_avg_pool2d(g, a->kernel_size, .stride = a->stride, .padding = a->padding,
                              .ceil_mode = a->ceil_mode,
                              .count_include_pad = a->count_include_pad ? FAC_TRUE : FAC_FALSE,
                              .divisor_override = a->divisor_override);
}

FAC__VJP(_adaptive_avg_pool2d) {
    v->in[0] = fac__adaptive_avg_pool2d_backward(g, fac__sizes_of(a->input));
}

FAC__VJP(_adaptive_avg_pool2d_backward) {
    const fac_tensor *o = a->grad_output;
    v->in[0] = fac__adaptive_avg_pool2d(g, ((fac_ints){o->sizes + o->ndim - 2, 2, true}));
}

FAC__VJP(im2col) {
    const fac_tensor *x = a->input;
    v->in[0] = fac_col2im(g, ((fac_ints){x->sizes + x->ndim - 2, 2, true}), a->kernel_size,
                          a->dilation, a->padding, a->stride);
}

FAC__VJP(col2im) {
    v->in[0] = fac_im2col(g, a->kernel_size, a->dilation, a->padding, a->stride);
}
