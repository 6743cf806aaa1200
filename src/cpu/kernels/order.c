/* sort, topk, kthvalue, median, mode: every row by its order keys (order.h), rows in parallel. */
#include "order_ties.h"

#include "../../gen/ops.h"

#include <string.h>

enum { SPAN = 64 }; /* keys tested at once */

#define K uint32_t
#define NAME(x) x##_32
#include "order_select.h"
#undef K
#undef NAME
#define K uint64_t
#define NAME(x) x##_64
#include "order_select.h"
#undef K
#undef NAME

/* Rows of n elements side by side, and what is made of each: `count` results. */
struct work {
    uint8_t dtype;
    const char *in;
    int64_t rows, n, count;
    bool descending, ignore_nan;
    bool ties;     /* equal elements in PyTorch's order, see Note [Ties] */
    bool unsorted; /* topk's, as PyTorch leaves them */
    int64_t k;     /* kthvalue's, from 0; -1: the median's */
    char *values;
    int64_t *places;
};

/* Scratch of one piece of rows: keys, then words. */
struct scratch {
    size_t bytes;
    void *keys;
    uint64_t *words;
};

static int take_scratch(struct scratch *s, const struct work *w, int64_t words) {
    size_t keys = (order_key_size(w->dtype) * (size_t)w->n + 7) & ~(size_t)7;
    s->bytes = keys + sizeof(uint64_t) * (size_t)words + 8;
    s->keys = fac__alloc(s->bytes);
    s->words = (uint64_t *)(void *)((char *)s->keys + keys);
    return s->keys == NULL ? -1 : 0;
}

static struct work work_on(fac_tensor *rows, fac_tensor *values, fac_tensor *places) {
    struct work w = {.dtype = rows->dtype, .in = rows->data};
    w.n = rows->sizes[rows->ndim - 1];
    w.rows = w.n == 0 ? 0 : rows->numel / w.n;
    w.values = values->data;
    w.places = (int64_t *)(void *)places->data;
    return w;
}

/* Rows a piece: some thousands of elements. */
static int64_t grain(const struct work *w) {
    int64_t rows = 8192 / (w->n > 0 ? w->n : 1);
    return rows > 0 ? rows : 1;
}

/* --- sort and topk --------------------------------------------------------------------------- */

static int emit(const struct work *w, const char *in, int64_t row) {
    size_t item = fac__itemsize(w->dtype);
    FAC__K(fac__order_fetch)
    (in, w->places + row * w->count, w->count, item, w->values + (size_t)(row * w->count) * item);
    return 0;
}

struct fetch {
    const struct work *w;
    const struct fac__ranking *ranking;
    const char *in;
    int64_t row;
};

static int fetch_ranked(void *ctx, int64_t begin, int64_t end) {
    const struct fetch *f = ctx;
    const struct work *w = f->w;
    size_t item = fac__itemsize(w->dtype);
    int64_t *places = w->places + f->row * w->count;
    for (int64_t i = begin; i < end; i++)
        places[i] = order_place(f->ranking, i);
    FAC__K(fac__order_fetch)
    (f->in, places + begin, end - begin, item,
     w->values + (size_t)(f->row * w->count + begin) * item);
    return 0;
}

struct key_range {
    const struct work *w;
    const char *in;
    char *keys;
};

static int make_keys(void *ctx, int64_t begin, int64_t end) {
    const struct key_range *r = ctx;
    size_t item = fac__itemsize(r->w->dtype), key = order_key_size(r->w->dtype);
    FAC__K(fac__order_keys)
    (r->w->dtype, r->in + (size_t)begin * item, end - begin, r->w->descending,
     r->keys + (size_t)begin * key);
    return 0;
}

enum { PIECE = 1 << 14 };

/* Short rows stay away from the pool. */
static int over(int64_t n, fac__range_fn *fn, void *ctx) {
    return n < PIECE ? fn(ctx, 0, n) : fac__parallel_for(n, PIECE, fn, ctx);
}

static bool equal_keys(const struct work *w, const void *keys, const struct fac__ranking *r,
                       int64_t i, int64_t j) {
    if (r->exact)
        return (r->at[i] ^ r->at[j]) >> r->bits == 0;
    return order_key_at(keys, order_wide(w->dtype), order_place(r, i)) ==
           order_key_at(keys, order_wide(w->dtype), order_place(r, j));
}

