/* Normalisation loops of one dtype: included once a column with T (stored), C (sums), LOAD, STORE
 * and NAME(x) defined. Rows are contiguous; statistics take two passes, the mean first. What a loop
 * needs of its job is read before it: the loop's stores could change it for all the compiler knows,
 * and then the loop is no vector. */

NN_SUM(NAME(sum), C, const T *x, (C)LOAD(x[at]))
NN_SUM(NAME(squares), C, const T *x NN_COMMA C mean,
       ((C)LOAD(x[at]) - mean) * ((C)LOAD(x[at]) - mean))
NN_SUM(NAME(dot), C, const T *g NN_COMMA const T *x NN_COMMA C mean,
       (C)LOAD(g[at]) * ((C)LOAD(x[at]) - mean))
NN_SUM(NAME(weighted), C, const T *g NN_COMMA const C *w, (C)LOAD(g[at]) * w[at])
NN_SUM(NAME(weighted_dot), C, const T *g NN_COMMA const C *w NN_COMMA const T *x NN_COMMA C mean,
       (C)LOAD(g[at]) * w[at] * ((C)LOAD(x[at]) - mean))

/* --- layer_norm: rows of n ------------------------------------------------------------------- */

static int NAME(layer)(void *ctx, int64_t begin, int64_t end) {
    const struct rows_job *j = ctx;
    const C *w = j->weight, *b = j->bias;
    C *means = j->mean, *rstds = j->rstd;
    int64_t n = j->n;
    for (int64_t r = begin; r < end; r++) {
        const T *restrict x = (const T *)(const void *)j->x + r * n;
        T *restrict o = (T *)(void *)j->out + r * n;
        C mean = n == 0 ? 0 : (C)(NAME(sum)(n, x) / (double)n);
        C rstd = (C)(1 / sqrt(NAME(squares)(n, x, mean) / (double)n + j->eps));
        means[r] = mean;
        rstds[r] = rstd;
        if (w == NULL && b == NULL)
            for (int64_t i = 0; i < n; i++)
                o[i] = (T)STORE(((C)LOAD(x[i]) - mean) * rstd);
        else if (b == NULL)
            for (int64_t i = 0; i < n; i++)
                o[i] = (T)STORE(((C)LOAD(x[i]) - mean) * rstd * w[i]);
        else if (w == NULL)
            for (int64_t i = 0; i < n; i++)
                o[i] = (T)STORE(((C)LOAD(x[i]) - mean) * rstd + b[i]);
        else
            for (int64_t i = 0; i < n; i++)
                o[i] = (T)STORE(((C)LOAD(x[i]) - mean) * rstd * w[i] + b[i]);
    }
    return 0;
}

/* Blocks of rows; each adds into its own pair of rows of `partial`. */
static int NAME(layer_back)(void *ctx, int64_t begin, int64_t end) {
    const struct rows_job *j = ctx;
    const C *w = j->weight, *means = j->mean, *rstds = j->rstd;
    int64_t n = j->n;
    for (int64_t k = begin; k < end; k++) {
        C *restrict gw = (C *)j->partial + 2 * k * n, *restrict gb = gw + n;
        for (int64_t i = 0; i < 2 * n; i++)
            gw[i] = 0;
        int64_t last = nn_min(j->rows, (k + 1) * j->block);
        for (int64_t r = k * j->block; r < last; r++) {
            const T *restrict x = (const T *)(const void *)j->x + r * n;
            const T *restrict g = (const T *)(const void *)j->g + r * n;
            T *restrict o = (T *)(void *)j->out + r * n;
            C mean = means[r], rstd = rstds[r];
            double a = w ? NAME(weighted)(n, g, w) : NAME(sum)(n, g);
            double b = w ? NAME(weighted_dot)(n, g, w, x, mean) : NAME(dot)(n, g, x, mean);
            C shift = (C)(a / (double)n);
            C slope = (C)(b * (double)rstd * (double)rstd / (double)n);
            for (int64_t i = 0; i < n; i++) {
                C gi = (C)LOAD(g[i]), xi = (C)LOAD(x[i]) - mean;
                gw[i] += gi * (xi * rstd);
                gb[i] += gi;
            }
            if (w != NULL)
                for (int64_t i = 0; i < n; i++)
                    o[i] = (T)STORE(
                        rstd * ((C)LOAD(g[i]) * w[i] - shift - ((C)LOAD(x[i]) - mean) * slope));
            else
                for (int64_t i = 0; i < n; i++)
                    o[i] =
                        (T)STORE(rstd * ((C)LOAD(g[i]) - shift - ((C)LOAD(x[i]) - mean) * slope));
        }
    }
    return 0;
}

