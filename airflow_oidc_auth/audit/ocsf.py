"""Audit rows as events of the Open Cybersecurity Schema Framework, version 1.3.0, for whoever collects them.

Sign-ins and sign-outs are Authentication (3002), links of FAB users, changed roles and forgotten people Account Change
(3001), everything else API Activity (6003). What the framework has no place for is in ``unmapped``, under our names.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from airflow_oidc_auth.audit.event import AuthEvent

VERSION = "1.3.0"
AUTHENTICATION, ACCOUNT_CHANGE, API_ACTIVITY = 3002, 3001, 6003
PRODUCT = "airflow-oidc-auth"

_SUCCESS, _FAILURE = 1, 2
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3
_OTHER = 99
_MAPPED = frozenset({"correlation_id", "reason", "issuer", "subject", "principal_id", "client_address", "count"})
_PLACE = frozenset({"chain", "seq", "salt", "link"})

Event = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Meaning:
    class_uid: int
    activity_id: int
    activity_name: str
    status_id: int = _SUCCESS
    severity_id: int = _INFORMATIONAL


_LOGOFF = _Meaning(AUTHENTICATION, 2, "Logoff")
MEANINGS: Mapping[str, _Meaning] = {
    AuthEvent.LOGIN.value: _Meaning(AUTHENTICATION, 1, "Logon"),
    AuthEvent.LOGIN_REFUSED.value: _Meaning(AUTHENTICATION, 1, "Logon", _FAILURE, _LOW),
    AuthEvent.LOGIN_FAILED.value: _Meaning(AUTHENTICATION, 1, "Logon", _FAILURE, _LOW),
    AuthEvent.LOGOUT.value: _LOGOFF,
    AuthEvent.SESSION_ENDED.value: _LOGOFF,
    AuthEvent.ROLES_CHANGED.value: _Meaning(ACCOUNT_CHANGE, _OTHER, "Roles changed"),
    AuthEvent.USER_LINKED.value: _Meaning(ACCOUNT_CHANGE, _OTHER, "Identity linked"),
    AuthEvent.USER_UNLINKED.value: _Meaning(ACCOUNT_CHANGE, _OTHER, "Identity unlinked"),
    AuthEvent.USER_FORGOTTEN.value: _Meaning(ACCOUNT_CHANGE, 6, "Delete", _SUCCESS, _LOW),
    AuthEvent.TOKEN_ISSUED.value: _Meaning(API_ACTIVITY, 1, "Create"),
    AuthEvent.TOKEN_REFUSED.value: _Meaning(API_ACTIVITY, _OTHER, "Token refused", _FAILURE, _LOW),
    AuthEvent.CONFIG_RELOADED.value: _Meaning(API_ACTIVITY, 3, "Update"),
    AuthEvent.CONFIG_REJECTED.value: _Meaning(API_ACTIVITY, 3, "Update", _FAILURE, _LOW),
    AuthEvent.BREAK_GLASS.value: _Meaning(API_ACTIVITY, _OTHER, "Break-glass", _SUCCESS, _MEDIUM),
    AuthEvent.AUDIT_PRUNED.value: _Meaning(API_ACTIVITY, 4, "Delete", _SUCCESS, _LOW),
}
_UNKNOWN = _Meaning(API_ACTIVITY, _OTHER, "Other")


def to_ocsf(row_id: int, moment: int, event: str, owner: str | None, fields: Mapping[str, object]) -> Event:
    """Return a row as an event.

    :param moment: microseconds since the epoch
    :param fields: of the row's ``extra``
    """
    meaning = MEANINGS.get(event, _UNKNOWN)
    kept = {name: value for name, value in fields.items() if name not in _MAPPED | _PLACE}
    told: Event = {
        "class_uid": meaning.class_uid,
        "category_uid": meaning.class_uid // 1000,
        "activity_id": meaning.activity_id,
        "activity_name": meaning.activity_name,
        "type_uid": meaning.class_uid * 100 + meaning.activity_id,
        "severity_id": meaning.severity_id,
        "status_id": meaning.status_id,
        "time": moment // 1000,
        "metadata": _metadata(row_id, event, fields),
        "count": fields.get("count", 1),
        **_of_class(meaning.class_uid, event, owner, fields),
    }
    if reason := fields.get("reason"):
        told["status_detail"] = reason
    if kept:
        told["unmapped"] = kept
    return told


def _of_class(class_uid: int, event: str, owner: str | None, fields: Mapping[str, object]) -> Event:
    user, source = _user(owner, fields), _endpoint(fields.get("client_address"))
    if class_uid == API_ACTIVITY:
        unknown: Event = {"name": "unknown"}
        return {"actor": {"user": user}, "api": {"operation": event}, "src_endpoint": source or unknown}
    told: Event = {"user": user}
    if source:
        told["src_endpoint"] = source
    if class_uid == AUTHENTICATION:
        told["service"] = {"name": "Apache Airflow"}
        told["is_remote"] = True
    return told


def _metadata(row_id: int, event: str, fields: Mapping[str, object]) -> Event:
    told: Event = {
        "version": VERSION,
        "product": {"name": PRODUCT, "vendor_name": PRODUCT},
        "event_code": event,
        "uid": str(row_id),
    }
    if correlation := fields.get("correlation_id"):
        told["correlation_uid"] = correlation
    if "seq" in fields:
        told["sequence"] = fields["seq"]
    return told


def _user(owner: str | None, fields: Mapping[str, object]) -> Event:
    """Return who it was; names can be chosen, so that the id is of issuer and subject."""
    user: Event = {"name": owner or "anonymous"}
    for name, field in (("uid", "principal_id"), ("uid_alt", "subject"), ("domain", "issuer")):
        if value := fields.get(field):
            user[name] = value
    return user


def _endpoint(address: object) -> Event:
    if not isinstance(address, str):
        return {}
    try:
        return {"ip": str(ipaddress.ip_address(address))}
    except ValueError:
        return {"name": address}
