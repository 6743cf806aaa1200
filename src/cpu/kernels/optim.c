/* Steps of SGD and Adam: every operand is read and written once.
 *
 * The operations on an element and their roundings are those of the formulas written op by op, so
 * that a fused step gives the bits of the plain one; in float16 and bfloat16 each intermediate is
 * rounded to the narrow type, as an op's result is. Strided rows go through a tile. */
#include "../../optim/step.h"
#include "loops.h"
#include "half.h"

#include <math.h>

#define RESTRICT __restrict__
enum { TILE = 256, CHUNK = 64, OPERANDS = 5 };

/* n elements of contiguous operands; `at` are their addresses. */
typedef void run_fn(char *const *at, ptrdiff_t n, const void *numbers);

/* --- float32 and float64 --------------------------------------------------------------------- */

#define SGD_HEAD(T)                                                                                \
    const struct fac__sgd_numbers *c = numbers;                                                    \
    const T decay = (T)c->weight_decay, minus_lr = (T) - c->lr;                                    \
    const bool decays = c->weight_decay != 0, maximize = c->maximize;                              \
    T *RESTRICT p = (T *)at[0];                                                                    \
    const T *RESTRICT g = (const T *)at[1];

#define SGD(F, T)                                                                                  \
    static void sgd_plain_##F(char *const *at, ptrdiff_t n, const void *numbers) {                 \
        SGD_HEAD(T)                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                        \
            T x = maximize ? -g[i] : g[i];                                                         \
            x = decays ? x + decay * p[i] : x;                                                     \
            p[i] = p[i] + minus_lr * x;                                                            \
        }                                                                                          \
    }                                                                                              \
    static void sgd_momentum_##F(char *const *at, ptrdiff_t n, const void *numbers) {              \
        SGD_HEAD(T)                                                                                \
        const T momentum = (T)c->momentum, share = (T)c->share;                                    \
        const bool first = c->first, nesterov = c->nesterov;                                       \
        T *RESTRICT b = (T *)at[2];                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                        \
            T x = maximize ? -g[i] : g[i];                                                         \
            x = decays ? x + decay * p[i] : x;                                                     \
            T y = b[i] * momentum + share * x;                                                     \
            y = first ? x : y;                                                                     \
            b[i] = y;                                                                              \
            x = nesterov ? x + momentum * y : y;                                                   \
            p[i] = p[i] + minus_lr * x;                                                            \
        }                                                                                          \
    }

#define ADAM_HEAD(T)                                                                               \
    const struct fac__adam_numbers *c = numbers;                                                   \
    const T minus_size = (T) - c->size, root = (T)c->root, eps = (T)c->eps;                        \
    const T part1 = (T)c->part1, rest1 = 1 - part1, beta2 = (T)c->beta2, part2 = (T)c->part2;      \
    const T decay = (T)c->weight_decay, shrink = (T)c->shrink;                                     \
    const bool maximize = c->maximize, near = part1 < (T)0.5 && part1 > -(T)0.5;                   \
    const bool shrinks = c->weight_decay != 0 && c->decoupled;                                     \
    const bool decays = c->weight_decay != 0 && !c->decoupled;

/* One element, up to the root's argument. The mean moves as lerp() does. */
#define ADAM_MEANS(T)                                                                              \
    T x = maximize ? -g[i] : g[i], y = p[i];                                                       \
    y = shrinks ? y * shrink : y;                                                                  \
    x = decays ? x + decay * y : x;                                                                \
    T d = x - m[i];                                                                                \
    T mean = near ? m[i] + part1 * d : x - d * rest1;                                              \
    T square = v[i] * beta2 + part2 * x * x;                                                       \
    m[i] = mean;                                                                                   \
    v[i] = square;

