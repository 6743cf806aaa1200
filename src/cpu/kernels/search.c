/* searchsorted (and bucketize, which is one) and histc. */
#include "order.h"

#include "../../gen/ops.h"

#include <string.h>

/* One row of boundaries for all values, or one for each row of them. */
struct search {
    const char *boundaries, *values;
    const int64_t *sorter; /* NULL: in order as they are */
    int64_t n, width;      /* boundaries a row; values a row */
    bool shared, right;
    char *out;
    bool narrow; /* int32 out */
};

/* How many boundaries stand before the value: those less, or with `right` not greater. NaN stands
 * behind all. Halving without branches on the data. */
#define SEARCH(T)                                                                                  \
    static int search_##T(void *ctx, int64_t begin, int64_t end) {                                 \
        const struct search *s = ctx;                                                              \
        for (int64_t i = begin; i < end; i++) {                                                    \
            int64_t row = s->shared ? 0 : i / s->width * s->n, base = 0, n = s->n;                 \
            const T *b = (const T *)(const void *)s->boundaries + row;                             \
            const int64_t *sorter = s->sorter == NULL ? NULL : s->sorter + row;                    \
            T x = ((const T *)(const void *)s->values)[i];                                         \
            while (n > 0) {                                                                        \
                int64_t half = n / 2, at = base + half;                                            \
                T y = b[sorter == NULL ? at : sorter[at]];                                         \
                bool before = s->right ? !(y > x) : !(y >= x);                                     \
                base = before ? at + 1 : base;                                                     \
                n = before ? n - half - 1 : half;                                                  \
            }                                                                                      \
            if (s->narrow)                                                                         \
                ((int32_t *)(void *)s->out)[i] = (int32_t)base;                                    \
            else                                                                                   \
                ((int64_t *)(void *)s->out)[i] = base;                                             \
        }                                                                                          \
        return 0;                                                                                  \
    }
SEARCH(uint8_t)
SEARCH(uint16_t)
SEARCH(uint32_t)
SEARCH(uint64_t)
SEARCH(int8_t)
SEARCH(int16_t)
SEARCH(int32_t)
SEARCH(int64_t)
SEARCH(float)
SEARCH(double)

static fac__range_fn *const searches[FAC_NUM_DTYPES] = {
    [FAC_UINT8] = search_uint8_t,   [FAC_UINT16] = search_uint16_t, [FAC_UINT32] = search_uint32_t,
    [FAC_UINT64] = search_uint64_t, [FAC_INT8] = search_int8_t,     [FAC_INT16] = search_int16_t,
    [FAC_INT32] = search_int32_t,   [FAC_INT64] = search_int64_t,   [FAC_FLOAT32] = search_float,
    [FAC_FLOAT64] = search_double,
};

static int check_sorter(const fac_tensor *sorter, int64_t n) {
    const int64_t *at = (const int64_t *)(void *)sorter->data;
    bool fits = true;
    for (int64_t i = 0; i < sorter->numel; i++)
        fits &= at[i] >= 0 && at[i] < n;
    return fits ? 0
                : fac__fail(FAC_ERROR_RUNTIME, "torch.searchsorted(): sorter index out of range");
}

