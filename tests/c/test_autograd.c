/* Custom functions and hooks from C. */
#include "check.h"

#include <facula/facula.h>

#include <math.h>

static float value(fac_tensor *t) {
    return fac_ok(t) ? *(const float *)fac_data(t) : NAN;
}

static fac_tensor *leaf(double v) {
    fac_tensor *t = fac_full(fac_dims(1), v);
    fac_set_requires_grad(t, true);
    return t;
}

static int destroyed;

static void count_destroyed(void *user) {
    destroyed += *(int *)user;
}

/* --- functions ------------------------------------------------------------------------------- */

/* x^3, with 3 x^2 computed from the input, and the output saved as well. */
static bool cube_backward(const fac_backward_call *call) {
    fac_tensor *x = call->saved.values[0];
    if (!call->needs_gradient[0] || fac_numel(call->saved.values[1]) != fac_numel(x))
        return false;
    call->results[0] = fac_mul(call->gradients.values[0], fac_mul(fac_mul(x, x), 3));
    return true;
}

static fac_tensor *cube(fac_tensor *x, fac_function f) {
    bool mode = fac_set_grad_mode(false);
    fac_tensor *y = fac_mul(fac_mul(x, x), x);
    fac_set_grad_mode(mode);
    return fac_record(&f, fac_list(x), fac_list(y), fac_list(x, y)) ? y : fac_bad;
}

static void test_function(void) {
    int one = 1;
    fac_function f = {"CubeBackward", cube_backward, &one, count_destroyed, false};
    fac_scope *s = fac_scope_open();
    destroyed = 0;
    fac_tensor *x = leaf(2), *y = cube(x, f);
    CHECK(fac_requires_grad(y) && !fac_is_leaf(y) && value(y) == 8);
    CHECK(fac_backward(fac_mul(y, 2)));
    CHECK(value(fac_grad(x)) == 24);
    CHECK(!fac_backward(y)); /* freed */
    CHECK(!fac_requires_grad(cube(fac_full(fac_dims(1), 2.0), f)) && destroyed == 1);
    fac_scope_close(s);
    CHECK(destroyed == 2);
}

static void test_double_backward(void) {
    fac_function f = {.name = "CubeBackward", .backward = cube_backward};
    fac_scope *s = fac_scope_open();
    fac_tensor *x = leaf(2), *first, *second;
    fac_tensor *y = cube(x, f);
    CHECK(fac_gradients(fac_list(y), (fac_tensors){0}, fac_list(x), false, true, false, &first));
    CHECK(value(first) == 12 && fac_requires_grad(first));
    CHECK(fac_gradients(fac_list(first), (fac_tensors){0}, fac_list(x), false, false, false,
                        &second));
    CHECK(value(second) == 12);
    fac_scope_close(s);
}

static void test_version(void) {
    fac_function f = {.name = "CubeBackward", .backward = cube_backward};
    fac_scope *s = fac_scope_open();
    fac_tensor *x = fac_mul(leaf(2), 1), *y = cube(x, f);
    fac_add_(x, 1);
    CHECK(!fac_backward(y) && strstr(fac_error(), "modified by an inplace operation") != NULL);
    fac_scope_close(s);
}

static bool says_no(const fac_backward_call *call) {
    (void)call;
    fac_set_error(FAC_ERROR_INDEX, "no gradient today");
    return false;
}

static bool silent(const fac_backward_call *call) {
    (void)call;
    return false;
}

static bool wrong_shape(const fac_backward_call *call) {
    call->results[0] = fac_ones(fac_dims(5));
    return true;
}

static bool elsewhere(const fac_backward_call *call) {
    call->results[0] = fac_empty(fac_dims(3), .device = {FAC_META, -1});
    return true;
}

static bool failed_op(const fac_backward_call *call) {
    call->results[0] = fac_matmul(call->gradients.values[0], fac_ones(fac_dims(5, 5)));
    return true;
}

