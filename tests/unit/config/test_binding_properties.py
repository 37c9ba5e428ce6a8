"""Whatever pattern is accepted as binding: it matches nothing of an owner other than the one that it names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_oidc_auth.grants.patterns import compile_glob
from airflow_oidc_auth.identity.claims import parse_claim_path
from airflow_oidc_auth.providers.presets import preset
from airflow_oidc_auth.providers.presets.workload import Binding

BETWEEN = {
    ("github-actions", "repository"): ("", "/"),
    ("github-actions", "sub"): ("repo:", "/"),
    ("gitlab-ci", "project_path"): ("", "/"),
    ("gitlab-ci", "namespace_path"): ("", "/"),
    ("gitlab-ci", "sub"): ("project_path:", "/"),
    ("kubernetes", "sub"): ("system:serviceaccount:", ":"),
}
GLOBS = st.lists(st.sampled_from(["acme", "etl", "*", "?", "/", ":", "-"]), min_size=1, max_size=7).map("".join)
FILLING = st.lists(st.sampled_from(["evil", "/", ":", "@", ".", "-"]), max_size=3).map("".join)
HOSTS = st.lists(
    st.sampled_from(["*", "?", "@", "acme", "-evil", ".iam", ".gserviceaccount.com", "gcp-sa-x", "developer"]),
    max_size=7,
).map("".join)


def binding_of(name: str, claim: str) -> Binding:
    workload = preset(name).workload
    assert workload is not None
    return next(each for each in workload.bindings if str(each.claim) == claim)


def matched_by(glob: str, filling: str) -> str:
    """Return a text that the glob matches and that strangers choose as far as it lets them."""
    value = glob.replace("*", filling).replace("?", "x")
    assert compile_glob(glob).match(value) is not None
    return value


@pytest.mark.parametrize(("name", "claim"), BETWEEN)
@given(rest=GLOBS, filling=FILLING)
def test_what_a_binding_pattern_matches_belongs_to_the_owner_that_it_names(
    name: str, claim: str, rest: str, filling: str
) -> None:
    before, after = BETWEEN[name, claim]
    glob = before + rest
    owner, found, _ = rest.partition(after)
    fixed = bool(found and owner) and not set(owner) & set("*?")
    if binding_of(name, claim).holds(None, glob):
        assert fixed
        assert matched_by(glob, filling).startswith(f"{before}{owner}{after}")


@pytest.mark.parametrize(("bind", "names"), [("sub", 2), ("pipeline", 1)])
@given(glob=GLOBS, filling=FILLING)
def test_a_pattern_over_claims_of_a_stranger_holds_whole_names(bind: str, names: int, glob: str, filling: str) -> None:
    workload = preset("jwt").workload
    assert workload is not None
    (only,) = workload.all_bindings({"bind": (parse_claim_path(bind),)})
    if only.holds(None, glob):
        fixed = re.split(r"[*?]", glob)[0]
        ended = re.findall(r"[^/:]+(?=[/:])", fixed)
        assert len(ended) >= names
        assert re.findall(r"[^/:]+(?=[/:])", matched_by(glob, filling))[: len(ended)] == ended


@given(glob=HOSTS, filling=FILLING)
def test_a_pattern_over_google_addresses_names_the_whole_project(glob: str, filling: str) -> None:
    if binding_of("gcp-workload", "email").holds(None, glob):
        host = glob.rpartition("@")[2]
        assert host.endswith(".iam.gserviceaccount.com")
        assert not host.startswith("gcp-sa-")
        assert matched_by(glob, filling).endswith(f"@{host}")
