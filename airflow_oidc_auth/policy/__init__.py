"""What roles may do.

Owns the meaning of the built-in roles and of the statements of custom ones, and the one question "may this set of
roles do that?". Entry point: :class:`~airflow_oidc_auth.policy.compile.Policy`, whose
``permissions(roles, team_roles)`` hands out a frozen :class:`~airflow_oidc_auth.policy.permissions.Permissions`.

    role names ──Policy.permissions──▶ Permissions ──allows_*(method, thing)──▶ bool
                    │                       │
    statements ──lines──▶ flat              └─ dag_rules ── dag_view ── dag_cells     one DAG, filters, lists
                            │                     └─ dag_selection ◀── DagIndex       sets per generation of the DAGs
                            └─ name_rules, custom_rules, pairs                        things by name, plugins, the rest

Where only pairs of method and resource count (FAB's roles, the built-in ones) an answer is one look-up in a set that
was computed when the combination of roles was first seen. Where statements select DAGs, the set is worked out when
it is first asked for and again when the index has another generation. No database, no IdP. What no role names is
denied; what a role denies is denied, whichever other role allows it, Admin included. For a thing of a team the roles
that somebody holds in this team count as if they held everywhere; for anything else they do not exist.

:func:`~airflow_oidc_auth.policy.fab.compile_fab_pairs` makes Permissions of what FAB's database says, and
:func:`~airflow_oidc_auth.policy.decision.explain_decision` names the line that decides.

Must not know: Airflow's classes (methods, entities, views and menu items arrive as strings), users, sessions,
identities, the web.
"""
