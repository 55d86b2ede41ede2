"""A faulty service over real HTTP on loopback: a seed chooses which requests meet which fault.

Time runs a few hundred times faster than on the wall, for the service as for the program: its clock is a value.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from inspect import isawaitable

import anyio
import h11
import httpx
from anyio.abc import SocketAttribute, SocketStream

from reconcile.actual.credentials import Access
from reconcile.diagnostics import UserError
from support.build import NOW, config
from support.faults import busy, error_after, error_before, hidden, html, limited, miscounted
from support.schedules import item
from support.world import Handler, World

SPEED = 300.0
SERVERS = 5
CREATES = 3 * SERVERS
_FAULT_SHARE = 0.2
_LAG = 20.0

FLEET = config(
    '[settings]\nprune = "7d"\nmax_shrink = "100%"\n'  # the limit is not the subject, and 5 of 25 is just at it
    + "".join(
        f"""
        [servers.s{number}]
        id = {number}
        backups = [
            {{ description = "one", keep = 1 }},
            {{ description = "two", every = "1d", keep = 2 }},
            {{ description = "nightly", every = "1d", keep = 1 }},
        ]
        """
        for number in range(1, SERVERS + 1)
    )
)


@dataclass
class FastClock:
    """A real clock that runs `speed` times as fast; time may also be made to jump."""

    jumped: float = 0.0
    speed: float = SPEED
    _started: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._started) * self.speed + self.jumped

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds / self.speed)


class FastWorld(World):
    """The world's service, by a clock that runs on its own."""

    fast: FastClock

    def now(self) -> datetime:
        return self.fast.now() if hasattr(self, "fast") else NOW


def fleet() -> FastWorld:
    """Return five servers: three backups to be made and three to be deleted on each, two that stay."""
    servers = [{"id": number, "name": f"s{number}"} for number in range(1, SERVERS + 1)]
    backups = [
        backup
        for number, server in enumerate(servers, start=1)
        for backup in (
            item(number * 10 + 1, server, "nightly", 2),
            item(number * 10 + 2, server, "nightly", 1.5, "failed"),
            item(number * 10 + 3, server, "by hand", 10),
            item(number * 10 + 4, server, "by hand", 1),
            item(number * 10 + 5, server, "by hand", 30, backup_type="automatic"),
        )
    ]
    world = FastWorld(config=FLEET, servers=servers, backups=backups, page_size=9)
    world.fast = FastClock()
    return world


@dataclass(frozen=True)
class Outcome:
    seed: int
    faults: int
    creates: int
    problems: list[str]


def run(seed: int) -> Outcome:
    """Apply under this seed's faults, apply once more without, and compare the account with the file."""
    return asyncio.run(_run(seed))


async def _run(seed: int) -> Outcome:
    random.seed(seed)
    world = fleet()
    service = FaultyService(world, random.Random(seed))
    async with service.serve() as base_url:
        await apply_over_http(world, base_url)
        service.is_faulty = False
        world.fast.jumped += _LAG
        refusal = await apply_over_http(world, base_url)
    problems = [str(refusal)] if refusal else []
    return Outcome(
        seed, service.faults, sum(change.what == "create" for change in world.record), problems + _problems(world)
    )


async def apply_over_http(world: FastWorld, base_url: str, *, seconds: float = 7200) -> UserError | None:
    """Apply to a world that is served at this URL; return why it was refused, if it was."""
    access = Access(base_url=base_url, token="vps_simulated", token_from="the simulation")
    outcome = await world.converge(access, world.fast, seconds=seconds, parallelism=3)
    return outcome if isinstance(outcome, UserError) else None


