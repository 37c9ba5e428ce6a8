"""Codes of SAML sign-in and single logout."""

from airflow_oidc_auth.messages.message import Message

_AGAIN = "Start again from the sign-in page; if it happens again, tell your Airflow administrator."
_CLOCK = "Compare the clocks of Airflow and the identity provider (`airflow oidc check`); `leeway` is the tolerance."
_ADDRESS = (
    "Compare entity id and ACS address at the identity provider with `airflow oidc check`, or upload our metadata."
)
_ENTITY = "Set `issuer` of the provider to the identity provider's entity id; a trailing slash matters."
_CHECK = "Run `airflow oidc check`; it tests the live identity provider."


def _answer(text: str, hint: str = _AGAIN, actor: str = "admin") -> Message:
    return Message("Sign-in answer refused", text, hint, 400, actor)


def _wrong(title: str, text: str, hint: str = _CHECK) -> Message:
    return Message(title, text, hint, 502, "admin")


MESSAGES = {
    "saml_response_malformed": _answer("The answer is not a SAML message."),
    "saml_too_large": _answer("The answer is larger than any should be."),
    "saml_too_deep": _answer("The answer is nested deeper than any should be."),
    "saml_encoding": _answer("The answer is not written in UTF-8."),
    "saml_doctype": _answer("The answer holds a document type definition, which is never accepted."),
    "saml_comment": _answer("The answer holds comments or processing instructions, which are never accepted."),
    "saml_duplicate_id": _answer("Two parts of the answer have the same ID."),
    "saml_status": _answer("The identity provider did not accept Airflow's sign-in request.", _ADDRESS),
    "saml_unsigned": _answer(
        "The answer is not signed as it must be.",
        "At the identity provider, have assertions signed; with `require_signed_response`, responses, too.",
    ),
    "saml_signature_misplaced": _answer("A signature of the answer stands where none belongs."),
    "saml_signature_reference": _answer("The signature of the answer is about something else than the answer."),
    "saml_signature_transform": _answer("The signature of the answer transforms what it signs in an unusual way."),
    "saml_signature_key_unknown": _answer(
        "The answer is signed with a certificate that the identity provider's metadata does not have.",
        "If its certificate was just changed, try again in a minute; else check `metadata_file` or `fingerprints`.",
    ),
    "saml_signature_invalid": _answer("The signature of the answer is not valid."),
    "saml_algorithm": _answer(
        "The answer is signed or encrypted with an algorithm that is not accepted.",
        "At the identity provider, choose SHA-256 signatures, AES encryption and RSA-OAEP key transport.",
    ),
    "saml_assertion_count": _answer("The answer does not hold exactly one assertion."),
    "saml_assertion_misplaced": _answer("An assertion stands where none belongs."),
    "saml_assertion_malformed": _answer("The assertion is not built as the specification says."),
    "saml_part_encrypted": _answer(
        "A part of the answer is encrypted by itself, which this Airflow does not read.",
        "At the identity provider, encrypt the whole assertion, or nothing; not its NameID or attributes.",
    ),
    "saml_decryption_failed": _answer(
        "The assertion could not be decrypted.",
        "Upload our metadata again: the identity provider must encrypt for `decryption_certificate`.",
    ),
    "saml_encryption_required": _answer(
        "The assertion is not encrypted.", "Encrypt assertions at the identity provider, or drop `require_encryption`."
    ),
    "saml_version": _answer("The answer is of another version than SAML 2.0."),
    "saml_destination": _answer("The answer was made for another address.", _ADDRESS),
    "saml_response_issuer": _answer("The answer does not come from this identity provider.", _ENTITY),
    "saml_assertion_issuer": _answer("The assertion does not come from this identity provider.", _ENTITY),
    "saml_issue_instant": _answer("The answer does not say when it was made."),
    "saml_issued_in_future": _answer("The answer is from the future.", _CLOCK),
    "saml_issued_too_long_ago": _answer("The answer is too old.", _CLOCK),
    "saml_in_response_to": _answer("The answer does not belong to this sign-in.", _AGAIN, "user"),
    "saml_unsolicited": _answer(
        "Sign-in was not begun here, and this Airflow does not accept that.",
        "Start from Airflow's sign-in page. Administrators: `allow_idp_initiated: true` would accept it.",
        "user",
    ),
    "saml_conditions": _answer("The conditions of the assertion are missing, incomplete or not understood."),
    "saml_not_yet_valid": _answer("The assertion is not valid yet.", _CLOCK),
    "saml_expired": _answer("The answer is too old.", _CLOCK),
    "saml_audience": _answer("The assertion is meant for another application.", _ADDRESS),
    "saml_subject_confirmation": _answer("The assertion has no complete bearer confirmation."),
    "saml_recipient": _answer("The assertion was made for another address.", _ADDRESS),
    "saml_confirmation_expired": _answer("The assertion was delivered too late.", _CLOCK),
    "saml_authn_statement": _answer("The assertion does not say how and when the person authenticated."),
    "saml_session_expired": _answer("The session at the identity provider has ended already.", _CLOCK),
    "saml_not_asked_again": _answer(
        "The identity provider was to ask who you are, and answered from an older sign-in.",
        "At the identity provider, honour `ForceAuthn`; or set `force_authn: false`.",
    ),
    "saml_authn_context": Message(
        "Stronger sign-in needed",
        "The identity provider did not authenticate you in the way that this Airflow asks for.",
        "Sign in again the way your organisation asks for; administrators see `authn_contexts`.",
        403,
        "user",
    ),
    "saml_name_id_empty": _answer("The assertion does not say who signed in."),
    "saml_name_id_transient": _answer(
        "The identity provider names you differently at every sign-in.",
        "Have it send a persistent NameID, or set `subject_attribute` to an attribute that never changes.",
    ),
    "saml_name_id_format": _answer(
        "The identity provider names you in a way that this Airflow does not take for an identity.",
        "Have it send a persistent NameID, set `subject_attribute`, or allow the format in `name_id_formats`.",
    ),
    "saml_name_id_qualifier": _answer("The name in the assertion belongs to another organisation."),
    "saml_subject_attribute": _answer(
        "The assertion lacks the attribute that says who signed in, or has several values of it.",
        "Have the identity provider send `subject_attribute` with exactly one value.",
    ),
    "saml_replayed": _answer("This answer was used before.", _AGAIN, "user"),
    "saml_replay_cache_missing": _wrong(
        "Sign-in not possible here", "Used assertions cannot be remembered here, so none is accepted."
    ),
    "saml_status_responder": Message(
        "Identity provider failing",
        "The identity provider could not finish the sign-in.",
        "Try again in a moment; the log of the identity provider says more.",
        502,
        "idp",
    ),
    "saml_metadata_malformed": _wrong(
        "Metadata not usable",
        "The metadata of the identity provider is incomplete or not valid.",
        "Check `metadata_url` or `metadata_file` of the provider.",
    ),
    "saml_metadata_entity": _wrong(
        "Entity id differs", "The metadata describes another identity provider than the configured one.", _ENTITY
    ),
    "saml_metadata_expired": _wrong(
        "Metadata expired",
        "The metadata of the identity provider is no longer valid.",
        "Fetch it again, or check `metadata_file` of the provider.",
    ),
    "saml_metadata_unreadable": _wrong(
        "File not readable",
        "The file that holds the identity provider's metadata cannot be read.",
        "Check `metadata_file` of the provider.",
    ),
    "saml_certificate_unusable": _wrong(
        "No usable certificate",
        "The metadata of the identity provider has no signing certificate that can be used.",
        "Check `fingerprints` of the provider; certificates need RSA of 2048 bits or more, or EC.",
    ),
    "saml_binding_unavailable": _wrong(
        "Binding not offered", "The identity provider does not offer the way that this message would have to take."
    ),
    "saml_key_unusable": _wrong(
        "Our key not usable",
        "The key that signs for this Airflow is missing, or cannot be used.",
        "Set `signing_key` to a PEM key (RSA or EC) and `certificate` to its certificate.",
    ),
    "saml_library_unusable": _wrong(
        "SAML not installed",
        "The libraries that SAML sign-in needs are missing, or do not fit together.",
        "Install `airflow-oidc-auth[saml]`: xmlsec 1.3.16 or later and lxml 6 or later, together.",
    ),
}
