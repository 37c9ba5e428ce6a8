"""Install a virtual environment from a lock file, with nothing but Python's standard library to start from.

The marker inside the environment names what was installed. It is written last: whatever an interrupted run left
behind has no marker, or the wrong one, and is installed again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from console import Step, Stop

ROOT = Path(__file__).resolve().parent.parent
BOOTSTRAP = ROOT / "requirements" / "bootstrap.txt"
NO_NETWORK = re.compile(
    r"name resolution|dns error|failed to lookup|Could not connect|Network is unreachable|Connection refused"
    r"|NewConnectionError|ConnectTimeout|error sending request|tunnel error|No route to host",
    re.IGNORECASE,
)


def environment(folder: str, lock: str, *, minimum: tuple[int, int]) -> Path:
    """Return the Python of an environment that holds the locked packages and this one, installed in place.

    :raises Stop: it cannot be installed; the text says what to do
    """
    if sys.version_info < minimum:
        wanted = ".".join(map(str, minimum))
        raise Stop(f"Python {wanted} or newer is needed, this is {sys.version.split()[0]} ({sys.executable}).")
    target = ROOT / folder
    lock_file = ROOT / "requirements" / lock
    python = target / "bin" / "python"
    marker = target / ".installed"
    with _alone(target):
        wanted = _fingerprint(lock_file)
        if marker.exists() and marker.read_text(encoding="utf-8") == wanted and _runs(python):
            return python
        _create(target, python)
        with Step(f"Installing {lock_file.name} into {folder} (the first time about a minute)"):
            _install(python, lock_file)
        marker.write_text(wanted, encoding="utf-8")
    return python


def _fingerprint(lock_file: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for path in (lock_file, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return f"{ROOT}\n{digest.hexdigest()}\n"


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the right to install: the kernel drops it when the holder dies."""
    path = target.with_name(f"{target.name}.lock")
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with Step("Waiting for another run that is installing"):
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _runs(python: Path) -> bool:
    try:
        return (
            subprocess.run(
                [python, "-c", "import airflow_oidc_auth"], cwd="/", capture_output=True, check=False
            ).returncode
            == 0
        )
    except OSError:
        return False


def _create(target: Path, python: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    with Step(f"Creating {target.name} with Python {sys.version.split()[0]}"):
        if _venv(target) != 0 and not (_install_debian_venv() and _venv(target) == 0):
            raise Stop(
                "Python's venv module does not work here. On Debian and Ubuntu: apt-get install python3-venv; "
                "then run the same command again."
            )
        _run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", BOOTSTRAP])


def _venv(target: Path) -> int:
    shutil.rmtree(target, ignore_errors=True)
    return subprocess.run([sys.executable, "-m", "venv", target], capture_output=True, check=False).returncode


def _install_debian_venv() -> bool:
    """Debian cuts ``ensurepip`` out of Python; root may put it back without being asked twice."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = subprocess.run(["apt-get", "update"], env=environ, capture_output=True, check=False)
    install = ["apt-get", "install", "-y", "--no-install-recommends", package]
    done = subprocess.run(install, env=environ, capture_output=True, check=False)
    return update.returncode == done.returncode == 0


def _install(python: Path, lock_file: Path) -> None:
    """Install by uv, which takes seconds; by pip where uv is kept from the index that pip is configured for."""
    uv = [python, "-m", "uv", "--native-tls", "pip", "install", "--quiet", "--python", python]
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        _run([*uv, "--require-hashes", "-r", lock_file])
    except Stop:
        print("  … uv could not install; trying pip, which takes longer", flush=True)
        _run([*pip, "--require-hashes", "-r", lock_file])
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", ROOT])


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if done.returncode == 0:
        return
    if NO_NETWORK.search(done.stdout):
        raise Stop(
            "The package index cannot be reached: no network, or a proxy that pip does not know "
            "(HTTPS_PROXY, or pip's own configuration).\n"
            "Run the same command again later; what was begun is cleaned up."
        )
    tail = "\n".join(done.stdout.strip().splitlines()[-15:])
    raise Stop(f"{' '.join(map(str, command[:5]))} … failed:\n{tail}")
