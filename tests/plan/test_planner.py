"""The rules of the spec's section 3, one by one."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from support.build import NOW, WEB, backup, config, days, declare, hours, inventory

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.diagnostics import UserError
from reconcile.plan.model import Create, Plan
from reconcile.plan.planner import plan
from reconcile.plan.refusals import check_clock

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 2 }')


def actions(made: Plan) -> list[tuple[str, object]]:
    """Return each action as its cause and the id that it is about; None for a create."""
    return [(str(it.cause), None if isinstance(it, Create) else it.backup.id) for it in made.actions]


@dataclass(frozen=True)
class Rule:
    reason: str
    config: Config
    backups: tuple[Backup, ...]
    expected: list[tuple[str, object]]


RULES = [
    Rule("a series without a backup gets one", NIGHTLY, (), [("missing", None)]),
    Rule("a fresh one is enough", NIGHTLY, (backup(1, age=hours(3)),), []),
    Rule("due a tenth of every early, at most an hour: just before", NIGHTLY, (backup(1, age=hours(22.9)),), []),
    Rule(
        "due an hour early for a day, so that no night is skipped",
        NIGHTLY,
        (backup(1, age=hours(23)),),
        [("due", None)],
    ),
    Rule(
        "a tenth is less than an hour where every is short",
        declare('{ description = "nightly", every = "1h" }'),
        (backup(1, age=timedelta(minutes=53)),),
        [],
    ),
    Rule(
        "the same, a minute later",
        declare('{ description = "nightly", every = "1h" }'),
        (backup(1, age=timedelta(minutes=54)),),
        [("due", None), ("retention", 1)],
    ),
    Rule("without every nothing is ever due", declare('{ description = "nightly" }'), (backup(1, age=days(900)),), []),
    Rule("one that is being made counts as there", NIGHTLY, (backup(1, age=hours(1), status="in_progress"),), []),
    Rule("a pending one is enough, it may be queued", NIGHTLY, (backup(1, age=hours(1), status="queued"),), []),
    Rule(
        "a failed one does not count, and goes",
        NIGHTLY,
        (backup(1, age=hours(1), status="failed"),),
        [("missing", None), ("failed", 1)],
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
        [("failed", 3), ("failed", 4)],
    ),
    Rule(
        "a stalled one does not block the schedule, and is never deleted (velero #6193)",
        NIGHTLY,
        (backup(1, age=hours(24), status="in_progress"),),
        [("missing", None)],
    ),
    Rule("not yet stalled", NIGHTLY, (backup(1, age=hours(22), status="in_progress"),), []),
    Rule(
        "a misdated one counts for nothing and takes no real one's place",
        declare('{ description = "nightly", keep = 1 }'),
        (backup(1, age=hours(5)), backup(2, age=-hours(5))),
        [],
    ),
    Rule("only misdated ones are none", NIGHTLY, (backup(1, age=-hours(5)),), [("missing", None)]),
    Rule("ten minutes ahead is age zero", NIGHTLY, (backup(1, age=-timedelta(minutes=10)),), []),
    Rule(
        "an unknown status stops all deletes of its series",
        declare('{ description = "nightly", keep = 1 }'),
        (backup(1, age=days(3)), backup(2, age=days(2), status="failed"), backup(3, status="archiving")),
        [],
    ),
    Rule("an unknown one counts as there", NIGHTLY, (backup(3, age=hours(2), status="archiving"),), []),
    Rule(
        "pinned ones count for keep, and stay",
        declare('{ description = "nightly", keep = 1 }', server="pinned = [1]"),
        (backup(1, age=days(3)), backup(2, age=days(2)), backup(3, age=days(1))),
        [("retention", 2)],
    ),
    Rule(
        "a pinned failed one stays",
        declare('{ description = "nightly" }', server="pinned = [2]"),
        (backup(1), backup(2, status="failed")),
        [],
    ),
    Rule("undeclared ones stay unless pruned", declare(""), (backup(1, "by hand", age=days(900)),), []),
    Rule(
        "prune = true takes usable and failed ones, nothing else",
        declare("", server="prune = true"),
        (
            backup(1, "x", age=days(4)),
            backup(2, None, age=days(3), status="failed"),
            backup(3, "x", age=days(2), status="queued"),
            backup(4, "x", age=days(1), status="archiving"),
        ),
        [("undeclared", 1), ("undeclared", 2)],
    ),
    Rule(
        "an age takes what is as old",
        declare("", server='prune = "7d"'),
        (backup(1, "x", age=days(7)), backup(2, "x", age=days(6.9))),
        [("undeclared", 1)],
    ),
    Rule("a pinned one is not pruned", declare("", server="prune = true\npinned = [1]"), (backup(1, "x"),), []),
    Rule(
        "a server's prune overrides the settings'",
        declare("", server="prune = false", settings="prune = true"),
        (backup(1, "x"),),
        [],
    ),
    Rule(
        "another code point is another series",
        declare('{ description = "café" }', server="prune = true"),
        (backup(1, "cafe\u0301"),),
        [("missing", None), ("undeclared", 1)],
    ),
    Rule(
        "deletes run from the oldest to the newest",
        declare('{ description = "nightly" }'),
        (backup(3, age=days(1)), backup(1), backup(2, age=days(2))),
        [("retention", 2), ("retention", 3)],
    ),
    Rule(
        "of two made in the same second the later id is the newer",
        declare('{ description = "nightly" }'),
        (backup(10), backup(9)),
        [("retention", 9)],
    ),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.reason)
def test_rule(rule: Rule) -> None:
    assert actions(plan(rule.config, inventory(*rule.backups), NOW)) == rule.expected, rule.reason


def test_every_backup_is_accounted_for_with_words() -> None:
    held = (
        backup(1, age=hours(1)),
        backup(2, age=hours(2), status="in_progress"),
        backup(3, age=days(9), status="in_progress"),
        backup(4, age=-days(1)),
        backup(5, "x"),
    )

    made = plan(NIGHTLY, inventory(*held), NOW)

    assert {it.backup.id: it.words for it in made.kept} == {
        1: "last=2",
        2: "in_progress for 2h",
        3: "stalled: in_progress for 9d",
        4: "dated in the future: 2026-03-11 12:00",
    }
    (by_hand,) = made.unmanaged
    assert (by_hand.backup.id, by_hand.words, by_hand.prune_at) == (5, "never pruned: prune = false", None)
    assert [it.address for it in made.warnings] == ["web/nightly#3", "web/nightly#4"]


def test_unmanaged_ones_say_when_they_will_be_pruned() -> None:
    made = plan(declare("", server='prune = "7d"'), inventory(backup(1, "x", age=days(5))), NOW)

    assert made.unmanaged[0].prune_at == NOW + days(2)
    assert made.unmanaged[0].words == "pruned after 7d, at 2026-03-12 12:00"


def test_a_create_says_how_old_the_newest_is() -> None:
    made = plan(NIGHTLY, inventory(backup(1, age=hours(26))), NOW)

    assert made.creates[0].words == "newest is 1d 2h old, due every 1d"


def test_a_month_is_one_of_the_calendar() -> None:
    monthly = declare('{ description = "nightly", every = "1mo", keep = "all" }')

    assert not plan(monthly, inventory(backup(1, age=days(27.5))), NOW).actions
    assert plan(monthly, inventory(backup(1, age=days(28))), NOW).actions


def test_servers_that_are_not_in_the_file_are_never_touched() -> None:
    other = Server(id=2, name="other")
    pruning = declare("", settings="prune = true")

    made = plan(pruning, inventory(backup(1, server=other), servers=(WEB, other)), NOW)

    assert not made.actions
    assert not made.unmanaged


class TestRefusals:
    def refusal(self, config: Config, seen: Inventory) -> str:
        with pytest.raises(UserError) as refused:
            plan(config, seen, NOW)
        return "\n".join(f"{it.summary}\n{it.detail}" for it in refused.value.diagnostics)

    def test_an_id_that_the_account_lacks(self) -> None:
        seen = inventory(servers=(Server(id=7, name="web"),))

        said = self.refusal(NIGHTLY, seen)

        assert "servers.web: the account has no server with the id 1" in said
        assert "The server called 'web' has the id 7" in said

    def test_an_id_in_quotes(self) -> None:
        said = self.refusal(NIGHTLY, inventory(servers=(Server(id="1", name="web"),)))

        assert "Write id = '1'" in said

    def test_another_name_says_both_and_how_to_confirm(self) -> None:
        said = self.refusal(NIGHTLY, inventory(servers=(Server(id=1, name="db"),)))

        assert "the account calls the server 1 'db', not 'web'" in said
        assert "name = 'db'" in said

    def test_without_the_list_of_servers_the_backups_own_names_are_checked(self) -> None:
        renamed = backup(1, server=Server(id=1, name="db"))

        assert "calls the server 1 'db', not 'web'" in self.refusal(NIGHTLY, inventory(renamed, servers=None))

    def test_without_both_it_is_a_note(self) -> None:
        made = plan(NIGHTLY, inventory(servers=None), NOW)

        assert made.creates
        assert "Not checked, for want of a backup: web." in made.warnings[0].detail

    def test_all_at_once(self) -> None:
        two = config("[servers.a]\nid = 1\n[servers.b]\nid = 2\n")

        with pytest.raises(UserError) as refused:
            plan(two, inventory(servers=()), NOW)

        assert len(refused.value.diagnostics) == 2

    @pytest.mark.parametrize("minutes", [-11, 11])
    def test_a_clock_that_is_off(self, minutes: int) -> None:
        seen = inventory()
        skewed = Inventory(
            base_url=seen.base_url,
            servers=seen.servers,
            backups=(),
            observed_at=NOW + timedelta(minutes=minutes),
            service_time=NOW,
        )

        with pytest.raises(UserError, match=r"11min (ahead of|behind) the service's"):
            check_clock(skewed)

    def test_a_clock_that_is_a_little_off_is_fine(self) -> None:
        check_clock(inventory())


class TestTargets:
    TWO = config(
        '[settings]\nprune = true\n[servers.web]\nid = 1\nbackups = [{ description = "a" }, { description = "b/c" }]\n'
        '[servers.db]\nid = 2\nbackups = [{ description = "a" }]\n'
    )
    SEEN = inventory(backup(1, "old"), servers=(WEB, Server(id=2, name="db")))

    def addresses(self, *targets: str) -> list[str]:
        return [str(it.address) for it in plan(self.TWO, self.SEEN, NOW, targets).actions]

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

        assert [it.summary for it in refused.value.diagnostics] == ["--target 'wbe/*' matches nothing"]

    def test_what_is_not_meant_is_not_checked_either(self) -> None:
        seen = inventory(servers=(WEB,))

        assert plan(self.TWO, seen, NOW, ("web",)).creates


def test_a_pin_that_the_account_lacks_is_a_warning() -> None:
    made = plan(declare("", server="pinned = [77]"), inventory(), NOW)

    assert made.warnings[0].summary == "pinned backup 77 is not there"


@pytest.mark.parametrize(
    ("pending", "waited_for"),
    [
        ((backup(2, age=timedelta(minutes=5), status="in_progress"),), [2]),
        ((backup(2, age=timedelta(minutes=61), status="in_progress"),), []),
        ((backup(2, age=timedelta(minutes=5), status="archiving"),), []),
        ((backup(2, age=timedelta(minutes=5), status="failed"),), []),
        ((backup(2, "weekly", age=timedelta(minutes=5), status="in_progress"),), []),
    ],
)
def test_what_is_under_way_is_waited_for_where_it_takes_an_older_ones_place(
    pending: tuple[Backup, ...], waited_for: list[int]
) -> None:
    series = '{ description = "nightly", every = "1d", keep = 1 }, { description = "weekly" }'

    made = plan(declare(series), inventory(backup(1, age=hours(20)), *pending), NOW)

    assert [it.id for it in made.under_way] == waited_for


def test_nothing_is_waited_for_where_there_is_room_for_both() -> None:
    held = (backup(1, age=hours(20)), backup(2, age=hours(0.1), status="in_progress"))

    assert plan(NIGHTLY, inventory(*held), NOW).under_way == ()
