/* A program's own allocator: tensors' elements come from it and go back to where they came from,
 * whatever is set by then; where it fails, that is an error like any other. */
#include "../../src/core/alloc.h"
#include "check.h"

#include <facula/facula.h>

#include <stdlib.h>

struct arena {
    long taken, live;
    size_t bytes;
    long fail_at;    /* the request that is refused, -1: none */
    size_t misalign; /* what addresses are off by */
};

static void *take(void *context, size_t n) {
    struct arena *a = context;
    if (a->taken++ == a->fail_at)
        return NULL;
    char *p = aligned_alloc(64, (n + 64 + 63) & ~(size_t)63);
    if (p == NULL)
        return NULL;
    memset(p, 0xa5, n); /* nobody may count on zeros */
    a->live++;
    a->bytes += n;
    return p + a->misalign;
}

static void give(void *context, void *data, size_t n) {
    struct arena *a = context;
    a->live--;
    a->bytes -= n;
    free((char *)data - a->misalign);
}

static void set_use_reset(void) {
    struct arena one = {.fail_at = -1}, two = {.fail_at = -1};
    fac_scope *s = fac_scope_open();
    fac_tensor *before = fac_ones(fac_dims(100));
    CHECK(fac_set_allocator(take, give, &one));
    fac_tensor *x = fac_zeros(fac_dims(100)), *small = fac_ones(fac_dims(4));
    CHECK(one.live == 1 && one.bytes == 400); /* 16 bytes lie in the tensor's own record */
    CHECK(fac_item_float(fac_sum(x)) == 0 && fac_item_float(fac_sum(small)) == 4);
    fac_tensor *y = fac_keep(fac_add(before, x));
    CHECK(one.live == 2 && fac_item_float(fac_sum(y)) == 100);
    CHECK(fac_set_allocator(take, give, &two));
    fac_tensor *z = fac_mul(y, 2);
    CHECK(one.live == 2 && two.live == 1);
    CHECK(fac_ok(fac_resize_(z, fac_dims(500))) && two.live == 1 && two.bytes == 2000);
    CHECK(fac_set_allocator(NULL, NULL, NULL));
    fac_tensor *w = fac_mul(z, 2);
    CHECK(fac_ok(w) && two.live == 1 && two.taken == 2);
    fac_scope_close(s);
    CHECK(one.live == 1 && two.live == 0 && two.bytes == 0);
    fac_release(y);
    CHECK(one.live == 0 && one.bytes == 0);
    CHECK(!fac_set_allocator(take, NULL, &one) && fac_error_kind() == FAC_ERROR_VALUE);
    CHECK(!fac_set_allocator(NULL, give, &one) && fac_error_kind() == FAC_ERROR_VALUE);
    fac_tensor *after = fac_ones(fac_dims(100));
    CHECK_SAYS(fac_ok(after) && one.taken == 2, "a refused allocator is not taken");
}

/* A step of training, in whose course some 30 tensors of more than 64 bytes are made. */
static bool step(double *loss) {
    fac_scope *s = fac_scope_open();
    fac_manual_seed(3);
    fac_tensor *w = fac_randn(fac_dims(8, 6)), *x = fac_randn(fac_dims(5, 6));
    bool ok = fac_set_requires_grad(w, true);
    fac_tensor *y = fac_mean(fac_square(fac_tanh(fac_linear(x, w))));
    fac_optimizer *adam = fac_adamw(fac_list(w), 0.1);
    ok = ok && adam != NULL && fac_backward(y) && fac_optimizer_step(adam);
    *loss = ok ? fac_item_float(fac_sum(fac_mul(w, w))) : 0;
    ok = ok && fac_error_kind() == FAC_OK;
    fac_optimizer_free(adam);
    fac_scope_close(s);
    return ok;
}

static void each_refused(void) {
    struct arena a = {.fail_at = -1};
    double expected, loss;
    CHECK(step(&expected));
    CHECK(fac_set_allocator(take, give, &a));
    CHECK(step(&loss) && loss == expected && a.live == 0);
    long n = a.taken;
    CHECK(n > 10);
    for (long i = 0; i < n; i++) {
        a.taken = 0;
        a.fail_at = i;
        bool ok = step(&loss);
        fac_error_code code = fac_error_kind();
        CHECK_SAYS(ok ? loss == expected : code == FAC_ERROR_MEMORY, "one request refused");
        CHECK_SAYS(a.live == 0 && a.bytes == 0, "all given back");
    }
    a.fail_at = -1;
    CHECK(step(&loss) && loss == expected);
    CHECK(fac_set_allocator(NULL, NULL, NULL));
}

static void misaligned(void) {
    struct arena a = {.fail_at = -1, .misalign = 8};
    CHECK(fac_set_allocator(take, give, &a));
    CHECK(!fac_ok(fac_ones(fac_dims(100))) && fac_error_kind() == FAC_ERROR_VALUE &&
          strstr(fac_error(), "64 bytes") != NULL);
    CHECK_SAYS(a.taken == 1 && a.live == 0, "what cannot be used is given back");
    CHECK(fac_set_allocator(NULL, NULL, NULL));
}

/* Memory of the caller's is released once, by the last tensor over it. */
static void given(void) {
    struct arena a = {.fail_at = -1};
    float *data = take(&a, 400);
    fac_scope *s = fac_scope_open();
    for (int i = 0; i < 100; i++)
        data[i] = (float)i;
    fac_tensor *x = fac_from_memory(data, FAC_FLOAT32, fac_dims(10, 10), (fac_ints){0}, give, &a);
    fac_tensor *column = fac_keep(fac_select(x, 1, 3));
    fac_scope_close(s);
    CHECK(a.live == 1 && fac_item_float(fac_sum(column)) == 480);
    fac_release(column);
    CHECK(a.live == 0 && a.bytes == 0);
}

/* Memory that could not be made a tensor of stays the caller's, also where the scope fails to grow
 * last. */
static void given_in_vain(void) {
    struct arena a = {.fail_at = -1};
    float *data = take(&a, 400);
    bool ok = false;
    int failed = 0;
    for (; !ok && failed < 10; failed += !ok) {
        fac_scope *s = fac_scope_open();
        for (int i = 0; i < 12; i++) /* what a scope holds at first */
            CHECK(fac_ok(fac_zeros(FAC_NO_DIMS)));
        fac__alloc_fail_after(failed);
        ok = fac_ok(fac_from_memory(data, FAC_FLOAT32, fac_dims(100), (fac_ints){0}, give, &a));
        fac__alloc_fail_after(-1);
        CHECK(a.live == 1);
        fac_scope_close(s);
    }
    CHECK(failed == 3 && a.live == 0);
}

static void statistics(void) {
    fac_empty_cache();
    fac_memory_statistics before = fac_memory_stats();
    fac_scope *s = fac_scope_open();
    CHECK(before.cached == 0 && fac_ok(fac_empty(fac_dims(1 << 20))));
    fac_memory_statistics now = fac_memory_stats();
    CHECK(now.in_use >= before.in_use + (4u << 20) && now.peak >= now.in_use);
    CHECK(!fac_ok(fac_empty(fac_dims((int64_t)1 << 55))) && fac_error_kind() == FAC_ERROR_MEMORY);
    CHECK(fac_memory_stats().refused > now.refused);
    fac_scope_close(s);
    CHECK(fac_memory_stats().in_use == before.in_use);
}

int main(void) {
    set_use_reset();
    each_refused();
    misaligned();
    given();
    given_in_vain();
    statistics();
    return check_report();
}
