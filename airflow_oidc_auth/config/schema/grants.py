"""``grants``: requirements that everybody must meet, and rules that give roles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema, model_validator

from airflow_oidc_auth.config.schema.base import Strict, kind_of, refuse
from airflow_oidc_auth.config.schema.values import Duration, Text, TextOrTexts, Texts
from airflow_oidc_auth.grants.cel import MAX_LENGTH
from airflow_oidc_auth.identity.claims import parse_claim_path


class Glob(Strict):
    """A pattern for the text of a claim."""

    glob: Text = Field(description="Pattern; `*` is any text, `?` one character.", examples=["eng-*"])


_ONE: dict[str, Any] = {"anyOf": [{"type": "string", "minLength": 1}, Glob.model_json_schema()]}
_CLAIM_VALUES: dict[str, Any] = {"anyOf": [*_ONE["anyOf"], {"type": "array", "items": _ONE, "minItems": 1}]}
_FORMS = 'write text, a list of texts, or {glob: "a*"}'


def _claim_value(value: object) -> str | Glob:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, dict) and value.keys() == {"glob"} and isinstance(value["glob"], str) and value["glob"]:
        return Glob(glob=value["glob"])
    if isinstance(value, bool | int | float):
        raise refuse(f"must be text, not {kind_of(value)}", "put it in quotes if the claim is text; else use cel")
    raise refuse(f"must be text, not {kind_of(value) if value else 'empty'}", _FORMS)


def _claim_values(value: object) -> tuple[str | Glob, ...]:
    if value == []:
        raise refuse("is an empty list, which nobody can match", "list at least one value")
    return tuple(map(_claim_value, value if isinstance(value, list) else [value]))


def _claim_names(value: dict[str, object]) -> dict[str, object]:
    for name in value:
        try:
            parse_claim_path(name)
        except ValueError as error:
            raise refuse(f"holds a key that is not a claim path: {error}") from None
    return value


Claims = Annotated[
    dict[str, Annotated[tuple[str | Glob, ...], PlainValidator(_claim_values), WithJsonSchema(_CLAIM_VALUES)]],
    Field(min_length=1, max_length=100),
    AfterValidator(_claim_names),
]
Cel = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]


def _none_set(model: Strict, keys: Sequence[str]) -> bool:
    return all(getattr(model, key) is None for key in keys)


class WhenModel(Strict):
    """Whom a rule is for. All keys must hold."""

    group: TextOrTexts | None = Field(
        default=None,
        description="A group, or a list of which one is enough; compared exactly.",
        examples=["airflow-admins"],
    )
    group_glob: TextOrTexts | None = Field(
        default=None, description="Pattern, or patterns, for a group; `*` is any text.", examples=["team-*-ops"]
    )
    group_regex: TextOrTexts | None = Field(
        default=None,
        description="Regular expression (RE2) for the whole group name; named captures can be used in roles and teams.",
        examples=["team-(?P<team>[a-z]+)"],
    )
    claims: Claims | None = Field(
        default=None,
        description='Claim path → text, list of texts (one is enough) or {glob: "a*"}; for other types use cel.',
        examples=[{"department": "finance"}],
    )
    cel: Cel | None = Field(
        default=None,
        description="CEL expression over claims, groups, email, email_verified, provider, issuer, subject, delegated, "
        "actors, client_id.",
        examples=["'ops' in groups && claims.level >= 3"],
    )
    everyone: Literal[True] | None = Field(
        default=None, description="The explicit way to say: everyone who can sign in.", examples=[True]
    )
    delegated: bool | None = Field(
        default=None,
        description="Besides another key: `false` only for who comes in person, `true` only for programs that act on "
        "behalf of somebody (`act` of the token, RFC 8693); both if left out.",
        examples=[False],
    )

    @model_validator(mode="after")
    def _check_says_something(self) -> WhenModel:
        others = _none_set(self, ["group", "group_glob", "group_regex", "claims", "cel"])
        if others and self.everyone is None:
            raise refuse("is empty, so the rule would be for nobody", "write a condition, or `everyone: true`")
        if not others and self.everyone:
            raise refuse("says everyone and a condition", "keep one of them")
        return self


class NeedsModel(Strict):
    """How and when somebody must have authenticated for a rule. All keys must hold."""

    acr: TextOrTexts | None = Field(
        default=None,
        description="Accepted authentication contexts: `acr` of the id_token, AuthnContextClassRef of SAML.",
        examples=[["urn:mfa"]],
    )
    amr: TextOrTexts | None = Field(
        default=None,
        description="Accepted authentication methods, of which one is enough: `amr` of the id_token.",
        examples=[["mfa"]],
    )
    within: Duration | None = Field(
        default=None,
        ge=60,
        le=30 * 86400,
        description="How long ago the person may have authenticated, 1m to 30d; the roles end by themselves then.",
        examples=["1h"],
    )

    @model_validator(mode="after")
    def _check_says_something(self) -> NeedsModel:
        if _none_set(self, ["acr", "amr", "within"]):
            raise refuse("needs nothing", "write acr, amr or within")
        return self


class RuleModel(Strict):
    """One rule: whoever it is for gets its roles, beside those of other rules."""

    name: Text | None = Field(
        default=None,
        max_length=100,
        description="Name for explanations and audit rows; `rule N` if left out.",
        examples=["platform admins"],
    )
    provider: Text | None = Field(
        default=None,
        description="Only for people of this provider. Programs of workload issuers have no other rules than those "
        "that name the issuer here.",
        examples=["okta"],
    )
    when: WhenModel = Field(description="Whom the rule is for.", examples=[{"group": "airflow-admins"}])
    roles: Texts = Field(description="Built-in or custom roles; a capture of group_regex as {name}.", examples=[["Op"]])
    teams: Texts | None = Field(
        default=None,
        description="Airflow teams; a capture as {name}. The roles hold within these teams alone; without the key they "
        "hold everywhere. Not in FAB mode. See [teams](../roles.md#teams).",
        examples=[["{team}"]],
    )
    needs: NeedsModel | None = Field(
        default=None,
        description="How and when the person must have authenticated. Without it the rule gives nothing yet: they are "
        "signed in with what other rules give, and My access offers the step-up.",
        examples=[{"amr": ["mfa"], "within": "1h"}],
    )


class RequirementModel(Strict):
    """What everybody must show, whatever their groups. All keys must hold."""

    email_verified: Literal[True] | None = Field(
        default=None, description="The provider says that it verified the e-mail address.", examples=[True]
    )
    email_domain: TextOrTexts | None = Field(
        default=None,
        description="Domain or domains of the verified e-mail address, compared whole.",
        examples=[["example.com"]],
    )
    acr: TextOrTexts | None = Field(
        default=None, description="Accepted authentication context (`acr` claim).", examples=[["urn:mfa"]]
    )
    amr: TextOrTexts | None = Field(
        default=None, description="Accepted authentication methods (`amr` claim); one is enough.", examples=[["mfa"]]
    )
    claims: Claims | None = Field(
        default=None,
        description="Claim path → text or list of texts, as in a rule.",
        examples=[{"employment": "staff"}],
    )
    cel: Cel | None = Field(default=None, description="CEL expression, as in a rule.", examples=["claims.level >= 2"])
    provider: Text | None = Field(default=None, description="Only asked of people of this provider.", examples=["okta"])
    message: Text | None = Field(
        default=None,
        max_length=500,
        description="What people read who do not meet it: what to do now.",
        examples=["Confirm your e-mail address first."],
    )

    @model_validator(mode="after")
    def _check_says_something(self) -> RequirementModel:
        if _none_set(self, ["email_verified", "email_domain", "acr", "amr", "claims", "cel"]):
            raise refuse("requires nothing", "write email_verified, email_domain, acr, amr, claims or cel")
        return self


class GrantsModel(Strict):
    """Requirements and rules."""

    require: Annotated[list[RequirementModel], Field(max_length=100)] = Field(
        default_factory=list, description="What everybody must show; all of them."
    )
    rules: Annotated[list[RuleModel], Field(min_length=1, max_length=2000)] = Field(
        description="Who gets which roles. Additive; whom no rule is for cannot sign in."
    )
    keep_assigned_roles: bool = Field(
        default=False,
        description="Only in FAB mode: roles that somebody assigned in FAB stay when a person signs in again. Without "
        "it a sign-in replaces all roles.",
        examples=[True],
    )
    delegated_roles: Annotated[list[Text], Field(max_length=1000)] | None = Field(
        default=None,
        description="Roles that a program may use on behalf of somebody, at most; `[]` refuses it. No limit if left "
        "out.",
        examples=[["Viewer"]],
    )
    dag_access_control: bool = Field(
        default=False,
        description="Not in FAB mode, where it is always so: `DAG(access_control=…)` in DAG files gives roles rights "
        "on that DAG. See [DAG files](../roles.md#what-dag-files-say).",
        examples=[True],
    )
    hitl_by_verified_email: bool = Field(
        default=False,
        description="Not in FAB mode: a required action that is assigned to an e-mail address is answered by whoever "
        "signed in with that address, verified by the provider. Without it the local subject id alone counts.",
        examples=[True],
    )
