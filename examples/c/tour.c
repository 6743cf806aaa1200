/* A tour of tensors and automatic differentiation in C: each statement with what it prints.
 *
 *     cc tour.c $(pkg-config --cflags --libs facula) && ./a.out
 *
 * The statements are those of examples/python/tour.py. Where one prints other lines than are
 * written here, the tour says so and fails.
 */
#include <facula/facula.h>

#include <stdlib.h>
#include <string.h>

static int failures;

static void title(const char *text) {
    static int number;
    printf("\n%d. %s\n\n", ++number, text);
}

/* Prints a line and complains where it is not the expected one. */
static void line(const char *text, const char *expected) {
    printf("%s\n", text);
    if (strcmp(text, expected) == 0)
        return;
    failures++;
    printf("-- expected:\n%s\n", expected);
}

/* A statement and the tensor that it gives. */
#define SHOW(expression, expected) show(#expression, expression, expected)
static void show(const char *statement, const fac_tensor *t, const char *expected) {
    printf("    %s\n", statement);
    char *text = fac_to_string(t);
    line(text != NULL ? text : fac_error(), expected);
    fac_free_string(text);
}

/* A statement and the shape of the tensor that it gives. */
#define SHAPE(expression, expected) shape(#expression, expression, expected)
static void shape(const char *statement, const fac_tensor *t, const char *expected) {
    char text[128];
    int used = snprintf(text, sizeof text, "[");
    for (int i = 0; i < fac_dim(t); i++)
        used += snprintf(text + used, sizeof text - (size_t)used, i > 0 ? ", %lld" : "%lld",
                         (long long)fac_size(t, i));
    snprintf(text + used, sizeof text - (size_t)used, "]");
    printf("    fac_sizes(%s)\n", statement);
    line(text, expected);
}

/* A statement that answers yes or no. */
#define ASK(expression, expected) ask(#expression, expression, expected)
static void ask(const char *statement, bool yes, bool expected) {
    printf("    %s\n", statement);
    line(yes ? "true" : "false", expected ? "true" : "false");
}

