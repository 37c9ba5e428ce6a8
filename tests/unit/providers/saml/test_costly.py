"""Messages that cost a server much before any signature is looked at; whoever begins a sign-in can send them."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from airflow_oidc_auth.errors import ProtocolViolation
from airflow_oidc_auth.providers.saml.names import EXC_C14N, q
from airflow_oidc_auth.providers.saml.untrusted import MAX_DEPTH, MAX_ELEMENTS, MAX_MESSAGE, MAX_NAMESPACES
from tests.unit.providers.saml.making import ATTEMPT, SUBJECT, Signing, build, form, make_provider

# What is refused here would cost minutes: many thousand times an ordinary message.
TIMES = 2000


def refused_quickly(data):
    message, provider = form(build()), make_provider()
    began = time.process_time()
    provider.complete(ATTEMPT, message)
    ordinary, provider, began = time.process_time() - began, make_provider(), time.process_time()
    with pytest.raises(ProtocolViolation) as caught:
        provider.complete(ATTEMPT, form(data))
    assert time.process_time() - began < TIMES * ordinary
    return caught.value.code


def accepted(data):
    return make_provider().complete(ATTEMPT, form(data)).identity.subject == SUBJECT


def declaring(count):
    names = "".join(f' xmlns:n{number}="urn:{number}"' for number in range(count))
    return build(signed="assertion").replace(b"<samlp:Response", b"<samlp:Response" + names.encode(), 1)


def filled(data, filling):
    return data.replace(b"</saml:Assertion>", filling + b"</saml:Assertion>", 1)


def test_refuses_very_many_namespaces():
    assert accepted(declaring(MAX_NAMESPACES - 8))
    assert refused_quickly(declaring(MAX_NAMESPACES + 1)) == "saml_too_large"


def test_many_elements_may_declare_the_same_namespaces_one_after_the_other():
    """As IdPs do: each AttributeValue declares the prefix of its type."""
    groups = tuple(f"group-{number}" for number in range(2000))
    data = build(attributes={"groups": groups})
    assert len(make_provider().complete(ATTEMPT, form(data)).identity.groups) == 2000


def test_refuses_a_long_list_of_prefixes_before_it_is_looked_through_for_each_element():
    names = " ".join(f"p{number}" for number in range(5000))
    assert accepted(build(signing=Signing(prefixes=names[:100])))
    data = filled(build(signing=Signing(prefixes=names)), b"<saml:a/>" * 20_000)
    assert refused_quickly(data) == "saml_signature_transform"


def test_refuses_a_long_list_of_prefixes_for_the_signed_info_too():
    root = etree.fromstring(build())
    method = next(root.iter("{*}CanonicalizationMethod"))
    etree.SubElement(method, q(EXC_C14N, "InclusiveNamespaces"), PrefixList="p " * 5000)
    assert refused_quickly(etree.tostring(root)) == "saml_signature_transform"


@pytest.mark.parametrize(
    "filling, code",
    [
        (b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH, "saml_too_deep"),
        (b"<a>" * 40_000, "saml_too_deep"),
        (b"<a/>" * MAX_ELEMENTS, "saml_too_large"),
        (b"<a " + b" ".join(b'a%d=""' % number for number in range(65)) + b"/>", "saml_too_large"),
        (b"<a>" + b"x" * MAX_MESSAGE + b"</a>", "saml_too_large"),
    ],
    ids=["deep", "deep and open", "many", "attributes", "long"],
)
def test_refuses_what_is_deep_or_large_in_any_direction(filling, code):
    assert refused_quickly(filled(build(), filling)) == code


@pytest.mark.parametrize("signed", ["none", "assertion", "response", "both"])
def test_the_largest_message_that_is_looked_at_does_not_cost_much(signed):
    """Everything at its limit at once."""
    names = b"".join(b' xmlns:n%d="urn:%d"' % (number, number) for number in range(MAX_NAMESPACES - 8))
    data = build(signed=signed, signing=Signing(prefixes=" ".join(f"n{number}" for number in range(32))))
    data = filled(data, b"<saml:a/>" * (MAX_ELEMENTS - 100))
    data = data.replace(b"<samlp:Response", b"<samlp:Response" + names, 1)
    assert refused_quickly(data) in ("saml_signature_invalid", "saml_unsigned")
