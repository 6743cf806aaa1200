/* Dtypes: names, sizes, PyTorch's promotion, and numbers as elements. */
#include "core.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const char *const names[FAC_NUM_DTYPES] = {"none",
#define FAC_X(lower, UPPER, type, size) #lower,
                                                  FAC_DTYPES(FAC_X)
#undef FAC_X
};

static const char *const scalar_type_names[FAC_NUM_DTYPES] = {
    "Undefined", "Bool",   "Byte", "Char",     "Short", "Int",    "Long",         "UInt16",
    "UInt32",    "UInt64", "Half", "BFloat16", "Float", "Double", "ComplexFloat", "ComplexDouble",
};

static fac_dtype default_dtype = FAC_FLOAT32;

const char *fac_dtype_name(fac_dtype d) {
    return d > 0 && d < FAC_NUM_DTYPES ? names[d] : "none";
}

const char *fac__scalar_type_name(fac_dtype d) {
    return d > 0 && d < FAC_NUM_DTYPES ? scalar_type_names[d] : "Undefined";
}

const char *fac__c_type_name(fac_dtype d) {
    static const char *const words[FAC_NUM_DTYPES] = {
        [FAC_BOOL] = "bool",
        [FAC_UINT8] = "unsigned char",
        [FAC_UINT16] = "short unsigned int",
        [FAC_UINT32] = "unsigned int",
        [FAC_UINT64] = "long unsigned int",
        [FAC_INT8] = "signed char",
        [FAC_INT16] = "short int",
        [FAC_INT32] = "int",
        [FAC_INT64] = "long int",
        [FAC_FLOAT16] = "c10::Half",
        [FAC_BFLOAT16] = "c10::BFloat16",
        [FAC_FLOAT32] = "float",
        [FAC_FLOAT64] = "double",
        [FAC_COMPLEX64] = "c10::complex<float>",
        [FAC_COMPLEX128] = "c10::complex<double>",
    };
    return d > 0 && d < FAC_NUM_DTYPES ? words[d] : "void";
}

size_t fac_dtype_size(fac_dtype d) {
    return d > 0 && d < FAC_NUM_DTYPES ? fac__itemsize((uint8_t)d) : 0;
}

bool fac_dtype_is_floating(fac_dtype d) {
    return fac__is_float(d);
}

bool fac_dtype_is_complex(fac_dtype d) {
    return d < FAC_NUM_DTYPES && fac__is_complex(d);
}

bool fac_dtype_is_signed(fac_dtype d) {
    return d > FAC_BOOL && d < FAC_NUM_DTYPES && d != FAC_UINT8 && d != FAC_UINT16 &&
           d != FAC_UINT32 && d != FAC_UINT64;
}

fac_dtype fac_default_dtype(void) {
    return default_dtype;
}

bool fac_set_default_dtype(fac_dtype d) {
    if (!fac__is_float(d)) {
        fac__fail(FAC_ERROR_TYPE, "only floating-point types are supported as the default type");
        return false;
    }
    default_dtype = d;
    return true;
}

int fac__category(fac_dtype d) {
    if (d == FAC_BOOL)
        return 0;
    if (d <= FAC_UINT64)
        return 1;
    return d <= FAC_FLOAT64 ? 2 : 3;
}

fac_dtype fac__real_of(fac_dtype d) {
    return d == FAC_COMPLEX64 ? FAC_FLOAT32 : d == FAC_COMPLEX128 ? FAC_FLOAT64 : d;
}

fac_dtype fac__complex_of(fac_dtype d) {
    if (fac__is_complex(d))
        return d;
    return d == FAC_FLOAT64 ? FAC_COMPLEX128 : FAC_COMPLEX64;
}

fac_dtype fac__opmath(fac_dtype d) {
    return d == FAC_FLOAT16 || d == FAC_BFLOAT16 ? FAC_FLOAT32 : d;
}

/* A kind of integer as (signed, bits). Unsigned beyond uint8 promote as NumPy's do, where PyTorch
 * refuses: to the smallest signed type that holds both, and float64 past int64. */
static fac_dtype promote_integers(fac_dtype a, fac_dtype b) {
    bool signed_a = fac_dtype_is_signed(a), signed_b = fac_dtype_is_signed(b);
    size_t size_a = fac_dtype_size(a), size_b = fac_dtype_size(b);
    if (signed_a == signed_b)
        return size_a >= size_b ? a : b;
    if (signed_b) {
        fac_dtype t = a;
        a = b;
        b = t;
        size_t s = size_a;
        size_a = size_b;
        size_b = s;
    }
    /* a is signed, b is not */
    if (size_a > size_b)
        return a;
    switch (size_b) {
    case 1:
        return FAC_INT16;
    case 2:
        return FAC_INT32;
    case 4:
        return FAC_INT64;
    default:
        return FAC_FLOAT64;
    }
}

