/* safetensors, reading: eight bytes of header length, a JSON header, the tensors' bytes.
 *
 * The whole header is checked on opening: it is strict JSON, names differ, every tensor's range
 * has the length that its shape and dtype ask for, and the ranges fill the rest of the file
 * without holes or overlaps. After that a tensor is a view of the mapped file.
 */
#include "io.h"

#include "file.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

/* The format's own limit. */
static const uint64_t header_max = 100000000;

const fac__safetensors_dtype fac__safetensors_dtypes[] = {
    /* ascending, as writers order them */
    {"BOOL", FAC_BOOL, 8},
    {"F4", FAC_DTYPE_NONE, 4},
    {"F6_E2M3", FAC_DTYPE_NONE, 6},
    {"F6_E3M2", FAC_DTYPE_NONE, 6},
    {"U8", FAC_UINT8, 8},
    {"I8", FAC_INT8, 8},
    {"F8_E5M2", FAC_DTYPE_NONE, 8},
    {"F8_E4M3", FAC_DTYPE_NONE, 8},
    {"F8_E8M0", FAC_DTYPE_NONE, 8},
    {"F8_E4M3FNUZ", FAC_DTYPE_NONE, 8},
    {"F8_E5M2FNUZ", FAC_DTYPE_NONE, 8},
    {"I16", FAC_INT16, 16},
    {"U16", FAC_UINT16, 16},
    {"F16", FAC_FLOAT16, 16},
    {"BF16", FAC_BFLOAT16, 16},
    {"I32", FAC_INT32, 32},
    {"U32", FAC_UINT32, 32},
    {"F32", FAC_FLOAT32, 32},
    {"C64", FAC_COMPLEX64, 64},
    {"F64", FAC_FLOAT64, 64},
    {"I64", FAC_INT64, 64},
    {"U64", FAC_UINT64, 64},
    {NULL, FAC_DTYPE_NONE, 0},
};

typedef struct {
    const char *name; /* while parsing, an offset in the names; so is text */
    const char *dtype;
    const int64_t *sizes; /* likewise in the sizes */
    int64_t begin, end;   /* in the data */
    int ndim;
    int kind; /* in fac__safetensors_dtypes, -1: not known */
} entry;

typedef struct {
    const char *key, *value;
} note;

struct fac_safetensors {
    fac__mapping *mapping; /* NULL: the caller's memory */
    const char *data;
    uint64_t nbytes; /* of the data */
    entry *entries;  /* sorted by name */
    int64_t n;
    note *notes; /* sorted by key */
    int64_t nnotes;
    char *names; /* all texts */
    int64_t *sizes;
    char *path; /* for messages */
};

/* --- growing arrays -------------------------------------------------------------------------- */

typedef struct {
    char *items;
    int64_t n, capacity;
} array;

static void *push(array *a, size_t item) {
    if (a->n == a->capacity) {
        int64_t capacity = a->capacity > 0 ? 2 * a->capacity : 16;
        char *items = realloc(a->items, item * (size_t)capacity);
        if (items == NULL) {
            fac__fail(FAC_ERROR_MEMORY, "not enough memory for the header of a safetensors file");
            return NULL;
        }
        a->items = items;
        a->capacity = capacity;
    }
    return a->items + item * (size_t)a->n++;
}

/* --- the header ------------------------------------------------------------------------------ */

typedef struct {
    fac__json json;
    fac__text names;
    array entries, notes, sizes;
    uint64_t nbytes; /* of the data */
} parser;

/* Texts move while they are collected: their offsets stand for them until the end. */
static const char *offset(size_t at) {
    return (const char *)(uintptr_t)at;
}

static int string(parser *p, const char **out) {
    size_t at = p->names.n;
    if (fac__json_string(&p->json, &p->names) != 0)
        return -1;
    *out = offset(at);
    return 0;
}

static const char *text(const parser *p, const char *at) {
    return p->names.s + (uintptr_t)at;
}

/* {"key": "value", ...} */
static int metadata(parser *p) {
    if (fac__json_expect(&p->json, '{') != 0)
        return -1;
    if (fac__json_take(&p->json, '}'))
        return 0;
    do {
        note *n = push(&p->notes, sizeof *n);
        if (n == NULL || string(p, &n->key) != 0 || fac__json_expect(&p->json, ':') != 0 ||
            string(p, &n->value) != 0)
            return -1;
    } while (fac__json_take(&p->json, ','));
    return fac__json_expect(&p->json, '}');
}

