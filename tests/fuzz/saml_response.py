"""Responses of a SAML IdP: wrapped, cut, encoded, signed with nonsense in them."""

from __future__ import annotations

from functools import cache

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.providers.saml.names import SAML, q
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.secret import Secret
from tests.fuzz.believed import follow
from tests.fuzz.xml import WORDS, Message, compose
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    OWN,
    REQUEST_ID,
    SUBJECT,
    form,
    key_pair,
    make_provider,
    make_settings,
)

__all__ = ["LARGEST", "WORDS", "run"]
LARGEST = 8192


class _Forgetful:
    """The same assertion comes many times here."""

    def seen(self, assertion_id: str, expires_at: int) -> bool:
        return False


@cache
def _provider() -> SamlProvider:
    return make_provider(make_settings(decryption_key=Secret(key_pair("sp").key)), replay=_Forgetful())


def run(data: bytes) -> None:
    """Sign in with the response that these bytes stand for."""
    message = compose(data, q(SAML, "Assertion"))
    try:
        found = _provider().complete(ATTEMPT, form(message.xml))
    except OidcAuthError:
        return
    follow(found.identity)
    if message.signed is None:
        assert found.identity.subject == SUBJECT, "believed what nobody signed"
        assert found.identity.groups == {"airflow-admins", "staff"}
        return
    _check(message, found)


def _check(message: Message, found: SignIn) -> None:
    """Read what was signed with other words than the product's."""
    signed = message.signed
    assert signed is not None
    assert (signed.findtext(q(SAML, "Issuer")) or "").strip() == IDP
    assert (signed.findtext(f"{q(SAML, 'Subject')}/{q(SAML, 'NameID')}") or "").strip() == found.identity.subject
    assert OWN.entity_id in [(each.text or "").strip() for each in signed.iter(q(SAML, "Audience"))]
    told = [dict(each.attrib) for each in signed.iter(q(SAML, "SubjectConfirmationData"))]
    assert any(each.get("Recipient") == OWN.acs_url and each.get("InResponseTo") == REQUEST_ID for each in told)
    values = {(each.text or "").strip() for each in signed.iter(q(SAML, "AttributeValue"))}
    assert found.identity.groups <= values
