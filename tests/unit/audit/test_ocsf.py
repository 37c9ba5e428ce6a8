from __future__ import annotations

import pytest

from airflow_oidc_auth.audit.event import AuthEvent
from airflow_oidc_auth.audit.ocsf import MEANINGS, to_ocsf

# Attributes of requirement "required" in OCSF 1.3.0, of the base event and of each class.
BASE = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
OF_CLASS = {3001: {"user"}, 3002: {"user", "service"}, 6003: {"actor", "api", "src_endpoint"}}


@pytest.mark.parametrize("event", AuthEvent)
@pytest.mark.parametrize("fields", [{}, {"client_address": "192.0.2.0/24", "count": 7, "reason": "x", "kind": "k"}])
def test_every_event_has_what_its_class_requires(event: AuthEvent, fields: dict) -> None:
    assert event.value in MEANINGS
    told = to_ocsf(1, 1_700_000_000_123_456, event.value, None, fields)
    assert BASE | OF_CLASS[told["class_uid"]] <= told.keys()
    assert told["type_uid"] == told["class_uid"] * 100 + told["activity_id"]
    assert told["time"] == 1_700_000_000_123
    assert told["metadata"]["product"]["vendor_name"]


def test_a_network_is_no_address() -> None:
    told = to_ocsf(1, 0, "auth.login_failed", None, {"client_address": "192.0.2.0/24"})
    assert told["src_endpoint"] == {"name": "192.0.2.0/24"}


def test_an_event_of_a_later_release_is_exported_too() -> None:
    assert to_ocsf(1, 0, "auth.something_new", "Ada", {"new": 1})["unmapped"] == {"new": 1}
