"""Plans a run from the files and the account: applies the options that narrow or change it, in order."""

from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.actual.inventory import Inventory
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, Freshness, resolve, select, with_max_age
from reconcile.desired.fleets import server_keys
from reconcile.durations import Duration
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan
from reconcile.plan.safety import without_deletes
from reconcile.plan.stale import renewed


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """The options of an apply, apart from those of its connection.

    `allow_loss` is the number of backups with data that the user allows to lose. Without `wait`, the run sends creates
    and does not wait for them. `max_in_progress` is the maximum number of backups that it has in progress.
    """

    targets: tuple[str, ...] = ()
    max_age: Duration | None = None
    allow_loss: int = 0
    wait: bool = True
    no_delete: bool = False
    max_in_progress: int = 100


def desired_for(
    config: Config,
    inventory: Inventory,
    targets: tuple[str, ...],
    freshness: Freshness | None = None,
) -> Desired:
    """Return the declarations that this run covers.

    Raises:
        UserError: as `resolve`, `select` and `with_max_age` do.
    """
    return with_max_age(select(resolve(config, inventory), inventory, targets), freshness)


def desired_before(config: Config, inventory: Inventory, after: Desired) -> Desired:
    """Return what the files before a change declare of what a run covers, to compare it with the files `after` it.

    The servers have the keys of the files after the change, by id: another key changes nothing. A server that is no
    longer declared keeps its key, unless another has it now. What the targets or `--max-age` need may be declared only
    after the change.

    Raises:
        UserError: as `resolve` does.
    """
    declared = resolve(config, inventory)
    stay = {id_: key for id_, key in after.declared.items() if id_ in declared.declared}
    left = {id_: key for id_, key in declared.declared.items() if id_ not in stay}
    keys = stay | server_keys(left, stay.values())
    servers = (each if each.key == keys[each.id] else replace(each, key=keys[each.id]) for each in declared.servers)
    declared = replace(declared, servers=tuple(servers), declared=keys)
    selected = select(declared, inventory, after.targets, must_match=False)
    return with_max_age(selected, after.freshness, must_match=False)


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
    planned = planned if options.wait else planned.waiting_only_for_needed
    return without_deletes(planned) if options.no_delete else planned
