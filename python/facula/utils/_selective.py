"""Selective checkpoints: a policy says, op by op, what is kept and what is computed again.

The two contexts are dispatch modes, one for the forward, which keeps results, and one for computing
again, which hands them out: the k-th call of an op gets what its k-th call gave before.
"""

import enum
import weakref

from ._python_dispatch import TorchDispatchMode
from ._pytree import tree_map


class CheckpointPolicy(enum.Enum):
    """What becomes of an op's result."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_SAVES = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE, True)
_OFFLOADS = (CheckpointPolicy.MUST_CPU_OFFLOAD, CheckpointPolicy.PREFER_CPU_OFFLOAD)


class SelectiveCheckpointContext:
    """What a policy is told first."""

    def __init__(self, *, is_recompute, op_output=None):
        self.is_recompute = is_recompute
        self.op_output = op_output


class _Kept:
    """A tensor as it was. What it became is known as long as that lives."""

    def __init__(self, t):
        self.tensor, self.version, self.original = t.detach(), t._version, weakref.ref(t)

    def get(self, mutation_ok):
        original = self.original()
        changed = original is not None and original._version != self.version
        if changed and not mutation_ok:
            raise RuntimeError(
                "Tensor cached during selective activation checkpoint has been mutated"
            )
        return self.tensor.detach()


class _CachingTorchDispatchMode(TorchDispatchMode):
    def __init__(self, policy, storage):
        self.policy, self.storage = policy, storage

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        from facula import Tensor

        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        policy = self.policy(
            SelectiveCheckpointContext(is_recompute=False, op_output=result), func, *args, **kwargs
        )
        if policy in _OFFLOADS:
            raise NotImplementedError(f"facula cannot offload activations ({policy})")
        kept = None
        if policy in _SAVES:
            kept = (tree_map(lambda x: _Kept(x) if isinstance(x, Tensor) else x, result),)
        self.storage.setdefault(func, []).append(kept)
        return result


class _CachedTorchDispatchMode(TorchDispatchMode):
    def __init__(self, storage, mutation_ok):
        self.storage, self.mutation_ok = storage, mutation_ok
        self.calls, self.used = {}, False

    def __enter__(self):
        if self.used:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any "
                "region computed under selective activation checkpoint."
            )
        self.used = True
        return super().__enter__()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.storage.clear()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is _detach():
            return func(*args, **(kwargs or {}))
        k = self.calls.get(func, 0)
        self.calls[func] = k + 1
        if k >= len(self.storage.get(func, ())):
            raise RuntimeError(
                f"{func} encountered during backward but not found in storage. This can happen if "
                "the operations in the checkpointed region are nondeterministic or depend on "
                "global state that changed between forward and backward."
            )
        kept = self.storage[func][k]
        if kept is None:
            return func(*args, **(kwargs or {}))
        self.storage[func][k] = None
        return tree_map(lambda x: x.get(self.mutation_ok) if isinstance(x, _Kept) else x, kept[0])


def _detach():
    from facula import ops

    return ops.aten.detach.default


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation=False):
    """The two contexts of checkpoint's context_fn, by a policy or a list of the ops to save.

    policy_fn(ctx, op, *args, **kwargs) returns a CheckpointPolicy.
    """
    if isinstance(policy_fn_or_list, list):
        from facula._op_overload import OpOverload

        for op in policy_fn_or_list:
            if not isinstance(op, OpOverload):
                raise ValueError(
                    f"Expected op in `op_list` to be an OpOverload but got: {op} of type "
                    f"{type(op)}. "
                )

        def policy(ctx, op, *args, **kwargs):
            saves = op in policy_fn_or_list
            return CheckpointPolicy.MUST_SAVE if saves else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    storage = {}
    return (
        _CachingTorchDispatchMode(policy, storage),
        _CachedTorchDispatchMode(storage, allow_cache_entry_mutation),
    )
