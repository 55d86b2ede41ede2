"""The reasons to create, delete or keep a backup, as data; `reconcile.report.plan.sentences` has the sentences.

`kind` is the name of an action's reason for programs: `action_reason` in JSON.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from reconcile.desired.keep import Keep, KeepCount, KeepWithin
from reconcile.durations import Duration


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """The series has no member, or only undersized ones where `--max-age` needs a usable one.

    `has_others` is set if it has backups that do not count: failed, stalled or, for `--max-age`, undersized.
    """

    has_others: bool
    kind: Literal["missing"] = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """The newest member is `age` old, and a new backup is due every `every`."""

    age: timedelta
    every: Duration
    kind: Literal["due"] = "due"


@dataclass(frozen=True, kw_only=True, slots=True)
class TooOld:
    """The newest member is `age` old, and this run needs a backup that is at most `max_age` old (`--max-age`)."""

    age: timedelta
    max_age: Duration
    kind: Literal["due"] = "due"


@dataclass(frozen=True, kw_only=True, slots=True)
class NotKept:
    """No rule of `keep` keeps the backup."""

    keep: Keep
    kind: Literal["retention"] = "retention"


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """A failed backup of a declared series."""

    status: str
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Undersized:
    """Completed, and smaller than `min_size`, in MiB."""

    min_size: int
    kind: Literal["undersized"] = "undersized"


@dataclass(frozen=True, kw_only=True, slots=True)
class Undeclared:
    """Undeclared, and pruned: at any age (None), or because it is older than `prune`."""

    age: timedelta
    prune: Duration | None
    kind: Literal["undeclared"] = "undeclared"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptRule:
    """A rule of `keep`; `is_oldest` is set if it keeps the oldest backup because some of its periods are unused."""

    rule: KeepCount | KeepWithin
    is_oldest: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptBy:
    """Kept by these rules."""

    rules: tuple[KeptRule, ...]


class Exemption(StrEnum):
    """Why a backup is kept, for reasons that need no details beside the backup."""

    PINNED = "pinned"
    """Pinned in the file."""
    NEWEST_UNDERSIZED = "newest_undersized"
    """As `Undersized`, but kept for inspection: no usable backup of the series is newer."""
    BESIDE_UNKNOWN = "beside_unknown"
    """The series has, or may have, an unknown backup, so none of its backups is deleted."""
    IGNORED = "ignored"
    """Undeclared, and matched by `ignore`."""
    NOT_PRUNED = "not_pruned"
    """Undeclared, and `prune` is off."""
    MISDATED = "misdated"
    """Dated in the future: the backup does not count, and is never deleted."""
    STALLED = "stalled"
    """Pending for longer than `stalled_after`."""
    IN_PROGRESS = "in_progress"
    UNKNOWN_STATUS = "unknown_status"
    """The status is not documented."""
    NOT_READABLE = "not_readable"
    """The description or the time has an undocumented form."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TooYoung:
    """Nothing else keeps the backup, but it is usable and younger than `min_age`, so it is not deleted."""

    min_age: Duration


@dataclass(frozen=True, kw_only=True, slots=True)
class PrunedLater:
    """Undeclared, and younger than `prune`; it will be pruned at `at`."""

    prune: Duration
    at: datetime


class Veto(StrEnum):
    """Why a delete must not be sent, for reasons without details."""

    NO_DELETE = "no delete"
    """This run deletes nothing (`--no-delete`)."""
    PAUSED = "paused"
    """The server is paused."""
    RULE_BROKEN = "rule broken"
    """The server breaks a rule of `[require]`."""
    CLOCK_UNCONFIRMED = "clock unconfirmed"
    """The delete depends on this machine's clock, which the service has not confirmed."""
    TOO_MUCH_LOST = "too much lost"
    """The plan as a whole would lose too much, and this delete adds to it."""
    LAST_USABLE = "last usable"
    """It is the last usable backup on the declared servers."""
    NOT_CREATED = "not created"
    """The delete depends on a new backup, which was not completed."""
    NOT_AWAITED = "not awaited"
    """The delete depends on a new backup that the run did not wait for (`--no-wait`)."""
    KEPT_AFTER_ALL = "kept after all"
    """With the new backup's actual date, `keep` still keeps this backup."""


CreateReason = Missing | Due | TooOld
SeriesDeleteReason = NotKept | Failed | Undersized
"""Why a backup of a declared series is deleted."""

DeleteReason = SeriesDeleteReason | Undeclared
KeepReason = KeptBy | TooYoung | PrunedLater | Exemption
"""Why a backup is kept; an undeclared one is *unmanaged* then."""


def unmet_text(max_age: Duration | None) -> str:
    """Say that a series has no backup as young as `--max-age` requires: in a plan, a stale plan, and after an apply."""
    return f"no usable backup is at most {max_age} old"
