/* Warnings from C: heard by the handler, which can make the call fail; unheard by default. */
#include "check.h"

#include <facula/ops.h>
#include <facula/scope.h>

struct heard {
    int count;
    bool refuse;
    char text[256];
};

static int hear(const char *text, void *context) {
    struct heard *h = context;
    h->count++;
    snprintf(h->text, sizeof h->text, "%s", text);
    if (h->refuse)
        fac_set_error(FAC_ERROR_VALUE, "refused");
    return h->refuse ? -1 : 0;
}

int main(void) {
    fac_scope *scope = fac_scope_open();
    struct heard h = {0};
    fac_tensor *one = fac_ones(fac_dims(1)), *three = fac_ones(fac_dims(3));
    CHECK(fac_ok(fac_var(one)));
    fac_on_warning(hear, &h);
    CHECK(fac_ok(fac_var(one)) && h.count == 1);
    CHECK(strncmp(h.text, "var(): degrees of freedom is <= 0.", 34) == 0);
    CHECK(fac_ok(fac_var(three)) && h.count == 1);
    h.refuse = true;
    fac_tensor *out = fac_zeros(fac_dims(2));
    CHECK(!fac_ok(fac_add_out(out, three, one)) && strcmp(fac_error(), "refused") == 0);
    CHECK(h.count == 2 && fac_numel(out) == 2);
    fac_on_warning(NULL, NULL);
    CHECK(fac_ok(fac_add_out(out, three, one)) && h.count == 2 && fac_numel(out) == 3);
    fac_scope_close(scope);
    return check_report();
}
