/* A function with a gradient of its own, and hooks that look at gradients and change them.
 *
 * round() has gradient zero almost everywhere, so that nothing in front of it learns. Here it gets
 * the gradient of the identity instead (the straight-through estimator of Bengio, Leonard and
 * Courville, 2013), and a scale is fitted through it: the whole numbers closest to a * x / 2 are to
 * be those closest to 1.5 * x. Every number is checked; the program fails where one is wrong.
 */
#include <facula/facula.h>

#include <math.h>
#include <stdlib.h>

static int wrong;

static void check(const char *what, double got, double expected) {
    bool ok = fabs(got - expected) <= 1e-5 * fmax(1, fabs(expected));
    printf("%-44s %9.5g%s\n", what, got, ok ? "" : "   WRONG");
    if (ok)
        return;
    wrong++;
    printf("    expected %.6f; facula says '%s'\n", expected, fac_error());
}

/* --- the function ---------------------------------------------------------------------------- */

/* d(round x)/dx, said to be 1. `user` counts the calls. */
static bool straight_through(const fac_backward_call *call) {
    ++*(int *)call->user;
    call->results[0] = call->gradients.values[0];
    return true;
}

static fac_tensor *rounded(fac_tensor *x, int *calls) {
    fac_function f = {.name = "RoundBackward", .backward = straight_through, .user = calls};
    bool mode = fac_set_grad_mode(false);
    fac_tensor *y = fac_round(x);
    fac_set_grad_mode(mode);
    return fac_record(&f, fac_list(x), fac_list(y), (fac_tensors){0}) ? y : fac_bad;
}

/* x^3, whose gradient 3 x^2 is written with operators: it has a second derivative then. */
static bool cube_backward(const fac_backward_call *call) {
    fac_tensor *x = call->saved.values[0];
    call->results[0] = fac_mul(call->gradients.values[0], fac_mul(fac_square(x), 3));
    return fac_ok(call->results[0]);
}

static fac_tensor *cube(fac_tensor *x) {
    fac_function f = {.name = "CubeBackward", .backward = cube_backward};
    bool mode = fac_set_grad_mode(false);
    fac_tensor *y = fac_mul(fac_square(x), x);
    fac_set_grad_mode(mode);
    return fac_record(&f, fac_list(x), fac_list(y), fac_list(x)) ? y : fac_bad;
}

static fac_tensor *leaf(double value) {
    fac_tensor *t = fac_full(FAC_NO_DIMS, value);
    return fac_set_requires_grad(t, true) ? t : fac_bad;
}

static void derivatives(void) {
    fac_tensor *x = leaf(2), *first = NULL, *second = NULL;
    fac_tensor *y = cube(x);
    check("x^3 at 2", fac_item_float(y), 8);
    fac_gradients(fac_list(y), (fac_tensors){0}, fac_list(x), false, true, false, &first);
    check("its derivative", fac_item_float(first), 12);
    fac_gradients(fac_list(first), (fac_tensors){0}, fac_list(x), false, false, false, &second);
    check("and the second", fac_item_float(second), 12);
    double h = 1e-2, up = pow(2 + h, 3), down = pow(2 - h, 3);
    check("the first by differences", round((up - down) / (2 * h) * 100) / 100, 12);
}

/* --- fitting through it ---------------------------------------------------------------------- */

static void fit(void) {
    int calls = 0, steps = 60;
    fac_tensor *x = fac_arange(-8, 9, .dtype = FAC_FLOAT32), *a = leaf(1);
    fac_tensor *target = fac_round(fac_mul(x, 1.5));
    double before = 0, after = 0;
    fac_optimizer *o = fac_adam(fac_list(a), 0.1);
    for (int i = 0; i < steps && o != NULL; i++) {
        fac_scope *scope = fac_scope_open();
        fac_tensor *y = rounded(fac_mul(fac_mul(x, a), 0.5), &calls);
        fac_tensor *now = fac_mse_loss(y, target);
        fac_optimizer_zero_grad(o);
        if (!fac_backward(now) || !fac_optimizer_step(o))
            i = steps; /* the checks below find it */
        if (i == 0)
            before = fac_item_float(now);
        after = fac_item_float(now);
        fac_scope_close(scope);
    }
    fac_optimizer_free(o);
    check("calls of the gradient", calls, steps);
    check("the error is a tenth of what it was, or less", after <= before / 10, 1);
    check("the scale that was found, about 3", fabs(fac_item_float(a) - 3) < 0.1, 1);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static fac_tensor *halve(void *user, fac_tensor *gradient) {
    (void)user;
    return fac_mul(gradient, 0.5);
}

/* Only looks: NULL leaves the gradient as it is. */
static fac_tensor *note(void *user, fac_tensor *gradient) {
    *(double *)user = fac_item_float(gradient);
    return NULL;
}

static bool note_sum(void *user, fac_tensor *leaf) {
    *(double *)user = fac_item_float(fac_grad(leaf));
    return true;
}

static fac_tensor *refuse(void *user, fac_tensor *gradient) {
    (void)gradient;
    fac_set_error(FAC_ERROR_VALUE, "%s", (const char *)user);
    return fac_bad;
}

static void hooks(void) {
    double arrived = 0, sum = 0;
    fac_tensor *x = leaf(3), *y = fac_mul(x, 4), *z = fac_mul(y, y); /* 16 x^2 */
    uint64_t on_y = fac_register_hook(y, halve, NULL, NULL);
    fac_register_hook(x, note, &arrived, NULL);
    fac_register_accumulated_hook(x, note_sum, &sum, NULL);
    fac_backward_options keep = {.size = sizeof keep, .retain_graph = true};
    fac_backward_ex(z, &keep);
    check("gradient of 16 x^2 at 3, halved on the way", arrived, 48);
    check("and what x has then", sum, 48);
    check("a hook is removed", fac_remove_hook(y, on_y), 1);
    fac_backward(z);
    check("without it", arrived, 96);
    check("both together", sum, 144);

    x = leaf(1);
    fac_register_hook(x, refuse, "no gradients here", NULL);
    check("a hook that fails, fails the walk", fac_backward(fac_exp(x)), 0);
    printf("    %s\n", fac_error());
    check("and leaves no gradient", fac_grad(x) == NULL, 1);
}

int main(void) {
    fac_scope *scope = fac_scope_open();
    derivatives();
    fit();
    hooks();
    fac_scope_close(scope);
    if (fac_error_kind() != FAC_OK) {
        fprintf(stderr, "custom_gradient: %s\n", fac_error());
        wrong++;
    }
    return wrong > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
