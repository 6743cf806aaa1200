"""Storages: sharing, lifetimes, resizing, elements, and what they refuse. Where PyTorch is
importable, the same statements are run by both."""

import copy
import gc
import warnings
import weakref

import pytest

import facula

pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


def test_sharing_and_identity():
    x = facula.arange(6.0)
    u = x.untyped_storage()
    assert u is x.untyped_storage() and u is x[2:].view(2, 2).untyped_storage()
    assert u._cdata == x.detach().untyped_storage()._cdata
    assert u._cdata != x.clone().untyped_storage()._cdata
    assert (len(u), u.size(), u.nbytes(), u.element_size()) == (24, 24, 24, 1)
    assert u.data_ptr() == x.data_ptr() and x[1:].data_ptr() == u.data_ptr() + 4
    assert facula.is_storage(u) and facula.is_storage(x.storage()) and not facula.is_storage(x)
    u[0:4] = 0
    u[3] = 64
    assert x[0] == 2.0
    assert bytes(u[20:]) == bytes(memoryview(u)[20:])


def test_lifetimes():
    u = facula.arange(2000.0).untyped_storage()
    assert facula.zeros(0).set_(u, 1999, (1,)).item() == 1999.0
    part = u[4:8]
    ref = weakref.ref(u)
    del u
    gc.collect()
    assert ref() is None
    assert facula.zeros(0).set_(part).item() == 1.0
    x = facula.ones(3)
    u = x.untyped_storage()
    del x
    assert facula.zeros(0).set_(u).tolist() == [1.0, 1.0, 1.0]


def test_resizing_never_moves_memory_from_under_a_tensor():
    for n in (4, 100, 1 << 20):
        x = facula.arange(float(n))
        v = x[1:]
        u = x.untyped_storage()
        u.resize_(4 * n * 2)
        assert u.nbytes() == 8 * n and facula.zeros(0).set_(u)[n - 1] == n - 1
        u.resize_(0)
        assert u.nbytes() == 0 and u.data_ptr() == 0
        junk = [facula.full((n,), -7.0) for _ in range(4)]
        assert -7.0 not in v.tolist()  # old elements or zeros, not somebody else's
        x.tolist()
        del junk
    with pytest.raises(BufferError):
        m = memoryview(u)
        u.resize_(5)
    m.release()
    u.resize_(5)


def test_tensors_follow_their_storage():
    for n in (4, 100, 1 << 19):
        x = facula.arange(float(n))
        v, w = x[1:], x.view(2, -1)
        u = x.untyped_storage()
        u.resize_(8 * n)
        w[0, 1] = -5.0
        assert v[0] == -5.0 and x[1] == -5.0 and x.data_ptr() == u.data_ptr()
        x.resize_(4 * n)  # grows
        x[2] = -6.0
        assert v[1].item() == -6.0 and v.tolist()[1] == -6.0 and w.data_ptr() == x.data_ptr()
        u.resize_(0)  # as memory is given up and taken back by those who shard parameters
        for use in (lambda: v + 1, lambda: v.sum(), lambda: x.fill_(1), lambda: v.clone()):
            with pytest.raises(RuntimeError, match="storage was resized to 0 bytes"):
                use()
        assert v.shape == (n - 1,) and v.detach()[1:].shape == (n - 2,)
        v.tolist(), repr(v), v[0:1].tolist(), memoryview(v.numpy())
        u.resize_(16 * n)
        x.fill_(3.0)
        assert v.sum() == 3.0 * (n - 1) and (w.grad_fn is None)
    p = facula.arange(3.0).requires_grad_()
    y = (p * p).sum()
    s = p.untyped_storage()
    s.resize_(0)
    s.resize_(12)
    p.data.copy_(facula.tensor([5.0, 6.0, 7.0]))
    y.backward()
    assert p.grad.tolist() == [10.0, 12.0, 14.0]
    with pytest.raises(RuntimeError, match="overflow"):
        facula.zeros(1).resize_(2**62)


