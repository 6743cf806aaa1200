/* Kernels that rearrange elements: they find geometries, and the device's move does the work. */
#include "../core/backend_table.h"
#include "../gen/ops.h"

#include <string.h>

extern int fac__diagonal_of(const fac_tensor *t, int64_t offset, int64_t dim1, int64_t dim2,
                            int64_t *sizes, int64_t *strides, int64_t *at);

/* --- repetition ------------------------------------------------------------------------------ */

/* One move: along each dimension the source's own stride within a copy, and none between copies. */
static int repeat(const void *args, fac_tensor **out) {
    const struct fac__repeat_args *a = args;
    const fac_tensor *t = a->input, *o = out[0];
    int64_t sizes[2 * FAC_MAX_DIMS];
    ptrdiff_t ds[2 * FAC_MAX_DIMS], ss[2 * FAC_MAX_DIMS];
    ptrdiff_t width = (ptrdiff_t)fac__itemsize(o->dtype);
    int n = 0, lead = o->ndim - t->ndim;
    if (o->numel == 0)
        return 0;
    for (int d = 0; d < o->ndim; d++) {
        int64_t own = d < lead ? 1 : t->sizes[d - lead], times = a->repeats.values[d];
        if (times != 1) {
            sizes[n] = times;
            ds[n] = own * o->strides[d] * width;
            ss[n++] = 0;
        }
        if (own != 1) {
            sizes[n] = own;
            ds[n] = o->strides[d] * width;
            ss[n++] = t->strides[d - lead] * width;
        }
    }
    if (n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "repeat: at most %d repeated dimensions", FAC_MAX_DIMS);
    const struct fac__moving m = {n, sizes, o->data, ds, t->data, ss, (size_t)width};
    return fac__device_table_of(fac_cpu())->move(&m);
}

static int64_t count_at(const fac_tensor *t, int64_t i) {
    const char *p = t->data + i * t->strides[0] * (int64_t)fac__itemsize(t->dtype);
    return t->dtype == FAC_INT64 ? *(const int64_t *)(const void *)p
                                 : *(const int32_t *)(const void *)p;
}

static int repeat_interleave(const void *args, fac_tensor **out) {
    const struct fac__repeat_interleave_args *a = args;
    const fac_tensor *t = a->repeats;
    int64_t n = t->sizes[0], total = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t times = count_at(t, i);
        if (times < 0)
            return fac__fail(FAC_ERROR_RUNTIME, "repeats can not be negative");
        if (__builtin_add_overflow(total, times, &total))
            return fac__fail(FAC_ERROR_RUNTIME, "repeat_interleave: the result's size overflows");
    }
    if (a->output_size.given && a->output_size.value != total)
        return fac__fail(FAC_ERROR_RUNTIME, "allocated size does not match required size");
    out[0] = fac__empty(1, &total, NULL, (fac_dtype)t->dtype, t->device);
    if (out[0] == NULL)
        return -1;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t times = count_at(t, i); times > 0; times--, at++) {
            if (t->dtype == FAC_INT64)
                ((int64_t *)(void *)out[0]->data)[at] = i;
            else
                ((int32_t *)(void *)out[0]->data)[at] = (int32_t)i;
        }
    return 0;
}

/* --- turning --------------------------------------------------------------------------------- */

/* Moves src, read from element `at` of its data on with these strides, which may be negative. */
static int move_from(fac_tensor *out, const fac_tensor *src, int64_t at, const int64_t *strides) {
    ptrdiff_t item = (ptrdiff_t)fac__itemsize(src->dtype), to[FAC_MAX_DIMS], from[FAC_MAX_DIMS];
    if (out->numel == 0)
        return 0;
    for (int d = 0; d < out->ndim; d++) {
        to[d] = out->strides[d] * item;
        from[d] = strides[d] * item;
    }
    struct fac__moving m = {out->ndim, out->sizes,  out->data, to, src->data + at * item,
                            from,      (size_t)item};
    return fac__device_table_of(out->device)->move(&m);
}

