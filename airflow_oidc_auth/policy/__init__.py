"""What roles may do.

Owns the meaning of the built-in roles, and the one question "may this set of roles do that?". Entry point:
:class:`~airflow_oidc_auth.policy.compile.Policy`, whose ``permissions(roles)`` hands out a frozen, precomputed
:class:`~airflow_oidc_auth.policy.permissions.Permissions`.

    role names ──Policy.permissions──▶ Permissions ──allows_*(method, thing)──▶ bool

Every answer is one look-up in a set that was computed when the combination of roles was first seen (and a second
one where rights name single DAGs): no database, no IdP, no loop. What no role names is denied; only Admin is asked no
questions. :func:`~airflow_oidc_auth.policy.fab.compile_fab_pairs` makes Permissions of what FAB's database says.

Must not know: Airflow's classes (methods, entities, views and menu items arrive as strings), users, sessions,
identities, the web.
"""
