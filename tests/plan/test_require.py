"""How far back each policy always reaches, and what becomes of a server that breaks a rule of `[require]`."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from plan.test_linear import steps
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Server
from reconcile.desired.config import Config
from reconcile.desired.document import Settings
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.plan.reach import is_within, reach
from reconcile.plan.reasons import KeptBy, TooYoung, Veto
from reconcile.plan.require import breaches
from reconcile.plan.safety import withheld
from reconcile.plan.saved import dump, parse
from reconcile.plan.stale import renewed

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
    # At noon and at midnight. The one of midnight is the first of its day, and each of the six days before keeps its
    # newest, that of noon: five days and a half.
    ("12h", "{ daily = 7 }"): days(5.5),
    # Twenty-four hours, and each has one.
    ("1h", "{ hourly = 24 }"): hours(23),
    # On a Monday this week's is the newest, and the three before it are Sundays: 1, 8 and 15 days old.
    ("1d", "{ weekly = 4 }"): days(15),
    ("1d", "{ weekly = 1 }"): days(0),
    ("1d", "{ weekly = 2 }"): days(1),
    # One a week, always on one weekday: three weeks.
    ("1w", "{ weekly = 4 }"): days(21),
    # Every fourth day: Monday, the Thursday before, which is the only one of its week, and the Sunday before that.
    ("4d", "{ weekly = 3 }"): days(8),
    # On 1 March of 2001 the newest of February is a day old, and that of January, which is the 31st, 29 days.
    ("1d", "{ monthly = 1 }"): days(0),
    ("1d", "{ monthly = 2 }"): days(1),
    ("1d", "{ monthly = 3 }"): days(29),
    # In the first hour of 1 March: the last hour of January.
    ("1h", "{ monthly = 3 }"): days(28) + hours(1),
    # On 1 July, the last days of the eleven months before: 31 August is 30 + 31 + 30 + 31 + 31 + 28 + 31 + 30 + 31 + 30
    # days before 30 June, which is a day ago: 304.
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
    # On a Sunday, the Sundays 7, 14, 21 and 28 days ago; that of 35 days ago is not less than 35 days older.
    ("1d", '{ within_weekly = "35d" }'): days(28),
    # On 31 December, the last days of this year's months: 31 January is 334 days ago.
    ("1d", '{ within_monthly = "1y" }'): days(334),
    ("1d", '{ within_yearly = "2y" }'): days(365),
    # On 28 March, what was made after 28 February: 1 March is 27 days ago.
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
    # Not by hand: night by night, as the oldest at a time may stay although it is not the newest of its month.
    ("1d", '{ within_monthly = "20d", within_yearly = "35d" }'): days(4),
}


@pytest.mark.parametrize(("every", "keep"), REACHES)
def test_a_policy_always_reaches_so_far_back(every: str, keep: str) -> None:
    (server,) = declare(f'{{ description = "nightly", every = "{every}", keep = {keep} }}').servers
    (series,) = server.series
    assert series.every

    assert reach(series.every, series.keep, ZoneInfo("UTC"), Duration(days=1000)) == REACHES[every, keep]


def test_there_are_forty() -> None:
    assert len(REACHES) >= 40


@pytest.mark.parametrize(
    ("every", "most", "expected"),
    [
        ("1d", "1d", True),
        ("24h", "1d", True),
        ("25h", "1d", False),
        ("1mo", "31d", True),
        ("1mo", "30d", False),  # January
        ("30d", "1mo", False),  # February
        ("28d", "1mo", True),
    ],
)
def test_months_are_as_long_as_they_may_be(every: str, most: str, expected: bool) -> None:  # noqa: FBT001
    assert is_within(Duration.parse(every), Duration.parse(most)) is expected


def required(rules: str, series: str, *, more: str = "") -> Config:
    return config(f"[require]\n{rules}\n[servers.web]\nid = 1\n{more}\nbackups = [{series}]\n")


def in_new_york(declared: Config) -> Config:
    return replace(declared, settings=Settings.model_construct(timezone=ZoneInfo("America/New_York")))


def messages(declared: Config) -> list[tuple[str, str]]:
    return [(each.summary, each.detail) for each in breaches(declared).values()]


NIGHTLY = '{ description = "nightly", every = "1d", keep = 7 }'


def test_the_error_says_what_is_reached_and_what_would_do() -> None:
    assert messages(required('retention = "30d"', NIGHTLY)) == [
        (
            "the backups of server 'web' reach back only 6d; [require] retention needs 30d",
            "Use keep = 31 or daily = 31. Required by retention in [require], backups.toml.",
        )
    ]


REQUIRED_BY = "Required by retention in [require], backups.toml."
ONCE = '{ description = "once" }'


@pytest.mark.parametrize(
    ("rules", "series", "summary", "advice"),
    [
        (
            'every = "12h"',
            NIGHTLY,
            "server 'web' has a backup every 1d; [require] every needs one every 12h",
            'every = "12h"',
        ),
        (
            'every = "2d"',
            ONCE,
            "server 'web' has no series with every, but [require] every = 2d needs one",
            'every = "2d"',
        ),
        (
            'retention = "9d"',
            ONCE,
            "server 'web' has no series with every, but [require] retention = 9d needs one",
            "every =",
        ),
        (
            'retention = "5w"',
            '{ description = "x", every = "1w", keep = 1 }',
            "the backups of server 'web' reach back only 0s; [require] retention needs 35d",
            "keep = 6",
        ),
    ],
)
def test_each_breach_is_explained(rules: str, series: str, summary: str, advice: str) -> None:
    ((found, detail),) = messages(required(rules, series))

    assert found == summary
    assert detail.startswith(f"Use {advice}")


def test_what_is_advised_would_do_and_one_less_would_not() -> None:
    ((_, detail),) = messages(required('retention = "45d"', NIGHTLY))

    remedies = re.findall(r"(keep|daily) = (\d+)", detail)
    assert len(remedies) == 2
    for period, count in remedies:
        for fewer, expected in ((0, 0), (1, 1)):
            rule = f"{period.replace('keep', 'last')} = {int(count) - fewer}"
            declared = required('retention = "45d"', NIGHTLY.replace("7", f"{{ {rule} }}"))
            assert len(breaches(declared)) == expected, rule


@pytest.mark.parametrize("keep", ["3", '{ within_daily = "1y" }'])
@pytest.mark.parametrize(
    ("every", "retention"),
    [("1h", "90d"), ("1s", "1h"), ("1d", "10y"), ("30y", "9999y"), ("999999999y", "1d")],
)
def test_no_rule_and_no_interval_takes_for_ever_or_leaves_the_calendar(every: str, retention: str, keep: str) -> None:
    series = f'{{ description = "x", every = "{every}", keep = {keep} }}'

    found = breaches(in_new_york(required(f'retention = "{retention}"', series)))

    assert len(found) <= 1


@pytest.mark.parametrize(
    "rules",
    ['every = "1d"', 'retention = "6d"', 'every = "1d"\nretention = "6d"', 'min_age = "9d"', "all_servers = true"],
)
def test_who_does_what_is_required_breaks_nothing(rules: str) -> None:
    assert breaches(required(rules, NIGHTLY)) == {}


def test_an_every_of_whole_days_steps_by_the_calendar_and_loses_no_hour_to_the_clocks() -> None:
    monthly = required('retention = "59d"', '{ description = "x", every = "1mo", keep = { monthly = 3 } }')

    assert breaches(in_new_york(monthly)) == {}
    assert (
        len(breaches(in_new_york(required('retention = "60d"', "{ description = 'x', every = '1mo', keep = 3 }")))) == 1
    )


def test_one_series_may_do_what_another_does_not() -> None:
    both = f'{NIGHTLY}, {{ description = "monthly", every = "1mo", keep = 12 }}'

    assert breaches(required('every = "1d"\nretention = "300d"', both)) == {}


def test_a_server_that_wants_nothing_breaks_nothing() -> None:
    assert breaches(required('every = "1d"\nretention = "30d"', "")) == {}


def test_the_series_that_comes_nearest_is_named() -> None:
    two = '{ description = "a" }, { description = "b", every = "1d", keep = 1 }'
    series = f'{two}, {{ description = "c", every = "1d", keep = 9 }}'
    (diagnostic,) = breaches(required('retention = "30d"', series)).values()

    assert diagnostic.address == "web/c"
    assert diagnostic.place
    assert diagnostic.place.path == ("servers", "web", "backups", 2, "keep")


class TestWhichSeriesIsNamed:
    SERIES = (
        '{ description = "a", keep = 1 }, { description = "b", every = "3d", keep = 2 }, '
        '{ description = "c", every = "2d", keep = 3 }, { description = "d", every = "2d", keep = 3 }'
    )

    def found(self, rules: str, series: str = SERIES) -> list[tuple[str | None, str, tuple[str | int, ...]]]:
        diagnostics = breaches(required(rules, series)).values()
        return [(each.address, each.summary, each.place.path if each.place else ()) for each in diagnostics]

    def test_is_the_first_of_those_that_are_made_most_often(self) -> None:
        assert self.found('every = "1d"') == [
            (
                "web/c",
                "server 'web' has a backup every 2d; [require] every needs one every 1d",
                ("servers", "web", "backups", 2, "every"),
            )
        ]

    def test_is_the_first_of_those_that_reach_farthest(self) -> None:
        assert self.found('retention = "9d"') == [
            (
                "web/c",
                "the backups of server 'web' reach back only 4d; [require] retention needs 9d",
                ("servers", "web", "backups", 2, "keep"),
            )
        ]

    def test_is_the_first_where_none_is_made_again_and_again(self) -> None:
        place = ("servers", "web", "backups", 0, "every")

        assert self.found('every = "1d"\nretention = "9d"', f'{ONCE}, {{ description = "also", keep = 1 }}') == [
            ("web/once", "server 'web' has no series with every, but [require] every = 1d needs one", place),
            ("web/once", "server 'web' has no series with every, but [require] retention = 9d needs one", place),
        ]

    def test_is_one_of_each_rule_that_is_broken(self) -> None:
        assert [address for address, _, _ in self.found('every = "1d"\nretention = "4d"')] == ["web/c"]
        assert [address for address, _, _ in self.found('every = "2d"\nretention = "5d"')] == ["web/c"]
        assert len(self.found('every = "1d"\nretention = "5d"')) == 2


@pytest.mark.parametrize(
    ("every", "retention", "advice"),
    [
        ("1d", "1d", "Use keep = 2 or daily = 2."),
        ("1d", "3d", "Use keep = 4 or daily = 4."),
        ("1d", "7d", "Use keep = 8 or daily = 8."),
        ("1d", "8d", "Use keep = 9 or daily = 9."),
        ("12h", "2d", "Use keep = 5 or daily = 4."),
        ("2d", "30d", "Use keep = 16."),  # days on which none is made are no periods
    ],
)
def test_the_smallest_count_is_advised(every: str, retention: str, advice: str) -> None:
    ((_, detail),) = messages(
        required(f'retention = "{retention}"', f'{{ description = "x", every = "{every}", keep = 1 }}')
    )

    assert detail == f"{advice} Required by retention in [require], backups.toml."


def test_months_are_those_of_the_time_zone() -> None:
    """The backup of 31 January at noon is one of February in Auckland, so that January's newest is of the 30th."""
    (server,) = declare('{ description = "nightly", every = "36h", keep = { monthly = 3 } }').servers
    (series,) = server.series
    assert series.every

    for zone, reached in (("UTC", days(28.5)), ("Pacific/Auckland", days(30))):
        assert reach(series.every, series.keep, ZoneInfo(zone), Duration(days=400)) == reached


