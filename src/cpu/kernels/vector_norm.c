/* Vector norms. Sums of absolute values and of squares, and extremes of absolute values, are folds
 * of their own; other orders, and complex numbers but for the second, go by a tensor of powers. */
#include "extreme.h"

#include <math.h>
#include <string.h>

#define SAME(x) (x)
#define PLUS(a, b) ((a) + (b))
#define SQUARE(x) ((x) * (x))
#define ABS_F32(x) ((fac__vf32)((fac__vi32)(x) & INT32_MAX))
#define ABS_F64(x) ((fac__vf64)((fac__vi64)(x) & INT64_MAX))

#define FOLD square_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT 0.0f
#define FOLD_MAP SQUARE
#define FOLD_MAPV SQUARE
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD square_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT 0.0
#define FOLD_MAP SQUARE
#define FOLD_MAPV SQUARE
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD square_c64
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 2
#define FOLD_UNIT 0.0f
#define FOLD_MAP SQUARE
#define FOLD_MAPV SQUARE
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD square_c128
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 2
#define FOLD_UNIT 0.0
#define FOLD_MAP SQUARE
#define FOLD_MAPV SQUARE
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD abs_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT 0.0f
#define FOLD_MAP fabsf
#define FOLD_MAPV ABS_F32
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD abs_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT 0.0
#define FOLD_MAP fabs
#define FOLD_MAPV ABS_F64
#define FOLD_OP PLUS
#define FOLD_OPV PLUS
#include "fold.inc"

#define FOLD most_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT 0.0f
#define FOLD_MAP fabsf
#define FOLD_MAPV ABS_F32
#define FOLD_OP FAC__MAX
#define FOLD_OPV fac__max_vf32
#include "fold.inc"

#define FOLD most_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT 0.0
#define FOLD_MAP fabs
#define FOLD_MAPV ABS_F64
#define FOLD_OP FAC__MAX
#define FOLD_OPV fac__max_vf64
#include "fold.inc"

#define FOLD least_f32
#define FOLD_T float
#define FOLD_V fac__vf32
#define FOLD_C 1
#define FOLD_UNIT INFINITY
#define FOLD_MAP fabsf
#define FOLD_MAPV ABS_F32
#define FOLD_OP FAC__MIN
#define FOLD_OPV fac__min_vf32
#include "fold.inc"

#define FOLD least_f64
#define FOLD_T double
#define FOLD_V fac__vf64
#define FOLD_C 1
#define FOLD_UNIT INFINITY
#define FOLD_MAP fabs
#define FOLD_MAPV ABS_F64
#define FOLD_OP FAC__MIN
#define FOLD_OPV fac__min_vf64
#include "fold.inc"

/* --- results ---------------------------------------------------------------------------------- */

#define DONE(name, T, expr)                                                                        \
    static void name(void *const *out, const void *acc, int ld, int w, int64_t n,                  \
                     const void *ctx) {                                                            \
        (void)ld, (void)n, (void)ctx;                                                              \
        T *restrict to = out[0];                                                                   \
        const T *restrict s = acc;                                                                 \
        for (int j = 0; j < w; j++)                                                                \
            to[j] = (T)(expr);                                                                     \
    }
DONE(plain_f32, float, s[j])
DONE(plain_f64, double, s[j])
DONE(root_f32, float, sqrtf(s[j]))
DONE(root_f64, double, sqrt(s[j]))
DONE(root_c64, float, sqrtf(s[2 * j] + s[2 * j + 1]))
DONE(root_c128, double, sqrt(s[2 * j] + s[2 * j + 1]))
DONE(power_f32, float, powf(s[j], (float)(1.0 / *(const double *)ctx)))
DONE(power_f64, double, pow(s[j], 1.0 / *(const double *)ctx))

