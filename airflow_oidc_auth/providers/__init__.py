"""Identity providers: one protocol each, all yielding an Identity.

Entry point: :func:`airflow_oidc_auth.providers.registry.build_provider`; what it returns is a
:class:`~airflow_oidc_auth.providers.provider.Provider`, run on its own
:class:`~airflow_oidc_auth.providers.pool.ProviderPool`. ``oidc.py`` is the skeleton that runs every step:
discovery → authorization request → response → token request → id_token → userinfo or access token where groups
live there → the preset's checks and additions → Identity. What comes from outside is an ``UnverifiedToken`` until
``signed_token.py`` makes it ``SignedClaims`` and ``id_token.py`` makes those ``IdTokenClaims``.

Knows no rule, role, session, cookie, web framework or Airflow. Time, randomness and HTTP are injected; only
``transport.py`` opens connections.
"""
