"""One object per login attempt: everything the callback is checked against."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_oidc_auth.secret import Secret


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """A sign-in that has begun.

    :param provider: id of the provider it was begun with
    :param state: RFC 6749 §10.12 / RFC 9700 §4.7, at least 128 random bits
    :param nonce: OIDC Core §3.1.2.1
    :param code_verifier: RFC 7636 §4.1
    :param redirect_uri: absolute; sent with both requests
    :param next_url: where the person wanted to go, judged safe before
    :param started_at: epoch seconds
    :param correlation_id: joins pages, audit rows and log lines
    :param other_account: the person asked for another account: the IdP must not answer from its own session
        (``prompt=login``, OIDC Core §3.1.2.1, or ``select_account`` where the preset says so)
    :param max_age: seconds since the person authenticated, at most (OIDC Core §3.1.2.1); whoever checks the answer
        knows this from the configuration
    :param reauthenticate: the person must authenticate anew, whatever session the IdP has (``prompt=login``)
    :param acr_values: authentication contexts that would do, for a step-up (OIDC Core §3.1.2.1, RFC 9470)
    :param same_person: local subject id of whoever steps up; nobody else may come back
    """

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: Secret
    redirect_uri: str
    next_url: str
    started_at: int
    correlation_id: str
    other_account: bool = False
    max_age: int | None = None
    reauthenticate: bool = False
    acr_values: tuple[str, ...] = ()
    same_person: str | None = None
