/* unique, unique_consecutive and bincount: equal elements found by their order keys, or by counting
 * where integers lie close together. */
#include "order.h"

#include "../../gen/ops.h"

#include <string.h>

/* What is grouped: n elements, or n rows of `width` elements. */
struct group {
    uint8_t dtype;
    int64_t n, width;
    const char *in;
    void *keys;
    bool wide;
    uint64_t nan; /* its key, where can_nan */
    bool can_nan;
    bool inverse, counts;
    int64_t *order; /* places group by group; NULL: as they stand */
    uint8_t *fresh; /* whether entry i of the order begins a group */
};

static fac_tensor *vector(int64_t n, fac_dtype dtype) {
    return fac__empty(1, &n, NULL, dtype, fac_cpu());
}

static uint64_t key(const struct group *g, int64_t row, int64_t column) {
    return order_key_at(g->keys, g->wide, row * g->width + column);
}

/* -1, 0, 1 by the first column that differs from `from` on. */
static int compare(const struct group *g, int64_t a, int64_t b, int64_t from) {
    if (g->wide) {
        const uint64_t *k = g->keys, *x = k + a * g->width, *y = k + b * g->width;
        for (int64_t i = from; i < g->width; i++)
            if (x[i] != y[i])
                return x[i] < y[i] ? -1 : 1;
    } else {
        const uint32_t *k = g->keys, *x = k + a * g->width, *y = k + b * g->width;
        for (int64_t i = from; i < g->width; i++)
            if (x[i] != y[i])
                return x[i] < y[i] ? -1 : 1;
    }
    return 0;
}

/* No NaN equals anything. */
static bool same(const struct group *g, int64_t a, int64_t b) {
    if (g->width == 1) {
        uint64_t k = key(g, a, 0);
        return k == key(g, b, 0) && !(g->can_nan && k == g->nan);
    }
    if (compare(g, a, b, 0) != 0)
        return false;
    for (int64_t i = 0; g->can_nan && i < g->width; i++)
        if (key(g, a, i) == g->nan)
            return false;
    return true;
}

static int64_t place(const struct group *g, int64_t i) {
    return g->order == NULL ? i : g->order[i];
}

static void mark(const struct group *g) {
    for (int64_t i = 0; i < g->n; i++)
        g->fresh[i] = i == 0 || !same(g, place(g, i - 1), place(g, i));
}

/* Rows that agree in their first column, merged by the others: bottom up, keeping their order. */
static void merge_rows(const struct group *g, int64_t *a, int64_t *t, int64_t n) {
    int64_t *from = a, *to = t;
    for (int64_t w = 1; w < n; w *= 2) {
        for (int64_t s = 0; s < n; s += 2 * w) {
            int64_t m = s + w < n ? s + w : n, e = s + 2 * w < n ? s + 2 * w : n;
            int64_t i = s, j = m;
            for (int64_t k = s; k < e; k++)
                to[k] = j >= e || (i < m && compare(g, from[i], from[j], 1) <= 0) ? from[i++]
                                                                                  : from[j++];
        }
        int64_t *x = from;
        from = to;
        to = x;
    }
    if (from != a)
        memcpy(a, from, sizeof *a * (size_t)n);
}

/* Fills g->order by key; words has 2 n. */
static int order_group(const struct group *g, uint64_t *words) {
    struct fac__ranking r;
    const void *first = g->keys;
    if (g->width != 1) { /* the first column, side by side, in the place of the order */
        for (int64_t i = 0; i < g->n; i++)
            if (g->wide)
                ((uint64_t *)g->order)[i] = key(g, i, 0);
            else
                ((uint32_t *)g->order)[i] = (uint32_t)key(g, i, 0);
        first = g->order;
    }
    if (FAC__K(fac__rank)(first, g->wide, g->n, words, &r) != 0)
        return -1;
    for (int64_t i = 0; i < g->n; i++)
        g->order[i] = order_place(&r, i);
    for (int64_t i = 0, j; g->width != 1 && i < g->n; i = j) {
        uint64_t k = key(g, g->order[i], 0);
        for (j = i + 1; j < g->n && key(g, g->order[j], 0) == k; j++)
            ;
        if (j - i > 1)
            merge_rows(g, g->order + i, (int64_t *)words, j - i);
    }
    return 0;
}

