"""Record what PyTorch raises for error_cases.py: run with PyTorch installed."""

import gzip
import json
import os
import sys
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

import torch

import error_cases

warnings.simplefilter("ignore")
data = {case: error_cases.answer(torch, case) for case in error_cases.CASES}
with open(os.path.join(HERE, "errors.json.gz"), "wb") as f:
    f.write(gzip.compress(json.dumps(data, separators=(",", ":")).encode(), 9, mtime=0))
