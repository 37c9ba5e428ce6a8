"""The one tree of errors, split by who must act.

Every error carries a stable ``code`` from the message catalogue (:mod:`airflow_oidc_auth.messages`), which
holds the title, the public text, the hint and the HTTP status. People outside see those and a correlation
id; ``detail`` and ``evidence`` go to the log once, at the border, and never hold a token or a secret.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from airflow_oidc_auth.messages import Message, message


class OidcAuthError(Exception):
    """Something this package planned for.

    :param code: key of the message catalogue, stable across releases
    :param detail: one line for the operator's log; no secrets
    :param hint: replaces the catalogue's hint where the caller knows the exact setting
    :param evidence: structured facts for the log (names, expected and seen values); no secrets
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        hint: str | None = None,
        evidence: Mapping[str, object] | None = None,
    ) -> None:
        self.message: Message = message(code)
        self.code = code
        self.detail = detail
        self.hint = self.message.hint if hint is None else hint
        self.evidence: Mapping[str, object] = dict(evidence or {})
        super().__init__(f"{code}: {detail or self.message.text}")

    @property
    def status(self) -> int:
        """HTTP status that the border answers with."""
        return self.message.status


class ProviderError(OidcAuthError):
    """The IdP is unreachable, slow, answers 5xx or is misconfigured on its side."""


class ProtocolViolation(OidcAuthError):
    """A message broke the protocol or was forged, replayed or late; nothing in it may be believed."""


class LoginRefused(OidcAuthError):
    """The person is who they say they are, but may not enter."""


class SessionError(OidcAuthError):
    """The session is unknown, ended, or cannot be stored or read."""


class TokenRefused(OidcAuthError):
    """What a program brought to prove who it is does not: an access token, or its proof of possession."""

    @property
    def error(self) -> str:
        """``error`` of RFC 6750 §3.1 and RFC 9449 §7.1."""
        if self.code == "token_scope":
            return "insufficient_scope"
        return "invalid_dpop_proof" if self.code.startswith("dpop_") else "invalid_token"

    @property
    def www_authenticate(self) -> str:
        """Value of the header; the description begins with the stable code."""
        scheme = "DPoP" if self.code.startswith("dpop_") else "Bearer"
        said = f'error="{self.error}", error_description="{self.code}: {self.message.text}"'
        return f'{scheme} realm="airflow", {said}'


class Unsupported(OidcAuthError):
    """The request is understood and deliberately not offered."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the configuration.

    :param path: exact place, such as ``providers.okta.client_secret`` or ``[oidc_auth] issuer``
    :param text: what is wrong
    :param suggestion: what to write instead; may be empty
    :param where: file and line, ``oidc_auth.yaml:12``, if it came from a file
    """

    path: str
    text: str
    suggestion: str = ""
    where: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: " if self.where else ""
        tail = f" — {self.suggestion}" if self.suggestion else ""
        return f"{head}{self.path}: {self.text}{tail}"


class ConfigurationError(OidcAuthError):
    """The configuration cannot be used. Holds every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        if not problems:
            raise ValueError("a configuration error names at least one problem")
        self.problems = tuple(problems)
        super().__init__("configuration_invalid", "; ".join(map(str, self.problems)))
