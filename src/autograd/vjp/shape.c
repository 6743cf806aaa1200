/* Gradients of views, copies and creation. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/autograd.h>
#include <facula/ops.h>

#include <string.h>

FAC__VJP(as_strided) {
    fac_tensor view = {.ndim = a->size.n,
                       .sizes = (int64_t *)(uintptr_t)a->size.values,
                       .strides = (int64_t *)(uintptr_t)a->stride.values,
                       .offset =
                           a->storage_offset.given ? a->storage_offset.value : a->input->offset};
    view.features = 0; /* may overlap */
    v->in[0] = fac__as_strided_backward(g, a->input, &view);
}

FAC__VJP(view) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(_unsafe_view) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(permute) {
    int64_t back[FAC_MAX_DIMS];
    int n = a->dims.n;
    for (int i = 0; i < n; i++)
        back[a->dims.values[i] < 0 ? a->dims.values[i] + n : a->dims.values[i]] = i;
    v->in[0] = fac_permute(g, ((fac_ints){back, n, true}));
}

FAC__VJP(transpose) {
    v->in[0] = fac_transpose(g, a->dim0, a->dim1);
}

FAC__VJP(swapaxes) {
    v->in[0] = fac_transpose(g, a->axis0, a->axis1);
}

FAC__VJP(swapdims) {
    v->in[0] = fac_transpose(g, a->dim0, a->dim1);
}

FAC__VJP(t) {
    (void)a;
    v->in[0] = fac_t(g);
}

FAC__VJP(expand) {
    v->in[0] = fac__sum_to(g, a->input->ndim, a->input->sizes);
}

FAC__VJP(select) {
    v->in[0] = fac_select_backward(g, fac__sizes_of(a->input), a->dim, a->index);
}

FAC__VJP(slice) {
    v->in[0] = fac_slice_backward(g, fac__sizes_of(a->input), a->dim, a->start, a->end, a->step);
}

FAC__VJP(squeeze) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(squeeze_dim) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(squeeze_dims) {
    v->in[0] = fac_reshape(g, fac__sizes_of(a->input));
}

FAC__VJP(unsqueeze) {
    v->in[0] = fac_squeeze_dim(g, a->dim);
}

FAC__VJP(alias) {
    (void)a;
    v->in[0] = g;
}

FAC__VJP(clone) {
    (void)a;
    v->in[0] = g;
}

FAC__VJP(_to_copy) {
    v->in[0] = a->input->dtype == g->dtype
                   ? g
                   : fac__to(fac__is_complex((fac_dtype)g->dtype) &&
                                     !fac__is_complex((fac_dtype)a->input->dtype)
                                 ? fac_real(g)
                                 : g,
                             (fac_dtype)a->input->dtype);
}

FAC__VJP(copy) {
    if (fac__needs(v, 0))
        v->in[0] = fac_zeros_like(g);
    if (fac__needs(v, 1))
        v->in[1] = g;
    (void)a;
}

FAC__VJP(fill) {
    if (fac__needs(v, 0))
        v->in[0] = fac_zeros_like(g);
    if (fac__needs(v, 1))
        v->in[1] = fac_sum(g);
    (void)a;
}

FAC__VJP(zero) {
    (void)a;
    v->in[0] = fac_zeros_like(g);
}

FAC__VJP(_conj) {
    (void)a;
    v->in[0] = fac__conj_of(g);
}

FAC__VJP(conj_physical) {
    (void)a;
    v->in[0] = fac__conj_of(g);
}

FAC__VJP(_neg_view) {
    (void)a;
    v->in[0] = fac_mul(g, -1);
}

FAC__VJP(view_as_real) {
    (void)a;
    v->in[0] = fac_view_as_complex(fac_contiguous(g));
}

FAC__VJP(view_as_complex) {
    (void)a;
    v->in[0] = fac_view_as_real(fac_resolve_conj(g));
}

/* Samples don't depend on what was there before, nor, to autograd, on the distribution. */
void fac__vjp_random_fill(struct fac__vjp *v) {
    for (int i = 0; i < 2; i++)
        if (fac__needs(v, i))
            v->in[i] = fac_zeros_like(v->grad[0]);
}

/* --- pieces and joins ------------------------------------------------------------------------ */

static fac_tensors all_grads(const struct fac__vjp *v) {
    return (fac_tensors){v->grad, (int)v->node->noutputs};
}

FAC__VJP(split) {
    (void)g;
    v->in[0] = fac_cat(all_grads(v), .dim = a->dim);
}

FAC__VJP(split_with_sizes) {
    (void)g;
    v->in[0] = fac_cat(all_grads(v), .dim = a->dim);
}

FAC__VJP(unbind) {
    (void)g;
    v->in[0] = a->input->sizes[a->dim < 0 ? a->dim + a->input->ndim : a->dim] == 0
                   ? fac_zeros(fac__sizes_of(a->input), .dtype = (fac_dtype)a->input->dtype,
                               .device = a->input->device)
                   : fac_stack(all_grads(v), .dim = a->dim);
}

FAC__VJP(cat) {
    int64_t at = 0;
    int dim = (int)(a->dim < 0 ? a->dim + g->ndim : a->dim);
    for (int i = 0; i < a->tensors.n; i++) {
        const fac_tensor *t = a->tensors.values[i];
        bool skipped = t->ndim == 1 && t->sizes[0] == 0;
        if (fac__needs(v, i))
            v->in[i] = skipped ? fac_zeros(fac_dims(0), .dtype = (fac_dtype)g->dtype)
                               : fac_narrow(g, dim, at, t->sizes[dim]);
        at += skipped ? 0 : t->sizes[dim];
    }
}

