/* Fillers: PyTorch's transforms of mt19937's words, in its order and with its bits. */
#include "../../gen/ops.h"
#include "half.h"
#include "random_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The output as contiguous memory: itself, or a copy to be written back. `strided` tells those who
 * draw differently then. */
struct target {
    fac_tensor *out, *work;
    bool strided;
};

/* The same elements with the dimensions in order of memory, outermost first, as they are drawn. */
static fac_tensor *in_memory_order(const fac_tensor *like, const fac_tensor *t) {
    fac_tensor *r = fac__shallow_copy(t);
    int order[FAC_MAX_DIMS];
    for (int i = 0; r != NULL && i < t->ndim; i++) {
        int at = i;
        for (; at > 0; at--) {
            int64_t before = like->strides[order[at - 1]], s = like->strides[i];
            if (before == 0 || s == 0 || before >= s)
                break;
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    for (int i = 0; r != NULL && i < t->ndim; i++) {
        r->sizes[i] = t->sizes[order[i]];
        r->strides[i] = t->strides[order[i]];
    }
    if (r != NULL && fac__tensor_flags(r) != 0) {
        fac__release(r);
        return NULL;
    }
    return r;
}

static int open_target(struct target *t, fac_tensor *out) {
    t->strided = !(out->features & FAC__CONTIGUOUS);
    t->out = t->strided ? in_memory_order(out, out) : fac__retain(out);
    if (t->out == NULL)
        return -1;
    t->work = t->out->features & FAC__CONTIGUOUS
                  ? fac__retain(t->out)
                  : fac__empty(out->ndim, t->out->sizes, NULL, (fac_dtype)out->dtype, out->device);
    if (t->work != NULL)
        return 0;
    fac__release(t->out);
    return -1;
}

static int close_target(struct target *t, int r) {
    if (r == 0 && t->work != t->out)
        r = fac__copy_into(t->out, t->work);
    fac__release(t->work);
    fac__release(t->out);
    return r;
}

/* --- elements -------------------------------------------------------------------------------- */

static void store_halves(uint16_t *out, const float *v, int64_t n, int dtype) {
    for (int64_t i = 0; i < n; i++)
        out[i] = dtype == FAC_FLOAT16 ? fac__float16_of_float(v[i]) : fac__bfloat16_of_float(v[i]);
}

static void store(fac_tensor *t, int64_t i, double v) {
    fac__scalar_to(fac_float(v), (fac_dtype)t->dtype,
                   t->data + i * (int64_t)fac__itemsize(t->dtype));
}

static void store_int(fac_tensor *t, int64_t i, int64_t v) {
    fac__scalar_to(fac_int(v), (fac_dtype)t->dtype, t->data + i * (int64_t)fac__itemsize(t->dtype));
}

static int not_for(const char *op, const fac_tensor *t) {
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "\"%s\" not implemented for '%s'", op,
                     fac__scalar_type_name((fac_dtype)t->dtype));
}

static bool floating(const fac_tensor *t) {
    return t->dtype >= FAC_FLOAT16 && t->dtype <= FAC_FLOAT64;
}

/* For the wide unsigned integers PyTorch has no law but random_(from, to). */
static bool draws_bits(const fac_tensor *t) {
    return !fac__is_complex((fac_dtype)t->dtype) && !fac__is_wide_unsigned((fac_dtype)t->dtype);
}

/* Complex tensors are filled as twice as many reals. */
static int64_t reals(fac_tensor *t, fac_dtype *d) {
    *d = (fac_dtype)t->dtype;
    if (t->dtype == FAC_COMPLEX64 || t->dtype == FAC_COMPLEX128) {
        *d = t->dtype == FAC_COMPLEX64 ? FAC_FLOAT32 : FAC_FLOAT64;
        return 2 * t->numel;
    }
    return t->numel;
}

/* --- uniform --------------------------------------------------------------------------------- */

/* Samples of [from, to): the product is fused, and what rounds to the end is the beginning. */
#define SPREAD(T, fused)                                                                           \
    static void spread_##T(T *p, int64_t n, T from, T to) {                                        \
        for (int64_t i = 0; i < n; i++) {                                                          \
            T v = fused(p[i], to - from, from);                                                    \
            p[i] = v == to ? from : v;                                                             \
        }                                                                                          \
    }
