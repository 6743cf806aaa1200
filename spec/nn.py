"""Ops of neural networks: embeddings, losses over classes, normalisation, convolution, pooling,
attention, padding, resizing."""


# --- embedding


@op("structured", node="EmbeddingBackward0", grads={"weight": ["indices", "weight.shape"]})
def embedding(weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False) -> Tensor:
    """embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False) -> Tensor

    The rows of weight (n, d) that indices name: (*, d). The row padding_idx gets no gradient; with
    scale_grad_by_freq a row's gradient is divided by how often it was named.
    """


@op("structured", function=False, node="EmbeddingDenseBackwardBackward0", grads={"grad_output": ["indices"]})
def embedding_dense_backward(grad_output: Tensor, indices: Tensor, num_weights: int, padding_idx: int, scale_grad_by_freq: bool) -> Tensor:
    """embedding_dense_backward(...) -> Tensor

    The gradient of embedding(): rows of grad_output added up by index.
    """


# --- losses over classes


@op("structured", function=False, rule="nll_loss_forward", kernel="nll_loss_forward", vjp="nll_loss_forward", node="NllLossBackward0", returns=["output", "total_weight"], nondiff=["total_weight"], grads={"input": ["input.shape", "target", "weight", "total_weight"]})
def nll_loss_forward(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    """nll_loss_forward(...) -> (Tensor, Tensor)

    nll_loss() of (N, C) or (C,), and the sum of the weights of the classes met.
    """


@op("structured", function=False, rule="nll_loss_forward", kernel="nll_loss_forward", vjp="nll_loss_forward", node="NllLoss2DBackward0", returns=["output", "total_weight"], nondiff=["total_weight"], grads={"input": ["input.shape", "target", "weight", "total_weight"]})
def nll_loss2d_forward(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    """nll_loss2d_forward(...) -> (Tensor, Tensor)

    nll_loss() of (N, C, H, W), and the sum of the weights of the classes met.
    """


@op("structured", function=False, node="NllLossBackwardBackward0", grads={"grad_output": ["target", "weight", "total_weight"]})
def nll_loss_backward(grad_output: Tensor, sizes: Ints, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int, total_weight: Tensor) -> Tensor:
    """nll_loss_backward(...) -> Tensor

    The gradient of nll_loss() of an input of `sizes`.
    """


@op("structured", function=False, node="NllLossBackward0", returns=["output", "log_sum", "total_weight"], nondiff=["log_sum", "total_weight"], grads={"input": ["input", "target", "weight", "log_sum", "total_weight"]})
def _cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int) -> tuple[Tensor, Tensor, Tensor]:
    """_cross_entropy(...) -> (Tensor, Tensor, Tensor)

    nll_loss() of log_softmax() of rows (N, C) in one pass; log_sum holds each row's maximum and the
    logarithm of its sum.
    """


@op("structured", function=False)
def _cross_entropy_backward(grad_output: Tensor, input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignore_index: int, log_sum: Tensor, total_weight: Tensor) -> Tensor:
    """_cross_entropy_backward(...) -> Tensor

    The gradient of _cross_entropy().
    """


@op("composite", module="nn", out=True)
def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1, ignore_index: int = -100) -> Tensor:
    """nll_loss(input, target, weight=None, reduction=1, ignore_index=-100) -> Tensor

    The negative log-likelihood of class indices (N,) given log-probabilities (N, C).
    """


@op("composite", module="nn", out=True)
def nll_loss2d(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1, ignore_index: int = -100) -> Tensor:
    """nll_loss2d(input, target, weight=None, reduction=1, ignore_index=-100) -> Tensor

    The negative log-likelihood of class indices (N, H, W) given log-probabilities (N, C, H, W).
    """


@op("composite", module="nn")
def nll_loss_nd(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1, ignore_index: int = -100) -> Tensor:
    """nll_loss_nd(input, target, weight=None, reduction=1, ignore_index=-100) -> Tensor

    The negative log-likelihood of class indices (N, *) given log-probabilities (N, C, *).
    """