fac_dtype fac_promote(fac_dtype a, fac_dtype b) {
    if (FAC_UNLIKELY((unsigned)a >= FAC_NUM_DTYPES || (unsigned)b >= FAC_NUM_DTYPES)) {
        fac__fail(FAC_ERROR_VALUE, "promote_types: there is no dtype %d",
                  (int)((unsigned)a >= FAC_NUM_DTYPES ? a : b));
        return FAC_DTYPE_NONE;
    }
    if (a == b || b == FAC_DTYPE_NONE)
        return a;
    if (a == FAC_DTYPE_NONE)
        return b;
    int ca = fac__category(a), cb = fac__category(b);
    if (ca < cb) {
        fac_dtype t = a;
        a = b;
        b = t;
        int c = ca;
        ca = cb;
        cb = c;
    }
    /* a's category is not below b's */
    if (ca == 3) {
        if (b == FAC_FLOAT64 || b == FAC_COMPLEX128)
            return FAC_COMPLEX128;
        return a;
    }
    if (ca == 2) {
        if (cb < 2)
            return a;
        if ((a == FAC_FLOAT16 && b == FAC_BFLOAT16) || (a == FAC_BFLOAT16 && b == FAC_FLOAT16))
            return FAC_FLOAT32;
        return fac_dtype_size(a) >= fac_dtype_size(b) ? a : b;
    }
    return cb == 0 ? a : promote_integers(a, b);
}

void fac__promote_add(fac__promotion *p, const fac_tensor *t) {
    fac_dtype d = (fac_dtype)t->dtype;
    if (t->features & FAC__NUMBER) {
        if (fac__is_complex(d))
            d = fac__complex_of(default_dtype);
        else if (fac__is_float(d))
            d = default_dtype;
        p->number = fac_promote(p->number, d);
    } else if (t->ndim == 0) {
        p->zero = fac_promote(p->zero, d);
    } else {
        p->dim = fac_promote(p->dim, d);
    }
}

void fac__promote_number(fac__promotion *p, fac_scalar s) {
    fac_dtype d = s.kind;
    if (d == FAC_COMPLEX128)
        d = fac__complex_of(default_dtype);
    else if (d == FAC_FLOAT64)
        d = default_dtype;
    p->number = fac_promote(p->number, d);
}

/* A higher class gives way to a lower one unless its category is above it. */
static fac_dtype combine(fac_dtype higher, fac_dtype lower) {
    if (higher == FAC_DTYPE_NONE)
        return lower;
    if (lower == FAC_DTYPE_NONE)
        return higher;
    if (fac__category(lower) > fac__category(higher)) {
        /* complex number with a float tensor: the complex dtype of that float */
        if (fac__is_complex(lower) && fac__is_float(higher))
            return fac_promote(lower == FAC_COMPLEX128 ? FAC_COMPLEX64 : lower, higher);
        return lower;
    }
    return higher;
}

fac_dtype fac__promoted(const fac__promotion *p) {
    return combine(p->dim, combine(p->zero, p->number));
}

bool fac__can_cast(fac_dtype from, fac_dtype to) {
    int f = fac__category(from), t = fac__category(to);
    if (f == 3)
        return t == 3;
    if (f == 2)
        return t >= 2;
    if (f == 1)
        return t >= 1;
    return true;
}

/* --- numbers --------------------------------------------------------------------------------- */

fac_scalar fac_int(int64_t v) {
    return (fac_scalar){.kind = FAC_INT64, .as.i = v};
}

fac_scalar fac_unsigned(uint64_t v) {
    return v <= INT64_MAX ? fac_int((int64_t)v) : (fac_scalar){.kind = FAC_UINT64, .as.u = v};
}

fac_scalar fac_float(double v) {
    return (fac_scalar){.kind = FAC_FLOAT64, .as.f = v};
}

fac_scalar fac_boolean(bool v) {
    return (fac_scalar){.kind = FAC_BOOL, .as.b = v};
}

fac_scalar fac_complex_number(double re, double im) {
    return (fac_scalar){.kind = FAC_COMPLEX128, .as.c = {re, im}};
}

double fac__scalar_double(fac_scalar s) {
    switch (s.kind) {
    case FAC_BOOL:
        return s.as.b;
    case FAC_INT64:
        return (double)s.as.i;
    case FAC_UINT64:
        return (double)s.as.u;
    case FAC_COMPLEX128:
        return s.as.c.re;
    default:
        return s.as.f;
    }
}

/* Out of range gives what x86's conversion gives, without being undefined. */
static int64_t double_to_int(double d) {
    if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
        return INT64_MIN;
    return (int64_t)d;
}

