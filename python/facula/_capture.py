"""capture: a step recorded once and replayed on new data, without Python in between."""

import functools

from . import _C
from .autograd.grad_mode import no_grad
from .utils._pytree import tree_flatten, tree_map, tree_unflatten


class Program:
    """What `capture` recorded; calling it copies new data in and runs the primitives again.

    `inputs` and `outputs` are its own memory: each call overwrites them, as it overwrites whatever
    the step wrote (parameters, their .grad, an optimizer's state).
    """

    def __init__(self, func, args):
        functools.update_wrapper(self, func, updated=())
        flat, self._spec = tree_flatten(args)
        self._static = [self._own(x) for x in flat]
        self.inputs = tree_unflatten(self._static, self._spec)
        self._program = _C._capture_begin()
        try:
            result = func(*self.inputs)
        finally:
            self.ops = _C._capture_end(self._program)
        self.outputs = tree_map(lambda x: x.detach() if isinstance(x, _C.Tensor) else x, result)

    @staticmethod
    def _own(x):
        if not isinstance(x, _C.Tensor):
            return x
        return x.detach().clone().requires_grad_(x.requires_grad)

    def __call__(self, *args):
        flat, spec = tree_flatten(args)
        if spec != self._spec:
            raise RuntimeError(f"replay: inputs have structure {spec}, recorded was {self._spec}")
        for i, (old, new) in enumerate(zip(self._static, flat)):
            if not isinstance(old, _C.Tensor):
                if old is not new and old != new:
                    raise RuntimeError(f"replay: input {i} is {new!r}, recorded was {old!r}")
            elif not isinstance(new, _C.Tensor) or (new.shape, new.dtype, new.device) != (
                old.shape,
                old.dtype,
                old.device,
            ):
                raise RuntimeError(
                    f"replay: input {i} must be a tensor of shape {tuple(old.shape)}, {old.dtype} "
                    f"on {old.device}, as recorded"
                )
        with no_grad():
            for old, new in zip(self._static, flat):
                if isinstance(old, _C.Tensor) and old is not new:
                    old.copy_(new)
        _C._replay(self._program)
        return self.outputs

    def __len__(self):
        return len(self.ops)

    def __repr__(self):
        return f"<facula.capture of {self.__name__}: {len(self)} primitives>"


def capture(func, *args):
    """Runs func(*args) once and records its primitives: a Program, to be called with new data.

    The first call has happened when this returns: its results are the program's `outputs`. Numbers
    are part of the recording; reading a tensor's value within func raises.
    """
    return Program(func, args)
