"""Values for tests, with everything that a test does not speak of filled in."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconcile.actual.inventory import Backup, Inventory, Server
from reconcile.desired.config import Config
from reconcile.desired.load import load
from reconcile.ids import Id

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
BASE_URL = "https://vps.example/api/v1"
WEB = Server(id=1, name="web")


def config(text: str) -> Config:
    """Read the text of a file."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "backups.toml"
        file.write_text(text, encoding="utf-8")
        return load([file])


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
) -> Backup:
    """Make a backup of `web`."""
    return Backup(
        id=id_,
        server_id=server.id,
        server_name=server.name,
        description=description,
        backup_type=backup_type,
        status=status,
        size_mb=1024 if status == "completed" else None,
        created_at=created_at or NOW - age,
        expires_at=None,
    )


def inventory(*backups: Backup, servers: tuple[Server, ...] | None = (WEB,)) -> Inventory:
    """Make an inventory that was observed at NOW."""
    return Inventory(base_url=BASE_URL, servers=servers, backups=backups, observed_at=NOW, service_time=NOW)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)
