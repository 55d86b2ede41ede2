"""What apply needs from the service."""

from typing import Protocol

from reconcile.actual.inventory import Backup, Inventory
from reconcile.ids import Id


class Lists(Protocol):
    """Lists the account, completely or not at all. Observing never changes anything."""

    @property
    def pages(self) -> int:
        """How many requests the last whole list of backups took."""
        ...

    async def observe(self) -> Inventory:
        """Return all servers and all manual backups; raises ApiError or StoppedError."""
        ...

    async def backups(self, server_id: Id | None = None) -> tuple[Backup, ...]:
        """Return the manual backups of one server, or of all; raises as `observe` does."""
        ...


class Changes(Protocol):
    """Creates, deletes and restores, each request sent once; raises as `reconcile.actual.writer.Writer` does."""

    async def create(self, server_id: Id, description: str) -> Backup:
        """Send one create."""
        ...

    async def delete(self, backup_id: Id) -> None:
        """Send one delete."""
        ...

    async def restore(self, server_id: Id, backup_id: Id) -> None:
        """Send one restore."""
        ...