static void test_failures(void) {
    static const struct {
        bool (*backward)(const fac_backward_call *call);
        fac_error_code code;
        const char *text;
    } cases[] = {{says_no, FAC_ERROR_INDEX, "no gradient today"},
                 {silent, FAC_ERROR_RUNTIME, "CubeBackward failed without an error"},
                 {wrong_shape, FAC_ERROR_RUNTIME, "returned an invalid gradient at index 0"},
                 {elsewhere, FAC_ERROR_RUNTIME, "expected device cpu but got meta"},
                 {failed_op, FAC_ERROR_RUNTIME, "multiplied"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fac_scope *s = fac_scope_open();
        fac_tensor *x = fac_ones(fac_dims(3));
        fac_set_requires_grad(x, true);
        fac_function f = {.name = "CubeBackward", .backward = cases[i].backward};
        bool ok = fac_backward(fac_sum(cube(x, f)));
        fac_error_code code = fac_error_kind();
        CHECK_SAYS(!ok && strstr(fac_error(), cases[i].text) != NULL, cases[i].text);
        CHECK(code == cases[i].code && fac_grad(x) == NULL);
        fac_scope_close(s);
    }
}

static void test_refusals(void) {
    int one = 1;
    fac_function f = {"CubeBackward", cube_backward, &one, count_destroyed, false};
    fac_scope *s = fac_scope_open();
    fac_tensor *x = leaf(2), *y = fac_mul(x, 2);
    destroyed = 0;
    CHECK(!fac_record(&f, fac_list(x), fac_list(x), fac_list(x)));
    CHECK(!fac_record(&f, fac_list(x), fac_list(y), fac_list(x)));
    CHECK(!fac_record(&f, fac_list(fac_bad), fac_list(y), fac_list(x)));
    CHECK(!fac_record(&f, fac_list(x), (fac_tensors){0}, fac_list(x)));
    CHECK(!fac_record(&f, fac_list(x), fac_list(fac_ones(fac_dims(1))), fac_list(NULL)));
    f.backward = NULL;
    CHECK(!fac_record(&f, fac_list(x), fac_list(fac_ones(fac_dims(1))), fac_list(x)));
    CHECK(destroyed == 6);
    fac_scope_close(s);
}

/* Two outputs, of which one is used; a NULL input gradient. */
static bool both_backward(const fac_backward_call *call) {
    fac_tensor *a = call->gradients.values[0], *b = call->gradients.values[1];
    if (*(bool *)call->user ? b != NULL : value(b) != 0)
        return false;
    call->results[0] = a;
    return true;
}

static void test_outputs_without_gradient(void) {
    for (int keep = 0; keep < 2; keep++) {
        bool user = keep;
        fac_scope *s = fac_scope_open();
        fac_tensor *x = leaf(2), *y = leaf(3);
        bool mode = fac_set_grad_mode(false);
        fac_tensor *a = fac_mul(x, 1), *b = fac_mul(y, 1);
        fac_set_grad_mode(mode);
        fac_function f = {
            .name = "Both", .backward = both_backward, .user = &user, .keep_undefined = keep};
        CHECK(fac_record(&f, fac_list(x, y), fac_list(a, b), (fac_tensors){0}));
        CHECK(fac_backward(a));
        CHECK(value(fac_grad(x)) == 1 && fac_grad(y) == NULL);
        fac_scope_close(s);
    }
}

/* So many outputs that the number of the one that is saved is no byte; its history is that of this
 * output again. */
enum { MANY = 300 };

static bool last_times_itself(const fac_backward_call *call) {
    call->results[0] = fac_mul(call->gradients.values[MANY - 1], call->saved.values[0]);
    return true;
}

static void test_many_outputs(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *x = leaf(2), *y[MANY], *first, *second;
    bool mode = fac_set_grad_mode(false);
    for (int i = 0; i < MANY; i++)
        y[i] = fac_mul(x, i);
    fac_set_grad_mode(mode);
    fac_function f = {.name = "Many", .backward = last_times_itself};
    CHECK(fac_record(&f, fac_list(x), ((fac_tensors){y, MANY}), fac_list(y[MANY - 1])));
    CHECK(fac_gradients(fac_list(y[MANY - 1]), (fac_tensors){0}, fac_list(x), true, true, false,
                        &first));
    CHECK(value(first) == 2 * (MANY - 1));
    CHECK(fac_gradients(fac_list(first), (fac_tensors){0}, fac_list(x), false, false, false,
                        &second));
    CHECK(value(second) == 2 * (MANY - 1));
    fac_scope_close(s);
}

/* An error that nobody has read yet stops no walk: index's gradient unpacks a list with holes. */
static void test_unread_error(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *x = fac_ones(fac_dims(2, 3));
    fac_set_requires_grad(x, true);
    const int64_t columns[] = {0, 2};
    fac_tensor *at = fac_from_data(columns, FAC_INT64, fac_dims(2));
    fac_tensor *y = fac_sum(fac_index(x, fac_list(NULL, at)));
    fac_set_error(FAC_ERROR_VALUE, "unread");
    bool ok = fac_backward(y);
    CHECK(ok && strcmp(fac_error(), "unread") == 0);
    CHECK(fac_item_float(fac_sum(fac_grad(x))) == 4);
    fac_scope_close(s);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static fac_tensor *twice(void *user, fac_tensor *g) {
    ++*(int *)user;
    return fac_mul(g, 2);
}

static fac_tensor *looks(void *user, fac_tensor *g) {
    *(float *)user = value(g);
    return NULL;
}

static fac_tensor *fails(void *user, fac_tensor *g) {
    (void)user, (void)g;
    fac_set_error(FAC_ERROR_VALUE, "not this one");
    return fac_bad;
}

static fac_tensor *grows(void *user, fac_tensor *g) {
    (void)user, (void)g;
    return fac_ones(fac_dims(3));
}

static fac_tensor *doubles(void *user, fac_tensor *g) {
    (void)user;
    return fac_to_dtype(g, FAC_FLOAT64);
}

static fac_tensor *leaves(void *user, fac_tensor *g) {
    (void)user, (void)g;
    return fac_empty(fac_dims(1), .device = {FAC_META, -1});
}

static fac_tensor *thins(void *user, fac_tensor *g) {
    (void)user;
    return fac_to_sparse(g);
}

static bool notes(void *user, fac_tensor *t) {
    *(float *)user = value(fac_grad(t));
    return true;
}

static void test_hooks(void) {
    fac_scope *s = fac_scope_open();
    int calls = 0, one = 1;
    float seen = 0, accumulated = 0;
    fac_tensor *x = leaf(3), *y = fac_mul(x, 4);
    uint64_t on_y = fac_register_hook(y, twice, &calls, NULL);
    CHECK(on_y != 0 && fac_register_hook(x, looks, &seen, NULL) != 0);
    CHECK(fac_register_accumulated_hook(x, notes, &accumulated, NULL) != 0);
    fac_backward_options keep = {.size = sizeof keep, .retain_graph = true};
    CHECK(fac_backward_ex(y, &keep));
    CHECK(calls == 1 && seen == 8 && accumulated == 8 && value(fac_grad(x)) == 8);
    CHECK(fac_remove_hook(y, on_y) && !fac_remove_hook(y, on_y + 100));
    CHECK(fac_backward(y));
    CHECK(calls == 1 && seen == 4 && accumulated == 12);

    destroyed = 0;
    fac_tensor *plain = fac_ones(fac_dims(1));
    CHECK(fac_register_hook(plain, looks, &one, count_destroyed) == 0 && destroyed == 1);
    fac_clear_error();
    CHECK(fac_register_accumulated_hook(y, notes, &one, count_destroyed) == 0 && destroyed == 2);
    fac_clear_error();
    fac_tensor *z = leaf(1);
    CHECK(fac_register_hook(z, fails, &one, count_destroyed) != 0);
    CHECK(!fac_backward(fac_mul(z, 2)) && fac_error_kind() == FAC_ERROR_VALUE &&
          strcmp(fac_error(), "not this one") == 0);
    CHECK(fac_grad(z) == NULL);
    static const struct {
        fac_gradient_hook *hook;
        const char *text;
    } wrong[] = {{grows, "hook has changed the size of value"},
                 {doubles, "was float32 on cpu, got float64 on cpu"},
                 {leaves, "was float32 on cpu, got float32 on meta"},
                 {thins, "was float32 on cpu, got sparse float32 on cpu"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fac_tensor *w = leaf(1);
        CHECK(fac_register_hook(w, wrong[i].hook, NULL, NULL) != 0);
        CHECK(!fac_backward(fac_mul(w, 2)) && strstr(fac_error(), wrong[i].text) != NULL);
        CHECK(fac_grad(w) == NULL);
    }
    fac_scope_close(s);
    CHECK(destroyed == 3);
}

/* A node that saved what is then written over is held by nobody when the program has
 * let go of the tensor; and backward through it says what was written. */
static void test_overwritten(void) {
    for (int how = 0; how < 7; how++) {
        fac_empty_cache();
        size_t before = fac_memory_stats().in_use;
        fac_scope *s = fac_scope_open();
        fac_tensor *x = leaf(1), *y, *z = fac_ones(fac_dims(1 << 19));
        y = fac_add(fac_expand(x, fac_dims(1 << 19)), z);
        switch (how) {
        case 0:
            z = fac_mul_(y, y);
            break;
        case 1:
            z = fac_add_(y, fac_mul(y, y));
            break;
        case 2: /* far behind, and by way of another write */
            z = fac_square(y);
            z = fac_add_(fac_add_(y, 1), fac_sin(fac_add(fac_exp(z), 1)));
            break;
        case 3: /* a view is written */
            z = fac_add_(fac_narrow(y, 0, 0, 100), fac_mul(fac_narrow(y, 0, 100, 100), 2));
            z = fac_add_(fac_narrow(y, 0, 0, 100), fac_narrow(fac_mul(y, y), 0, 0, 100));
            break;
        case 4: /* a view is saved */
            z = fac_narrow(y, 0, 0, 100);
            z = fac_add_(y, fac_sum(fac_mul(z, z)));
            break;
        case 5: /* a write through a view, of a node that saved it */
            z = fac_narrow(y, 0, 0, 100);
            z = fac_mul_(z, z);
            break;
        default:
            z = fac_where(fac_gt(y, 0), y, z);
            z = fac_add_(y, fac_mul(fac_div(z, y), z));
        }
        CHECK(fac_ok(y) && fac_ok(z) && fac_requires_grad(y));
        fac_backward_options keep = {.size = sizeof keep, .retain_graph = true};
        CHECK(!fac_backward_ex(fac_sum(y), &keep) && strstr(fac_error(), "; expected version "));
        fac_scope_close(s);
        char name[32];
        snprintf(name, sizeof name, "nothing is left, %d", how);
        CHECK_SAYS(fac_memory_stats().in_use == before, name);
    }
}

/* --- how deep -------------------------------------------------------------------------------- */

static void let_go(void *tensor) {
    fac_release(tensor);
}

/* Each tensor holds the next by its gradient, or by a hook; the first lets go of all of them. */
static void test_chains(void) {
    for (int how = 0; how < 2; how++) {
        fac_tensor *last = NULL;
        bool ok = true;
        for (int i = 0; i < 300000; i++) {
            fac_scope *s = fac_scope_open();
            fac_tensor *t = fac_keep(leaf(1));
            if (how == 0) {
                ok = ok && fac_set_grad(t, last);
                fac_release(last);
            } else {
                ok = ok && fac_register_hook(t, twice, last, let_go) != 0;
            }
            last = t;
            fac_scope_close(s);
        }
        fac_release(last);
        CHECK(ok);
    }
}

int main(void) {
    test_function();
    test_double_backward();
    test_version();
    test_overwritten();
    test_failures();
    test_refusals();
    test_outputs_without_gradient();
    test_many_outputs();
    test_unread_error();
    test_hooks();
    test_chains();
    return check_report();
}
