"""Padding, windows as columns, and channels to pixels and back."""

import facula as torch
from facula import _C
from facula.nn._overridable import overridable

_MODES = ("reflect", "replicate", "circular")


def _constant(input, pad, value):
    ndim = input.dim()
    if len(pad) > 2 * ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {ndim}"
        )
    shape = list(input.shape)
    source = input
    inner = []  # where the input lies in the output, per padded dimension
    for i in range(len(pad) // 2):
        before, after = pad[2 * i], pad[2 * i + 1]
        dim = ndim - 1 - i
        size = shape[dim]
        if size + before + after < 0 or size + min(before, 0) < 0:
            raise RuntimeError("narrow(): length must be non-negative.")
        shape[dim] = size + before + after
        if before < 0 or after < 0:
            start = max(-before, 0)
            source = source.narrow(dim, start, size - start - max(-after, 0))
        inner.append((dim, max(before, 0), source.size(dim)))
    out = input.new_full(shape, value)
    target = out
    for dim, start, size in inner:
        target = target.narrow(dim, start, size)
    target.copy_(source)
    return out


def _positions(mode, size, before, after, pad, dim, shape):
    """Which position of the input each position of the padded dimension shows."""
    if mode != "circular" and size + before + after < 1:
        axis = "WHD"[len(shape) - 1 - dim]
        raise RuntimeError(
            f"input ({axis}: {size}) is too small. Calculated output {axis}: "
            f"{size + before + after}"
        )
    if mode == "circular":
        if before > size or after > size:
            raise RuntimeError("Padding value causes wrapping around more than once.")
        if size + before + after < 0 or -before > size or -after > size:
            raise RuntimeError("Negative padding value is resulting in an empty dimension")
        # Negative padding crops; what remains is repeated.
        first = max(-before, 0)
        kept = size - first - max(-after, 0)
        left, right = max(before, 0), max(after, 0)
        return [first + i % kept for i in range(-left, kept + right)]
    if mode == "reflect":
        if before >= size or after >= size:
            number = 4 + 2 * (len(shape) - 1 - dim)
            raise RuntimeError(
                f"Argument #{number}: Padding size should be less than the corresponding input "
                f"dimension, but got: padding ({before}, {after}) at dimension {dim} of input "
                f"{list(shape)}"
            )
        last = size - 1
        return [last - abs(last - abs(i)) for i in range(-before, size + after)]
    return [min(max(i, 0), size - 1) for i in range(-before, size + after)]


@overridable
def pad(input, pad, mode="constant", value=None):
    """Pad the last dimensions: `pad` is (before, after) of the last one, then of the one before.

    Modes: constant (with `value`), reflect, replicate, circular.
    """
    pad = list(pad)
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2")
    if mode == "constant":
        return _constant(input, pad, 0 if value is None else value)
    if mode not in _MODES:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    ndim = input.dim()
    if (len(pad), ndim) not in ((2, 2), (2, 3), (4, 3), (4, 4), (6, 4), (6, 5)):
        raise NotImplementedError(
            f"Padding size {len(pad)} is not supported for {ndim}D input tensor.\n"
            "Supported combinations for non-constant padding:\n"
            "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
            "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
            "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
        )
    out = input
    for i in range(len(pad) // 2):
        dim = ndim - 1 - i
        positions = _positions(
            mode, input.size(dim), pad[2 * i], pad[2 * i + 1], pad, dim, input.shape
        )
        out = out.index_select(dim, torch.tensor(positions, dtype=torch.int64))
    return out


@overridable
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """The windows of (N, C, H, W) as columns (N, C * kh * kw, L)."""
    pairs = [(n, n) if isinstance(n, int) else n for n in (kernel_size, dilation, padding, stride)]
    if len(pairs[0]) != 2:
        raise RuntimeError(f"It is expected kernel_size equals to 2, but got size {len(pairs[0])}")
    return _C.im2col(input, *pairs)


@overridable
def fold(input, output_size, kernel_size, dilation=1, padding=0, stride=1):
    """Columns (N, C * kh * kw, L) added up where their windows stand: (N, C, H, W)."""
    sizes = (output_size, kernel_size, dilation, padding, stride)
    pairs = [(n, n) if isinstance(n, int) else n for n in sizes]
    return _C.col2im(input, *pairs)


def _check_pixel(name, input):
    if input.dim() < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.dim()} "
            "dimension(s)"
        )


def pixel_shuffle(input, upscale_factor):
    """(*, C * r * r, H, W) as (*, C, H * r, W * r)."""
    _check_pixel("pixel_shuffle", input)
    r = upscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *batch, c, h, w = input.shape
    if c % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square "
            f"of upscale_factor, but input.size(-3)={c} is not divisible by {r * r}"
        )
    n = len(batch)
    x = input.reshape(*batch, c // (r * r), r, r, h, w)
    order = [*range(n), n, n + 3, n + 1, n + 4, n + 2]
    return x.permute(order).reshape(*batch, c // (r * r), h * r, w * r)


def pixel_unshuffle(input, downscale_factor):
    """(*, C, H * r, W * r) as (*, C * r * r, H, W)."""
    _check_pixel("pixel_unshuffle", input)
    r = downscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *batch, c, h, w = input.shape
    for what, size, dim in (("height", h, -2), ("width", w, -1)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {what} to be divisible by downscale_factor, but "
                f"input.size({dim})={size} is not divisible by {r}"
            )
    n = len(batch)
    x = input.reshape(*batch, c, h // r, r, w // r, r)
    order = [*range(n), n, n + 2, n + 4, n + 1, n + 3]
    return x.permute(order).reshape(*batch, c * r * r, h // r, w // r)


def channel_shuffle(input, groups):
    """The channels of (N, C, ...) dealt out over `groups` in turn."""
    if input.dim() <= 2:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(input.shape)}"
        )
    n, c, *rest = input.shape
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    if c % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups."
        )
    return input.reshape(n, groups, c // groups, *rest).transpose(1, 2).reshape(input.shape)
