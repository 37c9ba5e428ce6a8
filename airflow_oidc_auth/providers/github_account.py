"""Who somebody is at GitHub: account, verified address, organisations and teams, from the REST API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from airflow_oidc_auth.errors import LoginRefused, ProviderError
from airflow_oidc_auth.identity import Identity
from airflow_oidc_auth.identity.display import clean_email, display_name
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

_PER_PAGE = 100
_MAX_PAGES = 30
_NEXT_PAGE = re.compile(r';\s*rel="?next"?')
_ORGANIZATION_SCOPES = frozenset({"read:org", "write:org", "admin:org"})
_SCOPE_HINT = "Keep `read:org` in `scopes`, and let the organisation approve the OAuth app (third-party access)."


def api_base(issuer: str) -> str:
    """Return where the REST API of a GitHub host is."""
    host = urlsplit(issuer).netloc
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"{issuer}/api/v3"


@dataclass(frozen=True, slots=True)
class GithubAccount:
    """Reads one person's account with the access token of their own sign-in.

    :param granted: scopes of the access token; empty for GitHub Apps, whose permissions are not scopes
    """

    settings: ProviderSettings
    transport: Transport
    access_token: Secret = field(repr=False)
    granted: frozenset[str] = frozenset()

    def read_identity(self) -> Identity:
        """Ask for everything and put it together.

        :raises LoginRefused: ``identity_refused``: not in a configured organisation, or no person
        :raises ProviderError: ``groups_unavailable``, ``userinfo_refused``, ``provider_answer_malformed``
        """
        user = self._user()
        subject = str(user["id"])
        login = _text(user.get("login"))
        groups, organizations = self._groups()
        self._check_organizations(organizations, login)
        email = self._verified_email()
        claims = {"id": user["id"], "login": login, "name": user.get("name"), "organizations": sorted(organizations)}
        return Identity(
            provider=self.settings.id,
            issuer=self.settings.issuer,
            subject=subject,
            name=display_name((user.get("name"), login), subject),
            email=email,
            email_verified=email is not None,
            groups=frozenset(groups),
            claims={**claims, "groups": sorted(groups), "email": email, "email_verified": email is not None},
        )

    def _user(self) -> Mapping[str, object]:
        """GET /user. Accounts are known by the numeric id: a login can be renamed and then taken by another."""
        answer = self._get("/user")
        if answer.status != 200:
            evidence = {"status": answer.status}
            raise ProviderError("userinfo_refused", f"GET /user answered {answer.status}", evidence=evidence)
        user = answer.json_object()
        number = user.get("id")
        if not isinstance(number, int) or isinstance(number, bool) or number <= 0:
            raise ProviderError("provider_answer_malformed", "the account has no numeric id")
        if user.get("type", "User") != "User":
            raise LoginRefused(
                "identity_refused", "the account is no person", evidence={"type": str(user["type"])[:40]}
            )
        return user

    def _verified_email(self) -> str | None:
        """Return the primary address if GitHub verified it; None if there is none or it may not be seen."""
        answer = self._get("/user/emails")
        if answer.status in (401, 403, 404):
            return None
        addresses = _objects(answer)
        primary = (each for each in addresses if each.get("primary") is True and each.get("verified") is True)
        return next((clean_email(each.get("email")) for each in primary), None)

    def _groups(self) -> tuple[set[str], set[str]]:
        """Return groups (``org`` and ``org/team``) and organisations, only of organisations that count."""
        if not _ORGANIZATION_SCOPES & set(self.settings.scopes):
            return set(), set()
        if self.granted and not _ORGANIZATION_SCOPES & self.granted:
            raise ProviderError("groups_unavailable", "the token was granted without read:org", hint=_SCOPE_HINT)
        organizations = {_name(each, "login") for each in self._pages("/user/orgs")}
        teams = {_team(each) for each in self._pages("/user/teams")}
        organizations |= {organization for organization, _ in teams}
        counted = {name for name in organizations if self._counts(name)}
        return counted | {f"{name}/{slug}" for name, slug in teams if self._counts(name)}, counted

    def _counts(self, organization: str) -> bool:
        accepted = self._accepted()
        return not accepted or organization.lower() in accepted

    def _accepted(self) -> frozenset[str]:
        value = self.settings.options.get("organizations") or ()
        return frozenset(str(name).lower() for name in value) if isinstance(value, list | tuple) else frozenset()

    def _check_organizations(self, organizations: set[str], login: str) -> None:
        accepted = self._accepted()
        if accepted and not organizations:
            raise LoginRefused(
                "identity_refused",
                "the account is in none of the accepted organisations",
                evidence={"login": login, "accepted": tuple(sorted(accepted))},
            )

    def _pages(self, path: str) -> Iterator[Mapping[str, object]]:
        """Yield every item. Pages are counted here: an address out of an answer is never followed."""
        for page in range(1, _MAX_PAGES + 1):
            answer = self._get(f"{path}?per_page={_PER_PAGE}&page={page}")
            if answer.status != 200:
                raise ProviderError("groups_unavailable", f"GET {path} answered {answer.status}", hint=_SCOPE_HINT)
            items = _objects(answer)
            yield from items
            # A proxy may drop the Link header; a full page asks for the next one as well.
            if len(items) < _PER_PAGE and not _NEXT_PAGE.search(answer.headers.get("Link", "")):
                return
        raise ProviderError("groups_unavailable", f"more than {_MAX_PAGES} pages of {path}")

    def _get(self, path: str) -> HttpAnswer:
        headers = {
            "Authorization": f"Bearer {self.access_token.reveal()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        return self.transport.get(f"{api_base(self.settings.issuer)}{path}", headers=headers)


def _objects(answer: HttpAnswer) -> list[Mapping[str, object]]:
    document = answer.json()
    if not isinstance(document, list) or not all(isinstance(each, dict) for each in document):
        raise ProviderError("provider_answer_malformed", f"{answer.url} answered with something that is no list")
    return document


def _team(team: Mapping[str, object]) -> tuple[str, str]:
    organization = team.get("organization")
    return _name(organization if isinstance(organization, dict) else {}, "login"), _name(team, "slug")


def _name(document: Mapping[str, object], key: str) -> str:
    """A slash inside a name would let one organisation's team look like another's."""
    name = _text(document.get(key))
    if not name or "/" in name:
        raise ProviderError("groups_unavailable", f"an organisation or team without a usable {key}")
    return name


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