static bool has_ties(const struct work *w, const void *keys, const struct fac__ranking *r) {
    bool tied = false;
    if (r->exact)
        for (int64_t i = 1; i < w->n; i++)
            tied |= (r->at[i] ^ r->at[i - 1]) >> r->bits == 0;
    else
        for (int64_t i = 1; i < w->n && !tied; i++)
            tied = equal_keys(w, keys, r, i, i - 1);
    return tied;
}

/* Words for Note [Ties]' algorithms, in original order. `words` has room for 3 n, of which those of
 * the ranking, if there is one, are the first; the result is the last third. */
static uint64_t *tie_words(const struct work *w, const void *keys, const struct fac__ranking *given,
                           uint64_t *words) {
    uint64_t *to = words + 2 * w->n, rank = 0;
    struct fac__ranking r;
    if (!order_wide(w->dtype)) {
        const uint32_t *key = keys;
        for (int64_t i = 0; i < w->n; i++)
            to[i] = (uint64_t)key[i] << 32 | (uint64_t)i;
        return to;
    }
    if (given != NULL)
        r = *given;
    else if (FAC__K(fac__rank)(keys, true, w->n, words, &r) != 0)
        return NULL;
    for (int64_t i = 0; i < w->n; i++) {
        if (i > 0 && !equal_keys(w, keys, &r, i, i - 1))
            rank = (uint64_t)i;
        to[order_place(&r, i)] = rank << 32 | (uint64_t)order_place(&r, i);
    }
    return to;
}

/* Sorts whole rows, of which the first `count` are wanted. */
static int sort_rows(void *ctx, int64_t begin, int64_t end) {
    const struct work *w = ctx;
    struct scratch s;
    bool ties = w->ties && w->n > 16 && w->n <= FAC__TIES_LIMIT;
    if (take_scratch(&s, w, ties ? 3 * w->n : 2 * w->n) != 0)
        return -1;
    int r = 0;
    for (int64_t row = begin; row < end && r == 0; row++) {
        const char *in = w->in + (size_t)(row * w->n) * fac__itemsize(w->dtype);
        struct key_range k = {w, in, s.keys};
        struct fac__ranking ranking;
        over(w->n, make_keys, &k);
        r = FAC__K(fac__rank)(s.keys, order_wide(w->dtype), w->n, s.words, &ranking);
        if (r == 0 && ties && has_ties(w, s.keys, &ranking)) {
            uint64_t *v = tie_words(w, s.keys, &ranking, s.words);
            FAC__K(fac__ties_sort)(v, w->n);
            ranking = (struct fac__ranking){v, UINT32_MAX, 32, false};
        }
        struct fetch f = {w, &ranking, in, row};
        if (r == 0)
            over(w->count, fetch_ranked, &f);
    }
    fac__free(s.keys, s.bytes);
    return r;
}

enum { FEW = 16 };

/* topk's results in PyTorch's order of equal elements, by the algorithms it chooses. */
static int tied_top(const struct work *w, const void *keys, uint64_t *words, int64_t *places) {
    uint64_t *v = tie_words(w, keys, NULL, words);
    if (v == NULL)
        return -1;
    if (w->count * 64 <= w->n) {
        FAC__K(fac__ties_partial_sort)(v, w->count, w->n);
    } else {
        FAC__K(fac__ties_select)(v, w->count - 1, w->n);
        if (!w->unsorted)
            FAC__K(fac__ties_sort)(v, w->count - 1);
    }
    for (int64_t i = 0; i < w->count; i++)
        places[i] = (int64_t)(v[i] & UINT32_MAX);
    return 0;
}

/* The first places of a row in order, and one more where there is one, so that equal keys show:
 * returns whether there are any. places has room for it. */
static int find_top(const struct work *w, const struct scratch *s, int64_t room, int64_t *places,
                    bool *tied) {
    uint64_t best[FEW + 1], *found = w->count <= FEW ? best : s->words + room;
    bool wide = order_wide(w->dtype);
    int64_t have = w->count < w->n ? w->count + 1 : w->count;
    int r = 0;
    if (w->count <= FEW && wide)
        few_smallest_64(s->keys, w->n, have, found, places);
    else if (w->count <= FEW)
        few_smallest_32(s->keys, w->n, have, (uint32_t *)found, places);
    else if (wide)
        r = many_smallest_64(s->keys, w->n, have, room, found, places, s->words + 2 * room);
    else
        r = many_smallest_32(s->keys, w->n, have, room, (uint32_t *)found, places,
                             s->words + 2 * room);
    *tied = false;
    for (int64_t i = 1; i < have; i++)
        *tied |= order_key_at(found, wide, i) == order_key_at(found, wide, i - 1);
    return r;
}

