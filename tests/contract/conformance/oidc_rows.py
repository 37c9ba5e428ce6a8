"""The OpenID Foundation's relying-party tests by their names, and what we do at each.

Names are those of the conformance suite's certification plans for the code flow: basic, configuration, RP-initiated,
front-channel and back-channel logout, and the refresh-token plan. The rows under their own heading are ours.
"""

from __future__ import annotations

from airflow_oidc_auth.providers.logout_token import EVENT
from airflow_oidc_auth.testing import FOREIGN_ISSUER, Misbehaviour
from tests.contract.conformance.row import ACCEPTED, HONEST, Row, named

HERE = "tests/contract/conformance/test_oidc_rp.py"
REFUSED = f"{HERE}::test_a_sign_in_is_judged_as_the_table_says"
LOGOUT = f"{HERE}::test_a_logout_token_is_judged_as_the_table_says"
REFRESH = f"{HERE}::test_a_refresh_is_judged_as_the_table_says"
CODE_ONLY = "`response_type` is always `code`: nothing comes through the browser but a code"
CONFIGURED = "providers and clients are configured by an administrator, never found out or registered at run time"


def _sign_in(name: str, delivered: str, expected: str, lie: Misbehaviour = HONEST, provider: str = "conform") -> Row:
    return Row(name, delivered, expected, lie, provider, (named(name, REFUSED),))


def _told(name: str, delivered: str, expected: str, **logout_token: object) -> Row:
    signature = str(logout_token.pop("signature", "valid"))
    lie = Misbehaviour(
        signature=signature,
        logout_token_claims={key: value for key, value in logout_token.items() if key != "typ"},
        logout_token_header={"typ": logout_token["typ"]} if "typ" in logout_token else {},
    )
    return Row(name, delivered, expected, lie, tests=(named(name, LOGOUT),))


def _refresh(name: str, delivered: str, expected: str, lie: Misbehaviour = HONEST) -> Row:
    return Row(name, delivered, expected, lie, "rotating", (named(name, REFRESH),))


def _driven(name: str, delivered: str, expected: str, *tests: str) -> Row:
    return Row(name, delivered, expected, tests=tuple(test if "::" in test else f"{HERE}::{test}" for test in tests))


def _none(name: str, absent: str) -> Row:
    return Row(name, "", absent=absent)


