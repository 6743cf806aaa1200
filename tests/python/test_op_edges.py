"""Edges of ops where PyTorch's answer is no matter of course: results as printed, or errors, of PyTorch 2.13."""

import warnings

import pytest

torch = pytest.importorskip("facula")

CASES = {
    "(T.ones(2).to_sparse().type(), T.ones(2, device='meta').type())": "('torch.sparse.FloatTensor', 'torch.meta.FloatTensor')",
    # more tensors than a few, conjugated ones among them
    "T.cat([T.tensor([1j]).conj()] + [T.tensor([2j])] * 99).sum()": "tensor(0.+197.j)",
    # a NaN has no sign
    "T.tensor([nan, -2.0, 0.0, 3.0, nan]).sign()": "tensor([ 0., -1.,  0.,  1.,  0.])",
    "T.tensor([nan] * 40, dtype=T.bfloat16).sgn().sum()": "tensor(0., dtype=torch.bfloat16)",
    # comparisons have no gradient to lose in out
    "T.ne(T.ones(2, requires_grad=True), 1, out=T.empty(2, dtype=T.bool))": "tensor([False, False])",
    "T.argmax(T.ones(2, requires_grad=True), out=T.empty(0, dtype=T.int64))": "tensor(0)",
    # the deprecated forms with the number first
    "T.ones(2).add_(2, T.ones(2))": "tensor([3., 3.])",
    "T.ones(2).sub(2, T.ones(2))": "tensor([-1., -1.])",
    "T.add(T.ones(2), 2, other=T.ones(2), out=T.empty(2))": "tensor([3., 3.])",
    "T.ones(2).add(T.tensor(2), T.ones(2))": "tensor([3., 3.])",
    "T.ones(2).addcmul_(0.5, T.ones(2), T.ones(2))": "tensor([1.5000, 1.5000])",
    "T.addcdiv(T.ones(2), -2, T.ones(2), T.ones(2))": "tensor([-1., -1.])",
    # products with the numbers first, as before PyTorch 1.5
    "T.addmm(2, T.ones(2, 2), 3, T.ones(2, 2), T.ones(2, 2))": "tensor([[8., 8.],\n        [8., 8.]])",
    "T.addmm(2, T.ones(1, 1), T.ones(1, 1), T.ones(1, 1), out=T.empty(1, 1))": "tensor([[3.]])",
    "T.ones(1, 1).addmm(2, 3, T.ones(1, 1), T.ones(1, 1))": "tensor([[5.]])",
    "T.ones(1, 1).addmm_(T.tensor(2), T.ones(1, 1), T.ones(1, 1))": "tensor([[3.]])",
    "T.addmv(2, T.ones(2), 3, T.ones(2, 2), T.ones(2))": "tensor([8., 8.])",
    "T.ones(2).addmv_(2, T.ones(2, 2), T.ones(2))": "tensor([4., 4.])",
    "T.addr(2, T.ones(1, 2), 3, T.ones(1), T.ones(2))": "tensor([[5., 5.]])",
    "T.ones(1, 2).addr_(2, 3, T.ones(1), T.ones(2))": "tensor([[5., 5.]])",
    "T.baddbmm(2, T.ones(1, 1, 1), 3, T.ones(1, 1, 1), T.ones(1, 1, 1))": "tensor([[[5.]]])",
    "T.ones(1, 1, 1).baddbmm_(2, T.ones(1, 1, 1), T.ones(1, 1, 1))": "tensor([[[3.]]])",
    "T.addmv('x', T.ones(2), T.ones(2, 2), T.ones(2))": "TypeError: addmv() takes 3 positional arguments but 4 were given",
    "T.ones(2).addmv(2, 'x')": "TypeError: addmv(): argument 'mat' (position 1) must be Tensor, not int",
    # out= of another dtype
    "T.abs(T.ones(2), out=T.empty(2, dtype=T.int32))": "RuntimeError: Found dtype Int but expected Float",
    "T.neg(T.ones(2), out=T.empty(2, dtype=T.float64))": "RuntimeError: Found dtype Double but expected Float",
    "T.floor(T.ones(2), out=T.empty(2, dtype=T.float64))": "RuntimeError: Found dtype Double but expected Float",
    "T.round(T.ones(2), decimals=1, out=T.empty(2, dtype=T.float64))": "RuntimeError: Found dtype Double but expected Float",
    "T.trunc(T.ones(2), out=T.empty(2, dtype=T.int64))": "RuntimeError: Found dtype Long but expected Float",
    "T.sign(T.ones(2), out=T.empty(2, dtype=T.int64))": "RuntimeError: Found dtype Long but expected Float",
    "T.bitwise_not(T.ones(2, dtype=T.int32), out=T.empty(2, dtype=T.int64))": "RuntimeError: Found dtype Long but expected Int",
    "T.abs(T.ones(2, dtype=T.complex64), out=T.empty(2, dtype=T.int32))": "RuntimeError: result type Float can't be cast to the desired output type Int",
    "T.abs(T.ones(2, dtype=T.complex64), out=T.empty(2, dtype=T.complex64))": "tensor([1.+0.j, 1.+0.j])",
    "T.exp(T.ones(1), out=T.zeros(1, dtype=T.float64)).dtype": "torch.float64",
    "T.signbit(T.ones(2), out=T.empty(2, dtype=T.int64))": "RuntimeError: signbit does not support non-boolean outputs.",
    "T.nan_to_num(T.ones(2), out=T.empty(2, dtype=T.float64))": "RuntimeError: nan_to_num: dtype of out: Double should be same as input: Float",
    "T.float_power(T.ones(2), 2, out=T.empty(2))": "RuntimeError: the output given to float_power has dtype Float but the operation's result requires dtype Double",
    "T.ones(2).float_power_(2)": "RuntimeError: the base given to float_power_ has dtype Float but the operation's result requires dtype Double",
    "T.ones(2, dtype=T.int64).float_power_(2)": "RuntimeError: the base given to float_power_ has dtype Long but the operation's result requires dtype Double",
    "T.ones(2, dtype=T.float64).float_power_(2)": "tensor([1., 1.], dtype=torch.float64)",
    "T.argmax(T.ones(2, 2), 0, out=T.empty(2, dtype=T.int32))": "RuntimeError: Expected out tensor to have dtype long int, but got int instead",
    "T.max(T.ones(2, 2), 0, out=(T.empty(2), T.empty(2)))": "RuntimeError: Expected out tensor to have dtype long int, but got float instead",
    "T.norm(T.ones(2, 2), 2, 0, out=T.empty(2, dtype=T.float64))": "RuntimeError: Expected out tensor to have dtype float, but got double instead",
    "T.softmax(T.ones(2), 0, out=T.empty(2, dtype=T.float64))": "RuntimeError: Expected out tensor to have dtype float, but got double instead",
    "T.mm(T.ones(2, 2), T.ones(2, 2), out=T.empty(2, 2, dtype=T.uint16))": "RuntimeError: Expected out tensor to have dtype float, but got short unsigned int instead",
    "T.matmul(T.ones(2, 2), T.ones(2, 2), out=T.empty(2, 2, dtype=T.float64))": "RuntimeError: Expected out tensor to have dtype float, but got double instead",
    "T.mv(T.ones(2, 2), T.ones(2), out=T.empty(2, dtype=T.float64))": "RuntimeError: addmv input tensors must have the same dtype, but got Double, Float, and Float",
    "T.dot(T.ones(2), T.ones(2), out=T.empty((), dtype=T.float64))": "RuntimeError: result dtype Double does not match input dtype Float",
    "T.take(T.ones(2), T.tensor([0]), out=T.empty(1, dtype=T.int64))": "RuntimeError: take(): self and out expected to have the same dtype, but got self.dtype = Float and out.dtype = Long",
    "T.index_select(T.ones(2), 0, T.tensor([0]), out=T.empty(1, dtype=T.float64))": "RuntimeError: index_select(): self and result must have the same scalar type",
    "T.multinomial(T.ones(3), 2, out=T.empty(2))": "RuntimeError: multinomial expects Long tensor out, got: Float",
    # out= that shares memory with what is read
    "T.take(x, T.tensor([0, 1, 2]), out=x)": "RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.",
    "T.index_select(x, 0, T.tensor([0, 1, 2]), out=x)": "RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.",
    "T.gather(x, 0, T.tensor([0, 1, 2]), out=x)": "RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.",
    "T.masked_select(x, x > 0, out=x)": "RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.",
    "T.cat([x[:1], x[1:]], out=x)": "RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.",
    "T.sort(x, descending=True, out=(x, T.empty(3, dtype=T.int64)))[0]": "tensor([2., 1., 0.])",
    # integers one by one
    "T.flip(T.ones(1, 1), 0)": "TypeError: flip(): argument 'dims' (position 2) must be tuple of ints, not int",
    "T.flip(T.ones(1, 1), 0, 1)": "TypeError: flip() takes 2 positional arguments but 3 were given",
    "T.ones(1, 2).flip(0, 1)": "tensor([[1., 1.]])",
    "T.permute(T.ones(1, 2), 1, 0)": "TypeError: permute() takes 2 positional arguments but 3 were given",
    "T.ones(1, 2).permute(1, 0)": "tensor([[1.],\n        [1.]])",
    "T.broadcast_to(T.ones(1), 3)": "TypeError: broadcast_to(): argument 'size' (position 2) must be tuple of ints, not int",
    "T.ones(1).broadcast_to(3, 2)": "tensor([[1., 1.],\n        [1., 1.],\n        [1., 1.]])",
    "T.nonzero(T.ones(2), as_tuple=1)": "TypeError: nonzero(): argument 'as_tuple' must be bool, not int",
    "T.ones(2).nonzero(as_tuple=None)": "TypeError: nonzero(): argument 'as_tuple' must be bool, not NoneType",
    "T.ones(2).nonzero(as_tuple=True)": "(tensor([0, 1]),)",
    # elements that share memory
    "T.ones(1).expand(3).zero_()": "tensor([0., 0., 0.])",
    "T.ones(1).expand(3).fill_(2)": "tensor([2., 2., 2.])",
    "T.ones(1).expand(3).masked_fill_(T.ones(3).bool(), 2)": "tensor([2., 2., 2.])",
    "T.ones(1).expand(3).index_fill_(0, T.tensor([0]), 2)": "tensor([2., 2., 2.])",
    "T.ones(1).expand(3).index_put_((T.tensor([0]),), T.tensor(2.0))": "tensor([2., 2., 2.])",
    "T.ones(1).expand(3).add_(1)": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.ones(1).expand(3).uniform_()": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    # zero-dimensional matrices
    "T.tensor(1.0).mT": "tensor(1.)",
    "T.tensor(1j).mH": "tensor(0.-1.j)",
    "T.tensor(1j).H": "tensor(0.-1.j)",
    "T.tensor(1.0).T": "tensor(1.)",
    "T.ones(2).mT": "RuntimeError: tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.",
    "T.adjoint(T.tensor(2j))": "tensor(0.-2.j)",
    "T.ones(2, 2, 2).t_()": "RuntimeError: t_() expects a tensor with <= 2 dimensions, but self is 3D",
    # pieces that may be written in place
    "T.unsafe_split(T.arange(5), 2)": "(tensor([0, 1]), tensor([2, 3]), tensor([4]))",
    "T.arange(5).unsafe_split_with_sizes([2, 3])": "(tensor([0, 1]), tensor([2, 3, 4]))",
    "T.unsafe_chunk(T.arange(4.0, requires_grad=True) * 1, 2)[0].mul_(2).requires_grad": "True",
    # torch.range
    "T.range(0, 3)": "tensor([0., 1., 2., 3.])",
    "T.range(1, 2, 0.5)": "tensor([1.0000, 1.5000, 2.0000])",
    "T.range(3, 0, -1, dtype=T.int64)": "tensor([3, 2, 1, 0])",
    "T.range(0, 3, 0)": "RuntimeError: step must be nonzero",
    "T.range(3, 0)": "RuntimeError: upper bound and lower bound inconsistent with step sign",
    "T.range(0, 1, 0.1, dtype=T.float64)": "tensor([0.0000, 0.1000, 0.2000, 0.3000, 0.4000, 0.5000, 0.6000, 0.7000, 0.8000,\n        0.9000, 1.0000], dtype=torch.float64)",
    # gradients that are known to be missing
    "T.floor_divide(T.ones(1, requires_grad=True), 2).requires_grad": "True",
    "T.floor_divide(T.ones(1, requires_grad=True), 2).sum().backward()": "RuntimeError: derivative for aten::floor_divide is not implemented",
    "type(T.div(T.ones(1, requires_grad=True), 2, rounding_mode='floor').grad_fn).__name__": "DivBackward2",
    # where a gradient jumps
    "grad(lambda v: T.nn.functional.hardswish(v), [-3.0, 3.0, 0.0])": "tensor([0.0000, 1.0000, 0.5000])",
    "grad(lambda v: T.atan2(v, T.zeros(2)), [0.0, 1.0])": "tensor([0., 0.])",
    "grad(lambda v: T.xlogy(v, T.zeros(2)), [0.0, 3.0])": "tensor([0., -inf])",
    "T.xlogy(T.tensor(1.0, dtype=T.bfloat16), 2.5)": "tensor(0.9180, dtype=torch.bfloat16)",
    "T.xlogy(T.ones(1, dtype=T.complex64), 2)": "NotImplementedError: \"xlogy_cpu\" not implemented for 'ComplexFloat'",
    "T.xlogy(T.tensor([0.0, 0.0, nan]), T.tensor([nan, 0.0, 1.0]))": "tensor([nan, 0., nan])",
    # a pool over rows
    "T.max_pool1d(T.ones(1, 1, 4, dtype=T.int64), 2)": "NotImplementedError: \"max_pool1d_impl\" not implemented for 'Long'",
    "T.max_pool1d(T.ones(1, 1, 4, requires_grad=True), 5)": "RuntimeError: max_pool1d() Invalid computed output size: 0",
    "T.max_pool1d(T.ones(1, 1, 4), 2, (2, 2))": "RuntimeError: max_pool1d() stride must be None, an int, list of ints, or tuple of ints of size 1 but got size 2",
    "T.max_pool1d(T.ones(1, 1, 4), 2, padding=(1, 1))": "RuntimeError: max_pool1d() padding must be an int, list of ints, or tuple of ints of size 1 but got size 2",
    # steps
    "T.linspace(0, 1, 7, dtype=T.bfloat16)": "tensor([0.0000, 0.1670, 0.3340, 0.5000, 0.6641, 0.8320, 1.0000],\n       dtype=torch.bfloat16)",
    "T.linspace(0, 1000, 9, dtype=T.float16)": "tensor([   0.,  125.,  250.,  375.,  500.,  625.,  750.,  875., 1000.],\n       dtype=torch.float16)",
    "T.arange(0, 100, 0.3)[11].item()": "3.3000001907348633",
    "T.linspace(0.1, 0.9, 1001)[20].item()": "0.11600000411272049",
    "T.arange(0, 9, 0.1, dtype=T.float64)[43].item()": "4.3",
    "T.linspace(0.1, 0.9, 1001, dtype=T.float64)[37].item()": "0.12960000000000002",
    "T.arange(0, 9, 0.1, dtype=T.float16)[43].item()": "4.30078125",
    # bounds that are numbers
    "T.clamp(T.ones(2), 0, out=T.empty(2, dtype=T.float64))": "RuntimeError: Found dtype Double but expected Float",
    "T.clamp(T.ones(2), max=0, out=T.empty(2, dtype=T.int32))": "RuntimeError: Found dtype Int but expected Float",
    "T.clamp(T.ones(2, dtype=T.int32), 0, 1.5, out=T.empty(2, dtype=T.float32))": "tensor([1., 1.])",
    "T.clamp_min(T.ones(2, dtype=T.int32), 1.5, out=T.empty(2, dtype=T.int32))": "RuntimeError: Found dtype Int but expected Float",
    "T.clamp_max(T.ones(2, dtype=T.bool), 1, out=T.empty(2, dtype=T.bool))": "RuntimeError: Found dtype Bool but expected Long",
    "T.clip(T.ones(2, dtype=T.uint8), 3, out=T.empty(2, dtype=T.int64))": "RuntimeError: Found dtype Long but expected Byte",
    "T.clamp(T.ones(2), T.tensor(0), out=T.empty(2, dtype=T.float64)).dtype": "torch.float64",
    "T.clamp(T.ones(2), T.tensor(0), out=T.empty(2, dtype=T.int64))": "RuntimeError: result type Float can't be cast to the desired output type Long",
    "T.ones(2, dtype=T.int64).clamp_(1.5)": "RuntimeError: result type Float can't be cast to the desired output type long int",
    "T.ones(2, dtype=T.uint8).clamp_max_(1.5)": "RuntimeError: result type Float can't be cast to the desired output type unsigned char",
    "T.ones(2, dtype=T.bool).clamp_(0, 1)": "RuntimeError: result type Long can't be cast to the desired output type bool",
    "T.ones(2, dtype=T.int64).clamp_(T.tensor(1.5))": "RuntimeError: result type Float can't be cast to the desired output type Long",
    "T.ones(2, dtype=T.bool).clamp(True)": "NotImplementedError: \"clamp_min_scalar_cpu\" not implemented for 'Bool'",
    # out= is resized first, and then may not overlap itself
    "T.sum(T.ones(2, 3), 0, out=T.zeros(1).expand(2)).stride()": "(1,)",
    "T.mean(T.ones(2, 3), 0, out=T.zeros(2, 1).expand(2, 3))": "tensor([1., 1., 1.])",
    "T.mean(T.ones(2, 3), 0, out=T.zeros(1).expand(3))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.logsumexp(T.zeros(1, 3), 0, out=T.zeros(1).expand(7))": "tensor([0., 0., 0.])",
    "T.norm(T.ones(1, 3), 2, 0, out=T.zeros(1).expand(7))": "tensor([1., 1., 1.])",
    "T.max(T.ones(2, 3), 0, out=(T.zeros(1).expand(3), T.zeros(3, dtype=T.int64)))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.max(T.ones(2, 3), 0, out=(T.zeros(1).expand(2), T.zeros(1, dtype=T.int64).expand(2)))[1].stride()": "(1,)",
    "T.cumsum(T.ones(2, 3), 0, out=T.zeros(1).expand(3)).stride()": "(3, 1)",
    "T.cumsum(T.ones(2, 3), 0, out=T.zeros(2, 1).expand(2, 3))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.softmax(T.zeros(2, 2), 0, out=T.zeros(1).expand(3))": "tensor([[0.5000, 0.5000],\n        [0.5000, 0.5000]])",
    "T.mm(T.ones(2, 2), T.ones(2, 2), out=T.zeros(1).expand(3))": "tensor([[2., 2.],\n        [2., 2.]])",
    "T.mm(T.ones(2, 2), T.ones(2, 2), out=T.zeros(1).expand(2, 2))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.cat([T.ones(2), T.ones(1)], out=T.zeros(1).expand(2))": "tensor([1., 1., 1.])",
    "T.add(T.ones(3), 1, out=T.zeros(1).expand(2))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.take(T.ones(3), T.tensor([0, 1]), out=T.zeros(1).expand(5))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.index_select(T.ones(3), 0, T.tensor([0, 1]), out=T.zeros(1).expand(5))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.masked_select(T.ones(3), T.ones(3) > 0, out=T.zeros(1).expand(5))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.zeros(3, out=T.ones(1).expand(3))": "tensor([0., 0., 0.])",
    "T.full((2,), 3.0, out=T.ones(1).expand(2)).stride()": "(0,)",
    "T.rand(3, out=T.ones(1).expand(3))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.arange(3, out=T.zeros(1).expand(3))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.linspace(0, 1, 3, out=T.zeros(1, 1).expand(1, 3))": "RuntimeError: unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please clone() the tensor before performing the operation.",
    "T.arange(6, out=T.zeros(3, 2).t())": "tensor([[0., 1., 2.],\n        [3., 4., 5.]])",
    "T.linspace(0, 5, 6, out=T.zeros(2, 3))": "tensor([[0., 1., 2.],\n        [3., 4., 5.]])",
    # gradients of norms at 0 and at infinity
    "grad(lambda v: v.norm(0), [0.0, 1.0])": "RuntimeError: The differentiated Tensor at index 0 appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.",
    "grad(lambda v: v.norm(1), [0.0, 1.0, -2.0])": "tensor([ 0.,  1., -1.])",
    "grad(lambda v: v.norm(2), [0.0, 0.0])": "tensor([0., 0.])",
    "grad(lambda v: v.norm(0.5), [0.0, 1.0, -2.0])": "tensor([ 0.0000,  2.4142, -1.7071])",
    "grad(lambda v: v.norm(0.5), [0.0, 0.0])": "tensor([0., 0.])",
    "grad(lambda v: v.norm(0.5), [inf, 1.0, 0.0])": "tensor([nan, inf, nan])",
    "grad(lambda v: v.norm(1.5), [inf, 1.0, 0.0])": "tensor([nan, 0., 0.])",
    "grad(lambda v: v.norm(3), [0.0, inf])": "tensor([0., nan])",
    "grad(lambda v: v.norm(inf), [-2.0, 2.0, 0.0])": "tensor([-0.5000,  0.5000,  0.0000])",
    "grad(lambda v: v.norm(inf), [0.0, 0.0])": "tensor([0., 0.])",
    "grad(lambda v: v.norm(inf), [nan, 1.0])": "tensor([0., 0.])",
    "grad(lambda v: v.norm(-1), [0.0, 1.0])": "tensor([0., 0.])",
    # values in the input's dtype
    "T.nn.functional.threshold(T.tensor([1, 2, 3]), 1.5, 5.5)": "tensor([5, 2, 3])",
    "T.nn.functional.threshold(T.tensor([nan, 1.0, 2.0]), 1, 5)": "tensor([nan, 5., 2.])",
    "T.nn.functional.threshold(T.ones(2), 1, 2.0, True)": "tensor([2., 2.])",
    "T.nn.functional.glu(T.ones(2, 3), 1)": "RuntimeError: Halving dimension must be even, but dimension 1 is size 3",
    "T.nn.functional.glu(T.ones(2, 4).long(), 1)": "NotImplementedError: \"glu_cpu\" not implemented for 'Long'",
}


