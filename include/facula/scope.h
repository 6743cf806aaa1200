/* Scopes own what operators return.
 *
 * A scope is open from fac_scope_open() to fac_scope_close(); scopes nest, one stack a thread. An
 * operator's result belongs to the innermost open scope and dies with it unless kept. Without an
 * open scope an operator's result belongs to the thread's root scope, which is emptied when the
 * thread ends or by fac_scope_close(NULL).
 */
#ifndef FACULA_SCOPE_H
#define FACULA_SCOPE_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fac_scope fac_scope;

FAC_API fac_scope *fac_scope_open(void);
FAC_API void fac_scope_close(fac_scope *scope); /* inner scopes too */

/* A reference of the caller's own, to be given back by fac_release(). NULL and fac_bad pass. */
FAC_API fac_tensor *fac_keep(fac_tensor *t);
FAC_API void fac_release(fac_tensor *t);

#ifdef __cplusplus
}
#endif

#endif
