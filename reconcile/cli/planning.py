"""From the files and the account to a plan: applies what narrows or changes a run, in order, and plans."""

from datetime import datetime

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, Freshness, resolve, select, with_max_age
from reconcile.durations import Duration
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan


def desired_for(config: Config, inventory: Inventory, targets: tuple[str, ...]) -> Desired:
    """Return what this run is about; raises UserError as `resolve` and `select` do."""
    return select(resolve(config, inventory), inventory, targets)


def make_plan(
    desired: Desired,
    inventory: Inventory,
    now: datetime | None = None,
    *,
    max_age: Duration | None = None,
    began: datetime | None = None,
) -> Plan:
    """Plan for the moment at which the account was observed, or for `now`; raises UserError as `with_max_age` does.

    `max_age` is what `--max-age` asks for, at the moment `began`: that of the plan if it is not given.
    """
    now = now or inventory.observed_at
    freshness = Freshness(max_age=max_age, began=began or now) if max_age else None
    return plan(with_max_age(desired, freshness), inventory, now)
