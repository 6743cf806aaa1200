/* One error a thread: the first unread one. Nothing here allocates unless a text is long. */
#include "core.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

_Thread_local fac__thread fac__tls __attribute__((tls_model("initial-exec"))) = {
    .grad_mode = true,
    .anomaly_check_nan = true,
};

static void drop(struct fac__error *e) {
    if (e->text != NULL && e->text != e->small)
        free(e->text);
    if (e->payload != NULL && e->free_payload != NULL)
        e->free_payload(e->payload);
    e->text = NULL;
    e->payload = NULL;
    e->op = NULL;
    e->code = FAC_OK;
}

static void set(fac_error_code code, const char *format, va_list args) {
    struct fac__error *e = &fac__tls.error;
    if (e->code != FAC_OK || code == FAC_OK)
        return;
    /* The last text goes only now: the new one may quote it, "loading: %s" of fac_error(). */
    char small[sizeof e->small], *text = NULL;
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    if (n < 0)
        small[0] = '\0';
    if (n >= (int)sizeof small && (text = malloc((size_t)n + 1)) != NULL)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    drop(e);
    memcpy(e->small, small, sizeof small);
    e->text = text != NULL ? text : e->small;
    e->code = code;
}

int fac__fail(fac_error_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set(code, format, args);
    va_end(args);
    return -1;
}

void fac_set_error(fac_error_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    set(code, format, args);
    va_end(args);
}

void fac__error_op(const fac__op *op) {
    if (fac__tls.error.op == NULL)
        fac__tls.error.op = op->name;
}

bool fac_ok(const fac_tensor *t) {
    return !fac__is_bad(t);
}

const char *fac_error(void) {
    struct fac__error *e = &fac__tls.error;
    if (e->code == FAC_OK)
        return "";
    e->code = FAC_OK; /* read: the text stays until the next error replaces it */
    return e->text;
}

fac_error_code fac_error_kind(void) {
    return fac__tls.error.code;
}

const char *fac_error_op(void) {
    return fac__tls.error.op != NULL ? fac__tls.error.op : "";
}

void fac_clear_error(void) {
    drop(&fac__tls.error);
}

void fac__error_take(struct fac__error *out) {
    struct fac__error *e = &fac__tls.error;
    *out = *e;
    if (e->text == e->small)
        out->text = out->small;
    e->text = NULL;
    e->payload = NULL;
    e->op = NULL;
    e->code = FAC_OK;
}

void fac__error_put(struct fac__error *in) {
    struct fac__error *e = &fac__tls.error;
    if (e->code != FAC_OK) {
        drop(in);
        return;
    }
    drop(e);
    *e = *in;
    if (in->text == in->small)
        e->text = e->small;
    in->text = NULL;
    in->payload = NULL;
    in->code = FAC_OK;
}

/* --- warnings --------------------------------------------------------------------------------- */

static fac_warning_handler *warning_handler;
static void *warning_context;

void fac_on_warning(fac_warning_handler *handler, void *context) {
    warning_handler = handler;
    warning_context = context;
}

int fac__warn(const char *format, ...) {
    if (warning_handler == NULL)
        return 0;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return warning_handler(text, warning_context);
}

_Atomic bool fac__warn_always;

int fac__warn_once(atomic_flag *said, const char *text) {
    bool always = atomic_load_explicit(&fac__warn_always, memory_order_relaxed);
    if (warning_handler == NULL || (atomic_flag_test_and_set(said) && !always))
        return 0;
    return fac__warn("%s", text);
}

/* The texts of shapes live behind a pointer: static TLS is scarce. */
enum { RING = 4, SHAPE_TEXT = FAC_MAX_DIMS * 22 + 4 };

struct texts {
    unsigned at;
    char ring[RING][SHAPE_TEXT];
};

static pthread_key_t texts_key;
static pthread_once_t texts_once = PTHREAD_ONCE_INIT;

static void make_key(void) {
    pthread_key_create(&texts_key, free);
}

const char *fac__shape_text(int ndim, const int64_t *sizes) {
    pthread_once(&texts_once, make_key);
    struct texts *t = pthread_getspecific(texts_key);
    if (t == NULL) {
        t = calloc(1, sizeof *t);
        if (t == NULL || pthread_setspecific(texts_key, t) != 0) {
            free(t);
            return "[?]";
        }
    }
    char *s = t->ring[t->at++ % RING];
    size_t n = 0;
    s[n++] = '[';
    for (int i = 0; i < ndim && i < FAC_MAX_DIMS; i++)
        n += (size_t)snprintf(s + n, 24, i ? ", %lld" : "%lld", (long long)sizes[i]);
    s[n++] = ']';
    s[n] = '\0';
    return s;
}
