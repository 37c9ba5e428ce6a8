"""Codes of sessions and tokens."""

from airflow_oidc_auth.messages.message import Message

MESSAGES = {
    "session_store_unavailable": Message(
        "Sessions unavailable",
        "Airflow could not store or read the session.",
        "Try again in a moment; the metadata database may be down.",
        503,
    ),
    "session_store_busy": Message(
        "Too many sign-ins at once",
        "Airflow is busy storing and reading sessions.",
        "Try again in a moment; the metadata database may be slow.",
        503,
    ),
    "identity_not_storable": Message(
        "Unusable account",
        "The identity provider sent an account id that Airflow cannot keep.",
        "Ask your administrator to look at `iss` and `sub`: at most 1,024 printable characters each.",
        502,
        "idp",
    ),
    "principal_conflict": Message(
        "Account mix-up prevented",
        "Airflow's record of this account belongs to somebody else, so nobody is signed in.",
        "Tell your Airflow administrator; the row of this principal in table oidc_auth_principal was changed.",
        500,
    ),
    "revocations_stale": Message(
        "Airflow is closed for the moment",
        "This server could not learn for half a minute which sessions have ended, so it lets nobody in.",
        "It opens by itself as soon as the metadata database answers; `/auth/health` tells. Your session is kept.",
        503,
    ),
    "frontchannel_logout_unnamed": Message(
        "Nothing to sign out",
        "The identity provider did not say which session has ended.",
        "Let the identity provider send `iss` and `sid` (`frontchannel_logout_session_required`) to this address.",
        400,
        "idp",
    ),
    "step_up_needed": Message(
        "A stronger or fresher sign-in is needed",
        "Your account may use this Airflow only after an authentication that is stronger or more recent than yours.",
        "Authenticate again as your organisation asks for it. If the same page comes back, the identity provider does "
        "not tell Airflow (`acr`, `amr`, `auth_time`): ask your Airflow administrator.",
        403,
        "user",
    ),
    "step_up_unmet": Message(
        "Not authenticated strongly enough",
        "The identity provider could not authenticate you in the way that the role needs.",
        "Your session goes on as it was. Set up the method that your organisation asks for, then try again.",
        403,
        "user",
    ),
    "step_up_other_person": Message(
        "This is another account",
        "You asked for more roles, and the identity provider signed in somebody else.",
        "Nobody was signed in and nothing was changed: your session goes on. To use the other account, sign out first.",
        403,
        "user",
    ),
    "auth_time_missing": Message(
        "Time of sign-in unknown",
        "The identity provider did not say when you authenticated, and this Airflow wants to know.",
        "Let it send the claim `auth_time`, or remove `sessions.reauthenticate_after`.",
        403,
        "idp",
    ),
    "auth_time_too_old": Message(
        "Please authenticate again",
        "You authenticated at the identity provider longer ago than this Airflow allows.",
        "Sign in again. If the identity provider still does not ask who you are, it ignores `max_age` and "
        "`prompt=login`: then `sessions.reauthenticate_after` cannot be kept with it.",
        403,
        "user",
    ),
}
