#include "iterate.h"

#include <stdlib.h>
#include <string.h>

int fac__broadcast(int *ndim, int64_t *shape, int b_ndim, const int64_t *b_sizes) {
    int n = *ndim > b_ndim ? *ndim : b_ndim;
    int64_t out[FAC_MAX_DIMS];
    for (int i = n - 1; i >= 0; i--) {
        int ia = i - (n - *ndim), ib = i - (n - b_ndim);
        int64_t a = ia < 0 ? 1 : shape[ia], b = ib < 0 ? 1 : b_sizes[ib];
        if (a != b && a != 1 && b != 1)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "The size of tensor a (%lld) must match the size of tensor b (%lld) "
                             "at non-singleton dimension %d",
                             (long long)a, (long long)b, i);
        out[i] = a == 1 ? b : a;
    }
    memcpy(shape, out, sizeof(int64_t) * (size_t)n);
    *ndim = n;
    return 0;
}

/* <0: dimension a should be inside b; >0 the other way; 0: no operand tells. The output, operand
 * 0, is asked first; stride 0 (broadcast) says nothing. */
static int compare_dims(const fac__iter *it, int a, int b) {
    for (int k = 0; k < it->nargs; k++) {
        ptrdiff_t sa = it->strides[a][k], sb = it->strides[b][k];
        if (sa == 0 || sb == 0)
            continue;
        if (sa < sb)
            return -1;
        if (sa > sb)
            return 1;
        if (it->shape[a] > it->shape[b])
            return 1;
    }
    return 0;
}

static void swap_dims(fac__iter *it, int a, int b) {
    int64_t n = it->shape[a];
    it->shape[a] = it->shape[b];
    it->shape[b] = n;
    for (int k = 0; k < it->nargs; k++) {
        ptrdiff_t s = it->strides[a][k];
        it->strides[a][k] = it->strides[b][k];
        it->strides[b][k] = s;
    }
}

/* Insertion sort that steps over undecided pairs, as PyTorch's does. `order`, where given, tells
 * which dimension each place holds afterwards. */
static void reorder(fac__iter *it, int *order) {
    for (int i = 0; order != NULL && i < it->ndim; i++)
        order[i] = i;
    for (int i = 1; i < it->ndim; i++) {
        int at = i;
        for (int j = i - 1; j >= 0; j--) {
            int c = compare_dims(it, j, at);
            if (c > 0) {
                swap_dims(it, j, at);
                if (order != NULL) {
                    int o = order[j];
                    order[j] = order[at];
                    order[at] = o;
                }
                at = j;
            } else if (c < 0) {
                break;
            }
        }
    }
}

static void coalesce(fac__iter *it) {
    int at = 0;
    for (int i = 1; i < it->ndim; i++) {
        bool joins = it->shape[at] == 1 || it->shape[i] == 1;
        if (!joins) {
            joins = true;
            for (int k = 0; k < it->nargs && joins; k++)
                joins = it->strides[at][k] * it->shape[at] == it->strides[i][k];
        }
        if (joins) {
            if (it->shape[at] == 1)
                memcpy(it->strides[at], it->strides[i], sizeof it->strides[at]);
            it->shape[at] *= it->shape[i];
        } else if (++at != i) {
            it->shape[at] = it->shape[i];
            memcpy(it->strides[at], it->strides[i], sizeof it->strides[at]);
        }
    }
    it->ndim = it->ndim == 0 ? 0 : at + 1;
}

/* Operands that are contiguous and as large as the shape they broadcast to are one row. */
static bool build_row(fac__iter *it, fac_tensor *const *operands) {
    for (int k = 0; k < it->nargs; k++) {
        const fac_tensor *t = operands[k];
        if (t == NULL) {
            it->strides[0][k] = 0;
            continue;
        }
        if (!fac__is_contig(t) || t->numel != it->numel)
            return false;
        it->data[k] = t->data;
        it->strides[0][k] = (ptrdiff_t)fac__itemsize(t->dtype);
    }
    it->ndim = 1;
    it->shape[0] = it->numel;
    return true;
}

void fac__iter_build(fac__iter *it, int nargs, fac_tensor *const *operands, int ndim,
                     const int64_t *shape) {
    it->nargs = nargs;
    it->numel = 1;
    for (int i = 0; i < ndim; i++)
        it->numel *= shape[i];
    if (build_row(it, operands))
        return;
    it->ndim = ndim;
    for (int i = 0; i < ndim; i++)
        it->shape[i] = shape[ndim - 1 - i];
    for (int k = 0; k < nargs; k++) {
        const fac_tensor *t = operands[k];
        if (t == NULL) {
            for (int i = 0; i < ndim; i++)
                it->strides[i][k] = 0;
            continue;
        }
        it->data[k] = t->data;
        ptrdiff_t size = (ptrdiff_t)fac__itemsize(t->dtype);
        for (int i = 0; i < ndim; i++) {
            int d = t->ndim - 1 - i;
            it->strides[i][k] = d < 0 || t->sizes[d] == 1 ? 0 : t->strides[d] * size;
        }
    }
    if (ndim > 1) {
        reorder(it, NULL);
        coalesce(it);
    }
    if (it->ndim == 0) {
        it->ndim = 1;
        it->shape[0] = 1;
        memset(it->strides[0], 0, sizeof it->strides[0]);
    }
}