def gradient(torch, f, at):
    v = torch.tensor(at, requires_grad=True)
    return torch.autograd.grad(f(v).sum(), v)[0]


def answer(torch, case):
    names = {"T": torch, "nan": float("nan"), "inf": float("inf"), "x": torch.arange(3.0)}
    names["grad"] = lambda f, at: gradient(torch, f, at)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(eval(case, names))
        except (RuntimeError, TypeError) as e:
            return f"{type(e).__name__}: {e}"


@pytest.mark.parametrize("case", CASES)
def test_as_recorded(case):
    assert answer(torch, case).replace("facula", "torch") == CASES[case]


@pytest.mark.parametrize("case", CASES)
def test_live(case):
    assert answer(pytest.importorskip("torch"), case) == CASES[case]


def test_number_first_keeps_gradients():
    x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (x * 1).add_(3, y).sum().backward()
    assert x.grad.tolist() == [1, 1] and y.grad.tolist() == [3, 3]


def test_parts_cannot_be_deleted():
    """Where PyTorch crashes."""
    z = torch.ones(2, dtype=torch.complex64)
    for part in ("real", "imag"):
        with pytest.raises(RuntimeError, match=f"Deleting the {part} part"):
            delattr(z, part)
    assert z.tolist() == [1, 1]


WARNINGS = {
    "T.ones(1).expand(3).masked_fill_(T.ones(3).bool(), 2)": "Use of masked_fill_ on expanded tensors is deprecated",
    "T.ones(1).expand(3).index_put_((T.tensor([0]),), T.tensor(2.0))": "Use of index_put_ on expanded tensors",
    "T.tensor(1.0).mT": "Tensor.mT is deprecated on 0-D tensors. This function is the identity in these cases.",
    "T.tensor(1j).H": "Tensor.H is deprecated on 0-D tensors. Consider using x.conj().",
    "T.range(0, 3)": "torch.range is deprecated and will be removed",
    "T.zeros(2, 2).scatter_(0, T.tensor([[0]]), T.ones(1, 1), reduce='add')": "The reduce argument of torch.scatter with",
    "T.addmv(2, T.ones(2), T.ones(2, 2), T.ones(2))": "This overload of addmv is deprecated:\n\taddmv(Number beta, ",
    "T.randint(0, 2**30, (1,), dtype=T.float32)": "to - 1 is out of bounds [-(2^24), 2^24]. Due to precision",
}


