"""``airflow oidc token``: a fresh token for curl and scripts, the only command that prints one."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

from airflow_oidc_auth.cli.command import ExitCode, command
from airflow_oidc_auth.cli.terminal.renewal import Fresh, fresh_token
from airflow_oidc_auth.cli.terminal.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class TokenReport:
    """The token itself."""

    fresh: Fresh

    @property
    def exit_code(self) -> ExitCode:
        """There is one."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """Nothing but the token, for ``$(…)``."""
        return [self.fresh.token.reveal()]

    def data(self) -> dict[str, object]:
        """The token and its end, epoch seconds."""
        return {"access_token": self.fresh.token.reveal(), "expires_at": self.fresh.expires_at}


@command
def token(args: Namespace) -> TokenReport:
    """Refresh if needed, and print."""
    return TokenReport(fresh_token(args.env, Surroundings()))
