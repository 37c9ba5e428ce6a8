"""Google Cloud: identity tokens of service accounts.

Google signs such a token for any service account of any project and for whatever audience it asks for, with the same
issuer as for people. Only the account itself tells whose program it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.identity.claims import ClaimPath
from airflow_oidc_auth.providers.presets.google import ISSUER
from airflow_oidc_auth.providers.presets.preset import EMAIL_CLAIM, EMAIL_VERIFIED_CLAIM, Derived, Given
from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import workload_preset

# The project is the end of the address. `developer.…` and Google's own `gcp-sa-…` are shared by all projects.
_OF_A_PROJECT = r"[^@]*@(?!gcp-sa-)[a-z][a-z0-9.-]*\.iam\.gserviceaccount\.com"


def check(given: Given) -> tuple[Problem, ...]:
    """There is one Google."""
    if given.issuer in (None, ISSUER):
        return ()
    return (Problem("issuer", "is not Google's", f"write {ISSUER}, or leave it out"),)


def derive(given: Given) -> Derived:
    """Google's tokens have been seen with and without the scheme."""
    return Derived(issuer=ISSUER, issuer_aliases=("accounts.google.com",))


def check_token(claims: Mapping[str, object]) -> str | None:
    """A person's token was issued to a client (``azp``); a service account gets its token itself."""
    email = claims.get("email")
    if email is not None and not (isinstance(email, str) and email.endswith(".gserviceaccount.com")):
        return "it is not of a service account"
    subject = claims.get("sub")
    return None if isinstance(subject, str) and subject == claims.get("azp") else "it is not of a service account"


PRESET = workload_preset(
    "gcp-workload",
    "Google Cloud workload identity",
    Workload(
        "service account of any project on Google Cloud",
        (
            binding("email", "etl@acme-data.iam.gserviceaccount.com", _OF_A_PROJECT),
            binding("sub", "104857600000000000000"),
        ),
    ),
    name_claims=(EMAIL_CLAIM, ClaimPath(("sub",))),
    email_claim=EMAIL_CLAIM,
    email_verified_claim=EMAIL_VERIFIED_CLAIM,
    check=check,
    derive=derive,
    check_token=check_token,
)
