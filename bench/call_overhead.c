/* What a call costs from C: nanoseconds of the best of many batches.
 *
 * Each step opens a scope, calls once and closes it, as a training loop would for many calls; the
 * first row is what that costs without a call, and is part of the others. */
#include <facula/facula.h>

#include <stdio.h>
#include <time.h>

enum { BATCHES = 1000, CALLS = 2000 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static fac_tensor *a, *b, *m, *w, *x;

static void nothing(void) {}

static void add(void) {
    fac_add(a, b);
}

static void add_in_place(void) {
    fac_add_(a, b);
}

static void sum(void) {
    fac_sum(a);
}

static void matmul(void) {
    fac_matmul(m, m);
}

static void gradient(void) {
    fac_backward(fac_mul(fac_add(w, x), fac_add(w, 1)));
}

static double best(void (*call)(void)) {
    double least = 1e18;
    for (int i = 0; i < BATCHES; i++) {
        double began = now();
        for (int k = 0; k < CALLS; k++) {
            fac_scope *s = fac_scope_open();
            call();
            fac_scope_close(s);
        }
        double t = (now() - began) / CALLS;
        least = t < least ? t : least;
    }
    return least;
}

int main(void) {
    fac_scope *s = fac_scope_open();
    a = fac_zeros(fac_dims(4));
    b = fac_zeros(fac_dims(4));
    m = fac_ones(fac_dims(2, 2));
    w = fac_full(fac_dims(1), 1.0);
    x = fac_full(fac_dims(1), 2.0);
    fac_set_requires_grad(w, true);
    fac_set_requires_grad(x, true);
    static const struct {
        const char *name;
        void (*call)(void);
    } rows[] = {{"a scope", nothing},
                {"fac_add, 4 floats", add},
                {"fac_add_, 4 floats", add_in_place},
                {"fac_sum, 4 floats", sum},
                {"fac_matmul, 2 x 2", matmul},
                {"three ops and fac_backward", gradient}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        printf("%-30s %7.1f ns\n", rows[i].name, best(rows[i].call));
    if (fac_error()[0] != '\0')
        fprintf(stderr, "%s\n", fac_error());
    fac_scope_close(s);
    return 0;
}
