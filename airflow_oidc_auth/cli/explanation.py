"""Who gets which roles and why, as text and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from airflow_oidc_auth.cli.command import ExitCode
from airflow_oidc_auth.cli.rights import Where, rights_data, rights_text
from airflow_oidc_auth.cli.standing import describe_roles
from airflow_oidc_auth.cli.text import INDENT, section, table
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.grants.delegation import PATH as DELEGATED
from airflow_oidc_auth.grants.grant import Evaluation, Grant, Refusal, RuleTrace
from airflow_oidc_auth.grants.scopes import TeamRole, scoped_roles
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.messages import message
from airflow_oidc_auth.messages.machines import told_to_program
from airflow_oidc_auth.policy.overview import Overview
from airflow_oidc_auth.policy.words import is_denials
from airflow_oidc_auth.providers.settings import ProviderSettings

_GROUPS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision about one identity.

    :param provider_refusal: why the provider would have refused before any rule was asked, or None
    :param provider_code: of that refusal
    :param for_api: the REST API would answer, not a sign-in
    :param rights: of the roles, where the configuration alone says them
    :param where: file and line of a place in the document
    """

    settings: ProviderSettings
    identity: Identity
    evaluation: Evaluation
    rights: Overview
    where: Where
    provider_refusal: str | None = None
    provider_code: str = "identity_refused"
    for_api: bool = False
    notes: tuple[str, ...] = ()
    list_permissions: bool = False

    @property
    def grant(self) -> Grant | None:
        """What is given, None where the sign-in would be refused."""
        decision = self.evaluation.decision
        return decision if isinstance(decision, Grant) and self.provider_refusal is None else None

    @property
    def exit_code(self) -> ExitCode:
        """Denied is an answer of its own."""
        return ExitCode.OK if self.grant else ExitCode.DENIED

    def text(self) -> list[str]:
        """Identity, requirements, rules, result: in the order in which they are asked."""
        requirements, rules = self._traces()
        return [
            *section("Identity", table(self._identity_rows())),
            *section("Notes", table([(note,) for note in self.notes])),
            *section("Requirements (all must hold)", table([_trace_row(t, "holds", "FAILS") for t in requirements])),
            *section("Rules (roles add up)", table([self._rule_row(t) for t in rules])),
            *section("On behalf of somebody", table([_trace_row(t, "capped", "REFUSED") for t in self._caps()])),
            *(rights_text(self.rights, self.where) if self.list_permissions else []),
            *section("Result", self._result()),
        ]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        requirements, rules = self._traces()
        grant = self.grant
        return {
            "granted": grant is not None,
            "roles": list(grant.roles) if grant else [],
            "teams": list(grant.teams) if grant else [],
            "refusal": None if grant else self._refusal_data(),
            "identity": self._identity_data(),
            "requirements": [_trace_data(trace) for trace in requirements],
            "rules": [{**_trace_data(trace), "step_up": _step_up_data(trace)} for trace in rules],
            "delegation": [_trace_data(trace) for trace in self._caps()],
            "until": _iso(grant.until) if grant and grant.until is not None else None,
            "notes": list(self.notes),
            "team_roles": [{"team": team, "role": role} for team, role in self._team_roles()],
            "permissions": rights_data(self.rights, self.where),
        }

    def _team_roles(self) -> tuple[TeamRole, ...]:
        given = scoped_roles(self.grant)[1] if self.grant else ()
        return tuple((team, role) for team, role in given if not is_denials(role))

    def _traces(self) -> tuple[list[RuleTrace], list[RuleTrace]]:
        trace = self.evaluation.trace
        required = [each for each in trace if each.path.startswith("grants.require")]
        caps = self._caps()
        return required, [each for each in trace if each not in required and each not in caps]

    def _caps(self) -> list[RuleTrace]:
        return [each for each in self.evaluation.trace if each.path == DELEGATED]

    def _rule_row(self, trace: RuleTrace) -> tuple[str, str, str]:
        word, name, because = _trace_row(trace, "match", "-")
        matches = self.grant.matches if self.grant else ()
        gives = [f"→ {', '.join(match.roles)}{_until(match.until)}" for match in matches if match.path == trace.path]
        if trace.step_up is None:
            return word, name, "\n".join([because, *gives])
        return "step-up", name, f"{because}\n→ {', '.join(trace.step_up.roles)}, after authenticating so"

    def _identity_rows(self) -> list[tuple[str, str]]:
        identity = self.identity
        verified = "verified" if identity.email_verified else "not verified"
        groups = sorted(identity.groups)
        shown = "\n".join(groups[:_GROUPS_SHOWN]) or "none"
        more = f"\n… and {len(groups) - _GROUPS_SHOWN} more" if len(groups) > _GROUPS_SHOWN else ""
        return [
            ("provider", f"{identity.provider} ({self.settings.label})"),
            ("issuer", identity.issuer),
            ("subject", identity.subject),
            ("name", identity.name),
            ("e-mail", f"{identity.email} ({verified})" if identity.email else "none"),
            ("groups", shown + more),
            *([("client", identity.client_id)] if identity.client_id else []),
            *([("acting for them", " for ".join(identity.actors))] if identity.delegated else []),
            *([("authenticated", described)] if (described := _describe_authentication(identity)) else []),
        ]

    def _identity_data(self) -> dict[str, object]:
        identity = self.identity
        return {
            "provider": identity.provider,
            "issuer": identity.issuer,
            "subject": identity.subject,
            "name": identity.name,
            "email": identity.email,
            "email_verified": identity.email_verified,
            "groups": sorted(identity.groups),
            "client_id": identity.client_id,
            "actors": list(identity.actors),
        }

    def _result(self) -> list[str]:
        if grant := self.grant:
            teams = [("teams", ", ".join(grant.teams))] if grant.teams else []
            return table([("roles", describe_roles(*scoped_roles(grant))), *teams])
        refusal = self._refusal_data()
        return [f"{INDENT}REFUSED ({refusal['code']})", *table([(str(refusal["text"]),)])]

    def _refusal_data(self) -> dict[str, str]:
        if self.provider_refusal is not None:
            return {"code": self.provider_code, "text": self.provider_refusal, "path": ""}
        decision = self.evaluation.decision
        if not isinstance(decision, Refusal):
            raise OidcAuthError("internal_error", "a grant was taken for a refusal")
        code = told_to_program(decision.code) if self.for_api else decision.code
        return {"code": code, "text": decision.text or message(code).text, "path": decision.path}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _describe_authentication(identity: Identity) -> str:
    known = identity.authentication
    if known is None:
        return ""
    told = [f"acr {known.acr!r}"] if known.acr else []
    told += [f"amr {', '.join(sorted(known.amr))}"] if known.amr else []
    told += [describe_time(known.at)] if known.at is not None else []
    return "; ".join(told)


def _until(until: int | None) -> str:
    return f" until {describe_time(until)}" if until is not None else ""


def describe_time(at: int) -> str:
    """Return a time for people, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _step_up_data(trace: RuleTrace) -> dict[str, object] | None:
    if trace.step_up is None:
        return None
    needs = trace.step_up.needs
    wanted = {"acr": list(needs.acr), "amr": list(needs.amr), "within": needs.within}
    return {
        "roles": list(trace.step_up.roles),
        "teams": list(trace.step_up.teams),
        "needs": {key: value for key, value in wanted.items() if value},
        "missed": list(trace.step_up.missed),
    }


def _trace_row(trace: RuleTrace, yes: str, no: str) -> tuple[str, str, str]:
    return yes if trace.matched else no, trace.rule, "\n".join(trace.because)


def _trace_data(trace: RuleTrace) -> dict[str, object]:
    return {"name": trace.rule, "path": trace.path, "matched": trace.matched, "because": list(trace.because)}
