"""``airflow oidc links``: which FAB user is whose."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from airflow_oidc_auth.cli.command import ExitCode, command
from airflow_oidc_auth.cli.fab_access import fab_transaction
from airflow_oidc_auth.cli.link import link_data, user_label
from airflow_oidc_auth.cli.text import count, section, table
from airflow_oidc_auth.fab.links import FabLink, find_links


@dataclass(frozen=True, slots=True)
class LinksReport:
    """Every link, by user name."""

    links: Sequence[FabLink]

    @property
    def exit_code(self) -> ExitCode:
        """No link is an answer, too."""
        return ExitCode.OK

    def text(self) -> list[str]:
        """One line per link."""
        if not self.links:
            return ["No FAB user is linked to an identity."]
        head = ("FAB user", "subject", "since (UTC)", "by", "issuer")
        rows = [(user_label(each), each.subject, since(each), each.linked_by, each.issuer) for each in self.links]
        return section(count(len(self.links), "link"), table([head, *rows]))

    def data(self) -> dict[str, object]:
        """The same for a program."""
        return {"links": [link_data(each) for each in self.links]}


@command
def links(args: Namespace) -> LinksReport:
    """Read the links."""
    del args
    with fab_transaction() as transaction:
        return LinksReport(find_links(transaction))


def since(linked: FabLink) -> str:
    """Return the day and minute of a link."""
    return datetime.fromtimestamp(linked.linked_at, timezone.utc).strftime("%Y-%m-%d %H:%M")
