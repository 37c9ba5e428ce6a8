"""AWS: tokens that STS signs for IAM principals (``GetWebIdentityToken``), and those of EKS service accounts.

STS has one issuer for each account, EKS one for each cluster. What STS knows about the caller is below a claim that is
named like a URL, so its path is a JSON pointer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from airflow_oidc_auth.errors import Problem
from airflow_oidc_auth.providers.presets import kubernetes
from airflow_oidc_auth.providers.presets.preset import Given, require_issuer
from airflow_oidc_auth.providers.presets.workload import Workload, binding
from airflow_oidc_auth.providers.presets.workload_preset import workload_preset

STS = "https://sts.amazonaws.com/"
_ISSUER = re.compile(
    r"https://[0-9a-z-]+\.tokens\.sts\.global\.api\.aws(\.[a-z.]+)?"
    r"|https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/id/[0-9A-Z]+"
    r"|https://oidc-eks\.[a-z0-9-]+\.api\.aws/id/[0-9A-Z]+"
)
_ARN = r"arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:"


def check(given: Given) -> tuple[Problem, ...]:
    """Both kinds of issuer have a form of their own."""
    problems = require_issuer(given)
    if problems or _ISSUER.fullmatch(given.issuer or "") or (given.issuer or "").startswith("http:"):
        return problems
    better = "copy it from `aws iam get-outbound-web-identity-federation-info`, or from the cluster's OIDC provider URL"
    return (Problem("issuer", "is neither the issuer of an AWS account nor of an EKS cluster", better),)


def check_token(claims: Mapping[str, object]) -> str | None:
    """IAM principals are named by ARN, service accounts as in Kubernetes."""
    subject = claims.get("sub")
    known = isinstance(subject, str) and (re.match(_ARN, subject) or subject.startswith(kubernetes.ACCOUNT))
    return None if known else "its subject is neither an IAM principal nor a service account"


PRESET = workload_preset(
    "aws",
    "AWS",
    Workload(
        "principal of the account",
        (
            binding("sub", "arn:aws:iam::123456789012:role/etl", rf"{_ARN}.*"),
            *kubernetes.BINDINGS,
            binding((STS, "aws_account"), "123456789012"),
        ),
    ),
    algorithms=("RS256", "ES384"),
    check=check,
    check_token=check_token,
)
