/* The project's first example: a gradient of two leaves. */
#include "check.h"

#include <facula/facula.h>

int main(void) {
    fac_scope *s = fac_scope_open();
    fac_tensor *w = fac_full(fac_dims(1), 1.0), *x = fac_full(fac_dims(1), 2.0);
    CHECK(fac_set_requires_grad(w, true) && fac_set_requires_grad(x, true));
    CHECK(fac_backward(fac_mul(fac_add(w, x), fac_add(w, 1))));
    CHECK(*(const float *)fac_data(fac_grad(x)) == 2);
    CHECK(*(const float *)fac_data(fac_grad(w)) == 5);
    fac_scope_close(s);
    return check_report();
}
