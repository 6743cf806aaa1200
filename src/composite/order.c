/* Orders that are other orders' parts. */
#include "../rules/rules.h"

#include <facula/ops.h>

#define COMPOSITE(op) void fac__composite_##op(const struct fac__##op##_args *a, fac_tensor **out)

COMPOSITE(argsort) {
    fac_tensor *r[2];
    fac_sort(fac_detach(a->input), r, .dim = fac_some(a->dim), .descending = a->descending);
    out[0] = r[1];
}

static fac_tensor *stable_sort(fac_tensor *input, bool stable, int64_t dim, bool descending,
                               int which) {
    fac_tensor *r[2];
    fac_sort_stable(input, stable ? FAC_TRUE : FAC_FALSE, r, .dim = fac_some(dim),
                    .descending = descending);
    return r[which];
}

COMPOSITE(argsort_stable) {
    out[0] = stable_sort(fac_detach(a->input), a->stable, a->dim, a->descending, 1);
}

COMPOSITE(msort) {
    out[0] = stable_sort(a->input, false, 0, false, 0);
}
