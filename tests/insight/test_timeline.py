"""When the backups of a series were made, by the day of the calendar that the file names."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from support.build import NOW, backup, days, declare, inventory

from reconcile.actual.inventory import Backup
from reconcile.desired.desired import resolve
from reconcile.insight.status import status
from reconcile.insight.timeline import Day, recent_days


def recent(*backups: Backup, zone: str = "UTC", now: datetime = NOW) -> tuple[Day, ...]:
    (series,) = status(resolve(declare('{ description = "nightly" }')), inventory(*backups), now).series
    return recent_days(series.state, now, ZoneInfo(zone))


class TestRecentDays:
    def test_are_thirty_and_end_today(self) -> None:
        found = recent()

        assert [day.date for day in found] == [date(2026, 2, 9) + timedelta(days=number) for number in range(30)]
        assert {(day.usable, day.failed) for day in found} == {(0, 0)}

    def test_count_what_was_made_on_each(self) -> None:
        found = recent(
            backup(1, age=days(1)), backup(2, age=days(1.1)), backup(3, age=days(2), status="failed"), backup(4)
        )

        assert [(day.usable, day.failed) for day in found[-4:]] == [(0, 0), (0, 1), (2, 0), (1, 0)]

    def test_follow_the_time_zone_of_the_file(self) -> None:
        late = backup(1, created_at=datetime(2026, 3, 9, 23, 30, tzinfo=UTC))

        assert [day.date.day for day in recent(late) if day.usable] == [9]
        assert [day.date.day for day in recent(late, zone="Europe/Berlin") if day.usable] == [10]

    def test_leave_out_what_cannot_be_restored_from_and_what_is_older(self) -> None:
        others = [backup(1, status="in_progress"), backup(2, age=-days(1)), backup(3, age=days(30))]

        assert not [day for day in recent(*others) if day.usable or day.failed]

    def test_take_one_that_is_just_ahead_of_our_clock_for_one_of_today(self) -> None:
        just_before_midnight = datetime(2026, 3, 10, 23, 58, tzinfo=UTC)
        ahead = backup(1, created_at=just_before_midnight + timedelta(minutes=5))

        assert recent(ahead, now=just_before_midnight)[-1].usable == 1
