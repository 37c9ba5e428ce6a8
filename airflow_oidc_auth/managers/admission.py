"""From a live session to Airflow's user: what the two auth managers answer differently."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Protocol

from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.errors import SessionError
from airflow_oidc_auth.grants.scopes import placed_roles
from airflow_oidc_auth.managers.asset_names import AssetNames, AssetRows
from airflow_oidc_auth.managers.dag_facts import DagFactsIndex
from airflow_oidc_auth.managers.dag_rows import DagRows
from airflow_oidc_auth.managers.teams import is_multi_team
from airflow_oidc_auth.managers.user import OidcUser, SessionUser
from airflow_oidc_auth.policy.compile import Policy
from airflow_oidc_auth.policy.decision import Decision, Question, explain_decision
from airflow_oidc_auth.policy.name_rules import UNTOLD_TEAM
from airflow_oidc_auth.sessions.session import Session

log = logging.getLogger(__name__)


class Admission(Protocol):
    """Say who the principal of a live session is to Airflow, now."""

    def accept(self, config: CompiledConfig) -> None:
        """Follow a configuration: the first, and each that a hot reload brings."""

    def start(self) -> None:
        """Begin background threads, after any fork."""

    def stop(self) -> None:
        """End them."""

    def peek(self, session: Session) -> SessionUser | None:
        """Return the user as far as memory tells; None if it does not."""

    def load(self, session: Session) -> SessionUser | None:
        """Return the user, asking the database; None for one who is not admitted.

        :raises SessionError: the database cannot be read
        """

    def enroll(self, session: Session) -> SessionUser:
        """Return the user of an identity provider's own token, asking the database; one never seen gets an account.

        :raises LoginRefused: not admitted
        :raises SessionError: the database cannot be read
        """

    def roles(self, session: Session) -> tuple[str, ...]:
        """Return the roles that count now for a session that was admitted; memory only."""

    def explain(self, session: Session, question: Question) -> Decision | None:
        """Return what decides a question, None where nobody here can tell; memory only."""

    def name_of_asset(self, asset_id: str) -> str | None:
        """Return the name that rules know an asset by; None where they know none, or not this one. Memory only."""

    @property
    def untold_team(self) -> str | None:
        """Return what stands for the team of things whose team Airflow does not tell; None where it does not matter."""

    def health(self) -> Mapping[str, object]:
        """Return what the health page adds."""


class PolicyAdmission:
    """Admit every live session, with the permissions that the configuration gives to the roles of its Grant.

    :param index: what rules select DAGs by; read while the policy needs it
    """

    def __init__(self, index: DagFactsIndex | None = None) -> None:
        self._index = index if index is not None else DagFactsIndex(DagRows())
        self._assets = AssetNames(AssetRows())
        self._policy = Policy({}, self._index)
        # What questions would have to wait for is worked out where the DAGs are read.
        self._index.on_change = self._prepare
        self._started = False
        self.untold_team: str | None = None

    def accept(self, config: CompiledConfig) -> None:
        """Compile the custom roles anew; blocks after :meth:`start`, where a rule needs what nobody has read."""
        policy = Policy(config.roles, self._index, access_control=config.dag_access_control)
        by_team = any(rule.settings.teams for rule in config.grants.rules)
        self._index.follow(needed=policy.needs_index or by_team, access_control=config.dag_access_control)
        self._assets.needed = policy.asset_names_matter
        if self._started:
            self._know(policy)
        self._policy = policy
        # Airflow tells whose a connection is only where it has teams: what a denial by team could mean is closed.
        self.untold_team = UNTOLD_TEAM if policy.denies_by_team and not is_multi_team() else None

    def start(self) -> None:
        """Read what rules select DAGs by, and go on reading. Blocks, before anybody is answered."""
        if not self._started:
            self._started = True
            self._know(self._policy)
        self._index.start()
        self._assets.start()

    def stop(self) -> None:
        """End that."""
        self._started = False
        self._index.stop()
        self._assets.stop()

    def peek(self, session: Session) -> OidcUser:
        """Return the user."""
        self._index.forget_old()
        return OidcUser(session, self._policy.permissions(*placed_roles(session.grant)))

    def load(self, session: Session) -> OidcUser:
        """Return the user."""
        return self.peek(session)

    def enroll(self, session: Session) -> OidcUser:
        """Return the user."""
        return self.peek(session)

    def roles(self, session: Session) -> tuple[str, ...]:
        """Return the roles of the sign-in."""
        return session.grant.roles

    def explain(self, session: Session, question: Question) -> Decision:
        """Return the line of the document that decides, or that nothing does."""
        return explain_decision(self._policy, *placed_roles(session.grant), question)

    def health(self) -> Mapping[str, object]:
        """Tell how old the knowledge of DAGs is, where rules select them by more than their ids."""
        stale_for = self._index.stale_for()
        return {} if stale_for is None else {"dags_read_ago": round(stale_for, 1)}

    def name_of_asset(self, asset_id: str) -> str | None:
        """Return the name that rules know an asset by, as far as memory tells."""
        return self._assets.name_of(asset_id)

    def _prepare(self) -> None:
        self._policy.prepare()

    def _know(self, policy: Policy) -> None:
        """Read before a policy counts: of a DAG that nobody knows, no tag allows anything and every one may deny."""
        try:
            self._index.look()
            self._assets.look()
        except SessionError as error:
            log.warning("the DAGs cannot be read now, rules that select them open nothing new: %s", error)
        policy.prepare()