FAC__VJP(stack) {
    for (int i = 0; i < a->tensors.n; i++)
        if (fac__needs(v, i))
            v->in[i] = fac_select(g, a->dim, i);
}

FAC__VJP(repeat) {
    const fac_tensor *t = a->input;
    int64_t sizes[2 * FAC_MAX_DIMS], dims[FAC_MAX_DIMS];
    int n = 0, ndims = 0, lead = a->repeats.n - t->ndim;
    for (int d = 0; d < a->repeats.n; d++) {
        int64_t times = a->repeats.values[d];
        if (times == 0) {
            v->in[0] =
                fac_zeros(fac__sizes_of(t), .dtype = (fac_dtype)g->dtype, .device = g->device);
            return;
        }
        if (times != 1 || d < lead) {
            dims[ndims++] = n;
            sizes[n++] = times;
        }
        if (d >= lead)
            sizes[n++] = t->sizes[d - lead];
        if (n > FAC_MAX_DIMS) { /* far fewer dimensions are larger than 1 in any real tensor */
            fac_set_error(FAC_ERROR_RUNTIME, "repeat: the gradient needs too many dimensions");
            v->in[0] = fac_bad;
            return;
        }
    }
    if (ndims == 0) {
        v->in[0] = g;
        return;
    }
    v->in[0] = fac_sum(fac_reshape(g, ((fac_ints){sizes, n, true})),
                       .dim = ((fac_ints){dims, ndims, true}));
}

FAC__VJP(flip) {
    v->in[0] = fac_flip(g, a->dims);
}

FAC__VJP(roll) {
    int64_t back[FAC_MAX_DIMS];
    int n = a->shifts.n < FAC_MAX_DIMS ? a->shifts.n : FAC_MAX_DIMS;
    for (int i = 0; i < n; i++)
        back[i] = -a->shifts.values[i];
    v->in[0] = fac_roll(g, ((fac_ints){back, n, true}), .dims = a->dims);
}

FAC__VJP(rot90) {
    v->in[0] = fac_rot90(g, .k = fac_some(-(a->k % 4)), .dims = a->dims);
}

/* --- diagonals, slices, triangles ---------------------------------------------------------------
 */

FAC__VJP(diagonal) {
    v->in[0] = fac_diagonal_backward(g, fac__sizes_of(a->input), a->offset, a->dim1, a->dim2);
}

FAC__VJP(diagonal_copy) {
    v->in[0] = fac_diagonal_backward(g, fac__sizes_of(a->input), a->offset, a->dim1, a->dim2);
}

FAC__VJP(diag_embed) {
    v->in[0] = fac_diagonal(g, .offset = a->offset, .dim1 = a->dim1, .dim2 = fac_some(a->dim2));
}

FAC__VJP(unfold) {
    v->in[0] = fac_unfold_backward(g, fac__sizes_of(a->input), a->dimension, a->size, a->step);
}

FAC__VJP(tril) {
    v->in[0] = fac_tril(g, .diagonal = a->diagonal);
}

FAC__VJP(triu) {
    v->in[0] = fac_triu(g, .diagonal = a->diagonal);
}

static fac_tensor *zeros_as(const fac_tensor *src, const fac_tensor *g) {
    return fac_zeros(fac__sizes_of(src), .dtype = (fac_dtype)g->dtype, .device = g->device);
}

FAC__VJP(diagonal_scatter) {
    if (fac__needs(v, 0))
        v->in[0] = fac_diagonal_scatter(g, zeros_as(a->src, g), .offset = a->offset,
                                        .dim1 = a->dim1, .dim2 = fac_some(a->dim2));
    if (fac__needs(v, 1))
        v->in[1] = fac_diagonal(g, .offset = a->offset, .dim1 = a->dim1, .dim2 = fac_some(a->dim2));
}

FAC__VJP(select_scatter) {
    if (fac__needs(v, 0))
        v->in[0] = fac_select_scatter(g, zeros_as(a->src, g), a->dim, a->index);
    if (fac__needs(v, 1))
        v->in[1] = fac_select(g, a->dim, a->index);
}

FAC__VJP(slice_scatter) {
    if (fac__needs(v, 0))
        v->in[0] = fac_slice_scatter(g, zeros_as(a->src, g), .dim = a->dim, .start = a->start,
                                     .end = a->end, .step = fac_some(a->step));
    if (fac__needs(v, 1))
        v->in[1] = fac_slice(g, .dim = a->dim, .start = a->start, .end = a->end,
                             .step = fac_some(a->step));
}

FAC__VJP(as_strided_scatter) {
    const fac_tensor *x = a->input;
    int64_t at = (a->storage_offset.given ? a->storage_offset.value : x->offset) - x->offset;
    if (fac__needs(v, 0)) {
        fac_tensor *rest = fac_clone(g, .memory_format = FAC_CONTIGUOUS_FORMAT);
        fac_tensor *hole = fac_zero_(fac_as_strided(rest, a->size, a->stride,
                                                    .storage_offset = fac_some(at + rest->offset)));
        v->in[0] = fac__is_bad(hole) ? fac_bad : rest;
    }
    if (fac__needs(v, 1)) {
        fac_tensor *flat = fac_contiguous(g);
        v->in[1] = fac_contiguous(fac_as_strided(flat, a->size, a->stride,
                                                 .storage_offset = fac_some(at + flat->offset)));
    }
}
