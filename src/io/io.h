/* Files for the owning layer, and what the parts of safetensors share. */
#ifndef FAC_IO_IO_H
#define FAC_IO_IO_H

#include <facula/io.h>

/* New references; NULL sets the error. */
fac_tensor *fac__npy_read(const char *path);
fac_tensor *fac__safetensors_get(const fac_safetensors *f, const char *name);

/* Dtypes in the format's order; the last one has no name. */
typedef struct {
    const char *name;
    fac_dtype dtype; /* FAC_DTYPE_NONE: known to the format, not to facula */
    int bits;
} fac__safetensors_dtype;

extern const fac__safetensors_dtype fac__safetensors_dtypes[];

#endif
