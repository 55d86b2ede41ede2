"""A whole world in one process: the real client and executor, a service, a network that fails to order, and a clock
on which hours cost nothing. One schedule decides everything, so that a run that went wrong can be run again.
"""

import asyncio
import json
import random
import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import anyio
import httpx

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.reader import Reader
from reconcile.actual.writer import Writer
from reconcile.apply.run import Manner
from reconcile.apply.run import apply as apply_plan
from reconcile.clock import Stop, StoppableClock
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.plan.events import Event, Result
from reconcile.plan.planner import plan as make_plan
from reconcile.plan.refusals import check_clock
from reconcile.sandbox.account import Account, Record
from support.build import NOW

BASE_URL = "https://vps.example/api/v1"
ACCESS = Access(base_url=BASE_URL, token="vps_simulated", token_from="the simulation")
LATENCY = 0.05
TIMEOUT = 2 * 3600.0
MOST_ROUNDS = 3


class Crash(BaseException):
    """The process is killed here: nothing of it goes on."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on which nobody waits: where it would sleep, its time jumps."""

    def __init__(self) -> None:
        super().__init__(_Jump(self))
        self.elapsed = 0.0

    def time(self) -> float:
        return self.elapsed


class _Jump(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits, and for nothing")
        self._loop.elapsed += max(0.0, timeout)
        return []


@dataclass
class VirtualClock:
    """The clock of a virtual loop; a world's time goes on from run to run."""

    started: datetime

    def now(self) -> datetime:
        return self.started + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


@dataclass(frozen=True)
class Committed:
    """A change that the service has carried out, and what its account held just after."""

    what: str
    record: Record
    usable: Mapping[tuple[object, object], int]


Handler = Callable[[httpx.Request], httpx.Response]
Fault = Callable[["World", httpx.Request, Handler], Any]


@dataclass
class World:
    """An account, its file, and the service's own record of what was done to it."""

    config: Config
    servers: list[Record]
    backups: list[Record]
    backup_seconds: float = 3.0
    page_size: int = 100
    time: datetime = NOW
    faults: Mapping[int, Fault] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    record: list[Committed] = field(default_factory=list)
    hidden_until: dict[Any, datetime] = field(default_factory=dict)
    hide_new_for: float = 0.0
    stored_as: Callable[[str], str] = str
    latency: Callable[[], float] = lambda: LATENCY
    interrupt_at: int | None = None

    def __post_init__(self) -> None:
        self._clock: VirtualClock | None = None
        self._stoppable: StoppableClock | None = None
        self.account = Account(
            servers=self.servers, backups=self.backups, now=self.now, backup_seconds=self.backup_seconds
        )

    def now(self) -> datetime:
        return self._clock.now() if self._clock else self.time

    # --- the service ---

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer as the service does, without any trouble."""
        path = request.url.path.removeprefix("/api/v1")
        match request.method, path.strip("/").split("/"):
            case "GET", ["servers"]:
                return self._page(request, self.servers)
            case "GET", ["backups"]:
                query = {key: value[0] for key, value in parse_qs(request.url.query.decode()).items()}
                found = self.account.list_backups(query.get("server_id"), query.get("backup_type"))
                return self._page(request, [it for it in found if not self._is_hidden(it)])
            case "POST", ["backups"]:
                body = json.loads(request.content)
                server = self.account.server(body["server_id"])
                assert server
                made = self.account.create(server, self.stored_as(body["description"]))
                if self.hide_new_for:
                    self.hidden_until[made["id"]] = self.now() + timedelta(seconds=self.hide_new_for)
                self._commit("create", made)
                return httpx.Response(201, json=made)
            case "POST", ["servers", server_id, "restore"]:
                self._commit("restore", {"server": server_id, **json.loads(request.content)})
                return httpx.Response(202, json={"message": "Restore started."})
            case "DELETE", ["backups", backup_id]:
                backup = self.account.backup(backup_id)
                if backup is None:
                    return httpx.Response(404, json={"detail": "Not found."})
                self.account.delete(backup)
                self._commit("delete", backup)
                return httpx.Response(204)
            case "GET", ["account", "me"]:
                return httpx.Response(404, json={"detail": "Not found."})
            case unexpected:
                raise AssertionError(unexpected)

    def _is_hidden(self, backup: Record) -> bool:
        until = self.hidden_until.get(backup["id"])
        return until is not None and self.now() < until

    def _page(self, request: httpx.Request, found: list[Record]) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        start = (number - 1) * self.page_size
        more = start + self.page_size < len(found)
        following = str(request.url.copy_set_param("page", number + 1)) if more else None
        page = {"count": len(found), "next": following, "results": found[start : start + self.page_size]}
        return httpx.Response(200, json=page)

    def _commit(self, what: str, record: Record) -> None:
        self.record.append(Committed(what, dict(record), self.usable()))

    def usable(self) -> dict[tuple[object, object], int]:
        """Return how many usable backups each series has."""
        counts: dict[tuple[object, object], int] = {}
        for it in self.account.list_backups(backup_type="manual"):
            key = (it["server"]["name"], it["description"])
            counts[key] = counts.get(key, 0) + (it["status"] == "completed")
        return counts

    # --- the network ---

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Carry a request to the service and its answer back, unless the schedule says otherwise."""
        number = len(self.requests)
        self.requests.append(f"{request.method} {request.url.path.removeprefix('/api/v1')}")
        if number == self.interrupt_at and self._stoppable:
            self._stoppable.stop(Stop.INTERRUPTED)
        await anyio.sleep(self.latency())
        fault = self.faults.get(number)
        answer = fault(self, request, self.handle) if fault else self.handle(request)
        if not isinstance(answer, httpx.Response):
            answer = await answer
        await anyio.sleep(self.latency())
        assert isinstance(answer, httpx.Response)
        return answer

    # --- the program ---

    def apply(self, *, seed: int = 0, seconds: float = TIMEOUT, parallelism: int = 10) -> list[Result] | UserError:
        """Run a whole apply as the command does, round by round; a refusal is returned.

        Raises:
            Crash: as the schedule says; the world stays as it was at that moment.
        """
        (result,) = self.apply_at_once(1, seed=seed, seconds=seconds, parallelism=parallelism)
        return result

    def apply_at_once(
        self, programs: int, *, seed: int = 0, seconds: float = TIMEOUT, parallelism: int = 10, apart: float = 0.0
    ) -> list[list[Result] | UserError]:
        """Run several applies side by side, as on several machines, each begun `apart` seconds after the last."""
        random.seed(seed)
        results: list[list[Result] | UserError] = []

        async def program(delay: float) -> None:
            await anyio.sleep(delay)
            results.append(await self._rounds(seconds, parallelism))

        async def all_of_them() -> None:
            async with anyio.create_task_group() as tasks:
                for number in range(programs):
                    tasks.start_soon(program, number * apart)

        loop = VirtualLoop()
        self._clock = VirtualClock(self.time)
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(all_of_them())
        except BaseExceptionGroup as group:
            if crash := group.subgroup(Crash):
                raise Crash from crash
            raise
        finally:
            self.time += timedelta(seconds=loop.elapsed)
            self._clock = None
        return results

    async def _rounds(self, seconds: float, parallelism: int) -> list[Result] | UserError:
        assert self._clock
        clock = self._stoppable = StoppableClock(self._clock, seconds=seconds)
        results: list[Result] = []
        try:
            async with Http(ACCESS, clock, transport=_Transport(self)) as http:
                for _ in range(MOST_ROUNDS):
                    inventory = await Reader(http).observe()
                    check_clock(inventory)
                    plan = make_plan(self.config, inventory, inventory.observed_at)
                    if not plan.actions and not plan.under_way:
                        break
                    told: list[Event] = []
                    service = Reader(http), Writer(http)
                    manner, scope = Manner(parallelism=parallelism), anyio.CancelScope()
                    result = await apply_plan(plan, *service, clock, manner=manner, emit=told.append, scope=scope)
                    results.append(result)
                    if not result.is_complete or not result.settled:
                        break
        except UserError as refusal:
            return refusal
        return results

    def wait(self, seconds: float) -> None:
        """Let time pass between two runs."""
        self.time += timedelta(seconds=seconds)


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._world.send(request)
