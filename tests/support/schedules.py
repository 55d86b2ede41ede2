"""A small plan that has everything in it, every schedule of faults over it, and what must hold after each."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from reconcile.desired.load import parse_all
from reconcile.diagnostics import UserError
from reconcile.insight.replay import Replay, replay
from reconcile.outcomes import Outcome, Result
from reconcile.plan.model import Create
from reconcile.plan.planning import RunOptions
from reconcile.plan.record import parse
from reconcile.sandbox.account import Record
from support.build import NOW, config, entry
from support.faults import BY_NAME, CRASHES, FAULTS
from support.world import Crash, World

Schedule = tuple[tuple[int, str], ...]
"""Which request, counted from 0, meets which fault."""

WEB, DB, OTHER = ({"id": number, "name": name} for number, name in ((1, "web"), (2, "db"), (3, "other")))
SMALL_FILE = """\
[settings]
prune = "7d"

[servers.web]
id = 1
backups = [{ description = "before the upgrade", keep = 1 }]

[servers.db]
id = 2
backups = [{ description = "nightly", every = "1d", keep = 1 }]
"""
SMALL = config(SMALL_FILE)
JUNK, RECENT, OLD, FAILED, ELSEWHERE, AUTOMATIC = 11, 12, 21, 22, 31, 41
PLANNED_DELETES = {JUNK, OLD, FAILED}
CREATES = 2
HIDDEN = {"hidden", "hidden_and_lost"}
LAG = 25.0


def item(
    id_: int, server: Record, description: str, days: float, status: str = "completed", backup_type: str = "manual"
) -> Record:
    """Return a backup as the world's service lists it."""
    age = timedelta(days=days)
    return entry(id_, description, age, status=status, server=server, backup_type=backup_type, now=NOW)


def small_world(**changes: Any) -> World:  # noqa: ANN401 - a field of World each
    """Return a world in which a create, a due replacement, a prune and a failed backup are to be dealt with."""
    backups = [
        item(JUNK, WEB, "by hand", 10),
        item(RECENT, WEB, "by hand", 1),
        item(OLD, DB, "nightly", 2),
        item(FAILED, DB, "nightly", 1, "failed"),
        item(ELSEWHERE, OTHER, "nightly", 100),
        item(AUTOMATIC, DB, "nightly", 50, backup_type="automatic"),
    ]
    return World(config=SMALL, servers=[dict(WEB), dict(DB), dict(OTHER)], backups=backups, **changes)


def is_exact(world: World) -> bool:
    """Return whether the account is exactly what the file says."""
    held = [
        (backup["server"]["name"], backup["description"], backup["status"])
        for backup in world.account.list_backups()
        if backup["id"] not in {RECENT, ELSEWHERE, AUTOMATIC}
    ]
    untouched = {backup["id"] for backup in world.account.list_backups()} >= {RECENT, ELSEWHERE, AUTOMATIC}
    wanted = [("db", "nightly", "completed"), ("web", "before the upgrade", "completed")]
    return untouched and sorted(held) == wanted


def run(schedule: Schedule, *, options: RunOptions = RunOptions(), page_size: int = 100) -> World:
    """Apply under the faults of the schedule, then once without; return the world as it is then.

    Raises:
        AssertionError: something that must hold did not; the message has the schedule.
    """
    world = small_world(faults={number: BY_NAME[kind] for number, kind in schedule}, page_size=page_size, records=[])
    was_killed = False
    try:
        first = world.apply(options=options)
        check_report(first, world)
    except Crash:
        was_killed = True
    world.faults = {}
    if any(kind in HIDDEN for _, kind in schedule):
        world.wait(LAG)
    clean = world.apply(options=options)
    assert not isinstance(clean, UserError), clean
    check_report(clean, world)
    world.wait(world.backup_seconds)  # what was found under way and takes nothing's place is not waited for
    assert is_exact(world), world.account.list_backups()
    check_record(world)
    found = replayed(world)
    assert [(run.findings, run.is_finished) for run in found] == [((), not was_killed), ((), True)]
    return world


def replayed(world: World) -> Replay:
    """Plan each run of a world again from its record."""
    records = ((f"run {number}", parse(text, "record")) for number, text in enumerate(world.records or ()))
    return replay(records, parse_all)


def check_record(world: World) -> None:
    """Check the service's own record: nothing made twice, nothing lost, nothing deleted that was not planned."""
    made = [change for change in world.record if change.what == "create"]
    assert len(made) == CREATES, f"{len(made)} creates were carried out"
    deleted = {change.record["id"] for change in world.record if change.what == "delete"}
    assert deleted == PLANNED_DELETES, deleted
    before: dict[tuple[object, object], int] = {("db", "nightly"): 1}
    for committed in world.record:
        for series in (("db", "nightly"), ("web", "before the upgrade")):
            assert committed.usable.get(series, 0) or not before.get(series), f"{series} was emptied by {committed}"
        before = dict(committed.usable)


def check_report(results: list[Result] | UserError, world: World) -> None:
    """Check that the outcome reported for each action is what happened."""
    if isinstance(results, UserError):
        assert not world.record, "the report says that nothing was done"
        return
    held = {backup["id"]: backup["status"] for backup in world.account.list_backups()}
    last = {ended.action.address: ended for result in results for ended in result.finished}  # of several rounds
    for ended in last.values():
        about = f"{ended.action.address}: {ended.outcome}: {ended.explanation}"
        if isinstance(ended.action, Create):
            made = [
                change.record["id"]
                for change in world.record
                if change.what == "create" and change.record["description"] == ended.action.description
            ]
            if ended.outcome is Outcome.SUCCEEDED:
                assert ended.backup, about
                assert held[ended.backup.id] == "completed", about
            elif ended.outcome in {Outcome.NOT_STARTED, Outcome.FAILED}:
                assert not made, about
        elif ended.outcome is Outcome.SUCCEEDED:
            assert ended.action.backup.id not in held, about
        elif ended.outcome is not Outcome.UNKNOWN:
            assert ended.action.backup.id in held, about


def clean_requests(*, options: RunOptions = RunOptions(), page_size: int = 100) -> list[str]:
    """Return the requests of an apply in which nothing goes wrong."""
    world = small_world(page_size=page_size)
    world.apply(options=options)
    return world.requests


def kinds_for(request: str) -> Iterator[str]:
    yield from FAULTS[request.partition(" ")[0]]


def singles(requests: list[str]) -> list[Schedule]:
    """Return every single fault on these requests."""
    return [((number, kind),) for number, request in enumerate(requests) for kind in kinds_for(request)]


def crashes(requests: list[str]) -> list[Schedule]:
    """Return a crash before and after every one of these requests."""
    return [((number, kind),) for number in range(len(requests)) for kind in CRASHES]


def seconds_after(first: Schedule) -> Iterator[Schedule]:
    """Yield the first fault together with every fault or crash that may come after it."""
    world = small_world(faults={number: BY_NAME[kind] for number, kind in first})
    world.apply()
    ((start, _),) = first
    for number in range(start + 1, len(world.requests)):
        for kind in (*kinds_for(world.requests[number]), *CRASHES):
            yield (*first, (number, kind))


def written(schedule: Schedule) -> str:
    return ",".join(f"{number}:{kind}" for number, kind in schedule)


def read(text: str) -> Schedule:
    return tuple((int(number), kind) for number, _, kind in (fault.partition(":") for fault in text.split(",")))
