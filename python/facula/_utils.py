"""What pickles of parameters name, and exceptions that cross processes."""


def _named(name, args):
    """What pickles of dtypes, devices, sizes and the Tensor class are made of."""
    import facula

    value = getattr(facula, name)
    return value if args is None else value(*args)


def _rebuild_parameter(data, requires_grad, backward_hooks):
    from facula.nn.parameter import Parameter

    param = Parameter(data, requires_grad)
    param._backward_hooks = backward_hooks
    return param


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    param = _rebuild_parameter(data, requires_grad, backward_hooks)
    if isinstance(state, tuple):  # an object's state: its dictionary and its slots
        state, slots = state
        for name, value in (slots or {}).items():
            setattr(param, name, value)
    for name, value in (state or {}).items():
        setattr(param, name, value)
    return param


class KeyErrorMessage(str):
    """A text whose repr is itself: KeyError prints the repr of its argument."""

    def __repr__(self):
        return self


class ExceptionWrapper:
    """An exception on its way to another thread or process, with its traceback as text."""

    def __init__(self, exc_info=None, where="in background"):
        import sys
        import traceback

        kind, value, trace = exc_info or sys.exc_info()
        self.exc_type = kind
        self.exc_msg = "".join(traceback.format_exception(kind, value, trace))
        self.where = where

    def __getstate__(self):
        import pickle

        state = self.__dict__.copy()
        try:
            pickle.dumps(self.exc_type)
        except Exception:
            state["exc_type"] = RuntimeError  # a class that the other side could not find
            state["name"] = self.exc_type.__name__
        return state

    def reraise(self):
        """Raise the exception again, its text with the traceback from where it came."""
        name = self.__dict__.get("name", self.exc_type.__name__)
        text = f"Caught {name} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            text = KeyErrorMessage(text)
        elif getattr(self.exc_type, "message", None):
            raise self.exc_type(message=text)
        try:
            exception = self.exc_type(text)
        except Exception:
            raise RuntimeError(text) from None  # its constructor takes something else
        raise exception
