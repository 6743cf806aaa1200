"""What is saved and loaded by the tests of serialization, built with the module given: facula or
PyTorch. `describe` says what an object is, alike for both."""

import collections
import math


def objects(T):
    x = T.arange(6.0)
    param = T.nn.Parameter(T.arange(4.0).view(2, 2))
    marked = T.nn.Parameter(T.ones(2), requires_grad=False)
    marked.note = "kept"
    tagged = T.zeros(2)
    tagged.tag = [1, "a"]
    torch_types = {
        "dtype": T.float32,
        "device": T.device("cpu"),
        "size": T.Size([2, 3]),
        "layout": T.strided,
        "dtypes": [T.bfloat16, T.uint16, T.complex64, T.bool],
    }
    plain = [
        1, -5, 300, 70000, 10**30, -(2**31), 2.5, math.inf, None, True, False, "x", "\u00e9\U0001f600",
        (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}, {1: {"a": [2]}}, b"bytes\xff", 3 + 4j,
        {1, 2}, bytearray(b"ab"),
        collections.OrderedDict([("b", 1), ("a", 2)]), collections.Counter("aab"),
    ]  # fmt: skip
    dtypes = """
        bool uint8 int8 int16 int32 int64 uint16 uint32 uint64 float16 bfloat16 float32 float64
        complex64 complex128
    """
    return {
        "tensor": x,
        "shared": [x, x[2:], x.view(2, 3).t(), x],
        "dtypes": {name: T.tensor([0, 1, 1]).to(getattr(T, name)) for name in dtypes.split()},
        "shapes": [T.tensor(3.0), T.zeros(0), T.zeros(2, 0, 3), T.ones(1).expand(2, 3)],
        "grad": [T.ones(2, requires_grad=True), param, marked],
        "tagged": tagged,
        "conj": [T.tensor([1 + 2j]).conj(), T.tensor([1 + 2j, 3 - 1j]).conj().imag],
        "sparse": T.tensor([[0.0, 2.0], [0.0, 3.0]]).to_sparse(),
        "meta": T.zeros(2, 3, device="meta"),
        "types": torch_types,
        "plain": plain,
        "storage": T.arange(3).untyped_storage(),
        "state": T.nn.Sequential(
            collections.OrderedDict(
                [("a", T.nn.Embedding(2, 3)), ("n", T.nn.BatchNorm1d(3))]
            )
        ).state_dict(),
    }  # fmt: skip


def describe(obj, T):
    """A value made of plain Python that says all that must survive."""
    kind = type(obj).__name__
    if isinstance(obj, T.Tensor):
        notes = sorted((k, describe(v, T)) for k, v in vars(obj).items()) if vars(obj) else []
        said = [kind, str(obj.dtype), list(obj.shape), obj.requires_grad, str(obj.layout), notes]
        if obj.device.type == "meta":
            return [*said, "meta", list(obj.stride())]
        if obj.is_sparse:
            return [*said, obj.is_coalesced(), obj._indices().tolist(), obj._values().tolist()]
        values = obj.detach().resolve_conj().resolve_neg()
        values = values.float() if obj.dtype is T.bfloat16 else values
        bits = [obj.is_conj(), obj.is_neg()]
        return [*said, list(obj.stride()), obj.storage_offset(), bits, str(values.tolist())]
    if isinstance(obj, (list, tuple)):
        return [kind, *(describe(v, T) for v in obj)]
    if isinstance(obj, dict):
        return [kind, *([describe(k, T), describe(v, T)] for k, v in obj.items())]
    if kind in ("UntypedStorage", "TypedStorage"):
        return [kind, obj.tolist()]
    return [kind, repr(obj)]
