"""Finance's workflows: two owners, so that access by owner has something to tell apart."""

from __future__ import annotations

import time

import pendulum
from airflow.sdk import dag, task

START = pendulum.datetime(2026, 1, 1, tz="UTC")


@dag(schedule="@daily", start_date=START, catchup=False, tags=["finance", "daily"], default_args={"owner": "finance"})
def finance_daily_revenue() -> None:
    """Sum yesterday's revenue."""

    @task
    def extract() -> list[int]:
        return [1200, 850, 430]

    @task
    def total(amounts: list[int]) -> int:
        print("revenue:", sum(amounts))
        return sum(amounts)

    total(extract())


@dag(schedule=None, start_date=START, tags=["finance", "payroll"], default_args={"owner": "payroll"})
def finance_payroll() -> None:
    """Pay everybody. Not everybody should be able to start this."""

    @task
    def pay() -> str:
        time.sleep(2)
        return "paid"

    pay()


finance_daily_revenue()
finance_payroll()
