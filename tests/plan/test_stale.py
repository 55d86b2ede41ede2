"""A saved plan applies exactly or not at all: every way in which the account may have changed meanwhile."""

from dataclasses import dataclass, replace

import pytest
from support.build import backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Server
from reconcile.diagnostics import UserError
from reconcile.plan.model import Delete, Loss, Plan
from reconcile.plan.reasons import Undeclared
from reconcile.plan.stale import check_base_url, renewed

WEB, QUIET, OTHER = Server(id=1, name="web"), Server(id=2, name="quiet"), Server(id=3, name="other")
FILE = config(
    """
    [servers.web]
    id = 1
    prune = "7d"
    backups = [{ description = "nightly", every = "1d", keep = 2 }, { description = "weekly", keep = 1 }]

    [servers.quiet]
    id = 2
    backups = [{ description = "nightly", keep = 1 }]
    """
)
HELD = {
    1: backup(1, age=hours(26)),
    2: backup(2, age=hours(25)),
    3: backup(3, age=hours(40), status="in_progress"),
    4: backup(4, "weekly"),
    5: backup(5, "by hand", age=days(9)),
    6: backup(6, "by hand", age=days(2)),
    7: backup(7, server=QUIET),
    8: backup(8, server=OTHER),
}
PLAN = make_plan(FILE, inventory(*HELD.values(), servers=(WEB, QUIET, OTHER)))


@dataclass(frozen=True)
class Change:
    reason: str
    held: dict[int, Backup]
    servers: tuple[Server, ...] = (WEB, QUIET, OTHER)
    expected: tuple[str, ...] = ()


def without(*ids: int) -> dict[int, Backup]:
    return {id_: each for id_, each in HELD.items() if id_ not in ids}


CHANGES = [
    Change("nothing has changed", HELD),
    Change("one was added", {**HELD, 9: backup(9)}, expected=("web/nightly#9: new, completed",)),
    Change("one that stays is gone", without(2), expected=("web/nightly#2: gone",)),
    Change("one that was to go is gone", without(1), expected=("web/nightly#1: gone",)),
    Change(
        "one has finished",
        {**HELD, 3: backup(3, age=hours(40))},
        expected=(
            "web/nightly#3: size_mb was None, is 1024",
            "web/nightly#3: status was 'in_progress', is 'completed'",
        ),
    ),
    Change(
        "one has failed",
        {**HELD, 3: backup(3, age=hours(40), status="failed")},
        expected=("web/nightly#3: status was 'in_progress', is 'failed'",),
    ),
    Change(
        "one was made at another time",
        {**HELD, 2: backup(2, age=hours(24))},
        expected=("web/nightly#2: created_at was '2026-03-09T11:00:00+00:00', is '2026-03-09T12:00:00+00:00'",),
    ),
    Change(
        "an undeclared one that was to go has another description",
        {**HELD, 5: backup(5, "keep this", age=days(9))},
        expected=("web/by hand#5: description was 'by hand', is 'keep this'",),
    ),
    Change(
        "the server was renamed",
        HELD,
        servers=(Server(id=1, name="www"), QUIET, OTHER),
        expected=("web: name was 'web', is 'www'",),
    ),
    Change("the server is gone", HELD, servers=(QUIET, OTHER), expected=("web: gone",)),
    Change("an undeclared one that was to go is gone", without(5), expected=("web/by hand#5: gone",)),
    Change(
        "two things at once",
        {**without(1), 9: backup(9)},
        expected=("web/nightly#1: gone", "web/nightly#9: new, completed"),
    ),
    Change("a series without actions has another", {**HELD, 9: backup(9, "weekly")}),
    Change("an undeclared one that stays is gone", without(6)),
    Change("a declared server without actions has another", {**HELD, 9: backup(9, server=QUIET)}),
    Change("a server that is not declared has another", {**HELD, 9: backup(9, server=OTHER)}),
    Change("such a server was renamed", HELD, servers=(WEB, QUIET, Server(id=3, name="another"))),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.reason)
def test_a_plan_when(change: Change) -> None:
    seen = inventory(*change.held.values(), servers=change.servers)

    if not change.expected:
        assert replace(renewed(PLAN, seen), loss=PLAN.loss) == PLAN
        return
    with pytest.raises(UserError, match="Saved plan is stale") as stale:
        renewed(PLAN, seen)
    assert stale.value.diagnostics[0].detail == "The account has changed since the plan was created. Create a new plan."
    (error,) = stale.value.diagnostics
    assert [*error.facts] == [f"changed since: {line}" for line in change.expected]


def test_the_plan_has_what_these_tests_are_about() -> None:
    assert sorted(str(action.address) for action in PLAN.actions) == ["web/by hand#5", "web/nightly", "web/nightly#1"]


