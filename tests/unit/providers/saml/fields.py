"""One wrong or missing field of a response after the other, and the code that refuses it."""

from __future__ import annotations

from airflow_oidc_auth.providers.saml.names import BEARER, TRANSIENT
from airflow_oidc_auth.providers.saml.settings import NAME_ID_FORMATS
from airflow_oidc_auth.providers.saml.times import write_instant
from tests.unit.providers.saml.making import IDP, NOW, OWN

OTHER = "https://other.example/acs"

FIELDS = [
    ({"response_version": "1.1"}, "saml_version"),
    ({"response_version": None}, "saml_version"),
    ({"destination": OTHER}, "saml_destination"),
    ({"destination": None}, "saml_destination"),
    ({"destination": ""}, "saml_destination"),
    ({"response_issuer": "https://evil.example"}, "saml_response_issuer"),
    ({"response_issuer": None}, "saml_response_issuer"),
    ({"response_issuer": f"{IDP}/"}, "saml_response_issuer"),
    ({"response_in_response_to": "_other"}, "saml_in_response_to"),
    ({"response_in_response_to": None}, "saml_in_response_to"),
    ({"response_in_response_to": ""}, "saml_in_response_to"),
    ({"response_instant": None}, "saml_issue_instant"),
    ({"response_instant": "yesterday"}, "saml_issue_instant"),
    ({"response_instant": "2027-01-15T08:00:00+05:00"}, "saml_issue_instant"),
    ({"response_instant": write_instant(NOW + 3600)}, "saml_issued_in_future"),
    ({"response_instant": write_instant(NOW - 3600)}, "saml_issued_too_long_ago"),
    ({"assertion_version": "1.1"}, "saml_version"),
    ({"assertion_version": None}, "saml_assertion_malformed"),
    ({"assertion_issuer": "https://evil.example"}, "saml_assertion_issuer"),
    ({"assertion_issuer": ""}, "saml_assertion_issuer"),
    ({"assertion_issuer": None}, "saml_assertion_malformed"),
    ({"assertion_instant": write_instant(NOW + 3600)}, "saml_issued_in_future"),
    ({"assertion_instant": None}, "saml_assertion_malformed"),
    ({"conditions": False}, "saml_conditions"),
    ({"more_conditions": "<saml:Condition xmlns:x='urn:x' xsi:type='x:Odd'/>"}, "saml_conditions"),
    ({"not_before": None}, "saml_conditions"),
    ({"not_before": write_instant(NOW + 60)}, "saml_not_yet_valid"),
    ({"not_on_or_after": None}, "saml_conditions"),
    ({"not_on_or_after": write_instant(NOW - 60)}, "saml_expired"),
    ({"not_on_or_after": write_instant(NOW - 10)}, "saml_expired"),
    ({"audience": "https://other.example"}, "saml_audience"),
    ({"audience": None}, "saml_audience"),
    ({"audience": ""}, "saml_audience"),
    ({"audience": OWN.entity_id.upper()}, "saml_audience"),
    (
        {"more_conditions": "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>"},
        "saml_audience",
    ),
    ({"confirmation_method": None}, "saml_subject_confirmation"),
    ({"confirmation_method": BEARER.replace("bearer", "sender-vouches")}, "saml_subject_confirmation"),
    ({"confirmation_data": False}, "saml_recipient"),
    ({"confirmation_not_before": write_instant(NOW - 60)}, "saml_subject_confirmation"),
    ({"recipient": OTHER}, "saml_recipient"),
    ({"recipient": None}, "saml_recipient"),
    ({"confirmation_in_response_to": "_other"}, "saml_in_response_to"),
    ({"confirmation_in_response_to": None}, "saml_in_response_to"),
    ({"confirmation_not_on_or_after": None}, "saml_subject_confirmation"),
    ({"confirmation_not_on_or_after": write_instant(NOW - 60)}, "saml_confirmation_expired"),
    ({"authn_statement": False}, "saml_authn_statement"),
    ({"authn_instant": write_instant(NOW + 3600)}, "saml_authn_statement"),
    ({"session_not_on_or_after": write_instant(NOW - 1)}, "saml_session_expired"),
    ({"name_id": ""}, "saml_name_id_empty"),
    ({"name_id": " \n"}, "saml_name_id_empty"),
    ({"name_id": None}, "saml_name_id_empty"),
    ({"name_id": "ada\u202eevil"}, "saml_name_id_empty"),
    ({"name_id": "<saml:Issuer>ada</saml:Issuer>"}, "saml_assertion_malformed"),
    ({"name_id_format": TRANSIENT}, "saml_name_id_transient"),
    ({"name_id_format": NAME_ID_FORMATS["email"]}, "saml_name_id_format"),
    ({"name_id_format": None}, "saml_name_id_format"),
    ({"name_qualifier": "https://evil.example"}, "saml_name_id_qualifier"),
    ({"sp_name_qualifier": "https://other.example"}, "saml_name_id_qualifier"),
]
