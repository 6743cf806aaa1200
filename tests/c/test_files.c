/* Files, written and read back: every dtype, memory order, no elements, no dimensions; and every
 * file cut short anywhere is an error that makes nothing. */
#include "check.h"

#include <facula/facula.h>

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/facula-files-XXXXXX", path[64];

static int open_files(void) {
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n;
}

/* --- round trips ------------------------------------------------------------------------------ */

/* Bits of every kind: NaN, infinities and least numbers too where a dtype has them. */
static fac_tensor *filled(fac_dtype d, fac_ints sizes) {
    fac_tensor *t = fac_empty(sizes, .dtype = d);
    size_t n = (size_t)fac_numel(t) * fac_dtype_size(d);
    unsigned char *p = fac_data(t);
    for (size_t i = 0; i < n; i++)
        p[i] = d == FAC_BOOL ? i % 3 == 0 : (unsigned char)(i * 151 + 113);
    for (size_t i = n / 2; d != FAC_BOOL && i < n; i++)
        p[i] = i % 2 ? 0xff : 0x7f;
    return t;
}

static bool same(fac_tensor *a, fac_tensor *b, bool strides) {
    bool same = fac_ok(a) && fac_ok(b) && fac_dtype_of(a) == fac_dtype_of(b) &&
                fac_dim(a) == fac_dim(b) && !fac_requires_grad(b);
    for (int i = 0; same && i < fac_dim(a); i++)
        same =
            fac_size(a, i) == fac_size(b, i) && (!strides || fac_stride(a, i) == fac_stride(b, i));
    if (!same)
        return false;
    a = fac_contiguous(fac_resolve_conj(a));
    b = fac_contiguous(b);
    size_t n = (size_t)fac_numel(a) * fac_dtype_size(fac_dtype_of(a));
    return n == 0 || memcmp(fac_data(a), fac_data(b), n) == 0;
}

/* `strides`: the format keeps them. */
static void npy_trip(fac_tensor *t, bool strides, const char *what) {
    bool can = fac_dtype_of(t) != FAC_BFLOAT16;
    bool wrote = fac_npy_write(path, t);
    if (!can) {
        CHECK_SAYS(!wrote && fac_error_kind() == FAC_ERROR_NOT_IMPLEMENTED, "bfloat16 in .npy");
        return;
    }
    CHECK_SAYS(wrote && same(t, fac_npy_read(path), strides), what);
}

static void safetensors_trip(fac_tensor *t, const char *what) {
    const char *name = "a name, ü";
    bool can = fac_dtype_of(t) != FAC_COMPLEX128;
    bool wrote = fac_safetensors_write(path, &name, &t, 1, NULL, 0);
    if (!can) {
        CHECK_SAYS(!wrote && fac_error_kind() == FAC_ERROR_NOT_IMPLEMENTED,
                   "complex128 in safetensors");
        return;
    }
    fac_safetensors *f = fac_safetensors_open(path);
    CHECK_SAYS(wrote && f != NULL && fac_safetensors_count(f) == 1 &&
                   strcmp(fac_safetensors_name(f, 0), name) == 0 &&
                   fac_safetensors_name(f, 1) == NULL,
               what);
    fac_tensor *back = fac_safetensors_get(f, name);
    fac_safetensors_close(f); /* the tensor keeps the mapping */
    CHECK_SAYS(same(t, back, false), what);
}

static void trips(fac_tensor *t, bool strides, const char *shape) {
    char what[80];
    snprintf(what, sizeof what, "%s, %s", fac_dtype_name(fac_dtype_of(t)), shape);
    npy_trip(t, strides, what);
    safetensors_trip(t, what);
}

static void round_trips(void) {
    int before = open_files();
    for (int d = FAC_DTYPE_NONE + 1; d < FAC_NUM_DTYPES; d++) {
        fac_scope *s = fac_scope_open();
        fac_dtype dtype = (fac_dtype)d;
        fac_tensor *x = filled(dtype, fac_dims(3, 4, 5));
        trips(x, true, "row by row");
        trips(fac_permute(x, fac_dims(2, 1, 0)), true, "column by column");
        trips(fac_permute(x, fac_dims(1, 0, 2)), false, "some other order");
        trips(fac_slice(x, .dim = 1, .step = fac_some(2)), false, "with gaps");
        trips(fac_expand(fac_select(x, 0, 0), fac_dims(2, 4, 5)), false, "repeated");
        trips(filled(dtype, fac_dims(2, 0, 3)), true, "without elements");
        trips(filled(dtype, fac_dims(0)), true, "an empty vector");
        trips(filled(dtype, FAC_NO_DIMS), true, "without dimensions");
        trips(filled(dtype, fac_dims(1, 1, 1, 1, 1, 1, 2)), true, "with seven dimensions");
        if (dtype == FAC_COMPLEX64)
            trips(fac_conj(x), false, "conjugated");
        fac_scope_close(s);
    }
    CHECK_SAYS(open_files() == before, "files left open");
}

