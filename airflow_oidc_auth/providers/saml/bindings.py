"""What travels through the browser: SAML Bindings §3.4 (HTTP-Redirect) and §3.5 (HTTP-POST)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the browser there with GET."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Post:
    """Send the browser there with a form that submits itself.

    :param url: https, judged safe
    :param fields: hidden fields
    """

    url: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogoutMessage:
    """A message that came to our logout address.

    :param parameters: query or form fields, each given exactly once
    :param raw_query: of a GET, exactly as it came: the signature covers these very characters; empty for a POST
    """

    parameters: Mapping[str, str] = field(repr=False)
    raw_query: str = field(default="", repr=False)
