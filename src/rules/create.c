/* Making tensors: what size, which dtype, where. */
#include "../core/core.h"
#include "../core/iterate.h"
#include "../gen/ops.h"
#include "../sparse/coo.h"

#include <math.h>
#include <string.h>

static fac_device device_or_cpu(fac_device d) {
    return d.type == FAC_DEVICE_NONE ? fac_cpu() : d;
}

static int check_device(fac_device d) {
    if (d.type == FAC_CUDA)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "facula was built without a CUDA plug-in: no CUDA device is available");
    return 0;
}

static int check_layout(const char *op, fac_layout layout) {
    if (layout == FAC_SPARSE_COO)
        return fac__fail(FAC_ERROR_RUNTIME, "%s(...) is not implemented for sparse layout", op);
    return 0;
}

/* No elements at all: zeros. */
static int make_sparse(fac__outs *outs, fac_ints size, fac_dtype dtype, fac_device device) {
    int64_t places[2] = {size.n, 0}, none = 0;
    for (int i = 0; i < size.n; i++)
        if (size.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Trying to create tensor with negative dimension %lld: %s",
                             (long long)size.values[i], fac__shape_text(size.n, size.values));
    if (size.n > FAC_MAX_DIMS || outs->how == FAC__CALL_OUT)
        return fac__fail(FAC_ERROR_RUNTIME, "zeros: out= and layout torch.sparse_coo");
    fac_tensor *indices = fac__empty(2, places, NULL, FAC_INT64, device_or_cpu(device));
    fac_tensor *values =
        fac__empty(1, &none, NULL, dtype == FAC_DTYPE_NONE ? fac_default_dtype() : dtype,
                   device_or_cpu(device));
    if (indices != NULL && values != NULL)
        outs->v[0] = fac__coo_new(indices, values, size, size.n > 0);
    fac__release(indices);
    fac__release(values);
    return outs->v[0] == NULL ? -1 : 0;
}

/* A new tensor, or the out= one resized. */
static int make(fac__outs *outs, fac_ints size, fac_dtype dtype, fac_device device,
                fac_memory_format format, fac_layout layout, const char *op) {
    int64_t strides[FAC_MAX_DIMS];
    if (layout == FAC_SPARSE_COO && (strcmp(op, "zeros") == 0 || strcmp(op, "empty") == 0))
        return check_device(device) != 0 ? -1 : make_sparse(outs, size, dtype, device);
    if (check_device(device) != 0 || check_layout(op, layout) != 0)
        return -1;
    if (size.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "tensors have at most %d dimensions, asked for %d",
                         FAC_MAX_DIMS, size.n);
    for (int i = 0; strcmp(op, "zeros") == 0 && i < size.n; i++)
        if (size.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME, "zeros: Dimension size must be non-negative.");
    fac_tensor *given = outs->how == FAC__CALL_OUT ? outs->given[0] : NULL;
    if (given != NULL) {
        for (int i = 0; i < size.n; i++)
            if (size.values[i] < 0)
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "Trying to create tensor with negative dimension %lld: %s",
                                 (long long)size.values[i], fac__shape_text(size.n, size.values));
        if (dtype != FAC_DTYPE_NONE && dtype != given->dtype)
            return fac__fail(
                FAC_ERROR_RUNTIME, "dtype %s does not match dtype of out parameter (%s)",
                fac__scalar_type_name(dtype), fac__scalar_type_name((fac_dtype)given->dtype));
        if (fac__resize_(given, size.n, size.values) != 0)
            return -1;
        outs->v[0] = fac__retain(given);
        return 0;
    }
    const int64_t *s = NULL;
    if (format == FAC_CHANNELS_LAST || format == FAC_CHANNELS_LAST_3D) {
        if (fac__format_strides(size.n, size.values, format, strides) != 0)
            return -1;
        s = strides;
    }
    outs->v[0] =
        fac__empty(size.n, size.values, s, dtype == FAC_DTYPE_NONE ? fac_default_dtype() : dtype,
                   device_or_cpu(device));
    return outs->v[0] == NULL ? -1 : 0;
}

