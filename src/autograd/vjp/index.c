/* Gradients of indexing. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

FAC__VJP(index) {
    fac_tensor *zeros =
        fac_zeros(fac__sizes_of(a->input), .dtype = (fac_dtype)g->dtype, .device = g->device);
    v->in[0] = fac_index_put(zeros, a->indices, g, .accumulate = true);
}

FAC__VJP(index_put) {
    if (fac__needs(v, 0))
        v->in[0] = a->accumulate
                       ? g
                       : fac_index_put(g, a->indices,
                                       fac_zeros(FAC_NO_DIMS, .dtype = (fac_dtype)g->dtype,
                                                 .device = g->device));
    if (fac__needs(v, 1))
        v->in[1] = fac_index(g, a->indices);
}
