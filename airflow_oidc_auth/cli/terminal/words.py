"""What went wrong, for a person at a terminal: who must act, and what to do next."""

from __future__ import annotations

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.errors import OidcAuthError

_CA = "If your company's proxy or private CA signs certificates, set REQUESTS_CA_BUNDLE to its PEM bundle."
_CLIENT = "Tell the administrator of this Airflow: the client for terminals at the identity provider is not set up."
# The catalogue speaks to somebody at a web page or beside the server's configuration; here nobody has either.
_NEXT = {
    "client_rejected": _CLIENT,
    "code_refused": "Run the command again.",
    "discovery_issuer_mismatch": "Tell the administrator of this Airflow: its provider's `issuer` is another.",
    "id_token_expired": "Compare the clock of this machine with the time.",
    "id_token_missing": "Tell the administrator of this Airflow: `cli.scopes` of the provider needs `openid`.",
    "id_token_not_yet_valid": "Compare the clock of this machine with the time.",
    "provider_failing": "Try again in a moment.",
    "provider_proxy": "Check HTTPS_PROXY and NO_PROXY.",
    "provider_timeout": "Try again in a moment.",
    "provider_tls": _CA,
    "provider_unreachable": "Check the network, and HTTPS_PROXY if you need a proxy; then try again.",
    "response_issuer_mismatch": "Do not try again from the same page: somebody may have sent you there. "
    "Run the command again, and sign in only at the page that it opens.",
    "response_issuer_missing": "Run the command again; if it happens again, use --device.",
    "token_request_refused": _CLIENT,
    "authorization_request_refused": _CLIENT + " Its redirect URI is http://127.0.0.1/callback.",
}
_OTHERWISE = "Run the command again; if it happens again, tell the administrator of this Airflow."


def of_provider(error: OidcAuthError) -> CommandFailed:
    """Return what an error with the identity provider means here."""
    told = _told(error)
    detail = f" ({printable(error.detail)[:300]}{told})" if error.detail else ""
    return CommandFailed(f"{error.message.text}{detail} {_NEXT.get(error.code, _OTHERWISE)}")


def of_airflow(error: OidcAuthError, url: str) -> CommandFailed:
    """Return what an error with the Airflow means here; the catalogue's texts are about identity providers."""
    advice = {
        "provider_redirected": "Use the address that it redirects to, if you know it.",
        "provider_tls": _CA,
        "provider_failing": "It is failing, or asks to be left alone for a moment. Try again in a minute.",
        "provider_answer_malformed": "Is that the address of an Airflow?",
    }.get(error.code, "Check the address, the network, and HTTPS_PROXY if you need a proxy.")
    return CommandFailed(f"No usable answer of Airflow at {printable(url)} ({printable(error.detail)[:300]}). {advice}")


def _told(error: OidcAuthError) -> str:
    description = error.evidence.get("error_description")
    return f": {printable(description)[:300]}" if isinstance(description, str) and description else ""
