"""An account as the service keeps it: servers, and backups that complete in time. No HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
"""A server or a backup, as the service's JSON has it (api.md)."""

_USUAL_SIZE_MB = 2048
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(kw_only=True)
class Account:
    """Servers and backups; a backup made here is `in_progress` until its time is up.

    `now` is the clock; `fails` decides for each new backup whether it ends as `failed`.
    """

    servers: list[Record]
    backups: list[Record]
    now: Callable[[], datetime]
    backup_seconds: float = 5.0
    fails: Callable[[], bool] = lambda: False
    email: str = "you@example.com"
    _due: list[tuple[datetime, Record, str]] = field(default_factory=list)
    """When each backup that is in progress ends, and with which status."""
    _numbered: int = 0

    def __post_init__(self) -> None:
        ids = [backup["id"] for backup in self.backups if isinstance(backup["id"], int)]
        self._numbered = max([500, *ids])

    def server(self, server_id: object) -> Record | None:
        """Return the server with this id."""
        return next((server for server in self.servers if server["id"] == server_id), None)

    def backup(self, backup_id: str) -> Record | None:
        """Return the backup with this id, as it stands in a path."""
        self._pass_time()
        return next((backup for backup in self.backups if str(backup["id"]) == backup_id), None)

    def list_backups(self, server_id: str | None = None, backup_type: str | None = None) -> list[Record]:
        """Return the backups, the last made first, as they are by now."""
        self._pass_time()
        return [
            backup
            for backup in reversed(self.backups)
            if server_id in {None, str(backup["server"]["id"])} and backup_type in {None, backup["backup_type"]}
        ]

    def create(self, server: Record, description: str) -> Record:
        """Begin a manual backup; never idempotent."""
        self._numbered += 1
        now = self.now()
        backup = {
            "id": self._numbered,
            "server": {"id": server["id"], "name": server["name"]},
            "backup_type": "manual",
            "status": "in_progress",
            "size_mb": None,
            "created_at": now.strftime(_TIME_FORMAT),
            "expires_at": None,
            "description": description,
        }
        self.backups.append(backup)
        ending = "failed" if self.fails() else "completed"
        self._due.append((now + timedelta(seconds=self.backup_seconds), backup, ending))
        return dict(backup)

    def delete(self, backup: Record) -> None:
        """Take a backup away for good."""
        self.backups.remove(backup)

    def _pass_time(self) -> None:
        now = self.now()
        ended = [entry for entry in self._due if entry[0] <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for _, backup, ending in ended:
            backup["status"] = ending
            backup["size_mb"] = self._size(backup) if ending == "completed" else None

    def _size(self, backup: Record) -> int:
        sizes = (other["size_mb"] for other in self.backups if other["server"] == backup["server"] and other["size_mb"])
        return next(sizes, _USUAL_SIZE_MB)


def load(text: str | bytes) -> tuple[list[Record], list[Record]]:
    """Read servers and backups from JSON, `{"servers": […], "backups": […]}`, in the service's own shapes.

    Raises:
        ValueError: the message is for users.
    """
    try:
        seed = json.loads(text)
        servers, backups = list(seed["servers"]), list(seed["backups"])
        for server in servers:
            _ = server["id"], server["name"]
        for backup in backups:
            _ = backup["id"], backup["server"]["id"], backup["server"]["name"], backup["backup_type"]
            _ = backup["status"], backup["size_mb"], backup["created_at"], backup["description"]
    except KeyError as error:
        raise ValueError(f"a server, a backup or the seed itself lacks the key {error}") from error
    except (TypeError, RecursionError, json.JSONDecodeError) as error:
        raise ValueError(f'not a seed, {{"servers": […], "backups": […]}}: {error}') from error
    return servers, backups


def sample(now: datetime) -> tuple[list[Record], list[Record]]:
    """Return the two servers and three backups of the provider's documentation, as old as they were there.

    All dates move by the same whole days, to where the newest backup is from yesterday. A restore of a backup that
    expired a year ago would teach nothing.
    """
    servers, backups = load(Path(__file__).with_name("sample.json").read_bytes())
    newest = max(datetime.fromisoformat(backup["created_at"]) for backup in backups)
    days = timedelta(days=(now.date() - newest.date()).days - 1)
    for record in (*servers, *backups):
        for name, value in record.items():
            if name.endswith("_at") and value:
                record[name] = (datetime.fromisoformat(value) + days).strftime(_TIME_FORMAT)
    return servers, backups
