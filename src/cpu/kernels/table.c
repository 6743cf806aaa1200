/* The one symbol of this instruction set's library: all families of kernels. */
#include "../isa.h"

#define FAMILIES(X)                                                                                \
    X(attention)                                                                                   \
    X(conv)                                                                                        \
    X(embedding)                                                                                   \
    X(extreme)                                                                                     \
    X(index)                                                                                       \
    X(join)                                                                                        \
    X(loss)                                                                                        \
    X(mask)                                                                                        \
    X(matmul)                                                                                      \
    X(moments)                                                                                     \
    X(norm)                                                                                        \
    X(optim)                                                                                       \
    X(order)                                                                                       \
    X(pointwise_complex)                                                                           \
    X(pointwise_real)                                                                              \
    X(pool)                                                                                        \
    X(random)                                                                                      \
    X(reduce)                                                                                      \
    X(scan)                                                                                        \
    X(scatter)                                                                                     \
    X(search)                                                                                      \
    X(softmax)                                                                                     \
    X(spatial)                                                                                     \
    X(unique)                                                                                      \
    X(vector_norm)

#define FAC_X(name) extern const fac__family FAC__K(fac__family_##name);
FAMILIES(FAC_X)
#undef FAC_X

extern fac__loop *const FAC__K(fac__cast_table)[FAC_NUM_DTYPES][FAC_NUM_DTYPES];

static const fac__family *const families[] = {
#define FAC_X(name) &FAC__K(fac__family_##name),
    FAMILIES(FAC_X)
#undef FAC_X
};

extern fac__move_fn FAC__K(fac__move);

const fac__isa_table FAC__K(fac__isa_table) = {
    .families = families,
    .nfamilies = (int)(sizeof families / sizeof families[0]),
    .casts = FAC__K(fac__cast_table),
    .move = FAC__K(fac__move),
};
