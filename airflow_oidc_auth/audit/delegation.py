"""Who acts for whom, as every row tells it that a program's call writes."""

from __future__ import annotations

from collections.abc import Sequence

Facts = tuple[tuple[str, str], ...]


def delegation_facts(client_id: str | None, actors: Sequence[str]) -> Facts:
    """Return the client that a token was issued to, and who acts on behalf of its owner (RFC 8693 §4.1).

    ``actor`` acts now; ``actor_2`` let it act, and so on. Names stand apart: one that was joined to others could be
    chosen so that it looks like two.

    :param actors: outermost first
    """
    chain = (("actor" if place == 1 else f"actor_{place}", name) for place, name in enumerate(actors, 1))
    return (*((("client_id", client_id),) if client_id else ()), *chain)
