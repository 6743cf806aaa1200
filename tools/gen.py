#!/usr/bin/env python3
"""spec/*.py -> descriptors, argument structs, C wrappers, Python method tables, stubs.

A spec file holds Python stubs under `@op(...)`; it is parsed with `ast`, never imported. What is
written is data and three-line wrappers, never logic. `gen.py` writes, `gen.py --check` fails when a
committed file is stale. The texts are in generate/; docs/adding-an-op.md explains the fields.
"""

import pathlib
import sys

from generate import c_api, descriptors, model, python

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    try:
        ops = model.read(ROOT / "spec")
        files = {
            "src/gen/ops.h": descriptors.ops_h(ops),
            "src/gen/ops.c": descriptors.ops_c(ops),
            "src/gen/api.c": c_api.api_c(ops),
            "include/facula/ops.h": c_api.api_h(ops),
            "include/facula/ops.hpp": c_api.api_hpp(ops),
            "python/src/gen_methods.h": python.py_h(ops),
            "python/facula/_ops.pyi": python.pyi(ops),
        }
    except model.SpecError as e:
        sys.exit(f"spec/{e}")
    stale = []
    for name, text in files.items():
        path = ROOT / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if "--check" in sys.argv and stale:
        sys.exit("stale, run tools/gen.py: " + ", ".join(stale))


if __name__ == "__main__":
    main()
