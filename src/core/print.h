/* The text of a tensor with everything that a caller may want to say about it. */
#ifndef FAC_PRINT_H
#define FAC_PRINT_H

#include <facula/print.h>

/* Zero-initialised: what fac_to_string() gives. */
typedef struct {
    const char *prefix;   /* before the parenthesis; NULL: "tensor". Only what follows its last
                             newline indents the rest. */
    const char *contents; /* instead of the elements; NULL: the elements */
    /* "grad_fn=<AddBackward0>" and the like, after the suffixes about dtype, device and shape. */
    const char *const *suffixes;
    int nsuffixes;
    bool no_autograd; /* leave out the grad_fn= or requires_grad=True found by itself */
} fac__repr_options;

/* The caller's to free(); NULL sets the error. */
char *fac__repr(const fac_tensor *t, const fac__repr_options *o);

/* The lock of the print options, for fork() to hold. */
void fac__print_lock(void);
void fac__print_unlock(void);

#endif
