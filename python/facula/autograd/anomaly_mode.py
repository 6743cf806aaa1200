"""Anomaly mode: which forward call made the node whose gradient failed or is nan."""

from .. import _C


class detect_anomaly:
    """Within, backward tells the forward call behind a failing gradient, and refuses nan."""

    def __init__(self, check_nan=True):
        import warnings

        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self):
        self.old = _C._set_anomaly(True, self.check_nan)

    def __exit__(self, *args):
        _C._set_anomaly(*self.old)


class set_detect_anomaly:
    """Turns anomaly mode on or off, for good or as a context manager."""

    def __init__(self, mode, check_nan=True):
        self.old = _C._set_anomaly(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *args):
        _C._set_anomaly(*self.old)
