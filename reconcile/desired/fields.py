"""The types of values in a TOML file (spec, section 2), each with its check and its part of the schema."""

import functools
import re
from datetime import date, datetime, time
from typing import Annotated, Literal, LiteralString
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconcile.diagnostics import did_you_mean
from reconcile.durations import EXAMPLES, PATTERN, Duration
from reconcile.ids import Id
from reconcile.limits import LARGEST_INTEGER, LONGEST_ID, SMALLEST_INTEGER, is_64_bit

Prune = bool | Duration
"""What happens to undeclared backups: False keeps all, True deletes all, a duration deletes those that are older."""

_PERCENT = re.compile(r"(100|[0-9]{1,2})%")
_SIZE = re.compile(r"([0-9]{1,9})(MiB|GiB)")
_DECIMAL_SIZE = re.compile(r"([0-9]{1,9})\s*([mg])(?:i?b)?", re.IGNORECASE)
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line and paragraph separators, lone surrogates (Unicode's Cc, Zl, Zp and Cs)."""

_COUNT_ADVICE = 'Write a whole number of at least 1, or "all".'
_KEEP_ADVICE = 'Write a number, "all", or a table such as { last = 3, daily = 7 }.'
_DURATION_SCHEMA = {"type": "string", "pattern": PATTERN, "examples": ["36h", "1d", "1mo"]}

_parse_duration = functools.cache(Duration.parse)  # a large file repeats a few: this saves an eighth of the time


def _error(problem: str, advice: str = "", kind: LiteralString = "reconcile") -> PydanticCustomError:
    """Return the error for a validator to raise; `reconcile.desired.explain` turns it into a diagnostic."""
    # The problem is passed as a value, because text from the file may contain braces.
    return PydanticCustomError(kind, "{problem}", {"problem": problem, "advice": advice})


def _duration(value: object) -> Duration:
    if not isinstance(value, str):
        raise _error("a duration must be a string in quotes", f'Write it like "1d" ({EXAMPLES}).')
    try:
        return _parse_duration(value)
    except ValueError as error:
        raise _error(str(error)) from error


def _prune(value: object) -> Prune:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _error("must be true, false or an age", 'Write an age like "7d".')
    return _duration(value)


def _fleet_prune(value: object) -> Prune:
    if value is True:
        raise _error(
            "prune = true is not allowed in a fleet, which can match servers you did not expect",
            'Write an age such as "30d", or give the server its own table.',
        )
    if value is not False and not isinstance(value, str):
        raise _error("must be false or an age", 'Write an age like "30d".')
    return _prune(value)


def _count(value: object) -> int | Literal["all"]:
    if value == "all":
        return "all"
    if isinstance(value, bool) or not isinstance(value, int):
        raise _error("not a number of backups", _COUNT_ADVICE)
    if value < 1:
        raise _error("a number below 1 would keep nothing", _COUNT_ADVICE)
    if value > LARGEST_INTEGER:
        raise _error("the number is too large", 'Write "all" to keep every backup.')
    return value


def table_or_count(value: object) -> dict[str, object] | int | Literal["all"]:
    """Return the value of `keep`: a table that is not empty, whose rules are not checked yet, or a count."""
    if isinstance(value, dict):
        if not value:
            raise _error("an empty table would keep nothing", _KEEP_ADVICE)
        return value
    if isinstance(value, str) and value != "all":
        raise _error("must be a number or a table of rules", _KEEP_ADVICE)
    return _count(value)


def _id(value: object) -> Id:
    # An id becomes part of a URL, whose path "." and ".." would change.
    if isinstance(value, bool) or not isinstance(value, int | str) or value in {"", ".", ".."}:
        raise _error("not an id", "Write the id that the service gave: a whole number, or a string in quotes.")
    if isinstance(value, str) and len(value) > LONGEST_ID:
        raise _error("the text is too long for an id", "Write the id that the service gave.")
    if isinstance(value, int) and not is_64_bit(value):
        raise _error(
            "the number is too large for an id", "Write the id that the service gave; a number must fit in 64 bits."
        )
    return value


def _matched(pattern: re.Pattern[str], value: object, problem: str, advice: str) -> re.Match[str]:
    if isinstance(value, str) and (match := pattern.fullmatch(value)):
        return match
    raise _error(problem, advice)


def _percent(value: object) -> int:
    advice = 'Write a whole percentage from "0%" to "100%", in quotes.'
    return int(_matched(_PERCENT, value, "not a percentage", advice)[1])


def _size(value: object) -> int:
    """Read a size; returns MiB."""
    decimal = _DECIMAL_SIZE.fullmatch(value) if isinstance(value, str) else None
    advice = f'Write "{decimal[1]}{decimal[2].upper()}iB".' if decimal else 'Write it like "1MiB" or "2GiB".'
    match = _matched(_SIZE, value, "not a size in MiB or GiB", advice)
    return int(match[1]) * (1024 if match[2] == "GiB" else 1)


def size_setting(mebibytes: int) -> str:
    """Return a size as it is written in the file."""
    gibibytes, rest = divmod(mebibytes, 1024)
    return f"{mebibytes}MiB" if rest or not gibibytes else f"{gibibytes}GiB"


def _time_of_day(value: object) -> time:
    advice = 'Write a time from "00:00" to "23:59", in quotes.'
    match = _matched(_TIME_OF_DAY, value, "not a time of day", advice)
    return time(int(match[1]), int(match[2]))


_OF_THE_MACHINE = ("localtime", "posixrules", "Factory", "posix/", "right/")
"""Names that zoneinfo finds among the machine's files although they are not zones, or exist on some machines only."""


def _until(value: object) -> date | datetime:
    if not isinstance(value, date):
        raise _error("not a date", "Write it without quotes, like 2026-12-06: it lasts through the end of that day.")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise _error("a time needs its offset", "Write it like 2026-12-06T08:00:00+01:00, or write a date.")
    return value


def _zone(value: object) -> ZoneInfo:
    if isinstance(value, str) and value.startswith(_OF_THE_MACHINE):
        raise _error("not the same on every machine", 'Write an IANA time zone like "UTC" or "Europe/Rome".')
    try:
        return ZoneInfo(value)  # type: ignore[arg-type] # a value of another type is refused below
    except (ValueError, OSError, TypeError, KeyError) as error:  # zoneinfo raises one of them, depending on the value
        places = (each for each in available_timezones() if "/" in each and not each.startswith("Etc/"))
        advice = did_you_mean(str(value), places, 'Write a time zone like "UTC" or "Europe/Rome".')
        raise _error("not an IANA time zone", advice) from error


def unclean(text: str) -> str | None:
    """Return why the service might change `text`, or a terminal interpret it; None if neither can happen."""
    if not text:
        return "is empty"
    if text != text.strip():
        return "starts or ends with whitespace"
    if _UNSAFE.search(text):
        return "has control characters"
    return None


def _description(value: str) -> str:
    if problem := unclean(value):
        trimmed = value.strip()
        example = f": {trimmed!r}" if trimmed and not unclean(trimmed) else ""
        raise _error(
            problem,
            f"The service might change it, and its backups would no longer be recognised. Write plain text{example}.",
            kind="description",
        )
    return value


def is_server_key(text: str) -> bool:
    """Return whether `text` can be the SERVER in an address SERVER/DESCRIPTION."""
    return "/" not in text and not unclean(text)


def _key(value: str) -> str:
    if not is_server_key(value):
        raise _error(
            f"{value!r} can't be used as a key",
            "Use a name without slashes, control characters, or surrounding whitespace. If it is the name of a server, "
            "add that to the table with name = ….",
            kind="table_key",
        )
    return value


def _list_of_text(value: object) -> list[object]:
    """Return the value as a list: a string is a list of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise _error("must be a string or a list of strings", 'Write "…" or ["…", "…"].')
    return value


_Count = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | Literal["all"]
_Integer = Annotated[int, Field(ge=SMALLEST_INTEGER, le=LARGEST_INTEGER)]

DurationField = Annotated[Duration, PlainValidator(_duration), WithJsonSchema(_DURATION_SCHEMA)]
TextField = Annotated[str, Field(min_length=1)]
_Texts = Annotated[list[TextField], Field(min_length=1)]
CountField = Annotated[int | Literal["all"], PlainValidator(_count, json_schema_input_type=_Count)]
IdField = Annotated[Id, PlainValidator(_id, json_schema_input_type=_Integer | TextField)]
PruneField = Annotated[Prune, PlainValidator(_prune, json_schema_input_type=bool | DurationField)]
FleetPruneField = Annotated[Prune, PlainValidator(_fleet_prune, json_schema_input_type=Literal[False] | DurationField)]
DescriptionField = Annotated[
    str,
    AfterValidator(_description),
    WithJsonSchema({"type": "string", "pattern": r"^\S([^\u0000-\u001f\u007f-\u009f]*\S)?$"}),
]
DescriptionsField = Annotated[
    tuple[DescriptionField, ...],
    BeforeValidator(
        lambda value: tuple(_list_of_text(value)), json_schema_input_type=DescriptionField | list[DescriptionField]
    ),
]
KeyField = Annotated[str, PlainValidator(_key, json_schema_input_type=TextField)]
TextListField = Annotated[
    list[TextField], BeforeValidator(_list_of_text, json_schema_input_type=TextField | list[TextField])
]
ChoiceField = Annotated[_Texts, BeforeValidator(_list_of_text, json_schema_input_type=TextField | _Texts)]
"""The values by which a fleet matches servers."""

ZoneField = Annotated[ZoneInfo, PlainValidator(_zone), WithJsonSchema({"type": "string", "default": "UTC"})]
SizeField = Annotated[
    int,
    PlainValidator(_size),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$", "examples": ["1MiB", "2GiB"]}),
]
TimeOfDayField = Annotated[
    time,
    PlainValidator(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME_OF_DAY.pattern}$", "default": "18:00"}),
]
UntilField = Annotated[date | datetime, PlainValidator(_until, json_schema_input_type=date | datetime)]
PercentField = Annotated[
    int,
    PlainValidator(_percent),
    WithJsonSchema({"type": "string", "pattern": f"^{_PERCENT.pattern}$", "default": "20%"}),
]
