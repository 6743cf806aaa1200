/* Gradients by way of sparse tensors. What arrives may be strided or sparse; what leaves for a
 * sparse tensor has its places. */
#include "../../sparse/coo.h"

#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

FAC__VJP(sparse_coo_tensor) {
    struct fac__coo where = {fac__to(a->indices, FAC_INT64), NULL, false};
    v->in[0] = fac__is_bad(where.indices) ? fac_bad : fac__coo_gather(fac_to_dense(g), &where);
}

FAC__VJP(coalesce) {
    (void)a;
    v->in[0] = g;
}

FAC__VJP(values) {
    v->in[0] = fac_sparse_coo_tensor(fac__indices(a->input), g, fac__sizes_of(a->input),
                                     .is_coalesced = FAC_TRUE);
}

FAC__VJP(to_dense) {
    /* a place that is there twice has its gradient once */
    v->in[0] =
        g->layout == FAC_SPARSE_COO ? g : fac_sparse_mask(g, fac_coalesce(fac_detach(a->input)));
}

FAC__VJP(to_sparse) {
    (void)a;
    v->in[0] = fac_to_dense(g);
}

FAC__VJP(sparse_mask) {
    (void)a;
    v->in[0] = fac_to_dense(g);
}
