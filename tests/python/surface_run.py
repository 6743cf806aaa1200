"""Runs the blocks of surface_cases.txt as a Python prompt would: each statement's value, printed
text, warnings and error as text, with either package under the name torch.

    python surface_run.py out.json              what PyTorch says
    python -m facula surface_run.py out.json    what facula says

A block is a program of its own; an error does not end it. Texts are compared after the package's
name, addresses and the version are made alike."""

import ast
import contextlib
import io
import json
import pathlib
import re
import sys
import warnings

CASES = pathlib.Path(__file__).with_name("surface_cases.txt")
PRELUDE = """
import copy, operator, pickle
import numpy as np
from torch import nn
import torch.nn.functional as F
"""


def blocks():
    """The programs of surface_cases.txt, which blank lines part; lines of # head a section."""
    text = re.sub(r"^#.*\n", "", CASES.read_text(), flags=re.MULTILINE)
    return [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]


def alike(text):
    text = re.sub(r"\bfacula\b", "torch", text)
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", text)
    return re.sub(r"2\.13\.0\+[\w.]+", "2.13.0", text)


def statement(node, names):
    if isinstance(node, ast.Expr):
        value = eval(compile(ast.Expression(node.value), "<case>", "eval"), names)
        if value is not None:
            print(repr(value))
    else:
        exec(compile(ast.Module([node], []), "<case>", "exec"), names)


def run(torch, source):
    """What source prints, said of its errors and warnings too."""
    names = {"__name__": "__case__", "torch": torch}
    exec(PRELUDE, names)
    torch.manual_seed(0)
    out = io.StringIO()
    with warnings.catch_warnings(record=True) as seen, contextlib.redirect_stdout(out):
        warnings.simplefilter("always")
        for node in ast.parse(source).body:
            try:
                statement(node, names)
            except Exception as err:
                text = str(err).split("\n\nException raised from")[0]
                print("!", type(err).__name__ + ":", text)
            for w in seen:
                if "Deprecation" in w.category.__name__:
                    continue  # NumPy's, of what PyTorch lacks
                said = str(w.message).split("(Triggered internally")[0].strip()
                print("W", w.category.__name__, said)
            seen.clear()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    return alike(out.getvalue())


def main(path):
    import torch

    with open(path, "w") as file:
        json.dump([[block, run(torch, block)] for block in blocks()], file)


if __name__ == "__main__":
    main(sys.argv[1])
