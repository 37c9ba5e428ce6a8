"""``allow`` and ``deny`` of a role: actions, and the one kind of thing that they are for."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from airflow_oidc_auth.config.paths import did_you_mean, one_of
from airflow_oidc_auth.config.schema.base import Strict, kind_of, refuse
from airflow_oidc_auth.config.schema.globs import (
    DAG_GLOB,
    GLOB,
    MAX_GLOBS,
    CustomViewGlob,
    DagGlobs,
    Glob,
    Globs,
    Resource,
)
from airflow_oidc_auth.config.schema.values import Text
from airflow_oidc_auth.policy.vocabulary import MENU_RESOURCES, VIEW_RESOURCES

VIEWS = tuple(sorted(resource for method, resource in VIEW_RESOURCES.values() if method == "GET"))
MENU = tuple(sorted(set(MENU_RESOURCES.values())))

KINDS = (
    *("resources", "dags", "connections", "variables", "pools", "assets"),
    *("configuration", "views", "menu", "custom_views"),
)
"""Keys of which a statement has exactly one."""

Action = Literal["create", "read", "edit", "delete", "menu", "run", "clear", "pause", "respond"]
Part = Literal[
    "all",
    "dag",
    "runs",
    "tasks",
    "logs",
    "code",
    "xcoms",
    "audit_log",
    "dependencies",
    "versions",
    "warnings",
    "required_actions",
]


class ListOr:
    """A list for the most usual key of a mapping: ``dags: [a*]`` is ``dags: {ids: [a*]}``."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, value: object) -> object:
        """Return the mapping."""
        if isinstance(value, dict):
            return value
        if isinstance(value, list):
            return {self.key: value}
        raise refuse(f"must be a list or a mapping, not {kind_of(value)}", f"write [a, b] or {{{self.key}: [a, b]}}")


class _Short:
    """Say in the JSON Schema that a list may stand for the mapping."""

    def __init__(self, item: dict[str, object]) -> None:
        self._list = {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_GLOBS}

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the list's schema, or the mapping's."""
        return {"anyOf": [self._list, handler(core_schema)]}


class DagsModel(Strict):
    """Which DAGs. All keys must hold; of a list, one entry is enough."""

    ids: DagGlobs | None = Field(
        default=None, description="DAG ids; `*` is any text, `?` one character.", examples=[["finance_*"]]
    )
    tags: Globs | None = Field(default=None, description="Tags of the DAG, or patterns.", examples=[["finance"]])
    owners: Globs | None = Field(
        default=None, description="Owners of the DAG's tasks, each by itself, or patterns.", examples=[["fin-team"]]
    )
    bundles: Globs | None = Field(
        default=None, description="The DAG bundle that the file came from, or patterns.", examples=[["finance-*"]]
    )
    teams: Globs | None = Field(
        default=None,
        description="The team that the DAG's bundle belongs to, or patterns; a DAG without a team is never meant.",
        examples=[["finance"]],
    )

    @model_validator(mode="after")
    def _check_selects_something(self) -> DagsModel:
        if not any((self.ids, self.tags, self.owners, self.bundles, self.teams)):
            raise refuse("selects nothing", 'write ids, tags, owners, bundles or teams; all DAGs are ["*"]')
        return self


class NamesModel(Strict):
    """Which things of the kind. All keys must hold; of a list, one entry is enough."""

    names: Globs | None = Field(
        default=None, description="Names; `*` is any text, `?` one character.", examples=[["fin-*"]]
    )
    teams: Globs | None = Field(
        default=None,
        description="The team that owns the thing, or patterns; what has no team is never meant.",
        examples=[["finance"]],
    )

    @model_validator(mode="after")
    def _check_selects_something(self) -> NamesModel:
        if not (self.names or self.teams):
            raise refuse("selects nothing", 'write names or teams; all of them are ["*"]')
        return self


Dags = Annotated[DagsModel, BeforeValidator(ListOr("ids")), _Short(DAG_GLOB)]
Names = Annotated[NamesModel, BeforeValidator(ListOr("names")), _Short(GLOB)]


class _OneOf:
    """A name of a closed list."""

    def __init__(self, what: str, words: tuple[str, ...]) -> None:
        self._what, self._words = what, words

    def __call__(self, value: str) -> str:
        """Return the name."""
        if value not in self._words:
            raise refuse(f"is not a {self._what}", did_you_mean(value, self._words) or one_of(self._words))
        return value


def _names(words: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(words)})


View = Annotated[Text, AfterValidator(_OneOf("read-only page", VIEWS)), _names(VIEWS)]
MenuItem = Annotated[Text, AfterValidator(_OneOf("menu item", MENU)), _names(MENU)]


class StatementModel(Strict):
    """Actions, and what they are for: exactly one of the other keys, and `parts` beside `dags`."""

    actions: Annotated[list[Action], Field(min_length=1)] = Field(
        description="What may be done, or may not; see [actions](../roles.md#actions).", examples=[["read", "edit"]]
    )
    resources: Annotated[list[Resource], Field(min_length=1)] | None = Field(
        default=None,
        description="Kinds of things, all of each kind; see [roles](../roles.md#what-each-role-may-do).",
        examples=[["DAGs", "DAG Runs"]],
    )
    dags: Dags | None = Field(
        default=None,
        description="DAGs: a list of ids and patterns, or a mapping of ids, tags, owners, bundles and teams.",
        examples=[["finance_*"]],
    )
    parts: Annotated[list[Part], Field(min_length=1)] | None = Field(
        default=None,
        description="With `dags`: the actions are for these parts of the DAGs, by themselves. Without it they are for "
        "the DAG, and its parts as far as the role has a right on them elsewhere.",
        examples=[["runs", "logs"]],
    )
    connections: Names | None = Field(default=None, description="Connections, by id and team.", examples=[["fin-*"]])
    variables: Names | None = Field(default=None, description="Variables, by key and team.", examples=[["fin_*"]])
    pools: Names | None = Field(default=None, description="Pools, by name and team.", examples=[["fin-pool"]])
    assets: Globs | None = Field(
        default=None, description="Assets, by name; in Airflow no team owns an asset.", examples=[["fin-*"]]
    )
    configuration: Annotated[list[Glob], Field(min_length=1)] | None = Field(
        default=None,
        description="Sections of Airflow's configuration, or patterns; `read` only.",
        examples=[["core", "log*"]],
    )
    views: Annotated[list[View], Field(min_length=1)] | None = Field(
        default=None, description="Read-only pages; `read` only.", examples=[["Jobs"]]
    )
    menu: Annotated[list[MenuItem], Field(min_length=1)] | None = Field(
        default=None, description="Menu items; `menu` only.", examples=[["Connections"]]
    )
    custom_views: Annotated[list[CustomViewGlob], Field(min_length=1)] | None = Field(
        default=None,
        description="Resource names that views of plugins ask for, or patterns.",
        examples=[["My plugin"]],
    )

    @property
    def kind(self) -> str:
        """The key that says what the actions are for."""
        return next(key for key in KINDS if getattr(self, key) is not None)

    @model_validator(mode="after")
    def _check_selects_one_kind(self) -> StatementModel:
        written = [key for key in KINDS if getattr(self, key) is not None]
        if not written:
            raise refuse("does not say what the actions are for", f"write one of: {', '.join(KINDS)}")
        if len(written) > 1:
            raise refuse(f"holds {' and '.join(written)}; a statement is for one of them", "write one for each")
        return self


def selected(statement: StatementModel) -> DagsModel | NamesModel | list[str]:
    """Return what the statement selects."""
    return cast("DagsModel | NamesModel | list[str]", getattr(statement, statement.kind))
