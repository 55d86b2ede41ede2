"""What holds of the difference between two plans, whatever the files and the account."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from laws.test_fleets import cases
from laws.test_planning import configs, inventories
from support.build import make_plan

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.desired.desired import resolve
from reconcile.desired.document import Requirements
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.insight.difference import Difference, difference
from reconcile.plan.model import Action, Create, Plan

chances = st.randoms(use_true_random=False)


def compared(before: Config, after: Config, seen: Inventory) -> Difference:
    return difference(*((resolve(each, seen), make_plan(each, seen)) for each in (before, after)))


def shuffled(config: Config, chance: Random) -> Config:
    """Put the tables into another order, and the series in them."""

    def table(each: DeclaredServer) -> DeclaredServer:
        return replace(each, series=tuple(chance.sample(each.series, len(each.series))))

    def fleet(each: DeclaredFleet) -> DeclaredFleet:
        return replace(each, series=tuple(chance.sample(each.series, len(each.series))))

    servers, fleets = tuple(map(table, config.servers)), tuple(map(fleet, config.fleets))
    return replace(
        config,
        servers=tuple(chance.sample(servers, len(servers))),
        fleets=tuple(chance.sample(fleets, len(fleets))),
    )


def described(plan: Plan) -> dict[Id | tuple[Id, str], object]:
    """Return what a plan does and why, by what it is about."""
    return {_about(action): action.reason for action in plan.actions}


def _about(action: Action) -> Id | tuple[Id, str]:
    return (action.server_id, action.description) if isinstance(action, Create) else action.backup.id


@given(configs(), inventories(), chances)
def test_the_order_of_tables_and_series_is_no_difference(config: Config, seen: Inventory, chance: Random) -> None:
    assert compared(config, shuffled(config, chance), seen).is_empty


@given(cases(), chances)
def test_the_order_of_fleets_is_one_only_where_two_match_a_server(
    case: tuple[Config, Inventory], chance: Random
) -> None:
    config, seen = case
    other = shuffled(config, chance)
    fleet_of = [{each.id: each.fleet for each in resolve(files, seen).servers} for files in (config, other)]

    assert fleet_of[0] != fleet_of[1] or compared(config, other, seen).is_empty


@given(configs(), configs(), inventories())
def test_the_plan_after_is_the_plan_before_and_the_difference(before: Config, after: Config, seen: Inventory) -> None:
    found = compared(before, after, seen)

    actions = described(found.before)
    for action in found.removed:
        del actions[_about(action)]
    for altered in found.altered:
        assert actions[_about(altered.before)] == altered.before.reason
        actions[_about(altered.after)] = altered.after.reason
    for action in found.added:
        assert _about(action) not in actions
        actions[_about(action)] = action.reason
    assert actions == described(found.after)
    assert {*map(_about, found.in_any_case), *map(_about, found.added)} == set(actions)
    assert found.causes_nothing or not found.is_empty


@given(configs(), configs(), inventories())
def test_withholding_is_part_of_it(before: Config, after: Config, seen: Inventory) -> None:
    found = compared(before, after, seen)

    held = {delete.backup.id for delete in found.before.deletes if delete.address in found.withheld_before}
    held -= {each.backup.id for each in found.removed if not isinstance(each, Create)}
    for altered in found.altered:
        if altered.was_withheld != altered.is_withheld and not isinstance(altered.after, Create):
            held ^= {altered.after.backup.id}
    held |= {each.backup.id for each in found.added if each.address in found.withheld_after}
    assert held == {delete.backup.id for delete in found.after.deletes if delete.address in found.withheld_after}


@given(configs(), inventories(), chances)
def test_there_and_back_are_each_others_opposites(config: Config, seen: Inventory, chance: Random) -> None:
    other = replace(
        shuffled(config, chance),
        servers=config.servers[1:],
        require=Requirements.model_construct(retention=Duration(days=3)),
    )
    there, back = compared(config, other, seen), compared(other, config, seen)

    assert set(there.added) == set(back.removed)
    assert {(each.names, each.path, str(each.before)) for each in there.files} == {
        (each.names, each.path, str(each.after)) for each in back.files
    }
    assert not there.is_empty
