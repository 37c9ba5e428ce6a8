"""Public: fakes that our tests, your tests and the demo run against.

:class:`FakeIdp` is a whole OpenID provider in a thread: discovery, keys, login page, code with PKCE,
tokens, userinfo, logout, pushed requests; ``idp.programs`` gives access tokens to programs. It is honest unless a
:class:`Misbehaviour` says how it lies; :data:`ATTACKS` and :data:`ODD_BUT_HONEST` name the ways.
``python -m airflow_oidc_auth.testing`` runs it alone.
:class:`FakeGithub` is the part of GitHub that a sign-in touches, :class:`RecordedTransport` stands for vendors
that cannot run here, and ``testing.stores`` keeps sessions in memory.
Never let a fake IdP face a network: whoever reaches it can sign in as anybody.
"""

from __future__ import annotations

from airflow_oidc_auth.testing.audit import MemoryAuditSink
from airflow_oidc_auth.testing.client import FakeClient
from airflow_oidc_auth.testing.github import FakeGithub, GithubUser
from airflow_oidc_auth.testing.idp import CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, FakeIdp
from airflow_oidc_auth.testing.misbehaviour import ATTACKS, DOWN, FOREIGN_ISSUER, ODD_BUT_HONEST, Misbehaviour
from airflow_oidc_auth.testing.programs import Program
from airflow_oidc_auth.testing.proofs import ProofKey
from airflow_oidc_auth.testing.transport import RecordedCall, RecordedTransport
from airflow_oidc_auth.testing.users import DEMO_USERS, FakeUser, load_users

__all__ = [
    "ATTACKS",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "DEMO_USERS",
    "DOWN",
    "FOREIGN_ISSUER",
    "ODD_BUT_HONEST",
    "REDIRECT_URI",
    "FakeClient",
    "FakeGithub",
    "FakeIdp",
    "FakeUser",
    "GithubUser",
    "MemoryAuditSink",
    "Misbehaviour",
    "Program",
    "ProofKey",
    "RecordedCall",
    "RecordedTransport",
    "load_users",
]
