"""One table of mistakes: the exact places, and what is said about each."""

from __future__ import annotations

import pytest

from airflow_oidc_auth.config.compile import compile_document
from airflow_oidc_auth.config.compiled import SessionSettings
from airflow_oidc_auth.config.document import load_document
from airflow_oidc_auth.errors import ConfigurationError
from tests.unit.config.documents import ROLES, SECRET, compile_text, document, problems_in

P = "providers.idp"

PROVIDER_MISTAKES = [
    ("-issuer", [(f"{P}.issuer", "is missing")]),
    ("-client_id", [(f"{P}.client_id", "is missing — for example `client_id: 0oa1b2c3d4`")]),
    ("-preset", [(f"{P}.preset", "is missing — use one of: oidc, auth0")]),
    ("preset: octa", [(f"{P}.preset", "is not a known preset — did you mean okta?")]),
    ("preset: 7", [(f"{P}.preset", "must be text, not a number")]),
    ("preset: zzzz\nleeway: 9m", [(f"{P}.preset", "use one of"), (f"{P}.leeway", "at most 5m")]),
    ("isuer: https://x.example", [(f"{P}.isuer", "did you mean issuer?")]),
    ("client_id: 123", [(f"{P}.client_id", "must be text, not a number — put it in quotes")]),
    ("client_id: yes", [(f"{P}.client_id", "not the yes/no value true — put it in quotes")]),
    ("client_id:", [(f"{P}.client_id", "has no value")]),
    ("client_id: ' x'", [(f"{P}.client_id", "begins or ends with a space")]),
    ("client_id: ''", [(f"{P}.client_id", "must not be empty")]),
    ("client_id: [a]", [(f"{P}.client_id", "must be text, not a list")]),
    ('label: "a\\tb"', [(f"{P}.label", "line break or tab")]),
    ('label: "a\\x1b[1mb"', [(f"{P}.label", "control characters")]),
    (f"label: {'x' * 81}", [(f"{P}.label", "is too long (at most 80)")]),
    ("issuer: http://idp.example.com", [(f"{P}.issuer", "uses plain http: anyone on the way could read")]),
    ("issuer: idp.example.com", [(f"{P}.issuer", "is not an absolute URL")]),
    ("issuer: 'https://[::1'", [(f"{P}.issuer", "is not a URL")]),
    ("issuer: https://me:hunter2@idp.example.com", [(f"{P}.issuer", "holds a user name or password")]),
    ("issuer: https://idp.example.com/?x=1", [(f"{P}.issuer", "has a query")]),
    ("issuer: https://idp.example.com/#x", [(f"{P}.issuer", "has a fragment")]),
    ("issuer: https://idp.example.com/.well-known/openid-configuration", [(f"{P}.issuer", "is the discovery address")]),
    ("-client_secret", [(f"{P}.client_secret", "is missing")]),
    ("client_secret: hunter2", [(f"{P}.client_secret", "holds the secret itself — write a reference: {env: NAME}")]),
    ("client_secret: {hunter2}", [(f"{P}.client_secret", "")]),
    ("client_secret: [hunter2]", [(f"{P}.client_secret", "is not a reference to a secret")]),
    ("client_secret: {value: hunter2}", [(f"{P}.client_secret", "is not a reference to a secret")]),
    ("client_secret: {env: SECRET, file: /x}", [(f"{P}.client_secret", "write exactly one of")]),
    ("client_secret: {env: hunter-2}", [(f"{P}.client_secret", "names no environment variable")]),
    ("client_secret: {file: secrets/x}", [(f"{P}.client_secret", "names no absolute path")]),
    ("client_secret: {env: NOWHERE}", [(f"{P}.client_secret", "environment variable NOWHERE is not set")]),
    ("client_secret: {env: EMPTY}", [(f"{P}.client_secret", "environment variable EMPTY is empty")]),
    ("client_secret: {file: /nowhere/x}", [(f"{P}.client_secret", "cannot read /nowhere/x: No such file")]),
    ("client_secret: {connection: okta}", [(f"{P}.client_secret", "connections cannot be read here")]),
    ("client_auth: client_secret_bsic", [(f"{P}.client_auth", "did you mean client_secret_basic?")]),
    ("client_auth: none", [(f"{P}.client_secret", "is not used by client_auth none")]),
    (
        "client_auth: private_key_jwt",
        [
            (f"{P}.private_key", "is missing; client_auth private_key_jwt needs it"),
            (f"{P}.client_secret", "is not used"),
        ],
    ),
    (
        "private_key: {env: SECRET}",
        [(f"{P}.private_key", "is not used by"), (f"{P}.private_key", "is not a private key")],
    ),
    ("private_key_id: k", [(f"{P}.private_key_id", "there is no private_key")]),
    ("algorithms: [HS256]", [(f"{P}.algorithms[0]", "is symmetric")]),
    ("algorithms: [RS256, none]", [(f"{P}.algorithms[1]", "means unsigned")]),
    ("algorithms: [RS257]", [(f"{P}.algorithms[0]", "did you mean RS256?")]),
    ("algorithms: []", [(f"{P}.algorithms", "must not be empty")]),
    ("scopes: [profile]", [(f"{P}.scopes", "lacks openid")]),
    ("scopes: [openid profile]", [(f"{P}.scopes[0]", "is not one scope")]),
    ("scopes: openid", [(f"{P}.scopes", "must be a list, not text")]),
    ("leeway: -1", [(f"{P}.leeway", "at least 0s")]),
    ("leeway: soon", [(f"{P}.leeway", "is not a duration — write a number and a unit")]),
    ("leeway: 1.5", [(f"{P}.leeway", "is not a duration")]),
    ("userinfo: allways", [(f"{P}.userinfo", "did you mean always?")]),
    ("par: 'true'", [(f"{P}.par", "must be true or false, not text — remove the quotes")]),
    ("authorization_parameters: {state: x}", [(f"{P}.authorization_parameters", "sets state")]),
    (
        "authorization_parameters: {max_age: 5}",
        [(f"{P}.authorization_parameters.max_age", "must be text, not a number")],
    ),
    (
        "discovery_url: https://a.example\ndiscovery_file: /nowhere",
        [(f"{P}.discovery_file", "contradicts"), (f"{P}.discovery_file", "cannot read the file")],
    ),
    ("jwks_file: keys.json", [(f"{P}.jwks_file", "is a relative path")]),
    ("http: {ca_file: /nowhere.pem}", [(f"{P}.http.ca_file", "cannot read the file /nowhere.pem")]),
    ("http: {timeout: 0}", [(f"{P}.http.timeout", "must be more than 0")]),
    ("http: {timout: 5}", [(f"{P}.http.timout", "did you mean timeout?")]),
    ("http: {proxy: 'http://u:hunter2@proxy:1'}", [(f"{P}.http.proxy", "holds a user name or password")]),
    ("groups: groups", [(f"{P}.groups", "must be a mapping or a list of mappings, not text")]),
    ("groups: {from: userinfo}", [(f"{P}.groups.claim", "is missing — for example `claim: groups`")]),
    ("groups: {claim: a..b}", [(f"{P}.groups.claim", "is not a claim path")]),
    ("groups: [{claim: a}, {claim: b, from: idtoken}]", [(f"{P}.groups[1].from", "did you mean id_token?")]),
    ("userinfo: never\ngroups: {claim: g, from: userinfo}", [(f"{P}.groups[0].from", "but `userinfo: never`")]),
    ("claims: {name: 5}", [(f"{P}.claims.name", "must be a list, not a number")]),
    ("claims: {emali: mail}", [(f"{P}.claims.emali", "did you mean email?")]),
    ("tenants: [a]", [(f"{P}.tenants", "belongs to preset entra")]),
    (
        "preset: entra\nissuer: https://login.microsoftonline.com/common/v2.0",
        [(f"{P}.issuer", "is the endpoint of every tenant")],
    ),
    (
        "preset: google\n-issuer\nhosted_domain: 5",
        [(f"{P}.hosted_domain", "must be text or a list of texts, not a number")],
    ),
]

