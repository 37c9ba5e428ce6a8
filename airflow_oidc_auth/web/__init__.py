"""Routes and pages under ``/auth``. Thin: parse the request, call the journey, answer.

Entry points: :func:`airflow_oidc_auth.web.app.create_web_app` (the sub-app that Airflow mounts) and
:class:`airflow_oidc_auth.web.middleware.AuthMiddleware` (around the whole API server). Everything else is asked of an
:class:`airflow_oidc_auth.web.engine.Engine`; nothing here imports Airflow, decides who may enter or talks to an IdP.

``border`` → ``routes/*`` → ``login.Journey`` → redirect, or a page from ``pages``. What goes wrong is a code of the
message catalogue, answered as page or JSON by ``answers``; nothing is ever answered by sending the browser back to the
IdP by itself.
"""
