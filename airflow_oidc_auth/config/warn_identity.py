"""Rules that decide by what strangers may choose: an unverified address, a group of another provider's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.grants import RuleModel, WhenModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.settings import ProviderSettings

# Anybody can have an account at these, so that "everyone" means the whole world.
_OPEN_TO_THE_WORLD = {"google": "hosted_domain", "github": "organizations", "gitlab": ""}
_EMAIL = re.compile(r"\bemail\b")


def open_to_the_world(provider: ProviderSettings) -> str | None:
    """Return which option closes a provider that lets everybody in, empty for none; None for one that does not."""
    option = _OPEN_TO_THE_WORLD.get(provider.preset)
    if option is None or (option and provider.options.get(option)):
        return None
    if provider.preset == "gitlab" and not provider.issuer.startswith("https://gitlab.com"):
        return None
    return option


def warn_of_identity(raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    """Yield rules that a stranger may meet on purpose."""
    for index, rule in parts.rules.items():
        people = [providers[each] for each in ([rule.provider] if rule.provider else parts.sign_in_ids)]
        if (key := _by_email(rule.when)) and any(_tells_unverified(each, parts) for each in people):
            text = "decides by an e-mail address that nobody has to have verified: at many providers people choose it"
            suggestion = "require `email_verified: true` under grants, or name a group"
            yield raw.problem(("grants", "rules", index, "when", key), text, suggestion)
        if rule.provider is None and len(people) > 1 and _by_group(rule):
            for each in people:
                # Google tells no groups.
                if each.preset != "google" and open_to_the_world(each) is not None:
                    text = (
                        f"is for people of provider {each.id} as well, where anybody can make a group of any free name"
                    )
                    yield raw.problem(("grants", "rules", index), text, "name the rule's `provider`")


def _by_email(when: WhenModel) -> str:
    """Return the key of a condition that reads the address, and not whether it was verified."""
    if any(name == "email" for name in when.claims or {}):
        return "claims"
    return "cel" if when.cel and _EMAIL.search(when.cel) and "email_verified" not in when.cel else ""


def _by_group(rule: RuleModel) -> bool:
    when = rule.when
    return bool(when.group or when.group_glob or when.group_regex)


def _tells_unverified(provider: ProviderSettings, parts: Parts) -> bool:
    """SAML does not tell, and its attributes are the directory's; programs have no address."""
    if provider.saml is not None or preset(provider.preset).protocol == "workload":
        return False
    asked = [each for each in parts.requirements.values() if each.provider in (None, provider.id)]
    return not any(each.email_verified or each.email_domain for each in asked)
