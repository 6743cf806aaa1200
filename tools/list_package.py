"""Prints the package's files, for Meson: one path a line, relative to the folder given."""

import pathlib
import sys

root = pathlib.Path(sys.argv[1])
for path in sorted((root / "facula").rglob("*")):
    if path.suffix in (".py", ".pyi") or path.name in ("METADATA", "py.typed"):
        print(path.relative_to(root).as_posix())
