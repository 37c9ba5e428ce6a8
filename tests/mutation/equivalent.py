"""Mutants that are no mistake: the program they make answers every question as ours does. Each with its reason.

The name is what a run prints for a survivor. One that is killed after all, or that the code no longer has, fails the
run, so that the list stays true and short.
"""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {}
