"""facula.io against NumPy and the safetensors package, and against broken files."""

import json
import os
import stat
import struct

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("facula")
io = pytest.importorskip("facula.io")

NPY = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
       "float16", "float32", "float64", "complex64", "complex128")  # fmt: skip
SHAPES = ((), (0,), (1,), (3,), (2, 3), (2, 0, 3), (3, 1, 2), (2,) * 9, (1000, 7))


def array(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.integers(-100, 100, shape)
    if dtype.startswith("complex"):
        a = a + 1j * rng.integers(-100, 100, shape)
    return np.asarray(a % 2 == 0 if dtype == "bool" else a).astype(dtype)


def same(tensor, a):
    assert str(tensor.dtype) == f"torch.{a.dtype.name}"
    assert tuple(tensor.shape) == a.shape
    assert np.array_equal(tensor.numpy(), a)


# ---- .npy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", NPY)
def test_npy_both_ways(tmp_path, dtype):
    path = tmp_path / "a.npy"
    for shape in SHAPES:
        for order in "CF":
            a = np.asarray(array(dtype, shape), order=order)
            np.save(path, a)
            expected = path.read_bytes()
            t = io.read_npy(path)
            same(t, a)
            assert t.numpy().flags.f_contiguous == a.flags.f_contiguous
            io.write_npy(path, t)
            assert path.read_bytes() == expected
            np.save(path, a.astype(a.dtype.newbyteorder(">")))
            same(io.read_npy(path), a)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_npy_versions(tmp_path, version):
    a = array("int32", (4, 5))
    with open(tmp_path / "a.npy", "wb") as f:
        np.lib.format.write_array(f, a, version=version)
    same(io.read_npy(tmp_path / "a.npy"), a)


def test_npy_views(tmp_path):
    path = tmp_path / "a.npy"
    t = torch.arange(24).reshape(2, 3, 4)
    for view in (t.permute(1, 0, 2), t[:, ::2], t[1], t.transpose(0, 2), t[0, 0].expand(5, 4)):
        io.write_npy(path, view)
        assert np.array_equal(np.load(path), view.numpy())
    z = torch.tensor([1 + 2j, 3 - 4j])
    io.write_npy(path, z.conj())
    assert np.load(path).tolist() == [1 - 2j, 3 + 4j]
    io.write_npy(path, z.conj().imag)
    assert np.load(path).tolist() == [-2, 4]


def npy(header, data=b"", version=1, length=None):
    header = header.encode() if isinstance(header, str) else header
    size = struct.pack("<H" if version == 1 else "<I", len(header) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + header + data


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n"


@pytest.mark.parametrize(
    "content, text",
    [
        (b"", "cut short"),
        (b"\x93NUMPX\x01\x00v\x00", "begins otherwise"),
        (npy(GOOD, b"1234567"), "takes 8 bytes, 7 are left"),
        (npy(GOOD, version=2)[:11], "cut short"),
        (npy(GOOD, length=60000), "cut short"),
        (npy(GOOD, version=2, length=2**32 - 1), "too large"),
        (npy(GOOD, version=4), "version 4.0 is not known"),
        (npy("{'descr': '<f4', 'shape': (2,)}"), "a missing key"),
        (npy("{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}"), "a repeated key"),
        (npy(GOOD.replace("descr", "what")), "an unknown key"),
        (npy(GOOD + "x"), "something behind"),
        (npy(GOOD.replace("(2,)", "(2)")), "no tuple"),
        (npy(GOOD.replace("(2,)", "[2]")), "no tuple"),
        (npy(GOOD.replace("(2,)", "(2 2)")), "a missing comma"),
        (npy(GOOD.replace("(2,)", "(-2,)")), "an odd size"),
        (npy(GOOD.replace("(2,)", f"({2**63},)")), "an odd size"),
        (npy(GOOD.replace("(2,)", f"({2**62},)")), "too large"),
        (npy(GOOD.replace("(2,)", f"({2**62}, 4, 0)")), "too large"),
        (npy(GOOD.replace("(2,)", f"({2**40},)")), "cut short"),
        (npy(GOOD.replace("(2,)", "(" + "1," * 65 + ")")), "more than 64 dimensions"),
        (npy(GOOD.replace("False", "0")), "odd fortran_order"),
        (npy(GOOD.replace("<f4", "<f4\x07")), "an odd text"),
        (npy(GOOD.replace("'<f4'", "<f4'")), "a text is missing"),
        (npy(b"\xff" * 20), "no dictionary"),
    ],
)
def test_npy_broken(tmp_path, content, text):
    path = tmp_path / "a.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text):
        io.read_npy(path)


@pytest.mark.parametrize("descr", ["<M8[s]", "|S3", "<U4", "|O", "<f16", "<i3", "", "<"])
def test_npy_other_dtypes(tmp_path, descr):
    (tmp_path / "a.npy").write_bytes(npy(GOOD.replace("<f4", descr), bytes(64)))
    with pytest.raises(NotImplementedError, match="are not supported"):
        io.read_npy(tmp_path / "a.npy")


def test_npy_other_errors(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(2, [("a", "i4")]))
    with pytest.raises(NotImplementedError, match="structured arrays"):
        io.read_npy(path)
    before = path.read_bytes()
    with pytest.raises(NotImplementedError, match="bfloat16"):
        io.write_npy(path, torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(NotImplementedError, match="no data"):
        io.write_npy(path, torch.ones(2, device="meta"))
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.npy"]
    with pytest.raises(FileNotFoundError):
        io.read_npy(tmp_path / "b.npy")
    with pytest.raises(OSError):
        io.read_npy(tmp_path)
    with pytest.raises(OSError):
        io.write_npy(tmp_path / "no" / "a.npy", torch.ones(2))


def test_odd_bools_become_true(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(npy(GOOD.replace("<f4", "|b1"), b"\x02\x00"))
    assert io.read_npy(path).tolist() == [True, False]
    assert io.read_npy(path).sum().item() == 1


def test_writing_replaces(tmp_path):
    path, link = tmp_path / "a.npy", tmp_path / "link.npy"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    io.write_npy(link, torch.ones(2))
    assert link.is_symlink() and np.load(path).tolist() == [1, 1]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["a.npy", "link.npy"]
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError, match="No space left"):
            io.write_npy("/dev/full", torch.ones(2))


# ---- safetensors --------------------------------------------------------------------------------

SAFE = ("bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
        "float16", "bfloat16", "float32", "float64", "complex64")  # fmt: skip


def bits(t):
    return (str(t.dtype), tuple(t.shape), t.tolist())


def some_tensors():
    tensors = {}
    for dtype in SAFE:
        for i, shape in enumerate(SHAPES):
            a = array("complex64" if dtype == "complex64" else "int64", shape, i)
            tensors[f"{dtype}.{i}"] = torch.as_tensor(a).to(getattr(torch, dtype))
    tensors['\u00e9"\\\n\x01/\U0001f525'] = torch.tensor(3.0)
    tensors[""] = torch.tensor([1, 2])
    return tensors


def test_safetensors_both_ways(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = some_tensors()
    io.save_file(tensors, path, {"format": 'p"t\u00e9'})
    with io.safe_open(path) as f:
        assert f.keys() == sorted(tensors, key=lambda s: s.encode())
        assert f.metadata() == {"format": 'p"t\u00e9'}
        loaded = {name: f.get_tensor(name) for name in f}
    with pytest.raises(ValueError, match="closed"):
        f.keys()
    for name, t in tensors.items():
        assert bits(loaded[name]) == bits(t), name
    again = io.load_file(path)
    before = path.read_bytes()
    again["float32.3"].add_(1)  # this process's copy of the page
    assert path.read_bytes() == before
    assert bits(io.load_file(path)["float32.3"]) == bits(tensors["float32.3"])
    assert bits(loaded["float32.3"]) == bits(tensors["float32.3"])


def test_safetensors_package(tmp_path):
    package = pytest.importorskip("safetensors.torch")
    reference = pytest.importorskip("torch")
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    tensors = some_tensors()
    io.save_file(tensors, mine, {"k": "v"})
    named = package.load_file(mine)
    assert named.keys() == tensors.keys()
    for name, t in named.items():
        assert (str(t.dtype), tuple(t.shape), t.tolist()) == bits(tensors[name])
    package.save_file(named, theirs, {"k": "v"})
    assert mine.read_bytes() == theirs.read_bytes()
    loaded = io.load_file(theirs)
    for name, t in tensors.items():
        assert bits(loaded[name]) == bits(t)
    assert reference.__version__


def safe(header, data=b"", length=None):
    if not isinstance(header, bytes):
        header = (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def info(dtype="F32", shape=(1,), begin=0, end=4):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


BROKEN = [
    (b"1234567", "not a safetensors file"),
    (safe({}, length=3), "."),
    (safe({}, length=2**63), "not a safetensors file"),
    (safe({}, length=2**64 - 1), "not a safetensors file"),
    (safe({}, length=100_000_001), "not a safetensors file"),
    (safe("[]"), "no object"),
    (safe(" {}"), "no object"),
    (safe(""), "no object"),
    (safe("{}x"), "behind the end"),
    (safe("{},"), "behind the end"),
    (safe("{}", b"1"), "1 bytes of data, but the tensors take 0"),
    (safe("{" * 100_000), "expected a string"),
    (safe('{"a":' * 100_000), "unknown key of a tensor"),
    (safe({"a": info()}, b"123"), "beyond the file"),
    (safe({"a": info()}, b"12345"), "the tensors take 4"),
    (safe({"a": info(end=3)}, b"123"), "do not fit the shape"),
    (safe({"a": info(begin=4, end=0)}, b"1234"), "beyond the file"),
    (safe({"a": info(begin=1, end=5)}, b"12345"), "where a hole ends"),
    (safe({"a": info(), "b": info()}, b"1234"), "another one lies"),
    (safe({"a": info(), "b": info(begin=2, end=6)}, b"123456"), "another one lies"),
    (safe({"a": info(), "b": info(begin=5, end=9)}, b"123456789"), "where a hole ends"),
    (safe({"a": info(shape=[2**62, 4])}, b"1234"), "too large"),
    (safe({"a": info(shape=[2**62, 4, 0], end=0)}), "too large"),
    (safe({"a": info(shape=[2**63])}, b"1234"), "integer too large"),
    (safe({"a": info(shape=[-1])}, b"1234"), "expected an integer"),
    (safe({"a": info(shape=[1.0])}, b"1234"), "expected an integer"),
    (safe({"a": info(shape=[1] * 65)}, b"1234"), "too many dimensions"),
    (safe('{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', b"1234"), "integer"),
    (safe('{"a":{"dtype":"F32","shape":[1,],"data_offsets":[0,4]}}', b"1234"), "integer"),
    (safe('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}', b"1234"), "expected"),
    (safe('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}'), "repeated key"),
    (safe('{"a":{"dtype":"F32","shape":[1]}}'), "without dtype, shape or data_offsets"),
    (safe('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}'), "unknown key"),
    (safe('{"a":{}}'), "expected a string"),
    (safe('{"a":1}'), "expected"),
    (safe('{"__metadata__":{"a":1}}'), "expected a string"),
    (safe('{"__metadata__":{"a":"1","a":"2"}}'), "stands twice"),
    (safe('{"__metadata__":{},"__metadata__":{}}'), "repeated key"),
    (safe(b'{"\xff":{}}'), "not UTF-8"),
    (safe(b'{"\xc0\x80":{}}'), "not UTF-8"),
    (safe(b'{"\xed\xa0\x80":{}}'), "not UTF-8"),
    (safe(b'{"\xf4\x90\x80\x80":{}}'), "not UTF-8"),
    (safe(b'{"\xe2\x82'), "not UTF-8"),
    (safe('{"a\n":{}}'), "control character"),
    (safe('{"\\ud800":{}}'), "bad escape"),
    (safe('{"\\ud800\\u0041":{}}'), "bad escape"),
    (safe('{"\\x":{}}'), "bad escape"),
    (safe('{"\\u00g0":{}}'), "bad escape"),
    (safe('{"\\u0000":{}}'), "NUL"),
    (safe('{"a'), "unfinished string"),
    (safe('{"a\\'), "bad escape"),
]


@pytest.mark.parametrize("i", range(len(BROKEN)))
def test_safetensors_broken(tmp_path, i):
    content, text = BROKEN[i]
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=text):
        io.safe_open(path)


def test_safetensors_same_names(tmp_path):
    a, b = json.dumps(info()), json.dumps(info(begin=4, end=8))
    (tmp_path / "a").write_bytes(safe(f'{{"a":{a},"\\u0061":{b}}}', b"12345678"))
    with pytest.raises(ValueError, match="two tensors are called 'a'"):
        io.safe_open(tmp_path / "a")


def test_safetensors_other_dtypes(tmp_path):
    header = {"a": info("F8_E4M3", [4]), "b": info("Q7", [1], 4, 8), "c": info(begin=8, end=12)}
    (tmp_path / "a").write_bytes(safe(header, bytes(12)))
    with io.safe_open(tmp_path / "a") as f:
        assert f.get_tensor("c").tolist() == [0]
        for name, dtype in (("a", "F8_E4M3"), ("b", "Q7")):
            with pytest.raises(NotImplementedError, match=f"has dtype {dtype}, which is not"):
                f.get_tensor(name)
        with pytest.raises(ValueError, match="no tensor is called 'd'"):
            f.get_tensor("d")


def test_safetensors_unaligned_and_odd(tmp_path):
    header = {"a": info("U8", [1], 0, 1), "b": info("F32", [1], 1, 5), "c": info("BOOL", [2], 5, 7)}
    path = tmp_path / "a"
    path.write_bytes(safe(json.dumps(header) + " \n", b"\x07" + struct.pack("<f", 2.5) + b"\x02\0"))
    loaded = io.load_file(path)
    assert loaded["a"].tolist() == [7] and loaded["b"].tolist() == [2.5]
    assert loaded["c"].tolist() == [True, False] and loaded["c"].sum().item() == 1


def test_safetensors_refused(tmp_path):
    path = tmp_path / "a"
    io.save_file({"a": torch.ones(2)}, path)
    before = path.read_bytes()
    for tensors, error, text in (
        ({"a": torch.ones(2, dtype=torch.complex128)}, NotImplementedError, "complex128"),
        ({"a": torch.ones(2, device="meta")}, NotImplementedError, "no data"),
        ({"__metadata__": torch.ones(2)}, ValueError, "cannot be called"),
        ({"a\0b": torch.ones(2)}, ValueError, "null"),
        ({"\ud800": torch.ones(2)}, UnicodeEncodeError, "surrogates"),
    ):
        with pytest.raises(error, match=text):
            io.save_file(tensors, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a"]
    with pytest.raises(FileNotFoundError):
        io.load_file(tmp_path / "b")


def test_safetensors_writes_over_what_it_reads(tmp_path):
    path = tmp_path / "a"
    io.save_file({"a": torch.arange(100_000)}, path)
    a = io.load_file(path)["a"]
    io.save_file({"a": a.flip(0)}, path)
    assert torch.equal(a, torch.arange(100_000))
    assert torch.equal(io.load_file(path)["a"], torch.arange(100_000).flip(0))
