"""What a forecast says of policies whose result can be worked out on paper, and of accounts that are not plain."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from plan.test_linear import steps
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.desired.document import Settings
from reconcile.durations import Duration
from reconcile.insight.forecast import Figures, Forecast, Schedule, SeriesForecast, compare, forecast, without_account
from reconcile.plan.safety import withheld

DAY = Duration(days=1)


def look(
    declared: Config,
    *backups: Backup,
    ahead: int = 365,
    every: Duration = DAY,
    size_mb: float | None = None,
    seen: Inventory | None = None,
) -> Forecast:
    """Forecast from an account with these backups."""
    if seen is None and not backups:
        declared, seen = without_account(declared, NOW)
    account = seen or inventory(*backups)
    schedule = Schedule(start=NOW, days=ahead, every=every)
    return forecast(resolve(declared, account), account, schedule, size_mb=size_mb)


def nightly(keep: str) -> Config:
    return declare(f'{{ description = "nightly", every = "1d", keep = {keep} }}')


def only(found: Forecast) -> SeriesForecast:
    (series,) = found.series
    return series


def dates(series: SeriesForecast) -> list[str]:
    return [f"{point.created_at:%m-%d}" for point in series.points]


def test_beside_a_backup_without_a_readable_description_nothing_is_deleted() -> None:
    odd = replace(backup(9, None), unreadable=("description",))
    series = ['{ description = "a", every = "1d", keep = 2 }', '{ description = "b", every = "1w", keep = 2 }']
    declared = config(
        f"[servers.web]\nid = 1\nbackups = [{', '.join(series)}]\n[servers.db]\nid = 2\nbackups = [{series[0]}]\n"
    )
    seen = inventory(odd, servers=(WEB, Server(id=2, name="db")))

    found = look(declared, seen=seen, ahead=10)

    assert [(str(each.address), each.figures.deletes) for each in found.series if each.declared] == [
        ("web/a", 0),
        ("web/b", 0),
        ("db/a", 8),
    ]


def test_seven_nightly_ones_are_seven_from_the_seventh_night_on() -> None:
    figures = only(look(nightly("7"))).figures

    assert list(figures.counts[:9]) == [0, 1, 2, 3, 4, 5, 6, 7, 7]
    assert set(figures.counts[8:]) == {7}
    assert figures.longest_gap == days(1)
    assert figures.oldest == NOW + days(364 - 6)
    assert figures.steady_at == NOW + days(7), "the first backup goes in the eighth night"
    assert (figures.creates, figures.deletes) == (365, 365 - 7)


def test_days_weeks_and_months_after_400_nights() -> None:
    """The last of 400 nights is Tuesday 13 April 2027."""
    found = look(nightly("{ daily = 7, weekly = 4, monthly = 12 }"), ahead=400)

    months = ["05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31", "01-31", "02-28", "03-31"]
    weeks = ["03-28", "04-04", "04-11"]  # Sundays, and this week's newest
    nights = ["04-07", "04-08", "04-09", "04-10", "04-11", "04-12", "04-13"]
    assert sorted(dates(only(found))) == sorted({*months, *weeks, *nights})
    assert only(found).figures.counts[-1] == 20
    assert only(found).figures.longest_gap == days(31)
    assert only(found).figures.steady_at == datetime.fromisoformat("2027-02-01T12:00Z"), "10 March 2026 makes room"


def test_within_30_days_are_thirty() -> None:
    figures = only(look(nightly('{ within = "30d" }'))).figures

    assert figures.counts[-1] == max(figures.counts) == 30  # one that is 30 days older than the newest is not within


def test_what_keeps_everything_is_never_steady() -> None:
    figures = only(look(nightly('"all"'), ahead=50)).figures

    assert (figures.counts[-1], figures.deletes, figures.steady_at) == (50, 0, None)


def test_one_that_is_made_once_is_steady_at_once() -> None:
    figures = only(look(declare('{ description = "once" }'), ahead=50)).figures

    assert (set(figures.counts[1:]), figures.creates, figures.steady_at) == ({1}, 1, NOW)


@pytest.mark.parametrize(("every", "applies", "expected"), [("12h", "1d", 10), ("1d", "12h", 11), ("3d", "1d", 4)])
def test_backups_are_made_when_they_are_due_and_an_apply_runs(every: str, applies: str, expected: int) -> None:
    declared = declare(f'{{ description = "nightly", every = "{every}", keep = "all" }}')

    assert only(look(declared, ahead=10, every=Duration.parse(applies))).figures.creates == expected


def test_it_begins_with_what_there_is() -> None:
    held = [backup(number, age=days(number)) for number in range(1, 31)]

    found = look(nightly("7"), *held, backup(99, age=hours(1), status="failed"), ahead=3)

    assert [(point.backup_id, point.created_at) for point in only(found).points] == [
        *((number, NOW - days(number)) for number in (4, 3, 2, 1)),
        *((None, NOW + days(number)) for number in (0, 1, 2)),
    ]
    assert list(only(found).figures.counts) == [31, 7, 7, 7]
    assert only(found).figures.steady_at is None
    assert len(withheld(found.first)) == 23, "the forecast goes on as if that were allowed"


def test_what_is_in_progress_is_completed_and_what_is_stalled_stays() -> None:
    found = look(nightly("2"), backup(1, age=hours(1), status="in_progress"), backup(2, age=days(2), status="queued"))

    assert only(found).figures.counts[0] == 2
    assert only(found).figures.creates == 364, "the one in progress is the first night's"
    assert only(found).figures.counts[-1] == 3


def test_pins_stay_and_do_not_keep_it_from_being_steady() -> None:
    declared = declare('{ description = "nightly", every = "1d", keep = 2 }', server="pinned = [1]")

    figures = only(look(declared, backup(1, age=days(9)), backup(2, age=days(1)), ahead=9)).figures

    assert figures.oldest == NOW - days(9)
    assert figures.steady_at == NOW + days(2)


def test_undeclared_ones_stay_until_they_are_pruned() -> None:
    declared = declare('{ description = "nightly" }', server='prune = "10d"')

    found = look(declared, backup(1, "by hand", age=days(8)), backup(2, "by hand", age=days(20)), ahead=5)

    undeclared = found.series[-1]
    assert undeclared.declared is None
    assert list(undeclared.figures.counts) == [2, 1, 1, 0, 0, 0]
    assert found.total
    assert list(found.total.counts) == [2, 2, 2, 1, 1, 1]


@pytest.mark.parametrize(
    ("held", "given", "expected"),
    [
        ([("nightly", 100), ("nightly", 300), ("by hand", 9)], 7, (200.0, "series")),
        ([("by hand", 9)], 7, (9.0, "server")),
        ([], 7, (7, "option")),
        ([], None, (None, "unknown")),
    ],
)
def test_new_backups_are_as_large_as_the_others_are(
    held: list[tuple[str, int]], given: float | None, expected: tuple[float | None, str]
) -> None:
    backups = [
        Backup(
            id=number,
            server_id=WEB.id,
            server_name=WEB.name,
            description=description,
            backup_type="manual",
            status="completed",
            size_mb=size,
            created_at=NOW - days(1),
            expires_at=None,
        )
        for number, (description, size) in enumerate(held)
    ]

    found = look(nightly("2"), ahead=9, size_mb=given, seen=inventory(*backups))

    size = found.series[0].size
    assert (size.megabytes, size.source) == expected
    assert found.series[0].figures.megabytes[-1] == 2 * (expected[0] or 0)
    assert found.without_size == (expected[0] is None)


def test_the_figures_in_all_are_the_sum() -> None:
    text = "".join(
        f"[servers.s{number}]\nid = {number}\nbackups = [{{ description = 'n', every = '1d', keep = {number} }}]\n"
        for number in range(1, 4)
    )

    found = look(config(text), ahead=9, size_mb=10)

    assert found.total
    assert (found.total.counts[-1], found.total.megabytes[-1]) == (6, 60)
    assert found.total.oldest == NOW + days(6)


def test_too_many_applies_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 100,000 applies"):
        look(nightly("7"), every=Duration(seconds=30))


def test_a_comparison_names_what_can_no_longer_be_gone_back_to() -> None:
    held = [backup(number, age=days(number)) for number in range(1, 10)]

    found = compare(look(nightly("10"), *held, ahead=3), look(nightly("5"), *held, ahead=3))

    (change,) = found.changes
    assert [point.backup_id for point in change.gone] == [7, 6, 5, 4, 3]


def test_a_comparison_has_only_what_changes() -> None:
    before = config("[servers.a]\nid = 1\nbackups = [{ description = 'x' }, { description = 'y' }]")
    after = config("[servers.a]\nid = 1\nbackups = [{ description = 'x' }, { description = 'z' }]")

    found = compare(look(before, ahead=2), look(after, ahead=2))

    assert [(str(change.address), change.before is None, change.after is None) for change in found.changes] == [
        ("a/y", False, True),
        ("a/z", True, False),
    ]


def test_another_key_for_a_server_is_no_change_in_a_comparison() -> None:
    named = "[servers.{}]\nname = 'web'\nid = 1\nbackups = [{{ description = 'nightly', every = '1d', keep = 3 }}]\n"

    assert compare(look(config(named.format("web")), *HELD), look(config(named.format("front")), *HELD)).changes == ()


TWO = "[servers.web]\nid = 1\nbackups = [{ description = 'nightly', every = '1d', keep = 3 }]\n"
DB = Server(id=2, name="db")
HELD = tuple(backup(number, age=days(number)) for number in range(1, 6))


class TestComparisonWhereSomethingLeftTheFiles:
    def test_a_server_whose_key_is_now_another_servers_keeps_what_it_has(self) -> None:
        seen = inventory(*HELD, servers=(WEB, DB))

        found = compare(
            look(config(TWO), seen=seen), look(config(TWO.replace("id = 1", "id = 2\nname = 'db'")), seen=seen)
        )

        left, new = sorted(found.changes, key=lambda change: change.before is None)
        assert left.after
        assert (set(left.after.figures.counts), left.gone, new.before) == ({5}, (), None)

    def test_a_server_keeps_what_it_has(self) -> None:
        seen = inventory(*HELD, backup(9, "by hand"), servers=(WEB, DB))
        elsewhere = "[servers.db]\nid = 2\nbackups = []\n"

        found = compare(look(config(TWO + elsewhere), seen=seen), look(config(elsewhere), seen=seen))

        (change,) = found.changes
        assert (str(change.address), change.gone) == ("web/nightly", ())
        assert change.after
        assert change.after.declared is None
        assert set(change.after.figures.counts) == {5}
        assert [point.backup_id for point in change.after.points] == [5, 4, 3, 2, 1]
        assert found.total
        assert found.total.counts[-1] == 6

    def test_a_server_whose_undeclared_backups_would_have_been_pruned_keeps_them(self) -> None:
        seen = inventory(backup(9, "by hand", age=days(9)), servers=(WEB, DB))
        elsewhere = "[servers.db]\nid = 2\nbackups = []\n"

        found = compare(
            look(config(f"{elsewhere}[servers.web]\nid = 1\nprune = true"), seen=seen),
            look(config(elsewhere), seen=seen),
        )

        (change,) = found.changes
        assert change.gone == ()
        assert change.after
        assert list(change.after.figures.counts)[-1] == 1

    def test_a_series_loses_only_what_is_pruned(self) -> None:
        left, pruned = ("[servers.web]\nid = 1\nbackups = []\n", "[servers.web]\nid = 1\nprune = true\nbackups = []\n")
        once = config("[servers.web]\nid = 1\nbackups = [{ description = 'nightly', keep = 9 }]\n")

        def gone(after: str) -> list[object]:
            changes = compare(look(once, *HELD), look(config(after), *HELD)).changes
            return [point.backup_id for change in changes for point in change.gone]

        assert gone(left) == []
        assert gone(pruned) == [5, 4, 3, 2, 1]


def test_series_that_are_alike_are_worked_out_once() -> None:
    """Forty servers, their backups made seconds apart: from the first night on they are one to the planner."""

    def work(number: int) -> Callable[[], object]:
        listed = [Server(id=each, name=f"s{each}") for each in range(number)]
        series = 'backups = [{ description = "nightly", every = "1d", keep = { daily = 9 } }]'
        declared = config("".join(f"[servers.{each.name}]\nid = {each.id}\n{series}\n" for each in listed))
        held = [
            backup(f"{each.name} {night}", server=each, created_at=NOW - timedelta(days=night, seconds=second))
            for second, each in enumerate(listed)
            for night in range(9)
        ]
        seen = inventory(*held, servers=tuple(listed))
        return lambda: forecast(resolve(declared, seen), seen, Schedule(start=NOW, days=90, every=DAY))

    assert steps(work(40)) < 8 * steps(work(1))


class TestSchedule:
    def test_ends_before_the_last_day_is_over(self) -> None:
        found = look(nightly("7"), ahead=3)

        assert found.moments == (NOW, NOW + days(1), NOW + days(2))
        assert found.end == NOW + days(2)
        assert found.times == (NOW, *found.moments)

    def test_may_have_100_000_applies_and_not_one_more(self) -> None:
        zone = ZoneInfo("UTC")

        assert len(Schedule(start=NOW, days=125, every=Duration(seconds=108)).moments(zone)) == 100_000
        with pytest.raises(ValueError, match="more than 100,000 applies"):
            Schedule(start=NOW, days=126, every=Duration(seconds=108)).moments(zone)

    def test_is_followed_apply_by_apply(self) -> None:
        seen: list[tuple[int, int]] = []
        account = inventory(backup(1))

        forecast(
            resolve(nightly("7"), account),
            account,
            Schedule(start=NOW, days=3, every=DAY),
            progress=lambda done, total: seen.append((done, total)),
        )

        assert seen == [(1, 3), (2, 3), (3, 3)]


FLEETS = config(
    '[settings]\naccount = "ops@example.com"\n'
    '[fleets.web]\nmatch = "web*"\nprune = "9d"\nbackups = [{ description = "n", every = "1d", keep = 2 }]\n'
    '[servers.db]\nid = 7\nbackups = [{ description = "n", every = "1d", keep = 5 }, { description = "once" }]\n'
)


class TestFleets:
    MEMBERS = tuple(Server(id=number, name=f"web-{number}") for number in (1, 2))

    def test_without_an_account_are_one_server_each(self) -> None:
        declared, account = without_account(FLEETS, NOW)

        assert (declared.settings.account, declared.fleets) == (None, ())
        (db, web) = declared.servers
        assert (db.key, db.fleet) == ("db", None)
        assert (web.key, web.name, web.fleet, web.pinned) == ("fleet:web", "fleet:web", "web", ())
        assert (web.prune, web.series) == (FLEETS.fleets[0].prune, FLEETS.fleets[0].series)
        assert web.place == FLEETS.fleets[0].place
        assert account.servers == (Server(id=7, name="db"), Server(id=web.id, name="fleet:web"))
        assert (account.base_url, account.backups) == ("", ())
        assert (account.observed_at, account.service_time) == (NOW, NOW)

    def test_a_server_may_have_the_id_that_looks_like_one(self) -> None:
        declared = config('[fleets.web]\nmatch = "*"\n[servers.db]\nid = "fleet:web"\n')

        _, account = without_account(declared, NOW)

        assert [server.name for server in account.servers or ()] == ["db", "fleet:web"]

    def test_have_figures_of_their_own_which_are_those_of_their_members_together(self) -> None:
        listed = (Server(id=7, name="db"), *self.MEMBERS)
        account = inventory(backup(1, "by hand", server=self.MEMBERS[0], age=days(1)), servers=listed)
        found = look(replace(FLEETS, settings=Settings()), ahead=6, size_mb=10, seen=account)

        assert [(str(series.address), series.fleet) for series in found.series] == [
            ("db/n", None),
            ("db/once", None),
            ("web-1/n", "web"),
            ("web-2/n", "web"),
            ("web-1/", "web"),
        ]
        web = found.fleets["web"]
        assert list(found.fleets) == ["web"]
        assert (list(web.counts), web.creates, web.deletes) == ([1, 3, 5, 5, 5, 5, 5], 12, 8)
        assert found.total
        assert (found.total.creates, found.total.deletes, found.total.counts[-1]) == (6 + 1 + 12, 1 + 8, 5 + 1 + 5)


def test_figures_together_are_the_oldest_the_longest_and_the_last_of_each() -> None:
    text = "[servers.a]\nid = 1\nbackups = [{ description = 'x', every = '3d', keep = 2 }]\n"
    text += "[servers.b]\nid = 2\nbackups = [{ description = 'x', every = '1d', keep = 4 }]\n"
    found = look(config(text), ahead=20)

    assert found.total
    threes, ones = (series.figures for series in found.series)
    assert (threes.oldest, ones.oldest) == (NOW + days(15), NOW + days(16))
    assert (threes.steady_at, ones.steady_at) == (NOW + days(6), NOW + days(4))
    assert (found.total.oldest, found.total.longest_gap) == (NOW + days(15), days(3))
    assert found.total.steady_at == NOW + days(6)


def test_of_nothing_there_are_no_figures() -> None:
    found = look(config("[servers.web]\nid = 1\n"), ahead=9)

    assert (found.series, found.total, dict(found.fleets)) == ((), None, {})


def test_one_restore_point_has_no_gap_and_none_has_no_age() -> None:
    once = only(look(declare('{ description = "nightly" }'), ahead=9)).figures
    never = only(look(declare('{ description = "nightly" }'), backup(1, status="archiving"), ahead=9))

    assert (once.oldest, once.longest_gap) == (NOW, None)
    assert (never.figures.counts[-1], never.points, never.figures.oldest) == (1, (), None)


def test_only_a_series_that_makes_backups_lacks_their_size() -> None:
    two = declare('{ description = "a", every = "1d" }, { description = "b", every = "1y" }')
    held = replace(backup(1, "b"), size_mb=None)

    assert look(two, held, ahead=9).without_size == 1


def test_the_size_of_what_there_is_and_of_what_comes() -> None:
    held = [
        replace(backup(1, age=days(3)), size_mb=100.0),
        replace(backup(2, age=days(2)), size_mb=None),
        backup(3, age=hours(1), status="in_progress"),
        replace(backup(4, age=days(1), status="failed"), size_mb=50.0),
    ]

    series = only(look(nightly("9"), *held, ahead=3))

    assert series.size.megabytes == 100, "of the completed ones whose size is known"
    assert list(series.figures.megabytes) == [250, 200, 300, 400]
    assert [(point.backup_id, point.size_mb) for point in series.points] == [
        (1, 100),
        (2, None),
        (3, 100),
        (None, 100),
        (None, 100),
    ]


def test_what_is_too_young_to_go_stays_until_it_is_not() -> None:
    declared = config(
        '[require]\nmin_age = "3d"\n[servers.web]\nid = 1\n'
        'backups = [{ description = "nightly", every = "1d", keep = 1 }]\n'
    )

    figures = only(look(declared, backup(1, age=days(2)), backup(2, age=days(1)), ahead=5)).figures

    assert list(figures.counts) == [2, 3, 3, 3, 3, 3]


def test_what_is_dated_ahead_of_the_end_is_no_restore_point() -> None:
    series = only(look(nightly("9"), backup(1, age=-days(30)), backup(2, age=-days(2)), ahead=3))

    assert [point.backup_id for point in series.points] == [None, None, 2]
    assert series.figures.oldest == NOW


class TestUndeclared:
    HELD = (
        replace(backup(1, "x", age=days(10)), size_mb=1.0),
        replace(backup(2, "y", age=days(8)), size_mb=2.0),
        replace(backup(3, "x", age=days(7)), size_mb=None),
        replace(backup(4, "x", age=days(1), status="failed"), size_mb=8.0),
        backup(5, "x", age=days(1)),
    )

    def test_go_with_the_first_apply_at_which_they_are_old_enough(self) -> None:
        found = look(declare("", server='prune = "10d"'), *self.HELD, ahead=4)

        undeclared = only(found)
        assert (str(undeclared.address), undeclared.address.description) == ("web/", None)
        assert list(undeclared.figures.counts) == [5, 4, 4, 3, 2]
        assert list(undeclared.figures.megabytes) == [1035, 1034, 1034, 1032, 1032]
        assert (undeclared.figures.creates, undeclared.figures.deletes) == (0, 3)
        assert (undeclared.figures.oldest, undeclared.figures.longest_gap) == (None, None)
        assert undeclared.figures.steady_at == NOW + days(3)
        assert [(point.backup_id, point.created_at, point.size_mb) for point in undeclared.points] == [
            (5, NOW - days(1), 1024)
        ]
        assert (undeclared.size.megabytes, undeclared.size.source) == (None, "unknown")

    def test_stay_for_ever_without_prune(self) -> None:
        undeclared = only(look(declare(""), *self.HELD, ahead=4))

        assert list(undeclared.figures.counts) == [5] * 5
        assert (undeclared.figures.deletes, undeclared.figures.steady_at) == (0, NOW)
        assert [point.backup_id for point in undeclared.points] == [1, 2, 3, 5]


@pytest.mark.parametrize(
    ("policy", "ages"),
    [
        ('every = "1d", keep = 3', ([10], [23.5])),
        ('every = "1d", keep = { last = 4, hourly = 5 }', ([24.2, 24.7, 24.9], [24.2, 25.5, 26.5])),
        ('every = "1d", keep = { last = 4, daily = 5 }', ([24.2, 25, 26], [24.2, 37, 62])),
        ('every = "1d", keep = { within = "60h" }', ([25, 30], [25, 40])),
        ('every = "1d", keep = 1', ([24, 47], [24, 49])),
    ],
)
def test_series_that_only_look_alike_are_worked_out_apart(policy: str, ages: tuple[list[float], list[float]]) -> None:
    def of(*numbers: int) -> dict[str, Figures]:
        listed = tuple(Server(id=number, name=f"s{number}") for number in numbers)
        tables = (
            f"[servers.{each.name}]\nid = {each.id}\nbackups = [{{ description = 'nightly', {policy} }}]\n"
            for each in listed
        )
        held = [
            backup(f"{each.name} {number}", age=hours(age), server=each)
            for each in listed
            for number, age in enumerate(ages[int(each.id)])
        ]
        declared = config(('[require]\nmin_age = "3d"\n' if policy.endswith("= 1") else "") + "".join(tables))
        found = look(declared, seen=inventory(*held, servers=listed), ahead=3)
        return {series.address.server: series.figures for series in found.series}

    alone = of(0) | of(1)

    assert of(0, 1) == alone
    assert alone["s0"] != alone["s1"], "or nothing would show if they were taken for one"


@pytest.mark.parametrize(("prune", "expected"), [("true", [2, 1, 1, 0, 0]), ('"1d"', [2, 1, 1, 0, 0])])
def test_undeclared_ones_that_are_too_young_are_pruned_once_they_are_not(prune: str, expected: list[int]) -> None:
    declared = config(
        f"[require]\nmin_age = '3d'\n[servers.web]\nid = 1\nprune = {prune}\nbackups = [{{ description = 'x' }}]\n"
    )

    found = look(declared, backup(1, "by hand", age=days(1)), backup(2, "by hand", age=days(4)), ahead=4)

    assert list(found.series[-1].figures.counts) == expected
