"""Why a planned delete must not happen after all: a row for each rule, with its reason."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from support.build import NOW, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup
from reconcile.addresses import SeriesAddress
from reconcile.ids import Id
from reconcile.plan.guards import (
    RULES,
    Appeared,
    AtSending,
    Changed,
    Circumstances,
    KeptOneChanged,
    Objection,
    SeriesWithoutUsable,
    UnknownBeside,
    objection,
)
from reconcile.plan.model import Delete, Plan
from reconcile.plan.reasons import Veto
from reconcile.plan.safety import withheld, without_deletes

ROTATION = declare('{ description = "nightly", every = "1d", keep = 1 }')
PRUNING = declare('{ description = "nightly", every = "1d", keep = 1 }', settings="prune = true")
NIGHTLY = SeriesAddress("web", "nightly")
OLD, KEPT, NEW, OTHER, JUNK = 1, 2, 9, 7, 20


def old(**changes: object) -> Backup:
    return replace(backup(OLD, age=days(2)), **changes)  # type: ignore[arg-type] # a field of Backup each


def kept(**changes: object) -> Backup:
    return replace(backup(KEPT, age=days(1.5)), **changes)  # type: ignore[arg-type] # as above


def new(status: str = "completed", *, age: timedelta = timedelta(0), is_undersized: bool = False) -> Backup:
    return replace(backup(NEW, age=age, status=status), is_undersized=is_undersized)


def other(status: str) -> Backup:
    return backup(OTHER, age=hours(1), status=status)


def unreadable(field: str) -> Backup:
    description = None if field == "description" else "nightly"
    return replace(backup(OTHER, description), unreadable=(field,))


def junk() -> Backup:
    return backup(JUNK, "by hand", age=days(3))


@dataclass(frozen=True, kw_only=True)
class Row:
    """The delete of #1 of a series that keeps the newest of `kept`, or of the undeclared #20, in one situation."""

    reason: str
    expected: Objection | None
    id: Id = OLD
    held: tuple[Backup, ...] = (old(), kept())
    created: Mapping[SeriesAddress, Backup | None] = field(default_factory=lambda: {NIGHTLY: new()})
    withheld: bool = False
    waits: bool = True
    usable_left: int | None = 5
    listed: tuple[Backup, ...] | None = (old(), kept(), new())


AS_PLANNED = (junk(), new())
ROWS = (
    Row(reason="as planned, and the new backup is completed", expected=None),
    Row(reason="nothing to read yet: only a list can object", expected=None, listed=None),
    Row(
        reason="withheld with the plan, so no request is spent", expected=Veto.TOO_MUCH_LOST, withheld=True, listed=None
    ),
    Row(reason="the create has failed", expected=Veto.NOT_CREATED, created={NIGHTLY: None}),
    Row(reason="the create was never sent", expected=Veto.NOT_CREATED, created={}),
    Row(
        reason="the new backup was only started, and takes no place yet, but #2 takes it",
        expected=None,
        waits=False,
        created={NIGHTLY: new("in_progress")},
        listed=(old(), kept(), new("in_progress")),
    ),
    Row(
        reason="the new backup was only started, and without it #1 would stay",
        expected=Veto.NOT_AWAITED,
        held=(old(),),
        waits=False,
        created={NIGHTLY: new("in_progress")},
        listed=(old(), new("in_progress")),
    ),
    Row(
        reason="a failed backup takes no place, and still waits for the new one",
        expected=Veto.NOT_AWAITED,
        held=(old(status="failed"), kept()),
        waits=False,
        created={NIGHTLY: new("in_progress")},
    ),
    Row(
        reason="the response says that the new backup is completed, but no list does, and without it #1 would stay",
        expected=Veto.NOT_AWAITED,
        waits=False,
        held=(old(),),
        listed=(old(), new()),
    ),
    Row(
        reason="the new backup is dated before the old one, so keep = 1 keeps the old one",
        expected=Veto.KEPT_AFTER_ALL,
        held=(old(),),
        created={NIGHTLY: new(age=days(4))},
        listed=(old(), new(age=days(4))),
    ),
    Row(reason="it is the last usable backup anywhere", expected=Veto.LAST_USABLE, usable_left=1),
    Row(
        reason="it is the last usable backup anywhere, and new ones on other servers were only started",
        expected=Veto.NOT_AWAITED,
        waits=False,
        created={NIGHTLY: new("in_progress")},
        usable_left=1,
    ),
    Row(reason="a person has allowed any loss", expected=None, usable_left=None),
    Row(
        reason="a failed backup is no loss",
        expected=None,
        usable_left=1,
        held=(old(status="failed"), kept()),
        listed=(old(status="failed"), kept(), new()),
    ),
    Row(
        reason="it has another description now",
        expected=Changed(field="description", planned="nightly", listed="by hand"),
        listed=(old(description="by hand"), kept(), new()),
    ),
    Row(
        reason="a status that is not documented has appeared in the series",
        expected=UnknownBeside(id=OTHER, status="verifying"),
        listed=(old(), kept(), new(), other("verifying")),
    ),
    Row(
        reason="a backup that may belong to any series has appeared",
        expected=UnknownBeside(id=OTHER, status=None),
        listed=(old(), kept(), new(), unreadable("description")),
    ),
    Row(
        reason="a backup of the series whose time can't be read has appeared",
        expected=UnknownBeside(id=OTHER, status=None),
        listed=(old(), kept(), new(), unreadable("created_at")),
    ),
    Row(
        reason="undeclared, and a backup that may belong to the same has appeared",
        expected=UnknownBeside(id=OTHER, status=None),
        id=JUNK,
        listed=(*AS_PLANNED, unreadable("description")),
    ),
    Row(
        reason="another client has created a backup, so another one might have to go",
        expected=Appeared(id=OTHER),
        listed=(old(), kept(), new(), other("completed")),
    ),
    Row(reason="a failed one that has appeared changes nothing", expected=None, listed=(old(), new(), other("failed"))),
    Row(reason="the new backup is gone again", expected=KeptOneChanged(id=NEW), listed=(old(), kept())),
    Row(
        reason="the new backup turns out to be undersized",
        expected=KeptOneChanged(id=NEW),
        listed=(old(), kept(), new(is_undersized=True)),
    ),
    Row(
        reason="the one that takes its place without the new backup turns out to be undersized",
        expected=KeptOneChanged(id=KEPT),
        waits=False,
        created={NIGHTLY: new("in_progress")},
        listed=(old(), kept(is_undersized=True), new("in_progress")),
    ),
    Row(reason="undeclared, and all is as it should be", expected=None, id=JUNK, listed=AS_PLANNED),
    Row(
        reason="undeclared, and a create of its server has failed",
        expected=Veto.NOT_CREATED,
        id=JUNK,
        created={NIGHTLY: None},
        listed=AS_PLANNED,
    ),
    Row(
        reason="undeclared, and a new backup was only started",
        expected=Veto.NOT_AWAITED,
        id=JUNK,
        waits=False,
        created={NIGHTLY: new("in_progress")},
        listed=AS_PLANNED,
    ),
    Row(
        reason="undeclared, and it may be all that is left of a renamed series",
        expected=SeriesWithoutUsable(address=NIGHTLY),
        id=JUNK,
        listed=(junk(),),
    ),
    Row(
        reason="undeclared, and another backup of its server is in progress, which may be someone's own",
        expected=None,
        id=JUNK,
        listed=(*AS_PLANNED, other("in_progress")),
    ),
)


