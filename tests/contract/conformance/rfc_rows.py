"""What the RFCs of OAuth recommend to clients and resource servers, and who holds us to it."""

from __future__ import annotations

from airflow_oidc_auth.testing import FOREIGN_ISSUER, Misbehaviour
from tests.contract.conformance.oidc_rows import BASIC, BEYOND, MORE
from tests.contract.conformance.row import ACCEPTED, Row, named

HERE = "tests/contract/conformance/test_rfcs.py"
DRIVEN = f"{HERE}::test_an_authorization_response_is_judged_as_the_table_says"
BEARER = "tests/contract/test_bearer.py"
POSSESSION = "tests/contract/test_bearer_possession.py"
ENDPOINT = "tests/contract/test_token_endpoint.py"
NO_SERVER = "this is a client and a resource server, not an authorization server"


def _answer(name: str, delivered: str, expected: str, lie: Misbehaviour) -> Row:
    return Row(name, delivered, expected, lie, tests=(named(name, DRIVEN),))


def _by(name: str, delivered: str, expected: str, *tests: str) -> Row:
    return Row(name, delivered, expected, tests=tuple(each if "::" in each else f"{HERE}::{each}" for each in tests))


def _none(name: str, absent: str) -> Row:
    return Row(name, "", absent=absent)


def _as(row_name: str) -> str:
    """Return the test of another table's row."""
    [row] = [row for row in (*BASIC, *MORE, *BEYOND) if row.name == row_name]
    return row.tests[0]


