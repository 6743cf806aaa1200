/* cat and stack. Their copies are an instruction set's own: rows by vectors of 16 bytes instead of
 * 32 take twice the time where they lie in the last cache. */
#include "../../core/backend_table.h"
#include "../../gen/ops.h"
#include "copy_row.h"

#include <string.h>

/* Copies src into the part of out that begins at element `at` and has these sizes and strides. */
static int put(const fac_tensor *out, int ndim, const int64_t *sizes, const int64_t *strides,
               int64_t at, fac_tensor *src) {
    fac_tensor *part = fac__alias(out, ndim, sizes, strides, out->offset + at);
    int r = part == NULL ? -1 : fac__copy_into(part, src);
    fac__release(part);
    return r;
}

/* Contiguous tensors side by side: a row of each in turn, so that the result is written in one
 * sweep. */
struct rows {
    fac_tensors parts;
    char *to;
    size_t width, row; /* bytes of an element, and of a row of the result */
    int64_t n;
};

static int join_rows(void *ctx, int64_t begin, int64_t end) {
    const struct rows *r = ctx;
    char *to = r->to + (size_t)begin * r->row;
    for (int64_t k = begin; k < end; k++)
        for (int i = 0; i < r->parts.n; i++) {
            const fac_tensor *t = r->parts.values[i];
            size_t bytes = (size_t)(t->numel / r->n) * r->width;
            fac__copy_row(to, t->data + (size_t)k * bytes, bytes);
            to += bytes;
        }
    return 0;
}

/* A single long row is better cut across threads, one tensor after the other. */
static bool joins_by_rows(fac_tensors l, const fac_tensor *o, int64_t outer) {
    enum { SHORT = 4096 };
    if (outer <= 1 && o->numel > SHORT)
        return false;
    for (int i = 0; i < l.n; i++)
        if (l.values[i]->dtype != o->dtype || !fac__is_contig(l.values[i]))
            return false;
    return fac__is_contig(o) && o->numel > 0;
}

static int join(fac_tensors l, const fac_tensor *o, int64_t outer) {
    enum { GRAIN = 32768 };
    size_t width = fac__itemsize(o->dtype);
    struct rows r = {l, o->data, width, (size_t)(o->numel / outer) * width, outer};
    return fac__parallel_for(outer, GRAIN / (o->numel / outer), join_rows, &r);
}

static int64_t product(const int64_t *sizes, int n) {
    int64_t p = 1;
    for (int d = 0; d < n; d++)
        p *= sizes[d];
    return p;
}

static int cat(const void *args, fac_tensor **out) {
    const struct fac__cat_args *a = args;
    const fac_tensor *o = out[0];
    int64_t sizes[FAC_MAX_DIMS], at = 0;
    int dim = (int)(a->dim < 0 ? a->dim + o->ndim : a->dim);
    int64_t outer = product(o->sizes, dim);
    if (joins_by_rows(a->tensors, o, outer))
        return join(a->tensors, o, outer);
    memcpy(sizes, o->sizes, sizeof(int64_t) * (size_t)o->ndim);
    for (int i = 0; i < a->tensors.n; i++) {
        fac_tensor *t = a->tensors.values[i];
        if (t->numel == 0)
            continue;
        sizes[dim] = t->sizes[dim];
        if (put(o, o->ndim, sizes, o->strides, at * o->strides[dim], t) != 0)
            return -1;
        at += t->sizes[dim];
    }
    return 0;
}

static int stack(const void *args, fac_tensor **out) {
    const struct fac__stack_args *a = args;
    const fac_tensor *o = out[0];
    int64_t strides[FAC_MAX_DIMS];
    int dim = (int)(a->dim < 0 ? a->dim + o->ndim : a->dim), n = 0;
    int64_t outer = product(o->sizes, dim);
    if (joins_by_rows(a->tensors, o, outer))
        return join(a->tensors, o, outer);
    for (int d = 0; d < o->ndim; d++)
        if (d != dim)
            strides[n++] = o->strides[d];
    for (int i = 0; i < a->tensors.n; i++) {
        fac_tensor *t = a->tensors.values[i];
        if (put(o, n, t->sizes, strides, i * o->strides[dim], t) != 0)
            return -1;
    }
    return 0;
}

static const fac__kernel_row rows[] = {{"cat", cat}, {"stack", stack}, {0}};
const fac__family FAC__K(fac__family_join) = {NULL, rows};
