/* Products that are calls of mm, bmm and their kin. */
#include "../rules/rules.h"

#include "../autograd/helpers.h"

#include <facula/ops.h>

#include <string.h>

#define FAIL(...)                                                                                  \
    do {                                                                                           \
        fac__fail(FAC_ERROR_RUNTIME, __VA_ARGS__);                                                 \
        out[0] = fac_bad;                                                                          \
        return;                                                                                    \
    } while (0)

void fac__composite_vdot(const struct fac__vdot_args *a, fac_tensor **out) {
    out[0] = fac_dot(fac__conj_of(a->input), a->other);
}

static fac_tensor *scaled(fac_tensor *t, fac_scalar s) {
    return fac__scalar_double(s) == 1 && fac__scalar_complex(s).im == 0 ? t : fac_mul(t, s);
}

static bool zero(fac_scalar s) {
    return fac__scalar_double(s) == 0 && fac__scalar_complex(s).im == 0;
}

/* beta * input + product; a zero beta ignores input, nan and all */
static fac_tensor *added(fac_tensor *input, fac_scalar beta, fac_tensor *product) {
    if (fac__is_bad(product))
        return product;
    if (zero(beta)) {
        fac_tensor *shape = fac_expand(input, fac__sizes_of(product));
        return fac__is_bad(shape) ? shape : product;
    }
    return fac_add(product, scaled(input, beta));
}

void fac__composite_addmv(const struct fac__addmv_args *a, fac_tensor **out) {
    out[0] = added(a->input, a->beta, scaled(fac_mv(a->mat, a->vec), a->alpha));
}

void fac__composite_addr(const struct fac__addr_args *a, fac_tensor **out) {
    if (a->vec1->ndim != 1 || a->vec2->ndim != 1)
        FAIL("addr: Expected 1-D argument vec%d, but got %d-D", a->vec1->ndim != 1 ? 1 : 2,
             a->vec1->ndim != 1 ? a->vec1->ndim : a->vec2->ndim);
    out[0] = added(a->input, a->beta, scaled(fac_outer(a->vec1, a->vec2), a->alpha));
}

void fac__composite_outer(const struct fac__outer_args *a, fac_tensor **out) {
    if (a->input->ndim != 1 || a->vec2->ndim != 1)
        FAIL("outer: Expected 1-D argument %s, but got %d-D", a->input->ndim != 1 ? "self" : "vec2",
             a->input->ndim != 1 ? a->input->ndim : a->vec2->ndim);
    out[0] = fac_mul(fac_reshape(a->input, fac_dims(a->input->numel, 1)), a->vec2);
}

void fac__composite_ger(const struct fac__ger_args *a, fac_tensor **out) {
    out[0] = fac_outer(a->input, a->vec2);
}

/* Sizes (a, 1, b, 1) times (1, c, 1, d): dimensions of the one between those of the other. */
void fac__composite_kron(const struct fac__kron_args *a, fac_tensor **out) {
    const fac_tensor *x = a->input, *y = a->other;
    int n = x->ndim > y->ndim ? x->ndim : y->ndim;
    int64_t sx[2 * FAC_MAX_DIMS], sy[2 * FAC_MAX_DIMS], sizes[FAC_MAX_DIMS];
    for (int i = 0; i < n; i++) {
        int ix = i - (n - x->ndim), iy = i - (n - y->ndim);
        sx[2 * i] = ix < 0 ? 1 : x->sizes[ix];
        sy[2 * i + 1] = iy < 0 ? 1 : y->sizes[iy];
        sx[2 * i + 1] = sy[2 * i] = 1;
        (void)__builtin_mul_overflow(sx[2 * i], sy[2 * i + 1], &sizes[i]); /* then a view fails */
    }
    fac_tensor *products = fac_mul(fac__unsafe_view(a->input, ((fac_ints){sx, 2 * n, true})),
                                   fac__unsafe_view(a->other, ((fac_ints){sy, 2 * n, true})));
    out[0] = fac__unsafe_view(products, ((fac_ints){sizes, n, true}));
}

