"""Run the fake IdP alone: ``python -m airflow_oidc_auth.testing --port 9400 --redirect-uri …``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from airflow_oidc_auth.testing import CLIENT_ID, CLIENT_SECRET, DEMO_USERS, FakeIdp, load_users


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_oidc_auth.testing",
        description="A demonstration identity provider on 127.0.0.1. Anybody who reaches it signs in as anybody.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--client-id", default=CLIENT_ID, help="default: %(default)s")
    parser.add_argument("--client-secret", default=CLIENT_SECRET, help="default: %(default)s")
    parser.add_argument("--redirect-uri", action="append", required=True, help="compared exactly; may be repeated")
    parser.add_argument("--users", type=Path, help="JSON list of users (default: five demo users)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Exit 2 if the port or the users file cannot be used."""
    options = build_parser().parse_args(arguments)
    try:
        idp = FakeIdp(
            client_id=options.client_id,
            client_secret=options.client_secret,
            redirect_uris=options.redirect_uri,
            users=load_users(options.users) if options.users else DEMO_USERS,
            port=options.port,
        )
    except (OSError, ValueError) as error:
        print(f"demo identity provider (port {options.port or 'any'}): {error}", file=sys.stderr)
        return 2
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with idp:
        print(f"ready issuer={idp.issuer} client_id={idp.client_id}", flush=True)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