int64_t fac__scalar_int(fac_scalar s) {
    switch (s.kind) {
    case FAC_BOOL:
        return s.as.b;
    case FAC_INT64:
        return s.as.i;
    case FAC_UINT64:
        return (int64_t)s.as.u;
    case FAC_COMPLEX128:
        return double_to_int(s.as.c.re);
    default:
        return double_to_int(s.as.f);
    }
}

fac_complex128 fac__scalar_complex(fac_scalar s) {
    if (s.kind == FAC_COMPLEX128)
        return s.as.c;
    return (fac_complex128){fac__scalar_double(s), 0.0};
}

static uint16_t float_to_half(float f) {
    uint32_t x;
    memcpy(&x, &f, 4);
    uint32_t sign = (x >> 16) & 0x8000u, mag = x & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (mag >= 0x477ff000u)
        return (uint16_t)(sign | 0x7c00u);
    if (mag < 0x38800000u) {
        /* below the smallest normal half: adding 0.5 puts the rounded bits at the bottom */
        float m;
        memcpy(&m, &mag, 4);
        m += 0.5f;
        uint32_t r;
        memcpy(&r, &m, 4);
        return (uint16_t)(sign | (r - 0x3f000000u));
    }
    uint32_t odd = (mag >> 13) & 1u;
    return (uint16_t)(sign | ((mag - 0x38000000u + 0xfffu + odd) >> 13));
}

static float half_to_float(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, mag = h & 0x7fffu, x;
    if (mag >= 0x7c00u)
        x = sign | 0x7f800000u | ((mag & 0x3ffu) << 13);
    else if (mag >= 0x400u)
        x = sign | ((mag << 13) + 0x38000000u);
    else {
        float f = (float)mag * 0x1p-24f;
        memcpy(&x, &f, 4);
        x |= sign;
    }
    float f;
    memcpy(&f, &x, 4);
    return f;
}

static uint16_t float_to_bfloat(float f) {
    uint32_t x;
    memcpy(&x, &f, 4);
    if ((x & 0x7fffffffu) > 0x7f800000u)
        return 0x7fc0u;
    return (uint16_t)((x + 0x7fffu + ((x >> 16) & 1u)) >> 16);
}

static float bfloat_to_float(uint16_t b) {
    uint32_t x = (uint32_t)b << 16;
    float f;
    memcpy(&f, &x, 4);
    return f;
}

void fac__scalar_to(fac_scalar s, fac_dtype dtype, void *out) {
    switch (dtype) {
    case FAC_BOOL: {
        fac_complex128 c = fac__scalar_complex(s);
        bool b = s.kind == FAC_INT64 ? s.as.i != 0 : c.re != 0 || c.im != 0;
        memcpy(out, &b, 1);
        return;
    }
    case FAC_UINT8:
    case FAC_INT8:
    case FAC_INT16:
    case FAC_INT32:
    case FAC_INT64:
    case FAC_UINT16:
    case FAC_UINT32:
    case FAC_UINT64: {
        int64_t v = fac__scalar_int(s); /* little-endian: the low bytes wrap */
        memcpy(out, &v, fac_dtype_size(dtype));
        return;
    }
    case FAC_FLOAT16: {
        uint16_t h = float_to_half((float)fac__scalar_double(s));
        memcpy(out, &h, 2);
        return;
    }
    case FAC_BFLOAT16: {
        uint16_t b = float_to_bfloat((float)fac__scalar_double(s));
        memcpy(out, &b, 2);
        return;
    }
    case FAC_FLOAT32: {
        float f = (float)fac__scalar_double(s);
        memcpy(out, &f, 4);
        return;
    }
    case FAC_FLOAT64: {
        double d = fac__scalar_double(s);
        memcpy(out, &d, 8);
        return;
    }
    case FAC_COMPLEX64: {
        fac_complex128 c = fac__scalar_complex(s);
        fac_complex64 v = {(float)c.re, (float)c.im};
        memcpy(out, &v, 8);
        return;
    }
    case FAC_COMPLEX128: {
        fac_complex128 c = fac__scalar_complex(s);
        memcpy(out, &c, 16);
        return;
    }
    default:
        return;
    }
}

