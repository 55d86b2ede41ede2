"""Plans a run from the files and the account: applies the options that narrow or change it, in order."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, Freshness, resolve, select, with_max_age
from reconcile.durations import Duration
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan
from reconcile.plan.safety import without_deletes
from reconcile.plan.stale import renewed


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """The options that decide what an apply plans and withholds."""

    targets: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_loss: int = 0
    wait: bool = True
    no_delete: bool = False


def desired_for(config: Config, inventory: Inventory, targets: tuple[str, ...]) -> Desired:
    """Return the declarations that this run covers; raises UserError as `resolve` and `select` do."""
    return select(resolve(config, inventory), inventory, targets)


def make_plan(
    desired: Desired,
    inventory: Inventory,
    now: datetime | None = None,
    *,
    max_age: Duration | None = None,
    started_at: datetime | None = None,
) -> Plan:
    """Plan for the moment at which the account was observed, or for `now`; raises UserError as `with_max_age` does.

    `max_age` is the value of `--max-age`, counted back from `started_at`, by default the moment of the plan.
    """
    now = now or inventory.observed_at
    freshness = Freshness(max_age=max_age, started_at=started_at or now) if max_age else None
    return plan(with_max_age(desired, freshness), inventory, now)


def plan_run(what: Config | Plan, inventory: Inventory, options: RunOptions, started_at: datetime) -> Plan:
    """Plan an apply that started at `started_at`, from the files or from a saved plan, which must still hold.

    Raises:
        UserError: as `desired_for`, `make_plan` and `renewed` do.
    """
    if isinstance(what, Plan):
        planned = renewed(what, inventory, options.allow_loss)
    else:
        desired = desired_for(what, inventory, options.targets)
        planned = make_plan(desired, inventory, max_age=options.max_age, started_at=started_at)
    return without_deletes(planned, inventory) if options.no_delete else planned