/* Partial rows added up in their order, by columns. */
static int NAME(join)(void *ctx, int64_t begin, int64_t end) {
    const struct rows_job *j = ctx;
    int64_t n = j->n;
    for (int part = 0; part < 2; part++) {
        C *restrict o = part == 0 ? j->grad_weight : j->grad_bias;
        for (int64_t i = begin; i < end; i++)
            o[i] = 0;
        for (int64_t k = 0; k < j->blocks; k++) {
            const C *restrict p = (const C *)j->partial + (2 * k + part) * n;
            for (int64_t i = begin; i < end; i++)
                o[i] += p[i];
        }
    }
    return 0;
}

/* --- batch_norm: (n, c, s), channel by channel ---------------------------------------------------
 */

/* Sums over one channel: of x, or with `g` of g and g * (x - mean). With s == 1 the elements of a
 * channel lie c apart, and a tile of channels is taken together. */
static void NAME(channel_moments)(const struct channels_job *j, int64_t c, double *mean,
                                  double *var) {
    const T *x = (const T *)(const void *)j->x;
    int64_t step = j->c * j->s, count = j->n * j->s;
    double sum = 0, sq = 0;
    for (int64_t i = 0; i < j->n; i++)
        sum += NAME(sum)(j->s, x + i * step + c * j->s);
    *mean = sum / (double)count;
    for (int64_t i = 0; i < j->n; i++)
        sq += NAME(squares)(j->s, x + i * step + c * j->s, (C)*mean);
    *var = sq / (double)count;
}

static void NAME(tile_moments)(const struct channels_job *j, int64_t c0, int64_t w, double *mean,
                               double *var) {
    const T *x = (const T *)(const void *)j->x + c0;
    for (int64_t i = 0; i < w; i++)
        mean[i] = var[i] = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t b = 0; b < j->n; b += NN_BLOCK / 16) {
            C sum[CHANNEL_TILE] = {0}, m[CHANNEL_TILE];
            for (int64_t i = 0; i < w; i++)
                m[i] = (C)mean[i];
            for (int64_t r = b; r < nn_min(j->n, b + NN_BLOCK / 16); r++) {
                const T *restrict row = x + r * j->c;
                if (pass == 0)
                    for (int64_t i = 0; i < w; i++)
                        sum[i] += (C)LOAD(row[i]);
                else
                    for (int64_t i = 0; i < w; i++)
                        sum[i] += ((C)LOAD(row[i]) - m[i]) * ((C)LOAD(row[i]) - m[i]);
            }
            for (int64_t i = 0; i < w; i++)
                var[i] += (double)sum[i];
        }
        if (pass == 0)
            for (int64_t i = 0; i < w; i++) {
                mean[i] = var[i] / (double)j->n;
                var[i] = 0;
            }
    }
    for (int64_t i = 0; i < w; i++)
        var[i] /= (double)j->n;
}

static void NAME(set_channel)(const struct channels_job *j, int64_t c, double mean, double var,
                              C *scale, C *shift) {
    const C *w = j->weight, *b = j->bias;
    double invstd = 1 / sqrt(var + j->eps);
    if (j->training) {
        if (j->narrow) { /* PyTorch keeps them in the input's dtype, and computes with those */
            invstd = (double)LOAD((T)STORE((C)invstd));
            mean = (double)LOAD((T)STORE((C)mean));
        }
        int64_t count = j->n * j->s;
        ((C *)j->mean)[c] = (C)mean;
        ((C *)j->invstd)[c] = (C)invstd;
        C *rm = j->running_mean, *rv = j->running_var;
        if (rm != NULL)
            rm[c] = (C)(j->momentum * mean + (1 - j->momentum) * (double)rm[c]);
        if (rv != NULL)
            rv[c] = (C)(j->momentum * (var * (double)count / (double)(count - 1)) +
                        (1 - j->momentum) * (double)rv[c]);
    }
    double a = (w != NULL ? (double)w[c] : 1) * invstd;
    *scale = (C)a;
    *shift = (C)((b != NULL ? (double)b[c] : 0) - mean * a);
}