static int searchsorted(const void *args, fac_tensor **out) {
    const struct fac__searchsorted_args *a = args;
    fac__promotion p = {0};
    fac__promote_add(&p, a->sorted_sequence);
    fac__promote_add(&p, a->input);
    fac_dtype dtype = fac__opmath(fac__promoted(&p));
    fac_tensor *b = fac__cast(a->sorted_sequence, dtype), *x = fac__cast(a->input, dtype);
    fac_tensor *sorter = a->sorter == NULL ? NULL : fac__contiguous(a->sorter);
    int64_t n = a->sorted_sequence->sizes[a->sorted_sequence->ndim - 1];
    int r = b == NULL || x == NULL || (a->sorter != NULL && sorter == NULL) ? -1 : 0;
    if (r == 0 && sorter != NULL)
        r = check_sorter(sorter, n);
    if (r == 0) {
        struct search s = {.boundaries = b->data,
                           .values = x->data,
                           .sorter = sorter == NULL ? NULL : (int64_t *)(void *)sorter->data,
                           .n = n,
                           .width = x->ndim == 0 ? 1 : x->sizes[x->ndim - 1],
                           .shared = b->ndim == 1,
                           .right = a->right || (a->side != NULL && a->side[0] == 'r'),
                           .out = out[0]->data,
                           .narrow = a->out_int32};
        r = fac__parallel_for(x->numel, 4096, searches[dtype], &s);
    }
    fac__release(b);
    fac__release(x);
    fac__release(sorter);
    return r;
}

/* --- histc ----------------------------------------------------------------------------------- */

#define HISTOGRAM(T)                                                                               \
    static void histogram_##T(const T *x, int64_t n, T *count, int64_t bins, double least,         \
                              double most) {                                                       \
        T low = (T)least, high = (T)most;                                                          \
        for (int64_t i = 0; i < n; i++) {                                                          \
            if (!(x[i] >= low && x[i] <= high))                                                    \
                continue;                                                                          \
            int64_t at = (int64_t)((x[i] - low) / (high - low) * (T)bins);                         \
            count[at == bins ? bins - 1 : at] += 1;                                                \
        }                                                                                          \
    }
HISTOGRAM(float)
HISTOGRAM(double)

static int find_ends(const fac_tensor *x, double *low, double *high) {
    if (x->numel == 0)
        return 0;
    bool nan = false;
    for (int64_t i = 0; i < x->numel; i++) {
        double v = x->dtype == FAC_FLOAT32 ? ((const float *)(void *)x->data)[i]
                                           : ((const double *)(void *)x->data)[i];
        *low = i == 0 || v < *low ? v : *low;
        *high = i == 0 || v > *high ? v : *high;
        nan |= v != v;
    }
    if (nan)
        *low = *high = -__builtin_nan("");
    return 0;
}

static int histc(const void *args, fac_tensor **out) {
    const struct fac__histc_args *a = args;
    double low = fac__scalar_double(a->min), high = fac__scalar_double(a->max);
    fac_dtype dtype = fac__opmath((fac_dtype)a->input->dtype);
    fac_tensor *x = fac__cast(a->input, dtype), *count = NULL;
    int r = x == NULL ? -1 : 0;
    if (r == 0 && low == high)
        r = find_ends(x, &low, &high);
    if (r == 0 && !(__builtin_isfinite(low) && __builtin_isfinite(high)))
        r = fac__fail(FAC_ERROR_RUNTIME, "torch.histc: range of [%g, %g] is not finite", low, high);
    if (r == 0 && low == high) {
        low -= 1;
        high += 1;
    }
    if (r == 0 && !(low < high))
        r = fac__fail(FAC_ERROR_RUNTIME, "torch.histc: max must be larger than min");
    if (r == 0) {
        count = fac__empty(1, &a->bins, NULL, dtype, fac_cpu());
        r = count == NULL ? -1 : 0;
    }
    if (r == 0) {
        memset(count->data, 0, fac__itemsize(count->dtype) * (size_t)a->bins);
        if (dtype == FAC_FLOAT32)
            histogram_float((float *)(void *)x->data, x->numel, (float *)(void *)count->data,
                            a->bins, low, high);
        else
            histogram_double((double *)(void *)x->data, x->numel, (double *)(void *)count->data,
                             a->bins, low, high);
        r = fac__copy_into(out[0], count);
    }
    fac__release(x);
    fac__release(count);
    return r;
}

static const fac__kernel_row rows[] = {{"searchsorted", searchsorted}, {"histc", histc}, {0}};
const fac__family FAC__K(fac__family_search) = {NULL, rows};