#define ADAM(F, T, SQRT)                                                                           \
    static void adam_##F(char *const *at, ptrdiff_t n, const void *numbers) {                      \
        ADAM_HEAD(T)                                                                               \
        T *RESTRICT p = (T *)at[0], *RESTRICT m = (T *)at[2], *RESTRICT v = (T *)at[3];            \
        const T *RESTRICT g = (const T *)at[1];                                                    \
        for (ptrdiff_t i = 0; i < n; i++) {                                                        \
            ADAM_MEANS(T)                                                                          \
            p[i] = y + minus_size * mean / (SQRT(square) / root + eps);                            \
        }                                                                                          \
    }                                                                                              \
    static void amsgrad_##F(char *const *at, ptrdiff_t n, const void *numbers) {                   \
        ADAM_HEAD(T)                                                                               \
        T *RESTRICT p = (T *)at[0], *RESTRICT m = (T *)at[2], *RESTRICT v = (T *)at[3];            \
        T *RESTRICT top = (T *)at[4];                                                              \
        const T *RESTRICT g = (const T *)at[1];                                                    \
        for (ptrdiff_t i = 0; i < n; i++) {                                                        \
            ADAM_MEANS(T)                                                                          \
            T most = top[i] > square ? top[i] : square; /* a NaN on either side stays */           \
            most = top[i] != top[i] ? top[i] : most;                                               \
            top[i] = most;                                                                         \
            p[i] = y + minus_size * mean / (SQRT(most) / root + eps);                              \
        }                                                                                          \
    }

SGD(f32, float)
SGD(f64, double)
ADAM(f32, float, sqrtf)
ADAM(f64, double, sqrt)

/* --- float16 and bfloat16 -------------------------------------------------------------------- */

/* Chunks of 64 elements as floats; every operation is followed by the rounding. Numbers that are
 * added, or are the alpha of an addition, are rounded too, see Note [Numbers beside halves]. */
#define EACH for (int i = 0; i < CHUNK; i++)

#define HALF_MOVES(F, D)                                                                           \
    static void load_##F(float *RESTRICT x, const char *from, ptrdiff_t n) {                       \
        const uint16_t *h = (const uint16_t *)from;                                                \
        uint16_t padded[CHUNK] = {0};                                                              \
        if (n < CHUNK) {                                                                           \
            memcpy(padded, h, (size_t)n * sizeof *h);                                              \
            h = padded;                                                                            \
        }                                                                                          \
        for (int i = 0; i < CHUNK; i += 8)                                                         \
            fac__load8_##D((fac__v8 *)(void *)(x + i), h + i);                                     \
    }                                                                                              \
    static void store_##F(char *to, const float *x, ptrdiff_t n) {                                 \
        uint16_t h[CHUNK];                                                                         \
        for (int i = 0; i < CHUNK; i += 8)                                                         \
            fac__store8_##D(h + i, (const fac__v8 *)(const void *)(x + i));                        \
        memcpy(to, h, (size_t)n * sizeof *h);                                                      \
    }                                                                                              \
    static void round_##F(float *x) {                                                              \
        uint16_t h[8];                                                                             \
        for (int i = 0; i < CHUNK; i += 8) {                                                       \
            fac__store8_##D(h, (const fac__v8 *)(const void *)(x + i));                            \
            fac__load8_##D((fac__v8 *)(void *)(x + i), h);                                         \
        }                                                                                          \
    }                                                                                              \
    static float narrow_##F(double x) {                                                            \
        return fac__float_of_##D(fac__##D##_of_float((float)x));                                   \
    }
HALF_MOVES(f16, float16)
HALF_MOVES(bf16, bfloat16)

#define OPERAND(name) _Alignas(64) float name[CHUNK]

#define HALF_SGD(F)                                                                                \
    static void sgd_chunk_##F(char *const *at, ptrdiff_t n, const struct fac__sgd_numbers *c) {    \
        OPERAND(p);                                                                                \
        OPERAND(g);                                                                                \
        OPERAND(b);                                                                                \
        const float decay = narrow_##F(c->weight_decay), minus_lr = narrow_##F(-c->lr);            \
        const float momentum = (float)c->momentum, share = narrow_##F(c->share);                   \
        const float look_ahead = narrow_##F(c->momentum);                                          \
        load_##F(p, at[0], n);                                                                     \
        load_##F(g, at[1], n);                                                                     \
        if (c->maximize)                                                                           \
            EACH g[i] = -g[i];                                                                     \
        if (c->weight_decay != 0) {                                                                \
            EACH g[i] = g[i] + decay * p[i];                                                       \
            round_##F(g);                                                                          \
        }                                                                                          \
        if (c->momentum != 0) {                                                                    \
            if (c->first) {                                                                        \
                EACH b[i] = g[i];                                                                  \
            } else {                                                                               \
                load_##F(b, at[2], n);                                                             \
                EACH b[i] = b[i] * momentum;                                                       \
                round_##F(b);                                                                      \
                EACH b[i] = b[i] + share * g[i];                                                   \
                round_##F(b);                                                                      \
            }                                                                                      \
            store_##F(at[2], b, n);                                                                \
            if (c->nesterov) {                                                                     \
                EACH g[i] = g[i] + look_ahead * b[i];                                              \
                round_##F(g);                                                                      \
            } else {                                                                               \
                EACH g[i] = b[i];                                                                  \
            }                                                                                      \
        }                                                                                          \
        EACH p[i] = p[i] + minus_lr * g[i];                                                        \
        store_##F(at[0], p, n);                                                                    \
    }

