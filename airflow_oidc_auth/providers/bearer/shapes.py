"""How the vendors' access tokens differ from RFC 9068, and by what an id_token of theirs gives itself away.

An id_token is signed by the same keys, names the same person, and is seen by every web page and log on the way: it
must never open the API. Where a vendor types its tokens (``at+jwt``) nothing more is needed; elsewhere these facts
tell them apart. ``token_types`` itself is configuration (:class:`~..settings.ApiSettings`), preset by the vendor; what
else a preset demands of its tokens is its ``check_token``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

_HASHES = frozenset({"at_hash", "c_hash", "s_hash"})
# `nonce` is the browser's sign-in, the hashes bind an id_token to what came with it (OIDC Core §3.1.3.6, §3.3.2.11),
# `events` makes a logout token or another security event of it (RFC 8417).
_MARKS = _HASHES | {"nonce", "events"}


@dataclass(frozen=True, slots=True)
class TokenShape:
    """One vendor's access tokens.

    :param marks: claims that no access token of this vendor has
    :param values: claims that must have one of these values
    :param one_of: claims of which at least one must be there, because only access tokens have them
    :param audience_claim: stands in for an absent ``aud``
    :param audience_is_no_client: a token whose audience is the client that it was issued to is an id_token
    :param says_kind: introspection tells what kind of token it is; otherwise it calls nothing but access tokens active
    """

    marks: frozenset[str] = _MARKS
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    audience_claim: str | None = None
    audience_is_no_client: bool = False
    says_kind: bool = True


_ENTRA = TokenShape(one_of=("azp", "appid"))  # v2.0 and v1.0; id_tokens have neither
# UAA's id_tokens have every claim of its access tokens; only that they are for the client itself tells. Refresh
# tokens that are JWTs have `granted_scopes` in the place of `scope`.
_UAA = TokenShape(marks=_MARKS | {"granted_scopes"}, one_of=("cid",), audience_is_no_client=True, says_kind=False)

_SHAPES: Mapping[str, TokenShape] = MappingProxyType(
    {
        "auth0": TokenShape(one_of=("azp", "client_id")),
        "okta": TokenShape(one_of=("cid",)),
        "entra": _ENTRA,
        "azure-workload": _ENTRA,
        # `nonce` was in its access tokens before version 24
        "keycloak": TokenShape(marks=_HASHES | {"events"}, values={"typ": frozenset({"Bearer", "DPoP"})}),
        "cognito": TokenShape(values={"token_use": frozenset({"access"})}, audience_claim="client_id"),
        "cloudfoundry": _UAA,
        "cloudfoundry-clients": _UAA,
    }
)
_STANDARD = TokenShape()

NO_ACCESS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "typ": frozenset({"id", "refresh", "offline", "logout"}),
        "token_use": frozenset({"id", "refresh", "id_token", "refresh_token"}),
    }
)
"""What a claim says, in lower case, that is certainly no access token, whoever issued it (Keycloak, Cognito, Hydra)."""


def token_shape(preset: str) -> TokenShape:
    """Return what is known of a preset's tokens; without knowledge, what the standards say."""
    return _SHAPES.get(preset, _STANDARD)


def answer_shape(shape: TokenShape) -> TokenShape:
    """Return what introspection (RFC 7662 §2.2) must say: it answers in its own words, not in the token's."""
    said = {"token_type": frozenset({"Bearer", "bearer", "DPoP", "dpop"})} if shape.says_kind else {}
    return replace(shape, values=said, one_of=())


NO_IDENTITY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "typ": frozenset({"bearer", "dpop", "refresh", "offline", "logout"}),
        "token_use": frozenset({"access", "refresh", "access_token", "refresh_token"}),
    }
)
"""What a claim says, in lower case, that is certainly no id_token, whoever issued it."""
