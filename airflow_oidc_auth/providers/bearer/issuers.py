"""Whose token is it? Chosen by the unverified ``iss``; only the issuer that is chosen believes anything."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from airflow_oidc_auth.providers.bearer.issuer import BearerIssuer
from airflow_oidc_auth.providers.bearer.unverified import Parser, unverified_audiences
from airflow_oidc_auth.providers.cached_document import Spawn, in_background
from airflow_oidc_auth.providers.issuers import TENANT, fits_template
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.relying_party import RelyingParty
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.signed_token import UnverifiedToken
from airflow_oidc_auth.providers.transport import RequestsTransport, Transport


class BearerIssuers:
    """The issuers whose tokens the REST API takes, and those at which the command line signs in.

    :param parser: the issuers' own
    """

    def __init__(self, issuers: Iterable[BearerIssuer], parser: Parser | None = None) -> None:
        self._parser = parser or Parser()
        self._by_id = {each.provider: each for each in issuers}
        accepting = [each for each in self._by_id.values() if each.api is not None]
        self._by_iss: dict[str, list[BearerIssuer]] = {}
        self._templates: list[tuple[str, BearerIssuer]] = []
        for issuer in accepting:
            self._add(issuer)
        # Several that take opaque tokens are refused as configuration: each token would be shown to all of them.
        self._opaque = next((each for each in accepting if each.api is not None and each.api.opaque), None)

    def of_token(self, token: str) -> BearerIssuer | None:
        """Return the issuer that judges a token; None when it is not one of ours.

        :raises TokenRefused: ``token_too_large``, ``token_malformed``: nobody would believe it
        """
        if not self._by_id:
            return None
        unverified = self._parser.choose(token)
        return self._opaque if unverified is None else self._of_jwt(unverified)

    def get(self, provider: str) -> BearerIssuer | None:
        """Return the issuer of a provider's id."""
        return self._by_id.get(provider)

    def forget(self) -> None:
        """Forget what introspection said."""
        for issuer in self._by_id.values():
            issuer.forget()

    def _add(self, issuer: BearerIssuer) -> None:
        settings = issuer.party.settings
        for spelling in (settings.issuer, *settings.issuer_aliases):
            if TENANT in spelling:
                self._templates.append((spelling, issuer))
            else:
                self._by_iss.setdefault(spelling, []).append(issuer)

    def _of_jwt(self, token: UnverifiedToken) -> BearerIssuer | None:
        iss = token.claims.get("iss")
        if not isinstance(iss, str):
            return None
        candidates = self._by_iss.get(iss) or [
            each for spelling, each in self._templates if fits_template(spelling, iss)
        ]
        if len(candidates) < 2:
            return candidates[0] if candidates else None
        # One issuer may be configured twice (GitLab's people and its jobs): the audience tells which is meant.
        named = unverified_audiences(token)
        meant = (each for each in candidates if each.api is not None and not named.isdisjoint(each.api.audiences))
        return next(meant, candidates[0])


def build_bearer_issuers(
    settings: Iterable[ProviderSettings],
    transports: Mapping[str, Transport] | None = None,
    clock: Callable[[], float] = time.time,
    *,
    parties: Mapping[str, RelyingParty] | None = None,
    spawn: Spawn = in_background,
) -> BearerIssuers:
    """Return the issuers of those providers that have ``api`` or ``cli``; opens no connection.

    :param transports: by provider id; made from the settings where there is none
    :param parties: by provider id: what the provider's own sign-in uses, so that documents and keys are fetched once
    """
    known_transports, known_parties = transports or {}, parties or {}
    parser = Parser()
    issuers = []
    for each in settings:
        if each.saml is None and (each.api is not None or each.cli is not None):
            transport = known_transports.get(each.id) or RequestsTransport(each.http)
            party = known_parties.get(each.id) or RelyingParty(each, preset(each.preset), transport, clock, spawn)
            issuers.append(BearerIssuer(party, each.api, parser))
    return BearerIssuers(issuers, parser)
