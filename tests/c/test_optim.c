/* Optimizers of the C API: steps against formulas written out in C, over dtypes, strides and
 * threads; state, errors, captures. */
#include "../../src/core/core.h"
#include "../../src/core/pool.h"
#include "check.h"

#include <facula/facula.h>

#include <math.h>
#include <stdlib.h>

enum { N = 1000, STEPS = 4 };

/* --- the formulas, in double ------------------------------------------------------------------ */

struct plain {
    double p[N], a[N], b[N], top[N];
    int steps;
};

struct rules {
    double lr, momentum, dampening, decay, beta1, beta2, eps;
    bool nesterov, maximize, adam, amsgrad, decoupled;
};

static void plain_sgd(struct plain *s, const double *grad, const struct rules *r) {
    for (int i = 0; i < N; i++) {
        double g = (r->maximize ? -grad[i] : grad[i]) + r->decay * s->p[i];
        if (r->momentum != 0) {
            s->a[i] = s->steps == 0 ? g : r->momentum * s->a[i] + (1 - r->dampening) * g;
            g = r->nesterov ? g + r->momentum * s->a[i] : s->a[i];
        }
        s->p[i] -= r->lr * g;
    }
    s->steps++;
}

static void plain_adam(struct plain *s, const double *grad, const struct rules *r) {
    s->steps++;
    for (int i = 0; i < N; i++) {
        double g = r->maximize ? -grad[i] : grad[i];
        if (r->decoupled)
            s->p[i] *= 1 - r->lr * r->decay;
        else
            g += r->decay * s->p[i];
        s->a[i] = r->beta1 * s->a[i] + (1 - r->beta1) * g;
        s->b[i] = r->beta2 * s->b[i] + (1 - r->beta2) * g * g;
        s->top[i] = r->amsgrad ? fmax(s->top[i], s->b[i]) : s->b[i];
        double mean = s->a[i] / (1 - pow(r->beta1, s->steps));
        double square = s->top[i] / (1 - pow(r->beta2, s->steps));
        s->p[i] -= r->lr * mean / (sqrt(square) + r->eps);
    }
}

/* --- the same through the library ------------------------------------------------------------- */

static double start(int i) {
    return sin(3.0 * i) + 0.01 * (i % 7);
}

static double gradient(int step, int i) {
    return cos(1.7 * i + step);
}

static fac_optimizer *make(fac_tensor *p, const struct rules *r) {
    if (!r->adam)
        return fac_sgd(fac_list(p), r->lr, .momentum = r->momentum, .dampening = r->dampening,
                       .weight_decay = r->decay, .nesterov = r->nesterov, .maximize = r->maximize);
    fac_adam_options o = {.size = sizeof o,
                          .beta1 = fac_some_float(r->beta1),
                          .beta2 = fac_some_float(r->beta2),
                          .eps = fac_some_float(r->eps),
                          .weight_decay = fac_some_float(r->decay),
                          .amsgrad = r->amsgrad,
                          .maximize = r->maximize};
    return r->decoupled ? fac_adamw_ex(fac_list(p), r->lr, &o)
                        : fac_adam_ex(fac_list(p), r->lr, &o);
}

/* N values as a tensor of `dtype`: contiguous, or 4 columns of 250 with a gap between. */
static fac_tensor *values(double (*f)(int, int), int step, fac_dtype dtype, bool gaps) {
    double v[N];
    for (int i = 0; i < N; i++)
        v[i] = f == NULL ? start(i) : f(step, i);
    fac_tensor *wide = fac_empty(fac_dims(N), .dtype = FAC_FLOAT64);
    memcpy(fac_data(wide), v, sizeof v);
    fac_tensor *t = fac_to_dtype(wide, dtype);
    if (!gaps)
        return t;
    fac_tensor *room = fac_zeros(fac_dims(4, 300), .dtype = dtype);
    fac_tensor *part = fac_transpose(fac_narrow(room, 1, 7, 250), 0, 1);
    fac_copy_(part, fac_reshape(t, fac_dims(250, 4)));
    return fac_detach(part);
}

