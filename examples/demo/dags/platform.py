"""The platform team's housekeeping: owned and tagged by neither finance nor marketing."""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task


@dag(
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    tags=["platform"],
    default_args={"owner": "platform"},
)
def platform_cleanup() -> None:
    """Throw away what nobody needs."""

    @task
    def clean() -> None:
        print("clean")

    clean()


platform_cleanup()
