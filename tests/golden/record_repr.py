"""Record what PyTorch prints for the cases of repr_cases.py: run with PyTorch installed."""

import gzip
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

import torch

import repr_cases

texts = [repr_cases.text(torch, seed) for seed in range(600)]
with open(os.path.join(HERE, "repr.json.gz"), "wb") as f:
    data = json.dumps(texts, separators=(",", ":"), ensure_ascii=False)
    f.write(gzip.compress(data.encode(), 9, mtime=0))
