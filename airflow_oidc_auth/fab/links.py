"""Which FAB user an identity is: an administrator's explicit act, or a first sign-in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session as Transaction

from airflow_oidc_auth.audit.event import AuditRecord


@dataclass(frozen=True, slots=True)
class FabLink:
    """One identity and its FAB user.

    :param username: None when the FAB user was deleted; the link then gives nothing to anybody
    :param linked_at: epoch seconds
    :param linked_by: ``sign-in`` or who ran ``airflow oidc link``
    """

    principal_id: str
    issuer: str
    subject: str
    user_id: int
    username: str | None
    linked_at: int
    linked_by: str


def link(transaction: Transaction, user: str | int, issuer: str, subject: str, *, by: str, now: int) -> FabLink:
    """Let an existing FAB user be the account of an identity; the caller commits.

    :param user: exact user name, or the id of the FAB user
    :param by: who does it, for the table and the audit
    :param now: epoch seconds
    :raises OidcAuthError: ``fab_user_unknown``, ``fab_already_linked``
    :raises SessionError: ``identity_not_storable``
    """
    raise NotImplementedError


def unlink(transaction: Transaction, user: str | int) -> FabLink:
    """Take the identity away from a FAB user; its sessions end when the directory next polls.

    :raises OidcAuthError: ``fab_user_unknown``, ``fab_not_linked``
    """
    raise NotImplementedError


def unlink_identity(transaction: Transaction, issuer: str, subject: str) -> FabLink:
    """Take the FAB user away from an identity, whether the user still exists or not.

    :raises OidcAuthError: ``fab_not_linked``
    """
    raise NotImplementedError


def find_links(transaction: Transaction) -> tuple[FabLink, ...]:
    """Return every link, by user name."""
    raise NotImplementedError


def build_linked(linked: FabLink, *, by: str, correlation_id: str) -> AuditRecord:
    """Return the row of :func:`link`. In one transaction: ``AirflowLogSink(lambda: nullcontext(transaction)).write``."""
    raise NotImplementedError


def build_unlinked(unlinked: FabLink, *, by: str, correlation_id: str) -> AuditRecord:
    """Return the row of :func:`unlink`."""
    raise NotImplementedError
