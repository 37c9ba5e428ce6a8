"""Grant rules: an Identity becomes a Grant (roles, teams, the reasons) or a Refusal.

Owns the meaning of ``grants.require`` and ``grants.rules``. Entry points: :func:`~.rules.compile_rules` once per
document, :meth:`~.rules.GrantRules.evaluate` at every sign-in, :class:`~.judgements.Judgements` for tokens,
:func:`~.scopes.scoped_roles` for where each role holds. Must not know protocols, sessions, Airflow or files.

Flow: every requirement that applies must hold, then every rule is asked on its own and adds its roles; no rule, no
entry. A condition looks at claims by strict type and never at part of a text; what it looked at is told in words.
"""
