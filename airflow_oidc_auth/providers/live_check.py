"""What a test of a live identity provider needs, whatever it speaks: its clock, and failures told to administrators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.providers.provider import Finding
from airflow_oidc_auth.providers.settings import ProviderSettings
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport

_NOT_REACHED = frozenset({"provider_unreachable", "provider_timeout"})
# The catalogue speaks to people who sign in; this is for the one who sets it up.
_REACH = "check the host and port, DNS and firewall from this machine; `http.proxy` names an outbound proxy"


@dataclass(slots=True)
class DateWatch:
    """A transport that notes how far the IdP's clock is from ours (``Date``, RFC 9110 §6.6.1)."""

    inner: Transport
    clock: Callable[[], float]
    differences: list[float] = field(default_factory=list)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fetch, and note the clock."""
        answer = self.inner.get(url, headers=headers)
        told = read_date(answer)
        if told is not None:
            self.differences.append(told - self.clock())
        return answer

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Send."""
        return self.inner.post(url, form=form, json=json, headers=headers)


def read_date(answer: HttpAnswer) -> float | None:
    """Return the answer's ``Date`` in epoch seconds, or None if there is none that can be read."""
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def clock_findings(differences: list[float], settings: ProviderSettings) -> tuple[Finding, ...]:
    """Judge the smallest difference seen; a cached answer may carry an old date."""
    if not differences:
        return ()
    difference = min(differences, key=abs)
    text = f"{abs(difference):.0f} s {'ahead of' if difference > 0 else 'behind'} this machine"
    if abs(difference) > max(settings.leeway, 1):
        return (Finding("error", "clock", text, "synchronise the clocks (NTP); raise `leeway` only if you cannot"),)
    return (Finding("ok", "clock", f"{abs(difference):.0f} s difference"),)


def failed(check: str, error: OidcAuthError) -> Finding:
    """Return the finding of a check that could not be made."""
    hint = _REACH if error.code in _NOT_REACHED else error.hint
    return Finding("error", check, f"{error.message.title}: {error.detail}", hint)
