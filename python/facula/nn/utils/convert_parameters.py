"""All parameters as one vector, and back."""

import facula as torch


def _check_device(param, device):
    here = param.device
    if device is not None and device != here:
        raise TypeError(
            "Found two parameters on different devices, this is currently not supported."
        )
    return here


def parameters_to_vector(parameters):
    """The parameters flattened, one after the other."""
    device = None
    flat = []
    for param in parameters:
        device = _check_device(param, device)
        flat.append(param.view(-1))
    return torch.cat(flat)


def vector_to_parameters(vec, parameters):
    """Make slices of a vector the data of the parameters."""
    if not isinstance(vec, torch.Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {torch.typename(vec)}")
    device = None
    start = 0
    for param in parameters:
        device = _check_device(param, device)
        count = param.numel()
        param.data = vec[start : start + count].view_as(param).data
        start += count
