"""A SAML provider's own settings, compiled and frozen."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_oidc_auth.secret import Secret

NAME_ID_FORMATS = {
    "persistent": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "email": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "unspecified": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
    "kerberos": "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos",
    "windows": "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName",
}
"""Formats that may name an account. ``transient`` is not among them: it names nobody twice."""


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """What SAML needs beyond :class:`~airflow_oidc_auth.providers.settings.ProviderSettings`.

    The IdP's entity id is ``ProviderSettings.issuer``; ours is ``ProviderSettings.client_id``, empty for the address
    of our metadata.

    :param metadata_url: where the IdP publishes its metadata; fetched in the background
    :param metadata_file: the same as a file
    :param fingerprints: SHA-256 of the only signing certificates to trust, lower-case hex; empty trusts the metadata's
    :param name_id_formats: URIs of the NameID formats that may name an account
    :param subject_attribute: attribute that names the account instead of the NameID; must be immutable
    :param binding: of our AuthnRequest: ``redirect`` or ``post``
    :param certificate: PEM, published in our metadata; belongs to the signing key
    :param signing_key: PEM; with it every request, answer and our metadata are signed
    :param decryption_key: PEM; the signing key unless another is given
    :param decryption_certificate: PEM, published for encryption
    :param authn_contexts: ``RequestedAuthnContext`` class references; then one of them must come back
    :param force_authn: the IdP must ask the person again at every sign-in
    :param allow_idp_initiated: accept responses that nobody here asked for
    :param require_signed_response: a signed assertion alone is not enough
    :param require_encryption: an assertion in clear text is refused
    :param overage_attribute: attribute that stands in for groups that did not fit (Entra)
    """

    metadata_url: str | None = None
    metadata_file: str | None = None
    fingerprints: tuple[str, ...] = ()
    name_id_formats: tuple[str, ...] = (NAME_ID_FORMATS["persistent"],)
    subject_attribute: str | None = None
    binding: str = "redirect"
    certificate: str | None = None
    signing_key: Secret | None = None
    decryption_key: Secret | None = None
    decryption_certificate: str | None = None
    authn_contexts: tuple[str, ...] = ()
    force_authn: bool = False
    allow_idp_initiated: bool = False
    require_signed_response: bool = False
    require_encryption: bool = False
    overage_attribute: str | None = None