def test_each_server_is_judged_by_its_own_policy() -> None:
    policies = (("1d", 3), ("1d", 9), ("2d", 3), ("1d", 3), ("2d", 9))
    declared = config(
        '[require]\nretention = "5d"\n'
        + "".join(
            f"[servers.s{number}]\nid = {number}\n"
            f"backups = [{{ description = 'x', every = '{every}', keep = {keep} }}]\n"
            for number, (every, keep) in enumerate(policies)
        )
    )

    assert [(each.address, each.summary.partition(";")[0], each.detail) for each in breaches(declared).values()] == [
        (f"{server}/x", f"the backups of server '{server}' reach back only {reached}", f"Use {advice}. {REQUIRED_BY}")
        for server, reached, advice in (
            ("s0", "2d", "keep = 6 or daily = 6"),
            ("s2", "4d", "keep = 4"),
            ("s3", "2d", "keep = 6 or daily = 6"),
        )
    ]


FLEET = """
[require]
retention = "30d"
[fleets.web]
match = "*"
[[fleets.web.backups]]
description = "nightly"
every = "1d"
keep = 7
"""


def test_a_fleet_is_judged_once() -> None:
    servers = tuple(Server(id=number, name=f"web-{number}") for number in range(3))
    declared = config(FLEET)
    plan = make_plan(declared, inventory(servers=servers))

    assert [error.summary for error in plan.errors] == [
        "the backups of fleet 'web' reach back only 6d; [require] retention needs 30d"
    ]
    assert [(error.address, error.place) for error in plan.errors] == [
        ("fleet:web/nightly", declared.fleets[0].place.at("backups", 0, "keep"))
    ]
    assert [server.veto for server in plan.servers] == [Veto.RULE_BROKEN] * 3
    assert len(plan.creates) == 3


