/* Creation by way of other ops. */
#include "../levels/levels.h"
#include "../rules/rules.h"

#include <facula/ops.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

static bool number_of(fac_value v, const char *name, fac_scalar *s) {
    *s = v.number;
    if (v.tensor == NULL)
        return true;
    if (v.tensor->ndim != 0) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "linspace only supports 0-dimensional start and end tensors, but got %s with %d "
                  "dimension(s).",
                  name, v.tensor->ndim);
        return false;
    }
    return fac__item(v.tensor, s) == 0;
}

COMPOSITE(linspace_tensors) {
    fac_scalar start, end;
    out[0] = fac_bad;
    if (number_of(a->start, "start", &start) && number_of(a->end, "end", &end))
        out[0] = fac_linspace(start, end, a->steps, .dtype = a->dtype, .layout = a->layout,
                              .device = a->device);
}

COMPOSITE(logspace) {
    fac_dtype d = a->dtype == FAC_DTYPE_NONE ? fac_default_dtype() : a->dtype;
    fac_dtype wide = fac__is_complex(d) ? FAC_COMPLEX128 : FAC_FLOAT64;
    fac_tensor *powers =
        fac_linspace(a->start, a->end, a->steps, .dtype = wide, .device = a->device);
    fac_tensor *r = fac_pow(fac_float(a->base), powers);
    out[0] = d == wide ? r : fac__to_copy(r, .dtype = d);
}

COMPOSITE(eye) {
    int64_t m = a->m.given ? a->m.value : a->n;
    out[0] = fac_bad;
    if (a->n < 0 || m < 0) {
        fac__fail(FAC_ERROR_RUNTIME, "%s must be greater or equal to 0, got %lld",
                  a->n < 0 ? "n" : "m", (long long)(a->n < 0 ? a->n : m));
        return;
    }
    fac_tensor *r =
        fac_zeros(fac_dims(a->n, m), .dtype = a->dtype, .layout = a->layout, .device = a->device);
    if (!fac__is_bad(fac_fill_(fac_diagonal(r), 1)))
        out[0] = r;
}

/* The places of a triangle of ones. */
static fac_tensor *places(int64_t rows, int64_t columns, int64_t offset, bool lower, fac_dtype d,
                          fac_device device) {
    if (rows < 0 || columns < 0) {
        fac__fail(FAC_ERROR_RUNTIME, "%s must be non-negative, got%lld", rows < 0 ? "row" : "col",
                  (long long)(rows < 0 ? rows : columns));
        return fac_bad;
    }
    fac_tensor *all = fac_ones(fac_dims(rows, columns), .dtype = FAC_BOOL, .device = device);
    fac_tensor *kept =
        lower ? fac_tril(all, .diagonal = offset) : fac_triu(all, .diagonal = offset);
    fac_tensor *r = fac_contiguous(fac_t(fac_nonzero(kept)));
    return d == FAC_DTYPE_NONE || d == FAC_INT64 ? r : fac__to_copy(r, .dtype = d);
}

/* input itself where that has all that is asked for. */
static fac_tensor *converted(fac_tensor *x, fac_device device, fac_dtype d, bool copy,
                             fac_memory_format f) {
    bool same = !copy && (d == FAC_DTYPE_NONE || d == (fac_dtype)x->dtype) &&
                (device.type == FAC_DEVICE_NONE || fac__same_device(device, x->device)) &&
                (f == FAC_FORMAT_NONE || f == FAC_PRESERVE_FORMAT || fac__is_format(x, f));
    return same ? x : fac__to_copy(x, .dtype = d, .device = device, .memory_format = f);
}

COMPOSITE(copy_scalar) {
    fac_dtype d = (fac_dtype)a->input->dtype;
    fac_tensor *number = fac_full(FAC_NO_DIMS, a->other, .dtype = (fac_dtype)a->other.kind,
                                  .device = a->input->device);
    out[0] = fac_expand(fac__to_copy(number, .dtype = d),
                        ((fac_ints){a->input->sizes, a->input->ndim, true}));
}

COMPOSITE(to) {
    out[0] = converted(a->input, a->device, a->dtype, a->copy, a->memory_format);
}

COMPOSITE(to_dtype) {
    out[0] = converted(a->input, (fac_device){0}, a->dtype, a->copy, a->memory_format);
}

COMPOSITE(to_other) {
    out[0] = converted(a->input, a->tensor->device, (fac_dtype)a->tensor->dtype, a->copy,
                       a->memory_format);
}

COMPOSITE(tril_indices) {
    out[0] = places(a->row, a->col, a->offset, true, a->dtype, a->device);
}
COMPOSITE(triu_indices) {
    out[0] = places(a->row, a->col, a->offset, false, a->dtype, a->device);
}

/* new_...(): the tensor's own dtype and device where none is given. */
#define OWN                                                                                        \
    .dtype = a->dtype == FAC_DTYPE_NONE ? (fac_dtype)a->input->dtype : a->dtype,                   \
    .device = a->device.type == FAC_DEVICE_NONE ? a->input->device : a->device,                    \
    .layout = a->layout

COMPOSITE(new_empty) {
    out[0] = fac__batch_like(a->input, fac_empty(a->size, OWN));
}
COMPOSITE(new_empty_strided) {
    out[0] = fac__batch_like(a->input, fac_empty_strided(a->size, a->stride, OWN));
}
COMPOSITE(new_zeros) {
    out[0] = fac__batch_like(a->input, fac_zeros(a->size, OWN));
}
COMPOSITE(new_ones) {
    out[0] = fac__batch_like(a->input, fac_ones(a->size, OWN));
}
COMPOSITE(new_full) {
    out[0] = fac__batch_like(a->input, fac_full(a->size, a->fill_value, OWN));
}
