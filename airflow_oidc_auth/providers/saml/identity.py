"""From a checked assertion to an Identity."""

from __future__ import annotations

import logging

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.display import clean_email, display_name
from airflow_oidc_auth.identity.groups import normalize_groups
from airflow_oidc_auth.identity.text import is_printable
from airflow_oidc_auth.providers.saml.assertion import Assertion, AuthnStatement, NameId
from airflow_oidc_auth.providers.saml.names import TRANSIENT
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.settings import ProviderSettings

_LOG = logging.getLogger(__name__)
MAX_SUBJECT = 1024
OWN_CLAIM = "saml"


def build_identity(
    settings: ProviderSettings, assertion: Assertion, statement: AuthnStatement, sp_entity_id: str
) -> Identity:
    """Return who signed in: (entity id of the IdP, NameID or the configured attribute).

    Claims are the attributes by name — a text for one value, a list for several — and ``saml`` with what the
    assertion itself says.

    :raises ProtocolViolation: ``saml_name_id_*``, ``saml_subject_attribute``
    :raises ProviderError: ``groups_unavailable``
    """
    name_id = _checked_name_id(assertion.name_id, settings, sp_entity_id)
    saml = settings.saml or SamlSettings()
    subject = _subject(name_id, assertion, saml)
    claims = build_claims(assertion, statement)
    _check_overage(settings, saml, claims)
    return Identity(
        provider=settings.id,
        issuer=settings.issuer,
        subject=subject,
        name=display_name((value for path in settings.name_claims for value in path.find(claims)), subject),
        email=_email(settings, claims),
        groups=_groups(settings, claims),
        claims=claims,
    )


def build_claims(assertion: Assertion, statement: AuthnStatement) -> dict[str, object]:
    """Return what rules see."""
    attributes: dict[str, object] = {
        name: values[0] if len(values) == 1 else list(values) for name, values in assertion.attributes.items()
    }
    name_id = assertion.name_id or NameId("")
    told = {"name_id": name_id.text, "name_id_format": name_id.format, "authn_context": statement.context}
    return {**attributes, OWN_CLAIM: told}


def _checked_name_id(name_id: NameId | None, settings: ProviderSettings, sp: str) -> NameId:
    if name_id is None or not name_id.text.strip():
        raise ProtocolViolation("saml_name_id_empty", "the assertion names nobody")
    # SAML Core §8.3.7: qualified by another party, the same text is another person.
    if name_id.name_qualifier not in ("", settings.issuer) or name_id.sp_name_qualifier not in ("", sp):
        raise ProtocolViolation("saml_name_id_qualifier", "the NameID belongs to another party's name space")
    _check_subject(name_id.text, "saml_name_id_empty")
    return name_id


def _subject(name_id: NameId, assertion: Assertion, saml: SamlSettings) -> str:
    if saml.subject_attribute is not None:
        values = assertion.attributes.get(saml.subject_attribute, ())
        if len(values) != 1 or not values[0].strip():
            detail = f"attribute {saml.subject_attribute!r} has {len(values)} values"
            raise ProtocolViolation("saml_subject_attribute", detail)
        _check_subject(values[0], "saml_subject_attribute")
        return values[0]
    if name_id.format == TRANSIENT:
        raise ProtocolViolation("saml_name_id_transient", "the NameID is another one at every sign-in")
    if name_id.format not in saml.name_id_formats:
        detail = f"the NameID is of format {name_id.format[:120]!r}"
        raise ProtocolViolation("saml_name_id_format", detail, evidence={"format": name_id.format[:120]})
    return name_id.text


def _check_subject(text: str, code: str) -> None:
    if len(text) > MAX_SUBJECT or not all(map(is_printable, text)):
        raise ProtocolViolation(code, "too long, or holds characters that nobody can see")


def _check_overage(settings: ProviderSettings, saml: SamlSettings, claims: dict[str, object]) -> None:
    """Entra leaves the groups out above 150 and sends a link instead: fewer groups are never taken for all."""
    missing = not all(source.path.find(claims) for source in settings.groups)
    if missing and saml.overage_attribute is not None and saml.overage_attribute in claims:
        hint = "At the identity provider, send only groups assigned to the application, or application roles."
        raise ProviderError("groups_unavailable", "more groups than the assertion can hold", hint=hint)


def _email(settings: ProviderSettings, claims: dict[str, object]) -> str | None:
    values = settings.email_claim.find(claims) if settings.email_claim else ()
    flat = [one for value in values for one in (value if isinstance(value, list) else [value])]
    return next((email for value in flat if (email := clean_email(value))), None)


def _groups(settings: ProviderSettings, claims: dict[str, object]) -> frozenset[str]:
    groups: set[str] = set()
    for source in settings.groups:
        for value in source.path.find(claims):
            result = normalize_groups(value, source.format, source.strip_prefix)
            groups |= result.groups
            for reason in result.rejected[:5]:
                _LOG.warning("%s: groups in attribute %s: left out %s", settings.id, source.path, reason)
    return frozenset(groups)
