"""The service's JSON (api.md), checked once on arrival: unknown fields are ignored, wrong types are refused.

The schemas are written for pydantic-core itself, which builds our own plain values without a model class in between:
a list of 10,000 backups is checked in a third of the time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from pydantic_core import SchemaValidator, ValidationError, core_schema, from_json

from reconcile.actual.inventory import Backup, Server
from reconcile.limits import FIRST_YEAR, LARGEST_INTEGER, LAST_YEAR, SMALLEST_INTEGER

Item = TypeVar("Item", Backup, Server)

_LONGEST_ID = 50
"""Characters of an id in a message."""


class MalformedError(ValueError):
    """JSON that is not as documented. The message names the field and the entry's id, and quotes nothing else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page(Generic[Item]):
    """One page of a list; `count` is the number of all matches, `next` the URL of the next page."""

    count: int
    next: str | None
    results: list[Item]


def read_backups(body: bytes) -> Page[Backup]:
    """Read a page of backups; raises MalformedError."""
    page: Page[Backup] = _read(_BACKUPS, body)
    return page


def read_servers(body: bytes) -> Page[Server]:
    """Read a page of servers; raises MalformedError."""
    page: Page[Server] = _read(_SERVERS, body)
    return page


def read_backup(body: bytes) -> Backup:
    """Read a single backup; raises MalformedError."""
    backup: Backup = _read(_BACKUP, body)
    return backup


def read_account(body: bytes) -> str | None:
    """Read the e-mail address of the account from what the service says about the token; None if there is none."""
    try:
        answer = from_json(body)
    except ValueError:
        return None
    match answer:
        case {"account": {"email": str(email)}} if email:
            return email
        case _:
            return None


def error_text(body: bytes) -> str:
    """Return what the service says in an error body: `detail`, or one sentence per field; empty if it has none."""
    try:
        problem = from_json(body)
    except ValueError:
        return ""
    if not isinstance(problem, dict):
        return ""
    if isinstance(problem.get("detail"), str):
        return str(problem["detail"])
    return "; ".join(f"{field}: {text}" for field, value in problem.items() if (text := " ".join(_sentences(value))))


def _sentences(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _sentences(each)


def _read(schema: SchemaValidator, body: bytes) -> Any:  # noqa: ANN401 - what the schema builds
    try:
        return schema.validate_json(body)
    except ValidationError as error:
        raise MalformedError(_explanation(error, body)) from error


def _explanation(error: ValidationError, body: bytes) -> str:
    if body.lstrip()[:1] == b"<":
        return "HTML instead of JSON"
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place, problem = first["loc"], first["msg"]
    if not place:
        return problem
    return f"{'.'.join(str(part) for part in place)}{_id_at(place, body)}: {problem}"


def _id_at(place: tuple[int | str, ...], body: bytes) -> str:
    match place:
        case "results", int(number), str(), *_:
            entry = from_json(body)["results"][number]
            return f" (id {str(entry.get('id'))[:_LONGEST_ID]})" if isinstance(entry, dict) else ""
        case _:
            return ""


def _utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None or not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(text)
    return time if time.tzinfo is UTC else time.astimezone(UTC)


def _expect(what: str, schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    return core_schema.custom_error_schema(schema, "malformed", custom_error_message=f"expected {what}")


def _optional(what: str, schema: core_schema.CoreSchema) -> core_schema.CoreSchema:
    return core_schema.with_default_schema(
        _expect(f"{what}, or null", core_schema.nullable_schema(schema)), default=None
    )


def _one_of(*schemas: core_schema.CoreSchema) -> core_schema.CoreSchema:
    return core_schema.union_schema(list(schemas), mode="left_to_right")


_TEXT = core_schema.str_schema(strict=True)
_NULL_AS_EMPTY = core_schema.no_info_after_validator_function(lambda _: "", core_schema.none_schema())
_NAME = core_schema.with_default_schema(_expect("text, or null", _one_of(_TEXT, _NULL_AS_EMPTY)), default="")
_DESCRIPTION = _optional("text", _TEXT)
_ID = _expect(
    "an integer of 64 bits, or text other than '', '.' and '..'",
    _one_of(
        core_schema.int_schema(ge=SMALLEST_INTEGER, le=LARGEST_INTEGER, strict=True),
        # Ids become part of a path, where a dot segment would address something else, however it is escaped.
        core_schema.str_schema(pattern=r"^(?s:[^.].*|\.[^.].*|\.\..+)$", strict=True),
    ),
)
_SIZE = _optional(
    "a number from 0 to 2^63",
    _one_of(
        core_schema.int_schema(ge=0, le=LARGEST_INTEGER, strict=True),
        core_schema.float_schema(ge=0, le=LARGEST_INTEGER, allow_inf_nan=False, strict=True),
    ),
)
_AWARE = core_schema.no_info_after_validator_function(_utc, _TEXT)
_TIME_FORMAT = f"an ISO 8601 time with its offset, in the years {FIRST_YEAR} to {LAST_YEAR}"
_TIME = _expect(_TIME_FORMAT, _AWARE)
_OPTIONAL_TIME = _optional(_TIME_FORMAT, _AWARE)


def _object(cls: type, **schemas: core_schema.CoreSchema) -> core_schema.CoreSchema:
    arguments = [
        core_schema.dataclass_field(name, schema, kw_only=True, validation_alias=_PATHS.get(name))
        for name, schema in schemas.items()
    ]
    return core_schema.dataclass_schema(
        cls,
        core_schema.dataclass_args_schema(cls.__name__, arguments),
        [field.name for field in fields(cls)],
        post_init=hasattr(cls, "__post_init__"),
        slots=True,
    )


def _page(entry: core_schema.CoreSchema) -> SchemaValidator:
    count = core_schema.int_schema(ge=0, le=LARGEST_INTEGER, strict=True)
    return SchemaValidator(_object(Page, count=count, next=_DESCRIPTION, results=core_schema.list_schema(entry)))


_PATHS: dict[str, list[str | int]] = {"server_id": ["server", "id"], "server_name": ["server", "name"]}
_BACKUP_SCHEMA = _object(
    Backup,
    id=_ID,
    server_id=_ID,
    server_name=_NAME,
    description=_DESCRIPTION,
    backup_type=_NAME,
    status=_NAME,
    size_mb=_SIZE,
    created_at=_TIME,
    expires_at=_OPTIONAL_TIME,
)
_BACKUP = SchemaValidator(_BACKUP_SCHEMA)
_BACKUPS = _page(_BACKUP_SCHEMA)
_TEXT_OR_NONE = core_schema.with_default_schema(core_schema.nullable_schema(_TEXT), default=None, on_error="default")
"""For what only fleets ask for: a form that is not documented must not keep the other servers from being read."""

_SERVERS = _page(_object(Server, id=_ID, name=_NAME, location=_TEXT_OR_NONE, status=_TEXT_OR_NONE))
