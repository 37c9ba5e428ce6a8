"""``airflow oidc audit``, and the commands that change or write audit rows, on a signed trail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select, text

from airflow_oidc_auth.audit.chain.keys import SigningKey
from airflow_oidc_auth.audit.chain.row import add_link, add_place, from_moment
from airflow_oidc_auth.audit.chain.statement import read_statement
from airflow_oidc_auth.secret import Secret
from airflow_oidc_auth.sessions.models import audit_statements
from airflow_oidc_auth.sessions.principal import principal_id
from tests.storage.audit_rig import LOG, AuditDatabase, Server
from tests.storage.people import ISSUER
from tests.unit.audit.keys import make_pem
from tests.unit.cli.office_database import OfficeDatabase
from tests.unit.cli.running import Oidc

DAY = 86_400
ADA = {"issuer": ISSUER, "subject": "ada", "principal_id": principal_id(ISSUER, "ada"), "owner": "Ada Lovelace"}
FORGET = ("forget", "--issuer", ISSUER, "--subject", "ada", "--yes")


@pytest.fixture
def key_file(office: OfficeDatabase, tmp_path: Path) -> Path:
    path = tmp_path / "audit.pem"
    path.write_text(make_pem(), encoding="ascii")
    office.configure(f"audit: {{signing_key: {{file: {path}}}}}")
    return path


@pytest.fixture
def audit(office: OfficeDatabase) -> AuditDatabase:
    with office.transactions() as transaction:
        return AuditDatabase(transaction.get_bind())


@pytest.fixture
def server(audit: AuditDatabase, key_file: Path) -> Server:
    """A server that wrote and signed five rows of Ada's and five of Bob's."""
    server = Server(audit, key_file.read_text("ascii"))
    server.write(5, **ADA)
    server.write(5, subject="bob", owner="Bob")
    server.sign()
    return server


def test_an_untouched_trail_is_told_so(oidc: Oidc, server: Server) -> None:
    server.stop()
    done = oidc("audit", "verify")
    assert (done.code, done.out.splitlines()[0]) == (0, "The audit trail is what was signed.")
    data = oidc("audit", "verify", "--json").data
    assert (data["intact"], data["rows"]["signed"], data["chains"][0]["ended"]) == (True, 10, True)


def test_what_was_changed_is_named_and_fails(oidc: Oidc, audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[2]
    audit.change(row, owner="Mallory")
    done = oidc("audit", "verify")
    assert done.code == 1
    assert f"changed  row {row.id} (auth.login, " in done.out
    (finding,) = oidc("audit", "verify", "--json").data["findings"]
    assert (finding["kind"], finding["row_id"], finding["first"]) == ("row_changed", row.id, 3)


def test_a_time_that_is_none_ends_neither_verification_nor_export_in_a_traceback(
    oidc: Oidc, audit: AuditDatabase, server: Server
) -> None:
    """SQLite takes any text for a time."""
    with audit.engine.begin() as connection:
        connection.execute(text("UPDATE log SET dttm = 'never' WHERE id = (SELECT max(id) FROM log)"))
    for asked in (("verify",), ("export", "--since", "7d")):
        done = oidc("audit", *asked)
        assert (done.code, "has a time that is none" in done.err) == (1, True)


def test_since_looks_at_later_rows_only(oidc: Oidc, audit: AuditDatabase, server: Server) -> None:
    row = audit.rows(server.chain)[2]
    audit.change(row, owner="Mallory")
    assert oidc("audit", "verify", "--since", "1h").code == 1
    assert oidc("audit", "verify", "--since", "2100-01-01").code == 0
    assert "takes a date" in oidc("audit", "verify", "--since", "yesterday").err


def test_an_auditor_needs_public_keys_only(oidc: Oidc, key_file: Path, server: Server, tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(server.trail.jwks()), encoding="ascii")
    assert "PRIVATE" not in keys.read_text("ascii")
    key_file.unlink()
    assert oidc("audit", "verify").code == 3
    assert oidc("audit", "verify", "--key", str(keys)).code == 0
    keys.write_text(json.dumps({"keys": [SigningKey(Secret(make_pem())).public]}), encoding="ascii")
    assert oidc("audit", "verify", "--key", str(keys)).code == 1
    keys.write_text("{}", encoding="ascii")
    assert oidc("audit", "verify", "--key", str(keys)).code == 1
    fetched = oidc("audit", "verify", "--key", "https://airflow.example.com/auth/audit/jwks.json")
    assert (fetched.code, "--key takes a file: save" in fetched.err) == (1, True), fetched.err


@pytest.mark.parametrize(
    "audit_section, path, text",
    [
        ("", "audit.signing_key", "is not set"),
        ("audit: {signing_key: {env: NO_SUCH_VARIABLE}}", "audit.signing_key", "NO_SUCH_VARIABLE is not set"),
        ("audit: {signing_key: {env: HOME}}", "audit.signing_key", "is no PEM private key"),
        ("audit: {retired_keys_file: /nowhere}", "audit.retired_keys_file", "of no use without signing_key"),
        ("audit: {signing_kee: {env: HOME}}", "audit.signing_kee", "signing_key"),
    ],
)
def test_a_wrong_configuration_names_the_setting(
    oidc: Oidc, office: OfficeDatabase, audit_section: str, path: str, text: str
) -> None:
    office.configure(audit_section)
    for more in (("verify",), ("prune", "--before", "90d")):
        done = oidc("audit", *more, "--json")
        assert done.code == 3
        told = [f"{each['path']} {each['text']} {each['suggestion']}" for each in done.data["problems"]]
        assert any(path in each and text in each for each in told), told


def test_a_row_in_no_chain_is_worth_a_look_and_fails_where_that_is_asked(
    oidc: Oidc, audit: AuditDatabase, server: Server
) -> None:
    audit.copy(audit.rows(server.chain)[0], extra='{"subject": "eve"}')
    done = oidc("audit", "verify")
    assert (done.code, "1 row in no chain" in done.out) == (0, True)
    assert oidc("audit", "verify", "--strict").code == 1


def test_rows_that_the_server_could_not_seal_are_told_with_what_it_signed_about_them(
    oidc: Oidc, audit: AuditDatabase, key_file: Path
) -> None:
    server = Server(audit, key_file.read_text("ascii"), most_waiting=4)
    server.write(6, **ADA)
    server.sign()
    done = oidc("audit", "verify")
    assert (done.code, "2 rows got no place in a chain" in done.out) == (0, True), done.out
    assert oidc("audit", "verify", "--strict").code == 1
    assert oidc("audit", "verify", "--json").data["rows"]["not_sealed"] == 2
    assert oidc("audit", "verify", "--since", "2100-01-01", "--json").data["rows"]["not_sealed"] == 0


def test_a_person_who_is_forgotten_leaves_a_trail_that_verifies(
    oidc: Oidc, office: OfficeDatabase, audit: AuditDatabase, server: Server
) -> None:
    before = audit.rows(server.chain)[0].extra
    assert oidc(*FORGET).code == 0
    server.stop()
    row = audit.rows(server.chain)[0]
    assert row.owner.startswith("forgotten-")
    assert '"ada"' not in row.extra
    data = oidc("audit", "verify", "--json").data
    assert (data["intact"], data["rows"]["erased"], data["rows"]["signed"]) == (True, 5, 11)
    # Who knows the old salt could try subjects until a hash fits.
    assert json.loads(before)["salt"] not in row.extra
    assert json.loads(before)["link"] == json.loads(row.extra)["link"]


def test_what_is_not_signed_yet_can_be_forgotten_too(oidc: Oidc, audit: AuditDatabase, server: Server) -> None:
    server.write(3, **ADA)
    assert oidc(*FORGET).code == 0
    assert oidc("audit", "verify").code == 0
    server.stop()
    assert oidc("audit", "verify").code == 0


def test_an_erased_row_that_is_changed_is_found(oidc: Oidc, audit: AuditDatabase, server: Server) -> None:
    assert oidc(*FORGET).code == 0
    audit.change(audit.rows(server.chain)[0], owner="Mallory")
    assert oidc("audit", "verify").code == 1


def test_an_erasure_that_nobody_trusted_signed_for_is_a_change(
    oidc: Oidc, audit: AuditDatabase, server: Server
) -> None:
    assert oidc(*FORGET).code == 0
    (erased,) = [each for each in audit.statements(server.chain) if each.kind == "erased"]
    other = SigningKey(Secret(make_pem()))
    audit.change_statement(erased, statement=other.sign(read_statement(erased.statement)))
    assert len(oidc("audit", "verify", "--json").data["findings"]) == 5


def test_nothing_is_forgotten_without_the_key(oidc: Oidc, audit: AuditDatabase, server: Server, key_file: Path) -> None:
    key_file.unlink()
    done = oidc(*FORGET)
    assert (done.code, "audit.signing_key" in done.err) == (3, True)
    assert audit.rows(server.chain)[0].owner == "Ada Lovelace"


def test_rows_that_commands_write_are_signed_at_once(oidc: Oidc, office: OfficeDatabase, server: Server) -> None:
    office.open("bob")
    assert oidc("sessions", "end", "--all", "--reason", "test", "--yes").code == 0
    data = oidc("audit", "verify", "--json").data
    assert (data["intact"], data["rows"]["unchained"], len(data["chains"])) == (True, 0, 2)
    assert sorted((each["signed"], each["ended"]) for each in data["chains"]) == [(1, True), (10, False)]


def test_a_command_without_the_key_does_its_work_all_the_same(
    oidc: Oidc, office: OfficeDatabase, server: Server, key_file: Path, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps(server.trail.jwks()), encoding="ascii")
    key_file.unlink()
    session = office.open("bob")
    assert oidc("sessions", "end", "--all", "--reason", "test", "--yes").code == 0
    assert not office.lives(session)
    assert oidc("audit", "verify", "--key", str(keys), "--json").data["rows"]["unchained"] == 1


class Past:
    """A server whose first ten rows are of a year ago, then five of now."""

    def __init__(self, audit: AuditDatabase, pem: str, monkeypatch: pytest.MonkeyPatch, *, present: int = 5) -> None:
        import airflow.models.log as module

        today, audit.now = audit.now, audit.now - 365 * DAY
        clock = audit.clock
        with monkeypatch.context() as patch:
            patch.setattr(module.timezone, "utcnow", lambda: from_moment(int(clock() * 1_000_000)))
            self.server = Server(audit, pem)
            for _ in range(2):
                self.server.write(5, **ADA)
                self.server.sign()
        audit.now = today
        self.server.write(present, subject="bob", owner="Bob")
        self.server.sign()


@pytest.fixture
def past(audit: AuditDatabase, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    return Past(audit, key_file.read_text("ascii"), monkeypatch)


def prune(oidc: Oidc, *more: str):
    return oidc("audit", "prune", "--before", "90d", "--yes", "--json", *more)


def test_pruned_rows_are_gone_and_signed_for(oidc: Oidc, audit: AuditDatabase, past: Past) -> None:
    assert prune(oidc, "--dry-run").data["rows"] == 10
    assert len(audit.rows()) == 15
    done = prune(oidc)
    assert (done.code, done.data["rows"], done.data["chains"]) == (0, 10, 1)
    assert [row.event for row in audit.rows()] == ["auth.login"] * 5 + ["auth.audit_pruned"]
    kept = audit.statements(past.server.chain)
    assert [(each.kind, each.first_seq, each.last_seq) for each in kept] == [("rows", 11, 15), ("pruned", 0, 10)]
    past.server.write(2)
    past.server.stop()
    data = oidc("audit", "verify", "--json").data
    assert (data["intact"], data["rows"]["signed"]) == (True, 8)
    assert prune(oidc).data["rows"] == 0


def test_a_change_after_a_prune_is_found(oidc: Oidc, audit: AuditDatabase, past: Past) -> None:
    prune(oidc)
    audit.remove(audit.rows(past.server.chain)[0])
    (finding,) = oidc("audit", "verify", "--json").data["findings"]
    assert (finding["kind"], finding["first"]) == ("rows_removed", 11)


def test_a_prune_that_nobody_trusted_signed_for_is_no_prune(oidc: Oidc, audit: AuditDatabase, past: Past) -> None:
    prune(oidc)
    (pruned,) = [each for each in audit.statements(past.server.chain) if each.kind == "pruned"]
    other = SigningKey(Secret(make_pem()))
    audit.change_statement(pruned, statement=other.sign(read_statement(pruned.statement)))
    kinds = {each["kind"] for each in oidc("audit", "verify", "--json").data["findings"]}
    assert {"checkpoint_forged", "checkpoint_removed"} <= kinds


def test_rows_of_before_the_chain_and_unsigned_ends_are_pruned_too(
    oidc: Oidc, audit: AuditDatabase, past: Past
) -> None:
    old = audit.rows(past.server.chain)[0]
    audit.copy(old, extra="{}")
    assert prune(oidc).data["rows"] == 11
    assert oidc("audit", "verify", "--strict").code == 0


def test_a_forged_row_far_behind_the_end_does_not_let_a_prune_cover_later_rows(
    oidc: Oidc, audit: AuditDatabase, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unsigned end is pruned up to its last number; of a server that lives, those are numbers of rows to come."""
    server = Past(audit, key_file.read_text("ascii"), monkeypatch, present=0).server
    row = audit.rows(server.chain)[-1]
    audit.copy(row, extra=add_link(add_place("{}", server.chain, 1_000_000, "s" * 22), b"\0" * 32))
    assert prune(oidc).data["rows"] == 11
    server.write(5)
    server.sign()
    assert oidc("audit", "verify").code == 0
    audit.remove(audit.rows(server.chain)[1])
    (finding,) = oidc("audit", "verify", "--json").data["findings"]
    assert (finding["kind"], finding["first"]) == ("rows_removed", 12)


