"""Run ``webserver_config.py`` as FAB does, and say what is wrong with it in one line instead of a traceback.

The file is the administrator's own program, so anything can go wrong in it. No message of an exception is shown
unless it can only hold names: the file may hold secrets.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.fab.source_lines import SourceLines, read_source_lines

OPTION = "[fab] config_file"
INSTALL = "pip install 'airflow-oidc-auth[fab]'"
_NAME = re.compile(r"[A-Za-z_][\w.\-]{0,99}", re.ASCII)
_LONGEST_NAME = 30
_NULL = b"\0"
_OF_AIRFLOW_2 = "airflow.www"
_OF_FAB = ("airflow.providers.fab", "flask")


@dataclass(frozen=True, slots=True)
class WebserverConfig:
    """What the file set, in capitals as Flask wants it.

    :param path: of the file
    :param values: what the file set itself; may hold secrets, so it is in no repr
    :param lines: where
    """

    path: str
    values: Mapping[str, object] = field(repr=False)
    lines: SourceLines = field(default_factory=SourceLines, repr=False)

    def problem(self, name: str, text: str, suggestion: str = "", *, place: str = "") -> Problem:
        """Return a problem with a setting of this file.

        :param place: what to call it, where it is only a part of the setting
        """
        return Problem(place or name, text, suggestion, self.where(name))

    def where(self, name: str) -> str:
        """Return file and line of a setting."""
        line = self.lines.of(name)
        return f"{self.path}:{line}" if line else self.path


def read_webserver_config(path: str) -> WebserverConfig:
    """Run the file in the context of a bare Flask app.

    :raises ConfigurationError: there is no such file, it cannot be run, or FAB is not installed
    """
    if not Path(path).is_absolute():
        text = f"is a relative path ({path}), which FAB would look for in its own package"
        raise ConfigurationError([Problem(OPTION, text, "write the full path")])
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError([_unreadable(path, error)]) from None
    lines = read_source_lines(source)
    try:
        values = _run(path)
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 (an outermost border: the file is a program, not ours)
        raise ConfigurationError([_explain(path, source, error)]) from None
    return WebserverConfig(path, values, lines)


def _run(path: str) -> dict[str, object]:
    try:
        from flask import Flask
    except ImportError:
        raise ConfigurationError([without_fab()]) from None
    app = Flask("airflow_oidc_auth")
    before = dict(app.config)
    # What the file prints must not become a part of what `--json` prints.
    with app.app_context(), contextlib.redirect_stdout(sys.stderr):
        app.config.from_pyfile(path)
    return {name: value for name, value in app.config.items() if name not in before or value is not before[name]}


def without_fab() -> Problem:
    """Return the problem that the extra is missing."""
    return Problem("[core] auth_manager", "OidcFabAuthManager needs the FAB provider, which is not installed", INSTALL)


def _unreadable(path: str, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        suggestion = "create it as docs/tasks/fab-mode.md shows, or name another file"
        return Problem(OPTION, f"there is no file {path}", suggestion)
    reason = error.strerror or type(error).__name__
    return Problem(OPTION, f"cannot read {path}: {reason}", "check the path and its permissions")


def _explain(path: str, source: bytes, error: BaseException) -> Problem:
    if isinstance(error, SyntaxError) and error.filename == path:
        # Without the line's text: it may hold a secret.
        return _problem(path, error.lineno, f"is not valid Python: {error.msg}", "correct this line, or the one before")
    if _NULL in source:
        return _problem(path, None, "is not valid Python: it holds null bytes", "save it as UTF-8 text")
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == path), None)
    text, suggestion = _in_words(error, of_environment=bool(frames) and _is_of_os(frames[-1].filename))
    return _problem(path, line, text, suggestion)


def _problem(path: str, line: int | None, text: str, suggestion: str) -> Problem:
    return Problem(Path(path).name, text, suggestion, f"{path}:{line}" if line else path)


def _is_of_os(filename: str) -> bool:
    return filename in ("<frozen os>", os.__file__)


def _in_words(error: BaseException, *, of_environment: bool) -> tuple[str, str]:
    if isinstance(error, ImportError):
        return _import_words(error)
    if isinstance(error, KeyError):
        return _key_words(_name(error), of_environment=of_environment)
    if isinstance(error, NameError) and error.name:
        # A secret whose quotes were forgotten is a name for Python; short ones are shown, secrets are long.
        name = f"the name {error.name}" if len(error.name) <= _LONGEST_NAME else "a name"
        return f"uses {name}, which is not defined", "import it, correct its spelling, or put it in quotes"
    if isinstance(error, OSError) and error.filename and error.errno:
        # Not its own text, which Flask has overwritten. FAB itself passes over a file that stops like this.
        return f"cannot open {error.filename}: {os.strerror(error.errno)}", "check the path and its permissions"
    if isinstance(error, SystemExit):
        return "leaves the program (SystemExit)", "a configuration file must not call exit()"
    return (
        f"stops with {type(error).__name__}",
        "correct this line (Python's own text may hold secrets and is not shown)",
    )


def _key_words(name: str, *, of_environment: bool) -> tuple[str, str]:
    if of_environment:
        return f"reads environment variable {name}, which is not set", f"set {name} for every component of Airflow"
    return f"stops with KeyError: there is no {name}", "correct this line"


def _import_words(error: ImportError) -> tuple[str, str]:
    module = error.name or "a module"
    if not isinstance(error, ModuleNotFoundError):
        return f"imports a name that {module} does not have", "correct the spelling, or the version of that package"
    if module.startswith(_OF_FAB):
        return f"imports {module}, which is not installed", INSTALL
    if module.startswith(_OF_AIRFLOW_2):
        suggestion = "it belongs to Airflow 2; import from airflow.providers.fab what is still needed"
        return f"imports {module}, which is not in Airflow 3", suggestion
    suggestion = f"install the package that holds {module} for every component of Airflow"
    return f"imports {module}, which is not installed", suggestion


def _name(error: KeyError) -> str:
    """Return the key if it looks like a name: the key of some other mapping may be anything."""
    key = error.args[0] if error.args else None
    return key if isinstance(key, str) and _NAME.fullmatch(key) else "such key"
