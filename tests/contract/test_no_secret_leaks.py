"""After a day at debug level no secret is in a log, an answer, a row, a metric or an object's text.

The whole of it, with a server of its own and SAML: ``python -m pytest tests/leaks/whole.py``, part of `make proof`.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import pytest
from airflow.configuration import conf
from sqlalchemy import make_url

from airflow_oidc_auth.errors import Problem
from tests.contract.bearer import engine_of, forget
from tests.contract.conftest import API, BASE_URL, JOBS, TOKEN_CLIENT_SECRET, Server
from tests.contract.rechecks import recheck_now
from tests.contract.test_session_office import make_link
from tests.leaks.database import every_byte
from tests.leaks.hoard import Hoard, Leak
from tests.leaks.journey import Site, live_a_day
from tests.leaks.watch import Watch, watch_idp

KINDS = {
    *("access token", "id_token", "refresh token", "code", "code verifier", "client secret", "state", "nonce", "proof"),
    *("assertion", "session token", "attempt cookie", "token of Airflow", "break-glass link", "logout token"),
    *("Fernet key", "JWT secret", "private key"),
}


class Records(logging.Handler):
    """All that is logged, with its stack, its arguments and whatever was hung on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{self.format(record)} {record.args!r} {vars(record)!r}")


@pytest.fixture
def records() -> Iterator[Records]:
    """Everything below is logged at DEBUG, also what libraries say of the wire."""
    handler, names = Records(), (None, "airflow_oidc_auth", "urllib3", "sqlalchemy.engine")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        # Below INFO, SQLAlchemy writes the rows that it reads: those are searched where they are.
        logger.setLevel(logging.INFO if logger.name == "sqlalchemy.engine" else logging.DEBUG)
    loggers[0].addHandler(handler)
    yield handler
    loggers[0].removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def hoard(server: Server) -> Hoard:
    """What is secret before anybody came."""
    hoard = Hoard()
    for key in conf.get("core", "fernet_key").split(","):
        hoard.add("Fernet key", key)
    hoard.add("JWT secret", conf.get("api_auth", "jwt_secret"))
    for idp in (server.idp, server.jobs):
        key: Any = idp.keys.key_for(idp.keys.algorithm).as_dict(private=True)
        for member in ("d", "p", "q"):
            hoard.add("private key", key.get(member))
    return hoard


@pytest.fixture
def site(server: Server, hoard: Hoard) -> Iterator[Site]:
    honest = server.idp.misbehaviour
    forget(server)
    stop = watch_idp(server.idp, hoard)
    registry = server.idp._registry
    before, registry.refresh_tokens = registry.refresh_tokens, "always"
    yield Site(
        base_url=BASE_URL,
        client=server.client,
        idp=server.idp,
        jobs=server.jobs,
        hoard=hoard,
        watch=Watch(hoard),
        recheck=lambda cookie: recheck_now(server, engine_of(server).tokens.recall(cookie).session_id),
        make_link=make_link,
        token_client=("dbt", TOKEN_CLIENT_SECRET),
        audience=(API, JOBS),
    )
    stop()
    registry.refresh_tokens = before
    server.idp.misbehaviour = honest


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that reaches Airflow's metrics."""
    from airflow.observability import stats

    told: list[str] = []

    def note(kind: str) -> Callable[..., None]:
        return lambda *arguments, **named: told.append(repr((kind, arguments, named)))

    for name in ("incr", "gauge", "timing"):
        monkeypatch.setattr(stats, name, note(name))
    return told


def texts_of_objects() -> str:
    """Return the text of every object of ours that there is in this process; new types are among them."""
    objects = gc.get_objects()
    kinds = {kind for kind in map(type, objects) if str(kind.__module__).startswith("airflow_oidc_auth.")}
    ours = {kind for kind in kinds if not kind.__module__.startswith("airflow_oidc_auth.testing")}
    assert len(ours) > 100
    return "\n".join(f"{each!r} {each}" for each in objects if type(each) in ours)


@dataclass
class Places:
    """Where a secret could be, beside the answers."""

    records: Records
    metrics: list[str]
    captured: pytest.CaptureFixture[str]
    printed: str = ""

    def search(self, hoard: Hoard) -> list[Leak]:
        """Look everywhere."""
        found = self.captured.readouterr()
        self.printed += f"{found.out}\n{found.err}"
        texts = {
            "log": "\n".join(self.records.lines),
            "printed": self.printed,
            "metrics": "\n".join(self.metrics),
            "text of an object": texts_of_objects(),
        }
        leaks = [leak for place, text in texts.items() for leak in hoard.search(place, _bytes(text))]
        for place, data in every_byte(make_url(conf.get("database", "sql_alchemy_conn"))):
            leaks += hoard.search(place, data)
        return leaks


@pytest.fixture
def places(records: Records, metrics: list[str], capfd: pytest.CaptureFixture[str]) -> Places:
    return Places(records, metrics, capfd)


def test_no_secret_is_anywhere_after_a_day(site: Site, server: Server, places: Places) -> None:
    live_a_day(site)
    flush_metrics(server)
    leaks = [*site.watch.leaks(), *places.search(site.hoard)]
    assert not leaks, "\n".join(sorted({f"{leak.kind} in {leak.place}, {leak.spelling}" for leak in leaks}))
    assert site.hoard.kinds() == KINDS, "somebody's secret was not there to be found"
    assert len(places.records.lines) > 300
    assert len(site.watch.answers) > 90
    with planted() as hoard:
        found = {leak.place for leak in places.search(hoard)}
    assert found >= {"log", "printed", "metrics", "text of an object", "table log", "file airflow.db-wal"}


@contextmanager
def planted() -> Iterator[Hoard]:
    """Put a secret into each place, so that finding none in the others means something."""
    from airflow.models.log import Log
    from airflow.observability import stats
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    hoard, secret = Hoard(), token_urlsafe(32)
    hoard.add("planted", secret)
    logging.getLogger("airflow_oidc_auth.planted").debug("a planted %s", "leak", extra={"hung": secret})
    print(secret)
    stats.incr("planted", tags={"code": secret})
    held = Problem(secret, "is held by an object of ours")
    with create_session(scoped=False) as session:
        session.add(Log(event="planted", task_instance=None, owner="nobody", extra=secret))
    yield hoard
    with create_session(scoped=False) as session:
        session.execute(delete(Log).where(Log.event == "planted"))
    assert held.path


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def flush_metrics(server: Server) -> None:
    """Send what was counted now, as every ten seconds."""
    from airflow.observability import stats

    metrics = engine_of(server)._services.metrics
    if metrics is not None:
        metrics.flush(stats, lambda: 1)