int fac__exec_empty(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__empty_args *a = args;
    return make(outs, a->size, a->dtype, a->device, a->memory_format, a->layout, op->name);
}

int fac__exec_empty_strided(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__empty_strided_args *a = args;
    if (check_device(a->device) != 0 || check_layout(op->name, a->layout) != 0)
        return -1;
    if (a->size.n != a->stride.n)
        return fac__fail(FAC_ERROR_RUNTIME, "mismatch in length of strides and shape");
    int64_t last = 0;
    for (int i = 0; i < a->size.n; i++) {
        int64_t reach;
        if (a->size.values[i] < 0 || a->stride.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Trying to create tensor with negative dimension or stride: %s %s",
                             fac__shape_text(a->size.n, a->size.values),
                             fac__shape_text(a->stride.n, a->stride.values));
        if (a->size.values[i] == 0) {
            last = -1;
            break;
        }
        if (__builtin_mul_overflow(a->size.values[i] - 1, a->stride.values[i], &reach) ||
            __builtin_add_overflow(last, reach, &last))
            return fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                             fac__shape_text(a->size.n, a->size.values));
    }
    fac_dtype d = a->dtype == FAC_DTYPE_NONE ? fac_default_dtype() : a->dtype;
    int64_t bytes;
    if (__builtin_mul_overflow(last + 1, (int64_t)fac_dtype_size(d), &bytes))
        return fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                         fac__shape_text(a->size.n, a->size.values));
    fac_storage *s = fac__storage_new((size_t)bytes, device_or_cpu(a->device));
    outs->v[0] = fac__tensor_from_storage(s, a->size.n, a->size.values, a->stride.values, 0, d);
    return outs->v[0] == NULL ? -1 : 0;
}

static int filled(fac__outs *outs, fac_scalar value) {
    if (outs->v[0]->layout == FAC_SPARSE_COO)
        return 0;
    if (fac__fill_into(outs->v[0], value) == 0)
        return 0;
    fac__outs_clear(outs);
    return -1;
}

int fac__exec_zeros(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__zeros_args *a = args;
    if (make(outs, a->size, a->dtype, a->device, FAC_FORMAT_NONE, a->layout, op->name) != 0)
        return -1;
    return filled(outs, fac_int(0));
}

int fac__exec_ones(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__ones_args *a = args;
    if (make(outs, a->size, a->dtype, a->device, FAC_FORMAT_NONE, a->layout, op->name) != 0)
        return -1;
    return filled(outs, fac_int(1));
}

static fac_dtype dtype_of_number(fac_scalar s) {
    switch (s.kind) {
    case FAC_BOOL:
        return FAC_BOOL;
    case FAC_INT64:
        return FAC_INT64;
    case FAC_UINT64:
        return FAC_UINT64;
    case FAC_COMPLEX128:
        return fac__complex_of(fac_default_dtype());
    default:
        return fac_default_dtype();
    }
}

int fac__exec_full(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__full_args *a = args;
    fac_dtype d = a->dtype;
    if (d == FAC_DTYPE_NONE && outs->how != FAC__CALL_OUT)
        d = dtype_of_number(a->fill_value);
    if (make(outs, a->size, d, a->device, FAC_FORMAT_NONE, a->layout, op->name) != 0)
        return -1;
    return filled(outs, a->fill_value);
}