static int sizes(parser *p, entry *e) {
    if (fac__json_expect(&p->json, '[') != 0)
        return -1;
    e->ndim = 0;
    e->sizes = (const int64_t *)(uintptr_t)p->sizes.n;
    if (fac__json_take(&p->json, ']'))
        return 0;
    do {
        int64_t *v = push(&p->sizes, sizeof *v);
        if (v == NULL || fac__json_int(&p->json, v) != 0)
            return -1;
        if (++e->ndim > FAC_MAX_DIMS)
            return fac__json_fail(&p->json, "too many dimensions");
    } while (fac__json_take(&p->json, ','));
    return fac__json_expect(&p->json, ']');
}

static int range(parser *p, entry *e) {
    fac__json *j = &p->json;
    if (fac__json_expect(j, '[') != 0 || fac__json_int(j, &e->begin) != 0 ||
        fac__json_expect(j, ',') != 0 || fac__json_int(j, &e->end) != 0)
        return -1;
    return fac__json_expect(j, ']');
}

static int field(parser *p, entry *e, unsigned *seen) {
    static const char *const keys[] = {"dtype", "shape", "data_offsets"};
    const char *key;
    size_t before = p->names.n;
    if (string(p, &key) != 0 || fac__json_expect(&p->json, ':') != 0)
        return -1;
    unsigned k = 0;
    while (k < 3 && strcmp(text(p, key), keys[k]) != 0)
        k++;
    p->names.n = before; /* forget the key */
    if (k == 3)
        return fac__json_fail(&p->json, "unknown key of a tensor");
    if (*seen & 1u << k)
        return fac__json_fail(&p->json, "repeated key");
    *seen |= 1u << k;
    return k == 0 ? string(p, &e->dtype) : k == 1 ? sizes(p, e) : range(p, e);
}

/* Whether the range holds what the shape asks for. */
static int check_range(parser *p, entry *e) {
    const fac__safetensors_dtype *table = fac__safetensors_dtypes;
    e->kind = 0;
    while (table[e->kind].name != NULL && strcmp(table[e->kind].name, text(p, e->dtype)) != 0)
        e->kind++;
    if (e->begin > e->end || (uint64_t)e->end > p->nbytes)
        return fac__json_fail(&p->json, "data_offsets beyond the file");
    const int64_t *v = (const int64_t *)(const void *)p->sizes.items + (uintptr_t)e->sizes;
    int64_t bits = table[e->kind].bits;
    bool overflow = false, empty = false;
    for (int i = 0; i < e->ndim; i++) {
        empty |= v[i] == 0;
        overflow |= v[i] > 0 && __builtin_mul_overflow(bits, v[i], &bits);
    }
    if (overflow)
        return fac__json_fail(&p->json, "shape too large");
    if (table[e->kind].name == NULL) {
        e->kind = -1; /* its size is not known, its name will be the error of getting it */
        return 0;
    }
    if (empty)
        bits = 0;
    if (bits % 8 != 0 || bits / 8 != e->end - e->begin)
        return fac__json_fail(&p->json, "data_offsets that do not fit the shape");
    return 0;
}

static int tensor(parser *p, const char *name) {
    entry e = {.name = name};
    unsigned seen = 0;
    if (fac__json_expect(&p->json, '{') != 0)
        return -1;
    do {
        if (field(p, &e, &seen) != 0)
            return -1;
    } while (fac__json_take(&p->json, ','));
    if (fac__json_expect(&p->json, '}') != 0)
        return -1;
    if (seen != 7)
        return fac__json_fail(&p->json, "a tensor without dtype, shape or data_offsets");
    if (check_range(p, &e) != 0)
        return -1;
    entry *slot = push(&p->entries, sizeof e);
    if (slot == NULL)
        return -1;
    *slot = e;
    return 0;
}

static int header(parser *p) {
    bool metadata_seen = false;
    if (p->json.at == p->json.end || *p->json.at != '{')
        return fac__json_fail(&p->json, "no object");
    p->json.at++;
    if (!fac__json_take(&p->json, '}')) {
        do {
            const char *name;
            if (string(p, &name) != 0 || fac__json_expect(&p->json, ':') != 0)
                return -1;
            if (strcmp(text(p, name), "__metadata__") != 0) {
                if (tensor(p, name) != 0)
                    return -1;
                continue;
            }
            if (metadata_seen)
                return fac__json_fail(&p->json, "repeated key");
            metadata_seen = true;
            if (metadata(p) != 0)
                return -1;
        } while (fac__json_take(&p->json, ','));
        if (fac__json_expect(&p->json, '}') != 0)
            return -1;
    }
    return fac__json_end(&p->json);
}

