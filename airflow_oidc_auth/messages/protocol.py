"""Codes of broken, forged, replayed or late protocol messages, and of the IdP's own refusals."""

from airflow_oidc_auth.messages.message import Message

_AGAIN = "Start again from the sign-in page; if it happens again, tell your Airflow administrator."
_CLOCK = "Compare the clocks of Airflow and the identity provider (`airflow oidc check`); `leeway` is the tolerance."


def _answer(text: str, hint: str = _AGAIN) -> Message:
    return Message("Sign-in answer refused", text, hint, 400, "user")


def _token(text: str, hint: str = _AGAIN) -> Message:
    return Message("Identity not accepted", text, hint, 400, "admin")


MESSAGES = {
    "state_mismatch": _answer("The answer does not belong to a sign-in begun here."),
    "response_malformed": _answer("The answer is incomplete or not valid."),
    "response_issuer_missing": _answer(
        "The answer does not say which identity provider it comes from.",
        "If your identity provider does not send `iss`, set `require_iss_parameter: false`.",
    ),
    "response_issuer_mismatch": _answer("The answer comes from another identity provider than the one asked."),
    "code_refused": _answer("The identity provider did not accept the code: it was used before, too old, or not ours."),
    "idp_denied": Message(
        "Sign-in cancelled",
        "The identity provider says that you cancelled, or that you may not use this application.",
        "Start again, or ask the people who run your identity provider to assign you to this application.",
        403,
        "user",
    ),
    "idp_interaction_required": Message(
        "Identity provider asks for more",
        "The identity provider could not finish the sign-in without asking you something.",
        "Start again; if `authorization_parameters` sets `prompt: none`, your administrator must remove it.",
        400,
        "user",
    ),
    "identity_refused": Message(
        "This account may not enter",
        "This account does not belong to an organisation that this Airflow accepts.",
        "Sign in with another account, or ask your Airflow administrator.",
        403,
        "user",
    ),
    "id_token_malformed": _token("The identity token is not valid."),
    "id_token_too_large": _token("The identity token is larger than any should be."),
    "id_token_algorithm": _token(
        "The identity token is signed with an algorithm that is not accepted.",
        "Set `algorithms` of the provider, or the client's signing algorithm at the identity provider.",
    ),
    "id_token_key_unknown": _token(
        "The identity token is signed with a key that the identity provider does not publish.",
        "Try again in a minute if keys were just changed; else check `jwks_file` or the key set of the provider.",
    ),
    "id_token_signature": _token("The signature of the identity token is not valid."),
    "id_token_issuer": _token(
        "The identity token comes from another issuer.",
        "Set `issuer` of the provider to exactly what its tokens say; a trailing slash matters.",
    ),
    "id_token_audience": _token(
        "The identity token is meant for another application.", "Check `client_id` of the provider."
    ),
    "id_token_azp": _token("The identity token was issued to another application."),
    "id_token_expired": _token("The identity token is too old.", _CLOCK),
    "id_token_not_yet_valid": _token("The identity token is not valid yet.", _CLOCK),
    "id_token_nonce": _token("The identity token does not belong to this sign-in."),
    "id_token_at_hash": _token("The identity token does not belong to the access token."),
    "id_token_subject": _token("The identity token does not say who signed in."),
    "id_token_claim": _token("A claim of the identity token is missing or has the wrong type."),
    "userinfo_subject": _token("The identity provider's two answers are about different people."),
    "userinfo_signature": _token("The identity provider's userinfo answer is not signed as it should be."),
    "access_token_invalid": _token("The access token that should tell the groups is not valid."),
}
