/* Reverse-mode differentiation.
 *
 * Operators on tensors that require grad record a graph; fac_backward() walks it from a result and
 * adds the gradients of leaves to their fac_grad().
 */
#ifndef FACULA_AUTOGRAD_H
#define FACULA_AUTOGRAD_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

FAC_API bool fac_requires_grad(const fac_tensor *t);
/* A tensor that no recorded operator made. */
FAC_API bool fac_is_leaf(const fac_tensor *t);
/* The kind of node that made t, "MulBackward0", or NULL for a leaf. */
FAC_API const char *fac_grad_fn_name(fac_tensor *t);
/* False sets the error: integers cannot require grad, results cannot stop requiring it. */
FAC_API bool fac_set_requires_grad(fac_tensor *t, bool value);

/* Makes a result keep its gradient as leaves do. False sets the error: t requires no grad. */
FAC_API bool fac_retain_grad(fac_tensor *t);

/* The accumulated gradient, borrowed from t, or NULL where there is none yet. */
FAC_API fac_tensor *fac_grad(const fac_tensor *t);
/* Takes a reference; NULL forgets the gradient. */
FAC_API bool fac_set_grad(fac_tensor *t, fac_tensor *grad);

/* Whether this thread records; the setter returns what it was. */
FAC_API bool fac_grad_mode(void);
FAC_API bool fac_set_grad_mode(bool on);

/* Adds d(loss)/d(leaf) to the gradient of every leaf that loss depends on. loss has one element.
 * The graph is freed on the way. False sets the error. */
FAC_API bool fac_backward(fac_tensor *loss);

typedef struct {
    size_t size;          /* of this struct, for fields appended later */
    fac_tensor *gradient; /* d(final)/d(output), of its shape; NULL: ones for one element */
    bool retain_graph;    /* keep what backward needs, to walk it again */
    bool create_graph;    /* record the walk itself, for higher derivatives */
    fac_tensors inputs;   /* only accumulate into these leaves; empty: all */
} fac_backward_options;
FAC_API bool fac_backward_ex(fac_tensor *output, const fac_backward_options *options);

/* Gradients of sum(outputs . gradients) by inputs, into results (borrowed from the scope, NULL for
 * an input that the outputs do not depend on, which is an error unless allow_unused). */
FAC_API bool fac_gradients(fac_tensors outputs, fac_tensors gradients, fac_tensors inputs,
                           bool retain_graph, bool create_graph, bool allow_unused,
                           fac_tensor **results);

#ifdef __cplusplus
}
#endif

#endif