def test_a_description_that_ends_like_an_id_is_not_mistaken_for_another_backup() -> None:
    declared = declare('{ description = "a", keep = 1 }', server="prune = true")
    held = (backup(1, "a#2", age=days(1)), backup("2#1", "a", age=days(1)), backup(3, "a"))
    plan = make_plan(declared, inventory(*held))
    assert len({str(delete.address) for delete in plan.deletes}) == 1 < len(plan.deletes)

    with pytest.raises(UserError, match="Saved plan is stale") as stale:
        renewed(plan, inventory(*held[1:]))

    assert [*stale.value.diagnostics[0].facts] == ["changed since: web/a#2#1: gone"]


def test_a_token_that_may_not_list_servers_is_no_change() -> None:
    renewed(PLAN, inventory(*HELD.values(), servers=None))
    renewed(make_plan(FILE, inventory(servers=None)), inventory(servers=None))


def test_a_server_whose_key_begins_with_underscores_is_compared_too() -> None:
    plan = make_plan(config('[servers.__web]\nname = "web"\nid = 1\nbackups = [{ description = "x" }]\n'), inventory())

    with pytest.raises(UserError) as stale:
        renewed(plan, inventory(servers=(Server(id=1, name="another"),)))

    assert stale.value.diagnostics[0].facts == ("changed since: __web: name was 'web', is 'another'",)


def test_another_service_is_refused() -> None:
    check_base_url(PLAN, PLAN.base_url)
    with pytest.raises(UserError, match=r"Saved plan is for https://vps.example/api/v1, not for https://else"):
        check_base_url(PLAN, "https://else")


class TestLoss:
    """What may be lost is measured again, on what the account holds now."""

    PRUNING = config(
        '[servers.web]\nid = 1\nprune = true\nbackups = [{ description = "nightly", keep = "all" }]\n'
        '[servers.quiet]\nid = 2\nbackups = [{ description = "nightly", keep = "all" }]\n'
    )
    DOOMED = tuple(backup(number, "x", age=days(number)) for number in range(1, 6))
    ENOUGH = tuple(backup(100 + number, server=QUIET, age=days(number)) for number in range(30))
    NIGHTLY = backup(50)
    PLAN = make_plan(PRUNING, inventory(*DOOMED, *ENOUGH, NIGHTLY, servers=(WEB, QUIET)))

    def test_is_that_of_the_account_now(self) -> None:
        assert self.PLAN.loss == Loss(lost=5, with_data=36, usable=36, limit=7, empties=False)
        seen = inventory(*self.DOOMED, *self.ENOUGH[:-2], self.NIGHTLY, servers=(WEB, QUIET))

        assert renewed(self.PLAN, seen).loss == Loss(lost=5, with_data=34, usable=34, limit=6, empties=False)

    def test_that_is_now_too_much_makes_a_plan_stale(self) -> None:
        seen = inventory(*self.DOOMED, *self.ENOUGH[:2], self.NIGHTLY, servers=(WEB, QUIET))

        with pytest.raises(UserError, match="Saved plan is stale") as stale:
            renewed(self.PLAN, seen)

        assert stale.value.diagnostics[0].summary == "Saved plan is stale; nothing was changed"
        assert "now exceed the limit on loss" in stale.value.diagnostics[0].detail
        assert len(stale.value.diagnostics[0].facts) == 5
        assert renewed(self.PLAN, seen, allowed=5).loss.lost == 5

    def test_of_all_that_is_left_is_too_much_even_if_it_is_one(self) -> None:
        doomed, other = backup(1, "x", age=days(1)), backup(2, server=QUIET)
        file = config("[servers.web]\nid = 1\nprune = true\n[servers.quiet]\nid = 2\n")
        plan = make_plan(file, inventory(doomed, other, servers=(WEB, QUIET)))
        emptied = inventory(doomed, servers=(WEB, QUIET))

        with pytest.raises(UserError, match="Saved plan is stale") as stale:
            renewed(plan, emptied)

        assert [*stale.value.diagnostics[0].facts] == ["web/x#1: would be withheld"]
        assert renewed(plan, emptied, allowed=1).loss.empties

    def test_that_was_too_much_before_is_still_only_withheld(self) -> None:
        seen = inventory(*self.DOOMED, self.NIGHTLY, servers=(WEB, QUIET))
        plan = make_plan(self.PRUNING, seen)

        assert renewed(plan, seen) == plan

    def test_cannot_be_edited_away(self) -> None:
        seen = inventory(*self.DOOMED, self.NIGHTLY, servers=(WEB, QUIET))
        edited = replace(
            make_plan(self.PRUNING, seen), loss=Loss(lost=0, with_data=100, usable=100, limit=20, empties=False)
        )

        with pytest.raises(UserError, match="Saved plan is stale"):
            renewed(edited, seen)


