"""The inventory of an account: its servers and backups, and when they were observed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import AwareDatetime

from reconcile.addresses import Descriptions, TextIndex
from reconcile.diagnostics import UserError
from reconcile.durations import age_text
from reconcile.ids import Id, id_order

LARGEST_SKEW = timedelta(minutes=10)
"""Maximum difference between our clock and the service's. Beyond it, ages, which decide deletes, can't be trusted."""

MANUAL, AUTOMATIC = "manual", "automatic"
COMPLETED = "completed"


class State(StrEnum):
    """The state of a backup, from its status and its size (spec, section 1)."""

    USABLE = "usable"
    UNDERSIZED = "undersized"
    PENDING = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BEING_DELETED = "being deleted"
    """The backup does not count, is never deleted again, and is not a problem."""
    STALLED = "stalled"
    """Pending for longer than `stalled_after`: this and `MISDATED` depend on the time (`TimeRules.state`)."""
    MISDATED = "misdated"

    @classmethod
    def of(cls, status: str) -> "State":
        """Classify a status of the service; an undocumented one is `UNKNOWN`, never guessed."""
        return _STATES.get(status) or cls.UNKNOWN


_STATES = {
    COMPLETED: State.USABLE,
    **dict.fromkeys(("in_progress", "pending", "queued", "creating", "running", "processing"), State.PENDING),
    **dict.fromkeys(("failed", "error", "errored", "cancelled", "canceled", "aborted"), State.FAILED),
    **dict.fromkeys(("deleting", "deleted", "pending_deletion", "removing", "removed"), State.BEING_DELETED),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A VPS in the account; `unreadable` names the fields that are not as documented, which are None or empty."""

    kind: ClassVar = "server"
    id: Id
    name: str
    location: str | None = None
    status: str | None = None
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """One backup as the service lists it. `size_mb` is in megabytes; times are aware and in UTC.

    `unreadable` names the fields that are not as documented. They are None or empty, except for `created_at`, which is
    the time of observation: a backup that may be new causes no delete, and counts for no `every`.
    """

    kind: ClassVar = "backup"
    id: Id
    server_id: Id
    server_name: str
    description: str | None
    backup_type: str
    status: str
    size_mb: int | float | None
    created_at: AwareDatetime
    expires_at: AwareDatetime | None
    unreadable: tuple[str, ...] = ()
    is_undersized: bool = False
    """Whether it is completed, and smaller than the `min_size` of the files; `MinSizes` sets it."""
    state: State = field(init=False)

    def __post_init__(self) -> None:
        state = State.UNDERSIZED if self.is_undersized else State.of(self.status)
        object.__setattr__(self, "state", state if self.is_identified else State.UNKNOWN)

    @property
    def is_identified(self) -> bool:
        """Whether the series of this backup, and when it was created, are certain."""
        return not self.unreadable or {"description", "created_at"}.isdisjoint(self.unreadable)

    @property
    def has_data(self) -> bool:
        """Whether a delete may be a loss: a `min_size` may be a typo, and good backups may be listed as failed."""
        return self.state in {State.USABLE, State.UNDERSIZED} or (self.state is State.FAILED and bool(self.size_mb))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class OddEntry:
    """A list entry that is not as documented, and its `unreadable` fields."""

    kind: Literal["backup", "server"]
    id: Id | None
    unreadable: tuple[str, ...]
    server_id: Id | None = None
    """The server of a backup, if readable."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All servers and all manual backups of the account, and the automatic backups if they were requested.

    An inventory is always complete. `servers` is None if the token has no permission to list them. `service_time` is
    the `Date` of the service's response, which arrived at `observed_at` by our clock.
    """

    base_url: str
    servers: tuple[Server, ...] | None
    backups: tuple[Backup, ...]
    observed_at: datetime
    service_time: datetime | None
    unidentified: tuple[OddEntry, ...] = ()
    """Entries without an id, and backups without a server or of an unknown type: they count as list entries only."""
    account: str | None = None
    """The e-mail address of the account; None if it was not requested, or the service does not send it."""

    def __post_init__(self) -> None:
        for ids in ([backup.id for backup in self.backups], [server.id for server in self.servers or ()]):
            if len(set(ids)) != len(ids):
                twice = [id_ for id_, count in Counter(ids).items() if count > 1]
                raise ValueError(f"not an inventory: listed twice: {twice}")

    @cached_property
    def manual(self) -> tuple[Backup, ...]:
        """The manual backups that are not being deleted: planning uses no others."""
        return tuple(
            backup
            for backup in self.backups
            if backup.backup_type == MANUAL and backup.state is not State.BEING_DELETED
        )

    @cached_property
    def by_server(self) -> Mapping[Id, "HeldBackups"]:
        """The manual backups of each server that has any."""
        grouped: dict[Id, dict[str | None, list[Backup]]] = {}
        for backup in self.manual:
            grouped.setdefault(backup.server_id, {}).setdefault(backup.description, []).append(backup)
        return {
            server_id: HeldBackups(
                (each, in_order(series[each]))
                for each in sorted(series, key=lambda each: (each is not None, each or ""))
            )
            for server_id, series in grouped.items()
        }

    def held_on(self, server_id: Id) -> "HeldBackups":
        """Return the manual backups of a server."""
        return self.by_server.get(server_id) or HeldBackups()

    @cached_property
    def names(self) -> Mapping[Id, str]:
        """The name of each server in the account, from the list of servers, or else from the backups."""
        if self.servers is not None:
            return {server.id: server.name for server in self.servers}
        return {backup.server_id: backup.server_name for backup in self.backups}