SPREAD(float, fmaf)
SPREAD(double, fma)

static void uniform_halves(fac_tensor *t, float from, float to, fac_generator *g) {
    uint16_t *p = (uint16_t *)(void *)t->data, ends[2];
    float u[TILE], range[2] = {from, to};
    store_halves(ends, range, 2, t->dtype);
    for (int64_t at = 0; at < t->numel; at += TILE) {
        int64_t m = least(TILE, t->numel - at);
        unit_floats(g, u, m);
        spread_float(u, m, from, to);
        store_halves(p + at, u, m, t->dtype);
        for (int64_t i = at; i < at + m; i++)
            p[i] = p[i] == ends[1] ? ends[0] : p[i];
    }
}

static int fill_uniform(fac_tensor *t, double from, double to, fac_generator *g) {
    fac_dtype d;
    int64_t n = reals(t, &d);
    if (d == FAC_FLOAT16 || d == FAC_BFLOAT16) {
        uniform_halves(t, (float)from, (float)to, g);
        return 0;
    }
    if (d != FAC_FLOAT32 && d != FAC_FLOAT64)
        return not_for("check_uniform_bounds", t);
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = least(TILE, n - at);
        if (d == FAC_FLOAT32) {
            float *p = (float *)(void *)t->data + at;
            unit_floats(g, p, m);
            if (from != 0 || to != 1)
                spread_float(p, m, (float)from, (float)to);
        } else {
            double *p = (double *)(void *)t->data + at;
            unit_doubles(g, p, m);
            if (from != 0 || to != 1)
                spread_double(p, m, from, to);
        }
    }
    return 0;
}

static int uniform(const void *args, fac_tensor **out) {
    const struct fac__uniform_args *a = args;
    struct target t;
    if (!floating(out[0]) && !fac__is_complex((fac_dtype)out[0]->dtype))
        return not_for("check_uniform_bounds", out[0]);
    if (!(a->from_ <= a->to))
        return fac__fail(FAC_ERROR_RUNTIME,
                         "uniform_ expects to return a [from, to) range, but found from=%g > to=%g",
                         a->from_, a->to);
    if (open_target(&t, out[0]) != 0)
        return -1;
    fac_generator *g = fac__generator_lock(a->generator);
    int r = fill_uniform(t.work, a->from_, a->to, g);
    fac__generator_unlock(g);
    return close_target(&t, r);
}

/* --- normal ---------------------------------------------------------------------------------- */

/* Logarithm, sine and cosine of the Cephes library (Moshier), with its polynomials evaluated by
 * fused multiply-add in the order that PyTorch's AVX2 code runs them: 1,048,576 of 1,048,576
 * samples have its bits. */
static inline float cephes_log(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    bits = bits < 0x00800000u ? 0x00800000u : bits; /* denormals count as the least normal number */
    float e = (float)((int)(bits >> 23) - 127) + 1.0f;
    bits = (bits & ~0x7f800000u) | 0x3f000000u;
    memcpy(&x, &bits, 4);
    bool low = x < 0.707106781186547524f;
    float add = low ? x : 0.0f;
    x = (x - 1.0f) + add;
    e -= low ? 1.0f : 0.0f;
    float z = x * x, y = 7.0376836292e-2f;
    y = fmaf(y, x, -1.1514610310e-1f);
    y = fmaf(y, x, 1.1676998740e-1f);
    y = fmaf(y, x, -1.2420140846e-1f);
    y = fmaf(y, x, 1.4249322787e-1f);
    y = fmaf(y, x, -1.6668057665e-1f);
    y = fmaf(y, x, 2.0000714765e-1f);
    y = fmaf(y, x, -2.4999993993e-1f);
    y = fmaf(y, x, 3.3333331174e-1f);
    y = fmaf(y * x, z, e * -2.12194440e-4f);
    y = fmaf(-z, 0.5f, y);
    return fmaf(e, 0.693359375f, x + y);
}