def test_a_prune_does_not_cover_up_what_somebody_did(oidc: Oidc, audit: AuditDatabase, past: Past) -> None:
    audit.remove(audit.rows(past.server.chain)[2])
    refused = oidc("audit", "prune", "--before", "90d", "--yes")
    assert (refused.code, "--accept" in refused.err) == (1, True)
    assert len(audit.rows()) == 14
    assert prune(oidc, "--accept").code == 0
    assert json.loads(audit.rows()[-1].extra)["accepted"] == 1
    assert oidc("audit", "verify").code == 0


def test_an_unsigned_clean_can_be_signed_for_afterwards(oidc: Oidc, audit: AuditDatabase, past: Past) -> None:
    audit.remove(*audit.rows(past.server.chain)[:10])
    assert oidc("audit", "verify").code == 1
    assert prune(oidc, "--accept").code == 0
    assert oidc("audit", "verify").code == 0


def test_rows_that_wait_for_their_signature_are_not_pruned(oidc: Oidc, server: Server) -> None:
    refused = oidc("audit", "prune", "--before", "1m", "--yes")
    assert (refused.code, "two hours" in refused.err) == (1, True)


def test_statements_hold_no_person(oidc: Oidc, office: OfficeDatabase, server: Server) -> None:
    oidc(*FORGET)
    with office.transactions() as transaction:
        texts = transaction.execute(select(audit_statements.c.statement)).scalars().all()
        assert transaction.execute(select(LOG.c.id)).all()
    for told in texts:
        payload = read_statement(told).payload().decode()
        assert not any(personal in payload for personal in ("Lovelace", "example", principal_id(ISSUER, "ada")))