def _problems(world: FastWorld) -> list[str]:
    found: list[str] = []
    planned = {backup["id"] for backup in fleet().backups if backup["id"] % 10 in {1, 2, 3}}
    deleted = {change.record["id"] for change in world.record if change.what == "delete"}
    if deleted != planned:
        found.append(f"deleted {deleted - planned}, not deleted {planned - deleted}")
    listed = world.account.list_backups()
    held = sorted((backup["server"]["id"], backup["description"], backup["status"]) for backup in listed)
    wanted = sorted(
        (number, description, "completed")
        for number in range(1, SERVERS + 1)
        for description in ("one", "two", "nightly", "by hand", "by hand")
    )
    if held != wanted:
        found.append(f"the account holds {held}")
    before: dict[tuple[object, object], int] = {(f"s{number}", "nightly"): 1 for number in range(1, SERVERS + 1)}
    for committed in world.record:
        emptied = [
            series
            for series, count in before.items()
            if count and series[1] == "nightly" and not committed.usable.get(series)
        ]
        found += [f"{series} was emptied" for series in emptied]
        before = dict(committed.usable)
    return found


@dataclass
class FaultyService:
    """Serves a world over HTTP/1.1, and lets things go wrong while `is_faulty`."""

    world: FastWorld
    chance: random.Random
    is_faulty: bool = True
    faults: int = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, self._connection)
            yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/api/v1"
            tasks.cancel_scope.cancel()

    async def _connection(self, stream: SocketStream) -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with stream:
                while await self._exchange(stream):
                    pass

    async def _exchange(self, stream: SocketStream) -> bool:
        """Take one request and answer it; return whether the connection stays."""
        request = await self._receive(stream)
        answer = self._fault(request.method)(self.world, request, self.world.handle)
        if isawaitable(answer):
            answer = await answer
        if isinstance(answer, httpx.Response):
            answer.headers.setdefault("Date", self.world.date())
            await stream.send(_wire(answer))
        elif isinstance(answer, bytes):
            await stream.send(answer)
        return isinstance(answer, httpx.Response)

    async def _receive(self, stream: SocketStream) -> httpx.Request:
        connection = h11.Connection(h11.SERVER)
        head: h11.Request | None = None
        body = b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive())
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) and head:
                port = stream.extra(SocketAttribute.local_port)
                url = f"http://127.0.0.1:{port}{head.target.decode()}"
                return httpx.Request(head.method.decode(), url, content=body)

    def _fault(self, method: str) -> Callable[..., object]:
        if not self.is_faulty or self.chance.random() > _FAULT_SHARE:
            return none
        self.faults += 1
        return self.chance.choice(_KINDS[method])


def none(_: World, request: httpx.Request, handle: Handler) -> httpx.Response:
    return handle(request)


def drop_before(_: World, __: httpx.Request, ___: Handler) -> None:
    """Close the connection without an answer."""


def drop_after(_: World, request: httpx.Request, handle: Handler) -> None:
    handle(request)


def hidden_and_dropped(world: World, request: httpx.Request, handle: Handler) -> None:
    hidden(world, request, handle)


async def slow(world: FastWorld, request: httpx.Request, handle: Handler) -> httpx.Response:
    await world.fast.sleep(6)
    return handle(request)


def cut_short(_: World, request: httpx.Request, handle: Handler) -> bytes:
    whole = _wire(handle(request))
    return whole[: len(whole) - max(1, len(whole) // 3)]


def garbage(_: World, __: httpx.Request, ___: Handler) -> bytes:
    return b"\x16\x03\x01 this is no HTTP \xff\r\n\r\n"


_ANY = (drop_before, drop_after, error_before, limited, slow, cut_short, garbage, html)
_KINDS: dict[str, tuple[Callable[..., object], ...]] = {
    "GET": (*_ANY, miscounted),
    "POST": (*_ANY, error_after, busy, hidden, hidden_and_dropped),
    "DELETE": (*_ANY, error_after, busy),
}


def _wire(answer: httpx.Response) -> bytes:
    headers = {key: value for key, value in answer.headers.items() if key != "content-length"}
    length = {} if answer.status_code == httpx.codes.NO_CONTENT else {"Content-Length": str(len(answer.content))}
    lines = [f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"]
    lines += [f"{key}: {value}" for key, value in (headers | length).items()]
    return "\r\n".join([*lines, "", ""]).encode() + answer.content
