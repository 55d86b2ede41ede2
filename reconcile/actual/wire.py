"""Reads the service's JSON (api.md), checked once on arrival. An undocumented entry never affects the others.

Unknown fields are ignored. A field that is not as documented counts as unknown (spec, section 3, "Odd entries").
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, AliasPath, FailFast, Field, PlainValidator, Strict, TypeAdapter, ValidationError
from pydantic_core import from_json

from reconcile.actual.inventory import Backup, OddEntry, Server
from reconcile.limits import FIRST_YEAR, LARGEST_INTEGER, LAST_YEAR, LONGEST_ID, SMALLEST_INTEGER

LARGEST_LIST = 250_000
"""Maximum entries, of a page too, because a service may send the whole list at once. Far more than an account has, and
some hundred megabytes of memory."""

Item = TypeVar("Item", Backup, Server)
Fields = TypeVar("Fields")


class MalformedError(ValueError):
    """A response that is not as documented. The message names fields, but does not quote the response."""


def read_backup(body: bytes, now: datetime) -> Backup:
    """Read the backup in a response to a create, which arrived at `now`.

    Raises:
        MalformedError: the backup's id, its series, its type, or when it was created is not certain.
    """
    match _BACKUPS.read_entry(any_json(body), now):
        case Backup(is_identified=True) as backup if "backup_type" not in backup.unreadable:
            return backup
        case odd:
            raise MalformedError(f"not readable: {', '.join(odd.unreadable)}")


def read_account(body: bytes) -> str | None:
    """Read the e-mail address of the account from the response about the token; None if it has none."""
    match any_json(body):
        case {"account": {"email": str(email)}} if email:
            return email
        case _:
            return None


def error_text(body: bytes) -> str:
    """Return the explanation in an error body: `detail`, or the sentences of each field; empty if it has none."""
    match any_json(body):
        case {"detail": detail} if text := _sentences(detail):
            return text
        case dict(problem):
            sentences = ((field, _sentences(value)) for field, value in problem.items())
            return "; ".join(f"{field}: {text}" for field, text in sentences if text)
        case problem:
            return _sentences(problem)


def _sentences(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return all strings in a value."""
    if isinstance(value, list | dict):
        return " ".join(filter(None, map(_sentences, value.values() if isinstance(value, dict) else value)))
    return value if isinstance(value, str) else ""


def any_json(body: bytes) -> Any:  # noqa: ANN401 - as the function says
    """Read any JSON; return None if it is invalid."""
    try:
        return from_json(body)
    except ValueError:
        return None


