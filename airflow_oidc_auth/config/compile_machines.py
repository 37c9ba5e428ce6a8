"""``api`` and ``cli`` of a provider of people, and what a workload issuer is compiled to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from airflow_oidc_auth.config.check_files import check_named_files
from airflow_oidc_auth.config.schema.machines import ApiModel, CliModel
from airflow_oidc_auth.config.schema.providers import ProviderModel
from airflow_oidc_auth.config.schema.workloads import JwtProvider, WorkloadModel
from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets import Derived, Given, Preset
from airflow_oidc_auth.providers.settings import ApiSettings, CliSettings, GroupSource, HttpSettings, ProviderSettings


def check_machines(
    model: ProviderModel, chosen: Preset, issuer: str, groups: Sequence[GroupSource]
) -> Iterator[Problem]:
    """Yield what does not fit together; paths are relative to the provider.

    :param issuer: as the preset derives it, perhaps a template
    :param groups: where they are found
    """
    if model.api is not None and chosen.no_access_tokens:
        yield Problem(
            "api", f"cannot be used: {chosen.no_access_tokens}", "remove it; programs can use workload issuers"
        )
    if model.api is not None and model.api.opaque and (model.client_auth or chosen.client_auth) == "none":
        yield Problem("api.opaque", "needs a client that may ask: client_auth is none", "use a client with a secret")
    if model.cli is None:
        return
    if chosen.protocol != "oidc":
        yield Problem("cli", "needs a provider of OpenID Connect", "remove it")
    if "{" in issuer:
        yield Problem("cli", "needs one issuer, and `issuer` stands for several", "write the tenant's id in `issuer`")
    if model.cli.scopes is not None and "openid" not in model.cli.scopes:
        yield Problem("cli.scopes", "lacks openid, without which there is no id_token", "add openid")
    if elsewhere := next((each.document for each in groups if each.document != "id_token"), ""):
        text = f"cannot be used: groups come from the {elsewhere}, and a terminal brings an id_token only"
        yield Problem("cli", text, "let the id_token hold the groups, and set `groups` accordingly")
    if model.cli.client_id == model.client_id and (model.client_auth or chosen.client_auth) != "none":
        text = "is the browser's client, whose secret no terminal may have"
        yield Problem("cli.client_id", text, "register a public client of its own")


def build_api(model: ApiModel | None, chosen: Preset) -> ApiSettings | None:
    """Return the settings of a valid model."""
    if model is None:
        return None
    return ApiSettings(
        audiences=tuple(dict.fromkeys(model.audience)),
        opaque=model.opaque,
        token_types=tuple(dict.fromkeys(model.token_types or chosen.token_types)),
        subject_claim=chosen.subject_claim,
        max_lifetime=model.max_lifetime or chosen.max_token_lifetime,
        required_scopes=tuple(model.required_scopes or ()),
    )


def build_cli(model: CliModel | None) -> CliSettings | None:
    """Return the settings of a valid model."""
    if model is None:
        return None
    default = CliSettings(model.client_id)
    return CliSettings(model.client_id, tuple(model.scopes or default.scopes), model.resource, model.audience)


def given_of(model: WorkloadModel) -> Given:
    """Return what a workload's preset looks at."""
    bind = tuple(model.bind) if isinstance(model, JwtProvider) and model.bind else None
    return Given(issuer=model.issuer, options={} if bind is None else {"bind": bind})


def check_workload(model: WorkloadModel, chosen: Preset, *, files: bool) -> list[Problem]:
    """Return every contradiction; paths are relative to the provider."""
    found = list(chosen.check(given_of(model)))
    if model.discovery_url and model.discovery_file:
        found.append(Problem("discovery_file", "contradicts discovery_url", "keep one of them"))
    if files:
        found += check_named_files(model.http.ca_file, model.discovery_file, model.jwks_file)
    return found


def build_workload(provider_id: str, model: WorkloadModel, chosen: Preset) -> ProviderSettings:
    """Return the settings of a model without a problem: no client, no sign-in, nothing but tokens."""
    derived: Derived = chosen.derive(given_of(model))
    jwt = model if isinstance(model, JwtProvider) else None
    named = (jwt.name,) if jwt is not None and jwt.name is not None else chosen.name_claims
    return ProviderSettings(
        id=provider_id,
        label=model.label or chosen.vendor,
        preset=chosen.name,
        issuer=derived.issuer,
        client_id="",
        client_auth="none",
        scopes=(),
        issuer_aliases=derived.issuer_aliases,
        discovery_url=model.discovery_url or derived.discovery_url,
        discovery_file=model.discovery_file,
        jwks_file=model.jwks_file,
        algorithms=tuple(dict.fromkeys(model.algorithms or chosen.algorithms)),
        leeway=model.leeway,
        userinfo="never",
        name_claims=named,
        email_claim=chosen.email_claim,
        email_verified_claim=chosen.email_verified_claim,
        groups=chosen.groups,
        http=HttpSettings(model.http.timeout, model.http.ca_file, model.http.proxy),
        logout="none",
        options=derived.options,
        api=_workload_api(model, chosen),
        signs_in=False,
    )


def _workload_api(model: WorkloadModel, chosen: Preset) -> ApiSettings:
    jwt = model if isinstance(model, JwtProvider) else None
    types = jwt.token_types if jwt is not None and jwt.token_types else chosen.token_types
    return ApiSettings(
        audiences=tuple(dict.fromkeys(model.audience)),
        token_types=tuple(dict.fromkeys(types)),
        subject_claim=(jwt.subject if jwt is not None else None) or chosen.subject_claim,
        max_lifetime=model.max_lifetime or chosen.max_token_lifetime,
    )
