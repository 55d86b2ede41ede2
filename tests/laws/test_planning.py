"""What holds of every plan, whatever the file and the account."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from support.build import NOW, backup, inventory

from reconcile.actual.inventory import Backup, Inventory, Server, State
from reconcile.desired.config import (
    Config,
    DeclaredSeries,
    DeclaredServer,
    Keep,
    KeepCount,
    KeepWithin,
    Period,
)
from reconcile.durations import Duration
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan
from reconcile.plan.retention import retain

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
                DeclaredSeries(description=it, every=draw(st.none() | durations), keep=draw(keeps))
                for it in draw(st.lists(st.sampled_from(["nightly", "weekly", "new"]), unique=True))
            ),
            file="backups.toml",
        )
        for server in SERVERS[: draw(st.integers(0, 2))]
    ]
    return Config(
        timezone=ZoneInfo(draw(st.sampled_from(ZONES))),
        max_shrink_percent=20,
        stalled_after=draw(durations),
        servers=tuple(servers),
    )


def after(made: Plan, seen: Inventory) -> Inventory:
    """Imagine what the account holds once the plan is carried out."""
    gone = {it.backup.id for it in made.deletes}
    new = [
        backup(1000 + number, it.description, server=Server(id=it.server_id, name=it.server_name))
        for number, it in enumerate(made.creates)
    ]
    return replace(seen, backups=(*(it for it in seen.backups if it.id not in gone), *new))


@given(configs(), inventories())
def test_planning_what_a_plan_leaves_behind_is_a_no_op(config: Config, seen: Inventory) -> None:
    first = plan(config, seen, NOW)

    assert plan(config, after(first, seen), NOW).actions == ()


@given(configs(), inventories(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_changes_nothing(config: Config, seen: Inventory, chance: st.DataObject) -> None:
    shuffled = list(seen.backups)
    chance.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis' own Random

    assert plan(config, replace(seen, backups=tuple(shuffled)), NOW) == plan(config, seen, NOW)


@given(configs(), inventories())
def test_every_backup_on_a_declared_server_is_accounted_for_once(config: Config, seen: Inventory) -> None:
    made = plan(config, seen, NOW)

    declared = {server.id for server in config.servers}
    told = [*(it.backup for it in made.deletes), *(it.backup for it in made.kept)]
    told += [it.backup for it in made.unmanaged]
    assert sorted(str(it.id) for it in told) == sorted(str(it.id) for it in seen.backups if it.server_id in declared)


def is_untouchable(held: Backup, config: Config) -> bool:
    server = next((it for it in config.servers if it.id == held.server_id), None)
    return (
        server is None
        or held.id in server.pinned
        or held.state in {State.PENDING, State.UNKNOWN}
        or held.created_at > NOW + timedelta(minutes=10)
    )


@given(configs(), inventories())
def test_nothing_pending_pinned_unknown_misdated_or_elsewhere_is_deleted(config: Config, seen: Inventory) -> None:
    assert not [it for it in plan(config, seen, NOW).deletes if is_untouchable(it.backup, config)]


@given(configs(), inventories())
def test_retention_never_empties_a_series(config: Config, seen: Inventory) -> None:
    for server in plan(config, seen, NOW).servers:
        for series in server.series:
            had = [it for it in series.backups if it.state is State.USABLE]
            stay = [it for it in series.kept if it.backup.state is State.USABLE]
            assert stay or series.create or not had


@given(configs(), inventories())
def test_unmanaged_ones_are_those_that_nothing_declares(config: Config, seen: Inventory) -> None:
    declared = {(server.key, series.description) for server in config.servers for series in server.series}

    for it in plan(config, seen, NOW).unmanaged:
        assert (it.address.series.server, it.backup.description) not in declared


@settings(max_examples=200)
@given(st.lists(ages, max_size=30), keeps, rules, st.sampled_from(ZONES))
def test_a_larger_policy_never_deletes_more(
    spans: list[timedelta], keep: Keep, more: KeepCount | KeepWithin, zone: str
) -> None:
    times = sorted((NOW - span for span in spans), reverse=True)
    smaller, larger = (retain(times, policy, ZoneInfo(zone)) for policy in (keep, (*keep, more)))

    assert all(bigger for small, bigger in zip(smaller, larger, strict=True) if small)


@settings(max_examples=200)
@given(st.lists(ages, max_size=30), periods, st.integers(1, 8), st.sampled_from(ZONES))
def test_a_larger_count_never_deletes_more(spans: list[timedelta], period: Period, count: int, zone: str) -> None:
    times = sorted((NOW - span for span in spans), reverse=True)
    policies = ((KeepCount(period=period, count=it),) for it in (count, count + 1))
    smaller, larger = (retain(times, policy, ZoneInfo(zone)) for policy in policies)

    assert all(bigger for small, bigger in zip(smaller, larger, strict=True) if small)


@given(st.lists(ages, min_size=1, max_size=30), keeps, st.sampled_from(ZONES))
def test_the_newest_always_stays(spans: list[timedelta], keep: Keep, zone: str) -> None:
    times = sorted((NOW - span for span in spans), reverse=True)

    assert all(retain(times, (rule,), ZoneInfo(zone))[0] for rule in keep)
