"""An assertion from a file: an Identity as the provider would build it, were the assertion genuine.

Three spellings: the XML of an assertion or a response, as identity providers preview it and browser extensions record
it; the base64 of a form field; JSON of attributes, as rules see them. Nothing is verified, and nothing is let in.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_oidc_auth.cli.claims_file import ReadClaims, parse_object, read_source
from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.identity.authentication import Authentication, not_ahead
from airflow_oidc_auth.providers.saml.addresses import service_provider
from airflow_oidc_auth.providers.saml.libraries import require_libraries
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS, SamlSettings
from airflow_oidc_auth.providers.settings import ProviderSettings

if TYPE_CHECKING:
    from lxml import etree

    from airflow_oidc_auth.providers.saml.assertion import Assertion

OWN_KEYS = {"name_id", "name_id_format", "authn_context", "authn_instant"}
_ENCRYPTED = (
    "The assertion is encrypted. Take the one that the identity provider previews, or write the attributes as JSON."
)


def identify_assertion(settings: ProviderSettings, source: str, base_url: str) -> ReadClaims:
    """Build the identity of a SAML provider.

    :raises CommandFailed: the file cannot be read, or names nobody whom the provider would accept
    """
    require_libraries()
    from airflow_oidc_auth.providers.saml.identity import build_identity

    data = read_source(source)
    assertion = _from_json(data, source, settings) if data.lstrip()[:1] == b"{" else _from_xml(data, source)
    try:
        own = _entity_id(settings, base_url, assertion)
        statement = assertion.statements[0]
        at = not_ahead(statement.instant, time.time(), settings.leeway)
        identity = build_identity(settings, assertion, statement, own)
        identity = replace(identity, authentication=Authentication(statement.context or None, at=at))
    except OidcAuthError as error:
        told = f"{error.message.text} ({error.code}: {error.detail})"
        raise CommandFailed(f"The provider would refuse this: {told} {error.hint}") from None
    return ReadClaims(identity, _foreign(assertion, settings), ("Signature, addresses and times were not checked.",))


def _entity_id(settings: ProviderSettings, base_url: str, assertion: Assertion) -> str:
    """Return ours; where nobody has told where this Airflow is, what the assertion takes for it."""
    if base_url or settings.client_id or assertion.name_id is None:
        return service_provider(base_url, settings.id, settings.client_id).entity_id
    return assertion.name_id.sp_name_qualifier


def _foreign(assertion: Assertion, settings: ProviderSettings) -> str | None:
    if assertion.issuer in ("", settings.issuer):
        return None
    return f"the assertion comes from {assertion.issuer!r}, the provider is {settings.issuer!r}"


def _from_xml(data: bytes, source: str) -> Assertion:
    from airflow_oidc_auth.providers.saml.assertion import read_assertion
    from airflow_oidc_auth.providers.saml.names import DS, SAML, q
    from airflow_oidc_auth.providers.saml.untrusted import parse_untrusted

    text = data.strip()
    try:
        if text[:1] != b"<":
            text = base64.b64decode(b"".join(text.split()), validate=True)
        element = _only_assertion(parse_untrusted(text), q(SAML, "Assertion"))
        # The server reads what was signed, and the signature itself is no part of that.
        for signature in element.findall(q(DS, "Signature")):
            element.remove(signature)
        assertion = read_assertion(element)
    except binascii.Error:
        raise CommandFailed(f"{source} is neither XML nor JSON nor base64.") from None
    except OidcAuthError as error:
        raise CommandFailed(f"{source}: {error.message.text} ({error.code}: {error.detail})") from None
    if not assertion.statements:
        raise CommandFailed(f"{source}: the assertion has no AuthnStatement, so nobody signs in with it.")
    return assertion


def _only_assertion(root: etree._Element, tag: str) -> etree._Element:
    found = list(root.iter(tag))
    if not found and any(each.tag.endswith("}EncryptedAssertion") for each in root.iter("{*}EncryptedAssertion")):
        raise CommandFailed(_ENCRYPTED)
    if len(found) != 1:
        raise CommandFailed(f"There must be exactly one assertion, and there are {len(found)}.")
    return found[0]


def _from_json(data: bytes, source: str, settings: ProviderSettings) -> Assertion:
    from airflow_oidc_auth.providers.saml.assertion import Assertion, AuthnStatement, NameId

    claims = dict(parse_object(data, source))
    own = _parse_own(claims.pop("saml", {}), source)
    instant = _instant(own.get("authn_instant"), source)
    name_id = NameId(own.get("name_id", ""), _format(own.get("name_id_format", ""), settings))
    return Assertion(
        id="",
        version="2.0",
        issue_instant=None,
        issuer="",
        name_id=name_id,
        confirmations=(),
        has_conditions=False,
        not_before=None,
        not_on_or_after=None,
        audiences=(),
        unknown_conditions=(),
        statements=(AuthnStatement(instant, "", None, False, own.get("authn_context", "")),),  # noqa: FBT003  # the fields' order
        attributes={name: _values(name, value, source) for name, value in claims.items()},
    )


def _parse_own(value: object, source: str) -> Mapping[str, str]:
    """Return what the key ``saml`` says of the assertion itself."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise CommandFailed(f"{source}: `saml` must be an object of texts.")
    if unknown := sorted(value.keys() - OWN_KEYS):
        raise CommandFailed(f"{source}: `saml` has no {unknown[0]!r}; it has {', '.join(sorted(OWN_KEYS))}.")
    if not value.get("name_id"):
        example = json.dumps({"saml": {"name_id": "1f9c"}, "groups": ["airflow-admins"]})
        raise CommandFailed(f"{source} does not say who it is about. A whole example: {example}")
    return value


def _instant(told: str | None, source: str) -> int | None:
    from airflow_oidc_auth.providers.saml.times import read_instant

    if told is not None and read_instant(told) is None:
        raise CommandFailed(f"{source}: `saml.authn_instant` must be a time in UTC, such as 2026-01-31T09:30:00Z.")
    return None if told is None else read_instant(told)


def _format(told: str, settings: ProviderSettings) -> str:
    """Take the word of the configuration for the URI; what is not told is what the provider is to send."""
    accepted = (settings.saml or SamlSettings()).name_id_formats
    return NAME_ID_FORMATS.get(told, told) if told else accepted[0]


def _values(name: str, value: object, source: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in values):
        raise CommandFailed(f"{source}: attribute {name!r} must be a text or a list of texts: SAML has nothing else.")
    return tuple(values)
