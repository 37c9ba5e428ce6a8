"""Whoever is denied something comes with another kind of token: made for fewer roles, by an actor, of a token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from importlib.metadata import version

import pytest
from airflow.models.asset import AssetEvent, AssetModel, AssetPartitionDagRun
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.utils.session import create_session
from packaging.version import Version
from sqlalchemy import delete, update

from airflow_oidc_auth.testing import Program
from tests.contract.bearer import call, forget, token_of
from tests.contract.departments import BUNDLE, DAGS, FINANCE_DAGS
from tests.contract.test_rights import listed
from tests.contract.test_token_endpoint import exchange, made

API = "/api/v2"
FROM_3_3_2 = pytest.mark.skipif(
    Version(version("apache-airflow-core")) < Version("3.3.2"),
    reason="core before 3.3.2 shows all asset events, counts a DAG by its newest run alone, and asks about no DAG "
    "where it shows a run to come",
)
SEEN = ("finance_daily", "marketing_mail")
AGENT = Program("agent-app", actors=("agent-7",))
CLOSED = [("GET", "dags/finance_daily/dagRuns"), ("GET", "connections/fin-bank"), ("DELETE", "connections/fin-bank")]


@pytest.fixture(autouse=True)
def _anew(native):
    forget(native)


def personal(server, *, narrowed: bool) -> str:
    """Return what a person gets in the browser; and a token of fewer roles that is made with it."""
    token = server.sign_in("con").post("/ui/auth/token", json={"token_type": "api"}).json()["access_token"]
    return made(exchange(server, token, scope="Op")) if narrowed else token


TOKENS = {
    "of the provider": lambda server: token_of(server, "con"),
    "of the provider, delegated": lambda server: token_of(server, "con", AGENT),
    "exchanged": lambda server: made(exchange(server, token_of(server, "con"))),
    "exchanged and narrowed": lambda server: made(exchange(server, token_of(server, "con"), scope="Op")),
    "exchanged, delegated": lambda server: made(exchange(server, token_of(server, "con", AGENT))),
    "exchanged, delegated, narrowed": lambda server: made(exchange(server, token_of(server, "con", AGENT), scope="Op")),
    "exchanged twice": lambda server: made(
        exchange(server, made(exchange(server, token_of(server, "con"), scope="Op")), scope="Op")
    ),
    "personal": lambda server: personal(server, narrowed=False),
    "personal, narrowed": lambda server: personal(server, narrowed=True),
}


@pytest.mark.parametrize("kind", TOKENS)
def test_no_kind_of_token_loses_what_its_owner_is_denied(native, kind):
    token = TOKENS[kind](native)
    assert call(native, token, f"{API}/connections/mkt-mail").status_code == 200
    for method, path in CLOSED:
        assert call(native, token, f"{API}/{path}", method=method).status_code == 403, (method, path)
    found = listed(call(native, token, f"{API}/connections"), "connections", "connection_id")
    assert found.isdisjoint({"fin-bank", "fin-erp"})


@pytest.mark.parametrize("scope", ["%7Bcontractor%7D", "{contractor}", "Op %7Bcontractor%7D", "Admin", "op"])
def test_no_scope_names_what_is_no_role_of_the_owner(native, scope):
    assert exchange(native, token_of(native, "con"), scope=scope).json()["error"] == "invalid_scope"


@pytest.fixture
def happenings() -> Iterator[None]:
    """A run of each department, its asset event, and a run that waits for partitions."""
    asset = AssetModel(name="of-denials", uri="s3://of-denials", group="asset", extra={})
    with create_session(scoped=False) as session:
        session.execute(update(DagRun).where(DagRun.dag_id.in_(SEEN)).values(state="running"))
        session.add(asset)
        session.flush()
        for dag_id in SEEN:
            session.add(AssetEvent(asset_id=asset.id, source_dag_id=dag_id, source_run_id=f"run-{dag_id}"))
            session.add(AssetPartitionDagRun(target_dag_id=dag_id, partition_key="2026"))
    yield
    with create_session(scoped=False) as session:
        session.execute(update(DagRun).where(DagRun.dag_id.in_(SEEN)).values(state="success"))
        for table in (AssetEvent, AssetPartitionDagRun, AssetModel):
            session.execute(delete(table))


@pytest.mark.usefixtures("happenings")
@pytest.mark.parametrize(
    "path, key, field",
    [
        pytest.param(f"{API}/assets/events", "asset_events", "source_dag_id", marks=FROM_3_3_2),
        ("/ui/partitioned_dag_runs", "partitioned_dag_runs", "dag_id"),
        (f"{API}/dags?last_dag_run_state=running", "dags", "dag_id"),
        (f"{API}/dags?dag_run_state=running", "dags", "dag_id"),
        (f"{API}/dags?order_by=-last_run_state&limit=200", "dags", "dag_id"),
    ],
)
def test_no_list_tells_of_runs_that_are_denied(native, path, key, field):
    """Core asks whether DAGs or assets may be read, and shows, chooses or sorts by runs."""
    found = listed(native.sign_in("con").get(path), key, field)
    assert found.isdisjoint(FINANCE_DAGS)
    assert "marketing_mail" in found or "last_dag_run_state" in path or "dag_run_state" in path


@FROM_3_3_2
@pytest.mark.usefixtures("happenings")
def test_no_answer_tells_of_a_run_to_come_whose_dag_keeps_its_runs_to_itself(native):
    """Core asks about assets and the DAG alone; the list of such runs leaves this one out."""
    path, con = "/ui/pending_partitioned_dag_run/{}?partition_key=2026", native.sign_in("con")
    found = {dag_id: con.get(path.format(dag_id)).status_code for dag_id in SEEN}
    assert found == {"finance_daily": 403, "marketing_mail": 200}


@FROM_3_3_2
@pytest.mark.usefixtures("happenings")
def test_no_number_tells_of_runs_that_are_denied(native):
    of_everybody = native.sign_in("ada").get("/ui/dashboard/dag_stats").json()["running_dag_count"]
    assert native.sign_in("con").get("/ui/dashboard/dag_stats").json()["running_dag_count"] == of_everybody - 1


def test_a_list_of_dags_alone_still_shows_those_whose_runs_are_denied(native):
    answer = native.sign_in("con").get(f"{API}/dags", params={"order_by": "-dag_id", "limit": 200})
    assert listed(answer, "dags", "dag_id") >= FINANCE_DAGS


LINE = "salary = 4200"
FILES = {
    "finance.py": ("finance_daily",),
    "both.py": ("finance_payroll", "marketing_mail"),
    "merger.py": ("finance_secret_merger",),
}


@pytest.fixture
def broken() -> Iterator[dict[str, int]]:
    """Files that cannot be read any more, and the numbers of their errors."""
    with create_session(scoped=False) as session:
        for file, dags in FILES.items():
            session.execute(update(DagModel).where(DagModel.dag_id.in_(dags)).values(relative_fileloc=file))
        error = {"bundle_name": BUNDLE, "stacktrace": LINE, "timestamp": datetime.now(timezone.utc)}
        found = {file: ParseImportError(filename=file, **error) for file in FILES}
        session.add_all(found.values())
        session.flush()
        numbers = {file: error.id for file, error in found.items()}
    yield numbers
    with create_session(scoped=False) as session:
        session.execute(delete(ParseImportError))
        session.execute(update(DagModel).where(DagModel.dag_id.in_(DAGS)).values(relative_fileloc=None))


def test_no_import_error_tells_lines_of_code_that_are_denied(native, broken):
    """Core asks whether the DAGs of the file may be read, and shows where in the file it failed."""
    ada, con = native.sign_in("ada"), native.sign_in("con")
    told = [ada.get(f"{API}/importErrors"), *(ada.get(f"{API}/importErrors/{number}") for number in broken.values())]
    assert all(LINE in answer.text for answer in told)
    assert listed(con.get(f"{API}/importErrors"), "import_errors", "filename") == {"both.py"}
    assert LINE not in con.get(f"{API}/importErrors").text
    answers = {file: con.get(f"{API}/importErrors/{number}") for file, number in broken.items()}
    assert {file: answer.status_code for file, answer in answers.items()} == {
        "finance.py": 403,
        "both.py": 200,
        "merger.py": 403,
    }
    assert LINE not in answers["both.py"].text
