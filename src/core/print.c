/* Tensors as text, PyTorch's rules for every detail.
 *
 * The elements that will be shown are looked at twice: once to find how to write them (integers,
 * fixed point or scientific, and the common width), once to write them. A summarised tensor is
 * never copied; conjugate and negative views are resolved element by element.
 */
#include "print.h"

#include "../autograd/autograd.h"
#include "../sparse/coo.h"
#include <facula/autograd.h>
#include "core.h"
#include "text.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t options_lock = PTHREAD_MUTEX_INITIALIZER;
static fac_print_options options = {4, 1000, 3, 80, -1};

void fac__print_lock(void) {
    pthread_mutex_lock(&options_lock);
}

void fac__print_unlock(void) {
    pthread_mutex_unlock(&options_lock);
}

fac_print_options fac_get_print_options(void) {
    pthread_mutex_lock(&options_lock);
    fac_print_options o = options;
    pthread_mutex_unlock(&options_lock);
    return o;
}

/* A double has no more than 1074 digits after the point; of many more, a number is no text that
 * printf() can write. */
enum { MOST_DIGITS = 10000 };

bool fac_set_print_options(fac_print_options o) {
    if (o.precision < 0 || o.precision > MOST_DIGITS || o.edgeitems < 0 || o.sci_mode < -1 ||
        o.sci_mode > 1) {
        fac__fail(FAC_ERROR_VALUE,
                  "print options: precision (%d) must be from 0 to %d, edgeitems (%d) must not be "
                  "negative and sci_mode (%d) must be -1, 0 or 1",
                  o.precision, MOST_DIGITS, o.edgeitems, o.sci_mode);
        return false;
    }
    pthread_mutex_lock(&options_lock);
    options = o;
    pthread_mutex_unlock(&options_lock);
    return true;
}

/* --- which elements -------------------------------------------------------------------------- */

typedef struct {
    const fac_tensor *t;
    fac_print_options o;
    bool summarize;
} source;

static bool cut(const source *s, int64_t size) {
    return s->summarize && size > 2 * (int64_t)s->o.edgeitems;
}

/* How many of a dimension's entries are shown, and which the k-th is. */
static int64_t shown(const source *s, int64_t size) {
    return cut(s, size) ? 2 * (int64_t)s->o.edgeitems : size;
}

static int64_t nth(const source *s, int64_t size, int64_t k) {
    return cut(s, size) && k >= s->o.edgeitems ? size - 2 * (int64_t)s->o.edgeitems + k : k;
}

static const char *step(const source *s, int dim, const char *p, int64_t index) {
    return p + index * s->t->strides[dim] * (int64_t)fac__itemsize(s->t->dtype);
}

static fac_scalar element(const source *s, const char *p) {
    fac_scalar v = fac__scalar_from(p, (fac_dtype)s->t->dtype);
    bool neg = (s->t->features & FAC__NEG) != 0, conj = (s->t->features & FAC__CONJ) != 0;
    if (v.kind == FAC_COMPLEX128) {
        v.as.c.re = neg ? -v.as.c.re : v.as.c.re;
        v.as.c.im = neg != conj ? -v.as.c.im : v.as.c.im;
    } else if (neg && v.kind == FAC_FLOAT64) {
        v.as.f = -v.as.f;
    } else if (neg && v.kind == FAC_INT64) {
        v.as.i = (int64_t)(0 - (uint64_t)v.as.i);
    }
    return v;
}

/* The real part of a complex number by part 0, the imaginary by 1; anything else itself. */
static fac_scalar part_of(fac_scalar v, int part) {
    if (v.kind != FAC_COMPLEX128)
        return v;
    return fac_float(part == 0 ? v.as.c.re : v.as.c.im);
}

/* --- how to write them ----------------------------------------------------------------------- */

typedef struct {
    bool integral, scientific;
    int64_t width;
    int precision;
} format;

static void number(fac__text *out, const format *f, fac_scalar v) {
    switch (v.kind) {
    case FAC_BOOL:
        fac__text_str(out, v.as.b ? "True" : "False");
        return;
    case FAC_INT64:
        fac__text_format(out, "%lld", (long long)v.as.i);
        return;
    case FAC_UINT64:
        fac__text_format(out, "%llu", (unsigned long long)v.as.u);
        return;
    default:
        break;
    }
    if (f->scientific) {
        fac__text_double(out, v.as.f, f->precision, 'e');
    } else if (f->integral) {
        fac__text_double(out, v.as.f, 0, 'f');
        if (isfinite(v.as.f))
            fac__text_str(out, ".");
    } else {
        fac__text_double(out, v.as.f, f->precision, 'f');
    }
}

/* The first look. Infinities, nan and zeros decide nothing. */
typedef struct {
    const source *s;
    int part;
    bool any, integral;
    double least, most; /* absolute values */
    format *f;
    fac__text scratch;
} survey;