static int flip(const void *args, fac_tensor **out) {
    const struct fac__flip_args *a = args;
    const fac_tensor *t = a->input;
    int64_t strides[FAC_MAX_DIMS], at = 0;
    memcpy(strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    for (int i = 0; i < a->dims.n && t->ndim > 0; i++) {
        int64_t d = a->dims.values[i] < 0 ? a->dims.values[i] + t->ndim : a->dims.values[i];
        at += (t->sizes[d] - 1) * t->strides[d];
        strides[d] = -t->strides[d];
    }
    return move_from(out[0], t, at, strides);
}

static int rot90(const void *args, fac_tensor **out) {
    const struct fac__rot90_args *a = args;
    const fac_tensor *t = a->input;
    int64_t strides[FAC_MAX_DIMS], at = 0, turns = (a->k % 4 + 4) % 4;
    int i = (int)(a->dims.values[0] < 0 ? a->dims.values[0] + t->ndim : a->dims.values[0]);
    int j = (int)(a->dims.values[1] < 0 ? a->dims.values[1] + t->ndim : a->dims.values[1]);
    memcpy(strides, t->strides, sizeof(int64_t) * (size_t)t->ndim);
    int64_t down = t->strides[i], across = t->strides[j];
    if (turns == 1 || turns == 2) {
        at += (t->sizes[j] - 1) * across;
        across = -across;
    }
    if (turns == 2 || turns == 3) {
        at += (t->sizes[i] - 1) * down;
        down = -down;
    }
    strides[i] = turns % 2 ? across : down;
    strides[j] = turns % 2 ? down : across;
    return move_from(out[0], t, at, strides);
}

/* Pieces of dimension d and after: what is shifted past the end comes first. */
static int roll_from(fac_tensor *out, fac_tensor *src, const int64_t *shifts, int d) {
    while (d < out->ndim && shifts[d] == 0)
        d++;
    if (d == out->ndim)
        return fac__copy_into(out, src);
    int64_t n = out->sizes[d], sizes[FAC_MAX_DIMS], lengths[2] = {shifts[d], n - shifts[d]};
    memcpy(sizes, out->sizes, sizeof(int64_t) * (size_t)out->ndim);
    int r = 0;
    for (int piece = 0; piece < 2 && r == 0; piece++) {
        sizes[d] = lengths[piece];
        int64_t to = piece == 0 ? 0 : shifts[d], from = piece == 0 ? n - shifts[d] : 0;
        fac_tensor *o =
            fac__alias(out, out->ndim, sizes, out->strides, out->offset + to * out->strides[d]);
        fac_tensor *s =
            fac__alias(src, src->ndim, sizes, src->strides, src->offset + from * src->strides[d]);
        r = o == NULL || s == NULL ? -1 : roll_from(o, s, shifts, d + 1);
        fac__release(o);
        fac__release(s);
    }
    return r;
}

static int roll(const void *args, fac_tensor **out) {
    const struct fac__roll_args *a = args;
    fac_tensor *t = a->input, *o = out[0];
    int64_t shifts[FAC_MAX_DIMS] = {0};
    if (t->numel == 0)
        return 0;
    if (a->dims.n > 0) {
        for (int i = 0; i < a->dims.n && t->ndim > 0; i++) {
            int64_t d = a->dims.values[i] < 0 ? a->dims.values[i] + t->ndim : a->dims.values[i];
            int64_t n = t->sizes[d], shift = a->shifts.values[i] % n;
            shifts[d] = ((shifts[d] + shift) % n + n) % n;
        }
        return roll_from(o, t, shifts, 0);
    }
    /* without dims, the flattened elements */
    int64_t n = t->numel, one = 1, shift = (a->shifts.values[0] % n + n) % n;
    fac_tensor *from = fac__contiguous(t);
    fac_tensor *flat = from == NULL ? NULL : fac__alias(from, 1, &n, &one, from->offset);
    fac_tensor *to = fac__is_contig(o) ? fac__alias(o, 1, &n, &one, o->offset)
                                       : fac__empty(1, &n, NULL, (fac_dtype)o->dtype, o->device);
    int r = flat == NULL || to == NULL ? -1 : roll_from(to, flat, &shift, 0);
    if (r == 0 && !fac__is_contig(o)) {
        fac_tensor *shaped = fac__empty(o->ndim, o->sizes, NULL, (fac_dtype)o->dtype, o->device);
        r = shaped == NULL ? -1 : 0;
        if (r == 0) {
            memcpy(shaped->data, to->data, (size_t)n * fac__itemsize(o->dtype));
            r = fac__copy_into(o, shaped);
        }
        fac__release(shaped);
    }
    fac__release(from);
    fac__release(flat);
    fac__release(to);
    return r;
}

/* --- diagonals and triangles ----------------------------------------------------------------- */

static int diagonal_copy(const void *args, fac_tensor **out) {
    const struct fac__diagonal_copy_args *a = args;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], at = a->input->offset;
    int n = fac__diagonal_of(a->input, a->offset, a->dim1, a->dim2, sizes, strides, &at);
    fac_tensor *view = n < 0 ? NULL : fac__alias(a->input, n, sizes, strides, at);
    int r = view == NULL ? -1 : fac__copy_into(out[0], view);
    fac__release(view);
    return r;
}

