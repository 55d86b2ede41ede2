"""A saved plan applies exactly or not at all: every way in which the account may have changed meanwhile."""

from dataclasses import dataclass

import pytest
from support.build import NOW, backup, config, days, hours, inventory

from reconcile.actual.inventory import Backup, Server
from reconcile.diagnostics import UserError
from reconcile.plan.planner import plan
from reconcile.plan.stale import check_base_url, check_fresh

WEB, QUIET, OTHER = Server(id=1, name="web"), Server(id=2, name="quiet"), Server(id=3, name="other")
FILE = config(
    """
    [servers.web]
    id = 1
    prune = "7d"
    backups = [{ description = "nightly", every = "1d", keep = 2 }, { description = "weekly" }]

    [servers.quiet]
    id = 2
    backups = [{ description = "nightly" }]
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
PLAN = plan(FILE, inventory(*HELD.values(), servers=(WEB, QUIET, OTHER)), NOW)


@dataclass(frozen=True)
class Change:
    reason: str
    held: dict[int, Backup]
    servers: tuple[Server, ...] = (WEB, QUIET, OTHER)
    told: tuple[str, ...] = ()


def without(*ids: int) -> dict[int, Backup]:
    return {id_: it for id_, it in HELD.items() if id_ not in ids}


CHANGES = [
    Change("nothing has changed", HELD),
    Change("one was added", {**HELD, 9: backup(9)}, told=("web/nightly#9: new, completed",)),
    Change("one that stays is gone", without(2), told=("web/nightly#2: gone",)),
    Change("one that was to go is gone", without(1), told=("web/nightly#1: gone",)),
    Change(
        "one has finished",
        {**HELD, 3: backup(3, age=hours(40))},
        told=("web/nightly#3: size_mb was None, is 1024", "web/nightly#3: status was 'in_progress', is 'completed'"),
    ),
    Change(
        "one has failed",
        {**HELD, 3: backup(3, age=hours(40), status="failed")},
        told=("web/nightly#3: status was 'in_progress', is 'failed'",),
    ),
    Change(
        "the server was renamed",
        HELD,
        servers=(Server(id=1, name="www"), QUIET, OTHER),
        told=("web: name was 'web', is 'www'",),
    ),
    Change("the server is gone", HELD, servers=(QUIET, OTHER), told=("web: name was 'web', is None",)),
    Change("an undeclared one that was to go is gone", without(5), told=("web/by hand#5: gone",)),
    Change(
        "two things at once",
        {**without(1), 9: backup(9)},
        told=("web/nightly#1: gone", "web/nightly#9: new, completed"),
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

    if not change.told:
        check_fresh(PLAN, seen)
        return
    with pytest.raises(UserError, match="Saved plan is stale") as stale:
        check_fresh(PLAN, seen)
    assert [it.summary for it in stale.value.diagnostics[1:]] == [f"changed since: {it}" for it in change.told]


def test_the_plan_has_what_these_tests_are_about() -> None:
    assert sorted(str(it.address) for it in PLAN.actions) == ["web/by hand#5", "web/nightly", "web/nightly#1"]


def test_a_token_that_may_not_list_servers_is_no_change() -> None:
    check_fresh(PLAN, inventory(*HELD.values(), servers=None))


def test_another_service_is_refused() -> None:
    check_base_url(PLAN, PLAN.base_url)
    with pytest.raises(UserError, match=r"Saved plan is for https://vps.example/api/v1, and not for https://else"):
        check_base_url(PLAN, "https://else")
