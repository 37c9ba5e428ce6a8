"""The account of somebody who has no row in the sessions' table: the owner of an identity provider's own token."""

from __future__ import annotations

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.providers.provider import SignIn
from airflow_oidc_auth.sessions.accounts import Accounts
from airflow_oidc_auth.sessions.database import airflow_transactions
from airflow_oidc_auth.sessions.principals_table import store_principal
from airflow_oidc_auth.sessions.rows import check_storable
from airflow_oidc_auth.sessions.session import Session
from airflow_oidc_auth.sessions.transactions import TransactionRunner, Transactions


class AccountOnly:
    """Settle an account as a sign-in does, without a session; blocks.

    :param transactions: opens a transaction that commits on success
    """

    def __init__(self, accounts: Accounts, *, transactions: Transactions = airflow_transactions) -> None:
        self._accounts = accounts
        self._runner = TransactionRunner(transactions)

    def settle(self, session: Session) -> None:
        """Make the account of the session's principal and give it the roles of its Grant.

        :raises LoginRefused: the account may not sign in
        :raises SessionError: ``session_store_unavailable``, ``identity_not_storable`` or ``principal_conflict``
        """
        identity = Identity(session.provider, session.issuer, session.subject, session.name, session.email)
        check_storable(identity)

        def work(transaction: Transaction) -> None:
            # Holds the principal's row: two first requests at the same moment must not make two accounts.
            store_principal(transaction, session)
            self._accounts.settle(
                transaction, session.principal_id, SignIn(identity), session.grant, now=session.created_at
            )

        self._runner.run(work)