/* For x in [0, 2 pi]. */
static inline void cephes_sincos(float x, float *sine, float *cosine) {
    int j = ((int)(x * 1.27323954473516f) + 1) & ~1;
    float y = (float)j;
    x = fmaf(y, -0.78515625f, x);
    x = fmaf(y, -2.4187564849853515625e-4f, x);
    x = fmaf(y, -3.77489497744594108e-8f, x);
    float z = x * x, p = 2.443315711809948e-5f, q = -1.9515295891e-4f;
    p = fmaf(p, z, -1.388731625493765e-3f);
    p = fmaf(p, z, 4.166664568298827e-2f);
    p = fmaf(p * z, z, -(z * 0.5f)) + 1.0f;
    q = fmaf(q, z, 8.3321608736e-3f);
    q = fmaf(q, z, -1.6666654611e-1f);
    q = fmaf(q * z, x, x);
    float s = (j & 2) == 0 ? q : p, c = (j & 2) == 0 ? p : q;
    *sine = (j & 4) != 0 ? -s : s;
    *cosine = (~(j - 2) & 4) != 0 ? -c : c;
}

/* Box-Muller over blocks of 16 uniform samples, in place: the first eight of a block give the
 * radius, the others the angle. */
static void normal_blocks(float *d, int64_t blocks, float mean, float std) {
    float r[TILE / 2], s[TILE / 2], c[TILE / 2];
    for (int64_t b = 0; b < blocks; b++)
        for (int j = 0; j < 8; j++) {
            r[8 * b + j] = d[16 * b + j];
            s[8 * b + j] = d[16 * b + 8 + j];
        }
    for (int64_t i = 0; i < 8 * blocks; i++) {
        float radius = sqrtf(-2.0f * cephes_log(1.0f - r[i])), sine, cosine;
        cephes_sincos(6.28318548202514648438f * s[i], &sine, &cosine);
        c[i] = fmaf(radius * cosine, std, mean);
        s[i] = fmaf(radius * sine, std, mean);
    }
    for (int64_t b = 0; b < blocks; b++)
        for (int j = 0; j < 8; j++) {
            d[16 * b + j] = c[8 * b + j];
            d[16 * b + 8 + j] = s[8 * b + j];
        }
}

/* Where 16 does not divide n, all n words are drawn, and the last 16 elements again. */
static void fill_normal_floats(float *p, int64_t n, float mean, float std, fac_generator *g) {
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = least(TILE, n - at);
        unit_floats(g, p + at, m);
        normal_blocks(p + at, m / 16, mean, std);
    }
    if (n % 16 != 0) {
        unit_floats(g, p + n - 16, 16);
        normal_blocks(p + n - 16, 1, mean, std);
    }
}

static void normal_block_double(double *d, double mean, double std) {
    for (int j = 0; j < 8; j++) {
        double radius = sqrt(-2 * log(1 - d[j])), theta = 2.0 * 3.14159265358979323846 * d[j + 8];
        d[j] = fma(radius * cos(theta), std, mean);
        d[j + 8] = fma(radius * sin(theta), std, mean);
    }
}

static void fill_normal_doubles(double *p, int64_t n, double mean, double std, fac_generator *g) {
    unit_doubles(g, p, n);
    for (int64_t i = 0; i + 16 <= n; i += 16)
        normal_block_double(p + i, mean, std);
    if (n % 16 != 0) {
        unit_doubles(g, p + n - 16, 16);
        normal_block_double(p + n - 16, mean, std);
    }
}

/* float16 and bfloat16: float32's blocks, rounded; each block is drawn when it is made, and the
 * remainder's instead of, not after, the words of the last elements. */
static void fill_normal_halves(fac_tensor *t, int64_t n, float mean, float std, fac_generator *g) {
    uint16_t *p = (uint16_t *)(void *)t->data;
    float block[TILE];
    for (int64_t at = 0; at < n; at += TILE) {
        int64_t m = least(TILE, n - at) / 16 * 16;
        unit_floats(g, block, m);
        normal_blocks(block, m / 16, mean, std);
        store_halves(p + at, block, m, t->dtype);
    }
    if (n % 16 != 0) {
        unit_floats(g, block, 16);
        normal_blocks(block, 1, mean, std);
        store_halves(p + n - 16, block, 16, t->dtype);
    }
}