static void read_back(fac_tensor *t, double *out) {
    fac_tensor *flat = fac_contiguous(fac_to_dtype(fac_reshape(t, fac_dims(N)), FAC_FLOAT64));
    memcpy(out, fac_data(flat), sizeof(double) * N);
}

static double worst(const struct rules *r, fac_dtype dtype, bool gaps) {
    fac_scope *scope = fac_scope_open();
    static struct plain s;
    memset(&s, 0, sizeof s);
    fac_tensor *p = values(NULL, 0, dtype, gaps);
    read_back(p, s.p);
    fac_set_requires_grad(p, true);
    fac_optimizer *o = make(p, r);
    bool ok = o != NULL;
    for (int step = 0; step < STEPS && ok; step++) {
        double g[N];
        fac_tensor *grad = values(gradient, step, dtype, gaps);
        read_back(grad, g);
        fac_set_grad(p, grad);
        (r->adam ? plain_adam : plain_sgd)(&s, g, r);
        ok = fac_optimizer_step(o);
    }
    double got[N], most = ok ? 0 : INFINITY;
    if (ok)
        read_back(fac_detach(p), got);
    for (int i = 0; i < N && ok; i++)
        most = fmax(most, fabs(got[i] - s.p[i]));
    fac_optimizer_free(o);
    fac_scope_close(scope);
    return most;
}

