"""Variable: what tensors in a graph were called once. To call it makes a leaf."""

from .._C import Tensor

__all__ = ["Variable"]


class VariableMeta(type):
    """Every tensor is a Variable."""

    def __instancecheck__(cls, other):
        return isinstance(other, Tensor)


class Variable(metaclass=VariableMeta):
    """Variable(data, requires_grad=False): data's memory as a leaf."""

    def __new__(cls, data=None, requires_grad=False, volatile=None, **keywords):
        for name in keywords:
            raise TypeError(f"'{name}' is an invalid keyword argument for this function")
        if volatile is not None:
            import warnings

            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                stacklevel=2,
            )
        if data is None:
            return Tensor()
        if not isinstance(data, Tensor):
            kind = type(data).__name__
            raise TypeError(f"Variable data has to be a tensor, but got {kind}")
        return data.detach().requires_grad_(requires_grad)
