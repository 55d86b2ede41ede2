"""Decides which completed backups are undersized: smaller than `min_size`, so probably empty (spec, section 1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from reconcile.actual.inventory import Backup, Inventory, State
from reconcile.addresses import Descriptions
from reconcile.desired.config import Config, DeclaredServer
from reconcile.ids import Id


@dataclass(frozen=True, kw_only=True, slots=True)
class MinSizes:
    """The minimum size of a completed backup, in MiB: `default`, except for the series that set their own.

    This is the only place that applies it. Everything that reads the account applies `judged` to the backups first, so
    all other code finds the result in their state.
    """

    default: int
    largest: int
    """The largest of all: most backups are larger."""
    by_name: Mapping[tuple[Id, str | None], int]
    """The exceptions, by server and description, present or former."""
    by_pattern: Mapping[Id, Sequence[tuple[Descriptions, int]]]
    """Those whose former descriptions are patterns, by server; each server has few of them."""

    @classmethod
    def of(cls, config: Config, servers: Iterable[DeclaredServer]) -> Self:
        """Collect the minimum sizes that the files set for these servers."""
        by_name: dict[tuple[Id, str | None], int] = {}
        by_pattern: dict[Id, list[tuple[Descriptions, int]]] = {}
        for server in servers:
            for series in server.series:
                if (size := series.min_size) is not None:
                    own = server.descriptions[series.description]
                    by_name |= {(server.id, each): size for each in (own.present, *own.former)}
                    if own.globs:
                        by_pattern.setdefault(server.id, []).append((own, size))
        default = config.settings.min_size
        return cls(default=default, largest=max((default, *by_name.values())), by_name=by_name, by_pattern=by_pattern)

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
        if backup.size_mb is None or backup.size_mb >= self.largest or backup.state is not State.USABLE:
            return False
        named = self.by_name.get((backup.server_id, backup.description))
        if named is None:
            patterns = self.by_pattern.get(backup.server_id, ())
            named = next((size for descriptions, size in patterns if backup.description in descriptions), None)
        return backup.size_mb < (self.default if named is None else named)


DEFAULT = MinSizes.of(Config(servers=()), ())
"""The minimum sizes without files."""