/* --- checks across tensors ------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const note *)a)->key, ((const note *)b)->key);
}

static int by_range(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Nothing need not lie anywhere, which qsort() does not allow. */
static void sort(void *items, int64_t n, size_t size, int (*order)(const void *, const void *)) {
    if (n > 1)
        qsort(items, (size_t)n, size, order);
}

static int check_all(fac_safetensors *f) {
    sort(f->entries, f->n, sizeof(entry), by_range);
    int64_t at = 0;
    for (int64_t i = 0; i < f->n; i++) {
        const entry *e = &f->entries[i];
        if (e->begin != at)
            return fac__fail(FAC_ERROR_VALUE,
                             "%s: tensor '%s' begins at byte %lld of the data, "
                             "where %s",
                             f->path, e->name, (long long)e->begin,
                             e->begin < at ? "another one lies" : "a hole ends");
        at = e->end;
    }
    if ((uint64_t)at != f->nbytes)
        return fac__fail(FAC_ERROR_VALUE, "%s: %llu bytes of data, but the tensors take %lld",
                         f->path, (unsigned long long)f->nbytes, (long long)at);
    sort(f->entries, f->n, sizeof(entry), by_name);
    for (int64_t i = 1; i < f->n; i++)
        if (strcmp(f->entries[i].name, f->entries[i - 1].name) == 0)
            return fac__fail(FAC_ERROR_VALUE, "%s: two tensors are called '%s'", f->path,
                             f->entries[i].name);
    sort(f->notes, f->nnotes, sizeof(note), by_key);
    for (int64_t i = 1; i < f->nnotes; i++)
        if (strcmp(f->notes[i].key, f->notes[i - 1].key) == 0)
            return fac__fail(FAC_ERROR_VALUE, "%s: '%s' stands twice in the metadata", f->path,
                             f->notes[i].key);
    return 0;
}

/* What the parser collected becomes f's to free. */
static void adopt(fac_safetensors *f, parser *p) {
    f->names = p->names.s;
    f->entries = (entry *)(void *)p->entries.items;
    f->n = p->entries.n;
    f->notes = (note *)(void *)p->notes.items;
    f->nnotes = p->notes.n;
    f->sizes = (int64_t *)(void *)p->sizes.items;
}

/* Offsets become addresses; those of a header cut short need not lie anywhere. */
static void locate(fac_safetensors *f) {
    for (int64_t i = 0; i < f->n; i++) {
        entry *e = &f->entries[i];
        e->name = f->names + (uintptr_t)e->name;
        e->dtype = f->names + (uintptr_t)e->dtype;
        e->sizes = f->sizes != NULL ? f->sizes + (uintptr_t)e->sizes : NULL;
    }
    for (int64_t i = 0; i < f->nnotes; i++) {
        f->notes[i].key = f->names + (uintptr_t)f->notes[i].key;
        f->notes[i].value = f->names + (uintptr_t)f->notes[i].value;
    }
}

static int open_bytes(fac_safetensors *f, const char *bytes, uint64_t size) {
    if (size < 8)
        return fac__fail(FAC_ERROR_VALUE, "%s: not a safetensors file: %llu bytes", f->path,
                         (unsigned long long)size);
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | (unsigned char)bytes[i];
    if (n > size - 8 || n > header_max)
        return fac__fail(FAC_ERROR_VALUE,
                         "%s: not a safetensors file: a header of %llu bytes in %llu", f->path,
                         (unsigned long long)n, (unsigned long long)size);
    f->data = bytes + 8 + n;
    f->nbytes = size - 8 - n;
    const char *start = bytes + 8;
    parser p = {.json = {start, start, f->data, f->path}, .nbytes = f->nbytes};
    int r = header(&p);
    if (r == 0 && p.names.failed)
        r = -1;
    adopt(f, &p); /* also on failure */
    if (r != 0)
        return -1;
    locate(f);
    return check_all(f);
}

/* --- public ---------------------------------------------------------------------------------- */

void fac_safetensors_close(fac_safetensors *f) {
    if (f == NULL)
        return;
    fac__mapping_release(f->mapping);
    free(f->entries);
    free(f->notes);
    free(f->names);
    free(f->sizes);
    free(f->path);
    free(f);
}

