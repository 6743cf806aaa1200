"""Record what PyTorch does with the cases of cases_nn.py and its kin: run with PyTorch installed.

python tests/golden/record_nn.py [--check] [NAME ...]
"""

import argparse
import gzip
import importlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

import torch

import golden_nn

NAMES = ("nn_modules", "nn_functional", "nn_module", "optim", "data")


def record(name):
    cases = importlib.import_module("cases_" + name)
    out = {}
    for text in getattr(cases, "EXPRESSIONS", ()):
        out[text] = golden_nn.run_expression(text, torch, cases)
    for function in getattr(cases, "SCENARIOS", ()):
        key = "def " + function.__name__
        out[key] = golden_nn.outcome(lambda: function(torch), torch)
    for key, result in out.items():
        if result.get("error", [""])[0] in ("NameError", "SyntaxError"):
            raise SystemExit(f"the case itself is wrong: {key}: {result}")
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.names or NAMES:
        recorded = record(name)
        if args.check:
            if golden_nn.load(name) != json.loads(json.dumps(recorded)):
                sys.exit(f"{name} is not what PyTorch {torch.__version__} gives")
            continue
        path = os.path.join(HERE, name + ".json.gz")
        text = json.dumps(recorded, separators=(",", ":"))
        with open(path, "wb") as f:
            f.write(gzip.compress(text.encode(), 9, mtime=0))
        print(path, len(recorded), "cases", os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
