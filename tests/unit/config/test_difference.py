from __future__ import annotations

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.config.difference import MAX_LINES, describe_difference

READ = {"actions": ["read"], "dags": ["finance_*"]}
RUN = {"actions": ["run"], "dags": ["finance_*"]}
DOCUMENT = {
    "version": 1,
    "providers": {"okta": {"preset": "okta", "issuer": "https://okta.example", "client_secret": {"env": "OLD_NAME"}}},
    "roles": {"finance": {"extends": ["Viewer"], "allow": [READ]}},
    "grants": {
        "rules": [
            {"name": "finance", "when": {"group": "secret-group"}, "roles": ["finance"]},
            {"when": {"claims": {"sub": "secret-subject"}}, "roles": ["Viewer"]},
        ]
    },
    "sessions": {"lifetime": "12h"},
    "rate_limits": {"storage": {"env": "REDIS"}},
}


def changed(path: str, value: object) -> dict:
    """Return the document with one place set; None takes it away."""
    document = copy.deepcopy(DOCUMENT)
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    place: object = document
    for step in steps:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    if value is None:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(value)
    else:
        place[last] = value
    return document


RULE = "grants/rules"
CHANGES = [
    ("providers/entra", {"preset": "entra"}, ["provider entra: added"]),
    ("providers/okta/issuer", "https://new.example", ["provider okta: changed issuer"]),
    ("providers/okta/client_secret", {"env": "NEW_NAME"}, ["provider okta: changed client_secret"]),
    ("roles/finance", None, ["role finance: removed"]),
    ("roles/audit", {"extends": ["Viewer"]}, ["role audit: added", "role audit: extends + Viewer"]),
    ("roles/finance/allow/1", RUN, [f"role finance: allow + {json.dumps(RUN)}"]),
    ("roles/finance/allow/0", RUN, [f"role finance: allow {s} {json.dumps(x)}" for s, x in (("-", READ), ("+", RUN))]),
    ("roles/finance/deny", [RUN], [f"role finance: deny + {json.dumps(RUN)}"]),
    ("roles/finance/extends", ["Op"], ["role finance: extends - Viewer", "role finance: extends + Op"]),
    ("roles/finance/description", "New", ["role finance: changed description"]),
    (f"{RULE}/0/roles", ["finance", "Admin"], ['rule "finance": roles + Admin']),
    (f"{RULE}/0/when", {"group": "secret-other"}, ['rule "finance": changed when']),
    (f"{RULE}/0/teams", ["red"], ['rule "finance": teams + red']),
    (f"{RULE}/0", None, ['rule "finance": removed']),
    (
        f"{RULE}/2",
        {"name": "new", "when": {"group": "secret-x"}, "roles": ["Op"]},
        ['rule "new": added', 'rule "new": roles + Op'],
    ),
    (
        f"{RULE}/1/roles",
        ["Op"],
        ['rule without a name: removed, gives roles ["Viewer"]', 'rule without a name: added, gives roles ["Op"]'],
    ),
    ("grants/require", {"claims": {"mfa": "secret-value"}}, ["grants.require.claims.mfa: changed"]),
    ("sessions/lifetime", "8h", ["sessions.lifetime: 12h → 8h"]),
    ("sessions/idle_timeout", "1h", ["sessions.idle_timeout: not set → 1h"]),
    ("rate_limits/storage", {"env": "SECRET_OTHER"}, ["rate_limits.storage: refers to another secret"]),
    ("tokens/clients/dbt/secret", {"env": "SECRET_DBT"}, ["tokens.clients.dbt.secret: refers to another secret"]),
]


@pytest.mark.parametrize("path, value, lines", CHANGES)
def test_says_what_a_change_is_without_claims_and_secrets(path, value, lines):
    found = describe_difference(DOCUMENT, changed(path, value))
    assert list(found) == lines
    assert not any("secret-" in line or "SECRET_" in line for line in found)


def test_documents_that_say_the_same_differ_in_nothing():
    assert describe_difference(DOCUMENT, copy.deepcopy(DOCUMENT)) == ()
    reordered = dict(reversed(DOCUMENT.items()))
    assert describe_difference(DOCUMENT, reordered) == ()


def test_another_order_of_the_rules_is_told():
    other = changed(RULE, DOCUMENT["grants"]["rules"][::-1])
    assert describe_difference(DOCUMENT, other) == ("rules: another order",)


def test_a_large_change_and_long_texts_are_cut():
    roles = {f"role-{number}": {"extends": ["Viewer"]} for number in range(MAX_LINES)}
    found = describe_difference(DOCUMENT, changed("roles", roles))
    assert len(found) == MAX_LINES
    assert found[-1] == "and 202 more"
    (line,) = describe_difference(DOCUMENT, changed("roles/finance/extends/1", "x" * 10_000))
    assert len(line) < 200


def test_a_name_forges_no_line():
    found = describe_difference({}, {"roles": {"x\nauth.login": {"extends": ["a\nb"]}}})
    assert not any("\n" in line for line in found)


tree = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["roles", "grants", "rules", "name", "allow", "providers", "a"]), inner)
    ),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(["version", "providers", "roles", "grants", "sessions"]), tree)


@given(documents, documents)
def test_any_two_documents_can_be_compared(old, new):
    assert all(isinstance(line, str) for line in describe_difference(old, new))
    assert describe_difference(new, copy.deepcopy(new)) == ()
