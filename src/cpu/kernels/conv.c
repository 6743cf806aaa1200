/* Convolutions of any dtype: operands brought into the dtype that sums are kept in, and the work
 * set up as passes (conv.h).
 *
 * float16 and bfloat16 compute in float32, narrow integers in int32, complex numbers as four real
 * convolutions. A transposed convolution is one pass a residue of the output's positions modulo the
 * stride: each sees the taps that meet it as a plain convolution of stride 1, so that nothing is
 * multiplied by the zeros between. */
#include "conv.h"
#include "nn.h"

#include <string.h>

typedef struct {
    fac_dtype dtype;
    bool transposed;
    int64_t n, groups, in_channels, out_channels; /* channels of the whole */
    int64_t kernel[CONV_DIMS], stride[CONV_DIMS], pad[CONV_DIMS], dilation[CONV_DIMS];
    int64_t in[CONV_DIMS], out[CONV_DIMS];
    const char *x, *w, *bias;
    char *y;
} conv;

static int64_t int_at(fac_ints v, int i) {
    return v.values[v.n == 1 ? 0 : i];
}

/* Spatial dimensions stand last; those that are missing have size 1. */
static void set_dims(int64_t *to, const int64_t *sizes, int n, int64_t missing) {
    for (int i = 0; i < CONV_DIMS; i++)
        to[i] = i < CONV_DIMS - n ? missing : sizes[i - (CONV_DIMS - n)];
}

static void set_ints(int64_t *to, fac_ints v, int n, int64_t missing) {
    for (int i = 0; i < CONV_DIMS; i++)
        to[i] = i < CONV_DIMS - n ? missing : int_at(v, i - (CONV_DIMS - n));
}

static fac_dtype working(fac_dtype d) {
    switch (d) {
    case FAC_FLOAT16:
    case FAC_BFLOAT16:
        return FAC_FLOAT32;
    case FAC_UINT8:
    case FAC_INT8:
    case FAC_INT16:
    case FAC_UINT16:
        return FAC_INT32;
    default:
        return d;
    }
}

static bool direct(const conv_pass *p) {
    return p->chan == 1 && p->groups > 1 && p->taps > 0 && p->rows <= 8 && p->d->floating;
}

enum { SHORT_SUM = 32 }; /* products an output, fewer of which are not worth laying out columns */

/* Few outputs, or few products in each, and planes that fit in the second-level cache. One tap
 * needs no columns. */
static bool few_products(const conv_pass *p) {
    bool few = p->rows <= 4 || (p->taps > 1 && p->chan * p->taps <= SHORT_SUM);
    return few && p->taps > 0 && p->grid[2] >= 8 && p->d->floating &&
           p->chan * conv_product(p->src) * p->d->item <= 512 << 10;
}

static int run_pass(const conv_pass *p) {
    return direct(p) || few_products(p) ? FAC__K(fac__conv_direct)(p) : FAC__K(fac__conv_gemm)(p);
}

/* Where the taps stand, over the taps of `kernel` in order. */
static void tap_index(const conv *c, int64_t k, int64_t index[CONV_DIMS]) {
    index[2] = k % c->kernel[2];
    index[1] = k / c->kernel[2] % c->kernel[1];
    index[0] = k / c->kernel[2] / c->kernel[1];
}

static void plain_taps(const conv *c, int64_t taps, int64_t (*off)[CONV_DIMS]) {
    for (int64_t k = 0; k < taps; k++) {
        int64_t index[CONV_DIMS];
        tap_index(c, k, index);
        for (int i = 0; i < CONV_DIMS; i++)
            off[k][i] = index[i] * c->dilation[i] - c->pad[i];
    }
}

static conv_pass plain_pass(const conv *c, const int64_t (*off)[CONV_DIMS]) {
    conv_pass p = {.dtype = c->dtype,
                   .d = FAC__K(fac__gemm_dtype)(c->dtype),
                   .n = c->n,
                   .groups = c->groups,
                   .rows = c->out_channels / c->groups,
                   .chan = c->in_channels / c->groups,
                   .taps = conv_product(c->kernel),
                   .off = off,
                   .x = c->x,
                   .y = c->y,
                   .y_plane = conv_product(c->out),
                   .y_step = {c->out[1] * c->out[2], c->out[2], 1},
                   .w = c->w,
                   .bias = c->bias};
    memcpy(p.grid, c->out, sizeof p.grid);
    memcpy(p.step, c->stride, sizeof p.step);
    memcpy(p.src, c->in, sizeof p.src);
    return p;
}

