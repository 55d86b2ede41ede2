"""An account of any size in which everything is as declared: the file, and what the service lists."""

import json
from datetime import UTC, datetime, timedelta

KEEP = 7


def toml(servers: int, series: int) -> str:
    """Declare so many servers with so many series each."""
    tables = []
    for server in range(1, servers + 1):
        tables.append(f"[servers.server-{server:05}]\nid = {server}\n")
        for number in range(series):
            description = f"nightly backup of volume {number:02}"
            tables.append(
                f'[[servers.server-{server:05}.backups]]\ndescription = "{description}"\nevery = "1d"\nkeep = {KEEP}\n'
            )
    return "\n".join(tables)


def server_entries(servers: int) -> list[str]:
    """Return the account's servers, each as JSON as the service writes it."""
    return [
        json.dumps(
            {
                "id": server,
                "name": f"server-{server:05}",
                "hostname": f"server-{server:05}.example.com",
                "status": "active",
                "ip_address": "203.0.113.10",
                "location": "us-west",
                "plan": {"id": 1, "name": "Standard VPS", "vcpus": 2, "memory": 4096, "storage": 80},
                "os": {"id": 5, "name": "Ubuntu 22.04 LTS"},
                "created_at": "2025-01-10T14:30:00Z",
                "updated_at": "2025-01-15T10:20:00Z",
            }
        )
        for server in range(1, servers + 1)
    ]


def backup_entries(servers: int, series: int) -> list[str]:
    """Return one completed backup for each series, made in the last hours."""
    now = datetime.now(UTC)
    return [
        json.dumps(
            {
                "id": server * 1000 + number,
                "server": {"id": server, "name": f"server-{server:05}"},
                "backup_type": "manual",
                "status": "completed",
                "size_mb": 4000 + number,
                "created_at": f"{now - timedelta(hours=1, seconds=server + number):%Y-%m-%dT%H:%M:%SZ}",
                "expires_at": None,
                "description": f"nightly backup of volume {number:02}",
            }
        )
        for server in range(1, servers + 1)
        for number in range(series)
    ]
