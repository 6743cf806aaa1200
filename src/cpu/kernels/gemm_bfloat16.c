/* Products of bfloat16 by the instructions made for them: AMX, or the dot products of AVX-512.
 *
 * L lies in panels of 16 rows, a step of 32 elements of k 64 bytes each; R in panels of 16 columns,
 * where two neighbours of k stand side by side. Both are what AMX's tiles want, and a pair of R's
 * by 16 columns is a vector of AVX-512's. k is filled up with zeros; subnormals are zeros.
 *
 * AMX (Intel's TDPBF16PS): a sum is the steps in order; within a step the even and the odd elements
 * are a chain of fused multiply-adds each. AVX-512 (VDPBF16PS): a sum is one chain of the pairs in
 * order, of each the odd element first. So bits depend on k alone, as Note [One chain] asks, and
 * every product of bfloat16 comes this way. */
#include "gemm_product.h"

#include "gemm_simd.h"

#if GEMM_VEC == 64 && defined(__linux__) && defined(__x86_64__) &&                                 \
    ((defined(__clang__) && __clang_major__ >= 13) || (!defined(__clang__) && __GNUC__ >= 11))

#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SIDE = 16,          /* of a tile */
    STEP = 32,          /* elements of k */
    TILE = SIDE * 64,   /* bytes */
    R_BYTES = 1 << 20,  /* of R packed at a time */
    TASK_COLUMNS = 256, /* of a task */
    TASK_WORK = 1 << 21 /* multiply-adds worth a thread's while */
};

#define AMX __attribute__((target("amx-tile,amx-bf16")))
#define DOTS __attribute__((target("avx512bf16")))

/* The kernel must allow a process the registers of AMX first:
 * arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA). */
static gemm_bf16_unit find_unit(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
        syscall(SYS_arch_prctl, 0x1023, 18) == 0)
        return GEMM_BF16_TILES;
    return __builtin_cpu_supports("avx512bf16") ? GEMM_BF16_DOTS : GEMM_BF16_NONE;
}

gemm_bf16_unit FAC__K(fac__gemm_bf16_unit)(void) {
    static atomic_int known; /* the unit and 1 */
    int is = atomic_load_explicit(&known, memory_order_relaxed);
    if (is == 0) {
        is = (int)find_unit() + 1;
        atomic_store_explicit(&known, is, memory_order_relaxed);
    }
    return (gemm_bf16_unit)(is - 1);
}

typedef uint16_t pairs16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t pairs32 __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint32_t half32 __attribute__((vector_size(32), aligned(2), may_alias));

/* Columns [j0, j0 + n) of a product. */
typedef struct {
    const product *g;
    int64_t j0, n, steps;
    int64_t panels, panel_bytes, segments; /* of R */
    char *r;                               /* its panels; NULL: tasks pack their own */
    bool tiles;
} job;

/* A step of 16 lines of pairs, `line` elements from one to the next, transposed. */
static void transpose_pairs(const uint16_t *from, int64_t line, uint16_t *to) {
    for (int64_t c = 0; c < SIDE; c += 8)
        for (int64_t p = 0; p < SIDE; p += 8) {
            pu32 t[8];
#pragma GCC unroll 8
            for (int64_t j = 0; j < 8; j++)
                t[j] = (pu32) * (const half32 *)(from + (c + j) * line + 2 * p);
            gemm_transpose_u32(t);
#pragma GCC unroll 8
            for (int64_t q = 0; q < 8; q++)
                *(half32 *)(to + (p + q) * STEP + 2 * c) = (half32)t[q];
        }
}

/* A step of 16 neighbours, an element of k `row` from the next: two of k side by side. */
static void interleave(const uint16_t *from, int64_t row, uint16_t *to) {
    for (int64_t p = 0; p < SIDE; p++) {
        const pairs16 even = *(const pairs16 *)(from + 2 * p * row);
        const pairs16 odd = *(const pairs16 *)(from + (2 * p + 1) * row);
        *(pairs32 *)(to + p * STEP) =
            __builtin_convertvector(even, pairs32) | __builtin_convertvector(odd, pairs32) << 16;
    }
}