static int run_plain(const conv *c) {
    int64_t taps = conv_product(c->kernel);
    size_t bytes = (size_t)(taps + 1) * sizeof(int64_t[CONV_DIMS]);
    int64_t (*off)[CONV_DIMS] = fac__alloc(bytes);
    if (off == NULL)
        return -1;
    plain_taps(c, taps, off);
    conv_pass p = plain_pass(c, (const int64_t (*)[CONV_DIMS])off);
    int r = run_pass(&p);
    fac__free(off, bytes);
    return r;
}

/* --- transposed ------------------------------------------------------------------------------ */

/* The taps that reach positions of residue r, and where they read: list[] holds their numbers. */
static int64_t phase_taps(const conv *c, const int64_t *r, int64_t (*off)[CONV_DIMS],
                          int64_t *list) {
    int64_t n = 0, taps = conv_product(c->kernel);
    for (int64_t k = 0; k < taps; k++) {
        int64_t index[CONV_DIMS];
        bool meets = true;
        tap_index(c, k, index);
        for (int i = 0; i < CONV_DIMS && meets; i++) {
            int64_t at = r[i] + c->pad[i] - index[i] * c->dilation[i];
            meets = at % c->stride[i] == 0;
            off[n][i] = at / c->stride[i];
        }
        if (meets)
            list[n++] = k;
    }
    return n;
}

/* w (in, out / groups, kernel) as `to` (out, in / groups, taps of the list). */
typedef struct {
    const conv *c;
    const int64_t *list;
    int64_t n;
    char *to;
} phase_weights;

/* A few outputs each: those of one input lie side by side. */
enum { PHASE_OUTPUTS = 8 };

static int64_t phase_parts(const conv *c) {
    return (c->out_channels / c->groups + PHASE_OUTPUTS - 1) / PHASE_OUTPUTS;
}

#define PHASE_WEIGHTS(T)                                                                           \
    static int phase_weights_##T(void *ctx, int64_t begin, int64_t end) {                          \
        const phase_weights *f = ctx;                                                              \
        const conv *c = f->c;                                                                      \
        const int64_t og = c->out_channels / c->groups, ig = c->in_channels / c->groups;           \
        const int64_t taps = conv_product(c->kernel);                                              \
        for (int64_t u = begin; u < end; u++) {                                                    \
            const int64_t g = u / phase_parts(c), o0 = u % phase_parts(c) * PHASE_OUTPUTS;         \
            for (int64_t i = 0; i < ig; i++)                                                       \
                for (int64_t o = o0; o < nn_min(o0 + PHASE_OUTPUTS, og); o++) {                    \
                    const T *from =                                                                \
                        (const T *)(const void *)c->w + ((g * ig + i) * og + o) * taps;            \
                    T *out = (T *)(void *)f->to + ((g * og + o) * ig + i) * f->n;                  \
                    for (int64_t k = 0; k < f->n; k++)                                             \
                        out[k] = from[f->list[k]];                                                 \
                }                                                                                  \
        }                                                                                          \
        return 0;                                                                                  \
    }
PHASE_WEIGHTS(uint32_t)
PHASE_WEIGHTS(uint64_t)

static int run_phase(const conv *c, const int64_t *r, int64_t (*off)[CONV_DIMS], int64_t *list,
                     char *w) {
    conv_pass p = plain_pass(c, (const int64_t (*)[CONV_DIMS])off);
    p.taps = phase_taps(c, r, off, list);
    phase_weights f = {c, list, p.taps, w};
    if (fac__parallel_for(c->groups * phase_parts(c),
                          nn_grain(PHASE_OUTPUTS * (c->in_channels / c->groups) * p.taps),
                          p.d->item == 4 ? phase_weights_uint32_t : phase_weights_uint64_t, &f))
        return -1;
    p.w = w;
    p.y_base = 0;
    for (int i = 0; i < CONV_DIMS; i++) {
        p.y_base += r[i] * p.y_step[i];
        p.y_step[i] *= c->stride[i];
        p.grid[i] = (c->out[i] - r[i] + c->stride[i] - 1) / c->stride[i];
        p.step[i] = 1;
    }
    return run_pass(&p);
}

