/* Kernels that rearrange elements: nearly all are moves between two geometries. */
#include "../../gen/ops.h"
#include "../../rules/rules.h"

#include <string.h>

extern fac__move_fn FAC__K(fac__move);

enum { SHAPE_GRAIN = 32768 };

/* Moves n-dimensional data; strides here are in elements. */
static int move(int n, const int64_t *sizes, char *dst, const int64_t *ds, const char *src,
                const int64_t *ss, size_t width) {
    ptrdiff_t d[2 * FAC_MAX_DIMS], s[2 * FAC_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        d[i] = ds[i] * (ptrdiff_t)width;
        s[i] = ss[i] * (ptrdiff_t)width;
    }
    struct fac__moving m = {n, sizes, dst, d, src, s, width};
    return FAC__K(fac__move)(&m);
}

/* src into a region of out that begins `offset` elements in, converting where dtypes differ. */
static int put(fac_tensor *out, int64_t offset, const int64_t *strides, fac_tensor *src) {
    if (src->dtype == out->dtype) {
        size_t width = fac__itemsize(out->dtype);
        char *at = out->data + offset * (int64_t)width;
        return move(src->ndim, src->sizes, at, strides, src->data, src->strides, width);
    }
    fac_tensor *at = fac__alias(out, src->ndim, src->sizes, strides, out->offset + offset);
    int r = at == NULL ? -1 : fac__copy_into(at, src);
    fac__release(at);
    return r;
}

/* --- joining --------------------------------------------------------------------------------- */

/* Small contiguous tensors: rows of each in turn. */
static bool join_small(fac_tensors l, int64_t outer, fac_tensor *out) {
    char *to = out->data;
    size_t width = fac__itemsize(out->dtype);
    if (out->numel * (int64_t)width > 8192 || !fac__is_contig(out) || outer == 0)
        return false;
    for (int i = 0; i < l.n; i++)
        if (l.values[i]->dtype != out->dtype || !fac__is_contig(l.values[i]))
            return false;
    for (int64_t o = 0; o < outer; o++)
        for (int i = 0; i < l.n; i++) {
            const fac_tensor *t = l.values[i];
            size_t row = (size_t)(t->numel / outer) * width;
            memcpy(to, t->data + (size_t)o * row, row);
            to += row;
        }
    return true;
}

static int cat(const void *args, fac_tensor **out) {
    const struct fac__cat_args *a = args;
    fac_tensor *o = out[0];
    int dim = fac__wrap_dim(a->dim, o->ndim);
    int64_t at = 0, outer = 1;
    for (int d = 0; d < dim; d++)
        outer *= o->sizes[d];
    if (join_small(a->tensors, outer, o))
        return 0;
    for (int i = 0; i < a->tensors.n; i++) {
        fac_tensor *t = a->tensors.values[i];
        if (t->numel == 0)
            continue;
        if (put(o, at * o->strides[dim], o->strides, t) != 0)
            return -1;
        at += t->sizes[dim];
    }
    return 0;
}

static int stack(const void *args, fac_tensor **out) {
    const struct fac__stack_args *a = args;
    fac_tensor *o = out[0];
    int dim = fac__wrap_dim(a->dim, o->ndim), n = o->ndim - 1;
    int64_t strides[FAC_MAX_DIMS], outer = 1;
    for (int d = 0; d < n; d++)
        strides[d] = o->strides[d < dim ? d : d + 1];
    for (int d = 0; d < dim; d++)
        outer *= o->sizes[d];
    if (join_small(a->tensors, outer, o))
        return 0;
    for (int i = 0; i < a->tensors.n; i++)
        if (put(o, i * o->strides[dim], strides, a->tensors.values[i]) != 0)
            return -1;
    return 0;
}

static int repeat(const void *args, fac_tensor **out) {
    const struct fac__repeat_args *a = args;
    const fac_tensor *t = a->input;
    fac_tensor *o = out[0];
    int64_t sizes[2 * FAC_MAX_DIMS], ds[2 * FAC_MAX_DIMS], ss[2 * FAC_MAX_DIMS];
    int n = 0, lead = o->ndim - t->ndim;
    for (int d = 0; d < o->ndim; d++) {
        int64_t own = d < lead ? 1 : t->sizes[d - lead], times = a->repeats.values[d];
        if (own == 0 || times == 0)
            return 0;
        if (times != 1) {
            sizes[n] = times;
            ds[n] = own * o->strides[d];
            ss[n++] = 0;
        }
        if (own != 1) {
            sizes[n] = own;
            ds[n] = o->strides[d];
            ss[n++] = t->strides[d - lead];
        }
    }
    return move(n, sizes, o->data, ds, t->data, ss, fac__itemsize(o->dtype));
}

/* --- turning --------------------------------------------------------------------------------- */

/* Walks dimension d of the source backwards. */
static void turn(const fac_tensor *t, int d, const char **src, int64_t *strides) {
    if (t->sizes[d] > 0)
        *src += (t->sizes[d] - 1) * strides[d] * (ptrdiff_t)fac__itemsize(t->dtype);
    strides[d] = -strides[d];
}

