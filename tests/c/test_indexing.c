/* Subscripts from C: views, picks, masks, assignment, errors, gradients. */
#include <facula/autograd.h>
#include <facula/error.h>
#include <facula/indexing.h>
#include <facula/ops.h>
#include <facula/scope.h>

#include <stdarg.h>
#include <string.h>

static int failed, passed;

static void check(bool ok, const char *what) {
    if (ok)
        passed++;
    else {
        failed++;
        printf("FAILED: %s (%s)\n", what, fac_error());
    }
    fac_clear_error();
}

static void same(const char *what, fac_tensor *t, fac_ints shape, const float *want) {
    bool ok = fac_ok(t) && fac_dim(t) == shape.n;
    for (int d = 0; ok && d < shape.n; d++)
        ok = fac_size(t, d) == shape.values[d];
    t = fac_contiguous(t);
    for (int64_t i = 0; ok && i < fac_numel(t); i++)
        ok = ((const float *)fac_data(t))[i] == want[i];
    check(ok, what);
}

static void fails(const char *what, fac_tensor *t, fac_error_code code, const char *text) {
    bool ok = !fac_ok(t) && fac_error_kind() == code;
    const char *got = fac_error();
    if (!ok || strcmp(got, text) != 0) {
        printf("FAILED: %s: got '%s', want '%s'\n", what, got, text);
        failed++;
    } else {
        passed++;
    }
    fac_clear_error();
}

#define GET(t, ...)                                                                                \
    fac_index_get(t, (const fac_subscript[]){__VA_ARGS__},                                         \
                  (int)(sizeof((const fac_subscript[]){__VA_ARGS__}) / sizeof(fac_subscript)))
#define SET(t, v, ...)                                                                             \
    fac_index_set(t, (const fac_subscript[]){__VA_ARGS__},                                         \
                  (int)(sizeof((const fac_subscript[]){__VA_ARGS__}) / sizeof(fac_subscript)),     \
                  FAC_VALUE(v))
#define WANT(...) ((const float[]){__VA_ARGS__})
static const fac_subscript NONE = {.kind = FAC_INDEX_NONE}, DOTS = {.kind = FAC_INDEX_ELLIPSIS};
static const fac_subscript TRUTH = {.kind = FAC_INDEX_BOOL, .as.truth = true};

static fac_tensor *count(void) { /* 0 .. 5 as (2, 3) */
    return fac_reshape(fac_arange_end(fac_float(6)), fac_dims(2, 3));
}

static fac_tensor *longs(int n, const int64_t *v) {
    fac_tensor *t = fac_empty(fac_dims(n), .dtype = FAC_INT64);
    memcpy(fac_data(t), v, sizeof(int64_t) * (size_t)n);
    return t;
}

static void reading(void) {
    fac_tensor *a = count(), *ix = longs(2, (const int64_t[]){-1, 0});
    fac_tensor *mask = fac_empty(fac_dims(2, 3), .dtype = FAC_BOOL);
    memcpy(fac_data(mask), (const bool[]){true, false, false, true, true, false}, 6);
    same("a[1]", GET(a, fac_at(1)), fac_dims(3), WANT(3, 4, 5));
    same("a[-1, 1]", GET(a, fac_at(-1), fac_at(1)), FAC_NO_DIMS, WANT(4));
    same("a[:, 1:3]", GET(a, fac_at_all(), fac_range(1, 3)), fac_dims(2, 2), WANT(1, 2, 4, 5));
    same("a[..., None, 0]", GET(a, DOTS, NONE, fac_at(0)), fac_dims(2, 1), WANT(0, 3));
    same("a[True, 0]", GET(a, TRUTH, fac_at(0)), fac_dims(1, 3), WANT(0, 1, 2));
    same("a[ix]", GET(a, fac_at_tensor(ix)), fac_dims(2, 3), WANT(3, 4, 5, 0, 1, 2));
    same("a[:, ix]", GET(a, fac_at_all(), fac_at_tensor(ix)), fac_dims(2, 2), WANT(2, 0, 5, 3));
    same("a[ix, ix]", GET(a, fac_at_tensor(ix), fac_at_tensor(ix)), fac_dims(2), WANT(5, 0));
    same("a[mask]", GET(a, fac_at_tensor(mask)), fac_dims(3), WANT(0, 3, 4));
    same("a[mask[0]]", GET(a, fac_at_all(), fac_at_tensor(GET(mask, fac_at(1)))), fac_dims(2, 2),
         WANT(0, 1, 3, 4));
    same("a[ix[1]]", GET(a, fac_at_tensor(GET(ix, fac_at(1)))), fac_dims(3), WANT(0, 1, 2));
}

