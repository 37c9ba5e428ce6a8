"""Airflow's face: the auth manager, what Airflow's configuration says, and the composition of everything else.

Entry point: :class:`airflow_oidc_auth.managers.native.OidcAuthManager`. Only this package reads ``airflow.cfg``
(:mod:`~airflow_oidc_auth.managers.settings` gathers it) and only :mod:`~airflow_oidc_auth.managers.engine` knows which
concrete store, sink and provider stands behind each interface.

``create → init() → get_fastapi_app() → lifespan``: ``init`` reads and compiles the configuration or ends the process
with status 3; threads start in the sub-app's lifespan, because a preloading server forks in between.
"""