/* The _like family: input's shape, and its strides where they are dense. */
static int like(fac__outs *outs, fac_tensor *t, fac_dtype dtype, fac_device device,
                fac_memory_format format, fac_layout layout, const char *op) {
    int64_t strides[FAC_MAX_DIMS];
    if (check_device(device) != 0 || check_layout(op, layout) != 0)
        return -1;
    const int64_t *s = NULL;
    if (format == FAC_FORMAT_NONE || format == FAC_PRESERVE_FORMAT) {
        fac__like_strides(t, strides);
        s = strides;
    } else if (format != FAC_CONTIGUOUS_FORMAT) {
        if (fac__format_strides(t->ndim, t->sizes, format, strides) != 0)
            return -1;
        s = strides;
    }
    outs->v[0] =
        fac__empty(t->ndim, t->sizes, s, dtype == FAC_DTYPE_NONE ? (fac_dtype)t->dtype : dtype,
                   device.type == FAC_DEVICE_NONE ? t->device : device);
    return outs->v[0] == NULL ? -1 : 0;
}

int fac__exec_empty_like(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__empty_like_args *a = args;
    return like(outs, a->input, a->dtype, a->device, a->memory_format, a->layout, op->name);
}

int fac__exec_zeros_like(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__zeros_like_args *a = args;
    if (like(outs, a->input, a->dtype, a->device, a->memory_format, a->layout, op->name) != 0)
        return -1;
    return filled(outs, fac_int(0));
}

int fac__exec_ones_like(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__ones_like_args *a = args;
    if (like(outs, a->input, a->dtype, a->device, a->memory_format, a->layout, op->name) != 0)
        return -1;
    return filled(outs, fac_int(1));
}

int fac__exec_full_like(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__full_like_args *a = args;
    if (like(outs, a->input, a->dtype, a->device, a->memory_format, a->layout, op->name) != 0)
        return -1;
    return filled(outs, a->fill_value);
}

/* --- ranges ---------------------------------------------------------------------------------- */

static bool integral(fac_scalar s) {
    return s.kind == FAC_INT64 || s.kind == FAC_BOOL || s.kind == FAC_UINT64;
}

/* `closed`: the end belongs to it. */
static int range_length(fac_scalar start, fac_scalar end, fac_scalar step, fac_dtype d, bool closed,
                        int64_t *n) {
    double b = fac__scalar_double(start), e = fac__scalar_double(end), s = fac__scalar_double(step);
    if (!(s > 0 || s < 0))
        return fac__fail(FAC_ERROR_RUNTIME, "step must be nonzero");
    if (!isfinite(b) || !isfinite(e))
        return fac__fail(FAC_ERROR_RUNTIME, "unsupported range: %g -> %g", b, e);
    if ((s > 0 && e < b) || (s < 0 && e > b))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "upper bound and lower bound inconsistent with step sign");
    double count = closed ? floor((e - b) / s) + 1 : ceil((e - b) / s);
    if (d == FAC_INT64) {
        int64_t ib = fac__scalar_int(start), ie = fac__scalar_int(end), is = fac__scalar_int(step);
        if (is == 0)
            return fac__fail(FAC_ERROR_VALUE, "step must be nonzero");
        if (is > 0 ? ie < ib : ie > ib) /* by less than doubles tell apart */
            return fac__fail(FAC_ERROR_RUNTIME, "invalid size, possible overflow?");
        uint64_t from = (uint64_t)(is > 0 ? ib : ie), to = (uint64_t)(is > 0 ? ie : ib);
        uint64_t by = is > 0 ? (uint64_t)is : 0 - (uint64_t)is, whole = (to - from) / by;
        count = (double)(closed ? whole + 1 : whole + ((to - from) % by != 0));
    }
    if (!(count >= 0 && count <= 9.2e18))
        return fac__fail(FAC_ERROR_RUNTIME, "invalid size, possible overflow?");
    *n = (int64_t)count;
    return 0;
}

/* Note [Steps]: PyTorch's kernels add a multiple of the step in one rounding, arange()'s vectors to
 * an element of the result's dtype: the first of 8 floats, 4 doubles or 16 halves, where two such
 * vectors are left in contiguous memory. In halves linspace() rounds product and sum. */
struct steps {
    double start, step;
    fac_dtype dtype;
};