/* The results from order and fresh: the groups' first members, each place's group, their sizes. */
static int emit(const struct group *g, int64_t groups, char *values, fac_tensor *inverse,
                fac_tensor *counts) {
    size_t bytes = fac__itemsize(g->dtype) * (size_t)g->width;
    int64_t *to = inverse == NULL ? NULL : (int64_t *)(void *)inverse->data;
    int64_t *count = counts == NULL ? NULL : (int64_t *)(void *)counts->data;
    if (count != NULL)
        memset(count, 0, sizeof *count * (size_t)groups);
    int64_t now = -1;
    for (int64_t i = 0; i < g->n; i++) {
        int64_t p = place(g, i);
        if (g->fresh[i]) {
            now++;
            memcpy(values + (size_t)now * bytes, g->in + (size_t)p * bytes, bytes);
        }
        if (to != NULL)
            to[p] = now;
        if (count != NULL)
            count[now]++;
    }
    return 0;
}

/* --- integers that lie close together -------------------------------------------------------- */

static bool close_range(const struct group *g, uint64_t *low, uint64_t *range) {
    uint64_t high;
    if (g->can_nan || g->n == 0 || g->n > UINT32_MAX)
        return false;
    if (g->wide) {
        const uint64_t *k = g->keys;
        *low = high = k[0];
        for (int64_t i = 0; i < g->n; i++) {
            *low = k[i] < *low ? k[i] : *low;
            high = k[i] > high ? k[i] : high;
        }
    } else {
        const uint32_t *k = g->keys;
        uint32_t a = k[0], b = k[0];
        for (int64_t i = 0; i < g->n; i++) {
            a = k[i] < a ? k[i] : a;
            b = k[i] > b ? k[i] : b;
        }
        *low = a;
        high = b;
    }
    *range = high - *low;
    return *range < (uint64_t)g->n * 2 + 256;
}

/* A table of the range: first how often each key comes, then which group it is. */
static int count_close(const struct group *g, uint64_t low, uint64_t range, fac_tensor **out,
                       fac_tensor *shape) {
    size_t bytes = sizeof(uint32_t) * (size_t)(range + 1);
    uint32_t *table = fac__alloc(bytes);
    if (table == NULL)
        return -1;
    memset(table, 0, bytes);
    int64_t groups = 0;
    for (int64_t i = 0; i < g->n; i++)
        table[order_key_at(g->keys, g->wide, i) - low]++;
    for (uint64_t k = 0; k <= range; k++)
        groups += table[k] != 0;
    out[0] = vector(groups, (fac_dtype)g->dtype);
    out[1] = g->inverse ? fac__empty(shape->ndim, shape->sizes, NULL, FAC_INT64, fac_cpu())
                        : vector(0, FAC_INT64);
    out[2] = vector(g->counts ? groups : 0, FAC_INT64);
    if (out[0] == NULL || out[1] == NULL || out[2] == NULL) {
        fac__free(table, bytes);
        return -1;
    }
    /* a signed key is the value with its sign bit flipped, whatever its width */
    size_t item = fac__itemsize(g->dtype);
    uint64_t sign =
        g->dtype >= FAC_INT8 && g->dtype <= FAC_INT64 ? (uint64_t)1 << (8 * item - 1) : 0;
    int64_t *count = (int64_t *)(void *)out[2]->data;
    uint32_t now = 0;
    for (uint64_t k = 0; k <= range; k++) {
        if (table[k] == 0)
            continue;
        uint64_t value = (low + k) ^ sign;
        switch (item) {
        case 1:
            ((uint8_t *)out[0]->data)[now] = (uint8_t)value;
            break;
        case 2:
            ((uint16_t *)(void *)out[0]->data)[now] = (uint16_t)value;
            break;
        case 4:
            ((uint32_t *)(void *)out[0]->data)[now] = (uint32_t)value;
            break;
        default:
            ((uint64_t *)(void *)out[0]->data)[now] = value;
        }
        if (g->counts)
            count[now] = table[k];
        table[k] = now++;
    }
    int64_t *to = (int64_t *)(void *)out[1]->data;
    for (int64_t i = 0; g->inverse && i < g->n; i++)
        to[i] = table[order_key_at(g->keys, g->wide, i) - low];
    fac__free(table, bytes);
    return 0;
}