int fac__iter_range(const fac__iter *it, int64_t begin, int64_t end, fac__iter_step *step,
                    void *state) {
    int64_t index[FAC_MAX_DIMS];
    char *data[FAC__ITER_ARGS];
    ptrdiff_t strides[2 * FAC__ITER_ARGS];
    int64_t rest = begin;
    for (int i = 0; i < it->ndim; i++) {
        index[i] = rest % it->shape[i];
        rest /= it->shape[i];
    }
    for (int k = 0; k < it->nargs; k++) {
        strides[k] = it->strides[0][k];
        strides[it->nargs + k] = it->ndim > 1 ? it->strides[1][k] : 0;
    }
    while (begin < end) {
        for (int k = 0; k < it->nargs; k++) {
            ptrdiff_t at = 0;
            for (int i = 0; i < it->ndim; i++)
                at += index[i] * it->strides[i][k];
            data[k] = it->data[k] + at;
        }
        int64_t n0 = it->shape[0] - index[0], n1 = 1;
        if (n0 > end - begin)
            n0 = end - begin;
        else if (index[0] == 0 && it->ndim > 1) {
            n1 = (end - begin) / n0;
            if (n1 > it->shape[1] - index[1])
                n1 = it->shape[1] - index[1];
        }
        if (step(state, data, strides, n0, n1) != 0)
            return -1;
        begin += n0 * n1;
        index[0] += n0;
        if (index[0] == it->shape[0]) {
            index[0] = 0;
            if (it->ndim > 1)
                index[1] += n1;
            for (int i = 1; i < it->ndim - 1 && index[i] == it->shape[i]; i++) {
                index[i] = 0;
                index[i + 1]++;
            }
        }
    }
    return 0;
}

struct plain {
    fac__loop *loop;
    const void *ctx;
};

static int plain_step(void *state, char **data, const ptrdiff_t *strides, ptrdiff_t n0,
                      ptrdiff_t n1) {
    const struct plain *p = state;
    p->loop(data, strides, n0, n1, p->ctx);
    return 0;
}

struct job {
    const fac__iter *it;
    fac__iter_step *step;
    void *state;
};

static int job_range(void *ctx, int64_t begin, int64_t end) {
    struct job *j = ctx;
    return fac__iter_range(j->it, begin, end, j->step, j->state);
}

int fac__iter_run(const fac__iter *it, fac__loop *loop, const void *ctx, int64_t grain) {
    if (it->numel == 0)
        return 0;
    const bool whole = it->numel <= grain || fac__num_threads() == 1; /* not worth cutting */
    if (it->ndim <= 2 && whole && fac__grain_override == 0) {
        char *data[FAC__ITER_ARGS];
        ptrdiff_t strides[2 * FAC__ITER_ARGS];
        for (int k = 0; k < it->nargs; k++) {
            data[k] = it->data[k];
            strides[k] = it->strides[0][k];
            strides[it->nargs + k] = it->ndim > 1 ? it->strides[1][k] : 0;
        }
        loop(data, strides, it->shape[0], it->ndim > 1 ? it->shape[1] : 1, ctx);
        return 0;
    }
    struct plain p = {loop, ctx};
    struct job j = {it, plain_step, &p};
    return fac__parallel_for(it->numel, grain, job_range, &j);
}

/* --- strides of results ---------------------------------------------------------------------- */

/* Whether a result needs no sort: operands of one shape that are all contiguous, all channels_last,
 * or dense with equal strides hand their layout on. A number (NULL) is of another shape. */
static bool shared_layout(int nargs, fac_tensor *const *operands, int ndim, const int64_t *shape,
                          int64_t *strides) {
    const size_t size = sizeof *shape * (size_t)ndim;
    const fac_tensor *last = operands[nargs - 1];
    bool contiguous = true, channels_last = ndim == 4, equal = last != NULL;
    for (int k = 0; k < nargs; k++) {
        const fac_tensor *t = operands[k];
        if (t == NULL || t->ndim != ndim || memcmp(t->sizes, shape, size) != 0)
            return false;
        contiguous &= fac__is_contig(t);
        channels_last = channels_last && fac__is_format(t, FAC_CHANNELS_LAST);
        equal = equal && (t->features & FAC__DENSE) && memcmp(t->strides, last->strides, size) == 0;
    }
    if (contiguous)
        fac__contiguous_strides(ndim, shape, strides);
    else if (channels_last)
        (void)fac__format_strides(ndim, shape, FAC_CHANNELS_LAST, strides);
    else if (equal)
        memcpy(strides, last->strides, size);
    return contiguous || channels_last || equal;
}

