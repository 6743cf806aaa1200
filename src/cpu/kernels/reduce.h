/* Reductions: n values become one, for each of many outputs.
 *
 * Note [Order of a fold]. The values of one output are a sequence, and the order in which they are
 * combined depends on its length alone. It is cut into runs of 1024. A run is dealt out to four
 * blocks, eight neighbours at a time: value i goes to block i / 8 % 4, lane i % 8, and a lane
 * combines what it gets in order. The lanes of a block join as l with l + 4, then as adjacent
 * pairs; blocks join pairwise, as the carries of a binary counter. So the bits of a result depend
 * neither on threads nor on strides nor on the instruction set, and rounding errors grow with the
 * logarithm of n. An exact fold (integers, extremes) need not care: its blocks are consecutive.
 *
 * A fold is four functions over accumulators: `row` folds a run of contiguous values, `columns`
 * one block of many columns at once, `join` combines what came before with what comes after,
 * `finish` turns accumulators into results. The driver finds the geometry, gathers and converts
 * what does not lie in the right dtype in one piece, and splits for threads.
 */
#ifndef FAC_REDUCE_H
#define FAC_REDUCE_H

#include "shuffle.h"

#include "../../gen/ops.h"

enum {
    FAC__FOLD_LANES = 8,
    FAC__FOLD_BLOCK = 256, /* values of one column in a call of columns() */
    FAC__FOLD_RUN = 1024,  /* values in a call of row() */
    FAC__FOLD_RUNS = 32,   /* runs in a call of row(), where the fold takes many */
    FAC__FOLD_TILE = 4096, /* bytes of accumulators that a tile of columns holds */
};

/* Accumulators lie as arrays of `ld` entries, one array a part: part c of accumulator j is at index
 * j of array c. */
typedef struct {
    fac_dtype in;     /* what row() and columns() read; values are converted on the way */
    fac_dtype out[2]; /* what finish() writes; the second one may be none */
    uint8_t part[5];  /* bytes of each part of an accumulator, widest first; 0 ends the list */
    bool exact;       /* any grouping gives the same; blocks are consecutive */
    bool logical;     /* the sequence is row-major; otherwise as memory lies */
    /* n values at x, from place `at` of the sequence, into accumulator j. n may be 0. */
    void (*row)(void *acc, int ld, int j, const void *x, int64_t n, int64_t at, const void *ctx);
    /* n rows of w values each into accumulators 0 .. w. `dense`: the rows of a whole run follow one
     * another from rows[0] on, and w is at most a quarter of a tile. Otherwise rows[i] are those of
     * one block, or of a whole run where the fold is exact. */
    void (*columns)(void *acc, int ld, const char *const *rows, bool dense, int n, int w,
                    int64_t at, const void *ctx);
    /* acc, which holds n0 values each, joined with the n1 values that come after. */
    void (*join)(void *acc, const void *after, int ld, int w, int64_t n0, int64_t n1,
                 const void *ctx);
    void (*finish)(void *const *out, const void *acc, int ld, int w, int64_t n, const void *ctx);
    const void *ctx;
    bool many; /* row() takes 2, 4 .. FAC__FOLD_RUNS whole runs as well, and joins them */
} fac__fold;

/* Folds the dimensions of x whose bits are set in `gone` (0 bits: none; all of them: FAC__ALL)
 * into out[0] and, where the fold has two results, out[1]; outputs keep reduced dimensions as size
 * 1 where keepdim. */
#define FAC__ALL_DIMS UINT64_MAX
int FAC__K(fac__reduce)(fac_tensor *x, uint64_t gone, bool keepdim, const fac__fold *fold,
                        fac_tensor *const *out);

/* The bits of `dim`; none given, or an empty list, is all of them. Rules have checked the list. */
static inline uint64_t fac__dims_gone(fac_ints dim, int ndim) {
    uint64_t gone = 0;
    for (int i = 0; i < dim.n; i++)
        gone |= 1ull << (dim.values[i] < 0 ? dim.values[i] + (ndim ? ndim : 1) : dim.values[i]);
    return dim.n == 0 ? FAC__ALL_DIMS : gone;
}
static inline uint64_t fac__dim_gone(int64_t dim, int ndim) {
    return 1ull << (dim < 0 ? dim + (ndim ? ndim : 1) : dim);
}

/* Row i of what columns() was given. */
#define FAC__ROW_AT(T, i, w)                                                                       \
    ((const T *)(const void *)(dense ? rows[0] + (ptrdiff_t)(i) * (w) * (ptrdiff_t)sizeof(T)       \
                                     : rows[i]))

