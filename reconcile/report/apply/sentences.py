"""What all formats say of an apply: how an action ended, and why a delete was not carried out."""

from typing import assert_never

from reconcile.outcomes import Finished
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
