/* Extremes: max, min, amax, amin, aminmax, argmax, argmin. NaN is greater and smaller than all;
 * among equals the first one counts. */
#include "extreme.h"

#include <math.h>
#include <string.h>

#define SAME(x) (x)

/* --- the value alone -------------------------------------------------------------------------- */

#define FOLD amax_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT -INFINITY
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP FAC__MAX
#define FOLD_OPV fac__max_vf32
#define FOLD_ALONE fac__max_f32
#ifdef __AVX2__
#define FOLD_QUICKV fac__max_number_vf32
#define FOLD_NOTEV fac__nan_vf32
#define FOLD_NONEV fac__no_nan_vf32
#define FOLD_MARKV fac__mark_vf32
#endif
#include "fold.inc"

#define FOLD amin_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT INFINITY
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP FAC__MIN
#define FOLD_OPV fac__min_vf32
#define FOLD_ALONE fac__min_f32
#ifdef __AVX2__
#define FOLD_QUICKV fac__min_number_vf32
#define FOLD_NOTEV fac__nan_vf32
#define FOLD_NONEV fac__no_nan_vf32
#define FOLD_MARKV fac__mark_vf32
#endif
#include "fold.inc"

#define FOLD amax_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT -INFINITY
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP FAC__MAX
#define FOLD_OPV fac__max_vf64
#define FOLD_ALONE fac__max_f64
#ifdef __AVX2__
#define FOLD_QUICKV fac__max_number_vf64
#define FOLD_NOTEV fac__nan_vf64
#define FOLD_NONEV fac__no_nan_vf64
#define FOLD_MARKV fac__mark_vf64
#endif
#include "fold.inc"

#define FOLD amin_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT INFINITY
#define FOLD_MAP SAME
#define FOLD_MAPV SAME
#define FOLD_OP FAC__MIN
#define FOLD_OPV fac__min_vf64
#define FOLD_ALONE fac__min_f64
#ifdef __AVX2__
#define FOLD_QUICKV fac__min_number_vf64
#define FOLD_NOTEV fac__nan_vf64
#define FOLD_NONEV fac__no_nan_vf64
#define FOLD_MARKV fac__mark_vf64
#endif
#include "fold.inc"

#define MORE(a, b) ((b) > (a) ? (b) : (a))
#define LESS(a, b) ((b) < (a) ? (b) : (a))
#define WHOLE(M)                                                                                   \
    M(u8, uint8_t, int16_t, 0, UINT8_MAX)                                                          \
    M(i8, int8_t, int16_t, INT8_MIN, INT8_MAX)                                                     \
    M(i16, int16_t, int16_t, INT16_MIN, INT16_MAX)                                                 \
    M(i32, int32_t, int32_t, INT32_MIN, INT32_MAX)                                                 \
    M(i64, int64_t, int64_t, INT64_MIN, INT64_MAX)                                                 \
    M(u16, uint16_t, int16_t, 0, UINT16_MAX)                                                       \
    M(u32, uint32_t, int32_t, 0, UINT32_MAX)                                                       \
    M(u64, uint64_t, int64_t, 0, UINT64_MAX)