/* --- the ops --------------------------------------------------------------------------------- */

/* Makes the outputs of n elements, or of rows along `dim` where it is not -1. */
static int make_outputs(const struct group *g, fac_tensor *input, int dim, fac_tensor **out) {
    int64_t groups = 0, sizes[FAC_MAX_DIMS];
    for (int64_t i = 0; i < g->n; i++)
        groups += g->fresh[i];
    out[1] = !g->inverse ? vector(0, FAC_INT64)
             : dim < 0   ? fac__empty(input->ndim, input->sizes, NULL, FAC_INT64, fac_cpu())
                         : vector(g->n, FAC_INT64);
    out[2] = vector(g->counts ? groups : 0, FAC_INT64);
    if (out[1] == NULL || out[2] == NULL)
        return -1;
    fac_tensor *inverse = g->inverse ? out[1] : NULL, *counts = g->counts ? out[2] : NULL;
    if (dim < 0) {
        out[0] = vector(groups, (fac_dtype)g->dtype);
        return out[0] == NULL ? -1 : emit(g, groups, out[0]->data, inverse, counts);
    }
    memcpy(sizes, input->sizes, sizeof(int64_t) * (size_t)input->ndim);
    sizes[dim] = groups;
    out[0] = fac__empty(input->ndim, sizes, NULL, (fac_dtype)g->dtype, fac_cpu());
    if (out[0] == NULL)
        return -1;
    int64_t moved[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    moved[0] = groups;
    strides[0] = out[0]->strides[dim];
    for (int d = 0, n = 1; d < input->ndim; d++)
        if (d != dim) {
            moved[n] = sizes[d];
            strides[n++] = out[0]->strides[d];
        }
    fac_tensor *rows = fac__empty(input->ndim, moved, NULL, (fac_dtype)g->dtype, fac_cpu());
    fac_tensor *view = fac__alias(out[0], input->ndim, moved, strides, out[0]->offset);
    int r = rows == NULL || view == NULL ? -1 : emit(g, groups, rows->data, inverse, counts);
    if (r == 0)
        r = fac__copy_into(view, rows);
    fac__release(rows);
    fac__release(view);
    return r;
}

/* input with `dim` in front, contiguous; as it is for -1. */
static fac_tensor *rows_of(fac_tensor *input, int dim) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    if (dim < 0)
        return fac__contiguous(input);
    sizes[0] = input->sizes[dim];
    strides[0] = input->strides[dim];
    for (int d = 0, n = 1; d < input->ndim; d++)
        if (d != dim) {
            sizes[n] = input->sizes[d];
            strides[n++] = input->strides[d];
        }
    fac_tensor *moved = fac__alias(input, input->ndim, sizes, strides, input->offset);
    if (moved == NULL)
        return NULL;
    fac_tensor *rows = fac__contiguous(moved);
    fac__release(moved);
    return rows;
}

static int run(fac_tensor *input, int dim, bool consecutive, bool inverse, bool counts,
               fac_tensor **out) {
    fac_tensor *rows = rows_of(input, dim);
    if (rows == NULL)
        return -1;
    struct group g = {.dtype = input->dtype,
                      .in = rows->data,
                      .wide = order_wide(input->dtype),
                      .nan = order_nan_key(input->dtype),
                      .can_nan = order_is_float(input->dtype),
                      .inverse = inverse,
                      .counts = counts};
    g.n = dim < 0 ? input->numel : input->sizes[dim];
    g.width = dim < 0 || g.n == 0 ? 1 : input->numel / g.n;
    size_t keys = (order_key_size(g.dtype) * (size_t)rows->numel + 7) & ~(size_t)7;
    size_t n = (size_t)g.n, bytes = keys + 3 * sizeof(uint64_t) * n + n + 8;
    char *scratch = fac__alloc(bytes);
    int r = scratch == NULL ? -1 : 0;
    if (r == 0) {
        uint64_t *words = (uint64_t *)(void *)(scratch + keys), low, range;
        g.keys = scratch;
        g.order = consecutive ? NULL : (int64_t *)(words + 2 * n);
        g.fresh = (uint8_t *)(words + 3 * n);
        FAC__K(fac__order_keys)(g.dtype, g.in, rows->numel, false, g.keys);
        if (!consecutive && dim < 0 && close_range(&g, &low, &range)) {
            r = count_close(&g, low, range, out, input);
        } else {
            r = consecutive ? 0 : order_group(&g, words);
            if (r == 0) {
                mark(&g);
                r = make_outputs(&g, input, dim, out);
            }
        }
        fac__free(scratch, bytes);
    }
    fac__release(rows);
    for (int i = 0; r != 0 && i < 3; i++) {
        fac__release(out[i]);
        out[i] = NULL;
    }
    return r;
}

