"""My access: who you are here, what you may do and why."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from airflow_oidc_auth.grants.scopes import scoped_roles
from airflow_oidc_auth.login.attempts import Cookie
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.answers import answer_code, label_of, login_url, page_basics, prefers_json
from airflow_oidc_auth.web.csrf import build_csrf_token
from airflow_oidc_auth.web.engine import Engine
from airflow_oidc_auth.web.my_access import ROLE_TEXTS, SHOWN_TOKENS, MyAccess, Role, describe_access, describe_token
from airflow_oidc_auth.web.my_rights import describe_rights
from airflow_oidc_auth.web.query import read_query
from airflow_oidc_auth.web.routes.login import SEE_OTHER, current_session
from airflow_oidc_auth.web.step_ups import build_offers, read_answer
from airflow_oidc_auth.web.zones import find_zone, zone_names


async def show_access(request: Request, engine: Engine) -> Response:
    """Show the session of this browser, with times in the zone chosen here and in UTC."""
    query = read_query(request)
    chosen, rule = query.get("tz"), query.get("step_up")
    revoked = query.get("revoked", "")
    session = await current_session(request, engine)
    if session is None:
        response = _ask_to_sign_in(request, engine)
    else:
        response = await _page(request, engine, session, chosen, rule, revoked)
    pages.allow_own_frame(response)
    return response


async def _page(
    request: Request, engine: Engine, session: Session, chosen: str | None, rule: str | None, revoked: str
) -> Response:
    zone = find_zone(chosen if chosen is not None else request.cookies.get(cookies.ZONE_COOKIE))
    response = pages.render(
        "access.html",
        **page_basics(engine),
        access=await _describe(engine, session, zone, rule),
        zones=zone_names(),
        unknown_zone=chosen if chosen and zone is None else "",
        revoked=int(revoked) if revoked.isascii() and revoked.isdigit() and len(revoked) < 6 else 0,
        csrf_token=build_csrf_token(engine, session.id),
        logout_url=f"{engine.base_url}/auth/logout",
        access_url=f"{engine.base_url}/auth/access",
    )
    if chosen is not None:
        name, age = (zone.key, cookies.ZONE_SECONDS) if zone else ("", 0)
        cookies.set_own(response, engine, Cookie(cookies.ZONE_COOKIE, name, age), request)
    return response


async def _describe(engine: Engine, session: Session, zone: ZoneInfo | None, rule: str | None) -> MyAccess:
    label, outlook = label_of(engine, session.provider), await engine.outlook_of(session)
    now = engine.clock()
    access = describe_access(session, _roles(engine, session), label, now, zone, outlook)
    listed = await engine.token_desk.list_tokens(session.principal_id)
    tokens = tuple(describe_token(_as_seen_here(engine, each), now, zone) for each in listed[:SHOWN_TOKENS])
    return replace(
        access,
        offers=build_offers(engine, session),
        answer=read_answer(session, rule, now),
        tokens=tokens,
        more_tokens=len(listed) - len(tokens),
        rights=describe_rights(session.grant, engine.custom_roles),
    )


def _as_seen_here(engine: Engine, token: Session) -> Session:
    """Return a token with a use that this server has not written yet."""
    seen = [each for each in (token.seen_at, engine.last_seen(token.id)) if each is not None]
    return replace(token, seen_at=max(seen, default=None))


def _roles(engine: Engine, session: Session) -> list[Role]:
    teams: dict[str, list[str]] = {}
    for team, role in scoped_roles(session.grant)[1]:
        teams.setdefault(role, []).append(team)
    texts = ((name, ROLE_TEXTS.get(name) or engine.describe_role(name)) for name in engine.roles_of(session))
    return [Role(name, text, tuple(teams.get(name, ()))) for name, text in texts]


def _ask_to_sign_in(request: Request, engine: Engine) -> Response:
    # In a frame of Airflow's UI the IdP would refuse to appear: a link for the whole window instead.
    if prefers_json(request) or request.headers.get("sec-fetch-dest") == "iframe":
        return answer_code(engine, request, "not_signed_in", {"WWW-Authenticate": 'Bearer realm="airflow"'})
    return RedirectResponse(login_url(engine, next_url=f"{engine.base_url}/auth/access"), SEE_OTHER)
