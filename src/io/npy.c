/* NumPy's .npy (the "NEP 1" format, versions 1.0, 2.0 and 3.0): a magic, a header that is a Python
 * literal of three entries, and the array's bytes.
 *
 * The header is read by a parser for exactly that literal. The elements are read straight into the
 * tensor's memory and swapped there where the file is big-endian.
 */
#include "io.h"

#include "../core/text.h"
#include "file.h"

#include <string.h>

static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

/* A header of 64 dimensions is under 2 KB; NumPy refuses those above 10,000 bytes. */
enum { HEADER_MAX = 1 << 16 };

typedef struct {
    fac_dtype dtype;
    bool swap, fortran;
    int ndim;
    int64_t sizes[FAC_MAX_DIMS];
    uint64_t nbytes;
} header;

/* --- the header's literal -------------------------------------------------------------------- */

typedef struct {
    const char *name; /* of the file */
    const char *at, *end;
} cursor;

static int bad(const cursor *c, const char *what) {
    return fac__fail(FAC_ERROR_VALUE, "%s: not a .npy file: %s in the header", c->name, what);
}

static void skip_space(cursor *c) {
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static bool take(cursor *c, const char *word) {
    skip_space(c);
    size_t n = strlen(word);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* 'text' or "text", at most room - 1 bytes without escapes. */
static int quoted(cursor *c, char *out, size_t room) {
    skip_space(c);
    char quote = c->at < c->end ? *c->at : '\0';
    if (quote != '\'' && quote != '"')
        return bad(c, "a text is missing");
    size_t n = 0;
    for (c->at++; c->at < c->end && *c->at != quote; c->at++) {
        if (*c->at < ' ' || *c->at > '~' || *c->at == '\\' || n + 1 == room)
            return bad(c, "an odd text");
        out[n++] = *c->at;
    }
    if (c->at == c->end)
        return bad(c, "an unfinished text");
    c->at++;
    out[n] = '\0';
    return 0;
}

static int descr(cursor *c, header *h) {
    static const struct {
        const char *code;
        fac_dtype dtype;
    } known[] = {{"b1", FAC_BOOL},      {"u1", FAC_UINT8},      {"i1", FAC_INT8},
                 {"i2", FAC_INT16},     {"i4", FAC_INT32},      {"i8", FAC_INT64},
                 {"u2", FAC_UINT16},    {"u4", FAC_UINT32},     {"u8", FAC_UINT64},
                 {"f2", FAC_FLOAT16},   {"f4", FAC_FLOAT32},    {"f8", FAC_FLOAT64},
                 {"c8", FAC_COMPLEX64}, {"c16", FAC_COMPLEX128}};
    skip_space(c);
    if (c->at < c->end && *c->at == '[')
        return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "%s: structured arrays are not supported",
                         c->name);
    char text[64];
    if (quoted(c, text, sizeof text) != 0)
        return -1;
    const char *code = text + (text[0] != '\0' && strchr("<>|=", text[0]) != NULL);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].code, code) == 0) {
            h->dtype = known[i].dtype;
            h->swap = text[0] == '>' && fac_dtype_size(h->dtype) > 1;
            return 0;
        }
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "%s: arrays of dtype '%s' are not supported",
                     c->name, text);
}

static int shape(cursor *c, header *h) {
    if (!take(c, "("))
        return bad(c, "no tuple as shape");
    h->ndim = 0;
    bool comma = true;
    while (!take(c, ")")) {
        skip_space(c);
        if (!comma)
            return bad(c, "a missing comma");
        if (h->ndim == FAC_MAX_DIMS)
            return fac__fail(FAC_ERROR_VALUE, "%s: more than %d dimensions", c->name, FAC_MAX_DIMS);
        const char *start = c->at;
        int64_t v = 0;
        bool overflow = false;
        for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
            overflow |=
                __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *c->at - '0', &v);
        if (c->at == start || overflow)
            return bad(c, "an odd size");
        take(c, "L"); /* as Python 2 wrote long integers */
        h->sizes[h->ndim++] = v;
        comma = take(c, ",");
    }
    if (h->ndim == 1 && !comma)
        return bad(c, "no tuple as shape"); /* (3) is a number */
    return 0;
}

static int entry(cursor *c, header *h, unsigned *seen) {
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    char key[64];
    if (quoted(c, key, sizeof key) != 0)
        return -1;
    unsigned k = 0;
    while (k < 3 && strcmp(key, keys[k]) != 0)
        k++;
    if (k == 3)
        return bad(c, "an unknown key");
    if (*seen & 1u << k)
        return bad(c, "a repeated key");
    *seen |= 1u << k;
    if (!take(c, ":"))
        return bad(c, "a missing colon");
    if (k == 0)
        return descr(c, h);
    if (k == 2)
        return shape(c, h);
    h->fortran = take(c, "True");
    return h->fortran || take(c, "False") ? 0 : bad(c, "an odd fortran_order");
}

