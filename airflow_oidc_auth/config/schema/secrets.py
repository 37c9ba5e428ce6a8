"""References to secrets. The document never holds a secret itself."""

from __future__ import annotations

import re

from pydantic import ConfigDict, Field, model_validator

from airflow_oidc_auth.config.schema.base import Strict, refuse

FORMS = "{env: NAME}, {file: /PATH} or {connection: ID}"
_PATTERNS = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}"),
    "file": re.compile(r"/[^\n\0]{1,4000}"),
    "connection": re.compile(r"[\w.\-]{1,200}", re.ASCII),
}


class SecretReference(Strict):
    """Where a secret is; exactly one of the three keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    env: str | None = Field(default=None, description="Name of an environment variable.", examples=["OKTA_SECRET"])
    file: str | None = Field(
        default=None,
        description="Absolute path of a file; one line end at its end is ignored.",
        examples=["/run/secrets/okta"],
    )
    connection: str | None = Field(
        default=None,
        description="Id of an Airflow connection whose password is the secret.",
        examples=["okta_oidc"],
    )

    @model_validator(mode="before")
    @classmethod
    def _check_shape(cls, value: object) -> object:
        """Refuse everything else in one sentence that shows nothing of it: it may be the secret itself."""
        if isinstance(value, str):
            raise refuse("holds the secret itself", f"write a reference: {FORMS}")
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= {"env", "file", "connection"}:
            raise refuse("is not a reference to a secret", f"write exactly one of {FORMS}")
        ((form, name),) = value.items()
        if not isinstance(name, str) or not _PATTERNS[form].fullmatch(name):
            raise refuse(f"names no {_NOUNS[form]}", f"write {FORMS}")
        return value


_NOUNS = {"env": "environment variable", "file": "absolute path", "connection": "connection id"}