#define EXTREMES(n, T, I, least, most)                                                             \
    FAC__EXACT(amax_##n, T, T, least, MORE, MORE)                                                  \
    FAC__EXACT(amin_##n, T, T, most, LESS, LESS)
WHOLE(EXTREMES)

/* --- the value and its place ------------------------------------------------------------------ */

/* Accumulators are places (int64) and values (T); I counts the rows of a run. The greatest value of
 * a run is found first, then its first place. */
#define PLACED(name, T, I, extreme, TAKES)                                                         \
    static void name##_row(void *acc, int ld, int j, const void *data, int64_t n, int64_t at,      \
                           const void *ctx) {                                                      \
        const T *x = data;                                                                         \
        T v;                                                                                       \
        extreme##_row(&v, 1, 0, x, n, at, ctx);                                                    \
        int64_t i = 0;                                                                             \
        if (v == v) {                                                                              \
            for (; i + 64 <= n; i += 64) {                                                         \
                T hit = 0;                                                                         \
                for (int k = 0; k < 64; k++)                                                       \
                    hit = x[i + k] == v ? (T)1 : hit;                                              \
                if (hit != 0)                                                                      \
                    break;                                                                         \
            }                                                                                      \
            while (i < n && x[i] != v)                                                             \
                i++;                                                                               \
        } else {                                                                                   \
            while (i < n && x[i] == x[i])                                                          \
                i++;                                                                               \
        }                                                                                          \
        ((int64_t *)acc)[j] = at + i;                                                              \
        ((T *)((int64_t *)acc + ld))[j] = x[i];                                                    \
    }                                                                                              \
    static void name##_columns(void *acc, int ld, const char *const *rows, bool dense, int n,      \
                               int w, int64_t at, const void *ctx) {                               \
        (void)ctx;                                                                                 \
        T *restrict v = (T *)((int64_t *)acc + ld);                                                \
        I place[FAC__FOLD_TILE / (8 + sizeof(T))];                                                 \
        memcpy(v, rows[0], sizeof(T) * (size_t)w);                                                 \
        memset(place, 0, sizeof(I) * (size_t)w);                                                   \
        for (int i = 1; i < n; i++) {                                                              \
            const T *restrict x = FAC__ROW_AT(T, i, w);                                            \
            _Pragma("GCC ivdep") for (int j = 0; j < w; j++) {                                     \
                bool take = TAKES(v[j], x[j]);                                                     \
                v[j] = take ? x[j] : v[j];                                                         \
                place[j] = take ? (I)i : place[j];                                                 \
            }                                                                                      \
        }                                                                                          \
        for (int j = 0; j < w; j++)                                                                \
            ((int64_t *)acc)[j] = at + place[j];                                                   \
    }                                                                                              \
    static void name##_join(void *acc, const void *after, int ld, int w, int64_t n0, int64_t n1,   \
                            const void *ctx) {                                                     \
        (void)n0, (void)n1, (void)ctx;                                                             \
        int64_t *place = acc;                                                                      \
        const int64_t *places = after;                                                             \
        T *v = (T *)(place + ld);                                                                  \
        const T *x = (const T *)(places + ld);                                                     \
        for (int j = 0; j < w; j++)                                                                \
            if (TAKES(v[j], x[j])) {                                                               \
                v[j] = x[j];                                                                       \
                place[j] = places[j];                                                              \
            }                                                                                      \
    }                                                                                              \
    static void name##_both(void *const *out, const void *acc, int ld, int w, int64_t n,           \
                            const void *ctx) {                                                     \
        (void)n, (void)ctx;                                                                        \
        memcpy(out[0], (const int64_t *)acc + ld, sizeof(T) * (size_t)w);                          \
        memcpy(out[1], acc, sizeof(int64_t) * (size_t)w);                                          \
    }