static int parse(cursor *c, header *h) {
    unsigned seen = 0;
    if (!take(c, "{"))
        return bad(c, "no dictionary");
    for (bool comma = true; !take(c, "}"); comma = take(c, ","))
        if (!comma)
            return bad(c, "a missing comma");
        else if (entry(c, h, &seen) != 0)
            return -1;
    skip_space(c);
    if (seen != 7)
        return bad(c, "a missing key");
    return c->at == c->end ? 0 : bad(c, "something behind the dictionary");
}

/* --- reading --------------------------------------------------------------------------------- */

/* Empty dimensions do not excuse an overflow of the others: strides are made of them. */
static int count_bytes(const fac__input *in, header *h) {
    int64_t n = (int64_t)fac_dtype_size(h->dtype);
    bool overflow = false, empty = false;
    for (int i = 0; i < h->ndim; i++) {
        empty |= h->sizes[i] == 0;
        overflow |= h->sizes[i] > 0 && __builtin_mul_overflow(n, h->sizes[i], &n);
    }
    if (overflow)
        return fac__fail(FAC_ERROR_VALUE, "%s: shape %s is too large", in->name,
                         fac__shape_text(h->ndim, h->sizes));
    h->nbytes = empty ? 0 : (uint64_t)n;
    if (h->nbytes > in->size - in->at)
        return fac__fail(FAC_ERROR_VALUE,
                         "%s: cut short: shape %s of %s takes %llu bytes, %llu are left", in->name,
                         fac__shape_text(h->ndim, h->sizes), fac_dtype_name(h->dtype),
                         (unsigned long long)h->nbytes, (unsigned long long)(in->size - in->at));
    return 0;
}

