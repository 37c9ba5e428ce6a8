"""Names of the specifications: namespaces, algorithms, status codes."""

from __future__ import annotations

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
MD = "urn:oasis:names:tc:SAML:2.0:metadata"
DS = "http://www.w3.org/2000/09/xmldsig#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = DS + "enveloped-signature"

BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS = STATUS + "Success"

RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
SHA256 = XENC + "sha256"

# No SHA-1, no MD5, no HMAC: with those, who can check a signature, or find a collision, can write one.
SIGNATURES = {
    f"http://www.w3.org/2001/04/xmldsig-more#{family}-sha{bits}": (family, f"sha{bits}")
    for family in ("rsa", "ecdsa")
    for bits in (256, 384, 512)
}
DIGESTS = {SHA256: "sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384", XENC + "sha512": "sha512"}
# SAML Core §5.4.3. Comments never reach this point, so that both forms say the same.
CANONICAL = frozenset({EXC_C14N, EXC_C14N + "WithComments"})


def q(namespace: str, name: str) -> str:
    """Return a qualified name as lxml spells it."""
    return f"{{{namespace}}}{name}"
