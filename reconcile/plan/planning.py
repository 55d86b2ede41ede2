"""Plans a run from the files and the account: applies the options that narrow or change it, in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, Freshness, resolve, select, with_keys, with_max_age
from reconcile.durations import Duration
from reconcile.ids import Id
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


def desired_for(
    config: Config,
    inventory: Inventory,
    targets: tuple[str, ...],
    freshness: Freshness | None = None,
    *,
    keys: Mapping[Id, str] = MappingProxyType({}),
) -> Desired:
    """Return the declarations that this run covers; `keys` replace those of the same servers in the files.

    Raises:
        UserError: as `resolve`, `select` and `with_max_age` do.
    """
    declared = with_keys(resolve(config, inventory), keys)
    return with_max_age(select(declared, inventory, targets), freshness)


def plan_run(what: Config | Plan, inventory: Inventory, options: RunOptions, started_at: datetime) -> Plan:
    """Plan an apply that started at `started_at`, from the files or from a saved plan, which must still hold.

    Raises:
        UserError: as `desired_for` and `renewed` do.
    """
    if isinstance(what, Plan):
        planned = renewed(what, inventory, options.allow_loss)
    else:
        desired = desired_for(what, inventory, options.targets, Freshness.of(options.max_age, started_at))
        planned = plan(desired, inventory, inventory.observed_at)
    return without_deletes(planned, inventory) if options.no_delete else planned
