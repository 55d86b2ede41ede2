"""What holds of every forecast: it is the planner, apply after apply, and it is the same for a series on its own."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from laws.test_planning import after, configs, inventories
from support.build import NOW, inventory
from support.examples import times

from reconcile.actual.inventory import Inventory, Server, State
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, resolve
from reconcile.desired.document import Requirements
from reconcile.durations import Duration
from reconcile.insight.forecast import Schedule, forecast
from reconcile.plan.planner import plan
from reconcile.plan.series_state import TimeRules, is_misdated

schedules = st.builds(
    Schedule,
    start=st.just(NOW),
    days=st.integers(1, 40),
    every=st.sampled_from(["6h", "1d", "25h", "1w"]).map(Duration.parse),
)


def sound(desired: Desired, seen: Inventory) -> Inventory:
    """Leave out what is undeclared and dated in the future: whether that is pruned some day is not forecast."""
    declared = {(server.id, series.description) for server in desired.servers for series in server.series}
    return replace(
        seen,
        backups=tuple(
            each
            for each in seen.backups
            if (each.server_id, each.description) in declared or not is_misdated(each, NOW)
        ),
    )


def carried_out(desired: Desired, seen: Inventory, schedule: Schedule) -> Inventory:
    """Plan the whole account at each apply of the schedule, and imagine that the plan is carried out."""
    declared = {(server.id, series.description) for server in desired.servers for series in server.series}
    times = TimeRules(desired=desired, now=NOW)
    is_coming = [
        times.state(each) is State.PENDING and (each.server_id, each.description) in declared for each in seen.backups
    ]
    completed = (
        replace(each, status="completed") if coming else each
        for each, coming in zip(seen.backups, is_coming, strict=True)
    )
    seen = replace(seen, backups=tuple(completed))
    for moment in schedule.moments(desired.config.settings.timezone):
        seen = after(plan(desired, seen, moment), seen, moment)
    return seen


@times(0.6)
@given(configs(), inventories(), st.sampled_from([None, "1d", "20d"]), schedules)
def test_a_forecast_is_the_planner_apply_after_apply(
    config: Config, seen: Inventory, min_age: str | None, schedule: Schedule
) -> None:
    config = replace(config, require=Requirements.model_construct(min_age=Duration.parse(min_age) if min_age else None))
    desired = resolve(config, seen)
    seen = sound(desired, seen)

    found = forecast(desired, seen, schedule)

    end = carried_out(desired, seen, schedule)
    assert {
        (series.address.server, series.address.description, point.backup_id or point.created_at)
        for series in found.series
        if series.declared
        for point in series.points
    } == {
        (server.key, series.description, each.created_at if isinstance(each.id, str) else each.id)
        for server in desired.servers
        for series in server.series
        for each in end.held_on(server.id).get(series.description, ())
        if each.state is State.USABLE and each.created_at <= found.end
    }
    assert (found.total.counts[-1] if found.total else 0) == sum(
        each.server_id in desired.declared for each in end.manual
    )


@times(0.6)
@given(
    configs(),
    inventories(),
    st.sampled_from([None, "1d", "20d"]),
    st.lists(st.sampled_from(["0s", "1s", "40min", "5h", "1d"]), min_size=3, max_size=3),
    schedules,
)
def test_series_that_are_alike_are_forecast_as_each_is_alone(
    config: Config, account: Inventory, min_age: str | None, shifts: list[str], schedule: Schedule
) -> None:
    """Copies of one account, each with its backups a little older: some are alike from the start, some later on."""
    config = replace(config, require=Requirements.model_construct(min_age=Duration.parse(min_age) if min_age else None))
    older = [Duration.parse(shift) if shift != "0s" else None for shift in shifts]
    copies = [copied(config, account, number, shift) for number, shift in enumerate(older)]
    desired = [resolve(each, seen) for each, seen in copies]
    backups = [each for _, seen in copies for each in seen.backups]
    servers = tuple(server for _, seen in copies for server in seen.servers or ())
    everything = inventory(*backups, servers=servers)
    declared = replace(config, servers=tuple(server for each in desired for server in each.servers))

    together = forecast(resolve(declared, everything), everything, schedule)

    alone = [forecast(each, seen, schedule) for each, (_, seen) in zip(desired, copies, strict=True)]
    assert {series.address: series for series in together.series} == {
        series.address: series for each in alone for series in each.series
    }


def copied(config: Config, seen: Inventory, number: int, older: Duration | None) -> tuple[Config, Inventory]:
    """Return a file and its account with every server, and every backup, renamed; every other backup is older."""
    servers = [
        replace(
            server,
            key=f"{server.key} {number}",
            name=f"{server.name} {number}",
            id=f"{server.id} {number}",
            pinned=tuple(f"{pin} {number}" for pin in server.pinned),
        )
        for server in config.servers
    ]
    backups = [
        replace(
            each,
            id=f"{each.id} {number}",
            server_id=f"{each.server_id} {number}",
            server_name=f"{each.server_name} {number}",
            created_at=older.before(each.created_at, config.settings.timezone)
            if older and place % 2
            else each.created_at,
        )
        for place, each in enumerate(seen.backups)
    ]
    listed = tuple(Server(id=f"{each.id} {number}", name=f"{each.name} {number}") for each in seen.servers or ())
    return replace(config, servers=tuple(servers)), replace(seen, backups=tuple(backups), servers=listed)
