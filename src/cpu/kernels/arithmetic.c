#include <facula/backend.h>

#define LOOP(name, T, expr)                                                                        \
    static void name(char **data, const ptrdiff_t *s, ptrdiff_t n0, ptrdiff_t n1,                  \
                     const void *ctx) {                                                            \
        T alpha = *(const T *)ctx;                                                                 \
        (void)alpha;                                                                               \
        for (ptrdiff_t j = 0; j < n1; j++)                                                         \
            for (ptrdiff_t i = 0; i < n0; i++) {                                                   \
                T a = *(T *)(data[1] + i * s[1] + j * s[4]);                                       \
                T b = *(T *)(data[2] + i * s[2] + j * s[5]);                                       \
                *(T *)(data[0] + i * s[0] + j * s[3]) = (T)(expr);                                 \
            }                                                                                      \
    }
LOOP(add_f32, float, a + alpha * b)
LOOP(add_f64, double, a + alpha * b)
LOOP(add_i64, int64_t, a + alpha * b)
LOOP(mul_f32, float, a *b)
LOOP(mul_f64, double, a *b)
LOOP(mul_i64, int64_t, a *b)

static const fac__loop_row rows[] = {
    {"add", {[FAC_FLOAT32] = add_f32, [FAC_FLOAT64] = add_f64, [FAC_INT64] = add_i64}},
    {"mul", {[FAC_FLOAT32] = mul_f32, [FAC_FLOAT64] = mul_f64, [FAC_INT64] = mul_i64}},
    {0}};
const fac__family FAC__K(fac__family_arithmetic) = {rows, NULL};

#define CAST(name, F, T)                                                                           \
    static void name(char **data, const ptrdiff_t *s, ptrdiff_t n0, ptrdiff_t n1,                  \
                     const void *ctx) {                                                            \
        (void)ctx;                                                                                 \
        for (ptrdiff_t j = 0; j < n1; j++)                                                         \
            for (ptrdiff_t i = 0; i < n0; i++)                                                     \
                *(T *)(data[0] + i * s[0] + j * s[2]) =                                            \
                    (T) * (F *)(data[1] + i * s[1] + j * s[3]);                                    \
    }
CAST(f32_f32, float, float)
CAST(f64_f64, double, double)
CAST(f32_f64, float, double)
CAST(f64_f32, double, float)
CAST(i64_f32, int64_t, float)
CAST(i64_i64, int64_t, int64_t)
fac__loop *const FAC__K(fac__cast_table)[FAC_NUM_DTYPES][FAC_NUM_DTYPES] = {
    [FAC_FLOAT32] = {[FAC_FLOAT32] = f32_f32, [FAC_FLOAT64] = f32_f64},
    [FAC_FLOAT64] = {[FAC_FLOAT64] = f64_f64, [FAC_FLOAT32] = f64_f32},
    [FAC_INT64] = {[FAC_INT64] = i64_i64, [FAC_FLOAT32] = i64_f32},
};