static int run_transposed(const conv *c) {
    int64_t taps = conv_product(c->kernel), item = (int64_t)fac__itemsize((uint8_t)c->dtype);
    int64_t weights = c->out_channels * (c->in_channels / c->groups) * taps * item;
    size_t offs = (size_t)(taps + 1) * sizeof(int64_t[CONV_DIMS]);
    size_t lists = (size_t)(taps + 1) * sizeof(int64_t);
    size_t bytes = offs + lists + (size_t)weights;
    char *m = fac__alloc(bytes);
    if (m == NULL)
        return -1;
    int64_t (*off)[CONV_DIMS] = (void *)m, *list = (void *)(m + offs);
    int64_t r[CONV_DIMS];
    int status = 0;
    for (r[0] = 0; r[0] < nn_min(c->stride[0], c->out[0]) && status == 0; r[0]++)
        for (r[1] = 0; r[1] < nn_min(c->stride[1], c->out[1]) && status == 0; r[1]++)
            for (r[2] = 0; r[2] < nn_min(c->stride[2], c->out[2]) && status == 0; r[2]++)
                status = run_phase(c, r, off, list, m + offs + lists);
    fac__free(m, bytes);
    return status;
}

/* --- complex --------------------------------------------------------------------------------- */

#define COMPLEX_PARTS(name, T, R)                                                                  \
    static void split_##name(const fac_tensor *t, int part, R *to) {                               \
        const R *from = (const R *)(const void *)t->data + part;                                   \
        for (int64_t i = 0; i < t->numel; i++)                                                     \
            to[i] = from[2 * i];                                                                   \
    }                                                                                              \
    static void merge_##name(fac_tensor *t, int part, const R *from, bool first, R sign) {         \
        R *to = (R *)(void *)t->data + part;                                                       \
        for (int64_t i = 0; i < t->numel; i++)                                                     \
            to[2 * i] = first ? from[i] : to[2 * i] + sign * from[i];                              \
    }
COMPLEX_PARTS(float, fac_complex64, float)
COMPLEX_PARTS(double, fac_complex128, double)

/* A real tensor of a complex one's real or imaginary parts; NULL of NULL. */
static int part_of(const fac_tensor *t, int part, fac_tensor **to) {
    *to = NULL;
    if (t == NULL)
        return 0;
    bool narrow = t->dtype == FAC_COMPLEX64;
    *to = fac__empty(t->ndim, t->sizes, NULL, narrow ? FAC_FLOAT32 : FAC_FLOAT64, t->device);
    if (*to == NULL)
        return -1;
    if (narrow)
        split_float(t, part, (float *)(void *)(*to)->data);
    else
        split_double(t, part, (double *)(void *)(*to)->data);
    return 0;
}

typedef int real_fn(const void *args, fac_tensor *x, fac_tensor *w, fac_tensor *b, fac_tensor *y);

/* (xr + i xw)(wr + i wi): four real calls of a bilinear fn, which adds b. */
static int run_complex(real_fn *fn, const void *args, fac_tensor *x, fac_tensor *w, fac_tensor *b,
                       fac_tensor *y) {
    fac_tensor *xs[2], *ws[2], *bs[2];
    int r = 0;
    for (int i = 0; i < 2; i++) {
        r |= part_of(x, i, &xs[i]);
        r |= part_of(w, i, &ws[i]);
        r |= part_of(b, i, &bs[i]);
    }
    fac_dtype d = y->dtype == FAC_COMPLEX64 ? FAC_FLOAT32 : FAC_FLOAT64;
    fac_tensor *t = r == 0 ? fac__empty(y->ndim, y->sizes, NULL, d, y->device) : NULL;
    if (t == NULL)
        r = -1;
    for (int k = 0; k < 4 && r == 0; k++) {
        int i = k & 1, j = k >> 1, part = i ^ j; /* rr, ir, ri, ii */
        bool first = k < 2;
        r = fn(args, xs[i], ws[j], first ? bs[part] : NULL, t);
        if (r != 0)
            break;
        if (d == FAC_FLOAT32)
            merge_float(y, part, (const float *)(const void *)t->data, first, i & j ? -1 : 1);
        else
            merge_double(y, part, (const double *)(const void *)t->data, first, i & j ? -1 : 1);
    }
    fac__release(t);
    for (int i = 0; i < 2; i++) {
        fac__release(xs[i]);
        fac__release(ws[i]);
        fac__release(bs[i]);
    }
    return r;
}

