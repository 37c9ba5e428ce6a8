"""People who sign in, each with a browser and an address of their own: a process, so that its work is not the server's.

``python -m benchmarks.storm_people BASE_URL PEOPLE SECONDS`` starts them evenly and prints one JSON object.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from statistics import median
from urllib.parse import urlencode, urljoin, urlsplit

PATIENCE = 60.0
MOST_PAGES = 12
CALLBACK = re.compile(r"/(callback|oauth-authorized)/")
ME = "/ui/auth/me"
BUTTON = "/auth/login/fake"
"""Where a script on stock FAB's page goes when its one button is clicked."""


class NotIn(Exception):  # it says what became of a person
    """Somebody did not get in; the text is where and with what answer."""


@dataclass
class Browser:
    """One person's browser, without its pictures and scripts.

    :param base_url: of the Airflow
    :param address: that the proxy saw the person at
    :ivar callback: seconds that the answer to the identity provider's redirect took
    """

    base_url: str
    address: str
    callback: float = 0.0
    cookies: dict[str, str] = field(default_factory=dict)
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)

    def sign_in(self, subject: str, door: str = "/api/v2/auth/login") -> None:
        """Open the page, sign in, land on it again, and be known there.

        :param door: where the UI sends somebody who is not signed in
        :raises NotIn: it did not work out
        """
        self._expect(200, *self.get(f"{self.base_url}/"))
        self._expect(401, *self.get(self.base_url + ME))
        url = f"{self.base_url}{door}?" + urlencode({"next": f"{self.base_url}/"})
        for _ in range(MOST_PAGES):
            status, location, page = self.get(url)
            if 300 <= status < 400:
                url = self._beyond(urljoin(url, location), subject)
            elif status == 200 and "_token" in self.cookies:
                break
            else:
                self._expect(200 if "provider-select" in page else 0, status, url, page)
                url = f"{self.base_url}{BUTTON}?{urlsplit(url).query}"
        else:
            raise NotIn("redirects without end")
        self._expect(200, *self.get(self.base_url + ME))

    def get(self, url: str) -> tuple[int, str, str]:
        """Return status, Location and body of one GET on a kept connection."""
        parts = urlsplit(url)
        headers = {"Host": parts.netloc, "Accept": "text/html", "X-Forwarded-For": self.address}
        if is_ours := url.startswith(self.base_url):
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        begun = time.perf_counter()
        answer, body = self._ask(parts.netloc, f"{parts.path or '/'}?{parts.query}".rstrip("?"), headers)
        if CALLBACK.search(parts.path):
            self.callback = time.perf_counter() - begun
        if is_ours:
            self._keep(answer)
        return answer.status, answer.getheader("Location") or parts.path, body

    def _ask(self, netloc: str, path: str, headers: dict[str, str]) -> tuple[http.client.HTTPResponse, str]:
        connection = self._connections.get(netloc)
        if connection is None:
            connection = self._connections[netloc] = http.client.HTTPConnection(netloc, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        except http.client.RemoteDisconnected:  # kept too long; a browser asks once more, too
            connection.close()
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
        return answer, answer.read().decode("utf-8", "replace")

    def _keep(self, answer: http.client.HTTPResponse) -> None:
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)

    def _beyond(self, url: str, subject: str) -> str:
        """Return the address; at the identity provider's door, with who is knocking."""
        if url.startswith(self.base_url) or "/authorize" not in url:
            return url
        return f"{url}&{urlencode({'user': subject})}"

    def _expect(self, wanted: int, status: int, where: str, page: str) -> None:
        if status != wanted:
            code = re.search(r'class="muted">\((\w+)\)', page)
            raise NotIn(f"{urlsplit(where).path}: {status} {code[1] if code else ''}".strip())


def subject_of(number: int) -> str:
    return f"storm-{number:04}"


def address_of(number: int) -> str:
    """Return one of the addresses that are for benchmarks alone (RFC 2544)."""
    return f"198.18.{number // 250}.{number % 250 + 1}"


def main(base_url: str, people: int, seconds: float) -> dict[str, object]:
    journeys: list[tuple[float, float]] = []
    failures: Counter[str] = Counter()
    begun = time.perf_counter()

    def live(number: int) -> None:
        time.sleep(max(0.0, begun + number * seconds / people - time.perf_counter()))
        browser, started = Browser(base_url, address_of(number)), time.perf_counter()
        try:
            browser.sign_in(subject_of(number))
        except (NotIn, OSError, http.client.HTTPException) as error:
            failures[str(error) or type(error).__name__] += 1
        else:
            journeys.append((time.perf_counter() - started, browser.callback))

    threads = [threading.Thread(target=live, args=(number,)) for number in range(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begun
    return {"in": len(journeys), "took": took, "failures": dict(failures)} | _summary(journeys)


def _summary(journeys: list[tuple[float, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, values in zip(("journey", "callback"), zip(*journeys, strict=True), strict=False):
        found |= {f"{name} p50": median(values), f"{name} p99": percentile(values, 0.99), f"{name} worst": max(values)}
    return found


def percentile(values: tuple[float, ...] | list[float], share: float) -> float:
    """Return the value that this share of all does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
