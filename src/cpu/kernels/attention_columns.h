/* Attention by blocks in one type: included with T, EXP, LOG, DTYPE and NAME(x) defined. */

/* scores + mask, -inf beyond the diagonal of a causal one; rows (i0 ..), columns (j0 ..) */
static void NAME(masked)(const struct attention *a, int64_t unit, int64_t i0, int64_t rows,
                         int64_t j0, int64_t cols, T *s) {
    const char *m = a->mask == NULL
                        ? NULL
                        : a->mask + unit / a->heads * a->m_batch + unit % a->heads * a->m_head +
                              i0 * a->m_row + j0 * a->m_col;
    for (int64_t i = 0; i < rows; i++, s += BLOCK_K) {
        if (m != NULL && a->bool_mask) {
            for (int64_t j = 0; j < cols; j++)
                if (!*(const bool *)(m + i * a->m_row + j * a->m_col))
                    s[j] = (T)-INFINITY;
        } else if (m != NULL) {
            const char *row = m + i * a->m_row;
            for (int64_t j = 0; j < cols; j++)
                s[j] += *(const T *)(const void *)(row + j * a->m_col);
        }
        if (a->causal)
            for (int64_t j = nn_max(0, i0 + i + 1 - j0); j < cols; j++)
                s[j] = (T)-INFINITY;
    }
}

static T NAME(row_max)(const T *s, int64_t n, T top) {
    T lane[NN_LANES];
    for (int j = 0; j < NN_LANES; j++)
        lane[j] = top;
    int64_t i = 0;
    for (; i + NN_LANES <= n; i += NN_LANES)
        for (int j = 0; j < NN_LANES; j++)
            lane[j] = s[i + j] > lane[j] ? s[i + j] : lane[j];
    for (; i < n; i++)
        top = s[i] > top ? s[i] : top;
    for (int j = 0; j < NN_LANES; j++)
        top = lane[j] > top ? lane[j] : top;
    return top;
}

static T NAME(row_exp)(T *s, int64_t n, T top) {
    T lane[NN_LANES] = {0}, rest = 0;
    int64_t i = 0;
    for (; i + NN_LANES <= n; i += NN_LANES)
        for (int j = 0; j < NN_LANES; j++) {
            T e = EXP(s[i + j] - top);
            s[i + j] = e;
            lane[j] += e;
        }
    for (; i < n; i++) {
        s[i] = EXP(s[i] - top);
        rest += s[i];
    }
    for (int h = NN_LANES / 2; h > 0; h /= 2)
        for (int j = 0; j < h; j++)
            lane[j] += lane[j + h];
    return lane[0] + rest;
}

/* Folds a block of scores into the running maximum and sum; scales what is there of the output. */
static void NAME(fold)(const struct attention *a, int64_t rows, int64_t cols, T *s, T *top, T *sum,
                       T *o) {
    for (int64_t i = 0; i < rows; i++, s += BLOCK_K) {
        T high = NAME(row_max)(s, cols, top[i]);
        if (high == (T)-INFINITY) { /* all masked so far */
            memset(s, 0, (size_t)cols * sizeof(T));
            continue;
        }
        T back = EXP(top[i] - high);
        sum[i] = sum[i] * back + NAME(row_exp)(s, cols, high);
        top[i] = high;
        if (back != 1)
            for (int64_t k = 0; k < a->dv; k++)
                o[i * a->dv + k] *= back;
    }
}

/* Units are (batch, head, block of rows). */
static int NAME(attend)(void *ctx, int64_t begin, int64_t end) {
    const struct attention *a = ctx;
    size_t bytes = (size_t)(BLOCK_Q * (BLOCK_K + a->dv + 2)) * sizeof(T);
    T *s = fac__alloc(bytes);
    if (s == NULL)
        return -1;
    T *o = s + BLOCK_Q * BLOCK_K, *top = o + BLOCK_Q * a->dv, *sum = top + BLOCK_Q, one = 1;
    T scale = (T)a->scale;
    int r = 0;
    for (int64_t u = begin; u < end && r == 0; u++) {
        int64_t unit = u / a->q_blocks, i0 = u % a->q_blocks * BLOCK_Q;
        int64_t rows = nn_min(BLOCK_Q, a->lq - i0), last = a->causal ? i0 + rows : a->lk;
        const T *q = operand(&a->q, unit, a->heads), *k = operand(&a->k, unit, a->heads);
        const T *v = operand(&a->v, unit, a->heads);
        for (int64_t i = 0; i < rows; i++) {
            top[i] = (T)-INFINITY;
            sum[i] = 0;
        }
        memset(o, 0, (size_t)(rows * a->dv) * sizeof(T));
        for (int64_t j0 = 0; j0 < nn_min(last, a->lk) && r == 0; j0 += BLOCK_K) {
            int64_t cols = nn_min(BLOCK_K, nn_min(last, a->lk) - j0);
            r = FAC__K(fac__gemm)(DTYPE, rows, cols, a->d, &scale, q + i0 * a->q.row, a->q.row,
                                  a->q.col, k + j0 * a->k.row, a->k.col, a->k.row, NULL, s, BLOCK_K,
                                  1, NULL);
            NAME(masked)(a, unit, i0, rows, j0, cols, s);
            NAME(fold)(a, rows, cols, s, top, sum, o);
            if (r == 0)
                r = FAC__K(fac__gemm)(DTYPE, rows, a->dv, cols, NULL, s, BLOCK_K, 1,
                                      v + j0 * a->v.row, a->v.row, a->v.col, &one, o, a->dv, 1,
                                      NULL);
        }
        T *out = operand(&a->o, unit, a->heads), *lse = (T *)a->lse + unit * a->lq + i0;
        for (int64_t i = 0; i < rows; i++) {
            T scale_i = sum[i] == 0 ? 0 : 1 / sum[i];
            lse[i] = sum[i] == 0 ? (T)-INFINITY : top[i] + LOG(sum[i]);
            for (int64_t c = 0; c < a->dv; c++)
                out[(i0 + i) * a->o.row + c] = o[i * a->dv + c] * scale_i;
        }
    }
    fac__free(s, bytes);
    return r;
}

