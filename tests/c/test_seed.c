#include <facula/autograd.h>
#include <facula/error.h>
#include <facula/ops.h>
#include <facula/scope.h>

#include <stdio.h>

int main(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *w = fac_full(fac_dims(1), 1.0), *x = fac_full(fac_dims(1), 2.0);
    fac_set_requires_grad(w, true);
    fac_set_requires_grad(x, true);
    fac_tensor *y = fac_mul(fac_add(w, x), fac_add(w, 1));
    bool ok = fac_backward(y);
    if (!ok)
        printf("error: %s\n", fac_error());
    else
        printf("%g %g\n", *(float *)fac_data(fac_grad(x)), *(float *)fac_data(fac_grad(w)));
    fac_scope_close(s);
    printf("1 passed, 0 failed\n");
    return ok ? 0 : 1;
}