static void range(survey *v, fac_scalar x) {
    if (x.kind != FAC_FLOAT64 || !isfinite(x.as.f) || x.as.f == 0)
        return;
    double a = fabs(x.as.f);
    v->least = v->any && v->least < a ? v->least : a;
    v->most = v->any && v->most > a ? v->most : a;
    v->any = true;
    v->integral = v->integral && x.as.f == ceil(x.as.f);
}

static void width(survey *v, fac_scalar x) {
    if (x.kind == FAC_FLOAT64 && (!isfinite(x.as.f) || x.as.f == 0))
        return;
    v->scratch.n = 0;
    number(&v->scratch, v->f, x);
    if ((int64_t)v->scratch.n > v->f->width)
        v->f->width = (int64_t)v->scratch.n;
}

static void each(survey *v, void look(survey *, fac_scalar), int dim, const char *p) {
    const source *s = v->s;
    if (dim == s->t->ndim) {
        look(v, part_of(element(s, p), v->part));
        return;
    }
    int64_t size = s->t->sizes[dim], n = shown(s, size);
    for (int64_t k = 0; k < n; k++)
        each(v, look, dim + 1, step(s, dim, p, nth(s, size, k)));
}

/* False where memory failed. */
static bool choose(const source *s, int part, format *f) {
    survey v = {.s = s, .part = part, .integral = true, .f = f};
    *f = (format){.integral = true, .width = 1, .precision = s->o.precision};
    fac_dtype d = (fac_dtype)s->t->dtype;
    if (fac__is_float(d) || fac__is_complex(d)) {
        each(&v, range, 0, s->t->data);
        f->integral = v.integral;
        if (v.any) {
            bool wide = v.most / v.least > 1000.0 || v.most > 1.0e8;
            bool tiny = !v.integral && v.least < 1.0e-4;
            f->scientific = s->o.sci_mode >= 0 ? s->o.sci_mode == 1 : wide || tiny;
        }
    }
    each(&v, width, 0, s->t->data);
    bool ok = !v.scratch.failed;
    fac__text_drop(&v.scratch);
    return ok;
}

/* --- writing --------------------------------------------------------------------------------- */

typedef struct {
    source s;
    format f[2]; /* real numbers and real parts; imaginary parts */
    bool complex;
    int64_t indent;
    fac__text *out;
} writer;

static void padded(writer *w, fac_scalar v, const format *f) {
    size_t start = w->out->n;
    number(w->out, f, v);
    if (w->out->failed)
        return;
    size_t n = w->out->n - start;
    int64_t pad = f->width - (int64_t)n;
    fac__text_pad(w->out, ' ', pad);
    if (pad <= 0 || w->out->failed)
        return;
    memmove(w->out->s + start + pad, w->out->s + start, n);
    memset(w->out->s + start, ' ', (size_t)pad);
}

static void value(writer *w, const char *p) {
    fac_scalar v = element(&w->s, p);
    padded(w, part_of(v, 0), &w->f[0]);
    if (!w->complex)
        return;
    size_t start = w->out->n;
    number(w->out, &w->f[1], part_of(v, 1));
    if (w->out->failed)
        return;
    if (w->out->s[start] != '-') {
        fac__text_str(w->out, "+"); /* room for it */
        if (w->out->failed)
            return;
        memmove(w->out->s + start + 1, w->out->s + start, w->out->n - start - 1);
        w->out->s[start] = '+';
    }
    fac__text_str(w->out, "j");
}

static void new_line(writer *w, int lines, int64_t indent) {
    fac__text_str(w->out, ",");
    fac__text_pad(w->out, '\n', lines);
    fac__text_pad(w->out, ' ', indent + 1);
}

static void vector(writer *w, const char *p, int64_t indent) {
    const source *s = &w->s;
    int dim = s->t->ndim - 1;
    int64_t size = s->t->sizes[dim], n = shown(s, size), column = 0;
    int64_t length = w->f[0].width + 2 + (w->complex ? w->f[1].width + 1 : 0);
    int64_t room = s->o.linewidth - indent, line = room > length ? room / length : 1;
    fac__text_str(w->out, "[");
    for (int64_t k = 0; k <= n && !w->out->failed; k++) {
        bool dots = cut(s, size) && k == s->o.edgeitems;
        for (int more = dots ? 0 : 1; more < 2; more++) {
            if (more == 1 && k == n)
                break;
            if (column == line) {
                new_line(w, 1, indent);
                column = 0;
            } else if (column > 0) {
                fac__text_str(w->out, ", ");
            }
            column++;
            if (more == 0)
                fac__text_str(w->out, n == 0 ? "..." : " ...");
            else
                value(w, step(s, dim, p, nth(s, size, k)));
        }
    }
    fac__text_str(w->out, "]");
}

