"""The shape of one TOML file (spec, section 2): what pydantic checks, and what `reconcile schema` describes."""

import unicodedata
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError

from reconcile.desired.config import Prune
from reconcile.durations import EXAMPLES, PATTERN, Duration
from reconcile.ids import Id

_COUNT_SCHEMA = [{"type": "integer", "minimum": 1}, {"const": "all"}]
_DURATION_SCHEMA = {"type": "string", "pattern": PATTERN, "examples": ["36h", "1d", "1mo"]}


def _refuse(message: str) -> PydanticCustomError:
    # The message is handed over as a value: text from the file may hold braces.
    return PydanticCustomError("reconcile", "{message}", {"message": message})


def _duration(value: object) -> Duration:
    if not isinstance(value, str):
        raise _refuse(f'a duration is text, in quotes: write it like "1d" ({EXAMPLES})')
    try:
        return Duration.parse(value)
    except ValueError as error:
        raise _refuse(str(error)) from error


def _prune(value: object) -> Prune:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _refuse('write prune = false, true, or an age such as "7d"')
    return _duration(value)


def _count(value: object) -> int | Literal["all"]:
    if value == "all":
        return "all"
    if isinstance(value, bool) or not isinstance(value, int):
        raise _refuse('write a whole number of at least 1, or "all"')
    if value < 1:
        raise _refuse(f'{value} would keep nothing; write a whole number of at least 1, or "all"')
    return value


def _keep(value: object) -> object:
    if isinstance(value, dict):
        if not value:
            raise _refuse('an empty table would keep nothing; write a number, "all", or { daily = 7 }')
        return value
    if isinstance(value, str) and value != "all":
        raise _refuse('write a number, "all", or a table such as { last = 3, daily = 7 }')
    return {"last": _count(value)}


def _id(value: object) -> Id:
    if isinstance(value, bool) or not isinstance(value, int | str) or value in {"", ".", ".."}:
        raise _refuse("an id is the service's own: a whole number, or text in quotes")
    return value


def _percent(value: object) -> int:
    digits = value[:-1] if isinstance(value, str) and value.endswith("%") else ""
    if not (digits.isascii() and digits.isdigit() and int(digits) <= 100):  # noqa: PLR2004 - per cent
        raise _refuse('write a whole percentage from "0%" to "100%"')
    return int(digits)


def _zone(value: object) -> ZoneInfo:
    try:
        return ZoneInfo(value)  # type: ignore[arg-type] # any value of the file; a wrong one is refused here
    except (
        ValueError,
        OSError,
        TypeError,
        KeyError,
    ) as error:  # what zoneinfo raises, by the kind of mistake
        raise _refuse('not an IANA time zone; write one like "UTC" or "Europe/Rome"') from error


def unclean(text: str) -> str | None:
    """Say what the service might trim or a terminal might obey in `text`, or None where there is nothing."""
    if not text:
        return "is empty"
    if text != text.strip():
        return "has white space at an end"
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} for character in text):
        return "has control characters"
    return None


def _description(value: object) -> str:
    if not isinstance(value, str):
        raise _refuse("a description is text, in quotes")
    if problem := unclean(value):
        raise _refuse(
            f"the description {problem}; the service may change it on the way, and the backup would never be "
            f"recognised. Write plain text{_trimmed(value)}"
        )
    return value


def _trimmed(value: str) -> str:
    trimmed = value.strip()
    return f": {trimmed!r}" if trimmed and not unclean(trimmed) else ""


def is_server_key(text: str) -> bool:
    """Tell whether `text` may begin an address SERVER/DESCRIPTION."""
    return "/" not in text and not unclean(text)


def _server_key(value: str) -> str:
    if not is_server_key(value):
        raise _refuse(
            f"{value!r} can't begin an address SERVER/DESCRIPTION: a key has no slash, no white space at an end, no "
            "control characters. Write another key, and the server's name as name = "
        )
    return value


