"""A completed backup that is smaller than `min_size`: no restore point, though it looks like one."""

from dataclasses import replace

import pytest
from support.build import WEB, backup, config, days, declare, hours, inventory, make_plan

from reconcile.actual.inventory import Backup, State
from reconcile.desired.config import Config
from reconcile.desired.desired import resolve
from reconcile.diagnostics import UserError
from reconcile.insight.status import Problem, status
from reconcile.plan.model import Plan
from reconcile.plan.reasons import Exemption, Missing, Undersized
from reconcile.plan.safety import withheld
from reconcile.plan.saved import dump, parse
from reconcile.plan.stale import renewed

NIGHTLY = declare('{ description = "nightly", every = "1d", keep = 1 }')


def empty(id_: int, description: str = "nightly", **more: object) -> Backup:
    return backup(id_, description, size_mb=0, **more)  # type: ignore[arg-type] # as `backup`


def deleted(plan: Plan) -> list[object]:
    return [delete.backup.id for delete in plan.deletes]


def test_it_takes_the_place_of_no_other() -> None:
    seen = inventory(backup(1, age=days(2)), backup(2, age=days(1)), empty(3, age=hours(1)))

    plan = make_plan(declare('{ description = "nightly", keep = 2 }'), seen)

    assert deleted(plan) == []
    assert [kept.reason for kept in plan.kept if kept.backup.id == 3] == [Exemption.NEWEST_UNDERSIZED]


def test_it_counts_for_every_or_each_hour_would_create_another_one() -> None:
    assert make_plan(NIGHTLY, inventory(empty(1, age=hours(3)))).actions == ()
    assert len(make_plan(NIGHTLY, inventory(empty(1, age=hours(30)))).creates) == 1


def test_it_is_not_enough_for_max_age() -> None:
    young = inventory(empty(1, age=hours(3)), backup(2, age=hours(9)))

    assert [create.reason.kind for create in make_plan(NIGHTLY, young, max_age="4h").creates] == ["due"]
    alone = inventory(empty(1, age=hours(3)))
    assert [create.reason for create in make_plan(NIGHTLY, alone, max_age="4h").creates] == [Missing(has_others=True)]


def test_all_but_the_newest_go_and_that_too_once_a_newer_one_is_usable() -> None:
    held = [empty(1, age=days(3)), empty(2, age=days(2)), empty(3, age=hours(2))]

    plan = make_plan(NIGHTLY, inventory(*held))
    assert [(delete.backup.id, delete.reason) for delete in plan.deletes] == [
        (1, Undersized(min_size=1)),
        (2, Undersized(min_size=1)),
    ]

    assert deleted(make_plan(NIGHTLY, inventory(*held, backup(4, age=hours(1))))) == [1, 2, 3]
    assert deleted(make_plan(NIGHTLY, inventory(*held, backup(4, age=hours(3))))) == [1, 2]


def test_the_one_to_be_created_does_not_let_the_newest_go_yet() -> None:
    plan = make_plan(NIGHTLY, inventory(empty(1, age=days(3))))

    assert (len(plan.creates), deleted(plan)) == (1, [])


def test_pins_and_unknown_ones_protect_it_as_they_do_any_other() -> None:
    held = (empty(1, age=days(3)), empty(2, age=days(2)), empty(3, age=hours(2)))
    pinned = declare('{ description = "nightly", every = "1d", keep = 1 }', server="pinned = [1]")

    plan = make_plan(pinned, inventory(*held))
    assert deleted(plan) == [2]
    assert plan.kept[0].reason == Exemption.PINNED
    assert deleted(make_plan(NIGHTLY, inventory(*held, backup(4, status="archiving", age=hours(1))))) == []


@pytest.mark.parametrize("size", [None, 1, 1.5, float("nan"), float("inf")])
def test_a_size_that_is_large_enough_or_not_known_says_nothing(size: float | None) -> None:
    desired = resolve(NIGHTLY, inventory())

    assert desired.min_sizes.judged([backup(1, size_mb=size)])[0].state is State.USABLE


def test_the_series_overrides_its_policy_and_that_the_settings() -> None:
    declared = config(
        """
        [settings]
        min_size = "1GiB"
        [policies.small]
        min_size = "10MiB"
        [servers.web]
        id = 1
        backups = [
            { description = "large" },
            { description = "small", policy = "small" },
            { description = "tiny", policy = "small", min_size = "0MiB", renamed_from = "old" },
        ]
        """
    )
    held = [backup(number, name, size_mb=5) for number, name in enumerate(["large", "small", "tiny", "old", "other"])]

    judged = resolve(declared, inventory()).min_sizes.judged(held)

    assert {each.description: each.state is State.UNDERSIZED for each in judged} == {
        "large": True,
        "small": True,
        "tiny": False,
        "old": False,
        "other": True,
    }


def test_many_undeclared_ones_are_pruned_only_with_consent() -> None:
    """The default of `min_size`, or the listed size, may be wrong."""
    plan = make_plan(
        declare('{ description = "nightly" }', server="prune = true"),
        inventory(backup(1), *(empty(number, "x", age=days(number)) for number in range(2, 9))),
    )

    assert len(plan.deletes) == 7
    assert (plan.loss.lost, plan.loss.usable, len(withheld(plan))) == (7, 1, 7)
    assert withheld(plan, 7) == {}


def test_what_is_left_is_nothing_if_it_is_undersized() -> None:
    """Deleting both good ones would leave only an empty one."""
    pruning = declare('{ description = "nightly" }', server="prune = true")

    plan = make_plan(pruning, inventory(empty(1), backup(2, "old"), backup(3, "old")))

    assert plan.loss.empties
    assert len(withheld(plan)) == 2


class TestSaved:
    SEEN = inventory(backup(1, age=hours(3)), empty(2, age=days(2)))

    def saved(self, declared: Config = NIGHTLY) -> Plan:
        return parse(dump(make_plan(declared, self.SEEN), "1"), "p")

    def test_it_holds_what_min_size_says(self) -> None:
        plan = self.saved()

        assert deleted(renewed(plan, self.SEEN)) == [2]
        assert plan.deletes[0].backup.state is State.UNDERSIZED

    def test_it_does_not_empty_a_series_of_which_an_undersized_one_is_left(self) -> None:
        plan = self.saved(declare('{ description = "nightly", keep = 1 }'))
        now_empty = replace(self.SEEN, backups=(backup(1, age=hours(3), size_mb=0), empty(2, age=days(2))))

        with pytest.raises(UserError, match="stale"):
            renewed(plan, now_empty)


def test_status_says_so() -> None:
    seen = inventory(backup(1, age=days(1)), empty(2, age=hours(3)))

    found = status(resolve(NIGHTLY, seen), seen, seen.observed_at).series[0]

    assert found.problems == (Problem.UNDERSIZED,)
    assert found.newest
    assert found.newest.id == 1
    assert WEB.id == found.newest.server_id


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ('"1MB"', 'Write "1MiB".'),
        ('"2gb"', 'Write "2GiB".'),
        ('"7 M"', 'Write "7MiB".'),
        ("1", 'Write it like "1MiB" or "2GiB".'),
        ('"1.5GiB"', 'Write it like "1MiB" or "2GiB".'),
        ('"-1MiB"', 'Write it like "1MiB" or "2GiB".'),
    ],
)
def test_other_units_are_refused_with_what_to_write(value: str, advice: str) -> None:
    with pytest.raises(UserError) as refused:
        config(f"[settings]\nmin_size = {value}\n")

    (problem,) = refused.value.diagnostics
    assert (problem.summary, problem.detail) == ("min_size: not a size in MiB or GiB", advice)