def lines(done) -> list[dict]:
    return [json.loads(line) for line in done.out.splitlines()]


def test_an_export_is_one_object_a_line_with_the_place_in_the_chain(oidc: Oidc, server: Server) -> None:
    done = oidc("audit", "export", "--since", "1d")
    told = lines(done)
    assert (done.code, len(told)) == (0, 10)
    first = told[0]
    assert (first["event"], first["owner"], first["subject"], first["seq"]) == ("auth.login", "Ada Lovelace", "ada", 1)
    assert first["time"].endswith("+00:00")


def test_an_export_keeps_to_its_time(oidc: Oidc, audit: AuditDatabase, past: Past) -> None:
    assert len(lines(oidc("audit", "export", "--since", "2000-01-01"))) == 15
    assert len(lines(oidc("audit", "export", "--since", "90d"))) == 5
    assert len(lines(oidc("audit", "export", "--since", "2000-01-01", "--until", "90d"))) == 10
    assert oidc("audit", "export", "--since", "2100-01-01").out == ""


def test_an_export_shows_a_row_that_holds_no_json(oidc: Oidc, audit: AuditDatabase, server: Server) -> None:
    audit.change(audit.rows(server.chain)[0], extra="{broken")
    assert lines(oidc("audit", "export", "--since", "1d"))[0]["extra"] == "{broken"
    assert lines(oidc("audit", "export", "--since", "1d", "--format", "ocsf"))[0]["unmapped"] == {"extra": "{broken"}


