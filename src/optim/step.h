/* What the loops of optimizer steps are given as their numbers. The loops' operands are: the
 * parameter, its gradient, then for SGD the momentum buffer where there is momentum, for Adam the
 * means of g and of g * g and, for AMSGrad, the largest of the latter. */
#ifndef FAC_OPTIM_STEP_H
#define FAC_OPTIM_STEP_H

#include <facula/tensor.h>

struct fac__sgd_numbers {
    double lr, momentum, share; /* share: 1 - dampening, the gradient's part in the buffer */
    double weight_decay;
    bool nesterov, maximize, first;
};

struct fac__adam_numbers {
    double size;         /* of the step: lr / (1 - beta1^t) */
    double root;         /* sqrt(1 - beta2^t) */
    double part1;        /* 1 - beta1 */
    double beta2, part2; /* part2: 1 - beta2 */
    double eps, weight_decay;
    double shrink; /* 1 - lr * weight_decay, of decoupled decay */
    bool decoupled, amsgrad, maximize;
};

/* State beside a parameter: zeros of its strides, and a count of steps. No capture records their
 * making: a replay goes on with them. New references, or NULL with the error set. */
fac_tensor *fac__state_like(fac_tensor *param);
fac_tensor *fac__state_step(void);

/* Readies a first step with momentum, which must not stay first in a recording. */
struct fac__fused_sgd_args;
int fac__sgd_first(struct fac__fused_sgd_args *a);

#endif
