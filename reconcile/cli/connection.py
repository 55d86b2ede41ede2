"""Opens the service for one run of a command: one client, one event loop, one deadline, and Ctrl-C."""

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import anyio

from reconcile.actual.credentials import Access
from reconcile.actual.http import PARALLELISM, Http
from reconcile.actual.reader import ATTEMPTS, Reader
from reconcile.cli.process import INTERRUPTS, handled
from reconcile.cli.session import Session
from reconcile.clock import Stop, StoppableClock
from reconcile.report.escape import visible
from reconcile.tasks import beside

_PATIENCE = 1.0
"""Seconds before a terminal shows that the account is being read."""

_REFRESH = 0.2

Value = TypeVar("Value")


def connect(
    session: Session,
    work: Callable[[Reader], Awaitable[Value]],
    *,
    access: Access | None = None,
    attempts: int = ATTEMPTS,
    parallelism: int = PARALLELISM,
    asks_account: bool = False,
    announce: Callable[[str], None] | None = None,
    on_interrupt: Callable[[], None] | None = None,
) -> Value:
    """Run `work` against the service; each read is tried up to `attempts` times.

    Observing also requests the token's account if the files name one, or with `asks_account`. `announce` reports why
    the run waits for long; the default prints a note. Ctrl-C, SIGTERM and SIGHUP end the run at once; with
    `on_interrupt`, the first of them calls it and lets what is in flight finish.

    Raises:
        UserError: as `work` does; `StoppedError` when interrupted or out of time.
    """
    access = access or session.access()

    async def converse() -> Value:
        async with (
            StoppableClock(session.clock, seconds=session.seconds_left) as clock,
            Http(access, clock, parallelism=parallelism, announce=announce or session.output.note) as http,
            beside(_handle_signals, clock, on_interrupt),
        ):
            reader = Reader(http, attempts, asks_account=asks_account or session.names_account)
            async with beside(_show_reading, session, reader):
                return await work(reader)

    return anyio.run(converse, backend_options={"loop_factory": EventLoop})


async def _handle_signals(clock: StoppableClock, on_interrupt: Callable[[], None] | None) -> None:
    # The event loop leaves the system's handlers behind: what is left to do would be killed, not interrupted.
    with handled(signal.default_int_handler, *INTERRUPTS), anyio.open_signal_receiver(*INTERRUPTS) as signals:
        async for _ in signals:
            if on_interrupt is None or clock.reason is not None:
                clock.abort(Stop.INTERRUPTED)
            else:
                clock.stop(Stop.INTERRUPTED)
                on_interrupt()


async def _show_reading(session: Session, reader: Reader) -> None:
    """Show on a terminal that the account is being read, and how far, if it takes a while."""
    output, clock = session.output, session.clock
    if output.quiet or not output.err.is_terminal:
        return
    while True:
        await clock.sleep(_PATIENCE)
        if reader.progress is None:
            continue
        with output.err.console.status("") as status:
            while reader.progress:
                read, total = reader.progress
                done = f": {read:,} of {total:,} backups" if total else ""
                status.update(visible(f"Reading the account at {reader.http.base_url}{done}"))
                await clock.sleep(_REFRESH)


class EventLoop(asyncio.SelectorEventLoop):
    """Looks names up in threads that nothing waits for.

    asyncio looks them up in its pool of threads, and ends only after them. A resolver that does not respond held up
    --timeout and Ctrl-C by half a minute, because no thread can be interrupted.
    """

    async def getaddrinfo(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as asyncio's own
        """Look a name up; raises OSError."""
        found: Future[Any] = Future()
        found.set_running_or_notify_cancel()  # or a result that comes after the end of the loop would be an error

        def look_up() -> None:
            try:
                found.set_result(socket.getaddrinfo(*arguments, **options))
            except OSError as error:
                found.set_exception(error)

        threading.Thread(target=look_up, daemon=True).start()
        return await asyncio.wrap_future(found)
