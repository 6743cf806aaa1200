"""Versions that compare as versions do: with texts and with tuples of numbers."""

_ORDER = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "c": -1, "rc": -1, "post": 1}


def _key(version):
    """What orders versions, after PEP 440: release, stage, local part; None of what is no version.

    A local part sorts behind none, and there numbers behind words.
    """
    import re

    match = re.fullmatch(
        r"v?(\d+(?:\.\d+)*)(?:[._-]?(dev|alpha|a|beta|b|rc|c|post)[._-]?(\d*))?(?:\+([\w.-]+))?",
        version.strip().lower(),
    )
    if match is None:
        return None
    release = [int(part) for part in match[1].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    local = re.split(r"[._-]", match[4]) if match[4] else []
    return (
        release,
        (_ORDER[match[2]] if match[2] else 0, int(match[3] or 0)),
        [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in local],
    )


def _comparison(name):
    plain = getattr(str, name)

    def compare(self, other):
        if isinstance(other, (tuple, list)):
            other = ".".join(str(part) for part in other)
        if not isinstance(other, str):
            return NotImplemented
        mine, theirs = _key(self), _key(other)
        if mine is None or theirs is None:
            return plain(self, other)
        return getattr(tuple, name)(mine, theirs)

    return compare


class TorchVersion(str):
    """A version's text; `TorchVersion("2.13") > "2.9"` and `>= (2, 1)` are True."""

    __slots__ = ()
    __hash__ = str.__hash__
    for _name in ("__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"):
        locals()[_name] = _comparison(_name)
    del _name


__all__ = ["TorchVersion"]