@op("composite", module="nn")
def cross_entropy_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: int = 1, ignore_index: int = -100, label_smoothing: float = 0.0) -> Tensor:
    """cross_entropy_loss(input, target, weight=None, reduction=1, ignore_index=-100, label_smoothing=0.0) -> Tensor

    The cross entropy of logits (N, C, *) with class indices (N, *) or probabilities (N, C, *).
    """


# --- normalisation


@op("structured", node="NativeLayerNormBackward0", returns=["out", "mean", "rstd"], nondiff=["mean", "rstd"], grads={"input": ["input", "weight", "mean", "rstd"], "weight": ["input", "mean", "rstd"], "bias": ["input.shape"]})
def native_layer_norm(input: Tensor, normalized_shape: Ints, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """native_layer_norm(input, normalized_shape, weight, bias, eps) -> (Tensor, Tensor, Tensor)

    layer_norm(), the means, and one over the standard deviations.
    """


@op("structured", function=False, returns=["grad_input", "grad_weight", "grad_bias"])
def _layer_norm_backward(grad_output: Tensor, input: Tensor, inner: int, mean: Tensor, rstd: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """_layer_norm_backward(...) -> (Tensor, Tensor, Tensor)

    The gradients of native_layer_norm() over the last `inner` elements.
    """


@op("composite")
def layer_norm(input: Tensor, normalized_shape: Ints, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05, cudnn_enable: bool = True) -> Tensor:
    """layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05, cudnn_enable=True) -> Tensor

    Over the last dimensions: (input - mean) / sqrt(var + eps) * weight + bias.
    """


@op("composite")
def rms_norm(input: Tensor, normalized_shape: Ints, weight: Tensor | None = None, eps: float | None = None) -> Tensor:
    """rms_norm(input, normalized_shape, weight=None, eps=None) -> Tensor

    Over the last dimensions: input / sqrt(mean of squares + eps) * weight.
    """


@op("structured", node="NativeBatchNormBackward0", returns=["out", "save_mean", "save_invstd"], nondiff=["save_mean", "save_invstd"], grads={"input": ["input", "weight", "running_mean", "running_var", "save_mean", "save_invstd"], "weight": ["input", "running_mean", "running_var", "save_mean", "save_invstd"], "bias": ["input.shape"]})
def native_batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None, training: bool, momentum: float, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps) -> (Tensor, Tensor, Tensor)

    batch_norm(), and the means and one over the standard deviations it used in training.
    """


@op("structured", function=False, returns=["grad_input", "grad_weight", "grad_bias"])
def _batch_norm_backward(grad_output: Tensor, input: Tensor, weight: Tensor | None, mean: Tensor, invstd: Tensor, training: bool) -> tuple[Tensor, Tensor, Tensor]:
    """_batch_norm_backward(...) -> (Tensor, Tensor, Tensor)

    The gradients of native_batch_norm().
    """


@op("composite")
def batch_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None, training: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tensor:
    """batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled) -> Tensor

    Each channel (dimension 1) normalised over the batch in training, which also moves the running
    statistics, and by the running statistics otherwise.
    """


@op("composite")
def instance_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float, cudnn_enabled: bool) -> Tensor:
    """instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled) -> Tensor

    batch_norm() of each sample by itself.
    """


@op("structured", node="NativeGroupNormBackward0", returns=["out", "mean", "rstd"], nondiff=["mean", "rstd"], grads={"input": ["input", "weight", "mean", "rstd"], "weight": ["input", "mean", "rstd"], "bias": ["input.shape"]})
def native_group_norm(input: Tensor, weight: Tensor | None, bias: Tensor | None, N: int, C: int, HxW: int, group: int, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    """native_group_norm(input, weight, bias, N, C, HxW, group, eps) -> (Tensor, Tensor, Tensor)

    group_norm(), the means, and one over the standard deviations.
    """


@op("structured", function=False, returns=["grad_input", "grad_weight", "grad_bias"])
def _group_norm_backward(grad_output: Tensor, input: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, N: int, C: int, HxW: int, group: int) -> tuple[Tensor, Tensor, Tensor]:
    """_group_norm_backward(...) -> (Tensor, Tensor, Tensor)

    The gradients of native_group_norm().
    """


@op("composite")
def group_norm(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-05, cudnn_enabled: bool = True) -> Tensor:
    """group_norm(input, num_groups, weight=None, bias=None, eps=1e-05, cudnn_enabled=True) -> Tensor

    Each of num_groups groups of channels of each sample normalised by itself.
    """


# --- convolution


@op("structured", node="ConvolutionBackward0", grads={"input": ["weight", "input.shape"], "weight": ["input", "weight.shape"], "bias": []})
def convolution(input: Tensor, weight: Tensor, bias: Tensor | None, stride: Ints, padding: Ints, dilation: Ints, transposed: bool, output_padding: Ints, groups: int) -> Tensor:
    """convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups) -> Tensor

    input (n, c, *) with weight (o, c / groups, *), over any number of dimensions up to three.
    Transposed, weight is (c, o / groups, *).
    """


@op("structured", function=False, node="ConvolutionBackwardBackward0", grads={"input": ["grad_output", "input.shape"], "grad_output": ["input", "grad_output.shape"]})
def _convolution_weight(input: Tensor, grad_output: Tensor, weight_sizes: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Tensor:
    """_convolution_weight(...) -> Tensor

    The gradient of a convolution's weight. That of a transposed one is this with input and
    grad_output exchanged.
    """


@op("composite")
def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[1] = 1, padding: Ints[1] = 0, dilation: Ints[1] = 1, groups: int = 1) -> Tensor:
    """conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor

    input (n, c, l) or (c, l) with weight (o, c / groups, k).
    """


@op("composite", python="conv1d", overload="padding")
def conv1d_padding(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[1] = 1, padding: str = "valid", dilation: Ints[1] = 1, groups: int = 1) -> Tensor:
    """conv1d(input, weight, bias=None, stride=1, padding="valid", dilation=1, groups=1) -> Tensor

    conv1d() with padding 'same' or 'valid'.
    """


@op("composite")
def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[2] = 1, padding: Ints[2] = 0, dilation: Ints[2] = 1, groups: int = 1) -> Tensor:
    """conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor

    input (n, c, h, w) or (c, h, w) with weight (o, c / groups, kh, kw).
    """


@op("composite", python="conv2d", overload="padding")
def conv2d_padding(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[2] = 1, padding: str = "valid", dilation: Ints[2] = 1, groups: int = 1) -> Tensor:
    """conv2d(input, weight, bias=None, stride=1, padding="valid", dilation=1, groups=1) -> Tensor

    conv2d() with padding 'same' or 'valid'.
    """


@op("composite")
def conv3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[3] = 1, padding: Ints[3] = 0, dilation: Ints[3] = 1, groups: int = 1) -> Tensor:
    """conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor

    input (n, c, d, h, w) or (c, d, h, w) with weight (o, c / groups, kd, kh, kw).
    """


@op("composite", python="conv3d", overload="padding")
def conv3d_padding(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[3] = 1, padding: str = "valid", dilation: Ints[3] = 1, groups: int = 1) -> Tensor:
    """conv3d(input, weight, bias=None, stride=1, padding="valid", dilation=1, groups=1) -> Tensor

    conv3d() with padding 'same' or 'valid'.
    """


@op("composite")
def conv_transpose1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[1] = 1, padding: Ints[1] = 0, output_padding: Ints[1] = 0, groups: int = 1, dilation: Ints[1] = 1) -> Tensor:
    """conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1) -> Tensor

    The transpose of conv1d(): input (n, c, l) with weight (c, o / groups, k).
    """


@op("composite")
def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[2] = 1, padding: Ints[2] = 0, output_padding: Ints[2] = 0, groups: int = 1, dilation: Ints[2] = 1) -> Tensor:
    """conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1) -> Tensor

    The transpose of conv2d(): input (n, c, h, w) with weight (c, o / groups, kh, kw).
    """


@op("composite")
def conv_transpose3d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints[3] = 1, padding: Ints[3] = 0, output_padding: Ints[3] = 0, groups: int = 1, dilation: Ints[3] = 1) -> Tensor:
    """conv_transpose3d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1) -> Tensor

    The transpose of conv3d(): input (n, c, d, h, w) with weight (c, o / groups, kd, kh, kw).
    """


# --- pooling


@op("structured", module="nn", out=True, node="MaxPool2DWithIndicesBackward0", returns=["out", "indices"], nondiff=["indices"], grads={"input": ["input.shape", "indices"]})
def max_pool2d_with_indices(input: Tensor, kernel_size: Ints[2], stride: Ints[2] = (), padding: Ints[2] = 0, dilation: Ints[2] = 1, ceil_mode: bool = False) -> tuple[Tensor, Tensor]:
    """max_pool2d_with_indices(input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False) -> (Tensor, Tensor)

    The greatest element of each window of (n, c, h, w) or (c, h, w), and where in its plane it stands.
    """


@op("structured", function=False, node="MaxPool2DWithIndicesBackwardBackward0", grads={"grad_output": ["indices"]})
def _pool_scatter(grad_output: Tensor, sizes: Ints, indices: Tensor) -> Tensor:
    """_pool_scatter(grad_output, sizes, indices) -> Tensor

    Planes of `sizes` (h, w) of zeros, with elements added at their indices: the gradient of pools
    that pick elements.
    """


@op("structured", function=False, node="GatherBackward0", grads={"input": ["indices", "input.shape"]})
def _pool_gather(input: Tensor, indices: Tensor) -> Tensor:
    """_pool_gather(input, indices) -> Tensor

    The elements of planes (h, w) at indices.
    """


@op("composite")
def max_pool2d(input: Tensor, kernel_size: Ints[2], stride: Ints[2] = (), padding: Ints[2] = 0, dilation: Ints[2] = 1, ceil_mode: bool = False) -> Tensor:
    """max_pool2d(input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False) -> Tensor

    The greatest element of each window of (n, c, h, w) or (c, h, w).
    """


@op("composite")
def max_pool1d_with_indices(input: Tensor, kernel_size: Ints[1], stride: Ints[1] = (), padding: Ints[1] = 0, dilation: Ints[1] = 1, ceil_mode: bool = False) -> tuple[Tensor, Tensor]:
    """max_pool1d_with_indices(input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False) -> (Tensor, Tensor)

    The greatest element of each window of (n, c, l) or (c, l), and where it stands.
    """


@op("composite")
def max_pool1d(input: Tensor, kernel_size: Ints[1], stride: Ints[1] = (), padding: Ints[1] = 0, dilation: Ints[1] = 1, ceil_mode: bool = False) -> Tensor:
    """max_pool1d(input, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False) -> Tensor

    The greatest element of each window of (n, c, l) or (c, l).
    """


@op("structured", module="nn", out=True, node="AvgPool2DBackward0", grads={"input": ["input.shape"]})
def avg_pool2d(input: Tensor, kernel_size: Ints[2], stride: Ints[2] = (), padding: Ints[2] = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:
    """avg_pool2d(input, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None) -> Tensor

    The mean of each window of (n, c, h, w) or (c, h, w).
    """


@op("structured", function=False, node="AvgPool2DBackwardBackward0", grads={"grad_output": []})
def avg_pool2d_backward(grad_output: Tensor, sizes: Ints, kernel_size: Ints[2], stride: Ints[2], padding: Ints[2], ceil_mode: bool, count_include_pad: bool, divisor_override: int | None) -> Tensor:
    """avg_pool2d_backward(...) -> Tensor

    The gradient of avg_pool2d() of an input of `sizes`.
    """


@op("composite")
def avg_pool1d(input: Tensor, kernel_size: Ints[1], stride: Ints[1] = (), padding: Ints[1] = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> Tensor:
    """avg_pool1d(input, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True) -> Tensor

    The mean of each window of (n, c, l) or (c, l).
    """


@op("structured", function=False, node="AdaptiveAvgPool2DBackward0", grads={"input": ["input.shape"]})
def _adaptive_avg_pool2d(input: Tensor, output_size: Ints[2]) -> Tensor:
    """_adaptive_avg_pool2d(input, output_size) -> Tensor

    adaptive_avg_pool2d() of more than one window.
    """


@op("structured", function=False, node="AdaptiveAvgPool2DBackwardBackward0", grads={"grad_output": ["grad_output.shape"]})
def _adaptive_avg_pool2d_backward(grad_output: Tensor, sizes: Ints) -> Tensor:
    """_adaptive_avg_pool2d_backward(grad_output, sizes) -> Tensor

    The gradient of _adaptive_avg_pool2d() of an input of `sizes`.
    """


@op("composite", module="nn", out=True)
def adaptive_avg_pool2d(input: Tensor, output_size: Ints[2]) -> Tensor:
    """adaptive_avg_pool2d(input, output_size) -> Tensor

    The means of output_size windows that together cover each plane of (n, c, h, w) or (c, h, w).
    """


@op("composite")
def adaptive_avg_pool1d(input: Tensor, output_size: Ints[1]) -> Tensor:
    """adaptive_avg_pool1d(input, output_size) -> Tensor

    The means of output_size windows that together cover each row of (n, c, l) or (c, l).
    """


@op("structured", module="nn", out=True, node="AdaptiveMaxPool2DBackward0", returns=["out", "indices"], nondiff=["indices"], grads={"input": ["input.shape", "indices"]})
def adaptive_max_pool2d(input: Tensor, output_size: Ints[2]) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool2d(input, output_size) -> (Tensor, Tensor)

    The greatest elements of output_size windows that together cover each plane, and where they stand.
    """


