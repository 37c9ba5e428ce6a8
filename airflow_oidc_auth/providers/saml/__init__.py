"""SAML 2.0 Web Browser SSO and Single Logout, service-provider side, all yielding an Identity.

Entry point: :class:`~airflow_oidc_auth.providers.saml.provider.SamlProvider`. A response goes through
``untrusted.py`` (size, depth, no DTD, then a parser that fetches nothing) → ``encryption.py`` → ``signature.py``
(one reference, one allow-list; returns the very bytes whose digest was signed) → ``assertion.py`` (reads those bytes
and nothing else) → ``checks.py`` (one function per rule, one code each) → ``identity.py`` → the replay cache, last,
so that only a good assertion is used up.

Only modules that are imported when a SAML provider is configured touch lxml and xmlsec (``libraries.py`` explains
what is missing); ``settings``, ``bindings``, ``addresses``, ``session`` and ``replay`` need neither. Knows no cookie,
rule, web framework or Airflow.
"""