static double normal_sample(fac_generator *g, double mean, double std) {
    double r;
    if (g->has_double) {
        g->has_double = false;
        r = g->next_double;
    } else {
        double u1 = uniform53(g), u2 = uniform53(g);
        double radius = sqrt(-2.0 * log1p(-u2)), theta = 2.0 * 3.14159265358979323846 * u1;
        g->next_double = radius * sin(theta);
        g->has_double = true;
        r = radius * cos(theta);
    }
    return fma(r, std, mean);
}

static int fill_normal(struct target *t, double mean, double std, fac_generator *g) {
    fac_tensor *w = t->work;
    fac_dtype d;
    int64_t n = reals(w, &d);
    if (d < FAC_FLOAT16 || d > FAC_FLOAT64)
        return not_for("normal_kernel_cpu", w);
    if (d != w->dtype)
        std /= 1.41421356237309504880; /* complex: variance shared by the parts */
    if (w->numel * (d != w->dtype ? 2 : 1) >= 16 && !t->strided) {
        if (d == FAC_FLOAT32)
            fill_normal_floats((float *)(void *)w->data, n, (float)mean, (float)std, g);
        else if (d == FAC_FLOAT64)
            fill_normal_doubles((double *)(void *)w->data, n, mean, std, g);
        else
            fill_normal_halves(w, n, (float)mean, (float)std, g);
        return 0;
    }
    size_t size = fac_dtype_size(d);
    for (int64_t i = 0; i < n; i++)
        fac__scalar_to(fac_float(normal_sample(g, mean, std)), d, w->data + i * (int64_t)size);
    return 0;
}

static int normal(const void *args, fac_tensor **out) {
    const struct fac__normal_fill_args *a = args;
    struct target t;
    if (!(a->std >= 0))
        return fac__fail(FAC_ERROR_RUNTIME, "normal expects std >= 0.0, but found std %g", a->std);
    if (open_target(&t, out[0]) != 0)
        return -1;
    fac_generator *g = fac__generator_lock(a->generator);
    int r = fill_normal(&t, a->mean, a->std, g);
    fac__generator_unlock(g);
    return close_target(&t, r);
}

/* --- integers -------------------------------------------------------------------------------- */

static const int digits[FAC_NUM_DTYPES] = {
    [FAC_FLOAT16] = 11, [FAC_BFLOAT16] = 8, [FAC_FLOAT32] = 24, [FAC_FLOAT64] = 53};

/* An end of a range: one that a floating dtype rounds out of the range moves into it by a step
 * between numbers as large. */
static int64_t inner_end(int64_t end, int inwards, fac_dtype d) {
    _Alignas(16) char bits[16];
    if (digits[d] == 0)
        return end;
    fac__scalar_to(fac_int(end + inwards), d, bits);
    double near = fac__scalar_double(fac__scalar_from(bits, d));
    if (near >= 0x1p63 || (inwards < 0 ? near < (double)end : near >= (double)end))
        return end;
    uint64_t size = (uint64_t)llabs(end + inwards);
    int exponent = size == 0 ? 0 : 63 - __builtin_clzll(size);
    return (int64_t)near + inwards * (1ll << (exponent - digits[d] + 1));
}

static int warn_of_steps(int64_t end, const char *name, fac_dtype d) {
    int n = digits[d];
    if (n == 0 || (end >= -(1ll << n) && end <= 1ll << n))
        return 0;
    return fac__warn("%s is out of bounds [-(2^%d), 2^%d]. Due to precision limitations %s can "
                     "support discrete uniform distribution only within this range. This warning "
                     "will become an error in version 1.7 release, please fix the code in advance",
                     name, n, n, fac__c_type_name(d));
}