@op("composite")
def adaptive_max_pool1d(input: Tensor, output_size: Ints[1]) -> tuple[Tensor, Tensor]:
    """adaptive_max_pool1d(input, output_size) -> (Tensor, Tensor)

    The greatest elements of output_size windows that together cover each row, and where they stand.
    """


# --- windows as columns


@op("structured", module="nn", out=True, node="Im2ColBackward0", grads={"input": ["input.shape"]})
def im2col(input: Tensor, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Tensor:
    """im2col(input, kernel_size, dilation, padding, stride) -> Tensor

    The windows of (n, c, h, w) or (c, h, w) as columns (n, c * kh * kw, windows).
    """


@op("structured", module="nn", out=True, node="Col2ImBackward0", grads={"input": []})
def col2im(input: Tensor, output_size: Ints, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Tensor:
    """col2im(input, output_size, kernel_size, dilation, padding, stride) -> Tensor

    Columns added up where their windows stand: the transpose of im2col().
    """


# --- attention


@op("structured", node="ScaledDotProductFlashAttentionForCpuBackward0", returns=["output", "logsumexp"], nondiff=["logsumexp"], grads={"query": ["query", "key", "value", "attn_mask", "output", "logsumexp"], "key": ["query", "key", "value", "attn_mask", "output", "logsumexp"], "value": ["query", "key", "value", "attn_mask", "output", "logsumexp"]})
def _scaled_dot_product_flash_attention_for_cpu(query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0, is_causal: bool = False, *, attn_mask: Tensor | None = None, scale: float | None = None) -> tuple[Tensor, Tensor]:
    """_scaled_dot_product_flash_attention_for_cpu(query, key, value, dropout_p=0.0, is_causal=False, *, attn_mask=None, scale=None) -> (Tensor, Tensor)

    Attention of (b, h, l, d) tensors by blocks, which never stores all scores, and the logarithms of
    the sums of their exponentials.
    """


@op("structured", function=False, returns=["grad_query", "grad_key", "grad_value"])
def _attention_backward(grad_output: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logsumexp: Tensor, is_causal: bool, attn_mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor, Tensor]:
    """_attention_backward(...) -> (Tensor, Tensor, Tensor)

    The gradients of attention by blocks.
    """


@op("composite", module="nn")
def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0, is_causal: bool = False, *, scale: float | None = None, enable_gqa: bool = False) -> Tensor:
    """scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None, enable_gqa=False) -> Tensor

    softmax(query @ key.T * scale + mask) @ value, over the last two dimensions.
    """
