"""Read the credentials of a request once, and refuse what two readers could read differently.

Pure: a scope in, a call or a fault out. The longest token is a header that proxies still pass on.
"""

from __future__ import annotations

from collections.abc import Callable
from string import ascii_letters, digits
from urllib.parse import unquote_plus

from starlette.types import Scope

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.web.api_call import BEARER, DPOP, ApiCall

MAX_TOKEN = 16_384
TOKEN_SCHEMES = {BEARER.encode(): BEARER, DPOP.encode(): DPOP}
# RFC 6750 §2.1, ``b64token``: one word. A second one could be what another reader takes for the token.
TOKEN_CHARACTERS = f"{ascii_letters}{digits}-._~+/=".encode()
# RFC 6750 §2.3: an address gets into logs, histories and Referer headers. Elsewhere the names may mean something else.
TOKEN_PARAMETERS = frozenset({"access_token", "jwt"})
WITHOUT_TOKENS = ("/api/", "/ui/", "/auth/")


def read_call(scope: Scope, base_url: Callable[[], str]) -> ApiCall | None:
    """Return the call of a request with an ``Authorization`` or ``DPoP`` header; the token is where core looks for it.

    :raises TokenRefused: ``token_repeated``, ``token_malformed`` or ``token_too_large``
    """
    given: bytes | None = None
    proven = False
    for name, value in scope["headers"]:
        if name == b"authorization":
            if given is not None:
                raise TokenRefused("token_repeated", "more than one Authorization header")
            given = value
        elif name == b"dpop":
            proven = True
    if given is None:
        return ApiCall(scope, base_url) if proven else None
    word, _, rest = given.partition(b" ")
    scheme = TOKEN_SCHEMES.get(word.lower())
    if scheme is None:
        return ApiCall(scope, base_url, word.decode("latin-1").lower())
    token = rest.strip()
    _check_token(token)
    _let_core_read(scope, given, token)
    return ApiCall(scope, base_url, scheme, token.decode("ascii"))


def check_query(scope: Scope, path: str) -> None:
    """Refuse a token in the address of Airflow's own API; whoever logs this request sees no query.

    :param path: below Airflow's root
    :raises TokenRefused: ``token_in_address``
    """
    query: bytes = scope.get("query_string", b"")
    if not query or not path.startswith(WITHOUT_TOKENS):
        return
    for part in query.decode("latin-1").split("&"):
        name = part.partition("=")[0]
        if name in TOKEN_PARAMETERS or unquote_plus(name).lower() in TOKEN_PARAMETERS:
            scope["query_string"] = b""
            raise TokenRefused("token_in_address", "a token in the query string")


def _check_token(token: bytes) -> None:
    if len(token) > MAX_TOKEN:
        raise TokenRefused("token_too_large", f"{len(token)} characters")
    if not token or token.translate(None, TOKEN_CHARACTERS):
        raise TokenRefused("token_malformed", "not one word of the characters that tokens have")


def _let_core_read(scope: Scope, given: bytes, token: bytes) -> None:
    """Spell the header as core understands it: Bearer, one space, the token."""
    wanted = b"Bearer " + token
    if given != wanted:
        headers = [(name, wanted if name == b"authorization" else value) for name, value in scope["headers"]]
        scope["headers"] = headers
