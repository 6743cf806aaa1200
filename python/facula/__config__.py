"""How facula was built and runs, as text."""

__all__ = ["parallel_info", "show"]


def show():
    """What facula is built with and which of its kernels run."""
    from . import __version__
    from .backends.cpu import get_cpu_capability

    return (
        f"facula {__version__} built with:\n"
        "  - C17\n"
        f"  - CPU capability usage: {get_cpu_capability()}\n"
    )


def parallel_info():
    """The threads that work runs on."""
    import os

    from . import get_num_threads

    return (
        "facula's own thread pool:\n"
        f"\ttorch.get_num_threads() : {get_num_threads()}\n"
        f"\tprocessors : {os.cpu_count()}\n"
    )
