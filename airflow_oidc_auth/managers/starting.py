"""Which document a server starts on: the one on disk, or the last accepted one when that cannot be used.

Other servers keep running when the document breaks; one that restarts meanwhile must not be the only one that is away.
It says so loudly, in its log, in the audit and on the health page, because whoever can break the file could otherwise
hold back a stricter policy unnoticed. A document that was mended wins at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.reload import InForce
from airflow_oidc_auth.errors import ConfigurationError, Problem, SessionError
from airflow_oidc_auth.managers.settings import Settings
from airflow_oidc_auth.sessions.documents import KeptDocument

log = logging.getLogger(__name__)

FindKept = Callable[[Settings], KeptDocument | None]


@dataclass(frozen=True, slots=True)
class Start:
    """What a server starts on.

    :param stood_in: the last accepted document, if it is used because the one on disk cannot be
    :param rejected: what is wrong with that one
    """

    settings: Settings
    in_force: InForce
    stood_in: KeptDocument | None = None
    rejected: tuple[Problem, ...] = field(default=())


def choose_start(settings: Settings, find_kept: FindKept) -> Start:
    """Compile the document of the settings, or the last accepted one of the same place.

    :param find_kept: asks the metadata database; only asked for a document that cannot be used
    :raises ConfigurationError: with every problem of the settings; nothing else can be used in their stead
    """
    try:
        return _start(settings)
    except ConfigurationError as error:
        kept = _find(settings, find_kept)
        if kept is None:
            raise
        document = RawDocument(f"the last accepted {settings.config_file}", kept.data)
        try:
            started = _start(settings.with_document(document))
        except ConfigurationError as worse:
            for problem in worse.problems:
                log.error("The last accepted document cannot be used, either: %s", problem)  # noqa: TRY400
            raise error from None
        _warn(error, kept)
        return Start(started.settings, started.in_force, kept, error.problems)


def _start(settings: Settings) -> Start:
    config = settings.compile()
    assert settings.document is not None  # noqa: S101 (compile has refused it)
    return Start(settings, InForce(settings.document, config))


def _find(settings: Settings, find_kept: FindKept) -> KeptDocument | None:
    """Return what may stand in: only for a file, and only if nothing but that file is wrong."""
    if settings.config_file is None or any(each not in settings.file_problems for each in settings.problems):
        return None
    try:
        return find_kept(settings)
    except SessionError as error:
        log.error("The last accepted document cannot be read: %s — %s", error, error.hint)  # noqa: TRY400
        return None


def _warn(error: ConfigurationError, kept: KeptDocument) -> None:
    for problem in error.problems:
        log.error("Configuration rejected: %s", problem)
    since = datetime.fromtimestamp(kept.accepted_at, timezone.utc).isoformat(timespec="seconds")
    log.warning(
        "THE DOCUMENT CANNOT BE USED. This server starts on the last accepted one, digest %s of %s: changes made "
        "since are NOT in force. Mend the document; it is followed within seconds.",
        kept.digest[:12],
        since,
    )