void fac__composite_inner(const struct fac__inner_args *a, fac_tensor **out) {
    fac_tensor *x = a->input, *y = a->other;
    if (x->ndim == 0 || y->ndim == 0) {
        out[0] = fac_mul(x, y);
        return;
    }
    if (x->sizes[x->ndim - 1] != y->sizes[y->ndim - 1])
        FAIL("inner() the last dimension must match on both input tensors but got shapes %s and %s",
             fac__shape_text(x->ndim, x->sizes), fac__shape_text(y->ndim, y->sizes));
    int64_t sizes[2 * FAC_MAX_DIMS];
    int n = 0;
    for (int i = 0; i < x->ndim - 1; i++)
        sizes[n++] = x->sizes[i];
    for (int i = 0; i < y->ndim - 1; i++)
        sizes[n++] = y->sizes[i];
    int64_t k = x->sizes[x->ndim - 1];
    int64_t rx = k == 0 ? 0 : x->numel / k, ry = k == 0 ? 0 : y->numel / k;
    if (k == 0) {
        out[0] = fac_zeros(((fac_ints){sizes, n, true}), .dtype = (fac_dtype)x->dtype);
        return;
    }
    fac_tensor *p = fac_mm(fac_reshape(x, fac_dims(rx, k)), fac_t(fac_reshape(y, fac_dims(ry, k))));
    out[0] = fac_reshape(p, ((fac_ints){sizes, n, true}));
}

/* --- matmul ---------------------------------------------------------------------------------- */

static int64_t product(const int64_t *sizes, int n) {
    int64_t p = 1;
    for (int i = 0; i < n; i++)
        p *= sizes[i];
    return p;
}

/* (..., n, m) @ (m, p) or (m,) as one product of rows. */
static fac_tensor *fold_left(fac_tensor *x, fac_tensor *y) {
    int64_t sizes[FAC_MAX_DIMS];
    int n = x->ndim - 1;
    memcpy(sizes, x->sizes, sizeof(int64_t) * (size_t)n);
    fac_tensor *rows = fac_reshape(x, fac_dims(product(sizes, n), x->sizes[n]));
    fac_tensor *r = y->ndim == 1 ? fac_mv(rows, y) : fac_mm(rows, y);
    if (y->ndim == 2)
        sizes[n++] = y->sizes[1];
    return fac__unsafe_view(r, ((fac_ints){sizes, n, true}));
}

static fac_tensor *batches(fac_tensor *x, fac_tensor *y) {
    int64_t batch[FAC_MAX_DIMS], sx[FAC_MAX_DIMS], sy[FAC_MAX_DIMS];
    int nb = x->ndim - 2;
    if (fac__is_bad(x) || fac__is_bad(y))
        return fac_bad;
    memcpy(batch, x->sizes, sizeof(int64_t) * (size_t)(nb > 0 ? nb : 0));
    if (fac__broadcast(&nb, batch, y->ndim - 2, y->sizes) != 0)
        return fac_bad;
    memcpy(sx, batch, sizeof(int64_t) * (size_t)nb);
    memcpy(sy, batch, sizeof(int64_t) * (size_t)nb);
    sx[nb] = x->sizes[x->ndim - 2];
    sx[nb + 1] = x->sizes[x->ndim - 1];
    sy[nb] = y->sizes[y->ndim - 2];
    sy[nb + 1] = y->sizes[y->ndim - 1];
    if (sx[nb + 1] != sy[nb]) {
        int64_t b = product(batch, nb);
        fac__fail(FAC_ERROR_RUNTIME,
                  "Expected size for first two dimensions of batch2 tensor to be: [%lld, %lld] but "
                  "got: [%lld, %lld].",
                  (long long)b, (long long)sx[nb + 1], (long long)b, (long long)sy[nb]);
        return fac_bad;
    }
    int64_t b = product(batch, nb);
    x = fac_reshape(fac_expand(x, ((fac_ints){sx, nb + 2, true})), fac_dims(b, sx[nb], sx[nb + 1]));
    y = fac_reshape(fac_expand(y, ((fac_ints){sy, nb + 2, true})), fac_dims(b, sy[nb], sy[nb + 1]));
    sx[nb + 1] = sy[nb + 1];
    return fac__unsafe_view(fac_bmm(x, y), ((fac_ints){sx, nb + 2, true}));
}

