"""Checks the built library's surface: what it exports, what it links, what it must never call.

    check_symbols.py BUILD_FOLDER

The shared library exports only fac_ names, needs only libc and libm, and neither it nor the
extension module refers to a function that ends the process or writes to the terminal.
"""

import pathlib
import subprocess
import sys

# Printing is by fac_print() to a FILE * of the caller's, so that fwrite and fputs may stay.
FORBIDDEN = {
    "abort", "exit", "_exit", "quick_exit", "printf", "puts", "putchar", "perror", "err", "errx",
    "__assert_fail", "raise", "kill", "vprintf", "__printf_chk", "__vprintf_chk",
}  # fmt: skip
ALLOWED_LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "ld-linux-x86-64.so.2"}


def lines(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def exported(path):
    return {line.split()[-1].split("@")[0] for line in lines("nm", "-D", "--defined-only", path)}


def undefined(path):
    return {line.split()[-1].split("@")[0] for line in lines("nm", "-D", "--undefined-only", path)}


def needed(path):
    return {
        line.split("[")[1].rstrip("]")
        for line in lines("readelf", "-d", path)
        if "(NEEDED)" in line
    }


def check(build):
    library = next(p for p in sorted(build.glob("src/libfacula.so*")) if p.is_file())
    extension = next(build.glob("python/src/_C*.so"))
    for name in sorted(exported(library)):
        if not name.startswith("fac_"):
            yield f"{library.name} exports {name}"
    for name in sorted(exported(extension) - {"PyInit__C"}):
        yield f"{extension.name} exports {name}"
    for name in sorted(needed(library) - ALLOWED_LIBRARIES):
        yield f"{library.name} needs {name}"
    for path in (library, extension):
        for name in sorted(undefined(path) & FORBIDDEN):
            yield f"{path.name} refers to {name}()"


def main():
    complaints = list(check(pathlib.Path(sys.argv[1])))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
