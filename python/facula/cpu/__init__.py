"""The CPU, asked as an accelerator would be: one device, whose work is done when a call returns."""

from contextlib import AbstractContextManager

from . import amp

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "current_device",
    "current_stream",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]


def is_available():
    """True."""
    return True


def is_initialized():
    """True."""
    return True


def device_count():
    """1."""
    return 1


def current_device():
    """'cpu'."""
    return "cpu"


def set_device(device):
    """Nothing to choose."""


def synchronize(device=None):
    """Nothing to wait for."""


class Stream:
    """The order of calls."""

    def __init__(self, priority=-1):
        pass

    def wait_stream(self, stream):
        """Nothing to wait for."""

    def record_event(self):
        """Nothing to record."""

    def wait_event(self, event):
        """Nothing to wait for."""


class Event:
    """A point between two calls: always over."""

    def query(self):
        """True."""
        return True

    def record(self, stream=None):
        """Nothing to record."""

    def synchronize(self):
        """Nothing to wait for."""

    def wait(self, stream=None):
        """Nothing to wait for."""


_default = _current = Stream()


def current_stream(device=None):
    """The stream of this block."""
    return _current


class StreamContext(AbstractContextManager):
    """A block in a stream."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        global _current
        if self.stream is not None:
            self._outer, _current = _current, self.stream

    def __exit__(self, *exc):
        global _current
        if self.stream is not None:
            _current = self._outer


def stream(stream):
    """A block in a stream; without one, a block as any."""
    return StreamContext(stream)
