"""The service, for as long as one run of a command lasts: one client, one event loop, one deadline, and Ctrl-C."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import anyio

from reconcile.actual.credentials import Access
from reconcile.actual.http import PARALLELISM, Http
from reconcile.actual.inventory import Backup, Inventory
from reconcile.actual.reader import ATTEMPTS, Reader
from reconcile.actual.writer import Writer
from reconcile.cli.output import Output
from reconcile.cli.system_clock import SystemClock
from reconcile.cli.waiting import waiting
from reconcile.clock import Stop, StoppableClock
from reconcile.ids import Id
from reconcile.report.wording import count_text
from reconcile.tasks import beside

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The service, for as long as one run lasts."""

    http: Http
    reader: Reader
    clock: StoppableClock
    output: Output
    progress: "_Progress"

    @property
    def writer(self) -> Writer:
        """The side of the service that changes the account."""
        return Writer(self.http)

    @property
    def pages(self) -> int:
        """How many requests the last whole list of backups took."""
        return self.reader.pages

    async def backups(self, server_id: Id | None = None) -> tuple[Backup, ...]:
        """List manual backups; raises as `Reader.backups` does."""
        return await self.reader.backups(server_id)

    async def observe(self, *, automatic: bool = False, server_id: Id | None = None) -> Inventory:
        """Read the account; on a terminal, say so where it takes a while. Raises as `Reader.observe` does."""
        async with waiting(self.output, self._reading):
            return await self.reader.observe(automatic=automatic, server_id=server_id)

    def _reading(self) -> str:
        read, total = self.progress.read, self.progress.total
        done = f": {read:,} of {count_text(total, 'backup')}" if total else ""
        return f"Reading the account at {self.http.base_url}{done}"


@dataclass(slots=True)
class _Progress:
    """How many of how many backups have been read."""

    read: int = 0
    total: int = 0

    def show(self, read: int, total: int) -> None:
        self.read, self.total = read, total


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a run may take, how often a read is tried, and how many requests are in flight; None is the usual.

    With `asks_account`, observing also asks whose the token is.
    """

    seconds: float
    attempts: int | None
    parallelism: int | None
    asks_account: bool


def run(
    work: Callable[[Connection], Awaitable[Result]],
    access: Access,
    limits: Limits,
    output: Output,
    on_interrupt: Callable[[], None] | None,
) -> Result:
    """Do something with the service; see `Session.run`."""

    async def main() -> Result:
        async with (
            _connection(access, limits, output) as connection,
            beside(_handle_signals, connection.clock, on_interrupt),
        ):
            return await work(connection)

    return anyio.run(main)


@asynccontextmanager
async def _connection(access: Access, limits: Limits, output: Output) -> AsyncIterator[Connection]:
    async with (
        StoppableClock(SystemClock(), seconds=limits.seconds) as clock,
        Http(access, clock, parallelism=limits.parallelism or PARALLELISM) as http,
    ):
        progress = _Progress()
        reader = Reader(http, limits.attempts or ATTEMPTS, asks_account=limits.asks_account, progress=progress.show)
        yield Connection(http=http, reader=reader, clock=clock, output=output, progress=progress)


async def _handle_signals(clock: StoppableClock, on_interrupt: Callable[[], None] | None) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _ in signals:
            if on_interrupt is None or clock.reason is not None:
                clock.abort(Stop.INTERRUPTED)
            else:
                clock.stop(Stop.INTERRUPTED)
                on_interrupt()
