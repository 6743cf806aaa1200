"""capture: a recorded step, replayed on new data, does what the step itself does."""

import pytest

import facula as torch
from facula import capture


def model_of(seed=0):
    torch.manual_seed(seed)
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def data(i):
    torch.manual_seed(100 + i)
    return torch.randn(6, 4), torch.randn(6, 2)


def step_of(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def test_a_training_step():
    model, optimizer = model_of()
    step = step_of(model, optimizer)
    twin, twin_optimizer = model_of()
    twin_step = step_of(twin, twin_optimizer)
    step(*data(0))  # momentum buffers come to be in the first step
    twin_step(*data(0))
    program = capture(step, *data(1))
    losses = [program.outputs.clone()] + [program(*data(i)).clone() for i in range(2, 6)]
    expected = [twin_step(*data(i)).detach() for i in range(1, 6)]
    for a, b in zip(losses, expected):
        assert torch.equal(a, b)
    for p, q in zip(model.parameters(), twin.parameters()):
        assert torch.equal(p, q) and torch.equal(p.grad, q.grad)
    assert "addmm" in program.ops or "linear" in program.ops
    assert len(program) == len(program.ops) > 10
    assert repr(program) == f"<facula.capture of step: {len(program)} primitives>"


def test_views_and_in_place():
    def f(x):
        y = x * 2
        y[0].mul_(10)
        v = y.t()
        v[1].add_(1)
        return y, v.sum(0)

    x = torch.arange(6.0).view(2, 3)
    program = capture(f, x)
    for i in range(3):
        x = torch.arange(6.0).view(2, 3) + i
        for a, b in zip(program(x), f(x)):
            assert torch.equal(a, b)
    assert torch.equal(x, torch.arange(6.0).view(2, 3) + 2)


def test_gradients_of_inputs():
    program = capture(lambda x: (x**3).sum().backward(), torch.ones(2, requires_grad=True))
    (x,) = program.inputs
    assert x.grad.tolist() == [3.0, 3.0]
    program(torch.tensor([2.0, 3.0]))
    assert x.grad.tolist() == [12.0, 27.0]


def test_in_place_with_saved_values():
    def f(x):
        y = x * 1
        y.mul_(x)
        g = torch.autograd.grad(y.sum(), x)[0]
        return g

    program = capture(f, torch.ones(2, requires_grad=True))
    assert program.outputs.tolist() == [2.0, 2.0]
    assert program(torch.tensor([2.0, 3.0])).tolist() == [4.0, 6.0]


def test_random_ops_draw_anew():
    program = capture(lambda x: x + torch.rand(4), torch.zeros(4))
    torch.manual_seed(3)
    a = program(torch.zeros(4)).clone()
    b = program(torch.zeros(4)).clone()
    torch.manual_seed(3)
    assert torch.equal(a, torch.rand(4)) and torch.equal(b, torch.rand(4))


def test_autocast_is_recorded():
    w = torch.ones(2, 2)

    def f(x):
        with torch.autocast("cpu"):
            return x @ w

    program = capture(f, torch.ones(2, 2))
    assert program.outputs.dtype is torch.bfloat16
    assert program(torch.full((2, 2), 3.0)).tolist() == [[6.0, 6.0], [6.0, 6.0]]


@pytest.mark.parametrize(
    "f",
    [lambda x: x.sum().item(), lambda x: x if x.sum() > 0 else -x, lambda x: float(x.sum())],
)
def test_values_are_not_read(f):
    with pytest.raises(RuntimeError, match="capture: .*frozen in the recording"):
        capture(f, torch.ones(2))
    assert torch.ones(2).sum().item() == 2.0  # nothing is left behind


def test_inputs_must_fit():
    program = capture(lambda x, n: x * n, torch.ones(2), 3)
    assert program(torch.full((2,), 2.0), 3).tolist() == [6.0, 6.0]
    with pytest.raises(RuntimeError, match=r"input 0 must be a tensor of shape \(2,\)"):
        program(torch.ones(3), 3)
    with pytest.raises(RuntimeError, match="torch.float32"):
        program(torch.ones(2, dtype=torch.float64), 3)
    with pytest.raises(RuntimeError, match="input 1 is 4, recorded was 3"):
        program(torch.ones(2), 4)
    with pytest.raises(RuntimeError, match="structure"):
        program(torch.ones(2))


def test_errors_end_the_recording():
    with pytest.raises(ZeroDivisionError):
        capture(lambda x: 1 / 0, torch.ones(2))
    assert capture(lambda x: x + 1, torch.ones(2)).ops == ("add",)


def test_results_of_changing_size():
    program = capture(lambda x: x.nonzero(), torch.tensor([1.0, 0.0, 2.0]))
    assert program(torch.tensor([0.0, 1.0, 2.0])).tolist() == [[1], [2]]
    with pytest.raises(RuntimeError, match="replay: nonzero gave a result of shape"):
        program(torch.ones(3))
