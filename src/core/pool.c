/* The thread pool: fork and join of one loop at a time.
 *
 * A loop is cut into pieces by its length and grain alone, so that results do not depend on how
 * many threads take them. Each thread begins with its own share of the pieces, the same from loop
 * to loop, so that what it wrote it finds in its own caches, then takes from others' shares.
 * Workers spin a while for the next loop, then sleep on a futex; the caller works too. A loop that
 * starts while another runs, in a worker or elsewhere, runs inline. */
#include "pool.h"

#include "alloc.h"
#include "core.h"
#include "generator.h"
#include "print.h"

#include <facula/threads.h>

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int64_t fac__grain_override;

/* A worker looks for the next loop for a few milliseconds: one that sleeps wakes beside its caller,
 * on the same processor, and takes milliseconds to be moved to an idle one. Where there are more
 * threads than processors, looking keeps others from working. */
enum { LINE = 64, MOST_THREADS = 64, SPINS = 100000, SPINS_CROWDED = 1000 };

static struct {
    pthread_mutex_t busy;   /* held by the caller of the running loop */
    _Atomic uint32_t round; /* odd values never; a futex */
    _Atomic uint32_t sleepers;
    _Atomic int active; /* workers inside the loop */
    _Atomic bool quit;
    _Atomic int threads; /* wanted, the caller included; 0: not decided */
    int workers;         /* started */
    _Atomic int spins;   /* before a worker sleeps */
    /* the loop */
    int64_t n, piece;
    int shares;
    struct {
        _Alignas(LINE) _Atomic int64_t next; /* piece to take */
        int64_t end;
    } share[MOST_THREADS];
    fac__range_fn *fn;
    void *ctx;
    bool grad_mode;
    _Atomic int64_t failed; /* least piece that failed, or INT64_MAX */
    struct fac__error error;
    pthread_mutex_t error_lock;
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .error_lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool inside;

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* --- how many -------------------------------------------------------------------------------- */

static int from_environment(void) {
    static const char *const names[] = {"FACULA_NUM_THREADS", "OMP_NUM_THREADS"};
    for (int i = 0; i < 2; i++) {
        const char *s = getenv(names[i]);
        long n = s == NULL ? 0 : strtol(s, NULL, 10);
        if (n > 0)
            return n > MOST_THREADS ? MOST_THREADS : (int)n;
    }
    return 0;
}

/* The container's processor quota, rounded up; 0 where there is none. */
static int quota(void) {
    long long max, period;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f != NULL) {
        int got = fscanf(f, "%lld %lld", &max, &period);
        fclose(f);
        return got == 2 && period > 0 ? (int)((max + period - 1) / period) : 0;
    }
    f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r");
    if (f == NULL)
        return 0;
    int got = fscanf(f, "%lld", &max);
    fclose(f);
    if (got != 1 || max <= 0)
        return 0;
    f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r");
    if (f == NULL)
        return 0;
    got = fscanf(f, "%lld", &period);
    fclose(f);
    return got == 1 && period > 0 ? (int)((max + period - 1) / period) : 0;
}

static int processors(void) {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int q = quota();
    return q > 0 && q < n ? q : n;
}

static int default_threads(void) {
    int n = from_environment();
    if (n > 0)
        return n;
    n = processors();
    return n > MOST_THREADS ? MOST_THREADS : n < 1 ? 1 : n;
}

int fac__num_threads(void) {
    int n = atomic_load_explicit(&pool.threads, memory_order_relaxed);
    if (n != 0)
        return n;
    int chosen = default_threads();
    return atomic_compare_exchange_strong(&pool.threads, &n, chosen) ? chosen : n;
}

void fac__set_num_threads(int n) {
    pthread_mutex_lock(&pool.busy);
    pool.threads = n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
    pthread_mutex_unlock(&pool.busy);
}

bool fac_set_num_threads(int n) {
    if (n < 1) {
        fac__fail(FAC_ERROR_VALUE, "fac_set_num_threads: at least one thread computes, got %d", n);
        return false;
    }
    if (inside) {
        fac__fail(FAC_ERROR_RUNTIME, "fac_set_num_threads: called from within a parallel loop");
        return false;
    }
    fac__set_num_threads(n);
    return true;
}

int fac_get_num_threads(void) {
    return fac__num_threads();
}

/* --- working --------------------------------------------------------------------------------- */

static void note_failure(int64_t piece) {
    pthread_mutex_lock(&pool.error_lock);
    if (piece < atomic_load(&pool.failed)) {
        atomic_store(&pool.failed, piece);
        struct fac__error mine;
        fac__error_take(&mine);
        if (pool.error.code != FAC_OK) { /* of a later piece: dropped */
            fac__error_put(&pool.error);
            fac_clear_error();
        }
        fac__error_put(&mine);
        fac__error_take(&pool.error);
    } else {
        fac_clear_error();
    }
    pthread_mutex_unlock(&pool.error_lock);
}

static void take_share(int which) {
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&pool.share[which].next, 1, memory_order_relaxed);
        if (i >= pool.share[which].end)
            return;
        int64_t begin = i * pool.piece, end = begin + pool.piece;
        if (end > pool.n)
            end = pool.n;
        if (pool.fn(pool.ctx, begin, end) != 0)
            note_failure(i);
    }
}

static void take_pieces(int own) {
    for (int i = own; i < pool.shares; i++)
        take_share(i);
    for (int i = 0; i < own; i++)
        take_share(i);
}

static void futex_wait(_Atomic uint32_t *at, uint32_t value) {
    syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *at) {
    syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, MOST_THREADS, NULL, NULL, 0);
}

