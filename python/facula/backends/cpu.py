"""The CPU back end."""


def get_cpu_capability():
    """The instruction set whose kernels run: "AVX512", "AVX2" or "DEFAULT"."""
    from .. import _C

    return {"v4": "AVX512", "v3": "AVX2"}.get(_C._cpu_isa(), "DEFAULT")