void fac__composite_matmul(const struct fac__matmul_args *a, fac_tensor **out) {
    fac_tensor *x = a->input, *y = a->other;
    if (x->ndim == 2 && y->ndim == 2) {
        out[0] = fac_mm(x, y);
        return;
    }
    if (x->ndim == 0 || y->ndim == 0)
        FAIL("both arguments to matmul need to be at least 1D, but they are %dD and %dD", x->ndim,
             y->ndim);
    if (x->ndim == 1 && y->ndim == 1)
        out[0] = fac_dot(x, y);
    else if (x->ndim == 2 && y->ndim == 1)
        out[0] = fac_mv(x, y);
    else if (x->ndim == 1 && y->ndim == 2)
        out[0] = fac_squeeze_dim(fac_mm(fac_unsqueeze(x, 0), y), 0);
    else if (x->ndim >= 3 && y->ndim <= 2)
        out[0] = fold_left(x, y);
    else if (x->ndim == 1)
        out[0] = fac_squeeze_dim(batches(fac_unsqueeze(x, 0), y), -2);
    else
        out[0] = batches(x, y);
}

/* --- einsum ------------------------------------------------------------------------------------
 */

/* Labels are 0..51 for letters; an ellipsis stands for labels from ELLIPSIS on. */
enum { ELLIPSIS = 52, LABELS = ELLIPSIS + FAC_MAX_DIMS, MAX_OPERANDS = 32 };

struct term {
    uint8_t label[FAC_MAX_DIMS];
    int n;
    int letters, dots; /* how many letters; how many of them are before the ellipsis, or -1 */
};

static int label_of(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    return -1;
}

static int letter_of(int label) {
    return label < 26 ? 'A' + label : 'a' + label - 26;
}

static int invalid_subscript(const char *equation, const char *at) {
    return fac__fail(FAC_ERROR_RUNTIME,
                     "einsum(): invalid subscript given at index %d in the equation string, "
                     "subscripts must be in [a-zA-Z]",
                     (int)(at - equation));
}

/* Reads the operands' subscripts, to "->" or the end. */
static const char *read_terms(const char *equation, struct term *x, int n) {
    int i = 0;
    const char *s = equation;
    x[0] = (struct term){.dots = -1};
    for (; *s != '\0' && !(s[0] == '-' && s[1] == '>'); s++) {
        if (*s == ' ')
            continue;
        if (*s == ',') {
            if (++i == n) {
                fac__fail(FAC_ERROR_RUNTIME,
                          "einsum(): fewer operands were provided than specified in the equation");
                return NULL;
            }
            x[i] = (struct term){.dots = -1};
            continue;
        }
        if (*s == '.') {
            if (s[1] != '.' || s[2] != '.' || x[i].dots >= 0) {
                fac__fail(
                    FAC_ERROR_RUNTIME,
                    x[i].dots >= 0
                        ? "einsum(): found '.' for operand %d for which an ellipsis was already "
                          "found"
                        : "einsum(): found '.' for operand %d that is not part of any ellipsis",
                    i);
                return NULL;
            }
            x[i].dots = x[i].letters;
            s += 2;
            continue;
        }
        int l = label_of(*s);
        if (l < 0) {
            invalid_subscript(equation, s);
            return NULL;
        }
        if (x[i].letters < FAC_MAX_DIMS)
            x[i].label[x[i].letters] = (uint8_t)l;
        x[i].letters++;
    }
    if (i + 1 < n) {
        fac__fail(FAC_ERROR_RUNTIME,
                  "einsum(): more operands were provided than specified in the equation");
        return NULL;
    }
    return s;
}

/* Gives the axes under an ellipsis their labels; so x->label is one for each of ndim axes. */
static int spread_term(struct term *x, int ndim, int *ellipsis, int operand) {
    int covers = ndim - x->letters;
    if (x->dots < 0 ? covers != 0 : covers < 0)
        return fac__fail(
            FAC_ERROR_RUNTIME,
            "einsum(): the number of subscripts in the equation (%d) %s the number of dimensions "
            "(%d) for operand %d%s",
            x->letters, x->dots >= 0 ? "is more than" : "does not match", ndim, operand,
            x->dots >= 0 ? "" : " and no ellipsis was given");
    x->n = ndim;
    if (covers == 0)
        return 0;
    memmove(x->label + x->dots + covers, x->label + x->dots, (size_t)(x->letters - x->dots));
    for (int i = 0; i < covers; i++)
        x->label[x->dots + i] = (uint8_t)(LABELS - covers + i);
    if (covers > *ellipsis)
        *ellipsis = covers;
    return 0;
}