def test_a_barred_server_gets_its_creates_and_nothing_on_it_is_deleted() -> None:
    declared = required('retention = "30d"', NIGHTLY, more="prune = true")
    held = [backup(number, age=days(number)) for number in range(1, 10)]

    plan = make_plan(declared, inventory(*held, backup(20, "by hand"), backup(21, status="failed")))

    assert len(plan.creates) == 1
    assert [delete.backup.id for delete in plan.deletes] == [9, 8, 7, 21, 20]
    assert withheld(plan, allowed=100) == {delete.address: Veto.RULE_BROKEN for delete in plan.deletes}
    assert plan.loss.lost == 0, "what is not deleted is no loss, and nobody is asked to allow it"


@pytest.mark.parametrize(("key", "fleet"), [("web", "None"), ("fleet:others", "others")])
def test_a_fleet_that_breaks_a_rule_bars_no_server_with_a_table(key: str, fleet: str) -> None:
    declared = config(
        f"""
        [require]
        every = "1d"
        [servers."{key}"]
        id = 1
        name = "web"
        backups = [{NIGHTLY}]
        [fleets.{fleet}]
        match = "db*"
        backups = [{{ description = "weekly", every = "1w", keep = 1 }}]
        """
    )

    planned = make_plan(declared, inventory(*(backup(number, age=days(number)) for number in range(9))))

    assert len(planned.deletes) == 2
    assert withheld(planned) == {}


