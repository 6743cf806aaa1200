/* Moving elements: copy with broadcast and conversion, fill, clone, cast. Below autograd. */
#include "backend_table.h"
#include "iterate.h"
#include <facula/ops.h>

#include <string.h>

static const int64_t grain = 32768;

/* Copies as the dtypes say, then conjugates or negates in place of the differing view bits. */
static fac__loop *bit_loop(const char *kernel, fac_dtype d) {
    for (uint16_t id = 0; id < FAC__NUM_OPS; id++)
        if (fac__ops[id]->kernel != NULL && strcmp(fac__ops[id]->kernel, kernel) == 0 &&
            fac__device_table_of(fac_cpu())->pointwise[id])
            return fac__device_table_of(fac_cpu())->loops[id][d];
    return NULL;
}

static int apply_in_place(fac_tensor *t, const char *kernel) {
    fac__loop *loop = bit_loop(kernel, (fac_dtype)t->dtype);
    if (loop == NULL)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "%s is not implemented for '%s'", kernel,
                         fac__scalar_type_name((fac_dtype)t->dtype));
    fac_tensor *operands[2] = {t, t};
    fac__iter it;
    fac__iter_build(&it, 2, operands, t->ndim, t->sizes);
    return fac__iter_run(&it, loop, NULL, grain);
}

/* From src, or from the one element at `bits`, broadcast to dst. */
static int move_elements(fac_tensor *dst, const fac_tensor *src, const char *bits) {
    ptrdiff_t ds[FAC_MAX_DIMS], ss[FAC_MAX_DIMS], width = (ptrdiff_t)fac__itemsize(dst->dtype);
    int lead = src == NULL ? dst->ndim : dst->ndim - src->ndim;
    for (int d = 0; d < dst->ndim; d++) {
        ds[d] = dst->strides[d] * width;
        ss[d] = d < lead || src->sizes[d - lead] == 1 ? 0 : src->strides[d - lead] * width;
    }
    const struct fac__moving m = {
        dst->ndim, dst->sizes, dst->data, ds, src == NULL ? bits : src->data, ss, (size_t)width};
    return fac__device_table_of(fac_cpu())->move(&m);
}

static int copy_plain(fac_tensor *dst, fac_tensor *src) {
    if (dst->dtype == src->dtype) {
        bool plain = fac__is_contig(dst) && fac__is_contig(src) && dst->numel == src->numel;
        if (!plain || dst->numel > grain)
            return move_elements(dst, src, NULL);
        memcpy(dst->data, src->data, (size_t)dst->numel * fac__itemsize(dst->dtype));
        return 0;
    }
    fac__cast_table *casts = fac__device_table_of(fac_cpu())->casts;
    fac_tensor *operands[2] = {dst, src};
    fac__iter it;
    fac__iter_build(&it, 2, operands, dst->ndim, dst->sizes);
    fac__loop *loop = (*casts)[src->dtype][dst->dtype];
    return fac__iter_run(&it, loop, NULL, grain);
}

static bool expands_to(const fac_tensor *src, const fac_tensor *dst) {
    if (src->ndim > dst->ndim)
        return false;
    for (int i = 0; i < src->ndim; i++) {
        int64_t s = src->sizes[src->ndim - 1 - i], d = dst->sizes[dst->ndim - 1 - i];
        if (s != d && s != 1)
            return false;
    }
    return true;
}

int fac__copy_into(fac_tensor *dst, fac_tensor *src) {
    if (FAC_UNLIKELY(dst->layout != FAC_STRIDED || src->layout != FAC_STRIDED))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "copying between tensors of layout torch.sparse_coo and others is not "
                         "implemented: use to_dense() and to_sparse()");
    if (!expands_to(src, dst)) {
        int n = dst->ndim;
        int64_t shape[FAC_MAX_DIMS];
        memcpy(shape, dst->sizes, sizeof(int64_t) * (size_t)n);
        if (fac__broadcast(&n, shape, src->ndim, src->sizes) != 0)
            return -1;
        return fac__fail(FAC_ERROR_RUNTIME,
                         "output with shape %s doesn't match the broadcast shape %s",
                         fac__shape_text(dst->ndim, dst->sizes), fac__shape_text(n, shape));
    }
    if (dst->device.type == FAC_META || dst->numel == 0 || dst == src)
        return 0;
    if (src->device.type == FAC_META)
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "Cannot copy out of meta tensor; no data!");
    if (fac__check_writable(dst) != 0)
        return -1;
    if (fac__overlap(dst, src) >= 2) {
        fac_tensor *copy = fac__clone(src, FAC_CONTIGUOUS_FORMAT);
        int r = copy == NULL ? -1 : fac__copy_into(dst, copy);
        fac__release(copy);
        return r;
    }
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (fac__is_complex((fac_dtype)src->dtype) && !fac__is_complex((fac_dtype)dst->dtype) &&
        dst->dtype != FAC_BOOL &&
        fac__warn_once(&said, "Casting complex values to real discards the imaginary part") != 0)
        return -1;
    if (copy_plain(dst, src) != 0)
        return -1;
    uint32_t differ = (dst->features ^ src->features) & (uint32_t)(FAC__CONJ | FAC__NEG);
    if ((differ & FAC__CONJ) && fac__is_complex((fac_dtype)dst->dtype) &&
        apply_in_place(dst, "conj") != 0)
        return -1;
    if ((differ & FAC__NEG) && apply_in_place(dst, "neg") != 0)
        return -1;
    return 0;
}

