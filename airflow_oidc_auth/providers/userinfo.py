"""Ask the IdP about the person (OIDC Core §5.3), plain or signed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_oidc_auth.errors import ProtocolViolation, ProviderError
from airflow_oidc_auth.providers.discovery import ProviderMetadata
from airflow_oidc_auth.providers.id_token import IdTokenClaims
from airflow_oidc_auth.providers.same_text import same_text
from airflow_oidc_auth.providers.signed_token import SignedClaims
from airflow_oidc_auth.providers.transport import HttpAnswer, Transport
from airflow_oidc_auth.secret import Secret


def fetch_userinfo(
    transport: Transport,
    metadata: ProviderMetadata,
    access_token: Secret,
    id_token: IdTokenClaims,
    *,
    client_id: str,
    verify: Callable[[str], SignedClaims],
) -> Mapping[str, object]:
    """Return the claims; they are about the subject of the id_token, or nobody.

    :param verify: signature check of a signed answer
    :raises ProviderError: ``userinfo_missing``, ``userinfo_refused``, and what the transport raises
    :raises ProtocolViolation: ``userinfo_subject``, ``userinfo_signature``
    """
    if metadata.userinfo_endpoint is None:
        raise ProviderError("userinfo_missing", "discovery names no userinfo_endpoint")
    answer = transport.get(metadata.userinfo_endpoint, headers={"Authorization": f"Bearer {access_token.reveal()}"})
    if answer.status != 200:
        raise ProviderError(
            "userinfo_refused",
            f"the userinfo endpoint answered {answer.status}",
            evidence={"status": answer.status},
        )
    claims = read_userinfo(answer, client_id, id_token.claims.get("iss"), verify)
    check_userinfo_subject(claims, id_token.subject)
    return claims


def read_userinfo(
    answer: HttpAnswer, client_id: str, iss: object, verify: Callable[[str], SignedClaims]
) -> Mapping[str, object]:
    """Read the body by its content type: JSON, or a JWT whose signature, ``iss`` and ``aud`` are checked (§5.3.2)."""
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/jwt":
        return answer.json_object()
    try:
        claims = verify(answer.body.decode("ascii").strip()).claims
    except UnicodeDecodeError:
        raise ProtocolViolation("userinfo_signature", "the signed userinfo answer is no text") from None
    except ProtocolViolation as error:
        raise ProtocolViolation("userinfo_signature", error.detail, evidence=error.evidence) from None
    aud = claims.get("aud", client_id)
    if claims.get("iss", iss) != iss or client_id not in (aud if isinstance(aud, list) else [aud]):
        raise ProtocolViolation("userinfo_signature", "the signed userinfo answer has another iss or aud")
    return claims


def check_userinfo_subject(claims: Mapping[str, object], subject: str) -> None:
    """``sub`` is the id_token's (§5.3.2): otherwise one person's token tells another person's groups."""
    if not same_text(claims.get("sub"), subject):
        raise ProtocolViolation("userinfo_subject", "sub of userinfo is missing or another")
