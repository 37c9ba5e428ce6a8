"""Airflow's user in FAB mode: the FAB user of a session, with what its roles allow now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import LoginRefused
from airflow_oidc_auth.fab.accounts import FabAccounts
from airflow_oidc_auth.fab.directory import FabAccount, FabDirectory
from airflow_oidc_auth.fab.existing_roles import read_existing_roles
from airflow_oidc_auth.fab.missing_roles import missing_roles
from airflow_oidc_auth.fab.settings import FabSettings
from airflow_oidc_auth.grants.rules import GrantRules
from airflow_oidc_auth.managers.user import SessionUser
from airflow_oidc_auth.policy.decision import Decision, Question
from airflow_oidc_auth.sessions.session import BEARER, CLI, EXCHANGED, Session

log = logging.getLogger(__name__)


class OidcFabUser(SessionUser):
    """A signed-in FAB user; id and name are FAB's, as Airflow and its plugins know them."""

    __slots__ = ("account",)

    def __init__(self, session: Session, account: FabAccount) -> None:
        super().__init__(session, account.permissions)
        self.account = account

    @property
    def id(self) -> int:
        """Return the id in ``ab_user``."""
        return self.account.user_id

    @property
    def username(self) -> str:
        """Return the name in ``ab_user``."""
        return self.account.username

    @property
    def perms(self) -> frozenset[tuple[str, str]]:
        """Return pairs of FAB's actions and resources, for plugins that look at them."""
        return self.permissions.custom

    def get_id(self) -> str:
        """Return the id in ``ab_user``, as FAB's own user does."""
        return str(self.account.user_id)

    def get_name(self) -> str:
        """Return the FAB user name, which Airflow writes as ``owner``."""
        return self.account.username

    def get_display_name(self) -> str:
        """Return first and last name."""
        return f"{self.account.first_name} {self.account.last_name}".strip() or self.account.username


class FabAdmission:
    """Admit a live session whose identity has an active FAB user."""

    def __init__(
        self, directory: FabDirectory, accounts: FabAccounts, settings: FabSettings, settle: Callable[[Session], None]
    ) -> None:
        """:param settle: makes the FAB user of an identity that has none, as a sign-in does"""
        self._directory = directory
        self._accounts = accounts
        self._settle = settle
        self._settings = settings
        self._rules: GrantRules | None = None
        self._bound: frozenset[str] = frozenset()

    def accept(self, config: CompiledConfig) -> None:
        """Let the accounts follow the document; a reload also looks again for roles that FAB does not have."""
        self._accounts.settings = replace(self._settings, keep_assigned_roles=config.keep_assigned_roles)
        first, self._rules = self._rules is None, config.grants
        self._bound = config.grants.bound_roles()
        if not first:
            self._warn_of_missing_roles()

    def start(self) -> None:
        """Begin to watch FAB's tables."""
        self._directory.start()
        self._warn_of_missing_roles()

    def stop(self) -> None:
        """Stop watching."""
        self._directory.stop()

    def peek(self, session: Session) -> OidcFabUser | None:
        """Return the user as far as memory tells."""
        return _admit(session, self._peek(session))

    def load(self, session: Session) -> OidcFabUser | None:
        """Return the user, asking the database."""
        if _acts_by_its_rules(session):
            found = self._directory.load_acting(session.principal_id, session.grant.roles)
            return _admit(session, found if found is not None and found.roles else None)
        account = self._directory.load(session.principal_id, self._withheld(session))
        if account is None or not _is_narrowed(session):
            return _admit(session, account)
        # Only now it is known which roles there are to leave out.
        return _admit(session, self._directory.load(session.principal_id, self._withheld(session, account)))

    def enroll(self, session: Session) -> OidcFabUser:
        """Return the FAB user of an identity provider's token, with what FAB allows to the roles of its rules.

        One who is seen for the first time gets a FAB user, as by a sign-in.

        :raises LoginRefused: ``fab_user_inactive``, ``fab_registration_closed`` or ``fab_role_missing``
        """
        principal, roles = session.principal_id, session.grant.roles
        account = self._directory.load_acting(principal, roles)
        if account is None:
            self._settle(session)
            self._directory.forget(principal)
            account = self._directory.load_acting(principal, roles)
        if account is None:
            raise LoginRefused("fab_user_inactive", f"principal {principal} has no active FAB user")
        if not account.roles:
            raise LoginRefused("fab_role_missing", f"no mapped role exists in FAB: {list(roles)!r}")
        return OidcFabUser(session, account)

    def roles(self, session: Session) -> tuple[str, ...]:
        """Return the roles that the FAB user has now."""
        account = self._peek(session)
        return account.roles if account is not None else ()

    def explain(self, session: Session, question: Question) -> Decision | None:
        """Tell nothing: FAB's pages show which permissions a role has."""
        return None

    def name_of_asset(self, asset_id: str) -> str | None:
        """Return nothing: FAB's permissions are for all assets."""
        return None

    @property
    def untold_team(self) -> str | None:
        """Return nothing: FAB's permissions know no teams."""
        return None

    def _peek(self, session: Session) -> FabAccount | None:
        directory, principal = self._directory, session.principal_id
        if _acts_by_its_rules(session):
            account = directory.peek_acting(principal, session.grant.roles)
            return account if account is not None and account.roles else None
        if not _is_narrowed(session):
            return directory.peek(principal, self._withheld(session))
        account = directory.peek(principal)
        return None if account is None else directory.peek(principal, self._withheld(session, account))

    def health(self) -> Mapping[str, object]:
        """Tell how fresh the knowledge of FAB's users and roles is."""
        return {"fab_stale_for": round(self._directory.stale_for(), 1)}

    def _withheld(self, session: Session, narrowed: FabAccount | None = None) -> frozenset[str]:
        """Return roles of the FAB user that this session did not authenticate for; another one of the person may have.

        A session that began before its person, or the document, had such a rule does not know of it.

        :param narrowed: the account, where the session is a token that was narrowed to some of its roles
        """
        grant = session.grant
        missing = self._bound.difference(grant.roles)
        if narrowed is not None:
            missing |= frozenset(narrowed.roles).difference(grant.roles)
        return missing | grant.withheld if grant.step_ups else missing

    def _warn_of_missing_roles(self) -> None:
        """Say what a sign-in would have to leave out; a refusal to start could not be mended in FAB's pages."""
        if self._rules is None:
            return
        existing = read_existing_roles()
        if existing is None:
            log.warning("FAB's roles cannot be read now: they were not compared with the rules")
            return
        for problem in missing_roles(self._rules, existing):
            log.error("%s", problem)


def _acts_by_its_rules(session: Session) -> bool:
    """Tell whether a session has the roles of its own Grant whatever roles the FAB user has.

    So has an identity provider's token, which no sign-in comes before, and a token that was made from one.
    """
    made_from_one = session.kind in (EXCHANGED, CLI) and session.parent is None and session.scope is not None
    return session.kind == BEARER or made_from_one


def _is_narrowed(session: Session) -> bool:
    """Tell whether a token has less than its owner: a scope was asked for, or the rules give an actor less."""
    return session.scope is not None or bool(session.actors)


def _admit(session: Session, account: FabAccount | None) -> OidcFabUser | None:
    return OidcFabUser(session, account) if account is not None and account.active else None