R = "grants.rules"
GRANT_MISTAKES = [
    ("rules: []", [(R, "holds no rule, so nobody could sign in")]),
    ("require: []", [(R, "is missing")]),
    ("rules: {a: 1}", [(R, "must be a list, not a mapping")]),
    ("rules: [a]", [(f"{R}[0]", "must be a mapping, not text")]),
    ("rules: [{roles: [Admin]}]", [(f"{R}[0].when", "is missing")]),
    ("rules: [{when: {group: a}}]", [(f"{R}[0].roles", "is missing")]),
    ("rules: [{when: {group: a}, roles: []}]", [(f"{R}[0].roles", "must not be empty")]),
    ("rules: [{when: {group: a}, roles: [Admn]}]", [(f"{R}[0].roles[0]", "is not a known role — did you mean Admin?")]),
    ("rules: [{when: {group: a}, roles: [admin]}]", [(f"{R}[0].roles[0]", "did you mean Admin?")]),
    ("rules: [{when: {group: a}, roles: ['{x}']}]", [(f"{R}[0].roles[0]", "capture")]),
    ("rules: [{when: {}, roles: [Admin]}]", [(f"{R}[0].when", "is empty")]),
    (
        "rules: [{when: {grup: a}, roles: [Admn]}]",
        [(f"{R}[0].when.grup", "did you mean group?"), (f"{R}[0].roles[0]", "Admin?")],
    ),
    ("rules: [{when: {group: no}, roles: [Admin]}]", [(f"{R}[0].when.group", "not the yes/no value false")]),
    ("rules: [{when: {group: [a, 5]}, roles: [Admin]}]", [(f"{R}[0].when.group[1]", "must be text, not a number")]),
    ("rules: [{when: {group: []}, roles: [Admin]}]", [(f"{R}[0].when.group", "must not be empty")]),
    ("rules: [{when: {group_regex: '('}, roles: [Admin]}]", [(f"{R}[0].when.group_regex", "pattern")]),
    ("rules: [{when: {cel: '1 +'}, roles: [Admin]}]", [(f"{R}[0].when.cel", "")]),
    ("rules: [{when: {everyone: false}, roles: [Viewer]}]", [(f"{R}[0].when.everyone", "must be true")]),
    (
        "rules: [{when: {everyone: true, group: a}, roles: [Viewer]}]",
        [(f"{R}[0].when", "says everyone and a condition")],
    ),
    ("rules: [{when: {claims: {}}, roles: [Viewer]}]", [(f"{R}[0].when.claims", "must not be empty")]),
    (
        "rules: [{when: {claims: {a.b: 5}}, roles: [Viewer]}]",
        [(f'{R}[0].when.claims["a.b"]', "must be text, not a number")],
    ),
    ("rules: [{when: {claims: {a: []}}, roles: [Viewer]}]", [(f"{R}[0].when.claims.a", "is an empty list")]),
    (
        "rules: [{when: {claims: {a: {globb: x}}}, roles: [Viewer]}]",
        [(f"{R}[0].when.claims.a", "must be text, not a mapping")],
    ),
    ("rules: [{when: {claims: {a..b: x}}, roles: [Viewer]}]", [(f"{R}[0].when.claims", "is not a claim path")]),
    ("rules: [{when: {group: a}, roles: [Op], provider: ipd}]", [(f"{R}[0].provider", "did you mean idp?")]),
    (
        "rules: [{name: a, when: {group: a}, roles: [Op]}, {name: a, when: {group: b}, roles: [Op]}]",
        [(f"{R}[1].name", "is also the name of grants.rules[0]")],
    ),
    (
        "rules: [{when: {group: a}, roles: [Admin]}], require: [{message: x}]",
        [("grants.require[0]", "requires nothing")],
    ),
    (
        "rules: [{when: {group: a}, roles: [Admin]}], require: [{email_verified: false}]",
        [("grants.require[0].email_verified", "must be true")],
    ),
    (
        "rules: [{when: {group: a}, roles: [Admin]}], require: [{email_domain: '@x'}]",
        [("grants.require[0].email_domain", "is no domain")],
    ),
    ("rules: [{when: {group: a}, roles: [Admin]}], requir: []", [("grants.requir", "did you mean require?")]),
]