/* probabilities again, and ds = p * (dp - delta) over a block */
static void NAME(differentiate)(int64_t rows, int64_t cols, T *s, T *dp, const T *lse,
                                const T *delta) {
    for (int64_t i = 0; i < rows; i++, s += BLOCK_K, dp += BLOCK_K) {
        T l = lse[i], d = delta[i];
        if (l == (T)-INFINITY) {
            memset(s, 0, (size_t)cols * sizeof(T));
            memset(dp, 0, (size_t)cols * sizeof(T));
            continue;
        }
        for (int64_t j = 0; j < cols; j++) {
            T p = EXP(s[j] - l);
            s[j] = p;
            dp[j] = p * (dp[j] - d);
        }
    }
}

static int NAME(back_block)(const struct attention *a, int64_t unit, int64_t i0, int64_t rows,
                            int64_t j0, int64_t cols, T *s, T *dp, const T *delta) {
    const T *q = (const T *)operand(&a->q, unit, a->heads) + i0 * a->q.row;
    const T *k = (const T *)operand(&a->k, unit, a->heads) + j0 * a->k.row;
    const T *v = (const T *)operand(&a->v, unit, a->heads) + j0 * a->v.row;
    const T *g = (const T *)operand(&a->g, unit, a->heads) + i0 * a->g.row;
    T *dq = (T *)operand(&a->dq, unit, a->heads) + i0 * a->dq.row;
    T *dk = (T *)operand(&a->dk, unit, a->heads) + j0 * a->dk.row;
    T *dv = (T *)operand(&a->dvalue, unit, a->heads) + j0 * a->dvalue.row;
    T scale = (T)a->scale, one = 1;
    const void *first = j0 == 0 ? NULL : &one;
    if (FAC__K(fac__gemm)(DTYPE, rows, cols, a->d, &scale, q, a->q.row, a->q.col, k, a->k.col,
                          a->k.row, NULL, s, BLOCK_K, 1, NULL) != 0 ||
        FAC__K(fac__gemm)(DTYPE, rows, cols, a->dv, NULL, g, a->g.row, a->g.col, v, a->v.col,
                          a->v.row, NULL, dp, BLOCK_K, 1, NULL) != 0)
        return -1;
    NAME(masked)(a, unit, i0, rows, j0, cols, s);
    NAME(differentiate)(rows, cols, s, dp, (const T *)a->lse + unit * a->lq + i0, delta + i0);
    if (FAC__K(fac__gemm)(DTYPE, cols, a->dv, rows, NULL, s, 1, BLOCK_K, g, a->g.row, a->g.col,
                          &one, dv, a->dvalue.row, 1, NULL) != 0 ||
        FAC__K(fac__gemm)(DTYPE, rows, a->d, cols, &scale, dp, BLOCK_K, 1, k, a->k.row, a->k.col,
                          first, dq, a->dq.row, 1, NULL) != 0)
        return -1;
    return FAC__K(fac__gemm)(DTYPE, cols, a->d, rows, &scale, dp, 1, BLOCK_K, q, a->q.row, a->q.col,
                             &one, dk, a->dk.row, 1, NULL);
}

/* Units are (batch, head). */
static int NAME(attend_back)(void *ctx, int64_t begin, int64_t end) {
    const struct attention *a = ctx;
    size_t bytes = (size_t)(2 * BLOCK_Q * BLOCK_K + a->lq) * sizeof(T);
    T *s = fac__alloc(bytes);
    if (s == NULL)
        return -1;
    T *dp = s + BLOCK_Q * BLOCK_K, *delta = dp + BLOCK_Q * BLOCK_K;
    int r = 0;
    for (int64_t u = begin; u < end && r == 0; u++) {
        const T *g = operand(&a->g, u, a->heads), *o = operand(&a->o, u, a->heads);
        for (int64_t i = 0; i < a->lq; i++) {
            T sum = 0;
            for (int64_t c = 0; c < a->dv; c++)
                sum += g[i * a->g.row + c * a->g.col] * o[i * a->o.row + c * a->o.col];
            delta[i] = sum;
        }
        for (int64_t j = 0; j < a->lk; j++) {
            memset((T *)operand(&a->dk, u, a->heads) + j * a->dk.row, 0, (size_t)a->d * sizeof(T));
            memset((T *)operand(&a->dvalue, u, a->heads) + j * a->dvalue.row, 0,
                   (size_t)a->dv * sizeof(T));
        }
        for (int64_t i0 = 0; i0 < a->lq && r == 0; i0 += BLOCK_Q) {
            int64_t rows = nn_min(BLOCK_Q, a->lq - i0);
            int64_t last = a->causal ? nn_min(a->lk, i0 + rows) : a->lk;
            for (int64_t j0 = 0; j0 < last && r == 0; j0 += BLOCK_K)
                r = NAME(back_block)(a, u, i0, rows, j0, nn_min(BLOCK_K, last - j0), s, dp, delta);
        }
    }
    fac__free(s, bytes);
    return r;
}

#undef T
#undef EXP
#undef LOG
#undef DTYPE
#undef NAME
