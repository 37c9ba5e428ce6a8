"""``airflow oidc logout``: end and remove what ``airflow oidc login`` stored."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode, command
from airflow_oidc_auth.cli.terminal.signing_out import SignedOut, sign_out
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings
from airflow_oidc_auth.cli.text import printable

_STOPPED = "Stopped. Something may be left: run `airflow oidc logout` again."


@dataclass(frozen=True, slots=True)
class LogoutReport:
    """What was ended and removed, and what was not."""

    signed_out: SignedOut

    @property
    def exit_code(self) -> ExitCode:
        """Failed if anything is left."""
        return ExitCode.FAILED if self.signed_out.left else ExitCode.OK

    def text(self) -> list[str]:
        """One line each."""
        lines = [*map(printable, self.signed_out.done), *(f"! {printable(each)}" for each in self.signed_out.left)]
        return lines or [f"Nothing is stored for the environment {printable(self.signed_out.environment.name)}."]

    def data(self) -> dict[str, object]:
        """The same for a program."""
        done = self.signed_out
        return {"environment": done.environment.name, "done": list(done.done), "left": list(done.left)}


@command
def logout(args: Namespace) -> LogoutReport:
    """Revoke at Airflow and at the identity provider, and remove."""
    try:
        return LogoutReport(sign_out(args.env, Surroundings()))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_STOPPED) from None
