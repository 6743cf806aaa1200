"""Intel's MKL: facula does not use it."""


def is_available():
    """False."""
    return False
