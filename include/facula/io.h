/* Files: NumPy's .npy and safetensors.
 *
 * Files are taken for hostile: every length, offset and name in them is checked before use, and a
 * file that breaks its format's rules is an error (FAC_ERROR_VALUE; FAC_ERROR_IO where the system
 * refused). A failed read makes nothing; a failed write leaves the file that was there before.
 */
#ifndef FACULA_IO_H
#define FACULA_IO_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- .npy ------------------------------------------------------------------------------------ */

/* The array in the file. Format versions 1 to 3, either byte order; an array in Fortran order
 * becomes a tensor with such strides. Structured, text, date and long double arrays are errors.
 *
 *     fac_tensor *x = fac_npy_read("x.npy");
 *     if (!fac_ok(x)) fprintf(stderr, "%s\n", fac_error());
 */
FAC_API fac_tensor *fac_npy_read(const char *path);
/* The same from memory, which may be freed afterwards. */
FAC_API fac_tensor *fac_npy_from_memory(const void *bytes, size_t nbytes);
/* Writes t in C order; in Fortran order where its strides are in that order. bfloat16, which NumPy
 * does not have, is an error. */
FAC_API bool fac_npy_write(const char *path, const fac_tensor *t);

/* --- safetensors ----------------------------------------------------------------------------- */

typedef struct fac_safetensors fac_safetensors;

/* Maps the file and checks all of its header; NULL sets the error. Tensors share the mapping's
 * memory and keep it alive, also past fac_safetensors_close(); nothing is read before it is used.
 * Writing to such a tensor changes this process's copy of the page, never the file. The file must
 * not be shortened meanwhile. */
FAC_API fac_safetensors *fac_safetensors_open(const char *path);
/* The same over memory that outlives the result; tensors are copies. */
FAC_API fac_safetensors *fac_safetensors_from_memory(const void *bytes, size_t nbytes);
FAC_API void fac_safetensors_close(fac_safetensors *f);

/* Names of tensors in the order of their bytes; NULL from the last on. */
FAC_API int64_t fac_safetensors_count(const fac_safetensors *f);
FAC_API const char *fac_safetensors_name(const fac_safetensors *f, int64_t i);
/* The tensor of that name; dtypes that facula does not have are errors only here. */
FAC_API fac_tensor *fac_safetensors_get(const fac_safetensors *f, const char *name);

/* The file's own notes: value by key, NULL where there is none; and all keys, in byte order. */
FAC_API const char *fac_safetensors_metadata(const fac_safetensors *f, const char *key);
FAC_API const char *fac_safetensors_metadata_key(const fac_safetensors *f, int64_t i);

typedef struct {
    const char *key, *value; /* UTF-8 */
} fac_metadata;

/* Writes n tensors under their names: the bytes that the safetensors package writes. Names are
 * UTF-8 and differ; complex128 is an error. */
FAC_API bool fac_safetensors_write(const char *path, const char *const *names,
                                   fac_tensor *const *tensors, int64_t n,
                                   const fac_metadata *metadata, int64_t nmetadata);

#ifdef __cplusplus
}
#endif

#endif
