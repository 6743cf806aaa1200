"""Tensors that a module takes for its own when they are assigned to it: parameters and buffers."""

from collections import OrderedDict

import facula as torch

_TensorMeta = type(torch.Tensor)


class _ParameterMeta(_TensorMeta):
    # A tensor of some other class counts as a parameter once Parameter() has marked it.
    def __instancecheck__(self, instance):
        if self is Parameter and isinstance(instance, torch.Tensor):
            if getattr(instance, "_is_param", False):
                return True
        return super().__instancecheck__(instance)


class Parameter(torch.Tensor, metaclass=_ParameterMeta):
    """A tensor that is a module parameter: assigned as an attribute, it joins `parameters()`."""

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = torch.empty(0)
        if type(data) is torch.Tensor or type(data) is Parameter:
            return torch.Tensor._make_subclass(cls, data, requires_grad)
        # A user's subclass keeps its class.
        param = data.detach().requires_grad_(requires_grad)
        if type(param) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires "
                "that detach() returns an instance of the same type, but return type "
                f"{type(param).__name__} was found instead. To use the type as a Parameter, please "
                "correct the detach() semantics defined by its __torch_dispatch__() implementation."
            )
        param._is_param = True
        return param

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        data = self.data.clone(memory_format=torch.preserve_format)
        result = type(self)(data, self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, proto):
        # Hooks are not kept, as with any tensor; other attributes are.
        from facula import _utils

        state = {k: v for k, v in self.__dict__.items() if k != "_is_param"}
        args = (self.data, self.requires_grad, OrderedDict())
        if not state:
            return _utils._rebuild_parameter, args
        return _utils._rebuild_parameter_with_state, (*args, state)

    __torch_function__ = torch._C._disabled_torch_function_impl


torch._C._register_parameter_type(Parameter)


class _BufferMeta(_TensorMeta):
    def __instancecheck__(self, instance):
        if self is Buffer and isinstance(instance, torch.Tensor):
            if getattr(instance, "_is_buffer", False):
                return True
        return super().__instancecheck__(instance)


class Buffer(torch.Tensor, metaclass=_BufferMeta):
    """A tensor that is a module buffer: assigned as an attribute, it joins `buffers()`."""

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = torch.empty(0)
        buffer = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent
        buffer._is_buffer = True
        return buffer

    __torch_function__ = torch._C._disabled_torch_function_impl