static int flip(const void *args, fac_tensor **out) {
    const struct fac__flip_args *a = args;
    const fac_tensor *t = a->input;
    int64_t ss[FAC_MAX_DIMS];
    const char *src = t->data;
    memcpy(ss, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    for (int i = 0; i < a->dims.n && t->ndim > 0; i++)
        turn(t, fac__wrap_dim(a->dims.values[i], t->ndim), &src, ss);
    return move(t->ndim, t->sizes, out[0]->data, out[0]->strides, src, ss, fac__itemsize(t->dtype));
}

static int rot90(const void *args, fac_tensor **out) {
    const struct fac__rot90_args *a = args;
    const fac_tensor *t = a->input;
    int64_t ss[FAC_MAX_DIMS];
    const char *src = t->data;
    int i = fac__wrap_dim(a->dims.values[0], t->ndim),
        j = fac__wrap_dim(a->dims.values[1], t->ndim);
    int k = (int)((a->k % 4 + 4) % 4);
    memcpy(ss, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    if (k == 1 || k == 2)
        turn(t, j, &src, ss);
    if (k == 2 || k == 3)
        turn(t, i, &src, ss);
    if (k % 2 == 1) {
        int64_t s = ss[i];
        ss[i] = ss[j];
        ss[j] = s;
    }
    return move(t->ndim, out[0]->sizes, out[0]->data, out[0]->strides, src, ss,
                fac__itemsize(t->dtype));
}

struct rolling {
    int ndim;
    size_t width;
    int64_t sizes[FAC_MAX_DIMS], shift[FAC_MAX_DIMS];
    const int64_t *ds, *ss;
};

/* Dimension by dimension, the part that moves on and the part that comes around. */
static int roll_from(const struct rolling *r, int d, int64_t *sizes, char *dst, const char *src) {
    while (d < r->ndim && r->shift[d] == 0) {
        sizes[d] = r->sizes[d];
        d++;
    }
    if (d == r->ndim)
        return move(r->ndim, sizes, dst, r->ds, src, r->ss, r->width);
    int64_t n = r->sizes[d], k = r->shift[d];
    ptrdiff_t ds = r->ds[d] * (ptrdiff_t)r->width, ss = r->ss[d] * (ptrdiff_t)r->width;
    sizes[d] = n - k;
    if (roll_from(r, d + 1, sizes, dst + k * ds, src) != 0)
        return -1;
    sizes[d] = k;
    return roll_from(r, d + 1, sizes, dst, src + (n - k) * ss);
}

static int roll(const void *args, fac_tensor **out) {
    const struct fac__roll_args *a = args;
    fac_tensor *t = a->input;
    static const int64_t one = 1;
    int64_t sizes[FAC_MAX_DIMS];
    struct rolling r = {.ndim = t->ndim, .width = fac__itemsize(t->dtype)};
    if (t->numel == 0)
        return 0;
    memset(r.shift, 0, sizeof r.shift);
    bool flat = a->dims.n == 0;
    fac_tensor *from = flat ? fac__contiguous(t) : fac__retain(t);
    if (from == NULL)
        return -1;
    if (flat) {
        r.ndim = 1;
        r.sizes[0] = t->numel;
        r.shift[0] = (a->shifts.values[0] % t->numel + t->numel) % t->numel;
        r.ds = r.ss = &one;
    } else {
        memcpy(r.sizes, t->sizes, sizeof(int64_t) * (size_t)t->ndim);
        r.ds = out[0]->strides;
        r.ss = t->strides;
        for (int i = 0; i < a->dims.n && t->ndim > 0; i++) {
            int d = fac__wrap_dim(a->dims.values[i], t->ndim);
            int64_t n = t->sizes[d], k = (a->shifts.values[i] % n + n) % n;
            r.shift[d] = (r.shift[d] + k) % n;
        }
    }
    int result = roll_from(&r, 0, sizes, out[0]->data, from->data);
    fac__release(from);
    return result;
}

/* --- diagonals and triangles -------------------------------------------------------------------
 */

static int diagonal_copy(const void *args, fac_tensor **out) {
    const struct fac__diagonal_copy_args *a = args;
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], at = 0;
    size_t width = fac__itemsize(t->dtype);
    int n = fac__diagonal_of(t, a->offset, a->dim1, a->dim2, sizes, strides, &at);
    if (n < 0)
        return -1;
    return move(n, sizes, out[0]->data, out[0]->strides, t->data + at * (int64_t)width, strides,
                width);
}

static int diag_embed(const void *args, fac_tensor **out) {
    const struct fac__diag_embed_args *a = args;
    const fac_tensor *t = a->input;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], at = 0;
    size_t width = fac__itemsize(t->dtype);
    int n = fac__diagonal_of(out[0], a->offset, a->dim1, a->dim2, sizes, strides, &at);
    if (n < 0 || fac__fill_into(out[0], fac_int(0)) != 0)
        return -1;
    return move(n, sizes, out[0]->data + at * (int64_t)width, strides, t->data, t->strides, width);
}

struct triangle {
    const fac_tensor *in, *out;
    int64_t diagonal;
    bool lower;
    size_t width;
};

