// The C API from C++: operators as inline functions, numbers for tensors, options as structs.
#include <facula/facula.h>

#include <cstdio>

static int wrong;

static void check(const char *what, fac_tensor *t, double expected) {
    double got = fac_item_float(t);
    if (got != expected) {
        std::printf("%s: %g, not %g (%s)\n", what, got, expected, fac_error());
        wrong++;
    }
}

int main() {
    fac_scope *scope = fac_scope_open();
    fac_tensor *x = fac_full(fac_dims(2, 3), 2.0);
    check("a number on the right", fac_sum(fac_add(x, 1)), 18);
    check("a number on the left", fac_sum(fac_sub(2.5f, x)), 3);
    check("a long one", fac_sum(fac_mul(x, 0.5L)), 6);
    check("an unsigned one", fac_sum(fac_mul(x, 3ul)), 36);
    check("a truth value", fac_sum(fac_mul(x, true)), 12);
    check("two tensors", fac_sum(fac_mul(x, x)), 24);
    check("in place", fac_sum(fac_add_(x, 0.5)), 15);
    fac_sum_options o{};
    auto last = fac_dims(1);
    o.dim = last;
    o.keepdim = true;
    check("options", fac_select(fac_sum(x, o), 0, 1), 7.5);
#if __cplusplus >= 202002L
    check("options by name", fac_select(fac_sum(x, {.dim = fac_dims(0)}), 0, 2), 5);
#endif
    fac_tensor *results[2];
    wrong += fac_max_dim(x, 1, results) != 0;
    check("several results", fac_sum(results[0]), 5);
    check("a list", fac_sum(fac_cat(fac_list(x, x, x))), 45);
    wrong += fac_ok(fac_add(nullptr, 1)) || fac_error_kind() != FAC_ERROR_TYPE;
    fac_clear_error();

    fac_tensor *w = fac_ones(FAC_NO_DIMS);
    fac_set_requires_grad(w, true);
    fac_optimizer *sgd = fac_sgd(fac_list(w), 0.5);
    wrong += !fac_backward(fac_mul(w, 3)) || !fac_optimizer_step(sgd);
    check("a step", w, -0.5);
    fac_optimizer_free(sgd);
    fac_scope_close(scope);
    std::puts(wrong == 0 ? "all right" : "wrong");
    return wrong;
}
