"""A sign-in that is to be stronger or fresher than the last one, for the roles of one rule (RFC 9470)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_oidc_auth.grants.needs import Needs
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.attempt import LoginAttempt
from airflow_oidc_auth.sessions.principal import principal_id


@dataclass(frozen=True, slots=True)
class StepUpWish:
    """Somebody asks for the step-up of a rule.

    :param rule: its name
    :param principal_id: whose session it is to be; None where there is none yet
    """

    rule: str
    principal_id: str | None = None


def ask_for(attempt: LoginAttempt, needs: Needs | None, principal: str | None) -> LoginAttempt:
    """Return the attempt, asking for what a rule needs.

    ``prompt=login`` stands beside ``max_age``, which some IdPs ignore, and is the only way to a method (amr): there
    is no parameter for one.
    """
    if needs is None:
        return replace(attempt, same_person=principal)
    ages = [age for age in (attempt.max_age, needs.within) if age is not None]
    return replace(
        attempt,
        max_age=min(ages, default=None),
        reauthenticate=attempt.reauthenticate or needs.within is not None or bool(needs.amr),
        acr_values=needs.acr,
        same_person=principal,
    )


def is_somebody_else(attempt: LoginAttempt, identity: Identity) -> bool:
    """Tell whether another person than the one who steps up came back."""
    return attempt.same_person is not None and attempt.same_person != principal_id(identity.issuer, identity.subject)