/* Statements that print nothing. */
#define DO(...)                                                                                    \
    printf("    %s;\n", #__VA_ARGS__);                                                             \
    __VA_ARGS__

static void creation(void) {
    title("A tensor from data");
    DO(const float rows[3][2] = {{0.1f, 1.2f}, {2.2f, 3.1f}, {4.9f, 5.2f}});
    SHOW(fac_from_data(rows, FAC_FLOAT32, fac_dims(3, 2)), "tensor([[0.1000, 1.2000],\n"
                                                           "        [2.2000, 3.1000],\n"
                                                           "        [4.9000, 5.2000]])");
    DO(const double numbers[] = {1, 2, 3});
    DO(fac_tensor *d = fac_from_data(numbers, FAC_FLOAT64, fac_dims(3)));
    ASK(fac_set_requires_grad(d, true), true);
    SHOW(d, "tensor([1., 2., 3.], dtype=torch.float64, requires_grad=True)");

    title("Tensors from values");
    SHOW(fac_zeros(fac_dims(2, 3)), "tensor([[0., 0., 0.],\n"
                                    "        [0., 0., 0.]])");
    SHOW(fac_ones(fac_dims(2), .dtype = FAC_INT32), "tensor([1, 1], dtype=torch.int32)");
    SHOW(fac_full(fac_dims(2, 2), 3.14), "tensor([[3.1400, 3.1400],\n"
                                         "        [3.1400, 3.1400]])");
    SHOW(fac_arange(0, 10, .step = fac_int(2)), "tensor([0, 2, 4, 6, 8])");
    SHOW(fac_eye(2, .m = fac_some(3)), "tensor([[1., 0., 0.],\n"
                                       "        [0., 1., 0.]])");
    SHOW(fac_zeros(fac_dims(2, 2), .layout = FAC_SPARSE_COO),
         "tensor(indices=tensor([], size=(2, 0)),\n"
         "       values=tensor([], size=(0,)),\n"
         "       size=(2, 2), nnz=0, layout=torch.sparse_coo)");
    DO(fac_tensor *out = fac_empty(fac_dims(4)));
    ASK(fac_zeros_out(out, fac_dims(4)) == out, true);
    SHOW(out, "tensor([0., 0., 0., 0.])");
}

static void distributions(void) {
    title("Tensors from distributions: the same numbers for the same seed");
    DO(fac_manual_seed(0));
    SHOW(fac_rand(fac_dims(3)), "tensor([0.4963, 0.7682, 0.0885])");
    SHOW(fac_randn(fac_dims(3)), "tensor([0.3643, 0.1344, 0.1642])");
    SHOW(fac_randint_low(0, 10, fac_dims(5)), "tensor([6, 6, 9, 8, 6])");
    SHOW(fac_randperm(6), "tensor([0, 4, 1, 3, 2, 5])");
    SHOW(fac_normal(fac_zeros(fac_dims(2)), fac_ones(fac_dims(2))), "tensor([ 0.3058, -1.3740])");
    SHOW(fac_bernoulli(fac_full(fac_dims(4), 0.5)), "tensor([0., 0., 1., 1.])");
    DO(const float weights[] = {1, 2, 3});
    SHOW(fac_multinomial(fac_from_data(weights, FAC_FLOAT32, fac_dims(3)), 2), "tensor([2, 1])");
    SHAPE(fac_rand_like(fac_zeros(fac_dims(2))), "[2]");
}

static void shapes(void) {
    title("Changing a tensor's shape");
    DO(fac_tensor *x = fac_arange(0, 6));
    SHOW(fac_reshape(x, fac_dims(2, 3)), "tensor([[0, 1, 2],\n"
                                         "        [3, 4, 5]])");
    SHOW(fac_view(x, fac_dims(3, 2)), "tensor([[0, 1],\n"
                                      "        [2, 3],\n"
                                      "        [4, 5]])");
    SHOW(fac_transpose(fac_view(x, fac_dims(2, 3)), 0, 1), "tensor([[0, 3],\n"
                                                           "        [1, 4],\n"
                                                           "        [2, 5]])");
    SHAPE(fac_squeeze(fac_zeros(fac_dims(1, 2, 1))), "[2]");
    SHAPE(fac_squeeze_dim(fac_zeros(fac_dims(1, 2, 1)), 0), "[2, 1]");
    SHAPE(fac_unsqueeze(x, 0), "[1, 6]");

    title("Joining and cutting");
    DO(fac_tensor *a = fac_zeros(fac_dims(2, 2)), *b = fac_ones(fac_dims(2, 2)));
    SHOW(fac_cat(fac_list(a, b), .dim = 0), "tensor([[0., 0.],\n"
                                            "        [0., 0.],\n"
                                            "        [1., 1.],\n"
                                            "        [1., 1.]])");
    SHAPE(fac_stack(fac_list(a, b), .dim = 0), "[2, 2, 2]");
    DO(fac_tensors parts = fac_split(fac_arange(0, 5), 2));
    SHOW(parts.values[0], "tensor([0, 1])");
    SHOW(parts.values[1], "tensor([2, 3])");
    SHOW(parts.values[2], "tensor([4])");
    DO(parts = fac_split_sizes(fac_arange(0, 5), fac_dims(1, 4)));
    SHOW(parts.values[0], "tensor([0])");
    SHOW(parts.values[1], "tensor([1, 2, 3, 4])");
}

static void memory(void) {
    title("Over an array of the program's, sharing memory");
    DO(int64_t a[] = {1, 2, 3});
    DO(fac_tensor *t = fac_from_memory(a, FAC_INT64, fac_dims(3), (fac_ints){0}, NULL, NULL));
    SHOW(t, "tensor([1, 2, 3])");
    DO(fac_fill_(fac_select(t, 0, 0), 10));
    ASK(a[0] == 10 && a[1] == 2 && a[2] == 3, true);
    DO(a[1] = 20);
    SHOW(t, "tensor([10, 20,  3])");

    title("And back: the elements of a tensor");
    DO(const int64_t even[] = {2, 4, 6, 8});
    DO(t = fac_from_data(even, FAC_INT64, fac_dims(4)));
    SHOW(t, "tensor([2, 4, 6, 8])");
    DO(const int64_t *n = fac_data(t));
    ASK(n[0] == 2 && n[1] == 4 && n[2] == 6 && n[3] == 8, true);
    SHOW(fac_to(t, .device = fac_cpu()), "tensor([2, 4, 6, 8])");
    ASK(fac_item_int(fac_sum(t)) == 20, true);
}

static void gradients(void) {
    title("Results with a gradient, and what is left without");
    DO(fac_tensor *scale = fac_full(FAC_NO_DIMS, 0.5));
    ASK(fac_set_requires_grad(scale, true), true);
    DO(const float numbers[] = {2, 4, 6});
    DO(fac_tensor *output = fac_mul(fac_from_data(numbers, FAC_FLOAT32, fac_dims(3)), scale));
    SHOW(output, "tensor([1., 2., 3.], grad_fn=<MulBackward0>)");
    SHOW(fac_detach(output), "tensor([1., 2., 3.])");

    title("Gradients");
    DO(fac_tensor *w = fac_full(fac_dims(1), 1.0), *x = fac_full(fac_dims(1), 2.0));
    ASK(fac_set_requires_grad(w, true) && fac_set_requires_grad(x, true), true);
    DO(fac_tensor *a = fac_add(w, x));
    DO(fac_tensor *b = fac_add(w, 1));
    DO(fac_tensor *y = fac_mul(a, b)); /* (w + x) (w + 1) */
    printf("    fac_grad_fn_name(y)\n");
    line(fac_grad_fn_name(y), "MulBackward0");
    ASK(fac_backward(y), true);
    SHOW(fac_grad(x), "tensor([2.])"); /* w + 1 */
    SHOW(fac_grad(w), "tensor([5.])"); /* 2 w + x + 1 */

    title("No gradients");
    DO(x = fac_randn(fac_dims(3)));
    ASK(fac_set_requires_grad(x, true), true);
    ASK(fac_requires_grad(x), true);
    ASK(fac_requires_grad(fac_pow(x, 2)), true);
    DO(bool before = fac_set_grad_mode(false));
    ASK(fac_requires_grad(fac_pow(x, 2)), false);
    DO(fac_set_grad_mode(before));
}

static void errors(void) {
    title("Errors: a failed result is passed on, and the thread keeps the message");
    DO(fac_tensor *bad = fac_add(fac_zeros(fac_dims(2)), fac_zeros(fac_dims(3))));
    ASK(fac_ok(fac_exp(bad)), false);
    printf("    fac_error()\n");
    line(fac_error(), "The size of tensor a (2) must match the size of tensor b (3) at "
                      "non-singleton dimension 0");
}

int main(void) {
    fac_scope *scope = fac_scope_open(); /* owns every tensor below */
    creation();
    distributions();
    shapes();
    memory();
    gradients();
    errors();
    fac_scope_close(scope);
    if (failures > 0)
        printf("\n%d statements printed something else\n", failures);
    return failures > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
