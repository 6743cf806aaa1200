/* The innermost loops of every matrix product, for one element type.
 *
 * A register tile of up to GEMM_ROWS rows by a few vectors of columns is accumulated over k as
 * outer products: one vector of R (the operand read in vectors along columns), one broadcast
 * element of L a row. Every element of the result is one chain of fused multiply-adds in the order
 * of k, whatever tile, row count or path computes it; all the paths below keep to that chain, so
 * that which of them runs is invisible in the bits. See Note [One chain].
 *
 * Included once a type with GEMM_X (f32, f64, u32, u64) and GEMM_T (its C type) defined; floating
 * types also define GEMM_FLOATING, the integer of their width, and GEMM_GELU.
 */

#define GEMM_CAT2(a, b) a##_##b
#define GEMM_CAT(a, b) GEMM_CAT2(a, b)
#define GEMM_CATV2(a, b) a##b
#define GEMM_CATV(a, b) GEMM_CATV2(a, b)
#define N_(name) GEMM_CAT(name, GEMM_X)
#define VEC GEMM_CATV(v, GEMM_X)
#define PVEC GEMM_CATV(p, GEMM_X)
#define VFMA GEMM_CAT(gemm_fma, VEC)
#define PFMA GEMM_CAT(gemm_fma, PVEC)
#define LANES ((int)(GEMM_VEC / sizeof(GEMM_T)))
#define PLANES ((int)(GEMM_PACK / sizeof(GEMM_T)))

typedef GEMM_T N_(vec_v) __attribute__((vector_size(GEMM_VEC), aligned(sizeof(GEMM_T)), may_alias));
typedef GEMM_T N_(vec_p)
    __attribute__((vector_size(GEMM_PACK), aligned(sizeof(GEMM_T)), may_alias));

#ifdef GEMM_FLOATING
typedef GEMM_FLOATING N_(pmask) __attribute__((vector_size(GEMM_PACK)));
#endif

/* s - 0 is s for every s, and compilers make a plain broadcast of it. */
GEMM_INLINE VEC N_(splat)(GEMM_T s) {
    return s - (VEC){0};
}

GEMM_INLINE PVEC N_(psplat)(GEMM_T s) {
    return s - (PVEC){0};
}

#ifdef GEMM_FLOATING
GEMM_INLINE PVEC N_(activate)(PVEC v, fac__activation how) {
    if (how == FAC__ACTIVATE_RELU)
        return (PVEC)((N_(pmask))v & ~(N_(pmask))(v < 0));
    for (int i = 0; i < PLANES; i++)
        v[i] = GEMM_GELU(v[i]);
    return v;
}
#else
GEMM_INLINE PVEC N_(activate)(PVEC v, fac__activation how) {
    (void)how;
    return v;
}
#endif

/* C (rows x vecs vectors) = or += L (rows, k) R (k, vecs vectors); strides in elements. */
GEMM_INLINE void N_(tile)(const int rows, const int vecs, int64_t k, const GEMM_T *l, int64_t l_row,
                          int64_t l_k, const GEMM_T *r, int64_t r_k, GEMM_T *c, int64_t c_row,
                          bool add, const char *ahead) {
    VEC acc[GEMM_ROWS][4];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            acc[i][v] = (VEC){0};
    /* Three rows to a pointer: what one base and two index registers can address. */
    const GEMM_T *lp[(GEMM_ROWS + 2) / 3];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i += 3)
        lp[i / 3] = l + i * l_row;
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        __builtin_prefetch(c + i * c_row);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        if (vecs > 1)
            __builtin_prefetch(c + i * c_row + vecs * LANES - 1);
#pragma GCC unroll 2
    for (int64_t p = 0; p < k; p++) {
        VEC b[4];
        __builtin_prefetch(ahead, 0, 2);
        ahead += GEMM_AHEAD;
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++)
            b[v] = *(const N_(vec_v) *)(r + v * LANES);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            const VEC a = N_(splat)(lp[i / 3][(i % 3) * l_row]);
