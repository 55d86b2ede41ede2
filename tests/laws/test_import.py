"""`import`, then `plan`: nothing to do, whatever the account holds."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.build import NOW, backup, config, inventory, make_plan
from support.examples import times

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.ids import Id
from reconcile.insight.importing import declare
from reconcile.report.toml import declaration_toml

STATUSES = ["completed", "completed", "in_progress", "failed", "archiving", "\x1b["]
ODD = [
    *(f"auto-2026-11-{day}" for day in (20, 21, 22)),
    "auto-x",
    "q\"uo'te",
    "dot.ted",
    "🐘",
    "back\\slash",
    "\x1b[31m",
    "a/b",
    " blank ",
    "",
    "line\nbreak",
    "nightly",
]
texts = st.one_of(st.sampled_from(ODD), st.text(max_size=12))
ages = st.integers(-3600 * 48, 3600 * 24 * 400).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def accounts(draw: st.DrawFn) -> Inventory:
    ids = draw(st.lists(st.one_of(st.integers(1, 99), st.uuids().map(str)), max_size=4, unique=True))
    servers = [Server(id=id_, name=draw(texts)) for id_ in ids]
    held = [
        backup(
            number,
            draw(st.one_of(texts, st.none())),
            age=draw(ages),
            status=draw(st.sampled_from(STATUSES)),
            server=draw(st.sampled_from(servers)),
        )
        for number in range(draw(st.integers(0, 12)) if servers else 0)
    ]
    first, every = draw(ages), draw(st.sampled_from([6, 24, 7 * 24]))
    held += [
        backup(100 * number + at, "nightly", age=first + timedelta(hours=every * at), server=server)
        for number, server in enumerate(servers, 1)
        for at in range(draw(st.integers(0, 5)))
    ]
    return inventory(*held, servers=draw(st.sampled_from([tuple(servers), tuple(servers), None])))


def imported(seen: Inventory, existing: Config | None = None, *, is_first: bool = False) -> Config:
    """Import an account, and read the file that comes of it."""
    return config(declaration_toml(declare(seen, NOW, existing=existing, is_first=is_first)))


def ids(declared: Config, seen: Inventory) -> set[Id]:
    return {server.id for server in resolve(declared, seen).servers}


@times(5)
@given(accounts())
def test_import_then_plan_says_no_changes(seen: Inventory) -> None:
    declared = imported(seen)

    plan = make_plan(declared, seen)
    assert plan.actions == ()
    assert plan.errors == ()
    assert ids(declared, seen) == set(seen.names)


@given(accounts(), st.data())
def test_what_is_declared_already_is_not_declared_again(seen: Inventory, data: st.DataObject) -> None:
    whole = imported(seen)
    some = data.draw(st.sets(st.sampled_from(whole.servers))) if whole.servers else set()
    existing = replace(whole, servers=tuple(server for server in whole.servers if server in some), fleets=())

    rest = imported(seen, existing)

    assert ids(rest, seen) == ids(whole, seen) - {server.id for server in some}
    assert not {server.key for server in rest.servers} & {server.key for server in some}


@times(5)
@given(accounts())
def test_a_first_file_deletes_nothing_and_protects_every_server(seen: Inventory) -> None:
    declared = imported(seen, is_first=True)

    plan = make_plan(declared, seen)
    assert (plan.deletes, plan.errors) == ((), ())
    assert ids(declared, seen) == set(seen.names)
    assert all(any(series.every for series in server.series) for server in resolve(declared, seen).servers)
    # What is created twice would be a series beside one that is going on already.
    assert all(create.reason.kind == "due" or "nightly" in create.description for create in plan.creates)
