"""IdP tokens at rest: encrypted with Airflow's Fernet keys, bound to the row and column they belong to."""

from __future__ import annotations

import logging

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from airflow_oidc_auth.errors import ConfigurationError, Problem
from airflow_oidc_auth.secret import Secret

log = logging.getLogger(__name__)

_PATH = "[core] fernet_key"
_GENERATE = (
    'generate one with `python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`'
)


class TokenCipher:
    """Encrypt tokens with the first key, decrypt with any (rotation as Airflow does it).

    :param keys: text of ``[core] fernet_key``: keys separated by commas, the newest first
    :raises ConfigurationError: no key (Airflow would then store clear text) or a malformed one
    """

    __slots__ = ("_fernet", "_newest", "has_older_keys")

    def __init__(self, keys: Secret | None) -> None:
        parts = [part.strip() for part in keys.reveal().split(",")] if keys is not None else []
        if not any(parts):
            raise ConfigurationError([Problem(_PATH, "is empty: IdP tokens cannot be stored encrypted", _GENERATE)])
        try:
            ring = [Fernet(part) for part in parts]
        except ValueError:
            text = "holds something that is no Fernet key (32 bytes, url-safe base64)"
            # The cause would carry pieces of the key.
            raise ConfigurationError([Problem(_PATH, text, _GENERATE)]) from None
        self._fernet, self._newest = MultiFernet(ring), ring[0]
        self.has_older_keys = len(ring) > 1

    def encrypt(self, token: Secret | None, bound_to: str) -> str | None:
        """Return the ciphertext of a token.

        :param bound_to: row and column; whoever can write to the database cannot move the token to another session
        """
        if token is None:
            return None
        return self._fernet.encrypt(f"{bound_to}\n{token.reveal()}".encode()).decode("ascii")

    def decrypt(self, ciphertext: str | None, bound_to: str) -> Secret | None:
        """Return the token, or None where there is none or it cannot be read (key dropped, row tampered with)."""
        if not ciphertext:
            return None
        try:
            owner, separator, token = self._fernet.decrypt(ciphertext).decode().partition("\n")
        except (InvalidToken, ValueError):
            log.warning("A stored IdP token cannot be decrypted with the keys of %s; treated as absent", _PATH)
            return None
        if not separator or owner != bound_to or not token:
            log.error("A stored IdP token belongs to another session or column; treated as absent")
            return None
        return Secret(token)

    def reseal(self, ciphertext: str | None) -> str | None:
        """Return what an older key encrypted, encrypted with the first one; None where nothing is to be done.

        The token stays bound to its row and column; what no key opens stays as it is, since its key may come back.
        """
        if not ciphertext or not self.has_older_keys:
            return None
        try:
            self._newest.decrypt(ciphertext)
        except (InvalidToken, ValueError):
            return self._rotate(ciphertext)
        return None

    def _rotate(self, ciphertext: str) -> str | None:
        try:
            return self._fernet.rotate(ciphertext).decode("ascii")
        except (InvalidToken, ValueError):
            return None
