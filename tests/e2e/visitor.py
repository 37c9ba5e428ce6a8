"""What a person does in the browser."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import APIResponse, Page, Request, expect

from tests.e2e.airflow_server import Airflow

ADA, OSKAR, UMA, VICTOR, NORA = "Ada Admin", "Oskar Operator", "Uma User", "Victor Viewer", "Nora Nobody"


class Visitor:
    """A person at a page of a browser.

    :ivar codes: the authorization codes that passed through the browser
    """

    def __init__(self, page: Page, airflow: Airflow) -> None:
        self.page = page
        self.airflow = airflow
        self.codes: list[str] = []
        page.on("request", self._watch)

    def _watch(self, request: Request) -> None:
        self.codes += parse_qs(urlsplit(request.url).query).get("code", [])

    def url(self, path: str) -> str:
        """Return an address of the Airflow."""
        return f"{self.airflow.base_url}{path}"

    def open(self, path: str) -> None:
        """Open an address of the Airflow."""
        self.page.goto(self.url(path))

    def sign_in(self, name: str, path: str = "/") -> None:
        """Follow a link into Airflow and sign in at the identity provider on the way."""
        self.open(path)
        self.choose_provider()
        self.choose_person(name)

    def choose_provider(self) -> None:
        """Choose the certified provider if there is a choice."""
        self.page.wait_for_url(re.compile("/auth/login|/interaction/"))
        if "/auth/login" in self.page.url:
            self.page.get_by_role("link", name="Company login").click()

    def choose_person(self, name: str) -> None:
        """Be somebody at the identity provider's form."""
        expect(self.page.get_by_role("heading", name="Sign in at the identity provider")).to_be_visible()
        self.page.get_by_role("button", name=name).click()

    def is_signed_in(self) -> bool:
        """Tell whether Airflow knows this browser."""
        return self.get("/ui/auth/me").status == 200

    def get(self, path: str) -> APIResponse:
        """Ask the API with the browser's cookies."""
        return self.page.request.get(self.url(path), max_redirects=0)

    def post(self, path: str, data: object) -> APIResponse:
        """Post JSON to the API with the browser's cookies."""
        return self.page.request.post(self.url(path), data=data, max_redirects=0)

    def cookie_names(self) -> set[str]:
        """Return the names of the cookies that the browser holds for Airflow."""
        return {cookie["name"] for cookie in self.page.context.cookies(self.airflow.base_url)}
