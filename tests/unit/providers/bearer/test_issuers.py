"""Who judges a token is chosen by what it says of itself; who is chosen believes nothing of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_oidc_auth.errors import TokenRefused
from airflow_oidc_auth.messages import machines
from airflow_oidc_auth.providers.bearer import BearerIssuers, build_bearer_issuers
from airflow_oidc_auth.providers.settings import CliSettings, ProviderSettings
from tests.unit.providers.bearer.tokens import API, Documents, access_token, api_settings, raw_token
from tests.unit.providers.making import ISSUER, Clock, make_settings

OTHER = "https://other.example"


def issuers_of(*settings: ProviderSettings) -> BearerIssuers:
    return build_bearer_issuers(settings, {each.id: Documents(each.issuer) for each in settings}, Clock())


def chosen(issuers: BearerIssuers, token: str) -> str | None:
    found = issuers.of_token(token)
    return found.provider if found else None


def test_the_issuer_and_its_other_spellings_choose() -> None:
    first = make_settings(id="first", api=api_settings(), issuer_aliases=("idp.example",))
    second = make_settings(id="second", issuer=OTHER, api=api_settings())
    issuers = issuers_of(first, second)
    assert chosen(issuers, access_token()) == "first"
    assert chosen(issuers, access_token(iss="idp.example")) == "first"
    assert chosen(issuers, access_token(iss=OTHER)) == "second"


@pytest.mark.parametrize("iss", [..., None, "", ISSUER + "/", ISSUER.upper(), [ISSUER], {"a": 1}, 7, "airflow"])
def test_what_is_of_no_issuer_is_left_to_airflow(iss: object) -> None:
    assert chosen(issuers_of(make_settings(api=api_settings())), access_token(iss=iss)) is None


def test_without_issuers_not_even_a_broken_token_is_ours() -> None:
    assert issuers_of().of_token("x" * 100_000) is None
    assert issuers_of(make_settings()).of_token(access_token()) is None


def test_one_issuer_for_people_and_for_jobs_is_told_apart_by_the_audience() -> None:
    people = make_settings(id="people", api=api_settings())
    jobs = make_settings(id="jobs", preset="gitlab-ci", api=api_settings(audiences=("https://jobs.example",)))
    issuers = issuers_of(people, jobs)
    assert chosen(issuers, access_token()) == "people"
    assert chosen(issuers, access_token(aud="https://jobs.example")) == "jobs"
    assert chosen(issuers, access_token(aud=["x", "https://jobs.example"])) == "jobs"
    assert chosen(issuers, access_token(aud="https://nobody.example")) == "people"  # who will refuse it
    assert chosen(issuers, access_token(aud={"a": 1})) == "people"


def test_choosing_believes_nothing() -> None:
    """A token that names another issuer's audience is judged, and refused, by the keys of the one that it names."""
    forged = access_token(iss=OTHER)
    issuers = issuers_of(
        make_settings(id="first", api=api_settings()), make_settings(id="second", issuer=OTHER, api=api_settings())
    )
    second = issuers.get("second")
    assert second is not None
    second.party.transport.keys = []  # type: ignore[attr-defined]
    assert issuers.of_token(forged) is second
    with pytest.raises(TokenRefused) as refused:
        second.verify(forged)
    assert refused.value.code == "token_key_unknown"


def test_a_provider_for_the_command_line_alone_takes_no_access_tokens() -> None:
    issuers = issuers_of(make_settings(cli=CliSettings("airflow-cli")))
    assert issuers.of_token(access_token()) is None
    issuer = issuers.get("fake")
    assert issuer is not None
    with pytest.raises(TokenRefused) as refused:
        issuer.verify(access_token())
    assert refused.value.code == "token_audience"


def test_what_nobody_would_believe_is_refused_before_anybody_is_chosen() -> None:
    issuers = issuers_of(make_settings(api=api_settings()))
    for token, code in ((raw_token('{"a":1,"a":2}', "{}"), "token_malformed"), ("x" * 40_000, "token_too_large")):
        with pytest.raises(TokenRefused) as refused:
            issuers.of_token(token)
        assert refused.value.code == code


def test_a_token_that_was_chosen_for_is_not_mixed_up_with_the_next() -> None:
    """The parse that chose is used again for this very token only, also when requests overtake each other."""
    issuers = issuers_of(make_settings(api=api_settings()))
    first, second = access_token(sub="first"), access_token(sub="second")
    issuer = issuers.of_token(first)
    assert issuer is not None
    issuer.verify(first)
    issuers.of_token(first)
    issuers.of_token(second)
    for token, subject in ((first, "first"), (second, "second"), (first, "first")):
        found = issuer.verify_known(token)
        assert found is not None
        assert found.identity.subject == subject
    assert issuers._parser._kept is None


def test_the_first_that_takes_opaque_tokens_is_asked_and_no_other() -> None:
    first = make_settings(id="first", api=api_settings(opaque=True))
    second = replace(first, id="second", issuer=OTHER)
    assert chosen(issuers_of(make_settings(id="none", api=api_settings()), first, second), "opaque") == "first"


def test_every_refusal_is_a_header_that_any_client_can_read() -> None:
    for code in (each for each in machines.MESSAGES if each.startswith(("token_", "dpop_"))):
        error = TokenRefused(code, 'detail "with quotes"')
        header = error.www_authenticate
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 6
        assert "\\" not in header
        assert f'error="{error.error}"' in header
        assert "detail" not in header
        assert error.status in {400, 401, 403, 503}
    assert TokenRefused("token_scope").error == "insufficient_scope"
    assert TokenRefused("dpop_time").www_authenticate.startswith('DPoP realm="airflow", error="invalid_dpop_proof"')
    assert TokenRefused("token_audience").www_authenticate.startswith('Bearer realm="airflow", error="invalid_token"')
    assert API not in TokenRefused("token_audience").www_authenticate
