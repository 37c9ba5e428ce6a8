"""The searcher finds what it is there to find; otherwise finding nothing would say nothing."""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
import zlib
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.leaks.hoard import Hoard

SECRET = "s3cr3t/+of=the&client-" + secrets.token_urlsafe(12)
TOKEN = f"eyJhbGciOiJIUzI1NiJ9.{base64.urlsafe_b64encode(secrets.token_bytes(90)).decode()}.{secrets.token_urlsafe(43)}"

PLANTED = {
    "a line of a log": lambda secret: f"2027-01-15 WARNING refused code={secret} correlation_id=1".encode(),
    "an address": lambda secret: f"GET /auth/callback?{urlencode({'code': secret})} 200".encode(),
    "a cut text": lambda secret: f"Bearer {secret[-25:]}…".encode(),
    "JSON in JSON": lambda secret: json.dumps({"extra": json.dumps({"a": secret})}).encode(),
    "Basic": lambda secret: base64.b64encode(f"airflow:{secret}".encode()),
    "base64, one further": lambda secret: base64.b64encode(f"xairflow:{secret}x".encode()),
    "base64url, two further": lambda secret: base64.urlsafe_b64encode(f"xxairflow:{secret}x".encode()),
    "hex": lambda secret: secret.encode().hex().encode(),
    "a traceback": lambda secret: f"    raise ValueError({secret!r})\nValueError: {secret!r}".encode(),
}


@pytest.mark.parametrize("how", PLANTED)
@pytest.mark.parametrize("secret", [SECRET, TOKEN], ids=["secret", "token"])
def test_a_leak_that_is_planted_is_found(how: str, secret: str) -> None:
    hoard = Hoard()
    hoard.add("planted", secret)
    found = hoard.search("here", b"x" * 1000 + PLANTED[how](secret) + b"y" * 1000)
    assert {(leak.kind, leak.place) for leak in found} == {("planted", "here")}
    assert secret not in repr(found)


def test_a_row_that_was_deleted_is_found_in_the_file(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("CREATE TABLE a (b TEXT)")
        database.execute("INSERT INTO a VALUES (?)", [SECRET])
        database.commit()
        database.execute("DELETE FROM a")
    hoard = Hoard()
    hoard.add("planted", SECRET)
    assert hoard.search("the file", (tmp_path / "a.db").read_bytes())


def test_what_is_encrypted_or_another_is_not_found() -> None:
    hoard = Hoard()
    hoard.add("client secret", SECRET)
    hoard.add("token", TOKEN)
    harmless = [secrets.token_bytes(5000), TOKEN.partition(".")[0].encode(), SECRET[:6].encode(), zlib.compress(b"x")]
    assert not hoard.search("here", b" ".join(harmless))


def test_a_secret_that_would_be_found_by_chance_is_not_taken() -> None:
    with pytest.raises(AssertionError, match="too short"):
        Hoard().add("pin", "1234")
