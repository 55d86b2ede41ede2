"""`plan --json`: Terraform's plan representation (spec, section 8), so that what reads those reads ours."""

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version

from reconcile.actual.inventory import MANUAL, Backup
from reconcile.plan.address import BackupAddress, SeriesAddress
from reconcile.plan.model import Create, Delete, Kept, Plan, Unmanaged
from reconcile.report.validate_json import Json, diagnostic_json

FORMAT_VERSION = "1.2"
RESOURCE_TYPE = "vps_backup"
PROVIDER = "registry.terraform.io/vps-org/vps"
_NOTHING: Mapping[str, bool] = {}
_UNKNOWN_UNTIL_MADE = ("id", "status", "size_mb", "created_at")


def plan_json(plan: Plan) -> Json:
    """Return the whole plan; `planned_at` stands as `reconcile.observed_at`, in UTC."""
    return {
        "format_version": FORMAT_VERSION,
        "resource_changes": [
            _change(entry)
            for server in plan.servers
            for series in server.series
            for entry in (*series.actions, *series.kept)
        ]
        + [_change(entry) for server in plan.servers for entry in server.pruned],
        "reconcile": {
            "version": version("vps-reconcile"),
            "base_url": plan.base_url,
            "observed_at": _time(plan.planned_at),
            "timezone": plan.timezone,
            "targets": list(plan.targets),
            "summary": summary(plan),
            "loss": {"lost": plan.loss.lost, "usable": plan.loss.usable, "refused": plan.loss.refused(0)},
            "warnings": [diagnostic_json(it) for it in plan.warnings],
            "unmanaged": [_unmanaged(it) for it in plan.unmanaged],
        },
    }


def summary(plan: Plan) -> dict[str, int]:
    """Return how many backups are created, deleted, stay as declared, and stay undeclared."""
    return {
        "create": len(plan.creates),
        "delete": len(plan.deletes),
        "unchanged": len(plan.kept),
        "unmanaged": len(plan.unmanaged),
    }


def terraform_address(series: SeriesAddress, index: str) -> str:
    """Return `vps_backup.SERVER["INDEX"]`."""
    return f"{RESOURCE_TYPE}.{series.server}[{json.dumps(index, ensure_ascii=False)}]"


def _change(entry: Create | Delete | Kept) -> Json:
    match entry:
        case Create(address=series, description=index):
            change = _shape("create", None, _coming(entry), dict.fromkeys(_UNKNOWN_UNTIL_MADE, True))
        case Delete(address=BackupAddress(series=series), backup=backup):
            index, change = _index(backup), _shape("delete", backup_json(backup), None)
        case Kept(address=BackupAddress(series=series), backup=backup):
            index, change = _index(backup), _shape("no-op", backup_json(backup), backup_json(backup))
    said: Json = {
        "address": terraform_address(series, index),
        "mode": "managed",
        "type": RESOURCE_TYPE,
        "name": series.server,
        "index": index,
        "provider_name": PROVIDER,
        "change": change,
        "reconcile_reason": entry.words,
    }
    return said if isinstance(entry, Kept) else {**said, "action_reason": entry.cause}


def _shape(action: str, before: Json | None, after: Json | None, unknown: Mapping[str, bool] = _NOTHING) -> Json:
    return {"actions": [action], "before": before, "after": after, "after_unknown": dict(unknown)}


def _index(backup: Backup) -> str:
    return f"{backup.description or ''}#{backup.id}"


def backup_json(backup: Backup) -> Json:
    """Return a backup as the service describes it."""
    return {
        "id": backup.id,
        "server_id": backup.server_id,
        "server_name": backup.server_name,
        "description": backup.description,
        "backup_type": backup.backup_type,
        "status": backup.status,
        "size_mb": backup.size_mb,
        "created_at": _time(backup.created_at),
        "expires_at": _time(backup.expires_at),
    }


def _coming(create: Create) -> Json:
    return {
        "server_id": create.server_id,
        "server_name": create.server_name,
        "description": create.description,
        "backup_type": MANUAL,
        "expires_at": None,
    }


def _unmanaged(entry: Unmanaged) -> Json:
    beside = {"address": str(entry.address), "why": entry.words, "prune_at": _time(entry.prune_at)}
    return {**backup_json(entry.backup), **beside}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
