"""How much may go without a person's consent (spec, section 6), and what is withheld."""

from dataclasses import replace

import pytest
from support.build import WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, Server
from reconcile.ids import Id, id_order
from reconcile.plan.model import Loss, Plan
from reconcile.plan.safety import withheld

FORTY = tuple(Server(id=number, name=f"s{number}") for number in range(1, 41))


def fleet(keep: int) -> str:
    table = '[servers.s{0}]\nid = {0}\nbackups = [{{ description = "nightly", every = "1d", keep = {1} }}]\n'
    return "".join(table.format(server.id, keep) for server in FORTY)


def nights(number: int, *, age: float = 1 / 24) -> tuple[Backup, ...]:
    """Return so many nights on each of the forty servers, the newest `age` days old."""
    return tuple(
        backup(server.id * 1000 + night, age=days(night + age), server=server)  # type: ignore[operator] # whole numbers
        for server in FORTY
        for night in range(number)
    )


def withheld_ids(plan: Plan, allowed: int = 0) -> list[Id]:
    return sorted((address.id for address in withheld(plan, allowed)), key=id_order)


def test_a_typo_in_keep_on_forty_servers_is_withheld() -> None:
    plan = make_plan(config(fleet(3)), inventory(*nights(30), servers=FORTY))

    assert plan.loss == Loss(lost=40 * 27, with_data=1200, usable=1200, limit=240, empties=False)
    assert len(withheld(plan)) == 40 * 27
    assert len(withheld(plan, 40 * 27 - 1)) == 40 * 27
    assert withheld(plan, 40 * 27) == {}


def test_a_typo_in_min_size_on_forty_servers_is_withheld() -> None:
    settings = '[settings]\nmin_size = "10GiB"\n'

    plan = make_plan(config(settings + fleet(30)), inventory(*nights(30), servers=FORTY))

    assert plan.loss == Loss(lost=40 * 29, with_data=1200, usable=0, limit=240, empties=False)
    assert len(plan.deletes) == len(withheld(plan)) == 40 * 29


def test_a_service_that_lists_good_backups_as_failed_for_a_night_is_withheld() -> None:
    held = (replace(each, status="failed") for each in nights(30))

    plan = make_plan(config(fleet(30)), inventory(*held, servers=FORTY))

    assert plan.loss == Loss(lost=40 * 29, with_data=1200, usable=0, limit=240, empties=False)
    assert (len(plan.deletes), len(withheld(plan))) == (40 * 30, 40 * 29)


def test_an_empty_backup_each_night_never_trips_it() -> None:
    held = (replace(each, size_mb=0) for each in nights(2, age=1))

    plan = make_plan(config(fleet(7)), inventory(*held, servers=FORTY))

    assert (len(plan.creates), len(plan.deletes), plan.loss.lost) == (40, 40, 0)
    assert withheld(plan) == {}


def test_rotation_never_trips_it() -> None:
    plan = make_plan(config(fleet(7)), inventory(*nights(7, age=1), servers=FORTY))

    assert (len(plan.creates), len(plan.deletes), plan.loss.lost) == (40, 40, 0)
    assert withheld(plan) == {}


@pytest.mark.parametrize(("gone", "is_withheld"), [(3, False), (4, True)])
def test_three_may_always_go(gone: int, is_withheld: bool) -> None:  # noqa: FBT001 - the expected value
    held = [backup(number, age=days(number)) for number in range(1, gone + 2)]

    plan = make_plan(declare('{ description = "nightly", keep = 1 }'), inventory(*held))

    assert (plan.loss.lost, bool(withheld(plan))) == (gone, is_withheld)


@pytest.mark.parametrize(("percent", "is_withheld"), [(39, True), (40, False)])
def test_the_share_may_be_reached_and_not_passed(percent: int, is_withheld: bool) -> None:  # noqa: FBT001 - as above
    held = [backup(number, age=days(number)) for number in range(1, 11)]
    settings = f'max_shrink = "{percent}%"'

    plan = make_plan(declare('{ description = "nightly", keep = 6 }', settings=settings), inventory(*held))

    assert (plan.loss.lost, bool(withheld(plan))) == (4, is_withheld)


