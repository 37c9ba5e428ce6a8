"""Every rule that a verified response must keep, one function and one code each. Sans-IO.

python3-saml lets several of these pass: a missing Destination, Response issuer, Recipient, InResponseTo,
NotOnOrAfter, Audience, an empty NameID. Here what is missing is refused like what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_oidc_auth.errors import LoginRefused, ProtocolViolation
from airflow_oidc_auth.providers.saml.assertion import Assertion, AuthnStatement, Confirmation
from airflow_oidc_auth.providers.saml.envelope import Envelope
from airflow_oidc_auth.providers.saml.names import BEARER

MAX_AGE = 600
"""Seconds between the IdP's answer and its arrival here: as long as a sign-in may take."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What this response must say.

    :param idp: entity id of the IdP
    :param sp: our entity id
    :param acs: address that the response came to
    :param request_id: of our AuthnRequest; None for a response that nobody asked for
    :param now: epoch seconds
    :param leeway: seconds
    :param authenticated_since: the IdP was told to ask the person again; epoch seconds of our request
    :param contexts: AuthnContext classes of which one must come back; empty takes any
    """

    idp: str
    sp: str
    acs: str
    request_id: str | None
    now: int
    leeway: int
    authenticated_since: int | None = None
    contexts: tuple[str, ...] = ()


def check_envelope(envelope: Envelope, expected: Expected) -> None:
    """Check what the Response says."""
    if envelope.version != "2.0":
        raise ProtocolViolation("saml_version", f"Response is of version {envelope.version[:20]!r}")
    if envelope.issuer != expected.idp:
        raise _differs("saml_response_issuer", "Issuer of the response", envelope.issuer, expected.idp)
    if envelope.destination != expected.acs:
        raise _differs("saml_destination", "Destination", envelope.destination, expected.acs)
    check_issue_instant(envelope.issue_instant, expected)
    if envelope.in_response_to != expected.request_id:
        raise ProtocolViolation("saml_in_response_to", "Response answers another request")


def check_issue_instant(instant: int | None, expected: Expected) -> None:
    """SAML Core §3.2.1: made now, give or take."""
    if instant is None:
        raise ProtocolViolation("saml_issue_instant", "IssueInstant is missing or no time in UTC")
    if instant > expected.now + expected.leeway:
        raise ProtocolViolation("saml_issued_in_future", f"issued in {instant - expected.now} s")
    if instant < expected.now - MAX_AGE - expected.leeway:
        raise ProtocolViolation("saml_issued_too_long_ago", f"issued {expected.now - instant} s ago")


def check_assertion(assertion: Assertion, expected: Expected) -> AuthnStatement:
    """Check what the assertion says; return the statement that the session rests on."""
    if assertion.version != "2.0":
        raise ProtocolViolation("saml_version", f"Assertion is of version {assertion.version[:20]!r}")
    if assertion.issuer != expected.idp:
        raise _differs("saml_assertion_issuer", "Issuer of the assertion", assertion.issuer, expected.idp)
    if assertion.issue_instant is None:
        raise ProtocolViolation("saml_issue_instant", "IssueInstant is missing or no time in UTC")
    if assertion.issue_instant > expected.now + expected.leeway:
        raise ProtocolViolation("saml_issued_in_future", f"issued in {assertion.issue_instant - expected.now} s")
    _check_conditions(assertion, expected)
    _check_confirmations(assertion.confirmations, expected)
    return _check_statements(assertion.statements, expected)


def _check_conditions(assertion: Assertion, expected: Expected) -> None:
    """SAML Core §2.5, and Profiles §4.1.4.2: an audience there must be, and a window here, too."""
    if not assertion.has_conditions or assertion.unknown_conditions:
        raise ProtocolViolation("saml_conditions", f"unknown: {assertion.unknown_conditions[:5]}")
    if assertion.not_before is None or assertion.not_on_or_after is None:
        raise ProtocolViolation("saml_conditions", "NotBefore or NotOnOrAfter is missing or no time in UTC")
    if expected.now + expected.leeway < assertion.not_before:
        raise ProtocolViolation("saml_not_yet_valid", f"valid in {assertion.not_before - expected.now} s")
    if expected.now - expected.leeway >= assertion.not_on_or_after:
        raise ProtocolViolation("saml_expired", f"expired {expected.now - assertion.not_on_or_after} s ago")
    if not assertion.audiences or any(expected.sp not in each for each in assertion.audiences):
        told = sorted(name[:200] for each in assertion.audiences for name in each)[:5]
        detail = f"made for {told}, we are {expected.sp!r}"
        raise ProtocolViolation("saml_audience", detail, evidence={"audiences": told, "expected": expected.sp})


def _check_confirmations(confirmations: Sequence[Confirmation], expected: Expected) -> None:
    """SAML Profiles §4.1.4.3: one bearer confirmation must hold; the first one's fault is told."""
    bearers = [each for each in confirmations if each.method == BEARER]
    if not bearers:
        raise ProtocolViolation("saml_subject_confirmation", "there is no bearer confirmation")
    faults = [_confirmation_fault(each, expected) for each in bearers]
    if all(fault is not None for fault in faults):
        raise faults[0] or ProtocolViolation("saml_subject_confirmation")


