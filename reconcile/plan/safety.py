"""How much a plan takes away, and how much may go without a person's word (spec, section 6): the one place."""

from reconcile.plan.model import Delete, Loss, ServerPlan, usable

ALWAYS_ALLOWED = 3
"""Backups. So few may go whatever the share is: a small account would trip a percentage at every change."""

_NO_LIMIT = 100


def measure(servers: tuple[ServerPlan, ...], max_shrink_percent: int) -> Loss:
    """Weigh what the plan deletes against what the declared servers hold.

    A series that gains one and loses one loses nothing, so rotation never trips the limit.
    """
    held = sum(_held(server) for server in servers)
    lost = gone = made = 0
    for server in servers:
        for series in server.series:
            creates, deletes = int(series.create is not None), _usable(series.deletes)
            lost += max(0, deletes - creates)
            gone, made = gone + deletes, made + creates
        pruned = _usable(server.pruned)
        lost, gone = lost + pruned, gone + pruned
    switched_off = max_shrink_percent == _NO_LIMIT
    return Loss(
        lost=lost,
        usable=held,
        limit=None if switched_off else max(ALWAYS_ALLOWED, held * max_shrink_percent // _NO_LIMIT),
        empties=held > 0 and held - gone + made == 0,
    )


def _held(server: ServerPlan) -> int:
    undeclared = (*(it.backup for it in server.pruned), *(it.backup for it in server.unmanaged))
    return sum(len(usable(backups)) for backups in (undeclared, *(series.backups for series in server.series)))


def _usable(deletes: tuple[Delete, ...]) -> int:
    return len(usable(tuple(it.backup for it in deletes)))
