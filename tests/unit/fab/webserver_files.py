"""Write a ``webserver_config.py`` and read it as the server does."""

from __future__ import annotations

from pathlib import Path

from airflow_oidc_auth.fab.webserver_config import WebserverConfig, read_webserver_config

CLASS = "from airflow_oidc_auth import OidcSecurityManager\nSECURITY_MANAGER_CLASS = OidcSecurityManager\n"
PROVIDERS = '{"okta": {"preset": "okta", "issuer": "https://acme.okta.com", "client_id": "0oa1"'
DOCUMENT = f'{{"version": 1, "providers": {PROVIDERS}, "client_secret": {{"env": "THE_SECRET"}}}}}}}}'
GOOD = f"""{CLASS}
AUTH_USER_REGISTRATION = True
AUTH_ROLES_MAPPING = {{"admins": ["Admin"]}}
OIDC_AUTH = {DOCUMENT}
"""


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "webserver_config.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def read(folder: Path, text: str | bytes) -> WebserverConfig:
    return read_webserver_config(write(folder, text))
