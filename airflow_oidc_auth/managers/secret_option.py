"""Read an option of ``airflow.cfg`` without showing what it holds when that fails."""

from __future__ import annotations

from configparser import InterpolationError

from airflow.configuration import conf
from airflow.exceptions import AirflowConfigException

from airflow_oidc_auth.errors import ConfigurationError, Problem


def read_secret_option(section: str, key: str) -> str:
    """Return the value without surrounding space; empty if it is not set.

    :raises ConfigurationError: the command failed, the secrets backend cannot be asked, or a ``%`` stands alone
    """
    try:
        value = conf.get(section, key, fallback="") or ""
    except InterpolationError:
        # Not chained and not shown: the parser quotes the value, which may be the secret.
        text, suggestion = "holds a '%', which airflow.cfg reads as a reference", "write '%%' for each '%' in the file"
        raise ConfigurationError([Problem(f"[{section}] {key}", text, suggestion)]) from None
    except (AirflowConfigException, OSError, ValueError):
        # Not chained and not shown: Airflow's text holds the command's output, which may be the secret.
        text = "cannot be read: its command failed, or the secrets backend does not answer"
        suggestion = f"run what {key}_cmd names by hand, or look at {key}_secret and [secrets] backend"
        raise ConfigurationError([Problem(f"[{section}] {key}", text, suggestion)]) from None
    return value.strip()
