"""``providers``: what every identity provider may be told, whatever its vendor."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from airflow_oidc_auth.config.paths import did_you_mean, one_of
from airflow_oidc_auth.config.schema.base import Strict, kind_of, refuse
from airflow_oidc_auth.config.schema.machines import ApiModel, CliModel, Scopes
from airflow_oidc_auth.config.schema.secrets import SecretReference
from airflow_oidc_auth.config.schema.values import (
    AbsolutePath,
    ClaimPathValue,
    Duration,
    Issuer,
    OneOrMany,
    ProxyUrl,
    Text,
    Url,
)
from airflow_oidc_auth.providers.settings import ASYMMETRIC_ALGORITHMS

OWN_PARAMETERS = frozenset(
    {
        *("client_assertion", "client_assertion_type", "client_id", "client_secret", "code"),
        *("code_challenge", "code_challenge_method", "code_verifier", "nonce", "redirect_uri"),
        *("request", "request_uri", "response_mode", "response_type", "scope", "state"),
    }
)


def _parameters(value: dict[str, str]) -> dict[str, str]:
    if taken := sorted(OWN_PARAMETERS & value.keys()):
        raise refuse(f"sets {', '.join(taken)}, which sign-in sets itself", "remove it")
    return value


def _algorithm(name: str) -> str:
    """RFC 8725 §3.1, §3.2: an allow-list, in which nothing can be verified with a key that others know."""
    if name in ASYMMETRIC_ALGORITHMS:
        return name
    if name.lower() == "none":
        raise refuse("means unsigned: anybody could write such a token", one_of(ASYMMETRIC_ALGORITHMS))
    if name.upper().startswith("HS"):
        text = "is symmetric: whoever can check such a token can also write one"
        raise refuse(text, one_of(ASYMMETRIC_ALGORITHMS))
    near = did_you_mean(name, ASYMMETRIC_ALGORITHMS)
    raise refuse("is not a known signature algorithm", near or one_of(ASYMMETRIC_ALGORITHMS))


Algorithm = Annotated[
    str, AfterValidator(_algorithm), WithJsonSchema({"type": "string", "enum": list(ASYMMETRIC_ALGORITHMS)})
]


def _alternatives(value: object) -> object:
    """``name: email`` is short for ``name: [email]``."""
    return [value] if isinstance(value, str) else value


def one_or_more(example: str) -> BeforeValidator:
    """Let one mapping stand for a list of it; ``example`` is told to who wrote something else."""

    def check(value: object) -> object:
        if isinstance(value, dict):
            return [value]
        if isinstance(value, list):
            return value
        raise refuse(f"must be a mapping or a list of mappings, not {kind_of(value)}", f"write {example}")

    return BeforeValidator(check)


class HttpModel(Strict):
    """How to reach the provider over HTTP."""

    timeout: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="Seconds to wait for a connection, and for each answer; a refresh waits a minute.",
        examples=[5],
    )
    ca_file: AbsolutePath | None = Field(
        default=None,
        description="PEM file of the certificate authorities to trust instead of the system's.",
        examples=["/etc/ssl/corporate-ca.pem"],
    )
    proxy: ProxyUrl | None = Field(
        default=None,
        description="Outbound proxy, without credentials (for those use the environment variable HTTPS_PROXY).",
        examples=["http://proxy.example.com:3128"],
    )


Label = Annotated[
    Text | None,
    Field(
        max_length=80,
        description="Text of the sign-in button; the vendor's name if left out.",
        examples=["Company login"],
    ),
]
Leeway = Annotated[
    Duration,
    Field(
        ge=0,
        le=300,
        description="Clock difference with the provider that is tolerated, at most 5m.",
        examples=["60s"],
    ),
]
DiscoveryUrl = Annotated[
    Url | None,
    Field(
        description="Address of the discovery document if it is not below the issuer.",
        examples=["https://login.example.com/.well-known/openid-configuration"],
    ),
]
DiscoveryFile = Annotated[
    AbsolutePath | None,
    Field(
        description="Discovery document in a file, for servers that cannot fetch it.",
        examples=["/etc/airflow/discovery.json"],
    ),
]


StripPrefix = Annotated[
    str,
    Field(max_length=200, description="Removed from the front of each group that begins with it.", examples=["/"]),
]
HttpSection = Annotated[HttpModel, Field(description="Timeout, certificate authorities, proxy.")]


class ClaimsModel(Strict):
    """Which claims say who somebody is; for display, never to join accounts."""

    name: Annotated[list[ClaimPathValue], Field(min_length=1, max_length=10), BeforeValidator(_alternatives)] | None = (
        Field(
            default=None,
            description="Claim paths of the display name; the first that is there wins.",
            examples=[["name", "preferred_username"]],
        )
    )
    email: ClaimPathValue | None = Field(
        default=None, description="Claim path of the e-mail address.", examples=["email"]
    )
    email_verified: ClaimPathValue | None = Field(
        default=None,
        description="Claim path of the boolean that says the address was verified; where `email` is another claim than "
        "the preset's, no address counts as verified without it.",
        examples=["email_verified"],
    )


class GroupsModel(Strict):
    """Where groups are found."""

    claim: ClaimPathValue = Field(
        description="Claim path. Text with `://` is one name; text that begins with `/` is a JSON pointer; other text "
        "is split at dots; a list names each step; `*` is every item of a list.",
        examples=["groups"],
    )
    from_: Literal["id_token", "userinfo", "access_token"] = Field(
        default="id_token", alias="from", description="Document that holds the claim.", examples=["userinfo"]
    )
    format: Literal["list", "csv", "space"] = Field(
        default="list",
        description="How several groups are spelled: a list, or one text split at commas or spaces.",
        examples=["csv"],
    )
    strip_prefix: StripPrefix = ""


class ProviderModel(Strict):
    """One identity provider."""

    preset: str = Field(description="Which vendor's conventions to follow.")
    label: Label = None
    issuer: Issuer | None = Field(
        default=None,
        description="The provider's issuer URL, exactly as its discovery document spells it.",
        examples=["https://acme.okta.com"],
    )
    client_id: Text = Field(description="Client id of this Airflow at the provider.", examples=["0oa1b2c3d4"])
    client_secret: SecretReference | None = Field(
        default=None,
        description="Reference to the client secret; the document never holds the secret itself.",
        examples=[{"env": "OKTA_SECRET"}],
    )
    client_auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt", "none"] | None = Field(
        default=None,
        description="How Airflow proves to the token endpoint that it is the client (OIDC Core §9).",
        examples=["client_secret_basic"],
    )
    private_key: SecretReference | None = Field(
        default=None,
        description="Reference to the PEM private key for `client_auth: private_key_jwt` (RFC 7523).",
        examples=[{"file": "/run/secrets/oidc-key.pem"}],
    )
    private_key_id: Text | None = Field(
        default=None, description="`kid` under which the provider knows the private key.", examples=["airflow-2026"]
    )
    scopes: Scopes | None = Field(
        default=None,
        description="Scopes to ask for; the preset's if left out.",
        examples=[["openid", "profile", "email", "groups"]],
    )
    discovery_url: DiscoveryUrl = None
    discovery_file: DiscoveryFile = None
    jwks_file: AbsolutePath | None = Field(
        default=None,
        description="The provider's public keys (JWK Set) in a file, for servers that cannot fetch them.",
        examples=["/etc/airflow/jwks.json"],
    )
    algorithms: Annotated[list[Algorithm], Field(min_length=1)] | None = Field(
        default=None,
        description="Accepted signature algorithms of the id_token; asymmetric ones only.",
        examples=[["RS256"]],
    )
    leeway: Leeway = 60
    userinfo: Literal["auto", "always", "never"] | None = Field(
        default=None,
        description="Whether to ask the userinfo endpoint at sign-in; `auto`: only if a claim or group needs it.",
        examples=["auto"],
    )
    par: bool = Field(default=False, description="Push the authorization request first (RFC 9126).", examples=[True])
    require_iss_parameter: bool = Field(
        default=False,
        description="Refuse answers without the `iss` parameter (RFC 9207) even if discovery does not promise it.",
        examples=[True],
    )
    authorization_parameters: Annotated[dict[str, str], Field(max_length=20), AfterValidator(_parameters)] = Field(
        default_factory=dict,
        description="Further parameters for the provider's sign-in page.",
        examples=[{"prompt": "select_account"}],
    )
    claims: ClaimsModel = Field(default_factory=ClaimsModel, description="Which claims hold name and e-mail address.")
    groups: (
        Annotated[
            list[GroupsModel],
            one_or_more("{claim: groups}"),
            Field(min_length=1, max_length=10),
            OneOrMany(),
        ]
        | None
    ) = Field(
        default=None,
        description="Where groups are found: one place or a list of places; the preset's if left out.",
        examples=[{"claim": "groups", "from": "userinfo"}],
    )
    http: HttpSection = Field(default_factory=HttpModel)
    logout: bool = Field(
        default=True,
        description="Whether signing out of Airflow also sends people to the provider's logout.",
        examples=[False],
    )
    api: ApiModel | None = Field(
        default=None,
        description="Let the REST API take this provider's access tokens.",
        examples=[{"audience": "https://airflow.example.com"}],
    )
    cli: CliModel | None = Field(
        default=None,
        description="Let people sign in from a terminal with `airflow oidc login`.",
        examples=[{"client_id": "airflow-cli"}],
    )