#define TAKES_MORE(v, x) ((x) > (v))
#define TAKES_LESS(v, x) ((x) < (v))
#define TAKES_MORE_OR_NAN(v, x) (((x) > (v)) | (((x) != (x)) & ((v) == (v))))
#define TAKES_LESS_OR_NAN(v, x) (((x) < (v)) | (((x) != (x)) & ((v) == (v))))
#define PLACES(n, T, I, least, most)                                                               \
    PLACED(argmax_##n, T, I, amax_##n, TAKES_MORE)                                                 \
    PLACED(argmin_##n, T, I, amin_##n, TAKES_LESS)
WHOLE(PLACES)
PLACED(argmax_f32, float, int32_t, amax_f32, TAKES_MORE_OR_NAN)
PLACED(argmin_f32, float, int32_t, amin_f32, TAKES_LESS_OR_NAN)
PLACED(argmax_f64, double, int64_t, amax_f64, TAKES_MORE_OR_NAN)
PLACED(argmin_f64, double, int64_t, amin_f64, TAKES_LESS_OR_NAN)

/* --- results ---------------------------------------------------------------------------------- */

#define VALUES(bytes)                                                                              \
    static void values_##bytes(void *const *out, const void *acc, int ld, int w, int64_t n,        \
                               const void *ctx) {                                                  \
        (void)ld, (void)n, (void)ctx;                                                              \
        memcpy(out[0], acc, (size_t)bytes * (size_t)w);                                            \
    }
VALUES(1)
VALUES(2)
VALUES(4)
VALUES(8)

static void places(void *const *out, const void *acc, int ld, int w, int64_t n, const void *ctx) {
    (void)ld, (void)n, (void)ctx;
    memcpy(out[0], acc, sizeof(int64_t) * (size_t)w);
}

#define FOR_DTYPES(M, name)                                                                        \
    M(name, BOOL, u8, 1, true)                                                                     \
    M(name, UINT8, u8, 1, true)                                                                    \
    M(name, INT8, i8, 1, true)                                                                     \
    M(name, INT16, i16, 2, true)                                                                   \
    M(name, INT32, i32, 4, true)                                                                   \
    M(name, INT64, i64, 8, true)                                                                   \
    M(name, UINT16, u16, 2, true)                                                                  \
    M(name, UINT32, u32, 4, true)                                                                  \
    M(name, UINT64, u64, 8, true)                                                                  \
    M(name, FLOAT32, f32, 4, false)                                                                \
    M(name, FLOAT64, f64, 8, false)
#define VALUE_ENTRY(name, D, n, size, exact)                                                       \
    [FAC_##D] = {FAC_##D,                                                                          \
                 {FAC_##D},                                                                        \
                 {size},                                                                           \
                 exact,                                                                            \
                 false,                                                                            \
                 name##_##n##_row,                                                                 \
                 name##_##n##_columns,                                                             \
                 name##_##n##_join,                                                                \
                 values_##size,                                                                    \
                 NULL,                                                                             \
                 true},
#define PLACE_ENTRY(name, D, n, size, exact)                                                       \
    [FAC_##D] = {FAC_##D,          {FAC_INT64},          {8, size},         true,   true,          \
                 name##_##n##_row, name##_##n##_columns, name##_##n##_join, places, NULL},
#define BOTH_ENTRY(name, D, n, size, exact)                                                        \
    [FAC_##D] = {FAC_##D,                                                                          \
                 {FAC_##D, FAC_INT64},                                                             \
                 {8, size},                                                                        \
                 true,                                                                             \
                 true,                                                                             \
                 name##_##n##_row,                                                                 \
                 name##_##n##_columns,                                                             \
                 name##_##n##_join,                                                                \
                 name##_##n##_both,                                                                \
                 NULL},
static const fac__fold amaxs[FAC_NUM_DTYPES] = {FOR_DTYPES(VALUE_ENTRY, amax)};
static const fac__fold amins[FAC_NUM_DTYPES] = {FOR_DTYPES(VALUE_ENTRY, amin)};
static const fac__fold argmaxs[FAC_NUM_DTYPES] = {FOR_DTYPES(PLACE_ENTRY, argmax)};
static const fac__fold argmins[FAC_NUM_DTYPES] = {FOR_DTYPES(PLACE_ENTRY, argmin)};
static const fac__fold maxs[FAC_NUM_DTYPES] = {FOR_DTYPES(BOTH_ENTRY, argmax)};
static const fac__fold mins[FAC_NUM_DTYPES] = {FOR_DTYPES(BOTH_ENTRY, argmin)};

/* --- kernels ---------------------------------------------------------------------------------- */

static int run(fac_tensor *x, uint64_t gone, bool keepdim, const fac__fold *folds,
               fac_tensor *const *out) {
    return FAC__K(fac__reduce)(x, gone, keepdim, &folds[fac__opmath((fac_dtype)x->dtype)], out);
}

#define FULL(name, folds)                                                                          \
    static int name(const void *args, fac_tensor **out) {                                          \
        return run(((const struct fac__##name##_args *)args)->input, FAC__ALL_DIMS, false, folds,  \
                   out);                                                                           \
    }
#define ALONG(name, folds)                                                                         \
    static int name(const void *args, fac_tensor **out) {                                          \
        const struct fac__##name##_args *a = args;                                                 \
        return run(a->input, fac__dim_gone(a->dim, a->input->ndim), a->keepdim, folds, out);       \
    }
#define OVER(name, folds)                                                                          \
    static int name(const void *args, fac_tensor **out) {                                          \
        const struct fac__##name##_args *a = args;                                                 \
        return run(a->input, fac__dims_gone(a->dim, a->input->ndim), a->keepdim, folds, out);      \
    }
#define PLACE(name, folds)                                                                         \
    static int name(const void *args, fac_tensor **out) {                                          \
        const struct fac__##name##_args *a = args;                                                 \
        uint64_t gone =                                                                            \
            a->dim.given ? fac__dim_gone(a->dim.value, a->input->ndim) : FAC__ALL_DIMS;            \
        return run(a->input, gone, a->keepdim, folds, out);                                        \
    }
FULL(max, amaxs)
FULL(min, amins)
ALONG(max_dim, maxs)
ALONG(min_dim, mins)
OVER(amax, amaxs)
OVER(amin, amins)
PLACE(argmax, argmaxs)
PLACE(argmin, argmins)

static int aminmax(const void *args, fac_tensor **out) {
    const struct fac__aminmax_args *a = args;
    uint64_t gone = a->dim.given ? fac__dim_gone(a->dim.value, a->input->ndim) : FAC__ALL_DIMS;
    if (run(a->input, gone, a->keepdim, amins, out) != 0)
        return -1;
    return run(a->input, gone, a->keepdim, amaxs, out + 1);
}

static const fac__kernel_row rows[] = {
    {"max", max},   {"min", min},       {"max_dim", max_dim}, {"min_dim", min_dim}, {"amax", amax},
    {"amin", amin}, {"argmax", argmax}, {"argmin", argmin},   {"aminmax", aminmax}, {0}};
const fac__family FAC__K(fac__family_extreme) = {NULL, rows};