def _confirmation_fault(confirmation: Confirmation, expected: Expected) -> ProtocolViolation | None:
    if confirmation.has_not_before:
        return ProtocolViolation("saml_subject_confirmation", "a bearer confirmation has a NotBefore")
    if confirmation.recipient != expected.acs:
        return _differs("saml_recipient", "Recipient", confirmation.recipient, expected.acs)
    if confirmation.in_response_to != expected.request_id:
        return ProtocolViolation("saml_in_response_to", "the assertion answers another request")
    if confirmation.not_on_or_after is None:
        return ProtocolViolation("saml_subject_confirmation", "NotOnOrAfter is missing or no time in UTC")
    if expected.now - expected.leeway >= confirmation.not_on_or_after:
        late = expected.now - confirmation.not_on_or_after
        return ProtocolViolation("saml_confirmation_expired", f"could be delivered until {late} s ago")
    return None


def _check_statements(statements: Sequence[AuthnStatement], expected: Expected) -> AuthnStatement:
    """SAML Profiles §4.1.4.2: an assertion for single sign-on says how the person authenticated."""
    if not statements:
        raise ProtocolViolation("saml_authn_statement", "there is no AuthnStatement")
    for statement in statements:
        _check_statement(statement, expected)
    return statements[0]


def _check_statement(statement: AuthnStatement, expected: Expected) -> None:
    if statement.instant is None or statement.instant > expected.now + expected.leeway:
        raise ProtocolViolation("saml_authn_statement", "AuthnInstant is missing, no time in UTC, or to come")
    if statement.has_session_limit and statement.session_not_on_or_after is None:
        raise ProtocolViolation("saml_authn_statement", "SessionNotOnOrAfter is no time in UTC")
    if (limit := statement.session_not_on_or_after) is not None and expected.now >= limit:
        raise ProtocolViolation("saml_session_expired", f"SessionNotOnOrAfter was {expected.now - limit} s ago")
    since = expected.authenticated_since
    if since is not None and statement.instant < since - expected.leeway:
        raise ProtocolViolation("saml_not_asked_again", f"authenticated {since - statement.instant} s before")
    if expected.contexts and statement.context not in expected.contexts:
        detail = f"authenticated by {statement.context[:200]!r}"
        raise LoginRefused("saml_authn_context", detail, evidence={"context": statement.context[:200]})


def _differs(code: str, what: str, seen: str | None, expected: str) -> ProtocolViolation:
    shown = None if seen is None else seen[:300]
    detail = f"{what} is {shown!r}, expected {expected!r}"
    return ProtocolViolation(code, detail, evidence={"seen": shown, "expected": expected})
