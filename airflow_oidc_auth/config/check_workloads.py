"""Whose tokens the REST API takes: nobody's but those that a rule names, and each issuer's by one provider only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airflow_oidc_auth.config.compile_machines import given_of
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.paths import Path
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.grants import Glob, RuleModel, WhenModel
from airflow_oidc_auth.config.schema.workloads import WorkloadModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import parse_claim_path
from airflow_oidc_auth.providers.issuers import fits_template
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.presets.saml import saml_defaults
from airflow_oidc_auth.providers.presets.workload import Binding, Workload
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.settings import ProviderSettings


def check_workloads(raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Yield a problem for each rule that may let in programs of strangers, and for tokens that two could judge."""
    if parts.provider_ids and set(parts.provider_ids) == set(parts.workloads):
        text = "holds workload issuers only, so nobody could sign in"
        yield raw.problem(("providers",), text, "configure the provider of your people as well")
    for index, rule in parts.rules.items():
        model = parts.workloads.get(rule.provider or "")
        if model is not None and "preset" not in parts.damaged.get(rule.provider or "", ()):
            yield from _unbound(raw, index, rule, model)
    yield from _shared_issuers(raw, providers)
    yield from _shared_audiences(raw, providers)
    yield from _several_opaque(raw, providers)
    yield from _shared_names(raw, providers)


def _unbound(raw: RawDocument, index: int, rule: RuleModel, model: WorkloadModel) -> Iterator[Problem]:
    workload = preset(model.preset).workload
    if workload is None:
        return
    bindings = workload.all_bindings(given_of(model).options)
    if _is_bound(rule.when, workload, bindings):
        return
    names = " or ".join(dict.fromkeys(str(each.claim) for each in bindings))
    text = f"may hold for any {workload.everybody}: no value of {names} is named{_why(rule.when)}"
    yield raw.problem(("grants", "rules", index, "when"), text, _suggestion(rule.when, bindings))


def _is_bound(when: WhenModel, workload: Workload, bindings: Sequence[Binding]) -> bool:
    """All keys of ``when`` must hold, so one that binds is enough; of a list every item must, since one is enough."""
    if workload.groups_bind and when.group:
        return True
    for name, values in (when.claims or {}).items():
        segments = parse_claim_path(name).segments
        fitting = [each for each in bindings if each.claim.segments == segments]
        if fitting and all(any(_holds(each, value) for each in fitting) for value in values):
            return True
    return False


def _holds(binding: Binding, value: str | Glob) -> bool:
    return binding.holds(None, value.glob) if isinstance(value, Glob) else binding.holds(value, None)


def _suggestion(when: WhenModel, bindings: Sequence[Binding]) -> str:
    """Say how to correct a pattern that is there, or what to add."""
    for name, values in (when.claims or {}).items():
        segments = parse_claim_path(name).segments
        meant = next((each for each in bindings if each.claim.segments == segments), None)
        if meant is not None and any(isinstance(value, Glob) for value in values):
            pattern = meant.pattern()
            return f"write whole values of {name}" + (
                f", or a pattern such as {pattern!r}" if pattern else ", in a list"
            )
    return f"add `claims: {bindings[0].suggestion()}`, with yours"


def _why(when: WhenModel) -> str:
    if when.cel is not None:
        return "; what an expression accepts is not known beforehand"
    globs = [value.glob for values in (when.claims or {}).values() for value in values if isinstance(value, Glob)]
    return "; a pattern must hold the whole name of its owner, up to the sign that ends it" if globs else ""


def _shared_issuers(raw: RawDocument, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """A token is judged by the one provider of its issuer and audience."""
    takers = [each for each in providers.values() if each.api is not None]
    for number, settings in enumerate(takers):
        for other in takers[:number]:
            if _same_issuer(settings, other) and _audiences(settings) & _audiences(other):
                text = f"is also an audience of provider {other.id}, whose issuer is the same"
                yield raw.problem(_audience_path(settings), text, "give each an audience of its own")


def _shared_audiences(raw: RawDocument, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """An id_token has the client for its audience (OIDC Core §2): it must not pass for an access token of ours."""
    for settings in providers.values():
        for other in providers.values():
            clients = {other.client_id, other.cli.client_id if other.cli else ""} - {""}
            if _same_issuer(settings, other) and clients & _audiences(settings):
                text = f"is the client id of provider {other.id}, so that id_tokens would pass for access tokens"
                suggestion = "define an API with an audience of its own at the provider"
                yield raw.problem(_audience_path(settings), text, suggestion)


def _several_opaque(raw: RawDocument, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Nothing in an opaque token tells whose it is: asking several would show one provider's tokens to another."""
    askers = [each.id for each in providers.values() if each.api is not None and each.api.opaque]
    for provider_id in askers[1:]:
        text = f"is set for provider {askers[0]} as well, and an opaque token does not tell whose it is"
        yield raw.problem(("providers", provider_id, "api", "opaque"), text, "keep it for one provider")


def _shared_names(raw: RawDocument, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Identity is (issuer, subject): where SAML takes a name for the subject, that of OIDC could be chosen as a name.

    Keycloak, for one, has the same issuer in both protocols, and lets people register under any name.
    """
    for settings in providers.values():
        if settings.saml is None or _names_as_the_vendor_does(settings.preset, settings.saml):
            continue
        for other in providers.values():
            if other.saml is None and _same_issuer(settings, other):
                text = f"is also that of provider {other.id}, which names people in another way: one could be another"
                suggestion = "keep one of the two providers, or name people by persistent NameIDs"
                yield raw.problem(("providers", settings.id, "issuer"), text, suggestion)


def _names_as_the_vendor_does(preset_name: str, saml: SamlSettings) -> bool:
    """Tell whether people are named by what they cannot choose: a persistent NameID, or the preset's own attribute."""
    usual = saml_defaults(preset_name)
    persistent = saml.subject_attribute is None and saml.name_id_formats == SamlSettings().name_id_formats
    return persistent or (saml.subject_attribute is not None and saml.subject_attribute == usual.subject_attribute)


def _audiences(settings: ProviderSettings) -> set[str]:
    return set(settings.api.audiences) if settings.api is not None else set()


def _audience_path(settings: ProviderSettings) -> Path:
    return ("providers", settings.id, *(("api",) if settings.signs_in else ()), "audience")


def _same_issuer(one: ProviderSettings, other: ProviderSettings) -> bool:
    theirs = (other.issuer, *other.issuer_aliases)
    return any(_meet(mine, each) for mine in (one.issuer, *one.issuer_aliases) for each in theirs)


def _meet(one: str, other: str) -> bool:
    """Tell whether a token may come from both; Entra's shared endpoints have a template for an issuer."""
    return one == other or fits_template(one, other) or fits_template(other, one)
