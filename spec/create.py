"""Making tensors: by size, by value, by copy."""


@op("custom", creation=True, out=True, varargs="size")
def empty(size: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """empty(*size, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    A tensor of shape `size` with whatever its memory held.
    """


@op("custom", creation=True, method=False)
def empty_strided(size: Ints, stride: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False) -> Tensor

    An uninitialised tensor with the given strides, in elements.
    """


@op("custom", creation=True, out=True, varargs="size")
def zeros(size: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """zeros(*size, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    A tensor of shape `size` filled with 0.
    """


@op("custom", creation=True, out=True, varargs="size")
def ones(size: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """ones(*size, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    A tensor of shape `size` filled with 1.
    """


@op("custom", creation=True, out=True)
def full(size: Ints, fill_value: Scalar, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """full(size, fill_value, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    A tensor of shape `size` filled with fill_value; its dtype is the number's by default.
    """


@op("custom", creation=True)
def empty_like(input: Tensor, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """empty_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    An uninitialised tensor of input's shape, dtype and device.
    """


@op("custom", creation=True)
def zeros_like(input: Tensor, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """zeros_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    Zeros of input's shape, dtype and device.
    """


@op("custom", creation=True)
def ones_like(input: Tensor, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """ones_like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    Ones of input's shape, dtype and device.
    """


@op("custom", creation=True)
def full_like(input: Tensor, fill_value: Scalar, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    fill_value in input's shape, dtype and device.
    """


@op("custom", creation=True, out=True, python="arange", signature=[
    "(Number end, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    "(Number start, Number end, *, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    "(Number start, Number end, Number step = 1, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
])
def arange_end(end: Scalar, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """arange(start=0, end, step=1, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    0, 1, 2 ... below end; of shape (ceil(end),).
    """


@op("custom", python="range", creation=True, out=True)
def range_closed(start: Scalar, end: Scalar, step: Scalar = 1, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """range(start, end, step=1, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Deprecated: numbers from start to end, both included where the step meets them. See arange().
    """


@op("custom", creation=True, out=True)
def arange(start: Scalar, end: Scalar, step: Scalar = 1, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """arange(start=0, end, step=1, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    start, start + step ... before end. int64 when all three are integers, the default float
    dtype otherwise.
    """


@op("custom", creation=True, out=True,
    signature=[
        "(Tensor start, Tensor end, int steps, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Number start, Tensor end, int steps, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor start, Number end, int steps, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Number start, Number end, int steps, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def linspace(start: Scalar, end: Scalar, steps: int, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """linspace(start, end, steps, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    `steps` values from start to end, both included, at equal distances.
    """


@op("composite", creation=True, out=True, python="linspace", overload="Tensor_Tensor")
def linspace_tensors(start: Value, end: Value, steps: int, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """linspace(start, end, steps, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    linspace() between 0-dimensional tensors.
    """


@op("composite", creation=True, out=True,
    signature=[
        "(Tensor start, Tensor end, int steps, float base = 10.0, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Number start, Tensor end, int steps, float base = 10.0, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor start, Number end, int steps, float base = 10.0, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Number start, Number end, int steps, float base = 10.0, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def logspace(start: Scalar, end: Scalar, steps: int, base: float = 10.0, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """logspace(start, end, steps, base=10.0, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    base to the powers of linspace(start, end, steps).
    """


@op("composite", creation=True, out=True,
    signature=[
        "(int n, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(int n, int m, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def eye(n: int, m: int | None = None, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """eye(n, m=n, *, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Ones on the diagonal, zeros elsewhere; of shape (n, m).
    """


@op("composite", creation=True)
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """tril_indices(row, col, offset=0, *, dtype=torch.long, layout=torch.strided, device=None) -> Tensor

    Rows and columns of a matrix's lower triangle, of shape (2, n), row by row.
    """


@op("composite", creation=True)
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """triu_indices(row, col, offset=0, *, dtype=torch.long, layout=torch.strided, device=None) -> Tensor

    Rows and columns of a matrix's upper triangle, of shape (2, n), row by row.
    """


@op("composite", creation=True, method=True, function=False, varargs="size")
def new_empty(input: Tensor, size: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """new_empty(size, *, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Memory as it is, of this tensor's dtype and device by default.
    """


@op("composite", creation=True, method=True, function=False)
def new_empty_strided(input: Tensor, size: Ints, stride: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """new_empty_strided(size, stride, *, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Memory as it is with these strides, of this tensor's dtype and device by default.
    """


@op("composite", creation=True, method=True, function=False, varargs="size")
def new_zeros(input: Tensor, size: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """new_zeros(size, *, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Zeros, of this tensor's dtype and device by default.
    """


@op("composite", creation=True, method=True, function=False, varargs="size")
def new_ones(input: Tensor, size: Ints, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """new_ones(size, *, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Ones, of this tensor's dtype and device by default.
    """


@op("composite", creation=True, method=True, function=False)
def new_full(input: Tensor, size: Ints, fill_value: Scalar, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """new_full(size, fill_value, *, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    fill_value everywhere, of this tensor's dtype and device by default.
    """


@op("structured", method=True, out=False, python="clone", node="CloneBackward0", reads_conj=True, grads={"input": []})
def clone(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """clone(input, *, memory_format=torch.preserve_format) -> Tensor

    A copy with memory of its own; gradients pass through it.
    """


@op("structured", function=True, method=False, reads_conj=True, moves=True, node="ToCopyBackward0", python="_to_copy",
    grads={"input": ["input.shape"]})
def _to_copy(input: Tensor, *, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, pin_memory: bool | None = None, non_blocking: bool = False, memory_format: memory_format | None = None) -> Tensor:
    """_to_copy(input, *, dtype=None, layout=None, device=None, pin_memory=None, non_blocking=False, memory_format=None) -> Tensor

    A copy in another dtype, device or memory format.
    """


@op("composite", method=True, function=False, overload="device")
def to(input: Tensor, device: device | None = None, dtype: dtype | None = None, non_blocking: bool = False, copy: bool = False, *, memory_format: memory_format | None = None) -> Tensor:
    """to(device=None, dtype=None, non_blocking=False, copy=False, *, memory_format=torch.preserve_format) -> Tensor

    This tensor on another device, in another dtype or memory format: itself where nothing changes,
    unless copy is True.
    """


@op("composite", method=True, function=False, python="to", overload="dtype")
def to_dtype(input: Tensor, dtype: dtype, non_blocking: bool = False, copy: bool = False, *, memory_format: memory_format | None = None) -> Tensor:
    """to(dtype, non_blocking=False, copy=False, *, memory_format=torch.preserve_format) -> Tensor

    This tensor in another dtype.
    """


@op("composite", method=True, function=False, python="to", overload="other")
def to_other(input: Tensor, tensor: Tensor, non_blocking: bool = False, copy: bool = False, *, memory_format: memory_format | None = None) -> Tensor:
    """to(other, non_blocking=False, copy=False, *, memory_format=torch.preserve_format) -> Tensor

    This tensor in the dtype and on the device of another.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, reads_conj=True, moves=True, python="copy", node="CopyBackwards",
    grads={"input": ["input.shape"], "other": ["other.shape"]},
    method_signature=[
        "(Tensor other, bool non_blocking = False)",
        "hidden (Number other, bool non_blocking = False)",
    ],
)
def copy(input: Tensor, other: Tensor, non_blocking: bool = False) -> Tensor:
    """copy_(src, non_blocking=False) -> Tensor

    Writes src's elements, broadcast and converted, into self.
    """


@op("composite", function=False, inplace="method", python="copy", overload="Scalar")
def copy_scalar(input: Tensor, other: Scalar, non_blocking: bool = False) -> Tensor:
    """copy_(src, non_blocking=False) -> Tensor

    Writes one number, converted, everywhere.
    """


@op("structured", rule="overwrite", function=True, inplace=True, mutates=True, reads_conj=True, python="fill", node="FillBackward0", node_tensors="FillBackward1", node_inplace="FillBackward2",
    grads={"input": ["input.shape"], "value": ["value.shape"]},
    method_signature=["(Tensor value)", "(Number value)"],
    signature=[
        "(Tensor input, Tensor value)",
        "(Tensor input, Number value)",
    ],
)
def fill(input: Tensor, value: Value) -> Tensor:
    """fill_(value) -> Tensor

    Writes one number, or the element of a zero-dim tensor, everywhere.
    """


@op("structured", rule="overwrite", function=False, inplace=True, mutates=True, reads_conj=True, python="zero", node="ZeroBackward0",
    grads={"input": ["input.shape"]})
def zero(input: Tensor) -> Tensor:
    """zero_() -> Tensor

    Fills self with zeros.
    """
