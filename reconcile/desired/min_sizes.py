"""Decides which completed backups are undersized: smaller than `min_size`, so probably empty (spec, section 1)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from reconcile.actual.inventory import Backup, Inventory, State
from reconcile.addresses import Descriptions
from reconcile.desired.config import Config, DeclaredServer
from reconcile.desired.document import Settings
from reconcile.ids import Id


@dataclass(frozen=True, kw_only=True)
class MinSizes:
    """The minimum size of a completed backup, in MiB: `default`, except for the series in `exceptions`.

    This is the only place that applies it. Everything that reads the account applies `judged` to the backups first, so
    all other code finds the result in their state.
    """

    default: int
    exceptions: tuple[tuple[Id, Descriptions, int], ...] = ()
    """By server and series."""

    @classmethod
    def of(cls, config: Config, servers: Iterable[DeclaredServer]) -> Self:
        """Collect the minimum sizes that the files set for these servers."""
        exceptions = (
            (server.id, server.descriptions[series.description], series.min_size)
            for server in servers
            for series in server.series
            if series.min_size is not None
        )
        return cls(default=config.settings.min_size, exceptions=tuple(exceptions))

    def judged(self, backups: Iterable[Backup]) -> tuple[Backup, ...]:
        """Return the backups, with the state UNDERSIZED for those that are."""
        return tuple(replace(each, is_undersized=True) if self._is_undersized(each) else each for each in backups)

    def judged_inventory(self, inventory: Inventory) -> Inventory:
        """Return the inventory with its backups judged; the same one if none is undersized."""
        if not any(map(self._is_undersized, inventory.backups)):
            return inventory
        return replace(inventory, backups=self.judged(inventory.backups))

    def _is_undersized(self, backup: Backup) -> bool:
        """Return whether a backup is smaller than its minimum size; False if its size is not known."""
        if backup.size_mb is None or backup.size_mb >= self._largest or backup.state is not State.USABLE:
            return False
        named = self._by_name.get((backup.server_id, backup.description))
        if named is None:
            patterns = self._by_pattern.get(backup.server_id, ())
            named = next((size for descriptions, size in patterns if backup.description in descriptions), None)
        return backup.size_mb < (self.default if named is None else named)

    @cached_property
    def _largest(self) -> int:
        return max((self.default, *(size for _, _, size in self.exceptions)))

    @cached_property
    def _by_name(self) -> dict[tuple[Id, str | None], int]:
        return {
            (server_id, name): size
            for server_id, descriptions, size in self.exceptions
            for name in (descriptions.present, *descriptions.former)
        }

    @cached_property
    def _by_pattern(self) -> dict[Id, list[tuple[Descriptions, int]]]:
        """The exceptions for series whose former descriptions are patterns; a server has few of them."""
        found: dict[Id, list[tuple[Descriptions, int]]] = {}
        for server_id, descriptions, size in self.exceptions:
            if descriptions.globs:
                found.setdefault(server_id, []).append((descriptions, size))
        return found


DEFAULT = MinSizes(default=Settings.model_construct().min_size)
"""The minimum sizes without files."""
