"""From bytes that anybody may have sent to a tree that cannot hurt; nothing in it may be believed yet."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from xml.parsers import expat

from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation

MAX_MESSAGE = 512 * 1024
MAX_DEPTH = 48
MAX_ELEMENTS = 25_000
MAX_METADATA_ELEMENTS = 250_000
MAX_ATTRIBUTES = 64
MAX_NAMESPACES = 128


def decode_message(text: str) -> bytes:
    """Return the XML of a form field (SAML Bindings §3.5.4).

    :raises ProtocolViolation: ``saml_too_large``, ``saml_response_malformed``
    """
    if len(text) > MAX_MESSAGE * 4 // 3 + 1024:
        raise ProtocolViolation("saml_too_large", f"{len(text)} characters")
    try:
        # IdPs break the lines of base64; nothing else may stand between its characters.
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolViolation("saml_response_malformed", "is not base64") from None


def parse_metadata_document(data: bytes) -> etree._Element:
    """As :func:`parse_untrusted` for metadata: larger, and comments are left out instead of refused.

    :raises ProtocolViolation: as there
    """
    _Scan(comments=True, elements=MAX_METADATA_ELEMENTS).run(data)
    return parse_own(data, drop_comments=True)


def parse_untrusted(data: bytes) -> etree._Element:
    """Return the root of a document without DTD, entities, comments and processing instructions.

    A streaming parser that builds nothing looks first, so that no tree is made of what is too large or too deep.

    :raises ProtocolViolation: ``saml_too_large``, ``saml_too_deep``, ``saml_doctype``, ``saml_comment``,
        ``saml_encoding``, ``saml_response_malformed``, ``saml_duplicate_id``
    """
    if len(data) > MAX_MESSAGE:
        raise ProtocolViolation("saml_too_large", f"{len(data)} bytes")
    _Scan().run(data)
    return parse_own(data)


def parse_own(data: bytes, *, drop_comments: bool = False) -> etree._Element:
    """Parse bytes that were looked at before: resolves and fetches nothing."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        collect_ids=False,
        remove_comments=drop_comments,
        remove_pis=drop_comments,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise ProtocolViolation("saml_response_malformed", "is not well-formed XML") from None


class _Scan:
    """One pass over the bytes with expat, which stops at the first thing that is not allowed."""

    def __init__(self, *, comments: bool = False, elements: int = MAX_ELEMENTS) -> None:
        self._comments, self._max_elements = comments, elements
        self._depth = self._elements = self._namespaces = 0
        self._ids: set[str] = set()

    def run(self, data: bytes) -> None:
        parser = expat.ParserCreate(encoding="UTF-8", namespace_separator="}")
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        if not self._comments:
            parser.CommentHandler = self._comment
            parser.ProcessingInstructionHandler = self._instruction
        parser.StartNamespaceDeclHandler = self._declare
        parser.EndNamespaceDeclHandler = self._undeclare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        try:
            parser.Parse(data, True)  # noqa: FBT003 -- expat's own signature
        except expat.ExpatError:
            raise ProtocolViolation("saml_response_malformed", "is not well-formed XML") from None

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        # Two parsers that read different encodings would read different documents: both are told UTF-8.
        if encoding is not None and encoding.upper() != "UTF-8":
            raise ProtocolViolation("saml_encoding", f"declares {encoding[:40]!r}")

    def _doctype(self, *_: Any) -> None:
        raise ProtocolViolation("saml_doctype", "holds a document type definition")

    def _comment(self, _: str) -> None:
        # Signatures do not cover comments, and a comment cuts a text in two for whoever reads its first part.
        raise ProtocolViolation("saml_comment", "holds a comment")

    def _instruction(self, *_: str) -> None:
        raise ProtocolViolation("saml_comment", "holds a processing instruction")

    def _declare(self, *_: str | None) -> None:
        # Canonicalisation looks at all that are in scope for each element, before any signature is verified.
        self._namespaces += 1
        if self._namespaces > MAX_NAMESPACES:
            raise ProtocolViolation("saml_too_large", f"more than {MAX_NAMESPACES} namespaces at once")

    def _undeclare(self, _: str | None) -> None:
        self._namespaces -= 1

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise ProtocolViolation("saml_too_deep", f"deeper than {MAX_DEPTH} elements")
        if self._elements > self._max_elements or len(attributes) > MAX_ATTRIBUTES:
            raise ProtocolViolation("saml_too_large", "too many elements or attributes")
        for key, value in attributes.items():
            if "}" not in key or key.endswith("}id"):
                self._attribute(key, value)

    def _attribute(self, key: str, value: str) -> None:
        if key.rpartition("}")[2].lower() != "id":
            return
        if value in self._ids:
            raise ProtocolViolation("saml_duplicate_id", "two elements have the same ID")
        self._ids.add(value)

    def _end(self, _: str) -> None:
        self._depth -= 1
