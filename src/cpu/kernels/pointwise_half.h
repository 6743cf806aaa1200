/* Arithmetic of float16 and bfloat16 in one pass: widened, computed in float32 and narrowed eight
 * at a time, where the common road converts tile by tile. */
#ifndef FAC__POINTWISE_HALF_H
#define FAC__POINTWISE_HALF_H

#include "half.h"
#include "loops.h"

#define HALF_LOOP(dtype, LOAD_A, LOAD_B, expr)                                                     \
    for (ptrdiff_t j = 0; j < n1; j++) {                                                           \
        uint16_t *o = (uint16_t *)(data[0] + j * s[3]);                                            \
        const uint16_t *p = (const uint16_t *)(data[1] + j * s[4]);                                \
        const uint16_t *q = (const uint16_t *)(data[2] + j * s[5]);                                \
        float pa = HALF_AT(dtype, 1, p), qb = HALF_AT(dtype, 2, q);                                \
        ptrdiff_t i = 0;                                                                           \
        for (; i + 8 <= n0; i += 8) {                                                              \
            fac__v8 a, b;                                                                          \
            LOAD_A;                                                                                \
            LOAD_B;                                                                                \
            fac__v8 r = expr;                                                                      \
            fac__store8_##dtype(o + i, &r);                                                        \
        }                                                                                          \
        for (; i < n0; i++) {                                                                      \
            float a = s[1] == 0 ? pa : fac__float_of_##dtype(p[i]);                                \
            float b = s[2] == 0 ? qb : fac__float_of_##dtype(q[i]);                                \
            o[i] = fac__##dtype##_of_float(expr);                                                  \
        }                                                                                          \
    }                                                                                              \
    return;

/* An element of operand k, see Note [Numbers beside halves]. */
#define HALF_AT(dtype, k, at)                                                                      \
    (wide == (k) ? *(const float *)(const void *)(at)                                              \
                 : fac__float_of_##dtype(*(const uint16_t *)(const void *)(at)))

#define HALF_BINARY(name, dtype, expr)                                                             \
    static void name(LOOP_ARGS) {                                                                  \
        typedef float T;                                                                           \
        const int wide = *(const int *)(const void *)((const char *)ctx + 16 * FAC__WIDE);         \
        if (s[0] == 2 && s[1] == 2 && s[2] == 2) {                                                 \
            HALF_LOOP(dtype, fac__load8_##dtype(&a, p + i), fac__load8_##dtype(&b, q + i), expr)   \
        }                                                                                          \
        if (s[0] == 2 && s[1] == 2 && s[2] == 0) {                                                 \
            HALF_LOOP(dtype, fac__load8_##dtype(&a, p + i), b = qb - (fac__v8){0}, expr)           \
        }                                                                                          \
        if (s[0] == 2 && s[1] == 0 && s[2] == 2) {                                                 \
            HALF_LOOP(dtype, a = pa - (fac__v8){0}, fac__load8_##dtype(&b, q + i), expr)           \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n1; j++)                                                         \
            for (ptrdiff_t i = 0; i < n0; i++) {                                                   \
                float a = HALF_AT(dtype, 1, data[1] + j * s[4] + i * s[1]);                        \
                float b = HALF_AT(dtype, 2, data[2] + j * s[5] + i * s[2]);                        \
                *(uint16_t *)(data[0] + j * s[3] + i * s[0]) = fac__##dtype##_of_float(expr);      \
            }                                                                                      \
    }

#define HALF_BINARIES(suffix, dtype)                                                               \
    HALF_BINARY(add1_##suffix, dtype, a + b)                                                       \
    HALF_BINARY(addn_##suffix, dtype, a + N(0) * b)                                                \
    static void add_##suffix(LOOP_ARGS) {                                                          \
        (*(const float *)ctx == 1 ? add1_##suffix : addn_##suffix)(data, s, n0, n1, ctx);          \
    }                                                                                              \
    HALF_BINARY(sub1_##suffix, dtype, a - b)                                                       \
    HALF_BINARY(subn_##suffix, dtype, a - N(0) * b)                                                \
    static void sub_##suffix(LOOP_ARGS) {                                                          \
        (*(const float *)ctx == 1 ? sub1_##suffix : subn_##suffix)(data, s, n0, n1, ctx);          \
    }                                                                                              \
    HALF_BINARY(mul_##suffix, dtype, a *b)                                                         \
    HALF_BINARY(div_true_##suffix, dtype, a / b)
HALF_BINARIES(f16, float16)
HALF_BINARIES(bf16, bfloat16)

#endif
