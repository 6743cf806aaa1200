/* Storages whose bytes are a file's. Private ones are written copy-on-write and never reach the
 * file; shared ones do, and make the file where there is none or it is too short. */
#include "mapped.h"

#include <errno.h>
#include <fcntl.h>
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
