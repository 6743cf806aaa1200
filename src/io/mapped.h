/* Storages over files. */
#ifndef FAC_IO_MAPPED_H
#define FAC_IO_MAPPED_H

#include "../core/core.h"

/* The first nbytes of a file, all of it for 0. NULL sets the error. */
fac_storage *fac__storage_from_file(const char *path, bool shared, size_t nbytes);

#endif