/* Whether both ends of a range are values of the dtype. */
static int check_range(int64_t from, int64_t to, fac_dtype d) {
    double low, high;
    switch (d) {
    case FAC_BOOL:
        low = 0, high = 1;
        break;
    case FAC_FLOAT16:
        low = -65504, high = 65504;
        break;
    case FAC_INT64:
    case FAC_BFLOAT16:
    case FAC_FLOAT32:
    case FAC_FLOAT64:
        return 0;
    case FAC_COMPLEX64:
    case FAC_COMPLEX128:
        return fac__fail(FAC_ERROR_RUNTIME, "check_random_bounds handles only integral, "
                                            "floating-point and boolean types");
    default: {
        int bits = 8 * (int)fac_dtype_size(d), is_signed = fac_dtype_is_signed(d);
        high = ldexp(1, bits - is_signed) - 1;
        low = is_signed ? -ldexp(1, bits - 1) : 0;
    }
    }
    bool under = (double)from < low || (double)from > high;
    if (!under && (double)to - 1 >= low && (double)to - 1 <= high)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "%s is out of bounds for %s", under ? "from" : "to - 1",
                     d == FAC_FLOAT16 ? "c10::Half" : fac__c_type_name(d));
}

/* v[i] = w[i] % range. The quotient of two numbers below 2^32 lies further from an integer than it
 * is rounded, so that division in double is exact, and runs in vectors. */
static void remainders(int64_t *v, const uint32_t *w, int64_t n, double range) {
    for (int64_t i = 0; i < n; i++) {
        double x = (double)w[i];
        v[i] = (int64_t)(x - trunc(x / range) * range);
    }
}

static void store_ints(fac_tensor *t, int64_t at, const int64_t *v, int64_t n) {
#define INTS(T)                                                                                    \
    {                                                                                              \
        T *out = (T *)(void *)t->data + at;                                                        \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (T)v[i];                                                                      \
        return;                                                                                    \
    }
    switch (t->dtype) {
    case FAC_INT64:
        INTS(int64_t)
    case FAC_INT32:
        INTS(int32_t)
    case FAC_UINT8:
        INTS(uint8_t)
    case FAC_FLOAT32:
        INTS(float)
    default:
        for (int64_t i = 0; i < n; i++)
            store_int(t, at + i, v[i]);
    }
#undef INTS
}

static int random_range(const void *args, fac_tensor **out) {
    const struct fac__random_from_args *a = args;
    struct target t;
    fac_dtype d = (fac_dtype)out[0]->dtype;
    int64_t from = inner_end(a->from_, 1, d);
    uint64_t range = (uint64_t)inner_end(a->to, -1, d) - (uint64_t)from;
    if (a->from_ >= a->to)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "random_ expects 'from' to be less than 'to', but got from=%lld >= to=%lld",
            (long long)a->from_, (long long)a->to);
    if (fac__is_complex(d))
        return fac__fail(FAC_ERROR_RUNTIME, "check_random_bounds handles only integral, "
                                            "floating-point and boolean types");
    if (check_range(a->from_, a->to, d) != 0 || warn_of_steps(a->from_, "from", d) != 0 ||
        warn_of_steps(a->to - 1, "to - 1", d) != 0 || open_target(&t, out[0]) != 0)
        return -1;
    fac_tensor *w = t.work;
    fac_generator *g = fac__generator_lock(a->generator);
    int64_t v[TILE];
    for (int64_t at = 0; at < w->numel; at += TILE) {
        int64_t m = least(TILE, w->numel - at);
        if (range < 1ull << 28) {
            uint32_t u[TILE];
            words(g, u, m);
            remainders(v, u, m, (double)range);
        } else {
            wide_words(g, (uint64_t *)v, m);
            for (int64_t i = 0; i < m; i++)
                v[i] = (int64_t)((uint64_t)v[i] % range);
        }
        for (int64_t i = 0; i < m; i++)
            v[i] = (int64_t)((uint64_t)v[i] + (uint64_t)from);
        store_ints(w, at, v, m);
    }
    fac__generator_unlock(g);
    return close_target(&t, 0);
}

