"""RecordedTransport: answers written down beforehand, for vendors that cannot run here."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from dataclasses import dataclass, field

from requests.structures import CaseInsensitiveDict

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.transport import HttpAnswer


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One request as it was made."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: object | None = None


class RecordedTransport:
    """Implements :class:`airflow_oidc_auth.providers.transport.Transport` without a network.

    An address nobody wrote down is an ``AssertionError``: a test must not pass because of a call it did not expect.
    """

    def __init__(self) -> None:
        self.calls: list[RecordedCall] = []
        self._answers: dict[tuple[str, str], HttpAnswer | ProviderError] = {}

    def answer(
        self,
        method: str,
        url: str,
        document: object = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        error: ProviderError | None = None,
    ) -> None:
        """Write down what an address answers with: a JSON document, or the transport's error.

        :param url: compared exactly; without a query it answers for every query
        """
        body = json_module.dumps(document).encode()
        recorded = HttpAnswer(url, status, CaseInsensitiveDict(headers or {}), body)
        self._answers[method, url] = error or recorded

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Answer a GET."""
        return self._answer(RecordedCall("GET", url, headers or {}))

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Answer a POST."""
        return self._answer(RecordedCall("POST", url, headers or {}, form, json))

    def calls_to(self, url: str) -> list[RecordedCall]:
        """Return the calls so far whose address begins like this."""
        return [call for call in self.calls if call.url.startswith(url)]

    def _answer(self, call: RecordedCall) -> HttpAnswer:
        self.calls.append(call)
        keys = ((call.method, call.url), (call.method, call.url.partition("?")[0]))
        found = next((self._answers[key] for key in keys if key in self._answers), None)
        if found is None:
            raise AssertionError(f"nobody wrote down what {call.method} {call.url} answers")
        if isinstance(found, ProviderError):
            raise found
        return found
