/* Scopes: a stack a thread of what operators returned. Chunks of pointers, the first in the scope
 * itself, so that adopting a result is a store; closing walks back. */
#include "core.h"

#include "alloc.h"

#include <pthread.h>
#include <stdlib.h>

enum { CHUNK = 62, FIRST = 12 };

struct chunk {
    struct chunk *below;
    size_t n;
    fac_tensor *owned[CHUNK];
};

struct list {
    struct list *next;
    fac_tensor *values[];
};

struct fac_scope {
    fac_scope *outer;
    struct chunk *chunk; /* beyond the first */
    struct list *lists;  /* arrays handed out with list results */
    size_t n;
    fac_tensor *owned[FIRST];
};

/* What a thread leaves open is closed when it ends: the value of this key is not NULL from its
 * first scope on. */
static pthread_key_t ending;
static pthread_once_t ending_once = PTHREAD_ONCE_INIT;
static _Thread_local bool watched __attribute__((tls_model("initial-exec")));

static void at_thread_end(void *unused) {
    (void)unused;
    watched = false; /* closing may open scopes again, by a destructor of the program's */
    fac_scope_close_all();
}

static void make_key(void) {
    pthread_key_create(&ending, at_thread_end);
}

static __attribute__((noinline)) int watch_thread(void) {
    pthread_once(&ending_once, make_key);
    if (pthread_setspecific(ending, &ending) != 0)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a scope");
    watched = true;
    return 0;
}

fac_scope *fac_scope_open(void) {
    if (FAC_UNLIKELY(!watched) && watch_thread() != 0)
        return NULL;
    fac_scope *s = fac__object_alloc(sizeof *s);
    if (s == NULL)
        return NULL;
    s->outer = fac__tls.scope;
    s->chunk = NULL;
    s->lists = NULL;
    s->n = 0;
    fac__tls.scope = s;
    return s;
}

static __attribute__((noinline)) void free_chunks(fac_scope *s) {
    while (s->chunk != NULL) {
        struct chunk *c = s->chunk;
        s->chunk = c->below;
        for (size_t i = c->n; i > 0; i--)
            fac__release(c->owned[i - 1]);
        fac__object_free(c, sizeof *c);
    }
}

static __attribute__((noinline)) void free_lists(fac_scope *s) {
    while (s->lists != NULL) {
        struct list *l = s->lists;
        s->lists = l->next;
        free(l);
    }
}

static void close_innermost(void) {
    fac_scope *s = fac__tls.scope;
    fac__tls.scope = s->outer;
    if (FAC_UNLIKELY(s->chunk != NULL))
        free_chunks(s);
    for (size_t i = s->n; i > 0; i--)
        fac__release(s->owned[i - 1]);
    if (FAC_UNLIKELY(s->lists != NULL))
        free_lists(s);
    fac__object_free(s, sizeof *s);
}

void fac_scope_close(fac_scope *scope) {
    const fac_scope *s = fac__tls.scope;
    while (s != scope && s != NULL)
        s = s->outer;
    if (s == NULL) {
        if (scope != NULL)
            fac__fail(FAC_ERROR_VALUE, "fac_scope_close: no such scope is open in this thread");
        return;
    }
    while (fac__tls.scope != scope)
        close_innermost();
    close_innermost();
}

void fac_scope_close_all(void) {
    while (fac__tls.scope != NULL)
        close_innermost();
}

/* The innermost scope; the thread's root scope where none is open. */
static fac_scope *innermost(void) {
    return FAC_LIKELY(fac__tls.scope != NULL) ? fac__tls.scope : fac_scope_open();
}

static __attribute__((noinline)) fac_tensor *adopt_slowly(fac_tensor *t) {
    fac_scope *s = innermost();
    struct chunk *c = s == NULL ? NULL : s->chunk;
    if (s != NULL && s->n < FIRST) {
        s->owned[s->n++] = t;
        return t;
    }
    if (s != NULL && (c == NULL || c->n == CHUNK)) {
        struct chunk *fresh = fac__object_alloc(sizeof *fresh);
        if (fresh != NULL) {
            fresh->below = c;
            fresh->n = 0;
            s->chunk = fresh;
        }
        c = fresh;
    }
    if (c == NULL) {
        fac__release(t);
        return fac_bad;
    }
    c->owned[c->n++] = t;
    return t;
}

fac_tensor *fac__scope_adopt(fac_tensor *t) {
    fac_scope *s = fac__tls.scope;
    if (FAC_UNLIKELY(s == NULL || s->n == FIRST))
        return adopt_slowly(t);
    s->owned[s->n++] = t;
    return t;
}

fac_tensor **fac__scope_array(int n) {
    fac_scope *s = innermost();
    size_t size = sizeof(struct list) + sizeof(fac_tensor *) * (size_t)(n > 0 ? n : 1);
    struct list *l = s == NULL ? NULL : malloc(size);
    if (l == NULL) {
        fac__fail(FAC_ERROR_MEMORY, "not enough memory for a list of %d tensors", n);
        return NULL;
    }
    l->next = s->lists;
    s->lists = l;
    return l->values;
}
