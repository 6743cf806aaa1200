/* safetensors, writing: tensors by falling dtype and rising name, so that each is aligned; the
 * header is padded to a multiple of eight. */
#include "io.h"

#include "file.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    fac_tensor *tensor;
    int kind; /* in fac__safetensors_dtypes */
} item;

static int in_file_order(const void *a, const void *b) {
    const item *x = a, *y = b;
    return x->kind != y->kind ? y->kind - x->kind : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const item *)a)->name, ((const item *)b)->name);
}

static int kind_of(fac_dtype d) {
    for (int k = 0; fac__safetensors_dtypes[k].name != NULL; k++)
        if (fac__safetensors_dtypes[k].dtype == d && d != FAC_DTYPE_NONE)
            return k;
    return fac__fail(FAC_ERROR_NOT_IMPLEMENTED,
                     "fac_safetensors_write: the format has no dtype for %s", fac_dtype_name(d));
}

/* Everything that can be wrong about the arguments, before the file is touched. */
static int check(const char *const *names, fac_tensor *const *tensors, int64_t n, item *items) {
    if (n < 0 || (n > 0 && (names == NULL || tensors == NULL)))
        return fac__fail(FAC_ERROR_VALUE,
                         "fac_safetensors_write: %lld tensors, of which none is given",
                         (long long)n);
    for (int64_t i = 0; i < n; i++) {
        if (names[i] == NULL || strcmp(names[i], "__metadata__") == 0)
            return fac__fail(FAC_ERROR_VALUE,
                             "fac_safetensors_write: a tensor cannot be called '%s'",
                             names[i] == NULL ? "(null)" : names[i]);
        fac_tensor *t = tensors[i];
        if (t == NULL || fac__is_bad(t) || t->layout != FAC_STRIDED || t->device.type == FAC_META) {
            fac__release(fac__io_plain(t, "fac_safetensors_write")); /* says what is wrong */
            return -1;
        }
        items[i] = (item){names[i], t, kind_of((fac_dtype)t->dtype)};
        if (items[i].kind < 0)
            return -1;
    }
    qsort(items, (size_t)n, sizeof *items, by_name);
    for (int64_t i = 1; i < n; i++)
        if (strcmp(items[i].name, items[i - 1].name) == 0)
            return fac__fail(FAC_ERROR_VALUE, "fac_safetensors_write: two tensors are called '%s'",
                             items[i].name);
    qsort(items, (size_t)n, sizeof *items, in_file_order);
    return 0;
}

static int quote(fac__text *out, const char *s) {
    if (s == NULL || fac__json_quote(out, s) != 0)
        return fac__fail(FAC_ERROR_VALUE, "fac_safetensors_write: %s",
                         s == NULL ? "a key or value is missing" : "a name is not UTF-8");
    return 0;
}

static int write_metadata(fac__text *out, const fac_metadata *m, int64_t n) {
    fac__text_str(out, "\"__metadata__\":{");
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < i; k++)
            if (m[k].key != NULL && m[i].key != NULL && strcmp(m[k].key, m[i].key) == 0)
                return fac__fail(FAC_ERROR_VALUE,
                                 "fac_safetensors_write: '%s' stands twice in the metadata",
                                 m[i].key);
        if (i > 0)
            fac__text_str(out, ",");
        if (quote(out, m[i].key) != 0)
            return -1;
        fac__text_str(out, ":");
        if (quote(out, m[i].value) != 0)
            return -1;
    }
    fac__text_str(out, "}");
    return 0;
}

static uint64_t bytes_of(const fac_tensor *t) {
    return (uint64_t)t->numel * fac__itemsize(t->dtype);
}

static int write_header(fac__text *out, const item *items, int64_t n, const fac_metadata *m,
                        int64_t nm) {
    fac__text_add(out, "\0\0\0\0\0\0\0\0{", 9);
    if (nm > 0 && write_metadata(out, m, nm) != 0)
        return -1;
    uint64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        const fac_tensor *t = items[i].tensor;
        if (i > 0 || nm > 0)
            fac__text_str(out, ",");
        if (quote(out, items[i].name) != 0)
            return -1;
        fac__text_format(out, ":{\"dtype\":\"%s\",\"shape\":[",
                         fac__safetensors_dtypes[items[i].kind].name);
        for (int d = 0; d < t->ndim; d++)
            fac__text_format(out, d > 0 ? ",%lld" : "%lld", (long long)t->sizes[d]);
        uint64_t end = at + bytes_of(t);
        fac__text_format(out, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)at,
                         (unsigned long long)end);
        at = end;
    }
    fac__text_str(out, "}");
    fac__text_pad(out, ' ', (int64_t)((8 - out->n % 8) % 8));
    if (out->failed)
        return -1;
    if (out->n - 8 > 100000000)
        return fac__fail(FAC_ERROR_VALUE,
                         "fac_safetensors_write: a header of %zu bytes is too large", out->n - 8);
    for (int i = 0; i < 8; i++)
        out->s[i] = (char)((out->n - 8) >> 8 * i & 255);
    return 0;
}

static int write_data(fac__output *out, const item *items, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        fac_tensor *plain = fac__io_plain(items[i].tensor, "fac_safetensors_write");
        int r = plain == NULL ? -1 : fac__output_write(out, plain->data, bytes_of(plain));
        fac__release(plain);
        if (r != 0)
            return -1;
    }
    return 0;
}

bool fac_safetensors_write(const char *path, const char *const *names, fac_tensor *const *tensors,
                           int64_t n, const fac_metadata *m, int64_t nm) {
    item *items = calloc(n > 0 ? (size_t)n : 1, sizeof *items);
    if (items == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for %lld names", (long long)n);
        return false;
    }
    fac__text head = {0};
    fac__output out;
    int r = check(names, tensors, n, items);
    if (r == 0 && nm > 0 && m == NULL)
        r = fac__fail(FAC_ERROR_VALUE, "fac_safetensors_write: the metadata is NULL");
    if (r == 0)
        r = write_header(&head, items, n, m, nm);
    if (r == 0)
        r = fac__output_open(&out, path);
    if (r == 0) {
        r = fac__output_write(&out, head.s, head.n);
        if (r == 0)
            r = write_data(&out, items, n);
        r = fac__output_close(&out, r);
    }
    fac__text_drop(&head);
    free(items);
    return r == 0;
}
