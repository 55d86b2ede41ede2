"""When the backups of each server were made: by the day of the calendar, and as one line of restore points."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from laws.test_planning import configs, inventories
from support.build import NOW, WEB, backup, config, days, declare, inventory

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve, select
from reconcile.ids import Id
from reconcile.insight.status import status
from reconcile.insight.timeline import DayMark, Interval, ServerTimeline, Timeline, recent_days, timeline
from reconcile.plan.series_state import is_usable


def recent(
    *backups: Backup, policy: str = "", zone: str = "UTC", now: datetime = NOW
) -> tuple[tuple[date, DayMark], ...]:
    seen = inventory(*backups)
    declared = declare(f'{{ description = "nightly"{policy} }}')
    (series,) = status(resolve(declared, seen), seen, now).series
    return recent_days(series, now, ZoneInfo(zone))


def marks(found: tuple[tuple[date, DayMark], ...]) -> list[str]:
    return [mark.value for _, mark in found]


class TestRecentDays:
    NIGHTLY = ', every = "1d", keep = { daily = 4, weekly = 3 }'

    def test_are_thirty_and_end_today(self) -> None:
        found = recent()

        assert [day for day, _ in found] == [date(2026, 2, 9) + timedelta(days=number) for number in range(30)]
        assert set(marks(found)) == {"before"}

    def test_show_what_is_held_what_was_thinned_and_what_was_missed(self) -> None:
        held = [backup(number, age=days(number + 0.4)) for number in (0, 1, 3, 9)]

        found = marks(recent(*held, policy=self.NIGHTLY))

        assert found[-10:] == ["held", *["thinned"] * 5, "held", "missed", "held", "held"]
        assert set(found[:-10]) == {"before"}

    def test_show_as_missed_what_is_overdue_but_not_today(self) -> None:
        found = marks(recent(backup(1, age=days(3.4)), policy=self.NIGHTLY))

        assert found[-4:] == ["held", "missed", "missed", "thinned"]

    def test_of_a_series_that_is_made_once_miss_nothing(self) -> None:
        assert marks(recent(backup(1, age=days(3)), backup(2, age=days(1), status="failed")))[-4:] == [
            "held",
            *["thinned"] * 3,
        ]

    def test_follow_the_time_zone_of_the_file(self) -> None:
        late = backup(1, created_at=datetime(2026, 3, 9, 23, 30, tzinfo=UTC))

        assert [day.day for day, mark in recent(late) if mark == "held"] == [9]
        assert [day.day for day, mark in recent(late, zone="Europe/Berlin") if mark == "held"] == [10]

    def test_leave_out_what_cannot_be_restored_from_and_what_is_older(self) -> None:
        others = [backup(1, status="in_progress"), backup(2, age=-days(1)), backup(3, age=days(30))]

        assert set(marks(recent(*others))) == {"thinned"}

    def test_take_one_that_is_just_ahead_of_our_clock_for_one_of_today(self) -> None:
        just_before_midnight = datetime(2026, 3, 10, 23, 58, tzinfo=UTC)
        ahead = backup(1, created_at=just_before_midnight + timedelta(minutes=5))

        assert marks(recent(ahead, now=just_before_midnight))[-1] == "held"


DB, OTHER = Server(id=2, name="db"), Server(id=3, name="other")
TWO = config(
    '[servers.data]\nname = "db"\nid = 2\nbackups = [{ description = "nightly" }]\n'
    '[servers.web]\nid = 1\nbackups = [{ description = "empty" }, { description = "nightly" }]\n'
)
SEEN = inventory(
    backup(1, age=days(9)),
    backup(2, age=days(2)),
    backup(3, age=days(1), status="failed"),
    backup(4, age=-days(1)),
    backup(5, "by hand", age=days(3)),
    backup(6, None, age=days(3)),
    backup(7, "x", age=days(4), backup_type="automatic"),
    backup(8, "y", age=days(5), backup_type="automatic"),
    backup(9, server=DB),
    backup(10, "x", server=OTHER),
    backup(20, "x", server=OTHER, backup_type="automatic"),
    servers=(WEB, DB, OTHER),
)


def timeline_of(declared: Config, seen: Inventory, *targets: str) -> Timeline:
    desired = select(resolve(declared, seen), seen, targets)
    return timeline(status(desired, seen, NOW))


def outline(servers: tuple[ServerTimeline, ...]) -> dict[str, list[tuple[str, str | None, list[Id], list[Id]]]]:
    return {
        server.key: [
            (row.kind.value, row.description, [each.id for each in row.points], [each.id for each in row.failed])
            for row in server.rows
        ]
        for server in servers
    }


class TestTimeline:
    def test_has_a_row_for_each_series_and_one_for_automatic_backups_server_by_server(self) -> None:
        found = timeline_of(TWO, SEEN)

        assert outline(found.servers) == {
            "web": [
                ("declared", "empty", [], []),
                ("declared", "nightly", [1, 2], [3]),
                ("undeclared", "by hand", [5], []),
                ("undeclared", None, [6], []),
                ("automatic", None, [8, 7], []),
            ],
            "data": [("declared", "nightly", [9], [])],
        }
        assert list(outline(found.servers)) == ["data", "web"]
        assert outline(found.unprotected) == {"other": [("undeclared", "x", [10], []), ("automatic", None, [20], [])]}
        assert [server.oldest for server in found.servers] == [NOW, NOW - days(9)]
        assert [server.server for server in found.every_server] == [DB, WEB, OTHER]
        rows = [row for server in found.servers for row in server.rows]
        assert [row.series and str(row.series.address) for row in rows] == [
            "data/nightly",
            *("web/empty", "web/nightly", None, None, None),
        ]

    def test_has_a_declared_server_without_series_too_and_none_that_the_token_cannot_list(self) -> None:
        bare, web = (
            "[servers.bare]\nname = 'db'\nid = 2\n",
            "[servers.web]\nid = 1\nbackups = [{ description = 'x' }]\n",
        )
        declared = config(f"{bare}{web}")
        found = timeline_of(declared, inventory(backup(1, "y", server=DB), backup(2, "x"), servers=None))

        assert outline(found.servers) == {"web": [("declared", "x", [2], [])], "bare": [("undeclared", "y", [1], [])]}
        assert found.unprotected == ()

    def test_is_limited_to_what_the_targets_match(self) -> None:
        found = timeline_of(TWO, SEEN, "data")

        assert outline(found.servers) == {"data": [("declared", "nightly", [9], [])]}
        assert found.unprotected == ()

    def test_has_the_name_of_a_server_in_the_account_even_if_the_files_give_it_another(self) -> None:
        (server,) = timeline_of(config("[servers.web]\nid = 2\n"), SEEN).servers

        assert (server.key, server.server) == ("web", DB)

    @pytest.mark.parametrize(
        ("ages", "gap"),
        [((), None), ((3,), (3, 0)), ((9, 8, 3, 2), (8, 3)), ((9, 8, 6), (6, 0)), ((2, -0.001), (2, 0))],
        ids=str,
    )
    def test_the_longest_interval_is_between_two_restore_points_or_since_the_newest(
        self, ages: tuple[float, ...], gap: tuple[float, float] | None
    ) -> None:
        held = [backup(number, age=days(age)) for number, age in enumerate(ages)]
        (server,) = timeline_of(declare('{ description = "nightly" }'), inventory(*held)).servers

        expected = gap and Interval(start=NOW - days(gap[0]), end=NOW - days(gap[1]))
        assert server.rows[0].longest_interval == expected

    @given(configs(), inventories())
    def test_every_usable_backup_of_the_account_is_one_restore_point(self, declared: Config, seen: Inventory) -> None:
        found = timeline_of(declared, seen)

        servers = (*found.servers, *found.unprotected)
        points = [str(point.id) for server in servers for row in server.rows for point in row.points]
        assert sorted(points) == sorted(str(each.id) for each in seen.backups if is_usable(each, NOW))
