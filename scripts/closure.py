"""What an installation of this package consists of: itself and all that it needs at run time, extras included.

Read from the metadata of the environment that runs this, so that it is what the tests ran with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = ROOT / "pyproject.toml"
VERSION = ROOT / "airflow_oidc_auth" / "__init__.py"
ROOT_PACKAGE = "airflow-oidc-auth"
_PIN = re.compile(r"([A-Za-z0-9._-]+)==([^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Part:
    """One installed distribution.

    :ivar metadata: fields of the core metadata, read as an e-mail message is
    :ivar needs: canonical names of what it needs here and now; what is for other platforms is not among it
    """

    name: str
    version: str
    metadata: Any
    needs: frozenset[str]


def closure() -> dict[str, Part]:
    """Return the parts by canonical name, the root among them.

    :raises importlib.metadata.PackageNotFoundError: one of them is not installed
    """
    root = read_root()
    asked: dict[str, frozenset[str]] = {}
    waiting = _wanted(_project_requirements())
    while waiting:
        name, wanted = waiting.pop()
        if name in asked and wanted <= asked[name]:
            continue
        asked[name] = asked.get(name, frozenset()) | wanted
        waiting += _wanted(_requirements(name, asked[name]))
    return {root.name: root} | {name: _part(name, asked[name]) for name in sorted(asked)}


def read_root() -> Part:
    """Return this package as its sources tell it; what is installed of it in place may be of another day."""
    project = _project()
    told = Message()
    told["License-Expression"] = project["license"]
    (version,) = re.findall(r'(?m)^__version__ = "(.+)"$', VERSION.read_text(encoding="utf-8"))
    return Part(project["name"], version, told, _names(_project_requirements()))


def read_hashes(lock: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the SHA-256 hashes of a lock file by canonical name and version."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", lock.read_text(encoding="utf-8")):
        if pin := _PIN.match(block):
            found[canonicalize_name(pin[1]), pin[2]] = tuple(sorted(_HASH.findall(block)))
    return found


def _part(name: str, extras: frozenset[str]) -> Part:
    installed = metadata.distribution(name)
    return Part(name, installed.version, installed.metadata, _names(_requirements(name, extras)) - {name})


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return project


def _project_requirements() -> list[Requirement]:
    project = _project()
    lists = (project["dependencies"], *project["optional-dependencies"].values())
    return _applying([text for each in lists for text in each], ())


def _requirements(name: str, extras: Iterable[str]) -> list[Requirement]:
    return _applying(metadata.distribution(name).requires or (), extras)


def _applying(texts: Iterable[str], extras: Iterable[str]) -> list[Requirement]:
    """Return those whose marker holds here."""
    environments = [{"extra": extra} for extra in ("", *extras)]
    requirements = [Requirement(text) for text in texts]
    return [each for each in requirements if each.marker is None or any(map(each.marker.evaluate, environments))]


def _wanted(requirements: Iterable[Requirement]) -> list[tuple[str, frozenset[str]]]:
    return [(str(canonicalize_name(each.name)), frozenset(each.extras)) for each in requirements]


def _names(requirements: Iterable[Requirement]) -> frozenset[str]:
    return frozenset(name for name, _ in _wanted(requirements))
