/* Blocks that read, overwrite or combine at places, and what index_reduce and scatter_reduce do
 * with them. For index.c and scatter.c, each of which has its own copy. */
#ifndef FAC_PLACES_H
#define FAC_PLACES_H

#include "combine.h"

#include "../../core/core.h"

#include <string.h>

MOVE(1, uint8_t)
MOVE(2, uint16_t)
MOVE(4, uint32_t)
MOVE(8, uint64_t)
MOVE(16, fac__wide)

static fac__block_fn *by_width(bool writes, size_t item) {
    switch (item) {
    case 1:
        return writes ? write_1 : read_1;
    case 2:
        return writes ? write_2 : read_2;
    case 4:
        return writes ? write_4 : read_4;
    case 8:
        return writes ? write_8 : read_8;
    default:
        return writes ? write_16 : read_16;
    }
}

#define ADD(dtype, T, C, LOAD, STORE)                                                              \
    static void add_##dtype(const struct fac__block *b) {                                          \
        if (!b->points_inside && b->ss == sizeof(T) && b->os == sizeof(T)) {                       \
            const struct fac__block k = *b;                                                        \
            for (int64_t p = 0; p < k.np; p++) {                                                   \
                T *s = (T *)(void *)(k.self + k.at[p]);                                            \
                const T *o = (const T *)(const void *)(k.other + k.oat[p]);                        \
                _Pragma("GCC ivdep") for (int64_t i = 0; i < k.n0; i++) s[i] =                     \
                    (T)STORE((C)((C)LOAD(s[i]) + (C)LOAD(o[i])));                                  \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        BLOCK_LOOPS(T, const T, *s = (T)STORE((C)((C)LOAD(*s) + (C)LOAD(*o))))                     \
    }
COMBINE_INTS(ADD)
COMBINE_FLOATS(ADD)

static void add_BOOL(const struct fac__block *b) {
    BLOCK_LOOPS(bool, const bool, *s = *s | *o)
}
static void add_COMPLEX64(const struct fac__block *b) {
    BLOCK_LOOPS(fac_complex64, const fac_complex64, (s->re += o->re, s->im += o->im))
}
static void add_COMPLEX128(const struct fac__block *b) {
    BLOCK_LOOPS(fac_complex128, const fac_complex128, (s->re += o->re, s->im += o->im))
}

static fac__block_fn *const fac__adds[FAC_NUM_DTYPES] = {
#define ROW(dtype, ...) [FAC_##dtype] = add_##dtype,
    COMBINE_INTS(ROW) COMBINE_FLOATS(ROW)[FAC_BOOL] = add_BOOL,
    [FAC_COMPLEX64] = add_COMPLEX64,
    [FAC_COMPLEX128] = add_COMPLEX128,
};

#define MULTIPLY(dtype, T, C, LOAD, STORE)                                                         \
    static void mul_##dtype(const struct fac__block *b) {                                          \
        BLOCK_LOOPS(T, const T, *s = (T)STORE((C)((C)LOAD(*s) * (C)LOAD(*o))))                     \
    }
COMBINE_INTS(MULTIPLY)
COMBINE_FLOATS(MULTIPLY)
static void mul_BOOL(const struct fac__block *b){BLOCK_LOOPS(bool, const bool, *s = *s & *o)}
#define MULTIPLY_COMPLEX(dtype, T)                                                                 \
    static void mul_##dtype(const struct fac__block *b) {                                          \
        BLOCK_LOOPS(T, const T,                                                                    \
                    (*s = (T){s->re * o->re - s->im * o->im, s->re * o->im + s->im * o->re}))      \
    }
MULTIPLY_COMPLEX(COMPLEX64, fac_complex64) MULTIPLY_COMPLEX(COMPLEX128, fac_complex128)

/* NaN wins over numbers. */
#define EXTREMES(dtype, T, C, LOAD, STORE)                                                         \
    static void amax_##dtype(const struct fac__block *b) {                                         \
        BLOCK_LOOPS(T, const T, if (LOAD(*o) > LOAD(*s) || LOAD(*o) != LOAD(*o)) *s = *o)          \
    }                                                                                              \
    static void amin_##dtype(const struct fac__block *b) {                                         \
        BLOCK_LOOPS(T, const T, if (LOAD(*o) < LOAD(*s) || LOAD(*o) != LOAD(*o)) *s = *o)          \
    }
    COMBINE_INTS(EXTREMES)
        COMBINE_FLOATS(EXTREMES) static void amax_BOOL(const struct fac__block *b) {
    BLOCK_LOOPS(bool, const bool, *s = *s | *o)
}
static void amin_BOOL(const struct fac__block *b){BLOCK_LOOPS(bool, const bool, *s = *s & *o)}