#pragma GCC unroll 4
            for (int v = 0; v < vecs; v++)
                acc[i][v] = VFMA(a, b[v], acc[i][v]);
        }
#pragma GCC unroll 8
        for (int i = 0; i < rows; i += 3)
            lp[i / 3] += l_k;
        r += r_k;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vecs; v++) {
            N_(vec_v) *out = (N_(vec_v) *)(c + i * c_row + v * LANES);
            *out = add ? (VEC)*out + acc[i][v] : acc[i][v];
        }
}

#define TILE(rows, vecs)                                                                           \
    static void N_(tile_##rows##x##vecs)(int64_t k, const void *l, int64_t l_row, int64_t l_k,     \
                                         const void *r, int64_t r_k, void *c, int64_t c_row,       \
                                         bool add, const char *ahead) {                            \
        N_(tile)(rows, vecs, k, l, l_row, l_k, r, r_k, c, c_row, add, ahead);                      \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
TILE(1, 4)
TILE(2, 4)
#if GEMM_ROWS >= 8
TILES(7)
TILES(8)
#endif
#if GEMM_ROWS >= 14
TILES(9)
TILES(10)
TILES(11)
TILES(12)
TILES(13)
TILES(14)
#endif

/* `count` chains of rows x PLANES sums at once, k steps of each: one alone would wait for its
 * own additions. */
GEMM_INLINE
void N_(chains)(const int rows, const int count, int64_t k, const GEMM_T *const *l, int64_t l_row,
                const GEMM_T *const *r, int64_t r_col, int64_t next, PVEC acc[4][2]) {
    enum { QUADS = GEMM_QUADS(GEMM_T) };
    const GEMM_T *lp[2], *rp[2][3];
#pragma GCC unroll 2
    for (int b = 0; b < count; b++) {
        lp[b] = l[b];
        rp[b][0] = r[b];
        rp[b][1] = r[b] + 3 * r_col;
        rp[b][2] = r[b] + 6 * r_col;
    }
    int64_t p = 0;
    for (; p + QUADS <= k; p += QUADS) {
        PVEC t[2][QUADS];
#pragma GCC unroll 2
        for (int b = 0; b < count; b++) {
            GEMM_CAT(gemm_gather, GEMM_X)(rp[b], r_col, t[b]);
            /* Two lines ahead of two columns in turn, in the end those of the next columns: the
             * machine's own reading ahead sees too many short streams. */
            const int64_t line = p + 128 / (int64_t)sizeof(GEMM_T);
            const GEMM_T *ahead = r[b] + (line < k ? line : line - k + next) +
                                  ((p / QUADS * 2) & (PLANES - 1)) * r_col;
            __builtin_prefetch(ahead);
            __builtin_prefetch(ahead + r_col);
        }
#pragma GCC unroll 4
        for (int q = 0; q < QUADS; q++)
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
                for (int b = 0; b < count; b++)
                    acc[i][b] = PFMA(N_(psplat)(lp[b][i * l_row + q]), t[b][q], acc[i][b]);
#pragma GCC unroll 2
        for (int b = 0; b < count; b++) {
            lp[b] += QUADS;
            rp[b][0] += QUADS;
            rp[b][1] += QUADS;
            rp[b][2] += QUADS;
        }
    }
    for (; p < k; p++)
#pragma GCC unroll 2
        for (int b = 0; b < count; b++) {
            PVEC t = {0};
            for (int j = 0; j < PLANES; j++)
                t[j] = r[b][j * r_col + p];
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
                acc[i][b] = PFMA(N_(psplat)(l[b][i * l_row + p]), t, acc[i][b]);
        }
}

/* Two independent products of one to four rows of L, contiguous along k, by PLANES columns of a
 * transposed R, each contiguous along k and r_col apart: two blocks of k of the same columns, or
 * one of two groups of columns. R is transposed in registers as it streams by: read once, never
 * packed. k[0] >= k[1]; the second product may be absent: k[1] is 0 and c[1] NULL. */
GEMM_INLINE void N_(skinny)(const int rows, const gemm_skinny_args *s) {
    const GEMM_T *const l[2] = {s->l[0], s->l[1]}, *const r[2] = {s->r[0], s->r[1]};
    const int64_t l_row = s->l_row, r_col = s->r_col;
    PVEC acc[4][2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        acc[i][0] = acc[i][1] = (PVEC){0};
    const int64_t both = s->k[1] - s->k[1] % GEMM_QUADS(GEMM_T);
    N_(chains)(rows, 2, both, l, l_row, r, r_col, s->next, acc);
#pragma GCC unroll 2
    for (int b = 0; b < 2; b++) {
        PVEC own[4][2];
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            own[i][0] = acc[i][b];
        if (both < s->k[b]) {
            const GEMM_T *const lb = l[b] + both, *const rb = r[b] + both;
            N_(chains)(rows, 1, s->k[b] - both, &lb, l_row, &rb, r_col, s->next, own);
        }
        if (!s->c[b])
            continue;
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++) {
            N_(vec_p) *c = (N_(vec_p) *)((GEMM_T *)s->c[b] + i * s->c_row);
            *c = s->add[b] ? (PVEC)*c + own[i][0] : own[i][0];
        }
    }
}

#define SKINNY(rows)                                                                               \
    static void N_(skinny_##rows)(const gemm_skinny_args *s) {                                     \
        N_(skinny)(rows, s);                                                                       \
    }
SKINNY(1)
SKINNY(2)
SKINNY(3)
SKINNY(4)

/* S (rows, n) = or += L (rows, k) R (k, n) for a few k: R's rows run along memory, whole ones at a
 * time, and so do the sums. */
GEMM_INLINE void N_(stream)(const int rows, const int k, int64_t n, const GEMM_T *l, int64_t l_row,
                            int64_t l_k, const GEMM_T *r, int64_t r_k, GEMM_T *s, int64_t s_row,
                            bool add) {
    VEC a[2][8];
#pragma GCC unroll 2
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 8
        for (int p = 0; p < k; p++)
            a[i][p] = N_(splat)(l[i * l_row + p * l_k]);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        VEC sum[2];
#pragma GCC unroll 2
        for (int i = 0; i < rows; i++)
            sum[i] = add ? (VEC) * (const N_(vec_v) *)(s + i * s_row + j) : (VEC){0};
#pragma GCC unroll 8
        for (int p = 0; p < k; p++) {
            const VEC b = *(const N_(vec_v) *)(r + p * r_k + j);
#pragma GCC unroll 2
            for (int i = 0; i < rows; i++)
                sum[i] = VFMA(a[i][p], b, sum[i]);
        }
#pragma GCC unroll 2
        for (int i = 0; i < rows; i++)
            *(N_(vec_v) *)(s + i * s_row + j) = sum[i];
    }
    for (; j < n; j++)
        for (int i = 0; i < rows; i++) {
            VEC sum = {add ? s[i * s_row + j] : 0};
#pragma GCC unroll 8
            for (int p = 0; p < k; p++)
                sum = VFMA(a[i][p], (VEC){r[p * r_k + j]}, sum);
            s[i * s_row + j] = sum[0];
        }
}

