"""The TypeError of a call that fits none of an op's signatures, in PyTorch's words.

Signatures arrive as the texts that the error shows, "(Tensor input, *, Tensor out = None)"; one
that starts with "hidden " (a deprecated form) takes part but is never shown. What fits such a form
is no error: it is called again as it should have been. PyTorch counts
arguments first: where one signature alone could hold as many, its own complaint is raised; else all
are listed, with what keeps out those that have as many arguments as were given. Its comparison is
of texts, commas and stars included, and so is this one.
"""

import warnings

from . import _C
from ._C import Generator, Tensor, device, dtype, layout, memory_format

# Functions that take a number where their signature says Tensor.
NUMBERS_AS_TENSORS = set(
    "add sub subtract mul multiply div divide true_divide floor_divide remainder fmod "
    "bitwise_and bitwise_or bitwise_xor eq ne lt le gt ge".split()
)


class Parameter:
    """One parameter of a signature's text."""

    def __init__(self, text, keyword):
        declared, has_default, default = text.partition(" = ")
        self.type, _, self.name = declared.rpartition(" ")
        self.optional = bool(has_default)
        self.none = default == "None"
        self.keyword = keyword


class Signature:
    def __init__(self, text):
        self.hidden = text.startswith("hidden ")
        self.text = text[7:] if self.hidden else text
        self.params, keyword = [], False
        self.pieces = self.text[1:-1].split(", ")  # of "()" one empty piece
        for piece in self.pieces:
            if piece == "*":
                keyword = True
            elif piece:
                self.params.append(Parameter(piece, keyword))
        self.positional = sum(not p.keyword for p in self.params)
        self.least = sum(not p.optional for p in self.params)


def fits(name, p, value):
    """Whether PyTorch takes value for a parameter of this type; the element that it stops at."""
    number = isinstance(value, (int, float, complex))
    if p.type == "Tensor":
        return isinstance(value, Tensor) or number and name.rstrip("_") in NUMBERS_AS_TENSORS, None
    if p.type in ("tuple of ints", "tuple of Tensors"):
        if not isinstance(value, (tuple, list)):
            single = isinstance(value, int) and not isinstance(value, bool)
            return p.type == "tuple of ints" and single and p.name != "size", None
        wanted = int if p.type == "tuple of ints" else Tensor
        for i, item in enumerate(value):
            if not isinstance(item, wanted) and not (wanted is int and hasattr(item, "__index__")):
                return False, i
        return True, None
    scalar = isinstance(value, Tensor) and value.dim() == 0
    if p.type == "Number":
        return number or scalar, None
    if p.type == "int":
        return hasattr(value, "__index__") and not isinstance(value, bool) or scalar, None
    if p.type == "float":
        return number and not isinstance(value, (bool, complex)) or scalar, None
    kinds = {
        "bool": bool,
        "str": str,
        "torch.dtype": dtype,
        "torch.layout": layout,
        "torch.device": (device, str, int),
        "torch.memory_format": memory_format,
        "torch.Generator": Generator,
    }
    return isinstance(value, kinds.get(p.type, object)), None


def complaint(name, s, args, kwargs):
    """What keeps these arguments out of signature s, or None."""
    varargs = s.positional == 1 and s.params[0].type == "tuple of ints"
    if varargs and len(args) > 1 and not isinstance(args[0], (tuple, list)):
        varargs = hasattr(args[0], "__index__") and not isinstance(args[0], bool)
    if len(args) > s.positional and not varargs:
        if s.least != s.positional:
            return (
                f"{name}() takes from {s.least} to {s.positional} positional arguments "
                f"but {len(args)} were given"
            )
        plural = "" if s.positional == 1 else "s"
        given = "was" if len(args) == 1 else "were"
        return (
            f"{name}() takes {s.positional} positional argument{plural} "
            f"but {len(args)} {given} given"
        )
    left = dict(kwargs)
    for i, p in enumerate(s.params):
        by_keyword = i >= len(args) or p.keyword
        if by_keyword and p.name not in left:
            if p.optional:
                continue
            missing = [q.name for q in s.params[i:] if not q.optional]
            plural = "s" if len(missing) == 1 else ""  # the wrong way round, as in PyTorch
            names = ", ".join(f'"{q}"' for q in missing)
            return f"{name}() missing {len(missing)} required positional argument{plural}: {names}"
        value = left.pop(p.name) if by_keyword else args[i]
        if value is None and p.none:
            continue
        good, element = fits(name, p, value)
        if not good:
            where = "" if by_keyword else f" (position {i + 1})"
            found = f"not {type_name(value)}"
            if element is not None:
                found = f"but found element of type {type_name(value[element])} at pos {element}"
            return f"{name}(): argument '{p.name}'{where} must be {p.type}, {found}"
        if varargs and i == 0 and not by_keyword and not isinstance(value, (tuple, list)):
            break
    for key in left:
        place = [i for i, p in enumerate(s.params) if p.name == key]
        if place and place[0] < len(args):
            return f"{name}() got multiple values for argument '{key}'"
        if not place:
            return f"{name}() got an unexpected keyword argument '{key}'"
    return None