class TestAnEditedPlanThatEmptiesASeries:
    DECLARED = declare(
        '{ description = "nightly", keep = 3 }, { description = "weekly", keep = 1 }', server="prune = true"
    )
    HELD = (backup(1), backup(2, age=days(1)), backup(3, "weekly"), backup(4, "weekly", age=days(1)))
    SEEN = inventory(*HELD)

    def check_refused(self, edited: Plan, *, seen: tuple[Backup, ...] = HELD, key: str = "web/nightly") -> None:
        with pytest.raises(UserError, match="Saved plan is stale") as refused:
            renewed(edited, inventory(*seen), allowed=9)

        assert "the last usable backup of a series" in refused.value.diagnostics[0].detail
        assert [*refused.value.diagnostics[0].facts] == [f"{key}: all 2 usable backups would be deleted"]

    def test_by_the_deletes_of_the_series_is_refused(self) -> None:
        plan = make_plan(self.DECLARED, self.SEEN)
        (server,) = plan.servers
        nightly, weekly = server.series
        deletes = tuple(
            Delete(address=kept.address, backup=kept.backup, reason=weekly.deletes[0].reason) for kept in nightly.kept
        )
        emptied = replace(nightly, deletes=deletes, kept=())

        for series in ((emptied,), (emptied, weekly)):
            self.check_refused(replace(plan, servers=(replace(server, series=series),)))

    def test_as_if_its_backups_were_undeclared_is_refused(self) -> None:
        plan = make_plan(self.DECLARED, self.SEEN, "web/weekly")
        nightly = make_plan(self.DECLARED, self.SEEN, "web/nightly").kept
        (server,) = plan.servers
        pruned = tuple(
            Delete(address=kept.address, backup=kept.backup, reason=Undeclared(age=days(1), prune=None))
            for kept in nightly
        )

        self.check_refused(replace(plan, servers=(replace(server, pruned=pruned),)))

    def test_but_for_a_misdated_one_is_refused(self) -> None:
        misdated = backup(9, age=-days(9))
        plan = make_plan(self.DECLARED, inventory(*self.HELD, misdated))
        (server,) = plan.servers
        nightly, weekly = server.series
        real = tuple(kept for kept in nightly.kept if kept.backup.id != 9)
        deletes = tuple(
            Delete(address=kept.address, backup=kept.backup, reason=weekly.deletes[0].reason) for kept in real
        )
        left = tuple(kept for kept in nightly.kept if kept.backup.id == 9)
        series = (replace(nightly, deletes=deletes, kept=left), weekly)

        self.check_refused(replace(plan, servers=(replace(server, series=series),)), seen=(*self.HELD, misdated))


class TestFleets:
    FILE = config(
        """
        [fleets.west]
        match = "*"
        location = "us-west"
        backups = [{ description = "nightly", every = "1d", keep = 1 }]
        """
    )
    HELD = (backup(1, age=hours(26)),)
    WEST = Server(id=1, name="web", location="us-west", status="active")

    def planned(self) -> Plan:
        return make_plan(self.FILE, inventory(*self.HELD, servers=(self.WEST,)))

    def test_a_server_that_has_left_its_fleet_makes_the_plan_stale(self) -> None:
        moved = inventory(*self.HELD, servers=(replace(self.WEST, location="eu"),))

        with pytest.raises(UserError) as refused:
            renewed(self.planned(), moved)

        assert "changed since: web: location was 'us-west', is 'eu'" in str([*refused.value.diagnostics])

    def test_what_the_fleet_does_not_look_at_may_change(self) -> None:
        stopped = inventory(*self.HELD, servers=(replace(self.WEST, status="stopped"),))

        assert renewed(self.planned(), stopped).actions == self.planned().actions


def test_some_nights_later_where_nothing_is_as_it_was_it_says_what_changed_and_does_not_fail() -> None:
    servers = tuple(Server(id=number, name=f"s{number}") for number in (1, 2))
    numbered = tuple(enumerate(servers, start=1))
    file = config(
        "".join(
            f"[servers.{each.name}]\nid = {each.id}\nbackups = [{{ description = 'x', every = '1d', keep = 2 }}]\n"
            for each in servers
        )
    )
    then = [
        backup(10 * id_ + night, "x", age=days(1 + night), server=each) for id_, each in numbered for night in (1, 2)
    ]
    now = [backup(10 * id_ + night, "x", age=hours(night), server=each) for id_, each in numbered for night in (3, 4)]
    plan = make_plan(file, inventory(*then, servers=servers))

    with pytest.raises(UserError, match="Saved plan is stale") as stale:
        renewed(plan, inventory(*now, servers=servers))

    lines = stale.value.diagnostics[0].facts
    assert "changed since: s1/x#11: gone" in lines
    assert "changed since: s2/x#24: new, completed" in lines
