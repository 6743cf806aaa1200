"""Stands in for `torch` on the path of a program run by `python -m facula`, and of its children.

The folder above goes on sys.path and into PYTHONPATH, so that every Python process started from
there finds this module when it imports torch. It steps aside at once: sys.modules["torch"] becomes
facula itself, and a finder gives `torch.nn.functional` the module `facula.nn.functional`.
"""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import pathlib
import sys

try:
    import facula
except ModuleNotFoundError:  # a child whose path lacks the folder that facula lies in
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[3]))
    import facula


class Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds torch and torch.a.b as facula and facula.a.b: the same module objects."""

    def find_spec(self, name, path=None, target=None):
        if name != "torch" and not name.startswith("torch."):
            return None
        try:
            spec = importlib.util.find_spec("facula" + name[5:])
        except ModuleNotFoundError:  # a parent that facula does not have either
            return None
        if spec is None:
            return None
        alias = importlib.machinery.ModuleSpec(name, self, origin=spec.origin)
        alias.submodule_search_locations = spec.submodule_search_locations
        return alias

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        # What is in sys.modules after this is what the import statement yields.
        name = module.__spec__.name
        sys.modules[name] = importlib.import_module("facula" + name[5:])


if not any(isinstance(finder, Alias) for finder in sys.meta_path):
    sys.meta_path.insert(0, Alias())
sys.modules["torch"] = facula
