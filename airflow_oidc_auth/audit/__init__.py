"""What remains of every auth event: a row in Airflow's ``log`` table and a line in the log stream.

Owns the closed list of events (:mod:`.event`), the lean fields that both sinks show (:mod:`.fields`), the sinks
(:mod:`.airflow_log`, :mod:`.stream`), and what happens when one of them fails or a flood arrives (:mod:`.log`,
:mod:`.window`). Must not know sessions, providers or web frameworks. No token, secret or claim set gets in here:
:class:`.event.AuditRecord` has no place for one.
"""
