/* Data: the caller's memory as tensors, and single values out of them.
 *
 *     const float rows[2][2] = {{1, 2}, {3, 4}};
 *     fac_tensor *x = fac_from_data(rows, FAC_FLOAT32, fac_dims(2, 2));
 *     printf("%g\n", fac_item_float(fac_sum(x)));
 *
 * The elements of a contiguous tensor are those at fac_data() (tensor.h).
 */
#ifndef FACULA_DATA_H
#define FACULA_DATA_H

#include <facula/memory.h>
#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor with a copy of the elements, row by row. */
FAC_API fac_tensor *fac_from_data(const void *data, fac_dtype dtype, fac_ints sizes);

/* A tensor over the caller's memory: each sees what the other writes. strides count elements and
 * are not negative; not given: row by row. Whoever made the tensor keeps the memory until the last
 * tensor over it is gone, when release(context, data, bytes) is called, if it is not NULL; where
 * the call fails it never is. */
FAC_API fac_tensor *fac_from_memory(void *data, fac_dtype dtype, fac_ints sizes, fac_ints strides,
                                    fac_free_fn *release, void *context);

/* The value of a tensor of one element; where that fails, of kind FAC_DTYPE_NONE, with the error
 * set. */
FAC_API fac_scalar fac_item(fac_tensor *t);
/* The same as a double, NaN where it fails, and as an integer, 0 where it fails. Complex values are
 * an error, floats are cut to integers, and what int64 does not reach, NaN too, is an error. */
FAC_API double fac_item_float(fac_tensor *t);
FAC_API int64_t fac_item_int(fac_tensor *t);

#ifdef __cplusplus
}
#endif

#endif
