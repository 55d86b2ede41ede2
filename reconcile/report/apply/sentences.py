"""What all formats say of an apply: how an action ended, and why a delete was not carried out."""

import re
from collections.abc import Iterator
from typing import assert_never

from reconcile.outcomes import Finished, Outcome, Result
from reconcile.plan.guards import (
    Appeared,
    Changed,
    KeptAfterAll,
    KeptOneLost,
    LastUsable,
    NotAwaited,
    NotCreated,
    Objection,
    RuleBroken,
    SeriesWithoutUsable,
    StillInProgress,
    TooMuchLost,
    UnknownBeside,
)
from reconcile.plan.model import Create, Delete

_QUOTA = re.compile(r"quota|limit|maximum|exceed|too many|no space", re.IGNORECASE)
_THROTTLED = re.compile(r"\b429\b")
_PROTECTED = re.compile(r"protect|locked|immutable|legal hold", re.IGNORECASE)


def explanation_text(finished: Finished) -> str:
    """Say why an action ended as it did."""
    return objection_text(finished.objection) if finished.objection else finished.explanation


def objection_text(objection: Objection) -> str:  # noqa: C901, PLR0911, PLR0912 - one for each reason
    """Say why a delete must not be sent."""
    match objection:
        case RuleBroken():
            return "this server breaks a rule of [require]"
        case TooMuchLost():
            return "too much would be lost"
        case LastUsable():
            return "it would leave no usable backup on the declared servers"
        case NotCreated():
            return "the new backup was not created"
        case NotAwaited():
            return "left to the next run: the new backup was not waited for"
        case KeptAfterAll():
            return "left to the next run: kept after all, beside the new backup's date"
        case Changed(field=field, planned=planned, listed=listed):
            return f"it has changed since the plan: {field} was {str(planned)!r}, is {str(listed)!r}"
        case UnknownBeside(id=id_, status=status):
            return f"#{id_} has the status {status!r}, which reconcile does not know"
        case Appeared(id=id_):
            return f"#{id_} has appeared in the series since the plan"
        case KeptOneLost(id=id_):
            return f"#{id_}, which was to stay, is no longer usable"
        case SeriesWithoutUsable(address=address):
            return f"{address} has no usable backup"
        case StillInProgress(id=id_):
            return f"#{id_} is still in progress on this server"
        case _:
            assert_never(objection)


def advice(result: Result) -> Iterator[str]:
    """Yield what to do about what the service rejected, as far as its own words show what is wrong."""
    failed = [ended for ended in result.finished if ended.outcome is Outcome.FAILED]
    if any(
        isinstance(ended.action, Create)
        and _QUOTA.search(ended.explanation)
        and not _THROTTLED.search(ended.explanation)
        for ended in failed
    ):
        yield (
            "A new backup is created before an old one is deleted, so one place must stay free for each series of a "
            "server. Raise the limit at the service, or keep one backup fewer."
        )
    protected = [
        ended.action for ended in failed if isinstance(ended.action, Delete) and _PROTECTED.search(ended.explanation)
    ]
    if not protected:
        return
    of_fleets = {server.key for server in result.plan.servers if server.fleet is not None}
    in_tables = [delete for delete in protected if delete.address.series.server not in of_fleets]
    if in_tables:
        ids = ", ".join(repr(delete.backup.id) for delete in in_tables)
        yield f"To keep a protected backup, pin it in the table of its server: pinned = [{ids}]."
    if len(in_tables) < len(protected):
        yield (
            "A member of a fleet has no pinned: to keep a protected backup, give its server its own table with pinned, "
            "or remove the protection at the service."
        )
