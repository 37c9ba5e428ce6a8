"""Render the pages: Jinja2 with autoescape, one inline style sheet, nothing loaded from anywhere.

The one script there is sends the form of the page that it is on; the policy names its hash, on that page only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_CODE = re.compile(r"`([^`]+)`")


def render(name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: object) -> HTMLResponse:
    """Return a page."""
    body = _environment().get_template(name).render(values)
    return HTMLResponse(body, status_code=status, headers=dict(headers or {}))


@cache
def content_security_policy(
    frame_ancestors: str = "'none'", *, form_action: str = "'self'", sends_form: bool = False
) -> str:
    """Return the policy of every answer: nothing may be loaded or run; only our one style sheet applies.

    :param sends_form: the page's form sends itself
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {_source('style.css')}",
            *([f"script-src {_source('send.js')}"] if sends_form else []),
            "img-src data:",
            f"form-action {form_action}",
            "base-uri 'none'",
            f"frame-ancestors {frame_ancestors}",
        ]
    )


def render_form(url: str, fields: Mapping[str, str], values: Mapping[str, object], *, own: bool = False) -> Response:
    """Return a page with a form that sends itself, and with a button for browsers without scripts.

    :param values: ``title``, ``text`` and what every page shows
    :param own: the address is one of ours
    """
    response = render("send.html", 200, None, **{**values, "url": url, "fields": fields})
    # Chromium holds the whole chain of redirects after a form against `form-action`, and nobody can list where an IdP
    # sends people on to. The page has no other form, and nothing that could bring one in.
    target = "'self'" if own else "https: http:"
    response.headers["Content-Security-Policy"] = content_security_policy(form_action=target, sends_form=True)
    return response


def allow_own_frame(response: Response) -> None:
    """Let pages of this very origin frame the answer: Airflow's UI shows menu items of an auth manager in a frame."""
    response.headers["Content-Security-Policy"] = content_security_policy("'self'")
    response.headers["X-Frame-Options"] = "SAMEORIGIN"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("airflow_oidc_auth.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["style"] = Markup(_text("style.css"))  # noqa: S704  # our own file
    environment.globals["send_script"] = Markup(_text("send.js"))  # noqa: S704  # our own file
    environment.filters["settings"] = mark_settings
    return environment


@cache
def _text(name: str) -> str:
    loader = PackageLoader("airflow_oidc_auth.web", "templates")
    return loader.get_source(Environment(), name)[0].strip()  # noqa: S701  # reads the text, renders nothing


def _source(name: str) -> str:
    digest = base64.b64encode(hashlib.sha256(_text(name).encode()).digest()).decode()
    return f"'sha256-{digest}'"


def mark_settings(text: str) -> Markup:
    """Return catalogue text with its `settings` in backquotes as code elements."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped
