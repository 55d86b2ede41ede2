"""Values for tests, with everything that a test does not speak of filled in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.desired import Freshness, resolve, select, with_max_age
from reconcile.desired.keep import Keep, KeepCount, Period
from reconcile.desired.load import parse_all
from reconcile.desired.locate import Source
from reconcile.durations import Duration
from reconcile.ids import Id
from reconcile.plan.model import Plan
from reconcile.plan.planner import plan

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BASE_URL = "https://vps.example/api/v1"
WEB = Server(id=1, name="web")


def config(text: str, filename: str = "backups.toml") -> Config:
    """Read the text of a file."""
    return parse_all([Source(filename=filename, text=text)])


def declare(series: str, *, server: str = "", settings: str = "") -> Config:
    """Declare server `web` (id 1) with these series, each written as an inline table."""
    return config(f"[settings]\n{settings}\n[servers.web]\nid = 1\n{server}\nbackups = [{series}]\n")


def backup(
    id_: Id,
    description: str | None = "nightly",
    *,
    age: timedelta = timedelta(0),
    status: str = "completed",
    server: Server = WEB,
    created_at: datetime | None = None,
    backup_type: str = "manual",
    expires_at: datetime | None = None,
    size_mb: float | None = 1024,
) -> Backup:
    """Make a backup of `web`; only a completed one has a size."""
    return Backup(
        id=id_,
        server_id=server.id,
        server_name=server.name,
        description=description,
        backup_type=backup_type,
        status=status,
        size_mb=size_mb if status == "completed" else None,
        created_at=created_at or NOW - age,
        expires_at=expires_at,
    )


def inventory(*backups: Backup, servers: tuple[Server, ...] | None = (WEB,)) -> Inventory:
    """Make an inventory that was observed at NOW."""
    return Inventory(base_url=BASE_URL, servers=servers, backups=backups, observed_at=NOW, service_time=NOW)


def make_plan(
    config: Config,
    seen: Inventory,
    *targets: str,
    now: datetime = NOW,
    max_age: str | None = None,
    started_at: datetime | None = None,
) -> Plan:
    """Plan as the commands do: resolve the file, select the targets, apply `--max-age`, plan."""
    freshness = Freshness(max_age=Duration.parse(max_age), started_at=started_at or now) if max_age else None
    return plan(with_max_age(select(resolve(config, seen), seen, targets), freshness), seen, now)


def last(count: int) -> Keep:
    """Return what `keep = count` means."""
    return (KeepCount(period=Period.LAST, count=count),)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def entry(
    id_: Id,
    description: str | None,
    age: timedelta,
    *,
    status: str = "completed",
    server: Mapping[str, Any] = {"id": 1, "name": "web"},
    backup_type: str = "manual",
    size_mb: int = 100,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Return a backup as the service lists it, made `age` before `now`, or before the real now."""
    return {
        "id": id_,
        "server": dict(server),
        "backup_type": backup_type,
        "status": status,
        "size_mb": size_mb if status == "completed" else None,
        "created_at": ((now or datetime.now(UTC)) - age).isoformat(),
        "expires_at": None,
        "description": description,
    }


def held(description: str, count: int, *, first: timedelta = timedelta(0)) -> dict[str, Any]:
    """Return the seed of a sandbox: one server with `count` backups, ids from 1, each a day older than the last."""
    backups = [entry(number, description, first + timedelta(days=number - 1)) for number in range(1, count + 1)]
    return {"servers": [{"id": 1, "name": "web"}], "backups": backups}
