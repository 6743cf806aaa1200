"""The C API from outside: its headers under every standard, C++, ctypes, the installed libraries, and
the example that trains on Fashion-MNIST's files."""

import ctypes
import gzip
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
LIBRARY = BUILD / "src" / "libfacula.so"
HEADERS = sorted(p.name for p in (ROOT / "include" / "facula").iterdir())
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT / 'include'}"]
CC, CXX = (shutil.which(os.environ.get(v, d)) for v, d in (("CC", "cc"), ("CXX", "c++")))

needs_library = pytest.mark.skipif(not LIBRARY.exists(), reason="build/ has no libfacula.so")
needs_cxx = pytest.mark.skipif(CXX is None, reason="there is no C++ compiler")


def run(*command, **kwargs):
    done = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs,
    )
    return done.returncode, done.stdout


def succeeds(*command, **kwargs):
    status, text = run(*command, **kwargs)
    assert status == 0, text[-4000:]
    return text


# --- headers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", HEADERS)
def test_headers_are_plain_c_and_cxx(header, tmp_path):
    source = tmp_path / "one.c"
    source.write_text(f"#include <facula/{header}>\nint main(void) {{ return 0; }}\n")
    if not header.endswith(".hpp"):
        for standard in ("c11", "c17"):
            succeeds(CC, "-x", "c", f"-std={standard}", *STRICT, "-fsyntax-only", source)
    for standard in ("c++17", "c++20") if CXX else ():
        succeeds(CXX, "-x", "c++", f"-std={standard}", *STRICT, "-fsyntax-only", source)


@needs_library
@needs_cxx
@pytest.mark.parametrize("standard", ["c++17", "c++20"])
def test_overloads_in_cxx(standard, tmp_path):
    relaxed = ["-Wno-missing-field-initializers"]  # options by name leave out others
    source, program = ROOT / "tests" / "c" / "overloads.cpp", tmp_path / "overloads"
    link = [f"-L{LIBRARY.parent}", "-lfacula", f"-Wl,-rpath,{LIBRARY.parent}"]
    succeeds(CXX, f"-std={standard}", *STRICT, *relaxed, source, "-o", program, *link)
    assert succeeds(program) == "all right\n"


# --- other languages -------------------------------------------------------------------------------


class Ints(ctypes.Structure):
    _fields_ = [
        ("values", ctypes.POINTER(ctypes.c_int64)),
        ("n", ctypes.c_int),
        ("given", ctypes.c_bool),
    ]

    @classmethod
    def of(cls, *numbers):
        return cls((ctypes.c_int64 * len(numbers))(*numbers), len(numbers), True)


class SumOptions(ctypes.Structure):
    """fac_sum_options as far as this program knows it."""

    _fields_ = [("size_", ctypes.c_size_t), ("dim", Ints), ("keepdim", ctypes.c_bool)]


@pytest.fixture
def c():
    library = ctypes.CDLL(str(LIBRARY))
    for name in "scope_open from_data sum_ex zeros_ex grad exp_ex".split():
        getattr(library, "fac_" + name).restype = ctypes.c_void_p
    library.fac_item_float.restype = ctypes.c_double
    library.fac_error.restype = library.fac_to_string.restype = ctypes.c_char_p
    library.fac_ok.restype = library.fac_backward.restype = ctypes.c_bool
    scope = ctypes.c_void_p(library.fac_scope_open())
    yield library
    library.fac_scope_close(scope)


@needs_library
def test_ctypes(c):
    float32 = 12
    data = (ctypes.c_float * 6)(1, 2, 3, 4, 5, 6)
    x = ctypes.c_void_p(c.fac_from_data(data, float32, Ints.of(2, 3)))
    assert c.fac_ok(x) and c.fac_dim(x) == 2
    assert c.fac_item_float(ctypes.c_void_p(c.fac_sum_ex(x, None))) == 21
    options = SumOptions(ctypes.sizeof(SumOptions), Ints.of(1), True)
    rows = ctypes.c_void_p(c.fac_sum_ex(x, ctypes.byref(options)))
    assert c.fac_to_string(rows) == b"tensor([[ 6.],\n        [15.]])"
    assert c.fac_set_requires_grad(x, True)
    assert c.fac_backward(ctypes.c_void_p(c.fac_sum_ex(x, None)))
    assert c.fac_to_string(ctypes.c_void_p(c.fac_grad(x))) == (
        b"tensor([[1., 1., 1.],\n        [1., 1., 1.]])"
    )


@needs_library
def test_ctypes_errors(c):
    x = ctypes.c_void_p(c.fac_zeros_ex(Ints.of(2, -3), None))
    assert not c.fac_ok(x)
    assert b"must be non-negative" in c.fac_error() and c.fac_error() == b""
    assert not c.fac_ok(ctypes.c_void_p(c.fac_exp_ex(None)))
    assert b"must be Tensor, not NULL" in c.fac_error()
    unset = SumOptions(0, Ints.of(1), True)
    assert not c.fac_ok(ctypes.c_void_p(c.fac_sum_ex(None, ctypes.byref(unset))))
    assert b"do not begin with their size" in c.fac_error()


# --- installed -------------------------------------------------------------------------------------

PROGRAM = """#include <facula/facula.h>
int main(void) {
    return fac_print(fac_add(fac_ones(fac_dims(2)), 1), stdout) ? 0 : 1;
}
"""


