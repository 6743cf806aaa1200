/* Matrix products against a reference that sums in the documented order (Note [One chain]), so that
 * equality is exact: every dtype, path, stride pattern and epilogue, on each instruction set that
 * the machine has, at 1, 2, 3 and 7 threads with small grains. */
#define FAC__ISA base
#include "../../src/cpu/kernels/gemm_product.h"
#include "../../src/cpu/kernels/half.h"
#include "../../src/core/pool.h"

#include <facula/error.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECLARE(isa)                                                                               \
    extern __typeof__(fac__gemm_base) fac__gemm_##isa;                                             \
    extern __typeof__(fac__gemm_batched_base) fac__gemm_batched_##isa;                             \
    extern __typeof__(fac__gemm_dtype_base) fac__gemm_dtype_##isa;                                 \
    extern __typeof__(fac__gemm_block_base) fac__gemm_block_##isa;                                 \
    extern __typeof__(fac__gemm_bf16_unit_base) fac__gemm_bf16_unit_##isa;
#if defined(__x86_64__)
DECLARE(v3)
DECLARE(v4)
#endif

static struct {
    const char *name;
    bool fma;
    __typeof__(&fac__gemm_batched_base) batched;
    __typeof__(&fac__gemm_dtype_base) dtype;
    __typeof__(&fac__gemm_block_base) block;
    gemm_bf16_unit bf16;
} isa;

static int passed, failed;
static uint64_t seed = 1;

static uint32_t next(void) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

static int64_t pick(int64_t lo, int64_t hi) {
    return lo + (int64_t)(next() % (uint64_t)(hi - lo + 1));
}

/* An operand: `count` matrices of rows x cols in memory larger than it, strides as asked. */
typedef struct {
    char *memory;
    size_t bytes;
    int64_t offset, batch, row, col;
} operand;

enum layout { ROWS, COLUMNS, ROWS_PADDED, COLUMNS_PADDED, SCATTERED, ROW_REPEATED, LAYOUTS };

static void put_number(fac_dtype d, char *p) {
    const float x = (float)(int32_t)(next() % 2001) / 500.0f - 2.0f;
    switch (d) {
    case FAC_FLOAT32:
        memcpy(p, &x, 4);
        break;
    case FAC_FLOAT64:
        memcpy(p, &(double){x / 3.0}, 8);
        break;
    case FAC_COMPLEX64:
        memcpy(p, &(fac_complex64){x, x * x - 1}, 8);
        break;
    case FAC_COMPLEX128:
        memcpy(p, &(fac_complex128){x / 3.0, x * x - 1}, 16);
        break;
    case FAC_FLOAT16:
        memcpy(p, &(uint16_t){fac__float16_of_float(x)}, 2);
        break;
    case FAC_BFLOAT16:
        memcpy(p, &(uint16_t){fac__bfloat16_of_float(x)}, 2);
        break;
    default: {
        const uint64_t bits = (uint64_t)next() << 33 | next();
        memcpy(p, &bits, fac__itemsize((uint8_t)d));
    }
    }
}

static operand make(fac_dtype d, int64_t count, int64_t rows, int64_t cols, int layout) {
    operand o = {0};
    switch (layout) {
    case ROWS:
        o.row = cols, o.col = 1;
        break;
    case COLUMNS:
        o.row = 1, o.col = rows;
        break;
    case ROWS_PADDED:
        o.row = cols + 5, o.col = 1;
        break;
    case COLUMNS_PADDED:
        o.row = 1, o.col = rows + 3;
        break;
    case SCATTERED:
        o.row = 2 * cols + 1, o.col = 2;
        break;
    default:
        o.row = 0, o.col = 1;
        break;
    }
    const int64_t extent = rows * o.row + cols * o.col + 1;
    o.batch = extent;
    o.offset = pick(0, 3);
    const size_t item = fac__itemsize((uint8_t)d);
    o.bytes = (size_t)(o.offset + count * extent) * item;
    o.memory = malloc(o.bytes);
    for (size_t i = 0; i < o.bytes / item; i++)
        put_number(d, o.memory + i * item);
    return o;
}

static const char *element(const operand *o, fac_dtype d, int64_t b, int64_t i, int64_t j) {
    return o->memory + (o->offset + b * o->batch + i * o->row + j * o->col) *
                           (int64_t)fac__itemsize((uint8_t)d);
}

typedef union {
    float f;
    double g;
    fac_complex64 c;
    fac_complex128 z;
    uint64_t u;
} number;

