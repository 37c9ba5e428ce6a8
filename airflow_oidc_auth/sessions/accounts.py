"""The accounts of another system that a sign-in keeps in step, in the transaction that opens the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.grants.grant import Grant
from airflow_oidc_auth.providers.provider import SignIn


@dataclass(frozen=True, slots=True)
class Settled:
    """What the account made of a sign-in.

    :param grant: what the session holds instead of what the rules gave; never empty of roles
    :param previous_roles: the account's roles before, None when it was just made
    :param notes: facts for the audit's detail
    :param name: what Airflow calls the account, so that our audit rows name people as Airflow's own rows do; empty
        for the identity's name
    """

    grant: Grant
    previous_roles: tuple[str, ...] | None
    notes: tuple[tuple[str, str | int], ...] = ()
    name: str = ""


class Accounts(Protocol):
    """Where the account of an identity lives beside our own tables; FAB's users are one."""

    def settle(
        self,
        transaction: Transaction,
        principal_id: str,
        sign_in: SignIn,
        grant: Grant,
        *,
        now: int,
        signing_in: bool = True,
        session_id: str | None = None,
    ) -> Settled:
        """Find or make the account and give it the roles of the Grant.

        The principal's row exists and is locked by this transaction. What is raised undoes all of the sign-in. It may
        run again when the transaction met another one.

        :param now: epoch seconds
        :param signing_in: False for a re-check of a session: no account is made, and nobody has signed in
        :param session_id: of the session whose Grant it is, if there is one already
        :raises LoginRefused: no session for this person
        """
        ...

    def withdraw(self, transaction: Transaction, principal_id: str) -> tuple[str, ...]:
        """Take from the account what earlier sign-ins gave, because the rules now give nothing; return what went."""
        ...