class TestWhatIsWithheld:
    FILE = (
        '{ description = "shrinks", every = "1d", keep = 1 }, { description = "rotates", every = "1d", keep = 1 },'
        '{ description = "fails", keep = 9 }'
    )
    HELD = (
        *(backup(number, "shrinks", age=days(number)) for number in range(1, 8)),
        backup(20, "shrinks", age=days(9), status="failed"),
        backup(30, "rotates", age=days(1)),
        backup(40, "fails", age=days(2)),
        backup(41, "fails", age=days(1), status="failed"),
        backup(50, "by hand", age=days(3)),
        backup(51, "by hand", age=days(3), status="failed"),
    )

    def test_is_what_loses_and_nothing_else(self) -> None:
        plan = make_plan(declare(self.FILE, server="prune = true"), inventory(*self.HELD))

        # Six of shrinks go for good. The oldest, #7, goes for the new one: withheld too, they would pile up.
        assert plan.loss == Loss(lost=7, with_data=10, usable=10, limit=3, empties=False)
        assert withheld_ids(plan) == [1, 2, 3, 4, 5, 6, 50]
        assert {delete.backup.id for delete in plan.deletes} == {*range(1, 8), 20, 30, 41, 50, 51}
        assert len(plan.creates) == 2

    def test_is_nothing_with_the_number_that_is_named(self) -> None:
        plan = make_plan(declare(self.FILE, server="prune = true"), inventory(*self.HELD))

        assert withheld_ids(plan, plan.loss.lost) == []
        assert withheld_ids(plan, plan.loss.lost - 1)


def test_the_last_one_never_goes_unasked() -> None:
    plan = make_plan(declare("", server="prune = true"), inventory(backup(1, "x")))

    assert plan.loss == Loss(lost=1, with_data=1, usable=1, limit=3, empties=True)
    assert withheld_ids(plan) == [1]
    assert withheld_ids(plan, 1) == []


def test_a_new_one_takes_the_last_ones_place() -> None:
    plan = make_plan(declare('{ description = "nightly", keep = 1 }', server="prune = true"), inventory(backup(1, "x")))

    assert not plan.loss.empties
    assert withheld_ids(plan) == []


def test_a_misdated_one_is_not_what_is_left() -> None:
    held = (*(backup(number, "x", age=days(number)) for number in range(1, 4)), backup(9, "x", age=-days(1)))

    plan = make_plan(declare("", server="prune = true"), inventory(*held))

    assert plan.loss == Loss(lost=3, with_data=3, usable=3, limit=3, empties=True)
    assert withheld_ids(plan) == [1, 2, 3]


@pytest.mark.parametrize("size", [None, 0])
def test_failed_ones_without_data_are_no_loss(size: float | None) -> None:
    held = [backup(1), *(replace(backup(number, status="failed"), size_mb=size) for number in range(2, 20))]

    plan = make_plan(declare('{ description = "nightly", keep = 1 }'), inventory(*held))

    assert (len(plan.deletes), plan.loss.lost) == (18, 0)


def test_a_hundred_per_cent_switches_both_limits_off() -> None:
    held = [backup(number, "x", age=days(number)) for number in range(1, 20)]
    pruning = declare("", server="prune = true", settings='max_shrink = "100%"')

    plan = make_plan(pruning, inventory(*held))

    assert plan.loss == Loss(lost=19, with_data=19, usable=19, limit=None, empties=True)
    assert withheld(plan) == {}


def test_an_account_without_backups_loses_nothing() -> None:
    assert make_plan(declare(""), inventory()).loss == Loss(lost=0, with_data=0, usable=0, limit=3, empties=False)


class TestTargetsNarrowThePlanAndNotTheShare:
    TWO = config(
        '[settings]\nprune = true\n[servers.a]\nid = 1\n[servers.b]\nid = 2\nbackups = [{ description = "nightly" }]\n'
    )
    A, B = Server(id=1, name="a"), Server(id=2, name="b")

    def test_so_other_declared_servers_have_something_left(self) -> None:
        seen = inventory(backup(1, "x", server=self.A), backup(2, server=self.B), servers=(self.A, self.B))

        plan = make_plan(self.TWO, seen, "a/x")

        assert plan.loss == Loss(lost=1, with_data=2, usable=2, limit=3, empties=False)
        assert withheld(plan) == {}

    def test_so_the_limit_is_that_of_the_whole_file(self) -> None:
        many = [backup(100 + number, server=self.B, age=hours(number)) for number in range(50)]
        some = [backup(number, "x", server=self.A, age=hours(number)) for number in range(10)]
        seen = inventory(*many, *some, servers=(self.A, self.B))

        assert make_plan(self.TWO, seen, "a").loss == Loss(lost=10, with_data=60, usable=60, limit=12, empties=False)

    def test_and_other_servers_of_the_account_never_count(self) -> None:
        seen = inventory(backup(1, "x"), backup(2, server=self.B), servers=(WEB, self.B))

        assert make_plan(declare("", server="prune = true"), seen).loss.empties
