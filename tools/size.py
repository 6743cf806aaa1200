"""Builds the wheel, runs it, prints what it weighs by part; fails above the budget of 8 MB.

size.py [--budget MB]
"""

import argparse
import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build_wheel(folder):
    """The wheel as pip builds it, but with the objects that `make` has compiled already."""
    objects = ROOT / "build-wheel"
    shutil.rmtree(objects, ignore_errors=True)
    shutil.copytree(ROOT / "build", objects, symlinks=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-build-isolation", f"--config-settings=builddir={objects.name}"]
    command += ["--wheel-dir", folder, str(ROOT)]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    subprocess.run(command, check=True, cwd=ROOT, env=dict(os.environ, PATH=path))  # meson, ninja
    shutil.rmtree(objects)
    return next(pathlib.Path(folder).glob("*.whl"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=8.0, help="megabytes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build_wheel(folder)
        weights = collections.Counter()
        for item in zipfile.ZipFile(wheel).infolist():
            kind = "extension module" if item.filename.endswith(".so") else "Python files"
            weights[kind] += item.file_size
        zipfile.ZipFile(wheel).extractall(f"{folder}/installed")
        check = "import facula; assert facula.ones(3).tolist() == [1, 1, 1]; print(facula.__file__)"
        env = dict(os.environ, PYTHONPATH=f"{folder}/installed")
        command = [sys.executable, "-c", check]
        where = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
        assert where.startswith(folder), f"the wheel was not what ran: {where}"
        print(f"wheel             {wheel.stat().st_size / 1e6:6.2f} MB")
    for kind, size in weights.items():
        print(f"{kind:17} {size / 1e6:6.2f} MB")
    total = sum(weights.values()) / 1e6
    print(f"installed         {total:6.2f} MB of {args.budget:g} MB")
    return 0 if total <= args.budget else 1


if __name__ == "__main__":
    sys.exit(main())