static void errors(void) {
    fac_tensor *a = count(), *ix = longs(1, (const int64_t[]){5});
    fails("a[5]", GET(a, fac_at(5)), FAC_ERROR_INDEX,
          "index 5 is out of bounds for dimension 0 with size 2");
    fails("a[0, 0, 0]", GET(a, fac_at(0), fac_at(0), fac_at(0)), FAC_ERROR_INDEX,
          "too many indices for tensor of dimension 2");
    fails("a[:, ix]", GET(a, fac_at_all(), fac_at_tensor(ix)), FAC_ERROR_INDEX,
          "index 5 is out of bounds for dimension 1 with size 3");
    fails("a[a]", GET(a, fac_at_tensor(a)), FAC_ERROR_INDEX,
          "tensors used as indices must be long, int, byte or bool tensors");
    fails("a[:, [5]] = 1", SET(a, 1, fac_at_all(), fac_at_tensor(ix)), FAC_ERROR_INDEX,
          "index 5 is out of bounds for dimension 1 with size 3");
    same("nothing was written", a, fac_dims(2, 3), WANT(0, 1, 2, 3, 4, 5));
}

static void writing(void) {
    fac_tensor *a = count(), *ix = longs(2, (const int64_t[]){1, 0});
    SET(a, 9, fac_at(0), fac_range(1, 3));
    same("a[0, 1:3] = 9", a, fac_dims(2, 3), WANT(0, 9, 9, 3, 4, 5));
    SET(a, GET(count(), fac_at(1)), fac_at_all());
    same("a[:] = row", a, fac_dims(2, 3), WANT(3, 4, 5, 3, 4, 5));
    SET(a, 7, fac_at_all(), fac_at_tensor(ix));
    same("a[:, ix] = 7", a, fac_dims(2, 3), WANT(7, 7, 5, 7, 7, 5));
    SET(a, count(), fac_at_tensor(ix));
    same("a[ix] = rows", a, fac_dims(2, 3), WANT(3, 4, 5, 0, 1, 2));
}

static void gradients(void) {
    fac_tensor *w = count(), *ix = longs(3, (const int64_t[]){1, 1, 0});
    fac_set_requires_grad(w, true);
    fac_tensor *picked = GET(fac_mul(w, w), fac_at_tensor(ix), fac_range(1, 3));
    check(fac_backward(fac_sum(picked)), "backward of w[ix, 1:3]");
    same("grad", fac_grad(w), fac_dims(2, 3), WANT(0, 2, 4, 0, 16, 20));
    fac_set_grad(w, NULL);
    fac_tensor *copy = fac_clone(w);
    SET(copy, 5, fac_at(0));
    check(fac_backward(fac_sum(fac_mul(copy, copy))), "backward of w.clone()[0] = 5");
    same("grad of what was not written", fac_grad(w), fac_dims(2, 3), WANT(0, 0, 0, 6, 8, 10));
    fails("in-place on a view of a leaf", SET(w, 1, fac_at(0)), FAC_ERROR_RUNTIME,
          "a view of a leaf Variable that requires grad is being used in an in-place operation.");
}

int main(void) {
    fac_scope *s = fac_scope_open();
    reading();
    errors();
    writing();
    gradients();
    fac_scope_close(s);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