/* A panel of 16 rows from `row` on; what lies outside L is zero. */
static void pack_l(const product *g, int64_t row, int64_t steps, uint16_t *to) {
    const uint16_t *l = (const uint16_t *)(const void *)g->l + row * g->l_row;
    const int64_t rows = max64(0, min64(SIDE, g->m - row)), line = g->l_row, next = g->l_k;
    for (int64_t s = 0; s < steps; s++, to += SIDE * STEP) {
        const uint16_t *from = l + s * STEP * next;
        const int64_t n = min64(STEP, g->k - s * STEP);
        if (n == STEP && rows == SIDE && line == 1) {
            uint16_t pairs[SIDE * STEP];
            interleave(from, next, pairs);
            transpose_pairs(pairs, STEP, to);
            continue;
        }
        for (int64_t i = 0; i < rows; i++)
            if (n == STEP && next == 1)
                memcpy(to + i * STEP, from + i * line, 2 * STEP);
            else
                for (int64_t p = 0; p < STEP; p++)
                    to[i * STEP + p] = p < n ? from[i * line + p * next] : 0;
        memset(to + rows * STEP, 0, (size_t)((SIDE - rows) * 2 * STEP));
    }
}

/* A panel of 16 columns from `j` on; what lies outside R is zero. */
static void pack_r(const product *g, int64_t j, int64_t steps, uint16_t *to) {
    const uint16_t *r = (const uint16_t *)(const void *)g->r + j * g->r_col;
    const int64_t cols = min64(SIDE, g->n - j), row = g->r_k, col = g->r_col;
    for (int64_t s = 0; s < steps; s++, to += SIDE * STEP) {
        const uint16_t *from = r + s * STEP * row;
        const int64_t n = min64(STEP, g->k - s * STEP);
        if (n == STEP && cols == SIDE && col == 1)
            interleave(from, row, to);
        else if (n == STEP && cols == SIDE && row == 1)
            transpose_pairs(from, col, to);
        else {
            memset(to, 0, TILE);
            for (int64_t p = 0; p < n; p++)
                for (int64_t c = 0; c < cols; c++)
                    to[p / 2 * STEP + 2 * c + p % 2] = from[p * row + c * col];
        }
    }
}

static int pack_range(void *ctx, int64_t begin, int64_t end) {
    const job *f = ctx;
    for (int64_t u = begin; u < end; u++)
        pack_r(f->g, f->j0 + u * SIDE, f->steps, (uint16_t *)(void *)(f->r + u * f->panel_bytes));
    return 0;
}

/* Sums (32, 32) of two panels of L by two of R. */
AMX static void four_tiles(int64_t steps, const char *l, const char *r, float *sums) {
    const char *l2 = l + steps * TILE, *r2 = r + steps * TILE;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t s = 0; s < steps; s++) {
        _tile_loadd(4, l + s * TILE, 64);
        _tile_loadd(6, r + s * TILE, 64);
        _tile_loadd(7, r2 + s * TILE, 64);
        _tile_loadd(5, l2 + s * TILE, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, 2 * SIDE * 4);
    _tile_stored(1, sums + SIDE, 2 * SIDE * 4);
    _tile_stored(2, sums + 2 * SIDE * SIDE, 2 * SIDE * 4);
    _tile_stored(3, sums + 2 * SIDE * SIDE + SIDE, 2 * SIDE * 4);
}

AMX static void begin_tiles(void) {
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        config.bytes[i] = 64;
        config.rows[i] = SIDE;
    }
    _tile_loadconfig(&config);
}

AMX static void end_tiles(void) {
    _tile_release();
}

/* Up to eight rows of the same sums, by vectors. */
DOTS GEMM_INLINE void dot_rows(const int rows, int64_t steps, const char *l, const char *r,
                               float *sums) {
    __m512 acc[8][2];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
        acc[i][0] = acc[i][1] = _mm512_setzero_ps();
    for (int64_t s = 0; s < steps; s++, l += TILE - 64)
        for (int p = 0; p < STEP / 2; p++, l += 4, r += 64) {
            const __m512bh b0 = (__m512bh)_mm512_loadu_si512(r);
            const __m512bh b1 = (__m512bh)_mm512_loadu_si512(r + steps * TILE);
#pragma GCC unroll 8
            for (int i = 0; i < rows; i++) {
                int32_t pair;
                memcpy(&pair, l + i * 64, sizeof pair);
                const __m512bh a = (__m512bh)_mm512_set1_epi32(pair);
                acc[i][0] = _mm512_dpbf16_ps(acc[i][0], a, b0);
                acc[i][1] = _mm512_dpbf16_ps(acc[i][1], a, b1);
            }
        }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        _mm512_storeu_ps(sums + i * 2 * SIDE, acc[i][0]);
        _mm512_storeu_ps(sums + i * 2 * SIDE + SIDE, acc[i][1]);
    }
}

