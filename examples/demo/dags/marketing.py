"""Marketing's workflows."""

from __future__ import annotations

import pendulum
from airflow.sdk import dag, task

START = pendulum.datetime(2026, 1, 1, tz="UTC")


@dag(schedule="@hourly", start_date=START, catchup=False, tags=["marketing"], default_args={"owner": "marketing"})
def marketing_campaign_stats() -> None:
    """Count clicks per campaign."""

    @task
    def clicks() -> dict[str, int]:
        return {"spring": 311, "summer": 524}

    @task
    def report(counts: dict[str, int]) -> str:
        best = max(counts, key=lambda campaign: counts[campaign])
        print("best campaign:", best)
        return best

    report(clicks())


@dag(schedule=None, start_date=START, tags=["marketing", "manual"], default_args={"owner": "marketing"})
def marketing_newsletter() -> None:
    """Send the newsletter when somebody says so."""

    @task
    def send() -> int:
        return 42

    send()


marketing_campaign_stats()
marketing_newsletter()