/* Whether an operand's sizes agree with each other and with those `seen` before it. */
static int agree(const struct term *x, const fac_tensor *t, int operand, int64_t *seen) {
    int64_t own[LABELS];
    int dim = 0;
    for (int l = 0; l < LABELS; l++)
        own[l] = -1;
    for (int i = 0; i < x->n; i++) {
        int l = x->label[i];
        int64_t size = t->sizes[i];
        if (own[l] >= 0) {
            if (own[l] != size)
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "einsum(): subscript %c is repeated for operand %d but the sizes "
                                 "don't match, %lld != %lld",
                                 letter_of(l), operand, (long long)size, (long long)own[l]);
            continue;
        }
        own[l] = size;
        if (size != 1 && seen[l] != 1 && seen[l] != size && l >= ELLIPSIS)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "einsum(): dimension %d covered by ellipsis in operand %dhas size "
                             "%lld which does not broadcast with previously seen ellipsis with "
                             "size %lld for the respective dimension",
                             dim, operand, (long long)size, (long long)seen[l]);
        if (size != 1 && seen[l] != 1 && seen[l] != size)
            return fac__fail(FAC_ERROR_RUNTIME,
                             "einsum(): subscript %c has size %lld for operand %d which does not "
                             "broadcast with previously seen size %lld",
                             letter_of(l), (long long)size, operand, (long long)seen[l]);
        if (size != 1)
            seen[l] = size;
        dim++;
    }
    return 0;
}

/* The diagonal of axes i < j, as the last axis. */
static fac_tensor *diagonal(fac_tensor *t, int i, int j) {
    int64_t sizes[FAC_MAX_DIMS], strides[FAC_MAX_DIMS];
    int n = 0;
    for (int d = 0; d < t->ndim; d++)
        if (d != i && d != j) {
            sizes[n] = t->sizes[d];
            strides[n++] = t->strides[d];
        }
    sizes[n] = t->sizes[i];
    strides[n++] = t->strides[i] + t->strides[j];
    return fac_as_strided(t, ((fac_ints){sizes, n, true}), ((fac_ints){strides, n, true}),
                          .storage_offset = fac_some(t->offset));
}

/* t with repeated labels reduced to their diagonal and axes in the order of `order`; labels that t
 * lacks become size 1. */
static fac_tensor *arrange(fac_tensor *t, struct term *x, const uint8_t *order, int n) {
    for (int i = 0; i < x->n; i++)
        for (int j = x->n - 1; j > i; j--)
            if (x->label[i] == x->label[j]) {
                t = diagonal(t, i, j);
                if (fac__is_bad(t))
                    return t;
                uint8_t l = x->label[i];
                memmove(&x->label[j], &x->label[j + 1], (size_t)(x->n - j - 1));
                memmove(&x->label[i], &x->label[i + 1], (size_t)(x->n - i - 2));
                x->n--;
                x->label[x->n - 1] = l;
                i = -1;
                break;
            }
    int64_t dims[FAC_MAX_DIMS];
    bool missing[FAC_MAX_DIMS];
    int k = 0;
    for (int i = 0; i < n; i++) {
        int at = -1;
        for (int j = 0; j < x->n; j++)
            if (x->label[j] == order[i])
                at = j;
        missing[i] = at < 0;
        if (at >= 0)
            dims[k++] = at;
    }
    t = fac_permute(t, ((fac_ints){dims, k, true}));
    for (int i = 0; i < n; i++)
        if (missing[i])
            t = fac_unsqueeze(t, i);
    return t;
}

/* Sum of x * y over `summed` axes; both have all n axes. Batch axes first, then x's own, y's own;
 * y's before x's where the result has them in that order. */
