/* Stamps strided loops around scalar expressions.
 *
 * FAST stamps contiguous and repeated-operand variants besides the strided one, for ops that the
 * compiler vectorises; PLAIN the strided one alone. An expression sees x (or a, b, c), the column
 * type T and the numbers N(0), N(1)... of the op; every variant runs the same expression, so that
 * an element's bits do not depend on where it lies. */
#ifndef FAC_LOOPS_H
#define FAC_LOOPS_H

#include <facula/backend.h>

#define N(i) (*(const T *)((const char *)ctx + 16 * (i)))
#define LOOP_ARGS char **data, const ptrdiff_t *s, ptrdiff_t n0, ptrdiff_t n1, const void *ctx
#define UNUSED_CTX (void)ctx

#define UNARY_STRIDED(X, R, expr)                                                                  \
    for (ptrdiff_t j = 0; j < n1; j++) {                                                           \
        char *o = data[0] + j * s[2];                                                              \
        const char *i0 = data[1] + j * s[3];                                                       \
        for (ptrdiff_t i = 0; i < n0; i++) {                                                       \
            X x = *(const X *)(i0 + i * s[1]);                                                     \
            *(R *)(o + i * s[0]) = (R)(expr);                                                      \
        }                                                                                          \
    }
#define UNARY_PLAIN(name, CT, X, R, expr)                                                          \
    static void name(LOOP_ARGS) {                                                                  \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        UNARY_STRIDED(X, R, expr)                                                                  \
    }
/* The contiguous case is a function of its own: what is called for few elements saves and restores
 * no registers for the others' sake. */
#define UNARY_FAST(name, CT, X, R, expr)                                                           \
    static __attribute__((noinline)) void name##_row(R *o, const X *p, ptrdiff_t n,                \
                                                     const void *ctx) {                            \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n; i++) {                                   \
            X x = p[i];                                                                            \
            o[i] = (R)(expr);                                                                      \
        }                                                                                          \
    }                                                                                              \
    static __attribute__((noinline)) void name##_rows(LOOP_ARGS) {                                 \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        if (s[0] == sizeof(R) && s[1] == sizeof(X)) {                                              \
            for (ptrdiff_t j = 0; j < n1; j++)                                                     \
                name##_row((R *)(data[0] + j * s[2]), (const X *)(data[1] + j * s[3]), n0, ctx);   \
            return;                                                                                \
        }                                                                                          \
        UNARY_STRIDED(X, R, expr)                                                                  \
    }                                                                                              \
    static void name(LOOP_ARGS) {                                                                  \
        if (n1 == 1 && s[0] == sizeof(R) && s[1] == sizeof(X))                                     \
            name##_row((R *)data[0], (const X *)data[1], n0, ctx);                                 \
        else                                                                                       \
            name##_rows(data, s, n0, n1, ctx);                                                     \
    }

/* What memory bounds gains nothing from vectors of 64 bytes, and on Zen 4 loses a twentieth. */
#if defined(__AVX512F__) && !defined(__clang__)
#define NARROW __attribute__((target("prefer-vector-width=256")))
#else
#define NARROW
#endif

#define BINARY_STRIDED(A, R, expr)                                                                 \
    for (ptrdiff_t j = 0; j < n1; j++) {                                                           \
        char *o = data[0] + j * s[3];                                                              \
        const char *i0 = data[1] + j * s[4], *i1 = data[2] + j * s[5];                             \
        for (ptrdiff_t i = 0; i < n0; i++) {                                                       \
            A a = *(const A *)(i0 + i * s[1]), b = *(const A *)(i1 + i * s[2]);                    \
            *(R *)(o + i * s[0]) = (R)(expr);                                                      \
        }                                                                                          \
    }
#define BINARY_PLAIN(name, CT, A, R, expr)                                                         \
    static void name(LOOP_ARGS) {                                                                  \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        BINARY_STRIDED(A, R, expr)                                                                 \
    }
#define BINARY_CASE(A, R, expr, LOADS)                                                             \
    for (ptrdiff_t j = 0; j < n1; j++) {                                                           \
        R *o = (R *)(data[0] + j * s[3]);                                                          \
        const A *p = (const A *)(data[1] + j * s[4]), *q = (const A *)(data[2] + j * s[5]);        \
        A pa = *p, qb = *q;                                                                        \
        (void)pa, (void)qb;                                                                        \
        _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n0; i++) {                                  \
            LOADS;                                                                                 \
            o[i] = (R)(expr);                                                                      \
        }                                                                                          \
    }                                                                                              \
    return;