static void nested(writer *w, int dim, const char *p, int64_t indent) {
    const source *s = &w->s;
    int left = s->t->ndim - dim;
    if (left == 0) {
        value(w, p);
        return;
    }
    if (left == 1) {
        vector(w, p, indent);
        return;
    }
    int64_t size = s->t->sizes[dim], n = shown(s, size);
    fac__text_str(w->out, "[");
    if (n == 0 && cut(s, size))
        fac__text_str(w->out, "...");
    for (int64_t k = 0; k < n && !w->out->failed; k++) {
        if (k > 0)
            new_line(w, left - 1, indent);
        if (cut(s, size) && k == s->o.edgeitems) {
            fac__text_str(w->out, "...");
            new_line(w, left - 1, indent);
        }
        nested(w, dim + 1, step(s, dim, p, nth(s, size, k)), indent + 1);
    }
    fac__text_str(w->out, "]");
}

/* The elements alone, as in "[1, 2]", with `indent` characters before them on the line. */
static int elements(fac__text *out, const fac_tensor *t, int64_t indent) {
    if (t->numel == 0) {
        fac__text_str(out, "[]");
        return 0;
    }
    writer w = {.indent = indent, .out = out, .complex = fac__is_complex((fac_dtype)t->dtype)};
    w.s = (source){.t = t, .o = fac_get_print_options()};
    w.s.summarize = t->numel > w.s.o.threshold;
    if (!choose(&w.s, 0, &w.f[0]) || (w.complex && !choose(&w.s, 1, &w.f[1])))
        return -1;
    nested(&w, 0, t->data, indent);
    return out->failed ? -1 : 0;
}

/* --- what stands behind the elements --------------------------------------------------------- */

typedef struct {
    fac__text *out;
    int64_t indent, column;
    int64_t linewidth;
    bool no_items; /* edgeitems is 0 */
    bool force_newline;
} tail;

static void suffix(tail *s, const char *text) {
    int64_t n = (int64_t)strlen(text);
    if (s->force_newline || s->column + n + 2 > s->linewidth) {
        fac__text_str(s->out, ",\n");
        fac__text_pad(s->out, ' ', s->indent);
        s->column = s->indent + n;
        s->force_newline = false;
    } else {
        fac__text_str(s->out, ", ");
        s->column += n + 2;
    }
    fac__text_str(s->out, text);
}

static void size_text(fac__text *b, const fac_tensor *t) {
    fac__text_str(b, "size=(");
    for (int i = 0; i < t->ndim; i++)
        fac__text_format(b, i > 0 ? ", %lld" : "%lld", (long long)t->sizes[i]);
    fac__text_str(b, t->ndim == 1 ? ",)" : ")");
}

static void size_suffix(tail *s, const fac_tensor *t) {
    fac__text b = {0};
    size_text(&b, t);
    if (!b.failed)
        suffix(s, b.s);
    s->out->failed = s->out->failed || b.failed;
    fac__text_drop(&b);
}

static void shape_suffixes(tail *s, const fac_tensor *t) {
    char text[64];
    fac_dtype d = (fac_dtype)t->dtype, initial = fac_default_dtype();
    bool meta = t->device.type == FAC_META, empty = t->numel == 0;
    if (t->device.type != FAC_CPU) {
        if (meta || t->device.index < 0)
            snprintf(text, sizeof text, "device='%s'", fac__device_name(t->device));
        else
            snprintf(text, sizeof text, "device='%s:%d'", fac__device_name(t->device),
                     t->device.index);
        suffix(s, text);
    }
    if (meta || (empty ? t->ndim != 1 : s->no_items))
        size_suffix(s, t);
    bool implied = d == initial;
    if (!meta && !empty)
        implied = implied || d == FAC_INT64 || d == FAC_BOOL || d == fac__complex_of(initial);
    if (!implied) {
        snprintf(text, sizeof text, "dtype=torch.%s", fac_dtype_name(d));
        suffix(s, text);
    }
}

static void autograd_suffix(tail *s, const fac_tensor *t) {
    /* Deriving a stale view's grad_fn anew may fail: PyTorch then prints <Invalid>. */
    struct fac__error before;
    fac__error_take(&before);
    fac_node *node = fac__grad_fn((fac_tensor *)t);
    const char *name = fac__tls.error.code != FAC_OK ? "Invalid" : NULL;
    if (node != NULL && name == NULL)
        name = fac__node_name(node);
    fac_clear_error();
    fac__error_put(&before);
    if (name != NULL) {
        fac__text b = {0};
        fac__text_format(&b, "grad_fn=<%s>", name);
        if (!b.failed)
            suffix(s, b.s);
        s->out->failed = s->out->failed || b.failed;
        fac__text_drop(&b);
    } else if (fac_requires_grad(t)) {
        suffix(s, "requires_grad=True");
    }
}

