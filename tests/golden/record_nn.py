"""Record what PyTorch does with the cases of cases_nn.py and its kin: run with PyTorch installed.

python tests/golden/record_nn.py [--check] [NAME ...]
"""

import argparse
import importlib
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

import golden_nn  # noqa: E402
import torch  # noqa: E402

NAMES = ("nn_modules", "nn_functional", "nn_module", "optim", "data")


def record(name):
    cases = importlib.import_module("cases_" + name)
    out = {}
    for text in getattr(cases, "EXPRESSIONS", ()):
        out[text] = golden_nn.run_expression(text, torch)
    for function in getattr(cases, "SCENARIOS", ()):
        out["def " + function.__name__] = golden_nn.outcome(lambda: function(torch), torch)  # noqa: B023
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.names or NAMES:
        if not os.path.exists(os.path.join(os.path.dirname(HERE), "python", f"cases_{name}.py")):
            continue
        path = os.path.join(HERE, name + ".json")
        lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in record(name).items()]
        text = "{\n" + ",\n".join(lines) + "\n}\n"
        if args.check:
            with open(path) as f:
                if f.read() != text:
                    sys.exit(f"{path} is not what PyTorch {torch.__version__} gives")
        else:
            with open(path, "w") as f:
                f.write(text)
            print(path, len(lines), "cases", len(text), "bytes")


if __name__ == "__main__":
    main()
