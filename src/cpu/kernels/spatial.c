/* Windows of planes as columns, and columns added up into planes again. */
#include "nn.h"

#include <string.h>

struct windows {
    const char *from;
    char *to;
    int64_t h, w, oh, ow; /* of a plane, and counts of windows */
    int64_t kernel[2], dilation[2], pad[2], stride[2];
    size_t item;
};

static void windows_of(struct windows *s, const fac_tensor *plane, fac_ints k, fac_ints d,
                       fac_ints p, fac_ints st) {
    int64_t size[2] = {plane->sizes[plane->ndim - 2], plane->sizes[plane->ndim - 1]}, n[2];
    for (int i = 0; i < 2; i++) {
        s->kernel[i] = k.values[i];
        s->dilation[i] = d.values[i];
        s->pad[i] = p.values[i];
        s->stride[i] = st.values[i];
        n[i] = (size[i] + 2 * p.values[i] - d.values[i] * (k.values[i] - 1) - 1) / st.values[i] + 1;
    }
    s->h = size[0];
    s->w = size[1];
    s->oh = n[0];
    s->ow = n[1];
    s->item = fac__itemsize(plane->dtype);
}

/* The outputs [j0, j1) of one tap that fall inside along the row, the first reading at `from`. */
static void inside(const struct windows *s, int64_t tap, int64_t *j0, int64_t *j1, int64_t *from) {
    int64_t off = tap * s->dilation[1] - s->pad[1], step = s->stride[1];
    *j0 = nn_min(s->ow, off < 0 ? (-off + step - 1) / step : 0);
    *j1 = off >= s->w ? *j0 : nn_max(*j0, nn_min(s->ow, (s->w - 1 - off) / step + 1));
    *from = off + *j0 * step;
}

#define COLUMNS(width, T)                                                                          \
    static int columns_##width(void *ctx, int64_t begin, int64_t end) {                            \
        const struct windows *s = ctx;                                                             \
        int64_t taps = s->kernel[0] * s->kernel[1], n = s->oh * s->ow;                             \
        for (int64_t u = begin; u < end; u++) { /* plane and tap */                                \
            int64_t tap = u % taps, j0, j1, from;                                                  \
            const T *x = (const T *)(const void *)s->from + u / taps * s->h * s->w;                \
            T *o = (T *)(void *)s->to + u * n;                                                     \
            inside(s, tap % s->kernel[1], &j0, &j1, &from);                                        \
            memset(o, 0, (size_t)n * sizeof(T));                                                   \
            for (int64_t i = 0; i < s->oh; i++, o += s->ow) {                                      \
                int64_t y = i * s->stride[0] - s->pad[0] + tap / s->kernel[1] * s->dilation[0];    \
                if (y < 0 || y >= s->h)                                                            \
                    continue;                                                                      \
                const T *row = x + y * s->w + from;                                                \
                for (int64_t j = j0; j < j1; j++)                                                  \
                    o[j] = row[(j - j0) * s->stride[1]];                                           \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }
COLUMNS(1, uint8_t)
COLUMNS(2, uint16_t)
COLUMNS(4, uint32_t)
COLUMNS(8, uint64_t)
COLUMNS(16, fac_complex128)

static int im2col(const void *args, fac_tensor **out) {
    const struct fac__im2col_args *a = args;
    struct windows s = {0};
    fac_tensor *x = fac__contiguous(a->input);
    if (x == NULL)
        return -1;
    windows_of(&s, x, a->kernel_size, a->dilation, a->padding, a->stride);
    s.from = x->data;
    s.to = out[0]->data;
    fac__range_fn *fn = s.item == 1   ? columns_1
                        : s.item == 2 ? columns_2
                        : s.item == 4 ? columns_4
                        : s.item == 8 ? columns_8
                                      : columns_16;
    int64_t units = x->numel / nn_max(1, s.h * s.w) * s.kernel[0] * s.kernel[1];
    int r = fac__parallel_for(units, nn_grain(s.oh * s.ow), fn, &s);
    fac__release(x);
    return r;
}

/* Complex planes are real ones of twice the step. */
#define PLANES(dtype, T, parts)                                                                    \
    static int planes_##dtype(void *ctx, int64_t begin, int64_t end) {                             \
        const struct windows *s = ctx;                                                             \
        int64_t taps = s->kernel[0] * s->kernel[1], n = s->oh * s->ow;                             \
        for (int64_t u = begin; u < end; u++) {                                                    \
            T *x = (T *)(void *)s->to + u * s->h * s->w * parts;                                   \
            memset(x, 0, (size_t)(s->h * s->w * parts) * sizeof(T));                               \
            for (int64_t tap = 0; tap < taps; tap++) {                                             \
                int64_t j0, j1, from;                                                              \
                const T *o = (const T *)(const void *)s->from + (u * taps + tap) * n * parts;      \
                inside(s, tap % s->kernel[1], &j0, &j1, &from);                                    \
                for (int64_t i = 0; i < s->oh; i++, o += s->ow * parts) {                          \
                    int64_t y =                                                                    \
                        i * s->stride[0] - s->pad[0] + tap / s->kernel[1] * s->dilation[0];        \
                    if (y < 0 || y >= s->h)                                                        \
                        continue;                                                                  \
                    T *row = x + (y * s->w + from) * parts;                                        \
                    for (int64_t j = j0; j < j1; j++)                                              \
                        for (int k = 0; k < parts; k++)                                            \
                            row[(j - j0) * s->stride[1] * parts + k] += o[j * parts + k];          \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return 0;                                                                                  \
    }
PLANES(FLOAT32, float, 1)
PLANES(FLOAT64, double, 1)
PLANES(COMPLEX64, float, 2)
PLANES(COMPLEX128, double, 2)

static int col2im(const void *args, fac_tensor **out) {
    const struct fac__col2im_args *a = args;
    struct windows s = {0};
    fac_dtype d = (fac_dtype)a->input->dtype;
    bool narrow = d == FAC_FLOAT16 || d == FAC_BFLOAT16;
    fac_tensor *x = fac__cast(a->input, narrow ? FAC_FLOAT32 : d);
    fac_tensor *o = narrow
                        ? fac__empty(out[0]->ndim, out[0]->sizes, NULL, FAC_FLOAT32, out[0]->device)
                        : fac__retain(out[0]);
    int r = x == NULL || o == NULL ? -1 : 0;
    if (r == 0) {
        windows_of(&s, o, a->kernel_size, a->dilation, a->padding, a->stride);
        s.from = x->data;
        s.to = o->data;
        fac__range_fn *fn = x->dtype == FAC_FLOAT32     ? planes_FLOAT32
                            : x->dtype == FAC_FLOAT64   ? planes_FLOAT64
                            : x->dtype == FAC_COMPLEX64 ? planes_COMPLEX64
                                                        : planes_COMPLEX128;
        int64_t planes = o->numel / nn_max(1, s.h * s.w);
        r = fac__parallel_for(planes, nn_grain(s.oh * s.ow * s.kernel[0] * s.kernel[1]), fn, &s);
    }
    if (r == 0 && narrow)
        r = fac__copy_into(out[0], o);
    fac__release(x);
    fac__release(o);
    return r;
}

static const fac__kernel_row rows[] = {{"im2col", im2col}, {"col2im", col2im}, {0}};
const fac__family FAC__K(fac__family_spatial) = {NULL, rows};