static int64_t last_line(const fac__text *out) {
    const char *newline = out->n > 0 ? memrchr(out->s, '\n', out->n) : NULL;
    return newline == NULL ? (int64_t)out->n : (int64_t)(out->s + out->n - newline) - 1;
}

/* A part of a sparse tensor: its shape is told where it has no elements, its dtype never. */
static int part_text(fac__text *out, const char *name, const fac_tensor *t) {
    fac__text_str(out, name);
    fac__text_str(out, "=tensor(");
    if (elements(out, t, last_line(out)) != 0)
        return -1;
    if (t->numel == 0) {
        fac__text_str(out, ", ");
        size_text(out, t);
    }
    fac__text_str(out, ")");
    return out->failed ? -1 : 0;
}

static int sparse_text(fac__text *out, const fac_tensor *t, int64_t indent, tail *s) {
    const struct fac__coo *c = t->payload;
    if (part_text(out, "indices", c->indices) != 0)
        return -1;
    fac__text_str(out, ",\n");
    fac__text_pad(out, ' ', indent);
    if (part_text(out, "values", c->values) != 0)
        return -1;
    s->force_newline = true;
    size_suffix(s, t);
    char text[64];
    snprintf(text, sizeof text, "nnz=%lld", (long long)c->values->sizes[0]);
    suffix(s, text);
    if (t->dtype != fac_default_dtype() && t->dtype != FAC_INT64 && t->dtype != FAC_BOOL &&
        t->dtype != fac__complex_of(fac_default_dtype())) {
        snprintf(text, sizeof text, "dtype=torch.%s", fac_dtype_name((fac_dtype)t->dtype));
        suffix(s, text);
    }
    suffix(s, "layout=torch.sparse_coo");
    return 0;
}

/* data is t in the CPU's memory. */
static int repr(fac__text *out, const fac_tensor *t, const fac_tensor *data,
                const fac__repr_options *o) {
    fac__text_str(out, o->prefix != NULL ? o->prefix : "tensor");
    fac__text_str(out, "(");
    if (out->failed)
        return -1;
    int64_t indent = last_line(out), start = (int64_t)out->n - indent;
    tail s = {.out = out, .indent = indent};
    fac_print_options p = fac_get_print_options();
    s.linewidth = p.linewidth;
    s.no_items = p.edgeitems == 0;
    bool sparse = t->layout == FAC_SPARSE_COO && o->contents == NULL;
    if (sparse) {
        if (sparse_text(out, t, indent, &s) != 0)
            return -1;
    } else if (o->contents != NULL)
        fac__text_str(out, o->contents);
    else if (t->device.type == FAC_META)
        fac__text_str(out, "...");
    else if (elements(out, data, indent) != 0)
        return -1;
    if (out->failed)
        return -1;
    /* PyTorch counts two characters more than stand on the line. */
    fac__text body = {.s = out->s + start, .n = out->n - (size_t)start};
    if (!sparse) {
        s.column = last_line(&body) + 2;
        shape_suffixes(&s, t);
    }
    for (int i = 0; i < o->nsuffixes; i++)
        suffix(&s, o->suffixes[i]);
    if (!o->no_autograd)
        autograd_suffix(&s, t);
    fac__text_str(out, ")");
    return out->failed ? -1 : 0;
}

char *fac__repr(const fac_tensor *t, const fac__repr_options *o) {
    fac__text out = {0};
    fac_tensor *here = NULL;
    if (t->device.type != FAC_CPU && t->device.type != FAC_META) {
        here = fac__empty(t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, fac_cpu());
        if (here == NULL || fac__copy_into(here, (fac_tensor *)t) != 0) {
            fac__release(here);
            return NULL;
        }
    }
    int r = repr(&out, t, here != NULL ? here : t, o);
    fac__release(here);
    if (r == 0)
        return fac__text_take(&out);
    fac__text_drop(&out);
    return NULL;
}

char *fac_to_string(const fac_tensor *t) {
    if (t == NULL) {
        fac__text out = {0};
        fac__text_str(&out, "None");
        return fac__text_take(&out);
    }
    return fac__is_bad(t) ? NULL : fac__repr(t, &(fac__repr_options){0});
}

void fac_free_string(char *s) {
    free(s);
}

bool fac_print(const fac_tensor *t, FILE *file) {
    if (file == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_print: no file is given");
        return false;
    }
    char *s = fac_to_string(t);
    if (s == NULL)
        return false;
    bool ok = fputs(s, file) >= 0 && fputc('\n', file) != EOF;
    if (!ok)
        fac__fail(FAC_ERROR_IO, "fac_print: %s", strerror(errno));
    fac_free_string(s);
    return ok;
}