def test_set_():
    u = facula.arange(6.0).untyped_storage()
    x = facula.zeros(1)
    assert x.set_(u) is x and x.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert x.set_(u, 1, (2, 2), (2, 1)).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert x.set_(u, 2, (2,)).tolist() == [2.0, 3.0]
    assert x.is_set_to(facula.zeros(1).set_(u, 2, (2,)))
    assert x.set_(source=u, storage_offset=5, size=(3,), stride=(2,))[0] == 5.0
    assert u.nbytes() == 40  # it grew
    assert x.set_().shape == (0,)
    assert facula.zeros(1, dtype=facula.int32).set_(u)[1] == 0x3F800000
    with pytest.raises(RuntimeError, match="Tensor: invalid storage offset -1"):
        x.set_(u, -1, (1,))
    with pytest.raises(RuntimeError, match="overflow"):
        x.set_(u, 0, (2**40, 2**40))
    with pytest.raises(RuntimeError, match="Expected a Storage of type long int"):
        facula.zeros(1, dtype=facula.int64).set_(facula.zeros(2).storage())


def test_files(tmp_path):
    path = str(tmp_path / "f")
    t = facula.from_file(path, shared=True, size=4)
    t.copy_(facula.arange(4.0))
    again = facula.from_file(path, shared=False, size=4)
    assert again.tolist() == [0.0, 1.0, 2.0, 3.0]
    again.zero_()
    assert facula.FloatStorage.from_file(path, False, 4).tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(RuntimeError, match="is smaller than the required mapping size <80>"):
        facula.from_file(path, size=20)
    with pytest.raises(RuntimeError, match="No such file or directory"):
        facula.from_file(path + "x", size=20)


# Run by facula and by PyTorch, with the module as T; the reprs or errors are equal.
STATEMENTS = """
x.storage()
type(u), type(s), T.FloatStorage
u
u[0], u[6], u[-1], u[2:6], u[4:2]
u[2:6:2]
u[100]
u[-100]
u['a']
u[1.5]
u.tolist()
list(u), bytes(u)
u.clone(), u.clone().data_ptr() == u.data_ptr()
u.copy_(u.clone()) is u
u.copy_(T.UntypedStorage(3))
u.fill_(3), x.sum()
u.fill_(1.5)
u.__setitem__(0, 300), u[0]
u.__setitem__(slice(0, 4), 1), u[3]
u.__setitem__(0, 1.5)
u.__setitem__('a', 1)
u.__setitem__(100, 1)
u.resize_('a')
u.resize_(8).nbytes()
u.float(), u.double(), u.byte(), u.bool(), u.complex_float(), u.half(), u.bfloat16()
u.cpu() is u, u.type(), u.get_device(), u.filename, u.untyped() is u, u.resizable()
u.byteswap(T.float32), u[0], u[3]
u.byteswap(T.complex64), u[0], u[3]
u.new(), u.is_pinned(), u.is_cuda, u.is_sparse, u.is_shared()
u.to(device='cpu') is u
T.UntypedStorage(), T.UntypedStorage([1, 2, 300]), T.UntypedStorage(b'ab'), len(T.UntypedStorage(7))
T.UntypedStorage('a')
T.UntypedStorage([1.5])
T.UntypedStorage(5, device='meta')
T.UntypedStorage(u), T.UntypedStorage(u) is u
T.UntypedStorage(1, 2)
T.UntypedStorage(3.5)
T.UntypedStorage.from_buffer(b'abcdefgh', byte_order='big', dtype=T.float32)
T.UntypedStorage.from_buffer(b'abcdefgh', 'big', 2, 3, dtype=T.int16)
T.UntypedStorage.from_buffer(b'abcdefgh', byte_order='big')
T.UntypedStorage.from_buffer(b'abcdefg', 'little', dtype=T.float32)
copy.deepcopy(u), copy.copy(u)
T.zeros(2, device='meta').untyped_storage()
T.zeros(2, device='meta').untyped_storage()[0]
T.zeros(0).untyped_storage()
len(s), s.size(), s.nbytes(), s.dtype, s.device, s.element_size(), s.is_cuda, s.is_sparse
s[0], s[-1], type(s[0])
s[1:3]
s[10]
s['a']
s.tolist(), list(s)
s.__setitem__(0, 5), s.__setitem__(slice(1, 3), 7), x
s.__setitem__('a', 1)
s.fill_(2), s.clone(), s.copy_(s.clone())
s.copy_(T.FloatStorage(3))
s.untyped() is u, s.data_ptr() == x.data_ptr(), s._cdata == u._cdata
s.double(), s.int(), s.bool(), s.half(), s.bfloat16(), s.complex_double()
s.type(), s.pickle_storage_type(), s.resizable(), s.is_shared()
s.resize_(3), len(s)
s == x.storage(), s == s
T.FloatStorage(), T.FloatStorage([1, 2, 3]), T.DoubleStorage((1, 2)), len(T.IntStorage(3))
T.FloatStorage(wrap_storage=u)
T.FloatStorage(1, 2)
T.FloatStorage.dtype
T.FloatStorage.from_buffer(b'abcd', 'native')
T.TypedStorage(), T.TypedStorage([1, 2], dtype=T.int16), T.TypedStorage(wrap_storage=u, dtype=T.int16)
T.TypedStorage(wrap_storage=u)
isinstance(s, T.FloatStorage), isinstance(s, T.DoubleStorage), isinstance(s, T.TypedStorage)
isinstance(T.IntStorage(2), T.IntStorage), isinstance(u, T.FloatStorage)
T.FloatTensor(s), T.Tensor(s), x.new(s), T.FloatTensor(u)
x.storage_type(), x.storage_offset(), x[2:].storage_offset()
x.is_set_to(x.view(6)), x.is_set_to(x[1:]), x.is_set_to(x.clone())
T.zeros(2).to_sparse().untyped_storage()
T.zeros(2).to_sparse().storage()
(lambda l: (l[0] is l[1], l[0] == l[1]))(copy.deepcopy([u, u]))
(lambda l: l[0].untyped_storage() is l[1])(copy.deepcopy([x, u]))
(lambda l: (l[0].storage_offset(), l[0].stride(), len(l[0].untyped_storage())))(copy.deepcopy([x[1::2]]))
(lambda l: l[0].set_(l[1].untyped_storage(), 0, (2,)).is_set_to(l[1][:2]))(copy.deepcopy([x[1:], x]))
copy.deepcopy(x.view(2, 3).t()).stride()
copy.deepcopy(T.zeros(2, dtype=T.complex64).conj()).is_conj()
copy.deepcopy(T.nn.Parameter(x.view(2, 3).t())).stride()
"""