def planned_delete(plan: Plan, row: Row) -> tuple[Delete, Circumstances]:
    """Return the delete that a row is about, and what was planned around it."""
    (server,) = plan.servers
    delete = next(delete for delete in server.deletes if delete.backup.id == row.id)
    series = None if row.id == JUNK else server.series[0]
    held_back = withheld(plan) | ({delete.address: Veto.TOO_MUCH_LOST} if row.withheld else {})
    return delete, Circumstances(
        server=server,
        series=series,
        created=row.created,
        withheld=held_back,
        zone=ZoneInfo("UTC"),
        waits=row.waits,
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.reason)
def test_a_delete_where(row: Row) -> None:
    is_undeclared = row.id == JUNK
    plan = make_plan(PRUNING if is_undeclared else ROTATION, inventory(*([junk()] if is_undeclared else row.held)))
    delete, around = planned_delete(plan, row)

    found = objection(delete, around, AtSending(now=NOW, usable_left=row.usable_left, listed=row.listed))

    assert found == row.expected


def test_nothing_is_deleted_on_a_server_that_breaks_a_rule() -> None:
    plan = make_plan(
        config('[require]\nevery = "1h"\n[servers.web]\nid = 1\nbackups = [{ description = "nightly", keep = 1 }]\n'),
        inventory(old(), kept()),
    )
    delete, around = planned_delete(plan, Row(reason="", expected=None))

    assert objection(delete, around, AtSending(now=NOW, usable_left=None)) == Veto.RULE_BROKEN


def test_nothing_is_deleted_on_a_server_while_its_pause_lasts() -> None:
    pause = 'pause = { until = 2026-12-06, reason = "moving", creates = true }'
    plan = make_plan(declare('{ description = "nightly", keep = 1 }', server=pause), inventory(old(), kept()))
    delete, around = planned_delete(plan, Row(reason="", expected=None))

    assert objection(delete, around, AtSending(now=NOW, usable_left=None)) == Veto.PAUSED


def test_nothing_is_deleted_in_a_run_without_deletes() -> None:
    seen = inventory(old(), kept())
    delete, around = planned_delete(without_deletes(make_plan(ROTATION, seen)), Row(reason="", expected=None))

    assert objection(delete, around, AtSending(now=NOW, usable_left=None)) == Veto.NO_DELETE