static number load(fac_dtype d, const char *p) {
    number x = {0};
    uint16_t h;
    memcpy(&h, p, fac__itemsize((uint8_t)d) >= 2 ? 2 : 1);
    if (d == FAC_FLOAT16)
        x.f = fac__float_of_float16(h);
    else if (d == FAC_BFLOAT16)
        x.f = fac__float_of_bfloat16(h);
    else
        memcpy(&x, p, fac__itemsize((uint8_t)d));
    return x;
}

static void save(fac_dtype d, char *p, number x) {
    if (d == FAC_FLOAT16)
        memcpy(p, &(uint16_t){fac__float16_of_float(x.f)}, 2);
    else if (d == FAC_BFLOAT16)
        memcpy(p, &(uint16_t){fac__bfloat16_of_float(x.f)}, 2);
    else
        memcpy(p, &x, fac__itemsize((uint8_t)d));
}

static float fma32(float a, float b, float c) {
    return isa.fma ? fmaf(a, b, c) : a * b + c;
}

static double fma64(double a, double b, double c) {
    return isa.fma ? fma(a, b, c) : a * b + c;
}

#define IS_F32(d) ((d) == FAC_FLOAT32 || (d) == FAC_FLOAT16 || (d) == FAC_BFLOAT16)

static number multiply_add(fac_dtype d, number a, number b, number s) {
    if (IS_F32(d)) {
        s.f = fma32(a.f, b.f, s.f);
    } else if (d == FAC_FLOAT64) {
        s.g = fma64(a.g, b.g, s.g);
    } else if (d == FAC_COMPLEX64) {
        s.c.re = fma32(a.c.im, -b.c.im, fma32(a.c.re, b.c.re, s.c.re));
        s.c.im = fma32(a.c.im, b.c.re, fma32(a.c.re, b.c.im, s.c.im));
    } else if (d == FAC_COMPLEX128) {
        s.z.re = fma64(a.z.im, -b.z.im, fma64(a.z.re, b.z.re, s.z.re));
        s.z.im = fma64(a.z.im, b.z.re, fma64(a.z.re, b.z.im, s.z.im));
    } else {
        s.u += a.u * b.u;
    }
    return s;
}

static number add(fac_dtype d, number a, number b) {
    if (IS_F32(d)) {
        a.f += b.f;
    } else if (d == FAC_FLOAT64) {
        a.g += b.g;
    } else if (d == FAC_COMPLEX64) {
        a.c.re += b.c.re, a.c.im += b.c.im;
    } else if (d == FAC_COMPLEX128) {
        a.z.re += b.z.re, a.z.im += b.z.im;
    } else {
        a.u += b.u;
    }
    return a;
}

static number multiply(fac_dtype d, number a, number b) {
    number x = {0};
    if (IS_F32(d))
        x.f = a.f * b.f;
    else if (d == FAC_FLOAT64)
        x.g = a.g * b.g;
    else if (d == FAC_COMPLEX64)
        x.c = (fac_complex64){a.c.re * b.c.re - a.c.im * b.c.im, a.c.re * b.c.im + a.c.im * b.c.re};
    else if (d == FAC_COMPLEX128)
        x.z =
            (fac_complex128){a.z.re * b.z.re - a.z.im * b.z.im, a.z.re * b.z.im + a.z.im * b.z.re};
    else
        x.u = a.u * b.u;
    return x;
}

static number from_int(fac_dtype d, int v) {
    number x = {0};
    if (IS_F32(d))
        x.f = (float)v;
    else if (d == FAC_FLOAT64)
        x.g = v;
    else if (d == FAC_COMPLEX64)
        x.c.re = (float)v, x.c.im = v == 0 || v == 1 ? 0 : 2;
    else if (d == FAC_COMPLEX128)
        x.z.re = v, x.z.im = v == 0 || v == 1 ? 0 : 2;
    else
        x.u = (uint64_t)(int64_t)v;
    return x;
}

typedef struct {
    fac_dtype d;
    int64_t count, m, n, k;
    int la, lb, lc, alpha, beta, bias, act; /* factors as integers; bias: none, column, row, both */
} test;

