"""The checks of `reconcile doctor`: pure functions of the files, the access and the service's responses."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from reconcile.actual.inventory import AUTOMATIC, MANUAL, Inventory, State, check_clock
from reconcile.actual.wire import any_json
from reconcile.desired.config import Config
from reconcile.desired.desired import Desired, check_account, resolve
from reconcile.diagnostics import Diagnostic, UserError
from reconcile.durations import age_text
from reconcile.ids import Id
from reconcile.insight.validation import Validation
from reconcile.plan.refusals import check_servers, empty_fleets, unconfirmed_clock, unprotected_servers
from reconcile.plan.warnings import odd_entries
from reconcile.wording import names_text

BACKUP_FIELDS = {"id", "server", "backup_type", "status", "size_mb", "created_at", "expires_at", "description"}
SERVER_FIELDS = {
    *("id", "name", "hostname", "status", "ip_address", "location", "plan", "os", "created_at", "updated_at"),
}
"""The documented fields of an entry (api.md)."""

_SMALL_SKEW = timedelta(minutes=1)
_READS = {"*:*", "servers:*", "servers:read", "backups:*", "backups:read", "*:read"}
_WRITES = {"*:*", "servers:*", "servers:write", "backups:*", "backups:write", "*:write"}


class Check(StrEnum):
    """What `doctor` checks, in the order of its output."""

    FILE = "file"
    TOKEN = "token"  # noqa: S105 - a name
    SERVICE = "service"
    PERMISSIONS = "permissions"
    LISTS = "lists"
    ENTRIES = "entries"
    FILTER = "filter"
    CLOCK = "clock"
    ACCOUNT = "account"
    FLEETS = "fleets"
    SERVERS = "declared servers"
    REQUIRE = "require"


Checks = dict[Check, tuple[Diagnostic, ...]]
"""The errors and warnings of each check; a missing check was not carried out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessFacts:
    """The service, where the token comes from, and the proxies of the environment, by variable."""

    base_url: str
    token_from: str
    proxies: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenFacts:
    """The name of the token, and its permissions as the service names them."""

    name: str
    permissions: tuple[str, ...]

    @classmethod
    def read(cls, body: bytes) -> Self | UserError:
        """Read the response about the token; return a UserError if it is not as documented."""
        match any_json(body):
            case {"token": {"name": name, "permissions": [*listed]}}:
                return cls(name=str(name), permissions=tuple(map(str, listed)))
            case _:
                return UserError("the response of GET /account/me/ is not as documented")


