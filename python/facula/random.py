"""The default generator's seed and state."""

import contextlib

from . import _C

__all__ = [
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

default_generator = _C.default_generator


def _generator_of(state):
    """What pickles of generators are made of."""
    return _C.Generator().set_state(state)


def _set_generator_state(self, state):
    """Gives a generator the state that a pickle of PyTorch's has: seed, offset, bytes."""
    self.set_state(state[2])


_C.Generator.__setstate__ = _set_generator_state


def manual_seed(seed):
    """Seeds the default generator and returns it."""
    return default_generator.manual_seed(int(seed))


def seed():
    """Seeds the default generator from the system and returns the seed."""
    return default_generator.seed()


def initial_seed():
    """What the default generator was seeded with."""
    return default_generator.initial_seed()


def get_rng_state():
    """The default generator's state, as a tensor of bytes."""
    return default_generator.get_state()


def set_rng_state(new_state):
    """Sets the default generator's state."""
    if not isinstance(new_state, _C.Tensor):
        raise TypeError(f"expected a torch.ByteTensor, but got {_C._type_name(new_state)}")
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type="cuda"
):
    """Inside, the default generator may be used and seeded; afterwards it goes on as before."""
    if not enabled:
        yield
        return
    if devices:
        raise AssertionError("Torch not compiled with CUDA enabled")
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