static int top_rows(void *ctx, int64_t begin, int64_t end) {
    const struct work *w = ctx;
    struct scratch s;
    int64_t found[FEW + 1], room = 2 * w->count + 256;
    bool few = w->count <= FEW, ties = w->ties && w->n <= FAC__TIES_LIMIT, tied;
    bool always = w->unsorted && w->count * 64 > w->n;
    int64_t words = few ? 0 : 4 * room;
    if (take_scratch(&s, w, ties && words < 3 * w->n ? 3 * w->n : words) != 0)
        return -1;
    int r = 0;
    for (int64_t row = begin; row < end && r == 0; row++) {
        const char *in = w->in + (size_t)(row * w->n) * fac__itemsize(w->dtype);
        int64_t *places = few ? found : (int64_t *)s.words;
        FAC__K(fac__order_keys)(w->dtype, in, w->n, w->descending, s.keys);
        r = find_top(w, &s, room, places, &tied);
        if (r == 0)
            memcpy(w->places + row * w->count, places, sizeof *places * (size_t)w->count);
        if (r == 0 && ties && (always || tied))
            r = tied_top(w, s.keys, s.words, w->places + row * w->count);
        if (r == 0)
            emit(w, in, row);
    }
    fac__free(s.keys, s.bytes);
    return r;
}

/* topk of a good part of a row: sorts it. */
static int large_rows(void *ctx, int64_t begin, int64_t end) {
    const struct work *w = ctx;
    struct work sorting = *w;
    struct scratch s;
    sorting.ties = false;
    if (!w->ties || w->n > FAC__TIES_LIMIT)
        return sort_rows(&sorting, begin, end);
    if (take_scratch(&s, w, 3 * w->n) != 0)
        return -1;
    int r = 0;
    for (int64_t row = begin; row < end && r == 0; row++) {
        const char *in = w->in + (size_t)(row * w->n) * fac__itemsize(w->dtype);
        struct fac__ranking k;
        int64_t *places = w->places + row * w->count;
        FAC__K(fac__order_keys)(w->dtype, in, w->n, w->descending, s.keys);
        if (!w->unsorted) {
            r = FAC__K(fac__rank)(s.keys, order_wide(w->dtype), w->n, s.words, &k);
            for (int64_t i = 0; i < w->count && r == 0; i++)
                places[i] = order_place(&k, i);
        }
        if (r == 0 && (w->unsorted || has_ties(w, s.keys, &k)))
            r = tied_top(w, s.keys, s.words, places);
        emit(w, in, row);
    }
    fac__free(s.keys, s.bytes);
    return r;
}

/* Runs over rows along `dim` with results of `count` a row, through dense rows of their own where
 * the outputs' rows aren't. */
static int run_rows(fac_tensor *input, int dim, struct work set, fac__range_fn *fn,
                    fac_tensor **out) {
    fac_tensor *rows = FAC__K(fac__order_rows)(input, dim), *to[2] = {NULL, NULL};
    fac_tensor *moved[2] = {NULL, NULL};
    int r = rows == NULL ? -1 : 0;
    for (int i = 0; i < 2 && r == 0; i++) {
        moved[i] = FAC__K(fac__order_moved)(out[i], dim);
        if (moved[i] == NULL)
            r = -1;
        else if (moved[i]->features & FAC__CONTIGUOUS)
            to[i] = fac__retain(moved[i]);
        else
            to[i] = fac__empty(moved[i]->ndim, moved[i]->sizes, NULL, (fac_dtype)moved[i]->dtype,
                               moved[i]->device);
        if (to[i] == NULL)
            r = -1;
    }
    if (r == 0) {
        struct work w = work_on(rows, to[0], to[1]);
        w.count = set.count;
        w.descending = set.descending;
        w.ties = set.ties;
        w.unsorted = set.unsorted;
        r = fac__parallel_for(w.count > 0 ? w.rows : 0, grain(&w), fn, &w);
    }
    for (int i = 0; i < 2; i++) {
        if (r == 0 && to[i]->data != moved[i]->data)
            r = fac__copy_into(moved[i], to[i]);
        fac__release(moved[i]);
        fac__release(to[i]);
    }
    fac__release(rows);
    return r;
}

static int sort_along(fac_tensor *input, int64_t along, bool descending, bool ties,
                      fac_tensor **out) {
    int dim = fac__wrap_dim(along, input->ndim);
    struct work w = {
        .count = input->ndim == 0 ? 1 : input->sizes[dim], .descending = descending, .ties = ties};
    return run_rows(input, dim, w, sort_rows, out);
}

