/* Scopes own what operators return.
 *
 * A scope is open from fac_scope_open() to fac_scope_close(); scopes nest, one stack a thread. An
 * operator's result belongs to the innermost open scope and dies with it unless kept. Without an
 * open scope an operator's result belongs to the thread's root scope. What a thread leaves open,
 * the root scope too, is closed when the thread ends.
 *
 *     fac_tensor *mean_of_squares(fac_tensor *x) {
 *         fac_scope *s = fac_scope_open();
 *         fac_tensor *y = fac_keep(fac_mean(fac_mul(x, x)));
 *         fac_scope_close(s);                   the product goes, y stays
 *         return y;                             to be given back by fac_release(y)
 *     }
 *
 * A scope belongs to the thread that opened it; a tensor may be used by any thread as long as it
 * lives, by one at a time where it is written to.
 */
#ifndef FACULA_SCOPE_H
#define FACULA_SCOPE_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fac_scope fac_scope;

/* NULL sets the error: memory ran out, and results go on belonging to the scope around. */
FAC_API fac_scope *fac_scope_open(void);
/* Closes it and the scopes within it. NULL passes; a scope that is not open in this thread sets the
 * error, and nothing is closed. */
FAC_API void fac_scope_close(fac_scope *scope);
/* Closes all scopes of this thread, the root scope too. */
FAC_API void fac_scope_close_all(void);

/* A reference of the caller's own, to be given back by fac_release(). It may outlive the scope and
 * be released by another thread. NULL and fac_bad pass through both. Returns t. */
FAC_API fac_tensor *fac_keep(fac_tensor *t);
FAC_API void fac_release(fac_tensor *t);

#ifdef __cplusplus
}
#endif

#endif
