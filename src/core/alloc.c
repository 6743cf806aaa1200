/* The caching allocator.
 *
 * A freed block goes to a list of its size class and serves the next request of that class: fresh
 * memory costs a page fault per 4 KiB, several times the work of an add. Small blocks have lists a
 * thread, without locks; large ones (from 1 MiB) one list a class for all, 2 MiB-aligned and
 * advised to be huge pages. What is kept is bounded, can be emptied, and is given back before a
 * request is refused. Under the address sanitizer nothing is kept. */
#include "alloc.h"

#include "core.h"
#include <facula/memory.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LEAST_SHIFT = FAC__LEAST_SHIFT,
    STEPS = FAC__CLASS_STEPS,
    LARGEST_SHIFT = 47, /* 128 TiB */
    LARGE_CLASSES = (LARGEST_SHIFT - LEAST_SHIFT) * STEPS + 1,
    SMALL_LIMIT = 1 << 20,
};

/* --- settings and statistics ----------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    struct fac__block *large[LARGE_CLASSES];
    size_t large_bytes, limit;
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic int64_t in_use, peak, refusals;
_Atomic int64_t fac__fail_after = -1;

static void count(int64_t bytes) {
    int64_t now = atomic_fetch_add_explicit(&in_use, bytes, memory_order_relaxed) + bytes;
    int64_t most = atomic_load_explicit(&peak, memory_order_relaxed);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
}

static size_t limit(void) {
    if (heap.limit == 0) {
        const char *mb = getenv("FACULA_CACHE_MB");
        size_t all = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
        heap.limit = mb != NULL ? (size_t)strtoull(mb, NULL, 10) << 20 : all / 4;
        if (heap.limit == 0)
            heap.limit = 1;
    }
    return heap.limit;
}

void fac__alloc_fail_after(int64_t n) {
    atomic_store(&fac__fail_after, n);
}

static bool told_to_fail(void) {
    return FAC_UNLIKELY(fac__alloc_counted()) && atomic_fetch_sub(&fac__fail_after, 1) == 0;
}

static void *refuse(size_t n) {
    atomic_fetch_add(&refusals, 1);
    fac__fail(FAC_ERROR_MEMORY, "facula: not enough memory: tried to allocate %zu bytes", n);
    return NULL;
}

/* --- large blocks ---------------------------------------------------------------------------- */

static void *map_large(size_t size) {
    const size_t huge = (size_t)2 << 20;
    size_t room = size + huge;
    char *p = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t before = (huge - (uintptr_t)p % huge) % huge;
    if (before != 0)
        munmap(p, before);
    if (room - before > size)
        munmap(p + before + size, room - before - size);
#ifdef MADV_HUGEPAGE
    if (size >= huge)
        madvise(p + before, size, MADV_HUGEPAGE);
#endif
    return p + before;
}

static void *large_alloc(size_t n, unsigned c, size_t size) {
    pthread_mutex_lock(&heap.lock);
    struct fac__block *b = heap.large[c];
    if (b != NULL) {
        heap.large[c] = b->next;
        heap.large_bytes -= size;
    }
    pthread_mutex_unlock(&heap.lock);
    void *p = b;
    if (p == NULL)
        p = map_large(size);
    if (p == NULL) {
        fac_empty_cache();
        p = map_large(size);
    }
    return p == NULL ? refuse(n) : p;
}

static void large_free(void *p, unsigned c, size_t size) {
    pthread_mutex_lock(&heap.lock);
    bool keep = FAC__CACHING && heap.large_bytes + size <= limit();
    if (keep) {
        struct fac__block *b = p;
        b->next = heap.large[c];
        heap.large[c] = b;
        heap.large_bytes += size;
    }
    pthread_mutex_unlock(&heap.lock);
    if (!keep)
        munmap(p, size);
}

void fac_empty_cache(void) {
    pthread_mutex_lock(&heap.lock);
    for (unsigned c = 0; c < LARGE_CLASSES; c++)
        while (heap.large[c] != NULL) {
            struct fac__block *b = heap.large[c];
            heap.large[c] = b->next;
            size_t e = LEAST_SHIFT + (c - 1) / STEPS, s = (c - 1) % STEPS;
            munmap(b, ((size_t)1 << e) + (s + 1) * ((size_t)1 << (e - 2)));
        }
    heap.large_bytes = 0;
    pthread_mutex_unlock(&heap.lock);
}

void fac__alloc_lock(void) {
    pthread_mutex_lock(&heap.lock);
}

