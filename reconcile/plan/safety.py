"""Decides which deletes of a plan are withheld (spec, sections 3 and 6); `guards` checks the others as they are sent.

These are deletes by which a plan would lose too much, deletes on servers that break a rule of `[require]`, and deletes
that depend on a clock that the service has not confirmed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from reconcile.actual.inventory import Inventory, State
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.plan.model import Delete, Loss, LossLimit, Plan, ServerPlan
from reconcile.plan.reasons import Veto
from reconcile.plan.series_state import is_misdated

ALWAYS_ALLOWED = 3
"""Number of backups that a plan may always lose: in a small account, every change would exceed a percentage."""

_NO_LIMIT = 100


def measure(servers: Iterable[ServerPlan], limit: LossLimit, inventory: Inventory, now: datetime) -> Loss:
    """Compare what the plan would delete with what the declared servers hold at `now`.

    A series that gains one backup and loses one loses nothing, so rotation never exceeds the limit. A misdated backup
    does not count: an account with only such backups counts as empty.
    """
    held = [
        backup
        for server_id in limit.servers
        for backups in inventory.held_on(server_id).values()
        for backup in backups
        if not is_misdated(backup, now)
    ]
    usable = sum(backup.state is State.USABLE for backup in held)
    with_data = sum(backup.has_data for backup in held)
    lost = deleted = created = 0
    for server in servers:
        gains = Counter(series.address for series in server.series if series.create)
        lost += sum(1 for _ in _losing(server, gains))
        deleted += 0 if server.veto else sum(each.is_usable and not each.veto for each in server.deletes)
        created += gains.total()
    switched_off = limit.max_shrink_percent == _NO_LIMIT
    return Loss(
        lost=lost,
        with_data=with_data,
        usable=usable,
        limit=None if switched_off else max(ALWAYS_ALLOWED, with_data * limit.max_shrink_percent // _NO_LIMIT),
        empties=usable > 0 and usable - deleted + created <= 0,
    )


def continued(plan: Plan, gained: Mapping[SeriesAddress, int], lost: int) -> Plan:
    """Return the plan with the backups that the run has already `gained` and `lost` included in its loss.

    A backup that was in progress before the run and is completed now replaces an older one: that is rotation.
    """
    gains = Counter(create.address for create in plan.creates) + Counter(gained)
    lost += sum(1 for server in plan.servers for _ in _losing(server, gains))
    return replace(plan, loss=replace(plan.loss, lost=lost))


def without_deletes(plan: Plan) -> Plan:
    """Return the plan of a run that withholds every delete (`apply --no-delete`)."""
    servers = tuple(replace(server, veto=Veto.NO_DELETE) for server in plan.waiting_only_for_needed.servers)
    return replace(plan, servers=servers, loss=replace(plan.loss, lost=0, empties=False))


def withheld(
    plan: Plan,
    allowed: int = 0,
    gained: Mapping[SeriesAddress, int] | None = None,
    *,
    counts_creates: bool = True,
) -> dict[BackupAddress, Veto]:
    """Return the withheld deletes, and why.

    A delete is a loss if its backup has data and is either undeclared, or one more than its series gains. A series may
    still lose as many as it gains, the oldest first: if withheld, they would pile up night after night. `allowed` is
    the loss allowed for this run (`--allow-loss`). `gained` counts what each series has gained earlier in the run, and
    not lost since. Without `counts_creates`, a series gains nothing by its create: the run does not wait for it.
    """
    gains = Counter(gained or {})
    gains.update(create.address for create in plan.creates if counts_creates)
    servers = plan.servers if plan.loss.is_too_much(allowed) else ()
    losing = (delete for server in servers for delete in _losing(server, gains))
    return dict.fromkeys((delete.address for delete in losing), Veto.TOO_MUCH_LOST) | {
        delete.address: veto
        for server in plan.servers
        for delete in server.deletes
        if (veto := server.veto or delete.veto)
    }


def _losing(server: ServerPlan, gains: Counter[SeriesAddress]) -> Iterator[Delete]:
    """Yield the deletes by which a server loses backups with data, given how many each series gains."""
    if server.veto:
        return
    for series in server.series:
        if series.deletes:
            losing = list(filter(_loses, series.deletes))  # from the oldest to the newest
            yield from losing[gains[series.address] :]
    yield from filter(_loses, server.pruned)


def _loses(delete: Delete) -> bool:
    return delete.backup.has_data and not delete.veto