@dataclass(frozen=True, kw_only=True, slots=True)
class ListFacts:
    """The first page of a list, and how its entries differ from the documentation."""

    path: str
    entries: int
    count: object
    """As in the response; None if it has none."""
    has_next: bool | None
    """Whether there is another page; None if the response does not say."""
    new_fields: tuple[str, ...]
    missing_fields: tuple[str, ...]

    @classmethod
    def read(cls, path: str, body: bytes, documented: set[str]) -> Self | None:
        """Read the first page, even if it has errors; return None if it is not a page of a list."""
        page = any_json(body)
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            return None
        entries = [set(entry) for entry in page["results"] if isinstance(entry, dict)]
        return cls(
            path=path,
            entries=len(page["results"]),
            count=page.get("count"),
            has_next=bool(page["next"]) if "next" in page else None,
            new_fields=tuple(sorted({field for entry in entries for field in entry - documented})),
            missing_fields=tuple(sorted({field for entry in entries for field in documented - entry})),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFacts:
    """The service's responses, each with an error in place of a missing one."""

    inventory: Inventory | UserError
    """The whole account, including automatic backups."""
    filtered: frozenset[Id] | UserError
    """The ids of the backups in the service's list of manual backups, which `plan` requests."""
    requests: int
    """Number of requests for the list of all backups."""
    token: TokenFacts | UserError
    lists: tuple[ListFacts, ...]
    rate_limits: Mapping[str, str]
    """The rate limits, by header."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnosis:
    """The checks and what they were based on, with an error in place of what could not be read."""

    checks: Checks
    config: Config | UserError | None
    """None if there is no file yet."""
    access: AccessFacts | UserError
    service: ServiceFacts | UserError | None
    """None if there was no access to the service."""
    desired: Desired | None
    """None if the files or the account could not be read."""
    versions: Mapping[str, str]
    """The versions of reconcile, Python and the packages, by name."""

    @property
    def errors(self) -> int:
        """Number of errors that prevent an apply."""
        return sum(found.severity == "error" for each in self.checks.values() for found in each)


def diagnose(
    config: Config | UserError | None,
    access: AccessFacts | UserError,
    service: ServiceFacts | UserError | None,
    versions: Mapping[str, str],
    now: datetime,
) -> Diagnosis:
    """Run every check that can be carried out at `now`."""
    checks: Checks = {}
    desired: Desired | None = None
    if config:
        checks[Check.FILE] = (config if isinstance(config, UserError) else Validation.of(config, now)).diagnostics
    if isinstance(access, UserError):
        checks[Check.TOKEN] = access.diagnostics
    if isinstance(service, UserError):
        checks[Check.SERVICE] = service.diagnostics
    elif service:
        checks |= {Check.TOKEN: (), Check.SERVICE: (), Check.PERMISSIONS: tuple(_permissions(service.token))}
        if isinstance(service.inventory, UserError):
            checks[Check.LISTS] = service.inventory.diagnostics
        else:
            seen = service.inventory
            checks |= {Check.LISTS: (), Check.ENTRIES: tuple(_entries(seen)), Check.CLOCK: tuple(_clock(seen))}
            if seen.manual:
                checks[Check.FILTER] = tuple(_filter(seen, service.filtered))
            if isinstance(config, Config):
                try:
                    # Compared even if the account is another one, because that may be the error.
                    desired = resolve(config.of_any_account, seen)
                    checks |= _declared(config, desired, seen)
                except UserError as error:
                    checks[Check.FLEETS] = error.diagnostics
    return Diagnosis(checks=checks, config=config, access=access, service=service, desired=desired, versions=versions)


def _permissions(token: TokenFacts | UserError) -> Iterator[Diagnostic]:
    if isinstance(token, UserError):
        yield Diagnostic(
            severity="warning",
            summary=f"the permissions of the token are unknown: {token.diagnostics[0].summary}",
            detail="Run reconcile plan to see whether it can read the account.",
        )
    elif _WRITES.isdisjoint(token.permissions):
        listed = ", ".join(token.permissions) or "none"
        if _READS.isdisjoint(token.permissions):
            yield Diagnostic(
                severity="warning",
                summary=f"reconcile does not know the permissions of the token {token.name!r}: {listed}",
                detail="Run reconcile plan to see whether it can read the account.",
            )
        else:
            yield Diagnostic(
                summary=f"the token {token.name!r} has no permission to change anything, only {listed}",
                detail="It is enough for plan and status. For apply and restore, use a token with servers:*.",
            )


def _entries(inventory: Inventory) -> Iterator[Diagnostic]:
    yield from odd_entries(inventory)
    manual = [backup for backup in inventory.manual if "status" not in backup.unreadable]
    readable = [backup for backup in inventory.backups if "backup_type" not in backup.unreadable]
    statuses = {backup.status for backup in manual if State.of(backup.status) is State.UNKNOWN}
    types = {backup.backup_type for backup in readable} - {MANUAL, AUTOMATIC}
    for kind, unknown, effect in (
        ("status", statuses, "Nothing is deleted in a series with such a backup."),
        ("type", types, "reconcile creates, deletes and counts only manual backups."),
    ):
        if unknown:
            yield Diagnostic(
                severity="warning",
                summary=f"backups have a {kind} that reconcile does not know: {', '.join(map(repr, sorted(unknown)))}",
                detail=f"{effect} Please report the {kind} as an issue.",
            )


def _filter(inventory: Inventory, filtered: frozenset[Id] | UserError) -> Iterator[Diagnostic]:
    if isinstance(filtered, UserError):
        yield from filtered.diagnostics
    elif missing := [str(backup.id) for backup in inventory.manual if backup.id not in filtered]:
        yield Diagnostic(
            summary=f"the list of manual backups lacks #{names_text(missing, 1)}",
            detail=(
                "A backup that plan does not see would be created again. Run doctor again, in case it was deleted just "
                "now. If it is still missing, do not apply, and report it to the service."
            ),
        )


def _clock(inventory: Inventory) -> Iterator[Diagnostic]:
    if inventory.service_time is None:
        yield from unconfirmed_clock(inventory)
    elif errors := _errors(check_clock, inventory):
        yield from errors
    elif (skew := abs(inventory.observed_at - inventory.service_time)) > _SMALL_SKEW:
        yield Diagnostic(
            severity="warning",
            summary=f"this machine's clock and the service's differ by {age_text(skew)}",
            detail="Set the clock (for example with NTP). Nothing is planned if they differ by more than 10 minutes.",
        )


def _errors(check: Callable[..., None], *values: object) -> tuple[Diagnostic, ...]:
    try:
        check(*values)
    except UserError as error:
        return error.diagnostics
    return ()


def _declared(config: Config, desired: Desired, inventory: Inventory) -> Checks:
    checks: Checks = {}
    if account := config.settings.account:
        checks[Check.ACCOUNT] = _errors(check_account, account, inventory, config.settings_place.at("account"))
    if config.fleets:
        checks[Check.FLEETS] = tuple(empty_fleets(desired, inventory))
    checks[Check.SERVERS] = tuple(check_servers(desired, inventory)[1])
    if config.require.all_servers:
        checks[Check.REQUIRE] = tuple(unprotected_servers(desired, inventory))
    return checks
