"""OASIS' own schema for assertions, as python3-saml ships it."""

from __future__ import annotations

import threading
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree

from airflow_oidc_auth.providers.saml.names import SAML, XSI, q

_LOCK = threading.Lock()


def is_valid_assertion(assertion: etree._Element) -> bool:
    """Say whether a verified assertion is built as the schema says: no element twice that may be there once."""
    copy = etree.fromstring(etree.tostring(assertion, with_tail=False))
    for value in copy.iter(q(SAML, "AttributeValue")):
        # Canonicalisation drops the declaration of the prefix in `xsi:type="xs:string"`, which nobody reads here.
        value.attrib.pop(q(XSI, "type"), None)
    with _LOCK:  # the error log belongs to the schema
        return bool(_schema().validate(copy))


@cache
def _schema() -> etree.XMLSchema:
    spec = find_spec("onelogin.saml2")
    if spec is None or spec.origin is None:
        raise ImportError("onelogin.saml2")
    path = Path(spec.origin).parent / "schemas" / "saml-schema-assertion-2.0.xsd"
    return etree.XMLSchema(etree.parse(str(path), etree.XMLParser(no_network=True)))