TOP_MISTAKES = [
    ("sessions: {lifetime: 1m}", [("sessions.lifetime", "must be at least 5m")]),
    ("sessions: {lifetime: 31d}", [("sessions.lifetime", "must be at most 30d")]),
    ("sessions: {lifetime: yes}", [("sessions.lifetime", "is not a duration")]),
    ("sessions: {recheck: 59s}", [("sessions.recheck", "must be at least 1m")]),
    ("sessions: {recheck: 2d}", [("sessions.recheck", "must be at most 1d")]),
    ("sessions: {recheck: none}", [("sessions.recheck", "or `off`")]),
    ("sessions: {recheck: on}", [("sessions.recheck", "is not a duration")]),
    ("sessions: {recheck: 0}", [("sessions.recheck", "must be at least 1m")]),
    ("sessions: {recheck: ~}", [("sessions.recheck", "has no value")]),
    ("sessions: {idle_timeout: 4m}", [("sessions.idle_timeout", "must be at least 5m")]),
    ("sessions: {idle_timeout: off}", [("sessions.idle_timeout", "or `none`")]),
    ("sessions: {idle_timout: 1h}", [("sessions.idle_timout", "did you mean idle_timeout?")]),
    ("sessions: {max_per_user: 0}", [("sessions.max_per_user", "must be at least 1")]),
    ("sessions: {max_per_user: 1001}", [("sessions.max_per_user", "must be at most 1000")]),
    ("sessions: {max_per_user: '3'}", [("sessions.max_per_user", "must be a whole number, not text")]),
    ("sessions: {max_per_user: true}", [("sessions.max_per_user", "write a number, or `none`")]),
    ("sessions: {reauthenticate_after: 1s}", [("sessions.reauthenticate_after", "must be at least 5m")]),
    ("sessions: {break_glass: none}", [("sessions.break_glass", "must be true or false")]),
    ("audit: {on_failure: contineu}", [("audit.on_failure", "did you mean continue?")]),
    ("audit: {on_failure: true}", [("audit.on_failure", "must be fail or continue")]),
    ("session: {}", [("session", "did you mean sessions?")]),
    ("sessions:", [("sessions", "has no value")]),
    ("audit: [1]", [("audit", "must be a mapping, not a list")]),
]


