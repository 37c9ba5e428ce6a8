"""What the times in a file of claims would mean for a token that has them; the rules are asked all the same."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_oidc_auth.cli.claims_file import Claims
from airflow_oidc_auth.cli.explanation import describe_time

_FIRST, _LAST = 0, 253_402_300_799  # what a calendar shows


def note_times(claims: Claims, now: float, leeway: int, *, for_api: bool) -> Iterator[str]:
    """Say that the token would be refused for its age; a claim that is not there says nothing.

    :param now: epoch seconds
    :param for_api: they are an access token's
    """
    kind, door = ("token", "the REST API refuses it") if for_api else ("id_token", "a sign-in with it is refused")
    exp = _moment(claims, "exp")
    if exp is not None and now >= exp + leeway:
        yield f"exp: it ended on {describe_time(exp)}, so {door} ({kind}_expired). The rules were asked all the same."
    begins = max((each for name in ("iat", "nbf") if (each := _moment(claims, name)) is not None), default=None)
    if begins is not None and now < begins - leeway:
        yield f"iat, nbf: it begins on {describe_time(begins)}, so {door} until then ({kind}_not_yet_valid)."


def _moment(claims: Claims, name: str) -> int | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _FIRST <= value <= _LAST:
        return None
    return int(value)
