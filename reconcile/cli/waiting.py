"""Shows on a terminal what a command is waiting for, once that takes a while; prints nothing in a pipe."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio

from reconcile.cli.output import Output
from reconcile.report.escape import visible
from reconcile.tasks import beside

_PATIENCE = 1.0
"""Seconds before anything is shown."""

_REFRESH = 0.2


@asynccontextmanager
async def waiting(output: Output, describe: Callable[[], str]) -> AsyncIterator[None]:
    """Show what `describe` returns, again and again, for as long as the block lasts."""
    if output.quiet or not output.err.is_terminal:
        yield
        return
    async with beside(_show, output, describe):
        yield


async def _show(output: Output, describe: Callable[[], str]) -> None:
    await anyio.sleep(_PATIENCE)
    with output.err.status(visible(describe())) as status:
        while True:
            await anyio.sleep(_REFRESH)
            status.update(visible(describe()))
