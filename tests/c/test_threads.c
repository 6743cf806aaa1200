/* The thread pool: every index once, whatever the sizes; nested and concurrent use; errors; fork.
 */
#include "../../src/core/alloc.h"
#include "../../src/core/core.h"
#include "../../src/core/generator.h"
#include "../../src/core/pool.h"
#include "../../src/core/print.h"
#include "check.h"

#include <facula/backend.h>
#include <facula/facula.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 100003 };

struct count {
    int64_t n, grain;
    _Atomic int64_t sum;
    _Atomic int pieces;
    atomic_uchar *seen;
    bool nested;
};

static int visit(void *ctx, int64_t begin, int64_t end) {
    struct count *c = ctx;
    int64_t sum = 0;
    for (int64_t i = begin; i < end; i++) {
        sum += i;
        atomic_fetch_add(&c->seen[i], 1);
    }
    if (c->nested) {
        struct count inner = {.n = 64, .grain = 1, .seen = calloc(64, 1)};
        int r = fac__parallel_for(64, 1, visit, &inner);
        bool ok = atomic_load(&inner.sum) == 64 * 63 / 2;
        free((void *)inner.seen);
        if (r != 0 || !ok)
            return fac__fail(FAC_ERROR_RUNTIME, "nested");
    }
    atomic_fetch_add(&c->sum, sum);
    atomic_fetch_add(&c->pieces, 1);
    return 0;
}

static bool covers(int64_t n, int64_t grain, bool nested) {
    struct count c = {.n = n, .grain = grain, .nested = nested, .seen = calloc((size_t)n + 1, 1)};
    bool ok = fac__parallel_for(n, grain, visit, &c) == 0;
    ok = ok && atomic_load(&c.sum) == n * (n - 1) / 2;
    for (int64_t i = 0; i < n; i++)
        ok = ok && atomic_load(&c.seen[i]) == 1;
    free((void *)c.seen);
    return ok;
}

static int fail_from(void *ctx, int64_t begin, int64_t end) {
    int64_t at = *(int64_t *)ctx;
    if (end > at)
        return fac__fail(FAC_ERROR_VALUE, "piece of %lld", (long long)(begin > at ? begin : at));
    return 0;
}

static void *hammer(void *unused) {
    (void)unused;
    for (int i = 0; i < 200; i++)
        if (!covers(1000 + i, 7, i % 50 == 0))
            return (void *)1;
    return NULL;
}

static void errors(void) {
    int64_t at = 5000;
    CHECK(fac__parallel_for(MOST, 10, fail_from, &at) == -1);
    fac__fail(FAC_ERROR_VALUE, "earlier");
    CHECK(fac__parallel_for(MOST, 10, fail_from, &at) == -1);
    fac_clear_error();
    fac__parallel_for(MOST, 10, fail_from, &at);
    CHECK_SAYS(strcmp(fac_error(), "piece of 5000") == 0, "the first piece's error is kept");
    CHECK(covers(MOST, 10, false));
}

static void concurrent(void) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, hammer, NULL) == 0);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(t[i], &r);
        CHECK(r == NULL);
    }
}

/* The thread sanitizer follows no process that forks with threads running. */
static void forked(void) {
#if !defined(__SANITIZE_THREAD__)
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(covers(MOST, 100, false) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
#endif
}

/* --- tensors that several threads read ---------------------------------------------------------
 */

enum { READERS = 3, SHARED = 3000 };

static fac_tensor *shared[SHARED], *stale[SHARED];
static _Atomic int arrived;

static void together(int round) {
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < READERS * (round + 1))
        sched_yield();
}

/* The first views of a tensor, and the history of a view whose base was written to since. */
static void *read_all(void *seen) {
    bool *wrong = seen;
    for (int i = 0; i < SHARED; i++) {
        if (i % 10 == 0)
            together(i / 10);
        fac_scope *s = fac_scope_open();
        fac_tensor *v = fac_view(shared[i], fac_dims(4)), *g = fac_bad;
        *wrong |= !fac_ok(v) || fac__version_of(v) != fac__version_of(shared[i]);
        bool ok = fac_gradients(fac_list(fac_sum(stale[i])), (fac_tensors){0}, fac_list(stale[i]),
                                true, false, false, &g);
        *wrong |= !ok || fac_item_float(fac_sum(g)) != 2;
        fac_scope_close(s);
    }
    return NULL;
}

