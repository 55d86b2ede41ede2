"""How far back each policy always reaches, and what becomes of a server that breaks a rule of `[require]`."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from support.build import days, declare, hours

from reconcile.durations import Duration
from reconcile.plan.require import reach

FOR_EVER = None


# By hand. The oldest backup is youngest just after an apply, which has made a new one. `a` is the newest.
REACHES: dict[tuple[str, str], timedelta | None] = {
    # One: the newest itself.
    ("1d", "1"): days(0),
    # Seven, each a day older than the one before: the seventh is six days old.
    ("1d", "7"): days(6),
    ("1d", "31"): days(30),
    ("12h", "7"): days(3),
    ("1w", "5"): days(28),
    ("1h", "25"): days(1),
    ("1d", '"all"'): FOR_EVER,
    # One a day, and one is made a day: as with last.
    ("1d", "{ daily = 7 }"): days(6),
    # Two a day, at noon and at midnight. At noon the newest of the six days before are those of midnight at their
    # beginnings' other end: noon back to noon six days ago, whose own newest was made at noon, is 6 days; at midnight,
    # which begins a day, the newest of each of the six days before is that of its noon: 5.5 days.
    ("12h", "{ daily = 7 }"): days(5.5),
    # Twenty-four hours, and each has one.
    ("1h", "{ hourly = 24 }"): hours(23),
    # On a Monday this week's is the newest, and the three before it are Sundays: 1, 8 and 15 days old.
    ("1d", "{ weekly = 4 }"): days(15),
    ("1d", "{ weekly = 1 }"): days(0),
    ("1d", "{ weekly = 2 }"): days(1),
    # One a week, always on one weekday: three weeks.
    ("1w", "{ weekly = 4 }"): days(21),
    # On 1 March of 2001 the newest of February is a day old, and that of January, which is the 31st, 29 days.
    ("1d", "{ monthly = 1 }"): days(0),
    ("1d", "{ monthly = 2 }"): days(1),
    ("1d", "{ monthly = 3 }"): days(29),
    # On 1 July the newest of each of the eleven months before; the last is 31 August: 31 + 30 + 31 + 30 + 31 + 31 + 28
    # + 31 + 30 + 31 days and one, less the 31 of August itself, is 304.
    ("1d", "{ monthly = 12 }"): days(304),
    # On 1 January: the last day of the year before.
    ("1d", "{ yearly = 2 }"): days(1),
    # And that of the year before that.
    ("1d", "{ yearly = 3 }"): days(366),
    # Less than 30 days older than the newest: 29.
    ("1d", '{ within = "30d" }'): days(29),
    ("1d", '{ within = "31d" }'): days(30),
    ("1d", '{ within = "36h" }'): days(1),
    # Daily within a week: seven days, the newest included.
    ("1d", '{ within_daily = "7d" }'): days(6),
    # Sundays less than five weeks older than the newest. On a Saturday, 34 days back is a Sunday: 6, 13, 20, 27 days.
    ("1d", '{ within_weekly = "35d" }'): days(28),
    ("1d", '{ within_monthly = "1y" }'): days(334),
    ("1d", '{ within_yearly = "2y" }'): days(365),
    # Months of 28 days: less than a month before 28 March is 28 February and a day.
    ("1d", '{ within = "1mo" }'): days(27),
    # Several rules keep what any of them keeps, so the farthest reach counts.
    ("1d", "{ last = 3, daily = 7 }"): days(6),
    ("1d", "{ daily = 7, weekly = 4 }"): days(15),
    ("1d", "{ daily = 7, weekly = 6 }"): days(29),
    ("1d", "{ daily = 14, weekly = 8 }"): days(43),
    ("1d", "{ daily = 7, weekly = 4, monthly = 12 }"): days(304),
    ("1d", '{ last = 1, within_weekly = "35d" }'): days(28),
    ("1h", "{ hourly = 24, daily = 31 }"): days(29) + hours(1),
    # Made more seldom than its periods: each period that has one counts, and there are as many as are made.
    ("2d", "{ daily = 7 }"): days(12),
    ("2w", "{ weekly = 4 }"): days(42),
    ("1mo", "{ monthly = 12 }"): days(334),
    ("1mo", "13"): days(365),
    ("36h", "{ daily = 30 }"): days(43.5),
}


@pytest.mark.parametrize(("every", "keep"), REACHES)
def test_a_policy_always_reaches_so_far_back(every: str, keep: str) -> None:
    (server,) = declare(f'{{ description = "nightly", every = "{every}", keep = {keep} }}').servers
    (series,) = server.series
    assert series.every

    assert reach(series.every, series.keep, ZoneInfo("UTC"), Duration(days=1000)) == REACHES[every, keep]


def test_there_are_forty() -> None:
    assert len(REACHES) >= 40