static double in_dtype(double v, fac_dtype d) {
    _Alignas(16) char bits[16];
    fac__scalar_to(fac_float(v), d, bits);
    return fac__scalar_double(fac__scalar_from(bits, d));
}

static double step_from(const struct steps *r, double base, int64_t k) {
    if (r->dtype == FAC_FLOAT32) /* doubles have digits enough */
        return (double)(float)(base + r->step * (double)k);
    if (r->dtype == FAC_FLOAT64)
        return fma(r->step, (double)k, base);
    return in_dtype(fmaf((float)r->step, (float)k, (float)base), r->dtype);
}

static void put(char *at, double v, fac_dtype d) {
    if (d == FAC_FLOAT32)
        *(float *)(void *)at = (float)v;
    else if (d == FAC_FLOAT64)
        *(double *)(void *)at = v;
    else
        fac__scalar_to(fac_float(v), d, at);
}

/* Inline, so that dtype, width and stride are constants where it matters how long this takes. */
static inline __attribute__((always_inline)) void write_row(char *at, ptrdiff_t stride, int64_t n,
                                                            struct steps r, int64_t width) {
    int64_t i = 0;
    for (int64_t end = width > 0 ? n / (2 * width) * 2 * width : 0; i < end; i += width) {
        double base = step_from(&r, r.start, i);
        for (int64_t k = 0; k < width; k++, at += stride)
            put(at, step_from(&r, base, k), r.dtype);
    }
    for (; i < n; i++, at += stride)
        put(at, step_from(&r, r.start, i), r.dtype);
}

static void write_range(fac_tensor *t, fac_scalar start, fac_scalar step, int64_t n) {
    size_t size = fac__itemsize(t->dtype);
    ptrdiff_t stride = t->ndim > 0 ? t->strides[0] * (ptrdiff_t)size : 0;
    char *at = t->data;
    fac_dtype d = (fac_dtype)t->dtype;
    if (fac__is_integral(d, true)) {
        int64_t b = fac__scalar_int(start), s = fac__scalar_int(step);
        for (int64_t i = 0; i < n; i++, at += stride) {
            int64_t v = (int64_t)((uint64_t)b + (uint64_t)i * (uint64_t)s);
            if (d == FAC_INT64)
                *(int64_t *)(void *)at = v;
            else
                fac__scalar_to(fac_int(v), d, at);
        }
        return;
    }
    struct steps r = {fac__scalar_double(start), fac__scalar_double(step), d};
    bool dense = stride == (ptrdiff_t)size;
    if (dense && d == FAC_FLOAT32)
        write_row(at, sizeof(float), n, (struct steps){r.start, r.step, FAC_FLOAT32}, 8);
    else
        write_row(at, stride, n, r, !dense ? 0 : d == FAC_FLOAT64 ? 4 : 16);
}

/* A row of n elements to write, counted: an out= of as many keeps its shape, and takes them by
 * copying where they do not lie in a row. */
static fac_tensor *make_row(fac__outs *outs, int64_t n, fac_dtype d, fac_device device,
                            fac_layout layout, const char *op) {
    const fac_tensor *given = outs->how == FAC__CALL_OUT ? outs->given[0] : NULL;
    fac_ints size = {&n, 1, true};
    int64_t strides[FAC_MAX_DIMS];
    if (given == NULL || given->numel != n || given->dtype != d ||
        (given->ndim == 1 && fac__is_contig(given)))
        return make(outs, size, d, device, FAC_FORMAT_NONE, layout, op) != 0
                   ? NULL
                   : fac__retain(outs->v[0]);
    fac_tensor *row = fac__empty(1, &n, NULL, d, given->device);
    if (row == NULL)
        return NULL;
    fac__contiguous_strides(given->ndim, given->sizes, strides);
    outs->v[0] = fac__alias(row, given->ndim, given->sizes, strides, 0);
    if (outs->v[0] == NULL) {
        fac__release(row);
        return NULL;
    }
    return row;
}