# --- the list of signatures -----------------------------------------------------------------------


def type_name(value):
    """The type as C names it: with its module where the type is not a class of Python's."""
    return _C._type_name(value)


def described(value):
    if isinstance(value, (tuple, list)):
        inner = ", ".join(map(type_name, value))
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"{type_name(value)} of ({inner}{comma})"
    return type_name(value)


def plain(args, kwargs):
    text = "".join(type_name(a) + ", " for a in args)
    text += "".join(f"{key}={type_name(v)}, " for key, v in kwargs.items())
    return "(" + (text[:-2] if args else text) + ")"


def piece_name(piece):
    return piece.rpartition(" ")[2]


def marked(s, args, kwargs):
    """The arguments, between exclamation marks where the type is not the signature's."""
    out = []
    for i in range(len(args) + len(kwargs)):
        piece = s.pieces[i] if i < len(s.pieces) else ""
        name = piece_name(piece)
        value = args[i] if i < len(args) else kwargs.get(name)
        text = ("" if i < len(args) else f"{name}=") + described(value)
        wanted, got = piece.rpartition(" ")[0], type_name(value)
        good = got == wanted or wanted == "float" and got == "int"
        out.append(text if good else f"!{text}!")
    return "(" + ", ".join(out) + ")"


def unknown_keywords(s, kwargs):
    names = [piece_name(p) for p in s.pieces[max(0, len(s.pieces) - len(kwargs)) :]]
    return [key for key in kwargs if key not in names]


def invalid_combination(name, signatures, args, kwargs):
    head = f"{name}() received an invalid combination of arguments - got "
    kwargs = dict(reversed(list(kwargs.items())))  # the order of PyTorch's hash table
    if len(signatures) == 1:
        s = signatures[0]
        unknown = unknown_keywords(s, kwargs)
        if unknown:
            return f"{head}unrecognized keyword arguments: {', '.join(unknown)}"
        return f"{head}{marked(s, args, kwargs)}, but expected {s.text}"
    text = f"{head}{plain(args, kwargs)}, but expected one of:\n"
    for s in signatures:
        text += f" * {s.text}\n"
        if len(s.pieces) != len(args) + len(kwargs):
            continue
        unknown = unknown_keywords(s, kwargs)
        if unknown:
            why = f"some of the keywords were incorrect: {', '.join(unknown)}"
        else:
            why = f"some of the arguments have invalid types: {marked(s, args, kwargs)}"
        text += f"      didn't match because {why}\n"
    return text


def error(name, texts, args, kwargs):
    """The TypeError's text for a call name(*args, **kwargs) that fits none of texts, or None."""
    signatures = [Signature(text) for text in texts]
    given = len(args) + len(kwargs)
    plausible = [s for s in signatures if not s.hidden and s.least <= given <= len(s.params)]
    if len(signatures) == 1 or len(plausible) == 1:
        return complaint(name, (plausible or signatures)[0], args, kwargs)
    return invalid_combination(name, [s for s in signatures if not s.hidden], args, kwargs)


# --- deprecated forms -----------------------------------------------------------------------------

_said = False  # one of them, once a process


def warn_deprecated(name, form, signatures):
    global _said
    if _said and not _C._is_warn_always_enabled():
        return
    _said = True
    text = f"This overload of {name} is deprecated:\n\t{name}{form.text}\n"
    text += "Consider using one of the following signatures instead:"
    for s in signatures:
        if not s.hidden:
            text += f"\n\t{name}{s.text}"
    warnings.warn(text, stacklevel=3)


def deprecated(name, self, texts, args, kwargs):
    """The result of a call in a hidden form, addmm(beta, input, alpha, mat1, mat2); NotImplemented
    where it is none."""
    signatures = [Signature(text) for text in texts]
    for s in signatures:
        if not s.hidden or complaint(name, s, args, kwargs) is not None:
            continue
        warn_deprecated(name, s, signatures)
        named = dict(zip([p.name for p in s.params], args))
        function = getattr(_C if self is None else self, name)
        return function(**named, **kwargs)
    return NotImplemented
