"""What we send: AuthnRequest, LogoutRequest, LogoutResponse, and the bindings that carry them."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT, Post, Redirect
from airflow_oidc_auth.providers.saml.keys import SigningKey
from airflow_oidc_auth.providers.saml.names import SAML, SAMLP, STATUS, SUCCESS
from airflow_oidc_auth.providers.saml.session import SamlSession
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.providers.saml.untrusted import parse_own

_NAMESPACES = f'xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"'


def authn_request_id(attempt: LoginAttempt) -> str:
    """Return the ID of an attempt's AuthnRequest: 160 bits that only the browser's sealed cookie leads to.

    ``InResponseTo`` is compared with it, so that a response is good only in the browser that began.
    """
    return "_" + hashlib.sha256(f"AuthnRequest {attempt.nonce}".encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Header:
    """What every message of ours begins with.

    :param id: an NCName
    :param destination: address at the IdP
    :param issuer: our entity id
    """

    id: str
    issued_at: float
    destination: str
    issuer: str

    def write(self, element: str, attributes: str, content: str) -> str:
        """Return the message."""
        return (
            f'<samlp:{element} {_NAMESPACES} ID={quoteattr(self.id)} Version="2.0"'
            f' IssueInstant="{write_instant(self.issued_at)}" Destination={quoteattr(self.destination)}{attributes}>'
            f"<saml:Issuer>{escape(self.issuer)}</saml:Issuer>{content}</samlp:{element}>"
        )


def build_authn_request(
    header: Header, *, acs_url: str, name_id_format: str | None, force_authn: bool, contexts: tuple[str, ...]
) -> str:
    """Return an AuthnRequest (SAML Core §3.4.1) that asks for the answer by HTTP-POST."""
    attributes = f' AssertionConsumerServiceURL={quoteattr(acs_url)} ProtocolBinding="{POST}"'
    if force_authn:
        attributes += ' ForceAuthn="true"'
    policy = "" if name_id_format is None else f" Format={quoteattr(name_id_format)}"
    content = f'<samlp:NameIDPolicy{policy} AllowCreate="true"/>'
    if contexts:
        classes = "".join(f"<saml:AuthnContextClassRef>{escape(each)}</saml:AuthnContextClassRef>" for each in contexts)
        content += f'<samlp:RequestedAuthnContext Comparison="exact">{classes}</samlp:RequestedAuthnContext>'
    return header.write("AuthnRequest", attributes, content)


def build_logout_request(header: Header, session: SamlSession) -> str:
    """Return a LogoutRequest (SAML Core §3.7.1) for one session."""
    name_id = "".join(
        f" {name}={quoteattr(value)}"
        for name, value in (
            ("Format", session.name_id_format),
            ("NameQualifier", session.name_qualifier),
            ("SPNameQualifier", session.sp_name_qualifier),
        )
        if value
    )
    content = f"<saml:NameID{name_id}>{escape(session.name_id)}</saml:NameID>"
    if session.session_index:
        content += f"<samlp:SessionIndex>{escape(session.session_index)}</samlp:SessionIndex>"
    return header.write("LogoutRequest", f' NotOnOrAfter="{write_instant(header.issued_at + 300)}"', content)


def build_logout_response(header: Header, in_response_to: str, *, success: bool) -> str:
    """Return a LogoutResponse (SAML Core §3.7.2)."""
    code = f'<samlp:StatusCode Value="{SUCCESS}"/>'
    if not success:
        code = f'<samlp:StatusCode Value="{STATUS}Responder"/>'
    attributes = f" InResponseTo={quoteattr(in_response_to)}"
    return header.write("LogoutResponse", attributes, f"<samlp:Status>{code}</samlp:Status>")


def send(
    message: str, *, binding: str, url: str, relay_state: str, key: SigningKey | None, parameter: str = "SAMLRequest"
) -> Redirect | Post:
    """Return the message as the browser carries it, signed if there is a key."""
    if binding == REDIRECT:
        return Redirect(_redirect_url(message, url, relay_state, key, parameter))
    if key is not None:
        element = parse_own(message.encode())
        key.sign_element(element)
        message = etree.tostring(element, encoding="unicode")
    fields = {parameter: base64.b64encode(message.encode()).decode()}
    return Post(url, {**fields, "RelayState": relay_state} if relay_state else fields)


def _redirect_url(message: str, url: str, relay_state: str, key: SigningKey | None, parameter: str) -> str:
    """SAML Bindings §3.4.4.1: deflated without header; the signature covers the query as it is written."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = base64.b64encode(packer.compress(message.encode()) + packer.flush()).decode()
    query = f"{parameter}={quote(packed, safe='')}"
    if relay_state:
        query += f"&RelayState={quote(relay_state, safe='')}"
    if key is not None:
        query += f"&SigAlg={quote(key.algorithm, safe='')}"
        query += f"&Signature={quote(key.sign_text(query), safe='')}"
    return f"{url}{'&' if '?' in url else '?'}{query}"