#define TABLE(name, ...)                                                                           \
    static fac__block_fn *const fac__##name##s[FAC_NUM_DTYPES] = {                                 \
        COMBINE_INTS(COLUMN_##name) COMBINE_FLOATS(COLUMN_##name)[FAC_BOOL] = name##_BOOL,         \
        __VA_ARGS__};
#define COLUMN_mul(dtype, ...) [FAC_##dtype] = mul_##dtype,
#define COLUMN_amax(dtype, ...) [FAC_##dtype] = amax_##dtype,
#define COLUMN_amin(dtype, ...) [FAC_##dtype] = amin_##dtype,
TABLE(mul, [FAC_COMPLEX64] = mul_COMPLEX64, [FAC_COMPLEX128] = mul_COMPLEX128) TABLE(amax)
    TABLE(amin)

    /* A new tensor, source * alpha. */
    static fac_tensor *fac__scaled(fac_tensor *source, fac_scalar alpha) {
    fac_tensor *r = fac__clone(source, FAC_CONTIGUOUS_FORMAT);
    fac_tensor *factor =
        r == NULL ? NULL : fac__empty(0, NULL, NULL, (fac_dtype)r->dtype, r->device);
    if (factor == NULL) {
        fac__release(r);
        return NULL;
    }
    fac__scalar_to(alpha, (fac_dtype)r->dtype, factor->data);
    int64_t *at = fac__alloc(sizeof(int64_t) * 512), zeros[512] = {0};
    size_t item = fac__itemsize(r->dtype);
    for (int64_t i = 0; at != NULL && i < r->numel; i += 512) {
        int64_t n = r->numel - i < 512 ? r->numel - i : 512;
        for (int64_t j = 0; j < n; j++)
            at[j] = (i + j) * (int64_t)item;
        struct fac__block b = {.self = r->data,
                               .other = factor->data,
                               .at = at,
                               .oat = zeros,
                               .np = n,
                               .n0 = 1,
                               .points_inside = true};
        fac__muls[r->dtype](&b);
    }
    if (at != NULL) {
        fac__free(at, sizeof(int64_t) * 512);
    } else {
        fac__release(r);
        r = NULL;
    }
    fac__release(factor);
    return r;
}

/* Applies a block at the op's places, self from src; src may be one number. */
typedef int fac__apply_fn(void *ctx, fac_tensor *self, fac_tensor *src, fac__block_fn *block);

static fac_tensor *fac__number_like(const fac_tensor *t, fac_dtype d, fac_scalar s) {
    fac_tensor *one = fac__empty(0, NULL, NULL, d, t->device);
    if (one == NULL)
        return NULL;
    fac__scalar_to(s, d, one->data);
    int64_t strides[FAC_MAX_DIMS] = {0};
    fac_tensor *r = fac__alias(one, t->ndim, t->sizes, strides, 0);
    fac__release(one);
    return r;
}

/* What leaves an accumulation as it is. */
static fac_scalar fac__unit_of(char reduce, const char *name, fac_dtype d) {
    bool least = strcmp(name, "amax") == 0;
    if (reduce == 'p')
        return fac_int(1);
    if (reduce != 'a')
        return fac_int(0);
    if (d == FAC_BOOL)
        return fac_boolean(!least);
    if (!fac__is_integral(d, false))
        return fac_float(least ? -INFINITY : INFINITY);
    int bits = 8 * (int)fac__itemsize((uint8_t)d);
    if (!fac_dtype_is_signed(d))
        return fac_int(least ? 0 : -1); /* all bits, whatever the width */
    return fac_int(least ? INT64_MIN >> (64 - bits) : INT64_MAX >> (64 - bits));
}

#define DIVIDE_BY(dtype, T, C, LOAD, STORE)                                                        \
    static void divide_##dtype(char *self, const int64_t *n, int64_t count) {                      \
        T *s = (T *)(void *)self;                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                      \
            C v = (C)LOAD(s[i]);                                                                   \
            C m = (C)(n[i] < 1 ? 1 : n[i]);                                                        \
            s[i] = (T)STORE((C)(v / m));                                                           \
        }                                                                                          \
    }
