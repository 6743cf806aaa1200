"""What programs ask of a compiler of graphs: facula has none, and runs everything as it is."""

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "reset",
]


def is_compiling():
    """False."""
    return False


def is_dynamo_compiling():
    """False."""
    return False


def is_exporting():
    """False."""
    return False


def disable(fn=None, recursive=True, *, reason=None):
    """fn itself, as a call or a decorator: it runs as it is anyway."""
    return (lambda fn: fn) if fn is None else fn


def allow_in_graph(fn):
    """fn itself."""
    return fn


def assume_constant_result(fn):
    """fn itself."""
    return fn


def reset():
    """Nothing to forget."""


def cudagraph_mark_step_begin():
    """Nothing to mark."""


def compile(*args, **kwargs):
    """torch.compile, which facula does not have."""
    from . import compile

    return compile(*args, **kwargs)
