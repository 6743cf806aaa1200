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

/* Gradients of sum(outputs . gradients) by inputs, into results, one an input (borrowed from the
 * scope, NULL for an input that the outputs do not depend on, which is an error unless
 * allow_unused). No gradients at all: ones, for outputs of one element. False sets the error, and
 * every result is fac_bad. */
FAC_API bool fac_gradients(fac_tensors outputs, fac_tensors gradients, fac_tensors inputs,
                           bool retain_graph, bool create_graph, bool allow_unused,
                           fac_tensor **results);

/* --- functions with a gradient of their own -------------------------------------------------- */

/* What a callback makes belongs to a scope around the call. It may open scopes of its own, and
 * closes no others. */

/* One call of a backward. Tensors are borrowed, and not to be written to: others may read them. Ops
 * called with them may themselves be recorded, so that higher derivatives follow from those ops. */
typedef struct {
    void *user;                 /* the function's */
    fac_tensors saved;          /* what fac_record() saved */
    fac_tensors gradients;      /* d(final)/d(output), one an output, zeros where none came */
    const bool *needs_gradient; /* one an input */
    fac_tensor **results;       /* to be set: d(final)/d(input), of its shape; NULL: none */
} fac_backward_call;

typedef struct {
    const char *name; /* of the graph's node, "ClipBackward"; outlives the graph */
    /* Sets call->results. False, or fac_bad among them, fails the walk with the thread's error:
     * that of a failed op, or fac_set_error(). May run on any thread that calls backward. */
    bool (*backward)(const fac_backward_call *call);
    void *user;
    void (*destroy)(void *user); /* called once, when the function is no longer needed; or NULL */
    bool keep_undefined;         /* gradients that did not come are NULL instead of zeros */
} fac_function;

/* Makes outputs, which were computed from inputs under fac_set_grad_mode(false), results of a
 * function whose gradient is f's. `saved` may hold inputs, outputs and others; writing to them in
 * place before the walk is an error there. Records nothing where no input requires grad or this
 * thread does not record. False sets the error; f->destroy has been called then.
 *
 *     bool mode = fac_set_grad_mode(false);
 *     fac_tensor *y = fac_clamp(x, .min = FAC_VALUE(-1), .max = FAC_VALUE(1));
 *     fac_set_grad_mode(mode);
 *     fac_record(&clip, fac_list(x), fac_list(y), fac_list(x));
 */
FAC_API bool fac_record(const fac_function *f, fac_tensors inputs, fac_tensors outputs,
                        fac_tensors saved);

/* --- hooks ----------------------------------------------------------------------------------- */

/* Sees the gradient of a tensor. Returns one of the same shape, dtype and device that takes its
 * place, NULL to leave it, or fac_bad to fail the walk with the thread's error. */
typedef fac_tensor *fac_gradient_hook(void *user, fac_tensor *gradient);
/* Runs after a gradient was added to the leaf's fac_grad(). False fails the walk. */
typedef bool fac_accumulated_hook(void *user, fac_tensor *leaf);

/* A number for fac_remove_hook(), or 0 with the error set where the tensor does not require grad
 * (for the second: is no leaf). Hooks run in the order of registration. destroy_user, which may be
 * NULL, is called once: when the tensor's part of the graph goes, or on failure. */
FAC_API uint64_t fac_register_hook(fac_tensor *t, fac_gradient_hook *hook, void *user,
                                   void (*destroy_user)(void *user));
FAC_API uint64_t fac_register_accumulated_hook(fac_tensor *leaf, fac_accumulated_hook *hook,
                                               void *user, void (*destroy_user)(void *user));
/* The hook is not called again. False: t has no such hook. */
FAC_API bool fac_remove_hook(fac_tensor *t, uint64_t hook);

#ifdef __cplusplus
}
#endif

#endif
