/* Optimizers: SGD, Adam and AdamW over a list of parameters.
 *
 *     fac_optimizer *o = fac_adamw(fac_list(w, b), 1e-3, .weight_decay = fac_some_float(0.1));
 *     for (...) {
 *         fac_scope *s = fac_scope_open();
 *         fac_optimizer_zero_grad(o);
 *         fac_backward(loss_of(w, b));
 *         fac_optimizer_step(o);
 *         fac_scope_close(s);
 *     }
 *     fac_optimizer_free(o);
 *
 * The formulas, the defaults and the names of the state are PyTorch's, and so are the bits, up to
 * its choice of fused multiply-add. A step passes once over the parameters, their gradients and
 * their state; parameters without a gradient stay as they are. Parameters that need other options
 * belong to another optimizer.
 */
#ifndef FACULA_OPTIM_H
#define FACULA_OPTIM_H

#include <facula/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fac_optimizer fac_optimizer;

typedef struct {
    size_t size; /* of this struct, for fields appended later */
    double momentum, dampening, weight_decay;
    bool nesterov, maximize;
} fac_sgd_options;

/* p -= lr * g, or with momentum p -= lr * v where v = momentum * v + (1 - dampening) * g. */
FAC_API fac_optimizer *fac_sgd_ex(fac_tensors params, double lr, const fac_sgd_options *options);

typedef struct {
    size_t size;
    fac_opt_float beta1;        /* 0.9 */
    fac_opt_float beta2;        /* 0.999 */
    fac_opt_float eps;          /* 1e-8 */
    fac_opt_float weight_decay; /* 0 for Adam, 0.01 for AdamW */
    bool amsgrad, maximize;
} fac_adam_options;

/* Adam (Kingma and Ba, 2014); AdamW (Loshchilov and Hutter, 2017), whose weight decay shrinks the
 * parameters and stays out of the running means. */
FAC_API fac_optimizer *fac_adam_ex(fac_tensors params, double lr, const fac_adam_options *options);
FAC_API fac_optimizer *fac_adamw_ex(fac_tensors params, double lr, const fac_adam_options *options);

/* These three hold references to their parameters, which must be leaves, each given once. options
 * NULL: the defaults. NULL sets the error. By name, without a struct to fill: */
#if !defined(FAC_NO_MACROS) && !defined(__cplusplus)
#define fac_sgd(...) FAC__WITH_sgd(__VA_ARGS__, .size = sizeof(fac_sgd_options))
#define FAC__WITH_sgd(params, lr, ...) fac_sgd_ex(params, lr, &(const fac_sgd_options){__VA_ARGS__})
#define fac_adam(...) FAC__WITH_adam(__VA_ARGS__, .size = sizeof(fac_adam_options))
#define FAC__WITH_adam(params, lr, ...)                                                            \
    fac_adam_ex(params, lr, &(const fac_adam_options){__VA_ARGS__})
#define fac_adamw(...) FAC__WITH_adamw(__VA_ARGS__, .size = sizeof(fac_adam_options))
#define FAC__WITH_adamw(params, lr, ...)                                                           \
    fac_adamw_ex(params, lr, &(const fac_adam_options){__VA_ARGS__})
#endif

FAC_API void fac_optimizer_free(fac_optimizer *o); /* NULL passes */

/* Changes the parameters once, along their gradients; autograd does not record it. False sets the
 * error. */
FAC_API bool fac_optimizer_step(fac_optimizer *o);

/* Forgets the gradients of all parameters. */
FAC_API void fac_optimizer_zero_grad(fac_optimizer *o);

FAC_API double fac_optimizer_lr(const fac_optimizer *o);
FAC_API bool fac_optimizer_set_lr(fac_optimizer *o, double lr); /* false: negative */

/* State, for saving and going on: its tensors' names ("momentum_buffer"; "step", "exp_avg",
 * "exp_avg_sq", "max_exp_avg_sq"), NULL past the last; that of parameter i, borrowed, NULL where
 * there is none yet; and setting it to a copy. */
FAC_API const char *fac_optimizer_state_name(const fac_optimizer *o, int k);
FAC_API fac_tensor *fac_optimizer_state(const fac_optimizer *o, int i, const char *name);
FAC_API bool fac_optimizer_set_state(fac_optimizer *o, int i, const char *name, fac_tensor *value);

#ifdef __cplusplus
}
#ifndef FAC_NO_MACROS
inline fac_optimizer *fac_sgd(fac_tensors params, double lr,
                              fac_sgd_options o = fac_sgd_options()) {
    o.size = sizeof o;
    return fac_sgd_ex(params, lr, &o);
}
inline fac_optimizer *fac_adam(fac_tensors params, double lr,
                               fac_adam_options o = fac_adam_options()) {
    o.size = sizeof o;
    return fac_adam_ex(params, lr, &o);
}
inline fac_optimizer *fac_adamw(fac_tensors params, double lr,
                                fac_adam_options o = fac_adam_options()) {
    o.size = sizeof o;
    return fac_adamw_ex(params, lr, &o);
}
#endif
#endif

#endif
