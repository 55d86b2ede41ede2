"""What the files declare: policies resolved, overrides applied, nothing left to look up in them.

A `Config` is what is written. What one run is about (`reconcile.desired.desired`) also depends on the account.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from reconcile.diagnostics import Place
from reconcile.durations import Duration
from reconcile.ids import Id

Prune = bool | Duration
"""What happens to undeclared backups: nothing, all are deleted, or those that are older than this."""


class Period(StrEnum):
    """The calendar periods of `keep`, one backup each; `LAST` counts every backup."""

    LAST = "last"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    YEARLY = "yearly"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepCount:
    """Keep the newest backup of each of the `count` most recent periods that have one."""

    period: Period
    count: int | Literal["all"]

    def __str__(self) -> str:
        return f"{self.period}={self.count}"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepWithin:
    """Keep the newest backup of each period less than `duration` older than the newest of all."""

    period: Period
    duration: Duration

    def __str__(self) -> str:
        return f"{within_key(self.period)}={self.duration}"


Keep = tuple[KeepCount | KeepWithin, ...]
"""A retention policy: a backup stays if any rule keeps it. Never empty, and each rule keeps at least one."""


def within_key(period: Period) -> str:
    """Return the file's key for a `KeepWithin`: `within` or `within_PERIOD`."""
    return "within" if period is Period.LAST else f"within_{period}"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredSeries:
    """One `[[servers.KEY.backups]]` table: all manual backups of the server with one of its descriptions."""

    description: str
    every: Duration | None
    keep: Keep
    renamed_from: tuple[str, ...] = ()
    """What its description was before: backups that still have it belong to the series too."""

    @property
    def descriptions(self) -> tuple[str, ...]:
        """The descriptions of its backups, the present one first."""
        return (self.description, *self.renamed_from)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredServer:
    """One `[servers.KEY]` table, or a member of a fleet.

    `key` is what addresses begin with, `name` what the account calls it.
    """

    key: str
    name: str
    id: Id
    prune: Prune
    pinned: tuple[Id, ...]
    series: tuple[DeclaredSeries, ...]
    place: Place
    """The table itself, of a member that of its fleet; `place.at("id")` is a key in it."""
    fleet: str | None = None
    """The fleet that chose the server; None if it has a table of its own."""
    looked_at: tuple[tuple[str, str | None], ...] = ()
    """The fields of the server, other than its name, by which the fleet chose it, and their values."""

    @property
    def descriptions(self) -> frozenset[str]:
        """The descriptions of all its series: a backup with any other one is undeclared."""
        return frozenset(description for series in self.series for description in series.descriptions)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredFleet:
    """One `[fleets.NAME]` table: it declares every server of the account that it chooses, now and later."""

    name: str
    match: tuple[str, ...]
    """Globs on the account's names of its servers; at least one."""
    exclude: tuple[str, ...]
    location: frozenset[str] | None
    """The locations that it chooses from; None is any. `status` likewise."""
    status: frozenset[str] | None
    prune: Prune
    """False or an age, never True: nobody read the list of its servers."""
    series: tuple[DeclaredSeries, ...]
    place: Place
    """The table itself; `place.at("match")` is a key in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredAccount:
    """The account that the files are for, by its e-mail address."""

    email: str
    place: Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """The `[require]` table: what must hold, whoever edits the rest. None, and False, require nothing."""

    all_servers: bool = False
    """Every server of the account is declared, by a table or by a fleet."""
    every: Duration | None = None
    """Each server that has series has one whose `every` is at most this."""
    retention: Duration | None = None
    """Each server that has series has one whose policy, applied for long enough, always reaches back this far."""
    min_age: Duration | None = None
    """No usable backup that is younger is deleted."""
    place: Place | None = None
    """The table itself, None if no file has one; `place.at("every")` is a key in it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """The text of one file, with its byte order mark and its line endings, to show a line of it."""

    filename: str
    text: str = field(repr=False)

    @property
    def sha256(self) -> str:
        """The digest of the file, as `sha256sum` prints it: which version was read."""
        import hashlib  # noqa: PLC0415 - loads OpenSSL, and only status asks

        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """All that the files declare together; servers and fleets in the order of the files."""

    timezone: ZoneInfo
    max_shrink_percent: int
    stalled_after: Duration
    account: DeclaredAccount | None = None
    """None if the files do not name one."""
    require: Requirements = Requirements()
    servers: tuple[DeclaredServer, ...]
    fleets: tuple[DeclaredFleet, ...] = ()
    sources: tuple[Source, ...] = ()
