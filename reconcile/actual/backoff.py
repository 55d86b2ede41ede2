"""Calculates how long to wait before a failed request is sent again."""

import random

_LONGEST = 60.0


def backoff(attempt: int) -> float:
    """Return the seconds to wait after attempt number `attempt`, from 1: about 1, 2, 4, up to a minute.

    Random jitter of up to a half keeps clients that were rejected at the same time from retrying at the same time.
    """
    return float(min(2 ** (attempt - 1), _LONGEST)) * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
