"""Which addresses this machine may be pointed at: the Airflow that names them is a stranger's, until it is known."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import urlsplit

from airflow_oidc_auth.cli.command import CommandFailed
from airflow_oidc_auth.cli.text import printable
from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.endpoints import check_url, is_loopback
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport

Resolve = Callable[[str], Iterable[str]]


class Reach(IntEnum):
    """How far away an address is."""

    LOOPBACK = 0
    PRIVATE = 1
    PUBLIC = 2


def resolve_host(host: str) -> tuple[str, ...]:
    """Return a host's addresses; none where only a proxy can tell."""
    try:
        return tuple(str(found[4][0]).partition("%")[0] for found in socket.getaddrinfo(host, None))
    except (OSError, UnicodeError):
        return ()


def check_airflow_url(text: str) -> str:
    """Return the Airflow's address without a slash at its end.

    :raises CommandFailed: it cannot be asked safely
    """
    try:
        parts = check_url(text)
    except ProviderError as error:
        raise CommandFailed(
            f"--url cannot be used: {printable(error.detail)}. Write https://HOST, with the path if Airflow has one; "
            "http only for this machine (http://localhost:8080)."
        ) from None
    if parts.query or parts.fragment:
        raise CommandFailed("--url must have no query and no fragment: write https://HOST.")
    return text.rstrip("/")


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Nothing nearer than the Airflow itself may be named by it.

    A web site that persuades somebody to sign in to it could otherwise have requests sent to services that only this
    machine or its network reaches. The check is of addresses at this moment: what DNS says later is bounded by TLS.

    :param nearest: what may be named
    """

    nearest: Reach
    resolve: Resolve

    def check(self, url: str) -> str:
        """Return the address if this machine may be pointed at it.

        :raises CommandFailed: it is nearer than the Airflow, or link-local
        """
        host = urlsplit(url).hostname or ""
        addresses = _addresses(host, self.resolve)
        nearest = min(map(_reach, addresses), default=Reach.PUBLIC)
        if any(each.is_link_local or each.is_unspecified or each.is_multicast for each in addresses):
            raise CommandFailed(f"{printable(host)} is no address of an identity provider; nothing is sent there.")
        if nearest < self.nearest:
            raise CommandFailed(
                f"This Airflow points to {printable(host)}, an address inside your network or of this machine, which "
                "it is outside of itself. Nothing is sent there. If that is your company's identity provider, name "
                "it with --issuer."
            )
        return url


def neighbourhood_of(airflow_url: str, resolve: Resolve) -> Neighbourhood:
    """Return what the Airflow may name; an address that cannot be resolved here may name public ones."""
    found = _addresses(urlsplit(airflow_url).hostname or "", resolve)
    # The farthest: a stranger's name could resolve to the loopback as well.
    return Neighbourhood(max(map(_reach, found), default=Reach.PUBLIC), resolve)


def trusting(resolve: Resolve) -> Neighbourhood:
    """Return the neighbourhood of somebody who named the identity provider themselves."""
    return Neighbourhood(Reach.LOOPBACK, resolve)


@dataclass(frozen=True, slots=True)
class GuardedTransport:
    """A transport that asks the neighbourhood first, whoever named the address."""

    transport: Transport
    neighbourhood: Neighbourhood

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fetch."""
        return self.transport.get(self.neighbourhood.check(url), headers=headers)

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send a form or a JSON document, once."""
        return self.transport.post(self.neighbourhood.check(url), form=form, json=json, headers=headers)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _addresses(host: str, resolve: Resolve) -> tuple[_Address, ...]:
    if is_loopback(host):
        return (ipaddress.ip_address("127.0.0.1"),)
    return tuple(_unmapped(text) for text in ((host,) if _is_address(host) else resolve(host)))


def _unmapped(text: str) -> _Address:
    """Return the address; IPv4 inside IPv6 is what it is outside."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _reach(address: _Address) -> Reach:
    if address.is_loopback:
        return Reach.LOOPBACK
    return Reach.PUBLIC if address.is_global else Reach.PRIVATE