#define BINARY_FAST(name, CT, A, R, expr)                                                          \
    NARROW static __attribute__((noinline)) void name##_row(R *o, const A *p, const A *q,          \
                                                            ptrdiff_t n, const void *ctx) {        \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n; i++) {                                   \
            A a = p[i], b = q[i];                                                                  \
            o[i] = (R)(expr);                                                                      \
        }                                                                                          \
    }                                                                                              \
    NARROW static __attribute__((noinline)) void name##_rows(LOOP_ARGS) {                          \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        const ptrdiff_t w = sizeof(A);                                                             \
        if (s[0] == sizeof(R) && s[1] == w && s[2] == w) {                                         \
            for (ptrdiff_t j = 0; j < n1; j++)                                                     \
                name##_row((R *)(data[0] + j * s[3]), (const A *)(data[1] + j * s[4]),             \
                           (const A *)(data[2] + j * s[5]), n0, ctx);                              \
            return;                                                                                \
        }                                                                                          \
        if (s[0] == sizeof(R) && s[1] == w && s[2] == 0) {                                         \
            BINARY_CASE(A, R, expr, A a = p[i]; A b = qb)                                          \
        }                                                                                          \
        if (s[0] == sizeof(R) && s[1] == 0 && s[2] == w) {                                         \
            BINARY_CASE(A, R, expr, A a = pa; A b = q[i])                                          \
        }                                                                                          \
        BINARY_STRIDED(A, R, expr)                                                                 \
    }                                                                                              \
    static void name(LOOP_ARGS) {                                                                  \
        if (n1 == 1 && s[0] == sizeof(R) && s[1] == sizeof(A) && s[2] == sizeof(A))                \
            name##_row((R *)data[0], (const A *)data[1], (const A *)data[2], n0, ctx);             \
        else                                                                                       \
            name##_rows(data, s, n0, n1, ctx);                                                     \
    }

#define TERNARY(name, CT, A, B, C, R, expr)                                                        \
    static void name(LOOP_ARGS) {                                                                  \
        typedef CT T;                                                                              \
        UNUSED_CTX;                                                                                \
        if (s[0] == sizeof(R) && s[1] == sizeof(A) && s[2] == sizeof(B) && s[3] == sizeof(C)) {    \
            for (ptrdiff_t j = 0; j < n1; j++) {                                                   \
                R *o = (R *)(data[0] + j * s[4]);                                                  \
                const A *p = (const A *)(data[1] + j * s[5]);                                      \
                const B *q = (const B *)(data[2] + j * s[6]);                                      \
                const C *r = (const C *)(data[3] + j * s[7]);                                      \
                _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n0; i++) {                          \
                    A a = p[i];                                                                    \
                    B b = q[i];                                                                    \
                    C c = r[i];                                                                    \
                    o[i] = (R)(expr);                                                              \
                }                                                                                  \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (ptrdiff_t j = 0; j < n1; j++)                                                         \
            for (ptrdiff_t i = 0; i < n0; i++) {                                                   \
                A a = *(const A *)(data[1] + j * s[5] + i * s[1]);                                 \
                B b = *(const B *)(data[2] + j * s[6] + i * s[2]);                                 \
                C c = *(const C *)(data[3] + j * s[7] + i * s[3]);                                 \
                *(R *)(data[0] + j * s[4] + i * s[0]) = (R)(expr);                                 \
            }                                                                                      \
    }

#define FOR_INTS(M, ...)                                                                           \
    M(u8, uint8_t, ##__VA_ARGS__)                                                                  \
    M(i8, int8_t, ##__VA_ARGS__)                                                                   \
    M(i16, int16_t, ##__VA_ARGS__)                                                                 \
    M(i32, int32_t, ##__VA_ARGS__)                                                                 \
    M(i64, int64_t, ##__VA_ARGS__)                                                                 \
    M(u16, uint16_t, ##__VA_ARGS__)                                                                \
    M(u32, uint32_t, ##__VA_ARGS__)                                                                \
    M(u64, uint64_t, ##__VA_ARGS__)
#define FOR_FLOATS(M, ...)                                                                         \
    M(f32, float, ##__VA_ARGS__)                                                                   \
    M(f64, double, ##__VA_ARGS__)

#define INT_COLUMNS(name)                                                                          \
    [FAC_UINT8] = name##_u8, [FAC_INT8] = name##_i8, [FAC_INT16] = name##_i16,                     \
    [FAC_INT32] = name##_i32, [FAC_INT64] = name##_i64, [FAC_UINT16] = name##_u16,                 \
    [FAC_UINT32] = name##_u32, [FAC_UINT64] = name##_u64
#define FLOAT_COLUMNS(name) [FAC_FLOAT32] = name##_f32, [FAC_FLOAT64] = name##_f64
#define COMPLEX_COLUMNS(name) [FAC_COMPLEX64] = name##_c64, [FAC_COMPLEX128] = name##_c128
#define BOOL_COLUMN(name) [FAC_BOOL] = name##_b

#endif