def _any_page(body: bytes) -> "_PageOf[Any]":
    """Read a page whose entries may be anything; raises MalformedError."""
    try:
        # Half a surrogate pair, or a byte that is not UTF-8, makes only its entry odd, not the list.
        page = json.loads(body.decode(errors="surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise MalformedError(
            "HTML instead of JSON" if body.lstrip()[:1] == b"<" else f"Invalid JSON: {error}"
        ) from error
    try:
        return _PAGE.validate_python(page)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
        text = f"{problem['loc'][0]}: {problem['msg']}" if problem["loc"] else "JSON that is not an object"
        raise MalformedError(text) from error


def _field(place: tuple[int | str, ...]) -> str:
    """Return the field of a pydantic error; for an error of the whole entry, its id."""
    if not place:
        return "id"
    return ".".join(map(str, place[:2] if place[0] == "server" else place[:1]))


def _time(value: object) -> datetime:
    """Read an ISO 8601 time with any offset."""
    if isinstance(value, str):
        time = datetime.fromisoformat(value)
        if time.tzinfo is not None and FIRST_YEAR <= time.year <= LAST_YEAR:
            return time if time.tzinfo is UTC else time.astimezone(UTC)
    raise ValueError(value)


def _size(value: object) -> float:
    """Read a number of megabytes, which may be a string."""
    size = float(value) if isinstance(value, str) else value
    if isinstance(size, int | float) and not isinstance(size, bool) and 0 <= size <= LARGEST_INTEGER:
        return size
    raise ValueError(value)


# Without a constraint, even an idle one, pydantic does not detect half a surrogate pair in a Python string.
_Text = Annotated[str, Strict(), Field(min_length=0)]
_TextOrNull = _Text | Annotated[None, AfterValidator(lambda _: "")]
_Integer = Annotated[int, Strict(), Field(ge=SMALLEST_INTEGER, le=LARGEST_INTEGER)]
# Ids become part of a path, where a dot segment, even if escaped, would change the path.
_Id = _Integer | Annotated[str, Strict(), Field(pattern=r"^(?s:[^.].*|\.[^.].*|\.\..+)$", max_length=LONGEST_ID)]
# Most sizes are integers. Without a call of Python for these, a large list takes 5 % less.
_Size = Annotated[int, Strict(), Field(ge=0, le=LARGEST_INTEGER)] | Annotated[float, PlainValidator(_size)]
_Time = Annotated[datetime, PlainValidator(_time)]


@dataclass(kw_only=True)
class _BackupFields:
    """The fields of a `Backup` in an entry of the list; those with a default may be absent."""

    id: _Id
    server_id: Annotated[_Id, Field(validation_alias=AliasPath("server", "id"))]
    server_name: Annotated[_TextOrNull, Field(validation_alias=AliasPath("server", "name"))] = ""
    description: _Text | None
    backup_type: Annotated[str, Strict(), Field(min_length=1)]
    status: _TextOrNull = ""
    size_mb: _Size | None = None
    created_at: _Time
    expires_at: _Time | None = None


@dataclass(kw_only=True)
class _ServerFields:
    """The fields of a `Server` in an entry of the list."""

    id: _Id
    name: _TextOrNull = ""
    location: _Text | None = None
    status: _Text | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _PageOf(Generic[Fields]):
    """One page of a list; `count` is the number of entries on all pages, `next` the URL of the next page."""

    count: Annotated[int, Strict(), Field(ge=0, le=LARGEST_INTEGER)]
    next: _Text | None = None
    results: Annotated[list[Fields], FailFast(), Field(max_length=LARGEST_LIST)]


Page = _PageOf[Item | OddEntry]
"""A page whose entries have been read."""


@dataclass(frozen=True, slots=True)
class _Kind(Generic[Fields, Item]):
    """A kind of list: how to read a page and an entry, and the `item` to build, whose fields have the same names."""

    name: Literal["backup", "server"]
    page: TypeAdapter[_PageOf[Fields]]
    entry: TypeAdapter[Fields]
    item: type[Item]

    def read(self, body: bytes, now: datetime) -> Page[Item]:
        """Read a page that arrived at `now`; raises MalformedError."""
        results: list[Item | OddEntry]
        try:
            page: _PageOf[Any] = self.page.validate_json(body)
            results = [self.item(**vars(fields)) for fields in page.results]
        except ValidationError:  # reading entry by entry is slower
            page = _any_page(body)
            results = [self.read_entry(entry, now) for entry in page.results]
        return _PageOf(count=page.count, next=page.next, results=results)

    def read_entry(self, entry: object, now: datetime) -> Item | OddEntry:
        """Read an entry. Sets each unreadable field to null, `created_at` to `now`, `backup_type` to unknown."""
        try:
            return self.item(**vars(self.entry.validate_python(entry)))
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            unreadable = tuple(dict.fromkeys(_field(problem["loc"]) for problem in problems))
        fallbacks = {"created_at": now.isoformat(), "backup_type": "unknown"}
        read: dict[str, Any] = entry if isinstance(entry, dict) else {}
        readable = {**read, **{field: fallbacks.get(field) for field in unreadable}}
        if readable.get("id") is None or "server.id" in unreadable:
            is_on_server = self.name == "backup" and "server.id" not in unreadable
            server = readable.get("server") if is_on_server else None
            server_id = server["id"] if isinstance(server, dict) else None
            return OddEntry(kind=self.name, id=readable.get("id"), unreadable=unreadable, server_id=server_id)
        if "server.name" in unreadable:
            readable["server"] = {"id": readable["server"]["id"]}
        return self.item(**vars(self.entry.validate_python(readable)), unreadable=unreadable)


_PAGE = TypeAdapter(_PageOf[Any])
_BACKUPS = _Kind("backup", TypeAdapter(_PageOf[_BackupFields]), TypeAdapter(_BackupFields), Backup)
_SERVERS = _Kind("server", TypeAdapter(_PageOf[_ServerFields]), TypeAdapter(_ServerFields), Server)

read_backups, read_servers = _BACKUPS.read, _SERVERS.read
