"""torch.utils.checkpoint: as recorded from PyTorch 2.13, and live; and what its debug log says."""

import json

import pytest

import checkpoint_cases

torch = pytest.importorskip("facula")

with open(checkpoint_cases.GOLDEN) as f:
    RECORDED = json.load(f)
OURS = checkpoint_cases.outcomes(torch)


@pytest.mark.parametrize("case", RECORDED)
def test_as_recorded(case):
    assert OURS[case] == RECORDED[case]


def test_live():
    reference = pytest.importorskip("torch")
    theirs = checkpoint_cases.outcomes(reference)
    assert theirs == OURS


@pytest.mark.parametrize("everywhere", [False, True])
def test_debug(everywhere):
    from facula.utils.checkpoint import CheckpointError, checkpoint, set_checkpoint_debug_enabled

    calls = []

    def f(a):
        calls.append(0)
        return a.sin() * a.cos() if len(calls) == 1 else a.sin()

    x = torch.ones(2, requires_grad=True)
    with set_checkpoint_debug_enabled(True if everywhere else None):
        y = checkpoint(f, x, use_reentrant=False, debug=not everywhere)
    with pytest.raises(CheckpointError) as caught:
        y.sum().backward()
    text = str(caught.value)
    assert "$3: f32[2] = aten.mul.Tensor($1, $2)" in text
    assert text.count("aten.cos.default") == 2  # the forward's stacks and list
    assert "test_checkpoint.py" in text
    assert "A different number of tensors was saved" in text
