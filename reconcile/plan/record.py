"""The record of a run (spec, section 8): everything observed, planned and done, as JSON without secrets.

`reconcile.insight.replay` makes each plan again from a record, without the service. A record must be small enough to
keep every night, so lists are tables of columns in which a repeated value is written once, and a plan is its actions
and a digest of each server's part.
"""

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, TypeAdapter, ValidationError
from pydantic_core import from_json

from reconcile.actual.inventory import Backup, Inventory, OddEntry, Server
from reconcile.addresses import BackupAddress, SeriesAddress
from reconcile.desired.locate import Source
from reconcile.diagnostics import UserError
from reconcile.ids import Id
from reconcile.plan.model import Create, Plan, ServerPlan
from reconcile.plan.planning import RunOptions
from reconcile.plan.saved import envelope, read

FORMAT_VERSION = 1

_CHECK_DIGITS = 4
_DIGEST_DIGITS = 16
_MOST_ROWS = 1_000_000
"""More than any account holds. A damaged number must not fill the memory."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SERVER_PLAN = TypeAdapter(ServerPlan)
_PLAN = TypeAdapter(Plan)


def table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Write rows with the same keys as columns: a single value once, and repeated values by number."""
    columns: dict[str, Any] = {"count": len(rows)}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        numbers: dict[str, int] = {}
        at = [numbers.setdefault(repr(value), len(numbers)) for value in values]
        if len(numbers) == 1:
            columns[name] = {"all": values[0]}
        elif len(numbers) <= len(values) // 2:
            first = {number: value for value, number in zip(reversed(values), reversed(at), strict=True)}
            columns[name] = {"values": [first[number] for number in range(len(numbers))], "at": at}
        else:
            columns[name] = values
    return columns


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Read what `table` writes; raises KeyError, IndexError, TypeError or ValueError if it is not a table."""
    count = columns["count"]
    if count > _MOST_ROWS:
        raise ValueError(f"a table of {count:,} rows")
    written: dict[str, Sequence[Any]] = {}
    for name, column in columns.items():
        match column:
            case _ if name == "count":
                continue
            case {"all": value}:
                written[name] = [value] * count
            case {"values": values, "at": at}:
                written[name] = [values[number] for number in at]
            case list():
                written[name] = column
            case _:
                raise TypeError(name)
    names = list(written)
    return [dict(zip(names, row, strict=True)) for row in zip(*written.values(), strict=True)]


_FROM_TABLE = BeforeValidator(rows_of)
_TO_TABLE = PlainSerializer(lambda items: table([asdict(item) for item in items]))
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
    before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedAction:
    """One action of a plan: its reason, and whether it was withheld."""

    verb: str
    address: str
    reason: str = ""
    """As JSON; empty for an action requested by the user."""
    withheld: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What must be equal when a plan is made again: its actions, and digests of everything else."""

    planned_at: _Time
    actions: Annotated[tuple[PlannedAction, ...], _FROM_TABLE, _TO_TABLE]
    servers: Mapping[str, str]
    """A digest of the plan for each server, by its key, including what is kept there and why."""
    rest: str
    """A digest of everything about the whole account, such as the loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """How one action of a plan ended."""

    verb: str
    address: str
    outcome: str
    explanation: str = ""
    backup_id: Id | None = None
    seconds: float = 0.0

    @property
    def was_sent(self) -> bool:
        """Whether the request was sent, with any outcome."""
        return self.outcome in {"succeeded", "failed", "unknown", "in progress"}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRound:
    """One observation, its plan, and how the plan's actions ended; None if the run ended before.

    `gained` and `lost` are the backups gained and lost in earlier rounds, which the limit on loss counts.
    """

    inventory: Inventory
    altered: tuple[str, ...] = ()
    """The backups, as `SERVER/DESCRIPTION#ID`, whose entries were altered after recording."""
    gained: Mapping[SeriesAddress, int] = field(default_factory=Counter)
    lost: int = 0
    outline: Outline | None = None
    done: tuple[Done, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """One run. `ended_at` is None if the run was killed or is still running."""

    version: str
    command: Literal["apply", "restore"]
    started_at: datetime
    base_url: str
    started_by: StartedBy = StartedBy()
    options: RunOptions | RestoreOptions
    files: tuple[Source, ...] = ()
    altered_lines: tuple[str, ...] = ()
    """The lines, as `FILE:LINE`, whose text was altered after recording."""
    saved_plan: Plan | None = None
    """The saved plan that was applied, if the run had one."""
    rounds: tuple[RecordedRound, ...] = ()
    ended_at: datetime | None = None
    is_complete: bool | None = None
    errors: tuple[str, ...] = ()


def outline(plan: Plan, withheld: frozenset[BackupAddress]) -> Outline:
    """Return what must be equal when this plan is made again."""
    actions = (
        PlannedAction(
            verb="create" if isinstance(action, Create) else "delete",
            address=str(action.address),
            reason=json.dumps(_ANY.dump_python(action.reason, mode="json"), sort_keys=True),
            withheld=action.address in withheld,
        )
        for action in plan.actions
    )
    # The wording of a diagnostic is not part of a plan: another version may word it better.
    about = [(each.severity, each.address, str(each.place)) for each in (*plan.errors, *plan.warnings)]
    rest = _PLAN.dump_json(replace(plan, servers=(), errors=(), warnings=()))
    return Outline(
        planned_at=plan.planned_at,
        actions=tuple(actions),
        servers={server.key: _digest(_SERVER_PLAN.dump_json(server)) for server in plan.servers},
        rest=_digest(rest + json.dumps(about).encode()),
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST_DIGITS]


@dataclass(frozen=True, kw_only=True, slots=True)
class _WrittenFile:
    name: str
    sha256: str
    checks: str
    """A checksum for each line."""
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _WrittenObservation:
    at: _Time
    service_time: _Time | None
    account: str | None
    servers: Annotated[tuple[Server, ...], _FROM_TABLE, _TO_TABLE] | None
    unidentified: tuple[OddEntry, ...]
    gone: tuple[Id, ...]
    """The backups of the previous observation that are no longer listed."""
    backups: dict[str, Any]
    """The backups that differ from the previous observation; in the first, all backups."""
    checks: str
    """A checksum for each of these backups."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _WrittenRound:
    observed: _WrittenObservation
    gained: tuple[tuple[str, str | None, int], ...]
    lost: int
    plan: Outline | None
    outcomes: Annotated[tuple[Done, ...], _FROM_TABLE, _TO_TABLE] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _WrittenRecord:
    """A record as it is written."""

    reconcile_record: int
    version: str
    command: Literal["apply", "restore"]
    started_at: _Time
    ended_at: _Time | None
    is_complete: bool | None
    errors: tuple[str, ...]
    base_url: str
    started_by: StartedBy
    options: dict[str, Any]
    files: tuple[_WrittenFile, ...]
    saved_plan: Any
    rounds: tuple[_WrittenRound, ...]


