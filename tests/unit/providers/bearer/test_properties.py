"""Whatever is sent: a typed refusal or the truth, and the truth only for what was signed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.providers.bearer import BearerToken
from airflow_oidc_auth.providers.bearer.claims import check_access_token
from airflow_oidc_auth.providers.bearer.shapes import token_shape
from tests.unit.providers.bearer.tokens import API, Rig, access_token, api_settings, claims
from tests.unit.providers.making import NOW, encode, sign

RIG = Rig()
GOOD = access_token()
RIG.issuer.verify(GOOD)
BELIEVED = RIG.issuer.verify(GOOD)

many = settings(deadline=None)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "azp", "scope", "scp", "act", "cnf", "groups")
MORE_NAMES = ("name", "email", "email_verified", "typ", "token_use", "nonce", "_claim_names", "hasgroups")


def verify(token: str) -> BearerToken | None:
    """Return what both ways say, None for a refusal; anything else than a typed refusal fails the test."""
    try:
        RIG.issuers.of_token(token)
        slow = RIG.issuer.verify(token)
    except TokenRefused:
        return None
    assert RIG.issuer.verify_known(token) == slow
    return slow


@many
@given(st.text(max_size=300))
def test_no_text_is_believed_or_breaks_anything(text: str) -> None:
    assert verify(text) is None
    assert verify("eyJ" + text) is None
    assert verify(f"eyJ{text}.{text}.{text}") is None


@many
@given(st.integers(0, len(GOOD) - 1), st.characters(codec="utf-8"))
def test_no_token_with_one_character_changed_is_believed(position: int, character: str) -> None:
    changed = GOOD[:position] + character + GOOD[position + 1 :]
    assert (verify(changed) is not None) is (changed == GOOD)


@many
@given(st.integers(0, len(GOOD)), st.integers(0, len(GOOD)))
def test_no_part_of_a_token_is_believed(start: int, end: int) -> None:
    part = GOOD[start:end]
    assert (verify(part) is not None) is (part == GOOD)


@many
@given(st.dictionaries(st.sampled_from(NAMES + MORE_NAMES), JSON, min_size=1, max_size=3))
def test_no_signed_claim_of_any_shape_breaks_anything(changes: dict[str, Any]) -> None:
    found = verify(sign(claims(**changes), "ES256", header={"typ": "at+jwt", "kid": "k2"}))
    if found is not None:
        aud = changes.get("aud", API)
        assert aud == API or API in aud
        assert found.identity.subject == changes.get("sub", "5d3a-0001")
        assert all(isinstance(group, str) for group in found.identity.groups)


@many
@given(st.dictionaries(st.sampled_from(["typ", "alg", "kid", "crit", "jwk", "jku", "x5c", "b64", "zip", "enc"]), JSON))
def test_no_header_of_any_shape_breaks_anything(header: dict[str, Any]) -> None:
    _, payload, signature = GOOD.split(".")
    assert verify(f"{encode({'alg': 'RS256', 'kid': 'k1', **header})}.{payload}.{signature}") is None


@many
@given(st.floats(-(10**6), 10**6), st.floats(-(10**6), 10**6), st.none() | st.floats(-(10**6), 10**6))
def test_a_token_is_believed_only_between_its_times(iat: float, exp: float, nbf: float | None) -> None:
    said = claims(iat=NOW + iat, exp=NOW + exp, **({} if nbf is None else {"nbf": NOW + nbf}))
    try:
        check_access_token(said, api_settings(), token_shape("oidc"), NOW, 60)
    except Exception:  # noqa: BLE001 -- any refusal; which one is the table's business
        believed = False
    else:
        believed = True
    allowed = exp + 60 > 0 and iat - 60 <= 0 and (nbf is None or nbf - 60 <= 0) and exp - iat <= 86_400
    # Adding a float to an epoch rounds: at the very edge both answers are right.
    edge = min(abs(exp + 60), abs(iat - 60), abs((nbf or 0) - 60), abs(exp - iat - 86_400)) < 1e-3
    assert edge or believed is allowed


@many
@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_taking_a_group_out_of_the_token_never_adds_one(first: set[str], second: set[str]) -> None:
    both, one = (verify(sign(claims(groups=sorted(groups)), "ES256", header={"typ": "at+jwt", "kid": "k2"}))
                 for groups in (first | second, first))  # fmt: skip
    assert both is not None
    assert one is not None
    assert one.identity.groups <= both.identity.groups