DurationField = Annotated[Duration, PlainValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
CountField = Annotated[
    int | Literal["all"],
    PlainValidator(_count),
    WithJsonSchema({"anyOf": _COUNT_SCHEMA}),
]
IdField = Annotated[
    Id,
    PlainValidator(_id),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1}]}),
]
PruneField = Annotated[
    Prune, PlainValidator(_prune), WithJsonSchema({"anyOf": [{"type": "boolean"}, _DURATION_SCHEMA]})
]
DescriptionField = Annotated[
    str,
    PlainValidator(_description),
    WithJsonSchema({"type": "string", "pattern": r"^\S([^\u0000-\u001f\u007f-\u009f]*\S)?$"}),
]
ServerKey = Annotated[str, PlainValidator(_server_key), WithJsonSchema({"type": "string", "minLength": 1})]


class Table(BaseModel):
    """A TOML table that refuses keys it does not know, and never turns one type into another."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)


class KeepTable(Table):
    """Which usable backups of a series stay; a backup stays if any rule keeps it, as in restic's `forget`."""

    last: CountField | None = Field(None, description="The newest N.")
    hourly: CountField | None = Field(None, description="The newest of each of the last N hours that have one.")
    daily: CountField | None = Field(None, description="The newest of each of the last N days that have one.")
    weekly: CountField | None = Field(None, description="The newest of each of the last N ISO weeks that have one.")
    monthly: CountField | None = Field(None, description="The newest of each of the last N months that have one.")
    yearly: CountField | None = Field(None, description="The newest of each of the last N years that have one.")
    within: DurationField | None = Field(None, description="All that are less than this older than the newest.")
    within_hourly: DurationField | None = Field(None, description="One an hour, within this of the newest.")
    within_daily: DurationField | None = Field(None, description="One a day, within this of the newest.")
    within_weekly: DurationField | None = Field(None, description="One an ISO week, within this of the newest.")
    within_monthly: DurationField | None = Field(None, description="One a month, within this of the newest.")
    within_yearly: DurationField | None = Field(None, description="One a year, within this of the newest.")


class _OrCount:
    """In the schema, a keep table may also be a number or "all"."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [*_COUNT_SCHEMA, handler(core)]}


KeepField = Annotated[KeepTable, BeforeValidator(_keep), _OrCount()]


class SettingsTable(Table):
    """What holds for all servers."""

    timezone: Annotated[ZoneInfo, PlainValidator(_zone), WithJsonSchema({"type": "string", "default": "UTC"})] = Field(
        ZoneInfo("UTC"), description="The calendar that keep's days, weeks and months follow (IANA name)."
    )
    prune: PruneField = Field(
        default=False,
        description="What happens to undeclared backups on declared servers: false, true or an age.",
    )
    max_shrink: Annotated[
        int,
        PlainValidator(_percent),
        WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,3}%$", "default": "20%"}),
    ] = Field(20, description="apply refuses to lose more than this share of the usable backups.")
    stalled_after: DurationField = Field(
        Duration(seconds=24 * 3600),
        description="A backup in progress for longer than this counts for nothing.",
    )


class PolicyTable(Table):
    """A named policy, to share between series."""

    every: DurationField | None = Field(None, description="A new backup is due when the newest is this old.")
    keep: KeepField | None = Field(None, description='How many stay: a number, "all", or a table of rules.')


class BackupTable(PolicyTable):
    """A series: all manual backups of the server with this description."""

    description: DescriptionField = Field(description="The identity of the series; the service stores nothing else.")
    policy: str | None = Field(None, description="The name of a policy; every and keep here override it.")


class ServerTable(Table):
    """A server, and which manual backups it shall have."""

    id: IdField = Field(description="The server's id in the account.")
    name: str | None = Field(None, description="The server's name in the account, where the key is not it.")
    prune: PruneField | None = Field(None, description="Overrides settings.prune.")
    pinned: list[IdField] = Field([], description="Ids of backups that are never deleted.")
    backups: list[BackupTable] = []


class Document(Table):
    """Which manual backups each VPS.org server shall have; read by reconcile."""

    settings: SettingsTable | None = None
    policies: dict[str, PolicyTable] = {}
    servers: dict[ServerKey, ServerTable] = {}
