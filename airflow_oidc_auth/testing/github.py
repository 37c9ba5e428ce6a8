"""FakeGithub: the part of GitHub that a sign-in touches, shaped as an Enterprise Server on loopback."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from airflow_oidc_auth.testing.authorization import OneTimeStore, verifier_matches
from airflow_oidc_auth.testing.loopback import Answer, LoopbackServer, Request, json_answer, redirect_to
from airflow_oidc_auth.testing.urls import with_parameters


@dataclass(frozen=True, slots=True)
class GithubUser:
    """One account.

    :param teams: organisation and slug
    :param emails: as ``GET /user/emails`` lists them
    """

    id: int
    login: str
    name: str | None = None
    organizations: tuple[str, ...] = ()
    teams: tuple[tuple[str, str], ...] = ()
    emails: tuple[Mapping[str, object], ...] = ()
    type: str = "User"


class FakeGithub:
    """OAuth 2 and REST, one client, any redirect URI on its list. Use it as a context manager.

    :param page_size: items per page, at most what is asked for
    :param granted: value of ``scope`` in the token answer; None grants what was asked
    :param expires_in: seconds that tokens live, as of a GitHub App: then there are refresh tokens, which rotate
    :param answers: path below the API → answer that replaces the honest one
    """

    def __init__(
        self,
        users: Sequence[GithubUser],
        *,
        client_id: str = "Iv1.fake",
        client_secret: str = "a-secret-for-tests-only",
        redirect_uris: Sequence[str] = ("http://127.0.0.1:8080/auth/callback/github",),
        page_size: int = 100,
        granted: str | None = None,
        expires_in: int | None = None,
    ) -> None:
        self._server = LoopbackServer(self._answer)
        self.issuer = self._server.origin
        self.client_id, self.client_secret = client_id, client_secret
        self.users = tuple(users)
        self.requests: list[Request] = []
        self.answers: dict[str, Answer] = {}
        self.granted = granted
        self._redirect_uris = tuple(redirect_uris)
        self._page_size = page_size
        self._codes = OneTimeStore()
        self._tokens: dict[str, int] = {}
        self._refresh_tokens: dict[str, int] = {}
        self._expires_in = expires_in

    def __enter__(self) -> FakeGithub:  # noqa: PYI034 -- Self needs Python 3.11
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def revoke(self, login: str) -> None:
        """Take back every token of an account, as its owner can under Settings → Applications."""
        gone = {user.id for user in self.users if user.login == login}
        self._tokens = {token: number for token, number in self._tokens.items() if number not in gone}
        self._refresh_tokens = {each: number for each, number in self._refresh_tokens.items() if number not in gone}

    def _answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if replaced := self.answers.get(request.path.removeprefix("/api/v3")):
            return replaced
        if request.path == "/login/oauth/authorize":
            return self._authorize(request)
        if request.path == "/login/oauth/access_token":
            return self._access_token(request)
        if request.path == "/api/v3/meta":
            return json_answer({"verifiable_password_authentication": False})
        return self._api(request)

    def _authorize(self, request: Request) -> Answer:
        """``user=`` picks the account by its login; the first one is the default."""
        asked = request.query
        if asked.get("client_id") != self.client_id or asked.get("redirect_uri") not in self._redirect_uris:
            return json_answer({"message": "redirect_uri_mismatch"}, 404)
        chosen = next((user for user in self.users if user.login == asked.get("user")), self.users[0])
        code = self._codes.put((dict(asked), chosen), expires_at=float("inf"))
        return redirect_to(with_parameters(asked["redirect_uri"], {"code": code, "state": asked.get("state", "")}))

    def _access_token(self, request: Request) -> Answer:
        """Errors come with status 200, as at GitHub."""
        form = request.form
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return json_answer({"error": "incorrect_client_credentials"})
        if form.get("grant_type") == "refresh_token":
            number = self._refresh_tokens.pop(form.get("refresh_token", ""), None)
            return json_answer({"error": "bad_refresh_token"}) if number is None else self._issue(number, "")
        found = self._codes.take(form.get("code", ""), now=0)
        if not isinstance(found, tuple):
            return json_answer({"error": "bad_verification_code", "error_description": f"code {form.get('code')}"})
        asked, user = found
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return json_answer({"error": "redirect_uri_mismatch"})
        if not verifier_matches(form.get("code_verifier", ""), asked.get("code_challenge", "")):
            return json_answer({"error": "bad_verification_code", "error_description": "code_verifier"})
        return self._issue(user.id, ",".join(asked.get("scope", "").split()) if self.granted is None else self.granted)

    def _issue(self, number: int, scope: str) -> Answer:
        token = f"gho_{secrets.token_hex(8)}"
        self._tokens[token] = number
        answer: dict[str, object] = {"access_token": token, "token_type": "bearer", "scope": scope}
        if self._expires_in is not None:
            refresh_token = f"ghr_{secrets.token_hex(8)}"
            self._refresh_tokens[refresh_token] = number
            answer |= {"expires_in": self._expires_in, "refresh_token": refresh_token}
        return json_answer(answer)

    def _api(self, request: Request) -> Answer:
        number = self._tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        user = next((user for user in self.users if user.id == number), None)
        if user is None:
            return json_answer({"message": "Bad credentials"}, 401)
        path = request.path.removeprefix("/api/v3")
        if path == "/user":
            return json_answer({"id": user.id, "login": user.login, "name": user.name, "type": user.type})
        lists: Mapping[str, list[object]] = {
            "/user/emails": list(user.emails),
            "/user/orgs": [{"id": number, "login": name} for number, name in enumerate(user.organizations, 1)],
            "/user/teams": [{"slug": slug, "name": slug, "organization": {"login": org}} for org, slug in user.teams],
        }
        return self._page(request, lists[path]) if path in lists else json_answer({"message": "Not Found"}, 404)

    def _page(self, request: Request, items: list[object]) -> Answer:
        size = min(self._page_size, int(request.query.get("per_page", "30")))
        page = int(request.query.get("page", "1"))
        answer = json_answer(items[(page - 1) * size : page * size])
        if page * size >= len(items):
            return answer
        link = f'<{self.issuer}{request.path}?per_page={size}&page={page + 1}>; rel="next"'
        return replace(answer, headers={**answer.headers, "Link": link})
