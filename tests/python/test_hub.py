"""torch.hub: models of a local folder, downloads, and the names of what is not there."""

import hashlib

import pytest

torch = pytest.importorskip("facula")
hub = torch.hub

HUBCONF = '''
"""Models."""
dependencies = ["json"]
from helper import width


def small(depth=1):
    """A small model."""
    import torch

    return torch.nn.Linear(width, depth)


def _hidden():
    pass
'''


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "hubconf.py").write_text(HUBCONF.replace("import torch", "import facula as torch"))
    (tmp_path / "helper.py").write_text("width = 3\n")
    return str(tmp_path)


def test_local(repository):
    assert hub.list(repository, source="local") == ["small"]
    assert hub.help(repository, "small", source="local") == "A small model."
    model = hub.load(repository, "small", source="local", depth=2)
    assert (model.in_features, model.out_features) == (3, 2)


def test_what_is_not_there_is_named(repository, tmp_path):
    with pytest.raises(RuntimeError, match="Cannot find callable big in hubconf"):
        hub.load(repository, "big", source="local")
    with pytest.raises(ValueError, match='Unknown source: "x". Allowed values: "github" | "local"'):
        hub.load(repository, "small", source="x")
    with pytest.raises(NotImplementedError, match="clone pytorch/vision and call"):
        hub.load("pytorch/vision", "resnet18", pretrained=True)
    (tmp_path / "hubconf.py").write_text("dependencies = ['no_such_package']\ndef m(): pass\n")
    with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
        hub.load(repository, "m", source="local")


def test_downloads(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    assert hub.get_dir() == str(tmp_path / "home" / "hub")
    torch.save({"w": torch.ones(2)}, tmp_path / "plain.pth")
    data = (tmp_path / "plain.pth").read_bytes()
    right = tmp_path / f"net-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    wrong = tmp_path / "net-01234567.pth"
    for path in (right, wrong):
        path.write_bytes(data)
    state = hub.load_state_dict_from_url(right.as_uri(), check_hash=True, progress=False)
    assert state["w"].tolist() == [1, 1] and "Downloading: " in capsys.readouterr().out
    right.unlink()  # by now it is at home
    again = torch.utils.model_zoo.load_url(right.as_uri())
    assert again["w"].tolist() == [1, 1] and capsys.readouterr().out == ""
    with pytest.raises(RuntimeError, match='invalid hash value .expected "01234567", got'):
        hub.load_state_dict_from_url(wrong.as_uri(), check_hash=True)
    assert [p.name for p in (tmp_path / "home/hub/checkpoints").iterdir()] == [right.name]


def test_distributed_is_not_there():
    assert not torch.distributed.is_available() and not torch.distributed.is_initialized()
    with pytest.raises(AttributeError, match="facula has no torch.distributed.all_reduce"):
        torch.distributed.all_reduce(torch.ones(1))