void fac__alloc_unlock(void) {
    pthread_mutex_unlock(&heap.lock);
}

/* --- small blocks: lists a thread --------------------------------------------------------------
 */

_Thread_local struct fac__cache *fac__cache;
static pthread_key_t cache_key;
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static void drop_cache(void *arg) {
    struct fac__cache *c = arg;
    fac__cache = NULL;
    for (unsigned i = 0; i < FAC__SMALL_CLASSES; i++)
        while (c->list[i] != NULL) {
            struct fac__block *b = c->list[i];
            c->list[i] = b->next;
            free(b);
        }
    free(c);
}

static void make_key(void) {
    pthread_key_create(&cache_key, drop_cache);
}

static struct fac__cache *make_cache(void) {
    pthread_once(&cache_once, make_key);
    fac__cache = calloc(1, sizeof *fac__cache);
    if (fac__cache != NULL)
        pthread_setspecific(cache_key, fac__cache);
    return fac__cache;
}

static void *small_fresh(size_t size) {
    size_t whole = (size + 63) & ~(size_t)63; /* C17 asks for a multiple of the alignment */
    void *p = aligned_alloc(64, whole);
    if (p == NULL) {
        fac_empty_cache();
        p = aligned_alloc(64, whole);
    }
    return p == NULL ? refuse(size) : p;
}

static void *small_alloc(unsigned c, size_t size) {
    struct fac__cache *k = fac__cache;
    return k == NULL || k->list[c] == NULL ? small_fresh(size) : fac__cache_take(k, c, size);
}

void *fac__block_alloc(unsigned c, size_t size) {
    return told_to_fail() ? refuse(size) : small_alloc(c, size);
}

void fac__block_free(void *p, unsigned c, size_t size) {
    struct fac__cache *k = fac__cache == NULL && FAC__CACHING ? make_cache() : fac__cache;
    if (!FAC__CACHING || k == NULL || k->bytes + size > FAC__THREAD_BYTES)
        free(p);
    else
        fac__cache_keep(k, p, c, size);
}

/* --- entry ----------------------------------------------------------------------------------- */

void *fac__alloc(size_t n) {
    if (FAC_UNLIKELY(told_to_fail() || n > (size_t)1 << LARGEST_SHIFT))
        return refuse(n);
    size_t size;
    unsigned c = fac__size_class(n, &size);
    if (n <= SMALL_LIMIT)
        return small_alloc(c, size);
    void *p = large_alloc(n, c, size);
    if (p != NULL)
        count((int64_t)size);
    return p;
}

void fac__free(void *p, size_t n) {
    if (p == NULL)
        return;
    if (n <= SMALL_LIMIT) {
        fac__object_free(p, n);
        return;
    }
    size_t size;
    unsigned c = fac__size_class(n, &size);
    count(-(int64_t)size);
    large_free(p, c, size);
}

void fac__give_back_pages(void *p, size_t n) {
    if (n > SMALL_LIMIT)
        madvise(p, n, MADV_DONTNEED);
}

/* --- the program's allocator -------------------------------------------------------------------
 */

struct fac__user_allocator fac__user_allocator;

void *fac__user_alloc(size_t n, fac_free_fn **release, void **context) {
    struct fac__user_allocator u = fac__user_allocator;
    if (told_to_fail())
        return refuse(n);
    void *p = u.allocate(u.context, n);
    if (p == NULL)
        return refuse(n);
    if ((uintptr_t)p % 64 != 0) {
        u.release(u.context, p, n);
        fac__fail(FAC_ERROR_VALUE, "the allocator set by fac_set_allocator() gave memory that is "
                                   "not aligned to 64 bytes");
        return NULL;
    }
    *release = u.release;
    *context = u.context;
    return p;
}

bool fac_set_allocator(fac_allocate_fn *allocate, fac_free_fn *release, void *context) {
    if ((allocate == NULL) != (release == NULL)) {
        fac__fail(FAC_ERROR_VALUE, "fac_set_allocator: one of the two functions is NULL");
        return false;
    }
    fac__user_allocator = (struct fac__user_allocator){allocate, release, context};
    return true;
}

fac_memory_statistics fac_memory_stats(void) {
    pthread_mutex_lock(&heap.lock);
    fac_memory_statistics s = {.in_use = (size_t)atomic_load(&in_use),
                               .peak = (size_t)atomic_load(&peak),
                               .cached = heap.large_bytes,
                               .refused = (size_t)atomic_load(&refusals)};
    pthread_mutex_unlock(&heap.lock);
    return s;
}
