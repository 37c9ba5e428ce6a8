"""What may be used once, whichever of several API servers sees it first."""

from __future__ import annotations

from collections.abc import Callable

from airflow_oidc_auth.sessions.store import SessionStore


class StoreReplayCache:
    """The replay cache of the SAML providers (:class:`airflow_oidc_auth.providers.saml.replay.ReplayCache`).

    Blocks on the metadata database, on the calling thread.

    :param clock: epoch seconds
    """

    def __init__(self, store: SessionStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock

    def seen(self, assertion_id: str, expires_at: int) -> bool:
        """Remember an assertion; True if it was there already, or is too old to be remembered.

        :raises SessionError: ``session_store_unavailable``: whether it was used before is not known
        """
        return not self._store.claim(assertion_id, expires_at=expires_at, now=int(self._clock()))
