"""Which proofs were used (RFC 9449 §11.1), in bounded memory."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

MAX_KEYS = 10_000
MAX_PROOFS = 2_000


class ProofMemory:
    """Remembers the proofs of each key for as long as they would be accepted. Safe to use from several threads.

    Each key has its own share: whoever floods with one key is refused, and pushes nobody else's proofs out. With more
    keys than ``max_keys`` the one that was quiet for longest is forgotten.

    :param max_proofs: of one key within the minutes that a proof is good for
    """

    def __init__(self, *, max_keys: int = MAX_KEYS, max_proofs: int = MAX_PROOFS) -> None:
        self._max_keys, self._max_proofs = max_keys, max_proofs
        self._lock = threading.Lock()
        self._by_key: OrderedDict[str, OrderedDict[bytes, float]] = OrderedDict()

    def use(self, jkt: str, jti: str, *, now: float, until: float) -> bool:
        """Remember a proof; False if it was used before, or if its key has used too many.

        :param until: epoch seconds from which it would be refused for its age
        """
        digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            used = self._by_key.setdefault(jkt, OrderedDict())
            self._by_key.move_to_end(jkt)
            if len(self._by_key) > self._max_keys:
                self._by_key.popitem(last=False)
            if used.get(digest, 0) > now:
                return False
            _drop_old(used, now)
            if len(used) >= self._max_proofs:
                return False
            used[digest] = until
            return True


def _drop_old(used: OrderedDict[bytes, float], now: float) -> None:
    """Oldest first; one that lives longer than those after it keeps them a little longer, too."""
    while used and next(iter(used.values())) <= now:
        used.popitem(last=False)
