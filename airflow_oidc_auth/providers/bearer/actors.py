"""Who acts on behalf of whom (``act``, RFC 8693 §4.1). Sans-IO."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import TokenRefused

MAX_ACTORS = 8
_MAX_TEXT = 255
_NAMES = ("sub", "client_id", "azp")


def read_actors(claims: Mapping[str, object]) -> tuple[str, ...]:
    """Return the chain, outermost (the one who acts now) first; empty when nobody acts for somebody else.

    An actor that cannot be named, or a chain without end, is refused: delegated access would pass for the person's own.

    :raises TokenRefused: ``token_actor``
    """
    actors: list[str] = []
    holder: Mapping[str, object] = claims
    while "act" in holder:
        actor = holder["act"]
        if not isinstance(actor, dict) or len(actors) == MAX_ACTORS:
            raise TokenRefused("token_actor", f"act is no object, or there are more than {MAX_ACTORS}")
        actors.append(_name(actor))
        holder = actor
    return tuple(actors)


def _name(actor: Mapping[str, object]) -> str:
    value = next((actor[name] for name in _NAMES if name in actor), None)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable() or not value.strip():
        raise TokenRefused("token_actor", f"act has none of {', '.join(_NAMES)} that is a text")
    return value