static fac_tensor *contract(fac_tensor *x, fac_tensor *y, int n, const bool *summed) {
    int64_t px[FAC_MAX_DIMS], py[FAC_MAX_DIMS], shape[FAC_MAX_DIMS], back[FAC_MAX_DIMS];
    int64_t dims[FAC_MAX_DIMS];
    int nb = 0, nx = 0, ny = 0, ns = 0, axes[4][FAC_MAX_DIMS], nd = 0;
    if (fac__is_bad(x) || fac__is_bad(y))
        return fac_bad;
    bool any = false;
    int first_x = n, last_y = -1;
    for (int i = 0; i < n; i++) {
        any |= summed[i];
        if (!summed[i] && y->sizes[i] == 1 && x->sizes[i] != 1)
            first_x = i < first_x ? i : first_x;
        else if (!summed[i] && x->sizes[i] == 1 && y->sizes[i] != 1)
            last_y = i;
    }
    if (!any)
        return fac_mul(x, y);
    if (first_x < n && last_y >= 0 && last_y < first_x)
        return contract(y, x, n, summed);
    /* axes of one side alone are summed before the product */
    for (int pass = 0; pass < 2; pass++) {
        fac_tensor **t = pass == 0 ? &x : &y;
        fac_tensor *o = pass == 0 ? y : x;
        nd = 0;
        for (int i = 0; i < n; i++)
            if (summed[i] && (*t)->sizes[i] != 1 && o->sizes[i] == 1)
                dims[nd++] = i;
        if (nd > 0)
            *t = fac_sum(*t, .dim = {dims, nd, true}, .keepdim = true);
    }
    if (fac__is_bad(x) || fac__is_bad(y))
        return fac_bad;
    int64_t b = 1, p = 1, q = 1, s = 1;
    for (int i = 0; i < n; i++) {
        int64_t a = x->sizes[i], c = y->sizes[i];
        if (summed[i]) {
            axes[3][ns++] = i;
            s *= a;
        } else if (c == 1 && a != 1) {
            axes[1][nx++] = i;
            p *= a;
        } else if (a == 1 && c != 1) {
            axes[2][ny++] = i;
            q *= c;
        } else {
            axes[0][nb++] = i;
            b *= a;
        }
    }
    int at = 0;
    for (int i = 0; i < nb; i++, at++) {
        px[at] = py[at] = axes[0][i];
        shape[at] = x->sizes[axes[0][i]];
    }
    int kx = at, ky = at;
    for (int i = 0; i < nx; i++)
        px[kx++] = axes[1][i];
    for (int i = 0; i < ns; i++)
        px[kx++] = axes[3][i];
    for (int i = 0; i < ny; i++)
        px[kx++] = axes[2][i];
    for (int i = 0; i < ns; i++)
        py[ky++] = axes[3][i];
    for (int i = 0; i < ny; i++)
        py[ky++] = axes[2][i];
    for (int i = 0; i < nx; i++)
        py[ky++] = axes[1][i];
    for (int i = 0; i < nx; i++)
        shape[at++] = x->sizes[axes[1][i]];
    for (int i = 0; i < ny; i++)
        shape[at++] = y->sizes[axes[2][i]];
    for (int i = 0; i < ns; i++)
        shape[at++] = 1;
    fac_tensor *left = fac_reshape(fac_permute(x, ((fac_ints){px, n, true})), fac_dims(b, p, s));
    fac_tensor *right = fac_reshape(fac_permute(y, ((fac_ints){py, n, true})), fac_dims(b, s, q));
    fac_tensor *r = fac_reshape(fac_bmm(left, right), ((fac_ints){shape, n, true}));
    int k = 0;
    for (int i = 0; i < nb; i++)
        back[axes[0][i]] = k++;
    for (int i = 0; i < nx; i++)
        back[axes[1][i]] = k++;
    for (int i = 0; i < ny; i++)
        back[axes[2][i]] = k++;
    for (int i = 0; i < ns; i++)
        back[axes[3][i]] = k++;
    return fac_permute(r, ((fac_ints){back, n, true}));
}

struct einsum {
    struct term in[MAX_OPERANDS];
    uint8_t order[LABELS]; /* result labels, then the summed ones */
    int n, nresult;
};

