"""Confirm a session at its IdP: what a provider does that can, and how it says what came of it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from airflow_oidc_auth.errors import OidcAuthError, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import Confirmation, HeldTokens


class ConfirmationInterrupted(ProviderError):
    """The IdP gave new tokens and then failed, or lied. They must be kept: the old refresh token may be used up.

    :param cause: whose code and evidence it carries
    :param tokens: all that are held from now on
    """

    def __init__(self, cause: OidcAuthError, tokens: HeldTokens) -> None:
        super().__init__(cause.code, cause.detail, hint=cause.hint, evidence=cause.evidence)
        self.tokens = tokens


@runtime_checkable
class Confirms(Protocol):
    """A provider that can ask its IdP whether a session goes on."""

    def can_confirm(self, tokens: HeldTokens) -> bool:
        """Tell whether these tokens are enough to ask. Calls nobody."""
        ...

    def confirm(self, tokens: HeldTokens, known: Identity) -> Confirmation:
        """Ask the IdP. Blocks; runs on a re-check's own threads.

        :param known: what the IdP said last; the answer must be about the same issuer and subject
        :raises LoginRefused: ``session_refused_by_provider`` or a preset's refusal: the session ends
        :raises ConfirmationInterrupted: an outage after new tokens were received
        :raises ProviderError: the IdP is down, slow or misconfigured: the session carries on
        :raises ProtocolViolation: the answer is forged or about somebody else: the session carries on, unconfirmed
        """
        ...
