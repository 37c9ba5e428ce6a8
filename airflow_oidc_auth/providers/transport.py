"""HTTP to the IdP: one small, suspicious client.

No redirect is ever followed, because a redirect of the token endpoint would carry the code and the client
secret wherever it points. Plain http is spoken with the loopback only. No cookie is kept, ``.netrc`` is not
read, and an answer has a limit in size and in total time.
"""

from __future__ import annotations

import json as json_module
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TimeoutHTTPError

from airflow_oidc_auth.errors import OidcAuthError, ProviderError
from airflow_oidc_auth.providers.circuit import CircuitBreakers
from airflow_oidc_auth.providers.deadline import Deadline, DeadlineAdapter
from airflow_oidc_auth.providers.endpoints import check_url
from airflow_oidc_auth.providers.settings import HttpSettings
from airflow_oidc_auth.providers.strict_json import load_json

MAX_BODY = 1024 * 1024
_CHUNK = 64 * 1024
_PATIENCE = 3
"""Total time of one request, in multiples of the timeout: a server that drips bytes never times out a read."""
_REFRESH_TIMEOUT = 60.0
"""Seconds that a refresh waits for its answer: whoever hangs up loses the session if the IdP has rotated the token."""
_IDLE = 1.0
"""Seconds after which no connection is used again; servers close theirs after five or more."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back. The body may hold tokens and stays out of every repr.

    :param headers: looked up without regard to case
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=CaseInsensitiveDict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> object:
        """Parse the body, refusing duplicate keys and non-numbers.

        :raises ProviderError: ``provider_answer_malformed``
        """
        try:
            return load_json(self.body)
        except ValueError:
            raise ProviderError(
                "provider_answer_malformed",
                f"{self.url} answered {self.status} with something that is no JSON",
                evidence={"url": self.url, "status": self.status},
            ) from None

    def json_object(self) -> Mapping[str, object]:
        """Parse the body, which must be one JSON object."""
        document = self.json()
        if not isinstance(document, dict):
            raise ProviderError("provider_answer_malformed", f"{self.url} answered with JSON that is no object")
        return document


class Transport(Protocol):
    """How providers speak HTTP.

    Any 4xx is an answer; a redirect, 429 and 5xx are raised, as is everything below HTTP.

    :raises ProviderError: ``provider_unreachable``, ``provider_timeout``, ``provider_tls``, ``provider_proxy``,
        ``provider_redirected``, ``provider_failing``, ``provider_answer_too_large``, ``provider_answer_malformed``,
        ``provider_url_insecure``
    """

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fetch."""

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send a form or a JSON document, once."""


class RequestsTransport:
    """The real one. Safe to share between the threads of one provider's pool.

    ``state`` tells how the last exchange went: ``unknown`` before the first, ``ok`` or ``failing``. A host that fails
    again and again is left alone for a moment (:mod:`.circuit`).

    :param observe: told the outcome of each exchange (``ok`` or an error's code) and its seconds, for metrics
    """

    def __init__(
        self,
        settings: HttpSettings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        observe: Callable[[str, float], None] | None = None,
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._observe = observe
        self._circuits = CircuitBreakers(monotonic)
        self._session = _new_session()
        self._used_at, self._using = monotonic(), threading.Lock()
        self.state = "unknown"
        self._verify: bool | str = settings.ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or True

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fetch."""
        return self._send("GET", url, None, headers)

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send a form or a JSON document, once: a repeated token request would replay the code."""
        if json is not None:
            return self._send("POST", url, json_module.dumps(json), {**(headers or {}), "Content-Type": _JSON})
        return self._send("POST", url, dict(form or {}), headers)

    def open_circuits(self) -> tuple[str, ...]:
        """Return the hosts that are left alone because they are down."""
        return self._circuits.open_hosts()

    def _send(self, method: str, url: str, data: object, headers: Mapping[str, str] | None) -> HttpAnswer:
        host = check_url(url).netloc
        with self._circuits.of(host).guard(host, data if isinstance(data, dict) else None):
            return self._observed(method, url, data, headers)

    def _observed(self, method: str, url: str, data: object, headers: Mapping[str, str] | None) -> HttpAnswer:
        begun, outcome = self._monotonic(), "failed"
        try:
            answer = self._exchange(method, url, data, headers)
            outcome = "ok"
        except OidcAuthError as error:
            outcome = error.code
            raise
        finally:
            self.state = "ok" if outcome == "ok" else "failing"
            if self._observe is not None:
                self._observe(outcome, self._monotonic() - begun)
        return answer

    def _exchange(self, method: str, url: str, data: object, headers: Mapping[str, str] | None) -> HttpAnswer:
        patience = max(_PATIENCE * self._settings.timeout, self._read_timeout(data))
        end = self._monotonic() + patience
        deadline = Deadline(patience)
        with deadline:
            try:
                with self._open(method, url, data, headers) as response:
                    answer = HttpAnswer(url, response.status_code, response.headers, self._read(response, url, end))
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                failure = _translated(error, url, self._settings)
                raise (_too_late(url) if deadline.has_passed else failure) from None
            if deadline.has_passed:  # what was cut off may look like an answer
                raise _too_late(url)
        _refuse_failure(answer)
        return answer

    def _open(self, method: str, url: str, data: object, headers: Mapping[str, str] | None) -> requests.Response:
        self._drop_idle()
        return self._session.request(
            method,
            url,
            data=data,  # type: ignore[arg-type]
            headers={"Accept": _JSON, **(headers or {})},
            timeout=(self._settings.timeout, self._read_timeout(data)),
            verify=self._verify,
            proxies=self._proxies(url),
            allow_redirects=False,
            stream=True,
        )

    def _drop_idle(self) -> None:
        """Begin anew after a pause: the IdP may close an idle connection at the moment we use it.

        A token request that meets that has failed, because nobody knows whether it may be sent again.
        """
        with self._using:
            idle, self._used_at = self._monotonic() - self._used_at, self._monotonic()
            if idle > _IDLE:
                self._session.close()

    def _read_timeout(self, data: object) -> float:
        """Return how long to wait for an answer to begin; nobody waits for a refresh."""
        refreshes = isinstance(data, dict) and data.get("grant_type") == "refresh_token"
        return max(self._settings.timeout, _REFRESH_TIMEOUT) if refreshes else self._settings.timeout

    def _proxies(self, url: str) -> dict[str, str]:
        if self._settings.proxy:
            return {"http": self._settings.proxy, "https": self._settings.proxy}
        return dict(get_environ_proxies(url))

    def _read(self, response: requests.Response, url: str, deadline: float) -> bytes:
        """Read what is there, piece by piece, so that both limits are seen while it arrives."""
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if len(body) > MAX_BODY:
                raise ProviderError("provider_answer_too_large", f"{url} sent more than {MAX_BODY} bytes")
            if self._monotonic() > deadline:
                raise _too_late(url)
        return bytes(body)


def _too_late(url: str) -> ProviderError:
    return ProviderError("provider_timeout", f"{url} was still sending after {_PATIENCE} timeouts")


_JSON = "application/json"


def _new_session() -> requests.Session:
    session = requests.Session()
    # The environment could otherwise replace our Authorization header by an entry of .netrc.
    session.trust_env = False
    # A cookie of one person's sign-in must not travel with the next person's.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = DeadlineAdapter(pool_connections=4, pool_maxsize=8, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers.update({"User-Agent": "airflow-oidc-auth"})
    return session


def _refuse_failure(answer: HttpAnswer) -> None:
    evidence = {"url": answer.url, "status": answer.status}
    if 300 <= answer.status < 400:
        target = _host_of(answer.headers.get("Location", ""))
        raise ProviderError("provider_redirected", f"{answer.url} redirects to {target}", evidence=evidence)
    if answer.status >= 500 or answer.status == 429:
        raise ProviderError("provider_failing", f"{answer.url} answered {answer.status}", evidence=evidence)


def _host_of(location: str) -> str:
    try:
        return urlsplit(location).hostname or "the same host"
    except ValueError:
        return "an address that is none"


def _translated(error: Exception, url: str, settings: HttpSettings) -> ProviderError:
    """Name what went wrong by class only: library messages may quote URLs, bodies and proxy passwords."""
    code = _code_of(error, settings)
    host = urlsplit(url).netloc.rpartition("@")[2]
    return ProviderError(code, f"{host}: {type(error).__name__}", evidence={"url": url, "error": type(error).__name__})


# The order matters: a proxy's and a certificate's error are connection errors, too.
_CODES: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (requests.exceptions.ProxyError, "provider_proxy"),
    (requests.exceptions.SSLError, "provider_tls"),
    ((requests.Timeout, TimeoutError, TimeoutHTTPError), "provider_timeout"),
    (requests.ConnectionError, "provider_unreachable"),
    ((requests.RequestException, HTTPError, ValueError), "provider_answer_malformed"),
)


def _code_of(error: Exception, settings: HttpSettings) -> str:
    for classes, code in _CODES:
        if isinstance(error, classes):
            return code
    # requests raises a bare OSError when the CA bundle does not exist
    return "provider_tls" if settings.ca_file and not Path(settings.ca_file).is_file() else "provider_unreachable"
