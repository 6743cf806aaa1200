"""Modules as functions of their parameters."""

import copy

import facula as torch


def functional_call(
    module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False
):
    """Calls module with these parameters and buffers in place of its own."""
    from facula.nn.utils.stateless import _functional_call

    return _functional_call(
        module, parameter_and_buffer_dicts, args, kwargs, tie_weights=tie_weights, strict=strict
    )


def _stacked(tensors):
    first = tensors[0]
    with torch.no_grad():
        out = torch.stack([t.detach() for t in tensors])
    return out.requires_grad_(first.requires_grad)


def stack_module_state(models):
    """The parameters and buffers of models of one kind, stacked by name: (params, buffers)."""
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or all(not m.training for m in models)):
        raise RuntimeError(
            "stack_module_state: Expected all models to have the same training/eval mode."
        )
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return (
        {k: _stacked([p[k] for p in params]) for k in params[0]},
        {k: _stacked([b[k] for b in buffers]) for k in buffers[0]},
    )


def replace_all_batch_norm_modules_(root):
    """root, its batch norms made not to track running statistics, in place."""
    from facula.nn.modules.batchnorm import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def _copies(models):
    return [copy.copy(m) for m in models]
