"""Pauses: when they end, what they keep from happening, who shows them, and that none is for ever."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.build import NOW, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.desired.desired import resolve
from reconcile.diagnostics import UserError
from reconcile.insight.status import status
from reconcile.insight.validation import Validation
from reconcile.plan.model import Plan
from reconcile.plan.safety import withheld
from reconcile.plan.saved import dump, parse
from reconcile.plan.stale import renewed

NIGHTLY = '{ description = "nightly", every = "1d", keep = 1 }'
HELD = inventory(backup(1, age=days(3)), backup(2, age=days(2)))


def paused(until: str, *, creates: bool = False, settings: str = "", at: datetime = NOW) -> Plan:
    pause = f'pause = {{ until = {until}, reason = "moving"{", creates = true" if creates else ""} }}'
    return make_plan(declare(NIGHTLY, server=pause, settings=settings), HELD, now=at)


def is_on(plan: Plan) -> bool:
    return plan.servers[0].pause is not None


@pytest.mark.parametrize(
    ("until", "settings", "on"),
    [
        ("2026-03-09", "", False),
        ("2026-03-10", "", True),
        ("2026-03-11", "", True),
        ("2026-03-10", 'timezone = "Pacific/Kiritimati"', False),
        ("2026-03-09", 'timezone = "Pacific/Pago_Pago"', False),
        ("2026-03-10", 'timezone = "Pacific/Pago_Pago"', True),
        ("2026-03-10T12:00:00Z", "", False),
        ("2026-03-10T12:00:01Z", "", True),
        ("2026-03-10T13:00:00+01:00", "", False),
    ],
)
def test_it_lasts_through_its_last_day_or_until_its_time(until: str, settings: str, *, on: bool) -> None:
    plan = paused(until, settings=settings)

    assert is_on(plan) == on
    assert bool(plan.creates) != on
    assert bool(withheld(plan)) == on
    assert any("is over" in warning.summary for warning in plan.warnings) != on


@pytest.mark.parametrize(
    ("last_day", "ends_at"),
    [
        ("2026-03-28", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("2026-03-29", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("2026-10-24", datetime(2026, 10, 24, 22, tzinfo=UTC)),
        ("2026-10-25", datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_on_the_night_clocks_change_it_ends_at_midnight_all_the_same(last_day: str, ends_at: datetime) -> None:
    rome = 'timezone = "Europe/Rome"'

    assert is_on(paused(last_day, settings=rome, at=ends_at - timedelta(seconds=1)))
    assert not is_on(paused(last_day, settings=rome, at=ends_at))


def test_where_midnight_is_left_out_it_ends_when_the_next_day_starts() -> None:
    one = datetime(2026, 9, 6, 4, tzinfo=UTC)  # in Santiago, 5 September is followed by one o'clock
    santiago = 'timezone = "America/Santiago"'

    assert is_on(paused("2026-09-05", settings=santiago, at=one - timedelta(seconds=1)))
    assert not is_on(paused("2026-09-05", settings=santiago, at=one))


def test_with_creates_only_nothing_is_deleted() -> None:
    plan = paused("2026-03-10", creates=True)

    assert (len(plan.creates), len(withheld(plan)), len(plan.deletes)) == (1, 2, 2)


def test_what_it_withholds_is_no_loss() -> None:
    old = inventory(*(backup(number, age=days(number)) for number in range(1, 30)))
    pause = 'pause = { until = 2026-03-10, reason = "moving" }'

    plan = make_plan(declare('{ description = "nightly", keep = 1 }', server=pause), old)

    assert (plan.loss.lost, len(withheld(plan)), plan.errors) == (0, 28, ())


def test_the_innermost_that_is_on_wins() -> None:
    declared = config(
        '[settings]\npause = { until = 2026-04-01, reason = "all" }\n'
        '[servers.web]\nid = 1\npause = { until = 2026-03-20, reason = "own" }\n'
        '[servers.db]\nid = 2\npause = { until = 2026-03-01, reason = "over" }\n'
        '[fleets.x]\nmatch = "x"\npause = { until = 2026-03-30, reason = "fleet" }\n'
        "[servers.z]\nid = 4\n"
    )
    servers = tuple(Server(id=number, name=name) for number, name in enumerate(("web", "db", "x", "z"), 1))

    plan = make_plan(declared, inventory(servers=servers))

    reasons = {server.key: server.pause.reason for server in plan.servers if server.pause}
    assert reasons == {"web": "own", "db": "all", "x": "fleet", "z": "all"}


def test_a_series_that_it_keeps_from_backups_is_no_problem() -> None:
    pause = 'pause = { until = 2026-03-10, reason = "moving" }'
    declared = declare(NIGHTLY + ', { description = "none" }', server=pause)

    found = status(resolve(declared, HELD), HELD, NOW)

    assert found.is_healthy
    assert [series.state.create for series in found.series] == [None, None]
    assert found.series[0].state.due_at == datetime(2026, 3, 11, tzinfo=UTC)


def test_with_creates_a_series_is_overdue_as_ever() -> None:
    pause = 'pause = { until = 2026-03-10, reason = "moving", creates = true }'

    assert not status(resolve(declare(NIGHTLY, server=pause), HELD), HELD, NOW).is_healthy


def test_with_max_age_a_series_without_a_young_backup_is_an_error() -> None:
    declared = declare(NIGHTLY, server='pause = { until = 2026-03-10, reason = "moving" }')

    (error,) = make_plan(declared, HELD, max_age="1h").errors
    assert error.address == "web/nightly"
    assert "paused" in error.detail
    assert not make_plan(declared, inventory(backup(1, age=hours(0.5))), max_age="1h").errors


def test_a_rule_cannot_be_paused_away() -> None:
    pause = 'pause = { until = 2026-03-25, reason = "moving" }\n'
    declared = config(f'[require]\nmax_pause = "14d"\n[servers.web]\nid = 1\n{pause}backups = [{NIGHTLY}]\n')

    (error,) = make_plan(declared, HELD).errors
    assert error.spot
    assert error.spot.start.line == 5
    assert status(resolve(declared, HELD), HELD, NOW).errors == (error,)
    assert Validation.of(declared, NOW).diagnostics == (error,)
    assert not Validation.of(declared, NOW + days(2)).diagnostics


def test_a_saved_plan_is_stale_once_its_pause_has_ended() -> None:
    plan = parse(dump(paused("2026-03-10", creates=True), "1"), "plan")

    assert renewed(plan, HELD).servers[0].pause == plan.servers[0].pause
    with pytest.raises(UserError) as stale:
        renewed(plan, replace(HELD, observed_at=NOW + hours(12), service_time=NOW + hours(12)))
    assert "web: its pause has ended" in [*stale.value.diagnostics[0].facts]


@pytest.mark.parametrize(
    ("pause", "summary"),
    [
        ('{ until = "2026-03-10", reason = "x" }', "until: not a date"),
        ('{ until = 2026-03-10T12:00:00, reason = "x" }', "until: a time needs its offset"),
        ("{ until = 2026-03-10 }", "reason"),
        ('{ reason = "x" }', "until"),
        ('{ until = 2026-03-10, reason = "" }', "must be a non-empty string"),
    ],
)
def test_it_needs_an_end_and_a_reason(pause: str, summary: str) -> None:
    with pytest.raises(UserError) as refused:
        declare(NIGHTLY, server=f"pause = {pause}")

    assert summary in refused.value.diagnostics[0].summary