DOTS static void four_panels(int64_t steps, int64_t rows, const char *l, const char *r,
                             float *sums) {
    for (int64_t i = 0; i < rows; i += 8) {
        const char *from = l + i / SIDE * steps * TILE + i % SIDE * 64;
        float *to = sums + i * 2 * SIDE;
        if (rows - i > 4)
            dot_rows(8, steps, from, r, to);
        else if (rows - i > 1)
            dot_rows(4, steps, from, r, to);
        else
            dot_rows(1, steps, from, r, to);
    }
}

static int tile_range(void *ctx, int64_t begin, int64_t end) {
    const job *f = ctx;
    const product *g = f->g;
    _Alignas(64) float sums[4 * SIDE * SIDE];
    const int64_t two = 2 * f->panel_bytes;
    const size_t bytes = (size_t)(f->r ? two : 2 * two);
    char *l = fac__alloc(bytes);
    if (l == NULL)
        return -1;
    if (f->tiles)
        begin_tiles();
    for (int64_t u = begin, packed = -1; u < end; u++) {
        const int64_t row = u / f->segments * 2 * SIDE, rows = min64(2 * SIDE, g->m - row);
        const int64_t first = u % f->segments * TASK_COLUMNS;
        const int64_t last = min64(first + TASK_COLUMNS, f->n);
        if (packed != row) {
            pack_l(g, row, f->steps, (uint16_t *)(void *)l);
            pack_l(g, row + SIDE, f->steps, (uint16_t *)(void *)(l + f->panel_bytes));
            packed = row;
        }
        for (int64_t j = first; j < last; j += 2 * SIDE) {
            char *r = f->r ? f->r + j / SIDE * f->panel_bytes : l + two;
            if (!f->r)
                for (int64_t i = 0; i < 2; i++)
                    pack_r(g, f->j0 + j + i * SIDE, f->steps,
                           (uint16_t *)(void *)(r + i * f->panel_bytes));
            if (f->tiles)
                four_tiles(f->steps, l, r, sums);
            else
                four_panels(f->steps, rows, l, r, sums);
            finish(g, row, rows, f->j0 + j, min64(2 * SIDE, last - j), sums, 2 * SIDE);
        }
    }
    if (f->tiles)
        end_tiles();
    fac__free(l, bytes);
    return 0;
}

int FAC__K(fac__gemm_bf16)(const product *g) {
    job f = {.g = g,
             .steps = (g->k + STEP - 1) / STEP,
             .tiles = FAC__K(fac__gemm_bf16_unit)() == GEMM_BF16_TILES};
    f.panel_bytes = f.steps * TILE;
    const int64_t row_tasks = (g->m + 2 * SIDE - 1) / (2 * SIDE);
    const int64_t most = max64(1, R_BYTES / (2 * f.panel_bytes)) * 2 * SIDE;
    /* What is used once is packed where it is used. */
    const int64_t columns = row_tasks == 1 ? g->n : min64(most, round_up(g->n, 2 * SIDE));
    const size_t bytes = row_tasks == 1 ? 0 : (size_t)(columns / SIDE * f.panel_bytes);
    if (bytes && !(f.r = fac__alloc(bytes)))
        return -1;
    int status = 0;
    for (f.j0 = 0; f.j0 < g->n && !status; f.j0 += f.n) {
        f.n = min64(columns, g->n - f.j0);
        f.panels = round_up(f.n, 2 * SIDE) / SIDE;
        f.segments = (f.n + TASK_COLUMNS - 1) / TASK_COLUMNS;
        const int64_t work = 2 * SIDE * min64(f.n, TASK_COLUMNS) * f.steps * STEP;
        if (f.r)
            status =
                fac__parallel_for(f.panels, 1 + TASK_WORK / (32 * f.panel_bytes), pack_range, &f);
        if (!status)
            status =
                fac__parallel_for(row_tasks * f.segments, 1 + TASK_WORK / work, tile_range, &f);
    }
    if (f.r)
        fac__free(f.r, bytes);
    return status;
}

#else

gemm_bf16_unit FAC__K(fac__gemm_bf16_unit)(void) {
    return GEMM_BF16_NONE;
}

int FAC__K(fac__gemm_bf16)(const product *g) {
    (void)g;
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                     "this build has no instructions for products of bfloat16");
}

#endif