_ANY = TypeAdapter[Any](Any)
_WRITTEN = TypeAdapter(_WrittenRecord)
_OPTIONS: Mapping[str, TypeAdapter[RunOptions | RestoreOptions]] = {
    "apply": TypeAdapter(RunOptions),
    "restore": TypeAdapter(RestoreOptions),
}
_BACKUPS = TypeAdapter(tuple[Backup, ...])


def dump(record: Record) -> str:
    """Serialise a record."""
    written = _WrittenRecord(
        reconcile_record=FORMAT_VERSION,
        version=record.version,
        command=record.command,
        started_at=record.started_at,
        ended_at=record.ended_at,
        is_complete=record.is_complete,
        errors=record.errors,
        base_url=record.base_url,
        started_by=record.started_by,
        options=_ANY.dump_python(record.options, mode="json"),
        files=tuple(
            _WrittenFile(name=file.filename, sha256=file.sha256, checks=_checks(_lines(file)), text=file.text)
            for file in record.files
        ),
        saved_plan=record.saved_plan and envelope(record.saved_plan, record.version),
        rounds=tuple(
            _written_round(each, before) for each, before in zip(record.rounds, (None, *record.rounds), strict=False)
        ),
    )
    # json's own, because names from the service may contain a lone surrogate.
    return json.dumps(_WRITTEN.dump_python(written, mode="json"), allow_nan=False, separators=(",", ":")) + "\n"


def _lines(file: Source) -> list[str]:
    return file.text.split("\n")


def _written_round(each: RecordedRound, before: RecordedRound | None) -> _WrittenRound:
    seen = each.inventory
    known = {backup.id: backup for backup in before.inventory.backups} if before else {}
    held = {backup.id for backup in seen.backups}
    rows = [_row(backup) for backup in seen.backups if known.get(backup.id) != backup]
    return _WrittenRound(
        observed=_WrittenObservation(
            at=seen.observed_at,
            service_time=seen.service_time,
            account=seen.account,
            servers=seen.servers,
            unidentified=seen.unidentified,
            gone=tuple(id_ for id_ in known if id_ not in held),
            backups=table(rows),
            checks=_checks(map(_values, rows)),
        ),
        gained=tuple((address.server, address.description, count) for address, count in each.gained.items()),
        lost=each.lost,
        plan=each.outline,
        outcomes=each.done,
    )


