/* Masks: finding what is not zero. Positions are counted in blocks of fixed size first, so that the
 * blocks can then be written side by side. */
#include <facula/backend.h>

#include <string.h>

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

static const fac__kernel_row rows[] = {{"nonzero", nonzero}, {0}};
const fac__family FAC__K(fac__family_mask) = {NULL, rows};
