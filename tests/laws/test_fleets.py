"""What holds of fleets, whatever the files and the account."""

from dataclasses import replace
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from laws.test_planning import DESCRIPTIONS, STATUSES, ages, durations, keeps
from support.build import backup, inventory, make_plan
from support.examples import times

from reconcile.actual.inventory import Inventory, Server
from reconcile.desired.config import Config, DeclaredFleet, DeclaredSeries, DeclaredServer
from reconcile.desired.desired import resolve
from reconcile.desired.document import Settings
from reconcile.diagnostics import Place
from reconcile.plan.model import Plan
from reconcile.plan.reasons import Failed, NotKept

NAMES = ["web-1", "web-2", "db-1", "db-1", "a/b", "\u202ex", "", "[x]", "🐘", "server-3"]
LOCATIONS = ["us-west", "us-east", None]
GLOBS = ["*", "web-*", "db-?", "*1", "a/*", "[[]x]", "nobody"]

servers = st.builds(
    Server,
    id=st.integers(1, 30),
    name=st.sampled_from(NAMES),
    location=st.sampled_from(LOCATIONS),
    status=st.sampled_from(["active", "stopped", None]),
)


def first_renamed(series: list[DeclaredSeries]) -> tuple[DeclaredSeries, ...]:
    """Let the first series have been called something else; two can't have the same old description."""
    return tuple(replace(each, renamed_from=("by hand",) if number == 0 else ()) for number, each in enumerate(series))


some_series = st.lists(
    st.builds(
        DeclaredSeries,
        description=st.sampled_from(["nightly", "weekly", "new"]),
        every=st.none() | durations,
        keep=keeps,
    ),
    unique_by=lambda series: series.description,
    max_size=2,
).flatmap(lambda series: st.sampled_from([tuple(series), first_renamed(series)]))


@st.composite
def accounts(draw: st.DrawFn) -> Inventory:
    listed = draw(st.lists(servers, unique_by=lambda server: server.id, min_size=1, max_size=8))
    held = [
        backup(
            number,
            draw(st.sampled_from(DESCRIPTIONS)),
            age=draw(ages),
            status=draw(st.sampled_from(STATUSES)),
            server=draw(st.sampled_from(listed)),
        )
        for number in range(draw(st.integers(0, 20)))
    ]
    return inventory(*held, servers=tuple(listed))


@st.composite
def fleets(draw: st.DrawFn) -> tuple[DeclaredFleet, ...]:
    choice = st.none() | st.frozensets(st.sampled_from(["us-west", "us-east"]), min_size=1)
    return tuple(
        DeclaredFleet(
            name=f"fleet {number}",
            match=tuple(draw(st.lists(st.sampled_from(GLOBS), min_size=1, max_size=2))),
            exclude=tuple(draw(st.lists(st.sampled_from(GLOBS), max_size=1))),
            location=draw(choice),
            status=draw(st.sampled_from([None, frozenset({"active"})])),
            prune=draw(st.just(value=False) | durations),
            series=draw(some_series),
            place=Place(filename="backups.toml", path=("fleets", f"fleet {number}")),
        )
        for number in range(draw(st.integers(1, 3)))
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Config, Inventory]:
    """Return files with fleets, and perhaps a table for one of the servers, and an account."""
    seen = draw(accounts())
    listed = seen.servers or ()
    own = draw(st.lists(st.sampled_from(listed), max_size=2, unique_by=lambda server: server.id))
    tables = tuple(
        DeclaredServer(
            key=f"own-{server.id}",
            name=server.name,
            id=server.id,
            prune=draw(st.booleans()),
            pinned=(),
            series=draw(some_series),
            place=Place(filename="backups.toml", path=("servers", f"own-{server.id}")),
        )
        for server in own
    )
    empty = Config(
        settings=Settings.model_construct(
            timezone=draw(st.sampled_from(["UTC", "Europe/Rome"]).map(ZoneInfo)), stalled_after=draw(durations)
        ),
        servers=tables,
        fleets=draw(fleets()),
    )
    return empty, seen


def written_out(declared: Config, seen: Inventory) -> Config:
    """Return the same files with a table for each member, and no fleet."""
    members = tuple(replace(server, fleet=None, matched_fields=()) for server in resolve(declared, seen).servers)
    return replace(declared, servers=members, fleets=())


def unlabelled(plan: Plan) -> Plan:
    """Return a plan without what it says about fleets."""
    about_fleets = {"matches no server", "no series is declared", "no backup has"}  # these name a whole fleet
    return replace(
        plan,
        fleets=(),
        servers=tuple(replace(server, fleet=None, matched_fields=()) for server in plan.servers),
        warnings=tuple(each for each in plan.warnings if not any(text in each.summary for text in about_fleets)),
    )


@given(cases())
def test_fleets_plan_exactly_as_their_members_written_out(case: tuple[Config, Inventory]) -> None:
    declared, seen = case

    assert unlabelled(make_plan(declared, seen)) == unlabelled(make_plan(written_out(declared, seen), seen))


@given(cases(), servers, st.data())
def test_a_server_that_no_fleet_chooses_changes_nothing_for_the_others(
    case: tuple[Config, Inventory], new: Server, data: st.DataObject
) -> None:
    declared, seen = case
    new = replace(new, id=99)
    excluded = tuple(replace(fleet, exclude=(*fleet.exclude, "outside")) for fleet in declared.fleets)
    declared = replace(declared, fleets=excluded)
    outside = replace(new, name="outside")
    held = backup(999, data.draw(st.sampled_from(DESCRIPTIONS)), age=data.draw(ages), server=outside)

    more = replace(seen, servers=(*(seen.servers or ()), outside), backups=(*seen.backups, held))

    assert make_plan(declared, more) == make_plan(declared, seen)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_accounts_lists_changes_nothing(case: tuple[Config, Inventory], chance: Random) -> None:
    declared, seen = case
    declared = replace(declared, require=declared.require.model_copy(update={"all_servers": True}))
    listed, held = list(seen.servers or ()), list(seen.backups)
    chance.shuffle(listed)
    chance.shuffle(held)

    assert make_plan(declared, replace(seen, servers=tuple(listed), backups=tuple(held))) == make_plan(declared, seen)


@times(3)
@given(cases())
def test_without_prune_only_retention_of_a_declared_description_deletes_on_a_newly_chosen_server(
    case: tuple[Config, Inventory],
) -> None:
    declared, seen = case
    declared = replace(declared, fleets=tuple(replace(fleet, prune=False) for fleet in declared.fleets))

    for server in make_plan(declared, seen).servers:
        if server.fleet is not None:
            assert server.pruned == ()
            for series in server.series:
                for delete in series.deletes:
                    assert isinstance(delete.reason, NotKept | Failed)
                    assert delete.backup.description in series.descriptions


@given(cases())
def test_every_server_is_in_one_table_or_one_fleet_or_undeclared_and_addresses_are_distinct(
    case: tuple[Config, Inventory],
) -> None:
    declared, seen = case

    desired = resolve(declared, seen)

    ids = [server.id for server in desired.servers]
    undeclared = [server.id for server in desired.undeclared(seen) or ()]
    assert sorted([*ids, *undeclared]) == sorted(server.id for server in seen.servers or ())
    assert len({server.key for server in desired.servers}) == len(desired.servers)
    assert make_plan(declared, seen).errors == ()