def _row(backup: Backup) -> dict[str, Any]:
    """Write a backup with times in microseconds since 1970, and its expiry counted from its creation."""
    return {
        "id": backup.id,
        "server": [backup.server_id, backup.server_name],
        "description": backup.description,
        "backup_type": backup.backup_type,
        "status": backup.status,
        "size_mb": backup.size_mb,
        "created_at": (backup.created_at - _EPOCH) // _MICROSECOND,
        "expires_after": backup.expires_at and (backup.expires_at - backup.created_at) // _MICROSECOND,
        "unreadable": list(backup.unreadable),
    }


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the backup that `_row` wrote."""
    row["server_id"], row["server_name"] = row.pop("server")
    row["created_at"] = _EPOCH + row["created_at"] * _MICROSECOND
    after = row.pop("expires_after")
    row["expires_at"] = None if after is None else row["created_at"] + after * _MICROSECOND
    return row


def _values(row: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(row.values())


def _checks(values: Iterable[object]) -> str:
    """Return a short checksum of each value, one after the other, to find values altered by hand."""
    return "".join(f"{zlib.crc32(repr(value).encode(errors='surrogatepass')) & 0xFFFF:04x}" for value in values)


def _altered(values: Sequence[object], checks: str) -> list[int]:
    """Return the numbers of the values that do not match their checksums."""
    actual = _checks(values)
    digits = _CHECK_DIGITS
    longest = max(len(actual), len(checks)) // digits
    return [at for at in range(longest) if actual[at * digits :][:digits] != checks[at * digits :][:digits]]


def parse(text: str, name: str) -> Record:
    """Read a record from the text of the file `name`; raises UserError if it is not one of this format, or damaged."""
    try:
        found = from_json(text, allow_inf_nan=False)
    except (ValueError, TypeError) as error:  # a TypeError for text that is not Unicode
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
        return _read(_WRITTEN.validate_python(found), name)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:  # pydantic's is a ValueError
        what = f"{error.error_count()} values are not as expected" if isinstance(error, ValidationError) else str(error)
        raise UserError(f"{name} is damaged: {what}", "Restore it from a copy.") from error


def _no_record(name: str) -> UserError:
    return UserError(f"{name} is not a record, or is damaged", "Records are written by apply --record DIR.")


def _read(written: _WrittenRecord, name: str) -> Record:
    files = tuple(Source(filename=file.name, text=file.text) for file in written.files)
    altered: list[str] = []
    for source, file in zip(files, written.files, strict=True):
        lines = [f"{source.filename}:{at + 1}" for at in _altered(_lines(source), file.checks)]
        altered += lines or ([source.filename] if source.sha256 != file.sha256 else [])
    rounds: list[RecordedRound] = []
    for each in written.rounds:
        rounds.append(_read_round(each, rounds[-1].inventory if rounds else None, written.base_url))
    return Record(
        version=written.version,
        command=written.command,
        started_at=written.started_at,
        ended_at=written.ended_at,
        is_complete=written.is_complete,
        errors=written.errors,
        base_url=written.base_url,
        started_by=written.started_by,
        options=_OPTIONS[written.command].validate_python(written.options),
        files=files,
        altered_lines=tuple(altered),
        saved_plan=written.saved_plan and read(written.saved_plan, f"the saved plan in {name}"),
        rounds=tuple(rounds),
    )


def _read_round(each: _WrittenRound, before: Inventory | None, base_url: str) -> RecordedRound:
    seen = each.observed
    rows = rows_of(seen.backups)
    altered = _altered(list(map(_values, rows)), seen.checks)
    changed = _BACKUPS.validate_python(list(map(_fields, rows)))
    left_out = {*seen.gone, *(backup.id for backup in changed)}
    same = [backup for backup in before.backups if backup.id not in left_out] if before else []
    return RecordedRound(
        inventory=Inventory(
            base_url=base_url,
            servers=seen.servers,
            backups=(*same, *changed),
            observed_at=seen.at,
            service_time=seen.service_time,
            unidentified=seen.unidentified,
            account=seen.account,
        ),
        altered=tuple(
            f"{backup.server_name}/{backup.description or ''}#{backup.id}"
            for backup in (changed[at] for at in altered if at < len(changed))
        ),
        gained={SeriesAddress(server, description): count for server, description, count in each.gained},
        lost=each.lost,
        outline=each.plan,
        done=each.outcomes,
    )