def test_a_barred_server_hinders_no_other() -> None:
    other = "[servers.db]\nid = 2\nbackups = [{ description = 'nightly', every = '1d', keep = 31 }]\n"
    db = Server(id=2, name="db")
    declared = config(f'[require]\nretention = "30d"\n[servers.web]\nid = 1\nbackups = [{NIGHTLY}]\n{other}')
    held = [backup(number, age=days(number)) for number in range(1, 33)]
    held += [backup(100 + number, age=days(number), server=db) for number in range(1, 33)]

    plan = make_plan(declared, inventory(*held, servers=(WEB, db)))

    carried_out = {delete.backup.id for delete in plan.deletes if delete.address not in withheld(plan)}
    assert carried_out == {131, 132}


YOUNG = required('min_age = "3d"', '{ description = "nightly", every = "1d", keep = 1 }', more="prune = true")


def test_what_is_young_stays_whatever_else_is_said() -> None:
    held = [backup(number, age=days(number)) for number in range(1, 6)]

    plan = make_plan(
        YOUNG, inventory(*held, backup(8, "by hand", age=days(1)), backup(9, age=days(1), status="failed"))
    )

    young = TooYoung(min_age=Duration(days=3))
    assert {kept.backup.id: kept.reason for kept in plan.kept} == {1: young, 2: young}
    assert [delete.backup.id for delete in plan.deletes] == [5, 4, 3, 9], "at three days it is not younger"
    assert [(entry.backup.id, entry.reason) for entry in plan.unmanaged] == [(8, young)]


def test_a_rule_of_keep_is_the_first_reason() -> None:
    plan = make_plan(YOUNG, inventory(backup(1, age=hours(1)), backup(2, age=hours(2))))

    assert [type(kept.reason) for kept in plan.kept] == [TooYoung, KeptBy]


def test_a_saved_plan_applies_the_limit_again() -> None:
    seen = inventory(*(backup(number, age=days(number)) for number in range(1, 6)))
    plan = parse(dump(make_plan(YOUNG, seen), "1"), "plan.json")
    assert renewed(plan, seen, allowed=9).deletes == plan.deletes

    clock_set_back = replace(seen, observed_at=NOW - days(1))

    with pytest.raises(UserError) as refused:
        renewed(plan, clock_set_back, allowed=9)
    assert refused.value.diagnostics[0].facts == ("web/nightly#3: younger than 3d",)


def test_each_policy_is_judged_once_however_many_servers_have_it() -> None:
    def work(number: int) -> Callable[[], object]:
        policies = "".join(f'[policies.p{each}]\nevery = "1d"\nkeep = {31 + each}\n' for each in range(10))
        servers = "".join(
            f"[servers.s{each}]\nid = {each}\nbackups = [{{ description = 'nightly', policy = 'p{each % 10}' }}]\n"
            for each in range(number)
        )
        declared = config(f'[require]\nevery = "1d"\nretention = "30d"\n{policies}{servers}')
        return lambda: breaches(declared)

    few, many = steps(work(10)), steps(work(1000))

    assert (many - few) / 990 < 30, "lines of Python for a server whose policy has been judged"
    assert few < 200 * 990, "and all ten policies take less than that many servers"