int fac__fill_into(fac_tensor *dst, fac_scalar value) {
    if (fac__check_fits(value, (fac_dtype)dst->dtype) != 0)
        return -1;
    if (dst->device.type == FAC_META || dst->numel == 0)
        return 0;
    _Alignas(16) char bits[16];
    if ((dst->features & FAC__CONJ) && value.kind == FAC_COMPLEX128)
        value.as.c.im = -value.as.c.im;
    if (dst->features & FAC__NEG) {
        fac_complex128 c = fac__scalar_complex(value);
        value = value.kind == FAC_COMPLEX128 ? fac_complex_number(-c.re, -c.im) : fac_float(-c.re);
    }
    fac__scalar_to(value, (fac_dtype)dst->dtype, bits);
    size_t size = fac__itemsize(dst->dtype);
    if ((dst->features & FAC__CONTIGUOUS) != 0) {
        static const char zeros[16];
        if (memcmp(bits, zeros, size) == 0 && dst->numel * (int64_t)size < 1 << 18) {
            memset(dst->data, 0, (size_t)dst->numel * size);
            return 0;
        }
    }
    return move_elements(dst, NULL, bits);
}

fac_tensor *fac__clone(fac_tensor *t, fac_memory_format format) {
    int64_t strides[FAC_MAX_DIMS];
    if (format == FAC_PRESERVE_FORMAT || format == FAC_FORMAT_NONE) {
        fac__like_strides(t, strides);
    } else if (fac__format_strides(t->ndim, t->sizes, format, strides) != 0) {
        return NULL;
    }
    fac_tensor *out = fac__empty(t->ndim, t->sizes, strides, (fac_dtype)t->dtype, t->device);
    if (out != NULL && fac__copy_into(out, t) != 0) {
        fac__release(out);
        return NULL;
    }
    return out;
}

fac_tensor *fac__contiguous(fac_tensor *t) {
    if (fac__is_contig(t) && !(t->features & (FAC__CONJ | FAC__NEG)))
        return fac__retain(t);
    return fac__clone(t, FAC_CONTIGUOUS_FORMAT);
}

fac_tensor *fac__cast(fac_tensor *t, fac_dtype dtype) {
    if (t->dtype == dtype)
        return fac__contiguous(t);
    fac_tensor *out = fac__empty(t->ndim, t->sizes, NULL, dtype, t->device);
    if (out != NULL && fac__copy_into(out, t) != 0) {
        fac__release(out);
        return NULL;
    }
    return out;
}

fac_tensor *fac__scalar_tensor(fac_scalar s, fac_dtype dtype, fac_device device) {
    fac_tensor *t = fac__empty(0, NULL, NULL, dtype, device);
    if (t != NULL && t->data != NULL)
        fac__scalar_to(s, dtype, t->data);
    return t;
}

int fac__item(fac_tensor *t, fac_scalar *out) {
    if (t->numel != 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "a Tensor with %lld elements cannot be converted to Scalar",
                         (long long)t->numel);
    if (t->features & FAC__WRAPPED)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "vmap: It looks like you're calling .item() on a Tensor. We don't support "
                         "vmap over calling .item() on a Tensor, please try to rewrite what you're "
                         "doing with other operations. If error is occurring somewhere inside "
                         "PyTorch internals, please file a bug report.");
    if (fac__tls.levels & FAC__L_CAPTURE)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "capture: a value is read, which would be frozen in the recording");
    if (t->layout == FAC_SPARSE_COO && t->device.type != FAC_META) {
        fac_scope *s = fac_scope_open();
        fac_tensor *dense = fac_to_dense(t);
        int r = fac_ok(dense) ? fac__item(dense, out) : -1;
        fac_scope_close(s);
        return r;
    }
    if (t->data == NULL)
        return fac__fail(FAC_ERROR_RUNTIME, "Tensor.item() cannot be called on meta tensors");
    *out = fac__scalar_from(t->data, (fac_dtype)t->dtype);
    if ((t->features & FAC__CONJ) && out->kind == FAC_COMPLEX128)
        out->as.c.im = -out->as.c.im;
    if (t->features & FAC__NEG) {
        out->as.f = -out->as.f;
        if (out->kind == FAC_COMPLEX128)
            out->as.c.im = -out->as.c.im;
    }
    return 0;
}

int fac__wrap_dim(int64_t dim, int ndim) {
    int64_t n = ndim == 0 ? 1 : ndim;
    if (dim < -n || dim >= n) {
        fac__fail(FAC_ERROR_INDEX,
                  "Dimension out of range (expected to be in range of [%lld, %lld], but got %lld)",
                  (long long)-n, (long long)(n - 1), (long long)dim);
        return -1;
    }
    return (int)(dim < 0 ? dim + n : dim);
}

int64_t fac__norm_dims(fac_ints dims, int ndim, int *out) {
    uint64_t seen = 0;
    for (int i = 0; i < dims.n; i++) {
        int d = fac__wrap_dim(dims.values[i], ndim);
        if (d < 0)
            return -1;
        if (seen & (1ull << d))
            return fac__fail(FAC_ERROR_RUNTIME, "dim %d appears multiple times in the list of dims",
                             d);
        seen |= 1ull << d;
        out[i] = d;
    }
    return dims.n;
}
