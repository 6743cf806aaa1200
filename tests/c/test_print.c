/* Printing from C: texts, options, errors, other locales. tests/python/test_repr.py has the many
 * cases. */
#include <facula/autograd.h>
#include <facula/error.h>
#include <facula/ops.h>
#include <facula/print.h>
#include <facula/scope.h>

#include <limits.h>
#include <locale.h>
#include <string.h>

static int failed, passed;

static void check(bool ok, const char *what) {
    if (ok)
        passed++;
    else {
        failed++;
        printf("FAILED: %s (%s)\n", what, fac_error());
    }
    fac_clear_error();
}

static void prints(const fac_tensor *t, const char *want) {
    char *got = fac_to_string(t);
    bool ok = got != NULL && strcmp(got, want) == 0;
    if (!ok)
        printf("got:  %s\nwant: %s\n", got != NULL ? got : "NULL", want);
    check(ok, want);
    fac_free_string(got);
}

static void texts(void) {
    fac_tensor *x = fac_full(fac_dims(2, 2), 1.5);
    prints(x, "tensor([[1.5000, 1.5000],\n        [1.5000, 1.5000]])");
    prints(fac_full(fac_dims(3), 2, .dtype = FAC_INT32), "tensor([2, 2, 2], dtype=torch.int32)");
    prints(fac_full(FAC_NO_DIMS, fac_complex_number(1, -2)), "tensor(1.-2.j)");
    prints(fac_full(fac_dims(0), 1.0), "tensor([])");
    prints(fac_full(fac_dims(2, 0), 1.0, .dtype = FAC_INT64),
           "tensor([], size=(2, 0), dtype=torch.int64)");
    prints(NULL, "None");
    fac_set_requires_grad(x, true);
    prints(fac_mul(x, 2), "tensor([[3., 3.],\n        [3., 3.]], grad_fn=<MulBackward0>)");
}

static void options(void) {
    fac_print_options o = fac_get_print_options(), bad = o;
    bad.edgeitems = -1;
    check(!fac_set_print_options(bad) && fac_error_kind() == FAC_ERROR_VALUE, "negative edgeitems");
    bad = o;
    bad.precision = INT_MAX;
    check(!fac_set_print_options(bad) && fac_get_print_options().precision == 4, "all digits");
    bad = o;
    bad.sci_mode = 2;
    check(!fac_set_print_options(bad), "sci_mode 2");
    fac_print_options few = {.precision = 1, .threshold = 4, .edgeitems = 1, .sci_mode = -1};
    check(fac_set_print_options(few), "set");
    prints(fac_full(fac_dims(5), 0.25), "tensor([0.2,\n         ...,\n        0.2])");
    few.precision = 400;
    fac_set_print_options(few);
    char *s = fac_to_string(fac_full(fac_dims(1), 0.5));
    check(s != NULL && strlen(s) == strlen("tensor([0.])") + 400, "400 digits");
    fac_free_string(s);
    fac_set_print_options(o);
}

static void errors(void) {
    check(fac_to_string(fac_bad) == NULL, "fac_bad has no text");
    check(!fac_print(fac_bad, stdout), "fac_bad is not printed");
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL)
        return;
    setvbuf(full, NULL, _IONBF, 0);
    check(!fac_print(NULL, full) && fac_error_kind() == FAC_ERROR_IO, "a full disk");
    fclose(full);
}

static void locales(void) {
    const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]) != NULL)
            prints(fac_full(fac_dims(1), 0.5), "tensor([0.5000])");
    setlocale(LC_ALL, "C");
}

int main(void) {
    fac_scope *s = fac_scope_open();
    texts();
    options();
    errors();
    locales();
    fac_scope_close(s);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