static const struct rules cases[] = {
    {.lr = 0.1},
    {.lr = 0.1, .decay = 0.2, .maximize = true},
    {.lr = 0.1, .momentum = 0.9, .dampening = 0.3},
    {.lr = 0.1, .momentum = 0.9, .nesterov = true, .decay = 0.1},
    {.adam = true, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-3},
    {.adam = true, .lr = 0.01, .beta1 = 0.4, .beta2 = 0.9, .eps = 1e-3, .amsgrad = true},
    {.adam = true, .lr = 0.01, .beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .decay = 0.1},
    {.adam = true,
     .lr = 0.01,
     .beta1 = 0.9,
     .beta2 = 0.99,
     .eps = 1e-3,
     .decay = 0.1,
     .decoupled = true,
     .amsgrad = true,
     .maximize = true},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void test_formulas(void) {
    for (int i = 0; i < CASES; i++)
        for (int gaps = 0; gaps < 2; gaps++) {
            CHECK(worst(&cases[i], FAC_FLOAT64, gaps) < 1e-13);
            CHECK(worst(&cases[i], FAC_FLOAT32, gaps) < 1e-5);
            CHECK(worst(&cases[i], FAC_FLOAT16, gaps) < 0.05);
            CHECK(worst(&cases[i], FAC_BFLOAT16, gaps) < 0.1);
        }
}

/* --- the same bits whatever the threads --------------------------------------------------------
 */

/* Some steps over tensors of many sizes and strides; their bytes, to be freed. */
static char *bits(const struct rules *r, fac_dtype dtype, size_t *size) {
    fac_scope *scope = fac_scope_open();
    fac_manual_seed(3);
    fac_tensor *p[40], *grads[40];
    const int n = 40;
    for (int i = 0; i < n; i++) {
        fac_tensor *t = fac_randn(fac_dims(1 + i * 7 % 23, 1 + i * i % 31));
        p[i] = fac_to_dtype(i % 3 == 1 ? fac_transpose(t, 0, 1) : t, dtype);
        if (i % 5 == 2)
            p[i] = fac_narrow(p[i], 1, 0, (fac_size(p[i], 1) + 1) / 2);
        p[i] = fac_detach(p[i]);
        grads[i] =
            fac_to_dtype(fac_randn_like(p[i], .memory_format = FAC_CONTIGUOUS_FORMAT), dtype);
        fac_set_requires_grad(p[i], true);
        fac_set_grad(p[i], grads[i]);
    }
    fac_tensors list = {p, n};
    fac_optimizer *o =
        r->adam ? fac_adam(list, r->lr, .amsgrad = r->amsgrad)
                : fac_sgd(list, r->lr, .momentum = r->momentum, .weight_decay = r->decay);
    bool ok = o != NULL;
    for (int step = 0; step < 3 && ok; step++)
        ok = fac_optimizer_step(o);
    char *out = NULL;
    *size = 0;
    for (int i = 0; i < n && ok; i++) {
        fac_tensor *flat = fac_contiguous(fac_detach(p[i]));
        size_t bytes = (size_t)fac_numel(flat) * fac_dtype_size(dtype);
        out = realloc(out, *size + bytes);
        memcpy(out + *size, fac_data(flat), bytes);
        *size += bytes;
    }
    fac_optimizer_free(o);
    fac_scope_close(scope);
    return out;
}

static void test_threads(void) {
    static const fac_dtype dtypes[] = {FAC_FLOAT32, FAC_FLOAT64, FAC_BFLOAT16, FAC_FLOAT16};
    static const int threads[] = {1, 2, 3, 7};
    for (int c = 0; c < CASES; c++)
        for (int d = 0; d < 4; d++) {
            size_t size, again;
            char *expected = bits(&cases[c], dtypes[d], &size);
            fac__grain_override = 1;
            for (int t = 0; t < 4; t++) {
                fac__set_num_threads(threads[t]);
                char *got = bits(&cases[c], dtypes[d], &again);
                CHECK(size > 0 && size == again && memcmp(expected, got, size) == 0);
                free(got);
            }
            fac__grain_override = 0;
            fac__set_num_threads(2);
            free(expected);
        }
}

/* --- state, gradients, errors ------------------------------------------------------------------
 */

static fac_tensor *parameter(double value) {
    fac_tensor *p = fac_full(fac_dims(3), value);
    fac_set_requires_grad(p, true);
    return p;
}

static float first_of(fac_tensor *t) {
    return *(float *)fac_data(t);
}

static void test_state(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *a = parameter(1), *b = parameter(2), *still = parameter(3);
    fac_optimizer *o = fac_sgd(fac_list(a, b, still), 0.5, .momentum = 0.5);
    CHECK(o != NULL && fac_optimizer_state(o, 0, "momentum_buffer") == NULL);
    CHECK(fac_backward(fac_sum(fac_mul(a, 2))) && fac_optimizer_step(o));
    CHECK(first_of(a) == 0 && first_of(b) == 2 &&
          fac_optimizer_state(o, 1, "momentum_buffer") == NULL);
    CHECK(fac_backward(fac_sum(b)) && fac_optimizer_step(o)); /* a goes on, b begins */
    CHECK(first_of(a) == -1.5 && first_of(b) == 1.5 && first_of(still) == 3);
    CHECK(first_of(fac_optimizer_state(o, 0, "momentum_buffer")) == 3);
    fac_optimizer_zero_grad(o);
    CHECK(fac_grad(a) == NULL && fac_optimizer_step(o) && first_of(a) == -1.5);
    CHECK(fac_optimizer_set_lr(o, 0.25) && fac_optimizer_lr(o) == 0.25);
    CHECK(!fac_optimizer_set_lr(o, -1) && fac_optimizer_lr(o) == 0.25);
    CHECK(!fac_optimizer_set_state(o, 0, "exp_avg", a));
    CHECK(!fac_optimizer_set_state(o, 9, "momentum_buffer", a));
    CHECK(fac_optimizer_state(o, 9, "momentum_buffer") == NULL && fac_error()[0] != '\0');
    CHECK(!fac_optimizer_set_state(o, 0, "momentum_buffer", fac_zeros(fac_dims(4))));
    CHECK(fac_optimizer_set_state(o, 0, "momentum_buffer", fac_full(fac_dims(3), 8.0)));
    CHECK(fac_backward(fac_sum(fac_mul(a, 0))) && fac_optimizer_step(o) && first_of(a) == -2.5);
    fac_optimizer_free(o);
    fac_scope_close(s);
}

/* An optimizer with another's state goes on as that one would have. */
static void test_resume(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *a = parameter(1), *b = parameter(1);
    fac_optimizer *first = fac_adamw(fac_list(a), 0.1, .amsgrad = true);
    fac_optimizer *second = fac_adamw(fac_list(b), 0.1, .amsgrad = true);
    bool ok = true;
    for (int i = 0; i < 3 && ok; i++)
        ok = fac_backward(fac_sum(fac_mul(a, a))) && fac_optimizer_step(first);
    CHECK(ok && first_of(fac_optimizer_state(first, 0, "step")) == 3);
    fac_set_grad_mode(false);
    fac_copy_(b, a);
    fac_set_grad_mode(true);
    int names = 0;
    for (const char *name; (name = fac_optimizer_state_name(first, names)) != NULL; names++)
        CHECK(fac_optimizer_set_state(second, 0, name, fac_optimizer_state(first, 0, name)));
    CHECK(names == 4);
    fac_set_grad(b, fac_clone(fac_grad(a)));
    CHECK(fac_optimizer_step(first) && fac_optimizer_step(second));
    CHECK(memcmp(fac_data(a), fac_data(b), 12) == 0);
    fac_optimizer_free(first);
    fac_optimizer_free(second);
    fac_scope_close(s);
}

static void test_errors(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *p = parameter(1), *bad = fac_matmul(p, fac_zeros(fac_dims(5)));
    CHECK(!fac_ok(bad));
    CHECK(fac_sgd(fac_list(bad), 0.1) == NULL);
    CHECK(fac_sgd(((fac_tensors){NULL, 0}), 0.1) == NULL);
    CHECK(fac_sgd(fac_list(p), -0.1) == NULL &&
          strcmp(fac_error(), "Invalid learning rate: -0.1") == 0);
    CHECK(fac_sgd(fac_list(p), NAN) == NULL);
    CHECK(fac_sgd(fac_list(p, p), 0.1) == NULL);
    CHECK(fac_sgd(fac_list(fac_mul(p, 2)), 0.1) == NULL &&
          strcmp(fac_error(), "can't optimize a non-leaf Tensor") == 0);
    CHECK(fac_sgd(fac_list(p), 0.1, .nesterov = true) == NULL);
    CHECK(fac_sgd_ex(fac_list(p), 0.1, &(fac_sgd_options){0}) == NULL);
    CHECK(fac_adam(fac_list(p), 0.1, .beta1 = fac_some_float(1)) == NULL &&
          strcmp(fac_error(), "Invalid beta parameter at index 0: 1") == 0);
    CHECK(fac_adam(fac_list(p), 0.1, .weight_decay = fac_some_float(-1)) == NULL);
    fac_optimizer_free(NULL);

    fac_optimizer *o = fac_sgd_ex(fac_list(p), 0.1, NULL);
    CHECK(!fac_set_grad(p, fac_ones(fac_dims(4))));
    CHECK(!fac_set_grad(p, fac_ones(fac_dims(3), .dtype = FAC_FLOAT64)));
    fac_tensor *grown = fac_ones(fac_dims(3));
    CHECK(fac_set_grad(p, grown) && fac_ok(fac_resize_(grown, fac_dims(4))));
    CHECK(!fac_optimizer_step(o) && first_of(p) == 1);
    fac_optimizer_free(o);

    /* one element behind three: writing it thrice is refused */
    fac_tensor *narrow = fac_expand(fac_ones(fac_dims(1)), fac_dims(3));
    fac_tensor *q = fac_detach(narrow);
    o = fac_sgd(fac_list(q), 0.1);
    fac_set_grad(q, fac_ones(fac_dims(3)));
    CHECK(o != NULL && !fac_optimizer_step(o));
    fac_optimizer_free(o);
    fac_scope_close(s);
}

/* Views of one storage, complex parameters, no elements, many parameters. */
static void test_unusual(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *both = fac_ones(fac_dims(2, 3));
    fac_tensor *a = fac_detach(fac_select(both, 0, 0)), *b = fac_detach(fac_select(both, 0, 1));
    fac_set_grad(a, fac_ones(fac_dims(3)));
    fac_set_grad(b, fac_full(fac_dims(3), 2.0));
    fac_optimizer *o = fac_sgd(fac_list(a, b), 0.5);
    CHECK(fac_optimizer_step(o) && first_of(a) == 0.5 && first_of(b) == 0);
    fac_optimizer_free(o);

    fac_tensor *z = fac_full(fac_dims(2), fac_complex_number(1, 2), .dtype = FAC_COMPLEX64);
    fac_set_grad(z, fac_full(fac_dims(2), fac_complex_number(1, 4), .dtype = FAC_COMPLEX64));
    fac_tensor *none = fac_ones(fac_dims(0, 2));
    fac_set_grad(none, fac_ones(fac_dims(0, 2)));
    o = fac_sgd(fac_list(z, none), 0.5);
    CHECK(fac_optimizer_step(o));
    CHECK(first_of(z) == 0.5 && ((float *)fac_data(z))[3] == 0);
    fac_optimizer_free(o);

    fac_tensor *many[200];
    for (int i = 0; i < 200; i++) {
        many[i] = parameter(i);
        fac_set_grad(many[i], fac_ones(fac_dims(3)));
    }
    o = fac_adam(((fac_tensors){many, 200}), 1, .eps = fac_some_float(0));
    CHECK(fac_optimizer_step(o));
    bool right = true;
    for (int i = 0; i < 200; i++)
        right = right && fabsf(first_of(many[i]) - (float)(i - 1)) < 1e-3f;
    CHECK(right);
    fac_optimizer_free(o);
    fac_scope_close(s);
}

/* A recorded step replays as steps that were taken. */
static void test_capture(bool adam) {
    fac_scope *s = fac_scope_open();
    fac_tensor *p[2] = {parameter(1), parameter(1)};
    fac_tensor *x = fac_full(fac_dims(3), 0.5);
    fac_optimizer *o[2];
    for (int i = 0; i < 2; i++)
        o[i] = adam ? fac_adam(fac_list(p[i]), 0.1) : fac_sgd(fac_list(p[i]), 0.1, .momentum = 0.9);
    fac_program *program = NULL;
    bool ok = true;
    for (int step = 0; step < 4 && ok; step++) {
        fac_optimizer_zero_grad(o[0]);
        ok = fac_backward(fac_sum(fac_mul(fac_mul(p[0], p[0]), x))) && fac_optimizer_step(o[0]);
        if (step > 0) {
            ok = ok && fac_replay(program);
            continue;
        }
        program = fac_capture_begin();
        fac_optimizer_zero_grad(o[1]);
        ok = ok && fac_backward(fac_sum(fac_mul(fac_mul(p[1], p[1]), x))) &&
             fac_optimizer_step(o[1]);
        ok = fac_capture_end(program) && ok;
    }
    CHECK(ok);
    CHECK(first_of(p[0]) != 1 && memcmp(fac_data(p[0]), fac_data(p[1]), 12) == 0);
    fac_program_free(program);
    fac_optimizer_free(o[0]);
    fac_optimizer_free(o[1]);
    fac_scope_close(s);
}

int main(void) {
    test_formulas();
    test_threads();
    test_state();
    test_resume();
    test_errors();
    test_unusual();
    test_capture(false);
    test_capture(true);
    return check_report();
}
