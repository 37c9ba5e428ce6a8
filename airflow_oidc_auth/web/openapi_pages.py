"""The routes of people and of identity providers, described."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_oidc_auth.web.openapi_parts import (
    ALWAYS,
    LIMITED,
    PROVIDER,
    TEXT,
    WITH_PROVIDER,
    Document,
    form,
    page,
    query,
    redirect,
    ref,
    refusals,
)

SESSION: list[Document] = [{"session": []}]
SESSION_OR_NOT: list[Document] = [{}, *SESSION]
CSRF: Document = {"csrf_token": {**TEXT, "description": "From the page that the form is on."}}

_NEXT = query("next", "Where to go afterwards; an address of this Airflow.")
_STEP_UP = query("step_up", "Name of the rule whose roles are wanted.")
_SAML = {
    "SAMLResponse": {**TEXT, "description": "In base64."},
    "RelayState": {**TEXT, "maxLength": 2000},
}
_SLO = {"SAMLRequest": TEXT, "SAMLResponse": TEXT, "RelayState": TEXT}
_TARGET = {
    "session": {**TEXT, "description": "Reference of one session."},
    "person": {**TEXT, "description": "Id of a principal: all of theirs."},
    "provider": {**TEXT, "description": "Id of a provider: all that came from there."},
}


def _operation(  # one argument per part of the description
    name: str,
    tag: str,
    summary: str,
    answers: Document,
    *,
    also: Iterable[int] = (),
    parameters: Iterable[Document] = (),
    body: Document | None = None,
    security: list[Document] | None = None,
) -> Document:
    described: Document = {"operationId": name, "tags": [tag], "summary": summary}
    if parameters := list(parameters):
        described["parameters"] = parameters
    if body is not None:
        described["requestBody"] = body
    if security is not None:
        described["security"] = security
    described["responses"] = {**answers, **refusals({*ALWAYS, *also})}
    return described


_SIGN_IN: Document = {
    "/login": {
        "get": _operation(
            "show_login",
            "sign-in",
            "Choose how to sign in, or begin at the only provider",
            {
                "200": page("The choice of providers, or a form that sends itself to the only one."),
                "303": redirect("To the only provider, or back if somebody is signed in."),
            },
            also=(*WITH_PROVIDER, *LIMITED),
            parameters=[_NEXT],
            security=SESSION_OR_NOT,
        )
    },
    "/login/{provider}": {
        "get": _operation(
            "begin_login",
            "sign-in",
            "Begin a sign-in",
            {"200": page("A form that sends itself to the provider."), "303": redirect("To the provider.")},
            also=(*WITH_PROVIDER, *LIMITED),
            parameters=[
                PROVIDER,
                _NEXT,
                query("account", "`other` has the provider ask who it is."),
                query("fresh", "`1` has the provider ask for a proof again."),
                _STEP_UP,
            ],
            security=SESSION_OR_NOT,
        )
    },
    "/callback/{provider}": {
        "get": _operation(
            "finish_login",
            "sign-in",
            "Finish a sign-in with the authorization response (RFC 6749, 4.1.2)",
            {"303": redirect("Signed in: where the link pointed.")},
            also=(*WITH_PROVIDER, *LIMITED, 409),
            parameters=[
                PROVIDER,
                query("code", "Authorization code."),
                query("state", "Of the attempt that this browser began."),
                query("iss", "Issuer (RFC 9207)."),
                query("error", "Why there is no code."),
                query("error_description", "For the log."),
            ],
            security=SESSION_OR_NOT,
        )
    },
    "/logout": {
        "get": _operation(
            "sign_out",
            "sign-in",
            "End the session of this browser, and the provider's",
            {
                "200": page("A question where another site asked for it, or a form that sends itself to the provider."),
                "303": redirect("To the provider's sign-out, or to the page that says that it is done."),
            },
            also=(*WITH_PROVIDER,),
            security=SESSION_OR_NOT,
        ),
        "post": _operation(
            "sign_out_by_form",
            "sign-in",
            "The same, on the order of a form of ours",
            {
                "200": page("Says that it is done, and goes on to the provider by itself."),
                "303": redirect("To the page that says that it is done."),
            },
            also=(*WITH_PROVIDER,),
            body=form(CSRF),
            security=SESSION_OR_NOT,
        ),
    },
    "/signed-out": {
        "get": _operation(
            "show_signed_out",
            "sign-in",
            "Say that nobody is signed in any more, if that is so",
            {"200": page("Whether somebody is signed in.")},
            security=SESSION_OR_NOT,
        )
    },
    "/break-glass": {
        "get": _operation(
            "show_break_glass_link",
            "sign-in",
            "Say what a one-time link would do",
            {"200": page("What it would do, and a button.")},
            also=(403,),
            parameters=[query("link", "From `airflow oidc break-glass`.")],
            security=SESSION_OR_NOT,
        ),
        "post": _operation(
            "use_break_glass_link",
            "sign-in",
            "Use a one-time link up",
            {"303": redirect("Signed in.")},
            also=(403,),
            body=form({"link": TEXT, **CSRF}),
            security=SESSION_OR_NOT,
        ),
    },
}

_ACCOUNT: Document = {
    "/access": {
        "get": _operation(
            "show_access",
            "account",
            "My access: who I am here, what I may do and why",
            {"200": page("My access."), "303": redirect("To the sign-in.")},
            parameters=[
                query("tz", "Time zone, such as Europe/Berlin."),
                _STEP_UP,
                query("revoked", "How many tokens were just revoked."),
            ],
            security=SESSION_OR_NOT,
        )
    },
    "/access/tokens": {
        "post": _operation(
            "revoke_own_token",
            "account",
            "Revoke a token of my own",
            {"303": redirect("To my access.")},
            also=(403, 404),
            body=form({"token": TEXT, **CSRF}),
            security=SESSION_OR_NOT,
        )
    },
    "/sessions": {
        "get": _operation(
            "show_sessions",
            "account",
            "Live sessions: one's own, or for an administrator everybody's",
            {"200": page("Fifty sessions, newest first."), "303": redirect("To the sign-in.")},
            parameters=[
                query("q", "Part of a name or an e-mail."),
                query("provider", "Id of a provider."),
                query("kind", "browser or token; empty for both."),
                query("page", "From 1."),
                query("ended", "How many have just ended."),
            ],
            security=SESSION_OR_NOT,
        ),
        "post": _operation(
            "end_sessions",
            "account",
            "End sessions",
            {"303": redirect("To the list.")},
            also=(403, 404),
            body=form({**_TARGET, "reason": TEXT, **CSRF}),
            security=SESSION_OR_NOT,
        ),
    },
    "/sessions/end": {
        "get": _operation(
            "ask_to_end_sessions",
            "account",
            "Ask whether these sessions are to end, and why",
            {"200": page("What would end."), "303": redirect("To the sign-in.")},
            also=(404,),
            parameters=[query(name, str(field["description"])) for name, field in _TARGET.items()],
            security=SESSION_OR_NOT,
        )
    },
}

_PROVIDERS: Document = {
    "/saml/{provider}/acs": {
        "post": _operation(
            "receive_saml_response",
            "identity provider",
            "Take the provider's response and have the browser bring it again, with its cookies",
            {"200": page("A form that sends itself.")},
            also=(404, *LIMITED),
            parameters=[PROVIDER],
            body=form(_SAML, ["SAMLResponse"]),
        )
    },
    "/saml/{provider}/finish": {
        "post": _operation(
            "finish_saml_login",
            "identity provider",
            "Finish a sign-in with the provider's response",
            {"303": redirect("Signed in: where the link pointed.")},
            also=(*WITH_PROVIDER, *LIMITED, 409),
            parameters=[PROVIDER],
            body=form(_SAML, ["SAMLResponse"]),
            security=SESSION_OR_NOT,
        )
    },
    "/saml/{provider}/metadata": {
        "get": _operation(
            "show_saml_metadata",
            "identity provider",
            "What to upload at the provider",
            {
                "200": {
                    "description": "Metadata of this service provider.",
                    "content": {"application/samlmetadata+xml": {"schema": TEXT}},
                }
            },
            also=WITH_PROVIDER,
            parameters=[PROVIDER],
        )
    },
    "/saml/{provider}/slo": {
        "get": _operation(
            "exchange_logout_by_redirect",
            "identity provider",
            "Answer a LogoutRequest, or take the answer to ours",
            {"200": page("A form that sends itself."), "303": redirect("On.")},
            also=WITH_PROVIDER,
            parameters=[
                PROVIDER,
                *(query(name, "SAML Bindings, 3.4.") for name in (*_SLO, "SigAlg", "Signature")),
            ],
            security=SESSION_OR_NOT,
        ),
        "post": _operation(
            "exchange_logout_by_form",
            "identity provider",
            "The same by form",
            {"200": page("A form that sends itself."), "303": redirect("On.")},
            also=WITH_PROVIDER,
            parameters=[PROVIDER],
            body=form(_SLO),
            security=SESSION_OR_NOT,
        ),
    },
    "/frontchannel-logout/{provider}": {
        "get": _operation(
            "receive_frontchannel_logout",
            "identity provider",
            "End the session that the provider names (Front-Channel Logout 1.0)",
            {"200": page("Nothing.")},
            also=WITH_PROVIDER,
            parameters=[PROVIDER, query("iss", "Issuer."), query("sid", "The provider's name of the session.")],
        )
    },
}

PAGES: Document = {**_SIGN_IN, **_ACCOUNT, **_PROVIDERS}
PAGES["/backchannel-logout/{provider}"] = {
    "post": {
        **_operation(
            "receive_logout_token",
            "identity provider",
            "End what a logout token names (Back-Channel Logout 1.0)",
            {"200": {"description": "Ended."}},
            also=LIMITED,
            parameters=[PROVIDER],
            body=form({"logout_token": {**TEXT, "maxLength": 16_384}}, ["logout_token"]),
        ),
    }
}
# Whatever went wrong is told in OAuth's words here.
PAGES["/backchannel-logout/{provider}"]["post"]["responses"]["400"] = {
    "description": "Not believed, or not done.",
    "content": {"application/json": {"schema": ref("OAuthError")}},
}