static void triangle_row(const struct triangle *t, char *o, const char *s, int64_t keep_from,
                         int64_t keep_to, int64_t columns) {
    size_t w = t->width;
    ptrdiff_t os = t->out->strides[t->out->ndim - 1] * (ptrdiff_t)w;
    ptrdiff_t ss = t->in->strides[t->in->ndim - 1] * (ptrdiff_t)w;
    if ((os == (ptrdiff_t)w || columns < 2) && (ss == (ptrdiff_t)w || columns < 2)) {
        if (o != s)
            memcpy(o + keep_from * os, s + keep_from * ss, (size_t)(keep_to - keep_from) * w);
        memset(o, 0, (size_t)keep_from * w);
        memset(o + keep_to * os, 0, (size_t)(columns - keep_to) * w);
        return;
    }
    for (int64_t i = 0; i < columns; i++) {
        if (i < keep_from || i >= keep_to)
            memset(o + i * os, 0, w);
        else if (o != s)
            memcpy(o + i * os, s + i * ss, w);
    }
}

static int triangle_range(void *ctx, int64_t begin, int64_t end) {
    const struct triangle *t = ctx;
    const fac_tensor *in = t->in, *out = t->out;
    int n = in->ndim;
    int64_t columns = in->sizes[n - 1], rows = in->sizes[n - 2];
    for (int64_t r = begin; r < end; r++) {
        int64_t i = r % rows, rest = r / rows;
        ptrdiff_t o = i * out->strides[n - 2], s = i * in->strides[n - 2];
        for (int d = n - 3; d >= 0; d--) {
            int64_t at = rest % in->sizes[d];
            rest /= in->sizes[d];
            o += at * out->strides[d];
            s += at * in->strides[d];
        }
        int64_t edge = t->lower ? i + t->diagonal + 1 : i + t->diagonal;
        edge = edge < 0 ? 0 : edge > columns ? columns : edge;
        triangle_row(t, out->data + o * (ptrdiff_t)t->width, in->data + s * (ptrdiff_t)t->width,
                     t->lower ? 0 : edge, t->lower ? edge : columns, columns);
    }
    return 0;
}

static int triangle(const fac_tensor *in, int64_t diagonal, bool lower, fac_tensor *out) {
    if (in->numel == 0)
        return 0;
    int64_t columns = in->sizes[in->ndim - 1], rows = in->numel / columns;
    int64_t most = (int64_t)1 << 40; /* no matrix is larger, and nothing overflows */
    diagonal = diagonal > most ? most : diagonal < -most ? -most : diagonal;
    struct triangle t = {in, out, diagonal, lower, fac__itemsize(in->dtype)};
    int64_t grain = SHAPE_GRAIN / columns;
    return fac__parallel_for(rows, grain > 1 ? grain : 1, triangle_range, &t);
}

static int tril(const void *args, fac_tensor **out) {
    const struct fac__tril_args *a = args;
    return triangle(a->input, a->diagonal, true, out[0]);
}

static int triu(const void *args, fac_tensor **out) {
    const struct fac__triu_args *a = args;
    return triangle(a->input, a->diagonal, false, out[0]);
}

/* --- repeat_interleave -------------------------------------------------------------------------
 */

static int repeat_interleave(const void *args, fac_tensor **out) {
    const struct fac__repeat_interleave_args *a = args;
    fac_tensor *times = fac__cast(a->repeats, FAC_INT64);
    if (times == NULL)
        return -1;
    const int64_t *n = (const int64_t *)(void *)times->data;
    int64_t total = 0, k = 0;
    int r = -1;
    for (int64_t i = 0; i < times->numel; i++) {
        if (n[i] < 0) {
            fac__fail(FAC_ERROR_RUNTIME, "repeats can not be negative");
            goto done;
        }
        if (__builtin_add_overflow(total, n[i], &total)) {
            fac__fail(FAC_ERROR_RUNTIME, "repeat_interleave: the result's size overflows");
            goto done;
        }
    }
    if (a->output_size.given && a->output_size.value != total) {
        fac__fail(FAC_ERROR_RUNTIME, "allocated size does not match required size");
        goto done;
    }
    out[0] = fac__empty(1, &total, NULL, (fac_dtype)a->repeats->dtype, a->repeats->device);
    if (out[0] == NULL)
        goto done;
    for (int64_t i = 0; i < times->numel; i++)
        for (int64_t j = 0; j < n[i]; j++, k++)
            if (out[0]->dtype == FAC_INT64)
                ((int64_t *)(void *)out[0]->data)[k] = i;
            else
                ((int32_t *)(void *)out[0]->data)[k] = (int32_t)i;
    r = 0;
done:
    fac__release(times);
    return r;
}

static const fac__kernel_row rows[] = {
    {"cat", cat},
    {"stack", stack},
    {"repeat", repeat},
    {"flip", flip},
    {"rot90", rot90},
    {"roll", roll},
    {"diagonal_copy", diagonal_copy},
    {"diag_embed", diag_embed},
    {"tril", tril},
    {"triu", triu},
    {"repeat_interleave", repeat_interleave},
    {0},
};
const fac__family FAC__K(fac__family_shape) = {NULL, rows};