def check(text: str, expected: list[tuple[str, str]]) -> None:
    found = problems_in(text)
    assert sorted(each.path for each in found) == sorted(path for path, _ in expected), "\n".join(map(str, found))
    for path, fragment in expected:
        assert any(each.path == path and fragment in f"{each.text} — {each.suggestion}" for each in found), found
    for each in found:
        assert each.where.startswith("f.yaml:"), each
        assert "hunter2" not in str(each)
        assert "is not valid" not in each.text or "YAML" in each.text


@pytest.mark.parametrize("provider, expected", PROVIDER_MISTAKES)
def test_every_mistake_in_a_provider_is_told_at_its_place(provider, expected):
    check(document(provider=provider), expected)


@pytest.mark.parametrize("grants, expected", GRANT_MISTAKES)
def test_every_mistake_in_the_grants_is_told_at_its_place(grants, expected):
    check(document(grants=grants), expected)


@pytest.mark.parametrize("top, expected", TOP_MISTAKES)
def test_every_mistake_at_the_top_is_told_at_its_place(top, expected):
    check(document(top=top), expected)


@pytest.mark.parametrize(
    "providers, expected",
    [
        ("{}", [("providers", "names no provider, so nobody could sign in")]),
        ("[]", [("providers", "must be a mapping, not a list")]),
        (
            "{Okta: {preset: github, client_id: a, client_secret: {env: SECRET}}}",
            [("providers.Okta", "is not a provider id")],
        ),
        ("{a: b}", [("providers.a", "must be a mapping, not text")]),
        (
            "{break-glass: {preset: github, client_id: a, client_secret: {env: SECRET}}}",
            [("providers.break-glass", "is the id of break-glass sign-ins — choose another id")],
        ),
    ],
)
def test_every_mistake_in_the_list_of_providers_is_told(providers, expected):
    check(f"version: 1\nproviders: {providers}\ngrants: {{rules: [{{when: {{group: a}}, roles: [Admin]}}]}}", expected)


def test_all_problems_come_at_once_in_the_order_of_the_document():
    text = document(
        provider="client_id: 5\nclient_secret: hunter2\nlabel: ok",
        grants="rules: [{when: {group: a}, roles: [Admn], provider: nobody}]",
        top="sessions: {lifetime: 1s}\naudit: {on_failure: never}",
    )
    found = problems_in(text)
    assert [each.path for each in found] == [
        "providers.idp.client_id",
        "providers.idp.client_secret",
        "grants.rules[0].roles[0]",
        "grants.rules[0].provider",
        "sessions.lifetime",
        "audit.on_failure",
    ]
    lines = [int(each.where.rpartition(":")[2]) for each in found]
    assert lines == sorted(lines)
    assert text.splitlines()[lines[1] - 1].strip().startswith("client_secret")


def test_fills_in_what_the_preset_says():
    compiled = compile_text(document(provider="scopes: [openid, openid, groups]\nlogout: false"))
    settings = compiled.providers["idp"]
    assert settings.label == "OpenID Connect"
    assert settings.client_auth == "client_secret_basic"
    assert settings.client_secret is not None
    assert settings.client_secret.reveal() == SECRET
    assert settings.scopes == ("openid", "groups")
    assert settings.logout == "none"
    assert [str(source.path) for source in settings.groups] == ["groups"]
    assert compiled.sessions.lifetime == 43200
    assert compiled.audit.fail_login
    assert compiled.warnings == ()


