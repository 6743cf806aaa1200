/* Arguments by value: numbers, lists of integers, and what the operator macros use to tell a
 * tensor from a number. */
#ifndef FACULA_VALUES_H
#define FACULA_VALUES_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline fac_value fac_value_of_tensor(fac_tensor *t) {
    fac_value v = {t, {FAC_DTYPE_NONE, {0}}};
    return v;
}
static inline fac_value fac_value_of_number(fac_scalar s) {
    fac_value v = {NULL, s};
    return v;
}
static inline fac_value fac_value_of_int(int64_t i) {
    return fac_value_of_number(fac_int(i));
}
static inline fac_value fac_value_of_float(double d) {
    return fac_value_of_number(fac_float(d));
}
static inline fac_scalar fac_number_of_long_double(long double d) {
    return fac_float((double)d);
}
static inline fac_value fac_value_of_long_double(long double d) {
    return fac_value_of_float((double)d);
}
static inline fac_value fac_value_of_bool(bool b) {
    return fac_value_of_number(fac_boolean(b));
}
static inline fac_value fac_value_of_unsigned(uint64_t u) {
    return fac_value_of_number(fac_unsigned(u));
}
static inline fac_value fac_value_itself(fac_value v) {
    return v;
}
static inline fac_scalar fac_scalar_itself(fac_scalar s) {
    return s;
}

/* An integer option that is given: zero-initialised options mean the default. */
static inline fac_opt_int fac_some(int64_t v) {
    fac_opt_int o = {true, v};
    return o;
}
static inline fac_opt_float fac_some_float(double v) {
    fac_opt_float o = {true, v};
    return o;
}

/* What losses do with the loss of each element: .reduction = fac_some(FAC_REDUCE_SUM). */
enum { FAC_REDUCE_NONE = 0, FAC_REDUCE_MEAN = 1, FAC_REDUCE_SUM = 2 };

#ifndef __cplusplus
#ifndef __STDC_NO_COMPLEX__
static inline fac_scalar fac_number_of_complex(double _Complex z) {
    const double *parts = (const double *)&z;
    return fac_complex_number(parts[0], parts[1]);
}
static inline fac_value fac_value_of_complex(double _Complex z) {
    return fac_value_of_number(fac_number_of_complex(z));
}
#define FAC__IF_COMPLEX(f) float _Complex : f, double _Complex : f,
#else
#define FAC__IF_COMPLEX(f)
#endif

/* Tensors and numbers mix: fac_mul(x, 2), fac_mul(2.5, x); as an option by name, .min =
 * FAC_VALUE(0) for what may be a tensor, .step = FAC_NUMBER(2) for a number. */
#define FAC_VALUE(x)                                                                               \
    _Generic((x),                                                                                  \
        fac_tensor *: fac_value_of_tensor,                                                         \
        fac_scalar: fac_value_of_number,                                                           \
        fac_value: fac_value_itself,                                                               \
        bool: fac_value_of_bool,                                                                   \
        float: fac_value_of_float,                                                                 \
        double: fac_value_of_float,                                                                \
        long double: fac_value_of_long_double,                                                     \
        FAC__IF_COMPLEX(fac_value_of_complex) unsigned long: fac_value_of_unsigned,                \
        unsigned long long: fac_value_of_unsigned,                                                 \
        default: fac_value_of_int)(x)
#define FAC_VALUE_AT(x) ((const fac_value[1]){FAC_VALUE(x)})
#define FAC_NUMBER(x)                                                                              \
    _Generic((x),                                                                                  \
        fac_scalar: fac_scalar_itself,                                                             \
        bool: fac_boolean,                                                                         \
        float: fac_float,                                                                          \
        double: fac_float,                                                                         \
        long double: fac_number_of_long_double,                                                    \
        FAC__IF_COMPLEX(fac_number_of_complex) unsigned long: fac_unsigned,                        \
        unsigned long long: fac_unsigned,                                                          \
        default: fac_int)(x)

/* Integers in place: fac_dims(0, 2) for dimensions, fac_shape(2, 3) for sizes, which is the same.
 * They live as long as the enclosing block. */
#define fac_dims(...)                                                                              \
    ((fac_ints){(const int64_t[]){__VA_ARGS__},                                                    \
                (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), true})
#define fac_shape(...) fac_dims(__VA_ARGS__)
/* No integers at all, but given: the shape of a zero-dimensional tensor. */
#define FAC_NO_DIMS ((fac_ints){NULL, 0, true})
/* Tensors in place: fac_cat(fac_list(a, b)). Those of an array are ((fac_tensors){array, n}), with
 * the parentheses, since macros are cut at commas. */
#define fac_list(...)                                                                              \
    ((fac_tensors){(fac_tensor *const[]){__VA_ARGS__},                                             \
                   (int)(sizeof((fac_tensor *const[]){__VA_ARGS__}) / sizeof(fac_tensor *))})
#endif

#ifdef __cplusplus
}

/* The same in C++. What converts stays apart from C's structs, which it becomes. */

struct fac_any_number : fac_scalar {
    fac_any_number(fac_scalar s) : fac_scalar(s) {}
    fac_any_number(bool v) : fac_scalar(fac_boolean(v)) {}
    fac_any_number(float v) : fac_scalar(fac_float(v)) {}
    fac_any_number(double v) : fac_scalar(fac_float(v)) {}
    fac_any_number(long double v) : fac_scalar(fac_float(static_cast<double>(v))) {}
    fac_any_number(int v) : fac_scalar(fac_int(v)) {}
    fac_any_number(long v) : fac_scalar(fac_int(v)) {}
    fac_any_number(long long v) : fac_scalar(fac_int(v)) {}
    fac_any_number(unsigned v) : fac_scalar(fac_int(v)) {}
    fac_any_number(unsigned long v) : fac_scalar(fac_unsigned(v)) {}
    fac_any_number(unsigned long long v) : fac_scalar(fac_unsigned(v)) {}
};

struct fac_any_value : fac_value {
    fac_any_value(fac_value v) : fac_value(v) {}
    fac_any_value(fac_tensor *t) : fac_value(fac_value_of_tensor(t)) {}
    fac_any_value(decltype(nullptr)) : fac_value(fac_value_of_tensor(nullptr)) {}
    template <class T> fac_any_value(T v) : fac_value(fac_value_of_number(fac_any_number(v))) {}
};
#define FAC_VALUE(x) fac_any_value(x)
#define FAC_NUMBER(x) fac_any_number(x)

/* fac_dims(2, 3) and fac_list(a, b) live to the end of the full expression, or as long as the
 * variable that holds them: auto shape = fac_dims(2, 3). */
template <int N> struct fac_ints_of {
    int64_t values[N];
    operator fac_ints() const {
        fac_ints l = {values, N, true};
        return l;
    }
};
template <int N> struct fac_tensors_of {
    fac_tensor *values[N];
    operator fac_tensors() const {
        fac_tensors l = {values, N};
        return l;
    }
};
template <class... T> inline fac_ints_of<(int)sizeof...(T)> fac_dims(T... v) {
    return {{static_cast<int64_t>(v)...}};
}
template <class... T> inline fac_ints_of<(int)sizeof...(T)> fac_shape(T... v) {
    return {{static_cast<int64_t>(v)...}};
}
template <class... T> inline fac_tensors_of<(int)sizeof...(T)> fac_list(T... t) {
    return {{t...}};
}
#define FAC_NO_DIMS (fac_ints{nullptr, 0, true})
#endif

#endif