static int sort(const void *args, fac_tensor **out) {
    const struct fac__sort_args *a = args;
    return sort_along(a->input, a->dim, a->descending, true, out);
}

static int sort_stable(const void *args, fac_tensor **out) {
    const struct fac__sort_stable_args *a = args;
    return sort_along(a->input, a->dim, a->descending, a->stable != FAC_TRUE, out);
}

static int topk(const void *args, fac_tensor **out) {
    const struct fac__topk_args *a = args;
    int dim = fac__wrap_dim(a->dim, a->input->ndim);
    int64_t n = a->input->ndim == 0 ? 1 : a->input->sizes[dim];
    struct work w = {.count = a->input->ndim == 0 ? 1 : a->k,
                     .descending = a->largest,
                     .ties = true,
                     .unsorted = !a->sorted};
    bool whole = w.count > FEW && w.count > n / 8;
    return run_rows(a->input, dim, w, whole ? large_rows : top_rows, out);
}

/* --- one element a row ----------------------------------------------------------------------- */

/* The first NaN's place among ascending keys, and how many there are. */
static int64_t find_nan(const struct work *w, const void *keys, int64_t *count) {
    int64_t first = -1;
    *count = 0;
    if (!order_is_float(w->dtype))
        return -1;
    uint64_t nan = order_nan_key(w->dtype);
    int64_t found = 0;
    if (order_wide(w->dtype))
        for (int64_t i = 0; i < w->n; i++)
            found += ((const uint64_t *)keys)[i] == nan;
    else
        for (int64_t i = 0; i < w->n; i++)
            found += ((const uint32_t *)keys)[i] == (uint32_t)nan;
    *count = found;
    for (int64_t i = 0; found > 0 && first < 0; i++)
        if (order_key_at(keys, order_wide(w->dtype), i) == nan)
            first = i;
    return first;
}

static int64_t pick(const struct work *w, const void *keys, void *work) {
    int64_t k = w->k;
    if (k < 0) { /* the median */
        int64_t nans, first = find_nan(w, keys, &nans);
        if (nans > 0 && (!w->ignore_nan || nans == w->n))
            return first;
        k = (w->n - nans - 1) / 2;
    }
    int64_t place = order_wide(w->dtype) ? select_place_64(keys, w->n, k, work)
                                         : select_place_32(keys, w->n, k, work);
    if (w->k < 0 || w->n > FAC__TIES_LIMIT)
        return place; /* of equal medians PyTorch names the one that a stable sort would */
    uint64_t key = order_key_at(keys, order_wide(w->dtype), place);
    int64_t same = 0;
    for (int64_t i = 0; i < w->n; i++)
        same += order_key_at(keys, order_wide(w->dtype), i) == key;
    uint64_t *v = same > 1 ? tie_words(w, keys, NULL, work) : NULL;
    if (v == NULL)
        return place;
    FAC__K(fac__ties_quickselect)(v, k, w->n);
    return (int64_t)(v[k] & UINT32_MAX);
}

static int pick_rows(void *ctx, int64_t begin, int64_t end) {
    const struct work *w = ctx;
    struct scratch s;
    size_t item = fac__itemsize(w->dtype);
    if (take_scratch(&s, w, w->k >= 0 ? 3 * w->n : w->n) != 0)
        return -1;
    for (int64_t row = begin; row < end; row++) {
        const char *in = w->in + (size_t)(row * w->n) * item;
        struct key_range k = {w, in, s.keys};
        over(w->n, make_keys, &k);
        int64_t place = pick(w, s.keys, s.words);
        if (w->places != NULL)
            w->places[row] = place;
        memcpy(w->values + (size_t)row * item, in + (size_t)place * item, item);
    }
    fac__free(s.keys, s.bytes);
    return 0;
}

/* The commonest element, of several the smallest, and its last place. */
static int64_t commonest(const struct work *w, const void *keys, const struct fac__ranking *r,
                         uint64_t *words) {
    bool wide = order_wide(w->dtype), can_nan = order_is_float(w->dtype);
    uint64_t nan = order_nan_key(w->dtype);
    int64_t most = 0, place = 0;
    for (int64_t i = 0; i < w->n;) {
        uint64_t key = order_key_at(keys, wide, order_place(r, i));
        int64_t j = i + 1;
        if (!can_nan || key != nan) /* no NaN equals another */
            while (j < w->n && order_key_at(keys, wide, order_place(r, j)) == key)
                j++;
        if (j - i > most) {
            most = j - i;
            place = order_place(r, j - 1);
        }
        i = j;
    }
    if (most < 2 || w->n <= 16 || w->n > FAC__TIES_LIMIT)
        return place;
    uint64_t *v = tie_words(w, keys, r, words), key = v[place] >> 32;
    FAC__K(fac__ties_sort)(v, w->n);
    for (int64_t i = w->n - 1;; i--)
        if (v[i] >> 32 == key)
            return (int64_t)(v[i] & UINT32_MAX);
}

