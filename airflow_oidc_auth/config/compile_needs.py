"""``needs`` of a rule: what no provider could ever fulfil is refused, what one of them cannot is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.grants import NeedsModel, RequirementModel, RuleModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.needs import Needs, readable
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class _Cannot:
    """Why a provider never fulfils a need.

    :param key: of ``needs``; empty for all of them
    """

    provider: str
    key: str
    text: str
    suggestion: str


def build_needs(model: NeedsModel | None) -> Needs | None:
    """Return the needs of a valid model."""
    if model is None:
        return None
    return Needs(tuple(model.acr or ()), tuple(model.amr or ()), model.within)


def check_needs(raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Yield a problem for each rule that could never give anything."""
    for index, rule in parts.rules.items():
        # A provider with a mistake in it may be able to: one complaint at a time.
        asked = [rule.provider] if rule.provider else list(parts.sign_in_ids)
        if rule.needs is None or not all(each in providers for each in asked):
            continue
        cannot = _reasons(rule, rule.needs, [providers[each] for each in asked], parts)
        if cannot and len({each.provider for each in cannot}) == len(asked):
            first = cannot[0]
            yield raw.problem(_path(index, first.key), f"can never hold: {first.text}", first.suggestion)


def warn_of_needs(raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Yield a warning for people who can never fulfil a need, and for a need that never bites."""
    limit = parts.sessions.reauthenticate_after
    for index, rule in parts.rules.items():
        if rule.needs is None:
            continue
        asked = [rule.provider] if rule.provider else list(parts.sign_in_ids)
        for each in _reasons(rule, rule.needs, [providers[name] for name in asked], parts):
            text = f"can never hold for people of provider {each.provider}: {each.text}"
            yield raw.problem(_path(index, each.key), text, "name the rule's `provider`")
        if rule.needs.within is not None and limit is not None and rule.needs.within >= limit:
            text = f"is not shorter than `sessions.reauthenticate_after` ({readable(limit)}), so it never counts"
            yield raw.problem(_path(index, "within"), text, "shorten it, or remove it")


def _reasons(rule: RuleModel, needs: NeedsModel, providers: Sequence[ProviderSettings], parts: Parts) -> list[_Cannot]:
    found = (_reason(needs, each, list(parts.requirements.values())) for each in providers)
    return [each for each in found if each is not None]


def _reason(needs: NeedsModel, settings: ProviderSettings, requirements: Sequence[RequirementModel]) -> _Cannot | None:
    protocol = preset(settings.preset).protocol
    if protocol == "workload":
        return _Cannot(settings.id, "", "programs do not authenticate as people do", "remove it")
    if protocol == "github":
        text = "GitHub does not tell when or how somebody authenticated"
        return _Cannot(settings.id, "", text, "remove it, or use a provider of OpenID Connect or SAML")
    if settings.saml is not None and needs.amr:
        text = "SAML has no authentication methods (amr)"
        return _Cannot(settings.id, "amr", text, "write acr: the AuthnContextClassRef")
    contexts = settings.saml.authn_contexts if settings.saml is not None else ()
    if contexts and needs.acr and not set(contexts) & set(needs.acr):
        text = f"`providers.{settings.id}.authn_contexts` accepts none of these"
        return _Cannot(settings.id, "acr", text, "add them there")
    return _against_requirements(needs, settings, requirements)


def _against_requirements(
    needs: NeedsModel, settings: ProviderSettings, requirements: Sequence[RequirementModel]
) -> _Cannot | None:
    for each in requirements:
        applies = each.provider in (None, settings.id) and each.acr is not None
        if applies and needs.acr and not set(each.acr or ()) & set(needs.acr):
            text = "`grants.require` lets nobody in with any of these"
            return _Cannot(settings.id, "acr", text, "name one that both accept")
    return None


def _path(index: int, key: str) -> Path:
    return ("grants", "rules", index, "needs", key) if key else ("grants", "rules", index, "needs")