void fac__result_strides(int nargs, fac_tensor *const *operands, int ndim, const int64_t *shape,
                         int64_t *strides) {
    if (ndim == 0 || shared_layout(nargs, operands, ndim, shape, strides))
        return;
    fac__iter it;
    it.ndim = ndim;
    it.nargs = 0;
    for (int i = 0; i < ndim; i++)
        it.shape[i] = shape[ndim - 1 - i];
    for (int k = 0; k < nargs; k++) {
        const fac_tensor *t = operands[k];
        if (t == NULL)
            continue;
        for (int i = 0; i < ndim; i++) {
            int d = t->ndim - 1 - i;
            bool repeated = d < 0 || (t->sizes[d] == 1 && it.shape[i] != 1);
            it.strides[i][it.nargs] = repeated ? 0 : t->strides[d];
        }
        it.nargs++;
    }
    int order[FAC_MAX_DIMS];
    reorder(&it, order);
    bool moved = false;
    int64_t step = 1;
    for (int i = 0; i < ndim; i++) {
        moved |= order[i] != i;
        strides[ndim - 1 - order[i]] = step;
        step *= it.shape[i];
    }
    if (!moved) /* the same but beyond a size of 0 */
        fac__contiguous_strides(ndim, shape, strides);
}

void fac__like_strides(const fac_tensor *t, int64_t *strides) {
    if (t->features & FAC__DENSE) {
        for (int i = 0; i < t->ndim; i++)
            strides[i] = t->strides[i];
        return;
    }
    fac__iter it;
    it.ndim = t->ndim;
    it.nargs = 1;
    for (int i = 0; i < t->ndim; i++) {
        it.shape[i] = t->sizes[t->ndim - 1 - i];
        it.strides[i][0] = t->strides[t->ndim - 1 - i];
    }
    int order[FAC_MAX_DIMS];
    reorder(&it, order);
    int64_t step = 1;
    for (int i = 0; i < t->ndim; i++) {
        strides[t->ndim - 1 - order[i]] = step;
        step *= it.shape[i] > 1 ? it.shape[i] : 1;
    }
}

/* --- overlap --------------------------------------------------------------------------------- */

int fac__self_overlap(const fac_tensor *t) {
    if (t->features & FAC__DENSE)
        return 0;
    for (int i = 0; i < t->ndim; i++)
        if (t->strides[i] == 0 && t->sizes[i] > 1)
            return 1;
    return 2;
}

static void extent(const fac_tensor *t, const char **begin, const char **end) {
    int64_t last = 0;
    for (int i = 0; i < t->ndim; i++)
        last += (t->sizes[i] - 1) * t->strides[i];
    *begin = t->data;
    *end = t->data + (last + 1) * (int64_t)fac__itemsize(t->dtype);
}

int fac__overlap(const fac_tensor *a, const fac_tensor *b) {
    if (a == b)
        return 1;
    if (a->numel == 0 || b->numel == 0 || a->storage == NULL || a->storage != b->storage)
        return 0;
    if (a->data == b->data && a->numel == b->numel && a->dtype == b->dtype && a->ndim == b->ndim) {
        bool same = true;
        for (int i = 0; i < a->ndim && same; i++)
            same =
                a->sizes[i] == b->sizes[i] && (a->strides[i] == b->strides[i] || a->sizes[i] == 1);
        if (same)
            return 1;
    }
    const char *a0, *a1, *b0, *b1;
    extent(a, &a0, &a1);
    extent(b, &b0, &b1);
    if (a1 <= b0 || b1 <= a0)
        return 0;
    bool dense = (a->features & FAC__DENSE) && (b->features & FAC__DENSE);
    return dense ? 2 : 3;
}

int fac__fail_overlap(void) {
    return fac__fail(FAC_ERROR_RUNTIME,
                     "unsupported operation: some elements of the input tensor and the "
                     "written-to tensor refer to a single memory location. Please clone() the "
                     "tensor before performing the operation.");
}

int fac__check_no_overlap(const fac_tensor *out, const fac_tensor *in) {
    return fac__overlap(out, in) == 2 ? fac__fail_overlap() : 0;
}

int fac__check_writable(const fac_tensor *out) {
    if (fac__self_overlap(out) == 1)
        return fac__fail(FAC_ERROR_RUNTIME,
                         "unsupported operation: more than one element of the written-to tensor "
                         "refers to a single memory location. Please clone() the tensor before "
                         "performing the operation.");
    return 0;
}