#define ENTRY(in, result, size, f, done)                                                           \
    {FAC_##in,    {FAC_##result}, {size}, false, false,   f##_row,                                 \
     f##_columns, f##_join,       done,   NULL,  f##_many}
static const fac__fold twos[FAC_NUM_DTYPES] = {
    [FAC_FLOAT32] = ENTRY(FLOAT32, FLOAT32, 4, square_f32, root_f32),
    [FAC_FLOAT64] = ENTRY(FLOAT64, FLOAT64, 8, square_f64, root_f64),
    [FAC_COMPLEX64] = ENTRY(COMPLEX64, FLOAT32, 8, square_c64, root_c64),
    [FAC_COMPLEX128] = ENTRY(COMPLEX128, FLOAT64, 16, square_c128, root_c128),
};
static const fac__fold ones[2] = {ENTRY(FLOAT32, FLOAT32, 4, abs_f32, plain_f32),
                                  ENTRY(FLOAT64, FLOAT64, 8, abs_f64, plain_f64)};
static const fac__fold mosts[2] = {ENTRY(FLOAT32, FLOAT32, 4, most_f32, plain_f32),
                                   ENTRY(FLOAT64, FLOAT64, 8, most_f64, plain_f64)};
static const fac__fold leasts[2] = {ENTRY(FLOAT32, FLOAT32, 4, least_f32, plain_f32),
                                    ENTRY(FLOAT64, FLOAT64, 8, least_f64, plain_f64)};
static const fac__fold powers[2] = {ENTRY(FLOAT32, FLOAT32, 4, abs_f32, power_f32),
                                    ENTRY(FLOAT64, FLOAT64, 8, abs_f64, power_f64)};

/* --- absolute values and powers of them ------------------------------------------------------- */

struct raising {
    const char *x;
    char *to;
    fac_dtype from; /* float32, float64, or complex of them */
    double p;       /* 1: the absolute value alone */
};

static int raise(void *ctx, int64_t begin, int64_t end) {
    const struct raising *r = ctx;
    bool pair = fac__is_complex(r->from);
#define RAISE(T, POW, HYPOT, FABS)                                                                 \
    {                                                                                              \
        const T *x = (const void *)r->x;                                                           \
        T *to = (void *)r->to, p = (T)r->p;                                                        \
        for (int64_t i = begin; i < end; i++) {                                                    \
            T v = pair ? HYPOT(x[2 * i], x[2 * i + 1]) : FABS(x[i]);                               \
            to[i] = p == 1 ? v : p == 0 ? (T)(v != 0) : p == 3 ? v * v * v : POW(v, p);            \
        }                                                                                          \
    }
    if (r->from == FAC_FLOAT32 || r->from == FAC_COMPLEX64)
        RAISE(float, powf, hypotf, fabsf)
    else
        RAISE(double, pow, hypot, fabs)
    return 0;
#undef RAISE
}

/* |x|^p, contiguous, in the real dtype of `d`. */
static fac_tensor *raised(fac_tensor *x, fac_dtype d, double p) {
    fac_tensor *from = fac__cast(x, d);
    if (from == NULL)
        return NULL;
    fac_tensor *to = fac__empty(x->ndim, x->sizes, NULL, fac__real_of(d), x->device);
    if (to != NULL) {
        struct raising r = {from->data, to->data, d, p};
        fac__parallel_for(x->numel, 2048, raise, &r);
    }
    fac__release(from);
    return to;
}

static int linalg_vector_norm(const void *args, fac_tensor **out) {
    const struct fac__linalg_vector_norm_args *a = args;
    fac_tensor *x = a->x, *made = NULL;
    fac_dtype d = fac__opmath(a->dtype != FAC_DTYPE_NONE ? a->dtype : (fac_dtype)x->dtype);
    double ord = fac__scalar_double(a->ord);
    uint64_t gone = fac__dims_gone(a->dim, x->ndim);
    bool single = fac__real_of(d) == FAC_FLOAT32;
    fac__fold f;
    if (ord == 2) {
        f = twos[d];
    } else {
        bool plain = ord == 1 || isinf(ord);
        f = (ord == 1 || ord == 0 ? ones
             : ord == INFINITY    ? mosts
             : isinf(ord)         ? leasts
                                  : powers)[!single];
        f.ctx = &ord;
        if (!plain || fac__is_complex(d)) {
            x = made = raised(x, d, plain ? 1 : ord);
            if (made == NULL)
                return -1;
        }
    }
    int r = FAC__K(fac__reduce)(x, gone, a->keepdim, &f, out);
    fac__release(made);
    return r;
}

static const fac__kernel_row rows[] = {{"linalg_vector_norm", linalg_vector_norm}, {0}};
const fac__family FAC__K(fac__family_vector_norm) = {NULL, rows};
