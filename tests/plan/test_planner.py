"""The rules of the spec's section 3, one by one."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory, last, make_plan

from reconcile.actual.inventory import Backup, Server
from reconcile.addresses import Descriptions
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.durations import Duration
from reconcile.plan.model import Create, Plan
from reconcile.plan.reasons import (
    Due,
    Exemption,
    Failed,
    KeptBy,
    KeptRule,
    Missing,
    NotKept,
    PrunedLater,
    Undeclared,
)

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 2 }')
LAST = declare('{ description = "nightly", keep = 1 }')
A_DAY, AN_HOUR, A_WEEK = Duration(days=1), Duration(seconds=3600), Duration(days=7)
NOT_KEPT = NotKept(keep=last(1))
MISSING, MISSING_WITH_OTHERS = Missing(has_others=False), Missing(has_others=True)


def actions(plan: Plan) -> list[tuple[object, object]]:
    """Return each action as the id that it is about, None for a create, and its reason."""
    return [(None if isinstance(action, Create) else action.backup.id, action.reason) for action in plan.actions]


@dataclass(frozen=True)
class Rule:
    reason: str
    config: Config
    backups: tuple[Backup, ...]
    expected: list[tuple[object, object]] = field(default_factory=list)


RULES = [
    Rule("a series without a backup gets one", NIGHTLY, (), [(None, MISSING)]),
    Rule("a fresh one is enough", NIGHTLY, (backup(1, age=hours(3)),)),
    Rule(
        "due a tenth of every early, at most an hour: a minute before",
        declare('{ description = "nightly", every = "24h", keep = 1 }'),
        (backup(1, age=hours(23) - timedelta(minutes=1)),),
    ),
    Rule(
        "the same, a minute later",
        declare('{ description = "nightly", every = "24h", keep = 1 }'),
        (backup(1, age=hours(23)),),
        [(None, Due(age=hours(23), every=Duration(seconds=24 * 3600))), (1, NOT_KEPT)],
    ),
    Rule("not due twice on one day", NIGHTLY, (backup(1, age=hours(18)),)),
    Rule(
        "due on the day after, however short the time between: it is noon, and a day starts at 18:00",
        NIGHTLY,
        (backup(1, age=hours(18) + timedelta(minutes=1)),),
        [(None, Due(age=hours(18) + timedelta(minutes=1), every=A_DAY))],
    ),
    Rule(
        "a tenth is less than an hour if every is short: a second before",
        declare('{ description = "nightly", every = "1h", keep = 1 }'),
        (backup(1, age=timedelta(minutes=53, seconds=59)),),
    ),
    Rule(
        "the same, a second later",
        declare('{ description = "nightly", every = "1h", keep = 1 }'),
        (backup(1, age=timedelta(minutes=54)),),
        [(None, Due(age=timedelta(minutes=54), every=AN_HOUR)), (1, NOT_KEPT)],
    ),
    Rule("without every nothing is ever due", LAST, (backup(1, age=days(900)),)),
    Rule("one in progress counts as there", NIGHTLY, (backup(1, age=hours(1), status="in_progress"),)),
    Rule("a pending one is enough, it may be queued", NIGHTLY, (backup(1, age=hours(1), status="queued"),)),
    Rule(
        "a failed one does not count, and goes",
        NIGHTLY,
        (backup(1, age=hours(1), status="failed"),),
        [(None, MISSING_WITH_OTHERS), (1, Failed(status="failed"))],
    ),
    Rule(
        "failed ones never count for retention (xen-orchestra #2524)",
        NIGHTLY,
        (
            backup(1, age=hours(3)),
            backup(2, age=hours(2)),
            backup(3, age=hours(1), status="failed"),
            backup(4, status="error"),
        ),
        [(3, Failed(status="failed")), (4, Failed(status="error"))],
    ),
    Rule(
        "a stalled one does not block the schedule, and is never deleted (velero #6193)",
        NIGHTLY,
        (backup(1, age=hours(24), status="in_progress"),),
        [(None, MISSING_WITH_OTHERS)],
    ),
    Rule(
        "not yet stalled, but due",
        NIGHTLY,
        (backup(1, age=hours(23.9), status="in_progress"),),
        [(None, Due(age=hours(23.9), every=A_DAY))],
    ),
    Rule(
        "a misdated one does not count and takes no real one's place",
        LAST,
        (backup(1, age=hours(5)), backup(2, age=-hours(5))),
    ),
    Rule("only misdated ones are none", NIGHTLY, (backup(1, age=-hours(5)),), [(None, MISSING)]),
    Rule("a misdated failed one stays too", LAST, (backup(1), backup(2, age=-hours(5), status="failed"))),
    Rule("ten minutes ahead is age zero", NIGHTLY, (backup(1, age=-timedelta(minutes=10)),)),
    Rule(
        "a second more is misdated",
        NIGHTLY,
        (backup(1, age=-timedelta(minutes=10, seconds=1)),),
        [(None, MISSING)],
    ),
    Rule(
        "an unknown status stops all deletes of its series",
        LAST,
        (backup(1, age=days(3)), backup(2, age=days(2), status="failed"), backup(3, status="archiving")),
    ),
    Rule("an unknown one counts as there", NIGHTLY, (backup(3, age=hours(2), status="archiving"),)),
    Rule(
        "an unknown one stops no create",
        NIGHTLY,
        (backup(1, age=days(9)), backup(2, age=days(8)), backup(3, age=days(2), status="archiving")),
        [(None, Due(age=days(2), every=A_DAY))],
    ),
    Rule(
        "a misdated unknown one stops nothing",
        LAST,
        (backup(1, age=days(3)), backup(2, age=days(2)), backup(3, age=-days(1), status="archiving")),
        [(1, NOT_KEPT)],
    ),
    Rule(
        "pinned ones count for keep, and stay",
        declare('{ description = "nightly", keep = 1 }', server="pinned = [1]"),
        (backup(1, age=days(3)), backup(2, age=days(2)), backup(3, age=days(1))),
        [(2, NOT_KEPT)],
    ),
    Rule(
        "a pinned failed one stays",
        declare('{ description = "nightly", keep = 1 }', server="pinned = [2]"),
        (backup(1), backup(2, status="failed")),
    ),
    Rule("undeclared ones stay unless pruned", declare(""), (backup(1, "by hand", age=days(900)),)),
    Rule(
        "prune = true takes usable and failed ones, nothing else",
        declare("", server="prune = true"),
        (
            backup(1, "x", age=days(4)),
            backup(2, None, age=days(3), status="failed"),
            backup(3, "x", age=days(2), status="queued"),
            backup(4, "x", age=days(1), status="archiving"),
            backup(5, "x", age=-days(1)),
        ),
        [(1, Undeclared(age=days(4), prune=None)), (2, Undeclared(age=days(3), prune=None))],
    ),
    Rule(
        "an age takes what is exactly as old",
        declare("", server='prune = "7d"'),
        (backup(1, "x", age=days(7)), backup(2, "x", age=days(7) - timedelta(seconds=1))),
        [(1, Undeclared(age=days(7), prune=A_WEEK))],
    ),
    Rule("a pinned one is not pruned", declare("", server="prune = true\npinned = [1]"), (backup(1, "x"),)),
    Rule(
        "a server's prune overrides the settings'",
        declare("", server="prune = false", settings="prune = true"),
        (backup(1, "x"),),
    ),
    Rule(
        "another code point is another series",
        declare('{ description = "café", keep = 1 }', server="prune = true"),
        (backup(1, "cafe\u0301"),),
        [(None, MISSING), (1, Undeclared(age=days(0), prune=None))],
    ),
    Rule(
        "deletes run from the oldest to the newest",
        LAST,
        (backup(3, age=days(1)), backup(1), backup(2, age=days(2))),
        [(2, NOT_KEPT), (3, NOT_KEPT)],
    ),
    Rule("of two made in the same second the later id is the newer", LAST, (backup(10), backup(9)), [(9, NOT_KEPT)]),
    Rule(
        "automatic ones are never looked at",
        declare('{ description = "nightly", keep = 1 }', server="prune = true"),
        (backup(1, age=days(1), backup_type="automatic"), backup(2, "x", backup_type="")),
        [(None, MISSING)],
    ),
    Rule(
        "a month is one of the calendar: from the day that started on 9 February to that of 9 March",
        declare('{ description = "nightly", every = "1mo", keep = "all" }'),
        (backup(1, age=days(27) + hours(18) + timedelta(seconds=1)),),
        [(None, Due(age=days(27) + hours(18) + timedelta(seconds=1), every=Duration(months=1)))],
    ),
    Rule(
        "the same, a second later",
        declare('{ description = "nightly", every = "1mo", keep = "all" }'),
        (backup(1, age=days(27) + hours(18)),),
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason)
def test_rule(rule: Rule) -> None:
    assert actions(make_plan(rule.config, inventory(*rule.backups))) == rule.expected, rule.reason


def test_every_backup_that_stays_has_its_reason() -> None:
    held = (
        backup(1, age=hours(1)),
        backup(2, age=hours(2), status="in_progress"),
        backup(3, age=days(9), status="in_progress"),
        backup(4, age=-days(1)),
        backup(5, age=hours(5)),
        backup(6, "x"),
        backup(7, "x", age=hours(1), status="archiving"),
    )

    plan = make_plan(declare('{ description = "nightly", keep = 2 }', server="pinned = [5]"), inventory(*held))

    assert {kept.backup.id: kept.reason for kept in plan.kept} == {
        1: KeptBy(rules=(KeptRule(rule=last(2)[0], is_oldest=False),)),
        2: Exemption.IN_PROGRESS,
        3: Exemption.STALLED,
        4: Exemption.MISDATED,
        5: Exemption.PINNED,
    }
    assert {entry.backup.id: entry.reason for entry in plan.unmanaged} == {
        6: Exemption.NOT_PRUNED,
        7: Exemption.UNKNOWN_STATUS,
    }


def test_what_an_unknown_one_keeps_says_so() -> None:
    held = (backup(1, age=days(2)), backup(2, age=days(1), status="failed"), backup(3, status="archiving"))

    plan = make_plan(LAST, inventory(*held))

    assert [kept.reason for kept in plan.kept] == [
        KeptBy(rules=(KeptRule(rule=last(1)[0], is_oldest=False),)),
        Exemption.BESIDE_UNKNOWN,
        Exemption.UNKNOWN_STATUS,
    ]


def test_unmanaged_ones_say_when_they_will_be_pruned() -> None:
    plan = make_plan(declare("", server='prune = "7d"'), inventory(backup(1, "x", age=days(5))))

    assert [entry.reason for entry in plan.unmanaged] == [PrunedLater(prune=A_WEEK, at=NOW + days(2))]


def test_unmanaged_ones_are_not_pruned_before_min_age_allows_it() -> None:
    files = '[require]\nmin_age = "9d"\n[servers.web]\nid = 1\nprune = "7d"\nbackups = []\n'
    plan = make_plan(
        config(files), inventory(backup(1, "x", age=days(5)), backup(2, "x", age=days(5), status="failed"))
    )

    assert {entry.backup.id: entry.reason for entry in plan.unmanaged} == {
        1: PrunedLater(prune=A_WEEK, at=NOW + days(4)),
        2: PrunedLater(prune=A_WEEK, at=NOW + days(2)),
    }


def test_servers_that_are_not_in_the_file_are_never_touched() -> None:
    other = Server(id=2, name="other")
    pruning = declare("", settings="prune = true")

    plan = make_plan(pruning, inventory(backup(1, server=other), servers=(WEB, other)))

    assert not plan.actions
    assert not plan.unmanaged


class TestTargets:
    TWO = config(
        '[settings]\nprune = true\n[servers.web]\nid = 1\nbackups = [{ description = "a" }, { description = "b/c" }]\n'
        '[servers.db]\nid = 2\nbackups = [{ description = "a", keep = 1 }]\n'
    )
    SEEN = inventory(backup(1, "old"), servers=(WEB, Server(id=2, name="db")))

    def addresses(self, *targets: str) -> list[str]:
        return [str(action.address) for action in make_plan(self.TWO, self.SEEN, *targets).actions]

    @pytest.mark.parametrize(
        ("target", "expected"),
        [
            ("web", ["web/a", "web/b/c", "web/old#1"]),
            ("web/a", ["web/a"]),
            ("*/a", ["web/a", "db/a"]),
            ("web/b/c", ["web/b/c"]),
            ("web/o*", ["web/old#1"]),
            ("d?", ["db/a"]),
        ],
    )
    def test_a_glob_on_addresses(self, target: str, expected: list[str]) -> None:
        assert self.addresses(target) == expected

    def test_several_add_up(self) -> None:
        assert self.addresses("db", "web/a") == ["web/a", "db/a"]

    def test_one_that_matches_nothing_is_an_error_also_beside_one_that_does(self) -> None:
        with pytest.raises(UserError) as refused:
            self.addresses("web", "wbe/*")

        assert [error.summary for error in refused.value.diagnostics] == ["--target 'wbe/*' matches nothing"]

    @pytest.mark.parametrize(
        ("target", "advice"),
        [
            ("wbe", 'Did you mean "web"?'),
            ("web/aa", 'Did you mean "web/a"?'),
            ("xyz", "Write SERVER, SERVER/DESCRIPTION"),
        ],
    )
    def test_one_that_is_mistyped_is_answered_with_what_was_meant(self, target: str, advice: str) -> None:
        with pytest.raises(UserError) as refused:
            self.addresses(target)

        assert refused.value.diagnostics[0].detail.startswith(advice)

    def test_what_is_not_selected_is_not_checked_either(self) -> None:
        plan = make_plan(self.TWO, inventory(servers=(WEB,)), "web")

        assert plan.creates
        assert not plan.errors

    def test_the_plan_knows_the_series_that_it_leaves_out(self) -> None:
        (server,) = make_plan(self.TWO, self.SEEN, "web/a").servers

        assert server.declared == (Descriptions("a"), Descriptions("b/c"))
        assert [str(series.address) for series in server.series] == ["web/a"]


@dataclass(frozen=True)
class InProgressCase:
    reason: str
    pending: tuple[Backup, ...]
    awaited: list[object]
    server: str = ""


@pytest.mark.parametrize(
    "case",
    [
        InProgressCase("completed, it takes an older one's place", (backup(2, age=hours(0.1), status="queued"),), [2]),
        InProgressCase("an hour old, it may be stuck", (backup(2, age=hours(1), status="queued"),), []),
        InProgressCase("unknown is not in progress", (backup(2, age=hours(0.1), status="archiving"),), []),
        InProgressCase("failed is over", (backup(2, age=hours(0.1), status="failed"),), []),
        InProgressCase(
            "an unknown one keeps everything anyway",
            (backup(2, age=hours(0.1), status="queued"), backup(3, age=hours(2), status="archiving")),
            [],
        ),
        InProgressCase("nothing of weekly would go", (backup(2, "weekly", age=hours(0.1), status="queued"),), []),
        InProgressCase(
            "what is pruned waits for the first backup of a series",
            (backup(2, "monthly", age=hours(0.1), status="queued"), backup(3, "x", age=days(9))),
            [2],
            server="prune = true",
        ),
        InProgressCase(
            "what is pruned waits for no other backup",
            (backup(2, "weekly", age=hours(0.1), status="queued"), backup(3, "x", age=days(9))),
            [],
            server="prune = true",
        ),
        InProgressCase(
            "under a pause nothing is deleted, whatever completes",
            (backup(2, age=hours(0.1), status="queued"), backup(3, "x", age=days(9))),
            [],
            server='prune = true\npause = { until = 2026-04-01, reason = "moving" }',
        ),
    ],
    ids=lambda case: case.reason,
)
def test_backups_in_progress_are_awaited(case: InProgressCase) -> None:
    series = (
        '{ description = "nightly", every = "1d", keep = 1 }, { description = "weekly", keep = 2 },'
        '{ description = "monthly", keep = 2 }'
    )
    held = (backup(1, age=hours(20)), backup(10, "weekly", age=days(3)), *case.pending)

    plan = make_plan(declare(series, server=case.server), inventory(*held))

    assert [awaited.id for awaited in plan.awaited] == case.awaited


def test_a_backup_in_progress_is_not_awaited_for_deletes_that_depend_on_an_unconfirmed_clock() -> None:
    held = (backup(1, age=hours(20)), backup(2, age=hours(0.1), status="queued"), backup(3, "x", age=days(9)))
    declared = declare(
        '{ description = "nightly", keep = 1 }', server='prune = "1d"', settings='[require]\nmin_age = "2h"'
    )
    seen = inventory(*held)

    assert [each.id for each in make_plan(declared, seen).awaited] == [2]
    assert make_plan(declared, replace(seen, service_time=None)).awaited == ()


def test_nothing_is_awaited_where_there_is_room_for_both() -> None:
    held = (backup(1, age=hours(20)), backup(2, age=hours(0.1), status="in_progress"))

    assert make_plan(NIGHTLY, inventory(*held)).awaited == ()


def test_a_file_without_a_series_is_warned_about_whatever_the_targets() -> None:
    without = declare("")
    elsewhere = config("[servers.web]\nid = 1\n[servers.db]\nid = 7\nbackups = [{ description = 'nightly', keep = 1 }]")

    assert [warning.summary for warning in make_plan(without, inventory()).warnings] == ["no series is declared"]
    assert [warning.summary for warning in make_plan(without, inventory(), "web").warnings] == ["no series is declared"]
    assert make_plan(elsewhere, inventory(servers=(WEB, Server(id=7, name="db"))), "web").warnings == ()


def test_what_is_odd_about_a_backup_is_a_warning() -> None:
    held = (
        backup(1, age=-days(1)),
        backup(2, age=days(3), status="in_progress"),
        backup(3, age=hours(1), status="archiving"),
        backup(4, "x", age=days(3), status="in_progress"),
        backup(5, "x", status="archiving"),
    )

    plan = make_plan(declare('{ description = "nightly", keep = 1 }', server="pinned = [77]"), inventory(*held))

    assert [(warning.address, warning.summary) for warning in plan.warnings] == [
        ("web", "pinned backup 77 does not exist"),
        ("web/nightly#2", "stalled: in progress for 3d"),
        ("web/nightly#3", "unknown status 'archiving'"),
        ("web/nightly#1", "dated 1d in the future"),
        ("web/x#4", "stalled: in progress for 3d"),
    ]


@pytest.mark.parametrize("status", ["deleting", "deleted", "pending_deletion", "removing", "removed"])
def test_a_backup_that_is_being_deleted_counts_for_nothing_and_is_not_deleted_again(status: str) -> None:
    held = (backup(1, age=hours(1), status=status), backup(2, "other", age=hours(1), status=status))

    declared = declare('{ description = "nightly", every = "1d", keep = 1 }', settings="prune = true")
    plan = make_plan(declared, inventory(*held))

    assert [str(create.address) for create in plan.creates] == ["web/nightly"]
    assert (plan.deletes, plan.kept, plan.unmanaged, plan.warnings) == ((), (), (), ())