fac_scalar fac__scalar_from(const void *p, fac_dtype dtype) {
#define READ(type, name)                                                                           \
    type name;                                                                                     \
    memcpy(&name, p, sizeof name)
    switch (dtype) {
    case FAC_BOOL: {
        READ(uint8_t, v);
        return fac_boolean(v != 0);
    }
    case FAC_UINT8: {
        READ(uint8_t, v);
        return fac_int(v);
    }
    case FAC_INT8: {
        READ(int8_t, v);
        return fac_int(v);
    }
    case FAC_INT16: {
        READ(int16_t, v);
        return fac_int(v);
    }
    case FAC_INT32: {
        READ(int32_t, v);
        return fac_int(v);
    }
    case FAC_INT64: {
        READ(int64_t, v);
        return fac_int(v);
    }
    case FAC_UINT16: {
        READ(uint16_t, v);
        return fac_int(v);
    }
    case FAC_UINT32: {
        READ(uint32_t, v);
        return fac_int(v);
    }
    case FAC_UINT64: {
        READ(uint64_t, v);
        if (v <= INT64_MAX)
            return fac_int((int64_t)v);
        return (fac_scalar){.kind = FAC_UINT64, .as.u = v};
    }
    case FAC_FLOAT16: {
        READ(uint16_t, v);
        return fac_float(half_to_float(v));
    }
    case FAC_BFLOAT16: {
        READ(uint16_t, v);
        return fac_float(bfloat_to_float(v));
    }
    case FAC_FLOAT32: {
        READ(float, v);
        return fac_float(v);
    }
    case FAC_FLOAT64: {
        READ(double, v);
        return fac_float(v);
    }
    case FAC_COMPLEX64: {
        READ(fac_complex64, v);
        return fac_complex_number(v.re, v.im);
    }
    case FAC_COMPLEX128: {
        READ(fac_complex128, v);
        return fac_complex_number(v.re, v.im);
    }
    default:
        return (fac_scalar){0};
    }
#undef READ
}

/* c10's rule: negative integers may wrap into unsigned ones, infinities and nans stay themselves in
 * floats, everything else must be within range. */
static bool integer_fits(fac_scalar s, int bits, bool is_signed) {
    if (s.kind == FAC_BOOL)
        return true;
    uint64_t most = bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    uint64_t high = is_signed ? most >> 1 : most;
    if (s.kind == FAC_UINT64)
        return s.as.u <= high;
    if (s.kind == FAC_INT64) {
        if (s.as.i >= 0)
            return (uint64_t)s.as.i <= high;
        uint64_t magnitude = -(uint64_t)s.as.i;
        return magnitude <= (is_signed ? high + 1 : most);
    }
    double v = fac__scalar_double(s), limit = ldexp(1, is_signed ? bits - 1 : bits);
    return v < limit && (is_signed ? v >= -limit : v > -limit);
}

int fac__check_fits(fac_scalar s, fac_dtype d) {
    static const char *const converted[FAC_NUM_DTYPES] = {[FAC_UINT8] = "uint8_t",
                                                          [FAC_INT8] = "int8_t",
                                                          [FAC_INT16] = "int16_t",
                                                          [FAC_INT32] = "int",
                                                          [FAC_INT64] = "int64_t",
                                                          [FAC_UINT16] = "uint16_t",
                                                          [FAC_UINT32] = "uint32_t",
                                                          [FAC_UINT64] = "uint64_t",
                                                          [FAC_FLOAT16] = "double",
                                                          [FAC_BFLOAT16] = "double",
                                                          [FAC_FLOAT32] = "float",
                                                          [FAC_FLOAT64] = "double",
                                                          [FAC_COMPLEX64] = "c10::complex<float>"};
    bool fits = true;
    if (d == FAC_BOOL || d == FAC_COMPLEX128)
        return 0;
    if (s.kind == FAC_COMPLEX128 && d != FAC_COMPLEX64) {
        fits = s.as.c.im == 0;
        s = (fac_scalar){FAC_FLOAT64, {.f = s.as.c.re}};
    }
    if (fac__is_integral(d, false)) {
        int bits = 8 * (int)fac__itemsize((uint8_t)d);
        fits = fits && integer_fits(s, bits, fac_dtype_is_signed(d));
    } else if (d == FAC_FLOAT32 || d == FAC_COMPLEX64) {
        double parts[2] = {s.kind == FAC_COMPLEX128 ? s.as.c.re : fac__scalar_double(s),
                           s.kind == FAC_COMPLEX128 ? s.as.c.im : 0};
        for (int i = 0; i < 2; i++)
            fits = fits && !(fabs(parts[i]) > FLT_MAX && !isinf(parts[i]));
    }
    if (fits)
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "value cannot be converted to type %s without overflow",
                     converted[d]);
}

int fac__check_fits_finite(fac_scalar s, fac_dtype d) {
    if (fac__check_fits(s, d) != 0)
        return -1;
    double most = d == FAC_FLOAT16 ? 65504 : 0x1.FEp127;
    double v = d == FAC_FLOAT16 || d == FAC_BFLOAT16 ? fac__scalar_double(s) : 0;
    if (!(fabs(v) > most) || isinf(v))
        return 0;
    return fac__fail(FAC_ERROR_RUNTIME, "value cannot be converted to type %s without overflow",
                     fac__c_type_name(d));
}
