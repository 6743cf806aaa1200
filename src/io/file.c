/* Files under the formats: whole reads, copy-on-write mappings, writes that replace at the end. */
#include "file.h"

#include "../core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int refused(const char *path) {
    return fac__fail(errno == ENOMEM ? FAC_ERROR_MEMORY : FAC_ERROR_IO, "%s: %s", path,
                     strerror(errno));
}

/* --- reading --------------------------------------------------------------------------------- */

int fac__input_open(fac__input *in, const char *path) {
    *in = (fac__input){.name = path, .fd = -1};
    if (path == NULL)
        return fac__fail(FAC_ERROR_VALUE, "no path was given");
    struct stat st;
    /* opening a pipe would wait for somebody to write to it */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refused(path);
    if (fstat(fd, &st) != 0) {
        refused(path);
        close(fd);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return fac__fail(FAC_ERROR_IO, "%s: not a regular file", path);
    }
    in->fd = fd;
    in->size = (uint64_t)st.st_size;
    return 0;
}

int fac__input_bytes(fac__input *in, const void *bytes, size_t n) {
    *in = (fac__input){.name = "memory", .fd = -1, .bytes = bytes, .size = n};
    return bytes != NULL || n == 0
               ? 0
               : fac__fail(FAC_ERROR_VALUE, "%zu bytes at NULL cannot be read", n);
}

int fac__input_read(fac__input *in, void *out, uint64_t n) {
    if (n > in->size - in->at)
        return fac__fail(FAC_ERROR_VALUE, "%s: cut short", in->name);
    if (in->fd < 0) {
        if (n != 0)
            memcpy(out, in->bytes + in->at, n);
        in->at += n;
        return 0;
    }
    char *p = out;
    while (n > 0) {
        ssize_t got = read(in->fd, p, n < 1u << 30 ? (size_t)n : 1u << 30);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refused(in->name);
        if (got == 0)
            return fac__fail(FAC_ERROR_IO, "%s: became shorter while it was read", in->name);
        p += got;
        in->at += (uint64_t)got;
        n -= (uint64_t)got;
    }
    return 0;
}

void fac__input_close(fac__input *in) {
    if (in->fd >= 0)
        close(in->fd);
    in->fd = -1;
}

fac__mapping *fac__map(const char *path) {
    fac__input in;
    if (fac__input_open(&in, path) != 0)
        return NULL;
    fac__mapping *m = fac__object_alloc(sizeof *m);
    if (m != NULL) {
        atomic_init(&m->refs, 1);
        m->size = (size_t)in.size;
        m->bytes = NULL;
        /* Private and writable: in-place operators on what was loaded never reach the file. */
        if (in.size > 0)
            m->bytes =
                mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, in.fd, 0);
        if (m->bytes == MAP_FAILED) {
            refused(path);
            fac__object_free(m, sizeof *m);
            m = NULL;
        }
    }
    fac__input_close(&in);
    return m;
}

void fac__mapping_retain(fac__mapping *m) {
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
}

void fac__mapping_release(fac__mapping *m) {
    if (m == NULL || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (m->bytes != NULL)
        munmap(m->bytes, m->size);
    fac__object_free(m, sizeof *m);
}

/* --- writing --------------------------------------------------------------------------------- */

static int open_beside(fac__output *out, mode_t mode) {
    static _Atomic unsigned counter;
    size_t room = strlen(out->target) + 48;
    out->temporary = malloc(room);
    if (out->temporary == NULL)
        return fac__fail(FAC_ERROR_MEMORY, "not enough memory for a path");
    for (int tries = 0; tries < 100; tries++) {
        snprintf(out->temporary, room, "%s.%ld-%u.tmp", out->target, (long)getpid(),
                 atomic_fetch_add(&counter, 1));
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (out->fd >= 0 || errno != EEXIST)
            break;
    }
    if (out->fd >= 0)
        return 0;
    refused(out->path);
    free(out->temporary);
    out->temporary = NULL;
    return -1;
}

int fac__output_open(fac__output *out, const char *path) {
    *out = (fac__output){.path = path, .fd = -1};
    if (path == NULL)
        return fac__fail(FAC_ERROR_VALUE, "no path was given");
    struct stat st;
    bool exists = stat(path, &st) == 0;
    if (exists && !S_ISREG(st.st_mode)) {
        out->fd = open(path, O_WRONLY | O_CLOEXEC);
        return out->fd >= 0 ? 0 : refused(path);
    }
    if (exists && access(path, W_OK) != 0) /* replacing would not ask */
        return refused(path);
    out->target = exists ? realpath(path, NULL) : strdup(path);
    if (out->target == NULL)
        return refused(path);
    int r = open_beside(out, 0666);
    if (r == 0 && exists && fchmod(out->fd, st.st_mode & 07777) != 0)
        r = refused(path);
    return r == 0 ? 0 : fac__output_close(out, -1);
}

int fac__output_write(fac__output *out, const void *bytes, uint64_t n) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t put = write(out->fd, p, n < 1u << 30 ? (size_t)n : 1u << 30);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return refused(out->path);
        p += put;
        n -= (uint64_t)put;
    }
    return 0;
}

int fac__output_close(fac__output *out, int result) {
    if (out->fd >= 0 && close(out->fd) != 0 && result == 0)
        result = refused(out->path);
    if (out->temporary != NULL) {
        if (result == 0 && rename(out->temporary, out->target) != 0)
            result = refused(out->path);
        if (result != 0)
            unlink(out->temporary);
    }
    free(out->temporary);
    free(out->target);
    *out = (fac__output){.fd = -1};
    return result;
}

/* --- tensors --------------------------------------------------------------------------------- */

fac_tensor *fac__io_plain(const fac_tensor *t, const char *what) {
    if (t == NULL) {
        fac__fail(FAC_ERROR_VALUE, "%s: no tensor was given", what);
        return NULL;
    }
    if (fac__is_bad(t)) {
        fac__fail(FAC_ERROR_VALUE, "%s: the tensor is the result of a failed operator", what);
        return NULL;
    }
    if (t->layout != FAC_STRIDED) {
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "%s holds no sparse tensors; use fac_to_dense() first",
                  what);
        return NULL;
    }
    if (t->device.type == FAC_CPU)
        return fac__contiguous((fac_tensor *)t);
    fac_tensor *here = fac__empty(t->ndim, t->sizes, NULL, (fac_dtype)t->dtype, fac_cpu());
    if (here != NULL && t->device.type == FAC_META)
        fac__fail(FAC_ERROR_NOT_IMPLEMENTED, "Cannot copy out of meta tensor; no data!");
    else if (here == NULL || fac__copy_into(here, (fac_tensor *)t) == 0)
        return here;
    fac__release(here);
    return NULL;
}

void fac__io_clean_bools(char *p, uint64_t n) {
    unsigned char *b = (unsigned char *)p;
    for (uint64_t i = 0; i < n; i++)
        b[i] = b[i] != 0;
}
