"""`plan --json`: Terraform's plan representation (spec, section 8), so that what reads those reads ours."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

from reconcile.actual.inventory import MANUAL, Backup
from reconcile.addresses import BackupAddress
from reconcile.plan.model import Create, Delete, Kept, Plan, SeriesPlan, ServerPlan, Unmanaged
from reconcile.report.validate_json import Json, diagnostic_json

FORMAT_VERSION = "1.2"
TERRAFORM_VERSION = "1.11.0"
"""The Terraform whose `show -json` this is the shape of; readers check that they know it."""

RESOURCE_TYPE = "vps_backup"
PROVIDER = "registry.terraform.io/vps-org/vps"
_NOTHING: Mapping[str, bool] = {}
_UNKNOWN_UNTIL_MADE = ("id", "status", "size_mb", "created_at")


def plan_json(plan: Plan) -> Json:
    """Return the whole plan; `planned_at` stands as `reconcile.observed_at`, in UTC."""
    changes = [_change(entry) for server in plan.servers for entry in _entries(server)]
    outputs = {
        "creates": [str(it.address) for it in plan.creates],
        "deletes": [str(it.address) for it in plan.deletes],
    }
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "variables": {},
        "planned_values": {
            "outputs": {name: {"sensitive": False, "value": value} for name, value in outputs.items()},
            "root_module": {"resources": [_planned(it) for it in changes if it["change"]["after"] is not None]},
        },
        "resource_changes": changes,
        "output_changes": {name: _output_change(value) for name, value in outputs.items()},
        "configuration": {
            "provider_config": {"vps": {"name": "vps", "full_name": PROVIDER}},
            "root_module": {
                # Readers that leave out what is deleted, as terraform-compliance does, find it here.
                "outputs": {name: {"expression": {"constant_value": value}} for name, value in outputs.items()},
                "resources": [_declared(entry) for server in plan.servers for entry in server.series],
            },
        },
        "timestamp": time_json(plan.planned_at),
        "errored": False,
        "complete": not plan.targets,
        "applyable": bool(plan.actions),
        "reconcile": {
            "version": version("vps-reconcile"),
            "base_url": plan.base_url,
            "observed_at": time_json(plan.planned_at),
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


def terraform_address(server: str, index: str) -> str:
    """Return `vps_backup.SERVER["INDEX"]`."""
    return f"{RESOURCE_TYPE}.{server}[{json.dumps(index, ensure_ascii=False)}]"


def _entries(server: ServerPlan) -> Iterator[Create | Delete | Kept]:
    for series in server.series:
        yield from series.actions
        yield from series.kept
    yield from server.pruned


def _planned(change: dict[str, Any]) -> Json:
    """Return a resource as it will be, for `planned_values`."""
    same = ("address", "mode", "type", "name", "index", "provider_name")
    return {**{key: change[key] for key in same}, "schema_version": 0, "values": change["change"]["after"]}


def _output_change(value: list[str]) -> Json:
    action = "create" if value else "no-op"
    unknown_or_secret = {"after_unknown": False, "before_sensitive": False, "after_sensitive": False}
    return {"actions": [action], "before": None, "after": value, **unknown_or_secret}


def _declared(series: SeriesPlan) -> Json:
    """Return a series as `configuration` has it."""
    return {
        "address": terraform_address(series.address.server, series.address.description or ""),
        "mode": "managed",
        "type": RESOURCE_TYPE,
        "name": series.address.server,
        "provider_config_key": "vps",
        "expressions": {"description": {"constant_value": series.address.description}},
        "schema_version": 0,
    }


def _change(entry: Create | Delete | Kept) -> dict[str, Any]:
    match entry:
        case Create(address=series, description=index):
            change = _shape("create", None, _coming(entry), dict.fromkeys(_UNKNOWN_UNTIL_MADE, True))
        case Delete(address=BackupAddress(series=series), backup=backup):
            index, change = _index(backup), _shape("delete", backup_json(backup), None)
        case Kept(address=BackupAddress(series=series), backup=backup):
            index, change = _index(backup), _shape("no-op", backup_json(backup), backup_json(backup))
    said: Json = {
        "address": terraform_address(series.server, index),
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
        "created_at": time_json(backup.created_at),
        "expires_at": time_json(backup.expires_at),
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
    beside = {"address": str(entry.address), "why": entry.words, "prune_at": time_json(entry.prune_at)}
    return {**backup_json(entry.backup), **beside}


def time_json(moment: datetime | None) -> str | None:
    """Return a moment in UTC, in ISO 8601."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None
