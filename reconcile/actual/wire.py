"""The service's JSON (api.md), checked once at the door; unknown fields are ignored, wrong types are not."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reconcile.actual.inventory import Backup, Server
from reconcile.ids import Id


def _opaque(value: Id) -> Id:
    # Ids end up in paths, where a dot segment would address something else, however it is escaped.
    if value in {"", ".", ".."}:
        raise ValueError("not an id")
    return value


def _utc(value: datetime) -> datetime:
    # Calendar arithmetic and time zones need room on both sides; a real backup is well within.
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"not a time between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return value.astimezone(UTC)


_FIRST_YEAR, _LAST_YEAR = 1970, 9000

WireId = Annotated[int | str, AfterValidator(_opaque)]
WireTime = Annotated[AwareDatetime, AfterValidator(_utc)]
Item = TypeVar("Item", bound="WireBackup | WireServer")


class Wire(BaseModel):
    """A JSON object of the service."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class WireServer(Wire):
    """A server, as it stands in the list of servers and inside a backup."""

    id: WireId
    name: str | None = None

    def known(self) -> Server:
        """Return what we keep of it."""
        return Server(id=self.id, name=self.name or "")


class WireBackup(Wire):
    """A backup; `null` where the service allows it (api.md)."""

    id: WireId
    server: WireServer
    backup_type: str | None = None
    status: str | None = None
    size_mb: int | float | None = None
    created_at: WireTime
    expires_at: WireTime | None = None
    description: str | None = None

    def known(self) -> Backup:
        """Return what we keep of it."""
        return Backup(
            id=self.id,
            server_id=self.server.id,
            server_name=self.server.name or "",
            description=self.description,
            backup_type=self.backup_type or "",
            status=self.status or "",
            size_mb=self.size_mb,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )


class Page(Wire, Generic[Item]):
    """One page of a list; `count` is the number of all matches, `next` the URL of the page after this."""

    count: int = Field(ge=0)
    next: str | None = None
    results: list[Item]


def explain(error: ValidationError) -> str:
    """Say in one line what is wrong with an answer, without repeating what it holds."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else first["msg"]


def words(body: bytes) -> str:
    """Return the service's own words in an error body: `detail`, or one sentence a field; empty if it has none."""
    try:
        said: Any = TypeAdapter(dict[str, Any]).validate_json(body)
    except ValidationError:
        return ""
    if isinstance(said.get("detail"), str):
        return str(said["detail"])
    fields = ((key, value if isinstance(value, list) else [value]) for key, value in said.items())
    return "; ".join(f"{key}: {' '.join(str(each) for each in values)}" for key, values in fields)