static number expected(const test *t, const operand *a, const operand *b, number c, int64_t q,
                       int64_t i, int64_t j, const char *bias) {
    const fac_dtype d = t->d;
    /* Of bfloat16: by tiles, steps of 32, the even and the odd elements of each by themselves; by
     * dots, one chain in which the odd element of a pair comes first. */
    const gemm_bf16_unit unit = d == FAC_BFLOAT16 ? isa.bf16 : GEMM_BF16_NONE;
    const bool tiles = unit == GEMM_BF16_TILES, dots = unit == GEMM_BF16_DOTS;
    const int64_t block = tiles ? 32 : dots ? t->k + 1 : isa.block(isa.dtype(d), t->k);
    number total = {0};
    for (int64_t p = 0; p < t->k; p += block) {
        number s[2] = {0};
        for (int64_t y = p; y < p + block && y <= t->k; y++) {
            const int64_t x = dots ? y ^ 1 : y;
            if (x < t->k)
                s[tiles * (x % 2)] =
                    multiply_add(d, load(d, element(a, d, q, i, x)),
                                 load(d, element(b, d, q, x, j)), s[tiles * (x % 2)]);
        }
        if (tiles)
            s[0] = add(d, s[0], s[1]);
        total = p ? add(d, total, s[0]) : s[0];
    }
    if (t->alpha != 1)
        total = multiply(d, from_int(d, t->alpha), total);
    if (t->beta)
        total = add(d, t->beta == 1 ? c : multiply(d, from_int(d, t->beta), c), total);
    if (bias)
        total = add(d, total, load(d, bias));
    if (t->act && IS_F32(d) && total.f < 0)
        total.f = 0;
    if (t->act && d == FAC_FLOAT64 && total.g < 0)
        total.g = 0;
    return total;
}

static int multiply_all(const test *t, const operand *a, const operand *b, operand *c,
                        const struct fac__gemm_epilogue *e) {
    const number alpha = from_int(t->d, t->alpha), beta = from_int(t->d, t->beta);
    return isa.batched(t->d, t->count, t->m, t->n, t->k, t->alpha == 1 ? NULL : &alpha,
                       element(a, t->d, 0, 0, 0), a->batch, a->row, a->col,
                       element(b, t->d, 0, 0, 0), b->batch, b->row, b->col,
                       t->beta == 0 ? NULL : &beta, (char *)element(c, t->d, 0, 0, 0), c->batch,
                       c->row, c->col, e);
}

static void report(bool ok, const test *t, const char *what) {
    if (ok) {
        passed++;
        return;
    }
    failed++;
    fprintf(stderr,
            "FAILED %s: %s dtype %d batch %d (%d %d %d) layouts %d %d %d alpha %d beta %d bias %d "
            "activation %d\n",
            what, isa.name, (int)t->d, (int)t->count, (int)t->m, (int)t->n, (int)t->k, t->la, t->lb,
            t->lc, t->alpha, t->beta, t->bias, t->act);
}

static void check(const test *t) {
    const fac_dtype d = t->d;
    const size_t item = fac__itemsize((uint8_t)d);
    operand a = make(d, t->count, t->m, t->k, t->la), b = make(d, t->count, t->k, t->n, t->lb);
    operand c = make(d, t->count, t->m, t->n, t->lc);
    operand bias = make(d, 1, t->m, t->n, ROWS);
    const struct fac__gemm_epilogue e = {
        .bias = t->bias ? element(&bias, d, 0, 0, 0) : NULL,
        .bias_row = t->bias == 2   ? 1
                    : t->bias == 3 ? t->n
                                   : 0,
        .bias_col = t->bias == 1 || t->bias == 3,
        .activation = t->act ? FAC__ACTIVATE_RELU : FAC__ACTIVATE_NONE,
    };
    if (t->beta == 0) /* must not be read */
        for (int64_t q = 0; q < t->count; q++)
            for (int64_t i = 0; i < t->m; i++)
                for (int64_t j = 0; j < t->n; j++)
                    memset((char *)element(&c, d, q, i, j), 0xff, item);
    operand want = c, first = c;
    want.memory = malloc(c.bytes);
    first.memory = malloc(c.bytes);
    memcpy(want.memory, c.memory, c.bytes);
    memcpy(first.memory, c.memory, c.bytes);
    for (int64_t q = 0; q < t->count; q++)
        for (int64_t i = 0; i < t->m; i++)
            for (int64_t j = 0; j < t->n; j++) {
                char *p = (char *)element(&want, d, q, i, j);
                const char *bp = t->bias ? (const char *)e.bias +
                                               (i * e.bias_row + j * e.bias_col) * (int64_t)item
                                         : NULL;
                save(d, p, expected(t, &a, &b, load(d, p), q, i, j, bp));
            }
    static const int threads[] = {1, 2, 3, 7};
    for (int x = 0; x < 4; x++) {
        memcpy(c.memory, first.memory, c.bytes);
        fac__set_num_threads(threads[x]);
        fac__grain_override = x ? 1 << 20 : 0;
        const bool ok = multiply_all(t, &a, &b, &c, &e) == 0;
        report(ok && memcmp(c.memory, want.memory, c.bytes) == 0, t, x ? "threads" : "reference");
    }
    fac__set_num_threads(1);
    fac__grain_override = 0;
    free(a.memory), free(b.memory), free(c.memory), free(bias.memory);
    free(want.memory), free(first.memory);
}

