/* Masks: finding what is not zero. Positions are counted in blocks of fixed size first, so that the
 * blocks can then be written side by side. */
#include <facula/backend.h>

#include <string.h>

#include "../../core/iterate.h"
#include "../../gen/ops.h"

enum { MASK_BLOCK = 16384 };

/* One byte an element: whether it is not zero, row-major; t itself where it already is that. */
static fac_tensor *truth_of(fac_tensor *t) {
    if (t->dtype == FAC_UINT8)
        return fac__contiguous(t);
    return fac__cast(t, FAC_BOOL);
}

static int64_t count_bytes(const uint8_t *m, int64_t n) {
    enum { LANES = 64 };
    int64_t total = 0, i = 0;
    while (n - i >= LANES) {
        uint8_t sum[LANES] = {0}; /* of at most 255 zeros and ones each */
        int64_t rounds = (n - i) / LANES;
        rounds = rounds < 255 ? rounds : 255;
        for (int64_t r = 0; r < rounds; r++, i += LANES)
            for (int k = 0; k < LANES; k++)
                sum[k] = (uint8_t)(sum[k] + (m[i + k] != 0));
        for (int k = 0; k < LANES; k++)
            total += sum[k];
    }
    for (; i < n; i++)
        total += m[i] != 0;
    return total;
}

struct finding {
    const fac_tensor *t;
    const uint8_t *mask;
    int64_t nblocks, total;
    int64_t *first; /* true elements before each block, nblocks + 1 of them */
    int64_t *out;   /* nonzero: column-major */
};

static int count_range(void *ctx, int64_t begin, int64_t end) {
    struct finding *f = ctx;
    for (int64_t b = begin; b < end; b++) {
        int64_t from = b * MASK_BLOCK, left = f->t->numel - from;
        f->first[b + 1] = count_bytes(f->mask + from, left < MASK_BLOCK ? left : MASK_BLOCK);
    }
    return 0;
}

/* Counts; f->first is the caller's to free, of (nblocks + 1) * 8 bytes. */
static int count_blocks(struct finding *f, fac_tensor *mask) {
    f->t = mask;
    f->mask = (const uint8_t *)mask->data;
    f->nblocks = (mask->numel + MASK_BLOCK - 1) / MASK_BLOCK;
    f->first = fac__alloc(sizeof(int64_t) * (size_t)(f->nblocks + 1));
    if (f->first == NULL)
        return -1;
    f->first[0] = 0;
    int r = fac__parallel_for(f->nblocks, 4, count_range, f);
    for (int64_t b = 0; b < f->nblocks; b++)
        f->first[b + 1] += f->first[b];
    f->total = f->first[f->nblocks];
    return r;
}

static void free_blocks(struct finding *f) {
    if (f->first != NULL)
        fac__free(f->first, sizeof(int64_t) * (size_t)(f->nblocks + 1));
}

/* Positions column, column + 1 ... of the true bytes among n, at most `room` of them. Without
 * branches: each is written, and kept by moving on. */
static int64_t find_run(const uint8_t *m, int64_t n, int64_t column, int64_t *out, int64_t room) {
    int64_t k = 0, i = 0;
    for (; i + 8 <= n && k + 8 <= room; i += 8) {
        uint64_t eight;
        memcpy(&eight, m + i, 8);
        if (eight == 0)
            continue;
        for (int j = 0; j < 8; j++) {
            out[k] = column + i + j;
            k += m[i + j] != 0;
        }
    }
    for (; i < n && k < room; i++) {
        out[k] = column + i;
        k += m[i] != 0;
    }
    return k;
}

static int find_range(void *ctx, int64_t begin, int64_t end) {
    const struct finding *f = ctx;
    const fac_tensor *t = f->t;
    int last = t->ndim - 1;
    int64_t pos[FAC_MAX_DIMS];
    for (int64_t b = begin; b < end; b++) {
        int64_t from = b * MASK_BLOCK, rest = from, at = f->first[b], limit = f->first[b + 1];
        int64_t stop = t->numel - from < MASK_BLOCK ? t->numel : from + MASK_BLOCK;
        for (int d = last; d >= 0; d--) {
            pos[d] = rest % t->sizes[d];
            rest /= t->sizes[d];
        }
        while (from < stop && at < limit) {
            int64_t run = t->sizes[last] - pos[last];
            run = run < stop - from ? run : stop - from;
            int64_t n =
                find_run(f->mask + from, run, pos[last], f->out + last * f->total + at, limit - at);
            for (int d = 0; d < last; d++)
                for (int64_t j = 0; j < n; j++)
                    f->out[d * f->total + at + j] = pos[d];
            at += n;
            from += run;
            pos[last] = 0;
            for (int d = last - 1; d >= 0 && ++pos[d] == t->sizes[d]; d--)
                pos[d] = 0;
        }
    }
    return 0;
}