static void readers(void) {
    pthread_t t[READERS];
    bool wrong[READERS] = {false};
    fac_scope *s = fac_scope_open();
    fac_tensor *x = fac_ones(fac_dims(2, 2));
    CHECK(fac_set_requires_grad(x, true));
    for (int i = 0; i < SHARED; i++) {
        shared[i] = fac_zeros(fac_dims(2, 2));
        fac_tensor *y = fac_mul(x, 2);
        stale[i] = fac_select(y, 0, 0);
        CHECK(fac_ok(fac_mul_(y, 2)));
    }
    for (int i = 0; i < READERS; i++)
        CHECK(pthread_create(&t[i], NULL, read_all, &wrong[i]) == 0);
    for (int i = 0; i < READERS; i++) {
        pthread_join(t[i], NULL);
        CHECK(!wrong[i]);
    }
    fac_scope_close(s);
}

/* --- fork --------------------------------------------------------------------------------------
 */

struct holder {
    void (*lock)(void), (*unlock)(void);
    _Atomic bool holds;
};

static void lock_generator(void) {
    fac__generator_lock(NULL);
}

static void unlock_generator(void) {
    fac__generator_unlock(fac_default_generator());
}

static void *hold_a_while(void *arg) {
    struct holder *h = arg;
    h->lock();
    atomic_store(&h->holds, true);
    usleep(20000);
    h->unlock();
    return NULL;
}

/* Another thread holds a lock while this one forks: the child has no such thread, and no lock. */
static void forked_under_locks(void) {
#if !defined(__SANITIZE_THREAD__)
    struct holder all[] = {{lock_generator, unlock_generator, false},
                           {fac__alloc_lock, fac__alloc_unlock, false},
                           {fac__print_lock, fac__print_unlock, false}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        pthread_t other;
        CHECK(pthread_create(&other, NULL, hold_a_while, &all[i]) == 0);
        while (!atomic_load(&all[i].holds))
            sched_yield();
        pid_t child = fork();
        if (child == 0) {
            alarm(30);
            char *text = fac_to_string(fac_randn(fac_dims(1 << 19)));
            _exit(text != NULL ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        pthread_join(other, NULL);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
#endif
}

static void *set_often(void *arg) {
    (void)arg;
    for (int i = 0; i < 200; i++)
        fac_set_num_threads(1 + i % 4);
    return NULL;
}

/* The public face: also while another thread computes. */
static void public_face(void) {
    CHECK(fac_get_num_threads() >= 1);
    CHECK(fac_set_num_threads(3) && fac_get_num_threads() == 3);
    CHECK(!fac_set_num_threads(0) && fac_error_kind() == FAC_ERROR_VALUE);
    CHECK(!fac_set_num_threads(-7) && fac_error_kind() == FAC_ERROR_VALUE);
    CHECK_SAYS(fac_get_num_threads() == 3, "a refused number changes nothing");
    CHECK(fac_set_num_threads(1 << 20) && fac_get_num_threads() == 64);
    pthread_t other;
    bool ok = true;
    CHECK(pthread_create(&other, NULL, set_often, NULL) == 0);
    for (int i = 0; i < 100; i++)
        ok = ok && covers(1000, 10, false);
    pthread_join(other, NULL);
    CHECK_SAYS(ok, "computing while the number changes");
    CHECK(fac_set_num_threads(2));
}

int main(void) {
    fac__core_init();
    public_face();
    static const int threads[] = {1, 2, 3, 7, 1, 4};
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 1000, MOST};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        fac__set_num_threads(threads[t]);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int64_t grain = 1; grain <= 10000; grain *= 100)
                if (sizes[s] / grain < 20000)
                    CHECK(covers(sizes[s], grain, false));
        CHECK(covers(1000, 10, true));
        errors();
    }
    concurrent();
    readers();
    forked();
    forked_under_locks();
    return check_report();
}
