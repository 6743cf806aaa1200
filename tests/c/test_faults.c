/* Each allocation of a training step fails in turn; then each and all that follow it.
 *
 * What allocates is wrapped by the linker (see meson.build): the C library's functions as the
 * library calls them, and the caching allocator's own as everything else calls it, so that a block
 * that a cache has in stock can be refused too. A step in which something was refused either works
 * all the same, with the bits of an undisturbed one, or says that memory ran out; it loses no block
 * and no file, and the next step is as if nothing had been. The method is that of SQLite's
 * out-of-memory tests. */
#include "../../src/core/alloc.h"
#include "check.h"

#include <facula/facula.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- allocations -------------------------------------------------------------------------------
 */

static long made, fail_at = -1;
static bool and_after, refused;

static bool refuse(void) {
    long i = made++;
    bool now = fail_at >= 0 && (i == fail_at || (and_after && i > fail_at));
    refused |= now;
    if (now)
        errno = ENOMEM;
    return now;
}

/* Blocks of the C library's in use: a table of addresses with open places. */
enum { PLACES = 1 << 14 };
static void *live[PLACES];
static long nlive, blocks; /* and those of the caching allocator */

static size_t place_of(const void *p) {
    size_t i = (size_t)((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15u >> 50;
    while (live[i] != NULL && live[i] != p)
        i = (i + 1) % PLACES;
    return i;
}

static void *begin(void *p) {
    if (p != NULL && nlive < PLACES / 2) {
        live[place_of(p)] = p;
        nlive++;
    }
    return p;
}

static void end(void *p) {
    size_t i = p == NULL ? 0 : place_of(p);
    if (p == NULL || live[i] == NULL)
        return; /* not one that was counted */
    live[i] = NULL;
    nlive--;
    for (size_t k = (i + 1) % PLACES; live[k] != NULL; k = (k + 1) % PLACES) {
        void *q = live[k];
        live[k] = NULL;
        live[place_of(q)] = q;
    }
}

#define WRAP(result, name, ...)                                                                    \
    result __real_##name(__VA_ARGS__);                                                             \
    result __wrap_##name(__VA_ARGS__);                                                             \
    result __wrap_##name(__VA_ARGS__)

WRAP(void *, malloc, size_t n) {
    return refuse() ? NULL : begin(__real_malloc(n));
}
WRAP(void *, calloc, size_t n, size_t size) {
    return refuse() ? NULL : begin(__real_calloc(n, size));
}
WRAP(void *, realloc, void *p, size_t n) {
    if (refuse())
        return NULL;
    end(p);
    return begin(__real_realloc(p, n));
}
WRAP(void *, aligned_alloc, size_t alignment, size_t n) {
    return refuse() ? NULL : __real_aligned_alloc(alignment, n); /* the cache's: not counted */
}
WRAP(char *, strdup, const char *s) {
    return refuse() ? NULL : begin(__real_strdup(s));
}
WRAP(char *, realpath, const char *path, char *to) {
    return refuse() ? NULL : begin(__real_realpath(path, to));
}
WRAP(void, free, void *p) {
    end(p);
    __real_free(p);
}

static void *no_memory(void) {
    fac_set_error(FAC_ERROR_MEMORY, "refused by the test");
    return NULL;
}

WRAP(void *, fac__alloc, size_t n) {
    void *p = refuse() ? no_memory() : __real_fac__alloc(n);
    blocks += p != NULL;
    return p;
}
WRAP(void, fac__free, void *p, size_t n) {
    blocks -= p != NULL;
    __real_fac__free(p, n);
}
WRAP(void *, fac__block_alloc, unsigned size_class, size_t rounded) {
    void *p = refuse() ? no_memory() : __real_fac__block_alloc(size_class, rounded);
    blocks += p != NULL;
    return p;
}
WRAP(void, fac__block_free, void *p, unsigned size_class, size_t rounded) {
    blocks -= p != NULL;
    __real_fac__block_free(p, size_class, rounded);
}

/* --- the step ----------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/facula-faults-XXXXXX", npy[64], safetensors[64];

enum { PARAMETERS = 6, NUMBERS = 2048 };
static const char *const names[PARAMETERS] = {"conv.w", "conv.b", "norm.w", "norm.b", "w", "b"};

/* What a step leaves behind. */
struct outcome {
    bool ok;
    size_t n;
    float numbers[NUMBERS];
    char text[4096];
};

static void note(struct outcome *o, fac_tensor *t) {
    size_t n = (size_t)fac_numel(t);
    o->ok &= fac_ok(t) && t != NULL && o->n + n <= NUMBERS;
    if (!o->ok)
        return;
    memcpy(o->numbers + o->n, fac_data(t), n * sizeof(float));
    o->n += n;
}

static int destroyed;
static void destroy(void *user) {
    (void)user;
    destroyed++;
}

static bool square_backward(const fac_backward_call *call) {
    fac_tensor *g =
        fac_add(call->gradients.values[0], fac_reshape(call->gradients.values[1], fac_dims(-1)));
    call->results[0] = fac_mul(g, fac_mul(call->saved.values[0], 2));
    return true;
}

/* Squares, and the same in more dimensions than a node has room for in itself. */
static fac_tensor *squared(fac_tensor *x) {
    static int user;
    fac_function f = {"SquareBackward", square_backward, &user, destroy, false};
    bool mode = fac_set_grad_mode(false);
    fac_tensor *y = fac_mul(x, x), *z = fac_reshape(fac_mul(x, x), fac_dims(1, 1, 1, 1, 1, 1, -1));
    fac_set_grad_mode(mode);
    if (fac_record(&f, fac_list(x), fac_list(y, z), fac_list(x)))
        return fac_add(y, fac_reshape(z, fac_dims(-1)));
    if (fac_requires_grad(y) || fac_requires_grad(z)) /* a check would forget the error */
        CHECK_SAYS(false, "joined to all outputs or to none");
    return fac_bad;
}

/* A view whose base was written to after it was taken finds its history anew. */
static fac_tensor *rewritten(struct outcome *o, fac_tensor *p) {
    fac_tensor *all = fac_mul(p, 2), *row = fac_select(all, 0, 1);
    o->ok &= fac_ok(fac_mul_(all, 2));
    bool clean = fac_error_kind() == FAC_OK, kept = fac_retain_grad(row);
    if (clean && kept != (fac_error_kind() == FAC_OK))
        CHECK_SAYS(false, "fac_retain_grad() says what it did");
    o->ok &= kept && fac_ok(fac_add_(row, 1));
    return fac_add(fac_mean(fac_mul(row, row)), fac_mean(all));
}

static fac_tensor *halve(void *user, fac_tensor *g) {
    (void)user;
    return fac_mul(g, 0.5);
}

static bool look(void *user, fac_tensor *leaf) {
    (void)user;
    return fac_ok(fac_sum(fac_grad(leaf)));
}

static fac_tensor *parameter(fac_tensor *t) {
    return fac_set_requires_grad(t, true) ? t : fac_bad;
}

/* x is (4, 2, 6, 6), the result (4, 3) */
static fac_tensor *scores_of(fac_tensor *const *p, fac_tensor *x, fac_tensor *mean,
                             fac_tensor *variance) {
    x = fac_conv2d(x, p[0], .bias = p[1], .padding = fac_dims(1, 1));
    x = fac_batch_norm(x, p[2], p[3], mean, variance, true, 0.1, 1e-5, true);
    x = fac_max_pool2d(fac_relu(x), fac_dims(2, 2));
    x = fac_dropout(fac_flatten(x, .start_dim = 1), 0.25, true);
    fac_tensors halves = fac_split(fac_linear(x, p[4], .bias = p[5]), 2);
    return fac_softplus(fac_cat(halves));
}

static void files(struct outcome *o, fac_tensor *const *p) {
    o->ok &= fac_npy_write(npy, p[4]);
    note(o, fac_npy_read(npy));
    fac_metadata about = {"made by", "the test"};
    o->ok &= fac_safetensors_write(safetensors, names, p, PARAMETERS, &about, 1);
    fac_safetensors *f = fac_safetensors_open(safetensors);
    o->ok &= f != NULL && fac_safetensors_count(f) == PARAMETERS;
    note(o, fac_safetensors_get(f, "conv.w"));
    fac_safetensors_close(f);
}

static void train(struct outcome *o, fac_tensor *const *p) {
    fac_tensor *x = fac_randn(fac_dims(4, 2, 6, 6)), *y = fac_randint(3, fac_dims(4));
    fac_tensor *mean = fac_zeros(fac_dims(3)), *variance = fac_ones(fac_dims(3));
    fac_optimizer *adam = fac_adamw(((fac_tensors){p, PARAMETERS}), 0.01);
    for (int i = 0; i < 2; i++) {
        fac_scope *inner = fac_scope_open();
        o->ok &= inner != NULL;
        fac_tensor *scores = scores_of(p, x, mean, variance);
        o->ok &= fac_register_hook(scores, halve, NULL, destroy) != 0;
        fac_tensor *loss = fac_add(fac_cross_entropy_loss(scores, y), fac_mean(squared(p[5])));
        loss = fac_add(loss, rewritten(o, p[4]));
        fac_optimizer_zero_grad(adam);
        o->ok &= fac_backward(loss) && fac_optimizer_step(adam);
        note(o, loss);
        fac_scope_close(inner);
    }
    fac_optimizer_free(adam);
    note(o, mean);
    note(o, variance);
}

static void step(struct outcome *o) {
    o->ok = true;
    o->n = 0;
    fac_scope *s = fac_scope_open();
    o->ok &= s != NULL;
    fac_manual_seed(7);
    fac_tensor *p[PARAMETERS] = {
        parameter(fac_randn(fac_dims(3, 2, 3, 3))), parameter(fac_zeros(fac_dims(3))),
        parameter(fac_ones(fac_dims(3))),           parameter(fac_zeros(fac_dims(3))),
        parameter(fac_randn(fac_dims(3, 27))),      parameter(fac_zeros(fac_dims(3)))};
    o->ok &= fac_register_accumulated_hook(p[0], look, NULL, destroy) != 0;
    train(o, p);
    files(o, p);
    char *text = fac_to_string(p[4]);
    o->ok &= text != NULL;
    snprintf(o->text, sizeof o->text, "%s", text != NULL ? text : "");
    fac_free_string(text);
    for (int i = 0; i < PARAMETERS; i++) {
        note(o, p[i]);
        note(o, fac_grad(p[i]));
    }
    fac_scope_close(s);
    if (s == NULL)
        fac_scope_close_all(); /* what would have been the scope's is the root's */
}

/* --- the faults --------------------------------------------------------------------------------
 */

static struct outcome *expected, got; /* the first is seen by all processes */

static bool same(void) {
    return got.ok && got.n == expected->n && strcmp(got.text, expected->text) == 0 &&
           memcmp(got.numbers, expected->numbers, got.n * sizeof(float)) == 0;
}

static int files_there(void) {
    int n = 0;
    DIR *d = opendir(folder);
    while (d != NULL && readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* A step whose allocation i is refused. */
static bool fault(long i, bool warm) {
    char what[160];
    long live_before = nlive, blocks_before = blocks;
    int hooks = destroyed, files_before = files_there();
    made = 0;
    refused = false;
    fail_at = i;
    step(&got);
    fail_at = -1;
    fac_error_code code = fac_error_kind();
    const char *error = fac_error();
    snprintf(what, sizeof what, "%s allocation %ld: %s, %.80s", and_after ? "from" : "at", i,
             got.ok ? "worked" : "failed", error);
    if (got.ok)
        CHECK_SAYS(same() && code == FAC_OK, what);
    else
        CHECK_SAYS(code == FAC_ERROR_MEMORY, what);
    /* What is made once and kept is made by now, or else it is not lost. */
    if (warm && (nlive != live_before || blocks != blocks_before)) {
        printf("lost %ld blocks of the C library and %ld of the cache\n", nlive - live_before,
               blocks - blocks_before);
        CHECK_SAYS(false, what);
    }
    CHECK_SAYS(fac_grad_mode(), what);
    CHECK_SAYS(files_there() <= (files_before > 4 ? files_before : 4), what);
    CHECK_SAYS(destroyed >= hooks, what);
    return refused;
}

static void undisturbed(const char *what) {
    step(&got);
    CHECK_SAYS(same() && fac_error_kind() == FAC_OK, what);
}

static void leave(int status) {
    fflush(stdout);
    _exit(status);
}

/* In a process that has run nothing yet: what is made once is refused here. */
static void cold(long every) {
    bool more = true;
    for (long i = 0; more; i += every) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            check_failed = 0;
            int r = fault(i, false) ? 1 : 0;
            undisturbed("after it, in a fresh process");
            leave(check_failed > 0 ? 2 : r);
        }
        int status = -1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        more = WIFEXITED(status) && WEXITSTATUS(status) == 1;
        CHECK_SAYS(WIFEXITED(status) && WEXITSTATUS(status) != 2, "a fresh process");
    }
}

int main(void) {
    fac__alloc_fail_after(INT64_MAX); /* counts, so that no block goes past the wrappers */
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(npy, sizeof npy, "%s/a.npy", folder);
    snprintf(safetensors, sizeof safetensors, "%s/a.safetensors", folder);
    expected =
        mmap(NULL, sizeof *expected, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (expected == MAP_FAILED)
        return 1;
    pid_t child = fork(); /* the parent stays cold */
    if (child == 0) {
        step(expected);
        CHECK(expected->ok);
        undisturbed("a second step");
        long n = 0;
        for (int after = 0; after < 2; after++) {
            and_after = after;
            for (n = 0; fault(n, true); n++)
                if (n % 16 == 0)
                    undisturbed("after a fault");
            and_after = false;
            undisturbed("after all faults");
        }
        printf("%ld allocations a step\n", n);
        leave(check_report());
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cold(7);
    unlink(npy);
    unlink(safetensors);
    rmdir(folder);
    return check_report();
}