static int NAME(batch)(void *ctx, int64_t begin, int64_t end) {
    const struct channels_job *j = ctx;
    const T *x = (const T *)(const void *)j->x;
    T *out = (T *)(void *)j->out;
    const int64_t s = j->s;
    const C *rm = j->running_mean, *rv = j->running_var;
    for (int64_t u = begin; u < end; u++) {
        int64_t c0 = u * j->tile, w = nn_min(j->tile, j->c - c0);
        double mean[CHANNEL_TILE], var[CHANNEL_TILE];
        C scale[CHANNEL_TILE], shift[CHANNEL_TILE];
        if (!j->training)
            for (int64_t i = 0; i < w; i++) {
                mean[i] = (double)rm[c0 + i];
                var[i] = (double)rv[c0 + i];
            }
        else if (j->s == 1)
            NAME(tile_moments)(j, c0, w, mean, var);
        else
            NAME(channel_moments)(j, c0, mean, var);
        for (int64_t i = 0; i < w; i++)
            NAME(set_channel)(j, c0 + i, mean[i], var[i], &scale[i], &shift[i]);
        for (int64_t r = 0; r < j->n; r++) {
            const T *restrict p = x + (r * j->c + c0) * s;
            T *restrict o = out + (r * j->c + c0) * s;
            const C slope = scale[0], rise = shift[0];
            if (s == 1)
                for (int64_t i = 0; i < w; i++)
                    o[i] = (T)STORE((C)LOAD(p[i]) * scale[i] + shift[i]);
            else
                for (int64_t i = 0; i < s; i++)
                    o[i] = (T)STORE((C)LOAD(p[i]) * slope + rise);
        }
    }
    return 0;
}

static void NAME(tile_sums)(const struct channels_job *j, int64_t c0, int64_t w, double *sum,
                            double *dot) {
    const T *x = (const T *)(const void *)j->x + c0, *g = (const T *)(const void *)j->g + c0;
    const C *mean = (const C *)j->mean + c0;
    for (int64_t i = 0; i < w; i++)
        sum[i] = dot[i] = 0;
    for (int64_t b = 0; b < j->n; b += NN_BLOCK / 16) {
        C s[CHANNEL_TILE] = {0}, d[CHANNEL_TILE] = {0};
        for (int64_t r = b; r < nn_min(j->n, b + NN_BLOCK / 16); r++)
            for (int64_t i = 0; i < w; i++) {
                C gi = (C)LOAD(g[r * j->c + i]);
                s[i] += gi;
                d[i] += gi * ((C)LOAD(x[r * j->c + i]) - mean[i]);
            }
        for (int64_t i = 0; i < w; i++) {
            sum[i] += (double)s[i];
            dot[i] += (double)d[i];
        }
    }
}

static int NAME(batch_back)(void *ctx, int64_t begin, int64_t end) {
    const struct channels_job *j = ctx;
    const T *x = (const T *)(const void *)j->x, *g = (const T *)(const void *)j->g;
    T *out = (T *)(void *)j->out;
    const C *means = j->mean, *invstds = j->invstd, *weight = j->weight;
    const int64_t s = j->s;
    double count = (double)(j->n * s);
    for (int64_t u = begin; u < end; u++) {
        int64_t c0 = u * j->tile, w = nn_min(j->tile, j->c - c0), step = j->c * j->s;
        double sum[CHANNEL_TILE] = {0}, dot[CHANNEL_TILE] = {0};
        C scale[CHANNEL_TILE], shift[CHANNEL_TILE], slope[CHANNEL_TILE];
        if (j->s == 1)
            NAME(tile_sums)(j, c0, w, sum, dot);
        else
            for (int64_t r = 0; r < j->n; r++) {
                int64_t at = r * step + c0 * j->s;
                sum[0] += NAME(sum)(j->s, g + at);
                dot[0] += NAME(dot)(j->s, g + at, x + at, means[c0]);
            }
        for (int64_t i = 0; i < w; i++) {
            C invstd = invstds[c0 + i];
            ((C *)j->grad_weight)[c0 + i] = (C)(dot[i] * (double)invstd);
            ((C *)j->grad_bias)[c0 + i] = (C)sum[i];
            scale[i] = invstd * (weight != NULL ? weight[c0 + i] : 1);
            shift[i] = j->training ? (C)(sum[i] / count) : 0;
            slope[i] = j->training ? (C)(dot[i] * (double)invstd * (double)invstd / count) : 0;
        }
        for (int64_t r = 0; r < j->n; r++) {
            int64_t at = r * step + c0 * j->s;
            const T *restrict p = x + at, *restrict q = g + at;
            T *restrict o = out + at;
            const C mean = means[c0], scale0 = scale[0], shift0 = shift[0], slope0 = slope[0];
            if (s == 1)
                for (int64_t i = 0; i < w; i++)
                    o[i] = (T)STORE(scale[i] * ((C)LOAD(q[i]) - shift[i] -
                                                ((C)LOAD(p[i]) - means[c0 + i]) * slope[i]));
            else
                for (int64_t i = 0; i < s; i++)
                    o[i] = (T)STORE(scale0 *
                                    ((C)LOAD(q[i]) - shift0 - ((C)LOAD(p[i]) - mean) * slope0));
        }
    }
    return 0;
}