/* Casts x, w, b to the working dtype, calls fn, brings the result into out. */
static int run_cast(real_fn *fn, const void *args, fac_tensor *x, fac_tensor *w, fac_tensor *b,
                    fac_tensor *out) {
    fac_dtype d = working((fac_dtype)x->dtype);
    bool in_place = d == (fac_dtype)out->dtype && fac__is_contig(out);
    fac_tensor *xc = fac__cast(x, d), *wc = fac__cast(w, d), *bc;
    fac_tensor *y =
        in_place ? fac__retain(out) : fac__empty(out->ndim, out->sizes, NULL, d, out->device);
    int r = nn_parameter(b, d, &bc);
    if (xc == NULL || wc == NULL || y == NULL)
        r = -1;
    if (r == 0)
        r = fac__is_complex(d) ? run_complex(fn, args, xc, wc, bc, y) : fn(args, xc, wc, bc, y);
    if (r == 0 && !in_place)
        r = fac__copy_into(out, y);
    fac__release(xc);
    fac__release(wc);
    fac__release(bc);
    fac__release(y);
    return r;
}

/* --- the ops --------------------------------------------------------------------------------- */

static int convolution_real(const void *args, fac_tensor *x, fac_tensor *w, fac_tensor *b,
                            fac_tensor *y) {
    const struct fac__convolution_args *a = args;
    int nd = x->ndim - 2;
    conv c = {.dtype = (fac_dtype)x->dtype,
              .n = x->sizes[0],
              .groups = a->groups,
              .in_channels = x->sizes[1],
              .out_channels = y->sizes[1],
              .x = x->data,
              .w = w->data,
              .bias = b != NULL ? b->data : NULL,
              .y = y->data};
    set_dims(c.kernel, w->sizes + 2, nd, 1);
    set_dims(c.in, x->sizes + 2, nd, 1);
    set_dims(c.out, y->sizes + 2, nd, 1);
    set_ints(c.stride, a->stride, nd, 1);
    set_ints(c.pad, a->padding, nd, 0);
    set_ints(c.dilation, a->dilation, nd, 1);
    return a->transposed ? run_transposed(&c) : run_plain(&c);
}

static int convolution(const void *args, fac_tensor **out) {
    const struct fac__convolution_args *a = args;
    return run_cast(convolution_real, args, a->input, a->weight, a->bias, out[0]);
}

static int weight_real(const void *args, fac_tensor *x, fac_tensor *g, fac_tensor *b,
                       fac_tensor *w) {
    const struct fac___convolution_weight_args *a = args;
    (void)b;
    int nd = x->ndim - 2;
    conv c = {.dtype = (fac_dtype)x->dtype,
              .n = x->sizes[0],
              .groups = a->groups,
              .in_channels = x->sizes[1],
              .out_channels = g->sizes[1],
              .x = x->data};
    set_dims(c.kernel, w->sizes + 2, nd, 1);
    set_dims(c.in, x->sizes + 2, nd, 1);
    set_dims(c.out, g->sizes + 2, nd, 1);
    set_ints(c.stride, a->stride, nd, 1);
    set_ints(c.pad, a->padding, nd, 0);
    set_ints(c.dilation, a->dilation, nd, 1);
    int64_t taps = conv_product(c.kernel);
    size_t bytes = (size_t)(taps + 1) * sizeof(int64_t[CONV_DIMS]);
    int64_t (*off)[CONV_DIMS] = fac__alloc(bytes);
    if (off == NULL)
        return -1;
    plain_taps(&c, taps, off);
    conv_weight_pass p = {
        .p = plain_pass(&c, (const int64_t (*)[CONV_DIMS])off), .g = g->data, .w = w->data};
    int r = direct(&p.p) ? FAC__K(fac__conv_direct_weight)(&p) : FAC__K(fac__conv_gemm_weight)(&p);
    fac__free(off, bytes);
    return r;
}

static int convolution_weight(const void *args, fac_tensor **out) {
    const struct fac___convolution_weight_args *a = args;
    return run_cast(weight_real, args, a->input, a->grad_output, NULL, out[0]);
}

static const fac__kernel_row rows[] = {
    {"convolution", convolution}, {"_convolution_weight", convolution_weight}, {0}};
const fac__family FAC__K(fac__family_conv) = {NULL, rows};
