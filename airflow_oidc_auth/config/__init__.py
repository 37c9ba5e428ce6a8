"""One document → validated → compiled to frozen objects; hot reload.

Owns the YAML format, its JSON Schema, and the words for everything that can be wrong in it. Entry points:
:func:`~airflow_oidc_auth.config.document.load_document` (or ``single.document_from_options`` for one
provider without a file), then :func:`~airflow_oidc_auth.config.compile.compile_document`. Must not know
Airflow, a web framework, or sessions: a connection's password and the clock come through constructors.

    text ─ strict_yaml ─▶ RawDocument ─ schema ─▶ models ─ checks, presets, rules ─▶ CompiledConfig
                               └──────── every problem, at its place, all at once ──▶ ConfigurationError
"""
