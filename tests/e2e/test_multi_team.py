"""Two teams in one Airflow (`[core] multi_team`): who works in one of them sees that team's things and nothing else.

Beside them somebody whose role is for DAGs by their ids, whichever team they are of.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.airflow_server import ROOT, Airflow
from tests.e2e.conftest import PATIENCE
from tests.e2e.identity_providers import CLIENT_SECRET, OpenIdProvider
from tests.e2e.processes import wait_until
from tests.e2e.visitor import ADA, OSKAR, UMA, VICTOR, Visitor

pytestmark = pytest.mark.xdist_group("e2e-multi-team")

DEMO_DAGS = ROOT / "examples" / "demo" / "dags"
FILES = {"fin": "finance.py", "mkt": "marketing.py", None: "platform.py"}
"""The team of a bundle, None for a bundle of nobody's, and the file of the demo's that it holds."""

DAGS = {
    "fin": {"finance_daily_revenue", "finance_payroll"},
    "mkt": {"marketing_campaign_stats", "marketing_newsletter"},
    None: {"platform_cleanup"},
}
GROUPS = {"op-0002": ["accountants"], "op-0003": ["team-fin-ops"], "op-0004": ["team-mkt-viewer"]}
RULES = """\
roles:
  accounting:
    allow:
      - {actions: [read, run], dags: ["finance_*"], parts: [all]}
      - {actions: [read], views: [Website]}
      - {actions: [menu], menu: [DAGs]}
    deny:
      - {actions: [read], dags: [finance_payroll], parts: [code]}
grants:
  rules:
    - {name: platform admins, when: {group: airflow-admins}, roles: [Admin]}
    - {name: operators of a team, when: {group_regex: "team-(?P<team>[a-z]+)-ops"}, roles: [Op], teams: ["{team}"]}
    - {name: viewers of a team, when: {group_regex: "team-(?P<team>[a-z]+)-viewer"}, roles: [Viewer], teams: ["{team}"]}
    - {name: accountants, when: {group: accountants}, roles: [accounting]}
"""
BROKEN = """from airflow.sdk import DAG