extern fac__loop *const FAC__K(fac__cast_table)[FAC_NUM_DTYPES][FAC_NUM_DTYPES];

/* An exact fold: EACH(s, v) folds value v of type T into s of type A; JOIN(s, t) two accumulators.
 */
#define FAC__EXACT(name, T, A, unit, EACH, JOIN)                                                   \
    enum { name##_many = true };                                                                   \
    static void name##_row(void *acc, int ld, int j, const void *data, int64_t n, int64_t at,      \
                           const void *ctx) {                                                      \
        (void)ld, (void)at, (void)ctx;                                                             \
        const T *x = data;                                                                         \
        A s = unit;                                                                                \
        for (int64_t i = 0; i < n; i++)                                                            \
            s = EACH(s, x[i]);                                                                     \
        ((A *)acc)[j] = s;                                                                         \
    }                                                                                              \
    static void name##_columns(void *acc, int ld, const char *const *rows, bool dense, int n,      \
                               int w, int64_t at, const void *ctx) {                               \
        (void)ld, (void)at, (void)ctx;                                                             \
        A *restrict s = acc;                                                                       \
        for (int j = 0; j < w; j++)                                                                \
            s[j] = unit;                                                                           \
        for (int i = 0; i < n; i++) {                                                              \
            const T *restrict x = FAC__ROW_AT(T, i, w);                                            \
            for (int j = 0; j < w; j++)                                                            \
                s[j] = EACH(s[j], x[j]);                                                           \
        }                                                                                          \
    }                                                                                              \
    static void name##_join(void *acc, const void *after, int ld, int w, int64_t n0, int64_t n1,   \
                            const void *ctx) {                                                     \
        (void)ld, (void)n0, (void)n1, (void)ctx;                                                   \
        A *restrict a = acc;                                                                       \
        const A *restrict b = after;                                                               \
        for (int j = 0; j < w; j++)                                                                \
            a[j] = JOIN(a[j], b[j]);                                                               \
    }

/* How many of a run's n values block b gets. */
static inline int64_t fac__block_count(int64_t n, int b) {
    int64_t rest = n % 32 - 8 * b;
    return n / 32 * 8 + (rest < 0 ? 0 : rest > 8 ? 8 : rest);
}

/* --- vectors --------------------------------------------------------------------------------- */

/* GCC's vector extensions, so that one text serves every instruction set. 32 bytes at most: with
 * eight lanes wider ones would not fill. */
#if defined(__AVX2__)
#define FAC__VB 32
#else
#define FAC__VB 16
#endif
#define FAC__VECTOR(T, name)                                                                       \
    typedef T name __attribute__((vector_size(FAC__VB)));                                          \
    typedef T name##_u __attribute__((vector_size(FAC__VB), aligned(__alignof__(T)), may_alias))
FAC__VECTOR(float, fac__vf32);
FAC__VECTOR(double, fac__vf64);
FAC__VECTOR(int32_t, fac__vi32);
FAC__VECTOR(int64_t, fac__vi64);

#if FAC__VB == 32
/* Halves of two vectors side by side, and the even or odd lanes of each of their halves. */
#define FAC__LANES(V, name, a, b, ...)                                                             \
    static inline V V##_##name(V a, V b) {                                                         \
        return FAC__SHUFFLE(V##_i, a, b, __VA_ARGS__);                                             \
    }
#define FAC__LANES_8(V)                                                                            \
    FAC__LANES(V, low, a, b, 0, 1, 2, 3, 8, 9, 10, 11)                                             \
    FAC__LANES(V, high, a, b, 4, 5, 6, 7, 12, 13, 14, 15)                                          \
    FAC__LANES(V, even, a, b, 0, 2, 8, 10, 4, 6, 12, 14)                                           \
    FAC__LANES(V, odd, a, b, 1, 3, 9, 11, 5, 7, 13, 15)
#define FAC__LANES_4(V)                                                                            \
    FAC__LANES(V, low, a, b, 0, 1, 4, 5)                                                           \
    FAC__LANES(V, high, a, b, 2, 3, 6, 7)                                                          \
    FAC__LANES(V, even, a, b, 0, 4, 2, 6)                                                          \
    FAC__LANES(V, odd, a, b, 1, 5, 3, 7)
typedef fac__vi32 fac__vf32_i;
typedef fac__vi64 fac__vf64_i, fac__vi64_i;
FAC__LANES_8(fac__vf32)
FAC__LANES_4(fac__vf64)
FAC__LANES_4(fac__vi64)
#endif

#endif