HOSTILE = (
    '{"subject": "\\ud800"}',
    '{"subject": NaN}',
    '{"subject": 1e999}',
    '{"subject": "\x9b2J\u202e\u2028"}',
    '{"subject": ' + "[" * 960 + "]" * 960 + "}",
)


@pytest.mark.parametrize("extra", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("form", ["jsonl", "ocsf"])
def test_no_row_stops_an_export_nor_reaches_a_terminal_raw(
    oidc: Oidc, audit: AuditDatabase, server: Server, extra: str, form: str
) -> None:
    """Whoever can write rows could put one before those that nobody shall collect."""
    audit.change(audit.rows(server.chain)[0], extra=extra)
    done = oidc("audit", "export", "--since", "1d", "--format", form)
    assert (done.code, done.out.isascii(), len(lines(done))) == (0, True, 10)
    assert not [json.loads(line, parse_constant=pytest.fail) for line in done.out.splitlines()][10:]


def test_ocsf_events_have_what_their_class_requires(oidc: Oidc, server: Server) -> None:
    event = lines(oidc("audit", "export", "--since", "1d", "--format", "ocsf"))[0]
    assert (event["class_uid"], event["category_uid"], event["type_uid"]) == (3002, 3, 300201)
    assert (event["user"]["uid"], event["src_endpoint"]) == (ADA["principal_id"], {"ip": "192.0.2.7"})
    assert (event["metadata"]["version"], event["metadata"]["sequence"]) == ("1.3.0", 1)
    assert event["service"]["name"]
    assert "salt" not in event["unmapped"]
