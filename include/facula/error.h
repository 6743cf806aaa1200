/* Errors: nothing in facula aborts, exits or prints.
 *
 * A failed operator returns `fac_bad`; the thread keeps the first error until it is read or
 * cleared. A later, unrelated call is not stopped by it.
 */
#ifndef FACULA_ERROR_H
#define FACULA_ERROR_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The kind of mistake; the Python package raises the exception named beside it. */
typedef enum {
    FAC_OK = 0,
    FAC_ERROR_RUNTIME,         /* RuntimeError */
    FAC_ERROR_TYPE,            /* TypeError */
    FAC_ERROR_VALUE,           /* ValueError */
    FAC_ERROR_INDEX,           /* IndexError */
    FAC_ERROR_MEMORY,          /* RuntimeError, as PyTorch's allocators raise */
    FAC_ERROR_NOT_IMPLEMENTED, /* NotImplementedError */
    FAC_ERROR_OVERFLOW,        /* OverflowError */
    FAC_ERROR_IO,              /* OSError */
    FAC_ERROR_CALLBACK,        /* a callback's own error, in its payload */
} fac_error_code;

/* False for fac_bad. */
FAC_API bool fac_ok(const fac_tensor *t);

/* The text of this thread's first unread error, "" where there is none, and forgets it. The text
 * stays valid until the thread's next error, which may quote it, or fac_clear_error(). */
FAC_API const char *fac_error(void);

FAC_API fac_error_code fac_error_kind(void); /* does not forget */
FAC_API const char *fac_error_op(void);      /* the operator that failed, or "" */
FAC_API void fac_clear_error(void);

/* Sets this thread's error, from a callback say; printf's conversions. The first error wins. */
FAC_API void fac_set_error(fac_error_code code, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* Warnings tell of what works but should not be relied on, such as `out` being resized. The handler
 * returns 0, or -1 for the call to fail with the error it has set. NULL, the default, hears none.
 * One for the process, called by whatever thread warns; set while no other thread calls facula. */
typedef int fac_warning_handler(const char *text, void *context);
FAC_API void fac_on_warning(fac_warning_handler *handler, void *context);

#ifdef __cplusplus
}
#endif

#endif
