"""SAML 2.0: what the vendors call the attributes of a person, and how they name one.

Differences of protocol there are none: the same checks run for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.preset import Preset, no_logout_url
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS
from airflow_oidc_auth.providers.settings import GroupSource

_XMLSOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_MICROSOFT = "http://schemas.microsoft.com/"
_PERSISTENT = (NAME_ID_FORMATS["persistent"],)


@dataclass(frozen=True, slots=True)
class SamlDefaults:
    """What one vendor's assertions look like unless the administrator says otherwise.

    :param name_id_formats: URIs that may name an account
    :param subject_attribute: immutable attribute that names the account instead, or None
    :param overage_attribute: stands in for groups that did not fit; Entra's, which nobody else would use, for all: its
        people are also signed in by the preset ``saml``
    """

    name_id_formats: tuple[str, ...] = _PERSISTENT
    subject_attribute: str | None = None
    overage_attribute: str | None = f"{_MICROSOFT}claims/groups.link"


def _preset(name: str, vendor: str, *, names: tuple[str, ...], email: str, groups: str) -> Preset:
    return Preset(
        name=name,
        vendor=vendor,
        protocol="saml",
        scopes=(),
        name_claims=tuple(ClaimPath((each,)) for each in names),
        email_claim=ClaimPath((email,)),
        email_verified_claim=None,
        groups=(GroupSource("assertion", ClaimPath((groups,))),),
        client_auth="none",
        userinfo="never",
        logout="single",
        logout_url=no_logout_url,
    )


SAML = _preset("saml", "SAML", names=("displayName", "cn", "name"), email="mail", groups="groups")
# Okta, AWS and Auth0 send what an administrator configured under a name of their choice; these are the usual ones.
OKTA = _preset("okta-saml", "Okta", names=("displayName", "name"), email="email", groups="groups")
ENTRA = _preset(
    "entra-saml",
    "Microsoft Entra ID",
    names=(f"{_MICROSOFT}identity/claims/displayname", f"{_XMLSOAP}name"),
    email=f"{_XMLSOAP}emailaddress",
    groups=f"{_MICROSOFT}ws/2008/06/identity/claims/groups",
)
AUTH0 = _preset(
    "auth0-saml",
    "Auth0",
    names=(f"{_XMLSOAP}name",),
    email=f"{_XMLSOAP}emailaddress",
    groups="http://schemas.xmlsoap.org/claims/Group",
)
AWS = _preset("aws-identity-center", "AWS IAM Identity Center", names=("name",), email="email", groups="groups")
ADFS = _preset(
    "adfs",
    "AD FS",
    names=(f"{_XMLSOAP}name",),
    email=f"{_XMLSOAP}emailaddress",
    groups="http://schemas.xmlsoap.org/claims/Group",
)

PRESETS = (SAML, OKTA, ENTRA, AUTH0, AWS, ADFS)

_DEFAULTS = {
    # Entra's NameID is an e-mail address unless configured otherwise, and addresses are given to other people.
    "entra-saml": SamlDefaults(
        subject_attribute=f"{_MICROSOFT}identity/claims/objectidentifier",
    ),
    # Auth0 puts its user id, which never changes, into a NameID without a format.
    "auth0-saml": SamlDefaults(name_id_formats=(*_PERSISTENT, NAME_ID_FORMATS["unspecified"])),
}


def saml_defaults(name: str) -> SamlDefaults:
    """Return what a SAML preset assumes."""
    return _DEFAULTS.get(name) or SamlDefaults()