@needs_library
@pytest.mark.skipif(shutil.which("pkg-config") is None, reason="there is no pkg-config")
def test_installed_libraries(tmp_path):
    """What `make install` copies serves a program by pkg-config, shared and static."""
    meson = pathlib.Path(sys.executable).parent / "meson"
    if not meson.exists():
        pytest.skip("meson is not installed beside this Python")
    tags = ["--tags", "runtime,devel", "--no-rebuild", "--quiet"]
    path = f"{meson.parent}{os.pathsep}{os.environ['PATH']}"
    succeeds(
        meson,
        "install",
        "-C",
        BUILD,
        "--destdir",
        tmp_path,
        *tags,
        env={**os.environ, "PATH": path},
    )
    pc = next(tmp_path.rglob("facula.pc"))
    folder = next(tmp_path.rglob("libfacula.a")).parent
    assert next(tmp_path.rglob("facula/ops.hpp")).parent.parent.name == "include"
    assert not list(tmp_path.rglob("*.py")) and not list(tmp_path.rglob("_C*.so"))
    env = {
        **os.environ,
        "PKG_CONFIG_PATH": str(pc.parent),
        "PKG_CONFIG_SYSROOT_DIR": str(tmp_path),
    }
    flags = succeeds("pkg-config", "--cflags", "--libs", "facula", env=env).split()
    source, program = tmp_path / "one.c", tmp_path / "one"
    source.write_text(PROGRAM)
    succeeds(CC, source, *flags, f"-Wl,-rpath,{folder}", "-o", program)
    assert succeeds(program) == "tensor([2., 2.])\n"
    include = [f for f in flags if f.startswith("-I")]
    libs = succeeds(
        "pkg-config", "--static", "--libs-only-l", "--libs-only-other", "facula", env=env
    )
    private = [f for f in libs.split() if f != "-lfacula"]
    succeeds(CC, source, *include, folder / "libfacula.a", *private, "-o", program)
    assert succeeds(program) == "tensor([2., 2.])\n"
    assert "libfacula" not in succeeds("ldd", program)


# --- examples/c/fashion_mnist.c --------------------------------------------------------------------

NAMES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
NAMES += ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def idx(sizes, data):
    return struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + bytes(data)


@pytest.fixture(scope="module")
def fashion_mnist():
    ninja = pathlib.Path(sys.executable).parent / "ninja"
    if not (BUILD / "build.ninja").exists() or not ninja.exists():
        pytest.skip("there is no build folder")
    succeeds(ninja, "-C", BUILD, "examples/c/fashion_mnist")
    return BUILD / "examples" / "c" / "fashion_mnist"


@pytest.fixture
def files():
    """Images of 6 by 6 in which the row or column that is bright tells the class."""
    rng, out = random.Random(0), {}
    for part, n in (("train", 960), ("t10k", 200)):
        labels = [rng.randrange(10) for _ in range(n)]
        pixels = []
        for label in labels:
            for i in range(36):
                on = i // 6 == label if label < 6 else i % 6 == label - 6
                pixels.append(200 if on else rng.randrange(60))
        out[part + "-images-idx3-ubyte"] = idx((n, 6, 6), pixels)
        out[part + "-labels-idx1-ubyte"] = idx((n,), labels)
    return out


def write(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)


def test_fashion_mnist_trains(fashion_mnist, files, tmp_path):
    write(tmp_path, files)
    text = succeeds(fashion_mnist, tmp_path, 8, 95)
    lines = text.splitlines()
    assert lines[0] == f"Fashion-MNIST from {tmp_path}: 960 images to learn from, 200 held out"
    assert len(lines) == 9 and all(line.startswith("epoch ") for line in lines[1:])
    losses = [float(line.split()[3]) for line in lines[1:]]
    assert losses[-1] < losses[0] / 4
    assert succeeds(fashion_mnist, tmp_path, 8, 95) == text
    status, text = run(fashion_mnist, tmp_path, 1, 100.5)
    assert status == 1 and "is below 100.5 %" in text


def test_fashion_mnist_reads_gzip(fashion_mnist, files, tmp_path):
    write(tmp_path, {n + ".gz": gzip.compress(data) for n, data in files.items()})
    status, text = run(fashion_mnist, tmp_path, 1, 0)
    assert status == 0 or "was built without zlib" in text, text


def test_fashion_mnist_refuses(fashion_mnist, files, tmp_path):
    """Files that are missing, cut short, or lie."""
    images, labels = NAMES[:2]
    cases = [
        ({images: None}, "No such file"),
        ({images: b""}, "is not an idx file"),
        ({images: files[labels]}, "is not an idx file of bytes with 3 dimensions"),
        ({images: files[images][:-1]}, "is cut short or too long"),
        ({labels: files[labels] + b"x"}, "is cut short or too long"),
        ({images: idx((0, 6, 6), b"")}, "is cut short or too long"),
        ({images: idx((2**32 - 1, 2**32 - 1, 2**32 - 1), b"x")}, "is cut short or too long"),
        ({labels: idx((3,), b"abc")}, "960 images and 3 labels"),
        ({labels: files[labels][:-1] + b"\x0a"}, "names a class beyond 9"),
        ({NAMES[2]: idx((200, 2, 2), bytes(800))}, "are of another size"),
    ]
    for change, message in cases:
        write(tmp_path, files)
        for name, data in change.items():
            if data is None:
                (tmp_path / name).unlink()
            else:
                (tmp_path / name).write_bytes(data)
        status, text = run(fashion_mnist, tmp_path, 1, 0)
        assert status == 1 and text.startswith("fashion_mnist: ") and message in text, text
    assert run(fashion_mnist, tmp_path, "many")[0] == 2
