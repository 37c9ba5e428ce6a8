from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.audit.event import AuditRecord, AuthEvent
from airflow_oidc_auth.audit.fields import MAX_EXTRA, dump_extra, record_fields, visible
from tests.unit.audit.records import LOGIN

anything = st.text(st.characters(), max_size=400)


def test_says_everything_about_a_sign_in():
    assert record_fields(LOGIN) == {
        "correlation_id": "c-1",
        "reason": "rules_matched",
        "provider": "okta",
        "issuer": "https://idp.example.com",
        "subject": "ada",
        "principal_id": "p" * 24,
        "session_ref": "s-ref",
        "client_address": "192.0.2.7",
        "rules": ["admins"],
        "roles_before": ["Viewer"],
        "roles_after": ["Admin"],
        "acr": "mfa",
        "groups": 3,
    }


def test_leaves_out_what_is_not_known_and_keeps_what_is_empty():
    fields = record_fields(AuditRecord(AuthEvent.ROLES_CHANGED, "c", "r", roles_after=()))
    assert fields == {"correlation_id": "c", "reason": "r", "roles_after": []}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Łukasz Öz 日本", "Łukasz Öz 日本"),
        ("line\nforged=yes", "line\\u000aforged=yes"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("\x9b31m", "\\u009b31m"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\u2028\u2029\0\x7f", "\\u2028\\u2029\\u0000\\u007f"),
        ("\ud800", "\\ud800"),
        ("😀", "\\U0001f600"),
        ("", ""),
    ],
)
def test_shows_what_would_deceive_the_reader(text, shown):
    assert visible(text) == shown


@given(anything, st.integers(10, 300))
def test_shown_text_is_bounded_and_printable(text, limit):
    shown = visible(text, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} and ord(c) < 0x10000 for c in shown)


def test_says_how_many_items_were_cut():
    fields = record_fields(replace(LOGIN, rules=tuple(f"rule {n}" for n in range(57))))
    assert len(fields["rules"]) == 20
    assert fields["rules_omitted"] == 37


def test_facts_cannot_replace_fields():
    assert record_fields(replace(LOGIN, detail=(("subject", "mallory"),)))["subject"] == "ada"


@given(
    st.builds(
        AuditRecord,
        st.sampled_from(AuthEvent),
        anything,
        anything,
        owner=anything,
        issuer=anything,
        subject=anything,
        rules=st.lists(anything, max_size=60).map(tuple),
        roles_before=st.lists(anything, max_size=60).map(tuple),
        roles_after=st.lists(anything, max_size=60).map(tuple),
        detail=st.lists(st.tuples(anything, anything | st.integers()), max_size=30).map(tuple),
    )
)
def test_extra_is_one_bounded_line_of_json_whatever_comes(record):
    text = dump_extra(record)
    assert len(text) <= MAX_EXTRA
    assert len(text.splitlines()) == 1
    text.encode()
    assert isinstance(json.loads(text), dict)


def test_extra_of_the_longest_record_still_leads_to_the_rest_of_the_log():
    long = ("x" * 500,) * 100
    detail = tuple((f"{n} " + "k" * 100, "v" * 500) for n in range(20))
    record = replace(LOGIN, rules=long, roles_before=long, roles_after=long, subject="s" * 5_000, detail=detail)
    fields = json.loads(dump_extra(record))
    assert fields["correlation_id"] == "c-1"
    assert len(dump_extra(replace(record, detail=()))) <= MAX_EXTRA
    assert json.loads(dump_extra(replace(record, detail=())))["rules_omitted"] > 0
