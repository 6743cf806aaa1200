"""Functions with gradients of their own, hooks, and gradients of gradients."""

import torch
from torch.autograd import Function


class LegendrePolynomial3(Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return 0.5 * (5 * input**3 - 3 * input)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        return grad_output * 1.5 * (5 * input**2 - 1)


class Round(Function):
    """Straight through."""

    @staticmethod
    def forward(ctx, x, bits):
        ctx.bits = bits
        scale = 2**bits - 1
        return torch.round(x * scale) / scale

    @staticmethod
    def backward(ctx, g):
        print("round's gradient", g.shape, ctx.bits, ctx.needs_input_grad)
        return g, None


class GradReverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, lambd=1.0):
        ctx.lambd = lambd
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.lambd, None


x = torch.linspace(-1, 1, 5, dtype=torch.double, requires_grad=True)
y = LegendrePolynomial3.apply(x)
print(y)
print(type(y.grad_fn).__name__, y.grad_fn.name())
y.sum().backward()
print(x.grad)
(g,) = torch.autograd.grad(LegendrePolynomial3.apply(x).sum(), x, create_graph=True)
print(g)
print(torch.autograd.grad(g.sum(), x)[0])

w = torch.tensor([0.12, 0.57, 0.91], requires_grad=True)
q = Round.apply(w, 2)
print(q, w.grad)
(q * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
print(w.grad)

w.grad = None
handle = w.register_hook(lambda g: g * 10)
z = GradReverse.apply(w, 0.5)
z.retain_grad()
z.sum().backward()
print(z.grad, w.grad)
handle.remove()

inputs = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
out = inputs[0] * inputs[1] ** 2 + torch.sin(inputs[2])
first = torch.autograd.grad(out, inputs, create_graph=True)[0]
print(first)
hessian = torch.stack([torch.autograd.grad(f, inputs, retain_graph=True)[0] for f in first])
print(hessian)
try:
    out.backward()
    out.backward()
except RuntimeError as err:
    print(str(err).split(".")[0])
node = (inputs * 2).exp().sum().grad_fn
depth = 0
while node is not None:
    print("  " * depth + type(node).__name__)
    node = node.next_functions[0][0] if node.next_functions else None
    depth += 1
with torch.autograd.set_detect_anomaly(True), torch.no_grad():
    print((inputs * 2).requires_grad, torch.is_grad_enabled())
