"""``airflow oidc login``: sign in to an Airflow from this terminal."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from datetime import datetime, timezone

from airflow_oidc_auth.cli.command import CommandFailed, ExitCode, Report, command
from airflow_oidc_auth.cli.terminal.airflow_server import Denied
from airflow_oidc_auth.cli.terminal.environment import DEFAULT
from airflow_oidc_auth.cli.terminal.signing_in import BROWSER, DEVICE, REFRESH, SignedIn, Wishes, sign_in
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.cli.text import printable

_STOPPED = "Stopped. Nothing new was stored."


@dataclass(frozen=True, slots=True)
class LoginReport:
    """Signed in, until when, and where the token is."""

    signed_in: SignedIn

    @property
    def exit_code(self) -> ExitCode:
        """It worked."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """What to do next."""
        done, login = self.signed_in, self.signed_in.login
        name = done.environment.name
        chosen = "" if name == DEFAULT else f" --env {name}"
        lines = [
            f"{'Refreshed the sign-in' if done.way == REFRESH else 'Signed in'} to {login.url} "
            f"as {login.name or login.subject} until {self._until}.",
            "It is refreshed when needed." if login.refresh_token else "It cannot be refreshed: sign in again then.",
        ]
        if done.way == REFRESH:
            lines.append("To sign in anew, as somebody else: --browser or --device.")
        prefix = "" if name == DEFAULT else f"AIRFLOW_CLI_ENVIRONMENT={name} "
        if done.vault.name == "file":
            lines.append("There is no keyring: the token is in a file that only you can read.")
            prefix += "AIRFLOW_CLI_DEBUG_MODE=true "
        lines += [
            f"  {prefix}airflowctl dags list",
            f'  curl -H "Authorization: Bearer $(airflow oidc token{chosen})" {login.url}/api/v2/dags',
        ]
        return list(map(printable, lines))

    def data(self) -> dict[str, object]:
        """The same for a program; no token."""
        done, login = self.signed_in, self.signed_in.login
        return {
            "environment": done.environment.name,
            "url": login.url,
            "provider": login.provider.id,
            "issuer": login.provider.issuer,
            "subject": login.subject,
            "name": login.name or None,
            "way": done.way,
            "stored_in": done.vault.name,
            "expires_at": login.expires_at,
            "refreshes": login.refresh_token is not None,
        }

    @property
    def _until(self) -> str:
        return datetime.fromtimestamp(self.signed_in.login.expires_at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


@dataclass(frozen=True, slots=True)
class DeniedReport:
    """Somebody who may say so says no."""

    reason: str

    @property
    def exit_code(self) -> ExitCode:
        """It is no failure of ours."""
        return ExitCode.DENIED

    def text(self) -> list[str]:
        """Who says so."""
        return [printable(self.reason)]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {"denied": self.reason}


@command
def login(args: Namespace) -> Report:
    """Sign in by code or browser, or refresh what is there."""
    if args.device and args.browser:
        raise CommandFailed("Choose one of --device and --browser.")
    wishes = Wishes(
        url=args.url,
        provider=args.provider,
        way=DEVICE if args.device else BROWSER if args.browser else None,
        environment=args.env,
        port=args.port,
        issuer=args.issuer,
    )
    try:
        return LoginReport(sign_in(wishes, Surroundings()))
    except Denied as denied:
        return DeniedReport(str(denied))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_STOPPED) from None
