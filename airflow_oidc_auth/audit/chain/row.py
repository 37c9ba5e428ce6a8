"""One sealed row: which bytes are hashed, and where its place in the chain is written.

``extra`` ends with ``"chain", "seq", "salt", "link"``. The leaf is the hash of every column and of the exact text of
``extra`` up to the link, so that nothing depends on how JSON is read: of a key that stands there twice, readers
disagree on which counts. Times are whole microseconds. The salt keeps a leaf from telling, after a person was taken
out of the row, whose it was; it goes with the person.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import NamedTuple

EVENTS = "auth.%"
CHAIN_ID_BYTES = 16
SALT_BYTES = 16
HASH_BYTES = 32
PLACE_FIELDS = ("chain", "seq", "salt", "link")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
# Domain separation (RFC 6962 §2.1): no leaf can pass for a link.
_LEAF, _LINK, _GENESIS = b"\0", b"\1", b"\2"
_SEALED = re.compile(
    r'"chain": "([A-Za-z0-9_-]{22})", "seq": ([1-9][0-9]{0,17}), "salt": "[A-Za-z0-9_-]{22}", '
    r'"link": "([A-Za-z0-9_-]{43})"\}'
)
_encode = json.JSONEncoder(separators=(",", ":")).encode
# What the expression matches at the end, at most; it is looked for there only.
_LONGEST = 200
_LINK_MEMBER = len(', "link": ""}') + 43


class StoredRow(NamedTuple):
    """A row of Airflow's ``log`` table as it was read."""

    id: int
    dttm: datetime | None
    event: str
    owner: str | None
    owner_display_name: str | None
    dag_id: str | None
    task_id: str | None
    map_index: int | None
    logical_date: datetime | None
    run_id: str | None
    try_number: int | None
    extra: str | None


@dataclass(frozen=True, slots=True)
class Content:
    """What a row of ours holds when it is written; the other columns are empty.

    :param moment: microseconds since the epoch
    :param extra: a JSON object, as text
    """

    moment: int
    event: str
    owner: str | None
    extra: str


class Place(NamedTuple):
    """Where a row says that it belongs.

    :param link: 43 characters of base64url
    """

    chain: str
    seq: int
    link: str


def to_moment(dttm: datetime) -> int:
    """Return microseconds since the epoch; a time without a zone is UTC, as SQLite returns it."""
    aware = dttm if dttm.tzinfo is not None else dttm.replace(tzinfo=timezone.utc)
    return (aware - _EPOCH) // _MICROSECOND


def from_moment(moment: int) -> datetime:
    """Return the time in UTC."""
    return _EPOCH + moment * _MICROSECOND


def add_place(extra: str, chain: str, seq: int, salt: str) -> str:
    """Return ``extra`` with its place, still without the link: what is hashed of it."""
    head = extra.rstrip()[:-1].rstrip()
    comma = "" if head.endswith("{") else ", "
    return f'{head}{comma}"chain": "{chain}", "seq": {seq}, "salt": "{salt}"'


def add_link(unlinked: str, link: bytes) -> str:
    """Return the ``extra`` that is written."""
    return f'{unlinked}, "link": "{encode(link)}"}}'


def find_place(extra: str | None) -> Place | None:
    """Return where a row belongs, None for one that was never sealed."""
    if not extra or (found := _SEALED.search(extra, max(0, len(extra) - _LONGEST))) is None:
        return None
    return Place(found[1], int(found[2]), found[3]) if found.end() == len(extra) else None


def leaf_of(row: StoredRow) -> bytes:
    """Return the leaf of a row that is sealed."""
    logical = None if row.logical_date is None else to_moment(row.logical_date)
    rest = (row.dag_id, row.task_id, row.map_index, logical, row.run_id, row.try_number)
    moment = None if row.dttm is None else to_moment(row.dttm)
    return _leaf([moment, row.event, row.owner, row.owner_display_name, *rest, (row.extra or "")[:-_LINK_MEMBER]])


def leaf_of_content(content: Content, unlinked: str) -> bytes:
    """Return the leaf that the row will have when it is read again."""
    nothing = (None,) * 6
    return _leaf([content.moment, content.event, content.owner, content.owner, *nothing, unlinked])


def next_link(link: bytes, leaf: bytes) -> bytes:
    """Return the link of a row from the one before."""
    return sha256(_LINK + link + leaf).digest()


def first_link(genesis: str) -> bytes:
    """Return what the first row of a chain is linked to.

    :param genesis: the signed statement that the chain begins with
    """
    return sha256(_GENESIS + genesis.encode("ascii")).digest()


def encode(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of base64url without padding.

    :raises ValueError: it is none
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _leaf(columns: list[object]) -> bytes:
    return sha256(_LEAF + _encode(columns).encode("ascii")).digest()
