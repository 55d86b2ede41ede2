"""Reads the account once, within a bound: what the reading commands have in common."""

import anyio

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.inventory import Inventory
from reconcile.actual.reader import ATTEMPTS, Reader
from reconcile.cli.clock import SystemClock
from reconcile.clock import StoppableClock

_PATIENCE = 600.0
"""Seconds. A service that answers nothing but "wait" ends in an error, not in a job that hangs."""


def observe(access: Access, attempts: int = ATTEMPTS) -> Inventory:
    """Return what the account holds; raises UserError, and never returns a part."""

    async def read() -> Inventory:
        async with Http(access, StoppableClock(SystemClock(), seconds=_PATIENCE)) as http:
            return await Reader(http, attempts).observe()

    return anyio.run(read)
