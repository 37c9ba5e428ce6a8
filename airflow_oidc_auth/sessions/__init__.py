"""Server-side sessions: what a sign-in leaves behind, on every API server, until it ends.

Owns the tables of :mod:`.models` in Airflow's metadata database, their migrations, and the copy in memory from which
requests are answered. Must not know OIDC, web frameworks or the auth manager.

The journey opens and ends a session in the database (:mod:`.database`), on the store's own threads
(:mod:`.executor`); what keeps an account elsewhere takes part in that transaction (:mod:`.accounts`). A request asks
:class:`.live.LiveSessions`: ``peek`` answers from memory (:mod:`.cache`, minus what the revocation feed (:mod:`.feed`)
has heard), ``load`` reads one indexed row when this process first sees the session. Ending a session writes one
revocation, which every server's feed reads within a second.

Beside the requests :mod:`.recheck` confirms active sessions at their IdP, one server at a time by a lease in the row
(:mod:`.rechecks_table`); a Grant that changes goes out through the same feed. :mod:`.activity` knows who is at work,
:mod:`.idle` ends who is not.
"""