static int nonzero(const void *args, fac_tensor **out) {
    fac_tensor *mask = truth_of(((const struct fac__nonzero_args *)args)->input);
    if (mask == NULL)
        return -1;
    struct finding f = {0};
    int r = count_blocks(&f, mask);
    if (r == 0) {
        int64_t sizes[2] = {f.total, mask->ndim}, strides[2] = {1, f.total};
        out[0] = fac__empty(2, sizes, strides, FAC_INT64, mask->device);
        r = out[0] == NULL ? -1 : 0;
    }
    if (r == 0 && f.total > 0 && mask->ndim > 0) {
        f.out = (int64_t *)(void *)out[0]->data;
        r = fac__parallel_for(f.nblocks, 2, find_range, &f);
    }
    free_blocks(&f);
    fac__release(mask);
    return r;
}

/* --- filling --------------------------------------------------------------------------------- */

typedef struct {
    uint64_t half[2];
} wide;

/* out = mask ? value : input; data is out, input, mask. */
#define FILL(name, T)                                                                              \
    static void fill_##name(char **data, const ptrdiff_t *s, ptrdiff_t n0, ptrdiff_t n1,           \
                            const void *ctx) {                                                     \
        const T v = *(const T *)ctx;                                                               \
        for (ptrdiff_t j = 0; j < n1; j++) {                                                       \
            char *out = data[0] + j * s[3], *in = data[1] + j * s[4], *mask = data[2] + j * s[5];  \
            if (s[0] == sizeof(T) && s[1] == sizeof(T) && s[2] == 1) {                             \
                T *o = (T *)(void *)out;                                                           \
                const T *x = (const T *)(const void *)in;                                          \
                const uint8_t *m = (const uint8_t *)mask;                                          \
                _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n0; i++) o[i] = m[i] ? v : x[i];    \
                continue;                                                                          \
            }                                                                                      \
            for (ptrdiff_t i = 0; i < n0; i++)                                                     \
                *(T *)(void *)(out + i * s[0]) =                                                   \
                    mask[i * s[2]] ? v : *(const T *)(const void *)(in + i * s[1]);                \
        }                                                                                          \
    }
FILL(1, uint8_t)
FILL(2, uint16_t)
FILL(4, uint32_t)
FILL(8, uint64_t)
FILL(16, wide)

static int masked_fill(const void *args, fac_tensor **out) {
    const struct fac__masked_fill_args *a = args;
    fac_tensor *o = out[0], *operands[3] = {o, a->input, a->mask};
    fac_scalar s = a->value.number;
    _Alignas(16) char value[16];
    size_t item = fac__itemsize(o->dtype);
    if (a->value.tensor != NULL && fac__item(a->value.tensor, &s) != 0)
        return -1;
    fac__scalar_to(s, (fac_dtype)o->dtype, value);
    if (o->numel == 0)
        return 0;
    fac__iter it;
    fac__iter_build(&it, 3, operands, o->ndim, o->sizes);
    fac__loop *loop = item == 1   ? fill_1
                      : item == 2 ? fill_2
                      : item == 4 ? fill_4
                      : item == 8 ? fill_8
                                  : fill_16;
    return fac__iter_run(&it, loop, value, 32768);
}

/* --- elements at the mask's places ----------------------------------------------------------- */

/* t in the shape it broadcasts to with other, row-major, whole. */
static fac_tensor *spread(fac_tensor *t, int ndim, const int64_t *sizes) {
    int64_t strides[FAC_MAX_DIMS];
    int lead = ndim - t->ndim;
    for (int d = 0; d < ndim; d++)
        strides[d] = d < lead || t->sizes[d - lead] == 1 ? 0 : t->strides[d - lead];
    fac_tensor *view = fac__alias(t, ndim, sizes, strides, t->offset);
    fac_tensor *r = view == NULL ? NULL : fac__contiguous(view);
    fac__release(view);
    return r;
}

static int joint_shape(const fac_tensor *t, const fac_tensor *mask, int64_t *sizes) {
    int n = t->ndim;
    memcpy(sizes, t->sizes, sizeof(int64_t) * (size_t)n);
    return fac__broadcast(&n, sizes, mask->ndim, mask->sizes) != 0 ? -1 : n;
}

struct moving {
    const struct finding *f;
    char *whole, *packed; /* elements at every place; those at the mask's, one after another */
    size_t item;
    bool pack;
};