#define HALF_ADAM(F)                                                                               \
    static void adam_chunk_##F(char *const *at, ptrdiff_t n, const struct fac__adam_numbers *c) {  \
        OPERAND(p);                                                                                \
        OPERAND(g);                                                                                \
        OPERAND(m);                                                                                \
        OPERAND(v);                                                                                \
        const float minus_size = (float)-c->size, root = (float)c->root;                           \
        const float eps = narrow_##F(c->eps), decay = narrow_##F(c->weight_decay);                 \
        const float part1 = (float)c->part1, rest1 = 1 - part1;                                    \
        const float beta2 = (float)c->beta2, part2 = (float)c->part2;                              \
        const float shrink = (float)c->shrink;                                                     \
        load_##F(p, at[0], n);                                                                     \
        load_##F(g, at[1], n);                                                                     \
        load_##F(m, at[2], n);                                                                     \
        load_##F(v, at[3], n);                                                                     \
        if (c->maximize)                                                                           \
            EACH g[i] = -g[i];                                                                     \
        if (c->weight_decay != 0 && c->decoupled) {                                                \
            EACH p[i] = p[i] * shrink;                                                             \
            round_##F(p);                                                                          \
        } else if (c->weight_decay != 0) {                                                         \
            EACH g[i] = g[i] + decay * p[i];                                                       \
            round_##F(g);                                                                          \
        }                                                                                          \
        if (fabsf(part1) < 0.5f)                                                                   \
            EACH m[i] = m[i] + part1 * (g[i] - m[i]);                                              \
        else                                                                                       \
            EACH m[i] = g[i] - (g[i] - m[i]) * rest1;                                              \
        round_##F(m);                                                                              \
        store_##F(at[2], m, n);                                                                    \
        EACH v[i] = v[i] * beta2;                                                                  \
        round_##F(v);                                                                              \
        EACH v[i] = v[i] + part2 * g[i] * g[i];                                                    \
        round_##F(v);                                                                              \
        store_##F(at[3], v, n);                                                                    \
        if (c->amsgrad) {                                                                          \
            load_##F(g, at[4], n);                                                                 \
            EACH v[i] = g[i] != g[i] ? g[i] : g[i] > v[i] ? g[i] : v[i];                           \
            store_##F(at[4], v, n);                                                                \
        }                                                                                          \
        EACH v[i] = sqrtf(v[i]);                                                                   \
        round_##F(v);                                                                              \
        EACH v[i] = v[i] / root;                                                                   \
        round_##F(v);                                                                              \
        EACH v[i] = v[i] + eps;                                                                    \
        round_##F(v);                                                                              \
        EACH p[i] = p[i] + minus_size * m[i] / v[i];                                               \
        store_##F(at[0], p, n);                                                                    \
    }

#define HALF_RUN(name, chunk)                                                                      \
    static void name(char *const *at, ptrdiff_t n, const void *numbers) {                          \
        char *now[OPERANDS] = {at[0], at[1], at[2], at[3], at[4]};                                 \
        for (ptrdiff_t i = 0; i < n; i += CHUNK) {                                                 \
            chunk(now, n - i < CHUNK ? n - i : CHUNK, numbers);                                    \
            for (int k = 0; k < OPERANDS; k++)                                                     \
                now[k] += now[k] == NULL ? 0 : CHUNK * 2;                                          \
        }                                                                                          \
    }