/* The whole range that the dtype can hold exactly. */
static int random_full(const void *args, fac_tensor **out) {
    const struct fac__random_full_args *a = args;
    struct target t;
    if (!draws_bits(out[0]))
        return not_for("random_kernel_cpu", out[0]);
    if (open_target(&t, out[0]) != 0)
        return -1;
    fac_tensor *w = t.work;
    fac_generator *g = fac__generator_lock(a->generator);
    for (int64_t i = 0; i < w->numel; i++) {
        switch (w->dtype) {
        case FAC_BOOL:
            store_int(w, i, word(g) & 1);
            break;
        case FAC_INT64:
            store_int(w, i, (int64_t)(wide_word(g) & INT64_MAX));
            break;
        case FAC_FLOAT64:
            store(w, i, (double)(wide_word(g) % ((1ull << 53) + 1)));
            break;
        case FAC_FLOAT32:
            store(w, i, (double)(word(g) % ((1u << 24) + 1)));
            break;
        case FAC_FLOAT16:
            store(w, i, (double)(word(g) % ((1u << 11) + 1)));
            break;
        case FAC_BFLOAT16:
            store(w, i, (double)(word(g) % ((1u << 8) + 1)));
            break;
        default: {
            int bits = 8 * (int)fac__itemsize(w->dtype);
            bool is_signed = w->dtype == FAC_INT8 || w->dtype == FAC_INT16 || w->dtype == FAC_INT32;
            store_int(w, i, (int64_t)(word(g) & ((1ull << (is_signed ? bits - 1 : bits)) - 1)));
        }
        }
    }
    fac__generator_unlock(g);
    return close_target(&t, 0);
}

/* --- other laws ------------------------------------------------------------------------------ */

static int bernoulli(const void *args, fac_tensor **out) {
    const struct fac__bernoulli_fill_args *a = args;
    struct target t;
    if (!(a->p >= 0 && a->p <= 1))
        return fac__fail(FAC_ERROR_RUNTIME, "bernoulli_ expects p to be in [0, 1], but got p=%g",
                         a->p);
    if (!draws_bits(out[0]))
        return not_for("bernoulli_scalar_cpu_", out[0]);
    if (open_target(&t, out[0]) != 0)
        return -1;
    fac_tensor *w = t.work;
    fac_generator *g = fac__generator_lock(a->generator);
    /* u * 2^-53 < p, in integers */
    int64_t below = (int64_t)ceil(a->p * 0x1p53), v[TILE];
    for (int64_t at = 0; at < w->numel; at += TILE) {
        int64_t m = least(TILE, w->numel - at);
        wide_words(g, (uint64_t *)v, m);
        for (int64_t i = 0; i < m; i++)
            v[i] = (v[i] & ((1ll << 53) - 1)) < below;
        store_ints(w, at, v, m);
    }
    fac__generator_unlock(g);
    return close_target(&t, 0);
}

/* p spread to out's shape, contiguous in the order in which it is drawn. */
static fac_tensor *probabilities(fac_tensor *out, const struct target *t, fac_tensor *p) {
    bool same = p->ndim == out->ndim;
    for (int i = 0; same && i < p->ndim; i++)
        same = p->sizes[i] == out->sizes[i];
    if (same && !t->strided && p->features & FAC__CONTIGUOUS)
        return fac__retain(p);
    fac_tensor *full =
        fac__empty(t->out->ndim, t->out->sizes, NULL, (fac_dtype)p->dtype, p->device);
    fac_tensor *spread = fac__empty(out->ndim, out->sizes, NULL, (fac_dtype)p->dtype, p->device);
    fac_tensor *sorted = spread == NULL ? NULL : in_memory_order(out, spread);
    if (full == NULL || sorted == NULL || fac__copy_into(spread, p) != 0 ||
        fac__copy_into(full, sorted) != 0) {
        fac__release(full);
        full = NULL;
    }
    fac__release(spread);
    fac__release(sorted);
    return full;
}

