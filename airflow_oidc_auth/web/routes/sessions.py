"""The sessions page: everybody sees and ends their own sessions, an administrator those of all.

Whose sessions somebody may end is decided here, for each request, by the principal of the session that asks; what a
form names only narrows that.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.audit.fields import visible
from airflow_oidc_auth.login.session_office import BY_ADMIN, BY_USER, Order
from airflow_oidc_auth.sessions.administration import Wanted
from airflow_oidc_auth.sessions.break_glass import PROVIDER
from airflow_oidc_auth.sessions.limits import MAX_EXPLANATION_LENGTH
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import answer_code, login_url, page_basics, prefers_json
from airflow_oidc_auth.web.context import read_context
from airflow_oidc_auth.web.csrf import FIELD, build_csrf_token, check_csrf
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.query import read_form, read_query
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session
from airflow_oidc_auth.web.sessions_page import (
    BREAK_GLASS_LABEL,
    MAX_TEXT,
    PAGE_SIZE,
    Row,
    Target,
    describe_links,
    describe_session,
    page_url,
    read_kind,
    read_page_number,
    read_target,
)
from airflow_oidc_auth.web.zones import find_zone

SHOWN_ON_CONFIRMATION = 20
BAD_REQUEST = 400


async def show_sessions(request: Request, engine: Engine) -> Response:
    """Show live sessions, newest first, fifty to a page."""
    session = await current_session(request, engine)
    if session is None:
        return _ask_to_sign_in(request, engine)
    query = read_query(request)
    everybody = engine.may_end_sessions(session)
    text, provider = query.get("q", "")[:MAX_TEXT].strip(), query.get("provider", "")[:MAX_TEXT]
    kind, owner = read_kind(query.get("kind", "")), None if everybody else session.principal_id
    wanted = Wanted(text=text, provider=provider or None, principal_id=owner, kind=kind)
    number = read_page_number(query.get("page", ""))
    found = await engine.office.search(wanted, offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    zone, url = _zone(request), _url(engine)
    labels = _labels(engine)
    choices = [(each, labels.get(each, each)) for each in await engine.office.providers()] if everybody else []
    links = await engine.break_glass.waiting() if everybody else ()
    first = (number - 1) * PAGE_SIZE
    return pages.render(
        "sessions.html",
        **page_basics(engine),
        url=url,
        everybody=everybody,
        rows=[describe_session(each, labels, engine.clock(), zone, session.id) for each in found.sessions],
        total=found.total,
        first=first + 1,
        last=first + len(found.sessions),
        newer=page_url(url, text, provider, number - 1, kind) if number > 1 else "",
        older=page_url(url, text, provider, number + 1, kind) if first + PAGE_SIZE < found.total else "",
        text=text,
        provider=provider,
        kind=kind or "",
        choices=choices,
        links=describe_links(links, engine.clock(), zone),
        me=session.principal_id,
        ended=_ended(query.get("ended", "")),
        csrf_token=build_csrf_token(engine, session.id),
    )


async def ask_to_end(request: Request, engine: Engine) -> Response:
    """Ask whether these sessions are to end, and why."""
    session = await current_session(request, engine)
    if session is None:
        return _ask_to_sign_in(request, engine)
    target = read_target(read_query(request))
    return await _confirmation(request, engine, session, target, {})


async def end_sessions(request: Request, engine: Engine) -> Response:
    """End what the form names, if whoever sends it may; the session that sends it stays."""
    form = await read_form(request)
    session = await current_session(request, engine)
    if session is None:
        return answer_code(engine, request, "not_signed_in", {"WWW-Authenticate": 'Bearer realm="airflow"'})
    check_csrf(engine, request, session.id, form.get(FIELD, ""))
    target = read_target(form)
    reason = " ".join(form.get("reason", "").split())
    if target is None:
        return answer_code(engine, request, "session_not_found")
    officer = engine.may_end_sessions(session)
    wanted = target.wanted(asks=session.principal_id, officer=officer)
    own = target == Target("person", session.principal_id) or not officer
    if len(reason) > MAX_EXPLANATION_LENGTH or (not reason and not own):
        return await _confirmation(request, engine, session, target, form)
    order = Order(session.name, session.principal_id, visible(reason), BY_USER if own else BY_ADMIN)
    ended = await engine.office.end(wanted, order, read_context(request), but_for=session.id)
    if not ended:
        return answer_code(engine, request, "session_not_found")
    return RedirectResponse(f"{_url(engine)}?ended={len(ended)}", SEE_OTHER)


async def _confirmation(
    request: Request, engine: Engine, session: Session, target: Target | None, form: Mapping[str, str]
) -> Response:
    """Show what would end.

    :param form: what was sent and is not good enough; empty at first
    """
    if target is None:
        return answer_code(engine, request, "session_not_found")
    officer = engine.may_end_sessions(session)
    wanted = target.wanted(asks=session.principal_id, officer=officer)
    found = await engine.office.search(wanted, limit=SHOWN_ON_CONFIRMATION + 1)
    rows = _rows(request, engine, [each for each in found.sessions if each.id != session.id], session)
    if not rows:
        return answer_code(engine, request, "session_not_found")
    return pages.render(
        "end_sessions.html",
        BAD_REQUEST if form else 200,
        **page_basics(engine),
        url=_url(engine),
        target=target,
        rows=rows[:SHOWN_ON_CONFIRMATION],
        count=found.total - any(each.id == session.id for each in found.sessions),
        keeps_own=any(each.id == session.id for each in found.sessions),
        needs_reason=officer and any(row.principal_id != session.principal_id for row in rows),
        max_reason=MAX_EXPLANATION_LENGTH,
        reason=form.get("reason", ""),
        faulty=bool(form),
        csrf_token=build_csrf_token(engine, session.id),
    )


def _rows(request: Request, engine: Engine, sessions: list[Session], current: Session) -> list[Row]:
    labels, zone = _labels(engine), _zone(request)
    return [describe_session(each, labels, engine.clock(), zone, current.id) for each in sessions]


def _labels(engine: Engine) -> dict[str, str]:
    return {**{each.id: each.label for each in engine.providers}, PROVIDER: BREAK_GLASS_LABEL}


def _zone(request: Request) -> ZoneInfo | None:
    return find_zone(request.cookies.get(cookies.ZONE_COOKIE))


def _url(engine: Engine) -> str:
    return f"{engine.base_url}/auth/sessions"


def _ended(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _ask_to_sign_in(request: Request, engine: Engine) -> Response:
    if prefers_json(request):
        return answer_code(engine, request, "not_signed_in", {"WWW-Authenticate": 'Bearer realm="airflow"'})
    query = urlencode(read_query(request)) if request.method == "GET" else ""
    return RedirectResponse(login_url(engine, next_url=f"{_url(engine)}?{query}" if query else _url(engine)), SEE_OTHER)