@pytest.mark.parametrize("case", WARNINGS)
@pytest.mark.parametrize("name", ["facula", "torch"])
def test_warnings(name, case):
    T = pytest.importorskip(name)
    T.set_warn_always(True)  # what is said once a process may have been said
    try:
        with pytest.warns(UserWarning) as said:
            eval(case, {"T": T})
    finally:
        T.set_warn_always(False)
    assert any(str(w.message).startswith(WARNINGS[case]) for w in said)


def test_warn_always_is_a_switch():
    assert torch.is_warn_always_enabled() is False
    with pytest.raises(RuntimeError, match="setWarnOnlyOnce expects a bool, but got int"):
        torch.set_warn_always(1)


@pytest.mark.parametrize("method", ["floor_divide_", "remainder_", "fmod_"])
def test_division_by_zero_changes_nothing(method):
    for divisor in (0, torch.tensor([2, 0])):
        x = torch.tensor([5, 7])
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            getattr(x, method)(divisor)
        assert x.tolist() == [5, 7]
    x = torch.tensor([5, 7])
    getattr(x, method)(torch.tensor([2, 4]))
    assert x.tolist() == getattr(torch.tensor([5, 7]), method[:-1])(torch.tensor([2, 4])).tolist()


@pytest.mark.parametrize(
    "p, at", [(0.5, [0.0, 1.0, -2.0]), (1.5, [0.0, 1.0, -2.0]), (3, [0.0, 1.0, -2.0])]
)
@pytest.mark.parametrize("name", ["facula", "torch"])
def test_second_gradient_of_norms_is_nan_at_0_alone(name, p, at):
    T = pytest.importorskip(name)
    x = T.tensor(at, requires_grad=True)
    (g,) = T.autograd.grad(x.norm(p), x, create_graph=True)
    (gg,) = T.autograd.grad((g * T.tensor([1.0, 2.0, 3.0])).sum(), x)
    assert gg.isnan().tolist() == [p < 2, False, False]
    y = T.ones(2, requires_grad=True)
    y.norm(0).backward()
    assert y.grad is None
