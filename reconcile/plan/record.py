"""The record of a run (spec, section 8): everything observed, planned and done, as JSON without secrets.

These types are the format: pydantic writes a record field by field, and reads it back. `reconcile.insight.replay` makes
each plan again from a record, without the service. A record must be small enough to keep every night, so lists are
tables of columns in which a repeated value is written once, a later observation has only what changed since the
previous one, and a plan is its actions and a digest of each server's part.
"""

import hashlib
import json
import zlib
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC
from functools import cached_property
from itertools import repeat, zip_longest
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json, to_jsonable_python

from reconcile.actual.inventory import Backup, Inventory, OddEntry, Server
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.desired.locate import Source
from reconcile.diagnostics import UserError
from reconcile.ids import Id
from reconcile.plan.model import Plan, ServerPlan
from reconcile.plan.planning import RunOptions

FORMAT_VERSION = 1

_DIGEST_DIGITS = 16
_MOST_ROWS = 1_000_000
"""More than any account holds. A damaged number must not fill the memory."""


def table(items: Sequence[Any]) -> dict[str, Any]:
    """Write dataclasses of one type as columns: a single value once, and repeated values by number."""
    columns: dict[str, Any] = {"count": len(items)}
    for name in (field.name for field in (fields(items[0]) if items else ()) if field.init):
        values = [getattr(item, name) for item in items]
        keys = list(map(repr, values))
        distinct = dict(zip(keys, values, strict=True))
        if len(distinct) == 1:
            columns[name] = {"all": values[0]}
        elif len(distinct) <= len(values) // 2:
            numbers = {key: number for number, key in enumerate(distinct)}
            columns[name] = {"values": list(distinct.values()), "at": [numbers[key] for key in keys]}
        else:
            columns[name] = values
    return columns


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read what `table` writes; raises KeyError, IndexError, TypeError or ValueError if it is not a table."""
    count = columns["count"]
    if count > _MOST_ROWS:
        raise ValueError(f"a table of {count:,} rows")
    names = [name for name in columns if name != "count"]
    values = [_column(columns[name], count) for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def _column(column: object, count: int) -> Any:  # noqa: ANN401 - values of any type, to iterate over
    match column:
        case {"all": value}:
            return repeat(value, count)
        case {"values": values, "at": at}:
            return [values[number] for number in at]
        case list():
            return column
        case _:
            raise TypeError("a column is not as expected")


def _check(value: object) -> int:
    """Return a short checksum, to find values altered by hand."""
    return zlib.crc32(to_json(value)) & 0xFFFF


_FROM_TABLE = BeforeValidator(rows_of)
_TO_TABLE = PlainSerializer(table)
_Time = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


@dataclass(frozen=True, kw_only=True, slots=True)
class StartedBy:
    """Who and what started a run, according to CI; None if unknown."""

    actor: str | None = None
    commit: str | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RestoreOptions:
    """The options of a restore."""

    server: str
    safety_backup: bool = False
    backup_id: str | None = None
    series: str | None = None
    before: _Time | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedAction:
    """One action of a plan: what it is for, whether it was withheld, and how it ended.

    `outcome` is that of `reconcile.outcomes`, None where the run did not come to it. `backup_id` is the backup that was
    created, or that was to be deleted.
    """

    verb: str
    address: str
    reason: Any = None
    """As JSON; None for an action requested by the user."""
    withheld: bool = False
    outcome: str | None = None
    explanation: str = ""
    backup_id: Id | None = None
    seconds: float = 0.0

    @property
    def was_sent(self) -> bool:
        """Whether the request was sent, with any outcome."""
        return self.outcome in {"succeeded", "failed", "unknown", "in progress"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """A plan: its actions, and digests of everything else. Both must be equal when it is made again."""

    planned_at: _Time
    actions: Annotated[tuple[RecordedAction, ...], _FROM_TABLE, _TO_TABLE]
    servers: Mapping[str, str]
    """A digest of the plan for each server, by its key, including what is kept there and why."""
    rest: str
    """A digest of everything about the whole account, such as the loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedFile:
    """A file that the run read, with digests to find what was altered by hand."""

    name: str
    sha256: str
    checks: tuple[int, ...]
    """A checksum of each line."""
    text: str

    @classmethod
    def of(cls, source: Source) -> "RecordedFile":
        """Record a file."""
        checks = tuple(map(_check, source.text.split("\n")))
        return cls(name=source.filename, sha256=source.sha256, checks=checks, text=source.text)

    @property
    def source(self) -> Source:
        """The file, to load it again."""
        return Source(filename=self.name, text=self.text)

    @property
    def altered(self) -> list[str]:
        """The lines, as `FILE:LINE`, whose text was altered after recording; the file, if only its digest differs."""
        again = RecordedFile.of(self.source)
        checks = enumerate(zip_longest(self.checks, again.checks), start=1)
        lines = [f"{self.name}:{number}" for number, (recorded, found) in checks if recorded != found]
        return lines or ([] if again == self else [self.name])


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What a round observed. Of the backups, it has only those that differ from the previous observation."""

    observed_at: _Time
    service_time: _Time | None
    account: str | None
    servers: Annotated[tuple[Server, ...], _FROM_TABLE, _TO_TABLE] | None
    unidentified: tuple[OddEntry, ...]
    gone: tuple[Id, ...]
    """The backups of the previous observation that are no longer listed."""
    backups: Annotated[tuple[Backup, ...], _FROM_TABLE, _TO_TABLE]
    checks: tuple[int, ...]
    """A checksum of each backup."""

    @classmethod
    def of(cls, inventory: Inventory, before: Inventory | None) -> "Observation":
        """Record an inventory, given that of the previous round; None in the first."""
        known = {backup.id: backup for backup in before.backups} if before else {}
        held = {backup.id for backup in inventory.backups}
        changed = tuple(backup for backup in inventory.backups if known.get(backup.id) != backup)
        return cls(
            observed_at=inventory.observed_at,
            service_time=inventory.service_time,
            account=inventory.account,
            servers=inventory.servers,
            unidentified=inventory.unidentified,
            gone=tuple(id_ for id_ in known if id_ not in held),
            backups=changed,
            checks=tuple(map(_check, changed)),
        )

    def inventory(self, base_url: str, before: Inventory | None) -> Inventory:
        """Return the whole inventory, given that of the previous round; raises ValueError if it is invalid."""
        left_out = {*self.gone, *(backup.id for backup in self.backups)}
        same = (backup for backup in before.backups if backup.id not in left_out) if before else ()
        return Inventory(
            base_url=base_url,
            servers=self.servers,
            backups=(*same, *self.backups),
            observed_at=self.observed_at,
            service_time=self.service_time,
            unidentified=self.unidentified,
            account=self.account,
        )

    @property
    def altered(self) -> list[str]:
        """The backups, as `SERVER/DESCRIPTION#ID`, whose entries were altered after recording."""
        return [
            f"{backup.server_name}/{backup.description or ''}#{backup.id}"
            for backup, check in zip_longest(self.backups, self.checks)
            if backup and check != _check(backup)
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRound:
    """One observation and its plan, None if the run ended before.

    `gained` has the series of each backup that the previous rounds gained and did not lose again, and `lost` is how
    many they lost. The limit on loss counts both.
    """

    observed: Observation
    gained: tuple[SeriesAddress, ...] = ()
    lost: int = 0
    plan: Outline | None = None

    @property
    def sent(self) -> list[RecordedAction]:
        """The actions that were sent."""
        return [action for action in self.plan.actions if action.was_sent] if self.plan else []


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run. `ended_at` is None if the run was killed or is still running."""

    reconcile_record: int = FORMAT_VERSION
    version: str
    command: Literal["apply", "restore"]
    started_at: _Time
    ended_at: _Time | None = None
    is_complete: bool | None = None
    errors: tuple[str, ...] = ()
    base_url: str
    started_by: StartedBy = StartedBy()
    options: RunOptions | RestoreOptions
    files: tuple[RecordedFile, ...] = ()
    saved_plan: dict[str, Any] | None = None
    """The saved plan that was applied, as in its file; None if the run had none."""
    rounds: tuple[RecordedRound, ...] = ()

    @cached_property
    def inventories(self) -> tuple[Inventory, ...]:
        """What each round observed; raises ValueError or OverflowError if one is invalid, but not after `parse`."""
        found: list[Inventory] = []
        for each in self.rounds:
            found.append(each.observed.inventory(self.base_url, found[-1] if found else None))
        return tuple(found)


