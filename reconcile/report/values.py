"""Moments, backups and addresses as every JSON format writes them."""

import json
import math
from datetime import datetime
from urllib.parse import quote

from reconcile.actual.inventory import Backup
from reconcile.addresses import Address, BackupAddress, SeriesAddress
from reconcile.plan.pauses import Pause
from reconcile.report.document import JsonObject

RESOURCE_TYPE = "vps_backup"


def terraform_address(address: Address) -> str:
    """Return `vps_backup.SERVER["INDEX"]`, which is distinct for every backup and every series."""
    return f"{RESOURCE_TYPE}.{address.server}[{json.dumps(address_index(address), ensure_ascii=False)}]"


def address_index(address: Address) -> str:
    """Return the index of an address: `DESCRIPTION` of a series, `DESCRIPTION#ID` of a backup.

    A description may end in what looks like an id. The id is therefore percent-quoted, without a `#`, and the index of
    a series whose description has a `#` ends in a `#` with no id after it.
    """
    match address:
        case SeriesAddress(description=description):
            return f"{description}#" if "#" in (description or "") else description or ""
        case BackupAddress(id=backup_id):
            return f"{address.description or ''}#{quote(str(backup_id), safe='', errors='surrogatepass')}"


def backup_json(backup: Backup) -> JsonObject:
    """Return a backup as the service describes it; a size that JSON has no number for is null."""
    size = backup.size_mb
    return {
        "id": backup.id,
        "server_id": backup.server_id,
        "server_name": backup.server_name,
        "description": backup.description,
        "backup_type": backup.backup_type,
        "status": backup.status,
        "size_mb": size if size is not None and math.isfinite(size) else None,
        "created_at": None if "created_at" in backup.unreadable else time_json(backup.created_at),
        "expires_at": time_json(backup.expires_at),
    }


def pause_json(pause: Pause) -> JsonObject:
    """Return a current pause; `until` is when it ends, in UTC."""
    return {"until": time_json(pause.ends_at), "reason": pause.reason, "creates": pause.creates}


def time_json(moment: datetime | None) -> str | None:
    """Return a moment in UTC, in ISO 8601."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def plain_address(address: Address) -> str:
    """Return `SERVER/INDEX`."""
    return f"{address.server}/{address_index(address)}"
