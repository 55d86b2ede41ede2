"""What an apply to many servers takes: backups in virtual time, requests by count, CPU without that of the service."""

import time
import timeit
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from support.build import NOW, backup, config, days, inventory
from support.schedules import item
from support.world import World

from reconcile.actual.inventory import Server
from reconcile.apply.account import AccountView
from reconcile.desired.min_sizes import DEFAULT
from reconcile.diagnostics import UserError
from reconcile.insight.importing import declare
from reconcile.outcomes import Result
from reconcile.sandbox.account import Account, Record

from . import fleet
from .process import PYTHON, fastest
from .row import Row
from .service import service

_FIVE_SECONDS, _FIVE_MINUTES = 5.0, 300.0
_CPU_SHARE = 0.008 / 0.27
"""Of the plain script's CPU: 8 ms for each changed server where that takes 0.27 s."""


def rows() -> Iterator[Row]:
    """Measure applies of every size."""
    yield from _two_hundred_servers()
    yield from _growth()
    yield from _many_at_once()
    yield _bookkeeping()
    yield _import()
    yield from _thousand_servers()
    yield from _throttled()


@dataclass
class _IndexedAccount(Account):
    """The sandbox's account, with an index by server, so that the service costs no more than it must."""

    by_server: dict[str, dict[object, Record]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for record in self.backups:
            self._index(record)

    def _index(self, record: Record) -> None:
        self.by_server.setdefault(str(record["server"]["id"]), {})[record["id"]] = record

    def list_backups(self, server_id: str | None = None, backup_type: str | None = None) -> list[Record]:
        self._pass_time()
        groups = self.by_server.values() if server_id is None else [self.by_server.get(server_id, {})]
        return [record for group in groups for record in group.values() if backup_type in {None, record["backup_type"]}]

    def create(self, server: Record, description: str) -> Record:
        made = super().create(server, description)
        self._index(self.backups[-1])
        return made

    def delete(self, backup: Record) -> None:
        del self.by_server[str(backup["server"]["id"])][backup["id"]]


@dataclass
class Fleet(World):
    """A world that keeps count of what its own service costs, and of how many backups are in progress."""

    most: int | None = None
    in_progress: int = 0
    peak: int = 0
    service_cpu: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.account = _IndexedAccount(
            servers=self.servers, backups=self.backups, now=self.now, backup_seconds=self.backup_seconds
        )

    def handle(self, request: httpx.Request) -> httpx.Response:
        started = time.process_time()
        answer = super().handle(request)
        self.service_cpu += time.process_time() - started
        return answer

    def create(self, server: Record, description: str) -> httpx.Response:
        self.account.list_backups("")  # lets time pass
        in_progress = sum(record["status"] == "in_progress" for record in self.account.backups[-200:])
        if self.most is not None and in_progress >= self.most:
            return httpx.Response(429, json={"detail": "Request was throttled."})
        self.peak = max(self.peak, in_progress + 1)
        return super().create(server, description)

    def _commit(self, what: str, record: Record) -> None:
        """Keep no record: it would cost more than all the rest."""


def fleet_of(
    servers: int,
    *,
    held: int = 1,
    series: int = 1,
    **changes: Any,  # noqa: ANN401 - a field of World
) -> Fleet:
    """Return a world in which so many series of each server are to be replaced, and what else it holds stays."""
    known: list[Record] = [{"id": number, "name": f"s{number}"} for number in range(1, servers + 1)]
    tables = ", ".join(f"{{ description = 'nightly{number}', every = '1d', keep = 1 }}" for number in range(series))
    file = "".join(f"[servers.s{it['id']}]\nid = {it['id']}\nbackups = [{tables}]\n" for it in known)
    names = [f"nightly{number}" if number < series else f"other{number}" for number in range(held)]
    backups = [item(it["id"] * 1000 + n, it, name, 2) for it in known for n, name in enumerate(names)]
    return Fleet(config=config(file), servers=known, backups=backups, **changes)


def _applied(world: Fleet) -> tuple[Result, float, float]:
    """Apply; return the result, the virtual seconds that it took, and its CPU without that of the service."""
    begun, started = world.time, time.process_time()
    results = world.apply(seconds=24 * 3600)
    cpu = time.process_time() - started - world.service_cpu
    assert not isinstance(results, UserError), results
    (result,) = results
    assert result.is_complete
    assert len(result.plan.deletes) == len(result.plan.creates), "each new backup replaces one"
    return result, (world.time - begun).total_seconds(), cpu


def _two_hundred_servers() -> Iterator[Row]:
    _, seconds, _ = _applied(fleet_of(200, backup_seconds=_FIVE_SECONDS, latency=lambda: 0.001))
    yield Row(
        what="apply to 200 servers, a create and a delete each, a backup takes 5 s",
        value=seconds / _FIVE_SECONDS,
        unit=" times one backup",
        goal=6,
    )


def _growth() -> Iterator[Row]:
    costs = []
    for servers, held in ((250, 4), (500, 4), (1000, 4), (500, 40)):
        world = fleet_of(servers, held=held, backup_seconds=_FIVE_SECONDS, page_size=100)
        _, _, cpu = _applied(world)
        yield Row(
            what=f"requests for each changed server, account of {servers:,} by {held}, pages of 100",
            value=len(world.requests) / servers,
            goal=6,  # a fresh list, the create, the look at its end, a delete, and the list that confirms it
        )
        costs.append(cpu / servers)
    small = costs[0] * 1000
    yield Row(
        what="CPU for each changed server, the dearest of these beside the first",
        value=max(costs) / costs[0],
        unit=" times",
        goal=1.3,
        note=", ".join(f"{cost * 1000:.2f} ms" for cost in costs),
    )
    yield Row(
        what="the same beside the plain script's CPU for 10,000 series",
        value=max(costs) / _plain_cpu(),
        goal=_CPU_SHARE,
        note=f"{small:.2f} ms at the first",
    )


def _plain_cpu() -> float:
    with service(500, 20) as base_url:
        file = Path(fleet.__file__).with_name("plain.toml")
        try:
            file.write_text(fleet.toml(500, 20), encoding="utf-8")
            command = (PYTHON, str(Path(fleet.__file__).with_name("plain.py")), str(file), base_url)
            return fastest({"plain": command}, 3)["plain"].cpu
        finally:
            file.unlink(missing_ok=True)


def _many_at_once() -> Iterator[Row]:
    world = fleet_of(100, held=2, series=2, backup_seconds=0.0, latency=lambda: 0.025)
    _, seconds, _ = _applied(world)
    what = "200 creates and 200 deletes on 100 servers, 50 ms latency, completed at once"
    yield Row(what=what, value=seconds, unit=" s", goal=9)
    yield Row(what="requests of the same", value=len(world.requests), goal=880)


def _bookkeeping() -> Row:
    def seconds(size: int) -> float:
        backups = [backup(number, server=Server(id=number // 20, name="s")) for number in range(size)]
        view = AccountView.__new__(AccountView)
        AccountView.__init__(view, None, None)  # type: ignore[arg-type] # nothing is listed here
        view.start_from(inventory(*backups), 0.0, DEFAULT)
        gone = iter(backups[::20])
        return min(timeit.repeat(lambda: view.record_deleted(next(gone)), number=10, repeat=20))

    return Row(
        what="a delete's bookkeeping in an account of 100,000, beside one of 5,000",
        value=seconds(100_000) / seconds(5_000),
        unit=" times",
        goal=2,
    )


def _import() -> Row:
    def seconds(servers: int) -> float:
        known = tuple(Server(id=number, name=f"s{number}") for number in range(servers))
        held = [backup(n * 20 + k, f"x{k}", server=it, age=days(k)) for n, it in enumerate(known) for k in range(20)]
        seen = inventory(*held, servers=known)
        return min(timeit.repeat(lambda: declare(seen, NOW), number=1, repeat=3))

    large = seconds(2000)
    return Row(
        what="import of an account of 40,000, beside one of 20,000",
        value=large / seconds(1000),
        unit=" times",
        goal=2.4,
        note=f"{large:.2f} s",
    )


def _thousand_servers() -> Iterator[Row]:
    world = fleet_of(1000, held=4, backup_seconds=_FIVE_MINUTES)
    result, seconds, _ = _applied(world)
    what = "1,000 servers, backups of five minutes, default options"
    yield Row(what=what, value=seconds / _FIVE_MINUTES, unit=" times one backup", goal=14)
    slowest = max(ended.elapsed for ended in result.finished if ended.backup)
    yield Row(what="the latest that a completion was seen", value=slowest / _FIVE_MINUTES, unit=" times", goal=1.1)
    yield Row(what="requests for each server", value=len(world.requests) / 1000, goal=6)


def _throttled() -> Iterator[Row]:
    world = fleet_of(1000, held=4, backup_seconds=_FIVE_MINUTES, most=30)
    result, _, _ = _applied(world)
    yield Row(what="the same, throttled at 30 in progress: the most there were", value=world.peak, goal=60)
    made = sum(ended.backup is not None for ended in result.finished)
    yield Row(what="servers that got their backup", value=made, goal=1000, more_is_better=True)
