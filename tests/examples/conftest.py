from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import CompiledConfig
from airflow_oidc_auth.config.document import RawDocument
from airflow_oidc_auth.policy.builtin import BUILTIN_ROLES


@pytest.fixture
def compiles() -> Callable[[RawDocument], CompiledConfig]:
    """Compile a document offline; a problem fails the test with its text."""
    return lambda document: compile_document(document, secrets=None, known_roles=BUILTIN_ROLES)
