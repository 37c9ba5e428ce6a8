"""One SAML provider: what was written over what its preset says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as File

from airflow_oidc_auth.config.check_files import check_file
from airflow_oidc_auth.config.private_keys import saml_key_problem
from airflow_oidc_auth.config.schema.saml import SamlGroupsModel, SamlModel
from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.errors import Problem, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath, GroupFormat
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.presets.saml import saml_defaults
from airflow_oidc_auth.providers.saml.certificates import read_certificate
from airflow_oidc_auth.providers.saml.libraries import INSTALL, libraries_problem
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS, SamlSettings
from airflow_oidc_auth.providers.settings import GroupSource, HttpSettings, ProviderSettings
from airflow_oidc_auth.secret import Secret

REFERENCES = ("signing_key", "certificate", "decryption_key", "decryption_certificate")
_PAIRS = (("signing_key", "certificate"), ("decryption_key", "decryption_certificate"))
Resolve = Callable[[str, SecretReference | None, Callable[[Secret], str]], Secret | None]


def check_saml(model: SamlModel, *, files: bool) -> Iterator[Problem]:
    """Yield what does not fit together; paths are relative to the provider.

    :param files: also look whether the libraries are here and the named files can be read
    """
    if (model.metadata_url is None) == (model.metadata_file is None):
        text = "is missing" if model.metadata_url is None else "contradicts metadata_file"
        yield Problem("metadata_url", text, "set metadata_url, or metadata_file")
    for key, certificate in _PAIRS:
        if getattr(model, certificate) is not None and getattr(model, key) is None:
            yield Problem(certificate, f"is set without {key}", f"add {key}, or remove it")
    if model.decryption_key is not None and model.decryption_certificate is None:
        yield Problem("decryption_certificate", "is missing, so nobody could encrypt for us", "add {file: /PATH}")
    if model.require_encryption and model.decryption_key is None and model.signing_key is None:
        yield Problem("require_encryption", "needs a key to decrypt with", "add decryption_key or signing_key")
    if files:
        yield from _files(model)


def _files(model: SamlModel) -> Iterator[Problem]:
    if problem := libraries_problem():
        yield Problem("preset", f"needs libraries: {problem}", INSTALL)
    if model.http.ca_file is not None:
        yield from check_file("http.ca_file", model.http.ca_file)
    if model.metadata_file is not None and not problem:
        yield from _metadata_file(model, model.metadata_file)


def _metadata_file(model: SamlModel, name: str) -> Iterator[Problem]:
    from airflow_oidc_auth.providers.saml.metadata import parse_idp_metadata

    settings = build_saml_settings("-", model, {})
    try:
        # Expiry is for the running server to judge: a file is fetched anew while it runs.
        parse_idp_metadata(File(name).read_bytes(), settings, 0)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield Problem("metadata_file", f"cannot read the file {name}: {reason}", "check the path and its permissions")
    except ProviderError as error:
        at = "issuer" if error.code == "saml_metadata_entity" else "metadata_file"
        yield Problem(at, f"does not fit the file {name}: {error.detail}", "is this the right file?")


def resolve_all(model: SamlModel, resolve: Resolve) -> dict[str, Secret]:
    """Return keys and certificates by name; problems go where ``resolve`` puts them."""
    found: dict[str, Secret] = {}
    for name in REFERENCES:
        check = saml_key_problem if name.endswith("_key") else _certificate_problem
        secret = resolve(name, getattr(model, name), check)
        if secret is not None:
            found[name] = secret
    return found


def check_pairs(secrets: Mapping[str, Secret]) -> Iterator[Problem]:
    """Yield a problem for a certificate of another key."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    for key, certificate in _PAIRS:
        if key in secrets and certificate in secrets:
            private = load_pem_private_key(secrets[key].reveal().encode(), None)
            public = read_certificate(secrets[certificate].reveal()).public_key
            if private.public_key() != public:
                yield Problem(certificate, f"belongs to another key than {key}", "give the certificate of this key")


def build_saml_settings(provider_id: str, model: SamlModel, secrets: Mapping[str, Secret]) -> ProviderSettings:
    """Return the settings of a model without a problem."""
    chosen = preset(model.preset)
    names = chosen.name_claims if model.attributes.name is None else _literal(*model.attributes.name)
    return ProviderSettings(
        id=provider_id,
        label=model.label or chosen.vendor,
        preset=model.preset,
        issuer=model.issuer,
        client_id=model.entity_id or "",
        client_auth=chosen.client_auth,
        scopes=(),
        leeway=model.leeway,
        userinfo=chosen.userinfo,
        name_claims=names,
        email_claim=chosen.email_claim if model.attributes.email is None else ClaimPath((model.attributes.email,)),
        groups=chosen.groups if model.groups is None else tuple(_group_source(each) for each in model.groups),
        http=HttpSettings(model.http.timeout, model.http.ca_file, model.http.proxy),
        logout=chosen.logout if model.logout else "none",
        saml=_saml(model, secrets),
    )


def _saml(model: SamlModel, secrets: Mapping[str, Secret]) -> SamlSettings:
    defaults = saml_defaults(model.preset)
    chosen = model.name_id_formats
    # Whoever names formats wants the NameID, whatever attribute the preset would take.
    subject = model.subject_attribute or (defaults.subject_attribute if chosen is None else None)
    return SamlSettings(
        metadata_url=model.metadata_url,
        metadata_file=model.metadata_file,
        fingerprints=tuple(model.fingerprints or ()),
        name_id_formats=defaults.name_id_formats if chosen is None else tuple(NAME_ID_FORMATS[each] for each in chosen),
        subject_attribute=subject,
        binding=model.binding,
        certificate=_text(secrets, "certificate"),
        signing_key=secrets.get("signing_key"),
        decryption_key=secrets.get("decryption_key"),
        decryption_certificate=_text(secrets, "decryption_certificate"),
        authn_contexts=tuple(model.authn_contexts or ()),
        force_authn=model.force_authn,
        allow_idp_initiated=model.allow_idp_initiated,
        require_signed_response=model.require_signed_response,
        require_encryption=model.require_encryption,
        overage_attribute=defaults.overage_attribute,
    )


def _text(secrets: Mapping[str, Secret], name: str) -> str | None:
    """A certificate is public; only its reference looks like a secret's."""
    return secrets[name].reveal() if name in secrets else None


def _group_source(model: SamlGroupsModel) -> GroupSource:
    return GroupSource("assertion", ClaimPath((model.attribute,)), GroupFormat(model.format), model.strip_prefix)


def _literal(*names: str) -> tuple[ClaimPath, ...]:
    return tuple(ClaimPath((name,)) for name in names)


def _certificate_problem(secret: Secret) -> str:
    try:
        read_certificate(secret.reveal())
    except ValueError as error:
        return str(error)
    return ""