def run(T, statement):
    x = T.arange(6.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = {"T": T, "copy": copy, "x": x, "u": x.untyped_storage(), "s": x.storage()}
        try:
            return repr(eval(statement, names))
        except Exception as err:
            return f"{type(err).__name__}: {err}".strip()


@pytest.mark.parametrize("statement", STATEMENTS.strip().split("\n"))
def test_live(statement):
    torch = pytest.importorskip("torch")
    assert run(facula, statement) == run(torch, statement)


def test_deprecation_warning():
    import facula.storage

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        facula.storage._warned = False
        x = facula.zeros(2)
        x.storage(), x.storage()
    assert [str(w.message)[:27] for w in caught] == ["TypedStorage is deprecated."]
    assert caught[0].filename == __file__


def test_results_of_odd_strides_are_row_major():
    """A dimension of one element may have any stride; results have the usual one. (Beside a number,
    which has no dimensions, the strides decide: test_result_strides.)"""
    for x in (
        facula.empty_strided((1, 4), (100, 1)),
        facula.ones(3, 1, 5).as_strided((3, 1, 5), (5, 77, 1)),
    ):
        plain = facula.empty(x.shape).stride()
        for y in (x + x, x.exp(), x < x, x.neg()):
            assert y.stride() == plain and y.is_contiguous()


def test_small_tensors_that_change_their_storage():
    """Their own lies in one block with them, which the last of the two frees."""
    for _ in range(1000):
        x = facula.ones(2)
        view, other = x.view(2), facula.zeros(3)
        x.data = other
        assert view.tolist() == [1, 1] and x.tolist() == [0, 0, 0]
        x.data = view  # its own again
        del view
        x.add_(1)
        assert x.tolist() == [2, 2]
        kept = x.view(2)
        x.set_(other)
        del x, other
        assert kept.tolist() == [2, 2]