BASIC = (
    _sign_in("oidcc-client-test", "an honest id_token", ACCEPTED),
    _sign_in(
        "oidcc-client-test-invalid-iss",
        "`iss` of somebody else, well signed",
        "id_token_issuer",
        Misbehaviour(id_token_claims={"iss": FOREIGN_ISSUER}),
    ),
    _sign_in(
        "oidcc-client-test-missing-sub", "no `sub`", "id_token_subject", Misbehaviour(omit_id_token_claims=("sub",))
    ),
    _sign_in(
        "oidcc-client-test-invalid-aud",
        "`aud` of another client",
        "id_token_audience",
        Misbehaviour(id_token_claims={"aud": "another-client"}),
    ),
    _sign_in(
        "oidcc-client-test-missing-aud", "no `aud`", "id_token_audience", Misbehaviour(omit_id_token_claims=("aud",))
    ),
    _sign_in(
        "oidcc-client-test-missing-iat", "no `iat`", "id_token_claim", Misbehaviour(omit_id_token_claims=("iat",))
    ),
    _sign_in(
        "oidcc-client-test-kid-absent-single-jwks",
        "no `kid` in the header; one published key fits",
        ACCEPTED,
        Misbehaviour(signature="no_kid"),
    ),
    _sign_in(
        "oidcc-client-test-kid-absent-multiple-jwks",
        "no `kid` in the header; several published keys fit. Either answer passes the suite: each of them is tried",
        ACCEPTED,
        Misbehaviour(signature="no_kid"),
        "nameless-keys",
    ),
    _sign_in("oidcc-client-test-idtoken-sig-rs256", "RS256", ACCEPTED, Misbehaviour(algorithm="RS256")),
    _sign_in("oidcc-client-test-idtoken-sig-none", "`alg: none`", "id_token_algorithm", Misbehaviour(signature="none")),
    _sign_in(
        "oidcc-client-test-invalid-sig-rs256",
        "one bit of an RS256 signature is wrong",
        "id_token_signature",
        Misbehaviour(signature="broken"),
    ),
    _sign_in(
        "oidcc-client-test-invalid-sig-es256",
        "one bit of an ES256 signature is wrong",
        "id_token_signature",
        Misbehaviour(algorithm="ES256", signature="broken"),
    ),
    _sign_in(
        "oidcc-client-test-invalid-sig-hs256",
        "HS256 with the client secret; a good one is refused, so a bad one is",
        "id_token_algorithm",
        Misbehaviour(signature="hs256_client_secret"),
    ),
    _driven(
        "oidcc-client-test-userinfo-bearer-header",
        "userinfo; the access token must come in the header",
        ACCEPTED,
        "test_userinfo_is_asked_with_the_token_in_the_header",
    ),
    _none("oidcc-client-test-userinfo-bearer-body", "the header is always used (RFC 9700 §4.3.2, RFC 6750 §2)"),
    _sign_in(
        "oidcc-client-test-userinfo-invalid-sub",
        "userinfo about somebody else",
        "userinfo_subject",
        Misbehaviour(userinfo_claims={"sub": "somebody-else"}),
    ),
    _sign_in(
        "oidcc-client-test-nonce-invalid",
        "`nonce` of another sign-in",
        "id_token_nonce",
        Misbehaviour(id_token_claims={"nonce": "replayed"}),
    ),
    _sign_in(
        "oidcc-client-test-scope-userinfo-claims",
        "name, e-mail and groups in userinfo",
        ACCEPTED,
        HONEST,
        "profile",
    ),
    _driven(
        "oidcc-client-test-client-secret-basic",
        "a token endpoint that wants `client_secret_basic`",
        ACCEPTED,
        "test_the_client_proves_itself_in_the_header",
    ),
)
MORE = (
    _driven(
        "oidcc-client-test, client_auth_type private_key_jwt",
        "a token endpoint that takes no secret, only what our registered key has signed; with another key registered "
        "it refuses, and so do we (`client_rejected`)",
        ACCEPTED,
        "test_the_client_proves_itself_with_its_key",
        "test_a_client_whose_key_is_not_registered_lets_nobody_in",
    ),
    _none("oidcc-client-test-nonce-unless-code-flow", "a nonce is always sent, and one that is missing is refused"),
    _sign_in(
        "oidcc-client-test-invalid-athash",
        "`at_hash` of another access token",
        "id_token_at_hash",
        Misbehaviour(wrong_at_hash=True),
    ),
    _sign_in(
        "oidcc-client-test-missing-athash",
        "no `at_hash`, which the code flow may leave out (Core §3.1.3.6)",
        ACCEPTED,
        Misbehaviour(omit_id_token_claims=("at_hash",)),
    ),
    _none("oidcc-client-test-invalid-chash", CODE_ONLY),
    _none("oidcc-client-test-missing-chash", CODE_ONLY),
    _none("oidcc-client-test-form-post-error", "`response_mode` is the default of a code, the query"),
    _none("oidcc-client-test-request-uri-signed-none", "pushed requests (RFC 9126) instead of request objects"),
    _none("oidcc-client-test-request-uri-signed-rs256", "pushed requests (RFC 9126) instead of request objects"),
    _none("oidcc-client-test-aggregated-claims", "claims of claims providers are not read"),
    _none("oidcc-client-test-distributed-claims", "claims of claims providers are not fetched, so no token goes there"),
    _driven(
        "oidcc-client-test-userinfo-signed",
        "userinfo as a JWT; with a broken signature it is refused as `userinfo_signature`",
        ACCEPTED,
        "test_signed_userinfo_is_believed_for_its_signature",
    ),
    _none("oidcc-client-test-3rd-party-init-login", "`/auth/login/PROVIDER` begins a sign-in; it takes no `iss`"),
    _none("oidcc-client-test-mtls-endpoint-aliases", "clients prove themselves by secret or signed assertion"),
)
CONFIG = (
    _driven(
        "oidcc-client-test-discovery-openid-config",
        "a discovery document",
        ACCEPTED,
        "test_discovery_and_keys_are_read_where_the_issuer_says",
    ),
    _driven(
        "oidcc-client-test-discovery-jwks-uri-keys",
        "keys at its `jwks_uri`",
        ACCEPTED,
        "test_discovery_and_keys_are_read_where_the_issuer_says",
    ),
    _driven(
        "oidcc-client-test-discovery-issuer-mismatch",
        "a discovery document of another issuer, or of ours with a slash more",
        "discovery_issuer_mismatch",
        "test_a_lying_discovery_document_begins_no_sign_in",
    ),
    _driven(
        "oidcc-client-test-signing-key-rotation",
        "new keys since the last sign-in",
        ACCEPTED,
        "test_a_new_signing_key_is_fetched",
    ),
    _driven(
        "oidcc-client-test-signing-key-rotation-just-before-signing",
        "new keys between the authorization request and the token answer",
        ACCEPTED,
        "test_a_new_signing_key_is_fetched",
    ),
    _none("oidcc-client-test-discovery-webfinger-acct", CONFIGURED),
    _none("oidcc-client-test-discovery-webfinger-url", CONFIGURED),
    _none("oidcc-client-test-dynamic-registration", CONFIGURED),
)
REFRESHES = (
    _refresh("oidcc-client-test-refresh-token", "a refreshed id_token at the re-check of a session", ACCEPTED),
    _refresh(
        "oidcc-client-test-refresh-token-invalid-issuer",
        "a refreshed id_token of another issuer",
        "id_token_issuer",
        Misbehaviour(id_token_claims={"iss": FOREIGN_ISSUER}),
    ),
    _refresh(
        "oidcc-client-test-refresh-token-invalid-sub",
        "a refreshed id_token about somebody else",
        "refreshed_subject",
        Misbehaviour(id_token_claims={"sub": "somebody-else"}),
    ),
)
LOGOUTS = (
    _driven(
        "oidcc-client-test-rp-init-logout",
        "an `end_session_endpoint`, with `id_token_hint`",
        ACCEPTED,
        "test_a_sign_out_reaches_the_identity_provider_and_comes_back",
    ),
    _driven(
        "oidcc-client-test-rp-init-logout-no-state",
        "comes back without `state`: none was sent, for the way back changes nothing",
        ACCEPTED,
        "test_the_way_back_from_a_sign_out_changes_nothing",
    ),
    _driven(
        "oidcc-client-test-rp-init-logout-other-state",
        "comes back with a `state` that nobody sent: a page, and nothing else",
        ACCEPTED,
        "test_the_way_back_from_a_sign_out_changes_nothing",
    ),
    _driven(
        "oidcc-client-test-rp-frontchannel-rpinitlogout",
        "a frame that names issuer and session",
        ACCEPTED,
        "tests/contract/test_sessions_follow_the_idp.py::test_a_frame_of_the_idp_ends_the_session_that_it_names",
    ),
    _driven(
        "oidcc-client-test-rp-frontchannel-opinitlogout",
        "the same, begun at the identity provider",
        ACCEPTED,
        "tests/contract/test_sessions_follow_the_idp.py::test_a_frame_of_the_idp_ends_the_session_that_it_names",
    ),
    _told("oidcc-client-test-rp-backchannel-rpinitlogout", "an honest logout token", ACCEPTED),
    _told(
        "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
        "`alg: none`",
        "logout_token_algorithm",
        signature="none",
    ),
    _told(
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg",
        "HS256 with the client secret",
        "logout_token_algorithm",
        signature="hs256_client_secret",
    ),
    _told("oidcc-client-test-rp-backchannel-rpinitlogout-no-event", "no `events`", "logout_token_events", events=None),
    _told(
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event",
        "`events` of another kind",
        "logout_token_events",
        events={f"{EVENT}-not": {}},
    ),
    _told("oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", "a `nonce`", "logout_token_nonce", nonce="n"),
    _told(
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
        "`aud` of another client",
        "logout_token_audience",
        aud="another-client",
    ),
    _told(
        "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
        "`iss` of somebody else",
        "logout_token_issuer",
        iss=FOREIGN_ISSUER,
    ),
    _none("oidcc-client-test-session-management", "frames that poll cookies of other sites no longer work in browsers"),
)
BEYOND = (
    _sign_in("nonce-missing", "no `nonce`", "id_token_nonce", Misbehaviour(omit_id_token_claims=("nonce",))),
    _sign_in(
        "azp-foreign",
        "`azp` of another client",
        "id_token_azp",
        Misbehaviour(id_token_claims={"azp": "another-client"}),
    ),
    _sign_in(
        "aud-several-azp-missing",
        "several audiences, and nobody says for whom",
        "id_token_azp",
        Misbehaviour(id_token_claims={"aud": ["{client_id}", "another-client"]}),
    ),
    _sign_in("expired", "`exp` is over", "id_token_expired", Misbehaviour(id_token_offsets={"exp": -3600})),
    _sign_in(
        "issued-in-the-future",
        "`iat` in an hour",
        "id_token_not_yet_valid",
        Misbehaviour(id_token_offsets={"iat": 3600}),
    ),
    _sign_in("sub-number", "`sub` is a number", "id_token_subject", Misbehaviour(id_token_claims={"sub": 7})),
    _sign_in("tampered", "claims changed after signing", "id_token_signature", Misbehaviour(signature="tampered")),
    _sign_in(
        "no-id-token",
        "a token answer without id_token",
        "id_token_missing",
        Misbehaviour(omit_from_token_response=("id_token",)),
    ),
    _sign_in(
        "userinfo-missing-sub",
        "userinfo about nobody",
        "userinfo_subject",
        Misbehaviour(omit_userinfo_claims=("sub",)),
    ),
    _sign_in(
        "strange-keys",
        "keys that cannot be read, of unknown types, and shared secrets among the published ones",
        ACCEPTED,
        HONEST,
        "strange-keys",
    ),
    _driven(
        "frontchannel-other-session",
        "frames that name the beginning of a session, a pattern, or another issuer",
        "end nothing",
        "test_a_frame_that_names_no_session_ends_none",
    ),
    _told("logout-wrong-typ", "`typ: at+jwt`", "logout_token_type", typ="at+jwt"),
    _told("logout-broken-signature", "one bit of the signature is wrong", "logout_token_signature", signature="broken"),
    _told("logout-foreign-key", "a key that is not published", "logout_token_signature", signature="foreign_key"),
    _told("logout-expired", "`exp` is over", "logout_token_expired", exp=1_000_000_000),
    _told("logout-issued-long-ago", "`iat` years ago, `exp` to come", "logout_token_expired", iat=1_000_000_000),
    _told("logout-from-the-future", "`iat` to come", "logout_token_not_yet_valid", iat=4e9, exp=4e9 + 60),
    _told("logout-about-nobody", "neither `sub` nor `sid`", "logout_token_about_nobody", sub=None, sid=None),
    _told("logout-without-jti", "no `jti`", "logout_token_claim", jti=None),
    _driven(
        "logout-replayed",
        "the same logout token again",
        "logout_token_replayed",
        "tests/contract/test_sessions_follow_the_idp.py::test_a_replayed_logout_token_ends_nothing",
    ),
    _driven(
        "logout-id-token",
        "an id_token in its place",
        "logout_token_events",
        "test_an_id_token_ends_no_session",
    ),
)
TABLES = {
    "Basic profile": BASIC,
    "Configuration profile": CONFIG,
    "Refresh tokens": REFRESHES,
    "Logout profiles": LOGOUTS,
    "Other tests of the suite": MORE,
    "Beyond the suite": BEYOND,
}
ROWS = tuple(row for rows in TABLES.values() for row in rows)


def driven_by(test: str) -> list[Row]:
    """Return the rows that are parameters of a test."""
    return [row for row in ROWS if row.tests == (named(row.name, test),)]