static int diag_embed(const void *args, fac_tensor **out) {
    const struct fac__diag_embed_args *a = args;
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS], at = out[0]->offset;
    if (fac__fill_into(out[0], fac_int(0)) != 0)
        return -1;
    int n = fac__diagonal_of(out[0], a->offset, a->dim1, a->dim2, sizes, strides, &at);
    fac_tensor *view = n < 0 ? NULL : fac__alias(out[0], n, sizes, strides, at);
    int r = view == NULL ? -1 : fac__copy_into(view, a->input);
    fac__release(view);
    return r;
}

struct triangle {
    fac_tensor *out, *input;
    int64_t diagonal;
    bool lower;
};

/* Rows [begin, end) of all matrices: the columns kept are copied, the others cleared. */
static int triangle_rows(void *ctx, int64_t begin, int64_t end) {
    const struct triangle *t = ctx;
    const fac_tensor *o = t->out, *x = t->input;
    int n = o->ndim;
    int64_t rows = o->sizes[n - 2], columns = o->sizes[n - 1];
    ptrdiff_t item = (ptrdiff_t)fac__itemsize(o->dtype);
    ptrdiff_t os = o->strides[n - 1] * item, xs = x->strides[n - 1] * item;
    for (int64_t row = begin; row < end; row++) {
        int64_t i = row % rows, rest = row / rows;
        char *to = o->data + i * o->strides[n - 2] * item;
        const char *from = x->data + i * x->strides[n - 2] * item;
        for (int d = n - 3; d >= 0; d--) {
            to += rest % o->sizes[d] * o->strides[d] * item;
            from += rest % x->sizes[d] * x->strides[d] * item;
            rest /= o->sizes[d];
        }
        int64_t first = t->diagonal < -rows - columns  ? -rows - columns
                        : t->diagonal > rows + columns ? rows + columns
                                                       : t->diagonal;
        first += i + t->lower; /* of the columns to the right of the border */
        first = first < 0 ? 0 : first > columns ? columns : first;
        int64_t keep = t->lower ? 0 : first, kept = t->lower ? first : columns - first;
        int64_t clear = t->lower ? first : 0;
        if (os == item && xs == item) {
            if (to != from)
                memcpy(to + keep * item, from + keep * item, (size_t)(kept * item));
            memset(to + clear * item, 0, (size_t)((columns - kept) * item));
            continue;
        }
        for (int64_t j = keep; j < keep + kept; j++)
            memmove(to + j * os, from + j * xs, (size_t)item);
        for (int64_t j = clear; j < clear + columns - kept; j++)
            memset(to + j * os, 0, (size_t)item);
    }
    return 0;
}

static int triangle(fac_tensor *out, fac_tensor *input, int64_t diagonal, bool lower) {
    int64_t columns = out->sizes[out->ndim - 1];
    if (out->numel == 0)
        return 0;
    struct triangle t = {out, input, diagonal, lower};
    int64_t grain = 32768 / columns;
    return fac__parallel_for(out->numel / columns, grain > 1 ? grain : 1, triangle_rows, &t);
}

static int tril(const void *args, fac_tensor **out) {
    const struct fac__tril_args *a = args;
    return triangle(out[0], a->input, a->diagonal, true);
}

static int triu(const void *args, fac_tensor **out) {
    const struct fac__triu_args *a = args;
    return triangle(out[0], a->input, a->diagonal, false);
}

static const fac__kernel_row rows[] = {{"repeat", repeat},
                                       {"repeat_interleave", repeat_interleave},
                                       {"flip", flip},
                                       {"rot90", rot90},
                                       {"roll", roll},
                                       {"diagonal_copy", diagonal_copy},
                                       {"diag_embed", diag_embed},
                                       {"tril", tril},
                                       {"triu", triu},
                                       {0}};
const fac__family fac__family_shape = {NULL, rows};