static int range(fac__outs *outs, fac_scalar start, fac_scalar end, fac_scalar step, fac_dtype d,
                 fac_device device, fac_layout layout, bool closed) {
    if (d == FAC_DTYPE_NONE && outs->how == FAC__CALL_OUT && outs->given[0] != NULL)
        d = (fac_dtype)outs->given[0]->dtype;
    if (d == FAC_DTYPE_NONE)
        d = !closed && integral(start) && integral(end) && integral(step) ? FAC_INT64
                                                                          : fac_default_dtype();
    int64_t n = 0;
    if (fac__check_fits(start, FAC_FLOAT64) != 0 || fac__check_fits(end, FAC_FLOAT64) != 0 ||
        fac__check_fits(step, FAC_FLOAT64) != 0)
        return -1;
    if (range_length(start, end, step, d, closed, &n) != 0)
        return -1;
    const fac_tensor *given = outs->how == FAC__CALL_OUT ? outs->given[0] : NULL;
    if (given != NULL && given->numel > 0 && given->numel != n &&
        fac__warn("The number of elements in the out tensor of shape %s is %lld which does not "
                  "match the computed number of elements %lld. Note that this may occur as a "
                  "result of rounding error. The out tensor will be resized to a tensor of shape "
                  "(%lld,).",
                  fac__shape_text(given->ndim, given->sizes), (long long)given->numel, (long long)n,
                  (long long)n) != 0)
        return -1;
    fac_tensor *row = make_row(outs, n, d, device, layout, "arange");
    if (row == NULL)
        return -1;
    if (row->data != NULL)
        write_range(row, start, step, n);
    fac__release(row);
    return 0;
}

int fac__exec_arange(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__arange_args *a = args;
    return range(outs, a->start, a->end, a->step, a->dtype, a->device, a->layout, false);
}

int fac__exec_arange_end(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__arange_end_args *a = args;
    return range(outs, fac_int(0), a->end, fac_int(1), a->dtype, a->device, a->layout, false);
}

int fac__exec_range_closed(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__range_closed_args *a = args;
    if (fac__warn("torch.range is deprecated and will be removed in a future release because its "
                  "behavior is inconsistent with Python's range builtin. Instead, use "
                  "torch.arange, which produces values in [start, end).") != 0)
        return -1;
    return range(outs, a->start, a->end, a->step, a->dtype, a->device, a->layout, true);
}

/* base + step * k, see Note [Steps]. */
static double linear(double base, double step, double k, fac_dtype d) {
    if (d == FAC_FLOAT16 || d == FAC_BFLOAT16)
        return base + in_dtype(step * in_dtype(k, d), d);
    return d == FAC_FLOAT32 ? base + step * k : fma(step, k, base);
}

/* Values from the nearer end, so that both ends are exact. */
static void write_steps(fac_tensor *t, fac_complex128 b, fac_complex128 e, int64_t n) {
    size_t size = fac__itemsize(t->dtype);
    ptrdiff_t stride = t->ndim > 0 ? t->strides[0] * (ptrdiff_t)size : 0;
    fac_dtype d = (fac_dtype)t->dtype;
    double gaps = n > 1 ? (double)(n - 1) : 1, step = (e.re - b.re) / gaps;
    double imaginary = (e.im - b.im) / gaps;
    if (fac__is_float(d)) {
        b.re = in_dtype(b.re, d);
        e.re = in_dtype(e.re, d);
        step = in_dtype(in_dtype(e.re - b.re, d) / in_dtype(gaps, d), d);
    }
    for (int64_t i = 0; i < n; i++) {
        bool first = i < n / 2 || n == 1;
        double k = (double)(first ? i : -(n - 1 - i));
        double from = first ? b.re : e.re;
        char *at = t->data + i * stride;
        if (fac__is_complex(d))
            fac__scalar_to(
                fac_complex_number(from + k * step, (first ? b.im : e.im) + k * imaginary), d, at);
        else
            put(at, linear(from, step, k, d), d);
    }
}