static void N_(stream_1)(int64_t k, int64_t n, const void *l, int64_t l_row, int64_t l_k,
                         const void *r, int64_t r_k, void *s, int64_t s_row) {
    const GEMM_T *a = l, *b = r;
    int64_t p = 0;
    for (; p + 8 <= k; p += 8)
        N_(stream)(1, 8, n, a + p * l_k, l_row, l_k, b + p * r_k, r_k, s, s_row, p > 0);
    for (; p + 2 <= k; p += 2)
        N_(stream)(1, 2, n, a + p * l_k, l_row, l_k, b + p * r_k, r_k, s, s_row, p > 0);
    if (p < k)
        N_(stream)(1, 1, n, a + p * l_k, l_row, l_k, b + p * r_k, r_k, s, s_row, p > 0);
}

static void N_(stream_2)(int64_t k, int64_t n, const void *l, int64_t l_row, int64_t l_k,
                         const void *r, int64_t r_k, void *s, int64_t s_row) {
    const GEMM_T *a = l, *b = r;
    int64_t p = 0;
    for (; p + 4 <= k; p += 4)
        N_(stream)(2, 4, n, a + p * l_k, l_row, l_k, b + p * r_k, r_k, s, s_row, p > 0);
    for (; p < k; p++)
        N_(stream)(2, 1, n, a + p * l_k, l_row, l_k, b + p * r_k, r_k, s, s_row, p > 0);
}