def test_a_document_without_sessions_follows_the_identity_provider():
    assert compile_text(document()).sessions == SessionSettings(12 * 3600, 300, None, None, None, break_glass=True)


def test_every_limit_of_a_session_can_be_set_and_switched_off():
    text = "recheck: 1m, idle_timeout: 30m, max_per_user: 3, reauthenticate_after: 8h, break_glass: false"
    told = compile_text(document(top=f"sessions: {{{text}}}")).sessions
    assert told == SessionSettings(12 * 3600, 60, 1800, 3, 8 * 3600, break_glass=False)
    for off in ("off", "'off'"):
        text = f"recheck: {off}, idle_timeout: none, max_per_user: none, reauthenticate_after: none"
        told = compile_text(document(top=f"sessions: {{{text}}}")).sessions
        assert told == SessionSettings(12 * 3600, None, None, None, None, break_glass=True)


def test_github_cannot_promise_a_fresh_authentication():
    text = document(provider="preset: github\n-issuer", top="sessions: {reauthenticate_after: 8h}")
    check(text, [("sessions.reauthenticate_after", "GitHub does not tell when somebody authenticated")])


@pytest.mark.parametrize("key", ["idle_timeout", "reauthenticate_after", "recheck"])
def test_warns_about_a_limit_that_never_counts(key):
    (warning,) = compile_text(document(top=f"sessions: {{lifetime: 1h, {key}: 2h}}")).warnings
    assert (warning.path, warning.where) == (f"sessions.{key}", "f.yaml:9")
    assert "longer than `lifetime` (1h)" in warning.text


def test_offline_compilation_reads_no_secret_and_no_file():
    text = document(provider="client_secret: {file: /nowhere/x}\nhttp: {ca_file: /nowhere/ca}")
    assert compile_text(text, offline=True).providers["idp"].client_secret is None


@pytest.mark.parametrize("issuer", ["http://localhost:9", "http://127.0.0.1:9/x", "http://[::1]:9"])
def test_plain_http_is_allowed_on_loopback_with_a_warning(issuer):
    (warning,) = compile_text(document(provider=f"issuer: '{issuer}'")).warnings
    assert (warning.path, warning.where) == ("providers.idp.issuer", "f.yaml:7")
    assert "plain http" in warning.text


@pytest.mark.parametrize(
    "provider, grants, fragment",
    [
        ("", "rules: [{when: {group: a}, roles: [Op]}]", "no rule grants Admin"),
        ("", "rules: [{when: {group: a}, roles: [Admin]}, {when: {everyone: true}, roles: [User]}]", "gets User"),
        (
            "preset: google\n-issuer",
            "rules: [{when: {group: a}, roles: [Admin]}, {when: {everyone: true}, roles: [Viewer]}]",
            "everyone with any account",
        ),
        ("", "rules: [{when: {group: [a, 'team-*']}, roles: [Admin]}]", "holds `*`"),
        ("", "rules: [{when: {group: a, claims: {repository: [b, 'acme/*']}}, roles: [Admin]}]", "holds `*`"),
    ],
)
def test_warns_about_what_is_allowed_and_probably_not_meant(provider, grants, fragment):
    (warning,) = compile_text(document(provider=provider, grants=grants)).warnings
    assert fragment in warning.text


def test_a_google_domain_makes_everyone_a_known_crowd():
    grants = "rules: [{when: {group: a}, roles: [Admin]}, {when: {everyone: true}, roles: [Viewer]}]"
    assert (
        compile_text(document(provider="preset: google\n-issuer\nhosted_domain: x.org", grants=grants)).warnings == ()
    )


def test_equal_content_has_an_equal_digest_whatever_its_layout():
    plain, commented = compile_text(document()), compile_text("# note\n" + document(top="\n\n# end"))
    changed = compile_text(document(provider="label: Other"))
    assert plain.digest == commented.digest
    assert plain.digest != changed.digest
    assert len(plain.digest) == 22


def test_a_complaint_of_the_reader_keeps_the_document_from_compiling():
    raw = load_document(document(top="audit: {}\naudit: {}"), "f.yaml")
    with pytest.raises(ConfigurationError) as caught:
        compile_document(raw, secrets=None, known_roles=ROLES)
    assert [each.path for each in caught.value.problems] == ["audit"]
