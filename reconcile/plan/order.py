"""Decides in what order creates take slots (spec, sections 4.3 and 4.5).

No series starves if several runs in a row are too short for all of them.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import datetime

from reconcile.actual.inventory import State
from reconcile.addresses import SeriesAddress
from reconcile.plan.look_alikes import look_alikes
from reconcile.plan.model import Plan, SeriesPlan, ServerPlan
from reconcile.plan.reasons import Due, Exemption, Missing, TooOld


def ranks(plan: Plan) -> Mapping[SeriesAddress, int]:
    """Number the creates of a plan from 0: first the canary, then the longest overdue in proportion to its interval.

    Missing backups come before all that are due. Series whose newest backup hangs or has failed come last, because the
    next backup may do the same.

    The canary is the create with the longest description, which a service that cuts descriptions is most likely to cut.
    Of several, it is one that has a backup. Otherwise, one server whose backups the service hides would be the canary
    every night, and end all creates of the run.

    Last of all come the series with a look-alike: the service may have stored their last backup with another
    description. It would alter the next one too, which ends all creates of the run.
    """
    altered = {address for server in plan.servers for address in _altered(server)}
    creates = [series for server in plan.servers for series in server.series if series.create]
    creates.sort(key=lambda series: (series.address in altered, _urgency(series, plan.planned_at)))
    if creates:
        canary = max(
            creates,
            key=lambda series: (
                series.address not in altered,
                len((series.address.description or "").encode()),
                series.due_at is not None,
            ),
        )
        creates.remove(canary)
        creates.insert(0, canary)
    return {series.address: rank for rank, series in enumerate(creates)}


def _altered(server: ServerPlan) -> Iterator[SeriesAddress]:
    """Yield the missing series that have a look-alike among the undeclared backups of the server."""
    missing = {
        series.create.description: series.address
        for series in server.series
        if series.create and isinstance(series.create.reason, Missing)
    }
    if missing:
        held = {entry.backup.description for entries in (server.unmanaged, server.pruned) for entry in entries}
        yield from (missing[description] for description in look_alikes(missing, held))


def _urgency(series: SeriesPlan, now: datetime) -> tuple[bool, float]:
    """Return a key that sorts the most urgent create first."""
    backups = [delete.backup for delete in series.deletes]
    backups += [kept.backup for kept in series.kept if kept.reason is not Exemption.MISDATED]
    newest = max(backups, key=lambda backup: backup.created_at, default=None)
    may_fail_again = newest is not None and newest.state in {State.PENDING, State.FAILED}
    match series.create and series.create.reason:
        case Due(age=age, every=interval) | TooOld(age=age, max_age=interval):
            return may_fail_again, -age.total_seconds() / interval.in_seconds(now)
        case _:
            return may_fail_again, -math.inf
