/* Tensors over and from the caller's memory, and values out of them. */
#include "core.h"

#include <facula/data.h>

#include <math.h>
#include <string.h>

static int check_sizes(fac_dtype dtype, fac_ints sizes) {
    if (dtype <= FAC_DTYPE_NONE || dtype >= FAC_NUM_DTYPES)
        return fac__fail(FAC_ERROR_VALUE, "there is no dtype %d", (int)dtype);
    if (sizes.n < 0 || sizes.n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "tensors have at most %d dimensions, asked for %d",
                         FAC_MAX_DIMS, sizes.n);
    if (sizes.n > 0 && sizes.values == NULL)
        return fac__fail(FAC_ERROR_VALUE, "the list of %d sizes is NULL", sizes.n);
    for (int i = 0; i < sizes.n; i++)
        if (sizes.values[i] < 0)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "Trying to create tensor with negative dimension %lld: %s",
                             (long long)sizes.values[i], fac__shape_text(sizes.n, sizes.values));
    if (fac__numel_of(sizes.n, sizes.values) >= 0)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed with sizes=%s",
                     fac__shape_text(sizes.n, sizes.values));
}

fac_tensor *fac_from_data(const void *data, fac_dtype dtype, fac_ints sizes) {
    if (check_sizes(dtype, sizes) != 0)
        return fac_bad;
    if (data == NULL && fac__numel_of(sizes.n, sizes.values) > 0) {
        fac__fail(FAC_ERROR_VALUE, "no data is given for the tensor");
        return fac_bad;
    }
    fac_tensor *t = fac__empty(sizes.n, sizes.values, NULL, dtype, fac_cpu());
    if (t == NULL)
        return fac_bad;
    if (t->numel > 0)
        memcpy(t->data, data, (size_t)t->numel * fac__itemsize(t->dtype));
    return fac__scope_adopt(t);
}

/* The elements from the first to the last that the strides reach; -1 with the error set. */
static int64_t reach(fac_ints sizes, fac_ints strides) {
    int64_t last = 0;
    if (strides.n != sizes.n || (strides.n > 0 && strides.values == NULL))
        return fac__fail(FAC_ERROR_VALUE, "%d strides are given for %d dimensions", strides.n,
                         sizes.n);
    for (int i = 0; i < sizes.n; i++) {
        int64_t step;
        if (strides.values[i] < 0)
            return fac__fail(FAC_ERROR_VALUE, "strides must not be negative, one is %lld",
                             (long long)strides.values[i]);
        if (__builtin_mul_overflow(sizes.values[i] > 0 ? sizes.values[i] - 1 : 0, strides.values[i],
                                   &step) ||
            __builtin_add_overflow(last, step, &last))
            return fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed");
    }
    return fac__numel_of(sizes.n, sizes.values) == 0 ? 0 : last + 1;
}

static void keep(void *context, void *data, size_t nbytes) {
    (void)context, (void)data, (void)nbytes;
}

fac_tensor *fac_from_memory(void *data, fac_dtype dtype, fac_ints sizes, fac_ints strides,
                            fac_free_fn *release, void *context) {
    if (check_sizes(dtype, sizes) != 0)
        return fac_bad;
    int64_t own[FAC_MAX_DIMS], bytes;
    if (!strides.given) {
        fac__contiguous_strides(sizes.n, sizes.values, own);
        strides = (fac_ints){own, sizes.n, true};
    }
    int64_t n = reach(sizes, strides);
    if (n < 0)
        return fac_bad;
    if (__builtin_mul_overflow(n, (int64_t)fac__itemsize((uint8_t)dtype), &bytes)) {
        fac__fail(FAC_ERROR_RUNTIME, "Storage size calculation overflowed");
        return fac_bad;
    }
    size_t align = fac__itemsize((uint8_t)fac__real_of(dtype));
    if ((uintptr_t)data % align != 0 || (data == NULL && bytes > 0)) {
        fac__fail(FAC_ERROR_VALUE, data == NULL ? "no memory is given for the tensor"
                                                : "the memory is not aligned for its dtype");
        return fac_bad;
    }
    fac_storage *s = fac__storage_wrap(data, (size_t)bytes, fac_cpu(), keep, context);
    fac_tensor *t = fac__tensor_from_storage(s, sizes.n, sizes.values, strides.values, 0, dtype);
    t = t == NULL ? fac_bad : fac__scope_adopt(t);
    if (release != NULL && !fac__is_bad(t)) /* what fails calls it not */
        s->free = release;
    return t;
}

/* --- values ---------------------------------------------------------------------------------- */

fac_scalar fac_item(fac_tensor *t) {
    fac_scalar s = {0};
    if (t == NULL)
        fac__fail(FAC_ERROR_TYPE, "item(): no tensor is given");
    else if (!fac__is_bad(t) && fac__item(t, &s) != 0)
        s = (fac_scalar){0};
    return s;
}

static bool is_real(fac_scalar s) {
    if (s.kind == FAC_COMPLEX128)
        fac__fail(FAC_ERROR_RUNTIME, "item(): a complex value is not a real number");
    return s.kind != FAC_DTYPE_NONE && s.kind != FAC_COMPLEX128;
}

double fac_item_float(fac_tensor *t) {
    fac_scalar s = fac_item(t);
    return is_real(s) ? fac__scalar_double(s) : NAN;
}

int64_t fac_item_int(fac_tensor *t) {
    fac_scalar s = fac_item(t);
    if (!is_real(s))
        return 0;
    double d = fac__scalar_double(s);
    if (s.kind == FAC_UINT64 || (s.kind == FAC_FLOAT64 && !(d >= -0x1p63 && d < 0x1p63))) {
        fac__fail(FAC_ERROR_OVERFLOW, "item(): %.17g is out of int64's range", d);
        return 0;
    }
    return fac__scalar_int(s);
}
