"""What holds of the difference between two plans, whatever the files and the account."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from laws.test_fleets import cases
from laws.test_planning import configs, inventories
from support.build import NOW

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config, DeclaredFleet, DeclaredServer
from reconcile.desired.desired import Freshness, resolve, select, with_max_age
from reconcile.desired.document import Requirements
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.insight.difference import Difference, Fate, compare
from reconcile.plan.model import Action, Create, Plan
from reconcile.plan.planner import plan
from reconcile.plan.planning import desired_before
from reconcile.plan.safety import withheld

NEW = {Fate.NEW, Fate.NEW_WITHHELD}
chances = st.randoms(use_true_random=False)


def compared(before: Config, after: Config, seen: Inventory) -> Difference:
    return compare(before, resolve(after, seen), seen, seen.observed_at)


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
    for each in found.actions:
        reason = actions.pop(_about(each.action), None)
        assert reason == (each.before and each.before.reason)
        assert (reason is None) == (each.fate in NEW)
        if each.fate is not Fate.GONE:
            actions[_about(each.action)] = each.action.reason
    assert actions == described(found.after)
    assert {
        *map(_about, found.in_any_case),
        *(_about(each.action) for each in found.actions if each.fate in NEW),
    } == set(actions)
    assert found.causes_nothing or not found.is_empty


@given(configs(), configs(), inventories(), chances)
def test_both_plans_are_as_if_each_were_made_alone(
    before: Config, after: Config, seen: Inventory, chance: Random
) -> None:
    """What both files declare alike is planned once, unless a rule for all servers differs."""
    settings = chance.choice([before.settings, after.settings])
    mixed = replace(
        after,
        settings=settings,
        require=Requirements.model_construct(retention=chance.choice([None, Duration(days=3)])),
        servers=tuple(map(chance.choice, zip(before.servers, after.servers, strict=False))),
    )

    targets = chance.choice([(), ("a*",), ("*/nightly",)])
    selected = select(resolve(mixed, seen), seen, targets, must_match=False)
    max_age = Freshness(max_age=Duration(days=1), started_at=NOW) if chance.random() < 0.5 else None
    desired = with_max_age(selected, max_age, must_match=False)

    found = compare(before, desired, seen, NOW)

    earlier = desired_before(before, seen, desired)
    assert (found.before, found.after) == (plan(earlier, seen, NOW), plan(desired, seen, NOW))


@given(configs(), configs(), inventories())
def test_withholding_is_part_of_it(before: Config, after: Config, seen: Inventory) -> None:
    found = compared(before, after, seen)

    held: set[Id | tuple[Id, str]] = {address.id for address in withheld(found.before)}
    for each in found.actions:
        if each.fate in {Fate.NEW_WITHHELD, Fate.NOW_WITHHELD, Fate.NO_LONGER_WITHHELD}:
            held ^= {_about(each.action)}
        elif each.fate is Fate.GONE:
            held -= {_about(each.action)}
    assert held == {address.id for address in withheld(found.after)}


@given(configs(), inventories(), chances)
def test_there_and_back_are_each_others_opposites(config: Config, seen: Inventory, chance: Random) -> None:
    other = replace(
        shuffled(config, chance),
        servers=config.servers[1:],
        require=Requirements.model_construct(retention=Duration(days=3)),
    )
    there, back = compared(config, other, seen), compared(other, config, seen)

    assert {each.action for each in there.actions if each.fate in NEW} == {
        each.action for each in back.actions if each.fate is Fate.GONE
    }
    assert {(each.names, each.path, str(each.before)) for each in there.files} == {
        (each.names, each.path, str(each.after)) for each in back.files
    }
    assert not there.is_empty
