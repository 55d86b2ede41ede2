"""Warnings about a valid declaration."""

from reconcile.desired.config import DeclaredServer
from reconcile.diagnostics import Diagnostic


def warnings(servers: tuple[DeclaredServer, ...]) -> tuple[Diagnostic, ...]:
    """Return warnings about what is probably a mistake; `locate` shows where."""
    if any(server.series for server in servers):
        return ()
    return (
        Diagnostic(
            severity="warning",
            summary="no series is declared",
            detail="No backup will ever be created. Declare one: [[servers.KEY.backups]] with a description.",
            place=servers[0].place if servers else None,
        ),
    )
