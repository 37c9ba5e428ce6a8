"""What several commands of ``airflow oidc`` take and say alike; imported by every ``airflow`` command."""

from __future__ import annotations

from typing import Any

from airflow.cli.cli_config import Arg

EXIT_CODES = "Exit codes: 0 ok, 1 failed, 2 denied (or unknown arguments), 3 bad configuration, 130 stopped (Ctrl-C)."


def argument(*flags: str, **options: Any) -> Arg:
    """Return an argument; everything is as :meth:`argparse.ArgumentParser.add_argument` takes it."""
    return Arg(flags, **options)  # type: ignore[no-untyped-call]  # Airflow's constructor has no hints


JSON = argument("--json", help="Print one JSON document instead of text.", action="store_true")
YES = argument("--yes", help="Do not ask for a confirmation.", action="store_true")
