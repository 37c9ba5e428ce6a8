"""One SAML response from the form field to what may be believed. Sans-IO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from airflow_oidc_auth.providers.saml.assertion import Assertion, AuthnStatement, read_assertion
from airflow_oidc_auth.providers.saml.certificates import Certificate
from airflow_oidc_auth.providers.saml.checks import Expected, check_assertion, check_envelope
from airflow_oidc_auth.providers.saml.envelope import verify_response
from airflow_oidc_auth.providers.saml.settings import SamlSettings
from airflow_oidc_auth.providers.saml.untrusted import decode_message, parse_untrusted


@dataclass(frozen=True, slots=True)
class CheckedResponse:
    """A response that keeps every rule but the last: whether its assertion was used before.

    :param usable_until: epoch seconds, after which no check would accept it again
    """

    assertion: Assertion
    statement: AuthnStatement
    usable_until: int


def read_response(
    text: str,
    certificates: Sequence[Certificate],
    settings: SamlSettings,
    key: RSAPrivateKey | None,
    expected: Expected,
) -> CheckedResponse:
    """Verify and check a response.

    :param text: the form field ``SAMLResponse``
    :param certificates: the IdP's, for signatures
    :param key: ours, for encrypted assertions
    :raises OidcAuthError: see ``untrusted.py``, ``envelope.py``, ``signature.py``, ``assertion.py``, ``checks.py``
    """
    verified = verify_response(parse_untrusted(decode_message(text)), certificates, settings, key)
    check_envelope(verified.envelope, expected)
    assertion = read_assertion(verified.assertion)
    statement = check_assertion(assertion, expected)
    return CheckedResponse(assertion, statement, assertion.not_on_or_after or 0)