/* arg: the worker's number, from 1; the caller of a loop is 0. */
static void *worker(void *arg) {
    int number = (int)(intptr_t)arg;
    uint32_t seen = 0;
    inside = true;
    for (;;) {
        int spins = 0;
        uint32_t now;
        while ((now = atomic_load_explicit(&pool.round, memory_order_acquire)) == seen) {
            if (++spins < pool.spins) {
                pause_briefly();
                continue;
            }
            atomic_fetch_add(&pool.sleepers, 1);
            if (atomic_load(&pool.round) == seen)
                futex_wait(&pool.round, seen);
            atomic_fetch_sub(&pool.sleepers, 1);
            spins = 0;
        }
        seen = now;
        if (atomic_load(&pool.quit))
            return NULL;
        /* a loop may be over before a late worker looks; active says whether it may still enter */
        int active = atomic_load(&pool.active);
        while (active > 0 && !atomic_compare_exchange_weak(&pool.active, &active, active + 1)) {
        }
        if (active == 0)
            continue;
        if (number < pool.shares) {
            fac__tls.grad_mode = pool.grad_mode;
            take_pieces(number);
        }
        atomic_fetch_sub_explicit(&pool.active, 1, memory_order_release);
    }
}

static void start_workers(int want) {
    if (pool.workers >= want)
        return;
    pool.spins = want < processors() ? SPINS : SPINS_CROWDED;
    while (pool.workers < want) {
        pthread_t t;
        pthread_attr_t attr;
        pthread_attr_init(&attr);
        pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
        int r = pthread_create(&t, &attr, worker, (void *)(intptr_t)(pool.workers + 1));
        pthread_attr_destroy(&attr);
        if (r != 0)
            return; /* fewer threads, the same result */
        pool.workers++;
    }
}

static int run_inline(int64_t n, int64_t piece, fac__range_fn *fn, void *ctx) {
    for (int64_t begin = 0; begin < n; begin += piece)
        if (fn(ctx, begin, begin + piece < n ? begin + piece : n) != 0)
            return -1;
    return 0;
}

/* The next number of pieces that goes evenly into most machines' threads; at most 64. */
static int even_pieces(int64_t pieces) {
    static const uint8_t even[] = {2, 4, 6, 8, 12, 16, 24, 32, 48, MOST_THREADS};
    int i = 0;
    while (even[i] < pieces && even[i] < MOST_THREADS)
        i++;
    return even[i];
}

int fac__parallel_for(int64_t n, int64_t grain, fac__range_fn *fn, void *ctx) {
    if (n <= 0)
        return 0;
    if (fac__grain_override > 0 && grain > fac__grain_override)
        grain = fac__grain_override;
    if (grain < 1)
        grain = 1;
    int64_t pieces = n / grain;
    if (pieces <= 1)
        return fn(ctx, 0, n);
    pieces = even_pieces(pieces);
    int64_t piece = (n + pieces - 1) / pieces;
    if (piece > 16 * LINE) /* of elements: all pieces begin where a cache line does */
        piece = (piece + LINE - 1) / LINE * LINE;
    int threads = fac__num_threads();
    if (threads == 1 || inside || pthread_mutex_trylock(&pool.busy) != 0)
        return run_inline(n, piece, fn, ctx);
    start_workers(threads - 1);
    pool.n = n;
    pool.piece = piece;
    pieces = (n + piece - 1) / piece;
    pool.shares = threads;
    for (int i = 0; i < threads; i++) {
        atomic_store_explicit(&pool.share[i].next, pieces * i / threads, memory_order_relaxed);
        pool.share[i].end = pieces * (i + 1) / threads;
    }
    pool.fn = fn;
    pool.ctx = ctx;
    pool.grad_mode = fac__tls.grad_mode;
    atomic_store(&pool.failed, INT64_MAX);
    /* releases the fields above to workers that come late out of the round before */
    atomic_store_explicit(&pool.active, 1, memory_order_release);
    atomic_fetch_add_explicit(&pool.round, 1, memory_order_release);
    if (atomic_load(&pool.sleepers) > 0)
        futex_wake(&pool.round);
    inside = true;
    take_pieces(0);
    inside = false;
    /* the caller's own 1 stays until all others have left, then the door is closed */
    int alone = 1;
    while (!atomic_compare_exchange_weak_explicit(&pool.active, &alone, 0, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
        alone = 1;
        pause_briefly();
    }
    int r = atomic_load(&pool.failed) == INT64_MAX ? 0 : -1;
    if (r != 0)
        fac__error_put(&pool.error);
    pthread_mutex_unlock(&pool.busy);
    return r;
}

/* --- fork ------------------------------------------------------------------------------------ */

/* No other thread is left in the child to let go of a lock that it holds. In the order in which an
 * op that draws random numbers takes them. */
static void before_fork(void) {
    fac__generator_lock(NULL);
    pthread_mutex_lock(&pool.busy);
    fac__alloc_lock();
    fac__print_lock();
}

static void unlock_others(void) {
    fac__print_unlock();
    fac__alloc_unlock();
    fac__generator_unlock(fac_default_generator());
}

static void in_parent(void) {
    pthread_mutex_unlock(&pool.busy);
    unlock_others();
}

/* The child has no workers: it starts its own when it needs them. */
static void in_child(void) {
    unlock_others();
    pool.workers = 0;
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.active, 0);
    pthread_mutex_init(&pool.busy, NULL);
    pthread_mutex_init(&pool.error_lock, NULL);
}

__attribute__((constructor)) static void at_load(void) {
    pthread_atfork(before_fork, in_parent, in_child);
}
