"""autocast and GradScaler as they were called when each device had its own."""

import warnings

from .autocast_mode import autocast as _autocast
from .grad_scaler import GradScaler as _GradScaler


def warn_older(device, name):
    """Says what to write instead of torch.DEVICE.amp.NAME."""
    warnings.warn(
        f"`torch.{device}.amp.{name}(args...)` is deprecated. "
        f"Please use `torch.amp.{name}('{device}', args...)` instead.",
        FutureWarning,
        stacklevel=3,
    )


def older_names(device, default_dtype):
    """The classes autocast and GradScaler of torch.DEVICE.amp."""

    class autocast(_autocast):
        def __init__(self, enabled=True, dtype=default_dtype, cache_enabled=True):
            warn_older(device, "autocast")
            super().__init__(device, enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)

    class GradScaler(_GradScaler):
        def __init__(
            self,
            init_scale=2.0**16,
            growth_factor=2.0,
            backoff_factor=0.5,
            growth_interval=2000,
            enabled=True,
        ):
            warn_older(device, "GradScaler")
            super().__init__(
                device, init_scale, growth_factor, backoff_factor, growth_interval, enabled
            )

    for cls in (autocast, GradScaler):
        cls.__module__ = f"facula.{device}.amp"
        cls.__qualname__ = cls.__name__  # pickles find it there
        cls.__doc__ = f'torch.amp.{cls.__name__}("{device}", ...).'
    return autocast, GradScaler
