"""Records serialization.json.gz with PyTorch: small saved files, as base64, and what is in them.

python tests/golden/record_serialization.py
"""

import base64
import gzip
import io
import json
import pathlib
import sys

import torch

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parent / "python"))

from serialization_cases import describe, objects

torch.manual_seed(0)
cases = {}
for name, obj in objects(torch).items():
    files = {}
    for form in ("zip", "legacy"):
        file = io.BytesIO()
        try:
            torch.save(obj, file, _use_new_zipfile_serialization=form == "zip")
        except Exception as err:
            print(name, form, err)
            continue
        files[form] = base64.b64encode(file.getvalue()).decode()
    file = io.BytesIO(base64.b64decode(files["zip"]))
    cases[name] = {"files": files, "holds": describe(torch.load(file), torch)}
text = json.dumps(cases, separators=(",", ":"))
(here / "serialization.json.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
