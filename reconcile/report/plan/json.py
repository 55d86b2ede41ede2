"""`plan --json`: Terraform's plan representation (spec, section 8), for tools that read Terraform plans."""

from collections.abc import Iterator
from typing import get_args

from reconcile import __version__
from reconcile.actual.inventory import MANUAL, Backup
from reconcile.addresses import Address
from reconcile.insight.difference import Difference, Effect
from reconcile.plan import safety
from reconcile.plan.model import Create, Delete, Kept, Plan, SeriesPlan, ServerPlan, Withheld
from reconcile.plan.reasons import PrunedLater
from reconcile.report import values
from reconcile.report.plan.sentences import caused_text, in_any_case, kept_text, why_text
from reconcile.report.values import JsonObject

FORMAT_VERSION = "1.2"
TERRAFORM_VERSION = "1.11.0"
"""The version of Terraform whose `show -json` this follows; some tools check it."""

PROVIDER = "reconcile.invalid/reconcile/vps"
"""There is no such provider, and never will be: `.invalid` is reserved (RFC 2606)."""
_UNKNOWN_UNTIL_CREATED = ("id", "status", "size_mb", "created_at")
_Entry = Create | Delete | Kept


def plan_json(found: Plan | Difference, /, *, verbose: bool = False) -> JsonObject:
    """Return the whole plan; `planned_at` is `reconcile.observed_at`, in UTC. Of a difference, the plan after it."""
    plan = found.after if isinstance(found, Difference) else found
    withheld = safety.withheld(plan)
    changes = [_change(entry, plan) for server in plan.servers for entry in _entries(server)]
    outputs = {
        "creates": [values.plain_address(create.address) for create in plan.creates],
        "deletes": [values.plain_address(delete.address) for delete in plan.deletes],
    }
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "variables": {},
        "planned_values": {
            "outputs": {name: {"sensitive": False, "value": value} for name, value in outputs.items()},
            "root_module": {"resources": [_planned(change) for change in changes if change["change"]["after"]]},
        },
        "resource_changes": changes,
        "output_changes": {name: _output_change(value) for name, value in outputs.items()},
        "configuration": {
            "provider_config": {"vps": {"name": "vps", "full_name": PROVIDER}},
            "root_module": {
                # For readers that drop deleted resources, as terraform-compliance does.
                "outputs": {name: {"expression": {"constant_value": value}} for name, value in outputs.items()},
                "resources": [_declared(series) for server in plan.servers for series in server.series],
            },
        },
        "timestamp": plan.planned_at,
        "errored": bool(plan.errors),
        "complete": not plan.targets and not plan.errors,
        "applyable": len(plan.actions) > len(withheld),
        "reconcile": {
            **_ours(plan, withheld),
            **({"comparison": _comparison(found)} if isinstance(found, Difference) else {}),
        },
    }


def gitlab_report(plan: Plan, /, *, verbose: bool = False) -> JsonObject:
    """Return GitLab's Terraform report (`artifacts:reports:terraform`): the counts that a merge request shows."""
    return {"create": len(plan.creates), "update": 0, "delete": len(plan.deletes)}


def _ours(plan: Plan, withheld: Withheld) -> JsonObject:
    """Return the data that has no place in Terraform's representation."""
    return {
        "version": __version__,
        "base_url": plan.base_url,
        "account": plan.account,
        "observed_at": plan.planned_at,
        "timezone": plan.zone,
        "targets": plan.targets,
        "max_age": plan.max_age,
        "fleets": {name: [server.key for server in servers] for name, servers in plan.members.items()},
        "summary": {
            "create": len(plan.creates),
            "delete": len(plan.deletes),
            "withheld": len(withheld),
            "unchanged": len(plan.kept),
            "unmanaged": len(plan.unmanaged),
        },
        "loss": plan.loss,
        "withheld": [values.terraform_address(delete.address) for delete in plan.deletes if delete.address in withheld],
        "paused": {server.key: server.pause for server in plan.servers if server.pause},
        "next_due": {
            values.plain_address(series.address): series.due_at
            for server in plan.servers
            for series in server.series
            if series.due_at and not series.create
        },
        "errors": plan.errors,
        "warnings": plan.warnings,
        "ignored": [values.plain_address(entry.address) for entry in plan.ignored],
        "unmanaged": [_unmanaged(entry, plan) for entry in plan.unmanaged],
    }


def _comparison(difference: Difference) -> JsonObject:
    """Return the effect of the change to the files, and the changes in them."""
    return {
        "summary": caused_text(difference),
        "actions": [
            {
                **_change(each.action, difference.after),
                "fate": each.fate,
                "reason_before": why_text(each.before.reason) if each.before else None,
            }
            for each in difference.actions
        ],
        "in_any_case": in_any_case(difference),
        "lost_before": difference.before.loss.lost,
        "no_longer_declared": {server.key: server.held for server in difference.left},
        "policies": {effect: difference.policies.get(effect, 0) for effect in get_args(Effect)},
        "files": difference.files,
        "appeared": difference.appeared,
        "resolved": difference.resolved,
    }


def _entries(server: ServerPlan) -> Iterator[_Entry]:
    for series in server.series:
        yield from series.actions
        yield from series.kept
    yield from server.pruned


def _planned(change: JsonObject) -> JsonObject:
    """Return a resource as it will be, for `planned_values`."""
    same = ("address", "mode", "type", "name", "index", "provider_name")
    return {**{key: change[key] for key in same}, "schema_version": 0, "values": change["change"]["after"]}


def _output_change(value: list[str]) -> JsonObject:
    action = "create" if value else "no-op"
    unknown_or_secret = {"after_unknown": False, "before_sensitive": False, "after_sensitive": False}
    return {"actions": [action], "before": None, "after": value, **unknown_or_secret}


def _declared(series: SeriesPlan) -> JsonObject:
    """Return a series as `configuration` has it."""
    return {
        **_resource(series.address),
        "provider_config_key": "vps",
        "expressions": {"description": {"constant_value": series.address.description}},
        "schema_version": 0,
    }


def _change(entry: _Entry, plan: Plan) -> JsonObject:
    index = {"index": values.address_index(entry.address), "provider_name": PROVIDER}
    before: Backup | None
    after: Backup | JsonObject | None
    match entry:
        case Create():
            kind, before = "create", None
            after = {
                "server_id": entry.server_id,
                "server_name": entry.server_name,
                "description": entry.description,
                "backup_type": MANUAL,
                "expires_at": None,
            }
        case Delete(backup=backup):
            kind, before, after = "delete", backup, None
        case Kept(backup=backup):
            kind, before, after = "no-op", backup, backup
    unknown = {} if before else dict.fromkeys(_UNKNOWN_UNTIL_CREATED, True)
    change = {"actions": [kind], "before": before, "after": after, "after_unknown": unknown}
    if isinstance(entry, Kept):
        why = {"reconcile_reason": kept_text(entry, plan.planned_at, plan.zone)}
    else:
        why = {"reconcile_reason": why_text(entry.reason), "action_reason": entry.reason.kind}
    return {**_resource(entry.address), **index, "change": change, **why}


def _resource(address: Address) -> JsonObject:
    terraform = values.terraform_address(address)
    return {"address": terraform, "mode": "managed", "type": values.RESOURCE_TYPE, "name": address.server}


def _unmanaged(entry: Kept, plan: Plan) -> JsonObject:
    return {
        **values.backup_json(entry.backup),
        "address": values.plain_address(entry.address),
        "why": kept_text(entry, plan.planned_at, plan.zone),
        "prune_at": entry.reason.at if isinstance(entry.reason, PrunedLater) else None,
    }
