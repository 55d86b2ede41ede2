"""Which restore points a policy would hold and no backup provides, on histories that can be checked by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from plan.test_linear import steps
from support.build import NOW, backup, config, days, declare, hours, inventory

from reconcile.actual.inventory import Backup, Server
from reconcile.desired.desired import resolve
from reconcile.insight.gaps import History
from reconcile.insight.status import status

TWO_WEEKS = 'every = "1d", keep = 14'
THINNED = 'every = "1d", keep = { daily = 3, weekly = 3, monthly = 6 }'
TODAY = NOW.date()  # a Tuesday


def history_of(policy: str, *held: Backup, settings: str = "", server: str = "") -> History:
    declared = declare(f'{{ description = "nightly", {policy} }}', settings=settings, server=server)
    seen = inventory(*held)
    (series,) = status(resolve(declared, seen), seen, NOW).series
    return series.history


def nights(*ago: int) -> tuple[Backup, ...]:
    """Return a backup of 3 o'clock in each of these nights; 0 is the last one."""
    return tuple(backup(1000 - night, age=hours(9) + days(night)) for night in ago)


def missing(history: History) -> list[list[int]]:
    """Return how many days ago each restore point is missing, gap by gap."""
    return [[(TODAY - day).days for day in gap] for gap in history.gaps]


@dataclass(frozen=True)
class Case:
    reason: str
    policy: str
    held: tuple[Backup, ...]
    expected: list[list[int]]