def test_nothing_is_deleted_on_a_clock_that_the_service_has_not_confirmed() -> None:
    declared = declare('{ description = "nightly" }', settings='prune = "1d"')
    plan = make_plan(declared, replace(inventory(junk(), new()), service_time=None))
    delete, around = planned_delete(plan, Row(reason="", expected=None, id=JUNK))

    assert objection(delete, around, AtSending(now=NOW, usable_left=None)) == Veto.CLOCK_UNCONFIRMED


def test_each_rule_has_a_row_in_which_it_is_the_one_that_objects() -> None:
    objecting = set()
    for row in ROWS:
        is_undeclared = row.id == JUNK
        plan = make_plan(PRUNING if is_undeclared else ROTATION, inventory(*([junk()] if is_undeclared else row.held)))
        delete, around = planned_delete(plan, row)
        at_sending = AtSending(now=NOW, usable_left=row.usable_left, listed=row.listed)
        objecting |= {rule.__name__ for rule in RULES if rule(delete, around, at_sending)}

    assert objecting == {rule.__name__ for rule in RULES}


@pytest.mark.parametrize(("zone", "stays"), [("Pacific/Auckland", {1, 9}), ("UTC", {1, 2, 9})])
def test_a_backup_that_is_created_late_takes_the_place_of_another_of_its_day_by_the_files_calendar(
    zone: str, stays: set[Id]
) -> None:
    # In Auckland it is one in the morning; in UTC the day ends in twelve hours.
    declared = declare(
        '{ description = "nightly", every = "10min", keep = { daily = 2 } }', settings='timezone = "Pacific/Auckland"'
    )
    plan = make_plan(declared, inventory(backup(1, age=days(1)), backup(2, age=hours(0.5))))
    (server,) = plan.servers
    made = backup(9, created_at=NOW + hours(13))

    around = Circumstances(
        server=server,
        series=server.series[0],
        created={NIGHTLY: made},
        withheld={},
        zone=ZoneInfo(zone),
        waits=True,
    )

    assert around.needed.keys() == stays, "the plan deletes 2"


LISTED: dict[str, dict[str, object] | None] = {
    "as planned": {},
    "usable": {"status": "completed", "is_undersized": False},
    "undersized": {"status": "completed", "is_undersized": True},
    "pending": {"status": "in_progress", "is_undersized": False},
    "failed": {"status": "failed", "is_undersized": False},
    "unknown": {"status": "archiving", "is_undersized": False},
    "misdated": {"created_at": NOW + days(30)},
    "dated earlier": {"created_at": NOW - days(9)},
    "with another description": {"description": "by hand"},
    "gone": None,
}
"""What a fresh list may show of a backup, as changes; None if it does not show it."""

ANY = LISTED.keys() - {"as planned", "unknown"}
WAITED_FOR, NOT_WAITED_FOR, NOT_DUE = "waited for", "not waited for", "not due"
PARTS: list[tuple[str, str, Id, Collection[str]]] = [
    # The new backup is …, #2 is planned as …, and so the delete of #1 relies on … of this backup.
    (NOT_DUE, "usable", KEPT, ANY - {"usable"}),
    (NOT_DUE, "undersized", KEPT, ANY - {"undersized"}),
    (NOT_DUE, "pending", KEPT, set()),
    (NOT_DUE, "failed", KEPT, set()),
    (NOT_DUE, "misdated", KEPT, set()),
    (NOT_WAITED_FOR, "usable", KEPT, ANY - {"usable"}),
    (NOT_WAITED_FOR, "usable", NEW, set()),
    (WAITED_FOR, "usable", NEW, ANY - {"usable"}),
    (WAITED_FOR, "usable", KEPT, set()),
]


@pytest.mark.parametrize("listed", LISTED)
@pytest.mark.parametrize(("create", "planned", "changing", "objecting"), PARTS)
def test_a_delete_relies_on_another_backup(
    create: str, planned: str, changing: Id, objecting: Collection[str], listed: str
) -> None:
    every = "7d" if create is NOT_DUE else "1d"
    beside, older = kept(**LISTED[planned] or {}), backup(3, age=days(1.7))
    plan = make_plan(
        declare(f'{{ description = "nightly", every = "{every}", keep = 1 }}'), inventory(old(), older, beside)
    )
    created = {} if create is NOT_DUE else {NIGHTLY: new("completed" if create is WAITED_FOR else "in_progress")}
    row = Row(reason="", expected=None, created=created, waits=create is WAITED_FOR)
    delete, around = planned_delete(plan, row)
    shown = {each.id: each for each in (old(), older, beside, *created.values())}
    changes = LISTED[listed]
    if changes is None:
        del shown[changing]
    else:
        shown[changing] = replace(shown[changing], **changes)  # type: ignore[arg-type] # as above

    found = objection(delete, around, AtSending(now=NOW, usable_left=9, listed=tuple(shown.values())))

    unknown = UnknownBeside(id=changing, status="archiving") if listed == "unknown" else None
    assert found == (KeptOneChanged(id=changing) if listed in objecting else unknown)