class HeldBackups(dict[str | None, tuple[Backup, ...]]):
    """The manual backups of one server by description, each tuple from the oldest to the newest."""

    @cached_property
    def _index(self) -> TextIndex:
        return TextIndex(description for description in self if description is not None)

    def named(self, descriptions: Descriptions) -> tuple[str | None, ...]:
        """Return the descriptions here that belong to a series."""
        names = (descriptions.present, *descriptions.former)
        if descriptions.globs:
            matched = (text for glob in descriptions.globs for text in self._index.matching(glob))
            names = tuple(dict.fromkeys((*names, *(text for text in matched if text in descriptions))))
        return tuple(filter(self.__contains__, names))

    def of(self, descriptions: Descriptions) -> tuple[Backup, ...]:
        """Return the backups with any description of a series, from the oldest to the newest."""
        found = self.named(descriptions)
        return self[found[0]] if len(found) == 1 else in_order(backup for name in found for backup in self[name])


def check_clock(inventory: Inventory) -> None:
    """Compare our clock with the service's, because ages decide what is deleted (spec, section 3).

    Raises:
        UserError: the clocks differ by more than `LARGEST_SKEW`.
    """
    if inventory.service_time is None:
        return
    skew = inventory.observed_at - inventory.service_time
    if abs(skew) > LARGEST_SKEW:
        side = "ahead of" if skew > timedelta(0) else "behind"
        raise UserError(
            f"this machine's clock is {age_text(abs(skew))} {side} the service's",
            "Ages decide what is deleted, so nothing is planned. Set the clock (for example with NTP) and try again.",
        )


def size_mb(backups: Iterable[Backup]) -> float | None:
    """Return the sum of the known sizes, in megabytes; None if there are backups and the size of none is known."""
    sizes = [backup.size_mb for backup in backups]
    known = [size for size in sizes if size is not None]
    return sum(known) if known or not sizes else None


def in_order(backups: Iterable[Backup]) -> tuple[Backup, ...]:
    """Sort from the oldest to the newest, and by id if two were created at the same moment."""
    found = tuple(backups)
    if len(found) < 2:  # noqa: PLR2004 - nothing to sort
        return found  # most series have one backup, and the key takes as long as everything else
    return tuple(sorted(found, key=lambda backup: (backup.created_at, id_order(backup.id))))