int fac__exec_linspace(const fac__op *op, void *args, fac__outs *outs) {
    (void)op;
    const struct fac__linspace_args *a = args;
    fac_dtype d = a->dtype;
    bool complex = a->start.kind == FAC_COMPLEX128 || a->end.kind == FAC_COMPLEX128;
    if (d == FAC_DTYPE_NONE && outs->how == FAC__CALL_OUT && outs->given[0] != NULL)
        d = (fac_dtype)outs->given[0]->dtype;
    if (d == FAC_DTYPE_NONE)
        d = complex ? fac__complex_of(fac_default_dtype()) : fac_default_dtype();
    if (complex && !fac__is_complex(d))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "torch.linspace(): inferred dtype %s can't be safely cast to passed dtype "
                         "%s",
                         fac__scalar_type_name(fac__complex_of(fac_default_dtype())),
                         fac__scalar_type_name(d));
    if (a->steps < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "number of steps must be non-negative");
    fac_tensor *row = make_row(outs, a->steps, d, a->device, a->layout, "linspace");
    if (row == NULL)
        return -1;
    if (row->data != NULL)
        write_steps(row, fac__scalar_complex(a->start), fac__scalar_complex(a->end), a->steps);
    fac__release(row);
    return 0;
}

/* --- copies ---------------------------------------------------------------------------------- */

int fac__rule_clone(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac__clone_args *a = args;
    return like(outs, a->input, FAC_DTYPE_NONE, (fac_device){0}, a->memory_format, FAC_LAYOUT_NONE,
                op->name);
}

int fac__rule__to_copy(const fac__op *op, void *args, fac__outs *outs) {
    const struct fac___to_copy_args *a = args;
    return like(outs, a->input, a->dtype, a->device, a->memory_format, a->layout, op->name);
}

/* In place the output is self; a functional form starts from a copy of it. `even`: all elements
 * get one value, so that expanded tensors may be written. */
static int updated(fac__outs *outs, fac_tensor *self, bool keep, bool even) {
    if (outs->how == FAC__CALL_INPLACE) {
        outs->v[0] = fac__retain(outs->given[0]);
        return even ? 0 : fac__check_writable(outs->v[0]);
    }
    if (keep)
        outs->v[0] = fac__clone(self, FAC_PRESERVE_FORMAT);
    else if (like(outs, self, FAC_DTYPE_NONE, (fac_device){0}, FAC_FORMAT_NONE, FAC_LAYOUT_NONE,
                  "copy") != 0)
        return -1;
    return outs->v[0] == NULL ? -1 : 0;
}

int fac__rule_update(const fac__op *op, void *args, fac__outs *outs) {
    return updated(outs, fac__arg_tensor(args, op->tensor_offsets[0]), true, false);
}

int fac__warn_expanded(const fac__op *op, const fac_tensor *out, const char *example) {
    return fac__self_overlap(out) != 1
               ? 0
               : fac__warn(
                     "Use of %s_ on expanded tensors is deprecated. Please clone() the tensor "
                     "before performing this operation. This also applies to advanced "
                     "indexing e.g. %s",
                     op->python, example);
}

int fac__rule_update_expanded(const fac__op *op, void *args, fac__outs *outs, const char *example) {
    if (outs->how == FAC__CALL_INPLACE && fac__warn_expanded(op, outs->given[0], example) != 0)
        return -1;
    return updated(outs, fac__arg_tensor(args, op->tensor_offsets[0]), true, true);
}

int fac__rule_overwrite(const fac__op *op, void *args, fac__outs *outs) {
    bool even = strcmp(op->kernel, "fill") == 0 || strcmp(op->kernel, "zero") == 0;
    return updated(outs, fac__arg_tensor(args, op->tensor_offsets[0]), false, even);
}
