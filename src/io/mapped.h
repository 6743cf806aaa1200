/* Storages over files, and over memory that processes share. */
#ifndef FAC_IO_MAPPED_H
#define FAC_IO_MAPPED_H

#include "../core/core.h"

/* The first nbytes of a file, all of it for 0. NULL sets the error. */
fac_storage *fac__storage_from_file(const char *path, bool shared, size_t nbytes);

/* Moves the storage to memory that forked children share, and others by its file's number. */
int fac__storage_share(fac_storage *s);
/* That number; -1 where the memory is this process's own. */
int fac__storage_file(const fac_storage *s);
/* A storage over the shared memory behind a file's number, which it takes. NULL sets the error. */
fac_storage *fac__storage_from_shared(int fd, size_t nbytes);

#endif