static int bernoulli_tensor(const void *args, fac_tensor **out) {
    const struct fac__bernoulli_tensor_args *a = args;
    struct target t;
    fac_tensor *p = a->p;
    if (!draws_bits(out[0]))
        return not_for("bernoulli_tensor_cpu_self_", out[0]);
    if (!floating(p))
        return not_for("bernoulli_tensor_cpu_p_", p);
    if (open_target(&t, out[0]) != 0)
        return -1;
    fac_tensor *full = probabilities(out[0], &t, p);
    if (full == NULL)
        return close_target(&t, -1);
    fac_generator *g = fac__generator_lock(a->generator);
    int fine = 1;
    double q[TILE], u[TILE];
    int64_t hit[TILE];
    size_t size = fac__itemsize(p->dtype);
    for (int64_t at = 0; fine && at < full->numel; at += TILE) {
        int64_t m = least(TILE, full->numel - at);
        const char *from = full->data + at * (int64_t)size;
        if (p->dtype == FAC_FLOAT32)
            for (int64_t i = 0; i < m; i++)
                q[i] = ((const float *)(const void *)from)[i];
        else
            for (int64_t i = 0; i < m; i++)
                q[i] = fac__scalar_from(from + i * (int64_t)size, (fac_dtype)p->dtype).as.f;
        for (int64_t i = 0; i < m; i++)
            fine &= (q[i] >= 0) & (q[i] <= 1);
        if (!fine)
            break;
        if (p->dtype == FAC_FLOAT64) {
            unit_doubles(g, u, m);
        } else {
            uint32_t w[TILE];
            words(g, w, m);
            for (int64_t i = 0; i < m; i++)
                u[i] = (double)unit24(w[i]);
        }
        for (int64_t i = 0; i < m; i++)
            hit[i] = u[i] < q[i];
        store_ints(t.work, at, hit, m);
    }
    fac__generator_unlock(g);
    fac__release(full);
    if (!fine)
        fac__fail(FAC_ERROR_RUNTIME,
                  "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error "
                  "message be improved?  If so, please report an enhancement request to "
                  "PyTorch.)");
    return close_target(&t, fine ? 0 : -1);
}

