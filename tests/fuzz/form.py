"""Forms, addresses and headers of programs: read once, strictly, or refused."""

from __future__ import annotations

from urllib.parse import parse_qsl

from airflow_oidc_auth.errors import OidcAuthError
from airflow_oidc_auth.login.token_form import check_target, is_below, read_wanted, spell_scope
from airflow_oidc_auth.web.query import read_pairs
from airflow_oidc_auth.web.token_header import check_query, read_call

BASE_URL = "https://airflow.example/data"
WORDS = (
    *("grant_type=", "&scope=", "&audience=", "&resource=", "&label=", "&expires_in=", "&subject_token=", "%20", "%00"),
    *(
        "https://airflow.example/data",
        "%2f",
        "..",
        "Bearer ",
        "DPoP ",
        "access_token=",
        "&jwt=",
        "access%5ftoken",
        "\n",
    ),
)


def run(data: bytes) -> None:
    """Read the same bytes as a form, as an Authorization header and as a query."""
    _form(data)
    _header(data)
    _query(data)


def _form(data: bytes) -> None:
    try:
        form = read_pairs(data)
        assert dict(parse_qsl(data.decode(), keep_blank_values=True)) == form
        wanted = read_wanted(form)
        check_target(form, BASE_URL, ("urn:airflow",))
    except OidcAuthError:
        return
    assert wanted.lifetime is None or wanted.lifetime > 0
    if wanted.scope is not None:
        assert read_wanted({"scope": spell_scope(wanted.scope)}).scope == wanted.scope
    for name in ("audience", "resource"):
        target = form.get(name, "")
        assert target in ("", "urn:airflow") or target.lower().startswith("https://airflow.example/data")
    assert not is_below(form.get("label", ""), BASE_URL) or form["label"].lower().startswith("https://airflow.example")


def _header(data: bytes) -> None:
    scope = {"type": "http", "headers": [(b"authorization", line) for line in data.split(b"\n")[:2]]}
    try:
        call = read_call(scope, lambda: BASE_URL)
    except OidcAuthError:
        return
    if call is not None and call.token:
        assert call.token.isascii()
        assert call.token.isprintable()
        assert " " not in call.token
        assert scope["headers"] == [(b"authorization", b"Bearer " + call.token.encode())]


def _query(data: bytes) -> None:
    scope = {"type": "http", "query_string": data, "headers": []}
    try:
        check_query(scope, "/api/v2/dags")
    except OidcAuthError:
        assert scope["query_string"] == b"", "a token stays where logs find it"
        return
    names = {name.lower() for name, _ in parse_qsl(data.decode("latin-1"), keep_blank_values=True)}
    assert not names & {"access_token", "jwt"}
