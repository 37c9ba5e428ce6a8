"""How long a new token may live and what it may do, at most. Pure."""

from __future__ import annotations

from airflow_oidc_auth.config.compiled import TokenClient, TokenSettings
from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.login.token_errors import INVALID_REQUEST, INVALID_SCOPE, TokenDenied
from airflow_oidc_auth.login.token_form import spell_scope
from airflow_oidc_auth.login.token_owner import CLIENTS, TokenOwner


def choose_scope(owner: TokenOwner, wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return the roles to narrow a token to; None for all that the token has that it is made from.

    What is made of an identity provider's token is bound to what the rules gave for that very token: the same person's
    account elsewhere (FAB's user) may have more by another sign-in, and a later re-check may find more.

    :raises TokenDenied: ``token_scope_not_held``: a role that does not exist is answered as one that is not held
    """
    if wanted is None:
        return None if owner.parent is not None and owner.session.scope is None else tuple(sorted(owner.held))
    if not frozenset(wanted) <= owner.held:
        # Whoever leaves scope out is told the same in the answer.
        text = f"A role in scope is not yours to pass on; yours are {spell_scope(owner.held)}."
        raise TokenDenied(INVALID_SCOPE, "token_scope_not_held", f"{len(wanted)} roles asked for", text=text)
    return tuple(sorted(wanted))


def longest_lifetime(settings: TokenSettings, owner: TokenOwner, client: TokenClient | None, now: int) -> int:
    """Return for how many seconds a token may live that is made now; 0 or less for not at all.

    :param client: who asks for it
    """
    limits = [settings.max_lifetime]
    if client is not None and client.max_lifetime is not None:
        limits.append(client.max_lifetime)
    if owner.not_after is not None:
        limits.append(owner.not_after - now)
    # Nobody can ask the IdP about who came with a token only; a configured client is confirmed by the document.
    if owner.identity is not None and owner.session.provider != CLIENTS:
        limits.append(settings.unverified_lifetime)
    return min(limits)


def choose_lifetime(
    settings: TokenSettings, owner: TokenOwner, client: TokenClient | None, wanted: int | None, now: int
) -> int:
    """Return the lifetime of a new token, in seconds: exactly what was asked for, or the default within the limits.

    :raises TokenDenied: ``token_lifetime_too_long``, naming the limit
    """
    longest = longest_lifetime(settings, owner, client, now)
    if longest < 1:
        raise TokenRefused("token_not_exchangeable", "there is no time left")
    if wanted is None:
        return min(settings.default_lifetime, longest)
    if wanted > longest:
        text = f"The longest lifetime that is possible here is {longest} seconds."
        raise TokenDenied(INVALID_REQUEST, "token_lifetime_too_long", f"{wanted} s asked for", text=text)
    return wanted