/* The laws below draw 53 bits a sample. */
#define LAW(name, check, text, got, value)                                                         \
    static int name(const void *args, fac_tensor **out) {                                          \
        const struct fac__##name##_args *a = args;                                                 \
        struct target t;                                                                           \
        if (!(check))                                                                              \
            return fac__fail(FAC_ERROR_RUNTIME, text, got);                                        \
        if (!floating(out[0]) && strcmp(#name, "exponential") == 0)                                \
            return fac__fail(FAC_ERROR_RUNTIME,                                                    \
                             "Exponential distribution is a continuous probability distribution. " \
                             "dtype must be a floating point but you specified %s",                \
                             fac__scalar_type_name((fac_dtype)out[0]->dtype));                     \
        if (!floating(out[0]) && strcmp(#name, "cauchy") == 0)                                     \
            return fac__fail(FAC_ERROR_RUNTIME,                                                    \
                             "Cauchy distribution is a continuous probability distribution. "      \
                             "dtype must be a floating point but you specified %s",                \
                             fac__c_type_name((fac_dtype)out[0]->dtype));                          \
        bool integers = strcmp(#name, "geometric") == 0 &&                                         \
                        fac__category((fac_dtype)out[0]->dtype) == 1 && draws_bits(out[0]);        \
        if (!floating(out[0]) && !integers)                                                        \
            return not_for(#name "_cpu", out[0]);                                                  \
        if (open_target(&t, out[0]) != 0)                                                          \
            return -1;                                                                             \
        fac_generator *g = fac__generator_lock(a->generator);                                      \
        for (int64_t i = 0; i < t.work->numel; i++)                                                \
            store(t.work, i, value);                                                               \
        fac__generator_unlock(g);                                                                  \
        return close_target(&t, 0);                                                                \
    }
LAW(exponential, a->lambd > 0, "exponential_ expects lambda > 0.0, but found lambda=%g", a->lambd,
    -1.0 / a->lambd * log1p(-uniform53(g)))
LAW(cauchy, a->sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=%g", a->sigma,
    a->median + a->sigma * tan(3.14159265358979323846 * (uniform53(g) - 0.5)))
LAW(geometric, a->p > 0 && a->p < 1, "geometric_ expects p to be in (0, 1), but got p=%g", a->p,
    ceil(log(uniform53(g)) / log1p(-a->p)))
LAW(log_normal, a->std > 0, "log_normal_ expects std > 0.0, but found std=%g", a->std,
    exp(normal_sample(g, a->mean, a->std)))

static int randperm(const void *args, fac_tensor **out) {
    const struct fac__randperm_args *a = args;
    int64_t n = a->n;
    int64_t *v = fac__alloc((size_t)n * sizeof *v);
    if (v == NULL)
        return -1;
    for (int64_t i = 0; i < n; i++)
        v[i] = i;
    fac_generator *g = fac__generator_lock(a->generator);
    for (int64_t at = 0; at < n - 1; at += TILE) {
        int64_t m = least(TILE, n - 1 - at), z[TILE];
        uint32_t w[TILE];
        words(g, w, m);
        if (n < 1ll << 32)
            for (int64_t i = 0; i < m; i++) {
                double x = (double)w[i], range = (double)(n - at - i);
                z[i] = (int64_t)(x - trunc(x / range) * range);
            }
        else
            for (int64_t i = 0; i < m; i++)
                z[i] = (int64_t)(w[i] % (uint64_t)(n - at - i));
        for (int64_t i = 0; i < m; i++) {
            int64_t *p = v + at + i, x = *p;
            *p = p[z[i]];
            p[z[i]] = x;
        }
    }
    fac__generator_unlock(g);
    if (out[0]->features & FAC__CONTIGUOUS) {
        store_ints(out[0], 0, v, n);
    } else {
        ptrdiff_t step = out[0]->strides[0] * (ptrdiff_t)fac__itemsize(out[0]->dtype);
        for (int64_t i = 0; i < n; i++)
            fac__scalar_to(fac_int(v[i]), (fac_dtype)out[0]->dtype, out[0]->data + i * step);
    }
    fac__free(v, (size_t)n * sizeof *v);
    return 0;
}

/* Draws with replacement: binary search in the cumulative weights of each row. */
static int multinomial_replace(const void *args, fac_tensor **out) {
    const struct fac___multinomial_replace_args *a = args;
    fac_tensor *p = fac__cast(a->input, FAC_FLOAT64);
    int64_t cats = a->input->sizes[a->input->ndim - 1];
    int64_t rows = a->input->ndim == 2 ? a->input->sizes[0] : 1, k = a->num_samples;
    double *sum = p == NULL ? NULL : fac__alloc((size_t)cats * sizeof *sum);
    int r = -1;
    if (sum == NULL)
        goto done;
    bool is_float = a->input->dtype != FAC_FLOAT64;
    fac_generator *g = fac__generator_lock(a->generator);
    r = 0;
    for (int64_t i = 0; r == 0 && i < rows; i++) {
        const double *w = (const double *)(const void *)p->data + i * cats;
        double total = 0;
        for (int64_t c = 0; c < cats && r == 0; c++) {
            if (!(w[c] >= 0) || isinf(w[c]))
                r = fac__fail(
                    FAC_ERROR_RUNTIME,
                    "invalid multinomial distribution (encountering probability entry %s)",
                    w[c] >= 0 ? "= infinity or NaN" : "< 0");
            total = is_float ? (double)((float)total + (float)w[c]) : total + w[c];
            sum[c] = total;
        }
        if (r == 0 && !(total > 0))
            r = fac__fail(FAC_ERROR_RUNTIME,
                          "invalid multinomial distribution (sum of probabilities <= 0)");
        if (r != 0)
            break;
        for (int64_t c = 0; c < cats; c++)
            sum[c] = is_float ? (double)((float)sum[c] / (float)total) : sum[c] / total;
        sum[cats - 1] = 1;
        for (int64_t s = 0; s < k; s++) {
            double u = uniform53(g);
            int64_t lo = 0, hi = cats;
            while (hi - lo > 0) {
                int64_t mid = lo + (hi - lo) / 2;
                if (sum[mid] < u)
                    lo = mid + 1;
                else
                    hi = mid;
            }
            ((int64_t *)(void *)out[0]->data)[i * k + s] = lo;
        }
    }
    fac__generator_unlock(g);
done:
    fac__release(p);
    fac__free(sum, (size_t)cats * sizeof *sum);
    return r;
}

static const fac__kernel_row rows_[] = {{"uniform", uniform},
                                        {"normal_fill", normal},
                                        {"random_from", random_range},
                                        {"random_full", random_full},
                                        {"bernoulli_fill", bernoulli},
                                        {"bernoulli_tensor", bernoulli_tensor},
                                        {"exponential", exponential},
                                        {"cauchy", cauchy},
                                        {"geometric", geometric},
                                        {"log_normal", log_normal},
                                        {"randperm", randperm},
                                        {"_multinomial_replace", multinomial_replace},
                                        {0}};
const fac__family FAC__K(fac__family_random) = {NULL, rows_};
