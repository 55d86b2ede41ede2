"""`apply --json` (spec, section 8): one object a line, shaped as Terraform's machine-readable UI."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.metadata import version

from reconcile.addresses import Address, BackupAddress, SeriesAddress
from reconcile.diagnostics import Diagnostic
from reconcile.plan.events import Event, Finished, Noted, Outcome, Progress, Result, Settled, Started
from reconcile.plan.model import Action, Create, Delete, Plan
from reconcile.report.events_text import event_text
from reconcile.report.plan_json import RESOURCE_TYPE, terraform_address
from reconcile.report.validate_json import Json, diagnostic_json


def version_json(now: datetime) -> Json:
    """Return the first line."""
    ours = version("vps-reconcile")
    return _line("version", f"reconcile {ours}", now, {"reconcile": ours, "ui": "1.2"})


def planned_json(plan: Plan, now: datetime) -> Iterator[Json]:
    """Return a line for every planned action, one for every warning, and what they come to."""
    for warning in plan.warnings:
        yield diagnostic_line(warning, now)
    for action in plan.actions:
        change = {"resource": _resource(action.address), "action": _verb(action), "reason": action.cause}
        words = f"{action.address}: Plan to {_verb(action)}, {action.words}"
        yield _line("planned_change", words, now, {"change": change})
    changes = {"add": len(plan.creates), "change": 0, "remove": len(plan.deletes)}
    words = f"Plan: {changes['add']} to create, {changes['remove']} to delete."
    yield _line("change_summary", words, now, {"operation": "plan", "changes": {**changes, "operation": "plan"}})


def event_json(event: Event, now: datetime) -> Json:
    """Return the line of an event."""
    words = " ".join(line.plain for line in event_text(event))
    hook: Json
    match event:
        case Started(action=action):
            return _line("apply_start", words, now, {"hook": _hook(action)})
        case Progress(address=address, backup=backup, elapsed=elapsed):
            hook = {"resource": _resource(address), "action": "create", "id_value": str(backup.id)}
            return _line("apply_progress", words, now, {"hook": {**hook, "elapsed_seconds": round(elapsed)}})
        case Settled(address=address, backup=settled):
            hook = {"resource": _resource(address), "action": "no-op", "status": settled.status if settled else None}
            return _line("apply_progress", words, now, {"hook": hook})
        case Finished(action=action, outcome=Outcome.SUCCEEDED, elapsed=elapsed, backup=made):
            ids = {"id_key": "id", "id_value": str(made.id)} if made else {}
            return _line(
                "apply_complete", words, now, {"hook": {**_hook(action), **ids, "elapsed_seconds": round(elapsed)}}
            )
        case Finished(action=action, outcome=outcome, elapsed=elapsed):
            hook = {**_hook(action), "outcome": outcome, "elapsed_seconds": round(elapsed)}
            return _line("apply_errored", words, now, {"hook": hook}, "error")
        case Noted(diagnostic=diagnostic):
            return diagnostic_line(diagnostic, now)


def error_lines(event: Event, now: datetime) -> Iterator[Json]:
    """Return a diagnostic for an action that did not end well; none for one that did, or was left out on purpose."""
    if isinstance(event, Finished) and event.outcome in {Outcome.FAILED, Outcome.UNKNOWN}:
        told = Diagnostic(
            summary=f"{_verb(event.action)} {event.outcome}", detail=event.words, address=str(event.action.address)
        )
        yield diagnostic_line(told, now)


def diagnostic_line(diagnostic: Diagnostic, now: datetime) -> Json:
    """Return the line of a diagnostic."""
    level = "warn" if diagnostic.severity == "warning" else "error"
    words = f"{diagnostic.severity.title()}: {diagnostic.summary}"
    return _line("diagnostic", words, now, {"diagnostic": diagnostic_json(diagnostic)}, level)


def summary_json(results: Iterable[Result], not_begun: Plan | None, now: datetime) -> Json:
    """Return the last line: what became of all actions, of the plan too that nothing was begun of."""
    changes = {"add": 0, "change": 0, "remove": 0, "failed": 0, "skipped": 0, "not_started": 0}
    for result in results:
        counts = result.counts
        changes["add"] += result.count(Create, Outcome.SUCCEEDED)
        changes["remove"] += result.count(Delete, Outcome.SUCCEEDED)
        changes["failed"] += counts[Outcome.FAILED] + counts[Outcome.UNKNOWN]
        changes["skipped"] += counts[Outcome.SKIPPED] + counts[Outcome.DEFERRED]
        changes["not_started"] += counts[Outcome.NOT_STARTED]
    if not_begun:
        changes["not_started"] += len(not_begun.actions)
    words = "Apply: " + ", ".join(f"{count} {name}" for name, count in changes.items() if name != "change")
    return _line("change_summary", words, now, {"operation": "apply", "changes": {**changes, "operation": "apply"}})


def _verb(action: Action) -> str:
    return "create" if isinstance(action, Create) else "delete"


def _hook(action: Action) -> Json:
    return {"resource": _resource(action.address), "action": _verb(action)}


def _resource(address: Address) -> Json:
    match address:
        case SeriesAddress(server=server, description=description):
            key = description or ""
        case BackupAddress(series=SeriesAddress(server=server, description=description), id=backup_id):
            key = f"{description or ''}#{backup_id}"
    return {
        "addr": terraform_address(server, key),
        "resource": terraform_address(server, key),
        "resource_type": RESOURCE_TYPE,
        "resource_name": server,
        "resource_key": key,
    }


def _line(kind: str, words: str, now: datetime, beside: Json, level: str = "info") -> Json:
    return {
        "@level": level,
        "@message": words,
        "@module": "reconcile.ui",
        "@timestamp": now.isoformat().replace("+00:00", "Z"),
        "type": kind,
        **beside,
    }
