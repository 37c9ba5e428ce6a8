"""What is allowed and still worth a second look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from airflow_oidc_auth.config.compile_needs import warn_of_needs
from airflow_oidc_auth.config.compile_sessions import warn_of_sessions
from airflow_oidc_auth.config.compiled import TokenClient
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.config.reading import Parts
from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.config.warn_identity import open_to_the_world, warn_of_identity
from airflow_oidc_auth.config.warn_roles import warn_of_roles
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.policy.builtin import BUILTIN_PAIRS, Pair
from airflow_oidc_auth.policy.roles import RoleSettings, close_roles, collect_pairs
from airflow_oidc_auth.policy.single_dags import DAG_PREFIX
from airflow_oidc_auth.policy.statement_pairs import statement_pairs
from airflow_oidc_auth.policy.statements import Statement
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS, SamlSettings
from airflow_oidc_auth.providers.settings import ProviderSettings

_LITERAL_STAR = "holds `*`, which is compared as it is and stands for nothing else"


def warnings_of(
    raw: RawDocument,
    parts: Parts,
    providers: Mapping[str, ProviderSettings],
    grants: GrantRules,
    roles: Mapping[str, RoleSettings],
    clients: Sequence[TokenClient],
) -> list[Problem]:
    """Return the warnings of a valid document."""
    return [
        *_nobody_is_admin(raw, grants),
        *_everyone(raw, parts, providers, _harmless(roles)),
        *warn_of_identity(raw, parts, providers),
        *_provider_without_rule(raw, parts),
        *_provider_oddities(raw, providers),
        *_addresses_of_another_claim(raw, parts, providers),
        *_required_of_programs(raw, parts),
        *_star_in_text(raw, parts),
        *warn_of_needs(raw, parts, providers),
        *warn_of_sessions(raw, parts.sessions),
        *warn_of_roles(raw, parts, grants, roles, clients),
    ]


def _nobody_is_admin(raw: RawDocument, grants: GrantRules) -> Iterator[Problem]:
    if not grants.may_give("Admin", everywhere=True):
        yield raw.problem(("grants", "rules"), "no rule grants Admin", "add a rule for your administrators' group")


def _harmless(roles: Mapping[str, RoleSettings]) -> frozenset[str]:
    """Return the roles that may only look, and at no more than a Viewer may."""
    names = (*roles, "Viewer", "Public")
    return frozenset(name for name in names if _is_harmless(name, roles))


def _is_harmless(name: str, roles: Mapping[str, RoleSettings]) -> bool:
    statements = (line for each in close_roles([name], roles) if each in roles for line in roles[each].allow)
    return all(map(_only_looks, collect_pairs([name], roles))) and all(
        statement_pairs(line) is not None or _reads_dags(line) for line in statements
    )


def _reads_dags(line: Statement) -> bool:
    audited = not {"all", "audit_log"}.isdisjoint(line.parts or ())
    return line.kind == "dags" and line.actions == ("read",) and not audited


def _only_looks(pair: Pair) -> bool:
    return pair in BUILTIN_PAIRS["Viewer"] or (pair[0] == "GET" and pair[1].startswith(DAG_PREFIX))


def _everyone(
    raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings], harmless: frozenset[str]
) -> Iterator[Problem]:
    for index, rule in parts.rules.items():
        if not rule.when.everyone:
            continue
        if more := sorted(set(rule.roles) - harmless):
            text = f"everyone who can sign in gets {', '.join(more)}"
            yield raw.problem(("grants", "rules", index, "roles"), text, "give Viewer to everyone, more to groups")
        for provider in [rule.provider] if rule.provider else parts.sign_in_ids:
            yield from _whole_world(raw, index, providers[provider])


def _whole_world(raw: RawDocument, index: int, provider: ProviderSettings) -> Iterator[Problem]:
    option = open_to_the_world(provider)
    if option is None:
        return
    text = f"everyone with any account at provider {provider.id} can sign in"
    suggestion = f"set providers.{provider.id}.{option}" if option else "name a group instead"
    yield raw.problem(("grants", "rules", index, "when"), text, suggestion)


def _provider_without_rule(raw: RawDocument, parts: Parts) -> Iterator[Problem]:
    named = {rule.provider for rule in parts.rules.values()}
    for provider_id in parts.provider_ids:
        if provider_id in named or (None in named and provider_id not in parts.workloads):
            continue
        what = "its programs get nothing" if provider_id in parts.workloads else "nobody can sign in with it"
        text = f"no rule is for this provider, so {what}"
        yield raw.problem(("providers", provider_id), text, "add a rule that names it, or remove the provider")


def _required_of_programs(raw: RawDocument, parts: Parts) -> Iterator[Problem]:
    """A requirement of everybody is one of programs, too, and most say nothing of e-mail or second factors."""
    for index, each in parts.requirements.items():
        keys = [key for key in ("email_verified", "email_domain", "acr", "amr") if getattr(each, key) is not None]
        asked = parts.workloads if each.provider is None else {}
        for provider_id in [name for name, model in asked.items() if model.preset != "gcp-workload"] if keys else []:
            text = f"is asked of the programs of provider {provider_id} as well, which cannot meet {' and '.join(keys)}"
            yield raw.problem(("grants", "require", index), text, "name the requirement's `provider`")


def _star_in_text(raw: RawDocument, parts: Parts) -> Iterator[Problem]:
    """A pattern that is written as text matches nobody, and its author waits for everybody."""
    for index, rule in parts.rules.items():
        base: tuple[str | int, ...] = ("grants", "rules", index, "when")
        if any("*" in name for name in rule.when.group or ()):
            yield raw.problem((*base, "group"), _LITERAL_STAR, "write `group_glob` if it is a pattern")
        for name, values in (rule.when.claims or {}).items():
            for value in [each for each in values if isinstance(each, str) and "*" in each]:
                suggestion = f'write {{glob: "{value}"}} if it is a pattern'
                yield raw.problem((*base, "claims", name), _LITERAL_STAR, suggestion)


def _saml_opt_ins(raw: RawDocument, base: tuple[str, str], saml: SamlSettings | None) -> Iterator[Problem]:
    if saml is None:
        return
    if saml.allow_idp_initiated:
        text = "lets other sites sign a browser in as somebody else (login CSRF)"
        yield raw.problem((*base, "allow_idp_initiated"), text, "link portals to Airflow's own sign-in page instead")
    if saml.subject_attribute is None and NAME_ID_FORMATS["email"] in saml.name_id_formats:
        text = "takes an e-mail address for an identity: who is given the address later is given the account"
        yield raw.problem((*base, "name_id_formats"), text, "use persistent NameIDs, or subject_attribute")


def _provider_oddities(raw: RawDocument, providers: Mapping[str, ProviderSettings]) -> Iterator[Problem]:
    labels: dict[str, str] = {}
    for provider_id, settings in providers.items():
        base = ("providers", provider_id)
        # A SAML entity id is a name, not an address: Okta's and AD FS' begin with http.
        option, address = ("metadata_url", settings.saml.metadata_url) if settings.saml else ("issuer", settings.issuer)
        if address and address.startswith("http://"):
            yield raw.problem((*base, option), "uses plain http on this machine: for tests only", "use https")
        yield from _saml_opt_ins(raw, base, settings.saml)
        if settings.discovery_file and not settings.jwks_file:
            text = "is set without jwks_file, so keys are still fetched"
            yield raw.problem((*base, "discovery_file"), text, "add jwks_file on a server without access")
        if settings.signs_in and settings.label in labels:
            text = f"has the same label as provider {labels[settings.label]}: people see two equal buttons"
            yield raw.problem((*base, "label"), text, "give each its own label")
        if settings.signs_in:
            labels.setdefault(settings.label, provider_id)


def _addresses_of_another_claim(
    raw: RawDocument, parts: Parts, providers: Mapping[str, ProviderSettings]
) -> Iterator[Problem]:
    """Of an address in another place the provider's usual ``email_verified`` says nothing."""
    for provider_id, settings in providers.items():
        model = parts.providers.get(provider_id)
        if not isinstance(model, ProviderModel) or settings.preset == "github":  # whose API is asked, and no claim
            continue
        if model.claims.email is not None and settings.email_verified_claim is None:
            text = "is not the claim that the provider vouches for, so no address counts as verified"
            suggestion = "name the boolean that says so of this claim under `email_verified`"
            yield raw.problem(("providers", provider_id, "claims", "email"), text, suggestion)
