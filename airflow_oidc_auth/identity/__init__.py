"""Who the IdP says somebody is.

Owns :class:`Identity`, claim paths and the normalising of groups. Knows no protocol, no rule, no Airflow:
providers build identities from verified claims, everything above reads them.
"""

from airflow_oidc_auth.identity.identity import Identity

__all__ = ["Identity"]
