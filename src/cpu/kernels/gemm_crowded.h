/* One row by a transposed R whose columns lie a multiple of half a page apart.
 *
 * All columns then fall on the same set of the first-level cache, and the eight that skinny() reads
 * side by side fill it: whatever else comes by, such as another thread of the core, evicts lines
 * before they are used up. Four columns by four blocks of k need half the lines of a set. A lane
 * is a column and a block; L's blocks stand interleaved in pairs, so that one broadcast of a pair
 * serves four columns. The chains are those of Note [One chain]. */
#if GEMM_PACK == 32

GEMM_INLINE void gather_crowded(const float *r, int64_t r_col, int64_t block, pf32 t[4]) {
    __m256 row[4]; /* low half: a column and a block; high half: two columns further */
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const float *p = r + j / 2 * r_col + j % 2 * block;
        row[j] = gemm_two_quarters(p, p + 2 * r_col);
    }
    gemm_transpose_halves(row, t);
}

/* sums of four columns = or += the products of four blocks of `block` elements, a multiple of 4. */
static void crowded_f32(int64_t block, const void *pairs, const void *columns, int64_t r_col,
                        void *out, bool add) {
    const float *l = pairs, *r = columns;
    float *sums = out;
    __m256 acc[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    for (int64_t p = 0; p < block; p += 4) {
        /* two lines ahead, in the end those of the next columns */
        const int64_t line = p + 32 < block ? p + 32 : p + 32 - block + 4 * r_col;
        const float *ahead = r + line + (p / 4 % 4) * r_col;
#pragma GCC unroll 2
        for (int pair = 0; pair < 2; pair++) {
            pf32 t[4];
            gather_crowded(r + p + 2 * pair * block, r_col, block, t);
            __builtin_prefetch(ahead + 2 * pair * block);
            __builtin_prefetch(ahead + (2 * pair + 1) * block);
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++) {
                const void *two = l + 2 * (pair * block + p + q);
                acc[pair] = _mm256_fmadd_ps(_mm256_castpd_ps(_mm256_broadcast_sd(two)),
                                            (__m256)t[q], acc[pair]);
            }
        }
    }
    for (int j = 0; j < 4; j++) {
        float s = add ? sums[j] + acc[0][2 * j] : acc[0][2 * j];
        s += acc[0][2 * j + 1];
        s += acc[1][2 * j];
        sums[j] = s + acc[1][2 * j + 1];
    }
}

#endif
