"""When a session is confirmed next: spread, so that what was opened together is not asked about together."""

from __future__ import annotations

import random

# Not the process's shared generator: libraries seed that one, and forked servers would draw alike.
chance = random.SystemRandom().random

SPREAD = 0.2
FIRST_RETRY = 10
LONGEST_RETRY = 300


def next_check(now: int, every: int, jitter: float) -> int:
    """Return when to ask again, never later than the settings say.

    :param every: seconds
    :param jitter: between 0 and 1
    """
    return now + max(1, round(every * (1 - SPREAD * jitter)))


def next_retry(now: int, every: int, failures: int, jitter: float) -> int:
    """Return when to ask again after so many failures in a row: pauses double up to five minutes.

    :param failures: at least 1
    """
    pause = min(FIRST_RETRY << min(failures - 1, 16), LONGEST_RETRY, every)
    return now + max(1, round(pause * (1 - SPREAD * jitter)))