CASES = [
    Case("a complete history", TWO_WEEKS, nights(*range(14)), []),
    Case("seven of fourteen nights are missing", TWO_WEEKS, nights(0, 1, 2, *range(10, 14)), [[9, 8, 7, 6, 5, 4, 3]]),
    Case("two stretches are two gaps", TWO_WEEKS, nights(0, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13), [[5, 4], [1]]),
    Case("only what is older than a pinned backup", TWO_WEEKS, nights(0, 1, 4), [[3, 2]]),
    Case(
        "a failed backup is no restore point",
        TWO_WEEKS,
        (*nights(0, 2), backup(1, age=days(1), status="failed")),
        [[1]],
    ),
    Case("what the policy thinned is not missing", THINNED, nights(0, 1, 2, 9, 10, 38), []),
    Case("a week and a month without a backup are", THINNED, nights(0, 1, 2, 38), [[10, 9]]),
    Case("a month without a backup is", THINNED, nights(0, 1, 2, 9, 10, 69), [[38]]),
    Case("another day of the week stands for it", THINNED, nights(0, 1, 2, 8, 11, 38), []),
    Case("the nights since the newest one are overdue", TWO_WEEKS, nights(3, 4, 5), []),
    Case("nothing but the newest one", TWO_WEEKS, nights(0), []),
    Case("nothing at all", TWO_WEEKS, (), []),
    Case("a series that is made once", "keep = 14", nights(0, 5), []),
    Case("a policy that was made longer", 'every = "1d", keep = { daily = 8 }', nights(0, 1, 2, 3, 7), [[6, 5, 4]]),
    Case(
        "hours", 'every = "6h", keep = 9', tuple(backup(each, age=hours(6 * each)) for each in (0, 1, 4, 5)), [[1, 0]]
    ),
    Case(
        "a late backup of the next day, which another has replaced",
        'every = "20h", keep = { daily = 9 }',
        (backup(1, age=hours(13)), backup(2, age=hours(13 + 49))),
        [],
    ),
    Case("a span", 'every = "1d", keep = { within = "9d" }', nights(0, 1, 3, 4, 5, 6, 7, 8), [[2]]),
    Case("what the backup that is due replaces is not missing", 'every = "1d", keep = 3', nights(1, 2, 4), []),
    Case("what overdue backups would have replaced is not missing", 'every = "1d", keep = 3', nights(3, 5), []),
    Case(
        "the week has another backup, the day has none",
        'every = "1d", keep = { daily = 7, weekly = 4 }',
        nights(0, 1, 3, 4, 5, 6),
        [[2]],
    ),
    Case(
        "a day of every between two dates in a row",
        'every = "1d", keep = 9',
        (backup(1, age=hours(17)), backup(2, age=hours(17) + hours(26))),
        [[1]],
    ),
    Case(
        "two days of every, the second of which ends after the next backup's date has begun",
        'every = "1d", keep = 9',
        (backup(1, age=days(2) + hours(16)), backup(2, age=days(4) + hours(19))),
        [[4, 3]],
    ),
    Case("the night that a span is about to let go", 'every = "1d", keep = { within = "3d" }', nights(0, 1, 3), []),
    Case(
        "weeks of a span, before the oldest that the rule keeps",
        'every = "1d", keep = { daily = 3, within_weekly = "5w", monthly = 3 }',
        nights(0, 1, 2, 9, 10, 37),
        [[30, 23, 16]],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_gaps(case: Case) -> None:
    assert missing(history_of(case.policy, *case.held)) == case.expected


def test_a_backup_that_is_not_pinned_begins_the_history() -> None:
    held = nights(0, 1, 2, 8)

    assert missing(history_of(TWO_WEEKS, *held)) == [[7, 6, 5, 4, 3]]
    assert missing(history_of(TWO_WEEKS, *held, server="pinned = [992]")) == []


def test_a_gap_of_many_years_is_not_simulated_to_its_end() -> None:
    (gap,) = history_of('every = "1min", keep = "all"', backup(1), backup(2, age=days(4000))).gaps

    assert len(gap) == 10_000


def test_a_backup_that_is_due_hides_no_gap() -> None:
    """The due backup and the newest one are in the same week; the weekly rule keeps only one of them."""
    held = (backup(1, age=days(1) + hours(1)), backup(2, age=days(29)))

    assert missing(history_of('every = "1d", keep = { weekly = 9 }', *held)) == [[16, 9, 2]]


def test_what_left_a_span_at_the_end_of_a_month_is_not_missing_on_the_next_day() -> None:
    """A month before 31 March is 3 March; a month before 1 April is 1 March."""
    policy = 'every = "6h", keep = { within = "1mo", monthly = 2 }'
    newest = datetime(2026, 4, 1, 6, tzinfo=UTC)
    moments = [newest - hours(6 * number) for number in range(400)]
    held = [each for each in moments if each > datetime(2026, 3, 3, 18, tzinfo=UTC)]
    held.append(datetime(2026, 2, 28, 18, tzinfo=UTC))
    seen = inventory(*(backup(number, created_at=each) for number, each in enumerate(held)))

    (series,) = status(resolve(declare(f'{{ description = "nightly", {policy} }}'), seen), seen, newest).series

    assert series.history == History(oldest=held[-1])


def test_missed_are_the_days_of_the_gaps_and_those_since_the_newest_backup() -> None:
    found = history_of(TWO_WEEKS, *nights(3, 4, 6))

    assert sorted((TODAY - day).days for day in found.missed) == [1, 2, 5]


class TestPause:
    """Days ago: 3 and 4 are held, and 0. A pause until two days ago left out the night of that day at least."""

    HELD = nights(0, 3, 4)

    @pytest.mark.parametrize(
        ("until", "expected"),
        [
            ("2026-03-09", []),  # the night of the 9th was in the pause too
            ("2026-03-08", [[1]]),
            ("2026-03-08T23:00:00Z", [[1]]),
            ("2026-03-01", [[2, 1]]),  # before the stretch began
            ("2026-03-20", [[2, 1]]),  # it is on, so it has left out nothing before the newest backup
        ],
    )
    def test_that_ended_in_a_stretch_explains_what_is_missing_until_then(
        self, until: str, expected: list[list[int]]
    ) -> None:
        pause = f'pause = {{ until = {until}, reason = "moving" }}'

        assert missing(history_of(TWO_WEEKS, *self.HELD, server=pause)) == expected

    def test_that_goes_on_creating_explains_nothing(self) -> None:
        pause = 'pause = { until = 2026-03-09, reason = "moving", creates = true }'

        assert missing(history_of(TWO_WEEKS, *self.HELD, server=pause)) == [[2, 1]]

    def test_that_ended_earlier_that_day_explains_nothing(self) -> None:
        held = (backup(1), backup(2, age=hours(4)))
        pause = 'pause = { until = 2026-03-10T07:30:00Z, reason = "moving" }'

        assert missing(history_of('every = "1h", keep = 24', *held, server=pause)) == [[0, 0, 0]]

    @pytest.mark.parametrize("until", ["2026-03-20", "9999-12-31"])
    def test_that_is_on_misses_nothing_since_the_newest_backup(self, until: str) -> None:
        pause = f'pause = {{ until = {until}, reason = "moving" }}'
        settings = 'timezone = "Asia/Tokyo"'

        assert history_of(TWO_WEEKS, *nights(3, 4), settings=settings, server=pause).missed == frozenset()


class TestYoungerThanItsPolicy:
    @pytest.mark.parametrize(
        ("policy", "held", "expected"),
        [
            (TWO_WEEKS, nights(0, 1, 2), date(2026, 3, 21)),
            (TWO_WEEKS, nights(0), date(2026, 3, 23)),
            (TWO_WEEKS, nights(*range(14)), None),
            (THINNED, nights(0, 1, 2, 9, 10, 38), date(2026, 6, 1)),
            # A month before 31 March is 3 March; before 1 April, it is 1 March.
            ('every = "1d", keep = { within = "1mo" }', nights(0, 6), date(2026, 3, 31)),
            ('every = "1d", keep = "all"', nights(0, 1), None),
            ('every = "1d", keep = { yearly = 24 }', nights(0), date(2049, 1, 1)),
            ('every = "1min", keep = { yearly = 900 }', nights(0), None),
            ('every = "1d", keep = { yearly = 9000 }', nights(0), None),
        ],
    )
    def test_says_when_it_will_be_complete(self, policy: str, held: tuple[Backup, ...], expected: date | None) -> None:
        found = history_of(policy, *held).complete_from

        assert found == expected

    @pytest.mark.parametrize(
        ("zone", "expected"), [("UTC", date(2026, 3, 23)), ("Pacific/Auckland", date(2026, 3, 24))]
    )
    def test_says_so_in_the_time_zone_of_the_files(self, zone: str, expected: date) -> None:
        settings = f'timezone = "{zone}"'

        assert history_of(TWO_WEEKS, backup(1, created_at=NOW), settings=settings).complete_from == expected

    @pytest.mark.parametrize(("rule", "oldest"), [("within_weekly", 86), ("within_monthly", 69)])
    def test_is_not_so_because_a_span_has_left_the_rest_of_a_period(self, rule: str, oldest: int) -> None:
        """Of the oldest period, such a rule holds only the newest backup: the days before it are not missing."""
        held = nights(0, 9, 38, oldest)

        assert history_of(f'every = "1d", keep = {{ {rule} = "3mo" }}', *held).complete_from is None

    def test_is_not_so_because_an_older_backup_is_pinned_too(self) -> None:
        pinned = "pinned = [987, 988]"

        assert history_of(TWO_WEEKS, *nights(*range(14)), server=pinned).complete_from is None

    def test_is_so_whatever_was_pinned_long_before(self) -> None:
        assert history_of(TWO_WEEKS, *nights(0, 1, 2, 900), server="pinned = [100]").complete_from == date(2026, 3, 21)

    def test_is_so_after_a_pause_that_was_longer_than_a_span(self) -> None:
        found = history_of(
            'every = "1d", keep = { within = "7d" }',
            *nights(0),
            server='pause = { until = 2026-03-09, reason = "moving" }',
        )

        assert found.complete_from == date(2026, 3, 16)

    def test_is_not_so_because_of_gaps(self) -> None:
        assert history_of(TWO_WEEKS, *nights(0, 1, 2, 13)).complete_from is None

    def test_is_not_so_because_extra_backups_take_places(self) -> None:
        extra = tuple(backup(each, age=hours(10 + each)) for each in range(9))

        assert history_of(TWO_WEEKS, *extra, *nights(0, 1, 2, 3, 4)).complete_from is None


@pytest.mark.parametrize("zone", ["Pacific/Apia", "Europe/Rome", "Australia/Lord_Howe"])
def test_a_day_that_a_zone_leaves_out_is_not_missing(zone: str) -> None:
    """Apia had no 30 December 2011; elsewhere a week in which clocks change has as many days as any other."""
    declared = declare(f'{{ description = "nightly", {TWO_WEEKS} }}', settings=f'timezone = "{zone}"')
    held = [datetime(2011, 12, 20, 20, tzinfo=UTC) + timedelta(days=day) for day in range(14)]
    seen = inventory(*(backup(number, created_at=each) for number, each in enumerate(held)))

    (series,) = status(resolve(declared, seen), seen, held[-1]).series

    assert series.history.gaps == ()


def test_series_without_a_gap_cost_little_however_many_there_are() -> None:
    def work(number: int) -> Callable[[], object]:
        servers = tuple(Server(id=each, name=f"s{each}") for each in range(number))
        series = f'backups = [{{ description = "nightly", {THINNED} }}]'
        declared = config("".join(f"[servers.{each.name}]\nid = {each.id}\n{series}\n" for each in servers))
        held = [
            backup(f"{each.name} {night}", server=each, age=hours(9) + timedelta(days=night, seconds=second))
            for second, each in enumerate(servers)
            for night in (0, 1, 2, 9, 10, 38)
        ]
        seen = inventory(*held, servers=servers)
        desired = resolve(declared, seen)
        return lambda: status(desired, seen, NOW)

    few, many = steps(work(10)), steps(work(110))

    assert (many - few) / 100 < 1500, "lines of Python for a series"
