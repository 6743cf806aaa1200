"""Random numbers beyond the plain forms: bits of PyTorch 2.13 where a law is scaled, where a range is not one
of the dtype's, and in tensors given by out=."""

import warnings

import pytest

torch = pytest.importorskip("facula")

# after manual_seed(7)
CASES = {
    "T.zeros(3, dtype=T.float64).normal_(0.1, 0.7)": "[-0.0027565682394966253, 0.650298909106475, 0.7627751263027694]",
    "T.zeros(16, dtype=T.float64).normal_(2, 3)[5:8]": "[7.579241588010128, 3.803687008341571, 4.213488726230425]",
    "T.zeros(2, dtype=T.complex128).normal_(0.3, 2)": "[(0.09240038224683919+1.411771686596423j), (1.6390079606013108-1.275920428016722j)]",
    "T.randint(0, 2**62, (3,), dtype=T.float32)": "[1.4076394535387136e+18, 5.5190518732161024e+17, 3.47553701394645e+18]",
    "T.zeros(3, dtype=T.bfloat16).random_(0, 2**33)": "[1979711488.0, 2650800128.0, 2147483648.0]",
    "T.randint(-5, 2**28 - 6, (3,), dtype=T.float32)": "[59306164.0, 171107552.0, 128500376.0]",
    "T.rand(2, 3, out=T.empty(3, 2).t())": "[[0.5349225401878357, 0.6592116951942444, 0.23276156187057495], [0.19880318641662598, 0.6568902730941772, 0.4250614047050476]]",
    "T.rand(3, out=T.empty(0, dtype=T.float64))": "[0.279380429906404, 0.27369371365176565, 0.8620929614176255]",
    "T.randn(4, 4, out=T.empty(4, 4).t())[0]": "[-0.1467950940132141, 1.6907901763916016, 0.13817265629768372, 0.13732409477233887]",
    "T.randint(0, 9, (2, 3), out=T.empty(3, 2).t())": "[[0.0, 7.0, 4.0], [4.0, 2.0, 6.0]]",
    "T.normal(1.0, 2.0, (2, 3), out=T.empty(3, 2, dtype=T.float64).t())": "[[0.7064098050300096, 2.893643218007913, 4.381580251588467], [2.5722825974470718, -1.2286880425220614, -0.7896557583452772]]",
    "T.normal(T.ones(2), T.ones(2), out=T.empty(2, dtype=T.float64))": "[0.8532049025150048, 1.7861412987235359]",
    "T.zeros(2, dtype=T.float64).random_(0, 2**63 - 1)": "[1.407639518939637e+18, 5.163590386780219e+18]",
    "T.zeros(3, dtype=T.uint64).random_(2**40)": "[752595690692, 108744157686, 291964244179]",
    "T.bernoulli(T.full((6,), 0.5), out=T.empty(6, dtype=T.uint8))": "[0, 1, 0, 0, 1, 1]",
}


def values(torch, case):
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return repr(eval(case, {"T": torch}).tolist())


@pytest.mark.parametrize("case", CASES)
def test_as_recorded(case):
    assert values(torch, case) == CASES[case]


@pytest.mark.parametrize("case", CASES)
def test_live(case):
    assert values(pytest.importorskip("torch"), case) == CASES[case]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_used_up_pairs_leave_no_trace_in_the_state(dtype):
    torch.manual_seed(1)
    torch.randn(2, dtype=getattr(torch, dtype))
    assert torch.get_rng_state()[5024:5032].tolist() == [0] * 8
    torch.randn(1, dtype=getattr(torch, dtype))  # one of a pair: the other waits in the state
    assert any(torch.get_rng_state()[5024:5032].tolist())


ERRORS = {
    "T.normal(1.0, T.ones(2, dtype=T.complex64))": "normal expects standard deviation to be non-complex",
    "T.normal(T.ones(2), -T.ones(2))": "normal expects all elements of std >= 0.0",
    "T.randperm(3, dtype=T.bool)": "\"randperm\" not implemented for 'Bool'",
    "T.zeros(2, dtype=T.bool).geometric_(0.5)": "\"geometric_cpu\" not implemented for 'Bool'",
    "T.zeros(2, dtype=T.int8).cauchy_()": "Cauchy distribution is a continuous probability distribution. dtype must be "
    "a floating point but you specified signed char",
    "T.randint(-5, 9, (2,), dtype=T.uint64)": "from is out of bounds for long unsigned int",
    "T.randint_like(T.zeros(2, dtype=T.complex64), 3)": "check_random_bounds handles only integral, floating-point and "
    "boolean types",
    "T.zeros(2, dtype=T.int8).uniform_(2, 1)": "\"check_uniform_bounds\" not implemented for 'Char'",
    "T.normal(0.0, T.ones(2, dtype=T.uint16))": "\"min_all\" not implemented for 'UInt16'",
    "T.rand(3, out=T.empty(3), dtype=T.float64)": "dtype Double does not match dtype of out parameter (Float)",
}


@pytest.mark.parametrize("case", ERRORS)
@pytest.mark.parametrize("name", ["facula", "torch"])
def test_errors(name, case):
    T = pytest.importorskip(name)
    with pytest.raises(RuntimeError) as said:
        eval(case, {"T": T})
    assert str(said.value) == ERRORS[case]


LAWS = {
    "x.bernoulli_(0.5)": "bernoulli_scalar_cpu_",
    "x.bernoulli_(T.ones(2))": "bernoulli_tensor_cpu_self_",
    "T.bernoulli(x)": "bernoulli_tensor_cpu_self_",
    "T.nn.functional.dropout(x)": "bernoulli_scalar_cpu_",
    "x.random_()": "random_kernel_cpu",
    "x.geometric_(0.5)": "geometric_cpu",
    "x.uniform_()": "check_uniform_bounds",
    "T.randperm(0, out=x)": "randperm",
}


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
@pytest.mark.parametrize("case", LAWS)
@pytest.mark.parametrize("name", ["facula", "torch"])
def test_wide_unsigned_integers_have_ranges_only(name, case, dtype):
    T = pytest.importorskip(name)
    x = T.zeros(2, dtype=getattr(T, dtype))
    with pytest.raises(NotImplementedError, match=f'"{LAWS[case]}" not implemented for \'UI'):
        eval(case, {"T": T, "x": x})
    assert x.random_(5).tolist() == x.tolist()