#define DIVIDE_FLOOR(dtype, T)                                                                     \
    static void divide_##dtype(char *self, const int64_t *n, int64_t count) {                      \
        T *s = (T *)(void *)self;                                                                  \
        for (int64_t i = 0; i < count; i++) {                                                      \
            int64_t m = n[i] < 1 ? 1 : n[i], v = (int64_t)s[i], q = v / m;                         \
            s[i] = (T)(q - (v % m < 0));                                                           \
        }                                                                                          \
    }
#define DIVIDE_PARTS(dtype, T)                                                                     \
    static void divide_##dtype(char *self, const int64_t *n, int64_t count) {                      \
        T *s = (T *)(void *)self;                                                                  \
        for (int64_t i = 0; i < 2 * count; i++)                                                    \
            s[i] /= (T)(n[i / 2] < 1 ? 1 : n[i / 2]);                                              \
    }
COMBINE_FLOATS(DIVIDE_BY)
DIVIDE_PARTS(COMPLEX64, float)
DIVIDE_PARTS(COMPLEX128, double)
DIVIDE_FLOOR(UINT8, uint8_t)
DIVIDE_FLOOR(INT8, int8_t)
DIVIDE_FLOOR(INT16, int16_t)
DIVIDE_FLOOR(INT32, int32_t)
DIVIDE_FLOOR(INT64, int64_t)

static void (*const fac__divides[FAC_NUM_DTYPES])(char *, const int64_t *, int64_t) = {
    [FAC_UINT8] = divide_UINT8,           [FAC_INT8] = divide_INT8,
    [FAC_INT16] = divide_INT16,           [FAC_INT32] = divide_INT32,
    [FAC_INT64] = divide_INT64,           [FAC_FLOAT16] = divide_FLOAT16,
    [FAC_BFLOAT16] = divide_BFLOAT16,     [FAC_FLOAT32] = divide_FLOAT32,
    [FAC_FLOAT64] = divide_FLOAT64,       [FAC_COMPLEX64] = divide_COMPLEX64,
    [FAC_COMPLEX128] = divide_COMPLEX128,
};

/* Divides by how many came together at each place; integers round down. */
static int fac__average(fac_tensor *self, bool include_self, fac_tensor *src, fac__apply_fn *apply,
                        void *ctx) {
    fac_tensor *n = fac__empty(self->ndim, self->sizes, NULL, FAC_INT64, self->device);
    fac_tensor *one = fac__number_like(src, FAC_INT64, fac_int(1));
    fac_tensor *flat = fac__contiguous(self);
    int r = n == NULL || one == NULL || flat == NULL ? -1 : 0;
    if (r == 0)
        r = fac__fill_into(n, fac_int(include_self));
    if (r == 0)
        r = apply(ctx, n, one, fac__adds[FAC_INT64]);
    if (r == 0)
        fac__divides[self->dtype](flat->data, (const int64_t *)(const void *)n->data, n->numel);
    if (r == 0 && flat != self)
        r = fac__copy_into(self, flat);
    fac__release(n);
    fac__release(one);
    fac__release(flat);
    return r;
}

/* index_reduce and scatter_reduce. */
static int fac__reduce_at(const char *reduce, bool include_self, fac_tensor *self, fac_tensor *src,
                          fac__apply_fn *apply, void *ctx) {
    fac_dtype d = (fac_dtype)self->dtype;
    fac__block_fn *block = reduce[0] == 'p'              ? fac__muls[d]
                           : reduce[0] != 'a'            ? fac__adds[d]
                           : strcmp(reduce, "amax") == 0 ? fac__amaxs[d]
                                                         : fac__amins[d];
    if (block == NULL || (reduce[0] == 'm' && fac__divides[d] == NULL))
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                         "\"scatter_reduce_cpu\" not implemented for '%s'",
                         fac__scalar_type_name(d));
    if (!include_self) {
        fac_tensor *unit = fac__number_like(src, d, fac__unit_of(reduce[0], reduce, d));
        int r =
            unit == NULL ? -1 : apply(ctx, self, unit, by_width(true, fac__itemsize(self->dtype)));
        fac__release(unit);
        if (r != 0)
            return r;
    }
    if (apply(ctx, self, src, block) != 0)
        return -1;
    return reduce[0] == 'm' ? fac__average(self, include_self, src, apply, ctx) : 0;
}

#endif
