"""A series as a value: every backup in exactly one group, and when the next one is due."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws.test_planning import STATUSES, ages, durations
from support.build import NOW, backup, config, days, hours, inventory, last

from reconcile.actual.inventory import Backup, in_order
from reconcile.desired.config import DeclaredSeries
from reconcile.desired.desired import resolve
from reconcile.durations import Duration
from reconcile.plan.reasons import Due, Missing
from reconcile.plan.series_state import SeriesState, TimeRules, overdue_since, series_state, slack

TIMES = TimeRules(desired=resolve(config(""), inventory()), now=NOW)
A_DAY, IN_HOURS = Duration(days=1), Duration(seconds=24 * 3600)
GROUPS = ("usable", "pending", "unknown", "failed", "stalled", "misdated")


def state(*backups: Backup, every: Duration | None = A_DAY) -> SeriesState:
    return series_state(DeclaredSeries(description="nightly", every=every, keep=last(1)), in_order(backups), TIMES)


def groups(found: SeriesState) -> dict[str, list[object]]:
    """Return the ids of each group that has any."""
    return {name: [each.id for each in members] for name in GROUPS if (members := getattr(found, name))}


def test_groups() -> None:
    found = state(
        backup(1, age=hours(3)),
        backup(2, age=hours(1)),
        backup(3, age=hours(2), status="queued"),
        backup(4, age=hours(24), status="queued"),
        backup(5, age=hours(30), status="failed"),
        backup(6, status="archiving"),
        backup(7, age=-hours(1)),
        backup(8, age=-hours(1), status="queued"),
        backup(9, age=-hours(1), status="failed"),
    )

    assert groups(found) == {
        "usable": [1, 2],
        "pending": [3],
        "unknown": [6],
        "failed": [5],
        "stalled": [4],
        "misdated": [7, 8, 9],
    }


@given(st.lists(st.tuples(ages, st.sampled_from(STATUSES)), max_size=12), st.none() | durations)
def test_every_backup_is_in_exactly_one_group(held: list[tuple[timedelta, str]], every: Duration | None) -> None:
    backups = in_order(backup(number, age=age, status=status) for number, (age, status) in enumerate(held))

    found = state(*backups, every=every)

    assert found.backups == backups
    assert in_order(each for name in GROUPS for each in getattr(found, name)) == backups


@dataclass(frozen=True)
class When:
    reason: str
    backups: tuple[Backup, ...]
    due_at: datetime | None
    overdue_since: datetime | None = None
    every: Duration | None = A_DAY


A_SECOND = timedelta(seconds=1)
WHENS = [
    When("no member: nothing to count from", (backup(1, age=hours(9), status="failed"),), None),
    When("no every: never", (backup(1, age=days(9)),), None, every=None),
    When("24h after the newest, less the slack", (backup(1, age=hours(9)),), NOW + hours(14), every=IN_HOURS),
    When("a day: when the next one starts, at 18:00", (backup(1, age=hours(9)),), NOW + hours(6)),
    When("a newer pending one puts it off", (backup(1, age=hours(19)), backup(2, status="queued")), NOW + hours(6)),
    When("a misdated one does not", (backup(1, age=hours(19)), backup(2, age=-days(2))), NOW - hours(13)),
    When(
        "a stalled one does not",
        (backup(1, age=hours(30)), backup(2, age=hours(25), status="queued")),
        NOW - hours(18),
        NOW - hours(6),
    ),
    When("late by the slack is not overdue", (backup(1, age=hours(25)),), NOW - hours(18)),
    When(
        "late by a second more is",
        (backup(1, age=hours(25) + A_SECOND),),
        NOW - hours(18),
        NOW - hours(1) - A_SECOND,
    ),
    When(
        "one in progress is not usable: overdue all the same",
        (backup(1, age=days(3)), backup(2, status="queued")),
        NOW + hours(6),
        NOW - days(2),
    ),
    When(
        "never, where the calendar ends before",
        (backup(1),),
        datetime.max.replace(tzinfo=UTC),
        every=Duration(months=12 * 9999),
    ),
]


@pytest.mark.parametrize("when", WHENS, ids=lambda when: when.reason)
def test_when_it_is_due(when: When) -> None:
    series = DeclaredSeries(description="nightly", every=when.every, keep=last(1))
    found = state(*when.backups, every=when.every)

    assert (found.due_at, overdue_since(series, found, TIMES)) == (when.due_at, when.overdue_since)


def test_why_one_is_created() -> None:
    assert state().create == Missing(has_others=False)
    assert state(backup(1, age=-days(1))).create == Missing(has_others=False)
    assert state(backup(1, status="failed")).create == Missing(has_others=True)
    assert state(backup(1, age=hours(23))).create == Due(age=hours(23), every=A_DAY)
    assert state(backup(1, age=hours(18))).create is None


@pytest.mark.parametrize(("hours_between", "minutes"), [(1, 6), (5, 30), (10, 60), (24, 60), (24 * 365, 60)])
def test_slack_is_a_tenth_and_at_most_an_hour(hours_between: int, minutes: int) -> None:
    assert slack(NOW, NOW + hours(hours_between)) == timedelta(minutes=minutes)


def test_a_backup_a_little_ahead_of_our_clock_has_no_age() -> None:
    assert TIMES.age(backup(1, age=-timedelta(minutes=9))) == timedelta(0)