static int plan(struct einsum *e, const char *s, const fac_tensors *ops) {
    const char *equation = s;
    int ellipsis = 0, count[LABELS] = {0};
    bool dots = false;
    if (ops->n < 1 || ops->n > MAX_OPERANDS)
        return fac__fail(FAC_ERROR_RUNTIME, "einsum(): must provide at least one operand");
    s = read_terms(equation, e->in, ops->n);
    if (s == NULL)
        return -1;
    for (int i = 0; i < ops->n; i++) {
        if (spread_term(&e->in[i], ops->values[i]->ndim, &ellipsis, i) != 0)
            return -1;
        for (int k = 0; k < e->in[i].n; k++)
            count[e->in[i].label[k]]++;
    }
    e->n = 0;
    bool used[LABELS] = {false};
    if (*s == '-') {
        for (s += 2; *s != '\0'; s++) {
            if (*s == ' ')
                continue;
            if (*s == '.') {
                if (dots)
                    return fac__fail(FAC_ERROR_RUNTIME,
                                     "einsum(): found '.' for output but an ellipsis (...) was "
                                     "already found");
                if (s[1] != '.' || s[2] != '.')
                    return fac__fail(FAC_ERROR_RUNTIME,
                                     "einsum(): found '.' for output that is not part of any "
                                     "ellipsis (...)");
                s += 2;
                dots = true;
                for (int i = 0; i < ellipsis; i++) {
                    int l = LABELS - ellipsis + i;
                    e->order[e->n++] = (uint8_t)l;
                    used[l] = true;
                }
                continue;
            }
            int l = label_of(*s);
            if (l < 0)
                return invalid_subscript(equation, s);
            if (used[l])
                return fac__fail(FAC_ERROR_RUNTIME,
                                 "einsum(): output subscript %c appears more than once in the "
                                 "output",
                                 *s);
            if (count[l] == 0)
                return fac__fail(
                    FAC_ERROR_RUNTIME,
                    "einsum(): output subscript %c does not appear in the equation for "
                    "any input operand",
                    *s);
            used[l] = true;
            e->order[e->n++] = (uint8_t)l;
        }
    } else {
        for (int i = 0; i < ellipsis; i++) {
            e->order[e->n++] = (uint8_t)(LABELS - ellipsis + i);
            used[LABELS - ellipsis + i] = true;
        }
        for (int l = 0; l < ELLIPSIS; l++)
            if (count[l] == 1) {
                e->order[e->n++] = (uint8_t)l;
                used[l] = true;
            }
    }
    e->nresult = e->n;
    for (int l = 0; l < LABELS; l++)
        if (count[l] > 0 && !used[l])
            e->order[e->n++] = (uint8_t)l;
    if (e->n > FAC_MAX_DIMS)
        return fac__fail(FAC_ERROR_RUNTIME, "einsum(): at most %d labels", FAC_MAX_DIMS);
    return 0;
}

void fac__composite_einsum(const struct fac__einsum_args *a, fac_tensor **out) {
    struct einsum e;
    out[0] = fac_bad;
    if (plan(&e, a->equation, &a->operands) != 0)
        return;
    fac_tensor *t[MAX_OPERANDS] = {NULL};
    int64_t seen[LABELS];
    for (int l = 0; l < LABELS; l++)
        seen[l] = 1;
    for (int i = 0; i < a->operands.n; i++)
        if (agree(&e.in[i], a->operands.values[i], i, seen) != 0)
            return;
    for (int i = 0; i < a->operands.n; i++) {
        t[i] = arrange(a->operands.values[i], &e.in[i], e.order, e.n);
        if (fac__is_bad(t[i]))
            return;
    }
    int last[FAC_MAX_DIMS]; /* the last operand in which an axis is not 1 */
    for (int d = 0; d < e.n; d++) {
        last[d] = 0;
        for (int i = 0; i < a->operands.n; i++)
            if (t[i]->sizes[d] != 1)
                last[d] = i;
    }
    fac_tensor *r = t[0];
    for (int i = 1; i < a->operands.n && !fac__is_bad(r); i++) {
        bool summed[FAC_MAX_DIMS];
        for (int d = 0; d < e.n; d++)
            summed[d] = d >= e.nresult && last[d] <= i;
        r = contract(r, t[i], e.n, summed);
    }
    if (e.n > e.nresult && !fac__is_bad(r)) {
        int64_t dims[FAC_MAX_DIMS];
        for (int d = e.nresult; d < e.n; d++)
            dims[d - e.nresult] = d;
        fac_ints rest = {dims, e.n - e.nresult, true};
        r = a->operands.n == 1 ? fac_sum(r, .dim = rest)
                               : fac_view(r, ((fac_ints){r->sizes, e.nresult, true}));
    }
    out[0] = r;
}
