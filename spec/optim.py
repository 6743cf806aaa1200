"""Steps of optimizers over many tensors: one pass over each parameter, its gradient and its state."""


@op("custom", function=False, reads_conj=True, python="_fused_sgd_")
def fused_sgd(params: list[Tensor], grads: list[Tensor], momentum_buffers: list[Tensor], lr: float, momentum: float = 0.0, dampening: float = 0.0, weight_decay: float = 0.0, nesterov: bool = False, maximize: bool = False, first: bool = False) -> None:
    """One step of stochastic gradient descent, into params and momentum_buffers, which is empty
    where momentum is 0. `first` fills the buffers with the gradients. Not recorded by autograd,
    whatever the mode. fac_sgd() in optim.h keeps the buffers itself.
    """


@op("custom", function=False, reads_conj=True, python="_fused_adam_")
def fused_adam(params: list[Tensor], grads: list[Tensor], exp_avgs: list[Tensor], exp_avg_sqs: list[Tensor], max_exp_avg_sqs: list[Tensor], steps: list[Tensor], lr: float, beta1: float, beta2: float, weight_decay: float, eps: float, amsgrad: bool = False, maximize: bool = False, decoupled: bool = False) -> None:
    """One step of Adam, or of AdamW where `decoupled`, into params and the four lists of state;
    max_exp_avg_sqs is empty unless `amsgrad`. `steps` are tensors of one element, counted up here.
    Not recorded by autograd, whatever the mode. fac_adam() in optim.h keeps the
    state itself.
    """
