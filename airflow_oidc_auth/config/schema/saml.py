"""``providers`` with a SAML preset: another protocol, and therefore other keys."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from airflow_oidc_auth.config.schema.base import Strict, refuse
from airflow_oidc_auth.config.schema.providers import (
    HttpModel,
    HttpSection,
    Label,
    Leeway,
    StripPrefix,
    one_or_more,
)
from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.config.schema.values import AbsolutePath, OneOrMany, Text, TextOrTexts, Texts, Url

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def _fingerprint(value: str) -> str:
    plain = value.replace(":", "").replace(" ", "").lower()
    if _FINGERPRINT.fullmatch(plain) is None:
        raise refuse("is not a SHA-256 fingerprint", "write the 64 hex digits that `openssl x509 -sha256` shows")
    return plain


Fingerprint = Annotated[
    Text, AfterValidator(_fingerprint), WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f: ]+$"})
]
NameIdFormat = Literal["persistent", "email", "unspecified", "kerberos", "windows"]


class SamlAttributesModel(Strict):
    """Which attributes say who somebody is; for display, never to join accounts."""

    name: TextOrTexts | None = Field(
        default=None,
        description="Names of the attribute that holds the display name; the first that is there wins.",
        examples=[["displayName", "cn"]],
    )
    email: Text | None = Field(
        default=None, description="Name of the attribute that holds the e-mail address.", examples=["mail"]
    )


class SamlGroupsModel(Strict):
    """Where groups are found."""

    attribute: Text = Field(
        description="Name of the attribute, exactly as the assertion spells it.", examples=["groups"]
    )
    format: Literal["list", "csv", "space"] = Field(
        default="list",
        description="How several groups are spelled: one value each, or one text split at commas or spaces.",
        examples=["csv"],
    )
    strip_prefix: StripPrefix = ""


class SamlModel(Strict):
    """One SAML 2.0 identity provider."""

    preset: Literal["saml", "okta-saml", "entra-saml", "auth0-saml", "aws-identity-center", "adfs"] = Field(
        description="Which vendor's conventions to follow."
    )
    label: Label = None
    issuer: Text = Field(
        max_length=1024,
        description="The provider's entity id, exactly as its metadata spells it.",
        examples=["http://www.okta.com/exk1b2c3d4"],
    )
    metadata_url: Url | None = Field(
        default=None,
        description="Where the provider publishes its metadata; fetched in the background, never at a sign-in.",
        examples=["https://acme.okta.com/app/exk1b2c3d4/sso/saml/metadata"],
    )
    metadata_file: AbsolutePath | None = Field(
        default=None,
        description="The provider's metadata in a file, for servers that cannot fetch it.",
        examples=["/etc/airflow/idp-metadata.xml"],
    )
    fingerprints: Annotated[list[Fingerprint], Field(min_length=1, max_length=20)] | None = Field(
        default=None,
        description="SHA-256 fingerprints of the only signing certificates to trust, whatever the metadata adds.",
        examples=[["3F:2A:…"]],
    )
    entity_id: Text | None = Field(
        default=None,
        max_length=1024,
        description="Our own entity id; the address of our metadata if left out.",
        examples=["https://airflow.example.com/auth/saml/okta/metadata"],
    )
    name_id_formats: Annotated[list[NameIdFormat], Field(min_length=1)] | None = Field(
        default=None,
        description="NameID formats that may name an account. `email` only if addresses are never given to others.",
        examples=[["persistent"]],
    )
    subject_attribute: Text | None = Field(
        default=None,
        description="Attribute that names the account instead of the NameID; it must never change.",
        examples=["employeeNumber"],
    )
    attributes: SamlAttributesModel = Field(
        default_factory=SamlAttributesModel, description="Which attributes hold name and e-mail address."
    )
    groups: (
        Annotated[
            list[SamlGroupsModel], one_or_more("{attribute: groups}"), Field(min_length=1, max_length=10), OneOrMany()
        ]
        | None
    ) = Field(
        default=None,
        description="Where groups are found: one attribute or a list of them; the preset's if left out.",
        examples=[{"attribute": "groups"}],
    )
    binding: Literal["redirect", "post"] = Field(
        default="redirect", description="How our sign-in requests travel.", examples=["post"]
    )
    signing_key: SecretReference | None = Field(
        default=None,
        description="Reference to the PEM private key that signs our requests, logout messages and metadata.",
        examples=[{"file": "/run/secrets/saml-key.pem"}],
    )
    certificate: SecretReference | None = Field(
        default=None,
        description="Reference to the PEM certificate of `signing_key`, for our metadata.",
        examples=[{"file": "/etc/airflow/saml-certificate.pem"}],
    )
    decryption_key: SecretReference | None = Field(
        default=None,
        description="Reference to the PEM key for encrypted assertions, if it is not `signing_key`.",
        examples=[{"file": "/run/secrets/saml-decryption.pem"}],
    )
    decryption_certificate: SecretReference | None = Field(
        default=None,
        description="Reference to the PEM certificate of `decryption_key`, for our metadata.",
        examples=[{"file": "/etc/airflow/saml-decryption-certificate.pem"}],
    )
    authn_contexts: Texts | None = Field(
        default=None,
        description="Ways of authenticating to ask for (AuthnContextClassRef); one of them must come back.",
        examples=[["https://refeds.org/profile/mfa"]],
    )
    force_authn: bool = Field(
        default=False, description="The provider must ask people who they are at every sign-in.", examples=[True]
    )
    allow_idp_initiated: bool = Field(
        default=False,
        description="Accept sign-ins that begin at the provider's portal. Whoever can post a form to a browser can "
        "then sign it in as somebody else.",
        examples=[True],
    )
    require_signed_response: bool = Field(
        default=False, description="Demand a signature around the whole response, too.", examples=[True]
    )
    require_encryption: bool = Field(
        default=False, description="Refuse assertions that are not encrypted.", examples=[True]
    )
    leeway: Leeway = 60
    http: HttpSection = Field(default_factory=HttpModel)
    logout: bool = Field(
        default=True,
        description="Whether signing out of Airflow also signs people out at the provider (needs `signing_key`).",
        examples=[False],
    )