static int unique2(const void *args, fac_tensor **out) {
    const struct fac___unique2_args *a = args;
    return run(a->input, -1, false, a->return_inverse, a->return_counts, out);
}

static int unique_dim(const void *args, fac_tensor **out) {
    const struct fac__unique_dim_args *a = args;
    int dim = fac__wrap_dim(a->dim, a->input->ndim);
    return run(a->input, dim, false, a->return_inverse, a->return_counts, out);
}

static int unique_consecutive(const void *args, fac_tensor **out) {
    const struct fac__unique_consecutive_args *a = args;
    int dim = a->dim.given ? fac__wrap_dim(a->dim.value, a->input->ndim) : -1;
    return run(a->input, dim, true, a->return_inverse, a->return_counts, out);
}

/* --- bincount -------------------------------------------------------------------------------- */

static int find_bins(const int64_t *x, int64_t n, int64_t least, int64_t *bins) {
    int64_t low = 0, high = -1;
    for (int64_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    if (low < 0)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "bincount only supports 1-d non-negative integral inputs.");
    if (high == INT64_MAX)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "maximum value of input overflowed, it should be < %lld but got %lld",
                         (long long)INT64_MAX, (long long)high);
    *bins = high + 1 > least ? high + 1 : least;
    return 0;
}

/* Two tables, so that neighbours in the same bin need not wait for each other. */
static void count_bins(const int64_t *x, int64_t n, int64_t *count, int64_t bins) {
    enum { SMALL = 2048 };
    int64_t other[SMALL];
    int64_t i = 0;
    if (bins <= SMALL && n > bins) {
        memset(other, 0, sizeof *other * (size_t)bins);
        for (; i + 1 < n; i += 2) {
            count[x[i]]++;
            other[x[i + 1]]++;
        }
        for (int64_t k = 0; k < bins; k++)
            count[k] += other[k];
    }
    for (; i < n; i++)
        count[x[i]]++;
}

static int bincount(const void *args, fac_tensor **out) {
    const struct fac__bincount_args *a = args;
    fac_tensor *x = fac__cast(a->input, FAC_INT64), *weights = NULL;
    fac_dtype dtype = FAC_INT64;
    int64_t n = a->input->numel, bins = 0;
    int r = x == NULL ? -1 : 0;
    const int64_t *at = r == 0 ? (const int64_t *)(void *)x->data : NULL;
    if (r == 0)
        r = find_bins(at, n, a->minlength, &bins);
    if (r == 0 && a->weights != NULL && n > 0) {
        dtype = a->weights->dtype == FAC_FLOAT32 ? FAC_FLOAT32 : FAC_FLOAT64;
        weights = fac__cast(a->weights, dtype);
        r = weights == NULL ? -1 : 0;
    }
    if (r == 0) {
        out[0] = vector(bins, dtype);
        r = out[0] == NULL ? -1 : 0;
    }
    if (r == 0) {
        void *to = out[0]->data;
        memset(to, 0, fac__itemsize(out[0]->dtype) * (size_t)bins);
        if (weights == NULL)
            count_bins(at, n, to, bins);
        else if (dtype == FAC_FLOAT32)
            for (int64_t i = 0; i < n; i++)
                ((float *)to)[at[i]] += ((const float *)(void *)weights->data)[i];
        else
            for (int64_t i = 0; i < n; i++)
                ((double *)to)[at[i]] += ((const double *)(void *)weights->data)[i];
    }
    fac__release(x);
    fac__release(weights);
    return r;
}

static const fac__kernel_row rows[] = {{"_unique2", unique2},
                                       {"unique_dim", unique_dim},
                                       {"unique_consecutive", unique_consecutive},
                                       {"bincount", bincount},
                                       {0}};
const fac__family FAC__K(fac__family_unique) = {NULL, rows};
