"""What every test process needs before Airflow is imported: a home of its own, and no trace of the developer's.

Airflow reads its configuration at import and writes ``airflow.cfg`` into its home. Each process (xdist starts one
per worker) gets a temporary home with its own SQLite database, fixed keys and an absolute base URL.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

assert "airflow" not in sys.modules, "Airflow was imported before its home was set: what pytest loads must not do that"

HOME = Path(tempfile.mkdtemp(prefix="airflow-oidc-auth-test-"))
# One for all processes of a run: xdist starts the workers with the environment of the process that collects for all.
_SHARED = "AIRFLOW_OIDC_AUTH_TESTS"
_IS_FIRST = _SHARED not in os.environ
SHARED = Path(tempfile.mkdtemp(prefix="airflow-oidc-auth-tests-") if _IS_FIRST else os.environ[_SHARED])
os.environ[_SHARED] = str(SHARED)
if _IS_FIRST:
    # Benchmarks start servers of the tests, too, and know nothing of pytest's end.
    atexit.register(shutil.rmtree, SHARED, ignore_errors=True)
# Not secret: made up for tests. Fixed, so that parametrised ids are equal in every xdist worker.
FERNET_KEY = "Zm9yIHRlc3RzIG9ubHksIG5vdCBhIHJlYWwga2V5ISE="
JWT_SECRET = "for tests only " * 8

for name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[name]
os.environ.update(
    AIRFLOW_HOME=str(HOME),
    AIRFLOW__API__BASE_URL="http://localhost:8080",
    AIRFLOW__API_AUTH__JWT_SECRET=JWT_SECRET,
    AIRFLOW__CORE__AUTH_MANAGER="airflow_oidc_auth.OidcAuthManager",
    AIRFLOW__CORE__DAGS_FOLDER=str(HOME / "dags"),
    AIRFLOW__CORE__FERNET_KEY=FERNET_KEY,
    AIRFLOW__CORE__LOAD_EXAMPLES="false",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME / 'airflow.db'}",
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=str(HOME / "logs"),
    NO_PROXY="localhost,127.0.0.1",
)

# The same examples in each run, however long a busy machine takes; `--hypothesis-profile searching` looks for others.
settings.register_profile(
    "steady", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("searching", deadline=None, max_examples=1_000)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    """Let Airflow's own deprecations pass; naming the category imports Airflow, so not in pyproject.toml."""
    config.addinivalue_line("filterwarnings", "ignore::airflow.exceptions.RemovedInAirflow4Warning")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name no test after a long value: keys and ciphertexts differ in each xdist worker, which then collect others."""
    return argname if isinstance(val, (str, bytes)) and len(val) > 40 else None


def pytest_unconfigure() -> None:
    """Remove the temporary home."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """AIRFLOW_HOME of this test process."""
    return HOME
