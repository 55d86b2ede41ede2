"""What the service lists, once it is known to be whole: servers, manual backups, and when that was seen."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from reconcile.ids import Id

LARGEST_SKEW = timedelta(minutes=10)
"""Between our clock and the service's; beyond it no age can be trusted, and ages decide what is deleted."""

MANUAL = "manual"
COMPLETED = "completed"


class State(StrEnum):
    """What a status means to us (spec, section 1); decided once, here at the door."""

    USABLE = "usable"
    PENDING = "pending"
    FAILED = "failed"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, status: str) -> "State":
        """Sort a status of the service; one that nobody has heard of is `UNKNOWN`, never guessed at."""
        return _STATES.get(status, cls.UNKNOWN)


_STATES = {
    COMPLETED: State.USABLE,
    **dict.fromkeys(("in_progress", "pending", "queued", "creating", "running", "processing"), State.PENDING),
    **dict.fromkeys(("failed", "error", "errored", "cancelled", "canceled", "aborted"), State.FAILED),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A VPS of the account."""

    id: Id
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Backup:
    """One backup as the service lists it. `size_mb` is in megabytes, times are aware and in UTC."""

    id: Id
    server_id: Id
    server_name: str
    description: str | None
    backup_type: str
    status: str
    size_mb: int | float | None
    created_at: datetime
    expires_at: datetime | None

    @property
    def state(self) -> State:
        """What the status means to us."""
        return State.of(self.status)


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """All servers and all manual backups of the account; one that exists is complete.

    `servers` is None where the token may not list them. `service_time` is the `Date` of the service's answer, read
    at `observed_at` by our clock.
    """

    base_url: str
    servers: tuple[Server, ...] | None
    backups: tuple[Backup, ...]
    observed_at: datetime
    service_time: datetime | None

    def __post_init__(self) -> None:
        for ids in ([it.id for it in self.backups], [it.id for it in self.servers or ()]):
            twice = [id_ for id_, count in Counter(ids).items() if count > 1]
            if twice:
                raise ValueError(f"not an inventory: listed twice: {twice}")
        if any(it.backup_type != MANUAL for it in self.backups):
            raise ValueError("not an inventory: only manual backups belong in it")
        if any(it.created_at.tzinfo is None for it in self.backups):
            raise ValueError("not an inventory: a time without its offset")