static int mode_rows(void *ctx, int64_t begin, int64_t end) {
    const struct work *w = ctx;
    struct scratch s;
    size_t item = fac__itemsize(w->dtype);
    if (take_scratch(&s, w, 3 * w->n) != 0)
        return -1;
    int r = 0;
    for (int64_t row = begin; row < end && r == 0; row++) {
        const char *in = w->in + (size_t)(row * w->n) * item;
        struct fac__ranking ranking;
        FAC__K(fac__order_keys)(w->dtype, in, w->n, false, s.keys);
        r = FAC__K(fac__rank)(s.keys, order_wide(w->dtype), w->n, s.words, &ranking);
        if (r == 0) {
            w->places[row] = commonest(w, s.keys, &ranking, s.words);
            memcpy(w->values + (size_t)row * item, in + (size_t)w->places[row] * item, item);
        }
    }
    fac__free(s.keys, s.bytes);
    return r;
}

/* out are contiguous over the rows, whether the dimension is kept or not */
static int reduce_rows(fac_tensor *input, int dim, int64_t k, bool ignore_nan, fac__range_fn *fn,
                       fac_tensor **out) {
    fac_tensor *rows = FAC__K(fac__order_rows)(input, dim);
    if (rows == NULL)
        return -1;
    struct work w = work_on(rows, out[0], out[1]);
    w.k = k;
    w.ignore_nan = ignore_nan;
    int r = fac__parallel_for(out[0]->numel, grain(&w), fn, &w);
    fac__release(rows);
    return r;
}

static int kthvalue(const void *args, fac_tensor **out) {
    const struct fac__kthvalue_args *a = args;
    int dim = fac__wrap_dim(a->dim, a->input->ndim);
    return reduce_rows(a->input, dim, a->k - 1, false, pick_rows, out);
}

static int median_dim(const void *args, fac_tensor **out) {
    const struct fac__median_dim_args *a = args;
    int dim = fac__wrap_dim(a->dim, a->input->ndim);
    return reduce_rows(a->input, dim, -1, false, pick_rows, out);
}

static int nanmedian_dim(const void *args, fac_tensor **out) {
    const struct fac__nanmedian_dim_args *a = args;
    int dim = fac__wrap_dim(a->dim, a->input->ndim);
    return reduce_rows(a->input, dim, -1, true, pick_rows, out);
}

static int mode(const void *args, fac_tensor **out) {
    const struct fac__mode_args *a = args;
    int dim = fac__wrap_dim(a->dim, a->input->ndim);
    return reduce_rows(a->input, dim, 0, false, mode_rows, out);
}

static int median_all(fac_tensor *input, bool ignore_nan, fac_tensor *out) {
    if (input->numel == 0) /* NaN, and the smallest integer, as PyTorch's conversion gives it */
        return fac__fill_into(out, order_is_float(input->dtype)
                                       ? fac_float(__builtin_nan(""))
                                       : fac_int(input->dtype == FAC_INT64   ? INT64_MIN
                                                 : input->dtype == FAC_INT32 ? INT32_MIN
                                                                             : 0));
    fac_tensor *flat = fac__contiguous(input);
    if (flat == NULL)
        return -1;
    struct work w = {.dtype = input->dtype,
                     .in = flat->data,
                     .rows = 1,
                     .n = input->numel,
                     .k = -1,
                     .ignore_nan = ignore_nan,
                     .values = out->data};
    int r = pick_rows(&w, 0, 1);
    fac__release(flat);
    return r;
}

static int median(const void *args, fac_tensor **out) {
    return median_all(((const struct fac__median_args *)args)->input, false, out[0]);
}

static int nanmedian(const void *args, fac_tensor **out) {
    return median_all(((const struct fac__nanmedian_args *)args)->input, true, out[0]);
}

static const fac__kernel_row rows[] = {{"sort", sort},           {"sort_stable", sort_stable},
                                       {"topk", topk},           {"kthvalue", kthvalue},
                                       {"median", median},       {"median_dim", median_dim},
                                       {"nanmedian", nanmedian}, {"nanmedian_dim", nanmedian_dim},
                                       {"mode", mode},           {0}};
const fac__family FAC__K(fac__family_order) = {NULL, rows};
