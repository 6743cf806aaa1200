/* Gradients of reductions. */
#include "../../gen/ops.h"
#include "../helpers.h"

#include <facula/ops.h>

#include <string.h>

/* A reduced gradient with its lost dimensions back, as size 1. */
fac_tensor *fac__restore_dims(fac_tensor *g, const fac_tensor *input, fac_ints dim, bool keepdim) {
    if (keepdim || input->ndim == 0 || dim.n == 0)
        return g;
    int64_t sizes[FAC_MAX_DIMS];
    int dims[FAC_MAX_DIMS];
    memcpy(sizes, input->sizes, sizeof(int64_t) * (size_t)input->ndim);
    if (fac__norm_dims(dim, input->ndim, dims) < 0)
        return fac_bad;
    for (int i = 0; i < dim.n; i++)
        sizes[dims[i]] = 1;
    return fac_view(fac_contiguous(g), ((fac_ints){sizes, input->ndim, true}));
}

FAC__VJP(sum) {
    g = fac__restore_dims(g, a->input, a->dim, a->keepdim);
    v->in[0] = fac_expand(g, fac__sizes_of(a->input));
}
FAC__VJP(mean) {
    v->in[0] = g;(void)a;
}
FAC__VJP(nansum) {
    v->in[0] = g;(void)a;
}
FAC__VJP(prod) {
    v->in[0] = g;(void)a;
}
