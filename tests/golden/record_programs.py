"""Record what the programs of tests/python/programs print: run with PyTorch installed."""

import gzip
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
data = {}
for path in sorted((HERE.parent / "python" / "programs").glob("*.py")):
    command = [sys.executable, "-W", "ignore", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    data[path.stem] = done.stdout
text = json.dumps(data, separators=(",", ":")).encode()
(HERE / "programs.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))
