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
static inline fac_value fac_value_of_bool(bool b) {
    return fac_value_of_number(fac_boolean(b));
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

#ifndef __cplusplus
/* Tensors and numbers mix: fac_mul(x, 2), fac_mul(2.5, x). */
#define FAC_VALUE(x)                                                                               \
    _Generic((x),                                                                                  \
        fac_tensor *: fac_value_of_tensor,                                                         \
        fac_scalar: fac_value_of_number,                                                           \
        fac_value: fac_value_itself,                                                               \
        bool: fac_value_of_bool,                                                                   \
        float: fac_value_of_float,                                                                 \
        double: fac_value_of_float,                                                                \
        default: fac_value_of_int)(x)
#define FAC_NUMBER(x)                                                                              \
    _Generic((x),                                                                                  \
        fac_scalar: fac_scalar_itself,                                                             \
        bool: fac_boolean,                                                                         \
        float: fac_float,                                                                          \
        double: fac_float,                                                                         \
        default: fac_int)(x)

/* Integers in place: fac_dims(0, 2), fac_sizes_of(2, 3). They live as long as the enclosing block.
 */
#define fac_dims(...)                                                                              \
    ((fac_ints){(const int64_t[]){__VA_ARGS__},                                                    \
                (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), true})
#define fac_shape(...) fac_dims(__VA_ARGS__)
/* No integers at all, but given: the shape of a zero-dimensional tensor. */
#define FAC_NO_DIMS ((fac_ints){NULL, 0, true})
#define fac_list(...)                                                                              \
    ((fac_tensors){(fac_tensor *const[]){__VA_ARGS__},                                             \
                   (int)(sizeof((fac_tensor *const[]){__VA_ARGS__}) / sizeof(fac_tensor *))})
#endif

#ifdef __cplusplus
}
#endif

#endif
