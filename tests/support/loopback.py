"""A server on this machine that speaks real TCP and TLS, for what no transport in the same process shows."""

import gc
import ssl
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream, TaskStatus
from anyio.from_thread import start_blocking_portal
from anyio.streams.tls import TLSStream

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.cli.system_clock import SystemClock
from reconcile.clock import StoppableClock

EMPTY = b'HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{"count": 0, "next": null, "results": []}'

Value = TypeVar("Value")


@dataclass
class Loopback:
    """Answers each connection's first bytes with `answer`, or as `handle` does; keeps what it received."""

    answer: bytes = EMPTY
    handle: Callable[[ByteStream], Awaitable[None]] | None = None
    tls: ssl.SSLContext | None = None
    received: list[bytes] = field(default_factory=list)
    connections: int = 0

    @contextmanager
    def serve(self) -> Iterator[int]:
        """Listen in a thread while the block runs; gives the port."""
        with start_blocking_portal() as portal:
            task, port = portal.start_task(self._listen)
            try:
                yield port
            finally:
                task.cancel()

    async def _listen(self, *, task_status: TaskStatus[int]) -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener:
            task_status.started(listener.extra(SocketAttribute.local_port))
            await listener.serve(self._connection)

    async def _connection(self, stream: SocketStream) -> None:
        self.connections += 1
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, ssl.SSLError):
            async with stream:
                if not self.tls:
                    await self._exchange(stream)
                    return
                async with await TLSStream.wrap(
                    stream, server_side=True, ssl_context=self.tls, standard_compatible=False
                ) as secure:
                    await self._exchange(secure)

    async def _exchange(self, stream: ByteStream) -> None:
        if self.handle:
            await self.handle(stream)
            return
        while True:
            self.received.append(await stream.receive())
            await stream.send(self.answer)


async def hang(_: ByteStream) -> None:
    """Accept the connection and answer nothing, as a handler of a `Loopback`."""
    await anyio.sleep_forever()


async def trickle(stream: ByteStream) -> None:
    """Answer with a body of which a byte comes now and then, as a handler of a `Loopback`."""
    await stream.receive()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await stream.send(b" ")
        await anyio.sleep(0.01)


async def break_tls(stream: ByteStream) -> None:
    """Answer within TLS by what is no TLS, as a handler of a `Loopback`."""
    await stream.receive()
    assert isinstance(stream, TLSStream)
    await stream.transport_stream.send(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")


def collect_sockets() -> None:
    """Close the sockets that httpcore leaves open after a cancelled TLS handshake, or an error of a SOCKS proxy."""
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


def use(base_url: str, function: Callable[[Http], Awaitable[Value]], *, seconds: float = 10) -> Value:
    """Use the client on the real clock, with a deadline after `seconds`."""
    access = Access(base_url=base_url, token="vps_secret", token_from="test")

    async def session() -> Value:
        async with StoppableClock(SystemClock(), seconds=seconds) as clock, Http(access, clock) as http:
            return await function(http)

    return anyio.run(session)
