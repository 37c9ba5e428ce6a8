from __future__ import annotations

import os

import pytest


@pytest.mark.xdist_group("a-group")
def test_tests_of_a_group_share_a_worker(request: pytest.FixtureRequest) -> None:
    """Two demos, or the servers of two such tests, would take each other's ports."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("runs without xdist")
    assert request.node.nodeid.endswith("@a-group")