/* --- cut short -------------------------------------------------------------------------------- */

static unsigned char *bytes_of(size_t *n) {
    FILE *f = fopen(path, "rb");
    unsigned char *bytes = malloc(1 << 16);
    *n = f == NULL || bytes == NULL ? 0 : fread(bytes, 1, 1 << 16, f);
    if (f != NULL)
        fclose(f);
    CHECK(*n > 0 && *n < 1 << 16);
    return bytes;
}

static void put(const unsigned char *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && fwrite(bytes, 1, n, f) == n;
    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    CHECK(ok);
}

/* An error of either kind: a file of no bytes cannot be mapped. */
static bool refused(void) {
    fac_error_code code = fac_error_kind();
    return code == FAC_ERROR_VALUE || code == FAC_ERROR_IO;
}

static void cut_npy(const unsigned char *bytes, size_t n) {
    unsigned char *part = malloc(n > 0 ? n : 1); /* so that reading past the end is seen */
    memcpy(part, bytes, n);
    CHECK_SAYS(!fac_ok(fac_npy_from_memory(part, n)) && refused(), "a part of .npy, from memory");
    free(part);
    put(bytes, n);
    CHECK_SAYS(!fac_ok(fac_npy_read(path)) && refused(), "a part of a .npy file");
}

static void cut_safetensors(const unsigned char *bytes, size_t n) {
    unsigned char *part = malloc(n > 0 ? n : 1);
    memcpy(part, bytes, n);
    CHECK_SAYS(fac_safetensors_from_memory(part, n) == NULL && refused(),
               "a part of safetensors, from memory");
    free(part);
    put(bytes, n);
    CHECK_SAYS(fac_safetensors_open(path) == NULL && refused(), "a part of a safetensors file");
}

static void cuts(void) {
    int before = open_files();
    fac_scope *s = fac_scope_open();
    size_t n;
    CHECK(fac_npy_write(path, filled(FAC_FLOAT32, fac_dims(5, 7))));
    unsigned char *bytes = bytes_of(&n);
    for (size_t i = 0; i < n; i++)
        cut_npy(bytes, i);
    CHECK(fac_ok(fac_npy_from_memory(bytes, n)));
    free(bytes);

    fac_tensor *two[2] = {filled(FAC_INT16, fac_dims(5)), filled(FAC_BFLOAT16, fac_dims(2, 3))};
    const char *const names[2] = {"one", "two"};
    fac_metadata note = {"made by", "a test"};
    CHECK(fac_safetensors_write(path, names, two, 2, &note, 1));
    bytes = bytes_of(&n);
    for (size_t i = 0; i < n; i++)
        cut_safetensors(bytes, i);
    fac_safetensors *f = fac_safetensors_from_memory(bytes, n);
    CHECK(f != NULL && strcmp(fac_safetensors_metadata(f, "made by"), "a test") == 0);
    CHECK(same(two[1], fac_safetensors_get(f, "two"), true));
    CHECK(!fac_ok(fac_safetensors_get(f, "three")) && fac_error_kind() != FAC_OK);
    fac_safetensors_close(f);
    free(bytes);
    fac_scope_close(s);
    CHECK_SAYS(open_files() == before, "files left open");
}

/* --- what is no file ----------------------------------------------------------------------------
 */

static void no_files(void) {
    CHECK(!fac_ok(fac_npy_from_memory(NULL, 100)) && refused());
    CHECK(fac_safetensors_from_memory(NULL, 100) == NULL && refused());
    CHECK(mkfifo(path, 0600) == 0);
    alarm(30); /* opening a pipe must not wait for a writer */
    CHECK(!fac_ok(fac_npy_read(path)) && fac_error_kind() == FAC_ERROR_IO);
    CHECK(fac_safetensors_open(path) == NULL && fac_error_kind() == FAC_ERROR_IO);
    alarm(0);
    unlink(path);
}

int main(void) {
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/file", folder);
    round_trips();
    cuts();
    unlink(path);
    no_files();
    CHECK_SAYS(rmdir(folder) == 0, "files left behind");
    return check_report();
}