/* --- group_norm: (n, groups) rows of k channels of s
 * ------------------------------------------------ */

static int NAME(group)(void *ctx, int64_t begin, int64_t end) {
    const struct groups_job *j = ctx;
    const C *w = j->weight, *b = j->bias;
    const int64_t channels = j->k, s = j->s, len = channels * s;
    for (int64_t r = begin; r < end; r++) {
        const T *restrict x = (const T *)(const void *)j->x + r * len;
        T *restrict o = (T *)(void *)j->out + r * len;
        C mean = (C)(NAME(sum)(len, x) / (double)len);
        C rstd = (C)(1 / sqrt(NAME(squares)(len, x, mean) / (double)len + j->eps));
        ((C *)j->mean)[r] = j->narrow ? (C)LOAD((T)STORE(mean)) : mean;
        ((C *)j->rstd)[r] = j->narrow ? (C)LOAD((T)STORE(rstd)) : rstd;
        const int64_t c0 = r % j->groups * channels;
        /* of nothing there may be any number */
        for (int64_t k = 0; k < channels && s > 0; k++, x += s, o += s) {
            const C scale = rstd * (w != NULL ? w[c0 + k] : 1);
            const C shift = (b != NULL ? b[c0 + k] : 0) - mean * scale;
            for (int64_t i = 0; i < s; i++)
                o[i] = (T)STORE((C)LOAD(x[i]) * scale + shift);
        }
    }
    return 0;
}

/* Per (sample, channel): sums of g and of g * (x - mean), kept in `sums`; then the row's gradient.
 */
static int NAME(group_back)(void *ctx, int64_t begin, int64_t end) {
    const struct groups_job *j = ctx;
    const C *w = j->weight;
    const int64_t channels = j->k, s = j->s, len = channels * s;
    for (int64_t r = begin; r < end; r++) {
        const T *restrict x = (const T *)(const void *)j->x + r * len;
        const T *restrict g = (const T *)(const void *)j->g + r * len;
        T *restrict o = (T *)(void *)j->out + r * len;
        C mean = ((C *)j->mean)[r], rstd = ((C *)j->rstd)[r];
        double *sums = j->sums + 2 * r * channels, a = 0, b = 0;
        const int64_t c0 = r % j->groups * channels;
        for (int64_t k = 0; k < channels; k++) {
            double wk = w != NULL ? (double)w[c0 + k] : 1;
            sums[2 * k] = NAME(sum)(s, g + k * s);
            sums[2 * k + 1] = NAME(dot)(s, g + k * s, x + k * s, mean) * (double)rstd;
            a += sums[2 * k] * wk;
            b += sums[2 * k + 1] * wk;
        }
        C shift = (C)(a / (double)len), slope = (C)(b * (double)rstd / (double)len);
        for (int64_t k = 0; k < channels; k++, x += s, g += s, o += s) {
            const C wk = w != NULL ? w[c0 + k] : 1;
            for (int64_t i = 0; i < s; i++)
                o[i] =
                    (T)STORE(rstd * ((C)LOAD(g[i]) * wk - shift - ((C)LOAD(x[i]) - mean) * slope));
        }
    }
    return 0;
}

static void NAME(group_join)(const struct groups_job *j, int64_t rows) {
    for (int64_t c = 0; c < j->groups * j->k; c++) {
        double gb = 0, gw = 0;
        for (int64_t r = c / j->k; r < rows; r += j->groups) {
            gb += j->sums[2 * (r * j->k + c % j->k)];
            gw += j->sums[2 * (r * j->k + c % j->k) + 1];
        }
        ((C *)j->grad_weight)[c] = (C)gw;
        ((C *)j->grad_bias)[c] = (C)gb;
    }
}

#undef T
#undef C
#undef LOAD
#undef STORE
#undef NAME
