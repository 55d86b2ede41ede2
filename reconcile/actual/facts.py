"""What a few reads show about the service, for `reconcile doctor`; `reconcile.insight.doctor` judges it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from reconcile.actual.errors import ApiError
from reconcile.actual.inventory import Inventory, State
from reconcile.actual.wire import read_account

BACKUP_FIELDS = frozenset(
    {"id", "server", "backup_type", "status", "size_mb", "created_at", "expires_at", "description"}
)
SERVER_FIELDS = frozenset(
    {"id", "name", "hostname", "status", "ip_address", "location", "plan", "os", "created_at", "updated_at"}
)
"""What is documented of an entry (api.md)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstPage:
    """The first page of a list; `count` and `has_next` are None where it does not say."""

    entries: int
    count: int | None
    has_next: bool | None
    unknown_statuses: tuple[str, ...]
    """Statuses that no backup is documented to have."""
    new_fields: tuple[str, ...]
    missing_fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class NotAList:
    """An answer that is not a page of a list at all, and what it seems to be."""

    kind: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountFacts:
    """What the service says about the account and the token; None where it does not say so as documented."""

    email: str | None
    token: str | None
    """The name of the token."""
    permissions: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFacts:
    """Each answer may be the error that occurred instead.

    `service_time` is the `Date` of the first answer, received at `our_time` by our clock.
    """

    backups: FirstPage | NotAList
    """Of all backups, of any type."""
    servers: FirstPage | NotAList | ApiError
    account: AccountFacts | ApiError
    inventory: Inventory | ApiError
    """The whole account, as `plan` reads it."""
    service_time: datetime | None
    our_time: datetime
    rate_limits: tuple[tuple[str, str], ...]
    """The headers about limits, by name and value."""


def read_first_page(body: bytes, documented: frozenset[str]) -> FirstPage | NotAList:
    """Read a page whose entries should have the `documented` fields, whatever is wrong with it."""
    page = _json(body)
    if not isinstance(page, dict) or not isinstance(page.get("results"), list):
        return NotAList(kind="HTML" if body.lstrip()[:1] == b"<" else "something else")
    entries = [entry for entry in page["results"] if isinstance(entry, dict)]
    count = page.get("count")
    statuses = {str(entry["status"]) for entry in entries if entry.get("status")}
    return FirstPage(
        entries=len(entries),
        count=count if isinstance(count, int) and not isinstance(count, bool) else None,
        has_next=bool(page["next"]) if "next" in page else None,
        unknown_statuses=tuple(sorted(status for status in statuses if State.of(status) is State.UNKNOWN)),
        new_fields=tuple(sorted({key for entry in entries for key in entry} - documented)),
        missing_fields=tuple(sorted({key for entry in entries for key in documented - set(entry)})),
    )


def read_account_facts(body: bytes) -> AccountFacts:
    """Read what the service says about the token, whatever is wrong with it."""
    email = read_account(body)
    match _json(body):
        case {"token": {"name": name, "permissions": [*listed]}}:
            return AccountFacts(email=email, token=str(name), permissions=tuple(map(str, listed)))
        case _:
            return AccountFacts(email=email, token=None, permissions=None)


def _json(body: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return from_json(body)
    except ValueError:
        return None
