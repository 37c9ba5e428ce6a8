"""Names and patterns in roles. A pattern is ``*`` and ``?``, and nothing that another language would take for more."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from airflow_oidc_auth.config.paths import did_you_mean
from airflow_oidc_auth.config.schema.base import refuse
from airflow_oidc_auth.config.schema.values import Text
from airflow_oidc_auth.policy.roles import RESOURCES
from airflow_oidc_auth.policy.single_dags import DAG_PREFIX, DAG_RUN_PREFIX

MAX_GLOBS = 20_000
_WILD = re.compile(r"[*?]")
_FOREIGN = re.compile(r"[\[{\\]")
_DAG_ID = re.compile(r"[\w.-]{1,250}")
_DAG_GLOB = re.compile(r"[\w.*?-]{1,250}")
_ONLY_STAR_AND_QUESTION_MARK = "only * (any text) and ? (one character) stand for something; list the alternatives"


def _glob(value: str) -> str:
    """Refuse what would be a choice elsewhere and is nothing here: a denial that matches nothing denies nothing."""
    if _FOREIGN.search(value):
        raise refuse("holds '[', '{' or '\\', which no pattern here knows", _ONLY_STAR_AND_QUESTION_MARK)
    return value


def _dag_glob(value: str) -> str:
    if not _DAG_GLOB.fullmatch(_glob(value)):
        hint = "write it as Airflow shows it: letters, digits, '_', '-' and '.'; * is any text, ? one character"
        raise refuse("is neither a DAG id nor a pattern for one", hint)
    return value


def _dag_id(value: str) -> str:
    if not _DAG_ID.fullmatch(value):
        raise refuse("is not a DAG id")
    return value


def _custom_view(value: str) -> str:
    if value in RESOURCES:
        raise refuse("is a resource of Airflow's", "write it under resources")
    if value.startswith((DAG_PREFIX, DAG_RUN_PREFIX)):
        raise refuse("is FAB's spelling of a right on one DAG", "write the DAG's id under dags")
    return value


def _custom_view_glob(value: str) -> str:
    # A name without a wildcard is a plugin's own, whatever characters it holds.
    return _custom_view(_glob(value) if _WILD.search(value) else value)


def _exact(value: str) -> str:
    if _WILD.search(value):
        raise refuse("is a pattern")
    return value


def _resource(value: str) -> str:
    if value not in RESOURCES:
        hint = "docs/roles.md lists them; the view of a plugin belongs under custom_views"
        raise refuse("is not a resource", did_you_mean(value, RESOURCES) or hint)
    return value


GLOB: dict[str, object] = {"type": "string", "pattern": r"^[^\[{\\]+$"}
DAG_GLOB: dict[str, object] = {"type": "string", "pattern": r"^[\w.*?\-]+$", "maxLength": 250}
"""What editors know of a pattern."""

Glob = Annotated[Text, AfterValidator(_glob), WithJsonSchema(GLOB)]
DagGlob = Annotated[Text, AfterValidator(_dag_glob), WithJsonSchema(DAG_GLOB)]
CustomViewGlob = Annotated[Text, AfterValidator(_custom_view_glob)]
Resource = Annotated[Text, AfterValidator(_resource), WithJsonSchema({"type": "string", "enum": list(RESOURCES)})]

DagGlobs = Annotated[list[DagGlob], Field(min_length=1, max_length=MAX_GLOBS)]
Globs = Annotated[list[Glob], Field(min_length=1, max_length=MAX_GLOBS)]

# For who writes documents: names that are certainly no patterns.
DagId = Annotated[Text, AfterValidator(_dag_id)]
CustomView = Annotated[Text, AfterValidator(_custom_view), AfterValidator(_exact)]
