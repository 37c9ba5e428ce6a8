"""Read an OAuth error answer (RFC 6749 §5.2) without taking over what must not be logged."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_oidc_auth.errors import ProviderError
from airflow_oidc_auth.providers.transport import HttpAnswer
from airflow_oidc_auth.secret import Secret


def oauth_error(answer: HttpAnswer, secrets: Iterable[Secret | None]) -> tuple[str, dict[str, object]]:
    """Return the ``error`` code (may be empty) and evidence.

    :param secrets: values of the request; IdPs have been seen to quote them in ``error_description``
    """
    try:
        document = answer.json_object()
    except ProviderError:
        document = {}
    error = document.get("error")
    error = error[:64] if isinstance(error, str) else ""
    description = document.get("error_description")
    text = description if isinstance(description, str) else ""
    for secret in secrets:
        if secret is not None:
            text, error = text.replace(secret.reveal(), "…"), error.replace(secret.reveal(), "…")
    return error, {"status": answer.status, "error": error, "error_description": text[:300]}
