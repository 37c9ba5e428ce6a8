"""One Airflow, one certified IdP, one lying IdP and one browser for all end-to-end tests of a worker."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.e2e.airflow_server import Airflow
from tests.e2e.identity_providers import CLIENT_SECRET, Liar, OpenIdProvider, document
from tests.e2e.visitor import Visitor

PATIENCE = 15_000  # milliseconds, for a machine that is busy with other tests
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share servers on one xdist worker."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("e2e")
            # Twice more, in a browser of its own and in plain sight: the closing line counts reruns.
            item.add_marker(pytest.mark.flaky(reruns=2))
            if not item.get_closest_marker("xdist_group"):
                item.add_marker(pytest.mark.xdist_group("e2e"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell with a failure what the browser showed: on another machine it is all there is to go by."""
    report = yield
    page = item.funcargs.get("page") if isinstance(item, pytest.Function) else None
    if report.failed and isinstance(page, Page) and not page.is_closed():
        report.sections.append(("the browser's page", f"{page.url}\n{page.locator('body').inner_text()[:2000]}"))
    return report


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def deployment(folder: Path) -> Airflow:
    """The Airflow of most tests: its addresses are known before it runs."""
    return Airflow(folder / "airflow")


@pytest.fixture(scope="session")
def op(folder: Path, deployment: Airflow) -> Iterator[OpenIdProvider]:
    provider = OpenIdProvider(folder / "op.log", deployment.base_url)
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def liar_process(folder: Path) -> Iterator[Liar]:
    provider = Liar(folder / "liar.log")
    yield provider
    provider.stop()


@pytest.fixture
def liar(liar_process: Liar) -> Iterator[Liar]:
    yield liar_process
    liar_process.tell("")


@pytest.fixture(scope="session")
def airflow(deployment: Airflow, op: OpenIdProvider, liar_process: Liar) -> Iterator[Airflow]:
    """The running Airflow, both providers configured."""
    deployment.document.write_text(document(op, liar_process), encoding="utf-8")
    deployment.migrate(dags=True)
    deployment.start(E2E_CLIENT_SECRET=CLIENT_SECRET)
    yield deployment
    deployment.stop()


# Per module: while it is open, playwright keeps an event loop running in this thread, and other modules run their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        assert not os.environ.get("CI"), "CI must have Chromium: .ci/run installs it"
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that nobody has used before."""
    fresh = browser.new_context(locale="en-GB", timezone_id="Europe/Vienna")
    fresh.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield fresh
    fresh.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def visitor(page: Page, airflow: Airflow) -> Visitor:
    """A person in front of a fresh browser."""
    return Visitor(page, airflow)
