"""What checkpoint's debug=True tells: the operations of both runs, and where they were called."""

import traceback

from ._python_dispatch import TorchDispatchMode
from ._pytree import tree_flatten, tree_map

_SHORT = {"float64": "f64", "float32": "f32", "float16": "f16", "bfloat16": "bf16",
          "complex64": "c64", "complex128": "c128", "int64": "i64", "int32": "i32",
          "int16": "i16", "int8": "i8", "uint8": "u8", "bool": "b8"}  # fmt: skip


class _Logging(TorchDispatchMode):
    """Writes down each operation as `$2: f32[3] = aten.mul.Tensor($0, $1)`, and its callers."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.lines, self.stacks, self.names, self.alive = [], [], {}, []

    def __enter__(self):
        self.clear()
        return super().__enter__()

    def name(self, x):
        from facula import Tensor

        if not isinstance(x, Tensor):
            return repr(x)
        if id(x) not in self.names:
            self.alive.append(x)  # an id is a name as long as its object lives
            self.names[id(x)] = f"${len(self.names)}"
        return self.names[id(x)]

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        from facula import Tensor

        kwargs = kwargs or {}
        result = func(*args, **kwargs)

        def text(x):
            return str(tree_map(lambda y: _Name(self.name(y)), x))

        given = [text(a) for a in args] + [f"{k}={text(v)}" for k, v in kwargs.items()]
        made = []
        for x in tree_flatten(result)[0]:
            if isinstance(x, Tensor):
                kind = str(x.dtype).rpartition(".")[2]
                made.append(f"{self.name(x)}: {_SHORT.get(kind, kind)}{list(x.shape)}")
        self.lines.append(f"{', '.join(made)} = {func}({', '.join(given)})")
        self.stacks.append("".join(traceback.format_stack()[:-1]))
        return result


class _Name(str):
    __repr__ = str.__str__


class Log:
    """The operations of the forward and of computing it again."""

    def __init__(self):
        self.forward, self.again = _Logging(), _Logging()

    def contexts(self):
        return self.forward, self.again

    def explained(self, unpack, error):
        """unpack, its errors with the log."""

        def unpack_or_tell(token):
            try:
                return unpack(token)
            except error as err:
                raise error(self.text(err)) from err

        return unpack_or_tell

    def text(self, err):
        parts = [" An error happened while unpacking tensors; dumping logs of latest computation\n"]
        runs = (("original forward", self.forward), ("recomputation", self.again))
        for title, log in runs:
            parts.append(f"\nStack traces of the operators of the {title}:\n")
            for k, (line, stack) in enumerate(zip(log.lines, log.stacks)):
                parts.append(f"\n{line}   ({k + 1} of {len(log.lines)} in {title})\n\n{stack}")
        for title, log in runs:
            parts.append(f"\nOperations executed during the {title}:\n\n")
            parts.extend(f"{line}\n" for line in log.lines)
        parts.append(f"\n{err}")
        return "".join(parts)
