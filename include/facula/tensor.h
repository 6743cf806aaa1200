/* Tensors: what they are made of and how to look inside one.
 *
 * A tensor is a shape and strides over a storage. Every function here reads; operators that make
 * tensors are in ops.h. A `fac_tensor *` returned by an operator is borrowed from the innermost
 * open scope (scope.h). NULL means "not given"; the failed result of an operator is `fac_bad`.
 */
#ifndef FACULA_TENSOR_H
#define FACULA_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && defined(FAC_BUILDING)
#define FAC_API __attribute__((visibility("default")))
#else
#define FAC_API
#endif

/* Most dimensions a tensor can have. */
#define FAC_MAX_DIMS 64

/* X(lower-case name, upper-case name, C type of one element, bytes). The order is the order of
 * kernel columns. float16 and bfloat16 are stored as their bits. */
#define FAC_DTYPES(X)                                                                              \
    X(bool, BOOL, bool, 1)                                                                         \
    X(uint8, UINT8, uint8_t, 1)                                                                    \
    X(int8, INT8, int8_t, 1)                                                                       \
    X(int16, INT16, int16_t, 2)                                                                    \
    X(int32, INT32, int32_t, 4)                                                                    \
    X(int64, INT64, int64_t, 8)                                                                    \
    X(uint16, UINT16, uint16_t, 2)                                                                 \
    X(uint32, UINT32, uint32_t, 4)                                                                 \
    X(uint64, UINT64, uint64_t, 8)                                                                 \
    X(float16, FLOAT16, uint16_t, 2)                                                               \
    X(bfloat16, BFLOAT16, uint16_t, 2)                                                             \
    X(float32, FLOAT32, float, 4)                                                                  \
    X(float64, FLOAT64, double, 8)                                                                 \
    X(complex64, COMPLEX64, fac_complex64, 8)                                                      \
    X(complex128, COMPLEX128, fac_complex128, 16)

typedef struct {
    float re, im;
} fac_complex64;

typedef struct {
    double re, im;
} fac_complex128;

typedef enum {
    FAC_DTYPE_NONE = 0, /* "the default" wherever a dtype is an option */
#define FAC_X(lower, UPPER, type, size) FAC_##UPPER,
    FAC_DTYPES(FAC_X)
#undef FAC_X
        FAC_NUM_DTYPES
} fac_dtype;

typedef enum {
    FAC_DEVICE_NONE = 0,
    FAC_CPU,
    FAC_META, /* shapes and dtypes, no data */
    FAC_CUDA,
    FAC_NUM_DEVICE_TYPES
} fac_device_type;

typedef struct {
    int8_t type;  /* a fac_device_type */
    int8_t index; /* -1: the current one */
} fac_device;

typedef enum { FAC_LAYOUT_NONE = 0, FAC_STRIDED, FAC_SPARSE_COO } fac_layout;

typedef enum {
    FAC_FORMAT_NONE = 0,
    FAC_CONTIGUOUS_FORMAT,
    FAC_PRESERVE_FORMAT,
    FAC_CHANNELS_LAST,
    FAC_CHANNELS_LAST_3D
} fac_memory_format;

typedef struct fac_tensor fac_tensor;
typedef struct fac_storage fac_storage;
typedef struct fac_generator fac_generator;

/* The result of a failed operator. Operators given it return it. */
extern FAC_API fac_tensor *const fac_bad;

/* A number that remembers which kind of number it was written as. `kind` is one of FAC_BOOL,
 * FAC_INT64, FAC_UINT64 (only above INT64_MAX), FAC_FLOAT64, FAC_COMPLEX128, or FAC_DTYPE_NONE for
 * "not given". */
typedef struct {
    fac_dtype kind;
    union {
        bool b;
        int64_t i;
        uint64_t u;
        double f;
        fac_complex128 c;
    } as;
} fac_scalar;

/* A tensor, or a number where tensor is NULL: what most pointwise operators take. */
typedef struct {
    fac_tensor *tensor;
    fac_scalar number;
} fac_value;

/* Integers by address: sizes, dims. values == NULL with n == 0 is "not given" for optional ones;
 * see fac_dims() for a list that may be empty. */
typedef struct {
    const int64_t *values;
    int n;
    bool given;
} fac_ints;

/* Tensors by address; entries may be NULL where an operator takes optional tensors. */
typedef struct {
    fac_tensor *const *values;
    int n;
} fac_tensors;

/* An integer, or none. */
typedef struct {
    bool given;
    int64_t value;
} fac_opt_int;

/* A float, or none. */
typedef struct {
    bool given;
    double value;
} fac_opt_float;

/* Three states so that zero is "not given". */
typedef enum { FAC_UNSET = 0, FAC_FALSE = 1, FAC_TRUE = 2 } fac_opt_bool;

/* --- looking inside -------------------------------------------------------------------------- */

/* Of NULL and of fac_bad: no dimensions, no elements, no data, dtype FAC_DTYPE_NONE. */

FAC_API int fac_dim(const fac_tensor *t); /* number of dimensions, 0..64 */
FAC_API int64_t fac_size(const fac_tensor *t,
                         int dim); /* dim may be negative; -1 if out of range */
FAC_API int64_t fac_stride(const fac_tensor *t, int dim); /* in elements; -1 if out of range */
FAC_API const int64_t *fac_sizes(const fac_tensor *t);    /* fac_dim(t) of them */
FAC_API const int64_t *fac_strides(const fac_tensor *t);
FAC_API int64_t fac_numel(const fac_tensor *t);
FAC_API int64_t fac_storage_offset(const fac_tensor *t); /* in elements */
FAC_API fac_dtype fac_dtype_of(const fac_tensor *t);
FAC_API fac_device fac_device_of(const fac_tensor *t);
FAC_API fac_layout fac_layout_of(const fac_tensor *t);
FAC_API bool fac_is_contiguous(const fac_tensor *t, fac_memory_format format);

/* The first element's address, or NULL for tensors without memory of their own (meta, sparse). The
 * memory stays valid as long as the tensor. Writing through it is not seen by autograd. */
FAC_API void *fac_data(const fac_tensor *t);

/* --- dtypes, devices ------------------------------------------------------------------------- */

FAC_API const char *fac_dtype_name(fac_dtype d); /* "float32" */
FAC_API size_t fac_dtype_size(fac_dtype d);      /* bytes an element */
FAC_API bool fac_dtype_is_floating(fac_dtype d);
FAC_API bool fac_dtype_is_complex(fac_dtype d);
FAC_API bool fac_dtype_is_signed(fac_dtype d);
FAC_API fac_dtype fac_promote(fac_dtype a, fac_dtype b); /* PyTorch's promote_types */
FAC_API fac_dtype fac_default_dtype(void);
FAC_API bool fac_set_default_dtype(fac_dtype d); /* float16, bfloat16, float32 or float64 */
FAC_API fac_device fac_cpu(void);

/* --- numbers --------------------------------------------------------------------------------- */

FAC_API fac_scalar fac_int(int64_t v);
FAC_API fac_scalar fac_unsigned(uint64_t v); /* of kind FAC_UINT64 only above INT64_MAX */
FAC_API fac_scalar fac_float(double v);
FAC_API fac_scalar fac_boolean(bool v);
FAC_API fac_scalar fac_complex_number(double re, double im);

#ifdef __cplusplus
}
#endif

#endif
