"""Errors that only back ends with devices raise."""


class AcceleratorError(RuntimeError):
    """An accelerator's own error."""


class OutOfMemoryError(RuntimeError):
    """A device has too little memory."""


for _kind in (AcceleratorError, OutOfMemoryError):
    _kind.__module__ = "torch"