static int read_header(fac__input *in, header *h) {
    unsigned char b[12];
    if (in->size < 10)
        return fac__fail(FAC_ERROR_VALUE, "%s: not a .npy file: cut short", in->name);
    if (fac__input_read(in, b, 8) != 0)
        return -1;
    if (memcmp(b, magic, sizeof magic) != 0)
        return fac__fail(FAC_ERROR_VALUE, "%s: not a .npy file: it begins otherwise", in->name);
    if (b[6] < 1 || b[6] > 3 || b[7] != 0)
        return fac__fail(FAC_ERROR_VALUE, "%s: .npy version %d.%d is not known", in->name, b[6],
                         b[7]);
    size_t width = b[6] == 1 ? 2 : 4;
    if (fac__input_read(in, b, width) != 0)
        return -1;
    uint32_t n = b[0] | (uint32_t)b[1] << 8;
    if (width == 4)
        n |= (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    if (n > HEADER_MAX)
        return fac__fail(FAC_ERROR_VALUE, "%s: a header of %lu bytes is too large", in->name,
                         (unsigned long)n);
    if (n > in->size - in->at)
        return fac__fail(FAC_ERROR_VALUE, "%s: not a .npy file: cut short", in->name);
    char *text = fac__alloc(n + 1u);
    if (text == NULL)
        return -1;
    int r = fac__input_read(in, text, n);
    cursor c = {.name = in->name, .at = text, .end = text + n};
    if (r == 0)
        r = parse(&c, h);
    fac__free(text, n + 1u);
    return r == 0 ? count_bytes(in, h) : -1;
}

static void swap_bytes(char *p, uint64_t nbytes, size_t width) {
    switch (width) {
    case 2:
        for (uint64_t i = 0; i < nbytes; i += 2) {
            uint16_t v;
            memcpy(&v, p + i, 2);
            v = __builtin_bswap16(v);
            memcpy(p + i, &v, 2);
        }
        return;
    case 4:
        for (uint64_t i = 0; i < nbytes; i += 4) {
            uint32_t v;
            memcpy(&v, p + i, 4);
            v = __builtin_bswap32(v);
            memcpy(p + i, &v, 4);
        }
        return;
    default:
        for (uint64_t i = 0; i < nbytes; i += 8) {
            uint64_t v;
            memcpy(&v, p + i, 8);
            v = __builtin_bswap64(v);
            memcpy(p + i, &v, 8);
        }
    }
}

static fac_tensor *read_array(fac__input *in) {
    header h = {.dtype = FAC_DTYPE_NONE};
    if (read_header(in, &h) != 0)
        return NULL;
    int64_t strides[FAC_MAX_DIMS], step = 1;
    for (int i = 0; i < h.ndim; i++) {
        strides[i] = step;
        step *= h.sizes[i] > 1 ? h.sizes[i] : 1;
    }
    fac_tensor *t = fac__empty(h.ndim, h.sizes, h.fortran ? strides : NULL, h.dtype, fac_cpu());
    if (t == NULL)
        return NULL;
    if (fac__input_read(in, t->data, h.nbytes) != 0) {
        fac__release(t);
        return NULL;
    }
    if (h.dtype == FAC_BOOL)
        fac__io_clean_bools(t->data, h.nbytes);
    if (h.swap)
        swap_bytes(t->data, h.nbytes, fac_dtype_size(fac__real_of(h.dtype)));
    return t;
}

fac_tensor *fac__npy_read(const char *path) {
    fac__input in;
    if (fac__input_open(&in, path) != 0)
        return NULL;
    fac_tensor *t = read_array(&in);
    fac__input_close(&in);
    return t;
}

fac_tensor *fac_npy_read(const char *path) {
    fac_tensor *t = fac__npy_read(path);
    return t == NULL ? fac_bad : fac__scope_adopt(t);
}

fac_tensor *fac_npy_from_memory(const void *bytes, size_t nbytes) {
    fac__input in;
    fac_tensor *t = fac__input_bytes(&in, bytes, nbytes) == 0 ? read_array(&in) : NULL;
    return t == NULL ? fac_bad : fac__scope_adopt(t);
}

/* --- writing --------------------------------------------------------------------------------- */

static const char *const codes[FAC_NUM_DTYPES] = {
    [FAC_BOOL] = "|b1",      [FAC_UINT8] = "|u1",      [FAC_INT8] = "|i1",    [FAC_INT16] = "<i2",
    [FAC_INT32] = "<i4",     [FAC_INT64] = "<i8",      [FAC_UINT16] = "<u2",  [FAC_UINT32] = "<u4",
    [FAC_UINT64] = "<u8",    [FAC_FLOAT16] = "<f2",    [FAC_FLOAT32] = "<f4", [FAC_FLOAT64] = "<f8",
    [FAC_COMPLEX64] = "<c8", [FAC_COMPLEX128] = "<c16"};

/* Columns first without gaps, and not rows first as well. */
static bool in_fortran_order(const fac_tensor *t) {
    if (fac__is_contig(t) || (t->features & (FAC__CONJ | FAC__NEG)))
        return false;
    int64_t step = 1;
    for (int i = 0; i < t->ndim; i++) {
        if (t->sizes[i] != 1 && t->strides[i] != step)
            return false;
        step *= t->sizes[i];
    }
    return true;
}

/* Byte for byte what NumPy writes: room for the first size (Fortran order: the last) to grow to 21
 * digits, then blanks so that the data begins at a multiple of 64. */
static void write_header(fac__text *out, const fac_tensor *t, bool fortran) {
    fac__text d = {0};
    int64_t grows = 0;
    fac__text_format(&d, "{'descr': '%s', 'fortran_order': %s, 'shape': (", codes[t->dtype],
                     fortran ? "True" : "False");
    for (int i = 0; i < t->ndim; i++) {
        char size[24];
        int digits = snprintf(size, sizeof size, "%lld", (long long)t->sizes[i]);
        if (i == (fortran ? t->ndim - 1 : 0))
            grows = 21 - digits;
        fac__text_format(&d, i > 0 ? ", %s" : "%s", size);
    }
    fac__text_str(&d, t->ndim == 1 ? ",), }" : "), }");
    fac__text_pad(&d, ' ', grows);
    size_t start = 10, total = (start + d.n + 1 + 63) / 64 * 64, n = total - start;
    const char front[] = {1, 0, (char)(n & 255), (char)(n >> 8)};
    fac__text_add(out, magic, sizeof magic);
    fac__text_add(out, front, sizeof front);
    fac__text_add(out, d.s != NULL ? d.s : "", d.n);
    fac__text_pad(out, ' ', (int64_t)(n - d.n - 1));
    fac__text_str(out, "\n");
    out->failed = out->failed || d.failed;
    fac__text_drop(&d);
}

bool fac_npy_write(const char *path, const fac_tensor *t) {
    if (t != NULL && t->dtype == FAC_BFLOAT16) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                  "fac_npy_write: NumPy has no bfloat16; convert the tensor to float32 first");
        return false;
    }
    bool fortran = t != NULL && !fac__is_bad(t) && t->device.type == FAC_CPU &&
                   t->layout == FAC_STRIDED && in_fortran_order(t);
    fac_tensor *plain = fortran ? fac__retain((fac_tensor *)t) : fac__io_plain(t, "fac_npy_write");
    if (plain == NULL)
        return false;
    fac__text head = {0};
    write_header(&head, t, fortran);
    fac__output out;
    int r = head.failed ? -1 : fac__output_open(&out, path);
    if (r == 0) {
        r = fac__output_write(&out, head.s, head.n);
        if (r == 0)
            r = fac__output_write(&out, plain->data,
                                  (uint64_t)plain->numel * fac__itemsize(plain->dtype));
        r = fac__output_close(&out, r);
    }
    fac__text_drop(&head);
    fac__release(plain);
    return r == 0;
}