LIMITS = {"salaries": 120_000}["bonuses"]
"""
"""A DAG file that never had a DAG, so that Airflow does not know whose its import error is."""
KINDS = {"connections": "connection_id", "pools": "name", "variables": "key"}
"""What Airflow keeps for teams beside DAGs, and the field that names it."""


@dataclass(frozen=True)
class People:
    """Who is signed in, each in a browser of their own."""

    admin: Visitor
    fin: Visitor
    mkt: Visitor
    accountant: Visitor


def bundles(folder: Path) -> str:
    """Return Airflow's setting for one bundle a team and one of nobody's."""
    entries = []
    for team, file in FILES.items():
        place = folder / (team or "common")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(DEMO_DAGS / file, place)
        (place / f"broken_{place.name}.py").write_text(BROKEN, encoding="utf-8")
        entry = {"name": place.name, "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle"}
        entries.append(entry | {"kwargs": {"path": str(place), "refresh_interval": 300}, "team_name": team})
    return json.dumps(entries)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("multi-team")


@pytest.fixture(scope="module")
def two_teams(place: Path) -> Iterator[Airflow]:
    """The running Airflow, its teams made as an administrator makes them."""
    airflow = Airflow(place / "airflow")
    op = OpenIdProvider(place / "op.log", airflow.base_url)
    for subject, groups in GROUPS.items():
        op.change(subject, {"groups": groups})
    provider = f"preset: oidc, issuer: '{op.issuer}', client_id: airflow, client_secret: {{env: E2E_CLIENT_SECRET}}"
    scopes = "scopes: [openid, profile, email, groups]"
    airflow.document.write_text(
        f"version: 1\nproviders:\n  op: {{{provider}, label: Company login, {scopes}}}\n{RULES}", encoding="utf-8"
    )
    teams = {
        "AIRFLOW__API__EXPOSE_CONFIG": "True",
        "AIRFLOW__CORE__MULTI_TEAM": "True",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": bundles(place / "bundles"),
        "E2E_CLIENT_SECRET": CLIENT_SECRET,
    }
    airflow.migrate()
    for step in (("teams", "create", "fin"), ("teams", "create", "mkt"), ("dags", "reserialize")):
        airflow.succeed(*step, **teams)
    airflow.start(**teams)
    yield airflow
    airflow.stop()
    op.stop()


@pytest.fixture(scope="module")
def people(browser: Browser, two_teams: Airflow) -> Iterator[People]:
    """Sign everybody in, and let the administrator make one thing of each kind for each team and for nobody."""
    contexts, visitors = [], []
    for name in (ADA, UMA, VICTOR, OSKAR):
        context = browser.new_context(locale="en-GB")
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        contexts.append(context)
        visitors.append(Visitor(context.new_page(), two_teams))
        visitors[-1].sign_in(name)
        visitors[-1].page.wait_for_url(f"{two_teams.base_url}/")
    found = People(*visitors)
    make_things(found.admin)
    yield found
    for context in contexts:
        context.close()


def make_things(admin: Visitor) -> None:
    for team in FILES:
        name, of_team = thing(team), {"team_name": team} if team else {}
        wanted = {
            "connections": {"connection_id": name, "conn_type": "http", "password": f"password of {name}"},
            "pools": {"name": name, "slots": 3},
            "variables": {"key": name, "value": f"value of {name}"},
        }
        for kind, body in wanted.items():
            answer = admin.post(f"/api/v2/{kind}", body | of_team)
            # A rerun finds what the run before made.
            assert answer.status in {201, 409}, f"{kind}: {answer.status} {answer.text()}"


def thing(team: str | None) -> str:
    return f"{team or 'common'}-thing"


def listed(visitor: Visitor, kind: str) -> set[str]:
    answer = visitor.get(f"/api/v2/{kind}")
    assert answer.status == 200, f"{kind}: {answer.status} {answer.text()}"
    return {each[KINDS.get(kind, "dag_id")] for each in answer.json()[kind]}


def test_an_administrator_sees_every_team_and_what_has_none(people: People) -> None:
    assert listed(people.admin, "dags") == DAGS["fin"] | DAGS["mkt"] | DAGS[None]
    for kind in KINDS:
        assert {thing(team) for team in FILES} <= listed(people.admin, kind)
    assert {team["name"] for team in people.admin.get("/ui/teams").json()["teams"]} == {"fin", "mkt"}


def test_an_operator_of_one_team_sees_that_team_in_every_list(people: People) -> None:
    assert listed(people.fin, "dags") == DAGS["fin"]
    for kind in KINDS:
        assert listed(people.fin, kind) == {thing("fin")}, kind
    assert {team["name"] for team in people.fin.get("/ui/teams").json()["teams"]} == {"fin"}


def test_a_viewer_of_the_other_team_sees_what_a_viewer_sees_of_that_team_only(people: People) -> None:
    assert listed(people.mkt, "dags") == DAGS["mkt"]
    assert people.mkt.get("/api/v2/connections").status == 403
    assert people.mkt.post("/api/v2/dags/marketing_newsletter/dagRuns", {"logical_date": None}).status == 403


@pytest.mark.parametrize("team", ["mkt", None])
def test_what_is_not_of_the_team_is_closed_by_its_name_too(people: People, team: str | None) -> None:
    for kind in KINDS:
        assert people.fin.get(f"/api/v2/{kind}/{thing(team)}").status == 403, kind
    for dag_id in DAGS[team]:
        for path in ("", "/details", "/dagRuns", "/tasks"):
            assert people.fin.get(f"/api/v2/dags/{dag_id}{path}").status == 403, dag_id + path
        assert people.fin.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None}).status == 403
        assert people.fin.get(f"/api/v2/dagSources/{dag_id}").status == 403


def test_an_operator_works_with_what_is_of_the_team(people: People) -> None:
    for kind in KINDS:
        assert people.fin.get(f"/api/v2/{kind}/{thing('fin')}").status == 200, kind
    assert people.fin.post("/api/v2/dags/finance_payroll/dagRuns", {"logical_date": None}).status == 200
    made = {"key": "fin-made", "value": "by the operator", "team_name": "fin"}
    assert people.fin.post("/api/v2/variables", made).status == 201
    # Deleted again: the lists of other tests hold what everybody's fixture made.
    assert people.fin.page.request.delete(people.fin.url("/api/v2/variables/fin-made")).status == 204


@pytest.mark.parametrize("team", ["mkt", None])
def test_nothing_is_made_in_another_team_or_in_none(people: People, team: str | None) -> None:
    of_team = {"team_name": team} if team else {}
    assert people.fin.post("/api/v2/variables", {"key": "smuggled", "value": "x"} | of_team).status == 403
    assert people.fin.post("/api/v2/pools", {"name": "smuggled", "slots": 1} | of_team).status == 403
    connection = {"connection_id": "smuggled", "conn_type": "http"}
    assert people.fin.post("/api/v2/connections", connection | of_team).status == 403


def test_what_has_no_team_is_closed_to_a_role_in_a_team(people: People) -> None:
    for name in ("config", "plugins", "jobs", "providers", "assets"):
        path = f"/api/v2/{name}"
        assert people.fin.get(path).status == 403, path
        assert people.admin.get(path).status == 200, path


def test_no_line_of_another_teams_broken_file_is_shown(people: People) -> None:
    """Airflow shows the import errors of files that never had a DAG to everybody who may see the page."""
    found = people.admin.get("/api/v2/importErrors").json()["import_errors"]
    assert {each["filename"] for each in found} >= {"broken_fin.py", "broken_mkt.py"}, found
    assert any("salaries" in each["stack_trace"] for each in found)
    for visitor in (people.fin, people.mkt, people.accountant):
        assert visitor.get("/api/v2/importErrors").status == 403
        for each in found:
            assert visitor.get(f"/api/v2/importErrors/{each['import_error_id']}").status == 403


def test_the_pages_show_one_team(people: People) -> None:
    people.fin.open("/dags")
    page = people.fin.page
    for dag_id in sorted(DAGS["fin"]):
        expect(page.get_by_text(dag_id, exact=True).first).to_be_visible()
    for dag_id in sorted(DAGS["mkt"] | DAGS[None]):
        expect(page.get_by_text(dag_id, exact=True)).to_have_count(0)
    for path in ("/connections", "/pools", "/variables"):
        people.fin.open(path)
        expect(page.get_by_text(thing("fin")).first).to_be_visible()
        for team in ("mkt", None):
            expect(page.get_by_text(thing(team))).to_have_count(0)


def test_my_access_names_the_team(people: People) -> None:
    people.fin.open("/auth/access")
    expect(people.fin.page.get_by_text("operators of a team")).to_be_visible()
    expect(people.fin.page.get_by_text("fin", exact=True).first).to_be_visible()


def test_a_role_for_some_dags_shows_these_and_no_others(people: People) -> None:
    assert listed(people.accountant, "dags") == DAGS["fin"]
    assert people.accountant.post("/api/v2/dags/finance_payroll/dagRuns", {"logical_date": None}).status == 200
    assert people.accountant.get("/api/v2/dagSources/finance_daily_revenue").status == 200
    for kind in KINDS:
        assert people.accountant.get(f"/api/v2/{kind}").status == 403, kind
    people.accountant.open("/dags")
    page = people.accountant.page
    for dag_id in sorted(DAGS["fin"]):
        expect(page.get_by_text(dag_id, exact=True).first).to_be_visible()
    for dag_id in sorted(DAGS["mkt"] | DAGS[None]):
        expect(page.get_by_text(dag_id, exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    "path,decides",
    [
        ("/api/v2/dagSources/finance_payroll", "roles.accounting.deny[0]"),
        ("/api/v2/dags/marketing_newsletter", "marketing_newsletter"),
    ],
)
def test_a_403_leads_to_the_line_that_decided(people: People, two_teams: Airflow, path: str, decides: str) -> None:
    answer = people.accountant.get(path)
    assert answer.status == 403
    reference = answer.headers["x-correlation-id"]
    assert reference in answer.text()

    def lines() -> list[str]:
        log = (two_teams.home / "api-server.log").read_text(encoding="utf-8")
        return [line for line in log.splitlines() if reference in line and decides in line]

    wait_until(lines, f"a line of the log with {reference} and {decides}", seconds=10)


def test_a_closed_page_says_so_and_names_the_reference(people: People) -> None:
    # Not every page of Airflow's shows its errors: that of a single DAG stays empty.
    people.accountant.open("/connections")
    told = people.accountant.page.get_by_text(re.compile(r"Forbidden \(reference \w+\)")).first
    # Airflow's page asks again and again before it believes a 403.
    expect(told).to_be_visible(timeout=3 * PATIENCE)
