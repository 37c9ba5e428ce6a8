"""An assertion is good once (SAML Profiles §4.1.4.5), on every API server."""

from __future__ import annotations

from typing import Protocol


class ReplayCache(Protocol):
    """Remembers assertions until they expire by themselves; shared by all API servers."""

    def seen(self, assertion_id: str, expires_at: int) -> bool:
        """Remember an assertion; True if it was there already.

        Atomic: of two servers that ask at once, one hears False. Blocks; runs on the provider's threads.

        :param assertion_id: 64 hex characters: a hash of the IdP's entity id and the assertion's ID
        :param expires_at: epoch seconds, leeway included; may be forgotten after that
        :raises SessionError: it cannot be told, so the assertion must not be accepted
        """
