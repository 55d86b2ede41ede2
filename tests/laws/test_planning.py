"""What holds of every plan, whatever the file and the account."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from support.build import NOW, backup, inventory, make_plan
from support.examples import times

from reconcile.actual.inventory import Backup, Inventory, Server, State
from reconcile.addresses import SeriesAddress
from reconcile.desired.config import Config, DeclaredSeries, DeclaredServer
from reconcile.desired.document import Settings
from reconcile.desired.keep import Keep, KeepCount, KeepWithin, Period
from reconcile.diagnostics import Place
from reconcile.durations import Duration
from reconcile.plan.model import Delete, Kept, Plan
from reconcile.plan.retention import retain
from reconcile.plan.safety import withheld

SERVERS = (Server(id=1, name="a"), Server(id=2, name="b"), Server(id=3, name="not declared"))
STATUSES = ["completed", "completed", "completed", "in_progress", "queued", "failed", "error", "archiving"]
DESCRIPTIONS = ["nightly", "weekly", "by hand", None]
ZONES = ["UTC", "Europe/Rome", "America/New_York", "Pacific/Apia"]

durations = st.sampled_from(["90min", "6h", "1d", "36h", "2w", "1mo", "3mo", "1y", "9999y"]).map(Duration.parse)
periods = st.sampled_from(list(Period))
rules = st.one_of(
    st.builds(KeepCount, period=periods, count=st.one_of(st.integers(1, 6), st.just("all"))),
    st.builds(KeepWithin, period=periods, duration=durations),
)
keeps: st.SearchStrategy[Keep] = st.lists(rules, min_size=1, max_size=4).map(tuple)
ages = st.integers(-3600 * 48, 3600 * 24 * 800).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    number = draw(st.integers(0, 25))
    held = [
        backup(
            id_,
            draw(st.sampled_from(DESCRIPTIONS)),
            age=draw(ages),
            status=draw(st.sampled_from(STATUSES)),
            server=draw(st.sampled_from(SERVERS)),
        )
        for id_ in range(1, number + 1)
    ]
    return inventory(*held, servers=SERVERS)


@st.composite
def configs(draw: st.DrawFn) -> Config:
    prune = st.one_of(st.booleans(), durations)
    servers = [
        DeclaredServer(
            key=server.name,
            name=server.name,
            id=server.id,
            prune=draw(prune),
            pinned=tuple(draw(st.lists(st.integers(1, 25), max_size=3))),
            series=tuple(
                DeclaredSeries(description=description, every=draw(st.none() | durations), keep=draw(keeps))
                for description in draw(st.lists(st.sampled_from(["nightly", "weekly", "new"]), unique=True))
            ),
            place=Place(filename="backups.toml", path=("servers", server.name)),
        )
        for server in SERVERS[: draw(st.integers(0, 2))]
    ]
    return Config(
        settings=Settings.model_construct(
            timezone=ZoneInfo(draw(st.sampled_from(ZONES))), stalled_after=draw(durations)
        ),
        servers=tuple(servers),
    )


def after(plan: Plan, seen: Inventory, now: datetime = NOW) -> Inventory:
    """Imagine what the account holds once the plan is carried out."""
    gone = {delete.backup.id for delete in plan.deletes}
    new = [
        backup(
            f"{create.address} at {now}",
            create.description,
            server=Server(id=create.server_id, name=create.server_name),
            created_at=now,
        )
        for create in plan.creates
    ]
    return replace(seen, backups=(*(each for each in seen.backups if each.id not in gone), *new))


@given(configs(), inventories())
def test_planning_what_a_plan_leaves_behind_is_a_no_op(config: Config, seen: Inventory) -> None:
    first = make_plan(config, seen)

    assert make_plan(config, after(first, seen)).actions == ()


@given(configs(), inventories(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_changes_nothing(config: Config, seen: Inventory, chance: Random) -> None:
    shuffled = list(seen.backups)
    chance.shuffle(shuffled)

    assert make_plan(config, replace(seen, backups=tuple(shuffled))) == make_plan(config, seen)


@given(configs(), inventories())
def test_every_backup_on_a_declared_server_is_accounted_for_once(config: Config, seen: Inventory) -> None:
    plan = make_plan(config, seen)

    declared = {server.id for server in config.servers}
    entries: list[Delete | Kept] = [*plan.deletes, *plan.kept, *plan.unmanaged]
    assert sorted(str(entry.backup.id) for entry in entries) == sorted(
        str(each.id) for each in seen.backups if each.server_id in declared
    )


def is_untouchable(held: Backup, config: Config) -> bool:
    server = next((server for server in config.servers if server.id == held.server_id), None)
    return (
        server is None
        or held.id in server.pinned
        or held.state in {State.PENDING, State.UNKNOWN}
        or held.created_at > NOW + timedelta(minutes=10)
    )


@given(configs(), inventories())
def test_nothing_pending_pinned_unknown_misdated_or_elsewhere_is_deleted(config: Config, seen: Inventory) -> None:
    assert not [delete for delete in make_plan(config, seen).deletes if is_untouchable(delete.backup, config)]


@given(configs(), inventories())
def test_retention_never_empties_a_series(config: Config, seen: Inventory) -> None:
    for server in make_plan(config, seen).servers:
        for series in server.series:
            had = [each for each in series.backups if each.state is State.USABLE]
            stay = [kept for kept in series.kept if kept.backup.state is State.USABLE]
            assert stay or series.create or not had


@given(configs(), inventories())
def test_unmanaged_ones_are_those_that_nothing_declares(config: Config, seen: Inventory) -> None:
    declared = {(server.key, series.description) for server in config.servers for series in server.series}

    for entry in make_plan(config, seen).unmanaged:
        assert (entry.address.series.server, entry.backup.description) not in declared


@given(configs(), inventories(), st.data())
def test_with_targets_the_plan_is_a_sub_plan(config: Config, seen: Inventory, data: st.DataObject) -> None:
    whole = make_plan(config, seen)
    addresses = {
        *(SeriesAddress(server.key, series.description) for server in config.servers for series in server.series),
        *(entry.address.series for entry in whole.unmanaged),
        *(delete.address.series for delete in whole.deletes),
    }
    if not addresses:
        return
    targets = data.draw(st.lists(st.sampled_from(sorted(map(str, addresses))), min_size=1, max_size=3))

    part = make_plan(config, seen, *targets)

    def is_selected(address: SeriesAddress) -> bool:
        return str(address) in targets

    assert part.actions == tuple(
        action
        for action in whole.actions
        if is_selected(action.address if isinstance(action.address, SeriesAddress) else action.address.series)
    )
    assert part.kept == tuple(kept for kept in whole.kept if is_selected(kept.address.series))
    assert part.unmanaged == tuple(entry for entry in whole.unmanaged if is_selected(entry.address.series))
    assert part.loss.usable == whole.loss.usable
    assert part.loss.limit == whole.loss.limit


@given(configs(), inventories())
def test_what_is_not_withheld_loses_no_more_than_may_go(config: Config, seen: Inventory) -> None:
    plan = make_plan(config, seen)
    held_back = withheld(plan)

    usable = sum(series_usable(server.id, seen) for server in config.servers)
    gone = [delete for delete in plan.deletes if delete.backup.has_data and delete.address not in held_back]
    assert len(gone) - len(plan.creates) <= max(3, usable * config.settings.max_shrink // 100)
    assert usable == 0 or usable - len(gone) + len(plan.creates) > 0


def series_usable(server_id: object, seen: Inventory) -> int:
    """Count the usable backups of a server that count for anything."""
    return sum(
        each.server_id == server_id and each.state is State.USABLE and each.created_at <= NOW + timedelta(minutes=10)
        for each in seen.backups
    )


@times(2)
@given(st.lists(ages, max_size=30), keeps, rules, st.sampled_from(ZONES))
def test_a_larger_policy_never_deletes_more(
    spans: list[timedelta], keep: Keep, more: KeepCount | KeepWithin, zone: str
) -> None:
    times = sorted((NOW - span for span in spans), reverse=True)
    smaller, larger = (retain(times, policy, ZoneInfo(zone)) for policy in (keep, (*keep, more)))

    assert all(bigger for small, bigger in zip(smaller, larger, strict=True) if small)


@times(2)
@given(st.lists(ages, max_size=30), periods, st.integers(1, 8), st.sampled_from(ZONES))
def test_a_larger_count_never_deletes_more(spans: list[timedelta], period: Period, count: int, zone: str) -> None:
    times = sorted((NOW - span for span in spans), reverse=True)
    policies = ((KeepCount(period=period, count=number),) for number in (count, count + 1))
    smaller, larger = (retain(times, policy, ZoneInfo(zone)) for policy in policies)

    assert all(bigger for small, bigger in zip(smaller, larger, strict=True) if small)


@given(st.lists(ages, min_size=1, max_size=30), keeps, st.sampled_from(ZONES))
def test_the_newest_always_stays(spans: list[timedelta], keep: Keep, zone: str) -> None:
    times = sorted((NOW - span for span in spans), reverse=True)

    assert all(retain(times, (rule,), ZoneInfo(zone))[0] for rule in keep)
