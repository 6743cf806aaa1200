/* Storages whose bytes are a file's, with a name or without. Private ones are written copy-on-write
 * and never reach the file; shared ones do, and make the file where there is none or it is too
 * short. */
#include "mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void unmap(void *context, void *data, size_t nbytes) {
    (void)context;
    munmap(data, nbytes);
}

static int refused(const char *path, const char *what) {
    return fac__fail(FAC_ERROR_RUNTIME, "unable to %s file <%s>: %s (%d)", what, path,
                     strerror(errno), errno);
}

static int open_sized(const char *path, bool shared, size_t *nbytes) {
    struct stat st;
    int fd = open(path, (shared ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
    if (fd < 0)
        return fac__fail(FAC_ERROR_RUNTIME, "unable to open file <%s> in %s mode: %s (%d)", path,
                         shared ? "read-write" : "read-only", strerror(errno), errno);
    int r = fstat(fd, &st) != 0 ? refused(path, "stat the") : 0;
    if (r == 0 && *nbytes == 0 && st.st_size > 0)
        *nbytes = (size_t)st.st_size;
    if (r == 0 && (uint64_t)st.st_size < *nbytes) {
        if (!shared)
            r = fac__fail(FAC_ERROR_RUNTIME,
                          "file <%s> size <%lld> is smaller than the required mapping size <%zu>",
                          path, (long long)st.st_size, *nbytes);
        else if (*nbytes > INT64_MAX || ftruncate(fd, (off_t)*nbytes) != 0)
            r = refused(path, "resize");
    }
    if (r == 0)
        return fd;
    close(fd);
    return -1;
}

fac_storage *fac__storage_from_file(const char *path, bool shared, size_t nbytes) {
    int fd = open_sized(path, shared, &nbytes);
    if (fd < 0)
        return NULL;
    if (nbytes == 0) { /* nothing to map */
        close(fd);
        return fac__storage_new(0, fac_cpu());
    }
    void *p = mmap(NULL, nbytes, PROT_READ | PROT_WRITE,
                   shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE, fd, 0);
    if (p == MAP_FAILED) {
        refused(path, "mmap the");
        close(fd);
        return NULL;
    }
    close(fd);
    fac_storage *s = fac__storage_wrap(p, nbytes, fac_cpu(), unmap, NULL);
    if (s == NULL)
        munmap(p, nbytes);
    return s;
}

/* --- memory that processes share ---------------------------------------------------------------
 * A file without a name, mapped by each of them and kept open to be handed on. */

static size_t room_for(size_t nbytes) {
    return nbytes == 0 ? 1 : nbytes; /* no mapping is empty */
}

static void unmap_shared(void *context, void *data, size_t nbytes) {
    munmap(data, room_for(nbytes));
    close((int)(intptr_t)context);
}

static int nameless_file(void) {
#ifdef __linux__
    return memfd_create("facula", MFD_CLOEXEC);
#else
    char path[] = "/tmp/facula-XXXXXX";
    int fd = mkstemp(path);
    if (fd >= 0) {
        unlink(path);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    return fd;
#endif
}

static char *map_shared(int fd, size_t nbytes) {
    void *p = mmap(NULL, room_for(nbytes), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p != MAP_FAILED)
        return p;
    fac__fail(FAC_ERROR_RUNTIME, "unable to mmap %zu bytes of shared memory: %s (%d)", nbytes,
              strerror(errno), errno);
    return NULL;
}

int fac__storage_share(fac_storage *s) {
    if (s->device.type != FAC_CPU)
        return fac__fail(FAC_ERROR_RUNTIME, "share_memory_: only memory of the CPU can be shared");
    if (fac__storage_file(s) >= 0)
        return 0;
    int fd = nameless_file();
    if (fd < 0 || s->nbytes > INT64_MAX || ftruncate(fd, (off_t)room_for(s->nbytes)) != 0) {
        fac__fail(FAC_ERROR_RUNTIME, "unable to make %zu bytes of shared memory: %s (%d)",
                  s->nbytes, strerror(errno), errno);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    char *data = map_shared(fd, s->nbytes);
    if (data != NULL && fac__storage_move(s, data, unmap_shared, (void *)(intptr_t)fd) == 0)
        return 0;
    if (data != NULL)
        munmap(data, room_for(s->nbytes));
    close(fd);
    return -1;
}

int fac__storage_file(const fac_storage *s) {
    return s->free == unmap_shared ? (int)(intptr_t)s->free_context : -1;
}

fac_storage *fac__storage_from_shared(int fd, size_t nbytes) {
    struct stat st;
    char *data = NULL;
    if (fstat(fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size < nbytes)
        fac__fail(FAC_ERROR_RUNTIME, "shared memory of %zu bytes is not there", nbytes);
    else
        data = map_shared(fd, nbytes);
    fac_storage *s = data == NULL ? NULL
                                  : fac__storage_wrap(data, nbytes, fac_cpu(), unmap_shared,
                                                      (void *)(intptr_t)fd);
    if (s == NULL) {
        if (data != NULL)
            munmap(data, room_for(nbytes));
        close(fd);
    }
    return s;
}
