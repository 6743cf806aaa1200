"""Record what PyTorch says of surface_cases.txt: run with PyTorch installed."""

import gzip
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(os.path.dirname(HERE), "python", "surface_run.py")

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "out.json")
    subprocess.run([sys.executable, SCRIPT, path], check=True)
    with open(path, "rb") as recorded, open(os.path.join(HERE, "surface.json.gz"), "wb") as file:
        file.write(gzip.compress(recorded.read(), 9, mtime=0))
