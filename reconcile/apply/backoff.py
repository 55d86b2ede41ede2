"""How long to wait before a request that was not carried out is sent again."""

import random

_LONGEST = 60.0


def backoff(attempt: int) -> float:
    """Return seconds to wait after the attempt of this number, from 1: about 1, 2, 4, up to a minute.

    Jittered by half, so that servers that were turned away together do not come back together.
    """
    return float(min(2 ** (attempt - 1), _LONGEST)) * random.uniform(0.5, 1.0)  # noqa: S311 - not for secrets