static fac_safetensors *open_over(fac__mapping *m, const char *path, const void *bytes,
                                  uint64_t size) {
    fac_safetensors *f = calloc(1, sizeof *f);
    if (f != NULL)
        f->path = strdup(path);
    if (f == NULL || f->path == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory to open a safetensors file");
        fac__mapping_release(m);
        free(f);
        return NULL;
    }
    f->mapping = m;
    if (open_bytes(f, bytes, size) == 0)
        return f;
    fac_safetensors_close(f);
    return NULL;
}

fac_safetensors *fac_safetensors_open(const char *path) {
    fac__mapping *m = fac__map(path);
    return m == NULL ? NULL : open_over(m, path, m->bytes, m->size);
}

fac_safetensors *fac_safetensors_from_memory(const void *bytes, size_t nbytes) {
    fac__input in;
    return fac__input_bytes(&in, bytes, nbytes) == 0 ? open_over(NULL, in.name, bytes, nbytes)
                                                     : NULL;
}

int64_t fac_safetensors_count(const fac_safetensors *f) {
    return f != NULL ? f->n : 0;
}

const char *fac_safetensors_name(const fac_safetensors *f, int64_t i) {
    return f != NULL && i >= 0 && i < f->n ? f->entries[i].name : NULL;
}

const char *fac_safetensors_metadata(const fac_safetensors *f, const char *key) {
    note wanted = {key, NULL};
    const note *n = f == NULL || f->nnotes == 0 || key == NULL
                        ? NULL
                        : bsearch(&wanted, f->notes, (size_t)f->nnotes, sizeof(note), by_key);
    return n == NULL ? NULL : n->value;
}

const char *fac_safetensors_metadata_key(const fac_safetensors *f, int64_t i) {
    return f != NULL && i >= 0 && i < f->nnotes ? f->notes[i].key : NULL;
}

static void unmap(void *context, void *data, size_t nbytes) {
    (void)data;
    (void)nbytes;
    fac__mapping_release(context);
}

static bool odd_bools(const char *p, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        if ((unsigned char)p[i] > 1)
            return true;
    return false;
}

static fac_tensor *load(const fac_safetensors *f, const entry *e) {
    fac_dtype d = e->kind < 0 ? FAC_DTYPE_NONE : fac__safetensors_dtypes[e->kind].dtype;
    if (d == FAC_DTYPE_NONE) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "%s: '%s' has dtype %s, which is not supported",
                  f->path, e->name, e->dtype);
        return NULL;
    }
    const char *p = f->data + e->begin;
    uint64_t n = (uint64_t)(e->end - e->begin);
    size_t item = fac_dtype_size(d);
    size_t align = fac__is_complex(d) ? item / 2 : item;
    bool odd = d == FAC_BOOL && odd_bools(p, n);
    if (f->mapping == NULL || (uintptr_t)p % align != 0 || odd || n == 0) {
        fac_tensor *t = fac__empty(e->ndim, e->sizes, NULL, d, fac_cpu());
        if (t != NULL && n != 0)
            memcpy(t->data, p, n);
        if (t != NULL && odd)
            fac__io_clean_bools(t->data, n);
        return t;
    }
    fac_storage *s = fac__storage_wrap((char *)(uintptr_t)p, n, fac_cpu(), unmap, f->mapping);
    if (s == NULL)
        return NULL;
    fac__mapping_retain(f->mapping);
    return fac__tensor_from_storage(s, e->ndim, e->sizes, NULL, 0, d);
}

fac_tensor *fac__safetensors_get(const fac_safetensors *f, const char *name) {
    if (f == NULL) {
        fac__fail(FAC_ERROR_VALUE, "fac_safetensors_get: no file is given");
        return NULL;
    }
    entry wanted = {.name = name};
    const entry *e = f->n == 0 || name == NULL
                         ? NULL
                         : bsearch(&wanted, f->entries, (size_t)f->n, sizeof(entry), by_name);
    if (e != NULL)
        return load(f, e);
    fac__fail(FAC_ERROR_VALUE, "%s: no tensor is called '%s'", f->path,
              name != NULL ? name : "(null)");
    return NULL;
}

fac_tensor *fac_safetensors_get(const fac_safetensors *f, const char *name) {
    fac_tensor *t = fac__safetensors_get(f, name);
    return t == NULL ? fac_bad : fac__scope_adopt(t);
}
