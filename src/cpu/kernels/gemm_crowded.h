/* One row by a transposed R whose columns lie a multiple of half a page apart.
 *
 * All columns then fall on the same set of the first-level cache, and the eight that skinny() reads
 * side by side fill it: whatever else comes by, such as another thread of the core, evicts lines
 * before they are used up. Four columns by four blocks of k need half the lines of a set. A lane
 * is a column and a block; the blocks of L stand interleaved, so that four elements of it serve
 * every column. The chains are those of Note [One chain]. */
#if GEMM_PACK == 32

/* acc += the products of four elements of four blocks by two columns. */
GEMM_INLINE __m256 crowded_step(const float *l, const float *const r[4], int64_t one, int64_t two,
                                __m256 acc) {
    __m256 row[4];
    pf32 t[4];
#pragma GCC unroll 4
    for (int b = 0; b < 4; b++)
        row[b] = gemm_two_quarters(r[b] + one, r[b] + two);
    gemm_transpose_halves(row, t);
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++) {
        const __m256 a = _mm256_broadcast_ps((const __m128 *)(const void *)(l + 4 * q));
        acc = _mm256_fmadd_ps(a, (__m256)t[q], acc);
    }
    return acc;
}

/* sums of four columns = or += the products of four blocks of `block` elements, a multiple of 4.
 * l[4 * p + b] is element p of block b. */
static void crowded_f32(int64_t block, const void *fours, const void *columns, int64_t r_col,
                        void *out, bool add) {
    enum { LINES = 4, LINE = 16 };
    const float *l = fours;
    const float *r[4] = {columns};
    for (int b = 1; b < 4; b++)
        r[b] = r[b - 1] + block;
    float *sums = out;
    int64_t r_col3 = 3 * r_col;
    __m256 acc[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    /* Meanwhile the next four columns come closer, one after another: read in so many short
     * streams, the machine does not see what follows. */
    const float *next = r[0] + 4 * r_col, *end = next + 4 * block;
    for (int64_t p = 0; p < block; p += 4) {
        /* four pointers and three strides reach all, where the compiler leaves them be */
        __asm__("" : "+r"(r[0]), "+r"(r[1]), "+r"(r[2]), "+r"(r[3]), "+r"(r_col3));
#pragma GCC unroll 4
        for (int b = 0; b < LINES; b++)
            __builtin_prefetch(next + b * LINE, 0, 2);
        next += LINES * LINE;
        const bool past = next >= end;
        next = past ? end + r_col - 4 * block : next;
        end = past ? end + r_col : end;
        acc[0] = crowded_step(l, r, 0, r_col, acc[0]);
        acc[1] = crowded_step(l, r, 2 * r_col, r_col3, acc[1]);
        l += 16;
#pragma GCC unroll 4
        for (int b = 0; b < 4; b++)
            r[b] += 4;
    }
    __m128 of[4]; /* sums of four blocks a column; then of four columns a block */
    for (int v = 0; v < 2; v++) {
        of[2 * v] = _mm256_castps256_ps128(acc[v]);
        of[2 * v + 1] = _mm256_extractf128_ps(acc[v], 1);
    }
    _MM_TRANSPOSE4_PS(of[0], of[1], of[2], of[3]);
    __m128 s = add ? _mm_add_ps(_mm_loadu_ps(sums), of[0]) : of[0];
    for (int b = 1; b < 4; b++)
        s = _mm_add_ps(s, of[b]);
    _mm_storeu_ps(sums, s);
}

#endif
