"""torch.hub: models by name from a folder with a hubconf.py, and downloads of weights.

Repositories on GitHub are not fetched: clone one, and give its folder with source="local".
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import warnings
from urllib.parse import urlparse
from urllib.request import Request, urlopen

from . import serialization

__all__ = [
    "download_url_to_file",
    "get_dir",
    "help",
    "list",
    "load",
    "load_state_dict_from_url",
    "set_dir",
]

# name-0123abcd.pth: the digits begin the SHA256 of the file
HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
READ_DATA_CHUNK = 128 * 1024

_hub_dir = None


def get_dir():
    """Where downloads are kept: what set_dir() was given, $TORCH_HOME/hub or ~/.cache/torch/hub."""
    if os.getenv("TORCH_HUB"):
        warnings.warn("TORCH_HUB is deprecated, please use env TORCH_HOME instead")
    if _hub_dir is not None:
        return _hub_dir
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    home = os.getenv("TORCH_HOME", os.path.join(cache, "torch"))
    return os.path.join(os.path.expanduser(home), "hub")


def set_dir(d):
    """Sets where downloads are kept."""
    global _hub_dir
    _hub_dir = os.path.expanduser(d)


def _hubconf(repo_or_dir, source):
    """The module hubconf of a folder."""
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    if source == "github":
        raise NotImplementedError(
            f"facula does not fetch repositories: clone {repo_or_dir} and call this function with "
            "its folder and source='local'"
        )
    path = os.path.join(repo_or_dir, "hubconf.py")
    spec = importlib.util.spec_from_file_location("hubconf", path)
    module = importlib.util.module_from_spec(spec)
    with _importable(repo_or_dir):
        spec.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importable(folder):
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _entry(module, name):
    """The function of a hubconf that makes a model."""
    if not isinstance(name, str):
        raise ValueError("Invalid input: model should be a string of function name")
    needed = getattr(module, "dependencies", None) or ()
    missing = [pkg for pkg in needed if importlib.util.find_spec(pkg) is None]
    if missing:
        raise RuntimeError(f"Missing dependencies: {', '.join(missing)}")
    function = getattr(module, name, None)
    if not callable(function):
        raise RuntimeError(f"Cannot find callable {name} in hubconf")
    return function


def list(
    github,
    force_reload=False,
    skip_validation=False,
    trust_repo=None,
    verbose=True,
    *,
    source="github",
):
    """The names of the models of a hubconf."""
    module = _hubconf(github, source)
    return [
        name for name in dir(module) if callable(getattr(module, name)) and not name.startswith("_")
    ]


def help(
    github, model, force_reload=False, skip_validation=False, trust_repo=None, *, source="github"
):
    """The docstring of a model's function."""
    return _entry(_hubconf(github, source), model).__doc__


def load(
    repo_or_dir,
    model,
    *args,
    source="github",
    trust_repo=None,
    force_reload=False,
    verbose=True,
    skip_validation=False,
    **kwargs,
):
    """Calls the function `model` of a folder's hubconf.py with the other arguments."""
    module = _hubconf(repo_or_dir, source.lower())
    with _importable(repo_or_dir):
        return _entry(module, model)(*args, **kwargs)


def download_url_to_file(url, dst, hash_prefix=None, progress=True):
    """Downloads url to the file dst, whose SHA256 must begin with hash_prefix."""
    digest = hashlib.sha256()
    dst = os.path.expanduser(dst)
    request = Request(url, headers={"User-Agent": "torch.hub"})
    # A file elsewhere until it is whole.
    part = tempfile.NamedTemporaryFile(
        dir=os.path.dirname(dst) or ".", suffix=".partial", delete=False
    )
    try:
        with part, urlopen(request) as source:
            total = source.headers.get("Content-Length")
            bar = _Progress(int(total) if total else None, enabled=progress)
            while chunk := source.read(READ_DATA_CHUNK):
                part.write(chunk)
                digest.update(chunk)
                bar.add(len(chunk))
            bar.end()
        found = digest.hexdigest()
        if hash_prefix is not None and not found.startswith(hash_prefix):
            raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{found}")')
        os.replace(part.name, dst)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part.name)


class _Progress:
    """How much of a download is done, in percent, on a terminal."""

    def __init__(self, total, enabled):
        self.total = total
        self.done = 0
        self.enabled = enabled and total and sys.stderr.isatty()

    def add(self, count):
        self.done += count
        if self.enabled:
            sys.stderr.write(f"\r{100 * self.done // self.total:3d}%")

    def end(self):
        if self.enabled:
            sys.stderr.write("\n")


def load_state_dict_from_url(
    url,
    model_dir=None,
    map_location=None,
    progress=True,
    check_hash=False,
    file_name=None,
    weights_only=False,
):
    """What torch.load() gives for a file behind a URL, downloaded once."""
    if model_dir is None:
        model_dir = os.path.join(get_dir(), "checkpoints")
    os.makedirs(model_dir, exist_ok=True)
    name = file_name if file_name is not None else os.path.basename(urlparse(url).path)
    path = os.path.join(model_dir, name)
    if not os.path.exists(path):
        sys.stdout.write(f'Downloading: "{url}" to {path}\n')
        match = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, path, match.group(1) if match else None, progress=progress)
    return serialization.load(path, map_location=map_location, weights_only=weights_only)
