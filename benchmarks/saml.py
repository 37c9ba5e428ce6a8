"""``python -m benchmarks.saml [--rounds N]``: one signed, encrypted response of 20 KB, by us and by python3-saml.

Both get the same bytes and give the same name and groups. In turns, in one process; needs no Airflow and no network.
"""

from __future__ import annotations

import argparse
import base64
import time
from collections.abc import Callable
from statistics import median

from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from airflow_oidc_auth.providers.saml.bindings import POST, REDIRECT
from airflow_oidc_auth.providers.saml.provider import SamlProvider
from airflow_oidc_auth.providers.saml.times import write_instant
from airflow_oidc_auth.secret import Secret
from tests.unit.providers.saml.making import (
    ATTEMPT,
    IDP,
    OWN,
    REQUEST_ID,
    FixedTransport,
    Parts,
    encrypted,
    idp_metadata,
    key_pair,
    make_settings,
)

SIZE = 20 * 1024
Validate = Callable[[str], tuple[str, frozenset[str]]]


class _NoMemory:
    """The same assertion is read again and again here."""

    def seen(self, assertion_id: str, expires_at: int) -> bool:
        return False


def response() -> str:
    """Return the form field: signed, then encrypted with AES-256-GCM, at least 20 KB of XML."""
    now = time.time()
    soon, instant = write_instant(now + 3600), write_instant(now)
    groups: tuple[str, ...] = ()
    while True:
        parts = Parts(
            response_instant=instant,
            assertion_instant=instant,
            confirmation_not_on_or_after=soon,
            not_before=write_instant(now - 30),
            not_on_or_after=soon,
            authn_instant=instant,
            session_not_on_or_after=soon,
            attributes={"groups": groups, "mail": ("ada@example.com",), "displayName": ("Ada Lovelace",)},
        )
        data = encrypted("assertion", parts=parts)
        if len(data) >= SIZE:
            return base64.b64encode(data).decode()
        groups = tuple(f"department-{number:04}" for number in range(len(groups) + 10))


def by_us() -> Validate:
    settings = make_settings(decryption_key=Secret(key_pair("sp").key), require_encryption=True)
    transport = FixedTransport(idp_metadata())
    provider = SamlProvider(settings, OWN, transport, replay=_NoMemory(), clock=time.time)

    def validate(field: str) -> tuple[str, frozenset[str]]:
        identity = provider.complete(ATTEMPT, {"SAMLResponse": field}).identity
        return identity.subject, identity.groups

    return validate


def by_python3_saml() -> Validate:
    keys = key_pair("sp")
    settings = OneLogin_Saml2_Settings(
        {
            "strict": True,
            "sp": {
                "entityId": OWN.entity_id,
                "assertionConsumerService": {"url": OWN.acs_url, "binding": POST},
                "x509cert": keys.base64(),
                "privateKey": keys.key,
            },
            "idp": {
                "entityId": IDP,
                "singleSignOnService": {"url": "https://idp.example/sso", "binding": REDIRECT},
                "x509cert": key_pair().base64(),
            },
            "security": {
                "wantAssertionsSigned": True,
                "wantAssertionsEncrypted": True,
                "rejectDeprecatedAlgorithm": True,
            },
        }
    )
    request = {"https": "on", "http_host": "airflow.example", "script_name": OWN.acs_url.partition("example")[2]}

    def validate(field: str) -> tuple[str, frozenset[str]]:
        found = OneLogin_Saml2_Response(settings, field)
        if not found.is_valid(request, REQUEST_ID):
            raise RuntimeError(found.get_error())
        return found.get_nameid(), frozenset(found.get_attributes()["groups"])

    return validate


def measure(rounds: int) -> dict[str, float]:
    """Return the median time of each, in seconds."""
    field = response()
    readers = {"ours": by_us(), "python3-saml": by_python3_saml()}
    assert len({read(field) for read in readers.values()}) == 1, "they do not read the same"
    times: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(rounds):
        for name, read in readers.items():
            began = time.perf_counter()
            read(field)
            times[name].append(time.perf_counter() - began)
    return {name: median(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saml", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    found = measure(parser.parse_args().rounds)
    for name, seconds in found.items():
        print(f"{name}: {seconds * 1000:.2f} ms")
    print(f"ours takes {found['ours'] / found['python3-saml']:.2f} times as long as python3-saml")


if __name__ == "__main__":
    main()