RFC_9700 = (
    _by(
        "9700 §2.1, §4.1 redirect URI",
        "`Host`, `X-Forwarded-Host` and `Forwarded` of another site at `/auth/login`",
        "the address of `base_url`",
        "test_no_header_moves_the_redirect_uri",
    ),
    _by(
        "9700 §2.1, §4.11 open redirector",
        "`next` of another site, in a dozen spellings",
        "unsafe_next",
        "test_nobody_is_sent_to_another_site",
    ),
    _answer(
        "9700 §2.1, §4.7 CSRF: forged state",
        "`state` that nobody sent",
        "attempt_unknown",
        Misbehaviour(authorization_response={"state": "forged"}),
    ),
    _answer(
        "9700 §4.7 CSRF: no state",
        "no `state`",
        "attempt_unknown",
        Misbehaviour(authorization_response={"state": None}),
    ),
    _by(
        "9700 §4.7 CSRF: somebody else's answer",
        "the attacker's own answer, brought by the victim's browser",
        "attempt_unknown",
        "test_the_answer_of_another_browser_signs_nobody_in",
    ),
    _by(
        "9700 §2.1.1, §4.5 code injection",
        "the code of another sign-in under the victim's `state`: PKCE (S256) is sent, and the provider refuses",
        "code_refused",
        "test_a_code_of_another_sign_in_is_refused",
    ),
    _answer(
        "9700 §4.5 made-up code",
        "a code that was never issued",
        "code_refused",
        Misbehaviour(authorization_response={"code": "guessed"}),
    ),
    _by(
        "9700 §2.1.2 implicit grant",
        "an id_token in the callback's query instead of a code (`response_malformed`), an access token with it",
        "token_in_address",
        "test_tokens_in_the_answer_are_not_looked_at",
    ),
    _by(
        "9700 §2.2.1, §4.10 sender-constrained tokens",
        "a stolen access token that is bound to a key",
        "dpop_scheme",
        f"{POSSESSION}::test_a_stolen_bound_token_is_worth_nothing",
    ),
    _by(
        "9700 §2.2.2, §4.14 refresh tokens",
        "a provider that rotates, and revokes all when one is used twice",
        "each is used once",
        "test_a_refresh_token_is_used_once",
    ),
    _by(
        "9700 §2.3 audience restriction",
        "an access token for another API, or for our client",
        "token_audience",
        f"{BEARER}::test_a_token_that_is_not_for_us_now_is_refused",
    ),
    _by(
        "9700 §2.4 password grant",
        "`grant_type=password` with somebody's name and password",
        "token_password",
        "test_no_password_is_taken",
    ),
    _by(
        "9700 §2.5 client authentication",
        "a token endpoint",
        ACCEPTED,
        "tests/contract/conformance/test_oidc_rp.py::test_the_client_proves_itself_in_the_header",
    ),
    _by(
        "9700 §2.5 asymmetric client authentication (RFC 7523 §2.2, §3)",
        "a token endpoint that takes no secret: an assertion for it alone, good for a minute, with a `jti` of its own",
        ACCEPTED,
        "tests/contract/conformance/test_oidc_rp.py::test_the_client_proves_itself_with_its_key",
    ),
    _by(
        "9700 §2.6 metadata, TLS",
        "a discovery document whose token endpoint is plain http",
        "provider_url_insecure",
        "tests/contract/conformance/test_oidc_rp.py::test_a_lying_discovery_document_begins_no_sign_in",
    ),
    _by(
        "9700 §4.2 Referer",
        "a callback with a code",
        "`Referrer-Policy: no-referrer`, nothing of others on the page",
        "test_no_answer_to_a_code_tells_it_on",
    ),
    _by(
        "9700 §4.3.1 code in the history",
        "the same callback again",
        "attempt_unknown",
        "tests/contract/test_sign_in.py::test_a_callback_brought_twice_opens_nothing_and_sends_nobody_in_circles",
    ),
    _by(
        "9700 §4.3.2 token in the address",
        "`?access_token=…` at the API",
        "token_in_address",
        f"{BEARER}::test_a_token_in_the_address_is_refused_and_logged_nowhere",
    ),
    _by(
        "9700 §4.4 mix-up",
        "an answer of one provider at the address of another",
        "attempt_mixed_up",
        "test_an_answer_at_another_providers_address_is_a_mix_up",
    ),
    _by(
        "9700 §4.6 access token injection",
        "`at_hash` of another access token",
        "id_token_at_hash",
        _as("oidcc-client-test-invalid-athash"),
    ),
    _none("9700 §4.8 PKCE downgrade", f"{NO_SERVER}; S256 is always sent"),
    _by(
        "9700 §4.9 leakage at the resource server",
        "an access token that is exchanged",
        "nothing of it is in ours",
        f"{ENDPOINT}::test_nothing_of_the_identity_provider_is_in_the_token",
    ),
    _by(
        "9700 §4.12 redirect with 307",
        "a form that ends in a redirect",
        "303",
        "test_no_form_is_sent_on",
    ),
    _by(
        "9700 §4.13 TLS-terminating proxy",
        "`X-Forwarded-*` that nobody trusts",
        "the address of `base_url`",
        "test_no_header_moves_the_redirect_uri",
    ),
    _by(
        "9700 §4.15 client as resource owner",
        "a token of a program, where a person of higher rights has the same account",
        "the rights of its own rules",
        f"{ENDPOINT}::test_an_account_that_has_more_by_its_sign_in_lends_nothing_to_a_lesser_token",
    ),
    _by(
        "9700 §4.16 clickjacking",
        "a frame around our pages",
        "`frame-ancestors 'none'`; `'self'` for what Airflow's menu shows",
        "test_our_pages_are_framed_by_nobody",
    ),
    _none("9700 §4.17 in-browser communication", "no page talks to other windows"),
)
SIGN_IN = (
    _answer(
        "9207 §2.4 foreign iss",
        "`iss` of another authorization server",
        "response_issuer_mismatch",
        Misbehaviour(iss_parameter=FOREIGN_ISSUER),
    ),
    _answer(
        "9207 §2.4 missing iss",
        "no `iss` although the provider promises one",
        "response_issuer_missing",
        Misbehaviour(iss_parameter="omit"),
    ),
    _by(
        "7636 §4 PKCE",
        "an authorization server that demands S256",
        ACCEPTED,
        "test_every_sign_in_has_a_challenge_of_its_own",
    ),
    _by("8725 §3.1 algorithm", "`alg: none`", "id_token_algorithm", _as("oidcc-client-test-idtoken-sig-none")),
    _answer(
        "8725 §2.1 algorithm confusion",
        "HS256 keyed with the published key",
        "id_token_algorithm",
        Misbehaviour(signature="hs256_public_key"),
    ),
    _by("8725 §3.3 every signature", "claims changed after signing", "id_token_signature", _as("tampered")),
    _by(
        "8725 §3.8 issuer and subject",
        "`iss` of somebody else",
        "id_token_issuer",
        _as("oidcc-client-test-invalid-iss"),
    ),
    _by("8725 §3.9 audience", "`aud` of another client", "id_token_audience", _as("oidcc-client-test-invalid-aud")),
    _answer(
        "8725 §3.10 received claims: jwk",
        "a token that brings its own key",
        "id_token_key_unknown",
        Misbehaviour(signature="embedded_key"),
    ),
    _answer(
        "8725 §3.10 received claims: jku",
        "a token that points at a key",
        "id_token_key_unknown",
        Misbehaviour(signature="remote_key"),
    ),
    _answer(
        "8725 §3.10 received claims: kid",
        "a `kid` that nobody published",
        "id_token_key_unknown",
        Misbehaviour(signature="unknown_kid"),
    ),
    _by(
        "8725 §3.11, §3.12 kinds of tokens",
        "an id_token at the API; an id_token as a logout token",
        "refused",
        f"{BEARER}::test_an_id_token_is_no_access_token",
        "tests/contract/conformance/test_oidc_rp.py::test_an_id_token_ends_no_session",
    ),
)
TOKENS = (
    _by(
        "6750 §2.1 header",
        "`Bearer` in any case",
        ACCEPTED,
        f"{BEARER}::test_the_scheme_may_be_spelled_in_any_case",
    ),
    _by(
        "6750 §2 one method",
        "a header with no token or two; no cookie stands in",
        "refused",
        f"{BEARER}::test_a_header_without_one_token_is_refused_and_no_cookie_stands_in",
    ),
    _by(
        "6750 §2.3 query",
        "a token in the address",
        "token_in_address",
        f"{BEARER}::test_a_token_in_the_address_is_refused_and_logged_nowhere",
    ),
    _by(
        "6750 §3.1, 9068 §4 what a token must say",
        "wrong `aud`, `exp`, `nbf`, `typ`, `sub`, signature, key",
        "`invalid_token` with a code each",
        f"{BEARER}::test_a_token_that_is_not_for_us_now_is_refused",
    ),
    _by(
        "9449 §4.3 proofs",
        "proofs of another method, address, token, time, key or kind",
        "a code each",
        f"{POSSESSION}::test_a_proof_for_something_else_proves_nothing",
    ),
    _by("9449 §11.1 replay", "a proof again", "dpop_replayed", f"{POSSESSION}::test_a_proof_counts_once"),
    _by(
        "9449 §7.1 downgrade",
        "a bound token as `Bearer`",
        "dpop_scheme",
        f"{POSSESSION}::test_a_stolen_bound_token_is_worth_nothing",
    ),
    _by(
        "8693 §1.1, §4.1 delegation",
        "a token with `act`",
        "owner and actor in the audit",
        f"{ENDPOINT}::test_delegation_is_in_the_audit",
        "tests/contract/test_bearer_delegation.py::test_the_row_of_the_one_who_came_in_names_them_too",
    ),
    _by(
        "8693 §2.1 scope",
        "a narrowed token that asks for more",
        "refused",
        f"{ENDPOINT}::test_a_narrowed_token_opens_less_and_cannot_be_widened",
    ),
    _by(
        "8693 §5 lifetime",
        "a token made from a token",
        "neither outlives it nor its revocation",
        f"{ENDPOINT}::test_a_tokens_children_neither_outlive_it_nor_its_revocation",
    ),
    _by(
        "7009 §2 revocation", "a token that revokes itself", ACCEPTED, f"{ENDPOINT}::test_a_token_is_revoked_by_itself"
    ),
    _by(
        "7662 §4 introspection",
        "an opaque token of another API",
        "refused",
        "tests/contract/test_bearer_outages.py::test_an_opaque_token_for_another_api_is_refused",
    ),
)
TABLES = {
    "RFC 9700, best current practice": RFC_9700,
    "Signing in: RFC 9207, 7636, 8725": SIGN_IN,
    "Tokens: RFC 6750, 9068, 9449, 8693, 7009, 7662": TOKENS,
}
ROWS = tuple(row for rows in TABLES.values() for row in rows)
