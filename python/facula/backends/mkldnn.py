"""oneDNN: facula does not use it."""

enabled = False
deterministic = True
allow_tf32 = False


def is_available():
    """False."""
    return False
