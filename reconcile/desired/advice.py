"""Warnings about a valid declaration."""

from collections.abc import Sequence

from reconcile.desired.config import DeclaredFleet, DeclaredServer
from reconcile.diagnostics import Diagnostic


def warnings(declared: Sequence[DeclaredServer | DeclaredFleet]) -> tuple[Diagnostic, ...]:
    """Return warnings about what is probably a mistake; `locate` shows where."""
    if any(each.series for each in declared):
        return ()
    return (
        Diagnostic(
            severity="warning",
            summary="no series is declared",
            detail="No backup will ever be created. Declare one: [[servers.KEY.backups]] with a description.",
            place=declared[0].place if declared else None,
        ),
    )