HALF_SGD(f16)
HALF_SGD(bf16)
HALF_ADAM(f16)
HALF_ADAM(bf16)
HALF_RUN(sgd_f16, sgd_chunk_f16)
HALF_RUN(sgd_bf16, sgd_chunk_bf16)
HALF_RUN(adam_f16, adam_chunk_f16)
HALF_RUN(adam_bf16, adam_chunk_bf16)

/* --- rows ------------------------------------------------------------------------------------ */

static void move(char *to, ptrdiff_t to_stride, const char *from, ptrdiff_t from_stride,
                 ptrdiff_t n, ptrdiff_t width) {
    for (ptrdiff_t i = 0; i < n; i++) {
        if (width == 2)
            memcpy(to + i * to_stride, from + i * from_stride, 2);
        else if (width == 4)
            memcpy(to + i * to_stride, from + i * from_stride, 4);
        else
            memcpy(to + i * to_stride, from + i * from_stride, 8);
    }
}

static void strided_row(run_fn *run, char *const *row, const ptrdiff_t *s, int nargs, ptrdiff_t n,
                        ptrdiff_t width, const void *numbers) {
    _Alignas(64) char tile[OPERANDS][TILE * 8];
    char *at[OPERANDS] = {tile[0], tile[1], tile[2], tile[3], tile[4]};
    for (ptrdiff_t i = 0; i < n; i += TILE) {
        ptrdiff_t m = n - i < TILE ? n - i : TILE;
        for (int k = 0; k < nargs; k++)
            move(tile[k], width, row[k] + i * s[k], s[k], m, width);
        run(at, m, numbers);
        for (int k = 0; k < nargs; k++)
            if (k != 1)
                move(row[k] + i * s[k], s[k], tile[k], width, m, width);
    }
}

static void rows(run_fn *run, char **data, const ptrdiff_t *s, int nargs, ptrdiff_t n0,
                 ptrdiff_t n1, ptrdiff_t width, const void *numbers) {
    bool plain = true;
    for (int k = 0; k < nargs; k++)
        plain = plain && (s[k] == width || n0 == 1);
    char *row[OPERANDS] = {NULL};
    for (ptrdiff_t j = 0; j < n1; j++) {
        for (int k = 0; k < nargs; k++)
            row[k] = data[k] + j * s[nargs + k];
        if (plain)
            run(row, n0, numbers);
        else
            strided_row(run, row, s, nargs, n0, width, numbers);
    }
}

#define LOOPS(F, width, PLAIN, MOMENTUM, MEANS, AMSGRAD)                                           \
    static void fused_sgd_##F(LOOP_ARGS) {                                                         \
        bool buffers = ((const struct fac__sgd_numbers *)ctx)->momentum != 0;                      \
        rows(buffers ? MOMENTUM : PLAIN, data, s, buffers ? 3 : 2, n0, n1, width, ctx);            \
    }                                                                                              \
    static void fused_adam_##F(LOOP_ARGS) {                                                        \
        bool top = ((const struct fac__adam_numbers *)ctx)->amsgrad;                               \
        rows(top ? AMSGRAD : MEANS, data, s, top ? 5 : 4, n0, n1, width, ctx);                     \
    }
LOOPS(f32, 4, sgd_plain_f32, sgd_momentum_f32, adam_f32, amsgrad_f32)
LOOPS(f64, 8, sgd_plain_f64, sgd_momentum_f64, adam_f64, amsgrad_f64)
LOOPS(f16, 2, sgd_f16, sgd_f16, adam_f16, adam_f16)
LOOPS(bf16, 2, sgd_bf16, sgd_bf16, adam_bf16, adam_bf16)

#define ROW(name)                                                                                  \
    {                                                                                              \
        #name, {                                                                                   \
            FLOAT_COLUMNS(name), [FAC_FLOAT16] = name##_f16, [FAC_BFLOAT16] = name##_bf16          \
        }                                                                                          \
    }
static const fac__loop_row loops[] = {ROW(fused_sgd), ROW(fused_adam), {0}};

const fac__family FAC__K(fac__family_optim) = {loops, NULL};
