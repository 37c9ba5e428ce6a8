"""The document's shape as pydantic models: types, bounds, descriptions, examples.

Strict on purpose: nothing is coerced (``client_id: 123`` is an error, not ``"123"``) and unknown keys are
errors. What needs two places to judge is in :mod:`airflow_oidc_auth.config.check_provider`,
:mod:`~airflow_oidc_auth.config.compile_grants` and the presets.
"""

from airflow_oidc_auth.config.schema.document import Document

__all__ = ["Document"]
