"""Functions that a tensor subclass or a TorchFunctionMode may take over.

An op of the extension asks its arguments for `__torch_function__` by itself. A function written in
Python asks here, so that the override sees the function by its own name before it sees the ops.
"""

from facula import _C


def has_override(args, kwargs):
    if kwargs:
        return _C._has_torch_function_variadic(*args, *kwargs.values())
    return _C._has_torch_function_variadic(*args)


def call_override(function, args, kwargs):
    from facula.overrides import handle_torch_function

    return handle_torch_function(function, (*args, *kwargs.values()), *args, **kwargs)


overridable = _C._overridable  # lets the arguments' `__torch_function__` have the call first
