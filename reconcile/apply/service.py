"""What apply needs of the service, declared where it is needed."""

from typing import Protocol

from reconcile.actual.inventory import Backup
from reconcile.ids import Id


class Lists(Protocol):
    """Lists manual backups, wholly or not at all. Observing never changes anything."""

    async def backups(self, server_id: Id | None = None) -> tuple[Backup, ...]:
        """List those of one server, or of all; raises ApiError, or StoppedError while it waits."""
        ...


class Changes(Protocol):
    """Creates and deletes, each request sent once and not again; raises as `actual.writer.Writer` says."""

    async def create(self, server_id: Id, description: str) -> Backup:
        """Send one create."""
        ...

    async def delete(self, backup_id: Id) -> None:
        """Send one delete."""
        ...
