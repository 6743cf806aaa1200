"""Subscripts that are sequences: places, truths, or a tuple in disguise; as recorded from PyTorch."""

import warnings

import pytest

torch = pytest.importorskip("facula")

WARNS = "Using a non-tuple sequence for multidimensional indexing is deprecated"


class Letters:
    """A sequence of one's own, whose items nobody else holds."""

    def __init__(self, torch, *values):
        self.torch, self.values = torch, values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, i):
        return self.torch.tensor(self.values[i])


# subscript: result, and whether it warns
CASES = {
    "[0]": ([[1, 2]], False),
    "[1, 0, -1]": ([[3, 4], [1, 2], [3, 4]], False),
    "[True, False]": ([[1, 2]], False),
    "[1.5]": ([[3, 4]], False),
    "[]": ([], False),
    "range(2)": ([[1, 2], [3, 4]], False),
    "range(0)": ([], False),
    "bytearray(b'\\x01')": ([[3, 4]], False),
    "(range(2), range(2))": ([1, 4], False),
    "([[0, 1]],)": ([[[1, 2], [3, 4]]], False),
    "[[0, 1]]": ([[1, 2], [3, 4]], True),
    "[[0, 1], [1, 0]]": ([2, 3], True),
    "[0, slice(None)]": ([1, 2], True),
    "[0, [1]]": ([2], True),
    "[None]": ([[[1, 2], [3, 4]]], True),
    "[...]": ([[1, 2], [3, 4]], True),
    "[T.tensor(0), 1]": (2, True),
    "[T.tensor([0, 1]), T.tensor([1, 0])]": ([2, 3], True),
    "[range(2)]": ([[1, 2], [3, 4]], True),
    "[[]]": ([], True),
    "[0] * 40": ([[1, 2]] * 40, False),
    "Letters(T, [0, 1], [1, 1])": ([2, 4], True),
}
NUMPY = {
    "np.array([])": [],
    "np.array([0.5])": [[1, 2]],
    "np.array(1)": [3, 4],
    "np.uint8(1)": [3, 4],
    "np.array([1], dtype=np.int16)": [[3, 4]],
    "np.array([True, False])": [[1, 2]],
}


def answer(torch, subscript, **names):
    x = torch.tensor([[1, 2], [3, 4]])
    key = eval(subscript, {"T": torch, "Letters": Letters, **names})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = x[key]
        written = x.clone()
        written[key] = 0
    assert written.sum() == x.sum() - (x * (written == 0)).sum()
    texts = [str(w.message) for w in caught]
    assert all(t.startswith(WARNS) for t in texts) and len(texts) in (0, 2)
    return got.tolist(), len(texts) == 2


@pytest.mark.parametrize("subscript", CASES)
def test_sequences(subscript):
    assert answer(torch, subscript) == CASES[subscript]


@pytest.mark.parametrize("subscript", CASES)
def test_live(subscript):
    assert answer(pytest.importorskip("torch"), subscript) == CASES[subscript]


@pytest.mark.parametrize("subscript", NUMPY)
def test_arrays(subscript):
    np = pytest.importorskip("numpy")
    assert answer(torch, subscript, np=np) == (NUMPY[subscript], False)


def test_warning_as_error():
    x = torch.tensor([[1, 2], [3, 4]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):
            x[[[0, 1]]]
