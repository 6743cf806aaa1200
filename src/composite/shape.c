/* Shape ops that are calls of other ops. */
#include "../rules/rules.h"

#include <facula/ops.h>

void fac__composite_reshape(const struct fac__reshape_args *a, fac_tensor **out) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (a->shape.n > FAC_MAX_DIMS || fac__infer_size(a->shape, a->input->numel, sizes) != 0) {
        out[0] = fac_bad;
        return;
    }
    fac_ints size = {sizes, a->shape.n, true};
    if (fac__view_strides(a->input, a->shape.n, sizes, strides))
        out[0] = fac_view(a->input, size);
    else
        out[0] =
            fac__unsafe_view(fac_clone(a->input, .memory_format = FAC_CONTIGUOUS_FORMAT), size);
}

void fac__composite_contiguous(const struct fac__contiguous_args *a, fac_tensor **out) {
    fac_memory_format f = a->memory_format;
    if (f == FAC_PRESERVE_FORMAT) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "preserve memory format is unsupported by the contiguous operator");
        out[0] = fac_bad;
        return;
    }
    if (fac__is_format(a->input, f))
        out[0] = a->input;
    else
        out[0] =
            fac_clone(a->input, .memory_format = f == FAC_FORMAT_NONE ? FAC_CONTIGUOUS_FORMAT : f);
}

void fac__composite_conj(const struct fac__conj_args *a, fac_tensor **out) {
    out[0] = fac__is_complex((fac_dtype)a->input->dtype) ? fac__conj(a->input) : a->input;
}

void fac__composite_real(const struct fac__real_args *a, fac_tensor **out) {
    if (!fac__is_complex((fac_dtype)a->input->dtype)) {
        out[0] = a->input;
        return;
    }
    fac_tensor *t = a->input;
    if (t->features & FAC__CONJ)
        t = fac__conj(t); /* the real parts are the same */
    out[0] = fac_select(fac_view_as_real(t), -1, 0);
}

void fac__composite_imag(const struct fac__imag_args *a, fac_tensor **out) {
    fac_tensor *t = a->input;
    if (!fac__is_complex((fac_dtype)t->dtype)) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "imag is not implemented for tensors with non-complex dtypes.");
        out[0] = fac_bad;
        return;
    }
    if (t->features & FAC__CONJ)
        out[0] = fac__neg_view(fac_select(fac_view_as_real(fac__conj(t)), -1, 1));
    else
        out[0] = fac_select(fac_view_as_real(t), -1, 1);
}

/* The gradient of a view of a region: zeros with the gradient copied in, recorded as such. */
void fac__composite_select_backward(const struct fac__select_backward_args *a, fac_tensor **out) {
    fac_tensor *all =
        fac_zeros(a->input_sizes, .dtype = (fac_dtype)a->grad->dtype, .device = a->grad->device);
    fac_tensor *at = fac_select(all, a->dim, a->index);
    out[0] = fac__is_bad(fac_copy_(at, a->grad)) ? fac_bad : all;
}

void fac__composite_slice_backward(const struct fac__slice_backward_args *a, fac_tensor **out) {
    fac_tensor *all =
        fac_zeros(a->input_sizes, .dtype = (fac_dtype)a->grad->dtype, .device = a->grad->device);
    fac_tensor *at =
        fac_slice(all, .dim = a->dim, .start = a->start, .end = a->end, .step = fac_some(a->step));
    out[0] = fac__is_bad(fac_copy_(at, a->grad)) ? fac_bad : all;
}

void fac__composite_resolve_conj(const struct fac__resolve_conj_args *a, fac_tensor **out) {
    out[0] = a->input->features & FAC__CONJ ? fac_clone(a->input) : a->input;
}

void fac__composite_resolve_neg(const struct fac__resolve_neg_args *a, fac_tensor **out) {
    out[0] = a->input->features & FAC__NEG ? fac_clone(a->input) : a->input;
}