/* Sanitizers look for places, not for values: some of the larger cases do. */
#ifdef __SANITIZE_ADDRESS__
enum { EVERY = 4 };
#else
enum { EVERY = 1 };
#endif

static void check_dtype(fac_dtype d) {
    static const int64_t shapes[][3] = {
        {1, 1, 1},     {1, 1, 700},   {4, 4, 4},     {7, 5, 3},    {6, 16, 8},    {12, 33, 17},
        {1, 40, 64},   {1, 67, 400},  {2, 129, 33},  {3, 70, 21},  {4, 50, 1000}, {5, 64, 40},
        {1, 19, 1024}, {16, 100, 65}, {64, 10, 128}, {33, 64, 64}, {97, 130, 50}, {100, 3, 37},
        {70, 1, 90},   {20, 70, 700}, {9, 600, 30},  {130, 20, 7}, {3, 3, 0},     {0, 5, 5},
        {5, 0, 5},     {1, 11, 2048},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int layout = 0; layout < 4; layout++) {
            test t = {.d = d,
                      .count = 1,
                      .m = shapes[i][0],
                      .n = shapes[i][1],
                      .k = shapes[i][2],
                      .la = layout & 1 ? COLUMNS : ROWS,
                      .lb = layout & 2 ? COLUMNS : ROWS,
                      .alpha = 1};
            check(&t);
        }
    for (int i = 0; i < 60; i += EVERY) {
        static const int factors[] = {1, 1, 0, -3};
        test t = {.d = d,
                  .count = pick(0, 3) ? 1 : pick(2, 5),
                  .m = pick(1, 40),
                  .n = pick(1, 90),
                  .k = pick(0, 5) ? pick(1, 60) : pick(300, 900),
                  .la = (int)pick(0, LAYOUTS - 1),
                  .lb = (int)pick(0, LAYOUTS - 1),
                  .lc = (int)pick(0, SCATTERED),
                  .alpha = factors[pick(0, 3)],
                  .beta = factors[pick(0, 3)],
                  .bias = (int)pick(0, 3)};
        t.act = (IS_F32(d) || d == FAC_FLOAT64) && pick(0, 1);
        check(&t);
    }
}

/* More of R than is packed at a time: sums are handed from phase to phase. */
static void check_phases(void) {
    const fac_dtype dtypes[] = {FAC_FLOAT32, FAC_FLOAT16, FAC_BFLOAT16};
    for (int i = 0; i < 6; i += EVERY) {
        test t = {.d = dtypes[i / 2],
                  .count = 1,
                  .m = 24,
                  .n = i & 1 ? 1300 : 2600,
                  .k = 1100,
                  .lc = i & 1 ? COLUMNS : ROWS,
                  .alpha = 1,
                  .bias = 1};
        check(&t);
    }
}

static void check_errors(void) {
    const test t = {.d = FAC_BOOL, .alpha = 1};
    bool x[1] = {0};
    fac_clear_error();
    const int status =
        isa.batched(FAC_BOOL, 1, 1, 1, 1, NULL, x, 0, 1, 1, x, 0, 1, 1, NULL, x, 0, 1, 1, NULL);
    report(status == -1 && strstr(fac_error(), "bool"), &t, "bool is refused");
}

static void check_isa(void) {
    for (fac_dtype d = FAC_UINT8; d < FAC_NUM_DTYPES; d++)
        check_dtype(d);
    check_phases();
    check_errors();
}

/* FACULA_CPU asks for one instruction set, as it does of the library. */
static bool asked_for(const char *name) {
    const char *only = getenv("FACULA_CPU");
    return only == NULL || strcmp(only, name) == 0;
}

#define RUN(which, has_fma)                                                                        \
    do {                                                                                           \
        if (!asked_for(#which))                                                                    \
            break;                                                                                 \
        isa.name = #which;                                                                         \
        isa.fma = has_fma;                                                                         \
        isa.batched = fac__gemm_batched_##which;                                                   \
        isa.dtype = fac__gemm_dtype_##which;                                                       \
        isa.block = fac__gemm_block_##which;                                                       \
        isa.bf16 = fac__gemm_bf16_unit_##which();                                                  \
        check_isa();                                                                               \
    } while (0)

int main(void) {
#if defined(__x86_64__)
    RUN(base, false);
#else
    RUN(base, true);
#endif
#ifdef FAC__HAVE_V3
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        RUN(v3, true);
#endif
#ifdef FAC__HAVE_V4
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        RUN(v4, true);
#endif
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
