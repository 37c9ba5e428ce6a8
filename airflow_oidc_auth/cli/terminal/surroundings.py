"""What a sign-in touches besides the two servers: the terminal, the browser, time."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from platform import node

from airflow_oidc_auth.cli.terminal.addresses import (
    GuardedTransport,
    Resolve,
    neighbourhood_of,
    resolve_host,
    trusting,
)
from airflow_oidc_auth.cli.terminal.airflow_server import AirflowServer
from airflow_oidc_auth.cli.terminal.device import Timing
from airflow_oidc_auth.cli.terminal.environment import Environment, find_environment
from airflow_oidc_auth.cli.terminal.identity_provider import IdentityProvider
from airflow_oidc_auth.cli.terminal.listing import CliProvider
from airflow_oidc_auth.cli.terminal.vault import Vault, find_vaults
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.identity.text import is_clean
from airflow_oidc_auth.providers.settings import HttpSettings
from airflow_oidc_auth.providers.transport import RequestsTransport, Transport

_TIMEOUT = 15.0
_MAX_HOST = 64


def _say(text: str) -> None:
    """Tell the person; standard output is for the result."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()


def _transport() -> Transport:
    return RequestsTransport(HttpSettings(timeout=_TIMEOUT))


def _label(host: str) -> str:
    return f"terminal on {host}" if host and is_clean(host) and len(host) <= _MAX_HOST else "terminal"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One person's terminal.

    :param say: one line for the person; makes it safe to print
    :param open_url: opens a browser, False where it could not
    :param transport: speaks HTTP with anybody
    :param clock: epoch seconds
    :param host: what this machine calls itself
    """

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    platform: str = sys.platform
    say: Callable[[str], None] = _say
    open_url: Callable[[str], bool] = webbrowser.open
    transport: Transport = field(default_factory=_transport)
    resolve: Resolve = resolve_host
    clock: Callable[[], float] = time.time
    host: str = field(default_factory=node)
    timing: Timing = field(default_factory=lambda: Timing(time.monotonic, time.sleep))

    def environment(self, name: str | None) -> Environment:
        """Return the environment of airflowctl that is meant."""
        return find_environment(name, self.environ)

    def vaults(self, environment: Environment) -> tuple[Vault, ...]:
        """Return where its tokens are kept."""
        return find_vaults(environment, self.environ)

    def airflow(self, url: str) -> AirflowServer:
        """Return the Airflow at an address that was judged safe."""
        return AirflowServer(url, self.transport, _label(self.host))

    def identity_provider(self, url: str, chosen: CliProvider, *, trusted: bool) -> IdentityProvider:
        """Return what an Airflow named; it may not be nearer than the Airflow unless somebody trusts it."""
        neighbourhood = trusting(self.resolve) if trusted else neighbourhood_of(url, self.resolve)
        return IdentityProvider(chosen, GuardedTransport(self.transport, neighbourhood), self.clock)
