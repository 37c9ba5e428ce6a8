"""What MariaDB takes for an ASCII name folds to it, or nobody can tell: else a denial could be spelled around."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from airflow_oidc_auth.policy.spelling import fold_name

COLLATIONS = ("utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci")
CHARACTERS = [chr(number) for number in range(1, 0x20000) if not 0xD800 <= number < 0xE000]
PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_."
PORTION = 10_000


@pytest.fixture(scope="module")
def characters(mariadb_url):
    """A connection with a table of every character that may stand in a name."""
    engine = create_engine(mariadb_url)
    with engine.begin() as connection:
        run = connection.exec_driver_sql
        run("CREATE TEMPORARY TABLE names (shown VARCHAR(4) CHARACTER SET utf8mb4)")
        for first in range(0, len(CHARACTERS), PORTION):
            run("INSERT INTO names VALUES (%s)", [(each,) for each in CHARACTERS[first : first + PORTION]])
        yield connection
    engine.dispose()


@pytest.mark.parametrize("collation", COLLATIONS)
@pytest.mark.parametrize("meant", ["", *PLAIN])
def test_every_character_that_mariadb_reads_as_another_folds_to_it(characters, collation, meant):
    asked = f"SELECT shown FROM names WHERE CONCAT('x', shown, 'y') COLLATE {collation} = %s"
    found = [shown for (shown,) in characters.exec_driver_sql(asked, (f"x{meant}y",))]
    assert [shown for shown in found if fold_name(f"x{shown}y") not in (None, f"x{meant}y")] == []