static int pack_range(void *ctx, int64_t begin, int64_t end) {
    const struct moving *m = ctx;
    const struct finding *f = m->f;
    size_t item = m->item;
    for (int64_t b = begin; b < end; b++) {
        int64_t from = b * MASK_BLOCK, at = f->first[b], limit = f->first[b + 1];
        for (int64_t i = from; at < limit; i++) {
            if (!f->mask[i])
                continue;
            char *there = m->whole + (size_t)i * item, *here = m->packed + (size_t)at++ * item;
            memcpy(m->pack ? here : there, m->pack ? there : here, item);
        }
    }
    return 0;
}

static int masked_select(const void *args, fac_tensor **out) {
    const struct fac__masked_select_args *a = args;
    int64_t sizes[FAC_MAX_DIMS];
    int n = joint_shape(a->input, a->mask, sizes);
    if (n < 0)
        return -1;
    fac_tensor *whole = spread(a->input, n, sizes), *mask = spread(a->mask, n, sizes);
    struct finding f = {0};
    int r = whole == NULL || mask == NULL ? -1 : count_blocks(&f, mask);
    if (r == 0) {
        out[0] = fac__empty(1, &f.total, NULL, (fac_dtype)whole->dtype, whole->device);
        r = out[0] == NULL ? -1 : 0;
    }
    if (r == 0) {
        struct moving m = {&f, whole->data, out[0]->data, fac__itemsize(whole->dtype), true};
        r = fac__parallel_for(f.nblocks, 2, pack_range, &m);
    }
    free_blocks(&f);
    fac__release(whole);
    fac__release(mask);
    return r;
}

static int masked_scatter(const void *args, fac_tensor **out) {
    const struct fac__masked_scatter_args *a = args;
    fac_tensor *o = out[0], *whole = fac__contiguous(o);
    fac_tensor *mask = spread(a->mask, o->ndim, o->sizes), *source = fac__contiguous(a->source);
    struct finding f = {0};
    int r = whole == NULL || mask == NULL || source == NULL ? -1 : count_blocks(&f, mask);
    if (r == 0 && f.total > source->numel)
        r = fac__fail(FAC_ERROR_RUNTIME, "Number of elements of source < number of ones in mask");
    if (r == 0) {
        struct moving m = {&f, whole->data, source->data, fac__itemsize(o->dtype), false};
        r = fac__parallel_for(f.nblocks, 2, pack_range, &m);
    }
    if (r == 0 && whole != o)
        r = fac__copy_into(o, whole);
    free_blocks(&f);
    fac__release(whole);
    fac__release(mask);
    fac__release(source);
    return r;
}

/* --- one_hot --------------------------------------------------------------------------------- */

static int one_hot(const void *args, fac_tensor **out) {
    const struct fac__one_hot_args *a = args;
    fac_tensor *index = fac__contiguous(a->input);
    if (index == NULL)
        return -1;
    const int64_t *p = (const int64_t *)(const void *)index->data;
    int64_t least = 0, most = -1, classes = a->num_classes;
    for (int64_t i = 0; i < index->numel; i++) {
        least = p[i] < least ? p[i] : least;
        most = p[i] > most ? p[i] : most;
    }
    int r = 0;
    if (least < 0)
        r = fac__fail(FAC_ERROR_RUNTIME, "Class values must be non-negative.");
    else if (classes != -1 && most >= classes)
        r = fac__fail(FAC_ERROR_RUNTIME, "Class values must be smaller than num_classes.");
    if (r == 0 && out[0] == NULL) {
        int64_t sizes[FAC_MAX_DIMS];
        memcpy(sizes, index->sizes, sizeof(int64_t) * (size_t)index->ndim);
        sizes[index->ndim] = most + 1;
        out[0] = fac__empty(index->ndim + 1, sizes, NULL, FAC_INT64, index->device);
        r = out[0] == NULL ? -1 : 0;
    }
    if (r == 0)
        r = fac__fill_into(out[0], fac_int(0));
    if (r == 0) {
        int64_t *o = (int64_t *)(void *)out[0]->data, n = out[0]->sizes[index->ndim];
        for (int64_t i = 0; i < index->numel; i++)
            o[i * n + p[i]] = 1;
    }
    fac__release(index);
    return r;
}

static const fac__kernel_row rows[] = {{"nonzero", nonzero},
                                       {"masked_fill", masked_fill},
                                       {"masked_select", masked_select},
                                       {"masked_scatter", masked_scatter},
                                       {"one_hot", one_hot},
                                       {0}};
const fac__family FAC__K(fac__family_mask) = {NULL, rows};
