"""The weights of convolutions in another memory format."""

from facula.nn.modules.conv import Conv2d

__all__ = ["convert_conv2d_weight_memory_format"]


def convert_conv2d_weight_memory_format(module, memory_format):
    """Lays out the weights of all two-dimensional convolutions in module; activations follow."""
    for part in module.modules():
        if isinstance(part, Conv2d):
            part.weight.data = part.weight.detach().clone(memory_format=memory_format)
    return module
