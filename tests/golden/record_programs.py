"""Record what the programs of tests/python/programs print: run with PyTorch installed.

record_programs.py [name ...]       all of them, or those named and new ones alone
"""

import gzip
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "programs.json.gz"
before = json.loads(gzip.decompress(RECORD.read_bytes())) if len(sys.argv) > 1 else {}
data = {}
for path in sorted((HERE.parent / "python" / "programs").glob("*.py")):
    if path.stem in before and path.stem not in sys.argv[1:]:
        data[path.stem] = before[path.stem]
        continue
    command = [sys.executable, "-W", "ignore", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    data[path.stem] = done.stdout
text = json.dumps(data, separators=(",", ":")).encode()
RECORD.write_bytes(gzip.compress(text, 9, mtime=0))
