"""The types of named results: torch.return_types.max and its kin."""

from . import _C

all_return_types = _C._return_types()
globals().update((kind.__name__, kind) for kind in all_return_types)
__all__ = ["all_return_types", *(kind.__name__ for kind in all_return_types)]
