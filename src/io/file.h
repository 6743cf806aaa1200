/* Reading a file or memory, and writing a file so that a failure leaves the old one. */
#ifndef FAC_IO_FILE_H
#define FAC_IO_FILE_H

#include "../core/core.h"

/* What is being read: an open file, or bytes. `name` is for messages. */
typedef struct {
    const char *name;
    int fd; /* -1: bytes */
    const char *bytes;
    uint64_t size, at;
} fac__input;

int fac__input_open(fac__input *in, const char *path);
int fac__input_bytes(fac__input *in, const void *bytes, size_t n);
/* Exactly n bytes, which the caller has found to be there; else the error is set. */
int fac__input_read(fac__input *in, void *out, uint64_t n);
void fac__input_close(fac__input *in);

/* A file mapped copy-on-write, counted. */
typedef struct {
    _Atomic uint32_t refs;
    char *bytes;
    size_t size;
} fac__mapping;

fac__mapping *fac__map(const char *path);
void fac__mapping_retain(fac__mapping *m);
void fac__mapping_release(fac__mapping *m);

/* A new file beside the old one, which it replaces at the end. Devices and pipes are written
 * directly. */
typedef struct {
    const char *path;
    char *target;    /* path with symbolic links followed */
    char *temporary; /* NULL: written directly */
    int fd;
} fac__output;

int fac__output_open(fac__output *out, const char *path);
int fac__output_write(fac__output *out, const void *bytes, uint64_t n);
/* Puts the file in place, or removes it where result is not 0; gives back result or -1. */
int fac__output_close(fac__output *out, int result);

/* t's elements in row-major order and in memory, bits resolved: a new reference. NULL sets the
 * error; `what` names the format in it. */
fac_tensor *fac__io_plain(const fac_tensor *t, const char *what);

/* Makes every true byte 1, which is what C's bool takes. */
void fac__io_clean_bools(char *p, uint64_t n);

#endif
