"""A whole world in one process: the real client and executor, a service, a network that fails to order, and a clock
on which hours cost nothing. One schedule decides everything, so that a run that went wrong can be run again.
"""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import anyio
import httpx

from reconcile.actual.credentials import Access
from reconcile.actual.http import Http
from reconcile.actual.inventory import Inventory
from reconcile.actual.reader import PATIENT_ATTEMPTS, Reader
from reconcile.apply.converge import Convergence, converge
from reconcile.apply.run import Run
from reconcile.cli.recorder import Recorder
from reconcile.clock import Clock, Stop, StoppableClock
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.outcomes import Emit, Event, Result
from reconcile.plan.model import Plan
from reconcile.plan.planning import RunOptions, plan_run
from reconcile.plan.record import Record as RunRecord
from reconcile.plan.record import RecordedFile
from reconcile.sandbox.account import Account, Record
from support.build import NOW
from support.pages import page_of
from support.virtual import VirtualClock, VirtualLoop

BASE_URL = "https://vps.example/api/v1"
ACCESS = Access(base_url=BASE_URL, token="vps_simulated", token_from="the simulation")
LATENCY = 0.05
TIMEOUT = 2 * 3600.0
NOT_FOUND = {"detail": "Not found."}


class Crash(BaseException):
    """The process is killed here."""


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
    events: list[Event] = field(default_factory=list)
    hidden_until: dict[Any, datetime] = field(default_factory=dict)
    hide_new_for: float = 0.0
    stored_as: Callable[[str], str] = str
    latency: Callable[[], float] = lambda: LATENCY
    interrupt_at: int | None = None
    max_age: str | None = None
    answers_after: float = 0.0
    """Seconds that the person who approves takes, while the event loop stands still."""
    converged: list[Convergence] = field(default_factory=list)
    """How each run ended that was neither refused nor killed."""
    records: list[str] | None = None
    """The record of each run as it was saved last, if they are wanted."""

    def __post_init__(self) -> None:
        self._clock: VirtualClock | None = None
        self._is_killed = False
        self._running: list[StoppableClock] = []
        self.account = Account(
            servers=self.servers, backups=self.backups, now=self.now, backup_seconds=self.backup_seconds
        )

    def now(self) -> datetime:
        return self._clock.now() if self._clock else self.time

    # --- the service ---

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer as the service does, without a fault."""
        path = request.url.path.removeprefix("/api/v1")
        match request.method, path.strip("/").split("/"):
            case "GET", ["servers"]:
                return self._page(request, self.servers)
            case "GET", ["backups"]:
                query = {key: value[0] for key, value in parse_qs(request.url.query.decode()).items()}
                found = self.account.list_backups(query.get("server_id"), query.get("backup_type"))
                return self._page(request, [backup for backup in found if not self._is_hidden(backup)])
            case "POST", ["backups"]:
                body = json.loads(request.content)
                server = self.account.server(body["server_id"])
                return self.create(server, body["description"]) if server else httpx.Response(404, json=NOT_FOUND)
            case "POST", ["servers", server_id, "restore"]:
                self._commit("restore", {"server": server_id, **json.loads(request.content)})
                return httpx.Response(202, json={"message": "Restore started."})
            case "DELETE", ["backups", backup_id]:
                backup = self.account.backup(backup_id)
                if backup is None:
                    return httpx.Response(404, json=NOT_FOUND)
                self.account.delete(backup)
                self._commit("delete", backup)
                return httpx.Response(204)
            case "DELETE" | "GET", _:
                return httpx.Response(404, json=NOT_FOUND)
            case unexpected:
                raise AssertionError(unexpected)

    def create(self, server: Record, description: str) -> httpx.Response:
        """Answer a create."""
        made = self.account.create(server, self.stored_as(description))
        if self.hide_new_for:
            self.hidden_until[made["id"]] = self.now() + timedelta(seconds=self.hide_new_for)
        self._commit("create", made)
        return httpx.Response(201, json=made)

    def _is_hidden(self, backup: Record) -> bool:
        until = self.hidden_until.get(backup["id"])
        return until is not None and self.now() < until

    def _page(self, request: httpx.Request, found: list[Record]) -> httpx.Response:
        return page_of(found, request.url, largest=self.page_size)

    def _commit(self, what: str, record: Record) -> None:
        self.record.append(Committed(what, dict(record), self.usable()))

    def usable(self) -> dict[tuple[object, object], int]:
        """Return how many usable backups each series has."""
        counts: dict[tuple[object, object], int] = {}
        for backup in self.account.list_backups(backup_type="manual"):
            key = (backup["server"]["name"], backup["description"])
            counts[key] = counts.get(key, 0) + (backup["status"] == "completed")
        return counts

    # --- the network ---

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Carry a request to the service and its answer back, unless the schedule says otherwise."""
        number = len(self.requests)
        self.requests.append(f"{request.method} {request.url.path.removeprefix('/api/v1')}")
        if number == self.interrupt_at:
            for clock in self._running:
                clock.stop(Stop.INTERRUPTED)
        await anyio.sleep(self.latency())
        fault = self.faults.get(number)
        try:
            answer = fault(self, request, self.handle) if fault else self.handle(request)
            if not isinstance(answer, httpx.Response):
                answer = await answer
        except Crash:
            self._is_killed = True
            raise
        await anyio.sleep(self.latency())
        assert isinstance(answer, httpx.Response)
        answer.headers.setdefault("Date", self.date())
        return answer

    def date(self) -> str:
        """Return the service's time, as in its `Date` header."""
        return format_datetime(self.now(), usegmt=True)

    # --- the program ---

    def apply(self, *, seed: int = 0, **options: Any) -> list[Result] | UserError:  # noqa: ANN401 - see `converge`
        """Run a whole apply as the command does; a refusal is returned.

        Raises:
            Crash: as the schedule says; the world stays as it was at that moment.
        """
        (results,) = self.apply_at_once(1, seed=seed, **options)
        return results

    def apply_at_once(
        self,
        programs: int,
        *,
        seed: int = 0,
        apart: float = 0.0,
        **options: Any,  # noqa: ANN401 - see `converge`
    ) -> list[list[Result] | UserError]:
        """Run several applies side by side, as on several machines, each begun `apart` seconds after the last."""
        random.seed(seed)
        results: list[list[Result] | UserError] = []

        async def program(delay: float) -> None:
            await anyio.sleep(delay)
            results.append(await self.converge(ACCESS, self.clock, transport=Transport(self), **options))

        async def all_of_them() -> None:
            async with anyio.create_task_group() as tasks:
                for number in range(programs):
                    tasks.start_soon(program, number * apart)

        self.run(all_of_them)
        return results

    @property
    def clock(self) -> VirtualClock:
        """The clock of the run that is going on."""
        assert self._clock
        return self._clock

    def run(self, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run programs on a virtual loop, from the world's time on.

        Raises:
            Crash: as the schedule says; the world stays as it was at that moment.
        """
        loop = VirtualLoop()
        self._is_killed = False
        self._clock = VirtualClock(self.time, monotonic_at_start=2.0**20)
        try:
            with closing(loop):
                loop.run_until_complete(function())
                loop.run_until_complete(loop.shutdown_asyncgens())
        except BaseExceptionGroup as group:
            if crash := group.subgroup(Crash):
                raise Crash from crash
            raise
        finally:
            self.time += timedelta(seconds=loop.elapsed)
            self._clock = None

    async def converge(
        self,
        access: Access,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        seconds: float = TIMEOUT,
        parallelism: int = 10,
        options: RunOptions = RunOptions(),
        make_plan: Callable[[Inventory], Plan] | None = None,
    ) -> list[Result] | UserError:
        """Bring the account in line; `make_plan` plans from the file where it is not given."""
        started_at = clock.now()
        options = replace(options, max_age=Duration.parse(self.max_age) if self.max_age else None)
        recorder = self._recorder(started_at, options)
        async with StoppableClock(clock, seconds=seconds) as stoppable:
            self._running.append(stoppable)
            async with Http(access, stoppable, parallelism=parallelism, transport=transport) as http:
                run = Run(
                    reader=Reader(http, PATIENT_ATTEMPTS, asks_account=self.config.settings.account is not None),
                    emit=self._emitter(recorder),
                    options=options,
                )
                try:
                    with recorder or nullcontext():
                        converged = await converge(
                            make_plan or self._planning(started_at, recorder, options), self._approve, run
                        )
                except UserError as refusal:
                    return refusal
                finally:
                    self._running.remove(stoppable)
        self.converged.append(converged)
        return list(converged.results)

    def _planning(
        self, started_at: datetime, recorder: Recorder | None, options: RunOptions
    ) -> Callable[[Inventory], Plan]:
        def make_plan(inventory: Inventory) -> Plan:
            if recorder:
                recorder.observe(inventory)
            return plan_run(self.config, inventory, options, started_at)

        return make_plan

    def _recorder(self, started_at: datetime, options: RunOptions) -> Recorder | None:
        """Return what keeps the record of a run, which is killed with it."""
        if self.records is None:
            return None
        records, number = self.records, len(self.records)

        def save(text: str) -> None:
            if not self._is_killed:  # with the run, what would save this was killed
                records[number:] = [text]

        record = RunRecord(
            version="simulated",
            command="apply",
            started_at=started_at,
            base_url=BASE_URL,
            options=options,
            files=tuple(map(RecordedFile.of, self.config.sources)),
        )
        return Recorder(record, save, self.now)

    def _emitter(self, recorder: Recorder | None) -> Emit:
        def emit(event: Event) -> None:
            self.events.append(event)
            if recorder:
                recorder.add(event)

        return emit

    async def _approve(self, _: int) -> None:
        """Approve whatever is planned."""
        if self.answers_after:
            asyncio.get_running_loop().elapsed += self.answers_after  # type: ignore[attr-defined] # of the virtual loop

    def wait(self, seconds: float) -> None:
        """Let time pass between two runs."""
        self.time += timedelta(seconds=seconds)


class Transport(httpx.AsyncBaseTransport):
    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._world.send(request)
