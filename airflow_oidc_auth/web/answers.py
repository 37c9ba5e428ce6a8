"""Answer what went wrong: a page for people, JSON for programs, the same code and reference in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.outcome import Refused
from airflow_oidc_auth.web import cookies, pages
from airflow_oidc_auth.web.context import correlation_id_of
from airflow_oidc_auth.web.engine import Engine

# The provider's session is the very thing that did not do: with it the same answer would come again.
_ASKED_AGAIN = {"saml_authn_context"}


@dataclass(frozen=True, slots=True)
class Link:
    """Something to click; the first of several is the main one."""

    text: str
    href: str


def answer_error(engine: Engine, request: Request, error: OidcAuthError) -> Response:
    """Answer an error of a request that is no sign-in attempt."""
    return answer_refused(engine, request, Refused(error.code, correlation_id_of(request), hint=error.hint))


def answer_code(engine: Engine, request: Request, code: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a code of the catalogue."""
    return answer_refused(engine, request, Refused(code, correlation_id_of(request)), headers)


def answer_refused(
    engine: Engine, request: Request, refused: Refused, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer that nobody was signed in, with links only: nothing goes back to the IdP by itself."""
    if prefers_json(request):
        response: Response = as_json(refused, headers)
    else:
        response = pages.render(
            "refused.html",
            refused.message.status,
            headers,
            **page_basics(engine),
            title=refused.message.title,
            text=refused.text or refused.message.text,
            hint=refused.hint or refused.message.hint,
            code=refused.code,
            correlation_id=refused.correlation_id,
            visitor=refused.visitor,
            provider=label_of(engine, refused.provider),
            links=_links(engine, refused),
        )
    if refused.spent:
        cookies.clear_own(response, engine, [refused.spent], request)
    return response


def prefers_json(request: Request) -> bool:
    """Return whether ``Accept`` (RFC 9110 §12.5.1) puts JSON before HTML; a tie is a person's browser."""
    accept = ",".join(request.headers.getlist("accept"))
    return _quality(accept, "application", "json") > _quality(accept, "text", "html")


def page_basics(engine: Engine) -> dict[str, Any]:
    """Return what every page shows."""
    return {"site_name": engine.site_name or "Airflow", "home_url": f"{engine.base_url}/"}


def label_of(engine: Engine, provider: str | None) -> str:
    """Return the provider's label, or an empty text for one that is not configured."""
    return next((choice.label for choice in engine.providers if choice.id == provider), "")


def login_url(
    engine: Engine,
    provider: str = "",
    *,
    next_url: str = "",
    other_account: bool = False,
    fresh: bool = False,
    step_up: str = "",
    again: bool = False,
) -> str:
    """Return the address of the sign-in page, or of one provider's sign-in.

    :param fresh: the person is to authenticate anew
    :param step_up: name of the rule whose roles are wanted
    :param again: the person has signed out and clicks to come back
    """
    home = f"{engine.base_url}/"
    query = {}
    if next_url and next_url != home:
        query["next"] = next_url
    if other_account:
        query["account"] = "other"
    if fresh:
        query["fresh"] = "1"
    if step_up:
        query["step_up"] = step_up
    if again:
        query["again"] = "1"
    path = f"{home}auth/login" + (f"/{provider}" if provider else "")
    return f"{path}?{urlencode(query)}" if query else path


def _links(engine: Engine, refused: Refused) -> Sequence[Link]:
    known = refused.provider if label_of(engine, refused.provider) else None
    target = refused.next_url
    if known and (refused.code == "auth_time_too_old" or refused.step_up):
        again = login_url(engine, known, next_url=target, fresh=not refused.step_up, step_up=refused.step_up)
        return [Link("Authenticate again", again)]
    if refused.code in ("step_up_other_person", "step_up_unmet"):
        return [Link("Back to My access", f"{engine.base_url}/auth/access")]
    if known and refused.visitor is not None:
        other = login_url(engine, known, next_url=target, other_account=True)
        return [
            Link("Sign in with another account", other),
            Link("Try again", login_url(engine, known, next_url=target)),
        ]
    if known:
        again = login_url(engine, known, next_url=target, other_account=refused.code in _ASKED_AGAIN)
        links = [Link("Sign in again", again)]
        if len(engine.providers) > 1:
            links.append(Link("Choose another way to sign in", login_url(engine, next_url=target)))
        return links
    if refused.code == "session_not_kept":
        # The plain sign-in page would answer the same again: this click goes on to the provider.
        return [
            Link("Sign in again", login_url(engine, _only(engine), next_url=target)),
            Link("Go to Airflow", f"{engine.base_url}/"),
        ]
    return [Link("Sign in", login_url(engine, next_url=target)), Link("Go to Airflow", f"{engine.base_url}/")]


def _only(engine: Engine) -> str:
    return engine.providers[0].id if len(engine.providers) == 1 else ""


def as_json(refused: Refused, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return what a program is told."""
    content = {
        "error": refused.code,
        "title": refused.message.title,
        "detail": refused.text or refused.message.text,
        "hint": refused.hint or refused.message.hint,
        "correlation_id": refused.correlation_id,
    }
    return JSONResponse(content, status_code=refused.message.status, headers=dict(headers or {}))


def _quality(accept: str, kind: str, subtype: str) -> float:
    """Return the quality of a media type: of the most specific range that covers it, 0 if none does."""
    best: tuple[int, float] = (0, 0.0)
    for item in accept.split(","):
        name, _, rest = item.partition(";")
        wanted = name.strip().lower()
        rank = {f"{kind}/{subtype}": 3, f"{kind}/*": 2, "*/*": 1}.get(wanted, 0)
        if rank > best[0]:
            best = (rank, _weight(rest))
    return best[1]


def _weight(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().partition("=")
        if name.lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
