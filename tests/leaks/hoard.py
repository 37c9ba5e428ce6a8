"""Every secret that there was, in every spelling that a leak could have, and where they are found."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

PART = 20
"""Characters of a secret that are one: logs cut long texts."""


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret where it must not be.

    :param kind: what it is; the secret itself is not told
    :param spelling: how it was written
    """

    kind: str
    place: str
    spelling: str


def _base64(text: str) -> Iterator[str]:
    """Yield what every base64 of a text around this one contains, wherever this one begins in it."""
    data = text.encode()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + data)
        begin, end = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        yield encoded[begin:end].decode()


SPELLINGS: dict[str, Callable[[str], Iterator[str]]] = {
    "as it is": lambda text: iter((text,)),
    "in an address": lambda text: iter((quote(text, safe=""), quote_plus(text), quote(text))),
    "in HTML": lambda text: iter((html.escape(text),)),
    "in JSON": lambda text: iter((json.dumps(text)[1:-1], json.dumps(json.dumps(text)[1:-1])[1:-1])),
    "base64": _base64,
    "base64url": lambda text: (each.translate(str.maketrans("+/", "-_")) for each in _base64(text)),
    "hex": lambda text: iter((text.encode().hex(), text.encode().hex().upper())),
    "backwards": lambda text: iter((text[::-1],)),
}


def parts_of(secret: str) -> tuple[str, ...]:
    """Return the parts that give it away: of a JWT the signature (others say the same), of a message its middle."""
    if secret.count(".") == 2 and secret.startswith("ey") and not secret.endswith("."):
        signature = secret.rpartition(".")[2]
        return signature[:PART], signature[-PART:]
    if len(secret) > 400:
        return tuple(secret[at : at + 2 * PART] for at in range(200, len(secret) - 2 * PART, len(secret) // 8))
    if len(secret) > PART:
        return secret[:PART], secret[-PART:]
    return (secret,)


@dataclass
class Hoard:
    """What was secret in a run.

    :ivar secrets: kinds by secret
    """

    secrets: dict[str, str] = field(default_factory=dict)
    _needles: list[tuple[str, str, bytes]] = field(default_factory=list, repr=False)
    _made_for: int = -1

    def add(self, kind: str, secret: object) -> None:
        """Remember a secret; one that is short would be found by chance."""
        if isinstance(secret, str) and secret:
            assert len(secret) >= 12, f"{kind} is too short to be searched for"
            self.secrets.setdefault(secret, kind)

    def kinds(self) -> set[str]:
        """Return what kinds of secrets there were."""
        return set(self.secrets.values())

    def needles(self) -> list[tuple[str, str, bytes]]:
        """Return kind, spelling and bytes of everything to look for."""
        if self._made_for != len(self.secrets):
            self._needles, self._made_for = list(self._make_needles()), len(self.secrets)
        return self._needles

    def _make_needles(self) -> Iterator[tuple[str, str, bytes]]:
        seen: set[tuple[str, bytes]] = set()
        for secret, kind in self.secrets.items():
            for name, spell in SPELLINGS.items():
                for needle in (spelt.encode() for part in parts_of(secret) for spelt in spell(part)):
                    if (kind, needle) not in seen:
                        seen.add((kind, needle))
                        yield kind, name, needle

    def search(self, place: str, data: bytes) -> list[Leak]:
        """Return what of it is in these bytes."""
        return sorted(
            {Leak(kind, place, spelling) for kind, spelling, needle in self.needles() if data and needle in data},
            key=lambda leak: (leak.kind, leak.spelling),
        )
