"""A session is confirmed at an honest IdP, at one that leaves things out, and at one that lies."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_oidc_auth.errors import LoginRefused, OidcAuthError, ProtocolViolation, ProviderError
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.confirming import ConfirmationInterrupted, Confirms
from airflow_oidc_auth.providers.held_access_token import hold_access_token, read_held_token
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.provider import Confirmation, HeldTokens, SignIn
from airflow_oidc_auth.providers.registry import build_provider
from airflow_oidc_auth.providers.settings import GroupSource
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.testing import DOWN, FakeIdp, Misbehaviour
from tests.unit.providers.making import CLIENT_SECRET, Clock, every_secret, make_attempt, make_settings

OFFLINE = ("openid", "profile", "email", "offline_access")
FROM_USERINFO = (GroupSource("userinfo", ClaimPath(("groups",))),)
FROM_ACCESS_TOKEN = (GroupSource("access_token", ClaimPath(("groups",))),)


class Person:
    """Somebody who is signed in, and whose session is confirmed again and again."""

    def __init__(self, idp: FakeIdp, clock: Clock | None = None, **changes: Any) -> None:
        fields = {"issuer": idp.issuer, "client_secret": Secret(CLIENT_SECRET), "scopes": OFFLINE}
        self.idp, self.clock = idp, clock or Clock(time.time())
        self.provider: Any = build_provider(make_settings(**{**fields, **changes}), clock=self.clock)
        attempt = make_attempt()
        answer = idp.sign_in(self.provider.build_authorization_url(attempt), "ada")
        self.sign_in: SignIn = self.provider.complete(attempt, answer)
        self.tokens = HeldTokens(self.sign_in.id_token, self.sign_in.refresh_token, self.sign_in.access_token)
        self.known = self.sign_in.identity

    def confirm(self) -> Confirmation:
        """Confirm, and keep what has to be kept, as the re-check does."""
        try:
            confirmation: Confirmation = self.provider.confirm(self.tokens, self.known)
        except ConfirmationInterrupted as error:
            self.tokens = error.tokens
            raise
        self.tokens = confirmation.tokens
        self.known = confirmation.identity or self.known
        return confirmation

    def fails(self, kind: type[OidcAuthError], code: str) -> OidcAuthError:
        """Confirm, and see it fail with this very class and code, telling no secret."""
        secrets = [*every_secret(), *(each.reveal() for each in held(self.tokens))]
        with pytest.raises(OidcAuthError) as caught:
            self.confirm()
        assert (type(caught.value), caught.value.code) == (kind, code)
        told = f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.evidence}"
        assert not [secret for secret in secrets if secret in told]
        return caught.value


def held(tokens: HeldTokens) -> list[Secret]:
    return [each for each in (tokens.id_token, tokens.refresh_token, tokens.access_token) if each is not None]


def give_groups(idp: FakeIdp, *groups: str) -> None:
    idp.users = tuple(replace(user, groups=groups) if user.username == "ada" else user for user in idp.users)


@pytest.fixture
def person(idp: FakeIdp) -> Person:
    return Person(idp)


def test_every_openid_provider_can_confirm(person: Person) -> None:
    assert isinstance(person.provider, Confirms)
    assert person.provider.can_confirm(person.tokens)
    assert not person.provider.can_confirm(HeldTokens(id_token=Secret("a.b.c")))


def test_a_refresh_tells_todays_groups_and_keeps_the_rotated_token(person: Person) -> None:
    first = person.tokens
    give_groups(person.idp, "airflow-viewers")
    confirmation = person.confirm()
    assert confirmation.identity is not None
    assert confirmation.identity.groups == {"airflow-viewers"}
    assert (confirmation.identity.name, confirmation.identity.email_verified) == ("Ada Admin", True)
    assert confirmation.sid == person.sign_in.sid
    assert confirmation.tokens.refresh_token != first.refresh_token
    assert confirmation.tokens.id_token != first.id_token
    assert confirmation.tokens.access_token is None
    assert not person.idp.reused


def test_many_rechecks_in_a_row_lose_no_session(person: Person) -> None:
    for _ in range(30):
        assert person.confirm().identity is not None
    assert not person.idp.reused


def test_without_rotation_the_refresh_token_stays(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(rotate=False)
    person = Person(idp)
    first = person.tokens.refresh_token
    for _ in range(3):
        assert person.confirm().tokens.refresh_token == first


def test_a_refresh_is_one_request_and_asks_for_no_scope(person: Person) -> None:
    before = len(person.idp.requests)
    person.confirm()
    (request,) = person.idp.requests[before:]
    assert request.form.keys() == {"grant_type", "refresh_token"}


# ---------------------------------------------------------------------------------------------- the session has ended


@pytest.mark.parametrize("how", ["disable", "delete", "end", "reuse"])
def test_a_session_that_the_idp_ended_is_refused(person: Person, how: str) -> None:
    first = person.tokens
    if how == "disable":
        person.idp.disable("ada")
    elif how == "delete":
        person.idp.users = person.idp.users[1:]
    elif how == "end":
        person.idp.end_sessions("ada")
    else:
        person.confirm()
        person.tokens = first
    person.fails(LoginRefused, "session_refused_by_provider")


@pytest.mark.parametrize("error", ["invalid_grant", "interaction_required", "login_required", "consent_required"])
def test_only_a_code_that_says_so_ends_a_session(person: Person, error: str) -> None:
    person.idp.route("POST", "/token", answer(400, f'{{"error": "{error}"}}'))
    person.fails(LoginRefused, "session_refused_by_provider")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, '{"error": "invalid_request"}', "token_request_refused"),
        (400, '{"error": "invalid_scope"}', "token_request_refused"),
        (400, '{"error": "slow_down"}', "token_request_refused"),
        (400, '{"error": ["invalid_grant"]}', "token_request_refused"),
        (400, '{"error": "unauthorized_client"}', "client_rejected"),
        (400, '{"error": "temporarily_unavailable"}', "provider_failing"),
        (400, "<html>invalid_grant</html>", "token_request_refused"),
        (403, "<html>Your firewall</html>", "token_request_refused"),
        (404, "", "token_request_refused"),
        (401, '{"error": "invalid_client"}', "client_rejected"),
        (401, "", "client_rejected"),
        (500, '{"error": "invalid_grant"}', "provider_failing"),
        (503, "", "provider_failing"),
        (429, "", "provider_failing"),
        (200, "<h1>Hotel Wi-Fi</h1>", "provider_answer_malformed"),
        (200, "[]", "token_answer_malformed"),
        (200, "{}", "token_answer_malformed"),
        (302, "", "provider_redirected"),
    ],
)
def test_whatever_else_the_token_endpoint_says_is_an_outage(person: Person, status: int, body: str, code: str) -> None:
    person.idp.route("POST", "/token", answer(status, body))
    person.fails(ProviderError, code)


def test_an_idp_that_is_gone_is_an_outage(person: Person) -> None:
    person.idp.misbehaviour = DOWN
    person.fails(ProviderError, "provider_unreachable")


def test_an_answer_that_was_lost_costs_the_session_at_a_rotating_idp_and_no_other(person: Person) -> None:
    other = Person(person.idp)
    person.idp.misbehaviour = Misbehaviour(faults={"token": "answer_lost"})
    person.fails(ProviderError, "provider_unreachable")
    person.idp.misbehaviour = Misbehaviour()
    person.fails(LoginRefused, "session_refused_by_provider")
    assert other.confirm().identity is not None


# -------------------------------------------------------------------------------------------------- lies in the answer


@pytest.mark.parametrize(
    ("code", "lie"),
    [
        ("id_token_issuer", {"id_token_claims": {"iss": "https://idp.attacker.example"}}),
        ("id_token_issuer", {"omit_id_token_claims": ("iss",)}),
        ("id_token_audience", {"id_token_claims": {"aud": "another-client"}}),
        ("id_token_audience", {"omit_id_token_claims": ("aud",)}),
        ("id_token_azp", {"id_token_claims": {"azp": "another-client"}}),
        ("id_token_azp", {"id_token_claims": {"aud": ["{client_id}", "another"]}}),
        ("id_token_expired", {"id_token_offsets": {"exp": -3600}}),
        ("id_token_not_yet_valid", {"id_token_offsets": {"iat": 3600}}),
        ("id_token_claim", {"omit_id_token_claims": ("exp",)}),
        ("id_token_claim", {"omit_id_token_claims": ("iat",)}),
        ("id_token_subject", {"omit_id_token_claims": ("sub",)}),
        ("refreshed_nonce", {"id_token_claims": {"nonce": "replayed"}}),
        ("refreshed_nonce", {"id_token_claims": {"nonce": None}}),
        ("refreshed_out_of_order", {"id_token_offsets": {"iat": -3600}}),
        ("refreshed_auth_time", {"id_token_offsets": {"auth_time": 3600}}),
        ("id_token_at_hash", {"wrong_at_hash": True}),
        ("id_token_algorithm", {"signature": "none"}),
        ("id_token_algorithm", {"signature": "hs256_public_key"}),
        ("id_token_signature", {"signature": "broken"}),
        ("id_token_signature", {"signature": "tampered"}),
        ("id_token_signature", {"signature": "foreign_key"}),
        ("id_token_key_unknown", {"signature": "embedded_key"}),
        ("id_token_malformed", {"token_response": {"id_token": "a.b"}}),
    ],
)
def test_refuses_each_lie_with_its_code_and_keeps_the_rotated_token(
    person: Person, code: str, lie: dict[str, Any]
) -> None:
    first = person.tokens
    person.idp.misbehaviour = Misbehaviour(**lie)
    person.fails(ConfirmationInterrupted, code)
    assert person.tokens.refresh_token != first.refresh_token
    assert person.tokens.id_token == first.id_token
    person.idp.misbehaviour = Misbehaviour()
    assert person.confirm().identity is not None
    assert not person.idp.reused


@pytest.mark.parametrize(
    ("code", "claims"),
    [("refreshed_subject", {"sub": "5d3a-0002"}), ("refreshed_subject", {"sub": "5D3A-0001"})],
)
def test_an_answer_about_somebody_else_is_kept_nowhere(person: Person, code: str, claims: dict[str, Any]) -> None:
    first = person.tokens
    person.idp.misbehaviour = Misbehaviour(id_token_claims=claims)
    person.fails(ProtocolViolation, code)
    assert person.tokens == first


def test_an_accepted_spelling_of_another_issuer_is_not_the_first_one(idp: FakeIdp) -> None:
    person = Person(idp)
    person.known = replace(person.known, issuer="https://other.example")
    person.fails(ProtocolViolation, "refreshed_issuer")


def test_an_audience_of_the_first_token_must_not_vanish(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims={"aud": ["{client_id}", "another"], "azp": "{client_id}"})
    person = Person(idp)
    idp.misbehaviour = Misbehaviour()
    person.fails(ConfirmationInterrupted, "refreshed_audience")


def test_a_malformed_answer_does_not_lose_the_rotated_token(person: Person) -> None:
    first = person.tokens
    person.idp.misbehaviour = Misbehaviour(token_response={"token_type": "mac"})
    person.fails(ConfirmationInterrupted, "token_answer_malformed")
    assert person.tokens.refresh_token != first.refresh_token
    person.idp.misbehaviour = Misbehaviour()
    assert person.confirm().identity is not None


def test_the_nonce_may_be_repeated(person: Person) -> None:
    person.idp.misbehaviour = Misbehaviour(nonce_in_refresh=True)
    for _ in range(3):
        assert person.confirm().identity is not None
    person.idp.misbehaviour = Misbehaviour()
    assert person.confirm().identity is not None
    person.idp.misbehaviour = Misbehaviour(id_token_claims={"nonce": "replayed"})
    person.fails(ConfirmationInterrupted, "refreshed_nonce")


def test_a_refresh_does_not_make_an_old_sign_in_look_fresh(person: Person) -> None:
    before = person.known.claims["auth_time"]
    person.idp.misbehaviour = Misbehaviour(id_token_claims={"auth_time": int(time.time()) - 1})
    person.known = replace(person.known, claims={**person.known.claims, "auth_time": before - 7200})
    person.confirm()
    assert person.known.claims["auth_time"] == before - 7200


def test_how_somebody_signed_in_is_not_forgotten_by_a_refresh_that_leaves_it_out(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims={"acr": "mfa", "amr": ["pwd", "otp"]})
    person = Person(idp)
    idp.misbehaviour = Misbehaviour()
    person.confirm()
    assert (person.known.claims["acr"], person.known.claims["amr"]) == ("mfa", ["pwd", "otp"])


def test_a_session_from_before_claims_were_kept_is_confirmed(person: Person) -> None:
    person.known = replace(person.known, claims={})
    assert person.confirm().identity is not None


# ------------------------------------------------------------------------------------------------ what was left out


def test_a_missing_id_token_is_replaced_by_userinfo(person: Person) -> None:
    give_groups(person.idp)
    person.idp.misbehaviour = Misbehaviour(omit_from_token_response=("id_token",))
    confirmation = person.confirm()
    assert confirmation.identity is not None
    assert confirmation.identity.groups == frozenset()
    assert confirmation.tokens.id_token == person.sign_in.id_token


def test_groups_that_were_left_out_are_asked_for(person: Person) -> None:
    give_groups(person.idp)
    person.idp.misbehaviour = Misbehaviour(omit_id_token_claims=("groups",))
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == frozenset()
    assert len(person.idp.calls("/userinfo")) == 1


def test_userinfo_in_the_place_of_the_id_token_gives_no_groups(person: Person) -> None:
    give_groups(person.idp, "airflow-admins", "platform-owners")
    person.idp.misbehaviour = Misbehaviour(omit_id_token_claims=("groups",))
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == {"airflow-admins"}


@pytest.mark.parametrize(
    "lie",
    [
        {"omit_id_token_claims": ("groups",), "omit_userinfo_claims": ("groups",)},
        {"omit_from_token_response": ("id_token",), "omit_userinfo_claims": ("groups",)},
        {"omit_id_token_claims": ("groups",), "faults": {"userinfo": "forbidden"}},
        {"omit_from_token_response": ("id_token",), "faults": {"userinfo": "unauthorized"}},
        {"omit_id_token_claims": ("groups",), "discovery": {"userinfo_endpoint": None}},
    ],
)
def test_where_nobody_can_tell_the_groups_the_last_grant_stays(idp: FakeIdp, lie: dict[str, Any]) -> None:
    idp.misbehaviour = Misbehaviour(discovery=lie.get("discovery", {}))
    person = Person(idp)
    idp.misbehaviour = Misbehaviour(**lie)
    confirmation = person.confirm()
    assert confirmation.identity is None
    assert confirmation.tokens.refresh_token != person.sign_in.refresh_token


def test_userinfo_that_is_down_is_an_outage_that_keeps_the_rotated_token(person: Person) -> None:
    person.idp.misbehaviour = Misbehaviour(omit_id_token_claims=("groups",), faults={"userinfo": "error_500"})
    person.fails(ConfirmationInterrupted, "provider_failing")
    person.idp.misbehaviour = Misbehaviour()
    assert person.confirm().identity is not None


def test_userinfo_about_somebody_else_is_not_believed(person: Person) -> None:
    person.idp.misbehaviour = Misbehaviour(
        omit_from_token_response=("id_token",), userinfo_claims={"sub": "5d3a-0002", "groups": ["airflow-admins"]}
    )
    person.fails(ConfirmationInterrupted, "userinfo_subject")


def test_a_group_that_is_gone_from_its_own_document_is_gone(idp: FakeIdp) -> None:
    person = Person(idp, groups=FROM_USERINFO)
    idp.misbehaviour = Misbehaviour(omit_userinfo_claims=("groups",))
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == frozenset()


def test_userinfo_that_is_configured_and_refuses_is_an_outage(idp: FakeIdp) -> None:
    person = Person(idp, groups=FROM_USERINFO)
    idp.misbehaviour = Misbehaviour(faults={"userinfo": "forbidden"})
    person.fails(ConfirmationInterrupted, "userinfo_refused")


def test_a_claim_that_was_never_there_is_not_missed(idp: FakeIdp) -> None:
    roles = GroupSource("id_token", ClaimPath(("roles",)))
    person = Person(idp, groups=(*make_settings().groups, roles))
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == {"airflow-admins"}
    assert not idp.calls("/userinfo")


def test_an_empty_list_takes_the_groups_away(person: Person) -> None:
    give_groups(person.idp)
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == frozenset()


@pytest.mark.parametrize("shape", ["null", "number", "boolean", "object"])
def test_groups_of_a_wrong_kind_are_none(person: Person, shape: str) -> None:
    person.idp.misbehaviour = Misbehaviour(groups_shape=shape)
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == frozenset()


def test_other_claims_that_were_left_out_stay(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(id_token_claims={"department": "finance"})
    person = Person(idp)
    idp.misbehaviour = Misbehaviour()
    person.confirm()
    assert person.known.claims["department"] == "finance"


def test_a_new_address_is_not_verified_because_the_old_one_was(idp: FakeIdp) -> None:
    person = Person(idp)
    assert person.known.email_verified
    idp.misbehaviour = Misbehaviour(
        id_token_claims={"email": "ceo@example.com"}, omit_id_token_claims=("email_verified",)
    )
    person.confirm()
    assert (person.known.email, person.known.email_verified) == ("ceo@example.com", False)


def test_the_same_address_stays_verified_when_a_refresh_does_not_say_so_again(idp: FakeIdp) -> None:
    person = Person(idp)
    idp.misbehaviour = Misbehaviour(omit_id_token_claims=("email_verified",))
    person.confirm()
    assert (person.known.email, person.known.email_verified) == ("ada@example.com", True)


def test_groups_of_the_access_token_follow() -> None:
    with FakeIdp(
        redirect_uris=[make_attempt().redirect_uri], client_secret=CLIENT_SECRET, groups_in=("access_token",)
    ) as idp:
        person = Person(idp, groups=FROM_ACCESS_TOKEN)
        give_groups(idp, "airflow-viewers")
        for lie in (Misbehaviour(), Misbehaviour(omit_from_token_response=("id_token",))):
            idp.misbehaviour = lie
            identity = person.confirm().identity
            assert identity is not None
            assert identity.groups == {"airflow-viewers"}


def test_a_preset_whose_refreshed_id_token_is_whole_takes_a_missing_claim_for_an_answer(idp: FakeIdp) -> None:
    person = Person(idp)
    person.provider._party.hooks = replace(preset("oidc"), whole_refreshed_id_token=True)
    idp.misbehaviour = Misbehaviour(omit_id_token_claims=("groups",))
    identity = person.confirm().identity
    assert identity is not None
    assert identity.groups == frozenset()
    assert "groups" not in identity.claims
    assert not idp.calls("/userinfo")


def test_a_preset_that_refuses_somebody_ends_the_session(idp: FakeIdp) -> None:
    def refuse(context: Any) -> None:
        if context.claims.get("hd") != "example.com":
            raise LoginRefused("identity_refused")

    idp.misbehaviour = Misbehaviour(id_token_claims={"hd": "example.com"})
    person = Person(idp)
    person.provider._party.hooks = replace(preset("oidc"), check_claims=refuse)
    person.confirm()
    idp.misbehaviour = Misbehaviour(id_token_claims={"hd": "elsewhere.example"})
    person.fails(LoginRefused, "identity_refused")


# ------------------------------------------------------------------------------------------- without a refresh token


def without_refresh_token(idp: FakeIdp, **changes: Any) -> Person:
    person = Person(idp, scopes=("openid", "profile", "email"), **changes)
    assert person.tokens.refresh_token is None
    assert person.tokens.access_token is not None
    return person


def test_the_access_token_is_kept_only_where_it_is_needed(idp: FakeIdp) -> None:
    assert Person(idp).tokens.access_token is None
    assert without_refresh_token(idp).tokens.access_token is not None


def test_userinfo_confirms_a_session_without_refresh_token(idp: FakeIdp) -> None:
    person = without_refresh_token(idp)
    give_groups(idp)
    assert person.provider.can_confirm(person.tokens)
    confirmation = person.confirm()
    assert confirmation.identity is not None
    assert confirmation.identity.groups == frozenset()
    assert confirmation.tokens == person.tokens


@pytest.mark.parametrize("how", ["disable", "unauthorized"])
def test_userinfo_that_knows_the_token_no_more_ends_the_session(idp: FakeIdp, how: str) -> None:
    person = without_refresh_token(idp)
    if how == "disable":
        idp.disable("ada")
    else:
        idp.misbehaviour = Misbehaviour(faults={"userinfo": "unauthorized"})
    person.fails(LoginRefused, "session_refused_by_provider")


@pytest.mark.parametrize(
    ("fault", "code"),
    [("forbidden", "userinfo_refused"), ("error_500", "provider_failing"), ("not_json", "provider_answer_malformed")],
)
def test_userinfo_that_fails_is_an_outage(idp: FakeIdp, fault: str, code: str) -> None:
    person = without_refresh_token(idp)
    idp.misbehaviour = Misbehaviour(faults={"userinfo": fault})
    person.fails(ProviderError, code)


def test_a_token_that_has_run_out_is_not_taken_for_a_revoked_one(idp: FakeIdp) -> None:
    person = without_refresh_token(idp)
    person.clock.now += 600
    assert not person.provider.can_confirm(person.tokens)
    person.fails(ProviderError, "confirmation_impossible")
    assert not idp.calls("/userinfo")


def test_introspection_confirms_where_there_is_no_userinfo(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(discovery={"userinfo_endpoint": None})
    person = without_refresh_token(idp)
    assert person.provider.can_confirm(person.tokens)
    assert person.confirm() == Confirmation(person.tokens, None)
    idp.disable("ada")
    person.fails(LoginRefused, "session_refused_by_provider")


@pytest.mark.parametrize(
    ("kind", "code", "lie"),
    [
        (ProtocolViolation, "refreshed_subject", {"introspection": {"sub": "5d3a-0002"}}),
        (ProviderError, "provider_answer_malformed", {"introspection": {"active": "false"}}),
        (ProviderError, "provider_answer_malformed", {"introspection": {"active": None}}),
        (ProviderError, "introspection_refused", {"faults": {"introspect": "forbidden"}}),
        (ProviderError, "provider_failing", {"faults": {"introspect": "error_503"}}),
        (ProviderError, "provider_answer_malformed", {"faults": {"introspect": "json_array"}}),
    ],
)
def test_introspection_is_read_strictly(
    idp: FakeIdp, kind: type[OidcAuthError], code: str, lie: dict[str, Any]
) -> None:
    idp.misbehaviour = Misbehaviour(discovery={"userinfo_endpoint": None})
    person = without_refresh_token(idp)
    idp.misbehaviour = Misbehaviour(**lie)
    person.fails(kind, code)


def test_where_the_idp_offers_neither_nothing_can_be_confirmed(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(discovery={"userinfo_endpoint": None, "introspection_endpoint": None})
    person = without_refresh_token(idp)
    assert not person.provider.can_confirm(person.tokens)
    person.fails(ProviderError, "confirmation_impossible")


def test_userinfo_that_is_never_to_be_asked_is_not_asked(idp: FakeIdp) -> None:
    person = without_refresh_token(idp, userinfo="never")
    assert person.confirm().identity is None
    assert not idp.calls("/userinfo")
    assert len(idp.calls("/introspect")) == 1


def test_an_unsafe_introspection_address_does_not_stop_a_sign_in(idp: FakeIdp) -> None:
    idp.misbehaviour = Misbehaviour(discovery={"introspection_endpoint": "http://idp.attacker.example/introspect"})
    assert without_refresh_token(idp).confirm().identity is not None


@pytest.mark.parametrize("stored", ["abc", "abc def", "-", "12:30 abc", "9" * 3])
def test_a_token_that_was_stored_without_its_end_is_read_as_it_is(stored: str) -> None:
    assert read_held_token(Secret(stored)) == (Secret(stored), None)


@pytest.mark.parametrize("expires_in", [None, 0, 600])
def test_a_held_token_remembers_its_end(expires_in: int | None) -> None:
    token, until = read_held_token(hold_access_token(Secret("a b"), expires_in, 1000.5))
    assert token == Secret("a b")
    assert until == (None if expires_in is None else 1000 + expires_in)


def test_a_logout_token_of_the_idp_is_read_and_another_is_not(person: Person) -> None:
    found = person.provider.read_logout_token(person.idp.logout_token("ada", sid=person.sign_in.sid or ""))
    assert (found.issuer, found.subject, found.sid) == (person.idp.issuer, "5d3a-0001", person.sign_in.sid)


@pytest.mark.parametrize(
    ("code", "lie"),
    [
        ("logout_token_signature", {"signature": "broken"}),
        ("logout_token_signature", {"signature": "tampered"}),
        ("logout_token_signature", {"signature": "foreign_key"}),
        ("logout_token_key_unknown", {"signature": "embedded_key"}),
        ("logout_token_key_unknown", {"signature": "remote_key"}),
        ("logout_token_algorithm", {"signature": "none"}),
        ("logout_token_algorithm", {"signature": "hs256_public_key"}),
        ("logout_token_algorithm", {"signature": "hs256_client_secret"}),
        ("logout_token_algorithm", {"algorithm": "ES512"}),
        ("logout_token_type", {"logout_token_header": {"typ": "at+jwt"}}),
        ("logout_token_malformed", {"logout_token_header": {"crit": ["x"]}}),
        ("logout_token_issuer", {"logout_token_claims": {"iss": "https://idp.attacker.example"}}),
        ("logout_token_audience", {"logout_token_claims": {"aud": "another-client"}}),
        ("logout_token_expired", {"logout_token_offsets": {"exp": -3600}}),
        ("logout_token_events", {"logout_token_claims": {"events": None}}),
        ("logout_token_nonce", {"logout_token_claims": {"nonce": "n"}}),
        ("logout_token_about_nobody", {"logout_token_claims": {"sub": None}}),
    ],
)
def test_a_lying_logout_token_ends_nothing(person: Person, code: str, lie: dict[str, Any]) -> None:
    person.idp.misbehaviour = Misbehaviour(**lie)
    with pytest.raises(ProtocolViolation) as caught:
        person.provider.read_logout_token(person.idp.logout_token("ada"))
    assert caught.value.code == code


def test_an_id_token_is_no_logout_token(person: Person) -> None:
    assert person.tokens.id_token is not None
    with pytest.raises(ProtocolViolation, match="logout_token_events"):
        person.provider.read_logout_token(person.tokens.id_token.reveal())


def test_an_idp_that_is_down_leaves_a_logout_token_undecided(idp: FakeIdp, provider_at: Callable[..., Any]) -> None:
    token = idp.logout_token("ada")
    idp.misbehaviour = DOWN
    with pytest.raises(ProviderError, match="provider_unreachable"):
        provider_at().read_logout_token(token)


def answer(status: int, body: str) -> Any:
    from airflow_oidc_auth.testing.loopback import Answer

    return lambda _: Answer(
        status, body.encode(), {"Content-Type": "application/json", "Location": "https://e.example"}
    )
