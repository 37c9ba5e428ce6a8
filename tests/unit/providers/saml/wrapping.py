"""XML signature wrapping (Somorovsky et al., "On Breaking SAML"): the eight shapes, on any signed response.

Each leaves the signed element somewhere in the document, so that a verifier that looks for what the signature names
is content, and puts an element of the attacker's where a reader that searches the document finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from airflow_oidc_auth.providers.saml.names import DS, SAML, SAMLP, q

EVIL = "evil-administrator"
_ASSERTION, _SIGNATURE = q(SAML, "Assertion"), q(DS, "Signature")


def without_signature(element: etree._Element) -> etree._Element:
    copy = deepcopy(element)
    for signature in copy.findall(_SIGNATURE):
        copy.remove(signature)
    return copy


def forge(element: etree._Element, new_id: str | None) -> etree._Element:
    """Name somebody else, in the element or in the assertion inside."""
    for name_id in element.iter(q(SAML, "NameID")):
        name_id.text = EVIL
    if new_id is not None:
        element.set("ID", new_id)
    return element


def _outer(
    root: etree._Element, place: Callable[[etree._Element, etree._Element, etree._Element | None], None]
) -> None:
    """Replace the root's content by a forged one; ``place`` hides the original."""
    original = without_signature(root)
    signature = root.find(_SIGNATURE)
    forge(root, "_evil-response")
    for assertion in root.iter(_ASSERTION):
        assertion.set("ID", "_evil-assertion")
    place(root, original, signature)


def xsw1(root: etree._Element) -> None:
    """Forged response whose signature element holds the original response."""
    _outer(root, lambda evil, original, signature: (evil if signature is None else signature).append(original))


def xsw2(root: etree._Element) -> None:
    """Forged response with the original one before its signature."""
    _outer(root, lambda evil, original, signature: evil.insert(0, original))


def _assertion(root: etree._Element) -> etree._Element:
    found = root.find(_ASSERTION)
    assert found is not None
    return found


def xsw3(root: etree._Element) -> None:
    """Forged assertion before the signed one."""
    signed = _assertion(root)
    signed.addprevious(forge(without_signature(signed), "_evil-assertion"))


def xsw4(root: etree._Element) -> None:
    """Signed assertion inside the forged one."""
    signed = _assertion(root)
    evil = forge(without_signature(signed), "_evil-assertion")
    root.replace(signed, evil)
    evil.append(signed)


def xsw5(root: etree._Element) -> None:
    """Forged assertion keeps the signature, the original stands at the end without it."""
    signed = _assertion(root)
    original = without_signature(signed)
    forge(signed, "_evil-assertion")
    root.append(original)


def xsw6(root: etree._Element) -> None:
    """Forged assertion keeps the signature, which holds the original."""
    signed = _assertion(root)
    original = without_signature(signed)
    forge(signed, "_evil-assertion")
    (signed if (own := signed.find(_SIGNATURE)) is None else own).append(original)


def xsw7(root: etree._Element) -> None:
    """Forged assertion with the same ID inside Extensions, which the schema checks loosely."""
    signed = _assertion(root)
    extensions = etree.Element(q(SAMLP, "Extensions"))
    extensions.append(forge(without_signature(signed), None))
    signed.addprevious(extensions)


def xsw8(root: etree._Element) -> None:
    """Original assertion inside an Object of the forged one's signature, with the same ID."""
    signed = _assertion(root)
    original = without_signature(signed)
    forge(signed, None)
    own = signed.find(_SIGNATURE)
    holder = etree.SubElement(signed if own is None else own, q(DS, "Object"))
    holder.append(original)


SHAPES = {each.__name__: each for each in (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8)}


def read_naively(root: etree._Element) -> set[str | None]:
    """Read as trusting services would: the first assertion that a search finds, and the first child."""
    path = f"{_ASSERTION}/{q(SAML, 'Subject')}/{q(SAML, 'NameID')}"
    return {root.findtext(f".//{path}"), root.findtext(path)}


CODES = {
    "xsw1": "saml_assertion_misplaced",
    "xsw2": "saml_assertion_misplaced",
    "xsw3": "saml_assertion_count",
    "xsw4": "saml_assertion_misplaced",
    "xsw5": "saml_assertion_count",
    "xsw6": "saml_assertion_misplaced",
    "xsw7": "saml_duplicate_id",
    "xsw8": "saml_duplicate_id",
}
"""What each shape is refused with, however it is signed."""
