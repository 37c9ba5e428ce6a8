"""A transport for what must not ask the IdP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.transport import HttpAnswer


@dataclass(frozen=True, slots=True)
class NoNetwork:
    """Fail every request (:class:`airflow_oidc_auth.providers.transport.Transport`).

    :param purpose: who asks nobody, for the log
    """

    purpose: str

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Fail.

        :raises ProviderError: ``provider_unreachable``
        """
        self._refuse()

    def post(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        """Fail.

        :raises ProviderError: ``provider_unreachable``
        """
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise ProviderError("provider_unreachable", f"{self.purpose} asks nobody")