_RECORD = TypeAdapter(Record)
_SERVER_PLAN = TypeAdapter(ServerPlan)


def outline(plan: Plan, withheld: Container[BackupAddress]) -> Outline:
    """Return what must be equal when this plan is made again."""
    actions = (
        RecordedAction(
            verb=action.verb,
            address=str(action.address),
            reason=to_jsonable_python(action.reason),
            withheld=action.address in withheld,
        )
        for action in plan.actions
    )
    # The wording of a diagnostic is not part of a plan: another version may word it better.
    about = [(each.severity, each.address, str(each.place)) for each in (*plan.errors, *plan.warnings)]
    rest = to_json(replace(plan, servers=(), errors=(), warnings=()), fallback=str)
    return Outline(
        planned_at=plan.planned_at,
        actions=tuple(actions),
        servers={server.key: _digest(_SERVER_PLAN.dump_json(server)) for server in plan.servers},
        rest=_digest(rest + json.dumps(about).encode()),
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_DIGITS]


def dump(record: Record) -> str:
    """Serialise a record."""
    found = _RECORD.dump_python(record, mode="json")
    text = json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # The name of a file or an argument may be no Unicode text, and no parser of JSON reads half a surrogate pair.
    return text.encode(errors="replace").decode() + "\n"


def parse(text: str | bytes, name: str) -> Record:
    """Read a record from the text of the file `name`; raises UserError if it is not one of this format, or damaged."""
    try:
        found = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError) as error:  # a TypeError for a string that is not Unicode
        raise _no_record(name) from error
    match found:
        case {"reconcile_record": int(number), "version": str(version)} if number != FORMAT_VERSION:
            raise UserError(
                f"{name} has the format {number}, written by reconcile {version}; this version reads {FORMAT_VERSION}",
                "Read it with the version that wrote it.",
            )
        case {"reconcile_record": _}:
            pass
        case _:
            raise _no_record(name)
    try:
        record = _RECORD.validate_python(found)
        _ = record.inventories  # reads them, or raises
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:  # pydantic's is a ValueError
        what = f"{error.error_count()} values are not as expected" if isinstance(error, ValidationError) else str(error)
        raise UserError(f"{name} is damaged: {what}", "Restore it from a copy.") from error
    return record


def _no_record(name: str) -> UserError:
    return UserError(f"{name} is not a record, or is damaged", "Records are written by apply --record DIR.")
