/* Subscripts: what Python writes as t[0, 1:3, None, ..., mask, index].
 *
 *     fac_subscript at[] = {fac_at(0), fac_range(1, 3)};
 *     fac_tensor *v = fac_index_get(t, at, 2);          a view: t[0, 1:3]
 *     fac_index_set(t, at, 2, FAC_VALUE(5));            t[0, 1:3] = 5
 *
 * Integers, slices, none and ellipsis give views. Tensors of int32 or int64 pick elements, bool and
 * uint8 tensors are masks; they may be mixed with the others, by NumPy's rules, and give copies. At
 * most FAC_MAX_DIMS items of each.
 */
#ifndef FACULA_INDEXING_H
#define FACULA_INDEXING_H

#include <facula/values.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    FAC_INDEX_INT,
    FAC_INDEX_SLICE,    /* start:stop:step; the step is positive */
    FAC_INDEX_NONE,     /* a new dimension of size 1 */
    FAC_INDEX_ELLIPSIS, /* as many full slices as are missing */
    FAC_INDEX_BOOL,     /* a new dimension of size 1 or 0 */
    FAC_INDEX_TENSOR,
} fac_index_kind;

typedef struct {
    fac_index_kind kind;
    union {
        int64_t integer;
        struct {
            fac_opt_int start, stop, step;
        } slice;
        bool truth;
        fac_tensor *tensor;
    } as;
} fac_subscript;

/* t[items], borrowed from the innermost open scope, or fac_bad. */
FAC_API fac_tensor *fac_index_get(fac_tensor *t, const fac_subscript *items, int n);

/* t[items] = value, broadcast and, unless a tensor is among the items, converted. t, or fac_bad. */
FAC_API fac_tensor *fac_index_set(fac_tensor *t, const fac_subscript *items, int n,
                                  fac_value value);

static inline fac_subscript fac_at(int64_t i) {
    fac_subscript x;
    x.kind = FAC_INDEX_INT;
    x.as.integer = i;
    return x;
}
static inline fac_subscript fac_range(int64_t start, int64_t stop) {
    fac_subscript x;
    x.kind = FAC_INDEX_SLICE;
    x.as.slice.start = fac_some(start);
    x.as.slice.stop = fac_some(stop);
    x.as.slice.step.given = false;
    x.as.slice.step.value = 1;
    return x;
}
static inline fac_subscript fac_at_all(void) {
    fac_subscript x = fac_range(0, 0);
    x.as.slice.start.given = x.as.slice.stop.given = false;
    return x;
}
static inline fac_subscript fac_at_tensor(fac_tensor *t) {
    fac_subscript x;
    x.kind = FAC_INDEX_TENSOR;
    x.as.tensor = t;
    return x;
}

#ifdef __cplusplus
}
#endif

#endif
