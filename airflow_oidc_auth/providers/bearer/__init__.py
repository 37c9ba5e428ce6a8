"""Access tokens that a program brings, verified: this issuer's, an access token, for us, now.

Entry points: :class:`BearerIssuers` picks the issuer by the token's *unverified* ``iss``; its :class:`BearerIssuer`
believes or refuses. ``verify_known`` does no I/O and may run on the event loop; it returns None when only ``verify``,
which may fetch keys or introspect (RFC 7662) and so runs on the provider's threads, can tell.

    token → parse (bounded) → issuer → algorithm → signature → iss, kind, aud, times, sub, act, cnf, scope → BearerToken

Knows nothing of rules, sessions, requests or caches of what was believed. :mod:`.dpop` checks proofs of possession,
:mod:`.assertion` the id_token of our own command line, which is accepted nowhere else.
"""

from airflow_oidc_auth.providers.bearer.issuer import BearerIssuer
from airflow_oidc_auth.providers.bearer.issuers import BearerIssuers, build_bearer_issuers
from airflow_oidc_auth.providers.bearer.token import BearerToken

__all__ = ["BearerIssuer", "BearerIssuers", "BearerToken", "build_bearer_issuers"]
