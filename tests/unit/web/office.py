"""The sub-app on a real database, with the officer's pages and break-glass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from httpx import Response
from sqlalchemy import select, update
from sqlalchemy.orm import sessionmaker

from airflow_oidc_auth.audit.log import AuditLog
from airflow_oidc_auth.login.break_glass import BreakGlass, BreakGlassWatch
from airflow_oidc_auth.login.keys import derive_break_glass_keys
from airflow_oidc_auth.login.session_office import SessionOffice
from airflow_oidc_auth.sessions import models
from airflow_oidc_auth.sessions.administration import SessionDirectory
from airflow_oidc_auth.sessions.break_glass import BreakGlassLinks, Link, insert_link, new_link
from airflow_oidc_auth.testing.users import FakeUser
from tests.storage.backends import build_engine, database_backend, sqlite_url
from tests.unit.login.rig import FERNET_KEYS
from tests.unit.web.rig import Browser, open_browser

PEOPLE = (
    FakeUser("ada", name="Ada", email="ada@example.com", groups=("airflow-admins",)),
    FakeUser("vic", name="Vic <b>", email="vic@example.com", groups=("airflow-viewers",)),
    FakeUser("walt", name="Walt", email="walt@example.com", groups=("airflow-viewers",)),
)
KEYS = derive_break_glass_keys(FERNET_KEYS)


@dataclass
class Office:
    """A browser, and what is behind the pages.

    :param allowed: whether break-glass is switched on
    """

    browser: Browser
    transactions: Any
    links: BreakGlassLinks
    watch: BreakGlassWatch = field(init=False)
    allowed: bool = True

    @property
    def now(self) -> int:
        return int(self.browser.rig.clock())

    @property
    def records(self) -> list[Any]:
        return self.browser.rig.sink.records

    def signed_in(self, user: str, provider: str = "okta") -> Browser:
        """Return another browser in which somebody is signed in."""
        browser = self.browser.another()
        assert browser.sign_in(user, provider=provider).status_code == 303
        return browser

    def is_signed_in(self, browser: Browser) -> bool:
        return browser.get("/auth/access").status_code == 200

    def make_link(self, role: str = "Admin", minutes: int = 30, **more: Any) -> tuple[Link, str]:
        """Make a link as the command does; return its token, too."""
        terms = {"reason": "IdP <down>", "created_by": "root", "now": self.now, **more}
        link, token, token_hash = new_link(KEYS, role=role, minutes=minutes, **terms)
        with self.transactions() as transaction:
            insert_link(transaction, link, token_hash)
        return link, token.reveal()

    def change(self, link: Link, **values: Any) -> None:
        """Write into the row of a link, as somebody with access to the database could."""
        with self.transactions() as transaction:
            transaction.execute(update(models.break_glass).where(models.break_glass.c.id == link.id).values(values))

    def session_ids(self) -> list[str]:
        with self.transactions() as transaction:
            order = models.sessions.c.created_at
            return list(transaction.execute(select(models.sessions.c.id).order_by(order)).scalars())


@contextmanager
def open_office(directory: Path, **options: Any) -> Iterator[Office]:
    engine = build_engine(sqlite_url(directory))
    store = database_backend("sqlite", engine, keys=FERNET_KEYS).new_store()
    transactions = sessionmaker(engine).begin
    with open_browser(kept_in=store, **options) as browser:
        browser.rig.idp.users = PEOPLE
        office = Office(browser, transactions, BreakGlassLinks(KEYS, transactions=transactions))
        rig, app = browser.rig, browser.engine
        log = AuditLog([rig.sink], True)
        live, clock, allowed = rig.sessions, rig.clock, lambda: office.allowed
        app.office = SessionOffice(live, SessionDirectory(transactions=transactions), lambda: log, clock)
        app.break_glass = BreakGlass(office.links, live, lambda: log, allowed, clock)
        app.may_end_sessions = lambda session: "Admin" in session.grant.roles
        office.watch = BreakGlassWatch(office.links, live, lambda: log, allowed, clock, lambda: "watch")
        yield office
    engine.dispose()


def field_of(page: Response, name: str) -> str:
    """Return the value of a hidden field."""
    return page.text.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]


def send(browser: Browser, target: dict[str, str], reason: str | None = "gone", **changes: str) -> Response:
    """Confirm what the confirmation page asks."""
    page = browser.get("/auth/sessions/end", params=target)
    token = field_of(page, "csrf_token") if page.status_code == 200 else ""
    form = {"csrf_token": token, **target, **({} if reason is None else {"reason": reason}), **changes}
    return browser.post("/auth/sessions", data=form)
