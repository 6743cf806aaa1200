/* Gradients of pointwise ops. Broadcasting is undone by the engine. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

static bool is_one(fac_scalar s) {
    return s.kind == FAC_INT64 && s.as.i == 1;
}

FAC__VJP(add) {
    if (fac__needs(v, 0))
        v->in[0] = g;
    if (fac__needs(v, 1))
        v->in[1] = is_one(a->alpha) ? g : fac_mul(g, fac__conj_number(a->alpha));
}

FAC__VJP(mul) {
    if (fac__needs(v, 0))
        v->in[0] = fac_mul(g, fac__conj_value(a->other));
    if (fac__needs(v, 1))
        v->in[1] = fac_mul(g, fac__conj_value(a->input));
}
