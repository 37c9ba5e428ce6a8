from __future__ import annotations

import pytest

from airflow_oidc_auth.fab.mapped_identities import Linked, MappedIdentities
from airflow_oidc_auth.fab.mapping import parse_mapping
from tests.unit.fab.providers import TENANT, providers

KEYCLOAK = "https://sso.example.com/realms/acme"
OKTA = "https://acme.okta.com"
USERS = ("ada", "Bob", "carl", "8d6e4a3c-0000-4000-8000-1234567890ab")


def check(
    data: bytes, *configured: str, linked: dict[str, tuple[str, str]] | None = None
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    rows, problems = parse_mapping(data)
    mapped = MappedIdentities(USERS, Linked(linked or {}), providers(*configured or ("keycloak",)))
    for row in rows:
        mapped.add(row)
    planned = {name: identity.key for name, identity in mapped.identities.items()}
    return planned, [str(each) for each in (*problems, *mapped.problems)]


def test_rows_name_users_and_subjects() -> None:
    planned, problems = check(b"username,subject\nada,s-1\nBob,s-2\n")
    assert (planned, problems) == ({"ada": (KEYCLOAK, "s-1"), "Bob": (KEYCLOAK, "s-2")}, [])


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfusername,subject\r\nada,s-1\r\n",
        b"subject,username\ns-1,ada\n\n\n",
        b'username,subject,issuer\n"ada","s-1",\n',
        b"username,subject,issuer\nada,s-1,https://sso.example.com/realms/acme",
    ],
)
def test_what_spreadsheets_and_people_write_is_read(data: bytes) -> None:
    assert check(data) == ({"ada": (KEYCLOAK, "s-1")}, [])


def test_the_issuer_decides_between_providers() -> None:
    data = f"username,subject,issuer\nada,s-1,{KEYCLOAK}\nBob,s-1,{OKTA}\n".encode()
    assert check(data, "keycloak", "okta") == ({"ada": (KEYCLOAK, "s-1"), "Bob": (OKTA, "s-1")}, [])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1: the header must name the columns username,subject"),
        (b"ada,s-1\n", "line 1: the header must name the columns"),
        (b"username;subject\nada;s-1\n", "line 1: columns are separated by commas"),
        (b"username,subject,email\nada,s,e\n", "line 1: unknown column 'email'"),
        (b"username,subject,subject\nada,s,s\n", "line 1: a column is named twice"),
        (b"username,subject\nada\n", "line 2: has 1 cells, and the header has 2"),
        (b"username,subject\nada,s,t\n", "line 2: has 3 cells"),
        (b"username,subject\n,s\n", "line 2: username must not be empty"),
        (b"username,subject\nada,  \n", "line 2: subject must not be empty"),
        (b"username,subject\n\n\xff,s\n", "line 3: is not UTF-8 text"),
        (b'username,subject\nada,"s\n', "cannot be read as CSV"),
        (b"username,subject\neve,s\n", "line 2: FAB has no user 'eve'"),
        (b"username,subject\nAda,s\n", "line 2: FAB has no user 'Ada': did you mean ada?"),
        (b"username,subject\nada, s\n", "line 2: the subject has spaces around it"),
        (b"username,subject\nada,s\nada,t\n", "line 3: user 'ada' is in line 2 already"),
        (b"username,subject\nada,s\n\nBob,s\n", "line 4: subject 's' is in line 2 already, for 'ada'"),
        (b"username,subject,issuer\nada,s,https://evil.example\n", "line 2: No configured provider has the issuer"),
    ],
)
def test_a_bad_row_is_named_with_its_line(data: bytes, problem: str) -> None:
    problems = check(data)[1]
    assert len(problems) == 1
    assert problem in problems[0]


def test_all_mistakes_are_told_at_once() -> None:
    problems = check(b"username,subject\neve,s\nada\nBob,\ncarl,ok\ncarl,twice\n")[1]
    assert sorted(problem.partition(":")[0] for problem in problems) == ["line 2", "line 3", "line 4", "line 6"]


@pytest.mark.parametrize("configured", [("keycloak", "okta"), ("entra-many",)])
def test_an_issuer_is_never_guessed(configured: tuple[str, ...]) -> None:
    assert "the issuer is missing" in check(b"username,subject\nada,s\n", *configured)[1][0]


def test_a_tenant_of_a_shared_endpoint_is_an_issuer() -> None:
    issuer = f"https://login.microsoftonline.com/{TENANT}/v2.0"
    data = f"username,subject,issuer\n{USERS[3]},AAAAsub,{issuer}\n".encode()
    assert check(data, "entra-many") == ({USERS[3]: (issuer, "AAAAsub")}, [])


@pytest.mark.parametrize(
    ("linked", "problem"),
    [
        ({"ada": (KEYCLOAK, "s")}, None),
        ({"ada": (KEYCLOAK, "other")}, "is linked to subject 'other'"),
        ({"Bob": (KEYCLOAK, "s")}, "is linked to user 'Bob' already"),
    ],
)
def test_links_that_exist_are_respected(linked: dict[str, tuple[str, str]], problem: str | None) -> None:
    problems = check(b"username,subject\nada,s\n", linked=linked)[1]
    assert problems == [] if problem is None else problem in problems[0]
