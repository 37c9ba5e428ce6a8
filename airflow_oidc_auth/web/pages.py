"""Render the pages: Jinja2 with autoescape, one inline style sheet, no script, nothing loaded from anywhere."""

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
def content_security_policy(frame_ancestors: str = "'none'") -> str:
    """Return the policy of every answer: nothing may be loaded or run; only our one style sheet applies."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            "img-src data:",
            "form-action 'self'",
            "base-uri 'none'",
            f"frame-ancestors {frame_ancestors}",
        ]
    )


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
    environment.globals["style"] = Markup(_style())  # noqa: S704  # our own file
    environment.filters["settings"] = mark_settings
    return environment


@cache
def _style() -> str:
    loader = PackageLoader("airflow_oidc_auth.web", "templates")
    return loader.get_source(Environment(), "style.css")[0].strip()  # noqa: S701  # reads the text, renders nothing


def mark_settings(text: str) -> Markup:
    """Return catalogue text with its `settings` in backquotes as code elements."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  # escaped
