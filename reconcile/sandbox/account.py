"""An account as the service keeps it: servers, and backups that complete in time. No HTTP."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
"""A server or a backup, as the service's JSON has it (api.md)."""

ALL, READ_ONLY = "vps_sandbox", "vps_readonly"
"""The tokens of the only account; those of several accounts end in their names."""

_USUAL_SIZE_MB = 2048
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(kw_only=True)
class Account:
    """Servers and backups; a backup that a client creates is `in_progress` until its time is up.

    `now` is the clock; `fails` decides for each new backup whether it ends as `failed`.
    """

    servers: list[Record]
    backups: list[Record]
    now: Callable[[], datetime]
    backup_seconds: float = 5.0
    fails: Callable[[], bool] = lambda: False
    name: str = ""
    """The name that its tokens end in, where several accounts are served."""
    email: str = ""
    is_revoked: bool = False
    """Whether its tokens have been revoked."""
    _due: list[tuple[datetime, Record, str]] = field(default_factory=list)
    """When each backup that is in progress ends, and with which status."""
    _numbered: int = 0

    def __post_init__(self) -> None:
        ids = [backup["id"] for backup in self.backups if isinstance(backup["id"], int)]
        self._numbered = max([500, *ids])
        self.email = self.email or (f"ops@{self.name}.example" if self.name else "you@example.com")

    @property
    def token(self) -> str:
        """The token with every permission."""
        return f"{ALL}_{self.name}" if self.name else ALL

    @property
    def read_only_token(self) -> str:
        """The read-only token."""
        return f"{READ_ONLY}_{self.name}" if self.name else READ_ONLY

    def server(self, server_id: object) -> Record | None:
        """Return the server with this id, which may be the text from a path."""
        return next((server for server in self.servers if str(server["id"]) == str(server_id)), None)

    def backup(self, backup_id: str) -> Record | None:
        """Return the backup with this id, which is the text from a path."""
        self._pass_time()
        return next((backup for backup in self.backups if str(backup["id"]) == backup_id), None)

    def list_backups(self, server_id: str | None = None, backup_type: str | None = None) -> list[Record]:
        """Return the backups in their current states, the last created first."""
        self._pass_time()
        return [
            backup
            for backup in reversed(self.backups)
            if server_id in {None, str(backup["server"]["id"])} and backup_type in {None, backup["backup_type"]}
        ]

    def create(self, server: Record, description: str) -> Record:
        """Start a manual backup; never idempotent."""
        self._numbered += 1
        now = self.now()
        backup = manual_backup(self._numbered, server, description, now) | {"status": "in_progress", "size_mb": None}
        self.backups.append(backup)
        ending = "failed" if self.fails() else "completed"
        self._due.append((now + timedelta(seconds=self.backup_seconds), backup, ending))
        return dict(backup)

    def delete(self, backup: Record) -> None:
        """Delete a backup for good."""
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


def manual_backup(id_: int, server: Record, description: str, created_at: datetime, more_mb: int = 0) -> Record:
    """Return a completed backup, of the usual size and `more_mb`."""
    return {
        "id": id_,
        "server": {"id": server["id"], "name": server["name"]},
        "backup_type": "manual",
        "status": "completed",
        "size_mb": _USUAL_SIZE_MB + more_mb,
        "created_at": created_at.strftime(_TIME_FORMAT),
        "expires_at": None,
        "description": description,
    }


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
    """Return the two servers and three backups of the provider's documentation, with the same time between them.

    Moves all dates by the same number of whole days, so the newest backup is from yesterday. A backup that expired a
    year ago would be no example for a restore.
    """
    servers, backups = load(Path(__file__).with_name("sample.json").read_bytes())
    newest = max(datetime.fromisoformat(backup["created_at"]) for backup in backups)
    days = timedelta(days=(now.date() - newest.date()).days - 1)
    for record in (*servers, *backups):
        for name, value in record.items():
            if name.endswith("_at") and value:
                record[name] = (datetime.fromisoformat(value) + days).strftime(_TIME_FORMAT)
    return servers, backups


def generated(servers: int, now: datetime, *, dated: bool, gaps: bool) -> tuple[list[Record], list[Record]]:
    """Return an account with this many servers, each with a backup from every night of the last two weeks.

    With `dated`, each backup has its date in its description, as those of a script do. With `gaps`, every third server
    lacks some nights.
    """
    backups: list[Record] = []
    machines = [{"id": 20_000 + number, "name": f"server-{number:04}"} for number in range(1, servers + 1)]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for number, machine in enumerate(machines):
        for night in range(_NIGHTS, 0, -1):
            at = midnight - timedelta(days=night) + timedelta(hours=2, seconds=number % 3600)
            if gaps and number % 3 == 0 and night in _MISSED:
                continue
            description = f"auto-{at:%Y-%m-%d}" if dated else "nightly"
            backups.append(manual_backup(100_001 + len(backups), machine, description, at, number % 512))
    return [{**machine, "status": "active", "location": "us-west"} for machine in machines], backups


_NIGHTS = 14
_MISSED = {3, 4, 9}