/* sums[b] = the chain of block b of a dot product: a lane each, then the last few side by side. */
static void N_(dots)(int64_t blocks, int64_t block, const void *l, const void *r, void *sums) {
    enum { QUADS = GEMM_QUADS(GEMM_T), FEW = 4 };
    const GEMM_T *x = l, *y = r;
    GEMM_T *out = sums;
    int64_t b = 0;
    for (; b + PLANES <= blocks; b += PLANES) {
        PVEC acc = {0};
        for (int64_t p = b * block; p < (b + 1) * block; p += QUADS) {
            PVEC s[QUADS], t[QUADS];
            const GEMM_T *const xs[3] = {x + p, x + p + 3 * block, x + p + 6 * block};
            const GEMM_T *const ys[3] = {y + p, y + p + 3 * block, y + p + 6 * block};
            GEMM_CAT(gemm_gather, GEMM_X)(xs, block, s);
            GEMM_CAT(gemm_gather, GEMM_X)(ys, block, t);
#pragma GCC unroll 4
            for (int q = 0; q < QUADS; q++)
                acc = PFMA(s[q], t[q], acc);
        }
        *(N_(vec_p) *)(out + b) = acc;
    }
    for (; b < blocks; b += FEW) {
        PVEC acc[FEW];
        int64_t at[FEW];
#pragma GCC unroll 4
        for (int j = 0; j < FEW; j++) {
            acc[j] = (PVEC){0};
            at[j] = (b + j < blocks ? b + j : blocks - 1) * block;
        }
        for (int64_t p = 0; p < block; p++)
#pragma GCC unroll 4
            for (int j = 0; j < FEW; j++)
                acc[j] = PFMA(N_(psplat)(x[at[j] + p]), N_(psplat)(y[at[j] + p]), acc[j]);
        for (int j = 0; j < FEW && b + j < blocks; j++)
            out[b + j] = acc[j][0];
    }
}

/* clang-format off */
static gemm_tile_fn *const N_(tiles)[GEMM_ROWS + 1][5] = {
#define ROW(rows) {NULL, N_(tile_##rows##x1), N_(tile_##rows##x2)}
    {NULL},
    {NULL, N_(tile_1x1), N_(tile_1x2), NULL, N_(tile_1x4)},
    {NULL, N_(tile_2x1), N_(tile_2x2), NULL, N_(tile_2x4)},
    ROW(3), ROW(4), ROW(5), ROW(6),
#if GEMM_ROWS >= 8
    ROW(7), ROW(8),
#endif
#if GEMM_ROWS >= 14
    ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14),
#endif
#undef ROW
};
/* clang-format on */

static gemm_skinny_fn *const N_(skinnies)[5] = {NULL, N_(skinny_1), N_(skinny_2), N_(skinny_3),
                                                N_(skinny_4)};

static const gemm_type N_(type) = {
    .size = sizeof(GEMM_T),
    .lanes = LANES,
    .rows = GEMM_ROWS,
    .group = PLANES,
    .tile = N_(tiles),
    .skinny = N_(skinnies),
    .stream = {NULL, N_(stream_1), N_(stream_2)},
    .dots = N_(dots),
#ifdef GEMM_CROWDED
    .crowded = GEMM_CROWDED,
#endif
};

#undef TILE
#undef TILES
#undef SKINNY
