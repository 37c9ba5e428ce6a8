"""The three things a terminal asks an Airflow: its providers, a token, and the end of a token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.terminal import words
from airflow_oidc_auth.cli.terminal.listing import CliProvider, parse_listing
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.oauth_error import oauth_error
from airflow_oidc_auth.providers.token_endpoint import read_lifetime, read_token
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
# What OAuth calls it, and what our catalogue does: the rules give this person nothing.
_DENIED = frozenset({"access_denied", "unauthorized_client"})
_DENIED_CODES = frozenset({"delegation_refused", "token_no_role", "token_requirement", "token_step_up"})
_DAY = 86_400


class Denied(Exception):
    """The person is known and may not enter; the text says who said so."""


@dataclass(frozen=True, slots=True)
class AirflowToken:
    """What Airflow gave.

    :param lifetime: seconds
    """

    token: Secret = field(repr=False)
    lifetime: int


@dataclass(frozen=True, slots=True)
class AirflowServer:
    """An Airflow somewhere.

    :param url: without a slash at its end, judged safe
    :param label: what the token is called in the list of tokens
    """

    url: str
    transport: Transport
    label: str = ""

    def providers(self) -> tuple[CliProvider, ...]:
        """Return the identity providers for terminals.

        :raises CommandFailed: this is no such Airflow
        """
        answer = self._ask("GET", "/auth/token/cli")
        if answer.status != 200:
            raise CommandFailed(
                f"{printable(self.url)} offers no sign-in to terminals (it answered {answer.status}). Is it the "
                "address of an Airflow with airflow-oidc-auth, with the path if it has one?"
            )
        return parse_listing(self._json(answer))

    def exchange(self, provider: str, id_token: Secret) -> AirflowToken:
        """Show an id_token and take an Airflow token (RFC 8693 §2).

        :raises Denied: this person may not enter
        :raises CommandFailed: no token came
        """
        form = {
            "grant_type": EXCHANGE,
            "subject_token": id_token.reveal(),
            "subject_token_type": ID_TOKEN,
            "provider": provider,
            **({"label": self.label} if self.label else {}),
        }
        answer = self._ask("POST", "/auth/token/cli", form)
        if answer.status != 200:
            raise self._refusal(answer, id_token)
        document = self._json(answer)
        try:
            token = read_token(document, "access_token")
        except OidcAuthError:
            token = None
        if token is None:
            raise CommandFailed(f"Airflow at {printable(self.url)} answered without a token.")
        lifetime = read_lifetime(document)
        return AirflowToken(token, _DAY if lifetime is None else lifetime)

    def revoke(self, token: Secret) -> None:
        """End a token (RFC 7009 §2.1).

        :raises CommandFailed: whether it ended is not known
        """
        form = {"token": token.reveal(), "token_type_hint": "access_token"}
        answer = self._ask("POST", "/auth/token/revoke", form)
        if answer.status != 200:
            raise CommandFailed(f"Airflow at {printable(self.url)} answered {answer.status}.")

    def _ask(self, method: str, path: str, form: Mapping[str, str] | None = None) -> HttpAnswer:
        address = f"{self.url}{path}"
        try:
            return self.transport.get(address) if method == "GET" else self.transport.post(address, form=form)
        except OidcAuthError as error:
            raise words.of_airflow(error, self.url) from None

    def _json(self, answer: HttpAnswer) -> Mapping[str, object]:
        try:
            return answer.json_object()
        except OidcAuthError as error:
            raise words.of_airflow(error, self.url) from None

    def _refusal(self, answer: HttpAnswer, id_token: Secret) -> Exception:
        error, told = oauth_error(answer, (id_token,))
        reason = printable(str(told["error_description"] or error or f"it answered {answer.status}"))
        if found := _member(answer, "correlation_id"):
            reason += f" [{printable(found)[:64]}]"
        if error in _DENIED or answer.status == 403 or _member(answer, "code") in _DENIED_CODES:
            return Denied(f"Airflow at {printable(self.url)} does not let you in: {reason}")
        return CommandFailed(
            f"Airflow at {printable(self.url)} gives no token: {reason}. Run the command again; if it happens again, "
            "tell its administrator."
        )


def _member(answer: HttpAnswer, name: str) -> str:
    try:
        value = answer.json_object().get(name)
    except OidcAuthError:
        return ""
    return value if isinstance(value, str) else ""
